/* Requests on a stream: see stream.h. */
#include "services/stream.h"

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

bool stream_ask(struct service_buffer *buffer, struct signet_device_request *device) {
  struct signet_message *message = &buffer->message;
  struct files_request request;
  uint8_t *answer_bytes = buffer->data + FILES_ANSWER;
  memcpy(&request, buffer->data, sizeof request);
  *device = (struct signet_device_request){.operation = operation_of(message->tag)};
  switch (message->tag) {
  case FILES_STREAM_READ:
    device->buffer_offset = service_offset(answer_bytes);
    device->buffer_length = request.length < FILES_INLINE_MOST ? request.length : FILES_INLINE_MOST;
    break;
  case FILES_STREAM_WRITE:
    device->buffer_offset = service_offset(buffer->data + FILES_REQUEST);
    device->buffer_length = message->length - FILES_REQUEST;
    break;
  case FILES_STREAM_READ_BLOCK:
  case FILES_STREAM_WRITE_BLOCK:
    if (request.length > message->moved[0].length || request.length > FILES_BLOCK_MOST) {
      service_answer(buffer, EINVAL, 0, 0);
      return false;
    }
    device->buffer_offset = message->moved[0].offset;
    device->buffer_length = request.length;
    break;
  case FILES_STREAM_STATUS:
    device->buffer_offset = service_offset(answer_bytes);
    device->buffer_length = sizeof(struct signet_file_status);
    memset(answer_bytes, 0, sizeof(struct signet_file_status));
    break;
  case FILES_STREAM_TERMINAL_MODE:
    device->arguments[0] = request.flags;
    break;
  case FILES_STREAM_SEEK:
    device->arguments[0] = request.offset;
    device->arguments[1] = request.flags;
    break;
  }
  if (device->operation == 0) {
    service_answer(buffer, ENOSYS, 0, 0);
    return false;
  }
  if ((device->operation == SIGNET_STREAM_READ || device->operation == SIGNET_STREAM_WRITE) &&
      device->buffer_length == 0) {
    service_answer(buffer, 0, 0, 0);
    return false;
  }
  return true;
}

void stream_answer(struct service_buffer *buffer, const struct signet_device_request *device,
                   struct signet_result result) {
  uint32_t error = service_error(result), bytes = 0;
  if (error == 0 && buffer->message.tag == FILES_STREAM_READ)
    bytes = result.value < device->buffer_length ? result.value : device->buffer_length;
  if (error == 0 && device->operation == SIGNET_STREAM_STATUS)
    bytes = sizeof(struct signet_file_status);
  service_answer(buffer, error, error ? 0 : result.value, bytes);
}
