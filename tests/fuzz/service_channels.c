/* The channels of the kernel of services that are fuzzed (service_kernel.h): contracts, ends, blocks, handles, sending
 * and receiving. One host thread. */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include <signet/calls.h>

#include "tests/fuzz/service_inside.h"

void blake2b_256(uint8_t digest[32], const void *bytes, size_t length); /* of kernel/ */

#define BLOCKS_LOW 0x20000000u
#define PAGE ((uint64_t)SIGNET_PAGE)
#define LEAKED_ROW 8 /* bytes of one pattern, which nobody computes */

__attribute__((weak)) void kernel_process_closed(uint32_t process);
__attribute__((weak)) void kernel_process_query(const struct kernel_object *object,
                                                struct signet_handle_information *information);

uint32_t kernel_served;

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }
static struct signet_result error(int64_t status) { return result(status, 0); }

/* ---- Contracts ---- */

#define CONTRACTS_MOST 16
static struct {
  const struct signet_contract *contract;
  uint64_t length;
  uint8_t identity[32];
} contracts[CONTRACTS_MOST];
static uint32_t contract_count;

const struct signet_contract *kernel_contract(uint32_t contract) { return contracts[contract].contract; }
const uint8_t *kernel_identity(uint32_t contract) { return contracts[contract].identity; }

static uint32_t contract_of(const void *blob, uint64_t length) {
  for (uint32_t i = 0; i < contract_count; i++)
    if (contracts[i].length == length && !memcmp(contracts[i].contract, blob, length))
      return i;
  return UINT32_MAX;
}

uint32_t kernel_learn(const void *contract, uint64_t length) {
  static uint8_t copy[65536];
  uint32_t known = contract_of(contract, length);
  if (known != UINT32_MAX)
    return known;
  if (contract_count == CONTRACTS_MOST || length > sizeof copy)
    fuzz_fail("too many contracts");
  memcpy(copy, contract, length);
  memset(copy + offsetof(struct signet_contract, identity), 0, 32);
  blake2b_256(contracts[contract_count].identity, copy, length);
  contracts[contract_count].contract = contract;
  contracts[contract_count].length = length;
  return contract_count++;
}

static const struct signet_contract_message *row_of(uint32_t contract, uint32_t tag) {
  return (const struct signet_contract_message *)(kernel_contract(contract) + 1) + tag;
}

static uint8_t next_of(uint32_t contract, uint32_t state, uint32_t tag) {
  uint32_t messages = kernel_contract(contract)->messages;
  return ((const uint8_t *)row_of(contract, messages))[state * messages + tag];
}

const struct signet_contract_moved *kernel_moved_row(uint32_t contract, uint32_t tag, uint32_t index) {
  const struct signet_contract *header = kernel_contract(contract);
  if (header->version < 2)
    return NULL;
  const uint8_t *begin = (const uint8_t *)header;
  size_t list =
      (size_t)((const uint8_t *)row_of(contract, header->messages) - begin) + header->messages * header->states;
  const struct signet_contract_moved *moved = (const void *)(begin + ((list + 7) & ~(size_t)7));
  for (uint32_t i = 0; i < tag; i++)
    moved += row_of(contract, i)->moved_count;
  return moved + index;
}

/* ---- Ends ---- */

struct kernel_end kernel_ends[KERNEL_ENDS_MOST];
uint32_t kernel_ends_used;

static struct kernel_end *other(uint32_t end) { return &kernel_ends[end ^ 1]; }

uint32_t kernel_channel(uint32_t contract, uint32_t peer) {
  for (uint32_t end = 2; end < KERNEL_ENDS_MOST; end += 2) {
    if (kernel_ends[end].holder || kernel_ends[end + 1].holder)
      continue;
    kernel_ends[end] = kernel_ends[end + 1] =
        (struct kernel_end){.contract = contract, .holder = KERNEL_PEER, .peer = peer};
    if (end + 2 > kernel_ends_used)
      kernel_ends_used = end + 2;
    return end;
  }
  return 0;
}

bool kernel_may_send(uint32_t end, uint32_t tag) {
  const struct kernel_end *from = &kernel_ends[end];
  const struct signet_contract *contract = kernel_contract(from->contract);
  const struct kernel_end *to = other(end);
  return tag < contract->messages && row_of(from->contract, tag)->to_client == (end & 1) && !from->queued &&
         next_of(from->contract, from->state, tag) != SIGNET_CONTRACT_REFUSED &&
         (to->closed || to->queued < (end & 1 ? contract->slots_to_client : contract->slots_to_server));
}

bool kernel_turn(uint32_t end) {
  for (uint32_t tag = 0; tag < kernel_contract(kernel_ends[end].contract)->messages; tag++)
    if (kernel_may_send(end, tag))
      return true;
  return false;
}

static void moved_drop(struct kernel_moved moved);

void kernel_end_close(uint32_t end) {
  KERNEL_TRACE("end %u is closed by %s\n", end, kernel_in_service() ? "the service" : "its peer");
  struct kernel_end *closed = &kernel_ends[end];
  closed->closed = true;
  closed->holder = KERNEL_NOBODY;
  closed->in_set = false;
  for (uint32_t i = 0; i < closed->queued; i++) {
    for (uint32_t j = 0; j < closed->queue[i]->moved_count; j++)
      moved_drop(closed->queue[i]->moved[j]);
    free(closed->queue[i]);
  }
  closed->queued = 0;
  kernel_version++;
}

static void moved_drop(struct kernel_moved moved) {
  if (moved.kind == SIGNET_KIND_BLOCK)
    kernel_block_free(moved.number);
  else
    kernel_end_close(moved.number);
}

static void moved_send(struct kernel_moved moved) {
  if (moved.kind == SIGNET_KIND_BLOCK) {
    kernel_block_close(moved.number);
  } else {
    kernel_ends[moved.number].holder = KERNEL_TRAVELS;
    kernel_ends[moved.number].in_set = false;
  }
}

/* All has been checked. */
static void enqueue(uint32_t end, const struct kernel_message *message) {
  struct kernel_end *from = &kernel_ends[end], *to = other(end);
  from->state = to->state = next_of(from->contract, from->state, message->tag);
  for (uint32_t i = 0; i < message->moved_count; i++)
    moved_send(message->moved[i]);
  kernel_version++;
  if (to->closed) {
    for (uint32_t i = 0; i < message->moved_count; i++)
      moved_drop(message->moved[i]);
    return;
  }
  if (to->queued == KERNEL_QUEUE_MOST)
    fuzz_fail("a queue of this test is too short");
  struct kernel_message *copy = malloc(offsetof(struct kernel_message, data) + message->length);
  if (!copy)
    abort();
  memcpy(copy, message, offsetof(struct kernel_message, data) + message->length);
  to->queue[to->queued++] = copy;
}

static struct kernel_message *dequeue(struct kernel_end *end) {
  struct kernel_message *first = end->queue[0];
  end->queued--;
  memmove(end->queue, end->queue + 1, end->queued * sizeof *end->queue);
  return first;
}

void kernel_peer_send(uint32_t end, const struct kernel_message *message) {
  const struct signet_contract_message *row = row_of(kernel_ends[end].contract, message->tag);
  if (!kernel_may_send(end, message->tag) || message->length < row->length_least ||
      message->length > row->length_most || message->moved_count != row->moved_count)
    fuzz_fail("this test sends what the kernel refuses");
  enqueue(end, message);
}

bool kernel_peer_receive(uint32_t end, struct kernel_message *message) {
  struct kernel_end *from = &kernel_ends[end];
  if (from->closed || !from->queued)
    return false;
  struct kernel_message *first = dequeue(from);
  memcpy(message, first, offsetof(struct kernel_message, data) + first->length);
  free(first);
  for (uint32_t i = 0; i < message->moved_count; i++)
    if (message->moved[i].kind != SIGNET_KIND_BLOCK) {
      kernel_ends[message->moved[i].number].holder = KERNEL_PEER;
      kernel_ends[message->moved[i].number].peer = from->peer;
    }
  return true;
}

void kernel_peer_close(uint32_t end) { kernel_end_close(end); }

/* ---- Blocks: poisoned while they are not the service's ---- */

static struct {
  bool there;
  uint32_t length;
} blocks[KERNEL_BLOCKS_MOST];

static uint8_t *block_bytes(uint32_t block) {
  return (uint8_t *)(uintptr_t)(BLOCKS_LOW + block * (KERNEL_BLOCK_MOST + SIGNET_PAGE));
}

uint32_t kernel_block(uint32_t pages) {
  if (!pages || pages > KERNEL_BLOCK_MOST / SIGNET_PAGE)
    return 0;
  for (uint32_t i = 1; i < KERNEL_BLOCKS_MOST; i++) {
    if (blocks[i].there)
      continue;
    blocks[i].there = true;
    blocks[i].length = pages * SIGNET_PAGE;
    return i;
  }
  return 0;
}

uint8_t *kernel_block_open(uint32_t block, uint32_t *length) {
  *length = blocks[block].length;
  __asan_unpoison_memory_region(block_bytes(block), blocks[block].length);
  return block_bytes(block);
}

void kernel_block_close(uint32_t block) { __asan_poison_memory_region(block_bytes(block), blocks[block].length); }

void kernel_block_free(uint32_t block) {
  kernel_block_close(block);
  blocks[block].there = false;
}

/* ---- Handles ---- */

#define OBJECTS_MOST 1024u
static struct kernel_object objects[OBJECTS_MOST];
static uint32_t object_next, generations;

uint32_t kernel_object(enum signet_kind kind, uint32_t number) {
  for (uint32_t i = 0; i < OBJECTS_MOST; i++) {
    struct kernel_object *object = &objects[object_next];
    uint32_t index = object_next;
    object_next = (object_next + 1) % OBJECTS_MOST;
    if (object->kind)
      continue;
    *object = (struct kernel_object){.kind = kind, .number = number, .generation = ++generations};
    uint32_t handle = generations % 0x3fffff << 10 | index;
    if (kind == SIGNET_KIND_CLIENT || kind == SIGNET_KIND_SERVER) {
      kernel_ends[number].holder = KERNEL_SERVICE;
      kernel_ends[number].handle = handle;
    }
    return handle;
  }
  fuzz_fail("the service holds %u handles", OBJECTS_MOST);
}

/* NULL: it is 0, which is never one; whatever else is none is a mistake of the service. */
struct kernel_object *kernel_object_find(uint32_t handle, const char *call) {
  struct kernel_object *object = &objects[handle % OBJECTS_MOST];
  if (!handle)
    return NULL;
  bool there = object->kind && object->generation % 0x3fffff == handle >> 10;
  if (!there && !call)
    return NULL;
  if (!there)
    fuzz_fail("%s: the handle %#x is not the service's, or no longer", call, handle);
  return object;
}

static uint32_t end_of(uint32_t handle, const char *call) {
  struct kernel_object *object = kernel_object_find(handle, call);
  if (!object || (object->kind != SIGNET_KIND_CLIENT && object->kind != SIGNET_KIND_SERVER))
    fuzz_fail("%s: the handle %#x is no end of a channel", call, handle);
  return object->number;
}

uint32_t kernel_held(enum signet_kind kind) {
  uint32_t held = 0;
  for (uint32_t i = 0; i < OBJECTS_MOST; i++)
    held += objects[i].kind == (uint32_t)kind;
  return held;
}

uint32_t kernel_give(uint32_t end) { return kernel_object(end & 1 ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT, end); }
uint32_t kernel_device(uint32_t number) { return kernel_object(SIGNET_KIND_DEVICE, number); }

struct signet_result signet_handle_close(uint32_t handle) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(handle, "handle_close");
  if (!object)
    return error(SIGNET_HANDLE);
  if (object->kind == SIGNET_KIND_BLOCK)
    kernel_block_free(object->number);
  if (object->kind == SIGNET_KIND_PROCESS)
    kernel_process_closed(object->number);
  if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER)
    kernel_end_close(object->number);
  object->kind = 0;
  return error(SIGNET_OK);
}

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  kernel_call_begins();
  kernel_readable(information, sizeof *information, "handle_query");
  /* Who makes processes may ask for one whose end another of its threads has seen. */
  struct kernel_object *object = kernel_object_find(handle, kernel_process_closed ? NULL : "handle_query");
  if (!object)
    return error(SIGNET_HANDLE);
  if (object->kind == SIGNET_KIND_IMAGE || object->kind == SIGNET_KIND_PROCESS) {
    kernel_process_query(object, information);
    return error(SIGNET_OK);
  }
  uint32_t number = end_of(handle, "handle_query");
  const struct kernel_end *end = &kernel_ends[number], *peer = other(number);
  memset(information, 0, sizeof *information);
  information->kind = number & 1 ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT;
  information->queued = end->queued;
  information->peer_closed = peer->closed;
  information->state = end->state;
  memcpy(information->identity, kernel_identity(end->contract), 32);
  if (peer->holder == KERNEL_PEER) {
    memset(information->peer_identity, 0x11 + (int)peer->peer, 32);
    static const char *const process_names[] = {"supervisor", "web",
                                                "\xc2\x9b"
                                                "2J%n%s \xff\xf0",
                                                "a-name-as-long-as-it-can-be-made"};
    memcpy(information->peer_name, process_names[peer->peer % 4], strnlen(process_names[peer->peer % 4], 31));
    snprintf(information->peer_principal, sizeof information->peer_principal, "supervisor/%u", peer->peer);
  }
  return error(SIGNET_OK);
}

/* ---- Sending ---- */

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  kernel_call_begins();
  kernel_readable(contract, length, "channel_create");
  uint32_t known = contract_of(contract, length);
  if (known == UINT32_MAX && (uintptr_t)contract - KERNEL_STARTUP_LOW < KERNEL_STARTUP_ROOM)
    return error(SIGNET_CONTRACT); /* one that it was given, damaged */
  if (known == UINT32_MAX)
    known = kernel_learn(contract, length); /* one of its own */
  uint32_t client = kernel_refuses() ? 0 : kernel_channel(known, 0);
  if (!client)
    return error(SIGNET_QUOTA);
  uint32_t client_handle = kernel_give(client);
  return result(SIGNET_OK, client_handle | (uint64_t)kernel_give(client + 1) << 32);
}

static void no_row_of(const uint8_t *bytes, uint32_t length, uint32_t contract, uint32_t tag) {
  for (uint32_t i = 0, row = 0; i < length; i++) {
    bool bad = bytes[i] == KERNEL_CANARY || bytes[i] == KERNEL_UNSET_CLANG || bytes[i] == KERNEL_UNSET_GCC;
    row = !bad ? 0 : i && bytes[i] == bytes[i - 1] ? row + 1 : 1;
    if (row == LEAKED_ROW)
      fuzz_fail("message %u of contract %u tells what was never written (%#x), from byte %u on of %u", tag, contract,
                bytes[i], i + 1 - LEAKED_ROW, length);
  }
}

/* NULL, or why not. */
static const char *moved_wrong(uint32_t end, uint32_t tag, uint32_t index, const struct kernel_object *object) {
  const struct kernel_end *from = &kernel_ends[end], *moved = &kernel_ends[object->number];
  const struct signet_contract_moved *row = kernel_moved_row(from->contract, tag, index);
  if (object->kind != row_of(from->contract, tag)->moved_kind[index])
    return "of another kind";
  if (!row)
    return NULL;
  if (object->kind == SIGNET_KIND_BLOCK) {
    uint64_t length = blocks[object->number].length;
    return length < ((row->length_least + PAGE - 1) & ~(PAGE - 1)) ||
                   length > ((row->length_most + PAGE - 1) & ~(PAGE - 1))
               ? "too large or too small"
               : NULL;
  }
  static const uint8_t any[32];
  uint8_t this[32];
  memset(this, 0xff, sizeof this);
  const uint8_t *wanted = memcmp(row->identity, this, 32) == 0 ? kernel_identity(from->contract) : row->identity;
  if (moved->queued)
    return "not heard to the end";
  if (!kernel_turn(object->number))
    return "in a state in which it hears";
  if (memcmp(row->identity, any, 32) != 0 && memcmp(wanted, kernel_identity(moved->contract), 32) != 0)
    return "of another contract";
  if (row->state != SIGNET_CONTRACT_ANY_STATE && row->state != moved->state)
    return "in another state";
  if ((object->number ^ end) < 2)
    return "of its own channel";
  return NULL;
}

/* Contracts may let what comes be more than what may be sent: who then finds that out is answered so. */
struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  kernel_call_begins();
  uint32_t end = end_of(endpoint, "channel_send");
  struct kernel_end *from = &kernel_ends[end];
  static struct kernel_message sent;
  kernel_readable(message, SIGNET_MESSAGE_DATA, "channel_send");
  const struct signet_contract *contract = kernel_contract(from->contract);
  if (message->tag >= contract->messages || message->reserved)
    fuzz_fail("channel_send: tag %u, reserved %u", message->tag, message->reserved);
  const struct signet_contract_message *row = row_of(from->contract, message->tag);
  if (other(end)->holder == KERNEL_SERVICE && other(end)->queued)
    return error(SIGNET_FULL); /* to itself */
  if (!kernel_may_send(end, message->tag))
    fuzz_fail("channel_send: contract %u does not allow %u in state %u", from->contract, message->tag, from->state);
  if (message->length < row->length_least || message->length > row->length_most ||
      (row->step && (message->length - row->length_least) % row->step) || message->moved_count != row->moved_count)
    fuzz_fail("channel_send: message %u of contract %u with %u bytes, %u moved", message->tag, from->contract,
              message->length, message->moved_count);
  kernel_readable(message, SIGNET_MESSAGE_DATA + message->length, "channel_send");
  struct kernel_object *moved[SIGNET_MESSAGE_MOVED];
  for (uint32_t i = 0; i < message->moved_count; i++) {
    moved[i] = kernel_object_find(message->moved[i].handle, "channel_send");
    const char *wrong = moved[i] ? moved_wrong(end, message->tag, i, moved[i]) : "none";
    if (wrong)
      fuzz_fail("channel_send: message %u of contract %u moves what is %s", message->tag, from->contract, wrong);
    sent.moved[i] = (struct kernel_moved){moved[i]->kind, moved[i]->number};
    moved[i]->kind = 0;
  }
  const uint8_t *data = (const uint8_t *)message + SIGNET_MESSAGE_DATA;
  no_row_of(data, message->length, from->contract, message->tag);
  sent.tag = message->tag;
  sent.length = message->length;
  sent.moved_count = message->moved_count;
  memcpy(sent.data, data, message->length);
  KERNEL_TRACE("end %u says %u, %u bytes, %u moved\n", end, sent.tag, sent.length, sent.moved_count);
  enqueue(end, &sent);
  return error(SIGNET_OK);
}

/* ---- Receiving ---- */

static struct signet_result take(uint32_t number, struct signet_message *message, uint64_t capacity) {
  struct kernel_end *end = &kernel_ends[number];
  struct kernel_message *first = end->queue[0];
  kernel_readable(message, capacity, "receive");
  if (capacity < SIGNET_MESSAGE_DATA + (uint64_t)first->length)
    return result(SIGNET_CAPACITY, SIGNET_MESSAGE_DATA + (uint64_t)first->length);
  if (first->moved_count && kernel_refuses())
    return error((number ^ first->tag) & 2 ? SIGNET_QUOTA : SIGNET_MEMORY);
  KERNEL_TRACE("end %u hears %u, %u bytes, %u moved\n", number, first->tag, first->length, first->moved_count);
  dequeue(end);
  kernel_served = number ^ 1;
  kernel_version++;
  memset(message, KERNEL_CANARY, capacity);
  message->tag = first->tag;
  message->length = first->length;
  message->moved_count = first->moved_count;
  message->reserved = 0;
  for (uint32_t i = 0; i < first->moved_count; i++) {
    struct kernel_moved moved = first->moved[i];
    message->moved[i] = (struct signet_moved){.handle = kernel_object(moved.kind, moved.number), .kind = moved.kind};
    if (moved.kind == SIGNET_KIND_BLOCK)
      message->moved[i].offset = (uint32_t)(uintptr_t)kernel_block_open(moved.number, &message->moved[i].length);
  }
  memcpy((uint8_t *)message + SIGNET_MESSAGE_DATA, first->data, first->length);
  free(first);
  return error(SIGNET_OK);
}

static uint32_t turn;

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  kernel_call_begins();
  kernel_readable(endpoints, count * sizeof *endpoints, "channel_receive");
  if (!count || count > 64)
    fuzz_fail("channel_receive of %u", count);
  for (;;) {
    uint32_t closed = UINT32_MAX;
    for (uint32_t n = 0; n < count; n++) {
      uint32_t i = (turn + n) % count, end = end_of(endpoints[i], "channel_receive");
      if (kernel_ends[end].queued) {
        struct signet_result taken = take(end, message, capacity);
        if (taken.status == SIGNET_OK) {
          taken.value = i;
          turn = i + 1;
        }
        return taken;
      }
      if (closed == UINT32_MAX && other(end)->closed)
        closed = i;
    }
    if (closed != UINT32_MAX)
      return result(SIGNET_CLOSED, closed);
    if (deadline <= kernel_now)
      return error(SIGNET_TIMEOUT);
    kernel_wait(deadline);
    if (kernel_event_delivered())
      return error(SIGNET_INTERRUPTED);
  }
}

struct signet_result signet_set_create(void) {
  kernel_call_begins();
  return kernel_refuses() ? error(SIGNET_QUOTA) : result(SIGNET_OK, kernel_object(SIGNET_KIND_SET, 0));
}

struct signet_result signet_set_insert(uint32_t set, uint32_t endpoint, uint64_t key) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(set, "set_insert");
  struct kernel_end *end = &kernel_ends[end_of(endpoint, "set_insert")];
  if (!object || object->kind != SIGNET_KIND_SET || end->in_set)
    fuzz_fail("set_insert: no set, or the end is in one");
  end->in_set = true;
  end->set = set;
  end->key = key;
  kernel_version++;
  return error(SIGNET_OK);
}

struct signet_result signet_set_receive(uint32_t set, struct signet_message *message, uint64_t capacity,
                                        uint64_t deadline) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(set, "set_receive");
  if (!object || object->kind != SIGNET_KIND_SET)
    fuzz_fail("set_receive: no set");
  for (;;) {
    for (uint32_t n = 1; n <= kernel_ends_used; n++) {
      uint32_t i = (turn + n) % kernel_ends_used;
      struct kernel_end *end = &kernel_ends[i];
      if (end->holder != KERNEL_SERVICE || !end->in_set || end->set != set)
        continue;
      if (!end->queued && !other(i)->closed)
        continue;
      turn = i;
      uint64_t key = end->key;
      struct signet_result taken = end->queued ? take(i, message, capacity) : error(SIGNET_CLOSED);
      if (taken.status != SIGNET_CAPACITY)
        taken.value = key;
      return taken;
    }
    if (deadline <= kernel_now)
      return error(SIGNET_TIMEOUT);
    kernel_wait(deadline);
    if (kernel_event_delivered())
      return error(SIGNET_INTERRUPTED);
  }
}

/* ---- An input ---- */

void kernel_channels_begin(void) {
  static bool mapped;
  if (!mapped)
    kernel_map_fixed(BLOCKS_LOW, KERNEL_BLOCKS_MOST * (KERNEL_BLOCK_MOST + SIGNET_PAGE));
  mapped = true;
  for (uint32_t end = 0; end < kernel_ends_used; end++) {
    for (uint32_t i = 0; i < kernel_ends[end].queued; i++)
      free(kernel_ends[end].queue[i]);
    kernel_ends[end] = (struct kernel_end){0};
  }
  for (uint32_t i = 1; i < KERNEL_BLOCKS_MOST; i++)
    if (blocks[i].there)
      kernel_block_free(i);
  memset(objects, 0, sizeof objects);
  kernel_ends_used = object_next = generations = turn = kernel_served = 0;
}
