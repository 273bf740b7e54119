/* Processes and threads: life cycle, the tree, quotas, words, events, devices, turns. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)

static struct kernel_process *root;

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(root);
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

/* ---- Start-up ---- */

static void child_starts_with_what_it_was_given(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  CHECK(sim_alive.images == before.sim.images); /* the same bytes are kept once */
  struct signet_process_specification *specification = specification_write(root, image_handle, 2, &quota_child);
  specification->startup_offset = SCRATCH + 0x1000;
  specification->startup_length = 9000;
  for (unsigned i = 0; i < 9000; i++)
    *(uint8_t *)at(root, SCRATCH + 0x1000 + i) = (uint8_t)(i * 7);
  uint32_t handle = (uint32_t)CALL(root, process_create, SCRATCH, 0, 0, 0, 0).value;
  struct kernel_process *child = child_of(root, handle);
  CHECK(child && child->state == SIGNET_PROCESS_UNSTARTED);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_STATE);
  struct signet_result block = CALL(root, block_allocate, 4096, 0, 0, 0, 0);
  memset(at(root, block.value >> 32), 0x77, 4096);
  CHECK_STATUS(CALL(root, process_grant, handle, 2, (uint32_t)block.value, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, handle, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, (uint32_t)block.value, 0, 0), SIGNET_OK);
  CHECK(!sim_memory(root->window, block.value >> 32, 1, false));
  CHECK_STATUS(CALL(root, process_grant, handle, 0, image_handle, 0, 0), SIGNET_STATE);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_STATE);
  CHECK_STATUS(CALL(root, process_grant, handle, 1, image_handle, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_STATE);
  CHECK(turn_to(child));
  const struct port_context *context = sim_current();
  const struct signet_startup *startup = at(child, context->argument);
  CHECK(context->entry == ENTRY && context->stack % 16 == 0 && context->stack == startup->stack_high);
  CHECK(startup->abi_version == SIGNET_ABI_VERSION && startup->slots == 2 && startup->bytes_length == 9000);
  CHECK(startup->image_low == CODE_LOW && startup->image_high == DATA_LOW + DATA_LENGTH);
  CHECK(startup->stack_high - startup->stack_low == 0x4000);
  bool same = true;
  for (unsigned i = 0; i < 9000; i++)
    same &= *(uint8_t *)at(child, startup->bytes_offset + i) == (uint8_t)(i * 7);
  CHECK(same);
  /* Guards around the stack; code that cannot be written; data whose tail is zero. */
  CHECK(!sim_memory(child->window, startup->stack_low - 1, 1, false) &&
        !sim_memory(child->window, startup->stack_low - SIGNET_GUARD, 1, false));
  CHECK(sim_memory(child->window, startup->stack_low, 0x4000, true));
  CHECK(sim_memory(child->window, CODE_LOW, CODE_LENGTH, false) && !sim_memory(child->window, CODE_LOW, 1, true));
  CHECK(*(uint8_t *)at(child, DATA_LOW + 0x7ff) == 0xda && *(uint8_t *)at(child, DATA_LOW + 0x800) == 0);
  CHECK(*(uint8_t *)at(child, DATA_LOW + DATA_LENGTH - 1) == 0);
  struct signet_handle_information *information = at(child, SCRATCH);
  CHECK_STATUS(CALL(child, handle_query, child->slot[0], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(information->kind == SIGNET_KIND_BLOCK && *(uint8_t *)at(child, information->offset) == 0x77);
  CHECK_STATUS(CALL(child, handle_query, child->slot[1], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(information->kind == SIGNET_KIND_IMAGE && !memcmp(information->identity, root->hash, 32));
  teardown(&before);
}

static void exit_and_wait(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  for (uint32_t code = 0; code < 256; code += 51) {
    uint32_t handle = create_child(root, image_handle, 0, &quota_child);
    struct kernel_process *child = child_of(root, handle);
    CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, 0, 0, 0), SIGNET_TIMEOUT);
    CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, SIGNET_NEVER, 0, 0), SIM_AWAY);
    CHECK_INVARIANTS();
    CHECK_STATUS(CALL(child, process_exit, 3, 0, 0, 0, 0), SIGNET_ARGUMENT);
    CHECK_STATUS(CALL(child, process_exit, SIGNET_ENDED_EXIT, 256, 0, 0, 0), SIGNET_ARGUMENT);
    CHECK_STATUS(CALL(child, process_exit, code % 2 ? SIGNET_ENDED_EXIT : SIGNET_ENDED_SIGNAL, code, 0, 0, 0),
                 SIM_AWAY);
    CHECK_STATUS(taken(root), SIGNET_OK);
    const struct signet_ending *ending = at(root, SCRATCH);
    CHECK(ending->kind == (code % 2 ? SIGNET_ENDED_EXIT : SIGNET_ENDED_SIGNAL) && ending->code == code);
    CHECK(sim_last_report.ending.code == code && !strcmp(sim_last_report.name, "child"));
    CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, 0, 0, 0), SIGNET_HANDLE);
  }
  /* All that the children were lent is back. */
  CHECK(root->used.processes == 0 && root->used.threads == 1 && root->used.handles == 1);
  teardown(&before);
}

static void fault_ends_the_process_alone(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  uint32_t handle = create_child(root, image_handle, 0, &quota_child);
  struct kernel_process *child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(turn_to(child));
  sim_fault(SIGNET_FAULT_WRITE, 0x1234567890);
  CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, SIGNET_NEVER, 0, 0), SIGNET_OK);
  const struct signet_ending *ending = at(root, SCRATCH);
  CHECK(ending->kind == SIGNET_ENDED_FAULT && ending->code == SIGNET_FAULT_WRITE && ending->address == 0x1234567890 &&
        ending->instruction == SIGNET_IMAGE_LOW && ending->thread == 1);
  teardown(&before);
}

/* ---- The tree ---- */

static void stop_takes_children_first(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  struct signet_quota quota = {.memory = 20 << 20, .threads = 12, .handles = 40, .regions = 20, .processes = 6};
  /* root > a > b > c; the image goes along by being loaded again. */
  struct kernel_process *line[4] = {root};
  for (unsigned i = 1; i < 4; i++) {
    uint32_t handle = create_child(line[i - 1], image_handle, 0, &quota);
    line[i] = child_of(line[i - 1], handle);
    CHECK_STATUS(CALL(line[i - 1], process_start, handle, 0, 0, 0, 0), SIGNET_OK);
    if (i < 3)
      image_handle = load_image(line[i]);
    quota.memory -= 5 << 20, quota.threads -= 3, quota.handles -= 10, quota.regions -= 5, quota.processes -= 2;
  }
  CHECK_INVARIANTS();
  uint32_t numbers[] = {line[3]->number, line[2]->number, line[1]->number};
  unsigned reports = sim_reports;
  /* b is one that a has let go of: closing its handle stops it and its child. */
  CHECK_STATUS(CALL(line[1], handle_close, line[2]->object.handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(sim_reports == reports + 2 && sim_last_report.process == numbers[1]);
  CHECK(sim_last_report.ending.kind == SIGNET_ENDED_STOPPED);
  CHECK_STATUS(CALL(root, process_stop, line[1]->object.handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(sim_last_report.process == numbers[2]);
  CHECK_STATUS(CALL(root, process_stop, line[1]->object.handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(root->used.processes == 7);
  CHECK_STATUS(CALL(root, process_wait, line[1]->object.handle, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(root->used.processes == 0);
  teardown(&before);
}

static void parent_ends_with_its_tree(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  struct kernel_process *children[3];
  for (unsigned i = 0; i < 3; i++) {
    struct signet_quota quota = quota_child;
    uint32_t handle = create_child(root, image_handle, 0, &quota);
    children[i] = child_of(root, handle);
    CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  }
  create_child(root, image_handle, 1, &quota_child); /* one that never starts */
  CHECK(turn_to(children[1]));
  unsigned reports = sim_reports;
  CHECK_STATUS(CALL(root, process_exit, SIGNET_ENDED_EXIT, 5, 0, 0, 0), SIM_AWAY);
  CHECK(sim_reports == reports + 5 && sim_last_report.process == root->number && sim_last_report.ending.code == 5);
  struct signet_ending ending;
  CHECK(kernel_process_ended(root, &ending) && ending.kind == SIGNET_ENDED_EXIT && ending.code == 5);
  teardown(&before);
}

/* A process that runs on another processor cannot be taken apart before it comes into the kernel. */
static void stop_of_one_that_runs_elsewhere(void) {
  struct alive before = alive_now();
  struct port_device device = {.ready = true};
  root = boot_unstarted("root", 1, NULL);
  CHECK(!kernel_process_grant_device(root, 0, &device) && !kernel_process_start(root));
  uint32_t image_handle = load_image(root);
  uint32_t handle = create_child(root, image_handle, 1, &quota_child);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, root->slot[0], 0, 0), SIGNET_OK);
  struct kernel_process *child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(turn_to(root));
  sim_woken = 0;
  sim_choose_cpu(1);
  sim_run(); /* sleeps: root's own wake-ups stay on root's processor for its slice */
  sim_choose_cpu(0);
  if (!sim_current() || sim_window() != root->window)
    CHECK(turn_to(root));
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  if (!sim_current()) {
    /* Given over at the tick. */
    sim_choose_cpu(0);
    sim_preempt();
    CHECK(sim_woken & 2);
    sim_choose_cpu(1);
    sim_run();
  }
  CHECK(sim_current());
  uint32_t there = sim_window();
  sim_choose_cpu(0);
  if (!sim_current())
    sim_run();
  CHECK(sim_current() && sim_window() != there);
  /* Whoever of the two runs where: the root stops the child. */
  uint32_t root_cpu = sim_window() == root->window ? 0 : 1;
  sim_choose_cpu(root_cpu);
  CHECK(sim_window() == root->window);
  unsigned reports = sim_reports;
  struct signet_result stopped = sim_call(SIGNET_CALL_process_stop, handle, 0, 0, 0, 0);
  CHECK_STATUS(stopped, SIGNET_OK);
  CHECK(sim_reports == reports && child->state == SIGNET_PROCESS_STOPPING);
  CHECK_INVARIANTS();
  CHECK_STATUS(sim_call(SIGNET_CALL_process_wait, handle, SCRATCH, SIGNET_NEVER, 0, 0), SIM_AWAY);
  sim_choose_cpu(1 - root_cpu);
  /* Its next call does not happen. */
  CHECK_STATUS(sim_call(SIGNET_CALL_device_request, child->slot[0], SCRATCH, 0, 0, 0), SIM_AWAY);
  CHECK(!device.requests && device.resets == 1 && !device.closed);
  CHECK(sim_reports == reports + 1);
  CHECK_INVARIANTS();
  CHECK(sim_current() && sim_window() == root->window); /* woken here, runs here */
  CHECK_STATUS(((struct signet_result){sim_current()->result.status, 0}), SIGNET_OK);
  /* Leave both processors asleep for the next test. */
  kernel_process_stop(root);
  sim_preempt();
  CHECK(!sim_current());
  sim_choose_cpu(0);
  teardown(&before);
}

/* A thread waits at one, two or three ends, several times: what it needs for that is made once and goes with it. */
static void waits_at_few_and_many(void) {
  struct alive before = alive_now();
  uint32_t server[3];
  root = boot("root");
  struct contract_file contract = contract_make();
  for (unsigned i = 0; i < 3; i++) {
    memcpy(at(root, SCRATCH), &contract, sizeof contract);
    server[i] = (uint32_t)(CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value >> 32);
  }
  for (unsigned i = 0; i < 9; i++) {
    memcpy(at(root, SCRATCH), server, sizeof server);
    CHECK_STATUS(CALL(root, channel_receive, SCRATCH, i % 3 + 1, SCRATCH + 64, 1000, sim_clock + 1000), SIM_AWAY);
    CHECK_INVARIANTS();
    sim_clock += 2000;
    CHECK(turn_to(root));
    CHECK_STATUS(taken(root), SIGNET_TIMEOUT);
  }
  teardown(&before);
}

/* ---- Quotas ---- */

/* An image is an open file of the host's, whatever memory it takes: no tree of processes holds more than two for each
 * process that there may be. */
static void images_are_bounded_by_processes(void) {
  struct alive before = alive_now();
  struct signet_quota quota = {.memory = 64 << 20, .threads = 12, .handles = 200, .regions = 20, .processes = 3};
  struct signet_quota some = {.memory = 8 << 20, .threads = 2, .handles = 40, .regions = 4, .processes = 2};
  uint32_t image[6];
  root = boot_unstarted("root", 0, &quota);
  CHECK(!kernel_process_start(root));
  for (unsigned i = 0; i < 6; i++)
    image[i] = load_image(root);
  uint64_t block = CALL(root, block_allocate, 1, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(root, image_load, (uint32_t)block, 1, 0, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(CALL(root, handle_close, (uint32_t)block, 0, 0, 0, 0), SIGNET_OK); /* it was not consumed */
  /* What a child may hold is its parent's no more. */
  specification_write(root, image[0], 1, &some);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  for (unsigned i = 5; i > 1; i--)
    CHECK_STATUS(CALL(root, handle_close, image[i], 0, 0, 0, 0), SIGNET_OK);
  uint32_t child = create_child(root, image[0], 1, &some);
  CHECK_INVARIANTS();
  block = CALL(root, block_allocate, IMAGE_BYTES, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(root, image_load, (uint32_t)block, IMAGE_BYTES, 0, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(CALL(root, process_grant, child, 0, image[1], 0, 0), SIGNET_OK);
  image[1] = load_image(root);
  CHECK_STATUS(CALL(root, handle_close, child, 0, 0, 0, 0), SIGNET_OK);
  some.processes = 0;
  child = create_child(root, image[0], 1, &some);
  CHECK_STATUS(CALL(root, process_grant, child, 0, image[1], 0, 0), SIGNET_QUOTA);
  CHECK_INVARIANTS();
  for (unsigned i = 0; i < 4; i++)
    load_image(root);
  CHECK(root->images == 6);
  CHECK_INVARIANTS();
  teardown(&before);
}

static void quotas_are_reached_and_survived(void) {
  struct alive before = alive_now();
  struct signet_quota quota = {.memory = 2 << 20, .threads = 3, .handles = 5, .regions = 4, .processes = 2};
  root = boot_unstarted("root", 0, &quota);
  CHECK(!kernel_process_start(root));
  uint64_t area = root->area_low;
  for (unsigned round = 0; round < 3; round++) {
    /* Memory */
    uint64_t room = root->limit.memory - root->used.memory;
    CHECK_STATUS(CALL(root, memory_map, area, room + 4096, 3, 0, 0), SIGNET_QUOTA);
    CHECK_STATUS(CALL(root, memory_map, area, room, 3, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, memory_map, area, room, 1, 0, 0), SIGNET_OK); /* replaces: needs no more */
    CHECK_STATUS(CALL(root, block_allocate, 1, 0, 0, 0, 0), SIGNET_QUOTA);
    CHECK_INVARIANTS();
    CHECK_STATUS(CALL(root, memory_unmap, area, room, 0, 0, 0), SIGNET_OK);
    CHECK(root->used.memory == root->limit.memory - room);
    /* Regions */
    for (unsigned i = 0; i < 4; i++)
      CHECK_STATUS(CALL(root, memory_map, area + i * 0x4000, 0x3000, 3, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, memory_map, area + 0x20000, 0x1000, 3, 0, 0), SIGNET_QUOTA);
    CHECK_STATUS(CALL(root, memory_unmap, area + 0x1000, 0x1000, 0, 0, 0), SIGNET_QUOTA); /* would split one */
    CHECK_STATUS(CALL(root, memory_protect, area + 0x1000, 0x1000, 1, 0, 0), SIGNET_QUOTA);
    CHECK_STATUS(CALL(root, memory_map, area + 0x3000, 0x1000, 3, 0, 0), SIGNET_OK); /* joins two */
    CHECK(root->used.regions == 3);
    CHECK_STATUS(CALL(root, memory_map, area + 0x10000, 0x1000, 3, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, memory_map, area + 0x11000, 0x1000, 3, 0, 0), SIGNET_OK);    /* joins the one below */
    CHECK_STATUS(CALL(root, memory_map, area + 0x12000, 0x1000, 1, 0, 0), SIGNET_QUOTA); /* not of its kind */
    CHECK(root->used.regions == 4);
    CHECK_STATUS(CALL(root, memory_unmap, area + 0x10000, 0x2000, 0, 0, 0), SIGNET_OK);
    CHECK_INVARIANTS();
    CHECK_STATUS(CALL(root, memory_unmap, area, 0x20000, 0, 0, 0), SIGNET_OK);
    CHECK(root->used.regions == 0);
    /* Handles */
    uint32_t handles[5];
    for (unsigned i = 0; i < 5; i++)
      handles[i] = (uint32_t)CALL(root, block_allocate, 1, 0, 0, 0, 0).value;
    CHECK_STATUS(CALL(root, block_allocate, 1, 0, 0, 0, 0), SIGNET_QUOTA);
    CHECK_STATUS(CALL(root, handle_close, handles[0], 0, 0, 0, 0), SIGNET_OK);
    struct contract_file contract = contract_make();
    memcpy(at(root, SCRATCH), &contract, sizeof contract);
    CHECK_STATUS(CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0), SIGNET_QUOTA);
    for (unsigned i = 1; i < 5; i++)
      CHECK_STATUS(CALL(root, handle_close, handles[i], 0, 0, 0, 0), SIGNET_OK);
    CHECK_INVARIANTS();
    /* Threads */
    CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_QUOTA);
    CHECK_INVARIANTS();
    CHECK_STATUS(CALL(root, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
    CHECK_STATUS(CALL(root, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  }
  teardown(&before);
}

static void child_limit(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  struct signet_quota quota = {.memory = 1 << 20, .threads = 1, .handles = 1, .regions = 1};
  uint32_t children[16];
  for (unsigned i = 0; i < 16; i++)
    children[i] = create_child(root, image_handle, 0, &quota);
  specification_write(root, image_handle, 0, &quota);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(root, handle_close, children[7], 0, 0, 0, 0), SIGNET_OK);
  children[7] = create_child(root, image_handle, 0, &quota);
  for (unsigned i = 0; i < 16; i++)
    CHECK_STATUS(CALL(root, handle_close, children[i], 0, 0, 0, 0), SIGNET_OK);
  /* No handle left for the child's own. */
  while (root->used.handles < root->limit.handles)
    if (CALL(root, block_allocate, 1, 0, 0, 0, 0).status)
      break;
  specification_write(root, image_handle, 0, &quota)->quota.handles = 0;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  CHECK_INVARIANTS();
  LIST_EACH(node, &root->paid)
  if (CONTAINER(node, struct object, paid_link)->kind == SIGNET_KIND_BLOCK)
    CHECK_STATUS(CALL(root, handle_close, CONTAINER(node, struct object, paid_link)->handle, 0, 0, 0, 0), SIGNET_OK);
  /* Each part of a quota is the parent's to give, or is not given. */
  struct signet_quota greedy[5] = {quota, quota, quota, quota, quota};
  greedy[0].memory = UINT64_MAX, greedy[1].threads = 32, greedy[2].handles = UINT32_MAX, greedy[3].regions = 65;
  greedy[4].processes = UINT32_MAX;
  for (unsigned i = 0; i < 5; i++) {
    struct signet_quota used = root->used;
    specification_write(root, image_handle, 0, &greedy[i]);
    CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
    CHECK(!memcmp(&used, &root->used, sizeof used));
  }
  specification_write(root, image_handle, 0, &quota)->quota.memory = 4096;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  specification_write(root, image_handle, SIGNET_SLOTS_MOST + 1, &quota);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  memset(specification_write(root, image_handle, 0, &quota)->name, 'x', 32);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  specification_write(root, image_handle, 0, &quota)->stack = UINT64_MAX;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  specification_write(root, image_handle, 0, &quota)->startup_length = SIGNET_STARTUP_BYTES_MOST + 1;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  struct signet_process_specification *specification = specification_write(root, image_handle, 0, &quota);
  specification->startup_length = 4096, specification->startup_offset = 0xfffff800;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ADDRESS);
  specification->startup_offset = 0x1000;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ADDRESS);
  specification->startup_length = 0, specification->image = 77;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_HANDLE);
  teardown(&before);
}

/* A parent that has used some of each part of its quota gives all that is left to a child, and not one more. */
static void all_that_is_left(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  CHECK_STATUS(CALL(root, memory_map, root->area_low, 4096, 3, 0, 0), SIGNET_OK);
  create_child(root, image_handle, 0, &quota_child);
  for (unsigned part = 0; part < 5; part++)
    for (int more = 1; more >= 0; more--) {
      const struct signet_quota *limit = &root->limit, *used = &root->used;
      struct signet_quota quota = {.memory = 1 << 20, .threads = 1, .handles = 1, .regions = 1}, was = *used;
      uint32_t one = (uint32_t)more;
      quota.memory = part == 0 ? limit->memory - used->memory + one : 1 << 20;
      quota.threads = part == 1 ? limit->threads - used->threads + one : 1;
      quota.handles = part == 2 ? limit->handles - used->handles - 1 + one : 1; /* besides the child's own */
      quota.regions = part == 3 ? limit->regions - used->regions + one : 1;
      quota.processes = part == 4 ? limit->processes - used->processes - 1 + one : 0; /* besides the child */
      /* Of images there is one already. */
      if (part == 4 && !more)
        quota.processes--;
      specification_write(root, image_handle, 0, &quota);
      struct signet_result made = CALL(root, process_create, SCRATCH, 0, 0, 0, 0);
      CHECK_STATUS(made, more ? SIGNET_QUOTA : SIGNET_OK);
      CHECK_INVARIANTS();
      if (!made.status)
        CHECK_STATUS(CALL(root, handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_OK);
      CHECK(!memcmp(&was, &root->used, sizeof was));
    }
  teardown(&before);
}

/* What a specification may say at the most, and at the least. */
static void specifications_to_the_edge(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root), child = create_child(root, image_handle, SIGNET_SLOTS_MOST, &quota_child);
  uint64_t cost = child_of(root, child)->used.memory;
  CHECK_STATUS(CALL(root, handle_close, child, 0, 0, 0, 0), SIGNET_OK);
  struct signet_process_specification *specification = specification_write(root, image_handle, 0, &quota_child);
  specification->quota.memory = cost - 1;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  specification->quota.memory = cost;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_OK);
  specification->quota.threads = 0;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(root, memory_map, root->area_low, SIGNET_STARTUP_BYTES_MOST, 3, 0, 0), SIGNET_OK);
  specification = specification_write(root, image_handle, 0, &quota_child);
  specification->quota = (struct signet_quota){.memory = 32 << 20, .threads = 1};
  specification->startup_offset = root->area_low, specification->startup_length = SIGNET_STARTUP_BYTES_MOST;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_OK);
  specification->startup_offset = 0, specification->startup_length = 0, specification->quota.memory = cost;
  memset(specification->name, 'x', sizeof specification->name - 1); /* and ends */
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_OK);
  static const char wrong[][4] = {"~", "a/", "/", "a\x1f", "\x7f", "a\n"}, right[][4] = {" ", "a~", "\xff", "!"};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    memset(specification->name, 0, sizeof specification->name);
    memcpy(specification->name, wrong[i], 4);
    CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  }
  for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++) {
    memcpy(specification->name, right[i], 4);
    struct signet_result made = CALL(root, process_create, SCRATCH, 0, 0, 0, 0);
    CHECK_STATUS(made, SIGNET_OK);
    CHECK_STATUS(CALL(root, handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_OK);
  }
  /* 1 GiB of stack, which only the quota forbids here. */
  specification->stack = UINT64_C(1) << 30;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  specification->stack++;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_ARGUMENT);
  teardown(&before);
}

/* A child gets only what its quota has room for, before it starts; a process is made of an image, and of no other. */
static void grants_to_the_edge(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root), child = create_child(root, image_handle, 1, &quota_child);
  struct signet_quota least = {.memory = child_of(root, child)->used.memory, .threads = 1, .handles = 1};
  uint32_t poor = create_child(root, image_handle, 1, &least);
  uint32_t block = (uint32_t)CALL(root, block_allocate, 4096, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(root, process_grant, poor, 0, block, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(CALL(root, process_stop, child, 0, 0, 0, 0), SIGNET_OK); /* with its slot empty */
  CHECK_STATUS(CALL(root, process_grant, child, 0, block, 0, 0), SIGNET_STATE);
  specification_write(root, block, 0, &least);
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_HANDLE);
  /* One handle is left: it is the child's own. */
  while (root->used.handles + 1 < root->limit.handles)
    CHECK_STATUS(CALL(root, block_allocate, 1, 0, 0, 0, 0), SIGNET_OK);
  uint64_t set = CALL(root, set_create, 0, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(root, handle_close, set, 0, 0, 0, 0), SIGNET_OK);
  /* No window is left. */
  uint32_t windows = (uint32_t)kernel.free_window_count;
  specification_write(root, image_handle, 0, &least)->quota.handles = 0;
  kernel.free_window_count = 0;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_MEMORY);
  kernel.free_window_count = windows;
  CHECK_STATUS(CALL(root, process_create, SCRATCH, 0, 0, 0, 0), SIGNET_OK);
  teardown(&before);
}

/* The host's bytes lie where it says, not at an offset. */
static void start_up_bytes_of_the_host(void) {
  struct alive before = alive_now();
  struct signet_process_specification specification = {
      .quota = quota_plenty, .startup_offset = UINT32_MAX, .startup_length = 5, .name = "root"};
  CHECK(!kernel_process_create(image, &specification, "hello", &root) && !kernel_process_start(root));
  CHECK(!memcmp(at(root, root->startup + sizeof(struct signet_startup)), "hello", 6));
  teardown(&before);
}

/* What a child sent before it died is charged to its parent, which had lent the quota. */
static void quota_follows_messages_of_the_dead(void) {
  struct alive before = alive_now();
  root = boot("root");
  uint32_t image_handle = load_image(root);
  struct contract_file contract = contract_make();
  memcpy(at(root, SCRATCH), &contract, sizeof contract);
  uint64_t ends = CALL(root, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  uint32_t handle = create_child(root, image_handle, 1, &quota_child);
  struct kernel_process *child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_grant, handle, 0, (uint32_t)ends, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  uint64_t block = CALL(child, block_allocate, 1 << 20, 0, 0, 0, 0).value;
  message_write(child, 0, TAG_BLOCK, 0, (uint32_t)block, 0);
  CHECK_STATUS(CALL(child, channel_send, child->slot[0], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(child, process_exit, SIGNET_ENDED_EXIT, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, SIGNET_NEVER, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(root->used.memory >= 1 << 20 && root->used.processes == 0);
  teardown(&before);
}

static void connecting(void) {
  struct alive before = alive_now();
  struct contract_file contract = contract_make(), bad = contract;
  struct signet_quota quota = quota_plenty;
  quota.handles = 1;
  root = boot_unstarted("root", 3, &quota);
  struct kernel_process *other = boot_unstarted("other", 1, NULL);
  bad.header.version = 9;
  CHECK(kernel_process_connect(root, 0, other, 0, &bad, sizeof bad) == SIGNET_CONTRACT);
  CHECK(kernel_process_connect(root, 0, other, 0, &contract, 3) == SIGNET_ARGUMENT);
  CHECK(kernel_process_connect(root, 3, other, 0, &contract, sizeof contract) == SIGNET_ARGUMENT);
  CHECK(kernel_process_connect(root, 0, other, 1, &contract, sizeof contract) == SIGNET_ARGUMENT);
  CHECK(kernel_process_connect(root, 0, root, 0, &contract, sizeof contract) == SIGNET_ARGUMENT);
  /* Both ends to one process that may hold one. */
  CHECK(kernel_process_connect(root, 0, root, 1, &contract, sizeof contract) == SIGNET_QUOTA);
  CHECK_INVARIANTS();
  CHECK(kernel_process_connect(root, 0, other, 0, &contract, sizeof contract) == SIGNET_OK);
  CHECK(kernel_process_connect(root, 1, other, 0, &contract, sizeof contract) == SIGNET_QUOTA);
  CHECK(kernel_process_start(root) == SIGNET_STATE && kernel_process_start(other) == SIGNET_OK);
  CHECK(kernel_process_start(other) == SIGNET_STATE);
  CHECK_INVARIANTS();
  end(other);
  teardown(&before);
}

/* ---- Threads and words ---- */

static void words(void) {
  struct alive before = alive_now();
  root = boot("root");
  *word_at(root, SCRATCH) = 5;
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 6, SIGNET_NEVER, 0, 0), SIGNET_AGAIN);
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 5, 0, 0, 0), SIGNET_TIMEOUT);
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 5, sim_clock + 10, 0, 0), SIM_AWAY);
  sim_clock += 10;
  CHECK_STATUS(taken(root), SIGNET_TIMEOUT);
  /* Three wait on it, one on another word in the same bucket; the first thread wakes them. */
  for (unsigned i = 0; i < 4; i++)
    CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, i, 0, 0), SIGNET_OK);
  CHECK(turn_to(root));
  struct port_context *first = sim_current();
  for (unsigned i = 0; i < 4; i++) {
    while (sim_current() == first)
      CHECK_STATUS(sim_call(SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
    CHECK_STATUS(sim_call(SIGNET_CALL_word_wait, i == 1 ? SCRATCH + 0x80 : SCRATCH, i == 1 ? 0 : 5, SIGNET_NEVER, 0, 0),
                 SIM_AWAY);
    CHECK_INVARIANTS();
  }
  CHECK(sim_current() == first);
  struct signet_result woken = sim_call(SIGNET_CALL_word_wake, SCRATCH, 2, 0, 0, 0);
  CHECK(woken.status == SIGNET_OK && woken.value == 2);
  woken = sim_call(SIGNET_CALL_word_wake, SCRATCH, UINT32_MAX, 0, 0, 0);
  CHECK(woken.value == 1);
  woken = sim_call(SIGNET_CALL_word_wake, SCRATCH, 5, 0, 0, 0);
  CHECK(woken.value == 0);
  woken = sim_call(SIGNET_CALL_word_wake, SCRATCH + 0x80, 5, 0, 0, 0);
  CHECK(woken.value == 1);
  /* They go on in the order in which they were woken. */
  uint64_t order[4];
  CHECK_STATUS(sim_call(SIGNET_CALL_word_wait, SCRATCH + 4, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  for (unsigned i = 0; i < 4; i++) {
    CHECK(sim_current() && sim_current()->answered && sim_current()->result.status == SIGNET_OK);
    order[i] = sim_current()->argument;
    /* Clearing a word at exit wakes whoever waits for that: the first thread, in the end. */
    sim_call(SIGNET_CALL_thread_exit, i == 3 ? SCRATCH + 4 : 0, 0, 0, 0, 0);
  }
  CHECK(order[0] == 0 && order[1] == 2 && order[2] == 3 && order[3] == 1);
  CHECK(sim_current() == first && sim_current()->result.status == SIGNET_OK);
  /* The last thread's exit ends the process. */
  CHECK_STATUS(CALL(root, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  struct signet_ending ending;
  CHECK(kernel_process_ended(root, &ending) && ending.kind == SIGNET_ENDED_EXIT && ending.code == 0);
  teardown(&before);
}

/* Thirty deadlines, armed and disarmed in no order: each passes when it should. */
static void timers(void) {
  struct alive before = alive_now();
  uint64_t deadline[30], seed = 1;
  root = boot("root");
  CHECK(turn_to(root));
  struct port_context *first = sim_current();
  for (unsigned round = 0; round < 40; round++) {
    for (unsigned i = 0; i < 30; i++) {
      seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
      deadline[i] = sim_clock + 1000 + (seed >> 40) % 5000;
      CHECK_STATUS(sim_call(SIGNET_CALL_thread_create, ENTRY, SCRATCH, i, 0, 0), SIGNET_OK);
    }
    CHECK_STATUS(sim_call(SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
    for (unsigned i = 0; i < 30; i++)
      CHECK_STATUS(sim_call(SIGNET_CALL_word_wait, SCRATCH + 4 * i, 0, deadline[i], 0, 0), SIM_AWAY);
    CHECK(sim_current() == first && kernel.timer_count == 30);
    CHECK_INVARIANTS();
    /* A third of them are woken before. */
    for (unsigned i = 0; i < 10; i++) {
      seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
      unsigned which = (seed >> 40) % 30;
      CHECK(sim_call(SIGNET_CALL_word_wake, SCRATCH + 4 * which, 1, 0, 0, 0).value == (deadline[which] != 0));
      deadline[which] = 0;
      CHECK_INVARIANTS();
    }
    sim_call(SIGNET_CALL_word_wait, SCRATCH + 400, 0, SIGNET_NEVER, 0, 0);
    for (unsigned left = 30; left; left--) {
      uint64_t earliest = UINT64_MAX;
      for (unsigned i = 0; i < 30; i++)
        if (deadline[i] && deadline[i] < earliest)
          earliest = deadline[i];
      if (!sim_current()) {
        sim_clock = earliest - 1;
        sim_run();
        CHECK(!sim_current());
        sim_clock = earliest;
        sim_run();
      }
      CHECK(sim_current());
      if (!sim_current())
        return;
      unsigned which = (unsigned)sim_current()->argument;
      CHECK(sim_current()->result.status == (deadline[which] ? SIGNET_TIMEOUT : SIGNET_OK) &&
            deadline[which] <= sim_clock);
      deadline[which] = 0;
      sim_call(SIGNET_CALL_thread_exit, left == 1 ? SCRATCH + 400 : 0, 0, 0, 0, 0);
    }
    CHECK(sim_current() == first);
  }
  teardown(&before);
}

static void main_thread_may_leave_first(void) {
  struct alive before = alive_now();
  root = boot("root");
  *word_at(root, SCRATCH) = 9;
  CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 42, 77, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, thread_exit, SCRATCH, 0, 0, 0, 0), SIM_AWAY);
  CHECK(*word_at(root, SCRATCH) == 0);
  CHECK(turn_to(root) && sim_current()->argument == 42 && sim_current()->thread_pointer == 77);
  CHECK_STATUS(CALL(root, process_exit, SIGNET_ENDED_EXIT, 3, 0, 0, 0), SIM_AWAY);
  teardown(&before);
}

/* ---- Turns ---- */

static unsigned turns_beside_a_pair(unsigned steps, bool ticks) {
  struct alive before = alive_now();
  struct kernel_process *server, *client = boot_pair(&server);
  root = boot("third");
  unsigned turns_of_third = 0, replies = 0;
  bool asked = false;
  *word_at(server, SCRATCH) = server->slot[0];
  if (sim_current())
    sim_preempt();
  /* Two that wake each other for ever, within and across ticks, and a third that only computes. */
  for (unsigned step = 0; step < steps; step++) {
    if (!sim_current())
      sim_run();
    if (sim_window() == root->window) {
      turns_of_third++;
      sim_preempt();
      continue;
    }
    if (sim_window() == client->window) {
      message_write(client, 0, TAG_REQUEST, 16, 0, 0);
      sim_call(SIGNET_CALL_channel_call, client->slot[0], SCRATCH, SCRATCH + 512, 200, SIGNET_NEVER);
    } else {
      if (asked || (sim_current()->answered && sim_current()->result.status == SIGNET_OK)) {
        message_write(server, 8, TAG_REPLY, 8, 0, 0);
        sim_current()->answered = false;
        CHECK_STATUS(sim_call(SIGNET_CALL_channel_send, server->slot[0], SCRATCH + 8, 0, 0, 0), SIGNET_OK);
        replies++;
      }
      asked = sim_call(SIGNET_CALL_channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER).status == SIGNET_OK;
    }
    if (ticks && step % 20 == 19 && sim_current())
      sim_preempt();
  }
  CHECK(replies > steps / 4);
  end(client);
  end(server);
  teardown(&before);
  return turns_of_third;
}

static void nobody_starves(void) {
  CHECK(turns_beside_a_pair(3000, true) > 100);
  CHECK(turns_beside_a_pair(50000, false) > 5); /* even where the tick never comes */
}

static void idle_processor_takes_work(void) {
  struct alive before = alive_now();
  root = boot("one");
  struct kernel_process *other = boot("two");
  CHECK(turn_to(root));
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  if (!sim_current()) {
    sim_choose_cpu(0);
    sim_woken = 0;
    sim_preempt();
    CHECK(sim_woken & 2);
    sim_choose_cpu(1);
    sim_run();
  }
  CHECK(sim_current());
  CHECK_INVARIANTS();
  sim_choose_cpu(0);
  CHECK(sim_current());
  kernel_process_stop(root);
  kernel_process_stop(other);
  sim_preempt();
  sim_choose_cpu(1);
  sim_preempt();
  CHECK(!sim_current());
  sim_choose_cpu(0);
  end(other);
  teardown(&before);
}

static void request_write(struct kernel_process *process, const char *text) {
  struct signet_device_request *request = at(process, SCRATCH);
  *request = (struct signet_device_request){.operation = 7,
                                            .buffer_offset = SCRATCH + 512,
                                            .buffer_length = 100,
                                            .text_offset = SCRATCH + 1024,
                                            .text_length = (uint32_t)strlen(text),
                                            .arguments = {1, 2, 3, 4}};
  memcpy(at(process, SCRATCH + 1024), text, strlen(text));
}

static void busy_processors_balance(void) {
  struct alive before = alive_now();
  struct kernel_process *many[6];
  for (unsigned i = 0; i < 6; i++)
    many[i] = boot("one of many");
  for (uint32_t cpu = 0; cpu < 2; cpu++) {
    sim_choose_cpu(cpu);
    if (!sim_current())
      sim_run();
    CHECK(sim_current());
  }
  for (unsigned i = 0; i < 20; i++) {
    sim_choose_cpu(i % 2);
    sim_preempt();
    CHECK_INVARIANTS();
  }
  CHECK(kernel.cpu[0]->waiting && kernel.cpu[1]->waiting);
  for (unsigned i = 0; i < 6; i++)
    kernel_process_stop(many[i]);
  for (uint32_t cpu = 0; cpu < 2; cpu++) {
    sim_choose_cpu(cpu);
    sim_preempt();
    CHECK(!sim_current());
  }
  sim_choose_cpu(0);
  for (unsigned i = 1; i < 6; i++)
    kernel_process_release(many[i]);
  root = many[0];
  teardown(&before);
}

/* A processor that sleeps keeps the deadlines of one that is busy. */
static void deadlines_while_another_computes(void) {
  struct alive before = alive_now();
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  CHECK(!sim_current());
  sim_choose_cpu(0);
  root = boot("root");
  CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  sim_woken = 0;
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 0, sim_clock + 500, 0, 0), SIM_AWAY);
  CHECK(sim_current() && sim_woken & 2);
  sim_choose_cpu(1);
  sim_run();
  sim_choose_cpu(0);
  /* It knows now, and is not told again. */
  sim_woken = 0;
  sim_preempt();
  CHECK(!(sim_woken & 2));
  teardown(&before);
}

/* What waits for a processor that is in the kernel without the lock can be taken by another. */
static struct kernel_process *taken_meanwhile;
static void take_work(int busy) {
  sim_unlocked = NULL;
  CHECK(busy == 0 && sim_woken & 2);
  sim_choose_cpu(1);
  sim_run();
  CHECK(taken_meanwhile->cpu == kernel.cpu[1] && !kernel.cpu[0]->waiting);
}

static void long_stays_share_their_work(void) {
  struct alive before = alive_now();
  struct port_device device = {.ready = true};
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  sim_choose_cpu(0);
  root = boot_unstarted("root", 1, NULL);
  CHECK(!kernel_process_grant_device(root, 0, &device) && !kernel_process_start(root));
  struct kernel_process *waiter, *sender = boot_pair(&waiter);
  *word_at(waiter, SCRATCH) = waiter->slot[0];
  CHECK_STATUS(CALL(waiter, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIM_AWAY);
  CHECK_STATUS(CALL(sender, word_wait, SCRATCH, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  /* Only root is ready. The waiter is woken on root's processor, as by a message that another thread took before it. */
  CHECK(turn_to(root));
  request_write(root, "");
  sim_woken = 0;
  port_lock();
  kernel.here = kernel.cpu[0];
  wait_wake_all(&handle_find_endpoint(waiter, waiter->slot[0])->waiters);
  port_unlock();
  CHECK(!(sim_woken & 2)); /* near: shares root's slice */
  taken_meanwhile = waiter;
  sim_unlocked = take_work;
  CHECK_STATUS(sim_call(SIGNET_CALL_device_request, root->slot[0], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(!sim_unlocked);
  CHECK_INVARIANTS();
  sim_choose_cpu(1);
  CHECK(!sim_current()); /* there was no message for it: it waits again */
  sim_choose_cpu(0);
  end(sender);
  end(waiter);
  teardown(&before);
}

/* ---- What happens while the lock is given up ---- */

static struct kernel_process *victim;
static void stop_victim(int busy) {
  (void)busy;
  sim_unlocked = NULL;
  kernel_process_stop(victim);
  CHECK(victim->state == SIGNET_PROCESS_STOPPING);
}
static void interrupt_victim(int busy) {
  (void)busy;
  sim_unlocked = NULL;
  kernel_process_event(victim, SIGNET_EVENT_INTERRUPT);
}

static void stopped_or_interrupted_inside_a_call(void) {
  struct alive before = alive_now();
  struct port_device device;
  for (unsigned which = 0; which < 3; which++) {
    device = (struct port_device){.ready = true, .answer = {SIGNET_OK, 5}};
    victim = root = boot_unstarted("root", 1, NULL);
    CHECK(!kernel_process_grant_device(root, 0, &device) && !kernel_process_start(root));
    uint32_t image_handle = load_image(root);
    CHECK_STATUS(CALL(root, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
    request_write(root, "");
    /* An event waits until the call is done. */
    sim_unlocked = interrupt_victim;
    CHECK_STATUS(sim_call(SIGNET_CALL_device_request, root->slot[0], SCRATCH, 0, 0, 0), SIM_AWAY);
    CHECK(sim_current()->diverted);
    struct signet_result answer = sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
    CHECK(answer.status == SIGNET_OK && answer.value == 5);
    /* A device that is not ready yet: interrupted. */
    device.ready = false;
    sim_unlocked = interrupt_victim;
    CHECK_STATUS(sim_call(SIGNET_CALL_device_request, root->slot[0], SCRATCH, 0, 0, 0), SIM_AWAY);
    CHECK(sim_current()->diverted && device.forgotten == 1);
    CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_INTERRUPTED);
    /* A stop: nothing of the call remains. */
    uint64_t made = CALL(root, block_allocate, IMAGE_BYTES, 0, 0, 0, 0).value;
    if (which == 2)
      specification_write(root, image_handle, 0, &quota_child);
    sim_unlocked = stop_victim;
    if (which == 0)
      CHECK_STATUS(sim_call(SIGNET_CALL_device_request, root->slot[0], SCRATCH, 0, 0, 0), SIM_AWAY);
    else if (which == 1)
      CHECK_STATUS(sim_call(SIGNET_CALL_image_load, (uint32_t)made, IMAGE_BYTES, 0, 0, 0), SIM_AWAY);
    else
      CHECK_STATUS(sim_call(SIGNET_CALL_process_create, SCRATCH, 0, 0, 0, 0), SIM_AWAY);
    CHECK(!sim_unlocked && root->state == SIGNET_PROCESS_STOPPED && device.closed);
    CHECK_INVARIANTS();
    kernel_process_release(root);
    CHECK(alive_same(&before));
  }
}

/* ---- Events ---- */

static void events(void) {
  struct alive before = alive_now();
  root = boot("root");
  CHECK_STATUS(CALL(root, event_listen, ENTRY + 1, 0, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(root, event_listen, DATA_LOW, 0, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(root, event_return, 0, 0, 0, 0, 0), SIGNET_STATE);
  CHECK_STATUS(CALL(root, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  /* While it waits: the call is interrupted. */
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 0, sim_clock + 1000000, 0, 0), SIM_AWAY);
  kernel_process_event(root, SIGNET_EVENT_INTERRUPT);
  CHECK_INVARIANTS();
  sim_run();
  CHECK(sim_current() && sim_current()->diverted && sim_current()->event == SIGNET_EVENT_INTERRUPT &&
        sim_current()->event_entry == ENTRY);
  CHECK(!kernel.timer_count);
  /* Others that come meanwhile are delivered one after the other. */
  kernel_process_event(root, SIGNET_EVENT_HANGUP);
  kernel_process_event(root, SIGNET_EVENT_TERMINATE);
  kernel_process_event(root, SIGNET_EVENT_TERMINATE);
  CHECK_STATUS(CALL(root, abi_version, 0, 0, 0, 0, 0), SIGNET_OK);
  /* The listener may itself wait. */
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 0, sim_clock + 10, 0, 0), SIM_AWAY);
  sim_clock += 10;
  CHECK_STATUS(taken(root), SIGNET_TIMEOUT);
  CHECK(sim_current()->event == SIGNET_EVENT_INTERRUPT);
  sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
  CHECK(sim_current()->diverted && sim_current()->event == SIGNET_EVENT_HANGUP);
  sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
  CHECK(sim_current()->diverted && sim_current()->event == SIGNET_EVENT_TERMINATE);
  sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
  CHECK(!sim_current()->diverted && sim_current()->result.status == SIGNET_INTERRUPTED);
  CHECK_INVARIANTS();
  /* While it runs: at its next entry, after the call it makes. */
  kernel_process_event(root, SIGNET_EVENT_QUIT);
  sim_preempt();
  CHECK(sim_current() && sim_current()->diverted && sim_current()->event == SIGNET_EVENT_QUIT);
  sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0);
  kernel_process_event(root, SIGNET_EVENT_QUIT);
  CHECK_STATUS(sim_call(SIGNET_CALL_memory_map, root->area_low, 4096, 3, 0, 0), SIM_AWAY);
  CHECK(sim_current()->diverted);
  /* The interrupted call's own result, at last. */
  CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_OK);
  /* Nobody listens: a change of the window's size is nothing, an interrupt is the end. */
  CHECK_STATUS(CALL(root, event_listen, 0, 0, 0, 0, 0), SIGNET_OK);
  kernel_process_event(root, SIGNET_EVENT_WINDOW_SIZE);
  sim_preempt();
  CHECK(turn_to(root));
  kernel_process_event(root, SIGNET_EVENT_INTERRUPT);
  sim_preempt();
  struct signet_ending ending;
  CHECK(kernel_process_ended(root, &ending) && ending.kind == SIGNET_ENDED_SIGNAL && ending.code == 2);
  teardown(&before);
}

static void events_outlive_their_thread(void) {
  struct alive before = alive_now();
  root = boot("root");
  CHECK_STATUS(CALL(root, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(turn_to(root));
  kernel_process_event(root, SIGNET_EVENT_INTERRUPT);
  kernel_process_event(root, SIGNET_EVENT_TERMINATE);
  sim_preempt();
  while (!sim_current()->diverted)
    sim_preempt();
  /* The listener ends its thread: the next event is the next thread's. */
  CHECK_STATUS(sim_call(SIGNET_CALL_thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK(sim_current() && sim_current()->diverted && sim_current()->event == SIGNET_EVENT_TERMINATE);
  CHECK_INVARIANTS();
  teardown(&before);
}

/* A parent's events: to its running children alone, with and without a listener, waiting, ready or on a processor. */
static void events_from_the_parent(void) {
  struct alive before = alive_now();
  struct signet_ending *ending;
  root = boot("root");
  uint32_t image_handle = load_image(root);
  uint32_t handle = create_child(root, image_handle, 0, &quota_child);
  struct kernel_process *child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_STATE);
  CHECK(child->state == SIGNET_PROCESS_UNSTARTED);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  /* No process has a handle of its own, and a child has none of its parent. */
  CHECK_STATUS(CALL(child, process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(child, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  /* While it waits: its call is interrupted. */
  CHECK_STATUS(CALL(child, word_wait, SCRATCH, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_QUIT, 0, 0, 0), SIGNET_OK);
  CHECK(!root->events && !root->attention && child->handling);
  CHECK_INVARIANTS();
  CHECK(turn_to(child) && sim_current()->diverted && sim_current()->event == SIGNET_EVENT_QUIT);
  /* A second one, while the first is handled, comes after it. */
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_HANGUP, 0, 0, 0), SIGNET_OK);
  CHECK(turn_to(child) && sim_current()->event == SIGNET_EVENT_QUIT);
  CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK(sim_current()->diverted && sim_current()->event == SIGNET_EVENT_HANGUP);
  CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_INTERRUPTED);
  /* On another processor: at its next entry. */
  CHECK(turn_to(root));
  sim_choose_cpu(1);
  sim_run();
  CHECK(child->run == RUN_ACTIVE && root->run == RUN_ACTIVE);
  sim_choose_cpu(0);
  CHECK_STATUS(sim_call(SIGNET_CALL_process_event, handle, SIGNET_EVENT_TERMINATE, 0, 0, 0), SIGNET_OK);
  CHECK(child->events && child->attention && !child->handling);
  CHECK_INVARIANTS();
  sim_choose_cpu(1);
  CHECK_STATUS(sim_call(SIGNET_CALL_memory_map, child->area_low, 4096, 3, 0, 0), SIM_AWAY);
  CHECK(sim_current() && sim_current()->diverted && sim_current()->event == SIGNET_EVENT_TERMINATE);
  CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(sim_call(SIGNET_CALL_event_listen, 0, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(sim_call(SIGNET_CALL_word_wait, SCRATCH, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  sim_choose_cpu(0);
  /* Nobody listens. */
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_WINDOW_SIZE, 0, 0, 0), SIGNET_OK);
  CHECK(child->state == SIGNET_PROCESS_RUNNING);
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_OK);
  CHECK(child->state == SIGNET_PROCESS_STOPPED);
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_STATE);
  CHECK_STATUS(CALL(root, process_wait, handle, SCRATCH, SIGNET_NEVER, 0, 0), SIGNET_OK);
  ending = at(root, SCRATCH);
  CHECK(ending->kind == SIGNET_ENDED_SIGNAL && ending->code == SIGNET_EVENT_INTERRUPT);
  CHECK_STATUS(CALL(root, process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_HANDLE);
  /* One that is being stopped, but is still on a processor. */
  handle = create_child(root, image_handle, 0, &quota_child);
  child = child_of(root, handle);
  CHECK_STATUS(CALL(root, process_start, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(turn_to(child) && turn_to(root));
  sim_choose_cpu(1);
  sim_run();
  sim_choose_cpu(0);
  CHECK_STATUS(sim_call(SIGNET_CALL_process_stop, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(child->state == SIGNET_PROCESS_STOPPING);
  CHECK_STATUS(sim_call(SIGNET_CALL_process_event, handle, SIGNET_EVENT_INTERRUPT, 0, 0, 0), SIGNET_STATE);
  CHECK(!child->events);
  sim_choose_cpu(1);
  sim_preempt();
  sim_choose_cpu(0);
  CHECK(child->state == SIGNET_PROCESS_STOPPED);
  teardown(&before);
}

/* ---- Devices ---- */

static void devices(void) {
  struct alive before = alive_now();
  struct port_device device = {.ready = true, .answer = {SIGNET_OK, 99}};
  root = boot_unstarted("root", 1, NULL);
  CHECK(kernel_process_grant_device(root, 1, &device) == SIGNET_ARGUMENT);
  CHECK(kernel_process_grant_device(root, 0, &device) == SIGNET_OK);
  CHECK(kernel_process_grant_device(root, 0, &device) == SIGNET_STATE);
  CHECK(!kernel_process_start(root));
  uint32_t handle = root->slot[0];
  request_write(root, "a/name");
  struct signet_result answer = CALL(root, device_request, handle, SCRATCH, 0, 0, 0);
  CHECK(answer.status == SIGNET_OK && answer.value == 99 && device.last.operation == 7);
  CHECK(device.last.arguments[3] == 4 && !strcmp(device.text[0], "a/name") && !device.text[1][0]);
  /* Text with a NUL inside, too long, from nowhere; a buffer past the end. */
  request_write(root, "a");
  struct signet_device_request *request = at(root, SCRATCH), good = *request;
  unsigned requests = device.requests;
  request->text_length = 5;
  memcpy(at(root, SCRATCH + 1024), "a\0bcd", 5);
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ARGUMENT);
  *request = good, request->text_length = TEXT_MOST + 1;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ARGUMENT);
  *request = good, request->text_offset = 0;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ADDRESS);
  *request = good, request->text2_offset = UINT32_MAX, request->text2_length = 2;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ADDRESS);
  *request = good, request->buffer_offset = UINT32_MAX;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ADDRESS);
  *request = good, request->reserved = 1;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK(device.requests == requests);
  *request = good;
  /* It waits, and is asked again when the device is ready. */
  device.ready = false;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIM_AWAY);
  CHECK_INVARIANTS();
  sim_device_ready(&device);
  port_lock();
  kernel_device_ready((void *)12345); /* an answer that comes too late finds nothing */
  port_unlock();
  CHECK_STATUS(taken(root), SIGNET_OK);
  CHECK(device.requests == requests + 2);
  /* Ready between the refusal and the wait. */
  device.ready = false, device.ready_early = true;
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIGNET_OK);
  /* An event interrupts the wait; the device forgets it. */
  device.ready = false;
  CHECK_STATUS(CALL(root, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIM_AWAY);
  kernel_process_event(root, SIGNET_EVENT_INTERRUPT);
  CHECK(device.forgotten == 1);
  CHECK(turn_to(root));
  CHECK_STATUS(sim_call(SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_INTERRUPTED);
  /* Another thread closes it. */
  CHECK_STATUS(CALL(root, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(root, device_request, handle, SCRATCH, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(CALL(root, handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(device.forgotten == 2 && device.closed);
  CHECK_STATUS(CALL(root, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(root), SIGNET_HANDLE);
  teardown(&before);
  /* It is stopped while it waits. */
  device = (struct port_device){.ready = false};
  root = boot_unstarted("root", 1, NULL);
  CHECK(kernel_process_grant_device(root, 0, &device) == SIGNET_OK && !kernel_process_start(root));
  request_write(root, "");
  CHECK_STATUS(CALL(root, device_request, root->slot[0], SCRATCH, 0, 0, 0), SIM_AWAY);
  kernel_process_stop(root);
  CHECK(device.forgotten == 1 && device.closed);
  teardown(&before);
}

static void processor_time(void) {
  struct alive before = alive_now();
  root = boot("root");
  CHECK(turn_to(root));
  uint64_t start = CALL(root, clock_read, SIGNET_CLOCK_PROCESS, 0, 0, 0, 0).value;
  sim_clock += 1000;
  CHECK(CALL(root, clock_read, SIGNET_CLOCK_PROCESS, 0, 0, 0, 0).value == start + 1000);
  CHECK_STATUS(CALL(root, word_wait, SCRATCH, 0, sim_clock + 50000, 0, 0), SIM_AWAY);
  sim_clock += 50000;
  CHECK_STATUS(taken(root), SIGNET_TIMEOUT);
  CHECK(CALL(root, clock_read, SIGNET_CLOCK_PROCESS, 0, 0, 0, 0).value == start + 1000);
  CHECK(CALL(root, clock_read, SIGNET_CLOCK_MONOTONIC, 0, 0, 0, 0).value == sim_clock);
  CHECK_STATUS(CALL(root, clock_read, 4, 0, 0, 0, 0), SIGNET_ARGUMENT);
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(child_starts_with_what_it_was_given);
  TEST(exit_and_wait);
  TEST(fault_ends_the_process_alone);
  TEST(stop_takes_children_first);
  TEST(parent_ends_with_its_tree);
  TEST(stop_of_one_that_runs_elsewhere);
  TEST(waits_at_few_and_many);
  TEST(quotas_are_reached_and_survived);
  TEST(images_are_bounded_by_processes);
  TEST(child_limit);
  TEST(all_that_is_left);
  TEST(specifications_to_the_edge);
  TEST(grants_to_the_edge);
  TEST(start_up_bytes_of_the_host);
  TEST(quota_follows_messages_of_the_dead);
  TEST(connecting);
  TEST(words);
  TEST(timers);
  TEST(main_thread_may_leave_first);
  TEST(nobody_starves);
  TEST(idle_processor_takes_work);
  TEST(busy_processors_balance);
  TEST(deadlines_while_another_computes);
  TEST(long_stays_share_their_work);
  TEST(stopped_or_interrupted_inside_a_call);
  TEST(events);
  TEST(events_outlive_their_thread);
  TEST(events_from_the_parent);
  TEST(devices);
  TEST(processor_time);
  return test_finish();
}
