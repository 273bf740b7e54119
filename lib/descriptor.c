/* File descriptors: numbers to descriptions, and the calls that work on any of them. Any thread; own lock for the
 * table, which is a leaf but for the heap's. A description is freed with its last reference, so a call keeps one while
 * it works. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/linux.h"

#define FIRST_ENTRIES 16
#define ENTRIES_MOST 4096

struct entry {
  struct description *description; /* NULL: not open */
  uint32_t close_on_exec;
};

static struct lock table_lock;
static struct description streams[3] = {
    {.operations = &signet_stream_operations, .references = 1, .flags = O_RDWR, .number = SIGNET_SLOT_INPUT},
    {.operations = &signet_stream_operations, .references = 1, .flags = O_RDWR, .number = SIGNET_SLOT_OUTPUT},
    {.operations = &signet_stream_operations, .references = 1, .flags = O_RDWR, .number = SIGNET_SLOT_ERROR},
};
static struct entry first_entries[FIRST_ENTRIES] = {{&streams[0], 0}, {&streams[1], 0}, {&streams[2], 0}};
static struct entry *entries = first_entries;
static int entry_count = FIRST_ENTRIES;

struct description *signet_descriptor_get(int number) {
  struct description *description = NULL;
  lock_take(&table_lock);
  if (number >= 0 && number < entry_count)
    description = entries[number].description;
  if (description)
    __atomic_fetch_add(&description->references, 1, __ATOMIC_RELAXED);
  lock_give(&table_lock);
  return description;
}

void signet_description_put(struct description *description) {
  if (__atomic_sub_fetch(&description->references, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  if (description->operations->close)
    description->operations->close(description);
  if (description < streams || description >= streams + 3)
    signet_heap_give(description, sizeof *description);
}

struct description *signet_description_new(const struct operations *operations, uint32_t flags) {
  struct description *description = signet_heap_take(sizeof *description);
  if (description) {
    memset(description, 0, sizeof *description);
    description->operations = operations;
    description->references = 1;
    description->flags = flags;
  }
  return description;
}

/* With the table's lock: at least `number` + 1 entries. */
static bool grow(int number) {
  if (number < entry_count)
    return true;
  if (number >= ENTRIES_MOST)
    return false;
  int count = entry_count;
  while (count <= number)
    count *= 4;
  if (count > ENTRIES_MOST)
    count = ENTRIES_MOST;
  struct entry *larger = (void *)(uintptr_t)signet_pages_take(count * sizeof *larger);
  if (!larger)
    return false;
  memcpy(larger, entries, entry_count * sizeof *larger);
  if (entries != first_entries)
    signet_pages_give((uintptr_t)entries, entry_count * sizeof *entries);
  entries = larger;
  entry_count = count;
  return true;
}

long signet_descriptor_open(struct description *description, int least, bool close_on_exec) {
  long number = least;
  lock_take(&table_lock);
  while (number < entry_count && entries[number].description)
    number++;
  if (number >= ENTRIES_MOST || !grow(number))
    number = -EMFILE;
  else
    entries[number] = (struct entry){description, close_on_exec};
  lock_give(&table_lock);
  if (number < 0)
    signet_description_put(description);
  return number;
}

static long close_number(int number) {
  struct description *description = NULL;
  lock_take(&table_lock);
  if (number >= 0 && number < entry_count) {
    description = entries[number].description;
    entries[number].description = NULL;
  }
  lock_give(&table_lock);
  if (!description)
    return -EBADF;
  signet_description_put(description);
  return 0;
}

long signet_linux_close(const long *argument) { return close_number(argument[0]); }

long signet_linux_close_range(const long *argument) {
  uint32_t first = argument[0], last = argument[1];
  if (first > last || (argument[2] & ~6))
    return -EINVAL;
  for (uint32_t number = first; number <= last && number < ENTRIES_MOST; number++) {
    if (!(argument[2] & 4 /* CLOSE_RANGE_CLOEXEC */))
      close_number(number);
  }
  return 0;
}

static long duplicate(int number, int least, bool close_on_exec) {
  if (least < 0 || least >= ENTRIES_MOST)
    return -EINVAL;
  struct description *description = signet_descriptor_get(number);
  return description ? signet_descriptor_open(description, least, close_on_exec) : -EBADF;
}

long signet_linux_dup(const long *argument) { return duplicate(argument[0], 0, false); }

static long duplicate_onto(int from, int to, bool close_on_exec) {
  struct description *description = signet_descriptor_get(from), *old = NULL;
  long result = to;
  if (!description)
    return -EBADF;
  lock_take(&table_lock);
  if (to < 0 || to >= ENTRIES_MOST) {
    result = -EBADF;
  } else if (!grow(to)) {
    result = -ENOMEM;
  } else {
    old = entries[to].description;
    entries[to] = (struct entry){description, close_on_exec};
  }
  lock_give(&table_lock);
  if (result < 0)
    signet_description_put(description);
  if (old)
    signet_description_put(old);
  return result;
}

long signet_linux_dup2(const long *argument) {
  if ((int)argument[0] == (int)argument[1]) {
    struct description *description = signet_descriptor_get(argument[0]);
    if (!description)
      return -EBADF;
    signet_description_put(description);
    return (int)argument[1];
  }
  return duplicate_onto(argument[0], argument[1], false);
}

long signet_linux_dup3(const long *argument) {
  if ((int)argument[0] == (int)argument[1] || (argument[2] & ~O_CLOEXEC))
    return -EINVAL;
  return duplicate_onto(argument[0], argument[1], argument[2] & O_CLOEXEC);
}

/* ---- Bytes ---- */

long signet_iovec_length(const struct iovec *vectors, int count) {
  uint64_t total = 0;
  for (int i = 0; i < count; i++) {
    if (vectors[i].iov_len > INT32_MAX - total)
      return vectors[i].iov_len > INT64_MAX ? -EINVAL : INT32_MAX & ~(SIGNET_PAGE - 1);
    total += vectors[i].iov_len;
  }
  return total;
}

static size_t copy(const struct iovec *vectors, int count, size_t skip, void *bytes, size_t length, bool scatter) {
  size_t done = 0;
  for (int i = 0; i < count && done < length; i++) {
    size_t part = vectors[i].iov_len;
    if (skip >= part) {
      skip -= part;
      continue;
    }
    char *at = (char *)vectors[i].iov_base + skip;
    part -= skip;
    skip = 0;
    if (part > length - done)
      part = length - done;
    if (scatter)
      memcpy(at, (char *)bytes + done, part);
    else
      memcpy((char *)bytes + done, at, part);
    done += part;
  }
  return done;
}

size_t signet_iovec_scatter(const struct iovec *vectors, int count, size_t skip, const void *from, size_t length) {
  return copy(vectors, count, skip, (void *)from, length, true);
}

size_t signet_iovec_gather(const struct iovec *vectors, int count, size_t skip, void *to, size_t length) {
  return copy(vectors, count, skip, to, length, false);
}

static long transfer(int number, const struct iovec *vectors, long count, int64_t offset, bool writes) {
  if (count < 0 || count > IOV_MAX)
    return -EINVAL;
  long length = signet_iovec_length(vectors, count);
  if (length < 0)
    return length;
  struct description *description = signet_descriptor_get(number);
  if (!description)
    return -EBADF;
  long result = -EBADF;
  uint32_t mode = description->flags & O_ACCMODE;
  if (mode == O_RDWR || mode == (writes ? O_WRONLY : O_RDONLY))
    result = writes ? description->operations->write(description, vectors, count, offset)
                    : description->operations->read(description, vectors, count, offset);
  signet_description_put(description);
  return result;
}

static long transfer_one(const long *argument, int64_t offset, bool writes) {
  struct iovec vector = {(void *)argument[1], argument[2]};
  return transfer(argument[0], &vector, 1, offset, writes);
}

long signet_linux_read(const long *argument) { return transfer_one(argument, -1, false); }
long signet_linux_write(const long *argument) { return transfer_one(argument, -1, true); }

long signet_linux_readv(const long *argument) {
  return transfer(argument[0], (const struct iovec *)argument[1], argument[2], -1, false);
}

long signet_linux_writev(const long *argument) {
  return transfer(argument[0], (const struct iovec *)argument[1], argument[2], -1, true);
}

long signet_linux_pread64(const long *argument) {
  return argument[3] < 0 ? -EINVAL : transfer_one(argument, argument[3], false);
}

long signet_linux_pwrite64(const long *argument) {
  return argument[3] < 0 ? -EINVAL : transfer_one(argument, argument[3], true);
}

long signet_linux_preadv(const long *argument) {
  if (argument[3] < 0)
    return -EINVAL;
  return transfer(argument[0], (const struct iovec *)argument[1], argument[2], argument[3], false);
}

long signet_linux_pwritev(const long *argument) {
  if (argument[3] < 0)
    return -EINVAL;
  return transfer(argument[0], (const struct iovec *)argument[1], argument[2], argument[3], true);
}

/* In pieces through the stack, as much as one turn of reading gives. */
long signet_linux_sendfile(const long *argument) {
  char bytes[1024];
  int64_t *offset = (int64_t *)argument[2];
  uint64_t wanted = argument[3], done = 0;
  while (done < wanted) {
    struct iovec vector = {bytes, wanted - done < sizeof bytes ? wanted - done : sizeof bytes};
    long got = transfer(argument[1], &vector, 1, offset ? *offset : -1, false);
    if (got <= 0)
      return done ? (long)done : got;
    vector.iov_len = got;
    long put = transfer(argument[0], &vector, 1, -1, true);
    if (put > 0) {
      done += put;
      if (offset)
        *offset += put;
    }
    if (put != got) {
      /* What was read and not written goes back, where that is possible. */
      if (!offset) {
        const long back[6] = {argument[1], (put > 0 ? put : 0) - got, SEEK_CUR};
        signet_linux_lseek(back);
      }
      return done ? (long)done : put;
    }
  }
  return done;
}

long signet_linux_lseek(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  long result = description->operations->seek(description, argument[1], argument[2]);
  signet_description_put(description);
  return result;
}

long signet_linux_fstat(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  struct stat *status = (struct stat *)argument[1];
  memset(status, 0, sizeof *status);
  long result = description->operations->status(description, status);
  signet_description_put(description);
  return result;
}

long signet_linux_ioctl(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  long result = 0;
  unsigned long request = (uint32_t)argument[1];
  switch (request) {
  case FIONBIO:
    if (*(int *)argument[2])
      __atomic_fetch_or(&description->flags, O_NONBLOCK, __ATOMIC_RELAXED);
    else
      __atomic_fetch_and(&description->flags, ~O_NONBLOCK, __ATOMIC_RELAXED);
    break;
  case FIOCLEX:
  case FIONCLEX:
    lock_take(&table_lock);
    if (entries[argument[0]].description)
      entries[argument[0]].close_on_exec = request == FIOCLEX;
    lock_give(&table_lock);
    break;
  default:
    result = description->operations->control(description, request, (void *)argument[2]);
  }
  signet_description_put(description);
  return result;
}

static long descriptor_flags(int number, bool set, long flags) {
  long result = -EBADF;
  lock_take(&table_lock);
  if (number >= 0 && number < entry_count && entries[number].description) {
    result = 0;
    if (set)
      entries[number].close_on_exec = flags & FD_CLOEXEC;
    else
      result = entries[number].close_on_exec ? FD_CLOEXEC : 0;
  }
  lock_give(&table_lock);
  return result;
}

long signet_linux_fcntl(const long *argument) {
  const uint32_t settable = O_APPEND | O_NONBLOCK;
  int number = argument[0];
  switch (argument[1]) {
  case F_DUPFD:
  case F_DUPFD_CLOEXEC:
    return duplicate(number, argument[2], argument[1] == F_DUPFD_CLOEXEC);
  case F_GETFD:
  case F_SETFD:
    return descriptor_flags(number, argument[1] == F_SETFD, argument[2]);
  }
  struct description *description = signet_descriptor_get(number);
  if (!description)
    return -EBADF;
  long result = 0;
  switch (argument[1]) {
  case F_GETFL:
    result = description->flags;
    break;
  case F_SETFL:
    description->flags = (description->flags & ~settable) | (argument[2] & settable);
    break;
  case F_GETLK:
    /* One process alone: nobody else holds a lock, and its own never conflict. */
    ((struct flock *)argument[2])->l_type = F_UNLCK;
    break;
  case F_SETLK:
  case F_SETLKW:
  case F_GETOWN:
  case F_SETOWN:
    break;
  default:
    result = -EINVAL;
  }
  signet_description_put(description);
  return result;
}

/* ---- What kinds of descriptions share ---- */

long signet_no_seek(struct description *description, int64_t offset, int whence) {
  (void)description, (void)offset, (void)whence;
  return -ESPIPE;
}

long signet_no_control(struct description *description, unsigned long request, void *argument) {
  (void)description, (void)request, (void)argument;
  return -ENOTTY;
}

int signet_always_ready(struct description *description, int events) {
  (void)description;
  return events & (0x001 /* POLLIN */ | 0x004 /* POLLOUT */ | 0x040 /* POLLRDNORM */ | 0x100 /* POLLWRNORM */);
}
