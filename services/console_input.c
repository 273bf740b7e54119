/* Standard input of several programs: see console.h. One of them has it, from its first read to its end; the others are
 * told that there is none. The device is read by a thread of its own, whose bytes stay here when their reader is gone
 * before they came: then they are its successor's.
 *
 * The main thread serves, the reading thread delivers; what both change is under the lock. */
#include <signet/calls.h>

#include "lib/lock.h"
#include "services/console.h"

#define NOBODY UINT32_MAX

static uint32_t device;
static uint32_t owner = NOBODY; /* the main thread's */

static struct lock lock;
static bool waiting;                 /* the owner, for the answer to what is in `request`, over `endpoint` */
static bool ready;                   /* there are bytes, an end or an error, and not all of it has been delivered */
static uint32_t wanted;              /* the word that the reading thread waits on: 1 while it shall read, or reads */
static uint32_t delivered;           /* of `bytes` */
static struct signet_result outcome; /* of the last read */
static uint8_t bytes[FILES_INLINE_MOST];
static uint32_t endpoint;
static struct service_buffer request;

void console_input_begin(uint32_t input) { device = input; }

/* Answers with what is there. Under the lock; ready. */
static void deliver(struct service_buffer *buffer, const struct signet_device_request *asked) {
  struct signet_result result = outcome;
  if (result.status == SIGNET_OK) {
    uint64_t left = outcome.value - delivered;
    result.value = left < asked->buffer_length ? left : asked->buffer_length;
    memcpy((void *)(uintptr_t)asked->buffer_offset, bytes + delivered, result.value);
    delivered += (uint32_t)result.value;
  }
  ready = result.status == SIGNET_OK && delivered < outcome.value;
  stream_answer(buffer, asked, result);
}

void console_input_read(void) {
  struct signet_device_request read = {
      .operation = SIGNET_STREAM_READ, .buffer_offset = service_offset(bytes), .buffer_length = sizeof bytes};
  for (;;) {
    while (!__atomic_load_n(&wanted, __ATOMIC_ACQUIRE))
      signet_word_wait(&wanted, 0, SIGNET_NEVER);
    struct signet_result result = signet_device_request(device, &read);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    if (result.status == SIGNET_OK && result.value > sizeof bytes)
      result.value = sizeof bytes;
    lock_take(&lock);
    wanted = 0;
    ready = true;
    delivered = 0;
    outcome = result;
    if (waiting) {
      struct signet_device_request asked;
      waiting = false;
      stream_ask(&request, &asked);
      deliver(&request, &asked);
      signet_channel_send(endpoint, &request.message);
    }
    lock_give(&lock);
  }
}

/* The answer to a read of the owner. */
static bool read_for_owner(uint32_t from, struct service_buffer *buffer, const struct signet_device_request *asked) {
  bool answered = true;
  lock_take(&lock);
  if (ready) {
    deliver(buffer, asked);
  } else {
    answered = false;
    waiting = true;
    endpoint = from;
    memcpy(&request, buffer, SIGNET_MESSAGE_DATA + buffer->message.length);
    __atomic_store_n(&wanted, 1, __ATOMIC_RELEASE);
    signet_word_wake(&wanted, 1);
  }
  lock_give(&lock);
  return answered;
}

static struct signet_result poll(const struct signet_device_request *asked) {
  lock_take(&lock);
  bool now = ready, reading = wanted;
  lock_give(&lock);
  if (now || reading)
    return (struct signet_result){SIGNET_OK, now};
  return signet_device_request(device, asked);
}

static bool claim(uint32_t member) {
  if (owner == NOBODY)
    owner = member;
  return owner == member;
}

bool console_input_serve(uint32_t member, uint32_t from, struct service_buffer *buffer) {
  struct signet_device_request asked;
  struct signet_result result = {SIGNET_OK, 0};
  if (!stream_ask(buffer, &asked))
    return true;
  switch (asked.operation) {
  case SIGNET_STREAM_READ:
    if (claim(member))
      return read_for_owner(from, buffer, &asked);
    break;
  case SIGNET_STREAM_POLL:
    if (owner == member || owner == NOBODY)
      result = poll(&asked);
    else
      result.value = 1; /* the end can be read at once */
    break;
  case SIGNET_STREAM_TERMINAL_MODE:
    result = claim(member) ? signet_device_request(device, &asked) : (struct signet_result){SIGNET_DEVICE, EPERM};
    break;
  case SIGNET_STREAM_STATUS:
  case SIGNET_STREAM_WINDOW_SIZE:
    result = signet_device_request(device, &asked);
    break;
  default:
    result = (struct signet_result){SIGNET_DEVICE, asked.operation == SIGNET_STREAM_SEEK ? ESPIPE : EBADF};
  }
  stream_answer(buffer, &asked, result);
  return true;
}

void console_input_gone(uint32_t member) {
  if (owner != member)
    return;
  owner = NOBODY;
  struct signet_device_request usual = {.operation = SIGNET_STREAM_TERMINAL_MODE};
  signet_device_request(device, &usual);
  lock_take(&lock);
  if (waiting)
    for (uint32_t i = 0; i < request.message.moved_count; i++)
      signet_handle_close(request.message.moved[i].handle);
  waiting = false;
  lock_give(&lock);
}
