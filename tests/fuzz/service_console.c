/* The console service: programs that share three streams, whose devices read and write as they like. What it writes for
 * several programs is text in lines, whatever they send. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/device.h>

#include "contracts/files.h"
#include "contracts/supervision.h"
#include "services/services.h"
#include "tests/fuzz/service_requests.h"

const unsigned fuzz_count = 1500;

#define CLIENTS 3u
static uint32_t files, supervision, flags, clients, input_bytes;
static bool settled, at_line_begin[3];

/* ---- The devices ---- */

static struct signet_result ok(uint64_t value) { return (struct signet_result){SIGNET_OK, value}; }
static struct signet_result fails(uint64_t number) { return (struct signet_result){SIGNET_DEVICE, number}; }

static struct signet_result read_input(const struct signet_device_request *request) {
  uint8_t choice = settled ? 0 : fuzz_byte(&kernel_input);
  if (choice >= 0xfc)
    return (struct signet_result){SIGNET_INTERRUPTED, 0};
  if (choice >= 0xf8)
    return fails(choice & 1 ? EIO : EAGAIN);
  while (!input_bytes && !settled)
    kernel_device_wait();
  uint32_t length = input_bytes < request->buffer_length ? input_bytes : request->buffer_length;
  input_bytes -= length;
  memset(kernel_buffer(request), 'i', length);
  return ok(length);
}

/* No byte that a terminal would take for more than text. */
static void is_text(uint32_t stream, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    if (bytes[i] == '\n' ? i + 1 < length : bytes[i] < ' ' || bytes[i] == 0x7f)
      fuzz_fail("the byte %#x is written in the middle of a row", bytes[i]);
    if (bytes[i] == 0xc2 && i + 1 < length && bytes[i + 1] < 0xa0)
      fuzz_fail("a control character of two bytes is written");
  }
  if (at_line_begin[stream] && length > 4 && !memmem(bytes, length, " | ", 3) && !memmem(bytes, length, " + ", 3))
    fuzz_fail("a row is written without a name");
}

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  switch (request->operation) {
  case SIGNET_STREAM_READ:
    return read_input(request);
  case SIGNET_STREAM_WRITE: {
    uint8_t choice = settled ? 1 : fuzz_byte(&kernel_input);
    if (!request->buffer_length)
      fuzz_fail("nothing is written");
    if (flags & SERVICES_CONSOLE_PREFIXES)
      is_text(device, kernel_buffer(request), request->buffer_length);
    if (choice >= 0xf8 && !(choice & 1))
      return (struct signet_result){SIGNET_INTERRUPTED, 0};
    at_line_begin[device] = true;
    if (choice >= 0xf8)
      return fails(EPIPE);
    if (choice % 2 || choice >= request->buffer_length)
      return ok(request->buffer_length);
    at_line_begin[device] = false;
    return ok(choice ? choice : 1);
  }
  case SIGNET_STREAM_STATUS:
    if (request->buffer_length < sizeof(struct signet_file_status))
      fuzz_fail("a status into %u bytes", request->buffer_length);
    *(struct signet_file_status *)kernel_buffer(request) = (struct signet_file_status){.mode = S_IFCHR | 0620};
    return ok(SIGNET_STREAM_IS_TERMINAL);
  case SIGNET_STREAM_POLL:
    return ok(input_bytes != 0);
  case SIGNET_STREAM_WINDOW_SIZE:
    return ok(24ull << 32 | (device == 1 ? 80 : 21));
  case SIGNET_STREAM_TERMINAL_MODE:
    return request->arguments[0] > 1 ? fails(EINVAL) : ok(0);
  case SIGNET_STREAM_SEEK:
    return fails(ESPIPE);
  }
  fuzz_fail("operation %u on a stream", request->operation);
}

static void act(uint8_t which) {
  if (which < 2)
    input_bytes += which ? 5000 : fuzz_byte(&kernel_input);
  kernel_changed();
}

static void settle(void) { settled = true; }

/* ---- The peers ---- */

static void begin(void) {
  uint32_t handles[3 * CLIENTS + 4], count = 0;
  uint8_t how = fuzz_byte(&kernel_input);
  flags = (how & 1 ? 0 : SERVICES_CONSOLE_PREFIXES) | (how & 2 ? 0 : SERVICES_CONSOLE_SUPERVISED);
  clients = how & 4 ? 1 : CLIENTS;
  settled = false;
  input_bytes = 0;
  memset(at_line_begin, 1, sizeof at_line_begin);
  kernel_on_device = on_device;
  files = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  for (; count < 3 * clients; count++) {
    uint32_t client = kernel_channel(files, count / 3 + 1);
    handles[count] = kernel_give(client + 1);
    if (!how && count >= 3 * clients - 2)
      service_honest[count % 3 - 1] = client;
  }
  for (uint32_t i = 0; i < 3; i++)
    handles[count++] = kernel_device(i);
  if (flags & SERVICES_CONSOLE_SUPERVISED) {
    uint32_t client = kernel_channel(supervision, 0);
    handles[count++] = kernel_give(client);
    service_supervisor = client + 1;
  }
  struct services_console bytes = {.version = SERVICES_CONSOLE_VERSION, .clients = clients, .flags = flags};
  kernel_start(handles, count, &bytes, sizeof bytes);
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const char *const names[] = {"/a"};
  static const uint8_t some[] = "\n\r\x1b[2J\t\xc2\x9b\xe2\x80\xae\xf0\x9f\x98\x80\xed\xa0\x80\xc0\xaf\x7f text \xff";
  if (kernel_ends[end].contract != files)
    return 0;
  uint32_t length = service_request(tag, data, least, most, names, 1);
  if (tag == FILES_STREAM_WRITE && length > FILES_REQUEST && fuzz_byte(&kernel_input) & 1)
    for (uint32_t i = FILES_REQUEST; i < length; i++) {
      uint8_t choice = i < FILES_REQUEST + 60 ? fuzz_byte(&kernel_input) : (uint8_t)i;
      data[i] = some[choice % (sizeof some - 1)];
    }
  return length;
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (kernel_ends[end].contract == files)
    service_answered(end, message);
}

static uint32_t honest(uint32_t step, uint32_t *end, uint32_t *tag, uint8_t *data) {
  static const struct {
    uint32_t stream, tag, flags;
    uint64_t length;
  } steps[] = {
      {0, FILES_STREAM_WRITE, 0, 0},          {1, FILES_STREAM_STATUS, 0, 0},
      {0, FILES_STREAM_WRITE_BLOCK, 0, 4096}, {0, FILES_STREAM_WRITE_BLOCK, 0, 5000},
      {1, FILES_STREAM_READ, 0, 100},         {0, FILES_STREAM_TERMINAL_MODE, 1, 0},
      {1, FILES_STREAM_SEEK, 0, 0},           {0, FILES_STREAM_WINDOW_SIZE, 0, 0},
      {1, FILES_STREAM_READ_BLOCK, 0, 10},    {0, FILES_STREAM_WRITE, 0, 0},
      {1, FILES_STREAM_WRITE_BLOCK, 0, 0},
  };
  if (!service_honest[0] || step >= sizeof steps / sizeof *steps)
    return SERVICE_NO_STEP;
  *end = service_honest[steps[step].stream];
  *tag = steps[step].tag;
  uint32_t length = service_say(data, *tag, 0, steps[step].flags, 0, steps[step].length, NULL);
  if (*tag == FILES_STREAM_WRITE)
    length += (uint32_t)sprintf((char *)data + length, "honest\nlines");
  return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .likely = 0x3c, /* reads and writes */
                                               .act = act,
                                               .compose = compose,
                                               .heard = heard,
                                               .settle = settle,
                                               .honest = honest,
                                               .sets_held = 3};
  service_play(&target, bytes, length);
  return 0;
}
