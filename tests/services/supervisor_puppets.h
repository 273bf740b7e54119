/* The processes of a system under test, as they behave towards their supervisor: well, slowly or badly, as a row is
 * set. They note what they hear. Of the case's process (supervisor_kernel.h). */
#ifndef TESTS_SERVICES_SUPERVISOR_PUPPETS_H
#define TESTS_SERVICES_SUPERVISOR_PUPPETS_H

#include "contracts/supervision.h"
#include "tests/services/supervisor_kernel.h"

enum gives { GIVES_RIGHT, GIVES_NOTHING, GIVES_REFUSAL, GIVES_CLOSED, GIVES_OTHER_CONTRACT };

/* How the processes of a row behave. All 0: well. */
struct manner {
  bool never_starts;  /* does not say STARTED */
  bool unable;        /* says NOT_STARTED, and ends with status 1 */
  bool never_listens; /* does not AWAIT */
  bool never_stops;   /* does nothing about STOP */
  bool leaves;        /* closes its supervision end, and goes on */
  enum gives gives;
};
extern struct manner manners[SIGNET_SYSTEM_PROCESSES_MOST];

struct heard {
  uint32_t process, tag, slot;
  uint32_t first, second; /* kind and code; or restarts */
  uint64_t when;
  char why[64];
};
#define HEARD_MOST 4096
extern struct heard heard[HEARD_MOST]; /* the last ones, in a ring */
extern uint32_t heard_count;

void puppets_begin(const struct signet_system *system);
/* Each that runs does one thing, if there is one for it to do; true if one did. */
bool puppets_step(void);
bool puppet_step(uint32_t process);
/* The row's process that runs, or 0. */
uint32_t puppet_of(uint32_t row);
/* Whether it has said STARTED. */
bool puppet_serves(uint32_t process);
uint32_t puppet_slot(uint32_t row, uint32_t kind, uint32_t number); /* UINT32_MAX: none */
/* How often this was heard by processes of the row, of that slot. */
uint32_t puppets_heard(uint32_t row, uint32_t tag, uint32_t slot);
const struct heard *puppets_last(uint32_t row, uint32_t tag);

/* Every client that runs has an end whose other end the process has that serves now, or knows that there is none; NULL,
 * or what is wrong. When nothing is to happen any more. */
const char *puppets_wrong(void);

#endif
