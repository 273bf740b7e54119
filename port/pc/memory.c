/* Owns physical memory: which frame is what, which are free, and how many of the free ones are promised. Anyone in
 * port/pc and, through port_pages_*, the kernel; own lock, taken innermost.
 *
 * Free frames lie in runs of 2^order, aligned to their size (a buddy allocator); the links of a run are in its first
 * frame. A byte for each frame says its kind. Single frames that come back are kept apart for the next who wants one:
 * joining and splitting runs costs more. */
#include "port/pc/memory.h"
#include "port/pc/instructions.h"
#include "port/pc/pc.h"
#include "port/pc/spin.h"

#define ORDERS 19 /* the largest run is 1 GiB */
#define KEPT_MOST 64
#define REACHED_BY_LOADER (4ull << 30) /* what boot.S has mapped one to one */
#define LEAST (12ull << 20)            /* bytes of RAM without which no process can be started */

/* A byte of memory.kinds: enum pc_frame, and in the first frame of a free run its order plus 1. */
#define KIND 7
#define HEAD_SHIFT 3
#define HEAD(order) ((uint8_t)(PC_FRAME_FREE | ((order) + 1) << HEAD_SHIFT))

static bool used(uint8_t kind) { return (kind & KIND) != PC_FRAME_NONE && (kind & KIND) != PC_FRAME_FREE; }

/* What a free run begins with. Frame numbers; 0, which is never RAM of ours, is none. */
struct run {
  uint32_t next, previous;
};

static struct {
  struct pc_spin lock;
  uint64_t reach; /* where physical memory is seen: PC_IDENTITY, then PC_DIRECT */
  uint8_t *kinds;
  uint64_t frames; /* of which there are kinds */
  uint64_t total, free, promised;
  uint32_t first[ORDERS];
  uint32_t kept[KEPT_MOST];
  uint32_t kept_count;
} memory = {.reach = PC_IDENTITY};

void *pc_reach(uint64_t physical) { return (void *)(memory.reach + physical); }

static struct run *run_at(uint64_t frame) { return pc_reach(frame * PC_PAGE); }

void pc_zero(void *memory_to_zero, uint64_t bytes) {
  uint64_t words = bytes / 8;
  __asm__ volatile("rep stosq" : "+D"(memory_to_zero), "+c"(words) : "a"(0ull) : "memory");
}

/* ---- Runs; with the lock ---- */

static void set_kinds(uint64_t frame, uint64_t count, enum pc_frame kind) {
  uint8_t *kinds = memory.kinds + frame;
  uint64_t words = count / 8;
  if (words)
    __asm__ volatile("rep stosq" : "+D"(kinds), "+c"(words) : "a"(kind * 0x0101010101010101u) : "memory");
  for (count %= 8; count; count--)
    *kinds++ = (uint8_t)kind;
}

static void insert(uint64_t frame, unsigned order) {
  struct run *run = run_at(frame);
  uint32_t next = memory.first[order];
  *run = (struct run){.next = next};
  if (next)
    run_at(next)->previous = (uint32_t)frame;
  memory.first[order] = (uint32_t)frame;
  memory.kinds[frame] = HEAD(order);
}

static void extract(uint64_t frame, unsigned order) {
  struct run *run = run_at(frame);
  if (run->next)
    run_at(run->next)->previous = run->previous;
  if (run->previous)
    run_at(run->previous)->next = run->next;
  else
    memory.first[order] = run->next;
  memory.kinds[frame] = PC_FRAME_FREE;
}

/* One aligned run, joined with its neighbours as far as they are free. */
static void join(uint64_t frame, unsigned order) {
  for (; order < ORDERS - 1; order++) {
    uint64_t other = frame ^ 1ull << order;
    if (other >= memory.frames || memory.kinds[other] != HEAD(order))
      break;
    extract(other, order);
    frame &= ~(1ull << order);
  }
  insert(frame, order);
}

/* Any run, of kind FREE already; cut into aligned ones. */
static void give_runs(uint64_t frame, uint64_t count) {
  while (count) {
    unsigned order = (unsigned)__builtin_ctzll(frame | 1ull << (ORDERS - 1));
    while (1ull << order > count)
      order--;
    join(frame, order);
    frame += 1ull << order;
    count -= 1ull << order;
  }
}

static void give_kept(void) {
  while (memory.kept_count)
    join(memory.kept[--memory.kept_count], 0);
}

/* Of the free run that begins there. */
static unsigned order_of(uint64_t frame) {
  PC_ASSERT(memory.kinds[frame] >> HEAD_SHIFT);
  return (unsigned)(memory.kinds[frame] >> HEAD_SHIFT) - 1;
}

/* 0: there is no such run. */
static uint64_t take_run(uint64_t count) {
  unsigned order = 0;
  while (1ull << order < count)
    order++;
  for (unsigned from = order; from < ORDERS; from++) {
    uint64_t frame = memory.first[from];
    if (!frame)
      continue;
    extract(frame, from);
    give_runs(frame + count, (1ull << from) - count);
    return frame;
  }
  return 0;
}

/* Neighbouring free runs that are long enough together, where no single one is. 0: there are none. Looks at every
 * frame. */
static uint64_t take_runs(uint64_t count) {
  uint64_t first = 0, free = 0;
  for (uint64_t frame = 1, step; frame < memory.frames && free < count; frame += step) {
    bool head = (memory.kinds[frame] & KIND) == PC_FRAME_FREE;
    step = head ? 1ull << order_of(frame) : 1;
    if (!free)
      first = frame;
    free = head ? free + step : 0;
  }
  if (free < count)
    return 0;
  for (uint64_t frame = first, next; frame < first + free; frame = next) {
    next = frame + (1ull << order_of(frame));
    extract(frame, order_of(frame));
  }
  give_runs(first + count, free - count);
  return first;
}

static uint64_t take(uint64_t count, enum pc_frame kind) {
  uint64_t frame;
  if (count == 1 && memory.kept_count) {
    frame = memory.kept[--memory.kept_count];
  } else {
    frame = take_run(count);
    if (!frame && memory.kept_count) {
      give_kept();
      frame = take_run(count);
    }
    if (!frame)
      frame = take_runs(count);
    if (!frame)
      return 0;
  }
  set_kinds(frame, count, kind);
  memory.free -= count;
  return frame * PC_PAGE;
}

/* ---- Frames ---- */

uint64_t pc_frames_take(uint64_t count, enum pc_frame kind, bool zeroed) {
  uint64_t physical = 0;
  PC_ASSERT(count && kind != PC_FRAME_FREE);
  pc_spin_lock(&memory.lock);
  if (count <= memory.free - memory.promised)
    physical = take(count, kind);
  pc_spin_unlock(&memory.lock);
  if (physical && zeroed)
    pc_zero(pc_reach(physical), count * PC_PAGE);
  return physical;
}

uint64_t pc_frame_take_promised(enum pc_frame kind, bool zeroed) {
  pc_spin_lock(&memory.lock);
  PC_ASSERT(memory.promised);
  memory.promised--;
  uint64_t physical = take(1, kind);
  pc_spin_unlock(&memory.lock);
  PC_ASSERT(physical);
  if (zeroed)
    pc_zero(pc_reach(physical), PC_PAGE);
  return physical;
}

static void give(uint64_t physical, uint64_t count) {
  uint64_t frame = physical / PC_PAGE;
  PC_ASSERT(frame && physical % PC_PAGE == 0 && count && frame < memory.frames && count <= memory.frames - frame);
  for (uint64_t i = frame; i < frame + count; i++)
    PC_ASSERT(used(memory.kinds[i]));
  set_kinds(frame, count, PC_FRAME_FREE);
  memory.free += count;
  if (count == 1 && memory.kept_count < KEPT_MOST)
    memory.kept[memory.kept_count++] = (uint32_t)frame;
  else
    give_runs(frame, count);
}

void pc_frames_give(uint64_t physical, uint64_t count) {
  pc_spin_lock(&memory.lock);
  give(physical, count);
  pc_spin_unlock(&memory.lock);
}

void pc_frame_give_promised(uint64_t physical) {
  pc_spin_lock(&memory.lock);
  give(physical, 1);
  memory.promised++;
  pc_spin_unlock(&memory.lock);
}

enum pc_frame pc_frame_kind(uint64_t physical) {
  uint64_t frame = physical / PC_PAGE;
  return frame < memory.frames ? (enum pc_frame)(memory.kinds[frame] & KIND) : PC_FRAME_NONE;
}

void pc_frame_set_kind(uint64_t physical, enum pc_frame kind) {
  uint64_t frame = physical / PC_PAGE;
  PC_ASSERT(frame < memory.frames && used((uint8_t)kind) && used(memory.kinds[frame]));
  memory.kinds[frame] = (uint8_t)kind;
}

bool pc_frames_may_be_written(uint64_t physical) {
  const uint64_t every = 0x0202020202020202, frame = physical / PC_PAGE;
  if (frame > memory.frames || PC_ENTRIES > memory.frames - frame)
    return false;
  const uint64_t *kinds = (const uint64_t *)(memory.kinds + frame);
  uint64_t all = every;
  for (unsigned i = 0; i < PC_ENTRIES / 8; i += 8)
    all &= kinds[i] & kinds[i + 1] & kinds[i + 2] & kinds[i + 3] & kinds[i + 4] & kinds[i + 5] & kinds[i + 6] &
           kinds[i + 7];
  return all == every;
}

bool pc_frames_commit(uint64_t frames) {
  pc_spin_lock(&memory.lock);
  bool enough = frames <= memory.free - memory.promised;
  if (enough)
    memory.promised += frames;
  pc_spin_unlock(&memory.lock);
  return enough;
}

void pc_frames_uncommit(uint64_t frames) {
  pc_spin_lock(&memory.lock);
  PC_ASSERT(frames <= memory.promised);
  memory.promised -= frames;
  pc_spin_unlock(&memory.lock);
}

uint64_t pc_frames_free_count(void) {
  pc_spin_lock(&memory.lock);
  uint64_t count = memory.free - memory.promised;
  pc_spin_unlock(&memory.lock);
  return count;
}

uint64_t pc_frames_total(void) { return memory.total; }

/* ---- The kernel's ---- */

void *port_pages_allocate(size_t length) {
  uint64_t physical = pc_frames_take(length / PC_PAGE, PC_FRAME_KERNEL, true);
  return physical ? pc_direct(physical) : NULL;
}

void port_pages_free(void *pages, size_t length) { pc_frames_give(pc_physical(pages), length / PC_PAGE); }

/* ---- At the start ---- */

/* Where the kernel's image and the boot archive end. */
static uint64_t taken(void) {
  uint64_t kernel = (uint64_t)pc_data_high - PC_KERNEL;
  return pc_boot.archive_high > kernel ? pc_boot.archive_high : kernel;
}

/* A range that begins below would be free memory where the kernel or the archive is: the loader's map is cut there. */
static void check_ranges(void) {
  uint64_t before = taken(), bytes = 0;
  for (uint32_t i = 0; i < pc_boot.ranges; i++) {
    uint64_t low = pc_boot.ram[i].low, high = pc_boot.ram[i].high;
    if (low < before || high <= low || high > PC_DIRECT_MOST || (low | high) % PC_PAGE)
      pc_refuse("the loader's memory map is wrong: memory from 0x%lx to 0x%lx overlaps other memory", low, high);
    before = high;
    bytes += high - low;
  }
  if (bytes < LEAST)
    pc_refuse("this machine has too little memory: %lu KiB are free behind the kernel and the boot archive, %lu KiB "
              "are needed; start it with more (qemu: -m 128)",
              bytes >> 10, (uint64_t)LEAST >> 10);
}

static uint64_t highest(void) {
  uint64_t high = taken();
  if (pc_boot.ranges && pc_boot.ram[pc_boot.ranges - 1].high > high)
    high = pc_boot.ram[pc_boot.ranges - 1].high;
  return high;
}

static void add(uint64_t low, uint64_t high) {
  if (low >= high)
    return;
  uint64_t count = (high - low) / PC_PAGE;
  set_kinds(low / PC_PAGE, count, PC_FRAME_FREE);
  give_runs(low / PC_PAGE, count);
  memory.total += count;
  memory.free += count;
}

static void set_kinds_between(uint64_t low, uint64_t high, enum pc_frame kind) {
  set_kinds(low / PC_PAGE, (high - low) / PC_PAGE, kind);
}

void pc_memory_prepare(void) {
  check_ranges();
  memory.frames = highest() / PC_PAGE;
  uint64_t length = (memory.frames + PC_PAGE - 1) & ~(PC_PAGE - 1), kinds = 0;
  for (uint32_t i = 0; i < pc_boot.ranges && !kinds; i++) {
    uint64_t high = pc_boot.ram[i].high < REACHED_BY_LOADER ? pc_boot.ram[i].high : REACHED_BY_LOADER;
    if (pc_boot.ram[i].low < high && high - pc_boot.ram[i].low >= length)
      kinds = pc_boot.ram[i].low;
  }
  if (!kinds)
    pc_refuse("no memory below 4 GiB for the table of frames: %lu KiB are needed", length >> 10);
  memory.kinds = pc_reach(kinds);
  pc_zero(memory.kinds, length);
  set_kinds_between((uint64_t)pc_text_low - PC_KERNEL, (uint64_t)pc_data_low - PC_KERNEL, PC_FRAME_CODE);
  set_kinds_between((uint64_t)pc_data_low - PC_KERNEL, (uint64_t)pc_data_high - PC_KERNEL, PC_FRAME_KERNEL);
  set_kinds_between(pc_boot.archive_low, pc_boot.archive_high, PC_FRAME_SEALED);
  for (uint32_t i = 0; i < pc_boot.ranges; i++) {
    uint64_t low = pc_boot.ram[i].low, high = pc_boot.ram[i].high;
    if (low == kinds) {
      set_kinds_between(low, low + length, PC_FRAME_KERNEL);
      memory.total += length / PC_PAGE;
      low += length;
    }
    add(low, high < REACHED_BY_LOADER ? high : REACHED_BY_LOADER);
  }
}

void pc_memory_extend(void) {
  memory.kinds = pc_direct((uint64_t)memory.kinds - memory.reach);
  memory.reach = PC_DIRECT;
  for (uint32_t i = 0; i < pc_boot.ranges; i++) {
    uint64_t low = pc_boot.ram[i].low;
    add(low > REACHED_BY_LOADER ? low : REACHED_BY_LOADER, pc_boot.ram[i].high);
  }
}
