/* The rules of endpoints that move. An endpoint may travel only while it is its turn to send: then its peer cannot
 * change the state under way, the state that the receiver is told is still true, and the queue that travels is empty.
 * An endpoint that travels while it may be sent to could come to lie in its own queue, where nobody reaches it. */
#include <string.h>

#include "contractc/contractc.h"

/* One way for an endpoint into a queue: a message carries it there while others may send to it. */
struct carriage {
  const struct contract *contract; /* of the message */
  const struct message *message;
  const struct field *field;
};

/* An end: the queue of `side` of a channel of `contract`. */
struct end {
  const struct contract *contract;
  enum side side;
};

struct search {
  struct compilation *compilation;
  struct carriage *carriages;
  uint32_t count;
};

static struct end queue_of(const struct carriage *carriage) {
  return (struct end){carriage->contract, other_side(carriage->message->side)};
}
static struct end moved_by(const struct carriage *carriage) {
  return (struct end){carriage->field->contract, carriage->field->side};
}
static bool same(struct end a, struct end b) { return a.contract == b.contract && a.side == b.side; }

static void carriages_collect(struct search *search, const struct contract *contract) {
  for (uint32_t i = 0; i < contract->message_count; i++)
    for (uint32_t j = 0; contract->messages[i] && j < contract->messages[i]->field_count; j++) {
      const struct field *field = &contract->messages[i]->fields[j];
      if (field->type == TYPE_ENDPOINT && field->state->side == other_side(field->side))
        *APPEND(&search->compilation->memory, search->carriages, search->count) =
            (struct carriage){contract, contract->messages[i], field};
    }
}

/* A shortest circle of carriages that begins with `first`: each end waits in the queue of the one before it, and the
 * last is the first. Its length, or 0. */
static uint32_t circle_find(const struct search *search, uint32_t first, uint32_t circle[]) {
  uint32_t *came = memory_take(&search->compilation->memory, search->count * sizeof *came);
  uint32_t *queue = memory_take(&search->compilation->memory, search->count * sizeof *queue);
  uint32_t head = 0, tail = 0;
  for (uint32_t i = 0; i < search->count; i++)
    came[i] = UINT32_MAX;
  came[first] = first;
  queue[tail++] = first;
  while (head < tail) {
    uint32_t at = queue[head++];
    if (same(moved_by(&search->carriages[at]), queue_of(&search->carriages[first]))) {
      uint32_t length = 0;
      for (uint32_t back = at;; back = came[back]) {
        circle[length++] = back;
        if (back == first)
          break;
      }
      for (uint32_t i = 0; i < length / 2; i++) {
        uint32_t swap = circle[i];
        circle[i] = circle[length - 1 - i];
        circle[length - 1 - i] = swap;
      }
      return length;
    }
    for (uint32_t i = 0; i < search->count; i++)
      if (came[i] == UINT32_MAX && same(queue_of(&search->carriages[i]), moved_by(&search->carriages[at]))) {
        came[i] = at;
        queue[tail++] = i;
      }
  }
  return 0;
}

static void turn_suggest(struct compilation *compilation, struct problem *problem, const struct field *field) {
  const char *found = NULL;
  for (uint32_t i = 0; i < field->contract->state_count && !found; i++)
    if (field->contract->states[i]->side == field->side)
      found = field->contract->states[i]->name;
  if (found)
    problem_suggest(compilation, problem, "move it when it is the %s's turn: own %s %s.%s %s;", side_name[field->side],
                    side_name[field->side], field->contract_name, found, field->name);
  else
    problem_suggest(compilation, problem, "the %s of '%s' never sends, so its end never moves; move the other",
                    side_name[field->side], field->contract_name);
}

static void endpoint_check(struct search *search, const struct message *message, const struct field *field) {
  struct compilation *compilation = search->compilation;
  const struct state *state = field->state;
  if (state->side == field->side)
    return;
  if (state->side == NEITHER) {
    problem_suggest(compilation,
                    problem_add(compilation, PROBLEM_NOT_SENDING, field->state_place,
                                "'%s' moves a channel that has ended", message->name),
                    "an ended channel is closed, not moved");
    return;
  }
  uint32_t *circle = memory_take(&compilation->memory, search->count * sizeof *circle), length = 0;
  for (uint32_t i = 0; i < search->count && !length; i++)
    if (search->carriages[i].field == field)
      length = circle_find(search, i, circle);
  struct problem *problem;
  if (!length) {
    problem = problem_add(compilation, PROBLEM_NOT_SENDING, field->state_place,
                          "'%s' moves the %s's end of '%s' in the state '%s', in which the %s sends", message->name,
                          side_name[field->side], field->contract_name, state->name, side_name[state->side]);
    problem_note(compilation, problem, state->place, "the state is the %s's", side_name[state->side]);
    problem_trace(compilation, problem, "a sender moves the %s's end of a channel of '%s' in %s with '%s'",
                  side_name[field->side], field->contract_name, state->name, message->name);
    if (state->transition_count)
      problem_trace(
          compilation, problem, "meanwhile the %s sends %s, and the state is %s: the receiver takes it to be %s",
          side_name[state->side], state->transitions[0].message->name, state->transitions[0].next->name, state->name);
    turn_suggest(compilation, problem, field);
    return;
  }
  problem = problem_add(compilation, PROBLEM_LEAK, field->state_place,
                        "with '%s' an endpoint can end up in its own queue, where nobody can reach it", message->name);
  for (uint32_t i = 0; i < length; i++) {
    const struct carriage *carriage = &search->carriages[circle[i]];
    struct end queue = queue_of(carriage);
    bool last = i + 1 == length;
    problem_trace(
        compilation, problem,
        "channel %u of '%s': the %s sends %s; now the %s's end of channel %u (%s, in %s) waits in the %s's queue",
        i + 1, queue.contract->name, side_name[carriage->message->side], carriage->message->name,
        side_name[carriage->field->side], last ? 1 : i + 2, carriage->field->contract_name, carriage->field->state_name,
        side_name[queue.side]);
  }
  problem_trace(compilation, problem, "the %s's end of channel 1 now waits in %s",
                side_name[queue_of(&search->carriages[circle[0]]).side],
                length == 1 ? "its own queue" : "a queue that can only be reached through its own");
  turn_suggest(compilation, problem, field);
}

void endpoints_check(struct compilation *compilation, struct contract *contract) {
  struct search search = {.compilation = compilation};
  carriages_collect(&search, contract);
  for (uint32_t i = 0; i < contract->use_count; i++)
    carriages_collect(&search, contract->uses[i]);
  for (uint32_t i = 0; i < contract->message_count; i++)
    for (uint32_t j = 0; contract->messages[i] && j < contract->messages[i]->field_count; j++)
      if (contract->messages[i]->fields[j].type == TYPE_ENDPOINT)
        endpoint_check(&search, contract->messages[i], &contract->messages[i]->fields[j]);
}
