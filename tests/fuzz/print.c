/* Fuzz target: any bytes as a decoder and a message, printed for `signet trace`: no byte is read that is not there, and
 * the text is printable and no longer than its room. An input: the decoder's length (2 bytes), the room, what is said
 * of the message, the decoder, the message. */
#include <string.h>

#include <signet/abi.h>

#include "tests/fuzz/fuzz.h"

const unsigned fuzz_count = 100000;

enum { HEAD = 4 };

size_t contract_print(const uint8_t *table, size_t table_length, const struct signet_message *message, size_t length,
                      char *text, size_t capacity);
size_t contract_print_state(const uint8_t *table, size_t table_length, uint32_t state, char *text, size_t capacity);

static void text_check(const char *text, size_t capacity) {
  if (capacity && !memchr(text, 0, capacity))
    fuzz_fail("a text without an end");
  for (size_t i = 0; i < capacity && text[i]; i++)
    if (text[i] < ' ' || text[i] > '~')
      fuzz_fail("a byte that is not printable");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < HEAD)
    return 0;
  size_t table_length = (bytes[0] | (size_t)bytes[1] << 8) % (length - HEAD + 1), capacity = bytes[2];
  size_t left = length - HEAD - table_length;
  uint8_t *decoder = malloc(table_length ? table_length : 1);
  memcpy(decoder, bytes + HEAD, table_length);
  uint8_t *message = aligned_alloc(8, (left + 8) & ~(size_t)7);
  memcpy(message, bytes + HEAD + table_length, left);
  char *text = malloc(capacity + 1);
  size_t printed = 0;
  if (left >= sizeof(struct signet_message))
    printed = contract_print(decoder, table_length, (const void *)message, left, text, capacity);
  if (printed)
    text_check(text, capacity);
  printed &&capacity &&text[0] != '(' ? fuzz_accepted++ : fuzz_refused++;
  contract_print_state(decoder, table_length, bytes[3], text, capacity);
  free(text);
  free(message);
  free(decoder);
  return 0;
}
