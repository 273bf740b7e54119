/* Where a processor begins that the first one starts: in real mode, at the page that pc_trampoline_low to _high is copied to. Goes to
 * long mode with the kernel's page tables, and on to processors.c, in one go and without memory of its own.
 *
 * Sources: Intel SDM volume 3, chapters 8.4.4 (MP initialisation), 9.8.5 (entering long mode). */
#define CR0_PG_WP_PE 0x80010001
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME_NXE 0x900

        .section .rodata
        .globl  pc_trampoline_low, pc_trampoline_high, pc_trampoline_root, pc_trampoline_page
        .p2align 4
        .code16
pc_trampoline_low:
        cli
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        lgdtl   gdt_pointer - pc_trampoline_low
        movl    pc_trampoline_root - pc_trampoline_low, %edi
        movl    $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    %edi, %cr3
        movl    $EFER, %ecx
        xorl    %edx, %edx
        movl    $EFER_LME_NXE, %eax
        wrmsr
        movl    $CR0_PG_WP_PE, %eax
        movl    %eax, %cr0
        /* From real mode straight to long mode: a far jump through memory, to a 64-bit segment. */
        ljmpl   *(pc_trampoline_page - pc_trampoline_low)

        .code64
        .p2align 4
long_mode:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movq    $pc_processor_begin, %rax
        jmp     *%rax

        .p2align 3
gdt:    .quad   0
        .quad   0x00af9b000000ffff
        .quad   0x00cf93000000ffff
gdt_pointer:
        .word   23
pc_trampoline_gdt:
        .globl  pc_trampoline_gdt
        .long   gdt - pc_trampoline_low         /* and the page's address, added by processors.c */
        .p2align 3
pc_trampoline_page:
        .long   long_mode - pc_trampoline_low   /* likewise */
        .word   8
        .p2align 3
pc_trampoline_root:
        .long   0                               /* the page tables */
pc_trampoline_high:

        .text
/* Takes the structure that the first processor has laid out for the next that comes: its stack, then C. */
        .globl  pc_processor_begin
        .p2align 4
pc_processor_begin:
        xorl    %edi, %edi
        lock xchgq %rdi, pc_processor_slot(%rip)
        testq   %rdi, %rdi
        jne     1f
        pause
        jmp     pc_processor_begin
1:      movq    16(%rdi), %rsp                  /* CPU_KERNEL_STACK */
        xorl    %ebp, %ebp
        call    pc_processor_enter
        ud2

        .section .note.GNU-stack,"",@progbits
