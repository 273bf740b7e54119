/* What the kernel tells of processes and channels: to whom, in which order, and what it does not tell. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define BUFFER (SCRATCH + 0x10000u)
#define BUFFER_LENGTH 0x8000u

static struct kernel_process *root, *stranger;
static uint32_t image_handle;

static void setup(struct alive *before) {
  *before = alive_now();
  root = boot_unstarted("root", 1, NULL);
  stranger = boot_unstarted("stranger", 1, NULL);
  struct contract_file contract = contract_make();
  CHECK(!kernel_process_connect(root, 0, stranger, 0, &contract, sizeof contract));
  CHECK(!kernel_process_start(root) && !kernel_process_start(stranger));
  image_handle = load_image(root);
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(root);
  end(stranger);
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

static uint64_t observe(struct kernel_process *process, enum signet_observe what, uint64_t after, size_t length) {
  memset(at(process, BUFFER), 0xee, BUFFER_LENGTH);
  struct signet_result outcome = CALL(process, process_observe, what, after, BUFFER, length, 0);
  CHECK_STATUS(outcome, SIGNET_OK);
  size_t size = what == SIGNET_OBSERVE_PROCESSES ? sizeof(struct signet_observed_process)
                                                 : sizeof(struct signet_observed_channel);
  const uint8_t *rest = at(process, BUFFER + outcome.value * size);
  CHECK(outcome.value <= 64 && outcome.value * size <= length);
  for (size_t i = 0; i < 64; i++)
    CHECK(rest[i] == 0xee); /* nothing is written beyond what is told */
  return outcome.value;
}

static const struct signet_observed_process *process_record(struct kernel_process *process, uint64_t index) {
  return (const struct signet_observed_process *)at(process, BUFFER) + index;
}
static const struct signet_observed_channel *channel_record(struct kernel_process *process, uint64_t index) {
  return (const struct signet_observed_channel *)at(process, BUFFER) + index;
}

static struct kernel_process *child_made(struct kernel_process *process, uint32_t from, uint32_t *handle) {
  struct signet_quota quota = process->limit;
  quota.memory /= 4, quota.threads /= 4, quota.handles /= 4, quota.regions /= 4, quota.processes /= 4;
  *handle = create_child(process, from, 0, &quota);
  return child_of(process, *handle);
}

static uint64_t channel_made(struct kernel_process *process) {
  struct contract_file contract = contract_make();
  memcpy(at(process, SCRATCH + 2048), &contract, sizeof contract);
  struct signet_result ends = CALL(process, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0);
  CHECK_STATUS(ends, SIGNET_OK);
  return ends.value;
}

static void a_tree_and_no_more(void) {
  struct alive before;
  uint32_t handle, below, last;
  setup(&before);
  struct kernel_process *child = child_made(root, image_handle, &handle);
  sim_clock += 5;
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  uint64_t started = sim_clock;
  uint32_t childs_image = load_image(child);
  struct kernel_process *grandchild = child_made(child, childs_image, &below);
  struct kernel_process *sibling = child_made(root, image_handle, &last);
  CHECK_STATUS(CALL(child, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);

  CHECK(observe(root, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH) == 4);
  const struct kernel_process *wanted[] = {root, child, grandchild, sibling};
  for (unsigned i = 0; i < 4; i++) {
    const struct signet_observed_process *record = process_record(root, i);
    CHECK(record->number == wanted[i]->number && record->state == wanted[i]->state);
    CHECK(record->parent == (wanted[i]->parent ? wanted[i]->parent->number : 0));
    CHECK(!memcmp(record->name, wanted[i]->name, 32) && !memcmp(record->image, image->facts.hash, 32));
    CHECK(!memcmp(&record->limit, &wanted[i]->limit, sizeof record->limit));
    CHECK(!memcmp(&record->used, &wanted[i]->used, sizeof record->used));
  }
  CHECK(process_record(root, 1)->threads == 2 && process_record(root, 1)->started == started);
  CHECK(!process_record(root, 2)->threads && !process_record(root, 2)->started);
  /* Each sees what descends from it, and not whom it descends from. */
  CHECK(observe(child, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH) == 2);
  CHECK(process_record(child, 0)->number == child->number && process_record(child, 1)->number == grandchild->number);
  CHECK(!process_record(child, 0)->parent && process_record(child, 1)->parent == child->number);
  CHECK(observe(stranger, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH) == 1);
  CHECK(process_record(stranger, 0)->number == stranger->number);
  /* Whoever has ended is told of as long as he is held. */
  uint32_t number = child->number;
  CHECK_STATUS(CALL(root, process_stop, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_PROCESSES, root->number, BUFFER_LENGTH) == 2);
  CHECK(process_record(root, 0)->number == number && process_record(root, 0)->state == SIGNET_PROCESS_STOPPED);
  CHECK_STATUS(CALL(root, handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_PROCESSES, root->number, BUFFER_LENGTH) == 1);
  CHECK(process_record(root, 0)->number == sibling->number);
  teardown(&before);
}

/* Whatever number the cursor is, and whatever the size of the buffer. */
static void cursors(void) {
  struct alive before;
  uint32_t handle[16];
  setup(&before);
  for (unsigned i = 0; i < 15; i++) {
    create_child(root, image_handle, 0, &(struct signet_quota){.memory = 1 << 20, .threads = 1});
    handle[i] = (uint32_t)kernel.next_process;
    struct kernel_process *other = boot("between");
    end(other);
  }
  /* One by one, or several at a time. */
  for (size_t room = 1; room <= 16; room++) {
    uint64_t after = 0, seen = 0;
    for (uint64_t got; (got = observe(root, SIGNET_OBSERVE_PROCESSES, after, room * 160 + 8)) != 0; seen += got) {
      for (uint64_t i = 0; i < got; i++)
        CHECK(process_record(root, i)->number == (seen + i ? handle[seen + i - 1] : root->number));
      after = process_record(root, got - 1)->number;
    }
    CHECK(seen == 16);
  }
  const uint64_t none[] = {handle[14], handle[14] + 1, UINT32_MAX, UINT64_C(0x100000000), UINT64_MAX, UINT64_MAX - 1};
  for (unsigned i = 0; i < sizeof none / 8; i++)
    CHECK(!observe(root, SIGNET_OBSERVE_PROCESSES, none[i], BUFFER_LENGTH));
  for (uint64_t after = 0; after < handle[14] + 3; after++)
    CHECK(observe(stranger, SIGNET_OBSERVE_PROCESSES, after, BUFFER_LENGTH) == (after < stranger->number));
  CHECK(!observe(root, SIGNET_OBSERVE_CHANNELS, UINT64_MAX, BUFFER_LENGTH));
  teardown(&before);
}

static void hostile_buffers(void) {
  struct alive before;
  setup(&before);
  uint64_t area = root->area_low;
  CHECK_STATUS(CALL(root, memory_map, area, 0x2000, SIGNET_PROTECT_WRITE, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, memory_map, area + 0x1000, 0x1000, SIGNET_PROTECT_READ, 0, 0), SIGNET_OK);
  for (unsigned i = 0; i < 8; i++)
    create_child(root, image_handle, 0, &(struct signet_quota){.memory = 1 << 20, .threads = 1});
  const struct {
    uint64_t what, buffer, length;
    int64_t status;
  } asked[] = {
      {0, BUFFER, 4096, SIGNET_ARGUMENT},
      {3, BUFFER, 4096, SIGNET_ARGUMENT},
      {UINT64_C(0x100000001), BUFFER, 4096, SIGNET_ARGUMENT},
      {1, BUFFER, 0, SIGNET_ARGUMENT},
      {1, BUFFER, 159, SIGNET_ARGUMENT},
      {2, BUFFER, 79, SIGNET_ARGUMENT},
      {1, BUFFER + 4, 4096, SIGNET_ARGUMENT},
      {1, 0, 4096, SIGNET_ADDRESS},
      {1, CODE_LOW, 4096, SIGNET_ADDRESS},
      {1, SIGNET_ENTRY_TABLE, 4096, SIGNET_ADDRESS},
      {1, area + 0x1000, 4096, SIGNET_ADDRESS},
      {1, area + 0x1000 - 320, 4096, SIGNET_ADDRESS},
      {1, area + 0x1000 - 320, 320, SIGNET_OK},
      {1, area + 0x1000 - 320, 479, SIGNET_OK},
      {1, WINDOW_BYTES - 160, 161, SIGNET_ADDRESS},
      {1, WINDOW_BYTES, 160, SIGNET_ADDRESS},
      {1, WINDOW_BYTES + BUFFER, 160, SIGNET_ADDRESS},
      {1, BUFFER, UINT64_MAX, SIGNET_ADDRESS},
      {1, UINT64_MAX & ~UINT64_C(7), 4096, SIGNET_ADDRESS},
      {2, BUFFER, WINDOW_BYTES - BUFFER, SIGNET_OK}, /* as much as is needed is written */
  };
  for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++) {
    struct signet_result outcome = CALL(root, process_observe, asked[i].what, 0, asked[i].buffer, asked[i].length, 0);
    if (outcome.status != asked[i].status)
      printf("# row %u\n", i);
    CHECK_STATUS(outcome, asked[i].status);
    CHECK(!outcome.status || !outcome.value);
    CHECK_INVARIANTS();
  }
  /* Where the first record has no place nothing is told of the others. */
  size_t size = sizeof(struct signet_observed_process);
  memset(at(root, DATA_LOW), 0xee, size);
  CHECK_STATUS(CALL(root, process_observe, 1, 0, DATA_LOW - size, 2 * size, 0), SIGNET_ADDRESS);
  CHECK(*(uint64_t *)at(root, DATA_LOW) == UINT64_C(0xeeeeeeeeeeeeeeee));
  teardown(&before);
}

static void channels_of_ones_own(void) {
  struct alive before;
  setup(&before);
  uint64_t first = kernel.next_channel;
  uint64_t ends = channel_made(root);
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  channel_made(stranger);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  const struct signet_observed_channel *record = channel_record(root, 0);
  CHECK(record->number == first && record->process[0] == root->number);
  CHECK(record->process[1] == SIGNET_OBSERVED_ELSEWHERE && !record->messages[0] && !record->reserved);
  CHECK(!memcmp(record->identity,
                CONTAINER(handle_find(root, root->slot[0]), struct endpoint, object)->channel->contract->identity, 32));
  CHECK(channel_record(root, 1)->number == first + 1 && channel_record(root, 1)->process[1] == root->number);
  CHECK(observe(stranger, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  CHECK(channel_record(stranger, 0)->process[0] == SIGNET_OBSERVED_ELSEWHERE);
  CHECK(channel_record(stranger, 0)->process[1] == stranger->number);
  CHECK(channel_record(stranger, 1)->number == first + 2);

  /* One end travels: it is its sender's until it is received, and nobody holds it. */
  message_write(root, 0, TAG_CLIENT, 0, client, 0);
  CHECK_STATUS(CALL(root, channel_send, root->slot[0], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  CHECK(channel_record(root, 0)->queued[1] == 1 && channel_record(root, 0)->messages[0] == 1);
  CHECK(channel_record(root, 1)->process[0] == 0 && channel_record(root, 1)->process[1] == root->number);
  CHECK(observe(stranger, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2); /* not his yet */
  CHECK_STATUS(CALL(root, handle_close, server, 0, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  CHECK(channel_record(root, 1)->process[1] == SIGNET_OBSERVED_CLOSED);
  /* Received: it is gone from its sender's sight. */
  *word_at(stranger, SCRATCH) = stranger->slot[0];
  CHECK_STATUS(CALL(stranger, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 1);
  CHECK(observe(stranger, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 3);
  CHECK(channel_record(stranger, 1)->process[0] == stranger->number);
  CHECK(channel_record(stranger, 1)->process[1] == SIGNET_OBSERVED_CLOSED);
  CHECK(observe(stranger, SIGNET_OBSERVE_CHANNELS, first, sizeof *record) == 1);
  CHECK(channel_record(stranger, 0)->number == first + 1);
  teardown(&before);
}

/* A parent sees its child's channels, and the child not its parent's. */
static void channels_of_a_child(void) {
  struct alive before;
  setup(&before);
  uint64_t ends = channel_made(root);
  uint32_t handle = create_child(root, image_handle, 1, &quota_child);
  struct kernel_process *child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, (uint32_t)(ends >> 32), 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  uint64_t own = channel_made(child);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 3);
  CHECK(channel_record(root, 1)->process[0] == root->number && channel_record(root, 1)->process[1] == child->number);
  CHECK(channel_record(root, 2)->process[0] == child->number);
  CHECK(observe(child, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  CHECK(channel_record(child, 0)->process[0] == SIGNET_OBSERVED_ELSEWHERE);
  /* What a child sent before it died belongs to its parent's tree until it is received. */
  message_write(child, 0, TAG_CLIENT, 0, (uint32_t)own, 0);
  uint64_t inner = channel_made(child);
  CHECK_STATUS(CALL(child, channel_send, (uint32_t)inner, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 4);
  CHECK(channel_record(root, 2)->process[0] == 0);
  CHECK_STATUS(CALL(root, handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 2);
  CHECK(channel_record(root, 1)->process[1] == SIGNET_OBSERVED_CLOSED);
  teardown(&before);
}

static void what_is_counted(void) {
  struct alive before;
  setup(&before);
  uint32_t to_server = root->slot[0], to_client = stranger->slot[0];
  for (unsigned i = 0; i < 3; i++) {
    message_write(root, 0, TAG_ONEWAY, 8, 0, 0);
    CHECK_STATUS(CALL(root, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  }
  message_write(root, 0, TAG_REPLY, 8, 0, 0);
  CHECK_STATUS(CALL(root, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT); /* is not counted */
  *word_at(stranger, SCRATCH) = to_client;
  for (unsigned i = 0; i < 3; i++)
    CHECK_STATUS(CALL(stranger, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  /* Requests and replies, by the short way after the first. */
  for (unsigned i = 0; i < 20; i++) {
    message_write(root, 0, TAG_REQUEST, 8, 0, 0);
    CHECK_STATUS(CALL(root, channel_call, to_server, SCRATCH, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
    message_write(stranger, 1024, TAG_REPLY, 16, 0, 0);
    if (!i)
      CHECK_STATUS(CALL(stranger, channel_receive, SCRATCH, 1, SCRATCH + 512, 200, 0), SIGNET_OK);
    CHECK_STATUS(CALL(stranger, channel_call, to_client, SCRATCH + 1024, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
  }
  CHECK(turn_to(root));
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 1);
  CHECK(channel_record(root, 0)->messages[0] == 23 && channel_record(root, 0)->messages[1] == 20);
  CHECK(channel_record(root, 0)->state == 0);
  struct kernel_statistics statistics;
  kernel_statistics(&statistics);
  uint64_t sent = statistics.messages;
  uint64_t calls = root->calls;
  sim_clock += 12345;
  CHECK(observe(root, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH) == 1);
  CHECK(process_record(root, 0)->messages == 23 && process_record(root, 0)->calls == calls + 1);
  CHECK(process_record(root, 0)->time >= 12345 && process_record(root, 0)->time == root->time);
  /* The whole's sum does not forget who has ended. */
  end(stranger);
  stranger = NULL;
  kernel_statistics(&statistics);
  CHECK(statistics.messages == sent);
  teardown(&before);
}

static void more_than_a_call_tells(void) {
  struct alive before;
  setup(&before);
  for (unsigned i = 0; i < 100; i++)
    channel_made(root);
  /* Whether there is room for one more or for many more. */
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, 65 * sizeof(struct signet_observed_channel)) == 64);
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, 0, BUFFER_LENGTH) == 64);
  uint64_t last = channel_record(root, 63)->number;
  CHECK(observe(root, SIGNET_OBSERVE_CHANNELS, last, BUFFER_LENGTH) == 37);
  CHECK(!observe(root, SIGNET_OBSERVE_CHANNELS, channel_record(root, 36)->number, BUFFER_LENGTH));
  teardown(&before);
}

/* Where one observer stopped is not where another one has seen all. */
static void observers_take_turns(void) {
  struct alive before;
  uint64_t mine[2][60], all = 0;
  setup(&before);
  struct kernel_process *who[] = {root, stranger};
  for (unsigned i = 0; i < 60; i++)
    for (unsigned j = 0; j < 2; j++) {
      channel_made(who[j]);
      mine[j][i] = kernel.next_channel;
    }
  for (unsigned room = 1; room < 70; room++)
    for (unsigned i = 0; i < 60; i++) {
      size_t length = room * sizeof(struct signet_observed_channel);
      /* As far as there is room, or to the end. */
      all += observe(root, SIGNET_OBSERVE_CHANNELS, mine[0][i] - 1, length);
      uint64_t last = channel_record(root, room < 60 - i ? room - 1 : 59 - i)->number;
      CHECK(last == mine[0][room < 60 - i ? i + room - 1 : 59]);
      /* The other goes on there, and then the first. */
      uint64_t got = observe(stranger, SIGNET_OBSERVE_CHANNELS, last, length);
      for (uint64_t k = 0; k < got; k++)
        CHECK(channel_record(stranger, k)->number == last + 1 + 2 * k);
      uint64_t left = (mine[1][59] + 1 - last) / 2;
      CHECK(got == (room < left ? room : left));
      got = observe(root, SIGNET_OBSERVE_CHANNELS, last, length);
      left = (mine[0][59] - last) / 2;
      CHECK(got == (room < left ? room : left));
      CHECK(!got || channel_record(root, 0)->number == last + 2);
    }
  CHECK(all > 60);
  CHECK_INVARIANTS();
  teardown(&before);
}

/* ---- While the lock is given up ---- */

#define MANY 1500u
#define EACH 100 /* of which one is the root's */
static struct strangers_channel { uint32_t end[2]; /* 0: closed */ } strangers[MANY];
static unsigned interruptions, seed;

static unsigned chance(unsigned below) {
  seed = seed * 1103515245 + 12345;
  return (seed >> 8) % below;
}

static uint64_t channel_here(void) {
  struct signet_result made =
      sim_call(SIGNET_CALL_channel_create, SCRATCH + 2048, sizeof(struct contract_file), 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  return made.value;
}

/* Another processor closes channels, makes channels and observes. */
static void meanwhile(int busy) {
  interruptions++;
  sim_choose_cpu(1 - (uint32_t)busy);
  CHECK(sim_current() && sim_window() == stranger->window);
  unsigned which = chance(MANY);
  for (unsigned i = 0; i < 40 && which < MANY; i++, which++)
    for (unsigned side = 0; side < 2; side++) {
      if (strangers[which].end[side])
        CHECK_STATUS(sim_call(SIGNET_CALL_handle_close, strangers[which].end[side], 0, 0, 0, 0), SIGNET_OK);
      strangers[which].end[side] = 0;
    }
  channel_here();
  if (chance(2))
    CHECK_STATUS(sim_call(SIGNET_CALL_process_observe, 1 + chance(2), chance(2000), BUFFER, 4096, 0), SIGNET_OK);
  CHECK_INVARIANTS();
}

static void others_act_meanwhile(void) {
  static const struct signet_quota large = {.memory = 256 << 20, .threads = 8, .handles = 8000, .regions = 8};
  struct contract_file contract = contract_make();
  uint64_t mine[MANY / EACH];
  for (seed = 1; seed < 40 && test_good; seed += 3) {
    struct alive before = alive_now();
    root = boot_unstarted("root", 0, &large);
    stranger = boot_unstarted("stranger", 0, &large);
    CHECK(!kernel_process_start(root) && !kernel_process_start(stranger));
    CHECK(turn_to(root));
    sim_choose_cpu(1);
    CHECK(turn_to(stranger));
    memcpy(at(root, SCRATCH + 2048), &contract, sizeof contract);
    memcpy(at(stranger, SCRATCH + 2048), &contract, sizeof contract);
    for (unsigned i = 0; i < MANY; i++) {
      bool roots = i % EACH == EACH / 2;
      sim_choose_cpu(roots ? 0 : 1);
      uint64_t ends = channel_here();
      strangers[i] = roots ? (struct strangers_channel){{0}} : (struct strangers_channel){{(uint32_t)ends, ends >> 32}};
      if (roots)
        mine[i / EACH] = kernel.next_channel;
    }
    unsigned start = seed;
    interruptions = 0;
    sim_choose_cpu(0);
    sim_unlocked = meanwhile;
    struct signet_result outcome = sim_call(SIGNET_CALL_process_observe, SIGNET_OBSERVE_CHANNELS, 0, BUFFER, 4096, 0);
    sim_unlocked = NULL;
    CHECK(outcome.status == SIGNET_OK && outcome.value == MANY / EACH && interruptions >= 2);
    for (unsigned i = 0; i < MANY / EACH; i++)
      CHECK(channel_record(root, i)->number == mine[i] && channel_record(root, i)->process[1] == root->number);
    CHECK_INVARIANTS();
    seed = start;
    kernel_process_stop(root);
    kernel_process_stop(stranger);
    for (uint32_t cpu = SIM_CPUS; cpu--;) {
      sim_choose_cpu(cpu);
      sim_preempt();
    }
    end(root);
    end(stranger);
    CHECK(alive_same(&before));
  }
}

/* A child observes meanwhile: it is still its parent's to see. */
static void child_observes(int busy) {
  sim_choose_cpu(1 - (uint32_t)busy);
  CHECK_STATUS(sim_call(SIGNET_CALL_process_observe, SIGNET_OBSERVE_PROCESSES, 0, BUFFER, 4096, 0), SIGNET_OK);
  interruptions++;
}

static void a_child_observes_meanwhile(void) {
  struct alive before;
  setup(&before);
  root->limit.handles = 4000;
  for (unsigned i = 0; i < 400; i++)
    channel_made(root);
  uint64_t last = kernel.next_channel;
  uint32_t handle;
  struct kernel_process *child = child_made(root, image_handle, &handle);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  for (unsigned i = 0; i < 3; i++)
    channel_made(child);
  kernel_process_stop(stranger);
  CHECK(turn_to(root));
  sim_choose_cpu(1);
  CHECK(turn_to(child));
  sim_choose_cpu(0);
  interruptions = 0;
  sim_unlocked = child_observes;
  struct signet_result outcome = sim_call(SIGNET_CALL_process_observe, SIGNET_OBSERVE_CHANNELS, last, BUFFER, 4096, 0);
  sim_unlocked = NULL;
  CHECK(outcome.status == SIGNET_OK && outcome.value == 3 && interruptions);
  for (unsigned i = 0; i < 3; i++)
    CHECK(channel_record(root, i)->number == last + 1 + i && channel_record(root, i)->process[0] == child->number);
  kernel_process_stop(root);
  for (uint32_t cpu = SIM_CPUS; cpu--;) {
    sim_choose_cpu(cpu);
    sim_preempt();
  }
  teardown(&before);
}

/* He who observes is stopped meanwhile. */
static void stop_meanwhile(int busy) {
  (void)busy;
  sim_unlocked = NULL;
  kernel_process_stop(root);
}

static void the_observer_is_stopped(void) {
  struct alive before;
  setup(&before);
  root->limit.handles = 4000;
  for (unsigned i = 0; i < 400; i++)
    channel_made(root);
  CHECK(turn_to(root));
  uint64_t last = kernel.next_channel;
  sim_unlocked = stop_meanwhile;
  sim_call(SIGNET_CALL_process_observe, SIGNET_OBSERVE_CHANNELS, last, BUFFER, 4096, 0);
  CHECK(!sim_unlocked);
  CHECK_INVARIANTS();
  sim_preempt();
  CHECK(root->state == SIGNET_PROCESS_STOPPED);
  teardown(&before);
}

/* ---- The host program sees all ---- */

static void the_host_sees_all(void) {
  struct alive before;
  static struct signet_observed_process processes[200];
  static struct signet_observed_channel channels[200];
  setup(&before);
  uint32_t handle;
  for (unsigned i = 0; i < 100; i++)
    channel_made(i % 2 ? root : stranger);
  child_made(root, image_handle, &handle);
  observe(root, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH); /* which the host's own view does not go by */
  memset(processes, 0xee, sizeof processes);
  CHECK(kernel_observe(SIGNET_OBSERVE_PROCESSES, 0, processes, sizeof processes) == 3);
  CHECK(processes[0].number == root->number && processes[1].number == stranger->number);
  CHECK(processes[2].parent == root->number && processes[3].number == 0xeeeeeeee);
  CHECK(kernel_observe(SIGNET_OBSERVE_PROCESSES, 0, processes, 2 * sizeof *processes + 8) == 2);
  CHECK(kernel_observe(SIGNET_OBSERVE_PROCESSES, processes[1].number, processes, sizeof processes) == 1);
  CHECK(kernel_observe(SIGNET_OBSERVE_CHANNELS, 0, channels, sizeof channels) == 101);
  CHECK(channels[0].process[0] == root->number && channels[0].process[1] == stranger->number);
  for (unsigned i = 1; i < 101; i++) {
    CHECK(channels[i].number == channels[0].number + i);
    CHECK(channels[i].process[0] == (i % 2 ? stranger : root)->number);
  }
  CHECK(kernel_observe(SIGNET_OBSERVE_CHANNELS, channels[97].number, channels, sizeof channels) == 3);
  CHECK(!kernel_observe(SIGNET_OBSERVE_CHANNELS, UINT64_MAX, channels, sizeof channels));
  CHECK(!kernel_observe(SIGNET_OBSERVE_CHANNELS, 0, channels, sizeof *channels - 1));
  CHECK(!kernel_observe((enum signet_observe)3, 0, channels, sizeof channels));
  teardown(&before);
}

/* A number is nobody else's, ever, and none means something else: rather there are no more processes. */
static void numbers_come_to_an_end(void) {
  struct alive before;
  setup(&before);
  uint32_t saved = kernel.next_process, handle;
  kernel.next_process = SIGNET_OBSERVED_ELSEWHERE - 2;
  struct kernel_process *last = child_made(root, image_handle, &handle);
  CHECK(last->number == SIGNET_OBSERVED_ELSEWHERE - 1);
  struct signet_usage was, is;
  CHECK_STATUS(CALL(root, process_usage, BUFFER, 0, 0, 0, 0), SIGNET_OK);
  memcpy(&was, at(root, BUFFER), sizeof was);
  specification_write(root, image_handle, 0, &quota_child);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_MEMORY);
  CHECK_STATUS(CALL(root, process_usage, BUFFER, 0, 0, 0, 0), SIGNET_OK);
  memcpy(&is, at(root, BUFFER), sizeof is);
  CHECK(!memcmp(&was.used, &is.used, sizeof is.used));
  CHECK(!boot_unstarted("late", 0, NULL));
  CHECK(observe(root, SIGNET_OBSERVE_PROCESSES, 0, BUFFER_LENGTH) == 2);
  CHECK(process_record(root, 1)->number == last->number);
  CHECK(kernel_process_kill(1) == SIGNET_HANDLE && kernel_process_kill(last->number) == SIGNET_OK);
  teardown(&before);
  kernel.next_process = saved;
}

int main(void) {
  support_initialise();
  TEST(a_tree_and_no_more);
  TEST(cursors);
  TEST(hostile_buffers);
  TEST(channels_of_ones_own);
  TEST(channels_of_a_child);
  TEST(what_is_counted);
  TEST(more_than_a_call_tells);
  TEST(observers_take_turns);
  TEST(others_act_meanwhile);
  TEST(a_child_observes_meanwhile);
  TEST(the_observer_is_stopped);
  TEST(the_host_sees_all);
  TEST(numbers_come_to_an_end);
  return test_finish();
}
