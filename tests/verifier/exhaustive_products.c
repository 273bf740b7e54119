/* The products of exhaustive.h: which byte strings are tried, and why they are all that a decoder could tell apart.
 *
 * An instruction is prefixes, an escape, an opcode, ModRM, SIB, a displacement and an immediate. A decoder may branch
 * on any value of the bytes up to SIB, on few values of a displacement, and on none of an immediate, except where the
 * immediate is a branch's distance. So the bytes up to SIB are enumerated with every value; what is left out is only
 * the product of choices that do not look at each other:
 *  - the order of prefixes (exhaustive_orders) is tried with each opcode, but with few of ModRM's values, for whether a
 *    prefix is permitted depends on ModRM only through its memory or register form and its /digit;
 *  - SIB and displacement (exhaustive_addresses) are tried with each form of instruction that was accepted before, for
 *    what is refused with the simplest address of its kind is refused before its address is looked at;
 *  - exhaustive_beginnings makes none of these assumptions: it tries every four bytes that code can begin with. */
#include <string.h>

#include "tests/verifier/exhaustive.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static unsigned put_map(uint8_t *bytes, unsigned n, unsigned map) {
  if (map)
    bytes[n++] = 0x0f;
  if (map > 1)
    bytes[n++] = map == 2 ? 0x38 : 0x3a;
  return n;
}

static unsigned put_prefixes(uint8_t *bytes, unsigned set) {
  static const uint8_t prefixes[] = {0x66, 0xf2, 0xf3, 0xf0, 0x65, 0x67};
  unsigned n = 0;
  for (unsigned i = 0; i < COUNT(prefixes); i++)
    if (set >> i & 1)
      bytes[n++] = prefixes[i];
  return n;
}

static bool is_prefix(unsigned byte) {
  return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x64 || byte == 0x65 ||
         byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || (byte & 0xf0) == 0x40;
}

/* An opcode in its map and ModRM, with an address of zeros (a SIB of %rsp, %r12, and of no base). Without ModRM, the
 * bytes are an immediate, of zeros for modrm 0: so a branch goes to the next instruction. */
static void try_modrm(uint8_t *bytes, unsigned n, unsigned modrm) {
  static const uint8_t sibs[] = {0x24, 0x04, 0x25, 0x00};
  unsigned mod = modrm >> 6, rm = modrm & 7;
  memset(bytes + n, 0, 10);
  bytes[n++] = (uint8_t)modrm;
  if (mod == 3) {
    exhaustive_try(bytes, n, true);
    return;
  }
  unsigned size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
  if (rm != 4) {
    exhaustive_try(bytes, n + (mod == 0 && rm == 5 ? 4 : size), true);
  } else {
    for (unsigned i = 0; i < COUNT(sibs); i++) {
      bytes[n] = sibs[i];
      exhaustive_try(bytes, n + 1 + (mod == 0 && (sibs[i] & 7) == 5 ? 4 : size), true);
    }
    bytes[n] = 0;
  }
  if (modrm == 0) { /* immediates of zero, for opcodes with and without ModRM */
    exhaustive_try(bytes, n + 3, true);
    exhaustive_try(bytes, n + 7, true);
  }
}

/* Every subset of the prefixes that the allow-list knows, in one order, x REX x maps x opcodes x ModRM. */
void exhaustive_legacy(void) {
  static const uint8_t few[] = {0, 0x40, 0x41, 0x44, 0x48, 0x4f};
  uint8_t bytes[32];
  for (unsigned set = 0; set < 64; set++)
    for (unsigned r = 0; r < (exhaustive_long ? 17 : COUNT(few)); r++)
      for (unsigned map = 0; map < 4; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++) {
          unsigned rex = !exhaustive_long ? few[r] : r ? 0x3f + r : 0, n = put_prefixes(bytes, set);
          if (map == 0 && (opcode == 0x0f || opcode == 0xc4 || opcode == 0xc5 || is_prefix(opcode)))
            continue;
          /* What only one of 65 and 67, or both f2 and f3, precede: refused whatever follows. */
          if (!exhaustive_long && rex && ((set >> 4 & 1) != (set >> 5 & 1) || (set & 6) == 6))
            continue;
          if (rex)
            bytes[n++] = (uint8_t)rex;
          n = put_map(bytes, n, map);
          bytes[n++] = (uint8_t)opcode;
          for (unsigned modrm = 0; modrm < 256; modrm++) {
            unsigned rm = modrm & 7;
            if (exhaustive_long || modrm == 0 || rm == 4 || rm == 6 || (modrm < 0xc0 && rm == 5) ||
                (modrm >= 0xc0 && rm == 0))
              try_modrm(bytes, n, modrm);
          }
        }
}

/* Every order and every repetition of up to `most` prefixes of all kinds, before each opcode of each map and VEX. The
 * verifier permits at most five prefixes and REX together, in any order but for REX; the orders of all sets of those,
 * without repetition, follow. */
static void try_after(uint8_t *bytes, unsigned n) {
  static const uint8_t modrms[] = {0x04, 0xc1, 0x4d, 0xe0};
  for (unsigned map = 0; map < 4; map++) {
    unsigned m = put_map(bytes, n, map);
    for (unsigned opcode = 0; opcode < 256; opcode++) {
      if (map == 0 && (opcode == 0x0f || opcode == 0xc4 || opcode == 0xc5 || is_prefix(opcode)))
        continue;
      bytes[m] = (uint8_t)opcode;
      memset(bytes + m + 2, 0, 8);
      for (unsigned i = 0; i < COUNT(modrms); i++) {
        bytes[m + 1] = modrms[i];
        bytes[m + 2] = modrms[i] == 0x04 ? 0x24 : 0;
        exhaustive_try(bytes, m + 2 + (modrms[i] == 0x04 || modrms[i] == 0x4d), true);
      }
    }
  }
  static const uint8_t vexes[][3] = {{0xc5, 0xf8, 0x10}, {0xc4, 0xe1, 0x78}, {0xc4, 0xe2, 0x69}, {0xc5, 0xfa, 0x6f}};
  for (unsigned i = 0; i < COUNT(vexes); i++) {
    memcpy(bytes + n, vexes[i], 3);
    unsigned m = n + 3;
    if (vexes[i][0] == 0xc4)
      bytes[m++] = i == 1 ? 0x28 : 0x00;
    bytes[m] = 0x04;
    bytes[m + 1] = 0x24;
    exhaustive_try(bytes, m + 2, true);
    bytes[m] = 0xc1;
    exhaustive_try(bytes, m + 1, true);
  }
}

static void try_orders(uint8_t *bytes, unsigned n, unsigned most) {
  static const uint8_t prefixes[] = {0x66, 0xf2, 0xf3, 0xf0, 0x65, 0x67, 0x2e, 0x3e,
                                     0x26, 0x36, 0x64, 0x40, 0x41, 0x44, 0x48, 0x4f};
  try_after(bytes, n);
  for (unsigned i = 0; n < most && i < COUNT(prefixes); i++) {
    bytes[n] = prefixes[i];
    try_orders(bytes, n + 1, most);
  }
}

static void try_permutations(uint8_t *bytes, unsigned n, unsigned left) {
  static const uint8_t prefixes[] = {0x66, 0xf2, 0xf3, 0xf0, 0x65, 0x67, 0x48, 0x41};
  if (n > 3)
    try_after(bytes, n);
  for (unsigned i = 0; i < COUNT(prefixes); i++)
    if (left >> i & 1) {
      bytes[n] = prefixes[i];
      try_permutations(bytes, n + 1, left & ~(1u << i));
    }
}

void exhaustive_orders(void) {
  uint8_t bytes[40];
  try_orders(bytes, 0, exhaustive_long ? 4 : 2);
  try_permutations(bytes, 0, exhaustive_long ? 0x7f : 0x35); /* 66 f3 65 67 */
}

/* VEX: all of both forms' fields, in the three maps that exist, x opcodes x ModRM; the other maps, with one of each. */
void exhaustive_vex(void) {
  static const uint8_t few[] = {0x78, 0x58, 0x08, 0x68}; /* inverted: 1111 none, %rsp, %r14, another */
  uint8_t bytes[32];
  unsigned vvvvs = exhaustive_long ? 16 : COUNT(few);
  for (unsigned two = 0; two < 2; two++)
    for (unsigned rxb = 0; rxb < (two ? 2 : 8); rxb++)
      for (unsigned map = 0; map < (two ? 1 : 32); map++) {
        bool exists = two || (map >= 1 && map <= 3);
        if (!exhaustive_long && !two && rxb != 7 && rxb != 6 && rxb != 3)
          continue;
        for (unsigned low = 0; low < (two ? 8 : 16); low++)
          for (unsigned v = 0; v < vvvvs; v++)
            for (unsigned opcode = 0; opcode < 256; opcode++) {
              unsigned vvvv = exhaustive_long ? v << 3 : few[v], n = 0;
              if (two) {
                bytes[n++] = 0xc5;
                bytes[n++] = (uint8_t)(rxb << 7 | vvvv | low);
              } else {
                bytes[n++] = 0xc4;
                bytes[n++] = (uint8_t)(rxb << 5 | map);
                bytes[n++] = (uint8_t)((low & 8) << 4 | vvvv | (low & 7));
              }
              bytes[n++] = (uint8_t)opcode;
              if (!exists) {
                try_modrm(bytes, n, 0xc1);
                try_modrm(bytes, n, 0x04);
                continue;
              }
              for (unsigned modrm = 0; modrm < 256; modrm++) {
                unsigned rm = modrm & 7;
                if (exhaustive_long || rm == 4 || (rm == 6 && modrm >= 0x80))
                  try_modrm(bytes, n, modrm);
              }
            }
      }
  /* The short form behind %gs, with another source: the rest of such addresses is in exhaustive_addresses. */
  for (unsigned opcode = 0; opcode < 256; opcode++) {
    const uint8_t start[] = {0x65, 0x67, 0xc5, 0x01, (uint8_t)opcode};
    memcpy(bytes, start, sizeof start);
    try_modrm(bytes, sizeof start, 0x00);
  }
}

/* What begins none of the instructions listed: EVEX, XOP, REX2, 3DNow!, and pop, which XOP is told from by its ModRM.
 */
void exhaustive_escapes(void) {
  static const uint8_t starts[] = {0x62, 0x8f, 0xd5};
  static const uint8_t befores[][4] = {{0}, {1, 0x65}, {2, 0x65, 0x67}, {1, 0x66}, {1, 0xf2}, {1, 0xf3}, {1, 0x48}};
  uint8_t bytes[32];
  unsigned step = exhaustive_long ? 1 : 17;
  for (unsigned i = 0; i < COUNT(starts); i++)
    for (unsigned before = 0; before < COUNT(befores); before++)
      for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second += step)
          for (unsigned third = 0; third < 256; third += before && exhaustive_long ? 5 : step) {
            unsigned n = befores[before][0];
            memcpy(bytes, befores[before] + 1, n);
            bytes[n++] = starts[i];
            bytes[n++] = (uint8_t)first;
            bytes[n++] = (uint8_t)second;
            bytes[n++] = (uint8_t)third;
            bytes[n++] = 0xc1;
            exhaustive_try(bytes, n, false);
          }
  for (unsigned before = 0; before < COUNT(befores); before++)
    for (unsigned modrm = 0; modrm < 256; modrm++)
      for (unsigned suffix = 0; suffix < 256; suffix++) {
        unsigned n = befores[before][0];
        memcpy(bytes, befores[before] + 1, n);
        bytes[n++] = 0x0f;
        bytes[n++] = 0x0f;
        bytes[n++] = (uint8_t)modrm;
        bytes[n++] = (uint8_t)suffix;
        exhaustive_try(bytes, n, true);
      }
}

/* ---- Addresses ---- */

struct place { /* where the parts of a form are */
  unsigned prefix, modrm;
  int rex; /* index of REX; -1: none; of a VEX prefix of three bytes its second */
  bool vex;
};

static void try_address(const struct exhaustive_form *form, const struct place *place, unsigned around, unsigned xb,
                        unsigned modrm, unsigned sib, bool thorough) {
  static const uint8_t arounds[][3] = {{0}, {2, 0x65, 0x67}, {1, 0x65}, {1, 0x67}};
  static const int32_t displacements[] = {0,       0x12345, -1,      0x7f,       0xff00,         0xff01,
                                          -0xff00, -0xff01, 0x10000, 0x7fffffff, -0x7fffffff - 1};
  uint8_t bytes[32];
  unsigned n = arounds[around][0];
  memcpy(bytes, arounds[around] + 1, n);
  unsigned start = n;
  if (!place->vex && place->rex < 0 && xb) { /* REX comes last */
    memcpy(bytes + n, form->bytes, place->prefix);
    n += place->prefix;
    bytes[n++] = (uint8_t)(0x40 | xb);
    memcpy(bytes + n, form->bytes + place->prefix, place->modrm - place->prefix);
    n += place->modrm - place->prefix;
  } else {
    memcpy(bytes + n, form->bytes, place->modrm);
    n += place->modrm;
    if (place->vex && place->rex >= 0)
      bytes[start + (unsigned)place->rex] = (uint8_t)((form->bytes[place->rex] | 0x60) ^ xb << 5);
    else if (place->rex >= 0)
      bytes[start + (unsigned)place->rex] = (uint8_t)((form->bytes[place->rex] & 0xfc) | xb);
  }
  unsigned mod = modrm >> 6, rm = modrm & 7;
  bytes[n++] = (uint8_t)modrm;
  if (rm == 4)
    bytes[n++] = (uint8_t)sib;
  unsigned size = mod == 1 ? 1 : mod == 2 || (rm == 4 ? (sib & 7) == 5 : rm == 5) ? 4 : 0;
  unsigned tail = form->length - place->modrm - 2; /* the form is of %rsp: ModRM, SIB, immediate */
  for (unsigned i = 0; i < (!size ? 1 : thorough ? COUNT(displacements) : 2); i++) {
    memset(bytes + n, 0, 8);
    memcpy(bytes + n, &displacements[i], size);
    exhaustive_try(bytes, n + size + tail, true);
  }
  if (size == 4) { /* relative to %rip: the window's first byte, and the byte before it */
    for (int i = 0; i < 2; i++) {
      int32_t displacement = -(int32_t)(EXHAUSTIVE_BASE + n + 4 + tail) - i;
      memcpy(bytes + n, &displacement, sizeof displacement);
      exhaustive_try(bytes, n + 4 + tail, true);
    }
  }
}

/* Each form that takes an address, with every ModRM, every SIB, every X and B, with and without 65 and 67, and
 * boundaries of the displacement. */
void exhaustive_addresses(void) {
  unsigned count = exhaustive_form_count; /* it grows */
  for (unsigned i = 0, nth = 0; i < count; i++) {
    struct exhaustive_form form = exhaustive_forms[i];
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!oracle_decode(form.bytes, form.length, &insn, operands) || !insn.raw.modrm.offset || insn.raw.modrm.mod != 0 ||
        insn.raw.modrm.rm != 4 || (insn.attributes & (ZYDIS_ATTRIB_HAS_SEGMENT_GS | ZYDIS_ATTRIB_HAS_ADDRESSSIZE)) ||
        form.bytes[insn.raw.modrm.offset + 1] % 8 == 5 || insn.mnemonic == ZYDIS_MNEMONIC_NOP)
      continue;
    if (nth++ % (exhaustive_long ? 1 : 211))
      continue;
    struct place place = {.modrm = insn.raw.modrm.offset,
                          .rex = -1,
                          .vex = insn.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX,
                          .prefix = insn.raw.prefix_count};
    if (place.vex && insn.raw.vex.size == 3)
      place.rex = insn.raw.vex.offset + 1;
    else if (!place.vex && insn.raw.prefix_count && (form.bytes[insn.raw.prefix_count - 1] & 0xf0) == 0x40)
      place.rex = insn.raw.prefix_count - 1;
    for (unsigned around = 0; around < 4; around++)
      for (unsigned xb = 0; xb < (around > 1 || (place.vex && place.rex < 0) ? 1 : 4); xb++)
        for (unsigned mod = 0; mod < 3; mod++)
          for (unsigned rm = 0; rm < 8; rm++) {
            unsigned modrm = mod << 6 | (unsigned)(insn.raw.modrm.reg << 3) | rm;
            for (unsigned sib = 0; sib < (rm == 4 ? 256 : 1); sib++) {
              bool thorough = rm != 4 || sib == 0x24 || sib == 0x26 || sib == 0x25 || sib == 0x05 || sib == 0x34;
              try_address(&form, &place, around, xb, modrm, sib, thorough);
            }
          }
  }
}

/* Every four bytes that code can begin with. Where the first two or three are an instruction, what follows is another
 * one; every 16th that is refused is compared with the model too. */
void exhaustive_beginnings(void) {
  uint8_t bytes[4];
  struct exhaustive_tally *tally = &exhaustive_tally;
  unsigned step = exhaustive_long ? 1 : 127;
  for (unsigned first = 0; first < 256; first++)
    for (unsigned second = 0; second < 256; second++) {
      unsigned long long before = tally->accepted;
      bytes[0] = (uint8_t)first;
      bytes[1] = (uint8_t)second;
      exhaustive_try(bytes, 2, true);
      if (tally->accepted > before && exhaustive_accepted_length <= 2)
        continue;
      for (unsigned third = exhaustive_long ? 0 : (first + second) % 5; third < 256; third += exhaustive_long ? 1 : 5) {
        bytes[2] = (uint8_t)third;
        before = tally->accepted;
        exhaustive_try(bytes, 3, true);
        if (tally->accepted > before && exhaustive_accepted_length <= 3)
          continue;
        for (unsigned fourth = (first + second + third) % step; fourth < 256; fourth += step) {
          bytes[3] = (uint8_t)fourth;
          exhaustive_try(bytes, 4, (first + second + third + fourth) % 16 == 0);
        }
      }
    }
}
