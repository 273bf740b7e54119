/* `signet trace`: the messages of a running system as they are sent, decoded. What is printed came from processes that
 * nobody trusts: every byte of it is printable. One thread. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/contracts.h"
#include "cli/system.h"

#define RECORDS_KEPT 8192
#define LOOK_AGAIN 20000000 /* nanoseconds; while nothing is sent */
#define FILTERS_MOST 32

static const char help[] =
    "usage: signet trace [OPTION…] [SYSTEM]\n"
    "\n"
    "Shows the messages of a running system as they are sent, until ^C or the system's end: the time in seconds, who "
    "sent it to whom, the\n"
    "contract and its state, the message. One that was refused is shown with what the contract allowed. The system is "
    "slower meanwhile.\n"
    "SYSTEM is its name; the only one that runs needs none.\n"
    "\n"
    "  --process NAME   only messages from or to that process, by name or number; may be repeated\n"
    "  --contract NAME  only messages of that contract; may be repeated\n"
    "  --refused        only messages that were refused\n"
    "  --socket PATH    of the system at that socket\n"
    "  --count N        end after that many\n"
    "  --json           one JSON object a line\n";

static struct {
  const char *processes[FILTERS_MOST], *contracts[FILTERS_MOST];
  uint32_t process_count, contract_count;
  uint64_t count;
  bool json, refused;
  const char *system;
} options;

static bool add_filter(const char *option, const char **list, uint32_t *count, const char *name) {
  if (*count == FILTERS_MOST) {
    cli_error("%s: at most %d of them", option, FILTERS_MOST);
    return false;
  }
  list[(*count)++] = name;
  return true;
}

static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"process", required_argument, NULL, 'p'}, {"contract", required_argument, NULL, 'c'},
      {"refused", no_argument, NULL, 'r'},       {"count", required_argument, NULL, 'n'},
      {"json", no_argument, NULL, 'j'},          {"socket", required_argument, NULL, 'S'},
      {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(count, arguments, "n:h", table, NULL)) != -1;) {
    switch (option) {
    case 'p':
      if (!add_filter("--process", options.processes, &options.process_count, optarg))
        return CLI_USAGE;
      break;
    case 'c':
      if (!add_filter("--contract", options.contracts, &options.contract_count, optarg))
        return CLI_USAGE;
      break;
    case 'r':
      options.refused = true;
      break;
    case 'n':
      if (!cli_parse_number("--count", optarg, 1, UINT64_MAX, &options.count))
        return CLI_USAGE;
      break;
    case 'j':
      options.json = true;
      break;
    case 'S':
      options.system = control_socket_path(optarg);
      break;
    default:
      return cli_help(option, "trace", help);
    }
  }
  return control_system_named("trace", count, arguments, &options.system) ? 0 : CLI_USAGE;
}

/* ---- Who a number is: names are kept, for those that have ended too ---- */

static struct name {
  uint32_t number;
  char name[32];
} * names;
static size_t name_count;

static const char *known_name(uint32_t number) {
  for (size_t i = name_count; i-- > 0;)
    if (names[i].number == number)
      return names[i].name;
  return NULL;
}

static void keep_name(uint32_t number, const char *name) {
  struct name *larger = known_name(number) ? NULL : realloc(names, (name_count + 1) * sizeof *names);
  if (!larger)
    return;
  names = larger;
  names[name_count].number = number;
  memcpy(names[name_count++].name, name, sizeof names->name);
}

/* False: no answer. */
static bool learn_names(struct control_client *client) {
  struct system_snapshot snapshot;
  if (!system_snapshot_take(client, &snapshot, NULL, false))
    return false;
  for (size_t i = 0; i < snapshot.process_count; i++)
    keep_name(snapshot.processes[i].seen.number, snapshot.processes[i].name);
  system_snapshot_release(&snapshot);
  return true;
}

static const char *name_of(uint32_t number, char text[32]) {
  const char *known = known_name(number);
  if (known)
    return known;
  if (!number || number == UINT32_MAX)
    snprintf(text, 32, number ? "(closed)" : "(in a message)");
  else
    snprintf(text, 32, "#%u", number);
  return text;
}

/* ---- One message ---- */

struct shown {
  const struct kernel_trace_record *record;
  const struct cli_contract *contract;
  const char *sender, *receiver;
  char names[2][32];
  char contract_name[CLI_CONTRACT_NAME_MOST], state[CLI_CONTRACT_NAME_MOST], next[CLI_CONTRACT_NAME_MOST];
  char message[CLI_CONTRACT_NAME_MOST];
  char fields[CLI_CONTRACT_FIELDS_MOST], allowed[CLI_CONTRACT_FIELDS_MOST];
};

static bool passes(const char *const *list, uint32_t count, const char *first, const char *second) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(list[i], first) == 0 || strcmp(list[i], second) == 0)
      return true;
  return !count;
}

static bool is_wanted(const struct shown *shown) {
  char numbers[2][16];
  snprintf(numbers[0], sizeof numbers[0], "%u", shown->record->process[0]);
  snprintf(numbers[1], sizeof numbers[1], "%u", shown->record->process[1]);
  return (!options.refused || shown->record->refused) &&
         (passes(options.processes, options.process_count, shown->sender, shown->receiver) ||
          passes(options.processes, options.process_count, numbers[0], numbers[1])) &&
         passes(options.contracts, options.contract_count, shown->contract_name, "");
}

static void decode(const struct kernel_trace_record *record, struct shown *shown) {
  struct signet_message header = {.tag = record->tag, .length = record->length};
  size_t known = record->length < sizeof record->data ? record->length : sizeof record->data;
  shown->record = record;
  shown->contract = cli_contract_find(record->identity);
  shown->sender = name_of(record->process[0], shown->names[0]);
  shown->receiver = name_of(record->process[1], shown->names[1]);
  cli_contract_name(shown->contract, record->identity, shown->contract_name);
  cli_contract_state(shown->contract, record->state, shown->state);
  cli_contract_state(shown->contract, record->next, shown->next);
  cli_contract_message(shown->contract, record->tag, shown->message);
  header.moved_count = record->moved_count < SIGNET_MESSAGE_MOVED ? record->moved_count : SIGNET_MESSAGE_MOVED;
  for (uint32_t i = 0; i < header.moved_count; i++)
    header.moved[i] = (struct signet_moved){.kind = record->moved_kind[i], .length = record->moved_length[i]};
  cli_contract_fields(shown->contract, &header, record->data, known, shown->fields);
  cli_contract_allowed(shown->contract, record->state, record->side, shown->allowed);
}

static const char *status_text(uint32_t status) {
  switch (status) {
#define STATUS_TEXT(name, number, text)                                                                                \
  case number:                                                                                                         \
    return text;
    SIGNET_STATUSES(STATUS_TEXT)
#undef STATUS_TEXT
  }
  return "for an unknown reason";
}

static void print_text(const struct shown *shown, uint64_t since) {
  const struct kernel_trace_record *record = shown->record;
  double time = record->time > since ? (double)(record->time - since) / 1e9 : 0;
  printf("%11.6f %s -> %s  %s.%s %s%s%s", time, shown->sender, shown->receiver, shown->contract_name, shown->state,
         shown->message, *shown->fields ? " " : "", shown->fields);
  if (record->refused == SIGNET_CONTRACT)
    printf("  REFUSED: %s here may send %s", record->side ? "the server" : "the client",
           !shown->contract  ? "(unknown)"
           : *shown->allowed ? shown->allowed
                             : "nothing");
  else if (record->refused)
    printf("  REFUSED: %s", status_text(record->refused));
  putchar('\n');
}

static void print_json(const struct shown *shown, uint64_t since) {
  const struct kernel_trace_record *record = shown->record;
  char bytes[2 * KERNEL_TRACE_DATA + 1], identity[65];
  cli_hexadecimal(record->data, record->length < KERNEL_TRACE_DATA ? record->length : KERNEL_TRACE_DATA, bytes);
  cli_hexadecimal(record->identity, sizeof record->identity, identity);
  json_t *line = json_pack(
      "{s:f, s:I, s:{s:s, s:I}, s:{s:s, s:I}, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s}", "time",
      record->time > since ? (double)(record->time - since) / 1e9 : 0.0, "channel", (json_int_t)record->channel, "from",
      "name", shown->sender, "number", (json_int_t)record->process[0], "to", "name", shown->receiver, "number",
      (json_int_t)record->process[1], "side", record->side ? "server" : "client", "contract", shown->contract_name,
      "identity", identity, "state", shown->state, "next", shown->next, "message", shown->message, "tag",
      (json_int_t)record->tag, "fields", shown->fields, "length", (json_int_t)record->length, "data", bytes);
  if (record->refused) {
    json_object_set_new(line, "refused", json_string(status_text(record->refused)));
    json_object_set_new(line, "allowed", json_string(shown->allowed));
  }
  json_dumpf(line, stdout, JSON_COMPACT);
  putchar('\n');
  json_decref(line);
}

/* ---- All of them ---- */

static void say_lost(uint64_t lost) {
  if (!lost)
    return;
  fflush(stdout);
  cli_error("%llu messages were sent faster than they could be shown", (unsigned long long)lost);
}

/* Names are asked for before the records are looked at, for the payload holds one answer. */
static struct kernel_trace_record *copy_records(struct control_client *client, uint32_t *count) {
  *count = client->reply.count;
  struct kernel_trace_record *records = malloc(*count * sizeof *records + 1);
  if (records)
    memcpy(records, client->payload, *count * sizeof *records);
  return records;
}

static bool all_known(const struct kernel_trace_record *records, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    for (int side = 0; side < 2; side++)
      if (records[i].process[side] && records[i].process[side] != UINT32_MAX && !known_name(records[i].process[side]))
        return false;
  return true;
}

/* -> how many were shown. */
static uint64_t show(const struct kernel_trace_record *records, uint32_t count, uint64_t since, uint64_t most) {
  static struct shown shown;
  uint64_t done = 0;
  for (uint32_t i = 0; i < count && done < most; i++) {
    decode(&records[i], &shown);
    if (!is_wanted(&shown))
      continue;
    if (options.json)
      print_json(&shown, since);
    else
      print_text(&shown, since);
    done++;
  }
  return done;
}

/* Until it has shown enough, or the system ends. */
static bool trace(struct control_client *client, uint64_t since) {
  const struct timespec moment = {0, LOOK_AGAIN};
  uint64_t left = options.count ? options.count : UINT64_MAX;
  enum signet_status status;
  while (left && !ferror(stdout)) {
    if (!control_ask(client, CONTROL_TRACE_TAKE, 0, sizeof(struct kernel_trace_record), &status))
      return false;
    uint32_t count;
    uint64_t lost = client->reply.value;
    struct kernel_trace_record *records = copy_records(client, &count);
    if (!records || status != SIGNET_OK) {
      client->problem = records ? "the trace has ended" : "there is no memory to show it";
      free(records);
      return false;
    }
    bool known = all_known(records, count) || learn_names(client);
    say_lost(lost);
    left -= show(records, count, since, left);
    free(records);
    fflush(stdout);
    if (!known)
      return false;
    if (!count)
      nanosleep(&moment, NULL);
  }
  return true;
}

static int begin(struct control_client *client) {
  enum signet_status status;
  if (!control_ask(client, CONTROL_TRACE_BEGIN, RECORDS_KEPT, 0, &status)) {
    cli_error("%s", client->problem);
    return CLI_ABSENT;
  }
  if (status == SIGNET_STATE)
    cli_error("somebody else traces this system already");
  else if (status != SIGNET_OK)
    cli_error("the system cannot be traced: %s", status_text(status));
  return status == SIGNET_OK ? 0 : CLI_ABSENT;
}

int cli_trace(int count, char **arguments) {
  struct control_client client;
  struct system_snapshot snapshot;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  if (!control_open(&client, options.system))
    return CLI_ABSENT;
  if (!system_snapshot_take(&client, &snapshot, NULL, false)) {
    cli_error("%s", client.problem);
    control_close(&client);
    return CLI_ABSENT;
  }
  uint64_t since = snapshot.time;
  for (size_t i = 0; i < snapshot.process_count; i++)
    keep_name(snapshot.processes[i].seen.number, snapshot.processes[i].name);
  system_snapshot_release(&snapshot);
  status = begin(&client);
  if (!status && !trace(&client, since)) {
    cli_error("%s", client.problem);
    status = options.count ? CLI_ABSENT : 0;
  }
  free(names);
  control_close(&client);
  return status;
}
