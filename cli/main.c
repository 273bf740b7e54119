/* The `signet` command: finds the subcommand. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "port/linux/linux.h"

static const char help[] = "usage: signet COMMAND [OPTION…] …\n"
                           "\n"
                           "  run      run an image as a sealed process\n"
                           "  up       start a system of sealed processes from its manifest\n"
                           "  ps       list the processes, or the channels, of a running system\n"
                           "  top      the same, live\n"
                           "  trace    show the messages of a running system as they are sent\n"
                           "  kill     end a process of a running system\n"
                           "  boot     run an image as a sealed process on a machine of its own\n"
                           "  verify   check images, or raw code, against the rules of sealed code\n"
                           "  inspect  show what an image is and which kernel calls its code can ever make\n"
                           "  check    check a system's manifest, and say who can reach what\n"
                           "  graph    draw a system's manifest\n"
                           "\n"
                           "`signet COMMAND --help` tells more.\n";

void cli_error(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("signet: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

const char *cli_refusal_text(const struct kernel_refusal *refusal) {
  return refusal->text[0] ? refusal->text : "the host gives no memory for it";
}

bool cli_prepare_to_load(void) {
  const char *problem;
  const struct linux_port_options port = {.cpus = 1, .windows = 16};
  if (linux_port_prepare(&port, &problem)) {
    problem = "no memory for the kernel";
    if (kernel_initialise())
      return true;
  }
  cli_error("%s", problem);
  return false;
}

void cli_hexadecimal(const uint8_t *bytes, size_t length, char *text) {
  *text = 0;
  for (size_t i = 0; i < length; i++)
    snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

void cli_print_json(json_t *value) {
  json_dumpf(value, stdout, JSON_INDENT(2));
  putchar('\n');
  json_decref(value);
}

void *cli_read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  size_t room = 1 << 16, used = 0, got;
  char *bytes = malloc(room);
  while (bytes && (got = fread(bytes + used, 1, room - used, file)) > 0) {
    used += got;
    if (used == room) {
      char *larger = realloc(bytes, room *= 2);
      if (!larger)
        free(bytes);
      bytes = larger;
    }
  }
  if (bytes && ferror(file)) {
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  *length = used;
  return bytes;
}

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    int (*run)(int, char **);
  } commands[] = {{"run", cli_run},         {"up", cli_up},       {"ps", cli_ps},      {"top", cli_top},
                  {"trace", cli_trace},     {"kill", cli_kill},   {"boot", cli_boot},  {"verify", cli_verify},
                  {"inspect", cli_inspect}, {"check", cli_check}, {"graph", cli_graph}};
  if (count < 2) {
    fputs(help, stderr);
    return CLI_USAGE;
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(arguments[1], commands[i].name) == 0)
      return commands[i].run(count - 1, arguments + 1);
  if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0 || strcmp(arguments[1], "help") == 0) {
    fputs(help, stdout);
    return 0;
  }
  cli_error("there is no command '%s'; `signet help` lists them", arguments[1]);
  return CLI_USAGE;
}
