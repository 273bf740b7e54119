/* Where a further thread of a service starts: %rdi is its argument, %rsp is 16-byte aligned; C wants it so before a call. */
  .section .text.thread, "ax", @progbits
  .globl service_thread_entry
  .type service_thread_entry, @function
  .p2align 5
service_thread_entry:
  call service_thread
  ud2
  .size service_thread_entry, . - service_thread_entry

  .section .note.GNU-stack, "", @progbits
