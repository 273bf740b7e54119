/* Sorted ranges of a window without overlap: what a process has mapped, and where its blocks are. memory.c and block.c;
 * kernel lock. */
#include "kernel/object.h"

/* Index of the first region that ends after `offset`. */
static uint32_t find(const struct regions *regions, uint32_t offset) {
  uint32_t low = 0, high = regions->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (regions->at[middle].high > offset)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

bool regions_reserve(struct regions *regions, uint32_t more) {
  if (regions->count + more <= regions->capacity)
    return true;
  uint32_t capacity = regions->capacity ? 2 * regions->capacity : 8;
  struct region *larger = allocate(capacity * sizeof *larger);
  if (!larger)
    return false;
  if (regions->at)
    memcpy(larger, regions->at, regions->count * sizeof *larger);
  release(regions->at, regions->capacity * sizeof *larger);
  regions->at = larger;
  regions->capacity = capacity;
  return true;
}

uint32_t regions_count_without(const struct regions *regions, uint32_t low, uint32_t high, uint64_t *bytes) {
  uint32_t count = regions->count;
  *bytes = 0;
  for (uint32_t i = find(regions, low); i < regions->count && regions->at[i].low < high; i++) {
    const struct region *region = &regions->at[i];
    uint32_t from = region->low > low ? region->low : low, to = region->high < high ? region->high : high;
    *bytes += to - from;
    count += (region->low < low) + (region->high > high);
    count--;
  }
  return count;
}

uint32_t regions_count_with(const struct regions *regions, uint32_t low, uint32_t high, uint32_t protection,
                            uint64_t *bytes) {
  uint32_t count = regions_count_without(regions, low, high, bytes) + 1;
  uint32_t before = find(regions, low - 1), after = find(regions, high);
  if (before < regions->count && regions->at[before].low < low && regions->at[before].protection == protection)
    count--;
  if (after < regions->count && regions->at[after].low <= high && regions->at[after].protection == protection)
    count--;
  return count;
}

static void open_gap(struct regions *regions, uint32_t index) {
  ASSERT(regions->at && regions->count < regions->capacity);
  memmove(&regions->at[index + 1], &regions->at[index], (regions->count - index) * sizeof *regions->at);
  regions->count++;
}

static void close_gap(struct regions *regions, uint32_t index, uint32_t count) {
  memmove(&regions->at[index], &regions->at[index + count], (regions->count - index - count) * sizeof *regions->at);
  regions->count -= count;
}

void regions_carve(struct regions *regions, uint32_t low, uint32_t high) {
  uint32_t index = find(regions, low);
  if (index == regions->count)
    return;
  struct region *region = &regions->at[index];
  if (region->low < low && region->high > high) {
    open_gap(regions, index);
    regions->at[index].high = low;
    regions->at[index + 1].low = high;
    return;
  }
  if (region->low < low) {
    region->high = low;
    index++;
  }
  uint32_t gone = 0;
  while (index + gone < regions->count && regions->at[index + gone].high <= high)
    gone++;
  close_gap(regions, index, gone);
  if (index < regions->count && regions->at[index].low < high)
    regions->at[index].low = high;
}

void regions_insert(struct regions *regions, uint32_t low, uint32_t high, uint32_t protection, bool merge) {
  uint32_t index = find(regions, low);
  struct region *before = index ? &regions->at[index - 1] : NULL;
  struct region *after = index < regions->count ? &regions->at[index] : NULL;
  bool joins_before = merge && before && before->high == low && before->protection == protection;
  bool joins_after = merge && after && after->low == high && after->protection == protection;
  if (joins_before && joins_after) {
    before->high = after->high;
    close_gap(regions, index, 1);
  } else if (joins_before) {
    before->high = high;
  } else if (joins_after) {
    after->low = low;
  } else {
    open_gap(regions, index);
    regions->at[index] = (struct region){low, high, protection};
  }
}

uint32_t regions_find_gap(const struct regions *regions, uint32_t low, uint32_t high, uint64_t length) {
  uint32_t from = low;
  for (uint32_t i = 0; i < regions->count; i++) {
    if (regions->at[i].low - from >= length)
      return from;
    from = regions->at[i].high;
  }
  return high - from >= length ? from : 0;
}

void regions_release(struct regions *regions) {
  release(regions->at, regions->capacity * sizeof *regions->at);
  *regions = (struct regions){0};
}

const char *regions_check(const struct regions *regions, uint32_t low, uint32_t high) {
  if (regions->count > regions->capacity)
    return "regions: there are no more than there is room for";
  for (uint32_t i = 0; i < regions->count; i++) {
    const struct region *region = &regions->at[i];
    if (region->low >= region->high || region->low < low || region->high > high || region->low & PAGE_MASK ||
        region->high & PAGE_MASK)
      return "regions: each is whole pages within its area";
    if (i && regions->at[i - 1].high > region->low)
      return "regions: they are sorted and do not overlap";
  }
  return NULL;
}
