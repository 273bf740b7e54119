/* Stacks that take turns on one host thread. port/sim only. */
#ifndef PORT_SIM_FIBER_H
#define PORT_SIM_FIBER_H

#include <stddef.h>

#define FIBER_STACK (256u << 10)

struct fiber {
  char *stack; /* NULL before the first start */
  void *at;    /* where it left */
  void (*function)(void);
  struct fiber *caller; /* who started it or went on with it last; NULL: the host thread's own stack */
  void *fake;           /* the address sanitizer's */
};

/* Runs the function on the fiber's stack, whatever was left there, until it leaves. The function never returns. */
void fiber_start(struct fiber *fiber, void (*function)(void));
/* Goes on where the fiber left. */
void fiber_continue(struct fiber *fiber);
/* Back to whoever started this one or went on with it. */
void fiber_leave(void);
/* The fiber that runs; NULL: none. */
struct fiber *fiber_self(void);

#endif
