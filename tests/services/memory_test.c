/* The file service in memory: random requests, whose answers must be those of the host's own files; read-only places,
 * whatever name leads there; requests and archives that are wrong in every field; memory that is used up and comes
 * back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signet/calls.h>

#include "lib/heap.c" /* whose state begins anew with each service */
#include "services/memory.h"
#include "services/request.h"
#include "tests/lib/tap.h"

#define AREA_LOW 0x10000000u
#define AREA_HIGH 0x30000000u
#define BAIL(...) (printf("Bail out! " __VA_ARGS__), printf("\n"), exit(1))

/* ---- The kernel ---- */

static uint64_t memory_left = UINT64_MAX, memory_next;
static bool map_fails;
static const uint8_t *archive_bytes;
static uint64_t archive_length, archive_reads, archive_fails_at;
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

static struct memory_service service;
static struct service_buffer buffer;
static uint8_t block[FILES_BLOCK_MOST + 4096] __attribute__((aligned(4096)));
static struct {
  struct services_memory head;
  struct services_mount place[4];
} bytes;

static void memory_anew(void) {
  memory_next = AREA_LOW;
  munmap((void *)(uintptr_t)AREA_LOW, AREA_HIGH - AREA_LOW);
  memset(heap_free, 0, sizeof heap_free);
  heap_next = heap_end = 0;
}

static uint32_t begin(uint32_t clients, uint32_t places) {
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

static uint32_t ask_bytes(uint32_t client, uint32_t tag, struct files_request request, const void *text, size_t length,
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

static uint32_t ask(uint32_t tag, struct files_request request, const char *name, uint64_t *value) {
  return ask_bytes(0, tag, request, name, name ? strlen(name) + 1 : 0, value);
}

static uint32_t open_file(const char *name, uint32_t flags, uint64_t *value) {
  return ask(FILES_OPEN, (struct files_request){.flags = flags, .length = 0644}, name, value);
}

static uint32_t ask_two(uint32_t tag, const char *first, const char *second) {
  char text[600];
  size_t length = strlen(first) + 1;
  memcpy(text, first, length);
  strcpy(text + length, second);
  return ask_bytes(0, tag, (struct files_request){0}, text, length + strlen(second) + 1, NULL);
}

static const void *answered(void) { return buffer.data + FILES_ANSWER; }

/* ---- Against the host's files ---- */

static int root;

static long result_of(long value) { return value < 0 ? -errno : value; }

/* As open(2), the tree's top being the root. */
static int host_open(const char *path, int flags, unsigned mode) {
  struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .mode = mode, .resolve = RESOLVE_IN_ROOT};
  return (int)syscall(SYS_openat2, root, path[1] ? path + 1 : ".", &how, sizeof how);
}

/* The directory that a name is in, and its last part. */
static int host_parent(const char *path, char *directory, const char **last) {
  strcpy(directory, path);
  char *slash = strrchr(directory, '/');
  *slash = 0;
  *last = path + (slash - directory) + 1;
  return host_open(directory[0] ? directory : "/", O_PATH | O_DIRECTORY, 0);
}

static long on_parent(const char *path, long (*act)(int parent, const char *name, void *context), void *context) {
  char directory[600];
  const char *last;
  int parent = host_parent(path, directory, &last);
  if (parent < 0)
    return -errno;
  long result = result_of(act(parent, last, context));
  close(parent);
  return result;
}
static long act_make(int parent, const char *name, void *mode) { return mkdirat(parent, name, *(unsigned *)mode); }
static long act_remove(int parent, const char *name, void *flags) { return unlinkat(parent, name, *(int *)flags); }
static long act_link(int parent, const char *name, void *target) { return symlinkat(target, parent, name); }
static char host_target[5000];
static long act_read_link(int parent, const char *name, void *to) {
  return readlinkat(parent, name, to, sizeof host_target);
}
static long act_status(int parent, const char *name, void *status) {
  return fstatat(parent, name, status, AT_SYMLINK_NOFOLLOW);
}

static long host_status(const char *path, bool no_follow, struct stat *status) {
  if (no_follow && path[1])
    return on_parent(path, act_status, status);
  int file = host_open(path, O_PATH, 0);
  if (file < 0)
    return -errno;
  long result = result_of(fstat(file, status));
  close(file);
  return result;
}

#define NAMES 6
static const char *const names[NAMES] = {"a", "b", "c", "dir", "long-name-of-a-file", "e"};
static const char *const targets[] = {"a",        "b",  "dir", "dir/a",  "/dir/b", "../a",
                                      "/nothing", "./", "..",  "../../", "e/c",    "/dir/../b"};

static void random_path(char *path) {
  uint32_t parts = 1 + test_random() % 3;
  if (test_random() % 60 == 0)
    parts = 0;
  *path = 0;
  for (uint32_t i = 0; i < parts; i++)
    strcat(strcat(path, "/"), names[test_random() % NAMES]);
  if (!parts)
    strcpy(path, "/");
}

#define OPENED 24
static struct {
  int host; /* -1: none */
  uint32_t number;
} opened[OPENED];

static uint8_t host_bytes[FILES_BLOCK_MOST], wanted_bytes[FILES_BLOCK_MOST];

static bool same_status(const struct stat *host, bool with_times) {
  struct signet_file_status status;
  memcpy(&status, answered(), sizeof status);
  bool directory = S_ISDIR(host->st_mode);
  return status.mode == host->st_mode && (directory || status.size == (uint64_t)host->st_size) &&
         (status.links != 0) == (host->st_nlink != 0) && status.device &&
         (!with_times ||
          status.modified == (uint64_t)host->st_mtim.tv_sec * 1000000000 + (uint64_t)host->st_mtim.tv_nsec);
}

/* Whether the listing of the open directory holds what the host's does. */
static bool same_listing(uint32_t number, int host) {
  char ours[64][260], all[64][260];
  uint8_t types[64];
  uint32_t count = 0, host_count = 0;
  uint64_t at = 0, value;
  do {
    uint64_t room = test_random() % 3 ? 4096 : 300;
    if (ask(FILES_LIST, (struct files_request){.file = number, .offset = at, .length = room}, NULL, &value))
      return false;
    for (uint64_t i = 0; i < value;) {
      const struct signet_directory_entry *entry = (const void *)((const uint8_t *)answered() + i);
      types[count] = entry->type;
      strcpy(ours[count++], entry->name);
      at = entry->next;
      i += entry->size;
    }
  } while (value && count < 60);
  int again = openat(host, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = again < 0 ? NULL : fdopendir(again);
  struct stat gone;
  if (fstat(host, &gone) == 0 && !gone.st_nlink) { /* removed: the host has nothing to say */
    if (directory)
      closedir(directory);
    return count == 0;
  }
  if (!directory)
    return false;
  bool same = true;
  for (struct dirent *entry; (entry = readdir(directory));) {
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
      if (strcmp(ours[i], entry->d_name) == 0)
        found = entry->d_type == DT_UNKNOWN || types[i] == entry->d_type;
    same = same && found;
    strcpy(all[host_count++], entry->d_name);
  }
  closedir(directory);
  return same && count == host_count;
}

/* One random request, to the service and to the host. False: they differ. */
static bool step(char *said) {
  char path[600], other[600];
  struct stat host;
  uint64_t value = 0;
  uint32_t error;
  long wanted;
  uint32_t which = test_random() % OPENED, choice = test_random() % 20;
  random_path(path);
  random_path(other);
  bool no_follow = test_random() % 2;
  unsigned mode = 0700 | test_random() % 01000;
  switch (choice) {
  case 0:
  case 1:
  case 2:
  case 3: {
    if (opened[which].host >= 0) {
      close(opened[which].host);
      opened[which].host = -1;
      error = ask(FILES_CLOSE, (struct files_request){.file = opened[which].number}, NULL, NULL);
      sprintf(said, "close");
      if (error)
        return false;
    }
    static const struct {
      uint32_t ours;
      int host;
    } bits[] = {{SIGNET_OPEN_CREATE, O_CREAT},        {SIGNET_OPEN_EXCLUSIVE, O_EXCL},
                {SIGNET_OPEN_TRUNCATE, O_TRUNC},      {SIGNET_OPEN_APPEND, O_APPEND},
                {SIGNET_OPEN_DIRECTORY, O_DIRECTORY}, {SIGNET_OPEN_NO_FOLLOW, O_NOFOLLOW}};
    uint32_t access = 1 + test_random() % 3, ours = access;
    int flags = access == 1 ? O_RDONLY : access == 2 ? O_WRONLY : O_RDWR;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
      if (test_random() % (i ? 5 : 2) == 0)
        ours |= bits[i].ours, flags |= bits[i].host;
    if (!(ours & SIGNET_OPEN_CREATE)) /* what the host says of it alone is its own affair */
      ours &= ~SIGNET_OPEN_EXCLUSIVE, flags &= ~O_EXCL;
    if ((ours & SIGNET_OPEN_DIRECTORY) && (ours & SIGNET_OPEN_CREATE)) /* hosts differ */
      ours &= ~SIGNET_OPEN_DIRECTORY, flags &= ~O_DIRECTORY;
    if ((ours & SIGNET_OPEN_TRUNCATE) && access == 1) /* nobody says what it does */
      ours &= ~SIGNET_OPEN_TRUNCATE, flags &= ~O_TRUNC;
    wanted = result_of(opened[which].host = host_open(path, flags, flags & O_CREAT ? mode : 0));
    error = ask(FILES_OPEN, (struct files_request){.flags = ours, .length = mode}, path, &value);
    opened[which].number = (uint32_t)value;
    sprintf(said, "open(%s, %x)", path, ours);
    if (opened[which].host >= 0 && !error && fstat(opened[which].host, &host) == 0 &&
        value >> 32 != (host.st_mode & S_IFMT))
      return false;
    wanted = wanted < 0 ? wanted : 0;
    break;
  }
  case 4:
  case 5: {
    if (opened[which].host < 0)
      return true;
    bool large = test_random() % 4 == 0;
    uint64_t length = test_random() % (large ? 200000 : 4096), offset = test_random() % 120000;
    memset(host_bytes, (int)test_random(), length);
    memcpy(block, host_bytes, length);
    wanted = result_of(pwrite(opened[which].host, host_bytes, length, (off_t)offset));
    struct files_request request = {.file = opened[which].number, .offset = offset, .length = length};
    error = large ? ask(FILES_WRITE_BLOCK, request, NULL, &value)
                  : ask_bytes(0, FILES_WRITE, request, host_bytes, length, &value);
    sprintf(said, "write(%lu, %lu)", offset, length);
    break;
  }
  case 6:
  case 7:
  case 8: {
    if (opened[which].host < 0)
      return true;
    bool large = test_random() % 4 == 0;
    uint64_t length = test_random() % (large ? 250000 : 4097), offset = test_random() % 150000;
    wanted = result_of(pread(opened[which].host, wanted_bytes, length, (off_t)offset));
    struct files_request request = {.file = opened[which].number, .offset = offset, .length = length};
    memset(block, 0x33, sizeof block);
    error = ask(large ? FILES_READ_BLOCK : FILES_READ, request, NULL, &value);
    sprintf(said, "read(%lu, %lu)", offset, length);
    if (wanted > 0 && memcmp(large ? block : answered(), wanted_bytes, (size_t)wanted) != 0)
      return false;
    break;
  }
  case 9: {
    if (opened[which].host < 0)
      return true;
    uint64_t length = test_random() % 3 ? test_random() % 100000 : 0;
    wanted = result_of(ftruncate(opened[which].host, (off_t)length));
    error = ask(FILES_TRUNCATE, (struct files_request){.file = opened[which].number, .length = length}, NULL, &value);
    sprintf(said, "truncate(%lu)", length);
    break;
  }
  case 10:
    if (opened[which].host < 0)
      return true;
    wanted = result_of(fstat(opened[which].host, &host));
    error = ask(FILES_STATUS, (struct files_request){.file = opened[which].number}, NULL, &value);
    sprintf(said, "status");
    if (!same_status(&host, false))
      return false;
    if (S_ISDIR(host.st_mode) && !same_listing(opened[which].number, opened[which].host)) {
      sprintf(said, "listing");
      return false;
    }
    break;
  case 11:
  case 12:
    wanted = host_status(path, no_follow, &host);
    error = ask(FILES_STATUS_NAME, (struct files_request){.flags = no_follow}, path, &value);
    sprintf(said, "status(%s, %d)", path, no_follow);
    if (!error && !wanted && !same_status(&host, false))
      return false;
    break;
  case 13:
    if (!path[1])
      return true;
    wanted = on_parent(path, act_make, &mode);
    error = ask(FILES_MAKE, (struct files_request){.length = mode}, path, &value);
    sprintf(said, "make(%s)", path);
    break;
  case 14:
  case 15: {
    int flags = no_follow ? AT_REMOVEDIR : 0;
    if (!path[1])
      return true;
    wanted = on_parent(path, act_remove, &flags);
    error = ask(FILES_REMOVE, (struct files_request){.flags = no_follow}, path, &value);
    sprintf(said, "remove(%s, %d)", path, no_follow);
    break;
  }
  case 16: {
    char one[600], two[600];
    const char *from, *to;
    if (!path[1] || !other[1])
      return true;
    int first = host_parent(path, one, &from), failed = errno;
    int second = host_parent(other, two, &to);
    wanted = first < 0 ? -failed : second < 0 ? -errno : result_of(renameat(first, from, second, to));
    if (first >= 0)
      close(first);
    if (second >= 0)
      close(second);
    error = ask_two(FILES_RENAME, path, other);
    sprintf(said, "rename(%s, %s)", path, other);
    /* Of two errors either is right; and a directory that is not empty may be told as one that exists. */
    if (wanted < 0 && error)
      return true;
    break;
  }
  case 17: {
    const char *target = targets[test_random() % (sizeof targets / sizeof *targets)];
    if (!path[1])
      return true;
    wanted = on_parent(path, act_link, (void *)(uintptr_t)target);
    error = ask_two(FILES_LINK, target, path);
    sprintf(said, "link(%s, %s)", target, path);
    break;
  }
  case 18:
    if (!path[1])
      return true;
    wanted = on_parent(path, act_read_link, host_target);
    error = ask(FILES_READ_LINK, (struct files_request){0}, path, &value);
    sprintf(said, "read_link(%s)", path);
    if (wanted > 0 && !error && memcmp(answered(), host_target, (size_t)wanted) != 0)
      return false;
    break;
  default: {
    char link[64];
    int file = host_open(path, O_PATH | (no_follow ? O_NOFOLLOW : 0), 0);
    bool times = test_random() % 2;
    struct timespec both[2] = {{test_random(), 7}, {test_random(), 500000009}};
    wanted = result_of(file);
    if (file >= 0 && times)
      wanted = result_of(utimensat(file, "", both, AT_EMPTY_PATH));
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (file >= 0 && !times && !no_follow)
      wanted = result_of(chmod(link, mode));
    uint64_t first = (uint64_t)both[0].tv_sec * 1000000000 + 7,
             second = (uint64_t)both[1].tv_sec * 1000000000 + 500000009;
    if (times)
      error =
          ask(FILES_TIMES, (struct files_request){.flags = no_follow, .offset = first, .length = second}, path, &value);
    else
      error = no_follow ? ask(FILES_STATUS_NAME, (struct files_request){.flags = 1}, path, NULL)
                        : ask(FILES_PERMISSIONS, (struct files_request){.length = mode}, path, &value);
    wanted = wanted < 0 ? wanted : 0;
    value = 0;
    sprintf(said, "%s(%s, %d)", times ? "times" : "permissions", path, no_follow);
    bool same = true;
    if (file >= 0 && !error && fstat(file, &host) == 0) {
      ask(FILES_STATUS_NAME, (struct files_request){.flags = no_follow}, path, NULL);
      same = same_status(&host, times);
    }
    if (file >= 0)
      close(file);
    if (!same)
      return false;
  }
  }
  sprintf(said + strlen(said), ": error %u value %lu, the host says %ld", error, (unsigned long)value, wanted);
  if (wanted < 0)
    return (long)error == -wanted;
  return !error && (choice < 4 || choice == 10 || value == (uint64_t)wanted || choice == 11 || choice == 12);
}

static void test_model(void) {
  enum { STEPS = 60000 };
  char directory[] = "/tmp/signet-memory-XXXXXX", said[2000] = "", command[100];
  archive_bytes = NULL;
  if (!mkdtemp(directory) || (root = open(directory, O_PATH | O_DIRECTORY)) < 0)
    BAIL("no directory of the host");
  umask(0);
  chmod(directory, 0755);
  ok(begin(1, 0) == 0, "an empty tree");
  mkdirat(root, "tmp", 01777);
  for (uint32_t i = 0; i < OPENED; i++)
    opened[i].host = -1;
  if (host_open("/", O_PATH, 0) < 0) {
    ok(true, "the host's files as a model # SKIP the host has no openat2");
    return;
  }
  uint32_t done = 0, wrong = 0;
  for (; done < STEPS && wrong < 10; done++) {
    if (step(said))
      continue;
    wrong++;
    printf("# step %u: %s\n", done, said);
  }
  ok(!wrong, "%u random requests are answered as the host's own files would be", done);
  for (uint32_t i = 0; i < OPENED; i++)
    if (opened[i].host >= 0)
      close(opened[i].host);
  close(root);
  snprintf(command, sizeof command, "rm -rf %s", directory);
  if (system(command) != 0)
    BAIL("rm");
}

/* ---- Archives ---- */

static struct {
  uint8_t bytes[300000];
  uint64_t length;
} made;

static void cpio_fill(void) {
  while (made.length % 4)
    made.bytes[made.length++] = 0;
}

/* One entry; `name_length` 0: that of the name with its NUL. */
static uint64_t cpio_add(const char *name, uint32_t mode, uint32_t time, const void *content, uint32_t length) {
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

static void cpio_begin(void) { memset(&made, 0, sizeof made); }
static void cpio_end(void) {
  cpio_add("TRAILER!!!", 0, 0, NULL, 0);
  archive_bytes = made.bytes;
  archive_length = made.length;
  archive_reads = archive_fails_at = 0;
}

static uint8_t content[100000];

static void cpio_good(void) {
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

static void places_good(void) {
  memset(&bytes, 0, sizeof bytes);
  bytes.place[0] = (struct services_mount){.flags = SERVICES_MOUNT_READ_ONLY, .path = "/ro"};
  bytes.place[1] = (struct services_mount){.path = "/w"};
  bytes.place[2] = (struct services_mount){.path = "/ro/dir/open"};
}

static bool read_all(const char *name, const uint8_t *expected, uint64_t length) {
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

static struct signet_file_status status_of(const char *name, bool no_follow, uint64_t *read_only) {
  struct signet_file_status status = {0};
  if (!ask(FILES_STATUS_NAME, (struct files_request){.flags = no_follow}, name, read_only))
    memcpy(&status, answered(), sizeof status);
  return status;
}

static void test_archive(void) {
  uint64_t read_only;
  cpio_good();
  places_good();
  ok(begin(2, 3) == 0, "an archive is taken");
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/ro/dir/deep", content, sizeof content) &&
         read_all("/w/file", content, 20000) && read_all("/w/empty", content, 0),
     "its files hold what they held");
  struct signet_file_status status = status_of("/ro/file", true, &read_only);
  ok(status.mode == (S_IFREG | 0755) && status.modified == 3000ull * 1000000000 && read_only == 1,
     "with their permissions, but no set-user bit, and their times: %o", status.mode);
  status = status_of("/ro", true, &read_only);
  ok(status.mode == (S_IFDIR | 0755) && status.modified == 2000ull * 1000000000 && read_only == 1, "directories too");
  status = status_of("/ro/dir/deep", true, &read_only);
  ok(status.size == sizeof content && read_only == 1, "what is below a read-only place is read-only");
  status = status_of("/ro/dir/open", true, &read_only);
  ok(S_ISDIR(status.mode) && read_only == 0, "a place that is not in the archive is made, also in a read-only one");
  status = status_of("/w/in", true, &read_only);
  ok(status.mode == (S_IFLNK | 0777) && status.size == 8 && read_only == 0, "a link");
  status = status_of("/w/in", false, &read_only);
  ok(S_ISREG(status.mode) && status.size == 5 && read_only == 1, "and where it leads");
  status = status_of("/tmp", true, &read_only);
  ok(status.mode == (S_IFDIR | 01777) && read_only == 0, "/tmp is there");
  status = status_of("/", true, &read_only);
  ok(status.mode == (S_IFDIR | 0751) && read_only == 0, "the top is the archive's: %o", status.mode);
}

static void test_read_only(void) {
  uint64_t file, value;
  static const char *const sealed[] = {"/ro/file", "/w/in", "/w/../ro/file", "/ro/dir/deep", "/w/indir/deep"};
  for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
    const char *name = sealed[i];
    ok(open_file(name, SIGNET_OPEN_WRITE, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_TRUNCATE, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_APPEND, NULL) == EROFS &&
           open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS,
       "%s is not opened to be changed", name);
    ok(ask(FILES_PERMISSIONS, (struct files_request){.length = 0777}, name, NULL) == EROFS &&
           ask(FILES_TIMES, (struct files_request){0}, name, NULL) == EROFS,
       "nor are its permissions and times");
    ok(open_file(name, SIGNET_OPEN_READ | SIGNET_OPEN_CREATE, &file) == 0 &&
           ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file}, "x", 1, NULL) == EBADF &&
           ask(FILES_WRITE_BLOCK, (struct files_request){.file = (uint32_t)file, .length = 1}, NULL, NULL) == EBADF &&
           ask(FILES_TRUNCATE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == EINVAL &&
           ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0,
       "opened to be read it is not written");
    ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_EXCLUSIVE, NULL) == EEXIST,
       "nor made again");
  }
  ok(ask(FILES_REMOVE, (struct files_request){0}, "/ro/file", NULL) == EROFS &&
         ask(FILES_REMOVE, (struct files_request){0}, "/w/indir/deep", NULL) == EROFS,
     "nothing is removed");
  ok(open_file("/ro/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS &&
         open_file("/w/indir/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == EROFS &&
         ask(FILES_MAKE, (struct files_request){.length = 0700}, "/ro/new", NULL) == EROFS &&
         ask_two(FILES_LINK, "x", "/ro/new") == EROFS,
     "nor made");
  ok(ask_two(FILES_RENAME, "/ro/file", "/w/x") == EROFS && ask_two(FILES_RENAME, "/w/file", "/ro/x") == EROFS &&
         ask_two(FILES_RENAME, "/w/file", "/ro/file") == EROFS && ask_two(FILES_RENAME, "/ro/file", "/ro/x") == EROFS,
     "nor renamed, out or in");
  ok(ask_two(FILES_RENAME, "/ro", "/x") == EBUSY && ask_two(FILES_RENAME, "/w/file", "/ro") == EBUSY &&
         ask(FILES_REMOVE, (struct files_request){.flags = 1}, "/ro", NULL) == EBUSY &&
         ask(FILES_REMOVE, (struct files_request){.flags = 1}, "/", NULL) == EBUSY &&
         ask_two(FILES_RENAME, "/", "/x") == EBUSY && ask_two(FILES_RENAME, "/x", "/") == EBUSY,
     "a place is neither removed nor renamed");
  ok(ask(FILES_PERMISSIONS, (struct files_request){.length = 0777}, "/ro", NULL) == EROFS,
     "nor are its permissions changed");
  ok(open_file("/ro/out", SIGNET_OPEN_WRITE, &file) == 0 &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 3}, "xyz", 3, &value) == 0,
     "a link in it to what can be written leads there");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0, "closed");
  ok(open_file("/ro/dir/open/new", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask_two(FILES_RENAME, "/ro/dir/open/new", "/w/new") == 0 &&
         ask(FILES_REMOVE, (struct files_request){0}, "/w/new", NULL) == 0,
     "an open place in it is open");
  memcpy(content + 3, "xyz", 3);
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/w/file", content, 20000),
     "after all that, the files are as they should be");
}

static void test_boundaries(void) {
  uint64_t file, value;
  ok(open_file("/w/file", SIGNET_OPEN_READ | SIGNET_OPEN_WRITE, &file) == 0, "a file is opened");
  struct files_request request = {.file = (uint32_t)file};
  ok(ask_bytes(1, FILES_WRITE, request, "a", 1, NULL) == EBADF &&
         ask_bytes(1, FILES_CLOSE, request, NULL, 0, NULL) == EBADF &&
         ask_bytes(1, FILES_STATUS, request, NULL, 0, NULL) == EBADF,
     "its number is nothing to another client");
  ok(ask(FILES_READ, (struct files_request){.file = MEMORY_OPEN_MOST, .length = 1}, NULL, NULL) == EBADF &&
         ask(FILES_READ, (struct files_request){.file = UINT32_MAX, .length = 1}, NULL, NULL) == EBADF,
     "numbers past the last");
  request.offset = UINT64_MAX;
  ok(ask_bytes(0, FILES_WRITE, request, "a", 1, NULL) == EINVAL && ask(FILES_READ, request, NULL, NULL) == EINVAL,
     "an offset that is negative");
  request.offset = 1ull << 32;
  ok(ask_bytes(0, FILES_WRITE, request, "a", 1, NULL) == EFBIG, "a file longer than all memory");
  request.offset = (1ull << 32) - 2;
  uint64_t before = memory_left;
  memory_left = 64 << 20;
  ok(ask_bytes(0, FILES_WRITE, request, "abcd", 4, &value) == 0 && value == 2, "as much as there may be of it: %lu",
     value);
  memory_left = before;
  struct signet_file_status status = status_of("/w/file", false, NULL);
  ok(status.size == 1ull << 32 && status.blocks < 10000, "a hole takes no memory: %lu blocks", status.blocks);
  request.offset = 1 << 30;
  request.length = 1000;
  memset(block, 7, 1000);
  ok(ask(FILES_READ_BLOCK, request, NULL, &value) == 0 && value == 1000 && !block[0] && !memcmp(block, block + 1, 999),
     "and holds zeros");
  request = (struct files_request){.file = (uint32_t)file, .length = FILES_BLOCK_MOST + 1};
  ok(ask(FILES_WRITE_BLOCK, request, NULL, NULL) == EINVAL && ask(FILES_READ_BLOCK, request, NULL, NULL) == EINVAL,
     "more than a block holds");
  request.length = (1ull << 32) + 1;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == EFBIG, "a length that is too great");
  request.length = UINT64_MAX;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == EINVAL, "a length that is negative");
  request.length = 0;
  ok(ask(FILES_TRUNCATE, request, NULL, NULL) == 0 && ask(FILES_CLOSE, request, NULL, NULL) == 0, "cut to nothing");

  ok(open_file("/w/file", SIGNET_OPEN_WRITE, &file) == 0 &&
         ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 1000}, "", 0, &value) ==
             0 &&
         !value && status_of("/w/file", true, NULL).size == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0,
     "nothing is written at once, and makes nothing longer");
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
    memory_serve(&service, &service.clients[0], &buffer);
    memcpy(&answer, buffer.data, sizeof answer);
    ok(answer.error == EINVAL, "a header that the contract forbids, %zu", i);
  }

  /* A large directory: told in pieces of any size, each name once. */
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/w/large", NULL) == 0, "a directory");
  for (int i = 0; i < 500; i++) {
    char numbered[32];
    snprintf(numbered, sizeof numbered, "/w/large/%d", i);
    ask(FILES_MAKE, (struct files_request){.length = 0700}, numbered, NULL);
  }
  ok(open_file("/w/large", SIGNET_OPEN_READ, &file) == 0, "with 500 names");
  for (uint32_t room = 24; room <= 4096; room += 509) {
    static bool seen[500];
    uint32_t told = 0;
    bool wrong = false;
    memset(seen, 0, sizeof seen);
    uint64_t at = 0;
    for (;;) {
      uint32_t error =
          ask(FILES_LIST, (struct files_request){.file = (uint32_t)file, .offset = at, .length = room}, NULL, &value);
      if (error || !value || value > room)
        break;
      for (uint64_t i = 0; i < value;) {
        const struct signet_directory_entry *entry = (const void *)((const uint8_t *)answered() + i);
        int number = atoi(entry->name);
        if (entry->name[0] != '.') {
          wrong = wrong || number < 0 || number > 499 || seen[number];
          seen[number] = true;
        }
        told++;
        at = entry->next;
        i += entry->size;
      }
    }
    ok(!wrong && told == 502 && value == 0, "listed %u bytes at a time: %u names", room, told);
  }
  ok(ask(FILES_LIST, (struct files_request){.file = (uint32_t)file, .length = 23}, NULL, NULL) == EINVAL,
     "no name has room in 23 bytes");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0, "closed");

  ok(open_file("relative", SIGNET_OPEN_READ, NULL) == EINVAL, "a relative name");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w/file", 7, NULL) == EINVAL,
     "a name without its NUL");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "/w\0file", 8, NULL) == EINVAL,
     "a NUL inside a name");
  ok(ask_bytes(0, FILES_RENAME, (struct files_request){0}, "/w/file", 8, NULL) == EINVAL, "one name of two");
  ok(ask_bytes(0, FILES_OPEN, (struct files_request){.flags = 1}, "", 0, NULL) == EINVAL, "no name");
  ok(open_file("/w/file", 256 | SIGNET_OPEN_READ, NULL) == EINVAL &&
         open_file("/w/file", SIGNET_OPEN_APPEND, NULL) == EINVAL,
     "flags that there are not");
  ok(ask(FILES_REMOVE, (struct files_request){.flags = 2}, "/w/file", NULL) == EINVAL &&
         ask(FILES_PERMISSIONS, (struct files_request){.flags = 1}, "/w/file", NULL) == EINVAL &&
         ask(FILES_MAKE, (struct files_request){.length = 010000}, "/w/d", NULL) == EINVAL &&
         ask(FILES_OPEN, (struct files_request){.flags = 3, .length = 010000}, "/w/d", NULL) == EINVAL,
     "and of other requests");
  ok(ask(FILES_STREAM_READ, (struct files_request){.length = 10}, NULL, NULL) == ENOSYS &&
         ask(99, (struct files_request){0}, NULL, NULL) == ENOSYS,
     "requests of a stream, and no requests");

  char name[600];
  memset(name, 'n', sizeof name);
  memcpy(name, "/w/", 3);
  name[3 + 256] = 0;
  ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, NULL) == ENAMETOOLONG, "a name of 256 bytes");
  name[3 + 255] = 0;
  ok(open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask(FILES_REMOVE, (struct files_request){0}, name, NULL) == 0,
     "and one of 255");
  ok(ask_two(FILES_LINK, "loop", "/w/loop") == 0 && open_file("/w/loop", SIGNET_OPEN_READ, NULL) == ELOOP &&
         open_file("/w/loop/x", SIGNET_OPEN_READ, NULL) == ELOOP,
     "a link to itself");
  static char target[4097];
  memset(target, 'a', 4000);
  for (int i = 3; i < 4000; i += 100)
    target[i] = '/';
  char text[4096];
  memcpy(text, target, 4000);
  strcpy(text + 4000, "/w/long");
  memmove(text + 4001, "/w/long", 8);
  text[4000] = 0;
  ok(ask_bytes(0, FILES_LINK, (struct files_request){0}, text, 4009, NULL) == 0, "a link of 4,000 bytes");
  name[0] = '/';
  strcpy(name, "/w/long");
  memset(name + 7, 'b', 120);
  name[7] = '/';
  name[127] = 0;
  ok(open_file(name, SIGNET_OPEN_READ, NULL) == ENAMETOOLONG, "which leads to a name that is too long");

  uint32_t count = 0, error;
  while (!(error = open_file("/w/file", SIGNET_OPEN_READ, NULL)))
    count++;
  ok(error == EMFILE && count == MEMORY_OPEN_MOST, "a client may have %u files open", count);
  memory_forget(&service.clients[0]);
  ok(open_file("/w/file", SIGNET_OPEN_READ, &file) == 0, "which close when it is gone");
  ok(ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == 0 &&
         ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL) == EBADF,
     "a number is closed once");
}

/* Memory: used up, it is an error; given back, it can be used again, all of it, again and again. */
static void test_memory(void) {
  uint64_t file, value, filled[4], many = 0;
  archive_bytes = NULL;
  memset(&bytes, 0, sizeof bytes);
  memory_left = 4 << 20;
  ok(begin(1, 0) == 0, "a service with 4 MiB");
  uint32_t error = 0, different = 0;
  /* What one use leaves behind, thousands do. */
  for (int round = 0; round < 3000; round++) {
    if (open_file("/short", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file) ||
        ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = round % 2 * 200000}, "x", 1,
                  &value) ||
        ask_two(FILES_RENAME, "/short", "/a-longer-name-for-it") ||
        ask_two(FILES_LINK, "a-longer-name-for-it", "/link") ||
        ask(FILES_REMOVE, (struct files_request){0}, "/a-longer-name-for-it", NULL) ||
        ask(FILES_REMOVE, (struct files_request){0}, "/link", NULL))
      break;
    many++;
    if (round % 3)
      ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    else
      memory_forget(&service.clients[0]);
  }
  ok(many == 3000 && memory_next - AREA_LOW < 200000,
     "files come and go, by closing and with their client: %lu bytes are in use", memory_next - AREA_LOW);
  for (int round = 0; round < 4; round++) {
    filled[round] = 0;
    open_file("/big", SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    memset(block, round + 1, sizeof block);
    do {
      error =
          ask(FILES_WRITE_BLOCK,
              (struct files_request){.file = (uint32_t)file, .offset = filled[round], .length = 100000}, NULL, &value);
      filled[round] += error ? 0 : value;
    } while (!error);
    /* What was given up by another file reads as zeros where this one has a hole. */
    ask(FILES_REMOVE, (struct files_request){0}, "/big", NULL);
    ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    open_file("/hole", SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    ask_bytes(0, FILES_WRITE, (struct files_request){.file = (uint32_t)file, .offset = 40000}, "x", 1, NULL);
    ask(FILES_READ_BLOCK, (struct files_request){.file = (uint32_t)file, .length = 40001}, NULL, &value);
    for (int i = 0; i < 40000; i++)
      different += block[i] != 0;
    ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    ask(FILES_REMOVE, (struct files_request){0}, "/hole", NULL);
  }
  ok(error == ENOSPC && filled[0] > 3500000, "when it is full, it says so: after %lu bytes", filled[0]);
  ok(filled[1] == filled[0] && filled[2] == filled[0] && filled[3] == filled[0],
     "what a removed file held can be used again");
  ok(!different, "and is zeros then");
  uint32_t made_files = 0;
  char name[32];
  do {
    snprintf(name, sizeof name, "/f%u", made_files);
    error = open_file(name, SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, &file);
    if (!error)
      ask(FILES_CLOSE, (struct files_request){.file = (uint32_t)file}, NULL, NULL);
    made_files += !error;
  } while (!error && made_files < 100000);
  ok(error == ENOSPC && made_files > 1000, "%u names use it up too", made_files);
  ok(ask(FILES_MAKE, (struct files_request){.length = 0700}, "/d", NULL) == ENOSPC &&
         ask_two(FILES_LINK, "x", "/l") == ENOSPC &&
         ask_two(FILES_RENAME, "/f0", "/g0-which-is-much-longer-than-what-it-replaces-and-so-needs-memory") == ENOSPC,
     "directories, links and new names as well");
  ok(status_of("/f0", true, NULL).mode == (S_IFREG | 0644), "what failed has changed nothing");
  memory_left = UINT64_MAX;
}

static uint32_t begin_with(uint32_t which) {
  static const struct services_mount good = {.flags = SERVICES_MOUNT_READ_ONLY, .path = "/ro"};
  struct signet_startup startup = {.abi_version = SIGNET_ABI_VERSION,
                                   .slots = 3,
                                   .area_low = AREA_LOW,
                                   .area_high = AREA_HIGH,
                                   .bytes_offset = (uint32_t)(uintptr_t)&bytes,
                                   .bytes_length = sizeof bytes.head + 2 * sizeof bytes.place[0],
                                   .handles = {1, 2, 0x77}};
  memset(&bytes, 0, sizeof bytes);
  bytes.head = (struct services_memory){SERVICES_MEMORY_VERSION, 2, 5, 2};
  bytes.place[0] = good;
  bytes.place[1] = (struct services_mount){.path = "/w"};
  switch (which) {
  case 1:
    startup.abi_version++;
    break;
  case 2:
    startup.bytes_length = sizeof bytes.head - 1;
    break;
  case 3:
    startup.bytes_length--;
    break;
  case 4:
    bytes.head.version++;
    break;
  case 5:
    bytes.head.clients = 0;
    startup.slots = 1;
    break;
  case 6:
    bytes.head.clients = SIGNET_SLOTS_MOST;
    startup.slots = SIGNET_SLOTS_MOST + 1;
    break;
  case 7:
    startup.slots = 2;
    break;
  case 8:
    startup.slots = 4;
    break;
  case 9:
    bytes.head.places = UINT32_MAX;
    break;
  case 10:
    memset(bytes.place[1].path, 'x', sizeof bytes.place[1].path);
    break;
  case 11:
    strcpy(bytes.place[1].path, "w");
    break;
  case 12:
    strcpy(bytes.place[1].path, "/w/");
    break;
  case 13:
    strcpy(bytes.place[1].path, "/ro/file");
    break;
  case 14:
    strcpy(bytes.place[1].path, "/ro/file/below");
    break;
  case 15:
    strcpy(bytes.place[1].path, "/w/indir");
    break;
  case 16:
    bytes.place[1].flags = 2;
    break;
  case 17:
    memset(bytes.place[1].path, '/', sizeof bytes.place[1].path);
    break;
  }
  memory_anew();
  return memory_begin(&service, &startup);
}

static void test_start(void) {
  cpio_good();
  ok(begin_with(0) == 0, "start-up bytes that are right");
  for (uint32_t i = 1; i <= 17; i++)
    ok(begin_with(i) == SERVICES_END_STARTUP, "start-up bytes that are wrong, %u", i);
  archive_bytes = NULL;
  ok(begin_with(0) == SERVICES_END_ARCHIVE, "an entry that the archive does not have");
  uint32_t ended = 0;
  cpio_good();
  places_good();
  uint64_t reads = (begin(1, 3), archive_reads);
  for (uint64_t i = 1; i <= reads; i++) {
    archive_reads = 0;
    archive_fails_at = i;
    ended += begin(1, 3) == SERVICES_END_ARCHIVE;
  }
  archive_fails_at = 0;
  ok(ended == reads && reads > 20, "each of %lu reads of the archive fails: it ends and says so", reads);
  ended = 0;
  for (uint64_t pages = 0; pages < 100; pages++) {
    memory_left = pages * 4096;
    uint32_t said = begin(1, 3);
    ended += said == SERVICES_END_MEMORY;
    if (said && said != SERVICES_END_MEMORY)
      ok(false, "with %lu pages it says %u", pages, said);
  }
  memory_left = UINT64_MAX;
  ok(ended > 40 && ended < 100, "too little memory for its files: it ends and says so, %u times of 100", ended);
}

static uint32_t with_name(const char *name, uint32_t mode) {
  cpio_begin();
  cpio_add("d", S_IFDIR | 0755, 0, NULL, 0);
  cpio_add("f", S_IFREG | 0755, 0, "x", 1);
  cpio_add("l", S_IFLNK | 0777, 0, "d", 1);
  cpio_add(name, mode, 0, "abc", S_ISDIR(mode) ? 0 : 3);
  cpio_end();
  return begin(1, 0);
}

/* The archive of one file, one of whose header's fields is another. */
static uint32_t with_field(uint32_t field, const char *digits) {
  cpio_begin();
  uint64_t at = cpio_add("file", S_IFREG | 0644, 0, "0123456789", 10);
  cpio_end();
  memcpy(made.bytes + at + (field ? 6 + 8 * (field - 1) : 0), digits, strlen(digits));
  return begin(1, 0);
}

static void test_hostile_archives(void) {
  memset(&bytes, 0, sizeof bytes);
  char name[300];
  static const char *const outside[] = {"..",      "../x",      "d/../x", "d/..",   "/x", "/",         "d//x",
                                        "d/../..", "x/../../y", "f/x",    "none/x", "",   "d/../../.."};
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
    ok(with_name(outside[i], S_IFREG | 0644) == SERVICES_END_NAME, "an archive with the name \"%s\"", outside[i]);
  memset(name, 'n', 256);
  name[256] = 0;
  ok(with_name(name, S_IFREG | 0644) == SERVICES_END_NAME, "a name of 256 bytes");
  name[255] = 0;
  ok(with_name(name, S_IFREG | 0644) == 0, "one of 255");
  ok(with_name("f", S_IFREG | 0644) == SERVICES_END_NAME && with_name("f", S_IFDIR | 0755) == SERVICES_END_NAME &&
         with_name("d", S_IFREG | 0644) == SERVICES_END_NAME && with_name("d", S_IFLNK | 0777) == SERVICES_END_NAME &&
         with_name("l", S_IFREG | 0644) == SERVICES_END_NAME,
     "a name that is there");
  ok(with_name("d", S_IFDIR | 0700) == 0 && status_of("/d", true, NULL).mode == (S_IFDIR | 0700),
     "a directory may be there");
  ok(with_name("l/new", S_IFREG | 0644) == 0 && read_all("/d/new", (const uint8_t *)"abc", 3),
     "a link on the way leads nowhere else than inside");
  ok(with_name("./d/./new", S_IFREG | 0644) == 0 && read_all("/d/new", (const uint8_t *)"abc", 3), "\".\" is nothing");
  static const uint32_t kinds[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, 0, 0170000};
  for (size_t i = 0; i < 6; i++)
    ok(with_name("x", kinds[i] | 0644) == SERVICES_END_KIND, "an entry of the type %o", kinds[i]);
  ok(with_field(5, "00000002") == SERVICES_END_KIND, "a second name of a file");

  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, "a\0b", 3);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link with a NUL in it");
  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, "", 0);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link to nothing");
  cpio_begin();
  memset(content, 'x', 4096);
  cpio_add("link", S_IFLNK | 0777, 0, content, 4096);
  cpio_end();
  ok(begin(1, 0) == SERVICES_END_NAME, "a link that is too long");
  cpio_begin();
  cpio_add("link", S_IFLNK | 0777, 0, content, 4095);
  cpio_end();
  ok(begin(1, 0) == 0, "and one that is not");

  static const struct {
    uint32_t field;
    const char *digits, *name;
  } fields[] = {{0, "070702", "the other magic"},       {0, "\xc7\x71\0\0\0\0", "the old form"},
                {2, "0000x1a4", "no number"},           {2, "0000 1a4", "a space in a number"},
                {7, "ffffffff", "a file without end"},  {7, "00001000", "a file over the end"},
                {7, "7fffffff", "a long file"},         {12, "00000000", "a name of no bytes"},
                {12, "00000004", "a name that is cut"}, {12, "00000006", "a name that goes on"},
                {12, "ffffffff", "a name without end"}, {12, "fffffff8", "nearly so"}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    ok(with_field(fields[i].field, fields[i].digits) == SERVICES_END_FORM, "%s", fields[i].name);
  ok(with_field(2, "000081A4") == 0, "capital digits are digits");
  ok(with_field(12, "00000005") == 0, "the right length is right");

  /* Cut anywhere, or with any byte another: it ends with a reason, or it is a tree. */
  uint32_t forms = 0, others = 0;
  cpio_good();
  places_good();
  uint64_t whole = made.length;
  for (uint64_t length = 0; length < whole; length += length < 3000 || length > whole - 1000 ? 1 : 611) {
    archive_length = length;
    uint32_t said = begin(1, 3);
    forms += said == SERVICES_END_FORM;
    others += said != SERVICES_END_FORM;
  }
  ok(forms > 3000 && others <= 4, "cut short it is refused, at %u places", forms + others);
  archive_length = whole;
  uint32_t taken = 0, refused = 0;
  for (int i = 0; i < 20000; i++) {
    uint64_t at = test_random() % 1400;
    uint8_t before = made.bytes[at];
    made.bytes[at] = test_random() % 2 ? (uint8_t)test_random() : (uint8_t) "0123456789abcdef/."[test_random() % 18];
    uint32_t said = begin(1, 3);
    taken += !said;
    refused += said >= SERVICES_END_DEVICE && said <= SERVICES_END_STARTUP;
    made.bytes[at] = before;
  }
  ok(taken + refused == 20000 && taken > 100 && refused > 1000,
     "bytes of it changed: %u times a tree, %u times refused", taken, refused);
}

/* ---- Requests that are wrong in every field ---- */

static uint64_t extreme(void) {
  static const uint64_t values[] = {
      0,      1,          2,        3,          7,         64,         255,        256,        1023,
      1024,   4095,       4096,     4097,       0xffff,    0777,       07777,      010000,     FILES_BLOCK_MOST,
      100000, 0x7fffffff, 1u << 31, UINT32_MAX, INT64_MAX, 1ull << 63, UINT64_MAX, 1ull << 32, FILES_BLOCK_MOST + 1};
  return values[test_random() % (sizeof values / sizeof *values)];
}

static size_t hostile_text(char *text, size_t most) {
  static const char *const pieces[] = {"/", "w", "ro",   "dir",  "..",  ".",    "//",   "file", "in", "indir",
                                       "a", "",  "/../", "loop", "/w/", "/ro/", "/w/a", "out",  "/"};
  size_t length = 0;
  if (test_random() % 64 == 0) {
    length = test_random() % (most + 1);
    memset(text, '/' + (int)(test_random() % 3), length);
    return length;
  }
  for (uint32_t count = test_random() % 8; count > 0; count--) {
    const char *piece = pieces[test_random() % (sizeof pieces / sizeof *pieces)];
    size_t size = *piece ? strlen(piece) : 1;
    memcpy(text + length, piece, size);
    length += size;
  }
  if (test_random() % 8)
    text[length++] = 0;
  return length;
}

static void test_hostile_requests(void) {
  enum { ROUNDS = 200000 };
  static char text[FILES_INLINE_MOST];
  cpio_good();
  places_good();
  memory_left = 8 << 20;
  ok(begin(4, 3) == 0, "a service with four clients");
  uint32_t errors = 0;
  for (int i = 0; i < ROUNDS; i++) {
    uint32_t tag = test_random() % 32, client = test_random() % 4;
    if (tag >= FILES_MESSAGE_COUNT)
      tag = (uint32_t)extreme();
    struct files_request request = {(uint32_t)extreme(), (uint32_t)extreme(), extreme(), extreme()};
    if (test_random() % 2)
      request.flags = test_random() % 256;
    if (test_random() % 2)
      request.file = test_random() % 8;
    bool named = request_names(tag);
    size_t length = named || tag == FILES_WRITE || test_random() % 16 == 0 ? hostile_text(text, sizeof text) : 0;
    errors += ask_bytes(client, tag, request, text, length, NULL) != 0;
    if (test_random() % 3000 == 0)
      memory_forget(&service.clients[client]);
    map_fails = test_random() % 16 == 0;
  }
  map_fails = false;
  ok(errors > ROUNDS / 10 && errors < ROUNDS, "%u hostile requests, %u errors", ROUNDS, errors);
  for (int i = 0; i < 20000; i++) {
    memset(&buffer, 0, sizeof buffer);
    buffer.message.tag = test_random() % FILES_MESSAGE_COUNT;
    buffer.message.length = test_random() % 3 ? test_random() % 8000 : (uint32_t)extreme();
    buffer.message.moved_count = test_random() % 5;
    buffer.message.moved[0].offset = (uint32_t)(uintptr_t)block;
    buffer.message.moved[0].length = test_random() % 2 ? FILES_BLOCK_MOST : 0;
    if (buffer.message.length > FILES_REQUEST && buffer.message.length < sizeof buffer.data)
      memset(buffer.data + FILES_REQUEST, '/', buffer.message.length - FILES_REQUEST);
    memory_serve(&service, &service.clients[0], &buffer);
    if (buffer.message.length > FILES_ANSWER + FILES_INLINE_MOST)
      ok(false, "an answer that is too long");
  }
  for (uint32_t i = 0; i < 4; i++)
    memory_forget(&service.clients[i]);
  memory_left = UINT64_MAX;
  uint64_t read_only;
  ok(read_all("/ro/file", (const uint8_t *)"hello", 5) && read_all("/ro/dir/deep", content, sizeof content) &&
         status_of("/ro", true, &read_only).mode == (S_IFDIR | 0755) && read_only == 1 &&
         status_of("/ro/file", true, &read_only).modified == 3000ull * 1000000000,
     "what is read-only is as it was");
}

static void test_all(void) {
  test_start();
  test_archive();
  test_read_only();
  test_boundaries();
  test_memory();
  test_hostile_archives();
  test_hostile_requests();
  test_model();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  test_run_low(test_all);
  return finish();
}
