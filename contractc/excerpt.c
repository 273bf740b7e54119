/* Places in a text and names like another, for what is said about a contract or a manifest. */
#include "contractc/excerpt.h"

#include <stdbool.h>
#include <string.h>

#define BEFORE_MOST 200 /* bytes of a line before the caret */
#define LINE_MOST 400
#define NEAREST_MOST 32

/* One column for one character of UTF-8. */
static bool begins(char byte) { return ((unsigned char)byte & 0xc0) != 0x80; }

static bool shows(char letter) { return (unsigned char)letter >= ' ' && letter != 0x7f; }

void excerpt_find(struct excerpt excerpt, uint32_t *line, uint32_t *column) {
  *line = 1;
  *column = 1;
  for (uint32_t i = 0; i < excerpt.offset && i < excerpt.text_length; i++) {
    *column += begins(excerpt.text[i]);
    if (excerpt.text[i] == '\n') {
      ++*line;
      *column = 1;
    }
  }
}

void text_print(const char *text, FILE *to) {
  for (; *text; text++)
    fputc(shows(*text) ? *text : '?', to);
}

void excerpt_print(struct excerpt excerpt, FILE *to, const char *mark, const char *plain) {
  const char *text = excerpt.text;
  uint32_t line, column, start = excerpt.offset, end = excerpt.offset;
  if (excerpt.offset > excerpt.text_length)
    return;
  excerpt_find(excerpt, &line, &column);
  while (start > 0 && text[start - 1] != '\n')
    start--;
  while (end < excerpt.text_length && text[end] != '\n')
    end++;
  if (excerpt.offset - start > BEFORE_MOST)
    start = excerpt.offset - BEFORE_MOST;
  if (end - start > LINE_MOST)
    end = start + LINE_MOST;
  fprintf(to, "%6u | ", line);
  for (uint32_t i = start; i < end; i++)
    fputc(text[i] == '\t' || shows(text[i]) ? text[i] : '?', to);
  fputs("\n       | ", to);
  for (uint32_t i = start; i < excerpt.offset; i++)
    if (begins(text[i]))
      fputc(text[i] == '\t' ? '\t' : ' ', to);
  fprintf(to, "%s^", mark);
  for (uint32_t i = excerpt.offset + 1; i < end && i - excerpt.offset < excerpt.length; i++)
    if (begins(text[i]))
      fputc('~', to);
  fprintf(to, "%s\n", plain);
}

json_t *text_json(const char *text) {
  json_t *string = json_string(text);
  return string ? string : json_string("(not UTF-8)");
}

/* How many letters have to change. */
static unsigned distance(const char *a, const char *b) {
  size_t m = strlen(a), n = strlen(b);
  unsigned row[NEAREST_MOST + 1];
  if (m > NEAREST_MOST || n > NEAREST_MOST)
    return 99;
  for (unsigned j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 1; i <= m; i++) {
    unsigned diagonal = row[0];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= n; j++) {
      unsigned best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best)
        best = row[j] + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[n];
}

const char *name_nearest(const char *name, const char *const *names, uint32_t count) {
  const char *nearest = NULL;
  unsigned best = (unsigned)strlen(name) / 3 + 2;
  for (uint32_t i = 0; i < count; i++)
    if (distance(name, names[i]) < best) {
      best = distance(name, names[i]);
      nearest = names[i];
    }
  return nearest;
}
