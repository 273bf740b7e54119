/* The `ld` that gcc finds: the real linker with the layout of an image, then the verifier over what came out. An image
 * that the verifier refuses is deleted. Partial links (-r) are passed on. */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/abi.h>
#include <signet/image.h>

#include "toolchain/assembly.h"
#include "toolchain/host.h"
#include "verifier/verifier.h"

struct image {
  const char *path;
  uint8_t *bytes;
  size_t length;
  Elf64_Ehdr *header;
  Elf64_Phdr *segments;
  Elf64_Phdr *code;
};

static const char *own_directory(void) {
  static char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  char *slash = strrchr(path, '/');
  if (slash)
    *slash = 0;
  return path;
}

static bool open_image(struct image *image) {
  int file = open(image->path, O_RDWR | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0 || (size_t)status.st_size < sizeof(Elf64_Ehdr)) {
    fprintf(stderr, "signet ld: cannot read back %s\n", image->path);
    return false;
  }
  image->length = (size_t)status.st_size;
  image->bytes = mmap(NULL, image->length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (image->bytes == MAP_FAILED)
    return false;
  image->header = (Elf64_Ehdr *)image->bytes;
  image->segments = (Elf64_Phdr *)(image->bytes + image->header->e_phoff);
  for (unsigned i = 0; i < image->header->e_phnum; i++)
    if (image->segments[i].p_type == PT_LOAD && (image->segments[i].p_flags & PF_X))
      image->code = &image->segments[i];
  return true;
}

/* Segments with nothing in them are no segments; the note gets what the command line asked for. */
static void finish_headers(struct image *image, uint64_t stack, bool parallel) {
  for (unsigned i = 0; i < image->header->e_phnum; i++) {
    Elf64_Phdr *segment = &image->segments[i];
    if (segment->p_memsz == 0 && segment->p_type != PT_NULL)
      *segment = (Elf64_Phdr){.p_type = PT_NULL};
    if (segment->p_type != PT_NOTE)
      continue;
    for (uint64_t at = segment->p_offset; at + sizeof(Elf64_Nhdr) < segment->p_offset + segment->p_filesz;) {
      Elf64_Nhdr *note = (Elf64_Nhdr *)(image->bytes + at);
      uint64_t content = at + sizeof *note + ((note->n_namesz + 3u) & ~3u);
      if (note->n_type == SIGNET_NOTE && note->n_namesz == sizeof SIGNET_NOTE_NAME &&
          memcmp(note + 1, SIGNET_NOTE_NAME, sizeof SIGNET_NOTE_NAME) == 0) {
        struct signet_note *own = (struct signet_note *)(image->bytes + content);
        if (parallel)
          own->flags |= SIGNET_NOTE_PARALLEL;
        if (stack)
          own->stack = stack;
      }
      at = content + ((note->n_descsz + 3u) & ~3u);
    }
  }
}

/* The function that an offset is in, as "name+12". */
static const char *symbol_at(const struct image *image, uint64_t offset) {
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(image->bytes + image->header->e_shoff);
  const char *best = NULL;
  uint64_t best_value = 0;
  for (unsigned i = 0; image->header->e_shoff && i < image->header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB)
      continue;
    const Elf64_Sym *symbols = (const Elf64_Sym *)(image->bytes + sections[i].sh_offset);
    const char *names = (const char *)image->bytes + sections[sections[i].sh_link].sh_offset;
    for (uint64_t j = 0; j < sections[i].sh_size / sizeof *symbols; j++)
      /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the image has been read. */
      if (symbols[j].st_name && ELF64_ST_TYPE(symbols[j].st_info) <= STT_FUNC && symbols[j].st_value <= offset &&
          symbols[j].st_shndx != SHN_ABS && symbols[j].st_shndx != SHN_UNDEF &&
          (!best || symbols[j].st_value >= best_value)) {
        best = names + symbols[j].st_name;
        best_value = symbols[j].st_value;
      }
  }
  return best ? memory_format("%s+%#llx", best, (unsigned long long)(offset - best_value)) : "?";
}

#define REPORTS_MOST 20

struct report {
  const struct image *image;
  unsigned count;
};

static void report_violation(void *context, const struct verifier_violation *violation) {
  struct report *report = context;
  if (report->count++ >= REPORTS_MOST)
    return;
  const struct image *image = report->image;
  uint64_t at = violation->offset - image->code->p_vaddr;
  fprintf(stderr, "%s: %#x:", image->path, violation->offset);
  for (unsigned i = 0; i < violation->length && at + i < image->code->p_filesz; i++)
    fprintf(stderr, " %02x", image->bytes[image->code->p_offset + at + i]);
  fprintf(stderr, ": %s: %s, in %s\n", verifier_rule_label(violation->rule), verifier_rule_text(violation->rule),
          symbol_at(image, violation->offset));
}

static bool verify(const struct image *image, bool parallel) {
  if (!image->code) {
    fprintf(stderr, "%s: there is no code in it\n", image->path);
    return false;
  }
  struct verifier_input input = {.code = image->bytes + image->code->p_offset,
                                 .length = image->code->p_filesz,
                                 .offset = (uint32_t)image->code->p_vaddr,
                                 .calls = SIGNET_CALL_COUNT,
                                 .parallel = parallel};
  if (image->code->p_offset + image->code->p_filesz > image->length || image->code->p_filesz != image->code->p_memsz) {
    fprintf(stderr, "%s: the code segment is not whole\n", image->path);
    return false;
  }
  void *scratch = malloc(verifier_scratch_size(input.length));
  if (!scratch)
    return false;
  struct report report = {image, 0};
  struct verifier_outcome outcome;
  bool valid = verifier_check(&input, scratch, report_violation, &report, &outcome);
  if (report.count > REPORTS_MOST)
    fprintf(stderr, "%s: and %u more\n", image->path, report.count - REPORTS_MOST);
  if (valid && (image->header->e_entry % BUNDLE != 0 || !verifier_is_target(&input, scratch, image->header->e_entry))) {
    fprintf(stderr, "%s: the entry point %#llx is no verified instruction at a bundle's start\n", image->path,
            (unsigned long long)image->header->e_entry);
    valid = false;
  }
  free(scratch);
  return valid;
}

int main(int argc, char **argv) {
  struct image image = {.path = "a.out"};
  char **arguments = memory_allocate(((size_t)argc + 16) * sizeof *arguments);
  size_t count = 0;
  bool partial = false, information = argc == 1;
  bool parallel = getenv("SIGNET_PARALLEL") != NULL;
  uint64_t stack = 0;
  arguments[count++] = HOST_LINKER;
  for (int i = 1; i < argc; i++) {
    const char *option = argv[i];
    if (strcmp(option, "-o") == 0 && i + 1 < argc) {
      /* Configure scripts link to nowhere; the verifier wants to read it back. */
      if (strcmp(argv[i + 1], "/dev/null") == 0)
        argv[i + 1] = command_temporary("");
      image.path = argv[i + 1];
    } else if (strncmp(option, "-o", 2) == 0 && option[2])
      image.path = option + 2;
    if (strcmp(option, "-r") == 0 || strcmp(option, "-i") == 0 || strcmp(option, "--relocatable") == 0)
      partial = true;
    if (strcmp(option, "-v") == 0 || strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0 ||
        strcmp(option, "--help") == 0)
      information = true;
    if (strcmp(option, "-z") == 0 && i + 1 < argc && strncmp(argv[i + 1], "stack-size=", 11) == 0)
      stack = strtoull(argv[i + 1] + 11, NULL, 0);
    if (strcmp(option, "-shared") == 0 || strcmp(option, "-Bshareable") == 0) {
      fprintf(stderr, "signet ld: %s is not supported: there are no shared libraries in a sealed process\n", option);
      return 1;
    }
    if (strcmp(option, "-pie") != 0 && strcmp(option, "-no-pie") != 0)
      arguments[count++] = argv[i];
  }
  if (information || partial) {
    execv(HOST_LINKER, arguments);
    return 127;
  }
  static const char *const layout[] = {"-z",
                                       "noexecstack",
                                       "-z",
                                       "max-page-size=4096",
                                       "-z",
                                       "noseparate-code",
                                       "-z",
                                       "norelro",
                                       "--no-warn-rwx-segments",
                                       "--no-ld-generated-unwind-info",
                                       "--build-id=none"};
  for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++)
    arguments[count++] = (char *)layout[i];
  arguments[count++] = "-T";
  arguments[count++] = memory_format("%s/image.ld", own_directory());
  arguments[count++] = memory_format("%s/note.o", own_directory());
  int status = command_run(HOST_LINKER, arguments);
  if (status != 0)
    return status;
  if (!open_image(&image))
    return 1;
  finish_headers(&image, stack, parallel);
  if (verify(&image, parallel))
    return 0;
  fprintf(stderr,
          "signet ld: %s is not a sealed image and was deleted. If no hand-encoded instruction did it, this is an "
          "error of signet-cc.\n",
          image.path);
  unlink(image.path);
  return 1;
}
