/* Kernel calls of programs under the library OS, which services do not make: for the target that runs one over the
 * kernel of service_kernel.h. Tests only. */
#include <signet/calls.h>

#include <string.h>

#include "tests/fuzz/service_kernel.h"

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }

struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline) {
  struct kernel_object *object = kernel_object_find(endpoint, "channel_call");
  /* An answer that did not fit lies there still, or nobody can answer any more. */
  if (object && (kernel_ends[object->number].queued ||
                 (kernel_ends[object->number ^ 1].closed && !kernel_may_send(object->number, message->tag))))
    return result(SIGNET_CONTRACT, 0);
  struct signet_result sent = signet_channel_send(endpoint, message);
  return sent.status == SIGNET_OK ? signet_channel_receive(&endpoint, 1, reply, capacity, deadline) : sent;
}

struct signet_result signet_block_allocate(uint64_t length) {
  kernel_call_begins();
  uint32_t block = kernel_refuses() ? 0 : kernel_block((uint32_t)((length + SIGNET_PAGE - 1) / SIGNET_PAGE)), size;
  if (!block)
    return result(SIGNET_QUOTA, 0);
  uint8_t *bytes = kernel_block_open(block, &size);
  memset(bytes, 0, size);
  return result(SIGNET_OK, kernel_object(SIGNET_KIND_BLOCK, block) | (uint64_t)(uintptr_t)bytes << 32);
}

struct signet_result signet_memory_protect(uint64_t offset, uint64_t length, uint32_t protection) {
  (void)offset, (void)length, (void)protection;
  fuzz_fail("memory_protect");
}

struct signet_result signet_random_fill(void *bytes, uint64_t length) {
  kernel_call_begins();
  memset(bytes, 0x42, length);
  return result(SIGNET_OK, 0);
}

struct signet_result signet_event_listen(void (*entry)(uint64_t event)) {
  kernel_call_begins();
  kernel_listener = entry;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_floating_point_control(uint32_t mxcsr, uint32_t x87) {
  (void)mxcsr, (void)x87;
  return result(SIGNET_OK, 0);
}

void signet_thread_entry(void *start) { fuzz_fail("a thread begins at %p", start); }
void signet_leave_on(void *top, void *base, size_t length, uint32_t *clear) {
  fuzz_fail("a thread leaves: %p, %p, %zu, %p", top, base, length, (void *)clear);
}
