/* Memory under simulation: the kernel's pages, windows, images, blocks, and when there is none (sim.h). Called by the
 * kernel as port/port.h says; every rule there is asserted. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "port/sim/inside.h"

#define WINDOW_BYTES (UINT64_C(1) << 32)
#define PAGES (WINDOW_BYTES / SIGNET_PAGE)
#define CHUNK 256u            /* pages of which it is known whether any is accessible */
#define ZEROED_PAGES_MOST 64u /* what is given back is zeroed here, or if it is more by the host */

enum { ACCESS_NONE, ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_CODE = 4, ACCESS_BLOCK = 8, ACCESS_MAPPED = 16 };

struct port_image {
  size_t length;
  uint8_t *bytes;
};

struct port_block {
  uint64_t length, number;
  uint8_t *bytes;
  bool mapped;
};

static struct {
  bool there;
  uint8_t *memory;                     /* 4 GiB of address space, reserved once */
  uint8_t *access;                     /* a byte a page */
  uint64_t mapped;                     /* pages */
  uint64_t chunks[PAGES / CHUNK / 64]; /* of which a page may be accessible */
} windows[SIM_WINDOWS];

struct sim_alive sim_alive;
static unsigned fail_in;
static bool failed;

void sim_fail_at(unsigned n) {
  fail_in = n;
  failed = false;
}
bool sim_failed(void) { return failed; }

bool sim_have_memory(void) {
  if (!fail_in || --fail_in)
    return true;
  failed = true;
  return false;
}

static void access_set(uint32_t window, uint64_t offset, uint64_t length, uint8_t access) {
  uint64_t first = offset / SIGNET_PAGE, last = (offset + length) / SIGNET_PAGE - 1;
  memset(windows[window].access + first, access, last - first + 1);
  for (uint64_t chunk = first / CHUNK; chunk <= last / CHUNK; chunk++)
    windows[window].chunks[chunk / 64] |= UINT64_C(1) << chunk % 64;
}

static void mapped_add(uint32_t window, int64_t pages) {
  windows[window].mapped += (uint64_t)pages;
  sim_alive.mapped += (uint64_t)pages;
}

uint64_t sim_mapped(uint32_t window) { return windows[window].mapped; }

bool sim_window_there(uint32_t window) { return window < SIM_WINDOWS && windows[window].there; }

/* ---- Memory of the kernel ---- */

void *port_pages_allocate(size_t length) {
  RULE(sim_locked() && length && length % SIGNET_PAGE == 0);
  if (!sim_have_memory())
    return NULL;
  void *pages = aligned_alloc(SIGNET_PAGE, length);
  RULE(pages);
  memset(pages, 0, length);
  sim_alive.pages += length / SIGNET_PAGE;
  return pages;
}

void port_pages_free(void *pages, size_t length) {
  RULE(sim_locked() && pages && length % SIGNET_PAGE == 0);
  sim_alive.pages -= length / SIGNET_PAGE;
  free(pages);
}

/* ---- Windows ---- */

uint32_t port_window_count(void) { return SIM_WINDOWS; }

bool port_window_create(uint32_t window) {
  RULE(sim_locked() && window < SIM_WINDOWS && !windows[window].there);
  if (!sim_have_memory())
    return false;
  if (!windows[window].memory) {
    windows[window].memory =
        mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    windows[window].access =
        mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RULE(windows[window].memory != MAP_FAILED && windows[window].access != MAP_FAILED);
  }
  windows[window].there = true;
  access_set(window, SIGNET_ENTRY_TABLE, SIGNET_PAGE, ACCESS_READ);
  access_set(window, SIGNET_THREAD_PAGE, SIGNET_PAGE, ACCESS_READ | ACCESS_WRITE);
  sim_alive.windows++;
  return true;
}

/* Of a range within one chunk. */
static void forget_some(uint32_t window, uint64_t first, uint64_t end) {
  uint8_t *access = windows[window].access;
  uint64_t accessible = 0;
  for (uint64_t page = first; page < end; page++)
    accessible += access[page] != ACCESS_NONE;
  if (accessible > ZEROED_PAGES_MOST)
    madvise(windows[window].memory + first * SIGNET_PAGE, (end - first) * SIGNET_PAGE, MADV_DONTNEED);
  for (uint64_t page = first; accessible && page < end; page++) {
    if (access[page] == ACCESS_NONE)
      continue;
    if (accessible <= ZEROED_PAGES_MOST)
      memset(windows[window].memory + page * SIGNET_PAGE, 0, SIGNET_PAGE);
    mapped_add(window, access[page] & ACCESS_MAPPED ? -1 : 0);
    access[page] = ACCESS_NONE;
  }
}

static bool chunk_used(uint32_t window, uint64_t chunk) { return windows[window].chunks[chunk / 64] >> chunk % 64 & 1; }

static void forget_pages(uint32_t window, uint64_t offset, uint64_t length) {
  uint64_t first = offset / SIGNET_PAGE, end = (offset + length) / SIGNET_PAGE;
  for (uint64_t next; first < end; first = next) {
    next = (first / CHUNK + 1) * CHUNK < end ? (first / CHUNK + 1) * CHUNK : end;
    if (chunk_used(window, first / CHUNK))
      forget_some(window, first, next);
  }
}

/* Pages of the range that are of one of these kinds. */
static bool any_is(uint32_t window, uint64_t offset, uint64_t length, uint8_t kinds) {
  uint64_t first = offset / SIGNET_PAGE, end = (offset + length) / SIGNET_PAGE;
  for (uint64_t page = first; page < end; page++)
    if (chunk_used(window, page / CHUNK) && windows[window].access[page] & kinds)
      return true;
  return false;
}

void port_window_destroy(uint32_t window) {
  RULE(sim_locked() && windows[window].there);
  for (uint64_t chunk = 0; chunk < PAGES / CHUNK; chunk++)
    if (chunk_used(window, chunk)) {
      RULE(!any_is(window, chunk * CHUNK * SIGNET_PAGE, CHUNK * SIGNET_PAGE, ACCESS_BLOCK));
      forget_some(window, chunk * CHUNK, (chunk + 1) * CHUNK);
    }
  memset(windows[window].chunks, 0, sizeof windows[window].chunks);
  RULE(!windows[window].mapped);
  windows[window].there = false;
  sim_alive.windows--;
}

static void mappable(uint32_t window, uint64_t offset, uint64_t length) {
  RULE(window < SIM_WINDOWS && windows[window].there && length);
  RULE(offset % SIGNET_PAGE == 0 && length % SIGNET_PAGE == 0);
  RULE(offset >= SIGNET_IMAGE_LOW && offset + length <= SIGNET_BLOCKS_HIGH);
}

static uint8_t access_of(enum signet_protection protection) {
  return protection == SIGNET_PROTECT_WRITE  ? ACCESS_READ | ACCESS_WRITE | ACCESS_MAPPED
         : protection == SIGNET_PROTECT_READ ? ACCESS_READ | ACCESS_MAPPED
                                             : ACCESS_MAPPED;
}

bool port_window_map(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  RULE(sim_locked());
  mappable(window, offset, length);
  if (!sim_have_memory())
    return false;
  RULE(!any_is(window, offset, length, ACCESS_CODE | ACCESS_BLOCK));
  forget_pages(window, offset, length);
  if (protection == SIGNET_PROTECT_NONE)
    return true;
  access_set(window, offset, length, access_of(protection));
  mapped_add(window, (int64_t)(length / SIGNET_PAGE));
  return true;
}

bool port_window_unmap(uint32_t window, uint32_t offset, uint64_t length) {
  RULE(sim_locked());
  mappable(window, offset, length);
  if (!sim_have_memory())
    return false;
  RULE(!any_is(window, offset, length, ACCESS_CODE | ACCESS_BLOCK));
  forget_pages(window, offset, length);
  return true;
}

bool port_window_protect(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  RULE(sim_locked());
  mappable(window, offset, length);
  if (!sim_have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++) {
    RULE(windows[window].access[page] & ACCESS_MAPPED &&
         !(windows[window].access[page] & (ACCESS_CODE | ACCESS_BLOCK)));
    windows[window].access[page] = access_of(protection);
  }
  return true;
}

void *sim_memory(uint32_t window, uint64_t offset, uint64_t length, bool write) {
  RULE(window < SIM_WINDOWS && windows[window].there);
  if (offset > WINDOW_BYTES || length > WINDOW_BYTES - offset)
    return NULL;
  for (uint64_t page = offset / SIGNET_PAGE; length && page <= (offset + length - 1) / SIGNET_PAGE; page++)
    if (!(windows[window].access[page] & (write ? ACCESS_WRITE : ACCESS_READ)))
      return NULL;
  return windows[window].memory + offset;
}

bool port_copy_in(void *to, uint32_t window, uint32_t from, size_t length) {
  RULE(sim_locked() && from + (uint64_t)length <= WINDOW_BYTES);
  const void *memory = sim_memory(window, from, length, false);
  if (memory && length)
    memcpy(to, memory, length);
  else
    memset(to, 0, length); /* looks like something, and is not to be used */
  return memory;
}

bool port_copy_out(uint32_t window, uint32_t to, const void *from, size_t length) {
  RULE(sim_locked() && to + (uint64_t)length <= WINDOW_BYTES);
  void *memory = sim_memory(window, to, length, true);
  if (memory && length)
    memcpy(memory, from, length);
  return memory;
}

bool port_copy_across(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, size_t length) {
  RULE(sim_locked() && from + (uint64_t)length <= WINDOW_BYTES && to + (uint64_t)length <= WINDOW_BYTES);
  const void *source = sim_memory(from_window, from, length, false);
  void *target = sim_memory(to_window, to, length, true);
  if (source && target && length)
    memmove(target, source, length);
  return source && target;
}

bool port_load_word(uint32_t window, uint32_t offset, uint32_t *value) {
  RULE(offset % 4 == 0);
  return port_copy_in(value, window, offset, 4);
}

bool port_store_word(uint32_t window, uint32_t offset, uint32_t value) {
  RULE(offset % 4 == 0);
  return port_copy_out(window, offset, &value, 4);
}

/* ---- Images ---- */

struct port_image *port_image_create(const void *bytes, size_t length) {
  RULE(length && !sim_locked());
  sim_point();
  if (!sim_have_memory())
    return NULL;
  struct port_image *image = malloc(sizeof *image);
  image->length = length;
  image->bytes = malloc(length); /* exactly as long, so that reading past its end is seen */
  memcpy(image->bytes, bytes, length);
  sim_alive.images++;
  return image;
}

const void *port_image_bytes(const struct port_image *image) { return image->bytes; }

bool port_image_map(const struct port_image *image, uint64_t image_offset, uint32_t window, uint32_t offset,
                    uint64_t length, bool code, enum signet_protection protection) {
  sim_point();
  RULE(image_offset % SIGNET_PAGE == 0 && image_offset < image->length);
  RULE(image_offset + length < image->length + SIGNET_PAGE);
  RULE(!code || protection == SIGNET_PROTECT_READ);
  mappable(window, offset, length);
  if (!sim_have_memory())
    return false;
  uint64_t there = image->length - image_offset < length ? image->length - image_offset : length;
  memcpy(windows[window].memory + offset, image->bytes + image_offset, there);
  access_set(window, offset, length, access_of(protection) | (code ? ACCESS_CODE : 0));
  mapped_add(window, (int64_t)(length / SIGNET_PAGE));
  return true;
}

void port_image_destroy(struct port_image *image) {
  RULE(sim_locked());
  free(image->bytes);
  free(image);
  sim_alive.images--;
}

uint32_t port_features(void) { return sim_features; }

/* ---- Blocks ---- */

uint64_t sim_block_number(const struct port_block *block) { return block->number; }

struct port_block *port_block_create(uint64_t length) {
  static uint64_t number;
  RULE(sim_locked() && length && length % SIGNET_PAGE == 0);
  if (!sim_have_memory())
    return NULL;
  struct port_block *block = malloc(sizeof *block);
  *block = (struct port_block){.length = length, .number = ++number, .bytes = calloc(length, 1)};
  RULE(block->bytes);
  sim_alive.blocks++;
  return block;
}

void port_block_destroy(struct port_block *block, uint64_t length) {
  RULE(sim_locked() && block->length == length && !block->mapped);
  free(block->bytes);
  free(block);
  sim_alive.blocks--;
}

bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  RULE(sim_locked() && block->length == length && !block->mapped);
  RULE(offset >= SIGNET_BLOCKS_LOW);
  mappable(window, offset, length);
  if (!sim_have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++)
    RULE(!windows[window].access[page]);
  access_set(window, offset, length, ACCESS_READ | ACCESS_WRITE | ACCESS_BLOCK | ACCESS_MAPPED);
  mapped_add(window, (int64_t)(length / SIGNET_PAGE));
  memcpy(windows[window].memory + offset, block->bytes, length);
  block->mapped = true;
  return true;
}

void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  RULE(sim_locked() && block->length == length && block->mapped);
  mappable(window, offset, length);
  memcpy(block->bytes, windows[window].memory + offset, length);
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++)
    RULE(windows[window].access[page] & ACCESS_BLOCK);
  forget_pages(window, offset, length);
  block->mapped = false;
}

const void *port_block_bytes(struct port_block *block, uint64_t length) {
  RULE(block->length == length && !block->mapped);
  return block->bytes;
}
