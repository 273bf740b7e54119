/* What is permitted changes only on purpose. For each opcode of each map this takes every prefix, REX, ModRM class and
 * immediate through the verifier, and keeps of all the verdicts, lengths and features one number; accepted.txt has the
 * numbers as they were when the list was last reviewed. It says nothing about whether the list is right: the oracles
 * do. It notices what they cannot object to: a form that is harmless and that nobody meant to permit, or to refuse.
 *
 * After a change of verifier/allow.list that was meant: `build/tests/verifier/mutant_accepted --write`, and read the
 * difference. `mutant_accepted OPCODE` takes only that byte, in hexadecimal, as opcode. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/verifier.h"

enum { BASE = 0x20000, ROOM = 32, MAPS = 7 };
static const char *const map_names[MAPS] = {"one-byte", "0f", "0f38", "0f3a", "vex.0f", "vex.0f38", "vex.0f3a"};
static const char list[] = "tests/verifier/accepted.txt";

struct print {
  uint32_t accepted, hash;
};

/* Verdict, length and features of `count` bytes before nops (`fill` in the first four of them). */
static void add(struct print *print, const uint8_t *bytes, unsigned count, uint8_t fill) {
  uint8_t code[ROOM];
  uint64_t scratch[2];
  memset(code, 0x90, ROOM);
  memcpy(code, bytes, count);
  memset(code + count, fill, 4);
  struct verifier_input input = {.code = code, .length = ROOM, .offset = BASE, .calls = 30};
  struct verifier_outcome outcome;
  uint32_t verdict = 0;
  if (verifier_check(&input, scratch, NULL, NULL, &outcome)) {
    print->accepted++;
    while (verdict < ROOM && !verifier_is_target(&input, scratch, BASE + ++verdict))
      ;
    verdict |= outcome.features << 6;
  }
  print->hash = (print->hash ^ verdict) * 0x01000193u;
  print->hash ^= print->hash >> 15;
}

static void add_modrm(struct print *print, uint8_t *bytes, unsigned n, bool registers) {
  for (unsigned modrm = 1; modrm < 0x40; modrm += 8) {
    bytes[n] = (uint8_t)modrm;
    add(print, bytes, n + 1, 0x90);
  }
  for (unsigned modrm = 0xc0; registers && modrm < 0x100; modrm++) {
    bytes[n] = (uint8_t)modrm;
    add(print, bytes, n + 1, 0x90);
  }
  add(print, bytes, n, 0);
}

static void legacy(struct print *print, unsigned map, unsigned opcode) {
  static const uint8_t mandatory[][2] = {{0}, {0x66}, {0xf3}, {0xf2}, {0x66, 0xf3}, {0x66, 0xf2}},
                       rexes[] = {0, 0x40, 0x45, 0x48, 0x4d};
  for (unsigned lock = 0; lock < 2; lock++)
    for (unsigned confined = 0; confined < 2; confined++)
      for (unsigned m = 0; m < 6; m++)
        for (unsigned r = 0; r < sizeof rexes; r++) {
          uint8_t bytes[16];
          unsigned n = 0;
          if (lock)
            bytes[n++] = 0xf0;
          if (confined) {
            bytes[n++] = 0x65;
            bytes[n++] = 0x67;
          }
          for (unsigned i = 0; i < 2 && mandatory[m][i]; i++)
            bytes[n++] = mandatory[m][i];
          if (r)
            bytes[n++] = rexes[r];
          if (map)
            bytes[n++] = 0x0f;
          if (map > 1)
            bytes[n++] = map == 2 ? 0x38 : 0x3a;
          bytes[n++] = (uint8_t)opcode;
          add_modrm(print, bytes, n, !confined);
        }
}

static void vex(struct print *print, unsigned map, unsigned opcode) {
  static const uint8_t vvvvs[] = {0x78, 0x58, 0x08, 0x68}; /* inverted: none, 4, 14, 2 */
  for (unsigned confined = 0; confined < 2; confined++)
    for (unsigned rxb = 0; rxb < 8; rxb += 7)
      for (unsigned low = 0; low < 16; low++)
        for (unsigned v = 0; v < sizeof vvvvs; v++) {
          uint8_t bytes[16] = {0x65, 0x67};
          unsigned n = confined ? 2 : 0;
          bytes[n++] = 0xc4;
          bytes[n++] = (uint8_t)(rxb << 5 | map);
          bytes[n++] = (uint8_t)((low & 8) << 4 | vvvvs[v] | (low & 7));
          bytes[n++] = (uint8_t)opcode;
          add_modrm(print, bytes, n, !confined);
        }
}

static struct print of(unsigned map, unsigned opcode) {
  struct print print = {0, 0x811c9dc5};
  if (map >= 4)
    vex(&print, map - 3, opcode);
  else if (map || (opcode != 0x0f && opcode != 0xc4 && opcode != 0xc5))
    legacy(&print, map, opcode);
  return print;
}

int main(int count, char **arguments) {
  static uint32_t wanted[MAPS][256][2];
  bool write = count > 1 && strcmp(arguments[1], "--write") == 0;
  FILE *file = fopen(list, write ? "w" : "r");
  char name[16];
  unsigned opcode, accepted, hash, opcodes = 0, first = 0, last = 255;
  if (count > 1 && !write)
    first = last = strtoul(arguments[1], NULL, 16) & 0xff;
  if (!file) {
    printf("Bail out! %s: run it in the tree's first folder\n", list);
    return 1;
  }
  while (!write && fscanf(file, "%15s %x %u %x", name, &opcode, &accepted, &hash) == 4)
    for (unsigned map = 0; map < MAPS; map++)
      if (strcmp(name, map_names[map]) == 0 && opcode < 256) {
        wanted[map][opcode][0] = accepted;
        wanted[map][opcode][1] = hash;
      }
  unsigned long long all = 0;
  int failures = 0;
  for (unsigned map = 0; map < MAPS; map++)
    for (opcode = first; opcode <= last; opcode++) {
      struct print print = of(map, opcode);
      all += print.accepted;
      opcodes += print.accepted != 0;
      if (!print.accepted)
        print.hash = 0;
      if (write) {
        if (print.accepted)
          fprintf(file, "%s %02x %u %08x\n", map_names[map], opcode, print.accepted, print.hash);
      } else if ((print.accepted != wanted[map][opcode][0] || print.hash != wanted[map][opcode][1]) &&
                 failures++ < 20) {
        printf("# %s %02x: %u forms are accepted, %u when the list was reviewed\n", map_names[map], opcode,
               print.accepted, wanted[map][opcode][0]);
      }
    }
  failures += fclose(file) != 0;
  printf("1..1\n%s 1 - %u opcodes are permitted in the %llu forms of %s\n", failures ? "not ok" : "ok", opcodes, all,
         list);
  return failures != 0;
}
