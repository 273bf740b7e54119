/* From a file to a checked contract. */
#include "contractc/contractc.h"

/* A contract that was used may not have been looked at by the rules of states yet. */
static bool check(struct compilation *compilation, struct contract *contract) {
  states_check(compilation, contract);
  endpoints_check(compilation, contract);
  header_names_check(compilation, contract);
  if (compilation->problem_count)
    return false;
  bounds_compute(compilation, contract);
  identity_compute(contract);
  return true;
}

struct contract *contract_compile(struct compilation *compilation, const char *path) {
  struct contract *contract = contract_parse(compilation, path, NULL);
  /* Those that are used come before their users, whose identities hold theirs. */
  for (uint32_t i = 0; i < compilation->contract_count && !compilation->problem_count; i++)
    check(compilation, compilation->contracts[i]);
  return compilation->problem_count ? NULL : contract;
}

void compilation_end(struct compilation *compilation) { memory_release(&compilation->memory); }
