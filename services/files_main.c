/* Where the file service starts. services.h says how. */
#include <signet/calls.h>

#include "services/files.h"
#include "services/loop.h"

_Noreturn void service_main(const struct signet_startup *startup);

static struct files_service service;

static bool serve(uint32_t client, struct service_buffer *buffer) {
  files_serve(&service, &service.clients[client], buffer);
  return true;
}

static void gone(uint32_t client) { files_forget(&service, &service.clients[client]); }

_Noreturn void service_main(const struct signet_startup *startup) {
  struct service_loop loop = {.serve = serve, .gone = gone};
  if (!files_begin(&service, startup))
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  for (; loop.count < service.client_count; loop.count++) {
    loop.endpoint[loop.count] = service.clients[loop.count].endpoint;
    loop.client[loop.count] = loop.count;
  }
  service_loop_run(&loop);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
