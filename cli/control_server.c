/* Owns the two threads of a sealed system that answer its owner: one talks to the peers, under a filter that lets it do
 * little else; one kills processes, which takes what a processor may do. Everything is bounded and made beforehand: a
 * peer that is slow, talks nonsense or comes a hundred times harms other peers at most. The kernel's lock is held by
 * the kernel alone, for as long as it writes into a reply, and never while anything is sent. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli/control.h"
#include "port/linux/linux.h"

#define PEERS 16
#define ADMITTED_AT_ONCE 64
#define PATIENCE 5000000000ull    /* for the rest of a request, and for a reply to be taken */
#define ACCEPT_AGAIN 200000000ull /* after the host had no room for a connection */
#define TRACE_RECORDS_MOST (1u << 16)
#define NOBODY UINT32_MAX

struct peer {
  int socket;          /* -1: free */
  uint32_t got;        /* bytes of the request */
  uint32_t sent, size; /* bytes of the reply; size 0: none is on its way */
  uint64_t used;       /* when it last asked */
  uint64_t deadline;   /* SIGNET_NEVER: it may take its time */
  struct control_request request;
};

struct answer {
  struct control_reply head;
  uint64_t payload[CONTROL_PAYLOAD_MOST / sizeof(uint64_t)];
};

static struct control_server server;
static struct peer peers[PEERS];
static struct answer answers[PEERS];
static uint32_t tracer = NOBODY;
static uid_t owner;
static int reserve; /* a descriptor for the time when the host has no more of them; -1: it is in use */

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* ---- Killing ---- */

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  uint32_t number; /* of the process to kill; 0: none */
  enum signet_status status;
} killer = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *killer_run(void *unused) {
  pthread_mutex_lock(&killer.mutex);
  for (;;) {
    while (!killer.number)
      pthread_cond_wait(&killer.changed, &killer.mutex);
    killer.status = kernel_process_kill(killer.number);
    killer.number = 0;
    pthread_cond_broadcast(&killer.changed);
  }
  return unused;
}

static enum signet_status kill_process(uint64_t number) {
  if (!number || number > UINT32_MAX)
    return SIGNET_HANDLE;
  pthread_mutex_lock(&killer.mutex);
  killer.number = (uint32_t)number;
  pthread_cond_broadcast(&killer.changed);
  while (killer.number)
    pthread_cond_wait(&killer.changed, &killer.mutex);
  enum signet_status status = killer.status;
  pthread_mutex_unlock(&killer.mutex);
  return status;
}

/* ---- Answers ---- */

static void records(struct answer *answer, size_t count, size_t size) {
  answer->head.count = (uint32_t)count;
  answer->head.length = (uint32_t)(count * size);
}

static void describe(struct answer *answer) {
  struct control_system *system = (void *)answer->payload;
  *system = server.system;
  system->now = now();
  server.processes((void *)(system + 1));
  answer->head.count = 1;
  answer->head.length = (uint32_t)(sizeof *system + system->processes * sizeof(struct control_process));
}

static enum signet_status trace_begin(uint32_t peer, uint64_t keep) {
  if (tracer != NOBODY)
    return SIGNET_STATE;
  if (!keep || keep > TRACE_RECORDS_MOST)
    return SIGNET_ARGUMENT;
  enum signet_status status = kernel_trace_begin((uint32_t)keep);
  if (status == SIGNET_OK)
    tracer = peer;
  return status;
}

static void trace_end(void) {
  kernel_trace_end();
  tracer = NOBODY;
}

static enum signet_status make_answer(uint32_t peer, struct answer *answer) {
  const struct control_request *request = &peers[peer].request;
  void *payload = answer->payload;
  switch (request->kind) {
  case CONTROL_DESCRIBE:
    describe(answer);
    return SIGNET_OK;
  case CONTROL_PROCESSES:
    records(answer, kernel_observe(SIGNET_OBSERVE_PROCESSES, request->argument, payload, CONTROL_PAYLOAD_MOST),
            sizeof(struct signet_observed_process));
    return SIGNET_OK;
  case CONTROL_CHANNELS:
    records(answer, kernel_observe(SIGNET_OBSERVE_CHANNELS, request->argument, payload, CONTROL_PAYLOAD_MOST),
            sizeof(struct signet_observed_channel));
    return SIGNET_OK;
  case CONTROL_STATISTICS:
    kernel_statistics(payload);
    records(answer, 1, sizeof(struct kernel_statistics));
    return SIGNET_OK;
  case CONTROL_TRACE_BEGIN:
    return trace_begin(peer, request->argument);
  case CONTROL_TRACE_TAKE:
    if (tracer != peer)
      return SIGNET_STATE;
    records(answer,
            kernel_trace_take(payload, CONTROL_PAYLOAD_MOST / sizeof(struct kernel_trace_record), &answer->head.value),
            sizeof(struct kernel_trace_record));
    return SIGNET_OK;
  case CONTROL_TRACE_END:
    if (tracer != peer)
      return SIGNET_STATE;
    trace_end();
    return SIGNET_OK;
  case CONTROL_KILL:
    return kill_process(request->argument);
  default:
    return SIGNET_UNSUPPORTED;
  }
}

/* ---- Peers ---- */

static bool has_left(int socket) {
  struct pollfd polled = {.fd = socket};
  return poll(&polled, 1, 0) > 0 && polled.revents & POLLHUP;
}

/* The connection of a peer who has left, and does not wait for its end, is the new reserve where there is none: one
 * that was closed and made again might be another's in between. */
static void end(uint32_t number) {
  int *socket = &peers[number].socket;
  if (tracer == number)
    trace_end();
  if (reserve < 0 && has_left(*socket))
    reserve = *socket;
  else
    close(*socket);
  *socket = -1;
}

static void refuse(int socket, enum signet_status status) {
  const struct control_reply reply = {.magic = CONTROL_MAGIC, .version = CONTROL_VERSION, .status = (uint16_t)status};
  send(socket, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends what the peer takes now. */
static void send_more(uint32_t number) {
  struct peer *peer = &peers[number];
  const uint8_t *bytes = (const uint8_t *)&answers[number];
  ssize_t sent = send(peer->socket, bytes + peer->sent, peer->size - peer->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    end(number);
    return;
  }
  peer->sent += sent > 0 ? (uint32_t)sent : 0;
  if (peer->sent < peer->size)
    return;
  peer->size = 0;
  peer->deadline = SIGNET_NEVER;
}

static void serve(uint32_t number) {
  struct peer *peer = &peers[number];
  struct answer *answer = &answers[number];
  if (peer->request.magic != CONTROL_MAGIC || peer->request.version != CONTROL_VERSION) {
    refuse(peer->socket, SIGNET_ARGUMENT);
    end(number);
    return;
  }
  answer->head = (struct control_reply){.magic = CONTROL_MAGIC, .version = CONTROL_VERSION};
  answer->head.status = (uint16_t)make_answer(number, answer);
  peer->got = 0;
  peer->sent = 0;
  peer->size = (uint32_t)sizeof answer->head + answer->head.length;
  peer->used = now();
  peer->deadline = peer->used + PATIENCE;
  send_more(number);
}

static void receive(uint32_t number) {
  struct peer *peer = &peers[number];
  ssize_t got =
      recv(peer->socket, (uint8_t *)&peer->request + peer->got, sizeof peer->request - peer->got, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got <= 0) {
    end(number);
    return;
  }
  if (!peer->got)
    peer->deadline = now() + PATIENCE;
  peer->got += (uint32_t)got;
  if (peer->got == sizeof peer->request)
    serve(number);
}

/* A free place; or that of the peer who has not asked for the longest, so that connections which do nothing keep nobody
 * out. */
static uint32_t place(void) {
  uint32_t oldest = 0;
  for (uint32_t i = 0; i < PEERS; i++) {
    if (peers[i].socket < 0)
      return i;
    if (peers[i].used < peers[oldest].used)
      oldest = i;
  }
  end(oldest);
  return oldest;
}

enum admitted { ADMITTED, NOBODY_WAITS, NO_ROOM /* of the host, now */ };

static enum admitted admit(void) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  int socket = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0 && (errno == EMFILE || errno == ENFILE) && reserve >= 0) {
    close(reserve);
    reserve = -1;
    socket = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  if (socket < 0)
    return errno == EAGAIN ? NOBODY_WAITS : errno == EINTR || errno == ECONNABORTED ? ADMITTED : NO_ROOM;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != owner) {
    refuse(socket, SIGNET_DENIED);
    close(socket);
    return ADMITTED;
  }
  peers[place()] = (struct peer){.socket = socket, .used = now(), .deadline = SIGNET_NEVER};
  return ADMITTED;
}

static int milliseconds_to(uint64_t deadline, uint64_t time) {
  if (deadline == SIGNET_NEVER)
    return -1;
  return deadline <= time ? 0 : (int)((deadline - time) / 1000000 + 1);
}

static void *server_run(void *unused) {
  struct pollfd polled[PEERS + 1];
  uint64_t accept_from = 0; /* 0: at once */
  for (;;) {
    uint64_t time = now(), deadline = accept_from ? accept_from : SIGNET_NEVER;
    if (accept_from && time >= accept_from)
      accept_from = 0;
    for (uint32_t i = 0; i < PEERS; i++) {
      if (peers[i].socket >= 0 && peers[i].deadline <= time)
        end(i);
      polled[i] = (struct pollfd){.fd = peers[i].socket, .events = peers[i].size ? POLLOUT : POLLIN};
      if (peers[i].socket >= 0 && peers[i].deadline < deadline)
        deadline = peers[i].deadline;
    }
    polled[PEERS] = (struct pollfd){.fd = accept_from ? -1 : server.listener, .events = POLLIN};
    if (poll(polled, PEERS + 1, milliseconds_to(deadline, time)) <= 0)
      continue;
    for (uint32_t i = 0; i < PEERS; i++) {
      if (!polled[i].revents)
        continue;
      if (!peers[i].size)
        receive(i);
      else if (polled[i].revents & POLLOUT)
        send_more(i);
      else
        end(i);
    }
    enum admitted last = polled[PEERS].revents ? ADMITTED : NOBODY_WAITS;
    for (int i = 0; i < ADMITTED_AT_ONCE && last == ADMITTED; i++)
      last = admit();
    if (last == NO_ROOM)
      accept_from = now() + ACCEPT_AGAIN;
  }
  return unused;
}

bool control_server_start(const struct control_server *from) {
  server = *from;
  owner = geteuid();
  reserve = dup(server.listener);
  for (uint32_t i = 0; i < PEERS; i++)
    peers[i].socket = -1;
  return linux_host_thread_start(LINUX_THREAD_ORDINARY, killer_run, NULL) &&
         linux_host_thread_start(LINUX_THREAD_CONTROL, server_run, NULL);
}
