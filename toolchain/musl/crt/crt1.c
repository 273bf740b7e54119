/* Where an image starts. The kernel enters with the start-up block's offset in %rdi and an aligned stack; the library
 * OS takes it from there. Overlaid on the C library. */
__asm__(".text\n"
        ".globl _start\n"
        ".type _start,@function\n"
        "_start:\n"
        "xor %ebp,%ebp\n"
        "call signet_start\n"
        "ud2\n"
        ".size _start,.-_start\n");
