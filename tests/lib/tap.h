/* What the native tests of lib/ and services/ share: TAP, random numbers from a fixed seed, and a stack in low memory,
 * because sealed programs hold pointers in 32 bits. Programs that use it are linked without PIE. */
#ifndef TESTS_LIB_TAP_H
#define TESTS_LIB_TAP_H

#include <stdbool.h>
#include <stdint.h>

void ok(bool condition, const char *name, ...) __attribute__((format(printf, 2, 3)));
/* Prints the plan; the program's exit status. */
int finish(void);
uint32_t test_random(void);
/* Runs a function on a stack in low memory. */
void test_run_low(void (*function)(void));

#endif
