/* The simulated platform: one host thread plays all processors, and the test plays the code of the processes. Tests
 * only.
 *
 * A processor that has resumed a thread returns to the test, which acts for that thread: sim_call, sim_preempt,
 * sim_fault. Time is a number that the test moves. Every rule of port/port.h that the kernel must keep is asserted. */
#ifndef PORT_SIM_SIM_H
#define PORT_SIM_SIM_H

#include "kernel/kernel.h"

#define SIM_WINDOWS 64
#define SIM_CPUS 2
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

/* ---- Memory of a window, as its process sees it: NULL where it cannot be accessed so ---- */
void *sim_memory(uint32_t window, uint64_t offset, uint64_t length, bool write);

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
