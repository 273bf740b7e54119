/* The console service: serves the three standard streams of one program or of several, a thread for each stream.
 * A sealed process of its own; services.h says how it is started.
 *
 * The main thread serves input and hears the supervisor; only it makes members, only the thread of a member's stream
 * ends them. What was held back of output is under the stream's lock, because the main thread writes it at the end. */
#include <signet/calls.h>
#include <signet/supervised.h>

#include "lib/lock.h"
#include "lib/scarcity.h"
#include "services/console.h"
#include "services/lines.h"

#define THREAD_STACK 0x6000 /* holds one message, a row, and little else */
#define THREAD_STACK_STRIDE 0x8000
#define READER SERVICES_CONSOLE_STREAMS /* the thread that waits for input, if several programs may read */
#define SUPERVISION UINT64_MAX          /* its key in the main thread's set */

struct member {
  uint32_t endpoint; /* the server's end; 0: there is no such member */
  struct lines_output output;
  struct lines lines;
};

struct stream {
  uint32_t number; /* 0 input, 1 output, 2 error; or READER */
  uint32_t device;
  uint32_t set; /* of the members' ends; the key is the index of the member */
  struct lock lock;
  struct member members[CONSOLE_MEMBERS_MOST];
};

_Noreturn void service_main(const struct signet_startup *startup);
_Noreturn void service_thread(struct stream *stream);
void service_thread_entry(void *stream);

bool console_shared;
static bool prefixes;
static bool stays; /* also without a client: one may come back */
static uint32_t clients;
static uint32_t ends;       /* that members hold, of all streams */
static uint32_t widest = 1; /* name that was seen */
static struct stream streams[SERVICES_CONSOLE_STREAMS + 1];
static struct signet_supervised supervised;

static _Noreturn void refuse(void) { signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP); }

/* ---- Output ---- */

static void write_row(void *context, const void *bytes, uint32_t length) {
  const struct stream *stream = context;
  for (uint32_t done = 0; done < length;) {
    struct signet_device_request request = {.operation = SIGNET_STREAM_WRITE,
                                            .buffer_offset = service_offset(bytes) + done,
                                            .buffer_length = length - done};
    struct signet_result result = signet_device_request(stream->device, &request);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    /* When nobody reads what is written here, that ends no program. */
    if (result.status != SIGNET_OK || result.value == 0 || result.value > length - done)
      return;
    done += (uint32_t)result.value;
  }
}

/* The name is that of the process which holds the other end now, as the kernel says; the last one, if it is gone. */
static void name_output(const struct stream *stream, struct member *member) {
  struct signet_handle_information information;
  struct signet_device_request request = {.operation = SIGNET_STREAM_WINDOW_SIZE};
  struct signet_result result = signet_device_request(stream->device, &request);
  member->output.columns = result.status == SIGNET_OK ? (uint32_t)result.value : 0;
  if (signet_handle_query(member->endpoint, &information).status == SIGNET_OK && information.peer_name[0]) {
    memcpy(member->output.name, information.peer_name, LINES_NAME_MOST);
    for (char *at = member->output.name; *at; at++)
      if (*at <= ' ' || *at > '~')
        *at = '?';
  }
  uint32_t length = (uint32_t)strlen(member->output.name);
  if (length > __atomic_load_n(&widest, __ATOMIC_RELAXED))
    __atomic_store_n(&widest, length, __ATOMIC_RELAXED);
  member->output.name_columns = __atomic_load_n(&widest, __ATOMIC_RELAXED);
}

static void write_lines(struct stream *stream, struct member *member, const struct signet_device_request *asked) {
  lock_take(&stream->lock);
  name_output(stream, member);
  lines_take(&member->lines, &member->output, (const uint8_t *)(uintptr_t)asked->buffer_offset, asked->buffer_length);
  lock_give(&stream->lock);
}

static void serve_output(struct stream *stream, struct member *member, struct service_buffer *buffer) {
  struct signet_device_request asked;
  struct signet_result result;
  if (!stream_ask(buffer, &asked))
    return;
  if (prefixes && asked.operation == SIGNET_STREAM_WRITE) {
    result = (struct signet_result){SIGNET_OK, asked.buffer_length};
    write_lines(stream, member, &asked);
  } else if (console_shared && asked.operation == SIGNET_STREAM_SEEK) {
    result = (struct signet_result){SIGNET_DEVICE, ESPIPE};
  } else if (console_shared && asked.operation == SIGNET_STREAM_TERMINAL_MODE) {
    result = (struct signet_result){SIGNET_DEVICE, EPERM};
  } else if (console_shared && asked.operation == SIGNET_STREAM_READ) {
    result = (struct signet_result){SIGNET_DEVICE, EBADF}; /* a terminal can be read from here, too */
  } else {
    result = signet_device_request(stream->device, &asked);
  }
  stream_answer(buffer, &asked, result);
}

/* ---- Members ---- */

/* False: there are as many as there may be. The handle is the caller's then. */
static bool join(struct stream *stream, uint32_t endpoint) {
  for (uint32_t i = 0; i < CONSOLE_MEMBERS_MOST; i++) {
    struct member *member = &stream->members[i];
    if (__atomic_load_n(&member->endpoint, __ATOMIC_ACQUIRE))
      continue;
    *member = (struct member){.output = {.write = write_row, .context = stream}};
    __atomic_add_fetch(&ends, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&member->endpoint, endpoint, __ATOMIC_RELEASE);
    if (signet_set_insert(stream->set, endpoint, i).status == SIGNET_OK)
      return true;
    __atomic_store_n(&member->endpoint, 0, __ATOMIC_RELEASE);
    __atomic_sub_fetch(&ends, 1, __ATOMIC_RELAXED);
    return false;
  }
  return false;
}

static void leave(struct stream *stream, uint32_t index) {
  struct member *member = &stream->members[index];
  if (stream->number == 0 && console_shared)
    console_input_gone(index);
  lock_take(&stream->lock);
  if (prefixes && stream->number)
    lines_finish(&member->lines, &member->output);
  lock_give(&stream->lock);
  signet_handle_close(member->endpoint);
  __atomic_store_n(&member->endpoint, 0, __ATOMIC_RELEASE);
  if (__atomic_sub_fetch(&ends, 1, __ATOMIC_SEQ_CST) == 0 && !__atomic_load_n(&stays, __ATOMIC_SEQ_CST))
    signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

static void serve(struct stream *stream, uint32_t index, struct service_buffer *buffer) {
  struct member *member = &stream->members[index];
  if (stream->number || !console_shared)
    serve_output(stream, member, buffer);
  else if (!console_input_serve(index, member->endpoint, buffer))
    return;
  signet_channel_send(member->endpoint, &buffer->message);
}

/* ---- The supervisor ---- */

/* A program was started again, and needs a new end of that stream. */
static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  (void)context;
  (void)restarts;
  (void)client;
  if (slot >= clients * SERVICES_CONSOLE_STREAMS)
    return 0;
  struct signet_result result = signet_channel_create((const void *)&files_contract, FILES_CONTRACT_LENGTH);
  if (result.status != SIGNET_OK)
    return 0;
  uint32_t client_end = (uint32_t)result.value, server_end = (uint32_t)(result.value >> 32);
  if (join(&streams[slot % SERVICES_CONSOLE_STREAMS], server_end))
    return client_end;
  signet_handle_close(server_end);
  signet_handle_close(client_end);
  return 0;
}

/* The end: what was held back is written. */
static void stop(void *context, uint64_t deadline) {
  (void)context;
  (void)deadline;
  for (uint32_t i = 1; i < SERVICES_CONSOLE_STREAMS && prefixes; i++) {
    lock_take(&streams[i].lock);
    for (struct member *member = streams[i].members; member < streams[i].members + CONSOLE_MEMBERS_MOST; member++)
      if (member->endpoint)
        lines_finish(&member->lines, &member->output);
  }
  signet_supervised_stopped(&supervised);
}

static const struct signet_supervised_calls supervised_calls = {.client_wanted = client_wanted, .stop = stop};

/* Nobody supervises any more, or has said what this process has no room for. */
static void supervisor_gone(void) {
  signet_supervised_handle(&supervised, NULL);
  __atomic_store_n(&stays, false, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&ends, __ATOMIC_SEQ_CST) == 0)
    signet_process_exit(SIGNET_ENDED_EXIT, 0);
}

/* ---- The threads ---- */

void service_thread(struct stream *stream) {
  struct service_buffer buffer;
  if (stream->number == READER)
    console_input_read();
  for (;;) {
    struct signet_result result = signet_set_receive(stream->set, &buffer.message, sizeof buffer, SIGNET_NEVER);
    if (result.status == SIGNET_OK && result.value == SUPERVISION)
      signet_supervised_handle(&supervised, &buffer.message);
    else if (result.status == SIGNET_OK)
      serve(stream, (uint32_t)result.value, &buffer);
    else if (result.status == SIGNET_INTERRUPTED)
      continue;
    else if (result.status == SIGNET_MEMORY)
      scarcity_wait();
    else if (result.value == SUPERVISION)
      supervisor_gone();
    else
      leave(stream, (uint32_t)result.value); /* closed; or a block too large for this process, which no honest client
                                                sends */
  }
}

static bool start_thread(struct stream *stream, const struct signet_startup *startup) {
  uint64_t stack = startup->area_low + stream->number * THREAD_STACK_STRIDE;
  if (signet_memory_map(stack, THREAD_STACK, SIGNET_PROTECT_WRITE).status != SIGNET_OK)
    return false;
  return signet_thread_create(service_thread_entry, (void *)(uintptr_t)(stack + THREAD_STACK), stream, NULL).status ==
         SIGNET_OK;
}

static bool settings(const struct signet_startup *startup, struct services_console *settings) {
  *settings = (struct services_console){.version = SERVICES_CONSOLE_VERSION, .clients = 1};
  if (startup->abi_version != SIGNET_ABI_VERSION)
    return false;
  if (startup->bytes_length >= sizeof *settings)
    memcpy(settings, (const void *)(uintptr_t)startup->bytes_offset, sizeof *settings);
  else if (startup->bytes_length)
    return false;
  uint32_t more = settings->flags & SERVICES_CONSOLE_SUPERVISED ? 1 : 0;
  return settings->version == SERVICES_CONSOLE_VERSION && settings->clients >= 1 &&
         settings->clients <= SERVICES_CONSOLE_CLIENTS_MOST &&
         startup->slots >= (settings->clients + 1) * SERVICES_CONSOLE_STREAMS + more;
}

void service_main(const struct signet_startup *startup) {
  struct services_console given;
  if (!settings(startup, &given))
    refuse();
  clients = given.clients;
  prefixes = given.flags & SERVICES_CONSOLE_PREFIXES;
  uint32_t supervision =
      given.flags & SERVICES_CONSOLE_SUPERVISED ? startup->handles[(clients + 1) * SERVICES_CONSOLE_STREAMS] : 0;
  stays = supervision != 0;
  console_shared = clients > 1 || prefixes || supervision;
  for (uint32_t i = 0; i < SERVICES_CONSOLE_STREAMS; i++) {
    struct signet_result set = signet_set_create();
    if (set.status != SIGNET_OK)
      refuse();
    streams[i] = (struct stream){
        .number = i, .device = startup->handles[clients * SERVICES_CONSOLE_STREAMS + i], .set = (uint32_t)set.value};
    for (uint32_t client = 0; client < clients; client++)
      if (!join(&streams[i], startup->handles[client * SERVICES_CONSOLE_STREAMS + i]))
        refuse();
  }
  streams[READER].number = READER;
  console_input_begin(streams[0].device);
  if (supervision && signet_set_insert(streams[0].set, supervision, SUPERVISION).status != SIGNET_OK)
    refuse();
  for (uint32_t i = 1; i < SERVICES_CONSOLE_STREAMS + (console_shared ? 1 : 0); i++)
    if (!start_thread(&streams[i], startup))
      refuse();
  signet_supervised_begin(&supervised, supervision, &supervised_calls, NULL);
  service_thread(&streams[0]);
}
