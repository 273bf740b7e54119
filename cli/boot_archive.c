/* Owns the making of the boot archive (include/signet/boot.h): header, tables, and the entries' bytes as they are on
 * disk. One thread. */
#include <stdio.h>
#include <string.h>

#include <signet/boot.h>

#include "cli/boot.h"

#define PAGE 4096

static const struct signet_boot_device devices[BOOT_DEVICES] = {
    [BOOT_ARCHIVE] = {.kind = SIGNET_BOOT_ARCHIVE},
    [BOOT_POWER] = {.kind = SIGNET_BOOT_POWER},
    [BOOT_PORTS] = {.kind = SIGNET_BOOT_PORTS, .first = 0x3f8, .count = 8},
    [BOOT_INTERRUPT] = {.kind = SIGNET_BOOT_INTERRUPT, .first = 4, .count = 1},
    [BOOT_FILES_ARCHIVE] = {.kind = SIGNET_BOOT_ARCHIVE},
};

void boot_archive(const struct boot_system *system, struct boot_bytes *into) {
  struct boot_bytes compiled = {0};
  boot_system(system, &compiled);
  /* The first process has all that the machine has: its quota stays 0. */
  struct signet_boot head = {.magic = SIGNET_BOOT_MAGIC,
                             .version = SIGNET_BOOT_VERSION,
                             .devices = BOOT_DEVICES,
                             .first = BOOT_SUPERVISOR,
                             .system_length = (uint32_t)compiled.length};
  struct signet_boot_entry entries[BOOT_ENTRIES] = {0};
  while (head.entries < BOOT_ENTRIES && system->parts[head.entries].bytes)
    head.entries++;
  boot_append(into, &head, sizeof head, 1);
  head.entries_offset = (uint32_t)boot_append(into, entries, head.entries * sizeof *entries, 8);
  head.devices_offset = (uint32_t)boot_append(into, devices, sizeof devices, 8);
  head.system_offset = (uint32_t)boot_append(into, compiled.data, compiled.length, 8);
  head.tables_length = (uint32_t)into->length;
  for (uint32_t i = 0; i < head.entries; i++) {
    const struct boot_part *part = &system->parts[i];
    entries[i].offset = boot_append(into, part->bytes, part->length, PAGE);
    entries[i].length = part->length;
    boot_hash(entries[i].hash, part->bytes, part->length);
    snprintf(entries[i].name, sizeof entries[i].name, "%.31s", part->name);
  }
  boot_append(into, NULL, 0, PAGE);
  head.length = into->length;
  memcpy(into->data, &head, sizeof head);
  memcpy(into->data + head.entries_offset, entries, head.entries * sizeof *entries);
  size_t covered = offsetof(struct signet_boot, version);
  boot_hash(into->data + offsetof(struct signet_boot, hash), into->data + covered, head.tables_length - covered);
}
