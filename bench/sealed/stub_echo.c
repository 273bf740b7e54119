/* The other side of the benchmark of contracts: what echo.c does, by the functions that contractc makes. Started by
 * parent.c with the server end in slot 0; uses the kernel's calls alone, no C library. */
#include <signet/calls.h>

#include "bench/sealed/ask.h"

void echo_main(const struct signet_startup *startup);

void echo_main(const struct signet_startup *startup) {
  struct ask_server_READY ready;
  struct ask_server_QUESTION_ASKED asked;
  struct ask_server_READY_received received;
  struct ask_buffer buffer;
  struct ask_REPLY reply;
  if (ask_adopt_server_READY(startup->handles[0], &ready) != SIGNET_OK)
    signet_process_exit(SIGNET_ENDED_EXIT, 1);
  for (;;) {
    int64_t status = ask_receive_READY(&ready, &received, &buffer, SIGNET_NEVER);
    if (status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, status == SIGNET_CLOSED ? 0 : 2);
    for (int i = 0; i < ASK_BYTES; i++)
      reply.bytes[i] = (uint8_t)(received.QUESTION.message.bytes[i] + 1);
    asked = received.QUESTION.next;
    if (ask_send_REPLY(&asked, &ready, &reply, &buffer) != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 3);
  }
}
