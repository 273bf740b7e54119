/* Requests for the content extension: one is asked at a time, the others wait in their order. The core only. */
#include <stdio.h>
#include <string.h>

#include "apps/web/web.h"

#define HEADERS_MOST_BYTES 4096u /* as in contracts/extension.contract */

/* The one whose answer is awaited is the only one in its queue; none when its connection has gone meanwhile. */
static struct connection *asked(void) { return connection_queue(WAIT_ASKED)->first; }

static unsigned method_of(const struct request *request) {
  return request->parser.method == HTTP_GET ? 1 : request->parser.method == HTTP_HEAD ? 2 : 3;
}

/* Asks for as many as the extension takes: one. */
static void ask_next(void) {
  struct connection *connection;
  while (extension_presence() == EXTENSION_IS_READY && (connection = connection_queue(WAIT_EXTENSION)->first)) {
    const struct request *request = connection->request;
    struct extension_question question = {.method = method_of(request),
                                          .client = connection->number,
                                          .target = request->path,
                                          .query = request->query,
                                          .headers = request_headers(request),
                                          .body = request->body,
                                          .body_length = request->body_length};
    if (!extension_ask(&question)) {
      connection_wake(connection);
      answer_status(connection, 431, NULL, "the extension takes 8 KiB of target and header lines");
      continue;
    }
    connection_wait(connection, WAIT_ASKED, DEADLINE_EXTENSION);
  }
}

void extension_handle(struct connection *connection) {
  enum extension_presence state = extension_presence();
  if (state == EXTENSION_IS_ABSENT) {
    answer_status(connection, 503, NULL, "there is no extension, or it has ended too often");
    return;
  }
  if (strlen(request_headers(connection->request)) > HEADERS_MOST_BYTES) {
    answer_status(connection, 431, NULL, "an extension takes 4 KiB of header lines");
    return;
  }
  if (connection_queue(WAIT_EXTENSION)->count >= EXTENSION_QUEUE_MOST) {
    answer_status(connection, 503, "Retry-After: 1\r\n", "too many wait for the extension");
    return;
  }
  connection_wait(connection, WAIT_EXTENSION, state == EXTENSION_IS_GONE ? DEADLINE_SERVICE : DEADLINE_EXTENSION);
  ask_next();
}

/* Its answer, when it comes, is nobody's. */
void extension_forget(struct connection *connection) { (void)connection; }

/* Header fields have no line ends in them, whatever an extension says. */
static bool is_type(const char *type) {
  size_t length = strlen(type);
  for (size_t i = 0; i < length; i++)
    if (type[i] < ' ' || type[i] > '~')
      return false;
  return length > 0 && length <= 200;
}

void extension_answered(unsigned status, const char *type, const uint8_t *body, size_t length) {
  struct connection *connection = asked();
  if (connection) {
    connection_wake(connection);
    struct text *text = text_new(ANSWER_MOST);
    if (text)
      text_put(text, body, length);
    if (!is_type(type) || status < 200 || status > 599) {
      text_release(text);
      answer_status(connection, 500, NULL, "the extension's answer is none");
    } else if (!text || text->failed) {
      text_release(text);
      answer_status(connection, 503, "Retry-After: 1\r\n", "too many answers wait for their readers");
    } else {
      /* These two have no body. */
      if (status == 204 || status == 304)
        text->length = 0;
      answer_text(connection, status, type, NULL, text);
    }
  }
  ask_next();
}

void extension_failed(const char *why) {
  struct connection *connection = asked();
  if (connection)
    answer_status(connection, 500, NULL, why);
  ask_next();
}

/* Moves all that wait into that class, in their order. */
static void wait_again(enum deadline class) {
  for (uint32_t count = connection_queue(WAIT_EXTENSION)->count; count; count--)
    connection_wait(connection_queue(WAIT_EXTENSION)->first, WAIT_EXTENSION, class);
}

void extension_lost(void) {
  struct connection *connection = asked();
  wait_again(DEADLINE_SERVICE);
  if (connection)
    answer_status(connection, 503, "Retry-After: 0\r\n", "the extension has ended while it worked on this request");
}

void extension_back(void) {
  wait_again(DEADLINE_EXTENSION);
  ask_next();
}
