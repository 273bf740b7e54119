/* Runs one program natively, in a window of this process, and watches it. The native executor only; one thread. */
#ifndef TESTS_EXECUTION_MACHINE_H
#define TESTS_EXECUTION_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/execution/program.h"

enum machine_end {
  MACHINE_FAULTS,
  MACHINE_CALLS,
  MACHINE_TICKS,
  MACHINE_STEPS,
  MACHINE_ENDS
}; /* by what; ENDS: its own */

enum machine_register { MACHINE_RIP = 16, MACHINE_FLAGS, MACHINE_REGISTERS };

struct machine_options {
  bool step;    /* stop after each instruction, and look at the next one's addresses */
  bool trace;   /* print each instruction; steps */
  bool patient; /* the timer does not end it */
};

/* What became of a run. */
struct machine_result {
  const char *failure; /* what the program did that it must not be able to do; NULL: nothing */
  uint64_t registers[MACHINE_REGISTERS], address;
  enum machine_end end;
  uint32_t steps, ticks, faults, calls; /* and `steps` is a count of verified instructions, when it steps */
  uint32_t returns;                     /* pre-empted inside a masked return, and set back */
};

/* True if this processor and its kernel can run programs with a %gs of their own. */
bool machine_possible(void);

/* Maps the window and its surroundings, takes over the signals, starts the timer. -> false: it says on standard output
 * what this system lacks. */
bool machine_open(void);

/* The processor's features that programs may use. */
uint32_t machine_features(void);

/* `chosen` decides what the executor does to the program: where it goes on after faults, what calls answer. */
void machine_run(const struct program *program, const struct program_start *start,
                 const struct machine_options *options, uint64_t chosen, struct machine_result *result);

/* A sum over all memory that this process can write, outside the window and of what is MACHINE_STATE, and of the stack
 * only from `frame` on. It is the same before and after programs that ran, unless one of them wrote there. */
uint64_t machine_sum(const void *frame);
#define MACHINE_STATE __attribute__((section("machine_own")))

#endif
