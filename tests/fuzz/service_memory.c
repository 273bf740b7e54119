/* The file service in memory: its archive is a good one that the input damages, or none; its clients share one tree, in
 * which nothing below a sealed place may ever change. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/device.h>

#include "contracts/files.h"
#include "services/services.h"
#include "tests/fuzz/service_requests.h"

const unsigned fuzz_count = 12000;

#define CLIENTS 3
#define ENTRY 5
static uint32_t files;
static bool with_archive, damaged, sealed;

/* ---- The archive ---- */

static uint8_t archive[16384];
static uint32_t archive_length;

static void add(const char *name, uint32_t mode, const char *content) {
  uint32_t length = (uint32_t)strlen(content), at = archive_length;
  at += (uint32_t)sprintf((char *)archive + at, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 7u,
                          mode, 0u, 0u, 1u, 1000u, length, 0u, 0u, 0u, 0u, (unsigned)strlen(name) + 1, 0u, name) +
        1;
  while (at % 4)
    archive[at++] = 0;
  memcpy(archive + at, content, length);
  for (at += length; at % 4;)
    archive[at++] = 0;
  archive_length = at;
}

static void archive_make(uint8_t how) {
  static char large[6000];
  memset(large, 'L', sizeof large - 1);
  archive_length = 0;
  add(".", S_IFDIR | 0755, "");
  add("ro", S_IFDIR | 0755, "");
  add("ro/file", S_IFREG | 0644, "hello");
  add("ro/dir", S_IFDIR | 0700, "");
  add("ro/dir/large", S_IFREG | 0600, large);
  add("ro/out", S_IFLNK | 0777, "../w/file");
  add("w", S_IFDIR | 0755, "");
  add("w/file", S_IFREG | 0644, "changes");
  add("w/in", S_IFLNK | 0777, "/ro/file");
  add("w/around", S_IFLNK | 0777, "around");
  add("TRAILER!!!", 0, "");
  damaged = how % 8 == 7;
  for (uint32_t i = 0, count = damaged ? 1u + fuzz_byte(&kernel_input) % 8 : 0; i < count; i++) {
    /* In a header or a name, mostly. */
    uint32_t at = (uint32_t)fuzz_number(&kernel_input, 2) % archive_length;
    static const char likely[] = "0123456789abcdefF/.\0";
    uint8_t choice = fuzz_byte(&kernel_input);
    archive[at] = choice & 0x80 ? (uint8_t)likely[choice % (sizeof likely - 1)] : choice;
  }
  if (damaged && how & 8)
    archive_length = (uint32_t)fuzz_number(&kernel_input, 2) % (archive_length + 1);
}

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  (void)device;
  if (request->arguments[0] != ENTRY)
    fuzz_fail("another entry of the archive");
  if (request->operation == SIGNET_ARCHIVE_STATUS)
    return (struct signet_result){SIGNET_OK, archive_length};
  uint64_t at = request->arguments[1];
  uint32_t length = request->buffer_length;
  if (request->operation != SIGNET_ARCHIVE_READ || at > archive_length || length > archive_length - at)
    fuzz_fail("operation %u: %u bytes at %lu of an archive of %u", request->operation, length, at, archive_length);
  uint8_t choice = damaged ? fuzz_byte(&kernel_input) : 1;
  if (choice >= 0xfe)
    return (struct signet_result){SIGNET_DEVICE, EIO};
  if (choice % 8 == 0 && length > 1)
    length = 1 + choice % length;
  memcpy(kernel_buffer(request), archive + at, length);
  return (struct signet_result){SIGNET_OK, length};
}

/* ---- The peers ---- */

static void begin(void) {
  static struct {
    struct services_memory head;
    struct services_mount places[3];
  } bytes = {
      .head = {.version = SERVICES_MEMORY_VERSION, .clients = CLIENTS},
      .places = {{.flags = SERVICES_MOUNT_READ_ONLY, .path = "/ro"}, {.path = "/w"}, {.path = "/ro/dir/open"}},
  };
  uint32_t handles[CLIENTS + 1];
  uint8_t how = fuzz_byte(&kernel_input);
  kernel_on_device = on_device;
  files = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < CLIENTS; i++) {
    uint32_t client = kernel_channel(files, i + 1);
    handles[i] = kernel_give(client + 1);
    service_honest[0] = client;
  }
  handles[CLIENTS] = kernel_device(0);
  uint8_t which = how % 8; /* 0 to 4: a whole archive with sealed places */
  with_archive = which != 5;
  bytes.head.entry = with_archive ? ENTRY : SERVICES_MEMORY_NO_ENTRY;
  sealed = with_archive && which != 6;
  bytes.head.places = which == 6 ? 0 : 3;
  archive_make(how);
  service_may_refuse = damaged && with_archive;
  kernel_start(handles, CLIENTS + 1, &bytes, (uint32_t)(sizeof bytes.head + bytes.head.places * sizeof *bytes.places));
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const char *const names[] = {"/w",          "/w/file",      "/w/in",          "/w/around", "/w/new",
                                      "/w/new/deep", "/ro/file",     "/ro/new",        "/ro/out",   "/ro/dir",
                                      "/ro",         "/ro/dir/open", "/ro/dir/open/x", "/tmp",      "/tmp/link",
                                      "/new",        "../ro/dir",    "/w/in/x",        "link"};
  (void)end;
  return service_request(tag, data, least, most, names, sizeof names / sizeof *names);
}

static void heard(uint32_t end, const struct kernel_message *message) { service_answered(end, message); }

/* What is sealed stays: its content, its list, its status. */
#define FILE(number) ((number) | (uint64_t)S_IFREG << 32)
#define DIRECTORY(number) ((number) | (uint64_t)S_IFDIR << 32)
static const struct {
  uint32_t tag, file, flags;
  uint64_t offset, length;
  const char *name;
  uint32_t error;
  uint64_t value;
} steps[] = {
    {FILES_OPEN, 0, SIGNET_OPEN_READ, 0, 0, "/ro/file", 0, FILE(0)},
    {FILES_READ, 0, 0, 1, 100, NULL, 0, 4},
    {FILES_STATUS, 0, 0, 0, 0, NULL, 0, 1},
    {FILES_OPEN, 0, SIGNET_OPEN_READ, 0, 0, "/ro/dir/large", 0, FILE(1)},
    {FILES_READ_BLOCK, 1, 96, 2000, 4000, NULL, 0, 3999},
    {FILES_READ_BLOCK, 1, 97, 2000, 4000, NULL, EINVAL, 0},
    {FILES_READ, 1, 0, 5990, 4096, NULL, 0, 9},
    {FILES_OPEN, 0, SIGNET_OPEN_READ, 0, 0, "/ro", 0, DIRECTORY(2)},
    {FILES_LIST, 2, 0, 0, 4096, NULL, 0, SERVICE_ANY_VALUE},
    {FILES_LIST, 2, 0, 0, 100, NULL, 0, SERVICE_ANY_VALUE},
    {FILES_WRITE_BLOCK, 0, 0, 0, 1, NULL, EBADF, 0},
    {FILES_OPEN, 0, SIGNET_OPEN_WRITE, 0, 0, "/ro/file", EROFS, 0},
    {FILES_PERMISSIONS, 0, 0, 0, 0600, "/ro/file", EROFS, 0},
    {FILES_REMOVE, 0, 0, 0, 0, "/ro/file", EROFS, 0},
    {FILES_MAKE, 0, 0, 0, 0755, "/ro/dir/x", EROFS, 0},
    {FILES_RENAME, 0, 0, 0, 0, "/ro/file\0/new", EROFS, 0},
    {FILES_RENAME, 0, 0, 0, 0, "/ro/dir/large\0/ro/new", EROFS, 0},
    {FILES_REMOVE, 0, 1, 0, 0, "/ro/dir/open", EBUSY, 0},
    {FILES_READ_LINK, 0, 0, 0, 0, "/ro/out", 0, 9},
    {FILES_STATUS_NAME, 0, 1, 0, 0, "/ro/out", 0, 1},
    {FILES_CLOSE, 0, 0, 0, 0, NULL, 0, 0},
    {FILES_READ, 0, 0, 0, 1, NULL, EBADF, 0},
    /* When the others have done what they could: */
    {FILES_READ, 1, 0, 0, 5, NULL, 0, 5},
    {FILES_STATUS, 1, 0, 0, 0, NULL, 0, 1},
    {FILES_LIST, 2, 0, 0, 4096, NULL, 0, SERVICE_ANY_VALUE},
    {FILES_STATUS_NAME, 0, 0, 0, 0, "/ro/dir", 0, 1},
    {FILES_STATUS_NAME, 0, 0, 0, 0, "/ro/file", 0, 1},
    {FILES_OPEN, 0, SIGNET_OPEN_READ, 0, 0, "/ro/file", 0, FILE(0)},
    {FILES_READ, 0, 0, 0, 100, NULL, 0, 5},
    {FILES_READ_LINK, 0, 0, 0, 0, "/ro/out", 0, 9},
};
#define LATE 22

static uint32_t honest(uint32_t step, uint32_t *end, uint32_t *tag, uint8_t *data) {
  *end = service_honest[0];
  if (!sealed || damaged || step >= sizeof steps / sizeof *steps)
    return SERVICE_NO_STEP;
  *tag = steps[step].tag;
  return service_say(data, *tag, steps[step].file, steps[step].flags, steps[step].offset, steps[step].length,
                     steps[step].name);
}

static void honest_heard(uint32_t step, const struct kernel_message *message) {
  service_expect(step, message, steps[step].error, steps[step].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .compose = compose,
                                               .heard = heard,
                                               .honest = honest,
                                               .honest_late = LATE,
                                               .honest_heard = honest_heard};
  service_play(&target, bytes, length);
  return 0;
}
