/* The console service: serves a program's three standard streams, a thread for each, so that a read that waits holds up
 * no output. A sealed process of its own; services.h says how it is started. Nothing is shared between the threads. */
#include <signet/calls.h>

#include "services/services.h"
#include "services/stream.h"

#define THREAD_STACK 0x4000 /* holds one message and little else */
#define THREAD_STACK_STRIDE 0x8000

struct stream {
  uint32_t endpoint;
  uint32_t device;
};

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(struct stream *stream);
void service_thread_entry(void *stream);

static struct stream streams[SERVICES_CONSOLE_STREAMS];

/* Turns the request in the buffer into its answer. */
static void serve(const struct stream *stream, struct service_buffer *buffer) {
  struct signet_device_request device;
  if (stream_ask(buffer, &device))
    stream_answer(buffer, &device, signet_device_request(stream->device, &device));
}

void service_thread(struct stream *stream) {
  struct service_buffer buffer;
  for (;;) {
    struct signet_result result =
        signet_channel_receive(&stream->endpoint, 1, &buffer.message, sizeof buffer, SIGNET_NEVER);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    /* Closed; or a block too large for this process, which no honest client sends. */
    if (result.status != SIGNET_OK)
      break;
    serve(stream, &buffer);
    signet_channel_send(stream->endpoint, &buffer.message);
  }
  signet_handle_close(stream->endpoint);
  signet_handle_close(stream->device);
  signet_thread_exit(NULL);
}

void service_main(const struct signet_startup *startup) {
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->slots < SERVICES_CONSOLE_SLOTS)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  for (uint32_t i = 0; i < SERVICES_CONSOLE_STREAMS; i++) {
    streams[i].endpoint = startup->handles[i];
    streams[i].device = startup->handles[SERVICES_CONSOLE_STREAMS + i];
  }
  for (uint32_t i = 1; i < SERVICES_CONSOLE_STREAMS; i++) {
    uint64_t stack = startup->area_low + i * THREAD_STACK_STRIDE;
    if (signet_memory_map(stack, THREAD_STACK, SIGNET_PROTECT_WRITE).status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
    if (signet_thread_create(service_thread_entry, (void *)(uintptr_t)(stack + THREAD_STACK), &streams[i], NULL)
            .status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  }
  service_thread(&streams[0]);
}
