/* The short way of channel_call: when the other end's holder waits for just this message, the message is copied from
 * window to window and its thread takes the processor over. call.c; kernel lock.
 *
 * Everything that could make the call do otherwise is looked at first, and then nothing has happened yet but that the
 * receiver's buffer may have been written to: the call is made in the general way. What that would have done (send,
 * wake, wait, schedule, receive again) is done here by its effects, and by no others. */
#include "kernel/object.h"

/* More than any message has: offset + CAPACITY_MOST never leaves the window. */
#define CAPACITY_MOST SIGNET_GUARD

/* As much of struct signet_message as moves nothing. */
struct plain_header {
  uint32_t tag, length;
  uint64_t moved; /* count, and reserved: both 0 */
};
_Static_assert(offsetof(struct signet_message, moved) == sizeof(struct plain_header),
               "tag, length, moved_count, reserved");
_Static_assert(SIGNET_MESSAGE_DATA + SIGNET_MESSAGE_DATA_MOST <= CAPACITY_MOST, "a message is within its window");

/* The one thread that waits at this end, and for nothing else. */
static struct thread *only_waiter(const struct endpoint *end) {
  const struct list *first = end->waiters.next;
  if (first != end->waiters.previous || first == &end->waiters)
    return NULL;
  struct thread *thread = CONTAINER(first, struct wait_node, link)->thread;
  return thread->nodes == 1 ? thread : NULL;
}

/* Nothing else would be done before the receiver runs: no deadline has passed, nobody who sleeps is to be woken. */
static bool quiet(const struct cpu *cpu) {
  if (kernel.idle && (cpu->waiting || timer_next() < kernel.idle_deadline))
    return false;
  return timer_next() == SIGNET_NEVER || timer_next() > port_clock(SIGNET_CLOCK_MONOTONIC);
}

/* A receive looks again at what it was asked for when its turn comes. */
static bool asks_still(const struct thread *thread, const struct endpoint *end) {
  uint32_t handle;
  return thread->call == SIGNET_CALL_channel_call ||
         (port_copy_in(&handle, thread->process->window, (uint32_t)thread->arguments[0], sizeof handle) &&
          handle == end->object.handle);
}

void handover(struct cpu *cpu, struct thread *caller, uint64_t handle, uint64_t message, uint64_t reply,
              uint64_t capacity, uint64_t deadline) {
  struct kernel_process *process = caller->process;
  struct endpoint *from = handle_find_endpoint(process, handle);
  if (!from)
    return;
  struct channel *channel = from->channel;
  struct endpoint *to = endpoint_peer(from);
  struct thread *receiver = only_waiter(to);
  if (!receiver || from->count || to->count)
    return;
  struct kernel_process *next = receiver->process;
  if (next->run != RUN_IDLE || next->attention || process->attention || !list_empty(&process->ready) ||
      !list_empty(&cpu->near) || cpu->direct > DIRECT_MOST)
    return;
  if (deadline != SIGNET_NEVER || (message | reply) % 8 || message >= SIGNET_BLOCKS_HIGH ||
      reply >= SIGNET_BLOCKS_HIGH || capacity > CAPACITY_MOST)
    return;

  const struct contract *contract = channel->contract;
  struct plain_header header;
  if (!port_copy_in(&header, process->window, (uint32_t)message, sizeof header) || header.moved ||
      header.tag >= contract->messages)
    return;
  const struct signet_contract_message *row = &contract->rows[header.tag];
  uint8_t state = contract->next[channel->state * contract->messages + header.tag];
  if (state == SIGNET_CONTRACT_REFUSED || row->to_client != from->side || row->moved_count ||
      header.length < row->length_least || header.length > row->length_most ||
      receiver->arguments[3] < SIGNET_MESSAGE_DATA + (uint64_t)header.length)
    return;
  if (((kernel.idle | kernel.timer_count) && !quiet(cpu)) || !asks_still(receiver, to))
    return;
  uint32_t buffer = (uint32_t)receiver->arguments[2];
  if ((header.length && !port_copy_across(process->window, (uint32_t)message + SIGNET_MESSAGE_DATA, next->window,
                                          buffer + SIGNET_MESSAGE_DATA, header.length)) ||
      !port_copy_out(next->window, buffer, &header, sizeof header))
    return;

  channel->state = state;
  cpu->messages++;
  wait_cancel(receiver);
  receiver->state = THREAD_RUNNING;
  receiver->retry = false;
  caller->call = SIGNET_CALL_channel_call;
  caller->sent = true;
  caller->arguments[0] = handle;
  caller->arguments[1] = message;
  caller->arguments[2] = reply;
  caller->arguments[3] = capacity;
  caller->arguments[4] = deadline;
  wait_on_list(caller, &from->waiters);
  wait_begin(caller, WAIT_OBJECTS, deadline);
  process->run = RUN_IDLE;
  next->run = RUN_ACTIVE;
  next->cpu = cpu;
  cpu->process = next;
  cpu->current = receiver;
  cpu->switches++;
  cpu->direct++;
  port_context_set_result(receiver->context, result(SIGNET_OK, 0));
  port_resume(receiver->context, next->window);
}
