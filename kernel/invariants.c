/* What must always hold of the kernel's data, each a named sentence, and its statistics. Tools and tests; takes the
 * lock. */
#include "kernel/object.h"

#define CHECK(condition, sentence)                                                                                     \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      return sentence;                                                                                                 \
  } while (0)

static uint32_t length_of(const struct list *head) {
  uint32_t length = 0;
  for (const struct list *node = head->next; node != head; node = node->next)
    length++;
  return length;
}

static bool on_list(const struct list *head, const struct list *wanted) {
  for (const struct list *node = head->next; node != head; node = node->next)
    if (node == wanted)
      return true;
  return false;
}

static const char *endpoint_check(const struct endpoint *endpoint) {
  const struct channel *channel = endpoint->channel;
  CHECK(!endpoint->closed, "endpoint: whoever holds one holds an open one");
  CHECK(endpoint->slots && endpoint->count <= endpoint->limit && endpoint->head < endpoint->limit,
        "endpoint: its queue is within its bounds");
  CHECK(endpoint->limit == channel->contract->slots[endpoint->side], "endpoint: its queue is as its contract says");
  CHECK(endpoint->state < channel->contract->states, "channel: its state is one of its contract's");
  CHECK(endpoint->state == endpoint->peer->state, "channel: its ends agree on its state");
  CHECK(channel->contract->references, "contract: whoever uses it is counted");
  CHECK(endpoint->object.owner || endpoint->carrier, "endpoint: it has a holder or a carrier");
  CHECK(!endpoint->object.owner || !endpoint->carrier, "endpoint: it has not both a holder and a carrier");
  CHECK(endpoint->listed || list_empty(&endpoint->waiters), "endpoint: one that says that nobody waits has no waiters");
  CHECK(endpoint->asker == &nobody ||
            (endpoint->asker->asked == endpoint && endpoint->asker->process == endpoint->object.owner &&
             endpoint->asker->arguments[0] == endpoint->object.handle),
        "endpoint: its asker is a thread of its holder that asked it");
  CHECK(endpoint->asker->wait != WAIT_ANSWER || (!endpoint->count && list_empty(&endpoint->waiters)),
        "endpoint: who waits for his answer there waits alone, for a message that is not there");
  if (endpoint->set) {
    CHECK(endpoint->object.owner && endpoint->object.owner == endpoint->set->object.owner,
          "set: whoever holds it holds its members");
    CHECK(endpoint->set_ready == (endpoint->count || endpoint->peer->closed),
          "set: a member is ready while a message waits there or its peer is closed");
  }
  for (uint32_t i = 0; i < endpoint->count; i++) {
    const struct slot *slot = endpoint_slot(endpoint, i);
    CHECK(slot->tag < channel->contract->messages, "message: its tag is in its contract");
    const struct signet_contract_message *row = &channel->contract->rows[slot->tag];
    CHECK(slot->length >= row->length_least && slot->length <= row->length_most,
          "message: its length is as its row says");
    CHECK(slot->moved_count == row->moved_count && row->to_client == !endpoint->side, "message: it is as its row says");
    for (uint32_t j = 0; j < slot->moved_count; j++) {
      const struct object *object = slot->moved[j];
      CHECK(object->kind == row->moved_kind[j], "message: what it moves is of its row's kinds");
      CHECK(!object->owner && !object->handle, "message: what travels has no holder");
      if (object->kind == SIGNET_KIND_BLOCK)
        CHECK(!CONTAINER(object, struct block, object)->offset, "block: one that travels is mapped nowhere");
      else
        CHECK(CONTAINER(object, struct endpoint, object)->carrier == endpoint, "endpoint: it knows its carrier");
    }
  }
  return NULL;
}

static bool descends(const struct kernel_process *process, const struct kernel_process *from) {
  while (process && process != from)
    process = process->parent;
  return process && process == from;
}

static const char *device_check(const struct device *device) {
  const struct kernel_process *holder = device->object.owner;
  const struct device *borrower = device->borrower;
  CHECK(holder, "device: it has a holder");
  CHECK(!device->lender || device->lender->borrower == device, "device: who lent it knows to whom");
  if (!borrower)
    return NULL;
  CHECK(borrower->lender == device && borrower->port == device->port, "device: who borrowed it knows of whom");
  CHECK(borrower->object.owner != holder && descends(borrower->object.owner, holder),
        "device: who borrowed it descends from who lent it");
  for (const struct list *node = holder->threads.next; node != &holder->threads; node = node->next)
    CHECK(CONTAINER(node, struct thread, link)->device != device, "device: nobody waits for one that he has lent");
  return NULL;
}

/* How many endpoints are on that list of the set; UINT32_MAX: one that is not to be there. */
static uint32_t members_on(const struct set *set, const struct list *list, bool ready) {
  uint32_t members = 0;
  for (const struct list *node = list->next; node != list; node = node->next, members++) {
    const struct endpoint *member = CONTAINER(node, struct endpoint, set_link);
    if (member->set != set || member->set_ready != ready)
      return UINT32_MAX;
  }
  return members;
}

/* *members: how many it has. */
static const char *set_check(const struct set *set, uint32_t *members) {
  const struct kernel_process *process = set->object.owner;
  uint32_t ready = members_on(set, &set->ready, true), quiet = members_on(set, &set->quiet, false);
  CHECK(process, "set: it stays with who made it");
  CHECK(ready != UINT32_MAX && quiet != UINT32_MAX, "set: its members know it, and on which list they are");
  uint32_t coming = 0;
  for (const struct list *node = process->threads.next; node != &process->threads; node = node->next) {
    const struct thread *thread = CONTAINER(node, struct thread, link);
    coming += thread->coming && thread->state == THREAD_READY && thread->retry &&
              thread->call == SIGNET_CALL_set_receive && thread->arguments[0] == set->object.handle;
  }
  CHECK(coming == set->coming || process->state == SIGNET_PROCESS_STOPPING,
        "set: those that it woke and that have not looked yet are counted");
  CHECK(!ready || list_empty(&set->waiters) || coming || process->state == SIGNET_PROCESS_STOPPING,
        "set: no member is ready while all who wait for it sleep");
  for (const struct list *node = set->waiters.next; node != &set->waiters; node = node->next) {
    const struct thread *thread = CONTAINER(node, struct wait_node, link)->thread;
    CHECK(thread->wait == WAIT_SET && thread->process == process, "set: who waits for it is a thread of its holder");
  }
  *members = ready + quiet;
  return NULL;
}

static const char *objects_check(struct kernel_process *process) {
  uint64_t memory = 0;
  uint32_t handles = 0, blocks = 0, inserted = 0, members = 0;
  uint64_t images = 0;
  for (const struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    CHECK(object->payer == process, "object: it is on the list of whom it is charged to");
    CHECK(!object->owner || object->owner == process, "object: who holds it pays for it");
    memory += object->charge;
    handles++;
    images += object->kind == SIGNET_KIND_IMAGE;
    if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER) {
      const char *broken = endpoint_check(CONTAINER(object, struct endpoint, object));
      CHECK(!broken, broken);
      inserted += CONTAINER(object, struct endpoint, object)->set != NULL;
    }
    if (object->kind == SIGNET_KIND_SET) {
      uint32_t of_this;
      const char *broken = set_check(CONTAINER(object, struct set, object), &of_this);
      CHECK(!broken, broken);
      members += of_this;
    }
    if (object->kind == SIGNET_KIND_DEVICE) {
      const char *broken = device_check(CONTAINER(object, struct device, object));
      CHECK(!broken, broken);
    }
    if (object->kind == SIGNET_KIND_BLOCK && object->owner) {
      const struct block *block = CONTAINER(object, struct block, object);
      bool found = false;
      for (uint32_t i = 0; i < process->blocks.count; i++)
        found |=
            process->blocks.at[i].low == block->offset && process->blocks.at[i].high == block->offset + block->length;
      CHECK(found || (!block->offset && process->state == SIGNET_PROCESS_UNSTARTED),
            "block: it is mapped in its holder's window");
      blocks += found;
    }
  }
  CHECK(inserted == members, "set: whoever is in one is on one of its lists");
  CHECK(blocks == process->blocks.count, "block: nothing is mapped that is not held");
  for (uint32_t i = 0; i < process->regions.count; i++)
    memory += process->regions.at[i].high - process->regions.at[i].low;
  struct signet_quota used = {.memory = memory, .handles = handles, .regions = process->regions.count};
  if (process->image)
    used.memory += process->image->charge + (process->stack_high - process->stack_low) +
                   page_up(sizeof(struct signet_startup) + process->startup_length);
  used.threads = length_of(&process->threads);
  CHECK(used.threads == process->threads_alive, "thread: those of a process are counted");
  for (const struct list *node = process->children.next; node != &process->children; node = node->next) {
    const struct kernel_process *child = CONTAINER(node, struct kernel_process, sibling_link);
    used.memory += child->limit.memory;
    used.threads += child->limit.threads;
    used.handles += child->limit.handles;
    used.regions += child->limit.regions;
    used.processes += child->limit.processes + 1;
    images += 2 * (uint64_t)child->limit.processes;
  }
  if (process->making)
    return NULL; /* what its new child was lent is in no sum yet */
  CHECK(used.memory == process->used.memory, "quota: the memory charged is the memory held");
  CHECK(used.threads == process->used.threads, "quota: the threads charged are the threads there are");
  CHECK(used.handles == process->used.handles, "quota: the handles charged are the objects paid for");
  CHECK(used.regions == process->used.regions, "quota: the regions charged are the regions there are");
  CHECK(used.processes == process->used.processes, "quota: the processes charged are the children and theirs");
  CHECK(images == process->images && images <= 2 * (uint64_t)process->limit.processes,
        "quota: images are counted, and are no more than two for each process");
  CHECK(used.memory <= process->limit.memory && used.threads <= process->limit.threads &&
            used.handles <= process->limit.handles && used.regions <= process->limit.regions &&
            used.processes <= process->limit.processes,
        "quota: nothing exceeds its limit");
  return NULL;
}

static const char *thread_check(const struct thread *thread) {
  const struct kernel_process *process = thread->process;
  bool running = process->cpu && process->run == RUN_ACTIVE && process->cpu->current == thread;
  CHECK((thread->state == THREAD_READY) == on_list(&process->ready, &thread->turn_link),
        "thread: it is ready when it is on its process's ready list");
  /* Of a process that is stopping, the thread that left its processor for the last time keeps its state. */
  CHECK(thread->state != THREAD_RUNNING || running || process->state == SIGNET_PROCESS_STOPPING,
        "thread: it is running when a processor runs it");
  CHECK((thread->wait == WAIT_NONE) == (thread->state != THREAD_WAITING),
        "thread: it waits for something or not at all");
  CHECK(!thread->timer || (thread->state == THREAD_WAITING && kernel.timers[thread->timer] == thread),
        "thread: an armed deadline is that of a waiting thread");
  CHECK(!thread->nodes || thread->wait == WAIT_OBJECTS || thread->wait == WAIT_SET,
        "thread: wait nodes are in use while it waits");
  CHECK(thread->asked == &nowhere || thread->asked->asker == thread, "thread: what it asked knows its asker");
  CHECK(thread->wait != WAIT_ANSWER || (thread->asked != &nowhere && !thread->timer),
        "thread: who waits for his answer knows where he asked, and waits for ever");
  CHECK(thread->wait != WAIT_DEVICE || (thread->device && thread->device->object.owner == process),
        "thread: who waits for a device knows which, and its process holds it");
  return NULL;
}

static const char *process_check(struct kernel_process *process) {
  uint32_t alive = 0;
  for (const struct list *node = process->children.next; node != &process->children; node = node->next) {
    const struct kernel_process *child = CONTAINER(node, struct kernel_process, sibling_link);
    CHECK(child->parent == process, "process: a child knows its parent");
    alive += child->state != SIGNET_PROCESS_STOPPED;
  }
  CHECK(alive == process->children_alive, "process: its living children are counted");
  CHECK(process->state != SIGNET_PROCESS_STOPPED || (!alive && list_empty(&process->threads) && !process->image),
        "process: a stopped one has nothing left");
  CHECK(process->state != SIGNET_PROCESS_UNSTARTED || list_empty(&process->threads),
        "process: an unstarted one has no threads");
  CHECK(process->state != SIGNET_PROCESS_RUNNING || !list_empty(&process->threads),
        "process: a running one has threads");
  CHECK(process->run != RUN_ACTIVE || process->cpu->process == process, "process: an active one is on its processor");
  CHECK(process->ready_count == length_of(&process->ready) && !process->zero, "process: its ready threads are counted");
  CHECK((process->run == RUN_QUEUED) == !list_empty(&process->run_link), "process: a queued one is on a queue");
  CHECK(process->state != SIGNET_PROCESS_RUNNING || process->run != RUN_IDLE || list_empty(&process->ready),
        "process: one with ready threads is queued or active");
  for (const struct list *node = process->threads.next; node != &process->threads; node = node->next) {
    const char *broken = thread_check(CONTAINER(node, struct thread, link));
    CHECK(!broken, broken);
  }
  const char *broken = handle_check(process);
  CHECK(!broken, broken);
  broken = objects_check(process);
  CHECK(!broken, broken);
  broken = regions_check(&process->regions, process->area_low, SIGNET_BLOCKS_LOW);
  CHECK(!broken, broken);
  return regions_check(&process->blocks, SIGNET_BLOCKS_LOW, SIGNET_BLOCKS_HIGH);
}

static const char *channels_check(void) {
  uint64_t channels = 0, last = 0;
  for (const struct list *node = kernel.every_channel.next; node != &kernel.every_channel; node = node->next) {
    const struct numbered *place = CONTAINER(node, struct numbered, link);
    if (!place->number)
      continue;
    const struct channel *channel = CONTAINER(place, struct channel, place);
    CHECK(place->number > last && place->number <= kernel.next_channel, "channels: they are in their numbers' order");
    CHECK(!kernel.trace || (channel->end[0].fits_stance == STANCE_NONE && channel->end[1].fits_stance == STANCE_NONE),
          "trace: while there is one, no message takes the short way");
    last = place->number;
    channels++;
  }
  CHECK(channels == kernel.channels, "channels: they are counted");
  CHECK(kernel.trace_count <= kernel.trace_capacity && (kernel.trace || !kernel.trace_capacity),
        "trace: what it holds is within its bounds");
  return NULL;
}

static const char *whole_check(void) {
  for (uint32_t i = 2; i <= kernel.timer_count; i++)
    CHECK(kernel.timers[i / 2]->deadline <= kernel.timers[i]->deadline && kernel.timers[i]->timer == i,
          "timers: the earliest is on top");
  uint32_t windows = kernel.free_window_count + kernel.making, threads = 0, last = 0;
  for (const struct list *node = kernel.processes.next; node != &kernel.processes; node = node->next) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    const char *broken = process_check(process);
    CHECK(!broken, broken);
    CHECK(process->number > last && (!process->parent || process->parent->number < process->number),
          "process: its number is greater than all before it, and its parent's");
    last = process->number;
    windows += process->state != SIGNET_PROCESS_STOPPED;
    threads += length_of(&process->threads);
  }
  CHECK(windows == kernel.window_count, "windows: each is free or one process's");
  CHECK(threads == kernel.threads, "threads: they are counted");
  const char *broken = channels_check();
  CHECK(!broken, broken);
  for (uint32_t i = 0; i < kernel.cpus; i++) {
    const struct cpu *cpu = kernel.cpu[i];
    CHECK(cpu->waiting == length_of(&cpu->near) + length_of(&cpu->queue), "processor: those that wait are counted");
    CHECK(!cpu->process || cpu->process->run == RUN_ACTIVE, "processor: what it runs is active");
  }
  return NULL;
}

const char *kernel_check_invariants(void) {
  port_lock();
  const char *broken = whole_check();
  port_unlock();
  return broken;
}

void kernel_statistics(struct kernel_statistics *statistics) {
  port_lock();
  *statistics = (struct kernel_statistics){.threads = kernel.threads,
                                           .channels = kernel.channels,
                                           .blocks = kernel.blocks,
                                           .pages = allocate_pages_in_use(),
                                           .calls = kernel.calls_ended,
                                           .messages = kernel.messages_ended};
  for (const struct list *node = kernel.processes.next; node != &kernel.processes; node = node->next) {
    const struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    statistics->processes++;
    if (process->state == SIGNET_PROCESS_STOPPED)
      continue;
    statistics->calls += process->calls;
    statistics->messages += process->messages;
  }
  for (uint32_t i = 0; i < IMAGE_BUCKETS; i++)
    statistics->images += length_of(&kernel.images[i]);
  for (uint32_t i = 0; i < kernel.cpus; i++)
    statistics->switches += kernel.cpu[i]->switches + SLICE - kernel.cpu[i]->slice;
  port_unlock();
}
