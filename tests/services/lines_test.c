/* Lines of several programs (services/lines.h): whatever a program writes, and in whatever pieces, each row that goes
 * out begins with its own name, holds no character that moves the cursor, and fits into the terminal. Native, under the
 * sanitizers. */
#include <stdio.h>
#include <string.h>

#include "services/lines.h"
#include "tests/lib/tap.h"

static char out[1 << 20];
static uint32_t out_length, writes;

static void write_out(void *context, const void *bytes, uint32_t length) {
  (void)context;
  if (length > sizeof out - out_length)
    length = (uint32_t)(sizeof out - out_length);
  memcpy(out + out_length, bytes, length);
  out_length += length;
  writes++;
}

static struct lines lines;
static struct lines_output output;

static void begin(const char *name, uint32_t name_columns, uint32_t columns) {
  lines = (struct lines){0};
  output = (struct lines_output){.name_columns = name_columns, .columns = columns, .write = write_out};
  strcpy(output.name, name);
  out_length = writes = 0;
}

static void take(const char *text) { lines_take(&lines, &output, (const uint8_t *)text, (uint32_t)strlen(text)); }

static bool wrote(const char *expected) {
  bool same = out_length == strlen(expected) && memcmp(out, expected, out_length) == 0;
  if (!same)
    printf("# wrote \"%.*s\", expected \"%s\"\n", (int)out_length, out, expected);
  out_length = 0;
  return same;
}

static void test_lines(void) {
  begin("web", 5, 0);
  take("one\ntwo\n");
  ok(wrote("web   | one\nweb   | two\n"), "each line is behind the padded name");
  ok(writes == 2, "each line is one write");
  take("half");
  ok(wrote(""), "a line that is not ended is held back");
  take(" and half\n\n");
  ok(wrote("web   | half and half\nweb   | \n"), "until it is, and empty lines are lines");
  take("last words");
  lines_finish(&lines, &output);
  ok(wrote("web   | last words\n"), "what was held back is written when the program is gone");
  lines_finish(&lines, &output);
  ok(wrote(""), "once");
  take("a\r\nb\r");
  take("\nc\rd\n");
  ok(wrote("web   | a\nweb   | b\nweb   | c\\x0dd\n"), "a carriage return is part of a line's end, or shown");
  take("e\r");
  lines_finish(&lines, &output);
  ok(wrote("web   | e\\x0d\n"), "also the last one");
}

static void test_characters(void) {
  begin("a", 0, 0);
  take("\033[2J\033[H\a\b\177\v\f\n");
  ok(wrote("a | \\x1b[2J\\x1b[H\\x07\\x08\\x7f\\x0b\\x0c\n"), "control characters are shown");
  take("\tx\tabcdefgh\ty\n");
  ok(wrote("a |         x       abcdefgh        y\n"), "a tab is spaces");
  take("gr\303\274\303\237e \342\202\254 \360\237\220\247\n");
  ok(wrote("a | gr\303\274\303\237e \342\202\254 \360\237\220\247\n"), "text of any language passes");
  take("\302\233"
       "2J \302\205 \342\200\256 \342\200\250 \342\201\246 \357\273\277 \363\240\200\201\n");
  ok(wrote("a | \\xc2\\x9b2J \\xc2\\x85 \\xe2\\x80\\xae \\xe2\\x80\\xa8 \\xe2\\x81\\xa6 \\xef\\xbb\\xbf "
           "\\xf3\\xa0\\x80\\x81\n"),
     "the control characters of Unicode do not: C1, directions, ends of lines, what is not seen");
  take("\233"
       "2J \300\212 \340\200\212 \355\240\200 \364\220\200\200 \377\n");
  ok(wrote("a | \\x9b2J \\xc0\\x8a \\xe0\\x80\\x8a \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xff\n"),
     "bytes that are no UTF-8 are shown: overlong, surrogates, beyond the last, bare");
  take("\342\202\n\342\202");
  take("x\360\237\n");
  lines_finish(&lines, &output);
  ok(wrote("a | \\xe2\\x82\na | \\xe2\\x82x\\xf0\\x9f\n"), "so is a character that breaks off");
  take("\342");
  lines_finish(&lines, &output);
  ok(wrote("a | \\xe2\n"), "also the last one");
  lines_take(&lines, &output, (const uint8_t *)"\0\n", 2);
  ok(wrote("a | \\x00\n"), "and a NUL");
}

static void test_rows(void) {
  begin("web", 3, 26); /* 20 columns for text */
  take("01234567890123456789\n");
  ok(wrote("web | 01234567890123456789\n"), "a line that fills the row is one row");
  take("01234567890123456789web | forged\n");
  ok(wrote("web | 01234567890123456789\nweb + web | forged\n"),
     "what is behind the row is in the next, behind the name");
  take("next\n");
  ok(wrote("web | next\n"), "and the next line is a line again");
  take("0123456789012345678\tx\n");
  ok(wrote("web | 0123456789012345678\nweb +      x\n"), "a tab does not lead out of the row");
  take("0123456789012345678\342\202\254\n");
  ok(wrote("web | 0123456789012345678\nweb + \342\202\254\n"), "nor does a character that may be two columns wide");
  char text[3 * LINES_TEXT_MOST + 2];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  begin("web", 3, 0);
  take(text);
  ok(out_length == 3 * (LINES_TEXT_MOST + 7) && writes == 3 && lines.count == 1,
     "no more is held back than a row has room for");
  begin("a-name-of-thirty-one-characters", 31, 40);
  take("0123456789\n");
  ok(wrote("a-name-of-thirty-one-characters | 0123456789\n"), "on a terminal without room for text, rows are not cut");
}

/* Columns that a row may take: everything that is not ASCII as two. */
static uint32_t columns_of(const char *row, uint32_t length) {
  uint32_t columns = 0;
  for (uint32_t i = 0; i < length; i++)
    columns += (uint8_t)row[i] < 0x80 ? 1 : (uint8_t)row[i] >= 0xc0 ? 2 : 0;
  return columns;
}

static bool rows_are_right(void) {
  for (uint32_t at = 0; at < out_length;) {
    const char *row = out + at, *end = memchr(row, '\n', out_length - at);
    if (!end || strncmp(row, "p  ", 3) != 0 || (memcmp(row + 3, " | ", 3) != 0 && memcmp(row + 3, " + ", 3) != 0))
      return false;
    uint32_t length = (uint32_t)(end - row);
    for (uint32_t i = 0; i < length; i++)
      if ((uint8_t)row[i] < 0x20 || row[i] == 0x7f || ((uint8_t)row[i] == 0xc2 && (uint8_t)row[i + 1] < 0xa0))
        return false;
    if (columns_of(row, length) > 40)
      return false;
    at += length + 1;
  }
  return true;
}

static void test_random_texts(void) {
  static const char *const pieces[] = {
      "\n",       "\r",   "\t",   "x",     "web | ", "\033[A", "\342", "\202\254", "\360\237\220\247",
      "\302\205", "\200", "\377", "p   | "};
  bool right = true, bounded = true, same = true;
  for (uint32_t round = 0; round < 2000; round++) {
    char text[1000] = "";
    static char whole[sizeof out];
    for (uint32_t i = 0; i < 100; i++)
      strcat(text, pieces[test_random() % (sizeof pieces / sizeof pieces[0])]);
    begin("p", 3, 40);
    take(text);
    lines_finish(&lines, &output);
    right = right && rows_are_right();
    uint32_t whole_length = out_length;
    memcpy(whole, out, whole_length);
    begin("p", 3, 40);
    for (const char *at = text; *at; at++)
      lines_take(&lines, &output, (const uint8_t *)at, 1), bounded = bounded && lines.count <= LINES_TEXT_MOST;
    lines_finish(&lines, &output);
    same = same && whole_length == out_length && memcmp(whole, out, out_length) == 0;
  }
  ok(right, "2,000 random texts: every row has the name, no control character, and fits");
  ok(bounded && same, "and it makes no difference in which pieces they are written");
}

int main(void) {
  test_lines();
  test_characters();
  test_rows();
  test_random_texts();
  return finish();
}
