/* The web server as one ordinary Linux process: sockets and epoll below the same core. `web-native --help`. What the
 * sealed one is compared with, and where the core is tested under the sanitizers. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "apps/web/native.h"
#include "apps/web/web.h"

#define EVENTS_MOST 512

enum wants { WANTS_NOTHING, WANTS_READ, WANTS_WRITE, WANTS_BLOCK, WANTS_SHUT };

struct native {
  struct connection connection; /* first: the core's pointer is ours */
  int socket;
  uint8_t wants, then_reads;
  bool readable, writable, ready, closed;
  struct native *next_ready;
  uint8_t *left; /* of the room, when it was not taken at once */
  struct block block;
  uint32_t offset, length, written;
};

static int epoll, listener;
static uint8_t room[PIECE_MOST];
static struct native *ready_first, **ready_last = &ready_first;
static uint64_t now;
static bool accepting = true, listener_ready;
static volatile sig_atomic_t stop_signal;

uint64_t transport_now(void) { return now; }

static uint64_t clock_now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

uint64_t transport_time(void) { return clock_now(CLOCK_REALTIME_COARSE); }
bool transport_can_interrupt_read(void) { return true; }
uint8_t *transport_room(void) { return room; }

/* Works on it in the loop's next round: the core is never called from inside its own call. */
static void make_ready(struct native *native) {
  if (native->ready)
    return;
  native->ready = true;
  native->next_ready = NULL;
  *ready_last = native;
  ready_last = &native->next_ready;
}

void transport_read(struct connection *connection, uint64_t until) {
  (void)until; /* server_expire is enough */
  struct native *native = (struct native *)connection;
  native->wants = WANTS_READ;
  if (native->readable)
    make_ready(native);
}

/* Writes what it can; -> whether all of it. False with wants = NOTHING when it failed, which is told later. */
static void write_begin(struct native *native, const uint8_t *bytes, uint32_t length, bool from_room) {
  ssize_t written = send(native->socket, bytes, length, MSG_NOSIGNAL);
  if (written < 0)
    written = 0;
  native->written = (uint32_t)written;
  native->offset = 0;
  native->length = length;
  if (native->written < length) {
    /* An error shows again when it is writable, which it is then. */
    native->writable = false;
    if (from_room) {
      native->left = malloc(length);
      if (native->left)
        memcpy(native->left, bytes, length);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = native};
    epoll_ctl(epoll, EPOLL_CTL_MOD, native->socket, &event);
  }
}

void transport_write(struct connection *connection, uint32_t length) {
  struct native *native = (struct native *)connection;
  native->wants = WANTS_WRITE;
  native->then_reads = false;
  write_begin(native, room, length, true);
  if (native->written == length || !native->left)
    make_ready(native);
}

void transport_reply(struct connection *connection, uint32_t length) {
  struct native *native = (struct native *)connection;
  write_begin(native, room, length, true);
  if (native->written == length) {
    transport_read(connection, UINT64_MAX);
    return;
  }
  native->wants = WANTS_WRITE;
  native->then_reads = true;
  if (!native->left)
    make_ready(native);
}

void transport_write_block(struct connection *connection, struct block block, uint32_t offset, uint32_t length) {
  struct native *native = (struct native *)connection;
  native->wants = WANTS_BLOCK;
  native->block = block;
  write_begin(native, block.bytes + offset, length, false);
  native->offset = offset;
  if (native->written == length)
    make_ready(native);
}

void transport_shut(struct connection *connection) {
  struct native *native = (struct native *)connection;
  shutdown(native->socket, SHUT_WR);
  native->wants = WANTS_SHUT;
  make_ready(native);
}

static void destroy(struct native *native) { free(native); }

void transport_close(struct connection *connection) {
  struct native *native = (struct native *)connection;
  if (native->wants == WANTS_BLOCK)
    transport_block_give(native->block);
  free(native->left);
  close(native->socket);
  native->closed = true;
  if (!accepting) {
    accepting = true;
    listener_ready = true;
  }
  make_ready(native); /* freed there: events of this round may name it */
}

bool transport_block_take(struct block *block) {
  *block = (struct block){0};
  return posix_memalign((void **)&block->bytes, 4096, BLOCK_MOST) == 0;
}

void transport_block_give(struct block block) { free(block.bytes); }

/* ---- The loop ---- */

static void go_on_reading(struct native *native) {
  uint8_t bytes[PIECE_MOST];
  ssize_t length = recv(native->socket, bytes, sizeof bytes, 0);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
    native->readable = errno == EINTR;
    return;
  }
  native->wants = WANTS_NOTHING;
  if (length < 0)
    connection_failed(&native->connection);
  else if (length == 0)
    connection_ended(&native->connection);
  else
    connection_received(&native->connection, bytes, (uint32_t)length);
}

static void go_on_writing(struct native *native) {
  bool from_block = native->wants == WANTS_BLOCK;
  const uint8_t *bytes = from_block ? native->block.bytes + native->offset : native->left;
  if (native->written < native->length) {
    ssize_t written = -1;
    errno = ENOMEM;
    if (bytes)
      written = send(native->socket, bytes + native->written, native->length - native->written, MSG_NOSIGNAL);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
      native->writable = false;
      return;
    }
    if (written < 0) {
      connection_failed(&native->connection);
      return;
    }
    native->written += (uint32_t)written;
    if (native->written < native->length && !from_block)
      return; /* writable still: its turn comes again */
  }
  native->wants = WANTS_NOTHING;
  free(native->left);
  native->left = NULL;
  if (from_block)
    connection_block_written(&native->connection, native->block, native->written);
  else if (native->then_reads)
    transport_read(&native->connection, UINT64_MAX);
  else
    connection_written(&native->connection);
}

static void go_on(struct native *native) {
  native->ready = false;
  if (native->closed) {
    destroy(native);
    return;
  }
  switch (native->wants) {
  case WANTS_READ:
    if (native->readable)
      go_on_reading(native);
    break;
  case WANTS_WRITE:
  case WANTS_BLOCK:
    if (native->writable || native->written == native->length || (native->wants == WANTS_WRITE && !native->left))
      go_on_writing(native);
    break;
  case WANTS_SHUT:
    native->wants = WANTS_NOTHING;
    connection_written(&native->connection);
    break;
  }
  /* Who can go on has its next turn behind the others. After a close it is ready already, to be freed. */
  if (!native->closed && ((native->wants == WANTS_READ && native->readable) ||
                          ((native->wants == WANTS_WRITE || native->wants == WANTS_BLOCK) && native->writable)))
    make_ready(native);
}

static void accept_some(void) {
  for (int i = 0; i < 64; i++) {
    if (!server_has_room()) {
      accepting = false;
      return;
    }
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      listener_ready = false;
      return;
    }
    struct native *native = calloc(1, sizeof *native);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = native};
    if (!native || epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
      free(native);
      close(socket);
      continue;
    }
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    native->socket = socket;
    connection_opened(&native->connection);
  }
}

static void (*after)(void);

void native_after(void (*function)(void)) { after = function; }

static void run(void) {
  static struct epoll_event events[EVENTS_MOST];
  while (!stop_signal || !server_is_idle()) {
    uint64_t deadline = server_next_deadline();
    int wait = deadline == UINT64_MAX ? -1 : deadline <= now ? 0 : (int)((deadline - now) / MILLISECOND + 1);
    if (after || ready_first || (listener_ready && accepting && !stop_signal))
      wait = 0;
    int count = epoll_wait(epoll, events, EVENTS_MOST, wait);
    now = clock_now(CLOCK_MONOTONIC_COARSE);
    if (stop_signal == 1) {
      stop_signal = 2;
      server_stop();
    }
    void (*function)(void) = after;
    after = NULL;
    if (function)
      function();
    for (int i = 0; i < count; i++) {
      struct native *native = events[i].data.ptr;
      if (!native) {
        listener_ready = true;
        continue;
      }
      if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        native->readable = true;
      if (events[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        native->writable = true;
      make_ready(native);
    }
    struct native *native = ready_first;
    ready_first = NULL;
    ready_last = &ready_first;
    while (native) {
      struct native *next = native->next_ready;
      go_on(native);
      native = next;
    }
    if (listener_ready && accepting && !stop_signal)
      accept_some();
    if (deadline <= now)
      server_expire();
    server_continue();
  }
}

static void on_signal(int number) {
  (void)number;
  stop_signal = 1;
}

static void fail(const char *what) {
  fprintf(stderr, "web-native: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int listen_at(const char *where) {
  char address[64];
  const char *colon = strrchr(where, ':');
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (!colon || colon - where >= (int)sizeof address) {
    fprintf(stderr, "web-native: --listen needs ADDRESS:PORT, such as 127.0.0.1:8080, and not %s\n", where);
    exit(2);
  }
  memcpy(address, where, (size_t)(colon - where));
  address[colon - where] = 0;
  to.sin_port = htons((uint16_t)atoi(colon + 1));
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
    fprintf(stderr, "web-native: %s is not an IPv4 address\n", address);
    exit(2);
  }
  int one = 1;
  socklen_t length = sizeof to;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&to, sizeof to) || listen(listener, 4096) ||
      getsockname(listener, (struct sockaddr *)&to, &length))
    fail(where);
  printf("web-native: serves at http://%s:%u/\n", address, ntohs(to.sin_port));
  fflush(stdout);
  return listener;
}

static const char help[] = "Usage: web-native --root DIRECTORY [--listen ADDRESS:PORT] [--hurry N]\n"
                           "Serves the files of a directory over HTTP, at 127.0.0.1:8080 unless --listen says where;\n"
                           "port 0 is one that is free. Says where when it listens. Ends in good order on SIGTERM.\n"
                           "--hurry makes all deadlines N times as short, for tests.\n";

int main(int count, char **arguments) {
  static const struct option options[] = {{"root", required_argument, 0, 'r'},
                                          {"listen", required_argument, 0, 'l'},
                                          {"hurry", required_argument, 0, 'q'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
  const char *root = NULL, *where = "127.0.0.1:8080";
  unsigned hurry = 1;
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    if (option == 'h') {
      fputs(help, stdout);
      return 0;
    }
    if (option == '?') {
      fputs(help, stderr);
      return 2;
    }
    if (option == 'q')
      hurry = (unsigned)atoi(optarg);
    else
      *(option == 'r' ? &root : &where) = optarg;
  }
  if (!root || optind != count) {
    fputs(help, stderr);
    return 2;
  }
  if (!native_storage_begin(root))
    fail(root);
  server_root = "";
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  now = clock_now(CLOCK_MONOTONIC_COARSE);
  server_begin(hurry);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listen_at(where), &event) != 0)
    fail("epoll");
  run();
  return 0;
}
