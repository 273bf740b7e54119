/* Guarded sequences and what is nearly one, in a second: every byte of each sequence changed, left out, doubled and put
 * in between, at one place of a bundle (sequences.c takes all places), and every instruction that could be the first
 * half of a stack sequence. What the verifier accepts, the model must accept. For tests/mutation. */
#include <stdio.h>
#include <string.h>

#include "tests/verifier/against_model.h"
#include "tests/verifier/model.h"

enum { ROOM = 32 };

static bool try(const uint8_t *bytes, unsigned length) { return against_model(bytes, length, 0, ROOM); }

static void mutate(const uint8_t *bytes, unsigned length, bool store_or_move) {
  static const uint8_t between[] = {0x90, 0x66, 0x67, 0xf3, 0xf2, 0xf0, 0x65, 0x48, 0x41, 0x44, 0x40};
  uint8_t copy[40];
  if (!try(bytes, length))
    against_fail(bytes, length, "the sequence is refused", 0);
  for (unsigned i = 0; i < length; i++) {
    memcpy(copy, bytes, length);
    for (unsigned value = 0; value < 256; value++) {
      copy[i] = (uint8_t)value;
      try(copy, length);
    }
    memcpy(copy + i, bytes + i + 1, length - i - 1);
    try(copy, length - 1);
    /* A prefix that is put in between may come before any byte that follows: an operation's prefixes above all. */
    for (unsigned j = 0; j < sizeof between; j++) {
      memcpy(copy, bytes, i);
      copy[i] = between[j];
      memcpy(copy + i + 1, bytes + i, length - i);
      try(copy, length + 1);
      if (store_or_move && i + 4 > length)
        for (unsigned k = 0; k < sizeof between; k++) {
          memcpy(copy + i + 2, bytes + i, length - i);
          copy[i + 1] = between[k];
          try(copy, length + 2);
        }
    }
    memcpy(copy, bytes, i + 1);
    memcpy(copy + i + 1, bytes + i, length - i);
    try(copy, length + 1);
  }
}

/* Prefixes x REX x map x opcode x ModRM, immediates of several sizes, and each second half and some that are none. */
static void heads(void) {
  static const uint8_t starts[][4] = {{0}, {1, 0x66}, {2, 0x65, 0x67}, {1, 0xf0}, {1, 0xf3}, {1, 0x67}},
                       rexes[] = {0, 0x40, 0x41, 0x42, 0x44, 0x45, 0x48}, maps[][2] = {{0}, {0x0f}};
  static const uint8_t tails[][5] = {{3, 0x4c, 0x09, 0xf4}, {4, 0x4a, 0x8d, 0x24, 0x34}, {3, 0x4c, 0x09, 0xfc}};
  static const uint8_t fillers[] = {0, 1, 4};
  for (unsigned s = 0; s < 6; s++)
    for (unsigned r = 0; r < sizeof rexes; r++)
      for (unsigned m = 0; m < 2; m++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
          for (unsigned modrm = 0; modrm < 256; modrm++) {
            /* Registers with 4 in a field, and one kind of memory with each register. */
            bool memory = modrm < 0xc0;
            if (memory ? (modrm & 0xc7) != 0x01 : (modrm & 7) != 4 && (modrm >> 3 & 7) != 4)
              continue;
            for (unsigned f = 0; f < 3; f++) {
              uint8_t bytes[24];
              unsigned n = 0;
              for (unsigned i = 0; i < starts[s][0]; i++)
                bytes[n++] = starts[s][1 + i];
              if (rexes[r])
                bytes[n++] = rexes[r];
              if (m)
                bytes[n++] = maps[m][0];
              bytes[n++] = (uint8_t)opcode;
              bytes[n++] = (uint8_t)modrm;
              memset(bytes + n, 0, fillers[f]);
              n += fillers[f];
              for (unsigned t = 0; t < (s || r > 2 ? 1 : 3); t++) {
                memcpy(bytes + n, tails[t] + 1, tails[t][0]);
                try(bytes, n + tails[t][0]);
              }
            }
          }
}

static void report(int number, const char *name) {
  static unsigned long long before;
  printf("%s %d - %s: %llu tried, %llu accepted, %llu wrong\n", against_failures > before ? "not ok" : "ok", number,
         name, against_tried, against_accepted, against_failures - before);
  before = against_failures;
  against_tried = against_accepted = 0;
}

int main(void) {
  model_start();
  printf("1..4\n");
  for (int i = 0; i < against_stack_count; i++) {
    mutate(against_stacks[i].bytes, against_stacks[i].length, false);
    against_branches(against_stacks[i].bytes, against_stacks[i].length, 2, ROOM);
  }
  report(1, "near misses of stack sequences");
  for (int i = 0; i < model_sequence_count; i++) {
    const struct model_sequence *sequence = &model_sequences[i];
    mutate(sequence->bytes, sequence->length, sequence->bytes[0] == 0x89);
    against_branches(sequence->bytes, sequence->length, 2, ROOM);
  }
  report(2, "near misses of the other sequences");
  against_parallel(ROOM);
  report(3, "the parallel rule");
  heads();
  report(4, "first halves of stack sequences");
  return against_failures != 0;
}
