/* Faults by plan: stands between the program and the C library, and between the kernel and its port, in a test build of
 * `signet` (ld --wrap). What is done is in plan.h; without SIGNET_FAULTS in the environment it is nothing. Any thread,
 * also under the kernel's lock and in signal handlers: nothing is allocated here, and no lock taken. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "kernel/object.h"
#include "port/linux/linux.h"
#include "tests/faults/calls.h"
#include "tests/faults/plan.h"

#define ENDS_SOON 200000 /* nanoseconds for which a processor waits whose process is held */

static struct plan nothing;
static struct plan *plan = &nothing;
static int journal = -1;
static int bell = -1; /* what wakes a processor cannot fail: its counter is never full */
static _Atomic uint64_t drawn;
static _Atomic uint64_t held_until[1 << 14]; /* by window */

extern const char __executable_start[];

#define REAL(name) __real_##name

/* ---- The plan ---- */

static int real_open(const char *path, int flags) { return (int)syscall(SYS_open, path, flags | O_CLOEXEC, 0); }

__attribute__((constructor)) static void take_plan(void) {
  static const struct {
    const char *name;
    uint64_t errors[PLAN_ERRORS_MOST];
  } table[] = {
#define FAULT_ROW(name, ...) {#name, {__VA_ARGS__}},
      FAULT_CALLS(FAULT_ROW)
#undef FAULT_ROW
  };
  _Static_assert(FAULT_CALL_COUNT <= PLAN_CALLS_MOST, "room in the plan");
  const char *path = getenv("SIGNET_FAULTS"), *log = getenv("SIGNET_FAULTS_JOURNAL");
  if (!path)
    return;
  int file = real_open(path, O_RDWR);
  void *there = (void *)syscall(SYS_mmap, NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || there == MAP_FAILED)
    abort();
  syscall(SYS_close, file);
  if (log && (journal = real_open(log, O_WRONLY | O_APPEND)) < 0)
    abort();
  struct plan *shared = there;
  for (uint64_t i = 0; i < FAULT_CALL_COUNT; i++) {
    snprintf(shared->call[i].name, sizeof shared->call[i].name, "%s", table[i].name);
    memcpy(shared->call[i].errors, table[i].errors, sizeof table[i].errors);
  }
  shared->calls = FAULT_CALL_COUNT;
  shared->magic = PLAN_MAGIC;
  plan = shared;
}

/* splitmix64 over the count of draws: the order of threads is the host's, the numbers are the seed's. */
static uint64_t draw(void) {
  uint64_t z = plan->seed + 0x9e3779b97f4a7c15 * ++drawn;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

static bool by_chance(uint64_t probability) { return probability && (draw() & UINT32_MAX) < probability; }

static uint64_t count(uint64_t *counter) { return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED); }

static uint64_t now(void) {
  struct timespec time;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void pass(uint64_t nanoseconds) {
  struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, NULL);
}

static uint64_t any_error(const struct plan_call *call) {
  uint64_t errors = 0;
  while (errors < PLAN_ERRORS_MOST && call->errors[errors])
    errors++;
  return call->errors[draw() % errors];
}

/* 0: it shall be made; else its error, or SHORT. */
static int fault(enum fault_call number, const void *from) {
  if (!plan->armed)
    return 0;
  struct plan_call *call = &plan->call[number];
  uint64_t seen = count(&call->seen), total = count(&plan->total), error = 0;
  if (total == plan->one && plan->one_error < PLAN_ERRORS_MOST && call->errors[plan->one_error]) {
    error = call->errors[plan->one_error];
    plan->one_call = 1 + number;
    plan->one_address = (uint64_t)from - (uint64_t)__executable_start;
  } else if (seen == call->next || (call->every && seen % call->every == 0) || by_chance(call->probability)) {
    if (__atomic_fetch_sub(&call->left, 1, __ATOMIC_RELAXED) - 1 > INT64_MAX)
      call->left = 0;
    else
      error = call->error ? call->error : any_error(call);
  }
  if (error)
    count(&call->injected);
  return (int)error;
}

/* The host takes its time: over what a device asks of it, without the kernel's lock. */
static void slow(void) {
  if (!by_chance(plan->device_probability))
    return;
  count(&plan->slow);
  pass(plan->device_time);
}

#define HERE __builtin_return_address(0)

/* A call that fails by plan, or is made. */
#define WRAP(type, bad, name, parameters, arguments)                                                                   \
  type REAL(name) parameters;                                                                                          \
  type __wrap_##name parameters;                                                                                       \
  type __wrap_##name parameters {                                                                                      \
    int error = fault(FAULT_##name, HERE);                                                                             \
    if (!error)                                                                                                        \
      return REAL(name) arguments;                                                                                     \
    errno = error;                                                                                                     \
    return bad;                                                                                                        \
  }
#define WRAP_SLOW(name, parameters, arguments)                                                                         \
  int REAL(name) parameters;                                                                                           \
  int __wrap_##name parameters;                                                                                        \
  int __wrap_##name parameters {                                                                                       \
    slow();                                                                                                            \
    int error = fault(FAULT_##name, HERE);                                                                             \
    if (!error)                                                                                                        \
      return REAL(name) arguments;                                                                                     \
    errno = error;                                                                                                     \
    return -1;                                                                                                         \
  }

/* ---- Memory ---- */

WRAP(void *, MAP_FAILED, mmap, (void *at, size_t length, int protection, int flags, int file, off_t position),
     (at, length, protection, flags, file, position))
WRAP(int, -1, munmap, (void *at, size_t length), (at, length))
WRAP(int, -1, mprotect, (void *at, size_t length, int protection), (at, length, protection))

/* The question whether something is mapped has no other answer. */
int REAL(madvise)(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice);
int __wrap_madvise(void *at, size_t length, int advice) {
  int error = advice == MADV_NORMAL ? 0 : fault(FAULT_madvise, HERE);
  if (!error)
    return REAL(madvise)(at, length, advice);
  errno = error;
  return -1;
}

WRAP(int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(int, -1, fallocate, (int file, int mode, off_t position, off_t length), (file, mode, position, length))
WRAP(int, -1, mincore, (void *at, size_t length, unsigned char *vector), (at, length, vector))
WRAP(void *, NULL, malloc, (size_t length), (length))
WRAP(void *, NULL, calloc, (size_t number, size_t length), (number, length))
WRAP(void *, NULL, realloc, (void *at, size_t length), (at, length))

/* ---- Files ---- */

static void note(uint64_t kind, int file, uint64_t offset, const void *bytes, uint64_t length, const char *name,
                 const char *name2) {
  struct journal_record record = {.kind = kind, .offset = offset, .length = length};
  struct stat status;
  if (journal < 0)
    return;
  if (file >= 0) {
    if (syscall(SYS_newfstatat, file, "", &status, AT_EMPTY_PATH) != 0)
      return;
    record.inode = status.st_ino;
  }
  strncpy(record.name, name ? name : "", sizeof record.name - 1);
  strncpy(record.name2, name2 ? name2 : "", sizeof record.name2 - 1);
  struct iovec parts[] = {{&record, sizeof record}, {(void *)bytes, bytes ? length : 0}};
  syscall(SYS_writev, journal, parts, 2);
}

ssize_t REAL(pread)(int file, void *to, size_t length, off_t offset);
ssize_t __wrap_pread(int file, void *to, size_t length, off_t offset);
ssize_t __wrap_pread(int file, void *to, size_t length, off_t offset) {
  slow();
  int error = fault(FAULT_pread, HERE);
  if (!error)
    return REAL(pread)(file, to, length, offset);
  errno = error;
  return -1;
}

ssize_t REAL(pwrite)(int file, const void *from, size_t length, off_t offset);
ssize_t __wrap_pwrite(int file, const void *from, size_t length, off_t offset);
ssize_t __wrap_pwrite(int file, const void *from, size_t length, off_t offset) {
  slow();
  int error = fault(FAULT_pwrite, HERE);
  if (error && error != SHORT) {
    errno = error;
    return -1;
  }
  if (error && length > 1)
    length = 1 + draw() % (length - 1);
  ssize_t done = REAL(pwrite)(file, from, length, offset);
  if (done > 0)
    note(JOURNAL_WRITE, file, (uint64_t)offset, from, (uint64_t)done, NULL, NULL);
  return done;
}

ssize_t REAL(read)(int file, void *to, size_t length);
ssize_t __wrap_read(int file, void *to, size_t length);
ssize_t __wrap_read(int file, void *to, size_t length) {
  int error = fault(FAULT_read, HERE);
  if (!error)
    return REAL(read)(file, to, length);
  errno = error;
  return -1;
}

ssize_t REAL(write)(int file, const void *from, size_t length);
ssize_t __wrap_write(int file, const void *from, size_t length);
ssize_t __wrap_write(int file, const void *from, size_t length) {
  int error = file == bell ? 0 : fault(FAULT_write, HERE);
  if (error && error != SHORT) {
    errno = error;
    return -1;
  }
  if (error && length > 1)
    length = 1 + draw() % (length - 1);
  return REAL(write)(file, from, length);
}

int REAL(ftruncate)(int file, off_t length);
int __wrap_ftruncate(int file, off_t length);
int __wrap_ftruncate(int file, off_t length) {
  slow();
  int error = fault(FAULT_ftruncate, HERE);
  if (error) {
    errno = error;
    return -1;
  }
  int failed = REAL(ftruncate)(file, length);
  if (!failed)
    note(JOURNAL_TRUNCATE, file, (uint64_t)length, NULL, 0, NULL, NULL);
  return failed;
}

int REAL(fsync)(int file);
int __wrap_fsync(int file);
int __wrap_fsync(int file) {
  slow();
  int error = fault(FAULT_fsync, HERE);
  if (error) {
    errno = error;
    return -1;
  }
  int failed = REAL(fsync)(file);
  if (!failed)
    note(JOURNAL_SYNC, file, 0, NULL, 0, NULL, NULL);
  return failed;
}

/* It is closed whatever it says, as on Linux. */
int REAL(close)(int file);
int __wrap_close(int file);
int __wrap_close(int file) {
  int error = fault(FAULT_close, HERE), failed = REAL(close)(file);
  if (!error)
    return failed;
  errno = error;
  return -1;
}

int REAL(unlinkat)(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags) {
  slow();
  int error = fault(FAULT_unlinkat, HERE);
  if (error) {
    errno = error;
    return -1;
  }
  int failed = REAL(unlinkat)(directory, name, flags);
  if (!failed)
    note(JOURNAL_REMOVE, directory, 0, NULL, 0, name, NULL);
  return failed;
}

WRAP_SLOW(fstat, (int file, struct stat *status), (file, status))
WRAP_SLOW(fstatfs, (int file, struct statfs *status), (file, status))
WRAP_SLOW(mkdirat, (int directory, const char *name, mode_t mode), (directory, name, mode))
WRAP_SLOW(fchmod, (int file, mode_t mode), (file, mode))
WRAP_SLOW(utimensat, (int directory, const char *name, const struct timespec times[2], int flags),
          (directory, name, times, flags))
WRAP(int, -1, dup, (int file), (file))
WRAP(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
WRAP(DIR *, NULL, opendir, (const char *path), (path))
WRAP(struct dirent *, NULL, readdir, (DIR * list), (list))

int REAL(fcntl)(int file, int command, unsigned long argument);
int __wrap_fcntl(int file, int command, unsigned long argument);
int __wrap_fcntl(int file, int command, unsigned long argument) {
  int error = command == F_ADD_SEALS ? fault(FAULT_fcntl, HERE) : 0;
  if (!error)
    return REAL(fcntl)(file, command, argument);
  errno = error;
  return -1;
}

/* ---- Waiting, and what is called by number ---- */

static void wait_is_over(void) {
  if (!by_chance(plan->late_probability))
    return;
  count(&plan->late);
  pass(plan->late_time);
}

static bool wait_is_short(void) {
  bool early = by_chance(plan->early_probability);
  if (early)
    count(&plan->early);
  return early;
}

static int epoll_fault(const void *from) {
  int error = fault(FAULT_epoll_wait, from);
  errno = error;
  return error;
}

int REAL(epoll_wait)(int poll, struct epoll_event *events, int most, int timeout);
int __wrap_epoll_wait(int poll, struct epoll_event *events, int most, int timeout);
int __wrap_epoll_wait(int poll, struct epoll_event *events, int most, int timeout) {
  if (epoll_fault(HERE))
    return -1;
  if (timeout && wait_is_short())
    return 0;
  int got = REAL(epoll_wait)(poll, events, most, timeout);
  if (timeout)
    wait_is_over();
  return got;
}

static long real_number(long number, const long *a) {
  register long four __asm__("r10") = a[3], five __asm__("r8") = a[4], six __asm__("r9") = a[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(four), "r"(five), "r"(six)
                   : "rcx", "r11", "memory");
  if (result >= 0 || result < -4095)
    return result;
  errno = (int)-result;
  return -1;
}

static long failed(int error) {
  errno = error;
  return -1;
}

static long open_inside(const long *a, const void *from) {
  slow();
  int error = fault(FAULT_openat2, from);
  if (error)
    return failed(error);
  const struct open_how *how = (const void *)a[2];
  long file = real_number(SYS_openat2, a);
  if (file >= 0 && how->flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR))
    note(JOURNAL_OPEN, (int)file, how->flags & O_TRUNC ? 1 : 0, NULL, 0, (const char *)a[1], NULL);
  return file;
}

static long rename_file(const long *a, const void *from) {
  slow();
  int error = fault(FAULT_renameat2, from);
  if (error)
    return failed(error);
  long result = real_number(SYS_renameat2, a);
  if (!result)
    note(JOURNAL_RENAME, (int)a[0], 0, NULL, 0, (const char *)a[1], (const char *)a[3]);
  return result;
}

static long wait_at_futex(const long *a) {
  bool waits = (a[1] & 127) == 0; /* FUTEX_WAIT */
  if (waits && wait_is_short())
    return failed(EINTR);
  long result = real_number(SYS_futex, a);
  if (waits)
    wait_is_over();
  return result;
}

/* What only the seal asks for. The question which Landlock there is has no error to fail with. */
static int seal_fault(long number, const long *a, const void *from) {
  switch (number) {
  case SYS_seccomp:
    return fault(FAULT_seccomp, from);
  case SYS_landlock_create_ruleset:
    return a[0] ? fault(FAULT_landlock_create_ruleset, from) : 0;
  case SYS_landlock_add_rule:
    return fault(FAULT_landlock_add_rule, from);
  case SYS_landlock_restrict_self:
    return fault(FAULT_landlock_restrict_self, from);
  case 462: /* mseal */
    return fault(FAULT_mseal, from);
  }
  return 0;
}

long __wrap_syscall(long number, long a0, long a1, long a2, long a3, long a4, long a5);
long __wrap_syscall(long number, long a0, long a1, long a2, long a3, long a4, long a5) {
  const long a[] = {a0, a1, a2, a3, a4, a5};
  long result;
  int error;
  switch (number) {
  case SYS_futex:
    return wait_at_futex(a);
  case SYS_openat2:
    return open_inside(a, HERE);
  case SYS_renameat2:
    return rename_file(a, HERE);
  case SYS_getdents64:
    error = fault(FAULT_getdents64, HERE);
    return error ? failed(error) : real_number(number, a);
  case SYS_epoll_pwait2:
    if (epoll_fault(HERE))
      return -1;
    if (wait_is_short())
      return 0;
    result = real_number(number, a);
    wait_is_over();
    return result;
  default:
    error = seal_fault(number, a, HERE);
    return error ? failed(error) : real_number(number, a);
  }
}

int REAL(eventfd)(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags) {
  int error = fault(FAULT_eventfd, HERE);
  return error ? (int)failed(error) : (bell = REAL(eventfd)(value, flags));
}

/* What takes something out of the set cannot fail. */
int REAL(epoll_ctl)(int poll, int operation, int file, struct epoll_event *event);
int __wrap_epoll_ctl(int poll, int operation, int file, struct epoll_event *event);
int __wrap_epoll_ctl(int poll, int operation, int file, struct epoll_event *event) {
  int error = operation == EPOLL_CTL_ADD ? fault(FAULT_epoll_ctl, HERE) : 0;
  return error ? (int)failed(error) : REAL(epoll_ctl)(poll, operation, file, event);
}

int REAL(clock_gettime)(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time) {
  int result = REAL(clock_gettime)(clock, time);
  if (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME)
    time->tv_sec += (time_t)(plan->skew / 1000000000);
  return result;
}

WRAP(int, -1, epoll_create1, (int flags), (flags))
WRAP(int, -1, poll, (struct pollfd * polled, nfds_t number, int timeout), (polled, number, timeout))

/* ---- Connections ---- */

WRAP(int, -1, socket, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, -1, listen, (int file, int backlog), (file, backlog))
WRAP(int, -1, shutdown, (int file, int how), (file, how))

/* One that was aborted is not there any more; with all other errors it still waits. */
int REAL(accept4)(int file, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int file, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int file, struct sockaddr *address, socklen_t *length, int flags) {
  slow();
  int error = fault(FAULT_accept4, HERE);
  if (!error)
    return REAL(accept4)(file, address, length, flags);
  if (error == ECONNABORTED) {
    int aborted = REAL(accept4)(file, address, length, flags);
    if (aborted < 0)
      return -1;
    REAL(close)(aborted);
  }
  return (int)failed(error);
}

/* A connection that was reset has ended for both sides. */
static long broken(int file, int error) {
  if (error == ECONNRESET || error == EPIPE)
    syscall(SYS_shutdown, file, SHUT_RDWR);
  return failed(error);
}

ssize_t REAL(recv)(int file, void *to, size_t length, int flags);
ssize_t __wrap_recv(int file, void *to, size_t length, int flags);
ssize_t __wrap_recv(int file, void *to, size_t length, int flags) {
  int error = fault(FAULT_recv, HERE);
  return error ? broken(file, error) : REAL(recv)(file, to, length, flags);
}

ssize_t REAL(send)(int file, const void *from, size_t length, int flags);
ssize_t __wrap_send(int file, const void *from, size_t length, int flags);
ssize_t __wrap_send(int file, const void *from, size_t length, int flags) {
  int error = fault(FAULT_send, HERE);
  return error ? broken(file, error) : REAL(send)(file, from, length, flags);
}

/* ---- The beginning ---- */

int REAL(pthread_create)(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument) {
  int error = fault(FAULT_pthread_create, HERE);
  return error ? error : REAL(pthread_create)(thread, attributes, run, argument);
}

WRAP(int, -1, timer_create, (clockid_t clock, struct sigevent *event, timer_t *timer), (clock, event, timer))
WRAP(int, -1, prctl, (int option, long a, long b, long c, long d), (option, a, b, c, d))

/* ---- Processes that are held off their processor ---- */

extern _Noreturn void linux_call_on(uint64_t stack, void (*function)(void));
_Noreturn void REAL(port_resume)(struct port_context *context, uint32_t window);
_Noreturn void __wrap_port_resume(struct port_context *context, uint32_t window);
_Noreturn void __wrap_port_answer(struct port_context *context, uint32_t window, struct signet_result result);

static bool is_held(uint32_t window) {
  _Atomic uint64_t *until = &held_until[window % (sizeof held_until / sizeof *held_until)];
  const struct kernel_process *process = kernel.cpu[port_cpu_self()]->process;
  if (!plan->armed || !process)
    return false;
  if (plan->hold_process && process->number == plan->hold_process) {
    count(&plan->held);
    return true;
  }
  if (*until) {
    if (now() < *until)
      return true;
    *until = 0;
    return false;
  }
  if (!by_chance(plan->hold_probability))
    return false;
  *until = now() + draw() % (plan->hold_time + 1);
  count(&plan->held);
  return true;
}

/* As if a tick had come before its first instruction: with the kernel's lock; what it left in the processor is saved.
 */
_Noreturn void __wrap_port_resume(struct port_context *context, uint32_t window) {
  if (!is_held(window))
    REAL(port_resume)(context, window);
  port_idle(0);
  port_unlock();
  pass(ENDS_SOON);
  linux_call_on(linux_cpu_self->kernel_stack, linux_preempted);
}

_Noreturn void __wrap_port_answer(struct port_context *context, uint32_t window, struct signet_result result) {
  port_context_set_result(context, result);
  __wrap_port_resume(context, window);
}
