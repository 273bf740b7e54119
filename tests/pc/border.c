/* What crosses the border between a process and the kernel: starts border_child.c with one act after another and says
 * what it found. Runs on every port. Arguments: the child's image; `wake`: there is a second processor, and its time is
 * real. Prints TAP. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/calls.h>

#include "tests/child.h"
#include "tests/pc/border.h"

static int tests, failures;
static uint32_t image;

/* Request and reply, in any order. */
static const struct exchange {
  struct signet_contract contract;
  struct signet_contract_message messages[2];
  uint8_t next[2];
} exchange = {
    .contract = {.version = 1, .messages = 2, .states = 1, .slots_to_server = 4, .slots_to_client = 4, .data_most = 16},
    .messages = {{.to_client = 0, .length_most = 16}, {.to_client = 1, .length_most = 16}}};

static uint64_t now(void) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value; }

/* `end`: of a channel, in its first slot; 0: none. */
static uint32_t start(enum border_act act, uint32_t rounds, uint64_t value, uint32_t end) {
  const struct border border = {.act = act, .rounds = rounds, .value = value};
  struct signet_process_specification specification = {
      .image = image,
      .slots = end ? 1 : 0,
      .startup_offset = (uint32_t)(uint64_t)&border,
      .startup_length = sizeof border,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 1 << 20, .threads = 64, .handles = 16, .regions = 16},
      .name = "border",
  };
  struct signet_result child = signet_process_create(&specification);
  if (child.status)
    return 0;
  if ((end && signet_process_grant((uint32_t)child.value, 0, end).status) ||
      signet_process_start((uint32_t)child.value).status)
    return 0;
  return (uint32_t)child.value;
}

static struct signet_ending wait_for(uint32_t child, uint64_t deadline) {
  struct signet_ending ending = {0};
  while (signet_process_wait(child, &ending, deadline).status == SIGNET_INTERRUPTED)
    ;
  return ending;
}

static void say(int good, const char *name) {
  printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
  failures += !good;
}

static const char *finding(uint32_t code) {
  switch (code) {
#define FINDING(number, text)                                                                                          \
  case number:                                                                                                         \
    return text;
    BORDER_FINDINGS(FINDING)
#undef FINDING
  }
  return "its status means nothing";
}

static int is_good(const struct signet_ending *ending) {
  return ending->kind == SIGNET_ENDED_EXIT && ending->code == BORDER_GOOD;
}

static void explain(const struct signet_ending *ending) {
  if (ending->kind == SIGNET_ENDED_EXIT && ending->code != BORDER_GOOD)
    printf("# %s (%u)\n", finding(ending->code), ending->code);
  else
    printf("# it ended with kind %u, code %u, at 0x%x, address 0x%llx\n", ending->kind, ending->code,
           ending->instruction, (unsigned long long)ending->address);
}

static void judge(const struct signet_ending *ending, const char *name) {
  say(is_good(ending), name);
  if (!is_good(ending))
    explain(ending);
}

static void alone(enum border_act act, uint32_t rounds, const char *name) {
  struct signet_ending ending = wait_for(start(act, rounds, 0, 0), SIGNET_NEVER);
  judge(&ending, name);
}

static int open_channel(uint32_t *client, uint32_t *server) {
  struct signet_result made =
      signet_channel_create(&exchange.contract, offsetof(struct exchange, next) + sizeof exchange.next);
  *client = (uint32_t)made.value;
  *server = (uint32_t)(made.value >> 32);
  return made.status == SIGNET_OK;
}

#define SECRET UINT64_C(0x5ec2e75ec2e6) /* odd: floating point control and status are left alone */

/* One that fills its registers, one that looks. `holding`: how long the first computes with them before it waits. */
static void two(uint32_t rounds, uint32_t holding, uint64_t secret, const char *name) {
  uint32_t client, server;
  if (!open_channel(&client, &server)) {
    say(0, name);
    return;
  }
  uint32_t other = start(BORDER_SERVE, holding, secret, server);
  struct signet_ending ending = wait_for(start(BORDER_READ, rounds, 0, client), SIGNET_NEVER);
  judge(&ending, name);
  signet_process_stop(other);
  wait_for(other, SIGNET_NEVER);
}

static void told(uint32_t times) {
  struct signet_ending ending;
  uint32_t child = start(BORDER_EVENTS, times, 20000, 0);
  for (unsigned i = 0;; i++) {
    ending = wait_for(child, now() + 200000 + i % 7 * 100000);
    if (ending.kind != SIGNET_ENDED_NOT)
      break;
    if (i > 3) /* it listens by then; before, an event would end it */
      signet_process_event(child, SIGNET_EVENT_INTERRUPT);
  }
  judge(&ending, "events while it computes, calls and waits leave its registers as they were");
}

/* ---- Return addresses ---- */

static void landings(enum border_act act, const char *name) {
  static const uint64_t beside[] = {0, 1, 5, 16, 31},
                        above[] = {0, UINT64_C(0xffffffff80000000), 0x80000000, UINT64_C(0x1234567800000000)};
  struct signet_ending ending = {0}, bad = {.kind = SIGNET_ENDED_EXIT, .code = BORDER_GOOD};
  uint64_t value = 0;
  for (unsigned i = 0; i < sizeof beside / sizeof *beside; i++)
    for (unsigned j = 0; j < sizeof above / sizeof *above; j++) {
      ending = wait_for(start(act, 0, beside[i] + above[j], 0), SIGNET_NEVER);
      if (!is_good(&ending)) {
        bad = ending;
        value = beside[i] + above[j];
      }
    }
  judge(&bad, name);
  if (!is_good(&bad))
    printf("# with 0x%llx added to the bundle's start\n", (unsigned long long)value);
}

static void outside(enum border_act act, const char *name) {
  static const uint64_t addresses[] = {0x8000,
                                       0xffe0,
                                       0x10000,
                                       0x11000,
                                       0x14007,
                                       0x70000000,
                                       0x7fffffff,
                                       0xfffffff8,
                                       UINT64_C(0xffffffff90300000),
                                       UINT64_MAX,
                                       (uint64_t)1 << 40 | 0x10008};
  int good = 1;
  struct signet_ending ending = {0}, bad = {0};
  uint64_t value = 0;
  for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    ending = wait_for(start(act, 0, addresses[i], 0), SIGNET_NEVER);
    if (ending.kind != SIGNET_ENDED_FAULT || ending.code != SIGNET_FAULT_EXECUTE ||
        ending.instruction != (addresses[i] & 0x7fffffe0)) {
      good = 0;
      bad = ending;
      value = addresses[i];
    }
  }
  say(good, name);
  if (!good) {
    explain(&bad);
    printf("# with 0x%llx\n", (unsigned long long)value);
  }
}

/* ---- A processor that sleeps ---- */

#define WAKES 41
#define SOON 1500000 /* nanoseconds: far less than what is left of the tick, 4 ms, after a sleep */

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* This process never waits once it has sent: only the other processor can answer. Two are asked, since the first is
 * left to whoever woke it. */
static void test_wake(void) {
  static volatile uint32_t word;
  uint32_t client[2], server[2], child[2];
  uint64_t took[WAKES];
  struct signet_message message = {0};
  for (unsigned i = 0; i < 2; i++) {
    if (!open_channel(&client[i], &server[i]) || !(child[i] = start(BORDER_ECHO, 0, 0, server[i]))) {
      say(0, "two children that answer");
      return;
    }
  }
  for (unsigned round = 0; round < WAKES; round++) {
    signet_word_wait(&word, 0, now() + 3000000); /* all sleep; a new tick begins when it ends */
    uint64_t begin = now(), end;
    for (unsigned i = 0; i < 2; i++) {
      message = (struct signet_message){.tag = 0};
      signet_channel_send(client[i], &message);
    }
    do {
      end = now();
    } while (signet_channel_receive(client, 2, &message, sizeof message, 0).status == SIGNET_TIMEOUT &&
             end - begin < 1000000000);
    took[round] = end - begin;
    signet_channel_receive(client, 2, &message, sizeof message, now() + 1000000000);
  }
  /* Not the longest: whatever else runs on the host delays some. */
  qsort(took, WAKES, sizeof *took, compare);
  say(took[WAKES / 4] < SOON, "a sleeping processor takes up work at once");
  printf("# %llu ns\n", (unsigned long long)took[WAKES / 4]);
  for (unsigned i = 0; i < 2; i++) {
    signet_process_stop(child[i]);
    wait_for(child[i], SIGNET_NEVER);
  }
}

int main(int count, char **arguments) {
  image = count > 1 ? child_image(arguments[1]) : 0;
  if (!image) {
    printf("Bail out! the child's image cannot be loaded: %s\n", count > 1 ? arguments[1] : "none named");
    return 1;
  }
  alone(BORDER_CALLS, 50, "calls that return at once");
  alone(BORDER_WAITS, 50, "calls that wait, for time and for another thread");
  two(200, 0, SECRET, "registers of a process that waits are not seen by another");
  two(200, 0, SECRET | 1, "the same where only they differ");
  two(40, 30000, SECRET, "registers of a process that was pre-empted are not seen by another");
  alone(BORDER_THREADS, 12, "thread pointers and floating point control are each thread's own");
  told(40);
  landings(BORDER_RETURN, "a return address beside a bundle's start is cut to it");
  landings(BORDER_RETURN_WAIT, "the same after a wait");
  outside(BORDER_RETURN, "a return address outside the code faults there");
  outside(BORDER_RETURN_WAIT, "the same after a wait");
  struct signet_ending ending = wait_for(start(BORDER_UPSET, 0, 0, 0), SIGNET_NEVER);
  int good = is_good(&ending) || (ending.kind == SIGNET_ENDED_FAULT && ending.code == SIGNET_FAULT_FLOATING_POINT);
  say(good, "an exception that waits in the x87 is the process's own");
  if (!good)
    explain(&ending);
  alone(BORDER_CALLS, 5, "calls that return at once, after all that");
  if (count > 2 && strcmp(arguments[2], "wake") == 0)
    test_wake();
  printf("1..%d\n", tests);
  return failures != 0;
}
