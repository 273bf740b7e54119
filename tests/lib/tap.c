/* What the native tests of lib/ and services/ share: see tap.h. */
#include "tests/lib/tap.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static int tests, failures;

void ok(bool condition, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  printf("%sok %d - ", condition ? "" : "not ", ++tests);
  vprintf(name, arguments);
  printf("\n");
  va_end(arguments);
  failures += !condition;
}

int finish(void) {
  printf("1..%d\n", tests);
  return failures != 0;
}

uint32_t test_random(void) {
  static uint64_t seed = 20240607;
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return seed >> 32;
}

static void *run_on(void *function) {
  ((void (*)(void))(uintptr_t)function)();
  return NULL;
}

void test_run_low(void (*function)(void)) {
  const size_t size = 8 << 20;
  void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  if (stack == MAP_FAILED || pthread_attr_setstack(&attributes, stack, size) ||
      pthread_create(&thread, &attributes, run_on, (void *)(uintptr_t)function))
    printf("Bail out! no low stack\n"), exit(1);
  pthread_join(thread, NULL);
}
