/* Contracts as the kernel checks them: hostile blobs validated once, kept once however many channels use them.
 * channel.c and the host interface; kernel lock. */
#include "kernel/object.h"

#define MESSAGES_MOST 255u
#define STATES_MOST 254u

bool contract_length_valid(uint64_t length) {
  return length > sizeof(struct signet_contract) &&
         length <=
             sizeof(struct signet_contract) + MESSAGES_MOST * (sizeof(struct signet_contract_message) + STATES_MOST);
}

static bool row_valid(const struct signet_contract_message *row, uint32_t data_most) {
  if (row->to_client > 1 || row->moved_count > SIGNET_MESSAGE_MOVED || row->reserved ||
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

static bool valid(const struct signet_contract *header, uint64_t length) {
  if (header->version != SIGNET_CONTRACT_VERSION || !header->messages || header->messages > MESSAGES_MOST ||
      !header->states || header->states > STATES_MOST || !header->slots_to_server ||
      header->slots_to_server > SIGNET_CONTRACT_SLOTS_MOST || !header->slots_to_client ||
      header->slots_to_client > SIGNET_CONTRACT_SLOTS_MOST || header->data_most > SIGNET_MESSAGE_DATA_MOST)
    return false;
  uint64_t cells = (uint64_t)header->messages * header->states;
  if (length != sizeof *header + header->messages * sizeof(struct signet_contract_message) + cells)
    return false;
  const struct signet_contract_message *rows = (const struct signet_contract_message *)(header + 1);
  for (uint32_t i = 0; i < header->messages; i++)
    if (!row_valid(&rows[i], header->data_most))
      return false;
  const uint8_t *next = (const uint8_t *)(rows + header->messages);
  for (uint64_t i = 0; i < cells; i++)
    if (next[i] >= header->states && next[i] != SIGNET_CONTRACT_REFUSED)
      return false;
  return true;
}

/* To find a contract by, a word at a time; equality is decided by comparison. The factor is odd and its bits look
 * random. */
static uint32_t sum(const uint8_t *bytes, uint64_t length) {
  uint64_t value = length, word;
  for (; length >= sizeof word; length -= sizeof word, bytes += sizeof word) {
    memcpy(&word, bytes, sizeof word);
    value = (value ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  }
  for (; length; length--)
    value = (value ^ *bytes++) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(value >> 32);
}

enum signet_status contract_find(const void *blob, uint64_t length, struct contract **found) {
  if (!contract_length_valid(length) || !valid(blob, length))
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
  struct contract *contract = allocate(sizeof *contract + length);
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
  list_append(&kernel.contracts[check % CONTRACT_BUCKETS], &contract->link);
  *found = contract;
  return SIGNET_OK;
}

void contract_release(struct contract *contract) {
  if (--contract->references)
    return;
  list_remove(&contract->link);
  release(contract, sizeof *contract + contract->length);
}
