/* The memory that a process maps for itself, in the area between its stack and its blocks. The memory calls; kernel
 * lock. */
#include "kernel/object.h"

static enum signet_status area_check(const struct kernel_process *process, uint64_t offset, uint64_t length) {
  if (offset & PAGE_MASK || length & PAGE_MASK || !length)
    return SIGNET_ARGUMENT;
  if (offset < process->area_low || offset >= SIGNET_BLOCKS_LOW || length > SIGNET_BLOCKS_LOW - offset)
    return SIGNET_ADDRESS;
  return SIGNET_OK;
}

static bool protection_valid(uint64_t protection) {
  return protection == SIGNET_PROTECT_NONE || protection == SIGNET_PROTECT_READ || protection == SIGNET_PROTECT_WRITE;
}

struct signet_result call_memory_map(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t offset = arguments[0], length = arguments[1], protection = arguments[2], replaced;
  if (!protection_valid(protection))
    return error(SIGNET_ARGUMENT);
  enum signet_status status = area_check(process, offset, length);
  if (status)
    return error(status);
  uint32_t low = (uint32_t)offset, high = (uint32_t)(offset + length);
  uint32_t count = regions_count_with(&process->regions, low, high, (uint32_t)protection, &replaced);
  /* What is to be closed may fail in the middle, and leave a hole. */
  uint32_t holed = regions_count_without(&process->regions, low, high, &replaced);
  if (!protection && holed > count)
    count = holed;
  if (count > process->limit.regions - (process->used.regions - process->regions.count) ||
      (length > replaced && !quota_has(process, length - replaced, 0)))
    return error(SIGNET_QUOTA);
  if (!regions_reserve(&process->regions, 2))
    return error(SIGNET_MEMORY);
  /* Memory that is to be inaccessible is mapped and then closed, so that opening it later finds it there. */
  if (!port_window_map(process->window, low, length,
                       protection ? (enum signet_protection)protection : SIGNET_PROTECT_READ))
    return error(SIGNET_MEMORY);
  if (!protection && !port_window_protect(process->window, low, length, SIGNET_PROTECT_NONE)) {
    /* What was there is gone already; nothing is there now, or zeros that can only be read and cost nothing. */
    (void)port_window_unmap(process->window, low, length);
    process->used.regions -= process->regions.count;
    regions_carve(&process->regions, low, high);
    process->used.regions += process->regions.count;
    process->used.memory -= replaced;
    return error(SIGNET_MEMORY);
  }
  process->used.regions -= process->regions.count;
  regions_carve(&process->regions, low, high);
  regions_insert(&process->regions, low, high, (uint32_t)protection, true);
  process->used.regions += process->regions.count;
  process->used.memory += length - replaced;
  return result(SIGNET_OK, 0);
}

struct signet_result call_memory_unmap(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t offset = arguments[0], length = arguments[1], replaced;
  enum signet_status status = area_check(process, offset, length);
  if (status)
    return error(status);
  uint32_t low = (uint32_t)offset, high = (uint32_t)(offset + length);
  uint32_t count = regions_count_without(&process->regions, low, high, &replaced);
  if (!replaced)
    return result(SIGNET_OK, 0);
  if (count > process->regions.count && process->used.regions == process->limit.regions)
    return error(SIGNET_QUOTA);
  if (!regions_reserve(&process->regions, 1))
    return error(SIGNET_MEMORY);
  if (!port_window_unmap(process->window, low, length))
    return error(SIGNET_MEMORY);
  process->used.regions -= process->regions.count;
  regions_carve(&process->regions, low, high);
  process->used.regions += process->regions.count;
  process->used.memory -= replaced;
  return result(SIGNET_OK, 0);
}

struct signet_result call_memory_protect(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t offset = arguments[0], length = arguments[1], protection = arguments[2], covered;
  if (!protection_valid(protection))
    return error(SIGNET_ARGUMENT);
  enum signet_status status = area_check(process, offset, length);
  if (status)
    return error(status);
  uint32_t low = (uint32_t)offset, high = (uint32_t)(offset + length);
  uint32_t count = regions_count_with(&process->regions, low, high, (uint32_t)protection, &covered);
  if (covered != length)
    return error(SIGNET_ADDRESS);
  if (count > process->limit.regions - (process->used.regions - process->regions.count))
    return error(SIGNET_QUOTA);
  if (!regions_reserve(&process->regions, 2) ||
      !port_window_protect(process->window, low, length, (enum signet_protection)protection))
    return error(SIGNET_MEMORY);
  process->used.regions -= process->regions.count;
  regions_carve(&process->regions, low, high);
  regions_insert(&process->regions, low, high, (uint32_t)protection, true);
  process->used.regions += process->regions.count;
  return result(SIGNET_OK, 0);
}
