/* Owns the system that runs one program on the bare machine, compiled (include/signet/system.h): the driver of the
 * serial line, the file service in memory, the program, and the channels between them. One thread. */
#include <signet/image.h>
#include <signet/system.h>
#include <stdio.h>
#include <string.h>

#include "cli/boot.h"
#include "contracts/events.h"
#include "contracts/files.h"
#include "services/services.h"

enum process { SERIAL, MEMORY, PROGRAM, PROCESSES };
/* The first three are the program's streams, in the order of its slots and of the serial driver's. */
enum channel { INPUT, OUTPUT, ERROR, FILES, EVENTS, CHANNELS };

/* What a service may still take when the program has ended: a serial line of 115,200 bits a second empties its queue in
 * much less. Nothing is started again. */
static const struct signet_system_policy policy = {.stop_deadline = 5000000000};
#define FILES_SHARE (SIGNET_SYSTEM_SHARES / 4)
#define CLIENT(channel)                                                                                                \
  { SIGNET_SYSTEM_CLIENT, channel }
#define SERVER(channel)                                                                                                \
  { SIGNET_SYSTEM_SERVER, channel }
#define DEVICE(device)                                                                                                 \
  { SIGNET_SYSTEM_DEVICE, device }

static const struct row {
  enum boot_entry entry;
  struct signet_quota quota; /* `memory` 0: see memory_of */
  uint64_t stack;
  uint32_t slots;
  struct signet_system_grant slot[SIGNET_SLOTS_MOST];
} rows[PROCESSES] = {
    [SERIAL] = {BOOT_SERIAL,
                {.memory = 2 << 20, .threads = 8, .handles = 32, .regions = 64},
                64 << 10,
                SERVICES_SERIAL_SLOTS,
                {SERVER(INPUT), SERVER(OUTPUT), SERVER(ERROR), DEVICE(BOOT_PORTS), DEVICE(BOOT_INTERRUPT),
                 CLIENT(EVENTS)}},
    [MEMORY] = {BOOT_MEMORY,
                {.threads = 2, .handles = 64, .regions = 256},
                64 << 10,
                2,
                {SERVER(FILES), DEVICE(BOOT_FILES_ARCHIVE)}},
    [PROGRAM] = {BOOT_PROGRAM,
                 {0},
                 0,
                 4,
                 {[SIGNET_SLOT_INPUT] = CLIENT(INPUT),
                  [SIGNET_SLOT_OUTPUT] = CLIENT(OUTPUT),
                  [SIGNET_SLOT_ERROR] = CLIENT(ERROR),
                  [SIGNET_SLOT_FILES] = CLIENT(FILES)}},
};

/* A quarter of the memory is for files, besides those that it begins with; the program has what is left. Of what
 * machine the file will run on is not known, so these are shares. */
static struct signet_quota quota_of(const struct boot_system *system, enum process process) {
  struct signet_quota quota = process == PROGRAM ? system->quota : rows[process].quota;
  uint64_t files = system->parts[BOOT_FILES].length;
  if (process == MEMORY)
    quota.memory = FILES_SHARE + (files < system->memory / 2 ? files * SIGNET_SYSTEM_SHARES / system->memory + 1
                                                             : SIGNET_SYSTEM_SHARES / 2);
  return quota;
}

enum boot_entry boot_system_entry(uint32_t process) { return process < PROCESSES ? rows[process].entry : BOOT_ENTRIES; }

static void serial_startup(const struct boot_system *system, struct boot_bytes *into) {
  struct services_serial startup = {.version = SERVICES_SERIAL_VERSION,
                                    .flags = system->terminal ? 0 : SERVICES_SERIAL_FRAMED,
                                    .columns = system->columns,
                                    .rows = system->rows};
  boot_append(into, &startup, sizeof startup, 8);
}

static void memory_startup(const struct boot_system *system, struct boot_bytes *into) {
  struct services_memory startup = {.version = SERVICES_MEMORY_VERSION,
                                    .clients = 1,
                                    .entry = system->parts[BOOT_FILES].bytes ? BOOT_FILES : SERVICES_MEMORY_NO_ENTRY,
                                    .places = system->tree_count};
  boot_append(into, &startup, sizeof startup, 8);
  for (uint32_t i = 0; i < system->tree_count; i++) {
    struct services_mount place = {.flags = system->trees[i].read_only ? SERVICES_MOUNT_READ_ONLY : 0};
    snprintf(place.path, sizeof place.path, "%s", system->trees[i].guest);
    boot_append(into, &place, sizeof place, 8);
  }
}

void boot_system(const struct boot_system *system, struct boot_bytes *into) {
  struct signet_system head = {.magic = SIGNET_SYSTEM_MAGIC,
                               .version = SIGNET_SYSTEM_VERSION,
                               .processes = PROCESSES,
                               .channels = CHANNELS,
                               .main = PROGRAM,
                               .archive = BOOT_ARCHIVE,
                               .power = BOOT_POWER};
  struct signet_system_process processes[PROCESSES] = {0};
  struct signet_system_channel channels[CHANNELS];
  boot_append(into, &head, sizeof head, 1);
  head.processes_offset = (uint32_t)boot_append(into, processes, sizeof processes, 8);
  head.channels_offset = (uint32_t)boot_append(into, channels, sizeof channels, 8);
  uint32_t files = (uint32_t)boot_append(into, &files_contract, FILES_CONTRACT_LENGTH, 8);
  uint32_t events = (uint32_t)boot_append(into, &events_contract, EVENTS_CONTRACT_LENGTH, 8);
  for (int channel = 0; channel < CHANNELS; channel++)
    channels[channel] = channel == EVENTS ? (struct signet_system_channel){events, EVENTS_CONTRACT_LENGTH}
                                          : (struct signet_system_channel){files, FILES_CONTRACT_LENGTH};
  for (int i = 0; i < PROCESSES; i++) {
    struct signet_system_process *process = &processes[i];
    const struct boot_part *part = &system->parts[rows[i].entry];
    snprintf(process->name, sizeof process->name, "%.31s", part->name);
    process->entry = rows[i].entry;
    process->slots = rows[i].slots;
    boot_hash(process->hash, part->bytes, part->length);
    process->quota = quota_of(system, i);
    process->stack = rows[i].stack;
    process->policy = policy;
    memcpy(process->slot, rows[i].slot, sizeof process->slot);
    process->startup_offset = (uint32_t)boot_append(into, NULL, 0, 8);
    if (i == SERIAL)
      serial_startup(system, into);
    else if (i == MEMORY)
      memory_startup(system, into);
    else
      boot_append(into, system->startup, system->startup_length, 1);
    process->startup_length = (uint32_t)into->length - process->startup_offset;
  }
  head.length = (uint32_t)boot_append(into, NULL, 0, 8);
  memcpy(into->data, &head, sizeof head);
  memcpy(into->data + head.processes_offset, processes, sizeof processes);
  memcpy(into->data + head.channels_offset, channels, sizeof channels);
}
