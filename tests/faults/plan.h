/* The plan of what goes wrong, in a file that the test and the program under test share: the test writes it, inject.c
 * obeys it and counts. plan.py knows the same layout; every field is a 64-bit word. */
#ifndef TESTS_FAULTS_PLAN_H
#define TESTS_FAULTS_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC 0x6661756c74730001
#define PLAN_CALLS_MOST 64
#define PLAN_ERRORS_MOST 7

struct plan_call {
  char name[24];
  uint64_t errors[PLAN_ERRORS_MOST]; /* as calls.h has them; 0 after the last */
  uint64_t seen, injected;           /* counted here */
  uint64_t next;                     /* this one fails, counted as `seen` is; 0: none */
  uint64_t every;                    /* and each so-manieth; 1: all; 0: none */
  uint64_t probability;              /* and by chance, of 2^32 */
  uint64_t error;                    /* with this; 0: with one of its errors, by chance */
  uint64_t left;                     /* so often, and then no more */
};

struct plan {
  uint64_t magic, calls;
  uint64_t armed; /* nothing fails, and nothing is counted, while it is 0 */
  uint64_t seed;
  uint64_t total;                 /* calls of all kinds so far */
  uint64_t one;                   /* that one of all fails; 0: none */
  uint64_t one_error;             /* with the error at this place of its list; it is left alone if there is none */
  uint64_t one_call, one_address; /* what it was: 1 + its number here, and where in the program */
  uint64_t hold_process;          /* the process of that number is held off its processor; 0: none */
  uint64_t hold_probability;      /* any process is, by chance, when it would run, */
  uint64_t hold_time;             /* for so many nanoseconds */
  uint64_t late_probability;      /* a wait ends late, */
  uint64_t late_time;
  uint64_t early_probability;  /* or before its time */
  uint64_t device_probability; /* the host takes its time over a request of a device, */
  uint64_t device_time;
  uint64_t skew; /* the clocks are ahead by so much */
  uint64_t held, late, early, slow;
  struct plan_call call[PLAN_CALLS_MOST];
};

/* What was done to the files of directory devices, in its order, in a file of its own: each is this, then `length`
 * bytes if it is a write. disk.py makes of it what a disk could hold after a loss of power. */
enum journal_kind { JOURNAL_OPEN, JOURNAL_WRITE, JOURNAL_TRUNCATE, JOURNAL_SYNC, JOURNAL_REMOVE, JOURNAL_RENAME };
struct journal_record {
  uint64_t kind, inode, offset, length;
  char name[64], name2[64];
};

#endif
