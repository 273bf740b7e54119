/* Starts hostile_child.c over and over, each time with another act, and checks how it ends and that nothing else is
 * harmed: this process's memory, what it lent, a bystander that computes all the while. Runs on every port. Arguments:
 * the child's image; rounds of the sweep. Prints TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/calls.h>

#include "tests/child.h"
#include "tests/pc/hostile.h"

static int tests, failures;
static uint32_t image;

static uint32_t start(const struct hostile *hostile) {
  struct signet_process_specification specification = {
      .image = image,
      .startup_offset = (uint32_t)(uint64_t)hostile,
      .startup_length = sizeof *hostile,
      .stack = 16 * SIGNET_PAGE,
      .quota = {.memory = 1 << 20, .threads = 2, .handles = 16, .regions = 16},
      .name = "hostile",
  };
  struct signet_result child = signet_process_create(&specification);
  if (child.status || signet_process_start((uint32_t)child.value).status)
    return 0;
  return (uint32_t)child.value;
}

static struct signet_ending end(uint32_t child) {
  struct signet_ending ending = {0};
  while (signet_process_wait(child, &ending, SIGNET_NEVER).status == SIGNET_INTERRUPTED)
    ;
  return ending;
}

static void judge(int good, const struct signet_ending *ending, const char *kind, const char *name) {
  printf("%sok %d - %s%s\n", good ? "" : "not ", ++tests, kind, name);
  if (!good)
    printf("# it ended with kind %u, code %u, at 0x%x, address 0x%llx\n", ending->kind, ending->code,
           ending->instruction, (unsigned long long)ending->address);
  failures += !good;
}

/* It ends by that fault. */
static void faults(uint32_t act, uint64_t stack, uint32_t fault, const char *kind, const char *name) {
  struct hostile hostile = {.act = act, .stack = stack, .times = 1};
  struct signet_ending ending = end(start(&hostile));
  judge(ending.kind == SIGNET_ENDED_FAULT && ending.code == fault, &ending, kind, name);
}

/* It ends by itself, with that status. */
static void ends(uint32_t act, uint64_t stack, uint64_t times, uint32_t code, const char *kind, const char *name) {
  struct hostile hostile = {.act = act, .stack = stack, .times = times};
  struct signet_ending ending = end(start(&hostile));
  judge(ending.kind == SIGNET_ENDED_EXIT && ending.code == code, &ending, kind, name);
}

static const struct {
  uint64_t stack;
  const char *name;
} stacks[] = {
    {0, "at the window's start"},
    {8, "in the low guard"},
    {0xfff8, "at the low guard's end"},
    {0x10000, "at the entry table"},
    {0x10ff8, "at the entry table's end"},
    {0x14000, "where nothing is"},
    {0x20000, "in its code"},
    {0xbffff000, "at the top of its area"},
    {0xfffeff00, "at the top of the blocks"},
    {0xffff0000, "in the high guard"},
    {0xfffffff8, "at the window's end"},
    {0xffffffff, "at the window's last byte"},
};
#define STACKS (sizeof stacks / sizeof *stacks)

static void test_stacks(void) {
  for (size_t i = 0; i < STACKS; i++) {
    faults(HOSTILE_LEAVE, stacks[i].stack, SIGNET_FAULT_STACK, "a kernel call with its stack ", stacks[i].name);
    faults(HOSTILE_CALL, stacks[i].stack, SIGNET_FAULT_WRITE, "a call with its stack ", stacks[i].name);
    ends(HOSTILE_SPIN, stacks[i].stack, 20000, 7, "computing with its stack ", stacks[i].name);
  }
  ends(HOSTILE_LEAVE_WRITABLE, 0, 0, 42, "a kernel call by a jump", "");
  faults(HOSTILE_LEAVE_READ_ONLY, 0, SIGNET_FAULT_STACK, "a kernel call with its stack ", "in read-only data");
}

/* The event's frame is the kernel's; where the handler then stands its own stack decides. */
static void test_events(void) {
  for (size_t i = 0; i < STACKS; i++) {
    struct hostile hostile = {.act = HOSTILE_EVENT, .stack = stacks[i].stack};
    uint32_t child = start(&hostile);
    for (int turn = 0; turn < 200; turn++) /* it gets to its loop */
      signet_thread_yield();
    usleep(10000);
    signet_process_event(child, SIGNET_EVENT_INTERRUPT);
    struct signet_ending ending = end(child);
    judge(ending.kind == SIGNET_ENDED_FAULT || (ending.kind == SIGNET_ENDED_EXIT && ending.code == 43) ||
              ending.kind == SIGNET_ENDED_SIGNAL,
          &ending, "an event with its stack ", stacks[i].name);
  }
}

static void test_memory(void) {
  static const struct {
    uint64_t at;
    const char *name;
  } refused[] = {{0, "the low guard"},
                 {0xffff, "the low guard's last byte"},
                 {0x10000, "the entry table"},
                 {0x10fff, "the entry table's last byte"},
                 {0x12000, "the hole after it"},
                 {0x20000, "its own code"},
                 {0xffff0000, "the high guard"},
                 {0xffffffff, "the window's last byte"},
                 {0xc0000000, "a block that is not there"}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    faults(HOSTILE_WRITE, refused[i].at, SIGNET_FAULT_WRITE, "writing ", refused[i].name);
  faults(HOSTILE_READ, 0x8000, SIGNET_FAULT_READ, "reading ", "the low guard");
  faults(HOSTILE_READ, 0xffff8000, SIGNET_FAULT_READ, "reading ", "the high guard");
  ends(HOSTILE_READ, 0x10000, 0, 7, "reading ", "the entry table");
  faults(HOSTILE_JUMP, 0x10000, SIGNET_FAULT_EXECUTE, "a jump to ", "the entry table");
  faults(HOSTILE_JUMP, 0x11000, SIGNET_FAULT_EXECUTE, "a jump to ", "the thread page");
  faults(HOSTILE_JUMP, 0, SIGNET_FAULT_EXECUTE, "a jump to ", "the low guard");
}

/* Several at once, each with its own pattern and rounding, and on every processor. */
static void test_vectors(uint64_t times) {
  uint32_t child[5];
  struct hostile hostile = {.act = HOSTILE_VECTORS, .times = times};
  for (size_t i = 0; i < sizeof child / sizeof *child; i++) {
    hostile.stack = (i + 1) * UINT64_C(0x0000111100000101) + i;
    child[i] = start(&hostile);
  }
  for (size_t i = 0; i < sizeof child / sizeof *child; i++) {
    struct signet_ending ending = end(child[i]);
    judge(ending.kind == SIGNET_ENDED_EXIT && ending.code == 7, &ending,
          "its vector registers are its own: ", (const char *[]){"first", "second", "third", "fourth", "fifth"}[i]);
  }
}

int main(int count, char **arguments) {
  static uint8_t canary[1 << 16];
  struct signet_usage before, after;
  uint64_t rounds = count > 2 ? strtoull(arguments[2], NULL, 0) : 100000;
  int all = count < 4 || strcmp(arguments[3], "sweep") != 0;
  for (size_t i = 0; i < sizeof canary; i++)
    canary[i] = (uint8_t)(i * 13);
  image = count > 1 ? child_image(arguments[1]) : 0;
  if (!image) {
    printf("Bail out! the child's image cannot be loaded\n");
    return 1;
  }
  if (all)
    test_memory();
  fflush(stdout); /* what writing needs is there from here on */
  signet_process_usage(&before);
  struct hostile bystander = {.act = HOSTILE_SWEEP, .times = rounds};
  uint32_t standing_by = start(&bystander);
  ends(HOSTILE_NOTHING, 0, 0, 7, "a child that does nothing", "");
  if (all) {
    test_stacks();
    test_events();
  }
  test_vectors(rounds / 20);
  struct signet_ending ending = end(standing_by);
  judge(ending.kind == SIGNET_ENDED_EXIT && ending.code == 7, &ending, "the bystander counted right", "");
  ends(HOSTILE_SWEEP, 0, rounds, 7, "and so when it is alone", "");
  ends(HOSTILE_RETURN, 0, 20 * rounds, 7, "another thread writes over its return addresses", "");
  int intact = 1;
  for (size_t i = 0; i < sizeof canary; i++)
    intact &= canary[i] == (uint8_t)(i * 13);
  signet_process_usage(&after);
  judge(intact, &ending, "the parent's memory is as it was", "");
  int back = before.used.memory == after.used.memory && before.used.handles == after.used.handles &&
             before.used.threads == after.used.threads && before.used.processes == after.used.processes;
  judge(back, &ending, "everything lent has come back", "");
  if (!back)
    printf("# memory %llu before, %llu after; handles %u, %u; processes %u, %u\n",
           (unsigned long long)before.used.memory, (unsigned long long)after.used.memory, before.used.handles,
           after.used.handles, before.used.processes, after.used.processes);
  printf("1..%d\n", tests);
  return failures != 0;
}
