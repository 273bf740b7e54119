/* The connections of the web server: what each is doing, and what happens to it next. Called by the transport, which is
 * never called back into from here while it calls. */
#include <stdlib.h>
#include <string.h>

#include "apps/web/web.h"

#define LINGER_MOST (256u * 1024) /* bytes that are read and thrown away */

struct server_figures server_figures;
const char *server_root = ".";
static struct queue queues[WAITS];
static uint32_t connection_numbers;
static bool stopping;

void server_begin(unsigned hurry) {
  deadline_begin(hurry);
  memset(queues, 0, sizeof queues);
  server_figures = (struct server_figures){0};
  stopping = false;
}

/* ---- Waiting for something else than the client ---- */

struct queue *connection_queue(enum wait wait) {
  return &queues[wait];
}

void connection_wake(struct connection *connection) {
  if (connection->wait == WAIT_NOTHING)
    return;
  struct queue *queue = &queues[connection->wait];
  *(connection->previous ? &connection->previous->next : &queue->first) = connection->next;
  *(connection->next ? &connection->next->previous : &queue->last) = connection->previous;
  queue->count--;
  connection->next = connection->previous = NULL;
  connection->wait = WAIT_NOTHING;
}

void connection_wait(struct connection *connection, enum wait wait, enum deadline deadline) {
  connection_wake(connection);
  struct queue *queue = &queues[wait];
  connection->wait = wait;
  connection->state = STATE_WAITING;
  connection->next = NULL;
  connection->previous = queue->last;
  *(queue->last ? &queue->last->next : &queue->first) = connection;
  queue->last = connection;
  queue->count++;
  deadline_set(&connection->deadline, deadline);
}

/* ---- Beginning and end ---- */

void connection_opened(struct connection *connection) {
  *connection = (struct connection){.state = STATE_READING, .number = ++connection_numbers};
  server_figures.connections++;
  deadline_set(&connection->deadline, DEADLINE_HEAD);
  transport_read(connection, UINT64_MAX);
}

void connection_close(struct connection *connection) {
  if (connection->wait == WAIT_ASKED || connection->wait == WAIT_EXTENSION)
    extension_forget(connection);
  connection_wake(connection);
  deadline_clear(&connection->deadline);
  if (connection->slow)
    block_slow(false);
  if (connection->block_out)
    block_lost();
  answer_drop(connection);
  request_release(connection->request);
  free(connection->pending);
  server_figures.connections--;
  transport_close(connection);
}

void connection_failed(struct connection *connection) { connection_close(connection); }

/* ---- Reading ---- */

/* Only a request that has begun is answered when its time is over, so only then the transport has to know that time. */
static void read_next(struct connection *connection) {
  connection->state = STATE_READING;
  bool begun = connection->request && request_begun(connection->request);
  transport_read(connection, begun ? connection->deadline.at : UINT64_MAX);
}

/* Looks at bytes of the next request: either it is complete and handled, or more are read. */
static void feed(struct connection *connection, const uint8_t *bytes, uint32_t length) {
  if (!connection->request) {
    connection->request = request_take();
    connection->keep_alive = false;
    if (!connection->request) {
      connection->lingers = true;
      answer_status(connection, 503, NULL, "there is no memory for the request just now");
      return;
    }
  }
  struct request *request = connection->request;
  bool begun = request_begun(request), in_body = request->head_complete;
  enum request_result result;
  uint32_t taken = request_feed(request, bytes, length, &result);
  connection->first_version = request->parser.http_minor == 0 && request->head_complete;
  switch (result) {
  case REQUEST_MORE:
    if (request->head_complete != in_body)
      deadline_set(&connection->deadline, DEADLINE_BODY);
    else if (!begun && connection->deadline.class != DEADLINE_HEAD)
      deadline_set(&connection->deadline, DEADLINE_HEAD);
    if (!in_body && !request->head_complete && !request_begun(request)) {
      /* Empty lines between requests are no request. */
      request_release(request);
      connection->request = NULL;
    }
    read_next(connection);
    return;
  case REQUEST_CONTINUE: {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    memcpy(transport_room(), text, sizeof text - 1);
    connection->state = STATE_CONTINUING;
    deadline_set(&connection->deadline, DEADLINE_BODY);
    transport_write(connection, sizeof text - 1);
    return;
  }
  case REQUEST_WRONG:
    connection->lingers = true;
    server_figures.requests++;
    answer_status(connection, request->status, NULL, request->why);
    return;
  case REQUEST_COMPLETE:
    break;
  }
  if (taken < length) {
    connection->pending = malloc(length - taken);
    if (!connection->pending) {
      connection_close(connection);
      return;
    }
    connection->pending_length = length - taken;
    memcpy(connection->pending, bytes + taken, length - taken);
  }
  connection->keep_alive = request_keep_alive(request) && !stopping;
  server_figures.requests++;
  deadline_set(&connection->deadline, DEADLINE_NONE);
  connection_handle(connection);
}

void connection_received(struct connection *connection, const uint8_t *bytes, uint32_t length) {
  if (connection->state == STATE_LINGERING) {
    connection->lingered += length;
    if (connection->lingered > LINGER_MOST)
      connection_close(connection);
    else
      transport_read(connection, UINT64_MAX);
    return;
  }
  connection->state = STATE_READING;
  feed(connection, bytes, length);
}

void connection_ended(struct connection *connection) {
  struct request *request = connection->request;
  if (connection->state == STATE_READING && request && request_begun(request) && connection->pending == NULL) {
    connection->keep_alive = false;
    server_figures.requests++;
    answer_status(connection, 400, NULL, "the request ends in the middle");
    return;
  }
  connection_close(connection);
}

void connection_handle(struct connection *connection) {
  const struct request *request = connection->request;
  if (!strcmp(request->path, "/status.json"))
    status_handle(connection);
  else if (!strncmp(request->path, "/ext/", 5))
    extension_handle(connection);
  else if (!status_page(connection))
    site_handle(connection);
}

/* ---- Writing ---- */

void connection_next(struct connection *connection) {
  request_release(connection->request);
  connection->request = NULL;
  if (!connection->keep_alive || stopping) {
    if (!connection->lingers) {
      connection_close(connection);
      return;
    }
    connection->state = STATE_SHUTTING;
    deadline_set(&connection->deadline, DEADLINE_LINGER);
    transport_shut(connection);
    return;
  }
  connection->state = STATE_READING;
  deadline_set(&connection->deadline, DEADLINE_IDLE);
  if (!connection->pending) {
    read_next(connection);
    return;
  }
  uint8_t *pending = connection->pending;
  connection->pending = NULL;
  feed(connection, pending, connection->pending_length);
  free(pending);
}

void connection_written(struct connection *connection) {
  switch (connection->state) {
  case STATE_CONTINUING:
    read_next(connection);
    return;
  case STATE_SHUTTING:
    connection->state = STATE_LINGERING;
    transport_read(connection, UINT64_MAX);
    return;
  default:
    answer_continue(connection);
  }
}

/* ---- Time and numbers ---- */

void connection_read_over(struct connection *connection) {
  connection->keep_alive = false;
  connection->lingers = true;
  server_figures.requests++;
  answer_status(connection, 408, NULL, "the request took too long to come");
}

static void expire(struct connection *connection) {
  switch (connection->deadline.class) {
  case DEADLINE_HEAD:
  case DEADLINE_BODY:
    if (connection->state != STATE_READING || !connection->request || !request_begun(connection->request))
      break;
    if (transport_can_interrupt_read())
      connection_read_over(connection);
    else
      deadline_set(&connection->deadline, DEADLINE_READ_OVER);
    return;
  case DEADLINE_EXTENSION:
    extension_forget(connection);
    connection_wake(connection);
    answer_status(connection, 503, "Retry-After: 1\r\n", "the extension takes too long");
    return;
  case DEADLINE_BLOCK:
    connection->slow = true;
    block_slow(true);
    deadline_set(&connection->deadline, DEADLINE_WRITE);
    return;
  case DEADLINE_SERVICE:
    if (connection->wait == WAIT_FILES_BODY)
      break;
    if (connection->wait == WAIT_EXTENSION)
      answer_status(connection, 503, "Retry-After: 1\r\n", "the extension has ended, and is not back yet");
    else if (connection->wait == WAIT_STATUS)
      answer_status(connection, 503, "Retry-After: 1\r\n", "the system does not tell what it does");
    else
      answer_status(connection, 503, "Retry-After: 1\r\n", "the file service has ended, and is not back yet");
    return;
  default:
    break;
  }
  connection_close(connection);
}

void server_expire(void) {
  uint64_t now = transport_now();
  struct deadline_link *link;
  while ((link = deadline_ended(now)))
    expire((struct connection *)(void *)link);
}

uint64_t server_next_deadline(void) { return deadline_next(); }

bool server_has_room(void) {
  if (server_figures.connections < CONNECTIONS_MOST)
    return true;
  struct deadline_link *oldest = deadline_first(DEADLINE_IDLE);
  if (!oldest) {
    /* One whose head takes more than a second is as good as idle. */
    oldest = deadline_first(DEADLINE_HEAD);
    if (oldest && oldest->at - transport_now() > deadline_length(DEADLINE_HEAD) - SECOND)
      oldest = NULL;
  }
  if (!oldest)
    return false;
  connection_close((struct connection *)(void *)oldest);
  return true;
}

void server_stop(void) {
  stopping = true;
  blocks_drop();
  struct deadline_link *idle;
  while ((idle = deadline_first(DEADLINE_IDLE)))
    connection_close((struct connection *)(void *)idle);
}

void server_continue(void) {
  /* Who finds none after all waits again. */
  for (uint32_t count = queues[WAIT_BLOCK].count; count && block_can_be_taken(); count--) {
    struct connection *connection = queues[WAIT_BLOCK].first;
    connection_wake(connection);
    answer_again(connection);
  }
}

bool server_is_idle(void) { return server_figures.connections == 0; }

/* ---- The file service is back ---- */

void storage_back(void) {
  file_table_forget();
  for (uint32_t count = queues[WAIT_FILES].count; count; count--) {
    struct connection *connection = queues[WAIT_FILES].first;
    connection_wake(connection);
    deadline_clear(&connection->deadline);
    connection_handle(connection);
  }
  for (uint32_t count = queues[WAIT_FILES_BODY].count; count; count--) {
    struct connection *connection = queues[WAIT_FILES_BODY].first;
    connection_wake(connection);
    answer_continue(connection);
  }
}
