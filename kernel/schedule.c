/* Which thread runs where. Whoever holds the kernel lock makes threads ready; only processors call schedule.
 *
 * Processors have queues of processes. A process is on one processor at most (the serial rule), and its ready threads
 * take turns there. A process woken by what runs on a processor goes to that processor's `near` list and shares the
 * time slice, so that a request and its reply stay on one processor and nobody can be starved by two that keep waking
 * each other: at the end of the slice (kernel_preempted) all of them go behind those that wait. A processor with
 * nothing to do takes work that waits elsewhere.
 *
 * RUN_IDLE: no thread is ready. RUN_QUEUED: on near or queue of process->cpu. RUN_ACTIVE: process->cpu runs it. */
#include "kernel/object.h"

static void wake_idle(void) {
  if (kernel.idle)
    port_wake((uint32_t)__builtin_ctzll(kernel.idle));
}

bool schedule_others(const struct cpu *cpu) { return cpu->waiting; }

static void enqueue(struct kernel_process *process, struct cpu *cpu, struct list *list) {
  process->run = RUN_QUEUED;
  process->cpu = cpu;
  list_append(list, &process->run_link);
  cpu->waiting++;
}

static void dequeue(struct kernel_process *process) {
  list_remove(&process->run_link);
  process->cpu->waiting--;
}

/* For a wake-up that comes from no processor: one that sleeps, best that which ran it last, or the one with the fewest
 * waiting. */
static struct cpu *choose_cpu(const struct kernel_process *process) {
  if (process->cpu && kernel.idle >> process->cpu->number & 1)
    return process->cpu;
  if (kernel.idle)
    return kernel.cpu[__builtin_ctzll(kernel.idle)];
  struct cpu *best = kernel.cpu[0];
  for (uint32_t i = 1; i < kernel.cpus; i++)
    if (kernel.cpu[i]->waiting < best->waiting)
      best = kernel.cpu[i];
  return best;
}

void schedule_ready(struct thread *thread, bool retry) {
  struct kernel_process *process = thread->process;
  ASSERT(thread->state == THREAD_WAITING);
  wait_cancel(thread);
  thread->retry = retry;
  ready_append(thread);
  if (process->run != RUN_IDLE || process->state != SIGNET_PROCESS_RUNNING)
    return;
  if (kernel.here) {
    enqueue(process, kernel.here, &kernel.here->near);
    if (kernel.here->waiting > 1)
      wake_idle();
  } else {
    struct cpu *cpu = choose_cpu(process);
    enqueue(process, cpu, &cpu->queue);
    port_wake(cpu->number);
  }
}

void schedule_forget(struct kernel_process *process) {
  ASSERT(process->run != RUN_ACTIVE);
  if (process->run == RUN_QUEUED)
    dequeue(process);
  process->run = RUN_IDLE;
}

void schedule_charge(struct cpu *cpu) {
  uint64_t now = port_clock(SIGNET_CLOCK_PROCESS);
  uint64_t spent = now > cpu->charged_at ? now - cpu->charged_at : 0;
  if (cpu->process)
    cpu->process->time += spent;
  if (cpu->current)
    cpu->current->time += spent;
  cpu->charged_at = now;
}

/* Something that waits for another processor, for which at least `least` wait. What was woken last is left to its
 * waker, unless more than that waits. */
static struct kernel_process *steal(struct cpu *cpu, uint32_t least) {
  for (uint32_t i = 1; i < kernel.cpus; i++) {
    struct cpu *other = kernel.cpu[(cpu->number + i) % kernel.cpus];
    if (other->waiting < least)
      continue;
    struct list *from = !list_empty(&other->queue) ? &other->queue : other->waiting > 1 ? &other->near : NULL;
    if (from)
      return CONTAINER(from->next, struct kernel_process, run_link);
  }
  return NULL;
}

static void slice_begin(struct cpu *cpu) {
  cpu->switches += SLICE - cpu->slice;
  cpu->slice = SLICE;
}

void schedule_rotate(struct cpu *cpu) {
  struct kernel_process *process = cpu->process;
  slice_begin(cpu);
  list_move_all(&cpu->queue, &cpu->near);
  if (list_empty(&cpu->queue))
    return;
  cpu->process = NULL;
  cpu->current = NULL;
  enqueue(process, cpu, &cpu->queue);
  wake_idle();
}

void schedule_share(struct cpu *cpu) {
  if (kernel.cpus == 1) /* There is nobody to take it, and what is near would lose its turn. */
    return;
  list_move_all(&cpu->queue, &cpu->near);
  if (cpu->waiting)
    wake_idle();
}

static struct kernel_process *next_process(struct cpu *cpu) {
  if (!cpu->slice) {
    list_move_all(&cpu->queue, &cpu->near);
    slice_begin(cpu);
  }
  if (!list_empty(&cpu->near)) {
    cpu->slice--;
    return CONTAINER(cpu->near.next, struct kernel_process, run_link);
  }
  struct kernel_process *process = NULL;
  if (!list_empty(&cpu->queue))
    process = CONTAINER(cpu->queue.next, struct kernel_process, run_link);
  else if (kernel.cpus > 1)
    process = steal(cpu, 1);
  cpu->switches += process != NULL;
  return process;
}

/* Time that was spent since another handed over to this process (handover.c) is told of this one alone. */
static void leave(struct cpu *cpu) {
  schedule_charge(cpu);
  cpu->process->run = RUN_IDLE;
  cpu->process = NULL;
  cpu->current = NULL;
}

static void idle(struct cpu *cpu) {
  kernel.idle |= UINT64_C(1) << cpu->number;
  kernel.idle_deadline = timer_next();
  port_idle(kernel.idle_deadline);
  kernel.here = cpu;
  kernel.idle_deadline = SIGNET_NEVER;
  kernel.idle &= ~(UINT64_C(1) << cpu->number);
  cpu->charged_at = port_clock(SIGNET_CLOCK_PROCESS);
}

/* Takes up the process's next thread; true if it can be resumed. */
static bool take_thread(struct cpu *cpu, struct thread *thread) {
  ready_remove(thread);
  thread->state = THREAD_RUNNING;
  cpu->current = thread;
  if (!thread->retry)
    return true;
  thread->retry = false;
  /* A device is asked without the lock. No thread may have registers left on this processor then, should another resume
   * it. */
  if (thread->call == SIGNET_CALL_device_request) {
    port_idle(0);
    kernel.here = cpu;
  }
  struct signet_result outcome = call_table[thread->call](thread, thread->arguments);
  if (outcome.status < 0)
    return false;
  port_context_set_result(thread->context, outcome);
  return true;
}

_Noreturn void schedule(void) {
  struct cpu *cpu = kernel.here;
  for (;;) {
    if (kernel.timer_count)
      timer_expire();
    struct kernel_process *process = cpu->process;
    if (!process) {
      process = next_process(cpu);
      if (!process) {
        idle(cpu);
        continue;
      }
      dequeue(process);
      process->run = RUN_ACTIVE;
      process->cpu = cpu;
      cpu->process = process;
    }
    if (process->attention && process->state == SIGNET_PROCESS_RUNNING)
      event_deliver(process);
    if (process->state == SIGNET_PROCESS_STOPPING) {
      leave(cpu);
      process_finish(process);
      continue;
    }
    if (list_empty(&process->ready)) {
      leave(cpu);
      continue;
    }
    struct thread *thread = CONTAINER(process->ready.next, struct thread, turn_link);
    if (!take_thread(cpu, thread))
      continue;
    if (process->attention) {
      /* An event or a stop came while its call was made. */
      ready_append(thread);
      continue;
    }
    /* Whoever sleeps watches the deadlines, while this processor is busy. */
    if (kernel.idle && timer_next() < kernel.idle_deadline)
      wake_idle();
    port_resume(thread->context, process->window);
  }
}

_Noreturn void kernel_preempted(void) {
  struct cpu *cpu = lock_as_cpu();
  schedule_charge(cpu);
  ready_append(cpu->current);
  /* Processors that are all busy share what waits. */
  struct kernel_process *taken = cpu->waiting ? NULL : steal(cpu, 2);
  if (taken) {
    dequeue(taken);
    enqueue(taken, cpu, &cpu->queue);
  }
  schedule_rotate(cpu);
  schedule();
}

_Noreturn void kernel_cpu_run(void) {
  struct cpu *cpu = lock_as_cpu();
  kernel.idle &= ~(UINT64_C(1) << cpu->number);
  cpu->charged_at = port_clock(SIGNET_CLOCK_PROCESS);
  schedule();
}

/* The short way, with the same effects: there is one thread here, and one that only has to go on comes next. */
__attribute__((flatten)) struct signet_result kernel_thread_yield(void) {
  struct cpu *cpu = kernel.cpu[port_cpu_self()];
  struct thread *thread = cpu->current;
  struct kernel_process *process = thread->process;
  process->calls++;
  port_lock();
  if (process->turn != TURN_ALONE || !list_empty(&cpu->near) || kernel.idle | kernel.timer_count)
    return call_locked(0, 0, 0, 0, 0, SIGNET_CALL_thread_yield);
  if (list_empty(&cpu->queue)) {
    unlock();
    return result(SIGNET_OK, 0);
  }
  struct kernel_process *next = CONTAINER(cpu->queue.next, struct kernel_process, run_link);
  struct thread *first = CONTAINER(next->ready.next, struct thread, turn_link);
  if (next->attention || !next->ready_count || first->retry)
    return call_locked(0, 0, 0, 0, 0, SIGNET_CALL_thread_yield);
  slice_begin(cpu);
  cpu->switches++;
  ready_append(thread);
  list_remove(&next->run_link);
  process->run = RUN_QUEUED;
  list_append(&cpu->queue, &process->run_link);
  ready_remove(first);
  first->state = THREAD_RUNNING;
  next->run = RUN_ACTIVE;
  cpu->process = next;
  cpu->current = first;
  port_context_set_result(thread->context, result(SIGNET_OK, 0));
  port_resume(first->context, next->window);
}

struct signet_result call_thread_yield(struct thread *thread, const uint64_t *arguments) {
  (void)arguments;
  struct cpu *cpu = kernel.here;
  if (list_empty(&thread->process->ready) && !schedule_others(cpu))
    return result(SIGNET_OK, 0);
  port_context_set_result(thread->context, result(SIGNET_OK, 0));
  ready_append(thread);
  schedule_rotate(cpu);
  return error(CALL_AWAY);
}
