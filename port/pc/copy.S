/* Copies from and to windows: returns false where an access faults and nothing comes into being (see access.h). Called
 * by window.c. */
        .text
        .globl  pc_copy

/* bool pc_copy(void *to, const void *from, size_t length). Short copies by words, straight; the last word overlaps what
 * was copied before it. */
        .p2align 4
pc_copy:
        cmpq    $8, %rdx
        jb      3f
        cmpq    $136, %rdx
        ja      2f
        movq    -8(%rsi,%rdx), %rax
        movq    %rax, -8(%rdi,%rdx)
        decl    %edx
        andl    $~7, %edx               /* words before the last, 0 to 16, times 8: bytes of code for each */
        leaq    1f(%rip), %rax
        subq    %rdx, %rax
        jmp     *%rax
        .p2align 3
        .set    at, 120
        .rept   16
        .byte   0x48, 0x8b, 0x46, at    /* movq at(%rsi), %rax */
        .byte   0x48, 0x89, 0x47, at    /* movq %rax, at(%rdi) */
        .set    at, at - 8
        .endr
1:      movl    $1, %eax
        ret
2:      movq    %rdx, %rcx
        shrq    $3, %rcx
        rep movsq
        andl    $7, %edx
3:      movl    %edx, %ecx
        rep movsb
        movl    $1, %eax
        ret
copy_high:
fault:
        xorl    %eax, %eax
        ret

/* The same; three arguments on the stack, all registers kept, the zero flag set when it fails. */
        .globl  pc_copy_pushed
pc_copy_pushed:
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        movq    48(%rsp), %rdx
        movq    56(%rsp), %rsi
        movq    64(%rsp), %rdi
        call    pc_copy
        testl   %eax, %eax
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        ret

        .section .fixups, "a"
        .long   pc_copy - ., copy_high - ., fault - .

        .section .note.GNU-stack,"",@progbits
