/* A lock over word_wait and word_wake. 4 bytes, all zero when free; not recursive. Any thread; never taken by code that
 * an event may have diverted in the middle of the library (dispatch.c sees to that). */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdint.h>

#include <signet/calls.h>

struct lock {
  uint32_t word; /* 0 free, 1 taken, 2 taken and somebody waits */
};

static inline void lock_take(struct lock *lock) {
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(&lock->word, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;
  while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
    signet_word_wait(&lock->word, 2, SIGNET_NEVER);
}

static inline void lock_give(struct lock *lock) {
  if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
    signet_word_wake(&lock->word, 1);
}

#endif
