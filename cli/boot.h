/* Internal to `signet boot`: what its files give each other. One thread. */
#ifndef CLI_BOOT_H
#define CLI_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/system.h>

#include "cli/cli.h"

/* ---- boot_bytes.c: bytes that grow ---- */

struct boot_bytes {
  uint8_t *data;
  size_t length;
};
/* Puts zeros up to a multiple of `alignment`, then the bytes (`from` NULL: zeros); gives the offset where they begin.
 * No memory: ends the command. */
size_t boot_append(struct boot_bytes *bytes, const void *from, size_t length, size_t alignment);
void boot_hash(uint8_t hash[32], const void *bytes, size_t length); /* BLAKE2b-256 */

/* ---- boot_tree.c: directories of the host as a cpio archive ---- */

#define BOOT_TREES_MOST 64

struct boot_tree {
  char *host;
  const char *guest; /* absolute, normalised */
  bool read_only;
};
/* "newc", names without a leading "/", ordered by name, parents first; made-up directories above a tree included. What
 * is below the guest's name of another tree is left out: that one is seen there. False: it has been said why. */
bool boot_trees(const struct boot_tree *trees, uint32_t count, struct boot_bytes *into);

/* ---- boot_system.c: struct signet_system for one program ---- */

/* Rows of the archive's entries and of its devices, which are the supervisor's start-up slots. */
enum boot_entry { BOOT_SUPERVISOR, BOOT_SERIAL, BOOT_MEMORY, BOOT_PROGRAM, BOOT_FILES, BOOT_ENTRIES };
enum boot_device { BOOT_ARCHIVE, BOOT_POWER, BOOT_PORTS, BOOT_INTERRUPT, BOOT_FILES_ARCHIVE, BOOT_DEVICES };

struct boot_part {
  const char *name;
  const void *bytes; /* NULL: not in the archive */
  size_t length;
};
struct boot_system {
  struct boot_part parts[BOOT_ENTRIES];
  const void *startup; /* of the program */
  uint32_t startup_length;
  struct signet_quota quota;
  const struct boot_tree *trees;
  uint32_t tree_count;
  uint64_t memory; /* of the machine, bytes */
  bool terminal;   /* at the other end of the serial line; else `signet boot` with its frames */
  uint32_t columns, rows;
};
void boot_system(const struct boot_system *system, struct boot_bytes *into);
/* The entry that the process of that row runs; BOOT_ENTRIES: there is no such row. */
enum boot_entry boot_system_entry(uint32_t process);

/* ---- boot_archive.c, boot_file.c ---- */

/* The archive of include/signet/boot.h. */
void boot_archive(const struct boot_system *system, struct boot_bytes *into);
/* The kernel's ELF file with the archive as one more segment. False: it has been said why. */
bool boot_file(const char *kernel_path, const struct boot_bytes *archive, struct boot_bytes *into);

/* ---- boot_qemu.c: the machine as a process of this host ---- */

#define BOOT_WORDS_MOST 64

struct boot_machine {
  const char *type; /* microvm or q35 */
  uint32_t cpus;
  uint64_t memory;
  const char *words[BOOT_WORDS_MOST]; /* of the kernel's command line */
  uint32_t word_count;
  const char *arguments[BOOT_WORDS_MOST]; /* QEMU's, behind all others */
  uint32_t argument_count;
  bool count;                  /* instructions as time */
  const char *record, *replay; /* file names, or NULL */
  const char *log;
  double deadline; /* seconds; 0: none */
  bool terminal;
};
struct boot_process {
  int pid;
  int serial; /* a socket that does not block: the serial line */
  int text;   /* a pipe: what QEMU says itself */
  int ending; /* a file in memory: what the machine wrote to the debug console */
};
/* QEMU ends when this process ends, however it ends. False: it has been said why. */
bool boot_qemu_start(const struct boot_machine *machine, int file, struct boot_process *process);

/* ---- boot_serial.c: what the bytes of the serial line mean (services/services.h) ---- */

/* Where bytes of the line go. */
enum boot_stream { BOOT_STREAM_KERNEL, BOOT_STREAM_OUTPUT, BOOT_STREAM_ERROR };
#define BOOT_CHUNK 4096 /* bytes that are handled at once */

struct boot_run { /* bytes that go to one stream */
  enum boot_stream stream;
  uint32_t length;
};
struct boot_output {
  bool terminal;
  enum boot_stream stream;
  bool escaped;
  bool ready; /* the driver listens: what is sent now is not lost */
  uint8_t bytes[BOOT_CHUNK];
  struct boot_run runs[BOOT_CHUNK];
  uint32_t run_count;
};
/* Takes what came from the line, at most BOOT_CHUNK bytes, apart into runs. */
void boot_output_take(struct boot_output *output, const uint8_t *bytes, uint32_t length);

struct boot_input {
  bool terminal;
  bool escaped; /* ^] was typed */
  bool quit;    /* ^] x was typed */
  uint8_t bytes[2 * BOOT_CHUNK + 16];
  uint32_t length;
};
/* Puts what was read from standard input, at most BOOT_CHUNK bytes, behind what waits for the line. */
void boot_input_take(struct boot_input *input, const uint8_t *bytes, uint32_t length);
void boot_input_end(struct boot_input *input);
void boot_input_event(struct boot_input *input, uint32_t event);

/* ---- boot_machine.c ---- */

/* Runs the file in a machine with the standard streams as its terminal. Returns the command's exit status where the
 * machine did not end by itself, it has been said how; else -1, and *count rows of how its system ended. */
int boot_machine_run(const struct boot_machine *machine, int file, struct signet_system_ending *endings, uint32_t most,
                     uint32_t *count);

#endif
