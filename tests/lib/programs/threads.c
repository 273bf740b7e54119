/* Threads: creation and the end in every way, mutexes, conditions with timeouts, barriers, semaphores, once,
 * thread-local data, detached threads, cancellation, pipes between threads. */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

enum { THREADS = 8, ROUNDS = 20000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static long counter, turn, once_count;
static _Thread_local long own = 5;
static pthread_key_t key;

static void count_once(void) { once_count++; }
static void destroy(void *value) { __atomic_fetch_add((long *)value, 1, __ATOMIC_SEQ_CST); }

static void *work(void *argument) {
  long number = (long)argument;
  pthread_once(&once, count_once);
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
    own++;
  }
  pthread_barrier_wait(&barrier);
  /* One after the other. */
  pthread_mutex_lock(&mutex);
  while (turn != number)
    pthread_cond_wait(&condition, &mutex);
  turn++;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  sem_post(&semaphore);
  return (void *)(number * 10 + (own == 5 + ROUNDS));
}

static void unlock(void *held) { pthread_mutex_unlock(held); }

static void *wait_for_ever(void *argument) {
  (void)argument;
  pthread_mutex_lock(&mutex);
  pthread_cleanup_push(unlock, &mutex);
  for (;;)
    pthread_cond_wait(&condition, &mutex);
  pthread_cleanup_pop(1);
  return NULL;
}

static void *read_pipe(void *argument) {
  char bytes[64];
  long sum = 0, got;
  while ((got = read(*(int *)argument, bytes, sizeof bytes)) > 0)
    for (long i = 0; i < got; i++)
      sum += bytes[i];
  return (void *)sum;
}

static void *leave(void *argument) {
  pthread_setspecific(key, argument);
  pthread_exit((void *)77);
}

static sem_t left;
static void *detached(void *argument) {
  sem_post(&left);
  return argument;
}

int main(void) {
  pthread_t threads[THREADS];
  pthread_barrier_init(&barrier, NULL, THREADS);
  sem_init(&semaphore, 0, 0);
  for (long i = 0; i < THREADS; i++)
    SHOW(pthread_create(&threads[i], NULL, work, (void *)i));
  for (long i = 0; i < THREADS; i++) {
    void *result;
    SHOW(pthread_join(threads[i], &result));
    printf("%ld\n", (long)result);
  }
  printf("counter %ld turn %ld once %ld own %ld\n", counter, turn, once_count, own);
  int value;
  sem_getvalue(&semaphore, &value);
  SHOW(value);

  struct timespec now, late;
  clock_gettime(CLOCK_REALTIME, &now);
  late = now;
  late.tv_nsec += 30000000;
  if (late.tv_nsec >= 1000000000)
    late.tv_sec++, late.tv_nsec -= 1000000000;
  pthread_mutex_lock(&mutex);
  printf("%s\n", strerror(pthread_cond_timedwait(&condition, &mutex, &late)));
  pthread_mutex_unlock(&mutex);
  struct timespec after;
  clock_gettime(CLOCK_REALTIME, &after);
  long waited = (after.tv_sec - now.tv_sec) * 1000 + (after.tv_nsec - now.tv_nsec) / 1000000;
  printf("waited %d\n", waited >= 29 && waited < 2000);
  sem_t empty;
  sem_init(&empty, 0, 0);
  SHOW(sem_timedwait(&empty, &late));
  SHOW(sem_trywait(&empty));

  int numbers[2];
  SHOW(pipe(numbers));
  pthread_t reader;
  pthread_create(&reader, NULL, read_pipe, &numbers[0]);
  static char bytes[200000];
  memset(bytes, 1, sizeof bytes);
  SHOW(write(numbers[1], bytes, sizeof bytes));
  SHOW(close(numbers[1]));
  void *sum;
  pthread_join(reader, &sum);
  printf("sum %ld\n", (long)sum);

  long destroyed = 0;
  pthread_key_create(&key, destroy);
  pthread_t leaver;
  void *result;
  pthread_create(&leaver, NULL, leave, &destroyed);
  pthread_join(leaver, &result);
  printf("left %ld destroyed %ld\n", (long)result, destroyed);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 32768);
  sem_init(&left, 0, 0);
  for (int i = 0; i < 500; i++) {
    pthread_t one;
    int error = pthread_create(&one, &attributes, detached, NULL);
    if (error)
      printf("detached %d: %s\n", i, strerror(error));
    if (i % 10 == 9)
      for (int j = 0; j < 10; j++)
        sem_wait(&left);
  }
  printf("detached\n");

  pthread_t waiter;
  pthread_create(&waiter, NULL, wait_for_ever, NULL);
  usleep(20000);
  SHOW(pthread_cancel(waiter));
  SHOW(pthread_join(waiter, &result));
  printf("cancelled %d, mutex %d\n", result == PTHREAD_CANCELED, pthread_mutex_trylock(&mutex));
  return 0;
}
