/* The exhaustive checks of the verifier: what their parts share. exhaustive_main.c says what they are; nobody else uses
 * this. */
#ifndef TESTS_VERIFIER_EXHAUSTIVE_H
#define TESTS_VERIFIER_EXHAUSTIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/verifier/oracle.h"

enum { EXHAUSTIVE_BASE = 0x20000, EXHAUSTIVE_BUNDLE = 32, EXHAUSTIVE_CALLS = 30 };

/* What a part of the run counted. */
struct exhaustive_tally {
  unsigned long long tried;       /* pieces of code that the verifier was given */
  unsigned long long accepted;    /* of them */
  unsigned long long modelled;    /* the model was asked, of what was accepted and what was refused */
  unsigned long long rows;        /* compared with its row of allow.list, operand by operand */
  unsigned long long second;      /* compared with the second decoder */
  unsigned long long explained;   /* differences that differences.list gives a reason for */
  unsigned long long differences; /* and those that it does not */
};
extern struct exhaustive_tally exhaustive_tally;
extern bool exhaustive_long;
extern bool exhaustive_second_all; /* ask the second decoder about all that is accepted, not one of each class */

/* ---- Comparing (exhaustive_compare.c) ---- */

/* Gives the verifier a bundle with these bytes and nops after them, and compares. What is refused is compared with the
 * model only if `both`: Zydis is slower than the verifier by far. */
void exhaustive_try(const uint8_t *bytes, unsigned count, bool both);
extern unsigned exhaustive_accepted_length; /* of the instruction that it accepted last */
/* True if the verifier accepts the `length` bytes of code, a multiple of 32, at the window's offset of code. */
bool exhaustive_accepts(const uint8_t *code, uint64_t length, bool parallel);
/* Where the next instruction starts, in what exhaustive_accepts accepted last. */
unsigned exhaustive_start_after(unsigned at);
/* A failure that is no difference of opinion: printed with the bytes. */
void exhaustive_fail(const uint8_t *bytes, unsigned length, const char *what);

/* A form that was accepted, without what no decoder can branch on: one for each class of exhaustive_compare.c. */
struct exhaustive_form {
  uint8_t length, bytes[15];
};
extern struct exhaustive_form *exhaustive_forms;
extern unsigned exhaustive_form_count;

/* ---- The rows of allow.list (exhaustive_rows.c) ---- */

void exhaustive_read_rows(const char *path);
/* What differs between Zydis's operands and the row that permits the instruction; NULL: nothing. */
const char *exhaustive_compare_row(const uint8_t *code, const ZydisDecodedInstruction *insn,
                                   const ZydisDecodedOperand *operands);

/* What differs between the verifier's own decoder and Zydis, of an instruction that was accepted
 * (exhaustive_decoded.c). */
const char *exhaustive_compare_decoded(const uint8_t *code, const ZydisDecodedInstruction *insn,
                                       const ZydisDecodedOperand *operands);

/* ---- The second decoder (exhaustive_llvm.c) ---- */

void exhaustive_llvm_start(void);
/* Length in bytes; 0: it is not an instruction. */
unsigned exhaustive_llvm_length(const uint8_t *code, unsigned length);

/* ---- The reviewed list (exhaustive_differences.c) ---- */

enum exhaustive_kind { EXHAUSTIVE_REFUSED, EXHAUSTIVE_ROW, EXHAUSTIVE_LENGTH, EXHAUSTIVE_KINDS };
void exhaustive_read_differences(const char *path);
/* Counts a difference: explained, or not and printed. `what` is compared with the list's column. */
void exhaustive_difference(enum exhaustive_kind kind, ZydisMnemonic mnemonic, const char *what, const uint8_t *bytes,
                           unsigned length);
/* Prints what each line explained; returns the lines and mnemonics that explained nothing. */
unsigned exhaustive_report_differences(void);

/* ---- The parts ---- */

void exhaustive_legacy(void);     /* exhaustive_products.c */
void exhaustive_orders(void);     /* exhaustive_products.c */
void exhaustive_addresses(void);  /* exhaustive_products.c */
void exhaustive_vex(void);        /* exhaustive_products.c */
void exhaustive_escapes(void);    /* exhaustive_products.c */
void exhaustive_beginnings(void); /* exhaustive_products.c */
void exhaustive_tails(void);      /* exhaustive_positions.c */
void exhaustive_sequences(void);  /* exhaustive_sequences.c */
void exhaustive_literals(void);   /* exhaustive_rows.c */
void exhaustive_positions(void);  /* exhaustive_positions.c */
void exhaustive_manual(void);     /* exhaustive_manual.c */

#endif
