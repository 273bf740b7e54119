/* The first process: builds all the others out of what it was given, starts again those that are to be, tells each what
 * it has to know of the others, and ends the machine when the system ends. A sealed process like any other, the same on
 * every platform; include/signet/system.h says how it is started and what it does.
 *
 * One thread does everything (supervisor.h), and waits for all that can happen with one set_receive; the others wait
 * for the ends of processes. */
#include "services/supervisor.h"

#include <stddef.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "contracts/events.h"
#include "lib/scarcity.h"
#include "services/services.h"

_Noreturn void service_main(const struct signet_startup *startup);

struct supervisor supervisor;

static union {
  struct signet_message message;
  struct supervision_buffer supervision;
  struct observation_buffer observation;
} buffer;

uint64_t supervisor_now(void) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value; }

void supervisor_close(uint32_t *handle) {
  if (*handle)
    signet_handle_close(*handle);
  *handle = 0;
}

struct signet_result supervisor_ask(uint32_t slot, uint32_t operation, void *bytes, uint32_t length, uint64_t first,
                                    uint64_t second) {
  struct signet_device_request request = {.operation = operation,
                                          .buffer_offset = supervisor_offset(bytes),
                                          .buffer_length = length,
                                          .arguments = {first, second}};
  return signet_device_request(supervisor.given->handles[slot], &request);
}

/* ---- What ends ---- */

void row_decide(struct row *row, uint64_t now) {
  uint32_t number = (uint32_t)(row - supervisor.rows);
  const struct signet_system_policy *policy = &row->is->policy;
  row->since = now;
  row->lacks_since = 0;
  if (supervisor.ending) {
    row->phase = OBSERVATION_PHASE_STOPPED;
    return;
  }
  if (row->unable) {
    row->phase = OBSERVATION_PHASE_GIVEN_UP;
  } else if (!policy_wants(policy, &row->ending)) {
    row->phase = OBSERVATION_PHASE_STOPPED;
    strcpy(row->why, "it has ended");
  } else if (policy_next(policy, &row->history, now, &row->due)) {
    row->phase = OBSERVATION_PHASE_WAITING;
    return;
  } else {
    row->phase = OBSERVATION_PHASE_GIVEN_UP;
    strcpy(row->why, "it has ended too often");
  }
  channels_final(row);
  if (number == supervisor.whole->main)
    end_begin(&row->ending, number);
}

static void row_ended(struct row *row, const struct signet_ending *ending, uint64_t now) {
  bool well = ending->kind == SIGNET_ENDED_EXIT && ending->code == 0;
  supervision_drain(row);
  supervision_close(row);
  row->child = 0;
  row->ending = *ending;
  row->ended = now;
  channels_lost(row);
  if (supervisor.ending ? ending->kind == SIGNET_ENDED_FAULT : !well)
    observe_crash(row);
  row_decide(row, now);
}

/* A system without a main process ends when none of its processes runs, or will. */
static void end_without_main(void) {
  struct signet_ending ending = {.kind = SIGNET_ENDED_EXIT};
  for (uint32_t i = 0; i < row_count(); i++) {
    const struct row *row = &supervisor.rows[i];
    if (!row_final(row))
      return;
    if (row->phase == OBSERVATION_PHASE_GIVEN_UP || row->ending.kind != SIGNET_ENDED_EXIT || row->ending.code)
      ending.code = 1;
  }
  end_begin(&ending, NONE);
}

static void told_to_end(void) {
  static const struct signet_ending well = {.kind = SIGNET_ENDED_EXIT};
  uint32_t main = supervisor.whole->main;
  end_begin(&well, main != NONE && supervisor.rows[main].begun ? main : NONE);
}

/* ---- The loop ---- */

/* A supervised process has not begun to serve in time. */
static void stop_late(struct row *row, uint64_t now) {
  if (row->phase != OBSERVATION_PHASE_STARTING || now < row->deadline)
    return;
  row->deadline = SIGNET_NEVER;
  signet_process_stop(row->child); /* its end is heard of */
}

static bool look_at_endings(uint64_t now) {
  bool changed = false;
  for (uint32_t i = 0; i < row_count(); i++) {
    struct signet_ending ending;
    if (!watch_ended(i, &ending))
      continue;
    row_ended(&supervisor.rows[i], &ending, now);
    changed = true;
  }
  return changed;
}

/* Does all that follows from what is known. -> when there is more to do. */
static uint64_t look(void) {
  for (;;) {
    uint64_t now = supervisor_now(), next = SIGNET_NEVER;
    bool changed = look_at_endings(now);
    if (watch_told())
      told_to_end();
    for (uint32_t i = 0; i < row_count() && !supervisor.ending; i++) {
      struct row *row = &supervisor.rows[i];
      stop_late(row, now);
      changed |= start_try(row, now);
      changed |= supervision_tell(row);
      uint64_t deadline = start_deadline(row);
      next = deadline < next ? deadline : next;
    }
    if (!supervisor.ending && supervisor.whole->main == NONE)
      end_without_main();
    if (supervisor.ending)
      return end_step(now);
    if (!changed)
      return next;
  }
}

static void pass_event(void) {
  const uint32_t main = supervisor.whole->main, server = supervisor.channels[supervisor.events].server;
  struct events_event event;
  memcpy(&event, (const uint8_t *)&buffer + SIGNET_MESSAGE_DATA, sizeof event);
  /* To a main process that has just ended, or an event that is none: nothing happens. */
  if (main == NONE)
    told_to_end();
  else if (supervisor.rows[main].child)
    signet_process_event(supervisor.rows[main].child, event.event);
  buffer.message = (struct signet_message){.tag = EVENTS_TAKEN};
  signet_channel_send(server, &buffer.message);
}

static void hear(uint64_t key) {
  struct row *row = &supervisor.rows[KEY_ROW(key)];
  switch (KEY_KIND(key)) {
  case KEY_WAKE: /* what for is looked for */
    break;
  case KEY_SUPERVISION:
    supervision_hear(row, &buffer.supervision);
    break;
  case KEY_OBSERVATION:
    observe_answer(row->observers[KEY_SLOT(key)], &buffer.observation);
    break;
  case KEY_EVENTS:
    pass_event();
    break;
  }
}

/* Who sends what cannot be received is heard no more, either. */
static void close(uint64_t key) {
  struct row *row = &supervisor.rows[KEY_ROW(key)];
  switch (KEY_KIND(key)) {
  case KEY_WAKE:
    break;
  case KEY_SUPERVISION:
    supervision_close(row);
    break;
  case KEY_OBSERVATION:
    supervisor_close(&row->observers[KEY_SLOT(key)]);
    break;
  case KEY_EVENTS:
    supervisor_close(&supervisor.channels[supervisor.events].server);
    break;
  }
}

static _Noreturn void run(void) {
  for (;;) {
    uint64_t next = look();
    struct signet_result result = signet_set_receive(supervisor.set, &buffer.message, sizeof buffer, next);
    switch (result.status) {
    case SIGNET_OK:
      hear(result.value);
      break;
    case SIGNET_CLOSED:
    case SIGNET_QUOTA:
      close(result.value);
      break;
    case SIGNET_MEMORY:
      scarcity_wait();
      break;
    default: /* it is time, or an event came */
      break;
    }
  }
}

/* ---- The beginning ---- */

static bool check(const struct signet_system *system, struct system_refusal *why) {
  const struct signet_startup *given = supervisor.given;
  if (!system_check(system, given->bytes_length, given->slots, &supervisor.events, why))
    return false;
  if (supervisor_ask(system->archive, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value != SIGNET_DEVICE_ARCHIVE)
    why->text = "the device that is to be the archive is another";
  if (system->power != NONE &&
      supervisor_ask(system->power, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value != SIGNET_DEVICE_POWER)
    why->text = "the device that is to be the power is another";
  return !why->text;
}

/* The tables are as large as the system needs. */
static bool prepare(const struct signet_system *system, struct system_refusal *why) {
  uint64_t rows = system->processes * sizeof(struct row), channels = system->channels * sizeof(struct channel);
  uint64_t length = rows + channels + watch_bytes(system->processes), at = supervisor.given->area_low;
  struct signet_result result =
      signet_memory_map(at, (length + SIGNET_PAGE - 1) & ~(uint64_t)(SIGNET_PAGE - 1), SIGNET_PROTECT_WRITE);
  if (result.status == SIGNET_OK)
    result = signet_set_create();
  if (result.status != SIGNET_OK) {
    why->text = "the supervisor has no memory for it";
    why->status = result.status;
    return false;
  }
  supervisor.set = (uint32_t)result.value;
  /* What wants the greatest alignment first. */
  uint8_t *memory = (uint8_t *)(uintptr_t)at;
  supervisor.rows = (struct row *)(memory + watch_bytes(system->processes));
  supervisor.channels = (struct channel *)((uint8_t *)supervisor.rows + rows);
  return watch_begin(memory, system->processes, why);
}

static void begin_row(struct row *row, const struct signet_system_process *is) {
  *row = (struct row){.is = is, .phase = OBSERVATION_PHASE_WAITING, .asked = NONE, .since = supervisor_now()};
  for (uint32_t slot = 0; slot < is->slots; slot++)
    row->supervised |= is->slot[slot].kind == SIGNET_SYSTEM_SUPERVISION;
}

_Noreturn void service_main(const struct signet_startup *startup) {
  const struct signet_system *system = (const void *)(uintptr_t)startup->bytes_offset;
  struct system_refusal why = SYSTEM_NOWHERE;
  supervisor.given = startup;
  if (startup->abi_version != SIGNET_ABI_VERSION)
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  if (check(system, &why) && prepare(system, &why)) {
    supervisor.whole = system;
    for (uint32_t i = 0; i < row_count(); i++)
      begin_row(&supervisor.rows[i], system_process(system, i));
    channels_begin();
  } else {
    end_refuse(&why);
  }
  run();
}
