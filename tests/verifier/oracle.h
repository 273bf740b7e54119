/* An independent opinion on one instruction: Zydis's decoder and a model written from docs/machine-code.md over the
 * operands it reports. Shares no code with the verifier. Used by the tests of the verifier. */
#ifndef TESTS_VERIFIER_ORACLE_H
#define TESTS_VERIFIER_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <Zydis/Zydis.h>

struct oracle_opinion {
  const char *objection; /* why a sealed process may not execute it; NULL: it may */
  unsigned length;       /* 0: not an instruction at all */
  uint32_t features;     /* bits of VERIFIER_FEATURES that it needs */
  char text[128];        /* its disassembly, if there is an objection */
};

void oracle_start(void);
/* `address` is the offset in the window. Guarded sequences are not the oracle's: their parts are objected to. */
void oracle_ask(const uint8_t *code, size_t length, uint32_t address, struct oracle_opinion *opinion);
/* The same in two steps: false if it is not an instruction; then the objection, or NULL. */
bool oracle_decode(const uint8_t *code, size_t length, ZydisDecodedInstruction *insn, ZydisDecodedOperand *operands);
const char *oracle_object(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands, uint32_t address,
                          uint32_t *features);
/* Only decodes: length in bytes, 0 if it is not an instruction; its text in `text`. */
unsigned oracle_text(const uint8_t *code, size_t length, char text[128]);

#endif
