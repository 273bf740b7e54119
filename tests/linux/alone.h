/* port/linux without the kernel, for tests of devices: a window, and tickets of requests that would wait. One thread
 * asks; the poller's answers come on another. */
#ifndef TESTS_LINUX_ALONE_H
#define TESTS_LINUX_ALONE_H

#include <signet/device.h>

#include "port/linux/linux.h"

#define ALONE_WINDOW 1u
#define ALONE_BUFFER 0x30000u
#define ALONE_BYTES 0x20000u

/* Prepares the port, seals this process, makes a window with ALONE_BYTES of memory at ALONE_BUFFER. Devices are made
 * before. Ends the program where that fails. */
void alone_prepare(void);
void alone_seal(void);
static inline uint8_t *alone_memory(void) { return (uint8_t *)(linux_window_base(ALONE_WINDOW) + ALONE_BUFFER); }
/* Makes a request with the buffer there; false: it would wait, and its ticket is *ticket. */
bool alone_ask(struct port_device *device, uint32_t operation, uint32_t length, uint64_t first, uint64_t second,
               struct signet_result *result, uint64_t *ticket);
/* The same for one that is answered at once; WAITS instead of a status if it is not. */
#define ALONE_WAITS 1000
struct signet_result alone_answer(struct port_device *device, uint32_t operation, uint32_t length, uint64_t first,
                                  uint64_t second);
/* Waits until the poller has said that the ticket's device is ready. False: it did not for that long. */
bool alone_ready(uint64_t ticket, unsigned milliseconds);

#endif
