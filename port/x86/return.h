/* The masked return of verified code, for the ports that pre-empt it. */
#ifndef PORT_X86_RETURN_H
#define PORT_X86_RETURN_H

#include <stdint.h>

#define X86_RETURN_TAIL 5 /* bytes at the instruction pointer that say where in the sequence it is */

/* How far back a thread has to go that was stopped at `offset` in its window: 0, unless that is inside the masked
 * return. `code` holds the bytes there up to the end of the bundle, X86_RETURN_TAIL at most, zeros after. */
uint32_t x86_return_back(uint32_t offset, const uint8_t code[X86_RETURN_TAIL]);

#endif
