/* Shared by the subcommands of `signet`. Host code; one thread. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

/* Exit statuses of the tool itself; `signet run` and `signet boot` otherwise end as the program did. */
#define CLI_REFUSED 1     /* verify: a rule is broken; check, graph: the manifest is refused */
#define CLI_ABSENT 1      /* ps, top, trace, kill: no such system or process, or it has ended */
#define CLI_USAGE 2       /* the command line is wrong */
#define CLI_MACHINE 123   /* boot: the machine refused to boot, failed, or was stopped */
#define CLI_DEADLINE 124  /* boot: the machine took longer than it may */
#define CLI_FAILED 125    /* run, boot, up: the system could not be started */
#define CLI_NOT_IMAGE 126 /* run, boot: the image was refused */
#define CLI_NOT_FOUND 127 /* run, boot: there is no such image */

int cli_run(int count, char **arguments);
int cli_boot(int count, char **arguments);
int cli_up(int count, char **arguments);
int cli_ps(int count, char **arguments);
int cli_top(int count, char **arguments);
int cli_trace(int count, char **arguments);
int cli_kill(int count, char **arguments);
int cli_verify(int count, char **arguments);
int cli_inspect(int count, char **arguments);
int cli_check(int count, char **arguments);
int cli_graph(int count, char **arguments);

/* "signet: …" on standard error. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Readies the kernel to judge images; nothing is sealed and nothing can run. False: it has been said why. */
bool cli_prepare_to_load(void);
/* Why kernel_image_load took no image. */
const char *cli_refusal_text(const struct kernel_refusal *refusal);

/* JSON to standard output, and a new line; gives `value` back. */
struct json_t;
void cli_print_json(struct json_t *value);
/* Two digits a byte and a NUL: 2 * length + 1 characters at `text`. */
void cli_hexadecimal(const uint8_t *bytes, size_t length, char *text);

/* A file in memory. NULL: errno says why. Freed with free. */
void *cli_read_file(const char *path, size_t *length);

/* ---- image_file.c: what the tools want to know of an ELF file; hostile input ---- */

struct cli_code {
  const uint8_t *bytes;
  uint64_t length;
  uint32_t offset; /* in the window */
  bool parallel;   /* the note asks for the parallel rule */
};
/* The executable segment of an image in memory. False: there is none to look at. */
bool cli_find_code(const void *image, size_t length, struct cli_code *code);
/* "name+0x12" of the function at that offset; "" if none is known. */
void cli_symbol(const void *image, size_t length, uint64_t offset, char *text, size_t size);

/* ---- program.c: what the options of `run` and `boot` say of the program ---- */

#define CLI_ENVIRONMENT_MOST 256
#define CLI_PROCESSES 64 /* children it may have alive at once, unless an option says otherwise */
#define CLI_PATH_MOST 4224

struct cli_program {
  const char *environment[CLI_ENVIRONMENT_MOST];
  uint32_t environments;
  const char *directory;
  bool trace;
};
/* Bytes, or with K, M or G behind. False: it is no such number. */
bool cli_parse_size(const char *text, uint64_t *bytes);
/* For the option 'h' prints the help; for one that there is not (getopt has said so) where to find it. -> what a
 * command's parse returns: -1, there is nothing more to do, or CLI_USAGE. */
int cli_help(int option, const char *command, const char *help);
/* An option's number. False: it has been said why. */
bool cli_parse_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *number);
/* An option's number of seconds. False: it has been said why. */
bool cli_parse_seconds(const char *option, const char *text, double *seconds);
/* --env and --workdir. False: it has been said why. */
bool cli_program_variable(struct cli_program *program, const char *variable);
bool cli_program_directory(struct cli_program *program, const char *directory);
/* struct signet_program and its strings, freed with free. NULL: too large. */
void *cli_program_startup(const struct cli_program *program, char **arguments, uint32_t count, uint32_t *length);
struct signet_quota cli_program_quota(uint64_t memory, uint32_t processes);
/* What a process of the image at that path is called. */
const char *cli_process_name(const char *path);
/* The file of that name ("services/console") that was built with this program. Gives `path` back. */
const char *cli_beside(const char *name, char path[CLI_PATH_MOST]);

/* ---- ending.c ---- */

/* One sentence on how a process ended, with its address and symbol where it faulted. */
void cli_describe_ending(const struct signet_ending *ending, const void *image, size_t length, char *text, size_t size);
/* Ends this process as that one ended: returns the exit status, or dies of the same signal; says it of a fault. */
int cli_end_as(const struct signet_ending *ending, const char *path, const void *image, size_t length);

#endif
