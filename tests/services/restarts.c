/* The processes of tests/services/restarts.sh, sealed and supervised on the real kernel: `restarts serve` is a service
 * that crashes when it is told to; `restarts fall` is its client, and crashes when it has had an answer; `restarts
 * drive` is the main process: it has the service crash, again and again, and looks at what that costs and leaves
 * behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <signet/calls.h>
#include <signet/program.h>
#include <signet/supervised.h>

#include "contracts/extension.h"
#include "contracts/observation.h"

#define RESTARTS 1000
#define WARM 20 /* before what is held is counted */

static struct signet_supervised supervised;
static struct extension_buffer buffer;

static uint64_t now(void) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value; }

_Noreturn static void fail(const char *what, int64_t status) {
  printf("failed: %s: %lld\n", what, (long long)status);
  exit(1);
}

/* ---- The service ---- */

static uint32_t ends[SIGNET_SLOTS_MOST]; /* by slot; 0: there is no client */

static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  struct extension_client_READY given;
  struct extension_server_READY kept;
  (void)context, (void)restarts, (void)client;
  if (extension_create(&given, &kept) != SIGNET_OK)
    return 0;
  if (ends[slot])
    signet_handle_close(ends[slot]);
  ends[slot] = kept.handle;
  return given.handle;
}

static void answer(uint32_t end) {
  struct extension_REQUEST asked;
  struct extension_ANSWER answer = {.status = 200, .type = "text/plain", .type_length = 10};
  if (buffer.message.tag != EXTENSION_REQUEST || !extension_get_REQUEST(&buffer, &asked))
    fail("not a request", buffer.message.tag);
  if (strcmp(asked.target, "crash") == 0)
    __builtin_trap();
  extension_put_ANSWER(&buffer, &answer);
  signet_channel_send(end, &buffer.message);
}

static void serve(void) {
  static const struct signet_supervised_calls calls = {.client_wanted = client_wanted};
  for (uint32_t slot = 0; slot < SIGNET_SLOTS_MOST; slot++) {
    char name[16] = "extension";
    if (slot)
      snprintf(name, sizeof name, "extension.%u", slot + 1);
    if (signet_slot(name))
      ends[signet_slot_number(name)] = signet_slot(name);
  }
  signet_supervised_begin(&supervised, signet_slot("supervision"), &calls, NULL);
  for (;;) {
    uint32_t all[SIGNET_SLOTS_MOST + 1] = {supervised.endpoint}, slots[SIGNET_SLOTS_MOST + 1], count = 1;
    for (uint32_t slot = 0; slot < SIGNET_SLOTS_MOST; slot++)
      if (ends[slot]) {
        slots[count] = slot;
        all[count++] = ends[slot];
      }
    struct signet_result result = signet_channel_receive(all, count, &buffer.message, sizeof buffer, SIGNET_NEVER);
    if (result.status == SIGNET_OK && !result.value) {
      signet_supervised_handle(&supervised, &buffer.message);
    } else if (result.status == SIGNET_OK) {
      answer(all[result.value]);
    } else if (result.status == SIGNET_CLOSED && result.value) {
      signet_handle_close(all[result.value]);
      ends[slots[result.value]] = 0;
    } else {
      fail("the service receives", result.status);
    }
  }
}

/* ---- Clients ---- */

static struct extension_client_READY service;

/* True if it answers. */
static bool request(const char *target) {
  struct extension_REQUEST message = {.request = {.method = EXTENSION_METHOD_GET},
                                      .target = target,
                                      .target_length = (uint32_t)strlen(target),
                                      .query = "",
                                      .headers = ""};
  struct extension_client_REQUEST_ASKED waiting;
  struct extension_client_REQUEST_ASKED_received received;
  int64_t status = extension_call_REQUEST(&service, &waiting, &message, &received, &buffer, SIGNET_NEVER);
  if (status != SIGNET_OK) {
    extension_close_client_REQUEST_ASKED(&waiting);
    return false;
  }
  if (received.tag != EXTENSION_ANSWER)
    fail("another answer", received.tag);
  service = received.ANSWER.next;
  return true;
}

static void service_back(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts) {
  (void)context, (void)restarts;
  if (slot != signet_slot_number("service") || extension_adopt_client_READY(endpoint, &service) != SIGNET_OK)
    fail("what came back is another", slot);
}

static const struct signet_supervised_calls client_calls = {.service_back = service_back};

static void begin_client(void) {
  if (extension_adopt_client_READY(signet_slot("service"), &service) != SIGNET_OK)
    fail("the slot has no service", 0);
  signet_supervised_begin(&supervised, signet_slot("supervision"), &client_calls, NULL);
}

static void fall(void) {
  begin_client();
  if (!request("/"))
    fail("no answer", 0);
  __builtin_trap();
}

/* ---- Looking ---- */

static struct observation_client_READY observation;
static struct observation_buffer seen;

static struct observation_supervised row(const char *name) {
  struct observation_client_SUPERVISED_ASKED asked;
  struct observation_client_SUPERVISED_ASKED_received received;
  struct observation_SUPERVISED message = {0};
  if (observation_call_SUPERVISED(&observation, &asked, &message, &received, &seen, SIGNET_NEVER) != SIGNET_OK)
    fail("no rows", 0);
  observation = received.SUPERVISED_ARE.next;
  for (uint32_t i = 0; i < received.SUPERVISED_ARE.message.processes_count; i++)
    if (strcmp(received.SUPERVISED_ARE.message.processes[i].name, name) == 0)
      return received.SUPERVISED_ARE.message.processes[i];
  fail(name, 0);
}

/* What the supervisor and all of its processes hold, and how many there are. */
struct held {
  uint64_t supervisor, memory, handles, regions, processes, channels;
};

static struct held look(void) {
  struct held held = {0};
  struct observation_client_PROCESSES_ASKED processes_asked;
  struct observation_client_PROCESSES_ASKED_received processes;
  struct observation_PROCESSES all = {0};
  if (observation_call_PROCESSES(&observation, &processes_asked, &all, &processes, &seen, SIGNET_NEVER) != SIGNET_OK)
    fail("no processes", 0);
  observation = processes.PROCESSES_ARE.next;
  const struct signet_observed_process *records = (const void *)processes.PROCESSES_ARE.message.records;
  held.processes = processes.PROCESSES_ARE.message.records_count / sizeof *records;
  for (uint32_t i = 0; i < held.processes; i++) {
    if (strcmp(records[i].name, "supervisor") == 0)
      held.supervisor = records[i].used.memory;
    held.memory += records[i].used.memory;
    held.handles += records[i].used.handles;
    held.regions += records[i].used.regions;
  }
  struct observation_client_CHANNELS_ASKED channels_asked;
  struct observation_client_CHANNELS_ASKED_received channels;
  struct observation_CHANNELS every = {0};
  if (observation_call_CHANNELS(&observation, &channels_asked, &every, &channels, &seen, SIGNET_NEVER) != SIGNET_OK)
    fail("no channels", 0);
  observation = channels.CHANNELS_ARE.next;
  held.channels = channels.CHANNELS_ARE.message.records_count / sizeof(struct signet_observed_channel);
  return held;
}

static void compare(const char *what, const struct held *before, const struct held *after) {
  printf("%s: %s: before %llu/%llu bytes, %llu handles, %llu regions, %llu processes, %llu channels; after %llu/%llu, "
         "%llu, %llu, %llu, %llu\n",
         what, memcmp(before, after, sizeof *before) ? "not the same" : "the same",
         (unsigned long long)before->supervisor, (unsigned long long)before->memory,
         (unsigned long long)before->handles, (unsigned long long)before->regions,
         (unsigned long long)before->processes, (unsigned long long)before->channels,
         (unsigned long long)after->supervisor, (unsigned long long)after->memory, (unsigned long long)after->handles,
         (unsigned long long)after->regions, (unsigned long long)after->processes, (unsigned long long)after->channels);
}

/* ---- Driving ---- */

static int smaller(const void *one, const void *other) {
  const uint64_t *a = one, *b = other;
  return (*a > *b) - (*a < *b);
}

static void tell_times(const char *what, uint64_t *times) {
  qsort(times, RESTARTS, sizeof *times, smaller);
  printf("%s: median %llu us, 9 of 10 within %llu us, 99 of 100 within %llu us, most %llu us\n", what,
         (unsigned long long)times[RESTARTS / 2] / 1000, (unsigned long long)times[RESTARTS * 9 / 10] / 1000,
         (unsigned long long)times[RESTARTS * 99 / 100] / 1000, (unsigned long long)times[RESTARTS - 1] / 1000);
}

static void service_crashes(void) {
  static uint64_t started[RESTARTS], answered[RESTARTS];
  struct held before = {0}, after;
  for (uint32_t i = 0; i < RESTARTS + WARM; i++) {
    if (i == WARM)
      before = look();
    uint64_t asked = now();
    if (request("crash"))
      fail("it answers instead of crashing", i);
    while (!service.handle)
      if (!signet_supervised_wait(&supervised, asked + 10000000000))
        fail("it does not come back", i);
    if (!request("/"))
      fail("no answer after a restart", i);
    if (i < WARM)
      continue;
    answered[i - WARM] = now() - asked;
    started[i - WARM] = row("service").restarted;
  }
  after = look();
  printf("service: %u restarts\n", row("service").restarts);
  compare("service", &before, &after);
  tell_times("from the end, as the supervisor heard of it, to STARTED", started);
  /* Of the one that crashes to that of its successor: all that happens is between them. */
  tell_times("from the last request to the next answer", answered);
}

static void client_crashes(void) {
  struct observation_supervised fallen;
  do {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    fallen = row("client");
  } while (fallen.phase != OBSERVATION_PHASE_GIVEN_UP);
  printf("client: %u restarts, ended by %u/%u\n", fallen.restarts, fallen.ended_kind, fallen.ended_code);
}

static void drive(void) {
  begin_client();
  if (observation_adopt_client_READY(signet_slot("observation"), &observation) != SIGNET_OK)
    fail("the slot has no observation", 0);
  client_crashes();
  if (!request("/"))
    fail("no answer after the client's restarts", 0);
  service_crashes();
}

int main(int count, char **arguments) {
  const char *role = count > 1 ? arguments[1] : "";
  if (strcmp(role, "serve") == 0)
    serve();
  else if (strcmp(role, "fall") == 0)
    fall();
  else
    drive();
  return 0;
}
