/* Answers those who were granted to look (contracts/observation.contract), out of what the kernel tells of the
 * supervisor and its descendants and of what is kept here: the rows, and the last crash reports. First thread only. */
#include "services/supervisor.h"

#include <string.h>

#include <signet/calls.h>

#define CRASHES_MOST 32

static struct crash {
  uint64_t when; /* nanoseconds since 1970 */
  struct signet_ending ending;
  uint32_t restarts;
  uint32_t row;
} crashes[CRASHES_MOST];
static uint32_t crash_count; /* ever */

void observe_crash(const struct row *row) {
  crashes[crash_count++ % CRASHES_MOST] = (struct crash){.when = signet_clock_read(SIGNET_CLOCK_REALTIME).value,
                                                         .ending = row->ending,
                                                         .restarts = row->restarts,
                                                         .row = (uint32_t)(row - supervisor.rows)};
}

/* ---- The numbers of the rows' processes ---- */

#define RECORDS 16 /* that the kernel is asked for at a time */

/* Names are the rows' own, and the number of a successor is the greater one. */
static void find_numbers(uint32_t numbers[SIGNET_SYSTEM_PROCESSES_MOST]) {
  static struct signet_observed_process records[RECORDS];
  uint32_t own = 0, after = 0;
  memset(numbers, 0, SIGNET_SYSTEM_PROCESSES_MOST * sizeof *numbers);
  for (;;) {
    struct signet_result result = signet_process_observe(SIGNET_OBSERVE_PROCESSES, after, records, sizeof records);
    if (result.status != SIGNET_OK || !result.value || result.value > RECORDS)
      return;
    if (!own) /* nobody that it has made has a smaller number */
      own = records[0].number;
    for (uint32_t i = 0; i < result.value; i++)
      for (uint32_t row = 0; row < row_count() && records[i].parent == own; row++)
        if (supervisor.rows[row].child && strcmp(supervisor.rows[row].is->name, records[i].name) == 0)
          numbers[row] = records[i].number;
    after = records[result.value - 1].number;
  }
}

/* ---- Answers ---- */

/* Records of the kernel, straight from it. -> bytes */
static uint32_t records_after(uint32_t what, uint64_t after, uint8_t *into, uint32_t size) {
  uint32_t most = OBSERVATION_RECORDS_MOST / size;
  struct signet_result result = signet_process_observe(what, after, into, most * size);
  return result.status == SIGNET_OK && result.value <= most ? (uint32_t)result.value * size : 0;
}

static void answer_processes(struct observation_buffer *buffer) {
  struct observation_PROCESSES asked;
  struct observation_PROCESSES_ARE are = {.records = observation_place_of_PROCESSES_ARE_records(buffer)};
  observation_get_PROCESSES(buffer, &asked);
  are.records_count =
      records_after(SIGNET_OBSERVE_PROCESSES, asked.after, buffer->data, sizeof(struct signet_observed_process));
  observation_put_PROCESSES_ARE(buffer, &are);
}

static void answer_channels(struct observation_buffer *buffer) {
  struct observation_CHANNELS asked;
  struct observation_CHANNELS_ARE are = {.records = observation_place_of_CHANNELS_ARE_records(buffer)};
  observation_get_CHANNELS(buffer, &asked);
  are.records_count =
      records_after(SIGNET_OBSERVE_CHANNELS, asked.after, buffer->data, sizeof(struct signet_observed_channel));
  observation_put_CHANNELS_ARE(buffer, &are);
}

static void answer_supervised(struct observation_buffer *buffer) {
  struct observation_SUPERVISED asked;
  struct observation_SUPERVISED_ARE are = {.processes = observation_place_of_SUPERVISED_ARE_processes(buffer)};
  struct observation_supervised *into = observation_place_of_SUPERVISED_ARE_processes(buffer);
  uint32_t numbers[SIGNET_SYSTEM_PROCESSES_MOST];
  observation_get_SUPERVISED(buffer, &asked);
  find_numbers(numbers);
  for (uint32_t i = asked.after; i < row_count(); i++) {
    const struct row *row = &supervisor.rows[i];
    struct observation_supervised *told = &into[are.processes_count++];
    *told = (struct observation_supervised){.since = row->since,
                                            .restarted = row->restarted,
                                            .process = numbers[i],
                                            .restarts = row->restarts,
                                            .phase = row->phase,
                                            .ended_kind = row->ending.kind,
                                            .ended_code = row->ending.code,
                                            .slots = row->is->slots};
    memcpy(told->name, row->is->name, strlen(row->is->name));
  }
  observation_put_SUPERVISED_ARE(buffer, &are);
}

static void answer_crash(struct observation_buffer *buffer) {
  struct observation_CRASH asked;
  observation_get_CRASH(buffer, &asked);
  uint32_t there = crash_count < CRASHES_MOST ? crash_count : CRASHES_MOST;
  if (asked.back >= there) {
    observation_put_NO_CRASH(buffer);
    return;
  }
  const struct crash *crash = &crashes[(crash_count - 1 - asked.back) % CRASHES_MOST];
  struct observation_CRASH_IS is = {.when = crash->when,
                                    .address = crash->ending.address,
                                    .restarts = crash->restarts,
                                    .kind = crash->ending.kind,
                                    .code = crash->ending.code,
                                    .instruction = crash->ending.instruction};
  const char *name = supervisor.rows[crash->row].is->name;
  memcpy(is.name, name, strlen(name));
  observation_put_CRASH_IS(buffer, &is);
}

void observe_answer(uint32_t endpoint, struct observation_buffer *buffer) {
  switch ((enum observation_tag)buffer->message.tag) {
  case OBSERVATION_PROCESSES:
    answer_processes(buffer);
    break;
  case OBSERVATION_CHANNELS:
    answer_channels(buffer);
    break;
  case OBSERVATION_SUPERVISED:
    answer_supervised(buffer);
    break;
  case OBSERVATION_CRASH:
    answer_crash(buffer);
    break;
  default:
    return;
  }
  signet_channel_send(endpoint, &buffer->message);
}
