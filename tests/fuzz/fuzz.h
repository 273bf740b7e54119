/* What a fuzz target and what drives it give each other. A target is tests/fuzz/NAME.c, and a line in a makefile of
 * this folder; it is driven by replay.c (in `make test`), by libFuzzer (`make fuzz-NAME`) and by choose.c. Tests only.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What a target has; the names are libFuzzer's ---- */

/* One input. Whatever is wrong ends the program: fuzz_fail, or a sanitizer. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
/* Before the first input; optional. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *count, char ***arguments);
/* Changes an input that has a form of its own, in place; its new length. Optional. */
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t most, unsigned int seed);
/* How many changed inputs replay.c makes, for a few seconds' work. Optional. */
__attribute__((weak)) extern const unsigned fuzz_count;

/* ---- What it may use ---- */

/* Bytes changed without knowledge of their form; of replay.c or libFuzzer. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t most);

/* How many inputs the code under test took and refused: a run that does not see both tests little. A target in which
 * nothing can be refused counts as it likes. */
extern uint64_t fuzz_accepted, fuzz_refused;

__attribute__((format(printf, 1, 2))) static inline _Noreturn void fuzz_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fflush(stdout);
  fputs("fuzz: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  abort();
}

/* ---- Reading an input as choices: bytes from the front, zeros when there are none left ---- */

struct fuzz_input {
  const uint8_t *at, *end;
};
static inline uint8_t fuzz_byte(struct fuzz_input *input) { return input->at < input->end ? *input->at++ : 0; }
static inline uint64_t fuzz_number(struct fuzz_input *input, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++)
    value |= (uint64_t)fuzz_byte(input) << 8 * i;
  return value;
}
static inline uint32_t fuzz_below(struct fuzz_input *input, uint32_t most) {
  return (uint32_t)(fuzz_number(input, most > 256 ? 4 : 1) % most);
}

#endif
