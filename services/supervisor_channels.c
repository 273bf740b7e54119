/* Who holds which end of the system's channels. An end that is held here has its other end held here too, or with the
 * process that runs now; so an end is never given to somebody whose peer is gone already. First thread only.
 *
 * When a process is gone, the ends that it had are: of those whose server it was, the clients have what is stale, and
 * get an end of a new channel when its successor serves; of those whose client it was, the server is asked for an end
 * that the successor is started with. */
#include "services/supervisor.h"

#include <string.h>

#include <signet/calls.h>

static struct row *client_of(const struct channel *channel) { return &supervisor.rows[channel->client_row]; }
/* NULL: the supervisor is the server. */
static struct row *server_of(const struct channel *channel) {
  return channel->server_row == NOBODY ? NULL : &supervisor.rows[channel->server_row];
}

/* The channel whose end of that kind is granted to the slot, or NULL. */
static struct channel *channel_at(const struct row *row, uint32_t slot, enum signet_system_grant_kind kind) {
  const struct signet_system_grant *grant = &row->is->slot[slot];
  return grant->kind == (uint32_t)kind ? &supervisor.channels[grant->number] : NULL;
}

void channels_begin(void) {
  for (uint32_t i = 0; i < supervisor.whole->channels; i++)
    supervisor.channels[i] = (struct channel){.client_row = NOBODY, .server_row = NOBODY};
  for (uint32_t i = 0; i < row_count(); i++) {
    const struct row *row = &supervisor.rows[i];
    for (uint32_t slot = 0; slot < row->is->slots; slot++) {
      struct channel *needed = channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
      struct channel *served = channel_at(row, slot, SIGNET_SYSTEM_SERVER);
      if (needed) {
        needed->client_row = (uint8_t)i;
        needed->client_slot = (uint8_t)slot;
      } else if (served) {
        served->server_row = (uint8_t)i;
        served->server_slot = (uint8_t)slot;
      }
    }
  }
}

/* Always false: so ends what failed. */
static bool failed(struct system_refusal *why, const char *text, struct signet_result result) {
  why->text = text;
  why->status = result.status;
  why->value = result.value;
  return false;
}

static struct signet_result create(struct channel *channel) {
  const struct signet_system *whole = supervisor.whole;
  const struct signet_system_channel *row = system_channel(whole, (uint32_t)(channel - supervisor.channels));
  struct signet_result result =
      signet_channel_create((const void *)((const uint8_t *)whole + row->contract_offset), row->contract_length);
  if (result.status == SIGNET_OK) {
    channel->client = (uint32_t)result.value;
    channel->server = (uint32_t)(result.value >> 32);
  }
  return result;
}

/* A new channel, of which both ends are held, except by whom there will never be. */
static bool make(struct channel *channel, struct system_refusal *why) {
  struct row *server = server_of(channel);
  struct signet_result result = create(channel);
  if (result.status != SIGNET_OK)
    return failed(why, "the channel cannot be made", result);
  /* What a server gives in its place is compared with this. */
  if (!channel->known && server && client_of(channel)->is->policy.restart != SIGNET_SYSTEM_RESTART_NEVER) {
    struct signet_handle_information information;
    result = signet_handle_query(channel->client, &information);
    channel->known = result.status == SIGNET_OK;
    memcpy(channel->identity, information.identity, sizeof channel->identity);
  }
  if (!server && result.status == SIGNET_OK)
    result = signet_set_insert(supervisor.set, channel->server, KEY(KEY_EVENTS, 0, 0));
  if (result.status == SIGNET_OK)
    return true;
  supervisor_close(&channel->client);
  supervisor_close(&channel->server);
  return failed(why, "the channel cannot be made", result);
}

static bool take_client(struct channel *channel, uint32_t *handle, struct system_refusal *why) {
  if (!channel->client && !make(channel, why))
    return false;
  *handle = channel->client;
  channel->client = 0;
  struct row *server = server_of(channel);
  if (server && row_final(server))
    supervisor_close(&channel->server);
  return true;
}

static bool take_server(struct channel *channel, uint32_t *handle, struct system_refusal *why) {
  if (!channel->server && !make(channel, why))
    return false;
  *handle = channel->server;
  channel->server = 0;
  if (row_final(client_of(channel)))
    supervisor_close(&channel->client);
  return true;
}

/* A channel whose server is the supervisor: one for each process. */
static bool take_own(struct row *row, uint32_t slot, uint32_t *handle, struct system_refusal *why) {
  bool supervision = row->is->slot[slot].kind == SIGNET_SYSTEM_SUPERVISION;
  uint32_t number = (uint32_t)(row - supervisor.rows);
  struct signet_result result =
      supervision ? signet_channel_create(&supervision_contract.contract, SUPERVISION_CONTRACT_LENGTH)
                  : signet_channel_create(&observation_contract.contract, OBSERVATION_CONTRACT_LENGTH);
  if (result.status != SIGNET_OK)
    return failed(why, "the channel cannot be made", result);
  uint32_t *end = supervision ? &row->supervisor : &row->observers[slot];
  *end = (uint32_t)(result.value >> 32);
  *handle = (uint32_t)result.value;
  result = signet_set_insert(supervisor.set, *end, KEY(supervision ? KEY_SUPERVISION : KEY_OBSERVATION, number, slot));
  if (result.status == SIGNET_OK)
    return true;
  supervisor_close(handle);
  return failed(why, "the channel cannot be listened to", result);
}

bool channel_take(struct row *row, uint32_t slot, uint32_t *handle, struct system_refusal *why) {
  const struct signet_system_grant *grant = &row->is->slot[slot];
  switch ((enum signet_system_grant_kind)grant->kind) {
  case SIGNET_SYSTEM_CLIENT:
    return take_client(&supervisor.channels[grant->number], handle, why);
  case SIGNET_SYSTEM_SERVER:
    return take_server(&supervisor.channels[grant->number], handle, why);
  case SIGNET_SYSTEM_DEVICE:
    *handle = supervisor.given->handles[grant->number];
    return true;
  case SIGNET_SYSTEM_SUPERVISION:
  case SIGNET_SYSTEM_OBSERVATION:
    return take_own(row, slot, handle, why);
  }
  return false; /* the system was checked: there is no other */
}

/* The slot's channel if the row is the client there and its server, which runs, has to give the end; or NULL. */
static struct channel *lacking(const struct row *row, uint32_t slot) {
  struct channel *channel = channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
  const struct row *server = channel ? server_of(channel) : NULL;
  return server && server->child && !channel->client ? channel : NULL;
}

bool channels_ready(const struct row *row, bool *news) {
  bool ready = true;
  *news = false;
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *channel = lacking(row, slot);
    if (!channel)
      continue;
    ready = false;
    *news |= !channel->wanted;
    channel->wanted = true;
  }
  return ready;
}

uint64_t channels_deadline(const struct row *row) {
  uint64_t deadline = SIGNET_NEVER;
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *channel = lacking(row, slot);
    const struct row *server = channel ? server_of(channel) : NULL;
    /* One that has not begun to serve has its own deadline. */
    if (!server || server->phase != OBSERVATION_PHASE_RUNNING)
      continue;
    uint64_t since = server->since > row->lacks_since ? server->since : row->lacks_since;
    if (since + ANSWER_NANOSECONDS < deadline)
      deadline = since + ANSWER_NANOSECONDS;
  }
  return deadline;
}

void channels_unwanted(const struct row *row) {
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *channel = channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
    if (channel)
      channel->wanted = false;
  }
}

void channels_started(const struct row *row) {
  channels_unwanted(row);
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *channel = channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
    const struct row *server = channel ? server_of(channel) : NULL;
    if (server)
      channel->stale = channel->tell_ended = channel->tell_given_up = row_final(server);
  }
}

/* The end that the client, if it runs, has is closed from now on. */
static void make_stale(struct channel *channel) {
  if (client_of(channel)->child && !channel->stale)
    channel->stale = channel->tell_ended = true;
}

static void lost_client(struct channel *channel) {
  channel->stale = channel->tell_ended = channel->tell_given_up = false;
  if (!channel->client) /* else what it had was closed before, or it was not granted yet */
    supervisor_close(&channel->server);
}

static void lost_server(struct channel *channel) {
  if (channel->server) /* it was not granted yet */
    return;
  supervisor_close(&channel->client);
  make_stale(channel);
}

void channels_lost(struct row *row) {
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *needed = channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
    struct channel *served = channel_at(row, slot, SIGNET_SYSTEM_SERVER);
    if (needed)
      lost_client(needed);
    else if (served)
      lost_server(served);
    supervisor_close(&row->observers[slot]);
  }
}

void channels_final(const struct row *row) {
  channels_unwanted(row);
  for (uint32_t slot = 0; slot < row->is->slots; slot++) {
    struct channel *served = channel_at(row, slot, SIGNET_SYSTEM_SERVER);
    struct channel *channel = served ? served : channel_at(row, slot, SIGNET_SYSTEM_CLIENT);
    if (!channel)
      continue;
    supervisor_close(&channel->client);
    supervisor_close(&channel->server);
    if (served) {
      make_stale(served);
      served->tell_given_up = client_of(served)->child != 0;
    }
  }
}

void channels_let_go(void) {
  for (uint32_t i = 0; i < supervisor.whole->channels; i++) {
    supervisor_close(&supervisor.channels[i].client);
    if (i != supervisor.events)
      supervisor_close(&supervisor.channels[i].server);
  }
}
