/* A system as the supervisor starts it: the compiled form of a manifest of manifests. Made by the tools; checked by the
 * supervisor, which can give on only what it was given. Offsets count from the start of struct signet_system; all
 * tables are 8-byte aligned.
 *
 * Processes are built in the order of their rows, which the tools infer from the channels: who serves comes before who
 * needs it. A row is started for the first time when those before it that serve it, and are supervised, have said
 * STARTED or are not started again; a channel's other end may not exist yet, messages wait in its queue. What is
 * started again waits for nobody: a service of its that is down finds the channel when it comes back.
 *
 * When the process `main` has ended and is not to be started again, the system ends as it did: the others are told to
 * stop, in the reverse order of their rows, and stopped. A system without one runs until its processes have all ended,
 * or until it is told to end: by SIGNET_EVENT_TERMINATE and the like to the supervisor. A supervised process that
 * listens is told by STOP; another by SIGNET_EVENT_TERMINATE if it serves nobody, else by its clients being gone.
 */
#ifndef SIGNET_SYSTEM_H
#define SIGNET_SYSTEM_H

#include <stdint.h>

#include <signet/abi.h>

#define SIGNET_SYSTEM_MAGIC 0x5354454e474953ull
#define SIGNET_SYSTEM_VERSION 2u
#define SIGNET_SYSTEM_PROCESSES_MOST 64
#define SIGNET_SYSTEM_CHANNELS_MOST 256
#define SIGNET_SYSTEM_SHARES 256 /* parts of the memory that the supervisor has left when a process's turn comes */

struct signet_system {
  uint64_t magic;
  uint32_t version;
  uint32_t length;                      /* of all */
  uint32_t processes, processes_offset; /* struct signet_system_process */
  uint32_t channels, channels_offset;   /* struct signet_system_channel */
  uint32_t main;                        /* a process, or NONE */
  uint32_t archive, power; /* start-up slots of the supervisor: the archive device; the power device, or NONE */
  uint32_t reserved;
};
#define SIGNET_SYSTEM_NONE UINT32_MAX

enum signet_system_grant_kind {
  SIGNET_SYSTEM_CLIENT = 1, /* number: a channel */
  SIGNET_SYSTEM_SERVER = 2,
  SIGNET_SYSTEM_DEVICE = 3, /* number: a start-up slot of the supervisor; lent, and lent again after a restart */
  /* Client ends whose server is the supervisor itself; number: 0. */
  SIGNET_SYSTEM_SUPERVISION = 4, /* contracts/supervision.contract; at most one a process */
  SIGNET_SYSTEM_OBSERVATION = 5, /* contracts/observation.contract */
};

enum signet_system_restart {
  SIGNET_SYSTEM_RESTART_NEVER = 0,
  SIGNET_SYSTEM_RESTART_FAILURE = 1, /* when it ended otherwise than by exit status 0 */
  SIGNET_SYSTEM_RESTART_ALWAYS = 2,
};

/* The first restart is at once. Each one that follows within `window` of the last waits twice as long as it did, from
 * backoff_first to backoff_most. A window begins with the first restart after the last one was over; a process that is
 * to be started more than `limit` times in one is given up. So is one that said NOT_STARTED. A start that fails counts.
 * Nanoseconds, at most SIGNET_SYSTEM_TIME_MOST. */
#define SIGNET_SYSTEM_TIME_MOST 1000000000000000 /* eleven days */

struct signet_system_policy {
  uint32_t restart; /* enum signet_system_restart */
  uint32_t limit;
  uint64_t window;
  uint64_t backoff_first, backoff_most;
  /* A supervised process that has not said STARTED by then is stopped, as one that failed. Not 0 for such. */
  uint64_t start_deadline;
  uint64_t stop_deadline; /* what it has, when told to stop, until it is stopped */
};

struct signet_system_grant {
  uint32_t kind, number;
};

struct signet_system_process {
  char name[32];  /* no other row has it */
  uint32_t entry; /* of the archive: its image */
  uint32_t slots;
  uint8_t hash[32];          /* of the image; one with another hash is not started */
  struct signet_quota quota; /* `memory` below SIGNET_SYSTEM_SHARES: that part, and 0 all, of what is left for it */
  uint64_t stack;
  struct signet_system_policy policy;
  uint32_t startup_offset, startup_length;
  struct signet_system_grant slot[SIGNET_SLOTS_MOST];
};

/* Each end is granted to exactly one process. If the server may be started again its client is supervised, to be given
 * a new end (SERVICE_BACK); if the client may be, its server is supervised, to be asked for one (CLIENT_WANTED). Of one
 * channel, of contracts/events.h, no row names the server's end: the supervisor keeps it and passes on to `main` what
 * it is told; where there is no `main`, the system ends.
 */
struct signet_system_channel {
  uint32_t contract_offset, contract_length; /* struct signet_contract with its tables */
};

/* How the system ended: what the supervisor gives to the power device, an array. The first is how the system as a whole
 * ended: that of `main`, or of no process (exit status 0; 1 if one that was not told to has ended otherwise than well);
 * then come the others that ended, each as it did last, in the order of their rows. A system that is not started, or
 * not wholly, is one row of no process: SIGNET_ENDED_EXIT, code SIGNET_SYSTEM_REFUSED; the request's text says why. */
#define SIGNET_SYSTEM_ENDINGS_MOST (SIGNET_SYSTEM_PROCESSES_MOST + 1)

struct signet_system_ending {
  struct signet_ending ending;
  uint32_t process; /* its row, or NONE */
  uint32_t reserved;
};
#define SIGNET_SYSTEM_REFUSED 125

#endif
