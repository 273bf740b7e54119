/* Every call with every argument out of its range: an error, and nothing has changed. */
#include "support.h"

static struct kernel_process *process;
static uint32_t endpoint, peer, block, image_handle, child, device_handle, set;
static struct port_device device = {.ready = true};

/* What a call may be given as an offset, a length, a handle or a number, and may not survive. */
static const uint64_t nonsense[] = {
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    31,
    0x1000,
    0xfff8,
    0x10000,
    0x10ff8,
    0x11000,
    0x11ffc,
    0x12000,
    CODE_LOW,
    ENTRY,
    ENTRY + 1,
    DATA_LOW,
    SCRATCH,
    SCRATCH + 1,
    SCRATCH + 4,
    SCRATCH + 8,
    0x60ff8,
    0x61000,
    0x7fffffff,
    0x80000000,
    0xbffff000,
    0xc0000000,
    0xfffeffff,
    0xfffefff8,
    0xffff0000,
    0xfffffff8,
    0xfffffffc,
    0xffffffff,
    UINT64_C(0x100000000),
    UINT64_C(0x100000001),
    UINT64_C(0x100024000),
    INT64_MAX,
    UINT64_C(0x8000000000000000),
    UINT64_MAX - 4095,
    UINT64_MAX - 7,
    UINT64_MAX - 1,
    UINT64_MAX,
};
#define NONSENSE (sizeof nonsense / sizeof nonsense[0])

static void setup(void) {
  process = boot_unstarted("victim", 1, NULL);
  device = (struct port_device){.ready = true};
  if (!process || kernel_process_grant_device(process, 0, &device) || kernel_process_start(process))
    abort();
  device_handle = process->slot[0];
  struct contract_file contract = contract_make();
  memcpy(at(process, SCRATCH), &contract, sizeof contract);
  uint64_t ends = in(process, SIGNET_CALL_channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  endpoint = (uint32_t)ends, peer = (uint32_t)(ends >> 32);
  struct image_file *file = image_file_make();
  uint64_t made = in(process, SIGNET_CALL_block_allocate, sizeof *file, 0, 0, 0, 0).value;
  memcpy(at(process, made >> 32), file, sizeof *file);
  free(file);
  image_handle = (uint32_t)in(process, SIGNET_CALL_image_load, (uint32_t)made, IMAGE_BYTES, 0, 0, 0).value;
  block = (uint32_t)in(process, SIGNET_CALL_block_allocate, 4096, 0, 0, 0, 0).value;
  struct signet_process_specification *specification = at(process, SCRATCH);
  *specification =
      (struct signet_process_specification){.image = image_handle,
                                            .slots = 1,
                                            .quota = {.memory = 1 << 20, .threads = 1, .handles = 2, .regions = 1},
                                            .name = "child"};
  child = (uint32_t)in(process, SIGNET_CALL_process_create, SCRATCH, 0, 0, 0, 0).value;
  memset(at(process, SCRATCH), 0, sizeof *specification);
  set = (uint32_t)in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
  in(process, SIGNET_CALL_set_insert, set, peer, 7, 0, 0);
  if (!endpoint || !image_handle || !block || !child || !device_handle || !set ||
      !handle_find_endpoint(process, peer)->set)
    abort();
}

/* Calls that must be refused, one wrong argument each, the rest being right. */
static void table_of_refusals(void) {
  struct alive before = alive_now();
  setup();
  uint64_t area = process->area_low, never = SIGNET_NEVER;
  const struct {
    uint32_t number;
    uint64_t arguments[5];
    int64_t status;
  } refusals[] = {
      {SIGNET_CALL_process_exit, {0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_exit, {SIGNET_ENDED_FAULT, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_exit, {SIGNET_ENDED_STOPPED, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_exit, {UINT64_C(0x100000001), 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_exit, {SIGNET_ENDED_EXIT, 256}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {ENTRY + 1, SCRATCH, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {CODE_LOW - 32, SCRATCH, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {CODE_LOW + CODE_LENGTH, SCRATCH, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {ENTRY | UINT64_C(1) << 32, SCRATCH, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {ENTRY, SCRATCH + 8, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_create, {ENTRY, 0, 0, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_create, {ENTRY, SCRATCH | UINT64_C(1) << 32, 0, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_exit, {1}, SIGNET_ARGUMENT},
      {SIGNET_CALL_thread_exit, {4}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_exit, {CODE_LOW}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_exit, {SIGNET_ENTRY_TABLE}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_exit, {WINDOW_BYTES}, SIGNET_ADDRESS},
      {SIGNET_CALL_thread_exit, {WINDOW_BYTES + SCRATCH}, SIGNET_ADDRESS},
      {SIGNET_CALL_word_wait, {SCRATCH + 2, 0, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_word_wait, {SCRATCH, UINT64_C(0x100000000), 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_word_wait, {0, 0, never}, SIGNET_ADDRESS},
      {SIGNET_CALL_word_wait, {WINDOW_BYTES, 0, never}, SIGNET_ADDRESS},
      {SIGNET_CALL_word_wait, {WINDOW_BYTES + SCRATCH, 0, never}, SIGNET_ADDRESS},
      {SIGNET_CALL_word_wait, {SCRATCH, UINT32_MAX, never}, SIGNET_AGAIN},
      {SIGNET_CALL_word_wake, {SCRATCH + 2, 1}, SIGNET_ARGUMENT},
      {SIGNET_CALL_word_wake, {SCRATCH, UINT64_C(0x100000000)}, SIGNET_ARGUMENT},
      {SIGNET_CALL_word_wake, {WINDOW_BYTES, 1}, SIGNET_ADDRESS},
      {SIGNET_CALL_word_wake, {WINDOW_BYTES - 4, UINT32_MAX}, SIGNET_OK},
      {SIGNET_CALL_memory_map, {area + 1, 4096, 3}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4095, 3}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 0, 3}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4096, 2}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4096, 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4096, 5}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4096, 7}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area, 4096, UINT64_C(0x100000003)}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_map, {area - 4096, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {CODE_LOW, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {SIGNET_ENTRY_TABLE, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {SIGNET_BLOCKS_LOW, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {SIGNET_BLOCKS_LOW - 4096, 8192, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {area, UINT64_MAX - 4095, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {UINT64_MAX - 4095, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_map, {UINT64_MAX - 4095, 8192, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_unmap, {process->stack_low, 4096}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_unmap, {0, SIGNET_BLOCKS_LOW}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_unmap, {area, 1}, SIGNET_ARGUMENT},
      {SIGNET_CALL_memory_unmap, {area, WINDOW_BYTES}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_protect, {area, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_protect, {CODE_LOW, 4096, 3}, SIGNET_ADDRESS},
      {SIGNET_CALL_memory_protect, {area, 4096, 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_clock_read, {4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_clock_read, {UINT64_MAX}, SIGNET_ARGUMENT},
      {SIGNET_CALL_random_fill, {SCRATCH, (1 << 16) + 1}, SIGNET_ARGUMENT},
      {SIGNET_CALL_random_fill, {CODE_LOW, 1}, SIGNET_ADDRESS},
      {SIGNET_CALL_random_fill, {UINT64_MAX, 1}, SIGNET_ADDRESS},
      {SIGNET_CALL_random_fill, {0xffffffff, 2}, SIGNET_ADDRESS},
      {SIGNET_CALL_random_fill, {UINT64_C(1) << 32, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_floating_point_control, {0x1f80 | 1, 0x37f}, SIGNET_ARGUMENT},
      {SIGNET_CALL_floating_point_control, {0x10000, 0x37f}, SIGNET_ARGUMENT},
      {SIGNET_CALL_floating_point_control, {0x1f80, 0x1037f}, SIGNET_ARGUMENT},
      {SIGNET_CALL_floating_point_control, {0x1f80, 0x80}, SIGNET_ARGUMENT},
      {SIGNET_CALL_event_listen, {ENTRY + 16}, SIGNET_ARGUMENT},
      {SIGNET_CALL_event_listen, {SCRATCH}, SIGNET_ARGUMENT},
      {SIGNET_CALL_event_return, {0}, SIGNET_STATE},
      {SIGNET_CALL_channel_create, {SCRATCH, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_create, {SCRATCH, UINT64_MAX}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_create, {SCRATCH + 4, sizeof(struct contract_file)}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_create, {0, sizeof(struct contract_file)}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_create, {WINDOW_BYTES - 8, sizeof(struct contract_file)}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_create, {SCRATCH, sizeof(struct contract_file)}, SIGNET_CONTRACT},
      {SIGNET_CALL_channel_send, {block, SCRATCH}, SIGNET_HANDLE},
      {SIGNET_CALL_channel_send, {0, SCRATCH}, SIGNET_HANDLE},
      {SIGNET_CALL_channel_send, {endpoint, SCRATCH + 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_send, {endpoint, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_send, {endpoint, WINDOW_BYTES - 8}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_send, {endpoint, WINDOW_BYTES + SCRATCH}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_receive, {SCRATCH, 0, SCRATCH + 8, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_receive, {SCRATCH, 65, SCRATCH + 8, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_receive, {SCRATCH, UINT64_MAX, SCRATCH + 8, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_receive, {SCRATCH + 2, 1, SCRATCH + 8, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_receive, {SCRATCH, 1, SCRATCH + 4, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_receive, {SCRATCH, 1, SCRATCH, UINT64_MAX, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_receive, {SCRATCH, 1, WINDOW_BYTES - 8, 8, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_receive, {0, 1, SCRATCH, 100, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_receive, {SCRATCH, 1, SCRATCH + 8, 100, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_channel_call, {block, SCRATCH, SCRATCH + 512, 100, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_channel_call, {endpoint, SCRATCH + 4, SCRATCH + 512, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_call, {endpoint, SCRATCH, SCRATCH + 4, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_channel_call, {endpoint, SCRATCH, SCRATCH, UINT64_MAX, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_channel_call, {endpoint, 0, SCRATCH, 100, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_handle_close, {0}, SIGNET_HANDLE},
      {SIGNET_CALL_handle_close, {UINT64_MAX}, SIGNET_HANDLE},
      {SIGNET_CALL_handle_query, {0, SCRATCH}, SIGNET_HANDLE},
      {SIGNET_CALL_handle_query, {endpoint, SCRATCH + 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_handle_query, {endpoint, CODE_LOW}, SIGNET_ADDRESS},
      {SIGNET_CALL_handle_query, {endpoint, UINT64_MAX - 7}, SIGNET_ADDRESS},
      {SIGNET_CALL_block_allocate, {0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_block_allocate, {UINT64_MAX}, SIGNET_ARGUMENT},
      {SIGNET_CALL_block_allocate, {0x3fff0001}, SIGNET_ARGUMENT},
      {SIGNET_CALL_block_allocate, {0x3fff0000}, SIGNET_QUOTA},
      {SIGNET_CALL_image_load, {endpoint, 10}, SIGNET_HANDLE},
      {SIGNET_CALL_image_load, {block, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_image_load, {block, 4097}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_create, {SCRATCH + 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_create, {0}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_create, {SCRATCH}, SIGNET_HANDLE},
      {SIGNET_CALL_process_create, {SCRATCH + 8}, SIGNET_HANDLE},
      {SIGNET_CALL_process_create, {WINDOW_BYTES + SCRATCH}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_grant, {block, 0, block}, SIGNET_HANDLE},
      {SIGNET_CALL_process_grant, {child, 1, block}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_grant, {child, UINT64_MAX, block}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_grant, {child, 0, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_process_grant, {child, 0, child}, SIGNET_HANDLE},
      {SIGNET_CALL_process_start, {block}, SIGNET_HANDLE},
      {SIGNET_CALL_process_start, {child}, SIGNET_STATE},
      {SIGNET_CALL_process_stop, {block}, SIGNET_HANDLE},
      {SIGNET_CALL_process_wait, {block, SCRATCH, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_process_wait, {child, SCRATCH + 4, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_wait, {child, UINT64_MAX - 7, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_wait, {child, WINDOW_BYTES + SCRATCH, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_wait, {child, SCRATCH + 8, 0}, SIGNET_TIMEOUT},
      {SIGNET_CALL_device_request, {block, SCRATCH}, SIGNET_HANDLE},
      {SIGNET_CALL_device_request, {device_handle, SCRATCH + 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_device_request, {device_handle, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_usage, {SCRATCH + 4}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_usage, {CODE_LOW}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_usage, {WINDOW_BYTES + SCRATCH}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_usage, {SCRATCH + 8}, SIGNET_OK},
      {SIGNET_CALL_process_event, {block, SIGNET_EVENT_INTERRUPT}, SIGNET_HANDLE},
      {SIGNET_CALL_process_event, {0, SIGNET_EVENT_INTERRUPT}, SIGNET_HANDLE},
      {SIGNET_CALL_process_event, {child | UINT64_C(1) << 32, SIGNET_EVENT_INTERRUPT}, SIGNET_HANDLE},
      {SIGNET_CALL_process_event, {child, SIGNET_EVENT_INTERRUPT}, SIGNET_STATE},
      {SIGNET_CALL_process_event, {child, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_event, {child, 9}, SIGNET_ARGUMENT}, /* a kill is no event */
      {SIGNET_CALL_process_event, {child, 31}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_event, {child, 32}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_event, {child, 32 + SIGNET_EVENT_INTERRUPT}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_event, {child, UINT64_C(1) << 32 | SIGNET_EVENT_INTERRUPT}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_grant, {child, 0, set}, SIGNET_HANDLE}, /* a set stays with who made it */
      {SIGNET_CALL_set_insert, {0, endpoint, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {endpoint, endpoint, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {set | UINT64_C(1) << 32, endpoint, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {set, 0, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {set, set, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {set, block, 1}, SIGNET_HANDLE},
      {SIGNET_CALL_set_insert, {set, peer, 1}, SIGNET_STATE},
      {SIGNET_CALL_set_receive, {block, SCRATCH, 100, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_set_receive, {set | UINT64_C(1) << 32, SCRATCH, 100, 0}, SIGNET_HANDLE},
      {SIGNET_CALL_set_receive, {set, SCRATCH + 4, 100, 0}, SIGNET_ARGUMENT},
      {SIGNET_CALL_set_receive, {set, SCRATCH, UINT64_MAX, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_set_receive, {set, WINDOW_BYTES - 8, 8, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_set_receive, {set, WINDOW_BYTES + SCRATCH, 100, 0}, SIGNET_ADDRESS},
      {SIGNET_CALL_set_receive, {set, SCRATCH, 100, 0}, SIGNET_TIMEOUT},
      {SIGNET_CALL_process_observe, {0, 0, SCRATCH, 4096}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_observe, {SIGNET_OBSERVE_CHANNELS, 0, SCRATCH, 79}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_observe, {SIGNET_OBSERVE_PROCESSES, 0, SCRATCH + 4, 4096}, SIGNET_ARGUMENT},
      {SIGNET_CALL_process_observe, {SIGNET_OBSERVE_PROCESSES, 0, CODE_LOW, 4096}, SIGNET_ADDRESS},
      {SIGNET_CALL_process_observe, {SIGNET_OBSERVE_PROCESSES, 0, WINDOW_BYTES - 8, 4096}, SIGNET_ADDRESS},
      {SIGNET_CALL_COUNT, {0}, SIGNET_UNSUPPORTED},
      {UINT32_MAX, {0}, SIGNET_UNSUPPORTED},
  };
  bool covered[SIGNET_CALL_COUNT] = {false};
  for (unsigned i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    const uint64_t *a = refusals[i].arguments;
    struct signet_quota used = process->used;
    memset(at(process, SCRATCH), 0, 1024);
    struct signet_result got = in(process, refusals[i].number, a[0], a[1], a[2], a[3], a[4]);
    if (got.status != refusals[i].status || memcmp(&used, &process->used, sizeof used)) {
      test_good = false;
      printf("# refusal %u: call %u is %lld, not %lld\n", i, refusals[i].number, (long long)got.status,
             (long long)refusals[i].status);
    }
    if (refusals[i].number < SIGNET_CALL_COUNT)
      covered[refusals[i].number] = true;
  }
  /* Three calls have nothing that could be wrong. */
  covered[SIGNET_CALL_abi_version] = covered[SIGNET_CALL_thread_yield] = covered[SIGNET_CALL_set_create] = true;
  for (unsigned i = 0; i < SIGNET_CALL_COUNT; i++)
    CHECK(covered[i]);
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(&before));
}

/* Each call with each pair of nonsense in its first three arguments: whatever it says, all still holds. */
static void nonsense_everywhere(void) {
  struct alive before = alive_now();
  uint64_t made = 0;
  setup();
  for (uint32_t number = 0; number < SIGNET_CALL_COUNT; number++) {
    if (number == SIGNET_CALL_process_exit || number == SIGNET_CALL_thread_exit)
      continue; /* may rightly end it */
    for (unsigned i = 0; i < NONSENSE * NONSENSE; i++) {
      const uint64_t handles[] = {endpoint, block, image_handle, child, device_handle, peer, set};
      uint64_t a = nonsense[i / NONSENSE], b = nonsense[i % NONSENSE], c = nonsense[(i * 7) % NONSENSE];
      if (number >= SIGNET_CALL_channel_send && i % 3 == 0)
        a = handles[i / 3 % 7];
      if (number == SIGNET_CALL_handle_close || number == SIGNET_CALL_image_load)
        a = nonsense[i / NONSENSE];
      struct signet_result got = in(process, number, a, b, c, nonsense[(i * 11) % NONSENSE], 0);
      made++;
      if (got.status == SIM_AWAY && (!sim_current() || process->run != RUN_ACTIVE)) {
        /* A wait that nonsense made possible: end it. */
        sim_clock += UINT64_C(1) << 40;
        if (!turn_to(process)) {
          end(process);
          setup();
        }
      }
      CHECK(got.status >= 0 ? got.status <= SIGNET_CAPACITY : got.status == SIM_AWAY);
      if (process->threads.next != process->threads.previous || process->used.handles > 100) {
        end(process); /* threads and handles that it made for itself */
        setup();
      }
    }
    CHECK_INVARIANTS();
  }
  CHECK(made > 50000);
  end(process);
  CHECK(alive_same(&before));
}

/* ---- What is still allowed, to the last byte, and what is written then ---- */

static bool filled(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!bytes[i])
      return false;
  return true;
}

static void entries_to_the_edge(void) {
  setup();
  CHECK_STATUS(in(process, SIGNET_CALL_thread_create, CODE_LOW, SIGNET_IMAGE_LOW, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_thread_create, CODE_LOW + CODE_LENGTH - 32, SIGNET_BLOCKS_HIGH, 0, 0, 0),
               SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_thread_create, CODE_LOW, SIGNET_IMAGE_LOW - 16, 0, 0, 0), SIGNET_ADDRESS);
  CHECK_STATUS(in(process, SIGNET_CALL_thread_create, CODE_LOW, SIGNET_BLOCKS_HIGH + 16, 0, 0, 0), SIGNET_ADDRESS);
  CHECK(process->threads_alive == 3);
  CHECK_INVARIANTS();
  end(process);
}

static void random_bytes_to_the_edge(void) {
  setup();
  /* The simulation's random bytes are never 0. */
  uint8_t *memory = at(process, SCRATCH);
  memset(memory, 0, 0x12000);
  CHECK_STATUS(in(process, SIGNET_CALL_random_fill, SCRATCH + 5, 1 << 16, 0, 0, 0), SIGNET_OK);
  CHECK(filled(memory + 5, 1 << 16) && !memory[4] && !memory[5 + (1 << 16)]);
  memset(memory, 0, 0x12000);
  CHECK_STATUS(in(process, SIGNET_CALL_random_fill, SCRATCH + 1, 4097, 0, 0, 0), SIGNET_OK);
  CHECK(filled(memory + 1, 4097) && !memory[0] && !memory[4098]);
  uint64_t last = DATA_LOW + DATA_LENGTH - 1;
  CHECK_STATUS(in(process, SIGNET_CALL_random_fill, last, 1, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_random_fill, last, 2, 0, 0, 0), SIGNET_ADDRESS);
  end(process);
}

/* Each argument by itself, bit by bit: what can be set is, and every exception stays masked. */
static void floating_point(void) {
  setup();
  const uint64_t mxcsr_may = 0xffc0, x87_may = 0x0f7f;
  for (unsigned bit = 0; bit < 64; bit++) {
    uint64_t value = UINT64_C(1) << bit;
    bool mxcsr = mxcsr_may & value, x87 = x87_may & value;
    CHECK_STATUS(in(process, SIGNET_CALL_floating_point_control, value, 0, 0, 0, 0),
                 mxcsr ? SIGNET_OK : SIGNET_ARGUMENT);
    CHECK(!mxcsr || (sim_current()->mxcsr == (value | 0x1f80) && sim_current()->x87 == 0x7f));
    CHECK_STATUS(in(process, SIGNET_CALL_floating_point_control, 0, value, 0, 0, 0), x87 ? SIGNET_OK : SIGNET_ARGUMENT);
    CHECK(!x87 || (sim_current()->mxcsr == 0x1f80 && sim_current()->x87 == (value | 0x7f)));
  }
  end(process);
}

static void clocks(void) {
  setup();
  for (uint64_t clock = 0; clock < 64; clock++)
    CHECK_STATUS(in(process, SIGNET_CALL_clock_read, clock, 0, 0, 0, 0), clock <= 3 ? SIGNET_OK : SIGNET_ARGUMENT);
  end(process);
}

/* The last place for each thing that is written, and 8 bytes further; at every place that is aligned. */
static void buffers_to_the_edge(void) {
  setup();
  uint64_t high = DATA_LOW + DATA_LENGTH;
  const struct {
    uint32_t number;
    uint64_t first, size;
  } written[] = {
      {SIGNET_CALL_handle_query, endpoint, sizeof(struct signet_handle_information)},
      {SIGNET_CALL_process_usage, 0, sizeof(struct signet_usage)},
      {SIGNET_CALL_process_wait, child, sizeof(struct signet_ending)},
      {SIGNET_CALL_device_request, device_handle, sizeof(struct signet_device_request)},
  };
  for (unsigned i = 0; i < sizeof written / sizeof written[0]; i++) {
    bool second = written[i].first != 0;
    for (unsigned k = 0; k < 40; k++) {
      uint64_t place = high - written[i].size - 8 * 20 + 8 * k;
      bool fits = k <= 20;
      if (fits)
        memset(at(process, place), 0, written[i].size);
      struct signet_result answer = in(process, written[i].number, second ? written[i].first : place, place, 0, 0, 0);
      int64_t fine = written[i].number == SIGNET_CALL_process_wait ? SIGNET_TIMEOUT : SIGNET_OK;
      /* The buffer of process_wait is written only at the end. */
      if (fits || written[i].number != SIGNET_CALL_process_wait)
        CHECK_STATUS(answer, fits ? fine : SIGNET_ADDRESS);
      for (unsigned odd = 1; odd < 8; odd++)
        CHECK_STATUS(in(process, written[i].number, second ? written[i].first : place + odd, place + odd, 0, 0, 0),
                     SIGNET_ARGUMENT);
    }
  }
  end(process);
}

/* All of the room for blocks is given out, and no more. */
static void blocks_to_the_edge(void) {
  struct alive before = alive_now();
  setup();
  process->limit.memory = UINT64_C(4) << 30;
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, block, 0, 0, 0, 0), SIGNET_OK);
  uint64_t most = SIGNET_BLOCKS_HIGH - SIGNET_BLOCKS_LOW;
  struct signet_result one = in(process, SIGNET_CALL_block_allocate, most - 4096, 0, 0, 0, 0);
  CHECK_STATUS(one, SIGNET_OK);
  CHECK(one.value >> 32 == SIGNET_BLOCKS_LOW);
  struct signet_result other = in(process, SIGNET_CALL_block_allocate, 1, 0, 0, 0, 0);
  CHECK_STATUS(other, SIGNET_OK);
  CHECK(other.value >> 32 == SIGNET_BLOCKS_HIGH - 4096);
  CHECK_STATUS(in(process, SIGNET_CALL_block_allocate, 1, 0, 0, 0, 0), SIGNET_MEMORY);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, (uint32_t)one.value, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, (uint32_t)other.value, 0, 0, 0, 0), SIGNET_OK);
  one = in(process, SIGNET_CALL_block_allocate, most, 0, 0, 0, 0);
  CHECK_STATUS(one, SIGNET_OK);
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(&before));
}

/* What a channel takes is charged, all of it, and no channel is made of less. */
static void channels_to_the_last_byte(void) {
  setup();
  struct contract_file contract = contract_make();
  memcpy(at(process, SCRATCH), &contract, sizeof contract);
  uint64_t slot = sizeof(struct slot) + contract.header.data_most;
  uint64_t both = slot * (contract.header.slots_to_client + contract.header.slots_to_server) + 2 * sizeof contract;
  struct signet_quota used = process->used;
  uint64_t limit = process->limit.memory;
  process->limit.memory = used.memory + both - 1;
  CHECK_STATUS(in(process, SIGNET_CALL_channel_create, SCRATCH, sizeof contract, 0, 0, 0), SIGNET_QUOTA);
  process->limit.memory++;
  uint32_t handles = process->limit.handles;
  process->limit.handles = used.handles + 1;
  CHECK_STATUS(in(process, SIGNET_CALL_channel_create, SCRATCH, sizeof contract, 0, 0, 0), SIGNET_QUOTA);
  process->limit.handles++;
  struct signet_result made = in(process, SIGNET_CALL_channel_create, SCRATCH, sizeof contract, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  CHECK(process->used.memory == used.memory + both && process->used.handles == used.handles + 2);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_OK);
  CHECK(process->used.memory == used.memory + slot * contract.header.slots_to_server + sizeof contract);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, made.value >> 32, 0, 0, 0, 0), SIGNET_OK);
  CHECK(!memcmp(&process->used, &used, sizeof used));
  process->limit.memory = limit;
  process->limit.handles = handles;
  end(process);
}

/* ---- Requests to devices ---- */

static size_t told[2];
static bool tell_lengths(struct port_device *asked, const struct port_request *request, struct signet_result *answer) {
  (void)asked;
  told[0] = strlen(request->text), told[1] = strlen(request->text2);
  *answer = (struct signet_result){SIGNET_OK, 7};
  return true;
}

static int64_t request(uint32_t text, uint32_t length, uint32_t text2, uint32_t length2, uint32_t buffer,
                       uint32_t buffer_length) {
  struct signet_device_request *asked = at(process, SCRATCH);
  *asked = (struct signet_device_request){.text_offset = text,
                                          .text_length = length,
                                          .text2_offset = text2,
                                          .text2_length = length2,
                                          .buffer_offset = buffer,
                                          .buffer_length = buffer_length};
  told[0] = told[1] = SIZE_MAX;
  return in(process, SIGNET_CALL_device_request, device_handle, SCRATCH, 0, 0, 0).status;
}

/* Two names of at most 4096 bytes, each as long as was said whatever was there before; and a buffer in the window. */
static void requests_to_the_edge(void) {
  setup();
  device.asked = tell_lengths;
  const uint32_t text = SCRATCH + 0x1001, text2 = SCRATCH + 0x3003, high = DATA_LOW + DATA_LENGTH;
  memset(at(process, SCRATCH + 0x1000), 'n', 0x6000);
  memset(at(process, high - 4096), 'n', 4096);
  CHECK(request(text, 4096, text2, 4096, 0, 0) == SIGNET_OK && told[0] == 4096 && told[1] == 4096);
  CHECK(request(text, 3, text2, 5, 0, 0) == SIGNET_OK && told[0] == 3 && told[1] == 5);
  CHECK(request(text, 0, text2, 0, 0, 0) == SIGNET_OK && !told[0] && !told[1]);
  CHECK(request(0, 0, 0, 0, 0, 0) == SIGNET_OK && !told[0] && !told[1]);
  CHECK(request(high - 5, 5, high - 4096, 4096, 0, 0) == SIGNET_OK && told[0] == 5 && told[1] == 4096);
  CHECK(request(text, 4097, text2, 5, 0, 0) == SIGNET_ARGUMENT);
  CHECK(request(text, 5, text2, 4097, 0, 0) == SIGNET_ARGUMENT);
  CHECK(request(text, UINT32_MAX, text2, 5, 0, 0) == SIGNET_ARGUMENT);
  CHECK(request(high - 5, 6, text2, 5, 0, 0) == SIGNET_ADDRESS);
  CHECK(request(text, 5, high - 5, 6, 0, 0) == SIGNET_ADDRESS);
  CHECK(request(UINT32_MAX, 1, text2, 5, 0, 0) == SIGNET_ADDRESS);
  CHECK(request(UINT32_MAX, 2, text2, 5, 0, 0) == SIGNET_ADDRESS);
  /* The port is given any range that is within the window. */
  CHECK(request(text, 1, text2, 1, 0, UINT32_MAX) == SIGNET_OK);
  CHECK(request(text, 1, text2, 1, 1, UINT32_MAX) == SIGNET_OK);
  CHECK(request(text, 1, text2, 1, UINT32_MAX, 1) == SIGNET_OK);
  CHECK(request(text, 1, text2, 1, 2, UINT32_MAX) == SIGNET_ADDRESS);
  CHECK(request(text, 1, text2, 1, UINT32_MAX, 2) == SIGNET_ADDRESS);
  /* A name ends where it says: no 0 inside, at its first byte or at its last. */
  for (uint32_t zero = 0; zero < 9; zero++) {
    *(uint8_t *)at(process, text + zero) = 0;
    CHECK(request(text, 9, text2, 1, 0, 0) == SIGNET_ARGUMENT && request(text2, 1, text, 9, 0, 0) == SIGNET_ARGUMENT);
    CHECK(!zero || (request(text, zero, text2, 1, 0, 0) == SIGNET_OK && told[0] == zero));
    *(uint8_t *)at(process, text + zero) = 'n';
  }
  struct signet_device_request *asked = at(process, SCRATCH);
  *asked = (struct signet_device_request){.reserved = 1};
  CHECK_STATUS(in(process, SIGNET_CALL_device_request, device_handle, SCRATCH, 0, 0, 0), SIGNET_ARGUMENT);
  end(process);
}

/* An answer that names no request that waits, but one in the same place of the table of tickets, wakes nobody. */
static void answers_for_nobody(void) {
  setup();
  device.ready = false;
  memset(at(process, SCRATCH), 0, sizeof(struct signet_device_request));
  CHECK_STATUS(in(process, SIGNET_CALL_device_request, device_handle, SCRATCH, 0, 0, 0), SIM_AWAY);
  void *ticket = device.waiting;
  unsigned requests = device.requests;
  CHECK(ticket);
  for (int i = -2; i <= 2; i++) {
    device.waiting = (void *)((uintptr_t)ticket + (uintptr_t)(i * TICKET_BUCKETS));
    if (i)
      sim_device_ready(&device);
    CHECK(!turn_to(process) && device.requests == requests);
  }
  device.waiting = ticket;
  device.ready = true;
  sim_device_ready(&device);
  CHECK(turn_to(process) && device.requests == requests + 1);
  end(process);
}

/* The numbers of a process's handles end: what would need one more is refused, whatever its quota says. */
static void handles_to_the_last(void) {
  struct alive before = alive_now();
  setup();
  struct contract_file contract = contract_make();
  memcpy(at(process, SCRATCH + 2048), &contract, sizeof contract);
  process->limit.handles = 1 << 20;
  process->limit.memory = UINT64_C(4) << 30;
  process->limit.processes = 8;
  uint32_t some = (uint32_t)in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value, last = some;
  for (unsigned i = 0; i < 80000; i++) {
    sim_fail_at(i % 5 ? 0 : 1 + i % 2);
    struct signet_result made = in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0);
    bool failed = sim_failed();
    sim_fail_at(0);
    if (failed) {
      CHECK_STATUS(made, SIGNET_MEMORY);
      continue;
    }
    if (made.status) {
      CHECK_STATUS(made, SIGNET_QUOTA);
      break;
    }
    last = (uint32_t)made.value;
  }
  CHECK(process->handles.chunks * HANDLES_PER_CHUNK == 65520 && !process->handles.free_count);
  struct signet_quota used = process->used;
  *(struct signet_process_specification *)at(process, SCRATCH) = (struct signet_process_specification){
      .image = image_handle, .quota = {.memory = 1 << 20, .threads = 1, .handles = 2, .regions = 1}, .name = "child"};
  CHECK_STATUS(in(process, SIGNET_CALL_block_allocate, 1, 0, 0, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(in(process, SIGNET_CALL_process_create, SCRATCH, 0, 0, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(in(process, SIGNET_CALL_channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0), SIGNET_QUOTA);
  /* One entry, until its generation begins anew: no generation is 0. */
  for (unsigned i = 0; i < 66000; i++) {
    CHECK_STATUS(in(process, SIGNET_CALL_handle_close, last, 0, 0, 0, 0), SIGNET_OK);
    last = (uint32_t)in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
    CHECK(last >> 16);
  }
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, last, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0), SIGNET_QUOTA);
  CHECK_STATUS(in(process, SIGNET_CALL_handle_close, some, 0, 0, 0, 0), SIGNET_OK);
  struct signet_result made = in(process, SIGNET_CALL_channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  CHECK(process->used.handles == used.handles);
  CHECK_STATUS(in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0), SIGNET_QUOTA);
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(&before));
}

/* A device that is always ready, and never answers, is asked no more once the process is to end. */
static unsigned asked_times;
static bool never_answers(struct port_device *asked, const struct port_request *request, struct signet_result *answer) {
  if (++asked_times == 3)
    kernel_process_stop(process);
  asked->waiting = request->thread;
  sim_device_ready(asked);
  *answer = (struct signet_result){SIGNET_OK, 0};
  return asked_times == 10;
}

static void stopped_while_asking(void) {
  setup();
  device.asked = never_answers;
  asked_times = 0;
  memset(at(process, SCRATCH), 0, sizeof(struct signet_device_request));
  CHECK_STATUS(in(process, SIGNET_CALL_device_request, device_handle, SCRATCH, 0, 0, 0), SIM_AWAY);
  CHECK(asked_times == 3 && process->state == SIGNET_PROCESS_STOPPED && device.closed);
  end(process);
}

/* Every number that might be an event; and the end of handling what never came, by any thread. */
static void events_to_the_edge(void) {
  setup();
  struct kernel_process *other = child_of(process, child);
  CHECK_STATUS(in(process, SIGNET_CALL_block_allocate, 1, 0, 0, 0, 0), SIGNET_OK);
  uint32_t slot = (uint32_t)in(process, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
  CHECK_STATUS(in(process, SIGNET_CALL_process_grant, child, 0, slot, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(in(process, SIGNET_CALL_process_grant, child, 0, block, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(process, SIGNET_CALL_process_start, child, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(other, SIGNET_CALL_event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  for (uint64_t event = 0; event < 200; event++) {
    bool named = event == SIGNET_EVENT_HANGUP || event == SIGNET_EVENT_INTERRUPT || event == SIGNET_EVENT_QUIT ||
                 event == SIGNET_EVENT_TERMINATE || event == SIGNET_EVENT_WINDOW_SIZE;
    CHECK_STATUS(in(process, SIGNET_CALL_process_event, child, event, 0, 0, 0), named ? SIGNET_OK : SIGNET_ARGUMENT);
  }
  CHECK_STATUS(in(process, SIGNET_CALL_event_return, 0, 0, 0, 0, 0), SIGNET_STATE);
  CHECK_INVARIANTS();
  end(process);
}

int main(void) {
  support_initialise();
  TEST(table_of_refusals);
  TEST(nonsense_everywhere);
  TEST(entries_to_the_edge);
  TEST(random_bytes_to_the_edge);
  TEST(floating_point);
  TEST(clocks);
  TEST(buffers_to_the_edge);
  TEST(blocks_to_the_edge);
  TEST(channels_to_the_last_byte);
  TEST(requests_to_the_edge);
  TEST(answers_for_nobody);
  TEST(handles_to_the_last);
  TEST(stopped_while_asking);
  TEST(events_to_the_edge);
  return test_finish();
}
