/* Threads as musl wants them: creation, the thread list, and the end of a thread and of the process. Any thread; own
 * lock for the list. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/linux.h"

#ifndef CLONE_VM
#error "sched.h without _GNU_SOURCE"
#endif

_Thread_local struct thread signet_thread;
bool signet_threads_begun;

static struct lock list_lock;
static struct thread *list;
static uint32_t last_number;

/* The stack on which detached threads unmap their own; one at a time. */
static struct lock leaving_lock;
static char leaving_stack[512] __attribute__((aligned(16)));

static void enlist(struct thread *thread) {
  lock_take(&list_lock);
  thread->next = list;
  list = thread;
  lock_give(&list_lock);
}

static void delist(struct thread *thread) {
  lock_take(&list_lock);
  for (struct thread **at = &list; *at; at = &(*at)->next)
    if (*at == thread) {
      *at = thread->next;
      break;
    }
  lock_give(&list_lock);
}

struct thread *signet_thread_find(uint32_t number) {
  lock_take(&list_lock);
  for (struct thread *thread = list; thread; thread = thread->next)
    if (thread->number == number)
      return thread;
  lock_give(&list_lock);
  return NULL;
}

void signet_thread_release(void) { lock_give(&list_lock); }

/* What a new thread finds at its argument, on its own stack. */
struct thread_start {
  int (*function)(void *);
  void *argument;
  uint32_t number;
  uint32_t *clear;
  uint64_t mask;
};

_Noreturn void signet_thread_main(struct thread_start *start);
_Noreturn void signet_thread_leave(void *base, size_t length, uint32_t *clear);

_Noreturn void signet_thread_main(struct thread_start *start) {
  struct thread *self = signet_self();
  self->number = start->number;
  self->clear = start->clear;
  self->mask = start->mask;
  enlist(self);
  long status = start->function(start->argument);
  signet_system_call(SYS_exit, status, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}

int signet_clone(int (*function)(void *), void *stack, int flags, void *argument, int *parent_number, void *tls,
                 int *child_clear) {
  const int needed = CLONE_VM | CLONE_THREAD | CLONE_SETTLS;
  if ((flags & needed) != needed)
    return -ENOSYS; /* a new process */
  struct thread_start *start = (void *)(((uintptr_t)stack - sizeof *start) & ~(uintptr_t)15);
  uint32_t number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
  *start = (struct thread_start){function, argument, number, NULL, signet_self()->mask};
  if (flags & CLONE_CHILD_CLEARTID)
    start->clear = (uint32_t *)child_clear;
  if (flags & CLONE_PARENT_SETTID)
    *parent_number = number;
  if (flags & CLONE_CHILD_SETTID)
    *child_clear = number;
  struct signet_result result = signet_thread_create(signet_thread_entry, start, start, tls);
  if (result.status != SIGNET_OK)
    return result.status == SIGNET_QUOTA ? -EAGAIN : signet_error(result);
  return number;
}

/* The rest of signet_unmap_self, on leaving_stack: the thread's own memory, signet_self included, goes away here. */
_Noreturn void signet_thread_leave(void *base, size_t length, uint32_t *clear) {
  signet_pages_forget((uintptr_t)base, length);
  signet_memory_unmap((uintptr_t)base, PAGE_ROUND(length));
  if (clear) {
    __atomic_store_n(clear, 0, __ATOMIC_RELEASE);
    signet_word_wake(clear, 1);
  }
  /* Gives leaving_lock: nobody may use this stack before the thread is gone. */
  signet_thread_exit(&leaving_lock.word);
}

_Noreturn void signet_unmap_self(void *base, size_t length) {
  uint32_t *clear = signet_self()->clear;
  signet_self()->in_call = 1;
  delist(signet_self());
  lock_take(&leaving_lock);
  signet_leave_on(leaving_stack + sizeof leaving_stack, base, length, clear);
}

long signet_linux_exit(const long *argument) {
  (void)argument; /* the status of a thread is seen by nobody, but for the last one's, which musl gives to exit_group */
  struct thread *self = signet_self();
  delist(self);
  signet_thread_exit(self->clear);
}

long signet_linux_exit_group(const long *argument) {
  signet_trace_report();
  signet_process_exit(SIGNET_ENDED_EXIT, argument[0] & 0xff);
}

long signet_linux_set_tid_address(const long *argument) {
  struct thread *self = signet_self();
  if (!signet_threads_begun) {
    signet_threads_begun = true;
    last_number = self->number = signet_facts.number;
    enlist(self);
  }
  self->clear = (uint32_t *)argument[0];
  return self->number;
}

long signet_linux_gettid(const long *argument) {
  (void)argument;
  return signet_self()->number;
}

long signet_linux_sched_yield(const long *argument) {
  (void)argument;
  signet_thread_yield();
  return 0;
}

/* A window's threads share one processor. */
long signet_linux_sched_getaffinity(const long *argument) {
  uint64_t length = argument[1];
  if (length < sizeof(long) || length % sizeof(long))
    return -EINVAL;
  *(long *)argument[2] = 1;
  return sizeof(long);
}

/* A thread cannot die without passing through musl, which looks after its robust mutexes. */
long signet_linux_set_robust_list(const long *argument) {
  (void)argument;
  return 0;
}

/* MEMBARRIER_CMD_QUERY: none offered; musl then does without. */
long signet_linux_membarrier(const long *argument) { return argument[0] == 0 ? 0 : -EINVAL; }
