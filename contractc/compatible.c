/* May a server of a new contract serve clients of an old one? By simulation: from the first states, whatever the old
 * client may send the new server must understand, and whatever the new server may send the old client must understand;
 * then the same of the states that follow. Messages are the same by name, and then their numbers and bytes must agree.
 * Ends that move are compared in the same way: whoever serves them must understand whoever uses them. */
#include <string.h>

#include "contractc/contractc.h"

/* A client that holds to one contract talks to a server that holds to another. */
struct pair {
  const struct contract *contract[2]; /* of the client, of the server */
  const struct state *state[2];
  uint32_t came; /* the pair before this one; itself: where it began */
  const struct message *message;
};

struct comparison {
  struct compilation *compilation;
  const struct contract *old, *new;
  struct pair *pairs;
  uint32_t count, at;
  bool differ;
};

static void pair_add(struct comparison *comparison, struct pair pair) {
  for (uint32_t i = 0; i < comparison->count; i++) {
    const struct pair *other = &comparison->pairs[i];
    if (other->contract[0] == pair.contract[0] && other->contract[1] == pair.contract[1] &&
        other->state[0] == pair.state[0] && other->state[1] == pair.state[1])
      return;
  }
  *APPEND(&comparison->compilation->memory, comparison->pairs, comparison->count) = pair;
}

/* ---- The way to a difference ---- */

static void trace(struct comparison *comparison, struct problem *problem, uint32_t at) {
  struct compilation *compilation = comparison->compilation;
  const struct pair *pair = &comparison->pairs[at];
  if (pair->came == at && at == 0)
    problem_trace(compilation, problem, "the client of the old '%s' is in %s, the server of the new one in %s",
                  pair->contract[0]->name, pair->state[0]->name, pair->state[1]->name);
  if (pair->came == at)
    return;
  trace(comparison, problem, pair->came);
  if (comparison->pairs[pair->came].contract[0] != pair->contract[0])
    problem_trace(compilation, problem, "with %s an end of '%s' moves: its client is in %s, its server in %s",
                  pair->message->name, pair->contract[0]->name, pair->state[0]->name, pair->state[1]->name);
  else
    problem_trace(compilation, problem, "the %s sends %s; client: %s, server: %s", side_name[pair->message->side],
                  pair->message->name, pair->state[0]->name, pair->state[1]->name);
}

static struct problem *differ(struct comparison *comparison, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static struct problem *differ(struct comparison *comparison, struct place place, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *text = memory_text_list(&comparison->compilation->memory, format, arguments);
  va_end(arguments);
  struct problem *problem = problem_add(comparison->compilation, PROBLEM_INCOMPATIBLE, place, "%s", text);
  trace(comparison, problem, comparison->at);
  comparison->differ = true;
  return problem;
}

/* ---- Messages ---- */

/* Fields of a message: what the sender may put there must be what the receiver takes. "" if so, else why not. */
static const char *fields_fit(struct memory *memory, const struct field *sent, uint32_t sent_count,
                              const struct field *taken, uint32_t taken_count);

static const char *enumerations_fit(struct memory *memory, const struct enumeration *sent,
                                    const struct enumeration *taken) {
  if (sent->flags != taken->flags)
    return memory_text(memory, "'%s' is flags on one side only", sent->name);
  for (uint32_t i = 0; i < sent->member_count; i++) {
    bool found = false;
    for (uint32_t j = 0; j < taken->member_count && !found; j++)
      found = taken->members[j].value == sent->members[i].value;
    if (!found)
      return memory_text(memory, "the value %s of '%s' is not known to the receiver", sent->members[i].name,
                         sent->name);
  }
  return "";
}

static const char *field_fits(struct memory *memory, const struct field *sent, const struct field *taken) {
  if (sent->type != taken->type || sent->form != taken->form || sent->size != taken->size ||
      (field_moves(sent) && sent->type != TYPE_BLOCK && sent->side != taken->side))
    return memory_text(memory, "'%s' has another type", sent->name);
  bool ranged = field_varies(sent) || sent->type == TYPE_BLOCK;
  if (sent->form == FORM_FIXED && sent->most != taken->most)
    return memory_text(memory, "'%s' has %llu items, and the receiver wants %llu", sent->name,
                       (unsigned long long)sent->most, (unsigned long long)taken->most);
  if (ranged && (sent->least < taken->least || sent->most > taken->most))
    return memory_text(memory, "'%s' may be %llu to %llu long, and the receiver takes %llu to %llu", sent->name,
                       (unsigned long long)sent->least, (unsigned long long)sent->most,
                       (unsigned long long)taken->least, (unsigned long long)taken->most);
  if (sent->type == TYPE_ENUM)
    return enumerations_fit(memory, sent->enumeration, taken->enumeration);
  if (sent->type == TYPE_STRUCT)
    return fields_fit(memory, sent->structure->fields, sent->structure->field_count, taken->structure->fields,
                      taken->structure->field_count);
  return "";
}

static const char *fields_fit(struct memory *memory, const struct field *sent, uint32_t sent_count,
                              const struct field *taken, uint32_t taken_count) {
  for (uint32_t i = 0; i < sent_count || i < taken_count; i++) {
    if (i >= taken_count)
      return memory_text(memory, "the receiver does not know '%s'", sent[i].name);
    if (i >= sent_count)
      return memory_text(memory, "the receiver wants '%s' too", taken[i].name);
    if (strcmp(sent[i].name, taken[i].name) != 0)
      return memory_text(memory, "'%s' is where the receiver wants '%s'", sent[i].name, taken[i].name);
    const char *why = field_fits(memory, &sent[i], &taken[i]);
    if (*why)
      return why;
  }
  return "";
}

/* The ends that a message moves are used by one side and served by the other: pairs of their own. */
static void moved_follow(struct comparison *comparison, const struct pair *pair, const struct message *sent,
                         const struct message *taken) {
  for (uint32_t i = 0; i < sent->field_count; i++) {
    const struct field *from = &sent->fields[i], *to = &taken->fields[i];
    if (from->type != TYPE_ENDPOINT)
      continue;
    /* The receiver holds the moved end; whoever made the channel is on the sender's side. */
    struct pair moved = {.came = comparison->at, .message = sent};
    enum side receiver = from->side;
    moved.contract[receiver] = to->contract;
    moved.state[receiver] = to->state;
    moved.contract[other_side(receiver)] = from->contract;
    moved.state[other_side(receiver)] = from->state;
    pair_add(comparison, moved);
  }
  (void)pair;
}

static void messages_compare(struct comparison *comparison, const struct pair *pair, enum side sender) {
  struct memory *memory = &comparison->compilation->memory;
  const struct state *sends = pair->state[sender], *hears = pair->state[other_side(sender)];
  const char *who = sender == CLIENT ? "the client may send" : "the server may answer";
  for (uint32_t i = 0; i < sends->transition_count && !comparison->differ; i++) {
    const struct message *sent = sends->transitions[i].message, *taken = NULL;
    const struct transition *heard = NULL;
    for (uint32_t j = 0; j < hears->transition_count && !heard; j++)
      if (!strcmp(hears->transitions[j].message->name, sent->name))
        heard = &hears->transitions[j];
    if (!heard) {
      struct problem *problem =
          differ(comparison, sends->transitions[i].place, "%s '%s' in '%s', and the other does not expect it", who,
                 sent->name, sends->name);
      problem_note(comparison->compilation, problem, hears->place, "here the other is then");
      problem_suggest(comparison->compilation, problem,
                      sender == CLIENT ? "keep the message in the new contract"
                                       : "let new answers be given only to new requests, which old clients never make");
      return;
    }
    taken = heard->message;
    if (sent->tag != taken->tag) {
      struct problem *problem =
          differ(comparison, sent->place, "'%s' has the number %u in one contract and %u in the other", sent->name,
                 sent->tag, taken->tag);
      problem_note(comparison->compilation, problem, taken->place, "the other");
      problem_suggest(comparison->compilation, problem, "state the number: message %s = %u", sent->name,
                      pair->contract[CLIENT] == comparison->old && sender == CLIENT ? sent->tag : taken->tag);
      return;
    }
    const char *why = fields_fit(memory, sent->fields, sent->field_count, taken->fields, taken->field_count);
    if (!*why && (sent->least < taken->least || sent->most > taken->most))
      why = memory_text(memory, "it may have %u to %u bytes, and the receiver takes %u to %u", sent->least, sent->most,
                        taken->least, taken->most);
    if (*why) {
      struct problem *problem = differ(comparison, sent->place, "'%s' cannot be read by the %s: %s", sent->name,
                                       side_name[other_side(sender)], why);
      problem_note(comparison->compilation, problem, taken->place, "what the receiver expects");
      problem_suggest(comparison->compilation, problem, "give the changed message a new name, and keep the old one");
      return;
    }
    moved_follow(comparison, pair, sent, taken);
    struct pair next = {.came = comparison->at, .message = sent};
    memcpy(next.contract, pair->contract, sizeof next.contract);
    next.state[sender] = sends->transitions[i].next;
    next.state[other_side(sender)] = heard->next;
    pair_add(comparison, next);
  }
}

bool compatible(struct compilation *compilation, const struct contract *client, const struct contract *server) {
  struct comparison comparison = {.compilation = compilation, .old = client, .new = server};
  pair_add(&comparison, (struct pair){.contract = {client, server}, .state = {client->states[0], server->states[0]}});
  for (; comparison.at < comparison.count && !comparison.differ; comparison.at++) {
    const struct pair pair = comparison.pairs[comparison.at];
    if (!memcmp(pair.contract[0]->identity, pair.contract[1]->identity, sizeof client->identity) &&
        pair.state[0]->number == pair.state[1]->number)
      continue; /* the same contract in the same state */
    if (pair.state[0]->side != pair.state[1]->side) {
      const struct place place = pair.state[1]->place.source ? pair.state[1]->place : pair.contract[1]->place;
      struct problem *problem = differ(
          &comparison, place, "for the client ('%s') it is the turn of %s, for the server ('%s') of %s",
          pair.state[0]->name, side_name[pair.state[0]->side], pair.state[1]->name, side_name[pair.state[1]->side]);
      if (pair.state[0]->place.source)
        problem_note(compilation, problem, pair.state[0]->place, "the client's state");
      break;
    }
    if (pair.state[0]->side != NEITHER)
      messages_compare(&comparison, &pair, pair.state[0]->side);
  }
  return !comparison.differ;
}
