/* Where the file service in memory starts. services.h says how. */
#include <signet/calls.h>

#include "services/loop.h"
#include "services/memory.h"

_Noreturn void service_main(const struct signet_startup *startup);

static struct memory_service service;

static bool serve(uint32_t client, struct service_buffer *buffer) {
  memory_serve(&service, &service.clients[client], buffer);
  return true;
}

static void gone(uint32_t client) { memory_forget(&service.clients[client]); }

_Noreturn void service_main(const struct signet_startup *startup) {
  struct service_loop loop = {.serve = serve, .gone = gone};
  uint32_t wrong = memory_begin(&service, startup);
  if (wrong)
    signet_process_exit(SIGNET_ENDED_EXIT, wrong);
  for (; loop.count < service.client_count; loop.count++) {
    loop.endpoint[loop.count] = service.clients[loop.count].endpoint;
    loop.client[loop.count] = loop.count;
  }
  service_loop_run(&loop);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
