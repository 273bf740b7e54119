/* How many slots the two queues need, found and proved by exploring everything that the two ends and their queues can
 * do together.
 *
 * A configuration is where each end believes that the conversation is, and how many messages wait for each. What
 * exactly waits needs no place in it: a queue from which the receiver, in state r, can still come to the sender's state
 * s by n messages may hold any way of n messages from r to s, and all of them were explored into being. So the
 * projection is exact for what is asked: how long a queue gets, whether an end is ever ready to send with something
 * unread, and whether both can wait for each other. */
#include <stdlib.h>
#include <string.h>

#include "contractc/contractc.h"

#define QUEUE_MOST SIGNET_CONTRACT_SLOTS_MOST
#define WORDS ((STATES_MOST + 63) / 64)

struct set {
  uint64_t words[WORDS];
};

struct explorer {
  const struct contract *contract;
  struct set (*way)[QUEUE_MOST + 1][STATES_MOST]; /* [side][n][from]: where n messages of that side lead */
  uint8_t *seen;
  struct configuration {
    uint8_t at[2];     /* the state each end believes in */
    uint8_t queued[2]; /* messages waiting for each end */
  } * todo;
  uint32_t todo_count, todo_room;
  uint64_t explored;
  uint32_t longest[2];
};

static _Noreturn void disproved(const struct explorer *explorer, const char *what) {
  fprintf(stderr, "contractc: the checks let '%s' pass, but exploring it shows that %s; please report this\n",
          explorer->contract->name, what);
  abort();
}

static bool has(const struct set *set, uint32_t number) { return set->words[number / 64] >> (number % 64) & 1; }

/* Where n messages of one side lead, from n - 1. */
static void ways_compute(struct explorer *explorer) {
  const struct contract *contract = explorer->contract;
  for (unsigned side = CLIENT; side <= SERVER; side++)
    for (uint32_t n = 0; n <= QUEUE_MOST; n++)
      for (uint32_t i = 0; i < contract->state_count; i++) {
        const struct state *state = contract->states[i];
        struct set *to = &explorer->way[side][n][i];
        if (n == 0) {
          to->words[i / 64] |= UINT64_C(1) << (i % 64);
          continue;
        }
        if (state->side != side)
          continue;
        for (uint32_t j = 0; j < state->transition_count; j++)
          for (uint32_t k = 0; k < WORDS; k++)
            to->words[k] |= explorer->way[side][n - 1][state->transitions[j].next->number].words[k];
      }
}

/* At most one queue is in use, so a configuration is numbered by it. */
static void visit(struct explorer *explorer, struct configuration configuration) {
  const uint8_t *queued = configuration.queued;
  if (queued[CLIENT] && queued[SERVER])
    disproved(explorer, "both queues can be in use at once");
  if (queued[CLIENT] > QUEUE_MOST || queued[SERVER] > QUEUE_MOST)
    disproved(explorer, "a queue gets longer than its most slots");
  size_t direction = queued[CLIENT] ? 1 : 0, length = queued[CLIENT] + queued[SERVER];
  size_t number = ((direction * (QUEUE_MOST + 1) + length) * STATES_MOST + configuration.at[CLIENT]) * STATES_MOST +
                  configuration.at[SERVER];
  if (explorer->seen[number / 8] >> (number % 8) & 1)
    return;
  explorer->seen[number / 8] |= (uint8_t)(1u << (number % 8));
  explorer->explored++;
  for (unsigned side = CLIENT; side <= SERVER; side++)
    if (queued[side] > explorer->longest[side])
      explorer->longest[side] = queued[side];
  if (explorer->todo_count == explorer->todo_room) {
    explorer->todo_room = explorer->todo_room ? explorer->todo_room * 2 : 1024;
    explorer->todo = realloc(explorer->todo, explorer->todo_room * sizeof *explorer->todo);
    if (!explorer->todo) {
      fputs("contractc: the machine has no memory left\n", stderr);
      exit(2);
    }
  }
  explorer->todo[explorer->todo_count++] = configuration;
}

/* What one end may do: send if it believes that it is its turn, else take the oldest message that waits for it. */
static bool moves(struct explorer *explorer, struct configuration now, enum side side) {
  const struct state *state = explorer->contract->states[now.at[side]];
  bool moved = false;
  if (state->side == side && now.queued[side])
    disproved(explorer, "an end can have the turn with a message unread");
  for (uint32_t i = 0; i < state->transition_count; i++) {
    struct configuration next = now;
    uint8_t to = (uint8_t)state->transitions[i].next->number;
    if (state->side == side) {
      next.queued[other_side(side)]++;
    } else {
      if (!now.queued[side])
        return false;
      next.queued[side]--;
      /* Only a message from which the sender can have come to where it is. */
      if (!has(&explorer->way[other_side(side)][next.queued[side]][to], now.at[other_side(side)]))
        continue;
    }
    next.at[side] = to;
    visit(explorer, next);
    moved = true;
  }
  return moved;
}

void bounds_compute(struct compilation *compilation, struct contract *contract) {
  struct explorer explorer = {.contract = contract};
  (void)compilation;
  explorer.way = calloc(2, sizeof *explorer.way);
  explorer.seen = calloc(2 * (QUEUE_MOST + 1) * STATES_MOST * STATES_MOST / 8 + 1, 1);
  if (!explorer.way || !explorer.seen) {
    fputs("contractc: the machine has no memory left\n", stderr);
    exit(2);
  }
  ways_compute(&explorer);
  visit(&explorer, (struct configuration){{0, 0}, {0, 0}});
  while (explorer.todo_count) {
    struct configuration now = explorer.todo[--explorer.todo_count];
    bool client = moves(&explorer, now, CLIENT), server = moves(&explorer, now, SERVER);
    const struct state *state = contract->states[now.at[CLIENT]];
    bool ended = now.at[CLIENT] == now.at[SERVER] && !now.queued[CLIENT] && !now.queued[SERVER] &&
                 (state->side == NEITHER || state->closes);
    if (!client && !server && !ended)
      disproved(&explorer, "both ends can wait for each other");
  }
  /* The kernel gives every queue one slot at least. */
  for (unsigned side = CLIENT; side <= SERVER; side++)
    contract->slots[side] = explorer.longest[side] ? explorer.longest[side] : 1;
  contract->explored = explorer.explored;
  free(explorer.way);
  free(explorer.seen);
  free(explorer.todo);
}
