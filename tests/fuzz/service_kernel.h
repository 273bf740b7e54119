/* A kernel for one service that is fuzzed in this process: channels with their contracts, sets, blocks, memory,
 * threads, words, time; no devices of its own. Whoever plays the other ends (service_play.c) is called peer here.
 * Everything begins anew with each input: the service's own data are put back to what they were (service_state.ld).
 * Tests only.
 *
 * What the real kernel would refuse is never delivered; what the service does that the real kernel would refuse, or
 * that no right service does (a stale handle, memory that is not its own, a block that it has sent) ends the input by
 * fuzz_fail. */
#ifndef TESTS_FUZZ_SERVICE_KERNEL_H
#define TESTS_FUZZ_SERVICE_KERNEL_H

#include <signet/abi.h>

#include "tests/fuzz/fuzz.h"

/* ---- An input ---- */

extern struct fuzz_input kernel_input;
void kernel_begin(const uint8_t *bytes, size_t length);
/* Ends may be of these from now on; for the whole run. The number of the contract. */
uint32_t kernel_learn(const void *contract, uint64_t length);
const struct signet_contract *kernel_contract(uint32_t contract);
const uint8_t *kernel_identity(uint32_t contract); /* as the kernel names it */

/* ---- The service ---- */

/* Starts it: handles are those of kernel_give and kernel_device, in the order of the slots. */
void kernel_start(const uint32_t *handles, uint32_t slots, const void *bytes, uint32_t length);
/* Runs its threads until all of them wait, or so many calls were made. */
void kernel_run(uint32_t calls);
#define KERNEL_UNTIL_IDLE UINT32_MAX
extern bool kernel_exited;
extern uint32_t kernel_exit_code;
extern uint64_t kernel_now; /* CLOCK_MONOTONIC */
void kernel_advance(uint64_t to);
uint64_t kernel_first_deadline(void); /* that a thread waits for; SIGNET_NEVER: none */
/* The so-manieth allocation from now on fails; 0: none does. */
extern uint32_t kernel_fail_in;
/* The end that its last message came from: who is served, where one thread serves. */
extern uint32_t kernel_served;
/* What it holds. */
uint32_t kernel_held(enum signet_kind kind);
extern uint64_t kernel_mapped; /* bytes of its area */

/* ---- Devices ---- */

/* -> handle of device `number`. */
uint32_t kernel_device(uint32_t number);
/* Answers a request; a buffer is checked before. Called on the service's thread. */
extern struct signet_result (*kernel_on_device)(uint32_t number, const struct signet_device_request *request);
/* For kernel_on_device: the thread waits until something may have changed. */
void kernel_device_wait(void);
/* Something has: who waits looks again. */
void kernel_changed(void);
extern uint32_t kernel_version; /* grows with every change */
void *kernel_buffer(const struct signet_device_request *request);

/* ---- Ends ---- */

#define KERNEL_ENDS_MOST 512
enum kernel_holder { KERNEL_NOBODY, KERNEL_PEER, KERNEL_SERVICE, KERNEL_TRAVELS };
struct kernel_moved {
  uint32_t kind, number; /* end or block */
};
#define KERNEL_QUEUE_MOST 4
struct kernel_message {
  uint32_t tag, length, moved_count;
  struct kernel_moved moved[SIGNET_MESSAGE_MOVED];
  uint8_t data[SIGNET_MESSAGE_DATA_MOST];
};
struct kernel_end {
  uint32_t contract, state; /* of both ends the same */
  enum kernel_holder holder;
  bool closed;
  uint32_t peer; /* which of the peers holds it, or whose service's end it is */
  bool in_set;
  uint32_t set, handle; /* service's */
  uint64_t key;
  uint32_t queued;
  struct kernel_message *queue[KERNEL_QUEUE_MOST];
};
/* A client's end is even, its server's the next odd number. */
extern struct kernel_end kernel_ends[KERNEL_ENDS_MOST];
extern uint32_t kernel_ends_used; /* of them, from the first */
/* -> the client's end; both are `peer`'s. 0: there is no room. (End 0 is none.) */
uint32_t kernel_channel(uint32_t contract, uint32_t peer);
/* The peer's end is the service's from now on. -> its handle. */
uint32_t kernel_give(uint32_t end);
/* True if whoever holds that end may send that. */
bool kernel_may_send(uint32_t end, uint32_t tag);
bool kernel_turn(uint32_t end); /* or anything */
/* What `tag` moves, the so-manieth. NULL: it may be anything of its kind. */
const struct signet_contract_moved *kernel_moved_row(uint32_t contract, uint32_t tag, uint32_t index);
/* A peer sends what it may: all of it was checked. */
void kernel_peer_send(uint32_t end, const struct kernel_message *message);
/* False: nothing waits there. */
bool kernel_peer_receive(uint32_t end, struct kernel_message *message);
void kernel_peer_close(uint32_t end);

/* ---- Blocks ---- */

#define KERNEL_BLOCKS_MOST 48
#define KERNEL_BLOCK_MOST 0x50000u
/* 0: there is no room. */
uint32_t kernel_block(uint32_t pages);
uint8_t *kernel_block_open(uint32_t block, uint32_t *length); /* of a peer's; to be closed again */
void kernel_block_close(uint32_t block);
void kernel_block_free(uint32_t block);

/* ---- For the calls about processes (service_processes.c), which few services make ---- */

struct kernel_object {
  uint32_t kind, number, generation; /* kind 0: free */
};
uint32_t kernel_object(enum signet_kind kind, uint32_t number);
/* NULL: it is 0, which is never one; whatever else is none is a mistake of the service, or NULL too if
 * `call` is. */
struct kernel_object *kernel_object_find(uint32_t handle, const char *call);
void kernel_call_begins(void);
void kernel_wait(uint64_t deadline); /* the thread, until something has changed */
bool kernel_refuses(void);           /* an allocation */
void kernel_readable(const void *bytes, uint64_t length, const char *what);
void kernel_end_close(uint32_t end);
extern uint64_t kernel_event; /* one that arrives at the next call */
extern void (*kernel_listener)(uint64_t event);
/* Of service_processes.c. */
void kernel_process_closed(uint32_t process);
void kernel_process_query(const struct kernel_object *object, struct signet_handle_information *information);

/* Bytes that the service never wrote itself: who finds a row of them in a message has been told what is not for him. */
#define KERNEL_CANARY 0xc5
#define KERNEL_UNSET_CLANG 0xaa /* -ftrivial-auto-var-init=pattern */
#define KERNEL_UNSET_GCC 0xfe
static inline uint8_t kernel_plain(uint8_t byte) {
  return byte == KERNEL_CANARY || byte == KERNEL_UNSET_CLANG || byte == KERNEL_UNSET_GCC ? byte ^ 1 : byte;
}

#endif
