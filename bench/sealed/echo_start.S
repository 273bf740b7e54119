/* Where echo.c starts: %rdi is the start-up block, %rsp is 16-byte aligned. */
  .text
  .globl _start
  .type _start, @function
  .p2align 5
_start:
  call echo_main
  ud2
  .size _start, . - _start

  .section .note.GNU-stack, "", @progbits
