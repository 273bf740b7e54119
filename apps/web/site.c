/* Requests for files of the site: what the name means, conditions, ranges. The core only. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "apps/web/web.h"

#define PATH_MOST ((int)TARGET_MOST + 256)

static void site_failed(struct connection *connection, int error) {
  switch (error) {
  case STORAGE_GONE:
    if (connection->request->tried_again) {
      answer_status(connection, 503, "Retry-After: 1\r\n", "the file service has ended, and is not back yet");
      return;
    }
    connection->request->tried_again = true;
    connection_wait(connection, WAIT_FILES, DEADLINE_SERVICE);
    return;
  case ENOENT:
  case ENOTDIR:
  case ENAMETOOLONG:
    answer_status(connection, 404, NULL, "there is no file of this name");
    return;
  case EACCES:
  case EPERM:
  case ELOOP:
  case EXDEV:
    answer_status(connection, 403, NULL, "this file is not for everybody");
    return;
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    answer_status(connection, 503, "Retry-After: 1\r\n", "too many files are being sent just now");
    return;
  default:
    answer_status(connection, 500, NULL, "the file cannot be read");
  }
}

/* Whether a list of entity tags has this one. */
static bool tags_have(const char *tags, const char *etag) {
  size_t length = strlen(etag);
  for (; *tags; tags++) {
    if (*tags == '*')
      return true;
    if (!strncmp(tags, "W/", 2))
      tags += 2;
    if (*tags != '"')
      continue;
    const char *end = strchr(tags + 1, '"');
    if (!end)
      return false;
    if ((size_t)(end + 1 - tags) == length && !memcmp(tags, etag, length))
      return true;
    tags = end;
  }
  return false;
}

static bool not_modified(const struct request *request, const struct file *file) {
  const char *tags = request_header(request, HEADER_IF_NONE_MATCH);
  if (tags)
    return tags_have(tags, file->etag);
  const char *date = request_header(request, HEADER_IF_MODIFIED_SINCE);
  int64_t since;
  return date && date_read(date, &since) && (int64_t)(file->facts.modified / SECOND) <= since;
}

/* Whether the range is of the file as it is now. */
static bool range_applies(const struct request *request, const struct file *file) {
  const char *condition = request_header(request, HEADER_IF_RANGE);
  return !condition || !strcmp(condition, file->etag) || !strcmp(condition, file->modified);
}

static void serve_file(struct connection *connection, const char *path, const struct storage_facts *facts) {
  const struct request *request = connection->request;
  struct file *file;
  int error = file_get(path, facts, &file);
  if (error) {
    site_failed(connection, error);
    return;
  }
  if ((request->seen[HEADER_IF_NONE_MATCH] || request->seen[HEADER_IF_MODIFIED_SINCE]) && not_modified(request, file)) {
    answer_file(connection, file, 304, NULL, 0, 0);
    return;
  }
  uint64_t size = file->facts.size, offset = 0, length = size;
  const char *value = request->parser.method == HTTP_GET ? request_header(request, HEADER_RANGE) : NULL;
  enum range range = RANGE_NONE;
  if (value && range_applies(request, file))
    range = range_read(value, size, &offset, &length);
  char extra[80];
  switch (range) {
  case RANGE_ONE:
    snprintf(extra, sizeof extra, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)offset,
             (unsigned long long)(offset + length - 1), (unsigned long long)size);
    answer_file(connection, file, 206, extra, offset, length);
    return;
  case RANGE_UNSATISFIABLE:
    file_release(file);
    snprintf(extra, sizeof extra, "Content-Range: bytes */%llu\r\n", (unsigned long long)size);
    answer_status(connection, 416, extra, "the file has no such bytes");
    return;
  case RANGE_NONE:
    answer_file(connection, file, 200, NULL, 0, size);
  }
}

static void serve_directory(struct connection *connection, char *path, size_t length) {
  const struct request *request = connection->request;
  static const char index[] = "index.html";
  struct storage_facts facts;
  if (path[length - 1] != '/') {
    /* So that relative links are of the directory. */
    struct text *location = text_new(3 * TARGET_MOST + 100);
    if (location) {
      text_put(location, "Location: ", 10);
      text_put_url(location, request->path);
      text_put(location, "/\r\n", 3);
    }
    if (!location || location->failed || location->length > PIECE_MOST / 2)
      answer_status(connection, 404, NULL, "this is a directory, and its name is too long");
    else
      answer_status(connection, 301, location->bytes, "this is a directory");
    text_release(location);
    return;
  }
  memcpy(path + length, index, sizeof index);
  int error = storage_status(path, &facts);
  if (error == 0 && S_ISREG(facts.mode)) {
    serve_file(connection, path, &facts);
    return;
  }
  path[length] = 0;
  struct text *page = NULL;
  if (error != STORAGE_GONE)
    error = directory_page(path, request->path, &page);
  if (error)
    site_failed(connection, error);
  else
    answer_text(connection, 200, "text/html; charset=utf-8", NULL, page);
}

void site_handle(struct connection *connection) {
  const struct request *request = connection->request;
  char path[PATH_MOST + 16];
  int length = snprintf(path, PATH_MOST, "%s%s", server_root, request->path);
  if (length < 1 || length >= PATH_MOST) {
    answer_status(connection, 404, NULL, "there is no file of this name");
    return;
  }
  struct storage_facts facts;
  int error = storage_status(path, &facts);
  if (error)
    site_failed(connection, error);
  else if (S_ISREG(facts.mode) && path[length - 1] == '/')
    site_failed(connection, ENOENT);
  else if (S_ISREG(facts.mode))
    serve_file(connection, path, &facts);
  else if (S_ISDIR(facts.mode))
    serve_directory(connection, path, (size_t)length);
  else
    site_failed(connection, EACCES);
}

const char *content_type(const char *path) {
  static const struct {
    const char *suffix, *type;
  } types[] = {
      {"html", "text/html; charset=utf-8"},
      {"htm", "text/html; charset=utf-8"},
      {"txt", "text/plain; charset=utf-8"},
      {"md", "text/plain; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"json", "application/json"},
      {"xml", "application/xml"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"gif", "image/gif"},
      {"webp", "image/webp"},
      {"ico", "image/vnd.microsoft.icon"},
      {"woff2", "font/woff2"},
      {"wasm", "application/wasm"},
      {"pdf", "application/pdf"},
      {"mp4", "video/mp4"},
      {"mp3", "audio/mpeg"},
  };
  const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');
  for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
    if (!strcasecmp(dot + 1, types[i].suffix))
      return types[i].type;
  return "application/octet-stream";
}
