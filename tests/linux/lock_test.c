/* The kernel lock of port/linux: who waits for it gets it, though others take it again as soon as they have given it
 * up, and it is one thread's at a time. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define HELD 300000u /* nanoseconds: as long as a process can make the kernel hold it by one call */
#define TAKES 300u   /* by each who waits */
#define THREADS 3
#define WAITED_MOST UINT64_C(1000000000)

static _Atomic uint32_t mutex, ended;
static uint64_t inside, broken; /* by whoever has it */

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* This thread's processor time: the host may have others to run. */
static uint64_t worked(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void hold(uint64_t nanoseconds) {
  broken += inside++ != 0;
  for (uint64_t until = worked() + nanoseconds; nanoseconds && worked() < until;)
    ;
  broken += --inside != 0;
}

/* Who waits is woken elsewhere than where the lock was given up, if the host has two processors. */
static void pin(unsigned processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void *greedy(void *argument) {
  pin(0);
  while (!atomic_load(&ended)) {
    linux_mutex_lock(&mutex);
    hold(HELD);
    linux_mutex_unlock(&mutex);
  }
  return argument;
}

static void *modest(void *worst) {
  pin(1);
  for (unsigned i = 0; i < TAKES; i++) {
    uint64_t asked = now();
    linux_mutex_lock(&mutex);
    uint64_t waited = now() - asked;
    hold(0);
    linux_mutex_unlock(&mutex);
    if (waited > *(uint64_t *)worst)
      *(uint64_t *)worst = waited;
    if (waited > WAITED_MOST)
      break;
    nanosleep(&(struct timespec){0, 100000}, NULL);
  }
  return NULL;
}

int main(void) {
  pthread_t holder, waiter[THREADS];
  uint64_t worst[THREADS] = {0};
  bool good = pthread_create(&holder, NULL, greedy, NULL) == 0;
  for (unsigned i = 0; good && i < THREADS; i++)
    good = pthread_create(&waiter[i], NULL, modest, &worst[i]) == 0;
  if (!good) {
    printf("Bail out! no threads\n");
    return 1;
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(waiter[i], NULL);
  atomic_store(&ended, 1);
  pthread_join(holder, NULL);
  for (unsigned i = 0; i < THREADS; i++)
    ok(worst[i] <= WAITED_MOST, "who waits for a lock that another takes again and again gets it within %u ms: %u",
       (unsigned)(WAITED_MOST / 1000000), (unsigned)(worst[i] / 1000000));
  ok(!broken, "and has it alone");
  return finish();
}
