/* The file service in memory: random requests, whose answers must be those of the host's own files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/services/memory_kernel.h"

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

static void test_all(void) { test_model(); }

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  test_run_low(test_all);
  return finish();
}
