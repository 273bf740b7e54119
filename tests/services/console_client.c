/* Programs that share a console, one image for all: the first argument says which. For tests/services/console.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/calls.h>
#include <signet/program.h>
#include <signet/supervised.h>

#include "contracts/files.h"

static struct signet_supervised supervised;
static const struct signet_supervised_calls calls = {0};

static void say(int stream, const char *text) { write(stream, text, strlen(text)); }

static void write_lines(void) {
  say(1, "one\ntwo\nth");
  say(1, "ree\n");
  say(2, "on standard error\n");
  say(1, "gr\303\274\303\237e\n");
  say(1, "");
  say(1, "the last, which is not ended");
}

/* Whatever it takes to look like another program, or to spoil what is on the screen. */
static void write_hostile(void) {
  static const char *const texts[] = {"\rgood | forged\n",
                                      "\033[2K\033[1Ggood | forged\n",
                                      "\033[1A\033[2Jgood | forged\n",
                                      "x\bgood | forged\n",
                                      "\302\205good | forged\n",
                                      "\233"
                                      "1Fgood | forged\n",
                                      "\342\200\250good | forged\n",
                                      "\342\200\256degrof | doog\n",
                                      "\vgood | forged\f\n",
                                      "\033]0;title\a\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    say(1, texts[i]);
  for (int columns = 20; columns < 120; columns++) {
    char text[200];
    memset(text, ' ', sizeof text);
    strcpy(text + columns, "good | forged\n");
    say(1 + columns % 2, text);
  }
  static char long_text[100000];
  memset(long_text, 'x', sizeof long_text);
  write(1, long_text, sizeof long_text);
  write(1, "\n", 1);
}

static void read_all(void) {
  char line[200];
  int count = 0;
  while (fgets(line, sizeof line, stdin)) {
    printf("read %s", line);
    fflush(stdout);
    count++;
  }
  printf("read %d lines\n", count);
  fflush(stdout);
}

/* ---- Large blocks ---- */

#define TRIES 40
#define TRY_NANOSECONDS 50000000

static struct files_buffer buffer;

/* A request for a few bytes, in as large a block as there may be. */
static struct files_STREAM_WRITE_BLOCK large_block(const char *text) {
  struct signet_result block = signet_block_allocate(FILES_BLOCK_MOST);
  if (block.status != SIGNET_OK)
    exit(2);
  memcpy((void *)(uintptr_t)(block.value >> 32), text, strlen(text));
  return (struct files_STREAM_WRITE_BLOCK){.request = {.length = strlen(text)},
                                           .block = {.handle = (uint32_t)block.value}};
}

/* Has all answers that it can have, and takes none: their blocks stay the console's to pay for. */
static void take_no_answer(void) {
  static const char *const slots[] = {"input", "output", "error"};
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    struct files_client_REQUEST end = {signet_slot(slots[i])};
    struct files_client_ANSWER_BLOCK waiting;
    struct files_STREAM_WRITE_BLOCK message = large_block("taken\n");
    files_send_STREAM_WRITE_BLOCK(&end, &waiting, &message, &buffer);
  }
  for (;;)
    signet_supervised_wait(&supervised, SIGNET_NEVER);
}

/* Meanwhile this one writes such blocks, and is heard. */
static void write_blocks(void) {
  struct files_client_REQUEST end = {signet_slot("output")};
  uint32_t heard = 0, nobody_wakes = 0;
  for (int i = 0; i < TRIES; i++) {
    struct files_STREAM_WRITE_BLOCK message = large_block("heard\n");
    struct files_client_ANSWER_BLOCK waiting;
    struct files_client_ANSWER_BLOCK_received received;
    if (files_call_STREAM_WRITE_BLOCK(&end, &waiting, &message, &received, &buffer, SIGNET_NEVER) != SIGNET_OK)
      break;
    end = received.ANSWERED_BLOCK.next;
    heard += !received.ANSWERED_BLOCK.message.answer.error;
    signet_handle_close(received.ANSWERED_BLOCK.message.block.handle);
    signet_word_wait(&nobody_wakes, 0, signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + TRY_NANOSECONDS);
  }
  say(2, heard == TRIES ? "all were heard\n" : "it was cut off\n");
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  signet_supervised_begin(&supervised, signet_slot("supervision"), &calls, NULL);
  if (!strcmp(what, "lines"))
    write_lines();
  else if (!strcmp(what, "hostile"))
    write_hostile();
  else if (!strcmp(what, "read"))
    read_all();
  else if (!strcmp(what, "no-answer"))
    take_no_answer();
  else if (!strcmp(what, "blocks"))
    write_blocks();
  else if (!strcmp(what, "crash")) {
    say(1, "last words");
    *(volatile int *)(long)(count - 2) = 1;
  }
  return 0;
}
