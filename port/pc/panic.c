/* Owns the ways in which the machine ends: refusing to boot, a panic with its trace, power off. Anyone in port/pc, any
 * state of the machine. */
#include <stdarg.h>

#include "port/pc/instructions.h"
#include "port/pc/pc.h"

#define FRAMES_MOST 32
#define REFUSED 2
#define PANICKED 3

void pc_print_list(const char *format, va_list arguments);

void pc_end(uint32_t status) {
  __asm__ volatile("cli");
  pc_out32(0xf4, status);
  pc_out8(0x64, 0xfe);
  for (;;)
    pc_halt();
}

void pc_refuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pc_print("signet: cannot boot: ");
  pc_print_list(format, arguments);
  pc_print("\n");
  va_end(arguments);
  pc_end(REFUSED);
}

static bool on_a_stack(uint64_t address) {
  return address % 8 == 0 && ((address >= PC_STACKS && address < PC_KERNEL) ||
                              (address >= (uint64_t)pc_data_low && address < (uint64_t)pc_data_high - 16));
}

static void print_place(uint64_t address) {
  uint64_t distance;
  const char *name = pc_symbol(address, &distance);
  if (name)
    pc_print("  0x%lx %s+0x%lx\n", address, name, distance);
  else
    pc_print("  0x%lx\n", address);
}

/* By the chain of frame pointers, for as long as it stays on a stack of the kernel and goes upwards. */
static void print_trace(uint64_t rip, uint64_t rbp) {
  print_place(rip);
  for (unsigned i = 0; i < FRAMES_MOST && on_a_stack(rbp); i++) {
    const uint64_t *frame = (const uint64_t *)rbp;
    if (!frame[1])
      return;
    print_place(frame[1] - 1); /* within the call */
    if (frame[0] <= rbp)
      return;
    rbp = frame[0];
  }
}

static _Noreturn void stop(uint64_t rip, uint64_t rbp, const char *format, va_list arguments) {
  static _Atomic uint32_t panicking; /* the processor that is in a panic, its number there and one more */
  uint32_t found[4], first = 0;
  __asm__ volatile("cli");
  pc_cpuid(1, 0, found);
  uint32_t self = (found[1] >> 24) + 1;
  if (!atomic_compare_exchange_strong(&panicking, &first, self)) {
    while (first != self)
      pc_halt(); /* another processor tells its panic, then ends the machine */
    pc_print("signet: and again, in the panic, at 0x%lx\n", rip);
    pc_end(PANICKED);
  }
  pc_apic_send_all_others(PC_VECTOR_STOP);
  /* On a framed line (services/services.h) the driver's frames end here; a terminal shows no such bytes. */
  pc_print("\n\020\003signet: kernel panic: ");
  pc_print_list(format, arguments);
  pc_print("\n");
  print_trace(rip, rbp);
  pc_end(PANICKED);
}

void pc_panic_at(uint64_t rip, uint64_t rbp, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  stop(rip, rbp, format, arguments);
}

void pc_panic(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  stop((uint64_t)__builtin_return_address(0) - 1, *(uint64_t *)__builtin_frame_address(0), format, arguments);
}

void port_panic(const char *file, int line, const char *condition) {
  pc_panic_at((uint64_t)__builtin_return_address(0) - 1, *(uint64_t *)__builtin_frame_address(0), "%s:%u: %s", file,
              (uint32_t)line, condition);
}
