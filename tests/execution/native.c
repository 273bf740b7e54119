/* The native executor: runs random programs that the verifier accepts, in a child process, and fails if one of them
 * reaches outside its window, runs what was not verified, or leaves state that it must not touch. --help says how it is
 * used. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/execution/escapes.h"
#include "tests/execution/machine.h"
#include "tests/execution/watch.h"
#include "tests/lib/figures.h"

enum { BATCH = 1024, CHILD_MOST = 100000, STALL_SECONDS = 60, CONTROLS = 3000, COUNT = 100000, STEP_EVERY = 128 };

struct counts {
  uint64_t generated, near, refused, lacking; /* lacking: a near miss that needs a feature that is not here */
  uint64_t run, near_run, stepped, steps, ticks, faults, calls, returns;
  uint64_t ends[MACHINE_ENDS + 1];
};

/* Written by the child, read by the parent. */
static struct shared {
  volatile uint64_t seed;  /* the program that runs now */
  volatile uint64_t first; /* of those that the memory was not looked through after */
  struct counts counts;
  volatile bool finished, failed, harmed;
  volatile uint64_t noticed, controls;
} * shared;

static MACHINE_STATE struct {
  struct program program;
  struct program_start start;
  struct machine_result result;
  struct machine_options options;
  uint64_t seed, end;
} now;

static uint32_t features;
static bool trace, record, terminal;
static volatile uint64_t victim = 1; /* what the last control writes to */

static void print_failure(const char *why) {
  const uint64_t *r = now.result.registers;
  printf("# %s (%#llx)\n# program %llu%s; again: native --seed %llu --trace\n", why,
         (unsigned long long)now.result.address, (unsigned long long)now.program.seed,
         now.program.seed & 1 ? ", a near miss" : "", (unsigned long long)now.program.seed);
  static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
                                      "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "flags"};
  for (int i = 0; i < MACHINE_REGISTERS; i++)
    printf("%s%5s %016llx%s", i % 4 ? " " : "#  ", names[i], (unsigned long long)r[i],
           i % 4 == 3 || i == MACHINE_REGISTERS - 1 ? "\n" : "");
  watch_print_all();
  fflush(stdout);
}

/* The program of a seed: every odd one a near miss of the one that it would be. -> true if it is to be run. */
static bool make_program(uint64_t seed) {
  program_generate(&now.program, &now.start, seed, features);
  return !(seed & 1) || program_near_miss(&now.program, seed);
}

static void count_run(uint64_t seed) {
  struct counts *counts = &shared->counts;
  counts->run++;
  counts->near_run += seed & 1;
  counts->stepped += now.options.step;
  counts->steps += now.result.steps;
  counts->ticks += now.result.ticks;
  counts->faults += now.result.faults;
  counts->calls += now.result.calls;
  counts->returns += now.result.returns;
  counts->ends[now.result.end]++;
}

/* -> false: a program did what it must not. */
static bool run_seed(uint64_t seed) {
  shared->seed = seed;
  bool accepted = make_program(seed);
  shared->counts.generated++;
  shared->counts.near += seed & 1;
  if (!accepted) {
    shared->counts.refused++;
    return true;
  }
  if (now.program.features & ~features) {
    shared->counts.lacking++;
    return true;
  }
  now.options = (struct machine_options){.step = seed / 2 % STEP_EVERY == 0, .trace = trace};
  machine_run(&now.program, &now.start, &now.options, ~seed, &now.result);
  count_run(seed);
  if (now.result.failure) {
    print_failure(now.result.failure);
    return false;
  }
  return true;
}

/* Programs, and then a look at all other memory. */
static bool __attribute__((noinline)) run_batch(uint64_t end) {
  uint64_t before = machine_sum(__builtin_frame_address(0));
  shared->first = now.seed;
  for (; now.seed < end; now.seed++)
    if (!run_seed(now.seed))
      return false;
  if (trace || machine_sum(__builtin_frame_address(0)) == before) /* printing changes memory */
    return true;
  shared->harmed = true;
  printf("# memory outside the window was written by one of the programs %llu to %llu\n",
         (unsigned long long)shared->first, (unsigned long long)end - 1);
  fflush(stdout);
  return false;
}

static _Noreturn void child_open(void) {
  printf("Bail out! the native executor cannot run here\n");
  fflush(stdout);
  _exit(4);
}

static _Noreturn void child_programs(uint64_t from, uint64_t end, uint64_t batch) {
  if (!machine_open())
    child_open();
  now.seed = from;
  while (now.seed < end) {
    now.end = end - now.seed < batch ? end : now.seed + batch;
    if (!run_batch(now.end)) {
      shared->failed = true;
      _exit(1);
    }
  }
  fflush(stdout);
  shared->finished = true;
  _exit(0);
}

/* Programs that the verifier refused: run to see that the executor notices what they do. */
static _Noreturn void child_controls(uint64_t from, uint64_t most) {
  if (!machine_open())
    child_open();
  for (now.seed = from | 1; shared->controls < most; now.seed += 2) {
    shared->seed = now.seed;
    if (make_program(now.seed) || (now.program.features & ~features))
      continue;
    shared->controls++;
    now.options = (struct machine_options){.step = now.seed / 2 % 2};
    machine_run(&now.program, &now.start, &now.options, ~now.seed, &now.result);
    shared->noticed += now.result.failure != NULL;
  }
  shared->finished = true;
  _exit(0);
}

static void show_progress(uint64_t done, uint64_t count) {
  if (terminal)
    fprintf(stderr, "\r%llu of %llu programs ", (unsigned long long)done, (unsigned long long)count);
}

/* Waits for a child; one that stands still is ended. -> its wait status. */
static int wait_child(pid_t child, uint64_t count) {
  uint64_t last = UINT64_MAX;
  int status, still = 0;
  for (;;) {
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child)
      return status;
    if (ended < 0 && errno != EINTR)
      return -1;
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    still = shared->seed == last ? still + 1 : 0;
    if (shared->seed != last && still == 0)
      show_progress(shared->counts.generated, count);
    last = shared->seed;
    if (still > STALL_SECONDS * 100) {
      printf("# program %llu does not come to an end\n", (unsigned long long)shared->seed);
      kill(child, SIGKILL);
      still = 0;
    }
  }
}

static pid_t fork_child(void) {
  fflush(stdout);
  shared->finished = shared->failed = shared->harmed = false;
  pid_t child = fork();
  if (child == 0)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  return child;
}

/* -> false: a program was found that does what it must not. */
static bool run_programs(uint64_t from, uint64_t count) {
  uint64_t end = from + count, batch = BATCH;
  while (from < end) {
    uint64_t next = end - from > CHILD_MOST ? from + CHILD_MOST : end;
    pid_t child = fork_child();
    if (child == 0)
      child_programs(from, next, batch);
    int status = wait_child(child, count);
    if (status == 0 && shared->finished) {
      from = next;
      continue;
    }
    if (shared->harmed && batch > 1) { /* which of them it was */
      from = shared->first;
      end = from + BATCH;
      batch = 1;
      continue;
    }
    if (!shared->failed)
      printf("# the executor itself was ended (status %#x) by program %llu; again: native --seed %llu --trace\n",
             status, (unsigned long long)shared->seed, (unsigned long long)shared->seed);
    return false;
  }
  return batch == BATCH;
}

/* ---- The proof that it can notice ---- */

static int test_number;
static bool all_well = true;

static void ok(bool condition, const char *name) {
  all_well &= condition;
  printf("%sok %d - %s\n", condition ? "" : "not ", ++test_number, name);
}

/* -> true if the executor noticed. */
static bool try_escape(const struct escape *escape, bool step) {
  pid_t child = fork_child();
  if (child == 0) {
    if (!machine_open())
      child_open();
    escape_make(escape, &now.program, &now.start);
    now.options = (struct machine_options){.step = step, .patient = true};
    machine_run(&now.program, &now.start, &now.options, 1, &now.result);
    _exit(now.result.failure ? 1 : 0);
  }
  int status = wait_child(child, 1);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static bool __attribute__((noinline)) write_is_noticed(void) {
  uint64_t before = machine_sum(__builtin_frame_address(0));
  machine_run(&now.program, &now.start, &now.options, 1, &now.result);
  return machine_sum(__builtin_frame_address(0)) != before;
}

/* A write to memory of the executor: nothing faults, only the sum tells. */
static bool try_write(void) {
  pid_t child = fork_child();
  if (child == 0) {
    static const struct escape writes = {.length = 5, .code = {0x48, 0x83, 0x00, 0x01, 0xcc}};
    if (!machine_open())
      child_open();
    escape_make(&writes, &now.program, &now.start);
    now.options.step = true; /* no timer, which could end it before */
    now.start.general[0] = (uint64_t)&victim;
    _exit(write_is_noticed() ? 1 : 0);
  }
  int status = wait_child(child, 1);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void run_escapes(void) {
  for (int i = 0; i < escape_count; i++) {
    char name[160];
    snprintf(name, sizeof name, "refused by the verifier, and noticed when it runs: %s", escapes[i].name);
    bool alone = try_escape(&escapes[i], false), stepped = try_escape(&escapes[i], true);
    escape_make(&escapes[i], &now.program, &now.start);
    bool refused = !watch_program(&now.program);
    ok(alone && stepped && refused, name);
  }
  ok(try_write(), "noticed: a write to memory of the executor");
}

static void run_controls(uint64_t from, uint64_t most) {
  uint64_t deaths = 0;
  shared->controls = shared->noticed = 0;
  shared->seed = from;
  for (;;) {
    pid_t child = fork_child();
    if (child == 0)
      child_controls(shared->seed + 2, most);
    if (wait_child(child, most) == 0 && shared->finished)
      break;
    deaths++;
  }
  printf("# of %llu refused near misses that were run all the same, %llu were noticed, and %llu ended the executor\n",
         (unsigned long long)shared->controls, (unsigned long long)shared->noticed, (unsigned long long)deaths);
  ok(shared->noticed > most / 50, "near misses that the verifier refuses are noticed when they are run");
}

static void print_counts(double seconds) {
  const struct counts *c = &shared->counts;
  const char *head = record ? "record: " : "# ";
  printf("%s%s programs and near misses made; %s near misses refused by the verifier\n", head, thousands(c->generated),
         thousands(c->refused));
  printf("%s%s programs run natively, %s of them near misses that the verifier accepts; none did what it must not\n",
         head, thousands(c->run), thousands(c->near_run));
  printf("%s%s instructions looked at one by one, in %s programs; %s pre-emptions by the timer, %s set back in a "
         "masked return\n",
         head, thousands(c->steps), thousands(c->stepped), thousands(c->ticks), thousands(c->returns));
  printf("%s%s faults inside the window, after which the program went on; %s calls through the entry table\n", head,
         thousands(c->faults), thousands(c->calls));
  printf("# ended by: faults %llu, calls %llu, the timer %llu, steps %llu, their own end %llu; %llu near misses need "
         "what this processor "
         "lacks\n",
         (unsigned long long)c->ends[MACHINE_FAULTS], (unsigned long long)c->ends[MACHINE_CALLS],
         (unsigned long long)c->ends[MACHINE_TICKS], (unsigned long long)c->ends[MACHINE_STEPS],
         (unsigned long long)c->ends[MACHINE_ENDS], (unsigned long long)c->lacking);
  printf("# %.1f s, %.0f programs a second\n", seconds, (double)c->generated / seconds);
}

static double seconds_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static const char help[] = "usage: native [--count N] [--from N] [--seed N] [--trace] [--record]\n"
                           "Runs random programs that the verifier accepts, and watches them. Prints TAP; exit status "
                           "0 if none escaped, else 1.\n"
                           "  --count N   so many programs (100000); of the odd seeds, near misses\n"
                           "  --from N    the first one's seed (0)\n"
                           "  --seed N    only the program of that seed\n"
                           "  --trace     prints each instruction that it runs (with --seed)\n"
                           "  --record    prints what was counted for docs/record.txt, without the controls\n";

int main(int argc, char **argv) {
  static const struct option options[] = {{"count", required_argument, 0, 'c'},
                                          {"from", required_argument, 0, 'f'},
                                          {"seed", required_argument, 0, 's'},
                                          {"trace", no_argument, 0, 't'},
                                          {"record", no_argument, 0, 'r'},
                                          {"help", no_argument, 0, 'h'},
                                          {0}};
  uint64_t count = COUNT, from = 0;
  bool one = false;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
    switch (option) {
    case 'c':
      count = strtoull(optarg, NULL, 0);
      break;
    case 'f':
      from = strtoull(optarg, NULL, 0);
      break;
    case 's':
      from = strtoull(optarg, NULL, 0);
      count = 1;
      one = true;
      break;
    case 't':
      trace = true;
      break;
    case 'r':
      record = true;
      break;
    case 'h':
      fputs(help, stdout);
      return 0;
    default:
      fputs(help, stderr);
      return 2;
    }
  }
  terminal = isatty(STDERR_FILENO);
  features = machine_features();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    perror("native: no shared memory");
    return 2;
  }
  if (!machine_possible()) {
    printf("1..0 # SKIP the native executor needs a processor and a kernel with wrgsbase\n");
    return record;
  }
  bool controls = !one && !record;
  printf("1..%d\n", controls ? escape_count + 3 : 1);
  if (controls) {
    run_escapes();
    run_controls(from, CONTROLS);
  }
  double begin = seconds_now();
  memset(&shared->counts, 0, sizeof shared->counts);
  ok(run_programs(from, count), "no program that the verifier accepts did what it must not");
  if (terminal)
    fprintf(stderr, "\r\033[K");
  if (all_well)
    print_counts(seconds_now() - begin);
  return !all_well;
}
