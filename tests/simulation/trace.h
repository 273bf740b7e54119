/* Programs of steps as files, run in host processes of their own, and made smaller. */
#ifndef TESTS_SIMULATION_TRACE_H
#define TESTS_SIMULATION_TRACE_H

#include "simulation.h"

struct trace {
  uint64_t seed;
  uint32_t processors;
  uint32_t count; /* steps */
  struct step step[STEPS_MOST];
};

/* Shared with the host process that runs programs, so that it survives whatever happens to that. */
struct run {
  struct trace trace; /* as far as it came */
  char sentence[400]; /* what was broken; "": nothing */
  uint64_t programs, steps, calls, made[SIGNET_CALL_COUNT + 1], fine[SIGNET_CALL_COUNT + 1];
  uint64_t pauses, failures, deaths, checks, contended, accesses, accesses_unlocked;
};
extern struct run *run_shared;
void trace_initialise(void);

/* Runs the trace, each invariant checked after each step; true: something was broken, and the sentence says what. */
bool trace_run(const struct trace *trace, char sentence[400], bool in_words);
/* Leaves out what is not needed for the same sentence, for so many seconds at most. */
void trace_minimise(struct trace *trace, const char *sentence, unsigned seconds);
bool trace_write(const struct trace *trace, const char *sentence, const char *path);
bool trace_read(struct trace *trace, const char *path);

/* What happened to a host process that ran a program, if it did not say so itself. */
void trace_ended(int status, char sentence[400]);

#endif
