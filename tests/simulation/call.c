/* What the code of simulated processes does: random kernel calls with mostly sensible arguments, and what must be true
 * of their results. */
#include "contracts.h"

static struct kernel_process *process; /* whose step it is */
static struct random given;
static bool undisturbed; /* nobody else acts during this step */
static bool wild;        /* the call may write into a block */

static uint32_t chance(uint32_t below) { return random_below(&given, below); }

/* ---- Arguments ---- */

static bool is_end(const struct object *object) {
  return object->kind == SIGNET_KIND_CLIENT || object->kind == SIGNET_KIND_SERVER;
}

/* A handle that the process holds, most often of this kind (CLIENT: or SERVER); seldom any number. */
static uint64_t some_handle(unsigned kind) {
  uint64_t found = 0;
  uint32_t seen = 0;
  if (!chance(64))
    return chance(1 << 20);
  bool any = !chance(50);
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    const struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->owner == process && (any || kind == object->kind || (kind == SIGNET_KIND_CLIENT && is_end(object))) &&
        !chance(++seen))
      found = object->handle;
  }
  return found;
}

static uint64_t exact_handle(unsigned kind) {
  uint64_t found = 0;
  uint32_t seen = 0;
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    const struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->owner == process && kind == object->kind && !chance(++seen))
      found = object->handle;
  }
  return found;
}

/* An end where it is this side's turn to speak, or not, if there is one among a few. */
static uint64_t some_end(bool speaks) {
  uint64_t handle = 0;
  for (unsigned tries = 0; tries < 4; tries++) {
    handle = some_handle(SIGNET_KIND_CLIENT);
    const struct endpoint *end = handle_find_endpoint(process, handle);
    if (end && speaks == (!end->count && contract_allows(end->channel->contract, end->state, end->side)))
      break;
  }
  return handle;
}

static uint64_t some_deadline(void) {
  uint32_t which = chance(8);
  return which < 1 ? 0 : which < 4 ? SIGNET_NEVER : sim_clock + chance(3000);
}

/* Now and then anywhere. */
static uint64_t near(uint64_t offset) {
  if (chance(100))
    return offset;
  switch (chance(5)) {
  case 0:
    return process->area_low + chance(64) * SIGNET_PAGE;
  case 1:
    return SIGNET_IMAGE_LOW + chance(SIGNET_PAGE);
  case 2:
    wild = true;
    return SIGNET_BLOCKS_LOW + chance(16) * SIGNET_PAGE + 64;
  case 3:
    return offset + (UINT64_C(1) << 32);
  default:
    return offset + 1 + chance(8);
  }
}

static bool write_memory(uint64_t offset, const void *bytes, size_t length) {
  void *memory = sim_memory(process->window, offset, length, true);
  if (memory && length)
    memcpy(memory, bytes, length);
  return memory;
}

/* A message that the contract allows there most of the time. */
static void write_message(uint64_t offset, const struct endpoint *from) {
  struct {
    struct signet_message header;
    uint64_t data[BUFFER_BYTES / 8];
  } message = {.header = {.length = 8 * chance(9)}};
  const struct contract *contract = from ? from->channel->contract : NULL;
  message.header.tag = chance(7);
  if (contract && chance(12)) {
    uint64_t allowed = contract_allows(contract, from->state, from->side);
    for (unsigned tries = 0; allowed && !(allowed >> message.header.tag & 1) && tries < 40; tries++)
      message.header.tag = chance(contract->messages);
  }
  if (contract && message.header.tag < contract->messages) {
    const struct signet_contract_message *row = &contract->rows[message.header.tag];
    message.header.moved_count = row->moved_count;
    if (message.header.length < row->length_least)
      message.header.length = row->length_least;
    for (unsigned i = 0; i < row->moved_count; i++)
      for (unsigned tries = 0; tries < 3; tries++) {
        uint32_t handle = message.header.moved[i].handle = (uint32_t)exact_handle(row->moved_kind[i]);
        if ((i < 1 || handle != message.header.moved[0].handle) && (i < 2 || handle != message.header.moved[1].handle))
          break;
      }
  }
  if (!chance(40))
    message.header.length = chance(100);
  if (!chance(60))
    message.header.moved_count = chance(5);
  if (!chance(200))
    message.header.reserved = 1;
  for (unsigned i = 0; i < message.header.length / 8 + 1; i++)
    message.data[i] = random_next(&given);
  write_memory(offset, &message.header, sizeof message.header);
  write_memory(offset + SIGNET_MESSAGE_DATA, message.data, message.header.length);
}

static uint64_t block_length(void) {
  return chance(40) ? 1 + chance(4 * SIGNET_PAGE) : random_next(&given) >> chance(64);
}

static struct block *block_of(uint64_t handle) {
  struct object *object = handle_find_kind(process, handle, SIGNET_KIND_BLOCK);
  return object ? CONTAINER(object, struct block, object) : NULL;
}

/* An image file is put into a block. */
static void write_image(struct block *block) {
  static struct image_file *file;
  if (!file)
    file = image_file_make();
  if (block->length < sizeof *file)
    return;
  file->padding[1] = (uint8_t)chance(3);
  uint8_t *damaged = (uint8_t *)file + chance(400), kept = *damaged;
  if (!chance(6))
    *damaged = (uint8_t)chance(256);
  write_memory(block->offset, file, sizeof *file);
  *damaged = kept;
  model_block_changed(block, process);
}

static void write_specification(uint64_t offset) {
  struct signet_process_specification specification = {.image = (uint32_t)some_handle(SIGNET_KIND_IMAGE),
                                                       .slots = chance(3),
                                                       .startup_offset = OTHER_AT,
                                                       .startup_length = chance(3) ? chance(64) : chance(6000),
                                                       .stack = SIGNET_PAGE * (1 + chance(2)),
                                                       .quota = {.memory = process->limit.memory / (2 + chance(2)),
                                                                 .threads = process->limit.threads / 2,
                                                                 .handles = process->limit.handles / 2,
                                                                 .regions = process->limit.regions / 2,
                                                                 .processes = process->limit.processes / 2},
                                                       .name = "child"};
  if (!chance(20))
    specification.quota.memory = random_next(&given) >> chance(64);
  if (!chance(60))
    specification.name[chance(6)] = (char)chance(256);
  write_memory(offset, &specification, sizeof specification);
}

/* ---- A call ---- */

static bool holds(unsigned kind) {
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    const struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->owner == process && object->kind == kind)
      return true;
  }
  return false;
}

/* What would almost always be in vain, or end the process, gives way to what leads there. */
static uint32_t sensible(uint32_t number) {
  bool alone = process->threads_alive == 1;
  if (!chance(12))
    return number;
  switch (number) {
  case SIGNET_CALL_process_exit:
    return SIGNET_CALL_thread_yield;
  case SIGNET_CALL_thread_exit:
    return alone ? SIGNET_CALL_thread_create : number;
  case SIGNET_CALL_set_insert:
  case SIGNET_CALL_set_receive:
    return holds(SIGNET_KIND_SET) ? number : SIGNET_CALL_set_create;
  case SIGNET_CALL_process_grant:
  case SIGNET_CALL_process_start:
  case SIGNET_CALL_process_wait:
  case SIGNET_CALL_process_event:
    if (holds(SIGNET_KIND_PROCESS))
      return number;
    /* fallthrough */
  case SIGNET_CALL_process_create:
    if (holds(SIGNET_KIND_IMAGE))
      return SIGNET_CALL_process_create;
    /* fallthrough */
  case SIGNET_CALL_image_load:
    return holds(SIGNET_KIND_BLOCK) ? SIGNET_CALL_image_load : SIGNET_CALL_block_allocate;
  case SIGNET_CALL_event_return:
    return process->handling && process->threads.next == &kernel.cpu[process->cpu->number]->current->link
               ? number
               : SIGNET_CALL_thread_yield;
  default:
    return number;
  }
}

/* Of an unstarted child: the first slot that is to be filled. */
static uint64_t some_slot(uint64_t child) {
  struct object *object = handle_find_kind(process, child, SIGNET_KIND_PROCESS);
  const struct kernel_process *filled = object ? CONTAINER(object, struct kernel_process, object) : NULL;
  for (uint32_t i = 0; filled && i < filled->slots && chance(20); i++)
    if (!filled->slot[i])
      return i;
  return chance(3);
}

static const char *const names[] = {
#define NAME(number, name, arguments) [number] = #name,
    SIGNET_CALLS(NAME)
#undef NAME
};

static uint64_t waiting_at(uint64_t word) {
  uint64_t count = 0;
  for (struct list *node = process->threads.next; node != &process->threads; node = node->next) {
    struct thread *thread = CONTAINER(node, struct thread, link);
    const struct notes *notes = notes_of(thread->context);
    if (!notes->in_call || notes->call != SIGNET_CALL_word_wait || notes->arguments[0] != word)
      continue;
    if (notes->arguments[2] != SIGNET_NEVER)
      return UINT64_MAX; /* its deadline may come first */
    if (thread->state == THREAD_WAITING)
      count++;
  }
  return process->events || process->handling ? UINT64_MAX : count;
}

static void note_sending(struct notes *notes, struct endpoint *from, uint64_t message) {
  notes->sending = model_send(process, from, message, undisturbed);
  notes->channel = from->channel->place.number;
  notes->side = !from->side;
}

/* Fills the arguments in; what the model has to know beforehand is noted. */
static void arguments_make(uint32_t number, struct notes *notes, uint64_t slot) {
  uint64_t *a = notes->arguments, send = SEND_AT + slot * BUFFER_BYTES, other = near(OTHER_AT);
  uint64_t buffer = RECEIVE_AT + slot * BUFFER_BYTES;
  struct endpoint *end;
  notes->buffer = buffer;
  a[0] = other;
  switch (number) {
  case SIGNET_CALL_process_exit:
    a[0] = chance(4), a[1] = chance(300);
    break;
  case SIGNET_CALL_thread_create:
    a[0] = chance(8) && process->threads_made < THREADS_MOST - 1 ? ENTRY : chance(CODE_LOW), a[1] = OTHER_AT;
    break;
  case SIGNET_CALL_thread_exit:
    a[0] = chance(2) ? 0 : WORDS_AT + 4 * chance(3);
    break;
  case SIGNET_CALL_word_wait:
    a[0] = near(WORDS_AT + 4 * chance(3)), a[1] = !chance(20), a[2] = some_deadline();
    break;
  case SIGNET_CALL_word_wake:
    a[0] = near(WORDS_AT + 4 * chance(3)), a[1] = chance(4);
    notes->waiters = waiting_at(a[0]);
    break;
  case SIGNET_CALL_memory_map:
  case SIGNET_CALL_memory_unmap:
  case SIGNET_CALL_memory_protect:
    a[0] = process->area_low + chance(16) * SIGNET_PAGE, a[1] = (1 + chance(6)) * SIGNET_PAGE;
    a[2] = (uint64_t[]){0, 1, 3, 3, 2}[chance(20) ? chance(4) : 4];
    break;
  case SIGNET_CALL_clock_read:
    a[0] = chance(5);
    break;
  case SIGNET_CALL_random_fill:
    a[1] = chance(6) ? chance(64) : chance(9000);
    break;
  case SIGNET_CALL_floating_point_control:
    a[0] = 0x1f80, a[1] = 0x37f;
    break;
  case SIGNET_CALL_event_listen:
    a[0] = chance(4) ? ENTRY : 0;
    break;
  case SIGNET_CALL_channel_create: {
    uint8_t bytes[CONTRACT_BYTES];
    size_t length = contract_write(&given, bytes);
    if (!chance(16))
      bytes[chance((uint32_t)length)] = (uint8_t)chance(256);
    write_memory(a[0], bytes, length);
    a[1] = length - !chance(30);
    break;
  }
  case SIGNET_CALL_channel_send:
  case SIGNET_CALL_channel_call:
    a[0] = some_end(true), a[1] = near(send);
    end = handle_find_endpoint(process, a[0]);
    write_message(a[1], end);
    if (number == SIGNET_CALL_channel_call)
      a[2] = buffer, a[3] = chance(10) ? BUFFER_BYTES : chance(100), a[4] = some_deadline();
    if (end && !(a[1] % 8) && range_valid(a[1], SIGNET_MESSAGE_DATA) && !(a[3] && a[2] % 8))
      note_sending(notes, end, a[1]);
    break;
  case SIGNET_CALL_channel_receive: {
    uint32_t handles[8];
    a[0] = HANDLES_AT + slot * 64, a[1] = 1 + chance(chance(3) ? 2 : 8);
    for (unsigned i = 0; i < 8; i++)
      handles[i] = (uint32_t)some_end(false);
    write_memory(a[0], handles, sizeof handles);
    a[2] = buffer, a[3] = chance(10) ? BUFFER_BYTES : chance(100), a[4] = some_deadline();
    break;
  }
  case SIGNET_CALL_handle_close:
    a[0] = some_handle(1 + chance(7));
    break;
  case SIGNET_CALL_handle_query:
    a[0] = some_handle(1 + chance(7)), a[1] = near(OTHER_AT);
    break;
  case SIGNET_CALL_block_allocate:
    a[0] = chance(3) ? block_length() : IMAGE_BYTES;
    break;
  case SIGNET_CALL_image_load:
    a[0] = some_handle(SIGNET_KIND_BLOCK), a[1] = chance(10) ? IMAGE_BYTES : chance(20000);
    if (block_of(a[0])) {
      write_image(block_of(a[0]));
      notes->block = sim_block_number(block_of(a[0])->port);
    }
    break;
  case SIGNET_CALL_process_create:
    write_specification(a[0]);
    break;
  case SIGNET_CALL_process_grant: {
    struct object *child;
    a[0] = some_handle(SIGNET_KIND_PROCESS), a[1] = some_slot(a[0]), a[2] = some_handle(1 + chance(7));
    child = handle_find_kind(process, a[0], SIGNET_KIND_PROCESS);
    if (child && block_of(a[2])) {
      notes->block = sim_block_number(block_of(a[2])->port);
      notes->child = CONTAINER(child, struct kernel_process, object)->number;
    }
    break;
  }
  case SIGNET_CALL_process_start:
  case SIGNET_CALL_process_stop:
    a[0] = some_handle(SIGNET_KIND_PROCESS);
    break;
  case SIGNET_CALL_process_wait:
    a[0] = some_handle(SIGNET_KIND_PROCESS), a[1] = near(OTHER_AT), a[2] = some_deadline();
    break;
  case SIGNET_CALL_device_request: {
    struct signet_device_request request = {
        .operation = chance(9), .buffer_offset = chance(9), .text_offset = OTHER_AT, .text_length = 0};
    a[0] = some_handle(SIGNET_KIND_DEVICE), a[1] = REQUEST_AT + slot * sizeof request;
    write_memory(a[1], &request, sizeof request);
    break;
  }
  case SIGNET_CALL_process_event:
    a[0] = some_handle(SIGNET_KIND_PROCESS), a[1] = (uint32_t[]){28, 28, 28, 28, 28, 15, 9, 34}[chance(8)];
    break;
  case SIGNET_CALL_set_insert:
    a[0] = some_handle(SIGNET_KIND_SET), a[1] = some_handle(SIGNET_KIND_CLIENT);
    a[2] = UINT64_C(1) << 40 | a[1];
    break;
  case SIGNET_CALL_set_receive:
    a[0] = some_handle(SIGNET_KIND_SET), a[1] = buffer, a[2] = chance(10) ? BUFFER_BYTES : chance(100);
    a[3] = some_deadline();
    break;
  case SIGNET_CALL_process_observe:
    a[0] = 1 + chance(chance(8) ? 2 : 4), a[1] = chance(2) ? 0 : chance(200), a[2] = near(OTHER_AT);
    a[3] = chance(8) ? 2048 : chance(300);
    break;
  default:
    break;
  }
}

static void tell_call(uint32_t cpu, const struct notes *notes) {
  if (!told)
    return;
  fprintf(told, "process %u, thread %u on processor %u: %s(", notes->process, notes->thread, cpu,
          notes->call < SIGNET_CALL_COUNT ? names[notes->call] : "no such call");
  for (unsigned i = 0; i < 5; i++)
    fprintf(told, "%s0x%llx", i ? ", " : "", (unsigned long long)notes->arguments[i]);
  fprintf(told, ")");
  if (notes->call == SIGNET_CALL_channel_send || notes->call == SIGNET_CALL_channel_call) {
    const struct signet_message *message = sim_memory(process->window, notes->arguments[1], SIGNET_MESSAGE_DATA, false);
    if (message)
      fprintf(told, " [message %u, %u bytes, moves %u]", message->tag, message->length, message->moved_count);
  }
}

/* ---- Results ---- */

static bool fits_deadline(uint64_t deadline) { return deadline <= sim_clock; }

static void check_received(const struct notes *notes, struct signet_result result) {
  uint64_t handle = notes->arguments[0];
  if (notes->call == SIGNET_CALL_channel_receive) {
    const uint32_t *handles = sim_memory(process->window, notes->arguments[0], notes->arguments[1] * 4, false);
    MUST(handles && result.value < notes->arguments[1], "receive: it says of which endpoint the message came");
    handle = handles[result.value];
  } else if (notes->call == SIGNET_CALL_set_receive) {
    MUST(result.value >> 40 == 1, "set: it says of which member the message came");
    handle = result.value & UINT32_MAX;
  }
  struct endpoint *end = handle_find_endpoint(process, handle);
  MUST(end, "receive: what received is an endpoint of the receiver");
  const struct signet_message *message = sim_memory(process->window, notes->buffer, SIGNET_MESSAGE_DATA, false);
  uint64_t capacity = notes->arguments[notes->call == SIGNET_CALL_set_receive ? 2 : 3];
  MUST(message && SIGNET_MESSAGE_DATA + (uint64_t)message->length <= capacity,
       "receive: a message is no longer than there is room for");
  model_received(process, end, notes->buffer);
}

static void check_sent(const struct notes *notes, int64_t status) {
  int sent = status == SIGNET_OK;
  if (notes->call == SIGNET_CALL_channel_call)
    switch (status) {
    case SIGNET_ADDRESS:
    case SIGNET_HANDLE: /* what it moves, or the end itself, later */
      sent = -1;
      break;
    case SIGNET_CONTRACT:
    case SIGNET_FULL:
    case SIGNET_ARGUMENT:
      sent = 0;
      break;
    default:
      sent = 1; /* what came after it failed, or not */
    }
  model_sent(process, notes->channel, notes->side, status, sent);
}

static void blocks_changed(void) {
  for (struct list *node = process->paid.next; node != &process->paid; node = node->next) {
    struct object *object = CONTAINER(node, struct object, paid_link);
    if (object->kind == SIGNET_KIND_BLOCK && object->owner == process)
      model_block_changed(CONTAINER(object, struct block, object), process);
  }
}

static void answered(struct port_context *context, struct signet_result result) {
  struct notes *notes = notes_of(context);
  struct kernel_process *before = process;
  MUST(notes->in_call, "thread: who is answered has asked, and each call is answered once");
  MUST(result.status <= SIGNET_CAPACITY, "call: its status is one of the statuses");
  notes->in_call = 0;
  process = NULL;
  for (struct list *node = kernel.processes.next; node != &kernel.processes && !process; node = node->next)
    if (CONTAINER(node, struct kernel_process, link)->number == notes->process)
      process = CONTAINER(node, struct kernel_process, link);
  MUST(process && process->state < SIGNET_PROCESS_STOPPED, "thread: none of a stopped process is answered");
  if (told)
    fprintf(told, "\n    process %u, thread %u: %s -> %lld, 0x%llx", notes->process, notes->thread,
            notes->call < SIGNET_CALL_COUNT ? names[notes->call] : "no such call", (long long)result.status,
            (unsigned long long)result.value);
  bool fine = result.status == SIGNET_OK;
  const uint64_t *a = notes->arguments;
  calls_fine[notes->call] += fine;
  if (notes->wild)
    blocks_changed();
  if (notes->sending)
    check_sent(notes, result.status);
  MUST(result.status != SIGNET_TIMEOUT ||
           fits_deadline(notes->call == SIGNET_CALL_set_receive                                            ? a[3]
                         : notes->call == SIGNET_CALL_word_wait || notes->call == SIGNET_CALL_process_wait ? a[2]
                                                                                                           : a[4]),
       "deadline: nobody is told of one before it");
  switch (notes->call) {
  case SIGNET_CALL_channel_call:
  case SIGNET_CALL_channel_receive:
  case SIGNET_CALL_set_receive:
    if (fine)
      check_received(notes, result);
    break;
  case SIGNET_CALL_block_allocate:
    if (fine) {
      struct block *block = block_of(result.value & UINT32_MAX);
      MUST(block && block->offset == result.value >> 32, "block: the handle is the new one's, and it is where it says");
      model_block_made(process, block);
    }
    break;
  case SIGNET_CALL_image_load:
    if (notes->block && !block_of(a[0]))
      model_block_gone(notes->block);
    break;
  case SIGNET_CALL_process_grant:
    if (notes->block && fine)
      model_block_owner(notes->block, notes->child);
    break;
  case SIGNET_CALL_handle_close:
    if (fine) {
      MUST(!handle_find(process, a[0]), "handle: what is closed names nothing");
      model_block_gone(notes->block);
    }
    break;
  case SIGNET_CALL_word_wake:
    MUST(!fine || notes->waiters == UINT64_MAX || result.value == (a[1] < notes->waiters ? a[1] : notes->waiters),
         "word: a wake-up wakes as many as it says and as there are");
    break;
  default:
    break;
  }
  process = before;
}

void process_answered(struct port_context *context) { answered(context, context->result); }

static bool at_once; /* this step's call returned to its caller, as if nothing were */

void process_returned(uint32_t cpu) {
  struct port_context *context = sim_current_of(cpu);
  struct signet_result result = sim_called(cpu, context);
  if (result.status != SIM_AWAY && notes_of(context)->in_call)
    answered(context, result);
  else
    MUST(at_once || !kernel.cpu[cpu]->process->attention,
         "process: none is resumed that has to be stopped or told of an event");
  at_once = false;
}

void process_step(uint32_t cpu, const struct step *step) {
  struct port_context *context = sim_current_of(cpu);
  struct thread *thread = kernel.cpu[cpu]->current;
  process = kernel.cpu[cpu]->process;
  MUST(thread && thread->context == context && process && process->window == sim_window_of(cpu),
       "processor: it runs the thread that the kernel says");
  MUST(!notes_of(context)->in_call, "thread: one that runs has had the answer to its call");
  given.state = step->salt;
  sim_choose_cpu(cpu);
  context->answered = false;
  if (step->what == DO_PREEMPT || (step->what == DO_FAULT && chance(10))) {
    TELL("processor %u: a tick", cpu);
    sim_preempt();
    return;
  }
  if (step->what == DO_FAULT) {
    TELL("process %u, thread %u on processor %u: a fault", process->number, thread->number, cpu);
    sim_fault(SIGNET_FAULT_READ, 12);
    return;
  }
  struct notes notes = {
      .in_call = 1, .call = (uint8_t)sensible(step->what), .process = process->number, .thread = thread->number};
  wild = false;
  undisturbed = !step->pause && sim_lock_holder() == UINT32_MAX;
  arguments_make(notes.call, &notes, SLOT_OF(thread->number, context->diverted));
  if (notes.call == SIGNET_CALL_handle_close && block_of(notes.arguments[0]))
    notes.block = sim_block_number(block_of(notes.arguments[0])->port);
  notes.wild = wild;
  *notes_of(context) = notes;
  calls_made[notes.call]++;
  tell_call(cpu, &notes);
  const uint64_t *a = notes.arguments;
  struct signet_result result = sim_call(notes.call == DO_UNKNOWN_CALL ? SIGNET_CALL_COUNT + chance(9) : notes.call,
                                         a[0], a[1], a[2], a[3], a[4]);
  at_once = result.status != SIM_AWAY && sim_doing(cpu) == SIM_RUNS && sim_current_of(cpu) == context &&
            notes_of(context)->in_call;
  if (at_once)
    answered(context, result);
}
