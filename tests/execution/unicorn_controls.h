/* Escapes written by hand: the control of unicorn.c. */
#ifndef TESTS_EXECUTION_UNICORN_CONTROLS_H
#define TESTS_EXECUTION_UNICORN_CONTROLS_H

/* Runs each of them without the verifier. *tried: how many there are. -> how many the engine noticed, for the reason
 * that it should; the others are printed. */
unsigned controls_run(unsigned *tried);

#endif
