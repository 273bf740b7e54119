/* Clients of the network service and their listeners: contracts/network.contract and listener.contract. A listener is
 * one of the device's, which somebody listens at or nobody does; connections wait at it either way. */
#include <errno.h>
#include <string.h>

#include <signet/calls.h>

#include "services/network.h"

#define LISTENERS_MOST 64
#define ACCEPTS_AT_ONCE 16 /* that may fail for reasons of their own */

struct client {
  uint32_t endpoint; /* 0: there is none */
  uint32_t number;   /* of the connection that is being made for it, or 0 */
  uint32_t attempt;  /* at which of the host's addresses */
  uint32_t error;    /* why the last failed */
  uint32_t open;     /* connections that are its own; they may outlive it */
  uint64_t deadline;
  uint16_t port;
  char host[NETWORK_HOST_MOST + 1];
};

struct listener {
  struct signet_network_listener place;
  uint32_t endpoint; /* 0: nobody listens */
  uint32_t slot;     /* of the client that listens */
  bool accepting;
  bool arrived; /* somebody may be waiting to be accepted */
};

static struct client clients[SIGNET_SLOTS_MOST];
static struct listener listeners[LISTENERS_MOST];
static uint32_t client_count; /* start-up slots that are one's */
static bool full;             /* somebody could not be accepted, for as long as there are so many */

bool network_listen_begin(void) {
  if (network.listeners > LISTENERS_MOST)
    return false;
  for (uint32_t i = 0; i < network.listeners; i++)
    if (network_ask(SIGNET_NETWORK_LISTENER, i, 0, &listeners[i].place, sizeof listeners[i].place).status != SIGNET_OK)
      return false;
  return true;
}

bool network_clients_any(void) {
  for (uint32_t i = 0; i < SIGNET_SLOTS_MOST; i++)
    if (clients[i].endpoint)
      return true;
  for (uint32_t i = 0; i < network.listeners; i++)
    if (listeners[i].endpoint)
      return true;
  return false;
}

void network_client_count(uint32_t slot, int more) { clients[slot].open += (uint32_t)more; }

static bool may_open(const struct client *client) {
  uint32_t share = network.streams / (client_count ? client_count : 1);
  return client->open < (share ? share : 1);
}

static void fail(struct client *client, union network_message *message, uint32_t error) {
  network_put_FAILED(&message->network, &(struct network_FAILED){error});
  signet_channel_send(client->endpoint, &message->message);
}

/* ---- Connecting ---- */

static uint32_t error_of(uint64_t value) {
  switch (value) {
  case EACCES:
    return NETWORK_ERROR_DENIED;
  case ENFILE:
    return NETWORK_ERROR_LIMIT;
  case ECONNREFUSED:
    return NETWORK_ERROR_REFUSED;
  case EHOSTUNREACH:
  case ENETUNREACH:
    return NETWORK_ERROR_UNREACHABLE;
  case ETIMEDOUT:
    return NETWORK_ERROR_TIMEOUT;
  default:
    return NETWORK_ERROR_NETWORK;
  }
}

/* Begins with the next of the host's addresses that can be tried. */
static void connect_next(uint32_t slot, union network_message *message) {
  struct client *client = &clients[slot];
  for (;; client->attempt++) {
    struct signet_device_request request = {.operation = SIGNET_NETWORK_CONNECT,
                                            .text_offset = (uint32_t)(uintptr_t)client->host,
                                            .text_length = (uint32_t)strlen(client->host),
                                            .arguments = {client->port, client->attempt}};
    struct signet_result result = signet_device_request(network.device, &request);
    if (result.status == SIGNET_OK) {
      client->number = (uint32_t)result.value;
      network_stream_making(client->number, slot);
      return;
    }
    uint64_t reason = result.status == SIGNET_DEVICE ? result.value : EIO;
    if (reason == ENOENT) /* There are no more. */
      break;
    client->error = error_of(reason);
    if (reason == EACCES || reason == ENFILE)
      break;
  }
  fail(client, message, client->error);
}

static void ask_to_connect(uint32_t slot, union network_message *message) {
  struct client *client = &clients[slot];
  struct network_CONNECT asked;
  if (!network_get_CONNECT(&message->network, &asked) || asked.host_length > NETWORK_HOST_MOST) {
    fail(client, message, NETWORK_ERROR_ARGUMENT);
    return;
  }
  if (!may_open(client)) {
    fail(client, message, NETWORK_ERROR_LIMIT);
    return;
  }
  client->attempt = 0;
  client->error = NETWORK_ERROR_NETWORK;
  client->deadline = asked.deadline;
  client->port = asked.port;
  memcpy(client->host, asked.host, asked.host_length);
  client->host[asked.host_length] = 0;
  connect_next(slot, message);
}

void network_client_connected(uint32_t slot, union network_message *message) {
  struct client *client = &clients[slot];
  struct signet_result result = network_ask(SIGNET_NETWORK_SEND, client->number, 0, NULL, 0);
  uint32_t number = client->number;
  if (result.status == SIGNET_DEVICE && result.value == EAGAIN)
    return;
  client->number = 0;
  if (result.status != SIGNET_OK) {
    network_stream_drop(number);
    client->error = error_of(result.status == SIGNET_DEVICE ? result.value : EIO);
    client->attempt++;
    connect_next(slot, message);
    return;
  }
  struct network_CONNECTED connected = {.stream = {network_stream_made(number)}};
  if (!connected.stream.handle) {
    fail(client, message, NETWORK_ERROR_LIMIT);
    return;
  }
  network_put_CONNECTED(&message->network, &connected);
  signet_channel_send(client->endpoint, &message->message);
}

uint64_t network_client_deadline(void) {
  uint64_t first = SIGNET_NEVER;
  for (uint32_t i = 0; i < SIGNET_SLOTS_MOST; i++)
    if (clients[i].number && clients[i].deadline < first)
      first = clients[i].deadline;
  return first;
}

void network_client_expire(union network_message *message) {
  uint64_t now = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
  for (uint32_t i = 0; i < SIGNET_SLOTS_MOST; i++) {
    struct client *client = &clients[i];
    if (!client->number || client->deadline > now)
      continue;
    network_stream_drop(client->number);
    client->number = 0;
    fail(client, message, NETWORK_ERROR_TIMEOUT);
  }
}

/* ---- Listening ---- */

static bool in_use(struct listener *listener) {
  struct signet_handle_information information;
  if (!listener->endpoint)
    return false;
  /* Who listened may be gone, and this not be heard yet. */
  if (signet_handle_query(listener->endpoint, &information).status == SIGNET_OK && !information.peer_closed)
    return true;
  network_listener_closed((uint32_t)(listener - listeners));
  return false;
}

/* A listener that is granted and free; NULL with the reason. */
static struct listener *choose(const struct network_LISTEN *asked, uint32_t *error) {
  *error = NETWORK_ERROR_DENIED;
  for (uint32_t i = 0; i < network.listeners; i++) {
    const struct signet_network_listener *place = &listeners[i].place;
    bool here = asked->address_length == 0 || (strlen(place->text) == asked->address_length &&
                                               memcmp(place->text, asked->address, asked->address_length) == 0);
    if (!here || (asked->port && asked->port != place->address.port))
      continue;
    if (!in_use(&listeners[i]))
      return &listeners[i];
    *error = NETWORK_ERROR_IN_USE;
  }
  return NULL;
}

static void ask_to_listen(struct client *client, union network_message *message) {
  struct network_LISTEN asked;
  uint32_t error;
  if (!network_get_LISTEN(&message->network, &asked) || asked.reserved) {
    fail(client, message, NETWORK_ERROR_ARGUMENT);
    return;
  }
  struct listener *listener = choose(&asked, &error);
  if (!listener) {
    fail(client, message, error);
    return;
  }
  struct network_LISTENING listening = {.port = listener->place.address.port};
  listening.listener.handle =
      network_channel(&listener_contract, LISTENER_CONTRACT_LENGTH,
                      network_key(NETWORK_KEY_LISTENER, (uint32_t)(listener - listeners)), &listener->endpoint);
  if (!listening.listener.handle) {
    fail(client, message, NETWORK_ERROR_LIMIT);
    return;
  }
  listener->slot = (uint32_t)(client - clients);
  listener->accepting = false;
  listener->arrived = true;
  network_put_LISTENING(&message->network, &listening);
  signet_channel_send(client->endpoint, &message->message);
}

/* The connection, and from where it comes; 0: it has to wait for one. */
static uint32_t next_connection(struct listener *listener, struct signet_network_address *from) {
  if (listener->arrived && !may_open(&clients[listener->slot])) {
    full = true;
    return 0;
  }
  for (uint32_t tries = 0; listener->arrived && tries < ACCEPTS_AT_ONCE; tries++) {
    struct signet_result result =
        network_ask(SIGNET_NETWORK_ACCEPT, (uint64_t)(listener - listeners), 0, from, sizeof *from);
    if (result.status == SIGNET_OK)
      return (uint32_t)result.value;
    switch (result.status == SIGNET_DEVICE ? result.value : EIO) {
    case EAGAIN:
      listener->arrived = false;
      break;
    case ENFILE:
    case EMFILE:
    case ENOBUFS:
    case ENOMEM:
      full = network.scarce = true;
      return 0;
    default: /* It is gone before it was accepted, or the like. */
      break;
    }
  }
  return 0;
}

static void try_to_accept(struct listener *listener, union network_message *message) {
  struct signet_network_address from;
  struct listener_ACCEPTED accepted;
  uint32_t number = next_connection(listener, &from);
  if (!number)
    return;
  listener->accepting = false;
  accepted.stream.handle = network_stream_new(number, listener->slot);
  if (!accepted.stream.handle) {
    listener_put_FAILED(&message->listener, &(struct listener_FAILED){LISTENER_ERROR_LIMIT});
  } else {
    _Static_assert(sizeof accepted.from == sizeof from, "one is written as the other");
    memcpy(&accepted.from, &from, sizeof from);
    listener_put_ACCEPTED(&message->listener, &accepted);
  }
  signet_channel_send(listener->endpoint, &message->message);
}

void network_listener_request(uint32_t index, union network_message *message) {
  struct listener *listener = &listeners[index];
  listener->accepting = true;
  try_to_accept(listener, message);
}

void network_listener_arrived(uint32_t index, union network_message *message) {
  if (index >= network.listeners)
    return;
  listeners[index].arrived = true;
  if (listeners[index].accepting)
    try_to_accept(&listeners[index], message);
}

void network_listeners_resume(union network_message *message) {
  if (!full || !network.freed)
    return;
  full = network.freed = false;
  for (uint32_t i = 0; i < network.listeners; i++)
    if (listeners[i].accepting)
      try_to_accept(&listeners[i], message);
}

void network_listener_closed(uint32_t index) {
  signet_handle_close(listeners[index].endpoint);
  listeners[index].endpoint = 0;
  listeners[index].accepting = false;
}

/* ---- Clients ---- */

void network_client_closed(uint32_t slot) {
  struct client *client = &clients[slot];
  if (client->number)
    network_stream_drop(client->number);
  if (client->endpoint)
    signet_handle_close(client->endpoint);
  client->endpoint = client->number = 0;
}

int64_t network_client_add(uint32_t slot, uint32_t endpoint) {
  struct network_server_READY end;
  int64_t status = network_adopt_server_READY(endpoint, &end);
  if (status != SIGNET_OK)
    return status;
  client_count++;
  clients[slot].endpoint = endpoint;
  return signet_set_insert(network.set, endpoint, network_key(NETWORK_KEY_CLIENT, slot)).status;
}

uint32_t network_client_new(uint32_t slot) {
  if (slot >= SIGNET_SLOTS_MOST)
    return 0;
  network_client_closed(slot);
  return network_channel(&network_contract, NETWORK_CONTRACT_LENGTH, network_key(NETWORK_KEY_CLIENT, slot),
                         &clients[slot].endpoint);
}

void network_client_request(uint32_t slot, union network_message *message) {
  if (message->message.tag == NETWORK_LISTEN)
    ask_to_listen(&clients[slot], message);
  else if (message->message.tag == NETWORK_CONNECT)
    ask_to_connect(slot, message);
}
