/* Signals within one process. A signal is delivered on the thread that it is for, when that thread leaves the library
 * or raises it; an event
 * (^C and the like) that arrives while the first thread runs the program's own code is delivered there and then. A
 * signal for another thread waits for that thread's next call; a wait in futex, sleep, poll or pause ends for it.
 * Handlers run on the stack in use: an alternative stack is remembered and not used. Any thread; own lock for the table
 * of actions. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "lib/linux.h"

#define SIGNALS 64
#define BIT(number) (1ull << ((number)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
#define SIGNAL_CANCEL 33 /* musl's, of pthread_cancel */
#define FLAG_NODEFER 0x40000000ul
#define FLAG_RESETHAND 0x80000000ul
#define FLAG_RESTART 0x10000000ul
#define EVENT_SIGNALS (BIT(SIGHUP) | BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGTERM) | BIT(SIGWINCH))

/* As Linux has it. */
struct action {
  uintptr_t handler;
  unsigned long flags;
  uintptr_t restorer;
  uint64_t mask;
};

static struct lock actions_lock;
static struct action actions[SIGNALS + 1];
static bool listening;
/* The thread that events are delivered on: the first one. */
static struct thread *first_thread;
static uint64_t event_signals; /* atomic: pending signals that came as events, for si_code */

static bool ignored_by_default(int number) {
  return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT || number == SIGTSTP ||
         number == SIGTTIN || number == SIGTTOU || number == SIGSTOP;
}

/* Control of floating point, which a handler may change for itself alone. */
struct rounding {
  uint32_t mxcsr;
  uint16_t x87;
};

static struct rounding rounding_now(void) {
  struct rounding now;
  __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(now.mxcsr), "=m"(now.x87));
  now.mxcsr &= 0xffc0; /* without the flags, which are computing's */
  now.x87 &= 0x0f7f;
  return now;
}

static void rounding_restore(struct rounding before) {
  struct rounding now = rounding_now();
  if (now.mxcsr != before.mxcsr || now.x87 != before.x87)
    signet_floating_point_control(before.mxcsr, before.x87);
}

/* Runs what the program wants for one signal. True if calls should be made again after it. */
static bool deliver(struct thread *self, int number) {
  struct action action;
  lock_take(&actions_lock);
  action = actions[number];
  if (action.handler > 1 && (action.flags & FLAG_RESETHAND))
    actions[number].handler = 0;
  lock_give(&actions_lock);
  if (action.handler == (uintptr_t)SIG_IGN || (action.handler == (uintptr_t)SIG_DFL && ignored_by_default(number)))
    return true;
  if (action.handler == (uintptr_t)SIG_DFL) {
    signet_trace_report();
    signet_process_exit(SIGNET_ENDED_SIGNAL, number);
  }
  bool event = __atomic_load_n(&event_signals, __ATOMIC_RELAXED) & BIT(number);
  __atomic_and_fetch(&event_signals, ~BIT(number), __ATOMIC_RELAXED);
  siginfo_t information = {.si_signo = number, .si_code = event ? SI_KERNEL : SI_TKILL};
  if (!event)
    information.si_pid = signet_facts.number;
  /* What a handler may look at or change of its context is the mask. */
  ucontext_t context;
  memset(&context, 0, sizeof context);
  memcpy(&context.uc_sigmask, &self->mask, sizeof self->mask);
  uint64_t added = action.mask | (action.flags & FLAG_NODEFER ? 0 : BIT(number));
  self->mask = (self->mask | added) & ~UNBLOCKABLE;
  uint32_t in_call = self->in_call;
  self->in_call = 0;
  struct rounding before = rounding_now();
  ((void (*)(int, siginfo_t *, void *))action.handler)(number, &information, &context);
  rounding_restore(before);
  self->in_call = in_call;
  memcpy(&self->mask, &context.uc_sigmask, sizeof self->mask);
  self->mask &= ~UNBLOCKABLE;
  /* musl cancels a thread at the call that the signal interrupted, so that call must not be made again. Its handler
   * says so by blocking the signal. */
  if (number == SIGNAL_CANCEL && (self->mask & BIT(SIGNAL_CANCEL)))
    return false;
  return action.flags & FLAG_RESTART;
}

bool signet_signals_deliver(struct thread *self) {
  bool again = true;
  uint64_t ready;
  while ((ready = __atomic_load_n(&self->pending, __ATOMIC_ACQUIRE) & ~self->mask)) {
    int number = __builtin_ctzll(ready) + 1;
    __atomic_fetch_and(&self->pending, ~BIT(number), __ATOMIC_ACQ_REL);
    again &= deliver(self, number);
  }
  return again;
}

void signet_signal_post(struct thread *thread, int number) {
  __atomic_fetch_or(&thread->pending, BIT(number), __ATOMIC_ACQ_REL);
  __atomic_fetch_add(&thread->arrivals, 1, __ATOMIC_ACQ_REL);
  if (thread == signet_self())
    return;
  signet_word_wake(&thread->arrivals, 1);
  /* All that wait on the word are woken, because one cannot be picked; they look and wait again. */
  uint32_t *word = __atomic_load_n(&thread->waits_on, __ATOMIC_ACQUIRE);
  if (word)
    signet_word_wake(word, UINT32_MAX);
}

/* The kernel calls this on the first thread, wherever that was. */
static void on_event(uint64_t event) {
  struct thread *self = first_thread;
  if (event >= 1 && event <= SIGNALS) {
    __atomic_fetch_or(&event_signals, BIT(event), __ATOMIC_RELAXED);
    signet_signal_post(self, event);
    if (!self->in_call)
      signet_signals_deliver(self);
  }
  signet_event_return();
}

/* Asks the kernel for events once the program cares about any of them. */
static void listen_for(uint64_t signals) {
  if (!(signals & EVENT_SIGNALS) || listening || !signet_threads_begun)
    return;
  struct thread *first = signet_thread_find(signet_facts.number);
  if (!first)
    return;
  first_thread = first;
  signet_thread_release();
  listening = signet_event_listen(on_event).status == SIGNET_OK;
}

long signet_linux_rt_sigaction(const long *argument) {
  int number = argument[0];
  const struct action *new = (const void *)argument[1];
  struct action *old = (void *)argument[2];
  if (number < 1 || number > SIGNALS || argument[3] != sizeof(uint64_t))
    return -EINVAL;
  if (new && (number == SIGKILL || number == SIGSTOP))
    return -EINVAL;
  lock_take(&actions_lock);
  struct action before = actions[number];
  if (new)
    actions[number] = *new;
  lock_give(&actions_lock);
  if (old)
    *old = before;
  if (new &&new->handler != (uintptr_t)SIG_DFL)
    listen_for(BIT(number));
  return 0;
}

long signet_linux_rt_sigprocmask(const long *argument) {
  struct thread *self = signet_self();
  const uint64_t *new = (const void *)argument[1];
  uint64_t *old = (void *)argument[2], before = self->mask;
  if (argument[3] != sizeof(uint64_t))
    return -EINVAL;
  if (new) {
    uint64_t set = *new & ~UNBLOCKABLE;
    switch (argument[0]) {
    case SIG_BLOCK:
      self->mask |= set;
      break;
    case SIG_UNBLOCK:
      self->mask &= ~set;
      break;
    case SIG_SETMASK:
      self->mask = set;
      break;
    default:
      return -EINVAL;
    }
    /* A program that blocks one of these, and it alone, means to hold it; musl blocks all for a moment at a time. */
    if (~set & ~UNBLOCKABLE & 0x7fffffff)
      listen_for(self->mask & ~before);
  }
  if (old)
    *old = before;
  return 0;
}

long signet_linux_rt_sigpending(const long *argument) {
  struct thread *self = signet_self();
  *(uint64_t *)argument[0] = __atomic_load_n(&self->pending, __ATOMIC_ACQUIRE) & self->mask;
  return 0;
}

/* Waits with another mask and delivers under it, as nothing may slip in between. */
long signet_linux_rt_sigsuspend(const long *argument) {
  struct thread *self = signet_self();
  uint64_t before = self->mask;
  self->mask = *(const uint64_t *)argument[0] & ~UNBLOCKABLE;
  listen_for(~self->mask);
  signet_sleep_until(SIGNET_NEVER);
  signet_signals_deliver(self);
  self->mask = before;
  return -EINTR;
}

long signet_linux_pause(const long *argument) {
  (void)argument;
  return signet_sleep_until(SIGNET_NEVER);
}

long signet_linux_rt_sigtimedwait(const long *argument) {
  struct thread *self = signet_self();
  uint64_t wanted = *(const uint64_t *)argument[0], deadline = SIGNET_NEVER;
  if (argument[2]) {
    if (!signet_timespec_read((const long *)argument[2], &deadline))
      return -EINVAL;
    deadline = signet_add_saturating(signet_now(SIGNET_CLOCK_MONOTONIC), deadline);
  }
  listen_for(wanted);
  for (;;) {
    uint32_t arrivals = __atomic_load_n(&self->arrivals, __ATOMIC_ACQUIRE);
    uint64_t found = __atomic_load_n(&self->pending, __ATOMIC_ACQUIRE) & wanted;
    if (found) {
      int number = __builtin_ctzll(found) + 1;
      __atomic_fetch_and(&self->pending, ~BIT(number), __ATOMIC_ACQ_REL);
      siginfo_t *information = (siginfo_t *)argument[1];
      if (information) {
        memset(information, 0, sizeof *information);
        information->si_signo = number;
      }
      return number;
    }
    if (signet_signals_ready(self))
      return -EINTR;
    if (signet_word_wait(&self->arrivals, arrivals, deadline).status == SIGNET_TIMEOUT)
      return -EAGAIN;
  }
}

long signet_linux_sigaltstack(const long *argument) {
  struct thread *self = signet_self();
  const uint64_t *new = (const void *)argument[0];
  uint64_t *old = (void *)argument[1], before[3];
  memcpy(before, self->alternative_stack, sizeof before);
  if (before[0] == 0)
    before[1] = SS_DISABLE;
  if (new)
    memcpy(self->alternative_stack, new, sizeof self->alternative_stack);
  if (old)
    memcpy(old, before, sizeof before);
  return 0;
}

static long send_to(uint32_t thread_number, int number) {
  if (number < 0 || number > SIGNALS)
    return -EINVAL;
  struct thread *thread = signet_thread_find(thread_number);
  if (!thread)
    return -ESRCH;
  if (number)
    signet_signal_post(thread, number);
  signet_thread_release();
  return 0;
}

/* There is no other process to signal. */
long signet_linux_kill(const long *argument) {
  long target = argument[0];
  if (target != signet_facts.number && target != 0 && target != -1 && target != -(long)signet_facts.number)
    return -ESRCH;
  return send_to(signet_self()->number, argument[1]);
}

long signet_linux_tkill(const long *argument) { return argument[0] <= 0 ? -EINVAL : send_to(argument[0], argument[1]); }

long signet_linux_tgkill(const long *argument) {
  if (argument[0] != signet_facts.number)
    return -ESRCH;
  return argument[1] <= 0 ? -EINVAL : send_to(argument[1], argument[2]);
}
