/* Processors, the lock, time, threads and devices under simulation (sim.h). Called by the kernel as port/port.h says;
 * every rule there is asserted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/sim/fiber.h"
#include "port/sim/inside.h"

#define NOBODY UINT32_MAX

static struct actor {
  struct fiber fiber;
  enum sim_doing doing;
  void (*function)(void *);
  void *argument;
  /* Of a processor: */
  struct port_context *context;
  uint32_t window;
  uint64_t sleeps_until;
  bool woken;
  struct signet_result returned; /* by a kernel call that ended at once */
  bool at_once;
} actors[SIM_ACTORS];

static uint32_t self;            /* the actor, or the processor that the test chose */
static uint32_t holder = NOBODY; /* of the lock */

uint32_t sim_cpus = 2;
uint64_t sim_clock = 1000;
uint32_t sim_features = ~0u;
struct kernel_report sim_last_report;
unsigned sim_reports;
uint64_t sim_woken;
void (*sim_unlocked)(int busy);
bool (*sim_pause)(void);
void (*sim_answered)(struct port_context *context);
void (*sim_reported)(const struct kernel_report *report);
void (*sim_panicked)(const char *file, int line, const char *condition);

_Noreturn void port_panic(const char *file, int line, const char *condition) {
  if (sim_panicked)
    sim_panicked(file, line, condition);
  printf("Bail out! %s:%d: %s\n", file, line, condition);
  fflush(stdout);
  abort();
}

/* ---- Points at which others may act ---- */

static bool acting; /* a processor is in the kernel, not the host */
static bool again;  /* it has had the lock since it came in */

static void leave(enum sim_doing doing) {
  actors[self].doing = doing;
  fiber_leave();
}

bool sim_locked(void) { return holder == self; }
uint32_t sim_actor(void) { return self; }
uint32_t sim_lock_holder(void) { return holder; }

/* With the lock or without it. */
static void pause_here(void) {
  if (fiber_self() && sim_pause())
    leave(SIM_PAUSED);
}

void sim_access_point(void) { pause_here(); }

void sim_point(void) {
  static bool inside;
  if (sim_pause) {
    pause_here();
    return;
  }
  RULE(holder == NOBODY);
  if (!sim_unlocked || inside)
    return;
  uint32_t before = self;
  bool by_processor = acting, had_lock = again;
  inside = true;
  acting = false;
  sim_unlocked(by_processor ? (int)self : -1);
  inside = false;
  acting = by_processor;
  again = had_lock;
  self = before;
}

void port_lock(void) {
  if (sim_pause)
    pause_here();
  else if (acting && again)
    sim_point();
  RULE(holder != self);
  while (holder != NOBODY) {
    RULE(sim_pause && fiber_self());
    leave(SIM_BLOCKED);
  }
  again = acting;
  holder = self;
}

void port_unlock(void) {
  RULE(holder == self);
  holder = NOBODY;
  if (sim_pause)
    pause_here();
}

bool port_load_pair(uint32_t window, uint32_t offset, uint64_t *first, uint64_t *second) {
  RULE(offset % 8 == 0 && actors[self].window == window);
  bool there = port_copy_in(first, window, offset, sizeof *first);
  return port_copy_in(second, window, offset + sizeof *first, sizeof *second) && there;
}

bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, uint64_t first,
                          uint64_t second, uint32_t gap, uint32_t length) {
  const uint64_t pair[] = {first, second};
  RULE(to % 8 == 0 && actors[self].window == from_window);
  return port_copy_across(from_window, from + gap, to_window, to + gap, length) &&
         port_copy_out(to_window, to, pair, sizeof pair);
}

/* ---- Processors and time ---- */

uint32_t port_cpu_count(void) { return sim_cpus; }
uint32_t port_cpu_self(void) {
  RULE(self < sim_cpus);
  return self;
}

void port_idle(uint64_t deadline) {
  struct actor *actor = &actors[self];
  RULE(holder == self);
  actor->context = NULL;
  holder = NOBODY;
  if (deadline > sim_clock && !actor->woken) {
    actor->sleeps_until = deadline;
    leave(SIM_ASLEEP);
  }
  actor->woken = false;
  port_lock();
}

void port_wake(uint32_t number) {
  RULE(number < sim_cpus);
  sim_woken |= UINT64_C(1) << number;
  if (!sim_pause)
    return;
  actors[number].woken = true;
  pause_here();
}

uint64_t port_clock(enum signet_clock clock) {
  RULE(clock <= SIGNET_CLOCK_PROCESS);
  if (sim_pause && holder != self)
    pause_here();
  return clock == SIGNET_CLOCK_REALTIME ? sim_clock + 1000000 : sim_clock;
}

void port_random(void *bytes, size_t length) {
  static uint8_t next = 1;
  if (sim_pause)
    pause_here();
  for (size_t i = 0; i < length; i++)
    ((uint8_t *)bytes)[i] = next = (uint8_t)(next * 5 + 1) | 1;
}

/* ---- Threads ---- */

struct port_context *port_context_create(uint32_t entry, uint32_t stack, uint64_t argument, uint64_t thread_pointer) {
  RULE(holder == self && entry % SIGNET_BUNDLE == 0);
  if (!sim_have_memory())
    return NULL;
  struct port_context *context = calloc(1, sizeof *context);
  *context = (struct port_context){.entry = entry,
                                   .stack = stack,
                                   .argument = argument,
                                   .thread_pointer = thread_pointer,
                                   .mxcsr = 0x1f80,
                                   .x87 = 0x37f};
  sim_alive.contexts++;
  return context;
}

void port_context_destroy(struct port_context *context) {
  RULE(holder == self);
  free(context);
  sim_alive.contexts--;
}

void port_context_set_result(struct port_context *context, struct signet_result result) {
  RULE(holder == self && result.status >= 0);
  context->result = result;
  context->answered = true;
  if (sim_answered)
    sim_answered(context);
}

void port_context_set_floating_point(struct port_context *context, uint32_t mxcsr, uint32_t x87) {
  context->mxcsr = mxcsr;
  context->x87 = x87;
}

bool port_context_divert(struct port_context *context, uint32_t entry, uint64_t event) {
  if (context->diverted)
    return false;
  context->diverted = true;
  context->kept = context->result;
  context->kept_answered = context->answered;
  memcpy(context->kept_notes, context->notes, sizeof context->notes);
  context->answered = false;
  context->event_entry = entry;
  context->event = event;
  return true;
}

bool port_context_return(struct port_context *context) {
  if (!context->diverted)
    return false;
  context->diverted = false;
  context->result = context->kept;
  context->answered = context->kept_answered;
  memcpy(context->notes, context->kept_notes, sizeof context->notes);
  return true;
}

_Noreturn void port_resume(struct port_context *context, uint32_t window) {
  RULE(holder == self && sim_window_there(window));
  for (uint32_t other = 0; other < sim_cpus; other++)
    RULE(other == self || !actors[other].context || actors[other].window != window); /* the serial rule */
  actors[self].context = context;
  actors[self].window = window;
  holder = NOBODY;
  leave(SIM_RUNS);
  abort();
}

_Noreturn void port_answer(struct port_context *context, uint32_t window, struct signet_result result) {
  RULE(actors[self].context != context);
  port_context_set_result(context, result);
  port_resume(context, window);
}

/* ---- Devices ---- */

bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  sim_point();
  RULE(holder != self && !device->closed);
  device->requests++;
  device->last = *request;
  if (device->asked)
    return device->asked(device, request, result);
  snprintf(device->text[0], sizeof device->text[0], "%s", request->text);
  snprintf(device->text[1], sizeof device->text[1], "%s", request->text2);
  if (device->ready) {
    *result = device->answer;
    return true;
  }
  device->waiting = request->thread;
  if (device->ready_early) {
    device->ready_early = false;
    device->ready = true;
    sim_device_ready(device);
  }
  return false;
}

void port_device_forget(struct port_device *device, void *thread) {
  RULE(holder == self && !device->closed);
  if (device->forget)
    device->forget(device, thread);
  device->forgotten += device->waiting == thread;
  if (device->waiting == thread)
    device->waiting = NULL;
}

void port_device_reset(struct port_device *device) {
  RULE(holder == self && !device->closed && !device->waiting);
  RULE(!device->is_waited_for || !device->is_waited_for(device));
  device->resets++;
}

void port_device_close(struct port_device *device) {
  RULE(holder == self && !device->closed && !device->waiting);
  RULE(!device->is_waited_for || !device->is_waited_for(device));
  device->closed = true;
}

void port_report(const struct kernel_report *report) {
  sim_last_report = *report;
  sim_reports++;
  if (sim_reported)
    sim_reported(report);
}

/* ---- Acting ---- */

void sim_choose_cpu(uint32_t number) { self = number; }
struct port_context *sim_current(void) {
  return actors[self].context;
}
uint32_t sim_window(void) { return actors[self].window; }
struct port_context *sim_current_of(uint32_t actor) {
  return actors[actor].context;
}
uint32_t sim_window_of(uint32_t actor) { return actors[actor].window; }
enum sim_doing sim_doing(uint32_t actor) { return actors[actor].doing; }
uint64_t sim_sleeps_until(uint32_t actor) { return actors[actor].woken ? 0 : actors[actor].sleeps_until; }

static void run(void) {
  actors[self].function(actors[self].argument);
  leave(SIM_RESTS);
  abort();
}

void sim_begin(uint32_t actor, void (*function)(void *), void *argument) {
  uint32_t before = self;
  RULE(actors[actor].doing == SIM_RESTS || actors[actor].doing == SIM_RUNS);
  self = actor;
  actors[actor].function = function;
  actors[actor].argument = argument;
  actors[actor].doing = SIM_ACTS;
  fiber_start(&actors[actor].fiber, run);
  self = before;
}

void sim_go_on(uint32_t actor) {
  uint32_t before = self;
  enum sim_doing doing = actors[actor].doing;
  RULE(doing == SIM_PAUSED || doing == SIM_BLOCKED || doing == SIM_ASLEEP);
  self = actor;
  actors[actor].doing = SIM_ACTS;
  fiber_continue(&actors[actor].fiber);
  self = before;
}

void sim_forget_actors(void) {
  for (uint32_t i = 0; i < SIM_ACTORS; i++) {
    RULE(actors[i].doing == SIM_RESTS || actors[i].doing == SIM_ASLEEP);
    actors[i].doing = SIM_RESTS;
    actors[i].context = NULL;
    actors[i].woken = false;
  }
}

/* By the processor that the test chose. */
static void act(void (*function)(void *), void *argument) {
  acting = true;
  again = false;
  sim_begin(self, function, argument);
  acting = false;
}

static void enter_run(void *unused) {
  (void)unused;
  kernel_cpu_run();
}

void sim_run(void) {
  RULE(!actors[self].context);
  if (actors[self].doing == SIM_ASLEEP) {
    acting = true;
    again = false;
    sim_go_on(self);
    acting = false;
  } else {
    act(enter_run, NULL);
  }
}

struct call {
  uint64_t number, a, b, c, d, e;
};

static void enter_call(void *argument) {
  struct call call = *(struct call *)argument;
  struct actor *actor = &actors[self];
  struct signet_result returned = kernel_call(call.a, call.b, call.c, call.d, call.e, call.number);
  RULE(holder != self);
  actor->returned = returned;
  actor->at_once = true;
  leave(SIM_RUNS);
}

struct signet_result sim_call(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  struct call call = {number, a, b, c, d, e};
  uint32_t cpu = self;
  struct port_context *caller = actors[cpu].context;
  RULE(caller);
  caller->answered = false;
  actors[cpu].at_once = false;
  act(enter_call, &call);
  RULE(sim_pause || holder == NOBODY);
  return sim_called(cpu, caller);
}

struct signet_result sim_called(uint32_t cpu, struct port_context *caller) {
  struct actor *actor = &actors[cpu];
  if (actor->doing == SIM_RUNS && actor->at_once) {
    actor->at_once = false;
    return actor->returned;
  }
  if (actor->doing == SIM_RUNS && actor->context == caller && caller->answered && !caller->diverted) {
    caller->answered = false;
    return caller->result;
  }
  return (struct signet_result){SIM_AWAY, 0};
}

static void enter_preempted(void *unused) {
  (void)unused;
  kernel_preempted();
}

void sim_preempt(void) {
  RULE(actors[self].context);
  act(enter_preempted, NULL);
}

static void enter_fault(void *argument) {
  struct port_fault fault = *(struct port_fault *)argument;
  kernel_fault(&fault);
}

void sim_fault(enum signet_fault kind, uint64_t address) {
  struct port_fault fault = {.kind = kind, .instruction = SIGNET_IMAGE_LOW, .address = address};
  RULE(actors[self].context);
  act(enter_fault, &fault);
}

void sim_device_ready(struct port_device *device) {
  void *thread = device->waiting;
  device->waiting = NULL;
  device->ready = true;
  if (!thread)
    return;
  port_lock();
  kernel_device_ready(thread);
  port_unlock();
}
