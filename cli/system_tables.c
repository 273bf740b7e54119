/* Owns the tables of processes and channels that `ps` and `top` show. One thread. */
#include <stdlib.h>
#include <string.h>

#include "cli/system.h"

static const struct table_column process_columns[] = {
    {"NUM", 3, true, 8},      {"NAME", 10, false, 0}, {"PARENT", 6, false, 6}, {"STATE", 7, false, 5},
    {"CPU%", 5, true, 0},     {"MEMORY", 6, true, 0}, {"LIMIT", 5, true, 7},   {"THR", 3, true, 9},
    {"HND", 3, true, 10},     {"CALLS", 6, true, 11}, {"SENT", 6, true, 4},    {"MSG/S", 6, true, 1},
    {"RESTARTS", 8, true, 2}, {"UP", 5, true, 3},
};

static const struct table_column channel_columns[] = {
    {"CHANNEL", 7, true, 6},  {"CONTRACT", 11, false, 0}, {"STATE", 10, false, 3}, {"CLIENT", 10, false, 0},
    {"SERVER", 10, false, 0}, {"QUEUED", 6, true, 4},     {"SENT", 6, true, 2},    {"MSG/S", 6, true, 1},
};
#define COUNT(columns) (sizeof columns / sizeof *columns)

static int compare_double(double a, double b) { return a < b ? 1 : a > b ? -1 : 0; }

static int by_number(const struct system_process *a, const struct system_process *b) {
  return a->seen.number < b->seen.number ? -1 : a->seen.number > b->seen.number;
}
static int by_cpu(const struct system_process *a, const struct system_process *b) {
  return compare_double(a->cpu, b->cpu);
}
static int by_memory(const struct system_process *a, const struct system_process *b) {
  return compare_double((double)a->memory, (double)b->memory);
}
static int by_messages(const struct system_process *a, const struct system_process *b) {
  return compare_double(a->messages, b->messages);
}
static int by_name(const struct system_process *a, const struct system_process *b) { return strcmp(a->name, b->name); }

static enum system_order process_order;

static int compare_processes(const void *a, const void *b) {
  static int (*const compare[ORDERS])(const struct system_process *, const struct system_process *) = {
      [ORDER_NUMBER] = by_number,     [ORDER_CPU] = by_cpu,   [ORDER_MEMORY] = by_memory,
      [ORDER_MESSAGES] = by_messages, [ORDER_NAME] = by_name,
  };
  const struct system_process *first = *(const struct system_process *const *)a;
  const struct system_process *second = *(const struct system_process *const *)b;
  int order = compare[process_order](first, second);
  return order ? order : by_number(first, second);
}

static int compare_channel_numbers(const void *a, const void *b) {
  uint64_t first = (*(const struct system_channel *const *)a)->seen.number;
  uint64_t second = (*(const struct system_channel *const *)b)->seen.number;
  return first < second ? -1 : first > second;
}

static uint64_t sent(const struct system_channel *channel) {
  return channel->seen.messages[0] + channel->seen.messages[1];
}

static int compare_channel_traffic(const void *a, const void *b) {
  const struct system_channel *first = *(const struct system_channel *const *)a;
  const struct system_channel *second = *(const struct system_channel *const *)b;
  int order = compare_double(first->messages, second->messages);
  if (!order)
    order = sent(first) < sent(second) ? 1 : sent(first) > sent(second) ? -1 : 0;
  return order ? order : compare_channel_numbers(a, b);
}

#define PUT(...) snprintf(row[cell++], TABLE_CELL, __VA_ARGS__)

static bool process_row(const struct system_snapshot *snapshot, const struct system_process *process,
                        struct table *table) {
  const struct signet_observed_process *seen = &process->seen;
  char text[FIGURE_MOST];
  char(*row)[TABLE_CELL] = table_row(table);
  int cell = 0;
  if (!row)
    return false;
  PUT("%u", seen->number);
  PUT("%s", process->name);
  PUT("%s", process->parent);
  PUT("%s", process->state);
  PUT("%s", figure_percent(process->cpu, text));
  PUT("%s", figure_bytes(process->memory, text));
  PUT("%s", figure_bytes(seen->limit.memory, text));
  PUT("%u", seen->threads);
  PUT("%u", process->handles);
  PUT("%s", figure_count((double)seen->calls, text));
  PUT("%s", figure_count((double)seen->messages, text));
  PUT("%s", figure_count(process->messages, text));
  if (process->supervised)
    PUT("%u", process->restarts);
  else
    PUT("-");
  PUT("%s", seen->started && snapshot->time > seen->started ? figure_time(snapshot->time - seen->started, text) : "-");
  return true;
}

static bool channel_row(const struct system_channel *channel, struct table *table) {
  char text[FIGURE_MOST];
  char(*row)[TABLE_CELL] = table_row(table);
  int cell = 0;
  if (!row)
    return false;
  PUT("%llu", (unsigned long long)channel->seen.number);
  PUT("%s", channel->contract);
  PUT("%s", channel->state);
  PUT("%s", channel->end[0]);
  PUT("%s", channel->end[1]);
  PUT("%u", channel->seen.queued[0] + channel->seen.queued[1]);
  PUT("%s", figure_count((double)sent(channel), text));
  PUT("%s", figure_count(channel->messages, text));
  return true;
}

bool system_table_processes(const struct system_snapshot *snapshot, enum system_order order, struct table *table) {
  const struct system_process **sorted = calloc(snapshot->process_count + 1, sizeof *sorted);
  bool good = sorted != NULL;
  *table = (struct table){.columns = process_columns, .column_count = COUNT(process_columns)};
  process_order = order;
  for (size_t i = 0; good && i < snapshot->process_count; i++)
    sorted[i] = &snapshot->processes[i];
  if (good)
    qsort(sorted, snapshot->process_count, sizeof *sorted, compare_processes);
  for (size_t i = 0; good && i < snapshot->process_count; i++)
    good = process_row(snapshot, sorted[i], table);
  free(sorted);
  return good;
}

bool system_table_channels(const struct system_snapshot *snapshot, enum system_order order, struct table *table) {
  const struct system_channel **sorted = calloc(snapshot->channel_count + 1, sizeof *sorted);
  bool good = sorted != NULL;
  *table = (struct table){.columns = channel_columns, .column_count = COUNT(channel_columns)};
  for (size_t i = 0; good && i < snapshot->channel_count; i++)
    sorted[i] = &snapshot->channels[i];
  if (good)
    qsort(sorted, snapshot->channel_count, sizeof *sorted,
          order == ORDER_NUMBER ? compare_channel_numbers : compare_channel_traffic);
  for (size_t i = 0; good && i < snapshot->channel_count; i++)
    good = channel_row(sorted[i], table);
  free(sorted);
  return good;
}
