/* Requests on files: see service_requests.h. */
#include "tests/fuzz/service_requests.h"

#include <string.h>

#include <signet/device.h>

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
  struct files_request request = {
      .file = choice & 8 ? choice & 15 : choice & 3, .offset = 0, .length = choice & 0x20 ? 0 : 64};
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
    static const uint8_t usual[] = {SIGNET_OPEN_READ, SIGNET_OPEN_READ | SIGNET_OPEN_WRITE,
                                    SIGNET_OPEN_READ | SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE, SIGNET_OPEN_WRITE};
    request.flags = fuzz_byte(&kernel_input);
    if (request.flags < 0xc0)
      request.flags = usual[request.flags % 4];
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

static void more_than_asked(uint32_t end, uint32_t tag, uint64_t given) {
  struct files_request request;
  uint64_t most = SERVICE_ANY_VALUE;
  memcpy(&request, service_asked_data[end].begin, sizeof request);
  switch (tag) {
  case FILES_READ:
  case FILES_LIST:
  case FILES_READ_BLOCK:
  case FILES_WRITE_BLOCK:
  case FILES_STREAM_READ:
  case FILES_STREAM_READ_BLOCK:
  case FILES_STREAM_WRITE_BLOCK:
    most = request.length;
    break;
  case FILES_WRITE:
  case FILES_STREAM_WRITE:
    most = service_asked_data[end].length - FILES_REQUEST;
  }
  if (given > most)
    fuzz_fail("asked for %lu bytes by message %u, it says that it took or gave %lu", most, tag, given);
}

void service_expect(uint32_t step, const struct kernel_message *message, uint32_t error, uint64_t value) {
  struct files_answer answer;
  memcpy(&answer, message->data, sizeof answer);
  if (answer.error != error || (value != SERVICE_ANY_VALUE && answer.value != value))
    fuzz_fail(
        "alone, the honest client is answered error %u, value %#lx at its request %u, and not error %u, value %#lx",
        answer.error, answer.value, step, error, value);
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
  more_than_asked(end, asked, answer.value);
}

uint32_t service_say(uint8_t *data, uint32_t tag, uint32_t file, uint32_t flags, uint64_t offset, uint64_t length,
                     const char *name) {
  struct files_request request = {.file = file, .flags = flags, .offset = offset, .length = length};
  memcpy(data, &request, sizeof request);
  if (!name)
    return FILES_REQUEST;
  uint32_t size = (uint32_t)strlen(name) + 1;
  if (tag == FILES_RENAME || tag == FILES_LINK)
    size += (uint32_t)strlen(name + size) + 1;
  memcpy(data + FILES_REQUEST, name, size);
  return FILES_REQUEST + size;
}
