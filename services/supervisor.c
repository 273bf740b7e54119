/* The first process of the bare machine: builds all the others out of what it was given, passes on the terminal's
 * events to the main one, ends the machine as that one ended. A sealed process like any other; include/signet/system.h
 * says how it is started. Two threads; the second only passes on events, and reads what the first no longer changes. */
#include <stddef.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "contracts/events.h"
#include "services/services.h"
#include "services/system.h"

/* What a service may still take when its clients are gone: a serial line of 115,200 bits a second empties its queue in
 * much less. */
#define FINISH_NANOSECONDS 5000000000

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(void *unused);
void service_thread_entry(void *unused);

static const struct signet_startup *given;
static const struct signet_system *whole;               /* NULL: it was refused */
static uint32_t children[SIGNET_SYSTEM_PROCESSES_MOST]; /* handles; 0: not made, or ended and told */
static struct channel_ends {
  uint32_t client, server; /* handles still to be granted; 0: granted, or not made */
} ends[SIGNET_SYSTEM_CHANNELS_MOST];
static uint32_t events_channel; /* the one whose server end stays here, or NONE */
static struct signet_system_ending endings[SIGNET_SYSTEM_PROCESSES_MOST];
static uint8_t events_stack[4096] __attribute__((aligned(16)));

static uint32_t offset_of(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }

static struct signet_result ask(uint32_t slot, uint32_t operation, void *buffer, uint32_t length, uint64_t first,
                                uint64_t second) {
  struct signet_device_request request = {.operation = operation,
                                          .buffer_offset = offset_of(buffer),
                                          .buffer_length = length,
                                          .arguments = {first, second}};
  return signet_device_request(given->handles[slot], &request);
}

/* ---- Building ---- */

/* Always false: so ends what failed. */
static bool failed(struct system_refusal *why, const char *text, struct signet_result result) {
  why->text = text;
  why->status = result.status;
  why->value = result.value;
  return false;
}

/* The whole entry in a block. */
static bool read_entry(uint32_t entry, uint32_t *block, uint64_t *length, struct system_refusal *why) {
  struct signet_result result = ask(whole->archive, SIGNET_ARCHIVE_STATUS, NULL, 0, entry, 0);
  if (result.status != SIGNET_OK)
    return failed(why, "the archive does not have the entry of its image", result);
  *length = result.value;
  result = signet_block_allocate(*length);
  if (result.status != SIGNET_OK)
    return failed(why, "there is no memory to read its image", result);
  *block = (uint32_t)result.value;
  uint8_t *bytes = (uint8_t *)(uintptr_t)(result.value >> 32);
  for (uint64_t done = 0; done < *length; done += result.value) {
    result = ask(whole->archive, SIGNET_ARCHIVE_READ, bytes + done, (uint32_t)(*length - done), entry, done);
    if (result.status == SIGNET_OK && result.value && result.value <= *length - done)
      continue;
    signet_handle_close(*block);
    return failed(why, "its image cannot be read from the archive", result);
  }
  return true;
}

/* The image that the row names, and no other. */
static bool load(const struct signet_system_process *row, uint32_t *image, struct system_refusal *why) {
  struct signet_handle_information information;
  uint32_t block;
  uint64_t length;
  if (!read_entry(row->entry, &block, &length, why))
    return false;
  struct signet_result result = signet_image_load(block, length);
  if (result.status != SIGNET_OK) {
    signet_handle_close(block);
    return failed(why, "its image is refused", result);
  }
  *image = (uint32_t)result.value;
  result = signet_handle_query(*image, &information);
  if (result.status == SIGNET_OK && memcmp(information.identity, row->hash, sizeof row->hash) == 0)
    return true;
  signet_handle_close(*image);
  return failed(why, "its image has another hash than the system says", result);
}

/* The handle for a slot, which is this process's until it is granted. */
static bool take(const struct signet_system_grant *grant, uint32_t *handle, struct system_refusal *why) {
  if (grant->kind == SIGNET_SYSTEM_DEVICE) {
    *handle = given->handles[grant->number];
    return true;
  }
  struct channel_ends *channel = &ends[grant->number];
  if (!channel->client && !channel->server) {
    const struct signet_system_channel *row = system_channel(whole, grant->number);
    struct signet_result result =
        signet_channel_create((const void *)((const uint8_t *)whole + row->contract_offset), row->contract_length);
    if (result.status != SIGNET_OK)
      return failed(why, "the channel cannot be made", result);
    channel->client = (uint32_t)result.value;
    channel->server = (uint32_t)(result.value >> 32);
  }
  uint32_t *end = grant->kind == SIGNET_SYSTEM_CLIENT ? &channel->client : &channel->server;
  *handle = *end;
  *end = 0;
  return true;
}

/* Bytes, for a row that asks for a share of what is left. */
static uint64_t memory_for(uint64_t asked) {
  struct signet_usage usage;
  if (asked >= SIGNET_SYSTEM_SHARES || signet_process_usage(&usage).status != SIGNET_OK)
    return asked;
  uint64_t left = usage.limit.memory - usage.used.memory;
  return asked ? left / SIGNET_SYSTEM_SHARES * asked : left;
}

static bool start(uint32_t number, struct system_refusal *why) {
  const struct signet_system_process *row = system_process(whole, number);
  struct signet_process_specification specification = {.slots = row->slots,
                                                       .startup_offset = offset_of(whole) + row->startup_offset,
                                                       .startup_length = row->startup_length,
                                                       .stack = row->stack,
                                                       .quota = row->quota};
  why->process = number;
  if (!load(row, &specification.image, why))
    return false;
  specification.quota.memory = memory_for(row->quota.memory);
  memcpy(specification.name, row->name, sizeof specification.name);
  struct signet_result result = signet_process_create(&specification);
  signet_handle_close(specification.image);
  if (result.status != SIGNET_OK)
    return failed(why,
                  result.status == SIGNET_QUOTA || result.status == SIGNET_MEMORY
                      ? "it cannot be made of the memory and the quotas that are left"
                      : "it cannot be made",
                  result);
  children[number] = (uint32_t)result.value;
  for (uint32_t i = 0; i < row->slots; i++) {
    uint32_t handle;
    why->slot = i;
    if (!take(&row->slot[i], &handle, why))
      return false;
    result = signet_process_grant(children[number], i, handle);
    if (result.status == SIGNET_OK)
      continue;
    signet_handle_close(handle);
    return failed(why, "it cannot be granted", result);
  }
  why->slot = SIGNET_SYSTEM_NONE;
  result = signet_process_start(children[number]);
  return result.status == SIGNET_OK || failed(why, "it cannot be started", result);
}

static bool start_all(struct system_refusal *why) {
  for (uint32_t i = 0; i < whole->processes; i++)
    if (!start(i, why))
      return false;
  return true;
}

/* ---- The end ---- */

/* Waits until the process has ended, or the deadline; then it is stopped. */
static void reap(uint32_t number, uint64_t deadline, struct signet_ending *ending) {
  struct signet_result result;
  *ending = (struct signet_ending){.kind = SIGNET_ENDED_STOPPED};
  do
    result = signet_process_wait(children[number], ending, deadline);
  while (result.status == SIGNET_INTERRUPTED);
  if (result.status == SIGNET_TIMEOUT)
    signet_handle_close(children[number]); /* stops it */
  children[number] = 0;
}

/* Nothing that the supervisor holds keeps a service waiting for clients. */
static void let_go(void) {
  for (uint32_t i = 0; i < SIGNET_SYSTEM_CHANNELS_MOST; i++) {
    if (ends[i].client)
      signet_handle_close(ends[i].client);
    if (ends[i].server && i != events_channel)
      signet_handle_close(ends[i].server);
  }
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++) {
    struct signet_handle_information information;
    if (children[i] && signet_handle_query(children[i], &information).status == SIGNET_OK &&
        information.state == SIGNET_PROCESS_UNSTARTED) {
      signet_handle_close(children[i]);
      children[i] = 0;
    }
  }
}

/* endings[0] says how the system ended; those of the others are put behind it. */
static _Noreturn void end(const char *text) {
  uint32_t count = 1;
  uint64_t deadline = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + FINISH_NANOSECONDS;
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++) {
    if (!children[i])
      continue;
    endings[count].process = i;
    reap(i, deadline, &endings[count].ending);
    count++;
  }
  struct signet_device_request request = {.operation = SIGNET_POWER_END,
                                          .buffer_offset = offset_of(endings),
                                          .buffer_length = count * sizeof endings[0],
                                          .text_offset = offset_of(text),
                                          .text_length = (uint32_t)strlen(text)};
  /* Of a system that was refused nothing is believed: the power device is found by what it says it is. */
  for (uint32_t i = 0; i < given->slots && i < SIGNET_SLOTS_MOST; i++)
    if (whole ? i == whole->power : ask(i, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value == SIGNET_DEVICE_POWER)
      signet_device_request(given->handles[i], &request);
  const struct signet_ending *whole_ending = &endings[0].ending;
  bool told = whole_ending->kind == SIGNET_ENDED_EXIT || whole_ending->kind == SIGNET_ENDED_SIGNAL;
  signet_process_exit(told ? whole_ending->kind : SIGNET_ENDED_EXIT,
                      told && whole_ending->code < 256 ? whole_ending->code : SIGNET_SYSTEM_REFUSED);
}

static _Noreturn void refuse(const struct system_refusal *why) {
  static char text[512];
  system_describe(why, whole ? whole : (const void *)(uintptr_t)given->bytes_offset, text, sizeof text);
  endings[0] = (struct signet_system_ending){.ending = {.kind = SIGNET_ENDED_EXIT, .code = SIGNET_SYSTEM_REFUSED},
                                             .process = SIGNET_SYSTEM_NONE};
  let_go();
  end(text);
}

/* ---- Events ---- */

_Noreturn void service_thread(void *unused) {
  struct {
    struct signet_message message;
    struct events_event event;
  } buffer;
  (void)unused;
  for (;;) {
    struct signet_result result =
        signet_channel_receive(&ends[events_channel].server, 1, &buffer.message, sizeof buffer, SIGNET_NEVER);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    if (result.status != SIGNET_OK)
      break;
    /* To a main process that has just ended, or an event that is none: nothing happens. */
    signet_process_event(children[whole->main], buffer.event.event);
    buffer.message = (struct signet_message){.tag = EVENTS_TAKEN};
    signet_channel_send(ends[events_channel].server, &buffer.message);
  }
  signet_thread_exit(NULL);
}

static bool check(struct system_refusal *why) {
  const void *bytes = (const void *)(uintptr_t)given->bytes_offset;
  events_channel = SIGNET_SYSTEM_NONE;
  const struct signet_system *system = bytes;
  if (!system_check(bytes, given->bytes_length, given->slots, &events_channel, why))
    return false;
  if (ask(system->archive, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value != SIGNET_DEVICE_ARCHIVE)
    why->text = "the device that is to be the archive is another";
  if (system->power != SIGNET_SYSTEM_NONE &&
      ask(system->power, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value != SIGNET_DEVICE_POWER)
    why->text = "the device that is to be the power is another";
  if (!why->text)
    whole = system;
  return whole;
}

_Noreturn void service_main(const struct signet_startup *startup) {
  struct system_refusal why = SYSTEM_NOWHERE;
  given = startup;
  if (startup->abi_version != SIGNET_ABI_VERSION)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  if (!check(&why) || !start_all(&why))
    refuse(&why);
  if (events_channel != SIGNET_SYSTEM_NONE)
    signet_thread_create(service_thread_entry, events_stack + sizeof events_stack, NULL, NULL);
  endings[0].process = whole->main;
  reap(whole->main, SIGNET_NEVER, &endings[0].ending);
  end("");
}
