/* A serial line as a terminal, or framed: see line.h. */
#include "services/line.h"

#include <signet/abi.h>

#include "services/services.h"

#define CONTROL(letter) ((letter)&0x1f)
#define DELETE 0x7f
#define BELL 7
#define TAB 8u

static uint16_t *at(struct line *line, uint32_t position) { return &line->input[position % LINE_ROOM]; }

/* ---- Output ---- */

static bool continues(uint8_t byte) { return (byte & 0xc0) == 0x80; /* a UTF-8 character */ }

/* Where the cursor is after a byte is shown. Sequences that move it are not understood: then a tab may be erased
 * wrongly, and nothing else. */
static uint32_t column_after(uint32_t column, uint8_t byte) {
  switch (byte) {
  case '\r':
  case '\n': /* which is sent as CR LF */
    return 0;
  case '\t':
    return column / TAB * TAB + TAB;
  case '\b':
    return column ? column - 1 : 0;
  }
  return byte < ' ' || byte == DELETE || continues(byte) ? column : column + 1;
}

uint32_t line_send(struct line *line, uint32_t stream, uint8_t byte, uint8_t sent[LINE_SENT_MOST]) {
  uint32_t count = 0;
  if (!line->framed) {
    line->column = column_after(line->column, byte);
    if (byte == '\n')
      sent[count++] = '\r';
    sent[count++] = byte;
    return count;
  }
  if (line->stream != stream) {
    line->stream = stream;
    sent[count++] = SERVICES_FRAME;
    sent[count++] = stream == 1 ? SERVICES_FRAME_OUTPUT : SERVICES_FRAME_ERROR;
  }
  if (byte == SERVICES_FRAME)
    sent[count++] = SERVICES_FRAME;
  sent[count++] = byte;
  return count;
}

uint32_t line_begin(struct line *line, uint8_t sent[LINE_SENT_MOST]) {
  line->stream = 1;
  sent[0] = SERVICES_FRAME;
  sent[1] = SERVICES_FRAME_OUTPUT;
  return 2;
}

uint32_t line_finish(struct line *line, uint8_t sent[LINE_SENT_MOST]) {
  if (!line->framed)
    return 0;
  line->stream = 0;
  sent[0] = SERVICES_FRAME;
  sent[1] = SERVICES_FRAME_KERNEL;
  return 2;
}

/* ---- Echo ---- */

static void show(struct line *line, const char *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    line->column = column_after(line->column, (uint8_t)bytes[i]);
  line->echo(line, (const uint8_t *)bytes, count);
}

/* Controls are shown as ^X, which takes two columns. */
static bool shown_as_two(uint8_t byte) { return byte < ' ' && byte != '\t'; }

static void show_input(struct line *line, uint8_t byte) {
  char bytes[2] = {'^', (char)(byte ^ 0x40)};
  if (byte == '\n')
    show(line, "\r\n", 2);
  else if (shown_as_two(byte))
    show(line, bytes, 2);
  else
    show(line, (const char *)&byte, 1);
}

/* The column behind what is left of the edited line. */
static uint32_t column_of_line(struct line *line) {
  uint32_t column = line->began;
  for (uint32_t i = line->committed; i != line->head; i++) {
    uint8_t byte = (uint8_t)*at(line, i);
    column = shown_as_two(byte) ? column + 2 : column_after(column, byte);
  }
  return column;
}

/* Takes the last character of the edited line away. */
static void erase(struct line *line) {
  uint8_t byte;
  if (line->head == line->committed)
    return;
  do
    byte = (uint8_t)*at(line, --line->head);
  while (continues(byte) && line->head != line->committed);
  uint32_t column = column_of_line(line);
  bool tab = byte == '\t';
  while (line->column > column)
    show(line, tab ? "\b" : "\b \b", tab ? 1 : 3);
}

/* ---- Input ---- */

static void put(struct line *line, uint16_t entry) { *at(line, line->head++) = entry; }

static uint32_t interrupt(struct line *line, uint8_t byte, uint32_t event) {
  line->tail = line->committed = line->head;
  if (!line->byte_by_byte)
    show_input(line, byte);
  return event;
}

static uint32_t receive_from_terminal(struct line *line, uint8_t byte) {
  if (byte == CONTROL('C'))
    return interrupt(line, byte, SIGNET_EVENT_INTERRUPT);
  if (byte == CONTROL('\\'))
    return interrupt(line, byte, SIGNET_EVENT_QUIT);
  if (byte == '\r')
    byte = '\n';
  if (line->byte_by_byte) {
    if (line_has_room(line))
      put(line, byte);
    line->committed = line->head;
    return 0;
  }
  switch (byte) {
  case CONTROL('H'):
  case DELETE:
    erase(line);
    return 0;
  case CONTROL('U'):
    while (line->head != line->committed)
      erase(line);
    return 0;
  }
  /* There is always room for what ends a line. */
  bool ends = byte == '\n' || byte == CONTROL('D');
  if (line->head - line->tail >= LINE_ROOM - !ends) {
    show(line, "\a", 1);
    return 0;
  }
  if (line->head == line->committed)
    line->began = line->column;
  if (byte == CONTROL('D')) {
    put(line, LINE_MARK);
  } else {
    put(line, ends ? byte | LINE_END : byte);
    show_input(line, byte);
  }
  if (ends)
    line->committed = line->head;
  return 0;
}

static uint32_t receive_framed(struct line *line, uint8_t byte) {
  if (!line->frame_in && byte == SERVICES_FRAME) {
    line->frame_in = true;
    return 0;
  }
  if (line->frame_in) {
    line->frame_in = false;
    if (byte > SERVICES_FRAME_EVENT && byte < SERVICES_FRAME_EVENT + 32)
      return byte - SERVICES_FRAME_EVENT;
    if (byte == SERVICES_FRAME_END)
      line->ended = true;
    if (byte != SERVICES_FRAME_LITERAL)
      return 0;
  }
  if (!line->ended && line_has_room(line))
    put(line, byte);
  line->committed = line->head;
  return 0;
}

uint32_t line_receive(struct line *line, uint8_t byte) {
  return line->framed ? receive_framed(line, byte) : receive_from_terminal(line, byte);
}

uint32_t line_read(struct line *line, uint8_t *to, uint32_t length) {
  uint32_t count = 0;
  while (count < length && line->tail != line->committed) {
    uint16_t entry = *at(line, line->tail++);
    if (entry & LINE_MARK)
      return count;
    to[count++] = (uint8_t)entry;
    if ((entry & LINE_END) && !line->byte_by_byte)
      return count;
  }
  /* An end just behind what was read is told by this read, not as an end of its own. */
  if (count && line->tail != line->committed && (*at(line, line->tail) & LINE_MARK))
    line->tail++;
  return count;
}

void line_set_mode(struct line *line, bool byte_by_byte) {
  if (byte_by_byte == line->byte_by_byte)
    return;
  line->byte_by_byte = byte_by_byte;
  if (!byte_by_byte)
    return;
  /* What was being edited can be read; the ends between lines are none any more. */
  uint32_t kept = line->tail;
  for (uint32_t i = line->tail; i != line->head; i++)
    if (!(*at(line, i) & LINE_MARK))
      *at(line, kept++) = (uint8_t)*at(line, i);
  line->head = line->committed = kept;
}
