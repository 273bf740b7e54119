/* What a supervised process and its supervisor tell each other: see <signet/supervised.h>. Kernel calls only, so it is
 * for services and for programs. One thread. */
#include <string.h>

#include <signet/calls.h>
#include <signet/supervised.h>

#include "contracts/supervision.h"

_Static_assert(sizeof(struct supervision_buffer) <= SIGNET_SUPERVISED_MESSAGE_MOST, "every message has room");

/* What is sent here is what the contract allows, so the only failure is a supervisor that is gone: heard on receive. */
static void say(const struct signet_supervised *supervised, const struct supervision_buffer *buffer) {
  signet_channel_send(supervised->endpoint, &buffer->message);
}

static void await(const struct signet_supervised *supervised) {
  struct supervision_buffer buffer;
  supervision_put_AWAIT(&buffer);
  say(supervised, &buffer);
}

void signet_supervised_begin(struct signet_supervised *supervised, uint32_t endpoint,
                             const struct signet_supervised_calls *calls, void *context) {
  struct supervision_buffer buffer;
  *supervised = (struct signet_supervised){.endpoint = endpoint, .calls = calls, .context = context};
  if (!endpoint)
    return;
  supervision_put_STARTED(&buffer);
  say(supervised, &buffer);
  await(supervised);
}

void signet_supervised_refuse(uint32_t endpoint, const char *why) {
  struct supervision_buffer buffer;
  struct supervision_NOT_STARTED message = {.why = why, .why_length = (uint32_t)strlen(why)};
  if (!endpoint)
    return;
  if (message.why_length > SUPERVISION_REASON_MOST)
    message.why_length = SUPERVISION_REASON_MOST;
  if (supervision_put_NOT_STARTED(&buffer, &message) == SIGNET_OK)
    signet_channel_send(endpoint, &buffer.message);
}

_Noreturn void signet_supervised_stopped(struct signet_supervised *supervised) {
  struct supervision_buffer buffer;
  if (supervised->endpoint && supervised->stopping) {
    supervision_put_STOPPING(&buffer);
    say(supervised, &buffer);
  }
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

static void hear_back(struct signet_supervised *supervised, const struct supervision_buffer *heard) {
  struct supervision_SERVICE_BACK message;
  supervision_get_SERVICE_BACK(heard, &message);
  if (supervised->calls->service_back)
    supervised->calls->service_back(supervised->context, message.slot, message.service.handle, message.restarts);
  else
    signet_handle_close(message.service.handle);
}

static void hear_wanted(struct signet_supervised *supervised, const struct supervision_buffer *heard) {
  struct supervision_CLIENT_WANTED message;
  struct supervision_CLIENT_GIVEN given = {0};
  struct supervision_buffer buffer;
  if (supervision_get_CLIENT_WANTED(heard, &message) && supervised->calls->client_wanted)
    given.client.handle =
        supervised->calls->client_wanted(supervised->context, message.slot, message.restarts, message.client);
  if (given.client.handle) {
    supervision_put_CLIENT_GIVEN(&buffer, &given);
    if (signet_channel_send(supervised->endpoint, &buffer.message).status == SIGNET_OK)
      return;
    signet_handle_close(given.client.handle); /* not in a state in which it could be given away */
  }
  supervision_put_CLIENT_REFUSED(&buffer);
  say(supervised, &buffer);
}

static void hear_stop(struct signet_supervised *supervised, const struct supervision_buffer *heard) {
  struct supervision_STOP message;
  supervision_get_STOP(heard, &message);
  supervised->stopping = true;
  if (!supervised->calls->stop)
    signet_supervised_stopped(supervised);
  supervised->calls->stop(supervised->context, message.deadline);
}

void signet_supervised_handle(struct signet_supervised *supervised, const struct signet_message *message) {
  const struct supervision_buffer *heard = (const void *)message;
  const struct signet_supervised_calls *calls = supervised->calls;
  struct supervision_SERVICE_ENDED ended;
  struct supervision_SERVICE_GIVEN_UP given_up;
  if (!message) {
    signet_handle_close(supervised->endpoint);
    supervised->endpoint = 0;
    return;
  }
  switch (message->tag) {
  case SUPERVISION_SERVICE_ENDED:
    supervision_get_SERVICE_ENDED(heard, &ended);
    if (calls->service_ended)
      calls->service_ended(supervised->context, ended.slot, ended.ending.kind, ended.ending.code);
    break;
  case SUPERVISION_SERVICE_BACK:
    hear_back(supervised, heard);
    break;
  case SUPERVISION_SERVICE_GIVEN_UP:
    if (supervision_get_SERVICE_GIVEN_UP(heard, &given_up) && calls->service_given_up)
      calls->service_given_up(supervised->context, given_up.slot, given_up.why);
    break;
  case SUPERVISION_CLIENT_WANTED:
    hear_wanted(supervised, heard);
    break;
  case SUPERVISION_STOP:
    hear_stop(supervised, heard);
    return; /* the last that is said */
  default:
    return;
  }
  await(supervised);
}

bool signet_supervised_wait(struct signet_supervised *supervised, uint64_t deadline) {
  struct supervision_buffer buffer;
  if (!supervised->endpoint)
    return false;
  struct signet_result result =
      signet_channel_receive(&supervised->endpoint, 1, &buffer.message, sizeof buffer, deadline);
  if (result.status == SIGNET_OK)
    signet_supervised_handle(supervised, &buffer.message);
  else if (result.status == SIGNET_CLOSED)
    signet_supervised_handle(supervised, NULL);
  return result.status == SIGNET_OK;
}
