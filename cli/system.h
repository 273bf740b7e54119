/* A running system as `ps`, `top`, `trace` and `kill` see it, and how they show it. One thread. */
#ifndef CLI_SYSTEM_H
#define CLI_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/control.h"

/* ---- snapshot.c: all of it, at one moment ---- */

struct system_process {
  struct signet_observed_process seen;
  char name[32]; /* printable, always ended */
  const char *state;
  const char *parent;                    /* its name; "-": none */
  char principal[SIGNET_PRINCIPAL_MOST]; /* "supervisor/web/lua" */
  uint32_t restarts;                     /* of a process of the manifest */
  bool supervised;                       /* it is one */
  uint64_t memory;                       /* bytes that it uses itself; what its children may use is theirs */
  uint32_t handles;                      /* the same */
  double cpu, messages;                  /* percent of one processor, messages a second; since the snapshot before */
};
struct system_channel {
  struct signet_observed_channel seen;
  char contract[48], state[48];
  char end[2][32]; /* who holds it: its name; "(in a message)", "(closed)" */
  double messages; /* a second, both ways */
};
struct system_snapshot {
  struct control_system system;
  char name[64]; /* the system's, printable, always ended */
  struct control_process rows[64];
  struct kernel_statistics statistics;
  struct system_process *processes;
  struct system_channel *channels;
  size_t process_count, channel_count;
  uint64_t time; /* when it was taken, CLOCK_MONOTONIC */
  double messages, calls, switches, cpu;
  uint32_t restarts;
  bool rates; /* they are since the snapshot before; else since the start */
};
/* `before` may be NULL. False: client->problem says why; nothing is left to release. */
bool system_snapshot_take(struct control_client *client, struct system_snapshot *snapshot,
                          const struct system_snapshot *before, bool channels);
void system_snapshot_release(struct system_snapshot *snapshot);
/* NULL: no process of that number. */
const struct system_process *system_process_find(const struct system_snapshot *snapshot, uint32_t number);

/* Of every text that came from a process: what cannot be printed becomes '?'. */
void system_printable(char *to, size_t size, const char *from, size_t length);

/* ---- table.c: rows for people ---- */

#define TABLE_CELL 64
#define TABLE_COLUMNS_MOST 16

struct table_column {
  const char *title;
  uint8_t least; /* columns of the screen that it has at least */
  bool right;    /* numbers */
  uint8_t goes;  /* where there is no room, those with the highest number go first; 0: it stays */
};
struct table {
  const struct table_column *columns;
  uint32_t column_count;
  size_t rows, room;
  char (*cells)[TABLE_CELL]; /* [row * column_count + column] */
};
/* A row to be filled: column_count cells, empty. NULL: no memory. */
char (*table_row(struct table *table))[TABLE_CELL];
/* Each line, at most `width` columns of the screen (0: any number), through `line`; the first is the titles. */
void table_print(const struct table *table, uint32_t width, size_t rows_most,
                 void (*line)(void *context, const char *text, bool title), void *context);
void table_release(struct table *table);

/* Numbers as people read them, at most 6 characters. They give `text` back. */
#define FIGURE_MOST 16
const char *figure_bytes(uint64_t bytes, char text[FIGURE_MOST]);      /* "640", "64K", "1.5M" */
const char *figure_count(double count, char text[FIGURE_MOST]);        /* "999", "12.3k", "4.5M" */
const char *figure_time(uint64_t nanoseconds, char text[FIGURE_MOST]); /* "12s", "3m05s", "2h07m", "5d03h" */
const char *figure_percent(double percent, char text[FIGURE_MOST]);    /* "0.3", "99.8" */

/* ---- system_tables.c: the tables of `ps` and `top` ---- */

enum system_order { ORDER_NUMBER, ORDER_CPU, ORDER_MEMORY, ORDER_MESSAGES, ORDER_NAME, ORDERS };
/* False: no memory. The table is released with table_release. */
bool system_table_processes(const struct system_snapshot *snapshot, enum system_order order, struct table *table);
/* By traffic, or with ORDER_NUMBER by number. */
bool system_table_channels(const struct system_snapshot *snapshot, enum system_order order, struct table *table);

#endif
