/* The table the kernel checks messages with, byte for byte as <signet/abi.h> says. */
#include <string.h>

#include "contractc/contractc.h"

static uint8_t kind_of(const struct field *field) {
  if (field->type == TYPE_BLOCK)
    return SIGNET_KIND_BLOCK;
  return field->side == CLIENT ? SIGNET_KIND_CLIENT : SIGNET_KIND_SERVER;
}

/* The item's size, where only whole items make the length vary. */
static uint16_t step_of(const struct message *message) {
  const struct field *varying = NULL;
  for (uint32_t i = 0; i < message->field_count; i++)
    if (field_varies(&message->fields[i])) {
      if (varying || message->fields[i].form == FORM_TEXT)
        return 0;
      varying = &message->fields[i];
    }
  return varying && varying->size > 1 ? (uint16_t)varying->size : 0;
}

bool table_needs_extension(const struct contract *contract) {
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i] && (contract->messages[i]->moved_count || step_of(contract->messages[i])))
      return true;
  return false;
}

unsigned table_version(const struct contract *contract) { return table_needs_extension(contract) ? 2 : 1; }

const uint8_t *table_hash(const struct contract *contract) { return contract->table_hash[table_version(contract) - 1]; }

static void moved_write(const struct contract *contract, const struct field *field,
                        struct signet_contract_moved *moved) {
  moved->state = 0;
  if (field->type == TYPE_BLOCK) {
    moved->length_least = field->least;
    moved->length_most = field->most;
  } else if (field->type == TYPE_ANY) {
    moved->state = SIGNET_CONTRACT_ANY_STATE;
  } else {
    moved->state = field->state->number;
    /* Its own contract cannot hold its own hash: all ones stand for "this contract". */
    if (field->contract == contract)
      memset(moved->identity, 0xff, sizeof moved->identity);
    else
      memcpy(moved->identity, table_hash(field->contract), sizeof moved->identity);
  }
}

uint8_t *table_make(struct memory *memory, const struct contract *contract, unsigned version, uint32_t *length) {
  uint32_t messages = contract->message_count, states = contract->state_count, moved = 0;
  uint32_t rows_at = sizeof(struct signet_contract),
           next_at = rows_at + messages * sizeof(struct signet_contract_message);
  uint32_t moved_at = (next_at + states * messages + 7) & ~7u;
  for (uint32_t i = 0; i < messages; i++)
    moved += contract->messages[i] ? contract->messages[i]->moved_count : 0;
  *length =
      version == 1 ? next_at + states * messages : moved_at + moved * (uint32_t)sizeof(struct signet_contract_moved);
  uint8_t *table = memory_take(memory, *length);
  struct signet_contract *header = (void *)table;
  struct signet_contract_message *rows = (void *)(table + rows_at);
  uint8_t *next = table + next_at;
  struct signet_contract_moved *moves = (void *)(table + moved_at);

  header->version = version;
  header->messages = (uint16_t)messages;
  header->states = (uint16_t)states;
  header->slots_to_server = (uint16_t)contract->slots[SERVER];
  header->slots_to_client = (uint16_t)contract->slots[CLIENT];
  header->data_most = contract->data_most;
  memcpy(header->identity, contract->identity, sizeof header->identity);
  for (uint32_t i = 0; i < messages; i++) {
    const struct message *message = contract->messages[i];
    if (!message)
      continue; /* a number that is not used: a row that no state lets through */
    rows[i].to_client = message->side == SERVER;
    rows[i].moved_count = (uint8_t)message->moved_count;
    rows[i].length_least = message->least;
    rows[i].length_most = message->most;
    if (version > 1)
      rows[i].step = step_of(message);
    for (uint32_t j = 0, k = 0; j < message->field_count; j++)
      if (field_moves(&message->fields[j])) {
        rows[i].moved_kind[k++] = kind_of(&message->fields[j]);
        if (version > 1)
          moved_write(contract, &message->fields[j], moves++);
      }
  }
  memset(next, SIGNET_CONTRACT_REFUSED, states * messages);
  for (uint32_t i = 0; i < states; i++)
    for (uint32_t j = 0; j < contract->states[i]->transition_count; j++) {
      const struct transition *transition = &contract->states[i]->transitions[j];
      next[i * messages + transition->message->tag] = (uint8_t)transition->next->number;
    }
  return table;
}
