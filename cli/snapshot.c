/* Owns a running system as it is seen at one moment, and what changed since the last. What the system says may be
 * wrong: nothing here depends on it for more than what is shown. One thread. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/contracts.h"
#include "cli/system.h"

#define RECORDS_MOST (1u << 17) /* of one kind; a system that tells of more is not believed */

void system_printable(char *to, size_t size, const char *from, size_t length) {
  size_t i;
  for (i = 0; i + 1 < size && i < length && from[i]; i++)
    to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
  to[i] = 0;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* All records of a kind, in the order of their numbers. NULL and *count 0: none, or no answer. */
static bool ask_all(struct control_client *client, enum control_kind kind, size_t size,
                    uint64_t (*number)(const void *record), void **all, size_t *count) {
  uint64_t after = 0;
  enum signet_status status;
  *all = NULL;
  *count = 0;
  for (;;) {
    if (!control_ask(client, kind, after, size, &status))
      return false;
    uint32_t more = status == SIGNET_OK ? client->reply.count : 0;
    if (!more)
      return true;
    uint8_t *larger = realloc(*all, (*count + more) * size);
    if (!larger || *count + more > RECORDS_MOST) {
      *all = larger ? larger : *all;
      client->problem = "the system tells of more than can be shown";
      return false;
    }
    memcpy(larger + *count * size, client->payload, more * size);
    *all = larger;
    *count += more;
    uint64_t last = number(larger + (*count - 1) * size);
    if (last <= after)
      return true;
    after = last;
  }
}

static uint64_t process_number(const void *record) { return ((const struct signet_observed_process *)record)->number; }
static uint64_t channel_number(const void *record) { return ((const struct signet_observed_channel *)record)->number; }

static int compare_process(const void *key, const void *element) {
  uint32_t number = *(const uint32_t *)key, other = ((const struct system_process *)element)->seen.number;
  return number < other ? -1 : number > other;
}

static int compare_channel(const void *key, const void *element) {
  uint64_t number = *(const uint64_t *)key, other = ((const struct system_channel *)element)->seen.number;
  return number < other ? -1 : number > other;
}

static const struct system_process *find(const struct system_process *processes, size_t count, uint32_t number) {
  return count ? bsearch(&number, processes, count, sizeof *processes, compare_process) : NULL;
}

const struct system_process *system_process_find(const struct system_snapshot *snapshot, uint32_t number) {
  return find(snapshot->processes, snapshot->process_count, number);
}

static const char *state_text(uint32_t state) {
  static const char *const texts[] = {[SIGNET_PROCESS_UNSTARTED] = "unstarted",
                                      [SIGNET_PROCESS_RUNNING] = "running",
                                      [SIGNET_PROCESS_STOPPING] = "stopping",
                                      [SIGNET_PROCESS_STOPPED] = "stopped"};
  return state < sizeof texts / sizeof *texts ? texts[state] : "?";
}

static double rate(uint64_t later, uint64_t earlier, uint64_t time) {
  return time && later > earlier ? (double)(later - earlier) * 1e9 / (double)time : 0;
}

static double both(const uint64_t messages[2], const uint64_t before[2], uint64_t time) {
  return rate(messages[0], before[0], time) + rate(messages[1], before[1], time);
}

/* ---- Processes ---- */

/* "supervisor/web", as the kernel says it to receivers. */
static void principal_of(const struct system_snapshot *snapshot, struct system_process *process) {
  char text[SIGNET_PRINCIPAL_MOST];
  const struct system_process *at = process;
  system_printable(process->principal, sizeof process->principal, process->name, sizeof process->name);
  for (int depth = 0; depth < 64 && at->seen.parent; depth++) {
    at = find(snapshot->processes, snapshot->process_count, at->seen.parent);
    if (!at)
      break;
    int length = snprintf(text, sizeof text, "%s/%s", at->name, process->principal);
    if (length < 0 || (size_t)length >= sizeof text)
      break;
    memcpy(process->principal, text, (size_t)length + 1);
  }
}

static void describe_process(const struct system_snapshot *snapshot, struct system_process *process,
                             const struct system_snapshot *before) {
  const struct signet_observed_process *seen = &process->seen;
  const struct system_process *earlier = before ? find(before->processes, before->process_count, seen->number) : NULL;
  const struct system_process *parent =
      seen->parent ? find(snapshot->processes, snapshot->process_count, seen->parent) : NULL;
  uint64_t since = earlier ? before->time : seen->started;
  uint64_t time = snapshot->time > since ? snapshot->time - since : 0;
  process->state = state_text(seen->state);
  process->parent = parent ? parent->name : "-";
  principal_of(snapshot, process);
  process->cpu = rate(seen->time, earlier ? earlier->seen.time : 0, time) / 1e7;
  process->messages = rate(seen->messages, earlier ? earlier->seen.messages : 0, time);
  for (uint32_t i = 0; i < snapshot->system.processes && seen->parent == snapshot->system.supervisor; i++) {
    const struct control_process *row = &snapshot->rows[i];
    if (strncmp(row->name, seen->name, sizeof row->name) != 0)
      continue;
    process->supervised = true;
    process->restarts = row->ended;
  }
}

/* What a process has given to a child is the child's. */
static void take_off_children(struct system_snapshot *snapshot) {
  for (size_t i = 0; i < snapshot->process_count; i++) {
    const struct signet_observed_process *child = &snapshot->processes[i].seen;
    const struct system_process *found = find(snapshot->processes, snapshot->process_count, child->parent);
    if (!found || child->state == SIGNET_PROCESS_STOPPED)
      continue;
    struct system_process *parent = &snapshot->processes[found - snapshot->processes];
    parent->memory -= child->limit.memory < parent->memory ? child->limit.memory : parent->memory;
    parent->handles -= child->limit.handles < parent->handles ? child->limit.handles : parent->handles;
  }
}

static bool take_processes(struct control_client *client, struct system_snapshot *snapshot,
                           const struct system_snapshot *before) {
  void *records;
  size_t count;
  bool good =
      ask_all(client, CONTROL_PROCESSES, sizeof(struct signet_observed_process), process_number, &records, &count);
  snapshot->processes = good ? calloc(count + 1, sizeof *snapshot->processes) : NULL;
  if (good && !snapshot->processes)
    client->problem = "there is no memory to show it";
  if (!snapshot->processes) {
    free(records);
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    struct system_process *process = &snapshot->processes[i];
    process->seen = ((const struct signet_observed_process *)records)[i];
    system_printable(process->name, sizeof process->name, process->seen.name, sizeof process->seen.name);
    process->memory = process->seen.used.memory;
    process->handles = process->seen.used.handles;
    snapshot->process_count++;
  }
  free(records);
  take_off_children(snapshot);
  for (size_t i = 0; i < snapshot->process_count; i++)
    describe_process(snapshot, &snapshot->processes[i], before);
  return true;
}

/* ---- Channels ---- */

static void holder(const struct system_snapshot *snapshot, uint32_t number, char name[32]) {
  const struct system_process *process = find(snapshot->processes, snapshot->process_count, number);
  if (number == UINT32_MAX)
    snprintf(name, 32, "(closed)");
  else if (!number)
    snprintf(name, 32, "(in a message)");
  else if (process)
    snprintf(name, 32, "%s", process->name);
  else
    snprintf(name, 32, "#%u", number);
}

static void describe_channel(const struct system_snapshot *snapshot, struct system_channel *channel,
                             const struct system_snapshot *before) {
  static const uint64_t none[2];
  const struct signet_observed_channel *seen = &channel->seen;
  const struct cli_contract *contract = cli_contract_find(seen->identity);
  const struct system_channel *earlier =
      before && before->channel_count
          ? bsearch(&seen->number, before->channels, before->channel_count, sizeof *before->channels, compare_channel)
          : NULL;
  cli_contract_name(contract, seen->identity, channel->contract);
  cli_contract_state(contract, seen->state, channel->state);
  holder(snapshot, seen->process[0], channel->end[0]);
  holder(snapshot, seen->process[1], channel->end[1]);
  uint64_t since = before && snapshot->rates ? before->time : snapshot->system.started;
  channel->messages = both(seen->messages, earlier ? earlier->seen.messages : none,
                           snapshot->time > since ? snapshot->time - since : 0);
}

static bool take_channels(struct control_client *client, struct system_snapshot *snapshot,
                          const struct system_snapshot *before) {
  void *records;
  size_t count;
  bool good =
      ask_all(client, CONTROL_CHANNELS, sizeof(struct signet_observed_channel), channel_number, &records, &count);
  snapshot->channels = good ? calloc(count + 1, sizeof *snapshot->channels) : NULL;
  if (good && !snapshot->channels)
    client->problem = "there is no memory to show it";
  for (size_t i = 0; snapshot->channels && i < count; i++) {
    snapshot->channels[i].seen = ((const struct signet_observed_channel *)records)[i];
    describe_channel(snapshot, &snapshot->channels[i], before);
    snapshot->channel_count++;
  }
  free(records);
  return snapshot->channels;
}

/* ---- The whole ---- */

static bool take_system(struct control_client *client, struct system_snapshot *snapshot) {
  enum signet_status status;
  const struct control_system *system = client->payload;
  const size_t rows_most = sizeof snapshot->rows / sizeof *snapshot->rows;
  if (!control_ask(client, CONTROL_DESCRIBE, 0, sizeof *system, &status))
    return false;
  client->problem = "the system's answer is none";
  if (status != SIGNET_OK || system->processes > rows_most ||
      client->reply.length != sizeof *system + system->processes * sizeof *snapshot->rows)
    return false;
  snapshot->system = *system;
  memcpy(snapshot->rows, system + 1, system->processes * sizeof *snapshot->rows);
  system_printable(snapshot->name, sizeof snapshot->name, system->name, sizeof system->name);
  snapshot->time = now();
  if (!control_ask(client, CONTROL_STATISTICS, 0, sizeof snapshot->statistics, &status))
    return false;
  if (status == SIGNET_OK && client->reply.count == 1)
    memcpy(&snapshot->statistics, client->payload, sizeof snapshot->statistics);
  return true;
}

static void sum_up(struct system_snapshot *snapshot, const struct system_snapshot *before) {
  static const struct kernel_statistics nothing;
  const struct kernel_statistics *later = &snapshot->statistics, *earlier = before ? &before->statistics : &nothing;
  uint64_t since = before ? before->time : snapshot->system.started;
  uint64_t time = snapshot->time > since ? snapshot->time - since : 0;
  snapshot->messages = rate(later->messages, earlier->messages, time);
  snapshot->calls = rate(later->calls, earlier->calls, time);
  snapshot->switches = rate(later->switches, earlier->switches, time);
  for (size_t i = 0; i < snapshot->process_count; i++)
    snapshot->cpu += snapshot->processes[i].cpu;
  for (size_t i = 0; i < snapshot->process_count; i++)
    snapshot->restarts += snapshot->processes[i].restarts;
}

bool system_snapshot_take(struct control_client *client, struct system_snapshot *snapshot,
                          const struct system_snapshot *before, bool channels) {
  *snapshot = (struct system_snapshot){.rates = before != NULL};
  if (take_system(client, snapshot) && take_processes(client, snapshot, before) &&
      (!channels || take_channels(client, snapshot, before))) {
    sum_up(snapshot, before);
    return true;
  }
  system_snapshot_release(snapshot);
  return false;
}

void system_snapshot_release(struct system_snapshot *snapshot) {
  free(snapshot->processes);
  free(snapshot->channels);
  *snapshot = (struct system_snapshot){0};
}
