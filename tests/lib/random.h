/* Random numbers for the tests, each series from its seed alone (splitmix64). Tests only; no state but the caller's. */
#ifndef TESTS_LIB_RANDOM_H
#define TESTS_LIB_RANDOM_H

#include <stdint.h>

struct random {
  uint64_t state; /* at first the seed */
};

static inline uint64_t random_next(struct random *random) {
  uint64_t value = random->state += UINT64_C(0x9e3779b97f4a7c15);
  value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
  return value ^ value >> 31;
}

/* 0 to `below` - 1. */
static inline uint32_t random_below(struct random *random, uint32_t below) {
  return (uint32_t)(((random_next(random) >> 32) * below) >> 32);
}

#endif
