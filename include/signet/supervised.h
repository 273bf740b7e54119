/* A supervised process: what it and its supervisor tell each other over contracts/supervision.contract, as calls. For
 * services and for programs under the library OS; lib/supervised.c, which makes nothing but kernel calls. One thread.
 *
 *   struct signet_supervised supervised;
 *   signet_supervised_begin(&supervised, endpoint, &calls, NULL);   // once it serves: STARTED
 *   signet_set_insert(set, supervised.endpoint, KEY);               // or among those of channel_receive
 *   ...
 *   case KEY:                                                       // a message has come from there
 *     signet_supervised_handle(&supervised, &buffer.message);       // calls back, and awaits the next
 *
 * In a program the endpoint is signet_slot("supervision") of <signet/program.h>; in a service it is in the slot of that
 * name of its start-up bytes. Everything takes 0 as "nobody supervises this process", and does nothing then. */
#ifndef SIGNET_SUPERVISED_H
#define SIGNET_SUPERVISED_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

/* What the supervisor says. Slots are those of start-up, counted from 0. NULL: nothing is done about it; an end that
 * came with it is closed, a client that is wanted is refused, and STOP is answered at once (and the process exits). */
struct signet_supervised_calls {
  /* The service at that slot has ended (how: as struct signet_ending). The end that this process has is closed, and
   * what was asked over it has no answer. Told once, until it is back. */
  void (*service_ended)(void *context, uint32_t slot, uint32_t kind, uint32_t code);
  /* It is there again: `endpoint` is a client end in the first state of the same contract, and this process's own from
   * now on. The old one is still to be closed. */
  void (*service_back)(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts);
  /* It will not come back. `why` is for people, and lasts as long as the call. */
  void (*service_given_up)(void *context, uint32_t slot, const char *why);
  /* The client whose channel's server end was in that slot was started again (`client` is its name): makes a channel of
   * the same contract, keeps the server's end and returns the client's. 0: it gets none. */
  uint32_t (*client_wanted)(void *context, uint32_t slot, uint32_t restarts, const char *client);
  /* Finish what is under way, then signet_supervised_stopped, until the deadline (CLOCK_MONOTONIC). */
  void (*stop)(void *context, uint64_t deadline);
};

struct signet_supervised {
  uint32_t endpoint; /* 0: nobody supervises, or nobody does any more */
  const struct signet_supervised_calls *calls;
  void *context;
  bool stopping; /* STOP was heard */
};

/* Says that this process serves, and listens from now on. */
void signet_supervised_begin(struct signet_supervised *supervised, uint32_t endpoint,
                             const struct signet_supervised_calls *calls, void *context);

/* Instead of begin: this process cannot do what it is there for, and trying again would not help. At most 255 bytes
 * are told. It should exit then, with another status than 0. */
void signet_supervised_refuse(uint32_t endpoint, const char *why);

/* Room for what comes from the endpoint: the message, then its data. */
#define SIGNET_SUPERVISED_MESSAGE_MOST 384 /* bytes in all */

/* `message` was received from the endpoint, data behind it; its calls are made before this returns. NULL: the endpoint
 * is closed; it is closed here too, and 0 from now on. */
void signet_supervised_handle(struct signet_supervised *supervised, const struct signet_message *message);

/* For who waits for nothing else: receives and handles one message. False: the deadline has passed, an event came, or
 * nobody supervises any more. */
bool signet_supervised_wait(struct signet_supervised *supervised, uint64_t deadline);

/* After `stop`: all is saved. This process should exit with 0. */
_Noreturn void signet_supervised_stopped(struct signet_supervised *supervised);

#endif
