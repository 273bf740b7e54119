/* The network device of port/linux, asked by a test in the kernel's place: hostile requests, numbers of connections
 * that are closed, limits, events, reset; and what the seal allows of sockets. The other side is a child, an ordinary
 * program, which does what bytes over a pipe tell it to. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define LIMIT 8
#define PATIENCE 5000 /* milliseconds */

static struct port_device *network;
static uint16_t port, refusing_port;

/* ---- The other side ---- */

static int orders[2], answers[2];
static volatile sig_atomic_t signals;

static void on_signal(int number) {
  (void)number;
  signals++;
}

/* Orders: a letter and a connection's place.
 * + connect; - close; x reset; w write 100 bytes; W write until it would block; r read all there is; e end writing. */
static void other_side(void) {
  struct order {
    char what, place;
  } order;
  int connection[64];
  static char bytes[1 << 16];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (read(orders[0], &order, sizeof order) == sizeof order) {
    int *at = &connection[(int)order.place];
    int64_t result = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    switch (order.what) {
    case '+':
      *at = socket(AF_INET, SOCK_STREAM, 0);
      result = connect(*at, (struct sockaddr *)&to, sizeof to) ? -errno : 0;
      fcntl(*at, F_SETFL, O_NONBLOCK);
      break;
    case 'x':
      setsockopt(*at, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
      __attribute__((fallthrough));
    case '-':
      result = close(*at);
      break;
    case 'w':
      result = send(*at, memset(bytes, 'w', 100), 100, MSG_NOSIGNAL);
      break;
    case 'W':
      for (ssize_t sent; (sent = send(*at, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0;)
        result += sent;
      break;
    case 'r':
      poll(&(struct pollfd){*at, POLLIN, 0}, 1, PATIENCE);
      for (ssize_t got; (got = recv(*at, bytes, sizeof bytes, 0)) != 0;) {
        if (got < 0 && errno == EAGAIN)
          break;
        if (got < 0) {
          result = -errno;
          break;
        }
        result += got;
      }
      break;
    case 'e':
      result = shutdown(*at, SHUT_WR);
      break;
    case '?': /* whether the device's end is still there: 1 if it has ended */
      poll(&(struct pollfd){*at, POLLIN, 0}, 1, PATIENCE);
      result = recv(*at, bytes, 1, MSG_PEEK) <= 0 && errno != EAGAIN;
      break;
    }
    if (write(answers[1], &result, sizeof result) != sizeof result)
      break;
  }
  _exit(0);
}

static int64_t order(char what, int place) {
  char two[] = {what, (char)place};
  int64_t result = -1000;
  if (write(orders[1], two, 2) != 2 || read(answers[0], &result, sizeof result) != sizeof result)
    return -1000;
  return result;
}

/* ---- Asking ---- */

static struct signet_result ask(uint32_t operation, uint32_t length, uint64_t first, uint64_t second) {
  return alone_answer(network, operation, length, first, second);
}

static bool is(struct signet_result result, int64_t status, uint64_t value) {
  if (result.status == status && result.value == value)
    return true;
  printf("# status %lld, value %llu\n", (long long)result.status, (unsigned long long)result.value);
  return false;
}

static bool refused(struct signet_result result, int error) { return is(result, SIGNET_DEVICE, (uint64_t)error); }

/* What has happened to that number, in all events until that which is waited for, or until none come for long. */
static uint32_t events_within(uint32_t number, uint32_t until, unsigned milliseconds) {
  uint32_t seen = 0;
  for (int tries = 0; tries < 20 && (seen & until) != until; tries++) {
    struct signet_result result;
    uint64_t ticket;
    if (!alone_ask(network, SIGNET_NETWORK_WAIT, 64 * sizeof(struct signet_network_event), 0, 0, &result, &ticket)) {
      if (!alone_ready(ticket, milliseconds / 20)) {
        port_lock();
        port_device_forget(network, (void *)(uintptr_t)ticket);
        port_unlock();
      }
      continue;
    }
    const struct signet_network_event *events = (const void *)alone_memory();
    for (uint64_t i = 0; result.status == SIGNET_OK && i < result.value; i++)
      if (events[i].number == number)
        seen |= events[i].what;
  }
  return seen;
}

static uint32_t events_of(uint32_t number, uint32_t until) { return events_within(number, until, PATIENCE); }

/* Of those that have arrived by now. */
static uint32_t accepted(void) {
  events_of(0, SIGNET_NETWORK_ARRIVED);
  struct signet_result result = ask(SIGNET_NETWORK_ACCEPT, sizeof(struct signet_network_address), 0, 0);
  return result.status == SIGNET_OK ? (uint32_t)result.value : 0;
}

static uint32_t pair(int place) {
  order('+', place);
  struct signet_result result = {SIGNET_DEVICE, EAGAIN};
  for (int tries = 0; tries < 50 && result.status == SIGNET_DEVICE && result.value == EAGAIN; tries++) {
    result = ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0);
    if (result.status != SIGNET_OK)
      usleep(10000);
  }
  return result.status == SIGNET_OK ? (uint32_t)result.value : 0;
}

static void test_status(void) {
  struct signet_network_status status;
  struct signet_network_listener place;
  ok(is(ask(SIGNET_DEVICE_IDENTIFY, 0, 0, 0), SIGNET_OK, SIGNET_DEVICE_NETWORK), "a network says what it is");
  ok(is(ask(SIGNET_NETWORK_STATUS, sizeof status, 0, 0), SIGNET_OK, 0), "its status");
  memcpy(&status, alone_memory(), sizeof status);
  ok(status.listeners == 2 && status.connections == LIMIT && status.open == 0 && status.reserved == 0,
     "what it was given");
  ok(is(ask(SIGNET_NETWORK_STATUS, sizeof status - 1, 0, 0), SIGNET_CAPACITY, sizeof status),
     "a buffer too small for it");
  ok(is(ask(SIGNET_NETWORK_LISTENER, sizeof place, 0, 0), SIGNET_OK, 0), "a listener");
  memcpy(&place, alone_memory(), sizeof place);
  port = place.address.port;
  ok(port && strcmp(place.text, "127.0.0.1") == 0 && place.address.bytes[10] == 0xff && place.address.bytes[12] == 127,
     "where it listens: %s, port %u", place.text, port);
  ok(refused(ask(SIGNET_NETWORK_LISTENER, sizeof place, 2, 0), ENOENT) &&
         refused(ask(SIGNET_NETWORK_LISTENER, sizeof place, UINT64_MAX, 0), ENOENT) &&
         is(ask(SIGNET_NETWORK_LISTENER, 4, 0, 0), SIGNET_CAPACITY, sizeof place),
     "listeners that there are not, a buffer too small for one");
}

static void test_nonsense(void) {
  uint64_t numbers[] = {0, 1, 1u << 16, LIMIT, LIMIT | 1u << 16, 0xffff, UINT32_MAX, UINT64_MAX, 1ull << 32 | 1u << 16};
  static const uint32_t operations[] = {SIGNET_NETWORK_RECEIVE, SIGNET_NETWORK_SEND, SIGNET_NETWORK_SHUT,
                                        SIGNET_NETWORK_CLOSE};
  bool all = true;
  for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
    for (size_t o = 0; o < sizeof operations / sizeof *operations; o++)
      all = refused(ask(operations[o], 10, numbers[n], 1), EBADF) && all;
  ok(all, "numbers that it never gave");
  ok(refused(ask(SIGNET_NETWORK_ACCEPT, 0, 2, 0), ENOENT) &&
         refused(ask(SIGNET_NETWORK_ACCEPT, 0, UINT64_MAX, 0), ENOENT),
     "connections to listeners that there are not");
  ok(refused(ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0), EAGAIN), "a connection that there is not");
  ok(is(ask(SIGNET_NETWORK_WAIT, 7, 0, 0), SIGNET_CAPACITY, 8), "a buffer too small for an event");
  all = true;
  for (uint32_t operation = 0; operation < 200; operation++)
    if (operation != SIGNET_DEVICE_IDENTIFY && (operation < SIGNET_NETWORK_STATUS || operation > SIGNET_NETWORK_WAIT))
      all = is(ask(operation, 64, 0, 0), SIGNET_UNSUPPORTED, 0) && all;
  ok(all, "what is no operation of a network");
}

static void test_bytes(void) {
  order('+', 0);
  uint32_t number = accepted();
  struct signet_network_address from;
  memcpy(&from, alone_memory(), sizeof from);
  ok(number && from.bytes[10] == 0xff && from.bytes[12] == 127 && from.port && from.port != port,
     "accepts, and says from where");
  ok(refused(ask(SIGNET_NETWORK_RECEIVE, 10, number, 0), EAGAIN), "no bytes have come");
  ok(order('w', 0) == 100 && (events_of(number, SIGNET_NETWORK_READABLE) & SIGNET_NETWORK_READABLE),
     "an event when they do");
  ok(is(ask(SIGNET_NETWORK_RECEIVE, 40, number, 0), SIGNET_OK, 40) && alone_memory()[39] == 'w' &&
         is(ask(SIGNET_NETWORK_RECEIVE, 100, number, 0), SIGNET_OK, 60),
     "they are received as asked");
  struct signet_result result = ask(SIGNET_NETWORK_SEND, 1000, number, 0);
  ok(is(result, SIGNET_OK, 1000) && order('r', 0) == 1000, "bytes are sent");

  struct port_request wrong = {.window = ALONE_WINDOW,
                               .buffer_offset = ALONE_BUFFER + ALONE_BYTES,
                               .buffer_length = 8,
                               .text = "",
                               .text2 = "",
                               .arguments = {number}};
  order('w', 0);
  events_of(number, SIGNET_NETWORK_READABLE);
  static const uint32_t operations[] = {SIGNET_NETWORK_RECEIVE, SIGNET_NETWORK_SEND, SIGNET_NETWORK_WAIT};
  for (size_t i = 0; i < 3; i++) {
    wrong.operation = operations[i];
    ok(port_device_request(network, &wrong, &result) && is(result, SIGNET_ADDRESS, 0),
       "memory that it does not have (%u)", operations[i]);
  }
  wrong.buffer_offset = 0x10000; /* the entry table */
  wrong.operation = SIGNET_NETWORK_RECEIVE;
  ok(port_device_request(network, &wrong, &result) && is(result, SIGNET_ADDRESS, 0),
     "nothing is received over the entry table");
  ok(is(ask(SIGNET_NETWORK_RECEIVE, 1000, number, 0), SIGNET_OK, 100), "and nothing of what came was lost with these");

  uint64_t sent = 0;
  while ((result = ask(SIGNET_NETWORK_SEND, ALONE_BYTES, number, 0)).status == SIGNET_OK)
    sent += result.value;
  ok(refused(result, EAGAIN) && sent > 100000, "sends until the host takes no more, and does not wait (%llu bytes)",
     (unsigned long long)sent);
  events_of(number, 0);
  ok(order('r', 0) > 0 && (events_of(number, SIGNET_NETWORK_WRITABLE) & SIGNET_NETWORK_WRITABLE),
     "an event when it does again");

  ok(refused(ask(SIGNET_NETWORK_SHUT, 0, number, 0), EINVAL) &&
         refused(ask(SIGNET_NETWORK_SHUT, 0, number, 4), EINVAL) &&
         refused(ask(SIGNET_NETWORK_SHUT, 0, number, UINT64_MAX), EINVAL),
     "directions that there are not");
  ok(order('e', 0) == 0 && (events_of(number, SIGNET_NETWORK_ENDED) & SIGNET_NETWORK_ENDED) &&
         is(ask(SIGNET_NETWORK_RECEIVE, 10, number, 0), SIGNET_OK, 0),
     "the other side ends its direction");
  ok(is(ask(SIGNET_NETWORK_SHUT, 0, number, 2), SIGNET_OK, 0) &&
         refused(ask(SIGNET_NETWORK_SEND, 10, number, 0), EPIPE),
     "nothing can be sent after the end");
  ok(is(ask(SIGNET_NETWORK_CLOSE, 0, number, 0), SIGNET_OK, 0), "closes");
  ok(refused(ask(SIGNET_NETWORK_CLOSE, 0, number, 0), EBADF) &&
         refused(ask(SIGNET_NETWORK_SEND, 1, number, 0), EBADF) &&
         refused(ask(SIGNET_NETWORK_RECEIVE, 1, number, 0), EBADF),
     "and the number is no more");
  order('-', 0);

  number = pair(0);
  order('x', 0);
  ok((events_of(number, SIGNET_NETWORK_FAILED) & SIGNET_NETWORK_FAILED) &&
         refused(ask(SIGNET_NETWORK_RECEIVE, 10, number, 0), ECONNRESET),
     "a reset is told");
  ok(refused(ask(SIGNET_NETWORK_SEND, 10, number, 0), EPIPE), "nothing can be sent after it");
  ask(SIGNET_NETWORK_CLOSE, 0, number, 0);
}

/* Numbers of connections that are closed, with others in their places, and with events that are not told yet. */
static void test_old_numbers(void) {
  uint32_t first = pair(0), second;
  order('w', 0);
  usleep(20000);
  ask(SIGNET_NETWORK_CLOSE, 0, first, 0);
  order('-', 0);
  second = pair(0);
  ok(first && second && first != second, "a new connection has another number (%x, %x)", first, second);
  ok(refused(ask(SIGNET_NETWORK_RECEIVE, 100, first, 0), EBADF) &&
         refused(ask(SIGNET_NETWORK_CLOSE, 0, first, 0), EBADF),
     "the old number does not reach it");
  uint32_t seen = events_within(second, SIGNET_NETWORK_READABLE, 200);
  ok(seen == SIGNET_NETWORK_WRITABLE, "nor do events of the old one (%x)", seen);
  ask(SIGNET_NETWORK_CLOSE, 0, second, 0);
  order('-', 0);
  bool fresh = true;
  static uint32_t had[300];
  for (int i = 0; i < 300; i++) {
    had[i] = pair(1);
    for (int k = 0; k < i; k++)
      fresh = fresh && had[k] != had[i];
    ask(SIGNET_NETWORK_CLOSE, 0, had[i], 0);
    order('-', 1);
  }
  ok(fresh, "300 connections have 300 numbers");
}

static void test_limit(void) {
  uint32_t numbers[LIMIT];
  bool all = true;
  for (int i = 0; i < LIMIT; i++)
    all = (numbers[i] = pair(i)) && all;
  ok(all, "as many connections as were granted");
  order('+', LIMIT);
  usleep(20000);
  ok(refused(ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0), ENFILE), "no more");
  struct port_request connect = {.window = ALONE_WINDOW,
                                 .operation = SIGNET_NETWORK_CONNECT,
                                 .text = "name",
                                 .text2 = "",
                                 .arguments = {refusing_port}};
  struct signet_result result;
  ok(port_device_request(network, &connect, &result) && refused(result, ENFILE), "also none that it makes itself");
  ask(SIGNET_NETWORK_CLOSE, 0, numbers[3], 0);
  uint32_t late = (uint32_t)ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0).value;
  ok(late != 0, "the one that waited, when another is closed");
  for (int i = 0; i < LIMIT; i++)
    ask(SIGNET_NETWORK_CLOSE, 0, numbers[i], 0);
  ask(SIGNET_NETWORK_CLOSE, 0, late, 0);
  for (int i = 0; i <= LIMIT; i++)
    order('-', i);
}

static void test_waiting(void) {
  struct signet_result result;
  uint64_t first, second;
  events_of(UINT32_MAX - 1, 0);
  for (int i = 0; i < 3; i++)
    ask(SIGNET_NETWORK_WAIT, 1 << 10, 0, 0);
  ok(!alone_ask(network, SIGNET_NETWORK_WAIT, 1 << 10, 0, 0, &result, &first), "waits while nothing happens");
  ok(alone_ask(network, SIGNET_NETWORK_WAIT, 1 << 10, 0, 0, &result, &second) && refused(result, EBUSY),
     "one at a time");
  ok(!alone_ready(first, 50), "and is left waiting");
  order('+', 0);
  ok(alone_ready(first, PATIENCE), "until something does");
  uint32_t number = accepted();
  ask(SIGNET_NETWORK_WAIT, 1 << 10, 0, 0);
  ask(SIGNET_NETWORK_WAIT, 1 << 10, 0, 0);
  bool waits = !alone_ask(network, SIGNET_NETWORK_WAIT, 1 << 10, 0, 0, &result, &second);
  port_lock();
  port_device_forget(network, (void *)(uintptr_t)second);
  port_unlock();
  order('w', 0);
  ok(waits && !alone_ready(second, 50), "who is forgotten is not told");
  ok(events_of(number, SIGNET_NETWORK_READABLE) & SIGNET_NETWORK_READABLE, "but what happened is not");

  /* More at once than the buffer has room for: the rest comes next. */
  uint32_t others[4], seen = 0;
  for (int i = 0; i < 4; i++)
    others[i] = pair(1 + i);
  for (int tries = 0; tries < 40 && seen != 15; tries++) {
    if (!alone_ask(network, SIGNET_NETWORK_WAIT, sizeof(struct signet_network_event), 0, 0, &result, &second)) {
      alone_ready(second, PATIENCE / 40);
      port_lock();
      port_device_forget(network, (void *)(uintptr_t)second);
      port_unlock();
      continue;
    }
    for (int i = 0; i < 4; i++)
      seen |= (((const struct signet_network_event *)alone_memory())->number == others[i]) << i;
  }
  ok(seen == 15, "events one by one: each is told");
  for (int i = 0; i < 4; i++)
    ask(SIGNET_NETWORK_CLOSE, 0, others[i], 0), order('-', 1 + i);
  ask(SIGNET_NETWORK_CLOSE, 0, number, 0);
  order('-', 0);
}

static uint32_t connected(const char *host, uint64_t to, uint64_t attempt, struct signet_result *result) {
  struct port_request connect = {.window = ALONE_WINDOW,
                                 .operation = SIGNET_NETWORK_CONNECT,
                                 .text = host,
                                 .text2 = "",
                                 .arguments = {to, attempt}};
  return port_device_request(network, &connect, result) && result->status == SIGNET_OK ? (uint32_t)result->value : 0;
}

static void test_connecting(void) {
  struct signet_result result;
  uint32_t number = connected("name", refusing_port, 0, &result);
  ok(number != 0, "begins to connect");
  events_of(number, SIGNET_NETWORK_WRITABLE);
  ok(refused(ask(SIGNET_NETWORK_SEND, 0, number, 0), ECONNREFUSED) ||
         refused(ask(SIGNET_NETWORK_SEND, 0, number, 0), EPIPE),
     "SEND of no bytes tells that nobody listens there");
  ask(SIGNET_NETWORK_CLOSE, 0, number, 0);
  connected("name", refusing_port, 1, &result);
  ok(refused(result, ENOENT), "the name has one address");
  connected("name", refusing_port, UINT64_MAX, &result);
  ok(refused(result, ENOENT), "and not 2^64");
  const char *hosts[] = {"", "name2", "127.0.0.2", "nam", "127.0.0.1 "};
  bool all = true;
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
    all = !connected(hosts[i], refusing_port, 0, &result) && refused(result, EACCES) && all;
  ok(all, "hosts that were not granted");
  all = !connected("name", port, 0, &result) && refused(result, EACCES);
  all = !connected("name", (uint64_t)refusing_port + 65536, 0, &result) && refused(result, EACCES) && all;
  ok(all, "ports that were not");
}

static void test_reset(void) {
  struct signet_network_status status;
  struct signet_result result;
  uint64_t ticket;
  uint32_t numbers[3];
  for (int i = 0; i < 3; i++)
    numbers[i] = pair(i);
  order('w', 0);
  order('+', 3); /* waits to be accepted */
  usleep(20000);
  ask(SIGNET_NETWORK_WAIT, 1 << 10, 0, 0);
  port_lock();
  port_device_reset(network);
  port_unlock();
  ok(order('?', 0) == 1 && order('?', 1) == 1 && order('?', 2) == 1, "after a reset its connections have ended");
  ok(refused(ask(SIGNET_NETWORK_RECEIVE, 10, numbers[0], 0), EBADF) &&
         refused(ask(SIGNET_NETWORK_SEND, 10, numbers[1], 0), EBADF),
     "their numbers are no more");
  ask(SIGNET_NETWORK_STATUS, sizeof status, 0, 0);
  memcpy(&status, alone_memory(), sizeof status);
  ok(status.open == 0 && status.listeners == 2, "none is open, it listens as before");
  uint32_t waited = (uint32_t)ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0).value;
  ok(waited && order('w', 3) == 100, "the one that waited is there still");
  events_of(waited, SIGNET_NETWORK_READABLE);
  ok(is(ask(SIGNET_NETWORK_RECEIVE, 1000, waited, 0), SIGNET_OK, 100), "and works");
  uint32_t next = pair(4);
  ok(next && next != numbers[0] && next != numbers[1] && next != numbers[2], "new connections have new numbers");
  order('+', 5);
  order('w', 4);
  usleep(50000); /* until the device knows; it is not asked */
  port_lock();
  port_device_reset(network);
  port_unlock();
  ok(!alone_ask(network, SIGNET_NETWORK_WAIT, 64, 0, 0, &result, &ticket), "nothing has happened when it is new");
  port_lock();
  port_device_forget(network, (void *)(uintptr_t)ticket);
  port_unlock();
  ok(ask(SIGNET_NETWORK_ACCEPT, 0, 0, 0).status == SIGNET_OK, "but who waits is there");
  port_lock();
  port_device_reset(network);
  port_unlock();
  for (int i = 0; i < 6; i++)
    order('-', i);
}

/* ---- The seal ---- */

static int attempt(int outcome) { return outcome < 0 ? errno : 0; }

static void test_seal(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  ok(attempt(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == EPERM, "no socket for datagrams");
  ok(attempt(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == EPERM, "no raw socket");
  ok(attempt(socket(AF_INET, SOCK_STREAM, 0)) == EPERM, "no socket that waits");
  ok(attempt(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP)) == EPERM, "no other protocol");
  ok(attempt(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == EPERM, "no Unix socket");
  ok(attempt(socket(AF_NETLINK, SOCK_RAW, 0)) == EPERM, "no netlink");
  int one = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ok(one >= 0, "a socket to connect, as this device may");
  ok(attempt(fcntl(one, F_SETOWN, 1)) == EPERM, "no signals to others by what comes in at a socket");
  ok(attempt(fcntl(one, F_SETSIG, SIGKILL)) == EPERM, "nor a signal of one's choice");
  ok(attempt(fcntl(one, F_SETFL, O_ASYNC)) == EPERM, "nor any at all");
  ok(attempt(fcntl(one, F_DUPFD, 0)) == EPERM, "nothing else that fcntl can do");
  ok(attempt(bind(one, (struct sockaddr *)&to, sizeof to)) == EPERM, "it cannot be bound");
  ok(attempt(listen(one, 1)) == EPERM, "nor listen");
  ok(attempt((int)sendto(one, "x", 1, 0, (struct sockaddr *)&to, sizeof to)) == EPERM, "nor send to an address");
  ok(attempt((int)syscall(SYS_sendmsg, one, NULL, 0)) == EPERM &&
         attempt((int)syscall(SYS_recvmsg, one, NULL, 0)) == EPERM,
     "nor pass descriptors");
  ok(attempt(setsockopt(one, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2)) == EPERM &&
         attempt(setsockopt(one, IPPROTO_TCP, TCP_ULP, "tls", 3)) == EPERM,
     "nor have options but two");
  close(one);
  const char *problem;
  const char *const late[] = {"127.0.0.1:0", NULL};
  ok(!linux_network_device(late, NULL, 4, &problem), "no device that listens is made after the seal");
}

/* ---- What is no network ---- */

static void test_refused(void) {
  const char *problem;
  static const char *const wrong[] = {"",
                                      ":",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:80x",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "256.0.0.1:80",
                                      "name:80",
                                      "[::1:80",
                                      "192.0.2.1:80",
                                      "127.0.0.1:99999999999999999999"};
  int all = 0;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *const listen_at[] = {wrong[i], NULL};
    struct port_device *device = linux_network_device(listen_at, NULL, 4, &problem);
    if (device || !*problem)
      printf("# accepted: %s\n", wrong[i]);
    all += !device && *problem;
  }
  ok(all == sizeof wrong / sizeof *wrong, "addresses that are none, or not this machine's");
  const char *const in_use[] = {"127.0.0.1:0", NULL}, *const name[] = {"name:80", NULL};
  char taken[32];
  snprintf(taken, sizeof taken, "127.0.0.1:%u", refusing_port);
  const char *const others[] = {taken, NULL};
  ok(!linux_network_device(others, NULL, 4, &problem), "an address that is another's");
  ok(!linux_network_device(in_use, name, 4, &problem), "a name that has no address to connect to");
  ok(!linux_network_device(in_use, NULL, 0, &problem) && !linux_network_device(in_use, NULL, 65536, &problem),
     "no connections, or more than there can be");
}

int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof at;
  const char *problem = "";
  char grant[64];
  /* A port at which nobody listens, and nobody else can meanwhile. */
  int nobody = socket(AF_INET, SOCK_STREAM, 0);
  if (nobody < 0 || bind(nobody, (struct sockaddr *)&at, sizeof at) ||
      getsockname(nobody, (struct sockaddr *)&at, &length))
    return 1;
  refusing_port = ntohs(at.sin_port);
  snprintf(grant, sizeof grant, "name:%u=127.0.0.1", refusing_port);
  const char *const listen_at[] = {"127.0.0.1:0", "localhost:0", NULL}, *const connect_to[] = {grant, NULL};
  const char *const same[] = {"127.0.0.1:0", NULL};
  alone_prepare();
  test_refused();
  network = linux_network_device(listen_at, connect_to, LIMIT, &problem);
  struct port_device *second = linux_network_device(same, NULL, LIMIT, &problem);
  ok(network && second, "two networks");
  if (!network || pipe(orders) || pipe(answers))
    return 1;
  /* The child is made before the seal, and is told the port by the device that it inherits: listeners keep theirs. */
  fflush(stdout);
  int told[2];
  if (pipe(told))
    return 1;
  pid_t child = fork();
  if (child == 0) {
    if (read(told[0], &port, sizeof port) != sizeof port)
      _exit(1);
    /* Its copies of the listening sockets would keep them open. */
    for (int descriptor = 3; descriptor < 64; descriptor++)
      if (descriptor != orders[0] && descriptor != answers[1])
        close(descriptor);
    other_side();
  }
  signal(SIGPIPE, on_signal);
  alone_seal();
  test_status();
  if (write(told[1], &port, sizeof port) != sizeof port)
    return 1;
  test_nonsense();
  test_bytes();
  test_old_numbers();
  test_limit();
  test_waiting();
  test_connecting();
  test_reset();
  test_seal();
  ok(signals == 0, "no signal came of sending to who is gone");
  ok(order('+', 9) == 0, "it listens to the end");
  port_device_close(second);
  port_device_close(network);
  ok(order('+', 10) == -ECONNREFUSED, "and not after");
  close(orders[1]);
  return finish();
}
