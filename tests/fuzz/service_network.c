/* The network service: clients that share a network device, whose connections bring, take and lose what the input says.
 * What comes over a connection is numbered, and what is sent has the sender's mark, so that nobody is given another's.
 */
#include <errno.h>
#include <string.h>

#include <signet/device.h>

#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/stream.h"
#include "contracts/supervision.h"
#include "tests/fuzz/service_play.h"

const unsigned fuzz_count = 5000;

#define CLIENTS 3
#define GRANTED 6
#define LISTENERS 3
#define PORT 8000
static uint32_t network, listener, stream, supervision;
static bool settled;

/* ---- The device ---- */

static struct connection {
  bool open, stands, refused, ended;
  uint16_t generation;
  uint32_t events;
  uint64_t position; /* of what was received */
  uint8_t mark;      /* of who sends over it; 0: nobody has */
} connections[GRANTED];
static uint32_t backlog[LISTENERS], arrived;
static uint16_t generation;

static struct signet_result ok(uint64_t value) { return (struct signet_result){SIGNET_OK, value}; }
static struct signet_result fails(int number) { return (struct signet_result){SIGNET_DEVICE, (uint64_t)number}; }

static uint32_t number_of(const struct connection *connection) {
  return (uint32_t)connection->generation << 16 | (uint32_t)(connection - connections);
}

#define EVERYTHING (SIGNET_NETWORK_READABLE | SIGNET_NETWORK_WRITABLE | SIGNET_NETWORK_ENDED)

static struct connection *connection_new(void) {
  for (struct connection *at = connections; at < connections + GRANTED; at++)
    if (!at->open) {
      *at = (struct connection){.open = true, .generation = ++generation, .events = settled ? EVERYTHING : 0};
      kernel_changed();
      return at;
    }
  return NULL;
}

static struct signet_result wait_for_events(const struct signet_device_request *request) {
  struct signet_network_event *events = kernel_buffer(request);
  uint32_t count = 0, most = request->buffer_length / sizeof *events;
  for (;;) {
    for (uint32_t i = 0; i < LISTENERS && count < most; i++)
      if (arrived & 1u << i) {
        arrived &= ~(1u << i);
        events[count++] = (struct signet_network_event){i, SIGNET_NETWORK_ARRIVED};
      }
    for (struct connection *at = connections; at < connections + GRANTED && count < most; at++)
      if (at->events) {
        events[count++] = (struct signet_network_event){number_of(at), at->events};
        at->events = 0;
      }
    if (count)
      return ok(count);
    kernel_device_wait();
  }
}

static struct signet_result receive(struct connection *from, const struct signet_device_request *request) {
  static const int errors[] = {ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EIO};
  uint8_t *to = kernel_buffer(request), choice = settled ? 0xf0 : fuzz_byte(&kernel_input);
  if (!from->stands)
    fuzz_fail("receives on a connection that does not stand");
  if (choice >= 0xf8)
    return fails(errors[choice % 4]);
  if (choice >= 0xf0 || from->ended) {
    from->ended = true;
    return ok(0);
  }
  if (choice % 3 == 0)
    return fails(EAGAIN);
  uint32_t length = choice % 3 == 1 ? request->buffer_length : 1u + choice;
  if (!request->buffer_length)
    fuzz_fail("a receive of nothing");
  if (length > request->buffer_length)
    length = request->buffer_length;
  for (uint32_t i = 0; i < length; i++)
    to[i] = (uint8_t)(from->position++ * 7 + from->generation * 13u);
  return ok(length);
}

static struct signet_result send_to(struct connection *to, const struct signet_device_request *request) {
  const uint8_t *from = kernel_buffer(request);
  uint8_t choice = settled ? 1 : fuzz_byte(&kernel_input);
  if (!to->stands) {
    if (choice % 4 == 0 && !settled)
      return fails(EAGAIN);
    if (to->refused || choice % 4 == 2)
      return fails(choice & 16 ? ECONNREFUSED : choice & 32 ? ETIMEDOUT : EHOSTUNREACH);
    if (request->buffer_length)
      fuzz_fail("sends before the connection stands");
    to->stands = true;
    return ok(0);
  }
  if (choice >= 0xf8)
    return fails(choice & 1 ? EPIPE : ECONNRESET);
  if (choice % 3 == 0)
    return fails(EAGAIN);
  uint32_t length = choice % 3 == 1 ? request->buffer_length : 1u + choice;
  if (length > request->buffer_length)
    length = request->buffer_length;
  for (uint32_t i = 0; i < length; i++) {
    if (!to->mark)
      to->mark = from[i];
    if (from[i] != to->mark)
      fuzz_fail("a connection over which %#x was sent is sent %#x", to->mark, from[i]);
  }
  return ok(length);
}

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  uint64_t first = request->arguments[0];
  void *buffer = kernel_buffer(request);
  struct connection *connection = &connections[(first & 0xffff) % GRANTED];
  (void)device;
  if (request->operation >= SIGNET_NETWORK_RECEIVE && request->operation <= SIGNET_NETWORK_CLOSE &&
      ((first & 0xffff) >= GRANTED || !connection->open || number_of(connection) != first))
    fuzz_fail("operation %u on the connection %#lx, which is closed", request->operation, first);
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    return ok(SIGNET_DEVICE_NETWORK);
  case SIGNET_NETWORK_STATUS:
    *(struct signet_network_status *)buffer = (struct signet_network_status){LISTENERS, GRANTED, 0, 0};
    return ok(0);
  case SIGNET_NETWORK_LISTENER: {
    struct signet_network_listener place = {.address = {.port = (uint16_t)(PORT + first)}, .text = "127.0.0.1"};
    memcpy(buffer, &place, sizeof place);
    return ok(0);
  }
  case SIGNET_NETWORK_ACCEPT: {
    uint8_t choice = settled ? 1 : fuzz_byte(&kernel_input);
    if (first >= LISTENERS)
      fuzz_fail("accepts at a listener that is not there");
    if (!backlog[first])
      return fails(EAGAIN);
    if (choice >= 0xf0)
      return fails(choice & 1 ? ECONNABORTED : ENOMEM);
    struct connection *accepted = connection_new();
    if (!accepted)
      return fails(ENFILE);
    backlog[first]--;
    accepted->stands = true;
    *(struct signet_network_address *)buffer = (struct signet_network_address){.port = accepted->generation};
    return ok(number_of(accepted));
  }
  case SIGNET_NETWORK_CONNECT: {
    static const int errors[] = {EACCES, ENETUNREACH, EIO, ECONNREFUSED};
    uint8_t choice = settled ? 1 : fuzz_byte(&kernel_input);
    if (request->arguments[1] >= 3)
      return fails(ENOENT);
    if (choice >= 0xe0)
      return fails(errors[choice % 4]);
    struct connection *made = connection_new();
    return made ? ok(number_of(made)) : fails(ENFILE);
  }
  case SIGNET_NETWORK_RECEIVE:
    return receive(connection, request);
  case SIGNET_NETWORK_SEND:
    return send_to(connection, request);
  case SIGNET_NETWORK_SHUT:
    if (!request->arguments[1] || request->arguments[1] > 3)
      fuzz_fail("shuts the direction %lu", request->arguments[1]);
    return !settled && fuzz_byte(&kernel_input) >= 0xf0 ? fails(ENOTCONN) : ok(0);
  case SIGNET_NETWORK_CLOSE:
    connection->open = false;
    return ok(0);
  case SIGNET_NETWORK_WAIT:
    return wait_for_events(request);
  }
  fuzz_fail("operation %u on a network", request->operation);
}

static void act(uint8_t which) {
  uint8_t choice = fuzz_byte(&kernel_input);
  if (which == 0) {
    backlog[choice % LISTENERS] += 1u + (choice >> 4) % 4;
    arrived |= 1u << choice % LISTENERS;
  } else if (which == 1) {
    for (uint32_t i = 0; i < GRANTED; i++)
      connections[i].events |= connections[i].open ? SIGNET_NETWORK_READABLE | SIGNET_NETWORK_WRITABLE : 0;
  } else {
    connections[choice % GRANTED].events |= choice >> 3 & 15; /* also of what is over */
    connections[choice % GRANTED].ended |= choice & 0x20;
  }
  kernel_changed();
}

static void settle(void) {
  for (uint32_t i = 2; !settled && i < kernel_ends_used; i++)
    if (kernel_ends[i].contract == stream && kernel_ends[i].holder == KERNEL_PEER)
      kernel_peer_close(i); /* so that there is room for those who wait */
  settled = true;
  for (uint32_t i = 0; i < LISTENERS; i++)
    arrived |= backlog[i] ? 1u << i : 0;
  for (uint32_t i = 0; i < GRANTED; i++)
    if (connections[i].open)
      connections[i].events |= EVERYTHING;
}

/* ---- The peers ---- */

static struct {
  uint16_t port;
  bool known;
  uint8_t generation;
  uint64_t position;
} heard_at[KERNEL_ENDS_MOST];

static void begin(void) {
  static const char *const slots[] = {"a", "network", "b", "supervision", "c"};
  static const char *const arguments[] = {"network"};
  uint8_t bytes[512];
  uint32_t handles[CLIENTS + 2];
  memset(connections, 0, sizeof connections);
  memset(backlog, 0, sizeof backlog);
  memset(heard_at, 0, sizeof heard_at);
  arrived = generation = 0;
  settled = false;
  kernel_on_device = on_device;
  network = kernel_learn(&network_contract, NETWORK_CONTRACT_LENGTH);
  listener = kernel_learn(&listener_contract, LISTENER_CONTRACT_LENGTH);
  stream = kernel_learn(&stream_contract, STREAM_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  handles[0] = kernel_give(kernel_channel(network, 1) + 1);
  handles[1] = kernel_device(0);
  handles[2] = kernel_give(kernel_channel(network, 2) + 1);
  handles[4] = kernel_give(kernel_channel(network, 3) + 1);
  uint32_t client = kernel_channel(supervision, 0);
  handles[3] = kernel_give(client);
  service_supervisor = client + 1;
  kernel_start(handles, CLIENTS + 2, bytes, service_program(bytes, arguments, 1, slots, CLIENTS + 2));
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  uint32_t contract = kernel_ends[end].contract, length = least;
  uint8_t choice = fuzz_byte(&kernel_input);
  static const uint32_t patience[] = {0, 1, 20, 1000, 17000, UINT32_MAX};
  if (contract == network && tag == NETWORK_CONNECT && choice & 7) {
    struct network_buffer buffer;
    struct network_CONNECT message = {.deadline = choice & 8 ? SIGNET_NEVER : kernel_now + (1ull << (choice & 31)),
                                      .port = choice,
                                      .host = "example.org",
                                      .host_length = 11};
    network_put_CONNECT(&buffer, &message);
    memcpy(data, buffer.data, buffer.message.length);
    return buffer.message.length;
  }
  if (contract == network && tag == NETWORK_LISTEN && choice & 7) {
    struct network_buffer buffer;
    struct network_LISTEN message = {.port = (uint16_t)(PORT + choice % 4), .address = "127.0.0.1"};
    message.address_length = choice & 0x40 ? 9 : 0;
    message.port = choice & 0x80 ? 0 : message.port;
    network_put_LISTEN(&buffer, &message);
    memcpy(data, buffer.data, buffer.message.length);
    return buffer.message.length;
  }
  if (contract != stream)
    return 0;
  if (tag == STREAM_WRITE || tag == STREAM_REPLY)
    length = choice < 8 ? most : least + choice % (most - least);
  memset(data, service_mark(end), length);
  if (tag == STREAM_READ || tag == STREAM_READ_BLOCK || tag == STREAM_REPLY)
    memcpy(data + (tag == STREAM_READ ? 4 : 0), &patience[choice % 6], 4);
  uint32_t number = choice & 0x40 ? (uint32_t)fuzz_number(&kernel_input, 4) : choice & 0x20 ? 4096 : choice & 15;
  if (tag == STREAM_READ || tag == STREAM_SHUT)
    memcpy(data, &number, 4);
  if (tag == STREAM_WRITE_BLOCK) {
    static const uint32_t edges[] = {0, 1, 4096, 0x40000, 0x40001, 0x80000000, 0xfffff000, 0xfffff001, UINT32_MAX};
    uint32_t count = choice & 0x10 ? edges[fuzz_byte(&kernel_input) % 9] : 4096u - (choice & 15);
    memcpy(data, &number, 4);
    memcpy(data + 4, &count, 4);
  }
  return length;
}

/* The next bytes of one connection, and never of another. */
static void came(uint32_t end, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    if (!heard_at[end].known) {
      heard_at[end].known = true;
      heard_at[end].generation = (uint8_t)(bytes[i] * 197u); /* 13 * 197 is 1 modulo 256 */
    }
    if (bytes[i] != (uint8_t)(heard_at[end].position++ * 7 + heard_at[end].generation * 13u))
      fuzz_fail("byte %lu of a connection is lost, changed or another's", heard_at[end].position - 1);
  }
}

static void heard(uint32_t end, const struct kernel_message *message) {
  uint32_t contract = kernel_ends[end].contract, length, told;
  if (contract == network)
    service_counted(message->tag != NETWORK_FAILED);
  if (contract == network && message->tag == NETWORK_LISTENING)
    memcpy(&heard_at[message->moved[0].number].port, message->data, 2);
  if (message->moved_count && message->moved[0].kind == SIGNET_KIND_CLIENT) {
    uint16_t port = heard_at[message->moved[0].number].port;
    memset(&heard_at[message->moved[0].number], 0, sizeof *heard_at);
    heard_at[message->moved[0].number].port = port;
  }
  if (contract != stream)
    return;
  if (message->tag == STREAM_DATA)
    came(end, message->data, message->length);
  if (!message->moved_count)
    return;
  uint8_t *bytes = kernel_block_open(message->moved[0].number, &length);
  memcpy(&told, message->data, 4);
  if (message->tag != STREAM_DATA_BLOCK)
    told = 0;
  if (told > length)
    fuzz_fail("of a block of %u bytes %u were filled", length, told);
  came(end, bytes, told);
  for (uint32_t i = told; i < length; i++)
    if (bytes[i] != service_mark(end))
      fuzz_fail("a block comes back changed, or is another's");
}

/* Who accepts waits, unless somebody has come and there is room for him: in all, and in his share. */
static bool may_stand(uint32_t end) {
  uint32_t open = 0, own = 0;
  if (kernel_ends[end].contract != listener)
    return false;
  for (uint32_t i = 0; i < GRANTED; i++)
    open += connections[i].open;
  for (uint32_t i = 2; i < kernel_ends_used; i++) {
    if (i >= 10 && kernel_ends[i].contract == network && kernel_ends[i].holder)
      return true; /* a client was started again, and what its predecessor has counts as its own */
    own += kernel_ends[i].contract == stream && !(i & 1) && kernel_ends[i].holder == KERNEL_PEER &&
           kernel_ends[i].peer == kernel_ends[end].peer;
  }
  return !backlog[(heard_at[end].port - PORT) % LISTENERS] || own >= GRANTED / CLIENTS || open == GRANTED;
}

static void end(void) {
  for (uint32_t i = 0; i < GRANTED; i++)
    if (connections[i].open)
      fuzz_fail("all are gone, and connection %u is open", i);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .act = act,
                                               .compose = compose,
                                               .heard = heard,
                                               .settle = settle,
                                               .may_stand = may_stand,
                                               .end = end,
                                               .sets_held = 1};
  service_play(&target, bytes, length);
  return 0;
}
