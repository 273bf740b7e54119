/* What the kernel tells of processes and channels: process_observe of abi.h, kernel_observe of kernel.h. Kernel lock.
 *
 * Both are on lists in the order of their numbers. A child's number is greater than its parent's, so one walk along the
 * processes, from the observer on, marks all that descend from it. A walk along the channels gives the lock up now and
 * then, and keeps its place by a mark of its own in the list. So does the last call, for the one that goes on there. */
#include "kernel/object.h"

#define RECORDS_MOST 64 /* with the lock held, besides: of one call */
#define STEPS_MOST 256  /* channels looked at before others may have the lock */

struct observer {
  struct kernel_process *process; /* NULL: the host program, which sees all */
  uint64_t mark;                  /* of the processes that it sees */
  uint64_t buffer;                /* in its window; the host's address */
  size_t room, count;             /* records */
  uint64_t last;                  /* number of the last that was written */
  bool failed;                    /* the buffer cannot be written */
};

static void mark(struct observer *observer) {
  if (!observer->process)
    return;
  observer->mark = observer->process->observed = ++kernel.observations;
  for (struct list *node = observer->process->link.next; node != &kernel.processes; node = node->next) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (process->parent && process->parent->observed == observer->mark)
      process->observed = observer->mark;
  }
}

static bool sees(const struct observer *observer, const struct kernel_process *process) {
  return !observer->process || (process && process->observed == observer->mark);
}

static bool wants_more(const struct observer *observer) {
  return observer->count < observer->room && !observer->failed;
}

static void tell(struct observer *observer, const void *record, size_t size, uint64_t number) {
  uint64_t to = observer->buffer + observer->count * size;
  if (!observer->process)
    memcpy((void *)to, record, size);
  else if (!port_copy_out(observer->process->window, (uint32_t)to, record, size))
    observer->failed = true;
  observer->count++;
  observer->last = number;
}

static void tell_processes(struct observer *observer, uint64_t after) {
  struct list *node = observer->process ? &observer->process->link : kernel.processes.next;
  for (; node != &kernel.processes && wants_more(observer); node = node->next) {
    const struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (process->number <= after || !sees(observer, process))
      continue;
    struct signet_observed_process record = {
        .number = process->number,
        .parent = process->parent && sees(observer, process->parent) ? process->parent->number : 0,
        .state = process->state,
        .threads = process->threads_alive,
        .limit = process->limit,
        .used = process->used,
        .started = process->started,
        .time = process->time,
        .calls = process->calls,
        .messages = process->messages};
    memcpy(record.name, process->name, sizeof record.name);
    memcpy(record.image, process->hash, sizeof record.image);
    tell(observer, &record, sizeof record, record.number);
  }
}

static uint32_t holder(const struct observer *observer, const struct endpoint *end) {
  if (end->closed)
    return SIGNET_OBSERVED_CLOSED;
  if (!end->object.owner)
    return 0;
  return sees(observer, end->object.owner) ? end->object.owner->number : SIGNET_OBSERVED_ELSEWHERE;
}

static void tell_channel(struct observer *observer, const struct channel *channel) {
  const struct endpoint *end = channel->end;
  if (!sees(observer, end[0].object.payer) && !sees(observer, end[1].object.payer))
    return;
  struct signet_observed_channel record = {.number = channel->place.number,
                                           .state = end[0].state,
                                           .process = {holder(observer, &end[0]), holder(observer, &end[1])},
                                           .queued = {end[0].count, end[1].count},
                                           .messages = {end[0].messages, end[1].messages}};
  memcpy(record.identity, channel->contract->identity, sizeof record.identity);
  tell(observer, &record, sizeof record, record.number);
}

/* Others may have the lock for a while, and observe too. */
static void let_others(struct observer *observer) {
  struct cpu *here = kernel.here;
  if (here)
    schedule_share(here);
  unlock();
  port_lock();
  kernel.here = here;
  if (observer->mark != kernel.observations)
    mark(observer);
}

static void tell_channels(struct observer *observer, uint64_t after) {
  struct list *const end = &kernel.every_channel;
  struct list *next = after && after == kernel.told ? kernel.told_place.link.next : end->next;
  for (unsigned steps = 1; next != end && wants_more(observer); steps++) {
    const struct numbered *at = CONTAINER(next, struct numbered, link);
    next = next->next;
    if (at->number > after)
      tell_channel(observer, CONTAINER(at, struct channel, place));
    if (steps % STEPS_MOST == 0) {
      struct numbered place = {.number = 0};
      list_append(next, &place.link);
      let_others(observer);
      next = place.link.next;
      list_remove(&place.link);
    }
  }
  if (wants_more(observer))
    return; /* what follows the last one may be for others to see */
  if (next != &kernel.told_place.link) {
    list_remove(&kernel.told_place.link);
    list_append(next, &kernel.told_place.link);
  }
  kernel.told = observer->last;
}

static size_t record_size(uint64_t what) {
  return what == SIGNET_OBSERVE_PROCESSES  ? sizeof(struct signet_observed_process)
         : what == SIGNET_OBSERVE_CHANNELS ? sizeof(struct signet_observed_channel)
                                           : 0;
}

static void observe(struct observer *observer, uint64_t what, uint64_t after) {
  mark(observer);
  if (what == SIGNET_OBSERVE_PROCESSES)
    tell_processes(observer, after);
  else
    tell_channels(observer, after);
}

struct signet_result call_process_observe(struct thread *thread, const uint64_t *arguments) {
  uint64_t what = arguments[0], buffer = arguments[2], length = arguments[3];
  size_t size = record_size(what);
  if (!size || buffer % 8 || length < size)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(buffer, length))
    return error(SIGNET_ADDRESS);
  struct observer observer = {.process = thread->process, .buffer = buffer, .room = length / size};
  if (observer.room > RECORDS_MOST)
    observer.room = RECORDS_MOST;
  schedule_charge(kernel.here);
  observe(&observer, what, arguments[1]);
  return observer.failed ? error(SIGNET_ADDRESS) : result(SIGNET_OK, observer.count);
}

size_t kernel_observe(enum signet_observe what, uint64_t after, void *buffer, size_t length) {
  size_t size = record_size(what), room = size ? length / size : 0;
  struct observer observer = {.buffer = (uintptr_t)buffer, .last = after};
  while (room > observer.count) {
    size_t before = observer.count;
    observer.room = room - before < RECORDS_MOST ? room : before + RECORDS_MOST;
    lock_as_host();
    observe(&observer, what, observer.last);
    unlock();
    if (observer.count == before)
      break;
  }
  return observer.count;
}
