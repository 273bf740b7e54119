/* The console service: serves a program's three standard streams, a thread for each, so that a read that waits holds up
 * no output. A sealed process of its own; services.h says how it is started. Nothing is shared between the threads. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <signet/calls.h>

#include "contracts/files.h"
#include "services/answer.h"
#include "services/services.h"

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

/* The device's operation for a tag; 0 if the tag is none of a stream's. */
static uint32_t operation_of(uint32_t tag) {
  switch (tag) {
  case FILES_STREAM_READ:
  case FILES_STREAM_READ_BLOCK:
    return SIGNET_STREAM_READ;
  case FILES_STREAM_WRITE:
  case FILES_STREAM_WRITE_BLOCK:
    return SIGNET_STREAM_WRITE;
  case FILES_STREAM_STATUS:
    return SIGNET_STREAM_STATUS;
  case FILES_STREAM_POLL:
    return SIGNET_STREAM_POLL;
  case FILES_STREAM_WINDOW_SIZE:
    return SIGNET_STREAM_WINDOW_SIZE;
  case FILES_STREAM_TERMINAL_MODE:
    return SIGNET_STREAM_TERMINAL_MODE;
  case FILES_STREAM_SEEK:
    return SIGNET_STREAM_SEEK;
  }
  return 0;
}

/* Turns the request in the buffer into its answer. */
static void serve(const struct stream *stream, struct service_buffer *buffer) {
  struct signet_message *message = &buffer->message;
  struct files_request request;
  memcpy(&request, buffer->data, sizeof request);
  struct signet_device_request device = {.operation = operation_of(message->tag)};
  uint8_t *answer_bytes = buffer->data + FILES_ANSWER;
  bool inline_read = false;
  switch (message->tag) {
  case FILES_STREAM_READ:
    device.buffer_offset = service_offset(answer_bytes);
    device.buffer_length = request.length < FILES_INLINE_MOST ? request.length : FILES_INLINE_MOST;
    inline_read = true;
    break;
  case FILES_STREAM_WRITE:
    device.buffer_offset = service_offset(buffer->data + FILES_REQUEST);
    device.buffer_length = message->length - FILES_REQUEST;
    break;
  case FILES_STREAM_READ_BLOCK:
  case FILES_STREAM_WRITE_BLOCK:
    if (request.length > message->moved[0].length || request.length > FILES_BLOCK_MOST) {
      service_answer(buffer, EINVAL, 0, 0);
      return;
    }
    device.buffer_offset = message->moved[0].offset;
    device.buffer_length = request.length;
    break;
  case FILES_STREAM_STATUS:
    device.buffer_offset = service_offset(answer_bytes);
    device.buffer_length = sizeof(struct signet_file_status);
    memset(answer_bytes, 0, sizeof(struct signet_file_status));
    break;
  case FILES_STREAM_TERMINAL_MODE:
    device.arguments[0] = request.flags;
    break;
  case FILES_STREAM_SEEK:
    device.arguments[0] = request.offset;
    device.arguments[1] = request.flags;
    break;
  }
  if (device.operation == 0) {
    service_answer(buffer, ENOSYS, 0, 0);
    return;
  }
  if ((device.operation == SIGNET_STREAM_READ || device.operation == SIGNET_STREAM_WRITE) &&
      device.buffer_length == 0) {
    service_answer(buffer, 0, 0, 0);
    return;
  }
  struct signet_result result = signet_device_request(stream->device, &device);
  uint32_t error = service_error(result);
  uint32_t bytes = 0;
  if (error == 0 && inline_read)
    bytes = result.value < device.buffer_length ? result.value : device.buffer_length;
  if (error == 0 && device.operation == SIGNET_STREAM_STATUS)
    bytes = sizeof(struct signet_file_status);
  service_answer(buffer, error, error ? 0 : result.value, bytes);
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
    signet_process_exit(SIGNET_ENDED_EXIT, 125);
  for (uint32_t i = 0; i < SERVICES_CONSOLE_STREAMS; i++) {
    streams[i].endpoint = startup->handles[i];
    streams[i].device = startup->handles[SERVICES_CONSOLE_STREAMS + i];
  }
  for (uint32_t i = 1; i < SERVICES_CONSOLE_STREAMS; i++) {
    uint64_t stack = startup->area_low + i * THREAD_STACK_STRIDE;
    if (signet_memory_map(stack, THREAD_STACK, SIGNET_PROTECT_WRITE).status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 125);
    if (signet_thread_create(service_thread_entry, (void *)(uintptr_t)(stack + THREAD_STACK), &streams[i], NULL)
            .status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 125);
  }
  service_thread(&streams[0]);
}
