/* Random programs that the verifier accepts, and near misses of them, each from a seed alone; and the state that one
 * starts with. Tests only: the executors of tests/execution/ run what this makes. No state but the caller's. */
#ifndef TESTS_EXECUTION_PROGRAM_H
#define TESTS_EXECUTION_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Where an executor puts the code and the data that a program may find; everything else of the window is as
 * docs/abi.md says of a process (entry table, guards, thread page), or is not mapped. */
#define PROGRAM_CODE 0x20000u   /* offset in the window of code[0] */
#define PROGRAM_CODE_MOST 1024u /* bytes */
#define PROGRAM_DATA 0x40000u   /* readable and writable, PROGRAM_DATA_LENGTH bytes, filled from the seed */
#define PROGRAM_DATA_LENGTH 0x20000u
#define PROGRAM_STACK 0x60000u /* one past the highest byte of the stack: the end of the data */
#define PROGRAM_CALLS 35u      /* slots of the entry table */

struct program {
  uint64_t seed;
  uint32_t length;   /* of code, a multiple of SIGNET_BUNDLE */
  bool parallel;     /* verified by the parallel rule */
  uint32_t features; /* processor features it needs, as struct verifier_outcome has them */
  uint8_t code[PROGRAM_CODE_MOST];
};

/* What is in the registers when the first instruction runs. Hostile on purpose: any value that verified code could
 * have left there itself. %r14 and %rsp are the executor's: the window's base, and an offset in the window. */
struct program_start {
  uint64_t general[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15; [4] is an offset below 4 GiB; [14] is not used */
  uint64_t flags;       /* of those that user code may set itself: CF PF AF ZF SF OF */
  uint32_t mxcsr;       /* what ABI calls may set: rounding, FZ, DAZ, masks all set */
  uint16_t x87_control;
  uint8_t vector[16][32];
};

/* Makes the program of that seed. `features`: those that it may use. What it makes passes verifier_check with
 * PROGRAM_CALLS, or the generator itself is at fault: it says so and ends the test. */
void program_generate(struct program *program, struct program_start *start, uint64_t seed, uint32_t features);

/* Changes one to three bits, bytes or instructions of it, from the seed. -> true if the verifier still accepts it: then
 * it is a program to be run like any other. */
bool program_near_miss(struct program *program, uint64_t seed);

/* What the data are before the program of that seed runs: PROGRAM_DATA_LENGTH bytes, with offsets of data among them.
 */
void program_data(uint8_t *data, uint64_t seed);

#endif
