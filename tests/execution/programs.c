/* The generator of random programs alone: every program passes the verifier (or the generator ends this test), a seed
 * makes the same one each time, programs do all the kinds of things that they can, and of near misses some are accepted
 * and some refused. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "tests/execution/program.h"
#include "verifier/verifier.h"

enum { PROGRAMS = 100000, FEATURES_ALL = (1 << 23) - 1 };

static int number, failures;

static void ok(bool condition, const char *name) {
  failures += !condition;
  printf("%sok %d - %s\n", condition ? "" : "not ", ++number, name);
}

static bool contains(const struct program *program, const void *bytes, size_t length) {
  return memmem(program->code, program->length, bytes, length) != NULL;
}

int main(void) {
  static struct program program, again;
  static struct program_start start, start_again;
  static uint8_t data[PROGRAM_DATA_LENGTH], data_again[PROGRAM_DATA_LENGTH];
  static const uint8_t returning[] = {0x24, 0xc3}, syscall[] = {0x0f, 0x05}, entry[] = {0x41, 0xff};
  bool same = true, plain = true;
  long accepted = 0, returns = 0, hidden = 0, entries = 0, parallel = 0;
  uint32_t features = 0;
  printf("1..5\n");
  for (uint64_t seed = 0; seed < PROGRAMS; seed++) {
    program_generate(&program, &start, seed, FEATURES_ALL);
    program_generate(&again, &start_again, seed, FEATURES_ALL);
    same &= memcmp(&program, &again, sizeof program) == 0 && memcmp(&start, &start_again, sizeof start) == 0;
    features |= program.features;
    returns += contains(&program, returning, sizeof returning);
    hidden += contains(&program, syscall, sizeof syscall);
    entries += contains(&program, entry, sizeof entry);
    parallel += program.parallel;
    accepted += program_near_miss(&again, seed);
    program_generate(&program, &start, seed, 0);
    plain &= program.features == 0;
  }
  program_data(data, 1);
  program_data(data_again, 1);
  ok(same && memcmp(data, data_again, sizeof data) == 0, "a seed makes one program");
  ok(plain, "a program uses the processor's features that it may use, and no others");
  ok(features == FEATURES_ALL, "every feature comes up");
  ok(returns > PROGRAMS / 20 && hidden > PROGRAMS / 100 && entries > PROGRAMS / 20 && parallel > PROGRAMS / 10,
     "there are masked returns, system calls hidden in immediates, calls of the kernel, and the parallel rule");
  ok(accepted > PROGRAMS / 20 && accepted < PROGRAMS / 2, "of near misses some are accepted and some refused");
  printf("# %ld of %d near misses accepted\n", accepted, PROGRAMS);
  return failures != 0;
}
