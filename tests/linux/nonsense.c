/* Starts processes that call the kernel with nonsense (nonsense_child.c) and checks after each that it is itself
 * unharmed: its memory, its channel, and that everything it lent came back. Arguments: the child's image, how many, the
 * first seed. Prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/calls.h>

#include "contracts/files.h"
#include "tests/child.h"

static int tests, failures;

static void ok(int good, const char *name) {
  printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
  failures += !good;
}

/* A child with an end of a channel, a block, and its own image. 0: refused. */
static uint32_t start(uint32_t image, const char *path, uint64_t seed, uint32_t *server) {
  struct signet_process_specification specification = {
      .image = image,
      .slots = 3,
      .startup_offset = (uint32_t)(uint64_t)&seed,
      .startup_length = sizeof seed,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 4 << 20, .threads = 6, .handles = 40, .regions = 40, .processes = 2},
      .name = "nonsense",
  };
  struct signet_result child = signet_process_create(&specification);
  struct signet_result ends = signet_channel_create(&files_contract.contract, FILES_CONTRACT_LENGTH);
  struct signet_result block = signet_block_allocate(8192);
  uint32_t again = child_image(path);
  if (child.status || ends.status || block.status || !again)
    return 0;
  *server = (uint32_t)(ends.value >> 32);
  if (signet_process_grant((uint32_t)child.value, 0, (uint32_t)ends.value).status ||
      signet_process_grant((uint32_t)child.value, 1, (uint32_t)block.value).status ||
      signet_process_grant((uint32_t)child.value, 2, again).status ||
      signet_process_start((uint32_t)child.value).status)
    return 0;
  return (uint32_t)child.value;
}

static uint32_t checksum(const uint8_t *bytes, size_t length) {
  uint32_t sum = 1;
  for (size_t i = 0; i < length; i++)
    sum = sum * 31 + bytes[i];
  return sum;
}

int main(int count, char **arguments) {
  int children = count > 2 ? atoi(arguments[2]) : 100;
  uint64_t seed = count > 3 ? strtoull(arguments[3], NULL, 0) : 1;
  uint32_t ended[5] = {0}, wrong_ending = 0, refused = 0, stopped = 0;
  static uint8_t canary[1 << 16];
  for (size_t i = 0; i < sizeof canary; i++)
    canary[i] = (uint8_t)(i * 7);
  uint32_t before_sum = checksum(canary, sizeof canary);
  uint32_t image = child_image(arguments[1]);
  struct signet_usage before, after;
  signet_process_usage(&before);
  for (int i = 0; i < children && image; i++) {
    uint32_t server = 0, child = start(image, arguments[1], seed + (uint64_t)i, &server);
    if (!child) {
      printf("# seed %llu: not started\n", (unsigned long long)(seed + (uint64_t)i));
      refused++;
      break;
    }
    struct signet_ending ending = {0};
    uint64_t deadline = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + 300000000;
    if (signet_process_wait(child, &ending, deadline).status == SIGNET_TIMEOUT) {
      /* A thread of its own may loop where nonsense started it. */
      stopped++;
      signet_process_stop(child);
      signet_process_wait(child, &ending, SIGNET_NEVER);
    }
    if (ending.kind >= 1 && ending.kind <= 4)
      ended[ending.kind]++;
    else
      wrong_ending++;
    signet_handle_close(server);
  }
  signet_process_usage(&after);
  printf("# %d children: %u ended, %u by a fault, %u by a signal, %u stopped\n", children, ended[SIGNET_ENDED_EXIT],
         ended[SIGNET_ENDED_FAULT], ended[SIGNET_ENDED_SIGNAL], stopped);
  ok(image != 0 && refused == 0, "every child could be started");
  ok(wrong_ending == 0, "every child's ending is one that there is");
  ok(ended[SIGNET_ENDED_EXIT] > 0, "some lived to make all their calls");
  ok(checksum(canary, sizeof canary) == before_sum, "the parent's memory is untouched");
  ok(after.used.memory == before.used.memory && after.used.handles == before.used.handles &&
         after.used.threads == before.used.threads && after.used.processes == before.used.processes,
     "everything lent has come back");
  printf("1..%d\n", tests);
  return failures != 0;
}
