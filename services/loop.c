/* The loop of a service: see loop.h. */
#include "services/loop.h"

#include <signet/calls.h>

#include "lib/scarcity.h"

static void drop(struct service_loop *loop, uint32_t index) {
  loop->gone(loop->client[index]);
  signet_handle_close(loop->endpoint[index]);
  loop->count--;
  loop->endpoint[index] = loop->endpoint[loop->count];
  loop->client[index] = loop->client[loop->count];
}

bool service_loop_join(struct service_loop *loop, uint32_t endpoint, uint32_t client) {
  if (loop->count == LOOP_MOST)
    return false;
  loop->endpoint[loop->count] = endpoint;
  loop->client[loop->count++] = client;
  return true;
}

void service_loop_leave(struct service_loop *loop, uint32_t client) {
  for (uint32_t i = 0; i < loop->count; i++)
    if (loop->client[i] == client)
      drop(loop, i--);
}

static void answer(struct service_loop *loop, uint32_t index, struct service_buffer *buffer) {
  if (loop->serve(loop->client[index], buffer))
    signet_channel_send(loop->endpoint[index], &buffer->message);
}

/* A message could not be taken: its block does not fit into this process's quota, and no honest client sends such; or
 * the machine has no memory for it now. */
static void drop_oversized(struct service_loop *loop, struct service_buffer *buffer) {
  bool scarce = false;
  for (uint32_t i = 0; i < loop->count; i++) {
    struct signet_result result = signet_channel_receive(&loop->endpoint[i], 1, &buffer->message, sizeof *buffer, 0);
    if (result.status == SIGNET_OK)
      answer(loop, i, buffer);
    else if (result.status == SIGNET_MEMORY)
      scarce = true;
    else if (result.status != SIGNET_TIMEOUT && result.status != SIGNET_INTERRUPTED)
      drop(loop, i--);
  }
  if (scarce)
    scarcity_wait();
}

void service_loop_run(struct service_loop *loop) {
  struct service_buffer buffer;
  while (loop->count) {
    struct signet_result result =
        signet_channel_receive(loop->endpoint, loop->count, &buffer.message, sizeof buffer, SIGNET_NEVER);
    switch (result.status) {
    case SIGNET_OK:
      answer(loop, (uint32_t)result.value, &buffer);
      break;
    case SIGNET_CLOSED:
      drop(loop, (uint32_t)result.value);
      break;
    case SIGNET_INTERRUPTED:
      break;
    default:
      drop_oversized(loop, &buffer);
    }
  }
}
