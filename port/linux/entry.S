/* The ways into and out of a sealed process: the only code that runs with a process's stack pointer. Reached through the
 * entry table (signet_entry_stubs) and from cpu.c (linux_enter, linux_enter_frame). Faults of the instructions between
 * linux_entry_low and linux_entry_high are the process's: they touch nothing of its but its stack. */
#include "port/linux/context.h"

        .text

/* 16 bytes a stub, in the order of the call numbers; the table page holds their addresses. On entry: %rsp is the
 * process's, the return address is on it, %r14 is the window's base (verified code cannot change it), the direction flag is clear. */
        .globl  linux_entry_stubs
        .p2align 6
linux_entry_stubs:
        .set    number, 0
        .rept   64
        .p2align 4
        movl    $number, %r9d           /* kernel_call's sixth argument; the first five are the process's */
        jmp     linux_entry_low
        .set    number, number + 1
        .endr

        .globl  linux_entry_low, linux_entry_high
        .p2align 6
linux_entry_low:
        movq    linux_cpu_self@gottpoff(%rip), %r11
        movq    %fs:(%r11), %r11
        movq    CPU_CONTEXT(%r11), %r10
        movq    CONTEXT_CURRENT(%r10), %r10
        popq    REGISTERS_RIP(%r10)
        movq    %rsp, REGISTERS_RSP(%r10)
        movq    CPU_KERNEL_STACK(%r11), %rsp
        movq    %rbx, REGISTERS_RBX(%r10)
        movq    %rbp, REGISTERS_RBP(%r10)
        movq    %r12, REGISTERS_R12(%r10)
        movq    %r13, REGISTERS_R13(%r10)
        movq    %r15, REGISTERS_R15(%r10)
        movq    0x11000(%r14), %rbx
        movq    %rbx, REGISTERS_THREAD_POINTER(%r10)
        movq    $0, REGISTERS_RDI(%r10)
        movq    %r11, %rbx              /* kept by kernel_call: restored below from the context */
        movq    %r10, %rbp
        call    kernel_call
        cmpl    $0, CPU_TICK(%rbx)
        jne     linux_entry_tick
        movq    %rbp, %r10
        movq    CPU_BASE(%rbx), %r14
        movq    REGISTERS_RSP(%r10), %rsp
        movq    REGISTERS_RBX(%r10), %rbx
        movq    REGISTERS_RBP(%r10), %rbp
        movq    REGISTERS_RIP(%r10), %rcx
        jmp     linux_leave

/* A tick came during the call: keep its result and let the scheduler look. */
linux_entry_tick:
        movl    $0, CPU_TICK(%rbx)
        movq    %rax, REGISTERS_RAX(%rbp)
        movq    %rdx, REGISTERS_RDX(%rbp)
        movq    CPU_KERNEL_STACK(%rbx), %rsp
        xorl    %ebp, %ebp
        call    linux_preempted
        ud2

/* _Noreturn void linux_enter(struct linux_registers *registers, uint64_t base) */
        .globl  linux_enter
        .p2align 4
linux_enter:
        movq    %rsi, %r14
        movq    %rdi, %r10
        movq    REGISTERS_RSP(%r10), %rsp
        movq    REGISTERS_RBX(%r10), %rbx
        movq    REGISTERS_RBP(%r10), %rbp
        movq    REGISTERS_R12(%r10), %r12
        movq    REGISTERS_R13(%r10), %r13
        movq    REGISTERS_R15(%r10), %r15
        movq    REGISTERS_RAX(%r10), %rax
        movq    REGISTERS_RDX(%r10), %rdx
        movq    REGISTERS_RIP(%r10), %rcx
        movq    REGISTERS_RDI(%r10), %rdi
        jmp     linux_leave_rdi

/* %rcx = return address as the process had it, %rsp the process's. The address is cut to a bundle start of the window. Pushing it and returning, rather than
 * jumping, keeps the processor's return predictor in step; nothing of this window runs between the two (the serial rule). */
linux_leave:
        xorl    %edi, %edi
linux_leave_rdi:
        andl    $0x7fffffe0, %ecx
        orq     %r14, %rcx
        pushq   %rcx
        xorl    %ecx, %ecx
        xorl    %esi, %esi
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        ret
linux_entry_high:
        ud2

/* _Noreturn void linux_enter_frame(void *ucontext): all registers at once, by returning from a signal that ended long ago. */
        .globl  linux_enter_frame
        .p2align 4
linux_enter_frame:
        movq    %rdi, %rsp
        movl    $15, %eax               /* rt_sigreturn */
        syscall
        ud2

/* void linux_call_on(uint64_t stack, void (*function)(void)): for the first entry into the kernel's loop */
        .globl  linux_call_on
linux_call_on:
        movq    %rdi, %rsp
        xorl    %ebp, %ebp
        call    *%rsi
        ud2

/* bool linux_copy(void *to, const void *from, size_t length): false where an access faults (the signal handler goes to linux_copy_fault). Short copies
 * word by word: a rep movsq costs some 30 cycles to start. */
        .globl  linux_copy, linux_copy_low, linux_copy_high, linux_copy_fault
        .p2align 4
linux_copy:
linux_copy_low:
        cmpq    $128, %rdx
        ja      3f
        subq    $8, %rdx
        jb      2f
1:      movq    (%rsi), %rax
        movq    %rax, (%rdi)
        addq    $8, %rsi
        addq    $8, %rdi
        subq    $8, %rdx
        jae     1b
2:      addq    $8, %rdx
        je      5f
4:      movb    (%rsi), %al
        movb    %al, (%rdi)
        incq    %rsi
        incq    %rdi
        decq    %rdx
        jne     4b
        jmp     5f
3:      movq    %rdx, %rcx
        shrq    $3, %rcx
        rep movsq
        andl    $7, %edx
        jne     4b
linux_copy_high:
5:      movl    $1, %eax
        ret
linux_copy_fault:
        xorl    %eax, %eax
        ret

/* bool linux_load_word(const uint32_t *from, uint32_t *to), bool linux_store_word(uint32_t *to, uint32_t value): the same for one word */
        .globl  linux_load_word, linux_store_word, linux_word_low, linux_word_high
        .p2align 4
linux_word_low:
linux_load_word:
        movl    (%rdi), %eax
        movl    %eax, (%rsi)
        movl    $1, %eax
        ret
linux_store_word:
        movl    %esi, (%rdi)
        movl    $1, %eax
        ret
linux_word_high:

        .section .note.GNU-stack,"",@progbits
