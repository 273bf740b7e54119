/* The file service under attack: every request with every field out of its range, names that climb, a read-only mount,
 * clients that die, devices that fail. The mock checks what reaches the devices. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/normalise.h"
#include "services/mounts.h"
#include "tests/lib/mock.h"

static struct service_buffer buffer;
static char block[FILES_BLOCK_MOST + 4096] __attribute__((aligned(4096)));

/* One request with the text or bytes behind it. -> the answer's error; *value. */
static uint32_t ask_bytes(uint32_t client, uint32_t tag, struct files_request request, const void *bytes, size_t length,
                          uint64_t *value) {
  memset(&buffer, 0x5a, sizeof buffer);
  bool moves = tag == FILES_READ_BLOCK || tag == FILES_WRITE_BLOCK || tag == FILES_STREAM_READ_BLOCK ||
               tag == FILES_STREAM_WRITE_BLOCK;
  buffer.message = (struct signet_message){.tag = tag, .length = FILES_REQUEST + length, .moved_count = moves};
  if (moves)
    buffer.message.moved[0] =
        (struct signet_moved){0x155, SIGNET_KIND_BLOCK, (uint32_t)(uintptr_t)block, FILES_BLOCK_MOST};
  memcpy(buffer.data, &request, sizeof request);
  if (length)
    memcpy(buffer.data + FILES_REQUEST, bytes, length);
  files_serve(&mock_service, &mock_service.clients[client], &buffer);
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

static uint32_t ask(uint32_t client, uint32_t tag, struct files_request request, const char *name, uint64_t *value) {
  return ask_bytes(client, tag, request, name, name ? strlen(name) + 1 : 0, value);
}

static uint32_t open_file(uint32_t client, const char *name, uint32_t flags, uint64_t *value) {
  return ask(client, FILES_OPEN, (struct files_request){.flags = flags, .length = 0644}, name, value);
}

static void test_normalise(void) {
  static const char *const cases[][2] = {
      {"/", "/"},
      {"//", "/"},
      {"/a", "/a"},
      {"/a/", "/a"},
      {"/a//b", "/a/b"},
      {"/./a/./b/.", "/a/b"},
      {"/a/..", "/"},
      {"/a/../..", "/"},
      {"/../../a", "/a"},
      {"/a/b/../c", "/a/c"},
      {"/a/b/../../..", "/"},
      {"/...", "/..."},
      {"/..a/b..", "/..a/b.."},
      {"/a/...//../b", "/a/b"},
      {"/.", "/"},
      {"/..", "/"},
      {"/a/./../b/./..//c/", "/c"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[64];
    strcpy(path, cases[i][0]);
    ok(signet_path_normalise(path) && strcmp(path, cases[i][1]) == 0, "%s is %s", cases[i][0], path);
  }
  char relative[] = "a/b", empty[] = "";
  ok(!signet_path_normalise(relative) && !signet_path_normalise(empty), "only absolute names are normalised");
}

static void test_mounts(void) {
  static const struct services_mount mounts[] = {{.path = "/"}, {.path = "/a/b"}, {.path = "/a"}, {.path = "/x/y/z"}};
  static const struct {
    uint32_t first, count;
    const char *path;
    enum mount_place_kind kind;
    uint32_t mount;
    const char *name;
  } cases[] = {
      {0, 4, "/", MOUNT_INSIDE, 0, ""},           {0, 4, "/a", MOUNT_INSIDE, 2, ""},
      {0, 4, "/a/b", MOUNT_INSIDE, 1, ""},        {0, 4, "/a/b/c/d", MOUNT_INSIDE, 1, "c/d"},
      {0, 4, "/a/bc", MOUNT_INSIDE, 2, "bc"},     {0, 4, "/ab", MOUNT_INSIDE, 0, "ab"},
      {0, 4, "/x/y", MOUNT_INSIDE, 0, "x/y"},     {1, 3, "/", MOUNT_ABOVE, 0, NULL},
      {1, 3, "/x", MOUNT_ABOVE, 2, NULL},         {1, 3, "/x/y", MOUNT_ABOVE, 2, NULL},
      {1, 3, "/x/y/z/1", MOUNT_INSIDE, 2, "1"},   {1, 3, "/x/yy", MOUNT_NOWHERE, 0, NULL},
      {1, 3, "/nothing", MOUNT_NOWHERE, 0, NULL}, {1, 0, "/", MOUNT_ABOVE, 0, NULL},
      {1, 0, "/a", MOUNT_NOWHERE, 0, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct mount_place place = mounts_find(mounts + cases[i].first, cases[i].count, cases[i].path);
    bool same = place.kind == cases[i].kind && (place.kind == MOUNT_NOWHERE || place.mount == cases[i].mount) &&
                (place.kind != MOUNT_INSIDE || strcmp(place.name, cases[i].name) == 0);
    ok(same, "%s among %u mounts", cases[i].path, cases[i].count);
  }
}

static void test_boundaries(void) {
  uint64_t value, file;
  mock_begin(3);
  ok(open_file(0, "/w/new", SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) == 0, "a file is made");
  ok(ask_bytes(0, FILES_WRITE, (struct files_request){.file = file}, "abc", 3, &value) == 0 && value == 3,
     "and written");
  ok(ask_bytes(1, FILES_WRITE, (struct files_request){.file = file}, "abc", 3, &value) == EBADF,
     "not by another client");
  ok(ask(1, FILES_CLOSE, (struct files_request){.file = file}, NULL, NULL) == EBADF, "nor closed by one");
  ok(ask(1, FILES_STATUS, (struct files_request){.file = file}, NULL, NULL) == EBADF, "nor looked at");
  ok(ask(0, FILES_READ, (struct files_request){.file = UINT32_MAX, .length = 10}, NULL, NULL) == EBADF,
     "no such number");
  ok(ask(0, FILES_READ, (struct files_request){.file = FILES_OPEN_MOST, .length = 1}, NULL, NULL) == EBADF,
     "nor the next");
  ok(ask_bytes(0, FILES_WRITE, (struct files_request){.file = file, .offset = UINT64_MAX}, "a", 1, NULL) == EINVAL,
     "an offset that is negative");
  ok(ask(0, FILES_WRITE_BLOCK, (struct files_request){.file = file, .length = FILES_BLOCK_MOST + 1}, NULL, NULL) ==
         EINVAL,
     "more than the block holds");
  memcpy(block, "12345678", 8);
  ok(ask(0, FILES_WRITE_BLOCK, (struct files_request){.file = file, .flags = 2, .length = 3}, NULL, &value) == 0 &&
         value == 3,
     "from the byte of the block that is named");
  memset(block, 'x', 8);
  ok(ask(0, FILES_READ_BLOCK, (struct files_request){.file = file, .flags = 4, .length = 3}, NULL, &value) == 0 &&
         value == 3 && !memcmp(block, "xxxx345x", 8),
     "and to it");
  ok(ask(0, FILES_READ_BLOCK, (struct files_request){.file = file, .flags = 2, .length = FILES_BLOCK_MOST - 1}, NULL,
         NULL) == EINVAL,
     "more than there is behind it");
  ok(ask(0, FILES_READ_BLOCK, (struct files_request){.file = file, .flags = UINT32_MAX, .length = 1}, NULL, NULL) ==
         EINVAL,
     "a byte that is not the block's");
  ok(ask(0, FILES_TRUNCATE, (struct files_request){.file = file, .length = UINT64_MAX}, NULL, NULL) == EINVAL,
     "a length that is negative");

  static const char *const outside[] = {"/etc/passwd", "/w/../etc/passwd", "/wx", "/w/../../w/../r", "/deep/err"};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
    ok(open_file(0, outside[i], SIGNET_OPEN_READ, NULL) == ENOENT, "%s is not there", outside[i]);
  ok(open_file(0, "/w/../ro/secret", SIGNET_OPEN_READ, &file) == 0, "\"..\" leads to another mount by its name only");
  ok(open_file(0, "relative", SIGNET_OPEN_READ, NULL) == EINVAL, "a relative name");

  ok(open_file(0, "/ro/secret", SIGNET_OPEN_WRITE, NULL) == EROFS, "read-only: open to write");
  ok(open_file(0, "/ro/secret", SIGNET_OPEN_READ | SIGNET_OPEN_TRUNCATE, NULL) == EROFS, "read-only: truncate");
  ok(open_file(0, "/ro/secret", SIGNET_OPEN_READ | SIGNET_OPEN_APPEND, NULL) == EROFS, "read-only: append");
  ok(open_file(0, "/ro/none", SIGNET_OPEN_READ | SIGNET_OPEN_CREATE, NULL) == EROFS, "read-only: create");
  ok(open_file(0, "/ro/secret", SIGNET_OPEN_READ | SIGNET_OPEN_CREATE, &value) == 0,
     "read-only: O_CREAT of what is there");
  ok(open_file(0, "/ro/secret", SIGNET_OPEN_READ | SIGNET_OPEN_CREATE | SIGNET_OPEN_EXCLUSIVE, NULL) == EEXIST,
     "read-only: O_EXCL of what is there");
  ok(ask_bytes(0, FILES_WRITE, (struct files_request){.file = file}, "abc", 3, NULL) == EBADF, "read-only: write");
  ok(ask(0, FILES_WRITE_BLOCK, (struct files_request){.file = file, .length = 1}, NULL, NULL) == EBADF,
     "read-only: write a block");
  ok(ask(0, FILES_TRUNCATE, (struct files_request){.file = file}, NULL, NULL) == EINVAL, "read-only: ftruncate");
  static const uint32_t changing[] = {FILES_MAKE, FILES_REMOVE, FILES_PERMISSIONS, FILES_TIMES};
  for (size_t i = 0; i < 4; i++)
    ok(ask(0, changing[i], (struct files_request){0}, "/ro/secret", NULL) == EROFS, "read-only: tag %u", changing[i]);
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/ro/secret\0/ro/b", 17, NULL) == EROFS,
     "read-only: rename");
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/ro/secret\0/w/b", 16, NULL) == EXDEV,
     "rename across mounts");
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/w/new\0/deep/er", 16, NULL) == EBUSY,
     "rename onto a mount");
  ok(ask_bytes(0, FILES_LINK, (struct files_request){0}, "/etc/passwd\0/ro/b", 18, NULL) == EROFS, "read-only: link");
  ok(ask(0, FILES_REMOVE, (struct files_request){.flags = 1}, "/w", NULL) == EBUSY, "a mount is not removed");
  ok(ask(0, FILES_REMOVE, (struct files_request){.flags = 1}, "/deep", NULL) == EBUSY, "nor what is above one");

  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w/new", 6, NULL) == EINVAL,
     "a name without its NUL");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w\0new", 7, NULL) == EINVAL, "a NUL inside a name");
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/w/new", 7, NULL) == EINVAL,
     "one name where there are two");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "", 0, NULL) == EINVAL, "no name");

  ok(ask(0, FILES_REMOVE, (struct files_request){.flags = 2}, "/w/new", NULL) == EINVAL, "flags that REMOVE has not");
  ok(open_file(0, "/w/new", SIGNET_OPEN_READ | 256, NULL) == EINVAL, "flags that OPEN has not");
  ok(open_file(0, "/w/new", SIGNET_OPEN_APPEND, NULL) == EINVAL, "neither to read nor to write");
  ok(ask(0, FILES_MAKE, (struct files_request){.length = 010000}, "/w/d", NULL) == EINVAL, "more than permission bits");

  /* Made-up directories. */
  ok(open_file(0, "/", SIGNET_OPEN_READ, &file) == 0 && file >> 32 == S_IFDIR, "the root can be opened");
  ok(ask(0, FILES_LIST, (struct files_request){.file = file, .length = 4096}, NULL, &value) == 0, "and listed");
  char names[64] = "";
  for (uint64_t at = 0; at < value;) {
    struct signet_directory_entry *entry = (void *)(buffer.data + FILES_ANSWER + at);
    strcat(strcat(names, entry->name), " ");
    at += entry->size;
  }
  ok(strcmp(names, ". .. w ro deep ") == 0, "it holds the mounts: %s", names);
  ok(ask(0, FILES_LIST, (struct files_request){.file = file, .offset = UINT64_MAX, .length = 4096}, NULL, &value) ==
             0 &&
         value == 0,
     "nothing past its end");
  ok(ask(0, FILES_LIST, (struct files_request){.file = file, .length = 30}, NULL, &value) == 0 && value == 24,
     "whole entries only");
  ok(ask(0, FILES_READ, (struct files_request){.file = file, .length = 10}, NULL, NULL) == EISDIR, "it is no file");
  ok(open_file(0, "/deep/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == ENOENT, "nothing is made in one");
  ok(open_file(0, "/deep", SIGNET_OPEN_WRITE, NULL) == EISDIR, "it is not opened to write");

  /* Used up, and usable again. */
  uint32_t opened = 0, error;
  while ((error = open_file(2, "/w/new", SIGNET_OPEN_READ, NULL)) == 0)
    opened++;
  ok(error == EMFILE && opened == FILES_OPEN_MOST / 3, "one client of three may have %u files open", opened);
  ok(open_file(0, "/w/new", SIGNET_OPEN_READ, NULL) == 0, "which takes nothing from the others");
  ok(ask(2, FILES_CLOSE, (struct files_request){.file = 7}, NULL, NULL) == 0, "one is closed");
  ok(open_file(2, "/w/new", SIGNET_OPEN_READ, &value) == 0 && (uint32_t)value == 7, "and there is room for one");
  int before = mock_open_files();
  files_forget(&mock_service, &mock_service.clients[2]);
  ok(mock_open_files() == before - FILES_OPEN_MOST / 3, "a client that dies leaves nothing open");
  mock_no_memory = true;
  ok(open_file(1, "/w/new", SIGNET_OPEN_READ, NULL) == ENOMEM, "no memory for a client's table");
  ok(open_file(1, "/w/new", SIGNET_OPEN_READ, NULL) == 0, "and then there is");
  before = mock_open_files();
  mock_fail_next = EMFILE;
  ok(open_file(1, "/w/new", SIGNET_OPEN_READ, NULL) == EMFILE && mock_open_files() == before, "a device that fails");
  mock_end();
}

static uint32_t extreme32(void) {
  static const uint32_t values[] = {0,   1,    2,    3,      7,          64,         255,
                                    256, 1023, 1024, 0xffff, 0x7fffffff, 0x80000000, UINT32_MAX};
  return values[test_random() % (sizeof values / sizeof *values)];
}

static uint64_t extreme64(void) {
  static const uint64_t values[] = {
      0,      1,          4095,      4096,      4097,       FILES_BLOCK_MOST, FILES_BLOCK_MOST + 1,
      0777,   07777,      010000,    INT64_MAX, 1ull << 63, UINT64_MAX,       UINT64_MAX - 4095,
      100000, UINT32_MAX, 1ull << 32};
  return values[test_random() % (sizeof values / sizeof *values)];
}

/* Names from pieces that climb, and now and then bytes of any kind. */
static size_t hostile_text(char *text, size_t most) {
  static const char *const pieces[] = {"/", "w",  "ro",   "deep", "er",  "..",   ".",    "//",         "secret", "new",
                                       "a", "\0", "/../", "x",    "/w/", "/ro/", "/w/a", "/deep/er/b", "/w/dir/"};
  size_t length = 0;
  if (test_random() % 64 == 0) {
    length = test_random() % (most + 1);
    memset(text, '/' + test_random() % 3, length);
    return length;
  }
  for (uint32_t count = test_random() % 8; count > 0; count--) {
    const char *piece = pieces[test_random() % (sizeof pieces / sizeof *pieces)];
    size_t size = *piece ? strlen(piece) : 1;
    if (length + size + 1 > most)
      break;
    memcpy(text + length, piece, size);
    length += size;
  }
  if (test_random() % 8)
    text[length++] = 0;
  return length;
}

static void test_hostile(void) {
  static char text[FILES_INLINE_MOST];
  enum { ROUNDS = 150000 };
  mock_begin(4);
  uint32_t answers = 0, errors = 0;
  for (int i = 0; i < ROUNDS; i++) {
    uint32_t tag = test_random() % 32, client = test_random() % 4;
    if (tag >= FILES_MESSAGE_COUNT)
      tag = extreme32();
    struct files_request request = {extreme32(), extreme32(), extreme64(), extreme64()};
    if (test_random() % 2)
      request.flags = test_random() % 256;
    if (test_random() % 2)
      request.file = test_random() % 8;
    bool names = tag == FILES_OPEN || (tag >= FILES_STATUS_NAME && tag != FILES_TRUNCATE && tag != FILES_SYNC);
    size_t length = names || tag == FILES_WRITE || test_random() % 16 == 0 ? hostile_text(text, sizeof text) : 0;
    errors += ask_bytes(client, tag, request, text, length, NULL) != 0;
    answers++;
    if (test_random() % 5000 == 0)
      files_forget(&mock_service, &mock_service.clients[client]);
    if (test_random() % 200 == 0)
      mock_fail_next = 1 + test_random() % 100;
  }
  mock_fail_next = 0;
  ok(answers == ROUNDS && errors > ROUNDS / 10 && errors < ROUNDS, "%u hostile requests, %u errors", answers, errors);
  /* Headers that the contract would not let through. */
  for (int i = 0; i < 20000; i++) {
    memset(&buffer, 0, sizeof buffer);
    buffer.message.tag = test_random() % FILES_MESSAGE_COUNT;
    buffer.message.length = test_random() % 3 ? test_random() % 8000 : extreme32();
    buffer.message.moved_count = test_random() % 5;
    buffer.message.moved[0].offset = (uint32_t)(uintptr_t)block;
    buffer.message.moved[0].length = test_random() % 2 ? FILES_BLOCK_MOST : 0;
    if (buffer.message.length > FILES_REQUEST && buffer.message.length < sizeof buffer.data)
      memset(buffer.data + FILES_REQUEST, '/', buffer.message.length - FILES_REQUEST);
    files_serve(&mock_service, &mock_service.clients[0], &buffer);
    if (buffer.message.length > FILES_ANSWER + FILES_INLINE_MOST)
      ok(false, "an answer that is too long");
  }
  static const struct signet_message broken[] = {
      {.tag = FILES_SYNC, .length = FILES_REQUEST - 1},
      {.tag = FILES_SYNC, .length = 0},
      {.tag = FILES_SYNC, .length = FILES_DATA_MOST + 1},
      {.tag = FILES_SYNC, .length = UINT32_MAX},
      {.tag = FILES_READ, .length = FILES_REQUEST, .moved_count = 1},
      {.tag = FILES_READ_BLOCK, .length = FILES_REQUEST},
      {.tag = FILES_WRITE_BLOCK, .length = FILES_REQUEST, .moved_count = 2},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    struct files_answer answer;
    memset(&buffer, 0, sizeof buffer);
    buffer.message = broken[i];
    files_serve(&mock_service, &mock_service.clients[0], &buffer);
    memcpy(&answer, buffer.data, sizeof answer);
    ok(answer.error == EINVAL, "a header that the contract forbids, %zu", i);
  }
  ok(open_file(0, "/ro/secret", SIGNET_OPEN_READ, NULL) == 0, "the service still answers");
  mock_end();
}

static void test_start(void) {
  static struct {
    struct services_files head;
    struct services_mount mount;
  } bytes;
  static struct files_service service;
  static const struct services_files good = {SERVICES_FILES_VERSION, 1, 1, 0};
  struct signet_startup startup = {.abi_version = SIGNET_ABI_VERSION,
                                   .slots = 2,
                                   .bytes_offset = (uint32_t)(uintptr_t)&bytes,
                                   .bytes_length = sizeof bytes};
  bytes.head = good;
  bytes.mount = (struct services_mount){.slot = 1, .path = "/a"};
  ok(files_begin(&service, &startup) && !service.supervision, "start-up bytes that are right");
  struct signet_startup more = startup;
  more.slots = 3;
  more.handles[1] = 77;
  bytes.head.flags = SERVICES_FILES_SUPERVISED;
  bytes.mount.slot = 2;
  ok(files_begin(&service, &more) && service.supervision == 77, "of a service that is supervised");
  for (int i = 0; i < 12; i++) {
    struct signet_startup other = startup;
    bytes.head = good;
    bytes.mount = (struct services_mount){.slot = 1, .path = "/a"};
    switch (i) {
    case 0:
      other.bytes_length--;
      break;
    case 1:
      other.bytes_length = 3;
      break;
    case 2:
      bytes.head.version++;
      break;
    case 3:
      bytes.head.clients = 0;
      break;
    case 4:
      bytes.head.clients = 3;
      break;
    case 5:
      bytes.head.mounts = UINT32_MAX;
      break;
    case 6:
      bytes.mount.slot = 0;
      break;
    case 7:
      bytes.mount.slot = 2;
      break;
    case 8:
      memset(bytes.mount.path, '/', sizeof bytes.mount.path);
      break;
    case 9:
      strcpy(bytes.mount.path, "/a/../b");
      break;
    case 10:
      bytes.head.flags = SERVICES_FILES_SUPERVISED; /* and the mount has its slot */
      break;
    case 11:
      bytes.head.flags = 2;
      break;
    }
    ok(!files_begin(&service, &other), "start-up bytes that are wrong, %d", i);
  }
}

static void test_all(void) {
  test_normalise();
  test_mounts();
  test_start();
  test_boundaries();
  test_hostile();
}

int main(void) {
  test_run_low(test_all);
  return finish();
}
