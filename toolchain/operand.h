/* Operands of one instruction in AT&T syntax. Used by the rewriter alone. */
#ifndef TOOLCHAIN_OPERAND_H
#define TOOLCHAIN_OPERAND_H

#include <stdbool.h>
#include <stdint.h>

#define OPERANDS_MOST 5

enum { REGISTER_NONE = -1, REGISTER_OTHER = -2, REGISTER_RIP = 16, REGISTER_ZERO_INDEX = 17 };
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

enum operand_kind {
  OPERAND_REGISTER,
  OPERAND_IMMEDIATE,
  OPERAND_MEMORY, /* with a base, an index or a segment */
  OPERAND_SYMBOL  /* an expression alone: memory at that address, or where a branch goes */
};

struct operand {
  enum operand_kind kind;
  bool star;        /* of an indirect branch */
  const char *text; /* as written, without the star */
  int number;       /* REGISTER: of a general register, or REGISTER_OTHER */
  int size;         /* REGISTER: 1, 2, 4, 8; 0 for the others */
  char segment;     /* MEMORY, SYMBOL: 'f' for %fs and so on; 0 */
  const char *displacement;
  int base, index; /* general register numbers, REGISTER_RIP, REGISTER_NONE */
  const char *scale;
  const char *suffix; /* what follows: {%k1}{z}, {1to8} */
};

/* The name of a general register, with its %. Size 1, 2, 4 or 8. */
const char *register_name(int number, int size);
/* The number of the register named (without %), and its size. REGISTER_OTHER if it is not a general one. */
int register_number(const char *name, int length, int *size);
/* Cuts a list at its commas. The number of operands, or -1 if it is not understood. `list` is altered. */
int operands_parse(char *list, struct operand operands[OPERANDS_MOST]);
/* True if the text is a plain number, in *value. An empty text is 0. */
bool constant_value(const char *text, int64_t *value);

#endif
