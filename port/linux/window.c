/* Owns the reserved address space and what is mapped in each window. Called by the kernel with its lock held, except
 * for the mapping of images (a window whose process is not running has one user).
 *
 * A window that was set up for one image is kept set up when its process ends: private memory is dropped, mappings
 * stay, marked stale. The next process from the same image finds them and saves the system calls. Anything that does
 * not match drops all that is stale before a process runs in the window (linux_window_settle). */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define ENTRIES 14

enum mapping_kind { MAPPING_ANONYMOUS, MAPPING_PRIVATE_IMAGE, MAPPING_CODE };

struct mapping {
  uint32_t offset;
  uint32_t pages;
  uint8_t kind;
  uint8_t protection;
  bool live; /* of the present process; otherwise stale */
  uint64_t image;
  uint64_t position; /* in the image */
};

struct window {
  struct mapping mapping[ENTRIES];
  uint8_t mappings;
  bool tables;  /* entry table and thread page are mapped */
  bool settled; /* a process has run since it was created */
  bool zone;    /* its block zone is mapped */
  bool torn;    /* and has a hole, where a block lay that began in it and was too long for it */
  bool unkept;  /* something does not fit the record: unmap all at the end */
  bool remains; /* what the host did not let be replaced is closed and still there, of an image perhaps */
  uint32_t dynamic_low;
  uint64_t dynamic_high; /* what running processes mapped beyond the record */
};

uint64_t linux_windows_low, linux_windows_high;
static struct window *windows;
static uint32_t window_count;
static int table_descriptor = -1;

extern const uint8_t linux_entry_stubs[];

static const int reserve_flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

static void *address_of(uint32_t window, uint32_t offset) { return (void *)(linux_window_base(window) + offset); }

static int host_protection(enum signet_protection protection) {
  switch (protection) {
  case SIGNET_PROTECT_READ:
    return PROT_READ;
  case SIGNET_PROTECT_WRITE:
    return PROT_READ | PROT_WRITE;
  case SIGNET_PROTECT_NONE:
    break;
  }
  return PROT_NONE;
}

/* The entry table: one page, write-sealed, mapped readable in every window. */
static bool make_table(void) {
  uint64_t table[SIGNET_PAGE / 8] = {0};
  for (uint32_t call = 0; call < SIGNET_CALL_COUNT; call++)
    table[call] = (uint64_t)(linux_entry_stubs + 16 * call);
  table_descriptor = memfd_create("signet-entry-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return table_descriptor >= 0 && write(table_descriptor, table, sizeof table) == sizeof table &&
         linux_seal_file(table_descriptor);
}

/* The host joins neighbouring mappings of private memory only if they are of one kind, which is decided where the first
 * page of a mapping is used; parts of a mapping are of its kind. So all windows are of one, and a process has no more
 * mappings than regions. A host that refuses (it keeps account of all memory) makes them of many. */
static bool share_kind(uint8_t *area, uint64_t length) {
  if (mprotect(area, length, PROT_READ | PROT_WRITE) != 0)
    return true;
  *(volatile uint8_t *)area = 0;
  return madvise(area, SIGNET_PAGE, MADV_DONTNEED) == 0 && mprotect(area, length, PROT_NONE) == 0;
}

bool linux_window_prepare(const char **problem) {
  _Static_assert(SIGNET_CALL_COUNT <= 64, "entry.S has a stub for each call");
  uint32_t wanted = linux_options.windows ? linux_options.windows : 16384;
  void *area = MAP_FAILED;
  /* One window more than counted: the area is cut to a multiple of 4 GiB. The space before and after is kept reserved
   * as guard. */
  for (; wanted >= 8; wanted /= 2) {
    area = mmap(NULL, (wanted + 2ull) * LINUX_WINDOW_BYTES, PROT_NONE, reserve_flags, -1, 0);
    if (area != MAP_FAILED)
      break;
  }
  if (area == MAP_FAILED) {
    *problem = "no address space for the windows of processes";
    return false;
  }
  if (!share_kind(area, (wanted + 2ull) * LINUX_WINDOW_BYTES)) {
    *problem = "the address space for the windows of processes cannot be closed";
    return false;
  }
  linux_windows_low = ((uint64_t)area + LINUX_WINDOW_BYTES + LINUX_WINDOW_BYTES - 1) & ~(LINUX_WINDOW_BYTES - 1);
  window_count = wanted - 1;
  linux_windows_high = linux_windows_low + window_count * LINUX_WINDOW_BYTES;
  windows = mmap(NULL, window_count * sizeof *windows, PROT_READ | PROT_WRITE, reserve_flags, -1, 0);
  if (windows == MAP_FAILED) {
    *problem = "no memory for the table of windows";
    return false;
  }
  if (!make_table()) {
    *problem = "the entry table cannot be made (memfd_create and file seals are needed)";
    return false;
  }
  return true;
}

uint32_t port_window_count(void) { return window_count; }

/* Held by who replaces what is in a window, and by who maps anything of this program's own: a host that refuses the
 * first may have taken away what was there (Linux before 6.12), and must not then give that address to the second. */
static _Atomic uint32_t address_space;

void linux_address_space_lock(void) { linux_mutex_lock(&address_space); }

void linux_address_space_unlock(void) { linux_mutex_unlock(&address_space); }

/* After a refusal. A host with no more mappings may say so of this one, too, and have taken nothing away; madvise
 * tells, and changes nothing. */
static void keep(void *address, uint64_t length) {
  if (mmap(address, length, PROT_NONE, reserve_flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED &&
      madvise(address, length, MADV_NORMAL) != 0)
    linux_panic("a window has a hole at %p, and the host does not let it be closed", address);
}

bool linux_window_put(void *address, uint64_t length, int protection, int flags, int descriptor, uint64_t position) {
  linux_address_space_lock();
  bool put = mmap(address, length, protection, flags | MAP_FIXED, descriptor, (off_t)position) != MAP_FAILED;
  if (!put)
    keep(address, length);
  linux_address_space_unlock();
  return put;
}

static bool put_code(void *address, uint64_t length, int descriptor, uint64_t position) {
  linux_address_space_lock();
  bool put = linux_loader_map(address, length, descriptor, position);
  if (!put)
    keep(address, length);
  linux_address_space_unlock();
  return put;
}

bool linux_window_close(uint32_t window, uint32_t offset, uint64_t length) {
  void *address = address_of(window, offset);
  if (linux_window_put(address, length, PROT_NONE, reserve_flags, -1, 0))
    return true;
  /* The host gives no more mappings (vm.max_map_count), and this may ask for one. Closing whole ones does not. */
  if (mprotect(address, length, PROT_NONE) != 0)
    return false;
  /* What is not given back nobody can reach, and what is mapped there next replaces. */
  (void)madvise(address, length, MADV_DONTNEED);
  windows[window].remains |= offset < SIGNET_BLOCKS_LOW;
  return true;
}

/* For whole mappings, which need nothing of the host to be closed. */
static void make_inaccessible(uint32_t window, uint32_t offset, uint64_t length) {
  if (!linux_window_close(window, offset, length))
    linux_panic("cannot take back the memory of window %u at 0x%x", window, offset);
}

static void drop_everything(uint32_t window) {
  memset(&windows[window], 0, sizeof windows[window]);
  make_inaccessible(window, 0, LINUX_WINDOW_BYTES);
}

static bool map_tables(uint32_t window) {
  return linux_window_put(address_of(window, SIGNET_ENTRY_TABLE), SIGNET_PAGE, PROT_READ, MAP_SHARED, table_descriptor,
                          0) &&
         linux_window_put(address_of(window, SIGNET_THREAD_PAGE), SIGNET_PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

bool port_window_create(uint32_t window) {
  struct window *w = &windows[window];
  w->settled = false;
  if (!w->tables) {
    if (!map_tables(window)) {
      drop_everything(window);
      return false;
    }
    w->tables = true;
  }
  return true;
}

bool linux_window_block_zone(uint32_t window, uint32_t offset, uint64_t length) {
  struct window *w = &windows[window];
  const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (!w->zone)
    w->zone = linux_window_put(address_of(window, SIGNET_BLOCKS_LOW), LINUX_BLOCK_ZONE, protection, flags, -1, 0);
  else if (w->torn)
    return linux_window_put(address_of(window, offset), length, protection, flags, -1, 0);
  return w->zone;
}

void linux_window_block_hole(uint32_t window) { windows[window].torn = windows[window].zone; }

static bool writable(const struct mapping *m) {
  return m->kind != MAPPING_CODE && m->protection == SIGNET_PROTECT_WRITE;
}

/* Pages at each end of a mapping that are wiped in place instead of being given back: a page fault costs more than
 * wiping. */
#define WIPED_LOW 16
#define WIPED_HIGH 8
#define REWRITTEN_MOST 8 /* pages of image data */

/* Of at most WIPED_LOW pages, how many in a row are in memory: from the first, or from the last back. */
static uint32_t resident_in_row(uint8_t *low, uint32_t pages, bool from_last) {
  unsigned char resident[WIPED_LOW];
  uint32_t count = 0;
  if (pages == 0 || mincore(low, (size_t)pages * SIGNET_PAGE, resident) != 0)
    return 0;
  while (count < pages && resident[from_last ? pages - 1 - count : count] & 1)
    count++;
  return count;
}

/* Makes a private mapping as it was when new. False: it could not be. */
static bool renew(uint32_t window, const struct mapping *m) {
  uint8_t *low = address_of(window, m->offset);
  size_t length = (size_t)m->pages * SIGNET_PAGE;
  if (m->kind == MAPPING_PRIVATE_IMAGE) /* a small one is written again from its image if it is revived */
    return m->pages <= REWRITTEN_MOST || madvise(low, length, MADV_DONTNEED) == 0;
  uint32_t first = m->pages < WIPED_LOW ? m->pages : WIPED_LOW;
  uint32_t last = m->pages - first < WIPED_HIGH ? m->pages - first : WIPED_HIGH;
  /* A page that is not in memory may be in the host's swap with all that it held: it is given back, too. */
  first = resident_in_row(low, first, false);
  last = resident_in_row(low + length - (size_t)last * SIGNET_PAGE, last, true);
  size_t low_bytes = (size_t)first * SIGNET_PAGE, high_bytes = (size_t)last * SIGNET_PAGE;
  linux_wipe_words(low, low_bytes);
  linux_wipe_words(low + length - high_bytes, high_bytes);
  size_t middle = length - low_bytes - high_bytes;
  return !middle || madvise(low + low_bytes, middle, MADV_DONTNEED) == 0;
}

void port_window_destroy(uint32_t window) {
  struct window *w = &windows[window];
  linux_window_forget(window);
  bool kept = !w->unkept && !w->remains && w->mappings;
  if (kept && w->dynamic_high > w->dynamic_low)
    kept = linux_window_close(window, w->dynamic_low, w->dynamic_high - w->dynamic_low);
  if (kept && w->zone)
    kept = linux_window_close(window, SIGNET_BLOCKS_LOW, LINUX_BLOCK_ZONE);
  if (!kept) {
    drop_everything(window);
    return;
  }
  w->dynamic_low = 0;
  w->dynamic_high = 0;
  w->zone = false;
  w->torn = false;
  linux_wipe_words(address_of(window, SIGNET_THREAD_PAGE), SIGNET_PAGE);
  bool renewed = true;
  for (uint32_t i = 0; i < w->mappings; i++) {
    struct mapping *m = &w->mapping[i];
    m->live = false;
    renewed = renewed && (!writable(m) || renew(window, m));
  }
  if (!renewed)
    drop_everything(window);
}

static bool overlaps(const struct mapping *m, uint32_t offset, uint64_t length) {
  return offset < m->offset + (uint64_t)m->pages * SIGNET_PAGE && m->offset < offset + length;
}

static void drop_image(uint32_t window) {
  make_inaccessible(window, SIGNET_IMAGE_LOW, SIGNET_BLOCKS_LOW - SIGNET_IMAGE_LOW);
  windows[window].mappings = 0;
}

/* Makes what stale mappings there are inaccessible, if any: all at once where nothing is live, because neighbours may
 * be one mapping of the host. False: one is, of a live and a stale one, and the host gives no more. */
static bool drop_stale(uint32_t window) {
  struct window *w = &windows[window];
  uint32_t kept = 0, live = 0;
  bool dropped = true;
  for (uint32_t i = 0; i < w->mappings; i++)
    live += w->mapping[i].live;
  if (live == w->mappings)
    return true;
  if (!live) {
    drop_image(window);
    return true;
  }
  for (uint32_t i = 0; i < w->mappings; i++) {
    struct mapping *m = &w->mapping[i];
    bool closed = !m->live && linux_window_close(window, m->offset, (uint64_t)m->pages * SIGNET_PAGE);
    if (!closed)
      w->mapping[kept++] = *m;
    dropped = dropped && (m->live || closed);
  }
  w->mappings = (uint8_t)kept;
  return dropped;
}

/* A process from whose window an earlier one's memory cannot be taken has nothing there, and ends by its first
 * instruction. */
void linux_window_settle(uint32_t window) {
  struct window *w = &windows[window];
  if (w->settled)
    return;
  if (!drop_stale(window))
    drop_image(window);
  w->settled = true;
}

enum revived { REVIVED, NOT_THERE, STALE_STAYS };

/* REVIVED: an equal mapping is there from before and is live now. NOT_THERE: everything stale in the way is gone. */
static enum revived revive(uint32_t window, const struct mapping *wanted) {
  struct window *w = &windows[window];
  for (uint32_t i = 0; i < w->mappings; i++) {
    struct mapping *m = &w->mapping[i];
    if (!m->live && m->offset == wanted->offset && m->pages == wanted->pages && m->kind == wanted->kind &&
        m->protection == wanted->protection && m->image == wanted->image && m->position == wanted->position) {
      m->live = true;
      return REVIVED;
    }
  }
  return drop_stale(window) ? NOT_THERE : STALE_STAYS;
}

/* Before a process runs, mappings are recorded; later ones only widen the range to unmap at its end. */
static void record(uint32_t window, const struct mapping *made) {
  struct window *w = &windows[window];
  if (w->settled) {
    uint64_t end = made->offset + (uint64_t)made->pages * SIGNET_PAGE;
    if (w->dynamic_high == w->dynamic_low) {
      w->dynamic_low = made->offset;
      w->dynamic_high = end;
    } else {
      if (made->offset < w->dynamic_low)
        w->dynamic_low = made->offset;
      if (end > w->dynamic_high)
        w->dynamic_high = end;
    }
    for (uint32_t i = 0; i < w->mappings; i++)
      if (overlaps(&w->mapping[i], w->dynamic_low, w->dynamic_high - w->dynamic_low))
        w->unkept = true;
  } else if (w->mappings == ENTRIES) {
    w->unkept = true;
  } else {
    w->mapping[w->mappings] = *made;
    w->mapping[w->mappings++].live = true;
  }
}

/* Of a process that runs: memory that comes and goes stays part of the one mapping (share_kind), unless another may
 * remain below it, whose bytes it would show. What a host that refuses has changed by then is inaccessible. */
static bool change(uint32_t window, uint32_t offset, uint64_t length, int protection) {
  void *address = address_of(window, offset);
  if (windows[window].remains)
    return linux_window_put(address, length, protection, reserve_flags, -1, 0);
  if (madvise(address, length, MADV_DONTNEED) == 0 && mprotect(address, length, protection) == 0)
    return true;
  (void)mprotect(address, length, PROT_NONE);
  return false;
}

bool port_window_map(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  struct mapping made = {.offset = offset,
                         .pages = (uint32_t)(length / SIGNET_PAGE),
                         .kind = MAPPING_ANONYMOUS,
                         .protection = (uint8_t)protection};
  if (protection == SIGNET_PROTECT_NONE)
    return port_window_unmap(window, offset, length);
  if (windows[window].settled) {
    if (!change(window, offset, length, host_protection(protection)))
      return false;
    record(window, &made);
    return true;
  }
  enum revived there = revive(window, &made);
  if (there != NOT_THERE)
    return there == REVIVED;
  if (!linux_window_put(address_of(window, offset), length, host_protection(protection),
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    return false;
  record(window, &made);
  return true;
}

bool port_window_unmap(uint32_t window, uint32_t offset, uint64_t length) {
  struct window *w = &windows[window];
  for (uint32_t i = 0; i < w->mappings; i++)
    if (overlaps(&w->mapping[i], offset, length))
      w->unkept = true;
  return w->settled ? change(window, offset, length, PROT_NONE) : linux_window_close(window, offset, length);
}

bool port_window_protect(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  struct window *w = &windows[window];
  for (uint32_t i = 0; i < w->mappings; i++)
    if (overlaps(&w->mapping[i], offset, length))
      w->unkept = true;
  return mprotect(address_of(window, offset), length, host_protection(protection)) == 0;
}

bool linux_window_map_image(uint32_t window, uint32_t offset, uint64_t length, int descriptor, uint64_t position,
                            uint64_t image, const void *bytes, bool code, enum signet_protection protection) {
  struct mapping made = {.offset = offset,
                         .pages = (uint32_t)(length / SIGNET_PAGE),
                         .kind = code ? MAPPING_CODE : MAPPING_PRIVATE_IMAGE,
                         .protection = (uint8_t)protection,
                         .image = image,
                         .position = position};
  enum revived there = windows[window].settled ? NOT_THERE : revive(window, &made);
  if (there == STALE_STAYS)
    return false;
  if (there == REVIVED) {
    if (writable(&made) && made.pages <= REWRITTEN_MOST)
      linux_copy_words(address_of(window, offset), (const uint8_t *)bytes + position, length);
    return true;
  }
  if (code) {
    if (!put_code(address_of(window, offset), length, descriptor, position))
      return false;
  } else if (!linux_window_put(address_of(window, offset), length, host_protection(protection), MAP_PRIVATE, descriptor,
                               position)) {
    return false;
  }
  record(window, &made);
  return true;
}

extern bool linux_copy(void *to, const void *from, size_t length);
extern bool linux_load_word(const uint32_t *from, uint32_t *to);
extern bool linux_store_word(uint32_t *to, uint32_t value);

bool port_copy_in(void *to, uint32_t window, uint32_t from, size_t length) {
  return linux_copy(to, address_of(window, from), length);
}

bool port_copy_out(uint32_t window, uint32_t to, const void *from, size_t length) {
  return linux_copy(address_of(window, to), from, length);
}

bool port_copy_across(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, size_t length) {
  return linux_copy(address_of(to_window, to), address_of(from_window, from), length);
}

bool port_load_pair(uint32_t window, uint32_t offset, uint64_t *first, uint64_t *second) {
  uint64_t pair[2];
  bool there = linux_copy(pair, address_of(window, offset), sizeof pair);
  *first = pair[0];
  *second = pair[1];
  return there;
}

bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, uint64_t first,
                          uint64_t second, uint32_t gap, uint32_t length) {
  const uint64_t pair[] = {first, second};
  return linux_copy(address_of(to_window, to + gap), address_of(from_window, from + gap), length) &&
         linux_copy(address_of(to_window, to), pair, sizeof pair);
}

bool port_load_word(uint32_t window, uint32_t offset, uint32_t *value) {
  return linux_load_word(address_of(window, offset), value);
}

bool port_store_word(uint32_t window, uint32_t offset, uint32_t value) {
  return linux_store_word(address_of(window, offset), value);
}
