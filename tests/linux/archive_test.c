/* The archive and the power device of port/linux, asked what they should refuse. */
#include <errno.h>
#include <string.h>

#include <signet/system.h>

#include "tests/lib/tap.h"
#include "tests/linux/alone.h"

#define BIG 200000

static uint8_t big[BIG];
static struct port_device *archive, *power;

static struct {
  uint32_t times, count;
  struct signet_system_ending first;
  char text[32];
} heard;

static void on_end(void *context, const struct signet_system_ending *endings, uint32_t count, const char *text) {
  heard.times++;
  heard.count = count;
  heard.first = endings[0];
  strncpy(heard.text, text, sizeof heard.text - 1);
  *(bool *)context = true;
}

static bool is(struct signet_result result, int64_t status, uint64_t value) {
  return result.status == status && result.value == value;
}

static struct signet_result ask_archive(uint32_t operation, uint32_t length, uint64_t entry, uint64_t offset) {
  return alone_answer(archive, operation, length, entry, offset);
}

static void test_archive(void) {
  char name[32];
  ok(is(ask_archive(SIGNET_DEVICE_IDENTIFY, 0, 0, 0), SIGNET_OK, SIGNET_DEVICE_ARCHIVE), "an archive says what it is");
  ok(is(ask_archive(SIGNET_ARCHIVE_STATUS, 32, 0, 0), SIGNET_OK, BIG), "the length of an entry");
  memcpy(name, alone_memory(), sizeof name);
  ok(strcmp(name, "a-name-that-is-longer-than-it-c") == 0, "its name, cut to what fits (%.32s)", name);
  memset(alone_memory(), 'x', 32);
  ok(is(ask_archive(SIGNET_ARCHIVE_STATUS, 31, 1, 0), SIGNET_OK, 0) && alone_memory()[0] == 'x',
     "a buffer too small for the name is left alone");
  ok(is(ask_archive(SIGNET_ARCHIVE_STATUS, 0, 2, 0), SIGNET_DEVICE, ENOENT) &&
         is(ask_archive(SIGNET_ARCHIVE_READ, 8, UINT64_MAX, 0), SIGNET_DEVICE, ENOENT),
     "there is no third entry");

  bool same = true;
  uint64_t at = 0;
  for (struct signet_result got; (got = ask_archive(SIGNET_ARCHIVE_READ, ALONE_BYTES, 0, at)).value; at += got.value)
    same = same && got.status == SIGNET_OK && at + got.value <= BIG && memcmp(alone_memory(), big + at, got.value) == 0;
  ok(same && at == BIG, "all of an entry, piece by piece");
  ok(is(ask_archive(SIGNET_ARCHIVE_READ, 8, 0, BIG - 3), SIGNET_OK, 3), "its last bytes and no more");
  ok(is(ask_archive(SIGNET_ARCHIVE_READ, 8, 0, BIG), SIGNET_OK, 0) &&
         is(ask_archive(SIGNET_ARCHIVE_READ, 8, 0, UINT64_MAX), SIGNET_OK, 0),
     "nothing from its end on");
  ok(ask_archive(SIGNET_ARCHIVE_READ, 0, 0, 0).status == SIGNET_OK, "a buffer of no bytes");
  ok(is(ask_archive(SIGNET_STREAM_READ, 8, 0, 0), SIGNET_UNSUPPORTED, 0) &&
         is(ask_archive(SIGNET_POWER_END, 8, 0, 0), SIGNET_UNSUPPORTED, 0),
     "what is no operation of an archive");

  struct signet_result result;
  struct port_request request = {.window = ALONE_WINDOW,
                                 .operation = SIGNET_ARCHIVE_READ,
                                 .buffer_offset = ALONE_BUFFER + ALONE_BYTES - 4,
                                 .buffer_length = 8,
                                 .text = "",
                                 .text2 = ""};
  ok(port_device_request(archive, &request, &result) && result.status == SIGNET_ADDRESS, "a buffer beyond its memory");
  request.operation = SIGNET_ARCHIVE_STATUS;
  request.buffer_length = 32;
  ok(port_device_request(archive, &request, &result) && result.status == SIGNET_ADDRESS, "the same for a name");
}

static void test_power(const bool *ended) {
  struct signet_system_ending rows[SIGNET_SYSTEM_PROCESSES_MOST + 2] = {{.ending = {SIGNET_ENDED_EXIT, 7, 0, 0, 0}}};
  const uint32_t row = sizeof *rows;
  memcpy(alone_memory(), rows, sizeof rows);
  ok(is(alone_answer(power, SIGNET_DEVICE_IDENTIFY, 0, 0, 0), SIGNET_OK, SIGNET_DEVICE_POWER), "power says what it is");
  ok(is(alone_answer(power, SIGNET_ARCHIVE_READ, row, 0, 0), SIGNET_UNSUPPORTED, 0), "what is no operation of power");
  ok(is(alone_answer(power, SIGNET_POWER_END, 0, 0, 0), SIGNET_ARGUMENT, 0) &&
         is(alone_answer(power, SIGNET_POWER_END, row - 1, 0, 0), SIGNET_ARGUMENT, 0) &&
         is(alone_answer(power, SIGNET_POWER_END, sizeof rows, 0, 0), SIGNET_ARGUMENT, 0) &&
         is(alone_answer(power, SIGNET_POWER_END, UINT32_MAX / row * row, 0, 0), SIGNET_ARGUMENT, 0),
     "no ending, a part of one, more than a system has");
  struct signet_result result;
  struct port_request request = {.window = ALONE_WINDOW,
                                 .operation = SIGNET_POWER_END,
                                 .buffer_offset = ALONE_BUFFER + ALONE_BYTES - 8,
                                 .buffer_length = row,
                                 .text = "why it did not start",
                                 .text2 = ""};
  ok(port_device_request(power, &request, &result) && result.status == SIGNET_ADDRESS && heard.times == 0,
     "endings beyond its memory; nobody has heard of any of these");
  request.buffer_offset = ALONE_BUFFER;
  request.buffer_length = 65 * row;
  ok(!port_device_request(power, &request, &result), "who ends the system has no answer");
  ok(*ended && heard.count == 65 && memcmp(&heard.first, rows, row) == 0 &&
         strcmp(heard.text, "why it did not start") == 0,
     "the host program hears how it ended");
  ok(!port_device_request(power, &request, &result) && heard.times == 1, "and once only");
}

int main(void) {
  const char *problem;
  bool ended = false;
  for (uint32_t i = 0; i < BIG; i++)
    big[i] = (uint8_t)(i * 2654435761u >> 24);
  const struct linux_archive_entry entries[] = {
      {.name = "a-name-that-is-longer-than-it-can-be", .bytes = big, .length = BIG},
      {.name = "", .bytes = "", .length = 0},
  };
  alone_prepare();
  archive = linux_archive_device(entries, 2, &problem);
  power = linux_power_device(on_end, &ended, &problem);
  alone_seal();
  test_archive();
  test_power(&ended);
  port_device_close(archive);
  port_device_close(power);
  return finish();
}
