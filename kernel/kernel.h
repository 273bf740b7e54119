/* What the kernel gives a port and the program that hosts it. Sealed processes see include/signet/abi.h instead. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>

#include "port/port.h"

/* ---- Called by the port ---- */

/* A kernel call by the thread that runs on this processor; the lock is not held. Returns its result if the same thread
 * goes on at once (the port returns to it from the entry stub), and does not return otherwise. a0 to a4 are the
 * process's, in the registers in which its C left them, so that the stub moves nothing; `number` is the stub's. */
struct signet_result kernel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t number);
/* The same for SIGNET_CALL_channel_call and SIGNET_CALL_thread_yield, for a port that has no instruction to spare. */
struct signet_result kernel_channel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
struct signet_result kernel_thread_yield(void);
/* The running thread was interrupted and its registers are saved: schedule. */
_Noreturn void kernel_preempted(void);

struct port_fault {
  enum signet_fault kind;
  uint32_t instruction; /* offset */
  uint64_t address;     /* offset touched; all 64 bits if outside the window */
};
/* The running thread faulted: its process ends. */
_Noreturn void kernel_fault(const struct port_fault *fault);
/* A processor enters the kernel for good: schedules for ever. After kernel_initialise. */
_Noreturn void kernel_cpu_run(void);
/* See port_device_request. Any host thread, with the lock held. */
void kernel_device_ready(void *thread);

/* ---- Called by the host program: builds the first processes ----
 * Any host thread that is no processor, without the lock. Errors are enum signet_status. */

struct kernel_image;
struct kernel_process;

/* Once, before any other. False: no memory. */
bool kernel_initialise(void);

/* Why an image was refused: the first reason. */
struct kernel_refusal {
  char text[160];  /* a sentence: what, where, against which rule */
  uint32_t offset; /* of the code at fault, or 0 */
};
/* Verifies and loads. The image is kept (shared with all that load the same bytes) until released. */
enum signet_status kernel_image_load(const void *bytes, size_t length, struct kernel_image **image,
                                     struct kernel_refusal *refusal);
void kernel_image_release(struct kernel_image *image);

struct kernel_image_facts {
  uint8_t hash[32];
  uint64_t calls_named;
  uint32_t features;
  uint64_t code_length, instructions;
};
void kernel_image_facts(const struct kernel_image *image, struct kernel_image_facts *facts);

/* As process_create, without a parent; `specification->image` and startup_offset are ignored, `startup` takes their
 * place. */
enum signet_status kernel_process_create(struct kernel_image *image,
                                         const struct signet_process_specification *specification, const void *startup,
                                         struct kernel_process **process);
/* Makes a channel between start-up slots of two unstarted processes. The contract is struct signet_contract with its
 * tables. */
enum signet_status kernel_process_connect(struct kernel_process *client, uint32_t client_slot,
                                          struct kernel_process *server, uint32_t server_slot, const void *contract,
                                          size_t contract_length);
/* The device is owned by the kernel from here on (port_device_close when its holder closes it or ends). */
enum signet_status kernel_process_grant_device(struct kernel_process *process, uint32_t slot,
                                               struct port_device *device);
enum signet_status kernel_process_start(struct kernel_process *process);
/* Delivers an event (SIGNET_EVENT_*) to a process. */
void kernel_process_event(struct kernel_process *process, uint32_t event);
/* Stops it, its children first. */
void kernel_process_stop(struct kernel_process *process);
/* Ends any process, by its number, as the signal KILL would: the owner's right. Its parent sees it. HANDLE: there is
 * none of that number that has not ended. */
enum signet_status kernel_process_kill(uint32_t number);
/* Its number, as in struct kernel_report. */
uint32_t kernel_process_number(const struct kernel_process *process);
/* True and *ending once it is stopped. The pointer stays valid until kernel_process_release. */
bool kernel_process_ended(struct kernel_process *process, struct signet_ending *ending);
/* One that was never started ends with it; a running one goes on. */
void kernel_process_release(struct kernel_process *process);

/* Given to port_report for every process that ends, with or without the lock held by the caller of the report. */
struct kernel_report {
  uint32_t process; /* its number, never reused */
  uint32_t parent;  /* its number; 0: none */
  char name[32];
  uint8_t image[32]; /* hash */
  struct signet_ending ending;
};

/* Numbers of the whole kernel, for tools and leak tests. */
struct kernel_statistics {
  uint64_t processes, threads, channels, blocks, images, pages; /* alive now */
  uint64_t calls, switches, messages;                           /* since the start */
};
void kernel_statistics(struct kernel_statistics *statistics);

/* What process_observe tells (abi.h), of all processes. -> records written. */
size_t kernel_observe(enum signet_observe what, uint64_t after, void *buffer, size_t length);

/* One message, as it was sent: for `signet trace`. */
#define KERNEL_TRACE_DATA 512
struct kernel_trace_record {
  uint64_t time;       /* CLOCK_MONOTONIC */
  uint64_t channel;    /* its number */
  uint32_t process[2]; /* who sent it; who held the other end then, as in struct signet_observed_channel */
  uint8_t side;        /* the sender's: 0 client, 1 server */
  uint8_t state;       /* of the channel before */
  uint8_t next;        /* and after */
  uint8_t moved_count;
  uint8_t moved_kind[SIGNET_MESSAGE_MOVED];
  uint32_t moved_length[SIGNET_MESSAGE_MOVED]; /* blocks: bytes */
  uint32_t tag, length;                        /* length: of all the message's data; tag UINT32_MAX: unreadable */
  uint8_t refused;                             /* not 0: enum signet_status; it was refused, and not sent */
  uint8_t reserved[3];
  uint8_t identity[32];            /* the contract's */
  uint8_t data[KERNEL_TRACE_DATA]; /* its beginning */
};
/* Begins to keep the last `records` messages. MEMORY: nothing begins. The system is slower while it does: no message
 * takes the short way. */
enum signet_status kernel_trace_begin(uint32_t records);
void kernel_trace_end(void);
/* Takes the oldest records out, at most `most`; *lost: how many were overwritten since the last time. -> how many. */
size_t kernel_trace_take(struct kernel_trace_record *records, size_t most, uint64_t *lost);

/* Checks every invariant of the kernel's data; the first that fails is named, NULL when all hold. Slow; takes the lock.
 */
const char *kernel_check_invariants(void);

#endif
