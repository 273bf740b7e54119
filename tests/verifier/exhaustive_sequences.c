/* The parts of guarded sequences, each with every encoding in its place; a part of exhaustive.h.
 * tests/verifier/sequences.c changes single bytes of whole sequences; here a part is any instruction at all. */
#include <string.h>

#include "tests/verifier/exhaustive.h"
#include "tests/verifier/model.h"

enum { BUNDLE = EXHAUSTIVE_BUNDLE };

static bool is_prefix(unsigned byte) {
  return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x64 || byte == 0x65 ||
         byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || (byte & 0xf0) == 0x40;
}

static bool accepts(const uint8_t *code) {
  bool accepted = exhaustive_accepts(code, BUNDLE, false);
  exhaustive_tally.tried++;
  exhaustive_tally.accepted += accepted;
  return accepted;
}

/* Nothing in the code that the model objects to. */
static bool model_accepts(const uint8_t *code) {
  size_t where;
  exhaustive_tally.modelled++;
  return !model_object(code, BUNDLE, EXHAUSTIVE_BASE, false, &where);
}

/* ---- Stack sequences: each instruction as the first half, before each second half ---- */

static void try_head(const uint8_t *bytes, unsigned n) {
  static const uint8_t tails[3][5] = {{3, 0x4c, 0x09, 0xf4}, {3, 0x4c, 0x01, 0xf4}, {4, 0x4a, 0x8d, 0x24, 0x34}};
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  uint8_t code[BUNDLE];
  memset(code, 0, sizeof code); /* immediates of zero */
  memcpy(code, bytes, n);
  if (!oracle_decode(code, 15, &insn, operands))
    return;
  unsigned length = insn.length, tail = bytes[n - 1] % 3;
  memset(code + length, 0x90, BUNDLE - length);
  memcpy(code + length, tails[tail] + 1, tails[tail][0]);
  bool accepted = accepts(code);
  /* Only what writes %esp as a whole can be one: the model is asked about those, and about all that is accepted. */
  bool writes = operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[0].reg.value == ZYDIS_REGISTER_ESP;
  if ((accepted || writes) && accepted != model_accepts(code))
    exhaustive_fail(code, length + tails[tail][0], accepted ? "accepted as a stack sequence" : "no stack sequence");
}

static void try_heads(void) {
  static const uint8_t before[] = {0, 0x66, 0xf2, 0xf3, 0xf0, 0x65, 0x67};
  static const uint8_t few[] = {0, 0x41, 0x44, 0x48};
  uint8_t bytes[16];
  for (unsigned p = 0; p < sizeof before; p++)
    for (unsigned r = 0; r < (exhaustive_long ? 17 : sizeof few); r++)
      for (unsigned map = 0; map < 4; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
          for (unsigned modrm = 0; modrm < 256; modrm++) {
            unsigned n = 0, rex = !exhaustive_long ? few[r] : r ? 0x3f + r : 0;
            bool esp = (modrm >> 3 & 7) == 4 || (modrm & 7) == 4;
            if ((!exhaustive_long && (p || map) && !esp) || (!map && (opcode == 0x0f || is_prefix(opcode))))
              continue;
            if (before[p])
              bytes[n++] = before[p];
            if (rex)
              bytes[n++] = (uint8_t)rex;
            if (map)
              bytes[n++] = 0x0f;
            if (map > 1)
              bytes[n++] = map == 2 ? 0x38 : 0x3a;
            bytes[n++] = (uint8_t)opcode;
            bytes[n++] = (uint8_t)modrm;
            if (modrm < 0xc0 && (modrm & 7) == 4)
              bytes[n++] = 0x24;
            try_head(bytes, n);
          }
}

/* ---- Indirect sequences: one part is any instruction, the others are right; and every three registers ---- */

static bool is_listed(const uint8_t *code) {
  for (int i = 0; i < model_sequence_count; i++)
    if (memcmp(code, model_sequences[i].bytes, model_sequences[i].length) == 0)
      return true;
  return false;
}

static void judge(const uint8_t *code, unsigned length) {
  bool accepted = accepts(code), listed = is_listed(code);
  if (listed != accepted && !(accepted && model_accepts(code)))
    exhaustive_fail(code, length, listed ? "a guarded sequence is refused" : "accepted as a guarded sequence");
}

static unsigned put_part(uint8_t *code, unsigned n, unsigned part, unsigned reg, unsigned kind) {
  bool high = reg >= 8;
  if (part != 1 && high)
    code[n++] = 0x41;
  if (part == 1)
    code[n++] = high ? 0x4d : 0x4c;
  code[n++] = part == 0 ? 0x83 : part == 1 ? (kind & 1 ? 0x01 : 0x09) : 0xff;
  code[n++] = (uint8_t)((part == 0 ? 0xe0 : part == 1 ? 0xf0 : kind & 2 ? 0xe0 : 0xd0) | (reg & 7));
  if (part == 0)
    code[n++] = 0xe0;
  return n;
}

static void try_indirect(void) {
  uint8_t code[BUNDLE];
  for (unsigned kind = 0; kind < 4; kind++)
    for (unsigned three = 0; three < 16 * 16 * 16; three++) {
      memset(code, 0x90, sizeof code);
      unsigned n = put_part(code, 0, 0, three & 15, kind);
      n = put_part(code, n, 1, three >> 4 & 15, kind);
      judge(code, put_part(code, n, 2, three >> 8, kind));
    }
  static const uint8_t registers[] = {0, 5, 12, 11, 4, 14, 13, 7};
  for (unsigned r = 0; r < (exhaustive_long ? sizeof registers : 2); r++)
    for (unsigned part = 0; part < 3; part++)
      for (unsigned rex = 0x3f; rex < 0x50; rex++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
          for (unsigned modrm = 0; modrm < 256; modrm++) {
            unsigned n = 0, reg = registers[r], kind = modrm & 3;
            memset(code, 0x90, sizeof code);
            for (unsigned i = 0; i < 3; i++) {
              if (i != part) {
                n = put_part(code, n, i, reg, kind);
                continue;
              }
              if (rex >= 0x40)
                code[n++] = (uint8_t)rex;
              code[n++] = (uint8_t)opcode;
              code[n++] = (uint8_t)modrm;
              if (i == 0)
                code[n++] = 0xe0;
            }
            if (part < 2 || opcode == 0xff) {
              judge(code, n);
            } else {                 /* any other third part is what it is elsewhere */
              uint8_t alone[BUNDLE]; /* behind instructions of the same lengths, the first of which is no mask */
              memcpy(alone, code, sizeof alone);
              alone[reg >= 8 ? 3 : 2] = 0xe2;
              if (accepts(code) != exhaustive_accepts(alone, BUNDLE, false))
                exhaustive_fail(code, n, "behind a mask it is judged otherwise than elsewhere");
            }
          }
}

/* ---- String sequences: every three prefixes and every opcode as the operation ---- */

static void try_strings(void) {
  static const uint8_t prefixes[] = {0x66, 0xf3, 0xf2, 0xf0, 0x65, 0x67, 0x2e, 0x3e,
                                     0x26, 0x36, 0x64, 0x40, 0x41, 0x44, 0x48, 0x4c};
  static const uint8_t setup[] = {0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36, 0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e};
  const unsigned count = sizeof prefixes + 1;
  for (unsigned store = 0; store < 2; store++)
    for (unsigned set = 0; set < count * count * count; set++)
      for (unsigned opcode = 0; opcode < 256; opcode++) {
        uint8_t code[BUNDLE];
        unsigned n = store ? 6 : 12;
        bool strings = (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
        if (!exhaustive_long && !strings && set % 7)
          continue;
        memset(code, 0x90, sizeof code);
        memcpy(code, setup + (store ? 6 : 0), n);
        for (unsigned i = 0, left = set; i < 3; i++, left /= count)
          if (left % count)
            code[n++] = prefixes[left % count - 1];
        code[n++] = (uint8_t)opcode;
        judge(code, n);
      }
}

void exhaustive_sequences(void) {
  model_start();
  try_heads();
  try_indirect();
  try_strings();
}
