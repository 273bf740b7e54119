/* Systems for the tests of restarts, built a row and a channel at a time, in low memory. */
#ifndef TESTS_SERVICES_BUILT_SYSTEM_H
#define TESTS_SERVICES_BUILT_SYSTEM_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <signet/device.h>
#include <signet/system.h>

#include "contracts/files.h"

#define BUILT_ROWS 12
#define BUILT_CHANNELS 40
#define BUILT_DEVICES 8
#define MILLISECONDS 1000000ull

enum { BUILT_ARCHIVE, BUILT_POWER, BUILT_FIRST_DEVICE };
static const uint32_t built_devices[BUILT_DEVICES] = {SIGNET_DEVICE_ARCHIVE, SIGNET_DEVICE_POWER,  SIGNET_DEVICE_STREAM,
                                                      SIGNET_DEVICE_STREAM,  SIGNET_DEVICE_STREAM, SIGNET_DEVICE_STREAM,
                                                      SIGNET_DEVICE_STREAM,  SIGNET_DEVICE_NETWORK};

struct built {
  struct signet_system head;
  struct signet_system_process row[BUILT_ROWS];
  struct signet_system_channel channel[BUILT_CHANNELS];
  union {
    struct files_contract_table files;
    uint64_t aligned[128];
  };
};

static void built_begin(struct built *built) {
  memset(built, 0, sizeof *built);
  built->head = (struct signet_system){.magic = SIGNET_SYSTEM_MAGIC,
                                       .version = SIGNET_SYSTEM_VERSION,
                                       .length = sizeof *built,
                                       .processes_offset = offsetof(struct built, row),
                                       .channels_offset = offsetof(struct built, channel),
                                       .main = SIGNET_SYSTEM_NONE,
                                       .archive = BUILT_ARCHIVE,
                                       .power = BUILT_POWER};
  built->files = files_contract;
}

static uint32_t built_grant(struct built *built, uint32_t row, uint32_t kind, uint32_t number) {
  struct signet_system_process *process = &built->row[row];
  process->slot[process->slots] = (struct signet_system_grant){kind, number};
  return process->slots++;
}

/* Started again always, at once, and as often as it ends, unless its policy is changed. */
static uint32_t built_row(struct built *built, const char *name, bool supervised) {
  uint32_t row = built->head.processes++;
  struct signet_system_process *process = &built->row[row];
  snprintf(process->name, sizeof process->name, "%s", name);
  process->entry = 10 + row;
  memset(process->hash, (int)(10 + row), sizeof process->hash);
  process->quota = (struct signet_quota){.memory = 1 << 20, .threads = 1};
  process->startup_offset = offsetof(struct built, aligned);
  process->policy = (struct signet_system_policy){.restart = SIGNET_SYSTEM_RESTART_ALWAYS,
                                                  .limit = UINT32_MAX,
                                                  .window = 1000 * MILLISECONDS,
                                                  .start_deadline = 500 * MILLISECONDS,
                                                  .stop_deadline = 100 * MILLISECONDS};
  if (supervised)
    built_grant(built, row, SIGNET_SYSTEM_SUPERVISION, 0);
  return row;
}

static uint32_t built_channel(struct built *built, uint32_t client, uint32_t server) {
  uint32_t number = built->head.channels++;
  built->channel[number] = (struct signet_system_channel){offsetof(struct built, files), FILES_CONTRACT_LENGTH};
  built_grant(built, client, SIGNET_SYSTEM_CLIENT, number);
  built_grant(built, server, SIGNET_SYSTEM_SERVER, number);
  return number;
}

#endif
