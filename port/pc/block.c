/* Owns the blocks of the exchange heap: contiguous frames, named by where they are in the direct map, that move from
 * window to window by being mapped and unmapped. With the kernel lock, but for port_block_bytes.
 *
 * Small ones are zeroed when made: all of one is used as a rule, and a fault costs more than zeroing a page. Pages of
 * large ones are zeroed when first touched, so that nobody waits for the lock meanwhile; until then they are
 * PC_FRAME_STALE and in no window. */
#include "port/pc/memory.h"

#define ZEROED_MOST (64u << 10) /* bytes */

struct port_block *port_block_create(uint64_t length) {
  bool zeroed = length <= ZEROED_MOST;
  uint64_t physical = pc_frames_take(length / PC_PAGE, zeroed ? PC_FRAME_WINDOW : PC_FRAME_STALE, zeroed);
  return physical ? pc_direct(physical) : NULL;
}

void port_block_destroy(struct port_block *block, uint64_t length) {
  pc_frames_give(pc_physical(block), length / PC_PAGE);
}

bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  return pc_window_map_block(window, offset, length, pc_physical(block), length > ZEROED_MOST);
}

void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  pc_window_unmap_block(window, offset, length, pc_physical(block));
}

const void *port_block_bytes(struct port_block *block, uint64_t length) {
  uint64_t low = pc_physical(block);
  for (uint64_t page = low; page < low + length; page += PC_PAGE)
    if (pc_frame_kind(page) == PC_FRAME_STALE) {
      pc_zero(pc_direct(page), PC_PAGE);
      pc_frame_set_kind(page, PC_FRAME_WINDOW);
    }
  return block;
}
