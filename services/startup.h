/* The start-up bytes of services that have none of their own: struct signet_program of include/signet/image.h, of which
 * a service needs the names of its start-up slots and its arguments. One thread. */
#ifndef SERVICES_STARTUP_H
#define SERVICES_STARTUP_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

#define SERVICE_NO_SLOT UINT32_MAX

struct service_startup {
  const struct signet_startup *startup;
  uint32_t arguments;
  const char *argument;                /* the first; each is behind the NUL of the one before */
  const char *slot[SIGNET_SLOTS_MOST]; /* names */
};

/* False: the bytes are not those of a program, or name not each slot once. What is found points into them. */
bool service_startup(const struct signet_startup *startup, struct service_startup *found);
/* The number of the slot of that name, or SERVICE_NO_SLOT. */
uint32_t service_slot(const struct service_startup *found, const char *name);
/* The handle in it, or 0. */
uint32_t service_slot_handle(const struct service_startup *found, const char *name);

#endif
