/* Which of thousands have waited long enough: a wheel of time. What network_stream.c keeps its patience with; a part of
 * nothing else, so that tests/services/patience_test.c has it alone. Called with the lock of network.c held. */
#ifndef SERVICES_NETWORK_PATIENCE_H
#define SERVICES_NETWORK_PATIENCE_H

#include <stdint.h>

/* What may wait; all zero at first, and it stays where it is while it does. */
struct patience {
  struct patience *next;
  struct patience **previous; /* NULL: it does not wait */
  uint64_t tick;              /* its end */
  uint32_t slot;
};

/* It ends at `deadline`, and not before. Where it waits already and is only to end later, patience_next stays as it
 * was: so another thread than the one that waits until patience_next may lengthen it. */
void patience_set(struct patience *patience, uint64_t now, uint64_t deadline);
void patience_clear(struct patience *patience);
/* One that has ended, which does not wait any more; NULL: none has. */
struct patience *patience_ended(uint64_t now);
/* When to look again; SIGNET_NEVER: nothing waits. */
uint64_t patience_next(void);

#endif
