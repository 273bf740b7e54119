/* The form of requests on files: see request.h. */
#include "services/request.h"

bool request_form(const struct service_buffer *buffer) {
  const struct signet_message *message = &buffer->message;
  if (message->length < FILES_REQUEST || message->length > FILES_DATA_MOST || message->moved_count > 1)
    return false;
  bool with_block = message->tag == FILES_READ_BLOCK || message->tag == FILES_WRITE_BLOCK ||
                    message->tag == FILES_STREAM_READ_BLOCK || message->tag == FILES_STREAM_WRITE_BLOCK;
  return with_block == (message->moved_count == 1);
}

uint32_t request_names(uint32_t tag) {
  switch (tag) {
  case FILES_OPEN:
  case FILES_STATUS_NAME:
  case FILES_MAKE:
  case FILES_REMOVE:
  case FILES_READ_LINK:
  case FILES_PERMISSIONS:
  case FILES_TIMES:
    return 1;
  case FILES_RENAME:
  case FILES_LINK:
    return 2;
  }
  return 0;
}

bool request_split(struct service_buffer *buffer, uint32_t count, char *names[2]) {
  char *text = (char *)buffer->data + FILES_REQUEST;
  size_t left = buffer->message.length - FILES_REQUEST;
  for (uint32_t i = 0; i < count; i++) {
    size_t length = strnlen(text, left);
    if (length == left)
      return false;
    names[i] = text;
    text += length + 1;
    left -= length + 1;
  }
  return left == 0;
}
