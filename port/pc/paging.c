/* Owns the page tables of everything but windows: the kernel's image, the direct map, registers of devices, stacks; and
 * the check that what can be executed cannot be written. Built once on the first processor; afterwards only the direct
 * map changes, under an own lock that is taken before memory.c's only.
 *
 * Source: AMD64 manual volume 2, chapter 5; Intel manual volume 3, chapter 4 (caching of translations: 4.10). */
#include "port/pc/instructions.h"
#include "port/pc/memory.h"
#include "port/pc/spin.h"

#define KERNEL_DATA (PC_ENTRY_PRESENT | PC_ENTRY_WRITE | PC_ENTRY_ACCESSED | PC_ENTRY_DIRTY | PC_ENTRY_NO_EXECUTE)
#define KERNEL_CONSTANTS (PC_ENTRY_PRESENT | PC_ENTRY_ACCESSED | PC_ENTRY_NO_EXECUTE)
#define KERNEL_TEXT (PC_ENTRY_PRESENT | PC_ENTRY_ACCESSED)
#define CONTROL0_WRITE_PROTECT (1u << 16)
#define EFER 0xc0000080u
#define EFER_NO_EXECUTE (1u << 11)

uint64_t pc_root[PC_ENTRIES] __attribute__((aligned(4096)));
static struct pc_spin direct_lock;
static uint64_t registers_next = PC_REGISTERS, stacks_next = PC_STACKS + PC_PAGE;
static bool sealed;

static unsigned index_of(uint64_t virtual, unsigned level) { return virtual >> (12 + 9 * level) & (PC_ENTRIES - 1); }

/* The entry for the address at that level (0: pages, 1: large pages), with the tables above it. NULL: no memory. */
static uint64_t *entry_make(uint64_t virtual, unsigned level) {
  uint64_t *table = pc_root;
  for (unsigned above = 3; above > level; above--) {
    uint64_t *entry = &table[index_of(virtual, above)];
    if (!*entry) {
      uint64_t physical = pc_frames_take(1, PC_FRAME_KERNEL, true);
      if (!physical)
        return NULL;
      *entry = pc_table_entry(physical);
    }
    PC_ASSERT(!(*entry & PC_ENTRY_LARGE));
    table = pc_reach(*entry & PC_ENTRY_FRAME);
  }
  return &table[index_of(virtual, level)];
}

/* Where nothing is mapped yet. Large pages where they fit. */
static bool map(uint64_t virtual, uint64_t physical, uint64_t length, uint64_t flags) {
  while (length) {
    bool large = (virtual | physical) % PC_LARGE_PAGE == 0 && length >= PC_LARGE_PAGE;
    uint64_t *entry = entry_make(virtual, large);
    if (!entry)
      return false;
    PC_ASSERT(!*entry);
    *entry = physical | flags | (large ? PC_ENTRY_LARGE : 0);
    uint64_t step = large ? PC_LARGE_PAGE : PC_PAGE;
    virtual += step;
    physical += step;
    length -= step;
  }
  return true;
}

static bool map_kernel(const uint8_t *low, const uint8_t *high, uint64_t flags) {
  for (uint64_t virtual = (uint64_t)low; virtual < (uint64_t)high; virtual += PC_PAGE)
    if (!map(virtual, virtual - PC_KERNEL, PC_PAGE, flags))
      return false;
  return true;
}

static bool map_direct(uint64_t low, uint64_t high, uint64_t flags) {
  return map(PC_DIRECT + low, low, high - low, flags);
}

static bool build(void) {
  uint64_t text = (uint64_t)pc_text_low - PC_KERNEL, data = (uint64_t)pc_data_low - PC_KERNEL,
           end = (uint64_t)pc_data_high - PC_KERNEL;
  bool built = map_kernel(pc_text_low, pc_text_high, KERNEL_TEXT) &&
               map_kernel(pc_constants_low, pc_constants_high, KERNEL_CONSTANTS) &&
               map_kernel(pc_data_low, pc_data_high, KERNEL_DATA) && map_direct(text, data, KERNEL_CONSTANTS) &&
               map_direct(data, end, KERNEL_DATA) &&
               map_direct(pc_boot.archive_low, pc_boot.archive_high, KERNEL_CONSTANTS);
  for (uint32_t i = 0; i < pc_boot.ranges; i++)
    built = built && map_direct(pc_boot.ram[i].low, pc_boot.ram[i].high, KERNEL_DATA);
  return built;
}

void pc_paging_prepare(void) {
  if (!build())
    pc_refuse("too little memory for the page tables: %lu KiB are free",
              pc_frames_free_count() * (uint64_t)(PC_PAGE >> 10));
  pc_write_root(pc_paging_root());
  pc_memory_extend();
}

uint64_t pc_paging_root(void) { return (uint64_t)pc_root - PC_KERNEL; }

void pc_paging_low(uint64_t physical, bool present) {
  PC_ASSERT(!sealed && physical % PC_PAGE == 0 && physical < 1u << 20);
  uint64_t *entry = entry_make(physical, 0);
  if (!entry)
    pc_refuse("too little memory to start the other processors");
  *entry = present ? physical | KERNEL_TEXT : 0;
  if (!present) {
    uint64_t table = pc_root[0];
    pc_root[0] = 0;
    for (unsigned level = 3; level; level--) {
      uint64_t below = *pc_table(table);
      pc_frames_give(table & PC_ENTRY_FRAME, 1);
      table = below;
    }
  }
  pc_forget_all();
}

volatile void *pc_paging_registers(uint64_t physical, uint64_t length) {
  uint64_t low = physical & ~(PC_PAGE - 1), high = (physical + length + PC_PAGE - 1) & ~(PC_PAGE - 1);
  if (!length || high <= low || high > PC_ENTRY_FRAME || high - low > PC_STACKS - registers_next)
    return NULL;
  /* Nobody's registers are in our memory. */
  for (uint64_t page = low; page < high; page += PC_PAGE)
    if (pc_frame_kind(page) != PC_FRAME_NONE)
      return NULL;
  uint64_t virtual = registers_next;
  registers_next += high - low;
  if (!map(virtual, low, high - low, KERNEL_DATA | PC_ENTRY_UNCACHED))
    return NULL;
  return (volatile void *)(virtual + physical - low);
}

void *pc_paging_stack(size_t length) {
  uint64_t low = stacks_next;
  stacks_next += length + PC_PAGE;
  for (uint64_t virtual = low; virtual < low + length; virtual += PC_PAGE) {
    uint64_t physical = pc_frames_take(1, PC_FRAME_KERNEL, true);
    if (!physical || !map(virtual, physical, PC_PAGE, KERNEL_DATA))
      return NULL;
  }
  return (void *)(low + length);
}

/* ---- The direct map ---- */

/* NULL: there is no table for it, it is mapped by a large page or not at all. */
static uint64_t *direct_entry(uint64_t physical, uint64_t **large) {
  uint64_t virtual = PC_DIRECT + physical, *table = pc_root;
  for (unsigned level = 3; level; level--) {
    uint64_t *entry = &table[index_of(virtual, level)];
    if (large)
      *large = entry;
    if (!(*entry & PC_ENTRY_PRESENT) || *entry & PC_ENTRY_LARGE)
      return NULL;
    table = pc_table(*entry);
  }
  return &table[index_of(virtual, 0)];
}

/* The same memory with the same rights in smaller pages: what processors remember stays true. */
static bool split(uint64_t *large) {
  PC_ASSERT(*large & PC_ENTRY_LARGE);
  uint64_t physical = pc_frames_take(1, PC_FRAME_KERNEL, false);
  if (!physical)
    return false;
  uint64_t *table = pc_direct(physical);
  for (unsigned i = 0; i < PC_ENTRIES; i++)
    table[i] = (*large & ~PC_ENTRY_LARGE) + i * PC_PAGE;
  *large = pc_table_entry(physical);
  return true;
}

bool pc_paging_direct(uint64_t physical, uint64_t frames, bool writable) {
  bool done = true;
  uint64_t *large;
  pc_spin_lock(&direct_lock);
  for (uint64_t page = physical; page < physical + frames * PC_PAGE && done; page += PC_PAGE)
    if (!direct_entry(page, &large))
      done = split(large);
  for (uint64_t page = physical; page < physical + frames * PC_PAGE && done; page += PC_PAGE) {
    *direct_entry(page, NULL) = page | (writable ? KERNEL_DATA : KERNEL_CONSTANTS);
    pc_forget_page(PC_DIRECT + page);
  }
  pc_spin_unlock(&direct_lock);
  return done;
}

bool pc_paging_direct_writable(uint64_t physical) {
  uint64_t *large, *entry = direct_entry(physical, &large);
  return (entry ? *entry : *large) & PC_ENTRY_WRITE;
}

/* ---- The seal ---- */

static bool within(uint64_t address, uint64_t low, uint64_t high) { return address >= low && address < high; }

static const char *check_executable(uint64_t virtual, uint64_t frame) {
  if (within(virtual, PC_WINDOWS_LOW, PC_WINDOWS_HIGH))
    return pc_frame_kind(frame) == PC_FRAME_SEALED ? NULL : "a window can execute what is not sealed";
  if (!within(virtual, (uint64_t)pc_text_low, (uint64_t)pc_text_high) || frame != virtual - PC_KERNEL ||
      pc_frame_kind(frame) != PC_FRAME_CODE)
    return "something besides the kernel's text is executable";
  return NULL;
}

/* One page, or one 4 KiB part of a large one; what all levels allow. */
static const char *check_page(uint64_t virtual, uint64_t frame, uint64_t allowed) {
  enum pc_frame kind = pc_frame_kind(frame);
  bool write = allowed & PC_ENTRY_WRITE, execute = !(allowed & PC_ENTRY_NO_EXECUTE);
  if (allowed & PC_ENTRY_USER)
    return "a page is open to ring 3";
  if (within(virtual, PC_WINDOWS_LOW, PC_WINDOWS_HIGH) &&
      (virtual - PC_WINDOWS_LOW) % PC_WINDOW_STRIDE >= PC_WINDOW_BYTES)
    return "something is mapped between windows";
  if (write && execute)
    return "a page is writable and executable";
  if (execute)
    return check_executable(virtual, frame);
  if (write && (kind == PC_FRAME_CODE || kind == PC_FRAME_SEALED))
    return "code or an image is writable";
  if (within(virtual, PC_REGISTERS, PC_STACKS))
    return kind == PC_FRAME_NONE ? NULL : "memory is mapped as registers";
  if (kind == PC_FRAME_NONE)
    return "what is not our memory is mapped";
  if (within(virtual, PC_WINDOWS_LOW, PC_WINDOWS_HIGH)) {
    if (kind == PC_FRAME_CODE)
      return (virtual & (PC_WINDOW_BYTES - 1)) == SIGNET_ENTRY_TABLE ? NULL : "the kernel's code is in a window";
    return kind == PC_FRAME_WINDOW || kind == PC_FRAME_SEALED ? NULL : "memory that is not a window's is in a window";
  }
  if (within(virtual, PC_DIRECT, PC_DIRECT + PC_DIRECT_MOST))
    return frame == virtual - PC_DIRECT ? NULL : "the direct map is not direct";
  if (within(virtual, PC_STACKS, PC_KERNEL))
    return kind == PC_FRAME_KERNEL ? NULL : "a stack is not the kernel's memory";
  if (within(virtual, PC_KERNEL, UINT64_MAX))
    return frame == virtual - PC_KERNEL ? NULL : "the kernel's image is mapped elsewhere";
  return "something is mapped where nothing belongs";
}

/* True: a large page of the direct map with nothing in it that is not as usual, which is most of memory. */
static bool check_large(uint64_t virtual, uint64_t entry, uint64_t allowed) {
  uint64_t physical = entry & PC_ENTRY_FRAME;
  return within(virtual, PC_DIRECT, PC_DIRECT + PC_DIRECT_MOST) && physical == virtual - PC_DIRECT &&
         allowed == (PC_ENTRY_WRITE | PC_ENTRY_NO_EXECUTE) && pc_frames_may_be_written(physical);
}

/* The table at `level`, whose first entry is for `virtual`; `above`: what the levels above allow. */
static const char *check_table(const uint64_t *table, unsigned level, uint64_t virtual, uint64_t above) {
  const uint64_t size = PC_PAGE << 9 * level;
  for (unsigned i = 0; i < PC_ENTRIES; i++, virtual += size) {
    uint64_t entry = table[i];
    const char *problem = NULL;
    if (level == 3 && i == PC_ENTRIES / 2)
      virtual |= 0xffffull << 48;
    if (!(entry & PC_ENTRY_PRESENT))
      continue;
    uint64_t allowed = (above & entry & (PC_ENTRY_WRITE | PC_ENTRY_USER)) | ((above | entry) & PC_ENTRY_NO_EXECUTE);
    if (level && !(entry & PC_ENTRY_LARGE)) {
      if (pc_frame_kind(entry & PC_ENTRY_FRAME) != PC_FRAME_KERNEL)
        return "a page table is not the kernel's memory";
      problem = check_table(pc_table(entry), level - 1, virtual, allowed);
    } else if (!level || !check_large(virtual, entry, allowed)) {
      for (uint64_t at = 0; at < size && !problem; at += PC_PAGE)
        problem = check_page(virtual + at, (entry & PC_ENTRY_FRAME) + at, allowed);
    }
    if (problem)
      return problem;
  }
  return NULL;
}

const char *pc_seal_check(void) {
  if (!(pc_read_control0() & CONTROL0_WRITE_PROTECT) || !(pc_read_msr(EFER) & EFER_NO_EXECUTE))
    return "the processor does not heed the page tables";
  if (pc_read_root() != pc_paging_root())
    return "the processor uses other page tables";
  return check_table(pc_root, 3, 0, PC_ENTRY_WRITE | PC_ENTRY_USER);
}

void pc_paging_seal(void) {
  sealed = true;
  const char *problem = pc_seal_check();
  if (problem)
    pc_panic("the kernel cannot be sealed: %s", problem);
}
