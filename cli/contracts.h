/* The contracts of contracts/, compiled in: what a channel's contract is called, what its states are, what a message
 * says. The table is made by cli/module.mk; contracts.c reads it. Messages and identities may be anybody's. */
#ifndef CLI_CONTRACTS_H
#define CLI_CONTRACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>

struct cli_contract {
  const char *name;
  uint8_t hash[32]; /* the kernel's, of the table */
  const struct signet_contract *table;
  size_t table_length;
  const uint8_t *decoder;
  size_t decoder_length;
};
extern const struct cli_contract cli_contracts[];
extern const size_t cli_contract_count;

/* NULL: it is none of these. */
const struct cli_contract *cli_contract_find(const uint8_t hash[32]);
const struct cli_contract *cli_contract_named(const char *name);

/* All texts are printable ASCII, whatever the contract or message is. `contract` may be NULL: then numbers stand for
 * names. They give `text` back. */
#define CLI_CONTRACT_NAME_MOST 48
const char *cli_contract_name(const struct cli_contract *contract, const uint8_t hash[32],
                              char text[CLI_CONTRACT_NAME_MOST]);
const char *cli_contract_state(const struct cli_contract *contract, uint32_t state, char text[CLI_CONTRACT_NAME_MOST]);
const char *cli_contract_message(const struct cli_contract *contract, uint32_t tag, char text[CLI_CONTRACT_NAME_MOST]);

#define CLI_CONTRACT_FIELDS_MOST 4096
/* "{path="/x", length=3}", or ""; of the message's data the first `known` bytes are at `data`. */
const char *cli_contract_fields(const struct cli_contract *contract, const struct signet_message *header,
                                const uint8_t *data, size_t known, char text[CLI_CONTRACT_FIELDS_MOST]);
/* The messages that this side (0: client) may send in that state: "SEND, CLOSE", or "" for none. */
const char *cli_contract_allowed(const struct cli_contract *contract, uint32_t state, uint8_t side,
                                 char text[CLI_CONTRACT_FIELDS_MOST]);

#endif
