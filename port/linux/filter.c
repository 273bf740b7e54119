/* Owns which system calls a thread of the sealed process can make: a list of what each role needs, and the program for
 * Linux that allows this and refuses all else. Any thread, for itself.
 *
 * The program is made here, and not by a library, so that nothing can fail on the way: it needs no memory but its
 * place, and a rule that had been left out, or half of one, would be a hole. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "port/linux/linux.h"

/* ---- What is allowed ---- */

/* The first are roles; ordinary threads may do what the last two need if a device does. */
enum need { ORDINARY, LOADER, CONTROL, SOCKETS, CONNECT, NEEDS };
_Static_assert((int)ORDINARY == LINUX_THREAD_ORDINARY && (int)LOADER == LINUX_THREAD_LOADER &&
                   (int)CONTROL == LINUX_THREAD_CONTROL,
               "a role's needs are found by its number");

/* What processors and the host program's thread need. */
static const uint16_t ordinary_calls[] = {
    SYS_futex,         SYS_rt_sigreturn,
    SYS_munmap,        SYS_madvise,
    SYS_brk,           SYS_memfd_create,
    SYS_ftruncate,     SYS_fallocate,
    SYS_read,          SYS_write,
    SYS_writev,        SYS_pread64,
    SYS_pwrite64,      SYS_close,
    SYS_lseek,         SYS_fstat,
    SYS_newfstatat,    SYS_fstatfs,
    SYS_getdents64,    SYS_openat2,
    SYS_mkdirat,       SYS_unlinkat,
    SYS_renameat2,     SYS_symlinkat,
    SYS_readlinkat,    SYS_fchmod,
    SYS_utimensat,     SYS_fsync,
    SYS_fdatasync,     SYS_dup,
    SYS_poll,          SYS_ppoll,
    SYS_clock_gettime, SYS_clock_nanosleep,
    SYS_getrandom,     SYS_rt_sigprocmask,
    SYS_rt_sigaction,  SYS_rt_sigtimedwait,
    SYS_sigaltstack,   SYS_getpid,
    SYS_gettid,        SYS_exit,
    SYS_exit_group,    SYS_restart_syscall,
    SYS_sched_yield,   SYS_sched_setaffinity,
    SYS_timer_settime, SYS_arch_prctl,
    SYS_mincore,       SYS_epoll_wait,
    SYS_epoll_pwait2,  SYS_epoll_ctl,
};

static const uint16_t loader_calls[] = {SYS_futex, SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall};

/* Of sockets that exist and those that come in over them; what the kernel is told here needs memory (traces). */
static const uint16_t control_calls[] = {
    SYS_futex,      SYS_exit,     SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall, SYS_poll,          SYS_accept4,
    SYS_getsockopt, SYS_recvfrom, SYS_sendto,     SYS_close,        SYS_munmap,          SYS_clock_gettime,
};

static const uint16_t socket_calls[] = {SYS_accept4, SYS_shutdown};
static const uint16_t connect_calls[] = {SYS_connect};

static const struct {
  const uint16_t *calls;
  size_t count;
} always[NEEDS] = {
    [ORDINARY] = {ordinary_calls, sizeof ordinary_calls / sizeof *ordinary_calls},
    [LOADER] = {loader_calls, sizeof loader_calls / sizeof *loader_calls},
    [CONTROL] = {control_calls, sizeof control_calls / sizeof *control_calls},
    [SOCKETS] = {socket_calls, sizeof socket_calls / sizeof *socket_calls},
    [CONNECT] = {connect_calls, sizeof connect_calls / sizeof *connect_calls},
};

/* The bits of an argument that the mask names are as in `value`. */
struct condition {
  uint32_t argument;
  uint64_t mask; /* 0: no condition */
  uint64_t value;
};
#define CONDITIONS 3
#define WHOLE UINT64_MAX /* also where Linux looks at 32 bits: nobody has others set */

struct rule {
  enum need need;
  uint32_t call;
  struct condition all_of[CONDITIONS];
};

/* Of a terminal not, among others, to take input as if it had been typed (TIOCSTI); of a descriptor not, among others,
 * F_SETOWN and F_SETSIG, which send any signal to any process of the user. Bytes over connections go to nobody but the
 * other side; new connections are of TCP only, and bound to nothing. */
#define SOCKET_TYPE (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
static const struct rule conditional[] = {
    {LOADER, SYS_mmap, {{2, WHOLE, PROT_READ | PROT_EXEC}, {3, WHOLE, MAP_SHARED | MAP_FIXED}}},
    {ORDINARY, SYS_mmap, {{2, PROT_EXEC, 0}}},
    {ORDINARY, SYS_mprotect, {{2, PROT_EXEC, 0}}},
    {CONTROL, SYS_mmap, {{2, PROT_EXEC, 0}}},
    {CONTROL, SYS_mprotect, {{2, PROT_EXEC, 0}}},
    {ORDINARY, SYS_ioctl, {{1, WHOLE, TCGETS}}},
    {ORDINARY, SYS_ioctl, {{1, WHOLE, TCSETS}}},
    {ORDINARY, SYS_ioctl, {{1, WHOLE, TCSETSW}}},
    {ORDINARY, SYS_ioctl, {{1, WHOLE, TCSETSF}}},
    {ORDINARY, SYS_ioctl, {{1, WHOLE, TIOCGWINSZ}}},
    {ORDINARY, SYS_fcntl, {{1, WHOLE, F_GETFD}}},
    {ORDINARY, SYS_fcntl, {{1, WHOLE, F_GETFL}}},
    {ORDINARY, SYS_fcntl, {{1, WHOLE, F_ADD_SEALS}}},
    {SOCKETS, SYS_recvfrom, {{4, WHOLE, 0}}},
    {SOCKETS, SYS_sendto, {{4, WHOLE, 0}}},
    {CONNECT, SYS_socket, {{0, WHOLE, AF_INET}, {1, WHOLE, SOCKET_TYPE}, {2, WHOLE, 0}}},
    {CONNECT, SYS_socket, {{0, WHOLE, AF_INET6}, {1, WHOLE, SOCKET_TYPE}, {2, WHOLE, 0}}},
    {CONNECT, SYS_setsockopt, {{1, WHOLE, IPPROTO_TCP}, {2, WHOLE, TCP_NODELAY}}},
    {CONNECT, SYS_setsockopt, {{1, WHOLE, SOL_SOCKET}, {2, WHOLE, SO_KEEPALIVE}}},
};

static bool sockets, sockets_connect;

void linux_filter_allow_sockets(bool connect) {
  sockets = true;
  sockets_connect |= connect;
}

static bool has(enum linux_thread_role role, enum need need) {
  if (need == SOCKETS || need == CONNECT)
    return role == LINUX_THREAD_ORDINARY && (need == SOCKETS ? sockets : sockets_connect);
  return (int)need == (int)role;
}

/* ---- As a program ---- */

#define RULE_MOST (1 + CONDITIONS * 6 + 2)

struct program {
  struct sock_filter *code;
  uint32_t length;
};

static void emit(struct program *program, uint32_t code, uint32_t operand) {
  program->code[program->length++] = (struct sock_filter){.code = (uint16_t)code, .k = operand};
}

static void load(struct program *program, size_t offset) { emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset); }

static void require(struct program *program, size_t offset, uint32_t mask, uint32_t value) {
  if (!mask)
    return;
  load(program, offset);
  emit(program, BPF_ALU | BPF_AND | BPF_K, mask);
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, value);
}

/* Before it and after it the number of the call is loaded. False: no room. */
static bool add(struct program *program, uint32_t call, const struct condition all_of[CONDITIONS]) {
  uint32_t begin = program->length;
  if (begin + RULE_MOST > LINUX_FILTER_MOST)
    return false;
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, call);
  for (uint32_t i = 0; all_of && i < CONDITIONS; i++) {
    const struct condition *c = &all_of[i];
    size_t low = offsetof(struct seccomp_data, args) + 8 * c->argument;
    require(program, low, (uint32_t)c->mask, (uint32_t)c->value);
    require(program, low + 4, (uint32_t)(c->mask >> 32), (uint32_t)(c->value >> 32));
  }
  emit(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  uint32_t end = program->length;
  for (uint32_t i = begin; i < end; i++)
    if (program->code[i].code == (BPF_JMP | BPF_JEQ | BPF_K))
      program->code[i].jf = (uint8_t)(end - i - 1);
  if (all_of)
    load(program, offsetof(struct seccomp_data, nr));
  return true;
}

uint32_t linux_filter_make(enum linux_thread_role role, struct sock_filter *code) {
  struct program program = {.code = code};
  const struct condition own_process[CONDITIONS] = {{0, WHOLE, (uint32_t)getpid()}};
  load(&program, offsetof(struct seccomp_data, arch));
  emit(&program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64);
  code[program.length - 1].jt = 1;
  emit(&program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  load(&program, offsetof(struct seccomp_data, nr));
  bool room = role != LINUX_THREAD_ORDINARY || add(&program, SYS_tgkill, own_process);
  for (size_t i = 0; i < sizeof conditional / sizeof *conditional; i++)
    if (has(role, conditional[i].need))
      room = room && add(&program, conditional[i].call, conditional[i].all_of);
  for (int need = 0; need < NEEDS; need++)
    for (size_t i = 0; has(role, (enum need)need) && i < always[need].count; i++)
      room = room && add(&program, always[need].calls[i], NULL);
  if (!room || program.length == LINUX_FILTER_MOST)
    return 0;
  emit(&program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  return program.length;
}

bool linux_filter_thread(enum linux_thread_role role) {
  struct sock_filter code[LINUX_FILTER_MOST];
  struct sock_fprog program = {.len = (unsigned short)linux_filter_make(role, code), .filter = code};
  return program.len && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
