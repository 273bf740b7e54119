/* Programs that leave the window, written by hand: the native executor's proof that it notices. The verifier refuses
 * each. */
#ifndef TESTS_EXECUTION_ESCAPES_H
#define TESTS_EXECUTION_ESCAPES_H

#include "tests/execution/program.h"

struct escape {
  const char *name;
  uint8_t length, code[40];
  uint64_t rax;   /* at entry */
  uint32_t stack; /* offset of %rsp; 0: as usual */
};
extern const struct escape escapes[];
extern const int escape_count;

/* The program of that escape, and what it starts with. */
void escape_make(const struct escape *escape, struct program *program, struct program_start *start);

#endif
