/* The four memory functions that a C compiler takes for granted; the kernel has no C library. Anyone; no lock. Windows
 * are copied by the port, so nothing long passes here. */
#include "kernel/bytes.h"

#include <stdint.h>

/* Any address, any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
#define EXPORTED __attribute__((weak, optimize("no-tree-loop-distribute-patterns")))

EXPORTED void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  uint8_t *target = to;
  const uint8_t *source = from;
  for (; length >= 8; length -= 8, target += 8, source += 8)
    *(word *)target = *(const word *)source;
  for (; length; length--)
    *target++ = *source++;
  return to;
}

EXPORTED void *memmove(void *to, const void *from, size_t length) {
  uint8_t *target = to;
  const uint8_t *source = from;
  if ((uintptr_t)target - (uintptr_t)source >= length)
    return memcpy(to, from, length);
  for (; length & 7; length--)
    target[length - 1] = source[length - 1];
  for (; length; length -= 8)
    *(word *)(target + length - 8) = *(const word *)(source + length - 8);
  return to;
}

EXPORTED void *memset(void *to, int byte, size_t length) {
  uint8_t *target = to;
  uint64_t pattern = (uint8_t)byte * 0x0101010101010101u;
  for (; length >= 8; length -= 8, target += 8)
    *(word *)target = pattern;
  for (; length; length--)
    *target++ = (uint8_t)byte;
  return to;
}

EXPORTED int memcmp(const void *first, const void *second, size_t length) {
  const uint8_t *one = first, *two = second;
  for (; length >= 8 && *(const word *)one == *(const word *)two; length -= 8)
    one += 8, two += 8;
  for (; length; length--, one++, two++)
    if (*one != *two)
      return *one - *two;
  return 0;
}
