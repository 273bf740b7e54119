/* The contracts of the simulated programs, of both forms. */
#include "contracts.h"

size_t contract_write(struct random *random, uint8_t *bytes) {
  struct contract_file first = contract_make();
  first.header.slots_to_server = (uint16_t)(1 + random_below(random, 5));
  first.header.slots_to_client = (uint16_t)(1 + random_below(random, 2));
  if (random_below(random, 2)) {
    memcpy(bytes, &first, sizeof first);
    return sizeof first;
  }
  static const struct signet_contract_message rows[] = {
      {.length_least = 16, .length_most = 64, .step = 8},
      {.to_client = 1, .length_least = 0, .length_most = 64},
      {.moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}, .length_least = 8, .length_most = 64},
      {.moved_count = 1, .moved_kind = {SIGNET_KIND_CLIENT}, .length_least = 8, .length_most = 16},
      {.to_client = 1,
       .moved_count = 2,
       .moved_kind = {SIGNET_KIND_SERVER, SIGNET_KIND_BLOCK},
       .length_least = 8,
       .length_most = 64},
      {.moved_count = 3,
       .moved_kind = {SIGNET_KIND_BLOCK, SIGNET_KIND_BLOCK, SIGNET_KIND_BLOCK},
       .length_least = 8,
       .length_most = 64}};
  /* State 0: the client may go on or ask; 1: the server's turn; 2: the server has more to say. */
  static const uint8_t next[] = {1, 255, 0, 0, 255, 0, 255, 0, 255, 255, 2, 255, 255, 0, 255, 255, 2, 255};
  struct signet_contract header = {.version = 2,
                                   .messages = sizeof rows / sizeof rows[0],
                                   .states = 3,
                                   .slots_to_server = first.header.slots_to_server,
                                   .slots_to_client = first.header.slots_to_client,
                                   .data_most = 64};
  struct signet_contract_moved moved[] = {{.length_least = 1, .length_most = 2 * SIGNET_PAGE},
                                          {.state = random_below(random, 2) ? 0 : SIGNET_CONTRACT_ANY_STATE},
                                          {.state = SIGNET_CONTRACT_ANY_STATE},
                                          {.length_most = WINDOW_BYTES},
                                          {.length_most = WINDOW_BYTES},
                                          {.length_most = WINDOW_BYTES},
                                          {.length_least = 4097, .length_most = WINDOW_BYTES}};
  memset(moved[1].identity, 0xff, sizeof moved[1].identity);
  size_t at = 0;
  memcpy(bytes, &header, sizeof header), at += sizeof header;
  memcpy(bytes + at, rows, sizeof rows), at += sizeof rows;
  memcpy(bytes + at, next, sizeof next), at += sizeof next;
  for (; at % 8; at++)
    bytes[at] = 0;
  memcpy(bytes + at, moved, sizeof moved), at += sizeof moved;
  return at;
}
