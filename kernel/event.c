/* Events: what the host or its parent tells a process, as signals do. The host, and schedule.c when it takes up a
 * process; kernel lock. */
#include "kernel/object.h"

#define EVENTS                                                                                                         \
  (1u << SIGNET_EVENT_HANGUP | 1u << SIGNET_EVENT_INTERRUPT | 1u << SIGNET_EVENT_QUIT | 1u << SIGNET_EVENT_TERMINATE | \
   1u << SIGNET_EVENT_WINDOW_SIZE)

static void end_by(struct kernel_process *process, uint32_t event) {
  struct signet_ending ending = {.kind = SIGNET_ENDED_SIGNAL, .code = event};
  process_end(process, &ending);
}

static void attend(struct kernel_process *process) {
  process->attention = process->state == SIGNET_PROCESS_STOPPING || (process->events && !process->handling);
}

/* The first thread runs the listener next; if it waits, its call ends as INTERRUPTED. */
static void divert(struct kernel_process *process, uint32_t event) {
  struct thread *thread = CONTAINER(process->threads.next, struct thread, link);
  ASSERT(thread->state != THREAD_RUNNING);
  if (thread->state == THREAD_WAITING || thread->retry) {
    device_forget(thread);
    if (thread->state == THREAD_WAITING)
      schedule_ready(thread, false);
    else if (thread->call == SIGNET_CALL_set_receive)
      set_wake_another(thread);
    thread->retry = false;
    port_context_set_result(thread->context, error(SIGNET_INTERRUPTED));
  }
  bool diverted = port_context_divert(thread->context, process->event_entry, event);
  ASSERT(diverted);
  process->handling = true;
}

/* The process is RUNNING and none of its threads is on a processor. */
void event_deliver(struct kernel_process *process) {
  while (process->events && !process->handling && process->state == SIGNET_PROCESS_RUNNING) {
    uint32_t event = (uint32_t)__builtin_ctz(process->events);
    process->events &= process->events - 1;
    if (process->event_entry)
      divert(process, event);
    else if (event != SIGNET_EVENT_WINDOW_SIZE)
      end_by(process, event);
  }
  attend(process);
}

static bool event_valid(uint64_t event) { return event < 32 && EVENTS >> event & 1; }

/* The process is RUNNING. */
static void arrive(struct kernel_process *process, uint32_t event) {
  process->events |= 1u << event;
  if (process->run == RUN_ACTIVE)
    attend(process); /* at its next entry to the kernel */
  else
    event_deliver(process);
}

void kernel_process_event(struct kernel_process *process, uint32_t event) {
  lock_as_host();
  if (event_valid(event) && process->state == SIGNET_PROCESS_UNSTARTED)
    end_by(process, event);
  else if (event_valid(event) && process->state == SIGNET_PROCESS_RUNNING)
    arrive(process, event);
  unlock();
}

struct signet_result call_process_event(struct thread *thread, const uint64_t *arguments) {
  struct object *child = handle_find_kind(thread->process, arguments[0], SIGNET_KIND_PROCESS);
  if (!child)
    return error(SIGNET_HANDLE);
  if (!event_valid(arguments[1]))
    return error(SIGNET_ARGUMENT);
  struct kernel_process *process = CONTAINER(child, struct kernel_process, object);
  if (process->state != SIGNET_PROCESS_RUNNING)
    return error(SIGNET_STATE);
  arrive(process, (uint32_t)arguments[1]);
  return result(SIGNET_OK, 0);
}

struct signet_result call_event_listen(struct thread *thread, const uint64_t *arguments) {
  if (arguments[0] && !entry_valid(thread->process, arguments[0]))
    return error(SIGNET_ARGUMENT);
  thread->process->event_entry = (uint32_t)arguments[0];
  return result(SIGNET_OK, 0);
}

struct signet_result call_event_return(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  (void)arguments;
  /* None is diverted but the first, while the process is handling. */
  if (!port_context_return(thread->context))
    return error(SIGNET_STATE);
  process->handling = false;
  attend(process);
  ready_append(thread);
  return error(CALL_AWAY);
}
