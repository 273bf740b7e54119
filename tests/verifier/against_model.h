/* Guarded sequences and what is nearly one, given to the verifier and, where it accepts, to the model of its rules.
 * For sequences.c and mutant_sequences.c; one at a time. */
#ifndef TESTS_VERIFIER_AGAINST_MODEL_H
#define TESTS_VERIFIER_AGAINST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AGAINST_BASE = 0x20000, AGAINST_ROOM_MOST = 64 };

/* Since whoever reports them last set them to 0. */
extern unsigned long long against_tried, against_accepted, against_failures;

/* Examples of the sequences that change %rsp. */
extern const struct against_stack { uint8_t length, bytes[12]; } against_stacks[];
extern const int against_stack_count;

/* The verdict on `room` bytes, 32 or 64, at AGAINST_BASE. */
bool against_verdict(const uint8_t *code, size_t room, bool parallel);
/* Counts a failure, and prints it with the code if there have not been many. */
void against_fail(const uint8_t *code, size_t room, const char *why, size_t where);
/* `bytes` at `place` among `room` bytes of nops. -> the verdict; what the model objects to is a failure. */
bool against_model(const uint8_t *bytes, unsigned length, unsigned place, size_t room);
/* A branch to each byte of a sequence that begins at `place`, in `room` bytes: accepted for the first only. */
void against_branches(const uint8_t *bytes, unsigned length, unsigned place, size_t room);
/* Each sequence of the model under the parallel rule: the return sequence, and nothing else, is refused. */
void against_parallel(size_t room);

#endif
