/* Owns the signals of processor threads: the tick that pre-empts, and faults of sealed code. Handlers run on a stack of
 * the kernel's, because %rsp may be a process's. They never call into the kernel themselves: they save what was running
 * and return to a place in the kernel. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define TICK_NANOSECONDS 4000000

extern const uint8_t linux_entry_low[], linux_entry_high[], linux_copy_low[], linux_copy_high[], linux_copy_fault[],
    linux_word_low[], linux_word_high[];

static bool within(uint64_t address, const uint8_t *low, const uint8_t *high) {
  return address >= (uint64_t)low && address < (uint64_t)high;
}

static bool in_own_window(const struct linux_cpu *cpu, uint64_t address) {
  return address - cpu->base < LINUX_WINDOW_BYTES;
}

/* Makes the end of the handler continue at `function`, on this processor's empty kernel stack. */
static void continue_at(ucontext_t *interrupted, const struct linux_cpu *cpu, void (*function)(void)) {
  interrupted->uc_mcontext.gregs[REG_RIP] = (greg_t)function;
  interrupted->uc_mcontext.gregs[REG_RSP] = (greg_t)(cpu->kernel_stack - 8);
  interrupted->uc_mcontext.gregs[REG_RBP] = 0;
}

/* The host may have had nobody to tell what has happened: this processor looks, with every tick. */
_Noreturn void linux_preempted(void) {
  linux_poller_look(false);
  kernel_preempted();
}

static void enter_preempted(void) { linux_preempted(); }

static void enter_fault(void) { kernel_fault(&linux_cpu_self->fault); }

/* CPU-time of this thread has passed. In a process: save and schedule. In the kernel: remembered, for the way out. */
static void on_tick(int number, siginfo_t *information, void *context) {
  (void)number;
  (void)information;
  struct linux_cpu *cpu = linux_cpu_self;
  ucontext_t *interrupted = context;
  uint64_t rip = (uint64_t)interrupted->uc_mcontext.gregs[REG_RIP];
  linux_cpus_take_over();
  if (!cpu->context || rip < linux_windows_low || rip >= linux_windows_high) {
    cpu->tick = 1;
    return;
  }
  if (!in_own_window(cpu, rip))
    linux_panic("code at 0x%lx ran outside the window of its process", (unsigned long)rip);
  linux_context_save_frame(cpu->context, interrupted, cpu->base);
  linux_cpu_account(cpu);
  cpu->context = NULL;
  continue_at(interrupted, cpu, enter_preempted);
}

static enum signet_fault fault_kind(int number, const ucontext_t *at) {
  uint64_t trap = (uint64_t)at->uc_mcontext.gregs[REG_TRAPNO];
  uint64_t error = (uint64_t)at->uc_mcontext.gregs[REG_ERR];
  switch (trap) {
  case 0:
    return SIGNET_FAULT_DIVIDE;
  case 3:
    return SIGNET_FAULT_TRAP;
  case 6:
    return SIGNET_FAULT_INSTRUCTION;
  case 14:
    return error & 16 ? SIGNET_FAULT_EXECUTE : error & 2 ? SIGNET_FAULT_WRITE : SIGNET_FAULT_READ;
  case 16:
  case 19:
    return SIGNET_FAULT_FLOATING_POINT;
  default:
    return number == SIGBUS ? SIGNET_FAULT_READ : SIGNET_FAULT_GENERAL;
  }
}

static void on_fault(int number, siginfo_t *information, void *context) {
  struct linux_cpu *cpu = linux_cpu_self;
  ucontext_t *interrupted = context;
  uint64_t rip = (uint64_t)interrupted->uc_mcontext.gregs[REG_RIP];
  uint64_t address = (uint64_t)information->si_addr;
  if (within(rip, linux_copy_low, linux_copy_high) || within(rip, linux_word_low, linux_word_high)) {
    interrupted->uc_mcontext.gregs[REG_RIP] = (greg_t)linux_copy_fault;
    return;
  }
  bool by_process = cpu && cpu->context && in_own_window(cpu, rip);
  bool on_its_stack = cpu && cpu->context && within(rip, linux_entry_low, linux_entry_high);
  if (!by_process && !on_its_stack)
    linux_panic("signal %d at 0x%lx, address 0x%lx", number, (unsigned long)rip, (unsigned long)address);
  enum signet_fault kind = fault_kind(number, interrupted);
  bool of_memory = kind <= SIGNET_FAULT_EXECUTE;
  cpu->fault.kind = on_its_stack ? SIGNET_FAULT_STACK : kind;
  cpu->fault.instruction = on_its_stack ? 0 : (uint32_t)(rip - cpu->base - (kind == SIGNET_FAULT_TRAP ? 1 : 0));
  cpu->fault.address = !of_memory ? 0 : in_own_window(cpu, address) ? address - cpu->base : address;
  continue_at(interrupted, cpu, enter_fault);
}

static bool handle(int number, void (*handler)(int, siginfo_t *, void *), bool may_nest) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigfillset(&action.sa_mask);
  if (may_nest) /* the tick reads code that may not be there */
    sigdelset(&action.sa_mask, SIGSEGV);
  return sigaction(number, &action, NULL) == 0;
}

bool linux_signal_prepare(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (!handle(faults[i], on_fault, false))
      return false;
  return handle(SIGRTMIN, on_tick, true);
}

bool linux_signal_cpu(struct linux_cpu *cpu) {
  stack_t stack = {.ss_sp = cpu->signal_stack, .ss_size = LINUX_SIGNAL_STACK};
  if (sigaltstack(&stack, NULL) != 0)
    return false;
  sigset_t open;
  sigemptyset(&open);
  sigaddset(&open, SIGRTMIN);
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    sigaddset(&open, faults[i]);
  if (pthread_sigmask(SIG_UNBLOCK, &open, NULL) != 0)
    return false;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
  event._sigev_un._tid = gettid();
  timer_t timer;
  struct itimerspec period = {{0, TICK_NANOSECONDS}, {0, TICK_NANOSECONDS}};
  /* The clock is this thread's own processor time: an idle processor has no ticks. */
  return timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0 && timer_settime(timer, 0, &period, NULL) == 0;
}

_Noreturn void linux_panic(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  int length = snprintf(text, sizeof text, "signet: kernel panic: ");
  length += vsnprintf(text + length, sizeof text - (size_t)length - 1, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof text - 2)
    length = (int)sizeof text - 2;
  text[length++] = '\n';
  /* Nothing is left to do if nobody can be told. */
  ssize_t told = write(2, text, (size_t)length);
  (void)told;
  signal(SIGABRT, SIG_DFL);
  abort();
}

_Noreturn void port_panic(const char *file, int line, const char *condition) {
  linux_panic("%s:%d: %s", file, line, condition);
}
