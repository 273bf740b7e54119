/* The boot archive: what `signet boot` puts behind the bare machine's kernel. Made by the tools, read by port/pc (the
 * header, the first process, the devices) and by the supervisor (the rest). Little-endian; offsets count from the
 * archive's start; whatever is read is checked first, by each reader.
 *
 * Layout: struct signet_boot; its tables; then the entries' bytes, each at a multiple of 4096, zeros between.
 * The first process is given, in its start-up slots, the devices in the order of their rows; everything else it makes
 * itself, with ordinary kernel calls, out of what it was given. */
#ifndef SIGNET_BOOT_H
#define SIGNET_BOOT_H

#include <stdint.h>

#include <signet/abi.h>

#define SIGNET_BOOT_MAGIC 0x544f4f4254454e47ull /* "GNETBOOT" */
#define SIGNET_BOOT_VERSION 1u
#define SIGNET_BOOT_ENTRIES_MOST 256
#define SIGNET_BOOT_DEVICES_MOST SIGNET_SLOTS_MOST

struct signet_boot {
  uint64_t magic;
  uint8_t hash[32]; /* BLAKE2b-256 of what follows, up to tables_length */
  uint32_t version;
  uint32_t tables_length;                /* bytes from the archive's start: this header and all tables */
  uint64_t length;                       /* of the whole archive, a multiple of 4096 */
  uint32_t entries, entries_offset;      /* struct signet_boot_entry; tables at multiples of 8 */
  uint32_t devices, devices_offset;      /* struct signet_boot_device */
  struct signet_quota quota;             /* of the first process; 0 in `memory`: all that the machine has */
  uint32_t first;                        /* the entry that is the first process's image */
  uint32_t system_offset, system_length; /* its start-up bytes: struct signet_system (system.h), within the tables */
  uint32_t reserved;
};

struct signet_boot_entry {
  uint64_t offset, length; /* of its bytes */
  uint8_t hash[32];        /* BLAKE2b-256 of them; checked when it is first read */
  char name[32];           /* NUL-terminated, for people */
};

enum signet_boot_device_kind {
  SIGNET_BOOT_PORTS = 1,     /* first, count: I/O ports */
  SIGNET_BOOT_INTERRUPT = 2, /* first: an ISA line, 0..15 */
  SIGNET_BOOT_ARCHIVE = 3,   /* reads this archive's entries */
  SIGNET_BOOT_POWER = 4,     /* ends the machine */
};

struct signet_boot_device {
  uint32_t kind;
  uint32_t first, count;
  uint32_t reserved;
};

#endif
