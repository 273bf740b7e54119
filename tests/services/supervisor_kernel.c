/* The kernel of the supervisor's tests: see supervisor_kernel.h. One host thread; the supervisor's threads are
 * contexts. */
#include "tests/services/supervisor_kernel.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <signet/calls.h>
#include <signet/device.h>

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(void *argument);

int kernel_verdict;
struct process processes[PROCESSES_EVER];
uint32_t process_count;

static const struct test_case *test;
static const struct signet_system *whole;
static uint32_t calls;
static uint64_t now = 1000;

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }
static struct signet_result error(int64_t status) { return result(status, 0); }

/* ---- Ends: a client's is even, its server's the next odd number ---- */

#define ENDS_EVER 600000
struct queued {
  struct queued *next;
  uint32_t tag, length, moved;
  uint8_t data[];
};
static struct end {
  const struct signet_contract *contract; /* of the client's */
  uint32_t state;                         /* of the client's */
  uint32_t holder, handle;
  bool closed, in_set;
  uint64_t key;
  struct queued *first, *last;
} ends[ENDS_EVER];
static uint32_t end_count = 2;
static uint32_t set_handle, set_turn;

uint32_t kernel_peer(uint32_t end) { return end ^ 1; }
bool kernel_is_closed(uint32_t end) { return ends[end].closed; }
uint32_t kernel_state(uint32_t end) { return ends[end & ~1u].state; }
uint32_t kernel_holder(uint32_t end) { return ends[end].closed ? UINT32_MAX : ends[end].holder; }
uint64_t kernel_now(void) { return now; }
uint32_t kernel_calls(void) { return calls; }

void kernel_advance(uint64_t to) {
  if (to == SIGNET_NEVER)
    FAIL("it waits for ever");
  if (to > now)
    now = to;
}

uint32_t kernel_create(uint32_t process, const struct signet_contract *contract, uint64_t length, uint32_t *server) {
  (void)length;
  if (end_count + 2 > ENDS_EVER)
    FAIL("too many channels");
  uint32_t client = end_count;
  end_count += 2;
  ends[client] = (struct end){.contract = contract, .holder = process};
  ends[client + 1] = (struct end){.holder = process};
  *server = client + 1;
  return client;
}

void kernel_close(uint32_t end) {
  if (ends[end].closed)
    FAIL("an end is closed twice");
  ends[end].closed = true;
  ends[end].in_set = false;
  while (ends[end].first) {
    struct queued *message = ends[end].first;
    ends[end].first = message->next;
    if (message->moved)
      kernel_close(message->moved);
    free(message);
  }
}

static const struct signet_contract_message *contract_row(const struct signet_contract *contract, uint32_t tag) {
  return (const struct signet_contract_message *)(contract + 1) + tag;
}

/* False: the contract does not allow it. */
bool kernel_send(uint32_t end, uint32_t tag, const void *data, uint32_t length, uint32_t moved) {
  struct end *client = &ends[end & ~1u], *peer = &ends[end ^ 1];
  const struct signet_contract *contract = client->contract;
  const struct signet_contract_message *row = contract_row(contract, tag);
  if (tag >= contract->messages || row->to_client != (end & 1) || row->moved_count != (moved != 0) ||
      length < row->length_least || length > row->length_most || ends[end].first)
    return false;
  const uint8_t *next = (const uint8_t *)contract_row(contract, contract->messages);
  uint8_t state = next[client->state * contract->messages + tag];
  if (state == SIGNET_CONTRACT_REFUSED)
    return false;
  uint32_t queued = 0;
  for (struct queued *at = peer->first; at; at = at->next)
    queued++;
  if (queued == (end & 1 ? contract->slots_to_client : contract->slots_to_server))
    return false;
  client->state = state;
  if (peer->closed) {
    if (moved)
      kernel_close(moved);
    return true;
  }
  struct queued *message = calloc(1, sizeof *message + length);
  *message = (struct queued){.tag = tag, .length = length, .moved = moved};
  if (length)
    memcpy(message->data, data, length);
  if (moved)
    ends[moved].holder = UINT32_MAX - 1; /* travels */
  if (peer->first)
    peer->last->next = message;
  else
    peer->first = message;
  peer->last = message;
  return true;
}

bool kernel_receive(uint32_t end, uint32_t process, uint32_t *tag, void *data, uint32_t *moved) {
  struct queued *message = ends[end].first;
  if (!message)
    return false;
  ends[end].first = message->next;
  *tag = message->tag;
  *moved = message->moved;
  if (message->moved)
    ends[message->moved].holder = process;
  memcpy(data, message->data, message->length);
  free(message);
  return true;
}

/* ---- Handles of the supervisor ---- */

enum kind { NOTHING, DEVICE, END, BLOCK, IMAGE, CHILD, SET };
static struct object {
  enum kind kind;
  uint32_t number; /* device, end, entry of a block's or image's content, process */
  uint32_t generation;
  uint32_t borrower; /* device: process, or 0 */
  void *bytes;
  uint32_t length;
} objects[4096];
#define HANDLE_BASE 0x10000000u

static uint32_t object_new(enum kind kind, uint32_t number) {
  for (uint32_t i = 0; i < sizeof objects / sizeof *objects; i++) {
    struct object *object = &objects[i];
    if (object->kind)
      continue;
    *object = (struct object){.kind = kind, .number = number, .generation = object->generation + 1};
    return HANDLE_BASE + (object->generation % 60000 * 4096 + i);
  }
  FAIL("too many handles");
}

static struct object *find(uint32_t handle, enum kind kind) {
  struct object *object = &objects[(handle - HANDLE_BASE) % 4096];
  if (handle < HANDLE_BASE || object->kind != kind || (handle - HANDLE_BASE) / 4096 != object->generation % 60000)
    return NULL;
  return object;
}

static struct object *find_any(uint32_t handle) {
  struct object *object = &objects[(handle - HANDLE_BASE) % 4096];
  return object->kind ? find(handle, object->kind) : NULL;
}

uint32_t kernel_held(void) {
  uint32_t held = 0;
  for (uint32_t i = 0; i < sizeof objects / sizeof *objects; i++)
    held += objects[i].kind != NOTHING && objects[i].kind != DEVICE;
  return held;
}

/* ---- Threads, events ---- */

static struct thread {
  sem_t turn;
  void *argument;
  volatile uint32_t *word; /* waits for that, or */
  uint32_t process;        /* for that, or neither */
  bool there;
} threads[SIGNET_SYSTEM_PROCESSES_MOST];
static sem_t first_turn;
static struct thread *current; /* NULL: the first */
static void (*listener)(uint64_t);
static uint32_t event_pending;
static jmp_buf event_jump;
static bool in_event;

void service_thread_entry(void *argument) { service_thread(argument); }

static void *thread_begin(void *thread) {
  sem_wait(&((struct thread *)thread)->turn);
  service_thread_entry(((struct thread *)thread)->argument);
  return NULL;
}

static bool ready(const struct thread *thread) {
  return thread->there && !thread->word &&
         (!thread->process || processes[thread->process].state == SIGNET_PROCESS_STOPPED);
}

static void leave(void) {
  struct thread *self = current;
  current = NULL;
  sem_post(&first_turn);
  sem_wait(&self->turn);
}

/* Lets the other threads run; true if one did. */
static bool run_others(void) {
  bool ran = false;
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++)
    if (ready(&threads[i])) {
      current = &threads[i];
      sem_post(&threads[i].turn);
      sem_wait(&first_turn);
      ran = true;
    }
  return ran;
}

void kernel_event(uint32_t event) { event_pending = event; }

static bool deliver_event(void) {
  if (!event_pending || !listener || current || in_event)
    return false;
  uint32_t event = event_pending;
  event_pending = 0;
  in_event = true;
  if (!setjmp(event_jump))
    listener(event);
  in_event = false;
  return true;
}

void signet_event_return(void) { longjmp(event_jump, 1); }

/* Every call begins so. True if it is the one that is to fail. */
static bool begin(void) {
  calls++;
  if (!current && !in_event && test->intrude) {
    test->intrude();
    if (calls % 3 == 0)
      run_others();
  }
  deliver_event();
  return test->fail_at && calls == test->fail_at;
}

struct signet_result signet_event_listen(void (*entry)(uint64_t event)) {
  if (begin())
    return error(SIGNET_ARGUMENT);
  listener = entry;
  return error(SIGNET_OK);
}

struct signet_result signet_thread_create(void (*entry)(void *), void *stack, void *argument, void *thread_pointer) {
  if (entry != service_thread_entry || (uintptr_t)stack % 16 || thread_pointer)
    FAIL("a thread is made otherwise");
  if (begin())
    return error(SIGNET_QUOTA);
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++) {
    struct thread *thread = &threads[i];
    pthread_t made;
    if (thread->there)
      continue;
    *thread = (struct thread){.argument = argument, .there = true};
    sem_init(&thread->turn, 0, 0);
    if (pthread_create(&made, NULL, thread_begin, thread) != 0)
      FAIL("no thread of the host");
    return result(SIGNET_OK, i + 2);
  }
  FAIL("too many threads");
}

struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  begin();
  if (!current || deadline != SIGNET_NEVER)
    FAIL("the first thread waits for a word");
  if (*(volatile uint32_t *)word != expected)
    return error(SIGNET_AGAIN);
  current->word = word;
  leave();
  return error(SIGNET_OK);
}

struct signet_result signet_word_wake(volatile void *word, uint32_t most) {
  begin();
  (void)most;
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++)
    if (threads[i].word == word)
      threads[i].word = NULL;
  return error(SIGNET_OK);
}

/* ---- Devices, images ---- */

static _Noreturn void machine_ends(const struct signet_device_request *request) {
  char text[600];
  const struct signet_system_ending *rows = (const void *)(uintptr_t)request->buffer_offset;
  snprintf(text, sizeof text, "%.*s", (int)request->text_length, (char *)(uintptr_t)request->text_offset);
  if (!request->buffer_length || request->buffer_length % sizeof *rows)
    FAIL("a record of %u bytes", request->buffer_length);
  test->end(rows, request->buffer_length / sizeof *rows, text);
  dprintf(kernel_verdict, "ended %s", text);
  _exit(0);
}

static uint32_t entry_length(uint64_t entry) { return entry % 3 ? 5000 : 150000; }

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  bool fails = begin();
  struct object *object = find(device, DEVICE);
  if (!object)
    FAIL("a request to what is no device");
  if ((uintptr_t)request % 8 || request->reserved)
    FAIL("a request that the kernel refuses");
  if (request->operation == SIGNET_POWER_END && test->devices[object->number] == SIGNET_DEVICE_POWER && !fails)
    machine_ends(request);
  if (fails)
    return error(SIGNET_MEMORY);
  uint64_t entry = request->arguments[0];
  uint8_t *to = (void *)(uintptr_t)request->buffer_offset;
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    return result(SIGNET_OK,
                  test->wrong_kind == object->number + 1 ? SIGNET_DEVICE_STREAM : test->devices[object->number]);
  case SIGNET_ARCHIVE_STATUS:
    if (object->number != whole->archive)
      FAIL("another device is asked for entries");
    return entry < 10 || entry >= 100 ? result(SIGNET_DEVICE, 2) : result(SIGNET_OK, entry_length(entry));
  case SIGNET_ARCHIVE_READ: {
    if (test->damaged_entry == entry + 1)
      return result(SIGNET_DEVICE, 28);
    uint64_t offset = request->arguments[1], length = entry_length(entry);
    uint64_t part = length - offset < 65536 ? length - offset : 65536;
    if (request->buffer_length < part)
      part = request->buffer_length;
    for (uint64_t i = 0; i < part; i++)
      to[i] = (uint8_t)((offset + i) * 7 + entry);
    return result(SIGNET_OK, part);
  }
  }
  FAIL("operation %u of device %u", request->operation, object->number);
}

struct signet_result signet_block_allocate(uint64_t length) {
  if (begin())
    return error(SIGNET_MEMORY);
  void *bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  uint32_t handle = object_new(BLOCK, 0);
  find(handle, BLOCK)->bytes = bytes;
  find(handle, BLOCK)->length = (uint32_t)length;
  return result(SIGNET_OK, (uint64_t)(uintptr_t)bytes << 32 | handle);
}

struct signet_result signet_image_load(uint32_t block, uint64_t length) {
  struct object *object = find(block, BLOCK);
  if (begin())
    return error(SIGNET_MEMORY);
  if (!object || length != object->length)
    FAIL("an image is made of what is no block, or of another length");
  const uint8_t *bytes = object->bytes;
  uint32_t entry = bytes[0];
  for (uint64_t i = 0; i < length; i++)
    if (bytes[i] != (uint8_t)(i * 7 + entry))
      FAIL("byte %lu of entry %u was not read", (unsigned long)i, entry);
  if (test->bad_entry == entry + 1)
    return error(SIGNET_IMAGE);
  munmap(object->bytes, object->length);
  object->kind = NOTHING;
  return result(SIGNET_OK, object_new(IMAGE, entry));
}

struct signet_result signet_memory_map(uint64_t offset, uint64_t length, uint32_t protection) {
  if (begin())
    return error(SIGNET_MEMORY);
  if (protection != SIGNET_PROTECT_WRITE || offset % SIGNET_PAGE || length % SIGNET_PAGE)
    FAIL("memory is mapped otherwise");
  return error(mmap((void *)(uintptr_t)offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                    -1, 0) == MAP_FAILED
                   ? SIGNET_MEMORY
                   : SIGNET_OK);
}

/* ---- Channels and sets, for the supervisor ---- */

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  if (begin())
    return error(SIGNET_MEMORY);
  if (length < sizeof *contract + contract->messages * (sizeof(struct signet_contract_message) + contract->states) ||
      contract->version < 1 || contract->version > SIGNET_CONTRACT_VERSION)
    return error(SIGNET_CONTRACT);
  for (uint32_t i = 0; i < contract->messages; i++)
    if (contract_row(contract, i)->to_client > 1 || (contract->version == 1 && contract_row(contract, i)->step))
      return error(SIGNET_CONTRACT);
  uint32_t server, client = kernel_create(0, contract, length, &server);
  ends[client].handle = object_new(END, client);
  ends[server].handle = object_new(END, server);
  return result(SIGNET_OK, (uint64_t)ends[server].handle << 32 | ends[client].handle);
}

struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  begin();
  struct object *object = find(endpoint, END), *moved = NULL;
  uint32_t number = 0;
  if (!object)
    FAIL("a message is sent over what is no end");
  if (message->moved_count) {
    moved = find(message->moved[0].handle, END);
    if (!moved || message->moved_count > 1)
      FAIL("what is moved is no end");
    number = moved->number;
    if (number & 1 || ends[number].first || ends[number].state)
      FAIL("an end moves that is not a client's in its first state");
  }
  if (!kernel_send(object->number, message->tag, (const uint8_t *)message + SIGNET_MESSAGE_DATA, message->length,
                   number)) {
    if (ends[object->number & ~1u].contract->messages == 1 && ends[object->number ^ 1].first)
      return error(SIGNET_FULL); /* a wake-up that is there already */
    FAIL("message %u is not allowed in state %u", message->tag, kernel_state(object->number));
  }
  if (moved) {
    moved->kind = NOTHING;
    ends[number].in_set = false;
  }
  return error(SIGNET_OK);
}

static struct signet_result receive(uint32_t end, struct signet_message *message, uint64_t capacity) {
  uint32_t moved;
  if (!ends[end].first)
    return error(ends[kernel_peer(end)].closed ? SIGNET_CLOSED : SIGNET_TIMEOUT);
  uint32_t length = ends[end].first->length;
  if (capacity < SIGNET_MESSAGE_DATA + length)
    FAIL("no room for a message");
  *message = (struct signet_message){.length = length};
  kernel_receive(end, 0, &message->tag, (uint8_t *)message + SIGNET_MESSAGE_DATA, &moved);
  if (moved) {
    message->moved_count = 1;
    ends[moved].handle = object_new(END, moved);
    message->moved[0] = (struct signet_moved){.handle = ends[moved].handle, .kind = SIGNET_KIND_CLIENT};
  }
  return error(SIGNET_OK);
}

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  begin();
  struct object *object = find(endpoints[0], END);
  if (!object || count != 1 || deadline)
    FAIL("it waits for one end only");
  return receive(object->number, message, capacity);
}

struct signet_result signet_set_create(void) {
  if (begin())
    return error(SIGNET_MEMORY);
  return result(SIGNET_OK, set_handle = object_new(SET, 0));
}

struct signet_result signet_set_insert(uint32_t set, uint32_t endpoint, uint64_t key) {
  struct object *object = find(endpoint, END);
  if (begin())
    return error(SIGNET_QUOTA);
  if (!object || set != set_handle || ends[object->number].in_set)
    FAIL("what is put into the set is no end, or is in it");
  ends[object->number].in_set = true;
  ends[object->number].key = key;
  return error(SIGNET_OK);
}

/* The supervisor's handles are few, so they are looked through, each in its turn. */
static bool set_next(struct signet_message *message, uint64_t capacity, struct signet_result *outcome) {
  const uint32_t count = sizeof objects / sizeof *objects;
  for (uint32_t i = 0; i < count; i++) {
    const struct object *object = &objects[(set_turn + i) % count];
    if (object->kind != END || !ends[object->number].in_set)
      continue;
    *outcome = receive(object->number, message, capacity);
    outcome->value = ends[object->number].key;
    if (outcome->status == SIGNET_TIMEOUT)
      continue;
    set_turn = (set_turn + i + 1) % count;
    return true;
  }
  return false;
}

struct signet_result signet_set_receive(uint32_t set, struct signet_message *message, uint64_t capacity,
                                        uint64_t deadline) {
  begin();
  if (set != set_handle || current)
    FAIL("another set, or another thread");
  for (uint32_t turns = 0;; turns++) {
    struct signet_result outcome;
    if (set_next(message, capacity, &outcome))
      return outcome;
    if (deliver_event())
      return error(SIGNET_INTERRUPTED);
    if (run_others())
      continue;
    if (now >= deadline)
      return error(SIGNET_TIMEOUT);
    if (turns == 1000000)
      FAIL("nothing goes on");
    test->act(deadline);
  }
}

/* ---- Processes ---- */

struct signet_result signet_process_usage(struct signet_usage *usage) {
  *usage = (struct signet_usage){.limit.memory = 0x5123, .used.memory = 0x123};
  return error(SIGNET_OK);
}

static const struct signet_system_process *row_of(uint32_t row) {
  return (const struct signet_system_process *)((const uint8_t *)whole + whole->processes_offset) + row;
}

static void check_specification(const struct signet_process_specification *is, const struct object *image,
                                uint32_t row) {
  const struct signet_system_process *wanted = row_of(row);
  struct signet_quota quota = wanted->quota;
  if (quota.memory < SIGNET_SYSTEM_SHARES)
    quota.memory = quota.memory ? 0x5000 / SIGNET_SYSTEM_SHARES * quota.memory : 0x5000;
  if (image->number != wanted->entry || is->slots != wanted->slots || is->stack != wanted->stack ||
      memcmp(&is->quota, &quota, sizeof quota) != 0 || is->startup_length != wanted->startup_length ||
      is->startup_offset != (uint32_t)(uintptr_t)whole + wanted->startup_offset)
    FAIL("process %u is made otherwise than its row says", row);
}

struct signet_result signet_process_create(const struct signet_process_specification *specification) {
  struct object *image = find(specification->image, IMAGE);
  uint32_t row = 0;
  if (begin())
    return error(SIGNET_MEMORY);
  if (!image)
    FAIL("a process is made of what is no image");
  while (row < whole->processes && strcmp(row_of(row)->name, specification->name) != 0)
    row++;
  check_specification(specification, image, row);
  if (++process_count == PROCESSES_EVER)
    FAIL("too many processes");
  for (uint32_t i = 1; i < process_count; i++)
    if (processes[i].row == row && processes[i].handle)
      FAIL("process %u is made while it is there", row);
  processes[process_count] = (struct process){.row = row, .handle = object_new(CHILD, process_count)};
  return result(SIGNET_OK, processes[process_count].handle);
}

struct signet_result signet_process_grant(uint32_t child, uint32_t slot, uint32_t handle) {
  struct object *process = find(child, CHILD), *object = find_any(handle);
  if (begin())
    return error(SIGNET_MEMORY);
  if (!process || !object || slot >= SIGNET_SLOTS_MOST)
    FAIL("what is granted, or to whom, is none");
  struct process *to = &processes[process->number];
  const struct signet_system_grant *wanted = &row_of(to->row)->slot[slot];
  if (to->state != SIGNET_PROCESS_UNSTARTED || to->ends[slot])
    FAIL("a slot is filled twice");
  if (object->kind == DEVICE) {
    if (wanted->kind != SIGNET_SYSTEM_DEVICE || wanted->number != object->number)
      FAIL("another device is granted");
    if (object->borrower && processes[object->borrower].state != SIGNET_PROCESS_STOPPED)
      return error(SIGNET_STATE);
    object->borrower = process->number;
    to->ends[slot] = UINT32_MAX;
    return error(SIGNET_OK);
  }
  if (object->kind != END || wanted->kind == SIGNET_SYSTEM_DEVICE ||
      (object->number & 1) != (wanted->kind == SIGNET_SYSTEM_SERVER))
    FAIL("another kind of end is granted");
  if (ends[kernel_peer(object->number)].closed &&
      (wanted->kind == SIGNET_SYSTEM_SUPERVISION || wanted->kind == SIGNET_SYSTEM_OBSERVATION))
    FAIL("an end that is closed is granted");
  to->ends[slot] = object->number;
  ends[object->number].holder = process->number;
  ends[object->number].in_set = false;
  object->kind = NOTHING;
  return error(SIGNET_OK);
}

struct signet_result signet_process_start(uint32_t child) {
  struct object *process = find(child, CHILD);
  if (begin())
    return error(SIGNET_MEMORY);
  if (!process)
    FAIL("what is started is none");
  struct process *is = &processes[process->number];
  for (uint32_t i = 0; i < row_of(is->row)->slots; i++)
    if (!is->ends[i])
      FAIL("slot %u of process %u is empty", i, is->row);
  is->state = SIGNET_PROCESS_RUNNING;
  is->began = now;
  if (test->started)
    test->started(process->number);
  return error(SIGNET_OK);
}

void kernel_end(uint32_t number, struct signet_ending ending) {
  struct process *process = &processes[number];
  if (process->state == SIGNET_PROCESS_STOPPED)
    return;
  process->state = SIGNET_PROCESS_STOPPED;
  process->ending = ending;
  for (uint32_t end = 2; end < end_count; end++)
    if (ends[end].holder == number && !ends[end].closed)
      kernel_close(end);
}

struct signet_result signet_process_stop(uint32_t child) {
  begin();
  struct object *process = find(child, CHILD);
  if (process)
    kernel_end(process->number, (struct signet_ending){.kind = SIGNET_ENDED_STOPPED});
  return error(process ? SIGNET_OK : SIGNET_HANDLE);
}

struct signet_result signet_process_wait(uint32_t child, struct signet_ending *ending, uint64_t deadline) {
  static uint32_t waits;
  begin();
  struct object *object = find(child, CHILD);
  if (!object || !current || deadline != SIGNET_NEVER)
    FAIL("it waits for what is no process, or in the wrong thread");
  uint32_t number = object->number;
  if (++waits % 7 == 3)
    return error(SIGNET_INTERRUPTED);
  current->process = number;
  while (processes[number].state != SIGNET_PROCESS_STOPPED)
    leave();
  current->process = 0;
  *ending = processes[number].ending;
  processes[number].handle = 0;
  object->kind = NOTHING;
  return error(SIGNET_OK);
}

struct signet_result signet_process_event(uint32_t child, uint32_t event) {
  begin();
  struct object *process = find(child, CHILD);
  if (!process)
    return error(SIGNET_HANDLE);
  if (event >= 32)
    return error(SIGNET_ARGUMENT);
  processes[process->number].events |= 1u << event;
  return error(SIGNET_OK);
}

struct signet_result signet_process_observe(uint32_t what, uint64_t after, void *buffer, uint64_t length) {
  struct signet_observed_process *records = buffer;
  uint64_t most = length / sizeof *records, count = 0;
  begin();
  if (what != SIGNET_OBSERVE_PROCESSES)
    return error(SIGNET_OK);
  for (uint64_t number = after + 1; number <= process_count + 1 && count < most; number++) {
    if (number > 1 && !processes[number - 1].handle)
      continue;
    records[count] = (struct signet_observed_process){.number = (uint32_t)number, .parent = number > 1};
    strcpy(records[count++].name, number > 1 ? row_of(processes[number - 1].row)->name : "supervisor");
  }
  return result(SIGNET_OK, count);
}

struct signet_result signet_clock_read(uint32_t clock) {
  return result(SIGNET_OK, clock ? 77777 : now);
}

_Noreturn void signet_process_exit(uint32_t kind, uint32_t code) {
  dprintf(kernel_verdict, "exit %u %u", kind, code);
  _exit(0);
}

/* ---- Handles ---- */

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  struct object *object = find_any(handle);
  if (begin())
    return error(SIGNET_MEMORY);
  if (!object) /* of a process whose end the other thread has seen */
    return error(SIGNET_HANDLE);
  memset(information, 0, sizeof *information);
  if (object->kind == IMAGE)
    memset(information->identity, (int)object->number, sizeof information->identity);
  if (object->kind == CHILD) {
    information->kind = SIGNET_KIND_PROCESS;
    information->state = processes[object->number].state;
  }
  if (object->kind == END) {
    const struct end *client = &ends[object->number & ~1u];
    information->kind = object->number & 1 ? SIGNET_KIND_SERVER : SIGNET_KIND_CLIENT;
    information->state = client->state;
    information->peer_closed = ends[kernel_peer(object->number)].closed;
    memcpy(information->identity, client->contract->identity, sizeof information->identity);
  }
  return error(SIGNET_OK);
}

struct signet_result signet_handle_close(uint32_t handle) {
  begin();
  struct object *object = find_any(handle);
  if (!object || object->kind == DEVICE)
    FAIL("a handle is closed twice, or is none: %x", handle);
  if (object->kind == END)
    kernel_close(object->number);
  if (object->kind == CHILD) {
    kernel_end(object->number, (struct signet_ending){.kind = SIGNET_ENDED_STOPPED});
    processes[object->number].handle = 0;
  }
  if (object->kind == BLOCK)
    munmap(object->bytes, object->length);
  object->kind = NOTHING;
  return error(SIGNET_OK);
}

/* ---- A case ---- */

static void *low(size_t size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static _Noreturn void play(void) {
  struct signet_startup *startup = low(SIGNET_PAGE);
  whole = test->system;
  sem_init(&first_turn, 0, 0);
  startup->abi_version = SIGNET_ABI_VERSION + test->other_version;
  startup->slots = test->device_count;
  for (uint32_t i = 0; i < test->device_count; i++)
    startup->handles[i] = object_new(DEVICE, i);
  startup->area_low = (uint32_t)(uintptr_t)low(1 << 20);
  startup->area_high = startup->area_low + (1 << 20);
  startup->bytes_offset = (uint32_t)(uintptr_t)test->system;
  startup->bytes_length = test->system_room - test->length_less;
  if (test->misaligned) {
    memmove((char *)(uintptr_t)startup->bytes_offset + 4, test->system, test->system_room);
    startup->bytes_offset += 4;
  }
  service_main(startup);
}

const char *kernel_run(const struct test_case *wanted) {
  static char said[1024];
  int pipes[2];
  memset(said, 0, sizeof said);
  fflush(stdout);
  if (pipe(pipes) != 0)
    return "no pipe";
  kernel_verdict = pipes[1];
  test = wanted;
  pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    play();
  }
  close(pipes[1]);
  ssize_t length = 0;
  for (ssize_t part; (part = read(pipes[0], said + length, sizeof said - 1 - (size_t)length)) > 0;)
    length += part;
  close(pipes[0]);
  int status;
  waitpid(pid, &status, 0);
  if (status != 0)
    snprintf(said + length, sizeof said - (size_t)length, " (status %x)", (unsigned)status);
  return said;
}
