/* The system that all cases of supervisor_test.c begin with. */
#ifndef TESTS_SERVICES_MADE_SYSTEM_H
#define TESTS_SERVICES_MADE_SYSTEM_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <signet/device.h>
#include <signet/system.h>

#include "contracts/events.h"
#include "contracts/files.h"

enum { ARCHIVE, POWER, PORTS, INTERRUPT, ARCHIVE_OF_FILES, DEVICES };
enum { SERIAL, MEMORY, PROGRAM, PROCESSES };
enum { INPUT, OUTPUT, EVENTS, FILES, CHANNELS };
static const uint32_t device_kinds[DEVICES] = {SIGNET_DEVICE_ARCHIVE, SIGNET_DEVICE_POWER, SIGNET_DEVICE_PORTS,
                                               SIGNET_DEVICE_INTERRUPT, SIGNET_DEVICE_ARCHIVE};

struct made_system {
  struct signet_system head;
  struct signet_system_process process[PROCESSES];
  struct signet_system_channel channel[CHANNELS];
  union {
    struct files_contract_table files;
    uint64_t aligned[128];
  };
  union {
    struct events_contract_table events;
    uint64_t aligned_events[64];
  };
  char text[64];
};
#define AT(field) ((uint32_t)offsetof(struct made_system, field))

static void make_system(struct made_system *system) {
  static const char *const names[] = {"serial", "memory", "program"};
  memset(system, 0, sizeof *system);
  system->head = (struct signet_system){.magic = SIGNET_SYSTEM_MAGIC,
                                        .version = SIGNET_SYSTEM_VERSION,
                                        .length = sizeof *system,
                                        .processes = PROCESSES,
                                        .processes_offset = AT(process),
                                        .channels = CHANNELS,
                                        .channels_offset = AT(channel),
                                        .main = PROGRAM,
                                        .archive = ARCHIVE,
                                        .power = POWER};
  for (uint32_t i = 0; i < PROCESSES; i++) {
    struct signet_system_process *process = &system->process[i];
    snprintf(process->name, sizeof process->name, "%s", names[i]);
    process->entry = 10 + i;
    memset(process->hash, (int)(10 + i), sizeof process->hash);
    /* One has a number of bytes, one a share of what is left, one the rest. */
    static const uint64_t memory[] = {[SERIAL] = 1 << 20, [MEMORY] = 77, [PROGRAM] = 0};
    process->quota = (struct signet_quota){.memory = memory[i], .threads = 3 + i};
    process->stack = 0x10000 + 0x1000 * i;
    process->policy.stop_deadline = 5000000000;
    process->startup_offset = AT(text) + 8 * i;
    process->startup_length = i + 1;
  }
  system->process[SERIAL].slots = 5;
  const struct signet_system_grant serial[] = {{SIGNET_SYSTEM_SERVER, INPUT},
                                               {SIGNET_SYSTEM_SERVER, OUTPUT},
                                               {SIGNET_SYSTEM_DEVICE, PORTS},
                                               {SIGNET_SYSTEM_DEVICE, INTERRUPT},
                                               {SIGNET_SYSTEM_CLIENT, EVENTS}};
  memcpy(system->process[SERIAL].slot, serial, sizeof serial);
  system->process[MEMORY].slots = 2;
  const struct signet_system_grant memory[] = {{SIGNET_SYSTEM_SERVER, FILES}, {SIGNET_SYSTEM_DEVICE, ARCHIVE_OF_FILES}};
  memcpy(system->process[MEMORY].slot, memory, sizeof memory);
  system->process[PROGRAM].slots = 3;
  const struct signet_system_grant program[] = {
      {SIGNET_SYSTEM_CLIENT, INPUT}, {SIGNET_SYSTEM_CLIENT, OUTPUT}, {SIGNET_SYSTEM_CLIENT, FILES}};
  memcpy(system->process[PROGRAM].slot, program, sizeof program);
  for (uint32_t i = 0; i < CHANNELS; i++)
    system->channel[i] = (struct signet_system_channel){i == EVENTS ? AT(events) : AT(files),
                                                        i == EVENTS ? EVENTS_CONTRACT_LENGTH : FILES_CONTRACT_LENGTH};
  system->files = files_contract;
  system->events = events_contract;
  memcpy(system->text, "abcdefghijklmnopqrstuvwxyz", 26);
}

#endif
