/* The serial driver's state, and what its threads do. Used by serial_main.c, and by the tests, which call it directly
 * on a 16550 of their own. */
#ifndef SERVICES_SERIAL_H
#define SERVICES_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "services/answer.h"
#include "services/services.h"

/* Takes the start-up block and readies the device. -> 0, or the SERVICES_END_* to end with. */
uint32_t serial_begin(const struct signet_startup *startup);

/* The device interrupted: takes and sends what there is, answers a read that waits. */
void serial_interrupt(void);

/* Makes the request in the buffer, which came from the stream's client, its answer. False: the answer comes later, from
 * serial_interrupt. A write waits here while there is no room. */
bool serial_serve(uint32_t stream, struct service_buffer *buffer);
/* The client of the stream is gone. */
void serial_gone(uint32_t stream);

/* The last event that was told was taken. */
void serial_event_taken(void);
/* Nobody hears of events any more. */
void serial_events_gone(void);

/* Waits until all is sent. */
void serial_drain(void);

#endif
