/* The boot archive as the kernel reads it. Internal to port/pc. */
#ifndef PORT_PC_ARCHIVE_H
#define PORT_PC_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/boot.h>

/* Checks the header and all tables at pc_boot.archive_low; refuses to boot when they are wrong. After paging. */
void pc_archive_check(void);
const struct signet_boot *pc_archive_header(void);
const struct signet_boot_device *pc_archive_devices(void);
/* The start-up bytes of the first process. */
const void *pc_archive_system(void);
/* NULL: no such entry. */
const struct signet_boot_entry *pc_archive_entry(uint64_t index);
/* The bytes of an entry; NULL: they are not those that its hash says. Looks only once. Any processor. */
const uint8_t *pc_archive_bytes(uint32_t index);

#endif
