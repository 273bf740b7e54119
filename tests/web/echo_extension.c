/* An extension in the native server's own process, for tests/web/protocol.py: says back what it was asked, with
 * the status or the damaged type that it is asked for, and ends when it is asked to. In place of
 * apps/web/native_alone.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/web/native.h"
#include "apps/web/transport.h"

static enum extension_presence presence = EXTENSION_IS_READY;
static char *answer;
static unsigned answer_status;
static const char *answer_type;
static size_t answer_length;

enum extension_presence extension_presence(void) { return presence; }

static void come_back(void) {
  presence = EXTENSION_IS_READY;
  extension_back();
}

static void end(void) {
  presence = EXTENSION_IS_GONE;
  native_after(come_back);
  extension_lost();
}

static void say(void) {
  char *said = answer;
  answer = NULL;
  presence = EXTENSION_IS_READY;
  extension_answered(answer_status, answer_type, (const uint8_t *)said, answer_length);
  free(said);
}

bool extension_ask(const struct extension_question *question) {
  presence = EXTENSION_IS_BUSY;
  if (!strcmp(question->target, "/ext/crash")) {
    native_after(end);
    return true;
  }
  if (!strcmp(question->target, "/ext/hang"))
    return true; /* it never answers */
  answer_status = !strncmp(question->target, "/ext/status/", 12) ? (unsigned)atoi(question->target + 12) : 200;
  answer_type = !strcmp(question->target, "/ext/split") ? "text/plain\r\nSet-Cookie: mine" : "text/plain";
  size_t room = 10000 + question->body_length;
  answer = malloc(room);
  answer_length = (size_t)snprintf(answer, room, "%u %s ?%s\n%s\n", question->method, question->target, question->query,
                                   question->headers);
  memcpy(answer + answer_length, question->body_length ? (const char *)question->body : "", question->body_length);
  answer_length += question->body_length;
  native_after(say);
  return true;
}

bool observation_begin(void) { return false; }
