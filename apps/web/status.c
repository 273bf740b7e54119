/* The status: an object of JSON that is made at most every quarter of a second, whoever asks; and the page that draws
 * it, which is built in. The core only. */
#include <stdlib.h>
#include <string.h>

#include "apps/web/web.h"
#include "web/status_files.h" /* made of apps/web/status/ */

#define STATUS_MOST (1u << 20)
#define KEPT_FOR (250 * MILLISECOND)

static struct text *made;
static uint64_t made_at;
static bool looking;

static void put_server(struct text *text) {
  text_print(text, "\"server\":{\"requests\":%llu,\"connections\":%u,\"errors\":%llu}}\n",
             (unsigned long long)server_figures.requests, server_figures.connections,
             (unsigned long long)server_figures.errors);
}

static void put_begin(struct text *text) {
  text_print(text, "{\"time\":%llu,", (unsigned long long)(transport_time() / MILLISECOND));
}

static void answer_made(struct connection *connection) {
  made->references++;
  answer_text(connection, 200, "application/json", "Cache-Control: no-store\r\n", made);
}

void status_handle(struct connection *connection) {
  if (made && transport_now() - made_at < KEPT_FOR) {
    answer_made(connection);
    return;
  }
  connection_wait(connection, WAIT_STATUS, DEADLINE_SERVICE);
  if (looking)
    return;
  looking = observation_begin();
  if (!looking)
    observed(NULL, 0);
}

void observed(char *fields, size_t length) {
  looking = false;
  struct text *text = text_new(STATUS_MOST);
  if (text) {
    put_begin(text);
    text_put(text, fields ? fields : "\"processes\":[],\"channels\":[]", fields ? length : 28);
    text_put(text, ",", 1);
    put_server(text);
  }
  free(fields);
  bool fits = text && !text->failed;
  if (fits) {
    text_release(made);
    made = text;
    made_at = transport_now();
  } else {
    text_release(text);
  }
  for (uint32_t count = connection_queue(WAIT_STATUS)->count; count; count--) {
    struct connection *connection = connection_queue(WAIT_STATUS)->first;
    connection_wake(connection);
    if (fits)
      answer_made(connection);
    else
      answer_status(connection, 500, NULL, "the status is too long");
  }
}

bool status_page(struct connection *connection) {
  const char *path = connection->request->path;
  if (strncmp(path, "/status", 7) != 0)
    return false;
  for (size_t i = 0; i < sizeof status_files / sizeof *status_files; i++) {
    const struct status_file *file = &status_files[i];
    bool index = !strcmp(file->name, "index.html") && (!path[7] || !strcmp(path + 7, "/"));
    if (index || (path[7] == '/' && !strcmp(path + 8, file->name))) {
      answer_bytes(connection, content_type(file->name), file->bytes, file->length);
      return true;
    }
  }
  return false;
}
