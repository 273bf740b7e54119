/* Shared by the files of the rewriter that turn instructions into permitted ones. */
#ifndef TOOLCHAIN_REWRITE_H
#define TOOLCHAIN_REWRITE_H

#include "toolchain/assembly.h"
#include "toolchain/operand.h"

enum rewrite_repeat { REPEAT_NONE, REPEAT_WHILE_EQUAL /* rep, repe */, REPEAT_UNTIL_EQUAL /* repne */ };

/* Appends instructions that stay together. */
__attribute__((format(printf, 2, 3))) struct item *rewrite_emit(struct assembly *assembly, const char *format, ...);
bool rewrite_is_memory(const struct operand *operand);
const char *rewrite_memory(struct assembly *assembly, const struct operand *operand);
/* A masked jump or call through %r11. */
void rewrite_indirect(struct assembly *assembly, bool call);
/* strings.c: true if it was a string instruction, and was dealt with. */
bool rewrite_string(struct assembly *assembly, enum rewrite_repeat repeat, const char *mnemonic,
                    const struct operand *operands, int count);

#endif
