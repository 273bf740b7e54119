/* Owns directory devices: a tree of the host's files, out of which no name leads. Called by the service that holds the
 * device, on its processor, without the kernel lock; one thread at a time (a process runs on one processor).
 *
 * Names are resolved by openat2 with RESOLVE_IN_ROOT: ".." and absolute links stay in the tree. Nothing on procfs is
 * ever opened, because /proc/self/mem could write through every seal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signet/device.h>

#include "port/linux/linux.h"

#define FILES_MOST 1024
/* Bytes of one request: for as long as it takes a processor is in the host, and runs nobody. */
#define TRANSFER_MOST (1u << 20)
/* A process does not make programs that run with its owner's rights: set-user and set-group bits are dropped. */
#define MODE_ALL 07777
#define MODE_GIVEN 01777

struct directory_device {
  struct port_device device;
  int root;
  bool read_only;
  int file[FILES_MOST]; /* host descriptors; -1 free */
};

static const struct signet_result unsupported = {SIGNET_UNSUPPORTED, 0};
static const struct signet_result bad_address = {SIGNET_ADDRESS, 0};

static struct signet_result answer(int64_t value) {
  return value < 0 ? linux_device_error(errno) : (struct signet_result){SIGNET_OK, (uint64_t)value};
}

/* 0, or why it cannot be used: what the host does not tell about may be on procfs. */
static int refused(int descriptor) {
  struct statfs information;
  if (fstatfs(descriptor, &information) != 0)
    return errno;
  return information.f_type == PROC_SUPER_MAGIC ? EACCES : 0;
}

/* A descriptor, or -1 with errno set. */
static int open_inside(int root, const char *name, uint64_t flags, uint64_t mode) {
  /* openat2 refuses a descriptor that only names something together with flags for one that reads. */
  struct open_how how = {.flags = flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK),
                         .mode = mode,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  int descriptor = (int)syscall(SYS_openat2, root, *name ? name : ".", &how, sizeof how);
  int error = descriptor < 0 ? 0 : refused(descriptor);
  if (!error)
    return descriptor;
  close(descriptor);
  errno = error;
  return -1;
}

/* Opens the directory that the last part of a name is in; *last is that part. -1 with errno set. */
static int open_parent(int root, const char *name, const char **last) {
  char parent[4097];
  const char *slash = strrchr(name, '/');
  *last = slash ? slash + 1 : name;
  if (**last == 0 || strcmp(*last, ".") == 0 || strcmp(*last, "..") == 0) {
    errno = EINVAL;
    return -1;
  }
  size_t length = slash ? (size_t)(slash - name) : 0;
  if (length >= sizeof parent) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(parent, name, length);
  parent[length] = 0;
  return open_inside(root, parent, O_PATH | O_DIRECTORY, 0);
}

static int file_of(const struct directory_device *directory, uint64_t number) {
  return number < FILES_MOST ? directory->file[number] : -1;
}

static struct signet_result open_file(struct directory_device *directory, const struct port_request *request) {
  uint64_t wish = request->arguments[0];
  bool writes = wish & (SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_TRUNCATE);
  if (wish & ~255ull || request->arguments[1] & ~(uint64_t)MODE_ALL)
    return linux_device_error(EINVAL);
  if (writes && directory->read_only)
    return linux_device_error(EROFS);
  uint64_t flags = wish & SIGNET_OPEN_WRITE ? (wish & SIGNET_OPEN_READ ? O_RDWR : O_WRONLY) : O_RDONLY;
  flags |= (wish & SIGNET_OPEN_CREATE ? O_CREAT : 0) | (wish & SIGNET_OPEN_EXCLUSIVE ? O_EXCL : 0) |
           (wish & SIGNET_OPEN_TRUNCATE ? O_TRUNC : 0) | (wish & SIGNET_OPEN_APPEND ? O_APPEND : 0) |
           (wish & SIGNET_OPEN_DIRECTORY ? O_DIRECTORY : 0) | (wish & SIGNET_OPEN_NO_FOLLOW ? O_NOFOLLOW : 0);
  uint32_t number = 0;
  while (number < FILES_MOST && directory->file[number] >= 0)
    number++;
  if (number == FILES_MOST)
    return linux_device_error(EMFILE);
  int descriptor = open_inside(directory->root, request->text, flags,
                               wish & SIGNET_OPEN_CREATE ? request->arguments[1] & MODE_GIVEN : 0);
  if (descriptor < 0)
    return answer(-1);
  struct stat host;
  int error = fstat(descriptor, &host) ? errno : 0;
  /* A processor must never wait for the host: what could make a read wait is not a file. */
  if (!error && !S_ISREG(host.st_mode) && !S_ISDIR(host.st_mode))
    error = EACCES;
  if (error) {
    close(descriptor);
    return linux_device_error(error);
  }
  directory->file[number] = descriptor;
  return answer(number);
}

static struct signet_result give_status(const struct port_request *request, const struct stat *host) {
  struct signet_file_status status;
  linux_fill_status(&status, host);
  if (request->buffer_length < sizeof status)
    return (struct signet_result){SIGNET_CAPACITY, sizeof status};
  return port_copy_out(request->window, request->buffer_offset, &status, sizeof status) ? answer(0) : bad_address;
}

static struct signet_result status_of_name(const struct directory_device *directory,
                                           const struct port_request *request) {
  struct stat host;
  int descriptor = open_inside(directory->root, request->text, O_PATH | (request->arguments[0] ? O_NOFOLLOW : 0), 0);
  if (descriptor < 0)
    return answer(-1);
  int error = fstat(descriptor, &host) ? errno : 0;
  close(descriptor);
  return error ? linux_device_error(error) : give_status(request, &host);
}

static struct signet_result list(int descriptor, const struct port_request *request) {
  struct linux_entry {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
  } __attribute__((packed));
  char host[8192], out[8192];
  size_t limit = request->buffer_length < sizeof out ? request->buffer_length : sizeof out, used = 0;
  if (request->arguments[1] > INT64_MAX || lseek(descriptor, (off_t)request->arguments[1], SEEK_SET) < 0)
    return linux_device_error(EINVAL);
  long got = syscall(SYS_getdents64, descriptor, host, sizeof host);
  if (got < 0)
    return answer(-1);
  bool any = got > 0;
  for (long at = 0; at < got;) {
    const struct linux_entry *from = (const void *)(host + at);
    size_t name = strlen(from->name) + 1;
    size_t size = (offsetof(struct signet_directory_entry, name) + name + 7) & ~(size_t)7;
    if (size > limit - used)
      break;
    struct signet_directory_entry *entry = memset(out + used, 0, size);
    entry->inode = from->inode;
    entry->next = (uint64_t)from->next;
    entry->size = (uint16_t)size;
    entry->type = from->type;
    memcpy(entry->name, from->name, name);
    used += size;
    at += from->size;
  }
  if (any && used == 0)
    return (struct signet_result){SIGNET_CAPACITY, 512};
  return port_copy_out(request->window, request->buffer_offset, out, used) ? answer((int64_t)used) : bad_address;
}

static struct timespec time_of(uint64_t nanoseconds) {
  return (struct timespec){(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
}

/* Operations on a name's last part, in its parent directory. */
static struct signet_result on_name(const struct directory_device *directory, const struct port_request *request) {
  const uint64_t *arguments = request->arguments;
  const char *name = request->operation == SIGNET_DIRECTORY_LINK ? request->text2 : request->text;
  const char *last, *last2;
  char target[4096];
  struct signet_result result;
  int64_t value;
  int parent = open_parent(directory->root, name, &last), parent2;
  if (parent < 0)
    return answer(-1);
  switch (request->operation) {
  case SIGNET_DIRECTORY_MAKE:
    result = answer(mkdirat(parent, last, (mode_t)(arguments[0] & MODE_GIVEN)));
    break;
  case SIGNET_DIRECTORY_REMOVE:
    result = answer(unlinkat(parent, last, arguments[0] ? AT_REMOVEDIR : 0));
    break;
  case SIGNET_DIRECTORY_LINK:
    result = answer(symlinkat(request->text, parent, last));
    break;
  case SIGNET_DIRECTORY_READ_LINK:
    value = readlinkat(parent, last, target, sizeof target);
    result = answer(value);
    if (value > request->buffer_length)
      result = (struct signet_result){SIGNET_CAPACITY, (uint64_t)value};
    else if (value >= 0 && !port_copy_out(request->window, request->buffer_offset, target, (size_t)value))
      result = bad_address;
    break;
  case SIGNET_DIRECTORY_RENAME:
    parent2 = open_parent(directory->root, request->text2, &last2);
    result = answer(parent2 < 0 ? -1 : syscall(SYS_renameat2, parent, last, parent2, last2, 0));
    if (parent2 >= 0)
      close(parent2);
    break;
  default:
    result = unsupported;
  }
  close(parent);
  return result;
}

/* Operations on the file that a name leads to. */
static struct signet_result on_target(const struct directory_device *directory, const struct port_request *request) {
  const uint64_t *arguments = request->arguments;
  if (request->operation == SIGNET_DIRECTORY_TIMES) {
    struct timespec times[2] = {time_of(arguments[0]), time_of(arguments[1])};
    const char *last;
    int parent = open_parent(directory->root, request->text, &last);
    if (parent < 0)
      return answer(-1);
    struct stat host;
    /* Following a link would leave the tree: only what is not a link is followed. */
    bool link = fstatat(parent, last, &host, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(host.st_mode);
    struct signet_result result =
        link && !arguments[2] ? linux_device_error(ELOOP) : answer(utimensat(parent, last, times, AT_SYMLINK_NOFOLLOW));
    close(parent);
    return result;
  }
  int descriptor = open_inside(directory->root, request->text, O_RDONLY, 0);
  if (descriptor < 0)
    return answer(-1);
  struct signet_result result = answer(fchmod(descriptor, (mode_t)(arguments[0] & MODE_GIVEN)));
  close(descriptor);
  return result;
}

static struct signet_result on_file(struct directory_device *directory, const struct port_request *request) {
  const uint64_t *arguments = request->arguments;
  void *buffer = (void *)(linux_window_base(request->window) + request->buffer_offset);
  size_t length = request->buffer_length < TRANSFER_MOST ? request->buffer_length : TRANSFER_MOST;
  int descriptor = file_of(directory, arguments[0]);
  struct stat host;
  if (descriptor < 0)
    return linux_device_error(EBADF);
  if (arguments[1] > INT64_MAX)
    return linux_device_error(EINVAL);
  switch (request->operation) {
  case SIGNET_DIRECTORY_CLOSE:
    directory->file[arguments[0]] = -1;
    return answer(close(descriptor));
  case SIGNET_DIRECTORY_READ:
    return answer(pread(descriptor, buffer, length, (off_t)arguments[1]));
  case SIGNET_DIRECTORY_WRITE:
    return answer(pwrite(descriptor, buffer, length, (off_t)arguments[1]));
  case SIGNET_DIRECTORY_LIST:
    return list(descriptor, request);
  case SIGNET_DIRECTORY_STATUS:
    return fstat(descriptor, &host) ? answer(-1) : give_status(request, &host);
  case SIGNET_DIRECTORY_TRUNCATE:
    return answer(ftruncate(descriptor, (off_t)arguments[1]));
  case SIGNET_DIRECTORY_SYNC:
    return answer(fsync(descriptor));
  default:
    return unsupported;
  }
}

static bool directory_request(struct port_device *device, const struct port_request *request,
                              struct signet_result *result) {
  struct directory_device *directory = (struct directory_device *)device;
  linux_cpus_take_over(); /* a disk takes its time */
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    *result = (struct signet_result){SIGNET_OK, SIGNET_DEVICE_DIRECTORY};
    return true;
  case SIGNET_DIRECTORY_OPEN:
    *result = open_file(directory, request);
    return true;
  case SIGNET_DIRECTORY_STATUS_NAME:
    *result = status_of_name(directory, request);
    return true;
  case SIGNET_DIRECTORY_READ_LINK:
    *result = on_name(directory, request);
    return true;
  case SIGNET_DIRECTORY_MAKE:
  case SIGNET_DIRECTORY_REMOVE:
  case SIGNET_DIRECTORY_RENAME:
  case SIGNET_DIRECTORY_LINK:
    *result = directory->read_only ? linux_device_error(EROFS) : on_name(directory, request);
    return true;
  case SIGNET_DIRECTORY_PERMISSIONS:
  case SIGNET_DIRECTORY_TIMES:
    *result = directory->read_only ? linux_device_error(EROFS) : on_target(directory, request);
    return true;
  default:
    *result = on_file(directory, request);
    return true;
  }
}

static void directory_reset(struct port_device *device) {
  struct directory_device *directory = (struct directory_device *)device;
  for (uint32_t number = 0; number < FILES_MOST; number++) {
    if (directory->file[number] >= 0)
      close(directory->file[number]);
    directory->file[number] = -1;
  }
}

static void directory_close(struct port_device *device) {
  struct directory_device *directory = (struct directory_device *)device;
  directory_reset(device);
  close(directory->root);
  free(directory);
}

struct port_device *linux_directory_device(const char *path, bool read_only, const char **problem) {
  struct directory_device *directory = malloc(sizeof *directory);
  *problem = "no memory for a directory";
  if (!directory)
    return NULL;
  directory->device =
      (struct port_device){.request = directory_request, .close = directory_close, .reset = directory_reset};
  directory->read_only = read_only;
  memset(directory->file, -1, sizeof directory->file);
  directory->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory->root < 0) {
    *problem = strerror(errno);
    goto fail;
  }
  int error = refused(directory->root);
  if (error) {
    *problem = error == EACCES ? "it is on procfs, from which sealed code could be written" : strerror(error);
    goto close_root;
  }
  if (!linux_confine_allow(directory->root, read_only)) {
    *problem = "the host's Landlock refuses it";
    goto close_root;
  }
  return &directory->device;
close_root:
  close(directory->root);
fail:
  free(directory);
  return NULL;
}
