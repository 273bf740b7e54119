/* The other process: it replies to every request, in as few instructions as a process can; with start-up bytes it does
 * so as a service of several channels would, by a send and a receive; without a channel in slot 0 it yields for ever.
 * Started by measure.c; nothing but the kernel's calls. */
#include "bench/instructions/calls.h"

        .section .text.start, "ax", @progbits
        .globl  _start
        .type   _start, @function
        .p2align 5
_start:
        cmpl    $0, STARTUP_SLOTS(%rdi)
        je      yield
        cmpl    $0, STARTUP_BYTES_LENGTH(%rdi)
        jne     serve
        movl    STARTUP_HANDLES(%rdi), %ebx
        movl    $reply, %r12d
        movl    $received, %r13d
        movl    $MESSAGE_DATA + REPLY_LENGTH, %ebp
        movq    $-1, %r15
        addl    $STARTUP_HANDLES, %edi  /* the first request */
        movl    $1, %esi
        movl    %r13d, %edx
        movl    %ebp, %ecx
        movq    %r15, %r8
        KERNEL_CALL(CALL_CHANNEL_RECEIVE)
        testq   %rax, %rax
        jnz     leave
        /* What follows is 20 bytes up to a bundle's end, where a call has to be: nothing need be filled in. */
        nop
        nop
        nop
        nop
        nop
        nop
        nop
answer: movl    %ebx, %edi
        movl    %r12d, %esi
        movl    %r13d, %edx
        movl    %ebp, %ecx
        movq    %r15, %r8
        KERNEL_CALL(CALL_CHANNEL_CALL)
        testq   %rax, %rax
        jz      answer
leave:  movl    $ENDED_EXIT, %edi
        xorl    %esi, %esi
        KERNEL_CALL(CALL_PROCESS_EXIT)
        ud2
serve:  leal    STARTUP_HANDLES(%rdi), %ebp
        movl    STARTUP_HANDLES(%rdi), %ebx
next:   movl    %ebp, %edi
        movl    $1, %esi
        movl    $received, %edx
        movl    $MESSAGE_DATA + REPLY_LENGTH, %ecx
        movq    $-1, %r8
        KERNEL_CALL(CALL_CHANNEL_RECEIVE)
        testq   %rax, %rax
        jnz     leave
        movl    %ebx, %edi
        movl    $reply, %esi
        KERNEL_CALL(CALL_CHANNEL_SEND)
        jmp     next
        .p2align 5
yield:  KERNEL_CALL(CALL_THREAD_YIELD)
        jmp     yield
        .size   _start, . - _start

        .data
        .p2align 3
reply:  .long   TAG_REPLY, REPLY_LENGTH, 0, 0
        .skip   MESSAGE_DATA - 16
        .ascii  REPLY_DATA
received:
        .skip   MESSAGE_DATA + REPLY_LENGTH

        .section .note.GNU-stack, "", @progbits
