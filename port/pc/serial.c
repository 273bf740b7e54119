/* Owns the kernel's text output: the first serial line, polled, for people. Anyone in port/pc, any processor, with or
 * without any lock: it waits for nothing but the line, and lines of two processors may mix.
 *
 * Source: the 16550's data sheet (line status bit 5: the transmitter takes a byte). */
#include <stdarg.h>

#include "port/pc/instructions.h"
#include "port/pc/pc.h"

#define SERIAL 0x3f8
#define LINE_STATUS (SERIAL + 5)
#define TRANSMITTER_EMPTY 0x20
#define PATIENCE 100000 /* polls, on a machine whose line is absent or stuck */

void pc_serial_prepare(void) {
  pc_out8(SERIAL + 1, 0);    /* no interrupts */
  pc_out8(SERIAL + 3, 0x80); /* divisor: 115,200 a second */
  pc_out8(SERIAL + 0, 1);
  pc_out8(SERIAL + 1, 0);
  pc_out8(SERIAL + 3, 0x03); /* 8 bits, no parity, 1 stop */
  pc_out8(SERIAL + 2, 0x07); /* FIFOs on, empty */
  pc_out8(SERIAL + 4, 0x0b); /* ready; OUT2 opens the interrupt */
}

static void put(char byte) {
  if (byte == '\n')
    put('\r');
  for (unsigned polls = 0; polls < PATIENCE && !(pc_in8(LINE_STATUS) & TRANSMITTER_EMPTY); polls++)
    ;
  pc_out8(SERIAL, (uint8_t)byte);
}

static void put_text(const char *text) {
  while (*text)
    put(*text++);
}

static void put_number(uint64_t number, unsigned base) {
  char digits[24];
  unsigned count = 0;
  do
    digits[count++] = "0123456789abcdef"[number % base];
  while (number /= base);
  while (count)
    put(digits[--count]);
}

void pc_print_list(const char *format, va_list arguments) {
  for (; *format; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    bool wide = *++format == 'l';
    if (wide)
      format++;
    switch (*format) {
    case 's':
      put_text(va_arg(arguments, const char *));
      break;
    case 'c':
      put((char)va_arg(arguments, int));
      break;
    case 'u':
      put_number(wide ? va_arg(arguments, uint64_t) : va_arg(arguments, uint32_t), 10);
      break;
    case 'x':
      put_number(wide ? va_arg(arguments, uint64_t) : va_arg(arguments, uint32_t), 16);
      break;
    case 'p':
      put_text("0x");
      put_number((uint64_t)va_arg(arguments, void *), 16);
      break;
    case '\0':
      return;
    default:
      put(*format);
    }
  }
}

void pc_print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  pc_print_list(format, arguments);
  va_end(arguments);
}
