/* The file service's loop: waits for all clients, answers each request, ends with the last client. services.h says how
 * it is started. */
#include <stddef.h>

#include <signet/calls.h>

#include "services/files.h"

_Noreturn void service_main(const struct signet_startup *startup);

static struct files_service service;

static void drop(uint32_t index) {
  files_forget(&service, &service.clients[index]);
  signet_handle_close(service.clients[index].endpoint);
  service.clients[index] = service.clients[--service.client_count];
}

/* A message could not be taken because its block does not fit into this process's quota: no honest client sends such.
 */
static void drop_oversized(struct service_buffer *buffer) {
  for (uint32_t i = 0; i < service.client_count; i++) {
    struct signet_result result =
        signet_channel_receive(&service.clients[i].endpoint, 1, &buffer->message, sizeof *buffer, 0);
    if (result.status == SIGNET_OK) {
      files_serve(&service, &service.clients[i], buffer);
      signet_channel_send(service.clients[i].endpoint, &buffer->message);
    } else if (result.status != SIGNET_TIMEOUT && result.status != SIGNET_INTERRUPTED) {
      drop(i--);
    }
  }
}

_Noreturn void service_main(const struct signet_startup *startup) {
  struct service_buffer buffer;
  if (!files_begin(&service, startup))
    signet_process_exit(SIGNET_ENDED_EXIT, 125);
  while (service.client_count) {
    uint32_t endpoints[FILES_CLIENTS_MOST];
    for (uint32_t i = 0; i < service.client_count; i++)
      endpoints[i] = service.clients[i].endpoint;
    struct signet_result result =
        signet_channel_receive(endpoints, service.client_count, &buffer.message, sizeof buffer, SIGNET_NEVER);
    switch (result.status) {
    case SIGNET_OK:
      files_serve(&service, &service.clients[result.value], &buffer);
      signet_channel_send(endpoints[result.value], &buffer.message);
      break;
    case SIGNET_CLOSED:
      drop(result.value);
      break;
    case SIGNET_INTERRUPTED:
      break;
    default:
      drop_oversized(&buffer);
    }
  }
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
