/* Owns what `run` and `boot` say to a program that they start: its arguments and environment, its quota, and where the
 * files are that belong to this command. One thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/image.h>

#include "cli/cli.h"

#define SECONDS_MOST 3600

bool cli_parse_size(const char *text, uint64_t *bytes) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  unsigned shift = 0;
  if (*end && strchr("kKmMgG", *end)) {
    shift = *end == 'k' || *end == 'K' ? 10 : *end == 'm' || *end == 'M' ? 20 : 30;
    end++;
  }
  *bytes = (uint64_t)value << shift;
  return end != text && *end == 0 && errno == 0 && *text != '-' && *bytes >> shift == value;
}

bool cli_parse_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *number) {
  if (cli_parse_size(text, number) && *number >= least && *number <= most)
    return true;
  if (most == UINT64_MAX)
    cli_error("%s %s: want a number from %llu on", option, text, (unsigned long long)least);
  else
    cli_error("%s %s: want a number from %llu to %llu", option, text, (unsigned long long)least,
              (unsigned long long)most);
  return false;
}

int cli_help(int option, const char *command, const char *help) {
  if (option == 'h') {
    fputs(help, stdout);
    return -1;
  }
  fprintf(stderr, "`signet %s --help` lists the options.\n", command);
  return CLI_USAGE;
}

bool cli_parse_seconds(const char *option, const char *text, double *seconds) {
  char *rest;
  *seconds = strtod(text, &rest);
  if (rest != text && !*rest && *seconds >= 0 && *seconds <= SECONDS_MOST)
    return true;
  cli_error("%s %s: want a number of seconds, from 0 to %d", option, text, SECONDS_MOST);
  return false;
}

bool cli_program_variable(struct cli_program *program, const char *variable) {
  if (strchr(variable, '=') && program->environments < CLI_ENVIRONMENT_MOST) {
    program->environment[program->environments++] = variable;
    return true;
  }
  cli_error("--env %s: want NAME=VALUE, at most %d of them", variable, CLI_ENVIRONMENT_MOST);
  return false;
}

bool cli_program_directory(struct cli_program *program, const char *directory) {
  program->directory = directory;
  if (*directory == '/')
    return true;
  cli_error("--workdir %s: want a name that begins with /", directory);
  return false;
}

void *cli_program_startup(const struct cli_program *program, char **arguments, uint32_t count, uint32_t *length) {
  static const char *const slots[] = {[SIGNET_SLOT_INPUT] = "input",
                                      [SIGNET_SLOT_OUTPUT] = "output",
                                      [SIGNET_SLOT_ERROR] = "error",
                                      [SIGNET_SLOT_FILES] = "files"};
  struct signet_program head = {.version = SIGNET_PROGRAM_VERSION,
                                .flags = program->trace ? SIGNET_PROGRAM_TRACE : 0,
                                .arguments = count,
                                .environment = program->environments,
                                .slots = sizeof slots / sizeof *slots};
  char *bytes = NULL;
  size_t size = 0;
  FILE *into = open_memstream(&bytes, &size);
  fwrite(&head, sizeof head, 1, into);
  for (uint32_t i = 0; i < count; i++)
    fwrite(arguments[i], strlen(arguments[i]) + 1, 1, into);
  for (uint32_t i = 0; i < program->environments; i++)
    fwrite(program->environment[i], strlen(program->environment[i]) + 1, 1, into);
  fwrite(program->directory, strlen(program->directory) + 1, 1, into);
  for (uint32_t i = 0; i < head.slots; i++)
    fwrite(slots[i], strlen(slots[i]) + 1, 1, into);
  fclose(into);
  *length = (uint32_t)size;
  if (size <= SIGNET_STARTUP_BYTES_MOST)
    return bytes;
  free(bytes);
  return NULL;
}

struct signet_quota cli_program_quota(uint64_t memory, uint32_t processes) {
  /* What its children get comes out of this: room for small ones, as many as it may have. */
  return (struct signet_quota){.memory = memory,
                               .threads = 1024 + processes,
                               .handles = 256 + 16 * processes,
                               .regions = 65536 + 32 * processes,
                               .processes = processes};
}

const char *cli_process_name(const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  return name + strspn(name, "~"); /* the kernel refuses names that begin so */
}

const char *cli_beside(const char *name, char path[CLI_PATH_MOST]) {
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = 0;
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(self, '/');
    if (slash)
      *slash = 0;
  }
  snprintf(path, CLI_PATH_MOST, "%s/%s", self, name);
  return path;
}
