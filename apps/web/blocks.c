/* Which blocks there are, and who has them. The core only.
 *
 * A few are in use normally, and are kept: on Linux a block near the beginning of a process's memory for blocks moves
 * at a fraction of what another one costs, and the network gives one back at once if its reader is not slow. A block
 * that comes back still holds the file that was sent; it stays with the file, and is sent again when the file is asked
 * for again and has not changed. Only when all are with slow readers are more made, up to BLOCKS_MOST. */
#include "apps/web/web.h"

/* Few, so that all their copies stay in the processor's cache: measured with 64 KiB to 256 connections, 15 cost half as
 * much again. */
#define BLOCKS_KEPT 4u

static struct block kept[BLOCKS_KEPT];
static uint32_t kept_count, used, ready, slow;

static uint32_t total(void) { return kept_count + used + ready; }
static bool enough(void) { return total() - slow >= BLOCKS_KEPT; }

bool block_take(struct block *block, bool beyond) {
  if (kept_count) {
    *block = kept[--kept_count];
  } else if (enough() && file_ready_steal(block)) {
    ready--;
  } else if ((enough() && !beyond) || total() >= BLOCKS_MOST || !transport_block_take(block)) {
    return false;
  }
  used++;
  return true;
}

void block_give(struct block block) {
  used--;
  if (!enough())
    kept[kept_count++] = block;
  else
    transport_block_give(block);
}

void block_lost(void) { used--; }

void block_readied(bool with_file) {
  ready += with_file ? 1 : -1u;
  used += with_file ? -1u : 1;
}

void block_slow(bool is_slow) { slow += is_slow ? 1 : -1u; }

bool block_may_stay(void) { return total() - slow <= BLOCKS_KEPT; }

bool block_can_be_taken(void) { return kept_count || ready || (!enough() && total() < BLOCKS_MOST); }

bool block_comes(void) { return used > slow && total() < BLOCKS_MOST; }

uint32_t blocks_used(void) { return used + slow; }

void blocks_drop(void) {
  struct block block;
  while (ready && file_ready_steal(&block)) {
    ready--;
    transport_block_give(block);
  }
  while (kept_count)
    transport_block_give(kept[--kept_count]);
}
