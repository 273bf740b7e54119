/* The supervisor under a seeded storm: systems of any shape, whose processes end at any of its calls, are slow, do not
 * answer, give what is wrong; time passes in jumps. Then all is quiet and everybody behaves, and what must be true then
 * is: each client that runs has a channel to the process that serves it now, or was told that there will be none;
 * nobody waits who could run; no handle is held without a reason. What must be true at every step is in
 * supervisor_kernel.c and supervisor_puppets.c. A failure says its seed: it is the test's argument. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <signet/calls.h>

#include "services/supervisor.h"
#include "tests/lib/tap.h"
#include "tests/services/built_system.h"
#include "tests/services/supervisor_kernel.h"
#include "tests/services/supervisor_puppets.h"

#define STORM 600 /* turns in which things happen */

static struct built *built;
static uint64_t seed;
static uint32_t turn, quiet_turns;
static bool told;

static uint32_t draw(uint32_t below) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % below;
}

/* ---- A system ---- */

static void make_row(uint32_t row) {
  char name[8];
  snprintf(name, sizeof name, "p%u", row);
  struct signet_system_process *process = &built->row[built_row(built, name, true)];
  static const uint32_t restarts[] = {SIGNET_SYSTEM_RESTART_ALWAYS, SIGNET_SYSTEM_RESTART_ALWAYS,
                                      SIGNET_SYSTEM_RESTART_FAILURE, SIGNET_SYSTEM_RESTART_NEVER};
  process->policy.restart = restarts[draw(4)];
  if (draw(3) == 0)
    process->policy.limit = draw(8);
  process->policy.backoff_first = draw(2) * 5 * MILLISECONDS;
  process->policy.backoff_most = process->policy.backoff_first + draw(50) * MILLISECONDS;
  process->entry = 10 + draw(4);
  memset(process->hash, (int)process->entry, sizeof process->hash);
  if (draw(2))
    built_grant(built, row, SIGNET_SYSTEM_OBSERVATION, 0);
  if (row + BUILT_FIRST_DEVICE < BUILT_DEVICES)
    built_grant(built, row, SIGNET_SYSTEM_DEVICE, row + BUILT_FIRST_DEVICE);
}

static void make(void) {
  built_begin(built);
  uint32_t rows = 1 + draw(7), channels = draw(14);
  for (uint32_t row = 0; row < rows; row++)
    make_row(row);
  for (uint32_t i = 0; i < channels; i++) {
    uint32_t server = draw(rows), client = draw(rows);
    if (client < server && draw(5)) { /* mostly who serves comes first; any order is allowed */
      uint32_t other = client;
      client = server;
      server = other;
    }
    if (client != server || draw(4) == 0)
      built_channel(built, client, server);
  }
}

/* ---- What happens ---- */

static struct signet_ending some_ending(void) {
  static const struct signet_ending endings[] = {{.kind = SIGNET_ENDED_FAULT, .code = SIGNET_FAULT_READ},
                                                 {.kind = SIGNET_ENDED_EXIT, .code = 1},
                                                 {.kind = SIGNET_ENDED_SIGNAL, .code = 9},
                                                 {.kind = SIGNET_ENDED_EXIT}};
  return endings[draw(16) ? draw(3) : 3];
}

static void kill_one(void) {
  uint32_t process = puppet_of(draw(built->head.processes));
  if (process)
    kernel_end(process, some_ending());
}

static void change_manner(void) {
  struct manner *manner = &manners[draw(built->head.processes)];
  memset(manner, 0, sizeof *manner);
  switch (draw(14)) {
  case 0:
    manner->never_starts = true;
    break;
  case 1:
    manner->never_listens = true;
    break;
  case 2:
    manner->leaves = draw(4) == 0;
    break;
  case 3:
    manner->unable = draw(4) == 0;
    break;
  case 4:
  case 5:
    manner->gives = GIVES_NOTHING + draw(4);
  }
}

/* In the middle of any call. */
static void intrude(void) {
  if (turn >= STORM || !process_count)
    return;
  if (draw(60) == 0)
    kill_one();
  uint32_t process = puppet_of(draw(built->head.processes));
  if (process && draw(6) == 0)
    puppet_step(process);
}

static void judge_quiet(void);

static void act(uint64_t deadline) {
  if (turn < STORM) {
    turn++;
    if (draw(3) == 0)
      change_manner();
    for (uint32_t kills = draw(4) ? 0 : draw(4); kills; kills--)
      kill_one();
    uint32_t process = puppet_of(draw(built->head.processes));
    if (process && draw(3))
      puppet_step(process);
    else if (draw(2))
      kernel_advance(kernel_now() + draw(40) * MILLISECONDS);
    else if (deadline != SIGNET_NEVER)
      kernel_advance(deadline);
    return;
  }
  if (turn++ == STORM) { /* from now on everybody behaves; those who did not are gone */
    for (uint32_t row = 0; row < built->head.processes; row++) {
      memset(&manners[row], 0, sizeof manners[row]);
      if (puppet_of(row))
        kernel_end(puppet_of(row), (struct signet_ending){.kind = SIGNET_ENDED_FAULT});
    }
    return;
  }
  if (puppets_step())
    return;
  if (told || deadline != SIGNET_NEVER) {
    if (!told && ++quiet_turns > 400)
      FAIL("it does not come to rest");
    kernel_advance(deadline);
    return;
  }
  judge_quiet();
  told = true;
  kernel_event(SIGNET_EVENT_TERMINATE);
}

/* What the supervisor holds for a reason. */
static uint32_t handles_wanted(void) {
  uint32_t wanted = 3, images = 0;
  for (uint32_t row = 0; row < built->head.processes; row++) {
    const struct signet_system_process *process = &built->row[row];
    if (process->policy.restart != SIGNET_SYSTEM_RESTART_NEVER)
      images |= 1u << process->entry;
    if (!puppet_of(row))
      continue;
    wanted++;
    for (uint32_t slot = 0; slot < process->slots; slot++)
      wanted += process->slot[slot].kind == SIGNET_SYSTEM_SUPERVISION ||
                process->slot[slot].kind == SIGNET_SYSTEM_OBSERVATION;
  }
  return wanted + (uint32_t)__builtin_popcount(images);
}

static void judge_quiet(void) {
  const char *wrong = puppets_wrong();
  if (wrong)
    FAIL("%s", wrong);
  for (uint32_t row = 0; row < built->head.processes; row++)
    if (!row_final(&supervisor.rows[row]) &&
        (!puppet_of(row) || supervisor.rows[row].phase != OBSERVATION_PHASE_RUNNING))
      FAIL("process %u is to run, and is in phase %u", row, supervisor.rows[row].phase);
  uint32_t held = kernel_held();
  /* An image is loaded when its first row is started, which in some systems never is. */
  if (held > handles_wanted())
    FAIL("%u handles are held, and there is a reason for %u", held, handles_wanted());
}

static void end(const struct signet_system_ending *rows, uint32_t count, const char *text) {
  (void)rows;
  if (text[0])
    FAIL("it is refused: %s", text);
  if (count > built->head.processes + 1)
    FAIL("%u endings", count);
  for (uint32_t i = 1; i <= process_count; i++)
    if (processes[i].handle)
      FAIL("process %u is left over", i);
  dprintf(kernel_verdict, "%u processes, %u told; ", process_count, heard_count);
}

static uint32_t cases = 400;
static uint64_t first = 1;

static void test_all(void) {
  uint32_t right = 0, made = 0, heard_all = 0;
  built = mmap(NULL, sizeof *built + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  struct test_case test = {.act = act,
                           .intrude = intrude,
                           .end = end,
                           .devices = built_devices,
                           .device_count = BUILT_DEVICES,
                           .system = &built->head,
                           .system_room = sizeof *built};
  for (uint64_t i = first; i < first + cases; i++) {
    uint32_t processes_made = 0, messages = 0;
    seed = i;
    make();
    puppets_begin(&built->head);
    const char *said = kernel_run(&test);
    if (sscanf(said, "%u processes, %u told; ended", &processes_made, &messages) == 2 && !strstr(said, "(status"))
      right++;
    else
      ok(false, "seed %lu: %s", (unsigned long)i, said);
    made += processes_made;
    heard_all += messages;
  }
  ok(right == cases, "%u storms, from seed %lu", cases, (unsigned long)first);
  ok(made > cases * 20 && heard_all > cases * 20, "%u processes ended in them, and were told %u things", made,
     heard_all);
}

/* [SEED [HOW MANY]] */
int main(int count, char **arguments) {
  if (count > 1) {
    first = strtoull(arguments[1], NULL, 0);
    cases = count > 2 ? (uint32_t)strtoul(arguments[2], NULL, 0) : 1;
  }
  test_run_low(test_all);
  return finish();
}
