/* Owns the boot archive: hostile until checked, read-only always. Checked once while booting; its entries when they are
 * first read, on any processor, without the kernel lock. */
#include "port/pc/archive.h"

#include "kernel/object.h" /* blake2b_256 */
#include "port/pc/pc.h"

static const struct signet_boot *archive;
/* 0: not looked at yet, 1: whole, 2: damaged. Two processors may both look: they find the same. */
static _Atomic uint8_t looked_at[SIGNET_BOOT_ENTRIES_MOST];

static bool table_inside(uint32_t offset, uint64_t count, uint64_t size) {
  return offset >= sizeof *archive && offset % 8 == 0 && offset <= archive->tables_length &&
         count * size <= archive->tables_length - offset;
}

static bool tables_whole(void) {
  const size_t covered = offsetof(struct signet_boot, version);
  uint8_t hash[32];
  blake2b_256(hash, (const uint8_t *)archive + covered, archive->tables_length - covered);
  return !memcmp(hash, archive->hash, sizeof hash);
}

static const struct signet_boot_device *devices(void) {
  return (const struct signet_boot_device *)((const uint8_t *)archive + archive->devices_offset);
}

static const struct signet_boot_entry *entries(void) {
  return (const struct signet_boot_entry *)((const uint8_t *)archive + archive->entries_offset);
}

static void check_device(uint32_t index) {
  const struct signet_boot_device *row = &devices()[index];
  bool right = !row->reserved;
  switch ((enum signet_boot_device_kind)row->kind) {
  case SIGNET_BOOT_PORTS:
    right &= row->count && row->first <= 0xffff && row->count <= 0x10000 - row->first;
    break;
  case SIGNET_BOOT_INTERRUPT:
    right &= row->first < 16 && row->count == 1;
    break;
  case SIGNET_BOOT_ARCHIVE:
  case SIGNET_BOOT_POWER:
    right &= !row->first && !row->count;
    break;
  default:
    right = false;
  }
  if (!right)
    pc_refuse("the boot archive's device %u (kind %u, %u, %u) is none that this machine has", index, row->kind,
              row->first, row->count);
}

void pc_archive_check(void) {
  uint64_t room = pc_boot.archive_high - pc_boot.archive_low;
  if (!room)
    pc_refuse("there is no boot archive behind the kernel; `signet boot` makes a file with one");
  archive = pc_direct(pc_boot.archive_low);
  if (archive->version != SIGNET_BOOT_VERSION)
    pc_refuse("the boot archive has version %u, this kernel reads %u", archive->version, SIGNET_BOOT_VERSION);
  if (archive->length > room || archive->tables_length < sizeof *archive || archive->tables_length > archive->length)
    pc_refuse("the boot archive is damaged: its lengths make no sense");
  if (!tables_whole())
    pc_refuse("the boot archive is damaged: its tables are not what their hash says");
  if (archive->entries > SIGNET_BOOT_ENTRIES_MOST || archive->devices > SIGNET_BOOT_DEVICES_MOST ||
      !table_inside(archive->entries_offset, archive->entries, sizeof(struct signet_boot_entry)) ||
      !table_inside(archive->devices_offset, archive->devices, sizeof(struct signet_boot_device)) ||
      !table_inside(archive->system_offset, archive->system_length, 1) || archive->first >= archive->entries)
    pc_refuse("the boot archive is damaged: a table is not inside it");
  for (uint32_t i = 0; i < archive->entries; i++) {
    const struct signet_boot_entry *entry = &entries()[i];
    if (entry->offset % PC_PAGE || entry->offset > archive->length || entry->length > archive->length - entry->offset ||
        entry->name[sizeof entry->name - 1])
      pc_refuse("the boot archive is damaged: entry %u is not inside it", i);
  }
  for (uint32_t i = 0; i < archive->devices; i++)
    check_device(i);
}

const struct signet_boot *pc_archive_header(void) { return archive; }
const struct signet_boot_device *pc_archive_devices(void) { return devices(); }
const void *pc_archive_system(void) { return (const uint8_t *)archive + archive->system_offset; }
const struct signet_boot_entry *pc_archive_entry(uint64_t index) {
  return index < archive->entries ? &entries()[index] : NULL;
}

const uint8_t *pc_archive_bytes(uint32_t index) {
  const struct signet_boot_entry *entry = &entries()[index];
  const uint8_t *bytes = (const uint8_t *)archive + entry->offset;
  if (!looked_at[index]) {
    uint8_t hash[32];
    blake2b_256(hash, bytes, entry->length);
    looked_at[index] = memcmp(hash, entry->hash, sizeof hash) ? 2 : 1;
  }
  return looked_at[index] == 1 ? bytes : NULL;
}
