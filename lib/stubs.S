/* One stub for each call of the kernel, each in a section of its own, so that an image holds only the calls it can make.
 *
 * A stub jumps through the entry table; the kernel returns straight to the stub's caller. Arguments that C declares as 32 bits wide are
 * zero-extended here, because C leaves the upper half of their registers undefined and the kernel reads all of it. */
#include <signet/layout.h>

  .macro begin_stub name
  .section .text.signet_\name, "ax", @progbits
  .globl signet_\name
  .type signet_\name, @function
  .p2align 5
signet_\name:
  .endm

  .macro end_stub name, number
  jmp *(SIGNET_ENTRY_TABLE + 8 * \number)(%r14)
  .size signet_\name, . - signet_\name
  .endm

  begin_stub abi_version
  end_stub abi_version, 0

  begin_stub process_exit
  movl %edi, %edi
  movl %esi, %esi
  end_stub process_exit, 1

  begin_stub thread_create
  end_stub thread_create, 2

  begin_stub thread_exit
  end_stub thread_exit, 3

  begin_stub thread_yield
  end_stub thread_yield, 4

  begin_stub word_wait
  movl %esi, %esi
  end_stub word_wait, 5

  begin_stub word_wake
  movl %esi, %esi
  end_stub word_wake, 6

  begin_stub memory_map
  movl %edx, %edx
  end_stub memory_map, 7

  begin_stub memory_unmap
  end_stub memory_unmap, 8

  begin_stub memory_protect
  movl %edx, %edx
  end_stub memory_protect, 9

  begin_stub clock_read
  movl %edi, %edi
  end_stub clock_read, 10

  begin_stub random_fill
  end_stub random_fill, 11

  begin_stub floating_point_control
  movl %edi, %edi
  movl %esi, %esi
  end_stub floating_point_control, 12

  begin_stub event_listen
  end_stub event_listen, 13

  begin_stub event_return
  end_stub event_return, 14

  begin_stub channel_create
  end_stub channel_create, 15

  begin_stub channel_send
  movl %edi, %edi
  end_stub channel_send, 16

  begin_stub channel_receive
  movl %esi, %esi
  end_stub channel_receive, 17

  begin_stub channel_call
  movl %edi, %edi
  end_stub channel_call, 18

  begin_stub handle_close
  movl %edi, %edi
  end_stub handle_close, 19

  begin_stub handle_query
  movl %edi, %edi
  end_stub handle_query, 20

  begin_stub block_allocate
  end_stub block_allocate, 21

  begin_stub image_load
  movl %edi, %edi
  end_stub image_load, 22

  begin_stub process_create
  end_stub process_create, 23

  begin_stub process_grant
  movl %edi, %edi
  movl %esi, %esi
  movl %edx, %edx
  end_stub process_grant, 24

  begin_stub process_start
  movl %edi, %edi
  end_stub process_start, 25

  begin_stub process_stop
  movl %edi, %edi
  end_stub process_stop, 26

  begin_stub process_wait
  movl %edi, %edi
  end_stub process_wait, 27

  begin_stub device_request
  movl %edi, %edi
  end_stub device_request, 28

  begin_stub process_usage
  end_stub process_usage, 29

  .section .note.GNU-stack, "", @progbits
