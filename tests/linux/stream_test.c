/* Streams of port/linux whose other side does not read: a processor never waits for it; nor is it long in the host for
 * one request of a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <signal.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define SECONDS 20
#define BYTES_MOST (1u << 20) /* more than the host keeps for who does not read */

#define LARGE (3u << 20) /* more than one request transfers */

static struct port_device *terminal, *far_side, *pipe_out, *pipe_in, *file;
static int master, line, far_line, ends[2];

static void late(int number) {
  static const char text[] = "not ok - a processor waits for the host\nBail out!\n";
  ssize_t told = write(1, text, sizeof text - 1);
  (void)number, (void)told;
  _exit(1);
}

/* Writes until it would wait. -> bytes. */
static uint64_t fill(struct port_device *device, uint32_t length) {
  uint64_t written = 0;
  for (struct signet_result result; written < BYTES_MOST; written += result.value) {
    result = alone_answer(device, SIGNET_STREAM_WRITE, length, 0, 0);
    if (result.status != SIGNET_OK)
      return result.status == ALONE_WAITS ? written : BYTES_MOST;
  }
  return written;
}

static void test_write(struct port_device *device, uint32_t length, int reader, const char *what) {
  struct signet_result result;
  uint64_t ticket, filled = fill(device, length);
  ok(filled && filled < BYTES_MOST, "who writes %u bytes at a time to %s that nobody reads waits", length, what);
  bool waits = !alone_ask(device, SIGNET_STREAM_WRITE, length, 0, 0, &result, &ticket);
  static char read_back[BYTES_MOST];
  ssize_t got = 0;
  while (filled && (got = read(reader, read_back, sizeof read_back)) > 0 && !alone_ready(ticket, 50))
    ;
  ok(waits && got > 0 && alone_ready(ticket, 5000), "and goes on once it is read");
  ok(alone_answer(device, SIGNET_STREAM_WRITE, 1, 0, 0).status == SIGNET_OK, "by writing again");
}

static bool is_part(struct signet_result result) { return result.status == SIGNET_OK && result.value == 1u << 20; }

static void test_file(void) {
  port_lock();
  bool mapped = port_window_map(ALONE_WINDOW, ALONE_BUFFER, LARGE, SIGNET_PROTECT_WRITE);
  port_unlock();
  ok(mapped && is_part(alone_answer(file, SIGNET_STREAM_WRITE, LARGE, 0, 0)) &&
         is_part(alone_answer(file, SIGNET_STREAM_WRITE, LARGE, 0, 0)),
     "one request writes a part of what is large to a file");
  ok(alone_answer(file, SIGNET_STREAM_SEEK, 0, 0, SEEK_SET).status == SIGNET_OK &&
         is_part(alone_answer(file, SIGNET_STREAM_READ, LARGE, 0, 0)) &&
         is_part(alone_answer(file, SIGNET_STREAM_READ, LARGE, 0, 0)),
     "and reads one");
  struct signet_result end = alone_answer(file, SIGNET_STREAM_READ, LARGE, 0, 0);
  ok(end.status == SIGNET_OK && !end.value, "up to its end");
}

static bool shared_waits(int descriptor) { return !(fcntl(descriptor, F_GETFL) & O_NONBLOCK); }

static int open_terminal(int *other) {
  struct termios mode;
  int made = posix_openpt(O_RDWR | O_NOCTTY);
  *other = made >= 0 && grantpt(made) == 0 && unlockpt(made) == 0 ? open(ptsname(made), O_RDWR | O_NOCTTY) : -1;
  if (*other < 0 || tcgetattr(*other, &mode) != 0)
    return -1;
  mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  return tcsetattr(*other, TCSANOW, &mode) == 0 ? made : -1;
}

int main(void) {
  const char *problem;
  signal(SIGALRM, late);
  alarm(SECONDS);
  alone_prepare();
  master = open_terminal(&line);
  int far_master = open_terminal(&far_line);
  bool made = master >= 0 && far_master >= 0 && pipe(ends) == 0;
  terminal = made ? linux_stream_device(line, line, &problem) : NULL;
  far_side = made ? linux_stream_device(far_master, far_master, &problem) : NULL;
  pipe_out = made ? linux_stream_device(-1, ends[1], &problem) : NULL;
  pipe_in = made ? linux_stream_device(ends[0], -1, &problem) : NULL;
  int regular = memfd_create("file", 0);
  file = regular >= 0 ? linux_stream_device(regular, regular, &problem) : NULL;
  if (!terminal || !far_side || !pipe_out || !pipe_in || !file) {
    printf("Bail out! no streams\n");
    return 1;
  }
  alone_seal();
  memset(alone_memory(), '\n', ALONE_BYTES);
  test_write(terminal, 4096, master, "a terminal");
  test_write(terminal, 997, master, "a terminal");
  test_write(far_side, 4096, far_line, "the other side of a terminal, which cannot be opened again,");
  test_write(pipe_out, 4096, ends[0], "a pipe");
  test_write(pipe_out, 100000, ends[0], "a pipe");
  uint64_t rest = 0;
  for (struct signet_result result;; rest += result.value) {
    result = alone_answer(pipe_in, SIGNET_STREAM_READ, 4096, 0, 0);
    if (result.status != SIGNET_OK || !result.value)
      break;
  }
  ok(rest && alone_answer(pipe_in, SIGNET_STREAM_READ, 4096, 0, 0).status == ALONE_WAITS, "a pipe is read until empty");
  ok(shared_waits(line) && shared_waits(far_master) && shared_waits(ends[0]) && shared_waits(ends[1]),
     "whoever shares the host's streams waits as before");
  test_file();
  return finish();
}
