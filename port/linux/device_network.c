/* Owns network devices: the sockets that a manifest grants. Listening ones are made here, before the seal; after it
 * connections are accepted, and made to the addresses that were named. Called by the process that holds the device, on
 * its processor, without the kernel lock; reset when nobody holds it; events come with the poller's lock. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <signet/device.h>

#include "port/linux/linux.h"

#define LISTENERS_MOST 64u
#define GRANTS_MOST 256u
#define CONNECTIONS_MOST 65535u
#define BACKLOG 4096
#define EVENTS_MOST 128u
#define BYTES_MOST (1u << 20)       /* in one request */
#define DESCRIPTORS_BESIDE 256u     /* that the host program needs besides connections */
#define SILENCE_SECONDS 60          /* after which the other side is asked whether it is there, */
#define ASKED_AGAIN_SECONDS 15      /* and again, */
#define ASKED_TIMES 4               /* until it is held to be gone */
#define UNHEARD_MILLISECONDS 120000 /* the same for bytes whose arrival it does not confirm */
#define LISTENER (1u << 31)         /* a listener's number among the poller's */
#define NONE UINT32_MAX

/* The process knows it by its index and, above it, the generation. */
struct connection {
  int descriptor; /* -1: free */
  uint16_t generation;
  uint16_t events; /* SIGNET_NETWORK_*, not told yet */
  uint32_t next_free;
  uint32_t next; /* of those with events, while it is among them */
  bool listed;
};

struct grant {
  char host[256];
  struct sockaddr_storage address;
};

struct network_device {
  struct port_device device;
  struct linux_source source;
  uint32_t listeners, grants, capacity, open, free;
  int listener[LISTENERS_MOST];
  struct signet_network_listener place[LISTENERS_MOST];
  struct grant *grant;

  _Atomic uint32_t mutex; /* for what is below, and the events of connections */
  void *waiter;           /* a ticket, or NULL */
  uint64_t arrived;       /* bits of listeners */
  uint32_t first, last;   /* of the connections with events */
  struct connection connection[];
};

static const struct signet_result bad_address = {SIGNET_ADDRESS, 0};

static struct signet_result done(int64_t value) {
  if (value >= 0)
    return (struct signet_result){SIGNET_OK, (uint64_t)value};
  return errno == EFAULT ? bad_address : linux_device_error(errno);
}

static uint32_t number_of(const struct network_device *network, uint32_t index) {
  return (uint32_t)network->connection[index].generation << 16 | index;
}

static struct connection *find(struct network_device *network, uint64_t number) {
  uint32_t index = number & 0xffff;
  if (number > UINT32_MAX || index >= network->capacity)
    return NULL;
  struct connection *connection = &network->connection[index];
  return connection->descriptor >= 0 && connection->generation == number >> 16 ? connection : NULL;
}

static void take_address(struct signet_network_address *to, const struct sockaddr_storage *from) {
  *to = (struct signet_network_address){{0}, 0, {0}};
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    to->bytes[10] = to->bytes[11] = 0xff;
    memcpy(to->bytes + 12, &four->sin_addr, 4);
    to->port = ntohs(four->sin_port);
  } else if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
    memcpy(to->bytes, &six->sin6_addr, 16);
    to->port = ntohs(six->sin6_port);
  }
}

static bool give(const struct port_request *request, const void *bytes, size_t length) {
  return port_copy_out(request->window, request->buffer_offset, bytes, length);
}

/* ---- Connections ---- */

static const uint32_t watched = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
static const uint32_t listened = EPOLLIN | EPOLLET;

/* Takes the descriptor over, which then has the number; its closing ends all that the poller knows of it. */
static struct signet_result connection_new(struct network_device *network, int descriptor) {
  uint32_t index = network->free;
  struct connection *connection = &network->connection[index];
  network->free = connection->next_free;
  network->open++;
  connection->descriptor = descriptor;
  if (linux_poller_watch(&network->source, descriptor, number_of(network, index), watched))
    return done(number_of(network, index));
  struct signet_result failed = done(-1);
  connection->descriptor = -1;
  network->open--;
  network->free = index;
  close(descriptor);
  return failed;
}

static void connection_close(struct network_device *network, struct connection *connection) {
  close(connection->descriptor);
  linux_mutex_lock(&network->mutex);
  connection->descriptor = -1;
  connection->events = 0;
  connection->generation = connection->generation == UINT16_MAX ? 1 : connection->generation + 1;
  linux_mutex_unlock(&network->mutex);
  connection->next_free = network->free;
  network->free = (uint32_t)(connection - network->connection);
  network->open--;
}

static struct signet_result accept_one(struct network_device *network, const struct port_request *request) {
  struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
  socklen_t length = sizeof from;
  struct signet_network_address address = {{0}, 0, {0}};
  bool wanted = request->buffer_length >= sizeof address;
  if (request->arguments[0] >= network->listeners)
    return linux_device_error(ENOENT);
  if (network->free == NONE)
    return linux_device_error(ENFILE);
  if (wanted && !give(request, &address, sizeof address))
    return bad_address;
  int listener = network->listener[request->arguments[0]];
  int descriptor = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct signet_result result = descriptor < 0 ? done(-1) : connection_new(network, descriptor);
  /* Who else waits is told of once more: the host does so only when yet another comes. */
  if (result.status != SIGNET_OK && result.value != EAGAIN)
    linux_poller_again(&network->source, listener, LISTENER | (uint32_t)request->arguments[0], listened);
  if (wanted && result.status == SIGNET_OK) {
    take_address(&address, &from);
    give(request, &address, sizeof address);
  }
  return result;
}

static const struct grant *granted(const struct network_device *network, const struct port_request *request) {
  uint64_t at = request->arguments[1];
  bool known = false;
  for (uint32_t i = 0; i < network->grants; i++) {
    struct signet_network_address address;
    take_address(&address, &network->grant[i].address);
    if (address.port != request->arguments[0] || strcmp(network->grant[i].host, request->text) != 0)
      continue;
    known = true;
    if (at-- == 0)
      return &network->grant[i];
  }
  errno = known ? ENOENT : EACCES;
  return NULL;
}

static struct signet_result connect_one(struct network_device *network, const struct port_request *request) {
  static const int on = 1;
  const struct grant *to = granted(network, request);
  if (!to)
    return done(-1);
  if (network->free == NONE)
    return linux_device_error(ENFILE);
  int descriptor = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return done(-1);
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (connect(descriptor, (const struct sockaddr *)&to->address, sizeof to->address) != 0 && errno != EINPROGRESS) {
    struct signet_result failed = done(-1);
    close(descriptor);
    return failed;
  }
  return connection_new(network, descriptor);
}

/* ---- Events ---- */

static void note(struct network_device *network, uint32_t index, uint32_t events) {
  struct connection *connection = &network->connection[index];
  connection->events |= (uint16_t)events;
  if (connection->listed)
    return;
  connection->listed = true;
  connection->next = NONE;
  if (network->first == NONE)
    network->first = index;
  else
    network->connection[network->last].next = index;
  network->last = index;
}

static void network_event(struct linux_source *source, uint32_t number, uint32_t events) {
  struct network_device *network = (struct network_device *)((char *)source - offsetof(struct network_device, source));
  linux_mutex_lock(&network->mutex);
  struct connection *connection = number & LISTENER ? NULL : find(network, number);
  if (number & LISTENER)
    network->arrived |= UINT64_C(1) << (number & ~LISTENER);
  else if (connection)
    note(network, number & 0xffff,
         (events & EPOLLIN ? SIGNET_NETWORK_READABLE : 0) | (events & EPOLLOUT ? SIGNET_NETWORK_WRITABLE : 0) |
             (events & EPOLLRDHUP ? SIGNET_NETWORK_ENDED : 0) |
             (events & (EPOLLERR | EPOLLHUP) ? SIGNET_NETWORK_FAILED : 0));
  void *waiter = network->waiter;
  bool any = network->arrived || network->first != NONE;
  if (any)
    network->waiter = NULL;
  linux_mutex_unlock(&network->mutex);
  if (any && waiter)
    kernel_device_ready(waiter);
}

/* Takes at most `most` events off the list. */
static uint32_t take_events(struct network_device *network, struct signet_network_event *events, uint32_t most) {
  uint32_t count = 0;
  for (uint32_t i = 0; network->arrived && count < most; i++)
    if (network->arrived >> i & 1) {
      network->arrived &= ~(UINT64_C(1) << i);
      events[count++] = (struct signet_network_event){i, SIGNET_NETWORK_ARRIVED};
    }
  while (network->first != NONE && count < most) {
    uint32_t index = network->first;
    struct connection *connection = &network->connection[index];
    network->first = connection->next;
    connection->listed = false;
    if (connection->events)
      events[count++] = (struct signet_network_event){number_of(network, index), connection->events};
    connection->events = 0;
  }
  return count;
}

static bool wait_for_events(struct network_device *network, const struct port_request *request,
                            struct signet_result *result) {
  struct signet_network_event events[EVENTS_MOST];
  uint32_t most = request->buffer_length / sizeof *events;
  most = most < EVENTS_MOST ? most : EVENTS_MOST;
  memset(events, 0, most * sizeof *events);
  *result = (struct signet_result){SIGNET_CAPACITY, sizeof *events};
  if (!most)
    return true;
  /* Before anything is taken that would be lost. */
  *result = bad_address;
  if (!give(request, events, most * sizeof *events))
    return true;
  linux_mutex_lock(&network->mutex);
  uint32_t count = take_events(network, events, most);
  bool second = !count && network->waiter;
  if (!count && !second)
    network->waiter = request->thread;
  linux_mutex_unlock(&network->mutex);
  *result = count ? done(count) : linux_device_error(EBUSY);
  if (count && !give(request, events, count * sizeof *events))
    *result = bad_address;
  return count || second;
}

static void network_forget(struct port_device *device, void *thread) {
  struct network_device *network = (struct network_device *)device;
  linux_mutex_lock(&network->mutex);
  if (network->waiter == thread)
    network->waiter = NULL;
  linux_mutex_unlock(&network->mutex);
}

/* ---- Requests ---- */

static struct signet_result on_connection(struct network_device *network, const struct port_request *request) {
  void *buffer = (void *)(linux_window_base(request->window) + request->buffer_offset);
  size_t length = request->buffer_length < BYTES_MOST ? request->buffer_length : BYTES_MOST;
  struct connection *connection = find(network, request->arguments[0]);
  if (!connection)
    return linux_device_error(EBADF);
  switch (request->operation) {
  case SIGNET_NETWORK_RECEIVE:
    return done(recv(connection->descriptor, buffer, length, MSG_DONTWAIT));
  case SIGNET_NETWORK_SEND:
    return done(send(connection->descriptor, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL));
  case SIGNET_NETWORK_SHUT:
    if (request->arguments[1] < 1 || request->arguments[1] > 3)
      return linux_device_error(EINVAL);
    return done(shutdown(connection->descriptor, (int)request->arguments[1] - 1));
  default:
    connection_close(network, connection);
    return done(0);
  }
}

static bool network_request(struct port_device *device, const struct port_request *request,
                            struct signet_result *result) {
  struct network_device *network = (struct network_device *)device;
  struct signet_network_status status = {network->listeners, network->capacity, network->open, 0};
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    *result = done(SIGNET_DEVICE_NETWORK);
    return true;
  case SIGNET_NETWORK_STATUS:
    if (request->buffer_length < sizeof status)
      *result = (struct signet_result){SIGNET_CAPACITY, sizeof status};
    else
      *result = give(request, &status, sizeof status) ? done(0) : bad_address;
    return true;
  case SIGNET_NETWORK_LISTENER:
    if (request->arguments[0] >= network->listeners)
      *result = linux_device_error(ENOENT);
    else if (request->buffer_length < sizeof *network->place)
      *result = (struct signet_result){SIGNET_CAPACITY, sizeof *network->place};
    else
      *result = give(request, &network->place[request->arguments[0]], sizeof *network->place) ? done(0) : bad_address;
    return true;
  case SIGNET_NETWORK_ACCEPT:
    *result = accept_one(network, request);
    return true;
  case SIGNET_NETWORK_CONNECT:
    *result = connect_one(network, request);
    return true;
  case SIGNET_NETWORK_RECEIVE:
  case SIGNET_NETWORK_SEND:
  case SIGNET_NETWORK_SHUT:
  case SIGNET_NETWORK_CLOSE:
    *result = on_connection(network, request);
    return true;
  case SIGNET_NETWORK_WAIT:
    return wait_for_events(network, request, result);
  default:
    *result = (struct signet_result){SIGNET_UNSUPPORTED, 0};
    return true;
  }
}

static void network_reset(struct port_device *device) {
  struct network_device *network = (struct network_device *)device;
  for (uint32_t i = 0; network->open && i < network->capacity; i++)
    if (network->connection[i].descriptor >= 0)
      connection_close(network, &network->connection[i]);
  linux_mutex_lock(&network->mutex);
  struct signet_network_event event;
  while (take_events(network, &event, 1))
    ;
  linux_mutex_unlock(&network->mutex);
}

static void network_close(struct port_device *device) {
  struct network_device *network = (struct network_device *)device;
  linux_poller_remove(&network->source);
  network_reset(device);
  for (uint32_t i = 0; i < network->listeners; i++)
    close(network->listener[i]);
  free(network->grant);
  free(network);
}

/* ---- Before the seal ---- */

/* "host:port"; an IPv6 address is in brackets. False: it is not that. */
static bool split(const char *text, char *host, size_t capacity, uint16_t *port) {
  const char *colon = strrchr(text, ':');
  char *end;
  if (!colon || colon[1] < '0' || colon[1] > '9')
    return false;
  unsigned long number = strtoul(colon + 1, &end, 10);
  size_t length = (size_t)(colon - text);
  if (text[0] == '[' && length >= 2 && text[length - 1] == ']') {
    text++;
    length -= 2;
  }
  if (*end || number > UINT16_MAX || length >= capacity)
    return false;
  memcpy(host, text, length);
  host[length] = 0;
  *port = (uint16_t)number;
  return true;
}

static bool numeric(const char *host, uint16_t port, struct sockaddr_storage *address) {
  struct sockaddr_in *four = (struct sockaddr_in *)address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
  memset(address, 0, sizeof *address);
  four->sin_port = htons(port); /* which is where the other has it */
  address->ss_family = AF_INET;
  if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &four->sin_addr) == 1)
    return true;
  address->ss_family = AF_INET6;
  return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
}

static bool set(int descriptor, int level, int option, int value) {
  return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

/* What is accepted has the options of the socket that listens. */
static bool listen_at(struct network_device *network, const char *text, const char **problem) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  char host[256];
  uint16_t port;
  *problem = "an address to listen at is no address:port";
  if (!split(text, host, sizeof host, &port) || !numeric(*host ? host : "0.0.0.0", port, &address))
    return false;
  *problem = "more addresses to listen at than a network can have";
  if (network->listeners == LISTENERS_MOST)
    return false;
  int descriptor = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  *problem = strerror(errno);
  if (descriptor < 0)
    return false;
  struct signet_network_listener *place = &network->place[network->listeners];
  if (!set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) ||
      bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 || listen(descriptor, BACKLOG) != 0 ||
      !set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1) || !set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1) ||
      !set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, SILENCE_SECONDS) ||
      !set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, ASKED_AGAIN_SECONDS) ||
      !set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, ASKED_TIMES) ||
      !set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, UNHEARD_MILLISECONDS) ||
      getsockname(descriptor, (struct sockaddr *)&address, &length) != 0 ||
      !linux_poller_watch(&network->source, descriptor, LISTENER | network->listeners, listened)) {
    *problem = strerror(errno);
    close(descriptor);
    return false;
  }
  take_address(&place->address, &address);
  inet_ntop(address.ss_family,
            address.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&address)->sin_addr
                                         : (void *)&((struct sockaddr_in6 *)&address)->sin6_addr,
            place->text, sizeof place->text);
  network->listener[network->listeners++] = descriptor;
  return true;
}

/* "host:port", or "host:port=address" where the host is a name. */
static bool grant(struct network_device *network, const char *text, const char **problem) {
  char place[512];
  uint16_t port;
  struct grant *grant = &network->grant[network->grants];
  const char *address = strchr(text, '=');
  size_t length = address ? (size_t)(address - text) : strlen(text);
  *problem = "an address to connect to is no host:port, or its host is a name without an address";
  if (length >= sizeof place)
    return false;
  memcpy(place, text, length);
  place[length] = 0;
  if (!split(place, grant->host, sizeof grant->host, &port) ||
      !numeric(address ? address + 1 : grant->host, port, &grant->address))
    return false;
  network->grants++;
  return true;
}

static bool make_room(uint32_t connections) {
  struct rlimit limit;
  rlim_t wanted = connections + DESCRIPTORS_BESIDE;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return false;
  if (limit.rlim_cur >= wanted)
    return true;
  limit.rlim_cur = wanted;
  return wanted <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

struct port_device *linux_network_device(const char *const *listen, const char *const *connect, uint32_t connections,
                                         const char **problem) {
  uint32_t grants = 0;
  while (connect && connect[grants])
    grants++;
  *problem = "a network has 1 to 65535 connections, and may connect to 256 addresses at most";
  if (!connections || connections > CONNECTIONS_MOST || grants > GRANTS_MOST)
    return NULL;
  *problem = "the host does not let a process have so many connections (ulimit -n)";
  if (!make_room(connections))
    return NULL;
  *problem = "no memory for a network";
  struct network_device *network = calloc(1, sizeof *network + connections * sizeof *network->connection);
  if (!network)
    return NULL;
  network->device = (struct port_device){
      .request = network_request, .close = network_close, .reset = network_reset, .forget = network_forget};
  network->source.event = network_event;
  network->capacity = connections;
  network->first = NONE;
  for (uint32_t i = 0; i < connections; i++)
    network->connection[i] =
        (struct connection){.descriptor = -1, .generation = 1, .next_free = i + 1 < connections ? i + 1 : NONE};
  network->grant = calloc(grants + 1, sizeof *network->grant);
  if (!network->grant || !linux_poller_add(&network->source)) {
    free(network->grant);
    free(network);
    return NULL;
  }
  for (; listen && *listen; listen++)
    if (!listen_at(network, *listen, problem))
      goto fail;
  for (uint32_t i = 0; i < grants; i++)
    if (!grant(network, connect[i], problem))
      goto fail;
  linux_filter_allow_sockets(grants != 0);
  return &network->device;
fail:
  network_close(&network->device);
  return NULL;
}
