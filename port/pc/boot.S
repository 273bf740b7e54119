/* The machine's first instructions: from the PVH entry (32-bit protected mode, paging off, %ebx = physical address of the
 * start information) to pc_start in long mode, in the upper half. Maps the first 4 GiB one to one and the first GiB at
 * PC_KERNEL, both writable and executable: paging.c replaces that before anything else runs. Entered once, by the loader.
 *
 * Sources: Xen's documentation of the PVH boot protocol (the note, the state at the entry); AMD64 manual volume 2,
 * chapter 14.6 (entering long mode). */
#define KERNEL 0xffffffff80000000
#define CR0_PE 1
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)
#define PRESENT_WRITABLE 3
#define LARGE (1 << 7)
#define SERIAL 0x3f8

        .section .note.pvh, "a", @note
        .p2align 2
        .long   4               /* bytes of the name */
        .long   8               /* bytes of the value */
        .long   18              /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   pc_boot_entry - KERNEL

        .text
        .code32
        .globl  pc_boot_entry
pc_boot_entry:
        cli
        cld
        movl    $(boot_stack_high - KERNEL), %esp
        movl    %ebx, %esi

        /* Long mode and no-execute, or nothing. */
        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000001, %eax
        jb      too_old
        movl    $0x80000001, %eax
        cpuid
        andl    $(1 << 29 | 1 << 20), %edx
        cmpl    $(1 << 29 | 1 << 20), %edx
        jne     too_old

        /* Four directories of 2 MiB pages; the first one serves the upper half too. */
        movl    $(boot_directories - KERNEL), %edi
        movl    $(PRESENT_WRITABLE | LARGE), %eax
        movl    $2048, %ecx
1:      movl    %eax, (%edi)
        addl    $0x200000, %eax
        addl    $8, %edi
        decl    %ecx
        jne     1b
        movl    $(boot_directories - KERNEL + PRESENT_WRITABLE), %eax
        movl    %eax, boot_low - KERNEL
        movl    %eax, boot_high - KERNEL + 510 * 8
        addl    $0x1000, %eax
        movl    %eax, boot_low - KERNEL + 8
        addl    $0x1000, %eax
        movl    %eax, boot_low - KERNEL + 16
        addl    $0x1000, %eax
        movl    %eax, boot_low - KERNEL + 24
        movl    $(boot_low - KERNEL + PRESENT_WRITABLE), boot_root - KERNEL
        movl    $(boot_high - KERNEL + PRESENT_WRITABLE), boot_root - KERNEL + 511 * 8

        movl    %cr4, %eax
        orl     $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    $(boot_root - KERNEL), %eax
        movl    %eax, %cr3
        movl    $EFER, %ecx
        rdmsr
        orl     $(EFER_LME | EFER_NXE), %eax
        wrmsr
        movl    %cr0, %eax
        orl     $(CR0_PG | CR0_WP | CR0_PE), %eax
        movl    %eax, %cr0
        lgdt    boot_gdt_pointer - KERNEL
        ljmp    $8, $(long_mode - KERNEL)

/* Says so on the serial line, and stops. */
too_old:
        movl    $(too_old_text - KERNEL), %esi
2:      lodsb
        testb   %al, %al
        je      3f
        movw    $SERIAL, %dx
        outb    %al, %dx
        jmp     2b
3:      movl    $1, %eax        /* isa-debug-exit, where there is one */
        movw    $0xf4, %dx
        outl    %eax, %dx
4:      hlt
        jmp     4b

        .code64
long_mode:
        movabsq $upper_half, %rax
        jmp     *%rax
upper_half:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movq    $boot_stack_high, %rsp
        xorl    %ebp, %ebp
        movl    %esi, %edi
        call    pc_start
        ud2

        .section .rodata
too_old_text:
        .asciz  "signet: cannot boot: this processor lacks 64-bit mode or no-execute pages\r\n"
        .p2align 3
boot_gdt:
        .quad   0
        .quad   0x00209a0000000000      /* code, 64-bit */
        .quad   0x0000920000000000      /* data */
boot_gdt_pointer:
        .word   boot_gdt_pointer - boot_gdt - 1
        .long   boot_gdt - KERNEL

        .bss
        .p2align 12
boot_root:
        .skip   4096
boot_low:
        .skip   4096
boot_high:
        .skip   4096
boot_directories:
        .skip   4 * 4096
boot_stack:
        .skip   16384
boot_stack_high:

        .section .note.GNU-stack,"",@progbits
