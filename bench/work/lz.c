/* A byte-oriented compressor (literals and matches found through a hash of four bytes) and its decompressor over
 * text-like data: unaligned loads, byte copies and branches that are hard to foresee. */
#include <string.h>

#include "measure.h"

#define INPUT (4u << 20)
#define HASH_BITS 15
#define MATCH_LEAST 4

static uint8_t input[INPUT], packed[INPUT + INPUT / 64 + 64], output[INPUT];

static uint32_t load32(const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, sizeof value);
  return value;
}

/* Each length is a 4-bit half of the token, or 15 and then bytes that add up until one is not 255. */
static uint8_t *put_length(uint8_t *to, uint32_t length) {
  if (length < 15)
    return to;
  for (length -= 15; length >= 255; length -= 255)
    *to++ = 255;
  *to++ = (uint8_t)length;
  return to;
}

static uint32_t compress(void) {
  static uint32_t heads[1u << HASH_BITS]; /* position + 1 */
  memset(heads, 0, sizeof heads);
  uint8_t *to = packed;
  uint32_t at = 0, literals = 0;
  while (at + MATCH_LEAST < INPUT) {
    uint32_t here = load32(input + at);
    uint32_t *head = &heads[here * 2654435761u >> (32 - HASH_BITS)];
    uint32_t candidate = *head;
    *head = at + 1;
    if (candidate == 0 || at + 1 - candidate > 65535 || load32(input + candidate - 1) != here) {
      at++;
      continue;
    }
    uint32_t from = candidate - 1, length = MATCH_LEAST, run = at - literals;
    while (at + length < INPUT && input[from + length] == input[at + length])
      length++;
    uint32_t extra = length - MATCH_LEAST;
    *to++ = (uint8_t)((run < 15 ? run : 15) << 4 | (extra < 15 ? extra : 15));
    to = put_length(to, run);
    memcpy(to, input + literals, run);
    to += run;
    *to++ = (uint8_t)(at - from);
    *to++ = (uint8_t)((at - from) >> 8);
    to = put_length(to, extra);
    at += length;
    literals = at;
  }
  uint32_t run = INPUT - literals;
  *to++ = (uint8_t)((run < 15 ? run : 15) << 4);
  to = put_length(to, run);
  memcpy(to, input + literals, run);
  return (uint32_t)(to + run - packed);
}

static const uint8_t *get_length(const uint8_t *from, uint32_t *length) {
  if (*length == 15) {
    uint8_t more;
    do {
      more = *from++;
      *length += more;
    } while (more == 255);
  }
  return from;
}

static uint32_t decompress(uint32_t packed_length) {
  const uint8_t *from = packed, *end = packed + packed_length;
  uint8_t *to = output;
  while (from < end) {
    uint8_t token = *from++;
    uint32_t run = token >> 4, length = token & 15;
    from = get_length(from, &run);
    memcpy(to, from, run);
    to += run;
    from += run;
    if (from >= end)
      break;
    uint32_t distance = from[0] | (uint32_t)from[1] << 8;
    from = get_length(from + 2, &length);
    length += MATCH_LEAST;
    const uint8_t *match = to - distance;
    for (uint32_t i = 0; i < length; i++)
      to[i] = match[i];
    to += length;
  }
  return (uint32_t)(to - output);
}

/* Words drawn unevenly from a made-up vocabulary, so that it packs as text does. */
static void make_input(void) {
  static char words[1024][12];
  uint64_t seed = 11;
  for (int i = 0; i < 1024; i++) {
    int length = 2 + (int)(measure_random(&seed) % 9);
    for (int j = 0; j < length; j++)
      words[i][j] = (char)('a' + measure_random(&seed) % 26);
    words[i][length] = ' ';
  }
  for (uint32_t at = 0; at < INPUT;) {
    uint64_t pick = measure_random(&seed) % 1024;
    pick = pick * (measure_random(&seed) % 1024) / 1024;
    for (const char *p = words[pick]; *p && at < INPUT; p++)
      input[at++] = (uint8_t)*p;
  }
}

static uint64_t work(void) {
  make_input();
  uint64_t sum = 0;
  for (int pass = 0; pass < 32; pass++) {
    input[pass * 1000] ^= 1;
    uint32_t length = compress();
    if (decompress(length) != INPUT || memcmp(input, output, INPUT) != 0)
      return 0;
    sum = sum * 31 + length;
  }
  return sum;
}

int main(void) { return measure(work, UINT64_C(0xa64ad05ace2d2b6b)); }
