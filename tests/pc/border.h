/* What border.c tells border_child.c to do, and what border_cross.S sees at the border; read by C alone. */
#ifndef TESTS_PC_BORDER_H
#define TESTS_PC_BORDER_H

#include <stdint.h>

enum border_act {
  BORDER_CALLS,   /* calls that return at once */
  BORDER_WAITS,   /* calls that wait: for time, for another thread */
  BORDER_READ,    /* slot 0: the client's end; calls border_serve's process and looks at what came back with it */
  BORDER_SERVE,   /* slot 0: the server's end; fills every register with secrets before it waits or is stopped */
  BORDER_THREADS, /* thread pointers and floating point control, of threads that call and that are pre-empted */
  BORDER_EVENTS,  /* is told events all the while */
  BORDER_RETURN,  /* a call with the return address `value`, counted from the landing place if bits 5 to 30 are clear */
  BORDER_RETURN_WAIT, /* the same, and waits in the kernel */
  BORDER_UPSET,       /* an x87 exception waits when it calls and when it is pre-empted */
  BORDER_ECHO,        /* slot 0: the server's end; answers each message with one */
};

/* How a child ends that found nothing wrong; every other status says what was. */
#define BORDER_GOOD 100
#define BORDER_FINDINGS(X)                                                                                             \
  X(1, "a register that is not kept did not come back zero")                                                           \
  X(2, "a register that is kept has changed")                                                                          \
  X(3, "a vector register holds neither what it held nor zero")                                                        \
  X(4, "MXCSR's control or exception bits are another's")                                                              \
  X(5, "the x87's control word has changed")                                                                           \
  X(6, "the x87's status word is not its own")                                                                         \
  X(7, "an x87 register's sign is another process's")                                                                  \
  X(8, "an x87 register holds another process's number")                                                               \
  X(9, "the direction flag is set")                                                                                    \
  X(10, "a call's result is wrong")                                                                                    \
  X(11, "the thread pointer is another thread's")                                                                      \
  X(12, "a fresh thread has a register that is not zero")                                                              \
  X(13, "a fresh thread's floating point control is not the default")                                                  \
  X(14, "a pre-empted thread's register has changed")                                                                  \
  X(15, "the stack pointer has changed")                                                                               \
  X(16, "it was never pre-empted, or no event came, in the time it had")                                               \
  X(17, "a thread could not be made")                                                                                  \
  X(18, "the peer is gone")

struct border {
  uint32_t act, rounds;
  uint64_t value;
};

/* The registers after a crossing; border_cross.S knows the offsets. */
struct border_state {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t vector[16][4];
  uint32_t mxcsr;
  uint16_t x87_control, x87_status;
  uint64_t forward; /* by how much a string instruction moves: 1 */
};

#endif
