/* Blocks of the exchange heap: one holder at a time, who alone can reach the memory. channel.c moves them; kernel lock.
 */
#include "kernel/object.h"

enum signet_status block_map(struct block *block, struct kernel_process *process) {
  ASSERT(!block->offset);
  uint32_t offset = regions_find_gap(&process->blocks, SIGNET_BLOCKS_LOW, SIGNET_BLOCKS_HIGH, block->length);
  if (!offset || !regions_reserve(&process->blocks, 1) ||
      !port_block_map(block->port, block->length, process->window, offset))
    return SIGNET_MEMORY;
  regions_insert(&process->blocks, offset, offset + (uint32_t)block->length, SIGNET_PROTECT_WRITE, false);
  block->offset = offset;
  return SIGNET_OK;
}

void block_unmap(struct block *block, struct kernel_process *process) {
  ASSERT(block->offset);
  port_block_unmap(block->port, block->length, process->window, block->offset);
  regions_carve(&process->blocks, block->offset, block->offset + (uint32_t)block->length);
  block->offset = 0;
}

void block_destroy(struct block *block) {
  ASSERT(!block->offset);
  object_charge(&block->object, NULL);
  port_block_destroy(block->port, block->length);
  release(block, sizeof *block);
  kernel.blocks--;
}

struct signet_result call_block_allocate(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  if (!arguments[0] || arguments[0] > SIGNET_BLOCKS_HIGH - SIGNET_BLOCKS_LOW)
    return error(SIGNET_ARGUMENT);
  uint64_t length = page_up(arguments[0]);
  if (!quota_has(process, length, 1))
    return error(SIGNET_QUOTA);
  enum signet_status status = handle_reserve(process, 1);
  if (status)
    return error(status);
  struct block *block = allocate(sizeof *block);
  if (!block)
    return error(SIGNET_MEMORY);
  status = SIGNET_MEMORY;
  block->port = port_block_create(length);
  if (!block->port)
    goto no_memory;
  block->length = length;
  object_initialise(&block->object, SIGNET_KIND_BLOCK, length);
  status = block_map(block, process);
  if (status)
    goto no_room;
  kernel.blocks++;
  object_charge(&block->object, process);
  uint32_t handle = handle_insert(process, &block->object);
  return result(SIGNET_OK, handle | (uint64_t)block->offset << 32);

no_room:
  port_block_destroy(block->port, length);
no_memory:
  release(block, sizeof *block);
  return error(status);
}
