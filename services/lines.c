/* Lines of several programs: see lines.h. */
#include "services/lines.h"

#include <string.h>

#define TAB 8

/* Ranges of characters, in their order, that are no text: they move the cursor, turn the direction of the text around,
 * or cannot be seen. */
static const struct {
  uint32_t first, last;
} unseen[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},   {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool is_text(uint32_t character) {
  for (uint32_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++)
    if (character >= unseen[i].first && character <= unseen[i].last)
      return false;
  return true;
}

/* ---- Rows ---- */

static void write_row(struct lines *lines, struct lines_output *output) {
  uint8_t row[LINES_ROW_MOST];
  uint32_t used = (uint32_t)strnlen(output->name, LINES_NAME_MOST);
  memcpy(row, output->name, used);
  while (used < output->name_columns && used < LINES_NAME_MOST)
    row[used++] = ' ';
  memcpy(row + used, lines->continued ? " + " : " | ", 3);
  used += 3;
  memcpy(row + used, lines->text, lines->count);
  used += lines->count;
  row[used++] = '\n';
  output->write(output->context, row, used);
  lines->count = lines->column = 0;
}

/* The columns that the name leaves; as if there were no end to them where there is no terminal, or hardly one. */
static uint32_t columns_left(const struct lines_output *output) {
  uint32_t name = (uint32_t)strnlen(output->name, LINES_NAME_MOST);
  if (name < output->name_columns)
    name = output->name_columns;
  if (output->columns < LINES_COLUMNS_LEAST || output->columns < name + 3 + TAB)
    return UINT32_MAX;
  return output->columns - name - 3;
}

/* One character, which is not divided among rows. */
static void put(struct lines *lines, struct lines_output *output, const void *bytes, uint32_t count, uint32_t columns) {
  if (lines->count == 0)
    lines->columns = columns_left(output);
  if (lines->count + count > LINES_TEXT_MOST || lines->column + columns > lines->columns) {
    write_row(lines, output);
    lines->continued = true;
    lines->columns = columns_left(output);
  }
  memcpy(lines->text + lines->count, bytes, count);
  lines->count += count;
  lines->column += columns;
}

static void put_escaped(struct lines *lines, struct lines_output *output, uint8_t byte) {
  static const char digits[] = "0123456789abcdef";
  const char text[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  put(lines, output, text, sizeof text, sizeof text);
}

static void end_line(struct lines *lines, struct lines_output *output) {
  write_row(lines, output);
  lines->continued = false;
}

/* ---- Characters ---- */

static void put_ascii(struct lines *lines, struct lines_output *output, uint8_t byte) {
  if (byte == '\t')
    put(lines, output, "        ", TAB - lines->column % TAB, TAB - lines->column % TAB);
  else if (is_text(byte))
    put(lines, output, &byte, 1, 1);
  else
    put_escaped(lines, output, byte);
}

/* How long the character is that begins with this byte; 0: none does. */
static uint32_t length_of(uint8_t first) {
  if (first < 0xc2 || first > 0xf4)
    return 0;
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static bool whole_is_text(const uint8_t *bytes, uint32_t count) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint32_t character = bytes[0] & (0x7fu >> count);
  for (uint32_t i = 1; i < count; i++)
    character = character << 6 | (bytes[i] & 0x3f);
  if (character < least[count] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
    return false;
  return is_text(character);
}

/* What was kept of a character that will not become one. */
static void put_partial(struct lines *lines, struct lines_output *output) {
  for (uint32_t i = 0; i < lines->partial_count; i++)
    put_escaped(lines, output, lines->partial[i]);
  lines->partial_count = 0;
}

static void take_byte(struct lines *lines, struct lines_output *output, uint8_t byte) {
  if (lines->partial_count && (byte & 0xc0) != 0x80)
    put_partial(lines, output);
  if (lines->returned && byte != '\n')
    put_escaped(lines, output, '\r');
  lines->returned = byte == '\r';
  if (byte == '\r')
    return;
  if (byte == '\n') {
    end_line(lines, output);
  } else if (byte < 0x80) {
    put_ascii(lines, output, byte);
  } else if (lines->partial_count || length_of(byte)) {
    lines->partial[lines->partial_count++] = byte;
    if (lines->partial_count < length_of(lines->partial[0]))
      return;
    /* How wide it is depends on the terminal's font: never more than two columns. */
    if (whole_is_text(lines->partial, lines->partial_count))
      put(lines, output, lines->partial, lines->partial_count, 2), lines->partial_count = 0;
    else
      put_partial(lines, output);
  } else {
    put_escaped(lines, output, byte);
  }
}

void lines_take(struct lines *lines, struct lines_output *output, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    take_byte(lines, output, bytes[i]);
}

void lines_finish(struct lines *lines, struct lines_output *output) {
  put_partial(lines, output);
  if (lines->returned)
    put_escaped(lines, output, '\r');
  lines->returned = false;
  if (lines->count)
    end_line(lines, output);
  lines->continued = false;
}
