/* Code that the test of port/linux runs in windows: one page, laid out by hand. Each program starts at a multiple of 128 bytes; offsets are in
 * port_test.c. It obeys no rule but the test's: what is tested here is the port, not the verifier. */
        .section .rodata
        .globl  guest_code
        .p2align 12
guest_code:

/* 0: fills every register that a call may change, calls abi_version, and sums what comes back of them into %rax's partner: calls
 * number 1 with what r8..r11, rcx, rsi, rdi hold OR-ed together, and whether the kept ones were kept. */
        movabsq $0x1111111111111111, %rcx
        movq    %rcx, %rbx
        movq    %rcx, %rbp
        movq    %rcx, %r12
        jmp     1f
        .p2align 5, 0x90
1:      movq    %rcx, %r13
        movq    %rcx, %r15
        movq    %rcx, %r8
        movq    %rcx, %r9
        movq    %rcx, %r10
        movq    %rcx, %r11
        movq    %rcx, %rsi
        movq    %rcx, %rdi
        .org    guest_code + 64 - 7, 0x90
        call    *0x10000(%r14)
        .org    guest_code + 64, 0x90
        orq     %r8, %rdi
        orq     %r9, %rdi
        orq     %r10, %rdi
        orq     %r11, %rdi
        orq     %rcx, %rdi
        orq     %rsi, %rdi
        movq    %rbx, %rsi
        jmp     2f
        .org    guest_code + 96, 0x90
2:      andq    %rbp, %rsi
        andq    %r12, %rsi
        andq    %r13, %rsi
        andq    %r15, %rsi
        .org    guest_code + 128 - 7, 0x90
        call    *0x10008(%r14)

/* 128: masked returns for ever: the tick finds it anywhere. %r13 counts. */
        .org    guest_code + 128, 0x90
        incq    %r13
        call    3f
        .org    guest_code + 128 + 27, 0x90
        call    3f
        .org    guest_code + 160, 0x90
        jmp     guest_code + 128 + 0
        .org    guest_code + 192, 0x90
3:      andq    $0x7fffffe0, (%rsp)
        orq     %r14, (%rsp)
        ret

/* 256: vector and x87 state kept over ticks: loads marks, spins until a count, checks, calls number 1 with 0 if all is well. */
        .org    guest_code + 256, 0x90
        movq    %rdi, %xmm7
        movq    %rdi, %r12
        movl    $0x7fff0000, %ecx
        .org    guest_code + 288, 0x90
4:      movq    %xmm7, %rax
        cmpq    %rax, %r12
        jne     5f
        decl    %ecx
        jne     4b
        xorl    %edi, %edi
        .org    guest_code + 320 - 7, 0x90
        call    *0x10008(%r14)
        .org    guest_code + 320, 0x90
5:      movl    $1, %edi
        .org    guest_code + 352 - 7, 0x90
        call    *0x10008(%r14)

/* 384: what do the vector registers hold at first? calls number 1 with xmm0..3 OR-ed. */
        .org    guest_code + 384, 0x90
        por     %xmm1, %xmm0
        por     %xmm2, %xmm0
        por     %xmm3, %xmm0
        por     %xmm15, %xmm0
        movq    %xmm0, %rdi
        .org    guest_code + 416 - 7, 0x90
        call    *0x10008(%r14)

/* 512: fills vector registers, then yields (call 4) and ends. */
        .org    guest_code + 512, 0x90
        pcmpeqd %xmm0, %xmm0
        pcmpeqd %xmm1, %xmm1
        pcmpeqd %xmm15, %xmm15
        .org    guest_code + 544 - 7, 0x90
        call    *0x10020(%r14)
        .org    guest_code + 576 - 7, 0x90
        call    *0x10008(%r14)

/* 640.. : faults, 32 bytes apart. */
        .org    guest_code + 640, 0x90        /* divide by zero */
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        divl    %ecx
        .org    guest_code + 672, 0x90        /* read the low guard */
        movl    %gs:0, %eax
        .org    guest_code + 704, 0x90        /* write the entry table */
        movl    %eax, 0x10000(%r14)
        .org    guest_code + 736, 0x90        /* write code */
        movl    %eax, 0x20000(%r14)
        .org    guest_code + 768, 0x90        /* jump to data */
        leaq    0x11000(%r14), %rax
        jmp     *%rax
        .org    guest_code + 800, 0x90
        int3
        .org    guest_code + 832, 0x90
        ud2
        .org    guest_code + 864, 0x90        /* a kernel call with a stack that is not there */
        leaq    0x500000(%r14), %rsp
        jmp     *0x10000(%r14)
        .org    guest_code + 896, 0x90        /* push below the window */
        movq    %r14, %rsp
        pushq   %rax
        .org    guest_code + 928, 0x90        /* read outside the window: the fault is still this process's */
        movabsq $0x10, %rax
        movl    (%rax), %eax
        .org    guest_code + 960, 0x90        /* a privileged instruction */
        hlt

/* 1024: leaves condition codes in the x87 status, yields (call 4) and ends. */
        .org    guest_code + 1024, 0x90
        fldz
        fxam
        fstp    %st(0)
        .org    guest_code + 1056 - 7, 0x90
        call    *0x10020(%r14)
        .org    guest_code + 1088 - 7, 0x90
        call    *0x10008(%r14)

/* 1152: what is the x87 status at first? calls number 1 with it. */
        .org    guest_code + 1152, 0x90
        xorl    %eax, %eax
        fnstsw  %ax
        movq    %rax, %rdi
        .org    guest_code + 1184 - 7, 0x90
        call    *0x10008(%r14)

        .org    guest_code + 4096, 0x90
        .section .note.GNU-stack,"",@progbits
