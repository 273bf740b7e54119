/* Owns the page tables of windows: what each process can reach. Called as port.h says.
 *
 * The page table is the map. What is mapped and has no memory yet stands in its entry, not present: memory comes into
 * being when first touched, from frames that were promised when it was mapped, so touching cannot fail. A directory's
 * entry counts what its table holds, so a table that holds nothing is given back at once.
 *
 * A window has one user at a time: the processor that runs its process (the serial rule: no other runs it), through
 * kernel calls and faults; when it does not run, whoever holds the kernel lock and, before the process is known to
 * anybody, its maker without the lock. So the tables of a window have no lock; `busy` notices if that is ever not so.
 *
 * What is taken away (a page unmapped, made read-only, replaced) is forgotten at once by the processor that uses the
 * window. Others may remember it, from having used the window before, but none of them touches the window before it has
 * entered it (pc_window_enter; port_copy_* do so, too), and there whoever was not the last to use it compares the
 * generation of the last that was taken away with what it has forgotten since. So no program ever reaches a frame
 * through a window that lost it, and frames can be used again at once. */
#include "port/pc/access.h"
#include "port/pc/entry.h"
#include "port/pc/instructions.h"
#include "port/pc/memory.h"

#define NOBODY 0u         /* struct window.user: otherwise a processor's number plus 1 */
#define FORGET_MOST 32    /* pages forgotten one by one; more, and everything is forgotten */
#define TABLES_OF_RANGE 6 /* upper bound of the directories that a range needs, and the tables at its ends */
#define LARGE_PROMISED (PC_ENTRIES + 1ull) /* frames of a promise in a directory's entry: with the table for them */

/* Bits of entries that the processor leaves to us. Of pages: enum pc_mapping, enum signet_protection. Of directories:
 * how many entries of the table are not 0. */
#define MAPPING_SHIFT 9
#define PROTECTION_SHIFT 52
#define COUNT_SHIFT 52
#define COUNT (1ull << COUNT_SHIFT)
#define COUNT_MASK (0x3ffull << COUNT_SHIFT)

struct window {
  uint64_t user : 8;
  uint64_t busy : 1;
  uint64_t taken : 55; /* generation of what was last taken away */
};

static struct window windows[PC_WINDOWS];
static uint64_t entry_table; /* physical */

/* A change of a window's tables under way. */
struct change {
  struct window *window;
  uint64_t base;
  uint64_t *gibs;     /* the window's four entries in the third level */
  uint64_t promised;  /* frames: for tables that are not there yet, and what was taken away */
  uint64_t forgotten; /* pages and tables that were present and are no longer as they were */
  bool here;          /* this processor may remember pages of the window */
};

/* ---- Entries ---- */

static enum pc_mapping mapping_of(uint64_t entry) { return (enum pc_mapping)(entry >> MAPPING_SHIFT & 7); }

static enum signet_protection protection_of(uint64_t entry) {
  return (enum signet_protection)(entry >> PROTECTION_SHIFT & 3);
}

/* Never executable: map_code makes the entries that are. `frame` is 0 where there is none. */
static uint64_t make_entry(uint64_t frame, enum pc_mapping mapping, enum signet_protection protection) {
  uint64_t entry =
      frame | (uint64_t)mapping << MAPPING_SHIFT | (uint64_t)protection << PROTECTION_SHIFT | PC_ENTRY_NO_EXECUTE;
  if (!frame || protection == SIGNET_PROTECT_NONE)
    return entry;
  entry |= PC_ENTRY_PRESENT | PC_ENTRY_ACCESSED;
  if (protection == SIGNET_PROTECT_WRITE && mapping != PC_MAPPING_COPY)
    entry |= PC_ENTRY_WRITE | PC_ENTRY_DIRTY;
  return entry;
}

static unsigned large_index(uint64_t offset) { return offset >> 21 & (PC_ENTRIES - 1); }
static unsigned page_index(uint64_t offset) { return offset >> 12 & (PC_ENTRIES - 1); }

static bool is_table(uint64_t large) { return large & PC_ENTRY_PRESENT; }

static uint64_t count_of(uint64_t directory) { return (directory & COUNT_MASK) >> COUNT_SHIFT; }

/* ---- Changes ---- */

static uint64_t *gibs_of(uint32_t window) {
  uint64_t base = pc_window_base(window);
  return pc_table(pc_root[base >> 39 & (PC_ENTRIES - 1)]) + (base >> 30 & (PC_ENTRIES - 1));
}

static struct change begin(uint32_t number, uint64_t promised) {
  struct window *window = &windows[number];
  PC_ASSERT(!window->busy);
  window->busy = true;
  return (struct change){.window = window,
                         .base = pc_window_base(number),
                         .gibs = gibs_of(number),
                         .promised = promised,
                         .here = window->user == port_cpu_self() + 1};
}

static void end(struct change *change) {
  if (change->promised)
    pc_frames_uncommit(change->promised);
  if (change->forgotten) {
    change->window->taken = pc_generation_next();
    if (!change->here)
      change->window->user = NOBODY; /* who used it last has to forget, too */
    else if (change->forgotten > FORGET_MOST)
      pc_forget_all();
  }
  change->window->busy = false;
}

/* After a present entry was changed: of a page, or of a directory, which a processor remembers even if nothing below is
 * present. */
static void forget(struct change *change, uint64_t offset) {
  if (++change->forgotten <= FORGET_MOST && change->here)
    pc_forget_page(change->base + offset);
}

/* Puts a table below the entry; its frame has been promised. */
static void put_table(uint64_t *entry, enum pc_level level) { *entry = pc_table_entry(pc_table_take(level)); }

/* A promise of 2 MiB becomes a table of promises; one of the promised frames is the table. */
static void split(uint64_t *large) {
  uint64_t promise = *large, count = PC_ENTRIES;
  put_table(large, PC_LEVEL_PAGES);
  uint64_t *table = pc_table(*large);
  __asm__ volatile("rep stosq" : "+D"(table), "+c"(count) : "a"(promise) : "memory");
  *large += PC_ENTRIES * COUNT;
}

/* The entry for 2 MiB, or NULL: nothing is mapped around there. */
static uint64_t *find_large(const struct change *change, uint64_t offset) {
  uint64_t gib = change->gibs[offset >> 30];
  return gib ? &pc_table(gib)[large_index(offset)] : NULL;
}

/* The same, with the directory made of what the change was promised. */
static uint64_t *make_large(struct change *change, uint64_t offset) {
  uint64_t *gib = &change->gibs[offset >> 30];
  if (!*gib) {
    PC_ASSERT(change->promised);
    change->promised--;
    put_table(gib, PC_LEVEL_DIRECTORY);
  }
  return &pc_table(*gib)[large_index(offset)];
}

/* The table below, counted as one more of the directory if it is new. */
static uint64_t *make_table(struct change *change, uint64_t offset, uint64_t *large) {
  if (!*large) {
    PC_ASSERT(change->promised);
    change->promised--;
    put_table(large, PC_LEVEL_PAGES);
    change->gibs[offset >> 30] += COUNT;
  } else if (!is_table(*large)) {
    split(large);
  }
  return pc_table(*large);
}

/* The entry was made 0: its directory goes if that held nothing else. */
static void dropped_large(struct change *change, uint64_t offset) {
  uint64_t *gib = &change->gibs[offset >> 30];
  *gib -= COUNT;
  if (count_of(*gib))
    return;
  uint64_t directory = *gib & PC_ENTRY_FRAME;
  *gib = 0;
  forget(change, offset);
  pc_table_give(directory, PC_LEVEL_DIRECTORY);
}

static void dropped_pages(struct change *change, uint64_t offset, uint64_t *large, uint64_t pages) {
  *large -= pages * COUNT;
  if (count_of(*large))
    return;
  uint64_t table = *large & PC_ENTRY_FRAME;
  *large = 0;
  forget(change, offset);
  pc_table_give(table, PC_LEVEL_PAGES);
  dropped_large(change, offset);
}

/* Where the 2 MiB of `offset` end, or `end` if that comes first. */
static uint64_t piece_end(uint64_t offset, uint64_t end) {
  uint64_t next = (offset | (PC_LARGE_PAGE - 1)) + 1;
  return next < end ? next : end;
}

static bool whole(uint64_t offset, uint64_t next) { return next - offset == PC_LARGE_PAGE; }

/* ---- Taking away ---- */

/* Takes away what the entry holds, other than blocks: those are unmapped as such. */
static void drop(struct change *change, uint64_t offset, uint64_t entry) {
  switch (mapping_of(entry)) {
  case PC_MAPPING_COPY:
  case PC_MAPPING_ZERO:
    change->promised++;
    break;
  case PC_MAPPING_PRIVATE:
    pc_frame_give_promised(entry & PC_ENTRY_FRAME);
    change->promised++;
    break;
  case PC_MAPPING_IMAGE:
  case PC_MAPPING_TABLE:
    break;
  case PC_MAPPING_BLOCK:
  case PC_MAPPING_NONE:
    pc_panic("a block is still mapped at 0x%lx of a window that loses it", offset);
  }
  if (entry & PC_ENTRY_PRESENT)
    forget(change, offset);
}

static void clear_pages(struct change *change, uint64_t offset, uint64_t next, uint64_t *large) {
  uint64_t *table = pc_table(*large), left = count_of(*large), gone = 0;
  for (; offset < next && gone < left; offset += PC_PAGE) {
    uint64_t *entry = &table[page_index(offset)];
    if (!*entry)
      continue;
    uint64_t old = *entry;
    *entry = 0;
    drop(change, offset, old);
    gone++;
  }
  if (gone)
    dropped_pages(change, offset - PC_PAGE, large, gone);
}

static void clear(struct change *change, uint64_t offset, uint64_t length) {
  uint64_t next, end = offset + length;
  for (; offset < end; offset = next) {
    uint64_t *large = find_large(change, offset);
    if (!large) {
      next = (offset | (PC_GIB - 1)) + 1;
      continue;
    }
    next = piece_end(offset, end);
    if (!*large)
      continue;
    if (!is_table(*large) && whole(offset, next)) {
      *large = 0;
      change->promised += LARGE_PROMISED;
      dropped_large(change, offset);
      continue;
    }
    if (!is_table(*large))
      split(large);
    clear_pages(change, offset, next, large);
  }
}

/* ---- Windows ---- */

void pc_window_prepare(void) {
  entry_table = pc_frames_take(1, PC_FRAME_CODE, true);
  if (!entry_table)
    pc_refuse("too little memory for the kernel's entry table");
  uint64_t *table = pc_direct(entry_table);
  _Static_assert(SIGNET_CALL_COUNT <= PC_ENTRY_STUBS, "entry.S has a stub for each call");
  for (unsigned call = 0; call < SIGNET_CALL_COUNT; call++)
    table[call] = (uint64_t)(pc_entry_stubs + call * PC_ENTRY_STUB_BYTES);
  if (!pc_paging_direct(entry_table, 1, false))
    pc_refuse("too little memory for the page tables");
}

uint32_t port_window_count(void) { return PC_WINDOWS; }

/* The third level's table, which 64 windows share; it stays. */
static bool have_gibs(uint32_t window) {
  uint64_t *entry = &pc_root[pc_window_base(window) >> 39 & (PC_ENTRIES - 1)];
  if (!*entry) {
    uint64_t physical = pc_frames_take(1, PC_FRAME_KERNEL, true);
    if (!physical)
      return false;
    *entry = pc_table_entry(physical);
  }
  return true;
}

bool port_window_create(uint32_t window) {
  PC_ASSERT(window < PC_WINDOWS);
  const uint64_t tables = 2, pages = 1;
  if (!have_gibs(window) || !pc_frames_commit(tables + pages))
    return false;
  struct change change = begin(window, tables);
  PC_ASSERT(!change.gibs[0]);
  uint64_t *large = make_large(&change, SIGNET_ENTRY_TABLE);
  uint64_t *table = make_table(&change, SIGNET_ENTRY_TABLE, large);
  table[page_index(SIGNET_ENTRY_TABLE)] = make_entry(entry_table, PC_MAPPING_TABLE, SIGNET_PROTECT_READ);
  table[page_index(SIGNET_THREAD_PAGE)] =
      make_entry(pc_frame_take_promised(PC_FRAME_WINDOW, true), PC_MAPPING_PRIVATE, SIGNET_PROTECT_WRITE);
  *large += 2 * COUNT;
  end(&change);
  return true;
}

void port_window_destroy(uint32_t window) {
  /* No processor forgets page by page: whoever enters the window next forgets all. */
  windows[window].user = NOBODY;
  struct change change = begin(window, 0);
  clear(&change, 0, PC_WINDOW_BYTES);
  PC_ASSERT(!(change.gibs[0] | change.gibs[1] | change.gibs[2] | change.gibs[3]));
  end(&change);
}

static void mappable(uint32_t window, uint32_t offset, uint64_t length) {
  PC_ASSERT(window < PC_WINDOWS && length && (offset | length) % PC_PAGE == 0);
  PC_ASSERT(offset >= SIGNET_IMAGE_LOW && length <= SIGNET_BLOCKS_HIGH - (uint64_t)offset);
}

/* Promises of frames for the range in each 2 MiB of which nothing is mapped in the range. */
static void promise(struct change *change, uint64_t offset, uint64_t length, enum signet_protection protection) {
  uint64_t next, end = offset + length, entry = make_entry(0, PC_MAPPING_ZERO, protection);
  for (; offset < end; offset = next) {
    next = piece_end(offset, end);
    uint64_t *large = make_large(change, offset);
    if (whole(offset, next)) {
      PC_ASSERT(!*large && change->promised >= LARGE_PROMISED);
      change->promised -= LARGE_PROMISED; /* now the entry's */
      *large = entry;
      change->gibs[offset >> 30] += COUNT;
      continue;
    }
    uint64_t *at = &make_table(change, offset, large)[page_index(offset)], count = (next - offset) / PC_PAGE;
    PC_ASSERT(change->promised >= count);
    change->promised -= count;
    *large += count * COUNT;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(entry) : "memory");
  }
}

/* Of all directories and tables that a range may need. */
static uint64_t tables_of(uint64_t length) { return length / PC_LARGE_PAGE + TABLES_OF_RANGE; }

/* Frames that taking the range away would give back. */
static uint64_t held(const struct change *change, uint64_t offset, uint64_t length) {
  uint64_t frames = 0, next, end = offset + length;
  for (; offset < end; offset = next) {
    const uint64_t *large = find_large(change, offset);
    next = piece_end(offset, end);
    if (!large || !*large)
      continue;
    if (!is_table(*large)) {
      frames += (next - offset) / PC_PAGE;
      continue;
    }
    for (; offset < next; offset += PC_PAGE) {
      enum pc_mapping mapping = mapping_of(pc_table(*large)[page_index(offset)]);
      frames += mapping == PC_MAPPING_ZERO || mapping == PC_MAPPING_PRIVATE || mapping == PC_MAPPING_COPY;
    }
  }
  return frames;
}

bool port_window_map(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  mappable(window, offset, length);
  if (protection == SIGNET_PROTECT_NONE)
    return port_window_unmap(window, offset, length);
  struct change change = begin(window, 0);
  uint64_t needed = length / PC_PAGE + tables_of(length);
  bool enough = pc_frames_commit(needed);
  if (!enough) {
    /* What is replaced counts, too. */
    needed -= held(&change, offset, length);
    enough = pc_frames_commit(needed);
  }
  if (enough) {
    change.promised = needed;
    clear(&change, offset, length);
    promise(&change, offset, length, protection);
  }
  end(&change);
  return enough;
}

bool port_window_unmap(uint32_t window, uint32_t offset, uint64_t length) {
  mappable(window, offset, length);
  struct change change = begin(window, 0);
  clear(&change, offset, length);
  end(&change);
  return true;
}

static void protect_pages(struct change *change, uint64_t offset, uint64_t next, uint64_t *table,
                          enum signet_protection protection) {
  for (; offset < next; offset += PC_PAGE) {
    uint64_t *entry = &table[page_index(offset)], old = *entry;
    enum pc_mapping mapping = mapping_of(old);
    PC_ASSERT(mapping == PC_MAPPING_ZERO || mapping == PC_MAPPING_PRIVATE || mapping == PC_MAPPING_COPY);
    *entry = make_entry(old & PC_ENTRY_FRAME, mapping, protection);
    if (old & PC_ENTRY_PRESENT)
      forget(change, offset);
  }
}

bool port_window_protect(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  mappable(window, offset, length);
  struct change change = begin(window, 0);
  uint64_t next, low = offset, high = offset + length;
  for (; low < high; low = next) {
    uint64_t *large = find_large(&change, low);
    next = piece_end(low, high);
    PC_ASSERT(large && *large);
    if (!is_table(*large) && whole(low, next)) {
      *large = make_entry(0, PC_MAPPING_ZERO, protection);
      continue;
    }
    if (!is_table(*large))
      split(large);
    protect_pages(&change, low, next, pc_table(*large), protection);
  }
  end(&change);
  return true;
}

/* ---- Images and blocks ---- */

/* Contiguous frames where nothing is mapped. Entries count up from `first`. */
static void put_frames(struct change *change, uint64_t offset, uint64_t length, uint64_t first) {
  uint64_t next, end = offset + length;
  for (; offset < end; offset = next) {
    next = piece_end(offset, end);
    uint64_t *large = make_large(change, offset);
    uint64_t *table = make_table(change, offset, large);
    *large += (next - offset) / PC_PAGE * COUNT;
    for (; offset < next; offset += PC_PAGE, first += PC_PAGE) {
      PC_ASSERT(!table[page_index(offset)]);
      table[page_index(offset)] = first;
    }
  }
}

/* The only place where a page of a window becomes executable. */
static void map_code(struct change *change, uint64_t offset, uint64_t length, uint64_t physical) {
  for (uint64_t page = physical; page < physical + length; page += PC_PAGE)
    PC_ASSERT(pc_frame_kind(page) == PC_FRAME_SEALED && !pc_paging_direct_writable(page));
  put_frames(change, offset, length,
             make_entry(physical, PC_MAPPING_IMAGE, SIGNET_PROTECT_READ) & ~PC_ENTRY_NO_EXECUTE);
}

bool pc_window_map_image(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical, bool code,
                         enum signet_protection protection) {
  mappable(window, offset, length);
  PC_ASSERT(protection == SIGNET_PROTECT_READ || (!code && protection == SIGNET_PROTECT_WRITE));
  uint64_t tables = tables_of(length), copies = protection == SIGNET_PROTECT_WRITE ? length / PC_PAGE : 0;
  if (!pc_frames_commit(tables + copies))
    return false;
  struct change change = begin(window, tables);
  enum pc_mapping mapping = copies ? PC_MAPPING_COPY : PC_MAPPING_IMAGE;
  if (code)
    map_code(&change, offset, length, physical);
  else
    put_frames(&change, offset, length, make_entry(physical, mapping, protection));
  end(&change);
  return true;
}

bool pc_window_map_block(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical, bool may_be_stale) {
  mappable(window, offset, length);
  uint64_t tables = tables_of(length);
  if (!pc_frames_commit(tables))
    return false;
  struct change change = begin(window, tables);
  uint64_t entry = make_entry(physical, PC_MAPPING_BLOCK, SIGNET_PROTECT_WRITE);
  put_frames(&change, offset, length, may_be_stale ? entry & ~PC_ENTRY_PRESENT : entry);
  for (uint64_t at = 0; may_be_stale && at < length; at += PC_PAGE)
    if (pc_frame_kind(physical + at) != PC_FRAME_STALE)
      pc_table(*find_large(&change, offset + at))[page_index(offset + at)] |= PC_ENTRY_PRESENT;
  end(&change);
  return true;
}

void pc_window_unmap_block(uint32_t window, uint32_t offset, uint64_t length, uint64_t physical) {
  mappable(window, offset, length);
  struct change change = begin(window, 0);
  uint64_t next, low = offset, high = offset + length;
  for (; low < high; low = next) {
    uint64_t *large = find_large(&change, low), pages = 0;
    next = piece_end(low, high);
    PC_ASSERT(large && is_table(*large));
    uint64_t *table = pc_table(*large);
    for (; low < next; low += PC_PAGE, physical += PC_PAGE, pages++) {
      uint64_t *entry = &table[page_index(low)], old = *entry;
      PC_ASSERT(mapping_of(old) == PC_MAPPING_BLOCK && (old & PC_ENTRY_FRAME) == physical);
      *entry = 0;
      if (old & PC_ENTRY_PRESENT)
        forget(&change, low);
    }
    dropped_pages(&change, low - PC_PAGE, large, pages);
  }
  end(&change);
}

/* ---- Faults ---- */

/* True: the entry now allows what was tried. */
static bool come_into_being(struct change *change, uint64_t offset, uint64_t *entry, bool write) {
  uint64_t old = *entry, frame = old & PC_ENTRY_FRAME;
  enum signet_protection protection = protection_of(old);
  if (protection == SIGNET_PROTECT_NONE || (write && protection != SIGNET_PROTECT_WRITE))
    return false;
  switch (mapping_of(old)) {
  case PC_MAPPING_ZERO:
    *entry = make_entry(pc_frame_take_promised(PC_FRAME_WINDOW, true), PC_MAPPING_PRIVATE, protection);
    return true;
  case PC_MAPPING_COPY: {
    if (!write)
      return true;
    uint64_t copy = pc_frame_take_promised(PC_FRAME_WINDOW, false), words = PC_PAGE / 8;
    void *to = pc_direct(copy), *from = pc_direct(frame);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    *entry = make_entry(copy, PC_MAPPING_PRIVATE, protection);
    forget(change, offset);
    return true;
  }
  case PC_MAPPING_BLOCK:
    if (old & PC_ENTRY_PRESENT)
      return true;
    pc_zero(pc_direct(frame), PC_PAGE);
    pc_frame_set_kind(frame, PC_FRAME_WINDOW);
    *entry = old | PC_ENTRY_PRESENT;
    return true;
  case PC_MAPPING_PRIVATE:
  case PC_MAPPING_IMAGE:
  case PC_MAPPING_TABLE:
    /* The processor remembered less than is allowed, and has forgotten that with the fault. */
    return old & PC_ENTRY_PRESENT && (!write || old & PC_ENTRY_WRITE);
  case PC_MAPPING_NONE:
    break;
  }
  return false;
}

bool pc_window_fault(uint64_t address, bool write) {
  if (address < PC_WINDOWS_LOW || address >= PC_WINDOWS_HIGH)
    return false;
  uint32_t window = (uint32_t)((address - PC_WINDOWS_LOW) / PC_WINDOW_STRIDE);
  uint64_t offset = address & (PC_WINDOW_STRIDE - 1);
  if (offset >= PC_WINDOW_BYTES || windows[window].user != port_cpu_self() + 1)
    return false; /* beyond the window that it has entered */
  struct change change = begin(window, 0);
  uint64_t *large = find_large(&change, offset);
  bool possible = large && *large;
  if (possible && !is_table(*large)) {
    possible = protection_of(*large) != SIGNET_PROTECT_NONE;
    if (possible)
      split(large);
  }
  possible = possible && come_into_being(&change, offset, &pc_table(*large)[page_index(offset)], write);
  end(&change);
  return possible;
}

/* ---- Entering ---- */

static __attribute__((noinline)) void adopt(struct window *window) {
  if (!pc_forgotten_since(window->taken))
    pc_forget_all();
  window->user = port_cpu_self() + 1;
}

inline __attribute__((always_inline)) bool pc_window_used_by(uint64_t window, uint8_t user) {
  return windows[window].user == user;
}

inline __attribute__((always_inline)) void pc_window_enter(uint32_t window) {
  if (!pc_window_used_by(window, (uint8_t)(port_cpu_self() + 1)))
    adopt(&windows[window]);
}

/* ---- Copying ---- */

#define INLINED inline __attribute__((always_inline))
#define SHORT 32 /* bytes of a length known when compiling that are copied in place */

bool pc_copy(void *to, const void *from, size_t length); /* copy.S */

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

static INLINED uint64_t address_of(uint32_t window, uint32_t offset) {
  pc_window_enter(window);
  return pc_window_base(window) + offset;
}

static INLINED bool is_short(size_t length) {
  return __builtin_constant_p(length) && length <= SHORT && length % sizeof(word) == 0;
}

INLINED bool port_copy_in(void *to, uint32_t window, uint32_t from, size_t length) {
  uint64_t source = address_of(window, from), value;
  if (!is_short(length))
    return pc_copy(to, (const void *)source, length);
  for (size_t done = 0; done < length; done += sizeof(word)) {
    if (!pc_load64(source + done, &value))
      return false;
    *(word *)((uint8_t *)to + done) = value;
  }
  return true;
}

INLINED bool port_copy_out(uint32_t window, uint32_t to, const void *from, size_t length) {
  uint64_t target = address_of(window, to);
  if (!is_short(length))
    return pc_copy((void *)target, from, length);
  for (size_t done = 0; done < length; done += sizeof(word))
    if (!pc_store64(target + done, *(const word *)((const uint8_t *)from + done)))
      return false;
  return true;
}

bool port_copy_across(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, size_t length) {
  uint64_t source = address_of(from_window, from), target = address_of(to_window, to);
  return pc_copy((void *)target, (const void *)source, length);
}

INLINED bool port_load_word(uint32_t window, uint32_t offset, uint32_t *value) {
  return pc_load32(address_of(window, offset), value);
}

INLINED bool port_store_word(uint32_t window, uint32_t offset, uint32_t value) {
  return pc_store32(address_of(window, offset), value);
}

/* Of link.ld. Distances from where they stand. */
struct fixup {
  int32_t low, high, onwards;
};
extern const struct fixup pc_fixups_low[], pc_fixups_high[];

uint64_t pc_copy_fixup(uint64_t rip) {
  for (const struct fixup *fixup = pc_fixups_low; fixup < pc_fixups_high; fixup++) {
    uint64_t low = (uint64_t)&fixup->low + (uint64_t)fixup->low, high = (uint64_t)&fixup->high + (uint64_t)fixup->high;
    if (rip >= low && rip < high)
      return (uint64_t)&fixup->onwards + (uint64_t)fixup->onwards;
  }
  return 0;
}
