/* Waits for SIGINT in the way that its argument names, and says what happened. tests/lib/events.sh sends the signal. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static sigjmp_buf place;
static void handler(int number) { caught = number; }
static void jump(int number) { siglongjmp(place, number); }

static void handle(void (*function)(int), int flags) {
  struct sigaction action = {.sa_handler = function, .sa_flags = flags};
  sigaction(SIGINT, &action, NULL);
}

static void *spin(void *argument) {
  while (!caught)
    ++*(volatile long *)argument;
  return NULL;
}

int main(int count, char **arguments) {
  const char *way = count > 1 ? arguments[1] : "";
  char line[100];
  setvbuf(stdout, NULL, _IONBF, 0);
  if (strcmp(way, "read") == 0 || strcmp(way, "restart") == 0) {
    handle(handler, way[0] == 'r' && way[2] == 's' ? SA_RESTART : 0);
    printf("ready\n");
    ssize_t got = read(0, line, 4);
    if (got < 0) {
      printf("%s %d\n", strerror(errno), caught);
      caught = 0;
      /* What was asked before the signal comes to whoever reads next, in any sizes. */
      printf("tty %d\n", isatty(0));
      got = read(0, line, 4);
    }
    printf("read %.*s %d\n", (int)got, line, caught);
    while ((got = read(0, line, 3)) > 0)
      printf("read %.*s\n", (int)got, line);
  } else if (strcmp(way, "spin") == 0) {
    long counted = 0;
    handle(handler, 0);
    printf("ready\n");
    spin(&counted);
    printf("caught %d\n", caught);
  } else if (strcmp(way, "thread") == 0) {
    long counted = 0;
    pthread_t thread;
    handle(handler, 0);
    pthread_create(&thread, NULL, spin, &counted);
    printf("ready\n");
    pthread_join(thread, NULL);
    printf("caught %d\n", caught);
  } else if (strcmp(way, "ignore") == 0) {
    signal(SIGINT, SIG_IGN);
    printf("ready\n");
    printf("read %zd\n", read(0, line, 4));
  } else if (strcmp(way, "sleep") == 0) {
    struct timespec time = {30, 0}, rest = {0, 0};
    handle(handler, SA_RESTART);
    printf("ready\n");
    int error = nanosleep(&time, &rest) ? errno : 0;
    printf("%s, rest %d\n", strerror(error), rest.tv_sec > 10);
  } else if (strcmp(way, "poll") == 0) {
    struct pollfd entry = {0, POLLIN, 0};
    handle(handler, SA_RESTART);
    printf("ready\n");
    int error = poll(&entry, 1, 30000) < 0 ? errno : 0;
    printf("%s\n", strerror(error));
  } else if (strcmp(way, "wait") == 0) {
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\n");
    sigwait(&set, &number);
    printf("waited %d\n", number);
  } else if (strcmp(way, "blocked") == 0) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    handle(handler, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\n");
    ssize_t got = read(0, line, 4);
    printf("read %.*s %d\n", (int)got, line, caught);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    printf("caught %d\n", caught);
  } else if (strcmp(way, "jump") == 0) {
    handle(jump, 0);
    int number = sigsetjmp(place, 1);
    if (number == 0) {
      printf("ready\n");
      printf("read %zd\n", read(0, line, 4));
    }
    printf("jumped %d\n", number);
  } else if (strcmp(way, "default") == 0) {
    /* A handler that is gone again. */
    handle(handler, 0);
    signal(SIGINT, SIG_DFL);
    printf("ready\n");
    printf("read %zd\n", read(0, line, 4));
  } else if (strcmp(way, "mutex") == 0) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec late;
    handle(handler, 0);
    pthread_mutex_lock(&mutex);
    printf("ready\n");
    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 1;
    printf("%s", strerror(pthread_mutex_timedlock(&mutex, &late)));
    printf(" %d\n", caught);
  }
  return 0;
}
