/* Enumerates the encoding space and asks the oracle about every single instruction that the verifier accepts. A
 * disagreement in length, in what the instruction may do, or in the processor features it needs is a failure. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/verifier/oracle.h"
#include "verifier/verifier.h"

enum { BASE = 0x20000, ROOM = 32 };

static unsigned long long tried, accepted, failures;
static uint64_t scratch[8];

/* True the first time a mnemonic meets an objection: one line for each says enough. */
static bool is_news(const char *text, const char *objection) {
  static struct {
    char mnemonic[24];
    const char *objection;
  } seen[500];
  static unsigned count;
  char mnemonic[24];
  snprintf(mnemonic, sizeof mnemonic, "%.*s", (int)strcspn(text, " "), text);
  for (unsigned i = 0; i < count; i++)
    if (seen[i].objection == objection && strcmp(seen[i].mnemonic, mnemonic) == 0)
      return false;
  if (count == 500)
    return false;
  strcpy(seen[count].mnemonic, mnemonic);
  seen[count++].objection = objection;
  return true;
}

/* Places the instruction in a bundle of nops and compares. */
static void try(const uint8_t *bytes, unsigned count) {
  uint8_t code[ROOM];
  memcpy(code, bytes, count);
  memset(code + count, 0x90, ROOM - count);
  struct verifier_input input = {.code = code, .length = ROOM, .offset = BASE, .calls = 30};
  struct verifier_outcome outcome;
  tried++;
  if (!verifier_check(&input, scratch, NULL, NULL, &outcome))
    return;
  accepted++;
  unsigned length = 1;
  while (length < ROOM && !verifier_is_target(&input, scratch, BASE + length))
    length++;
  struct oracle_opinion opinion;
  oracle_ask(code, ROOM, BASE, &opinion);
  const char *objection = opinion.objection;
  if (!objection && opinion.length != length)
    objection = "the lengths differ";
  if (!objection && (opinion.features & ~outcome.features))
    objection = "it needs a feature that the verifier does not name";
  if (!objection && (outcome.features & ~opinion.features))
    objection = "the verifier asks for a feature that it does not need";
  if (!objection)
    return;
  failures++;
  if (!opinion.text[0])
    oracle_text(code, ROOM, opinion.text);
  if (is_news(opinion.text, objection)) {
    printf("#");
    for (unsigned i = 0; i < (length > count ? length : count); i++)
      printf(" %02x", code[i]);
    printf("  %s: %s (verifier: %u bytes, features %x; oracle: %u bytes, features %x)\n", opinion.text, objection,
           length, outcome.features, opinion.length, opinion.features);
  }
}

static const int32_t displacements[] = {0,       1,       -1,      0x7f,       0xff00,         0xff01,
                                        -0xff00, -0xff01, 0x10000, 0x7fffffff, -0x7fffffff - 1};
#define COUNT(array) (sizeof(array) / sizeof(*(array)))
/* Base rsp without index, with index r12 by REX.X, other indexes, base rbp/r13 or none, scale, base r14. */
static const uint8_t sibs[] = {0x24, 0x04, 0x64, 0xe4, 0x25, 0x05, 0x65, 0x2c, 0x34, 0x36, 0x26, 0x00};

static unsigned put(uint8_t *bytes, unsigned n, int32_t value, unsigned size) {
  uint32_t word = (uint32_t)value;
  memcpy(bytes + n, &word, size);
  return n + size;
}

/* Everything that can follow an opcode: register forms, memory forms, and for opcodes without ModRM, immediates of zero
 * so that branches go to the next instruction. `thorough`: every boundary of SIB and displacement. */
static void try_tails(uint8_t *bytes, unsigned n, unsigned modrm, bool thorough) {
  unsigned mod = modrm >> 6, rm = modrm & 7;
  bytes[n++] = modrm;
  if (mod == 3) {
    try(bytes, n);
    return;
  }
  size_t sib_count = rm != 4 ? 1 : thorough ? COUNT(sibs) : 3;
  for (size_t s = 0; s < sib_count; s++) {
    unsigned m = n;
    if (rm == 4)
      bytes[m++] = sibs[s];
    unsigned size = mod == 1 ? 1 : mod == 2 || (rm == 4 ? (sibs[s] & 7) == 5 : rm == 5) ? 4 : 0;
    size_t count = !size ? 1 : thorough ? COUNT(displacements) : 1;
    for (size_t d = 0; d < count; d++)
      try(bytes, put(bytes, m, displacements[d], size));
  }
  if (modrm == 0) {
    memset(bytes + n, 0, 8);
    try(bytes, n + 3); /* with ModRM itself: rel32 of zero */
    try(bytes, n + 7);
  }
}

static unsigned put_prefixes(uint8_t *bytes, unsigned set) {
  unsigned n = 0;
  if (set & 1)
    bytes[n++] = 0x66;
  if (set & 2)
    bytes[n++] = 0xf2;
  if (set & 4)
    bytes[n++] = 0xf3;
  if (set & 8)
    bytes[n++] = 0xf0;
  if (set & 16)
    bytes[n++] = 0x65;
  if (set & 32)
    bytes[n++] = 0x67;
  return n;
}

static unsigned put_map(uint8_t *bytes, unsigned n, unsigned map) {
  if (map)
    bytes[n++] = 0x0f;
  if (map > 1)
    bytes[n++] = map == 2 ? 0x38 : 0x3a;
  return n;
}

static bool is_prefix(unsigned byte) {
  return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x64 || byte == 0x65 ||
         byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || (byte & 0xf0) == 0x40;
}

/* Prefix sets x REX x maps x opcodes x ModRM. */
static void enumerate_legacy(void) {
  static const uint8_t rexes[] = {0,    0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                                  0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
  uint8_t bytes[32];
  for (unsigned set = 0; set < 64; set++) {
    bool confined = (set & 48) == 0 || (set & 48) == 48;
    for (size_t r = 0; r < COUNT(rexes); r++) {
      if (!confined && r > 0 && r != 10)
        continue;
      for (unsigned map = 0; map < 4; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++) {
          if (map == 0 && (opcode == 0x0f || opcode == 0xc4 || opcode == 0xc5 || is_prefix(opcode)))
            continue;
          unsigned n = put_prefixes(bytes, set);
          if (rexes[r])
            bytes[n++] = rexes[r];
          n = put_map(bytes, n, map);
          bytes[n++] = opcode;
          for (unsigned modrm = 0; modrm < 256; modrm++)
            if (confined || (modrm & 0x38) == 0 || modrm >= 0xf8)
              try_tails(bytes, n, modrm, false);
        }
    }
  }
}

/* A few opcodes of each kind with every boundary of the address: mov, lea, push, pop, lock add, xchg, calls, SSE, x87.
 */
static void enumerate_addresses(void) {
  static const struct {
    uint8_t map, opcode;
  } kinds[] = {{0, 0x8b}, {0, 0x89}, {0, 0x8a}, {0, 0x8d}, {0, 0xff}, {0, 0x8f}, {0, 0x01}, {0, 0x87},
               {0, 0xc7}, {0, 0x81}, {0, 0xd9}, {0, 0xdb}, {0, 0xf7}, {1, 0x10}, {1, 0x11}, {1, 0x6f},
               {1, 0xba}, {1, 0xc7}, {1, 0xb1}, {1, 0x18}, {2, 0xf0}, {3, 0x16}};
  uint8_t bytes[32];
  for (size_t k = 0; k < COUNT(kinds); k++)
    for (unsigned set = 0; set < 64; set++)
      for (unsigned rex = 0x3f; rex < 0x50; rex++)
        for (unsigned modrm = 0; modrm < 0xc0; modrm++) {
          unsigned n = put_prefixes(bytes, set);
          if (rex >= 0x40)
            bytes[n++] = rex;
          n = put_map(bytes, n, kinds[k].map);
          bytes[n++] = kinds[k].opcode;
          try_tails(bytes, n, modrm, true);
        }
}

/* The two forms of VEX: fields x maps x opcodes x ModRM; vvvv: none, rsp, r14, another. */
static void enumerate_vex(void) {
  static const uint8_t vvvvs[] = {0x78, 0x58, 0x08, 0x68}; /* inverted: 1111 none, 4, 14, 2 */
  static const uint8_t starts[][3] = {{0}, {0x65, 0x67}, {0x67}, {0x66}, {0xf3}, {0x48}};
  uint8_t bytes[32];
  for (size_t p = 0; p < COUNT(starts); p++)
    for (unsigned two = 0; two < 2; two++)
      for (unsigned rxb = 0; rxb < (two ? 2 : 8); rxb++)
        for (unsigned map = 0; map < (two ? 1 : 5); map++)
          for (unsigned low = 0; low < (two ? 8 : 16); low++)
            for (size_t v = 0; v < COUNT(vvvvs); v++)
              for (unsigned opcode = 0; opcode < 256; opcode++) {
                unsigned n = (unsigned)strlen((const char *)starts[p]);
                memcpy(bytes, starts[p], n);
                if (two) {
                  bytes[n++] = 0xc5;
                  bytes[n++] = rxb << 7 | vvvvs[v] | low;
                } else {
                  bytes[n++] = 0xc4;
                  bytes[n++] = rxb << 5 | map;
                  bytes[n++] = (low & 8) << 4 | vvvvs[v] | (low & 7);
                }
                bytes[n++] = opcode;
                if (p >= 2) { /* refused for the prefix: a few are enough */
                  try_tails(bytes, n, 0x04, true);
                  try_tails(bytes, n, 0xc4, false);
                  continue;
                }
                for (unsigned modrm = 0; modrm < (p ? 0xc0 : 256); modrm++)
                  try_tails(bytes, n, modrm, false);
              }
}

/* Each prefix order and each repetition in front of a few instructions, REX in every place. */
static void enumerate_prefix_orders(void) {
  static const uint8_t prefixes[] = {0x66, 0xf2, 0xf3, 0xf0, 0x65, 0x67, 0x2e, 0x3e, 0x26, 0x36, 0x64, 0x48, 0x41};
  static const struct {
    uint8_t count, bytes[6];
  } ends[] = {{2, {0x01, 0x07}}, {2, {0x8b, 0x07}}, {3, {0x0f, 0x10, 0x07}}, {1, {0x90}},
              {1, {0xa4}},       {2, {0xeb, 0x00}}, {2, {0x8d, 0x07}},       {3, {0x0f, 0x6f, 0x07}},
              {2, {0xff, 0xe0}}, {1, {0x50}},       {2, {0x89, 0xc8}},       {3, {0x0f, 0xbc, 0xc8}},
              {2, {0xd9, 0x07}}, {1, {0xc3}},       {5, {0xe8, 0, 0, 0, 0}}};
  uint8_t bytes[32];
  const unsigned p = COUNT(prefixes);
  for (size_t e = 0; e < COUNT(ends); e++)
    for (unsigned i = 0; i < p * p * p * p; i++) {
      bytes[0] = prefixes[i % p];
      bytes[1] = prefixes[i / p % p];
      bytes[2] = prefixes[i / p / p % p];
      bytes[3] = prefixes[i / p / p / p];
      memcpy(bytes + 4, ends[e].bytes, ends[e].count);
      for (unsigned from = 0; from < 4; from++)
        try(bytes + from, 4 - from + ends[e].count);
    }
}

static void part(int number, const char *name, void (*enumerate)(void)) {
  tried = accepted = failures = 0;
  enumerate();
  printf("%s %d - %s: %llu tried, %llu accepted, %llu disagreements with the oracle\n",
         failures || !accepted ? "not ok" : "ok", number, name, tried, accepted, failures);
  fflush(stdout);
}

int main(void) {
  unsigned long long all = 0;
  oracle_start();
  printf("1..4\n");
  part(1, "legacy prefixes, maps, opcodes and ModRM", enumerate_legacy);
  all += failures;
  part(2, "boundaries of addresses", enumerate_addresses);
  all += failures;
  part(3, "VEX fields, maps, opcodes and ModRM", enumerate_vex);
  all += failures;
  part(4, "orders and repetitions of prefixes", enumerate_prefix_orders);
  all += failures;
  return all != 0;
}
