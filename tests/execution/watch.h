/* What Zydis says of the instruction at which a program stopped. The native executor only. */
#ifndef TESTS_EXECUTION_WATCH_H
#define TESTS_EXECUTION_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/execution/machine.h"

/* The program that the rest is asked about. Runs the verifier on it, whose word on where instructions start is what is
 * held against what ran. -> true if it accepts it. */
bool watch_program(const struct program *program);

/* How an offset in the window stands to the verified code. */
enum watch_place {
  WATCH_START,  /* an instruction that may be branched to */
  WATCH_INSIDE, /* a later instruction of a guarded sequence */
  WATCH_END,    /* the bytes after the code, to the end of its page: traps */
  WATCH_OUTSIDE,
  WATCH_WRONG, /* no instruction of the code starts there */
};
enum watch_place watch_place(uint32_t offset);

/* True if the instruction there is the second half of a stack sequence. */
bool watch_stack_tail(uint32_t offset);

/* The lowest address that one of the instruction's memory operands reaches outside the window and its guards.
 * -> false: none does. *misaligned: one of 16 bytes or more is not where its size wants it. */
bool watch_reaches_out(uint32_t offset, uint64_t base, const uint64_t registers[], bool *misaligned, uint64_t *address);

/* True if it may fault as a privileged one does, though it reaches no memory: xgetbv. */
bool watch_may_refuse(uint32_t offset);

/* One line on standard output: the instruction. */
void watch_print(uint32_t offset, const uint64_t registers[]);
/* The whole program. */
void watch_print_all(void);

#endif
