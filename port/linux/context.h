/* The saved registers of a thread, and the offsets of its fields for entry.S. Internal to port/linux. */
#ifndef PORT_LINUX_CONTEXT_H
#define PORT_LINUX_CONTEXT_H

/* struct linux_cpu */
#define CPU_KERNEL_STACK 0
#define CPU_CONTEXT 8
#define CPU_BASE 16
#define CPU_TICK 24

/* struct linux_registers, which struct port_context starts with a pointer to */
#define CONTEXT_CURRENT 0
#define REGISTERS_RIP 0
#define REGISTERS_RSP 8
#define REGISTERS_RBX 16
#define REGISTERS_RBP 24
#define REGISTERS_R12 32
#define REGISTERS_R13 40
#define REGISTERS_R15 48
#define REGISTERS_RAX 56
#define REGISTERS_RDX 64
#define REGISTERS_RDI 72
#define REGISTERS_THREAD_POINTER 80

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

/* What a thread needs to go on after a kernel call: the registers that the calling convention keeps. */
struct linux_registers {
  uint64_t rip, rsp, rbx, rbp, r12, r13, r15, rax, rdx, rdi, thread_pointer;
  uint32_t mxcsr;
  uint16_t x87_control;
  bool framed; /* pre-empted: all registers are in the frame instead */
};

/* A thread can be diverted once: level 1 handles an event while level 0 waits. */
struct port_context {
  struct linux_registers *current; /* &level[0] or &level[1] */
  struct linux_registers level[2];
  uint32_t number; /* index of its frames */
  struct port_context *next_free;
};
#endif

#endif
