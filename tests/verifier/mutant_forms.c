/* The encoding space in small: every map, opcode, mandatory prefix and ModRM class, with the REX bits that matter. What
 * the verifier accepts, the oracle must accept, with the same length and features. enumerate.c in a second, for
 * tests/mutation, which has thousands of verifiers to ask. `mutant_forms OPCODE` takes only that byte, in hexadecimal,
 * as opcode: what a change of one row of the list can change. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/oracle.h"
#include "verifier/verifier.h"

enum { BASE = 0x20000, ROOM = 32 };

static unsigned long long tried, accepted, failures;
static unsigned first_opcode, last_opcode = 255;

static void fail(const uint8_t *code, const char *why, const char *text) {
  if (failures++ >= 20)
    return;
  printf("#");
  for (int i = 0; i < 15; i++)
    printf(" %02x", code[i]);
  printf("  %s: %s\n", text, why);
}

/* `count` bytes, then `fill`. Zeros make a branch go to the next instruction, which is nops again after 8 of them. */
static void try(const uint8_t *bytes, unsigned count, uint8_t fill) {
  uint8_t code[ROOM];
  uint64_t scratch[2];
  memcpy(code, bytes, count);
  memset(code + count, fill, 8);
  memset(code + count + (fill == 0x90 ? 0 : 4), 0x90, ROOM - count - (fill == 0x90 ? 0 : 4));
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
  if (opinion.objection) {
    fail(code, opinion.objection, opinion.text);
  } else if (opinion.length != length || opinion.features != outcome.features) {
    oracle_text(code, ROOM, opinion.text);
    fail(code, opinion.length != length ? "the lengths differ" : "the features differ", opinion.text);
  }
}

/* ModRM: registers, and memory without SIB and displacement. */
static void try_modrm(uint8_t *bytes, unsigned n, bool memory) {
  if (memory) {
    for (unsigned digit = 0; digit < 8; digit++) {
      bytes[n] = (uint8_t)(digit << 3 | 1);
      try(bytes, n + 1, 0x90);
    }
    return;
  }
  for (unsigned modrm = 0xc0; modrm < 0x100; modrm++) {
    bytes[n] = (uint8_t)modrm;
    try(bytes, n + 1, 0x90);
  }
  try(bytes, n, 0);
}

static void legacy(void) {
  static const uint8_t mandatory[] = {0, 0x66, 0xf3, 0xf2}, rexes[] = {0, 0x40, 0x41, 0x44, 0x48, 0x4d};
  for (unsigned start = 0; start < 3; start++) /* nothing, 65 67, f0 65 67 */
    for (unsigned m = 0; m < 4; m++)
      for (unsigned r = 0; r < sizeof rexes; r++)
        for (unsigned map = 0; map < 4; map++)
          for (unsigned opcode = first_opcode; opcode <= last_opcode; opcode++) {
            uint8_t bytes[16];
            unsigned n = 0;
            if (start == 2)
              bytes[n++] = 0xf0;
            if (start) {
              bytes[n++] = 0x65;
              bytes[n++] = 0x67;
            }
            if (m)
              bytes[n++] = mandatory[m];
            if (r)
              bytes[n++] = rexes[r];
            if (map)
              bytes[n++] = 0x0f;
            if (map > 1)
              bytes[n++] = map == 2 ? 0x38 : 0x3a;
            bytes[n++] = (uint8_t)opcode;
            if (map == 0 && (opcode == 0x0f || opcode == 0xc4 || opcode == 0xc5))
              continue;
            if (!start)
              try_modrm(bytes, n, false);
            try_modrm(bytes, n, true);
          }
}

static void vex(void) {
  static const uint8_t vvvvs[] = {0x78, 0x58, 0x08, 0x68}; /* inverted: none, 4, 14, 2 */
  for (unsigned start = 0; start < 2; start++)
    for (unsigned rxb = 0; rxb < 8; rxb += 7)
      for (unsigned map = 0; map < 5; map++) /* 0: the form of two bytes, which has the first map */
        for (unsigned low = 0; low < (map ? 16 : 8); low++)
          for (unsigned v = 0; v < sizeof vvvvs; v++)
            for (unsigned opcode = first_opcode; opcode <= last_opcode; opcode++) {
              uint8_t bytes[16];
              unsigned n = 0;
              if (start) {
                bytes[n++] = 0x65;
                bytes[n++] = 0x67;
              }
              if (map) {
                bytes[n++] = 0xc4;
                bytes[n++] = (uint8_t)(rxb << 5 | map);
                bytes[n++] = (uint8_t)((low & 8) << 4 | vvvvs[v] | (low & 7));
              } else {
                bytes[n++] = 0xc5;
                bytes[n++] = (uint8_t)((rxb & 1) << 7 | vvvvs[v] | low);
              }
              bytes[n++] = (uint8_t)opcode;
              try_modrm(bytes, n, start);
            }
}

static void report(int number, const char *name) {
  static unsigned long long before;
  printf("%s %d - %s: %llu tried, %llu accepted, %llu disagreements with the oracle\n",
         failures > before || (!accepted && first_opcode < last_opcode) ? "not ok" : "ok", number, name, tried,
         accepted, failures - before);
  before = failures;
  tried = accepted = 0;
}

int main(int count, char **arguments) {
  if (count > 1)
    first_opcode = last_opcode = strtoul(arguments[1], NULL, 16) & 0xff;
  oracle_start();
  printf("1..2\n");
  legacy();
  report(1, "legacy opcodes");
  vex();
  report(2, "VEX opcodes");
  return failures != 0;
}
