/* What the systems of tests/cli/up.sh consist of: argv[1] says what to do. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <signet/calls.h>
#include <signet/program.h>
#include <signet/supervised.h>

#define BEAT 20000000ull /* nanoseconds */

static struct signet_supervised supervised;

__attribute__((noinline)) static int divide(int by) { return 7 / by; }

static void begin(void) {
  static const struct signet_supervised_calls calls = {0};
  signet_supervised_begin(&supervised, signet_slot("supervision"), &calls, NULL);
}

/* Hears what the supervisor says, for so long. */
static void listen_for(uint64_t nanoseconds) {
  uint64_t deadline = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + nanoseconds;
  while (signet_supervised_wait(&supervised, deadline))
    ;
}

static void beat(const char *text) {
  for (unsigned i = 0;; i++) {
    printf("%s %u\n", text, i);
    fflush(stdout);
    listen_for(BEAT);
  }
}

/* What the server may say, said by the client; and something as long as no message is. */
static void wrong(void) {
  static union {
    struct signet_message message;
    uint8_t room[SIGNET_MESSAGE_DATA + 64];
  } buffer;
  for (;;) {
    buffer.message = (struct signet_message){.tag = 0, .length = 16};
    memcpy(buffer.room + SIGNET_MESSAGE_DATA, "\033]0;taken\007\033[2J", 15);
    signet_channel_send(signet_slot("output"), &buffer.message);
    buffer.message = (struct signet_message){.tag = 200, .length = 16};
    signet_channel_send(signet_slot("output"), &buffer.message);
    listen_for(BEAT);
  }
}

/* Works, so that there is processor time to show. */
static void spin(void) {
  volatile unsigned counter = 0;
  for (;;) {
    for (int i = 0; i < 1000000; i++)
      counter++;
    listen_for(1000);
  }
}

static void deaf(void) {
  for (;;)
    pause();
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  const char *more = count > 2 ? arguments[2] : "";
  begin();
  if (strcmp(what, "beat") == 0)
    beat("beat");
  if (strcmp(what, "escapes") == 0)
    beat("\033]0;taken\007\033[31;5m\xc2\x9b"
         "2J\x80\r\b");
  if (strcmp(what, "wrong") == 0)
    wrong();
  if (strcmp(what, "spin") == 0)
    spin();
  if (strcmp(what, "deaf") == 0)
    deaf();
  if (strcmp(what, "crash") == 0) {
    listen_for(300000000);
    printf("%d\n", divide(atoi(more)));
  }
  if (strcmp(what, "status") == 0) {
    listen_for(100000000);
    return atoi(more);
  }
  return 99;
}
