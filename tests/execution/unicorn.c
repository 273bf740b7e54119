/* Random programs that the verifier accepts, and near misses that it accepts, executed in Unicorn, where the effect of
 * each instruction is watched (unicorn_engine.c). Then escapes written by hand, which the verifier refuses: run anyway,
 * each must be noticed. Arguments: see usage. Prints TAP, or with --record what was counted. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/execution/unicorn_controls.h"
#include "tests/execution/unicorn_engine.h"
#include "tests/lib/figures.h"

#define STEPS_MOST 400 /* instructions of one program: many loop */
#define MISSES 4       /* near misses that are tried of each program */

static struct { uint64_t programs, misses, refused, instructions, calls, accesses, ends[ENGINE_ENDS + 1]; } counted;
static unsigned failed; /* programs: after some it ends */
#define FAILED_MOST 8

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void run(const struct program *program, const struct program_start *start, uint64_t seed, unsigned miss) {
  struct engine_result result;
  engine_run(program, start, true, STEPS_MOST, &result);
  counted.instructions += result.instructions;
  counted.calls += result.calls;
  counted.accesses += result.accesses;
  counted.ends[result.end]++;
  if (!result.wrong)
    return;
  failed++;
  printf("# seed %llu%s%.0u: %s, at 0x%x: %s\n", (unsigned long long)seed, miss ? ", near miss " : "", miss,
         result.wrong, result.where, result.text);
  printf("# build/tests/execution/unicorn --seed %llu --count 1\n", (unsigned long long)seed);
}

static void try_seed(uint64_t seed) {
  static struct program program, other;
  static struct program_start start;
  program_generate(&program, &start, seed, engine_features());
  run(&program, &start, seed, 0);
  counted.programs++;
  for (unsigned i = 1; i <= MISSES; i++) {
    other = program;
    if (!program_near_miss(&other, seed * MISSES + i)) {
      counted.refused++;
      continue;
    }
    counted.misses++;
    run(&other, &start, seed, i);
  }
}

static const char *prefix;
static void print_unsupported(const char *mnemonic, uint64_t times) {
  static int width;
  if (width > 100)
    width = 0;
  if (!width)
    printf("\n%s ", prefix);
  width += printf(" %s (%s)", mnemonic, thousands(times));
}

static void print_counts(bool record) {
  prefix = record ? "record: " : "# ";
  printf("%s%s programs that the verifier accepts, and %s near misses of them that it accepts (it refused %s), ran in "
         "the emulator\n",
         prefix, thousands(counted.programs), thousands(counted.misses), thousands(counted.refused));
  printf("%s%s instructions executed, each checked against what was verified and what Zydis says of it\n", prefix,
         thousands(counted.instructions));
  printf("%s%s accesses to memory, each in the window and by an operand of its instruction; %s kernel calls\n", prefix,
         thousands(counted.accesses), thousands(counted.calls));
  printf("%sthey ended: %s by a fault of memory, %s by an exception, %s by a kernel call, %s at the limit of %d "
         "instructions, %s at one that the emulator does not know:",
         prefix, thousands(counted.ends[ENGINE_FAULT]), thousands(counted.ends[ENGINE_EXCEPTION]),
         thousands(counted.ends[ENGINE_OUTSIDE]), thousands(counted.ends[ENGINE_STEPS]), STEPS_MOST,
         thousands(counted.ends[ENGINE_UNSUPPORTED]));
  engine_unsupported(print_unsupported);
  putchar('\n');
}

static int usage(int status) {
  fprintf(status ? stderr : stdout, "usage: unicorn [--seed N] [--count N | --seconds N] [--record]\n"
                                    "Runs random verified programs in an emulator and watches each instruction.\n"
                                    "  --seed N     the first program's (1)\n"
                                    "  --count N    so many programs; --seconds N: as many as fit\n"
                                    "  --record     print counts for the record instead of TAP\n"
                                    "Ends with 0 if nothing was found, 1 if something was, 2 for wrong arguments.\n");
  return status;
}

int main(int count, char **arguments) {
  static const struct option options[] = {{"seed", 1, NULL, 's'},   {"count", 1, NULL, 'c'}, {"seconds", 1, NULL, 't'},
                                          {"record", 0, NULL, 'r'}, {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
  uint64_t seed = 1, programs = UINT64_MAX;
  double most = 10;
  bool record = false;
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    switch (option) {
    case 's':
      seed = strtoull(optarg, NULL, 0);
      break;
    case 'c':
      programs = strtoull(optarg, NULL, 0);
      most = 1e9;
      break;
    case 't':
      most = strtod(optarg, NULL);
      break;
    case 'r':
      record = true;
      break;
    case 'h':
      return usage(0);
    default:
      return usage(2);
    }
  }
  if (!engine_start()) {
    printf("Bail out! Unicorn does not start\n");
    return 1;
  }
  unsigned controls = 0, noticed = controls_run(&controls);
  double began = seconds(), told = began;
  for (uint64_t i = 0; i < programs && seconds() - began < most && failed < FAILED_MOST; i++) {
    try_seed(seed + i);
    if (isatty(2) && seconds() - told > 1) {
      told = seconds();
      fprintf(stderr, "\r%s programs ", thousands(counted.programs));
    }
  }
  print_counts(record);
  if (record) {
    printf("record: %u escapes written by hand, which the verifier refuses, were run all the same: %u noticed\n",
           controls, noticed);
    return failed || noticed != controls;
  }
  printf("%sok 1 - nothing that verified programs did in the emulator was more than they may\n", failed ? "not " : "");
  printf("%sok 2 - %u of %u escapes that the verifier refuses are noticed when they run\n",
         noticed == controls ? "" : "not ", noticed, controls);
  printf("1..2\n");
  return failed || noticed != controls;
}
