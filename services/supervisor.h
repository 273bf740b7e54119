/* What the parts of the supervisor share: the rows of its system as they are now, and the channels between them. All of
 * it is the first thread's; what other threads write is in supervisor_watch.c.
 *
 * A turn of the supervisor's loop takes one message, which changes what is known of a row; then everything that follows
 * from what is known is done, by looking at all rows. So nothing is queued: what a process is to be told is a few bits
 * of a channel, however slow it is to listen. */
#ifndef SERVICES_SUPERVISOR_H
#define SERVICES_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "contracts/observation.h"
#include "contracts/supervision.h"
#include "services/policy.h"
#include "services/system.h"

#define NONE SIGNET_SYSTEM_NONE
#define NOBODY 0xff                   /* no row */
#define ANSWER_NANOSECONDS 1000000000 /* that a server has to answer CLIENT_WANTED */

struct row {
  const struct signet_system_process *is; /* of the system */
  enum observation_phase phase;
  bool supervised;     /* it holds a client end of contracts/supervision.contract */
  bool begun;          /* it was started once */
  bool awaits;         /* it listens for one message */
  bool listens;        /* it has done so once */
  bool unable;         /* it said NOT_STARTED */
  uint32_t child;      /* handle, while there is a process; started */
  uint32_t image;      /* handle, kept for the next start; or 0 */
  uint32_t supervisor; /* server end of its supervision; 0: it has closed its own, or there is no process */
  uint32_t asked;      /* the channel for which it was asked for a client's end; or NONE */
  uint32_t restarts;
  uint64_t memory;      /* bytes of its quota, once known */
  uint64_t since;       /* when it came into its phase */
  uint64_t due;         /* WAITING: not to be started before; 0: at once */
  uint64_t lacks_since; /* WAITING: since when it needs ends of others, or 0 */
  uint64_t deadline;    /* STARTING: to have said STARTED */
  uint64_t ended;       /* when it ended last */
  uint64_t restarted;   /* from then to its successor's STARTED; nanoseconds */
  struct policy_history history;
  struct signet_ending ending;           /* its last; kind 0: it never ended */
  uint32_t observers[SIGNET_SLOTS_MOST]; /* server ends, by slot; 0: none */
  char why[SUPERVISION_REASON_MOST + 1]; /* STOPPED, GIVEN_UP: the reason */
};

/* Of a held end the other is held too, or is with the process that is running now. */
struct channel {
  uint8_t client_row, client_slot, server_row, server_slot;
  uint32_t client, server; /* handles held here; 0: granted, given, or not made */
  bool wanted;             /* the client cannot be started without an end that the server gives */
  bool stale;              /* the client is running, and the end that it has is closed */
  bool tell_ended, tell_given_up;
  bool known; /* identity is */
  uint8_t identity[32];
};

struct supervisor {
  const struct signet_startup *given;
  const struct signet_system *whole; /* NULL: it was refused */
  struct row *rows;
  struct channel *channels;
  uint32_t set;
  uint32_t events; /* the channel whose server end stays here, or NONE */
  bool ending;
};
extern struct supervisor supervisor;

/* 0 for a system that was refused. */
static inline uint32_t row_count(void) { return supervisor.whole ? supervisor.whole->processes : 0; }
static inline bool row_final(const struct row *row) {
  return row->phase == OBSERVATION_PHASE_STOPPED || row->phase == OBSERVATION_PHASE_GIVEN_UP;
}
static inline uint32_t supervisor_offset(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }

/* Keys of the set: which kind, and of which row and slot. */
enum key { KEY_WAKE, KEY_SUPERVISION, KEY_OBSERVATION, KEY_EVENTS };
#define KEY(kind, row, slot) ((uint64_t)(kind) << 32 | (uint64_t)(row) << 8 | (slot))
#define KEY_KIND(key) ((enum key)((key) >> 32))
#define KEY_ROW(key) ((uint32_t)(key) >> 8)
#define KEY_SLOT(key) ((uint32_t)(key)&0xff)

uint64_t supervisor_now(void);
/* Closes a handle that is kept in a variable, if there is one. */
void supervisor_close(uint32_t *handle);
struct signet_result supervisor_ask(uint32_t slot, uint32_t operation, void *buffer, uint32_t length, uint64_t first,
                                    uint64_t second);

/* ---- supervisor_start.c: making processes ---- */

/* A row that is WAITING is started if it can be now. True: something has changed. A system of which a row cannot be
 * made for the first time is refused. */
bool start_try(struct row *row, uint64_t now);
/* When to try again, or to have said STARTED; NEVER: not before something else changes. */
uint64_t start_deadline(const struct row *row);
/* A server has said that it gives the row, which waits for it, no end. */
void start_refused(struct row *row);

/* ---- supervisor_channels.c: who holds which end ---- */

void channels_begin(void);
/* A handle for the slot, which is this process's until it is granted. */
bool channel_take(struct row *row, uint32_t slot, uint32_t *handle, struct system_refusal *why);
/* True if a start would find every client's end that it needs; else they are wanted from now on; *news: one was not. */
bool channels_ready(const struct row *row, bool *news);
/* When the wait for an answer is over, for a row that is not ready. */
uint64_t channels_deadline(const struct row *row);
/* The row waits for no end any more. */
void channels_unwanted(const struct row *row);
/* The row is running. */
void channels_started(const struct row *row);
/* What was granted to the row's process is gone with it. */
void channels_lost(struct row *row);
/* The row is not started again. */
void channels_final(const struct row *row);
/* The system ends: nothing that is held here keeps a service waiting for clients. */
void channels_let_go(void);

/* ---- supervisor_tell.c: what is said over contracts/supervision.contract ---- */

/* The message came from the row's process. */
void supervision_hear(struct row *row, const struct supervision_buffer *buffer);
/* The row's process has closed its end, or is gone. */
void supervision_close(struct row *row);
/* Takes in what the process has said before it ended. */
void supervision_drain(struct row *row);
/* Tells a row that listens one thing, if there is one. */
bool supervision_tell(struct row *row);
/* Tells a row that listens to stop. */
void supervision_stop(struct row *row, uint64_t deadline);

/* ---- supervisor_watch.c: a thread for each row, which waits for the end of its process ---- */

uint64_t watch_bytes(uint32_t count); /* of `memory` */
bool watch_begin(void *memory, uint32_t count, struct system_refusal *why);
/* Has a thread for the row; OK, or why there is none. */
struct signet_result watch_prepare(uint32_t row);
/* The process is the watcher's to wait for. */
void watch(uint32_t row, uint32_t child);
/* True once for each process that has ended. */
bool watch_ended(uint32_t row, struct signet_ending *ending);
/* The main thread's set_receive returns soon, with KEY_WAKE. From any thread, and from the handling of an event. */
void watch_wake(void);
/* True once after the supervisor was told to end. */
bool watch_told(void);

/* ---- supervisor_observe.c: contracts/observation.contract ---- */

void observe_crash(const struct row *row);
/* A request from an observer, answered. */
void observe_answer(uint32_t endpoint, struct observation_buffer *buffer);

/* ---- supervisor.c ---- */

/* The row's process could not be started, or has ended: what follows from its policy. */
void row_decide(struct row *row, uint64_t now);

/* ---- supervisor_end.c: the end of the system ---- */

/* It ends as `ending` says, which is that of `process` or of none; `why`: it is refused. */
void end_begin(const struct signet_ending *ending, uint32_t process);
void end_refuse(const struct system_refusal *why);
/* The next step; does not return after the last. -> when to come again. */
uint64_t end_step(uint64_t now);

#endif
