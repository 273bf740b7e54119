/* The kernel of services that are fuzzed: see service_kernel.h. One host thread; the service's are stacks of their
 * own, which change in calls. */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "tests/fuzz/service_inside.h"

#define AREA_LOW 0x10000000u
#define AREA_LENGTH 0x4000000u
#define PAGE ((uint64_t)SIGNET_PAGE)
#define CALLS_MOST 1000000 /* that a service makes before it waits again */

_Noreturn void service_main(const struct signet_startup *startup);
__attribute__((weak)) void service_thread(void *argument);
void service_thread_entry(void *argument);

struct fuzz_input kernel_input;
bool kernel_exited;
uint32_t kernel_exit_code, kernel_fail_in;
uint64_t kernel_now, kernel_mapped;
struct signet_result (*kernel_on_device)(uint32_t number, const struct signet_device_request *request);

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }
static struct signet_result error(int64_t status) { return result(status, 0); }

/* FUZZ_TRACE=1: what the service says, hears and asks. */
bool kernel_traced;

/* ---- Threads: a stack each; the driver runs on its own ---- */

#define THREADS_MOST 8 /* at once */
#define STACK 0x40000u
static struct thread {
  bool there, waits;
  uint32_t seen;     /* the version at which it began to wait */
  uint64_t deadline; /* or SIGNET_NEVER */
  volatile void *word;
  void (*entry)(void *);
  void *argument;
  void *stack_pointer;
} threads[THREADS_MOST];
static uint8_t stacks[THREADS_MOST][STACK] __attribute__((aligned(64)));
static struct thread *current;
static void *driver_pointer;
static const void *driver_stack;
static size_t driver_stack_length;
uint32_t kernel_version;
static uint32_t calls_left, quantum, calls_since_idle;

/* Saves the registers that a function keeps, and goes on where the other stack was left. */
void kernel_switch(void **save, void *load);
__asm__(".text\nkernel_switch:\n push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        " mov %rsp, (%rdi)\n mov %rsi, %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");

static void leave(bool for_ever) {
  struct thread *self = current;
  void *fake = NULL;
  __sanitizer_start_switch_fiber(for_ever ? NULL : &fake, driver_stack, driver_stack_length);
  kernel_switch(&self->stack_pointer, driver_pointer);
  __sanitizer_finish_switch_fiber(fake, &driver_stack, &driver_stack_length);
}

void kernel_thread_begin(void);
void kernel_thread_begin(void) {
  __sanitizer_finish_switch_fiber(NULL, &driver_stack, &driver_stack_length);
  current->entry(current->argument);
  fuzz_fail("a thread of the service returned");
}

static void thread_new(void (*entry)(void *), void *argument) {
  for (uint32_t i = 0; i < THREADS_MOST; i++) {
    struct thread *thread = &threads[i];
    if (thread->there)
      continue;
    void **top = (void **)(void *)(stacks[i] + STACK) - 2;
    __asan_unpoison_memory_region(stacks[i], STACK);
    *thread = (struct thread){.there = true, .entry = entry, .argument = argument, .deadline = SIGNET_NEVER};
    top[0] = (void *)kernel_thread_begin; /* entered as by a call: the stack is 8 off a multiple of 16 */
    top[1] = NULL;
    memset(top - 6, 0, 6 * sizeof *top);
    thread->stack_pointer = top - 6;
    return;
  }
  fuzz_fail("the service makes too many threads");
}

static void resume(struct thread *thread) {
  void *fake = NULL;
  current = thread;
  thread->waits = false;
  __sanitizer_start_switch_fiber(&fake, stacks[thread - threads], STACK);
  kernel_switch(&driver_pointer, thread->stack_pointer);
  __sanitizer_finish_switch_fiber(fake, NULL, NULL);
  current = NULL;
}

bool kernel_in_service(void) { return current; }

void kernel_changed(void) { kernel_version++; }

void kernel_wait(uint64_t deadline) {
  current->waits = true;
  current->seen = kernel_version;
  current->deadline = deadline;
  leave(false);
}

void kernel_device_wait(void) { kernel_wait(SIGNET_NEVER); }

/* Every call begins so: another thread may run now, or a peer act. */
static jmp_buf event_jump;
static bool in_event;
uint64_t kernel_event;
void (*kernel_listener)(uint64_t event);

/* Events arrive on the first thread. */
bool kernel_event_delivered(void) {
  uint64_t event = kernel_event;
  if (!event || !kernel_listener || current != threads || in_event)
    return false;
  kernel_event = 0;
  in_event = true;
  if (!setjmp(event_jump))
    kernel_listener(event);
  in_event = false;
  return true;
}

void signet_event_return(void) { longjmp(event_jump, 1); }

void kernel_call_begins(void) {
  if (!current)
    fuzz_fail("a call from outside of the service");
  if (++calls_since_idle > CALLS_MOST)
    fuzz_fail("the service is busy for ever: %u calls without a wait", CALLS_MOST);
  if (!calls_left || !quantum)
    leave(false);
  else {
    if (calls_left != KERNEL_UNTIL_IDLE)
      calls_left--;
    quantum--;
  }
  kernel_event_delivered();
}

static bool can_run(const struct thread *thread) {
  return thread->there && (!thread->waits || thread->seen != kernel_version || thread->deadline <= kernel_now);
}

void kernel_run(uint32_t calls) {
  calls_left = calls;
  calls_since_idle = 0;
  while (!kernel_exited && calls_left) {
    uint32_t able[THREADS_MOST], count = 0, there = 0;
    for (uint32_t i = 0; i < THREADS_MOST; i++) {
      there += threads[i].there;
      if (can_run(&threads[i]))
        able[count++] = i;
    }
    if (!count)
      return;
    quantum = there > 1 ? 1u + fuzz_byte(&kernel_input) % 16 : UINT32_MAX;
    resume(&threads[able[count > 1 ? fuzz_below(&kernel_input, count) : 0]]);
  }
}

uint64_t kernel_first_deadline(void) {
  uint64_t first = SIGNET_NEVER;
  for (uint32_t i = 0; i < THREADS_MOST; i++)
    if (threads[i].there && threads[i].waits && threads[i].deadline < first)
      first = threads[i].deadline;
  return first;
}

void kernel_advance(uint64_t to) {
  if (to > kernel_now)
    kernel_now = to;
}

void service_thread_entry(void *argument) { service_thread(argument); }

struct signet_result signet_thread_create(void (*entry)(void *), void *stack, void *argument, void *thread_pointer) {
  kernel_call_begins();
  if (entry != service_thread_entry || (uintptr_t)stack % 16 || thread_pointer)
    fuzz_fail("a thread is made otherwise");
  if (kernel_fail_in && !--kernel_fail_in)
    return error(SIGNET_QUOTA);
  thread_new(entry, argument);
  return result(SIGNET_OK, 1);
}

void signet_thread_exit(uint32_t *clear) {
  (void)clear;
  current->there = false;
  leave(true);
  abort();
}

void signet_process_exit(uint32_t kind, uint32_t code) {
  if ((kind != SIGNET_ENDED_EXIT && kind != SIGNET_ENDED_SIGNAL) || code > 255)
    fuzz_fail("process_exit(%u, %u)", kind, code);
  kernel_exited = true;
  kernel_exit_code = code;
  leave(true);
  abort();
}

struct signet_result signet_thread_yield(void) {
  kernel_call_begins();
  quantum = 0;
  return error(SIGNET_OK);
}

struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  kernel_call_begins();
  if (*(volatile uint32_t *)word != expected)
    return error(SIGNET_AGAIN);
  struct thread *self = current;
  self->word = word;
  while (self->word) {
    if (deadline <= kernel_now) {
      self->word = NULL;
      return error(SIGNET_TIMEOUT);
    }
    kernel_wait(deadline);
  }
  return error(SIGNET_OK);
}

struct signet_result signet_word_wake(volatile void *word, uint32_t most) {
  kernel_call_begins();
  uint32_t woken = 0;
  for (uint32_t i = 0; i < THREADS_MOST && woken < most; i++)
    if (threads[i].there && threads[i].word == word) {
      threads[i].word = NULL;
      woken++;
    }
  kernel_version++;
  return result(SIGNET_OK, woken);
}

struct signet_result signet_clock_read(uint32_t clock) {
  kernel_call_begins();
  return result(SIGNET_OK, clock == SIGNET_CLOCK_REALTIME ? kernel_now + 1700000000000000000u : kernel_now);
}

/* ---- Memory ---- */

static uint64_t area_used; /* of it, in this input */

bool kernel_refuses(void) {
  if (!kernel_fail_in || --kernel_fail_in)
    return false;
  KERNEL_TRACE("an allocation fails\n");
  return true;
}

static bool in_area(uint64_t offset, uint64_t length) {
  return !(offset % PAGE) && !(length % PAGE) && length && offset >= AREA_LOW && length <= AREA_LENGTH &&
         offset - AREA_LOW <= AREA_LENGTH - length;
}

struct signet_result signet_memory_map(uint64_t offset, uint64_t length, uint32_t protection) {
  kernel_call_begins();
  if (!in_area(offset, length) || protection != SIGNET_PROTECT_WRITE)
    fuzz_fail("memory_map(%#lx, %#lx, %u)", offset, length, protection);
  if (kernel_refuses())
    return error(SIGNET_QUOTA);
  void *at = (void *)(uintptr_t)offset;
  if (!__asan_region_is_poisoned(at, length))
    fuzz_fail("memory_map(%#lx, %#lx): it is mapped already", offset, length);
  kernel_mapped += length;
  if (offset + length - AREA_LOW > area_used)
    area_used = offset + length - AREA_LOW;
  __asan_unpoison_memory_region(at, length);
  memset(at, 0, length);
  return error(SIGNET_OK);
}

struct signet_result signet_memory_unmap(uint64_t offset, uint64_t length) {
  kernel_call_begins();
  if (!in_area(offset, length))
    fuzz_fail("memory_unmap(%#lx, %#lx)", offset, length);
  if (__asan_region_is_poisoned((void *)(uintptr_t)offset, length))
    fuzz_fail("memory_unmap(%#lx, %#lx): it is not mapped", offset, length);
  kernel_mapped -= length;
  __asan_poison_memory_region((void *)(uintptr_t)offset, length);
  return error(SIGNET_OK);
}

void kernel_readable(const void *bytes, uint64_t length, const char *what) {
  if ((uintptr_t)bytes > UINT32_MAX || length > UINT32_MAX)
    fuzz_fail("%s: %p is no offset in the window", what, bytes);
  void *bad = length ? __asan_region_is_poisoned((void *)(uintptr_t)bytes, length) : NULL;
  if (bad)
    fuzz_fail("%s: of %lu bytes at %p those from %p on are not the service's", what, length, bytes, bad);
}

struct signet_result signet_process_usage(struct signet_usage *usage) {
  kernel_call_begins();
  kernel_readable(usage, sizeof *usage, "process_usage");
  memset(usage, 0, sizeof *usage);
  usage->limit.memory = 64u << 20;
  usage->used.memory = kernel_refuses() ? 64u << 20 : 1u << 20;
  return error(SIGNET_OK);
}

/* ---- Devices ---- */

void *kernel_buffer(const struct signet_device_request *request) { return (void *)(uintptr_t)request->buffer_offset; }

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(device, "device_request");
  kernel_readable(request, sizeof *request, "device_request");
  if (!object || object->kind != SIGNET_KIND_DEVICE || request->reserved || request->text_length > 4096 ||
      request->text2_length > 4096)
    fuzz_fail("device_request(%#x), operation %u", device, request->operation);
  kernel_readable((void *)(uintptr_t)request->buffer_offset, request->buffer_length, "the buffer of device_request");
  kernel_readable((void *)(uintptr_t)request->text_offset, request->text_length, "the text of device_request");
  kernel_readable((void *)(uintptr_t)request->text2_offset, request->text2_length, "the second text of device_request");
  struct signet_result answer = kernel_on_device(object->number, request);
  KERNEL_TRACE("device %u: operation %u (%#lx, %#lx) of %u bytes: %ld, %#lx\n", object->number, request->operation,
               request->arguments[0], request->arguments[1], request->buffer_length, answer.status, answer.value);
  return answer;
}

/* ---- An input ---- */

extern uint8_t service_state_begin[], service_state_end[];
static uint8_t *state_kept;

/* Between the service's variables there is what the sanitizer forbids to touch. */
__attribute__((no_sanitize("address"), noinline)) static void copy_all(uint8_t *to, const uint8_t *from,
                                                                       size_t length) {
  for (size_t i = 0; i < length; i += 8)
    *(volatile uint64_t *)(void *)(to + i) = *(const volatile uint64_t *)(const void *)(from + i);
}

void kernel_map_fixed(uint32_t offset, size_t length) {
  void *at = mmap((void *)(uintptr_t)offset, length, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
  if (at != (void *)(uintptr_t)offset)
    fuzz_fail("no room for the service's memory at %#x", offset);
  __asan_poison_memory_region(at, length);
}

void kernel_begin(const uint8_t *bytes, size_t length) {
  size_t state = (size_t)(service_state_end - service_state_begin);
  kernel_input = (struct fuzz_input){bytes, bytes + length};
  if (!state_kept) {
    kernel_traced = getenv("FUZZ_TRACE");
    state_kept = malloc(state);
    if (!state_kept)
      abort();
    copy_all(state_kept, service_state_begin, state);
    kernel_map_fixed(AREA_LOW, AREA_LENGTH);
    kernel_map_fixed(KERNEL_STARTUP_LOW, KERNEL_STARTUP_ROOM);
  } else {
    copy_all(service_state_begin, state_kept, state);
  }
  kernel_channels_begin();
  __asan_poison_memory_region((void *)(uintptr_t)AREA_LOW, area_used);
  area_used = 0;
  memset(threads, 0, sizeof threads);
  kernel_version = kernel_fail_in = kernel_exit_code = 0;
  kernel_mapped = kernel_event = 0;
  kernel_listener = NULL;
  in_event = false;
  kernel_exited = false;
  kernel_now = 1000000000;
}

static void main_begin(void *startup) { service_main(startup); }

void kernel_start(const uint32_t *handles, uint32_t slots, const void *bytes, uint32_t length) {
  struct signet_startup *startup = (void *)(uintptr_t)KERNEL_STARTUP_LOW;
  uint32_t room = (uint32_t)sizeof *startup + ((length + 7) & ~7u);
  if (length > KERNEL_STARTUP_ROOM / 2)
    fuzz_fail("too many start-up bytes");
  __asan_poison_memory_region(startup, KERNEL_STARTUP_ROOM);
  __asan_unpoison_memory_region(startup, room - ((length + 7) & ~7u) + length);
  memset(startup, 0, sizeof *startup);
  startup->abi_version = SIGNET_ABI_VERSION;
  startup->slots = slots;
  memcpy(startup->handles, handles, slots * sizeof *handles);
  startup->area_low = AREA_LOW;
  startup->area_high = AREA_LOW + AREA_LENGTH;
  startup->bytes_offset = KERNEL_STARTUP_LOW + (uint32_t)sizeof *startup;
  startup->bytes_length = length;
  memcpy(startup + 1, bytes, length);
  thread_new(main_begin, startup);
}
