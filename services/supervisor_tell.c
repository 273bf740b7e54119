/* What the supervisor and a row's process say to each other over contracts/supervision.contract. The kernel has seen to
 * it that what arrives is a message of the contract in its place; what it says is not believed. First thread only. */
#include "services/supervisor.h"

#include <string.h>

#include <signet/calls.h>

/* ---- Hearing ---- */

static void hear_started(struct row *row) {
  if (row->phase != OBSERVATION_PHASE_STARTING)
    return;
  row->phase = OBSERVATION_PHASE_RUNNING;
  row->since = supervisor_now();
  if (row->ending.kind)
    row->restarted = row->since - row->ended;
}

static void hear_unable(struct row *row, const struct supervision_buffer *buffer) {
  struct supervision_NOT_STARTED message;
  row->unable = true;
  row->why[0] = 0;
  if (supervision_get_NOT_STARTED(buffer, &message)) {
    memcpy(row->why, message.why, message.why_length);
    row->why[message.why_length] = 0;
  }
}

/* Of the channel's contract, in its first state, and somebody is at the other end. */
static bool end_is_right(const struct channel *channel, uint32_t handle) {
  struct signet_handle_information information;
  return handle && signet_handle_query(handle, &information).status == SIGNET_OK &&
         information.kind == SIGNET_KIND_CLIENT && information.state == 0 && !information.peer_closed &&
         channel->known && memcmp(information.identity, channel->identity, sizeof channel->identity) == 0;
}

/* It may have ended without its end being heard of yet. */
static bool runs_still(const struct row *row) {
  struct signet_handle_information information;
  return signet_handle_query(row->child, &information).status == SIGNET_OK &&
         information.state == SIGNET_PROCESS_RUNNING;
}

/* An answer to CLIENT_WANTED; `handle` 0: it gives none. */
static void hear_given(struct row *row, uint32_t handle) {
  struct channel *channel = &supervisor.channels[row->asked];
  struct row *client = &supervisor.rows[channel->client_row];
  bool right = end_is_right(channel, handle);
  row->asked = NONE;
  if (right && !client->child && !row_final(client) && !channel->client) {
    channel->client = handle;
    channel->wanted = false;
    return;
  }
  if (handle)
    signet_handle_close(handle);
  /* What a server gives before it ends is no fault of its client. */
  if (!right && channel->wanted && runs_still(row))
    start_refused(client);
}

void supervision_hear(struct row *row, const struct supervision_buffer *buffer) {
  switch ((enum supervision_tag)buffer->message.tag) {
  case SUPERVISION_STARTED:
    hear_started(row);
    break;
  case SUPERVISION_NOT_STARTED:
    hear_unable(row, buffer);
    break;
  case SUPERVISION_AWAIT:
    row->awaits = row->listens = true;
    break;
  case SUPERVISION_CLIENT_GIVEN:
    hear_given(row, buffer->message.moved[0].handle);
    break;
  case SUPERVISION_CLIENT_REFUSED:
    hear_given(row, 0);
    break;
  default: /* STOPPING: its end will be heard of */
    break;
  }
}

void supervision_drain(struct row *row) {
  struct supervision_buffer buffer;
  while (row->supervisor &&
         signet_channel_receive(&row->supervisor, 1, &buffer.message, sizeof buffer, 0).status == SIGNET_OK)
    if (buffer.message.tag == SUPERVISION_STARTED || buffer.message.tag == SUPERVISION_NOT_STARTED)
      supervision_hear(row, &buffer);
    else if (buffer.message.tag == SUPERVISION_CLIENT_GIVEN)
      signet_handle_close(buffer.message.moved[0].handle); /* the other end is closed, or soon will be */
}

void supervision_close(struct row *row) {
  supervisor_close(&row->supervisor);
  row->awaits = row->listens = false;
  row->asked = NONE;
}

/* ---- Telling ---- */

/* What is said now, in the state in which the process listens, is taken by the kernel; also if the process has just
 * ended. */
static bool say(struct row *row, const struct supervision_buffer *buffer) {
  row->awaits = false;
  return signet_channel_send(row->supervisor, &buffer->message).status == SIGNET_OK;
}

static uint32_t length_of(const char *text) { return (uint32_t)strlen(text); }

static void tell_back(struct row *row, struct channel *channel, struct supervision_buffer *buffer) {
  const struct supervision_SERVICE_BACK message = {.slot = channel->client_slot,
                                                   .restarts = supervisor.rows[channel->server_row].restarts,
                                                   .service.handle = channel->client};
  supervision_put_SERVICE_BACK(buffer, &message);
  channel->stale = false;
  if (say(row, buffer))
    channel->client = 0;
  else
    /* A contract whose server speaks first: its client's end cannot be given away. */
    supervisor_close(&channel->client);
}

/* What there is to say of a channel of which the row is the client. */
static bool tell_client(struct row *row, struct channel *channel, struct supervision_buffer *buffer) {
  const struct row *server = &supervisor.rows[channel->server_row];
  if (channel->tell_ended) {
    const struct supervision_SERVICE_ENDED message = {.slot = channel->client_slot,
                                                      .ending = {server->ending.kind, server->ending.code}};
    channel->tell_ended = false;
    supervision_put_SERVICE_ENDED(buffer, &message);
    say(row, buffer);
    return true;
  }
  if (channel->tell_given_up) {
    const struct supervision_SERVICE_GIVEN_UP message = {
        .slot = channel->client_slot, .why = server->why, .why_length = length_of(server->why)};
    channel->tell_given_up = false;
    supervision_put_SERVICE_GIVEN_UP(buffer, &message);
    say(row, buffer);
    return true;
  }
  if (channel->stale && channel->client && server->phase == OBSERVATION_PHASE_RUNNING) {
    tell_back(row, channel, buffer);
    return true;
  }
  return false;
}

/* The same for its server. */
static bool tell_server(struct row *row, struct channel *channel, struct supervision_buffer *buffer) {
  const struct row *client = &supervisor.rows[channel->client_row];
  if (!channel->wanted || channel->client || row->phase != OBSERVATION_PHASE_RUNNING)
    return false;
  const struct supervision_CLIENT_WANTED message = {.slot = channel->server_slot,
                                                    .restarts = client->restarts + 1,
                                                    .client = client->is->name,
                                                    .client_length = length_of(client->is->name)};
  row->asked = (uint32_t)(channel - supervisor.channels);
  supervision_put_CLIENT_WANTED(buffer, &message);
  say(row, buffer);
  return true;
}

void supervision_stop(struct row *row, uint64_t deadline) {
  struct supervision_buffer buffer;
  const struct supervision_STOP message = {.deadline = deadline};
  supervision_put_STOP(&buffer, &message);
  say(row, &buffer);
}

bool supervision_tell(struct row *row) {
  struct supervision_buffer buffer;
  if (!row->awaits)
    return false;
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    const struct signet_system_grant *grant = &row->is->slot[slot];
    struct channel *channel = &supervisor.channels[grant->number];
    if (grant->kind == SIGNET_SYSTEM_CLIENT && grant->number != supervisor.events && tell_client(row, channel, &buffer))
      return true;
    if (grant->kind == SIGNET_SYSTEM_SERVER && tell_server(row, channel, &buffer))
      return true;
  }
  return false;
}
