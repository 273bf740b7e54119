/* The mock kernel: see mock.h. */
#include "tests/lib/mock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <signet/calls.h>

#include "lib/library.h"

#define AREA_LOW 0x10000000u
#define AREA_HIGH 0x38000000u
#define DEVICE_FILES 1025 /* from 1 on: as many as the real device may have open */
#define BAIL(...) (printf("Bail out! " __VA_ARGS__), printf("\n"), exit(1))

struct files_service mock_service;
char mock_directory[64];
int mock_fail_next;
bool mock_no_memory, mock_service_gone;
void (*mock_hostile)(struct service_buffer *buffer);
uint64_t mock_calls;
char mock_output[65536];
size_t mock_output_length;
struct signet_process_facts signet_facts; /* start.c is not linked */

/* ---- Memory, time, words ---- */

static struct signet_result result(enum signet_status status, uint64_t value) {
  mock_calls++;
  return (struct signet_result){status, value};
}

static bool refused(void) {
  bool now = mock_no_memory;
  mock_no_memory = false;
  return now;
}

struct signet_result signet_memory_map(uint64_t offset, uint64_t length, uint32_t protection) {
  if (offset % 4096 || length % 4096 || !length || offset < AREA_LOW || offset + length > AREA_HIGH || !protection)
    BAIL("memory_map(%lx, %lx, %u)", offset, length, protection);
  if (refused())
    return result(SIGNET_QUOTA, 0);
  void *at = mmap((void *)offset, length, PROT_READ | (protection == SIGNET_PROTECT_WRITE ? PROT_WRITE : 0),
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return result(at == (void *)offset ? SIGNET_OK : SIGNET_MEMORY, 0);
}

struct signet_result signet_memory_unmap(uint64_t offset, uint64_t length) {
  if (offset % 4096 || length % 4096 || offset < AREA_LOW || offset + length > AREA_HIGH)
    BAIL("memory_unmap(%lx, %lx)", offset, length);
  munmap((void *)offset, length);
  return result(SIGNET_OK, 0);
}

struct signet_result signet_memory_protect(uint64_t offset, uint64_t length, uint32_t protection) {
  if (offset < AREA_LOW || offset + length > AREA_HIGH)
    return result(SIGNET_ADDRESS, 0);
  int bits = protection == SIGNET_PROTECT_WRITE ? PROT_READ | PROT_WRITE : protection ? PROT_READ : PROT_NONE;
  return result(mprotect((void *)offset, length, bits) == 0 ? SIGNET_OK : SIGNET_ADDRESS, 0);
}

struct signet_result signet_clock_read(uint32_t clock) {
  static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID};
  struct timespec now;
  clock_gettime(clocks[clock], &now);
  return result(SIGNET_OK, now.tv_sec * NANOSECONDS + now.tv_nsec);
}

struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  struct timespec until = {deadline / NANOSECONDS, deadline % NANOSECONDS};
  long error = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                       deadline == SIGNET_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
  if (error == 0)
    return result(SIGNET_OK, 0);
  return result(errno == EAGAIN ? SIGNET_AGAIN : errno == ETIMEDOUT ? SIGNET_TIMEOUT : SIGNET_INTERRUPTED, 0);
}

struct signet_result signet_word_wake(volatile void *word, uint32_t most) {
  return result(SIGNET_OK,
                syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most > INT32_MAX ? INT32_MAX : most));
}

struct signet_result signet_random_fill(void *bytes, uint64_t length) {
  return length > 1 << 20 || getrandom(bytes, length, 0) < 0 ? result(SIGNET_ARGUMENT, 0) : result(SIGNET_OK, 0);
}

struct signet_result signet_process_usage(struct signet_usage *usage) {
  memset(usage, 0, sizeof *usage);
  usage->limit.memory = 1 << 30;
  return result(SIGNET_OK, 0);
}

struct signet_result signet_thread_yield(void) {
  return result(SIGNET_OK, 0);
}
struct signet_result signet_event_listen(void (*entry)(uint64_t)) {
  return result(entry ? SIGNET_OK : SIGNET_ARGUMENT, 0);
}
void signet_event_return(void) { BAIL("event_return"); }
void signet_process_exit(uint32_t kind, uint32_t code) { BAIL("process_exit(%u, %u)", kind, code); }
void signet_thread_exit(uint32_t *clear) { BAIL("thread_exit(%p)", (void *)clear); }
void signet_thread_entry(void *start) { BAIL("thread_entry(%p)", start); }
void signet_leave_on(void *top, void *base, size_t length, uint32_t *clear) {
  BAIL("leave_on(%p, %p, %zu, %p)", top, base, length, (void *)clear);
}
struct signet_result signet_thread_create(void (*entry)(void *), void *stack, void *argument, void *thread_pointer) {
  (void)entry, (void)stack, (void)argument, (void)thread_pointer;
  return result(SIGNET_QUOTA, 0);
}

/* ---- Blocks ---- */

static struct {
  void *bytes;
  uint32_t length;
} blocks[64];

struct signet_result signet_block_allocate(uint64_t length) {
  if (refused())
    return result(SIGNET_QUOTA, 0);
  for (uint32_t i = 1; i < 64; i++) {
    if (blocks[i].bytes)
      continue;
    blocks[i].length = (length + 4095) & ~4095ul;
    blocks[i].bytes =
        mmap(NULL, blocks[i].length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    return result(SIGNET_OK, (uint64_t)(uintptr_t)blocks[i].bytes << 32 | (0x100 + i));
  }
  return result(SIGNET_QUOTA, 0);
}

struct signet_result signet_handle_close(uint32_t handle) {
  if (handle > 0x100 && handle < 0x140) {
    munmap(blocks[handle - 0x100].bytes, blocks[handle - 0x100].length);
    blocks[handle - 0x100].bytes = NULL;
  }
  return result(SIGNET_OK, 0);
}

/* ---- Channels: client i's endpoint is 10 + i; streams are 1, 2, 3 ---- */

static uint32_t state_after(const struct signet_message *message, uint32_t state, bool to_client) {
  const struct signet_contract_message *row = &files_contract.messages[message->tag];
  if (message->tag >= FILES_MESSAGE_COUNT || row->to_client != to_client || message->length < row->length_least ||
      message->length > row->length_most || message->moved_count != row->moved_count || message->reserved)
    return SIGNET_CONTRACT_REFUSED;
  return files_contract.next[state][message->tag];
}

static void serve_stream(struct service_buffer *buffer) {
  struct files_request request;
  memcpy(&request, buffer->data, sizeof request);
  size_t length = 0;
  const uint8_t *bytes = buffer->data + FILES_REQUEST;
  switch (buffer->message.tag) {
  case FILES_STREAM_WRITE:
    length = buffer->message.length - FILES_REQUEST;
    break;
  case FILES_STREAM_WRITE_BLOCK:
    length = request.length;
    bytes = (void *)(uintptr_t)buffer->message.moved[0].offset;
    break;
  case FILES_STREAM_STATUS:
    memset(buffer->data + FILES_ANSWER, 0, sizeof(struct signet_file_status));
    service_answer(buffer, 0, SIGNET_STREAM_IS_PIPE, sizeof(struct signet_file_status));
    return;
  case FILES_STREAM_READ:
    service_answer(buffer, 0, 0, 0);
    return;
  default:
    service_answer(buffer, ENOSYS, 0, 0);
    return;
  }
  if (length > sizeof mock_output - mock_output_length)
    length = sizeof mock_output - mock_output_length;
  memcpy(mock_output + mock_output_length, bytes, length);
  mock_output_length += length;
  service_answer(buffer, 0, length, 0);
}

struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline) {
  static struct service_buffer buffer;
  (void)deadline;
  if (mock_service_gone)
    return result(SIGNET_CLOSED, 0);
  uint32_t state = state_after(message, FILES_STATE_REQUEST, false);
  if (state == SIGNET_CONTRACT_REFUSED)
    BAIL("the library broke the contract: tag %u length %u moved %u", message->tag, message->length,
         message->moved_count);
  memset(&buffer, 0xa5, sizeof buffer);
  memcpy(&buffer, message, SIGNET_MESSAGE_DATA + message->length);
  if (message->moved_count) {
    uint32_t block = message->moved[0].handle - 0x100;
    if (block >= 64 || !blocks[block].bytes)
      BAIL("a block that is none was sent");
    buffer.message.moved[0].kind = SIGNET_KIND_BLOCK;
    buffer.message.moved[0].offset = (uint32_t)(uintptr_t)blocks[block].bytes;
    buffer.message.moved[0].length = blocks[block].length;
  }
  if (mock_hostile)
    mock_hostile(&buffer);
  else if (endpoint < 10)
    serve_stream(&buffer);
  else
    files_serve(&mock_service, &mock_service.clients[endpoint - 10], &buffer);
  if (!mock_hostile && state_after(&buffer.message, state, true) != FILES_STATE_REQUEST)
    BAIL("the service broke the contract: tag %u length %u", buffer.message.tag, buffer.message.length);
  if (SIGNET_MESSAGE_DATA + buffer.message.length > capacity)
    return result(SIGNET_CAPACITY, SIGNET_MESSAGE_DATA + buffer.message.length);
  memcpy(reply, &buffer, SIGNET_MESSAGE_DATA + buffer.message.length);
  return result(SIGNET_OK, 0);
}

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  (void)endpoints, (void)count, (void)message, (void)capacity, (void)deadline;
  return result(SIGNET_CLOSED, 0);
}

/* ---- Devices: 30 is the tree "open", 31 "closed" (read-only to its client), 32 "open/deep" ---- */

static int device_files[DEVICE_FILES];
static int roots[3];

int mock_open_files(void) {
  int count = 0;
  for (int i = 0; i < DEVICE_FILES; i++)
    count += device_files[i] > 0;
  return count;
}

/* What the service must never let through. */
static void watch(uint32_t device, const struct signet_device_request *request, const char *text, const char *text2) {
  bool changes = (request->operation >= SIGNET_DIRECTORY_TRUNCATE && request->operation != SIGNET_DIRECTORY_READ_LINK &&
                  request->operation != SIGNET_DIRECTORY_SYNC) ||
                 request->operation == SIGNET_DIRECTORY_WRITE ||
                 (request->operation == SIGNET_DIRECTORY_OPEN &&
                  (request->arguments[0] & ~(SIGNET_OPEN_READ | SIGNET_OPEN_DIRECTORY | SIGNET_OPEN_NO_FOLLOW)));
  if (device == 31 && changes)
    BAIL("operation %u on a read-only mount", request->operation);
  const char *names[] = {text, text2};
  for (int i = 0; i < 2; i++) {
    if (i == 0 && request->operation == SIGNET_DIRECTORY_LINK)
      continue; /* the target is free text */
    char around[4200];
    snprintf(around, sizeof around, "/%s/", names[i]);
    if (names[i][0] == '/' || strstr(around, "/../") || strstr(around, "/./"))
      BAIL("the device got the name %s", names[i]);
  }
  uint64_t low = request->buffer_offset, high = low + request->buffer_length;
  for (int i = 1; i < 64; i++)
    if (blocks[i].bytes && low >= (uintptr_t)blocks[i].bytes && low < (uintptr_t)blocks[i].bytes + blocks[i].length &&
        high > (uintptr_t)blocks[i].bytes + blocks[i].length)
      BAIL("past the end of a block");
  if (request->buffer_length > FILES_BLOCK_MOST)
    BAIL("a buffer of %u bytes", request->buffer_length);
}

static struct signet_result answer(long value) {
  return value < 0 ? result(SIGNET_DEVICE, errno) : result(SIGNET_OK, value);
}

static struct signet_result status_answer(void *buffer, int failed, const struct stat *host) {
  if (failed)
    return answer(-1);
  struct signet_file_status status = {.inode = host->st_ino, .mode = host->st_mode, .size = host->st_size, .links = 1};
  memcpy(buffer, &status, sizeof status);
  return answer(0);
}

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  char text[4097] = "", text2[4097] = "";
  void *buffer = (void *)(uintptr_t)request->buffer_offset;
  const uint64_t *argument = request->arguments;
  if (device < 30 || device > 32 || request->reserved || request->text_length > 4096 || request->text2_length > 4096)
    BAIL("device_request(%u)", device);
  if (request->text_length)
    memcpy(text, (void *)(uintptr_t)request->text_offset, request->text_length);
  if (request->text2_length)
    memcpy(text2, (void *)(uintptr_t)request->text2_offset, request->text2_length);
  watch(device, request, text, text2);
  if (mock_fail_next && request->operation != SIGNET_DIRECTORY_CLOSE) {
    errno = mock_fail_next;
    mock_fail_next = 0;
    return answer(-1);
  }
  int root = roots[device - 30], file = 0;
  struct stat host;
  const char *name = *text ? text : ".";
  if (request->operation >= SIGNET_DIRECTORY_CLOSE && request->operation <= SIGNET_DIRECTORY_SYNC &&
      request->operation != SIGNET_DIRECTORY_STATUS_NAME) {
    if (argument[0] >= DEVICE_FILES || device_files[argument[0]] <= 0)
      BAIL("operation %u on file %lu, which is not open", request->operation, argument[0]);
    file = device_files[argument[0]];
  }
  switch (request->operation) {
  case SIGNET_DIRECTORY_OPEN: {
    int flags = argument[0] & SIGNET_OPEN_WRITE ? argument[0] & SIGNET_OPEN_READ ? O_RDWR : O_WRONLY : O_RDONLY;
    flags |= (argument[0] & SIGNET_OPEN_CREATE ? O_CREAT : 0) | (argument[0] & SIGNET_OPEN_EXCLUSIVE ? O_EXCL : 0) |
             (argument[0] & SIGNET_OPEN_TRUNCATE ? O_TRUNC : 0) | (argument[0] & SIGNET_OPEN_APPEND ? O_APPEND : 0) |
             (argument[0] & SIGNET_OPEN_DIRECTORY ? O_DIRECTORY : 0) |
             (argument[0] & SIGNET_OPEN_NO_FOLLOW ? O_NOFOLLOW : 0);
    int descriptor = openat(root, name, flags | O_NONBLOCK, argument[1]);
    if (descriptor < 0)
      return answer(-1);
    for (int i = 1; i < DEVICE_FILES; i++)
      if (device_files[i] == 0) {
        device_files[i] = descriptor;
        return answer(i);
      }
    BAIL("the device is full");
  }
  case SIGNET_DIRECTORY_CLOSE:
    device_files[argument[0]] = 0;
    return answer(close(file));
  case SIGNET_DIRECTORY_READ:
    return answer(pread(file, buffer, request->buffer_length, argument[1]));
  case SIGNET_DIRECTORY_WRITE:
    return answer(pwrite(file, buffer, request->buffer_length, argument[1]));
  case SIGNET_DIRECTORY_LIST:
    if (lseek(file, argument[1], SEEK_SET) < 0)
      return answer(-1);
    return answer(syscall(SYS_getdents64, file, buffer, request->buffer_length));
  case SIGNET_DIRECTORY_STATUS:
    return status_answer(buffer, fstat(file, &host), &host);
  case SIGNET_DIRECTORY_STATUS_NAME:
    return status_answer(buffer, fstatat(root, name, &host, argument[0] ? AT_SYMLINK_NOFOLLOW : 0), &host);
  case SIGNET_DIRECTORY_TRUNCATE:
    return answer(argument[1] > 1 << 30 ? (errno = EFBIG, -1) : ftruncate(file, argument[1]));
  case SIGNET_DIRECTORY_SYNC:
    return answer(0);
  case SIGNET_DIRECTORY_MAKE:
    return answer(mkdirat(root, name, argument[0]));
  case SIGNET_DIRECTORY_REMOVE:
    return answer(unlinkat(root, name, argument[0] ? AT_REMOVEDIR : 0));
  case SIGNET_DIRECTORY_RENAME:
    return answer(renameat(root, name, root, text2));
  case SIGNET_DIRECTORY_LINK:
    return answer(symlinkat(text, root, text2));
  case SIGNET_DIRECTORY_READ_LINK:
    return answer(readlinkat(root, name, buffer, request->buffer_length));
  case SIGNET_DIRECTORY_PERMISSIONS:
  case SIGNET_DIRECTORY_TIMES:
    return answer(0);
  }
  return result(SIGNET_UNSUPPORTED, 0);
}

/* ---- The whole ---- */

static struct {
  struct services_files head;
  struct services_mount mounts[3];
} startup_bytes;

void mock_begin(uint32_t clients) {
  static struct signet_startup startup, library_startup;
  static bool library_begun;
  strcpy(mock_directory, "/tmp/signet-mock-XXXXXX");
  if (!mkdtemp(mock_directory))
    BAIL("mkdtemp");
  int top = open(mock_directory, O_RDONLY | O_DIRECTORY);
  mkdirat(top, "open", 0755);
  mkdirat(top, "closed", 0755);
  mkdirat(top, "deep", 0755);
  close(openat(top, "closed/secret", O_CREAT | O_WRONLY, 0644));
  roots[0] = openat(top, "open", O_RDONLY | O_DIRECTORY);
  roots[1] = openat(top, "closed", O_RDONLY | O_DIRECTORY);
  roots[2] = openat(top, "deep", O_RDONLY | O_DIRECTORY);
  close(top);
  memset(&startup_bytes, 0, sizeof startup_bytes);
  startup_bytes.head = (struct services_files){SERVICES_FILES_VERSION, clients, 3, 0};
  static const char *const paths[] = {"/w", "/ro", "/deep/er"};
  startup = (struct signet_startup){.abi_version = SIGNET_ABI_VERSION,
                                    .slots = clients + 3,
                                    .area_low = 0x30000000,
                                    .area_high = AREA_HIGH,
                                    .bytes_offset = (uint32_t)(uintptr_t)&startup_bytes,
                                    .bytes_length = sizeof startup_bytes};
  for (uint32_t i = 0; i < clients; i++)
    startup.handles[i] = 10 + i;
  for (uint32_t i = 0; i < 3; i++) {
    startup_bytes.mounts[i].slot = clients + i;
    startup_bytes.mounts[i].flags = i == 1 ? SERVICES_MOUNT_READ_ONLY : 0;
    strcpy(startup_bytes.mounts[i].path, paths[i]);
    startup.handles[clients + i] = 30 + i;
  }
  memset(&mock_service, 0, sizeof mock_service);
  if (!files_begin(&mock_service, &startup))
    BAIL("the file service refused its start-up bytes");
  mock_output_length = 0;
  if (library_begun)
    return;
  library_begun = true;
  library_startup = (struct signet_startup){.abi_version = SIGNET_ABI_VERSION, .stack_low = 0, .stack_high = 8 << 20};
  for (uint32_t i = 0; i < 3; i++)
    signet_channels[i].endpoint = 1 + i;
  signet_channels[SIGNET_SLOT_FILES].endpoint = 10;
  signet_facts = (struct signet_process_facts){&library_startup, "mock", "/w", 4711, true};
  signet_memory_begin(AREA_LOW, 0x30000000);
}

void mock_end(void) {
  char command[100];
  for (uint32_t i = 0; i < mock_service.client_count; i++)
    files_forget(&mock_service, &mock_service.clients[i]);
  ok(mock_open_files() == 0, "no file of a client that is gone stays open");
  for (int i = 0; i < 3; i++)
    close(roots[i]);
  snprintf(command, sizeof command, "rm -rf %s", mock_directory);
  if (system(command) != 0)
    BAIL("rm");
}

struct signet_result signet_floating_point_control(uint32_t mxcsr, uint32_t x87) {
  (void)x87;
  __builtin_ia32_ldmxcsr(mxcsr);
  return (struct signet_result){SIGNET_OK, 0};
}
