/* The ways into and out of a sealed process, and of interrupts: the only code that runs with a process's stack pointer.
 * The kernel's entry table holds the addresses of pc_entry_stubs.
 *
 * Verified code cannot touch %fs, which holds this processor's struct pc_cpu, nor %r14, the window's base; the direction and alignment flags
 * are clear in it. Until its first instruction, cli, has run, a stub is the process's own code: an interrupt there
 * pre-empts the thread as anywhere else. From there to the sti nothing interrupts, and what a stub pops and pushes on
 * the process's stack is popped and pushed once: if that faults, the process ends. The thread of this window that runs
 * is the only one that does (the serial rule), so what is pushed is what ret takes. sti takes effect after the ret. */
#include "port/pc/context.h"
#include "port/pc/entry.h"

/* Vectors that push an error code: 8, 10 to 14, 17, 21, 29, 30. */
#define PUSH_ERROR_CODE 0x60227d00

/* The return address, masked as the process's own return sequence does it, goes where ret takes it. */
        .macro  push_return registers
        movl    REGISTERS_RIP(\registers), %ecx
        andl    $0x7fffffe0, %ecx
        orq     %r14, %rcx
        pushq   %rcx
        .endm

/* Nothing of the kernel's is left in the registers that a call does not keep; %rax and %rdx are the result. */
        .macro  leave_kernel
        xorl    %ecx, %ecx
        xorl    %esi, %esi
        xorl    %edi, %edi
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        sti
        ret
        .endm

        .text

        .globl  pc_entry_low, pc_entry_high, pc_entry_stubs
        .p2align 7
pc_entry_low:
pc_entry_stubs:
        .set    number, 0
        .rept   PC_ENTRY_STUBS
        .p2align 7
        cli
        movq    %fs:CPU_REGISTERS, %r10
        popq    REGISTERS_RIP(%r10)
        movq    %rsp, REGISTERS_RSP(%r10)
        movq    %fs:CPU_KERNEL_STACK, %rsp
        movq    %rbx, REGISTERS_RBX(%r10)
        movq    %rbp, REGISTERS_RBP(%r10)
        movq    %r12, REGISTERS_R12(%r10)
        movq    %r13, REGISTERS_R13(%r10)
        movq    %r15, REGISTERS_R15(%r10)
        .if     number == PC_ENTRY_CHANNEL_CALL
        call    kernel_channel_call
        .elseif number == PC_ENTRY_THREAD_YIELD
        call    kernel_thread_yield
        .else
        movl    $number, %r9d           /* kernel_call's sixth argument; the first five are the process's */
        call    kernel_call
        .endif
        /* The same thread goes on: kernel_call has kept the rest. */
        movq    %fs:CPU_REGISTERS, %r10
        movq    REGISTERS_RSP(%r10), %rsp
        push_return %r10
        leave_kernel
        .set    number, number + 1
        .endr

/* A thread that called the kernel goes on: %rdi = its struct pc_registers, %r14 = the window's base. pc_enter_answer:
 * %rax, %rdx = the result. */
        .globl  pc_enter, pc_enter_answer
        .p2align 4
pc_enter:
        movq    REGISTERS_RAX(%rdi), %rax
        movq    REGISTERS_RDX(%rdi), %rdx
pc_enter_answer:
        movq    REGISTERS_RSP(%rdi), %rsp
        push_return %rdi
        movq    REGISTERS_RBX(%rdi), %rbx
        movq    REGISTERS_RBP(%rdi), %rbp
        movq    REGISTERS_R12(%rdi), %r12
        movq    REGISTERS_R13(%rdi), %r13
        movq    REGISTERS_R15(%rdi), %r15
        leave_kernel
pc_entry_high:
        ud2

/* _Noreturn void pc_call_on(uint64_t stack, void (*function)(void)) */
        .globl  pc_call_on
        .p2align 4
pc_call_on:
        movq    %rdi, %rsp
        xorl    %ebp, %ebp
        call    *%rsi
        ud2

/* void pc_idle_sleep(void): until an interrupt comes, which may be one that waits already: sti takes effect after hlt has begun. */
        .globl  pc_idle_sleep, pc_idle_sleeping
        .p2align 4
pc_idle_sleep:
        sti
        hlt
pc_idle_sleeping:
        cli
        ret

/* 256 ways in, 16 bytes each. */
        .globl  pc_vectors
        .p2align 4
pc_vectors:
        .set    number, 0
        .rept   256
        .p2align 4
        .if     number >= 32
        pushq   $0
        .elseif !(PUSH_ERROR_CODE >> number & 1)
        pushq   $0
        .endif
        pushq   $number
        jmp     interrupt
        .set    number, number + 1
        .endr

/* struct pc_trap_frame is built on the interrupt stack; what pc_interrupt returns to is what was interrupted. */
        .p2align 4
interrupt:
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rbp
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        cld
        movq    %rsp, %rdi
        call    pc_interrupt
        movq    %rsp, %rdi
        /* fall through */

/* _Noreturn void pc_enter_frame(const struct pc_trap_frame *frame): all registers at once. */
        .globl  pc_enter_frame
pc_enter_frame:
        movq    %rdi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rbp
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rbx
        popq    %rax
        addq    $16, %rsp               /* vector, error code */
        iretq

        .section .note.GNU-stack,"",@progbits
