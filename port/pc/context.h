/* The saved registers of a thread, a processor's own structure, and the offsets of their fields for assembly. Internal
 * to port/pc's processor side: descriptors.c, interrupt.c, entry.S, context.c, cpu.c, processors.c. */
#ifndef PORT_PC_CONTEXT_H
#define PORT_PC_CONTEXT_H

/* struct pc_cpu, at %fs */
#define CPU_REGISTERS 8
#define CPU_KERNEL_STACK 16

/* struct pc_registers */
#define REGISTERS_RIP 0
#define REGISTERS_RSP 8
#define REGISTERS_RBX 16
#define REGISTERS_RBP 24
#define REGISTERS_R12 32
#define REGISTERS_R13 40
#define REGISTERS_R15 48
#define REGISTERS_RAX 56
#define REGISTERS_RDX 64

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TASK 0x18

/* Bits of RFLAGS: arithmetic flags are a process's own; of the rest only the interrupt flag is ever set. */
#define FLAGS_OF_PROCESS 0x8d5
#define FLAGS_ALWAYS 0x202

#ifndef __ASSEMBLER__
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/pc/pc.h"

/* What a thread needs to go on after a kernel call: the registers that the calling convention keeps, and floating point
 * control. That lies as FXRSTOR reads it, and the registers which that reads besides hold nothing, ever. */
struct pc_registers {
  uint64_t rip, rsp, rbx, rbp, r12, r13, r15, rax, rdx;
  bool framed; /* all registers are in the frame instead */
  bool fresh;  /* and the frame's %rip and %rsp still lack the window's base */
  _Alignas(16) struct {
    union {
      struct {
        uint16_t x87_control, x87_status;
      };
      uint32_t x87;
    };
    uint32_t nothing[5];
    uint32_t mxcsr;
    uint32_t nothing_either[121];
  } floating_point;
};

/* What an interrupt pushes, and its entry in entry.S. */
struct pc_trap_frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error;
  uint64_t rip, cs, rflags, rsp, ss;
};

#define PC_VECTOR_STATE 832 /* XSAVE's area: x87, SSE, its header, AVX */
struct pc_full {
  _Alignas(64) uint8_t vector[PC_VECTOR_STATE];
  struct pc_trap_frame frame;
};

/* A thread can be diverted once: level 1 handles an event while level 0 waits. A page each: room for all registers is
 * there from the start, so that pre-empting cannot fail. */
struct port_context {
  struct pc_registers *current; /* &level[0] or &level[1] */
  struct pc_registers level[2];
  uint64_t thread_pointer; /* while the window's thread page holds another thread's */
  uint32_t window;
  bool in_window; /* the window's thread page holds this thread's pointer */
  struct pc_full full[2];
};

/* Interrupt stacks, by their number in the TSS. Whatever pushes on one leaves it, by returning or for the kernel's
 * stack, before anything else can push there; see interrupt.c. */
enum pc_interrupt_stack {
  PC_STACK_INTERRUPT = 1,
  PC_STACK_NMI = 2,
  PC_STACK_DOUBLE_FAULT = 3,
  PC_STACK_MACHINE_CHECK = 4,
  PC_STACK_DEBUG = 5,
  PC_INTERRUPT_STACKS = 5
};

struct pc_task_state { /* as the processor reads it: 4-byte aligned, so no uint64_t */
  uint32_t reserved;
  uint32_t stack[6];
  uint32_t reserved2[2];
  uint32_t interrupt_stack[14];
  uint32_t reserved3[2];
  uint16_t reserved4, io_map;
};

/* One processor. %fs is its address, for ever. */
struct pc_cpu {
  struct pc_cpu *self;
  struct pc_registers *registers; /* of the thread whose floating point control is in the processor, which is the one
                                     that runs, if one does: where entry.S saves; &nobody: no thread's */
  uint64_t kernel_stack;          /* top */
  uint32_t number, apic;
  uint8_t user;                 /* number + 1: of the windows that it was the last to use */
  uint8_t quick;                /* the same; 0xff: no thread is resumed quickly (context.c) */
  struct port_context *stopped; /* the thread that was pre-empted, until the scheduler hears of it */
  struct port_fault fault;      /* from the interrupt stack to kernel_fault */
  _Atomic uint32_t wake;        /* 1: a wake is pending */
  _Atomic uint32_t sleeping;    /* 1: in pc_idle_sleep, or about to be */
  _Atomic uint32_t started;
  struct pc_task_state task;
  uint64_t gdt[5];
  struct pc_registers nobody; /* takes what is saved for no thread */
};

/* This processor's. */
#define PC_CPU ((struct pc_cpu __seg_fs *)0)
static inline struct pc_cpu *pc_cpu_self(void) { return PC_CPU->self; }

/* The base of the window that runs here, or ran last. */
static inline uint64_t pc_base(void) {
  uint64_t base;
  __asm__ volatile("rdgsbase %0" : "=r"(base));
  return base;
}

/* entry.S */
extern const uint8_t pc_entry_low[], pc_entry_high[]; /* faults between them are the process's: they touch its stack */
extern const uint8_t pc_vectors[];                    /* 256 ways in, PC_VECTOR_BYTES each */
#define PC_VECTOR_BYTES 16
void pc_idle_sleep(void);
extern const uint8_t pc_idle_sleeping[]; /* where an interrupt finds a processor that sleeps */
_Noreturn void pc_call_on(uint64_t stack, void (*function)(void));
_Noreturn void pc_enter_frame(const struct pc_trap_frame *frame);

/* context.c */
/* For all processors; false: their state is more than we have room for. */
bool pc_context_prepare(void);
void pc_context_cpu(struct pc_cpu *cpu); /* a processor that has run nobody yet */
void pc_context_save_full(const struct pc_trap_frame *from);
/* A thread that was stopped inside the masked return goes back to its start. On the kernel's stack: reading the code
 * may fault. */
void pc_context_roll_back(struct port_context *context);
void pc_context_put_away(void); /* this processor keeps nothing of any thread */

/* cpu.c */
_Noreturn void pc_cpu_enter(void); /* waits for pc_cpu_run, then runs the kernel */

/* apic.c */
extern _Atomic bool pc_stopping;     /* a panic has told all processors to stop */
uint32_t pc_apic_count(void);        /* its timer, counting down, before pc_apic_calibrate */
void pc_apic_calibrate(void);        /* after the clock is known */
bool pc_apic_reaches(uint32_t apic); /* there can be a processor of that number */
void pc_apic_stop(uint32_t apic);    /* puts it back to where it waits for pc_apic_start */
#endif

#endif
