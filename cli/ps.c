/* `signet ps`: the processes, or the channels, of a running system, once. One thread. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/system.h"

static const char help[] =
    "usage: signet ps [OPTION…] [SYSTEM]\n"
    "\n"
    "Shows the processes of a running system: SYSTEM is its name; the only one that runs needs "
    "none.\n"
    "Processor time and messages a second are of a quarter of a second.\n"
    "\n"
    "  --channels          show the channels\n"
    "  --interval SECONDS  measure for that long; 0: since the system, or the process, was started\n"
    "  --socket PATH       of the system at that socket\n"
    "  --json              for machines\n";

static struct {
  bool channels, json;
  double interval;
  const char *system;
} options = {.interval = 0.25};

static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"channels", no_argument, NULL, 'c'}, {"interval", required_argument, NULL, 'i'},
      {"json", no_argument, NULL, 'j'},     {"socket", required_argument, NULL, 'S'},
      {"help", no_argument, NULL, 'h'},     {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    switch (option) {
    case 'c':
      options.channels = true;
      break;
    case 'i':
      if (!cli_parse_seconds("--interval", optarg, &options.interval))
        return CLI_USAGE;
      break;
    case 'j':
      options.json = true;
      break;
    case 'S':
      options.system = control_socket_path(optarg);
      break;
    default:
      return cli_help(option, "ps", help);
    }
  }
  return control_system_named("ps", count, arguments, &options.system) ? 0 : CLI_USAGE;
}

/* ---- For machines ---- */

static json_t *hash_json(const uint8_t hash[32]) {
  char text[65];
  cli_hexadecimal(hash, 32, text);
  return json_string(text);
}

static json_t *quota_json(const struct signet_quota *quota) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I}", "memory", (json_int_t)quota->memory, "threads",
                   (json_int_t)quota->threads, "handles", (json_int_t)quota->handles, "regions",
                   (json_int_t)quota->regions, "processes", (json_int_t)quota->processes);
}

static json_t *process_json(const struct system_snapshot *snapshot, const struct system_process *process) {
  const struct signet_observed_process *seen = &process->seen;
  uint64_t up = seen->started && snapshot->time > seen->started ? snapshot->time - seen->started : 0;
  return json_pack("{s:I, s:s, s:I, s:s, s:s, s:o, s:I, s:f, s:f, s:I, s:o, s:o, s:I, s:I, s:f, s:f, s:I}", "number",
                   (json_int_t)seen->number, "name", process->name, "parent", (json_int_t)seen->parent, "principal",
                   process->principal, "state", process->state, "image", hash_json(seen->image), "threads",
                   (json_int_t)seen->threads, "cpu_percent", process->cpu, "cpu_seconds", (double)seen->time / 1e9,
                   "memory", (json_int_t)process->memory, "used", quota_json(&seen->used), "limit",
                   quota_json(&seen->limit), "calls", (json_int_t)seen->calls, "messages", (json_int_t)seen->messages,
                   "messages_per_second", process->messages, "up_seconds", (double)up / 1e9, "restarts",
                   (json_int_t)process->restarts);
}

static json_t *end_json(const struct system_channel *channel, int end) {
  const struct signet_observed_channel *seen = &channel->seen;
  json_t *holder =
      seen->process[end] && seen->process[end] != UINT32_MAX ? json_integer(seen->process[end]) : json_null();
  return json_pack("{s:o, s:s, s:I, s:I}", "process", holder, "name", channel->end[end], "queued",
                   (json_int_t)seen->queued[end], "messages", (json_int_t)seen->messages[end]);
}

static json_t *channel_json(const struct system_channel *channel) {
  return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:f}", "number", (json_int_t)channel->seen.number, "contract",
                   channel->contract, "identity", hash_json(channel->seen.identity), "state", channel->state, "client",
                   end_json(channel, 0), "server", end_json(channel, 1), "messages_per_second", channel->messages);
}

static void print_json(const struct system_snapshot *snapshot) {
  json_t *rows = json_array();
  for (size_t i = 0; !options.channels && i < snapshot->process_count; i++)
    json_array_append_new(rows, process_json(snapshot, &snapshot->processes[i]));
  for (size_t i = 0; options.channels && i < snapshot->channel_count; i++)
    json_array_append_new(rows, channel_json(&snapshot->channels[i]));
  const struct kernel_statistics *all = &snapshot->statistics;
  cli_print_json(json_pack(
      "{s:s, s:I, s:f, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:f, s:o}", "system", snapshot->name,
      "host_process", (json_int_t)snapshot->system.host, "up_seconds",
      (double)(snapshot->time - snapshot->system.started) / 1e9, "statistics", "processes", (json_int_t)all->processes,
      "threads", (json_int_t)all->threads, "channels", (json_int_t)all->channels, "blocks", (json_int_t)all->blocks,
      "images", (json_int_t)all->images, "pages", (json_int_t)all->pages, "calls", (json_int_t)all->calls, "switches",
      (json_int_t)all->switches, "messages", (json_int_t)all->messages, "messages_per_second", snapshot->messages,
      options.channels ? "channels" : "processes", rows));
}

/* ---- For people ---- */

static void print_line(void *context, const char *text, bool title) {
  (void)context;
  (void)title;
  puts(text);
}

static bool print_table(const struct system_snapshot *snapshot) {
  struct winsize size = {0};
  struct table table;
  bool good = options.channels ? system_table_channels(snapshot, ORDER_NUMBER, &table)
                               : system_table_processes(snapshot, ORDER_NUMBER, &table);
  bool terminal = isatty(1) && ioctl(1, TIOCGWINSZ, &size) == 0;
  if (good)
    table_print(&table, terminal ? size.ws_col : 0, SIZE_MAX, print_line, NULL);
  table_release(&table);
  return good;
}

static bool take(struct control_client *client, struct system_snapshot *snapshot) {
  struct system_snapshot before;
  if (options.interval <= 0)
    return system_snapshot_take(client, snapshot, NULL, options.channels);
  if (!system_snapshot_take(client, &before, NULL, options.channels))
    return false;
  const struct timespec wait = {(time_t)options.interval,
                                (long)((options.interval - (double)(time_t)options.interval) * 1e9)};
  nanosleep(&wait, NULL);
  bool good = system_snapshot_take(client, snapshot, &before, options.channels);
  system_snapshot_release(&before);
  return good;
}

int cli_ps(int count, char **arguments) {
  struct control_client client;
  struct system_snapshot snapshot;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  if (!control_open(&client, options.system))
    return CLI_ABSENT;
  bool good = take(&client, &snapshot);
  if (!good) {
    cli_error("%s", client.problem);
  } else {
    if (options.json)
      print_json(&snapshot);
    else
      good = print_table(&snapshot);
    system_snapshot_release(&snapshot);
  }
  control_close(&client);
  return good ? 0 : CLI_ABSENT;
}
