/* Where the serial driver starts, and its two threads: one serves its clients, the other waits for the interrupt.
 * services.h says how it is started. */
#include <stddef.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "services/loop.h"
#include "services/serial.h"

#define EVENTS_CLIENT SERVICES_CONSOLE_STREAMS /* in the loop: the channel of events */

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(const struct signet_startup *startup);
void service_thread_entry(void *startup);

static uint8_t interrupt_stack[0x4000] __attribute__((aligned(16)));
static uint32_t clients = SERVICES_CONSOLE_STREAMS;

static bool serve(uint32_t client, struct service_buffer *buffer) {
  if (client != EVENTS_CLIENT)
    return serial_serve(client, buffer);
  serial_event_taken();
  return false;
}

static void gone(uint32_t client) {
  if (client == EVENTS_CLIENT) {
    serial_events_gone();
    return;
  }
  serial_gone(client);
  if (--clients)
    return;
  serial_drain();
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

void service_thread(const struct signet_startup *startup) {
  struct signet_device_request request = {.operation = SIGNET_INTERRUPT_WAIT};
  struct signet_result result;
  do {
    serial_interrupt(); /* the first time: what came before anybody waited */
    result = signet_device_request(startup->handles[4], &request);
  } while (result.status == SIGNET_OK || result.status == SIGNET_INTERRUPTED);
  signet_thread_exit(NULL);
}

void service_main(const struct signet_startup *startup) {
  struct service_loop loop = {.serve = serve, .gone = gone, .count = SERVICES_CONSOLE_STREAMS + 1};
  uint32_t wrong = serial_begin(startup);
  if (wrong)
    signet_process_exit(SIGNET_ENDED_EXIT, wrong);
  for (uint32_t i = 0; i < SERVICES_CONSOLE_STREAMS; i++) {
    loop.endpoint[i] = startup->handles[i];
    loop.client[i] = i;
  }
  loop.endpoint[EVENTS_CLIENT] = startup->handles[5];
  loop.client[EVENTS_CLIENT] = EVENTS_CLIENT;
  if (signet_thread_create(service_thread_entry, interrupt_stack + sizeof interrupt_stack, (void *)startup, NULL)
          .status != SIGNET_OK)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_MEMORY);
  service_loop_run(&loop);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
