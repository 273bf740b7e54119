/* Owns what the person who started a system is told of it: a line for each process that comes up, ends, comes back. The
 * kernel reports ends at once (up_watch_report, any thread, with the kernel's lock); beginnings are looked for by
 * up_watch_tell, often while something is expected and seldom otherwise. The rows have a lock of their own, which is
 * the last to be taken and held for a few instructions. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/contracts.h"
#include "cli/system.h"
#include "cli/up.h"

#define SECOND 1000000000ull
#define OFTEN 5000000ull
#define EXPECTED_AT_FIRST (2 * SECOND) /* how long it is looked for often */
#define EXPECTED_LONG (60 * SECOND)
#define STARTS_SLOWLY (SECOND / 2) /* one that has not said by then that it serves is mentioned */
#define COMES_BACK (2 * SECOND)    /* one that is started again is there after its back-off and this */
#define REPORTS_MOST 256

struct row {
  struct control_process told; /* what up_watch_processes gives */
  uint64_t ended_at;           /* CLOCK_MONOTONIC; 0: never */
  /* The rest is up_watch_tell's own. */
  uint32_t number; /* that was found last */
  bool supervised;
  bool starts; /* it was said that it does */
  bool up;     /* it was said that it is */
  bool gone;   /* it was said that it does not come back */
};

struct report {
  uint32_t row, number, ended;
  struct signet_ending ending;
};

static struct up_watch watch;
static const struct signet_system_process *rows_of_manifest;
static struct row rows[SIGNET_SYSTEM_PROCESSES_MOST];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct report reports[REPORTS_MOST];
static uint32_t report_count, reports_lost;
static uint32_t supervisor;
static int teller;
static uint64_t changed_at;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void up_watch_begin(const struct up_watch *from) {
  watch = *from;
  rows_of_manifest = (const void *)((const uint8_t *)watch.system + watch.system->processes_offset);
  for (uint32_t i = 0; i < watch.system->processes; i++) {
    memcpy(rows[i].told.name, rows_of_manifest[i].name, sizeof rows[i].told.name);
    for (uint32_t slot = 0; slot < rows_of_manifest[i].slots; slot++)
      rows[i].supervised |= rows_of_manifest[i].slot[slot].kind == SIGNET_SYSTEM_SUPERVISION;
  }
}

void up_watch_supervisor(uint32_t number, int thread) {
  pthread_mutex_lock(&mutex);
  supervisor = number;
  teller = thread;
  pthread_mutex_unlock(&mutex);
  changed_at = now();
}

static struct row *row_named(const char name[32]) {
  for (uint32_t i = 0; i < watch.system->processes; i++)
    if (strncmp(rows[i].told.name, name, sizeof rows[i].told.name) == 0)
      return &rows[i];
  return NULL;
}

void up_watch_report(void *context, const struct kernel_report *report) {
  (void)context;
  pthread_mutex_lock(&mutex);
  struct row *row = report->parent == supervisor ? row_named(report->name) : NULL;
  if (row) {
    row->told.ended++;
    row->told.number = report->process;
    row->told.ending = report->ending;
    row->ended_at = now();
    if (report_count < REPORTS_MOST)
      reports[report_count++] =
          (struct report){(uint32_t)(row - rows), report->process, row->told.ended, report->ending};
    else
      reports_lost++;
  }
  bool wake = teller && (row || report->process == supervisor);
  pthread_mutex_unlock(&mutex);
  if (wake)
    syscall(SYS_tgkill, getpid(), teller, UP_WAKE);
}

void up_watch_processes(struct control_process *to) {
  pthread_mutex_lock(&mutex);
  for (uint32_t i = 0; i < watch.system->processes; i++)
    to[i] = rows[i].told;
  pthread_mutex_unlock(&mutex);
}

/* ---- Lines ---- */

static void say_json(const char *what, const char *name, const char *state, const char *more) {
  json_t *line = json_pack("{s:s, s:s, s:f}", what, name, "state", state, "time", (double)now() / 1e9);
  if (*more)
    json_object_set_new(line, "text", json_string(more));
  json_dumpf(line, stderr, JSON_COMPACT);
  json_decref(line);
  fputc('\n', stderr);
}

/* A line of a process's own: "NAME  STATE  MORE". `more` may be "". */
static void say(bool wrong, const char *name, const char *state, const char *more) {
  char shown[64];
  system_printable(shown, sizeof shown, name, strlen(name));
  if (watch.json && (wrong || !watch.quiet))
    say_json("process", shown, state, more);
  else if (!watch.json && (wrong || !watch.quiet))
    fprintf(stderr, *more ? "%-12s %-9s %s\n" : "%-12s %s\n", shown, state, more);
}

void up_watch_system(const char *state, const char *more) {
  char shown[64];
  const char *name = manifest_name(watch.manifest);
  system_printable(shown, sizeof shown, name, strlen(name));
  if (watch.json && !watch.quiet)
    say_json("system", shown, state, more);
  else if (!watch.quiet)
    fprintf(stderr, "signet: %s %s%s%s\n", shown, state, *more ? ": " : "", more);
}

/* "listening at 127.0.0.1:8080" */
static void say_up(const struct row *row) {
  const struct manifest_device *devices;
  char text[512] = "";
  size_t used = 0, count = manifest_devices(watch.manifest, &devices);
  for (size_t i = 0; i < count; i++) {
    if (devices[i].kind != MANIFEST_NETWORK || strcmp(devices[i].process, row->told.name) != 0)
      continue;
    for (const char *const *address = devices[i].listen; address && *address && used < sizeof text; address++)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "listening at ", *address);
  }
  say(false, row->told.name, "running", text);
}

static void say_back(const struct row *row, uint32_t ended, uint64_t ended_at, uint64_t started) {
  char text[128];
  int used = snprintf(text, sizeof text, "again, restart %u", ended);
  if (ended_at && started > ended_at)
    snprintf(text + used, sizeof text - (size_t)used, ", started %.1f ms after its end",
             (double)(started - ended_at) / 1e6);
  say(false, row->told.name, "running", text);
}

static void say_ended(const struct report *report) {
  const struct signet_system_process *process = &rows_of_manifest[report->row];
  const struct manifest_image *images;
  char text[512];
  const void *bytes = NULL;
  size_t length = 0;
  if (process->entry < manifest_images(watch.manifest, &images)) {
    bytes = images[process->entry].bytes;
    length = images[process->entry].length;
  }
  cli_describe_ending(&report->ending, bytes, length, text, sizeof text);
  const struct signet_ending *ending = &report->ending;
  bool crash = ending->kind == SIGNET_ENDED_FAULT;
  bool wrong = crash || ending->kind == SIGNET_ENDED_SIGNAL || (ending->kind == SIGNET_ENDED_EXIT && ending->code != 0);
  say(wrong, process->name, crash ? "crashed" : "ended", text);
}

/* ---- Looking ---- */

static void tell_ends(void) {
  static struct report taken[REPORTS_MOST];
  pthread_mutex_lock(&mutex);
  uint32_t count = report_count, lost = reports_lost;
  memcpy(taken, reports, count * sizeof *taken);
  report_count = reports_lost = 0;
  pthread_mutex_unlock(&mutex);
  for (uint32_t i = 0; i < count; i++) {
    struct row *row = &rows[taken[i].row];
    say_ended(&taken[i]);
    if (row->number <= taken[i].number) {
      row->number = taken[i].number;
      row->up = row->starts = row->gone = false;
    }
  }
  if (lost) {
    char text[64];
    snprintf(text, sizeof text, "%u processes ended that there was no room to tell of", lost);
    up_watch_system("has more to tell", text);
  }
  if (count || lost)
    changed_at = now();
}

/* Whether a supervised process has said that it serves: its channel to the supervisor is beyond the first state. */
static bool has_started(uint32_t number) {
  static struct signet_observed_channel channels[512];
  static const struct cli_contract *supervision;
  if (!supervision)
    supervision = cli_contract_named("supervision");
  size_t count;
  for (uint64_t after = 0;
       (count = kernel_observe(SIGNET_OBSERVE_CHANNELS, after, channels, sizeof channels)) > 0 && supervision;
       after = channels[count - 1].number)
    for (size_t i = 0; i < count; i++)
      if (channels[i].process[0] == number && channels[i].process[1] == supervisor &&
          memcmp(channels[i].identity, supervision->hash, sizeof supervision->hash) == 0)
        return channels[i].state != 0;
  return false;
}

static void look_at(const struct signet_observed_process *process) {
  struct row *row = process->parent == supervisor ? row_named(process->name) : NULL;
  if (!row || process->state != SIGNET_PROCESS_RUNNING || process->number < row->number)
    return;
  if (process->number > row->number) {
    row->number = process->number;
    row->up = row->starts = row->gone = false;
    changed_at = now();
  }
  if (row->up)
    return;
  if (row->supervised && !has_started(process->number)) {
    if (!row->starts && now() > process->started + STARTS_SLOWLY) {
      row->starts = true;
      say(false, row->told.name, "starting", "it has not said yet that it serves");
    }
    return;
  }
  row->up = true;
  pthread_mutex_lock(&mutex);
  uint32_t ended = row->told.ended;
  uint64_t ended_at = row->ended_at;
  bool again = ended && row->told.number < process->number;
  pthread_mutex_unlock(&mutex);
  if (again)
    say_back(row, ended, ended_at, process->started);
  else
    say_up(row);
}

/* One that ended too often: it should be there again by now. (One that is not to be started again ended as it may.) */
static bool say_gone(struct row *row) {
  const struct signet_system_policy *policy = &rows_of_manifest[row - rows].policy;
  pthread_mutex_lock(&mutex);
  uint64_t ended_at = row->told.number == row->number ? row->ended_at : 0;
  struct signet_ending ending = row->told.ending;
  pthread_mutex_unlock(&mutex);
  bool comes =
      policy->restart == SIGNET_SYSTEM_RESTART_ALWAYS ||
      (policy->restart == SIGNET_SYSTEM_RESTART_FAILURE && (ending.kind != SIGNET_ENDED_EXIT || ending.code != 0));
  if (!ended_at || now() < ended_at + policy->backoff_most + COMES_BACK)
    return false;
  if (comes && !row->gone)
    say(true, row->told.name, "given up", "it ended too often");
  return row->gone = true;
}

bool up_watch_begun(void) {
  struct signet_observed_process process;
  return kernel_observe(SIGNET_OBSERVE_PROCESSES, supervisor, &process, sizeof process) > 0;
}

uint64_t up_watch_tell(void) {
  static struct signet_observed_process processes[128];
  size_t count;
  tell_ends();
  for (uint32_t after = 0; (count = kernel_observe(SIGNET_OBSERVE_PROCESSES, after, processes, sizeof processes)) > 0;
       after = processes[count - 1].number)
    for (size_t i = 0; i < count; i++)
      look_at(&processes[i]);
  bool all_up = true;
  for (uint32_t i = 0; i < watch.system->processes; i++)
    all_up &= rows[i].up || rows[i].gone || say_gone(&rows[i]);
  uint64_t waited = now() - changed_at;
  if (all_up || waited > EXPECTED_LONG)
    return SECOND;
  return waited < EXPECTED_AT_FIRST ? OFTEN : SECOND / 10;
}
