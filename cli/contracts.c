/* Owns what is told of contracts and messages: see contracts.h. One thread at a time. */
#include "cli/contracts.h"

#include <blake2.h>
#include <stdio.h>
#include <string.h>

#include "contractc/contract.h"
#include "contracts/events.h"
#include "contracts/files.h"

/* The tables that lib/ and services/ use of contracts whose headers are written by hand: the same messages and states
 * (tests/contractc/tables.c), in an older form, which the kernel knows by another hash. */
static const struct {
  const char *name;
  const void *table;
  size_t length;
} by_hand[] = {{"files", &files_contract, FILES_CONTRACT_LENGTH}, {"events", &events_contract, EVENTS_CONTRACT_LENGTH}};
#define BY_HAND (sizeof by_hand / sizeof *by_hand)

/* As the kernel does it: of the table without its identity. */
static void table_hash(const void *table, size_t length, uint8_t hash[32]) {
  static const struct signet_contract none;
  const size_t at = offsetof(struct signet_contract, identity);
  const uint8_t *bytes = table;
  blake2b_state state;
  blake2b_init(&state, 32);
  blake2b_update(&state, bytes, at);
  blake2b_update(&state, none.identity, sizeof none.identity);
  blake2b_update(&state, bytes + at + sizeof none.identity, length - at - sizeof none.identity);
  blake2b_final(&state, hash, 32);
}

const struct cli_contract *cli_contract_find(const uint8_t hash[32]) {
  static uint8_t hashes[BY_HAND][32];
  static bool known;
  for (size_t i = 0; i < cli_contract_count; i++)
    if (memcmp(cli_contracts[i].hash, hash, sizeof cli_contracts[i].hash) == 0)
      return &cli_contracts[i];
  for (size_t i = 0; i < BY_HAND && !known; i++)
    table_hash(by_hand[i].table, by_hand[i].length, hashes[i]);
  known = true;
  for (size_t i = 0; i < BY_HAND; i++)
    if (memcmp(hashes[i], hash, sizeof hashes[i]) == 0)
      return cli_contract_named(by_hand[i].name);
  return NULL;
}

const struct cli_contract *cli_contract_named(const char *name) {
  for (size_t i = 0; i < cli_contract_count; i++)
    if (strcmp(cli_contracts[i].name, name) == 0)
      return &cli_contracts[i];
  return NULL;
}

const char *cli_contract_name(const struct cli_contract *contract, const uint8_t hash[32],
                              char text[CLI_CONTRACT_NAME_MOST]) {
  if (contract)
    snprintf(text, CLI_CONTRACT_NAME_MOST, "%s", contract->name);
  else
    snprintf(text, CLI_CONTRACT_NAME_MOST, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
  return text;
}

const char *cli_contract_state(const struct cli_contract *contract, uint32_t state, char text[CLI_CONTRACT_NAME_MOST]) {
  if (contract)
    contract_print_state(contract->decoder, contract->decoder_length, state, text, CLI_CONTRACT_NAME_MOST);
  else
    snprintf(text, CLI_CONTRACT_NAME_MOST, "%u", state);
  return text;
}

/* "client NAME {…": the decoder's text from the name on; the whole of it where it has no name. */
static const char *after_side(const char *text) {
  static const char *const sides[] = {"client ", "server ", "(not used) "};
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
    if (strncmp(text, sides[i], strlen(sides[i])) == 0)
      return text + strlen(sides[i]);
  return text;
}

const char *cli_contract_message(const struct cli_contract *contract, uint32_t tag, char text[CLI_CONTRACT_NAME_MOST]) {
  const struct signet_message header = {.tag = tag};
  char printed[256];
  snprintf(text, CLI_CONTRACT_NAME_MOST, "message %u", tag);
  if (!contract || tag >= contract->table->messages)
    return text;
  contract_print(contract->decoder, contract->decoder_length, &header, sizeof header, printed, sizeof printed);
  const char *name = after_side(printed);
  if (name != printed)
    snprintf(text, CLI_CONTRACT_NAME_MOST, "%.*s", (int)strcspn(name, " "), name);
  return text;
}

/* Bytes of which nothing is known. */
static void put_bytes(const uint8_t *data, size_t known, size_t length, char text[CLI_CONTRACT_FIELDS_MOST]) {
  size_t used = (size_t)snprintf(text, CLI_CONTRACT_FIELDS_MOST, "{%zu bytes", length);
  for (size_t i = 0; i < known && i < 32; i++)
    used += (size_t)snprintf(text + used, CLI_CONTRACT_FIELDS_MOST - used, " %02x", data[i]);
  snprintf(text + used, CLI_CONTRACT_FIELDS_MOST - used, "%s}", length > 32 ? " ..." : "");
}

const char *cli_contract_fields(const struct cli_contract *contract, const struct signet_message *header,
                                const uint8_t *data, size_t known, char text[CLI_CONTRACT_FIELDS_MOST]) {
  static struct {
    struct signet_message header;
    uint8_t data[SIGNET_MESSAGE_DATA_MOST];
  } message;
  static char printed[CLI_CONTRACT_FIELDS_MOST];
  known = known > header->length ? header->length : known;
  known = known > sizeof message.data ? sizeof message.data : known;
  text[0] = 0;
  if (!contract) {
    put_bytes(data, known, header->length, text);
    return text;
  }
  message.header = *header;
  memcpy(message.data, data, known);
  contract_print(contract->decoder, contract->decoder_length, &message.header, SIGNET_MESSAGE_DATA + known, printed,
                 sizeof printed);
  const char *fields = after_side(printed);
  if (fields != printed) {
    fields += strcspn(fields, " ");
    fields += *fields == ' ';
  }
  snprintf(text, CLI_CONTRACT_FIELDS_MOST, "%s", fields);
  return text;
}

const char *cli_contract_allowed(const struct cli_contract *contract, uint32_t state, uint8_t side,
                                 char text[CLI_CONTRACT_FIELDS_MOST]) {
  size_t used = 0;
  text[0] = 0;
  if (!contract || state >= contract->table->states)
    return text;
  const struct signet_contract_message *rows = (const void *)(contract->table + 1);
  const uint8_t *next = (const uint8_t *)(rows + contract->table->messages) + state * contract->table->messages;
  for (uint32_t tag = 0; tag < contract->table->messages && used < CLI_CONTRACT_FIELDS_MOST; tag++) {
    char name[CLI_CONTRACT_NAME_MOST];
    if (next[tag] != SIGNET_CONTRACT_REFUSED && rows[tag].to_client == side)
      used += (size_t)snprintf(text + used, CLI_CONTRACT_FIELDS_MOST - used, "%s%s", used ? ", " : "",
                               cli_contract_message(contract, tag, name));
  }
  return text;
}
