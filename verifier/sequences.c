/* The guarded sequences of docs/machine-code.md, recognised by their bytes. Called by verifier.c. */
#include "verifier/decode.h"

static const struct sequence none;

/* Compared byte by byte: lengths are small, and nothing past a mismatch is read. */
static bool matches(const uint8_t *code, const uint8_t *bytes, unsigned length) {
  for (unsigned i = 0; i < length; i++)
    if (code[i] != bytes[i])
      return false;
  return true;
}

/* and $-32,%eX; add|or %r14,%rX; jmp|call *%rX. The first opcode is known to be 83. */
static struct sequence indirect_at(const uint8_t *code) {
  unsigned high = code[0] == 0x41, n = high;
  unsigned low = code[n + 1] & 7;
  if (code[n + 1] != (0xe0 | low) || code[n + 2] != 0xe0)
    return none;
  if (high ? low == 6 : low == 4) /* %r14, %rsp */
    return none;
  n += 3;
  if (code[n] != (high ? 0x4d : 0x4c) || (code[n + 1] != 0x01 && code[n + 1] != 0x09) || code[n + 2] != (0xf0 | low))
    return none;
  n += 3;
  if (high && code[n++] != 0x41)
    return none;
  if (code[n] != 0xff || (code[n + 1] != (0xe0 | low) && code[n + 1] != (0xd0 | low)))
    return none;
  return (struct sequence){n + 2, 3, 0};
}

/* [rep] movs|stos: its length, for stos if `store`; 0: it is not that. */
static unsigned string_operation(const uint8_t *code, bool store) {
  unsigned n = 0;
  bool rep = false, half = false;
  for (; (code[n] == 0xf3 && !rep) || (code[n] == 0x66 && !half); n++)
    *(code[n] == 0xf3 ? &rep : &half) = true;
  bool wide = code[n] == 0x48;
  n += wide;
  unsigned byte = store ? 0xaa : 0xa4;
  if (code[n] == byte)
    return half || wide ? 0 : n + 1;
  return code[n] == byte + 1 && !(half && wide) ? n + 1 : 0;
}

static struct sequence string_at(const uint8_t *code) {
  static const uint8_t source[] = {0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36}; /* mov %esi,%esi; lea (%r14,%rsi,1),%rsi */
  static const uint8_t target[] = {0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e}; /* mov %edi,%edi; lea (%r14,%rdi,1),%rdi */
  unsigned n = 0;
  bool move = code[1] == 0xf6;
  if (move) {
    if (!matches(code, source, sizeof source))
      return none;
    n += sizeof source;
  }
  if (!matches(code + n, target, sizeof target))
    return none;
  n += sizeof target;
  unsigned operation = string_operation(code + n, !move);
  return operation ? (struct sequence){n + operation, move ? 5 : 3, 0} : none;
}

struct sequence sequence_at(const uint8_t *code) {
  /* andq $0x7fffffe0,(%rsp); orq %r14,(%rsp); ret */
  static const uint8_t returning[] = {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3};
  switch (code[0]) {
  case 0x83:
    return indirect_at(code);
  case 0x41:
    if (code[1] == 0x83)
      return indirect_at(code);
    break;
  case 0x89:
    if (code[1] == 0xf6 || code[1] == 0xff)
      return string_at(code);
    break;
  case 0x48:
    if (code[1] == 0x81 && matches(code, returning, sizeof returning))
      return (struct sequence){sizeof returning, 3, 1};
    break;
  }
  return none;
}

unsigned sequence_stack_tail(const uint8_t *code) {
  static const uint8_t join[] = {0x4c, 0x09, 0xf4}, sum[] = {0x4c, 0x01, 0xf4}, address[] = {0x4a, 0x8d, 0x24, 0x34};
  if (matches(code, join, sizeof join) || matches(code, sum, sizeof sum))
    return 3;
  return matches(code, address, sizeof address) ? 4 : 0;
}

/* What it writes is %rsp, so where it writes ModRM.rm, that is a register. */
bool sequence_stack_head(const struct decoded *d) {
  if (d->prefixes || d->map || (d->rex & REX_W))
    return false;
  unsigned digit = d->modrm >> 3 & 7;
  switch (d->opcode) {
  case 0x89:
  case 0x01:
  case 0x29:
  case 0x21: /* mov, add, sub, and %e__,%esp */
  case 0x8d: /* lea */
    return true;
  case 0x8b:
  case 0x03:
  case 0x2b:
  case 0x23: /* the first four, encoded the other way: not from memory */
    return d->modrm >= 0xc0;
  case 0x81:
  case 0x83: /* add, sub, and $imm,%esp */
    return digit == 0 || digit == 5 || digit == 4;
  }
  return false;
}

bool sequence_indirect_middle(const uint8_t *code) {
  return (code[0] & 0xfe) == 0x4c && (code[1] == 0x01 || code[1] == 0x09) && (code[2] & 0xf8) == 0xf0;
}
