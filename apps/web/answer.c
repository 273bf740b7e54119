/* Answers: their heads, and their bodies piece by piece. A small one goes out in one message with the next read in it;
 * a larger one in blocks, head first; in small pieces when there are no blocks, so that no number of slow readers holds
 * more memory than there is. The core only. */
#include <stdio.h>
#include <string.h>

#include "apps/web/web.h"

static const struct {
  uint16_t status;
  const char *reason;
} reasons[] = {
    {200, "OK"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(unsigned status) {
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
    if (reasons[i].status == status)
      return reasons[i].reason;
  return status < 300 ? "OK" : "Answer";
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t length) {
  memcpy(to, bytes, length);
  return to + length;
}

static uint8_t *put_string(uint8_t *to, const char *string) { return put(to, string, strlen(string)); }

/* What every head has behind its first line. Made once a second. */
static uint8_t *put_common(uint8_t *to) {
  static char common[64];
  static size_t length;
  static uint64_t made_for;
  uint64_t second = transport_time() / SECOND;
  if (second != made_for || !length) {
    char date[DATE_LENGTH + 1];
    date_write(date, (int64_t)second);
    length = snprintf(common, sizeof common, "Server: signet\r\nDate: %s\r\n", date);
    made_for = second;
  }
  return put(to, common, length);
}

/* The head up to what is particular to an answer, and its end. */
static uint8_t *head_begin(const struct connection *connection, unsigned status, uint8_t *to) {
  (void)connection;
  if (status == 200) {
    static const char ok[] = "HTTP/1.1 200 OK\r\n";
    to = put(to, ok, sizeof ok - 1);
  } else {
    to += snprintf((char *)to, 64, "HTTP/1.1 %u %s\r\n", status, reason_of(status));
  }
  return put_common(to);
}

static uint8_t *head_end(const struct connection *connection, uint8_t *to) {
  if (!connection->keep_alive)
    to = put_string(to, "Connection: close\r\n");
  else if (connection->first_version)
    to = put_string(to, "Connection: keep-alive\r\n");
  return put(to, "\r\n", 2);
}

static bool wants_head_only(const struct connection *connection) {
  return connection->request && connection->request->parser.method == HTTP_HEAD;
}

void answer_drop(struct connection *connection) {
  if (connection->file)
    file_release(connection->file);
  text_release(connection->text);
  if (connection->held.bytes)
    block_give(connection->held);
  connection->held = (struct block){0};
  connection->file = NULL;
  connection->text = NULL;
  connection->left = 0;
}

/* So many bytes of the room are the last of an answer. */
static void write_last(struct connection *connection, uint32_t length) {
  answer_drop(connection);
  if (!connection->keep_alive || connection->pending) {
    connection->state = STATE_WRITING;
    deadline_set(&connection->deadline, DEADLINE_WRITE);
    transport_write(connection, length);
    return;
  }
  request_release(connection->request);
  connection->request = NULL;
  connection->state = STATE_READING;
  deadline_set(&connection->deadline, DEADLINE_IDLE);
  transport_reply(connection, length);
}

/* The next bytes of the body, at most so many and PIECE_MOST, to memory. */
static int body_read(struct connection *connection, uint8_t *to, uint32_t most, uint32_t *read) {
  *read = most < connection->left ? most : (uint32_t)connection->left;
  if (connection->text) {
    memcpy(to, connection->text->bytes + connection->offset, *read);
    return 0;
  }
  const uint8_t *content = file_content(connection->file);
  if (content) {
    memcpy(to, content + connection->offset, *read);
    return 0;
  }
  int error = file_reopen(connection->file);
  return error ? error : storage_read(connection->file->number, connection->offset, to, *read, read);
}

/* The same to a block behind `at`. */
static int body_read_block(struct connection *connection, struct block *block, uint32_t at, uint32_t *read) {
  uint32_t most = BLOCK_MOST - at;
  if (connection->text)
    return body_read(connection, block->bytes + at, most, read);
  if (most > connection->left)
    most = (uint32_t)connection->left;
  int error = file_reopen(connection->file);
  return error ? error : storage_read_block(connection->file->number, connection->offset, block, at, most, read);
}

/* A block that was to be read into: it may have gone with the file service. */
static void block_end(struct block block) {
  if (block.bytes)
    block_give(block);
  else
    block_lost();
}

static void write_block(struct connection *connection, struct block block, uint32_t offset, uint32_t length) {
  connection->state = STATE_WRITING;
  connection->block_offset = offset;
  connection->block_length = length;
  connection->block_out = true;
  deadline_set(&connection->deadline, DEADLINE_BLOCK);
  transport_write_block(connection, block, offset, length);
}

static void block_back(struct connection *connection) {
  if (connection->slow)
    block_slow(false);
  connection->slow = connection->block_out = false;
}

/* The body cannot go on. What was said of its length cannot be taken back, so the connection ends, unless the file
 * service may come back in time. */
static void body_failed(struct connection *connection, int error) {
  if (error == STORAGE_GONE)
    connection_wait(connection, WAIT_FILES_BODY, DEADLINE_SERVICE);
  else
    connection_close(connection);
}

static void send_failed(struct connection *connection, int error);

/* Sends all of a file in one block, the head in front of it. False: it does not go so. */
static bool send_whole(struct connection *connection, uint32_t head) {
  struct file *file = connection->file;
  struct block block;
  uint32_t size = (uint32_t)connection->left, read = size;
  if (!file || connection->left != file->facts.size || connection->left > BLOCK_MOST - FILE_AT || head > FILE_AT)
    return false;
  connection->whole = true;
  if (!file_ready_take(file, &block)) {
    if (!block_take(&block, false)) {
      connection->whole = false;
      if (!block_comes())
        return false;
      connection_wait(connection, WAIT_BLOCK, DEADLINE_NONE);
      return true;
    }
    connection->whole = file_settled(file);
    int error = file_reopen(file);
    if (!error)
      error = storage_read_block(file->number, 0, &block, FILE_AT, size, &read);
    if (error || read != size) {
      block_end(block);
      connection->whole = false;
      send_failed(connection, error);
      return true;
    }
  }
  memcpy(block.bytes + FILE_AT - head, transport_room(), head);
  connection->offset += size;
  connection->left = 0;
  write_block(connection, block, FILE_AT - head, head + size);
  return true;
}

/* Sends the head, which is in the room, with as much of the body as goes with it. */
static void send_begin(struct connection *connection, uint32_t head) {
  if (wants_head_only(connection))
    connection->left = 0;
  uint8_t *room = transport_room();
  uint32_t read = 0;
  struct block block;
  int error = 0;
  if (connection->left <= PIECE_MOST - head) {
    if (connection->left)
      error = body_read(connection, room + head, PIECE_MOST - head, &read);
    if (!error && read == connection->left) {
      write_last(connection, head + read);
      return;
    }
  } else if (send_whole(connection, head)) {
    return;
  } else if (block_take(&block, true)) {
    /* Reading may use the room, so the head is put where it goes first. */
    memcpy(block.bytes, room, head);
    error = body_read_block(connection, &block, head, &read);
    if (!error && read) {
      connection->offset += read;
      connection->left -= read;
      write_block(connection, block, 0, head + read);
      return;
    }
    block_end(block);
  } else {
    error = body_read(connection, room + head, PIECE_MOST - head, &read);
    if (!error && read) {
      connection->state = STATE_WRITING;
      connection->offset += read;
      connection->left -= read;
      deadline_set(&connection->deadline, DEADLINE_WRITE);
      transport_write(connection, head + read);
      return;
    }
  }
  send_failed(connection, error);
}

/* Nothing has been sent yet, so it is not too late for another answer. */
static void send_failed(struct connection *connection, int error) {
  answer_drop(connection);
  if (error == STORAGE_GONE && !connection->request->tried_again) {
    connection->request->tried_again = true;
    connection_wait(connection, WAIT_FILES, DEADLINE_SERVICE);
  } else {
    answer_status(connection, error == STORAGE_GONE ? 503 : 500, NULL, "the file cannot be read just now");
  }
}

/* The next piece of a block that was refused. */
static void continue_held(struct connection *connection) {
  uint32_t length = connection->block_length < PIECE_MOST ? connection->block_length : PIECE_MOST;
  memcpy(transport_room(), connection->held.bytes + connection->block_offset, length);
  connection->block_offset += length;
  connection->block_length -= length;
  if (connection->block_length == 0) {
    block_give(connection->held);
    connection->held = (struct block){0};
  }
  connection->state = STATE_WRITING;
  deadline_set(&connection->deadline, DEADLINE_WRITE);
  transport_write(connection, length);
}

void connection_block_refused(struct connection *connection, struct block block) {
  block_back(connection);
  connection->whole = false;
  connection->held = block;
  continue_held(connection);
}

void answer_continue(struct connection *connection) {
  if (connection->held.bytes) {
    continue_held(connection);
    return;
  }
  if (connection->left == 0) {
    answer_drop(connection);
    connection_next(connection);
    return;
  }
  struct block block;
  uint32_t read = 0;
  int error;
  if (connection->left > PIECE_MOST && block_take(&block, true)) {
    error = body_read_block(connection, &block, 0, &read);
    if (error || !read) {
      block_end(block);
      body_failed(connection, error);
      return;
    }
    connection->offset += read;
    connection->left -= read;
    write_block(connection, block, 0, read);
    return;
  }
  error = body_read(connection, transport_room(), PIECE_MOST, &read);
  if (error || !read) {
    body_failed(connection, error);
    return;
  }
  connection->offset += read;
  connection->left -= read;
  if (connection->left == 0) {
    write_last(connection, read);
    return;
  }
  connection->state = STATE_WRITING;
  deadline_set(&connection->deadline, DEADLINE_WRITE);
  transport_write(connection, read);
}

void connection_block_written(struct connection *connection, struct block block, uint32_t length) {
  block_back(connection);
  if (length == 0 || length > connection->block_length) {
    block_give(block);
    connection_close(connection);
    return;
  }
  if (length < connection->block_length) {
    write_block(connection, block, connection->block_offset + length, connection->block_length - length);
    return;
  }
  if (connection->whole)
    file_ready_put(connection->file, block);
  else
    block_give(block);
  connection->whole = false;
  answer_continue(connection);
}

void answer_text(struct connection *connection, unsigned status, const char *type, const char *extra,
                 struct text *text) {
  if (status >= 500)
    server_figures.errors++;
  uint8_t *room = transport_room(), *to = head_begin(connection, status, room);
  /* These two have no body, and a length would be that of another answer (RFC 9110, 8.6). */
  if (status != 204 && status != 304)
    to += snprintf((char *)to, 512, "Content-Type: %.200s\r\nContent-Length: %zu\r\n", type, text->length);
  if (extra)
    to = put_string(to, extra);
  to = head_end(connection, to);
  connection->text = text;
  connection->offset = 0;
  connection->left = text->length;
  send_begin(connection, to - room);
}

void answer_bytes(struct connection *connection, const char *type, const uint8_t *bytes, size_t length) {
  struct text *text = text_new(length);
  if (text)
    text_put(text, bytes, length);
  if (!text || text->failed) {
    text_release(text);
    connection_close(connection);
    return;
  }
  answer_text(connection, 200, type, "Cache-Control: no-cache\r\n", text);
}

void answer_status(struct connection *connection, unsigned status, const char *extra, const char *why) {
  char page[512];
  const char *reason = reason_of(status);
  int length = snprintf(page, sizeof page, "%u %s: %s.\n", status, reason, why);
  if (status == 405 && !extra)
    extra = "Allow: GET, HEAD, POST\r\n";
  struct text *text = text_new(sizeof page);
  if (text)
    text_put(text, page, length < (int)sizeof page ? (size_t)length : sizeof page - 1);
  if (!text || text->failed) {
    text_release(text);
    connection_close(connection);
    return;
  }
  connection_wake(connection);
  answer_drop(connection);
  answer_text(connection, status, "text/plain; charset=utf-8", extra, text);
}

void answer_file(struct connection *connection, struct file *file, unsigned status, const char *extra, uint64_t offset,
                 uint64_t length) {
  uint8_t *room = transport_room(), *to = head_begin(connection, status, room);
  if (status == 200)
    to = put(to, file->head, file->head_length);
  else
    to += snprintf((char *)to, 512, "Last-Modified: %s\r\nETag: %s\r\n", file->modified, file->etag);
  if (status == 206)
    to += snprintf((char *)to, 512, "Content-Type: %.100s\r\nContent-Length: %llu\r\n", content_type(file->path),
                   (unsigned long long)length);
  if (extra)
    to = put_string(to, extra);
  to = head_end(connection, to);
  connection->file = file;
  connection->offset = offset;
  connection->left = length;
  send_begin(connection, to - room);
}

/* What waits is all of a file. */
void answer_again(struct connection *connection) {
  answer_file(connection, connection->file, 200, NULL, 0, connection->file->facts.size);
}
