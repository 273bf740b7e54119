/* `signet check`: what a system is, before it starts: will it boot, who can reach what, what breaks without whom. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/system_file.h"

static const char help[] =
    "usage: signet check [--json] [--reach WHAT]… SYSTEM.yaml\n"
    "\n"
    "Reads a manifest, checks all of it, images included, and starts nothing. Says in which order its processes would\n"
    "start, who can reach the network, each directory and the console and over which way, what breaks without each\n"
    "process, and what all of them may use.\n"
    "\n"
    "  --reach WHAT   only who can reach that: network, console, observation, or the name of a process or a directory\n"
    "  --json         for programs: the problems found, and the answers where the system will boot\n"
    "\n"
    "Exit status: 0 it will boot, 1 it is refused (every problem is shown: file, line, column, and what to do), 2 the\n"
    "command line is wrong. docs/manifests.md describes the language and every problem.\n";

#define QUESTIONS_MOST 32

struct command {
  const char *path;
  const char *questions[QUESTIONS_MOST];
  int question_count;
  bool json;
};

static void print_json(const struct manifest *manifest, const struct manifest_problems *problems) {
  json_t *answer = manifest ? manifest_report_json(manifest) : json_object();
  json_object_set_new(answer, "boots", json_boolean(manifest != NULL));
  json_object_set_new(answer, "problems", manifest_problems_json(problems));
  cli_print_json(answer);
}

static int answer(const struct manifest *manifest, const struct command *command) {
  if (!command->question_count)
    manifest_report(manifest, stdout);
  for (int i = 0; i < command->question_count; i++)
    if (!manifest_report_reach(manifest, command->questions[i], stdout)) {
      cli_error("check: --reach %s: there is no such process, directory or device in %s", command->questions[i],
                command->path);
      return CLI_USAGE;
    }
  return 0;
}

/* -1: go on; else the exit status. */
static int read_options(int count, char **arguments, struct command *command) {
  static const struct option table[] = {{"json", no_argument, NULL, 'j'},
                                        {"reach", required_argument, NULL, 'r'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    if (option == 'j') {
      command->json = true;
    } else if (option == 'r' && command->question_count < QUESTIONS_MOST) {
      command->questions[command->question_count++] = optarg;
    } else if (option == 'h') {
      fputs(help, stdout);
      return 0;
    } else {
      fputs("`signet check --help` lists the options.\n", stderr);
      return CLI_USAGE;
    }
  }
  if (optind + 1 == count && !(command->json && command->question_count)) {
    command->path = arguments[optind];
    return -1;
  }
  cli_error(optind == count       ? "check: no SYSTEM.yaml named"
            : optind + 1 == count ? "check: --json tells all; leave --reach out"
                                  : "check: one SYSTEM.yaml at a time");
  return CLI_USAGE;
}

int cli_check(int count, char **arguments) {
  struct command command = {0};
  struct manifest_problems *problems;
  int status = read_options(count, arguments, &command);
  if (status >= 0)
    return status;
  struct manifest *manifest = cli_system_read(command.path, true, &problems);
  if (!problems)
    return CLI_FAILED;
  status = manifest ? 0 : CLI_REFUSED;
  if (command.json) {
    print_json(manifest, problems);
  } else {
    manifest_problems_print(problems, stderr, isatty(STDERR_FILENO));
    if (manifest)
      status = answer(manifest, &command);
    else
      fprintf(stderr, "%s will not boot.\n", command.path);
  }
  manifest_problems_release(problems);
  manifest_release(manifest);
  return status;
}
