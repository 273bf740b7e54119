/* The web server as a sealed process: connections are streams that the network service hands over, and everything it
 * waits for is in one set. `web --root DIRECTORY`; the manifest says what it is joined to. One thread. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/program.h>
#include <signet/supervised.h>

#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/stream.h"
#include "lib/scarcity.h"

#include "apps/web/sealed.h"
#include "apps/web/web.h"

#define BACKLOG 4096u
#define KEPT_MOST 64u /* blocks that are not in use and not given back */
#define ACCEPT_PAUSE (SECOND / 10)
#define TROUBLE_MOST 10000u /* receives in a row that fail for want of room */

struct sealed {
  struct connection connection; /* first: the core's pointer is ours */
  uint32_t handle;
  uint32_t asked; /* the state that the stream is in: enum stream_state */
  bool patient;   /* a READ ends by itself, with TIMEOUT; REPLY has no patience: nobody is told when it ends */
};

static struct stream_buffer output, request_buffer;
static struct sealed_buffer input;
static uint32_t set;
static uint64_t now;
static struct network_client_READY network;
static uint32_t listener;
static bool accepting;        /* ACCEPT is under way */
static uint64_t accept_after; /* the network said that there are too many */
static uint16_t port;
static struct signet_supervised supervised;
static uint32_t slot_network, slot_files, slot_extension, slot_observation;
static uint64_t stop_at;

_Noreturn void sealed_fail(const char *what, int64_t status) {
  fprintf(stderr, "web: %s (status %lld); ends, to be started again\n", what, (long long)status);
  exit(1);
}

void sealed_insert(uint32_t endpoint, uint64_t key) {
  struct signet_result result = signet_set_insert(set, endpoint, key);
  if (result.status != SIGNET_OK)
    sealed_fail("an endpoint cannot be waited for", result.status);
}

uint64_t transport_now(void) { return now; }
uint64_t transport_time(void) { return signet_clock_read(SIGNET_CLOCK_REALTIME).value; }
bool transport_can_interrupt_read(void) { return false; }
uint8_t *transport_room(void) { return stream_place_of_REPLY_bytes(&output); }

/* ---- Streams ---- */

static void sent(int64_t status) {
  if (status != SIGNET_OK)
    sealed_fail("a stream refuses what is sent", status);
}

/* Milliseconds until then as the contract has them: not fewer. */
static uint32_t patience_until(uint64_t until) {
  if (until == UINT64_MAX)
    return 0;
  return until > now ? (uint32_t)((until - now + MILLISECOND - 1) / MILLISECOND) : 1;
}

void transport_read(struct connection *connection, uint64_t until) {
  struct sealed *sealed = (struct sealed *)connection;
  struct stream_client_READY end = {sealed->handle};
  struct stream_client_READ_ASKED next;
  struct stream_READ message = {.most = STREAM_INLINE_MOST, .patience = patience_until(until)};
  sent(stream_send_READ(&end, &next, &message, &request_buffer));
  sealed->asked = STREAM_STATE_READ_ASKED;
  sealed->patient = message.patience != 0;
}

void transport_write(struct connection *connection, uint32_t length) {
  struct sealed *sealed = (struct sealed *)connection;
  struct stream_client_READY end = {sealed->handle};
  struct stream_client_WRITE_ASKED next;
  struct stream_WRITE message = {.bytes = transport_room(), .bytes_count = length};
  sent(stream_send_WRITE(&end, &next, &message, &request_buffer));
  sealed->asked = STREAM_STATE_WRITE_ASKED;
}

void transport_reply(struct connection *connection, uint32_t length) {
  struct sealed *sealed = (struct sealed *)connection;
  struct stream_client_READY end = {sealed->handle};
  struct stream_client_REPLY_ASKED next;
  struct stream_REPLY message = {.bytes = transport_room(), .bytes_count = length};
  sent(stream_send_REPLY(&end, &next, &message, &output));
  sealed->asked = STREAM_STATE_REPLY_ASKED;
  sealed->patient = false;
}

void transport_write_block(struct connection *connection, struct block block, uint32_t offset, uint32_t length) {
  struct sealed *sealed = (struct sealed *)connection;
  struct stream_client_READY end = {sealed->handle};
  struct stream_client_WRITE_BLOCK_ASKED next;
  struct stream_WRITE_BLOCK message = {.offset = offset, .length = length, .block = {.handle = block.handle}};
  sent(stream_send_WRITE_BLOCK(&end, &next, &message, &request_buffer));
  sealed->asked = STREAM_STATE_WRITE_BLOCK_ASKED;
}

void transport_shut(struct connection *connection) {
  struct sealed *sealed = (struct sealed *)connection;
  struct stream_client_READY end = {sealed->handle};
  struct stream_client_SHUT_ASKED next;
  struct stream_SHUT message = {.direction = STREAM_DIRECTION_WRITING};
  sent(stream_send_SHUT(&end, &next, &message, &request_buffer));
  sealed->asked = STREAM_STATE_SHUT_ASKED;
}

void transport_close(struct connection *connection) {
  struct sealed *sealed = (struct sealed *)connection;
  signet_handle_close(sealed->handle);
  free(sealed);
}

bool transport_block_take(struct block *block) {
  struct signet_result result = signet_block_allocate(BLOCK_MOST);
  *block = (struct block){.handle = (uint32_t)result.value, .bytes = (uint8_t *)(uintptr_t)(result.value >> 32)};
  return result.status == SIGNET_OK;
}

void transport_block_give(struct block block) { signet_handle_close(block.handle); }

static void block_came(struct sealed *sealed, const struct contract_block *from, uint32_t length, bool refused) {
  struct block block = sealed_block(from);
  sealed->asked = STREAM_STATE_READY;
  if (refused)
    connection_block_refused(&sealed->connection, block);
  else
    connection_block_written(&sealed->connection, block, length);
}

/* What a READ and a REPLY are answered with is the same. */
static void bytes_came(struct sealed *sealed, struct stream_buffer *buffer) {
  struct stream_client_REPLY_ASKED end = {sealed->handle};
  struct stream_client_REPLY_ASKED_received received;
  if (stream_took_REPLY_ASKED(&end, &received, buffer) != SIGNET_OK)
    sealed_fail("the network service breaks its contract", SIGNET_CONTRACT);
  sealed->asked = STREAM_STATE_READY;
  switch (received.tag) {
  case STREAM_DATA:
    connection_received(&sealed->connection, received.DATA.message.bytes, received.DATA.message.bytes_count);
    return;
  case STREAM_ENDED:
    connection_ended(&sealed->connection);
    return;
  default:
    if (received.FAILED.message.error == STREAM_ERROR_TIMEOUT && sealed->patient)
      connection_read_over(&sealed->connection);
    else
      connection_failed(&sealed->connection);
  }
}

static void write_came(struct sealed *sealed, struct stream_buffer *buffer) {
  struct stream_client_WRITE_ASKED end = {sealed->handle};
  struct stream_client_WRITE_ASKED_received received;
  if (stream_took_WRITE_ASKED(&end, &received, buffer) != SIGNET_OK)
    sealed_fail("the network service breaks its contract", SIGNET_CONTRACT);
  sealed->asked = STREAM_STATE_READY;
  /* Fewer bytes than were given mean that the other side takes no more. */
  if (received.tag == STREAM_WRITTEN)
    connection_written(&sealed->connection);
  else
    connection_failed(&sealed->connection);
}

static void write_block_came(struct sealed *sealed, struct stream_buffer *buffer) {
  struct stream_client_WRITE_BLOCK_ASKED end = {sealed->handle};
  struct stream_client_WRITE_BLOCK_ASKED_received received;
  if (stream_took_WRITE_BLOCK_ASKED(&end, &received, buffer) != SIGNET_OK)
    sealed_fail("the network service breaks its contract", SIGNET_CONTRACT);
  if (received.tag == STREAM_WRITTEN_BLOCK)
    block_came(sealed, &received.WRITTEN_BLOCK.message.block, received.WRITTEN_BLOCK.message.length, false);
  else
    block_came(sealed, &received.FAILED_BLOCK.message.block, 0,
               received.FAILED_BLOCK.message.error == STREAM_ERROR_MEMORY);
}

static void shut_came(struct sealed *sealed, struct stream_buffer *buffer) {
  struct stream_client_SHUT_ASKED end = {sealed->handle};
  struct stream_client_SHUT_ASKED_received received;
  if (stream_took_SHUT_ASKED(&end, &received, buffer) != SIGNET_OK)
    sealed_fail("the network service breaks its contract", SIGNET_CONTRACT);
  sealed->asked = STREAM_STATE_READY;
  if (received.tag == STREAM_SHUT_DONE)
    connection_written(&sealed->connection);
  else
    connection_failed(&sealed->connection);
}

static void stream_came(struct sealed *sealed) {
  struct stream_buffer *buffer = (struct stream_buffer *)(void *)&input;
  switch (sealed->asked) {
  case STREAM_STATE_READ_ASKED:
  case STREAM_STATE_REPLY_ASKED:
    bytes_came(sealed, buffer);
    return;
  case STREAM_STATE_WRITE_ASKED:
    write_came(sealed, buffer);
    return;
  case STREAM_STATE_WRITE_BLOCK_ASKED:
    write_block_came(sealed, buffer);
    return;
  case STREAM_STATE_SHUT_ASKED:
    shut_came(sealed, buffer);
    return;
  }
  sealed_fail("a stream says something unasked", SIGNET_CONTRACT);
}

/* ---- The listener ---- */

static void accept_next(void) {
  if (accepting || !listener || stop_at || now < accept_after || !server_has_room())
    return;
  struct listener_buffer buffer;
  struct listener_client_READY end = {listener};
  struct listener_client_ACCEPT_ASKED next;
  sent(listener_send_ACCEPT(&end, &next, &buffer));
  accepting = true;
}

static void accept_came(void) {
  struct listener_client_ACCEPT_ASKED end = {listener};
  struct listener_client_ACCEPT_ASKED_received received;
  accepting = false;
  if (listener_took_ACCEPT_ASKED(&end, &received, (struct listener_buffer *)(void *)&input) != SIGNET_OK)
    sealed_fail("the network service breaks its contract", SIGNET_CONTRACT);
  if (received.tag == LISTENER_ACCEPTED) {
    uint32_t handle = received.ACCEPTED.message.stream.handle;
    struct sealed *sealed = malloc(sizeof *sealed);
    if (sealed) {
      *sealed = (struct sealed){.handle = handle};
      sealed_insert(handle, (uintptr_t)sealed);
      connection_opened(&sealed->connection);
    } else {
      signet_handle_close(handle);
    }
  } else {
    accept_after = now + ACCEPT_PAUSE;
  }
  accept_next();
}

/* Listens at the port of the manifest; why not, otherwise. *status: CLOSED where the service has ended, STATE where it
 * refuses and will again, MEMORY and others where trying again may help. */
static const char *listen_begin(int64_t *status) {
  struct network_buffer buffer;
  struct network_client_LISTEN_ASKED waiting;
  struct network_client_LISTEN_ASKED_received received;
  struct network_LISTEN message = {.port = port, .backlog = BACKLOG, .address = "", .address_length = 0};
  *status = network_call_LISTEN(&network, &waiting, &message, &received, &buffer, SIGNET_NEVER);
  if (*status == SIGNET_CLOSED) {
    signet_handle_close(waiting.handle); /* it comes back over another */
    return "the network service has ended";
  }
  if (*status != SIGNET_OK)
    return "no answer of the network service can be taken in";
  if (received.tag != NETWORK_LISTENING) {
    network = received.FAILED.next;
    /* What has no room may have none of the host's memory. */
    *status = received.FAILED.message.error == NETWORK_ERROR_LIMIT ? SIGNET_MEMORY : SIGNET_STATE;
    return network_error_text(received.FAILED.message.error);
  }
  network = received.LISTENING.next;
  port = received.LISTENING.message.port;
  listener = received.LISTENING.message.listener.handle;
  sealed_insert(listener, KEY_LISTENER);
  accept_next();
  return NULL;
}

static void listener_closed(void) {
  if (listener)
    signet_handle_close(listener);
  listener = 0;
  accepting = false;
}

/* ---- The supervisor ---- */

static void service_back(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts) {
  (void)context, (void)restarts;
  if (slot == slot_network) {
    listener_closed();
    if (network.handle)
      signet_handle_close(network.handle);
    network.handle = 0;
    if (network_adopt_client_READY(endpoint, &network) != SIGNET_OK)
      sealed_fail("what came back is no network", SIGNET_CONTRACT);
    int64_t status;
    const char *why = listen_begin(&status);
    if (why && status != SIGNET_CLOSED) /* a service that has ended comes back, or this process is told otherwise */
      sealed_fail(why, status);
  } else if (slot == slot_files) {
    sealed_files_begin(endpoint);
    storage_back();
  } else if (slot == slot_extension) {
    sealed_extension_begin(endpoint);
  } else if (slot == slot_observation) {
    sealed_observation_begin(endpoint);
  } else if (!signet_slot_renew(slot, endpoint)) {
    signet_handle_close(endpoint);
  }
}

static void service_given_up(void *context, uint32_t slot, const char *why) {
  (void)context;
  if (slot == slot_extension)
    sealed_extension_given_up();
  else
    fprintf(stderr, "web: a service it needs will not come back: %s\n", why);
}

static void stop(void *context, uint64_t deadline) {
  (void)context;
  stop_at = deadline > SECOND / 5 ? deadline - SECOND / 5 : 1;
  listener_closed();
  server_stop();
}

static const struct signet_supervised_calls calls = {
    .service_back = service_back, .service_given_up = service_given_up, .stop = stop};

/* ---- The loop ---- */

static void heard(uint64_t key) {
  switch (key) {
  case KEY_SUPERVISION:
    signet_supervised_handle(&supervised, &input.message);
    return;
  case KEY_LISTENER:
    accept_came();
    return;
  case KEY_EXTENSION:
    sealed_extension_heard(&input);
    return;
  case KEY_OBSERVATION:
    sealed_observation_heard(&input);
    return;
  default:
    stream_came((struct sealed *)(uintptr_t)key);
  }
}

static void closed(uint64_t key) {
  switch (key) {
  case KEY_SUPERVISION:
    signet_supervised_handle(&supervised, NULL);
    return;
  case KEY_LISTENER:
    listener_closed();
    return;
  case KEY_EXTENSION:
    sealed_extension_closed();
    return;
  case KEY_OBSERVATION:
    sealed_observation_closed();
    return;
  default:
    connection_failed(&((struct sealed *)(uintptr_t)key)->connection);
  }
}

static void run(void) {
  uint32_t trouble = 0;
  for (;;) {
    if (stop_at && (server_is_idle() || now >= stop_at))
      signet_supervised_stopped(&supervised);
    uint64_t deadline = server_next_deadline();
    if (stop_at && stop_at < deadline)
      deadline = stop_at;
    if (!accepting && now < accept_after && accept_after < deadline)
      deadline = accept_after;
    struct signet_result result = signet_set_receive(set, &input.message, sizeof input, deadline);
    now = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    switch (result.status) {
    case SIGNET_OK:
      heard(result.value);
      trouble = 0;
      break;
    case SIGNET_CLOSED:
      closed(result.value);
      break;
    case SIGNET_TIMEOUT:
    case SIGNET_INTERRUPTED:
      break;
    case SIGNET_MEMORY:
      scarcity_wait();
      break;
    default: /* what came with a message found no room */
      if (++trouble > TROUBLE_MOST)
        sealed_fail("no message can be taken in", result.status);
      signet_thread_yield();
    }
    if (deadline <= now)
      server_expire();
    server_continue();
    accept_next();
  }
}

static const char help[] =
    "Usage: web --root DIRECTORY [--port PORT] [--hurry N]\n"
    "The web server of a system of sealed processes: see apps/web/web.yaml. Without a port, the\n"
    "first that the network service was granted. --hurry makes all deadlines N times as short, for tests.\n";

int main(int count, char **arguments) {
  static const struct option options[] = {{"root", required_argument, 0, 'r'},
                                          {"port", required_argument, 0, 'p'},
                                          {"hurry", required_argument, 0, 'q'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
  const char *root = NULL;
  unsigned hurry = 1;
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    if (option == 'h' || option == '?') {
      fputs(help, option == 'h' ? stdout : stderr);
      return option == 'h' ? 0 : 2;
    }
    if (option == 'r')
      root = optarg;
    else if (option == 'q')
      hurry = (unsigned)atoi(optarg);
    else
      port = (uint16_t)atoi(optarg);
  }
  if (!root || optind != count) {
    fputs(help, stderr);
    return 2;
  }
  server_root = root;
  slot_network = signet_slot_number("network");
  slot_files = signet_slot_number("files");
  slot_extension = signet_slot_number("extension");
  slot_observation = signet_slot_number("observation");
  struct signet_result result = signet_set_create();
  if (result.status != SIGNET_OK)
    sealed_fail("there is no set", result.status);
  set = (uint32_t)result.value;
  now = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
  server_begin(hurry);
  sealed_files_begin(signet_slot("files"));
  sealed_extension_begin(signet_slot("extension"));
  sealed_observation_begin(signet_slot("observation"));
  const char *why = "it has no network";
  int64_t status = SIGNET_CLOSED;
  if (network_adopt_client_READY(signet_slot("network"), &network) == SIGNET_OK)
    why = listen_begin(&status);
  if (why) {
    fprintf(stderr, "web: cannot listen: %s\n", why);
    /* A network service that has just ended comes back, and this process is started again then. */
    if (status == SIGNET_STATE)
      signet_supervised_refuse(signet_slot("supervision"), why);
    return 1;
  }
  uint32_t supervision = signet_slot("supervision");
  signet_supervised_begin(&supervised, supervision, &calls, NULL);
  if (supervision)
    sealed_insert(supervision, KEY_SUPERVISION);
  run();
}
