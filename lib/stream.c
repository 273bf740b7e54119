/* Standard streams: byte streams of the host, over the console service; and what terminals are asked. Any thread; the
 * channel's lock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "lib/linux.h"

#ifndef TCGETS
#error "sys/ioctl.h lacks TCGETS"
#endif

/* As Linux has it; the C library's struct is longer. */
struct terminal_settings {
  uint32_t input, output, control, local;
  uint8_t line;
  uint8_t characters[19];
};

static struct channel *channel_of(const struct description *description) {
  return &signet_channels[description->number];
}

/* SIGNET_STREAM_IS_* bits, asked for once. 0 when the service does not answer. */
static uint32_t facts_of(struct channel *channel) {
  uint32_t facts = __atomic_load_n(&channel->facts, __ATOMIC_RELAXED);
  if (facts)
    return facts;
  struct exchange exchange = {.tag = FILES_STREAM_STATUS};
  if (signet_channel_ask(channel, &exchange) != 0)
    return 0;
  facts = (uint32_t)exchange.value | CHANNEL_FACTS_KNOWN;
  __atomic_store_n(&channel->facts, facts, __ATOMIC_RELAXED);
  return facts;
}

static long stream_read(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct channel *channel = channel_of(description);
  if (offset >= 0)
    return -ESPIPE;
  long length = signet_iovec_length(vectors, count);
  if (length < 0)
    return length;
  /* A read of a file never waits for long, so it may take the way that cannot be interrupted, and go on until it is
   * full. */
  bool file = length > FILES_INLINE_MOST && (facts_of(channel) & SIGNET_STREAM_IS_FILE);
  if (file && length > BLOCK_LEAST && channel->stash_next == channel->stash_end) {
    struct exchange exchange = {.tag = FILES_STREAM_READ_BLOCK, .take = vectors, .take_count = count};
    exchange.request.length = length;
    long result = signet_channel_transfer(channel, &exchange);
    if (result != -ENOBUFS)
      return result;
  }
  if ((description->flags & O_NONBLOCK) && length > 0 && channel->stash_next == channel->stash_end) {
    struct exchange poll = {.tag = FILES_STREAM_POLL};
    long error = signet_channel_ask(channel, &poll);
    if (error == 0 && poll.value == 0)
      return -EAGAIN;
    if (error)
      return error;
  }
  long done = 0, result;
  do {
    result = signet_channel_read_stream(channel, vectors, count, done);
    if (result > 0)
      done += result;
  } while (file && result == FILES_INLINE_MOST && done < length);
  return done ? done : result;
}

static long stream_write(struct description *description, const struct iovec *vectors, int count, int64_t offset) {
  struct channel *channel = channel_of(description);
  if (offset >= 0)
    return -ESPIPE;
  uint64_t length = signet_iovec_length(vectors, count), done = 0;
  long result = 0;
  while (done < length) {
    struct exchange exchange = {.send = vectors, .send_count = count, .skip = done};
    exchange.request.length = length - done;
    result = -ENOBUFS;
    if (length - done > BLOCK_LEAST) {
      exchange.tag = FILES_STREAM_WRITE_BLOCK;
      result = signet_channel_transfer(channel, &exchange);
    }
    if (result == -ENOBUFS) {
      exchange.tag = FILES_STREAM_WRITE;
      exchange.limit = FILES_INLINE_MOST;
      exchange.request.length = 0;
      result = signet_channel_ask(channel, &exchange);
      if (result == 0)
        result = exchange.value <= length - done ? (long)exchange.value : -EIO;
    }
    if (result <= 0)
      break;
    done += result;
  }
  if (result == -EPIPE)
    signet_signal_post(signet_self(), SIGPIPE);
  return done ? (long)done : result;
}

static long stream_status(struct description *description, struct stat *status) {
  struct signet_file_status from;
  memset(&from, 0, sizeof from);
  struct iovec take = {&from, sizeof from};
  struct exchange exchange = {.tag = FILES_STREAM_STATUS, .take = &take, .take_count = 1};
  long error = signet_channel_ask(channel_of(description), &exchange);
  if (error)
    return error;
  if (from.mode == 0)
    from.mode = exchange.value & SIGNET_STREAM_IS_TERMINAL ? S_IFCHR | 0620 : S_IFIFO | 0600;
  signet_status_convert(&from, status);
  return 0;
}

static long stream_seek(struct description *description, int64_t offset, int whence) {
  struct exchange exchange = {.tag = FILES_STREAM_SEEK, .request = {.flags = whence, .offset = offset}};
  if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
    return -EINVAL;
  if (!(facts_of(channel_of(description)) & SIGNET_STREAM_IS_FILE))
    return -ESPIPE;
  long error = signet_channel_ask(channel_of(description), &exchange);
  if (error)
    return error;
  return exchange.value <= INT64_MAX ? (long)exchange.value : -EIO;
}

static const struct terminal_settings cooked = {
    .input = ICRNL | IXON,
    .output = OPOST | ONLCR,
    .control = B38400 | CS8 | CREAD,
    .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN,
    .characters = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
};

/* What programs set is kept here, one terminal being the host's; the device knows two modes. */
static struct terminal_settings settings;
static struct lock settings_lock;

static long get_settings(struct terminal_settings *to) {
  lock_take(&settings_lock);
  if (settings.control == 0)
    settings = cooked;
  *to = settings;
  lock_give(&settings_lock);
  return 0;
}

static long set_settings(struct channel *channel, const struct terminal_settings *from) {
  struct exchange exchange = {.tag = FILES_STREAM_TERMINAL_MODE};
  exchange.request.flags = (from->local & (ICANON | ECHO)) == 0;
  long error = signet_channel_ask(channel, &exchange);
  if (error)
    return error;
  lock_take(&settings_lock);
  settings = *from;
  lock_give(&settings_lock);
  return 0;
}

static long stream_control(struct description *description, unsigned long request, void *argument) {
  struct channel *channel = channel_of(description);
  uint32_t facts = facts_of(channel);
  if (request == FIONREAD) {
    struct exchange exchange = {.tag = FILES_STREAM_POLL};
    long error = signet_channel_ask(channel, &exchange);
    if (error)
      return error;
    *(int *)argument = exchange.value != 0 ? 1 : 0;
    return 0;
  }
  if (!(facts & SIGNET_STREAM_IS_TERMINAL))
    return -ENOTTY;
  switch (request) {
  case TIOCGWINSZ: {
    struct exchange exchange = {.tag = FILES_STREAM_WINDOW_SIZE};
    long error = signet_channel_ask(channel, &exchange);
    if (error)
      return error;
    *(struct winsize *)argument = (struct winsize){.ws_col = (uint32_t)exchange.value, .ws_row = exchange.value >> 32};
    return 0;
  }
  case TCGETS:
    return get_settings(argument);
  case TCSETS:
  case TCSETSW:
  case TCSETSF:
    return set_settings(channel, argument);
  case TIOCGPGRP:
    *(int *)argument = signet_facts.number;
    return 0;
  case TIOCSPGRP:
  case TCFLSH:
  case TCSBRK:
    return 0;
  }
  return -ENOTTY;
}

static int stream_poll(struct description *description, int events) {
  struct channel *channel = channel_of(description);
  int ready = events & (POLLOUT | POLLWRNORM);
  if (events & (POLLIN | POLLRDNORM)) {
    struct exchange exchange = {.tag = FILES_STREAM_POLL};
    long error = channel->stash_next != channel->stash_end ? 0 : signet_channel_ask(channel, &exchange);
    if (error == 0 && (channel->stash_next != channel->stash_end || exchange.value != 0))
      ready |= events & (POLLIN | POLLRDNORM);
    else if (error && error != -EAGAIN)
      ready |= POLLERR; /* a read would not wait either */
  }
  return ready;
}

const struct operations signet_stream_operations = {
    .read = stream_read,
    .write = stream_write,
    .status = stream_status,
    .seek = stream_seek,
    .control = stream_control,
    .poll = stream_poll,
};
