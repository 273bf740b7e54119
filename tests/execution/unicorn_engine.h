/* A window in Unicorn, in which each instruction of a program is watched. Tests only: unicorn.c and unicorn_controls.c
 * run programs in it. One at a time; state of its own. */
#ifndef TESTS_EXECUTION_UNICORN_ENGINE_H
#define TESTS_EXECUTION_UNICORN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/execution/program.h"

/* How a program ended, when nothing was wrong with it. */
enum engine_end {
  ENGINE_STEPS,       /* it had executed as many instructions as it may */
  ENGINE_FAULT,       /* memory of its window, or a guard, that it cannot use so */
  ENGINE_EXCEPTION,   /* division, floating point, a trap */
  ENGINE_UNSUPPORTED, /* an instruction that Unicorn does not know, or does not do as the processor */
  ENGINE_OUTSIDE,     /* a kernel call that does not come back */
  ENGINE_ENDS
};

struct engine_result {
  enum engine_end end;
  uint64_t instructions; /* executed and checked */
  uint64_t calls;        /* of the kernel */
  uint64_t accesses;     /* to memory, checked */
  const char *wrong;     /* what it did that no process may do; NULL: nothing */
  uint32_t where;        /* offset of the instruction */
  char text[160];        /* the instruction, for `wrong` and ENGINE_UNSUPPORTED */
};

/* False: no Unicorn. */
bool engine_start(void);
/* Features (VERIFIER_FEATURES) that programs for this engine may use. */
uint32_t engine_features(void);
/* `verified`: only instructions that verifier_check passed may run, in its order. Without it (for controls) any
 * decodable instruction may, and what is watched are the effects alone. */
void engine_run(const struct program *program, const struct program_start *start, bool verified, uint64_t steps,
                struct engine_result *result);
/* How often Unicorn did not know an instruction: calls `each` for each mnemonic. */
void engine_unsupported(void (*each)(const char *mnemonic, uint64_t times));

#endif
