/* Where a service starts: %rdi is the start-up block, %rsp is 16-byte aligned; C wants it so before a call. */
  .section .text.start, "ax", @progbits
  .globl _start
  .type _start, @function
  .p2align 5
_start:
  call service_main
  ud2
  .size _start, . - _start

/* The same for a further thread: %rdi is its argument. */
  .globl service_thread_entry
  .type service_thread_entry, @function
  .p2align 5
service_thread_entry:
  call service_thread
  ud2
  .size service_thread_entry, . - service_thread_entry

  .section .note.GNU-stack, "", @progbits
