/* Owns the saved registers of threads, and running them. Called by the kernel with its lock held, and by the signal
 * handlers.
 *
 * A thread that called the kernel needs the few registers that the calling convention keeps; one that was pre-empted
 * needs all of them, and those are the frame that Linux made for the signal, copied to a frame of ours and put back by
 * rt_sigreturn. Contexts and frames are two arrays over reserved address space: a frame's pages exist only once its
 * thread was pre-empted. */
#include <asm/hwcap2.h>
#include <asm/sigcontext.h>
#include <cpuid.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <ucontext.h>
#include <unistd.h>

#include "port/linux/linux.h"
#include "port/x86/features.h"
#include "port/x86/return.h"
#include "port/x86/x87.h"

#define CONTEXTS (1u << 16)
#define UCONTEXT_BYTES 304 /* struct ucontext as the kernel of Linux lays it out, up to its 8-byte signal mask */
#define DEFAULT_MXCSR 0x1f80
#define DEFAULT_X87 0x37f
#define ARCH_SET_GS_NUMBER 0x1001

/* One level's frame: the ucontext, then the vector state at a 64-byte boundary. */
struct frame {
  uint8_t ucontext[320];
  uint8_t vector[];
};

_Static_assert(offsetof(struct port_context, current) == CONTEXT_CURRENT, "context.h");
_Static_assert(offsetof(struct linux_registers, rdi) == REGISTERS_RDI, "context.h");
_Static_assert(offsetof(struct linux_registers, thread_pointer) == REGISTERS_THREAD_POINTER, "context.h");
_Static_assert(offsetof(struct linux_cpu, context) == CPU_CONTEXT && offsetof(struct linux_cpu, base) == CPU_BASE &&
                   offsetof(struct linux_cpu, tick) == CPU_TICK,
               "context.h");

extern _Noreturn void linux_enter(struct linux_registers *registers, uint64_t base);
extern _Noreturn void linux_enter_frame(void *ucontext);
extern bool linux_copy(void *to, const void *from, size_t length);

static struct port_context *contexts;
static uint8_t *frames;
static size_t frame_bytes; /* of one level, a multiple of 64 */
static uint32_t contexts_used;
static struct port_context *free_contexts;
static bool have_avx, have_fsgsbase;
static uint32_t features;

uint32_t port_features(void) { return features; }

bool linux_context_prepare(void) {
  uint32_t a, b, c, d;
  features = x86_features(&have_avx);
  have_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
  size_t vector = 512;
  if (__get_cpuid_max(0, NULL) >= 0xd) {
    __cpuid_count(0xd, 0, a, b, c, d);
    vector = c; /* all that this processor has, enabled or not */
  }
  frame_bytes = (sizeof(struct frame) + vector + FP_XSTATE_MAGIC2_SIZE + 63) & ~(size_t)63;
  contexts = mmap(NULL, CONTEXTS * sizeof *contexts, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  frames = mmap(NULL, CONTEXTS * 2 * frame_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0);
  return contexts != MAP_FAILED && frames != MAP_FAILED;
}

static struct frame *frame_of(const struct port_context *context) {
  size_t level = (size_t)(context->current - context->level);
  return (struct frame *)(frames + (2 * (size_t)context->number + level) * frame_bytes);
}

struct port_context *port_context_create(uint32_t entry, uint32_t stack, uint64_t argument, uint64_t thread_pointer) {
  struct port_context *context = free_contexts;
  if (context) {
    free_contexts = context->next_free;
  } else if (contexts_used < CONTEXTS) {
    context = &contexts[contexts_used];
    context->number = contexts_used++;
  } else {
    return NULL;
  }
  memset(context->level, 0, sizeof context->level);
  context->current = &context->level[0];
  struct linux_registers *registers = context->current;
  registers->rip = entry;
  registers->rsp = stack;
  registers->rdi = argument;
  registers->thread_pointer = thread_pointer;
  registers->mxcsr = DEFAULT_MXCSR;
  registers->x87_control = DEFAULT_X87;
  return context;
}

void port_context_destroy(struct port_context *context) {
  linux_context_forget(context);
  context->next_free = free_contexts;
  free_contexts = context;
}

void port_context_set_result(struct port_context *context, struct signet_result result) {
  context->current->rax = (uint64_t)result.status;
  context->current->rdx = result.value;
}

/* Everything new, whatever was there. */
static void load_floating_point(uint32_t mxcsr, uint16_t x87) {
  __asm__ volatile(X86_X87_NEW "fldcw %0; ldmxcsr %1" : : "m"(x87), "m"(mxcsr));
}

/* The same after a thread whose control and status are known. The x87 registers
 * hold nothing of the other's (x87.h). The status word can be read: its condition codes are of what the other thread
 * compared. */
static void change_floating_point(const struct linux_registers *from, uint16_t status,
                                  const struct linux_registers *to) {
  if (status || from->x87_control != to->x87_control) {
    load_floating_point(to->mxcsr, to->x87_control);
    return;
  }
  __asm__ volatile(X86_X87_EMPTY);
  if (from->mxcsr != to->mxcsr)
    __asm__ volatile("ldmxcsr %0" : : "m"(to->mxcsr));
}

/* The control and exception bits stay with the thread. The x87's own exception bits are kept as MXCSR's: who asks for
 * one asks for both. Its register stack is empty at a call, by the calling convention. */
uint16_t linux_context_save_floating_point(struct port_context *context) {
  struct linux_registers *registers = context->current;
  uint16_t status;
  __asm__ volatile("stmxcsr %0; fnstcw %1; fnstsw %2"
                   : "=m"(registers->mxcsr), "=m"(registers->x87_control), "=a"(status));
  registers->mxcsr |= status & 0x3f;
  /* Unmasked exceptions do not outlive a call. */
  if ((registers->x87_control & 0x3f) != 0x3f) {
    registers->x87_control |= 0x3f;
    status |= 0xff;
  }
  return status;
}

void port_context_set_floating_point(struct port_context *context, uint32_t mxcsr, uint32_t x87) {
  context->current->mxcsr = mxcsr;
  context->current->x87_control = (uint16_t)x87;
  if (linux_cpu_self && linux_cpu_self->context == context)
    load_floating_point(mxcsr, (uint16_t)x87);
}

static struct sigcontext *frame_registers(struct frame *frame) {
  return (struct sigcontext *)(frame->ucontext + offsetof(ucontext_t, uc_mcontext));
}

const uint8_t *linux_context_rip(const struct port_context *context) {
  return (const uint8_t *)frame_registers(frame_of(context))->rip;
}

/* The thread may be about to execute where no code is: the copy then fails, and so will it. */
static uint64_t before_return_sequence(uint64_t rip, uint64_t base) {
  uint8_t code[X86_RETURN_TAIL] = {0};
  uint32_t offset = (uint32_t)(rip - base), in_bundle = SIGNET_BUNDLE - offset % SIGNET_BUNDLE;
  if (!linux_copy(code, (const void *)rip, in_bundle < sizeof code ? in_bundle : sizeof code))
    return rip;
  return rip - x86_return_back(offset, code);
}

/* Called in a signal handler: the registers of the interrupted thread become its context's. */
void linux_context_save_frame(struct port_context *context, const void *from, uint64_t base) {
  struct frame *frame = frame_of(context);
  memcpy(frame->ucontext, from, UCONTEXT_BYTES);
  struct sigcontext *registers = frame_registers(frame);
  registers->rip = before_return_sequence(registers->rip, base);
  const struct _fpstate_64 *state = (const void *)((const ucontext_t *)from)->uc_mcontext.fpregs;
  size_t length = 512;
  if (state->sw_reserved.magic1 == FP_XSTATE_MAGIC1)
    length = state->sw_reserved.extended_size;
  if (sizeof(struct frame) + length > frame_bytes)
    linux_panic("the vector state is %zu bytes, more than the processor said", length);
  memcpy(frame->vector, state, length);
  registers->fpstate = (void *)frame->vector;
  context->current->framed = true;
  context->current->rsp = registers->rsp;
  context->current->thread_pointer = *(const uint64_t *)(base + SIGNET_THREAD_PAGE);
}

/* What of the level that is left is still in this processor goes to its memory; the other level's comes from there. */
static void put_away(struct port_context *context) {
  struct linux_cpu *cpu = linux_cpu_self;
  if (!cpu || cpu->context != context)
    return;
  if (!context->current->framed)
    linux_context_save_floating_point(context);
  cpu->context = NULL;
}

bool port_context_divert(struct port_context *context, uint32_t entry, uint64_t event) {
  if (context->current != &context->level[0])
    return false;
  put_away(context);
  const struct linux_registers *before = &context->level[0];
  struct linux_registers *registers = &context->level[1];
  /* Only the low 32 bits of %rsp count: it may have been stopped inside a stack sequence. */
  uint32_t stack = (((uint32_t)before->rsp - 256) & ~15u) - 8;
  *registers = (struct linux_registers){.rip = entry,
                                        .rsp = stack,
                                        .rdi = event,
                                        .thread_pointer = before->thread_pointer,
                                        .mxcsr = before->framed ? DEFAULT_MXCSR : before->mxcsr,
                                        .x87_control = before->framed ? DEFAULT_X87 : before->x87_control};
  context->current = registers;
  return true;
}

bool port_context_return(struct port_context *context) {
  if (context->current == &context->level[0])
    return false;
  put_away(context);
  context->level[0].thread_pointer = context->level[1].thread_pointer;
  context->current = &context->level[0];
  return true;
}

void linux_clear_vectors(void) {
  if (have_avx)
    __asm__ volatile("vzeroall");
  else
    __asm__ volatile("pxor %xmm0,%xmm0; pxor %xmm1,%xmm1; pxor %xmm2,%xmm2; pxor %xmm3,%xmm3;"
                     "pxor %xmm4,%xmm4; pxor %xmm5,%xmm5; pxor %xmm6,%xmm6; pxor %xmm7,%xmm7;"
                     "pxor %xmm8,%xmm8; pxor %xmm9,%xmm9; pxor %xmm10,%xmm10; pxor %xmm11,%xmm11;"
                     "pxor %xmm12,%xmm12; pxor %xmm13,%xmm13; pxor %xmm14,%xmm14; pxor %xmm15,%xmm15");
}

_Noreturn void port_answer(struct port_context *context, uint32_t window, struct signet_result result) {
  port_context_set_result(context, result);
  port_resume(context, window);
}

_Noreturn void port_resume(struct port_context *context, uint32_t window) {
  struct linux_cpu *cpu = linux_cpu_self;
  struct linux_registers *registers = context->current;
  uint64_t base = linux_window_base(window);
  if (cpu->tick) {
    cpu->tick = 0;
    linux_poller_look(true);
  }
  if (cpu->context != context) {
    /* A frame brings all of its state with it. */
    if (cpu->context) {
      uint16_t status = linux_context_save_floating_point(cpu->context);
      if (!registers->framed)
        change_floating_point(cpu->context->current, status, registers);
    } else if (!registers->framed) {
      load_floating_point(registers->mxcsr, registers->x87_control);
    }
    cpu->context = context;
  }
  if (cpu->base != base) {
    linux_window_settle(window);
    if (have_fsgsbase)
      __asm__ volatile("wrgsbase %0" : : "r"(base));
    else
      syscall(SYS_arch_prctl, ARCH_SET_GS_NUMBER, base);
    cpu->base = base;
  }
  if (cpu->floating_window != window) {
    linux_clear_vectors();
    cpu->floating_window = window;
  }
  *(uint64_t *)(base + SIGNET_THREAD_PAGE) = registers->thread_pointer;
  if (registers->framed) {
    struct frame *frame = frame_of(context);
    ucontext_t *ucontext = (ucontext_t *)frame->ucontext;
    registers->framed = false;
    ucontext->uc_stack.ss_sp = cpu->signal_stack;
    ucontext->uc_stack.ss_size = LINUX_SIGNAL_STACK;
    ucontext->uc_stack.ss_flags = 0;
    port_unlock();
    linux_enter_frame(ucontext);
  }
  registers->rsp = base | (uint32_t)registers->rsp;
  port_unlock();
  linux_enter(registers, base);
}
