/* Deadlines of waiting threads: a heap, earliest first. wait.c and schedule.c; kernel lock.
 *
 * It has room for every thread there is, so arming cannot fail, and costs the logarithm of how many wait. */
#include "kernel/object.h"

bool timer_reserve(void) {
  if (kernel.threads + 2 <= kernel.timer_capacity)
    return true;
  uint32_t capacity = kernel.timer_capacity ? 2 * kernel.timer_capacity : 64;
  struct thread **larger = allocate(capacity * sizeof *larger);
  if (!larger)
    return false;
  if (kernel.timers)
    memcpy(larger, kernel.timers, kernel.timer_capacity * sizeof *larger);
  release(kernel.timers, kernel.timer_capacity * sizeof *larger);
  kernel.timers = larger;
  kernel.timer_capacity = capacity;
  return true;
}

static void place(uint32_t index, struct thread *thread) {
  kernel.timers[index] = thread;
  thread->timer = index;
}

static void rise(uint32_t index, struct thread *thread) {
  for (; index > 1 && kernel.timers[index / 2]->deadline > thread->deadline; index /= 2)
    place(index, kernel.timers[index / 2]);
  place(index, thread);
}

static void sink(uint32_t index, struct thread *thread) {
  for (uint32_t child; (child = 2 * index) <= kernel.timer_count; index = child) {
    if (child < kernel.timer_count && kernel.timers[child + 1]->deadline < kernel.timers[child]->deadline)
      child++;
    if (kernel.timers[child]->deadline >= thread->deadline)
      break;
    place(index, kernel.timers[child]);
  }
  place(index, thread);
}

void timer_arm(struct thread *thread, uint64_t deadline) {
  ASSERT(!thread->timer && kernel.timer_count + 1 < kernel.timer_capacity);
  thread->deadline = deadline;
  rise(++kernel.timer_count, thread);
}

void timer_disarm(struct thread *thread) {
  uint32_t index = thread->timer;
  struct thread *last = kernel.timers[kernel.timer_count--];
  thread->timer = 0;
  if (last == thread)
    return;
  if (index > 1 && kernel.timers[index / 2]->deadline > last->deadline)
    rise(index, last);
  else
    sink(index, last);
}

void timer_expire(void) {
  uint64_t now = port_clock(SIGNET_CLOCK_MONOTONIC);
  while (kernel.timer_count && kernel.timers[1]->deadline <= now) {
    struct thread *thread = kernel.timers[1];
    schedule_ready(thread, true);
  }
}
