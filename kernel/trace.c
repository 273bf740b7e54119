/* The trace: the last messages that were sent or refused, for the host program; no process can see it. Kernel lock.
 *
 * While there is one, no end remembers what fits (handover.c), so that every message is sent in the general way and
 * comes through here. Without one it costs nothing. */
#include "kernel/object.h"

#define RECORDS_AT_ONCE 16 /* taken with the lock held */

/* Where the next message is noted: the oldest record, once the ring is full. */
static struct kernel_trace_record *next_record(void) {
  return &kernel.trace[(kernel.trace_first + (uint64_t)kernel.trace_count) % kernel.trace_capacity];
}

static uint32_t holder(const struct endpoint *end) {
  return end->closed ? SIGNET_OBSERVED_CLOSED : end->object.owner ? end->object.owner->number : 0;
}

static void note_moved(struct kernel_trace_record *record, const struct kernel_process *process, uint64_t message,
                       uint32_t count) {
  struct signet_moved given[SIGNET_MESSAGE_MOVED];
  if (count > SIGNET_MESSAGE_MOVED)
    count = SIGNET_MESSAGE_MOVED;
  if (!port_copy_in(given, process->window, (uint32_t)message + (uint32_t)offsetof(struct signet_message, moved),
                    count * sizeof *given))
    return;
  for (uint32_t i = 0; i < count; i++) {
    const struct object *object = handle_find(process, given[i].handle);
    record->moved_kind[i] = object ? object->kind : SIGNET_KIND_NONE;
    if (object && object->kind == SIGNET_KIND_BLOCK)
      record->moved_length[i] = (uint32_t)CONTAINER(object, struct block, object)->length;
  }
}

/* Before anything moves: the message may lie in a block that it takes away. */
void trace_sending(const struct kernel_process *process, const struct endpoint *from, uint64_t message) {
  struct {
    uint32_t tag, length, moved_count, reserved;
  } header = {.tag = UINT32_MAX};
  struct kernel_trace_record *record = next_record();
  if (!(message % 8) && range_valid(message, SIGNET_MESSAGE_DATA) &&
      !port_copy_in(&header, process->window, (uint32_t)message, sizeof header))
    header.tag = UINT32_MAX, header.length = header.moved_count = 0;
  *record = (struct kernel_trace_record){.time = port_clock(SIGNET_CLOCK_MONOTONIC),
                                         .channel = from->channel->place.number,
                                         .process = {process->number, holder(from->peer)},
                                         .side = from->side,
                                         .state = from->state,
                                         .moved_count =
                                             header.moved_count < UINT8_MAX ? (uint8_t)header.moved_count : UINT8_MAX,
                                         .tag = header.tag,
                                         .length = header.length};
  memcpy(record->identity, from->channel->contract->identity, sizeof record->identity);
  if (header.moved_count)
    note_moved(record, process, message, header.moved_count);
  uint32_t length = header.length < KERNEL_TRACE_DATA ? header.length : KERNEL_TRACE_DATA;
  if (length && (!range_valid(message + SIGNET_MESSAGE_DATA, length) ||
                 !port_copy_in(record->data, process->window, (uint32_t)message + SIGNET_MESSAGE_DATA, length)))
    memset(record->data, 0, sizeof record->data);
}

void trace_sent(const struct endpoint *from, enum signet_status status) {
  struct kernel_trace_record *record = next_record();
  record->next = from->state;
  record->refused = (uint8_t)status;
  if (kernel.trace_count < kernel.trace_capacity) {
    kernel.trace_count++;
    return;
  }
  kernel.trace_first = (kernel.trace_first + 1) % kernel.trace_capacity;
  kernel.trace_lost++;
}

static void give_up(void) {
  release(kernel.trace, kernel.trace_capacity * sizeof *kernel.trace);
  kernel.trace = NULL;
  kernel.trace_capacity = kernel.trace_first = kernel.trace_count = 0;
  kernel.trace_lost = 0;
}

enum signet_status kernel_trace_begin(uint32_t records) {
  enum signet_status status = SIGNET_MEMORY;
  if (!records)
    return SIGNET_ARGUMENT;
  lock_as_host();
  struct kernel_trace_record *ring = allocate((size_t)records * sizeof *ring);
  if (!ring)
    goto unlock;
  give_up();
  kernel.trace = ring;
  kernel.trace_capacity = records;
  for (struct list *node = kernel.every_channel.next; node != &kernel.every_channel; node = node->next) {
    struct numbered *at = CONTAINER(node, struct numbered, link);
    for (unsigned side = 0; at->number && side < 2; side++)
      CONTAINER(at, struct channel, place)->end[side].fits_stance = STANCE_NONE;
  }
  status = SIGNET_OK;
unlock:
  unlock();
  return status;
}

void kernel_trace_end(void) {
  lock_as_host();
  give_up();
  unlock();
}

size_t kernel_trace_take(struct kernel_trace_record *records, size_t most, uint64_t *lost) {
  size_t taken = 0;
  *lost = 0;
  for (bool more = true; more;) {
    lock_as_host();
    for (unsigned i = 0; i < RECORDS_AT_ONCE && taken < most && kernel.trace_count; i++) {
      records[taken++] = kernel.trace[kernel.trace_first];
      kernel.trace_first = (kernel.trace_first + 1) % kernel.trace_capacity;
      kernel.trace_count--;
    }
    *lost += kernel.trace_lost;
    kernel.trace_lost = 0;
    more = taken < most && kernel.trace_count;
    unlock();
  }
  return taken;
}
