/* Places code in bundles: where padding goes, and which jumps need their long form. Called once a file, after the
 * lengths are known. Each section is laid out as if it began at offset 0, which its alignment makes true of every
 * bundle. */
#include <stdlib.h>

#include "toolchain/assembly.h"

#define LONG_CALL 16u /* mov $symbol,%r11d and the masked call */

static bool is_undefined_weak(const struct symbol *symbol) { return symbol->weak && !symbol->defined; }

static uint32_t item_length(const struct item *item) {
  switch (item->kind) {
  case ITEM_CODE:
    return item->text->length;
  case ITEM_CALL:
    return is_undefined_weak(item->symbol) ? LONG_CALL : 5;
  case ITEM_JUMP:
    if (is_undefined_weak(item->symbol))
      return LONG_CALL;
    return !item->is_near ? 2 : item->string[1] == 'm' ? 5 : 6;
  default:
    return 0;
  }
}

static uint32_t padding(uint32_t offset, uint32_t length, bool at_end) {
  uint32_t in_bundle = offset % BUNDLE;
  if (at_end)
    return (2 * BUNDLE - in_bundle - length) % BUNDLE;
  return in_bundle + length > BUNDLE ? BUNDLE - in_bundle : 0;
}

/* The items of one section in order. */
struct run {
  struct item **items;
  size_t count;
};

static void place(struct run *run) {
  uint32_t offset = 0;
  struct item *first_label = NULL; /* of the labels since the last code */
  size_t first_index = 0;
  bool aligned_label = false;
  for (size_t i = 0; i < run->count; i++) {
    struct item *item = run->items[i];
    item->pad = 0;
    uint32_t pad = 0;
    switch (item->kind) {
    case ITEM_ALIGN: {
      uint32_t size = 1u << item->align;
      pad = (size - offset % size) % size;
      if (item->align_most && pad > item->align_most)
        pad = 0;
      item->pad = pad;
      offset += pad;
      item->offset = offset;
      if (pad)
        first_label = NULL;
      continue;
    }
    case ITEM_LABEL:
      if (!first_label) {
        first_label = item;
        first_index = i;
        aligned_label = false;
      }
      if (item->symbol->aligned) {
        pad = (BUNDLE - offset % BUNDLE) % BUNDLE;
        aligned_label = true;
      }
      break;
    case ITEM_CODE:
    case ITEM_JUMP:
    case ITEM_CALL:
      pad = padding(offset, item_length(item), item->at_end);
      break;
    default:
      continue;
    }
    /* A jump to a label skips the padding in front of it; labels at a bundle's start must stay there. */
    bool before_labels = first_label && (item->kind == ITEM_LABEL || !aligned_label);
    offset += pad;
    if (pad && before_labels) {
      first_label->pad += pad;
      for (size_t j = first_index; j < i; j++)
        if (run->items[j]->kind == ITEM_LABEL) {
          run->items[j]->offset += pad;
          run->items[j]->symbol->offset += pad;
        }
    } else {
      item->pad = pad;
    }
    item->offset = offset;
    if (item->kind == ITEM_LABEL) {
      item->symbol->offset = offset;
    } else {
      offset += item_length(item);
      first_label = NULL;
    }
  }
}

/* True if a jump turned out to need its long form. */
static bool lengthen(struct run *run) {
  bool changed = false;
  for (size_t i = 0; i < run->count; i++) {
    struct item *item = run->items[i];
    if (item->kind != ITEM_JUMP || item->is_near)
      continue;
    const struct symbol *symbol = item->symbol;
    int64_t distance = (int64_t)symbol->offset - (item->offset + 2);
    if (!symbol->defined || symbol->global || symbol->section != item->section || distance < -128 || distance > 127)
      changed = item->is_near = true;
  }
  return changed;
}

void layout_sections(struct assembly *assembly) {
  for (size_t i = 0; i < assembly->item_count; i++) {
    const struct item *item = &assembly->items[i];
    if (item->kind == ITEM_JUMP && is_undefined_weak(item->symbol) && item->string[1] != 'm') {
      assembly->where = item->where;
      assembly_error(assembly, "%s to %s, which is weak and not defined here", item->string, item->symbol->name);
    }
    if ((item->kind == ITEM_JUMP || item->kind == ITEM_CALL) && item->symbol->defined &&
        item->symbol->section < assembly->section_count && !assembly->sections[item->symbol->section].code) {
      assembly->where = item->where;
      assembly_error(assembly, "%s to %s, which is not code", item->string, item->symbol->name);
    }
  }
  for (uint32_t section = 0; section < assembly->section_count; section++) {
    if (!assembly->sections[section].code)
      continue;
    struct run run = {0};
    for (size_t i = 0; i < assembly->item_count; i++)
      run.count += assembly->items[i].section == section;
    run.items = malloc((run.count + 1) * sizeof(struct item *));
    if (!run.items)
      abort();
    size_t count = 0;
    for (size_t i = 0; i < assembly->item_count; i++)
      if (assembly->items[i].section == section)
        run.items[count++] = &assembly->items[i];
    do
      place(&run);
    while (lengthen(&run));
    free(run.items);
  }
}
