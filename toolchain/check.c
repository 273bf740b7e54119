/* Warns at the line of the source of what the verifier will refuse, while the line is still known: the linker, which
 * has the last word, knows functions only. Called once a file, on the object that the assembler made. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/abi.h>
#include <signet/layout.h>

#include "toolchain/assembly.h"
#include "verifier/verifier.h"

struct piece {
  const struct assembly *assembly;
  uint32_t section;
  const uint8_t *code;
  const Elf64_Rela *relocations;
  size_t relocation_count;
};

/* The item that makes the byte at `offset`, or those before it. */
static const struct item *item_at(const struct piece *piece, uint32_t offset) {
  const struct item *found = NULL;
  for (size_t i = 0; i < piece->assembly->item_count; i++) {
    const struct item *item = &piece->assembly->items[i];
    if (item->section == piece->section && item->kind >= ITEM_CODE && item->kind <= ITEM_CALL && item->offset <= offset)
      found = item;
  }
  return found;
}

/* The linker fills in an address there, which is zero here. */
static bool is_open(const struct piece *piece, uint32_t offset, uint32_t length) {
  for (size_t i = 0; i < piece->relocation_count; i++)
    if (piece->relocations[i].r_offset >= offset && piece->relocations[i].r_offset < offset + length)
      return true;
  return false;
}

static void report(void *context, const struct verifier_violation *violation) {
  const struct piece *piece = context;
  uint32_t offset = violation->offset - SIGNET_IMAGE_LOW;
  if ((violation->rule == VERIFIER_RULE_TARGET || violation->rule == VERIFIER_RULE_RIP) &&
      is_open(piece, offset, violation->length))
    return;
  const struct item *item = item_at(piece, offset);
  char bytes[64] = "";
  for (unsigned i = 0; i < violation->length; i++)
    snprintf(bytes + 3 * i, sizeof bytes - 3 * i, " %02x", piece->code[offset + i]);
  if (item)
    fprintf(stderr, "%s:%u: warning: a sealed process may not have this: %s (%s:%s)\n", item->where.file,
            item->where.line, verifier_rule_text(violation->rule), verifier_rule_label(violation->rule), bytes);
}

/* False where it is not known which lines made the section: there are others of its name. */
static bool is_as_laid_out(const struct piece *piece, size_t length) {
  uint32_t end = 0;
  for (size_t i = 0; i < piece->assembly->item_count; i++) {
    const struct item *item = &piece->assembly->items[i];
    if (item->section == piece->section)
      end = item->kind == ITEM_CODE ? item->offset + item->text->length : item->offset > end ? item->offset : end;
  }
  return length >= end && length - end < BUNDLE;
}

static void section_check(const struct piece *piece, const uint8_t *bytes, size_t length) {
  size_t whole = (length + BUNDLE - 1) / BUNDLE * BUNDLE;
  uint8_t *code = malloc(whole);
  void *scratch = malloc(verifier_scratch_size(whole));
  if (!code || !scratch)
    abort();
  memset(code, 0x90, whole);
  memcpy(code, bytes, length);
  struct piece padded = *piece;
  padded.code = code;
  struct verifier_input input = {.code = code,
                                 .length = whole,
                                 .offset = SIGNET_IMAGE_LOW,
                                 .calls = SIGNET_CALL_COUNT,
                                 .parallel = piece->assembly->parallel};
  struct verifier_outcome outcome;
  verifier_check(&input, scratch, report, &padded, &outcome);
  free(scratch);
  free(code);
}

void check_object(const struct assembly *assembly, const char *path) {
  size_t size;
  char *object = command_read_file(path, &size);
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)object;
  /* What was written to /dev/null cannot be read again. */
  if (!object || size < sizeof *header || header->e_shoff > size ||
      header->e_shnum * sizeof(Elf64_Shdr) > size - header->e_shoff || header->e_shstrndx >= header->e_shnum) {
    free(object);
    return;
  }
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(object + header->e_shoff);
  const char *names = object + sections[header->e_shstrndx].sh_offset;
  for (unsigned i = 0; i < header->e_shnum; i++) {
    struct piece piece = {.assembly = assembly};
    if (sections[i].sh_type != SHT_PROGBITS || !(sections[i].sh_flags & SHF_EXECINSTR) || !sections[i].sh_size)
      continue;
    while (piece.section < assembly->section_count &&
           strcmp(assembly->sections[piece.section].name, names + sections[i].sh_name) != 0)
      piece.section++;
    for (unsigned j = 0; j < header->e_shnum; j++)
      if (sections[j].sh_type == SHT_RELA && sections[j].sh_info == i) {
        piece.relocations = (const Elf64_Rela *)(object + sections[j].sh_offset);
        piece.relocation_count = sections[j].sh_size / sizeof *piece.relocations;
      }
    if (is_as_laid_out(&piece, sections[i].sh_size))
      section_check(&piece, (const uint8_t *)object + sections[i].sh_offset, sections[i].sh_size);
  }
  free(object);
}
