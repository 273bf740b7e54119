/* Signals within the process, and system facts: handlers, masks, waiting, time, limits, identity. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

static volatile int caught[65];
static volatile int nested;
static void handler(int number) { caught[number]++; }
static void handler_with(int number, siginfo_t *information, void *context) {
  caught[number] += 100;
  printf("signal %d %d context %d pid %d\n", number, information->si_signo, context != NULL,
         information->si_pid == getpid());
}
static void blocked_inside(int number) {
  nested++;
  caught[number]++;
  if (nested == 1) {
    raise(number);
    printf("still %d\n", caught[number]);
  }
}
static jmp_buf place;
static void jump(int number) { longjmp(place, number); }
static sigjmp_buf masked_place;
static void jump_masked(int number) { siglongjmp(masked_place, number); }

static void *send_later(void *argument) {
  usleep(30000);
  SHOW(pthread_kill(*(pthread_t *)argument, SIGUSR1));
  return NULL;
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  sigset_t set, old;
  SHOW(signal(SIGUSR1, handler) == SIG_DFL);
  SHOW(raise(SIGUSR1));
  SHOW(caught[SIGUSR1]);
  SHOW(kill(getpid(), SIGUSR1));
  SHOW(caught[SIGUSR1]);
  SHOW(kill(getpid(), 0));
  SHOW(kill(getpid(), 99));
  SHOW(kill(999999, 0));
  struct sigaction action = {.sa_sigaction = handler_with, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  SHOW(sigaction(SIGUSR2, &action, NULL));
  SHOW(kill(getpid(), SIGUSR2));
  SHOW(caught[SIGUSR2]);
  SHOW(signal(SIGUSR2, SIG_IGN) == SIG_DFL);
  SHOW(raise(SIGUSR2));
  SHOW(sigaction(SIGKILL, &action, NULL));
  SHOW(sigaction(70, &action, NULL));
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  SHOW(sigprocmask(SIG_BLOCK, &set, &old));
  SHOW(raise(SIGUSR1));
  SHOW(raise(SIGUSR1));
  SHOW(caught[SIGUSR1]);
  sigset_t pending;
  SHOW(sigpending(&pending));
  SHOW(sigismember(&pending, SIGUSR1));
  SHOW(sigprocmask(SIG_SETMASK, &old, NULL));
  SHOW(caught[SIGUSR1]);
  signal(SIGUSR2, blocked_inside);
  SHOW(raise(SIGUSR2));
  SHOW(caught[SIGUSR2]);
  signal(SIGTERM, jump);
  int got = setjmp(place);
  if (got == 0)
    raise(SIGTERM);
  SHOW(got);
  signal(SIGINT, jump_masked);
  for (volatile int i = 0; i < 3; i++) {
    got = sigsetjmp(masked_place, 1);
    if (got == 0)
      raise(SIGINT);
    SHOW(got);
  }
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  struct timespec short_time = {0, 1000000};
  SHOW(sigtimedwait(&set, NULL, &short_time));
  SHOW(sigtimedwait(&set, NULL, &short_time));
  /* Waits that a signal ends. */
  pthread_t self = pthread_self(), sender;
  pthread_create(&sender, NULL, send_later, &self);
  sigemptyset(&set);
  SHOW(sigsuspend(&set));
  pthread_join(sender, NULL);
  SHOW(caught[SIGUSR1]);
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  action = (struct sigaction){.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  pthread_create(&sender, NULL, send_later, &self);
  struct timespec rest, long_time = {20, 0};
  SHOW(nanosleep(&long_time, &rest));
  printf("rest %d\n", rest.tv_sec >= 18);
  pthread_join(sender, NULL);
  pthread_create(&sender, NULL, send_later, &self);
  SHOW(poll(NULL, 0, 20000));
  pthread_join(sender, NULL);
  int numbers[2];
  SHOW(pipe(numbers));
  char byte = 1;
  pthread_create(&sender, NULL, send_later, &self);
  SHOW(read(numbers[0], &byte, 1));
  pthread_join(sender, NULL);
  SHOW(caught[SIGUSR1]);
  /* Pipes and polling. */
  struct pollfd entries[3] = {{numbers[0], POLLIN, 0}, {numbers[1], POLLOUT, 0}, {99, POLLIN, 0}};
  SHOW(poll(entries, 3, 1000));
  printf("%x %x %x\n", entries[0].revents, entries[1].revents, entries[2].revents);
  SHOW(write(numbers[1], "abc", 3));
  SHOW(poll(entries, 1, 1000));
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(numbers[0], &in);
  FD_SET(numbers[1], &out);
  struct timeval brief = {0, 20000};
  SHOW(select(numbers[1] + 1, &in, &out, NULL, &brief));
  SHOW(FD_ISSET(numbers[0], &in));
  char text[10];
  SHOW(read(numbers[0], text, 10));
  long before = milliseconds();
  SHOW(select(numbers[1] + 1, &in, NULL, NULL, &brief));
  printf("waited %d\n", milliseconds() - before >= 19);
  SHOW(fcntl(numbers[0], F_SETFL, O_NONBLOCK));
  SHOW(read(numbers[0], text, 10));
  SHOW(close(numbers[1]));
  SHOW(read(numbers[0], text, 10));
  SHOW(poll(entries, 1, 1000));
  printf("%x\n", entries[0].revents);
  SHOW(pipe(numbers));
  SHOW(close(numbers[0]));
  signal(SIGPIPE, handler);
  SHOW(write(numbers[1], "x", 1));
  SHOW(caught[SIGPIPE]);
  SHOW(pipe2(numbers, O_NONBLOCK | O_CLOEXEC));
  long total = 0, put;
  static char many[3000];
  while ((put = write(numbers[1], many, sizeof many)) > 0)
    total += put;
  printf("filled %d, %s\n", total > 30000 && total <= 65536, strerror(errno));
  SHOW(lseek(numbers[0], 0, SEEK_SET));
  /* Time and the process. */
  SHOW(clock_gettime(99, &rest));
  SHOW(clock_getres(CLOCK_MONOTONIC, &rest));
  before = milliseconds();
  SHOW(usleep(20000));
  printf("slept %d\n", milliseconds() - before >= 20);
  struct timespec invalid = {0, 2000000000};
  SHOW(nanosleep(&invalid, NULL));
  struct timeval day;
  SHOW(gettimeofday(&day, NULL));
  printf("%d\n", time(NULL) - day.tv_sec <= 1 && day.tv_sec > 1600000000);
  volatile unsigned spin = 0;
  clock_t start = clock();
  while (clock() - start < CLOCKS_PER_SEC / 50)
    spin++;
  struct rusage usage;
  SHOW(getrusage(RUSAGE_SELF, &usage));
  printf("used %d\n", usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 19000);
  struct tms tms;
  SHOW_OK(times(&tms));
  struct utsname name;
  SHOW(uname(&name));
  printf("%s %s\n", name.sysname, name.machine);
  struct rlimit limit;
  SHOW(getrlimit(RLIMIT_NOFILE, &limit));
  SHOW(getrlimit(99, &limit));
  SHOW(getppid() != getpid());
  SHOW(sysconf(_SC_PAGESIZE));
  unsigned char random[100] = {0};
  int set_bits = 0;
  SHOW(getentropy(random, sizeof random));
  for (size_t i = 0; i < sizeof random; i++)
    set_bits += __builtin_popcount(random[i]);
  printf("random %d\n", set_bits > 300 && set_bits < 500);
  int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY), source = open("/dev/urandom", O_RDONLY);
  SHOW(write(null, text, 10));
  SHOW(read(null, text, 10));
  SHOW(read(zero, text, 10));
  SHOW(text[5]);
  SHOW(read(source, text, 10));
  SHOW(isatty(null));
  SHOW(isatty(99));
  signal(SIGALRM, SIG_DFL);
  fflush(stdout);
  abort();
}
