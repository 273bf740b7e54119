/* What kernel.c sees at the border of the real kernel, from the kernel's side: the linker puts these between the port's
 * entry code and the kernel, and between the kernel and the port's way out (--wrap). Tests only. */
#ifndef TESTS_EXECUTION_KERNEL_BORDER_H
#define TESTS_EXECUTION_KERNEL_BORDER_H

#include <stdatomic.h>
#include <stdint.h>

#include "tests/execution/kernel_child.h"

struct border_counts {
  _Atomic uint64_t calls, preemptions, faults; /* into the kernel */
  _Atomic uint64_t enters, frames;             /* out of it: with few registers, and with all */
  _Atomic uint64_t returns;                    /* of `frames`: at the start of a masked return */
};
extern struct border_counts border_counts;
/* The first thing found; NULL: nothing. */
extern const char *_Atomic border_found;
/* Set before the port starts. */
extern uint64_t border_ranges[RANGES_MOST][2];
/* Leaves it in every vector register, as what a kernel call asks of the host's libraries may. */
void border_dirty(uint64_t value);
/* Host threads that run processes, as the kernel starts them: 0 is none yet. */
extern _Atomic int border_threads[8];

#endif
