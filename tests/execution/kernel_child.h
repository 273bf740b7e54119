/* What kernel.c tells kernel_child.c to do, and what that says of it. */
#ifndef TESTS_EXECUTION_KERNEL_CHILD_H
#define TESTS_EXECUTION_KERNEL_CHILD_H

#include <stdint.h>

/* A process's secrets: SECRET_TAG, then its number in 12 bits, then any 24 bits. */
#define SECRET_TAG UINT64_C(0x5ec12e7)
#define SECRET(number, any) (SECRET_TAG << 36 | (uint64_t)(number) << 24 | ((any)&0xffffff))
#define SECRET_IS(value) ((value) >> 36 == SECRET_TAG)
#define SECRET_NUMBER(value) ((uint32_t)((value) >> 24 & 0xfff))

enum child_mode {
  CHILD_CROSSES, /* calls the kernel, computes, and looks at what is in registers and memory after it */
  CHILD_RETURNS, /* returns over and over, while its other thread writes over the return address */
};

#define RANGES_MOST 8
struct child_startup {
  uint64_t seed;
  uint32_t number; /* its own, in its secrets */
  uint32_t mode;
  uint64_t rounds;
  uint64_t ranges[RANGES_MOST][2]; /* of addresses of the host program: low, and one past the last; all bits inverted,
                                      because who gets this looks for them */
};

/* What it found. It tells by a fault at this offset, in the low guard, which has room for what call it was after, too;
 * who finds nothing exits with status 0. */
#define FOUND_AT(finding, call, index) ((finding) << 10 | ((call)&63) << 4 | ((index)&15))

#define CHILD_FINDINGS(X)                                                                                              \
  X(NOTHING, "nothing")                                                                                                \
  X(WRONG_START, "the test itself went wrong")                                                                         \
  X(START_GENERAL, "general registers at its start hold something")                                                    \
  X(START_VECTOR, "vector registers at its start hold something")                                                      \
  X(START_X87, "the x87 at its start is not new")                                                                      \
  X(START_MXCSR, "MXCSR at its start is not the default")                                                              \
  X(CALL_KEPT, "a kernel call changed a register that is to be kept")                                                  \
  X(CALL_CLEARED, "a kernel call left something in a register that is to be zero")                                     \
  X(CALL_RESULT, "a kernel call's result is an address of the host or a secret of another")                            \
  X(CALL_VECTOR, "a vector register after a kernel call holds what this process did not put there")                    \
  X(CALL_X87, "an x87 register after a kernel call holds what this process did not put there")                         \
  X(CALL_CONTROL, "a kernel call changed the rounding of MXCSR or the x87")                                            \
  X(SPIN_GENERAL, "a general register changed while it computed")                                                      \
  X(SPIN_VECTOR, "a vector register changed while it computed")                                                        \
  X(SPIN_X87, "an x87 register changed while it computed")                                                             \
  X(SPIN_CONTROL, "MXCSR or the x87's control changed while it computed")                                              \
  X(MEMORY_NEW, "memory that is new is not zero")                                                                      \
  X(BLOCK_NEW, "a block that is new is not zero")                                                                      \
  X(MEMORY_HOST, "memory of its own holds an address of the host")                                                     \
  X(MEMORY_SECRET, "memory of its own holds a secret of another process")                                              \
  X(EVENT_GENERAL, "general registers hold something when an event comes")                                             \
  X(EVENT_VECTOR, "a vector register holds an address of the host or a secret of another when an event comes")         \
  X(EVENT_X87, "the x87 is not new when an event comes")                                                               \
  X(CALL_FLAGS, "flags after a kernel call are not the same every time")

enum child_finding {
#define CHILD_FINDING(name, text) FOUND_##name,
  CHILD_FINDINGS(CHILD_FINDING)
#undef CHILD_FINDING
      FINDINGS
};

#endif
