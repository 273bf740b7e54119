/* The serial driver over a 16550 whose line brings anything, as a terminal's and as a framed one, and which may vanish.
 */
#include <errno.h>
#include <string.h>

#include <signet/device.h>

#include "contracts/events.h"
#include "contracts/files.h"
#include "services/services.h"
#include "tests/fuzz/service_requests.h"

const unsigned fuzz_count = 12000;

static uint32_t files, events;
static bool settled, framed;

/* ---- The chip ---- */

static struct {
  uint8_t enable, line_control, scratch;
  bool gone, slow, empty_pending;
  uint32_t to_send, arrived, arrived_from, looks;
  uint8_t line[4096]; /* what has arrived, or will */
} chip;

enum { DATA, ENABLE, IDENTITY, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS, SCRATCH };

static struct signet_result ok(uint64_t value) { return (struct signet_result){SIGNET_OK, value}; }

static bool interrupts(void) {
  return !chip.gone &&
         (((chip.enable & 1) && chip.arrived != chip.arrived_from) || ((chip.enable & 2) && chip.empty_pending));
}

static void sent(void) {
  if (chip.to_send) {
    chip.to_send = 0;
    chip.empty_pending = true;
  }
}

static uint8_t chip_read(uint64_t port) {
  switch (port) {
  case DATA:
    if (chip.arrived == chip.arrived_from)
      fuzz_fail("a byte is read that has not arrived");
    return chip.line[chip.arrived_from++];
  case ENABLE:
    return chip.enable;
  case IDENTITY:
    if (chip.enable & 1 && chip.arrived != chip.arrived_from)
      return 0xc4;
    if (chip.enable & 2 && chip.empty_pending)
      return chip.empty_pending = false, 0xc2;
    return 0xc1;
  case LINE_STATUS:
    if (!chip.slow || settled || ++chip.looks % 4 == 0) /* it sends in the end */
      sent();
    return (uint8_t)((chip.arrived != chip.arrived_from) | (chip.to_send ? 0 : 0x60));
  case SCRATCH:
    return chip.scratch;
  }
  return 0;
}

static struct signet_result on_device(uint32_t device, const struct signet_device_request *request) {
  uint64_t port = request->arguments[0];
  if (device == 1) {
    if (request->operation != SIGNET_INTERRUPT_WAIT)
      fuzz_fail("operation %u on an interrupt", request->operation);
    if (!settled && fuzz_byte(&kernel_input) >= 0xf8)
      return (struct signet_result){SIGNET_INTERRUPTED, 0};
    while (!interrupts())
      kernel_device_wait();
    return ok(1);
  }
  if (port > 7 || (request->operation != SIGNET_PORTS_WRITE_BYTES && request->arguments[1] != 1))
    fuzz_fail("port %lu, %lu bytes", port, request->arguments[1]);
  if (chip.gone)
    return (struct signet_result){SIGNET_ARGUMENT, 0};
  switch (request->operation) {
  case SIGNET_PORTS_READ:
    return ok(chip_read(port));
  case SIGNET_PORTS_WRITE:
    if (port == ENABLE && !(chip.line_control & 0x80))
      chip.enable = (uint8_t)request->arguments[2];
    if (port == LINE_CONTROL)
      chip.line_control = (uint8_t)request->arguments[2];
    if (port == SCRATCH)
      chip.scratch = (uint8_t)request->arguments[2];
    kernel_changed();
    return ok(0);
  case SIGNET_PORTS_WRITE_BYTES:
    if (port != DATA || chip.to_send || !request->buffer_length || request->buffer_length > 16)
      fuzz_fail("%u bytes for port %lu while %u are there", request->buffer_length, port, chip.to_send);
    chip.to_send = request->buffer_length;
    return ok(request->buffer_length);
  }
  fuzz_fail("operation %u on ports", request->operation);
}

static void act(uint8_t which) {
  static const uint8_t some[] = "ab\b\x7f\x15\x03\x04\x1c\r\n\t\x10\x10\x04\x42\x4f\xc3\xa9\x1b[A";
  uint8_t choice = fuzz_byte(&kernel_input);
  if (which == 0 || which == 1) {
    for (uint32_t i = 0; i < (which ? 200u : choice % 32u) && chip.arrived < sizeof chip.line; i++) {
      uint8_t byte = which && i > 20 ? choice : fuzz_byte(&kernel_input);
      chip.line[chip.arrived++] = choice & 0x80 ? some[byte % (sizeof some - 1)] : kernel_plain(byte);
    }
  } else if (which == 2) {
    chip.slow = choice & 1;
    sent();
  } else if (choice >= 0xf0) {
    chip.gone = true;
  }
  kernel_changed();
}

static void settle(void) {
  settled = true;
  sent();
}

/* ---- The peers ---- */

static void begin(void) {
  uint32_t handles[SERVICES_SERIAL_SLOTS];
  uint8_t how = fuzz_byte(&kernel_input);
  memset(&chip, 0, sizeof chip);
  settled = false;
  framed = how & 1;
  kernel_on_device = on_device;
  files = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  events = kernel_learn(&events_contract, EVENTS_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < 3; i++)
    handles[i] = kernel_give(kernel_channel(files, 1) + 1);
  handles[3] = kernel_device(0);
  handles[4] = kernel_device(1);
  handles[5] = kernel_give(kernel_channel(events, 2));
  struct services_serial bytes = {.version = SERVICES_SERIAL_VERSION, .flags = framed ? SERVICES_SERIAL_FRAMED : 0};
  kernel_start(handles, SERVICES_SERIAL_SLOTS, &bytes, sizeof bytes);
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const char *const names[] = {"/a"};
  return kernel_ends[end].contract == files ? service_request(tag, data, least, most, names, 1) : 0;
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (kernel_ends[end].contract == files)
    service_answered(end, message);
}

/* Who reads waits for the line; an event is told when there is one. */
static bool may_stand(uint32_t end) { return kernel_ends[end].contract == events || end == 2; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .likely = 0x3c,
                                               /* reads and writes */ .act = act,
                                               .compose = compose,
                                               .heard = heard,
                                               .settle = settle,
                                               .may_stand = may_stand};
  service_play(&target, bytes, length);
  return 0;
}
