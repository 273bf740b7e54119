/* What both services need to answer on contracts/files.h: the buffer of a message, and the form of an answer. */
#ifndef SERVICES_ANSWER_H
#define SERVICES_ANSWER_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <signet/abi.h>

#include "contracts/files.h"

/* One request, and then its answer in the same place. */
struct service_buffer {
  struct signet_message message;
  uint8_t data[FILES_DATA_MOST];
};
_Static_assert(offsetof(struct service_buffer, data) == SIGNET_MESSAGE_DATA, "the data follows the header");

static inline uint32_t service_offset(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }

/* The error number of Linux for what a device said. */
static inline uint32_t service_error(struct signet_result result) {
  switch (result.status) {
  case SIGNET_OK:
    return 0;
  case SIGNET_DEVICE:
    return result.value > 0 && result.value < 4096 ? result.value : EIO;
  case SIGNET_MEMORY:
  case SIGNET_QUOTA:
    return ENOMEM;
  case SIGNET_UNSUPPORTED:
    return ENOSYS;
  case SIGNET_ARGUMENT:
  case SIGNET_CAPACITY:
    return EINVAL;
  case SIGNET_INTERRUPTED:
    return EINTR;
  default:
    return EIO;
  }
}

/* Makes the buffer, which holds a request, its answer; `bytes` bytes of data are in place behind the answer. A block
 * that came with the request goes back. */
static inline void service_answer(struct service_buffer *buffer, uint32_t error, uint64_t value, uint32_t bytes) {
  struct signet_message *message = &buffer->message;
  struct files_answer answer = {.error = error, .value = value};
  bool block = message->moved_count != 0;
  memcpy(buffer->data, &answer, sizeof answer);
  message->tag = block ? FILES_ANSWERED_BLOCK : FILES_ANSWERED;
  message->length = FILES_ANSWER + (block ? 0 : bytes);
  message->moved_count = block;
  message->reserved = 0;
}

#endif
