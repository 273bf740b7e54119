/* The supervisor: processes that say what their contracts allow and end when they like, while time passes; and systems
 * that are damaged, which it refuses with a reason. */
#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "contracts/observation.h"
#include "contracts/supervision.h"
#include "tests/fuzz/service_play.h"
#include "tests/fuzz/service_processes.h"
#include "tests/services/made_system.h"

const unsigned fuzz_count = 5000;

static uint32_t observation;
static struct made_system made;
static bool damaged, no_main, ended;

/* ---- Devices ---- */

static uint32_t image_of(const uint8_t *bytes, uint64_t length) {
  for (uint64_t i = 0; i < length; i++)
    if (bytes[i] != bytes[0])
      fuzz_fail("an image that was not read as it is");
  return bytes[0];
}

static struct signet_result ok(uint64_t value) { return (struct signet_result){SIGNET_OK, value}; }

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  uint64_t entry = request->arguments[0], length = 3000 + entry * 100, at = request->arguments[1];
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    return ok(device_kinds[device]);
  case SIGNET_ARCHIVE_STATUS:
    return entry < 100 ? ok(length) : (struct signet_result){SIGNET_DEVICE, 2};
  case SIGNET_ARCHIVE_READ: {
    if (entry >= 100 || at >= length)
      fuzz_fail("entry %lu is read at %lu", entry, at);
    uint64_t part = request->buffer_length < length - at ? request->buffer_length : length - at;
    part = part > 1000 ? 1000 : part;
    memset(kernel_buffer(request), (int)entry, part);
    return kernel_refuses() ? (struct signet_result){SIGNET_DEVICE, 5} : ok(part);
  }
  case SIGNET_POWER_END:
    if (device != POWER || !request->buffer_length || request->buffer_length % sizeof(struct signet_system_ending))
      fuzz_fail("the machine ends with %u bytes", request->buffer_length);
    ended = true;
    signet_process_exit(SIGNET_ENDED_EXIT, 0);
  }
  fuzz_fail("operation %u of device %u", request->operation, device);
}

/* ---- The system ---- */

static void add(uint32_t process, uint32_t kind, uint32_t number) {
  struct signet_system_process *to = &made.process[process];
  to->slot[to->slots++] = (struct signet_system_grant){kind, number};
}

static void begin(void) {
  uint32_t handles[DEVICES];
  uint8_t how = fuzz_byte(&kernel_input);
  make_system(&made);
  damaged = how & 1;
  no_main = how & 2;
  ended = false;
  for (uint32_t i = 0; i < PROCESSES; i++) {
    struct signet_system_policy *policy = &made.process[i].policy;
    add(i, SIGNET_SYSTEM_SUPERVISION, 0);
    policy->restart = how >> (2 + i) & 1 ? SIGNET_SYSTEM_RESTART_ALWAYS : SIGNET_SYSTEM_RESTART_FAILURE;
    policy->limit = 3;
    policy->window = 10000000000;
    policy->backoff_first = 100000000;
    policy->backoff_most = 1000000000;
    policy->start_deadline = 2000000000;
  }
  add(PROGRAM, SIGNET_SYSTEM_OBSERVATION, 0);
  if (no_main)
    made.head.main = SIGNET_SYSTEM_NONE;
  for (uint32_t i = 0, count = damaged ? 1u + fuzz_byte(&kernel_input) % 4 : 0; i < count; i++) {
    uint32_t at = (uint32_t)fuzz_number(&kernel_input, 2) % (uint32_t)sizeof made;
    ((uint8_t *)&made)[at] = fuzz_byte(&kernel_input);
  }
  kernel_processes_begin();
  kernel_on_device = on_device;
  kernel_image_of = image_of;
  static struct files_contract_table files;
  static struct events_contract_table events;
  files = files_contract;
  events = events_contract;
  kernel_learn(&files, FILES_CONTRACT_LENGTH);
  kernel_learn(&events, EVENTS_CONTRACT_LENGTH);
  kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  observation = kernel_learn(&observation_contract, OBSERVATION_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < DEVICES; i++)
    handles[i] = kernel_device(i);
  service_may_refuse = true;
  kernel_start(handles, DEVICES, &made, sizeof made);
}

static void act(uint8_t which) {
  uint8_t choice = fuzz_byte(&kernel_input);
  if (which < 2 && kernel_process_count) {
    static const struct signet_ending endings[] = {
        {.kind = SIGNET_ENDED_EXIT},
        {.kind = SIGNET_ENDED_EXIT, .code = 7},
        {.kind = SIGNET_ENDED_SIGNAL, .code = 9},
        {.kind = SIGNET_ENDED_FAULT, .code = SIGNET_FAULT_READ, .address = 77}};
    uint32_t newest = kernel_process_count > 4 ? kernel_process_count - 4 : 0;
    uint32_t which_one = newest + 1 + choice % 4;
    if (kernel_processes[which_one].state == SIGNET_PROCESS_RUNNING) /* others end by nobody's hand */
      kernel_process_end(which_one, endings[choice >> 4 & 3]);
  } else if (which == 2) {
    kernel_event = choice & 1 ? SIGNET_EVENT_TERMINATE : choice & 2 ? SIGNET_EVENT_WINDOW_SIZE : SIGNET_EVENT_HANGUP;
    kernel_event = choice >= 0xc0 ? kernel_event : 0;
    kernel_changed();
  }
}

static void heard(uint32_t end, const struct kernel_message *message) {
  (void)end;
  service_counted(message->length != 0);
}

/* Who listens hears when there is something, and what goes between processes waits for them. */
static bool may_stand(uint32_t end) { return kernel_ends[end].contract != observation; }

/* Told to end, it ends, whatever its processes do. */
static void finish(void) {
  for (uint32_t tries = 0; tries < 3 && !kernel_exited; tries++) {
    kernel_event = SIGNET_EVENT_TERMINATE;
    kernel_advance(kernel_now + 1);
    service_settle();
    for (uint32_t i = 1; i <= kernel_process_count && tries; i++)
      if (kernel_processes[i].there && kernel_processes[i].event)
        kernel_process_end(i, (struct signet_ending){.kind = SIGNET_ENDED_SIGNAL, .code = 15});
  }
  if (!kernel_exited)
    fuzz_fail("it was told to end, and goes on");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {
      .begin = begin, .act = act, .heard = heard, .may_stand = may_stand, .finish = finish};
  service_play(&target, bytes, length);
  return 0;
}
