/* Near misses of the guarded sequences: each byte changed to every value, bytes left out, doubled and put in between,
 * at every alignment, and branches to each byte. What the verifier accepts, the model must accept. */
#include <stdio.h>
#include <string.h>

#include "tests/verifier/against_model.h"
#include "tests/verifier/model.h"

enum { ROOM = 64 };

static bool failed;

static bool try(const uint8_t *bytes, unsigned length, unsigned place) {
  return against_model(bytes, length, place, ROOM);
}

static void mutate(const uint8_t *bytes, unsigned length) {
  uint8_t copy[40];
  for (unsigned place = 0; place < 32; place++) {
    /* The sequence itself: accepted exactly where its bundle holds it. */
    bool fits = place + length <= 32;
    if (try(bytes, length, place) != fits) {
      uint8_t code[ROOM] = {0};
      memcpy(code, bytes, length);
      against_fail(code, ROOM, fits ? "the sequence is refused" : "the sequence is accepted across bundles", place);
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

static void report(int number, const char *name) {
  bool wrong = against_failures || !against_accepted;
  failed |= wrong;
  printf("%s %d - %s: %llu tried, %llu accepted, %llu wrong\n", wrong ? "not ok" : "ok", number, name, against_tried,
         against_accepted, against_failures);
  against_tried = against_accepted = against_failures = 0;
}

int main(void) {
  model_start();
  printf("1..7\n");

  for (int i = 0; i < against_stack_count; i++)
    mutate(against_stacks[i].bytes, against_stacks[i].length);
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
  against_accepted = 1;
  for (int i = 0; i < against_stack_count; i++)
    against_branches(against_stacks[i].bytes, against_stacks[i].length, 32, ROOM);
  for (int i = 0; i < model_sequence_count; i++)
    against_branches(model_sequences[i].bytes, model_sequences[i].length, 32, ROOM);
  report(5, "branches into sequences");
  against_accepted = 1;
  against_parallel(ROOM);
  report(6, "the parallel rule");
  bool counted = returns == 1 && indirect == 56;
  printf("%s 7 - there are one return sequence and 56 indirect ones\n", counted ? "ok" : "not ok");
  return failed || !counted;
}
