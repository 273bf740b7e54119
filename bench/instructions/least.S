/* The smallest process: it ends at once. Started by measure.c, again and again. */
#include "bench/instructions/calls.h"

        .section .text.start, "ax", @progbits
        .globl  _start
        .type   _start, @function
        .p2align 5
_start:
        movl    $ENDED_EXIT, %edi
        xorl    %esi, %esi
        KERNEL_CALL(CALL_PROCESS_EXIT)
        ud2
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits
