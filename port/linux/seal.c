/* Owns the sealing of the host process: after linux_seal no thread can add executable memory but the loader, and the
 * program's own code and constants can be neither changed nor remapped. Called once, by the thread that starts the
 * system, after all other threads have filtered themselves.
 *
 * Five layers: system call filters on every thread (filter.c; checked, not assumed), PR_SET_MDWE, mseal on the
 * program's own mappings, write seals on the files that sealed code is mapped from, and Landlock (confine.c), because a
 * descriptor of /proc/self/mem would write through the others. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define MSEAL_NUMBER 462 /* Linux 6.10 and later; Debian 12's headers do not name it */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define REFUSE_EXEC_GAIN 1ul

static struct linux_seal_facts facts;

void linux_seal_facts(struct linux_seal_facts *out) { *out = facts; }

struct host_thread {
  enum linux_thread_role role;
  void *(*run)(void *);
  void *argument;
  _Atomic uint32_t ready; /* 1 filtered, 2 failed */
};

static void *host_thread_run(void *argument) {
  struct host_thread *thread = argument;
  void *(*run)(void *) = thread->run;
  void *own = thread->argument;
  bool filtered = linux_confine_thread() && linux_filter_thread(thread->role);
  atomic_store(&thread->ready, filtered ? 1 : 2);
  /* The memory may be another's by now: a wake too many does no harm there. */
  linux_futex_wake(&thread->ready, 1);
  return filtered ? run(own) : NULL;
}

bool linux_host_thread_start(enum linux_thread_role role, void *(*run)(void *), void *argument) {
  struct host_thread thread = {.role = role, .run = run, .argument = argument};
  if (!linux_thread_start(host_thread_run, &thread))
    return false;
  while (atomic_load(&thread.ready) == 0)
    linux_futex_wait(&thread.ready, 0, SIGNET_NEVER);
  return atomic_load(&thread.ready) == 1;
}

/* Every thread of this process must say "Seccomp: 2" of itself. */
static bool all_threads_filtered(void) {
  char self[64] = "";
  /* This thread is filtered last. Its number here is that of the mounted procfs, which may be another name space's. */
  bool all = readlink("/proc/thread-self", self, sizeof self - 1) > 0;
  const char *own = strrchr(self, '/');
  DIR *tasks = opendir("/proc/self/task");
  all = all && own && tasks;
  bool whole = false; /* this thread is in the list, too */
  errno = 0;
  for (struct dirent *entry; all && (entry = readdir(tasks)); errno = 0) {
    if (!isdigit((unsigned char)entry->d_name[0]))
      continue;
    if (strcmp(entry->d_name, own + 1) == 0) {
      whole = true;
      continue;
    }
    char path[64], line[128];
    bool filtered = false;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/status", entry->d_name);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
      filtered = filtered || strcmp(line, "Seccomp:\t2\n") == 0;
    if (status)
      fclose(status);
    all = filtered;
  }
  all = all && whole && errno == 0;
  if (tasks)
    closedir(tasks);
  return all;
}

/* Seals each mapping of a file that cannot be written: code, constants, relocated data. Refuses to go on beside memory
 * that is writable and executable. */
static bool seal_mappings(const char **problem) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  bool good = maps != NULL;
  *problem = "/proc/self/maps cannot be read";
  facts.mseal = true;
  while (good && fgets(line, sizeof line, maps)) {
    unsigned long low, high;
    char protection[8], path[256] = "";
    if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &low, &high, protection, path) < 3)
      continue;
    if (protection[1] == 'w' && protection[2] == 'x') {
      *problem = "this process has memory that is writable and executable";
      good = false;
    }
    bool own = path[0] == '/' && protection[1] != 'w' && strncmp(path, "/memfd:", 7) != 0;
    if (!own || !facts.mseal)
      continue;
    if (syscall(MSEAL_NUMBER, low, high - low, 0ul) == 0) {
      facts.mappings_sealed++;
    } else if (errno == ENOSYS || errno == EPERM) {
      facts.mseal = false;
    } else {
      *problem = "the program's own memory cannot be sealed: the host has no memory left";
      good = false;
    }
  }
  good = good && !ferror(maps);
  if (maps)
    fclose(maps);
  return good;
}

bool linux_seal(const char **problem) {
  int persona = personality(0xffffffff);
  if (persona < 0 || (persona & READ_IMPLIES_EXEC)) {
    *problem = "the host makes readable memory executable (personality READ_IMPLIES_EXEC)";
    return false;
  }
  if (!seal_mappings(problem))
    return false;
  prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0ul, 0ul, 0ul); /* Linux 6.3 and later; the filters do not depend on it */
  if (!all_threads_filtered()) {
    *problem = "a thread of this process has no system call filter";
    return false;
  }
  if (!linux_confine_thread()) {
    *problem = "the host's files cannot be put out of reach (Landlock)";
    return false;
  }
  facts.confined = linux_confined();
  if (!linux_filter_thread(LINUX_THREAD_ORDINARY)) {
    *problem = "the host has no system call filters (seccomp)";
    return false;
  }
  facts.filtered = true;
  return true;
}
