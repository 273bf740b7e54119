/* What the parts of the network service share. network.c has the threads, network_listen.c its clients and their
 * listeners, network_stream.c connections, network_patience.c which of them have waited long enough. Everything but the
 * loops is called with the lock of network.c held. */
#ifndef SERVICES_NETWORK_H
#define SERVICES_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>
#include <signet/device.h>

#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/stream.h"

/* Room for any message of its contracts; each thread has one. */
union network_message {
  struct signet_message message;
  struct network_buffer network;
  struct listener_buffer listener;
  struct stream_buffer stream;
};

/* The key of an endpoint in the set: what it is above, which one below. */
enum network_key { NETWORK_KEY_CLIENT, NETWORK_KEY_LISTENER, NETWORK_KEY_STREAM, NETWORK_KEY_SUPERVISION };
static inline uint64_t network_key(enum network_key kind, uint32_t index) { return (uint64_t)kind << 32 | index; }

struct network_service {
  uint32_t device, set;
  uint32_t streams;   /* connections that were granted */
  uint32_t listeners; /* of the device */
  bool scarce;        /* the host had no room for a connection; it tells again of who waits */
  bool freed;         /* a connection has ended since network_listeners_resume looked */
  uint64_t area_next, area_high;
};
extern struct network_service network;

/* ---- network.c ---- */

/* Asks the device. */
struct signet_result network_ask(uint32_t operation, uint64_t first, uint64_t second, const void *buffer,
                                 uint32_t length);
/* More memory. `length` is a multiple of the page. -> a status: QUOTA, or MEMORY: the host has none now. */
int64_t network_memory(uint64_t length, void **memory);
/* Puts a new channel's server end into the set; the client's end, or 0. */
uint32_t network_channel(const void *contract, uint64_t length, uint64_t key, uint32_t *server);

/* ---- network_listen.c ---- */

/* True if the device's listeners could be read. */
bool network_listen_begin(void);
/* A client at that start-up slot; what was there before ends. -> a status: CONTRACT, the endpoint is none of it. */
int64_t network_client_add(uint32_t slot, uint32_t endpoint);
/* The client's end of a new channel for it, or 0. */
uint32_t network_client_new(uint32_t slot);
void network_client_request(uint32_t slot, union network_message *message);
void network_client_closed(uint32_t slot);
/* A connection that was to be made for it stands, or has failed. */
void network_client_connected(uint32_t slot, union network_message *message);
/* When connections that take too long end; gives those up that have. */
uint64_t network_client_deadline(void);
void network_client_expire(union network_message *message);
bool network_clients_any(void);
/* A connection is the client's, wherever its stream went; or has ended. Each client may have its share of them all, so
 * that none keeps another from having any. */
void network_client_count(uint32_t slot, int more);

void network_listener_request(uint32_t index, union network_message *message);
void network_listener_closed(uint32_t index);
void network_listener_arrived(uint32_t index, union network_message *message);
/* Called when something was done: there may be room for a connection again. */
void network_listeners_resume(union network_message *message);

/* ---- network_stream.c ---- */

/* Makes room for all connections. -> as network_memory. */
int64_t network_stream_begin(void);
/* A connection that the device has given for the client at the slot: the client's end of its channel, or 0, and then it
 * is closed. */
uint32_t network_stream_new(uint32_t number, uint32_t slot);
/* One that is being made for the client at the slot. network_stream_made: it stands, as network_stream_new. */
void network_stream_making(uint32_t number, uint32_t slot);
uint32_t network_stream_made(uint32_t number);
/* Closes it with all that is under way. */
void network_stream_drop(uint32_t number);
void network_stream_request(uint32_t index, union network_message *message);
void network_stream_closed(uint32_t index);
void network_stream_event(const struct signet_network_event *event, union network_message *message);
bool network_streams_any(void);
/* When the patience of requests ends; answers those whose patience has. */
uint64_t network_streams_deadline(void);
void network_streams_expire(union network_message *message);

#endif
