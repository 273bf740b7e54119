/* Finds the firmware's tables (ACPI). While booting, first processor; nothing is kept.
 *
 * Source: ACPI specification 6.5, chapter 5.2 (RSDP, RSDT, XSDT, table header). */
#include "port/pc/acpi.h"

#include "port/pc/pc.h"

#define HEADER 36
#define TABLE_MOST 65536u
#define RSDP_LENGTH 20
#define RSDP_LENGTH_2 36

static uint32_t read32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t read64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static bool sums_to_zero(const uint8_t *bytes, uint32_t length) {
  uint8_t sum = 0;
  for (uint32_t i = 0; i < length; i++)
    sum = (uint8_t)(sum + bytes[i]);
  return !sum;
}

/* NULL: not memory that can be mapped. */
static const uint8_t *map(uint64_t physical, uint32_t length) {
  return physical && physical < PC_DIRECT_MOST ? (const uint8_t *)pc_paging_registers(physical, length) : NULL;
}

/* With its length and checksum right; NULL otherwise. */
static const uint8_t *map_table(uint64_t physical, const char signature[4], uint32_t *length) {
  const uint8_t *table = map(physical, HEADER);
  if (!table || memcmp(table, signature, 4) != 0)
    return NULL;
  *length = read32(table + 4);
  if (*length < HEADER || *length > TABLE_MOST)
    return NULL;
  table = map(physical, *length);
  return table && sums_to_zero(table, *length) ? table : NULL;
}

const uint8_t *pc_acpi_table(const char signature[4], uint32_t *length) {
  const uint8_t *rsdp = map(pc_boot.rsdp, RSDP_LENGTH_2), *root = NULL;
  uint32_t root_length = 0, entry = 8;
  if (!rsdp || memcmp(rsdp, "RSD PTR ", 8) != 0 || !sums_to_zero(rsdp, RSDP_LENGTH))
    return NULL;
  if (rsdp[15] >= 2 && sums_to_zero(rsdp, RSDP_LENGTH_2))
    root = map_table(read64(rsdp + 24), "XSDT", &root_length);
  if (!root) {
    entry = 4;
    root = map_table(read32(rsdp + 16), "RSDT", &root_length);
  }
  if (!root)
    return NULL;
  for (uint32_t at = HEADER; at + entry <= root_length; at += entry) {
    const uint8_t *table = map_table(entry == 8 ? read64(root + at) : read32(root + at), signature, length);
    if (table)
      return table;
  }
  return NULL;
}
