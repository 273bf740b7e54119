/* What several programs write, as lines that each name who wrote them: "web  | text". Whatever a program writes, it
 * begins no line without its own name, and leaves nothing on the screen but text: control characters are shown as
 * escapes, what is too long for a row of the terminal goes on in the next one, behind the name. Bytes in, bytes out: no
 * calls, no lock; console.c has one under its lock. */
#ifndef SERVICES_LINES_H
#define SERVICES_LINES_H

#include <stdbool.h>
#include <stdint.h>

#define LINES_TEXT_MOST 1024u /* bytes of a row behind its name; what is held back of one that is not ended */
#define LINES_NAME_MOST 31u
#define LINES_COLUMNS_LEAST 20u /* a terminal that is narrower is not one that rows are made for */
#define LINES_ROW_MOST (LINES_NAME_MOST + 3 + LINES_TEXT_MOST + 1)

/* One output of one program. All zero at first. */
struct lines {
  uint32_t count;         /* bytes of `text` */
  uint32_t column;        /* where the next character would be, counted behind the name */
  uint32_t columns;       /* room for text in this row */
  uint32_t partial_count; /* bytes of a character of UTF-8 that is not whole */
  bool continued;         /* the row goes on with the line of the one before */
  bool returned;          /* a carriage return came: half of a line's end, or not */
  uint8_t partial[4];
  uint8_t text[LINES_TEXT_MOST];
};

/* Where rows go. */
struct lines_output {
  char name[LINES_NAME_MOST + 1]; /* in front of each row */
  uint32_t name_columns;          /* it is padded to so many */
  uint32_t columns;               /* of the terminal; 0: rows may be of any length */
  void (*write)(void *context, const void *bytes, uint32_t length);
  void *context;
};

/* Takes what a program wrote; writes the rows that are whole, each at once, and holds back the rest. */
void lines_take(struct lines *lines, struct lines_output *output, const uint8_t *bytes, uint32_t length);
/* The program is gone: writes what was held back. */
void lines_finish(struct lines *lines, struct lines_output *output);

#endif
