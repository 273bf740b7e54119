/* Parent of the network service and of its client, a sealed process in the supervisor's place: lends devices, restarts
 * what it is told to, and says what became of it. Commands are bytes of standard input, answers are lines:
 *
 *   E  stops the client; after another byte has the service make a channel for another, and starts that
 *   N  stops the service; after another byte starts it and its client again
 *   U  what the service uses
 *   B  begins to compute, and does not give the processor away; b  ends that
 *   Q  tells the service to stop, and ends
 *
 * Slots: archive, network device that listens, stream, network device that connects. */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>
#include <signet/image.h>

#include "contracts/network.h"
#include "contracts/supervision.h"

enum { ARCHIVE, NETWORK, STREAM, OUTWARD };
enum { IMAGE_NETWORK = 1, IMAGE_ECHO = 2 };
#define CLIENT_SLOT 2 /* of the service */

_Noreturn void service_main(const struct signet_startup *startup);
void service_thread(void *unused);
void service_thread_entry(void *unused);

static const struct signet_startup *given;
static uint32_t images[3];
static uint32_t service, echo, supervision; /* the last: the server's end */
static uint32_t outward_service, outward_supervision;
static union {
  struct signet_message message;
  struct supervision_buffer supervision;
} buffer;

static struct signet_result ask(uint32_t slot, uint32_t operation, void *bytes, uint32_t length, uint64_t first,
                                uint64_t second) {
  struct signet_device_request request = {.operation = operation,
                                          .buffer_offset = (uint32_t)(uintptr_t)bytes,
                                          .buffer_length = length,
                                          .arguments = {first, second}};
  return signet_device_request(given->handles[slot], &request);
}

/* A line of words and numbers: text parted by '#', for each of which a number is put. */
static void say(const char *text, ...) {
  char line[256];
  uint32_t length = 0;
  va_list numbers;
  va_start(numbers, text);
  for (; *text && length < 200; text++) {
    if (*text != '#') {
      line[length++] = *text;
      continue;
    }
    char digits[20];
    uint32_t count = 0;
    uint64_t number = va_arg(numbers, uint64_t);
    do
      digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
      line[length++] = digits[--count];
  }
  va_end(numbers);
  line[length++] = '\n';
  for (uint32_t at = 0; at < length;) {
    struct signet_result result = ask(STREAM, SIGNET_STREAM_WRITE, line + at, length - at, 0, 0);
    if (result.status != SIGNET_OK)
      signet_process_exit(SIGNET_ENDED_EXIT, 3);
    at += (uint32_t)result.value;
  }
}

static uint64_t must(struct signet_result result, const char *what) {
  if (result.status == SIGNET_OK)
    return result.value;
  say(what);
  say("failed: status #, value #", (uint64_t)result.status, result.value);
  signet_process_exit(SIGNET_ENDED_EXIT, 1);
}

static void load(uint32_t entry) {
  uint64_t length = must(ask(ARCHIVE, SIGNET_ARCHIVE_STATUS, NULL, 0, entry, 0), "archive status");
  uint64_t block = must(signet_block_allocate(length), "block for an image");
  uint8_t *bytes = (uint8_t *)(uintptr_t)(block >> 32);
  for (uint64_t at = 0; at < length;)
    at += must(ask(ARCHIVE, SIGNET_ARCHIVE_READ, bytes + at, (uint32_t)(length - at), entry, at), "archive read");
  images[entry] = (uint32_t)must(signet_image_load((uint32_t)block, length), "image");
}

static uint32_t create(uint32_t image, const char *const *names, uint32_t slots, struct signet_quota quota,
                       const char *name) {
  static struct {
    struct signet_program head;
    char strings[200];
  } startup;
  startup.head = (struct signet_program){.version = SIGNET_PROGRAM_VERSION, .slots = slots};
  uint32_t at = 0;
  startup.strings[at++] = '/';
  startup.strings[at++] = 0;
  for (uint32_t i = 0; i < slots; i++) {
    strcpy(startup.strings + at, names[i]);
    at += (uint32_t)strlen(names[i]) + 1;
  }
  struct signet_process_specification specification = {
      .image = images[image],
      .slots = slots,
      .startup_offset = (uint32_t)(uintptr_t)&startup,
      .startup_length = (uint32_t)sizeof startup.head + at,
      .stack = 64 << 10,
      .quota = quota,
  };
  strcpy(specification.name, name);
  return (uint32_t)must(signet_process_create(&specification), "process_create");
}

static void grant(uint32_t child, uint32_t slot, uint32_t handle) {
  must(signet_process_grant(child, slot, handle), "process_grant");
}

static void hear(uint32_t endpoint, uint32_t tag) {
  struct signet_result result = signet_channel_receive(&endpoint, 1, &buffer.message, sizeof buffer,
                                                       signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + 5000000000);
  must(result, "the service says nothing");
  if (buffer.message.tag == tag)
    return;
  say("the service says # instead of #", (uint64_t)buffer.message.tag, (uint64_t)tag);
  signet_process_exit(SIGNET_ENDED_EXIT, 1);
}

/* A network service with that device; the client's end of its channel. */
static uint32_t start_service(uint32_t device, const char *name, uint32_t *process, uint32_t *supervisor) {
  static const char *const names[] = {"network", "supervision", "client"};
  static const struct signet_quota quota = {.memory = 192 << 20, .threads = 4, .handles = 32768, .regions = 4096};
  uint64_t ends = must(signet_channel_create(&network_contract.contract, NETWORK_CONTRACT_LENGTH), "network channel");
  uint64_t supervised =
      must(signet_channel_create(&supervision_contract.contract, SUPERVISION_CONTRACT_LENGTH), "supervision channel");
  *process = create(IMAGE_NETWORK, names, 3, quota, name);
  grant(*process, 0, given->handles[device]);
  grant(*process, 1, (uint32_t)supervised);
  grant(*process, CLIENT_SLOT, (uint32_t)(ends >> 32));
  *supervisor = (uint32_t)(supervised >> 32);
  must(signet_process_start(*process), "start");
  hear(*supervisor, SUPERVISION_STARTED);
  hear(*supervisor, SUPERVISION_AWAIT);
  return (uint32_t)ends;
}

static void start_echo(uint32_t client, uint32_t outward) {
  static const char *const names[] = {"network", "outward"};
  static const struct signet_quota quota = {.memory = 512 << 20, .threads = 1, .handles = 32768, .regions = 4096};
  echo = create(IMAGE_ECHO, names, outward ? 2 : 1, quota, "echo");
  grant(echo, 0, client);
  if (outward)
    grant(echo, 1, outward);
  must(signet_process_start(echo), "start");
}

/* Stops it; it may have ended by itself, in good order, when the other was stopped. */
static void end(uint32_t child, const char *name, bool other_stopped) {
  struct signet_ending ending;
  must(signet_process_stop(child), "stop");
  must(signet_process_wait(child, &ending, SIGNET_NEVER), "wait");
  if (ending.kind == SIGNET_ENDED_STOPPED || (other_stopped && ending.kind == SIGNET_ENDED_EXIT && !ending.code))
    return;
  say(name);
  say("had ended: kind #, code #, at #, address #", (uint64_t)ending.kind, (uint64_t)ending.code,
      (uint64_t)ending.instruction, ending.address);
  signet_process_exit(SIGNET_ENDED_EXIT, 1);
}

/* The next byte of standard input; 0 at its end. */
static char command(void) {
  char byte = 0;
  must(ask(STREAM, SIGNET_STREAM_READ, &byte, 1, 0, 0), "stream read");
  return byte;
}

static void stopped(void) {
  say("stopped");
  command();
}

static uint32_t want_client(uint32_t supervisor, const char *name) {
  struct supervision_CLIENT_WANTED wanted = {.slot = CLIENT_SLOT, .restarts = 1, .client = name};
  struct supervision_CLIENT_GIVEN taken;
  wanted.client_length = (uint32_t)strlen(name);
  supervision_put_CLIENT_WANTED(&buffer.supervision, &wanted);
  must(signet_channel_send(supervisor, &buffer.message), "CLIENT_WANTED");
  hear(supervisor, SUPERVISION_CLIENT_GIVEN);
  supervision_get_CLIENT_GIVEN(&buffer.supervision, &taken);
  hear(supervisor, SUPERVISION_AWAIT);
  return taken.client.handle;
}

static void restart_echo(void) {
  end(echo, "echo", false);
  stopped();
  uint32_t client = want_client(supervision, "echo");
  start_echo(client, outward_service ? want_client(outward_supervision, "echo") : 0);
}

static void restart_service(void) {
  end(service, "network", false);
  signet_handle_close(supervision);
  end(echo, "echo", true);
  stopped();
  uint32_t client = start_service(NETWORK, "network", &service, &supervision);
  start_echo(client, outward_service ? want_client(outward_supervision, "echo") : 0);
}

static void tell_usage(void) {
  static struct signet_observed_process processes[8];
  uint64_t count = signet_process_observe(SIGNET_OBSERVE_PROCESSES, 0, processes, sizeof processes).value;
  for (uint64_t i = 0; i < count; i++)
    if (strcmp(processes[i].name, "network") == 0) {
      say("usage: memory # handles # regions # calls # time #", processes[i].used.memory,
          (uint64_t)processes[i].used.handles, (uint64_t)processes[i].used.regions, processes[i].calls,
          processes[i].time);
      return;
    }
  say("usage: none");
}

static volatile uint32_t busy;
static uint8_t busy_stack[4096] __attribute__((aligned(16)));

void service_thread(void *unused) {
  (void)unused;
  while (busy)
    ;
  signet_thread_exit(NULL);
}

static void compute(void) {
  busy = 1;
  must(signet_thread_create(service_thread_entry, busy_stack + sizeof busy_stack, NULL, NULL), "thread");
  say("busy");
}

static void quit(void) {
  struct supervision_STOP stop = {.deadline = SIGNET_NEVER};
  struct signet_ending ending;
  supervision_put_STOP(&buffer.supervision, &stop);
  must(signet_channel_send(supervision, &buffer.message), "STOP");
  hear(supervision, SUPERVISION_STOPPING);
  must(signet_process_wait(service, &ending, SIGNET_NEVER), "wait");
  say("stopped: kind #, code #", (uint64_t)ending.kind, (uint64_t)ending.code);
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

void service_main(const struct signet_startup *startup) {
  struct signet_network_listener place;
  uint64_t ports[2];
  given = startup;
  for (uint32_t i = 0; i < 2; i++) {
    must(ask(NETWORK, SIGNET_NETWORK_LISTENER, &place, sizeof place, i, 0), "listener");
    ports[i] = place.address.port;
  }
  load(IMAGE_NETWORK);
  load(IMAGE_ECHO);
  uint32_t outward = start_service(OUTWARD, "outward", &outward_service, &outward_supervision);
  start_echo(start_service(NETWORK, "network", &service, &supervision), outward);
  say("ports # #", ports[0], ports[1]);
  for (;;) {
    switch (command()) {
    case 0:
      signet_process_exit(SIGNET_ENDED_EXIT, 0);
    case 'E':
      restart_echo();
      say("echo restarted");
      break;
    case 'N':
      restart_service();
      say("network restarted");
      break;
    case 'U':
      tell_usage();
      break;
    case 'B':
      compute();
      break;
    case 'b':
      busy = 0;
      say("idle");
      break;
    case 'Q':
      quit();
    }
  }
}
