/* Near misses of the guarded sequences: each byte changed to every value, bytes left out, doubled and put in between,
 * at every alignment, and branches to each byte. What the verifier accepts, the model must accept. */
#include <stdio.h>
#include <string.h>

#include "tests/verifier/model.h"
#include "verifier/verifier.h"

enum { BASE = 0x20000, ROOM = 64 };

static unsigned long long tried, accepted, failures;
static bool failed;
static uint64_t scratch[2];

static bool check(const uint8_t *code, bool parallel) {
  struct verifier_input input = {.code = code, .length = ROOM, .offset = BASE, .calls = 30, .parallel = parallel};
  struct verifier_outcome outcome;
  return verifier_check(&input, scratch, NULL, NULL, &outcome);
}

static void fail(const uint8_t *code, const char *why, size_t where) {
  if (failures++ >= 20)
    return;
  printf("# %s at %zu:", why, where);
  for (int i = 0; i < ROOM; i++)
    printf(" %02x", code[i]);
  printf("\n");
}

/* `bytes` at `place` among nops. Returns the verdict. */
static bool try(const uint8_t *bytes, unsigned length, unsigned place) {
  uint8_t code[ROOM];
  memset(code, 0x90, ROOM);
  memcpy(code + place, bytes, length);
  tried++;
  if (!check(code, false))
    return false;
  accepted++;
  size_t where = 0;
  const char *objection = model_object(code, ROOM, BASE, false, &where);
  if (objection)
    fail(code, objection, where);
  return true;
}

static void mutate(const uint8_t *bytes, unsigned length) {
  uint8_t copy[40];
  for (unsigned place = 0; place < 32; place++) {
    /* The sequence itself: accepted exactly where its bundle holds it. */
    bool fits = place + length <= 32;
    if (try(bytes, length, place) != fits) {
      uint8_t code[ROOM] = {0};
      memcpy(code, bytes, length);
      fail(code, fits ? "the sequence is refused" : "the sequence is accepted across bundles", place);
    }
    for (unsigned i = 0; i < length; i++) {
      memcpy(copy, bytes, length);
      for (unsigned value = 0; value < 256; value++) {
        copy[i] = (uint8_t)value;
        try(copy, length, place);
      }
      memcpy(copy + i, bytes + i + 1, length - i - 1); /* left out */
      try(copy, length - 1, place);
      static const uint8_t between[] = {0x90, 0x66, 0x67, 0xf3, 0xf2, 0xf0, 0x65, 0x48, 0x41, 0x44, 0x40, 0x2e, 0xcc};
      for (unsigned j = 0; j < sizeof between; j++) { /* put in between, in front too */
        memcpy(copy, bytes, i);
        copy[i] = between[j];
        memcpy(copy + i + 1, bytes + i, length - i);
        try(copy, length + 1, place);
      }
      copy[i] = bytes[i]; /* doubled */
      try(copy, length + 1, place);
    }
  }
}

/* A branch to each byte: accepted for the first only. */
static void branch_into(const uint8_t *bytes, unsigned length) {
  for (unsigned i = 0; i < length; i++) {
    uint8_t code[ROOM];
    memset(code, 0x90, ROOM);
    memcpy(code + 32, bytes, length);
    code[0] = 0xeb;
    code[1] = (uint8_t)(32 + i - 2);
    tried++;
    if (check(code, false) != (i == 0))
      fail(code, "a branch into the sequence", i);
  }
}

static void report(int number, const char *name) {
  failed |= failures || !accepted;
  printf("%s %d - %s: %llu tried, %llu accepted, %llu wrong\n", failures || !accepted ? "not ok" : "ok", number, name,
         tried, accepted, failures);
  tried = accepted = failures = 0;
}

int main(void) {
  static const uint8_t stacks[][13] = {
      {5, 0x89, 0xc4, 0x4c, 0x09, 0xf4},                                      /* mov %eax,%esp; or */
      {6, 0x44, 0x89, 0xcc, 0x4c, 0x01, 0xf4},                                /* mov %r9d,%esp; add */
      {7, 0x83, 0xc4, 0x10, 0x4a, 0x8d, 0x24, 0x34},                          /* add $16,%esp; lea */
      {6, 0x83, 0xe4, 0xf0, 0x4c, 0x09, 0xf4},                                /* and $-16,%esp; or */
      {9, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x4c, 0x01, 0xf4},              /* sub $4096,%esp; add */
      {5, 0x29, 0xcc, 0x4c, 0x09, 0xf4},                                      /* sub %ecx,%esp; or */
      {5, 0x03, 0xe1, 0x4c, 0x09, 0xf4},                                      /* add %ecx,%esp; or */
      {7, 0x8d, 0x64, 0x24, 0x08, 0x4c, 0x09, 0xf4},                          /* lea 8(%rsp),%esp; or */
      {11, 0x8d, 0xa4, 0xc5, 0x00, 0x01, 0x00, 0x00, 0x4a, 0x8d, 0x24, 0x34}, /* lea 256(%rbp,%rax,8),%esp; lea */
  };
  const int stack_count = sizeof stacks / sizeof *stacks;
  model_start();
  printf("1..7\n");

  for (int i = 0; i < stack_count; i++)
    mutate(stacks[i] + 1, stacks[i][0]);
  report(1, "near misses of stack sequences");
  int returns = 0, indirect = 0;
  for (int i = 0; i < model_sequence_count; i++)
    if (model_sequences[i].bytes[0] == 0x89) {
      mutate(model_sequences[i].bytes, model_sequences[i].length);
    } else {
      returns += model_sequences[i].returns;
      indirect += !model_sequences[i].returns;
    }
  report(2, "near misses of string sequences");
  for (int i = 0; i < model_sequence_count; i++)
    if (model_sequences[i].bytes[0] != 0x89 && !model_sequences[i].returns)
      mutate(model_sequences[i].bytes, model_sequences[i].length);
  report(3, "near misses of indirect sequences");
  for (int i = 0; i < model_sequence_count; i++)
    if (model_sequences[i].returns)
      mutate(model_sequences[i].bytes, model_sequences[i].length);
  report(4, "near misses of the return sequence");
  accepted = 1;
  for (int i = 0; i < stack_count; i++)
    branch_into(stacks[i] + 1, stacks[i][0]);
  for (int i = 0; i < model_sequence_count; i++)
    branch_into(model_sequences[i].bytes, model_sequences[i].length);
  report(5, "branches into sequences");

  /* Under the parallel rule the return sequence, and nothing else, is refused. */
  accepted = 1;
  for (int i = 0; i < model_sequence_count; i++) {
    uint8_t code[ROOM];
    memset(code, 0x90, ROOM);
    memcpy(code, model_sequences[i].bytes, model_sequences[i].length);
    tried++;
    if (check(code, true) == model_sequences[i].returns)
      fail(code, "the parallel rule", 0);
  }
  report(6, "the parallel rule");
  bool counted = returns == 1 && indirect == 56;
  printf("%s 7 - there are one return sequence and 56 indirect ones\n", counted ? "ok" : "not ok");
  return failed || !counted;
}
