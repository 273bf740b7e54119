/* String instructions: movs and stos in their guarded sequence, the others as ordinary instructions and loops. Called
 * by rewrite.c alone. The direction flag is always clear. */
#include <string.h>

#include "toolchain/rewrite.h"

#define GUARD_SOURCE "mov %%esi,%%esi; lea (%%r14,%%rsi,1),%%rsi; "
#define GUARD_DESTINATION "mov %%edi,%%edi; lea (%%r14,%%rdi,1),%%rdi; "

static void move_or_store(struct assembly *assembly, bool move, bool repeat, char suffix) {
  const char *prefix = repeat ? "rep " : "";
  if (move)
    rewrite_emit(assembly, GUARD_SOURCE GUARD_DESTINATION "%smovs%c", prefix, suffix);
  else
    rewrite_emit(assembly, GUARD_DESTINATION "%sstos%c", prefix, suffix);
  rewrite_emit(assembly, "mov %%edi,%%edi");
  if (move)
    rewrite_emit(assembly, "mov %%esi,%%esi");
}

static struct symbol *new_label(struct assembly *assembly) {
  char *name = memory_format(".Lsgl%u", assembly->loop_labels++);
  struct symbol *symbol = symbol_find(assembly, name, strlen(name));
  symbol->defined = true;
  symbol->section = assembly->section;
  return symbol;
}

static void jump(struct assembly *assembly, const char *mnemonic, struct symbol *target) {
  struct item *item = item_append(assembly, ITEM_JUMP);
  item->string = mnemonic;
  item->symbol = target;
}

/* One comparison; the flags are its. `step` is 0 to compare again what was compared last. */
static void compare(struct assembly *assembly, bool scan, char suffix, int size, bool step) {
  int back = step ? 0 : -size;
  if (scan) {
    rewrite_emit(assembly, "cmp%c %%gs:%d(%%edi),%s", suffix, back, register_name(RAX, size));
  } else {
    rewrite_emit(assembly, "mov%c %%gs:%d(%%esi),%s", suffix, back, register_name(R11, size));
    rewrite_emit(assembly, "cmp%c %%gs:%d(%%edi),%s", suffix, back, register_name(R11, size));
  }
  if (!step)
    return;
  rewrite_emit(assembly, "lea %d(%%rdi),%%edi", size);
  if (!scan)
    rewrite_emit(assembly, "lea %d(%%rsi),%%esi", size);
}

/* With a count of zero nothing is compared; the flags then say "equal", where the instruction would have kept them. */
static void compare_repeated(struct assembly *assembly, enum rewrite_repeat repeat, bool scan, char suffix, int size) {
  struct symbol *top = new_label(assembly);
  struct symbol *end = new_label(assembly);
  rewrite_emit(assembly, "test %%rcx,%%rcx");
  jump(assembly, "je", end);
  item_append(assembly, ITEM_LABEL)->symbol = top;
  rewrite_emit(assembly, "lea -1(%%rcx),%%rcx");
  compare(assembly, scan, suffix, size, true);
  jump(assembly, repeat == REPEAT_UNTIL_EQUAL ? "je" : "jne", end);
  rewrite_emit(assembly, "test %%rcx,%%rcx");
  jump(assembly, "jne", top);
  compare(assembly, scan, suffix, size, false);
  item_append(assembly, ITEM_LABEL)->symbol = end;
}

bool rewrite_string(struct assembly *assembly, enum rewrite_repeat repeat, const char *mnemonic,
                    const struct operand *operands, int count) {
  static const char *const roots[] = {"movs", "stos", "scas", "cmps", "lods"};
  unsigned which = 0;
  while (which < 5 && strncmp(mnemonic, roots[which], 4) != 0)
    which++;
  if (which == 5 || strlen(mnemonic) > 5)
    return false;
  char suffix = mnemonic[4] == 'd' && count == 0 ? 'l' : mnemonic[4];
  /* movsd and cmpsd of vector registers, movsb of sign extension */
  bool any_memory = false;
  for (int i = 0; i < count; i++) {
    any_memory |= rewrite_is_memory(&operands[i]);
    if (operands[i].kind == OPERAND_REGISTER && (which == 0 || which == 3 || operands[i].number != RAX))
      return false;
    if (operands[i].kind == OPERAND_REGISTER && !suffix)
      suffix = operands[i].size == 8 ? 'q' : operands[i].size == 4 ? 'l' : operands[i].size == 2 ? 'w' : 'b';
  }
  if (count && !any_memory)
    return false;
  if (!suffix || !strchr("bwlq", suffix))
    return false;
  int size = suffix == 'b' ? 1 : suffix == 'w' ? 2 : suffix == 'l' ? 4 : 8;
  if (which <= 1) {
    move_or_store(assembly, which == 0, repeat != REPEAT_NONE, suffix);
  } else if (which == 4) {
    if (repeat != REPEAT_NONE) {
      assembly_error(assembly, "a repeated %s is not supported", mnemonic);
      return true;
    }
    rewrite_emit(assembly, "mov%c %%gs:(%%esi),%s", suffix, register_name(RAX, size));
    rewrite_emit(assembly, "lea %d(%%rsi),%%esi", size);
  } else if (repeat == REPEAT_NONE) {
    compare(assembly, which == 2, suffix, size, true);
  } else {
    compare_repeated(assembly, repeat, which == 2, suffix, size);
  }
  return true;
}
