/* Contracts as the kernel checks them: hostile blobs validated once, kept once however many channels use them.
 * channel.c and the host interface; kernel lock. */
#include "kernel/object.h"

#define MESSAGES_MOST 255u
#define STATES_MOST 254u

bool contract_length_valid(uint64_t length) {
  return length > sizeof(struct signet_contract) &&
         length <= sizeof(struct signet_contract) + 8 +
                       MESSAGES_MOST * (sizeof(struct signet_contract_message) + STATES_MOST +
                                        SIGNET_MESSAGE_MOVED * sizeof(struct signet_contract_moved));
}

static bool row_valid(const struct signet_contract_message *row, uint32_t version, uint32_t data_most) {
  if (row->to_client > 1 || row->moved_count > SIGNET_MESSAGE_MOVED || (version == 1 && row->step) ||
      row->length_least > row->length_most || row->length_most > data_most)
    return false;
  for (unsigned i = 0; i < SIGNET_MESSAGE_MOVED; i++) {
    unsigned kind = row->moved_kind[i];
    bool moves = kind == SIGNET_KIND_CLIENT || kind == SIGNET_KIND_SERVER || kind == SIGNET_KIND_BLOCK;
    if (i < row->moved_count ? !moves : kind != SIGNET_KIND_NONE)
      return false;
  }
  return true;
}

static bool all_are(const uint8_t *bytes, size_t length, uint8_t value) {
  for (size_t i = 0; i < length; i++)
    if (bytes[i] != value)
      return false;
  return true;
}

static bool of_any(const struct signet_contract_moved *moved) {
  return all_are(moved->identity, sizeof moved->identity, 0);
}

static bool of_this(const struct signet_contract_moved *moved) {
  return all_are(moved->identity, sizeof moved->identity, 0xff);
}

static bool moved_valid(const struct signet_contract_moved *moved, unsigned kind, uint16_t states) {
  if (moved->reserved)
    return false;
  if (kind == SIGNET_KIND_BLOCK)
    return of_any(moved) && !moved->state && moved->length_least <= moved->length_most &&
           moved->length_most <= WINDOW_BYTES;
  if (moved->length_least || moved->length_most)
    return false;
  return moved->state == SIGNET_CONTRACT_ANY_STATE ||
         (!of_any(moved) && moved->state < (of_this(moved) ? states : STATES_MOST));
}

/* The list of what moves, behind the cells. */
static bool list_valid(const struct signet_contract *header, const struct signet_contract_message *rows, uint64_t cells,
                       uint64_t length) {
  uint64_t end = (const uint8_t *)(rows + header->messages) + cells - (const uint8_t *)header, moves = 0;
  uint64_t list = (end + 7) & ~UINT64_C(7);
  for (uint32_t i = 0; i < header->messages; i++)
    moves += rows[i].moved_count;
  if (length != list + moves * sizeof(struct signet_contract_moved) ||
      !all_are((const uint8_t *)header + end, list - end, 0))
    return false;
  const struct signet_contract_moved *moved = (const void *)((const uint8_t *)header + list);
  for (uint32_t i = 0; i < header->messages; i++)
    for (uint32_t j = 0; j < rows[i].moved_count; j++)
      if (!moved_valid(moved++, rows[i].moved_kind[j], header->states))
        return false;
  return true;
}

static bool valid(const struct signet_contract *header, uint64_t length) {
  if (!header->version || header->version > SIGNET_CONTRACT_VERSION || !header->messages ||
      header->messages > MESSAGES_MOST || !header->states || header->states > STATES_MOST || !header->slots_to_server ||
      header->slots_to_server > SIGNET_CONTRACT_SLOTS_MOST || !header->slots_to_client ||
      header->slots_to_client > SIGNET_CONTRACT_SLOTS_MOST || header->data_most > SIGNET_MESSAGE_DATA_MOST)
    return false;
  uint64_t cells = (uint64_t)header->messages * header->states;
  uint64_t end = sizeof *header + header->messages * sizeof(struct signet_contract_message) + cells;
  if (header->version == 1 ? length != end : length < end)
    return false;
  const struct signet_contract_message *rows = (const struct signet_contract_message *)(header + 1);
  for (uint32_t i = 0; i < header->messages; i++)
    if (!row_valid(&rows[i], header->version, header->data_most))
      return false;
  if (header->version > 1 && !list_valid(header, rows, cells, length))
    return false;
  const uint8_t *next = (const uint8_t *)(rows + header->messages);
  for (uint64_t i = 0; i < cells; i++)
    if (next[i] >= header->states && next[i] != SIGNET_CONTRACT_REFUSED)
      return false;
  return true;
}

/* To find a contract by; equality is decided by comparison. A polynomial over the integers modulo 2^61 - 1, at a place
 * that no process knows: none can make contracts that are found at one place, behind each other. */
static uint32_t sum(const uint8_t *bytes, uint64_t length) {
  const uint64_t prime = (UINT64_C(1) << 61) - 1;
  uint64_t value = length;
  for (uint64_t at = 0; at < length; at += 4) {
    uint32_t part = 0;
    if (length - at < 4)
      memcpy(&part, bytes + at, length - at);
    else
      __builtin_memcpy(&part, bytes + at, 4); /* one load, no call */
    unsigned __int128 product = (unsigned __int128)(value + part) * kernel.contract_place;
    value = ((uint64_t)product & prime) + (uint64_t)(product >> 61);
    value = (value & prime) + (value >> 61);
  }
  return (uint32_t)value;
}

/* The structure, the blob, and in form 2 where what each message moves begins on the list. */
static uint64_t bytes_of(const struct signet_contract *blob, uint64_t length) {
  return sizeof(struct contract) + length + (blob->version > 1 ? blob->messages * sizeof(uint16_t) : 0);
}

static void find_moved(struct contract *contract) {
  uint64_t end = (const uint8_t *)contract->next + contract->messages * contract->states - (uint8_t *)contract->blob;
  contract->moved = (const void *)((uint8_t *)contract->blob + ((end + 7) & ~UINT64_C(7)));
  contract->moved_first = (uint16_t *)((uint8_t *)contract->blob + contract->length);
  for (uint32_t i = 0, first = 0; i < contract->messages; first += contract->rows[i++].moved_count)
    contract->moved_first[i] = (uint16_t)first;
}

enum signet_status contract_find(const void *blob, uint64_t length, struct contract **found) {
  if (!valid(blob, length))
    return SIGNET_CONTRACT;
  uint32_t check = sum(blob, length);
  LIST_EACH(node, &kernel.contracts[check % CONTRACT_BUCKETS]) {
    struct contract *contract = CONTAINER(node, struct contract, link);
    if (contract->check == check && contract->length == length && !memcmp(contract->blob, blob, length)) {
      contract->references++;
      *found = contract;
      return SIGNET_OK;
    }
  }
  struct contract *contract = allocate(bytes_of(blob, length));
  if (!contract)
    return SIGNET_MEMORY;
  struct signet_contract *header = (struct signet_contract *)contract->blob;
  memcpy(contract->blob, blob, length);
  memset(header->identity, 0, sizeof header->identity);
  blake2b_256(contract->identity, contract->blob, length);
  memcpy(contract->blob, blob, length);
  contract->references = 1;
  contract->length = (uint32_t)length;
  contract->check = check;
  contract->data_most = header->data_most;
  contract->messages = header->messages;
  contract->states = header->states;
  contract->slots[0] = header->slots_to_client;
  contract->slots[1] = header->slots_to_server;
  contract->rows = (const struct signet_contract_message *)(header + 1);
  contract->next = (const uint8_t *)(contract->rows + header->messages);
  if (header->version > 1)
    find_moved(contract);
  list_append(&kernel.contracts[check % CONTRACT_BUCKETS], &contract->link);
  *found = contract;
  return SIGNET_OK;
}

void contract_release(struct contract *contract) {
  if (--contract->references)
    return;
  list_remove(&contract->link);
  release(contract, bytes_of((const struct signet_contract *)contract->blob, contract->length));
}

uint64_t contract_allows(const struct contract *contract, uint8_t state, uint8_t side) {
  const uint8_t *next = &contract->next[state * contract->messages];
  uint64_t allowed = 0;
  for (uint32_t tag = 0; tag < contract->messages; tag++)
    if (next[tag] != SIGNET_CONTRACT_REFUSED && contract->rows[tag].to_client == side)
      allowed |= UINT64_C(1) << (tag < 63 ? tag : 63);
  return allowed;
}

bool contract_moved_fits(const struct contract *contract, uint32_t tag, uint32_t index, const struct object *object) {
  if (!contract->moved)
    return true;
  const struct signet_contract_moved *moved = &contract->moved[contract->moved_first[tag] + index];
  if (object->kind == SIGNET_KIND_BLOCK) {
    uint64_t length = CONTAINER(object, struct block, object)->length;
    return length >= page_up(moved->length_least) && length <= page_up(moved->length_most);
  }
  const struct endpoint *end = CONTAINER(object, struct endpoint, object);
  const uint8_t *identity = of_this(moved) ? contract->identity : moved->identity;
  return !end->count && contract_allows(end->channel->contract, end->state, end->side) &&
         (of_any(moved) || !memcmp(end->channel->contract->identity, identity, sizeof moved->identity)) &&
         (moved->state == SIGNET_CONTRACT_ANY_STATE || moved->state == end->state);
}
