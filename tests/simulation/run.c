/* One program of steps, on a kernel that begins with it and of which nothing may be left at its end. */
#include "contracts.h"

FILE *told;
uint64_t calls_made[SIGNET_CALL_COUNT + 1], calls_fine[SIGNET_CALL_COUNT + 1];
bool memory_failed;
uint64_t pauses, failures_injected, deaths, checks, lock_contended;

bool watching;
uint64_t accesses, accesses_unlocked;

#define ACCESSES 40 /* about as many between two points of the others */

static unsigned pause_in;

static bool pause(void) {
  if (!pause_in || --pause_in)
    return false;
  pauses++;
  return true;
}

static void reported(const struct kernel_report *report) {
  deaths++;
  model_process_ended(report->process);
}

static void panicked(const char *file, int line, const char *condition) {
  broken("the kernel or its platform asserts at %s:%d: %s", file, line, condition);
}

/* ---- Random steps ---- */

/* How often which call is made, of all. */
static const uint8_t weights[DO_ALL] = {
    [SIGNET_CALL_abi_version] = 1,
    [SIGNET_CALL_process_exit] = 1,
    [SIGNET_CALL_thread_create] = 5,
    [SIGNET_CALL_thread_exit] = 2,
    [SIGNET_CALL_thread_yield] = 6,
    [SIGNET_CALL_word_wait] = 6,
    [SIGNET_CALL_word_wake] = 6,
    [SIGNET_CALL_memory_map] = 4,
    [SIGNET_CALL_memory_unmap] = 3,
    [SIGNET_CALL_memory_protect] = 3,
    [SIGNET_CALL_clock_read] = 2,
    [SIGNET_CALL_random_fill] = 2,
    [SIGNET_CALL_event_listen] = 3,
    [SIGNET_CALL_event_return] = 6,
    [SIGNET_CALL_channel_create] = 5,
    [SIGNET_CALL_channel_send] = 26,
    [SIGNET_CALL_channel_call] = 34,
    [SIGNET_CALL_channel_receive] = 26,
    [SIGNET_CALL_handle_close] = 5,
    [SIGNET_CALL_handle_query] = 3,
    [SIGNET_CALL_block_allocate] = 8,
    [SIGNET_CALL_image_load] = 3,
    [SIGNET_CALL_process_create] = 4,
    [SIGNET_CALL_process_grant] = 8,
    [SIGNET_CALL_process_start] = 6,
    [SIGNET_CALL_process_stop] = 1,
    [SIGNET_CALL_process_wait] = 3,
    [SIGNET_CALL_device_request] = 6,
    [SIGNET_CALL_process_usage] = 2,
    [SIGNET_CALL_process_event] = 3,
    [SIGNET_CALL_set_create] = 2,
    [SIGNET_CALL_set_insert] = 6,
    [SIGNET_CALL_set_receive] = 12,
    [SIGNET_CALL_process_observe] = 3,
    [SIGNET_CALL_floating_point_control] = 1,
    [DO_UNKNOWN_CALL] = 1,
    [DO_PREEMPT] = 20,
    [DO_FAULT] = 1,
};
static const uint8_t host_weights[HOST_ALL] = {
    [HOST_BEGIN] = 30, [HOST_RELEASE] = 12, [HOST_STOP] = 1,  [HOST_KILL] = 2, [HOST_EVENT] = 10,
    [HOST_READY] = 30, [HOST_OBSERVE] = 5,  [HOST_TRACE] = 3, [HOST_IMAGE] = 2};

static uint8_t weighted(struct random *random, const uint8_t *weight, unsigned count) {
  uint32_t sum = 0;
  for (unsigned i = 0; i < count; i++)
    sum += weight[i];
  uint32_t at = random_below(random, sum);
  unsigned i = 0;
  for (; at >= weight[i]; i++)
    at -= weight[i];
  return (uint8_t)i;
}

static bool can_act(uint32_t actor) {
  switch (sim_doing(actor)) {
  case SIM_RESTS:
    return actor >= SIM_HOST;
  case SIM_RUNS:
  case SIM_PAUSED:
    return true;
  case SIM_BLOCKED:
    return sim_lock_holder() == UINT32_MAX;
  case SIM_ASLEEP:
    return sim_sleeps_until(actor) <= sim_clock;
  case SIM_ACTS:
    break;
  }
  return false;
}

/* Until the first who sleeps wakes by himself. */
static uint32_t until_somebody_wakes(void) {
  uint64_t first = SIGNET_NEVER;
  for (uint32_t cpu = 0; cpu < sim_cpus; cpu++)
    if (sim_doing(cpu) == SIM_ASLEEP && sim_sleeps_until(cpu) < first)
      first = sim_sleeps_until(cpu);
  return first == SIGNET_NEVER || first < sim_clock ? 0 : (uint32_t)(first - sim_clock);
}

void random_step(struct random *random, struct step *step) {
  uint64_t bits = random_next(random);
  uint32_t able[SIM_ACTORS], count = 0, processors = 0;
  *step = (struct step){.salt = (uint32_t)random_next(random)};
  for (uint32_t actor = 0; actor < SIM_ACTORS; actor++)
    if (can_act(actor)) {
      able[count++] = actor;
      processors += actor < SIM_HOST;
    }
  if (!(bits & 31)) /* any, to no end perhaps */
    step->actor = (uint8_t)(random_below(random, 4) ? random_below(random, sim_cpus) : SIM_HOST);
  else if (processors && bits & 0x3c0)
    step->actor = (uint8_t)able[random_below(random, processors)];
  else if (count > processors)
    step->actor = (uint8_t)able[processors + random_below(random, count - processors)];
  step->what = step->actor >= SIM_HOST ? weighted(random, host_weights, HOST_ALL) : weighted(random, weights, DO_ALL);
  if (!(bits >> 10 & 3))
    step->pause = (uint8_t)(1 + random_below(random, 6));
  if (!(bits >> 16 & 63))
    step->fail = (uint8_t)(1 + random_below(random, 6));
  step->later = bits >> 24 & 3 ? 0 : (uint32_t)(bits >> 32) & 127;
  if (!(bits >> 40 & 1023))
    step->later += 5000;
  if (!processors && bits >> 50 & 1)
    step->later += until_somebody_wakes();
}

/* ---- A program ---- */

static void set_up(uint32_t processors) {
  struct kernel_refusal refusal;
  struct image_file *file = image_file_make();
  sim_cpus = processors;
  sim_answered = process_answered;
  sim_reported = reported;
  sim_panicked = panicked;
  sim_pause = pause;
  sim_clock = 1000;
  pause_in = 0;
  sim_fail_at(0);
  model_reset();
  devices_forget();
  memset(roots, 0, sizeof roots);
  memory_failed = false;
  sim_choose_cpu(SIM_HOST);
  MUST(kernel_initialise(), "the kernel begins");
  MUST(!kernel_image_load(file, sizeof *file, &root_image, &refusal), "the image is loaded");
  free(file);
  for (uint32_t cpu = 0; cpu < processors; cpu++) {
    sim_choose_cpu(cpu);
    sim_run();
  }
}

static void do_step(const struct step *step) {
  uint32_t actor = step->actor;
  if (step->later)
    TELL("%u ns later: ", step->later);
  sim_clock += step->later;
  pause_in = step->pause && watching ? step->pause * (1 + step->salt % ACCESSES) : step->pause;
  sim_fail_at(step->fail);
  switch (sim_doing(actor)) {
  case SIM_RESTS:
    if (actor >= SIM_HOST)
      host_step(actor, step);
    break;
  case SIM_RUNS:
    process_step(actor, step);
    break;
  case SIM_ASLEEP:
    /* It may wake for no reason. */
    if (sim_sleeps_until(actor) > sim_clock && step->salt & 15)
      break;
    TELL("processor %u wakes", actor);
    sim_go_on(actor);
    break;
  case SIM_BLOCKED:
    if (sim_lock_holder() != UINT32_MAX)
      break;
    /* fallthrough */
  case SIM_PAUSED:
    TELL("%s %u goes on", actor < SIM_HOST ? "processor" : "the host", actor < SIM_HOST ? actor : actor - SIM_HOST);
    sim_go_on(actor);
    break;
  case SIM_ACTS:
    break;
  }
  if (actor < SIM_HOST && sim_doing(actor) == SIM_RUNS)
    process_returned(actor);
  lock_contended += sim_doing(actor) == SIM_BLOCKED;
  failures_injected += sim_failed();
  memory_failed |= sim_failed();
  if (told)
    fprintf(told, "%s\n",
            sim_doing(actor) == SIM_PAUSED ? " ..."
            : sim_failed()                 ? " (a request for memory failed)"
                                           : "");
}

/* All that are in the kernel leave it; all processes end; every processor sleeps. */
static void wind_up(void) {
  pause_in = 0;
  sim_fail_at(0);
  for (bool stopped = false, more = true; more;) {
    more = false;
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
      enum sim_doing doing = sim_doing(actor);
      bool acted = true;
      if (doing == SIM_PAUSED || (doing == SIM_BLOCKED && sim_lock_holder() == UINT32_MAX)) {
        sim_go_on(actor);
        more = true;
      } else if (doing == SIM_RUNS && stopped) {
        sim_choose_cpu(actor);
        sim_preempt();
        more = true;
      } else if (doing == SIM_BLOCKED || (doing == SIM_ASLEEP && !sim_sleeps_until(actor))) {
        more = true;
        acted = doing == SIM_ASLEEP;
        if (acted)
          sim_go_on(actor);
      } else {
        acted = false;
      }
      if (acted && actor < SIM_HOST && sim_doing(actor) == SIM_RUNS)
        process_returned(actor);
    }
    if (!more && !stopped) {
      host_stop_all();
      stopped = more = true;
    }
  }
}

/* The kernel is forgotten, so that the next one begins from nothing. */
static void take_down(void) {
  sim_choose_cpu(SIM_HOST);
  kernel_image_release(root_image);
  check_nothing_left();
  port_lock();
  for (uint32_t i = 0; i < kernel.cpus; i++)
    release(kernel.cpu[i], sizeof *kernel.cpu[i]);
  release(kernel.timers, kernel.timer_capacity * sizeof *kernel.timers);
  release(kernel.free_windows, kernel.window_count * sizeof *kernel.free_windows);
  allocate_trim();
  MUST(!allocate_objects_in_use(), "death: the kernel has no memory for anything that is gone");
  port_unlock();
  MUST(!sim_alive.pages && !sim_alive.windows && !sim_alive.mapped && !sim_alive.images && !sim_alive.blocks &&
           !sim_alive.contexts,
       "death: the platform has nothing left of anything that is gone");
  sim_forget_actors();
  memset(&kernel, 0, sizeof kernel);
}

void run_program(uint32_t processors, unsigned often, next_step *next, void *context) {
  struct step step;
  set_up(processors);
  for (unsigned count = 1; next(context, &step); count++) {
    do_step(&step);
    if (count % often == 0)
      check_everything();
  }
  check_everything();
  wind_up();
  check_everything();
  take_down();
}
