/* What pairs.c and pairs_child.c agree on. */
#ifndef TESTS_KERNEL_PAIRS_H
#define TESTS_KERNEL_PAIRS_H

#include <stdbool.h>

#include <signet/calls.h>

enum { PAIRS_REQUEST, PAIRS_REPLY, PAIRS_MESSAGES };
#define PAIRS_DATA_MOST 64

/* Start-up bytes of a child. */
struct pairs_role {
  uint32_t server;
  uint32_t rounds;
  uint64_t first; /* word of the first request */
};

#endif
