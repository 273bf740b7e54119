/* Shared by the subcommands of `signet`. Host code; one thread. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"

/* Exit statuses of the tool itself; `signet run` otherwise ends as the program did. */
#define CLI_REFUSED 1     /* verify: a rule is broken */
#define CLI_USAGE 2       /* the command line is wrong */
#define CLI_FAILED 125    /* run: the system could not be started */
#define CLI_NOT_IMAGE 126 /* run: the image was refused */
#define CLI_NOT_FOUND 127 /* run: there is no such image */

int cli_run(int count, char **arguments);
int cli_verify(int count, char **arguments);
int cli_inspect(int count, char **arguments);

/* "signet: …" on standard error. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Readies the kernel to judge images; nothing is sealed and nothing can run. False: it has been said why. */
bool cli_prepare_to_load(void);

/* JSON to standard output, and a new line; gives `value` back. */
struct json_t;
void cli_print_json(struct json_t *value);

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

/* ---- ending.c ---- */

/* One sentence on how a process ended, with its address and symbol where it faulted. */
void cli_describe_ending(const struct signet_ending *ending, const void *image, size_t length, char *text, size_t size);

#endif
