/* Owns what interrupts and exceptions lead to. Called by entry.S alone, with interrupts off, on an interrupt stack.
 *
 * Every vector switches to an interrupt stack, since %rsp may be a process's. All but four share one, and nothing nests
 * on it: interrupts are off until whoever was interrupted goes on, or until the kernel's own stack has been taken up;
 * and what runs there touches only memory that is present. (What may fault, reading the code of a stopped thread, runs
 * on the kernel's stack.) A fault there all the same is a broken kernel: it overwrites a frame that nobody will
 * need. NMI, machine check, double fault and debug exceptions, which come at any time, end in a panic, each
 * on its own stack.
 *
 * Source: Intel SDM volume 3, chapter 6.15 (exceptions), AMD64 manual volume 2, chapter 8. */
#include "port/pc/context.h"
#include "port/pc/entry.h"

_Static_assert(SIGNET_CALL_COUNT <= PC_ENTRY_STUBS && PC_ENTRY_CHANNEL_CALL == SIGNET_CALL_channel_call &&
                   PC_ENTRY_THREAD_YIELD == SIGNET_CALL_thread_yield,
               "entry.h");

enum {
  VECTOR_DIVIDE = 0,
  VECTOR_DEBUG = 1,
  VECTOR_NMI = 2,
  VECTOR_BREAKPOINT = 3,
  VECTOR_INVALID_OPCODE = 6,
  VECTOR_DOUBLE_FAULT = 8,
  VECTOR_PAGE_FAULT = 14,
  VECTOR_X87 = 16,
  VECTOR_MACHINE_CHECK = 18,
  VECTOR_SIMD = 19,
  VECTOR_INTERRUPTS = 32,
};
#define ERROR_WRITE 2u
#define ERROR_RESERVED 8u
#define ERROR_EXECUTE 16u

void pc_interrupt(struct pc_trap_frame *frame);

static bool within(uint64_t address, const uint8_t *low, const uint8_t *high) {
  return address >= (uint64_t)low && address < (uint64_t)high;
}

static bool in_windows(uint64_t address) { return address >= PC_WINDOWS_LOW && address < PC_WINDOWS_HIGH; }

/* A stub's first instruction has not run: all is still as the process had it. */
static bool before_stub(uint64_t rip) {
  return within(rip, pc_entry_stubs, pc_entry_stubs + PC_ENTRY_STUBS * PC_ENTRY_STUB_BYTES) &&
         (rip - (uint64_t)pc_entry_stubs) % PC_ENTRY_STUB_BYTES == 0;
}

/* On the kernel's stack. */
static void enter_fault(void) { kernel_fault(&pc_cpu_self()->fault); }

static void enter_preempted(void) {
  struct pc_cpu *cpu = pc_cpu_self();
  pc_context_roll_back(cpu->stopped);
  cpu->stopped = NULL;
  port_lock();
  pc_device_settle();
  port_unlock();
  kernel_preempted();
}

static enum signet_fault fault_kind(const struct pc_trap_frame *frame) {
  switch (frame->vector) {
  case VECTOR_DIVIDE:
    return SIGNET_FAULT_DIVIDE;
  case VECTOR_BREAKPOINT:
    return SIGNET_FAULT_TRAP;
  case VECTOR_INVALID_OPCODE:
    return SIGNET_FAULT_INSTRUCTION;
  case VECTOR_PAGE_FAULT:
    return frame->error & ERROR_EXECUTE ? SIGNET_FAULT_EXECUTE
           : frame->error & ERROR_WRITE ? SIGNET_FAULT_WRITE
                                        : SIGNET_FAULT_READ;
  case VECTOR_X87:
  case VECTOR_SIMD:
    return SIGNET_FAULT_FLOATING_POINT;
  default:
    return SIGNET_FAULT_GENERAL;
  }
}

static _Noreturn void broken(const struct pc_trap_frame *frame, uint64_t address) {
  pc_panic_at(frame->rip, frame->rbp, "exception %lu (error 0x%lx) at 0x%lx, address 0x%lx, stack 0x%lx", frame->vector,
              frame->error, frame->rip, address, frame->rsp);
}

static void on_exception(struct pc_trap_frame *frame) {
  struct pc_cpu *cpu = pc_cpu_self();
  uint64_t address = 0, base = pc_base();
  bool by_process = in_windows(frame->rip) && frame->rip - base < PC_WINDOW_BYTES;
  if (frame->vector == VECTOR_PAGE_FAULT) {
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    if (!(frame->error & (ERROR_RESERVED | ERROR_EXECUTE)) && in_windows(address) &&
        pc_window_fault(address, frame->error & ERROR_WRITE))
      return;
    uint64_t onwards = pc_copy_fixup(frame->rip);
    if (onwards) {
      frame->rip = onwards;
      return;
    }
    if (frame->error & ERROR_RESERVED)
      broken(frame, address);
  }
  bool on_its_stack = within(frame->rip, pc_entry_low, pc_entry_high);
  if (!by_process && !on_its_stack)
    broken(frame, address);
  enum signet_fault kind = fault_kind(frame);
  cpu->fault.kind = on_its_stack ? SIGNET_FAULT_STACK : kind;
  cpu->fault.instruction = on_its_stack ? 0 : (uint32_t)(frame->rip - base - (kind == SIGNET_FAULT_TRAP ? 1 : 0));
  cpu->fault.address = address - base < PC_WINDOW_BYTES ? address - base : address;
  pc_call_on(cpu->kernel_stack, enter_fault);
}

/* While a process runs, or in port_idle. The scheduler looks at once, whatever it was: it may have made something
 * ready. */
static void on_interrupt(const struct pc_trap_frame *frame) {
  struct pc_cpu *cpu = pc_cpu_self();
  if (frame->vector == PC_VECTOR_SPURIOUS)
    return;
  if (frame->vector >= PC_VECTOR_DEVICE && frame->vector < PC_VECTOR_DEVICE + PC_DEVICE_LINES)
    pc_device_interrupt((uint32_t)(frame->vector - PC_VECTOR_DEVICE));
  pc_apic_end_of_interrupt();
  pc_window_settle();
  if (frame->rip == (uint64_t)pc_idle_sleeping)
    return;
  if (!before_stub(frame->rip) && !(in_windows(frame->rip) && frame->rip - pc_base() < PC_WINDOW_BYTES))
    pc_panic_at(frame->rip, frame->rbp, "interrupt %lu at 0x%lx, where no process's code is", frame->vector,
                frame->rip);
  if (frame->vector == PC_VECTOR_WAKE)
    return; /* meant for a sleep that has ended by itself */
  if (frame->vector == PC_VECTOR_TICK)
    pc_apic_timer(pc_options.tick);
  pc_context_save_full(frame);
  pc_call_on(cpu->kernel_stack, enter_preempted);
}

void pc_interrupt(struct pc_trap_frame *frame) {
  switch (frame->vector) {
  case VECTOR_NMI:
    while (atomic_load(&pc_stopping))
      __asm__ volatile("cli; hlt");
    broken(frame, 0);
  case VECTOR_DEBUG:
  case VECTOR_DOUBLE_FAULT:
  case VECTOR_MACHINE_CHECK:
    broken(frame, 0);
  default:
    if (frame->vector >= VECTOR_INTERRUPTS)
      on_interrupt(frame);
    else
      on_exception(frame);
  }
}
