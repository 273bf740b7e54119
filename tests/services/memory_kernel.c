/* The kernel, a client and archives for the tests of the file service in memory: see memory_kernel.h. */
#include "tests/services/memory_kernel.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <signet/calls.h>

#include "lib/heap.c" /* whose state begins anew with each service */

/* ---- The kernel ---- */

uint64_t memory_left = UINT64_MAX, memory_next;
bool map_fails;
const uint8_t *archive_bytes;
uint64_t archive_length, archive_reads, archive_fails_at;
static uint64_t now = 1000;

struct signet_result signet_memory_map(uint64_t offset, uint64_t length, uint32_t protection) {
  if (offset != memory_next || length % 4096 || !length || offset + length > AREA_HIGH ||
      protection != SIGNET_PROTECT_WRITE)
    BAIL("memory_map(%lx, %lx, %u)", offset, length, protection);
  if (map_fails || memory_left < length)
    return (struct signet_result){SIGNET_QUOTA, 0};
  memory_left -= length;
  memory_next += length;
  if (mmap((void *)offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
      MAP_FAILED)
    BAIL("no memory");
  return (struct signet_result){SIGNET_OK, 0};
}

struct signet_result signet_clock_read(uint32_t clock) {
  if (clock != SIGNET_CLOCK_REALTIME)
    BAIL("clock %u", clock);
  return (struct signet_result){SIGNET_OK, ++now};
}

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  if (device != 0x77 || request->arguments[0] != 5)
    return (struct signet_result){SIGNET_HANDLE, 0};
  if (request->operation == SIGNET_ARCHIVE_STATUS)
    return archive_bytes ? (struct signet_result){SIGNET_OK, archive_length} : (struct signet_result){SIGNET_DEVICE, 2};
  if (request->operation != SIGNET_ARCHIVE_READ || request->arguments[1] >= archive_length)
    BAIL("the archive is read at %lu of %lu", request->arguments[1], archive_length);
  if (++archive_reads == archive_fails_at)
    return (struct signet_result){SIGNET_DEVICE, 5};
  uint64_t part = archive_length - request->arguments[1];
  if (request->buffer_length > part)
    BAIL("%u bytes are read where %lu are", request->buffer_length, part);
  part = request->buffer_length < 65536 ? request->buffer_length : 65536;
  memcpy((void *)(uintptr_t)request->buffer_offset, archive_bytes + request->arguments[1], part);
  return (struct signet_result){SIGNET_OK, part};
}

struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  BAIL("word_wait(%p, %u, %lu)", (void *)(uintptr_t)word, expected, deadline);
}
struct signet_result signet_word_wake(volatile void *word, uint32_t most) {
  BAIL("word_wake(%p, %u)", (void *)(uintptr_t)word, most);
}

/* ---- The service ---- */

struct memory_service service;
struct service_buffer buffer;
uint8_t block[FILES_BLOCK_MOST + 4096] __attribute__((aligned(4096)));
struct startup_bytes bytes;

void memory_anew(void) {
  memory_next = AREA_LOW;
  munmap((void *)(uintptr_t)AREA_LOW, AREA_HIGH - AREA_LOW);
  memset(heap_free, 0, sizeof heap_free);
  heap_next = heap_end = 0;
}

uint32_t begin(uint32_t clients, uint32_t places) {
  struct signet_startup startup = {.abi_version = SIGNET_ABI_VERSION,
                                   .slots = clients + 1,
                                   .area_low = AREA_LOW,
                                   .area_high = AREA_HIGH,
                                   .bytes_offset = (uint32_t)(uintptr_t)&bytes,
                                   .bytes_length = (uint32_t)(sizeof bytes.head + places * sizeof bytes.place[0])};
  startup.handles[clients] = 0x77;
  bytes.head.version = SERVICES_MEMORY_VERSION;
  bytes.head.clients = clients;
  bytes.head.entry = archive_bytes ? 5 : SERVICES_MEMORY_NO_ENTRY;
  bytes.head.places = places;
  for (uint32_t i = 0; i < clients; i++)
    if (service.clients[i].open)
      service.clients[i].open = NULL;
  memory_anew();
  return memory_begin(&service, &startup);
}

uint32_t ask_bytes(uint32_t client, uint32_t tag, struct files_request request, const void *text, size_t length,
                   uint64_t *value) {
  memset(&buffer, 0x5a, sizeof buffer);
  bool moves = tag == FILES_READ_BLOCK || tag == FILES_WRITE_BLOCK || tag == FILES_STREAM_READ_BLOCK ||
               tag == FILES_STREAM_WRITE_BLOCK;
  buffer.message =
      (struct signet_message){.tag = tag, .length = (uint32_t)(FILES_REQUEST + length), .moved_count = moves};
  if (moves)
    buffer.message.moved[0] =
        (struct signet_moved){0x155, SIGNET_KIND_BLOCK, (uint32_t)(uintptr_t)block, FILES_BLOCK_MOST};
  memcpy(buffer.data, &request, sizeof request);
  if (length)
    memcpy(buffer.data + FILES_REQUEST, text, length);
  memory_serve(&service, &service.clients[client], &buffer);
  struct files_answer answer;
  memcpy(&answer, buffer.data, sizeof answer);
  if (buffer.message.tag != (moves ? FILES_ANSWERED_BLOCK : FILES_ANSWERED) || buffer.message.length < FILES_ANSWER ||
      buffer.message.length > FILES_ANSWER + FILES_INLINE_MOST || buffer.message.moved_count != moves ||
      (moves && (buffer.message.moved[0].handle != 0x155 || buffer.message.length != FILES_ANSWER)) || answer.reserved)
    ok(false, "an answer to tag %u that the contract forbids", tag);
  if (value)
    *value = answer.value;
  return answer.error;
}

uint32_t ask(uint32_t tag, struct files_request request, const char *name, uint64_t *value) {
  return ask_bytes(0, tag, request, name, name ? strlen(name) + 1 : 0, value);
}

uint32_t open_file(const char *name, uint32_t flags, uint64_t *value) {
  return ask(FILES_OPEN, (struct files_request){.flags = flags, .length = 0644}, name, value);
}

uint32_t ask_two(uint32_t tag, const char *first, const char *second) {
  char text[600];
  size_t length = strlen(first) + 1;
  memcpy(text, first, length);
  strcpy(text + length, second);
  return ask_bytes(0, tag, (struct files_request){0}, text, length + strlen(second) + 1, NULL);
}

const void *answered(void) { return buffer.data + FILES_ANSWER; }

/* ---- Archives ---- */

struct made_archive made;

static void cpio_fill(void) {
  while (made.length % 4)
    made.bytes[made.length++] = 0;
}

uint64_t cpio_add(const char *name, uint32_t mode, uint32_t time, const void *content, uint32_t length) {
  uint64_t at = made.length;
  made.length +=
      (uint64_t)sprintf((char *)made.bytes + made.length, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
                        7u, mode, 0u, 0u, 1u, time, length, 0u, 0u, 0u, 0u, (unsigned)strlen(name) + 1, 0u);
  strcpy((char *)made.bytes + made.length, name);
  made.length += strlen(name) + 1;
  cpio_fill();
  if (length)
    memcpy(made.bytes + made.length, content, length);
  made.length += length;
  cpio_fill();
  return at;
}

void cpio_begin(void) { memset(&made, 0, sizeof made); }
void cpio_end(void) {
  cpio_add("TRAILER!!!", 0, 0, NULL, 0);
  archive_bytes = made.bytes;
  archive_length = made.length;
  archive_reads = archive_fails_at = 0;
}

uint8_t content[100000];

void cpio_good(void) {
  for (size_t i = 0; i < sizeof content; i++)
    content[i] = (uint8_t)(i * 11 + i / 253);
  cpio_begin();
  cpio_add(".", S_IFDIR | 0751, 1000, NULL, 0);
  cpio_add("ro", S_IFDIR | 0755, 2000, NULL, 0);
  cpio_add("ro/file", S_IFREG | 04755, 3000, "hello", 5);
  cpio_add("ro/dir", S_IFDIR | 0700, 4000, NULL, 0);
  cpio_add("ro/dir/deep", S_IFREG | 0600, 5000, content, sizeof content);
  cpio_add("ro/out", S_IFLNK | 0777, 6000, "../w/file", 9);
  cpio_add("w", S_IFDIR | 0755, 7000, NULL, 0);
  cpio_add("w/file", S_IFREG | 0644, 8000, content, 20000);
  cpio_add("w/in", S_IFLNK | 0640, 9000, "/ro/file", 8);
  cpio_add("w/indir", S_IFLNK | 0777, 9000, "../ro/dir", 9);
  cpio_add("w/empty", S_IFREG | 0400, 0, NULL, 0);
  cpio_end();
}

void places_good(void) {
  memset(&bytes, 0, sizeof bytes);
  bytes.place[0] = (struct services_mount){.flags = SERVICES_MOUNT_READ_ONLY, .path = "/ro"};
  bytes.place[1] = (struct services_mount){.path = "/w"};
  bytes.place[2] = (struct services_mount){.path = "/ro/dir/open"};
}

bool read_all(const char *name, const uint8_t *expected, uint64_t length) {
  uint64_t file, value;
  if (open_file(name, SIGNET_OPEN_READ, &file))
    return false;
  uint32_t number = (uint32_t)file;
  bool same =
      !ask(FILES_READ_BLOCK, (struct files_request){.file = number, .length = FILES_BLOCK_MOST}, NULL, &value) &&
      value == length && memcmp(block, expected, length) == 0;
  for (uint64_t at = 0; same && at < length; at += value) {
    same = !ask(FILES_READ, (struct files_request){.file = number, .offset = at, .length = UINT32_MAX}, NULL, &value) &&
           value && value <= FILES_INLINE_MOST && memcmp(answered(), expected + at, value) == 0;
    if (!same)
      break;
  }
  return !ask(FILES_CLOSE, (struct files_request){.file = number}, NULL, NULL) && same;
}

struct signet_file_status status_of(const char *name, bool no_follow, uint64_t *read_only) {
  struct signet_file_status status = {0};
  if (!ask(FILES_STATUS_NAME, (struct files_request){.flags = no_follow}, name, read_only))
    memcpy(&status, answered(), sizeof status);
  return status;
}
