/* Where the file service starts. services.h says how. */
#include <signet/calls.h>
#include <signet/supervised.h>

#include "services/files.h"
#include "services/loop.h"

#define SUPERVISION UINT32_MAX /* what the loop calls the supervisor */

_Noreturn void service_main(const struct signet_startup *startup);
static bool serve(uint32_t client, struct service_buffer *buffer);
static void gone(uint32_t client);

static struct files_service service;
static struct service_loop loop = {.serve = serve, .gone = gone};
static struct signet_supervised supervised;

static bool serve(uint32_t client, struct service_buffer *buffer) {
  if (client == SUPERVISION) {
    signet_supervised_handle(&supervised, &buffer->message);
    return false;
  }
  files_serve(&service, &service.clients[client], buffer);
  return true;
}

static void gone(uint32_t client) {
  if (client != SUPERVISION)
    files_forget(&service, &service.clients[client]);
}

/* The client of that slot was started again: what its predecessor had open is closed. */
static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  (void)context;
  (void)restarts;
  (void)client;
  if (slot >= service.client_count)
    return 0;
  service_loop_leave(&loop, slot);
  struct signet_result result = signet_channel_create((const void *)&files_contract, FILES_CONTRACT_LENGTH);
  if (result.status != SIGNET_OK)
    return 0;
  uint32_t client_end = (uint32_t)result.value, server_end = (uint32_t)(result.value >> 32);
  if (service_loop_join(&loop, server_end, slot))
    return client_end;
  signet_handle_close(server_end);
  signet_handle_close(client_end);
  return 0;
}

static const struct signet_supervised_calls supervised_calls = {.client_wanted = client_wanted};

_Noreturn void service_main(const struct signet_startup *startup) {
  if (!files_begin(&service, startup))
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  for (uint32_t i = 0; i < service.client_count; i++)
    service_loop_join(&loop, service.clients[i].endpoint, i);
  if (service.supervision)
    service_loop_join(&loop, service.supervision, SUPERVISION);
  signet_supervised_begin(&supervised, service.supervision, &supervised_calls, NULL);
  service_loop_run(&loop);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
