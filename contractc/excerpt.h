/* What compilers say about a text: where in it, the line with a caret, the name that was probably meant. Used by
 * contractc and by manifest/; excerpt.c. */
#ifndef CONTRACTC_EXCERPT_H
#define CONTRACTC_EXCERPT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* A piece of a text; it may lie beyond the text's end. */
struct excerpt {
  const char *text;
  uint32_t text_length, offset, length;
};

/* Both from 1; a column is a character of UTF-8. */
void excerpt_find(struct excerpt excerpt, uint32_t *line, uint32_t *column);

/* The line that it begins in, with a caret under its beginning; `mark` and `plain` go before and after the caret, to
 * colour it. */
void excerpt_print(struct excerpt excerpt, FILE *to, const char *mark, const char *plain);

/* Words of a file may be in it: what a terminal could act on is shown as '?'. */
void text_print(const char *text, FILE *to);

json_t *text_json(const char *text);

/* NULL: none is like it. Names of more than 32 bytes are like none. */
const char *name_nearest(const char *name, const char *const *names, uint32_t count);

#endif
