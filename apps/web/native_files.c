/* Files of the native web server: a directory of the machine, and nothing outside it whatever links there are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apps/web/native.h"
#include "apps/web/transport.h"

static int root = -1;

bool native_storage_begin(const char *name) {
  root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return root >= 0;
}

static const char *relative(const char *path) {
  while (*path == '/')
    path++;
  return *path ? path : ".";
}

static void convert(const struct stat *status, struct storage_facts *facts) {
  *facts = (struct storage_facts){
      .inode = status->st_ino,
      .size = (uint64_t)status->st_size,
      .modified = (uint64_t)status->st_mtim.tv_sec * SECOND + (uint64_t)status->st_mtim.tv_nsec,
      .changed = (uint64_t)status->st_ctim.tv_sec * SECOND + (uint64_t)status->st_ctim.tv_nsec,
      .mode = status->st_mode,
  };
}

int storage_status(const char *path, struct storage_facts *facts) {
  struct stat status;
  if (fstatat(root, relative(path), &status, 0) != 0)
    return errno;
  convert(&status, facts);
  return 0;
}

static int open_below(const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_BENEATH};
  return (int)syscall(SYS_openat2, root, relative(path), &how, sizeof how);
}

int storage_open(const char *path, uint32_t *number, struct storage_facts *facts) {
  int file = open_below(path, 0);
  if (file < 0)
    return errno;
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    return EACCES;
  }
  convert(&status, facts);
  *number = (uint32_t)file;
  return 0;
}

int storage_open_directory(const char *path, uint32_t *number) {
  int file = open_below(path, O_DIRECTORY);
  if (file < 0)
    return errno;
  *number = (uint32_t)file;
  return 0;
}

void storage_close(uint32_t number) { close((int)number); }

int storage_read(uint32_t number, uint64_t offset, void *bytes, uint32_t length, uint32_t *read) {
  ssize_t got = pread((int)number, bytes, length, (off_t)offset);
  *read = got < 0 ? 0 : (uint32_t)got;
  return got < 0 ? errno : 0;
}

int storage_read_block(uint32_t number, uint64_t offset, struct block *block, uint32_t at, uint32_t length,
                       uint32_t *read) {
  return storage_read(number, offset, block->bytes + at, length, read);
}

int storage_list(uint32_t number, uint64_t *position, bool (*each)(void *context, const char *name), void *context,
                 bool *more) {
  _Alignas(8) char bytes[4096];
  (void)position; /* the directory's own */
  long length = syscall(SYS_getdents64, (int)number, bytes, sizeof bytes);
  if (length < 0)
    return errno;
  *more = length > 0;
  for (long at = 0; at < length;) {
    const struct dirent64 *entry = (const void *)(bytes + at);
    at += entry->d_reclen;
    if (!each(context, entry->d_name)) {
      *more = false;
      break;
    }
  }
  return 0;
}
