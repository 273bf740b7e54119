/* Open files and directories, over the file service or the process's own /tmp. The position is kept here; the one that
 * serves is told an offset each time. Any thread; a description's lock guards its position. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/linux.h"

#define TEMPORARY_FILE 020000000 /* the bit of O_TMPFILE that is its own */

static struct channel *files(void) { return &signet_channels[SIGNET_SLOT_FILES]; }

static long ask_file(const struct description *description, struct exchange *exchange) {
  exchange->request.file = description->number;
  exchange->service = description->service;
  return description->temporary ? signet_temporary_ask(exchange) : signet_channel_ask(files(), exchange);
}

static long file_status(struct description *description, struct stat *status) {
  struct signet_file_status from;
  struct iovec take = {&from, sizeof from};
  struct exchange exchange = {.tag = FILES_STATUS, .take = &take, .take_count = 1};
  long error = ask_file(description, &exchange);
  if (error)
    return error;
  if (exchange.taken != sizeof from)
    return -EIO;
  signet_status_convert(&from, status);
  return 0;
}

/* With the lock: the position is known after an append too. */
static long settle(struct description *description) {
  if (!description->at_end)
    return 0;
  struct stat status;
  memset(&status, 0, sizeof status);
  long error = file_status(description, &status);
  if (error == 0) {
    description->position = status.st_size;
    description->at_end = false;
  }
  return error;
}

/* One piece of a transfer, at most what a block or a message holds. -> bytes. */
static long piece(struct description *description, const struct iovec *vectors, int count, size_t done, uint64_t left,
                  uint64_t offset, bool writes) {
  struct exchange exchange = {.skip = done,
                              .service = description->service,
                              .request = {.file = description->number, .offset = offset, .length = left}};
  if (writes) {
    exchange.send = vectors;
    exchange.send_count = count;
  } else {
    exchange.take = vectors;
    exchange.take_count = count;
  }
  if (left > BLOCK_LEAST && !description->temporary) {
    exchange.tag = writes ? FILES_WRITE_BLOCK : FILES_READ_BLOCK;
    long result = signet_channel_transfer(files(), &exchange);
    if (result != -ENOBUFS)
      return result;
  }
  if (description->temporary)
    exchange.request.flags = description->appends ? SIGNET_OPEN_APPEND : 0;
  else if (left > FILES_INLINE_MOST)
    left = FILES_INLINE_MOST;
  exchange.tag = writes ? FILES_WRITE : FILES_READ;
  exchange.request.length = writes ? 0 : left;
  exchange.limit = left;
  long error = ask_file(description, &exchange);
  if (error)
    return error;
  uint64_t bytes = writes ? exchange.value : exchange.taken;
  return bytes <= left ? (long)bytes : -EIO;
}

static long transfer(struct description *description, const struct iovec *vectors, int count, uint64_t offset,
                     bool writes) {
  uint64_t length = signet_iovec_length(vectors, count), done = 0;
  if (offset > INT64_MAX - length)
    return -EINVAL;
  while (done < length) {
    long bytes = piece(description, vectors, count, done, length - done, offset + done, writes);
    if (bytes < 0)
      return done ? (long)done : bytes;
    if (bytes == 0)
      break;
    done += bytes;
    /* A short read is the file's end: no need to ask again. Full messages and blocks are no such sign. */
    if (!writes && (uint64_t)bytes < length - done + bytes && bytes % FILES_INLINE_MOST != 0)
      break;
  }
  return done;
}

static long file_read(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  if (description->type == S_IFDIR)
    return -EISDIR;
  if (offset >= 0)
    return transfer(description, vectors, count, offset, false);
  lock_take(&description->lock);
  long result = settle(description);
  if (result == 0)
    result = transfer(description, vectors, count, description->position, false);
  if (result > 0)
    description->position += result;
  lock_give(&description->lock);
  return result;
}

static long file_write(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  if (offset >= 0)
    return transfer(description, vectors, count, offset, true);
  lock_take(&description->lock);
  long result = 0;
  if (description->appends) {
    /* The service appends whatever the offset; where that was is asked when somebody needs it. */
    result = transfer(description, vectors, count, 0, true);
    description->at_end = true;
    goto out;
  }
  if (description->flags & O_APPEND)
    description->at_end = true;
  result = settle(description);
  if (result == 0)
    result = transfer(description, vectors, count, description->position, true);
  if (result > 0)
    description->position += result;
out:
  lock_give(&description->lock);
  return result;
}

static long file_seek(struct description *description, int64_t offset, int whence) {
  int64_t from = 0, position = 0;
  struct stat status;
  lock_take(&description->lock);
  long result = settle(description);
  if (result)
    goto out;
  result = -EINVAL;
  switch (whence) {
  case SEEK_SET:
    break;
  case SEEK_CUR:
    from = description->position;
    break;
  case SEEK_END:
    memset(&status, 0, sizeof status);
    result = file_status(description, &status);
    if (result)
      goto out;
    result = -EINVAL;
    from = status.st_size;
    break;
  default:
    goto out;
  }
  if (__builtin_add_overflow(from, offset, &position)) {
    result = -EOVERFLOW;
    goto out;
  }
  if (position < 0)
    goto out;
  result = description->position = position;
out:
  lock_give(&description->lock);
  return result;
}

static void file_close(struct description *description) {
  struct exchange exchange = {.tag = FILES_CLOSE};
  ask_file(description, &exchange);
  if (description->data)
    signet_heap_give(description->data, strlen(description->data) + 1);
}

static const struct operations file_operations = {
    .read = file_read,
    .write = file_write,
    .status = file_status,
    .seek = file_seek,
    .control = signet_no_control,
    .poll = signet_always_ready,
    .close = file_close,
};

bool signet_is_file(const struct description *description) { return description->operations == &file_operations; }

static uint32_t open_bits(int flags) {
  static const struct {
    int linux_flag;
    uint32_t bit;
  } map[] = {{O_CREAT, SIGNET_OPEN_CREATE},  {O_EXCL, SIGNET_OPEN_EXCLUSIVE},      {O_TRUNC, SIGNET_OPEN_TRUNCATE},
             {O_APPEND, SIGNET_OPEN_APPEND}, {O_DIRECTORY, SIGNET_OPEN_DIRECTORY}, {O_NOFOLLOW, SIGNET_OPEN_NO_FOLLOW}};
  uint32_t bits = SIGNET_OPEN_READ;
  if (flags & O_PATH)
    flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
  if ((flags & O_ACCMODE) == O_WRONLY)
    bits = SIGNET_OPEN_WRITE;
  else if ((flags & O_ACCMODE) == O_RDWR)
    bits = SIGNET_OPEN_READ | SIGNET_OPEN_WRITE;
  for (size_t i = 0; i < sizeof map / sizeof *map; i++)
    if (flags & map[i].linux_flag)
      bits |= map[i].bit;
  return bits;
}

long signet_file_open(const struct path *path, int flags, unsigned mode) {
  if (flags & TEMPORARY_FILE)
    return -EOPNOTSUPP;
  if ((flags & O_ACCMODE) == O_ACCMODE)
    return -EINVAL;
  size_t size = signet_path_length(path);
  long result = -ENOMEM;
  char *text = signet_heap_take(size);
  struct description *description = signet_description_new(&file_operations, flags & ~(O_CREAT | O_EXCL | O_CLOEXEC));
  if (!text || !description)
    goto fail;
  signet_iovec_gather(path->parts, path->count, 0, text, size);
  struct iovec send = {text, size};
  struct exchange exchange = {.tag = FILES_OPEN, .send = &send, .send_count = 1};
  exchange.request.flags = open_bits(flags);
  if (path->final_slash) {
    result = -EISDIR;
    if (flags & O_CREAT)
      goto fail;
    exchange.request.flags |= SIGNET_OPEN_DIRECTORY;
  }
  exchange.request.length = mode & ~signet_creation_mask() & 07777;
  result = signet_name_ask(&exchange, &description->temporary);
  if (result)
    goto fail;
  description->number = (uint32_t)exchange.value;
  description->service = exchange.service;
  description->type = exchange.value >> 32;
  description->data = text;
  description->appends = flags & O_APPEND;
  return signet_descriptor_open(description, 0, flags & O_CLOEXEC);
fail:
  if (text)
    signet_heap_give(text, size);
  if (description)
    signet_heap_give(description, sizeof *description);
  return result;
}

static long open_at(int directory, const char *name, int flags, unsigned mode) {
  long result = 0;
  struct description *device = signet_device_open(name, flags, &result);
  if (device)
    return signet_descriptor_open(device, 0, flags & O_CLOEXEC);
  if (result)
    return result;
  struct path path;
  result = signet_path_begin(&path, directory, name);
  if (result)
    return result;
  result = signet_file_open(&path, flags, mode);
  signet_path_end(&path);
  return result;
}

long signet_linux_open(const long *argument) {
  return open_at(AT_FDCWD, (const char *)argument[0], argument[1], argument[2]);
}

long signet_linux_openat(const long *argument) {
  return open_at(argument[0], (const char *)argument[1], argument[2], argument[3]);
}

long signet_linux_creat(const long *argument) {
  return open_at(AT_FDCWD, (const char *)argument[0], O_CREAT | O_WRONLY | O_TRUNC, argument[1]);
}

/* The description of an open file; NULL and *error for another kind. */
static struct description *get_file(int number, long *error) {
  struct description *description = signet_descriptor_get(number);
  *error = -EBADF;
  if (description && !signet_is_file(description)) {
    signet_description_put(description);
    *error = -EINVAL;
    return NULL;
  }
  return description;
}

long signet_linux_ftruncate(const long *argument) {
  long error;
  if (argument[1] < 0)
    return -EINVAL;
  struct description *description = get_file(argument[0], &error);
  if (!description)
    return error;
  struct exchange exchange = {.tag = FILES_TRUNCATE, .request = {.length = argument[1]}};
  error = (description->flags & O_ACCMODE) == O_RDONLY ? -EINVAL : ask_file(description, &exchange);
  signet_description_put(description);
  return error;
}

/* Room is not reserved ahead; the file gets its length. */
long signet_linux_fallocate(const long *argument) {
  long error;
  int64_t end;
  if (argument[1] != 0)
    return -EOPNOTSUPP;
  if (argument[2] < 0 || argument[3] <= 0 || __builtin_add_overflow(argument[2], argument[3], &end))
    return -EINVAL;
  struct description *description = get_file(argument[0], &error);
  if (!description)
    return error == -EINVAL ? -ENODEV : error;
  struct stat status;
  memset(&status, 0, sizeof status);
  error = (description->flags & O_ACCMODE) == O_RDONLY ? -EBADF : file_status(description, &status);
  if (error == 0 && status.st_size < end) {
    struct exchange exchange = {.tag = FILES_TRUNCATE, .request = {.length = end}};
    error = ask_file(description, &exchange);
  }
  signet_description_put(description);
  return error;
}

long signet_linux_fsync(const long *argument) {
  long error;
  struct description *description = get_file(argument[0], &error);
  if (!description)
    return error;
  struct exchange exchange = {.tag = FILES_SYNC};
  error = ask_file(description, &exchange);
  signet_description_put(description);
  return error;
}

/* The host decides when; a program that must know uses fsync. */
long signet_linux_sync(const long *argument) {
  (void)argument;
  return 0;
}

/* An advisory lock of the only process there is. */
long signet_linux_flock(const long *argument) {
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  signet_description_put(description);
  return 0;
}

long signet_linux_fadvise64(const long *argument) { return signet_linux_flock(argument); }

_Static_assert(offsetof(struct signet_directory_entry, name) == offsetof(struct dirent, d_name),
               "the service's records are Linux's own");

/* -> bytes of whole records: a program steps from one to the next as they say, and takes names to have an end. The
 * position goes behind the last. */
static long whole_records(const char *bytes, size_t length, uint64_t *position) {
  const size_t head = offsetof(struct signet_directory_entry, name);
  size_t at = 0;
  while (length - at > head) {
    struct signet_directory_entry entry;
    memcpy(&entry, bytes + at, head);
    if (entry.size <= head || entry.size > length - at || entry.size % _Alignof(struct signet_directory_entry) ||
        !memchr(bytes + at + head, 0, entry.size - head))
      break;
    *position = entry.next;
    at += entry.size;
  }
  return at;
}

long signet_linux_getdents64(const long *argument) {
  uint64_t capacity = argument[2];
  struct description *description = signet_descriptor_get(argument[0]);
  if (!description)
    return -EBADF;
  long result = -ENOTDIR;
  if (!signet_is_file(description) || description->type != S_IFDIR)
    goto out;
  lock_take(&description->lock);
  struct iovec take = {(void *)argument[1], capacity};
  struct exchange exchange = {.tag = FILES_LIST, .take = &take, .take_count = 1};
  exchange.request.offset = description->position;
  exchange.request.length = capacity < FILES_INLINE_MOST ? capacity : FILES_INLINE_MOST;
  result = ask_file(description, &exchange);
  if (result == 0) {
    result = whole_records((const char *)argument[1], exchange.taken, &description->position);
    if (result == 0 && exchange.taken)
      result = -EIO;
  }
  lock_give(&description->lock);
out:
  signet_description_put(description);
  return result;
}
