/* The handle table of a process: numbers that name objects to it and to nobody else. Anyone in kernel/; kernel lock.
 *
 * A handle is index and generation, 16 bits each. The generation changes whenever the entry is vacated, and a vacated
 * entry is used again only after all others that were free before it, so a stale handle stays stale for long. */
#include "kernel/object.h"

#define HANDLES_MOST 65535u

void handle_table_initialise(struct handle_table *table) {
  table->chunk = table->inside;
  table->chunks_most = HANDLE_CHUNKS_INSIDE;
}

static void free_append(struct handle_table *table, uint32_t index) {
  handle_entry_at(table, index)->next_free = 0;
  if (table->free_last)
    handle_entry_at(table, table->free_last - 1)->next_free = (uint16_t)(index + 1);
  else
    table->free_first = index + 1;
  table->free_last = index + 1;
  table->free_count++;
}

static enum signet_status grow(struct handle_table *table) {
  if ((table->chunks + 1) * HANDLES_PER_CHUNK > HANDLES_MOST)
    return SIGNET_QUOTA;
  if (table->chunks == table->chunks_most) {
    struct handle_entry **larger = allocate(2 * table->chunks_most * sizeof *larger);
    if (!larger)
      return SIGNET_MEMORY;
    memcpy(larger, table->chunk, table->chunks * sizeof *larger);
    if (table->chunk != table->inside)
      release(table->chunk, table->chunks_most * sizeof *larger);
    table->chunk = larger;
    table->chunks_most *= 2;
  }
  struct handle_entry *chunk = allocate(HANDLES_PER_CHUNK * sizeof *chunk);
  if (!chunk)
    return SIGNET_MEMORY;
  table->chunk[table->chunks++] = chunk;
  for (uint32_t i = 0; i < HANDLES_PER_CHUNK; i++) {
    chunk[i].generation = 1;
    free_append(table, (table->chunks - 1) * HANDLES_PER_CHUNK + i);
  }
  return SIGNET_OK;
}

enum signet_status handle_reserve(struct kernel_process *process, uint32_t count) {
  while (process->handles.free_count < count) {
    enum signet_status status = grow(&process->handles);
    if (status)
      return status;
  }
  return SIGNET_OK;
}

uint32_t handle_insert(struct kernel_process *process, struct object *object) {
  struct handle_table *table = &process->handles;
  ASSERT(table->free_count && !object->owner);
  uint32_t index = table->free_first - 1;
  struct handle_entry *entry = handle_entry_at(table, index);
  table->free_first = entry->next_free;
  if (!table->free_first)
    table->free_last = 0;
  table->free_count--;
  entry->object = object;
  object->owner = process;
  object->handle = index | (uint32_t)entry->generation << 16;
  return object->handle;
}

/* Nobody waits for a message there any more, nor is to ask there again. */
static void endpoint_leave(struct endpoint *endpoint) {
  if (endpoint->set)
    set_leave(endpoint);
  wait_wake_at(endpoint);
  handover_forget(endpoint->asker);
}

void handle_remove(struct object *object) {
  struct handle_table *table = &object->owner->handles;
  uint32_t index = object->handle & 0xffff;
  struct handle_entry *entry = handle_entry_at(table, index);
  ASSERT(entry->object == object);
  if (object->kind == SIGNET_KIND_DEVICE)
    device_wake_all(CONTAINER(object, struct device, object));
  entry->object = NULL;
  if (!++entry->generation)
    entry->generation = 1;
  free_append(table, index);
  object->owner = NULL;
  object->handle = 0;
  if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER)
    endpoint_leave(CONTAINER(object, struct endpoint, object));
  else if (object->kind == SIGNET_KIND_PROCESS)
    wait_wake_all(&CONTAINER(object, struct kernel_process, object)->waiters);
  else if (object->kind == SIGNET_KIND_SET)
    wait_wake_all(&CONTAINER(object, struct set, object)->waiters);
}

void handle_discard(struct object *object) {
  if (object->kind == SIGNET_KIND_BLOCK && CONTAINER(object, struct block, object)->offset)
    block_unmap(CONTAINER(object, struct block, object), object->owner);
  handle_remove(object);
  object_destroy(object);
}

struct object *handle_find_kind(struct kernel_process *process, uint64_t handle, enum signet_kind kind) {
  struct object *object = handle_find(process, handle);
  return object && object->kind == kind ? object : NULL;
}

void handle_close_all(struct kernel_process *process) {
  struct handle_table *table = &process->handles;
  for (uint32_t index = 0; index < table->chunks * HANDLES_PER_CHUNK; index++) {
    struct object *object = handle_entry_at(table, index)->object;
    if (object)
      handle_discard(object);
  }
  for (uint32_t i = 0; i < table->chunks; i++)
    release(table->chunk[i], HANDLES_PER_CHUNK * sizeof **table->chunk);
  if (table->chunk != table->inside)
    release(table->chunk, table->chunks_most * sizeof *table->chunk);
  *table = (struct handle_table){0};
  handle_table_initialise(table);
}

const char *handle_check(struct kernel_process *process) {
  const struct handle_table *table = &process->handles;
  uint32_t free_seen = 0, held = 0;
  for (uint32_t next = table->free_first; next; next = handle_entry_at(table, next - 1)->next_free)
    if (handle_entry_at(table, next - 1)->object || ++free_seen > table->free_count)
      return "handle table: the list of free entries holds only free ones, each once";
  for (uint32_t index = 0; index < table->chunks * HANDLES_PER_CHUNK; index++) {
    const struct handle_entry *entry = handle_entry_at(table, index);
    if (!entry->object)
      continue;
    held++;
    if (entry->object->owner != process || entry->object->handle != (index | (uint32_t)entry->generation << 16))
      return "handle table: an object knows its owner and its handle";
    if (entry->object->payer != process)
      return "handle table: who holds an object pays for it";
  }
  if (free_seen != table->free_count || held + free_seen != table->chunks * HANDLES_PER_CHUNK)
    return "handle table: every entry is free or held";
  return NULL;
}
