/* The memory of a service that keeps much: what lib/heap.c and lib/tree.c take pages from (signet_pages_take and
 * signet_pages_give of lib/library.h), in the place of the library's memory map. One thread. */
#ifndef SERVICES_PAGES_H
#define SERVICES_PAGES_H

#include <stdint.h>

/* What memory_map may map. */
void service_pages_begin(uint32_t low, uint32_t high);

#endif
