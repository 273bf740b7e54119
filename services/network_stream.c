/* Connections of the network service: contracts/stream.contract. No byte is read that nobody asked for, and of what is
 * written no more than one request is held, so that a connection holds little, whatever the other side does. */
#include <errno.h>
#include <string.h>

#include <signet/calls.h>

#include "services/network.h"
#include "services/network_patience.h"

#define MILLISECOND 1000000ull /* in nanoseconds */

enum doing {
  NOTHING,
  MAKING, /* connecting */
  READING,
  READING_BLOCK,
  WRITING,
  REPLYING, /* writing; then it is READING */
  WRITING_BLOCK,
};

struct stream {
  struct patience waits; /* first: it is cast to its stream; READING, READING_BLOCK, and REPLYING before that */
  uint32_t patience;     /* as the request says it */
  uint32_t number;       /* the device's; 0: there is none */
  uint32_t endpoint;     /* 0: MAKING */
  uint8_t doing;
  uint8_t shut;            /* STREAM_DIRECTION_* bits */
  uint8_t slot;            /* of the client whose it is, or will be */
  bool readable, writable; /* the device may have, or take, something */
  bool ended;              /* the other side sends nothing more: reading never waits */
  uint32_t most;           /* READING */
  uint32_t from, left;     /* being written: where it is, how much */
  uint32_t length;         /* of all that was to be written */
  void *held;              /* copy of bytes that came in a message, or NULL */
  struct contract_block block;
};

/* Bytes of messages that could not be sent at once. */
struct held {
  struct held *next;
  uint8_t bytes[STREAM_INLINE_MOST - sizeof(struct held *)];
};
_Static_assert(sizeof(struct held) == STREAM_INLINE_MOST, "as large as the largest message, and used from its start");
#define HELD_AT_ONCE 16 /* that memory is asked for */
/* Of the quota: what a connection's channel takes, about; and for what is on its way, a block among it. */
#define CHANNEL_MEMORY 0x2800u
#define MEMORY_BESIDE (1u << 20)

static struct stream *streams;
static struct held *held_free;
static uint32_t streams_open;

int64_t network_stream_begin(void) {
  uint64_t length = (network.streams * sizeof *streams + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1);
  return network_memory(length, (void **)&streams);
}

bool network_streams_any(void) { return streams_open != 0; }

/* The device names connections by an index that it gives again, and above it what tells them apart. */
static struct stream *place_of(uint32_t number) { return &streams[number & 0xffff]; }

/* Whether what waits may still be held: not what those who come need, up to half of the quota. The kernel's word, for
 * it counts channels and blocks in its own way. */
static bool may_hold(void) {
  struct signet_usage usage;
  uint64_t kept = MEMORY_BESIDE + (uint64_t)(network.streams - streams_open) * CHANNEL_MEMORY;
  if (signet_process_usage(&usage).status != SIGNET_OK)
    return false;
  if (kept > usage.limit.memory / 2)
    kept = usage.limit.memory / 2;
  return usage.limit.memory - usage.used.memory >= kept;
}

static struct held *held_take(void) {
  if (!held_free) {
    void *memory;
    if (!may_hold() || network_memory(HELD_AT_ONCE * sizeof(struct held), &memory) != SIGNET_OK)
      return NULL;
    struct held *more = memory;
    for (uint32_t i = 0; i < HELD_AT_ONCE; i++) {
      more[i].next = held_free;
      held_free = &more[i];
    }
  }
  struct held *taken = held_free;
  held_free = taken->next;
  return taken;
}

static void held_give_back(struct stream *stream) {
  struct held *held = stream->held;
  if (!held)
    return;
  held->next = held_free;
  held_free = held;
  stream->held = NULL;
}

static uint32_t error_of(struct signet_result result) {
  switch (result.status == SIGNET_DEVICE ? result.value : 0) {
  case ECONNRESET:
  case EPIPE:
  case ECONNABORTED:
    return STREAM_ERROR_RESET;
  case ETIMEDOUT:
    return STREAM_ERROR_TIMEOUT;
  case EHOSTUNREACH:
  case ENETUNREACH:
    return STREAM_ERROR_UNREACHABLE;
  default:
    return STREAM_ERROR_NETWORK;
  }
}

static bool would_wait(struct signet_result result) { return result.status == SIGNET_DEVICE && result.value == EAGAIN; }

/* ---- Answers: each ends what is under way ---- */

static void answer(struct stream *stream, const union network_message *message) {
  stream->doing = NOTHING;
  patience_clear(&stream->waits);
  held_give_back(stream);
  if (signet_channel_send(stream->endpoint, &message->message).status == SIGNET_OK)
    return;
  /* A block that the contract has no room for, which no honest client sends: it cannot even be given back. */
  if (message->message.moved_count)
    signet_handle_close(message->message.moved[0].handle);
  network_stream_drop(stream->number);
}

static void fail(struct stream *stream, union network_message *message, uint32_t error) {
  stream_put_FAILED(&message->stream, &(struct stream_FAILED){error});
  answer(stream, message);
}

static void fail_block(struct stream *stream, union network_message *message, const struct contract_block *block,
                       uint32_t error) {
  struct stream_FAILED_BLOCK failed = {error, *block};
  stream_put_FAILED_BLOCK(&message->stream, &failed);
  answer(stream, message);
}

/* ---- What waits holds its block, if there is room ---- */

static bool hold_block(struct stream *stream, enum doing doing, const struct contract_block *block) {
  if (!may_hold())
    return false;
  stream->block = *block;
  stream->doing = (uint8_t)doing;
  return true;
}

static struct contract_block release_block(struct stream *stream) {
  struct contract_block block = stream->block;
  stream->block = (struct contract_block){0, 0, 0};
  return block;
}

/* ---- Patience ---- */

/* Begins to wait, or begins again. The thread of events may do so only where the other one did before: it waits until
 * patience_next, which must not come to be earlier meanwhile. */
static void be_patient(struct stream *stream) {
  if (!stream->patience)
    return;
  uint64_t now = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
  patience_set(&stream->waits, now, now + stream->patience * MILLISECOND);
}

/* ---- Reading ---- */

/* -> what the device said; EAGAIN at once where that is known. */
static struct signet_result receive(struct stream *stream, const void *to, uint32_t most) {
  if (!stream->readable)
    return (struct signet_result){SIGNET_DEVICE, EAGAIN};
  struct signet_result result = network_ask(SIGNET_NETWORK_RECEIVE, stream->number, 0, to, most);
  stream->readable = stream->ended || (result.status == SIGNET_OK && result.value == most);
  return result;
}

/* It waits, if it is READING still afterwards. */
static void read_bytes(struct stream *stream, union network_message *message) {
  struct stream_DATA data = {.bytes = stream_place_of_DATA_bytes(&message->stream)};
  struct signet_result result = receive(stream, data.bytes, stream->most);
  if (would_wait(result))
    return;
  data.bytes_count = (uint32_t)result.value;
  if (result.status != SIGNET_OK) {
    fail(stream, message, error_of(result));
    return;
  }
  if (data.bytes_count)
    stream_put_DATA(&message->stream, &data);
  else
    stream_put_ENDED(&message->stream);
  answer(stream, message);
}

/* False: it has to wait. */
static bool read_block(struct stream *stream, union network_message *message, const struct contract_block *block) {
  uint32_t most = block->length < STREAM_BLOCK_MOST ? block->length : STREAM_BLOCK_MOST;
  struct signet_result result = receive(stream, (const void *)(uintptr_t)block->offset, most);
  if (would_wait(result))
    return false;
  if (result.status != SIGNET_OK) {
    fail_block(stream, message, block, error_of(result));
    return true;
  }
  struct stream_DATA_BLOCK data = {(uint32_t)result.value, *block};
  stream_put_DATA_BLOCK(&message->stream, &data);
  answer(stream, message);
  return true;
}

/* ---- Writing ---- */

/* Sends what is left. False: it has to wait; *failed: nothing more can be sent. */
static bool send_left(struct stream *stream, uint32_t *failed) {
  *failed = 0;
  while (stream->left && stream->writable) {
    struct signet_result result =
        network_ask(SIGNET_NETWORK_SEND, stream->number, 0, (const void *)(uintptr_t)stream->from, stream->left);
    if (would_wait(result)) {
      stream->writable = false;
    } else if (result.status != SIGNET_OK) {
      *failed = error_of(result);
      return true;
    } else {
      stream->from += (uint32_t)result.value;
      stream->left -= (uint32_t)result.value;
      /* Less than all: an event tells when there is room again. */
      stream->writable = !stream->left;
    }
  }
  return !stream->left;
}

/* What was to be written is, or cannot be. */
static void written(struct stream *stream, union network_message *message, uint32_t failed) {
  if (failed) {
    fail(stream, message, failed);
  } else if (stream->doing == REPLYING) {
    held_give_back(stream);
    stream->doing = READING;
    stream->most = STREAM_INLINE_MOST;
    read_bytes(stream, message);
    if (stream->doing == READING)
      be_patient(stream);
  } else {
    stream_put_WRITTEN(&message->stream, &(struct stream_WRITTEN){stream->length});
    answer(stream, message);
  }
}

static void written_block(struct stream *stream, union network_message *message, const struct contract_block *block,
                          uint32_t failed) {
  if (failed) {
    fail_block(stream, message, block, failed);
    return;
  }
  struct stream_WRITTEN_BLOCK all = {stream->length, *block};
  stream_put_WRITTEN_BLOCK(&message->stream, &all);
  answer(stream, message);
}

static void write_begin(struct stream *stream, uint32_t from, uint32_t length) {
  stream->from = from;
  stream->left = stream->length = length;
}

static void write_bytes(struct stream *stream, enum doing doing, union network_message *message, const uint8_t *bytes,
                        uint32_t length) {
  uint32_t failed;
  stream->doing = (uint8_t)doing;
  write_begin(stream, (uint32_t)(uintptr_t)bytes, length);
  if (send_left(stream, &failed)) {
    written(stream, message, failed);
    return;
  }
  stream->held = held_take();
  if (!stream->held) {
    fail(stream, message, STREAM_ERROR_MEMORY);
    return;
  }
  memcpy(stream->held, (const void *)(uintptr_t)stream->from, stream->left);
  stream->from = (uint32_t)(uintptr_t)stream->held;
  if (doing == REPLYING)
    be_patient(stream);
}

static void write_block(struct stream *stream, union network_message *message, const struct stream_WRITE_BLOCK *asked) {
  const struct contract_block *block = &asked->block;
  uint32_t failed;
  if (asked->offset > block->length || asked->length > block->length - asked->offset) {
    fail_block(stream, message, block, STREAM_ERROR_ARGUMENT);
    return;
  }
  write_begin(stream, block->offset + asked->offset, asked->length);
  if (send_left(stream, &failed)) {
    written_block(stream, message, block, failed);
    return;
  }
  if (hold_block(stream, WRITING_BLOCK, block))
    return;
  /* What was sent is told; who sent nothing hears why. */
  stream->length -= stream->left;
  if (stream->length)
    written_block(stream, message, block, 0);
  else
    fail_block(stream, message, block, STREAM_ERROR_MEMORY);
}

/* ---- Beginning and end ---- */

static struct stream *stream_begin(uint32_t number, uint32_t slot) {
  struct stream *stream = place_of(number);
  *stream = (struct stream){.number = number, .slot = (uint8_t)slot, .readable = true, .writable = true};
  streams_open++;
  network_client_count(slot, 1);
  return stream;
}

static uint32_t stream_give(struct stream *stream) {
  uint32_t number = stream->number;
  uint32_t client = network_channel(&stream_contract, STREAM_CONTRACT_LENGTH,
                                    network_key(NETWORK_KEY_STREAM, number & 0xffff), &stream->endpoint);
  if (!client)
    network_stream_drop(number);
  return client;
}

uint32_t network_stream_new(uint32_t number, uint32_t slot) { return stream_give(stream_begin(number, slot)); }

void network_stream_making(uint32_t number, uint32_t slot) { stream_begin(number, slot)->doing = MAKING; }

uint32_t network_stream_made(uint32_t number) {
  struct stream *stream = place_of(number);
  stream->doing = NOTHING;
  return stream_give(stream);
}

void network_stream_drop(uint32_t number) {
  struct stream *stream = place_of(number);
  if (stream->number != number)
    return;
  patience_clear(&stream->waits);
  if (stream->block.handle)
    signet_handle_close(release_block(stream).handle);
  held_give_back(stream);
  if (stream->endpoint)
    signet_handle_close(stream->endpoint);
  network_ask(SIGNET_NETWORK_CLOSE, number, 0, NULL, 0);
  stream->number = 0;
  streams_open--;
  network_client_count(stream->slot, -1);
  network.freed = true;
}

void network_stream_closed(uint32_t index) { network_stream_drop(streams[index].number); }

/* ---- Requests and events ---- */

static void shut(struct stream *stream, union network_message *message) {
  struct stream_SHUT asked;
  if (!stream_get_SHUT(&message->stream, &asked)) {
    fail(stream, message, STREAM_ERROR_ARGUMENT);
    return;
  }
  struct signet_result result = network_ask(SIGNET_NETWORK_SHUT, stream->number, asked.direction, NULL, 0);
  if (result.status != SIGNET_OK) {
    fail(stream, message, error_of(result));
    return;
  }
  stream->shut |= (uint8_t)asked.direction;
  stream_put_SHUT_DONE(&message->stream);
  answer(stream, message);
}

static void read_into_block(struct stream *stream, union network_message *message, const struct contract_block *block) {
  if (read_block(stream, message, block))
    return;
  if (hold_block(stream, READING_BLOCK, block))
    be_patient(stream);
  else
    fail_block(stream, message, block, STREAM_ERROR_MEMORY);
}

void network_stream_request(uint32_t index, union network_message *message) {
  struct stream *stream = &streams[index];
  bool reads = !(stream->shut & STREAM_DIRECTION_READING), writes = !(stream->shut & STREAM_DIRECTION_WRITING);
  struct stream_READ read;
  struct stream_READ_BLOCK into;
  struct stream_WRITE write;
  struct stream_REPLY reply;
  struct stream_WRITE_BLOCK from;
  switch ((enum stream_tag)message->message.tag) {
  case STREAM_READ:
    stream_get_READ(&message->stream, &read);
    stream->doing = READING;
    stream->most = read.most < STREAM_INLINE_MOST ? read.most : STREAM_INLINE_MOST;
    stream->patience = read.patience;
    if (!reads || !stream->most)
      fail(stream, message, reads ? STREAM_ERROR_ARGUMENT : STREAM_ERROR_CLOSED);
    else
      read_bytes(stream, message);
    if (stream->doing == READING)
      be_patient(stream);
    return;
  case STREAM_WRITE:
    if (!writes || !stream_get_WRITE(&message->stream, &write))
      fail(stream, message, writes ? STREAM_ERROR_ARGUMENT : STREAM_ERROR_CLOSED);
    else
      write_bytes(stream, WRITING, message, write.bytes, write.bytes_count);
    return;
  case STREAM_REPLY:
    if (!writes || !reads || !stream_get_REPLY(&message->stream, &reply)) {
      fail(stream, message, writes && reads ? STREAM_ERROR_ARGUMENT : STREAM_ERROR_CLOSED);
    } else {
      stream->patience = reply.patience;
      write_bytes(stream, REPLYING, message, reply.bytes, reply.bytes_count);
    }
    return;
  case STREAM_READ_BLOCK:
    if (!stream_get_READ_BLOCK(&message->stream, &into)) {
      fail_block(stream, message, &into.block, STREAM_ERROR_ARGUMENT);
    } else if (!reads) {
      fail_block(stream, message, &into.block, STREAM_ERROR_CLOSED);
    } else {
      stream->patience = into.patience;
      read_into_block(stream, message, &into.block);
    }
    return;
  case STREAM_WRITE_BLOCK:
    if (!stream_get_WRITE_BLOCK(&message->stream, &from))
      fail_block(stream, message, &from.block, STREAM_ERROR_ARGUMENT);
    else if (!writes)
      fail_block(stream, message, &from.block, STREAM_ERROR_CLOSED);
    else
      write_block(stream, message, &from);
    return;
  case STREAM_SHUT:
    shut(stream, message);
    return;
  default: /* The kernel lets no client send another. */
    return;
  }
}

static void go_on(struct stream *stream, union network_message *message) {
  struct contract_block block;
  uint32_t failed;
  switch ((enum doing)stream->doing) {
  case NOTHING:
    return;
  case MAKING:
    if (stream->writable)
      network_client_connected(stream->slot, message);
    return;
  case READING:
    read_bytes(stream, message);
    return;
  case READING_BLOCK:
    if (!stream->readable)
      return;
    block = release_block(stream);
    if (!read_block(stream, message, &block))
      stream->block = block;
    return;
  case WRITING:
  case REPLYING:
    if (send_left(stream, &failed))
      written(stream, message, failed);
    return;
  case WRITING_BLOCK:
    if (!send_left(stream, &failed))
      return;
    block = release_block(stream);
    written_block(stream, message, &block, failed);
    return;
  }
}

void network_stream_event(const struct signet_network_event *event, union network_message *message) {
  struct stream *stream = place_of(event->number);
  if ((event->number & 0xffff) >= network.streams || stream->number != event->number)
    return;
  if (event->what & (SIGNET_NETWORK_ENDED | SIGNET_NETWORK_FAILED))
    stream->ended = true;
  if (event->what & SIGNET_NETWORK_READABLE || stream->ended)
    stream->readable = true;
  if (event->what & (SIGNET_NETWORK_WRITABLE | SIGNET_NETWORK_FAILED))
    stream->writable = true;
  go_on(stream, message);
}

uint64_t network_streams_deadline(void) { return patience_next(); }

void network_streams_expire(union network_message *message) {
  struct patience *ended;
  while ((ended = patience_ended(signet_clock_read(SIGNET_CLOCK_MONOTONIC).value))) {
    struct stream *stream = (struct stream *)(void *)ended;
    if (stream->doing == REPLYING) {
      be_patient(stream);
      continue;
    }
    /* What has come is not always told yet: asked once more, so that no byte comes right behind the answer. */
    stream->readable = true;
    go_on(stream, message);
    if (stream->doing == READING) {
      fail(stream, message, STREAM_ERROR_TIMEOUT);
    } else if (stream->doing == READING_BLOCK) {
      struct contract_block block = release_block(stream);
      fail_block(stream, message, &block, STREAM_ERROR_TIMEOUT);
    }
  }
}
