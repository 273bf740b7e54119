/* Stacks that take turns on one host thread (fiber.h). port/sim only. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "port/sim/fiber.h"

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_start_switch_fiber(void **fake, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **bottom, size_t *size);
void __asan_unpoison_memory_region(void const volatile *memory, size_t length);
#else
#define __sanitizer_start_switch_fiber(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#define __sanitizer_finish_switch_fiber(fake, bottom, size) ((void)(fake), (void)(bottom), (void)(size))
#define __asan_unpoison_memory_region(memory, length) ((void)(memory), (void)(length))
#endif

static struct fiber *self;
static struct fiber outside; /* the host thread's own stack */
static const void *outside_bottom;
static size_t outside_size;

/* Keeps what a function keeps, and takes up what the other stack kept. */
void fiber_switch(void **from, void *to);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  mov %rsp, (%rdi)\n"
        "  mov %rsi, %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
        "  ret\n"
        ".size fiber_switch, . - fiber_switch\n");

struct fiber *fiber_self(void) {
  return self;
}

static void arrived(struct fiber *here, const void **from_bottom, size_t *from_size) {
  (void)from_bottom, (void)from_size;
  __sanitizer_finish_switch_fiber(here->fake, from_bottom, from_size);
}

static void switch_to(struct fiber *to) {
  struct fiber *from = self ? self : &outside;
  bool out = to == NULL;
  struct fiber *target = out ? &outside : to;
  self = to;
  __sanitizer_start_switch_fiber(&from->fake, out ? outside_bottom : to->stack, out ? outside_size : FIBER_STACK);
  fiber_switch(&from->at, target->at);
  arrived(from, NULL, NULL);
}

static void begin(void) {
  const void *bottom = NULL;
  size_t size = 0;
  arrived(self, &bottom, &size);
  if (!self->caller && bottom) {
    outside_bottom = bottom;
    outside_size = size;
  }
  self->function();
  abort();
}

void fiber_start(struct fiber *fiber, void (*function)(void)) {
  if (!fiber->stack) {
    fiber->stack = mmap(NULL, FIBER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber->stack == MAP_FAILED)
      abort();
  }
  __asan_unpoison_memory_region(fiber->stack, FIBER_STACK);
  void **top = (void **)(fiber->stack + FIBER_STACK);
  *--top = NULL; /* where begin would return to: keeps the stack aligned as after a call */
  *--top = (void *)(uintptr_t)begin;
  top -= 6;
  fiber->at = top;
  fiber->fake = NULL;
  fiber->function = function;
  fiber_continue(fiber);
}

void fiber_continue(struct fiber *fiber) {
  fiber->caller = self;
  switch_to(fiber);
}

void fiber_leave(void) { switch_to(self->caller); }
