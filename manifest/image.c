/* The images of a manifest's processes: read once each, hashed, compared with what is pinned, and judged by whoever may
 * judge (manifest_places.accept). */
#include <blake2.h>
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <sys/stat.h>

#include <signet/image.h>

#include "manifest/model.h"

#define IMAGE_MOST (64u << 20)

/* NULL: *why says it. */
static void *bytes_read(const char *path, size_t *length, const char **why) {
  struct stat status = {0};
  FILE *file = fopen(path, "rb");
  void *bytes = NULL;
  *why = NULL;
  if (!file || fstat(fileno(file), &status) != 0)
    *why = strerror(errno);
  else if (!S_ISREG(status.st_mode))
    *why = "it is no file";
  else if (!status.st_size || status.st_size > (off_t)IMAGE_MOST)
    *why = status.st_size ? "it is larger than any image" : "it is empty";
  else if (!(bytes = malloc((size_t)status.st_size)))
    *why = strerror(ENOMEM);
  else if (fread(bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
    *why = "it cannot be read whole";
  if (file)
    fclose(file);
  if (*why) {
    free(bytes);
    return NULL;
  }
  *length = (size_t)status.st_size;
  return bytes;
}

/* What the kernel will charge for it, and the stack that it asks for, as far as the headers can be read. */
static void measure(struct image *image) {
  const uint8_t *bytes = image->image.bytes;
  size_t count = 0, length = image->image.length;
  elf_version(EV_CURRENT);
  Elf *elf = elf_memory((char *)(uintptr_t)bytes, length);
  image->memory = (length + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1);
  if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count) != 0)
    count = 0;
  for (size_t i = 0; i < count && i < 64; i++) {
    GElf_Phdr header;
    struct signet_note note;
    const size_t begin = 3 * sizeof(uint32_t) + ((sizeof SIGNET_NOTE_NAME + 3) & ~(size_t)3);
    if (!gelf_getphdr(elf, (int)i, &header))
      continue;
    if (header.p_type == PT_LOAD && header.p_flags & PF_W && header.p_memsz < UINT32_MAX)
      image->memory += (header.p_memsz + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1);
    if (header.p_type == PT_NOTE && header.p_offset <= length && header.p_filesz <= length - header.p_offset &&
        header.p_filesz >= begin + sizeof note) {
      memcpy(&note, bytes + header.p_offset + begin, sizeof note);
      if (note.abi_version == SIGNET_ABI_VERSION && note.stack < UINT32_MAX)
        image->stack = note.stack;
    }
  }
  elf_end(elf);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Entries of an archive have names of their own, of at most NAME_MOST bytes. */
static const char *entry_name(struct manifest *manifest, const char *path) {
  const char *base = base_name(path);
  for (uint32_t number = 1;; number++) {
    const char *name = number == 1 ? memory_text(&manifest->memory, "%.31s", base)
                                   : memory_text(&manifest->memory, "%.24s-%u", base, number);
    bool taken = false;
    for (uint32_t i = 0; i < manifest->image_count; i++)
      taken |= strcmp(manifest->images[i]->image.name, name) == 0;
    if (!taken)
      return name;
  }
}

static struct image *image_find(struct manifest *manifest, struct process *process) {
  char path[PATH_MAX];
  const char *why = NULL;
  struct problem *problem;
  if (!realpath(process->image_path, path))
    why = strerror(errno);
  for (uint32_t i = 0; !why && i < manifest->image_count; i++)
    if (strcmp(manifest->images[i]->image.path, path) == 0)
      return manifest->images[i];
  size_t length = 0;
  void *bytes = why ? NULL : bytes_read(path, &length, &why);
  if (!bytes) {
    problem = problem_add(manifest->problems, PROBLEM_IMAGE, process->image_place, "%s: %s",
                          process->service ? process->service->name : base_name(process->image_path), why);
    problem_suggest(manifest->problems, problem, "it should be %s; has it been built?", process->image_path);
    return NULL;
  }
  char reason[512] = "";
  const struct manifest_places *places = manifest->places;
  if (places->accept && !places->accept(places->context, manifest->cpus, bytes, length, reason, sizeof reason)) {
    problem = problem_add(manifest->problems, PROBLEM_REFUSED, process->image_place, "%s is no image that may run: %s",
                          base_name(path), reason);
    problem_suggest(manifest->problems, problem, "`signet verify %s` shows every broken rule", path);
    free(bytes);
    return NULL;
  }
  struct image *image = memory_take(&manifest->memory, sizeof *image);
  image->image = (struct manifest_image){.path = memory_text(&manifest->memory, "%s", path),
                                         .name = entry_name(manifest, path),
                                         .bytes = bytes,
                                         .length = length};
  image->entry = manifest->image_count;
  measure(image);
  blake2b(image->hash, bytes, NULL, sizeof image->hash, length, 0);
  *APPEND(&manifest->memory, manifest->images, manifest->image_count) = image;
  return image;
}

static void hash_check(struct manifest *manifest, struct process *process) {
  char found[65];
  if (!process->pinned || !process->image || memcmp(process->hash, process->image->hash, sizeof process->hash) == 0)
    return;
  for (int i = 0; i < 32; i++)
    snprintf(found + 2 * i, 3, "%02x", process->image->hash[i]);
  problem_suggest(manifest->problems,
                  problem_add(manifest->problems, PROBLEM_OTHER_HASH, process->hash_place,
                              "%s is not the image that is pinned here", base_name(process->image->image.path)),
                  "its hash is %s: if that is the one you want, write it here", found);
}

void images_read(struct manifest *manifest) {
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    struct process *process = &manifest->processes[i];
    if (process->wrong)
      continue;
    process->image = image_find(manifest, process);
    hash_check(manifest, process);
  }
}
