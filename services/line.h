/* What a serial line is to a program: a terminal with the usual editing of lines, or (framed) two byte streams and one
 * back, for programs at the other end. Bytes in, bytes out, nothing else: no calls, no lock; serial.c has one under its
 * lock. */
#ifndef SERVICES_LINE_H
#define SERVICES_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define LINE_ROOM 4096u /* bytes received and not read; a power of two */
#define LINE_STREAMS 3

struct line {
  bool framed;
  /* Input. Counted without end, taken modulo LINE_ROOM: tail <= committed <= head <= tail + LINE_ROOM. What is behind
   * `committed` is a line that is still edited. */
  uint32_t tail, committed, head;
  uint16_t input[LINE_ROOM]; /* a byte, and LINE_* bits */
  bool byte_by_byte;         /* unechoed and not edited */
  bool ended;                /* framed: the end of input came */
  bool frame_in;             /* framed: SERVICES_FRAME came, and the next byte says what it meant */
  /* Output. */
  uint32_t stream;        /* framed: what the bytes now belong to, 0: nothing was said yet */
  uint32_t column, began; /* terminal: where the cursor is, and where the edited line began */
  void (*echo)(struct line *line, const uint8_t *bytes, uint32_t count);
};
#define LINE_END 0x100u  /* a read ends behind this byte */
#define LINE_MARK 0x200u /* no byte: a read ends here */

/* Takes one received byte. -> the SIGNET_EVENT_* that it stands for, 0: none. In a framed line bytes may be received
 * only while there is room. */
uint32_t line_receive(struct line *line, uint8_t byte);
static inline bool line_has_room(const struct line *line) { return line->head - line->tail < LINE_ROOM; }
/* True if a read would not wait. */
static inline bool line_ready(const struct line *line) { return line->tail != line->committed || line->ended; }
/* Gives what is there, at most `length` bytes, 0 at an end; only when ready. */
uint32_t line_read(struct line *line, uint8_t *to, uint32_t length);
void line_set_mode(struct line *line, bool byte_by_byte);

/* What must be sent for one byte of standard output (stream 1) or error (2): at most LINE_SENT_MOST bytes. */
#define LINE_SENT_MOST 4
uint32_t line_send(struct line *line, uint32_t stream, uint8_t byte, uint8_t sent[LINE_SENT_MOST]);
/* What must be sent before the first byte and behind the last. */
uint32_t line_begin(struct line *line, uint8_t sent[LINE_SENT_MOST]);
uint32_t line_finish(struct line *line, uint8_t sent[LINE_SENT_MOST]);

#endif
