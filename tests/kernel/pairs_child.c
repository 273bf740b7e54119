/* One of a pair that pairs.c started, with an end of their channel in slot 0: asks so many times and looks at every
 * answer, or answers until the channel is closed; now by one call, now by two. Exit code 0: all was as it should be. No
 * C library. */
#include "tests/kernel/pairs.h"

struct pairs_message {
  struct signet_message message;
  uint64_t data[PAIRS_DATA_MOST / 8];
};

/* Lengths on both sides of what is copied in place. */
static uint32_t length_of(uint64_t number) { return 8 + (uint32_t)(number % 29); }

static void fill(struct pairs_message *to, uint32_t tag, uint64_t number, uint64_t word) {
  to->message.tag = tag;
  to->message.length = length_of(number);
  for (unsigned i = 0; i < PAIRS_DATA_MOST / 8; i++)
    to->data[i] = word + i;
}

static bool good(const struct pairs_message *from, uint32_t tag, uint64_t number, uint64_t word) {
  const uint8_t *bytes = (const uint8_t *)from->data;
  struct pairs_message wanted;
  fill(&wanted, tag, number, word);
  if (from->message.tag != tag || from->message.length != wanted.message.length || from->message.moved_count)
    return false;
  for (uint32_t i = 0; i < wanted.message.length; i++)
    if (bytes[i] != ((const uint8_t *)wanted.data)[i])
      return false;
  return true;
}

static int ask(uint32_t endpoint, const struct pairs_role *role) {
  struct pairs_message request = {.message = {.tag = 0}}, reply;
  for (uint64_t i = 0; i < role->rounds; i++) {
    fill(&request, PAIRS_REQUEST, i, role->first + i);
    if (signet_channel_call(endpoint, &request.message, &reply.message, sizeof reply, SIGNET_NEVER).status != SIGNET_OK)
      return 2;
    if (!good(&reply, PAIRS_REPLY, i + 1, ~(role->first + i)))
      return 3;
    if (i % 97 == 5)
      signet_thread_yield();
  }
  return 0;
}

static int answer(uint32_t endpoint, const struct pairs_role *role) {
  struct pairs_message request, reply = {.message = {.tag = 0}};
  struct signet_result result = signet_channel_receive(&endpoint, 1, &request.message, sizeof request, SIGNET_NEVER);
  for (uint64_t i = 0; result.status == SIGNET_OK; i++) {
    if (!good(&request, PAIRS_REQUEST, i, role->first + i))
      return 4;
    fill(&reply, PAIRS_REPLY, i + 1, ~(role->first + i));
    if (i % 5) {
      result = signet_channel_call(endpoint, &reply.message, &request.message, sizeof request, SIGNET_NEVER);
    } else {
      if (signet_channel_send(endpoint, &reply.message).status != SIGNET_OK)
        return 5;
      result = signet_channel_receive(&endpoint, 1, &request.message, sizeof request, SIGNET_NEVER);
    }
  }
  return result.status == SIGNET_CLOSED ? 0 : 6;
}

_Noreturn void service_main(const struct signet_startup *startup);

_Noreturn void service_main(const struct signet_startup *startup) {
  const struct pairs_role *role = (const struct pairs_role *)(uintptr_t)startup->bytes_offset;
  int code = role->server ? answer(startup->handles[0], role) : ask(startup->handles[0], role);
  signet_process_exit(SIGNET_ENDED_EXIT, (uint32_t)code);
}
