/* Owns the checks at the border (kernel_border.h). Processor threads, with a process's vector registers in place: built
 * without vector registers, and calls nothing that uses them. */
#include "tests/execution/kernel_border.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <signet/layout.h>

#include "port/linux/linux.h"

/* As kernel_border.S writes it. */
struct capture {
  uint8_t legacy[512]; /* fxsave64 */
  uint64_t vector[16][4];
};
_Static_assert(offsetof(struct capture, vector) == 512, "kernel_border.S");

struct border_counts border_counts;
const char *_Atomic border_found;
uint64_t border_ranges[RANGES_MOST][2];
_Atomic int border_threads[8];
static _Atomic uint32_t threads;

static __thread struct capture before __attribute__((aligned(64))), after __attribute__((aligned(64)));
static __thread uint64_t own_fs;

extern _Noreturn void __real_kernel_cpu_run(void);
extern _Noreturn void __real_kernel_preempted(void);
extern _Noreturn void __real_kernel_fault(const struct port_fault *fault);
extern _Noreturn void __real_linux_enter_frame(void *ucontext);
extern bool linux_copy(void *to, const void *from, size_t length);

#define FLAGS_NEVER 0x47700u /* TF, DF, IOPL, NT, AC; IF is the host's: 0x200 is taken out below */

struct capture *border_before(void) {
  return &before;
}
struct capture *border_after(void) {
  return &after;
}

static void found(const char *what) {
  const char *nothing = NULL;
  atomic_compare_exchange_strong(&border_found, &nothing, what);
}

static uint16_t half(const struct capture *capture, unsigned at) {
  return (uint16_t)(capture->legacy[at] | capture->legacy[at + 1] << 8);
}
static uint32_t mxcsr_of(const struct capture *capture) {
  return half(capture, 24) | (uint32_t)half(capture, 26) << 16;
}
static uint64_t x87_of(const struct capture *capture, unsigned number) {
  return *(const uint64_t *)(capture->legacy + 32 + 16 * number);
}

static bool of_host(uint64_t value, uint64_t base) {
  if (value - base < LINUX_WINDOW_BYTES)
    return false;
  for (unsigned i = 0; i < RANGES_MOST; i++)
    if (value - border_ranges[i][0] < border_ranges[i][1] - border_ranges[i][0])
      return true;
  return false;
}

/* The host's own state, which no process may have changed when the kernel's C runs. */
static void check_host(uint64_t flags, uint64_t stack) {
  uint64_t fs, base = linux_cpu_self->base;
  __asm__("movq %%fs:0, %0" : "=r"(fs));
  if (flags & FLAGS_NEVER & ~0x200u)
    found("the kernel runs with a flag that a process has set");
  if (fs != own_fs)
    found("the kernel runs with another base of %fs");
  if (base) {
    uint64_t gs;
    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    if (gs != base)
      found("%gs is not the window's base");
  }
  if (linux_cpu_self->kernel_stack - stack > 4096)
    found("the kernel is entered on a stack that is not empty");
}

void border_in(uint64_t flags, uint64_t stack) {
  atomic_fetch_add_explicit(&border_counts.calls, 1, memory_order_relaxed);
  check_host(flags, stack);
  if ((mxcsr_of(&before) & 0x1f80) != 0x1f80)
    found("the kernel runs with an exception of MXCSR unmasked");
}

/* The caller goes on at once: nothing may have been left in its registers. */
void border_out(uint64_t number) {
  for (unsigned i = 0; i < 64; i++) {
    uint64_t value = after.vector[i / 4][i % 4];
    if (value && value != before.vector[i / 4][i % 4])
      found("a kernel call leaves something of the kernel's in a vector register");
  }
  if (number == SIGNET_CALL_floating_point_control)
    return;
  bool x87 =
      half(&before, 0) != half(&after, 0) || half(&before, 2) != half(&after, 2) || before.legacy[4] != after.legacy[4];
  for (unsigned i = 0; i < 8; i++)
    x87 |= x87_of(&before, i) != x87_of(&after, i);
  if (x87)
    found("a kernel call changes the x87's state of who goes on at once");
  if (mxcsr_of(&before) != mxcsr_of(&after))
    found("a kernel call changes MXCSR of who goes on at once");
}

/* A thread is about to go on with the registers that a call keeps. */
void border_enter(const struct linux_registers *registers, uint64_t base) {
  atomic_fetch_add_explicit(&border_counts.enters, 1, memory_order_relaxed);
  for (unsigned i = 0; i < 64; i++)
    if (of_host(after.vector[i / 4][i % 4], base))
      found("a process is entered with an address of the host in a vector register");
  for (unsigned i = 0; i < 8; i++)
    if (of_host(x87_of(&after, i), base))
      found("a process is entered with an address of the host in an x87 register");
  if ((mxcsr_of(&after) ^ registers->mxcsr) & ~0x3fu)
    found("a process is entered with another's MXCSR");
  if (of_host(registers->rax, base) || of_host(registers->rdx, base) || of_host(registers->rdi, base))
    found("a process is entered with an address of the host as a result");
  if (registers->rsp - base >= LINUX_WINDOW_BYTES)
    found("a process is entered with a stack outside its window");
}

void __wrap_linux_enter_frame(void *from) {
  static const uint8_t masked_return[] = {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3};
  const greg_t *registers = ((const ucontext_t *)from)->uc_mcontext.gregs;
  uint64_t rip = (uint64_t)registers[REG_RIP], base = linux_cpu_self->base;
  uint8_t code[sizeof masked_return] = {0};
  uint64_t in_bundle = SIGNET_BUNDLE - rip % SIGNET_BUNDLE;
  atomic_fetch_add_explicit(&border_counts.frames, 1, memory_order_relaxed);
  if (rip - base >= LINUX_WINDOW_BYTES || (uint64_t)registers[REG_R14] != base)
    found("a process goes on outside its window, or without its base");
  if ((uint64_t)registers[REG_EFL] & FLAGS_NEVER & ~0x200u)
    found("a process goes on with a flag that it may not have");
  bool there = linux_copy(code, (const void *)rip, in_bundle < sizeof code ? in_bundle : sizeof code);
  bool same = there;
  for (unsigned i = 0; i < sizeof code; i++)
    same &= code[i] == masked_return[i];
  if (same)
    atomic_fetch_add_explicit(&border_counts.returns, 1, memory_order_relaxed);
  /* Never behind the mask: another thread may have written the address since. */
  if (there && in_bundle <= 20 &&
      (code[0] == 0xc3 ||
       (code[0] == 0x4c && code[1] == 0x09 && code[2] == 0x34 && code[3] == 0x24 && code[4] == 0xc3)))
    found("a process goes on inside a masked return");
  __real_linux_enter_frame(from);
}

static uint64_t flags_now(void) {
  uint64_t flags;
  __asm__ volatile("pushfq; popq %0" : "=r"(flags));
  return flags;
}

_Noreturn void __wrap_kernel_preempted(void) {
  atomic_fetch_add_explicit(&border_counts.preemptions, 1, memory_order_relaxed);
  check_host(flags_now(), (uint64_t)__builtin_frame_address(0));
  __real_kernel_preempted();
}

_Noreturn void __wrap_kernel_fault(const struct port_fault *fault) {
  atomic_fetch_add_explicit(&border_counts.faults, 1, memory_order_relaxed);
  check_host(flags_now(), (uint64_t)__builtin_frame_address(0));
  __real_kernel_fault(fault);
}

_Noreturn void __wrap_kernel_cpu_run(void) {
  __asm__("movq %%fs:0, %0" : "=r"(own_fs));
  atomic_store(&border_threads[atomic_fetch_add(&threads, 1)], (int)syscall(SYS_gettid));
  __real_kernel_cpu_run();
}
