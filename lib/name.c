/* Calls on files by name, over the file service or the process's own /tmp. Any thread; no lock of its own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/linux.h"

#define READ_ONLY_VALUE 1 /* a status's value: the name is on a read-only mount */
#define RENAME_NO_REPLACE 1
/* As Linux numbers them: what a C library without them does not name. */
#define TIME_NOW 0x3fffffff
#define TIME_OMIT 0x3ffffffe

void signet_status_convert(const struct signet_file_status *from, struct stat *to) {
  memset(to, 0, sizeof *to);
  to->st_dev = from->device;
  to->st_ino = from->inode;
  to->st_mode = from->mode;
  to->st_nlink = from->links;
  to->st_size = from->size;
  to->st_blksize = FILES_INLINE_MOST;
  to->st_blocks = from->blocks;
  to->st_atim.tv_sec = from->accessed / NANOSECONDS;
  to->st_atim.tv_nsec = from->accessed % NANOSECONDS;
  to->st_mtim.tv_sec = from->modified / NANOSECONDS;
  to->st_mtim.tv_nsec = from->modified % NANOSECONDS;
  to->st_ctim.tv_sec = from->changed / NANOSECONDS;
  to->st_ctim.tv_nsec = from->changed % NANOSECONDS;
}

/* Asks for one name. The exchange's tag, request and take are filled in. */
static long ask_name(int directory, const char *name, struct exchange *exchange, bool *final_slash) {
  struct path path;
  long error = signet_path_begin(&path, directory, name);
  if (error)
    return error;
  exchange->send = path.parts;
  exchange->send_count = path.count;
  if (final_slash)
    *final_slash = path.final_slash;
  error = signet_name_ask(exchange, NULL);
  signet_path_end(&path);
  return error;
}

/* Asks for two names: the first as text if `target` is set. */
static long ask_names(uint32_t tag, const char *target, int from_directory, const char *from, int to_directory,
                      const char *to) {
  struct path first, second;
  struct iovec parts[2 * PATH_PARTS];
  uint32_t count = 0;
  long error = 0;
  if (!target)
    error = signet_path_begin(&first, from_directory, from);
  if (error)
    return error;
  error = signet_path_begin(&second, to_directory, to);
  if (error)
    goto out;
  if (target) {
    parts[count++] = (struct iovec){(char *)target, strlen(target) + 1};
  } else {
    memcpy(parts, first.parts, first.count * sizeof *parts);
    count = first.count;
  }
  memcpy(parts + count, second.parts, second.count * sizeof *parts);
  count += second.count;
  struct exchange exchange = {.tag = tag, .send = parts, .send_count = count};
  error = signet_name_ask(&exchange, NULL);
  signet_path_end(&second);
out:
  if (!target)
    signet_path_end(&first);
  return error;
}

/* ---- Status ---- */

long signet_name_status(int directory, const char *name, int flags, struct stat *status, bool *read_only) {
  if (read_only)
    *read_only = false;
  if (name[0] == 0 && (flags & AT_EMPTY_PATH)) {
    if (directory == AT_FDCWD)
      return signet_name_status(directory, ".", flags, status, read_only);
    const long argument[6] = {directory, (long)status};
    return signet_linux_fstat(argument);
  }
  if (signet_device_status(name, status))
    return 0;
  struct signet_file_status from;
  struct iovec take = {&from, sizeof from};
  struct exchange exchange = {.tag = FILES_STATUS_NAME, .take = &take, .take_count = 1};
  size_t length = strlen(name);
  bool final_slash = false;
  if ((flags & AT_SYMLINK_NOFOLLOW) && length && name[length - 1] != '/')
    exchange.request.flags = 1;
  long error = ask_name(directory, name, &exchange, &final_slash);
  if (error)
    return error;
  if (exchange.taken != sizeof from)
    return -EIO;
  signet_status_convert(&from, status);
  if (final_slash && !S_ISDIR(status->st_mode))
    return -ENOTDIR;
  if (read_only)
    *read_only = exchange.value & READ_ONLY_VALUE;
  return 0;
}

long signet_linux_stat(const long *argument) {
  return signet_name_status(AT_FDCWD, (const char *)argument[0], 0, (struct stat *)argument[1], NULL);
}

long signet_linux_lstat(const long *argument) {
  return signet_name_status(AT_FDCWD, (const char *)argument[0], AT_SYMLINK_NOFOLLOW, (struct stat *)argument[1], NULL);
}

long signet_linux_newfstatat(const long *argument) {
  return signet_name_status(argument[0], (const char *)argument[1], argument[3], (struct stat *)argument[2], NULL);
}

/* As Linux has it; C libraries differ in when they name it. */
struct status_extended {
  uint32_t mask, block_size;
  uint64_t attributes;
  uint32_t links, user, group;
  uint16_t mode, spare;
  uint64_t inode, size, blocks, attributes_mask;
  struct {
    int64_t seconds;
    uint32_t nanoseconds, spare;
  } accessed, created, changed, modified;
  uint32_t special_major, special_minor, device_major, device_minor;
  uint64_t spares[14];
};
_Static_assert(sizeof(struct status_extended) == 256, "struct statx");

long signet_linux_statx(const long *argument) {
  struct stat status;
  long error = signet_name_status(argument[0], (const char *)argument[1], argument[2], &status, NULL);
  if (error)
    return error;
  struct status_extended *to = (struct status_extended *)argument[4];
  *to = (struct status_extended){
      .mask = 0x7ff & ~0x800u, /* STATX_BASIC_STATS */
      .block_size = status.st_blksize,
      .links = status.st_nlink,
      .mode = status.st_mode,
      .inode = status.st_ino,
      .size = status.st_size,
      .blocks = status.st_blocks,
      .accessed = {status.st_atim.tv_sec, status.st_atim.tv_nsec, 0},
      .changed = {status.st_ctim.tv_sec, status.st_ctim.tv_nsec, 0},
      .modified = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, 0},
      .special_major = major(status.st_rdev),
      .special_minor = minor(status.st_rdev),
      .device_major = major(status.st_dev),
      .device_minor = minor(status.st_dev),
  };
  return 0;
}

static long access_name(int directory, const char *name, int mode, int flags) {
  struct stat status;
  bool read_only;
  if (mode & ~(R_OK | W_OK | X_OK))
    return -EINVAL;
  long error = signet_name_status(directory, name, flags, &status, &read_only);
  if (error)
    return error;
  if ((mode & W_OK) && read_only)
    return -EROFS;
  /* User 0 may do all but run what nobody may. */
  if ((mode & X_OK) && !S_ISDIR(status.st_mode) && !(status.st_mode & 0111))
    return -EACCES;
  return 0;
}

long signet_linux_access(const long *argument) {
  return access_name(AT_FDCWD, (const char *)argument[0], argument[1], 0);
}

long signet_linux_faccessat(const long *argument) {
  return access_name(argument[0], (const char *)argument[1], argument[2], 0);
}

long signet_linux_faccessat2(const long *argument) {
  return access_name(argument[0], (const char *)argument[1], argument[2], argument[3]);
}

static long file_system(struct statfs *to) {
  memset(to, 0, sizeof *to);
  to->f_type = 0x5167;
  to->f_bsize = to->f_frsize = FILES_INLINE_MOST;
  to->f_namelen = NAME_MAX;
  return 0;
}

/* How much room there is, is the host's secret: 0 of 0. */
long signet_linux_statfs(const long *argument) {
  struct stat status;
  long error = signet_name_status(AT_FDCWD, (const char *)argument[0], 0, &status, NULL);
  return error ? error : file_system((struct statfs *)argument[1]);
}

long signet_linux_fstatfs(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  signet_description_put(description);
  return file_system((struct statfs *)argument[1]);
}

/* ---- Names made, removed and renamed ---- */

static long make_directory(int directory, const char *name, unsigned mode) {
  struct exchange exchange = {.tag = FILES_MAKE, .request = {.length = mode & ~signet_creation_mask() & 07777}};
  return ask_name(directory, name, &exchange, NULL);
}

long signet_linux_mkdir(const long *argument) {
  return make_directory(AT_FDCWD, (const char *)argument[0], argument[1]);
}

long signet_linux_mkdirat(const long *argument) {
  return make_directory(argument[0], (const char *)argument[1], argument[2]);
}

static long remove_name(int directory, const char *name, bool is_directory) {
  struct exchange exchange = {.tag = FILES_REMOVE, .request = {.flags = is_directory}};
  size_t length = strlen(name);
  if (is_directory && (strcmp(name, ".") == 0 || (length > 1 && strcmp(name + length - 2, "/.") == 0)))
    return -EINVAL;
  if (!is_directory && length && name[length - 1] == '/')
    return -ENOTDIR;
  return ask_name(directory, name, &exchange, NULL);
}

long signet_linux_unlink(const long *argument) { return remove_name(AT_FDCWD, (const char *)argument[0], false); }
long signet_linux_rmdir(const long *argument) { return remove_name(AT_FDCWD, (const char *)argument[0], true); }

long signet_linux_unlinkat(const long *argument) {
  if (argument[2] & ~AT_REMOVEDIR)
    return -EINVAL;
  return remove_name(argument[0], (const char *)argument[1], argument[2] & AT_REMOVEDIR);
}

static long rename_name(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  struct stat status;
  if (flags & ~RENAME_NO_REPLACE)
    return -EINVAL;
  /* Not in one step: a name made in between is replaced. */
  if (flags && signet_name_status(to_directory, to, AT_SYMLINK_NOFOLLOW, &status, NULL) == 0)
    return -EEXIST;
  return ask_names(FILES_RENAME, NULL, from_directory, from, to_directory, to);
}

long signet_linux_rename(const long *argument) {
  return rename_name(AT_FDCWD, (const char *)argument[0], AT_FDCWD, (const char *)argument[1], 0);
}

long signet_linux_renameat(const long *argument) {
  return rename_name(argument[0], (const char *)argument[1], argument[2], (const char *)argument[3], 0);
}

long signet_linux_renameat2(const long *argument) {
  return rename_name(argument[0], (const char *)argument[1], argument[2], (const char *)argument[3], argument[4]);
}

long signet_linux_symlinkat(const long *argument) {
  const char *target = (const char *)argument[0];
  if (target[0] == 0)
    return -ENOENT;
  return ask_names(FILES_LINK, target, 0, NULL, argument[1], (const char *)argument[2]);
}

long signet_linux_symlink(const long *argument) {
  const long full[6] = {argument[0], AT_FDCWD, argument[1]};
  return signet_linux_symlinkat(full);
}

/* The file service has no second names for a file: as on a file system without them. */
long signet_linux_linkat(const long *argument) {
  struct stat status;
  long error = signet_name_status(argument[0], (const char *)argument[1], AT_SYMLINK_NOFOLLOW, &status, NULL);
  return error ? error : -EPERM;
}

long signet_linux_link(const long *argument) {
  const long full[6] = {AT_FDCWD, argument[0], AT_FDCWD, argument[1]};
  return signet_linux_linkat(full);
}

static long read_link(int directory, const char *name, char *to, long capacity) {
  if (capacity <= 0)
    return -EINVAL;
  if (strcmp(name, "/proc/self/exe") == 0) {
    size_t length = strlen(signet_facts.name);
    if (length > (size_t)capacity)
      length = capacity;
    memcpy(to, signet_facts.name, length);
    return length;
  }
  struct stat status;
  if (signet_device_status(name, &status))
    return -EINVAL;
  /* The answer may be longer than what the program has room for; it is cut there. */
  struct iovec take = {to, capacity < FILES_INLINE_MOST ? capacity : FILES_INLINE_MOST};
  struct exchange exchange = {.tag = FILES_READ_LINK, .take = &take, .take_count = 1};
  long error = ask_name(directory, name, &exchange, NULL);
  return error ? error : (long)exchange.taken;
}

long signet_linux_readlink(const long *argument) {
  return read_link(AT_FDCWD, (const char *)argument[0], (char *)argument[1], argument[2]);
}

long signet_linux_readlinkat(const long *argument) {
  return read_link(argument[0], (const char *)argument[1], (char *)argument[2], argument[3]);
}

/* ---- Attributes ---- */

static long change_mode(int directory, const char *name, unsigned mode) {
  struct exchange exchange = {.tag = FILES_PERMISSIONS, .request = {.length = mode & 07777}};
  return ask_name(directory, name, &exchange, NULL);
}

long signet_linux_chmod(const long *argument) { return change_mode(AT_FDCWD, (const char *)argument[0], argument[1]); }

long signet_linux_fchmodat(const long *argument) {
  return change_mode(argument[0], (const char *)argument[1], argument[2]);
}

long signet_linux_fchmodat2(const long *argument) {
  return argument[3] ? -EOPNOTSUPP : signet_linux_fchmodat(argument);
}

/* An open file is changed by the name under which it was opened; one of the process's own by its number. */
static long ask_open(const struct description *description, struct exchange *exchange) {
  if (!signet_is_file(description))
    return -EINVAL;
  if (!description->temporary)
    return ask_name(AT_FDCWD, description->data, exchange, NULL);
  exchange->request.file = description->number;
  return signet_temporary_ask(exchange);
}

long signet_linux_fchmod(const long *argument) {
  struct exchange exchange = {.tag = FILES_PERMISSIONS, .request = {.length = argument[1] & 07777}};
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  long result = ask_open(description, &exchange);
  signet_description_put(description);
  return result;
}

/* All files are user 0's in the program's view, and stay so. */
static long change_owner(uint32_t user, uint32_t group) {
  return (user == 0 || user == UINT32_MAX) && (group == 0 || group == UINT32_MAX) ? 0 : -EPERM;
}

long signet_linux_chown(const long *argument) {
  const long full[6] = {AT_FDCWD, argument[0], argument[1], argument[2], AT_SYMLINK_NOFOLLOW};
  return signet_linux_fchownat(full);
}

long signet_linux_fchownat(const long *argument) {
  struct stat status;
  long error = signet_name_status(argument[0], (const char *)argument[1], argument[4], &status, NULL);
  return error ? error : change_owner(argument[2], argument[3]);
}

long signet_linux_fchown(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  signet_description_put(description);
  return change_owner(argument[1], argument[2]);
}

/* One time of utimensat; `old` for one that stays. False if it is not a time. */
static bool time_of(const long *timespec, uint64_t now, const struct timespec *old, uint64_t *time) {
  *time = now;
  if (!timespec || timespec[1] == TIME_NOW)
    return true;
  if (timespec[1] == TIME_OMIT) {
    *time = old->tv_sec * NANOSECONDS + old->tv_nsec;
    return true;
  }
  /* Before 1970 does not fit the service's times. */
  return signet_timespec_read(timespec, time);
}

static bool times_omit(const long *times) { return times && (times[1] == TIME_OMIT || times[3] == TIME_OMIT); }

/* Fills in a request for new times; `status` has the old ones if one of them stays. */
static bool times_request(const long *times, const struct stat *status, struct exchange *exchange) {
  uint64_t now = signet_now(SIGNET_CLOCK_REALTIME);
  exchange->tag = FILES_TIMES;
  return time_of(times, now, &status->st_atim, &exchange->request.offset) &&
         time_of(times ? times + 2 : NULL, now, &status->st_mtim, &exchange->request.length);
}

static long change_times(int directory, const char *name, const long *times, int flags) {
  struct stat status;
  struct exchange exchange = {.request = {.flags = flags & AT_SYMLINK_NOFOLLOW ? 1 : 0}};
  memset(&status, 0, sizeof status);
  long error = times_omit(times) ? signet_name_status(directory, name, flags, &status, NULL) : 0;
  if (error)
    return error;
  return times_request(times, &status, &exchange) ? ask_name(directory, name, &exchange, NULL) : -EINVAL;
}

static long change_times_open(struct description *description, const long *times) {
  struct stat status;
  struct exchange exchange = {0};
  memset(&status, 0, sizeof status);
  long error = times_omit(times) ? description->operations->status(description, &status) : 0;
  if (error)
    return error;
  return times_request(times, &status, &exchange) ? ask_open(description, &exchange) : -EINVAL;
}

long signet_linux_utimensat(const long *argument) {
  const char *name = (const char *)argument[1];
  if (name && !(name[0] == 0 && (argument[3] & AT_EMPTY_PATH)))
    return change_times(argument[0], name, (const long *)argument[2], argument[3]);
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  long result = change_times_open(description, (const long *)argument[2]);
  signet_description_put(description);
  return result;
}

/* Two timevals become two timespecs. */
static long change_times_of_day(int directory, const char *name, const long *times) {
  if (!times)
    return change_times(directory, name, NULL, 0);
  if (times[1] < 0 || times[1] >= 1000000 || times[3] < 0 || times[3] >= 1000000)
    return -EINVAL;
  const long converted[4] = {times[0], times[1] * 1000, times[2], times[3] * 1000};
  return change_times(directory, name, converted, 0);
}

long signet_linux_futimesat(const long *argument) {
  return change_times_of_day(argument[0], (const char *)argument[1], (const long *)argument[2]);
}

long signet_linux_utimes(const long *argument) {
  return change_times_of_day(AT_FDCWD, (const char *)argument[0], (const long *)argument[1]);
}

long signet_linux_utime(const long *argument) {
  const long *times = (const long *)argument[1];
  if (!times)
    return change_times(AT_FDCWD, (const char *)argument[0], NULL, 0);
  const long converted[4] = {times[0], 0, times[1], 0};
  return change_times(AT_FDCWD, (const char *)argument[0], converted, 0);
}

long signet_linux_truncate(const long *argument) {
  const long opening[6] = {argument[0], O_WRONLY};
  if (argument[1] < 0)
    return -EINVAL;
  long number = signet_linux_open(opening);
  if (number < 0)
    return number;
  const long truncating[6] = {number, argument[1]}, closing[6] = {number};
  long result = signet_linux_ftruncate(truncating);
  signet_linux_close(closing);
  return result;
}
