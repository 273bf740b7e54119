/* The C header's functions of ends: make a channel, take over a handle, send, receive, call, close, and the loop of a
 * server with a table of functions. */
#include "contractc/header.h"

/* The side that receives in a state. */
static enum side hearer(const struct state *state) { return other_side(state->side); }

static void create_write(const struct header *header) {
  const struct contract *contract = header->contract;
  const char *prefix = header->prefix, *upper = header->upper, *first = contract->states[0]->name;
  FILE *out = header->out;
  fprintf(
      out,
      "\n/* ---- Ends ---- */\n\n/* A new channel, both ends. */\n"
      "static inline int64_t %s_create(struct %s_client_%s *client, struct %s_server_%s *server) {\n"
      "  struct signet_result result =\n"
      "      signet_channel_create((const struct signet_contract *)(const void *)&%s_contract, %s_CONTRACT_LENGTH);\n"
      "  if (result.status != SIGNET_OK)\n    return result.status;\n"
      "  client->handle = (uint32_t)result.value;\n  server->handle = (uint32_t)(result.value >> 32);\n"
      "  return SIGNET_OK;\n}\n",
      prefix, prefix, first, prefix, first, prefix, upper);
  for (unsigned side = CLIENT; side <= SERVER; side++)
    for (uint32_t i = 0; i < contract->state_count; i++) {
      const char *state = contract->states[i]->name, *name = side_name[side];
      fprintf(out,
              "/* A handle that should be this end in this state, as one from a start-up slot: CONTRACT where it is "
              "not. */\n"
              "static inline int64_t %s_adopt_%s_%s(uint32_t handle, struct %s_%s_%s *end) {\n"
              "  if (!contract_end_%s(handle, SIGNET_KIND_%s, (const uint8_t[]){%s_TABLE_HASH}, %s_STATE_%s))\n"
              "    return SIGNET_CONTRACT;\n  end->handle = handle;\n  return SIGNET_OK;\n}\n"
              "static inline void %s_close_%s_%s(struct %s_%s_%s *end) {\n"
              "  signet_handle_close(end->handle);\n  end->handle = 0;\n}\n",
              prefix, name, state, prefix, name, state, contract->states[i]->side == side ? "is" : "hears",
              side == CLIENT ? "CLIENT" : "SERVER", upper, upper, state, prefix, name, state, prefix, name, state);
    }
}

/* ---- Receiving ---- */

static void received_write(const struct header *header, const struct state *state) {
  const char *prefix = header->prefix, *name = state->name, *side = side_name[hearer(state)];
  FILE *out = header->out;
  fprintf(out,
          "\n/* What the %s hears in %s: tag says which of these it is, and so in which state the end is. */\n"
          "struct %s_%s_%s_received {\n  uint32_t tag;\n  union {\n",
          side, name, prefix, side, name);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const struct transition *transition = &state->transitions[i];
    fprintf(out, "    struct {\n      struct %s_%s_%s next;\n", prefix, side, transition->next->name);
    if (transition->message->field_count)
      fprintf(out, "      struct %s_%s message;\n", prefix, transition->message->name);
    fprintf(out, "    } %s;\n", transition->message->name);
  }
  fputs("  };\n};\n", out);
  fprintf(out,
          "/* Reads what the kernel put into the buffer. CONTRACT: the peer broke the contract; the end is closed. */\n"
          "static inline int64_t %s_took_%s(struct %s_%s_%s *end, struct %s_%s_%s_received *received,\n"
          "    struct %s_buffer *buffer) {\n"
          "  uint32_t handle = end->handle;\n  end->handle = 0;\n"
          "  switch (received->tag = buffer->message.tag) {\n",
          prefix, name, prefix, side, name, prefix, side, name, prefix);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const struct message *message = state->transitions[i].message;
    fprintf(out, "  case %s_%s:\n", header->upper, message->name);
    if (message->field_count)
      fprintf(out, "    if (!%s_get_%s(buffer, &received->%s.message))\n      break;\n", prefix, message->name,
              message->name);
    fprintf(out, "    received->%s.next.handle = handle;\n    return SIGNET_OK;\n", message->name);
  }
  fprintf(out,
          "  default:\n    break;\n  }\n  received->tag = CONTRACT_NOTHING;\n"
          "  contract_abandon(handle, &buffer->message);\n  return SIGNET_CONTRACT;\n}\n"
          "static inline int64_t %s_receive_%s(struct %s_%s_%s *end, struct %s_%s_%s_received *received,\n"
          "    struct %s_buffer *buffer, uint64_t deadline) {\n"
          "  received->tag = CONTRACT_NOTHING;\n"
          "  struct signet_result result =\n"
          "      signet_channel_receive(&end->handle, 1, &buffer->message, sizeof *buffer, deadline);\n"
          "  return result.status == SIGNET_OK ? %s_took_%s(end, received, buffer) : result.status;\n}\n",
          prefix, name, prefix, side, name, prefix, side, name, prefix, prefix, name);
}

/* ---- Sending ---- */

/* What has moved away is empty. */
static void moved_clear(const struct header *header, const struct message *message) {
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (field->type == TYPE_BLOCK)
      fprintf(header->out, "  message->%s = (struct contract_block){0, 0, 0};\n", field->name);
    else if (field_moves(field))
      fprintf(header->out, "  message->%s.handle = 0;\n", field->name);
  }
}

static void send_write(const struct header *header, const struct state *state, const struct transition *transition) {
  const struct message *message = transition->message;
  const char *prefix = header->prefix, *side = side_name[state->side], *suffix = header_in(header, message, state);
  const char *next = transition->next->name, *argument = "";
  struct memory *memory = &header->compilation->memory;
  const char *parameter = "";
  FILE *out = header->out;
  if (message->field_count) {
    argument = ", message";
    parameter = memory_text(memory, "struct %s_%s *message, ", prefix, message->name);
  }
  fputc('\n', out);
  header_comment(header, "", message->documentation);
  fprintf(out,
          "static inline int64_t %s_send_%s%s(struct %s_%s_%s *end, struct %s_%s_%s *next,\n"
          "    %sstruct %s_buffer *buffer) {\n"
          "  int64_t status = %s_put_%s(buffer%s);\n"
          "  if (status == SIGNET_OK)\n    status = signet_channel_send(end->handle, &buffer->message).status;\n"
          "  if (status != SIGNET_OK)\n    return status;\n",
          prefix, message->name, suffix, prefix, side, state->name, prefix, side, next, parameter, prefix, prefix,
          message->name, argument);
  moved_clear(header, message);
  fputs("  uint32_t handle = end->handle;\n  end->handle = 0;\n  next->handle = handle;\n  return SIGNET_OK;\n}\n",
        out);
  if (transition->next->side != hearer(state))
    return;
  fprintf(out,
          "/* The same, and its answer. After an error with the request sent (TIMEOUT, INTERRUPTED, CLOSED, …) "
          "`waiting` is\n"
          " * the end; else it is empty. */\n"
          "static inline int64_t %s_call_%s%s(struct %s_%s_%s *end, struct %s_%s_%s *waiting,\n"
          "    %sstruct %s_%s_%s_received *received, struct %s_buffer *buffer, uint64_t deadline) {\n"
          "  received->tag = CONTRACT_NOTHING;\n  waiting->handle = 0;\n"
          "  int64_t status = %s_put_%s(buffer%s);\n  if (status != SIGNET_OK)\n    return status;\n"
          "  status = signet_channel_call(end->handle, &buffer->message, &buffer->message, sizeof *buffer, deadline)\n"
          "               .status;\n"
          "  if (contract_unsent(status))\n    return status;\n",
          prefix, message->name, suffix, prefix, side, state->name, prefix, side, next, parameter, prefix, side, next,
          prefix, prefix, message->name, argument);
  moved_clear(header, message);
  fprintf(out,
          "  waiting->handle = end->handle;\n  end->handle = 0;\n"
          "  return status == SIGNET_OK ? %s_took_%s(waiting, received, buffer) : status;\n}\n",
          prefix, next);
}

/* ---- Serving ---- */

static void server_write(const struct header *header) {
  const struct contract *contract = header->contract;
  const char *prefix = header->prefix, *upper = header->upper;
  FILE *out = header->out;
  bool hears = false;
  for (uint32_t i = 0; i < contract->state_count; i++)
    hears |= contract->states[i]->side == CLIENT;
  if (!hears)
    return;
  fprintf(out,
          "\n/* ---- Serving many clients ---- */\n\n"
          "/* A server's end in any state in which the server hears; handle 0: none. */\n"
          "struct %s_server_any {\n  uint32_t handle, state;\n};\n",
          prefix);
  for (uint32_t i = 0; i < contract->state_count; i++)
    if (contract->states[i]->side == CLIENT)
      fprintf(out,
              "static inline struct %s_server_any %s_server_in_%s(struct %s_server_%s end) {\n"
              "  return (struct %s_server_any){end.handle, %s_STATE_%s};\n}\n",
              prefix, prefix, contract->states[i]->name, prefix, contract->states[i]->name, prefix, upper,
              contract->states[i]->name);
  fprintf(
      out,
      "\n/* What a server does with each message. `end` is in the state after it; a function that has answered puts "
      "the\n"
      " * end, in the state that it is in then, into *next, which is empty before: what is left empty is not listened\n"
      " * to any more (it was closed, or will be answered later and put back). The buffer holds the message, and may\n"
      " * be used for the answer once nothing in the message is needed. */\n"
      "struct %s_server {\n",
      prefix);
  for (uint32_t i = 0; i < contract->state_count; i++)
    for (uint32_t j = 0; contract->states[i]->side == CLIENT && j < contract->states[i]->transition_count; j++) {
      const struct transition *transition = &contract->states[i]->transitions[j];
      const struct message *message = transition->message;
      header_comment(header, "  ", message->documentation);
      fprintf(out, "  void (*%s%s)(void *context, uint32_t client, struct %s_server_%s end,", message->name,
              header_in(header, message, contract->states[i]), prefix, transition->next->name);
      if (message->field_count)
        fprintf(out, " struct %s_%s *message,", prefix, message->name);
      fprintf(out, "\n    struct %s_buffer *buffer, struct %s_server_any *next);\n", prefix, prefix);
    }
  fprintf(
      out,
      "  /* A client is gone: CLOSED; CONTRACT where it broke the contract, UNSUPPORTED where a function is missing.\n"
      "   * Its end is closed. */\n"
      "  void (*gone)(void *context, uint32_t client, int64_t why);\n};\n\n"
      "struct %s_serving {\n  struct %s_server_any *ends; /* a place for each client, at most 64 */\n"
      "  uint32_t count;\n  const struct %s_server *server;\n  void *context;\n  struct %s_buffer *buffer;\n};\n\n",
      prefix, prefix, prefix, prefix);
  fprintf(out,
          "/* Waits for one message of any client and has it answered. TIMEOUT, INTERRUPTED; STATE where no place has "
          "an end.\n"
          " * A server's loop is: while (%s_serve_one(&serving, SIGNET_NEVER) == SIGNET_OK); */\n"
          "static inline int64_t %s_serve_one(struct %s_serving *serving, uint64_t deadline) {\n"
          "  uint32_t handles[64], places[64], count = 0;\n"
          "  if (serving->count > 64)\n    return SIGNET_ARGUMENT;\n"
          "  for (uint32_t i = 0; i < serving->count; i++)\n    if (serving->ends[i].handle) {\n"
          "      handles[count] = serving->ends[i].handle;\n      places[count++] = i;\n    }\n"
          "  if (!count)\n    return SIGNET_STATE;\n"
          "  struct %s_buffer *buffer = serving->buffer;\n"
          "  struct signet_result result =\n"
          "      signet_channel_receive(handles, count, &buffer->message, sizeof *buffer, deadline);\n"
          "  if ((result.status != SIGNET_OK && result.status != SIGNET_CLOSED) || result.value >= count)\n"
          "    return result.status;\n"
          "  uint32_t client = places[result.value];\n"
          "  struct %s_server_any *place = &serving->ends[client], was = *place;\n"
          "  *place = (struct %s_server_any){0, 0};\n"
          "  int64_t why = result.status;\n"
          "  if (why == SIGNET_CLOSED) {\n    signet_handle_close(was.handle);\n"
          "    serving->server->gone(serving->context, client, why);\n    return SIGNET_OK;\n  }\n"
          "  why = SIGNET_CONTRACT;\n  switch (was.state) {\n",
          prefix, prefix, prefix, prefix, prefix, prefix);
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    if (state->side != CLIENT)
      continue;
    fprintf(out, "  case %s_STATE_%s: {\n", upper, state->name);
    if (!state->transition_count) {
      fputs("    break;\n  }\n", out);
      continue;
    }
    fprintf(out,
            "    struct %s_server_%s end = {was.handle};\n    struct %s_server_%s_received received;\n"
            "    was.handle = 0;\n    if (%s_took_%s(&end, &received, buffer) != SIGNET_OK)\n      break;\n"
            "    switch (received.tag) {\n",
            prefix, state->name, prefix, state->name, prefix, state->name);
    for (uint32_t j = 0; j < state->transition_count; j++) {
      const struct message *message = state->transitions[j].message;
      const char *suffix = header_in(header, message, state), *name = message->name;
      fprintf(out,
              "    case %s_%s:\n      if (serving->server->%s%s) {\n"
              "        serving->server->%s%s(serving->context, client, received.%s.next, %s%s%sbuffer, place);\n"
              "        return SIGNET_OK;\n      }\n      was.handle = received.%s.next.handle;\n      break;\n",
              upper, name, name, suffix, name, suffix, name, message->field_count ? "&received." : "",
              message->field_count ? name : "", message->field_count ? ".message, " : "", name);
    }
    fputs("    default:\n      break;\n    }\n    why = SIGNET_UNSUPPORTED;\n    contract_abandon(was.handle, "
          "&buffer->message);\n"
          "    break;\n  }\n",
          out);
  }
  fputs("  default: /* not a state in which the server hears */\n    contract_abandon(was.handle, &buffer->message);\n"
        "    break;\n  }\n"
        "  serving->server->gone(serving->context, client, why);\n  return SIGNET_OK;\n}\n",
        out);
}

void header_ends(const struct header *header) {
  const struct contract *contract = header->contract;
  create_write(header);
  for (uint32_t i = 0; i < contract->state_count; i++)
    if (contract->states[i]->side != NEITHER && contract->states[i]->transition_count)
      received_write(header, contract->states[i]);
  for (uint32_t i = 0; i < contract->state_count; i++)
    for (uint32_t j = 0; contract->states[i]->side != NEITHER && j < contract->states[i]->transition_count; j++)
      send_write(header, contract->states[i], &contract->states[i]->transitions[j]);
  server_write(header);
}
