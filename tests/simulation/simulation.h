/* What the files of the simulation share. A program is an array of steps: plain data, so that it can be replayed, kept
 * and made smaller. A step tells what one actor does; what it names (handles, processes) is found by the step's salt
 * among what there is, so that every step can be done after any others. */
#ifndef TESTS_SIMULATION_SIMULATION_H
#define TESTS_SIMULATION_SIMULATION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/object.h"
#include "port/sim/sim.h"
#include "tests/lib/random.h"

/* ---- Steps ---- */

/* What a processor does that runs a thread: a kernel call by its number, or: */
enum { DO_UNKNOWN_CALL = SIGNET_CALL_COUNT, DO_PREEMPT, DO_FAULT, DO_ALL };
/* What a thread of the host does that rests. */
enum host_action {
  HOST_BEGIN, /* two processes, with channels between them and a device each */
  HOST_RELEASE,
  HOST_STOP,
  HOST_KILL,
  HOST_EVENT,
  HOST_READY, /* a device has the answer to a request that waits */
  HOST_OBSERVE,
  HOST_TRACE,
  HOST_IMAGE,
  HOST_ALL
};

struct step {
  uint8_t actor;  /* 0 and up: processors; SIM_HOST and up: threads of the host */
  uint8_t what;   /* for an actor that is in the kernel: it goes on */
  uint8_t pause;  /* the n-th point where it may pause it does; 0: none */
  uint8_t fail;   /* the n-th request for memory fails; 0: none */
  uint32_t salt;  /* of which all that it gives is made */
  uint32_t later; /* so much later, nanoseconds */
};

#define STEPS_MOST 20000

/* ---- What went wrong ---- */

/* The first sentence counts; does not return: ends the program of steps (and the host process it runs in). */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define MUST(condition, ...) ((condition) ? (void)0 : broken(__VA_ARGS__))

/* If set, every step is told in words. */
extern FILE *told;
#define TELL(...) (told ? (void)fprintf(told, __VA_ARGS__) : (void)0)

/* ---- run.c: one program ---- */

/* Gives the next step; false: it is over. */
typedef bool next_step(void *context, struct step *step);
/* From a kernel that begins to one of which nothing is left. Checked every `often` steps. */
void run_program(uint32_t processors, unsigned often, next_step *next, void *context);
/* Random steps. */
void random_step(struct random *random, struct step *step);
extern uint64_t calls_made[SIGNET_CALL_COUNT + 1], calls_fine[SIGNET_CALL_COUNT + 1];
extern bool memory_failed; /* in this program */
extern uint64_t pauses, failures_injected, deaths, checks, lock_contended;

/* In the build in which every access to memory is a point where others may act (watch.c). */
extern bool watching;
extern uint64_t accesses, accesses_unlocked;

/* ---- world: who is there ---- */

#define ROOTS 4
struct root {
  struct kernel_process *process;
  bool busy; /* a thread of the host is at it */
};
extern struct root roots[ROOTS];
extern struct kernel_image *root_image;

/* ---- call.c: what a process does ---- */
void process_step(uint32_t cpu, const struct step *step);
/* It is in no call any more, if it was. */
void process_answered(struct port_context *context);
void process_returned(uint32_t cpu);

/* What is kept in port_context.notes of the call that a thread is in. */
struct notes {
  uint8_t in_call; /* 1: arguments and all else is that of a call that was made and has not been answered */
  uint8_t call;
  uint8_t moved_count;
  bool wild;    /* it may write into a block */
  bool sending; /* a message was noted in the model, in that queue: */
  uint32_t process;
  uint64_t arguments[5];
  uint64_t buffer; /* where the message comes */
  uint64_t channel;
  uint32_t side, thread;
  uint64_t block;   /* consumed, granted: its number */
  uint64_t waiters; /* word_wake: how many there were; UINT64_MAX: it cannot be known */
  uint32_t child, slot;
};
static inline struct notes *notes_of(struct port_context *context) {
  _Static_assert(sizeof(struct notes) <= sizeof context->notes, "notes");
  return (struct notes *)context->notes;
}

/* ---- host.c: what the host does ---- */
void host_step(uint32_t actor, const struct step *step);
void host_stop_all(void);
/* Devices. */
struct port_device *device_make(void);
bool devices_closed(void);
void devices_forget(void);
uint32_t device_tickets(const struct port_device *device);
uint32_t device_answering(const struct port_device *device);

/* ---- model.c: messages and blocks, as they must be ---- */
void model_reset(void);
/* A message is about to be sent from there; undisturbed: nobody acts before it is. False: nobody will receive it. */
bool model_send(struct kernel_process *process, struct endpoint *from, uint64_t message, bool undisturbed);
/* What came of it: 1 it was sent, 0 it was not, -1 nobody knows. */
void model_sent(const struct kernel_process *process, uint64_t channel, uint32_t side, int64_t status, int sent);
void model_received(struct kernel_process *process, struct endpoint *at, uint64_t buffer);
void model_block_made(struct kernel_process *process, struct block *block);
void model_block_write(struct block *block, struct kernel_process *process);
void model_block_changed(struct block *block, struct kernel_process *process); /* by the process, anyhow */
void model_block_gone(uint64_t number);
void model_block_owner(uint64_t number, uint32_t process);
void model_process_ended(uint32_t process);
void model_check_block(const struct block *block, const struct kernel_process *holder);

/* ---- check.c ---- */
/* Every named invariant, if nobody has the lock. */
void check_everything(void);
void check_nothing_left(void);

/* ---- Where things are in a window ---- */
#define THREADS_MOST 64 /* made by a process, so that each has places of its own */
#define SLOT_OF(thread_number, diverted) ((uint64_t)((thread_number) % THREADS_MOST * 2 + (diverted)))
#define SEND_AT 0x24000u    /* of each slot: a message to send, */
#define RECEIVE_AT 0x2c000u /* one to receive, */
#define HANDLES_AT 0x34000u /* handles to wait for, */
#define REQUEST_AT 0x36000u /* and a request to a device */
#define WORDS_AT 0x38000u   /* zeros, to wait at */
#define OTHER_AT 0x39000u   /* anything else */
#define BUFFER_BYTES 0x100u

#endif
