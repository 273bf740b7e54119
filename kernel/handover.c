/* The short way of channel_call: when the other end's holder waits for just this message, it is copied from window to
 * window and the thread that waits takes the processor over. call.c; kernel lock.
 *
 * Everything that could make the call come out otherwise is looked at first, and until then nothing has happened but
 * that the receiver's buffer may have been written to: the call is then made in the general way. What that would have
 * done (send, wake, wait, schedule, receive again) is done here by its effects, and by no others.
 *
 * Two things are remembered, so that they need not be found out again: what a thread asked last (thread->asked, and the
 * arguments), and which message the contract allowed an end to send (endpoint->fits). */
#include "kernel/object.h"

/* Bits that no offset has, of a buffer that is taken here: 8-byte aligned, in the window's lower half. */
#define OFFSET_NOT (~UINT64_C(0x7ffffff8))
#define ROOM_MOST UINT32_C(0x7fffffff)

struct endpoint nowhere = {
    .peer = &nowhere, .asker = &nobody, .waiters = {&nowhere.waiters, &nowhere.waiters}, .fits_stance = STANCE_NONE};
struct thread nobody = {.asked = &nowhere};

/* A message begins with two words: tag and length; how much it moves, and a reserved 0. */
_Static_assert(offsetof(struct signet_message, length) == 4 && offsetof(struct signet_message, moved_count) == 8 &&
                   offsetof(struct signet_message, moved) == 16,
               "the beginning of a message");

void handover_forget(struct thread *thread) {
  thread->asked->asker = &nobody;
  thread->asked = &nowhere;
}

/* Remembers the arguments of a call, if they are such that it may be made here. */
static bool prepare(struct thread *thread, uint64_t handle, uint64_t reply, uint64_t capacity, uint64_t deadline) {
  struct endpoint *endpoint = handle_find_endpoint(thread->process, handle);
  uint64_t room = capacity - SIGNET_MESSAGE_DATA; /* more than any, if it is less than none */
  handover_forget(thread);
  if (!endpoint || deadline != SIGNET_NEVER || reply & OFFSET_NOT || room > ROOM_MOST ||
      endpoint->asker->wait == WAIT_ANSWER)
    return false;
  handover_forget(endpoint->asker);
  endpoint->asker = thread;
  thread->asked = endpoint;
  thread->arguments[0] = handle;
  thread->arguments[2] = reply;
  thread->arguments[3] = capacity;
  thread->arguments[4] = deadline;
  thread->answer = (uint32_t)reply;
  thread->room = (uint32_t)room;
  return true;
}

static bool prepared(const struct thread *thread, uint64_t handle, uint64_t reply, uint64_t capacity,
                     uint64_t deadline) {
  return handle == thread->arguments[0] && reply == thread->arguments[2] && capacity == thread->arguments[3] &&
         deadline == thread->arguments[4];
}

/* Does the contract allow this end to send a message of this form, which moves nothing, and may it be sent here? */
static bool fits(struct endpoint *from, uint64_t form) {
  const struct contract *contract = from->channel->contract;
  uint32_t tag = (uint32_t)form, length = (uint32_t)(form >> 32);
  if (kernel.trace || tag >= contract->messages || from->count || from->listed)
    return false;
  const struct signet_contract_message *row = &contract->rows[tag];
  uint8_t next = contract->next[from->state * contract->messages + tag];
  if (next == SIGNET_CONTRACT_REFUSED || row->to_client != from->side || row->moved_count ||
      !contract_length_fits(row, length))
    return false;
  from->fits = form;
  from->fits_stance = from->stance;
  from->fits_next = next;
  return true;
}

static bool receives_into(struct thread *thread, uint64_t buffer, uint64_t capacity) {
  const struct list *threads = &thread->process->threads;
  if (threads->next != threads->previous || capacity < SIGNET_MESSAGE_DATA)
    return false;
  thread->answer = (uint32_t)buffer;
  thread->room = (uint32_t)(capacity - SIGNET_MESSAGE_DATA);
  return true;
}

/* The one thread that waits here by set_receive, in the same way: no member of the set is ready then. */
static __attribute__((noinline)) struct thread *only_in_set(const struct endpoint *to, uint64_t *key) {
  if (list_empty(&to->set->waiters))
    return NULL;
  struct thread *thread = CONTAINER(to->set->waiters.next, struct wait_node, link)->thread;
  *key = to->key;
  return receives_into(thread, thread->arguments[1], thread->arguments[2]) ? thread : NULL;
}

/* The one thread that waits here on the list, if what it asked for by channel_receive, alone in its process, is as it
 * was: nobody else can have changed it. *place: of this end among those that it named, or its key. */
static struct thread *only_receiver(const struct endpoint *to, uint64_t *place) {
  const struct list *first = to->waiters.next;
  if (first == &to->waiters)
    return to->set ? only_in_set(to, place) : NULL;
  if (first != to->waiters.previous)
    return NULL;
  const struct wait_node *node = CONTAINER(first, struct wait_node, link);
  struct thread *thread = node->thread;
  if (thread->call != SIGNET_CALL_channel_receive || !receives_into(thread, thread->arguments[2], thread->arguments[3]))
    return NULL;
  *place = wait_place(thread, node);
  return thread;
}

/* Others may have to run or be woken first: does the receiver come first all the same? */
static bool comes_first(const struct cpu *cpu) {
  if (!list_empty(&cpu->near) || (kernel.idle && (cpu->waiting || timer_next() < kernel.idle_deadline)))
    return false;
  return timer_next() == SIGNET_NEVER || timer_next() > port_clock(SIGNET_CLOCK_MONOTONIC);
}

/* Hands over if it can. Twice in the machine code: once as short as can be, which gives up where something has to be
 * found out (`quick`), and once in full. */
static inline __attribute__((always_inline)) void hand_over(struct cpu *cpu, struct kernel_process *process,
                                                            struct thread *caller, uint64_t message, bool quick) {
  struct endpoint *from = caller->asked, *to = from->peer;
  struct thread *receiver = to->asker;
  uint64_t place = 0;
  if (receiver->wait != WAIT_ANSWER && (quick || !(receiver = only_receiver(to, &place))))
    return;
  struct kernel_process *next = receiver->process;
  if (next->turn != TURN_IDLE || process->turn != TURN_ALONE || message & OFFSET_NOT ||
      ((cpu->waiting | kernel.timer_count) && (quick || !comes_first(cpu))))
    return;

  uint64_t form, moved;
  if (!port_load_pair(process->window, (uint32_t)message, &form, &moved) || moved)
    return;
  if ((form != from->fits || from->stance != from->fits_stance) && (quick || !fits(from, form)))
    return;
  uint32_t length = (uint32_t)(form >> 32), window = next->window;
  if (length > receiver->room || !port_copy_after_pair(process->window, (uint32_t)message, window, receiver->answer,
                                                       form, 0, SIGNET_MESSAGE_DATA, length))
    return;
  /* In this order it is one instruction and a branch. */
  if ((int32_t)--cpu->slice < 0) {
    cpu->slice = 0;
    return;
  }

  if (!quick && receiver->wait == WAIT_OBJECTS) {
    wait_cancel(receiver);
    if (receiver->arguments[1] > 1)
      receiver->cursor = (uint8_t)(place + 1);
  } else if (!quick && receiver->wait == WAIT_SET) {
    wait_cancel(receiver);
  }
  from->state = to->state = from->fits_next;
  caller->state = THREAD_WAITING;
  caller->wait = WAIT_ANSWER;
  caller->call = SIGNET_CALL_channel_call;
  caller->retry = false;
  receiver->state = THREAD_RUNNING;
  receiver->wait = WAIT_NONE;
  receiver->call = SIGNET_CALL_channel_call;
  receiver->retry = false;
  process->run = RUN_IDLE;
  next->run = RUN_ACTIVE;
  next->cpu = cpu;
  cpu->process = next;
  cpu->current = receiver;
  process->messages++;
  from->messages++;
  port_answer(receiver->context, window, result(SIGNET_OK, place));
}

static __attribute__((noinline)) struct signet_result in_full(struct cpu *cpu, struct thread *thread,
                                                              uint64_t message) {
  const uint64_t *arguments = thread->arguments;
  /* Another thread may have asked there meanwhile. */
  if (thread->asked == &nowhere)
    prepare(thread, arguments[0], arguments[2], arguments[3], arguments[4]);
  hand_over(cpu, thread->process, thread, message, false);
  return call_locked(arguments[0], message, arguments[2], arguments[3], arguments[4], SIGNET_CALL_channel_call);
}

static __attribute__((noinline)) struct signet_result unprepared(uint64_t handle, uint64_t message, uint64_t reply,
                                                                 uint64_t capacity, uint64_t deadline) {
  struct cpu *cpu = kernel.cpu[port_cpu_self()];
  if (prepare(cpu->current, handle, reply, capacity, deadline))
    return in_full(cpu, cpu->current, message);
  return call_locked(handle, message, reply, capacity, deadline, SIGNET_CALL_channel_call);
}

__attribute__((flatten)) struct signet_result kernel_channel_call(uint64_t handle, uint64_t message, uint64_t reply,
                                                                  uint64_t capacity, uint64_t deadline) {
  struct cpu *cpu = kernel.cpu[port_cpu_self()];
  struct thread *thread = cpu->current;
  struct kernel_process *process = thread->process;
  process->calls++;
  port_lock();
  if (!prepared(thread, handle, reply, capacity, deadline))
    return unprepared(handle, message, reply, capacity, deadline);
  hand_over(cpu, process, thread, message, true);
  return in_full(cpu, thread, message);
}
