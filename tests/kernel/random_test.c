/* Random programs on two processors, from a seed: processes that make channels, send each other what they hold, map,
 * wait, start and stop children, fault, and run out of memory now and then. The invariants are checked all along; at
 * the end nothing is left. Usage: random_test [steps [seed]]. A failure is replayed from its seed. */
#include "support.h"

static uint64_t state;

static uint32_t chance(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

#define BUFFER (SCRATCH + 0x10000u)

static struct kernel_process *roots[4];
static struct port_device devices[4];
static uint64_t killed; /* by their numbers */
static uint64_t calls[SIGNET_CALL_COUNT], fine[SIGNET_CALL_COUNT];

static struct kernel_process *running(void) {
  LIST_EACH(node, &kernel.processes) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (process->run == RUN_ACTIVE && process->window == sim_window())
      return process;
  }
  return NULL;
}

/* A handle that the process holds, most often of this kind; or any number. */
static uint64_t some_handle(struct kernel_process *process, unsigned kind) {
  uint64_t last = 0;
  unsigned seen = 0;
  if (!chance(40))
    return chance(1 << 20);
  LIST_EACH(node, &process->paid) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    bool wanted =
        kind == object->kind || (kind == SIGNET_KIND_CLIENT && object->kind == SIGNET_KIND_SERVER) || !chance(50);
    if (object->owner == process && wanted && !chance(++seen))
      last = object->handle;
  }
  return last;
}

static uint64_t some_offset(struct kernel_process *process) {
  switch (chance(8)) {
  case 0:
    return chance(UINT32_MAX);
  case 1:
    return process->area_low + chance(64) * 4096;
  default:
    return SCRATCH + chance(32) * 256;
  }
}

static uint64_t some_deadline(void) {
  switch (chance(4)) {
  case 0:
    return 0;
  case 1:
    return SIGNET_NEVER;
  default:
    return sim_clock + chance(2000);
  }
}

static void write_memory(struct kernel_process *process, uint64_t offset, const void *bytes, size_t length) {
  void *memory = sim_memory(process->window, offset, length, true);
  if (memory)
    memcpy(memory, bytes, length);
}

static void write_message(struct kernel_process *process, uint64_t offset) {
  struct signet_message message = {.tag = chance(7), .length = chance(12) ? chance(65) : chance(10000)};
  static const uint8_t moves[] = {0, 0, 0, 1, 1, 2, 3};
  static const uint8_t kinds[][2] = {
      {0, 0}, {0, 0}, {0, 0}, {SIGNET_KIND_BLOCK, 0}, {SIGNET_KIND_CLIENT, 0}, {SIGNET_KIND_SERVER, SIGNET_KIND_BLOCK},
      {0, 0}};
  message.moved_count = chance(30) ? moves[message.tag] : chance(6);
  for (unsigned i = 0; i < 2; i++)
    message.moved[i].handle = (uint32_t)some_handle(process, kinds[message.tag][i]);
  write_memory(process, offset, &message, sizeof message);
}

static void make_image_block(struct kernel_process *process, uint64_t *handle) {
  struct image_file *file = image_file_make();
  struct signet_result made = sim_call(SIGNET_CALL_block_allocate, sizeof *file, 0, 0, 0, 0);
  if (made.status == SIGNET_OK) {
    file->padding[1] = (uint8_t)chance(3);
    if (!chance(4))
      ((uint8_t *)file)[chance(300)] = (uint8_t)chance(256);
    write_memory(process, made.value >> 32, file, sizeof *file);
    *handle = (uint32_t)made.value;
  }
  free(file);
}

static void write_specification(struct kernel_process *process, uint64_t offset) {
  struct signet_process_specification specification = {.image = (uint32_t)some_handle(process, SIGNET_KIND_IMAGE),
                                                       .slots = chance(3),
                                                       .startup_offset = SCRATCH,
                                                       .startup_length = chance(6000),
                                                       .quota = {.memory = process->limit.memory / 4,
                                                                 .threads = process->limit.threads / 4,
                                                                 .handles = process->limit.handles / 4,
                                                                 .regions = process->limit.regions / 4,
                                                                 .processes = process->limit.processes / 4},
                                                       .name = "random"};
  if (!chance(20))
    specification.quota.memory = process->limit.memory;
  write_memory(process, offset, &specification, sizeof specification);
}

static void one_call(struct kernel_process *process) {
  uint32_t number = chance(SIGNET_CALL_COUNT);
  uint64_t a = some_offset(process), b = 0, c = 0, d = 0, e = 0;
  switch (number) {
  case SIGNET_CALL_process_exit:
    if (chance(8))
      return;
    a = chance(4), b = chance(300);
    break;
  case SIGNET_CALL_thread_create:
    a = chance(8) ? ENTRY : chance(UINT32_MAX), b = SCRATCH + 0x1000;
    break;
  case SIGNET_CALL_thread_exit:
    a = chance(2) ? 0 : a;
    if (chance(3) && process->threads.next == process->threads.previous)
      return;
    break;
  case SIGNET_CALL_word_wait:
    c = some_deadline();
    break;
  case SIGNET_CALL_word_wake:
    b = chance(4);
    break;
  case SIGNET_CALL_memory_map:
  case SIGNET_CALL_memory_unmap:
  case SIGNET_CALL_memory_protect:
    a = process->area_low + chance(64) * 4096, b = (1 + chance(16)) * 4096;
    c = chance(5) == 4 ? 2 : (uint64_t[]){0, 1, 3, 3}[chance(4)];
    break;
  case SIGNET_CALL_random_fill:
    b = chance(9000);
    break;
  case SIGNET_CALL_event_listen:
    a = chance(3) ? ENTRY : 0;
    break;
  case SIGNET_CALL_channel_create: {
    struct contract_file contract = contract_make();
    contract.header.slots_to_server = (uint16_t)(1 + chance(6));
    if (!chance(10))
      ((uint8_t *)&contract)[chance(sizeof contract)] = (uint8_t)chance(256);
    write_memory(process, a, &contract, sizeof contract);
    b = sizeof contract;
    break;
  }
  case SIGNET_CALL_channel_send:
    b = a, a = some_handle(process, SIGNET_KIND_CLIENT);
    write_message(process, b);
    break;
  case SIGNET_CALL_channel_receive: {
    uint32_t handles[64];
    b = 1 + chance(chance(4) ? 2 : 64);
    for (unsigned i = 0; i < 64; i++)
      handles[i] = (uint32_t)some_handle(process, SIGNET_KIND_CLIENT);
    write_memory(process, SCRATCH, handles, sizeof handles);
    c = a, a = SCRATCH, d = chance(10) ? 400 : chance(100), e = some_deadline();
    break;
  }
  case SIGNET_CALL_channel_call:
    b = a, a = some_handle(process, SIGNET_KIND_CLIENT), c = some_offset(process), d = 400, e = some_deadline();
    write_message(process, b);
    break;
  case SIGNET_CALL_set_insert:
    a = some_handle(process, SIGNET_KIND_SET), b = some_handle(process, SIGNET_KIND_CLIENT);
    c = UINT64_C(1) << 40 | b;
    break;
  case SIGNET_CALL_set_receive:
    b = a, a = some_handle(process, SIGNET_KIND_SET), c = chance(10) ? 400 : chance(100), d = some_deadline();
    break;
  case SIGNET_CALL_handle_close:
    if (chance(3))
      return;
    a = some_handle(process, 1 + chance(7));
    break;
  case SIGNET_CALL_handle_query:
    b = a, a = some_handle(process, 1 + chance(7));
    break;
  case SIGNET_CALL_block_allocate:
    a = 1 + chance(chance(10) ? 20000 : UINT32_MAX);
    break;
  case SIGNET_CALL_image_load:
    a = 0;
    make_image_block(process, &a);
    if (!sim_current() || running() != process) /* it may be gone: its address alone is compared */
      return;
    b = IMAGE_BYTES;
    break;
  case SIGNET_CALL_process_create:
    write_specification(process, a);
    break;
  case SIGNET_CALL_process_grant:
    a = some_handle(process, SIGNET_KIND_PROCESS), b = chance(3), c = some_handle(process, 1 + chance(7));
    break;
  case SIGNET_CALL_process_start:
    a = some_handle(process, SIGNET_KIND_PROCESS);
    break;
  case SIGNET_CALL_process_stop:
    if (chance(4))
      return;
    a = some_handle(process, SIGNET_KIND_PROCESS);
    break;
  case SIGNET_CALL_process_wait:
    b = a, a = some_handle(process, SIGNET_KIND_PROCESS), c = some_deadline();
    break;
  case SIGNET_CALL_process_event:
    a = some_handle(process, SIGNET_KIND_PROCESS), b = (uint32_t[]){1, 2, 3, 15, 28, 28, 9, 34}[chance(8)];
    break;
  case SIGNET_CALL_process_observe:
    c = chance(8) ? BUFFER : a, a = chance(4) ? 1 + chance(2) : chance(4), b = chance(chance(2) ? 50 : 5000);
    d = chance(8) ? 8000 : chance(300);
    break;
  case SIGNET_CALL_device_request: {
    struct signet_device_request request = {.operation = chance(9), .text_offset = SCRATCH, .text_length = 0};
    write_memory(process, a, &request, sizeof request);
    b = a, a = some_handle(process, SIGNET_KIND_DEVICE);
    break;
  }
  default:
    break;
  }
  calls[number]++;
  fine[number] += sim_call(number, a, b, c, d, e).status <= SIGNET_OK;
}

static bool start_root(unsigned which) {
  static const struct signet_quota quota = {
      .memory = 64 << 20, .threads = 24, .handles = 200, .regions = 60, .processes = 40};
  struct kernel_process *root = boot_unstarted("root", 1, &quota);
  if (!root)
    return false;
  devices[which] = (struct port_device){.ready = chance(2), .answer = {SIGNET_OK, 1}};
  if (kernel_process_grant_device(root, 0, &devices[which]) || kernel_process_start(root)) {
    kernel_process_stop(root);
    kernel_process_release(root);
    return false;
  }
  /* What names the device may be gone before the port's struct is. */
  roots[which] = root;
  return true;
}

/* Some of what the host program may ask at any time; the trace goes on and off. */
static void watch(void) {
  static struct kernel_trace_record records[8];
  static union {
    struct signet_observed_process process[70];
    struct signet_observed_channel channel[70];
  } told;
  uint64_t lost;
  size_t got;
  switch (chance(5)) {
  case 0:
    got = kernel_observe(SIGNET_OBSERVE_PROCESSES, chance(100), &told, sizeof told);
    for (size_t i = 1; i < got; i++)
      CHECK(told.process[i].number > told.process[i - 1].number);
    break;
  case 1:
    got = kernel_observe(SIGNET_OBSERVE_CHANNELS, chance(1000), &told, sizeof told.channel);
    for (size_t i = 1; i < got; i++)
      CHECK(told.channel[i].number > told.channel[i - 1].number);
    break;
  case 2:
    if (!chance(4) && kernel_trace_begin(1 + chance(20)) > SIGNET_OK)
      CHECK(!kernel_trace_take(records, 0, &lost));
    break;
  case 3:
    got = kernel_trace_take(records, chance(9), &lost);
    for (size_t i = 0; i < got; i++)
      CHECK(records[i].process[0] && records[i].channel && (records[i].tag < 7 || records[i].refused));
    break;
  default:
    if (!chance(4))
      kernel_trace_end();
  }
}

static uint64_t came_back; /* devices that were lent */

static void host_step(void) {
  unsigned which = chance(4);
  struct signet_ending ending;
  if (!roots[which]) {
    static bool starting; /* another step may be made meanwhile */
    if (starting)
      return;
    starting = true;
    start_root(which);
    starting = false;
  } else if (kernel_process_ended(roots[which], &ending)) {
    if (devices[which].closed) {
      came_back += devices[which].resets;
      kernel_process_release(roots[which]);
      roots[which] = NULL;
    }
  } else if (!chance(30)) {
    kernel_process_stop(roots[which]);
  } else if (!chance(30)) {
    uint32_t number = roots[which]->number + chance(40);
    killed += kernel_process_kill(number) == SIGNET_OK;
    CHECK(kernel_process_kill(number) == SIGNET_HANDLE);
  } else if (chance(2)) {
    if (devices[which].waiting)
      sim_device_ready(&devices[which]);
    devices[which].ready = chance(2);
  } else if (!chance(4)) {
    watch();
  } else if (!chance(3)) {
    kernel_process_event(roots[which], (uint32_t[]){1, 2, 3, 15, 28, 28, 28, 0, 40}[chance(9)]);
  }
}

static void act(void) {
  if (!sim_current())
    sim_run();
  struct kernel_process *process = sim_current() ? running() : NULL;
  if (!process)
    return;
  if (!chance(10))
    sim_preempt();
  else if (!chance(3000))
    sim_fault(SIGNET_FAULT_READ, 12);
  else
    one_call(process);
}

static uint64_t interleaved;

/* While one processor is in the kernel without the lock, the other one acts, and the host. */
static void meanwhile(int busy) {
  for (unsigned i = chance(4); i--;) {
    sim_choose_cpu(busy < 0 ? chance(SIM_CPUS) : 1 - (uint32_t)busy);
    if (!chance(4))
      host_step();
    act();
    interleaved++;
  }
}

static void random_programs(uint64_t steps) {
  struct alive before = alive_now();
  sim_unlocked = meanwhile;
  for (uint64_t step = 0; step < steps && test_good; step++) {
    sim_choose_cpu(chance(SIM_CPUS));
    sim_clock += chance(20);
    if (!chance(50))
      sim_fail_at(1 + chance(20));
    if (!chance(10))
      host_step();
    act();
    if (step % 64 == 0)
      CHECK_INVARIANTS();
    if (!test_good)
      printf("# at step %llu\n", (unsigned long long)step);
  }
  sim_fail_at(0);
  sim_unlocked = NULL;
  CHECK(interleaved > steps / 100);
  for (unsigned i = 0; i < 4; i++)
    if (roots[i]) {
      kernel_process_stop(roots[i]);
      for (uint32_t cpu = 0; cpu < SIM_CPUS; cpu++) {
        sim_choose_cpu(cpu);
        if (sim_current())
          sim_preempt();
      }
      kernel_process_release(roots[i]);
      roots[i] = NULL;
    }
  sim_choose_cpu(0);
  kernel_trace_end();
  CHECK_INVARIANTS();
  CHECK(alive_same(&before));
  CHECK(steps < 100000 || (came_back >= 5 && killed >= 5));
  /* Every call was made, and each succeeded at times: the programs are not all nonsense. */
  for (unsigned i = 0; i < SIGNET_CALL_COUNT; i++)
    if (steps >= 100000 && fine[i] < 5) {
      test_good = false;
      printf("# call %u: made %llu times, succeeded %llu times\n", i, (unsigned long long)calls[i],
             (unsigned long long)fine[i]);
    }
}

int main(int count, char **arguments) {
  uint64_t steps = count > 1 ? strtoull(arguments[1], NULL, 0) : 200000;
  state = count > 2 ? strtoull(arguments[2], NULL, 0) : 20;
  support_initialise();
  printf("# %llu steps, seed %llu\n", (unsigned long long)steps, (unsigned long long)state);
  test_begin("random programs on two processors");
  random_programs(steps);
  test_end();
  return test_finish();
}
