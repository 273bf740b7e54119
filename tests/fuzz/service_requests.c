/* Requests on files: see service_requests.h. */
#include "tests/fuzz/service_requests.h"

#include <string.h>

#include "contracts/files.h"

static uint64_t edge(void) {
  static const uint64_t edges[] = {0,
                                   1,
                                   2,
                                   4095,
                                   4096,
                                   4097,
                                   0x3ffff,
                                   0x40000,
                                   0x40001,
                                   0x7fffffff,
                                   0x80000000,
                                   0xfffff000,
                                   UINT32_MAX,
                                   UINT32_MAX + 1ul,
                                   INT64_MAX,
                                   UINT64_MAX,
                                   INT64_MAX + 1ul,
                                   4194304,
                                   16,
                                   UINT64_MAX - 4095,
                                   INT64_MAX - 1};
  uint8_t choice = fuzz_byte(&kernel_input);
  return choice < 0xe0 ? edges[choice % (sizeof edges / sizeof *edges)] : fuzz_number(&kernel_input, 1 + choice % 8u);
}

static uint32_t name(uint8_t *to, uint32_t room, const char *const *names, uint32_t name_count) {
  static const char *const bad[] = {"/",      "",        "..",       "/..",      "/../..", "//",   "/.",
                                    "/a/../", "/a/b/..", "relative", "/a/./b//", "/\xff",  "/\n.", "/..."};
  uint8_t choice = fuzz_byte(&kernel_input);
  const char *some = choice % 4 ? names[choice / 4 % name_count] : bad[choice / 4 % (sizeof bad / sizeof *bad)];
  uint32_t length = (uint32_t)strlen(some);
  if (room < 600)
    return 0;
  memcpy(to, some, length);
  if (choice >= 0xf0) { /* something behind it */
    static const char *const tails[] = {"/../", "/x", "/./..", "//x/", "/../../../x", "/x/y/z", ".", "/.."};
    const char *tail = tails[fuzz_byte(&kernel_input) % 8];
    memcpy(to + length, tail, strlen(tail));
    length += (uint32_t)strlen(tail);
  } else if (choice >= 0xe8) {
    uint32_t more = choice & 1 ? 255 : choice & 2 ? 256 : 500;
    to[length++] = '/';
    memset(to + length, 'n', more);
    length += more;
  }
  to[length++] = 0;
  return length;
}

uint32_t service_request(uint32_t tag, uint8_t *data, uint32_t least, uint32_t most, const char *const *names,
                         uint32_t name_count) {
  uint8_t choice = fuzz_byte(&kernel_input);
  struct files_request request = {.file = choice & 15, .offset = 0, .length = choice & 0x20 ? 0 : 64};
  uint32_t length = FILES_REQUEST;
  if (choice >= 0xf8)
    return 0;
  if (choice & 0x40) {
    request.offset = edge();
    request.length = edge();
  }
  if (choice & 0x80)
    request.flags = choice & 0x10 ? (uint32_t)edge() : fuzz_byte(&kernel_input);
  if (tag == FILES_OPEN) {
    request.flags = fuzz_byte(&kernel_input);
    request.length = choice & 0x40 ? request.length : 0644;
  }
  if (tag == FILES_MAKE)
    request.length = choice & 0x40 ? request.length : 0755;
  memcpy(data, &request, sizeof request);
  if (tag == FILES_WRITE || tag == FILES_STREAM_WRITE) {
    uint8_t size = fuzz_byte(&kernel_input);
    length += size >= 0xf0 ? FILES_INLINE_MOST : size;
    for (uint32_t i = FILES_REQUEST; i < length; i++)
      data[i] = i - FILES_REQUEST < 40 ? kernel_plain(fuzz_byte(&kernel_input)) : (uint8_t)('a' + i % 23);
  } else if (least > FILES_REQUEST) {
    length += name(data + length, most - length, names, name_count);
    if (tag == FILES_RENAME || tag == FILES_LINK)
      length += name(data + length, most - length, names, name_count);
    if (choice == 0xf7) /* a name that has no end */
      data[length - 1] = 'x';
  }
  return length < least ? least : length;
}

void service_answered(uint32_t end, const struct kernel_message *message) {
  struct files_answer answer;
  uint32_t asked = service_asked[end];
  memcpy(&answer, message->data, sizeof answer);
  service_counted(!answer.error);
  if (answer.error >= 4096 || answer.reserved)
    fuzz_fail("an answer with the error %u", answer.error);
  if (answer.error && (answer.value || message->length > FILES_ANSWER))
    fuzz_fail("an error that brings something");
  bool bytes = asked == FILES_STREAM_READ || asked == FILES_READ || asked == FILES_LIST || asked == FILES_READ_LINK;
  if (!answer.error && bytes && answer.value != message->length - FILES_ANSWER)
    fuzz_fail("an answer of %lu bytes has %u", answer.value, message->length - FILES_ANSWER);
}

uint32_t service_say(uint8_t *data, uint32_t file, uint32_t flags, uint64_t offset, uint64_t length, const char *name) {
  struct files_request request = {.file = file, .flags = flags, .offset = offset, .length = length};
  memcpy(data, &request, sizeof request);
  if (!name)
    return FILES_REQUEST;
  memcpy(data + FILES_REQUEST, name, strlen(name) + 1);
  return FILES_REQUEST + (uint32_t)strlen(name) + 1;
}
