/* The kernel of services that are fuzzed: see service_kernel.h. One host thread; the service's are stacks of their
 * own, which change in calls. */
#include "tests/fuzz/service_kernel.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <signet/calls.h>
#include <signet/device.h>

void blake2b_256(uint8_t digest[32], const void *bytes, size_t length); /* of kernel/ */

#define AREA_LOW 0x10000000u
#define AREA_LENGTH 0x4000000u
#define BLOCKS_LOW 0x20000000u
#define STARTUP_LOW 0x1f000000u
#define STARTUP_ROOM 0x10000u
#define PAGE ((uint64_t)SIGNET_PAGE)
#define CALLS_MOST 1000000 /* that a service makes before it waits again */
#define LEAKED_ROW 8       /* bytes of one pattern, which nobody computes */

_Noreturn void service_main(const struct signet_startup *startup);
__attribute__((weak)) void service_thread(void *argument);
void service_thread_entry(void *argument);
__attribute__((weak)) void kernel_process_closed(uint32_t process);
__attribute__((weak)) void kernel_process_query(const struct kernel_object *object,
                                                struct signet_handle_information *information);

struct fuzz_input kernel_input;
bool kernel_exited;
uint32_t kernel_exit_code, kernel_fail_in, kernel_served;
uint64_t kernel_now, kernel_mapped;
struct signet_result (*kernel_on_device)(uint32_t number, const struct signet_device_request *request);

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }
static struct signet_result error(int64_t status) { return result(status, 0); }

/* FUZZ_TRACE=1: what the service says, hears and asks. */
static bool traced;
#define TRACE(...) (traced ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

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
static bool deliver_event(void) {
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
  deliver_event();
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
  TRACE("an allocation fails\n");
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

/* ---- Contracts ---- */

#define CONTRACTS_MOST 16
static struct {
  const struct signet_contract *contract;
  uint64_t length;
  uint8_t identity[32];
} contracts[CONTRACTS_MOST];
static uint32_t contract_count;

const struct signet_contract *kernel_contract(uint32_t contract) { return contracts[contract].contract; }
const uint8_t *kernel_identity(uint32_t contract) { return contracts[contract].identity; }

static uint32_t contract_of(const void *blob, uint64_t length) {
  for (uint32_t i = 0; i < contract_count; i++)
    if (contracts[i].length == length && !memcmp(contracts[i].contract, blob, length))
      return i;
  return UINT32_MAX;
}

uint32_t kernel_learn(const void *contract, uint64_t length) {
  static uint8_t copy[65536];
  uint32_t known = contract_of(contract, length);
  if (known != UINT32_MAX)
    return known;
  if (contract_count == CONTRACTS_MOST || length > sizeof copy)
    fuzz_fail("too many contracts");
  memcpy(copy, contract, length);
  memset(copy + offsetof(struct signet_contract, identity), 0, 32);
  blake2b_256(contracts[contract_count].identity, copy, length);
  contracts[contract_count].contract = contract;
  contracts[contract_count].length = length;
  return contract_count++;
}

static const struct signet_contract_message *row_of(uint32_t contract, uint32_t tag) {
  return (const struct signet_contract_message *)(kernel_contract(contract) + 1) + tag;
}

static uint8_t next_of(uint32_t contract, uint32_t state, uint32_t tag) {
  uint32_t messages = kernel_contract(contract)->messages;
  return ((const uint8_t *)row_of(contract, messages))[state * messages + tag];
}

const struct signet_contract_moved *kernel_moved_row(uint32_t contract, uint32_t tag, uint32_t index) {
  const struct signet_contract *header = kernel_contract(contract);
  if (header->version < 2)
    return NULL;
  const uint8_t *begin = (const uint8_t *)header;
  size_t list =
      (size_t)((const uint8_t *)row_of(contract, header->messages) - begin) + header->messages * header->states;
  const struct signet_contract_moved *moved = (const void *)(begin + ((list + 7) & ~(size_t)7));
  for (uint32_t i = 0; i < tag; i++)
    moved += row_of(contract, i)->moved_count;
  return moved + index;
}

/* ---- Ends ---- */

struct kernel_end kernel_ends[KERNEL_ENDS_MOST];
uint32_t kernel_ends_used;

static struct kernel_end *other(uint32_t end) { return &kernel_ends[end ^ 1]; }

uint32_t kernel_channel(uint32_t contract, uint32_t peer) {
  for (uint32_t end = 2; end < KERNEL_ENDS_MOST; end += 2) {
    if (kernel_ends[end].holder || kernel_ends[end + 1].holder)
      continue;
    kernel_ends[end] = kernel_ends[end + 1] =
        (struct kernel_end){.contract = contract, .holder = KERNEL_PEER, .peer = peer};
    if (end + 2 > kernel_ends_used)
      kernel_ends_used = end + 2;
    return end;
  }
  return 0;
}

bool kernel_may_send(uint32_t end, uint32_t tag) {
  const struct kernel_end *from = &kernel_ends[end];
  const struct signet_contract *contract = kernel_contract(from->contract);
  const struct kernel_end *to = other(end);
  return tag < contract->messages && row_of(from->contract, tag)->to_client == (end & 1) && !from->queued &&
         next_of(from->contract, from->state, tag) != SIGNET_CONTRACT_REFUSED &&
         (to->closed || to->queued < (end & 1 ? contract->slots_to_client : contract->slots_to_server));
}

bool kernel_turn(uint32_t end) {
  for (uint32_t tag = 0; tag < kernel_contract(kernel_ends[end].contract)->messages; tag++)
    if (kernel_may_send(end, tag))
      return true;
  return false;
}

static void moved_drop(struct kernel_moved moved);

void kernel_end_close(uint32_t end) {
  TRACE("end %u is closed by %s\n", end, current ? "the service" : "its peer");
  struct kernel_end *closed = &kernel_ends[end];
  closed->closed = true;
  closed->holder = KERNEL_NOBODY;
  closed->in_set = false;
  for (uint32_t i = 0; i < closed->queued; i++) {
    for (uint32_t j = 0; j < closed->queue[i]->moved_count; j++)
      moved_drop(closed->queue[i]->moved[j]);
    free(closed->queue[i]);
  }
  closed->queued = 0;
  kernel_version++;
}

static void moved_drop(struct kernel_moved moved) {
  if (moved.kind == SIGNET_KIND_BLOCK)
    kernel_block_free(moved.number);
  else
    kernel_end_close(moved.number);
}

static void moved_send(struct kernel_moved moved) {
  if (moved.kind == SIGNET_KIND_BLOCK) {
    kernel_block_close(moved.number);
  } else {
    kernel_ends[moved.number].holder = KERNEL_TRAVELS;
    kernel_ends[moved.number].in_set = false;
  }
}

/* All has been checked. */
static void enqueue(uint32_t end, const struct kernel_message *message) {
  struct kernel_end *from = &kernel_ends[end], *to = other(end);
  from->state = to->state = next_of(from->contract, from->state, message->tag);
  for (uint32_t i = 0; i < message->moved_count; i++)
    moved_send(message->moved[i]);
  kernel_version++;
  if (to->closed) {
    for (uint32_t i = 0; i < message->moved_count; i++)
      moved_drop(message->moved[i]);
    return;
  }
  if (to->queued == KERNEL_QUEUE_MOST)
    fuzz_fail("a queue of this test is too short");
  struct kernel_message *copy = malloc(offsetof(struct kernel_message, data) + message->length);
  if (!copy)
    abort();
  memcpy(copy, message, offsetof(struct kernel_message, data) + message->length);
  to->queue[to->queued++] = copy;
}

static struct kernel_message *dequeue(struct kernel_end *end) {
  struct kernel_message *first = end->queue[0];
  end->queued--;
  memmove(end->queue, end->queue + 1, end->queued * sizeof *end->queue);
  return first;
}

void kernel_peer_send(uint32_t end, const struct kernel_message *message) {
  const struct signet_contract_message *row = row_of(kernel_ends[end].contract, message->tag);
  if (!kernel_may_send(end, message->tag) || message->length < row->length_least ||
      message->length > row->length_most || message->moved_count != row->moved_count)
    fuzz_fail("this test sends what the kernel refuses");
  enqueue(end, message);
}

bool kernel_peer_receive(uint32_t end, struct kernel_message *message) {
  struct kernel_end *from = &kernel_ends[end];
  if (from->closed || !from->queued)
    return false;
  struct kernel_message *first = dequeue(from);
  memcpy(message, first, offsetof(struct kernel_message, data) + first->length);
  free(first);
  for (uint32_t i = 0; i < message->moved_count; i++)
    if (message->moved[i].kind != SIGNET_KIND_BLOCK) {
      kernel_ends[message->moved[i].number].holder = KERNEL_PEER;
      kernel_ends[message->moved[i].number].peer = from->peer;
    }
  return true;
}

void kernel_peer_close(uint32_t end) { kernel_end_close(end); }

/* ---- Blocks: poisoned while they are not the service's ---- */

static struct {
  bool there;
  uint32_t length;
} blocks[KERNEL_BLOCKS_MOST];

static uint8_t *block_bytes(uint32_t block) {
  return (uint8_t *)(uintptr_t)(BLOCKS_LOW + block * (KERNEL_BLOCK_MOST + SIGNET_PAGE));
}

uint32_t kernel_block(uint32_t pages) {
  if (!pages || pages > KERNEL_BLOCK_MOST / SIGNET_PAGE)
    return 0;
  for (uint32_t i = 1; i < KERNEL_BLOCKS_MOST; i++) {
    if (blocks[i].there)
      continue;
    blocks[i].there = true;
    blocks[i].length = pages * SIGNET_PAGE;
    return i;
  }
  return 0;
}

uint8_t *kernel_block_open(uint32_t block, uint32_t *length) {
  *length = blocks[block].length;
  __asan_unpoison_memory_region(block_bytes(block), blocks[block].length);
  return block_bytes(block);
}

void kernel_block_close(uint32_t block) { __asan_poison_memory_region(block_bytes(block), blocks[block].length); }

void kernel_block_free(uint32_t block) {
  kernel_block_close(block);
  blocks[block].there = false;
}

/* ---- Handles ---- */

#define OBJECTS_MOST 1024u
static struct kernel_object objects[OBJECTS_MOST];
static uint32_t object_next, generations;

uint32_t kernel_object(enum signet_kind kind, uint32_t number) {
  for (uint32_t i = 0; i < OBJECTS_MOST; i++) {
    struct kernel_object *object = &objects[object_next];
    uint32_t index = object_next;
    object_next = (object_next + 1) % OBJECTS_MOST;
    if (object->kind)
      continue;
    *object = (struct kernel_object){.kind = kind, .number = number, .generation = ++generations};
    uint32_t handle = generations % 0x3fffff << 10 | index;
    if (kind == SIGNET_KIND_CLIENT || kind == SIGNET_KIND_SERVER) {
      kernel_ends[number].holder = KERNEL_SERVICE;
      kernel_ends[number].handle = handle;
    }
    return handle;
  }
  fuzz_fail("the service holds %u handles", OBJECTS_MOST);
}

/* NULL: it is 0, which is never one; whatever else is none is a mistake of the service. */
struct kernel_object *kernel_object_find(uint32_t handle, const char *call) {
  struct kernel_object *object = &objects[handle % OBJECTS_MOST];
  if (!handle)
    return NULL;
  bool there = object->kind && object->generation % 0x3fffff == handle >> 10;
  if (!there && !call)
    return NULL;
  if (!there)
    fuzz_fail("%s: the handle %#x is not the service's, or no longer", call, handle);
  return object;
}

static uint32_t end_of(uint32_t handle, const char *call) {
  struct kernel_object *object = kernel_object_find(handle, call);
  if (!object || (object->kind != SIGNET_KIND_CLIENT && object->kind != SIGNET_KIND_SERVER))
    fuzz_fail("%s: the handle %#x is no end of a channel", call, handle);
  return object->number;
}

uint32_t kernel_held(enum signet_kind kind) {
  uint32_t held = 0;
  for (uint32_t i = 0; i < OBJECTS_MOST; i++)
    held += objects[i].kind == (uint32_t)kind;
  return held;
}

uint32_t kernel_give(uint32_t end) { return kernel_object(end & 1 ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT, end); }
uint32_t kernel_device(uint32_t number) { return kernel_object(SIGNET_KIND_DEVICE, number); }

struct signet_result signet_handle_close(uint32_t handle) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(handle, "handle_close");
  if (!object)
    return error(SIGNET_HANDLE);
  if (object->kind == SIGNET_KIND_BLOCK)
    kernel_block_free(object->number);
  if (object->kind == SIGNET_KIND_PROCESS)
    kernel_process_closed(object->number);
  if (object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER)
    kernel_end_close(object->number);
  object->kind = 0;
  return error(SIGNET_OK);
}

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  kernel_call_begins();
  kernel_readable(information, sizeof *information, "handle_query");
  /* Who makes processes may ask for one whose end another of its threads has seen. */
  struct kernel_object *object = kernel_object_find(handle, kernel_process_closed ? NULL : "handle_query");
  if (!object)
    return error(SIGNET_HANDLE);
  if (object->kind == SIGNET_KIND_IMAGE || object->kind == SIGNET_KIND_PROCESS) {
    kernel_process_query(object, information);
    return error(SIGNET_OK);
  }
  uint32_t number = end_of(handle, "handle_query");
  const struct kernel_end *end = &kernel_ends[number], *peer = other(number);
  memset(information, 0, sizeof *information);
  information->kind = number & 1 ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT;
  information->queued = end->queued;
  information->peer_closed = peer->closed;
  information->state = end->state;
  memcpy(information->identity, kernel_identity(end->contract), 32);
  if (peer->holder == KERNEL_PEER) {
    memset(information->peer_identity, 0x11 + (int)peer->peer, 32);
    static const char *const process_names[] = {"supervisor", "web",
                                                "\xc2\x9b"
                                                "2J%n%s \xff\xf0",
                                                "a-name-as-long-as-it-can-be-made"};
    memcpy(information->peer_name, process_names[peer->peer % 4], strnlen(process_names[peer->peer % 4], 31));
    snprintf(information->peer_principal, sizeof information->peer_principal, "supervisor/%u", peer->peer);
  }
  return error(SIGNET_OK);
}

/* ---- Sending ---- */

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  kernel_call_begins();
  kernel_readable(contract, length, "channel_create");
  uint32_t known = contract_of(contract, length);
  if (known == UINT32_MAX && (uintptr_t)contract - STARTUP_LOW < STARTUP_ROOM)
    return error(SIGNET_CONTRACT); /* one that it was given, damaged */
  if (known == UINT32_MAX)
    known = kernel_learn(contract, length); /* one of its own */
  uint32_t client = kernel_refuses() ? 0 : kernel_channel(known, 0);
  if (!client)
    return error(SIGNET_QUOTA);
  uint32_t client_handle = kernel_give(client);
  return result(SIGNET_OK, client_handle | (uint64_t)kernel_give(client + 1) << 32);
}

static void no_row_of(const uint8_t *bytes, uint32_t length, uint32_t contract, uint32_t tag) {
  for (uint32_t i = 0, row = 0; i < length; i++) {
    bool bad = bytes[i] == KERNEL_CANARY || bytes[i] == KERNEL_UNSET_CLANG || bytes[i] == KERNEL_UNSET_GCC;
    row = !bad ? 0 : i && bytes[i] == bytes[i - 1] ? row + 1 : 1;
    if (row == LEAKED_ROW)
      fuzz_fail("message %u of contract %u tells what was never written (%#x), from byte %u on of %u", tag, contract,
                bytes[i], i + 1 - LEAKED_ROW, length);
  }
}

/* NULL, or why not. */
static const char *moved_wrong(uint32_t end, uint32_t tag, uint32_t index, const struct kernel_object *object) {
  const struct kernel_end *from = &kernel_ends[end], *moved = &kernel_ends[object->number];
  const struct signet_contract_moved *row = kernel_moved_row(from->contract, tag, index);
  if (object->kind != row_of(from->contract, tag)->moved_kind[index])
    return "of another kind";
  if (!row)
    return NULL;
  if (object->kind == SIGNET_KIND_BLOCK) {
    uint64_t length = blocks[object->number].length;
    return length < ((row->length_least + PAGE - 1) & ~(PAGE - 1)) ||
                   length > ((row->length_most + PAGE - 1) & ~(PAGE - 1))
               ? "too large or too small"
               : NULL;
  }
  static const uint8_t any[32];
  uint8_t this[32];
  memset(this, 0xff, sizeof this);
  const uint8_t *wanted = memcmp(row->identity, this, 32) == 0 ? kernel_identity(from->contract) : row->identity;
  if (moved->queued)
    return "not heard to the end";
  if (!kernel_turn(object->number))
    return "in a state in which it hears";
  if (memcmp(row->identity, any, 32) != 0 && memcmp(wanted, kernel_identity(moved->contract), 32) != 0)
    return "of another contract";
  if (row->state != SIGNET_CONTRACT_ANY_STATE && row->state != moved->state)
    return "in another state";
  if ((object->number ^ end) < 2)
    return "of its own channel";
  return NULL;
}

/* Contracts may let what comes be more than what may be sent: who then finds that out is answered so. */
struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  kernel_call_begins();
  uint32_t end = end_of(endpoint, "channel_send");
  struct kernel_end *from = &kernel_ends[end];
  static struct kernel_message sent;
  kernel_readable(message, SIGNET_MESSAGE_DATA, "channel_send");
  const struct signet_contract *contract = kernel_contract(from->contract);
  if (message->tag >= contract->messages || message->reserved)
    fuzz_fail("channel_send: tag %u, reserved %u", message->tag, message->reserved);
  const struct signet_contract_message *row = row_of(from->contract, message->tag);
  if (other(end)->holder == KERNEL_SERVICE && other(end)->queued)
    return error(SIGNET_FULL); /* to itself */
  if (!kernel_may_send(end, message->tag))
    fuzz_fail("channel_send: contract %u does not allow %u in state %u", from->contract, message->tag, from->state);
  if (message->length < row->length_least || message->length > row->length_most ||
      (row->step && (message->length - row->length_least) % row->step) || message->moved_count != row->moved_count)
    fuzz_fail("channel_send: message %u of contract %u with %u bytes, %u moved", message->tag, from->contract,
              message->length, message->moved_count);
  kernel_readable(message, SIGNET_MESSAGE_DATA + message->length, "channel_send");
  struct kernel_object *moved[SIGNET_MESSAGE_MOVED];
  for (uint32_t i = 0; i < message->moved_count; i++) {
    moved[i] = kernel_object_find(message->moved[i].handle, "channel_send");
    const char *wrong = moved[i] ? moved_wrong(end, message->tag, i, moved[i]) : "none";
    if (wrong)
      fuzz_fail("channel_send: message %u of contract %u moves what is %s", message->tag, from->contract, wrong);
    sent.moved[i] = (struct kernel_moved){moved[i]->kind, moved[i]->number};
    moved[i]->kind = 0;
  }
  const uint8_t *data = (const uint8_t *)message + SIGNET_MESSAGE_DATA;
  no_row_of(data, message->length, from->contract, message->tag);
  sent.tag = message->tag;
  sent.length = message->length;
  sent.moved_count = message->moved_count;
  memcpy(sent.data, data, message->length);
  TRACE("end %u says %u, %u bytes, %u moved\n", end, sent.tag, sent.length, sent.moved_count);
  enqueue(end, &sent);
  return error(SIGNET_OK);
}

/* ---- Receiving ---- */

static struct signet_result take(uint32_t number, struct signet_message *message, uint64_t capacity) {
  struct kernel_end *end = &kernel_ends[number];
  struct kernel_message *first = end->queue[0];
  kernel_readable(message, capacity, "receive");
  if (capacity < SIGNET_MESSAGE_DATA + (uint64_t)first->length)
    return result(SIGNET_CAPACITY, SIGNET_MESSAGE_DATA + (uint64_t)first->length);
  if (first->moved_count && kernel_refuses())
    return error(SIGNET_QUOTA);
  TRACE("end %u hears %u, %u bytes, %u moved\n", number, first->tag, first->length, first->moved_count);
  dequeue(end);
  kernel_served = number ^ 1;
  kernel_version++;
  memset(message, KERNEL_CANARY, capacity);
  message->tag = first->tag;
  message->length = first->length;
  message->moved_count = first->moved_count;
  message->reserved = 0;
  for (uint32_t i = 0; i < first->moved_count; i++) {
    struct kernel_moved moved = first->moved[i];
    message->moved[i] = (struct signet_moved){.handle = kernel_object(moved.kind, moved.number), .kind = moved.kind};
    if (moved.kind == SIGNET_KIND_BLOCK)
      message->moved[i].offset = (uint32_t)(uintptr_t)kernel_block_open(moved.number, &message->moved[i].length);
  }
  memcpy((uint8_t *)message + SIGNET_MESSAGE_DATA, first->data, first->length);
  free(first);
  return error(SIGNET_OK);
}

static uint32_t turn;

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  kernel_call_begins();
  kernel_readable(endpoints, count * sizeof *endpoints, "channel_receive");
  if (!count || count > 64)
    fuzz_fail("channel_receive of %u", count);
  for (;;) {
    uint32_t closed = UINT32_MAX;
    for (uint32_t n = 0; n < count; n++) {
      uint32_t i = (turn + n) % count, end = end_of(endpoints[i], "channel_receive");
      if (kernel_ends[end].queued) {
        struct signet_result taken = take(end, message, capacity);
        if (taken.status == SIGNET_OK) {
          taken.value = i;
          turn = i + 1;
        }
        return taken;
      }
      if (closed == UINT32_MAX && other(end)->closed)
        closed = i;
    }
    if (closed != UINT32_MAX)
      return result(SIGNET_CLOSED, closed);
    if (deadline <= kernel_now)
      return error(SIGNET_TIMEOUT);
    kernel_wait(deadline);
    if (deliver_event())
      return error(SIGNET_INTERRUPTED);
  }
}

struct signet_result signet_set_create(void) {
  kernel_call_begins();
  return kernel_refuses() ? error(SIGNET_QUOTA) : result(SIGNET_OK, kernel_object(SIGNET_KIND_SET, 0));
}

struct signet_result signet_set_insert(uint32_t set, uint32_t endpoint, uint64_t key) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(set, "set_insert");
  struct kernel_end *end = &kernel_ends[end_of(endpoint, "set_insert")];
  if (!object || object->kind != SIGNET_KIND_SET || end->in_set)
    fuzz_fail("set_insert: no set, or the end is in one");
  end->in_set = true;
  end->set = set;
  end->key = key;
  kernel_version++;
  return error(SIGNET_OK);
}

struct signet_result signet_set_receive(uint32_t set, struct signet_message *message, uint64_t capacity,
                                        uint64_t deadline) {
  kernel_call_begins();
  struct kernel_object *object = kernel_object_find(set, "set_receive");
  if (!object || object->kind != SIGNET_KIND_SET)
    fuzz_fail("set_receive: no set");
  for (;;) {
    for (uint32_t n = 1; n <= kernel_ends_used; n++) {
      uint32_t i = (turn + n) % kernel_ends_used;
      struct kernel_end *end = &kernel_ends[i];
      if (end->holder != KERNEL_SERVICE || !end->in_set || end->set != set)
        continue;
      if (!end->queued && !other(i)->closed)
        continue;
      turn = i;
      uint64_t key = end->key;
      struct signet_result taken = end->queued ? take(i, message, capacity) : error(SIGNET_CLOSED);
      if (taken.status != SIGNET_CAPACITY)
        taken.value = key;
      return taken;
    }
    if (deadline <= kernel_now)
      return error(SIGNET_TIMEOUT);
    kernel_wait(deadline);
    if (deliver_event())
      return error(SIGNET_INTERRUPTED);
  }
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
  TRACE("device %u: operation %u (%#lx, %#lx) of %u bytes: %ld, %#lx\n", object->number, request->operation,
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

static void map_fixed(uint32_t offset, size_t length) {
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
    traced = getenv("FUZZ_TRACE");
    state_kept = malloc(state);
    if (!state_kept)
      abort();
    copy_all(state_kept, service_state_begin, state);
    map_fixed(AREA_LOW, AREA_LENGTH);
    map_fixed(STARTUP_LOW, STARTUP_ROOM);
    map_fixed(BLOCKS_LOW, KERNEL_BLOCKS_MOST * (KERNEL_BLOCK_MOST + SIGNET_PAGE));
  } else {
    copy_all(service_state_begin, state_kept, state);
  }
  for (uint32_t end = 0; end < kernel_ends_used; end++) {
    for (uint32_t i = 0; i < kernel_ends[end].queued; i++)
      free(kernel_ends[end].queue[i]);
    kernel_ends[end] = (struct kernel_end){0};
  }
  for (uint32_t i = 1; i < KERNEL_BLOCKS_MOST; i++)
    if (blocks[i].there)
      kernel_block_free(i);
  __asan_poison_memory_region((void *)(uintptr_t)AREA_LOW, area_used);
  area_used = 0;
  memset(objects, 0, sizeof objects);
  memset(threads, 0, sizeof threads);
  kernel_ends_used = object_next = generations = turn = kernel_served = kernel_version = kernel_fail_in =
      kernel_exit_code = 0;
  kernel_mapped = kernel_event = 0;
  kernel_listener = NULL;
  in_event = false;
  kernel_exited = false;
  kernel_now = 1000000000;
}

static void main_begin(void *startup) { service_main(startup); }

void kernel_start(const uint32_t *handles, uint32_t slots, const void *bytes, uint32_t length) {
  struct signet_startup *startup = (void *)(uintptr_t)STARTUP_LOW;
  uint32_t room = (uint32_t)sizeof *startup + ((length + 7) & ~7u);
  if (length > STARTUP_ROOM / 2)
    fuzz_fail("too many start-up bytes");
  __asan_poison_memory_region(startup, STARTUP_ROOM);
  __asan_unpoison_memory_region(startup, room - ((length + 7) & ~7u) + length);
  memset(startup, 0, sizeof *startup);
  startup->abi_version = SIGNET_ABI_VERSION;
  startup->slots = slots;
  memcpy(startup->handles, handles, slots * sizeof *handles);
  startup->area_low = AREA_LOW;
  startup->area_high = AREA_LOW + AREA_LENGTH;
  startup->bytes_offset = STARTUP_LOW + (uint32_t)sizeof *startup;
  startup->bytes_length = length;
  memcpy(startup + 1, bytes, length);
  thread_new(main_begin, startup);
}
