/* Writes the laid-out items as assembly source, with every byte of padding and every length of a jump decided. */
#include <stdio.h>

#include "toolchain/assembly.h"

/* The nops of the allow-list, by length. */
static const char *const nops[] = {
    "",
    "0x90",
    "0x66,0x90",
    "0x0f,0x1f,0x00",
    "0x0f,0x1f,0x40,0x00",
    "0x0f,0x1f,0x44,0x00,0x00",
    "0x66,0x0f,0x1f,0x44,0x00,0x00",
    "0x0f,0x1f,0x80,0x00,0x00,0x00,0x00",
    "0x0f,0x1f,0x84,0x00,0x00,0x00,0x00,0x00",
    "0x66,0x0f,0x1f,0x84,0x00,0x00,0x00,0x00,0x00",
};
#define NOP_MOST 9u

static void emit_padding(FILE *file, uint32_t offset, uint32_t length) {
  while (length) {
    uint32_t room = BUNDLE - offset % BUNDLE;
    uint32_t part = length < room ? length : room;
    offset += part;
    length -= part;
    /* as few as possible, of even length */
    for (uint32_t count = (part + NOP_MOST - 1) / NOP_MOST; count; count--) {
      uint32_t size = (part + count - 1) / count;
      fprintf(file, ".byte %s\n", nops[size]);
      part -= size;
    }
  }
}

static void emit_item(const struct assembly *assembly, const struct item *item, FILE *file) {
  switch (item->kind) {
  case ITEM_RAW:
    fprintf(file, "%s\n", item->string);
    break;
  case ITEM_SECTION: {
    fprintf(file, "%s\n", item->string);
    struct section *section = &assembly->sections[item->section];
    if (section->code && !section->entered) {
      section->entered = true;
      fprintf(file, ".p2align %u,0x90\n", section->align);
    }
    break;
  }
  case ITEM_LABEL:
    fprintf(file, "%s:\n", item->symbol->name);
    break;
  case ITEM_CODE:
    fprintf(file, "%s\n", item->text->string);
    break;
  case ITEM_CALL:
    if (item->symbol->weak && !item->symbol->defined)
      fprintf(file, "mov $%s,%%r11d; and $-32,%%r11d; add %%r14,%%r11; call *%%r11\n", item->symbol->name);
    else
      fprintf(file, "call %s\n", item->symbol->name);
    break;
  case ITEM_JUMP:
    if (item->symbol->weak && !item->symbol->defined)
      fprintf(file, "mov $%s,%%r11d; and $-32,%%r11d; add %%r14,%%r11; jmp *%%r11\n", item->symbol->name);
    else
      fprintf(file, "%s%s %s\n", item->is_near ? "{disp32} " : "", item->string, item->symbol->name);
    break;
  case ITEM_ALIGN:
    break;
  }
}

bool emit_assembly(struct assembly *assembly, const char *path, bool line_markers) {
  FILE *file = fopen(path, "w");
  if (!file)
    return false;
  static char buffer[1 << 18];
  setvbuf(file, buffer, _IOFBF, sizeof buffer);
  struct location where = {"", 0};
  for (size_t i = 0; i < assembly->item_count; i++) {
    const struct item *item = &assembly->items[i];
    if (item->pad)
      emit_padding(file, item->offset - item->pad, item->pad);
    if (line_markers && (item->where.line != where.line || item->where.file != where.file)) {
      where = item->where;
      fprintf(file, "# %u \"%s\"\n", where.line, where.file);
    }
    emit_item(assembly, item, file);
  }
  bool written = !ferror(file);
  return fclose(file) == 0 && written;
}
