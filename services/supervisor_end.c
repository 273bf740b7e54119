/* The end of the system: its processes are told to stop, the last row first, each when those behind it are gone, and
 * stopped when they take too long; then the machine is ended. First thread only. */
#include "services/supervisor.h"

#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>

static struct signet_system_ending endings[SIGNET_SYSTEM_ENDINGS_MOST];
static char text[512]; /* why the system was refused */
static uint32_t turn;  /* the row that is to end now */
static uint64_t deadline;
static bool stopped;

void end_begin(const struct signet_ending *ending, uint32_t process) {
  if (supervisor.ending)
    return;
  supervisor.ending = true;
  endings[0] = (struct signet_system_ending){.ending = *ending, .process = process};
  turn = row_count();
  if (turn)
    channels_let_go();
  for (uint32_t i = 0; i < turn; i++)
    if (supervisor.rows[i].phase == OBSERVATION_PHASE_WAITING)
      supervisor.rows[i].phase = OBSERVATION_PHASE_STOPPED;
}

void end_refuse(const struct system_refusal *why) {
  static const struct signet_ending refused = {.kind = SIGNET_ENDED_EXIT, .code = SIGNET_SYSTEM_REFUSED};
  const void *bytes = (const void *)(uintptr_t)supervisor.given->bytes_offset;
  if (!supervisor.ending)
    system_describe(why, bytes, text, sizeof text);
  end_begin(&refused, NONE);
}

/* How the others ended is told behind how the whole did. */
static uint32_t collect(void) {
  uint32_t count = 1;
  for (uint32_t i = 0; i < row_count(); i++) {
    const struct signet_ending *ending = &supervisor.rows[i].ending;
    if (i == endings[0].process)
      endings[0].ending = *ending;
    else if (ending->kind)
      endings[count++] = (struct signet_system_ending){.ending = *ending, .process = i};
  }
  return count;
}

static _Noreturn void finish(void) {
  const struct signet_startup *given = supervisor.given;
  const struct signet_system *whole = supervisor.whole;
  struct signet_device_request request = {.operation = SIGNET_POWER_END,
                                          .buffer_offset = supervisor_offset(endings),
                                          .buffer_length = collect() * (uint32_t)sizeof endings[0],
                                          .text_offset = supervisor_offset(text),
                                          .text_length = (uint32_t)strlen(text)};
  /* Of a system that was refused nothing is believed: the power device is found by what it says it is. */
  for (uint32_t i = 0; i < given->slots && i < SIGNET_SLOTS_MOST; i++)
    if (whole ? i == whole->power
              : supervisor_ask(i, SIGNET_DEVICE_IDENTIFY, NULL, 0, 0, 0).value == SIGNET_DEVICE_POWER)
      signet_device_request(given->handles[i], &request);
  const struct signet_ending *ending = &endings[0].ending;
  bool told = ending->kind == SIGNET_ENDED_EXIT || ending->kind == SIGNET_ENDED_SIGNAL;
  signet_process_exit(told ? ending->kind : SIGNET_ENDED_EXIT,
                      told && ending->code < 256 ? ending->code : SIGNET_SYSTEM_REFUSED);
}

static bool serves(const struct row *row) {
  for (uint32_t slot = 0; slot < row->is->slots; slot++)
    if (row->is->slot[slot].kind == SIGNET_SYSTEM_SERVER)
      return true;
  return false;
}

uint64_t end_step(uint64_t now) {
  while (turn == row_count() || !supervisor.rows[turn].child) {
    if (!turn)
      finish();
    const struct row *next = &supervisor.rows[--turn];
    deadline = now + next->is->policy.stop_deadline;
    stopped = false;
    if (next->child && !next->listens && !serves(next))
      signet_process_event(next->child, SIGNET_EVENT_TERMINATE);
  }
  struct row *row = &supervisor.rows[turn];
  if (row->awaits)
    supervision_stop(row, deadline);
  if (now >= deadline && !stopped) {
    signet_process_stop(row->child);
    stopped = true;
  }
  return stopped ? SIGNET_NEVER : deadline;
}
