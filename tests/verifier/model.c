/* The model of model.h. */
#include "tests/verifier/model.h"

#include <string.h>

#include <Zydis/Zydis.h>

#include "tests/verifier/oracle.h"

enum { BUNDLE = 32, LENGTH_MOST = 4096 };

struct model_sequence model_sequences[256];
int model_sequence_count;
static ZydisDecoder decoder;

static void add(const uint8_t *bytes, unsigned length, bool returns) {
  struct model_sequence *sequence = &model_sequences[model_sequence_count++];
  sequence->length = (uint8_t)length;
  memcpy(sequence->bytes, bytes, length);
  sequence->returns = returns;
}

/* and $-32,%eX; add|or %r14,%rX; jmp|call *%rX */
static void add_indirect(void) {
  for (unsigned x = 0; x < 16; x++)
    for (unsigned kind = 0; kind < 4; kind++) {
      uint8_t bytes[16];
      unsigned n = 0;
      if (x == 4 || x == 14)
        continue;
      if (x >= 8)
        bytes[n++] = 0x41;
      bytes[n++] = 0x83;
      bytes[n++] = 0xe0 + x % 8;
      bytes[n++] = 0xe0;
      bytes[n++] = x >= 8 ? 0x4d : 0x4c;
      bytes[n++] = kind & 1 ? 0x01 : 0x09;
      bytes[n++] = 0xf0 + x % 8;
      if (x >= 8)
        bytes[n++] = 0x41;
      bytes[n++] = 0xff;
      bytes[n++] = (kind & 2 ? 0xe0 : 0xd0) + x % 8;
      add(bytes, n, false);
    }
}

static void add_strings(void) {
  static const uint8_t source[] = {0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36}, target[] = {0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e};
  static const struct {
    uint8_t length, bytes[3];
    bool wide; /* the operation on more than a byte */
  } operations[] = {{0, {0}, false},         {1, {0xf3}, false}, {0, {0}, true},
                    {1, {0xf3}, true},       {1, {0x66}, true},  {2, {0x66, 0xf3}, true},
                    {2, {0xf3, 0x66}, true}, {1, {0x48}, true},  {2, {0xf3, 0x48}, true}};
  for (int store = 0; store < 2; store++)
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
      uint8_t bytes[16];
      unsigned n = 0;
      if (!store) {
        memcpy(bytes, source, sizeof source);
        n = sizeof source;
      }
      memcpy(bytes + n, target, sizeof target);
      n += sizeof target;
      memcpy(bytes + n, operations[i].bytes, operations[i].length);
      n += operations[i].length;
      bytes[n++] = (store ? 0xaa : 0xa4) + operations[i].wide;
      add(bytes, n, false);
    }
}

void model_start(void) {
  static const uint8_t returning[] = {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3};
  oracle_start();
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  model_sequence_count = 0;
  add_indirect();
  add_strings();
  add(returning, sizeof returning, true);
}

static const struct model_sequence *sequence_here(const uint8_t *code, size_t left) {
  for (int i = 0; i < model_sequence_count; i++)
    if (model_sequences[i].length <= left && memcmp(code, model_sequences[i].bytes, model_sequences[i].length) == 0)
      return &model_sequences[i];
  return NULL;
}

/* Length of a stack sequence; 0: there is none. */
static unsigned stack_here(const uint8_t *code, size_t left) {
  static const uint8_t tails[3][5] = {{3, 0x4c, 0x09, 0xf4}, {3, 0x4c, 0x01, 0xf4}, {4, 0x4a, 0x8d, 0x24, 0x34}};
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, left, &insn, operands)))
    return 0;
  for (int i = 0; i < insn.raw.prefix_count; i++)
    if ((insn.raw.prefixes[i].value & 0xf0) != 0x40 || i > 0)
      return 0;
  const ZydisDecodedOperand *to = &operands[0], *from = &operands[1];
  if (insn.operand_count_visible != 2 || to->type != ZYDIS_OPERAND_TYPE_REGISTER || to->reg.value != ZYDIS_REGISTER_ESP)
    return 0;
  bool reg =
      from->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(from->reg.value) == ZYDIS_REGCLASS_GPR32;
  bool immediate = from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
  switch (insn.mnemonic) {
  case ZYDIS_MNEMONIC_MOV:
    if (!reg)
      return 0;
    break;
  case ZYDIS_MNEMONIC_ADD:
  case ZYDIS_MNEMONIC_SUB:
  case ZYDIS_MNEMONIC_AND:
    if (!reg && !immediate)
      return 0;
    break;
  case ZYDIS_MNEMONIC_LEA:
    break;
  default:
    return 0;
  }
  for (int i = 0; i < 3; i++)
    if (insn.length + (size_t)tails[i][0] <= left && memcmp(code + insn.length, tails[i] + 1, tails[i][0]) == 0)
      return insn.length + tails[i][0];
  return 0;
}

/* True if it is a direct branch; then where it goes, relative to its own start. */
static bool branches(const uint8_t *code, size_t left, int64_t *distance) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, left, &insn, operands)) || !insn.raw.imm[0].is_relative)
    return false;
  *distance = insn.length + insn.raw.imm[0].value.s;
  return true;
}

const char *model_object(const uint8_t *code, size_t length, uint32_t address, bool parallel, size_t *where) {
  static bool starts[LENGTH_MOST];
  static struct {
    size_t from;
    int64_t to;
  } jumps[LENGTH_MOST];
  int jump_count = 0;
  memset(starts, 0, sizeof starts);
  for (size_t at = 0; at < length;) {
    size_t room = BUNDLE - at % BUNDLE, left = length - at, size;
    const struct model_sequence *sequence = sequence_here(code + at, left);
    *where = at;
    if (sequence) {
      if (sequence->returns && parallel)
        return "a return sequence under the parallel rule";
      size = sequence->length;
    } else if (!(size = stack_here(code + at, left))) {
      struct oracle_opinion opinion;
      oracle_ask(code + at, left, address + (uint32_t)at, &opinion);
      if (opinion.objection)
        return opinion.objection;
      size = opinion.length;
      int64_t distance;
      if (branches(code + at, left, &distance)) {
        jumps[jump_count].from = at;
        jumps[jump_count++].to = (int64_t)at + distance;
      }
    }
    if (size > room)
      return "crosses a bundle's end";
    starts[at] = true;
    at += size;
  }
  for (int i = 0; i < jump_count; i++) {
    *where = jumps[i].from;
    if (jumps[i].to < 0 || jumps[i].to >= (int64_t)length || !starts[jumps[i].to])
      return "branches to where no instruction starts";
  }
  return NULL;
}
