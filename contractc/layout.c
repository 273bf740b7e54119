/* What declarations come to: offsets and sizes of data as they lie in a message, message numbers, and the states with
 * everything that they name. Called by parser.c, when a structure or a whole contract has been read.
 *
 * Data of a message: the fixed fields, each at a multiple of its alignment as in a structure of C; then the texts, each
 * ended by a NUL; then at most one array, which reaches to the end of the data and so needs no count. */
#include <string.h>

#include "contractc/contractc.h"

#define TRANSITIONS_MOST 512u /* of one state; more than there are messages, so some are there twice */

static uint32_t align_up(uint32_t offset, uint32_t align) { return (offset + align - 1) & ~(align - 1); }

static bool field_checked(const struct field *field) {
  return field->type == TYPE_BOOL || field->type == TYPE_ENUM ||
         (field->type == TYPE_STRUCT && field->structure->checked);
}

/* ---- Structures ---- */

static void hole(struct compilation *compilation, struct place place, uint32_t bytes, const char *where,
                 const char *name) {
  struct problem *problem =
      problem_add(compilation, PROBLEM_HOLE, place, "%u bytes %s '%s' belong to no field", bytes, where, name);
  if (bytes == 1 || bytes == 2 || bytes == 4)
    problem_suggest(compilation, problem,
                    "what lay in the sender's memory there would be sent: fill it with u%u reserved; or reorder",
                    8 * bytes);
  else
    problem_suggest(compilation, problem,
                    "what lay in the sender's memory there would be sent: fill it with u8 reserved[%u]; or reorder",
                    bytes);
}

void layout_structure(struct compilation *compilation, struct structure *structure) {
  uint32_t offset = 0;
  structure->align = 1;
  for (uint32_t i = 0; i < structure->field_count; i++) {
    struct field *field = &structure->fields[i];
    if (field_moves(field)) {
      problem_suggest(
          compilation,
          problem_add(compilation, PROBLEM_OWN, field->type_place, "a structure holds data; '%s' moves", field->name),
          "declare it as a field of the message itself");
      *field = (struct field){.name = field->name, .place = field->place, .type = TYPE_U32, .size = 4, .align = 4};
    }
    if (field_varies(field)) {
      problem_suggest(compilation,
                      problem_add(compilation, PROBLEM_ORDER, field->place,
                                  "a structure has one size, and '%s' has several", field->name),
                      "write [%llu] for a fixed number, or declare it in the message", (unsigned long long)field->most);
      field->form = FORM_FIXED;
    }
    if (offset % field->align)
      hole(compilation, field->place, align_up(offset, field->align) - offset, "before", field->name);
    offset = align_up(offset, field->align);
    field->offset = offset;
    offset += field->size * (field->form == FORM_FIXED ? (uint32_t)field->most : 1);
    if (field->align > structure->align)
      structure->align = field->align;
    structure->checked |= field_checked(field);
    if (offset > SIGNET_MESSAGE_DATA_MOST) {
      problem_add(compilation, PROBLEM_SIZE, field->place,
                  "with '%s' the structure is larger than a message (%u bytes)", field->name, SIGNET_MESSAGE_DATA_MOST);
      offset = 0;
    }
  }
  if (!structure->field_count)
    problem_add(compilation, PROBLEM_BOUND, structure->place, "the structure '%s' has no field", structure->name);
  if (offset % structure->align)
    hole(compilation, structure->place, align_up(offset, structure->align) - offset, "at the end of", structure->name);
  structure->size = offset ? align_up(offset, structure->align) : structure->align;
}

/* ---- Messages ---- */

static void tags_assign(struct compilation *compilation, struct contract *contract) {
  struct message **by_tag = memory_take(&compilation->memory, MESSAGES_MOST * sizeof *by_tag);
  uint32_t next = 0, count = 0;
  for (uint32_t i = 0; i < contract->message_count; i++) {
    struct message *message = contract->messages[i];
    bool stated = message->tag_place.length != 0;
    uint32_t tag = stated ? message->tag : next;
    struct place place = stated ? message->tag_place : message->place;
    if (tag >= MESSAGES_MOST) {
      problem_add(compilation, PROBLEM_MANY, place, "a contract has at most %u messages", MESSAGES_MOST);
      break;
    }
    if (by_tag[tag]) {
      struct problem *problem = problem_add(compilation, PROBLEM_TAG, place, "'%s' has the number %u, and so has '%s'",
                                            message->name, tag, by_tag[tag]->name);
      problem_note(compilation, problem, by_tag[tag]->place, "that is here");
      problem_suggest(compilation, problem, "a message without a number has the one after the message before it");
    } else {
      by_tag[tag] = message;
    }
    message->tag = tag;
    next = tag + 1;
    if (count < next)
      count = next;
  }
  contract->messages = by_tag;
  contract->message_count = count;
}

static struct contract *contract_named(struct contract *contract, const char *name) {
  if (!strcmp(contract->name, name))
    return contract;
  for (uint32_t i = 0; i < contract->use_count; i++)
    if (!strcmp(contract->uses[i]->name, name))
      return contract->uses[i];
  return NULL;
}

static void endpoint_settle(struct compilation *compilation, struct contract *contract, struct field *field) {
  const char **names = NULL;
  uint32_t count = 0;
  field->contract = contract_named(contract, field->contract_name);
  if (!field->contract) {
    *APPEND(&compilation->memory, names, count) = contract->name;
    for (uint32_t i = 0; i < contract->use_count; i++)
      *APPEND(&compilation->memory, names, count) = contract->uses[i]->name;
    struct problem *problem = problem_add(compilation, PROBLEM_UNDEFINED, field->contract_place,
                                          "the contract '%s' is not used here", field->contract_name);
    const char *nearest = name_nearest(field->contract_name, names, count);
    if (nearest)
      problem_suggest(compilation, problem, "did you mean '%s'?", nearest);
    else
      problem_suggest(compilation, problem, "say so at the top of the file: use %s;", field->contract_name);
    return;
  }
  field->state = state_find(field->contract, field->state_name);
  if (field->state)
    return;
  for (uint32_t i = 0; i < field->contract->state_count; i++)
    *APPEND(&compilation->memory, names, count) = field->contract->states[i]->name;
  struct problem *problem = problem_add(compilation, PROBLEM_UNDEFINED, field->state_place,
                                        "the contract '%s' has no state '%s'", field->contract_name, field->state_name);
  const char *nearest = name_nearest(field->state_name, names, count);
  if (nearest)
    problem_suggest(compilation, problem, "did you mean '%s'?", nearest);
}

static void message_layout(struct compilation *compilation, struct message *message) {
  uint32_t offset = 0;
  uint64_t least = 0, most = 0;
  const struct field *varying = NULL, *array = NULL;
  for (uint32_t i = 0; i < message->field_count; i++) {
    struct field *field = &message->fields[i];
    if (field_moves(field)) {
      field->moved_number = message->moved_count++;
      if (message->moved_count == SIGNET_MESSAGE_MOVED + 1)
        problem_suggest(compilation,
                        problem_add(compilation, PROBLEM_MOVED, field->place, "a message moves at most %u things",
                                    SIGNET_MESSAGE_MOVED),
                        "send the others with the next message");
      continue;
    }
    if (array) {
      struct problem *problem = problem_add(compilation, PROBLEM_ORDER, field->place,
                                            "'%s' comes after an array that reaches to the end", field->name);
      problem_note(compilation, problem, array->place, "this array");
      problem_suggest(compilation, problem, "put '%s' before '%s'; two arrays of varying size need two messages",
                      field->name, array->name);
      continue;
    }
    if (!field_varies(field)) {
      if (varying) {
        struct problem *problem = problem_add(compilation, PROBLEM_ORDER, field->place,
                                              "'%s', of fixed size, comes after a text", field->name);
        problem_note(compilation, problem, varying->place, "this text");
        problem_suggest(compilation, problem, "put '%s' first, so that it is always at the same place", field->name);
        continue;
      }
      offset = align_up(offset, field->align);
      field->offset = offset;
      uint64_t size = (uint64_t)field->size * (field->form == FORM_FIXED ? field->most : 1);
      if (size > SIGNET_MESSAGE_DATA_MOST || offset + size > SIGNET_MESSAGE_DATA_MOST) {
        problem_suggest(compilation,
                        problem_add(compilation, PROBLEM_SIZE, field->place,
                                    "with '%s' the message is larger than the kernel carries (%u bytes)", field->name,
                                    SIGNET_MESSAGE_DATA_MOST),
                        "send it in a block: own block %s[.. BYTES];", field->name);
        return;
      }
      offset += (uint32_t)size;
      least = most = offset;
      continue;
    }
    if (field->form == FORM_BOUNDED) {
      array = field;
      if (varying && field->align > 1)
        problem_suggest(compilation,
                        problem_add(compilation, PROBLEM_ALIGNMENT, field->place,
                                    "behind a text, items of %u bytes would lie at any address", field->size),
                        "send the texts and the array in two messages, or the array as bytes");
      if (!varying) {
        offset = align_up(offset, field->align);
        least = most = offset;
      }
    }
    field->offset = offset;
    varying = field;
    uint32_t ending = field->form == FORM_TEXT; /* its NUL */
    least += field->least * field->size + ending;
    most += field->most * field->size + ending;
  }
  message->fixed_size = offset;
  if (message->capped && message->cap < least)
    problem_add(compilation, PROBLEM_BOUND, message->cap_place, "'%s' has at least %llu bytes, so no message fits",
                message->name, (unsigned long long)least);
  else if (message->capped && message->cap < most)
    most = message->cap;
  if (most > SIGNET_MESSAGE_DATA_MOST) {
    struct problem *problem = problem_add(compilation, PROBLEM_SIZE, message->place,
                                          "'%s' has up to %llu bytes of data; the kernel carries %u", message->name,
                                          (unsigned long long)most, SIGNET_MESSAGE_DATA_MOST);
    problem_suggest(compilation, problem, "lower a bound, say 'at most %u bytes', or send it in a block",
                    SIGNET_MESSAGE_DATA_MOST);
    return;
  }
  message->least = (uint32_t)least;
  message->most = (uint32_t)most;
}

/* ---- States ---- */

static struct message *message_named(struct compilation *compilation, struct contract *contract, const char *name,
                                     struct place place) {
  struct message *message = message_find(contract, name);
  if (message)
    return message;
  const char **names = NULL;
  uint32_t count = 0;
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i])
      *APPEND(&compilation->memory, names, count) = contract->messages[i]->name;
  struct problem *problem = problem_add(compilation, PROBLEM_UNDEFINED, place, "there is no message '%s'", name);
  const char *nearest = name_nearest(name, names, count);
  if (!strcmp(name, "FAILED"))
    problem_suggest(compilation, problem, "declare the errors: errors { NAME = 1 \"what it means\" }");
  else if (nearest)
    problem_suggest(compilation, problem, "did you mean '%s'?", nearest);
  return NULL;
}

/* The end: made at its first mention, numbered last. */
static struct state *end_state(struct compilation *compilation, struct state **end) {
  if (!*end) {
    *end = memory_take(&compilation->memory, sizeof **end);
    (*end)->name = "end";
    (*end)->documentation = "Nothing more is said; both sides close.";
    (*end)->side = NEITHER;
  }
  return *end;
}

static struct state *state_named(struct compilation *compilation, struct contract *contract, struct target target,
                                 struct state *back, struct state **end) {
  if (!target.name)
    return back;
  if (!strcmp(target.name, "end"))
    return end_state(compilation, end);
  struct state *state = state_find(contract, target.name);
  if (state)
    return state;
  const char **names = NULL;
  uint32_t count = 0;
  for (uint32_t i = 0; i < contract->state_count; i++)
    *APPEND(&compilation->memory, names, count) = contract->states[i]->name;
  struct problem *problem =
      problem_add(compilation, PROBLEM_UNDEFINED, target.place, "there is no state '%s'", target.name);
  const char *nearest = name_nearest(target.name, names, count);
  if (nearest)
    problem_suggest(compilation, problem, "did you mean '%s'?", nearest);
  return NULL;
}

static bool transition_add(struct compilation *compilation, struct state *state, struct transition transition) {
  if (state->transition_count == TRANSITIONS_MOST) {
    problem_add(compilation, PROBLEM_LARGE, transition.place, "a state has more than %u arrows", TRANSITIONS_MOST);
    return false;
  }
  *APPEND(&compilation->memory, state->transitions, state->transition_count) = transition;
  return true;
}

/* The state between a request and its answers, called REQUEST_ASKED. */
static struct state *implied_state(struct compilation *compilation, struct contract *contract, struct state *state,
                                   const struct request *request) {
  if (contract->state_count >= STATES_MOST) {
    problem_add(compilation, PROBLEM_MANY, request->place, "a contract has at most %u states", STATES_MOST);
    return NULL;
  }
  const char *name = memory_text(&compilation->memory, "%s_ASKED", request->name);
  if (state_find(contract, name))
    name = memory_text(&compilation->memory, "%s_ASKED_IN_%s", request->name, state->name);
  const struct state *earlier = state_find(contract, name);
  struct state *implied = memory_take(&compilation->memory, sizeof *implied);
  implied->name = name;
  implied->place = request->place;
  implied->side = other_side(state->side);
  implied->implied = true;
  if (earlier) {
    problem_note(compilation,
                 problem_add(compilation, PROBLEM_TWICE, request->place,
                             "the state '%s', implied by '=>', is there already", name),
                 earlier->place, "it is here");
    return implied;
  }
  *APPEND(&compilation->memory, contract->states, contract->state_count) = implied;
  return implied;
}

static bool requests_settle(struct compilation *compilation, struct contract *contract, struct state *state,
                            struct state **end) {
  for (uint32_t i = 0; i < state->request_count; i++) {
    const struct request *request = &state->requests[i];
    struct message *message = message_named(compilation, contract, request->name, request->place);
    if (!message)
      continue;
    struct state *implied = implied_state(compilation, contract, state, request);
    struct transition asked = {.name = message->name, .place = request->place, .message = message, .next = implied};
    if (!implied || !transition_add(compilation, state, asked))
      return false;
    for (uint32_t j = 0; j < request->answer_count; j++) {
      const struct answer *answer = &request->answers[j];
      struct transition back = {.name = answer->name, .place = answer->place, .target = answer->target};
      back.message = message_named(compilation, contract, answer->name, answer->place);
      back.next = state_named(compilation, contract, answer->target, state, end);
      if (back.message && back.next && !transition_add(compilation, implied, back))
        return false;
    }
  }
  return true;
}

static void states_settle(struct compilation *compilation, struct contract *contract) {
  struct state *end = NULL;
  uint32_t stated = contract->state_count;
  if (stated > STATES_MOST) {
    problem_add(compilation, PROBLEM_MANY, contract->states[STATES_MOST]->place, "a contract has at most %u states",
                STATES_MOST);
    return;
  }
  for (uint32_t i = 0; i < stated; i++) {
    struct state *state = contract->states[i];
    struct transition *listed = state->transitions;
    uint32_t count = state->transition_count;
    state->transitions = NULL;
    state->transition_count = 0;
    for (uint32_t j = 0; j < count; j++) {
      struct transition transition = listed[j];
      transition.message = message_named(compilation, contract, transition.name, transition.place);
      transition.next = state_named(compilation, contract, transition.target, state, &end);
      if (transition.message && transition.next && !transition_add(compilation, state, transition))
        return;
    }
    if (!requests_settle(compilation, contract, state, &end))
      return;
  }
  if (end && contract->state_count >= STATES_MOST)
    problem_add(compilation, PROBLEM_MANY, contract->place, "a contract has at most %u states", STATES_MOST);
  else if (end)
    *APPEND(&compilation->memory, contract->states, contract->state_count) = end;
  for (uint32_t i = 0; i < contract->state_count; i++) {
    struct state *state = contract->states[i];
    state->number = i;
    for (uint32_t j = 0; j < state->transition_count; j++) {
      bool again = false;
      for (uint32_t k = 0; k < j && !again; k++)
        again = state->transitions[k].message == state->transitions[j].message;
      state->transitions[j].message->sent_in += !again;
    }
  }
}

void layout_contract(struct compilation *compilation, struct contract *contract) {
  if (!contract->state_count || !contract->message_count) {
    problem_suggest(compilation,
                    problem_add(compilation, PROBLEM_EMPTY, contract->place, "the contract '%s' has no %s",
                                contract->name, contract->state_count ? "message" : "state"),
                    "a contract has messages, and states that say when they are sent");
    return;
  }
  uint32_t problems = compilation->problem_count;
  tags_assign(compilation, contract);
  if (compilation->problem_count != problems)
    return; /* some messages have no place: what names them would be wrong by mistake */
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i])
      message_layout(compilation, contract->messages[i]);
  states_settle(compilation, contract);
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i]) {
      struct message *message = contract->messages[i];
      for (uint32_t j = 0; j < message->field_count; j++)
        if (message->fields[j].type == TYPE_ENDPOINT)
          endpoint_settle(compilation, contract, &message->fields[j]);
      if (message->most > contract->data_most)
        contract->data_most = message->most;
    }
}
