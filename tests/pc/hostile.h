/* What hostile.c tells hostile_child.c to do. */
#ifndef TESTS_PC_HOSTILE_H
#define TESTS_PC_HOSTILE_H

#include <stdint.h>

enum hostile_act {
  HOSTILE_NOTHING,
  HOSTILE_LEAVE,           /* a kernel call, by a jump, with this stack pointer */
  HOSTILE_LEAVE_WRITABLE,  /* the same with a good one */
  HOSTILE_LEAVE_READ_ONLY, /* the same with a return address in read-only memory */
  HOSTILE_CALL,            /* a kernel call, by a call */
  HOSTILE_SPIN,            /* computes with this stack pointer */
  HOSTILE_EVENT,           /* computes, waits for an event with this stack pointer */
  HOSTILE_SWEEP,           /* every guarded sequence, many times */
  HOSTILE_WRITE,           /* writes there */
  HOSTILE_READ,
  HOSTILE_JUMP,
  HOSTILE_VECTORS, /* keeps a pattern of its own (stack) in every vector and x87 register, `times` over */
  HOSTILE_RETURN,  /* returns, `times` over, while another thread writes over the return address */
};

struct hostile {
  uint32_t act, reserved;
  uint64_t stack, times;
};

#endif
