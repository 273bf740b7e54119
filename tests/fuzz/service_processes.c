/* The kernel's calls about processes, for services that make some: a process is one of the driver's peers from its
 * start to its end. See service_kernel.h and service_processes.h. */
#include "tests/fuzz/service_processes.h"

#include <string.h>

#include <signet/calls.h>

struct kernel_process kernel_processes[KERNEL_PROCESSES_MOST];
uint32_t kernel_process_count;
uint32_t (*kernel_image_of)(const uint8_t *bytes, uint64_t length);

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }
static struct signet_result error(int64_t status) { return result(status, 0); }

void kernel_processes_begin(void) {
  memset(kernel_processes, 0, sizeof kernel_processes);
  kernel_process_count = 0;
}

static struct kernel_process *process_of(uint32_t handle, const char *call) {
  struct kernel_object *object = kernel_object_find(handle, call);
  if (!object || object->kind != SIGNET_KIND_PROCESS)
    fuzz_fail("%s: the handle %#x is no process", call, handle);
  return &kernel_processes[object->number];
}

/* NULL: another thread has waited for its end, and this one has not heard of that. */
static struct kernel_process *process_or_gone(uint32_t handle) {
  return kernel_object_find(handle, NULL) ? process_of(handle, "a call about a process") : NULL;
}

struct signet_result signet_event_listen(void (*entry)(uint64_t event)) {
  kernel_call_begins();
  if (kernel_refuses())
    return error(SIGNET_ARGUMENT);
  kernel_listener = entry;
  return error(SIGNET_OK);
}

struct signet_result signet_block_allocate(uint64_t length) {
  uint32_t all;
  kernel_call_begins();
  uint32_t block =
      kernel_refuses() || length > KERNEL_BLOCK_MOST ? 0 : kernel_block((uint32_t)((length + 4095) / 4096));
  if (!block)
    return error(SIGNET_QUOTA);
  uint8_t *bytes = kernel_block_open(block, &all);
  memset(bytes, 0, all);
  return result(SIGNET_OK, (uint64_t)(uintptr_t)bytes << 32 | kernel_object(SIGNET_KIND_BLOCK, block));
}

struct signet_result signet_image_load(uint32_t block, uint64_t length) {
  uint32_t room;
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(block, "image_load");
  if (!object || object->kind != SIGNET_KIND_BLOCK)
    fuzz_fail("image_load: no block");
  const uint8_t *bytes = kernel_block_open(object->number, &room);
  if (length > room || kernel_refuses())
    return error(SIGNET_MEMORY);
  uint32_t image = kernel_image_of(bytes, length);
  if (image == UINT32_MAX)
    return error(SIGNET_IMAGE);
  kernel_block_free(object->number);
  object->kind = 0;
  return result(SIGNET_OK, kernel_object(SIGNET_KIND_IMAGE, image));
}

void kernel_process_query(const struct kernel_object *object, struct signet_handle_information *information) {
  memset(information, 0, sizeof *information);
  information->kind = object->kind;
  if (object->kind == SIGNET_KIND_IMAGE)
    memset(information->identity, (int)object->number, sizeof information->identity);
  else
    information->state = kernel_processes[object->number].state;
}

struct signet_result signet_process_create(const struct signet_process_specification *is) {
  kernel_call_begins();
  kernel_readable(is, sizeof *is, "process_create");
  struct kernel_object *image = kernel_object_find(is->image, "process_create");
  if (!image || image->kind != SIGNET_KIND_IMAGE || is->slots > SIGNET_SLOTS_MOST ||
      !memchr(is->name, 0, sizeof is->name))
    fuzz_fail("process_create: no image, or no name");
  kernel_readable((void *)(uintptr_t)is->startup_offset, is->startup_length, "the start-up bytes of a process");
  if (kernel_refuses() || kernel_process_count + 1 == KERNEL_PROCESSES_MOST)
    return error(SIGNET_QUOTA);
  kernel_processes[++kernel_process_count] = (struct kernel_process){.there = true, .slots = is->slots};
  memcpy(kernel_processes[kernel_process_count].name, is->name, sizeof is->name);
  return result(SIGNET_OK, kernel_object(SIGNET_KIND_PROCESS, kernel_process_count));
}

struct signet_result signet_process_grant(uint32_t child, uint32_t slot, uint32_t handle) {
  kernel_call_begins();
  struct kernel_process *process = process_of(child, "process_grant");
  struct kernel_object *object = kernel_object_find(handle, "process_grant");
  uint32_t number = (uint32_t)(process - kernel_processes);
  if (!object || process->state != SIGNET_PROCESS_UNSTARTED || slot >= process->slots || process->granted >> slot & 1)
    fuzz_fail("process_grant: of handle %#x at slot %u of %u, state %u, granted %#x", handle, slot, process->slots,
              process->state, process->granted);
  if (kernel_refuses())
    return error(SIGNET_QUOTA);
  if (object->kind == SIGNET_KIND_DEVICE) {
    for (uint32_t i = 1; i <= kernel_process_count; i++)
      if (kernel_processes[i].there && kernel_processes[i].devices >> object->number & 1 &&
          kernel_processes[i].state != SIGNET_PROCESS_STOPPED)
        return error(SIGNET_STATE);
    process->devices |= 1u << object->number;
  } else if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER) {
    kernel_ends[object->number].holder = KERNEL_TRAVELS;
    kernel_ends[object->number].in_set = false;
    kernel_ends[object->number].peer = number;
    process->ends[slot] = object->number;
    object->kind = 0;
  } else {
    fuzz_fail("process_grant: of another kind");
  }
  process->granted |= 1u << slot;
  return error(SIGNET_OK);
}

struct signet_result signet_process_start(uint32_t child) {
  kernel_call_begins();
  struct kernel_process *process = process_of(child, "process_start");
  if (process->state != SIGNET_PROCESS_UNSTARTED || process->granted != (1ull << process->slots) - 1)
    fuzz_fail("process_start: it was started, or a slot is empty");
  if (kernel_refuses())
    return error(SIGNET_MEMORY);
  process->state = SIGNET_PROCESS_RUNNING;
  for (uint32_t slot = 0; slot < process->slots; slot++)
    if (process->ends[slot])
      kernel_ends[process->ends[slot]].holder = KERNEL_PEER;
  kernel_changed();
  return error(SIGNET_OK);
}

void kernel_process_end(uint32_t number, struct signet_ending ending) {
  struct kernel_process *process = &kernel_processes[number];
  if (!process->there || process->state == SIGNET_PROCESS_STOPPED)
    return;
  bool started = process->state != SIGNET_PROCESS_UNSTARTED;
  for (uint32_t end = 2; end < kernel_ends_used; end++)
    if (kernel_ends[end].peer == number && kernel_ends[end].holder == KERNEL_PEER && started)
      kernel_end_close(end);
  for (uint32_t slot = 0; slot < process->slots && !started; slot++)
    if (process->ends[slot])
      kernel_end_close(process->ends[slot]);
  process->state = SIGNET_PROCESS_STOPPED;
  process->ending = ending;
  kernel_changed();
}

void kernel_process_closed(uint32_t process) {
  kernel_process_end(process, (struct signet_ending){.kind = SIGNET_ENDED_STOPPED});
  kernel_processes[process].there = false;
}

struct signet_result signet_process_stop(uint32_t child) {
  kernel_call_begins();
  struct kernel_process *process = process_or_gone(child);
  if (!process)
    return error(SIGNET_HANDLE);
  kernel_process_end((uint32_t)(process - kernel_processes), (struct signet_ending){.kind = SIGNET_ENDED_STOPPED});
  return error(SIGNET_OK);
}

struct signet_result signet_process_wait(uint32_t child, struct signet_ending *ending, uint64_t deadline) {
  kernel_call_begins();
  struct kernel_process *process = process_of(child, "process_wait");
  while (process->state != SIGNET_PROCESS_STOPPED) {
    if (deadline <= kernel_now)
      return error(SIGNET_TIMEOUT);
    kernel_wait(deadline);
  }
  kernel_readable(ending, sizeof *ending, "process_wait");
  *ending = process->ending;
  process->there = false;
  kernel_object_find(child, "process_wait")->kind = 0;
  return error(SIGNET_OK);
}

struct signet_result signet_process_event(uint32_t child, uint32_t event) {
  kernel_call_begins();
  struct kernel_process *process = process_or_gone(child);
  if (!process)
    return error(SIGNET_HANDLE);
  if (!event || event > 31)
    return error(SIGNET_ARGUMENT);
  if (process->state != SIGNET_PROCESS_RUNNING)
    return error(SIGNET_STATE);
  process->event = event;
  return error(SIGNET_OK);
}

struct signet_result signet_process_observe(uint32_t what, uint64_t after, void *buffer, uint64_t length) {
  uint64_t size = what == SIGNET_OBSERVE_PROCESSES ? sizeof(struct signet_observed_process)
                                                   : sizeof(struct signet_observed_channel);
  kernel_call_begins();
  kernel_readable(buffer, length, "process_observe");
  uint64_t count = after > 3 ? 0 : 3 - after, most = length / size;
  if (!most)
    return error(SIGNET_ARGUMENT);
  count = count < most ? count : most;
  memset(buffer, 0, count * size);
  for (uint64_t i = 0; i < count; i++) {
    struct signet_observed_process *process = (void *)((uint8_t *)buffer + i * size);
    if (what == SIGNET_OBSERVE_PROCESSES) {
      process->number = (uint32_t)(after + i + 1);
      process->parent = process->number != 1;
      memcpy(process->name, kernel_processes[process->number].name, sizeof process->name);
    } else {
      memcpy(process, &(uint64_t){after + i + 1}, 8);
    }
  }
  return result(SIGNET_OK, count);
}
