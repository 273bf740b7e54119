/* The file service over directories that answer as they like; who may reach what is checked where it asks them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "contracts/files.h"
#include "contracts/supervision.h"
#include "services/services.h"
#include "tests/fuzz/service_requests.h"

const unsigned fuzz_count = 20000;

#define CLIENTS 3
#define DEVICES 3 /* the second is read-only to all */
#define DEVICE_FILES 64
#define HONEST "honest"
static uint32_t files, supervision;
static bool whole; /* "/" is a directory too: then the honest client, who looks above, is not there */

/* ---- The directories ---- */

static struct {
  uint32_t client; /* end that opened it; 0: it is not open */
  bool writable;
} opened[DEVICES][DEVICE_FILES];

static struct signet_result ok(uint64_t value) { return (struct signet_result){SIGNET_OK, value}; }
static struct signet_result fails(uint64_t number) { return (struct signet_result){SIGNET_DEVICE, number}; }

/* Relative, and no way out; "" is the tree itself. */
static void inside(uint32_t offset, uint32_t length) {
  const char *text = (const char *)(uintptr_t)offset;
  for (uint32_t i = 0, part = 0; i <= length; i++) {
    if (i < length && !text[i])
      fuzz_fail("a name with a NUL");
    if (i < length && text[i] != '/')
      continue;
    uint32_t size = i - part;
    if ((length && !size) || (size == 1 && text[part] == '.') ||
        (size == 2 && text[part] == '.' && text[part + 1] == '.'))
      fuzz_fail("the device is asked for \"%.*s\"", (int)length, text);
    part = i + 1;
  }
}

static bool changes(const struct signet_device_request *request) {
  switch (request->operation) {
  case SIGNET_DIRECTORY_OPEN:
    return request->arguments[0] & (SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_TRUNCATE | SIGNET_OPEN_APPEND);
  case SIGNET_DIRECTORY_WRITE:
  case SIGNET_DIRECTORY_TRUNCATE:
  case SIGNET_DIRECTORY_MAKE:
  case SIGNET_DIRECTORY_REMOVE:
  case SIGNET_DIRECTORY_RENAME:
  case SIGNET_DIRECTORY_LINK:
  case SIGNET_DIRECTORY_PERMISSIONS:
  case SIGNET_DIRECTORY_TIMES:
    return true;
  }
  return false;
}

static struct signet_result open_one(uint32_t device, const struct signet_device_request *request, bool honest) {
  uint32_t from = honest ? 0 : 1, to = honest ? 1 : DEVICE_FILES;
  for (uint32_t i = from; i < to; i++)
    if (!opened[device][i].client) {
      opened[device][i].client = kernel_served;
      opened[device][i].writable = request->arguments[0] & SIGNET_OPEN_WRITE;
      return ok(i);
    }
  return fails(ENFILE);
}

static void fill(const struct signet_device_request *request, uint32_t length, uint64_t number) {
  memset(kernel_buffer(request), 'A' + (int)number % 26, length);
}

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  static const uint64_t errors[] = {ENOENT, EIO, ENOSPC, ELOOP, 4095, 4096, 0, UINT64_MAX};
  bool honest = kernel_served == service_honest[0];
  uint8_t choice = honest ? 1 : fuzz_byte(&kernel_input);
  uint64_t first = request->arguments[0];
  uint32_t size = request->buffer_length, operation = request->operation;
  bool of_file = (operation >= SIGNET_DIRECTORY_CLOSE && operation <= SIGNET_DIRECTORY_SYNC &&
                  operation != SIGNET_DIRECTORY_STATUS_NAME);
  if (device == 1 && changes(request))
    fuzz_fail("operation %u on a read-only directory", operation);
  if (operation != SIGNET_DIRECTORY_LINK)
    inside(request->text_offset, request->text_length);
  inside(request->text2_offset, request->text2_length);
  if (of_file) {
    if (first >= DEVICE_FILES || !opened[device][first].client)
      fuzz_fail("operation %u on the file %lu, which is not open", operation, first);
    uint32_t owner = opened[device][first].client;
    if (operation == SIGNET_DIRECTORY_CLOSE
            ? owner != kernel_served && !kernel_ends[owner].closed && kernel_served != (service_supervisor)
            : owner != kernel_served)
      fuzz_fail("operation %u on another client's file", operation);
  }
  if (operation == SIGNET_DIRECTORY_CLOSE)
    opened[device][first].client = 0;
  if (choice >= 0xe8)
    return choice >= 0xfa   ? (struct signet_result){SIGNET_INTERRUPTED, 0}
           : choice >= 0xf8 ? (struct signet_result){SIGNET_STATE, 0}
                            : fails(errors[choice % 8]);
  switch (operation) {
  case SIGNET_DIRECTORY_OPEN:
    return open_one(device, request, honest);
  case SIGNET_DIRECTORY_READ:
  case SIGNET_DIRECTORY_LIST:
  case SIGNET_DIRECTORY_READ_LINK:
    size = choice & 1 || choice > size ? size : choice;
    fill(request, size, first);
    return ok(size);
  case SIGNET_DIRECTORY_WRITE:
    return ok(choice & 1 || choice > size ? size : choice);
  case SIGNET_DIRECTORY_STATUS:
  case SIGNET_DIRECTORY_STATUS_NAME: {
    struct signet_file_status status = {.mode = choice & 2 ? S_IFDIR | 0700 : S_IFREG | 0600, .size = first};
    if (size != sizeof status)
      fuzz_fail("a status into %u bytes", size);
    memcpy(kernel_buffer(request), &status, size);
    return ok(0);
  }
  case SIGNET_DIRECTORY_CLOSE:
  case SIGNET_DIRECTORY_TRUNCATE ... SIGNET_DIRECTORY_LINK:
  case SIGNET_DIRECTORY_PERMISSIONS:
  case SIGNET_DIRECTORY_TIMES:
    return ok(0);
  }
  fuzz_fail("operation %u on a directory", operation);
}

/* ---- The peers ---- */

static void begin(void) {
  static struct {
    struct services_files head;
    struct services_mount mounts[5];
  } bytes = {
      .head = {.version = SERVICES_FILES_VERSION, .clients = CLIENTS, .flags = SERVICES_FILES_SUPERVISED},
      .mounts = {{.slot = CLIENTS + 1, .path = "/w"},
                 {.slot = CLIENTS + 2, .flags = SERVICES_MOUNT_READ_ONLY, .path = "/w/ro"},
                 {.slot = CLIENTS + 3, .path = "/deep/er/still"},
                 {.slot = CLIENTS + 1, .path = "/deep/other"},
                 {.slot = CLIENTS + 2, .flags = SERVICES_MOUNT_READ_ONLY, .path = "/"}},
  };
  uint32_t handles[CLIENTS + 1 + DEVICES];
  memset(opened, 0, sizeof opened);
  kernel_on_device = on_device;
  files = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < CLIENTS; i++) {
    uint32_t client = kernel_channel(files, i + 1);
    handles[i] = kernel_give(client + 1);
    service_honest[0] = client;
  }
  uint32_t client = kernel_channel(supervision, 0);
  handles[CLIENTS] = kernel_give(client);
  service_supervisor = client + 1;
  for (uint32_t i = 0; i < DEVICES; i++)
    handles[CLIENTS + 1 + i] = kernel_device(i);
  whole = fuzz_byte(&kernel_input) & 1;
  bytes.head.mounts = whole ? 5 : 4;
  kernel_start(handles, CLIENTS + 1 + DEVICES, &bytes,
               (uint32_t)sizeof bytes.head + bytes.head.mounts * (uint32_t)sizeof *bytes.mounts);
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const char *const names[] = {"/w",
                                      "/w/a",
                                      "/w/a/b",
                                      "/w/ro",
                                      "/w/ro/x",
                                      "/w/rox",
                                      "/deep",
                                      "/deep/er",
                                      "/deep/er/still",
                                      "/deep/er/still/x",
                                      "/deep/other/x",
                                      "/wide",
                                      "/deep/erstill",
                                      "/w/../w/ro/../ro/x",
                                      "/w/ro/../x",
                                      "/etc/passwd"};
  if (kernel_ends[end].contract != files)
    return 0;
  return service_request(tag, data, least, most, names, sizeof names / sizeof *names);
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (kernel_ends[end].contract == files)
    service_answered(end, message);
}

#define FILE(number) ((number) | (uint64_t)S_IFREG << 32)
#define DIRECTORY(number) ((number) | (uint64_t)S_IFDIR << 32)
static const struct {
  uint32_t tag, file, flags;
  uint64_t offset, length;
  const char *name;
  uint32_t error;
  uint64_t value;
} steps[] = {
    {FILES_OPEN, 0, SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, 0, 0644, "/w/" HONEST, 0, FILE(0)},
    {FILES_READ, 0, 0, 7, 100, NULL, 0, 100},
    {FILES_READ_BLOCK, 0, 16, 7, 4000, NULL, 0, 4000},
    {FILES_READ_BLOCK, 0, 97, 7, 4000, NULL, EINVAL, 0},
    {FILES_WRITE_BLOCK, 0, 0, 7, 4096, NULL, 0, 4096},
    {FILES_WRITE_BLOCK, 0, 0, 7, 4097, NULL, EINVAL, 0},
    {FILES_STATUS, 0, 0, 0, 0, NULL, 0, 0},
    {FILES_STATUS, 1, 0, 0, 0, NULL, EBADF, 0},
    {FILES_OPEN, 0, SIGNET_OPEN_WRITE, 0, 0, "/w/ro/x", EROFS, 0},
    {FILES_OPEN, 0, SIGNET_OPEN_READ, 0, 0, "/deep", 0, DIRECTORY(1)},
    {FILES_LIST, 1, 0, 0, 4096, NULL, 0, SERVICE_ANY_VALUE},
    {FILES_RENAME, 0, 0, 0, 0, "/w/x\0/deep/er/still/x", EXDEV, 0},
    {FILES_RENAME, 0, 0, 0, 0, "/w/ro/x\0/w/ro/y", EROFS, 0},
    {FILES_LINK, 0, 0, 0, 0, "/w/x\0/w/ro/y", EROFS, 0},
    {FILES_CLOSE, 0, 0, 0, 0, NULL, 0, 0},
    {FILES_READ, 0, 0, 0, 10, NULL, EBADF, 0},
    {FILES_STATUS_NAME, 0, 0, 0, 0, "/w/" HONEST, 0, 0},
    {FILES_STATUS_NAME, 0, 0, 0, 0, "/w/ro/x", 0, 1},
    {FILES_MAKE, 0, 0, 0, 0755, "/w/../../w/x", 0, 0},
    {FILES_CLOSE, 1, 0, 0, 0, NULL, 0, 0},
};

static uint32_t honest(uint32_t step, uint32_t *end, uint32_t *tag, uint8_t *data) {
  *end = service_honest[0];
  if (whole || step >= sizeof steps / sizeof *steps)
    return SERVICE_NO_STEP;
  *tag = steps[step].tag;
  return service_say(data, *tag, steps[step].file, steps[step].flags, steps[step].offset, steps[step].length,
                     steps[step].name);
}

static void honest_heard(uint32_t step, const struct kernel_message *message) {
  service_expect(step, message, steps[step].error, steps[step].value);
}

static void end(void) {
  if (kernel_mapped)
    fuzz_fail("all clients are gone, and %lu bytes are mapped", kernel_mapped);
  for (uint32_t i = 0; i < DEVICES * DEVICE_FILES; i++)
    if (opened[i / DEVICE_FILES][i % DEVICE_FILES].client)
      fuzz_fail("all clients are gone, and a file is open");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {
      .begin = begin, .compose = compose, .heard = heard, .end = end, .honest = honest, .honest_heard = honest_heard};
  service_play(&target, bytes, length);
  return 0;
}
