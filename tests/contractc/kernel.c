/* The kernel's own check of contracts (kernel/contract.c, on the C library's memory) takes every table that contractc
 * makes, and names it as the headers say. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/names.h"
#include "contracts/supervision.h"
#include "kernel/object.h"
#include "tests/contractc/output.h"
#include "tests/lib/tap.h"

struct kernel kernel;

void *allocate(size_t length) { return calloc(1, length); }
void release(void *memory, size_t length) {
  (void)length;
  free(memory);
}

static void table_test(const char *path) {
  static _Alignas(8) uint8_t table[131072], damaged[131072];
  char command[512];
  struct contract *contract = NULL;
  snprintf(command, sizeof command, "build/bin/contractc --table - %s", path);
  size_t length = output_of(command, table, sizeof table);
  bool taken = length && contract_find(table, length, &contract) == SIGNET_OK;
  ok(taken, "the kernel takes the table of %s", path);
  if (!taken)
    return;
  contract_release(contract);
  ok(contract_find(table, length - 1, &contract) != SIGNET_OK &&
         contract_find(table, length + 1, &contract) != SIGNET_OK,
     "and no other length: %s", path);
  snprintf(command, sizeof command, "build/bin/contractc --table - --table-version 2 %s", path);
  length = output_of(command, damaged, sizeof damaged);
  ok(length && contract_find(damaged, length, &contract) != SIGNET_OK,
     "a kernel that does not know the second form refuses it: %s", path);
}

static void hash_test(const char *name, const void *table, size_t length, const uint8_t hash[32]) {
  struct contract *contract = NULL;
  bool taken = contract_find(table, length, &contract) == SIGNET_OK;
  ok(taken && !memcmp(contract->identity, hash, 32), "the header of %s knows how the kernel names the contract", name);
  if (taken)
    contract_release(contract);
}

int main(void) {
  for (size_t i = 0; i < CONTRACT_BUCKETS; i++)
    list_initialise(&kernel.contracts[i]);
  static const char *const patterns[] = {"contracts/*.contract", "tests/contractc/good/*.contract"};
  for (size_t i = 0; i < 2; i++) {
    glob_t found;
    if (glob(patterns[i], 0, NULL, &found) != 0)
      continue;
    for (size_t j = 0; j < found.gl_pathc; j++)
      table_test(found.gl_pathv[j]);
    globfree(&found);
  }
  hash_test("names", &names_contract, NAMES_CONTRACT_LENGTH, (const uint8_t[]){NAMES_TABLE_HASH});
  hash_test("supervision", &supervision_contract, SUPERVISION_CONTRACT_LENGTH,
            (const uint8_t[]){SUPERVISION_TABLE_HASH});
  return finish();
}
