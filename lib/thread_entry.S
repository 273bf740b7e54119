/* The two places where a stack is not as C wants it. */

/* A thread begins: %rdi is its argument, %rsp is 16-byte aligned; C wants it so before a call. */
  .section .text.signet_thread_entry, "ax", @progbits
  .globl signet_thread_entry
  .type signet_thread_entry, @function
  .p2align 5
signet_thread_entry:
  call signet_thread_main
  ud2
  .size signet_thread_entry, . - signet_thread_entry

/* signet_leave_on(stack_top, base, length, clear): goes to another stack and leaves from there, so that the old one can be unmapped. */
  .section .text.signet_leave_on, "ax", @progbits
  .globl signet_leave_on
  .type signet_leave_on, @function
  .p2align 5
signet_leave_on:
  movq %rdi, %rsp
  movq %rsi, %rdi
  movq %rdx, %rsi
  movq %rcx, %rdx
  call signet_thread_leave
  ud2
  .size signet_leave_on, . - signet_leave_on

  .section .note.GNU-stack, "", @progbits
