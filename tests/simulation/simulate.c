/* Random programs of kernel calls on a simulated platform, each from a seed; what they break is printed as a minimised
 * trace. `simulate --help` says how it is used. */
#include <getopt.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/figures.h"
#include "trace.h"

#define AT_ONCE 200 /* programs of one host process */

static uint64_t calls_wanted = 1000000, seed = 1;
static unsigned steps = 4000, often = 1, seconds_minimise = 60;
static const char *keep = "simulation.trace";
static bool counts;
static const char *program; /* as it was called: each build pauses at other points */

static const char help[] =
    "usage: simulate [--calls N] [--seed S] [--steps N] [--often N] [--keep FILE] [--counts]\n"
    "       simulate --replay FILE | --program S\n"
    "Runs random programs of N kernel calls in all (1,000,000), of 4,000 steps each, from seed S on (1), and checks "
    "the\n"
    "invariants after every 8th step. What breaks one is made as small as it can be, printed and kept in FILE\n"
    "(simulation.trace). --replay runs such a file, --program the program of one seed: checked after each step, in "
    "words.\n"
    "Ends with 0: nothing was found; 1: something was; 2: wrong usage.\n";

struct generator {
  struct random random;
  unsigned left;
};

static bool next_random(void *context, struct step *step) {
  struct generator *generator = context;
  struct trace *trace = &run_shared->trace;
  if (!generator->left--)
    return false;
  random_step(&generator->random, step);
  if (told)
    fprintf(told, "%4u  ", trace->count);
  trace->step[trace->count++] = *step;
  return true;
}

static uint32_t processors_of(uint64_t number) { return 1 + (uint32_t)(number * 7 / 3 % 4); }

static void one_program(uint64_t number, unsigned check_often) {
  struct generator generator = {.random = {number * 1000003}, .left = steps};
  run_shared->trace.seed = number;
  run_shared->trace.processors = processors_of(number);
  run_shared->trace.count = 0;
  run_program(processors_of(number), check_often, next_random, &generator);
}

static uint64_t sum_of(const uint64_t *numbers) {
  uint64_t sum = 0;
  for (unsigned i = 0; i <= SIGNET_CALL_COUNT; i++)
    sum += numbers[i];
  return sum;
}

/* In a host process of its own. */
static void some_programs(uint64_t first) {
  for (uint64_t number = first; number < first + AT_ONCE && run_shared->calls + sum_of(calls_made) < calls_wanted;
       number++) {
    alarm(60);
    one_program(number, often);
    run_shared->programs++;
    run_shared->steps += steps;
  }
  run_shared->calls += sum_of(calls_made);
  for (unsigned i = 0; i <= SIGNET_CALL_COUNT; i++) {
    run_shared->made[i] += calls_made[i];
    run_shared->fine[i] += calls_fine[i];
  }
  run_shared->pauses += pauses;
  run_shared->failures += failures_injected;
  run_shared->deaths += deaths;
  run_shared->checks += checks;
  run_shared->contended += lock_contended;
  run_shared->accesses += accesses;
  run_shared->accesses_unlocked += accesses_unlocked;
  _exit(0);
}

static void tell_failure(const char *sentence) {
  static struct trace trace;
  char first[400], again[400];
  memcpy(&trace, &run_shared->trace, sizeof trace);
  printf("# seed %" PRIu64 ", %u processors, step %u: %s\n", trace.seed, trace.processors, trace.count, sentence);
  snprintf(first, sizeof first, "%s", sentence);
  uint32_t all = trace.count;
  if (!trace_run(&trace, first, false)) {
    snprintf(first, sizeof first, "%s", sentence);
    printf("# it does not come again in a host process of its own\n");
  } else {
    trace.count = run_shared->trace.count ? run_shared->trace.count : trace.count;
    trace_minimise(&trace, first, seconds_minimise);
    printf("# minimised from %u to %u steps; checked after each: %s\n", all, trace.count, first);
    trace_run(&trace, again, true);
  }
  if (trace_write(&trace, first, keep))
    printf("# kept in %s; it is replayed by: %s --replay %s\n", keep, program, keep);
}

static int search(void) {
  bool terminal = isatty(2);
  time_t begin = time(NULL);
  for (uint64_t next = seed; run_shared->calls < calls_wanted; next += AT_ONCE) {
    fflush(stdout);
    *run_shared->sentence = 0;
    pid_t child = fork();
    if (!child)
      some_programs(next);
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
      abort();
    char sentence[400];
    memcpy(sentence, run_shared->sentence, sizeof sentence);
    trace_ended(status, sentence);
    if (*sentence) {
      printf("not ok 1 - random programs of kernel calls break no invariant\n");
      tell_failure(sentence);
      printf("1..1\n");
      return 1;
    }
    if (terminal)
      fprintf(stderr, "\r%" PRIu64 " kernel calls, %lds ", run_shared->calls, (long)(time(NULL) - begin));
  }
  if (terminal)
    fprintf(stderr, "\n");
  return 0;
}

static const char *const names[] = {
#define NAME(number, name, arguments) [number] = #name,
    SIGNET_CALLS(NAME)
#undef NAME
};

/* Every call was made, and succeeded at times: the programs are not all nonsense. */
static bool all_made(void) {
  bool good = true;
  for (unsigned i = 0; i < SIGNET_CALL_COUNT; i++) {
    bool never = i == SIGNET_CALL_process_exit || i == SIGNET_CALL_thread_exit || i == SIGNET_CALL_event_return;
    if (counts)
      printf("# %-24s %12s made %12s succeeded\n", names[i], thousands(run_shared->made[i]),
             thousands(run_shared->fine[i]));
    if (run_shared->made[i] < 5 || (run_shared->fine[i] < 5 && !never)) {
      printf("# %s: made %" PRIu64 " times, succeeded %" PRIu64 " times\n", names[i], run_shared->made[i],
             run_shared->fine[i]);
      good = false;
    }
  }
  return good;
}

static void tell_counts(double spent) {
  const struct run *run = run_shared;
  printf(
      "record: %s kernel calls in %s random programs on 1 to 4 simulated processors, seeds from %s, and no invariant "
      "was broken\n",
      thousands(run->calls), thousands(run->programs), thousands(seed));
  printf("record: %s steps; the invariants were checked %s times, %s whenever nobody had the kernel's lock\n",
         thousands(run->steps), thousands(run->checks), often > 1 ? "now and then" : "after each of them,");
  printf("record: %s times somebody was stopped inside the kernel while others acted; %s times somebody waited for its "
         "lock\n",
         thousands(run->pauses), thousands(run->contended));
  printf("record: %s requests for memory were made to fail; %s processes died\n", thousands(run->failures),
         thousands(run->deaths));
  if (watching)
    printf("record: %s accesses to memory were looked at, %s of them without the lock, and none of these was to what "
           "others can reach\n",
           thousands(run->accesses), thousands(run->accesses_unlocked));
  printf("# %.2f million kernel calls a minute of processor time\n", (double)run->calls / 1e6 / (spent / 60));
}

/* Of this process and those it ran, seconds. */
static double processor_time(void) {
  struct rusage self, children;
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  const struct timeval *times[] = {&self.ru_utime, &self.ru_stime, &children.ru_utime, &children.ru_stime};
  double seconds = 0;
  for (unsigned i = 0; i < 4; i++)
    seconds += (double)times[i]->tv_sec + (double)times[i]->tv_usec / 1e6;
  return seconds;
}

int main(int count, char **arguments) {
  static const struct option options[] = {{"calls", required_argument, NULL, 'c'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"steps", required_argument, NULL, 'n'},
                                          {"often", required_argument, NULL, 'o'},
                                          {"keep", required_argument, NULL, 'k'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {"program", required_argument, NULL, 'p'},
                                          {"counts", no_argument, NULL, 'C'},
                                          {"minimise", required_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  setvbuf(stdout, NULL, _IOLBF, 0);
  program = arguments[0];
  trace_initialise();
  static struct trace trace;
  char sentence[400];
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    uint64_t number = optarg ? strtoull(optarg, NULL, 0) : 0;
    switch (option) {
    case 'c':
      calls_wanted = number;
      break;
    case 's':
      seed = number;
      break;
    case 'n':
      steps = number && number <= STEPS_MOST ? (unsigned)number : STEPS_MOST;
      break;
    case 'o':
      often = number ? (unsigned)number : 1;
      break;
    case 'k':
      keep = optarg;
      break;
    case 'm':
      seconds_minimise = (unsigned)number;
      break;
    case 'C':
      counts = true;
      break;
    case 'r':
      if (!trace_read(&trace, optarg)) {
        fprintf(stderr, "simulate: %s is not a trace of this program\n", optarg);
        return 2;
      }
      if (!trace_run(&trace, sentence, true))
        return 0;
      printf("broken: %s\n", sentence);
      return 1;
    case 'p':
      told = stdout;
      one_program(number, 1);
      return 0;
    case 'h':
      fputs(help, stdout);
      return 0;
    default:
      fputs(help, stderr);
      return 2;
    }
  }
  int found = search();
  if (found)
    return found;
  bool good = all_made();
  tell_counts(processor_time());
  printf("%s 1 - random programs of kernel calls break no invariant, and every call succeeds at times\n1..1\n",
         good ? "ok" : "not ok");
  return !good;
}
