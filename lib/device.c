/* Names that the library itself answers: /dev/null, zero, full, random, urandom, tty, stdin, stdout, stderr and
 * /dev/fd. They hold nothing of another's, so no service is needed. Any thread; no lock. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/linux.h"

enum device_number { DEVICE_NULL = 3, DEVICE_ZERO = 5, DEVICE_FULL = 7, DEVICE_RANDOM = 8, DEVICE_URANDOM = 9 };

static long device_read(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  (void)offset;
  long done = 0;
  if (description->number == DEVICE_NULL)
    return 0;
  for (int i = 0; i < count; i++) {
    if (description->number == DEVICE_RANDOM || description->number == DEVICE_URANDOM) {
      const long argument[6] = {(long)vectors[i].iov_base, vectors[i].iov_len};
      long bytes = signet_linux_getrandom(argument);
      if (bytes < 0)
        return done ? done : bytes;
      done += bytes;
    } else {
      memset(vectors[i].iov_base, 0, vectors[i].iov_len);
      done += vectors[i].iov_len;
    }
  }
  return done;
}

static long device_write(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  (void)offset;
  long length = signet_iovec_length(vectors, count);
  return description->number == DEVICE_FULL && length > 0 ? -ENOSPC : length;
}

static void fill_status(uint32_t number, struct stat *status) {
  memset(status, 0, sizeof *status);
  status->st_mode = S_IFCHR | 0666;
  status->st_nlink = 1;
  status->st_ino = number;
  status->st_rdev = makedev(1, number);
  status->st_blksize = FILES_INLINE_MOST;
}

static long device_get_status(struct description *description, struct stat *status) {
  fill_status(description->number, status);
  return 0;
}

static long device_seek(struct description *description, int64_t offset, int whence) {
  (void)description, (void)offset, (void)whence;
  return 0;
}

static const struct operations device_operations = {
    .read = device_read,
    .write = device_write,
    .status = device_get_status,
    .seek = device_seek,
    .control = signet_no_control,
    .poll = signet_always_ready,
};

/* What follows "/dev/"; NULL if the name is not such. */
static const char *after_dev(const char *name) { return strncmp(name, "/dev/", 5) == 0 ? name + 5 : NULL; }

static uint32_t number_of(const char *name) {
  static const struct {
    char name[8];
    uint32_t number;
  } known[] = {{"null", DEVICE_NULL},
               {"zero", DEVICE_ZERO},
               {"full", DEVICE_FULL},
               {"random", DEVICE_RANDOM},
               {"urandom", DEVICE_URANDOM}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(name, known[i].name) == 0)
      return known[i].number;
  return 0;
}

/* The descriptor that the name stands for; -1 if none. */
static int descriptor_of(const char *name) {
  if (strcmp(name, "stdin") == 0)
    return 0;
  if (strcmp(name, "stdout") == 0)
    return 1;
  if (strcmp(name, "stderr") == 0)
    return 2;
  if (strncmp(name, "fd/", 3) != 0 || name[3] == 0 || strlen(name) > 3 + 4)
    return -1;
  int number = 0;
  for (const char *at = name + 3; *at; at++) {
    if (*at < '0' || *at > '9')
      return -1;
    number = number * 10 + (*at - '0');
  }
  return number;
}

/* The terminal among the standard streams. */
static struct description *terminal(void) {
  for (int i = 0; i < 3; i++) {
    struct description *description = signet_descriptor_get(i);
    if (!description)
      continue;
    char settings[64];
    if (description->operations->control(description, 0x5401 /* TCGETS */, settings) == 0)
      return description;
    signet_description_put(description);
  }
  return NULL;
}

struct description *signet_device_open(const char *name, int flags, long *error) {
  const char *rest = after_dev(name);
  if (!rest)
    return NULL;
  uint32_t number = number_of(rest);
  if (number) {
    struct description *description =
        signet_description_new(&device_operations, flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC));
    *error = -ENOMEM;
    if (!description)
      return NULL;
    description->number = number;
    description->type = S_IFCHR;
    return description;
  }
  int descriptor = descriptor_of(rest);
  if (descriptor >= 0) {
    *error = -ENOENT;
    return signet_descriptor_get(descriptor);
  }
  if (strcmp(rest, "tty") == 0) {
    *error = -ENXIO;
    return terminal();
  }
  return NULL;
}

bool signet_device_status(const char *name, struct stat *status) {
  const char *rest = after_dev(name);
  if (!rest)
    return false;
  uint32_t number = number_of(rest);
  if (number) {
    fill_status(number, status);
    return true;
  }
  int descriptor = descriptor_of(rest);
  if (descriptor >= 0) {
    const long argument[6] = {descriptor, (long)status};
    return signet_linux_fstat(argument) == 0;
  }
  return false;
}
