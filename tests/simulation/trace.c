/* Programs of steps as files, run in host processes of their own, and made smaller (trace.h). */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"

#define SECONDS_MOST 20 /* of a program, when it must be hanging */

struct run *run_shared;

void trace_initialise(void) {
  run_shared = mmap(NULL, sizeof *run_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (run_shared == MAP_FAILED)
    abort();
}

void broken(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(run_shared->sentence, sizeof run_shared->sentence, format, arguments);
  va_end(arguments);
  if (told) {
    fprintf(told, "\nbroken: %s\n", run_shared->sentence);
    fflush(told);
  }
  _exit(2);
}

void trace_ended(int status, char sentence[400]) {
  if (*sentence || (WIFEXITED(status) && !WEXITSTATUS(status)))
    return;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    snprintf(sentence, 400, "progress: the kernel does not come to an end of what it does");
  else if (WIFSIGNALED(status))
    snprintf(sentence, 400, "memory: the kernel died of signal %d", WTERMSIG(status));
  else
    snprintf(sentence, 400, "memory: a sanitizer stopped the kernel");
}

static bool next_of(void *context, struct step *step) {
  const struct trace *trace = context;
  if (run_shared->trace.count == trace->count)
    return false;
  *step = trace->step[run_shared->trace.count++];
  if (told)
    fprintf(told, "%4u  ", run_shared->trace.count - 1);
  return true;
}

bool trace_run(const struct trace *trace, char sentence[400], bool in_words) {
  fflush(stdout);
  *run_shared->sentence = 0;
  run_shared->trace.count = 0;
  pid_t child = fork();
  if (!child) {
    alarm(SECONDS_MOST);
    told = in_words ? stdout : NULL;
    if (!in_words && !freopen("/dev/null", "w", stderr))
      _exit(3);
    run_program(trace->processors, 1, next_of, (void *)trace);
    fflush(stdout);
    _exit(0);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child)
    abort();
  memcpy(sentence, run_shared->sentence, 400);
  trace_ended(status, sentence);
  return *sentence;
}

/* ---- Making it smaller ---- */

static time_t end;

static bool still(const struct trace *trace, const char *wanted) {
  char sentence[400];
  return trace_run(trace, sentence, false) && !strcmp(sentence, wanted);
}

static void leave_out(struct trace *trace, const char *sentence) {
  static struct trace less;
  for (uint32_t part = trace->count / 2 ? trace->count / 2 : 1; part; part /= 2)
    for (uint32_t from = 0; from < trace->count && time(NULL) < end;) {
      uint32_t length = part < trace->count - from ? part : trace->count - from;
      less.seed = trace->seed, less.processors = trace->processors, less.count = trace->count - length;
      memcpy(less.step, trace->step, from * sizeof *less.step);
      memcpy(less.step + from, trace->step + from + length, (trace->count - from - length) * sizeof *less.step);
      if (less.count && still(&less, sentence))
        memcpy(trace, &less, offsetof(struct trace, step) + less.count * sizeof *less.step);
      else
        from += length;
    }
}

static void simplify(struct trace *trace, const char *sentence) {
  for (uint32_t i = 0; i < trace->count && time(NULL) < end; i++)
    for (unsigned which = 0; which < 3; which++) {
      struct step kept = trace->step[i], *step = &trace->step[i];
      if (which == 0)
        step->pause = 0;
      else if (which == 1)
        step->fail = 0;
      else
        step->later = 0;
      if (memcmp(&kept, step, sizeof kept) && !still(trace, sentence))
        *step = kept;
    }
}

void trace_minimise(struct trace *trace, const char *sentence, unsigned seconds) {
  end = time(NULL) + seconds;
  for (uint32_t before = 0; before != trace->count && time(NULL) < end;) {
    before = trace->count;
    leave_out(trace, sentence);
    simplify(trace, sentence);
  }
}

/* ---- Files: a line a step ---- */

bool trace_write(const struct trace *trace, const char *sentence, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file)
    return false;
  fprintf(file, "# %s\n# actor, what, pause, fail, salt, later (tests/simulation/simulation.h)\n", sentence);
  fprintf(file, "seed %" PRIu64 " processors %u\n", trace->seed, trace->processors);
  for (uint32_t i = 0; i < trace->count; i++) {
    const struct step *step = &trace->step[i];
    fprintf(file, "%u %u %u %u %u %u\n", step->actor, step->what, step->pause, step->fail, step->salt, step->later);
  }
  return !fclose(file);
}

bool trace_read(struct trace *trace, const char *path) {
  FILE *file = fopen(path, "r");
  char line[200];
  bool good = false;
  trace->count = 0;
  while (file && fgets(line, sizeof line, file)) {
    unsigned actor, what, pause, fail, salt, later;
    if (*line == '#')
      continue;
    if (sscanf(line, "seed %" SCNu64 " processors %u", &trace->seed, &trace->processors) == 2) {
      good = trace->processors && trace->processors <= SIM_CPUS_MOST;
      continue;
    }
    if (sscanf(line, "%u %u %u %u %u %u", &actor, &what, &pause, &fail, &salt, &later) != 6 || actor >= SIM_ACTORS ||
        what > UINT8_MAX || trace->count == STEPS_MOST)
      good = false;
    else
      trace->step[trace->count++] =
          (struct step){(uint8_t)actor, (uint8_t)what, (uint8_t)pause, (uint8_t)fail, salt, later};
  }
  if (file)
    fclose(file);
  return good;
}
