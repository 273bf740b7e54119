/* Fuzz target: calls of the kernel by several processes on two processors, over port/sim. An input is a program: which
 * processor acts, what it calls with which arguments and what lies in its memory, when it is interrupted, when memory
 * runs out, what the host does, and what the other processor does wherever the kernel gives up the lock. All invariants
 * hold after every few steps; at the end nothing is left, and no process has written where it was not asked to. */
#include <string.h>

#include "support.h"
#include "tests/fuzz/fuzz.h"

const unsigned fuzz_count = 4000;

enum {
  ROOTS = 3,
  STEPS_MOST = 400,
  BUFFER = SCRATCH + 0x10000, /* for long answers */
  /* Steps besides SIGNET_CALL_*. */
  STEP_CPU = SIGNET_CALL_COUNT,
  STEP_PREEMPT,
  STEP_FAULT,
  STEP_TIME,
  STEP_FAIL,
  STEP_ROOT,
  STEP_STOP,
  STEP_KILL,
  STEP_EVENT,
  STEP_DEVICE,
  STEP_TRACE,
  STEP_OBSERVE,
  STEP_BYTES,
  STEP_PAIR,
  STEP_COUNT
};

static struct fuzz_input input;
static struct kernel_process *roots[ROOTS];
static struct port_device devices[ROOTS];
static bool changing; /* the host is at a root: another step of the host has to wait */
static uint32_t last_handle;

static struct kernel_process *running(void) {
  if (!sim_current())
    return NULL;
  LIST_EACH(node, &kernel.processes) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (process->run == RUN_ACTIVE && process->window == sim_window())
      return process;
  }
  return NULL;
}

/* ---- Arguments ---- */

static uint64_t edge(void) {
  static const uint64_t edges[] = {0,
                                   1,
                                   4095,
                                   4096,
                                   65535,
                                   INT32_MAX,
                                   UINT32_MAX,
                                   UINT64_C(1) << 32,
                                   INT64_MAX,
                                   UINT64_MAX,
                                   UINT64_MAX - 4095,
                                   SIGNET_BLOCKS_LOW,
                                   SIGNET_BLOCKS_HIGH,
                                   SIGNET_CODE_HIGH,
                                   SIGNET_ENTRY_TABLE,
                                   SIGNET_THREAD_PAGE};
  uint8_t which = fuzz_byte(&input);
  return which < sizeof edges / sizeof *edges ? edges[which] : fuzz_number(&input, which % 8 + 1);
}

/* One that it holds, by its place among those it holds of the kind; the last one that was seen; or any number. */
static uint64_t some_handle(struct kernel_process *process, unsigned kind) {
  uint8_t which = fuzz_byte(&input);
  uint64_t handle = 0;
  unsigned seen = 0;
  if (which == 255)
    return edge();
  if (which == 254)
    return last_handle;
  if (which >= 200)
    kind = 0;
  LIST_EACH(node, &process->paid) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    bool wanted = !kind || object->kind == kind || (kind == SIGNET_KIND_CLIENT && object->kind == SIGNET_KIND_SERVER);
    if (object->owner == process && wanted && seen++ == which % 50u)
      handle = object->handle;
  }
  if (handle)
    last_handle = (uint32_t)handle;
  return handle;
}

/* What is below is never named: the kernel has no reason to write there. */
#define KEPT_LOW (SIGNET_THREAD_PAGE + SIGNET_PAGE)
#define KEPT_HIGH SCRATCH

static uint64_t some_offset(struct kernel_process *process) {
  uint8_t which = fuzz_byte(&input);
  uint64_t offset = SCRATCH + which % 32u * 256;
  if (which >= 250)
    offset = edge();
  else if (which >= 200)
    offset = process->area_low + which % 50u * 4096;
  else if (which >= 190)
    offset = SCRATCH + which; /* not aligned */
  return offset >= KEPT_LOW - 16384 && offset < KEPT_HIGH && offset >= SIGNET_IMAGE_LOW - 16384 ? SCRATCH : offset;
}

static uint64_t some_deadline(void) {
  uint8_t which = fuzz_byte(&input);
  return which < 60 ? 0 : which < 120 ? SIGNET_NEVER : sim_clock + which * 8u;
}

static void write_memory(struct kernel_process *process, uint64_t offset, void *bytes, size_t length) {
  /* Now and then a byte of it is another. */
  uint8_t damage = fuzz_byte(&input);
  if (damage >= 230)
    ((uint8_t *)bytes)[fuzz_number(&input, 2) % length] = fuzz_byte(&input);
  void *memory = sim_memory(process->window, offset, length, true);
  if (memory && (offset >= KEPT_HIGH || offset + length <= KEPT_LOW))
    memcpy(memory, bytes, length);
}

static void write_message(struct kernel_process *process, uint64_t offset) {
  static const uint8_t moves[] = {0, 0, 0, 1, 1, 2, 0};
  static const uint8_t kinds[][2] = {
      {0, 0}, {0, 0}, {0, 0}, {SIGNET_KIND_BLOCK, 0}, {SIGNET_KIND_CLIENT, 0}, {SIGNET_KIND_SERVER, SIGNET_KIND_BLOCK},
      {0, 0}};
  struct signet_message message = {.tag = fuzz_byte(&input) % 7u, .length = fuzz_byte(&input) % 70u};
  message.moved_count = moves[message.tag];
  for (unsigned i = 0; i < message.moved_count; i++)
    message.moved[i].handle = (uint32_t)some_handle(process, kinds[message.tag][i]);
  write_memory(process, offset, &message, sizeof message);
}

static void write_contract(struct kernel_process *process, uint64_t offset) {
  struct contract_file contract = contract_make();
  contract.header.slots_to_server = 1 + fuzz_byte(&input) % 5u;
  write_memory(process, offset, &contract, sizeof contract);
}

static void write_specification(struct kernel_process *process, uint64_t offset) {
  uint8_t share = 1 + fuzz_byte(&input) % 4u, much = fuzz_byte(&input);
  struct signet_process_specification specification = {.image = (uint32_t)some_handle(process, SIGNET_KIND_IMAGE),
                                                       .slots = much % 3u,
                                                       .startup_offset = SCRATCH,
                                                       .startup_length = much * 20u,
                                                       .quota = {.memory = process->limit.memory / share,
                                                                 .threads = process->limit.threads / share,
                                                                 .handles = process->limit.handles / share,
                                                                 .regions = process->limit.regions / share,
                                                                 .processes = process->limit.processes / share},
                                                       .name = "child"};
  write_memory(process, offset, &specification, sizeof specification);
}

/* ---- Steps ---- */

static void call(struct kernel_process *process, uint32_t number) {
  uint64_t a = 0, b = 0, c = 0, d = 0, e = 0;
  switch (number) {
  case SIGNET_CALL_process_exit:
    a = fuzz_byte(&input) % 4u, b = fuzz_byte(&input);
    break;
  case SIGNET_CALL_thread_create:
    a = fuzz_byte(&input) < 200 ? ENTRY : edge(), b = some_offset(process), c = edge(), d = edge();
    break;
  case SIGNET_CALL_thread_exit:
    a = fuzz_byte(&input) & 1 ? some_offset(process) : 0;
    break;
  case SIGNET_CALL_word_wait:
    a = some_offset(process), b = fuzz_byte(&input) & 3, c = some_deadline();
    break;
  case SIGNET_CALL_word_wake:
    a = some_offset(process), b = fuzz_byte(&input) & 3;
    break;
  case SIGNET_CALL_memory_map:
  case SIGNET_CALL_memory_unmap:
  case SIGNET_CALL_memory_protect:
    a = process->area_low + fuzz_byte(&input) % 64u * 4096, b = (1 + fuzz_byte(&input) % 16u) * 4096;
    c = fuzz_byte(&input);
    if (c >= 250)
      a = edge();
    else if (c >= 235) /* where the image and the stack are */
      a = SIGNET_IMAGE_LOW + fuzz_byte(&input) * 4096u;
    if (c >= 245)
      b = edge();
    c %= 5;
    break;
  case SIGNET_CALL_random_fill:
    a = some_offset(process), b = fuzz_number(&input, 2) % 9000;
    break;
  case SIGNET_CALL_floating_point_control:
    a = edge(), b = edge();
    break;
  case SIGNET_CALL_event_listen:
    a = fuzz_byte(&input) < 200 ? ENTRY : edge();
    break;
  case SIGNET_CALL_channel_create:
    a = some_offset(process), b = fuzz_byte(&input) < 250 ? sizeof(struct contract_file) : edge();
    write_contract(process, a);
    break;
  case SIGNET_CALL_channel_send:
    a = some_handle(process, SIGNET_KIND_CLIENT), b = some_offset(process);
    write_message(process, b);
    break;
  case SIGNET_CALL_channel_receive: {
    uint32_t handles[8];
    uint8_t count = fuzz_byte(&input);
    for (unsigned i = 0; i < 8; i++)
      handles[i] = i < count % 8u ? (uint32_t)some_handle(process, SIGNET_KIND_CLIENT) : 0;
    write_memory(process, SCRATCH, handles, sizeof handles);
    a = SCRATCH, b = count >= 250 ? edge() : count % 8u, c = some_offset(process);
    d = count & 8 ? count : 400, e = some_deadline();
    break;
  }
  case SIGNET_CALL_channel_call:
    a = some_handle(process, SIGNET_KIND_CLIENT), b = some_offset(process), c = some_offset(process);
    d = fuzz_byte(&input) * 4u, e = some_deadline();
    write_message(process, b);
    break;
  case SIGNET_CALL_set_insert:
    a = some_handle(process, SIGNET_KIND_SET), b = some_handle(process, SIGNET_KIND_CLIENT), c = edge();
    break;
  case SIGNET_CALL_set_receive:
    a = some_handle(process, SIGNET_KIND_SET), b = some_offset(process), c = fuzz_byte(&input) * 4u;
    d = some_deadline();
    break;
  case SIGNET_CALL_handle_close:
    a = some_handle(process, 0);
    break;
  case SIGNET_CALL_handle_query:
    a = some_handle(process, 0), b = some_offset(process);
    break;
  case SIGNET_CALL_block_allocate:
    a = fuzz_byte(&input) < 230 ? 1 + fuzz_number(&input, 2) : edge();
    break;
  case SIGNET_CALL_image_load: {
    struct signet_result made = sim_call(SIGNET_CALL_block_allocate, IMAGE_BYTES, 0, 0, 0, 0);
    if (made.status == SIGNET_OK && running() == process) {
      struct image_file *file = image_file_make();
      write_memory(process, made.value >> 32, file, sizeof *file);
      free(file);
    }
    if (running() != process)
      return;
    a = made.status ? edge() : (uint32_t)made.value, b = IMAGE_BYTES;
    break;
  }
  case SIGNET_CALL_process_create:
    a = some_offset(process);
    write_specification(process, a);
    break;
  case SIGNET_CALL_process_grant:
    a = some_handle(process, SIGNET_KIND_PROCESS), b = fuzz_byte(&input) % 4u, c = some_handle(process, 0);
    break;
  case SIGNET_CALL_process_start:
  case SIGNET_CALL_process_stop:
    a = some_handle(process, SIGNET_KIND_PROCESS);
    break;
  case SIGNET_CALL_process_wait:
    a = some_handle(process, SIGNET_KIND_PROCESS), b = some_offset(process), c = some_deadline();
    break;
  case SIGNET_CALL_process_event:
    a = some_handle(process, SIGNET_KIND_PROCESS), b = fuzz_byte(&input) % 36u;
    break;
  case SIGNET_CALL_process_observe:
    a = fuzz_byte(&input) % 4u, b = fuzz_byte(&input), c = BUFFER, d = fuzz_number(&input, 2) % 8000;
    break;
  case SIGNET_CALL_device_request: {
    struct signet_device_request request = {.operation = fuzz_byte(&input) % 9u,
                                            .buffer_offset = (uint32_t)some_offset(process),
                                            .buffer_length = (uint32_t)edge(),
                                            .text_offset = (uint32_t)some_offset(process),
                                            .text_length = fuzz_byte(&input) % 70u};
    b = some_offset(process), a = some_handle(process, SIGNET_KIND_DEVICE);
    write_memory(process, b, &request, sizeof request);
    break;
  }
  default:
    a = some_offset(process);
  }
  struct signet_result result = sim_call(number, a, b, c, d, e);
  if (result.status != SIM_AWAY)
    result.status == SIGNET_OK ? fuzz_accepted++ : fuzz_refused++;
}

static void root(unsigned which) {
  static const struct signet_quota quota = {
      .memory = 32 << 20, .threads = 12, .handles = 80, .regions = 24, .processes = 10};
  struct signet_ending ending;
  if (changing)
    return;
  changing = true;
  struct kernel_process *made = roots[which];
  if (made && kernel_process_ended(made, &ending) && devices[which].closed) {
    kernel_process_release(made);
    roots[which] = made = NULL;
  }
  if (!made) {
    made = boot_unstarted("root", 1, &quota);
    devices[which] = (struct port_device){.ready = true, .answer = {SIGNET_OK, 1}};
    if (made && (kernel_process_grant_device(made, 0, &devices[which]) || kernel_process_start(made))) {
      kernel_process_stop(made);
      kernel_process_release(made);
      made = NULL;
    }
    roots[which] = made;
  }
  changing = false;
}

/* Two new ones with a channel. */
static void pair(void) {
  struct contract_file contract = contract_make();
  if (changing || roots[0] || roots[1])
    return;
  changing = true;
  struct kernel_process *client = boot_unstarted("client", 1, NULL), *server = boot_unstarted("server", 1, NULL);
  if (!client || !server || kernel_process_connect(client, 0, server, 0, &contract, sizeof contract) ||
      kernel_process_start(client) || kernel_process_start(server)) {
    if (client)
      kernel_process_stop(client), kernel_process_release(client);
    if (server)
      kernel_process_stop(server), kernel_process_release(server);
  } else {
    roots[0] = client;
    roots[1] = server;
    devices[0] = devices[1] = (struct port_device){.closed = true};
  }
  changing = false;
}

static void host(uint32_t step) {
  static struct kernel_trace_record records[8];
  static union {
    struct signet_observed_process process[20];
    struct signet_observed_channel channel[20];
  } told;
  unsigned which = fuzz_byte(&input) % ROOTS;
  uint64_t lost;
  switch (step) {
  case STEP_ROOT:
    root(which);
    break;
  case STEP_PAIR:
    pair();
    break;
  case STEP_STOP:
    if (roots[which])
      kernel_process_stop(roots[which]);
    break;
  case STEP_KILL:
    if (roots[which])
      kernel_process_kill(roots[which]->number + fuzz_byte(&input) % 16u);
    break;
  case STEP_EVENT:
    if (roots[which])
      kernel_process_event(roots[which], fuzz_byte(&input) % 40u);
    break;
  case STEP_DEVICE:
    devices[which].ready = fuzz_byte(&input) & 1;
    devices[which].ready_early = fuzz_byte(&input) == 7;
    if (devices[which].waiting)
      sim_device_ready(&devices[which]);
    break;
  case STEP_TRACE:
    if (which == 0)
      kernel_trace_begin(1 + fuzz_byte(&input) % 20u);
    else if (which == 1)
      kernel_trace_take(records, 8, &lost);
    else
      kernel_trace_end();
    break;
  default:
    kernel_observe(which & 1 ? SIGNET_OBSERVE_PROCESSES : SIGNET_OBSERVE_CHANNELS, fuzz_byte(&input), &told,
                   which ? sizeof told : fuzz_byte(&input) * 4u);
  }
}

static void step(void) {
  uint32_t what = fuzz_byte(&input) % STEP_COUNT;
  if (what == STEP_CPU) {
    sim_choose_cpu(fuzz_byte(&input) % SIM_CPUS);
    return;
  }
  if (what == STEP_TIME) {
    sim_clock += fuzz_byte(&input) * 16u;
    return;
  }
  if (what == STEP_FAIL) {
    sim_fail_at(fuzz_byte(&input) % 16u);
    return;
  }
  if (what >= STEP_ROOT && what != STEP_BYTES) {
    host(what);
    return;
  }
  if (!sim_current())
    sim_run();
  struct kernel_process *process = running();
  if (!process)
    return;
  if (what == STEP_PREEMPT) {
    sim_preempt();
  } else if (what == STEP_FAULT) {
    sim_fault(fuzz_byte(&input) % 4u, edge());
  } else if (what == STEP_BYTES) {
    uint8_t bytes[16];
    for (unsigned i = 0; i < sizeof bytes; i++)
      bytes[i] = fuzz_byte(&input);
    write_memory(process, some_offset(process), bytes, sizeof bytes);
  } else {
    call(process, what);
  }
}

/* While one processor is in the kernel without the lock, the other one acts, and the host. */
static void meanwhile(int busy) {
  uint8_t steps = fuzz_byte(&input);
  if (steps < 128)
    return;
  for (unsigned i = steps % 4u; i--;) {
    uint8_t next = input.at < input.end ? *input.at % STEP_COUNT : STEP_CPU;
    if (next == STEP_CPU)
      fuzz_byte(&input);
    sim_choose_cpu(busy < 0 ? steps >> 2 & 1 : 1 - (uint32_t)busy);
    if (next != STEP_CPU)
      step();
  }
}

static void check(void) {
  static uint8_t kept[SIGNET_PAGE];
  const char *broken = kernel_check_invariants();
  if (broken)
    fuzz_fail("broken invariant: %s", broken);
  memset(kept, 0xda, 0x800);
  for (unsigned i = 0; i < ROOTS; i++) {
    struct signet_ending ending;
    if (!roots[i] || kernel_process_ended(roots[i], &ending))
      continue;
    const void *memory = roots[i]->has_window ? sim_memory(roots[i]->window, DATA_LOW, SIGNET_PAGE, false) : NULL;
    if (memory && memcmp(memory, kept, SIGNET_PAGE))
      fuzz_fail("memory of process %u that nobody named has changed", roots[i]->number);
  }
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count, (void)arguments;
  support_initialise();
  /* What the kernel keeps for the next process, it has made for the first ones. */
  LLVMFuzzerTestOneInput((uint8_t[]){STEP_PAIR, 0, STEP_ROOT, 2}, 4);
  LLVMFuzzerTestOneInput((uint8_t[]){STEP_ROOT, 0, STEP_ROOT, 1, STEP_ROOT, 2}, 6);
  return 0;
}

static void finish(void) {
  sim_fail_at(0);
  sim_unlocked = NULL;
  for (unsigned i = 0; i < ROOTS; i++) {
    if (!roots[i])
      continue;
    struct signet_ending ending;
    kernel_process_stop(roots[i]);
    /* Those that run end when they are interrupted, children first. */
    for (unsigned turn = 0; turn < 20 && !kernel_process_ended(roots[i], &ending); turn++) {
      sim_choose_cpu(turn % SIM_CPUS);
      if (sim_current())
        sim_preempt();
    }
    if (!kernel_process_ended(roots[i], &ending))
      fuzz_fail("a process that was stopped goes on");
    kernel_process_release(roots[i]);
    roots[i] = NULL;
    if (!devices[i].closed)
      fuzz_fail("a device is not closed");
  }
  sim_choose_cpu(0);
  kernel_trace_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static unsigned rounds;
  struct alive before = alive_now();
  input = (struct fuzz_input){bytes, bytes + length};
  sim_unlocked = meanwhile;
  for (unsigned i = 0; i < STEPS_MOST && input.at < input.end; i++) {
    step();
    if (i % 8 == 7)
      check();
  }
  check();
  finish();
  check();
  if (rounds++ > 2 && !alive_same(&before))
    fuzz_fail("something is left over");
  return 0;
}
