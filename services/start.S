/* Where a service starts: %rdi is the start-up block, %rsp is 16-byte aligned; C wants it so before a call. */
  .section .text.start, "ax", @progbits
  .globl _start
  .type _start, @function
  .p2align 5
_start:
  call service_main
  ud2
  .size _start, . - _start

  .section .note.GNU-stack, "", @progbits
