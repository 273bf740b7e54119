/* `signet kill`: ends processes of a running system, as their owner may. One thread. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/system.h"

#define LOOK_AGAIN 2000000 /* nanoseconds */

static const char help[] =
    "usage: signet kill [OPTION…] PROCESS…\n"
    "\n"
    "Ends processes of a running system at once, by name or number; `signet ps` lists them. The supervisor starts them "
    "again if the\n"
    "manifest says so.\n"
    "\n"
    "  --system NAME    of that system; the only one that runs needs no name\n"
    "  --socket PATH    of the system at that socket\n"
    "  --wait SECONDS   wait until each is there again, at most that long; the status is 1 if one is not\n";

static struct {
  const char *system;
  double wait;
} options;

static int parse(int count, char **arguments) {
  static const struct option table[] = {
      {"system", required_argument, NULL, 's'},
      {"wait", required_argument, NULL, 'w'},
      {"socket", required_argument, NULL, 'S'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    switch (option) {
    case 's':
      options.system = optarg;
      break;
    case 'w':
      if (!cli_parse_seconds("--wait", optarg, &options.wait))
        return CLI_USAGE;
      break;
    case 'S':
      options.system = control_socket_path(optarg);
      break;
    default:
      return cli_help(option, "kill", help);
    }
  }
  if (optind < count)
    return 0;
  cli_error("kill: no process named; `signet kill --help` tells how");
  return CLI_USAGE;
}

static bool is_alive(const struct system_process *process) { return process->seen.state < SIGNET_PROCESS_STOPPING; }

/* NULL: it has been said why. */
static const struct system_process *choose(const struct system_snapshot *snapshot, const char *wanted) {
  const struct system_process *found = NULL;
  char *rest;
  unsigned long number = strtoul(wanted, &rest, 10);
  bool by_number = isdigit((unsigned char)*wanted) && !*rest && number <= UINT32_MAX;
  for (size_t i = 0; i < snapshot->process_count; i++) {
    const struct system_process *process = &snapshot->processes[i];
    if (!is_alive(process) || (by_number ? process->seen.number != number : strcmp(process->name, wanted) != 0))
      continue;
    if (found) {
      cli_error("%s: several processes are called so, %u and %u among them; name one by its number", wanted,
                found->seen.number, process->seen.number);
      return NULL;
    }
    found = process;
  }
  if (!found)
    cli_error("%s: %s has no such process that runs; `signet ps` lists them", wanted, snapshot->name);
  return found;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* One of that name and parent with a later number. */
static bool wait_for_another(struct control_client *client, const struct system_process *killed, uint64_t since) {
  const struct timespec moment = {0, LOOK_AGAIN};
  const uint64_t deadline = since + (uint64_t)(options.wait * 1e9);
  do {
    struct system_snapshot snapshot;
    if (!system_snapshot_take(client, &snapshot, NULL, false)) {
      cli_error("%s", client->problem);
      return false;
    }
    for (size_t i = 0; i < snapshot.process_count; i++) {
      const struct system_process *process = &snapshot.processes[i];
      if (process->seen.number <= killed->seen.number || process->seen.parent != killed->seen.parent ||
          strcmp(process->name, killed->name) != 0 || process->seen.state != SIGNET_PROCESS_RUNNING)
        continue;
      double after = process->seen.started > since ? (double)(process->seen.started - since) / 1e6 : 0;
      printf("%s runs again, number %u, started %.1f ms after\n", process->name, process->seen.number, after);
      system_snapshot_release(&snapshot);
      return true;
    }
    system_snapshot_release(&snapshot);
    nanosleep(&moment, NULL);
  } while (now() < deadline);
  cli_error("%s: it has not come back", killed->name);
  return false;
}

static bool kill_one(struct control_client *client, const char *wanted) {
  struct system_snapshot snapshot;
  enum signet_status status;
  if (!system_snapshot_take(client, &snapshot, NULL, false)) {
    cli_error("%s", client->problem);
    return false;
  }
  const struct system_process *process = choose(&snapshot, wanted);
  bool good = process != NULL;
  uint64_t since = now();
  bool answered = process && control_ask(client, CONTROL_KILL, process->seen.number, 0, &status);
  if (process && process->seen.number == snapshot.system.supervisor && !answered) {
    printf("%s, number %u, is killed, and the system with it\n", process->name, process->seen.number);
  } else if (process && !answered) {
    cli_error("%s", client->problem);
    good = false;
  } else if (process && status != SIGNET_OK) {
    cli_error("%s: it has just ended", wanted);
    good = false;
  } else if (process) {
    printf("%s, number %u, is killed\n", process->name, process->seen.number);
    fflush(stdout);
  }
  if (good && options.wait > 0)
    good = wait_for_another(client, process, since);
  system_snapshot_release(&snapshot);
  return good;
}

int cli_kill(int count, char **arguments) {
  struct control_client client;
  bool good = true;
  int status = parse(count, arguments);
  if (status)
    return status < 0 ? 0 : status;
  if (!control_open(&client, options.system))
    return CLI_ABSENT;
  for (int i = optind; i < count && !client.problem; i++)
    good = kill_one(&client, arguments[i]) && good;
  control_close(&client);
  return good ? 0 : CLI_ABSENT;
}
