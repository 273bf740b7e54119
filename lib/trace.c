/* System calls that are not implemented: counted, and named at the end if the program was started so. Any thread;
 * counters are atomic. */
#include <errno.h>
#include <string.h>

#include "lib/library.h"

#define NUMBERS 512

static const char *const names[NUMBERS] = {
#include "lib/call_names.h"
};

/* The last is for all numbers beyond. */
static uint32_t counts[NUMBERS + 1];

long signet_trace_unknown(long number) {
  uint32_t index = number >= 0 && number < NUMBERS ? number : NUMBERS;
  __atomic_fetch_add(&counts[index], 1, __ATOMIC_RELAXED);
  return -ENOSYS;
}

static size_t decimal(char *to, uint64_t value) {
  char digits[20];
  size_t count = 0;
  do
    digits[count++] = '0' + value % 10;
  while (value /= 10);
  for (size_t i = 0; i < count; i++)
    to[i] = digits[count - 1 - i];
  return count;
}

void signet_trace_report(void) {
  if (!signet_facts.trace)
    return;
  for (uint32_t i = 0; i <= NUMBERS; i++) {
    uint32_t count = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
    if (count == 0)
      continue;
    char number[20], calls[20];
    const char *name = i < NUMBERS && names[i] ? names[i] : "call";
    struct iovec text[] = {
        {"signet: trace: ", 15},
        {(char *)name, strlen(name)},
        {"(", 1},
        {number, decimal(number, i)},
        {") is not implemented, called ", 29},
        {calls, decimal(calls, count)},
        {count == 1 ? " time\n" : " times\n", count == 1 ? 6 : 7},
    };
    struct exchange exchange = {.tag = FILES_STREAM_WRITE, .send = text, .send_count = sizeof text / sizeof *text};
    signet_channel_ask(&signet_channels[SIGNET_SLOT_ERROR], &exchange);
  }
}
