/* The services that come with Signet, as a table: what each needs to be started (services/services.h) and what it
 * offers. And the contracts by name. */
#include "manifest/model.h"
#include "services/services.h"

#define STACK (64u << 10)
#define ANY SIGNET_SLOTS_MOST

static const struct service services[] = {
    {.name = "network",
     .image = "network",
     .startup = STARTUP_PROGRAM,
     .offer = "network",
     .contract = "network",
     .client_slot = "client",
     .device_slot = "network",
     .networks = 1,
     .clients_most = ANY,
     .quota = {.memory = 64 << 20, .threads = 4, .handles = 256, .regions = 4 << 10},
     .stack = STACK},
    {.name = "files",
     .image = "files",
     .startup = STARTUP_FILES,
     .offer = "files",
     .contract = "files",
     .directories_most = ANY,
     .clients_most = ANY,
     .quota = {.memory = 2 << 20, .threads = 4, .handles = 64, .regions = 64},
     .each_client = {.memory = 1 << 20, .handles = 8, .regions = 8},
     .stack = STACK},
    {.name = "console",
     .image = "console",
     .startup = STARTUP_CONSOLE,
     .offer = "streams",
     .contract = CONSOLE_CONTRACT,
     .streams = 1,
     .clients_most = SERVICES_CONSOLE_CLIENTS_MOST,
     .quota = {.memory = 2 << 20, .threads = 8, .handles = 32, .regions = 32},
     /* A block with each of three answers that it does not take, and more: so it takes no room from the others. */
     .each_client = {.memory = 1 << 20, .handles = 8, .regions = 8},
     .stack = STACK},
    {.name = "names",
     .image = "names",
     .startup = STARTUP_PROGRAM,
     .offer = "names",
     .contract = "names",
     .client_slot = "",
     .clients_most = ANY,
     .quota = {.memory = SERVICES_NAMES_MEMORY, .threads = 2, .handles = 512, .regions = 64},
     .each_client = {.memory = SERVICES_NAMES_MEMORY_EACH},
     .stack = STACK},
};
#define SERVICES (sizeof services / sizeof *services)

const struct service *service_find(const char *name) {
  for (size_t i = 0; i < SERVICES; i++)
    if (strcmp(services[i].name, name) == 0)
      return &services[i];
  return NULL;
}

const char *const *service_names(uint32_t *count) {
  static const char *names[SERVICES];
  for (size_t i = 0; i < SERVICES; i++)
    names[i] = services[i].name;
  *count = SERVICES;
  return names;
}

const struct contract *contract_named(const char *name) {
  for (uint32_t i = 0; i < contract_count; i++)
    if (strcmp(contracts[i].name, name) == 0)
      return &contracts[i];
  return NULL;
}
