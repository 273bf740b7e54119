/* The named invariants of a running system, beside those that the kernel checks of its own data: no wake-up is lost, no
 * death leaves anything, what is charged is what is mapped, and each block has one owner. */
#include "simulation.h"

static bool in_kernel(void) {
  for (uint32_t i = 0; i < SIM_ACTORS; i++)
    if (sim_doing(i) == SIM_PAUSED || sim_doing(i) == SIM_BLOCKED)
      return true;
  return false;
}

static bool has_news(const struct endpoint *end) { return end->count || end->peer->closed; }

/* One that waits there by set_receive has been woken and will look. */
static bool one_comes(const struct kernel_process *process, const struct set *set) {
  for (struct list *node = process->threads.next; node != &process->threads; node = node->next) {
    const struct thread *thread = CONTAINER(node, struct thread, link);
    if (thread->state == THREAD_READY && thread->retry && thread->call == SIGNET_CALL_set_receive &&
        thread->arguments[0] == set->object.handle)
      return true;
  }
  return false;
}

static void check_waiting_set(struct kernel_process *process, const struct notes *notes) {
  struct object *object = handle_find_kind(process, notes->arguments[0], SIGNET_KIND_SET);
  MUST(object, "wake-up: who waits for a set that is closed is told");
  struct set *set = CONTAINER(object, struct set, object);
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    struct object *member = CONTAINER(node, struct object, paid_link);
    if (member->owner != process || (member->kind != SIGNET_KIND_CLIENT && member->kind != SIGNET_KIND_SERVER))
      continue;
    const struct endpoint *end = CONTAINER(member, struct endpoint, object);
    MUST(end->set != set || !has_news(end) || one_comes(process, set),
         "wake-up: nobody waits for a set of which a member has a message or is closed");
  }
}

static void check_waiting_at(struct kernel_process *process, uint64_t handle) {
  const struct endpoint *end = handle_find_endpoint(process, handle);
  MUST(end, "wake-up: who waits at an end that is closed is told");
  MUST(!has_news(end), "wake-up: nobody waits at an end where a message is or whose peer is closed");
}

static void check_deadline(const struct thread *thread, uint64_t deadline) {
  if (deadline == SIGNET_NEVER)
    return;
  MUST(thread->timer && kernel.timers[thread->timer] == thread && thread->deadline == deadline,
       "wake-up: who waits until some time has a timer for just that time");
  /* Who sleeps does; if nobody sleeps, the next tick will do. */
  bool sleeps = false;
  for (uint32_t i = 0; i < sim_cpus; i++) {
    if (sim_doing(i) == SIM_PAUSED || sim_doing(i) == SIM_BLOCKED ||
        (sim_doing(i) == SIM_ASLEEP && sim_sleeps_until(i) <= deadline))
      return;
    sleeps |= sim_doing(i) == SIM_ASLEEP;
  }
  if (sleeps)
    broken("wake-up: somebody watches the earliest deadline");
}

static void check_waiting(struct kernel_process *process, const struct thread *thread) {
  const struct notes *notes = notes_of(thread->context);
  const uint64_t *a = notes->arguments;
  MUST(notes->in_call && notes->call == thread->call, "thread: who waits is in the call that it made");
  switch (notes->call) {
  case SIGNET_CALL_channel_receive: {
    const uint32_t *handles = sim_memory(process->window, a[0], a[1] * 4, false);
    MUST(handles, "receive: who waits has said for what");
    for (uint64_t i = 0; i < a[1]; i++)
      check_waiting_at(process, handles[i]);
    check_deadline(thread, a[4]);
    break;
  }
  case SIGNET_CALL_channel_call:
    check_waiting_at(process, a[0]);
    check_deadline(thread, a[4]);
    break;
  case SIGNET_CALL_set_receive:
    check_waiting_set(process, notes);
    check_deadline(thread, a[3]);
    break;
  case SIGNET_CALL_word_wait:
    check_deadline(thread, a[2]);
    break;
  case SIGNET_CALL_process_wait: {
    struct object *child = handle_find_kind(process, a[0], SIGNET_KIND_PROCESS);
    MUST(child && CONTAINER(child, struct kernel_process, object)->state != SIGNET_PROCESS_STOPPED,
         "wake-up: nobody waits for a process that has ended or is given up");
    check_deadline(thread, a[2]);
    break;
  }
  case SIGNET_CALL_device_request: {
    struct object *device = handle_find_kind(process, a[0], SIGNET_KIND_DEVICE);
    MUST(device && !CONTAINER(device, struct device, object)->borrower,
         "wake-up: nobody waits for a device that is not his");
    break;
  }
  default:
    broken("thread: the call in which it waits is one that may wait");
  }
}

static void check_mapped(const struct kernel_process *process) {
  uint64_t bytes =
      process->stack_high - process->stack_low + page_up(sizeof(struct signet_startup) + process->startup_length);
  for (uint32_t i = 0; i < process->image->segments; i++)
    bytes += page_up(process->image->segment[i].length);
  for (uint32_t i = 0; i < process->regions.count; i++)
    bytes += process->regions.at[i].high - process->regions.at[i].low;
  for (uint32_t i = 0; i < process->blocks.count; i++)
    bytes += process->blocks.at[i].high - process->blocks.at[i].low;
  /* Memory that could not be closed may stay, as zeros that can be read. */
  MUST(sim_mapped(process->window) * SIGNET_PAGE >= bytes, "quota: what is charged as mapped is mapped");
  MUST(memory_failed || sim_mapped(process->window) * SIGNET_PAGE == bytes, "quota: what is mapped is charged");
}

static void check_process(struct kernel_process *process, bool quiet) {
  uint32_t waits_for_device = 0;
  MUST(process->state != SIGNET_PROCESS_STOPPING || process->run != RUN_IDLE || process->children_alive,
       "death: a process that can end has ended");
  if (process->state == SIGNET_PROCESS_STOPPED) {
    MUST(!process->handles.chunks && !process->regions.at && !process->blocks.at && !process->image &&
             !process->used.threads && list_empty(&process->ready),
         "death: nothing of a dead process is left");
    return;
  }
  MUST(sim_window_there(process->window), "process: its window is there");
  if (process->state == SIGNET_PROCESS_RUNNING && !list_empty(&process->threads))
    MUST(process->handling == CONTAINER(process->threads.next, struct thread, link)->context->diverted,
         "event: one is being handled exactly while the first thread is diverted");
  MUST(!process->events || process->handling || process->attention || process->state != SIGNET_PROCESS_RUNNING,
       "event: one that waits is looked after");
  if (quiet && process->state == SIGNET_PROCESS_RUNNING)
    check_mapped(process);
  if (process->state != SIGNET_PROCESS_RUNNING)
    return;
  for (struct list *node = process->threads.next; node != &process->threads; node = node->next) {
    const struct thread *thread = CONTAINER(node, struct thread, link);
    if (thread->state == THREAD_WAITING)
      check_waiting(process, thread);
    waits_for_device += thread->wait == WAIT_DEVICE;
  }
  for (struct list *node = process->paid.next; quiet && node != &process->paid; node = node->next) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->kind == SIGNET_KIND_BLOCK && object->owner)
      model_check_block(CONTAINER(object, struct block, object), process);
    if (object->kind == SIGNET_KIND_DEVICE && object->owner) {
      uint32_t waiting = 0;
      for (struct list *at = process->threads.next; at != &process->threads; at = at->next)
        waiting += CONTAINER(at, struct thread, link)->device == CONTAINER(object, struct device, object);
      const struct device *device = CONTAINER(object, struct device, object);
      MUST(device->borrower || waiting == device_tickets(device->port),
           "wake-up: who waits for a device is known to it, and nobody else");
    }
  }
}

static void check_processors(void) {
  uint32_t asleep = 0, queued = 0;
  for (uint32_t i = 0; i < sim_cpus; i++) {
    bool sleeps = sim_doing(i) == SIM_ASLEEP && sim_sleeps_until(i);
    asleep += sleeps;
    queued += kernel.cpu[i]->waiting;
    MUST(!sleeps || !kernel.cpu[i]->waiting, "wake-up: no processor sleeps while a process waits for it");
    MUST(!sleeps || !sim_current_of(i), "processor: one that sleeps has no thread");
  }
  MUST(asleep < sim_cpus || !queued, "wake-up: not all processors sleep while a process waits");
}

void check_everything(void) {
  if (sim_lock_holder() != UINT32_MAX)
    return;
  checks++;
  bool (*pause)(void) = sim_pause;
  const char *sentence = kernel_check_invariants();
  sim_pause = pause;
  MUST(!sentence, "%s", sentence);
  bool quiet = !in_kernel();
  for (struct list *node = kernel.processes.next; node != &kernel.processes; node = node->next)
    check_process(CONTAINER(node, struct kernel_process, link), quiet);
  check_processors();
}

void check_nothing_left(void) {
  MUST(list_empty(&kernel.processes), "death: all processes that were ended are gone");
  MUST(!kernel.channels && !kernel.blocks && !kernel.threads && !kernel.timer_count && !kernel.making,
       "death: no channel, block, thread or deadline is left");
  MUST(kernel.free_window_count == kernel.window_count, "death: every window is free");
  MUST(devices_closed(), "death: every device is closed");
  for (unsigned i = 0; i < CONTRACT_BUCKETS; i++)
    MUST(list_empty(&kernel.contracts[i]), "death: no contract is left");
  for (unsigned i = 0; i < IMAGE_BUCKETS; i++)
    MUST(list_empty(&kernel.images[i]), "death: no image is left");
  for (unsigned i = 0; i < TICKET_BUCKETS; i++)
    MUST(list_empty(&kernel.tickets[i]), "death: no ticket is left");
}
