/* Sets of page ranges; see range.h. */
#include "lib/range.h"

#include <string.h>

/* The first range that ends after `page`. */
static uint32_t find(const struct range_set *set, uint32_t page) {
  uint32_t low = 0, high = set->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->ranges[middle].high > page)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* Replaces `old` ranges at `index` by `new` ones, whose contents the caller fills in. */
static void splice(struct range_set *set, uint32_t index, uint32_t old, uint32_t new) {
  struct range *at = set->ranges + index;
  memmove(at + new, at + old, (set->count - index - old) * sizeof *at);
  set->count = set->count - old + new;
}

void signet_range_add(struct range_set *set, uint32_t low, uint32_t high) {
  if (low >= high)
    return;
  /* Those that touch or adjoin low .. high. */
  uint32_t first = low ? find(set, low - 1) : 0;
  uint32_t last = first;
  while (last < set->count && set->ranges[last].low <= high)
    last++;
  if (first < last) {
    if (set->ranges[first].low < low)
      low = set->ranges[first].low;
    if (set->ranges[last - 1].high > high)
      high = set->ranges[last - 1].high;
  }
  splice(set, first, last - first, 1);
  set->ranges[first] = (struct range){low, high};
}

void signet_range_remove(struct range_set *set, uint32_t low, uint32_t high) {
  if (low >= high)
    return;
  uint32_t first = find(set, low), last = first;
  while (last < set->count && set->ranges[last].low < high)
    last++;
  if (first == last)
    return;
  struct range left = {set->ranges[first].low, low}, right = {high, set->ranges[last - 1].high};
  bool keep_left = left.low < left.high, keep_right = right.low < right.high;
  splice(set, first, last - first, keep_left + keep_right);
  if (keep_left)
    set->ranges[first++] = left;
  if (keep_right)
    set->ranges[first] = right;
}

bool signet_range_touches(const struct range_set *set, uint32_t low, uint32_t high) {
  uint32_t index = find(set, low);
  return index < set->count && set->ranges[index].low < high;
}

bool signet_range_covers(const struct range_set *set, uint32_t low, uint32_t high) {
  uint32_t index = find(set, low);
  return low >= high || (index < set->count && set->ranges[index].low <= low && set->ranges[index].high >= high);
}

uint32_t signet_range_run(const struct range_set *set, uint32_t low, uint32_t high, bool *inside) {
  uint32_t index = find(set, low), end = high;
  *inside = index < set->count && set->ranges[index].low <= low;
  if (*inside)
    end = set->ranges[index].high;
  else if (index < set->count)
    end = set->ranges[index].low;
  return end < high ? end : high;
}

uint32_t signet_range_gap(const struct range_set *set, uint32_t pages, uint32_t low, uint32_t high) {
  uint32_t top = high;
  for (uint32_t i = set->count; i-- > 0;) {
    const struct range *range = &set->ranges[i];
    if (range->low >= top)
      continue;
    if (range->high < top) {
      uint32_t bottom = range->high > low ? range->high : low;
      if (top > bottom && top - bottom >= pages)
        return top - pages;
    }
    top = range->low;
    if (top <= low)
      return 0;
  }
  return top > low && top - low >= pages ? top - pages : 0;
}
