/* Clocks and sleeping. Any thread; no lock. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/linux.h"

#define TICKS 100 /* of times(), a second: what sysconf says */

uint64_t signet_now(enum signet_clock clock) { return signet_clock_read(clock).value; }

uint64_t signet_add_saturating(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

bool signet_timespec_read(const long *timespec, uint64_t *nanoseconds) {
  if (timespec[0] < 0 || timespec[1] < 0 || timespec[1] >= (long)NANOSECONDS)
    return false;
  if ((uint64_t)timespec[0] >= UINT64_MAX / NANOSECONDS)
    *nanoseconds = UINT64_MAX;
  else
    *nanoseconds = timespec[0] * NANOSECONDS + timespec[1];
  return true;
}

static bool clock_of(long linux_clock, enum signet_clock *clock) {
  switch (linux_clock) {
  case CLOCK_REALTIME:
  case CLOCK_REALTIME_COARSE:
    *clock = SIGNET_CLOCK_REALTIME;
    return true;
  case CLOCK_MONOTONIC:
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_MONOTONIC_COARSE:
  case CLOCK_BOOTTIME:
    *clock = SIGNET_CLOCK_MONOTONIC;
    return true;
  case CLOCK_PROCESS_CPUTIME_ID:
    *clock = SIGNET_CLOCK_PROCESS;
    return true;
  case CLOCK_THREAD_CPUTIME_ID:
    *clock = SIGNET_CLOCK_THREAD;
    return true;
  }
  return false;
}

long signet_linux_clock_gettime(const long *argument) {
  enum signet_clock clock;
  long *to = (long *)argument[1];
  if (!clock_of(argument[0], &clock))
    return -EINVAL;
  uint64_t now = signet_now(clock);
  to[0] = now / NANOSECONDS;
  to[1] = now % NANOSECONDS;
  return 0;
}

long signet_linux_clock_getres(const long *argument) {
  enum signet_clock clock;
  long *to = (long *)argument[1];
  if (!clock_of(argument[0], &clock))
    return -EINVAL;
  if (to) {
    to[0] = 0;
    to[1] = 1;
  }
  return 0;
}

long signet_linux_gettimeofday(const long *argument) {
  long *to = (long *)argument[0];
  uint64_t now = signet_now(SIGNET_CLOCK_REALTIME);
  if (to) {
    to[0] = now / NANOSECONDS;
    to[1] = now % NANOSECONDS / 1000;
  }
  return 0;
}

long signet_linux_time(const long *argument) {
  long now = signet_now(SIGNET_CLOCK_REALTIME) / NANOSECONDS;
  if (argument[0])
    *(long *)argument[0] = now;
  return now;
}

long signet_linux_times(const long *argument) {
  long *to = (long *)argument[0];
  if (to) {
    memset(to, 0, 4 * sizeof *to);
    to[0] = signet_now(SIGNET_CLOCK_PROCESS) / (NANOSECONDS / TICKS);
  }
  return signet_now(SIGNET_CLOCK_MONOTONIC) / (NANOSECONDS / TICKS);
}

long signet_linux_getrusage(const long *argument) {
  enum signet_clock clock = SIGNET_CLOCK_PROCESS;
  struct rusage *usage = (struct rusage *)argument[1];
  if (argument[0] == 1 /* RUSAGE_THREAD */)
    clock = SIGNET_CLOCK_THREAD;
  else if (argument[0] != RUSAGE_SELF && argument[0] != RUSAGE_CHILDREN)
    return -EINVAL;
  /* Linux's structure: two timevals and fourteen longs; musl's has more behind it. */
  memset(usage, 0, 18 * sizeof(long));
  if (argument[0] != RUSAGE_CHILDREN) {
    uint64_t now = signet_now(clock);
    usage->ru_utime.tv_sec = now / NANOSECONDS;
    usage->ru_utime.tv_usec = now % NANOSECONDS / 1000;
    struct signet_usage used;
    if (signet_process_usage(&used).status == SIGNET_OK)
      usage->ru_maxrss = used.used.memory / 1024;
  }
  return 0;
}

long signet_sleep_until(uint64_t deadline) {
  struct thread *self = signet_self();
  for (;;) {
    uint32_t arrivals = __atomic_load_n(&self->arrivals, __ATOMIC_ACQUIRE);
    if (signet_signals_ready(self))
      return -EINTR;
    if (signet_word_wait(&self->arrivals, arrivals, deadline).status == SIGNET_TIMEOUT)
      return 0;
  }
}

static void write_rest(long *rest, uint64_t deadline) {
  uint64_t now = signet_now(SIGNET_CLOCK_MONOTONIC);
  uint64_t left = now < deadline ? deadline - now : 0;
  if (rest) {
    rest[0] = left / NANOSECONDS;
    rest[1] = left % NANOSECONDS;
  }
}

long signet_linux_clock_nanosleep(const long *argument) {
  enum signet_clock clock;
  uint64_t time;
  if (!clock_of(argument[0], &clock) || clock == SIGNET_CLOCK_THREAD ||
      !signet_timespec_read((long *)argument[2], &time))
    return -EINVAL;
  if (clock == SIGNET_CLOCK_PROCESS)
    return -ENOTSUP;
  bool absolute = argument[1] & TIMER_ABSTIME;
  if (absolute && clock == SIGNET_CLOCK_REALTIME) {
    uint64_t now = signet_now(SIGNET_CLOCK_REALTIME);
    time = time > now ? time - now : 0;
  }
  uint64_t deadline = time;
  if (!absolute || clock == SIGNET_CLOCK_REALTIME)
    deadline = signet_add_saturating(signet_now(SIGNET_CLOCK_MONOTONIC), time);
  long error = signet_sleep_until(deadline);
  if (error && !absolute)
    write_rest((long *)argument[3], deadline);
  return error;
}

long signet_linux_nanosleep(const long *argument) {
  long full[6] = {CLOCK_MONOTONIC, 0, argument[0], argument[1], 0, 0};
  return signet_linux_clock_nanosleep(full);
}
