/* Owns stream devices: standard input, output and error, terminals. Called by the service that holds the device, on its
 * processor, without the kernel lock. A request that would wait is handed to the poller, so that no processor ever
 * waits for the host. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <signet/device.h>

#include "port/linux/linux.h"

/* Bytes of one request, where a file takes or gives any number: for as long a processor is in the host. */
#define TRANSFER_MOST (1u << 20)

struct stream_device {
  struct port_device device;
  int input, output; /* -1: none */
  size_t write_most;
  bool mode_changed;
  struct termios mode; /* as it was found */
};

/* What is not known to be ready is not, for then a processor would wait. A tick interrupts this even though it does not
 * wait. */
static bool ready(int descriptor, short events) {
  struct pollfd polled = {.fd = descriptor, .events = events};
  int count;
  do
    count = poll(&polled, 1, 0);
  while (count < 0 && errno == EINTR);
  return count > 0;
}

static bool answer(struct signet_result *result, ssize_t value) {
  *result = value < 0 ? linux_device_error(errno) : (struct signet_result){SIGNET_OK, (uint64_t)value};
  return true;
}

static bool fail(struct signet_result *result, int error) {
  *result = linux_device_error(error);
  return true;
}

/* The thread waits until the descriptor may be ready; true if it cannot, with the error. */
static bool wait_for(int descriptor, short events, const struct port_request *request, struct signet_result *result) {
  return !linux_poller_wait(descriptor, (uint32_t)events, request->thread) && fail(result, errno);
}

/* Reads or writes what can be at once. */
static bool transfer(const struct stream_device *stream, const struct port_request *request,
                     struct signet_result *result) {
  bool reads = request->operation == SIGNET_STREAM_READ;
  int descriptor = reads ? stream->input : stream->output;
  short events = reads ? POLLIN : POLLOUT;
  void *buffer = (void *)(linux_window_base(request->window) + request->buffer_offset);
  size_t length = request->buffer_length < TRANSFER_MOST ? request->buffer_length : TRANSFER_MOST;
  if (descriptor < 0)
    return fail(result, EBADF);
  if (!ready(descriptor, events))
    return wait_for(descriptor, events, request, result);
  if (!reads && length > stream->write_most)
    length = stream->write_most;
  ssize_t value = reads ? read(descriptor, buffer, length) : write(descriptor, buffer, length);
  if (value < 0 && errno == EAGAIN)
    return wait_for(descriptor, events, request, result);
  return answer(result, value);
}

static bool status(const struct stream_device *stream, const struct port_request *request,
                   struct signet_result *result) {
  struct stat host;
  struct signet_file_status filled;
  int descriptor = stream->input >= 0 ? stream->input : stream->output;
  if (descriptor < 0 || fstat(descriptor, &host) != 0)
    return fail(result, descriptor < 0 ? EBADF : errno);
  linux_fill_status(&filled, &host);
  if (request->buffer_length >= sizeof filled &&
      !port_copy_out(request->window, request->buffer_offset, &filled, sizeof filled)) {
    *result = (struct signet_result){SIGNET_ADDRESS, 0};
    return true;
  }
  uint64_t bits = (isatty(descriptor) ? SIGNET_STREAM_IS_TERMINAL : 0) |
                  (S_ISREG(host.st_mode) ? SIGNET_STREAM_IS_FILE : 0) |
                  (S_ISFIFO(host.st_mode) || S_ISSOCK(host.st_mode) ? SIGNET_STREAM_IS_PIPE : 0);
  *result = (struct signet_result){SIGNET_OK, bits};
  return true;
}

static bool set_mode(struct stream_device *stream, uint64_t mode, struct signet_result *result) {
  struct termios now;
  if (stream->input < 0 || tcgetattr(stream->input, &now) != 0)
    return fail(result, ENOTTY);
  if (!stream->mode_changed) {
    stream->mode = now;
    stream->mode_changed = true;
  }
  now = stream->mode;
  if (mode == 1) {
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
  } else if (mode != 0) {
    return fail(result, EINVAL);
  }
  /* Not once the output has drained: a processor must not wait, and nothing of the output changes. */
  return answer(result, tcsetattr(stream->input, TCSANOW, &now));
}

static bool stream_request(struct port_device *device, const struct port_request *request,
                           struct signet_result *result) {
  struct stream_device *stream = (struct stream_device *)device;
  int any = stream->input >= 0 ? stream->input : stream->output;
  struct winsize size;
  switch (request->operation) {
  case SIGNET_DEVICE_IDENTIFY:
    *result = (struct signet_result){SIGNET_OK, SIGNET_DEVICE_STREAM};
    return true;
  case SIGNET_STREAM_READ:
  case SIGNET_STREAM_WRITE:
    return transfer(stream, request, result);
  case SIGNET_STREAM_STATUS:
    return status(stream, request, result);
  case SIGNET_STREAM_POLL:
    return stream->input < 0 ? fail(result, EBADF) : answer(result, ready(stream->input, POLLIN));
  case SIGNET_STREAM_WINDOW_SIZE:
    if (any < 0 || ioctl(any, TIOCGWINSZ, &size) != 0)
      return answer(result, 0);
    return answer(result, (ssize_t)((uint64_t)size.ws_row << 32 | size.ws_col));
  case SIGNET_STREAM_TERMINAL_MODE:
    return set_mode(stream, request->arguments[0], result);
  case SIGNET_STREAM_SEEK:
    if (any < 0 || request->arguments[1] > SEEK_END)
      return fail(result, any < 0 ? EBADF : EINVAL);
    return answer(result, lseek(any, (off_t)request->arguments[0], (int)request->arguments[1]));
  default:
    *result = (struct signet_result){SIGNET_UNSUPPORTED, 0};
    return true;
  }
}

/* What was read stays read, and a position in a file is where it is. */
static void stream_reset(struct port_device *device) {
  struct stream_device *stream = (struct stream_device *)device;
  if (stream->mode_changed)
    tcsetattr(stream->input, TCSANOW, &stream->mode);
  stream->mode_changed = false;
}

static void stream_close(struct port_device *device) {
  struct stream_device *stream = (struct stream_device *)device;
  stream_reset(device);
  int both[] = {stream->input, stream->output};
  for (int i = 0; i < 2; i++)
    if (both[i] >= 0) {
      linux_poller_close(both[i]);
      close(both[i]);
    }
  free(stream);
}

/* Whether reads and writes wait is a matter of the open file, which the host's shell and others share: so a pipe or a
 * terminal is opened once more, for what never waits. Where that cannot be, it is the same open file. */
static int own(int descriptor, int access) {
  struct stat host = {.st_mode = 0};
  char name[32];
  /* The name of a terminal's far side would make another terminal. */
  bool far_side = fstat(descriptor, &host) == 0 && S_ISCHR(host.st_mode) && host.st_rdev == makedev(5, 2);
  if (S_ISFIFO(host.st_mode) || (isatty(descriptor) && !far_side)) {
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    int opened = open(name, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (opened >= 0)
      return opened;
  }
  return dup(descriptor);
}

/* A pipe that is ready takes PIPE_BUF bytes at once, a terminal one; more might wait, and a processor must not. */
static size_t write_most(int descriptor) {
  struct stat host;
  if (fstat(descriptor, &host) == 0 && S_ISREG(host.st_mode))
    return SSIZE_MAX;
  return isatty(descriptor) && !(fcntl(descriptor, F_GETFL) & O_NONBLOCK) ? 1 : PIPE_BUF;
}

struct port_device *linux_stream_device(int input, int output, const char **problem) {
  struct stream_device *stream = calloc(1, sizeof *stream);
  *problem = "no memory for a stream";
  if (!stream)
    return NULL;
  stream->device = (struct port_device){.request = stream_request, .close = stream_close, .reset = stream_reset};
  stream->input = input < 0 ? -1 : own(input, O_RDONLY);
  stream->output = output < 0 ? -1 : own(output, O_WRONLY);
  if ((input >= 0 && stream->input < 0) || (output >= 0 && stream->output < 0)) {
    *problem = strerror(errno);
    stream_close(&stream->device);
    return NULL;
  }
  if (stream->output >= 0)
    stream->write_most = write_most(stream->output);
  return &stream->device;
}
