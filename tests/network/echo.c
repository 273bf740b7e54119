/* Client of the network service for its tests: listens at both ports, and does with each connection what its first byte
 * says. A sealed process without a C library, one thread, all its endpoints in one set.
 *
 *   r  what comes is sent back by REPLY        w  by WRITE, then READ        b  from then on by READ_BLOCK, WRITE_BLOCK
 *   g  sends blocks without end                i  sends messages without end
 *   s  ends its own direction, then reads on   n  reads nothing more, and does not close    x  closes those
 *   t  what comes is sent back by WRITE, READ with patience, of so many milliseconds as the number says that follows
 *      the letter; when it has ended, "late;" is sent, and it begins again      u  by READ_BLOCK      v  by REPLY
 *   m  says whether a block was refused because too many were held: "refused", "none"
 *   e  tries requests that must be refused, and sends which were not: "good" if none
 *   c  connects to the address that follows ("127.0.0.1:80"), through "outward": sends what became of it
 *
 * When the other side has ended its direction: sends "ended" and closes. */
#include <string.h>

#include <signet/calls.h>

#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/stream.h"
#include "services/startup.h"

#define STREAMS_MOST 12288
#define BLOCK 0x40000
#define BLOCK_SMALL 0x1000 /* of those that many hold at once */
#define DEADLINE 300000000 /* for a connection that does not stand */

_Noreturn void service_main(const struct signet_startup *startup);

enum key { KEY_NETWORK, KEY_LISTENER, KEY_STREAM, KEY_OUTWARD };

struct stream {
  uint32_t endpoint; /* 0: free */
  uint8_t mode;      /* 0: not said yet */
  bool ending;       /* "ended" is on its way */
  uint8_t step;      /* of 'e' */
  uint32_t patience;
};

static uint32_t set, networks, outward, listener_handles[2];
static struct stream streams[STREAMS_MOST];
static uint32_t blocks_refused;
static uint32_t connecting; /* the stream that asked, plus 1 */
static union {
  struct signet_message message;
  struct network_buffer network;
  struct listener_buffer listener;
  struct stream_buffer stream;
} buffer;

_Noreturn static void fail(uint32_t code) { signet_process_exit(SIGNET_ENDED_EXIT, code); }

static void send_on(uint32_t endpoint, uint32_t code) {
  if (signet_channel_send(endpoint, &buffer.message).status != SIGNET_OK)
    fail(code);
}

static void insert(uint32_t endpoint, uint32_t kind, uint32_t index) {
  if (signet_set_insert(set, endpoint, (uint64_t)kind << 32 | index).status != SIGNET_OK)
    fail(10);
}

/* ---- Streams ---- */

static void ask_read(struct stream *stream) {
  stream_put_READ(&buffer.stream, &(struct stream_READ){STREAM_INLINE_MOST, stream->patience});
  send_on(stream->endpoint, 20);
}

static struct contract_block block_new(uint32_t length) {
  struct signet_result made = signet_block_allocate(length);
  if (made.status != SIGNET_OK)
    fail(21);
  return (struct contract_block){(uint32_t)made.value, (uint32_t)(made.value >> 32), length};
}

static void ask_read_block(struct stream *stream, struct contract_block block) {
  struct stream_READ_BLOCK read = {stream->patience, block};
  stream_put_READ_BLOCK(&buffer.stream, &read);
  send_on(stream->endpoint, 22);
}

static void ask_write_block(struct stream *stream, struct contract_block block, uint32_t offset, uint32_t length) {
  struct stream_WRITE_BLOCK write = {offset, length, block};
  stream_put_WRITE_BLOCK(&buffer.stream, &write);
  send_on(stream->endpoint, 23);
}

static void ask_write(struct stream *stream, const void *bytes, uint32_t length, bool reply) {
  struct stream_WRITE write = {bytes, length};
  struct stream_REPLY both = {stream->patience, stream_place_of_REPLY_bytes(&buffer.stream), length};
  if (reply) {
    memmove(stream_place_of_REPLY_bytes(&buffer.stream), bytes, length);
    stream_put_REPLY(&buffer.stream, &both);
  } else {
    stream_put_WRITE(&buffer.stream, &write);
  }
  send_on(stream->endpoint, 24);
}

static void stream_end(struct stream *stream) {
  signet_handle_close(stream->endpoint);
  stream->endpoint = 0;
}

static void say_and_end(struct stream *stream, const char *text) {
  stream->ending = true;
  ask_write(stream, text, (uint32_t)strlen(text), false);
}

static void stream_new(uint32_t endpoint) {
  for (uint32_t i = 0; i < STREAMS_MOST; i++)
    if (!streams[i].endpoint) {
      streams[i] = (struct stream){.endpoint = endpoint};
      insert(endpoint, KEY_STREAM, i);
      ask_read(&streams[i]);
      return;
    }
  fail(25);
}

/* ---- Requests that are refused: each answer must be FAILED (or FAILED_BLOCK) with that error ---- */

static const struct {
  uint32_t tag, offset, length, error;
} wrong[] = {
    {STREAM_READ, 0, 0, STREAM_ERROR_ARGUMENT}, /* and patience of a millisecond */
    {STREAM_WRITE_BLOCK, BLOCK, 1, STREAM_ERROR_ARGUMENT},
    {STREAM_WRITE_BLOCK, 0, BLOCK + 1, STREAM_ERROR_ARGUMENT},
    {STREAM_WRITE_BLOCK, 0xffffffff, 2, STREAM_ERROR_ARGUMENT},
    {STREAM_WRITE_BLOCK, 1, 0xffffffff, STREAM_ERROR_ARGUMENT},
    {STREAM_SHUT, 0, 0, STREAM_ERROR_ARGUMENT},
    {STREAM_SHUT, 4, 0, STREAM_ERROR_ARGUMENT},
    {STREAM_SHUT, 0xffffffff, 0, STREAM_ERROR_ARGUMENT},
};
#define WRONG (sizeof wrong / sizeof *wrong)

static void ask_wrongly(struct stream *stream) {
  memcpy(buffer.stream.data, &wrong[stream->step].offset, 4);
  switch (wrong[stream->step].tag) {
  case STREAM_READ:
    stream_put_READ(&buffer.stream, &(struct stream_READ){wrong[stream->step].length, 1});
    break;
  case STREAM_SHUT:
    buffer.message = (struct signet_message){.tag = STREAM_SHUT, .length = 4};
    break;
  default:
    ask_write_block(stream, block_new(BLOCK), wrong[stream->step].offset, wrong[stream->step].length);
    return;
  }
  send_on(stream->endpoint, 26);
}

static void on_wrong_answer(struct stream *stream) {
  uint32_t error;
  bool block = wrong[stream->step].tag == STREAM_WRITE_BLOCK;
  memcpy(&error, buffer.stream.data, 4);
  bool good = buffer.message.tag == (block ? STREAM_FAILED_BLOCK : STREAM_FAILED) && error == wrong[stream->step].error;
  if (block)
    signet_handle_close(buffer.message.moved[0].handle);
  if (!good) {
    char text[] = "not refused: step 0";
    text[sizeof text - 2] = (char)('0' + stream->step);
    say_and_end(stream, text);
  } else if (++stream->step == WRONG) {
    say_and_end(stream, "good");
  } else {
    ask_wrongly(stream);
  }
}

/* ---- Connecting ---- */

static void ask_to_connect(uint32_t index, const uint8_t *bytes, uint32_t length) {
  struct stream *stream = &streams[index];
  struct network_CONNECT connect = {.deadline = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + DEADLINE};
  static char host[128];
  uint32_t colon = 0;
  while (colon < length && colon < sizeof host - 1 && bytes[colon] != ':')
    colon++;
  memcpy(host, bytes, colon);
  for (uint32_t i = colon + 1; i < length && bytes[i] >= '0' && bytes[i] <= '9'; i++)
    connect.port = (uint16_t)(connect.port * 10 + bytes[i] - '0');
  connect.host = host;
  connect.host_length = colon;
  if (!outward || connecting || network_put_CONNECT(&buffer.network, &connect) != SIGNET_OK) {
    say_and_end(stream, "cannot");
    return;
  }
  connecting = index + 1;
  send_on(outward, 27);
}

static void on_outward(void) {
  static char text[] = "failed 00";
  struct stream *stream = &streams[connecting - 1];
  uint32_t error;
  connecting = 0;
  if (buffer.message.tag == NETWORK_CONNECTED) {
    uint32_t made = buffer.message.moved[0].handle;
    stream_new(made);
    say_and_end(stream, "connected");
    return;
  }
  memcpy(&error, buffer.network.data, 4);
  text[sizeof text - 3] = (char)('0' + error / 10);
  text[sizeof text - 2] = (char)('0' + error % 10);
  say_and_end(stream, text);
}

/* ---- What comes ---- */

static void on_bytes(uint32_t index, const uint8_t *bytes, uint32_t length) {
  struct stream *stream = &streams[index];
  if (!stream->mode) {
    stream->mode = bytes[0];
    switch (stream->mode) {
    case 'b':
      ask_write(stream, bytes, length, false);
      return;
    case 'g':
      ask_write_block(stream, block_new(BLOCK), 0, BLOCK);
      return;
    case 'i':
      ask_write(stream, buffer.stream.data, STREAM_INLINE_MOST, false);
      return;
    case 's':
      stream_put_SHUT(&buffer.stream, &(struct stream_SHUT){STREAM_DIRECTION_WRITING});
      send_on(stream->endpoint, 28);
      return;
    case 't':
    case 'u':
    case 'v':
      for (uint32_t i = 1; i < length && bytes[i] >= '0' && bytes[i] <= '9'; i++)
        stream->patience = stream->patience * 10 + bytes[i] - '0';
      ask_write(stream, bytes, 1, stream->mode == 'v');
      return;
    case 'n':
      return;
    case 'x':
      for (uint32_t i = 0; i < STREAMS_MOST; i++)
        if (streams[i].endpoint && streams[i].mode == 'n')
          stream_end(&streams[i]);
      say_and_end(stream, "closed");
      return;
    case 'm':
      say_and_end(stream, blocks_refused ? "refused" : "none");
      return;
    case 'e':
      ask_wrongly(stream);
      return;
    case 'c':
      ask_to_connect(index, bytes + 1, length - 1);
      return;
    }
  }
  if (stream->mode == 's')
    ask_read(stream);
  else
    ask_write(stream, bytes, length, stream->mode != 'w' && stream->mode != 't');
}

/* Patience has ended. */
static void on_late(struct stream *stream) { ask_write(stream, "late;", 5, stream->mode == 'v'); }

static void on_stream(uint32_t index) {
  struct stream *stream = &streams[index];
  struct stream_DATA data = {NULL, 0};
  struct stream_DATA_BLOCK block = {0, {0, 0, 0}};
  struct contract_block same;
  if (stream->ending) {
    stream_end(stream);
    return;
  }
  if (stream->mode == 'e') {
    on_wrong_answer(stream);
    return;
  }
  switch (buffer.message.tag) {
  case STREAM_DATA:
    stream_get_DATA(&buffer.stream, &data);
    on_bytes(index, data.bytes, data.bytes_count);
    return;
  case STREAM_WRITTEN:
    if (stream->mode == 'i')
      ask_write(stream, buffer.stream.data, STREAM_INLINE_MOST, false);
    else if (stream->mode == 'b' || stream->mode == 'u')
      ask_read_block(stream, block_new(stream->mode == 'u' ? BLOCK_SMALL : BLOCK));
    else
      ask_read(stream);
    return;
  case STREAM_DATA_BLOCK:
    stream_get_DATA_BLOCK(&buffer.stream, &block);
    if (block.length) {
      ask_write_block(stream, block.block, 0, block.length);
      return;
    }
    signet_handle_close(block.block.handle);
    say_and_end(stream, "ended");
    return;
  case STREAM_WRITTEN_BLOCK:
    same = (struct contract_block){buffer.message.moved[0].handle, buffer.message.moved[0].offset,
                                   buffer.message.moved[0].length};
    if (stream->mode == 'g')
      ask_write_block(stream, same, 0, BLOCK);
    else
      ask_read_block(stream, same);
    return;
  case STREAM_SHUT_DONE:
    ask_read(stream);
    return;
  case STREAM_ENDED:
    if (stream->mode == 's')
      stream_end(stream);
    else
      say_and_end(stream, "ended");
    return;
  case STREAM_FAILED_BLOCK:
    blocks_refused += buffer.stream.data[0] == STREAM_ERROR_MEMORY;
    signet_handle_close(buffer.message.moved[0].handle);
    if (stream->mode == 'u' && buffer.stream.data[0] == STREAM_ERROR_TIMEOUT)
      on_late(stream);
    else
      stream_end(stream);
    return;
  case STREAM_FAILED:
    if (stream->patience && buffer.stream.data[0] == STREAM_ERROR_TIMEOUT)
      on_late(stream);
    else
      stream_end(stream);
    return;
  default:
    stream_end(stream);
  }
}

static void ask_to_accept(uint32_t index) {
  listener_put_ACCEPT(&buffer.listener);
  send_on(listener_handles[index], 30);
}

/* Everything at once that can be refused; then the two ports, one after the other. */
static void listen_at_both(void) {
  struct network_LISTEN listen = {.port = 1, .backlog = 1, .address = ""};
  for (uint32_t i = 0; i < 6; i++) {
    static const char *const addresses[] = {"", "0.0.0.0", "", "", "", ""};
    static const uint32_t error[] = {NETWORK_ERROR_DENIED, NETWORK_ERROR_DENIED, NETWORK_ERROR_ARGUMENT, 0, 0,
                                     NETWORK_ERROR_IN_USE};
    uint32_t told;
    listen.port = i == 0;
    listen.reserved = i == 2;
    listen.address = addresses[i];
    listen.address_length = (uint32_t)strlen(addresses[i]);
    network_put_LISTEN(&buffer.network, &listen);
    if (signet_channel_call(networks, &buffer.message, &buffer.message, sizeof buffer, SIGNET_NEVER).status !=
        SIGNET_OK)
      fail(31);
    memcpy(&told, buffer.network.data, 4);
    if (error[i] && (buffer.message.tag != NETWORK_FAILED || told != error[i]))
      fail(40 + i);
    if (error[i])
      continue;
    if (buffer.message.tag != NETWORK_LISTENING)
      fail(50 + told);
    listener_handles[i - 3] = buffer.message.moved[0].handle;
    insert(listener_handles[i - 3], KEY_LISTENER, i - 3);
    ask_to_accept(i - 3);
  }
}

void service_main(const struct signet_startup *startup) {
  struct service_startup found;
  if (!service_startup(startup, &found))
    fail(1);
  networks = service_slot_handle(&found, "network");
  outward = service_slot_handle(&found, "outward");
  set = (uint32_t)signet_set_create().value;
  insert(networks, KEY_NETWORK, 0);
  if (outward)
    insert(outward, KEY_OUTWARD, 0);
  listen_at_both();
  for (;;) {
    struct signet_result result = signet_set_receive(set, &buffer.message, sizeof buffer, SIGNET_NEVER);
    uint32_t index = (uint32_t)result.value, kind = (uint32_t)(result.value >> 32);
    if (result.status == SIGNET_CLOSED && kind == KEY_STREAM)
      stream_end(&streams[index]);
    else if (result.status != SIGNET_OK)
      fail(result.status == SIGNET_CLOSED ? 0 : 60 + (uint32_t)result.status);
    else if (kind == KEY_LISTENER) {
      if (buffer.message.tag != LISTENER_ACCEPTED)
        fail(61);
      stream_new(buffer.message.moved[0].handle);
      ask_to_accept(index);
    } else if (kind == KEY_STREAM) {
      on_stream(index);
    } else if (kind == KEY_OUTWARD) {
      on_outward();
    }
  }
}
