/* Text that grows up to a limit, and is freed by the last of its users. The core and the transports' status. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/web/web.h"

#define TEXTS_MOST (32u << 20) /* bytes of all at once: bodies of answers wait for their readers */
#define SMALL_MOST 4096u       /* a text up to this has its memory however many there are */

static size_t texts;

struct text *text_new(size_t most) {
  struct text *text = malloc(sizeof *text);
  if (text)
    *text = (struct text){.references = 1, .most = most};
  return text;
}

void text_release(struct text *text) {
  if (!text || --text->references)
    return;
  texts -= text->capacity;
  free(text->bytes);
  free(text);
}

/* Room for so many bytes more and a NUL. */
static bool reserve(struct text *text, size_t length) {
  if (text->failed || length > text->most - text->length) {
    text->failed = true;
    return false;
  }
  size_t needed = text->length + length + 1;
  if (needed <= text->capacity)
    return true;
  size_t capacity = text->capacity ? text->capacity * 2 : 1024;
  if (capacity < needed)
    capacity = needed;
  bool fits = capacity <= SMALL_MOST || texts + (capacity - text->capacity) <= TEXTS_MOST;
  char *bytes = fits ? realloc(text->bytes, capacity) : NULL;
  if (!bytes) {
    text->failed = true;
    return false;
  }
  texts += capacity - text->capacity;
  text->bytes = bytes;
  text->capacity = capacity;
  return true;
}

void text_put(struct text *text, const void *bytes, size_t length) {
  if (!reserve(text, length))
    return;
  if (length)
    memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = 0;
}

void text_print(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0 || !reserve(text, length))
    return;
  va_start(arguments, format);
  vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  text->length += length;
}

void text_put_html(struct text *text, const char *string) {
  for (; *string; string++) {
    switch (*string) {
    case '&':
      text_put(text, "&amp;", 5);
      break;
    case '<':
      text_put(text, "&lt;", 4);
      break;
    case '>':
      text_put(text, "&gt;", 4);
      break;
    case '"':
      text_put(text, "&quot;", 6);
      break;
    case '\'':
      text_put(text, "&#39;", 5);
      break;
    default:
      text_put(text, string, 1);
    }
  }
}

void text_put_url(struct text *text, const char *string) {
  for (; *string; string++) {
    unsigned char c = *string;
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
    if (plain)
      text_put(text, string, 1);
    else
      text_print(text, "%%%02X", c);
  }
}

/* Bytes that are not ASCII are written as those of Latin-1, so that the text is JSON whatever they are. */
void text_put_json(struct text *text, const char *string) {
  for (; *string; string++) {
    unsigned char c = *string;
    if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
      text_print(text, "\\u%04x", c);
    else
      text_put(text, string, 1);
  }
}
