/* The contracts of the tree as tables, and what they say: for tests that are hostile by the table, on the simulator and
 * in sealed processes. */
#ifndef TESTS_CONTRACTS_TABLES_H
#define TESTS_CONTRACTS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <signet/abi.h>

#include "tests/contracts/all.h" /* made: their headers, and TEST_CONTRACTS */

static const struct known {
  const char *name;
  const void *table;
  uint32_t length;
  uint8_t hash[32];
} known[] = {
#define KNOWN(lower, upper) {#lower, &lower##_contract, (uint32_t)upper##_CONTRACT_LENGTH, {upper##_TABLE_HASH}},
    TEST_CONTRACTS(KNOWN)
#undef KNOWN
};
#define KNOWN_COUNT (sizeof known / sizeof *known)

/* ---- Reading tables ---- */

static inline const struct signet_contract *header_of(const struct known *contract) { return contract->table; }
static inline const struct signet_contract_message *rows_of(const struct known *contract) {
  return (const struct signet_contract_message *)(header_of(contract) + 1);
}
static inline uint8_t next_of(const struct known *contract, uint32_t state, uint32_t tag) {
  const uint8_t *next = (const uint8_t *)(rows_of(contract) + header_of(contract)->messages);
  return next[state * header_of(contract)->messages + tag];
}
/* What the table says of the thing at `index` that a message moves. */
static inline const struct signet_contract_moved *moved_of(const struct known *contract, uint32_t tag, uint32_t index) {
  const struct signet_contract *header = header_of(contract);
  uint64_t at = sizeof *header + header->messages * sizeof(struct signet_contract_message) +
                (uint64_t)header->messages * header->states;
  const struct signet_contract_moved *moved = (const void *)((const uint8_t *)header + ((at + 7) & ~UINT64_C(7)));
  for (uint32_t i = 0; i < tag; i++)
    moved += rows_of(contract)[i].moved_count;
  return moved + index;
}
/* Form 1 does not say what may move. */
static inline bool moves_are_stated(const struct known *contract) {
  const struct signet_contract *header = header_of(contract);
  return header->version >= 2;
}

/* Whose turn it is: 0 client, 1 server, 2 nobody's. */
static inline unsigned turn_of(const struct known *contract, uint32_t state) {
  for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++)
    if (next_of(contract, state, tag) != SIGNET_CONTRACT_REFUSED)
      return rows_of(contract)[tag].to_client;
  return 2;
}

static inline uint64_t allowed_set(const struct known *contract, uint32_t state, unsigned side) {
  uint64_t set = 0;
  for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++)
    if (next_of(contract, state, tag) != SIGNET_CONTRACT_REFUSED && rows_of(contract)[tag].to_client == side)
      set |= UINT64_C(1) << (tag < 63 ? tag : 63);
  return set;
}

/* The shortest way from the first state: tags, last first. -1: there is none. */
static inline int way_to(const struct known *contract, uint32_t state, uint8_t tags[256]) {
  uint8_t from[256], by[256];
  uint8_t queue[256];
  bool seen[256] = {[0] = true};
  uint32_t head = 0, tail = 0;
  queue[tail++] = 0;
  while (head < tail) {
    uint8_t at_state = queue[head++];
    for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++) {
      uint8_t to = next_of(contract, at_state, tag);
      if (to == SIGNET_CONTRACT_REFUSED || seen[to])
        continue;
      seen[to] = true;
      from[to] = at_state;
      by[to] = (uint8_t)tag;
      queue[tail++] = to;
    }
  }
  if (!seen[state])
    return -1;
  int count = 0;
  for (; state; state = from[state])
    tags[count++] = by[state];
  return count;
}

static inline const struct known *known_by_hash(const uint8_t hash[32]) {
  for (uint32_t i = 0; i < KNOWN_COUNT; i++)
    if (!memcmp(known[i].hash, hash, 32))
      return &known[i];
  return NULL;
}

static inline const struct known *known_by_name(const char *name) {
  for (uint32_t i = 0; i < KNOWN_COUNT; i++)
    if (!strcmp(known[i].name, name))
      return &known[i];
  return NULL;
}

#endif
