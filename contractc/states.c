/* The rules of states: who may send where, that every queue has a bound, that every state can be reached and left.
 * Each refusal comes with a shortest way to where it goes wrong. */
#include <stdlib.h>
#include <string.h>

#include "contractc/contractc.h"

/* ---- Ways through the states ---- */

uint32_t path_find(const struct contract *contract, const struct state *from, const struct state *to, enum side side,
                   struct step path[]) {
  struct step came[STATES_MOST];
  bool seen[STATES_MOST] = {false};
  const struct state *queue[STATES_MOST];
  uint32_t head = 0, tail = 0;
  /* `from` is where the search begins, and may be found again: a cycle. */
  const struct state *at = from;
  for (;;) {
    if (side == NEITHER || at->side == side)
      for (uint32_t i = 0; i < at->transition_count; i++) {
        const struct state *next = at->transitions[i].next;
        if (seen[next->number])
          continue;
        seen[next->number] = true;
        came[next->number] = (struct step){at, &at->transitions[i]};
        if (next == to)
          goto found;
        queue[tail++] = next;
      }
    if (head == tail)
      return UINT32_MAX;
    at = queue[head++];
  }
found:;
  uint32_t length = 0;
  const struct state *back = to;
  do {
    path[length++] = came[back->number];
    back = came[back->number].from;
  } while (back != from);
  for (uint32_t i = 0; i < length / 2; i++) {
    struct step swap = path[i];
    path[i] = path[length - 1 - i];
    path[length - 1 - i] = swap;
  }
  (void)contract;
  return length;
}

static void trace_step(struct compilation *compilation, struct problem *problem, const struct step *step) {
  const struct message *message = step->transition->message;
  problem_trace(compilation, problem, "%s: the %s sends %s, and the state is %s", step->from->name,
                side_name[message->side], message->name, step->transition->next->name);
}

void problem_trace_to(struct compilation *compilation, struct problem *problem, const struct contract *contract,
                      const struct state *state) {
  struct step path[STATES_MOST + 1];
  const struct state *start = contract->states[0];
  problem_trace(compilation, problem, "a channel begins in %s", start->name);
  if (state == start)
    return;
  uint32_t length = path_find(contract, start, state, NEITHER, path);
  for (uint32_t i = 0; length != UINT32_MAX && i < length; i++)
    trace_step(compilation, problem, &path[i]);
}

static bool reachable(const struct contract *contract, const struct state *state) {
  struct step path[STATES_MOST + 1];
  return state == contract->states[0] || path_find(contract, contract->states[0], state, NEITHER, path) != UINT32_MAX;
}

/* ---- Who sends ---- */

static void sides_check(struct compilation *compilation, const struct contract *contract, const struct state *state) {
  const struct transition *own = NULL, *foreign = NULL;
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const struct transition *transition = &state->transitions[i];
    if (transition->message->side == state->side)
      own = own ? own : transition;
    else
      foreign = foreign ? foreign : transition;
  }
  if (!foreign)
    return;
  const struct message *message = foreign->message;
  if (state->implied || !own) {
    struct problem *problem = problem_add(compilation, PROBLEM_WRONG_SIDE, foreign->place,
                                          state->implied ? "'%s' is sent by the %s, which is not the side that answers"
                                                         : "'%s' is sent by the %s, and this is the other side's state",
                                          message->name, side_name[message->side]);
    problem_note(compilation, problem, message->place, "it is declared here");
    if (!state->implied)
      problem_suggest(compilation, problem, "declare the state as: %s state %s", side_name[message->side], state->name);
    return;
  }
  struct problem *problem =
      problem_add(compilation, PROBLEM_BOTH, foreign->place, "both sides may send in the state '%s'", state->name);
  problem_note(compilation, problem, own->place, "the %s may send '%s' there", side_name[state->side],
               own->message->name);
  if (reachable(contract, state))
    problem_trace_to(compilation, problem, contract, state);
  problem_trace(compilation, problem, "%s: the %s sends %s, and believes that the state is %s", state->name,
                side_name[state->side], own->message->name, own->next->name);
  problem_trace(compilation, problem, "%s: at the same time the %s sends %s, and believes that the state is %s",
                state->name, side_name[message->side], message->name, foreign->next->name);
  problem_suggest(compilation, problem,
                  "give each side a state of its own, or put '%s' into another channel, where its sender has the turn",
                  message->name);
}

static void twice_check(struct compilation *compilation, const struct contract *contract, const struct state *state) {
  for (uint32_t i = 1; i < state->transition_count; i++)
    for (uint32_t j = 0; j < i; j++) {
      const struct transition *first = &state->transitions[j], *again = &state->transitions[i];
      if (first->message != again->message)
        continue;
      struct problem *problem = problem_add(compilation, PROBLEM_AMBIGUOUS, again->place,
                                            "'%s' is in the state '%s' twice", again->name, state->name);
      problem_note(compilation, problem, first->place, "it is here, and leads to %s", first->next->name);
      if (first->next != again->next && reachable(contract, state)) {
        problem_trace_to(compilation, problem, contract, state);
        problem_trace(compilation, problem, "%s: the %s sends %s: is the state %s or %s?", state->name,
                      side_name[state->side], again->name, first->next->name, again->next->name);
      }
      problem_suggest(compilation, problem,
                      first->next == again->next ? "leave one out"
                                                 : "two messages that lead to different states need two names");
      break;
    }
}

/* ---- Getting in and out ---- */

static void ends_check(struct compilation *compilation, const struct contract *contract) {
  bool ends[STATES_MOST] = {false}; /* a way to close, or a stuck state, which has its own problem */
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    if (state->side == NEITHER || state->closes) {
      ends[i] = true;
    } else if (!state->transition_count) {
      ends[i] = true;
      struct problem *problem =
          problem_add(compilation, PROBLEM_STUCK, state->place,
                      "in the state '%s' there is nothing to send and no way to close", state->name);
      if (reachable(contract, state))
        problem_trace_to(compilation, problem, contract, state);
      problem_suggest(compilation, problem, "write 'close;' in it, or let the message before it lead to 'end'");
    }
  }
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < contract->state_count; i++)
      for (uint32_t j = 0; j < contract->states[i]->transition_count && !ends[i]; j++)
        more |= ends[i] = ends[contract->states[i]->transitions[j].next->number];
  }
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    if (ends[i] || !reachable(contract, state))
      continue;
    struct problem *problem = problem_add(compilation, PROBLEM_ENDLESS, state->place,
                                          "from the state '%s' the channel can never end", state->name);
    problem_trace_to(compilation, problem, contract, state);
    problem_suggest(compilation, problem,
                    "write 'close;' in a state where its side may leave in good order, or let a message lead to 'end'");
    break; /* the others that it leads to are in the same case */
  }
}

static void reach_check(struct compilation *compilation, const struct contract *contract) {
  for (uint32_t i = 1; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    if (state->implied || state->side == NEITHER || reachable(contract, state))
      continue;
    struct problem *problem =
        problem_add(compilation, PROBLEM_UNREACHABLE, state->place, "no message leads to the state '%s'", state->name);
    problem_suggest(compilation, problem, "a channel begins in '%s': let a message lead here, or leave the state out",
                    contract->states[0]->name);
  }
  for (uint32_t i = 0; i < contract->message_count; i++) {
    const struct message *message = contract->messages[i];
    if (message && !message->sent_in)
      problem_suggest(
          compilation,
          problem_add(compilation, PROBLEM_UNUSED, message->place, "no state sends the message '%s'", message->name),
          "name it in a %s state, or leave it out", side_name[message->side]);
  }
}

/* ---- Queues ---- */

/* A shortest cycle in which only one side sends. */
static void bound_check(struct compilation *compilation, const struct contract *contract, enum side side) {
  struct step *best = memory_take(&compilation->memory, (STATES_MOST + 1) * sizeof *best);
  struct step *path = memory_take(&compilation->memory, (STATES_MOST + 1) * sizeof *path);
  uint32_t shortest = UINT32_MAX;
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    if (state->side != side || !reachable(contract, state))
      continue;
    uint32_t length = path_find(contract, state, state, side, path);
    if (length < shortest) {
      shortest = length;
      memcpy(best, path, length * sizeof *path);
    }
  }
  if (shortest == UINT32_MAX)
    return;
  struct problem *problem =
      problem_add(compilation, PROBLEM_UNBOUNDED, best[0].transition->place,
                  "the %s can send for ever without an answer, so no queue is long enough", side_name[side]);
  problem_trace_to(compilation, problem, contract, best[0].from);
  for (uint32_t i = 0; i < shortest; i++)
    problem_trace(compilation, problem, "%s: the %s sends %s, and the state is %s; in the queue: %u",
                  best[i].from->name, side_name[side], best[i].transition->message->name,
                  best[i].transition->next->name, i + 1);
  problem_trace(compilation, problem, "and so on from %s, without end", best[0].from->name);
  problem_suggest(compilation, problem,
                  "let the %s answer somewhere in this cycle: a message that says 'go on' is enough",
                  side_name[other_side(side)]);
}

/* The longest run of messages of one side; there is no cycle in it. */
static uint32_t run_length(const struct state *state, uint32_t known[]) {
  if (known[state->number])
    return known[state->number] - 1;
  uint32_t longest = 0;
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const struct state *next = state->transitions[i].next;
    uint32_t length = 1 + (next->side == state->side ? run_length(next, known) : 0);
    if (length > longest)
      longest = length;
  }
  known[state->number] = longest + 1;
  return longest;
}

static void slots_check(struct compilation *compilation, const struct contract *contract) {
  uint32_t known[STATES_MOST] = {0};
  for (unsigned side = CLIENT; side <= SERVER; side++) {
    const struct state *worst = NULL;
    for (uint32_t i = 0; i < contract->state_count; i++) {
      const struct state *state = contract->states[i];
      if (state->side == side && run_length(state, known) > SIGNET_CONTRACT_SLOTS_MOST &&
          (!worst || run_length(state, known) > run_length(worst, known)))
        worst = state;
    }
    if (!worst)
      continue;
    struct problem *problem =
        problem_add(compilation, PROBLEM_SLOTS, worst->place,
                    "the %s can send %u messages in a row from '%s'; a queue has at most %u slots", side_name[side],
                    run_length(worst, known), worst->name, SIGNET_CONTRACT_SLOTS_MOST);
    problem_trace_to(compilation, problem, contract, worst);
    problem_trace(compilation, problem, "and from there %u messages of the %s, one after another",
                  run_length(worst, known), side_name[side]);
    problem_suggest(compilation, problem, "let the %s answer in between, or send an array",
                    side_name[other_side(side)]);
  }
}

void states_check(struct compilation *compilation, struct contract *contract) {
  uint32_t before = compilation->problem_count;
  for (uint32_t i = 0; i < contract->state_count; i++) {
    sides_check(compilation, contract, contract->states[i]);
    twice_check(compilation, contract, contract->states[i]);
  }
  reach_check(compilation, contract);
  ends_check(compilation, contract);
  if (compilation->problem_count != before)
    return;
  bound_check(compilation, contract, CLIENT);
  bound_check(compilation, contract, SERVER);
  if (compilation->problem_count == before)
    slots_check(compilation, contract);
}
