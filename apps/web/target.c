/* The target of a request: decoded once, and refused when it could name anything outside the root. The core only. */
#include <string.h>

#include "apps/web/web.h"

static int hexadecimal(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Each "%XX" once, several '/' in a row to one. False: not such a byte, one that no name has, or an encoded '/', which
 * is not the '/' of a path. */
static bool decode(const char *from, size_t length, char *to, const char **why) {
  char last = 0;
  for (size_t i = 0; i < length; i++) {
    if (from[i] != '%') {
      if (from[i] != '/' || last != '/')
        *to++ = from[i];
      last = from[i];
      continue;
    }
    int high = i + 2 < length ? hexadecimal(from[i + 1]) : -1, low = i + 2 < length ? hexadecimal(from[i + 2]) : -1;
    if (high < 0 || low < 0) {
      *why = "a '%' in the path is not followed by two hexadecimal digits";
      return false;
    }
    char byte = (char)(high << 4 | low);
    if (byte == 0 || byte == '/') {
      *why = "the path has an encoded NUL or '/' in it";
      return false;
    }
    *to++ = last = byte;
    i += 2;
  }
  *to = 0;
  return true;
}

unsigned request_target(struct request *request, const char **why) {
  struct http_parser_url url;
  request->query = "";
  *why = "the target is not a path";
  http_parser_url_init(&url);
  if (http_parser_parse_url(request->head, request->target_length, false, &url) != 0 || !(url.field_set & 1 << UF_PATH))
    return 400;
  const char *path = request->head + url.field_data[UF_PATH].off;
  size_t length = url.field_data[UF_PATH].len;
  if (url.field_set & 1 << UF_QUERY) {
    if (url.field_data[UF_QUERY].len > QUERY_MOST) {
      *why = "the query is longer than 2048 bytes";
      return 414;
    }
    /* What follows is a fragment, which no client sends, or the end. */
    char *query = request->head + url.field_data[UF_QUERY].off;
    query[url.field_data[UF_QUERY].len] = 0;
    request->query = query;
  }
  if (length > TARGET_MOST) {
    *why = "the path is longer than 2048 bytes";
    return 414;
  }
  if (!decode(path, length, request->path, why))
    return 400;
  *why = "the path is not one";
  if (request->path[0] != '/')
    return 400;
  /* Clients take "." and ".." out themselves; what still has them looks for a way out. */
  *why = "the path has \".\" or \"..\" in it";
  for (const char *name = request->path; name; name = strchr(name, '/')) {
    size_t step = strcspn(++name, "/");
    if ((step == 1 && name[0] == '.') || (step == 2 && name[0] == '.' && name[1] == '.'))
      return 400;
  }
  return 0;
}
