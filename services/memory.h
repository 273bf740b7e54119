/* The state of the file service in memory and its one function that answers a request. Used by memory_main.c, and by
 * the tests, which call it directly. One thread. */
#ifndef SERVICES_MEMORY_H
#define SERVICES_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

#include "lib/tree.h"
#include "services/answer.h"
#include "services/services.h"

#define MEMORY_CLIENTS_MOST (SIGNET_SLOTS_MOST - 1)
#define MEMORY_OPEN_MOST 1024 /* open files of one client */

struct memory_open {
  struct tree_node *node; /* NULL: the number is free */
  bool reads, writes, appends;
};

struct memory_client {
  uint32_t endpoint;
  struct memory_open *open; /* MEMORY_OPEN_MOST of them, made at the first use; NULL until then */
};

struct memory_service {
  struct tree tree;
  uint32_t client_count;
  struct memory_client clients[MEMORY_CLIENTS_MOST];
};

/* Takes the start-up bytes and reads the files. -> 0, or the SERVICES_END_* to end with. */
uint32_t memory_begin(struct memory_service *service, const struct signet_startup *startup);
/* Makes the request in the buffer its answer. */
void memory_serve(struct memory_service *service, struct memory_client *client, struct service_buffer *buffer);
/* The client is gone: closes what it had open. */
void memory_forget(struct memory_client *client);

#endif
