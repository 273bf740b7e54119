/* Owns the memory of exchange-heap blocks. Called with the kernel lock held, and for mapping and unmapping in the turn
 * of the process whose window it is.
 *
 * Every block has an extent of one file in memory, which the kernel sees whole. A block that lies in the window's block
 * zone (its first LINUX_BLOCK_ZONE bytes for blocks) moves by copy: while a process owns it the bytes are in private
 * memory of its window; when it leaves, they go to the extent. The zone stays mapped, because on today's machines
 * changing a mapping costs more than copying (measured: mapping and unmapping 64 KiB 24 microseconds, copying it 0.6).
 * What is in no block there is the process's own to scribble on: at most the zone's size beyond its quota. It may find
 * there what it had in a block that it has given away, which it could have kept a copy of: nothing that others write to
 * the block later. What comes to lie there is written over whole. Blocks elsewhere move by mapping the extent itself.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define ARENA_BYTES (1ull << 40) /* address space for the file, not memory */
#define SIZES 28                 /* 4 KiB << 27 = 512 GiB */
#define WARM_MOST (16u << 20)    /* bytes of free extents that keep their (zeroed) memory */
/* Bytes that get their memory at once, under the kernel lock. More takes longer (measured: 0.6 ms a MiB) than others
 * should wait for it. */
#define POPULATED_MOST (4u << 20)

struct port_block {
  uint64_t position;
  struct port_block *next_free;
  uint32_t size; /* index in free_blocks: 4 KiB << size are its */
  bool warm;     /* free, zeroed, with memory */
  bool filled;   /* the extent holds bytes other than zero */
};

static int arena_descriptor = -1;
static uint8_t *arena;
static uint64_t arena_used;
static uint64_t warm_bytes;
static struct port_block *free_blocks[SIZES];

static bool arena_prepare(void) {
  int descriptor = memfd_create("signet-exchange-heap", MFD_CLOEXEC);
  if (descriptor < 0)
    return false;
  if (ftruncate(descriptor, ARENA_BYTES) != 0)
    goto fail;
  linux_address_space_lock();
  arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
  linux_address_space_unlock();
  if (arena == MAP_FAILED)
    goto fail;
  arena_descriptor = descriptor;
  return true;
fail:
  close(descriptor);
  return false;
}

static uint32_t size_index(uint64_t length) {
  uint32_t index = 0;
  while (((uint64_t)SIGNET_PAGE << index) < length)
    index++;
  return index;
}

struct port_block *port_block_create(uint64_t length) {
  if (arena_descriptor < 0 && !arena_prepare())
    return NULL;
  uint32_t size = size_index(length);
  if (size >= SIZES)
    return NULL;
  struct port_block *block = free_blocks[size];
  if (block) {
    free_blocks[size] = block->next_free;
    if (block->warm)
      warm_bytes -= (uint64_t)SIGNET_PAGE << size;
    block->warm = false;
    block->filled = false;
    return block;
  }
  uint64_t bytes = (uint64_t)SIGNET_PAGE << size;
  if (bytes + SIGNET_PAGE > ARENA_BYTES - arena_used)
    return NULL;
  linux_address_space_lock();
  block = calloc(1, sizeof *block);
  linux_address_space_unlock();
  linux_clear_vectors();
  if (!block)
    return NULL;
  block->position = arena_used;
  block->size = size;
  arena_used += bytes + SIGNET_PAGE; /* a gap, so that the host never makes one mapping of two blocks */
  return block;
}

/* Its next owner finds zeros. */
void port_block_destroy(struct port_block *block, uint64_t length) {
  uint64_t bytes = (uint64_t)SIGNET_PAGE << block->size;
  block->warm = length <= LINUX_BLOCK_ZONE && bytes <= WARM_MOST - warm_bytes;
  bool wipe = block->filled;
  if (block->warm)
    warm_bytes += bytes;
  else
    wipe = fallocate(arena_descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)block->position,
                     (off_t)length) != 0;
  if (wipe)
    linux_wipe_words(arena + block->position, length);
  block->next_free = free_blocks[block->size];
  free_blocks[block->size] = block;
}

static bool in_zone(uint64_t length, uint32_t offset) {
  return offset - SIGNET_BLOCKS_LOW + length <= LINUX_BLOCK_ZONE;
}

bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  void *address = (void *)(linux_window_base(window) + offset);
  if (in_zone(length, offset)) {
    if (!linux_window_block_zone(window, offset, length))
      return false;
    if (block->filled)
      linux_copy_words(address, arena + block->position, length);
    else
      linux_wipe_words(address, length);
    return true;
  }
  block->filled = true;
  int populate = length <= POPULATED_MOST ? MAP_POPULATE : 0;
  if (linux_window_put(address, length, PROT_READ | PROT_WRITE, MAP_SHARED | populate, arena_descriptor,
                       block->position))
    return true;
  if (offset - SIGNET_BLOCKS_LOW < LINUX_BLOCK_ZONE)
    linux_window_block_hole(window);
  return false;
}

void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  void *address = (void *)(linux_window_base(window) + offset);
  if (in_zone(length, offset)) {
    linux_copy_words(arena + block->position, address, length);
    block->filled = true;
  } else if (!linux_window_close(window, offset, length)) {
    linux_panic("cannot take a block out of window %u", window);
  } else if (offset - SIGNET_BLOCKS_LOW < LINUX_BLOCK_ZONE) {
    linux_window_block_hole(window);
  }
}

const void *port_block_bytes(struct port_block *block, uint64_t length) {
  (void)length;
  return arena + block->position;
}
