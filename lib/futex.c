/* futex over word_wait and word_wake. A thread that Linux would move to another queue is woken instead: its own loop
 * makes it wait again. Priority inheritance is not offered. Any thread; no lock. */
#include <errno.h>
#include <limits.h>

#include "lib/linux.h"

/* As Linux numbers them; musl has no header for programs. */
enum {
  FUTEX_WAIT = 0,
  FUTEX_WAKE = 1,
  FUTEX_REQUEUE = 3,
  FUTEX_CMP_REQUEUE = 4,
  FUTEX_WAIT_BITSET = 9,
  FUTEX_WAKE_BITSET = 10,
  FUTEX_PRIVATE_FLAG = 128,
  FUTEX_CLOCK_REALTIME = 256,
};

static long wait_for(uint32_t *word, uint32_t expected, uint64_t deadline) {
  struct thread *self = signet_self();
  __atomic_store_n(&self->waits_on, word, __ATOMIC_RELEASE);
  long result = 0;
  if (signet_signals_ready(self))
    result = -EINTR;
  else
    result = signet_error(signet_word_wait(word, expected, deadline));
  __atomic_store_n(&self->waits_on, NULL, __ATOMIC_RELEASE);
  if (result == 0 && signet_signals_ready(self))
    result = -EINTR;
  return result == -EINTR && deadline == SIGNET_NEVER ? INTERRUPTED_AGAIN : result;
}

/* The deadline of a wait; false if the time is not one. */
static bool deadline_of(const long *timespec, bool absolute, bool realtime, uint64_t *deadline) {
  *deadline = SIGNET_NEVER;
  if (!timespec)
    return true;
  if (!signet_timespec_read(timespec, deadline))
    return false;
  if (absolute && !realtime)
    return true;
  uint64_t left = *deadline;
  if (absolute) {
    uint64_t now = signet_now(SIGNET_CLOCK_REALTIME);
    left = left > now ? left - now : 0;
  }
  *deadline = signet_add_saturating(signet_now(SIGNET_CLOCK_MONOTONIC), left);
  return true;
}

long signet_linux_futex(const long *argument) {
  uint32_t *word = (uint32_t *)argument[0];
  uint32_t operation = argument[1] & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), value = argument[2];
  bool realtime = argument[1] & FUTEX_CLOCK_REALTIME;
  uint64_t deadline, most = value;
  if ((uintptr_t)word % 4)
    return -EINVAL;
  switch (operation) {
  case FUTEX_WAIT:
  case FUTEX_WAIT_BITSET:
    if (operation == FUTEX_WAIT_BITSET && (uint32_t)argument[5] == 0)
      return -EINVAL;
    if (!deadline_of((const long *)argument[3], operation == FUTEX_WAIT_BITSET, realtime, &deadline))
      return -EINVAL;
    return wait_for(word, value, deadline);
  case FUTEX_CMP_REQUEUE:
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != (uint32_t)argument[5])
      return -EAGAIN;
    /* fall through */
  case FUTEX_REQUEUE:
    most += (uint32_t)argument[3];
    /* fall through */
  case FUTEX_WAKE:
    return signet_word_wake(word, most > INT_MAX ? INT_MAX : most).value;
  case FUTEX_WAKE_BITSET:
    /* Bits are not kept: all are woken and look again. */
    return signet_word_wake(word, value == 0 ? 0 : INT_MAX).value;
  }
  return -ENOSYS;
}
