/* Owns the saved registers of threads, and running them. Called by the kernel with its lock held, and by interrupt.c.
 *
 * A thread that called the kernel needs the few registers that the calling convention keeps; one that was pre-empted,
 * or has not run yet, needs all of them: its frame, and what XSAVE made of the vector registers. */
#include "port/pc/context.h"

#include <signet/layout.h>

#include "port/pc/instructions.h"
#include "port/x86/features.h"
#include "port/x86/return.h"

#define DEFAULT_MXCSR 0x1f80
#define DEFAULT_X87 0x37f
#define STATE_X87 1
#define STATE_SSE 2
#define STATE_AVX 4
#define XSAVE_HEADER 512 /* its first 8 bytes: which states the area holds */
#define XSAVE_PLAIN 576  /* without AVX */

_Static_assert(sizeof(struct port_context) <= PC_PAGE, "a context is a page");
_Static_assert(sizeof(((struct pc_registers *)0)->floating_point) == 512, "what FXRSTOR reads");
_Static_assert(offsetof(struct pc_registers, rdx) == REGISTERS_RDX, "context.h");
_Static_assert(offsetof(struct pc_registers, rbx) == REGISTERS_RBX, "context.h");
_Static_assert(offsetof(struct pc_registers, rax) == REGISTERS_RAX, "context.h");
_Static_assert(offsetof(struct pc_cpu, registers) == CPU_REGISTERS, "context.h");
_Static_assert(offsetof(struct pc_cpu, kernel_stack) == CPU_KERNEL_STACK, "context.h");

static uint32_t features, states; /* of VERIFIER_FEATURES; of XCR0 */
static bool have_avx;
static struct port_context *pointer_in[PC_WINDOWS]; /* whose thread pointer the window's thread page holds */

uint32_t port_features(void) { return features; }

bool pc_context_prepare(void) {
  uint32_t found[4];
  features = x86_features(&have_avx);
  pc_cpuid(0xd, 0, found);
  states = STATE_X87 | STATE_SSE | (have_avx ? STATE_AVX : 0);
  return found[1] <= PC_VECTOR_STATE;
}

static struct pc_full *full_of(struct port_context *context) {
  return &context->full[context->current - context->level];
}

/* All registers of a thread at its beginning: its current level is to be resumed from its frame. */
static void make_fresh(struct port_context *context, uint32_t entry, uint32_t stack, uint64_t argument, uint32_t mxcsr,
                       uint16_t x87) {
  struct pc_full *full = full_of(context);
  memset(full->vector, 0, XSAVE_PLAIN);
  *(uint16_t *)full->vector = x87;
  *(uint32_t *)(full->vector + 24) = mxcsr;
  *(uint64_t *)(full->vector + XSAVE_HEADER) = STATE_X87;
  memset(&full->frame, 0, sizeof full->frame);
  full->frame.rip = entry & ~(SIGNET_BUNDLE - 1u) & (SIGNET_CODE_HIGH - 1);
  full->frame.rsp = stack;
  full->frame.rdi = argument;
  full->frame.cs = SELECTOR_CODE;
  full->frame.ss = SELECTOR_DATA;
  full->frame.rflags = FLAGS_ALWAYS;
  *context->current = (struct pc_registers){.framed = true, .fresh = true};
}

struct port_context *port_context_create(uint32_t entry, uint32_t stack, uint64_t argument, uint64_t thread_pointer) {
  uint64_t page = pc_frames_take(1, PC_FRAME_KERNEL, false);
  if (!page)
    return NULL;
  struct port_context *context = pc_direct(page);
  context->current = &context->level[0];
  context->thread_pointer = thread_pointer;
  context->in_window = false;
  make_fresh(context, entry, stack, argument, DEFAULT_MXCSR, DEFAULT_X87);
  return context;
}

static void keep_nothing(struct pc_cpu *cpu) { cpu->registers = &cpu->nobody; }

void pc_context_cpu(struct pc_cpu *cpu) {
  keep_nothing(cpu);
  cpu->user = (uint8_t)(cpu->number + 1);
  cpu->quick = have_avx ? cpu->user : 0xff;
}

/* A context is a page. */
static struct port_context *context_of(const struct pc_registers *registers) {
  return (struct port_context *)((uint64_t)registers & ~(PC_PAGE - 1));
}

static bool has_registers(const struct port_context *context, const struct pc_cpu *cpu) {
  return context_of(cpu->registers) == context;
}

void port_context_destroy(struct port_context *context) {
  for (uint32_t i = 0; i < pc_cpu_count; i++)
    if (has_registers(context, pc_cpus[i]))
      keep_nothing(pc_cpus[i]);
  if (context->in_window)
    pointer_in[context->window] = NULL;
  pc_frames_give(pc_physical(context), 1);
}

void port_context_set_result(struct port_context *context, struct signet_result result) {
  context->current->rax = (uint64_t)result.status;
  context->current->rdx = result.value;
}

static inline void store_floating_point(struct pc_registers *to) {
  __asm__ volatile("stmxcsr %0; fnstcw %1; fnstsw %2"
                   : "=m"(to->floating_point.mxcsr), "=m"(to->floating_point.x87_control),
                     "=m"(to->floating_point.x87_status));
}

/* Control as the thread had it, and nothing in the registers of the x87 and in the low halves of the vector registers:
 * marked empty is not enough, fxam tells the sign of an empty register. */
static inline void load_floating_point(const struct pc_registers *from) {
  __asm__ volatile("fxrstor64 %0" : : "m"(from->floating_point));
}

/* The upper halves, which FXRSTOR leaves alone. */
static inline void clear_vectors(void) {
  if (have_avx)
    __asm__ volatile("vzeroall");
}

/* The control and exception bits stay with the thread. The x87's own exception bits are kept as MXCSR's: who asks for
 * one asks for both. Its register stack is empty at a call, by the calling convention. Unmasked exceptions do not
 * outlive a call. */
static void settle_floating_point(struct pc_registers *registers) {
  registers->floating_point.mxcsr |= registers->floating_point.x87_status & 0x3f;
  registers->floating_point.x87_control |= 0x3f;
  registers->floating_point.x87_status = 0;
}

/* There is nothing to settle. */
static inline bool is_settled(const struct pc_registers *registers) {
  return registers->floating_point.x87 == DEFAULT_X87;
}

void pc_context_put_away(void) {
  struct pc_cpu *cpu = pc_cpu_self();
  store_floating_point(cpu->registers);
  settle_floating_point(cpu->registers);
  keep_nothing(cpu);
}

void port_context_set_floating_point(struct port_context *context, uint32_t mxcsr, uint32_t x87) {
  context->current->floating_point.mxcsr = mxcsr;
  context->current->floating_point.x87_control = (uint16_t)x87;
  context->current->floating_point.x87_status = 0;
  if (has_registers(context, pc_cpu_self()))
    load_floating_point(context->current);
}

/* On the interrupt stack: the registers of the interrupted thread become its context's. */
void pc_context_save_full(const struct pc_trap_frame *from) {
  struct pc_cpu *cpu = pc_cpu_self();
  struct port_context *context = context_of(cpu->registers);
  struct pc_full *full = full_of(context);
  full->frame = *from;
  full->frame.rflags = (from->rflags & FLAGS_OF_PROCESS) | FLAGS_ALWAYS;
  __asm__ volatile("xsave64 %0" : "=m"(full->vector) : "a"(states), "d"(0));
  context->current->framed = true;
  cpu->stopped = context;
  keep_nothing(cpu);
}

/* The thread may be about to execute where no code is: the copy then fails, and so will it. */
void pc_context_roll_back(struct port_context *context) {
  struct pc_trap_frame *frame = &full_of(context)->frame;
  uint64_t base = pc_base(), offset = frame->rip - base;
  if (offset >= PC_WINDOW_BYTES) /* in a stub */
    return;
  uint8_t code[X86_RETURN_TAIL] = {0};
  uint64_t in_bundle = SIGNET_BUNDLE - offset % SIGNET_BUNDLE;
  uint32_t window = (uint32_t)((base - PC_WINDOWS_LOW) / PC_WINDOW_STRIDE);
  if (port_copy_in(code, window, (uint32_t)offset, in_bundle < sizeof code ? in_bundle : sizeof code))
    frame->rip -= x86_return_back((uint32_t)offset, code);
}

bool port_context_divert(struct port_context *context, uint32_t entry, uint64_t event) {
  if (context->current != &context->level[0])
    return false;
  if (has_registers(context, pc_cpu_self()))
    pc_context_put_away();
  const struct pc_registers *before = &context->level[0];
  /* Only the low 32 bits of %rsp count: it may have been stopped inside a stack sequence. */
  uint32_t stack = (uint32_t)(before->framed ? context->full[0].frame.rsp : before->rsp);
  context->current = &context->level[1];
  make_fresh(context, entry, ((stack - 256) & ~15u) - 8, event,
             before->framed ? DEFAULT_MXCSR : before->floating_point.mxcsr,
             before->framed ? DEFAULT_X87 : before->floating_point.x87_control);
  return true;
}

bool port_context_return(struct port_context *context) {
  if (context->current == &context->level[0])
    return false;
  if (has_registers(context, pc_cpu_self()))
    pc_context_put_away();
  context->current = &context->level[0];
  return true;
}

/* Another thread of this window had its pointer in the thread page, or none. */
static __attribute__((noinline)) void exchange_thread_pointer(struct port_context *context, uint32_t window,
                                                              uint64_t base) {
  uint64_t *page = (uint64_t *)(base + SIGNET_THREAD_PAGE);
  struct port_context *before = pointer_in[window];
  if (before) {
    before->thread_pointer = *page;
    before->in_window = false;
  }
  *page = context->thread_pointer;
  pointer_in[window] = context;
  context->window = window;
  context->in_window = true;
}

static inline void set_base(uint64_t base) { __asm__ volatile("wrgsbase %0" : : "r"(base)); }

/* With all registers in its frame; unlocks. */
static _Noreturn void enter_full(struct port_context *context, uint64_t base) {
  struct pc_full *full = full_of(context);
  if (context->current->fresh) {
    full->frame.rip |= base;
    full->frame.rsp |= base;
    full->frame.r14 = base;
  }
  context->current->framed = context->current->fresh = false;
  port_unlock();
  __asm__ volatile("xrstor64 %0" : : "m"(full->vector), "a"(states), "d"(0));
  pc_enter_frame(&full->frame);
}

/* With the registers of a call; unlocks. */
static inline __attribute__((always_inline)) _Noreturn void enter(const struct pc_registers *registers, uint64_t base) {
  register uint64_t window_base __asm__("r14") = base;
  port_unlock();
  __asm__ volatile("jmp pc_enter" : : "D"(registers), "r"(window_base) : "memory");
  __builtin_unreachable();
}

/* Whatever has to be done. The floating point state of the thread before has been stored, as it is in the processor. */
static __attribute__((noinline)) _Noreturn void resume_fully(struct port_context *context, uint32_t window) {
  struct pc_registers *before = PC_CPU->registers, *registers = context->current;
  uint64_t base = pc_window_base(window);
  settle_floating_point(before);
  PC_CPU->registers = registers;
  pc_window_enter(window);
  set_base(base);
  if (pointer_in[window] != context)
    exchange_thread_pointer(context, window, base);
  if (registers->framed)
    enter_full(context, base);
  load_floating_point(registers);
  clear_vectors();
  enter(registers, base);
}

/* The way that a reply takes, in few instructions: to a thread that called, alone in its window, which this processor
 * was the last to use, after one that left no floating point control to settle. */
static inline __attribute__((always_inline)) bool quickly(struct port_context *context, uint64_t window,
                                                          struct pc_registers *registers) {
  struct pc_registers *before = PC_CPU->registers;
  store_floating_point(before);
  if (__builtin_expect(!is_settled(before) || registers->framed || pointer_in[window] != context ||
                           !pc_window_used_by(window, PC_CPU->quick),
                       0))
    return false;
  PC_CPU->registers = registers;
  load_floating_point(registers);
  __asm__ volatile("vzeroall");
  return true;
}

_Noreturn void port_resume(struct port_context *context, uint32_t window) {
  struct pc_registers *registers = context->current;
  uint64_t base = pc_window_base(window);
  if (PC_CPU->registers != registers) {
    if (!quickly(context, window, registers))
      resume_fully(context, window);
    set_base(base);
  }
  enter(registers, base);
}

_Noreturn void port_answer(struct port_context *context, uint32_t window, struct signet_result result) {
  uint64_t index = window;
  __asm__("" : "+r"(index)); /* one register: the base is made anew, which takes less than keeping it */
  struct pc_registers *registers = context->current;
  if (!quickly(context, index, registers)) {
    port_context_set_result(context, result);
    resume_fully(context, (uint32_t)index);
  }
  register uint64_t base __asm__("r14") = pc_window_base(index);
  port_unlock();
  __asm__ volatile("wrgsbase %1; jmp pc_enter_answer"
                   :
                   : "D"(registers), "r"(base), "a"(result.status), "d"(result.value)
                   : "memory");
  __builtin_unreachable();
}
