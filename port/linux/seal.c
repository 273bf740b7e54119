/* Owns the sealing of the host process: after linux_seal no thread can add executable memory but the loader, and the
 * program's own code and constants can be neither changed nor remapped. Called once, by the thread that starts the
 * system, after all other threads have filtered themselves.
 *
 * Five layers: system call filters on every thread (checked, not assumed), PR_SET_MDWE, mseal on the program's own
 * mappings, write seals on the files that sealed code is mapped from, and Landlock (confine.c), because a descriptor of
 * /proc/self/mem would write through the others. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

/* What processors and the host program's thread need. Calls whose arguments count are added by add_rules. */
static const int ordinary_calls[] = {
    SCMP_SYS(futex),         SCMP_SYS(rt_sigreturn),
    SCMP_SYS(munmap),        SCMP_SYS(madvise),
    SCMP_SYS(brk),           SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate),     SCMP_SYS(fallocate),
    SCMP_SYS(read),          SCMP_SYS(write),
    SCMP_SYS(writev),        SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),      SCMP_SYS(close),
    SCMP_SYS(lseek),         SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),    SCMP_SYS(fstatfs),
    SCMP_SYS(getdents64),    SCMP_SYS(openat2),
    SCMP_SYS(mkdirat),       SCMP_SYS(unlinkat),
    SCMP_SYS(renameat2),     SCMP_SYS(symlinkat),
    SCMP_SYS(readlinkat),    SCMP_SYS(fchmod),
    SCMP_SYS(utimensat),     SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),     SCMP_SYS(dup),
    SCMP_SYS(poll),          SCMP_SYS(ppoll),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),     SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),   SCMP_SYS(getpid),
    SCMP_SYS(gettid),        SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),   SCMP_SYS(sched_setaffinity),
    SCMP_SYS(timer_settime), SCMP_SYS(arch_prctl),
    SCMP_SYS(mincore),       SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait2),  SCMP_SYS(epoll_ctl),
};

/* What a terminal is asked; not, among others, to take input as if it had been typed (TIOCSTI). */
static const uint32_t terminal_requests[] = {TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ};

/* Of a descriptor; not, among others, F_SETOWN and F_SETSIG, which send any signal to any process of the user. */
static const uint32_t descriptor_requests[] = {F_GETFD, F_GETFL, F_ADD_SEALS};

static const int loader_calls[] = {
    SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
};

/* Of sockets that exist and those that come in over them; what the kernel is told here needs memory (traces). */
static const int control_calls[] = {
    SCMP_SYS(futex), SCMP_SYS(exit),    SCMP_SYS(exit_group),    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    SCMP_SYS(poll),  SCMP_SYS(accept4), SCMP_SYS(getsockopt),    SCMP_SYS(recvfrom),     SCMP_SYS(sendto),
    SCMP_SYS(close), SCMP_SYS(munmap),  SCMP_SYS(clock_gettime),
};

static const struct {
  const int *calls;
  size_t count;
} allowed[LINUX_THREAD_ROLES] = {
    [LINUX_THREAD_ORDINARY] = {ordinary_calls, sizeof ordinary_calls / sizeof *ordinary_calls},
    [LINUX_THREAD_LOADER] = {loader_calls, sizeof loader_calls / sizeof *loader_calls},
    [LINUX_THREAD_CONTROL] = {control_calls, sizeof control_calls / sizeof *control_calls},
};

static bool sockets, sockets_connect;

void linux_seal_allow_sockets(bool connect) {
  sockets = true;
  sockets_connect |= connect;
}

#define ALLOW(filter, ...) (seccomp_rule_add(filter, SCMP_ACT_ALLOW, __VA_ARGS__) == 0)

/* Accepting, and bytes over connections, to nobody but the other side; new ones of TCP only, bound to nothing. */
static bool add_socket_rules(scmp_filter_ctx filter) {
  static const int families[] = {AF_INET, AF_INET6};
  const uint32_t type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  if (sockets && !(ALLOW(filter, SCMP_SYS(accept4), 0) && ALLOW(filter, SCMP_SYS(shutdown), 0) &&
                   ALLOW(filter, SCMP_SYS(recvfrom), 1, SCMP_A4(SCMP_CMP_EQ, 0)) &&
                   ALLOW(filter, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0))))
    return false;
  if (!sockets_connect)
    return true;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (!ALLOW(filter, SCMP_SYS(socket), 3, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)families[i]),
               SCMP_A1_32(SCMP_CMP_EQ, type), SCMP_A2_32(SCMP_CMP_EQ, 0)))
      return false;
  return ALLOW(filter, SCMP_SYS(connect), 0) &&
         ALLOW(filter, SCMP_SYS(setsockopt), 2, SCMP_A1_32(SCMP_CMP_EQ, IPPROTO_TCP),
               SCMP_A2_32(SCMP_CMP_EQ, TCP_NODELAY)) &&
         ALLOW(filter, SCMP_SYS(setsockopt), 2, SCMP_A1_32(SCMP_CMP_EQ, SOL_SOCKET),
               SCMP_A2_32(SCMP_CMP_EQ, SO_KEEPALIVE));
}

static bool add_rules(scmp_filter_ctx filter, enum linux_thread_role role) {
  for (size_t i = 0; i < allowed[role].count; i++)
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[role].calls[i], 0) != 0)
      return false;
  if (role == LINUX_THREAD_LOADER)
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_EQ, PROT_READ | PROT_EXEC),
                            SCMP_A3(SCMP_CMP_EQ, MAP_SHARED | MAP_FIXED)) == 0;
  if (role == LINUX_THREAD_ORDINARY) {
    for (size_t i = 0; i < sizeof terminal_requests / sizeof *terminal_requests; i++)
      if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1_32(SCMP_CMP_EQ, terminal_requests[i])) !=
          0)
        return false;
    for (size_t i = 0; i < sizeof descriptor_requests / sizeof *descriptor_requests; i++)
      if (!ALLOW(filter, SCMP_SYS(fcntl), 1, SCMP_A1_32(SCMP_CMP_EQ, descriptor_requests[i])))
        return false;
    if (!add_socket_rules(filter))
      return false;
    /* Signals to this process only. */
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid())) != 0)
      return false;
  }
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
         seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) ==
             0;
}

/* The filter as a program, made once for each kind; NULL on failure. Called by one thread at a time. */
static struct sock_fprog *filter_program(enum linux_thread_role role) {
  static struct sock_fprog programs[LINUX_THREAD_ROLES];
  static _Atomic uint32_t mutex;
  struct sock_fprog *program = &programs[role];
  struct sock_fprog *made = NULL;
  linux_mutex_lock(&mutex);
  if (program->filter) {
    made = program;
    goto unlock;
  }
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (!filter)
    goto unlock;
  int file = memfd_create("signet-filter", MFD_CLOEXEC);
  if (file < 0)
    goto release;
  if (!add_rules(filter, role) || seccomp_export_bpf(filter, file) != 0)
    goto close_file;
  off_t length = lseek(file, 0, SEEK_END);
  void *code = mmap(NULL, (size_t)length, PROT_READ, MAP_PRIVATE, file, 0);
  if (length <= 0 || code == MAP_FAILED)
    goto close_file;
  program->len = (unsigned short)((size_t)length / sizeof(struct sock_filter));
  program->filter = code;
  made = program;
close_file:
  close(file);
release:
  seccomp_release(filter);
unlock:
  linux_mutex_unlock(&mutex);
  return made;
}

bool linux_filter_thread(enum linux_thread_role role) {
  struct sock_fprog *program = filter_program(role);
  return program && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) == 0;
}

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
  for (struct dirent *entry; all && (entry = readdir(tasks));) {
    if (!isdigit((unsigned char)entry->d_name[0]))
      continue;
    if (strcmp(entry->d_name, own + 1) == 0)
      continue;
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
    if (syscall(MSEAL_NUMBER, low, high - low, 0ul) == 0)
      facts.mappings_sealed++;
    else
      facts.mseal = false;
  }
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
