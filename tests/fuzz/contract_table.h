/* What must hold of a contract's table that the kernel takes (contract_table.c). */
#ifndef TESTS_FUZZ_CONTRACT_TABLE_H
#define TESTS_FUZZ_CONTRACT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: the kernel refuses it. `hash`, unless NULL: how it has to be named. `bounded`: nobody who keeps to it can fill
 * a queue beyond its slots. */
bool contract_table_check(const void *bytes, size_t length, const uint8_t hash[32], bool bounded);

#endif
