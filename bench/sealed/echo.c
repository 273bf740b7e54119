/* The other side of the channel benchmark: answers every message with the same kind of message, until the channel is
 * closed. Started by parent.c with the server end in slot 0; uses the kernel's calls alone, no C library. */
#include "bench/sealed/exchange.h"

void echo_main(const struct signet_startup *startup);

void echo_main(const struct signet_startup *startup) {
  uint32_t endpoint = startup->handles[0];
  struct exchange_message received, reply;
  for (;;) {
    struct signet_result result =
        signet_channel_receive(&endpoint, 1, &received.message, sizeof received, SIGNET_NEVER);
    if (result.status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, result.status == SIGNET_CLOSED ? 0 : 1);
    reply.message = (struct signet_message){.tag = received.message.tag + 1};
    if (received.message.tag == EXCHANGE_BLOCK) {
      volatile uint8_t *bytes = (volatile uint8_t *)(uintptr_t)received.message.moved[0].offset;
      for (uint32_t at = 0; at < received.message.moved[0].length; at += SIGNET_PAGE)
        bytes[at]++;
      reply.message.moved_count = 1;
      reply.message.moved[0].handle = received.message.moved[0].handle;
    } else {
      reply.message.length = EXCHANGE_DATA;
      for (int i = 0; i < EXCHANGE_DATA; i++)
        reply.data[i] = (uint8_t)(received.data[i] + 1);
    }
    if (signet_channel_send(endpoint, &reply.message).status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 2);
  }
}
