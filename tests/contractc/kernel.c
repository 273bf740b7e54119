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

static bool find(const void *table, size_t length, struct contract **contract) {
  return contract_length_valid(length) && contract_find(table, length, contract) == SIGNET_OK;
}

/* In either form, or (0) in that of the contract's header. */
static void table_test(const char *path, unsigned form) {
  static _Alignas(8) uint8_t table[131072];
  char command[512], option[32] = "";
  struct contract *contract = NULL;
  if (form)
    snprintf(option, sizeof option, "--table-version %u", form);
  snprintf(command, sizeof command, "build/bin/contractc --table - %s %s", option, path);
  size_t length = output_of(command, table, sizeof table - 8);
  bool taken = find(table, length, &contract);
  ok(taken, "the kernel takes the table of %s, form %u", path, form);
  if (!taken)
    return;
  contract_release(contract);
  ok(!find(table, length - 1, &contract) && !find(table, length + 1, &contract) && !find(table, length + 8, &contract),
     "and no other length: %s, form %u", path, form);
}

static void hash_test(const char *name, const void *table, size_t length, const uint8_t hash[32]) {
  struct contract *contract = NULL;
  bool taken = find(table, length, &contract);
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
      for (unsigned form = 0; form <= 2; form++)
        table_test(found.gl_pathv[j], form);
    globfree(&found);
  }
  hash_test("names", &names_contract, NAMES_CONTRACT_LENGTH, (const uint8_t[]){NAMES_TABLE_HASH});
  hash_test("supervision", &supervision_contract, SUPERVISION_CONTRACT_LENGTH,
            (const uint8_t[]){SUPERVISION_TABLE_HASH});
  return finish();
}
