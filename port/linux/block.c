/* Owns the memory of exchange-heap blocks: extents of one file in memory, so that a block can leave one window and appear in
 * another without its bytes being copied. Called with the kernel lock held.
 *
 * The kernel's view of the whole file is reserved once; an extent's pages appear in it when touched. Free extents are kept in
 * lists by size in powers of two, with their pages given back. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define ARENA_BYTES (1ull << 40) /* address space for the file, not memory */
#define SIZES 28                 /* 4 KiB << 27 = 512 GiB */

struct port_block {
  uint64_t position;
  struct port_block *next_free;
  uint32_t size; /* index in free_blocks: 4 KiB << size are its */
};

static int arena_descriptor = -1;
static uint8_t *arena;
static uint64_t arena_used;
static struct port_block *free_blocks[SIZES];

static bool arena_prepare(void) {
  int descriptor = memfd_create("signet-exchange-heap", MFD_CLOEXEC);
  if (descriptor < 0)
    return false;
  if (ftruncate(descriptor, ARENA_BYTES) != 0)
    goto fail;
  arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
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
    return block;
  }
  uint64_t bytes = (uint64_t)SIGNET_PAGE << size;
  if (bytes > ARENA_BYTES - arena_used)
    return NULL;
  block = malloc(sizeof *block);
  if (!block)
    return NULL;
  block->position = arena_used;
  block->size = size;
  arena_used += bytes;
  return block;
}

void port_block_destroy(struct port_block *block, uint64_t length) {
  /* Gives the pages back and makes the next owner find zeros. */
  if (fallocate(arena_descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)block->position,
                (off_t)length) != 0)
    memset(arena + block->position, 0, length);
  block->next_free = free_blocks[block->size];
  free_blocks[block->size] = block;
}

bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  return mmap((void *)(linux_window_base(window) + offset), length, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_FIXED | MAP_POPULATE, arena_descriptor, (off_t)block->position) != MAP_FAILED;
}

void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  (void)block;
  if (mmap((void *)(linux_window_base(window) + offset), length, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
    linux_panic("cannot take a block out of window %u", window);
}

const void *port_block_bytes(struct port_block *block, uint64_t length) {
  (void)length;
  return arena + block->position;
}
