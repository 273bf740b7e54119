/* The short ways of channel_call and thread_yield do what the general ways do: random programs of calls, run in both
 * ways (agree.h). Usage: handover_random_test [programs [seed]]. A failure is replayed from its seed. */
#include "agree.h"

static uint64_t state;

static uint32_t chance(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

#define PROCESSES 3
static struct kernel_process *process[PROCESSES];
static uint64_t set[PROCESSES]; /* of the second end that it answers at */
static uint32_t page;           /* in each: mapped, readable or nothing at times */

/* Two channels between each two of them. */
static bool setup(void) {
  struct contract_file contract = contract_make();
  for (unsigned i = 0; i < PROCESSES; i++)
    if (!(process[i] = boot_unstarted((const char *[]){"one", "two", "three"}[i], 4, NULL)))
      return false;
  for (unsigned i = 0; i < PROCESSES; i++) {
    unsigned j = (i + 1) % PROCESSES;
    if (kernel_process_connect(process[i], 0, process[j], 1, &contract, sizeof contract) ||
        kernel_process_connect(process[i], 2, process[j], 3, &contract, sizeof contract))
      return false;
  }
  for (unsigned i = 0; i < PROCESSES; i++)
    if (kernel_process_start(process[i]))
      return false;
  page = process[0]->area_low;
  for (unsigned i = 0; i < PROCESSES; i++)
    if (in(process[i], SIGNET_CALL_memory_map, page, 4096, 3, 0, 0).status ||
        in(process[i], SIGNET_CALL_event_listen, ENTRY, 0, 0, 0, 0).status ||
        in(process[i], SIGNET_CALL_thread_create, ENTRY, SCRATCH + 0x1000, 0, 0, 0).status ||
        in(process[i], SIGNET_CALL_thread_create, ENTRY, SCRATCH + 0x1000, 0, 0, 0).status)
      return false;
  for (unsigned i = 0; i < PROCESSES; i++) {
    set[i] = in(process[i], SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
    if (in(process[i], SIGNET_CALL_set_insert, set[i], process[i]->slot[3], 1000, 0, 0).status)
      return false;
  }
  return true;
}

static uint64_t set_of(const struct kernel_process *caller) {
  for (unsigned i = 0; i < PROCESSES; i++)
    if (process[i] == caller)
      return set[i];
  return 0;
}

/* A thread of it is in this call, of this handle. */
static bool waits_in(const struct kernel_process *caller, uint32_t number, uint64_t handle) {
  LIST_EACH(node, &caller->threads) {
    const struct thread *thread = CONTAINER(node, struct thread, link);
    if ((thread->state == THREAD_WAITING || thread->retry) && thread->call == number && thread->arguments[0] == handle)
      return true;
  }
  return false;
}

static struct kernel_process *acting(void) {
  for (unsigned i = 0; i < PROCESSES; i++)
    if (process[i]->run == RUN_ACTIVE && process[i]->window == sim_window())
      return process[i];
  return NULL;
}

static uint64_t some_buffer(void) {
  switch (chance(60)) {
  case 0:
    return SCRATCH + chance(4096);
  case 1:
    return chance(2)
               ? SCRATCH
               : (uint64_t[]){
                     0, 0x80000000, SIGNET_BLOCKS_HIGH - 88, 0xfffffff8, UINT64_C(0x100024000), CODE_LOW}[chance(6)];
  case 2:
  case 3:
    return page + 4096 - 88; /* at the end of the page that comes and goes */
  case 4:
    return page - (chance(2) ? 16 : 80);
  default:
    return SCRATCH + chance(3) * 256;
  }
}

static void some_message(struct kernel_process *from, uint64_t offset, const struct endpoint *end) {
  struct signet_message message = {.length = chance(4) ? 16 : chance(8) ? chance(65) : chance(100)};
  if (end->side)
    message.tag = TAG_REPLY;
  else
    message.tag = chance(10) ? TAG_REQUEST : chance(3) ? TAG_ONEWAY : TAG_BLOCK;
  if (!chance(40))
    message.tag = chance(7);
  message.moved_count = message.tag == TAG_BLOCK;
  if (message.tag == TAG_BLOCK) {
    struct signet_result made = sim_call(SIGNET_CALL_block_allocate, 4096, 0, 0, 0, 0);
    message.moved[0].handle = made.status ? 0 : (uint32_t)made.value;
  }
  if (!chance(60))
    message.reserved = 1;
  uint8_t *memory = sim_memory(from->window, offset, SIGNET_MESSAGE_DATA, true);
  if (memory)
    memcpy(memory, &message, sizeof message);
  memory = sim_memory(from->window, offset + SIGNET_MESSAGE_DATA, 16, true);
  if (memory)
    memcpy(memory, &state, 8);
}

static uint64_t some_deadline(void) {
  return chance(20) ? SIGNET_NEVER : (uint64_t[]){0, sim_clock, sim_clock + 200}[chance(3)];
}

/* It is for this end to speak. */
static bool my_turn(const struct endpoint *end) { return end->state == end->side && !end->count && !end->peer->count; }

/* The first thread of each process asks the next process; the second and the third answer, an end each. Now and then
 * they mix. */
static uint64_t some_end(const struct kernel_process *caller) {
  static const unsigned ends[][2] = {{0, 2}, {1, 1}, {3, 3}};
  uint32_t thread = caller->cpu->current->number;
  if (!chance(20) || thread > 3)
    return caller->slot[chance(4)];
  uint64_t first = caller->slot[ends[thread - 1][chance(2)]];
  const struct endpoint *end = handle_find_endpoint(caller, first);
  return end && my_turn(end) ? first : caller->slot[ends[thread - 1][chance(2)]];
}

static void one_call(struct kernel_process *caller) {
  uint64_t handle = some_end(caller);
  struct endpoint *end = handle_find_endpoint(caller, handle);
  uint64_t message = some_buffer(), reply = some_buffer(), capacity = chance(20) ? 200 : chance(200);
  struct signet_result outcome = {0, 0};
  unsigned what = chance(3) ? 0 : chance(100);
  if (caller->handling && sim_current()->diverted && chance(2))
    what = 96;
  else if (!end)
    what = 99;
  if (what < 70 && !my_turn(end) && chance(8))
    what = 70; /* it listens */
  /* Of a thread that waits in the set and one that waits for an answer at a member, the general way wakes both, the
   * first for nothing, and the short way the second. So there are never both. */
  bool in_set = what >= 70 && what < 80 && chance(2) && !waits_in(caller, SIGNET_CALL_channel_call, caller->slot[3]);
  if (what < 70 && end->set && waits_in(caller, SIGNET_CALL_set_receive, set_of(caller)))
    what = 80;
  note("what", what);
  if (what < 70) {
    some_message(caller, message, end);
    outcome = sim_call(SIGNET_CALL_channel_call, handle, message, reply, capacity, some_deadline());
  } else if (in_set) {
    outcome = sim_call(SIGNET_CALL_set_receive, set_of(caller), reply, capacity,
                       chance(2) ? sim_clock + 1 + chance(400) : some_deadline(), 0);
  } else if (what < 80) {
    uint32_t handles[4] = {(uint32_t)handle, caller->slot[0], caller->slot[1], caller->slot[3]};
    memcpy(at(caller, SCRATCH + 0x1800), handles, sizeof handles);
    outcome = sim_call(SIGNET_CALL_channel_receive, SCRATCH + 0x1800, chance(4) ? 1 : 1 + chance(4), reply, capacity,
                       chance(2) ? sim_clock + 1 + chance(400) : some_deadline());
  } else if (what < 86) {
    some_message(caller, message, end);
    outcome = sim_call(SIGNET_CALL_channel_send, handle, message, 0, 0, 0);
  } else if (what < 89) {
    outcome = sim_call(SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0);
  } else if (what < 91) {
    outcome = sim_call(SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, sim_clock + chance(300), 0, 0);
  } else if (what < 92) {
    outcome = sim_call(SIGNET_CALL_word_wake, SCRATCH + 0x1900, 1, 0, 0, 0);
  } else if (what < 94) {
    outcome = sim_call(SIGNET_CALL_memory_protect, page, 4096, (uint64_t[]){0, 1, 3, 3}[chance(4)], 0, 0);
  } else if (what < 95) {
    /* Not a process's or a thread's: who is charged is not the same (agree.c). */
    outcome = sim_call(SIGNET_CALL_clock_read, SIGNET_CLOCK_MONOTONIC + chance(2), 0, 0, 0, 0);
  } else if (what < 96) {
    outcome = sim_call(SIGNET_CALL_event_listen, chance(4) ? ENTRY : 0, 0, 0, 0, 0);
  } else if (what < 97 || (what < 99 && caller->handling)) {
    outcome = sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
  } else if (what < 98 && !chance(10)) {
    outcome = sim_call(SIGNET_CALL_handle_close, handle, 0, 0, 0, 0);
  } else if (what < 99) {
    uint32_t threads = caller->used.threads;
    if (threads < 4)
      outcome = sim_call(SIGNET_CALL_thread_create, ENTRY, SCRATCH + 0x1000, 0, 0, 0);
    else if (!chance(8))
      outcome = sim_call(SIGNET_CALL_thread_exit, 0, 0, 0, 0, 0);
  } else {
    outcome = sim_call(SIGNET_CALL_process_usage, SCRATCH + 0x1a00, 0, 0, 0, 0);
  }
  note("status", (uint64_t)outcome.status);
  note("value", outcome.value);
}

static void step(void) {
  sim_clock += chance(4) ? 0 : chance(30);
  if (!chance(60)) {
    struct kernel_process *one = process[chance(PROCESSES)];
    unsigned what = chance(200);
    if (!what)
      kernel_process_stop(one);
    else if (what < 20 || one->event_entry)
      kernel_process_event(one, SIGNET_EVENT_WINDOW_SIZE);
  }
  if (!sim_current())
    sim_run();
  struct kernel_process *caller = sim_current() ? acting() : NULL;
  if (!caller) {
    /* All wait for each other: some do not wait for ever, and the others hear something else. */
    sim_clock += 300;
    kernel_process_event(process[chance(PROCESSES)], SIGNET_EVENT_WINDOW_SIZE);
    return;
  }
  sim_current()->answered = false;
  if (!chance(30))
    sim_preempt();
  else
    one_call(caller);
}

static void random_program(uint64_t seed) {
  state = seed;
  if (!setup()) {
    note_bad();
    return;
  }
  unsigned processors = 1 + chance(2), steps = 300 + chance(400);
  for (unsigned i = 0; i < steps && test_good; i++) {
    sim_choose_cpu(chance(8) ? 0 : chance(processors));
    step();
    note_world();
  }
}

static void random_programs(uint64_t programs, uint64_t seed) {
  uint64_t steps = 0, handed = 0;
  for (uint64_t i = 0; i < programs && test_good; i++) {
    CHECK(agree(random_program, seed + i));
    if (!test_good)
      printf("# program of seed %llu\n", (unsigned long long)(seed + i));
    steps += agree_steps();
    handed += agree_handed_over();
  }
  printf("# %llu steps, %llu hand-overs\n", (unsigned long long)steps, (unsigned long long)handed);
  CHECK(handed > steps / 40);
}

int main(int count, char **arguments) {
  uint64_t programs = count > 1 ? strtoull(arguments[1], NULL, 0) : 150;
  uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 0) : 20;
  if (!agree_initialise())
    return 1;
  support_initialise();
  test_begin("random programs: the same in the short ways and in the general ones");
  random_programs(programs, seed);
  test_end();
  return test_finish();
}
