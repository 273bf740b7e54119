/* The simulated platform: one host thread plays all processors, and the test plays the code of the processes. Tests
 * only.
 *
 * A processor that has resumed a thread returns to the test, which acts for that thread: sim_call, sim_preempt,
 * sim_fault. Time is a number that the test moves. Every rule of port/port.h that the kernel must keep is asserted. */
#ifndef PORT_SIM_SIM_H
#define PORT_SIM_SIM_H

#include "kernel/kernel.h"

#define SIM_WINDOWS 64
#define SIM_CPUS 2 /* of the tests that act by sim_call */
#define SIM_CPUS_MOST 4
#define SIM_HOST SIM_CPUS_MOST /* the first of the host's threads */
#define SIM_ACTORS (SIM_CPUS_MOST + 2)
#define SIM_AWAY (-100) /* of sim_call: another thread runs now, or none */

struct port_context {
  uint32_t entry, stack;
  uint64_t argument, thread_pointer;
  uint32_t mxcsr, x87;
  struct signet_result result; /* of the last call that did not end at once */
  bool answered;               /* there is such a result that the test has not taken */
  bool diverted;
  uint32_t event_entry;
  uint64_t event;
  struct signet_result kept; /* result and answered, while diverted */
  bool kept_answered;
  uint64_t notes[24], kept_notes[24]; /* the test's own, about the call that this thread is in */
};

struct port_device {
  bool ready;       /* a request is answered; otherwise it waits */
  bool ready_early; /* calls back while the request is still being made, once */
  bool closed;
  void *waiting; /* the ticket of a request that waits */
  unsigned requests, forgotten, resets;
  struct port_request last;
  char text[2][64];
  struct signet_result answer;
  /* If set, they take the place of the above. */
  bool (*asked)(struct port_device *device, const struct port_request *request, struct signet_result *result);
  void (*forget)(struct port_device *device, void *thread);
  bool (*is_waited_for)(const struct port_device *device);
};

/* ---- Acting ---- */

/* The processor that acts; 0 at first. */
void sim_choose_cpu(uint32_t cpu);
/* The thread that runs on it, NULL when it sleeps; and its window. */
struct port_context *sim_current(void);
uint32_t sim_window(void);
/* The processor looks for something to run, having slept. */
void sim_run(void);
struct signet_result sim_call(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
void sim_preempt(void);
void sim_fault(enum signet_fault kind, uint64_t address);
void sim_device_ready(struct port_device *device);

/* Called, when set, wherever the kernel has given the lock up and will take it again: other processors may act, `busy`
 * not (-1: the host is at work). */
extern void (*sim_unlocked)(int busy);

/* ---- Acting by turns: processors and threads of the host, each on a stack of its own ---- */

enum sim_doing {
  SIM_RESTS,   /* nothing, yet */
  SIM_ACTS,    /* at it now */
  SIM_PAUSED,  /* in the kernel, at a point where it was told to pause */
  SIM_BLOCKED, /* in the kernel, and another has the lock */
  SIM_ASLEEP,  /* a processor in port_idle */
  SIM_RUNS,    /* a processor with a thread of a process */
};

/* How many processors there are; before kernel_initialise. */
extern uint32_t sim_cpus;
/* If set, it is asked at every point where it matters who acts next: before each taking of the lock and after giving it
 * up, at each wake-up, in each function of the port that is called without the lock. True: whoever acts pauses there.
 */
extern bool (*sim_pause)(void);
/* An actor is a processor, or SIM_HOST and up. It acts until it rests, sleeps, runs, or pauses. sim_call and the like
 * return then, too. */
void sim_begin(uint32_t actor, void (*function)(void *), void *argument);
void sim_go_on(uint32_t actor);
enum sim_doing sim_doing(uint32_t actor);
/* Of one that is asleep: until when; 0: it has been woken. */
uint64_t sim_sleeps_until(uint32_t actor);
/* The thread that is a processor's, and its window, while it runs or is in the kernel for it. */
struct port_context *sim_current_of(uint32_t actor);
uint32_t sim_window_of(uint32_t actor);
/* The result of the call that this thread made on the processor, or SIM_AWAY: which it has only once. */
struct signet_result sim_called(uint32_t cpu, struct port_context *caller);
/* Who acts, in the functions below and above that the kernel calls; and whether he has the lock. */
uint32_t sim_actor(void);
bool sim_locked(void);
/* He pauses, if he is to: between two accesses to memory, with the lock or without it. */
void sim_access_point(void);
/* The actor that has the lock, UINT32_MAX: none. */
uint32_t sim_lock_holder(void);
/* Everybody rests: before the kernel begins anew. */
void sim_forget_actors(void);
/* A thread is given the result of its call: it may be long before it runs. */
extern void (*sim_answered)(struct port_context *context);
extern void (*sim_reported)(const struct kernel_report *report);
/* Told of a broken rule, instead of the end of the program. Does not return. */
extern void (*sim_panicked)(const char *file, int line, const char *condition);

/* ---- Memory of a window, as its process sees it: NULL where it cannot be accessed so ---- */
void *sim_memory(uint32_t window, uint64_t offset, uint64_t length, bool write);
bool sim_window_there(uint32_t window);
/* Of a block of the exchange heap: a number that no other has had since the start. */
uint64_t sim_block_number(const struct port_block *block);
/* Its pages, of image, stack, mappings and blocks. */
uint64_t sim_mapped(uint32_t window);

/* ---- Time, faults, what is alive ---- */
extern uint64_t sim_clock;
extern uint32_t sim_features;
/* The n-th request for memory from now on fails (1: the next); 0: none does. */
void sim_fail_at(unsigned n);
/* True if it did since. */
bool sim_failed(void);
struct sim_alive {
  uint64_t pages, windows, mapped, images, blocks, contexts;
};
extern struct sim_alive sim_alive;
extern struct kernel_report sim_last_report;
extern unsigned sim_reports;
extern uint64_t sim_woken; /* bit per processor that port_wake named since the test cleared it */

#endif
