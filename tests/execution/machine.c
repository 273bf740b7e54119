/* One program, natively: the window and what lies around it, the signals that watch it, the calls that it makes. See
 * machine.h; enter.S is the way in and out. */
#define _GNU_SOURCE
#include "tests/execution/machine.h"

#include <elf.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <linux/prctl.h>
#include <signet/layout.h>

#include "port/x86/features.h"
#include "tests/execution/instruction.h"
#include "tests/execution/watch.h"

#define WINDOW 0x100000000ull
#define BASE 0x2a0000000000ull /* everything else of this process lies above */
#define ADDRESS_END 0x800000000000ull
enum {
  RSP = 4,
  R14 = 14,
  CALLS_MOST = 12,
  FAULTS_MOST = 4,
  STEPS_MOST = 120,
  REGIONS_MOST = 64,
  SIGNAL_STACK = 0x10000
};
enum { FLAG_CARRY = 1, FLAG_TRAP = 0x100, FLAGS_NEVER = 0x400 | 0x3000 | 0x4000 | 0x40000 }; /* DF, IOPL, NT, AC */
enum {
  TRAP_DIVIDE = 0,
  TRAP_DEBUG = 1,
  TRAP_BREAK = 3,
  TRAP_OPCODE = 6,
  TRAP_PROTECTION = 13,
  TRAP_PAGE = 14,
  TRAP_X87 = 16
};
enum { FAULT_FETCH = 16 };
enum { TICK_NANOSECONDS = 40000, MXCSR_STATUS = 0x3f };

struct region {
  const uint8_t *from;
  size_t length;
};

/* All that changes while programs run; not part of machine_sum. enter.S has the offsets of what is above the line. */
struct state {
  uint64_t host_stack, host_fs, base, trap;
  uint8_t inside, avx;
  uint32_t host_mxcsr;
  uint64_t general[16], rip, flags;
  uint32_t mxcsr;
  uint16_t x87;
  uint64_t gs;
  uint16_t selectors[4];
  uint64_t fs;
  uint8_t vector[16][32];
  /* ---- */
  uint64_t host_selectors;
  uint16_t host_data_selectors[4];
  const struct program *program;
  const struct machine_options *options;
  struct machine_result *result;
  struct random random;
  uint32_t mxcsr_control, ticks_most;
  uint32_t code_length; /* of the program whose code is in the page */
  uint8_t *code;        /* the code's page, writable */
  size_t region_count;
  struct region regions[REGIONS_MOST];
  const uint8_t *stack_end;
  timer_t timer;
};
_Static_assert(offsetof(struct state, host_mxcsr) == 36 && offsetof(struct state, general) == 40 &&
                   offsetof(struct state, gs) == 192 && offsetof(struct state, fs) == 208 &&
                   offsetof(struct state, vector) == 216,
               "enter.S");

MACHINE_STATE struct state machine_state __attribute__((aligned(4096)));
static MACHINE_STATE uint8_t signal_stack[SIGNAL_STACK] __attribute__((aligned(4096)));
extern uint8_t __start_machine_own[], __stop_machine_own[];
extern const uint8_t machine_border[], machine_border_end[], machine_entry[], machine_exit[];
void machine_enter(void);
void machine_signal(int);
void machine_handle(int signal, siginfo_t *information, ucontext_t *context, uint64_t gs, uint64_t fs);
bool machine_call(void);

static uint8_t *at_offset(uint32_t offset) { return (uint8_t *)(BASE + offset); }

static bool in_window(uint64_t address) { return address - BASE < WINDOW; }

static void fail(const char *why, uint64_t address) {
  if (machine_state.result->failure)
    return;
  machine_state.result->failure = why;
  machine_state.result->address = address;
}

/* ---- What a program may look like when it is stopped ---- */

struct stopped {
  const uint64_t *general;
  uint64_t rip, flags, gs, fs;
  uint32_t mxcsr;
};

static void check_state(const struct stopped *stopped) {
  uint64_t rsp = stopped->general[RSP];
  if (stopped->gs != BASE)
    fail("the base of %gs is not the window's", stopped->gs);
  if (stopped->fs != machine_state.trap)
    fail("the base of %fs has changed", stopped->fs);
  if (stopped->general[R14] != BASE)
    fail("%r14 is not the window's base", stopped->general[R14]);
  if (!in_window(rsp) && !(rsp < WINDOW && in_window(stopped->rip) && watch_stack_tail((uint32_t)stopped->rip)))
    fail("%rsp is outside the window", rsp);
  if (stopped->flags & FLAGS_NEVER)
    fail("a flag is set that programs cannot set", stopped->flags);
  if ((stopped->mxcsr & ~(uint32_t)MXCSR_STATUS) != machine_state.mxcsr_control)
    fail("the control bits of MXCSR have changed", stopped->mxcsr);
}

/* `fetch`: it stopped because there is nothing to execute. */
static void check_place(uint64_t rip, bool fetch) {
  if (!in_window(rip)) {
    fail("it runs outside the window", rip);
    return;
  }
  uint32_t offset = (uint32_t)rip;
  switch (watch_place(offset)) {
  case WATCH_START:
  case WATCH_INSIDE:
    if (fetch)
      fail("the code cannot be executed", rip);
    break;
  case WATCH_END:
    if (offset % SIGNET_BUNDLE)
      fail("it runs inside a bundle behind the code", rip);
    break;
  case WATCH_OUTSIDE: /* on its way to a fault */
    if (offset % SIGNET_BUNDLE)
      fail("it went where a masked branch cannot lead", rip);
    break;
  case WATCH_WRONG:
    fail("it runs where no verified instruction starts", rip);
  }
}

static void check_addresses(uint64_t rip, const uint64_t *general) {
  bool misaligned;
  uint64_t address;
  if (watch_reaches_out((uint32_t)rip, BASE, general, &misaligned, &address))
    fail("an instruction reaches outside the window", address);
}

/* ---- Stops ---- */

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void end_program(greg_t *registers, enum machine_end end) {
  machine_state.result->end = end;
  registers[REG_RIP] = (greg_t)machine_exit;
  registers[REG_RSP] = (greg_t)machine_state.host_stack;
  registers[REG_EFL] = 0x202;
}

static void mask_return_address(uint64_t rsp, uint64_t value) {
  if (rsp - BASE >= PROGRAM_DATA && rsp - BASE <= PROGRAM_STACK - sizeof value)
    memcpy((uint8_t *)rsp, &value, sizeof value);
}

/* What the kernel does with a thread that it stops inside the masked return. Another thread of the window may have
 * written the slot by then. */
static bool set_back(greg_t *registers) {
  static const uint8_t returning[] = {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3};
  uint32_t at = (uint32_t)registers[REG_RIP] - PROGRAM_CODE;
  for (uint32_t before = 8; before <= 12; before += 4) {
    uint32_t start = at - before;
    if (at >= machine_state.program->length || at < before ||
        machine_state.program->length - start < sizeof returning ||
        memcmp(machine_state.program->code + start, returning, sizeof returning) != 0)
      continue;
    registers[REG_RIP] -= before;
    mask_return_address((uint64_t)registers[REG_RSP], random_hostile(&machine_state.random));
    machine_state.result->returns++;
    return true;
  }
  return false;
}

/* After a fault: as an event's handler would, at a bundle of the code. */
static void go_on(greg_t *registers) {
  if (machine_state.result->failure || ++machine_state.result->faults > FAULTS_MOST) {
    end_program(registers, MACHINE_FAULTS);
    return;
  }
  uint32_t bundles = machine_state.program->length / SIGNET_BUNDLE;
  uint32_t at = (uint32_t)registers[REG_RIP] - PROGRAM_CODE, first = at / SIGNET_BUNDLE + 1;
  if (first >= bundles || random_once(&machine_state.random, 4))
    first = 0;
  uint32_t bundle = first + random_below(&machine_state.random, bundles - first);
  registers[REG_RIP] = (greg_t)(BASE + PROGRAM_CODE + bundle * SIGNET_BUNDLE);
  if (random_once(&machine_state.random, 2))
    registers[REG_RSP] = (greg_t)(BASE + PROGRAM_STACK - 8 * (1 + random_below(&machine_state.random, 256)));
}

static void on_step(greg_t *registers, const uint64_t *general) {
  uint64_t rip = (uint64_t)registers[REG_RIP];
  if (!machine_state.options->step && !machine_state.options->trace) {
    fail("a trap that nobody asked for", rip);
    return;
  }
  machine_state.result->steps++;
  check_addresses(rip, general);
  if (machine_state.options->trace)
    watch_print((uint32_t)rip, general);
  if (random_once(&machine_state.random, 8))
    set_back(registers);
  if (machine_state.result->steps >= STEPS_MOST)
    end_program(registers, MACHINE_STEPS);
}

static void on_fault(greg_t *registers, const uint64_t *general, const siginfo_t *information) {
  uint64_t rip = (uint64_t)registers[REG_RIP], address = (uint64_t)registers[REG_CR2];
  bool misaligned;
  switch (registers[REG_TRAPNO]) {
  case TRAP_PAGE:
    if (address - (BASE - SIGNET_GUARD) >= WINDOW + 2 * SIGNET_GUARD)
      fail("an access outside the window", address);
    if (information->si_code == SI_KERNEL)
      fail("a fault that the kernel's own access caused", address);
    break;
  case TRAP_PROTECTION: /* alignment that an instruction asks for; never a privileged instruction or an address that is
                           none */
    if (watch_reaches_out((uint32_t)rip, BASE, general, &misaligned, &address))
      fail("an instruction reaches outside the window", address);
    else if (!misaligned && !watch_may_refuse((uint32_t)rip))
      fail("an instruction that is not permitted to it", rip);
    break;
  case TRAP_OPCODE: {
    static const uint8_t ud2[] = {0x0f, 0x0b};
    if (!in_window(rip) || watch_place((uint32_t)rip) > WATCH_INSIDE || memcmp((uint8_t *)rip, ud2, sizeof ud2) != 0)
      fail("an instruction that the processor does not have", rip);
    break;
  }
  case TRAP_DIVIDE:
  case TRAP_X87:
    break;
  default:
    fail("a fault that no verified instruction has", (uint64_t)registers[REG_TRAPNO]);
  }
}

/* A signal outside the program. -> false: it may not come there. */
static bool outside(int signal, greg_t *registers) {
  const uint8_t *rip = (const uint8_t *)registers[REG_RIP];
  if (!machine_state.inside && signal == SIGALRM)
    return true;
  if (!machine_state.inside || rip < machine_border || rip >= machine_border_end)
    return false;
  if (signal == SIGTRAP && registers[REG_TRAPNO] == TRAP_DEBUG && rip == machine_entry) {
    registers[REG_EFL] &= ~(greg_t)FLAG_TRAP;
    return true;
  }
  return signal == SIGALRM;
}

static _Noreturn void harmed(int signal, const greg_t *registers) {
  static char text[200];
  int length = snprintf(text, sizeof text, "# signal %d in the executor itself, at %#llx, address %#llx\n", signal,
                        (unsigned long long)registers[REG_RIP], (unsigned long long)registers[REG_CR2]);
  if (write(STDOUT_FILENO, text, (size_t)length) < 0)
    _exit(3);
  _exit(2);
}

void machine_handle(int signal, siginfo_t *information, ucontext_t *context, uint64_t gs, uint64_t fs) {
  greg_t *registers = context->uc_mcontext.gregs;
  if (!in_window((uint64_t)registers[REG_RIP]) && outside(signal, registers))
    return;
  if (!machine_state.inside)
    harmed(signal, registers);
  uint64_t general[16];
  for (int i = 0; i < 16; i++)
    general[i] = (uint64_t)registers[order[i]];
  bool debug = registers[REG_TRAPNO] == TRAP_DEBUG, page = signal == SIGSEGV && registers[REG_TRAPNO] == TRAP_PAGE;
  if (signal == SIGTRAP && !debug)
    registers[REG_RIP]--; /* int3 */
  struct stopped stopped = {.general = general,
                            .rip = (uint64_t)registers[REG_RIP],
                            .flags = (uint64_t)registers[REG_EFL],
                            .gs = gs,
                            .fs = fs,
                            .mxcsr = context->uc_mcontext.fpregs->mxcsr};
  if (signal == SIGSYS) /* the instruction pointer is behind the system call */
    fail("a system call", (uint64_t)registers[REG_RIP]);
  else
    check_place(stopped.rip, page && (registers[REG_ERR] & FAULT_FETCH));
  check_state(&stopped);
  if (((uint64_t)registers[REG_CSGSFS] ^ machine_state.host_selectors) != 0)
    fail("a segment register has changed", (uint64_t)registers[REG_CSGSFS]);
  switch (signal) {
  case SIGALRM:
    set_back(registers);
    if (++machine_state.result->ticks >= machine_state.ticks_most)
      end_program(registers, MACHINE_TICKS);
    break;
  case SIGTRAP:
    if (debug) {
      on_step(registers, general);
      break;
    }
    if (*(const uint8_t *)stopped.rip != 0xcc)
      fail("a breakpoint that is not one", stopped.rip);
    if (watch_place((uint32_t)stopped.rip) == WATCH_END && random_once(&machine_state.random, 2))
      end_program(registers, MACHINE_ENDS);
    else
      go_on(registers);
    break;
  case SIGSYS:
    break;
  default:
    on_fault(registers, general, information);
    go_on(registers);
  }
  if (machine_state.options->trace && signal != SIGALRM && !debug)
    printf("# signal %d at %05llx, address %#llx\n", signal, (unsigned long long)stopped.rip - BASE,
           (unsigned long long)registers[REG_CR2]);
  if (machine_state.result->failure) {
    memcpy(machine_state.result->registers, general, sizeof general);
    machine_state.result->registers[MACHINE_RIP] = stopped.rip;
    machine_state.result->registers[MACHINE_FLAGS] = stopped.flags;
    end_program(registers, MACHINE_ENDS);
  }
}

/* A call through the entry table. Goes back as the kernel does: to the masked return address, with hostile answers.
 * -> false: the program ends. */
bool machine_call(void) {
  struct stopped stopped = {.general = machine_state.general,
                            .rip = 0,
                            .flags = machine_state.flags,
                            .gs = machine_state.gs,
                            .fs = machine_state.fs,
                            .mxcsr = machine_state.mxcsr};
  check_state(&stopped);
  if (memcmp(machine_state.selectors, machine_state.host_data_selectors, sizeof machine_state.selectors) != 0)
    fail("a segment register has changed", machine_state.selectors[0]);
  uint64_t rsp = machine_state.general[RSP], back;
  if (machine_state.result->failure) {
    memcpy(machine_state.result->registers, machine_state.general, sizeof machine_state.general);
    machine_state.result->registers[MACHINE_FLAGS] = machine_state.flags;
  }
  bool readable = rsp - BASE >= PROGRAM_DATA && rsp - BASE <= PROGRAM_STACK - sizeof back;
  if (machine_state.result->failure || !readable || ++machine_state.result->calls > CALLS_MOST) {
    machine_state.result->end = MACHINE_CALLS;
    return false;
  }
  memcpy(&back, (const uint8_t *)rsp, sizeof back);
  static const uint8_t kept[16] = {[3] = 1, [4] = 1, [5] = 1, [12] = 1, [13] = 1, [14] = 1, [15] = 1};
  for (int i = 0; i < 16; i++)
    if (!kept[i])
      machine_state.general[i] = 0;
  machine_state.general[0] = random_hostile(&machine_state.random);
  machine_state.general[2] = random_hostile(&machine_state.random);
  machine_state.general[RSP] += sizeof back;
  machine_state.rip = BASE | (back & (SIGNET_CODE_HIGH - SIGNET_BUNDLE));
  machine_state.flags = 0x202 | (machine_state.options->step || machine_state.options->trace ? FLAG_TRAP : 0);
  return true;
}

/* ---- Setting up ---- */

uint32_t machine_features(void) {
  bool avx;
  return x86_features(&avx);
}

static bool map_window(void) {
  const int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (mmap((void *)(BASE - WINDOW), 3 * WINDOW, PROT_NONE, nothing | MAP_FIXED_NOREPLACE, -1, 0) !=
      (void *)(BASE - WINDOW))
    return false;
  uint64_t *table =
      mmap(at_offset(SIGNET_ENTRY_TABLE), SIGNET_PAGE, PROT_READ | PROT_WRITE, nothing | MAP_FIXED, -1, 0);
  if (table == MAP_FAILED)
    return false;
  for (uint32_t i = 0; i < PROGRAM_CALLS; i++)
    table[i] = (uint64_t)machine_entry;
  if (mprotect(table, SIGNET_PAGE, PROT_READ))
    return false;
  int code = memfd_create("code", MFD_CLOEXEC);
  bool mapped = code >= 0 && ftruncate(code, SIGNET_PAGE) == 0;
  if (mapped) {
    machine_state.code = mmap(NULL, SIGNET_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, code, 0);
    mapped = machine_state.code != MAP_FAILED && mmap(at_offset(PROGRAM_CODE), SIGNET_PAGE, PROT_READ | PROT_EXEC,
                                                      MAP_SHARED | MAP_FIXED, code, 0) != MAP_FAILED;
  }
  if (code >= 0)
    close(code);
  if (!mapped ||
      mmap(at_offset(SIGNET_THREAD_PAGE), SIGNET_PAGE, PROT_READ | PROT_WRITE, nothing | MAP_FIXED, -1, 0) ==
          MAP_FAILED ||
      mmap(at_offset(PROGRAM_DATA), PROGRAM_DATA_LENGTH, PROT_READ | PROT_WRITE, nothing | MAP_FIXED, -1, 0) ==
          MAP_FAILED)
    return false;
  memset(machine_state.code, 0xcc, SIGNET_PAGE);
  return true;
}

static bool handle_signals(void) {
  stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
  if (sigaltstack(&stack, NULL))
    return false;
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGALRM};
  struct sigaction action = {.sa_flags = SA_ONSTACK | SA_SIGINFO | SA_RESTART};
  action.sa_handler = machine_signal;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&action.sa_mask, signals[i]);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, NULL))
      return false;
  return true;
}

/* The host's kernel writes there when the process changes processors, which machine_sum would take for a program's
 * work. */
static bool stop_restartable_sequences(void) {
  enum { REGISTERED_LENGTH = 32 };
  if (!__rseq_size)
    return true;
  return syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, REGISTERED_LENGTH, RSEQ_FLAG_UNREGISTER,
                 RSEQ_SIG) == 0;
}

/* Every so often, or never. */
static bool set_timer(bool on) {
  long period = on ? TICK_NANOSECONDS : 0;
  struct itimerspec times = {.it_interval.tv_nsec = period, .it_value.tv_nsec = period};
  return timer_settime(machine_state.timer, 0, &times, NULL) == 0;
}

static bool start_timer(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  return timer_create(CLOCK_MONOTONIC, &event, &machine_state.timer) == 0 && set_timer(true);
}

/* Memory that can be written and that nothing but a program's mistake writes while programs run. */
static bool find_regions(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512], protection[8], name[256];
  unsigned long from, to;
  if (!maps)
    return false;
  machine_state.region_count = 0;
  while (fgets(line, sizeof line, maps)) {
    *name = 0;
    if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to, protection, name) < 3 || protection[0] != 'r' ||
        protection[1] != 'w' || in_window(from) || from == (unsigned long)machine_state.code)
      continue;
    unsigned long own = (unsigned long)__start_machine_own, own_end = (unsigned long)__stop_machine_own;
    if (strcmp(name, "[stack]") == 0) {
      machine_state.stack_end = (const uint8_t *)to;
      continue;
    }
    if (strcmp(protection, "rw-s") == 0) /* what the executor counts for its parent */
      continue;
    if (from < own && own < to) {
      machine_state.regions[machine_state.region_count++] = (struct region){(uint8_t *)from, own - from};
      from = own_end;
    } else if (from >= own && from < own_end) {
      from = own_end;
    }
    if (from < to && machine_state.region_count < REGIONS_MOST - 2)
      machine_state.regions[machine_state.region_count++] = (struct region){(uint8_t *)from, to - from};
  }
  fclose(maps);
  return machine_state.region_count > 0 && machine_state.stack_end;
}

static uint64_t sum_bytes(uint64_t sum, const uint8_t *from, size_t length) {
  for (size_t i = 0; i + 8 <= length; i += 8) {
    uint64_t word;
    memcpy(&word, from + i, sizeof word);
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    sum ^= sum >> 32;
  }
  return sum;
}

uint64_t machine_sum(const void *frame) {
  uint64_t sum = sum_bytes(0, frame, (size_t)(machine_state.stack_end - (const uint8_t *)frame));
  for (size_t i = 0; i < machine_state.region_count; i++)
    sum = sum_bytes(sum, machine_state.regions[i].from, machine_state.regions[i].length);
  return sum;
}

bool machine_possible(void) {
  enum { HWCAP2_WRGSBASE = 2 };
  return getauxval(AT_HWCAP2) & HWCAP2_WRGSBASE;
}

bool machine_open(void) {
  bool avx;
  x86_features(&avx);
  machine_state.avx = avx;
  machine_state.base = BASE;
  machine_state.trap = BASE - WINDOW + 0x80000000;
  __asm__("stmxcsr %0" : "=m"(machine_state.host_mxcsr));
  uint16_t cs, gs, fs, ss;
  __asm__("mov %%cs,%0\n mov %%gs,%1\n mov %%fs,%2\n mov %%ss,%3" : "=r"(cs), "=r"(gs), "=r"(fs), "=r"(ss));
  machine_state.host_selectors = cs | (uint64_t)gs << 16 | (uint64_t)fs << 32 | (uint64_t)ss << 48;
  __asm__("mov %%ds,%0\n mov %%es,%1" : "=r"(cs), "=r"(ss));
  machine_state.host_data_selectors[0] = cs;
  machine_state.host_data_selectors[1] = ss;
  machine_state.host_data_selectors[2] = fs;
  machine_state.host_data_selectors[3] = gs;
  if ((uint64_t)machine_entry < BASE + WINDOW || (uint64_t)__builtin_frame_address(0) < BASE + WINDOW ||
      !map_window()) {
    printf("# the native executor has no room for its window at %#llx\n", BASE);
    return false;
  }
  static char dispatch = SYSCALL_DISPATCH_FILTER_BLOCK;
  if (!stop_restartable_sequences() || !handle_signals() || !find_regions() ||
      prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, BASE + WINDOW, ADDRESS_END - BASE - WINDOW, &dispatch) ||
      !start_timer()) {
    perror("# the native executor needs Linux 5.11 (system calls dispatched to user space), timers and /proc");
    return false;
  }
  return true;
}

void machine_run(const struct program *program, const struct program_start *start,
                 const struct machine_options *options, uint64_t chosen, struct machine_result *result) {
  bool steps = options->step || options->trace;
  *result = (struct machine_result){.end = MACHINE_ENDS};
  machine_state.program = program;
  machine_state.options = options;
  machine_state.result = result;
  machine_state.random.state = chosen;
  machine_state.ticks_most = options->patient || steps ? UINT32_MAX : random_below(&machine_state.random, 4) ? 1 : 3;
  memcpy(machine_state.code, program->code, program->length);
  if (machine_state.code_length > program->length)
    memset(machine_state.code + program->length, 0xcc, machine_state.code_length - program->length);
  machine_state.code_length = program->length;
  program_data(at_offset(PROGRAM_DATA), program->seed);
  memset(at_offset(SIGNET_THREAD_PAGE), 0, SIGNET_PAGE);
  watch_program(program);

  memcpy(machine_state.general, start->general, sizeof machine_state.general);
  machine_state.general[RSP] = BASE + (uint32_t)start->general[RSP];
  machine_state.general[R14] = BASE;
  machine_state.rip = BASE + PROGRAM_CODE;
  machine_state.flags = 0x202 | start->flags | (steps ? FLAG_TRAP : 0);
  machine_state.mxcsr = start->mxcsr;
  machine_state.mxcsr_control = start->mxcsr & ~(uint32_t)MXCSR_STATUS;
  machine_state.x87 = start->x87_control;
  memcpy(machine_state.vector, start->vector, sizeof machine_state.vector);
  if (steps) {
    set_timer(false);
    check_addresses(machine_state.rip, machine_state.general);
    if (options->trace)
      watch_print((uint32_t)machine_state.rip, machine_state.general);
  }
  machine_enter();
  if (steps)
    set_timer(true);
}
