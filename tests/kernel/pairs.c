/* Pairs of processes that ask and answer each other, all at once: `pairs CHILD PAIRS ROUNDS`. CHILD is the image of
 * pairs_child.c, whose exit code says what was wrong. Run by pairs.sh, sealed, on every port; prints TAP. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/child.h"
#include "tests/kernel/pairs.h"

#define PAIRS_MOST 16

static const struct {
  struct signet_contract contract;
  struct signet_contract_message messages[PAIRS_MESSAGES];
  uint8_t next[2][PAIRS_MESSAGES];
} talk = {.contract = {.version = 1,
                       .messages = PAIRS_MESSAGES,
                       .states = 2,
                       .slots_to_server = 1,
                       .slots_to_client = 1,
                       .data_most = PAIRS_DATA_MOST,
                       .identity = "pairs"},
          .messages = {[PAIRS_REQUEST] = {.length_most = PAIRS_DATA_MOST},
                       [PAIRS_REPLY] = {.to_client = 1, .length_most = PAIRS_DATA_MOST}},
          .next = {{1, SIGNET_CONTRACT_REFUSED}, {SIGNET_CONTRACT_REFUSED, 0}}};

static uint64_t done(struct signet_result result, const char *what) {
  if (result.status != SIGNET_OK) {
    printf("Bail out! %s: status %lld\n", what, (long long)result.status);
    exit(1);
  }
  return result.value;
}

static uint32_t make(uint32_t image, const struct pairs_role *role, uint32_t endpoint) {
  struct signet_process_specification specification = {
      .image = image,
      .slots = 1,
      .startup_offset = (uint32_t)(uintptr_t)role,
      .startup_length = sizeof *role,
      .stack = 4 * SIGNET_PAGE,
      .quota = {.memory = 1 << 20, .threads = 1, .handles = 4, .regions = 4},
      .name = "pair",
  };
  uint32_t child = (uint32_t)done(signet_process_create(&specification), "process_create");
  done(signet_process_grant(child, 0, endpoint), "process_grant");
  return child;
}

int main(int count, char **arguments) {
  uint32_t image = count == 4 ? child_image(arguments[1]) : 0, child[PAIRS_MOST][2];
  unsigned pairs = count == 4 ? (unsigned)atoi(arguments[2]) : 0, wrong = 0;
  if (!image || pairs > PAIRS_MOST) {
    printf("Bail out! arguments: the image of pairs_child.c, pairs (at most %u), rounds\n", PAIRS_MOST);
    return 1;
  }
  for (unsigned i = 0; i < pairs; i++) {
    uint64_t ends = done(signet_channel_create(&talk.contract, sizeof talk), "channel_create");
    for (uint32_t side = 0; side < 2; side++) {
      struct pairs_role role = {.server = side, .rounds = (uint32_t)atoi(arguments[3]), .first = i << 20};
      child[i][side] = make(image, &role, side ? (uint32_t)(ends >> 32) : (uint32_t)ends);
    }
  }
  for (unsigned i = 0; i < pairs; i++)
    for (unsigned side = 0; side < 2; side++)
      done(signet_process_start(child[i][side]), "process_start");
  for (unsigned i = 0; i < pairs; i++)
    for (unsigned side = 0; side < 2; side++) {
      struct signet_ending ending;
      done(signet_process_wait(child[i][side], &ending, SIGNET_NEVER), "process_wait");
      if (ending.kind == SIGNET_ENDED_EXIT && ending.code == 0)
        continue;
      printf("# pair %u, %s: ended as %u with code %u\n", i, side ? "server" : "client", ending.kind, ending.code);
      wrong++;
    }
  printf("%sok 1 - %u pairs, %s requests each: every answer was the right one\n1..1\n", wrong ? "not " : "", pairs,
         arguments[3]);
  return wrong != 0;
}
