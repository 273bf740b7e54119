/* Contracts' tables, in the kernel's own check of them (kernel/contract.c, on the C library's memory). For the fuzz
 * targets of contracts and of tables. */
#include "tests/fuzz/contract_table.h"

#include <string.h>

#include "kernel/object.h"
#include "tests/fuzz/fuzz.h"

struct kernel kernel;
void *allocate(size_t length) { return calloc(1, length); }
void release(void *memory, size_t length) {
  (void)length;
  free(memory);
}

/* The two ends send what is allowed and receive what is there, as `random` has it, for so many steps. -> the most that
 * waited in each queue. The rules are channel.c's: one state, moved by the sender; who has not read may not send. */
static void walk(const struct contract *contract, uint32_t random, unsigned steps, unsigned most[2]) {
  unsigned queued[2] = {0, 0}; /* towards: 0 client, 1 server */
  uint32_t state = 0;
  most[0] = most[1] = 0;
  for (unsigned step = 0; step < steps; step++) {
    random = random * 1664525 + 1013904223;
    unsigned side = random >> 31; /* who acts */
    if (queued[side] && random >> 28 & 3) {
      queued[side]--;
      continue;
    }
    if (queued[side])
      continue;
    uint32_t begin = (random >> 8) % contract->messages;
    for (uint32_t i = 0; i < contract->messages; i++) {
      uint32_t tag = (begin + i) % contract->messages, next = contract->next[state * contract->messages + tag];
      if (next == SIGNET_CONTRACT_REFUSED || contract->rows[tag].to_client != side)
        continue;
      if (next >= contract->states)
        fuzz_fail("message %u leads from state %u to state %u, which is not there", tag, state, next);
      state = next;
      queued[!side]++;
      if (queued[!side] > most[!side])
        most[!side] = queued[!side];
      break;
    }
  }
}

/* Every question that the kernel asks of a table. */
static void ask(const struct contract *contract) {
  for (uint32_t state = 0; state < contract->states; state++)
    for (uint8_t side = 0; side < 2; side++) {
      uint64_t wanted = 0;
      for (uint32_t tag = 0; tag < contract->messages; tag++)
        if (contract->next[state * contract->messages + tag] != SIGNET_CONTRACT_REFUSED &&
            contract->rows[tag].to_client == side)
          wanted |= UINT64_C(1) << (tag < 63 ? tag : 63);
      if (contract_allows(contract, (uint8_t)state, side) != wanted)
        fuzz_fail("what is allowed in state %u is not what its table says", state);
    }
  for (uint32_t tag = 0; tag < contract->messages; tag++)
    for (uint32_t i = 0; i < contract->rows[tag].moved_count; i++) {
      struct block block = {.object = {.kind = SIGNET_KIND_BLOCK}, .length = SIGNET_PAGE};
      contract_moved_fits(contract, tag, i, &block.object);
    }
}

bool contract_table_check(const void *bytes, size_t length, const uint8_t hash[32], bool bounded) {
  struct contract *contract, *again;
  static bool initialised;
  if (!initialised) {
    for (size_t i = 0; i < CONTRACT_BUCKETS; i++)
      list_initialise(&kernel.contracts[i]);
    kernel.contract_place = 1234567891011;
    initialised = true;
  }
  /* Of its own length, for the sanitizer. */
  void *exact = aligned_alloc(8, length ? (length + 7) / 8 * 8 : 8);
  if (length)
    memcpy(exact, bytes, length);
  bool taken = contract_length_valid(length) && contract_find(exact, length, &contract) == SIGNET_OK;
  if (taken) {
    if (contract_find(exact, length, &again) || again != contract || contract->references != 2)
      fuzz_fail("the same table is another contract");
    contract_release(again);
    if (hash && memcmp(contract->identity, hash, 32))
      fuzz_fail("the kernel names it otherwise than the compiler");
    size_t wanted = sizeof(struct signet_contract) +
                    contract->messages * (sizeof(struct signet_contract_message) + contract->states);
    if (((const struct signet_contract *)exact)->version > 1) {
      wanted = (wanted + 7) / 8 * 8;
      for (uint32_t tag = 0; tag < contract->messages; tag++)
        wanted += contract->rows[tag].moved_count * sizeof(struct signet_contract_moved);
    }
    if (length != wanted)
      fuzz_fail("a table of %zu bytes, which has %zu", length, wanted);
    ask(contract);
    for (uint32_t random = 1; random < 5; random++) {
      unsigned most[2];
      walk(contract, random * 77777777, 1000, most);
      for (unsigned side = 0; bounded && side < 2; side++)
        if (most[side] > contract->slots[side])
          fuzz_fail("%u messages wait where there are %u slots", most[side], contract->slots[side]);
    }
    contract_release(contract);
  }
  free(exact);
  return taken;
}
