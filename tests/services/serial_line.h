/* For the serial driver's test: a 16550, whose other end is the test, the kernel's calls that the driver makes, and a
 * client of it. One driver at a time; one thread. */
#ifndef TESTS_SERVICES_SERIAL_LINE_H
#define TESTS_SERVICES_SERIAL_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/serial.h"
#include "tests/lib/tap.h"

#define BAIL(...) (printf("Bail out! " __VA_ARGS__), printf("\n"), exit(1))

#define FIFO 16
struct chip {
  uint8_t enable, fifo_control, line_control, modem_control, scratch, divisor[2];
  uint8_t received[FIFO];
  uint32_t received_count;
  uint32_t to_send;   /* bytes in its FIFO */
  bool slow;          /* it sends only when the test says so */
  bool empty_pending; /* the interrupt for an empty FIFO */
  bool no_fifo, absent;
  uint32_t lost, overfilled;
  uint8_t line_out[1 << 20];
  uint32_t line_out_count;
  uint8_t sending[FIFO];
};
extern struct chip chip;
/* Sends what is in its FIFO; if it is slow, the test calls this. */
void chip_send(void);
bool chip_interrupts(void);
extern uint32_t line_in_left; /* bytes that arrived and are not in the chip yet */

/* ---- The kernel ---- */

extern uint32_t ports_calls; /* requests to the ports */
extern bool ports_gone;
extern void (*while_waiting)(void); /* what happens while the driver waits; NULL: it must not wait */
struct told_event {
  uint32_t event;
};
extern struct told_event events_told[100];
extern uint32_t events_told_count;
extern struct service_buffer answered; /* the last answer to a read that waited */
extern uint32_t answers;

/* ---- The driver ---- */

extern struct services_serial bytes;
extern struct signet_startup startup;
/* -> what serial_begin says. */
uint32_t begin(uint32_t flags);
/* As begin, and what is said first is forgotten. */
void begin_well(uint32_t flags);
/* Bytes arrive on the line; the driver is interrupted as long as the chip interrupts. */
void arrive(const void *data, uint32_t length);
void type(const char *text);

/* ---- Its client ---- */

extern struct service_buffer buffer;
extern uint8_t block[FILES_BLOCK_MOST];
/* -> the error; UINT32_MAX: the answer comes later. */
uint32_t ask(uint32_t stream, uint32_t tag, struct files_request request, const void *data, uint32_t length,
             uint64_t *value);
bool poll_says(uint64_t wanted);
/* A read gives exactly this; or waits. */
bool read_gives(uint64_t length, const void *wanted, uint32_t wanted_length);
bool reads(const char *wanted);
bool waits(void);
/* What was sent since the last time is exactly this. */
bool sent(const void *wanted, uint32_t length);
bool shows(const char *wanted);
uint32_t write_text(uint32_t stream, const void *data, uint32_t length, uint64_t *value);
void set_mode(uint32_t mode);

#endif
