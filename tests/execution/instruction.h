/* Random instructions of the allow-list, one at a time. Internal to the generator of random programs; no state but the
 * caller's. */
#ifndef TESTS_EXECUTION_INSTRUCTION_H
#define TESTS_EXECUTION_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/random.h"

/* True once in `times`. */
bool random_once(struct random *random, uint32_t times);
/* A number that programs get wrong: small, all ones, at a sign's or a window's edge, or any. */
uint64_t random_hostile(struct random *random);
/* An offset in the window at which something is, or begins, or ends. */
uint32_t random_place(struct random *random);

/* Bytes that stand together in a bundle: one instruction, or a guarded sequence. */
struct piece {
  uint8_t length, bytes[32];
  uint8_t rip;         /* index of a displacement that is relative to the end of the piece; 0: there is none */
  uint32_t rip_target; /* offset in the window */
  uint8_t base;        /* 1 + the register that wants `base_value` in its low half before this; 0: none does */
  uint32_t base_value;
};

enum instruction_class { INSTRUCTION_GENERAL, INSTRUCTION_X87, INSTRUCTION_VECTOR, INSTRUCTION_WILD };

/* An instruction of that class which the verifier permits anywhere: no branch, no part of a guarded sequence. WILD: of
 * any row, with any register and any form of address, most of which it refuses. */
void instruction_random(struct random *random, struct piece *piece, enum instruction_class class, uint32_t features);

#endif
