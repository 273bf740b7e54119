/* A kernel small enough to read: see mock.h. */
#include "tests/contractc/mock.h"

#include <blake2.h>
#include <stdlib.h>
#include <string.h>

#include <signet/calls.h>

#define HANDLES 256

struct channel {
  uint8_t *table;
  uint64_t length;
  uint8_t hash[32];
  uint32_t state;
  bool closed[2];
  struct queued {
    struct signet_message message;
    uint8_t data[SIGNET_MESSAGE_DATA_MOST];
  } * queue[2]; /* for each end, as many as the contract says */
  uint32_t count[2];
};

static struct object {
  uint32_t kind;
  struct channel *channel;
  uint32_t length; /* of a block */
} objects[HANDLES];

uint32_t mock_sent;
int64_t mock_call_status;

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }

/* Numbers come round late, so that one that is gone is not another's at once. */
static uint32_t object_new(uint32_t kind, struct channel *channel, uint32_t length) {
  static uint32_t last;
  for (uint32_t tries = 0; tries < HANDLES; tries++) {
    last = last + 1 < HANDLES ? last + 1 : 1;
    if (!objects[last].kind) {
      objects[last] = (struct object){kind, channel, length};
      return last;
    }
  }
  abort();
}

bool mock_open(uint32_t handle) { return handle && handle < HANDLES && objects[handle].kind; }
uint32_t mock_state(uint32_t handle) { return objects[handle].channel->state; }
uint32_t mock_block(uint32_t length) { return object_new(SIGNET_KIND_BLOCK, NULL, length); }
uint32_t mock_handles(void) {
  uint32_t count = 0;
  for (uint32_t i = 1; i < HANDLES; i++)
    count += objects[i].kind != 0;
  return count;
}

void mock_table_hash(const void *table, uint64_t length, uint8_t hash[32]) {
  uint8_t *copy = malloc(length);
  memcpy(copy, table, length);
  memset(copy + offsetof(struct signet_contract, identity), 0, 32);
  blake2b(hash, copy, NULL, 32, length, 0);
  free(copy);
}

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  struct channel *channel = calloc(1, sizeof *channel);
  channel->table = malloc(length);
  memcpy(channel->table, contract, length);
  channel->length = length;
  mock_table_hash(contract, length, channel->hash);
  channel->queue[0] = calloc(contract->slots_to_client, sizeof *channel->queue[0]);
  channel->queue[1] = calloc(contract->slots_to_server, sizeof *channel->queue[1]);
  uint64_t client = object_new(SIGNET_KIND_CLIENT, channel, 0), server = object_new(SIGNET_KIND_SERVER, channel, 0);
  return result(SIGNET_OK, client | server << 32);
}

static struct channel *channel_of(uint32_t handle, unsigned *side) {
  if (!mock_open(handle) || !objects[handle].channel)
    return NULL;
  *side = objects[handle].kind == SIGNET_KIND_SERVER;
  return objects[handle].channel;
}

/* What form 2 of the table says of a thing that moves. */
static bool moved_fits(const struct channel *channel, uint32_t tag, uint32_t index, const struct object *object) {
  const struct signet_contract *contract = (const void *)channel->table;
  const struct signet_contract_message *rows = (const void *)(contract + 1);
  if (contract->version < 2)
    return true;
  uint64_t at = ((uint64_t)((const uint8_t *)(rows + contract->messages) - channel->table) +
                 (uint64_t)contract->messages * contract->states + 7) &
                ~UINT64_C(7);
  const struct signet_contract_moved *moved = (const void *)(channel->table + at);
  for (uint32_t i = 0; i < tag; i++)
    moved += rows[i].moved_count;
  moved += index;
  if (!object->channel)
    return object->length >= moved->length_least && object->length <= ((moved->length_most + 4095) & ~UINT64_C(4095));
  unsigned side = object->kind == SIGNET_KIND_SERVER;
  uint8_t any[32] = {0}, same[32];
  memset(same, 0xff, sizeof same);
  const uint8_t *hash = memcmp(moved->identity, same, 32) ? moved->identity : channel->hash;
  return !object->channel->count[side] && (!memcmp(hash, any, 32) || !memcmp(hash, object->channel->hash, 32)) &&
         (moved->state == SIGNET_CONTRACT_ANY_STATE || moved->state == object->channel->state);
}

struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  unsigned side;
  struct channel *channel = channel_of(endpoint, &side);
  if (!channel)
    return result(SIGNET_HANDLE, 0);
  const struct signet_contract *contract = (const void *)channel->table;
  const struct signet_contract_message *rows = (const void *)(contract + 1), *row = &rows[message->tag];
  const uint8_t *next = (const uint8_t *)(rows + contract->messages);
  if (message->tag >= contract->messages)
    return result(SIGNET_CONTRACT, 0);
  uint8_t state = next[channel->state * contract->messages + message->tag];
  if (message->reserved)
    return result(SIGNET_ARGUMENT, 0);
  if (state == SIGNET_CONTRACT_REFUSED || row->to_client != side || message->moved_count != row->moved_count ||
      message->length < row->length_least || message->length > row->length_most)
    return result(SIGNET_CONTRACT, 0);
  if (channel->count[side] || (row->step && (message->length - row->length_least) % row->step))
    return result(SIGNET_CONTRACT, 0);
  uint32_t limit = side ? contract->slots_to_client : contract->slots_to_server;
  if (!channel->closed[!side] && channel->count[!side] == limit)
    return result(SIGNET_FULL, 0);
  for (uint32_t i = 0; i < message->moved_count; i++) {
    if (!mock_open(message->moved[i].handle))
      return result(SIGNET_HANDLE, 0);
    if (objects[message->moved[i].handle].kind != row->moved_kind[i] ||
        objects[message->moved[i].handle].channel == channel ||
        !moved_fits(channel, message->tag, i, &objects[message->moved[i].handle]))
      return result(SIGNET_CONTRACT, 0);
  }
  channel->state = state;
  mock_sent++;
  if (channel->closed[!side])
    return result(SIGNET_OK, 0);
  struct queued *slot = &channel->queue[!side][channel->count[!side]++];
  slot->message = *message;
  memcpy(slot->data, (const uint8_t *)message + SIGNET_MESSAGE_DATA, message->length);
  for (uint32_t i = 0; i < message->moved_count; i++) {
    /* A handle that moved is another one for its new owner. */
    struct object moved = objects[message->moved[i].handle];
    slot->message.moved[i].handle = object_new(moved.kind, moved.channel, moved.length);
    slot->message.moved[i].kind = moved.kind;
    slot->message.moved[i].length = moved.length;
    slot->message.moved[i].offset = moved.length ? 0xc0000000u : 0;
    objects[message->moved[i].handle].kind = 0;
  }
  return result(SIGNET_OK, 0);
}

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  unsigned side;
  (void)deadline;
  for (uint32_t i = 0; i < count; i++) {
    struct channel *channel = channel_of(endpoints[i], &side);
    if (!channel)
      return result(SIGNET_HANDLE, 0);
    if (!channel->count[side])
      continue;
    struct queued *first = &channel->queue[side][0];
    if (capacity < SIGNET_MESSAGE_DATA + (uint64_t)first->message.length)
      return result(SIGNET_CAPACITY, SIGNET_MESSAGE_DATA + (uint64_t)first->message.length);
    *message = first->message;
    memcpy((uint8_t *)message + SIGNET_MESSAGE_DATA, first->data, first->message.length);
    memmove(first, first + 1, --channel->count[side] * sizeof *first);
    return result(SIGNET_OK, i);
  }
  for (uint32_t i = 0; i < count; i++) {
    const struct channel *channel = channel_of(endpoints[i], &side);
    if (channel->closed[!side])
      return result(SIGNET_CLOSED, i);
  }
  return result(SIGNET_TIMEOUT, 0);
}

struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline) {
  struct signet_result sent = signet_channel_send(endpoint, message);
  if (sent.status != SIGNET_OK)
    return sent;
  if (mock_call_status != SIGNET_OK)
    return result(mock_call_status, 0);
  return signet_channel_receive(&endpoint, 1, reply, capacity, deadline);
}

struct signet_result signet_handle_close(uint32_t handle) {
  unsigned side;
  if (!mock_open(handle))
    return result(SIGNET_HANDLE, 0);
  struct channel *channel = channel_of(handle, &side);
  objects[handle].kind = 0;
  if (!channel)
    return result(SIGNET_OK, 0);
  channel->closed[side] = true;
  for (uint32_t i = 0; i < channel->count[side]; i++)
    for (uint32_t j = 0; j < channel->queue[side][i].message.moved_count; j++)
      signet_handle_close(channel->queue[side][i].message.moved[j].handle);
  channel->count[side] = 0;
  if (channel->closed[!side]) {
    free(channel->queue[0]);
    free(channel->queue[1]);
    free(channel->table);
    free(channel);
  }
  return result(SIGNET_OK, 0);
}

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  unsigned side;
  if (!mock_open(handle))
    return result(SIGNET_HANDLE, 0);
  memset(information, 0, sizeof *information);
  information->kind = objects[handle].kind;
  information->length = objects[handle].length;
  struct channel *channel = channel_of(handle, &side);
  if (channel) {
    information->state = channel->state;
    information->queued = channel->count[side];
    memcpy(information->identity, channel->hash, 32);
  }
  return result(SIGNET_OK, 0);
}
