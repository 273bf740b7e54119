/* Sets of endpoints: a thread waits for many at a cost that does not grow with their number. The set calls, and what
 * the other files tell a set; kernel lock.
 *
 * A member is on the set's list of ready ones exactly while its queue holds a message or its peer is closed, also when
 * it is received from directly; the set serves that list first in, first out. A message wakes one waiter, who is coming
 * until he makes his call again, or is told of an event instead. While any member is ready and anybody waits, somebody
 * is coming: if the last one who came leaves something behind, he wakes another. */
#include "kernel/object.h"

static void wake_one(struct set *set) {
  if (list_empty(&set->ready) || list_empty(&set->waiters))
    return;
  struct thread *thread = CONTAINER(set->waiters.next, struct wait_node, link)->thread;
  schedule_ready(thread, true);
  thread->coming = true;
  set->coming++;
}

static void wake_if_none_comes(struct set *set) {
  if (!set->coming)
    wake_one(set);
}

/* The set is the one that his call names; NULL: it is gone. */
static void came(struct thread *thread, struct set *set) {
  if (set)
    set->coming -= thread->coming;
  thread->coming = false;
}

/* Puts the member behind the others of its list: that of the ready ones, or of the rest. */
static void place(struct endpoint *member) {
  struct set *set = member->set;
  member->set_ready = member->count || member->peer->closed;
  list_remove(&member->set_link);
  list_append(member->set_ready ? &set->ready : &set->quiet, &member->set_link);
}

void set_arrived(struct endpoint *member) {
  if (!member->set_ready)
    place(member);
  wake_one(member->set);
}

void set_taken(struct endpoint *member) {
  if (!member->count && !member->peer->closed)
    place(member);
}

void set_leave(struct endpoint *member) {
  list_remove(&member->set_link);
  member->set = NULL;
}

void set_destroy(struct set *set) {
  struct list *lists[] = {&set->ready, &set->quiet};
  ASSERT(list_empty(&set->waiters));
  for (unsigned i = 0; i < 2; i++)
    while (!list_empty(lists[i]))
      set_leave(CONTAINER(lists[i]->next, struct endpoint, set_link));
  object_charge(&set->object, NULL);
  release(set, sizeof *set);
}

static struct set *set_find(struct thread *thread, uint64_t handle) {
  struct object *object = handle_find_kind(thread->process, handle, SIGNET_KIND_SET);
  return object ? CONTAINER(object, struct set, object) : NULL;
}

void set_wake_another(struct thread *thread) {
  struct set *set = set_find(thread, thread->arguments[0]);
  came(thread, set);
  if (set)
    wake_if_none_comes(set);
}

struct signet_result call_set_create(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  (void)arguments;
  if (!quota_has(process, sizeof(struct set), 1))
    return error(SIGNET_QUOTA);
  enum signet_status status = handle_reserve(process, 1);
  if (status)
    return error(status);
  struct set *set = allocate(sizeof *set);
  if (!set)
    return error(SIGNET_MEMORY);
  object_initialise(&set->object, SIGNET_KIND_SET, sizeof *set);
  list_initialise(&set->ready);
  list_initialise(&set->quiet);
  list_initialise(&set->waiters);
  object_charge(&set->object, process);
  return result(SIGNET_OK, handle_insert(process, &set->object));
}

struct signet_result call_set_insert(struct thread *thread, const uint64_t *arguments) {
  struct set *set = set_find(thread, arguments[0]);
  struct endpoint *endpoint = handle_find_endpoint(thread->process, arguments[1]);
  if (!set || !endpoint)
    return error(SIGNET_HANDLE);
  if (endpoint->set)
    return error(SIGNET_STATE);
  endpoint->set = set;
  endpoint->key = arguments[2];
  place(endpoint);
  wake_if_none_comes(set);
  return result(SIGNET_OK, 0);
}

static struct signet_result receive(struct thread *thread, struct set *set, uint64_t message, uint64_t capacity,
                                    uint64_t deadline) {
  if (list_empty(&set->ready)) {
    if (wait_deadline_passed(deadline))
      return error(SIGNET_TIMEOUT);
    wait_on_list(thread, &set->waiters);
    return wait_begin(thread, WAIT_SET, deadline);
  }
  struct endpoint *member = CONTAINER(set->ready.next, struct endpoint, set_link);
  struct signet_result outcome = error(SIGNET_CLOSED);
  ASSERT(member->set == set && (member->count || member->peer->closed));
  if (member->count)
    outcome = channel_take(thread->process, member, message, capacity);
  switch (outcome.status) {
  case SIGNET_OK:
  case SIGNET_CLOSED:
  case SIGNET_QUOTA:
  case SIGNET_MEMORY:
    /* Its turn is over, with or without success: who sends what cannot be received keeps nobody waiting. */
    place(member);
    outcome.value = member->key;
    break;
  default: /* The caller's buffer is at fault: the same again with a better one. */
    break;
  }
  return outcome;
}

struct signet_result call_set_receive(struct thread *thread, const uint64_t *arguments) {
  struct set *set = set_find(thread, arguments[0]);
  came(thread, set);
  if (!set)
    return error(SIGNET_HANDLE);
  enum signet_status status = channel_buffer_valid(arguments[1], arguments[2]);
  if (status)
    return error(status);
  struct signet_result outcome = receive(thread, set, arguments[1], arguments[2], arguments[3]);
  if (outcome.status != CALL_WAITS)
    wake_if_none_comes(set);
  return outcome;
}
