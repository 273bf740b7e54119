/* Sets of page ranges: sorted, disjoint, merged when they touch. No calls, no lock: memory.c owns the sets. */
#ifndef LIB_RANGE_H
#define LIB_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range {
  uint32_t low, high; /* pages; high is not in it */
};

struct range_set {
  struct range *ranges;
  uint32_t count, capacity;
};

/* Ranges that one add or remove may need beyond those that are there. */
#define RANGE_SPARE 1

void signet_range_add(struct range_set *set, uint32_t low, uint32_t high);
void signet_range_remove(struct range_set *set, uint32_t low, uint32_t high);
/* True if a page of low .. high-1 is in the set. */
bool signet_range_touches(const struct range_set *set, uint32_t low, uint32_t high);
/* True if all of them are. */
bool signet_range_covers(const struct range_set *set, uint32_t low, uint32_t high);
/* The part of low .. high-1 that starts at low and is wholly in the set or wholly outside: its end; *inside says which.
 */
uint32_t signet_range_run(const struct range_set *set, uint32_t low, uint32_t high, bool *inside);
/* The highest place for `pages` pages between low and high that touches nothing of the set; 0 if there is none. */
uint32_t signet_range_gap(const struct range_set *set, uint32_t pages, uint32_t low, uint32_t high);

#endif
