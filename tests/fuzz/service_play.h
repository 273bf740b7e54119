/* Plays the peers of a service that is fuzzed: an input says who does what, in which order. A target gives what is its
 * own. Tests only. */
#ifndef TESTS_FUZZ_SERVICE_PLAY_H
#define TESTS_FUZZ_SERVICE_PLAY_H

#include "tests/fuzz/service_kernel.h"

struct service_target {
  /* Makes devices and channels, and starts the service. */
  void (*begin)(void);
  /* Something of the target's own happens, a device's event or the like. */
  void (*act)(uint8_t which);
  /* The data of a message, within its bounds; -> its length. 0: any bytes. */
  uint32_t (*compose)(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most);
  uint64_t likely; /* a bit for each message that is said more often, where it may be; 0: all alike */
  /* A peer has heard that. */
  void (*heard)(uint32_t end, const struct kernel_message *message);
  /* From now on devices answer all that waits. */
  void (*settle)(void);
  /* May that peer's request be unanswered when all has settled? */
  bool (*may_stand)(uint32_t end);
  /* All clients are gone, and the service waits or has ended. */
  void (*end)(void);
  uint32_t supervisor; /* the contract of supervision, plus 1; 0: nobody supervises */
  /* In place of all clients' going: the input's end. May be NULL. */
  void (*finish)(void);
  /* An honest client beside all others: it hears the same whatever they do. Its request number `step` over one of its
   * ends, of which the first is what begin gave service_honest, and further ones are those it was given; -> the length,
   * or SERVICE_NO_STEP. May be NULL. */
  uint32_t (*honest)(uint32_t step, uint32_t *end, uint32_t *tag, uint8_t *data);
  uint32_t honest_late; /* steps from this one on wait until all has settled; 0: none does */
  /* What it hears when nobody else is there: is that right? May be NULL. */
  void (*honest_heard)(uint32_t step, const struct kernel_message *message);
  bool answers; /* its peers are asked, and answer: only who has something to say is chosen to speak */
  uint32_t sets_held, channels_kept; /* when all clients are gone; channels besides the supervisor's */
};

#define SERVICE_NO_STEP UINT32_MAX
#define SERVICE_HONEST_ENDS 4
extern uint32_t service_honest[SERVICE_HONEST_ENDS];

/* begin says so: what it is started with may be refused. */
extern bool service_may_refuse;

/* A whole input. */
void service_play(const struct service_target *target, const uint8_t *bytes, size_t length);
/* Start-up bytes of services that have none of their own; -> their length. `slots` are names. */
uint32_t service_program(uint8_t *to, const char *const *arguments, uint32_t argument_count, const char *const *slots,
                         uint32_t slot_count);
/* The supervisor's end, or 0: begin sets it. */
extern uint32_t service_supervisor;
/* Lets everything be done that can be. */
void service_settle(void);
/* The last message that a peer said over the end. */
extern uint32_t service_asked[KERNEL_ENDS_MOST];
/* How long that was, and what it began with. */
#define SERVICE_ASKED_MOST 32
extern struct service_asked_data {
  uint32_t length;
  uint8_t begin[SERVICE_ASKED_MOST];
} service_asked_data[KERNEL_ENDS_MOST];
/* Fills the blocks that are sent over this end. Never 0. */
uint8_t service_mark(uint32_t end);
/* How often a peer's message was an answer to it, by whether it was what the target calls a success. */
void service_counted(bool accepted);

#endif
