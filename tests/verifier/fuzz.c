/* Fuzzes the verifier under the sanitizers, from one seed: random bytes, cut-off input, and programs put together from
 * pieces that it accepts, mutated. Nothing may crash or read past the input, reports must be in order and in range, and
 * what is accepted the model must accept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/model.h"
#include "verifier/verifier.h"

enum { BASE = 0x20000, PIECES = 4000, LENGTH_MOST = 512 };

static uint64_t state = 0x5349474e4554; /* the seed */
static int failures;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull >> 11;
}

static struct { uint8_t length, bytes[16]; } pieces[PIECES];
static int piece_count;

static void fail(const char *why, const uint8_t *code, size_t length, size_t where) {
  if (failures++ >= 10)
    return;
  printf("# %s at %zu:", why, where);
  for (size_t i = where / 32 * 32; i < length && i < where / 32 * 32 + 64; i++)
    printf(" %02x", code[i]);
  printf("\n");
}

struct reports {
  uint64_t count, last, start, end;
  bool targets, wrong;
};

static void hear(void *context, const struct verifier_violation *violation) {
  struct reports *reports = context;
  bool target = violation->rule == VERIFIER_RULE_TARGET;
  reports->wrong |= violation->rule >= VERIFIER_RULE_COUNT || violation->length < 1 || violation->length > 15 + 4;
  if (violation->rule != VERIFIER_RULE_LAYOUT) {
    reports->wrong |= violation->offset < reports->start || violation->offset + violation->length > reports->end;
    /* Ascending among the instructions, then among the branches. */
    reports->wrong |= reports->targets && !target;
    reports->wrong |= reports->targets == target && reports->count && violation->offset < reports->last;
    reports->last = violation->offset;
    reports->targets = target;
  }
  reports->count++;
}

/* Runs the verifier on a copy of exactly that size. */
static bool check(const uint8_t *bytes, size_t length, uint32_t offset, bool parallel) {
  uint8_t *code = malloc(length ? length : 1);
  void *scratch = malloc(verifier_scratch_size(length) + 1);
  memcpy(code, bytes, length);
  struct verifier_input input = {.code = code, .length = length, .offset = offset, .calls = 30, .parallel = parallel};
  struct verifier_outcome outcome;
  struct reports reports = {.start = offset, .end = offset + length};
  bool accepted = verifier_check(&input, scratch, hear, &reports, &outcome);
  if (reports.wrong || reports.count != outcome.violations || accepted != (outcome.violations == 0) ||
      outcome.instructions > length)
    fail("reports are out of order or out of range", bytes, length, 0);
  if (accepted != verifier_check(&input, scratch, NULL, NULL, &outcome))
    fail("the verdict depends on who listens", bytes, length, 0);
  if (accepted && offset == BASE) {
    size_t where = 0;
    const char *objection = model_object(bytes, length, offset, parallel, &where);
    if (objection)
      fail(objection, bytes, length, where);
  }
  free(scratch);
  free(code);
  return accepted;
}

static void collect_pieces(void) {
  for (int i = 0; i < model_sequence_count && piece_count < PIECES; i++) {
    pieces[piece_count].length = model_sequences[i].length;
    memcpy(pieces[piece_count++].bytes, model_sequences[i].bytes, model_sequences[i].length);
  }
  while (piece_count < PIECES) {
    uint8_t code[32];
    uint64_t scratch[2], random = next();
    unsigned n = 0;
    for (unsigned i = 0; i < 15; i++)
      code[i] = (uint8_t)next();
    if (random & 1) {
      code[n++] = 0x65;
      code[n++] = 0x67;
    }
    if (random & 2)
      code[n++] = (uint8_t[]){0x66, 0xf2, 0xf3, 0xf0}[random >> 2 & 3];
    if (random & 16)
      code[n++] = 0x40 | (random >> 5 & 15);
    if (random & 512)
      code[n++] = 0x0f;
    else if ((random & 0x1c00) == 0x400)
      code[n++] = random & 0x2000 ? 0xc4 : 0xc5;
    memset(code + 15, 0x90, 17);
    struct verifier_input input = {.code = code, .length = 32, .offset = BASE, .calls = 30};
    struct verifier_outcome outcome;
    /* Find the instruction's length by looking for nops right after it. */
    for (unsigned length = 1; length <= 15; length++) {
      uint8_t bytes[32];
      memcpy(bytes, code, length);
      memset(bytes + length, 0x90, 32 - length);
      input.code = bytes;
      if (verifier_check(&input, scratch, NULL, NULL, &outcome) && verifier_is_target(&input, scratch, BASE + length) &&
          outcome.instructions == 33 - length) {
        /* Not a branch: it is fine at the end of the code as well. */
        memset(bytes, 0x90, 32 - length);
        memcpy(bytes + 32 - length, code, length);
        bool anywhere = verifier_check(&input, scratch, NULL, NULL, &outcome);
        memcpy(bytes, code, length);
        if (!anywhere)
          break;
        if (length > 1 || random % 16 == 0) {
          pieces[piece_count].length = (uint8_t)length;
          memcpy(pieces[piece_count++].bytes, bytes, length);
        }
        break;
      }
    }
  }
}

/* A program of pieces in bundles, with direct branches to piece starts. */
static size_t compose(uint8_t *code) {
  size_t length = 32 * (1 + next() % (LENGTH_MOST / 32)), starts[LENGTH_MOST], at = 0;
  int count = 0;
  memset(code, 0x90, length);
  while (at < length) {
    const size_t i = next() % PIECES, room = 32 - at % 32;
    starts[count++] = at;
    if (next() % 8 == 0 && room >= 5) { /* a branch back */
      int32_t distance = (int32_t)(starts[next() % (unsigned)count] - (at + 5));
      code[at] = next() & 1 ? 0xe8 : 0xe9;
      memcpy(code + at + 1, &distance, 4);
      at += 5;
    } else if (pieces[i].length <= room) {
      memcpy(code + at, pieces[i].bytes, pieces[i].length);
      at += pieces[i].length;
    } else {
      at += room; /* the nops that are there */
    }
  }
  return length;
}

static void report(int number, const char *name, long tried, long accepted) {
  static int before;
  printf("%s %d - %s: %ld tried, %ld accepted\n", failures > before ? "not ok" : "ok", number, name, tried, accepted);
  before = failures;
}

int main(void) {
  static uint8_t code[LENGTH_MOST + 64];
  long accepted = 0;
  model_start();
  collect_pieces();
  printf("1..5\n");

  for (int i = 0; i < 60000; i++) {
    size_t length = 32 * (next() % 9);
    for (size_t j = 0; j < length; j++)
      code[j] = (uint8_t)next();
    accepted += check(code, length, BASE, i & 1);
  }
  report(1, "random bytes", 60000, accepted);

  accepted = 0;
  for (int i = 0; i < 60000; i++) {
    size_t length = next() % 200, whole = compose(code);
    if (length % 32 == 0)
      length++;
    if (length > whole)
      length = whole - 1;
    if (check(code, length, BASE, false)) {
      fail("accepted with a torn end", code, length, length);
      accepted++;
    }
  }
  report(2, "cut-off input", 60000, accepted);

  accepted = 0;
  for (int i = 0; i < 40000; i++) {
    size_t length = compose(code);
    if (check(code, length, BASE, false))
      accepted++;
    else
      fail("a program of permitted pieces is refused", code, length, 0);
  }
  report(3, "programs of permitted pieces", 40000, accepted);

  accepted = 0;
  for (int i = 0; i < 400000; i++) {
    size_t length = compose(code);
    for (uint64_t j = 0, changes = 1 + next() % 3; j < changes; j++) {
      size_t at = next() % length;
      switch (next() % 3) {
      case 0:
        code[at] = (uint8_t)next();
        break;
      case 1:
        code[at] ^= 1 << next() % 8;
        break;
      case 2:
        memmove(code + at, code + at + 1, length - at - 1);
        break;
      }
    }
    accepted += check(code, length, BASE, i & 1);
  }
  report(4, "programs with changes", 400000, accepted);

  accepted = 0;
  for (int i = 0; i < 20000; i++) {
    size_t length = compose(code);
    uint32_t offset = (uint32_t)next();
    bool good = check(code, length, offset, false);
    if (good && (offset % 32 || (uint64_t)offset + length > 0x80000000))
      fail("accepted at a wrong place", code, length, 0);
    offset = 0x80000000 - (uint32_t)(32 * (next() % 8));
    accepted += check(code, length, offset, false);
  }
  report(5, "programs anywhere", 20000, accepted);
  return failures != 0;
}
