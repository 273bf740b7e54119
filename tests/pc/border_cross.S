/* Crosses the border with every register filled, and stores what they hold right behind it. For border_child.c.
 *
 * Not for the rewriter, which keeps %r11 for itself, but as the verifier wants it: bundles, guarded sequences and
 * %gs are written out. */
#include <signet/layout.h>


        .bundle_align_mode 5
        .text

/* A call comes back at a bundle's start: it has to end at one's end. */
        .macro  CALL_OUT length, target:vararg
        .p2align 5, 0x90
        .rept   32 - \length
        nop
        .endr
        call    \target
        .endm
        .macro  LEAVE_BACK
        .bundle_lock
        andq    $0x7fffffe0, (%rsp)
        orq     %r14, (%rsp)
        ret
        .bundle_unlock
        .endm
        .macro  ADJUST operation, count
        .bundle_lock
        \operation $\count, %esp
        .byte   0x4a, 0x8d, 0x24, 0x34          /* leaq (%rsp,%r14,1),%rsp */
        .bundle_unlock
        .endm

        .macro  SAVE
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r15
        pushq   %rsi
        ADJUST  subl, 136
        .endm

/* %rdi: the five arguments, then the patterns of what is kept and of what is not, and the loop's count; %rdx: the vector registers. */
        .macro  FILL
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu %gs:32 * \number(%edx), %ymm\number
        .endr
        movl    %edi, %eax
        movq    %gs:8(%eax), %rsi
        movq    %gs:16(%eax), %rdx
        movq    %gs:24(%eax), %rcx
        movq    %gs:32(%eax), %r8
        movq    %gs:40(%eax), %rbx
        movq    %gs:48(%eax), %r9
        movq    %gs:(%eax), %rdi
        movq    %gs:56(%eax), %rax
        leaq    1(%rbx), %rbp
        leaq    2(%rbx), %r12
        leaq    3(%rbx), %r13
        leaq    4(%rbx), %r15
        leaq    1(%r9), %r10
        leaq    2(%r9), %r11
        .endm

        .macro  KEEP
        movq    %rax, (%rsp)
        movq    %rbx, 8(%rsp)
        movq    %rcx, 16(%rsp)
        movq    %rdx, 24(%rsp)
        movq    %rsi, 32(%rsp)
        movq    %rdi, 40(%rsp)
        movq    %rbp, 48(%rsp)
        movq    %rsp, 56(%rsp)
        movq    %r8, 64(%rsp)
        movq    %r9, 72(%rsp)
        movq    %r10, 80(%rsp)
        movq    %r11, 88(%rsp)
        movq    %r12, 96(%rsp)
        movq    %r13, 104(%rsp)
        movq    %r14, 112(%rsp)
        movq    %r15, 120(%rsp)
        .endm

/* %ebx: where what KEEP has kept goes, and the rest. */
        .macro  STORE
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu %ymm\number, %gs:128 + 32 * \number(%ebx)
        movq    8 * \number(%rsp), %rax
        movq    %rax, %gs:8 * \number(%ebx)
        .endr
        stmxcsr %gs:640(%ebx)
        fnstcw  %gs:644(%ebx)
        fnstsw  %gs:646(%ebx)
        leal    648(%rbx), %edi
        movl    %edi, %esi
        xorl    %eax, %eax
        .bundle_lock
        movl    %edi, %edi
        leaq    (%r14,%rdi,1), %rdi
        stosb
        .bundle_unlock
        subl    %esi, %edi
        movq    %rdi, %gs:648(%ebx)
        .endm

        .macro  BACK
        movq    136(%rsp), %rbx
        STORE
        ADJUST  addl, 144
        popq    %r15
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        LEAVE_BACK
        .endm

/* void cross_NAME(const uint64_t in[8], struct border_state *out, const uint64_t vectors[16][4]) */
        .macro  CROSSING name, number
        .globl  cross_\name
        .p2align 5, 0x90
cross_\name:
        SAVE
        FILL
        CALL_OUT 7, *SIGNET_ENTRY_TABLE + 8 * \number(%r14)
        KEEP
        BACK
        .endm

        CROSSING abi_version, 0
        CROSSING thread_yield, 4
        CROSSING word_wait, 5
        CROSSING word_wake, 6
        CROSSING clock_read, 10
        CROSSING random_fill, 11
        CROSSING channel_send, 16
        CROSSING channel_receive, 17
        CROSSING channel_call, 18
        CROSSING handle_close, 19

/* void hold(...): no call, but in[7] turns of a loop in which nothing changes but %rax. */
        .globl  hold
        .p2align 5, 0x90
hold:
        SAVE
        FILL
1:
        decq    %rax
        jne     1b
        KEEP
        BACK

/* Where a process and a thread start: fresh_main(its argument, what its registers held). */
        .globl  _start, fresh
        .p2align 5, 0x90
_start:
fresh:
        ADJUST  subl, 816
        KEEP
        leaq    (%rsp), %rbx
        movl    %ebx, %ebx
        STORE
        movq    40(%rsp), %rdi
        movl    %ebx, %esi
        CALL_OUT 5, fresh_main
        ud2

/* All registers are marked empty, nothing waits; the control word stays. */
        .macro  EMPTY
        fnstcw  -8(%rsp)
        fninit
        fldcw   -8(%rsp)
        .endm

/* void x87_fill(const void *number): all eight registers hold that number of ten bytes, and are in use. */
        .globl  x87_fill
        .p2align 5, 0x90
x87_fill:
        EMPTY
        .rept   8
        fldt    %gs:(%edi)
        .endr
        LEAVE_BACK

/* void x87_leave(const void *number): the same, but not in use. */
        .globl  x87_leave
        .p2align 5, 0x90
x87_leave:
        EMPTY
        .rept   8
        fldt    %gs:(%edi)
        .endr
        EMPTY
        LEAVE_BACK

/* void x87_look(uint16_t status[8], uint8_t numbers[8][16]): what fxam says of each register, used or not; then what reading it gives. */
        .globl  x87_look
        .p2align 5, 0x90
x87_look:
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7
        fxam
        fnstsw  %gs:2 * \number(%edi)
        fincstp
        .endr
        .irp    number, 0, 1, 2, 3, 4, 5, 6, 7
        fstpt   %gs:16 * \number(%esi)
        .endr
        EMPTY
        LEAVE_BACK

/* void x87_upset(const uint16_t *control): waits with an exception that `control` asks for, and that nothing has noticed. */
        .globl  x87_upset
        .p2align 5, 0x90
x87_upset:
        fninit
        fldcw   %gs:(%edi)
        fld1
        fldz
        fdivrp  %st, %st(1)
        LEAVE_BACK

/* void return_now(uint64_t address), void return_wait(uint64_t address, word, expected, deadline): a call with that return address. */
        .globl  return_now
        .p2align 5, 0x90
return_now:
        xorl    %ebp, %ebp
        pushq   %rdi
        jmp     *SIGNET_ENTRY_TABLE(%r14)
        .globl  return_wait
        .p2align 5, 0x90
return_wait:
        xorl    %ebp, %ebp
        pushq   %rdi
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        jmp     *SIGNET_ENTRY_TABLE + 8 * 5(%r14)

/* Who comes back at the bundle's start is good. */
        .globl  landing
        .p2align 5, 0x90
landing:
        movl    $100, %ebp
        .rept   27
        nop
        .endr
        movl    $1, %edi
        movl    %ebp, %esi
        CALL_OUT 7, *SIGNET_ENTRY_TABLE + 8 * 1(%r14)
        ud2

        .section .note.GNU-stack, "", @progbits
