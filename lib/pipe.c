/* Pipes and event counters within the process: a buffer, or a number, that threads wait on. Any thread; each has its
 * lock. A waiter sleeps on the `changes` word, which grows with every change. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/linux.h"

#define PIPE_SIZE 0x10000
#define PIPE_ATOMIC 4096 /* writes up to this are not split */
#define EVENT_SEMAPHORE 1

uint32_t signet_pipe_changes;
uint32_t signet_pipe_watchers;

struct pipe {
  struct lock lock;
  uint32_t changes; /* atomic */
  uint32_t readers, writers;
  uint32_t start, used; /* bytes in the ring */
  uint8_t *ring;
  uint64_t count; /* event counters */
  bool semaphore;
};

/* With the lock: tells all who wait. */
static void changed(struct pipe *pipe) {
  __atomic_fetch_add(&pipe->changes, 1, __ATOMIC_RELEASE);
  signet_word_wake(&pipe->changes, UINT32_MAX);
  if (__atomic_load_n(&signet_pipe_watchers, __ATOMIC_ACQUIRE)) {
    __atomic_fetch_add(&signet_pipe_changes, 1, __ATOMIC_RELEASE);
    signet_word_wake(&signet_pipe_changes, UINT32_MAX);
  }
}

/* With the lock, which is free while this waits. -> 0 when something may have changed, or an error. */
static long wait_for_change(struct pipe *pipe, const struct description *description) {
  struct thread *self = signet_self();
  if (description->flags & O_NONBLOCK)
    return -EAGAIN;
  uint32_t seen = __atomic_load_n(&pipe->changes, __ATOMIC_ACQUIRE);
  lock_give(&pipe->lock);
  long result = 0;
  __atomic_store_n(&self->waits_on, &pipe->changes, __ATOMIC_RELEASE);
  if (!signet_signals_ready(self))
    signet_word_wait(&pipe->changes, seen, SIGNET_NEVER);
  __atomic_store_n(&self->waits_on, NULL, __ATOMIC_RELEASE);
  if (signet_signals_ready(self))
    result = INTERRUPTED_AGAIN;
  lock_take(&pipe->lock);
  return result;
}

static long pipe_read(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct pipe *pipe = description->data;
  if (offset >= 0)
    return -ESPIPE;
  long length = signet_iovec_length(vectors, count), result = 0;
  if (length == 0)
    return 0;
  lock_take(&pipe->lock);
  while (pipe->used == 0 && pipe->writers && result == 0)
    result = wait_for_change(pipe, description);
  if (pipe->used) {
    result = 0;
    while (pipe->used && result < length) {
      uint32_t run = PIPE_SIZE - pipe->start < pipe->used ? PIPE_SIZE - pipe->start : pipe->used;
      uint32_t bytes = signet_iovec_scatter(vectors, count, result, pipe->ring + pipe->start, run);
      pipe->start = (pipe->start + bytes) % PIPE_SIZE;
      pipe->used -= bytes;
      result += bytes;
    }
    changed(pipe);
  }
  lock_give(&pipe->lock);
  return result;
}

static long pipe_write(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct pipe *pipe = description->data;
  if (offset >= 0)
    return -ESPIPE;
  long length = signet_iovec_length(vectors, count), done = 0, result = 0;
  lock_take(&pipe->lock);
  while (done < length) {
    if (pipe->readers == 0) {
      signet_signal_post(signet_self(), SIGPIPE);
      result = -EPIPE;
      break;
    }
    uint32_t room = PIPE_SIZE - pipe->used;
    if (room == 0 || (length <= PIPE_ATOMIC && room < length)) {
      result = wait_for_change(pipe, description);
      if (result)
        break;
      continue;
    }
    uint32_t end = (pipe->start + pipe->used) % PIPE_SIZE;
    uint32_t run = PIPE_SIZE - end < room ? PIPE_SIZE - end : room;
    uint32_t bytes = signet_iovec_gather(vectors, count, done, pipe->ring + end, run);
    pipe->used += bytes;
    done += bytes;
    changed(pipe);
  }
  lock_give(&pipe->lock);
  return done ? done : result;
}

static void pipe_free(struct pipe *pipe) {
  if (pipe->ring)
    signet_pages_give((uintptr_t)pipe->ring, PIPE_SIZE);
  signet_heap_give(pipe, sizeof *pipe);
}

static void pipe_close(struct description *description) {
  struct pipe *pipe = description->data;
  lock_take(&pipe->lock);
  if ((description->flags & O_ACCMODE) == O_RDONLY)
    pipe->readers--;
  else
    pipe->writers--;
  bool last = pipe->readers == 0 && pipe->writers == 0;
  if (!last)
    changed(pipe);
  lock_give(&pipe->lock);
  if (last)
    pipe_free(pipe);
}

static long pipe_status(struct description *description, struct stat *status) {
  status->st_mode = S_IFIFO | 0600;
  status->st_nlink = 1;
  status->st_ino = (uintptr_t)description->data;
  status->st_blksize = PIPE_ATOMIC;
  return 0;
}

static long pipe_control(struct description *description, unsigned long request, void *argument) {
  struct pipe *pipe = description->data;
  if (request != FIONREAD)
    return -ENOTTY;
  lock_take(&pipe->lock);
  *(int *)argument = pipe->used;
  lock_give(&pipe->lock);
  return 0;
}

static int pipe_poll(struct description *description, int events) {
  struct pipe *pipe = description->data;
  int ready = 0;
  lock_take(&pipe->lock);
  if ((description->flags & O_ACCMODE) == O_RDONLY) {
    if (pipe->used)
      ready |= events & (POLLIN | POLLRDNORM);
    if (pipe->writers == 0)
      ready |= POLLHUP;
  } else {
    if (PIPE_SIZE - pipe->used >= PIPE_ATOMIC)
      ready |= events & (POLLOUT | POLLWRNORM);
    if (pipe->readers == 0)
      ready |= POLLERR;
  }
  lock_give(&pipe->lock);
  return ready;
}

static const struct operations pipe_operations = {
    .read = pipe_read,
    .write = pipe_write,
    .status = pipe_status,
    .seek = signet_no_seek,
    .control = pipe_control,
    .poll = pipe_poll,
    .close = pipe_close,
};

static struct pipe *pipe_new(void) {
  struct pipe *pipe = signet_heap_take(sizeof *pipe);
  if (pipe)
    memset(pipe, 0, sizeof *pipe);
  return pipe;
}

static long make_pipe(int numbers[2], int flags) {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK))
    return -EINVAL;
  struct pipe *pipe = pipe_new();
  if (!pipe)
    return -ENOMEM;
  struct description *reader = signet_description_new(&pipe_operations, O_RDONLY | (flags & O_NONBLOCK));
  struct description *writer = signet_description_new(&pipe_operations, O_WRONLY | (flags & O_NONBLOCK));
  pipe->ring = (void *)(uintptr_t)signet_pages_take(PIPE_SIZE);
  if (!reader || !writer || !pipe->ring) {
    if (reader)
      signet_heap_give(reader, sizeof *reader);
    if (writer)
      signet_heap_give(writer, sizeof *writer);
    pipe_free(pipe);
    return -ENOMEM;
  }
  reader->data = writer->data = pipe;
  reader->type = writer->type = S_IFIFO;
  pipe->readers = pipe->writers = 1;
  long first = signet_descriptor_open(reader, 0, flags & O_CLOEXEC);
  long second = first;
  if (first < 0)
    signet_description_put(writer);
  else
    second = signet_descriptor_open(writer, 0, flags & O_CLOEXEC);
  if (second < 0) {
    const long closing[6] = {first};
    if (first >= 0)
      signet_linux_close(closing);
    return second;
  }
  numbers[0] = first;
  numbers[1] = second;
  return 0;
}

long signet_linux_pipe(const long *argument) { return make_pipe((int *)argument[0], 0); }
long signet_linux_pipe2(const long *argument) { return make_pipe((int *)argument[0], argument[1]); }

/* ---- Event counters ---- */

static long event_read(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct pipe *pipe = description->data;
  (void)offset;
  if (signet_iovec_length(vectors, count) < (long)sizeof(uint64_t))
    return -EINVAL;
  long result = 0;
  lock_take(&pipe->lock);
  while (pipe->count == 0 && result == 0)
    result = wait_for_change(pipe, description);
  if (pipe->count) {
    uint64_t value = pipe->semaphore ? 1 : pipe->count;
    pipe->count -= value;
    result = signet_iovec_scatter(vectors, count, 0, &value, sizeof value);
    changed(pipe);
  }
  lock_give(&pipe->lock);
  return result;
}

static long event_write(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct pipe *pipe = description->data;
  uint64_t value;
  (void)offset;
  if (signet_iovec_gather(vectors, count, 0, &value, sizeof value) != sizeof value || value == UINT64_MAX)
    return -EINVAL;
  long result = 0;
  lock_take(&pipe->lock);
  while (value > UINT64_MAX - 1 - pipe->count && result == 0)
    result = wait_for_change(pipe, description);
  if (result == 0) {
    pipe->count += value;
    result = sizeof value;
    changed(pipe);
  }
  lock_give(&pipe->lock);
  return result;
}

static int event_poll(struct description *description, int events) {
  struct pipe *pipe = description->data;
  int ready = 0;
  lock_take(&pipe->lock);
  if (pipe->count)
    ready |= events & (POLLIN | POLLRDNORM);
  if (pipe->count < UINT64_MAX - 1)
    ready |= events & (POLLOUT | POLLWRNORM);
  lock_give(&pipe->lock);
  return ready;
}

static void event_close(struct description *description) { pipe_free(description->data); }

static const struct operations event_operations = {
    .read = event_read,
    .write = event_write,
    .status = pipe_status,
    .seek = signet_no_seek,
    .control = signet_no_control,
    .poll = event_poll,
    .close = event_close,
};

static long make_event(uint32_t initial, int flags) {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK | EVENT_SEMAPHORE))
    return -EINVAL;
  struct pipe *pipe = pipe_new();
  struct description *description = signet_description_new(&event_operations, O_RDWR | (flags & O_NONBLOCK));
  if (!pipe || !description) {
    if (pipe)
      pipe_free(pipe);
    if (description)
      signet_heap_give(description, sizeof *description);
    return -ENOMEM;
  }
  pipe->count = initial;
  pipe->semaphore = flags & EVENT_SEMAPHORE;
  description->data = pipe;
  description->type = S_IFIFO;
  return signet_descriptor_open(description, 0, flags & O_CLOEXEC);
}

long signet_linux_eventfd(const long *argument) { return make_event(argument[0], 0); }
long signet_linux_eventfd2(const long *argument) { return make_event(argument[0], argument[1]); }
