/* A 16550 and the rest of a kernel for the serial driver's test: see serial_line.h. */
#include "tests/services/serial_line.h"

#include <signet/calls.h>

#include "contracts/events.h"

enum { PORTS = 0x70, INTERRUPT, EVENTS, STREAM };

/* ---- A 16550 ---- */

struct chip chip;

static const uint8_t *line_in; /* what the other end sends, when the chip takes it */
uint32_t line_in_left;

void chip_send(void) {
  memcpy(chip.line_out + chip.line_out_count, chip.sending, chip.to_send);
  chip.line_out_count += chip.to_send;
  chip.to_send = 0;
  chip.empty_pending = true;
}

static uint32_t chip_depth(void) { return chip.no_fifo || !(chip.fifo_control & 1) ? 1 : FIFO; }

static void chip_feed(void) {
  while (line_in_left && chip.received_count < chip_depth()) {
    chip.received[chip.received_count++] = *line_in++;
    line_in_left--;
  }
}

bool chip_interrupts(void) {
  return ((chip.enable & 1) && chip.received_count) || ((chip.enable & 2) && chip.empty_pending);
}

static uint8_t chip_read(uint32_t port) {
  if (chip.absent)
    return 0xff;
  switch (port) {
  case 0: {
    if (chip.line_control & 0x80)
      return chip.divisor[0];
    if (!chip.received_count)
      BAIL("a byte is read where none is");
    uint8_t byte = chip.received[0];
    memmove(chip.received, chip.received + 1, --chip.received_count);
    chip_feed();
    return byte;
  }
  case 2: {
    uint8_t fifos = chip.no_fifo || !(chip.fifo_control & 1) ? 0 : 0xc0;
    if ((chip.enable & 1) && chip.received_count)
      return fifos | 4;
    if ((chip.enable & 2) && chip.empty_pending) {
      chip.empty_pending = false;
      return fifos | 2;
    }
    return fifos | 1;
  }
  case 5:
    return (chip.received_count ? 1 : 0) | (chip.to_send ? 0 : 0x60);
  case 6:
    return 0xb0;
  case 7:
    return chip.scratch;
  }
  return 0;
}

static void chip_data(uint8_t byte) {
  if (chip.to_send >= chip_depth()) {
    chip.overfilled++;
    return;
  }
  chip.sending[chip.to_send++] = byte;
  chip.empty_pending = false;
}

static void chip_write(uint32_t port, uint8_t value) {
  if (chip.absent)
    return;
  switch (port) {
  case 0:
    if (chip.line_control & 0x80)
      chip.divisor[0] = value;
    else
      chip_data(value);
    break;
  case 1:
    if (chip.line_control & 0x80) {
      chip.divisor[1] = value;
    } else {
      if ((value & 2) && !(chip.enable & 2) && !chip.to_send)
        chip.empty_pending = true;
      chip.enable = value;
    }
    break;
  case 2:
    if ((value ^ chip.fifo_control) & 1 || (value & 2))
      chip.lost += chip.received_count, chip.received_count = 0;
    chip.fifo_control = value;
    chip_feed();
    break;
  case 3:
    chip.line_control = value;
    break;
  case 4:
    chip.modem_control = value;
    break;
  case 7:
    chip.scratch = value;
    break;
  }
}

/* ---- The kernel ---- */

uint32_t ports_calls;
bool ports_gone;
void (*while_waiting)(void);
struct told_event events_told[100];
uint32_t events_told_count;
struct service_buffer answered;
uint32_t answers;
static uint64_t clock_now = 5;

static struct signet_result result(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }

struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request) {
  ports_calls++;
  if (device != PORTS || ports_gone)
    return result(SIGNET_HANDLE, 0);
  uint64_t port = request->arguments[0];
  if (port > 7 || request->reserved)
    BAIL("port %lu", port);
  switch (request->operation) {
  case SIGNET_PORTS_READ:
    if (request->arguments[1] != 1)
      BAIL("%lu bytes of a port", request->arguments[1]);
    return result(SIGNET_OK, chip_read((uint32_t)port));
  case SIGNET_PORTS_WRITE:
    if (request->arguments[1] != 1 || request->arguments[2] > 255)
      BAIL("%lu bytes of a port", request->arguments[1]);
    chip_write((uint32_t)port, (uint8_t)request->arguments[2]);
    break;
  case SIGNET_PORTS_WRITE_BYTES: {
    const uint8_t *from = (const uint8_t *)(uintptr_t)request->buffer_offset;
    if (port || !request->buffer_length)
      BAIL("bytes to port %lu", port);
    for (uint32_t i = 0; i < request->buffer_length; i++)
      chip_write(0, from[i]);
    break;
  }
  default:
    BAIL("operation %u", request->operation);
  }
  if (!chip.slow && chip.to_send)
    chip_send();
  return result(SIGNET_OK, request->operation == SIGNET_PORTS_WRITE_BYTES ? request->buffer_length : 0);
}

/* What happens on the other thread while this one waits. */
struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  if (*(volatile uint32_t *)word != expected)
    return result(SIGNET_AGAIN, 0);
  if (deadline != SIGNET_NEVER) {
    clock_now = deadline;
    if (chip.to_send)
      chip_send();
    return result(SIGNET_TIMEOUT, 0);
  }
  if (!while_waiting)
    BAIL("it waits for ever");
  while_waiting();
  return result(SIGNET_OK, 0);
}
/* Time passes while others run. */
struct signet_result signet_thread_yield(void) {
  static uint32_t yields;
  if (++yields > 10000000)
    BAIL("it yields for ever");
  if (while_waiting)
    while_waiting();
  return result(SIGNET_OK, 0);
}
struct signet_result signet_word_wake(volatile void *word, uint32_t most) {
  return result(SIGNET_OK, word && most ? 0 : 1);
}
struct signet_result signet_clock_read(uint32_t clock) {
  return result(clock == SIGNET_CLOCK_MONOTONIC ? SIGNET_OK : SIGNET_ARGUMENT, clock_now);
}

struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  if (endpoint == EVENTS) {
    struct events_event event;
    if (message->tag != EVENTS_EVENT || message->length != sizeof event || message->moved_count || message->reserved)
      BAIL("an event that the contract forbids");
    memcpy(&event, (const uint8_t *)message + SIGNET_MESSAGE_DATA, sizeof event);
    if (event.reserved)
      BAIL("a reserved field");
    events_told[events_told_count++].event = event.event;
  } else if (endpoint == STREAM) {
    memcpy(&answered, message, SIGNET_MESSAGE_DATA + message->length);
    answers++;
  } else {
    BAIL("endpoint %x", endpoint);
  }
  return result(SIGNET_OK, 0);
}

/* ---- The driver ---- */

struct services_serial bytes;
struct signet_startup startup;

uint32_t begin(uint32_t flags) {
  bool no_fifo = chip.no_fifo, absent = chip.absent;
  /* Nothing is left of the last one. */
  for (int i = 0; i < 32; i++)
    serial_event_taken();
  serial_gone(0);
  ports_gone = true;
  serial_drain();
  memset(&chip, 0, sizeof chip);
  chip.no_fifo = no_fifo;
  chip.absent = absent;
  chip.line_control = 0x80;
  chip.enable = 0xf;
  line_in_left = 0;
  events_told_count = answers = 0;
  while_waiting = NULL;
  ports_gone = false;
  bytes = (struct services_serial){SERVICES_SERIAL_VERSION, flags, 0, 0};
  startup = (struct signet_startup){.abi_version = SIGNET_ABI_VERSION,
                                    .slots = SERVICES_SERIAL_SLOTS,
                                    .handles = {STREAM, STREAM + 1, STREAM + 2, PORTS, INTERRUPT, EVENTS},
                                    .bytes_offset = (uint32_t)(uintptr_t)&bytes,
                                    .bytes_length = sizeof bytes};
  return serial_begin(&startup);
}

/* As begin, and what is said first is forgotten. */
void begin_well(uint32_t flags) {
  if (begin(flags))
    BAIL("the driver does not begin");
  chip.line_out_count = 0;
}

/* Bytes arrive on the line; the driver is interrupted as long as the chip interrupts. */
void arrive(const void *data, uint32_t length) {
  line_in = data;
  line_in_left = length;
  chip_feed();
  for (uint32_t turns = 0; chip_interrupts(); turns++) {
    if (turns > 100000)
      BAIL("the chip's interrupt does not end");
    serial_interrupt();
  }
}
void type(const char *text) { arrive(text, (uint32_t)strlen(text)); }

struct service_buffer buffer;
uint8_t block[FILES_BLOCK_MOST] __attribute__((aligned(4096)));

/* -> the error; UINT32_MAX: the answer comes later. */
uint32_t ask(uint32_t stream, uint32_t tag, struct files_request request, const void *data, uint32_t length,
             uint64_t *value) {
  bool moves = tag == FILES_STREAM_READ_BLOCK || tag == FILES_STREAM_WRITE_BLOCK;
  memset(&buffer, 0x5a, sizeof buffer);
  buffer.message = (struct signet_message){.tag = tag, .length = FILES_REQUEST + length, .moved_count = moves};
  if (moves)
    buffer.message.moved[0] =
        (struct signet_moved){0x155, SIGNET_KIND_BLOCK, (uint32_t)(uintptr_t)block, FILES_BLOCK_MOST};
  memcpy(buffer.data, &request, sizeof request);
  if (length)
    memcpy(buffer.data + FILES_REQUEST, data, length);
  if (!serial_serve(stream, &buffer))
    return UINT32_MAX;
  struct files_answer answer;
  memcpy(&answer, buffer.data, sizeof answer);
  if (buffer.message.tag != (moves ? FILES_ANSWERED_BLOCK : FILES_ANSWERED) || buffer.message.moved_count != moves ||
      buffer.message.length < FILES_ANSWER || buffer.message.length > FILES_ANSWER + FILES_INLINE_MOST ||
      answer.reserved)
    ok(false, "an answer to tag %u that the contract forbids", tag);
  if (value)
    *value = answer.value;
  return answer.error;
}

bool poll_says(uint64_t wanted) {
  uint64_t value = 99;
  return ask(0, FILES_STREAM_POLL, (struct files_request){0}, NULL, 0, &value) == 0 && value == wanted;
}

/* A read gives exactly this. */
bool read_gives(uint64_t length, const void *wanted, uint32_t wanted_length) {
  uint64_t value;
  uint32_t error = ask(0, FILES_STREAM_READ, (struct files_request){.length = length}, NULL, 0, &value);
  if (error) {
    printf("# error %d\n", (int)error);
    serial_gone(0);
    return false;
  }
  bool same = value == wanted_length && buffer.message.length == FILES_ANSWER + wanted_length &&
              memcmp(buffer.data + FILES_ANSWER, wanted, wanted_length) == 0;
  if (!same)
    printf("# %lu bytes: %.*s\n", (unsigned long)value, (int)value, buffer.data + FILES_ANSWER);
  return same;
}
bool reads(const char *wanted) { return read_gives(4096, wanted, (uint32_t)strlen(wanted)); }
bool waits(void) {
  bool waited = ask(0, FILES_STREAM_READ, (struct files_request){.length = 4096}, NULL, 0, NULL) == UINT32_MAX;
  serial_gone(0);
  return waited;
}

/* What was sent since the last time is exactly this. */
bool sent(const void *wanted, uint32_t length) {
  bool same = chip.line_out_count == length && memcmp(chip.line_out, wanted, length) == 0;
  if (!same) {
    printf("# sent %u:", chip.line_out_count);
    for (uint32_t i = 0; i < chip.line_out_count && i < 60; i++)
      printf(" %02x", chip.line_out[i]);
    printf("\n");
  }
  chip.line_out_count = 0;
  return same;
}
bool shows(const char *wanted) { return sent(wanted, (uint32_t)strlen(wanted)); }

uint32_t write_text(uint32_t stream, const void *data, uint32_t length, uint64_t *value) {
  return ask(stream, FILES_STREAM_WRITE, (struct files_request){0}, data, length, value);
}

void set_mode(uint32_t mode) {
  if (ask(0, FILES_STREAM_TERMINAL_MODE, (struct files_request){.flags = mode}, NULL, 0, NULL))
    ok(false, "mode %u", mode);
}
