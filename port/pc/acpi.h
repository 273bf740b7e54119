/* The firmware's tables. While booting, first processor. */
#ifndef PORT_PC_ACPI_H
#define PORT_PC_ACPI_H

#include <stdint.h>

/* The table with that signature, its checksum right, *length bytes (its header of 36 included); NULL: there is none.
 * What is in it was made by the machine's firmware: readers check it. */
const uint8_t *pc_acpi_table(const char signature[4], uint32_t *length);

#endif
