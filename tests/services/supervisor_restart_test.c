/* What the supervisor does when processes end: starts them again, when and how often; joins their channels anew, in
 * both directions; tells those concerned; ends the system in order. One story a function, on a system of a file
 * service, an extension, and a web server that is the client of both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <signet/calls.h>

#include "contracts/observation.h"
#include "tests/lib/tap.h"
#include "tests/services/built_system.h"
#include "tests/services/supervisor_kernel.h"
#include "tests/services/supervisor_puppets.h"

enum { FILES, EXTENSION, WEB };
static struct built *built;
static void (*story)(uint64_t deadline); /* what happens when all is quiet */
static uint32_t step;
static struct signet_system_ending last[SIGNET_SYSTEM_ENDINGS_MOST];
static void (*judge)(const struct signet_system_ending *rows, uint32_t count);

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition))                                                                                                  \
      FAIL("step %u, line %d: not %s", step, __LINE__, #condition);                                                    \
  } while (0)

static const struct signet_ending fault = {
    .kind = SIGNET_ENDED_FAULT, .code = SIGNET_FAULT_WRITE, .instruction = 0x20040, .address = 0x1234};

static void make(void) {
  built_begin(built);
  built_row(built, "files", true);
  built_row(built, "extension", true);
  built_row(built, "web", true);
  built_channel(built, WEB, FILES);
  built_channel(built, WEB, EXTENSION);
  built_grant(built, FILES, SIGNET_SYSTEM_DEVICE, BUILT_FIRST_DEVICE);
  built_grant(built, WEB, SIGNET_SYSTEM_OBSERVATION, 0);
  built_grant(built, WEB, SIGNET_SYSTEM_OBSERVATION, 0);
  memset(manners, 0, sizeof manners);
}

#define WEB_FILES 1 /* slots of the web server */
#define WEB_EXTENSION 2
#define WEB_OBSERVES 3
#define SERVED 1 /* slot of the two others */

static bool finishing;
static void finish_story(void) {
  finishing = true;
  kernel_event(SIGNET_EVENT_TERMINATE);
}

/* Whoever can does something; when nobody can the story goes on. */
static void act(uint64_t deadline) {
  if (puppets_step())
    return;
  if (finishing)
    kernel_advance(deadline);
  else
    story(deadline);
}

static void end(const struct signet_system_ending *rows, uint32_t count, const char *text) {
  if (text[0])
    FAIL("it is refused: %s", text);
  for (uint32_t i = 1; i <= process_count; i++)
    if (processes[i].handle)
      FAIL("process %u is left over", i);
  memcpy(last, rows, count * sizeof *rows);
  if (judge)
    judge(rows, count);
}

static void tell(const char *name, void (*prepare)(void), void (*happens)(uint64_t)) {
  struct test_case test = {.act = act,
                           .end = end,
                           .devices = built_devices,
                           .device_count = BUILT_DEVICES,
                           .system = &built->head,
                           .system_room = sizeof *built};
  make();
  judge = NULL;
  story = happens;
  if (prepare)
    prepare();
  puppets_begin(&built->head);
  const char *said = kernel_run(&test);
  ok(strcmp(said, "ended ") == 0, "%s: %s", name, said);
}

static bool joined(uint32_t slot, uint32_t server) {
  return kernel_holder(kernel_peer(processes[puppet_of(WEB)].ends[slot])) == puppet_of(server);
}

/* ---- The start ---- */

static void slow_extension(void) { manners[EXTENSION].never_starts = true; }

static void start_order(uint64_t deadline) {
  switch (step++) {
  case 0: /* the files serve, the extension does not yet */
    CHECK(puppet_of(FILES) && puppet_of(EXTENSION) && !puppet_of(WEB));
    manners[EXTENSION].never_starts = false;
    break;
  case 1:
    CHECK(puppet_of(WEB) && joined(WEB_FILES, FILES) && joined(WEB_EXTENSION, EXTENSION));
    CHECK(deadline == SIGNET_NEVER && kernel_now() == 1000);
    finish_story();
  }
}

static void late(uint64_t deadline) {
  static uint64_t began;
  switch (step++) {
  case 0:
    began = kernel_now();
    CHECK(deadline == began + 500 * MILLISECONDS);
    kernel_advance(deadline);
    break;
  case 1: /* it was stopped, and its successor does not start either */
    CHECK(process_count == 3 && kernel_now() == began + 500 * MILLISECONDS);
    CHECK(processes[2].ending.kind == SIGNET_ENDED_STOPPED && puppet_of(EXTENSION) == 3);
    manners[EXTENSION].never_starts = false;
    break;
  case 2:
    CHECK(puppet_of(WEB) && joined(WEB_EXTENSION, EXTENSION));
    finish_story();
  }
}

static void unable_extension(void) { manners[EXTENSION].unable = true; }

static void not_started(uint64_t deadline) {
  (void)deadline;
  CHECK(process_count == 3 && puppet_of(WEB) && !puppet_of(EXTENSION));
  CHECK(puppets_heard(WEB, SUPERVISION_SERVICE_ENDED, WEB_EXTENSION) == 1);
  CHECK(strcmp(puppets_last(WEB, SUPERVISION_SERVICE_GIVEN_UP)->why, "no scripts") == 0);
  CHECK(kernel_is_closed(kernel_peer(processes[puppet_of(WEB)].ends[WEB_EXTENSION])) && !puppets_wrong());
  finish_story();
}

/* ---- Restarts ---- */

static void service_restarts(uint64_t deadline) {
  const struct heard *heard;
  switch (step++) {
  case 0:
    kernel_end(puppet_of(FILES), fault);
    break;
  case 1:
    CHECK(deadline == SIGNET_NEVER && process_count == 4 && puppet_serves(4));
    heard = puppets_last(WEB, SUPERVISION_SERVICE_ENDED);
    CHECK(heard && heard->slot == WEB_FILES && heard->first == SIGNET_ENDED_FAULT &&
          heard->second == SIGNET_FAULT_WRITE);
    heard = puppets_last(WEB, SUPERVISION_SERVICE_BACK);
    CHECK(heard && heard->slot == WEB_FILES && heard->first == 1 && heard == puppets_last(WEB, heard->tag));
    CHECK(joined(WEB_FILES, FILES) && joined(WEB_EXTENSION, EXTENSION) && !puppets_wrong());
    kernel_end(puppet_of(FILES), fault);
    kernel_end(puppet_of(EXTENSION), fault);
    break;
  case 2:
    CHECK(puppets_heard(WEB, SUPERVISION_SERVICE_BACK, WEB_FILES) == 2 &&
          puppets_heard(WEB, SUPERVISION_SERVICE_BACK, WEB_EXTENSION) == 1 && !puppets_wrong());
    finish_story();
  }
}

static void client_restarts(uint64_t deadline) {
  switch (step++) {
  case 0:
    kernel_end(puppet_of(WEB), fault);
    break;
  case 1:
    CHECK(deadline == SIGNET_NEVER && process_count == 4 && puppet_of(WEB) == 4);
    CHECK(puppets_heard(FILES, SUPERVISION_CLIENT_WANTED, SERVED) == 1 &&
          puppets_heard(EXTENSION, SUPERVISION_CLIENT_WANTED, SERVED) == 1 && !puppets_wrong());
    CHECK(puppets_heard(WEB, SUPERVISION_SERVICE_ENDED, WEB_FILES) == 0);
    finish_story();
  }
}

/* Both at once: nobody is asked, and nobody is told, as the channel is new for both. */
static void both_restart(uint64_t deadline) {
  switch (step++) {
  case 0:
    kernel_end(puppet_of(WEB), fault);
    kernel_end(puppet_of(FILES), fault);
    break;
  case 1:
    CHECK(deadline == SIGNET_NEVER && process_count == 5 && !puppets_wrong());
    kernel_end(puppet_of(FILES), fault);
    kernel_end(puppet_of(WEB), fault);
    kernel_end(puppet_of(EXTENSION), fault);
    break;
  case 2:
    CHECK(deadline == SIGNET_NEVER && process_count == 8 && !puppets_wrong());
    finish_story();
  }
}

static void patient(void) {
  built->row[FILES].policy.backoff_first = 10 * MILLISECONDS;
  built->row[FILES].policy.backoff_most = 70 * MILLISECONDS;
  built->row[FILES].policy.limit = 6;
}

/* 0, 10, 20, 40, 70, 70, given up. */
static void back_off(uint64_t deadline) {
  static const uint64_t waits[] = {0, 10, 20, 40, 70, 70};
  static uint64_t ended;
  uint32_t process = puppet_of(FILES);
  if (!process && step <= 6 && kernel_now() < ended + waits[step - 1] * MILLISECONDS) {
    CHECK(deadline == ended + waits[step - 1] * MILLISECONDS);
    CHECK(joined(WEB_EXTENSION, EXTENSION));
    kernel_advance(deadline);
    return;
  }
  if (step && step <= 6) {
    CHECK(process && processes[process].began == ended + waits[step - 1] * MILLISECONDS);
    CHECK(puppets_heard(WEB, SUPERVISION_SERVICE_BACK, WEB_FILES) == step);
  }
  if (step == 7) {
    CHECK(!process && deadline == SIGNET_NEVER);
    CHECK(strcmp(puppets_last(WEB, SUPERVISION_SERVICE_GIVEN_UP)->why, "it has ended too often") == 0);
    CHECK(!puppets_wrong());
    finish_story();
    return;
  }
  step++;
  ended = kernel_now();
  kernel_end(process, fault);
}

/* After a quiet window it is at once again, and the limit counts anew. */
static void quiet_window(uint64_t deadline) {
  static uint64_t until, ended;
  if (kernel_now() < until) {
    kernel_advance(deadline < until ? deadline : until);
    return;
  }
  uint32_t process = puppet_of(FILES);
  CHECK(process);
  if (step % 6 == 1)
    CHECK(processes[process].began == ended);
  else if (step)
    CHECK(processes[process].began > ended);
  if (++step == 40) {
    finish_story();
    return;
  }
  ended = kernel_now();
  kernel_end(process, fault);
  until = ended + (step % 6 ? 75 : 1071) * MILLISECONDS;
}

static void on_failure(void) {
  built->row[FILES].policy.restart = SIGNET_SYSTEM_RESTART_FAILURE;
  built->row[EXTENSION].policy.restart = SIGNET_SYSTEM_RESTART_NEVER;
}

static void policies(uint64_t deadline) {
  switch (step++) {
  case 0:
    kernel_end(puppet_of(FILES), (struct signet_ending){.kind = SIGNET_ENDED_EXIT, .code = 3});
    break;
  case 1:
    CHECK(puppet_of(FILES) == 4);
    kernel_end(puppet_of(FILES), (struct signet_ending){.kind = SIGNET_ENDED_EXIT});
    kernel_end(puppet_of(EXTENSION), fault);
    break;
  case 2:
    CHECK(deadline == SIGNET_NEVER && process_count == 4);
    CHECK(puppets_heard(WEB, SUPERVISION_SERVICE_GIVEN_UP, WEB_FILES) == 1 &&
          puppets_heard(WEB, SUPERVISION_SERVICE_GIVEN_UP, WEB_EXTENSION) == 1 && !puppets_wrong());
    kernel_end(puppet_of(WEB), fault); /* its successor has nobody to serve it, and is told so */
    break;
  case 3:
    CHECK(deadline == SIGNET_NEVER && process_count == 5 && !puppets_wrong());
    finish_story();
  }
}

/* ---- Servers that do not give what their client's successor needs ---- */

static enum gives given;
static void bad_giver(void) {
  manners[FILES].gives = given;
  built->row[WEB].policy.limit = 3;
  built->row[WEB].policy.window = 10000 * MILLISECONDS;
  built->row[WEB].policy.backoff_first = built->row[WEB].policy.backoff_most = 20 * MILLISECONDS;
}

/* The web server is given up after its three restarts, none of which can be; the file service is unharmed. */
static void not_given(uint64_t deadline) {
  static uint64_t ended;
  if (!step++) {
    ended = kernel_now();
    kernel_end(puppet_of(WEB), fault);
    return;
  }
  if (deadline != SIGNET_NEVER) {
    kernel_advance(deadline);
    return;
  }
  CHECK(!puppet_of(WEB) && process_count == 3 && puppet_of(FILES) == 1 && puppet_of(EXTENSION) == 2);
  uint64_t waited = kernel_now() - ended; /* for an answer, a second each time */
  if (waited != (given == GIVES_NOTHING ? 3 * 1000 + 2 * 20 : 2 * 20) * MILLISECONDS)
    FAIL("it took %lu ns", (unsigned long)waited);
  CHECK(kernel_is_closed(kernel_peer(processes[2].ends[SERVED])));
  finish_story();
}

/* The answer comes after more than a second: the start has failed, and the next one uses it. */
static void late_giver(void) {
  manners[FILES].never_listens = true;
  built->row[WEB].policy.backoff_first = built->row[WEB].policy.backoff_most = 20 * MILLISECONDS;
}

static void given_late(uint64_t deadline) {
  static uint64_t ended;
  switch (step++) {
  case 0:
    ended = kernel_now();
    kernel_end(puppet_of(WEB), fault);
    break;
  case 1: /* nobody listens there */
    CHECK(deadline == ended + 1000 * MILLISECONDS);
    kernel_advance(deadline);
    break;
  case 2:
    CHECK(!puppet_of(WEB) && deadline >= kernel_now() && deadline <= kernel_now() + 1000 * MILLISECONDS);
    manners[FILES].never_listens = false;
    break;
  case 3:
    if (!puppet_of(WEB)) {
      step--;
      kernel_advance(deadline);
      break;
    }
    CHECK(kernel_now() <= ended + 1020 * MILLISECONDS && !puppets_wrong());
    finish_story();
  }
}

/* The server ends while it is asked. */
static void asked_server_ends(uint64_t deadline) {
  switch (step++) {
  case 0:
    manners[FILES].never_listens = true;
    kernel_end(puppet_of(WEB), fault);
    break;
  case 1:
    CHECK(deadline != SIGNET_NEVER && !puppet_of(WEB));
    kernel_end(puppet_of(FILES), fault);
    break;
  case 2:
    CHECK(process_count == 5 && puppet_of(WEB) && !puppets_wrong() && kernel_now() == 1000);
    finish_story();
  }
}

/* The second in which a server has to answer begins when it serves. */
static void slow_starter(void) { built->row[FILES].policy.start_deadline = 5000 * MILLISECONDS; }

static void asked_server_starts(uint64_t deadline) {
  switch (step++) {
  case 0:
    manners[FILES].never_starts = true;
    kernel_end(puppet_of(FILES), fault);
    break;
  case 1:
    kernel_end(puppet_of(WEB), fault);
    break;
  case 2: /* the files have been made with a new channel, whose other end the web server's successor has */
    CHECK(puppet_of(WEB) && puppet_of(FILES));
    kernel_end(puppet_of(WEB), fault);
    break;
  case 3:
    CHECK(!puppet_of(WEB) && deadline == kernel_now() + 5000 * MILLISECONDS);
    kernel_advance(kernel_now() + 4000 * MILLISECONDS);
    manners[FILES].never_starts = false;
    break;
  case 4:
    CHECK(puppet_of(WEB) && process_count == 6 && !puppets_wrong());
    finish_story();
  }
}

/* ---- A process that leaves its supervision, and goes on ---- */

static void leaver(void) { manners[FILES].leaves = true; }

static void leaves(uint64_t deadline) {
  switch (step++) {
  case 0:
    CHECK(deadline == SIGNET_NEVER && process_count == 3 && puppet_of(FILES) == 1);
    kernel_end(1, fault); /* all the same, its end is heard of */
    break;
  case 1:
    CHECK(puppet_of(FILES) == 4 && joined(WEB_FILES, FILES) && !puppets_wrong());
    finish_story();
  }
}

/* ---- The end of the system ---- */

static void bad_stopper(void) { manners[EXTENSION].never_stops = true; }

static void told_to_end(uint64_t deadline) {
  static uint64_t told;
  switch (step++) {
  case 0:
    told = kernel_now();
    kernel_event(SIGNET_EVENT_TERMINATE);
    break;
  default: /* the web server and the files have stopped, each in its turn; the extension does not */
    CHECK(!puppet_of(WEB) && puppet_of(EXTENSION) && puppet_of(FILES));
    CHECK(puppets_last(WEB, SUPERVISION_STOP)->when == told + 100 * MILLISECONDS);
    CHECK(!puppets_last(FILES, SUPERVISION_STOP) && deadline == told + 100 * MILLISECONDS);
    kernel_advance(deadline);
  }
}

static void told_judge(const struct signet_system_ending *rows, uint32_t count) {
  CHECK(count == 4 && rows[0].process == SIGNET_SYSTEM_NONE && rows[0].ending.kind == SIGNET_ENDED_EXIT &&
        !rows[0].ending.code);
  for (uint32_t i = 0; i < 3; i++)
    CHECK(rows[1 + i].process == i);
  CHECK(rows[1].ending.kind == SIGNET_ENDED_EXIT && rows[2].ending.kind == SIGNET_ENDED_STOPPED);
}

static void judged_stopper(void) {
  bad_stopper();
  judge = told_judge;
}

/* The web server says that it serves, and listens to nobody: it is told by an event. */
static void deaf(void) { manners[WEB].never_listens = true; }

static void told_by_event(uint64_t deadline) {
  switch (step++) {
  case 0:
    kernel_event(SIGNET_EVENT_INTERRUPT);
    break;
  case 1:
    CHECK(processes[puppet_of(WEB)].events == 1u << SIGNET_EVENT_TERMINATE);
    CHECK(deadline == kernel_now() + 100 * MILLISECONDS && puppet_of(FILES));
    finishing = true;
    kernel_end(puppet_of(WEB), (struct signet_ending){.kind = SIGNET_ENDED_SIGNAL, .code = 15});
  }
}

static void main_judge(const struct signet_system_ending *rows, uint32_t count) {
  CHECK(count == 3 && rows[0].process == WEB && rows[0].ending.kind == SIGNET_ENDED_EXIT && rows[0].ending.code == 7);
  CHECK(rows[1].process == FILES && rows[2].process == EXTENSION);
}

static void with_main(void) {
  built->head.main = WEB;
  built->row[WEB].policy.restart = SIGNET_SYSTEM_RESTART_FAILURE;
  built->row[WEB].policy.limit = 1;
  judge = main_judge;
}

static void main_ends(uint64_t deadline) {
  (void)deadline;
  step++;
  CHECK(puppet_of(WEB) && step <= 2);
  kernel_end(puppet_of(WEB), (struct signet_ending){.kind = SIGNET_ENDED_EXIT, .code = step == 1 ? 9 : 7});
}

static void all_judge(const struct signet_system_ending *rows, uint32_t count) {
  CHECK(count == 4 && rows[0].process == SIGNET_SYSTEM_NONE && rows[0].ending.code == 1);
}

static void without_main(void) {
  for (uint32_t i = 0; i < 3; i++)
    built->row[i].policy.restart = SIGNET_SYSTEM_RESTART_FAILURE;
  built->row[EXTENSION].policy.limit = 0;
  judge = all_judge;
}

static void all_end(uint64_t deadline) {
  (void)deadline;
  switch (step++) {
  case 0:
    kernel_end(puppet_of(EXTENSION), fault);
    break;
  case 1:
    kernel_end(puppet_of(WEB), (struct signet_ending){.kind = SIGNET_ENDED_EXIT});
    break;
  case 2:
    kernel_end(puppet_of(FILES), (struct signet_ending){.kind = SIGNET_ENDED_EXIT});
    break;
  default:
    FAIL("it goes on");
  }
}

/* ---- Observers ---- */

static struct observation_buffer answer;

static void ask(uint32_t observer, uint32_t tag, uint64_t number, uint32_t length) {
  if (!kernel_send(processes[puppet_of(WEB)].ends[WEB_OBSERVES + observer], tag, &number, length, 0))
    FAIL("a question is not allowed");
}

static bool answered(uint32_t observer, uint32_t tag) {
  uint32_t is, moved, end = processes[puppet_of(WEB)].ends[WEB_OBSERVES + observer];
  return kernel_receive(end, puppet_of(WEB), &is, answer.data, &moved) && is == tag;
}

static void observe(uint64_t deadline) {
  const struct observation_supervised *rows = (const void *)answer.data;
  const struct observation_CRASH_IS *crash = (const void *)answer.data;
  const struct signet_observed_process *records = (const void *)answer.data;
  switch (step++) {
  case 0:
    ask(0, OBSERVATION_CRASH, 0, 4);
    ask(1, OBSERVATION_SUPERVISED, 0, 4);
    break;
  case 1:
    CHECK(answered(0, OBSERVATION_NO_CRASH) && answered(1, OBSERVATION_SUPERVISED_ARE));
    for (uint32_t i = 0; i < 3; i++)
      CHECK(strcmp(rows[i].name, built->row[i].name) == 0 && rows[i].phase == OBSERVATION_PHASE_RUNNING &&
            rows[i].process == puppet_of(i) + 1 && !rows[i].restarts && !rows[i].ended_kind && !rows[i].restarted &&
            rows[i].since == 1000 && rows[i].slots == built->row[i].slots);
    built->row[FILES].policy.backoff_first = built->row[FILES].policy.backoff_most = 30 * MILLISECONDS;
    kernel_advance(kernel_now() + 5 * MILLISECONDS);
    kernel_end(puppet_of(FILES), fault);
    break;
  case 2:
    kernel_advance(kernel_now() + 5 * MILLISECONDS);
    kernel_end(puppet_of(FILES), (struct signet_ending){.kind = SIGNET_ENDED_EXIT, .code = 4});
    break;
  case 3:
    ask(0, OBSERVATION_SUPERVISED, 0, 4);
    ask(1, OBSERVATION_CRASH, 1, 4);
    break;
  case 4:
    CHECK(answered(0, OBSERVATION_SUPERVISED_ARE) && rows[FILES].phase == OBSERVATION_PHASE_WAITING &&
          !rows[FILES].process && rows[FILES].restarts == 1 && rows[FILES].ended_kind == SIGNET_ENDED_EXIT &&
          rows[FILES].ended_code == 4 && rows[FILES].since == kernel_now());
    CHECK(answered(1, OBSERVATION_CRASH_IS) && strcmp(crash->name, "files") == 0 && crash->kind == SIGNET_ENDED_FAULT &&
          crash->code == SIGNET_FAULT_WRITE && crash->instruction == 0x20040 && crash->address == 0x1234 &&
          crash->restarts == 0 && crash->when == 77777);
    ask(1, OBSERVATION_CRASH, 2, 4);
    kernel_advance(deadline);
    break;
  case 5:
    CHECK(answered(1, OBSERVATION_NO_CRASH));
    ask(0, OBSERVATION_SUPERVISED, FILES, 4);
    ask(1, OBSERVATION_PROCESSES, 1, 8);
    break;
  case 6:
    CHECK(answered(0, OBSERVATION_SUPERVISED_ARE) && rows[0].restarts == 2 && rows[0].restarted == 30 * MILLISECONDS &&
          rows[0].process == puppet_of(FILES) + 1);
    CHECK(answered(1, OBSERVATION_PROCESSES_ARE) && strcmp(records[0].name, "extension") == 0);
    kernel_close(processes[puppet_of(WEB)].ends[WEB_OBSERVES]); /* one goes, the other is still served */
    for (uint32_t i = 0; i < 40; i++)
      ;
    ask(1, OBSERVATION_SUPERVISED, 64, 4);
    break;
  case 7:
    CHECK(answered(1, OBSERVATION_SUPERVISED_ARE));
    finish_story();
  }
}

/* ---- A thousand restarts ---- */

static void thousand(uint64_t deadline) {
  static uint32_t held;
  (void)deadline;
  if (step == 30)
    held = kernel_held();
  CHECK(step <= 30 || held == kernel_held());
  CHECK(!puppets_wrong());
  if (step++ == 3000)
    finish_story();
  else
    kernel_end(puppet_of(step % 3), fault);
}

/* The reports of the last 32 are kept. */
static void many_crashes(uint64_t deadline) {
  const struct observation_CRASH_IS *crash = (const void *)answer.data;
  (void)deadline;
  if (step++ < 40) {
    kernel_end(puppet_of(FILES), (struct signet_ending){.kind = SIGNET_ENDED_EXIT, .code = step});
    return;
  }
  if (step == 41) {
    ask(0, OBSERVATION_CRASH, 31, 4);
    ask(1, OBSERVATION_CRASH, 32, 4);
    return;
  }
  CHECK(answered(0, OBSERVATION_CRASH_IS) && crash->code == 9 && crash->restarts == 8);
  CHECK(answered(1, OBSERVATION_NO_CRASH));
  finish_story();
}

static void test_all(void) {
  static const struct {
    enum gives gives;
    const char *name;
  } givers[] = {{GIVES_NOTHING, "a server that does not answer"},
                {GIVES_REFUSAL, "a server that refuses"},
                {GIVES_CLOSED, "a server that gives a closed end"},
                {GIVES_OTHER_CONTRACT, "a server that gives an end of another contract"}};
  built = mmap(NULL, sizeof *built + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  tell("a row waits for those that serve it", slow_extension, start_order);
  tell("one that does not start in time is stopped", slow_extension, late);
  tell("one that says NOT_STARTED is given up", unable_extension, not_started);
  tell("a service is started again, and its client is told", NULL, service_restarts);
  tell("a client is started again, and its servers are asked", NULL, client_restarts);
  tell("both ends of a channel at once", NULL, both_restart);
  tell("back-off and limit", patient, back_off);
  tell("after a quiet window all counts anew", patient, quiet_window);
  tell("restart after failures, and never", on_failure, policies);
  for (size_t i = 0; i < sizeof givers / sizeof *givers; i++) {
    given = givers[i].gives;
    tell(givers[i].name, bad_giver, not_given);
  }
  tell("a server that gives late", late_giver, given_late);
  tell("a server that ends while it is asked", NULL, asked_server_ends);
  tell("a server that starts slowly while it is needed", slow_starter, asked_server_starts);
  tell("one that leaves its supervision and goes on", leaver, leaves);
  tell("told to end: in reverse order, with deadlines", judged_stopper, told_to_end);
  tell("one that does not listen is told by an event", deaf, told_by_event);
  tell("the system ends with its main process", with_main, main_ends);
  tell("a system without one ends with the last", without_main, all_end);
  tell("what observers are told", NULL, observe);
  tell("the last 32 crash reports are kept", NULL, many_crashes);
  tell("3,000 restarts leave no handle behind", NULL, thousand);
}

int main(void) {
  test_run_low(test_all);
  return finish();
}
