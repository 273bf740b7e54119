/* What tests/cli/run.sh runs sealed: argv[1] says what to do. */
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile int zero;
static volatile sig_atomic_t caught;

static void on_signal(int number) { caught = number; }

static void on_signal_rounding(int number) {
  fesetround(FE_UPWARD);
  caught = number;
}

__attribute__((noinline)) static int divide(int by) { return 7 / by; }

__attribute__((noinline)) static void overflow(volatile char *from) {
  volatile char frame[4096];
  frame[0] = *from;
  overflow(frame);
  frame[1] = frame[0];
}

/* Where no verified code is: a jump there is cut to the window. */
static void jump(unsigned long where) { ((void (*)(void))where)(); }

static void spin_until(volatile sig_atomic_t *flag) {
  while (!*flag)
    ;
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  unsigned long number = count > 2 ? strtoul(arguments[2], NULL, 0) : 0;
  if (!strcmp(what, "status"))
    return (int)number;
  if (!strcmp(what, "divide"))
    return divide(zero);
  if (!strcmp(what, "read"))
    return *(volatile char *)number;
  if (!strcmp(what, "write")) {
    *(volatile char *)number = 1;
    return 0;
  }
  if (!strcmp(what, "jump"))
    jump(number);
  if (!strcmp(what, "overflow"))
    overflow("");
  if (!strcmp(what, "abort"))
    abort();
  if (!strcmp(what, "raise"))
    raise((int)number);
  if (!strcmp(what, "open")) {
    int file = open(arguments[2], count > 3 ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
    puts(file < 0 ? strerror(errno) : "opened");
  }
  if (!strcmp(what, "variable"))
    puts(getenv(arguments[2]) ? getenv(arguments[2]) : "none");
  if (!strcmp(what, "allocate")) {
    /* Until nothing is left; then everything must still work. */
    unsigned long got = 0;
    char *last = NULL, *block;
    while (got < number && (block = malloc(1 << 20))) {
      memset(block, 1, 1 << 20);
      *(char **)block = last;
      last = block;
      got += 1 << 20;
    }
    printf("%lu\n", got >> 20);
    while (last) {
      block = *(char **)last;
      free(last);
      last = block;
    }
    block = malloc(1 << 20);
    puts(block ? "usable" : "unusable");
  }
  if (!strcmp(what, "execute"))
    puts(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? "refused"
                                                                                                   : "mapped");
  if (!strcmp(what, "wait")) {
    puts("ready");
    fflush(stdout);
    pause();
  }
  if (!strcmp(what, "spin")) {
    puts("ready");
    fflush(stdout);
    spin_until(&caught);
  }
  if (!strcmp(what, "handle")) {
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    puts("ready");
    fflush(stdout);
    if (number)
      spin_until(&caught);
    else
      while (!caught)
        pause();
    printf("caught %d\n", (int)caught);
  }
  if (!strcmp(what, "mode")) {
    int file = open(arguments[2], O_WRONLY | O_CREAT, 06755);
    puts(file >= 0 && chmod(arguments[2], 06755) == 0 ? "made" : strerror(errno));
  }
  if (!strcmp(what, "rounding")) {
    /* The handler changes the rounding; what it interrupts must not notice, whether it waits or computes. */
    signal(SIGINT, on_signal_rounding);
    puts("ready");
    fflush(stdout);
    if (number)
      spin_until(&caught);
    else
      pause();
    printf("%s\n", fegetround() == FE_TONEAREST ? "nearest" : "changed");
  }
  if (!strcmp(what, "unknown"))
    syscall(333), syscall(333);
  return 0;
}
