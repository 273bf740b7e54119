/* The network service: answers contracts/network.contract, and listener and stream for what it gives, with the network
 * device it was given, and with nothing else. A sealed process of its own; services.h says how it is started.
 *
 * Two threads. One waits for requests, at a set that all endpoints are in; the other for events of the device. All that
 * they share is behind one lock, which is free when they meet it, but for the tick that stops one of them inside. */
#include "services/network.h"

#include <signet/calls.h>
#include <signet/supervised.h>

#include "lib/scarcity.h"
#include "services/services.h"
#include "services/startup.h"

#define EVENTS_AT_ONCE 64
#define EVENTS_STACK 0x8000
#define SCARCITY 20000000        /* nanoseconds until the host is asked again for what it had no room for */
#define MESSAGES_WITHOUT_LOOK 32 /* at the clock, while deadlines are there */

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(void *unused);
void service_thread_entry(void *unused);

struct network_service network;
static struct signet_supervised supervised;
static uint8_t events_stack[EVENTS_STACK] __attribute__((aligned(16)));

/* 0 free, 1 held, 2 held and waited for. */
static uint32_t lock_word;

static void lock(void) {
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(&lock_word, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return;
  while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
    signet_word_wait(&lock_word, 2, SIGNET_NEVER);
}

static void unlock(void) {
  if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
    signet_word_wake(&lock_word, 1);
}

/* `status` is what failed: where the host had no memory for it, the next start may find some, and nothing is refused.
 */
_Noreturn static void give_up(enum services_end end, int64_t status, const char *why) {
  if (status != SIGNET_MEMORY)
    signet_supervised_refuse(supervised.endpoint, why);
  signet_process_exit(SIGNET_ENDED_EXIT, end);
}

/* ---- For the other parts ---- */

struct signet_result network_ask(uint32_t operation, uint64_t first, uint64_t second, const void *buffer,
                                 uint32_t length) {
  struct signet_device_request request = {.operation = operation,
                                          .buffer_offset = (uint32_t)(uintptr_t)buffer,
                                          .buffer_length = length,
                                          .arguments = {first, second}};
  return signet_device_request(network.device, &request);
}

int64_t network_memory(uint64_t length, void **memory) {
  uint64_t at = network.area_next;
  if (network.area_high - at < length)
    return SIGNET_QUOTA;
  struct signet_result mapped = signet_memory_map(at, length, SIGNET_PROTECT_WRITE);
  if (mapped.status != SIGNET_OK)
    return mapped.status;
  network.area_next += length;
  *memory = (void *)(uintptr_t)at;
  return SIGNET_OK;
}

uint32_t network_channel(const void *contract, uint64_t length, uint64_t key, uint32_t *server) {
  *server = 0;
  struct signet_result made = signet_channel_create(contract, length);
  if (made.status != SIGNET_OK)
    return 0;
  *server = (uint32_t)(made.value >> 32);
  if (signet_set_insert(network.set, *server, key).status == SIGNET_OK)
    return (uint32_t)made.value;
  signet_handle_close(*server);
  signet_handle_close((uint32_t)made.value);
  *server = 0;
  return 0;
}

/* ---- The supervisor ---- */

static uint32_t on_client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  (void)context, (void)restarts, (void)client;
  return network_client_new(slot);
}

/* Clients are told before: what they left is in the host's hands. */
static void on_stop(void *context, uint64_t deadline) {
  (void)context, (void)deadline;
  signet_supervised_stopped(&supervised);
}

static const struct signet_supervised_calls calls = {.client_wanted = on_client_wanted, .stop = on_stop};

/* ---- The two threads ---- */

static void on_event(const struct signet_network_event *event, union network_message *message) {
  if (event->what & SIGNET_NETWORK_ARRIVED)
    network_listener_arrived(event->number, message);
  else
    network_stream_event(event, message);
}

void service_thread(void *unused) {
  static uint32_t nobody_wakes;
  (void)unused;
  static struct signet_network_event events[EVENTS_AT_ONCE];
  static union network_message message;
  for (;;) {
    struct signet_result result = network_ask(SIGNET_NETWORK_WAIT, 0, 0, events, sizeof events);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    if (result.status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_DEVICE);
    lock();
    for (uint32_t i = 0; i < result.value && i < EVENTS_AT_ONCE; i++)
      on_event(&events[i], &message);
    network_listeners_resume(&message);
    bool scarce = network.scarce;
    network.scarce = false;
    unlock();
    if (scarce)
      signet_word_wait(&nobody_wakes, 0, signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + SCARCITY);
  }
}

static void on_request(uint64_t key, union network_message *message) {
  uint32_t index = (uint32_t)key;
  switch ((enum network_key)(key >> 32)) {
  case NETWORK_KEY_STREAM:
    network_stream_request(index, message);
    break;
  case NETWORK_KEY_LISTENER:
    network_listener_request(index, message);
    break;
  case NETWORK_KEY_CLIENT:
    network_client_request(index, message);
    break;
  case NETWORK_KEY_SUPERVISION:
    signet_supervised_handle(&supervised, &message->message);
    break;
  }
}

static void on_closed(uint64_t key) {
  uint32_t index = (uint32_t)key;
  switch ((enum network_key)(key >> 32)) {
  case NETWORK_KEY_STREAM:
    network_stream_closed(index);
    break;
  case NETWORK_KEY_LISTENER:
    network_listener_closed(index);
    break;
  case NETWORK_KEY_CLIENT:
    network_client_closed(index);
    break;
  case NETWORK_KEY_SUPERVISION:
    signet_supervised_handle(&supervised, NULL);
    break;
  }
}

static uint64_t next_deadline(void) {
  uint64_t clients = network_client_deadline(), streams = network_streams_deadline();
  return clients < streams ? clients : streams;
}

static void expire(union network_message *message) {
  network_client_expire(message);
  network_streams_expire(message);
}

/* Returns when there is nobody left to serve. */
static void serve(void) {
  static union network_message message;
  uint32_t until_look = MESSAGES_WITHOUT_LOOK; /* where there is always one, no wait ends with its deadline */
  lock();
  while (supervised.endpoint || network_clients_any() || network_streams_any()) {
    uint64_t deadline = next_deadline();
    unlock();
    struct signet_result result = signet_set_receive(network.set, &message.message, sizeof message, deadline);
    if (result.status == SIGNET_MEMORY)
      scarcity_wait();
    lock();
    switch (result.status) {
    case SIGNET_OK:
      on_request(result.value, &message);
      break;
    case SIGNET_TIMEOUT:
      until_look = 1;
      break;
    case SIGNET_INTERRUPTED:
    case SIGNET_MEMORY:
      break;
    default: /* Closed; or what it sent has no room here, which no honest client's has not. */
      on_closed(result.value);
    }
    if (deadline != SIGNET_NEVER && --until_look == 0) {
      until_look = MESSAGES_WITHOUT_LOOK;
      expire(&message);
    }
    network_listeners_resume(&message);
  }
}

/* ---- The beginning ---- */

static void take_device(void) {
  struct signet_network_status status;
  struct signet_result kind = network_ask(SIGNET_DEVICE_IDENTIFY, 0, 0, NULL, 0);
  if (kind.status != SIGNET_OK || kind.value != SIGNET_DEVICE_NETWORK ||
      network_ask(SIGNET_NETWORK_STATUS, 0, 0, &status, sizeof status).status != SIGNET_OK)
    give_up(SERVICES_END_DEVICE, SIGNET_DEVICE, "what is in its slot \"network\" does not answer as a network device");
  network.streams = status.connections;
  network.listeners = status.listeners;
  if (!network_listen_begin())
    give_up(SERVICES_END_DEVICE, SIGNET_DEVICE, "its network device does not tell where it listens");
}

static void take_clients(const struct service_startup *found) {
  for (uint32_t i = 0; i < found->startup->slots; i++) {
    uint32_t endpoint = found->startup->handles[i];
    if (endpoint == network.device || endpoint == supervised.endpoint)
      continue;
    int64_t status = network_client_add(i, endpoint);
    if (status != SIGNET_OK)
      give_up(SERVICES_END_STARTUP, status, "a start-up slot holds what is neither its device nor a client");
  }
}

void service_main(const struct signet_startup *startup) {
  struct service_startup found;
  if (!service_startup(startup, &found))
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  supervised.endpoint = service_slot_handle(&found, "supervision");
  network.device = service_slot_handle(&found, "network");
  network.area_next = startup->area_low;
  network.area_high = startup->area_high;
  take_device();
  struct signet_result set = signet_set_create();
  network.set = (uint32_t)set.value;
  int64_t status = set.status == SIGNET_OK ? network_stream_begin() : set.status;
  if (status != SIGNET_OK)
    give_up(SERVICES_END_MEMORY, status, "its quota has no room for so many connections");
  take_clients(&found);
  signet_supervised_begin(&supervised, supervised.endpoint, &calls, NULL);
  if (supervised.endpoint &&
      signet_set_insert(network.set, supervised.endpoint, network_key(NETWORK_KEY_SUPERVISION, 0)).status != SIGNET_OK)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_MEMORY);
  if (signet_thread_create(service_thread_entry, events_stack + sizeof events_stack, NULL, NULL).status != SIGNET_OK)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_MEMORY);
  serve();
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
