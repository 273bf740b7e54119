/* What stream devices of port/linux do when the host refuses what they ask it (ld --wrap). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

static int poll_error, add_error; /* 0: as it is; each poll fails so often */
static unsigned polls_failing, polls;
static int dups_until_failure = -1;

int __real_poll(struct pollfd *polled, nfds_t number, int timeout);
int __wrap_poll(struct pollfd *polled, nfds_t number, int timeout);
int __real_epoll_ctl(int poll, int operation, int file, struct epoll_event *event);
int __wrap_epoll_ctl(int poll, int operation, int file, struct epoll_event *event);
int __real_dup(int file);
int __wrap_dup(int file);

static int fail(int error) {
  errno = error;
  return -1;
}

int __wrap_poll(struct pollfd *polled, nfds_t number, int timeout) {
  polls++;
  if (!polls_failing)
    return __real_poll(polled, number, timeout);
  polls_failing--;
  return fail(poll_error);
}

int __wrap_epoll_ctl(int poll, int operation, int file, struct epoll_event *event) {
  return operation == EPOLL_CTL_ADD && add_error ? fail(add_error) : __real_epoll_ctl(poll, operation, file, event);
}

int __wrap_dup(int file) {
  if (dups_until_failure == 0)
    return fail(EMFILE);
  dups_until_failure -= dups_until_failure > 0;
  return __real_dup(file);
}

static int count_descriptors(void) {
  int count = 0;
  DIR *list = opendir("/proc/self/fd");
  while (list && readdir(list))
    count++;
  if (list)
    closedir(list);
  return count;
}

static struct port_device *stream;
static int in[2];

static void fail_polls(unsigned count, int error) {
  polls_failing = count;
  poll_error = error;
}

/* Nobody reads where nothing is: the request waits, and is told when there is something. */
static void test_read(unsigned count, int error, const char *what) {
  struct signet_result result;
  uint64_t ticket;
  char byte = 'x';
  fail_polls(count, error);
  bool waits = !alone_ask(stream, SIGNET_STREAM_READ, 1, 0, 0, &result, &ticket);
  bool told = waits && write(in[1], &byte, 1) == 1 && alone_ready(ticket, 5000);
  fail_polls(0, 0);
  bool read = told && alone_ask(stream, SIGNET_STREAM_READ, 1, 0, 0, &result, &ticket) && result.status == SIGNET_OK &&
              result.value == 1;
  ok(waits && told && read, "%s: a read of nothing waits, and is told of something", what);
}

static void test_write(void) {
  struct signet_result result;
  uint64_t ticket;
  fail_polls(1, EINTR);
  bool made = alone_ask(stream, SIGNET_STREAM_WRITE, 1, 0, 0, &result, &ticket) && result.status == SIGNET_OK;
  ok(made && polls_failing == 0, "a poll that a tick interrupts is made again: what can be written is");
}

static void test_poll(void) {
  fail_polls(1, ENOMEM);
  struct signet_result result = alone_answer(stream, SIGNET_STREAM_POLL, 0, 0, 0);
  ok(result.status == SIGNET_OK && result.value == 0, "what is not known to be ready is not");
  fail_polls(0, 0);
}

static void test_no_room(void) {
  struct signet_result result;
  uint64_t ticket;
  add_error = ENOSPC;
  bool answered = alone_ask(stream, SIGNET_STREAM_READ, 1, 0, 0, &result, &ticket);
  ok(answered && result.status == SIGNET_DEVICE && result.value == ENOSPC,
     "a wait that the host has no room for is an error, and nobody waits");
  add_error = 0;
  test_read(0, 0, "and when it has");
  ok(!alone_ready(ticket, 0), "who was told of no room is told nothing more");
}

static void test_copies(int input, int output) {
  const char *problem = "";
  bool refused = true;
  int before = count_descriptors();
  for (int i = 0; i < 2; i++) {
    dups_until_failure = i;
    struct port_device *device = linux_stream_device(input, output, &problem);
    refused = refused && !device && strcmp(problem, strerror(EMFILE)) == 0;
  }
  dups_until_failure = -1;
  ok(refused, "a stream that cannot be copied is none");
  ok(count_descriptors() == before, "and nothing is left over of it");
}

int main(void) {
  const char *problem = "";
  int out[2];
  alarm(60);
  alone_prepare();
  if (pipe2(in, O_NONBLOCK) != 0 || pipe2(out, O_NONBLOCK) != 0)
    return 1;
  int null = open("/dev/null", O_RDWR);
  test_copies(null, null);
  stream = linux_stream_device(in[0], out[1], &problem);
  alone_seal();
  test_no_room();
  test_read(0, 0, "nothing is refused");
  test_read(1, EINTR, "a tick comes");
  test_read(3, EINTR, "three ticks come");
  test_read(1, ENOMEM, "no memory for a poll");
  test_write();
  test_poll();
  return finish();
}
