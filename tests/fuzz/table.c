/* Fuzz target: any bytes as a contract's table, given to the kernel's check of them: no byte is read that is not there,
 * and what is taken names no state or message that it does not have. */
#include "tests/fuzz/contract_table.h"
#include "tests/fuzz/fuzz.h"

const unsigned fuzz_count = 60000;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  /* Who makes a contract may make its bounds too small for itself: the kernel holds him to its slots (channel.c). */
  contract_table_check(bytes, length, NULL, false) ? fuzz_accepted++ : fuzz_refused++;
  return 0;
}
