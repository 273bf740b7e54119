/* What the two halves of the kernel of services that are fuzzed (service_kernel.c, service_channels.c) ask of each
 * other. Nobody else's. */
#ifndef TESTS_FUZZ_SERVICE_INSIDE_H
#define TESTS_FUZZ_SERVICE_INSIDE_H

#include "tests/fuzz/service_kernel.h"

#define KERNEL_STARTUP_LOW 0x1f000000u
#define KERNEL_STARTUP_ROOM 0x10000u

/* FUZZ_TRACE=1: what the service says, hears and asks. */
extern bool kernel_traced;
#define KERNEL_TRACE(...) (kernel_traced ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)

/* False: a peer acts. */
bool kernel_in_service(void);
/* Calls the service's listener if an event is there for the thread. */
bool kernel_event_delivered(void);
/* Memory of the service, all of it poisoned. */
void kernel_map_fixed(uint32_t offset, size_t length);
/* All ends, blocks and handles are gone. */
void kernel_channels_begin(void);

#endif
