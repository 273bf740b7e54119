/* The file service's state and its one function that answers a request. Used by files_main.c, and by the tests, which
 * call it directly. One thread. */
#ifndef SERVICES_FILES_H
#define SERVICES_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

#include "services/answer.h"
#include "services/services.h"

#define FILES_CLIENTS_MOST SIGNET_SLOTS_MOST
#define FILES_OPEN_MOST 1024 /* open files of all clients together: as many as a directory device may have open */

enum open_kind { OPEN_FREE = 0, OPEN_DEVICE = 1, OPEN_MADE_UP = 2 };

struct open_file {
  uint8_t kind;
  uint8_t writable;
  uint16_t mount;
  uint32_t number; /* DEVICE: the device's; MADE_UP: bytes of the mount's path */
};

struct files_client {
  uint32_t endpoint;
  struct open_file *open; /* FILES_OPEN_MOST of them, made at the first use; NULL until then */
};

struct files_service {
  const struct services_mount *mounts;
  uint32_t mount_count;
  uint32_t devices[SIGNET_SLOTS_MOST]; /* of each mount */
  uint64_t area_low, area_high;        /* memory for the clients' tables */
  uint32_t supervision;                /* endpoint; 0: nobody supervises */
  uint32_t client_count;
  struct files_client clients[FILES_CLIENTS_MOST];
};

/* Takes the start-up bytes; false if they make no sense. */
bool files_begin(struct files_service *service, const struct signet_startup *startup);
/* Makes the request in the buffer its answer. */
void files_serve(struct files_service *service, struct files_client *client, struct service_buffer *buffer);
/* The client is gone: closes what it had open. */
void files_forget(struct files_service *service, struct files_client *client);

#endif
