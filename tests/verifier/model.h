/* An independent opinion on a whole piece of code: the oracle's on each instruction, and docs/machine-code.md's on
 * bundles, guarded sequences and branches. Used by the tests of the verifier; slow and simple. */
#ifndef TESTS_VERIFIER_MODEL_H
#define TESTS_VERIFIER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The guarded sequences other than the stack's, as the byte strings that they may be. */
struct model_sequence {
  uint8_t length, bytes[31];
  bool returns;
};
extern struct model_sequence model_sequences[];
extern int model_sequence_count;

void model_start(void);
/* NULL if the code is fine; otherwise what is wrong, and where. length is a multiple of 32, at most 4096. */
const char *model_object(const uint8_t *code, size_t length, uint32_t address, bool parallel, size_t *where);

#endif
