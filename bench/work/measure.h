/* Times one piece of work and checks its result; used by every program of bench/work, sealed and native alike. The
 * two lines that it prints are read by bench/run. */
#ifndef BENCH_WORK_MEASURE_H
#define BENCH_WORK_MEASURE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t measure_clock(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) {
    perror("clock_gettime");
    exit(2);
  }
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Runs work() once and prints the processor and wall time it took. Exits with status 1 if it does not return
 * `expected`. */
static inline int measure(uint64_t (*work)(void), uint64_t expected) {
  int64_t wall = measure_clock(CLOCK_MONOTONIC), cpu = measure_clock(CLOCK_PROCESS_CPUTIME_ID);
  uint64_t result = work();
  cpu = measure_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  wall = measure_clock(CLOCK_MONOTONIC) - wall;
  printf("result %016" PRIx64 "\ncpu_ns %" PRId64 "\nwall_ns %" PRId64 "\n", result, cpu, wall);
  if (result != expected) {
    printf("WRONG: expected %016" PRIx64 "\n", expected);
    return 1;
  }
  return 0;
}

/* A small generator of known numbers (xorshift64*), so that inputs are the same everywhere. */
static inline uint64_t measure_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
