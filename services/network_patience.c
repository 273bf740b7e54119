/* A wheel of time: a list for each tick of the next 17 seconds. Every operation has a constant cost, whatever waits;
 * what ends later lies in the last slot and is put off when that slot's time comes. services/network_patience.h. */
#include "services/network_patience.h"

#include <stddef.h>

#include <signet/abi.h>

#define TICK_BITS 24 /* of nanoseconds: 17 milliseconds */
#define SLOTS 1024u
#define WORD_BITS 64u

static struct patience *slots[SLOTS];
static uint64_t occupied[SLOTS / WORD_BITS]; /* a bit for each slot that is not empty */
static uint32_t waiting;
static uint64_t begin; /* the tick of the earliest slot that may be used; all are of begin to begin + SLOTS - 1 */
static uint64_t first; /* no slot before it is occupied; begin or later */

static void put(struct patience *patience) {
  uint64_t last = begin + SLOTS - 1, tick = patience->tick < last ? patience->tick : last;
  struct patience **slot = &slots[tick % SLOTS];
  patience->slot = (uint32_t)(tick % SLOTS);
  patience->next = *slot;
  patience->previous = slot;
  if (*slot)
    (*slot)->previous = &patience->next;
  *slot = patience;
  occupied[patience->slot / WORD_BITS] |= 1ull << patience->slot % WORD_BITS;
  if (!waiting++ || tick < first)
    first = tick;
}

void patience_clear(struct patience *patience) {
  if (!patience->previous)
    return;
  *patience->previous = patience->next;
  if (patience->next)
    patience->next->previous = patience->previous;
  patience->previous = NULL;
  if (!slots[patience->slot])
    occupied[patience->slot / WORD_BITS] &= ~(1ull << patience->slot % WORD_BITS);
  waiting--;
}

void patience_set(struct patience *patience, uint64_t now, uint64_t deadline) {
  uint64_t tick = (deadline >> TICK_BITS) + 1;
  if (patience->previous && tick >= patience->tick) {
    patience->tick = tick;
    return;
  }
  patience_clear(patience);
  /* As late as it can be: the wheel reaches the farther. */
  begin = now >> TICK_BITS;
  if (waiting && first < begin)
    begin = first;
  patience->tick = tick > begin ? tick : begin;
  put(patience);
}

/* Something waits: finds the first slot that is not empty. */
static void find_first(void) {
  while (!slots[first % SLOTS]) {
    uint64_t word = occupied[first % SLOTS / WORD_BITS] >> first % WORD_BITS;
    first += word ? (uint64_t)__builtin_ctzll(word) : WORD_BITS - first % WORD_BITS;
  }
}

struct patience *patience_ended(uint64_t now) {
  while (waiting) {
    find_first();
    if (first > now >> TICK_BITS)
      return NULL;
    struct patience *patience = slots[first % SLOTS];
    patience_clear(patience);
    if (patience->tick <= first)
      return patience;
    begin = first;
    put(patience);
  }
  return NULL;
}

uint64_t patience_next(void) {
  if (!waiting)
    return SIGNET_NEVER;
  find_first();
  return first << TICK_BITS;
}
