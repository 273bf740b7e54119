/* What the program that hosts the kernel does, on threads of its own: processes that begin, end and are told of events,
 * devices that answer, observing and tracing. */
#include "contracts.h"

struct root roots[ROOTS];
struct kernel_image *root_image;

/* ---- Devices ---- */

#define DEVICES 16
#define TICKETS 16

static struct device_state {
  struct port_device port;
  bool used;
  struct random random;
  void *ticket[TICKETS]; /* of requests that wait */
  uint32_t tickets;
} devices[DEVICES];

static struct device_state *state_of(const struct port_device *device) {
  return CONTAINER((struct port_device *)(uintptr_t)device, struct device_state, port);
}

static bool asked(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  struct device_state *state = state_of(device);
  *result = (struct signet_result){SIGNET_OK, request->operation};
  if (random_below(&state->random, 2))
    return true;
  MUST(state->tickets < TICKETS, "device: no more requests wait than there are threads");
  state->ticket[state->tickets++] = request->thread;
  return false;
}

static void forget(struct port_device *device, void *thread) {
  struct device_state *state = state_of(device);
  for (uint32_t i = 0; i < state->tickets; i++)
    if (state->ticket[i] == thread)
      state->ticket[i--] = state->ticket[--state->tickets];
}

static bool is_waited_for(const struct port_device *device) { return state_of(device)->tickets; }

uint32_t device_tickets(const struct port_device *device) { return state_of(device)->tickets; }

struct port_device *device_make(void) {
  for (unsigned i = 0; i < DEVICES; i++) {
    struct device_state *state = &devices[i];
    if (state->used && !state->port.closed)
      continue;
    uint64_t seed = state->random.state + i;
    *state = (struct device_state){.used = true, .random = {seed}};
    state->port.asked = asked;
    state->port.forget = forget;
    state->port.is_waited_for = is_waited_for;
    return &state->port;
  }
  return NULL;
}

bool devices_closed(void) {
  for (unsigned i = 0; i < DEVICES; i++)
    if (devices[i].used && !devices[i].port.closed)
      return false;
  return true;
}

void devices_forget(void) { memset(devices, 0, sizeof devices); }

/* ---- Actions, each on the stack of the thread that does it ---- */

struct action {
  uint32_t what;
  struct random random;
};

static uint32_t chance(struct action *action, uint32_t below) { return random_below(&action->random, below); }

static bool connect_pair(struct action *action, struct kernel_process *one, struct kernel_process *two) {
  uint8_t bytes[CONTRACT_BYTES];
  for (uint32_t slot = 1; slot < 4; slot++) {
    size_t length = contract_write(&action->random, bytes);
    bool turned = chance(action, 2);
    if (kernel_process_connect(turned ? two : one, slot, turned ? one : two, slot, bytes, length))
      return false;
  }
  return true;
}

static bool grant_device(struct kernel_process *process) {
  struct port_device *device = device_make();
  if (!device)
    return false;
  if (!kernel_process_grant_device(process, 0, device))
    return true;
  device->closed = true; /* it came to nobody */
  return false;
}

static void begin_pair(struct action *action) {
  uint32_t first = 2 * chance(action, ROOTS / 2);
  struct root *pair = &roots[first];
  struct signet_process_specification specification = {.slots = 4,
                                                       .stack = SIGNET_PAGE,
                                                       .quota = {.memory = (4 + chance(action, 12)) << 20,
                                                                 .threads = 2 + chance(action, 6),
                                                                 .handles = 20 + chance(action, 20),
                                                                 .regions = 1 + chance(action, 10),
                                                                 .processes = chance(action, 5)}};
  if (pair[0].process || pair[1].process || pair[0].busy || pair[1].busy)
    return;
  pair[0].busy = pair[1].busy = true;
  struct kernel_process *made[2] = {NULL, NULL};
  strcpy(specification.name, "root");
  for (unsigned i = 0; i < 2; i++)
    if (kernel_process_create(root_image, &specification, NULL, &made[i]))
      goto undo;
  if (!connect_pair(action, made[0], made[1]) || !grant_device(made[0]) || !grant_device(made[1]))
    goto undo;
  if (kernel_process_start(made[0]) || kernel_process_start(made[1]))
    goto undo;
  pair[0].process = made[0];
  pair[1].process = made[1];
  pair[0].busy = pair[1].busy = false;
  return;
undo:
  for (unsigned i = 0; i < 2; i++)
    if (made[i]) {
      kernel_process_stop(made[i]);
      kernel_process_release(made[i]);
    }
  pair[0].busy = pair[1].busy = false;
}

static void release_root(struct action *action, struct root *root) {
  struct signet_ending ending;
  struct kernel_process *process = root->process;
  root->busy = true;
  if (kernel_process_ended(process, &ending) || !chance(action, 20)) {
    kernel_process_release(process);
    root->process = NULL;
  }
  root->busy = false;
}

static void kill_some(struct action *action) {
  uint32_t seen = 0, number = 0;
  for (struct list *node = kernel.processes.next; node != &kernel.processes; node = node->next)
    if (!chance(action, ++seen))
      number = CONTAINER(node, struct kernel_process, link)->number;
  kernel_process_kill(number);
}

static void answer_some(struct action *action) {
  uint32_t which = chance(action, DEVICES);
  for (unsigned i = 0; i < DEVICES; i++) {
    struct device_state *state = &devices[(which + i) % DEVICES];
    if (!state->used || state->port.closed || !state->tickets)
      continue;
    port_lock();
    if (state->used && state->tickets) {
      uint32_t place = chance(action, state->tickets);
      void *ticket = state->ticket[place];
      state->ticket[place] = state->ticket[--state->tickets];
      kernel_device_ready(ticket);
      if (!chance(action, 10)) /* once more, too late */
        kernel_device_ready(ticket);
    }
    port_unlock();
    return;
  }
}

static void observe(struct action *action) {
  union {
    struct signet_observed_process process[80];
    struct signet_observed_channel channel[80];
  } told_of;
  uint64_t after = chance(action, 2) ? 0 : chance(action, 300), last = after;
  if (chance(action, 2)) {
    size_t count = kernel_observe(SIGNET_OBSERVE_PROCESSES, after, &told_of, sizeof told_of.process);
    for (size_t i = 0; i < count && i < 80; last = told_of.process[i++].number)
      MUST(told_of.process[i].number > last, "observe: processes are told in the order of their numbers");
  } else {
    size_t count = kernel_observe(SIGNET_OBSERVE_CHANNELS, after, &told_of, sizeof told_of.channel);
    for (size_t i = 0; i < count && i < 80; last = told_of.channel[i++].number)
      MUST(told_of.channel[i].number > last, "observe: channels are told in the order of their numbers");
  }
}

static void trace(struct action *action) {
  struct kernel_trace_record records[8];
  uint64_t lost;
  switch (chance(action, 3)) {
  case 0:
    kernel_trace_begin(1 + chance(action, 20));
    break;
  case 1:
    kernel_trace_take(records, chance(action, 9), &lost);
    break;
  default:
    kernel_trace_end();
  }
}

static void image_step(struct action *action) {
  struct image_file *file = image_file_make();
  struct kernel_image *loaded;
  struct kernel_refusal refusal;
  file->padding[1] = (uint8_t)chance(action, 3);
  if (!kernel_image_load(file, sizeof *file, &loaded, &refusal))
    kernel_image_release(loaded);
  free(file);
}

static void act(void *argument) {
  struct action action = *(struct action *)argument;
  struct root *root = &roots[chance(&action, ROOTS)];
  bool there = root->process && !root->busy;
  switch ((enum host_action)action.what) {
  case HOST_BEGIN:
    begin_pair(&action);
    break;
  case HOST_RELEASE:
    if (there)
      release_root(&action, root);
    break;
  case HOST_STOP:
  case HOST_EVENT:
    if (!there)
      break;
    root->busy = true;
    if (action.what == HOST_STOP)
      kernel_process_stop(root->process);
    else
      kernel_process_event(root->process, (uint32_t[]){28, 28, 28, 28, 28, 28, 28, 0, 40, 15, 1,
                                                       2}[chance(&action, chance(&action, 4) ? 9 : 12)]);
    root->busy = false;
    break;
  case HOST_KILL:
    kill_some(&action);
    break;
  case HOST_READY:
    answer_some(&action);
    break;
  case HOST_OBSERVE:
    observe(&action);
    break;
  case HOST_TRACE:
    trace(&action);
    break;
  case HOST_IMAGE:
    image_step(&action);
    break;
  case HOST_ALL:
    break;
  }
}

void host_step(uint32_t actor, const struct step *step) {
  static const char *const names[] = {"begins two processes",   "releases a process", "stops a process",
                                      "kills a process",        "sends an event",     "answers a request",
                                      "observes the processes", "traces messages",    "loads an image"};
  struct action action = {.what = step->what, .random = {step->salt}};
  TELL("the host (%u) %s", actor - SIM_HOST, step->what < HOST_ALL ? names[step->what] : "does nothing");
  sim_begin(actor, act, &action);
}

static void stop_all(void *unused) {
  (void)unused;
  kernel_trace_end();
  for (bool more = true; more;) {
    uint32_t number = 0;
    more = false;
    port_lock();
    for (struct list *node = kernel.processes.next; node != &kernel.processes && !more; node = node->next) {
      const struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
      more = process->state < SIGNET_PROCESS_STOPPING;
      number = process->number;
    }
    port_unlock();
    if (more)
      kernel_process_kill(number);
  }
  for (unsigned i = 0; i < ROOTS; i++)
    if (roots[i].process) {
      kernel_process_release(roots[i].process);
      roots[i].process = NULL;
    }
}

void host_stop_all(void) { sim_begin(SIM_HOST, stop_all, NULL); }
