/* One request, as http-parser reads it: what is kept of it, its limits, and what this server refuses although the
 * parser takes it, because another server on the way might read it differently. The core only. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/web/web.h"

#define KEPT_MOST 16         /* requests that are not in use and not freed */
#define TARGET_RAW_MOST 4400 /* path and query, and the server's name in front of them */

static struct request *kept;
static unsigned kept_count;
static size_t bodies; /* bytes, of all requests */

static const char *const known_headers[HEADERS_KNOWN] = {
    [HEADER_HOST] = "host",
    [HEADER_EXPECT] = "expect",
    [HEADER_TRANSFER_ENCODING] = "transfer-encoding",
    [HEADER_RANGE] = "range",
    [HEADER_IF_RANGE] = "if-range",
    [HEADER_IF_NONE_MATCH] = "if-none-match",
    [HEADER_IF_MODIFIED_SINCE] = "if-modified-since",
};

struct request *request_take(void) {
  struct request *request = kept;
  if (request) {
    kept = request->next;
    kept_count--;
  } else {
    request = malloc(sizeof *request);
    if (!request)
      return NULL;
  }
  memset(request, 0, offsetof(struct request, head));
  http_parser_init(&request->parser, HTTP_REQUEST);
  request->parser.data = request;
  return request;
}

void request_release(struct request *request) {
  if (!request)
    return;
  bodies -= request->body_capacity;
  free(request->body);
  if (kept_count == KEPT_MOST) {
    free(request);
    return;
  }
  request->next = kept;
  kept = request;
  kept_count++;
}

/* What a callback returns to end the request with that status. */
static int refuse(struct request *request, unsigned status, const char *why) {
  if (!request->status) {
    request->status = status;
    request->why = why;
  }
  return -1;
}

static bool append(struct request *request, const char *bytes, size_t length) {
  if (length >= HEAD_MOST - request->head_length)
    return false;
  memcpy(request->head + request->head_length, bytes, length);
  request->head_length += length;
  return true;
}

/* The header line under way is complete. */
static bool line_end(struct request *request) {
  if (!request->in_value)
    return true;
  request->in_value = false;
  char *head = request->head;
  while (request->head_length > request->value_at && strchr(" \t", head[request->head_length - 1]))
    request->head_length--;
  size_t name = request->value_at - 2u - request->line_at;
  for (int header = 1; header < HEADERS_KNOWN; header++)
    if (strlen(known_headers[header]) == name && !memcmp(head + request->line_at, known_headers[header], name)) {
      request->seen[header]++;
      request->value[header] = request->value_at;
    }
  bool fits = append(request, "\n", 1);
  request->line_at = request->head_length;
  return fits;
}

static int on_url(http_parser *parser, const char *at, size_t length) {
  struct request *request = parser->data;
  if (request->head_length + length > TARGET_RAW_MOST || !append(request, at, length))
    return refuse(request, 414, "the target is longer than 4096 bytes");
  request->target_length = request->head_length;
  return 0;
}

/* The first header line begins behind the target and a NUL. */
static bool lines_begin(struct request *request) {
  if (request->line_at)
    return true;
  bool fits = append(request, "", 1);
  request->line_at = request->head_length;
  return fits;
}

static const char too_large[] = "the header lines are longer than 8 KiB, or more than 100";

static int on_header_field(http_parser *parser, const char *at, size_t length) {
  struct request *request = parser->data;
  if (request->head_complete) /* a trailer: nobody needs it */
    return 0;
  bool begins = request->in_value || !request->line_at;
  if (!line_end(request) || !lines_begin(request) || (begins && ++request->lines > HEADERS_MOST))
    return refuse(request, 431, too_large);
  uint32_t from = request->head_length;
  if (!append(request, at, length))
    return refuse(request, 431, too_large);
  for (char *c = request->head + from; c < request->head + request->head_length; c++)
    if (*c >= 'A' && *c <= 'Z')
      *c |= 0x20;
  return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length) {
  struct request *request = parser->data;
  if (request->head_complete)
    return 0;
  if (!request->in_value) {
    /* The parser looks at all but the first byte. */
    if (length && ((uint8_t)at[0] < ' ' || at[0] == 0x7f))
      return refuse(request, 400, "a header line has a control character in it");
    if (!append(request, ": ", 2))
      return refuse(request, 431, too_large);
    request->in_value = true;
    request->value_at = request->head_length;
  }
  if (!append(request, at, length))
    return refuse(request, 431, too_large);
  return 0;
}

/* The value of a known header, when it is not terminated yet. */
static bool value_is(const struct request *request, enum header header, const char *wanted) {
  const char *value = request->head + request->value[header];
  size_t length = strcspn(value, "\n");
  return length == strlen(wanted) && !strncasecmp(value, wanted, length);
}

static int check_host(struct request *request) {
  bool first_version = request->parser.http_minor == 0;
  if (request->seen[HEADER_HOST] > 1)
    return refuse(request, 400, "there are several Host lines");
  if (!request->seen[HEADER_HOST])
    return first_version ? 0 : refuse(request, 400, "there is no Host line");
  const char *host = request->head + request->value[HEADER_HOST];
  if (strcspn(host, "\n") != strcspn(host, "\n \t/\\?#@,<>\""))
    return refuse(request, 400, "the Host line names no host");
  return 0;
}

static int check_body(struct request *request) {
  const http_parser *parser = &request->parser;
  bool encoded = request->seen[HEADER_TRANSFER_ENCODING], sized = parser->content_length != UINT64_MAX;
  if (encoded && parser->http_minor == 0)
    return refuse(request, 400, "HTTP/1.0 has no Transfer-Encoding");
  if (encoded && !(parser->flags & F_CHUNKED))
    return refuse(request, 400, "the body's end is not known: its last Transfer-Encoding is not \"chunked\"");
  if (encoded &&
      (request->seen[HEADER_TRANSFER_ENCODING] > 1 || !value_is(request, HEADER_TRANSFER_ENCODING, "chunked")))
    return refuse(request, 501, "of Transfer-Encoding only \"chunked\" is known");
  if (!encoded && sized && parser->content_length > BODY_MOST)
    return refuse(request, 413, "the body is longer than 256 KiB");
  if (parser->method == HTTP_POST && !encoded && !sized)
    return refuse(request, 411, "a POST needs a Content-Length, or \"Transfer-Encoding: chunked\"");
  if (request->seen[HEADER_EXPECT] && parser->http_minor > 0) {
    if (!value_is(request, HEADER_EXPECT, "100-continue"))
      return refuse(request, 417, "of Expect only \"100-continue\" is known");
    request->wants_continue = encoded || (sized && parser->content_length > 0);
  }
  return 0;
}

static int on_headers_complete(http_parser *parser) {
  struct request *request = parser->data;
  if (!line_end(request) || !lines_begin(request))
    return refuse(request, 431, too_large);
  request->head[request->head_length] = 0;
  request->head_complete = true;
  parser->upgrade = 0; /* another protocol is never changed to */
  if (parser->http_major != 1)
    return refuse(request, 505, "this server speaks HTTP/1.0 and HTTP/1.1");
  if (check_host(request))
    return -1;
  bool reads = parser->method == HTTP_GET || parser->method == HTTP_HEAD;
  if (!reads && parser->method != HTTP_POST)
    return refuse(request, 405, "this server answers GET, HEAD, and POST below /ext/");
  const char *why;
  unsigned status = request_target(request, &why);
  if (status)
    return refuse(request, status, why);
  request->keeps_body = !reads;
  if (!reads && strncmp(request->path, "/ext/", 5) != 0)
    return refuse(request, 405, "this is not below /ext/, where POST is for");
  return check_body(request);
}

static int on_body(http_parser *parser, const char *at, size_t length) {
  struct request *request = parser->data;
  request->body_received += length;
  if (request->body_received > BODY_MOST)
    return refuse(request, 413, "the body is longer than 256 KiB");
  if (!request->keeps_body)
    return 0;
  if (request->body_length + length > request->body_capacity) {
    size_t capacity = request->body_capacity ? 2 * request->body_capacity : PIECE_MOST;
    if (parser->content_length != UINT64_MAX && !(parser->flags & F_CHUNKED) &&
        capacity < request->body_length + length + parser->content_length)
      capacity = request->body_length + length + parser->content_length;
    if (capacity > BODY_MOST)
      capacity = BODY_MOST;
    size_t grows = capacity - request->body_capacity;
    uint8_t *body = bodies + grows > BODIES_MOST ? NULL : realloc(request->body, capacity);
    if (!body)
      return refuse(request, 503, "there is no memory for the body just now");
    bodies += grows;
    request->body = body;
    request->body_capacity = capacity;
  }
  memcpy(request->body + request->body_length, at, length);
  request->body_length += length;
  return 0;
}

static int on_message_complete(http_parser *parser) {
  http_parser_pause(parser, 1);
  return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* The head's lines as they are on the wire. The parser takes a line that ends with LF alone, and one that goes on in
 * the next; servers differ in what they make of such. */
static bool lines_check(struct request *request, const uint8_t *bytes, uint32_t length) {
  uint32_t at = 0;
  while (at < length) {
    if (request->line_length == 0 && request->any_line && (bytes[at] == ' ' || bytes[at] == '\t')) {
      refuse(request, 400, "a header line goes on in the next line");
      return false;
    }
    const uint8_t *end = memchr(bytes + at, '\n', length - at);
    if (!end) {
      request->line_length += length - at;
      request->last_byte = bytes[length - 1];
      return true;
    }
    uint32_t step = end - (bytes + at);
    request->line_length += step;
    if ((step ? end[-1] : request->last_byte) != '\r') {
      refuse(request, 400, "a line ends without CR");
      return false;
    }
    if (request->line_length > 1)
      request->any_line = true;
    else if (request->any_line)
      return true; /* the head's end */
    request->line_length = 0;
    request->last_byte = '\n';
    at += step + 1;
  }
  return true;
}

/* A word that may be a method, or something that is no HTTP at all. */
static bool looks_like_method(const uint8_t *bytes, uint32_t length) {
  uint32_t word = 0;
  while (word < length && ((bytes[word] | 0x20) >= 'a' && (bytes[word] | 0x20) <= 'z'))
    word++;
  return word && word < length && bytes[word] == ' ';
}

uint32_t request_feed(struct request *request, const uint8_t *bytes, uint32_t length, enum request_result *result) {
  bool in_head = !request->head_complete, begun = request_begun(request);
  *result = REQUEST_WRONG;
  if (in_head && !lines_check(request, bytes, length))
    return length;
  size_t taken = http_parser_execute(&request->parser, &settings, (const char *)bytes, length);
  enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
  if (error == HPE_PAUSED) {
    *result = REQUEST_COMPLETE;
    return taken;
  }
  if (error == HPE_OK) {
    *result = in_head && request->head_complete && request->wants_continue && !request->body_received ? REQUEST_CONTINUE
                                                                                                      : REQUEST_MORE;
    return taken;
  }
  if (error == HPE_INVALID_METHOD && !begun && looks_like_method(bytes, length))
    refuse(request, 501, "this method is not known");
  else if (error == HPE_HEADER_OVERFLOW)
    refuse(request, 431, too_large);
  else
    refuse(request, 400, http_errno_description(error));
  return length;
}

bool request_keep_alive(const struct request *request) { return http_should_keep_alive(&request->parser); }

const char *request_header(const struct request *request, enum header header) {
  if (!request->seen[header])
    return NULL;
  char *value = (char *)request->head + request->value[header];
  value[strcspn(value, "\n")] = 0;
  return value;
}

const char *request_headers(const struct request *request) { return request->head + request->target_length + 1; }

bool request_begun(const struct request *request) {
  return request->any_line || request->line_length > 1 || (request->line_length == 1 && request->last_byte != '\r');
}
