/* The watch: see watch.h. The word counts begins and ends: odd while something is watched. */
#include "apps/web/extension/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun;
static struct timespec deadline;
static uint64_t turn; /* odd: watched */
static int asleep;    /* the thread has nothing to watch */

static int later(const struct timespec *one, const struct timespec *other) {
  return one->tv_sec != other->tv_sec ? one->tv_sec > other->tv_sec : one->tv_nsec > other->tv_nsec;
}

static void *watch(void *unused) {
  pthread_mutex_lock(&mutex);
  for (;;) {
    while (!(turn & 1)) {
      asleep = 1;
      pthread_cond_wait(&begun, &mutex);
    }
    asleep = 0;
    struct timespec until = deadline, now;
    uint64_t watched = turn;
    pthread_cond_timedwait(&begun, &mutex, &until);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (turn == watched && !later(&until, &now)) {
      fputs("a request took too long; the process ends\n", stderr);
      abort();
    }
  }
  return unused;
}

static void start(void) {
  pthread_condattr_t monotonic;
  pthread_attr_t small;
  pthread_t thread;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&begun, &monotonic);
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  if (pthread_create(&thread, &small, watch, NULL) != 0)
    abort();
}

void watch_begin(uint32_t seconds) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  pthread_mutex_lock(&mutex);
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += seconds;
  turn++;
  if (asleep)
    pthread_cond_signal(&begun);
  asleep = 0;
  pthread_mutex_unlock(&mutex);
}

void watch_end(void) {
  pthread_mutex_lock(&mutex);
  turn++;
  pthread_mutex_unlock(&mutex);
}
