/* Finds the allow-list's row for an instruction. Called by verifier.c; reads at most DECODE_READABLE bytes. */
#include "verifier/decode.h"

#include "verifier_table.h"

/* PREFIX_* of a byte; PREFIX_OTHER for segment prefixes that no instruction of a sealed process may have. */
#define PREFIX_OTHER 0x80u
static const uint8_t prefix_of[256] = {
    [0x66] = PREFIX_66,    [0xf3] = PREFIX_F3,    [0xf2] = PREFIX_F2,    [0xf0] = PREFIX_F0,
    [0x65] = PREFIX_65,    [0x67] = PREFIX_67,    [0x26] = PREFIX_OTHER, [0x2e] = PREFIX_OTHER,
    [0x36] = PREFIX_OTHER, [0x3e] = PREFIX_OTHER, [0x64] = PREFIX_OTHER,
};

static const uint8_t selector_prefix[8] = {
    [0] = FORM_NONE,
    [PREFIX_66] = FORM_66,
    [PREFIX_F3] = FORM_F3,
    [PREFIX_F2] = FORM_F2,
    [PREFIX_66 | PREFIX_F3] = FORM_66_F3,
    [PREFIX_66 | PREFIX_F2] = FORM_66_F2,
};

static uint64_t load_word(const uint8_t *code) {
  uint64_t word;
  __builtin_memcpy(&word, code, sizeof word);
  return word;
}

unsigned decode_literal(const uint8_t *code) {
  unsigned i = verifier_literal_first[code[0]], end = verifier_literal_first[code[0] + 1];
  for (; i < end; i++) {
    const struct verifier_literal *literal = &verifier_literals[i];
    if ((load_word(code) & literal->mask[0]) == literal->bytes[0] &&
        (load_word(code + 8) & literal->mask[1]) == literal->bytes[1])
      return literal->length;
  }
  return 0;
}

/* The cell for this ModRM byte; 0 is "not listed". */
static unsigned select(uint16_t cell, uint8_t modrm) {
  return cell & FORM_GROUP ? verifier_groups[cell & ~FORM_GROUP][FORM_GROUP_CELL(modrm)] : cell;
}

/* ModRM, SIB and displacement, beginning at code[n]. Returns the index after them. */
static unsigned decode_address(const uint8_t *code, unsigned n, struct decoded *d) {
  unsigned modrm = d->modrm = code[n++];
  unsigned mod = modrm >> 6, rm = modrm & 7;
  d->displacement = 0;
  if (mod == 3)
    return n;
  unsigned base = rm;
  if (rm == 4)
    base = (d->sib = code[n++]) & 7;
  if (mod == 1) {
    d->displacement = (int8_t)code[n++];
  } else if (mod == 2 || base == 5) {
    uint32_t low;
    __builtin_memcpy(&low, code + n, sizeof low);
    d->displacement = (int32_t)low;
    n += 4;
  }
  return n;
}

/* VEX: sets the fields and the opcode. Returns the index of the byte after the opcode; 0: refused. */
static unsigned decode_vex(const uint8_t *code, unsigned n, struct decoded *d, const uint16_t **table) {
  unsigned two = code[n] == 0xc5;
  unsigned first = code[n + 1], last = two ? first : code[n + 2];
  unsigned map = two ? 1 : first & 31, w = two ? 0 : last >> 7;
  n += two ? 2 : 3;
  d->length = n;
  if (map < 1 || map > 3)
    return 0;
  d->vex = 1;
  d->rex = w * REX_W | (first & 0x80 ? 0 : REX_R);
  if (!two)
    d->rex |= (first & 0x40 ? 0 : REX_X) | (first & 0x20 ? 0 : REX_B);
  d->vvvv = ~last >> 3 & 15;
  d->map = map;
  d->opcode = code[n++];
  *table = verifier_vex[FORM_VEX_SELECTOR(map, last & 3, last >> 2 & 1, w)];
  return n;
}

enum verifier_rule decode(const uint8_t *code, struct decoded *d) {
  unsigned n = 0, prefixes = 0, bit;
  while ((bit = prefix_of[code[n]])) {
    bool rep = bit & (PREFIX_F3 | PREFIX_F2);
    if (bit == PREFIX_OTHER || (prefixes & bit) || (rep && (prefixes & (PREFIX_F3 | PREFIX_F2)))) {
      d->length = n + 1;
      return VERIFIER_RULE_PREFIX;
    }
    prefixes |= bit;
    n++;
  }
  d->prefixes = prefixes;
  d->rex = d->vex = d->map = d->vvvv = 0;
  if ((code[n] & 0xf0) == 0x40)
    d->rex = code[n++];

  const uint16_t *table;
  unsigned opcode = code[n];
  if (opcode == 0xc4 || opcode == 0xc5) {
    if (d->rex || (prefixes & (PREFIX_66 | PREFIX_F3 | PREFIX_F2))) {
      d->length = n + 1;
      return VERIFIER_RULE_PREFIX;
    }
    n = decode_vex(code, n, d, &table);
    if (!n)
      return VERIFIER_RULE_UNLISTED;
  } else {
    n++;
    if (opcode == 0x0f) {
      d->map = 1;
      opcode = code[n++];
      if (opcode == 0x38 || opcode == 0x3a) {
        d->map = opcode == 0x38 ? 2 : 3;
        opcode = code[n++];
      }
    }
    d->opcode = opcode;
    table = verifier_legacy[FORM_LEGACY_SELECTOR(d->map, selector_prefix[prefixes & 7], d->rex >> 3 & 1)];
  }
  unsigned cell = table[d->opcode];
  bool grouped = cell & FORM_GROUP;
  cell = select(cell, code[n]);
  if (!cell) {
    d->length = n + grouped;
    /* Say that it is the prefix's fault when it is: a prefix after REX, or a row that exists without it. */
    if (d->vex)
      return VERIFIER_RULE_UNLISTED;
    if (d->map == 0 && (prefix_of[d->opcode] || (d->opcode & 0xf0) == 0x40))
      return VERIFIER_RULE_PREFIX;
    unsigned without = select(verifier_legacy[FORM_LEGACY_SELECTOR(d->map, FORM_NONE, 0)][d->opcode], code[n]);
    if (without)
      d->length = n + 1;
    return without ? VERIFIER_RULE_PREFIX : VERIFIER_RULE_UNLISTED;
  }
  const struct verifier_form *form = d->form = &verifier_forms[cell];
  if (form->flags & FORM_MODRM)
    n = decode_address(code, n, d);
  n += form->immediate;
  d->length = n; /* at most 15: generate.c refuses rows that could be longer */
  if ((form->flags & FORM_NOREX) && d->rex)
    return VERIFIER_RULE_PREFIX;
  if (d->vvvv && !(form->flags & FORM_VVVV))
    return VERIFIER_RULE_UNLISTED;
  return RULE_NONE;
}
