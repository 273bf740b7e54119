/* What the supervisor refuses of a system, field by field; what it builds, in which order, and who has what in the end,
 * of a system in which nothing is started again; every call of the kernel failing once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "services/system.h"
#include "tests/lib/tap.h"
#include "tests/services/made_system.h"
#include "tests/services/supervisor_kernel.h"

/* How the system behaves in a case, and what its end is to be. */
struct setting {
  const char *name;
  const char *reason; /* what the refusal says; NULL: the system runs */
  void (*change)(struct made_system *system);
  struct signet_ending main_ending;
  uint32_t length_less, devices, wrong_kind, damaged_entry, bad_entry, fail_at; /* struct test_case */
  uint32_t service_died;  /* row of a service that faults, plus 1 */
  uint32_t service_hangs; /* row that does not end, plus 1 */
  bool misaligned, other_version;
};

static const struct setting *now;
static struct made_system *made;

/* ---- The processes ---- */

static uint32_t process_of(uint32_t row) {
  for (uint32_t i = 1; i <= process_count; i++)
    if (processes[i].row == row)
      return i;
  return 0;
}

static bool runs(uint32_t row) { return processes[process_of(row)].state == SIGNET_PROCESS_RUNNING; }

static struct signet_ending ending_of(uint32_t row) {
  if (row == made->head.main)
    return now->main_ending;
  if (now->service_died == row + 1)
    return (struct signet_ending){.kind = SIGNET_ENDED_FAULT, .code = SIGNET_FAULT_READ, .instruction = 0x20040};
  return (struct signet_ending){.kind = SIGNET_ENDED_EXIT};
}

static uint32_t serial_row(void) { return made->head.main == SERIAL ? PROGRAM : SERIAL; }

static const uint32_t events_sent[] = {SIGNET_EVENT_INTERRUPT, 99, SIGNET_EVENT_QUIT};
static uint32_t events_told;

/* Tells the next event, as a terminal's driver does: when the last was taken. False: there are no more. */
static bool tell_event(uint32_t end) {
  struct events_event event = {.event = events_sent[events_told / 2]};
  uint32_t tag, moved;
  if (events_told % 2 && !kernel_receive(end, process_of(serial_row()), &tag, &event, &moved))
    return true; /* it will come */
  if (events_told++ % 2)
    return events_told / 2 < sizeof events_sent / sizeof *events_sent;
  if (!kernel_send(end, EVENTS_EVENT, &event, sizeof event, 0))
    FAIL("an event cannot be told");
  return true;
}

static bool clients_are_gone(uint32_t row) {
  const struct process *process = &processes[process_of(row)];
  for (uint32_t slot = 0; slot < made->process[row].slots; slot++)
    if (made->process[row].slot[slot].kind == SIGNET_SYSTEM_SERVER &&
        !kernel_is_closed(kernel_peer(process->ends[slot])))
      return false;
  return true;
}

/* The main process ends when every event was told; the services when their clients are gone. */
static void act(uint64_t deadline) {
  if (runs(serial_row()) && made->head.channels == CHANNELS && runs(made->head.main) &&
      events_told < 2 * sizeof events_sent / sizeof *events_sent) {
    tell_event(processes[process_of(serial_row())].ends[4]);
    return;
  }
  if (runs(made->head.main)) {
    if (now->service_died && runs(now->service_died - 1))
      kernel_end(process_of(now->service_died - 1), ending_of(now->service_died - 1));
    kernel_end(process_of(made->head.main), ending_of(made->head.main));
    return;
  }
  for (uint32_t row = 0; row < PROCESSES; row++)
    if (runs(row) && now->service_hangs != row + 1 && clients_are_gone(row)) {
      kernel_end(process_of(row), ending_of(row));
      return;
    }
  kernel_advance(deadline);
}

/* Started as soon as it is built: none that comes later has been made. */
static void started(uint32_t process) {
  if (process != process_count || processes[process].row + 1 != process_count)
    FAIL("process %u is started out of its turn", processes[process].row);
  for (uint32_t slot = 0; slot < made->process[processes[process].row].slots; slot++) {
    /* Both ends of a channel go where the system says. */
    const struct signet_system_grant *grant = &made->process[processes[process].row].slot[slot];
    if (grant->kind != SIGNET_SYSTEM_CLIENT && grant->kind != SIGNET_SYSTEM_SERVER)
      continue;
    for (uint32_t row = 0; row < processes[process].row; row++)
      for (uint32_t other = 0; other < made->process[row].slots; other++)
        if (made->process[row].slot[other].number == grant->number &&
            made->process[row].slot[other].kind + grant->kind == SIGNET_SYSTEM_CLIENT + SIGNET_SYSTEM_SERVER &&
            kernel_peer(processes[process_of(row)].ends[other]) != processes[process].ends[slot])
          FAIL("channel %u does not join its ends", grant->number);
  }
}

/* ---- The end of a case ---- */

static void end(const struct signet_system_ending *rows, uint32_t count, const char *text) {
  if (now->reason ? !strstr(text, now->reason) : text[0] && !now->fail_at)
    FAIL("it says: %s", text);
  if (text[0]) {
    if (rows[0].process != SIGNET_SYSTEM_NONE || rows[0].ending.kind != SIGNET_ENDED_EXIT ||
        rows[0].ending.code != SIGNET_SYSTEM_REFUSED)
      FAIL("a refusal is told otherwise");
  } else if (rows[0].process != made->head.main ||
             memcmp(&rows[0].ending, &now->main_ending, sizeof now->main_ending) != 0) {
    FAIL("the main process ended otherwise");
  }
  for (uint32_t i = 1; i < count; i++) {
    struct signet_ending wanted = ending_of(rows[i].process);
    if (now->service_hangs == rows[i].process + 1)
      wanted = (struct signet_ending){.kind = SIGNET_ENDED_STOPPED};
    /* A program of a system that is refused is told to end: by an event, then it is stopped. */
    if (text[0] && rows[i].ending.kind == SIGNET_ENDED_STOPPED)
      wanted = rows[i].ending;
    if (rows[i].process >= PROCESSES || (i > 1 && rows[i].process <= rows[i - 1].process) ||
        memcmp(&rows[i].ending, &wanted, sizeof wanted) != 0)
      FAIL("process %u ended otherwise", rows[i].process);
  }
  if (!text[0] && count != PROCESSES)
    FAIL("%u endings are told", count);
  if (!text[0] && made->head.channels == CHANNELS &&
      processes[process_of(made->head.main)].events != (1u << SIGNET_EVENT_INTERRUPT | 1u << SIGNET_EVENT_QUIT))
    FAIL("not every event was passed on");
  for (uint32_t i = 1; i <= process_count; i++)
    if (processes[i].handle)
      FAIL("process %u is left over", processes[i].row);
  /* The set, both ends of the channel of wake-ups, and the end of the channel of events. */
  if (kernel_held() > 4)
    FAIL("%u handles are left over", kernel_held());
}

static const char *run(const struct setting *setting) {
  struct test_case test = {.act = act,
                           .end = end,
                           .started = started,
                           .devices = device_kinds,
                           .device_count = setting->devices ? setting->devices : DEVICES,
                           .wrong_kind = setting->wrong_kind,
                           .damaged_entry = setting->damaged_entry,
                           .bad_entry = setting->bad_entry,
                           .fail_at = setting->fail_at,
                           .length_less = setting->length_less,
                           .misaligned = setting->misaligned,
                           .other_version = setting->other_version,
                           .system = &made->head,
                           .system_room = sizeof *made};
  make_system(made);
  if (setting->change)
    setting->change(made);
  now = setting;
  return kernel_run(&test);
}

static bool ended_well(const char *said) { return strncmp(said, "ended ", 6) == 0 && !strstr(said, "(status"); }

/* ---- What is wrong, field by field ---- */

#define WRONG(name, statement)                                                                                         \
  static void name(struct made_system *s) { statement; }
WRONG(magic, s->head.magic ^= 1)
WRONG(version, s->head.version++)
WRONG(length_more, s->head.length++)
WRONG(length_least, s->head.length = sizeof s->head)
WRONG(reserved, s->head.reserved = 1)
WRONG(no_process, s->head.processes = 0)
WRONG(many_processes, s->head.processes = SIGNET_SYSTEM_PROCESSES_MOST + 1)
WRONG(processes_outside, s->head.processes = SIGNET_SYSTEM_PROCESSES_MOST)
WRONG(processes_unaligned, s->head.processes_offset += 4)
WRONG(processes_on_head, s->head.processes_offset = 0)
WRONG(processes_far, s->head.processes_offset = UINT32_MAX - 7)
WRONG(many_channels, s->head.channels = SIGNET_SYSTEM_CHANNELS_MOST + 1)
WRONG(channels_far, s->head.channels_offset = sizeof *s + 8)
WRONG(channels_end, s->head.channels_offset = sizeof *s - 24)
WRONG(main_far, s->head.main = PROCESSES)
WRONG(archive_far, s->head.archive = DEVICES)
WRONG(power_far, s->head.power = DEVICES)
WRONG(power_is_archive, s->head.power = s->head.archive)
WRONG(name_empty, s->process[MEMORY].name[0] = 0)
WRONG(name_endless, memset(s->process[MEMORY].name, 'x', 32))
WRONG(many_slots, s->process[MEMORY].slots = SIGNET_SLOTS_MOST + 1)
WRONG(startup_far, s->process[MEMORY].startup_offset = UINT32_MAX - 7)
WRONG(startup_long, s->process[MEMORY].startup_length = 64)
WRONG(startup_most, s->process[MEMORY].startup_length = UINT32_MAX)
WRONG(name_twice, strcpy(s->process[PROGRAM].name, "memory"))
WRONG(restart_other, s->process[MEMORY].policy.restart = SIGNET_SYSTEM_RESTART_ALWAYS + 1)
WRONG(window_long, s->process[MEMORY].policy.window = SIGNET_SYSTEM_TIME_MOST + 1)
WRONG(backoff_first_long, s->process[MEMORY].policy.backoff_first = SIGNET_SYSTEM_TIME_MOST + 1)
WRONG(backoff_most_long, s->process[MEMORY].policy.backoff_most = UINT64_MAX)
WRONG(start_long, s->process[MEMORY].policy.start_deadline = SIGNET_SYSTEM_TIME_MOST + 1)
WRONG(stop_long, s->process[MEMORY].policy.stop_deadline = UINT64_MAX)
WRONG(backoff_crossed, (s->process[MEMORY].policy.backoff_first = 2, s->process[MEMORY].policy.backoff_most = 1))
static void supervise(struct made_system *s, uint32_t process) {
  s->process[process].slot[s->process[process].slots++].kind = SIGNET_SYSTEM_SUPERVISION;
  s->process[process].policy.start_deadline = 1000;
}
WRONG(supervision_number, (supervise(s, MEMORY), s->process[MEMORY].slot[2].number = 1))
WRONG(supervision_twice, (supervise(s, MEMORY), supervise(s, MEMORY)))
WRONG(supervision_hasty, (supervise(s, MEMORY), s->process[MEMORY].policy.start_deadline = 0))
WRONG(observation_number,
      (supervise(s, MEMORY), s->process[MEMORY].slot[2] = (struct signet_system_grant){SIGNET_SYSTEM_OBSERVATION, 3}))
WRONG(server_restarts, (supervise(s, MEMORY), s->process[MEMORY].policy.restart = SIGNET_SYSTEM_RESTART_FAILURE))
WRONG(client_restarts, (supervise(s, PROGRAM), s->process[PROGRAM].policy.restart = SIGNET_SYSTEM_RESTART_ALWAYS))
WRONG(startup_unaligned, s->process[MEMORY].startup_offset++)
WRONG(kind_none, s->process[MEMORY].slot[1].kind = 0)
WRONG(kind_other, s->process[MEMORY].slot[1].kind = 6)
WRONG(channel_far, s->process[MEMORY].slot[0].number = CHANNELS)
WRONG(end_twice, s->process[MEMORY].slot[0].number = OUTPUT)
WRONG(device_far, s->process[MEMORY].slot[1].number = DEVICES)
WRONG(device_most, s->process[MEMORY].slot[1].number = UINT32_MAX)
WRONG(device_archive, s->process[MEMORY].slot[1].number = ARCHIVE)
WRONG(device_power, s->process[MEMORY].slot[1].number = POWER)
WRONG(device_twice, s->process[MEMORY].slot[1].number = PORTS)
WRONG(contract_far, s->channel[OUTPUT].contract_offset = sizeof *s)
WRONG(contract_long, s->channel[OUTPUT].contract_length = UINT32_MAX)
WRONG(contract_short, s->channel[OUTPUT].contract_length = 8)
WRONG(client_nobody, s->process[PROGRAM].slots = 2)
WRONG(server_nobody, (s->process[SERIAL].slots = 4, s->process[SERIAL].slot[1] = s->process[SERIAL].slot[4]))
WRONG(events_other, s->events.next[0][0] = 0)
WRONG(events_two, (s->channel[FILES] = s->channel[EVENTS], s->process[MEMORY].slots = 0))
WRONG(entry_none, s->process[MEMORY].entry = 9)
WRONG(hash_other, s->process[MEMORY].hash[31] ^= 1)
WRONG(contract_bad, s->files.messages[3].step = 1)
WRONG(power_none, s->head.power = SIGNET_SYSTEM_NONE)
/* The program comes first, so that the servers' ends are kept for a while. */
static void program_first(struct made_system *s) {
  struct signet_system_process program = s->process[PROGRAM];
  s->process[PROGRAM] = s->process[SERIAL];
  s->process[SERIAL] = program;
  s->head.main = SERIAL;
}
WRONG(program_first_fails, (program_first(s), s->process[MEMORY].entry = 9))
WRONG(no_events, (s->head.channels = 2, s->process[SERIAL].slots = 4, s->process[PROGRAM].slots = 2,
                  s->process[MEMORY].slots = 1, s->process[MEMORY].slot[0] = s->process[MEMORY].slot[1]))
WRONG(hostile_name, (memcpy(s->process[MEMORY].name, "a\033[2J\n", 7), s->process[MEMORY].entry = 9))

static const struct signet_ending fine = {.kind = SIGNET_ENDED_EXIT, .code = 0};

static const struct setting settings[] = {
    {.name = "a system that is right", .main_ending = {.kind = SIGNET_ENDED_EXIT, .code = 42}},
    {.name = "its main process faults",
     .main_ending = {.kind = SIGNET_ENDED_FAULT, .code = 2, .instruction = 7, .address = 0x1234567890}},
    {.name = "the program first", .change = program_first},
    {.name = "the program first, and the next fails", .change = program_first_fails, .reason = "does not have"},
    {.name = "no channel of events", .change = no_events},
    {.name = "a service dies", .service_died = 1 + MEMORY},
    {.name = "a service does not end", .service_hangs = 1 + SERIAL},
    {.name = "not aligned", .reason = "aligned", .misaligned = true},
    {.name = "no bytes", .reason = "shorter", .length_less = sizeof(struct made_system)},
    {.name = "less than a header",
     .reason = "shorter",
     .length_less = sizeof(struct made_system) - sizeof(struct signet_system) + 1},
    {.name = "cut short", .reason = "not as long", .length_less = 1},
    {.name = "magic", .reason = "started: the start-up bytes are no system", .change = magic},
    {.name = "version", .reason = "another version", .change = version},
    {.name = "length", .reason = "not as long", .change = length_more},
    {.name = "length of the header", .reason = "not as long", .change = length_least},
    {.name = "reserved", .reason = "reserved", .change = reserved},
    {.name = "no process", .reason = "no process, or too many", .change = no_process},
    {.name = "too many processes", .reason = "no process, or too many", .change = many_processes},
    {.name = "processes outside", .reason = "table of processes", .change = processes_outside},
    {.name = "processes not aligned", .reason = "table of processes", .change = processes_unaligned},
    {.name = "processes in the header", .reason = "table of processes", .change = processes_on_head},
    {.name = "processes far away", .reason = "table of processes", .change = processes_far},
    {.name = "too many channels", .reason = "too many channels", .change = many_channels},
    {.name = "channels behind the end", .reason = "table of channels", .change = channels_far},
    {.name = "channels over the end", .reason = "table of channels", .change = channels_end},
    {.name = "main", .reason = "main process is none", .change = main_far},
    {.name = "archive", .reason = "archive is in a start-up slot", .change = archive_far},
    {.name = "power", .reason = "power device is in a start-up slot", .change = power_far},
    {.name = "power and archive in one", .reason = "power device is in", .change = power_is_archive},
    {.name = "fewer devices", .reason = "not given this device", .devices = 4},
    {.name = "the archive is no archive", .reason = "the archive is another", .wrong_kind = 1 + ARCHIVE},
    {.name = "empty name", .reason = "process 1: its name", .change = name_empty},
    {.name = "endless name", .reason = "process 1: its name", .change = name_endless},
    {.name = "the name of another", .reason = "process 2 (memory): another process has", .change = name_twice},
    {.name = "a restart of no kind", .reason = "process 1 (memory): whether it is started", .change = restart_other},
    {.name = "window too long", .reason = "(memory): a time of its policy", .change = window_long},
    {.name = "first back-off too long", .reason = "(memory): a time of its policy", .change = backoff_first_long},
    {.name = "longest back-off too long", .reason = "(memory): a time of its policy", .change = backoff_most_long},
    {.name = "start deadline too long", .reason = "(memory): a time of its policy", .change = start_long},
    {.name = "stop deadline too long", .reason = "(memory): a time of its policy", .change = stop_long},
    {.name = "back-offs crossed", .reason = "(memory): its first back-off", .change = backoff_crossed},
    {.name = "supervision with a number", .reason = "slot 2: its number", .change = supervision_number},
    {.name = "observation with a number", .reason = "slot 2: its number", .change = observation_number},
    {.name = "supervised twice", .reason = "slot 3: it is supervised twice", .change = supervision_twice},
    {.name = "supervised without time", .reason = "slot 2: it is supervised, and", .change = supervision_hasty},
    {.name = "a server that restarts", .reason = "channel 3: its server may be", .change = server_restarts},
    {.name = "a client that restarts", .reason = "channel 0: its client may be", .change = client_restarts},
    {.name = "too many slots", .reason = "process 1 (memory): it has too many", .change = many_slots},
    {.name = "start-up bytes far away", .reason = "its start-up bytes", .change = startup_far},
    {.name = "start-up bytes over the end", .reason = "its start-up bytes", .change = startup_long},
    {.name = "start-up bytes without end", .reason = "its start-up bytes", .change = startup_most},
    {.name = "start-up bytes not aligned", .reason = "its start-up bytes", .change = startup_unaligned},
    {.name = "grant of nothing", .reason = "slot 1: what is granted is neither", .change = kind_none},
    {.name = "grant of another kind", .reason = "slot 1: what is granted is neither", .change = kind_other},
    {.name = "grant of no channel", .reason = "process 1 (memory), slot 0: there is no", .change = channel_far},
    {.name = "an end granted twice", .reason = "slot 0: this end", .change = end_twice},
    {.name = "no such device", .reason = "slot 1: the supervisor was not", .change = device_far},
    {.name = "device of the greatest number", .reason = "slot 1: the supervisor was not", .change = device_most},
    {.name = "the supervisor's archive granted", .reason = "slot 1: this device is the", .change = device_archive},
    {.name = "the power granted", .reason = "slot 1: this device is the", .change = device_power},
    {.name = "a device granted twice", .reason = "slot 1: this device was", .change = device_twice},
    {.name = "contract far away", .reason = "channel 1: its contract", .change = contract_far},
    {.name = "contract without end", .reason = "channel 1: its contract", .change = contract_long},
    {.name = "contract too short", .reason = "channel 1: its contract", .change = contract_short},
    {.name = "a client's end for nobody", .reason = "channel 3: its client's end", .change = client_nobody},
    {.name = "a server's end for nobody", .reason = "channel 1: its server's end", .change = server_nobody},
    {.name = "another contract for the supervisor", .reason = "channel 2: its server's end", .change = events_other},
    {.name = "two channels of events", .reason = "channel 3: it is a second", .change = events_two},
    {.name = "no such entry", .reason = "process 1 (memory): the archive does not", .change = entry_none},
    {.name = "a damaged entry",
     .reason = "the archive: the device failed; the value is the device's own error number, 28",
     .damaged_entry = 12},
    {.name = "no image", .reason = "process 1 (memory): its image is refused: not an image", .bad_entry = 12},
    {.name = "an image with another hash", .reason = "memory): its image has another hash", .change = hash_other},
    {.name = "a contract that the kernel refuses", .reason = "slot 0: the channel cannot", .change = contract_bad},
    {.name = "a name with control characters", .reason = "process 1 (a?[2J?)", .change = hostile_name},
};

static void test_all(void) {
  made = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    struct setting setting = settings[i];
    if (!setting.main_ending.kind)
      setting.main_ending = fine;
    const char *said = run(&setting);
    ok(ended_well(said), "%s: %s", setting.name, said);
  }
  /* Without a power device the supervisor ends as the system did. */
  struct setting setting = {.change = power_none, .main_ending = {.kind = SIGNET_ENDED_EXIT, .code = 42}};
  const char *said = run(&setting);
  ok(strcmp(said, "exit 1 42") == 0, "no power device: %s", said);
  setting.main_ending = (struct signet_ending){.kind = SIGNET_ENDED_SIGNAL, .code = 15};
  said = run(&setting);
  ok(strcmp(said, "exit 2 15") == 0, "no power device, and a signal: %s", said);
  setting.main_ending = (struct signet_ending){.kind = SIGNET_ENDED_FAULT, .code = 1};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "no power device, and a fault: %s", said);
  setting = (struct setting){.other_version = true, .main_ending = fine};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "another version of the ABI: %s", said);
  setting = (struct setting){.wrong_kind = 1 + POWER, .main_ending = fine};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "the power device is another: %s", said);

  /* Every call fails once. */
  static const char *const reasons[] = {
      "archive is another",   "the power is another", "does not have",     "no memory to read",  "cannot be read",
      "is refused",           "another hash",         "it cannot be made", "the channel cannot", "it cannot be granted",
      "it cannot be started", "has no memory for it", "cannot listen"};
  uint32_t seen = 0;
  uint32_t refused = 0, ran = 0, others = 0;
  for (setting = (struct setting){.main_ending = fine, .fail_at = 1}; setting.fail_at < 200; setting.fail_at++) {
    said = run(&setting);
    if (ended_well(said) && said[6])
      refused++;
    else if (ended_well(said))
      ran++;
    else if (strcmp(said, "exit 1 125") != 0 && strcmp(said, "exit 1 0") != 0) {
      ok(false, "call %u fails: %s", setting.fail_at, said);
      others++;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
      if (strstr(said, reasons[i]))
        seen |= 1u << i;
  }
  ok(seen == (1u << sizeof reasons / sizeof *reasons) - 1, "every reason is given: %x", seen);
  ok(refused > 30 && ran > 100 && !others, "each of its calls fails once: %u times it refuses to start the system",
     refused);
}

int main(void) {
  test_run_low(test_all);
  return finish();
}
