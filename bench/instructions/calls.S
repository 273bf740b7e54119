/* Kernel calls between two readings of the time stamp counter, which under `signet boot --count` counts instructions.
 * Each takes the call's arguments and returns struct timing: what was executed from the call's own instruction until it
 * returned, nothing more, and the call's status. Called by measure.c, which checks that timed_nothing takes nothing. */
#include "bench/instructions/calls.h"

/* A call has to be at the end of its bundle. From the reading on it is 16 bytes with it: 16 more put it there, so that
 * the rewriter has nothing to fill in between. */
#define NOP_4 nop; nop; nop; nop
#define NOP_16 NOP_4; NOP_4; NOP_4; NOP_4

#define TIMED(name, before, instruction) \
        .globl  name; \
        .type   name, @function; \
        .p2align 5; \
name:   pushq   %rbx; \
        movq    %rdx, %r9; \
        .p2align 5; \
        before; \
        rdtsc; \
        movl    %eax, %ebx; \
        movq    %r9, %rdx; \
        xorl    %eax, %eax; \
        instruction; \
        movq    %rax, %rcx; \
        rdtsc; \
        subl    %ebx, %eax; \
        subl    $5, %eax; /* the first reading, three instructions after it, one before the second */ \
        movq    %rcx, %rdx; \
        popq    %rbx; \
        ret; \
        .size   name, . - name

        .text
        TIMED(timed_nothing, , )
        TIMED(timed_abi_version, NOP_16, KERNEL_CALL(CALL_ABI_VERSION))
        TIMED(timed_thread_yield, NOP_16, KERNEL_CALL(CALL_THREAD_YIELD))
        TIMED(timed_channel_call, NOP_16, KERNEL_CALL(CALL_CHANNEL_CALL))

        .section .note.GNU-stack, "", @progbits
