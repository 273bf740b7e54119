/* Compares one instruction: the verifier's verdict, the model's, Zydis's length, the row of the allow-list, and LLVM's
 * length. For exhaustive.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/exhaustive.h"
#include "verifier/verifier.h"

enum { BUNDLE = EXHAUSTIVE_BUNDLE, SLOTS = 1 << 22 };

struct exhaustive_tally exhaustive_tally;
bool exhaustive_long, exhaustive_second_all;
struct exhaustive_form *exhaustive_forms;
unsigned exhaustive_form_count;

unsigned exhaustive_accepted_length;

static uint64_t scratch[64];

bool exhaustive_accepts(const uint8_t *code, uint64_t length, bool parallel) {
  struct verifier_input input = {
      .code = code, .length = length, .offset = EXHAUSTIVE_BASE, .calls = EXHAUSTIVE_CALLS, .parallel = parallel};
  struct verifier_outcome outcome;
  return verifier_check(&input, scratch, NULL, NULL, &outcome);
}

unsigned exhaustive_start_after(unsigned at) {
  struct verifier_input input = {.length = 4096, .offset = EXHAUSTIVE_BASE};
  while (!verifier_is_target(&input, scratch, EXHAUSTIVE_BASE + ++at))
    ;
  return at;
}

/* The first two with the same sentence: they say enough. */
void exhaustive_fail(const uint8_t *bytes, unsigned length, const char *what) {
  static struct {
    const char *what;
    unsigned count;
  } said[100];
  unsigned i = 0;
  exhaustive_tally.differences++;
  while (i < 100 && said[i].what && strcmp(said[i].what, what) != 0)
    i++;
  if (i == 100 || said[i].count++ >= 2)
    return;
  said[i].what = what;
  printf("# %s:", what);
  for (unsigned i = 0; i < length; i++)
    printf(" %02x", bytes[i]);
  char text[128];
  oracle_text(bytes, length, text);
  printf("  %s\n", text);
}

/* ---- Classes of accepted forms ---- */

/* The bytes that a decoder may branch on, with registers that only number something made alike: two instructions of one
 * class differ in the numbers of registers, in displacements and in immediates. */
static unsigned class_of(const uint8_t *code, const ZydisDecodedInstruction *insn, uint8_t *key) {
  unsigned modrm = insn->raw.modrm.offset, n = modrm ? modrm : insn->length;
  if (!modrm && insn->raw.imm[0].size)
    n = insn->raw.imm[0].offset;
  memcpy(key, code, n);
  if (insn->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
    unsigned at = insn->raw.vex.offset;
    key[at + 1] |= key[at] == 0xc5 ? 0xf8 : 0xe0;
    if (key[at] == 0xc4)
      key[at + 2] |= 0x78;
  } else {
    for (int i = 0; i < insn->raw.prefix_count; i++)
      if ((key[i] & 0xf0) == 0x40)
        key[i] &= 0x48;
  }
  if (modrm) {
    unsigned byte = code[modrm];
    if (byte < 0xc0 && (byte & 7) != 4 && (byte & 7) != 5)
      byte &= 0xf8;
    key[n++] = (uint8_t)byte;
    if (byte < 0xc0 && (byte & 7) == 4)
      key[n++] = (code[modrm + 1] & 7) == 5;
  }
  return n;
}

static uint64_t hash_of(const uint8_t *key, unsigned length) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned i = 0; i < length; i++)
    hash = (hash ^ key[i]) * 0x100000001b3;
  return (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9 | 1;
}

/* True the first time that a class is seen; then it is one of exhaustive_forms. */
static bool is_new(const uint8_t *code, const ZydisDecodedInstruction *insn) {
  static uint64_t *seen;
  static unsigned capacity;
  uint8_t key[32];
  uint64_t hash = hash_of(key, class_of(code, insn, key));
  if (!seen && !(seen = calloc(SLOTS, sizeof *seen)))
    abort();
  size_t slot = hash >> 20 & (SLOTS - 1);
  for (; seen[slot]; slot = (slot + 1) & (SLOTS - 1))
    if (seen[slot] == hash)
      return false;
  seen[slot] = hash;
  if (exhaustive_form_count == capacity) {
    capacity = capacity ? capacity * 2 : 1 << 16;
    exhaustive_forms = realloc(exhaustive_forms, capacity * sizeof *exhaustive_forms);
    if (!exhaustive_forms || capacity > SLOTS / 2)
      abort();
  }
  struct exhaustive_form *form = &exhaustive_forms[exhaustive_form_count++];
  form->length = insn->length;
  memcpy(form->bytes, code, insn->length);
  return true;
}

/* ---- What was accepted ---- */

/* 67 before the short form of VEX with 66 in it: LLVM 14 goes on as if there were no VEX. */
static bool confuses_llvm(const ZydisDecodedInstruction *insn) {
  return insn->attributes & ZYDIS_ATTRIB_HAS_ADDRESSSIZE && insn->raw.vex.size == 2 && insn->raw.vex.pp == 1;
}

static void compare_accepted(const uint8_t *code, const ZydisDecodedInstruction *insn,
                             const ZydisDecodedOperand *operands, unsigned length,
                             const struct verifier_outcome *outcome) {
  uint32_t features = 0;
  const char *objection = oracle_object(insn, operands, EXHAUSTIVE_BASE, &features);
  exhaustive_tally.modelled++;
  if (objection)
    exhaustive_fail(code, length, objection);
  else if (insn->length != length)
    exhaustive_fail(code, length, "the verifier and Zydis see other lengths");
  else if (features != outcome->features)
    exhaustive_fail(code, length, "the verifier names other features");
  const char *decoded = objection ? NULL : exhaustive_compare_decoded(code, insn, operands);
  if (decoded)
    exhaustive_fail(code, length, decoded);
  exhaustive_tally.rows++;
  const char *row = exhaustive_compare_row(code, insn, operands);
  if (row)
    exhaustive_difference(EXHAUSTIVE_ROW, insn->mnemonic, row, code, length);
  bool new = is_new(code, insn);
  bool confused = confuses_llvm(insn);
  if (!new && !confused && !exhaustive_second_all)
    return;
  exhaustive_tally.second++;
  if (exhaustive_llvm_length(code, BUNDLE) != length)
    exhaustive_difference(EXHAUSTIVE_LENGTH, insn->mnemonic, confused ? "LLVM, with 67 before c5" : "LLVM", code,
                          length);
}

/* ---- What was refused and the model would accept: why ---- */

static bool accepts_alone(const uint8_t *bytes, unsigned length) {
  uint8_t code[BUNDLE];
  memset(code, 0x90, BUNDLE);
  memcpy(code, bytes, length);
  return exhaustive_accepts(code, BUNDLE, false);
}

/* True if Zydis sees the same operation on operands of the same widths and registers. */
static bool does_the_same(const uint8_t *bytes, unsigned length, const ZydisDecodedInstruction *insn,
                          const ZydisDecodedOperand *operands) {
  ZydisDecodedInstruction other;
  ZydisDecodedOperand others[ZYDIS_MAX_OPERAND_COUNT];
  if (!oracle_decode(bytes, length, &other, others) || other.mnemonic != insn->mnemonic ||
      other.operand_count != insn->operand_count)
    return false;
  for (int i = 0; i < insn->operand_count; i++) {
    if (others[i].type != operands[i].type || others[i].size != operands[i].size)
      return false;
    if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER && others[i].reg.value != operands[i].reg.value)
      return false;
  }
  return true;
}

/* What the verifier would accept in its place: the instruction without some of its prefixes, or without REX.W; if it is
 * the same instruction then, they are idle. NULL: nothing. */
static const char *prefixes_at_fault(const uint8_t *bytes, const ZydisDecodedInstruction *insn,
                                     const ZydisDecodedOperand *operands) {
  static const struct {
    uint8_t prefix;
    const char *idle, *effective;
  } causes[] = {{0x66, "an idle 66", "66"},
                {0xf2, "an idle f2", "f2"},
                {0xf3, "an idle f3", "f3"},
                {0x65, "an idle 65", "65"},
                {0x67, "an idle 67", "67"}};
  unsigned count = insn->raw.prefix_count;
  const char *effective = NULL;
  for (unsigned most = 1; most <= count + 1; most++)
    for (unsigned set = 1; set < 2u << count; set++) { /* the highest bit: clear REX.W */
      uint8_t copy[16];
      unsigned length = 0, removed = 0;
      bool w = set >> count & 1;
      if ((unsigned)__builtin_popcount(set) != most)
        continue;
      for (unsigned i = 0; i < insn->length; i++) {
        bool rex = i < count && (bytes[i] & 0xf0) == 0x40;
        if (i < count && (set >> i & 1))
          removed = rex ? 0x40 : bytes[i];
        else
          copy[length++] = w && rex ? bytes[i] & 0xf7 : bytes[i];
      }
      if (!accepts_alone(copy, length))
        continue;
      bool idle = does_the_same(copy, length, insn, operands);
      if (most > 1) {
        if (idle)
          return "several idle prefixes";
        effective = effective ? effective : "several prefixes";
      } else if (w || removed == 0x40) {
        if (idle)
          return w ? "an idle REX.W" : "an idle REX";
        effective = w ? "REX.W" : "REX";
      } else {
        for (size_t j = 0; j < sizeof causes / sizeof *causes; j++)
          if (causes[j].prefix == removed && idle)
            return causes[j].idle;
          else if (causes[j].prefix == removed)
            effective = causes[j].effective;
      }
    }
  return effective;
}

static const char *cause_of(const uint8_t *bytes, const ZydisDecodedInstruction *insn,
                            const ZydisDecodedOperand *operands) {
  uint8_t copy[16];
  if (insn->encoding != ZYDIS_INSTRUCTION_ENCODING_VEX) {
    const char *cause = prefixes_at_fault(bytes, insn, operands);
    return cause ? cause : "unlisted";
  }
  memcpy(copy, bytes, insn->length);
  unsigned last = insn->raw.vex.offset + (unsigned)insn->raw.vex.size - 1;
  copy[last] ^= 4;
  if (accepts_alone(copy, insn->length))
    return "VEX.L";
  copy[last] ^= 4;
  copy[last] ^= 0x80;
  return insn->raw.vex.size == 3 && accepts_alone(copy, insn->length) ? "VEX.W" : "unlisted";
}

/* The branch, if it is one, goes to a start among the nops or to itself. */
static bool goes_astray(const ZydisDecodedInstruction *insn) {
  if (!insn->raw.imm[0].is_relative)
    return false;
  int64_t target = insn->length + insn->raw.imm[0].value.s;
  return target != 0 && (target < insn->length || target >= BUNDLE);
}

static void compare_refused(const uint8_t *code, unsigned count) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  uint32_t features;
  exhaustive_tally.modelled++;
  if (!oracle_decode(code, BUNDLE, &insn, operands) || oracle_object(&insn, operands, EXHAUSTIVE_BASE, &features) ||
      goes_astray(&insn))
    return;
  /* It may be that only what follows it was refused. */
  if (insn.length < count && accepts_alone(code, insn.length))
    return;
  exhaustive_difference(EXHAUSTIVE_REFUSED, insn.mnemonic, cause_of(code, &insn, operands), code, insn.length);
}

void exhaustive_try(const uint8_t *bytes, unsigned count, bool both) {
  uint8_t code[BUNDLE];
  memset(code, 0x90, BUNDLE);
  memcpy(code, bytes, count);
  struct verifier_input input = {.code = code, .length = BUNDLE, .offset = EXHAUSTIVE_BASE, .calls = EXHAUSTIVE_CALLS};
  struct verifier_outcome outcome;
  exhaustive_tally.tried++;
  if (!verifier_check(&input, scratch, NULL, NULL, &outcome)) {
    if (both)
      compare_refused(code, count);
    return;
  }
  exhaustive_tally.accepted++;
  unsigned length = 1;
  while (length < BUNDLE && !verifier_is_target(&input, scratch, EXHAUSTIVE_BASE + length))
    length++;
  if (length < count) { /* the rest of the bytes are other instructions: what is said of them is not said of this one */
    memset(code + length, 0x90, count - length);
    exhaustive_accepted_length = length;
    if (!verifier_check(&input, scratch, NULL, NULL, &outcome)) {
      if (outcome.violations != 1 || code[0] != 0xeb)
        exhaustive_fail(code, length, "accepted only for what follows it");
      return;
    }
  }
  exhaustive_accepted_length = length;
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (oracle_decode(code, BUNDLE, &insn, operands))
    compare_accepted(code, &insn, operands, length, &outcome);
  else
    exhaustive_fail(code, length, "not an instruction");
}
