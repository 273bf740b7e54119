/* Running a program of kernel calls twice from the same state, in a process each: with the short ways of channel_call
 * and thread_yield, and with every call made in the general way (the linker puts their functions here, see
 * kernel/module.mk). After every step all that anybody could notice is noted, and the two must agree. Tests of the
 * short ways only. */
#ifndef TESTS_KERNEL_AGREE_H
#define TESTS_KERNEL_AGREE_H

#include "support.h"

/* Once, before all else. */
bool agree_initialise(void);
/* True: both ways came to the same. */
bool agree(void (*program)(uint64_t), uint64_t argument);
/* Of the program that ran last: its steps, and how often a call was handed over. */
uint64_t agree_steps(void), agree_handed_over(void);

/* ---- For the program ---- */

extern bool general_only; /* it runs in the general way */
void note(const char *what, uint64_t value);
/* All that can be noticed, and the invariants. */
void note_world(void);
/* The program itself has gone wrong. */
void note_bad(void);
/* Calls handed over so far, and yields that went the general way. */
uint64_t handed_over(void), yields_general(void);

#endif
