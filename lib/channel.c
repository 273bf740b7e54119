/* Requests to the console and file services, over contracts/files.h. A channel carries one request at a time, so a lock
 * keeps other threads away until the answer is there. Large data goes through a block that is kept for the next time.
 * Any thread; a channel's own lock. */
#include <errno.h>
#include <string.h>

#include <signet/program.h>

#include "lib/library.h"
#include "lib/scarcity.h"

struct channel signet_channels[4];

struct channel_buffer {
  struct signet_message message;
  uint8_t data[FILES_DATA_MOST];
};

/* For what needs little room; on the stack, which may be a small one. */
#define SMALL_DATA 320
struct small_buffer {
  struct signet_message message;
  uint8_t data[SMALL_DATA];
};

#define BLOCK_FIRST 0x10000 /* bytes of the block, until more is needed */

/* Sends and waits for the answer, which takes the message's place. -EINTR, only if `interruptible`: a signal is ready
 * and the answer is outstanding. */
static long converse(struct channel *channel, struct signet_message *message, size_t capacity, bool interruptible,
                     bool sent) {
  struct signet_result result;
  if (sent)
    result = signet_channel_receive(&channel->endpoint, 1, message, capacity, SIGNET_NEVER);
  else
    result = signet_channel_call(channel->endpoint, message, message, capacity, SIGNET_NEVER);
  while (result.status == SIGNET_INTERRUPTED || result.status == SIGNET_MEMORY) {
    if (result.status == SIGNET_MEMORY)
      scarcity_wait();
    if (interruptible && signet_signals_ready(signet_self())) {
      channel->outstanding = true;
      return -EINTR;
    }
    result = signet_channel_receive(&channel->endpoint, 1, message, capacity, SIGNET_NEVER);
  }
  channel->outstanding = false;
  /* The service is gone, or broke the contract: for a program, its disk or terminal failed. */
  if (result.status == SIGNET_OK && message->length >= FILES_ANSWER)
    return 0;
  /* Out of turn, because no answer was taken before: nothing was sent. Else what was to move is gone. */
  if (result.status != SIGNET_CONTRACT)
    message->moved_count = 0;
  return -EIO;
}

/* The large buffer, for one who has the lock; NULL: no memory. */
static struct channel_buffer *large_buffer(struct channel *channel) {
  if (!channel->buffer)
    channel->buffer = (void *)(uintptr_t)signet_pages_take(sizeof *channel->buffer);
  return channel->buffer;
}

static void begin(struct signet_message *message, uint8_t *data, const struct exchange *exchange) {
  memset(message, 0, sizeof *message);
  message->tag = exchange->tag;
  message->length = FILES_REQUEST;
  memcpy(data, &exchange->request, FILES_REQUEST);
}

/* Reads the answer's head. -> 0 or minus the service's error. */
static long head_of(const uint8_t *data, uint64_t *value) {
  struct files_answer answer;
  memcpy(&answer, data, sizeof answer);
  *value = answer.value;
  /* Those from there on mean something else to the library. */
  return answer.error < -INTERRUPTED_AGAIN ? -(long)answer.error : -EIO;
}

/* Keeps bytes that nobody waits for now. */
static bool keep(struct channel *channel, const uint8_t *bytes, uint32_t length) {
  if (!channel->stash)
    channel->stash = (void *)(uintptr_t)signet_pages_take(FILES_INLINE_MOST);
  if (!channel->stash)
    return false;
  memcpy(channel->stash, bytes, length);
  channel->stash_next = 0;
  channel->stash_end = length;
  return true;
}

/* Takes in the answer to an interrupted read if it has come. */
static void collect(struct channel *channel) {
  struct channel_buffer *buffer = large_buffer(channel);
  if (!buffer)
    return;
  struct signet_result result = signet_channel_receive(&channel->endpoint, 1, &buffer->message, sizeof *buffer, 0);
  if (result.status == SIGNET_TIMEOUT || result.status == SIGNET_INTERRUPTED || result.status == SIGNET_MEMORY)
    return;
  channel->outstanding = false;
  uint64_t value;
  if (result.status == SIGNET_OK && buffer->message.length >= FILES_ANSWER && head_of(buffer->data, &value) == 0)
    keep(channel, buffer->data + FILES_ANSWER, buffer->message.length - FILES_ANSWER);
}

long signet_channel_ask(struct channel *channel, struct exchange *exchange) {
  struct small_buffer small;
  struct signet_message *message = &small.message;
  uint8_t *data = small.data;
  size_t capacity = sizeof small, send = 0, take = 0;
  for (uint32_t i = 0; i < exchange->send_count; i++)
    send += exchange->send[i].iov_len;
  if (send) {
    send -= exchange->skip;
    if (exchange->limit && send > exchange->limit)
      send = exchange->limit;
  }
  for (uint32_t i = 0; i < exchange->take_count; i++)
    take += exchange->take[i].iov_len;
  if (exchange->tag == FILES_READ || exchange->tag == FILES_LIST)
    take = exchange->request.length;
  if (send > FILES_INLINE_MOST)
    return -ENAMETOOLONG;
  exchange->taken = 0;
  lock_take(&channel->lock);
  long error = -EBADF;
  if (!channel->endpoint)
    goto out;
  error = -EIO;
  if (exchange->service && exchange->service != channel->service + 1)
    goto out;
  exchange->service = channel->service + 1;
  if (channel->outstanding)
    collect(channel);
  error = -EAGAIN;
  if (channel->outstanding)
    goto out;
  if (FILES_REQUEST + send > SMALL_DATA || FILES_ANSWER + take > SMALL_DATA) {
    struct channel_buffer *large = large_buffer(channel);
    error = -ENOMEM;
    if (!large)
      goto out;
    message = &large->message;
    data = large->data;
    capacity = sizeof *large;
  }
  begin(message, data, exchange);
  message->length +=
      signet_iovec_gather(exchange->send, exchange->send_count, exchange->skip, data + FILES_REQUEST, send);
  error = converse(channel, message, capacity, false, false);
  if (error == 0)
    error = head_of(data, &exchange->value);
  if (error == 0 && exchange->take)
    exchange->taken = signet_iovec_scatter(exchange->take, exchange->take_count, exchange->skip, data + FILES_ANSWER,
                                           message->length - FILES_ANSWER);
out:
  lock_give(&channel->lock);
  return error;
}

/* Has a block of `length` bytes ready, or a smaller one if there is no memory for more. */
static bool ready_block(struct channel *channel, uint64_t length) {
  uint64_t wanted = length > BLOCK_FIRST ? FILES_BLOCK_MOST : BLOCK_FIRST;
  if (channel->block && channel->block_length >= wanted)
    return true;
  struct signet_result result = signet_block_allocate(wanted);
  if (result.status != SIGNET_OK)
    return channel->block != 0;
  if (channel->block)
    signet_handle_close(channel->block);
  channel->block = (uint32_t)result.value;
  channel->block_offset = result.value >> 32;
  channel->block_length = wanted;
  return true;
}

long signet_channel_transfer(struct channel *channel, const struct exchange *exchange) {
  struct small_buffer small;
  struct signet_message *message = &small.message;
  struct exchange request = *exchange;
  bool writes = exchange->send_count != 0;
  uint64_t length = exchange->request.length;
  if (length > FILES_BLOCK_MOST)
    length = FILES_BLOCK_MOST;
  lock_take(&channel->lock);
  long result = -EBADF;
  if (!channel->endpoint)
    goto out;
  result = -EIO;
  if (exchange->service && exchange->service != channel->service + 1)
    goto out;
  if (channel->outstanding)
    collect(channel);
  result = -EAGAIN;
  if (channel->outstanding)
    goto out;
  result = -ENOBUFS;
  if (!ready_block(channel, length))
    goto out;
  if (length > channel->block_length)
    length = channel->block_length;
  void *block = (void *)(uintptr_t)channel->block_offset;
  if (writes)
    length = signet_iovec_gather(exchange->send, exchange->send_count, exchange->skip, block, length);
  request.request.length = length;
  begin(message, small.data, &request);
  message->moved_count = 1;
  message->moved[0].handle = channel->block;
  channel->block = 0; /* it is the service's until it comes back */
  result = converse(channel, message, sizeof small, false, false);
  if (result && message->moved_count)
    channel->block = message->moved[0].handle;
  if (result)
    goto out;
  if (message->moved_count == 1) {
    channel->block = message->moved[0].handle;
    channel->block_offset = message->moved[0].offset;
    channel->block_length = message->moved[0].length;
  }
  uint64_t value;
  result = head_of(small.data, &value);
  if (result)
    goto out;
  if (value > length || (!writes && value > channel->block_length)) {
    result = -EIO;
    goto out;
  }
  if (!writes)
    signet_iovec_scatter(exchange->take, exchange->take_count, exchange->skip, (void *)(uintptr_t)channel->block_offset,
                         value);
  result = value;
out:
  lock_give(&channel->lock);
  return result;
}

long signet_channel_read_stream(struct channel *channel, const struct iovec *vectors, int count, size_t skip) {
  struct small_buffer small;
  struct signet_message *message = &small.message;
  uint8_t *data = small.data;
  size_t capacity = sizeof small;
  long length = signet_iovec_length(vectors, count) - (long)skip;
  if (length <= 0)
    return length;
  struct exchange exchange = {.tag = FILES_STREAM_READ};
  exchange.request.length = length < FILES_INLINE_MOST ? length : FILES_INLINE_MOST;
  lock_take(&channel->lock);
  long result = -EBADF;
  if (!channel->endpoint)
    goto out;
  if (channel->stash_next == channel->stash_end) {
    if (channel->outstanding || FILES_ANSWER + exchange.request.length > SMALL_DATA) {
      struct channel_buffer *large = large_buffer(channel);
      result = -ENOMEM;
      if (!large)
        goto out;
      message = &large->message;
      data = large->data;
      capacity = sizeof *large;
    }
    bool sent = channel->outstanding;
    if (!sent)
      begin(message, data, &exchange);
    result = converse(channel, message, capacity, true, sent);
    if (result == 0)
      result = head_of(data, &exchange.value);
    if (result)
      goto out;
    uint32_t bytes = message->length - FILES_ANSWER;
    if (!sent || bytes <= (uint64_t)length) {
      result = signet_iovec_scatter(vectors, count, skip, data + FILES_ANSWER, bytes);
      goto out;
    }
    result = -ENOMEM;
    if (!keep(channel, data + FILES_ANSWER, bytes))
      goto out;
  }
  result = signet_iovec_scatter(vectors, count, skip, channel->stash + channel->stash_next,
                                channel->stash_end - channel->stash_next);
  channel->stash_next += result;
out:
  lock_give(&channel->lock);
  return result == -EINTR ? INTERRUPTED_AGAIN : result;
}

static void renew(struct channel *channel, uint32_t endpoint) {
  lock_take(&channel->lock);
  if (channel->endpoint)
    signet_handle_close(channel->endpoint);
  channel->endpoint = endpoint;
  channel->service++;
  channel->outstanding = false;
  lock_give(&channel->lock);
}

void signet_files_renew(uint32_t endpoint) { renew(&signet_channels[SIGNET_SLOT_FILES], endpoint); }

bool signet_slot_renew(uint32_t slot, uint32_t endpoint) {
  for (uint32_t i = 0; i < sizeof signet_channels / sizeof *signet_channels; i++)
    if (slot + 1 == signet_channels[i].slot) {
      renew(&signet_channels[i], endpoint);
      return true;
    }
  return false;
}
