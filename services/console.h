/* What the two halves of the console service share: console.c, which starts it, writes output and talks to the
 * supervisor, and console_input.c. Each stream has a thread of its own, so that a read that waits holds up no output;
 * who reads for several programs has one more, so that it can tell the others that there is nothing for them. */
#ifndef SERVICES_CONSOLE_H
#define SERVICES_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "services/services.h"
#include "services/stream.h"

/* One end of a program's stream. */
#define CONSOLE_MEMBERS_MOST (3 * SERVICES_CONSOLE_CLIENTS_MOST) /* of a stream: some are gone, and not done with */

/* True if there may be several programs: then none may do to a device what the others would not expect. */
extern bool console_shared;

/* The device of standard input. */
void console_input_begin(uint32_t device);
/* Makes the request of that member, which came over that endpoint, its answer. False: it is given later. When shared:
 */
bool console_input_serve(uint32_t member, uint32_t endpoint, struct service_buffer *buffer);
/* The member is gone. */
void console_input_gone(uint32_t member);
/* What the thread does that reads for several programs. */
_Noreturn void console_input_read(void);

#endif
