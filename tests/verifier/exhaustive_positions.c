/* Where an instruction stands, and what its immediate is: parts of exhaustive.h. What is expected here follows from the
 * rules of bundles and branches alone, so no decoder is asked. */
#include <string.h>

#include "tests/verifier/exhaustive.h"
#include "tests/verifier/model.h"
#include "verifier/verifier.h"

enum { BUNDLE = EXHAUSTIVE_BUNDLE };

static bool check(const uint8_t *code, uint64_t length, bool expected, const uint8_t *bytes, unsigned count,
                  const char *what) {
  bool accepted = exhaustive_accepts(code, length, false);
  exhaustive_tally.tried++;
  exhaustive_tally.accepted += accepted;
  if (accepted != expected)
    exhaustive_fail(bytes, count, what);
  return accepted;
}

/* Guarded sequences that a form stands behind; one of each kind. */
static const struct {
  uint8_t length, bytes[20];
} sequences[] = {
    {5, {0x89, 0xc4, 0x4c, 0x09, 0xf4}},                                /* mov %eax,%esp; or */
    {7, {0x83, 0xec, 0x20, 0x4a, 0x8d, 0x24, 0x34}},                    /* sub $32,%esp; lea */
    {8, {0x83, 0xe0, 0xe0, 0x4c, 0x09, 0xf0, 0xff, 0xe0}},              /* and; or; jmp *%rax */
    {10, {0x41, 0x83, 0xe3, 0xe0, 0x4d, 0x01, 0xf3, 0x41, 0xff, 0xd3}}, /* and; add; call *%r11 */
    {8, {0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e, 0xf3, 0xaa}},              /* rep stosb */
    {14, {0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36, 0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e, 0x48, 0xa5}}, /* movsq */
    {13, {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3}},       /* the return */
};
/* Last parts of sequences: refused behind every form, for no form is a first part. */
static const struct {
  uint8_t length, bytes[4];
} ends[] = {{3, {0x4c, 0x09, 0xf4}},
            {4, {0x4a, 0x8d, 0x24, 0x34}},
            {2, {0xff, 0xe0}},
            {3, {0x41, 0xff, 0xd3}},
            {1, {0xc3}},
            {2, {0xf3, 0xaa}},
            {1, {0xa4}}};

/* At every place of a bundle, cut off by the end of the code after each byte, behind and before parts of sequences. */
static void place(const struct exhaustive_form *form) {
  uint8_t code[3 * BUNDLE];
  const unsigned length = form->length;
  for (unsigned at = 0; at < BUNDLE; at++) {
    memset(code, 0x90, sizeof code);
    memcpy(code + BUNDLE + at, form->bytes, length);
    check(code, sizeof code, at + length <= BUNDLE, form->bytes, length, "its place in the bundle is not what decides");
  }
  for (unsigned left = 1; left < length; left++) {
    memset(code, 0x90, sizeof code);
    memcpy(code + BUNDLE - left, form->bytes, left);
    check(code, BUNDLE, false, form->bytes, length, "accepted when the end of the code cuts it off");
  }
  for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
    unsigned end = sequences[i].length;
    memset(code, 0x90, sizeof code);
    memcpy(code, sequences[i].bytes, end);
    memcpy(code + end, form->bytes, length);
    check(code, sizeof code, end + length <= BUNDLE, form->bytes, length,
          "behind a guarded sequence it is judged otherwise");
    if (end + length > BUNDLE) /* and with its end on the bundle's */
      continue;
    memset(code, 0x90, sizeof code);
    memcpy(code + BUNDLE - length - end, sequences[i].bytes, end);
    memcpy(code + BUNDLE - length, form->bytes, length);
    check(code, sizeof code, true, form->bytes, length,
          "behind a guarded sequence, at the bundle's end, it is refused");
  }
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    memset(code, 0x90, sizeof code);
    memcpy(code, form->bytes, length);
    memcpy(code + length, ends[i].bytes, ends[i].length);
    check(code, BUNDLE, false, form->bytes, length, "the last part of a guarded sequence is accepted behind it");
  }
}

/* True if its place changes its verdict: a branch that is not to the next instruction. */
static bool is_branch(const struct exhaustive_form *form) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  return oracle_decode(form->bytes, form->length, &insn, operands) && insn.raw.imm[0].is_relative &&
         insn.raw.imm[0].value.s;
}

void exhaustive_positions(void) {
  for (unsigned i = 0; i < exhaustive_form_count; i += exhaustive_long ? 1 : 19)
    if (!is_branch(&exhaustive_forms[i]))
      place(&exhaustive_forms[i]);
}

/* ---- Immediates, and distances of branches ---- */

static const uint64_t boundaries[] = {0,          1,          0x7f,       0x80,       0xff,       0xe0,
                                      0x100,      0x7fff,     0x8000,     0xffff,     0xc3909090, 0x7fffffff,
                                      0x80000000, 0xffffffff, 0xfffffff0, 0x050f050f, UINT64_MAX, 1ull << 63};

/* Every value of a byte, boundaries of what is longer. */
static void try_immediates(const struct exhaustive_form *form) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  uint8_t bytes[16];
  if (!oracle_decode(form->bytes, form->length, &insn, operands) || !insn.raw.imm[0].size)
    return;
  unsigned size = insn.raw.imm[0].size / 8;
  memcpy(bytes, form->bytes, form->length);
  for (unsigned i = 0; i < (size == 1 ? 256 : sizeof boundaries / sizeof *boundaries); i++) {
    uint64_t value = size == 1 ? i : boundaries[i];
    memcpy(bytes + insn.raw.imm[0].offset, &value, size);
    exhaustive_try(bytes, form->length, true);
  }
}

/* Code with a branch in its middle bundle and everything that a branch may hit around it: where instructions start is
 * written down, not found out. */
static void try_branches(void) {
  static const struct {
    uint8_t length, bytes[13];
  } units[] = {{1, {0x90}},
               {5, {0xb8, 0x90, 0x90, 0x90, 0x90}},
               {13, {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3}},
               {8, {0x83, 0xe0, 0xe0, 0x4c, 0x09, 0xf0, 0xff, 0xe0}},
               {5, {0x89, 0xc4, 0x4c, 0x09, 0xf4}}};
  uint8_t code[5 * BUNDLE];
  bool starts[sizeof code] = {false};
  memset(code, 0x90, sizeof code);
  for (unsigned bundle = 0; bundle < 5; bundle++) {
    unsigned at = bundle * BUNDLE;
    for (unsigned i = 0; bundle != 2 && i < sizeof units / sizeof *units; i++) {
      memcpy(code + at, units[i].bytes, units[i].length);
      starts[at] = true;
      at += units[i].length;
    }
    for (; at < (bundle + 1) * BUNDLE; at++)
      starts[at] = true;
  }
  for (unsigned kind = 0; kind < 35; kind++)
    for (unsigned place = 0; place < BUNDLE; place++) {
      uint8_t bytes[6];
      bool near = kind >= 17;
      unsigned n = 0, k = kind % 17;
      if (kind == 34) {
        bytes[n++] = 0xe8;
      } else if (k == 16) {
        bytes[n++] = near ? 0xe9 : 0xeb;
      } else if (near) {
        bytes[n++] = 0x0f;
        bytes[n++] = (uint8_t)(0x80 + k);
      } else {
        bytes[n++] = (uint8_t)(0x70 + k);
      }
      unsigned length = n + (near ? 4 : 1), from = 2 * BUNDLE + place;
      if (place + length > BUNDLE)
        continue;
      static const int32_t far[] = {0x7fffffff, -0x7fffffff - 1, 0x10000, -0x10000, 0x7fffff00, -0x20000, 0xff, 0x100};
      for (int i = -256; i < 256 + (int)(sizeof far / sizeof *far); i++) {
        int32_t distance = i < 256 ? i : far[i - 256];
        if (!near && (i < -128 || i > 127))
          continue;
        uint8_t copy[sizeof code];
        memcpy(copy, code, sizeof code);
        memcpy(bytes + n, &distance, length - n);
        memcpy(copy + from, bytes, length);
        int64_t target = (int64_t)from + length + distance;
        bool inside = target > from && target < from + length;
        check(copy, sizeof copy, target >= 0 && target < (int64_t)sizeof copy && starts[target] && !inside, bytes,
              length, "a branch's target");
      }
    }
}

/* The upper limit of what is relative to %rip can be reached only from the last code there may be. */
static void try_far_code(const struct exhaustive_form *form) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!oracle_decode(form->bytes, form->length, &insn, operands) || !insn.raw.modrm.offset || insn.raw.modrm.mod != 0 ||
      insn.raw.modrm.rm != 5 || (insn.attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS))
    return;
  bool computes = insn.mnemonic == ZYDIS_MNEMONIC_LEA;
  for (int past = 0; past < 2; past++) {
    uint8_t code[BUNDLE];
    uint64_t scratch[2];
    const uint32_t base = 0x80000000u - BUNDLE;
    int32_t displacement = (int32_t)(0xffffffc0u + (unsigned)past - base - form->length);
    memset(code, 0x90, sizeof code);
    memcpy(code, form->bytes, form->length);
    memcpy(code + insn.raw.modrm.offset + 1, &displacement, sizeof displacement);
    struct verifier_input input = {.code = code, .length = BUNDLE, .offset = base, .calls = EXHAUSTIVE_CALLS};
    struct verifier_outcome outcome;
    bool accepted = verifier_check(&input, scratch, NULL, NULL, &outcome);
    exhaustive_tally.tried++;
    exhaustive_tally.accepted += accepted;
    if (accepted != (!past || computes))
      exhaustive_fail(code, form->length, "the upper limit of an address relative to %rip");
  }
}

/* Branches through memory: only the two encodings, and only to slots that the table has; each is recorded. */
static void try_entries(void) {
  static const uint8_t prefixes[] = {0x66, 0x65, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x3e, 0x26, 0x36, 0x64};
  static const uint32_t tables[] = {0, 1, 30, 64};
  static const int32_t displacements[] = {0,       1,       8,       -8,         0xfff8,   0xffff,
                                          0x10000, 0x10001, 0x10004, 0x10007,    0x10008,  0x100e7,
                                          0x100e8, 0x100ec, 0x100f0, 0x101f0,    0x101f8,  0x10200,
                                          0x10ff8, 0x11000, 0x20000, 0x7ffffff8, -0x10000, -0x7fffffff - 1};
  for (unsigned table = 0; table < sizeof tables / sizeof *tables; table++)
    for (unsigned before = 0; before < sizeof prefixes + 17; before++)
      for (unsigned modrm = 0x10; modrm < 0xc0; modrm++)
        for (unsigned i = 0; i < sizeof displacements / sizeof *displacements; i++) {
          uint8_t code[BUNDLE];
          uint64_t scratch[2];
          unsigned n = 0, digit = modrm >> 3 & 7, calls = tables[table];
          if (digit < 2 || digit > 5)
            continue;
          memset(code, 0x90, sizeof code);
          if (before < sizeof prefixes)
            code[n++] = prefixes[before];
          unsigned rex = before < sizeof prefixes ? 1 : before - (unsigned)sizeof prefixes; /* 16: none */
          if (rex < 16)
            code[n++] = (uint8_t)(0x40 | rex);
          code[n++] = 0xff;
          code[n++] = (uint8_t)modrm;
          if ((modrm & 7) == 4)
            code[n++] = 0x26;
          memcpy(code + n, &displacements[i], 4);
          int64_t place = (int64_t)displacements[i] - 0x10000;
          bool slot = place >= 0 && place % 8 == 0 && place / 8 < calls;
          bool expected = slot && before >= sizeof prefixes && rex == 1 && (modrm == 0x96 || modrm == 0xa6);
          struct verifier_input input = {.code = code, .length = BUNDLE, .offset = EXHAUSTIVE_BASE, .calls = calls};
          struct verifier_outcome outcome;
          bool accepted = verifier_check(&input, scratch, NULL, NULL, &outcome);
          exhaustive_tally.tried++;
          exhaustive_tally.accepted += accepted;
          if (accepted != expected)
            exhaustive_fail(code, n + 4, expected ? "a call of the kernel is refused" : "a branch through memory");
          else if (accepted && outcome.calls_named != 1ull << place / 8)
            exhaustive_fail(code, n + 4, "the slot that it names is not recorded, or another is");
        }
}

void exhaustive_tails(void) {
  unsigned count = exhaustive_form_count; /* it may grow */
  for (unsigned i = 0; i < count; i += exhaustive_long ? 1 : 41) {
    struct exhaustive_form form = exhaustive_forms[i];
    try_immediates(&form);
    try_far_code(&form);
  }
  try_branches();
  try_entries();
}
