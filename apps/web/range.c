/* The Range header (RFC 9110, 14.1.2). The core only. */
#include <string.h>
#include <strings.h>

#include "apps/web/web.h"

/* A number; larger ones than fit are the largest. */
static bool number_read(const char **at, uint64_t *number) {
  const char *digit = *at;
  *number = 0;
  for (; *digit >= '0' && *digit <= '9'; digit++)
    if (__builtin_mul_overflow(*number, 10u, number) || __builtin_add_overflow(*number, *digit - '0', number))
      *number = UINT64_MAX;
  bool any = digit != *at;
  *at = digit;
  return any;
}

enum range range_read(const char *value, uint64_t size, uint64_t *offset, uint64_t *length) {
  uint64_t first, last;
  if (strncasecmp(value, "bytes=", 6) != 0)
    return RANGE_NONE;
  value += 6;
  bool from = number_read(&value, &first);
  if (*value++ != '-')
    return RANGE_NONE;
  bool to = number_read(&value, &last);
  if (*value || (!from && !to) || (from && to && last < first))
    return RANGE_NONE;
  if (!from) { /* the last so many */
    if (last == 0 || size == 0)
      return RANGE_UNSATISFIABLE;
    *length = last < size ? last : size;
    *offset = size - *length;
    return RANGE_ONE;
  }
  if (first >= size)
    return RANGE_UNSATISFIABLE;
  *offset = first;
  *length = to && last < size - 1 ? last - first + 1 : size - first;
  return RANGE_ONE;
}
