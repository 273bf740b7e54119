/* A chained hash table: insertions, look-ups and removals that follow pointers through more memory than a cache holds.
 */
#include "measure.h"

struct entry {
  struct entry *next;
  uint64_t key, value;
};

#define BUCKETS (1u << 17)
#define KEYS (1u << 18)

static struct entry *buckets[BUCKETS];
static struct entry *unused;

static uint32_t bucket_of(uint64_t key) { return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 47); }

static struct entry **find(uint64_t key) {
  struct entry **link = &buckets[bucket_of(key)];
  while (*link && (*link)->key != key)
    link = &(*link)->next;
  return link;
}

static uint64_t work(void) {
  uint64_t seed = 7, sum = 0;
  for (uint32_t i = 0; i < KEYS; i++) {
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
      abort();
    entry->next = unused;
    unused = entry;
  }
  for (uint32_t i = 0; i < 42000000; i++) {
    uint64_t key = measure_random(&seed) % (2 * KEYS);
    struct entry **link = find(key);
    if (!*link && unused) {
      struct entry *entry = unused;
      unused = entry->next;
      *entry = (struct entry){.key = key, .value = i};
      *link = entry;
    } else if (*link && i % 4 == 0) {
      struct entry *entry = *link;
      *link = entry->next;
      entry->next = unused;
      unused = entry;
    } else if (*link) {
      sum += (*link)->value ^ key;
    }
  }
  return sum;
}

int main(void) { return measure(work, UINT64_C(0x00011069627ed4fb)); }
