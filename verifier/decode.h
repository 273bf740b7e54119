/* One instruction, taken apart by the tables of the allow-list, and the checks of its operands. Internal to the
 * verifier. */
#ifndef VERIFIER_DECODE_H
#define VERIFIER_DECODE_H

#include <stdint.h>

#include "verifier/form.h"
#include "verifier/verifier.h"

/* What a check found: a rule that is broken, or this. */
#define RULE_NONE VERIFIER_RULE_COUNT

/* Bytes that may be read from any pointer to code inside the verifier, whatever the code's length. */
#define DECODE_READABLE 32

#define PREFIX_66 1u
#define PREFIX_F3 2u
#define PREFIX_F2 4u
#define PREFIX_F0 8u
#define PREFIX_65 16u
#define PREFIX_67 32u

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

struct decoded {
  const struct verifier_form *form;
  uint8_t length;   /* or, of what was refused, the bytes that were looked at */
  uint8_t prefixes; /* PREFIX_* */
  uint8_t rex;      /* 0: none; with VEX its W, R, X, B */
  uint8_t vex;      /* 0 or 1 */
  uint8_t map, opcode;
  uint8_t vvvv;
  uint8_t modrm, sib; /* valid if the form has ModRM, if ModRM asks for SIB */
  int32_t displacement;
};

/* Finds the row of the allow-list for the instruction at `code`. */
enum verifier_rule decode(const uint8_t *code, struct decoded *decoded);

/* Length of the literal instruction (a nop) at `code`; 0: there is none. */
unsigned decode_literal(const uint8_t *code);

/* Memory operand and written registers. `end` is the offset in the window of the instruction's end. */
enum verifier_rule check_operands(const struct decoded *decoded, uint64_t end);

/* A guarded sequence other than the stack's, by the bytes at `code`. length 0: none begins here. */
struct sequence {
  uint8_t length, instructions;
  uint8_t returns; /* it is the return sequence */
};
struct sequence sequence_at(const uint8_t *code);

/* Bytes of the second half of a stack sequence; 0: `code` is not one. */
unsigned sequence_stack_tail(const uint8_t *code);
/* True if the instruction, which breaks the rule STACK, may be the first half of a stack sequence. */
bool sequence_stack_head(const struct decoded *decoded);
/* True if the instruction adds %r14 to a register, as the second part of an indirect sequence does. */
bool sequence_indirect_middle(const uint8_t *code);

#endif
