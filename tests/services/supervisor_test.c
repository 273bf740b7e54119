/* The supervisor on a kernel that is a few tables: what it refuses of a system, field by field; what it builds, in
 * which order, and who has what in the end; every call of the kernel failing once. Each case is a process of its own,
 * because the supervisor ends its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "services/services.h"
#include "services/system.h"
#include "tests/lib/tap.h"
#include "tests/services/made_system.h"

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(void *unused);

/* ---- The kernel ---- */

enum kind { NOTHING, DEVICE, CLIENT, SERVER, BLOCK, IMAGE, CHILD };
#define HELD_BY_SUPERVISOR 0xff
struct object {
  enum kind kind;
  uint32_t holder; /* HELD_BY_SUPERVISOR, or the row of the child that has it */
  uint32_t number; /* device, channel, or row */
  uint32_t entry;  /* of a block's or image's content */
  void *bytes;
  uint32_t length;
  struct signet_process_specification specification; /* child */
  uint32_t slots[SIGNET_SLOTS_MOST];
  enum signet_process_state state;
  bool reaped;
};
#define HANDLE_BASE 0x700
static struct object objects[200];
static uint32_t object_count, children_made, channels_made;
static const struct setting *now;
static struct made_system *made;
static uint32_t calls;
static int verdict[2];                      /* the pipe to the test */
static uint32_t event_turns, events_object; /* the server's end */
static struct signet_startup *startup;

/* The case's process says what went wrong, and ends. */
#define FAIL(...)                                                                                                      \
  do {                                                                                                                 \
    dprintf(verdict[1], __VA_ARGS__);                                                                                  \
    _exit(3);                                                                                                          \
  } while (0)

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }

static uint32_t object_new(enum kind kind, uint32_t number) {
  if (object_count == sizeof objects / sizeof objects[0])
    FAIL("too many objects");
  objects[object_count] = (struct object){.kind = kind, .holder = HELD_BY_SUPERVISOR, .number = number};
  return HANDLE_BASE + object_count++;
}

static struct object *find(uint32_t handle, enum kind kind) {
  uint32_t index = handle - HANDLE_BASE;
  if (handle < HANDLE_BASE || index >= object_count || objects[index].holder != HELD_BY_SUPERVISOR ||
      (kind && objects[index].kind != kind))
    return NULL;
  return &objects[index];
}

/* True if this call is the one that is to fail. */
static bool fails(void) { return ++calls == now->fail_at; }

static bool runs_on(uint32_t row) { return now->service_hangs == row + 1; }

static struct signet_ending ending_of(uint32_t row) {
  if (row == made->head.main)
    return now->main_ending;
  if (now->service_died == row + 1)
    return (struct signet_ending){.kind = SIGNET_ENDED_FAULT, .code = SIGNET_FAULT_READ, .instruction = 0x20040};
  return (struct signet_ending){.kind = SIGNET_ENDED_EXIT};
}

static void check_end(const struct signet_system_ending *rows, uint32_t length, const char *text);

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  struct object *object = find(device, DEVICE);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  if (!object)
    return result(SIGNET_HANDLE, 0);
  if ((uintptr_t)request % 8 || request->reserved)
    FAIL("a request that the kernel refuses");
  uint64_t entry = request->arguments[0];
  uint32_t length = entry == 10 ? 150000 : 5000;
  uint8_t *to = (void *)(uintptr_t)request->buffer_offset;
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    return result(SIGNET_OK,
                  now->wrong_kind == object->number + 1 ? SIGNET_DEVICE_STREAM : device_kinds[object->number]);
  case SIGNET_ARCHIVE_STATUS:
    if (object->number != ARCHIVE)
      FAIL("another device is asked for entries");
    return entry < 10 || entry > 12 ? result(SIGNET_DEVICE, 2) : result(SIGNET_OK, length);
  case SIGNET_ARCHIVE_READ: {
    if (now->damaged_entry == entry + 1)
      return result(SIGNET_DEVICE, 28);
    uint64_t offset = request->arguments[1], part = length - offset < 65536 ? length - offset : 65536;
    if (request->buffer_length < part)
      part = request->buffer_length;
    for (uint64_t i = 0; i < part; i++)
      to[i] = (uint8_t)((offset + i) * 7 + entry);
    return result(SIGNET_OK, part);
  }
  case SIGNET_POWER_END:
    if (object->number != POWER)
      FAIL("another device is asked to end the machine");
    char text[600];
    snprintf(text, sizeof text, "%.*s", (int)request->text_length, (char *)(uintptr_t)request->text_offset);
    check_end((const void *)to, request->buffer_length, text);
  }
  FAIL("operation %u", request->operation);
}

struct signet_result signet_block_allocate(uint64_t length) {
  if (fails())
    return result(SIGNET_MEMORY, 0);
  void *bytes = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  uint32_t handle = object_new(BLOCK, 0);
  objects[handle - HANDLE_BASE].bytes = bytes;
  objects[handle - HANDLE_BASE].length = (uint32_t)length;
  return result(SIGNET_OK, (uint64_t)(uintptr_t)bytes << 32 | handle);
}

struct signet_result signet_image_load(uint32_t block, uint64_t length) {
  struct object *object = find(block, BLOCK);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  if (!object || length != object->length)
    return result(SIGNET_HANDLE, 0);
  const uint8_t *bytes = object->bytes;
  uint32_t entry = bytes[0];
  for (uint64_t i = 0; i < length; i++)
    if (bytes[i] != (uint8_t)(i * 7 + entry))
      FAIL("byte %lu of entry %u was not read", (unsigned long)i, entry);
  if (now->bad_entry == entry + 1)
    return result(SIGNET_IMAGE, 0);
  object->kind = NOTHING;
  uint32_t image = object_new(IMAGE, 0);
  objects[image - HANDLE_BASE].entry = entry;
  return result(SIGNET_OK, image);
}

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  struct object *object = find(handle, 0);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  if (!object || object->kind == NOTHING)
    return result(SIGNET_HANDLE, 0);
  memset(information, 0, sizeof *information);
  if (object->kind == IMAGE)
    memset(information->identity, (int)object->entry, sizeof information->identity);
  if (object->kind == CHILD)
    information->state = object->state;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_handle_close(uint32_t handle) {
  struct object *object = find(handle, 0);
  if (!object || object->kind == NOTHING)
    FAIL("a handle is closed twice, or is none: %x", handle);
  if (object->kind == CHILD) {
    object->state = SIGNET_PROCESS_STOPPED;
    object->reaped = true;
    for (uint32_t i = 0; i < object_count; i++) /* what it was given goes with it */
      if (objects[i].holder == object->number)
        objects[i].kind = NOTHING;
  }
  object->kind = NOTHING;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  if (fails())
    return result(SIGNET_MEMORY, 0);
  bool events = length == EVENTS_CONTRACT_LENGTH && memcmp(contract, &events_contract, length) == 0;
  if (!events && (length != FILES_CONTRACT_LENGTH || memcmp(contract, &files_contract, length) != 0))
    return result(SIGNET_CONTRACT, 0);
  if (events)
    events_object = object_count + 1;
  uint32_t client = object_new(CLIENT, channels_made), server = object_new(SERVER, channels_made);
  channels_made++;
  return result(SIGNET_OK, (uint64_t)server << 32 | client);
}

#define MEMORY_LEFT 0x5000

struct signet_result signet_process_usage(struct signet_usage *usage) {
  *usage = (struct signet_usage){.limit.memory = MEMORY_LEFT + 0x123, .used.memory = 0x123};
  return result(SIGNET_OK, 0);
}

struct signet_result signet_process_create(const struct signet_process_specification *specification) {
  struct object *image = find(specification->image, IMAGE);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  if (!image)
    return result(SIGNET_HANDLE, 0);
  uint32_t row = children_made++, handle = object_new(CHILD, row);
  const struct signet_system_process *wanted = &made->process[row];
  struct signet_quota quota = wanted->quota;
  if (quota.memory < SIGNET_SYSTEM_SHARES)
    quota.memory = quota.memory ? MEMORY_LEFT / SIGNET_SYSTEM_SHARES * quota.memory : MEMORY_LEFT;
  if (strcmp(specification->name, wanted->name) != 0 || image->entry != wanted->entry ||
      specification->slots != wanted->slots || specification->stack != wanted->stack ||
      memcmp(&specification->quota, &quota, sizeof quota) != 0 ||
      specification->startup_length != wanted->startup_length ||
      memcmp((void *)(uintptr_t)specification->startup_offset, (char *)made + wanted->startup_offset,
             wanted->startup_length) != 0)
    FAIL("process %u is made otherwise than its row says", row);
  objects[handle - HANDLE_BASE].specification = *specification;
  return result(SIGNET_OK, handle);
}

struct signet_result signet_process_grant(uint32_t child, uint32_t slot, uint32_t handle) {
  struct object *process = find(child, CHILD), *object = find(handle, 0);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  if (!process || !object || object->kind == NOTHING || object->kind == CHILD)
    return result(SIGNET_HANDLE, 0);
  const struct signet_system_grant *wanted = &made->process[process->number].slot[slot];
  static const enum kind kinds[] = {NOTHING, CLIENT, SERVER, DEVICE};
  if (slot >= process->specification.slots || process->state != SIGNET_PROCESS_UNSTARTED || process->slots[slot])
    return result(SIGNET_STATE, 0);
  /* Both ends of a channel go where the system says: the first that is granted gives it its number. */
  static uint32_t called[CHANNELS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  uint32_t number = object->number;
  if (object->kind != DEVICE && called[number] == UINT32_MAX)
    called[number] = wanted->number;
  if (object->kind != kinds[wanted->kind] || (object->kind == DEVICE ? number : called[number]) != wanted->number)
    FAIL("process %u, slot %u is given something else than its row says", process->number, slot);
  process->slots[slot] = handle;
  object->holder = process->number;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_process_start(uint32_t child) {
  struct object *process = find(child, CHILD);
  if (fails())
    return result(SIGNET_MEMORY, 0);
  for (uint32_t i = 0; i < process->specification.slots; i++)
    if (!process->slots[i])
      return result(SIGNET_STATE, 0);
  /* Started as soon as it is built: none that comes later has been made. */
  if (process->number + 1 != children_made)
    FAIL("process %u is started late", process->number);
  process->state = SIGNET_PROCESS_RUNNING;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_process_wait(uint32_t child, struct signet_ending *ending, uint64_t deadline) {
  struct object *process = find(child, CHILD);
  static bool interrupted;
  if (fails())
    return result(SIGNET_INTERRUPTED, 0);
  if (!process || process->state != SIGNET_PROCESS_RUNNING)
    FAIL("waits for what does not run");
  if (!interrupted) {
    interrupted = true;
    return result(SIGNET_INTERRUPTED, 0);
  }
  if ((process->number == made->head.main) != (deadline == SIGNET_NEVER) && children_made == PROCESSES && !now->fail_at)
    FAIL("process %u is waited for until %lx", process->number, (unsigned long)deadline);
  if (deadline != SIGNET_NEVER && deadline != 1000 + 5000000000)
    FAIL("not five seconds");
  if (runs_on(process->number))
    return result(SIGNET_TIMEOUT, 0);
  *ending = ending_of(process->number);
  process->reaped = true;
  process->kind = NOTHING;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_clock_read(uint32_t clock) {
  return result(SIGNET_OK, clock == 0 ? 1000 : 77777);
}

/* ---- Events ---- */

static uint32_t events_passed[8], events_passed_count;
static const uint32_t events_sent[] = {SIGNET_EVENT_INTERRUPT, 99, SIGNET_EVENT_QUIT};
static bool taken = true, listening;

void service_thread_entry(void *unused) { (void)unused; }

struct signet_result signet_thread_create(void (*entry)(void *), void *stack, void *argument, void *thread_pointer) {
  if (entry != service_thread_entry || (uintptr_t)stack % 16 || argument || thread_pointer)
    FAIL("a thread is made otherwise");
  pid_t pid = fork(); /* stands for the other thread: it changes nothing that the first one reads */
  if (pid == 0)
    service_thread(NULL);
  int status;
  waitpid(pid, &status, 0);
  if (status != 0)
    _exit(3);
  listening = true;
  return result(SIGNET_OK, 1);
}

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  struct object *server = find(endpoints[0], SERVER);
  if (!server || server != &objects[events_object] || count != 1 || deadline != SIGNET_NEVER ||
      capacity < sizeof *message + sizeof(struct events_event) || !taken)
    FAIL("events are received otherwise");
  if (event_turns == 1) {
    event_turns++;
    return result(SIGNET_INTERRUPTED, 0);
  }
  uint32_t turn = event_turns > 1 ? event_turns - 1 : event_turns;
  event_turns++;
  if (turn == sizeof events_sent / sizeof *events_sent)
    return result(SIGNET_CLOSED, 0);
  struct events_event event = {.event = events_sent[turn]};
  *message = (struct signet_message){.tag = EVENTS_EVENT, .length = sizeof event};
  memcpy((char *)message + SIGNET_MESSAGE_DATA, &event, sizeof event);
  taken = false;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  struct object *server = find(endpoint, SERVER);
  if (!server || message->tag != EVENTS_TAKEN || message->length || message->moved_count || message->reserved || taken)
    FAIL("an event is not answered as the contract says");
  taken = true;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_process_event(uint32_t child, uint32_t event) {
  struct object *process = find(child, CHILD);
  if (!process || process->number != made->head.main)
    FAIL("an event goes to another process");
  events_passed[events_passed_count++] = event;
  return result(event == 99 ? SIGNET_ARGUMENT : SIGNET_OK, 0);
}

void signet_thread_exit(uint32_t *clear) {
  if (clear || events_passed_count != 3 || memcmp(events_passed, events_sent, sizeof events_sent) != 0)
    FAIL("not every event was passed on");
  _exit(0);
}

void signet_process_exit(uint32_t kind, uint32_t code) {
  dprintf(verdict[1], "exit %u %u", kind, code);
  _exit(0);
}

/* ---- A case ---- */

/* The machine ends: is all as the case wants it? */
static void check_end(const struct signet_system_ending *rows, uint32_t length, const char *text) {
  uint32_t count = length / sizeof *rows;
  if (length % sizeof *rows || !count)
    FAIL("a record of %u bytes", length);
  if (now->reason ? !strstr(text, now->reason) : text[0] && !now->fail_at)
    FAIL("it says: %s", text);
  if (text[0]) {
    if (rows[0].process != SIGNET_SYSTEM_NONE || rows[0].ending.kind != SIGNET_ENDED_EXIT ||
        rows[0].ending.code != SIGNET_SYSTEM_REFUSED)
      FAIL("a refusal is told otherwise");
  } else if (rows[0].process != made->head.main ||
             memcmp(&rows[0].ending, &now->main_ending, sizeof now->main_ending) != 0) {
    FAIL("the main process ended otherwise");
  }
  for (uint32_t i = 1; i < count; i++) {
    struct signet_ending wanted = ending_of(rows[i].process);
    if (runs_on(rows[i].process))
      wanted = (struct signet_ending){.kind = SIGNET_ENDED_STOPPED};
    if (rows[i].process >= PROCESSES || (i > 1 && rows[i].process <= rows[i - 1].process) ||
        memcmp(&rows[i].ending, &wanted, sizeof wanted) != 0)
      FAIL("process %u ended otherwise", rows[i].process);
  }
  if (!text[0] && count != PROCESSES)
    FAIL("%u endings are told", count);
  if (!text[0] && listening == (made->head.channels < CHANNELS))
    FAIL("events are listened to, and there is no channel; or the other way round");
  /* Nothing is kept but devices and the channel of events; no process is left. */
  for (uint32_t i = 0; i < object_count; i++) {
    const struct object *object = &objects[i];
    bool device = object->kind == DEVICE, events = object->kind == SERVER && i == events_object;
    if (object->holder == HELD_BY_SUPERVISOR && object->kind != NOTHING && !device && !events)
      FAIL("object %u of kind %u is left over", i, object->kind);
  }
  dprintf(verdict[1], "ended %s", text);
  _exit(0);
}

static void act(void) {
  struct signet_startup *block = startup;
  memset(block, 0, sizeof *block);
  block->abi_version = SIGNET_ABI_VERSION + now->other_version;
  block->slots = now->slots ? now->slots : DEVICES;
  for (uint32_t i = 0; i < block->slots; i++)
    block->handles[i] = object_new(DEVICE, i);
  make_system(made);
  if (now->change)
    now->change(made);
  block->bytes_offset = (uint32_t)(uintptr_t)made;
  block->bytes_length = (uint32_t)sizeof *made - now->length_less;
  if (now->misaligned) {
    memmove((char *)made + 4, made, sizeof *made);
    made = (void *)((char *)made + 4);
    block->bytes_offset += 4;
  }
  service_main(block);
}

/* What the case's process says. */
static const char *run(const struct setting *setting) {
  static char said[1024];
  memset(said, 0, sizeof said);
  fflush(stdout);
  if (pipe(verdict) != 0)
    return "no pipe";
  now = setting;
  pid_t pid = fork();
  if (pid == 0) {
    alarm(20);
    act();
  }
  close(verdict[1]);
  ssize_t length = 0;
  for (ssize_t part; (part = read(verdict[0], said + length, sizeof said - 1 - (size_t)length)) > 0;)
    length += part;
  close(verdict[0]);
  int status;
  waitpid(pid, &status, 0);
  if (status != 0)
    snprintf(said + length, sizeof said - (size_t)length, " (status %x)", status);
  return said;
}

static bool ended_well(const char *said) { return strncmp(said, "ended ", 6) == 0 && !strstr(said, "(status"); }

/* ---- What is wrong, field by field ---- */

#define WRONG(name, statement)                                                                                         \
  static void name(struct made_system *s) { statement; }
WRONG(magic, s->head.magic ^= 1)
WRONG(version, s->head.version++)
WRONG(length_more, s->head.length++)
WRONG(length_least, s->head.length = sizeof s->head)
WRONG(reserved, s->head.reserved = 1)
WRONG(no_process, s->head.processes = 0)
WRONG(many_processes, s->head.processes = SIGNET_SYSTEM_PROCESSES_MOST + 1)
WRONG(processes_outside, s->head.processes = SIGNET_SYSTEM_PROCESSES_MOST)
WRONG(processes_unaligned, s->head.processes_offset += 4)
WRONG(processes_on_head, s->head.processes_offset = 0)
WRONG(processes_far, s->head.processes_offset = UINT32_MAX - 7)
WRONG(many_channels, s->head.channels = SIGNET_SYSTEM_CHANNELS_MOST + 1)
WRONG(channels_far, s->head.channels_offset = sizeof *s + 8)
WRONG(channels_end, s->head.channels_offset = sizeof *s - 24)
WRONG(main_far, s->head.main = PROCESSES)
WRONG(archive_far, s->head.archive = DEVICES)
WRONG(power_far, s->head.power = DEVICES)
WRONG(power_is_archive, s->head.power = s->head.archive)
WRONG(name_empty, s->process[MEMORY].name[0] = 0)
WRONG(name_endless, memset(s->process[MEMORY].name, 'x', 32))
WRONG(many_slots, s->process[MEMORY].slots = SIGNET_SLOTS_MOST + 1)
WRONG(startup_far, s->process[MEMORY].startup_offset = UINT32_MAX - 7)
WRONG(startup_long, s->process[MEMORY].startup_length = 64)
WRONG(startup_most, s->process[MEMORY].startup_length = UINT32_MAX)
WRONG(startup_unaligned, s->process[MEMORY].startup_offset++)
WRONG(kind_none, s->process[MEMORY].slot[1].kind = 0)
WRONG(kind_other, s->process[MEMORY].slot[1].kind = 4)
WRONG(channel_far, s->process[MEMORY].slot[0].number = CHANNELS)
WRONG(end_twice, s->process[MEMORY].slot[0].number = OUTPUT)
WRONG(device_far, s->process[MEMORY].slot[1].number = DEVICES)
WRONG(device_most, s->process[MEMORY].slot[1].number = UINT32_MAX)
WRONG(device_archive, s->process[MEMORY].slot[1].number = ARCHIVE)
WRONG(device_power, s->process[MEMORY].slot[1].number = POWER)
WRONG(device_twice, s->process[MEMORY].slot[1].number = PORTS)
WRONG(contract_far, s->channel[OUTPUT].contract_offset = sizeof *s)
WRONG(contract_long, s->channel[OUTPUT].contract_length = UINT32_MAX)
WRONG(contract_short, s->channel[OUTPUT].contract_length = 8)
WRONG(client_nobody, s->process[PROGRAM].slots = 2)
WRONG(server_nobody, (s->process[SERIAL].slots = 4, s->process[SERIAL].slot[1] = s->process[SERIAL].slot[4]))
WRONG(events_other, s->events.next[0][0] = 0)
WRONG(events_two, (s->channel[FILES] = s->channel[EVENTS], s->process[MEMORY].slots = 0))
WRONG(entry_none, s->process[MEMORY].entry = 9)
WRONG(hash_other, s->process[MEMORY].hash[31] ^= 1)
WRONG(contract_bad, s->files.messages[3].step = 1)
WRONG(power_none, s->head.power = SIGNET_SYSTEM_NONE)
/* The program comes first, so that the servers' ends are kept for a while. */
static void program_first(struct made_system *s) {
  struct signet_system_process program = s->process[PROGRAM];
  s->process[PROGRAM] = s->process[SERIAL];
  s->process[SERIAL] = program;
  s->head.main = SERIAL;
}
WRONG(program_first_fails, (program_first(s), s->process[MEMORY].entry = 9))
WRONG(no_events, (s->head.channels = 2, s->process[SERIAL].slots = 4, s->process[PROGRAM].slots = 2,
                  s->process[MEMORY].slots = 1, s->process[MEMORY].slot[0] = s->process[MEMORY].slot[1]))
WRONG(hostile_name, (memcpy(s->process[MEMORY].name, "a\033[2J\n", 7), s->process[MEMORY].entry = 9))

static const struct signet_ending fine = {.kind = SIGNET_ENDED_EXIT, .code = 0};

static const struct setting settings[] = {
    {.name = "a system that is right", .main_ending = {.kind = SIGNET_ENDED_EXIT, .code = 42}},
    {.name = "its main process faults",
     .main_ending = {.kind = SIGNET_ENDED_FAULT, .code = 2, .instruction = 7, .address = 0x1234567890}},
    {.name = "the program first", .change = program_first},
    {.name = "the program first, and the next fails", .change = program_first_fails, .reason = "does not have"},
    {.name = "no channel of events", .change = no_events},
    {.name = "a service dies", .service_died = 1 + MEMORY},
    {.name = "a service does not end", .service_hangs = 1 + SERIAL},
    {.name = "not aligned", .reason = "aligned", .misaligned = true},
    {.name = "no bytes", .reason = "shorter", .length_less = sizeof(struct made_system)},
    {.name = "less than a header",
     .reason = "shorter",
     .length_less = sizeof(struct made_system) - sizeof(struct signet_system) + 1},
    {.name = "cut short", .reason = "not as long", .length_less = 1},
    {.name = "magic", .reason = "started: the start-up bytes are no system", .change = magic},
    {.name = "version", .reason = "another version", .change = version},
    {.name = "length", .reason = "not as long", .change = length_more},
    {.name = "length of the header", .reason = "not as long", .change = length_least},
    {.name = "reserved", .reason = "reserved", .change = reserved},
    {.name = "no process", .reason = "no process, or too many", .change = no_process},
    {.name = "too many processes", .reason = "no process, or too many", .change = many_processes},
    {.name = "processes outside", .reason = "table of processes", .change = processes_outside},
    {.name = "processes not aligned", .reason = "table of processes", .change = processes_unaligned},
    {.name = "processes in the header", .reason = "table of processes", .change = processes_on_head},
    {.name = "processes far away", .reason = "table of processes", .change = processes_far},
    {.name = "too many channels", .reason = "too many channels", .change = many_channels},
    {.name = "channels behind the end", .reason = "table of channels", .change = channels_far},
    {.name = "channels over the end", .reason = "table of channels", .change = channels_end},
    {.name = "main", .reason = "main process is none", .change = main_far},
    {.name = "archive", .reason = "archive is in a start-up slot", .change = archive_far},
    {.name = "power", .reason = "power device is in a start-up slot", .change = power_far},
    {.name = "power and archive in one", .reason = "power device is in", .change = power_is_archive},
    {.name = "fewer devices", .reason = "not given this device", .slots = 4},
    {.name = "the archive is no archive", .reason = "the archive is another", .wrong_kind = 1 + ARCHIVE},
    {.name = "empty name", .reason = "process 1: its name", .change = name_empty},
    {.name = "endless name", .reason = "process 1: its name", .change = name_endless},
    {.name = "too many slots", .reason = "process 1 (memory): it has too many", .change = many_slots},
    {.name = "start-up bytes far away", .reason = "its start-up bytes", .change = startup_far},
    {.name = "start-up bytes over the end", .reason = "its start-up bytes", .change = startup_long},
    {.name = "start-up bytes without end", .reason = "its start-up bytes", .change = startup_most},
    {.name = "start-up bytes not aligned", .reason = "its start-up bytes", .change = startup_unaligned},
    {.name = "grant of nothing", .reason = "slot 1: what is granted is neither", .change = kind_none},
    {.name = "grant of another kind", .reason = "slot 1: what is granted is neither", .change = kind_other},
    {.name = "grant of no channel", .reason = "process 1 (memory), slot 0: there is no", .change = channel_far},
    {.name = "an end granted twice", .reason = "slot 0: this end", .change = end_twice},
    {.name = "no such device", .reason = "slot 1: the supervisor was not", .change = device_far},
    {.name = "device of the greatest number", .reason = "slot 1: the supervisor was not", .change = device_most},
    {.name = "the supervisor's archive granted", .reason = "slot 1: this device is the", .change = device_archive},
    {.name = "the power granted", .reason = "slot 1: this device is the", .change = device_power},
    {.name = "a device granted twice", .reason = "slot 1: this device was", .change = device_twice},
    {.name = "contract far away", .reason = "channel 1: its contract", .change = contract_far},
    {.name = "contract without end", .reason = "channel 1: its contract", .change = contract_long},
    {.name = "contract too short", .reason = "channel 1: its contract", .change = contract_short},
    {.name = "a client's end for nobody", .reason = "channel 3: its client's end", .change = client_nobody},
    {.name = "a server's end for nobody", .reason = "channel 1: its server's end", .change = server_nobody},
    {.name = "another contract for the supervisor", .reason = "channel 2: its server's end", .change = events_other},
    {.name = "two channels of events", .reason = "channel 3: it is a second", .change = events_two},
    {.name = "no such entry", .reason = "process 1 (memory): the archive does not", .change = entry_none},
    {.name = "a damaged entry",
     .reason = "the archive: the device failed; the value is the device's own error number, 28",
     .damaged_entry = 12},
    {.name = "no image", .reason = "process 1 (memory): its image is refused: not an image", .bad_entry = 12},
    {.name = "an image with another hash", .reason = "memory): its image has another hash", .change = hash_other},
    {.name = "a contract that the kernel refuses", .reason = "slot 0: the channel cannot", .change = contract_bad},
    {.name = "a name with control characters", .reason = "process 1 (a?[2J?)", .change = hostile_name},
};

static void test_all(void) {
  startup = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  made = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    struct setting setting = settings[i];
    if (!setting.main_ending.kind)
      setting.main_ending = fine;
    const char *said = run(&setting);
    ok(ended_well(said), "%s: %s", setting.name, said);
  }
  /* Without a power device the supervisor ends as the system did. */
  struct setting setting = {.change = power_none, .main_ending = {.kind = SIGNET_ENDED_EXIT, .code = 42}};
  const char *said = run(&setting);
  ok(strcmp(said, "exit 1 42") == 0, "no power device: %s", said);
  setting.main_ending = (struct signet_ending){.kind = SIGNET_ENDED_SIGNAL, .code = 15};
  said = run(&setting);
  ok(strcmp(said, "exit 2 15") == 0, "no power device, and a signal: %s", said);
  setting.main_ending = (struct signet_ending){.kind = SIGNET_ENDED_FAULT, .code = 1};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "no power device, and a fault: %s", said);
  setting = (struct setting){.other_version = true, .main_ending = fine};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "another version of the ABI: %s", said);
  setting = (struct setting){.wrong_kind = 1 + POWER, .main_ending = fine};
  said = run(&setting);
  ok(strcmp(said, "exit 1 125") == 0, "the power device is another: %s", said);

  /* Every call fails once. */
  static const char *const reasons[] = {"archive is another",   "the power is another", "does not have",
                                        "no memory to read",    "cannot be read",       "is refused",
                                        "another hash",         "it cannot be made",    "the channel cannot",
                                        "it cannot be granted", "it cannot be started"};
  uint32_t seen = 0;
  uint32_t refused = 0, ran = 0, others = 0, calls_made = 0;
  for (setting = (struct setting){.main_ending = fine, .fail_at = 1}; setting.fail_at < 200; setting.fail_at++) {
    said = run(&setting);
    if (ended_well(said) && said[6])
      refused++;
    else if (ended_well(said))
      ran++;
    else if (strcmp(said, "exit 1 125") != 0 && strcmp(said, "exit 1 0") != 0) {
      ok(false, "call %u fails: %s", setting.fail_at, said);
      others++;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
      if (strstr(said, reasons[i]))
        seen |= 1u << i;
    calls_made = setting.fail_at;
  }
  ok(seen == (1u << sizeof reasons / sizeof *reasons) - 1, "every reason is given: %x", seen);
  ok(refused > 30 && ran > 100 && !others,
     "each of its calls fails once: %u of %u times it refuses to start the system", refused, calls_made);
}

int main(void) {
  test_run_low(test_all);
  return finish();
}
