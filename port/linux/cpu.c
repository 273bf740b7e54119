/* Owns the host threads that run processes, the kernel lock, sleeping and waking. Any kernel thread. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port/linux/linux.h"

__thread struct linux_cpu *linux_cpu_self;
struct linux_port_options linux_options;

static struct linux_cpu cpus[PORT_CPUS_MOST];
static uint32_t cpu_count;
static _Atomic uint32_t cpus_ready; /* threads that have set themselves up */
static _Atomic uint32_t cpus_go;    /* 1: the seal is complete */
static _Atomic uint32_t cpu_failed;

/* Of a mutex. Whoever comes first takes it when it is free, which costs least; but who holds it again and again would
 * keep those who sleep for it from ever being in time. So it is kept for them once one was woken often enough in vain.
 */
enum {
  MUTEX_FREE,
  MUTEX_HELD,
  MUTEX_WANTED, /* held, and somebody sleeps for it, */
  MUTEX_OWED,   /* one of them for too long */
  MUTEX_KEPT    /* free, for who has slept for it */
};
#define IN_VAIN_MOST 3

static _Atomic uint32_t kernel_lock;

void linux_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns == SIGNET_NEVER ? NULL : &timeout, NULL, 0);
}

void linux_futex_wake(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void lock_slowly(_Atomic uint32_t *mutex) {
  for (int spins = 0; spins < 200; spins++) {
    uint32_t expected = MUTEX_FREE;
    if (atomic_load_explicit(mutex, memory_order_relaxed) == MUTEX_FREE &&
        atomic_compare_exchange_strong(mutex, &expected, MUTEX_HELD))
      return;
    __builtin_ia32_pause();
  }
  unsigned slept = 0;
  for (uint32_t now = atomic_load(mutex);;) {
    bool taken = now == MUTEX_FREE || (now == MUTEX_KEPT && slept);
    uint32_t next = now;
    if (taken || now == MUTEX_HELD)
      next = MUTEX_WANTED;
    if (!taken && now != MUTEX_KEPT && slept > IN_VAIN_MOST)
      next = MUTEX_OWED;
    if (!atomic_compare_exchange_strong(mutex, &now, next))
      continue;
    if (taken)
      return;
    linux_futex_wait(mutex, next, SIGNET_NEVER);
    slept++;
    now = atomic_load(mutex);
  }
}

void linux_mutex_lock(_Atomic uint32_t *mutex) {
  uint32_t expected = MUTEX_FREE;
  if (!atomic_compare_exchange_strong_explicit(mutex, &expected, MUTEX_HELD, memory_order_acquire,
                                               memory_order_relaxed))
    lock_slowly(mutex);
}

static __attribute__((noinline)) void wake_next(_Atomic uint32_t *mutex, bool owed) {
  uint32_t expected = MUTEX_FREE;
  if (owed)
    atomic_compare_exchange_strong(mutex, &expected, MUTEX_KEPT);
  linux_futex_wake(mutex, 1);
}

void linux_mutex_unlock(_Atomic uint32_t *mutex) {
  uint32_t was = atomic_exchange_explicit(mutex, MUTEX_FREE, memory_order_release);
  if (was > MUTEX_HELD)
    wake_next(mutex, was == MUTEX_OWED);
}

void port_lock(void) { linux_mutex_lock(&kernel_lock); }

void port_unlock(void) { linux_mutex_unlock(&kernel_lock); }

uint32_t port_cpu_count(void) { return cpu_count; }

uint32_t port_cpu_self(void) { return linux_cpu_self ? linux_cpu_self->number : 0; }

/* Returns with the kernel lock. */
static void sleep_until(struct linux_cpu *cpu, uint64_t now, uint64_t deadline) {
  uint64_t timeout = deadline == SIGNET_NEVER ? SIGNET_NEVER : deadline > now ? deadline - now : 0;
  uint32_t how = linux_poller_enter() ? LINUX_POLLS : LINUX_SLEEPS, awake = LINUX_AWAKE;
  if (!atomic_compare_exchange_strong(&cpu->wake, &awake, how))
    timeout = 0;
  if (how == LINUX_POLLS) {
    linux_poller_sleep(cpu, timeout);
    return;
  }
  if (timeout)
    linux_futex_wait(&cpu->wake, LINUX_SLEEPS, timeout);
  atomic_store(&cpu->wake, LINUX_WOKEN);
  port_lock();
}

void port_idle(uint64_t deadline) {
  struct linux_cpu *cpu = linux_cpu_self;
  /* Another processor may run this thread next: what it left in this one goes to memory. */
  if (cpu->context) {
    linux_context_save_floating_point(cpu->context);
    cpu->context = NULL;
  }
  if (deadline == 0)
    return;
  port_unlock();
  uint64_t slept = port_clock(SIGNET_CLOCK_MONOTONIC);
  sleep_until(cpu, slept, deadline);
  /* Whoever woke it had the lock: what for is seen. */
  atomic_store(&cpu->wake, LINUX_AWAKE);
  cpu->not_worked += port_clock(SIGNET_CLOCK_MONOTONIC) - slept;
}

void port_wake(uint32_t number) {
  struct linux_cpu *cpu = &cpus[number];
  switch (atomic_exchange(&cpu->wake, LINUX_WOKEN)) {
  case LINUX_SLEEPS:
    linux_futex_wake(&cpu->wake, 1);
    break;
  case LINUX_POLLS:
    linux_poller_ring();
    break;
  }
}

void linux_cpus_take_over(void) {
  if (!linux_poller_abandoned())
    return;
  for (uint32_t i = 0; i < cpu_count; i++)
    if (atomic_load(&cpus[i].wake) == LINUX_SLEEPS) {
      port_wake(i);
      return;
    }
}

void linux_cpus_stir(void) {
  for (uint32_t i = 0; i < cpu_count; i++)
    port_wake(i);
}

void linux_context_forget(const struct port_context *context) {
  for (uint32_t i = 0; i < cpu_count; i++)
    if (cpus[i].context == context)
      cpus[i].context = NULL;
}

void linux_window_forget(uint32_t window) {
  for (uint32_t i = 0; i < cpu_count; i++) {
    if (cpus[i].base == linux_window_base(window))
      cpus[i].base = 0;
    if (cpus[i].floating_window == window)
      cpus[i].floating_window = UINT32_MAX;
  }
}

static uint64_t host_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void linux_cpu_account(struct linux_cpu *cpu) {
  uint64_t passed = host_clock(CLOCK_MONOTONIC);
  cpu->not_worked = passed - host_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t port_clock(enum signet_clock clock) {
  if (clock == SIGNET_CLOCK_PROCESS)
    return host_clock(CLOCK_MONOTONIC) - (linux_cpu_self ? linux_cpu_self->not_worked : 0);
  return host_clock(clock == SIGNET_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC);
}

void port_random(void *bytes, size_t length) {
  for (size_t have = 0; have < length;) {
    ssize_t got = getrandom((char *)bytes + have, length - have, 0);
    if (got > 0)
      have += (size_t)got;
  }
}

bool linux_thread_start(void *(*run)(void *), void *argument) {
  sigset_t all, old;
  pthread_t thread;
  pthread_attr_t attributes;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  int error = pthread_create(&thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
  if (error == 0)
    pthread_detach(thread);
  return error == 0;
}

extern _Noreturn void linux_call_on(uint64_t stack, void (*function)(void));

static void *guarded_stack(size_t length) {
  uint8_t *low = mmap(NULL, length + 2 * SIGNET_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (low == MAP_FAILED || mprotect(low + SIGNET_PAGE, length, PROT_READ | PROT_WRITE) != 0)
    return NULL;
  return low + SIGNET_PAGE;
}

/* Waits for linux_port_start: a processor must exist before the seal, since no thread can be made after it. */
static void *cpu_run(void *argument) {
  struct linux_cpu *cpu = argument;
  linux_cpu_self = cpu;
  uint8_t *stack = guarded_stack(LINUX_KERNEL_STACK);
  cpu->signal_stack = guarded_stack(LINUX_SIGNAL_STACK);
  if (!stack || !cpu->signal_stack || !linux_signal_cpu(cpu) || !linux_confine_thread() ||
      !linux_filter_thread(LINUX_THREAD_ORDINARY))
    atomic_store(&cpu_failed, 1);
  cpu->kernel_stack = (uint64_t)stack + LINUX_KERNEL_STACK;
  atomic_fetch_add(&cpus_ready, 1);
  linux_futex_wake(&cpus_ready, 1);
  while (atomic_load(&cpus_go) == 0)
    linux_futex_wait(&cpus_go, 0, SIGNET_NEVER);
  linux_call_on(cpu->kernel_stack, kernel_cpu_run);
}

static void count_cpus(void) {
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  cpu_count = linux_options.cpus ? linux_options.cpus : (uint32_t)(online < 1 ? 1 : online);
  if (cpu_count > PORT_CPUS_MOST)
    cpu_count = PORT_CPUS_MOST;
}

static bool start_cpus(void) {
  for (uint32_t i = 0; i < cpu_count; i++) {
    cpus[i].number = i;
    cpus[i].floating_window = UINT32_MAX;
    if (!linux_thread_start(cpu_run, &cpus[i]))
      return false;
  }
  for (uint32_t ready; (ready = atomic_load(&cpus_ready)) < cpu_count;)
    linux_futex_wait(&cpus_ready, ready, SIGNET_NEVER);
  return atomic_load(&cpu_failed) == 0;
}

bool linux_port_prepare(const struct linux_port_options *options, const char **problem) {
  linux_options = *options;
  count_cpus();
  *problem = "no memory for the kernel";
  if (!linux_context_prepare())
    return false;
  if (!linux_window_prepare(problem))
    return false;
  *problem = "the loader thread or the poller cannot be started";
  return linux_loader_start() && linux_poller_start();
}

bool linux_port_start(const char **problem) {
  *problem = "signals cannot be set up";
  if (!linux_signal_prepare())
    return false;
  *problem = "a processor thread cannot be started or filtered";
  if (!start_cpus())
    return false;
  if (!linux_seal(problem))
    return false;
  atomic_store(&cpus_go, 1);
  linux_futex_wake(&cpus_go, (int)cpu_count);
  return true;
}

void port_report(const struct kernel_report *report) {
  if (!linux_options.report)
    return;
  linux_options.report(linux_options.report_context, report);
  linux_clear_vectors();
}
