/* Channels: two ends, two bounded queues, one contract. The channel calls, and closing; kernel lock.
 *
 * The queues' slots are reserved when the channel is made, so a send allocates nothing. A message's block or endpoint
 * is in no table while it is queued, and is charged to its sender until somebody receives it. */
#include "kernel/object.h"

/* How deep endpoints may travel inside queues of endpoints that travel themselves. */
#define CARRIERS_MOST 64

static uint32_t slot_size(const struct contract *contract) {
  return (uint32_t)((sizeof(struct slot) + contract->data_most + 7) & ~7ul);
}

static size_t slots_length(const struct endpoint *endpoint) {
  return (size_t)endpoint->limit * endpoint->channel->slot_size;
}

uint64_t channel_end_charge(const struct contract *contract, unsigned side) {
  return (uint64_t)slot_size(contract) * contract->slots[side] + contract->length;
}

/* Takes over the reference to the contract when it succeeds. */
enum signet_status channel_create(struct contract *contract, struct channel **created) {
  struct channel *channel = allocate(sizeof *channel);
  if (!channel)
    return SIGNET_MEMORY;
  channel->contract = contract;
  channel->slot_size = slot_size(contract);
  for (unsigned side = 0; side < 2; side++) {
    struct endpoint *end = &channel->end[side];
    object_initialise(&end->object, side ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT, channel_end_charge(contract, side));
    end->channel = channel;
    end->side = (uint8_t)side;
    end->peer = &channel->end[1 - side];
    end->asker = &nobody;
    end->fits_stance = STANCE_NONE;
    end->limit = contract->slots[side];
    list_initialise(&end->waiters);
    list_initialise(&end->closing_link);
    list_initialise(&end->set_link);
    end->slots = allocate(slots_length(end));
    if (!end->slots)
      goto no_slots;
  }
  channel->place.number = ++kernel.next_channel;
  list_append(&kernel.every_channel, &channel->place.link);
  kernel.channels++;
  *created = channel;
  return SIGNET_OK;

no_slots:
  release(channel->end[0].slots, slots_length(&channel->end[0]));
  release(channel, sizeof *channel);
  return SIGNET_MEMORY;
}

/* Closes endpoints, and with each what its queue holds, which may be endpoints again: a list, not recursion. */
void endpoint_close(struct endpoint *first) {
  struct list *closing = &kernel.closing;
  list_append(closing, &first->closing_link);
  while (!list_empty(closing)) {
    struct endpoint *endpoint = CONTAINER(closing->next, struct endpoint, closing_link);
    struct channel *channel = endpoint->channel;
    struct endpoint *peer = endpoint_peer(endpoint);
    list_remove(&endpoint->closing_link);
    ASSERT(!endpoint->closed && !endpoint->object.owner && list_empty(&endpoint->waiters) &&
           endpoint->asker == &nobody);
    endpoint->closed = true;
    endpoint->carrier = NULL;
    object_charge(&endpoint->object, NULL);
    for (uint32_t i = 0; i < endpoint->count; i++) {
      struct slot *slot = endpoint_slot(endpoint, i);
      for (uint32_t j = 0; j < slot->moved_count; j++) {
        if (slot->moved[j]->kind == SIGNET_KIND_BLOCK)
          object_destroy(slot->moved[j]);
        else
          list_append(closing, &CONTAINER(slot->moved[j], struct endpoint, object)->closing_link);
      }
    }
    endpoint->count = 0;
    release(endpoint->slots, slots_length(endpoint));
    endpoint->slots = NULL;
    if (!peer->closed) {
      wait_wake_at(peer);
      continue;
    }
    contract_release(channel->contract);
    list_remove(&channel->place.link);
    release(channel, sizeof *channel);
    kernel.channels--;
  }
}

struct signet_result call_channel_create(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t offset = arguments[0], length = arguments[1];
  struct contract *contract;
  struct channel *channel;
  if (!contract_length_valid(length) || offset % 8)
    return error(SIGNET_ARGUMENT);
  if (!range_valid(offset, length))
    return error(SIGNET_ADDRESS);
  void *blob = allocate(length);
  if (!blob)
    return error(SIGNET_MEMORY);
  enum signet_status status = SIGNET_ADDRESS;
  if (port_copy_in(blob, process->window, (uint32_t)offset, length))
    status = contract_find(blob, length, &contract);
  release(blob, length);
  if (status)
    return error(status);
  status = SIGNET_QUOTA;
  if (!quota_has(process, channel_end_charge(contract, 0) + channel_end_charge(contract, 1), 2))
    goto refused;
  status = handle_reserve(process, 2);
  if (status)
    goto refused;
  status = channel_create(contract, &channel);
  if (status)
    goto refused;
  object_charge(&channel->end[0].object, process);
  object_charge(&channel->end[1].object, process);
  uint64_t client = handle_insert(process, &channel->end[0].object);
  uint64_t server = handle_insert(process, &channel->end[1].object);
  return result(SIGNET_OK, client | server << 32);

refused:
  contract_release(contract);
  return error(status);
}

/* ---- Sending ---- */

/* True if `moved` may travel to the queue of `to`: no endpoint may end up, however indirectly, in its own queue, where
 * nobody could reach it any more. */
static bool may_carry(const struct endpoint *to, const struct endpoint *moved) {
  if (moved->channel == to->channel)
    return false;
  unsigned depth = 0;
  for (const struct endpoint *carrier = to->carrier; carrier; carrier = carrier->carrier)
    if (carrier == moved || ++depth == CARRIERS_MOST)
      return false;
  return true;
}

/* The objects that a message is to move, checked, each at most once. */
static enum signet_status moved_find(struct kernel_process *process, uint64_t message, uint32_t tag, uint32_t count,
                                     const struct endpoint *to, struct object *moved[]) {
  const struct contract *contract = to->channel->contract;
  struct signet_moved given[SIGNET_MESSAGE_MOVED];
  if (!port_copy_in(given, process->window, (uint32_t)message + (uint32_t)offsetof(struct signet_message, moved),
                    count * sizeof *given))
    return SIGNET_ADDRESS;
  for (uint32_t i = 0; i < count; i++) {
    moved[i] = handle_find(process, given[i].handle);
    if (!moved[i])
      return SIGNET_HANDLE;
    for (uint32_t j = 0; j < i; j++)
      if (moved[j] == moved[i])
        return SIGNET_HANDLE;
    if (moved[i]->kind != contract->rows[tag].moved_kind[i] || !contract_moved_fits(contract, tag, i, moved[i]))
      return SIGNET_CONTRACT;
    if (moved[i]->kind != SIGNET_KIND_BLOCK && !may_carry(to, CONTAINER(moved[i], struct endpoint, object)))
      return SIGNET_CONTRACT;
  }
  return SIGNET_OK;
}

static void moved_take(struct kernel_process *process, struct object *object, struct endpoint *to) {
  if (object->kind == SIGNET_KIND_BLOCK)
    block_unmap(CONTAINER(object, struct block, object), process);
  handle_remove(object);
  if (to->closed)
    object_destroy(object);
  else if (object->kind != SIGNET_KIND_BLOCK)
    CONTAINER(object, struct endpoint, object)->carrier = to;
}

static enum signet_status send_untraced(struct thread *thread, struct endpoint *from, uint64_t message) {
  struct kernel_process *process = thread->process;
  struct channel *channel = from->channel;
  const struct contract *contract = channel->contract;
  struct endpoint *to = endpoint_peer(from);
  struct {
    uint32_t tag, length, moved_count, reserved;
  } header;
  struct object *moved[SIGNET_MESSAGE_MOVED];

  if (message % 8)
    return SIGNET_ARGUMENT;
  if (!range_valid(message, SIGNET_MESSAGE_DATA) ||
      !port_copy_in(&header, process->window, (uint32_t)message, sizeof header))
    return SIGNET_ADDRESS;
  if (header.tag >= contract->messages)
    return SIGNET_CONTRACT;
  const struct signet_contract_message *row = &contract->rows[header.tag];
  uint8_t next = contract->next[from->state * contract->messages + header.tag];
  if (header.reserved)
    return SIGNET_ARGUMENT;
  if (next == SIGNET_CONTRACT_REFUSED || row->to_client != from->side || header.moved_count != row->moved_count ||
      !contract_length_fits(row, header.length) || from->count)
    return SIGNET_CONTRACT;
  if (header.length > WINDOW_BYTES - message - SIGNET_MESSAGE_DATA)
    return SIGNET_ADDRESS;
  if (to->count == to->limit) /* where it is closed nothing is queued */
    return SIGNET_FULL;
  if (header.moved_count) {
    enum signet_status status = moved_find(process, message, header.tag, header.moved_count, to, moved);
    if (status)
      return status;
  }
  if (!to->closed) {
    struct slot *slot = endpoint_slot(to, to->count);
    /* The slot is not queued yet: a copy that fails half-way changes nothing. */
    if (header.length &&
        !port_copy_in(slot->data, process->window, (uint32_t)message + SIGNET_MESSAGE_DATA, header.length))
      return SIGNET_ADDRESS;
    slot->tag = header.tag;
    slot->length = header.length;
    slot->moved_count = header.moved_count;
    for (uint32_t i = 0; i < header.moved_count; i++)
      slot->moved[i] = moved[i];
    to->count++;
  }
  endpoint_set_state(from, next);
  for (uint32_t i = 0; i < header.moved_count; i++)
    moved_take(process, moved[i], to);
  process->messages++;
  from->messages++;
  if (!to->closed)
    wait_wake_at(to);
  return SIGNET_OK;
}

static enum signet_status send(struct thread *thread, struct endpoint *from, uint64_t message) {
  if (!kernel.trace)
    return send_untraced(thread, from, message);
  trace_sending(thread->process, from, message);
  enum signet_status status = send_untraced(thread, from, message);
  trace_sent(from, status);
  return status;
}

/* What the sender is told. What it has not read yet it cannot answer: until then it may send nothing. */
static struct signet_result sent(const struct endpoint *from, enum signet_status status) {
  if (status != SIGNET_CONTRACT || from->count)
    return error(status);
  return result(status, contract_allows(from->channel->contract, from->state, from->side));
}

struct signet_result call_channel_send(struct thread *thread, const uint64_t *arguments) {
  struct endpoint *from = handle_find_endpoint(thread->process, arguments[0]);
  return from ? sent(from, send(thread, from, arguments[1])) : error(SIGNET_HANDLE);
}

/* ---- Receiving ---- */

/* Gives the moved objects of a message to the receiver; all or none. */
static enum signet_status moved_give(struct kernel_process *process, const struct slot *slot,
                                     struct signet_moved given[]) {
  enum signet_status status = SIGNET_OK;
  uint32_t mapped = 0;
  for (; mapped < slot->moved_count && !status; mapped++)
    if (slot->moved[mapped]->kind == SIGNET_KIND_BLOCK)
      status = block_map(CONTAINER(slot->moved[mapped], struct block, object), process);
  if (status) {
    for (mapped--; mapped--;)
      if (slot->moved[mapped]->kind == SIGNET_KIND_BLOCK)
        block_unmap(CONTAINER(slot->moved[mapped], struct block, object), process);
    return status;
  }
  for (uint32_t i = 0; i < slot->moved_count; i++) {
    struct object *object = slot->moved[i];
    object_charge(object, process);
    given[i] = (struct signet_moved){.handle = handle_insert(process, object), .kind = object->kind};
    if (object->kind == SIGNET_KIND_BLOCK) {
      given[i].offset = CONTAINER(object, struct block, object)->offset;
      given[i].length = (uint32_t)CONTAINER(object, struct block, object)->length;
    } else {
      CONTAINER(object, struct endpoint, object)->carrier = NULL;
    }
  }
  return SIGNET_OK;
}

static enum signet_status moved_may_give(struct kernel_process *process, const struct slot *slot) {
  uint64_t memory = 0;
  uint32_t handles = 0;
  for (uint32_t i = 0; i < slot->moved_count; i++)
    if (slot->moved[i]->payer != process) {
      memory += slot->moved[i]->charge;
      handles++;
    }
  if (!quota_has(process, memory, handles))
    return SIGNET_QUOTA;
  return handle_reserve(process, slot->moved_count);
}

/* Gives what a message moves, and writes what that is. */
static enum signet_status take_moved(struct kernel_process *process, const struct slot *slot, uint64_t message) {
  struct signet_message header = {.tag = slot->tag, .length = slot->length, .moved_count = slot->moved_count};
  size_t used = offsetof(struct signet_message, moved) + slot->moved_count * sizeof *header.moved;
  enum signet_status status = moved_may_give(process, slot);
  if (status)
    return status;
  if (!port_copy_out(process->window, (uint32_t)message, &header, used))
    return SIGNET_ADDRESS;
  status = moved_give(process, slot, header.moved);
  if (status)
    return status;
  /* It was writable a moment ago, and nothing else of this process runs. */
  bool written = port_copy_out(process->window, (uint32_t)message, &header, used);
  ASSERT(written);
  return SIGNET_OK;
}

struct signet_result channel_take(struct kernel_process *process, struct endpoint *endpoint, uint64_t message,
                                  uint64_t capacity) {
  struct slot *slot = endpoint_slot(endpoint, 0);
  const uint32_t head[] = {slot->tag, slot->length, slot->moved_count, 0};
  _Static_assert(sizeof head == offsetof(struct signet_message, moved), "the beginning of a message");
  if (capacity < SIGNET_MESSAGE_DATA + (uint64_t)slot->length)
    return result(SIGNET_CAPACITY, SIGNET_MESSAGE_DATA + (uint64_t)slot->length);
  if (slot->length &&
      !port_copy_out(process->window, (uint32_t)message + SIGNET_MESSAGE_DATA, slot->data, slot->length))
    return error(SIGNET_ADDRESS);
  if (slot->moved_count) {
    enum signet_status status = take_moved(process, slot, message);
    if (status)
      return error(status);
  } else if (!port_copy_out(process->window, (uint32_t)message, head, sizeof head)) {
    return error(SIGNET_ADDRESS);
  }
  if (++endpoint->head == endpoint->limit)
    endpoint->head = 0;
  endpoint->count--;
  if (endpoint->set)
    set_taken(endpoint);
  return result(SIGNET_OK, 0);
}

enum signet_status channel_buffer_valid(uint64_t message, uint64_t capacity) {
  if (message % 8)
    return SIGNET_ARGUMENT;
  return range_valid(message, capacity) && range_valid(message, SIGNET_MESSAGE_DATA) ? SIGNET_OK : SIGNET_ADDRESS;
}

static struct signet_result receive_one(struct thread *thread, struct endpoint *endpoint, uint64_t message,
                                        uint64_t capacity, uint64_t deadline) {
  if (endpoint->count)
    return channel_take(thread->process, endpoint, message, capacity);
  if (endpoint_peer(endpoint)->closed)
    return error(SIGNET_CLOSED);
  if (wait_deadline_passed(deadline))
    return error(SIGNET_TIMEOUT);
  /* Whoever waits here for the answer to what he asked is on no list as long as he is the only one. */
  if (thread->asked == endpoint && thread->sent && list_empty(&endpoint->waiters)) {
    endpoint->listed = 0;
    return wait_begin(thread, WAIT_ANSWER, deadline);
  }
  wait_at(thread, endpoint);
  return wait_begin(thread, WAIT_OBJECTS, deadline);
}

/* Of several endpoints: the range of handles is good. */
static __attribute__((noinline)) struct signet_result receive_any(struct thread *thread, uint64_t handles,
                                                                  uint64_t count, uint64_t message, uint64_t capacity,
                                                                  uint64_t deadline) {
  struct kernel_process *process = thread->process;
  uint32_t handle[ENDPOINTS_MOST];
  struct endpoint *endpoint[ENDPOINTS_MOST];
  if (!port_copy_in(handle, process->window, (uint32_t)handles, count * 4))
    return error(SIGNET_ADDRESS);
  for (uint32_t i = 0; i < count; i++)
    if (!(endpoint[i] = handle_find_endpoint(process, handle[i])))
      return error(SIGNET_HANDLE);

  /* Each in turn is looked at first, so that neither a busy one keeps the others waiting nor what cannot be taken. */
  uint32_t closed = UINT32_MAX;
  for (uint32_t n = 0; n < count; n++) {
    uint32_t i = (thread->cursor + n) % (uint32_t)count;
    if (endpoint[i]->count) {
      struct signet_result outcome = channel_take(process, endpoint[i], message, capacity);
      thread->cursor = (uint8_t)(i + 1);
      if (outcome.status == SIGNET_OK)
        outcome.value = i;
      return outcome;
    }
    if (closed == UINT32_MAX && endpoint_peer(endpoint[i])->closed)
      closed = i;
  }
  if (closed != UINT32_MAX)
    return result(SIGNET_CLOSED, closed);
  if (wait_deadline_passed(deadline))
    return error(SIGNET_TIMEOUT);
  if (!wait_nodes_reserve(thread, (uint32_t)count))
    return error(SIGNET_MEMORY);
  for (uint32_t i = 0; i < count; i++)
    wait_at(thread, endpoint[i]);
  return wait_begin(thread, WAIT_OBJECTS, deadline);
}

struct signet_result call_channel_receive(struct thread *thread, const uint64_t *arguments) {
  uint64_t handles = arguments[0], count = arguments[1], message = arguments[2], capacity = arguments[3];
  uint32_t handle;
  if (!count || count > ENDPOINTS_MOST || handles % 4)
    return error(SIGNET_ARGUMENT);
  enum signet_status status = channel_buffer_valid(message, capacity);
  if (status)
    return error(status);
  if (!range_valid(handles, count * 4))
    return error(SIGNET_ADDRESS);
  if (count > 1)
    return receive_any(thread, handles, count, message, capacity, arguments[4]);
  if (!port_load_word(thread->process->window, (uint32_t)handles, &handle))
    return error(SIGNET_ADDRESS);
  struct endpoint *endpoint = handle_find_endpoint(thread->process, handle);
  return endpoint ? receive_one(thread, endpoint, message, capacity, arguments[4]) : error(SIGNET_HANDLE);
}

struct signet_result call_channel_call(struct thread *thread, const uint64_t *arguments) {
  struct endpoint *endpoint = handle_find_endpoint(thread->process, arguments[0]);
  if (!endpoint)
    return error(SIGNET_HANDLE);
  enum signet_status status = channel_buffer_valid(arguments[2], arguments[3]);
  if (status)
    return error(status);
  if (!thread->sent) {
    status = send(thread, endpoint, arguments[1]);
    if (status)
      return sent(endpoint, status);
    thread->sent = true;
  }
  return receive_one(thread, endpoint, arguments[2], arguments[3], arguments[4]);
}
