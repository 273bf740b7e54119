/* The tables of contracts/files.contract and events.contract are those of the headers written by hand, message by
 * message: tags, names, directions, lengths, what moves, states. Only the identities differ, which are of other texts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/events.h"
#include "contracts/files.h"
#include "tests/contractc/output.h"

#define COMPILER "build/bin/contractc"

static int tests, failed;

static void check(int holds, const char *contract, const char *what, const char *which) {
  printf("%sok %d - %s: %s%s%s\n", holds ? "" : "not ", ++tests, contract, what, *which ? " of " : "", which);
  failed |= !holds;
}

static const char *const files_names[] = {
#define NAME(tag, name, ...) [tag] = #name,
    FILES_MESSAGES(NAME)};
static const char *const events_names[] = {EVENTS_MESSAGES(NAME)};
#undef NAME

static void compare(const char *contract, const void *by_hand, size_t length, const char *const names[], size_t count) {
  static _Alignas(8) unsigned char made[65536];
  static char canonical[1 << 20];
  char command[256], line[128];
  snprintf(command, sizeof command, COMPILER " --table - --table-version 1 contracts/%s.contract", contract);
  size_t made_length = output_of(command, made, sizeof made);
  snprintf(command, sizeof command, COMPILER " --canonical - contracts/%s.contract", contract);
  canonical[output_of(command, canonical, sizeof canonical - 1)] = '\0';
  check(made_length == length, contract, "the length", "");
  if (made_length != length)
    return;
  const struct signet_contract *a = by_hand, *b = (const void *)made;
  check(a->version == b->version && a->messages == b->messages && a->states == b->states &&
            a->slots_to_server == b->slots_to_server && a->slots_to_client == b->slots_to_client &&
            a->data_most == b->data_most,
        contract, "the header", "");
  check(a->messages == count, contract, "the number of messages", "");
  const struct signet_contract_message *rows_a = (const void *)(a + 1), *rows_b = (const void *)(b + 1);
  const unsigned char *next_a = (const void *)(rows_a + count), *next_b = (const void *)(rows_b + count);
  for (size_t i = 0; i < count; i++) {
    int same_states = 1;
    for (size_t state = 0; state < a->states; state++)
      same_states &= next_a[state * count + i] == next_b[state * count + i];
    snprintf(line, sizeof line, "\nmessage %zu %s %s %u..%u\n", i, rows_a[i].to_client ? "server" : "client", names[i],
             rows_a[i].length_least, rows_a[i].length_most);
    check(strstr(canonical, line) != NULL, contract, "number, direction, name and lengths", names[i]);
    check(!memcmp(&rows_a[i], &rows_b[i], sizeof rows_a[i]), contract, "the row", names[i]);
    check(same_states, contract, "the states before and after", names[i]);
  }
}

int main(void) {
  compare("files", &files_contract, FILES_CONTRACT_LENGTH, files_names, sizeof files_names / sizeof *files_names);
  compare("events", &events_contract, EVENTS_CONTRACT_LENGTH, events_names, sizeof events_names / sizeof *events_names);
  printf("1..%d\n", tests);
  return failed;
}
