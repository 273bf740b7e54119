/* How long is each instruction? The real assembler says: every different text is assembled once, between labels whose
 * differences it writes to a section of their own, which is read back. Called once a file. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolchain/assembly.h"
#include "toolchain/host.h"

#define LENGTHS ".signet.lengths"

/* What the assembler says of the next line is said of that place. */
static void mark(FILE *file, struct location *last, struct location where) {
  last->line++;
  if (where.line == last->line && where.file == last->file)
    return;
  *last = where;
  fprintf(file, "# %u \"%s\"\n", where.line, where.file);
}

static bool write_source(const struct assembly *assembly, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file)
    return false;
  struct location where = {"", 0};
  for (size_t i = 0; i < assembly->constant_count; i++) {
    mark(file, &where, assembly->constants[i].where);
    fprintf(file, "%s\n", assembly->constants[i].statement);
  }
  fputs(".text\n", file);
  where.file = "";
  for (size_t i = 0; i < assembly->text_count; i++) {
    const struct text *text = assembly->text_list[i];
    mark(file, &where, text->where);
    fprintf(file, ".Lm%zu:%s\n", i, text->string);
  }
  fprintf(file, ".Lm%zu:\n.section " LENGTHS "\n", assembly->text_count);
  where.file = "";
  for (size_t i = 0; i < assembly->text_count; i++) {
    mark(file, &where, assembly->text_list[i]->where);
    fprintf(file, ".4byte .Lm%zu-.Lm%zu\n", i + 1, i);
  }
  bool written = !ferror(file);
  return fclose(file) == 0 && written;
}

static const uint8_t *find_lengths(const char *object, size_t size, size_t *length) {
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)object;
  if (size < sizeof *header || header->e_shoff > size ||
      header->e_shnum * sizeof(Elf64_Shdr) > size - header->e_shoff || header->e_shstrndx >= header->e_shnum)
    return NULL;
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(object + header->e_shoff);
  const char *names = object + sections[header->e_shstrndx].sh_offset;
  for (unsigned i = 0; i < header->e_shnum; i++)
    if (strcmp(names + sections[i].sh_name, LENGTHS) == 0) {
      *length = sections[i].sh_size;
      return (const uint8_t *)object + sections[i].sh_offset;
    }
  return NULL;
}

bool measure_texts(struct assembly *assembly, char *const options[], size_t option_count) {
  if (assembly->text_count == 0)
    return true;
  const char *source = command_temporary(".s");
  char *object = command_temporary(".o");
  if (!write_source(assembly, source)) {
    fprintf(stderr, "signet as: cannot write %s\n", source);
    return false;
  }
  char **arguments = memory_allocate((option_count + 6) * sizeof *arguments);
  size_t count = 0;
  arguments[count++] = HOST_ASSEMBLER;
  for (size_t i = 0; i < option_count; i++)
    arguments[count++] = options[i];
  arguments[count++] = "-o";
  arguments[count++] = object;
  arguments[count++] = (char *)source;
  if (command_run(HOST_ASSEMBLER, arguments) != 0)
    return false;
  size_t size;
  char *bytes = command_read_file(object, &size);
  size_t length = 0;
  const uint8_t *lengths = bytes ? find_lengths(bytes, size, &length) : NULL;
  if (!lengths || length != assembly->text_count * 4) {
    fprintf(stderr, "signet as: the assembler's output is not understood\n");
    return false;
  }
  for (size_t i = 0; i < assembly->text_count; i++) {
    struct text *text = assembly->text_list[i];
    uint32_t value;
    memcpy(&value, lengths + 4 * i, sizeof value);
    text->length = (uint16_t)value;
    if (value > BUNDLE) {
      assembly->where = text->where;
      assembly_error(assembly, "does not fit in a bundle of 32 bytes: %s", text->string);
    }
  }
  free(bytes);
  return assembly->errors == 0;
}
