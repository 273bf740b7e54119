/* The memory side of port/pc on a host, under the sanitizers: random operations against a model, with the invariants
 * checked as they go. Physical memory is a few mappings at PC_DIRECT (set by the makefile); the processors are
 * simulated with what they remember of page tables, and remember as much as they are allowed to, so that whatever is
 * forgotten too late is seen. Argument: a seed. Prints TAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Their insides are looked at. */
#include "port/pc/memory.c"
#include "port/pc/table.c"

#include "port/pc/access.h"
#include "port/pc/entry.h"

#define MIB (1ull << 20)
#define CPUS 3
#define WINDOWS 5 /* of which two share the table of 64 with others */
#define IMAGES 6
#define BLOCKS 8
#define RUNS 8 /* of the kernel's pages */
#define REMEMBERED 509
#define WAYS 127
#define ROUNDS 8

const uint8_t pc_entry_stubs[1];
const int32_t pc_fixups_low[1], pc_fixups_high[1];
struct pc_boot pc_boot = {.archive_low = 0x130000, .archive_high = 0x138000};
uint32_t pc_cpu_count = CPUS;

static unsigned tests, failures;
static uint64_t seed = 1;
static uint32_t self; /* the processor this is */
static jmp_buf refused;
static char refusal[256];

static void ok(bool good, const char *name) {
  printf("%sok %u - %s\n", good ? "" : "not ", ++tests, name);
  failures += !good;
}

static _Noreturn void bail(const char *what, uint64_t a, uint64_t b) {
  printf("Bail out! seed %lu: %s (0x%lx, 0x%lx)\n", seed, what, a, b);
  fflush(stdout);
  abort();
}
#define MUST(condition) ((condition) ? (void)0 : bail(#condition, __LINE__, 0))

void port_panic(const char *file, int line, const char *condition) {
  printf("# %s:%d\n", file, line);
  bail(condition, 0, 0);
}
void pc_panic(const char *format, ...) { bail(format, 0, 0); }
void pc_refuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(refusal, sizeof refusal, format, arguments);
  va_end(arguments);
  longjmp(refused, 1);
}
uint32_t port_cpu_self(void) { return self; }

static uint64_t draw(uint64_t below) {
  static uint64_t state;
  if (!state)
    state = seed * 0x9e3779b97f4a7c15 | 1;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 16) % below;
}

/* ---- Processors: what each remembers ---- */

static struct { uint64_t page, entry; /* entry: frame, write, no-execute; 0: nothing */ } remembered[CPUS][REMEMBERED];
/* Of tables that it has walked: where the entry of a directory (level 1, 2) for this address leads, whether anything is
 * there or not. */
static struct {
  uint64_t region;
  const uint64_t *table;
} ways[CPUS][3][WAYS];
static uint64_t root;

static unsigned place_of(uint64_t page) { return (page >> 12) % REMEMBERED; }

static void forget_translation(uint64_t address) {
  unsigned place = place_of(address & ~(PC_PAGE - 1));
  if (remembered[self][place].page == (address & ~(PC_PAGE - 1)))
    remembered[self][place].entry = 0;
}
void pc_forget_page(uint64_t address) {
  forget_translation(address);
  memset(ways[self], 0, sizeof ways[self]); /* invlpg forgets all of them */
}
/* What a fault there forgets. */
static void forget_by_fault(uint64_t address) {
  forget_translation(address);
  for (unsigned level = 1; level < 3; level++) {
    uint64_t region = address >> (12 + 9 * level);
    if (ways[self][level][region % WAYS].region == region)
      ways[self][level][region % WAYS].table = NULL;
  }
}
uint64_t pc_read_root(void) { return root; }
void pc_write_root(uint64_t physical) {
  root = physical;
  memset(remembered[self], 0, sizeof remembered[self]);
  memset(ways[self], 0, sizeof ways[self]);
}

/* What the tables say: frame, write and no-execute of all levels; 0: not present. */
static uint64_t walk(uint64_t address) {
  const uint64_t *table = pc_root;
  uint64_t rights = PC_ENTRY_WRITE, forbidden = 0;
  for (unsigned level = 4; level--;) {
    uint64_t entry = table[address >> (12 + 9 * level) & (PC_ENTRIES - 1)];
    if (!(entry & PC_ENTRY_PRESENT))
      return 0;
    rights &= entry;
    forbidden |= entry & PC_ENTRY_NO_EXECUTE;
    if (level && !(entry & PC_ENTRY_LARGE)) {
      MUST(entry & PC_ENTRY_ACCESSED); /* a walk writes to no table */
      table = pc_table(entry);
      continue;
    }
    uint64_t frame = (entry & PC_ENTRY_FRAME) + (level ? address & (PC_LARGE_PAGE - 1) & ~(PC_PAGE - 1) : 0);
    return frame | rights | forbidden | PC_ENTRY_PRESENT;
  }
  return 0;
}

/* The same from the lowest table that this processor knows the way to. Of windows, whose directories allow all. */
static uint64_t walk_on(uint64_t address) {
  const uint64_t *table = pc_root;
  unsigned level = 4;
  for (unsigned at = 1; at < 3 && level == 4; at++) {
    uint64_t region = address >> (12 + 9 * at);
    if (ways[self][at][region % WAYS].table && ways[self][at][region % WAYS].region == region) {
      table = ways[self][at][region % WAYS].table;
      level = at;
    }
  }
  while (level--) {
    uint64_t entry = table[address >> (12 + 9 * level) & (PC_ENTRIES - 1)], region = address >> (12 + 9 * level);
    if (!(entry & PC_ENTRY_PRESENT))
      return 0;
    MUST(entry & PC_ENTRY_ACCESSED);
    if (!level)
      return entry & (PC_ENTRY_FRAME | PC_ENTRY_WRITE | PC_ENTRY_NO_EXECUTE | PC_ENTRY_PRESENT);
    table = pc_table(entry);
    if (level < 3) {
      ways[self][level][region % WAYS].region = region;
      ways[self][level][region % WAYS].table = table;
    }
  }
  return 0;
}

static void remember(uint64_t address) {
  uint64_t page = address & ~(PC_PAGE - 1), entry = page < PC_WINDOWS_HIGH ? walk_on(page) : walk(page);
  if (!entry)
    return;
  remembered[self][place_of(page)].page = page;
  remembered[self][place_of(page)].entry = entry;
}

/* As a program that runs would: through what is remembered, then through the tables, then by a fault. NULL: not
 * allowed. */
static uint64_t *access_page(uint32_t window, uint64_t offset, bool write) {
  uint64_t address = pc_window_base(window) + offset, page = address & ~(PC_PAGE - 1);
  for (int tries = 0; tries < 4; tries++) {
    if (remembered[self][place_of(page)].page != page || !remembered[self][place_of(page)].entry)
      remember(page);
    uint64_t entry = remembered[self][place_of(page)].page == page ? remembered[self][place_of(page)].entry : 0;
    if (entry && (!write || entry & PC_ENTRY_WRITE)) {
      uint64_t now = walk(page);
      if ((now & PC_ENTRY_FRAME) != (entry & PC_ENTRY_FRAME) || (entry & ~now & PC_ENTRY_WRITE) ||
          (now & ~entry & PC_ENTRY_NO_EXECUTE))
        bail("a processor uses what was taken away", address, entry);
      return pc_direct((entry & PC_ENTRY_FRAME) + (offset & (PC_PAGE - 1)));
    }
    forget_by_fault(page);
    if (!pc_window_fault(address, write))
      return NULL;
  }
  bail("a fault is answered and comes again", address, write);
}

bool simulated_copy(void *to, const void *from, size_t length);

/* An address of a window or of the host, for one word. */
static void *reach_word(uint64_t address, bool write) {
  if (address < PC_WINDOWS_LOW || address >= PC_WINDOWS_HIGH)
    return (void *)address;
  return access_page((uint32_t)((address - PC_WINDOWS_LOW) / PC_WINDOW_STRIDE), address & (PC_WINDOW_STRIDE - 1),
                     write);
}

bool simulated_copy(void *to, const void *from, size_t length) {
  for (size_t done = 0; done < length; done += 8) {
    const uint64_t *source = reach_word((uint64_t)from + done, false);
    uint64_t *target = reach_word((uint64_t)to + done, true);
    if (!source || !target)
      return false;
    *target = *source;
  }
  return true;
}
bool pc_load64(uint64_t address, uint64_t *value) { return simulated_copy(value, (const void *)address, 8); }
bool pc_store64(uint64_t address, uint64_t value) { return simulated_copy((void *)address, &value, 8); }
bool pc_load32(uint64_t address, uint32_t *value) {
  const uint32_t *source = reach_word(address, false);
  if (source)
    *value = *source;
  return source;
}
bool pc_store32(uint64_t address, uint32_t value) {
  uint32_t *target = reach_word(address, true);
  if (target)
    *target = value;
  return target;
}

/* ---- The model ---- */

/* The parts of a window that are used: low memory, around a GiB, and blocks. */
static const struct zone { uint32_t low, pages; } zones[] = {{0x20000, 5000}, {0x3fd00000, 2000}, {0xc0000000, 3000}};
#define ZONES 3
#define PAGES_MOST 5000

enum what { NOTHING, MEMORY, IMAGE, CODE, COPY, BLOCK };
struct page {
  uint8_t what, protection;
  uint8_t index;     /* of the image or block */
  uint32_t position; /* in it, pages */
  uint64_t word;     /* what the first word is */
};
static struct page model[WINDOWS][ZONES][PAGES_MOST];
static const uint32_t window_numbers[WINDOWS] = {0, 1, 63, 64, PC_WINDOWS - 1};
static bool created[WINDOWS];

static struct {
  struct port_image *image;
  uint64_t pages, length, words;
  unsigned mapped; /* in windows that exist */
} images[IMAGES];
static struct {
  struct port_block *block;
  uint64_t pages;
  uint64_t *words; /* of each page */
  int window, zone_page;
} blocks[BLOCKS];
static struct {
  uint8_t *memory;
  uint64_t pages;
} runs[RUNS];

static bool range_is(unsigned window, unsigned zone, unsigned low, unsigned pages, bool nothing) {
  for (unsigned i = low; i < low + pages; i++)
    if (nothing ? model[window][zone][i].what != NOTHING : model[window][zone][i].what != MEMORY)
      return false;
  return true;
}

static bool range_has(unsigned window, unsigned zone, unsigned low, unsigned pages, enum what what) {
  for (unsigned i = low; i < low + pages; i++)
    if (model[window][zone][i].what == what)
      return true;
  return false;
}

static void fill(unsigned window, unsigned zone, unsigned low, unsigned pages, struct page page) {
  for (unsigned i = low; i < low + pages; i++)
    model[window][zone][i] = page;
}

static uint32_t offset_of(unsigned zone, unsigned page) { return zones[zone].low + page * 4096u; }

/* ---- Operations ---- */

static enum signet_protection any_protection(void) {
  static const enum signet_protection all[] = {SIGNET_PROTECT_NONE, SIGNET_PROTECT_READ, SIGNET_PROTECT_WRITE};
  return all[draw(3)];
}

/* Mostly of a few, so that what is done to one is seen by what comes next. */
static unsigned recent[ZONES];

static unsigned any_page(unsigned zone) {
  static const unsigned hot[] = {0, 470, 760, 1500};
  if (draw(2))
    return recent[zone];
  return draw(4) ? hot[draw(4)] + (unsigned)draw(12) : (unsigned)draw(zones[zone].pages);
}

/* Small ranges mostly, large ones and such that end at 2 MiB at times. */
static void any_range(unsigned zone, unsigned *low, unsigned *pages) {
  *low = any_page(zone);
  *pages = 1 + (unsigned)draw(draw(3) ? 20 : 3000);
  if (!draw(4)) {
    uint32_t offset = (offset_of(zone, *low) + (uint32_t)PC_LARGE_PAGE - 1) & ~((uint32_t)PC_LARGE_PAGE - 1);
    *low = (offset - zones[zone].low) / 4096;
    *pages = (unsigned)(draw(3) + 1) * PC_ENTRIES;
  }
  if (*low >= zones[zone].pages)
    *low = zones[zone].pages - 1;
  if (*pages > zones[zone].pages - *low)
    *pages = zones[zone].pages - *low;
}

static unsigned failed; /* for want of memory */

static void do_memory(unsigned w) {
  unsigned zone = (unsigned)draw(2), low, pages;
  uint32_t window = window_numbers[w];
  any_range(zone, &low, &pages);
  for (enum what what = IMAGE; what <= BLOCK; what++)
    if (range_has(w, zone, low, pages, what))
      return; /* the kernel keeps these apart from what a process maps */
  uint32_t offset = offset_of(zone, low);
  enum signet_protection protection = any_protection();
  unsigned near = draw(2) ? 8 : 80;
  recent[zone] = low + (unsigned)draw(pages < near ? pages : near);
  switch (draw(3)) {
  case 0:
    if (port_window_map(window, offset, pages * PC_PAGE, protection))
      fill(w, zone, low, pages,
           (struct page){.what = protection ? MEMORY : NOTHING, .protection = (uint8_t)protection});
    else { /* neither free nor held by what is replaced */
      uint64_t replaced = 0;
      for (unsigned i = low; i < low + pages; i++)
        replaced += model[w][zone][i].what == MEMORY;
      MUST(pages + 10 > pc_frames_free_count() + replaced);
      failed++;
    }
    break;
  case 1:
    MUST(port_window_unmap(window, offset, pages * PC_PAGE));
    fill(w, zone, low, pages, (struct page){0});
    break;
  case 2:
    while (pages && !range_is(w, zone, low, pages, false))
      pages = pages > 64 ? 64 : pages - 1;
    if (!pages)
      return;
    MUST(port_window_protect(window, offset, pages * PC_PAGE, protection));
    for (unsigned i = low; i < low + pages; i++)
      model[w][zone][i].protection = (uint8_t)protection;
    break;
  }
}

static uint64_t image_word(unsigned index, uint64_t page) { return images[index].words * 1000003 + page * 7919 + 1; }

static uint64_t expected(const struct page *page) {
  if (page->what == IMAGE || page->what == CODE)
    return image_word(page->index, page->position);
  return page->what == BLOCK ? blocks[page->index].words[page->position] : page->word;
}

static void do_touch(unsigned w) {
  unsigned zone = (unsigned)draw(ZONES), at = any_page(zone);
  struct page *page = &model[w][zone][at];
  bool write = draw(2), allowed = write ? page->protection == SIGNET_PROTECT_WRITE : page->protection;
  uint64_t value = draw(1ull << 40) + 1, seen = 0;
  uint32_t window = window_numbers[w], offset = offset_of(zone, at);
  switch (draw(3)) {
  case 0: /* the program itself; before it runs, it can make nothing come into being */
    if (!pc_window_used_by(window, (uint8_t)(self + 1)))
      MUST(!pc_window_fault(pc_window_base(window) + offset, write));
    pc_window_enter(window);
    uint64_t *word = access_page(window, offset, write);
    MUST(!word == !allowed);
    if (!allowed)
      return;
    seen = *word;
    if (write)
      *word = value;
    break;
  case 1: /* the kernel for it */
    if (!write) {
      MUST(port_copy_in(&seen, window, offset, 8) == allowed);
      if (!allowed)
        return;
      break;
    }
    seen = expected(page);
    MUST(port_copy_out(window, offset, &value, 8) == allowed);
    if (!allowed)
      return;
    break;
  case 2: { /* from its thread page, which can be written, or to it */
    seen = expected(page);
    if (!write) {
      MUST(port_copy_across(window, offset, window, SIGNET_THREAD_PAGE, 8) == allowed);
      if (allowed)
        MUST(port_copy_in(&seen, window, SIGNET_THREAD_PAGE, 8));
    } else {
      MUST(port_copy_out(window, SIGNET_THREAD_PAGE, &value, 8));
      MUST(port_copy_across(window, SIGNET_THREAD_PAGE, window, offset, 8) == allowed);
    }
    if (!allowed)
      return;
    break;
  }
  }
  if (seen != expected(page))
    bail("a page holds what is not its own", seen, expected(page));
  if (write && page->what == BLOCK)
    blocks[page->index].words[page->position] = value;
  else if (write)
    page->word = value;
}

/* Many pages in a row, as a program that goes through its memory. */
static void touch_many(unsigned w, unsigned zone, unsigned at, unsigned pages) {
  uint32_t window = window_numbers[w];
  pc_window_enter(window);
  for (; pages-- && at < zones[zone].pages; at++) {
    const struct page *page = &model[w][zone][at];
    bool write = draw(2), allowed = write ? page->protection == SIGNET_PROTECT_WRITE : page->protection;
    const uint64_t *word = access_page(window, offset_of(zone, at), write);
    MUST(!word == !allowed && (!word || *word == expected(page)));
  }
}

/* Goes through memory, has it taken away, and goes through it again. */
static void do_sweep(unsigned w) {
  unsigned zone = (unsigned)draw(2), low = any_page(zone), pages = 1 + (unsigned)draw(100);
  uint32_t window = window_numbers[w], offset = offset_of(zone, low);
  struct page now = {.what = MEMORY, .protection = SIGNET_PROTECT_WRITE};
  if (low + pages > zones[zone].pages)
    return;
  for (enum what what = IMAGE; what <= BLOCK; what++)
    if (range_has(w, zone, low, pages, what))
      return;
  touch_many(w, zone, low, pages);
  switch (draw(3)) {
  case 0:
    MUST(port_window_unmap(window, offset, pages * PC_PAGE));
    now = (struct page){0};
    break;
  case 1:
    if (!port_window_map(window, offset, pages * PC_PAGE, SIGNET_PROTECT_WRITE))
      return;
    break;
  case 2:
    if (!range_is(w, zone, low, pages, false))
      return;
    MUST(port_window_protect(window, offset, pages * PC_PAGE, SIGNET_PROTECT_READ));
    for (unsigned i = low; i < low + pages; i++)
      model[w][zone][i].protection = SIGNET_PROTECT_READ;
    touch_many(w, zone, low, pages);
    return;
  }
  fill(w, zone, low, pages, now);
  touch_many(w, zone, low, pages);
}

static void do_image(void) {
  static uint8_t bytes[64 * 4096];
  unsigned index = (unsigned)draw(IMAGES);
  if (images[index].image) {
    const uint8_t *sealed = port_image_bytes(images[index].image);
    for (uint64_t page = 0; page < images[index].pages; page++) {
      remember((uint64_t)sealed + page * 4096);
      uint64_t frame = pc_physical(sealed) + page * 4096;
      MUST(pc_frame_kind(frame) == PC_FRAME_SEALED && !pc_paging_direct_writable(frame));
      MUST(*(const uint64_t *)(sealed + page * 4096) == image_word(index, page));
    }
    for (uint64_t at = images[index].length; at < images[index].pages * PC_PAGE; at++)
      MUST(sealed[at] == 0);
    if (!images[index].mapped && draw(2)) {
      port_image_destroy(images[index].image);
      images[index].image = NULL;
    }
    return;
  }
  images[index].pages = 1 + draw(40);
  images[index].words = draw(1 << 20);
  for (uint64_t page = 0; page < images[index].pages; page++)
    *(uint64_t *)(bytes + page * 4096) = image_word(index, page);
  images[index].length = images[index].pages * PC_PAGE - draw(4000);
  images[index].image = port_image_create(bytes, images[index].length);
  if (!images[index].image)
    return;
  /* At least this processor cannot write to it, whatever it remembered. */
  uint64_t low = (uint64_t)port_image_bytes(images[index].image);
  for (uint64_t page = low; page < low + images[index].length; page += PC_PAGE)
    MUST(remembered[self][place_of(page)].page != page || !(remembered[self][place_of(page)].entry & PC_ENTRY_WRITE));
}

static void do_map_image(unsigned w) {
  unsigned index = (unsigned)draw(IMAGES), zone = (unsigned)draw(2), low = any_page(zone);
  if (!images[index].image)
    return;
  unsigned first = (unsigned)draw(images[index].pages), pages = 1 + (unsigned)draw(images[index].pages - first);
  if (low + pages > zones[zone].pages || !range_is(w, zone, low, pages, true))
    return;
  bool code = draw(2);
  enum signet_protection protection = code || draw(2) ? SIGNET_PROTECT_READ : SIGNET_PROTECT_WRITE;
  if (!port_image_map(images[index].image, first * PC_PAGE, window_numbers[w], offset_of(zone, low), pages * PC_PAGE,
                      code, protection))
    return;
  images[index].mapped++;
  for (unsigned i = 0; i < pages; i++)
    model[w][zone][low + i] = (struct page){.what = code                                ? CODE
                                                    : protection == SIGNET_PROTECT_READ ? IMAGE
                                                                                        : COPY,
                                            .protection = (uint8_t)protection,
                                            .index = (uint8_t)index,
                                            .position = first + i,
                                            .word = image_word(index, first + i)};
}

static void unmap_block(unsigned index) {
  unsigned w = (unsigned)blocks[index].window, low = (unsigned)blocks[index].zone_page;
  port_block_unmap(blocks[index].block, blocks[index].pages * PC_PAGE, window_numbers[w], offset_of(2, low));
  fill(w, 2, low, (unsigned)blocks[index].pages, (struct page){0});
  blocks[index].window = -1;
}

static void do_block(unsigned w) {
  unsigned index = (unsigned)draw(BLOCKS);
  if (!blocks[index].block) {
    uint64_t pages = 1 + draw(draw(3) ? 16 : 600);
    blocks[index].block = port_block_create(pages * PC_PAGE);
    if (!blocks[index].block)
      return;
    blocks[index].pages = pages;
    blocks[index].words = calloc(pages, 8);
    blocks[index].window = -1;
  } else if (blocks[index].window >= 0) {
    unmap_block(index);
  } else if (!draw(4)) {
    port_block_destroy(blocks[index].block, blocks[index].pages * PC_PAGE);
    free(blocks[index].words);
    blocks[index].block = NULL;
  } else if (!draw(4)) {
    const uint8_t *bytes = port_block_bytes(blocks[index].block, blocks[index].pages * PC_PAGE);
    for (uint64_t i = 0; i < blocks[index].pages; i++)
      MUST(*(const uint64_t *)(bytes + i * 4096) == blocks[index].words[i]);
  } else {
    unsigned pages = (unsigned)blocks[index].pages, low = any_page(2);
    if (low + pages > zones[2].pages || !range_is(w, 2, low, pages, true) ||
        !port_block_map(blocks[index].block, pages * PC_PAGE, window_numbers[w], offset_of(2, low)))
      return;
    blocks[index].window = (int)w;
    blocks[index].zone_page = (int)low;
    for (unsigned i = 0; i < pages; i++)
      model[w][2][low + i] = (struct page){
          .what = BLOCK, .protection = SIGNET_PROTECT_WRITE, .index = (uint8_t)index, .position = (uint32_t)i};
  }
}

static void destroy_window(unsigned w) {
  for (unsigned i = 0; i < BLOCKS; i++)
    if (blocks[i].block && blocks[i].window == (int)w)
      unmap_block(i);
  port_window_destroy(window_numbers[w]);
  created[w] = false;
  memset(model[w], 0, sizeof model[w]);
  for (unsigned i = 0; i < IMAGES; i++)
    images[i].mapped = 0;
  for (unsigned other = 0; other < WINDOWS; other++)
    for (unsigned zone = 0; zone < ZONES; zone++)
      for (unsigned i = 0; i < zones[zone].pages; i++) {
        const struct page *page = &model[other][zone][i];
        if (page->what == IMAGE || page->what == CODE || page->what == COPY)
          images[page->index].mapped++;
      }
}

static void do_pages(void) {
  unsigned index = (unsigned)draw(RUNS);
  if (runs[index].memory) {
    port_pages_free(runs[index].memory, runs[index].pages * PC_PAGE);
    runs[index].memory = NULL;
    return;
  }
  runs[index].pages = 1 + draw(draw(3) ? 8 : 300);
  runs[index].memory = port_pages_allocate(runs[index].pages * PC_PAGE);
  for (uint64_t i = 0; runs[index].memory && i < runs[index].pages * PC_PAGE; i += 8)
    MUST(*(uint64_t *)(runs[index].memory + i) == 0);
  if (runs[index].memory)
    memset(runs[index].memory, 0xa5, runs[index].pages * PC_PAGE);
}

/* ---- Invariants ---- */

static uint64_t promised_here, tables_here;

/* Of a window's second level and below: counts agree, every frame is what it is mapped as. */
static void check_directory(uint64_t gib) {
  uint64_t large_count = 0;
  tables_here++;
  for (unsigned i = 0; i < PC_ENTRIES; i++) {
    uint64_t large = pc_table(gib)[i], count = 0;
    large_count += large != 0;
    if (!large)
      continue;
    if (!(large & PC_ENTRY_PRESENT)) {
      MUST((large >> 9 & 7) == PC_MAPPING_ZERO && !(large & PC_ENTRY_FRAME));
      promised_here += PC_ENTRIES + 1;
      continue;
    }
    tables_here++;
    MUST(pc_frame_kind(large & PC_ENTRY_FRAME) == PC_FRAME_KERNEL);
    for (unsigned j = 0; j < PC_ENTRIES; j++) {
      uint64_t entry = pc_table(large)[j];
      enum pc_mapping mapping = (enum pc_mapping)(entry >> 9 & 7);
      count += entry != 0;
      promised_here += mapping == PC_MAPPING_ZERO || mapping == PC_MAPPING_COPY;
      if (mapping == PC_MAPPING_PRIVATE)
        MUST(pc_frame_kind(entry & PC_ENTRY_FRAME) == PC_FRAME_WINDOW);
    }
    MUST(count && count == (large >> 52 & 0x3ff));
  }
  MUST(large_count && large_count == (gib >> 52 & 0x3ff));
}

/* Every frame of RAM is free or used, as often as memory.c says; every free run is where it belongs. */
static void check_frames(void) {
  uint64_t unused = 0, listed = memory.kept_count;
  for (uint64_t i = 0; i < memory.frames; i++) {
    unsigned kind = memory.kinds[i] & KIND;
    unused += kind == PC_FRAME_FREE;
    if (kind)
      MUST(pc_paging_direct_writable(i * PC_PAGE) == (kind != PC_FRAME_SEALED && kind != PC_FRAME_CODE));
  }
  for (unsigned order = 0; order < ORDERS; order++) {
    uint32_t previous = 0;
    for (uint32_t frame = memory.first[order]; frame; previous = frame, frame = run_at(frame)->next) {
      MUST(memory.kinds[frame] == HEAD(order) && frame % (1u << order) == 0 && run_at(frame)->previous == previous);
      for (uint32_t i = 1; i < 1u << order; i++)
        MUST(memory.kinds[frame + i] == PC_FRAME_FREE);
      listed += 1u << order;
    }
  }
  MUST(unused == memory.free && listed == memory.free && memory.promised <= memory.free);
}

static uint64_t waiting_frames(void) {
  uint64_t count = tables.kept[PC_LEVEL_PAGES].count + tables.kept[PC_LEVEL_DIRECTORY].count;
  for (uint64_t run = tables.gathering; run; run = ((struct waiting *)pc_direct(run))->next)
    count += ((struct waiting *)pc_direct(run))->pages >> 1;
  for (uint64_t run = tables.leaving; run; run = ((struct waiting *)pc_direct(run))->next)
    count += ((struct waiting *)pc_direct(run))->pages >> 1;
  return count;
}

/* Tables of the third level for windows, and of the direct map below large pages. */
static uint64_t lasting_tables(void) {
  uint64_t count = 0;
  for (unsigned i = 0; i < PC_ENTRIES; i++)
    count += i >= 32 && i < 160 && pc_root[i];
  for (uint64_t at = 0; at < 8ull << 30; at += PC_LARGE_PAGE) {
    const uint64_t *table = pc_root;
    unsigned level = 3;
    for (; level; level--) {
      uint64_t entry = table[(PC_DIRECT + at) >> (12 + 9 * level) & (PC_ENTRIES - 1)];
      if (!(entry & PC_ENTRY_PRESENT) || entry & PC_ENTRY_LARGE)
        break;
      table = pc_table(entry);
    }
    count += level == 0;
  }
  return count;
}

static void check_model(unsigned w) {
  for (unsigned zone = 0; zone < ZONES; zone++)
    for (unsigned i = 0; i < zones[zone].pages; i++) {
      const struct page *page = &model[w][zone][i];
      uint64_t now = walk(pc_window_base(window_numbers[w]) + offset_of(zone, i));
      if (now && !page->protection)
        bail("something is open that was not asked for", offset_of(zone, i), now);
      if (now & PC_ENTRY_WRITE && page->protection != SIGNET_PROTECT_WRITE)
        bail("something is writable that was not asked for", offset_of(zone, i), now);
      if (now && !(now & PC_ENTRY_NO_EXECUTE) != (page->what == CODE))
        bail("executable, and is not code, or the other way", offset_of(zone, i), now);
      if (now && *(uint64_t *)pc_direct(now & PC_ENTRY_FRAME) != expected(page))
        bail("a page holds what is not its own", offset_of(zone, i), now);
    }
}

static void check(void) {
  const char *problem = pc_seal_check();
  if (problem)
    bail(problem, 0, 0);
  check_frames();
  promised_here = tables_here = 0;
  for (unsigned w = 0; w < WINDOWS; w++) {
    if (!created[w])
      continue;
    check_model(w);
    uint64_t base = pc_window_base(window_numbers[w]);
    for (unsigned i = 0; i < 4; i++) {
      uint64_t gib = pc_table(pc_root[base >> 39 & 511])[(base >> 30 & 511) + i];
      if (gib)
        check_directory(gib);
    }
  }
  MUST(promised_here == memory.promised);
  /* No processor remembers as read-only what anybody may want to write to. */
  for (unsigned cpu = 0; cpu < CPUS; cpu++)
    for (unsigned i = 0; i < REMEMBERED; i++) {
      uint64_t page = remembered[cpu][i].page, entry = remembered[cpu][i].entry;
      if (!entry || page < PC_DIRECT || entry & PC_ENTRY_WRITE || forgotten[cpu] == UINT64_MAX)
        continue;
      enum pc_frame kind = pc_frame_kind(entry & PC_ENTRY_FRAME);
      if (kind == PC_FRAME_WINDOW || kind == PC_FRAME_STALE || kind == PC_FRAME_FREE)
        bail("a processor remembers a frame of an image that is no more", page, cpu);
    }
}

/* ---- */

static void step(void) {
  static unsigned w;
  if (!draw(4))
    w = (unsigned)draw(WINDOWS);
  static bool asleep[CPUS];
  static uint32_t last[WINDOWS];
  if (!draw(4))
    last[w] = (uint32_t)draw(CPUS);
  self = last[w];
  if (asleep[self] && (asleep[self] = draw(8)))
    return;
  if (forgotten[self] == UINT64_MAX)
    pc_window_awake();
  if (!draw(400)) {
    pc_window_asleep();
    asleep[self] = true;
    return;
  }
  if (!created[w]) {
    created[w] = port_window_create(window_numbers[w]);
    return;
  }
  /* Ahead of any program. */
  for (unsigned i = draw(8); i; i--) {
    unsigned any = (unsigned)draw(WINDOWS), zone = (unsigned)draw(ZONES);
    remember(pc_window_base(window_numbers[any]) + offset_of(zone, any_page(zone)));
    remember(PC_DIRECT + draw(16 * MIB));
  }
  switch (draw(32)) {
  case 0:
    if (!draw(8))
      destroy_window(w);
    break;
  case 1:
  case 2:
    do_image();
    break;
  case 3:
  case 4:
    do_map_image(w);
    break;
  case 5:
  case 6:
  case 7:
    do_block(w);
    break;
  case 8:
    do_pages();
    break;
  case 9:
    pc_window_settle();
    break;
  case 14:
  case 15:
    do_sweep(w);
    break;
  case 10:
  case 11:
  case 12:
  case 13:
    do_memory(w);
    break;
  default:
    do_touch(w);
  }
}

static void give_back_all(void) {
  for (self = 0; self < CPUS; self++)
    pc_window_awake();
  self = 0;
  for (unsigned w = 0; w < WINDOWS; w++)
    if (created[w])
      destroy_window(w);
  for (unsigned i = 0; i < IMAGES; i++)
    if (images[i].image) {
      port_image_destroy(images[i].image);
      images[i].image = NULL;
    }
  for (unsigned i = 0; i < BLOCKS; i++)
    if (blocks[i].block) {
      port_block_destroy(blocks[i].block, blocks[i].pages * PC_PAGE);
      free(blocks[i].words);
      blocks[i].block = NULL;
    }
  for (unsigned i = 0; i < RUNS; i++)
    if (runs[i].memory) {
      port_pages_free(runs[i].memory, runs[i].pages * PC_PAGE);
      runs[i].memory = NULL;
    }
  for (unsigned round = 0; round < 3; round++)
    for (self = 0; self < CPUS; self++)
      pc_window_settle();
  self = 0;
}

static void physical(uint64_t low, uint64_t high) {
  MUST(mmap((void *)(PC_DIRECT + low), high - low, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0) != MAP_FAILED);
}

static void add_ram(uint64_t low, uint64_t high) {
  pc_boot.ram[pc_boot.ranges].low = low;
  pc_boot.ram[pc_boot.ranges++].high = high;
}

static void test_refusals(void) {
  add_ram(2 * MIB, 3 * MIB);
  if (!setjmp(refused)) {
    pc_memory_prepare();
    ok(false, "too little memory is refused");
  } else {
    ok(strstr(refusal, "1024 KiB") && strstr(refusal, "-m"), "too little memory is refused, with how much there is");
  }
  /* Listed twice; over the kernel, over the archive. */
  static const uint64_t overlaps[][4] = {{2 * MIB, 30 * MIB, 20 * MIB, 40 * MIB},
                                         {MIB, 0x120000, 0x138000, 40 * MIB},
                                         {0x137000, 0x138000, 0x138000, 40 * MIB},
                                         {0x131000, 40 * MIB, 41 * MIB, 42 * MIB}};
  static unsigned i;
  for (; i < sizeof overlaps / sizeof *overlaps; i++) {
    pc_boot.ranges = 0;
    add_ram(overlaps[i][0], overlaps[i][1]);
    add_ram(overlaps[i][2], overlaps[i][3]);
    if (!setjmp(refused)) {
      pc_memory_prepare();
      ok(false, "memory that is listed twice, or has something in it, is refused");
    } else {
      ok(strstr(refusal, "memory map"), "memory that is listed twice, or has something in it, is refused");
    }
  }
  pc_boot.ranges = 0;
}

/* The entry for a page, which is mapped by a small page. */
static uint64_t *entry_of(uint64_t address) {
  uint64_t *table = pc_root;
  for (unsigned level = 3; level; level--)
    table = pc_table(table[address >> (12 + 9 * level) & (PC_ENTRIES - 1)]);
  return &table[address >> 12 & (PC_ENTRIES - 1)];
}

/* The seal is broken by this entry, and by nothing else. */
static bool found_wrong(uint64_t *entry, uint64_t value, const char *says) {
  uint64_t before = *entry;
  bool whole = !pc_seal_check();
  *entry = value;
  const char *problem = pc_seal_check();
  *entry = before;
  if (problem && !strstr(problem, says))
    printf("# said: %s\n", problem);
  return whole && problem && strstr(problem, says) && !pc_seal_check();
}

static void test_seal(void) {
  static const uint8_t bytes[2 * 4096] = {1};
  const uint32_t code = SIGNET_IMAGE_LOW, data = SIGNET_IMAGE_LOW + 4096;
  const uint64_t no_execute = PC_ENTRY_NO_EXECUTE, base = pc_window_base(3);
  uint64_t word = 1;
  struct port_image *image = port_image_create(bytes, sizeof bytes);
  void *kernels = port_pages_allocate(4096);
  MUST(port_window_create(3) && port_image_map(image, 0, 3, code, 4096, true, SIGNET_PROTECT_READ) &&
       port_window_map(3, data, 4096, SIGNET_PROTECT_WRITE) && port_copy_out(3, data, &word, 8));
  uint64_t *code_entry = entry_of(base + code), *data_entry = entry_of(base + data);
  uint64_t *direct = entry_of(PC_DIRECT + pc_physical(image)), *table = entry_of(base + SIGNET_ENTRY_TABLE);
  uint64_t *text = entry_of((uint64_t)pc_text_low), *constants = entry_of((uint64_t)pc_constants_low);
  ok(found_wrong(code_entry, *code_entry | PC_ENTRY_WRITE, "writable and executable") &&
         found_wrong(data_entry, *data_entry & ~no_execute, "writable and executable") &&
         found_wrong(text, *text | PC_ENTRY_WRITE, "writable and executable"),
     "the seal: a page that is writable and executable is found");
  ok(found_wrong(data_entry, *data_entry & ~no_execute & ~PC_ENTRY_WRITE, "not sealed") &&
         found_wrong(table, *table & ~no_execute, "not sealed") &&
         found_wrong(constants, *constants & ~no_execute, "") && found_wrong(direct, *direct & ~no_execute, ""),
     "the seal: what is executable and is not code is found");
  ok(found_wrong(direct, *direct | PC_ENTRY_WRITE, "is writable") &&
         found_wrong(data_entry, (*data_entry & ~PC_ENTRY_FRAME) | (*code_entry & PC_ENTRY_FRAME), "is writable") &&
         found_wrong(constants, *constants | PC_ENTRY_WRITE, "is writable") &&
         found_wrong(table, *table | PC_ENTRY_WRITE, "is writable"),
     "the seal: another way to write to code, an image, the entry table or constants is found");
  ok(found_wrong(data_entry, (*data_entry & ~PC_ENTRY_FRAME) | pc_physical(kernels), "not a window's") &&
         found_wrong(data_entry, (*data_entry & ~PC_ENTRY_FRAME) | 0xfee00000, "not our memory") &&
         found_wrong(direct, *entry_of(PC_DIRECT + 0x118000) & ~PC_ENTRY_WRITE, "not direct"),
     "the seal: memory that is not the window's is found in it");
  uint64_t *gibs = pc_table(pc_root[base >> 39]) + (base >> 30 & (PC_ENTRIES - 1));
  ok(found_wrong(gibs + 4, *gibs, "between windows") && found_wrong(gibs - 1, *gibs, "between windows"),
     "the seal: what is mapped beyond the ends of a window is found");
  ok(found_wrong(&pc_root[5], pc_root[32], "nothing belongs") && found_wrong(&pc_root[200], pc_root[32], "") &&
         found_wrong(&pc_root[300], pc_root[32], "nothing belongs"),
     "the seal: what is mapped where nothing belongs is found");
  /* Somewhere in a large page of the direct map. */
  const uint64_t pages = 900;
  uint8_t *many = port_pages_allocate(pages * PC_PAGE);
  bool found = true;
  for (uint64_t at = 0; at < pages; at += 89) {
    uint64_t physical = pc_physical(many) + at * PC_PAGE;
    pc_frame_set_kind(physical, PC_FRAME_SEALED);
    found &= pc_seal_check() != NULL;
    pc_frame_set_kind(physical, PC_FRAME_KERNEL);
  }
  ok(found && !pc_seal_check(), "the seal: what ought to be read-only and is not is found in large pages");
  port_pages_free(many, pages * PC_PAGE);
  port_window_destroy(3);
  port_image_destroy(image);
  port_pages_free(kernels, 4096);
}

/* A processor that looked ahead where nothing came into being knows the way to a table, which then serves elsewhere. */
static void test_ways(void) {
  const uint32_t window = 3, here = 0x400000, there = 0x600000;
  bool made = port_window_create(window);
  pc_window_enter(window);
  made &= port_window_map(window, here, PC_PAGE, SIGNET_PROTECT_WRITE);
  remember(pc_window_base(window) + here);
  made &= port_window_unmap(window, here, PC_PAGE) && port_window_map(window, there, PC_PAGE, SIGNET_PROTECT_WRITE) &&
          port_window_map(window, here, PC_PAGE, SIGNET_PROTECT_WRITE);
  uint64_t *second = access_page(window, there, true), *first = access_page(window, here, true);
  ok(made && first && second && first != second, "a table that a processor knows the way to is another's only later");
  port_window_destroy(window);
}

/* Code that is verified reaches a guard's length beyond both ends of its window, by %rsp and a displacement, without
 * entering anything. The processor knows the ways to the tables of a process that was there and has ended, and one of
 * them serves another process. */
static void test_guards(void) {
  const uint32_t window = 5, other = 9, page = 0x600000;
  bool made = port_window_create(window) && port_window_create(other), kept = true;
  pc_window_enter(window);
  for (int side = -1; side <= 1; side += 2) {
    uint32_t gone = window + (uint32_t)side;
    /* The top of a window is blocks. */
    uint32_t offset = side < 0 ? SIGNET_BLOCKS_HIGH - PC_PAGE : SIGNET_THREAD_PAGE;
    uint32_t guarded = side < 0 ? page + (PC_ENTRIES - 1) * PC_PAGE : page;
    made &= port_window_create(gone);
    pc_window_enter(gone);
    if (side < 0)
      made &= port_window_map(gone, offset, PC_PAGE, SIGNET_PROTECT_WRITE);
    made &= access_page(gone, offset, true) != NULL;
    port_window_destroy(gone);
    made &= port_window_map(other, page, PC_LARGE_PAGE - PC_PAGE, SIGNET_PROTECT_WRITE) &&
            port_window_map(other, page + PC_LARGE_PAGE - PC_PAGE, PC_PAGE, SIGNET_PROTECT_WRITE);
    self = 1;
    pc_window_enter(other);
    made &= access_page(other, guarded, true) != NULL;
    self = 0;
    uint64_t beyond = pc_window_base(window) + (side < 0 ? -PC_PAGE : PC_WINDOW_BYTES);
    kept &= pc_window_used_by(window, 1) && !walk_on(beyond) && !pc_window_fault(beyond, true);
    made &= port_window_unmap(other, page, PC_LARGE_PAGE);
  }
  ok(made && kept, "beyond the ends of a window is nothing, whatever a processor remembers of who was there");
  port_window_destroy(window);
  port_window_destroy(other);
}

/* A processor that sleeps counts as one that has forgotten, and has not: the interrupt that wakes it writes to no frame
 * that was read-only. The last that had to forget does so as it enters a window, and leaves the frames for others to
 * give back. */
static void test_waking(void) {
  static const uint8_t bytes[7 * 4096];
  struct port_image *image = port_image_create(bytes, sizeof bytes);
  const uint64_t physical = pc_physical(image), page = PC_DIRECT + physical;
  for (unsigned i = 0; i < 2 * CPUS; i++) { /* nothing waits from before */
    self = i % CPUS;
    pc_window_settle();
  }
  self = 1;
  pc_window_asleep();
  remember(page); /* what it had read before, and nobody has asked it to forget */
  self = 0;
  port_image_destroy(image);
  self = 2;
  pc_forget_all();
  self = 1;
  pc_window_settle();
  bool remembers = remembered[self][place_of(page)].entry && remembered[self][place_of(page)].page == page;
  bool touched = pc_frame_kind(physical) == PC_FRAME_FREE;
  pc_window_awake();
  pc_window_settle();
  ok(remembers && !touched && pc_frame_kind(physical) == PC_FRAME_FREE,
     "a processor that wakes gives no frame back before it has forgotten that it was read-only");
  self = 0;
}

bool pc_copy(void *to, const void *from, size_t length);

static void test_copy(void) {
  uint8_t from[400], to[432];
  bool good = true;
  for (unsigned i = 0; i < sizeof from; i++)
    from[i] = (uint8_t)(i * 7 + 1);
  for (size_t length = 0; length <= sizeof from; length++) {
    memset(to, 0xee, sizeof to);
    good &= pc_copy(to + 16, from, length) && !memcmp(to + 16, from, length);
    for (size_t i = 0; i < sizeof to; i++)
      good &= (i >= 16 && i < 16 + length) || to[i] == 0xee;
  }
  ok(good, "copies of every length copy that and nothing else");
}

int main(int count, char **arguments) {
  unsigned steps = count > 2 ? (unsigned)atoi(arguments[2]) : 160000;
  if (count > 1)
    seed = strtoull(arguments[1], NULL, 0);
  test_copy();
  test_refusals();
  physical(MIB, 16 * MIB);
  physical(4096 * MIB, 4104 * MIB);
  memset((void *)(PC_DIRECT + MIB), 0x5a, 15 * MIB);
  memset((void *)(PC_DIRECT + 4096 * MIB), 0x5a, 8 * MIB);
  add_ram(0x138000, 5 * MIB);
  add_ram(9 * MIB + 0x3000, 15 * MIB + 0x7000);
  add_ram(4096 * MIB + 0x1000, 4103 * MIB);
  if (setjmp(refused))
    bail(refusal, 0, 0);
  pc_memory_prepare();
  pc_paging_prepare();
  pc_window_prepare();
  pc_paging_seal();
  check();
  ok(pc_frames_total() * PC_PAGE == 5 * MIB - 0x138000 + 6 * MIB + 0x4000 + 7 * MIB - 0x1000, "all memory is found");
  ok(pc_paging_registers(0xfee00000, 4096) && !pc_paging_registers(3 * MIB, 4096) &&
         !pc_paging_registers(0x120000, 4096) && !pc_paging_registers(0, 0) && !pc_paging_registers(~0ull, 4096),
     "registers are mapped, and never where memory is");
  test_seal();
  test_ways();
  test_guards();
  test_waking();
  uint64_t used = memory.total - memory.free - waiting_frames() - lasting_tables();
  bool kept = true;
  for (unsigned round = 0; round < ROUNDS; round++) {
    const size_t part = 100 * PC_PAGE;
    void *held[16] = {NULL}; /* in every other round there is little memory */
    for (unsigned i = 0; i < 16 && round & 1; i++)
      held[i] = port_pages_allocate(part);
    for (unsigned i = 0; i < steps / ROUNDS; i++) {
      step();
      if (i % 128 == 0)
        check();
    }
    give_back_all();
    for (unsigned i = 0; i < 16; i++)
      if (held[i])
        port_pages_free(held[i], part);
    check();
    kept &= memory.promised == 0 && memory.total - memory.free - waiting_frames() - lasting_tables() == used &&
            waiting_frames() == tables.kept[PC_LEVEL_PAGES].count + tables.kept[PC_LEVEL_DIRECTORY].count;
    if (!kept)
      bail("memory is lost", memory.total - memory.free - waiting_frames() - lasting_tables(), used);
  }
  ok(failed > 40, "memory is short at times");
  ok(kept, "random operations: as the model says, and all memory comes back");
  printf("1..%u\n", tests);
  return failures != 0;
}
