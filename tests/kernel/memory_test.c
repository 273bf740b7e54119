/* Memory that a process maps for itself, to the last page, byte of quota and region; and what remains when the kernel
 * has no memory to note it. */
#include "support.h"

#define CALL(name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define PAGE 4096ul

static struct kernel_process *process;
static uint64_t area;

static void setup(void) {
  process = boot("one");
  area = process->area_low;
  process->limit.regions = 1000;
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(before));
}

static int64_t map(uint64_t page, uint64_t pages, uint64_t protection) {
  return CALL(memory_map, area + page * PAGE, pages * PAGE, protection, 0, 0).status;
}
static int64_t unmap(uint64_t page, uint64_t pages) {
  return CALL(memory_unmap, area + page * PAGE, pages * PAGE, 0, 0, 0).status;
}
static int64_t protect(uint64_t page, uint64_t pages, uint64_t protection) {
  return CALL(memory_protect, area + page * PAGE, pages * PAGE, protection, 0, 0).status;
}
static bool readable(uint64_t page) { return sim_memory(process->window, area + page * PAGE, 1, false); }
static bool writable(uint64_t page) { return sim_memory(process->window, area + page * PAGE, 1, true); }

static void area_to_the_last_page(void) {
  struct alive before = alive_now();
  setup();
  process->limit.memory = UINT64_C(4) << 30;
  uint64_t pages = (SIGNET_BLOCKS_LOW - area) / PAGE;
  CHECK(map(pages - 1, 1, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(map(pages - 1, 2, SIGNET_PROTECT_WRITE) == SIGNET_ADDRESS);
  CHECK(map(pages, 1, SIGNET_PROTECT_WRITE) == SIGNET_ADDRESS);
  CHECK(map(0, pages, SIGNET_PROTECT_READ) == SIGNET_OK);
  CHECK(map(0, pages + 1, SIGNET_PROTECT_READ) == SIGNET_ADDRESS);
  CHECK(protect(0, pages, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(unmap(0, pages) == SIGNET_OK);
  CHECK(map(0, 3, SIGNET_PROTECT_NONE) == SIGNET_OK && !readable(0) && !readable(2));
  CHECK(protect(1, 1, SIGNET_PROTECT_READ) == SIGNET_OK && readable(1) && !writable(1) && !readable(0));
  teardown(&before);
}

static void quota_to_the_last_byte(void) {
  struct alive before = alive_now();
  setup();
  struct signet_quota limit = process->limit;
  process->limit.memory = process->used.memory + 8 * PAGE;
  process->limit.handles = process->used.handles; /* mapping takes none */
  CHECK(map(0, 9, SIGNET_PROTECT_WRITE) == SIGNET_QUOTA);
  CHECK(map(0, 8, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(map(0, 8, SIGNET_PROTECT_READ) == SIGNET_OK); /* in place of the same */
  CHECK(map(4, 4, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(map(4, 5, SIGNET_PROTECT_WRITE) == SIGNET_QUOTA);
  CHECK(process->used.memory == process->limit.memory);
  process->limit.memory += PAGE;
  CHECK(map(4, 5, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(unmap(8, 100) == SIGNET_OK && process->used.memory == process->limit.memory - PAGE);
  CHECK(map(8, 1, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  process->limit = limit;
  teardown(&before);
}

/* Regions are shared with the children. */
static void regions_to_the_last(void) {
  struct alive before = alive_now();
  setup();
  process->limit.regions = 8;
  uint32_t image_handle = load_image(process);
  struct signet_quota quota = {.memory = 1 << 20, .threads = 1, .handles = 1, .regions = 3};
  uint32_t child = create_child(process, image_handle, 0, &quota);
  for (unsigned i = 0; i < 4; i++)
    CHECK(map(i * 10, 3, SIGNET_PROTECT_WRITE) == SIGNET_OK);
  CHECK(protect(1, 1, SIGNET_PROTECT_READ) == SIGNET_QUOTA && map(1, 1, SIGNET_PROTECT_READ) == SIGNET_QUOTA);
  CHECK(protect(2, 1, SIGNET_PROTECT_READ) == SIGNET_OK); /* the fifth */
  CHECK(protect(12, 1, SIGNET_PROTECT_READ) == SIGNET_QUOTA && map(50, 1, SIGNET_PROTECT_READ) == SIGNET_QUOTA);
  CHECK(unmap(11, 1) == SIGNET_QUOTA); /* would be two */
  CHECK(unmap(12, 1) == SIGNET_OK && unmap(10, 1) == SIGNET_OK && process->regions.count == 5);
  CHECK(unmap(11, 1) == SIGNET_OK && process->regions.count == 4);
  CHECK(unmap(21, 1) == SIGNET_OK && process->regions.count == 5);
  CHECK_STATUS(CALL(handle_close, child, 0, 0, 0, 0), SIGNET_OK);
  CHECK(map(60, 1, 3) == SIGNET_OK && map(62, 1, 3) == SIGNET_OK && map(64, 1, 3) == SIGNET_OK);
  CHECK(map(66, 1, 3) == SIGNET_QUOTA && process->used.regions == 8);
  teardown(&before);
}

/* A list of regions that is full, or has room for one, is made larger, or the call changes nothing. The list of 128 is
 * the last that does not take pages of its own. */
static void full_lists(void) {
  for (unsigned call = 0; call < 3; call++)
    for (unsigned spare = 0; spare < 2; spare++)
      for (unsigned fails = 0; fails < 4; fails++) {
        struct alive before = alive_now();
        setup();
        for (unsigned i = 0; i < 127; i++)
          CHECK(map(i * 10, 3, SIGNET_PROTECT_WRITE) == SIGNET_OK);
        CHECK(spare || unmap(51, 1) == SIGNET_OK);
        CHECK(process->regions.count == 128 - spare && process->regions.capacity == 128);
        struct signet_quota used = process->used;
        uint32_t count = process->regions.count;
        sim_fail_at(fails);
        int64_t status = call == 0   ? map(1, 1, SIGNET_PROTECT_READ)
                         : call == 1 ? protect(1, 1, SIGNET_PROTECT_READ)
                                     : unmap(1, 1);
        bool failed = sim_failed();
        sim_fail_at(0);
        CHECK(status == (failed ? SIGNET_MEMORY : SIGNET_OK));
        if (failed) {
          CHECK(process->regions.count == count && !memcmp(&process->used, &used, sizeof used));
          CHECK(writable(0) && writable(1) && writable(2));
        } else {
          CHECK(process->regions.count == count + (call == 2 ? 1 : 2));
          CHECK(writable(0) && !writable(1) && readable(1) == (call != 2) && writable(2));
        }
        teardown(&before);
      }
}

/* Memory that is to be inaccessible, where there is none to close it. */
static void closing_fails(void) {
  struct alive before = alive_now();
  setup();
  for (unsigned fails = 1; fails < 8; fails++) {
    sim_fail_at(fails);
    int64_t status = map(0, 3, SIGNET_PROTECT_NONE);
    bool failed = sim_failed();
    sim_fail_at(0);
    CHECK(status == (failed ? SIGNET_MEMORY : SIGNET_OK) && !writable(0) && (failed || !readable(0)));
    CHECK_INVARIANTS();
    CHECK(unmap(0, 3) == SIGNET_OK && !process->regions.count);
  }
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(area_to_the_last_page);
  TEST(quota_to_the_last_byte);
  TEST(regions_to_the_last);
  TEST(full_lists);
  TEST(closing_fails);
  return test_finish();
}
