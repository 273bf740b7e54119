/* The control socket of a running system: what `signet up` serves to its owner, and `ps`, `top`, `trace` and `kill`
 * ask. Requests and replies are structures of one size, in this machine's order of bytes; both sides are this command.
 * Neither side believes the other. */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>

#include "kernel/kernel.h"

#define CONTROL_MAGIC 0x544e4753u
#define CONTROL_VERSION 1u /* raised with any change of what is sent, the kernel's records included */
#define CONTROL_PAYLOAD_MOST (128u << 10)

enum control_kind {
  CONTROL_DESCRIBE = 1,    /* struct control_system, then its struct control_process */
  CONTROL_PROCESSES = 2,   /* argument: after which number. struct signet_observed_process */
  CONTROL_CHANNELS = 3,    /* the same; struct signet_observed_channel */
  CONTROL_STATISTICS = 4,  /* struct kernel_statistics */
  CONTROL_TRACE_BEGIN = 5, /* argument: records to keep. It ends with the connection. STATE: somebody else traces */
  CONTROL_TRACE_TAKE = 6,  /* struct kernel_trace_record; value: how many were lost */
  CONTROL_TRACE_END = 7,
  CONTROL_KILL = 8, /* argument: a process's number */
};

struct control_request {
  uint32_t magic;
  uint16_t version;
  uint16_t kind;
  uint64_t argument;
};

struct control_reply {
  uint32_t magic;
  uint16_t version;
  uint16_t status; /* enum signet_status; DENIED: the peer is not the owner */
  uint32_t count;  /* of records */
  uint32_t length; /* of what follows, bytes */
  uint64_t value;
};

struct control_system {
  char name[64];
  uint64_t started, now; /* CLOCK_MONOTONIC */
  uint32_t host;         /* the host's number of the process that runs it */
  uint32_t supervisor;   /* the kernel's number of the supervisor */
  uint32_t cpus, processes;
};

/* A process of the manifest. */
struct control_process {
  char name[32];
  uint32_t ended;  /* how often it has */
  uint32_t number; /* of the one that ended last; 0: none did */
  struct signet_ending ending;
};

/* ---- control_socket.c: where the socket is. One thread; before the seal, but for control_socket_remove ---- */

struct control_socket {
  int listener;  /* -1: none */
  int directory; /* that the socket is in */
  const char *path;
  uint64_t device, inode; /* of the socket, so that no other is removed */
};
/* Makes the socket of a system, at `path` or, if that is NULL, where the commands look for a system of that name. A
 * socket that nobody serves any more is replaced. False: it has been said why. */
bool control_socket_make(struct control_socket *socket, const char *path, const char *name);
void control_socket_remove(struct control_socket *socket);
/* Connects to the running system of that name, the one at that path (it has a "/"), or, with NULL, the only one that
 * runs. -1: it has been said why. */
int control_socket_connect(const char *system);
/* --socket: the path, with a "/" in it. */
const char *control_socket_path(const char *path);
/* The system that a command is about, behind its options: that of --socket, which is in `system` then, or the one that
 * is named, or NULL. False: several are named, and it has been said. */
bool control_system_named(const char *command, int count, char **arguments, const char **system);

/* ---- control_server.c: the thread that serves it ---- */

struct control_server {
  int listener;
  struct control_system system;
  void (*processes)(struct control_process *rows); /* writes system.processes rows; any thread */
};
/* Starts the threads that serve the socket, before the seal and after the last device was made. False: no thread. */
bool control_server_start(const struct control_server *server);

/* ---- control_client.c: asking. One thread ---- */

struct control_client {
  int socket;
  struct control_reply reply; /* the last one */
  void *payload;              /* what came with it, reply.length bytes */
  const char *problem;        /* why there was no answer */
};
/* False: it has been said why. `system` as for control_socket_connect. */
bool control_open(struct control_client *client, const char *system);
void control_close(struct control_client *client);
/* `record`: the size of the records that the answer must consist of; 0: it must be empty. False: there is no answer,
 * and client->problem says why; the client is of no more use. */
bool control_ask(struct control_client *client, enum control_kind kind, uint64_t argument, size_t record,
                 enum signet_status *status);

#endif
