/* Pages of a service: see pages.h. What is given back is kept for the next who takes as much, and never unmapped: so
 * all of it is one mapping, however it is used. */
#include "services/pages.h"

#include <string.h>

#include "lib/library.h"

#define CLASSES 21 /* of 4 KiB to 4 GiB: powers of two */

struct free_pages {
  struct free_pages *next;
};

static uint64_t pages_next, pages_high;
static struct free_pages *pages_free[CLASSES];

void service_pages_begin(uint32_t low, uint32_t high) {
  pages_next = low;
  pages_high = high;
  memset(pages_free, 0, sizeof pages_free);
}

static unsigned class_of(uint64_t length) {
  unsigned class = 0;
  while ((uint64_t)SIGNET_PAGE << class < length)
    class ++;
  return class;
}

uint64_t signet_pages_take(uint64_t length) {
  unsigned class = class_of(length);
  uint64_t size = (uint64_t)SIGNET_PAGE << class, at = pages_next;
  struct free_pages *again = class < CLASSES ? pages_free[class] : NULL;
  if (again) {
    pages_free[class] = again->next;
    memset(again, 0, size);
    return (uintptr_t)again;
  }
  if (class >= CLASSES || size > pages_high - pages_next ||
      signet_memory_map(at, size, SIGNET_PROTECT_WRITE).status != SIGNET_OK)
    return 0;
  pages_next += size;
  return at;
}

void signet_pages_give(uint64_t address, uint64_t length) {
  struct free_pages *pages = (void *)(uintptr_t)address;
  unsigned class = class_of(length);
  pages->next = pages_free[class];
  pages_free[class] = pages;
}

uint64_t signet_now(enum signet_clock clock) { return signet_clock_read(clock).value; }
