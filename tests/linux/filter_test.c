/* The system call filters of port/linux, judged from outside: an interpreter of this test's own runs each program over
 * every call, and over arguments at and around those that count. The verdicts are compared with those of a filter that
 * libseccomp makes from this test's own list; and in a process under the filter Linux itself refuses what it must. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "port/linux/linux.h"
#include "tests/lib/tap.h"

#define CALLS 600
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define BROKEN 0x12345678 /* not what any filter answers */

/* ---- An interpreter ---- */

/* Of classic BPF what Linux takes in a filter. */
static uint32_t run(const struct sock_filter *code, uint32_t length, const struct seccomp_data *data) {
  uint32_t a = 0, x = 0, memory[16] = {0};
  for (uint32_t at = 0; at < length; at++) {
    const struct sock_filter *now = &code[at];
    uint32_t operand = BPF_SRC(now->code) == BPF_X ? x : now->k;
    bool holds = false;
    switch (BPF_CLASS(now->code)) {
    case BPF_LD:
      if (now->code == (BPF_LD | BPF_W | BPF_ABS) && now->k % 4 == 0 && now->k < sizeof *data)
        memcpy(&a, (const uint8_t *)data + now->k, 4);
      else if (now->code == (BPF_LD | BPF_IMM))
        a = now->k;
      else if (now->code == (BPF_LD | BPF_MEM) && now->k < 16)
        a = memory[now->k];
      else
        return BROKEN;
      break;
    case BPF_ST:
      if (now->k >= 16)
        return BROKEN;
      memory[now->k] = a;
      break;
    case BPF_ALU:
      if (BPF_OP(now->code) != BPF_AND)
        return BROKEN;
      a &= operand;
      break;
    case BPF_MISC:
      *(BPF_MISCOP(now->code) == BPF_TAX ? &x : &a) = BPF_MISCOP(now->code) == BPF_TAX ? a : x;
      break;
    case BPF_JMP:
      if (BPF_OP(now->code) == BPF_JA) {
        at += now->k;
        break;
      }
      holds = BPF_OP(now->code) == BPF_JEQ   ? a == operand
              : BPF_OP(now->code) == BPF_JGT ? a > operand
              : BPF_OP(now->code) == BPF_JGE ? a >= operand
                                             : (a & operand) != 0;
      at += holds ? now->jt : now->jf;
      break;
    case BPF_RET:
      return now->code == (BPF_RET | BPF_K) ? now->k : BROKEN;
    default:
      return BROKEN;
    }
  }
  return BROKEN;
}

/* ---- What it should be, said again ---- */

#define EQUAL(number, value) SCMP_A##number(SCMP_CMP_EQ, value)
#define EQUAL_WORD(number, value) SCMP_A##number##_32(SCMP_CMP_EQ, (uint32_t)(value))

struct wanted {
  const char *calls[64];
  struct {
    const char *call;
    unsigned count;
    struct scmp_arg_cmp all_of[3];
  } conditional[24];
};

#define NOT_EXECUTABLE                                                                                                 \
  {"mmap", 1, {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}}, {                                                          \
    "mprotect", 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) }                                                       \
  }

static const struct wanted loader = {
    .calls = {"futex", "exit", "exit_group", "rt_sigreturn", "restart_syscall"},
    .conditional = {{"mmap", 2, {EQUAL(2, PROT_READ | PROT_EXEC), EQUAL(3, MAP_SHARED | MAP_FIXED)}}}};
static const struct wanted control = {.calls = {"futex", "exit", "exit_group", "rt_sigreturn", "restart_syscall",
                                                "poll", "accept4", "getsockopt", "recvfrom", "sendto", "close",
                                                "munmap", "clock_gettime"},
                                      .conditional = {NOT_EXECUTABLE}};
static const struct wanted ordinary = {.calls = {"futex",         "rt_sigreturn",
                                                 "munmap",        "madvise",
                                                 "brk",           "memfd_create",
                                                 "ftruncate",     "fallocate",
                                                 "read",          "write",
                                                 "writev",        "pread64",
                                                 "pwrite64",      "close",
                                                 "lseek",         "fstat",
                                                 "newfstatat",    "fstatfs",
                                                 "getdents64",    "openat2",
                                                 "mkdirat",       "unlinkat",
                                                 "renameat2",     "symlinkat",
                                                 "readlinkat",    "fchmod",
                                                 "utimensat",     "fsync",
                                                 "fdatasync",     "dup",
                                                 "poll",          "ppoll",
                                                 "clock_gettime", "clock_nanosleep",
                                                 "getrandom",     "rt_sigprocmask",
                                                 "rt_sigaction",  "rt_sigtimedwait",
                                                 "sigaltstack",   "getpid",
                                                 "gettid",        "exit",
                                                 "exit_group",    "restart_syscall",
                                                 "sched_yield",   "sched_setaffinity",
                                                 "timer_settime", "arch_prctl",
                                                 "mincore",       "epoll_wait",
                                                 "epoll_pwait2",  "epoll_ctl"},
                                       .conditional = {NOT_EXECUTABLE,
                                                       {"ioctl", 1, {EQUAL_WORD(1, TCGETS)}},
                                                       {"ioctl", 1, {EQUAL_WORD(1, TCSETS)}},
                                                       {"ioctl", 1, {EQUAL_WORD(1, TCSETSW)}},
                                                       {"ioctl", 1, {EQUAL_WORD(1, TCSETSF)}},
                                                       {"ioctl", 1, {EQUAL_WORD(1, TIOCGWINSZ)}},
                                                       {"fcntl", 1, {EQUAL_WORD(1, F_GETFD)}},
                                                       {"fcntl", 1, {EQUAL_WORD(1, F_GETFL)}},
                                                       {"fcntl", 1, {EQUAL_WORD(1, F_ADD_SEALS)}}}};
static const struct wanted with_sockets = {
    .calls = {"accept4", "shutdown"}, .conditional = {{"recvfrom", 1, {EQUAL(4, 0)}}, {"sendto", 1, {EQUAL(4, 0)}}}};
#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
static const struct wanted with_connections = {
    .calls = {"connect"},
    .conditional = {{"socket", 3, {EQUAL_WORD(0, AF_INET), EQUAL_WORD(1, STREAM), EQUAL_WORD(2, 0)}},
                    {"socket", 3, {EQUAL_WORD(0, AF_INET6), EQUAL_WORD(1, STREAM), EQUAL_WORD(2, 0)}},
                    {"setsockopt", 2, {EQUAL_WORD(1, IPPROTO_TCP), EQUAL_WORD(2, TCP_NODELAY)}},
                    {"setsockopt", 2, {EQUAL_WORD(1, SOL_SOCKET), EQUAL_WORD(2, SO_KEEPALIVE)}}}};

static bool add(scmp_filter_ctx filter, const struct wanted *wanted) {
  bool good = true;
  for (size_t i = 0; wanted->calls[i]; i++)
    good = good && seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(wanted->calls[i]), 0) == 0;
  for (size_t i = 0; wanted->conditional[i].call; i++)
    good = good &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(wanted->conditional[i].call),
                                  wanted->conditional[i].count, wanted->conditional[i].all_of) == 0;
  return good;
}

/* -> its length; 0: libseccomp could not */
static uint32_t expect(enum linux_thread_role role, bool sockets, bool connect, struct sock_filter *code, size_t most) {
  const struct wanted *wanted = role == LINUX_THREAD_LOADER    ? &loader
                                : role == LINUX_THREAD_CONTROL ? &control
                                                               : &ordinary;
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  FILE *file = tmpfile();
  struct scmp_arg_cmp own = SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid());
  bool good = filter && file && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) == 0 &&
              add(filter, wanted) && (!sockets || add(filter, &with_sockets)) &&
              (!connect || add(filter, &with_connections));
  if (good && role == LINUX_THREAD_ORDINARY)
    good = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own) == 0;
  good = good && seccomp_export_bpf(filter, fileno(file)) == 0;
  ssize_t length = good ? pread(fileno(file), code, most * sizeof *code, 0) : 0;
  if (filter)
    seccomp_release(filter);
  if (file)
    fclose(file);
  return length > 0 ? (uint32_t)((size_t)length / sizeof *code) : 0;
}

/* ---- Comparing ---- */

static struct sock_filter made[LINUX_FILTER_MOST], expected[4096];
static uint32_t made_length, expected_length;
static uint64_t compared, allowed;

static bool same(const struct seccomp_data *data) {
  uint32_t ours = run(made, made_length, data), theirs = run(expected, expected_length, data);
  compared++;
  allowed += ours == SECCOMP_RET_ALLOW;
  if (ours == theirs && (ours == SECCOMP_RET_ALLOW || ours == REFUSED))
    return true;
  printf("# call %d of %x (%llx, %llx, %llx, %llx, %llx, %llx): %x, expected %x\n", data->nr, data->arch,
         (unsigned long long)data->args[0], (unsigned long long)data->args[1], (unsigned long long)data->args[2],
         (unsigned long long)data->args[3], (unsigned long long)data->args[4], (unsigned long long)data->args[5], ours,
         theirs);
  return false;
}

/* Every value that counts for some argument, in all the ways to be nearly it. */
static const uint64_t seeds[] = {0,
                                 1,
                                 2,
                                 4,
                                 7,
                                 PROT_EXEC | PROT_READ,
                                 MAP_SHARED | MAP_FIXED,
                                 MAP_PRIVATE | MAP_FIXED,
                                 TCGETS,
                                 TCSETS,
                                 TCSETSW,
                                 TCSETSF,
                                 TIOCGWINSZ,
                                 TIOCSTI,
                                 F_GETFD,
                                 F_GETFL,
                                 F_SETFL,
                                 F_SETOWN,
                                 F_ADD_SEALS,
                                 AF_UNIX,
                                 AF_INET,
                                 AF_INET6,
                                 STREAM,
                                 SOCK_STREAM,
                                 SOCK_DGRAM,
                                 SOL_SOCKET,
                                 IPPROTO_TCP,
                                 TCP_NODELAY,
                                 SO_KEEPALIVE};
#define SEEDS (sizeof seeds / sizeof *seeds)

static uint64_t value(void) {
  uint32_t random = test_random();
  uint64_t seed = random % (SEEDS + 1) == SEEDS ? (uint64_t)getpid() : seeds[random % (SEEDS + 1)];
  switch (random >> 24 & 15) {
  case 0:
    return seed | 1ull << (32 + test_random() % 32);
  case 1:
    return seed ^ 1ull << (test_random() % 32);
  case 2:
    return seed + ((uint64_t)test_random() << 32);
  case 3:
    return (uint64_t)test_random() << 32 | test_random();
  default:
    return seed;
  }
}

static bool all_same(void) {
  static const uint32_t machines[] = {AUDIT_ARCH_X86_64,     AUDIT_ARCH_I386,         0, AUDIT_ARCH_AARCH64, ~0u,
                                      AUDIT_ARCH_X86_64 ^ 1, AUDIT_ARCH_X86_64 & 0xff};
  bool good = true;
  for (size_t m = 0; m < sizeof machines / sizeof *machines; m++)
    for (int64_t call = -2; call <= CALLS; call++) {
      static const uint32_t bits[] = {0, 1u << 30, 1u << 31, 1u << 16};
      for (size_t b = 0; b < sizeof bits / sizeof *bits; b++) {
        struct seccomp_data data = {.nr = (int)((uint32_t)call ^ bits[b]), .arch = machines[m]};
        bool other = m || bits[b] || call < 0;
        for (unsigned round = 0; round < (other ? 4 : 64); round++) {
          for (unsigned i = 0; i < 6; i++)
            data.args[i] = round ? value() : 0;
          good = good && same(&data);
          /* What is refused, whatever libseccomp says. */
          good = good && (!other || run(made, made_length, &data) == REFUSED);
        }
      }
    }
  /* Each of the calls whose arguments count, with each pair of values at each place. */
  static const int careful[] = {SYS_mmap,   SYS_mprotect,   SYS_ioctl,  SYS_fcntl,    SYS_tgkill,
                                SYS_socket, SYS_setsockopt, SYS_sendto, SYS_recvfrom, SYS_accept4};
  for (size_t c = 0; c < sizeof careful / sizeof *careful; c++)
    for (unsigned round = 0; round < 60000 && good; round++) {
      struct seccomp_data data = {.nr = careful[c], .arch = AUDIT_ARCH_X86_64};
      for (unsigned i = 0; i < 6; i++)
        data.args[i] = value();
      if (round < SEEDS * SEEDS * SEEDS) {
        unsigned first = careful[c] == SYS_socket ? 0 : careful[c] == SYS_mmap ? 2 : 1;
        data.args[first] = seeds[round % SEEDS];
        data.args[first + 1] = seeds[round / SEEDS % SEEDS];
        data.args[first + 2] = seeds[round / SEEDS / SEEDS];
      }
      good = good && same(&data);
    }
  return good;
}

/* ---- Linux itself ---- */

/* Linux 6.14 and later makes these without asking filters, and kills who calls them but its own trampolines. */
static bool of_probes(int call) { return call == 335 || call == 336; }

/* Each call that the program refuses whatever its arguments are must be refused by Linux. Only after all_same. */
static bool refused_by_linux(enum linux_thread_role role, unsigned *count) {
  int status;
  *count = 0;
  pid_t child = fork();
  if (child == 0) {
    bool good = linux_filter_thread(role);
    for (int call = 0; good && call <= CALLS; call++) {
      struct seccomp_data data = {.nr = call, .arch = AUDIT_ARCH_X86_64, .args = {0, 0, PROT_EXEC, 0, 0, 0}};
      if (of_probes(call) || run(made, made_length, &data) == SECCOMP_RET_ALLOW)
        continue;
      good = syscall(call, 0ul, 0ul, (unsigned long)PROT_EXEC, 0ul, 0ul, 0ul) == -1 && errno == EPERM;
    }
    /* With the number that it has for x32. */
    good = good && syscall((1l << 30) | SYS_getpid) == -1 && errno == EPERM;
    syscall(SYS_exit_group, good ? 0 : 1);
  }
  for (int call = 0; call <= CALLS; call++) {
    struct seccomp_data data = {.nr = call, .arch = AUDIT_ARCH_X86_64, .args = {0, 0, PROT_EXEC, 0, 0, 0}};
    *count += !of_probes(call) && run(made, made_length, &data) != SECCOMP_RET_ALLOW;
  }
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void judge(const char *who, enum linux_thread_role role, bool sockets, bool connect) {
  made_length = linux_filter_make(role, made);
  expected_length = expect(role, sockets, connect, expected, sizeof expected / sizeof *expected);
  compared = 0;
  allowed = 0;
  bool good = made_length && expected_length && all_same();
  ok(good && allowed > 100, "%s: %u instructions judge %llu calls as libseccomp's %u do (%llu allowed)", who,
     made_length, (unsigned long long)compared, expected_length, (unsigned long long)allowed);
  unsigned count = 0;
  good = good && refused_by_linux(role, &count);
  ok(good && count > 400, "%s: Linux refuses each of %u others", who, count);
}

int main(void) {
  alarm(60);
  judge("the loader", LINUX_THREAD_LOADER, false, false);
  judge("who answers the owner", LINUX_THREAD_CONTROL, false, false);
  judge("an ordinary thread", LINUX_THREAD_ORDINARY, false, false);
  linux_filter_allow_sockets(false);
  judge("with sockets", LINUX_THREAD_ORDINARY, true, false);
  linux_filter_allow_sockets(true);
  judge("with connections of its own", LINUX_THREAD_ORDINARY, true, true);
  return finish();
}
