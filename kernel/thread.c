/* Threads: made by their process, gone with it at the latest. Kernel lock. */
#include "kernel/object.h"

/* The caller makes it ready. NULL: no memory. The quota is the caller's to check. */
struct thread *thread_create(struct kernel_process *process, uint32_t entry, uint32_t stack, uint64_t argument,
                             uint64_t thread_pointer) {
  if (!timer_reserve())
    return NULL;
  struct thread *thread = allocate(sizeof *thread);
  if (!thread)
    return NULL;
  thread->context = port_context_create(entry, stack, argument, thread_pointer);
  if (!thread->context) {
    release(thread, sizeof *thread);
    return NULL;
  }
  thread->process = process;
  thread->asked = &nowhere;
  thread->number = ++process->threads_made;
  thread->state = THREAD_WAITING;
  list_initialise(&thread->turn_link);
  list_initialise(&thread->ticket_link);
  list_append(&process->threads, &thread->link);
  process->used.threads++;
  process->threads_alive++;
  kernel.threads++;
  return thread;
}

void thread_destroy(struct thread *thread) {
  device_forget(thread);
  wait_cancel(thread);
  handover_forget(thread);
  if (thread->state == THREAD_READY)
    ready_remove(thread);
  list_remove(&thread->link);
  thread->process->used.threads--;
  thread->process->threads_alive--;
  kernel.threads--;
  port_context_destroy(thread->context);
  release(thread->more, ENDPOINTS_MOST * sizeof *thread->more);
  release(thread, sizeof *thread);
}

struct signet_result call_thread_create(struct thread *thread, const uint64_t *arguments) {
  struct kernel_process *process = thread->process;
  uint64_t entry = arguments[0], stack = arguments[1];
  if (!entry_valid(process, entry) || stack % 16)
    return error(SIGNET_ARGUMENT);
  if (stack < SIGNET_IMAGE_LOW || stack > SIGNET_BLOCKS_HIGH)
    return error(SIGNET_ADDRESS);
  if (process->used.threads == process->limit.threads)
    return error(SIGNET_QUOTA);
  struct thread *made = thread_create(process, (uint32_t)entry, (uint32_t)stack, arguments[2], arguments[3]);
  if (!made)
    return error(SIGNET_MEMORY);
  schedule_ready(made, false);
  return result(SIGNET_OK, made->number);
}

#define MXCSR_BITS 0xe040u  /* rounding, flush to zero, denormals are zero */
#define MXCSR_MASKS 0x1f80u /* every exception masked */
#define X87_BITS 0x0f00u    /* rounding, precision */
#define X87_MASKS 0x007fu   /* every exception masked; bit 6 reads as 1 */

struct signet_result call_floating_point_control(struct thread *thread, const uint64_t *arguments) {
  if (arguments[0] & ~(uint64_t)(MXCSR_BITS | MXCSR_MASKS) || arguments[1] & ~(uint64_t)(X87_BITS | X87_MASKS))
    return error(SIGNET_ARGUMENT);
  port_context_set_floating_point(thread->context, (uint32_t)arguments[0] | MXCSR_MASKS,
                                  (uint32_t)arguments[1] | X87_MASKS);
  return result(SIGNET_OK, 0);
}
