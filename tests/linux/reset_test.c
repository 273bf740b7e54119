/* Devices of port/linux that come back from who borrowed them: nothing of his is left in them; and how long one request
 * of a directory keeps a processor in the host. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define LARGE (3u << 20) /* more than one request transfers */
#define TRANSFER_MOST (1u << 20)

static struct port_device *directory, *terminal, *scratch;
static int line;

static void reset(struct port_device *device) {
  port_lock();
  port_device_reset(device);
  port_unlock();
}

static bool is(struct signet_result result, int64_t status, uint64_t value) {
  return result.status == status && result.value == value;
}

static void test_directory(void) {
  bool numbered = true, closed = true, full = true;
  for (unsigned round = 0; round < 10; round++) {
    for (unsigned i = 0; i < 100; i++)
      numbered = numbered && is(alone_answer(directory, SIGNET_DIRECTORY_OPEN, 0, SIGNET_OPEN_READ, 0), SIGNET_OK, i);
    reset(directory);
    for (unsigned i = 0; i < 100; i++)
      closed = closed && is(alone_answer(directory, SIGNET_DIRECTORY_STATUS, 0, i, 0), SIGNET_DEVICE, EBADF);
  }
  ok(numbered && closed, "files that were left open are closed, and their numbers free");
  reset(directory);
  for (unsigned i = 0; full; i++) {
    struct signet_result opened = alone_answer(directory, SIGNET_DIRECTORY_OPEN, 0, SIGNET_OPEN_READ, 0);
    if (opened.status != SIGNET_OK)
      break;
    full = opened.value == i;
  }
  reset(directory);
  ok(full && is(alone_answer(directory, SIGNET_DIRECTORY_OPEN, 0, SIGNET_OPEN_READ, 0), SIGNET_OK, 0),
     "also when there is room for no more");
}

static struct signet_result ask_scratch(uint32_t operation, uint64_t first, uint64_t second) {
  struct signet_result result;
  struct port_request request = {.window = ALONE_WINDOW,
                                 .operation = operation,
                                 .buffer_offset = ALONE_BUFFER,
                                 .buffer_length = LARGE,
                                 .text = "reset_test.large",
                                 .text2 = "",
                                 .arguments = {first, second}};
  return port_device_request(scratch, &request, &result) ? result : (struct signet_result){ALONE_WAITS, 0};
}

static void test_transfer(void) {
  port_lock();
  bool mapped = port_window_map(ALONE_WINDOW, ALONE_BUFFER, LARGE, SIGNET_PROTECT_WRITE);
  port_unlock();
  struct signet_result opened =
      ask_scratch(SIGNET_DIRECTORY_OPEN, SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, 0600);
  ok(mapped && opened.status == SIGNET_OK, "a file is made");
  uint64_t whole = 0;
  bool short_ones = true;
  for (; whole < LARGE && short_ones; whole += TRANSFER_MOST)
    short_ones = is(ask_scratch(SIGNET_DIRECTORY_WRITE, opened.value, whole), SIGNET_OK, TRANSFER_MOST);
  ok(short_ones, "one request writes a part of what is large");
  ok(is(ask_scratch(SIGNET_DIRECTORY_READ, opened.value, 0), SIGNET_OK, TRANSFER_MOST) &&
         is(ask_scratch(SIGNET_DIRECTORY_READ, opened.value, LARGE - 1), SIGNET_OK, 1) &&
         is(ask_scratch(SIGNET_DIRECTORY_READ, opened.value, LARGE), SIGNET_OK, 0),
     "and reads one");
  ok(is(ask_scratch(SIGNET_DIRECTORY_CLOSE, opened.value, 0), SIGNET_OK, 0) &&
         is(ask_scratch(SIGNET_DIRECTORY_REMOVE, 0, 0), SIGNET_OK, 0),
     "it is removed");
}

static tcflag_t mode(void) {
  struct termios now;
  return tcgetattr(line, &now) == 0 ? now.c_lflag & (ICANON | ECHO) : ~0u;
}

static void test_terminal(void) {
  ok(mode() == (ICANON | ECHO) && is(alone_answer(terminal, SIGNET_STREAM_TERMINAL_MODE, 0, 1, 0), SIGNET_OK, 0) &&
         mode() == 0,
     "a terminal is read byte by byte");
  reset(terminal);
  ok(mode() == (ICANON | ECHO), "given back, it is as it was found");
  struct termios other;
  bool changed = tcgetattr(line, &other) == 0;
  other.c_lflag &= ~(tcflag_t)ECHO;
  changed = changed && tcsetattr(line, TCSANOW, &other) == 0;
  reset(terminal);
  ok(changed && mode() == ICANON, "what its holder did not change is not changed back");
  ok(is(alone_answer(terminal, SIGNET_STREAM_TERMINAL_MODE, 0, 1, 0), SIGNET_OK, 0) && mode() == 0, "changed again");
  reset(terminal);
  ok(mode() == ICANON, "it is as the next holder found it");
}

int main(int count, char **arguments) {
  const char *problem;
  alone_prepare();
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  line = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 ? open(ptsname(master), O_RDWR | O_NOCTTY) : -1;
  directory = linux_directory_device("tests", true, &problem);
  terminal = line >= 0 ? linux_stream_device(line, line, &problem) : NULL;
  scratch = count ? linux_directory_device(dirname(arguments[0]), false, &problem) : NULL; /* where this program is */
  if (!directory || !terminal || !scratch) {
    printf("Bail out! no devices\n");
    return 1;
  }
  alone_seal();
  test_directory();
  test_transfer();
  test_terminal();
  return finish();
}
