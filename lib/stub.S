/* The stub of one call of the kernel. Assembled once for each call of include/signet/abi.h, with NAME and NUMBER from there, to an
 * object of its own, so that an image holds only the calls it can make.
 *
 * A stub jumps through the entry table; the kernel returns straight to the stub's caller. Arguments that C declares as 32 bits wide are
 * zero-extended here, because C leaves the upper half of their registers undefined and the kernel reads all of it. */
#include <signet/layout.h>

/* Which arguments are 32 bits wide: 1 the first, 2 the second, 3 the third. Every call has a line. */
#define WIDTH_abi_version
#define WIDTH_process_exit FIRST SECOND
#define WIDTH_thread_create
#define WIDTH_thread_exit
#define WIDTH_thread_yield
#define WIDTH_word_wait SECOND
#define WIDTH_word_wake SECOND
#define WIDTH_memory_map THIRD
#define WIDTH_memory_unmap
#define WIDTH_memory_protect THIRD
#define WIDTH_clock_read FIRST
#define WIDTH_random_fill
#define WIDTH_floating_point_control FIRST SECOND
#define WIDTH_event_listen
#define WIDTH_event_return
#define WIDTH_channel_create
#define WIDTH_channel_send FIRST
#define WIDTH_channel_receive SECOND
#define WIDTH_channel_call FIRST
#define WIDTH_handle_close FIRST
#define WIDTH_handle_query FIRST
#define WIDTH_block_allocate
#define WIDTH_image_load FIRST
#define WIDTH_process_create
#define WIDTH_process_grant FIRST SECOND THIRD
#define WIDTH_process_start FIRST
#define WIDTH_process_stop FIRST
#define WIDTH_process_wait FIRST
#define WIDTH_device_request FIRST
#define WIDTH_process_usage
#define WIDTH_process_event FIRST SECOND
#define WIDTH_set_create
#define WIDTH_set_insert FIRST SECOND
#define WIDTH_set_receive FIRST
#define WIDTH_process_observe FIRST

#define FIRST movl %edi, %edi;
#define SECOND movl %esi, %esi;
#define THIRD movl %edx, %edx;
#define PASTE(a, b) a##b
#define JOIN(a, b) PASTE(a, b)
#define SYMBOL JOIN(signet_, NAME)

  .text
  .globl SYMBOL
  .type SYMBOL, @function
  .p2align 5
SYMBOL:
  JOIN(WIDTH_, NAME)
  jmp *(SIGNET_ENTRY_TABLE + 8 * NUMBER)(%r14)
  .size SYMBOL, . - SYMBOL

  .section .note.GNU-stack, "", @progbits
