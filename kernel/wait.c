/* Waiting: what a thread waits for, how that ends, and the words of word_wait. Anyone in kernel/; kernel lock. */
#include "kernel/object.h"

bool wait_deadline_passed(uint64_t deadline) {
  return !deadline || (deadline != SIGNET_NEVER && port_clock(SIGNET_CLOCK_MONOTONIC) >= deadline);
}

bool wait_nodes_reserve(struct thread *thread, uint32_t count) {
  if (count > WAIT_NODES_INSIDE && !thread->more)
    thread->more = allocate(ENDPOINTS_MOST * sizeof *thread->more);
  return count <= WAIT_NODES_INSIDE || thread->more;
}

static struct wait_node *node_at(struct thread *thread, uint32_t index) {
  return index < WAIT_NODES_INSIDE ? &thread->node[index] : &thread->more[index - WAIT_NODES_INSIDE];
}

uint32_t wait_place(const struct thread *thread, const struct wait_node *node) {
  bool inside = node >= thread->node && node < thread->node + WAIT_NODES_INSIDE;
  return (uint32_t)(inside ? node - thread->node : node - thread->more + WAIT_NODES_INSIDE);
}

void wait_on_list(struct thread *thread, struct list *waiters) {
  struct wait_node *node = node_at(thread, thread->nodes++);
  node->thread = thread;
  list_append(waiters, &node->link);
}

/* He who waits at this end for the answer to what he asked waits on its list from now on. */
static void wait_listed(struct endpoint *endpoint) {
  struct thread *thread = endpoint->asker;
  if (thread->wait == WAIT_ANSWER) {
    thread->wait = WAIT_OBJECTS;
    thread->sent = true;
    wait_on_list(thread, &endpoint->waiters);
  }
}

void wait_at(struct thread *thread, struct endpoint *endpoint) {
  wait_listed(endpoint);
  endpoint->listed = 1;
  wait_on_list(thread, &endpoint->waiters);
}

struct signet_result wait_begin(struct thread *thread, enum wait_kind kind, uint64_t deadline) {
  thread->state = THREAD_WAITING;
  thread->wait = (uint8_t)kind;
  if (deadline != SIGNET_NEVER)
    timer_arm(thread, deadline);
  return error(CALL_WAITS);
}

void wait_cancel(struct thread *thread) {
  switch ((enum wait_kind)thread->wait) {
  case WAIT_NONE:
    break;
  case WAIT_WORD:
    list_remove(&thread->turn_link);
    break;
  case WAIT_OBJECTS:
  case WAIT_SET:
    for (uint32_t i = 0; i < thread->nodes; i++)
      list_remove(&node_at(thread, i)->link);
    thread->nodes = 0;
    break;
  case WAIT_DEVICE:
    list_remove(&thread->ticket_link);
    break;
  case WAIT_ANSWER:
    thread->sent = true;
    break;
  }
  thread->wait = WAIT_NONE;
  if (thread->timer)
    timer_disarm(thread);
}

void wait_wake_all(struct list *waiters) {
  while (!list_empty(waiters))
    schedule_ready(CONTAINER(waiters->next, struct wait_node, link)->thread, true);
}

void wait_wake_at(struct endpoint *endpoint) {
  if (endpoint->asker->wait == WAIT_ANSWER)
    schedule_ready(endpoint->asker, true);
  wait_wake_all(&endpoint->waiters);
  endpoint->listed = 0;
  if (endpoint->set)
    set_arrived(endpoint);
}

static struct list *bucket(struct kernel_process *process, uint32_t word) {
  return &process->words[(word >> 2 ^ word >> 6) % WORD_BUCKETS];
}

struct signet_result call_word_wait(struct thread *thread, const uint64_t *arguments) {
  uint64_t word = arguments[0], deadline = arguments[2];
  uint32_t value;
  if (word % 4 || arguments[1] > UINT32_MAX)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(word, 4) || !port_load_word(thread->process->window, (uint32_t)word, &value))
    return error(SIGNET_ADDRESS);
  if (value != arguments[1])
    return error(SIGNET_AGAIN);
  if (wait_deadline_passed(deadline))
    return error(SIGNET_TIMEOUT);
  thread->word = (uint32_t)word;
  list_append(bucket(thread->process, thread->word), &thread->turn_link);
  return wait_begin(thread, WAIT_WORD, deadline);
}

static uint64_t word_wake(struct kernel_process *process, uint32_t word, uint64_t most) {
  uint64_t woken = 0;
  LIST_EACH(node, bucket(process, word)) {
    struct thread *waiter = CONTAINER(node, struct thread, turn_link);
    if (woken == most)
      break;
    if (waiter->word != word)
      continue;
    port_context_set_result(waiter->context, result(SIGNET_OK, 0));
    schedule_ready(waiter, false);
    woken++;
  }
  return woken;
}

struct signet_result call_word_wake(struct thread *thread, const uint64_t *arguments) {
  uint64_t word = arguments[0];
  if (word % 4 || arguments[1] > UINT32_MAX)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(word, 4))
    return error(SIGNET_ADDRESS);
  return result(SIGNET_OK, word_wake(thread->process, (uint32_t)word, arguments[1]));
}

struct signet_result call_thread_exit(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t clear = arguments[0];
  if (clear % 4)
    return error(SIGNET_ARGUMENT);
  if (clear && (!range_valid(clear, 4) || !port_store_word(process->window, (uint32_t)clear, 0)))
    return error(SIGNET_ADDRESS);
  if (clear)
    word_wake(process, (uint32_t)clear, 1);
  if (process->threads.next == process->threads.previous) {
    struct signet_ending ending = {.kind = SIGNET_ENDED_EXIT, .thread = thread->number};
    process_end(process, &ending);
    return error(CALL_AWAY);
  }
  if (process->threads.next == &thread->link)
    process->handling = false;
  process->attention |= process->events != 0;
  thread_destroy(thread);
  kernel.here->current = NULL;
  return error(CALL_AWAY);
}
