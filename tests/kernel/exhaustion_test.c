/* Out of memory at every place where memory is asked for: an error, nothing broken, nothing leaked, and all usable
 * afterwards. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define TRY(condition)                                                                                                 \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      return false;                                                                                                    \
  } while (0)

static struct kernel_process *first, *second;

static bool good(struct signet_result result) { return result.status == SIGNET_OK; }

static void cleanup(void) {
  end(first);
  end(second);
  first = second = NULL;
}

/* Each scenario returns true when all of it succeeded, false at the first error. */

static bool channels_and_blocks(void) {
  TRY(first = boot_pair(&second));
  uint32_t to_server = first->slot[0], to_client = second->slot[0];
  *word_at(second, SCRATCH) = to_client;
  struct signet_result made = CALL(first, block_allocate, 20000, 0, 0, 0, 0);
  TRY(good(made));
  message_write(first, 0, TAG_BLOCK, 8, (uint32_t)made.value, 0);
  TRY(good(CALL(first, channel_send, to_server, SCRATCH, 0, 0, 0)));
  struct contract_file contract = contract_make();
  contract.header.data_most = 8192;
  contract.header.slots_to_client = 9;
  memcpy(at(first, SCRATCH + 2048), &contract, sizeof contract);
  struct signet_result ends = CALL(first, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0);
  TRY(good(ends));
  made = CALL(first, block_allocate, 1, 0, 0, 0, 0);
  TRY(good(made));
  message_write(first, 0, TAG_SERVER, 0, (uint32_t)(ends.value >> 32), (uint32_t)made.value);
  TRY(good(CALL(first, channel_send, to_server, SCRATCH, 0, 0, 0)));
  TRY(good(CALL(second, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0)));
  TRY(good(CALL(second, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0)));
  /* Enough handles for the table to grow, twice. */
  for (unsigned i = 0; i < 40; i++)
    TRY(good(CALL(second, block_allocate, 1, 0, 0, 0, 0)));
  return true;
}

static bool many_endpoints(void) {
  TRY(first = boot("first"));
  struct contract_file contract = contract_make();
  for (unsigned i = 0; i < 10; i++) {
    memcpy(at(first, SCRATCH + 2048), &contract, sizeof contract);
    struct signet_result ends = CALL(first, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0);
    TRY(good(ends));
    word_at(first, SCRATCH)[i] = (uint32_t)(ends.value >> 32);
  }
  struct signet_result outcome = CALL(first, channel_receive, SCRATCH, 10, SCRATCH + 512, 200, sim_clock + 5);
  TRY(outcome.status == SIM_AWAY && outcome.value == 0);
  sim_clock += 5;
  return taken(first).status == SIGNET_TIMEOUT;
}

static bool memory_and_threads(void) {
  TRY(first = boot("first"));
  uint64_t area = first->area_low;
  for (unsigned i = 0; i < 20; i++)
    TRY(good(CALL(first, memory_map, area + i * 0x3000, 0x2000, 3, 0, 0)));
  TRY(good(CALL(first, memory_map, area + 0x1000000, 0x4000, 0, 0, 0)));
  TRY(good(CALL(first, memory_protect, area + 0x1001000, 0x1000, 3, 0, 0)));
  TRY(good(CALL(first, memory_unmap, area + 0x1001000, 0x1000, 0, 0, 0)));
  TRY(good(CALL(first, memory_protect, area + 0x1000, 0x1000, 1, 0, 0)));
  TRY(good(CALL(first, memory_map, area, 0x40000, 1, 0, 0)));
  for (unsigned i = 0; i < 20; i++)
    TRY(good(CALL(first, thread_create, ENTRY, SCRATCH, 0, 0, 0)));
  return true;
}

/* Closing memory in the middle of closed memory may fail there, and leave a hole: it needs room for one. */
static bool memory_closed_in_closed(void) {
  for (unsigned limit = 1; limit <= 2; limit++) {
    struct signet_quota quota = quota_plenty;
    quota.regions = limit;
    TRY(first = boot_unstarted("first", 0, &quota));
    TRY(!kernel_process_start(first));
    TRY(good(CALL(first, memory_map, first->area_low, 0x5000, 0, 0, 0)));
    struct signet_result outcome = CALL(first, memory_map, first->area_low + 0x2000, 0x1000, 0, 0, 0);
    TRY(outcome.status == (limit == 1 ? SIGNET_QUOTA : SIGNET_OK));
    if (limit == 1)
      cleanup();
  }
  return true;
}

static bool child_from_block(void) {
  TRY(first = boot("first"));
  struct image_file *file = image_file_make();
  struct signet_result made = CALL(first, block_allocate, sizeof *file, 0, 0, 0, 0);
  if (good(made)) {
    file->padding[0] = 1; /* not the one that is loaded already */
    memcpy(at(first, made.value >> 32), file, sizeof *file);
  }
  free(file);
  TRY(good(made));
  struct signet_result loaded = CALL(first, image_load, (uint32_t)made.value, IMAGE_BYTES, 0, 0, 0);
  TRY(good(loaded));
  struct signet_process_specification *specification = at(first, SCRATCH);
  *specification = (struct signet_process_specification){
      .image = (uint32_t)loaded.value,
      .slots = 1,
      .startup_offset = SCRATCH + 0x1000,
      .startup_length = 5000,
      .quota = {.memory = 8 << 20, .threads = 4, .handles = 16, .regions = 8, .processes = 3},
      .name = "child"};
  struct signet_result child = CALL(first, process_create, SCRATCH, 0, 0, 0, 0);
  TRY(good(child));
  made = CALL(first, block_allocate, 4096, 0, 0, 0, 0);
  TRY(good(made));
  TRY(good(CALL(first, process_grant, child.value, 0, (uint32_t)made.value, 0, 0)));
  if (!good(CALL(first, process_start, child.value, 0, 0, 0, 0))) {
    /* What the first try mapped the second finds mapped. */
    struct kernel_process *second_try = child_of(first, (uint32_t)child.value);
    CHECK_STATUS(CALL(first, process_start, child.value, 0, 0, 0, 0), SIGNET_OK);
    struct object *block = handle_find_kind(second_try, second_try->slot[0], SIGNET_KIND_BLOCK);
    CHECK(block && CONTAINER(block, struct block, object)->offset == SIGNET_BLOCKS_LOW);
    return false;
  }
  struct signet_result waited = CALL(first, process_wait, child.value, SCRATCH, SIGNET_NEVER, 0, 0);
  TRY(waited.status == SIM_AWAY);
  CALL(CONTAINER(handle_find(first, child.value), struct kernel_process, object), process_exit, SIGNET_ENDED_EXIT, 1, 0,
       0, 0);
  return good(taken(first));
}

static bool host_image(void) {
  struct kernel_refusal refusal;
  struct kernel_image *loaded;
  struct image_file *file = image_file_make();
  file->padding[0] = 2;
  enum signet_status status = kernel_image_load(file, sizeof *file, &loaded, &refusal);
  free(file);
  TRY(!status);
  kernel_image_release(loaded);
  return true;
}

/* A contract of pages of its own: no free place of another is left for it. */
static bool large_contract(void) {
  enum { MESSAGES = 255, STATES = 4 };
  const size_t length = sizeof(struct signet_contract) + MESSAGES * (sizeof(struct signet_contract_message) + STATES);
  TRY(first = boot("first"));
  struct signet_contract *contract = at(first, SCRATCH);
  memset(contract, 0, length);
  *contract = (struct signet_contract){
      .version = 1, .messages = MESSAGES, .states = STATES, .slots_to_server = 1, .slots_to_client = 1};
  return good(CALL(first, channel_create, SCRATCH, length, 0, 0, 0));
}

static void exhaust(bool (*scenario)(void)) {
  struct alive before = alive_now();
  unsigned n = 1, failures = 0;
  for (;; n++) {
    struct alive now = alive_now(); /* no free slabs left: what follows asks for memory itself */
    (void)now;
    sim_fail_at(n);
    bool succeeded = scenario();
    bool failed = sim_failed();
    sim_fail_at(0);
    CHECK(succeeded != failed);
    failures += failed;
    CHECK_INVARIANTS();
    cleanup();
    CHECK_INVARIANTS();
    CHECK(alive_same(&before));
    if (!failed || !test_good)
      break;
    CHECK(scenario());
    cleanup();
  }
  printf("# %u places\n", failures);
  CHECK(failures >= 2);
}

/* The one thread more for which the deadlines need more room: each thing that it asks for fails once. */
static void room_for_deadlines(void) {
  struct alive before = alive_now();
  struct signet_quota quota = quota_plenty;
  quota.threads = 2 * kernel.timer_capacity;
  first = boot_unstarted("first", 0, &quota);
  CHECK(first && !kernel_process_start(first));
  while (test_good && kernel.threads + 2 <= kernel.timer_capacity)
    CHECK(good(CALL(first, thread_create, ENTRY, SCRATCH, 0, 0, 0)));
  uint32_t capacity = kernel.timer_capacity;
  for (unsigned n = 1; test_good && kernel.timer_capacity == capacity; n++) {
    sim_fail_at(n);
    bool succeeded = good(CALL(first, thread_create, ENTRY, SCRATCH, 0, 0, 0));
    CHECK(succeeded != sim_failed());
    sim_fail_at(0);
    CHECK_INVARIANTS();
  }
  cleanup();
  CHECK(alive_same(&before));
}

#define EXHAUST(scenario)                                                                                              \
  do {                                                                                                                 \
    test_begin("out of memory: " #scenario);                                                                           \
    exhaust(scenario);                                                                                                 \
    test_end();                                                                                                        \
  } while (0)

int main(void) {
  support_initialise();
  EXHAUST(channels_and_blocks);
  EXHAUST(many_endpoints);
  EXHAUST(memory_and_threads);
  EXHAUST(memory_closed_in_closed);
  EXHAUST(child_from_block);
  EXHAUST(host_image);
  EXHAUST(large_contract);
  TEST(room_for_deadlines);
  return test_finish();
}
