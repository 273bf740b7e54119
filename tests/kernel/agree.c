/* Running a program of calls in the short ways and in the general ones (agree.h). */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agree.h"

/* ---- With and without ---- */

bool general_only;
static uint64_t asked, went_general, yields;

struct signet_result __real_kernel_channel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
struct signet_result __real_call_locked(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                                        uint64_t number);
struct signet_result __wrap_kernel_channel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
struct signet_result __wrap_call_locked(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                                        uint64_t number);

struct signet_result __wrap_kernel_channel_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  if (!general_only) {
    asked++;
    return __real_kernel_channel_call(a0, a1, a2, a3, a4);
  }
  kernel.cpu[port_cpu_self()]->process->calls++;
  port_lock();
  return __real_call_locked(a0, a1, a2, a3, a4, SIGNET_CALL_channel_call);
}

struct signet_result __real_kernel_thread_yield(void);
struct signet_result __wrap_kernel_thread_yield(void);
struct signet_result __wrap_kernel_thread_yield(void) {
  if (!general_only)
    return __real_kernel_thread_yield();
  kernel.cpu[port_cpu_self()]->process->calls++;
  port_lock();
  return __real_call_locked(0, 0, 0, 0, 0, SIGNET_CALL_thread_yield);
}

/* Only the short ways' calls of it come here. */
struct signet_result __wrap_call_locked(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                                        uint64_t number) {
  went_general += number == SIGNET_CALL_channel_call;
  yields += number == SIGNET_CALL_thread_yield;
  return __real_call_locked(a0, a1, a2, a3, a4, number);
}

uint64_t handed_over(void) { return asked - went_general; }
uint64_t yields_general(void) { return yields; }

/* ---- What is noted ---- */

#define NOTES_MOST 4000000
struct note {
  const char *what;
  uint64_t value;
};
static struct trace {
  uint64_t count, steps, handed_over, bad;
  struct note note[NOTES_MOST];
} * trace[2], *here; /* shared with the children */

void note(const char *what, uint64_t value) {
  if (here->count < NOTES_MOST)
    here->note[here->count++] = (struct note){what, value};
}

static uint64_t sum(const void *bytes, size_t length) {
  uint64_t value = 14695981039346656037u;
  for (size_t i = 0; i < length; i++)
    value = (value ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
  return value;
}

#define MEMORY_NOTED 0x3000

static void note_thread(const struct thread *thread) {
  note("thread", thread->number);
  note("its state", thread->state);
  note("it waits for", thread->wait == WAIT_ANSWER ? WAIT_OBJECTS : thread->wait);
  note("wait nodes", thread->wait == WAIT_ANSWER ? 1 : thread->nodes);
  note("its call is made again", thread->retry);
  note("its timer", thread->timer ? thread->deadline : 0);
  note("its cursor", thread->cursor);
  note("it is answered", thread->context->answered);
  note("its answer", (uint64_t)thread->context->result.status);
  note("its answer's value", thread->context->result.value);
  note("it is diverted", thread->context->diverted);
}

static void note_endpoint(const struct endpoint *endpoint) {
  note("endpoint", endpoint->object.handle);
  note("messages queued", endpoint->count);
  note("messages sent", endpoint->messages);
  note("state of the channel", endpoint->state);
  note("its key in a set", endpoint->set ? endpoint->key : 0);
  note("ready there", endpoint->set && endpoint->set_ready);
  for (uint32_t i = 0; i < endpoint->count; i++) {
    const struct slot *slot = endpoint_slot(endpoint, i);
    note("message's tag", slot->tag);
    note("message", sum(slot->data, slot->length));
  }
}

static void note_process(struct kernel_process *process) {
  note("process", process->number);
  note("its state", process->state);
  note("its run state", process->run);
  note("attention", process->attention);
  note("its processor", process->cpu ? process->cpu->number : 99);
  note("events", process->events);
  note("calls", process->calls);
  note("messages", process->messages);
  note("memory used", process->used.memory);
  note("handles used", process->used.handles);
  LIST_EACH(node, &process->threads) note_thread(CONTAINER(node, struct thread, link));
  LIST_EACH(node, &process->ready) note("ready", CONTAINER(node, struct thread, turn_link)->number);
  LIST_EACH(node, &process->paid) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER)
      note_endpoint(CONTAINER(object, struct endpoint, object));
  }
  const void *memory =
      process->state < SIGNET_PROCESS_STOPPED ? sim_memory(process->window, SCRATCH, MEMORY_NOTED, false) : NULL;
  if (memory)
    note("memory", sum(memory, MEMORY_NOTED));
}

/* In the short ways it is the last of those who handed over to each other that is charged; nothing is lost or told
 * twice. */
static uint64_t time_of_all(void) {
  uint64_t time = 0;
  for (uint32_t i = 0; i < kernel.cpus; i++)
    time += kernel.cpu[i]->process ? sim_clock - kernel.cpu[i]->charged_at : 0;
  LIST_EACH(node, &kernel.processes) time += CONTAINER(node, struct kernel_process, link)->time;
  return time;
}

void note_world(void) {
  note("processor time of all", time_of_all());
  for (uint32_t i = 0; i < kernel.cpus; i++) {
    const struct cpu *cpu = kernel.cpu[i];
    note("processor runs process", cpu->process ? cpu->process->number : 0);
    note("processor runs thread", cpu->current && cpu->process ? cpu->current->number : 0);
    note("those that wait", cpu->waiting);
    note("switches left in the slice", cpu->slice);
    note("switches", cpu->switches);
    LIST_EACH(node, &cpu->near) note("near", CONTAINER(node, struct kernel_process, run_link)->number);
    LIST_EACH(node, &cpu->queue) note("queue", CONTAINER(node, struct kernel_process, run_link)->number);
  }
  note("processors that sleep", kernel.idle);
  note("until", kernel.idle_deadline);
  note("processors woken", sim_woken);
  note("timers", kernel.timer_count);
  LIST_EACH(node, &kernel.processes) note_process(CONTAINER(node, struct kernel_process, link));
  const char *broken = kernel_check_invariants();
  if (broken) {
    printf("# broken invariant: %s\n", broken);
    here->bad++;
  }
  here->steps++;
}

void note_bad(void) { here->bad++; }

/* Runs the program in a process of its own, `general` or not. */
static void run(void (*program)(uint64_t), uint64_t argument, unsigned general) {
  here = trace[general];
  here->count = here->steps = here->handed_over = here->bad = 0;
  fflush(stdout);
  pid_t child = fork();
  if (!child) {
    general_only = general;
    asked = went_general = yields = 0;
    program(argument);
    here->handed_over = handed_over();
    fflush(stdout);
    _exit(0);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child || status) {
    printf("# the program ended with wait status %d\n", status);
    here->bad++;
  }
}

bool agree(void (*program)(uint64_t), uint64_t argument) {
  for (unsigned general = 0; general < 2; general++)
    run(program, argument, general);
  if (trace[0]->bad || trace[1]->bad || trace[0]->count == NOTES_MOST)
    return false;
  uint64_t most = trace[0]->count < trace[1]->count ? trace[0]->count : trace[1]->count;
  for (uint64_t i = 0; i < most; i++)
    if (trace[0]->note[i].what != trace[1]->note[i].what || trace[0]->note[i].value != trace[1]->note[i].value) {
      for (uint64_t j = i > 12 ? i - 12 : 0; j <= i; j++)
        printf("# note %llu: %s %llx, in the general way: %s %llx\n", (unsigned long long)j, trace[0]->note[j].what,
               (unsigned long long)trace[0]->note[j].value, trace[1]->note[j].what,
               (unsigned long long)trace[1]->note[j].value);
      return false;
    }
  return trace[0]->count == trace[1]->count;
}

uint64_t agree_steps(void) { return trace[0]->steps; }
uint64_t agree_handed_over(void) { return trace[0]->handed_over; }

bool agree_initialise(void) {
  for (unsigned i = 0; i < 2; i++) {
    trace[i] = mmap(NULL, sizeof **trace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trace[i] == MAP_FAILED)
      return false;
  }
  return true;
}
