/* poll and select: asks each description, and sleeps between rounds. Pipes wake the sleeper; a standard stream is asked
 * again after a while, because its channel carries one request at a time. Any thread; no lock. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "lib/linux.h"

#define ROUND_FIRST 1000000u /* nanoseconds between two rounds while a stream is watched; doubles */
#define ROUND_MOST 16000000u
#define SELECT_MOST 1024

/* Fills in revents. -> how many are not 0; *streams: a stream is among those that are not ready. */
static long look(struct pollfd *entries, uint64_t count, bool *streams) {
  long ready = 0;
  *streams = false;
  for (uint64_t i = 0; i < count; i++) {
    struct pollfd *entry = &entries[i];
    entry->revents = 0;
    if (entry->fd < 0)
      continue;
    struct description *description = signet_descriptor_get(entry->fd);
    if (description) {
      entry->revents = description->operations->poll(description, entry->events);
      *streams |= entry->revents == 0 && description->operations == &signet_stream_operations;
      signet_description_put(description);
    } else {
      entry->revents = POLLNVAL;
    }
    ready += entry->revents != 0;
  }
  return ready;
}

static long poll_until(struct pollfd *entries, uint64_t count, uint64_t deadline) {
  struct thread *self = signet_self();
  uint64_t round = ROUND_FIRST;
  long ready;
  __atomic_fetch_add(&signet_pipe_watchers, 1, __ATOMIC_SEQ_CST);
  for (;;) {
    bool streams;
    uint32_t seen = __atomic_load_n(&signet_pipe_changes, __ATOMIC_SEQ_CST);
    ready = look(entries, count, &streams);
    if (ready || deadline == 0)
      break;
    ready = -EINTR;
    if (signet_signals_ready(self))
      break;
    uint64_t now = signet_now(SIGNET_CLOCK_MONOTONIC), until = deadline;
    ready = 0;
    if (now >= deadline)
      break;
    if (streams && until > now + round)
      until = now + round;
    if (round < ROUND_MOST)
      round *= 2;
    __atomic_store_n(&self->waits_on, &signet_pipe_changes, __ATOMIC_RELEASE);
    signet_word_wait(&signet_pipe_changes, seen, until);
    __atomic_store_n(&self->waits_on, NULL, __ATOMIC_RELEASE);
  }
  __atomic_fetch_sub(&signet_pipe_watchers, 1, __ATOMIC_SEQ_CST);
  return ready;
}

/* A wait with another mask, which the signals that end it are delivered under. */
static long poll_masked(struct pollfd *entries, uint64_t count, uint64_t deadline, const uint64_t *mask) {
  struct thread *self = signet_self();
  uint64_t before = self->mask;
  if (mask)
    self->mask = *mask & ~(1ull << 8 | 1ull << 18); /* SIGKILL and SIGSTOP */
  long ready = poll_until(entries, count, deadline);
  if (mask) {
    if (ready == -EINTR)
      signet_signals_deliver(self);
    self->mask = before;
  }
  return ready;
}

/* A relative time to a deadline; a NULL one is for ever. False if it is not a time. */
static bool deadline_after(const long *timespec, uint64_t *deadline) {
  *deadline = SIGNET_NEVER;
  if (!timespec)
    return true;
  if (!signet_timespec_read(timespec, deadline))
    return false;
  if (*deadline)
    *deadline = signet_add_saturating(signet_now(SIGNET_CLOCK_MONOTONIC), *deadline);
  return true;
}

long signet_linux_poll(const long *argument) {
  int milliseconds = argument[2];
  const long timespec[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000l};
  uint64_t deadline;
  if ((uint64_t)argument[1] > SELECT_MOST * 4)
    return -EINVAL;
  deadline_after(milliseconds < 0 ? NULL : timespec, &deadline);
  return poll_until((struct pollfd *)argument[0], argument[1], deadline);
}

long signet_linux_ppoll(const long *argument) {
  uint64_t deadline;
  if ((uint64_t)argument[1] > SELECT_MOST * 4 || !deadline_after((const long *)argument[2], &deadline))
    return -EINVAL;
  return poll_masked((struct pollfd *)argument[0], argument[1], deadline, (const uint64_t *)argument[3]);
}

static bool bit_of(const uint64_t *set, int number) { return set && (set[number / 64] >> number % 64 & 1); }

static const struct {
  int asked, told;
} select_events[3] = {{POLLIN, POLLIN | POLLHUP | POLLERR}, {POLLOUT, POLLOUT | POLLERR}, {POLLPRI, POLLPRI}};

/* The three sets become one list of those that are watched, and back. */
static long select_until(int count, uint64_t *sets[3], uint64_t deadline, const uint64_t *mask) {
  uint32_t watched = 0;
  if (count < 0 || count > SELECT_MOST)
    return -EINVAL;
  for (int i = 0; i < count; i++)
    watched += bit_of(sets[0], i) || bit_of(sets[1], i) || bit_of(sets[2], i);
  struct pollfd entries[watched ? watched : 1];
  watched = 0;
  for (int i = 0; i < count; i++) {
    int events = 0;
    for (int kind = 0; kind < 3; kind++)
      if (bit_of(sets[kind], i))
        events |= select_events[kind].asked;
    if (events)
      entries[watched++] = (struct pollfd){i, events, 0};
  }
  long ready = poll_masked(entries, watched, deadline, mask);
  if (ready < 0)
    return ready;
  for (uint32_t i = 0; i < watched; i++)
    if (entries[i].revents & POLLNVAL)
      return -EBADF;
  for (int kind = 0; kind < 3; kind++)
    if (sets[kind])
      memset(sets[kind], 0, (count + 63) / 64 * sizeof(uint64_t));
  long bits = 0;
  for (uint32_t i = 0; i < watched; i++)
    for (int kind = 0; kind < 3; kind++)
      if ((entries[i].events & select_events[kind].asked) && (entries[i].revents & select_events[kind].told)) {
        sets[kind][entries[i].fd / 64] |= 1ull << entries[i].fd % 64;
        bits++;
      }
  return bits;
}

long signet_linux_select(const long *argument) {
  const long *timeval = (const long *)argument[4];
  uint64_t *sets[3] = {(uint64_t *)argument[1], (uint64_t *)argument[2], (uint64_t *)argument[3]}, deadline;
  long timespec[2];
  if (timeval) {
    if (timeval[0] < 0 || timeval[1] < 0)
      return -EINVAL;
    timespec[0] = signet_add_saturating(timeval[0], timeval[1] / 1000000) & INT64_MAX;
    timespec[1] = timeval[1] % 1000000 * 1000;
  }
  if (!deadline_after(timeval ? timespec : NULL, &deadline))
    return -EINVAL;
  return select_until(argument[0], sets, deadline, NULL);
}

long signet_linux_pselect6(const long *argument) {
  uint64_t *sets[3] = {(uint64_t *)argument[1], (uint64_t *)argument[2], (uint64_t *)argument[3]}, deadline;
  /* The sixth is a pair: the mask's address and its size. */
  const uint64_t *pair = (const uint64_t *)argument[5];
  if (!deadline_after((const long *)argument[4], &deadline))
    return -EINVAL;
  return select_until(argument[0], sets, deadline, pair ? (const uint64_t *)(uintptr_t)pair[0] : NULL);
}
