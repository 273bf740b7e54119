/* Masking an indirect jump changes the flags. Where code reached by such a jump reads flags that were set before it,
 * the program would go wrong silently; this says so instead. Called once a file, before the layout. Only what is known
 * is judged: an instruction of neither list ends the search. */
#include <string.h>

#include "toolchain/assembly.h"

static bool starts_with_any(const char *text, const char *const list[]) {
  for (; *list; list++)
    if (strncmp(text, *list, strlen(*list)) == 0)
      return true;
  return false;
}

static bool reads_flags(const char *text) {
  static const char *const list[] = {"set", "cmov", "adc", "sbb", "rcl", "rcr", "lahf", "pushf", "cmc", "fcmov", NULL};
  return starts_with_any(text, list);
}

/* Those that compilers put between a comparison and its use. */
static bool keeps_flags(const char *text) {
  static const char *const list[] = {"mov",   "lea",   "push", "pop ",  "nop",   "not",  "xchg", "bswap",
                                     "cvt",   "cwt",   "clt",  "cqt",   "fld",   "fst",  "fxch", "mulx",
                                     "rorx",  "shlx",  "sarx", "shrx",  "paddd", "pxor", "xorp", "andp",
                                     "unpck", "pshuf", "vmov", "vpxor", "vxorp", "vcvt", NULL};
  return starts_with_any(text, list) && strchr(text, ';') == NULL;
}

void flags_check(struct assembly *assembly) {
  for (size_t i = 0; i < assembly->item_count; i++) {
    const struct item *label = &assembly->items[i];
    if (label->kind != ITEM_LABEL || !assembly->sections[label->section].code || !label->symbol->aligned ||
        strncmp(label->symbol->name, ".L", 2) != 0)
      continue;
    for (size_t j = i + 1; j < assembly->item_count; j++) {
      const struct item *item = &assembly->items[j];
      if (item->kind == ITEM_RAW || item->kind == ITEM_LABEL || item->kind == ITEM_ALIGN)
        continue;
      bool reads = (item->kind == ITEM_JUMP && item->string[1] != 'm') ||
                   (item->kind == ITEM_CODE && reads_flags(item->text->string));
      if (reads) {
        assembly->where = item->where;
        assembly_error(assembly,
                       "%s reads flags, but can be reached by an indirect jump, whose masking changes them (label %s)",
                       item->kind == ITEM_JUMP ? item->string : item->text->string, label->symbol->name);
      }
      if (reads || item->kind != ITEM_CODE || !keeps_flags(item->text->string))
        break;
    }
  }
}
