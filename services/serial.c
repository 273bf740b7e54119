/* The driver of a 16550 and what is behind it: see serial.h. Two threads, one lock for all of the state; no call that
 * waits is made under it. The device is trusted as little as the line: what it says is data, and it is asked in vain at
 * most so often. */
#include "services/serial.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/calls.h>

#include "contracts/events.h"
#include "lib/lock.h"
#include "services/line.h"
#include "services/stream.h"

/* Registers of a 16550, and their bits. */
enum {
  DATA = 0,
  DIVISOR_LOW = 0,
  DIVISOR_HIGH = 1,
  INTERRUPT_ENABLE = 1,
  INTERRUPT_IDENTITY = 2,
  FIFO_CONTROL = 2,
  LINE_CONTROL = 3,
  MODEM_CONTROL = 4,
  LINE_STATUS = 5,
  MODEM_STATUS = 6,
  SCRATCH = 7
};
#define ENABLE_RECEIVED 1
#define ENABLE_EMPTY 2
#define IDENTITY_NONE 1
#define IDENTITY_FIFOS 0xc0
#define FIFO_ON_AT_14 0xc1 /* interrupts at 14 received bytes, or when no more come; nothing is thrown away */
#define LINE_8N1 3
#define LINE_DIVISOR 0x80
#define MODEM_READY 0x0b /* DTR, RTS, and OUT2, which lets the interrupt through */
#define STATUS_RECEIVED 1
#define STATUS_EMPTY 0x20  /* room for FIFO bytes to send */
#define STATUS_SENT 0x40   /* and the last has left */
#define FIFO 16            /* bytes */
#define TURNS_MOST 4096    /* that one interrupt is looked after */
#define INPUT 0            /* the stream that is read; 1 and 2 are written */
#define DEVICE 0x5169      /* what STATUS calls it */
#define OUTPUT_ROOM 16384u /* bytes to be sent; a power of two */
#define SENT_WAIT 1000000  /* nanoseconds between looks at whether the last bytes have left */
#define SENT_LOOKS 200

enum slots { SLOT_PORTS = 3, SLOT_INTERRUPT = 4, SLOT_EVENTS = 5 };

static struct lock serial_lock;
static uint32_t ports, endpoint_of_input;
static uint32_t events; /* 0: nobody hears of them any more */
static struct line line;
static uint64_t window_size;
static uint8_t enabled;  /* what the interrupt enable register holds */
static uint32_t at_once; /* bytes that the device takes when it is empty */
static uint8_t output[OUTPUT_ROOM];
static uint32_t output_tail, output_head; /* counted without end */
static uint32_t output_turn;              /* grows whenever there is new room; writers wait on it */
static struct service_buffer parked;      /* a read that waits for input */
static struct signet_device_request parked_request;
static bool is_parked;
static uint32_t events_pending; /* bits */
static bool event_told;         /* and not taken yet */

/* ---- The device ---- */

/* As on a bus, what nobody answers is all ones. */
static uint8_t in(uint32_t port) {
  struct signet_device_request request = {.operation = SIGNET_PORTS_READ, .arguments = {port, 1}};
  struct signet_result result = signet_device_request(ports, &request);
  return result.status == SIGNET_OK ? (uint8_t)result.value : 0xff;
}

static void out(uint32_t port, uint8_t value) {
  struct signet_device_request request = {.operation = SIGNET_PORTS_WRITE, .arguments = {port, 1, value}};
  signet_device_request(ports, &request);
}

static void enable(uint8_t bits) {
  if (bits == enabled)
    return;
  enabled = bits;
  out(INTERRUPT_ENABLE, bits);
}

/* Gives the device what it takes now; it interrupts when it takes more. */
static void pump(void) {
  while (output_tail != output_head) {
    if (!(in(LINE_STATUS)&STATUS_EMPTY)) {
      enable(enabled | ENABLE_EMPTY);
      return;
    }
    uint32_t from = output_tail % OUTPUT_ROOM, count = output_head - output_tail;
    if (count > at_once)
      count = at_once;
    if (count > OUTPUT_ROOM - from)
      count = OUTPUT_ROOM - from;
    struct signet_device_request request = {.operation = SIGNET_PORTS_WRITE_BYTES,
                                            .buffer_offset = service_offset(output + from),
                                            .buffer_length = count,
                                            .arguments = {DATA}};
    if (signet_device_request(ports, &request).status != SIGNET_OK)
      count = output_head - output_tail; /* it is gone: so is what was to be sent */
    output_tail += count;
    output_turn++;
    signet_word_wake(&output_turn, UINT32_MAX);
  }
  enable(enabled & (uint8_t)~ENABLE_EMPTY);
}

/* ---- Events ---- */

static void tell_event(void) {
  struct {
    struct signet_message message;
    struct events_event event;
  } told = {.message = {.tag = EVENTS_EVENT, .length = sizeof told.event}};
  if (!events || event_told || !events_pending)
    return;
  told.event.event = (uint32_t)__builtin_ctz(events_pending);
  events_pending &= events_pending - 1;
  event_told = true;
  signet_channel_send(events, &told.message);
}

void serial_event_taken(void) {
  lock_take(&serial_lock);
  event_told = false;
  tell_event();
  lock_give(&serial_lock);
}

void serial_events_gone(void) {
  lock_take(&serial_lock);
  events = 0;
  lock_give(&serial_lock);
}

/* ---- Output ---- */

static uint32_t room(void) { return OUTPUT_ROOM - (output_head - output_tail); }

static void put(const uint8_t *bytes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    output[output_head++ % OUTPUT_ROOM] = bytes[i];
}

/* What the terminal shows of its own input; when there is no room, it does not. */
static void echo(struct line *from, const uint8_t *bytes, uint32_t count) {
  (void)from;
  if (room() >= count)
    put(bytes, count);
}

/* Takes at least one byte: waits for room. */
static uint32_t write_some(uint32_t stream, const uint8_t *bytes, uint32_t length) {
  uint8_t sent[LINE_SENT_MOST];
  uint32_t done = 0;
  lock_take(&serial_lock);
  while (room() < LINE_SENT_MOST) {
    uint32_t turn = output_turn;
    pump();
    if (room() >= LINE_SENT_MOST)
      break;
    lock_give(&serial_lock);
    signet_word_wait(&output_turn, turn, SIGNET_NEVER);
    lock_take(&serial_lock);
  }
  for (; done < length && room() >= LINE_SENT_MOST; done++)
    put(sent, line_send(&line, stream, bytes[done], sent));
  pump();
  lock_give(&serial_lock);
  return done;
}

void serial_drain(void) {
  uint8_t sent[LINE_SENT_MOST];
  lock_take(&serial_lock);
  for (bool finished = false; !finished || output_tail != output_head;) {
    if (!finished && room() >= LINE_SENT_MOST) {
      put(sent, line_finish(&line, sent));
      finished = true;
    }
    pump();
    if (output_tail == output_head)
      continue;
    /* Looks again and again rather than sleep until the interrupt: nothing else is left to run, and the supervisor
     * counts the time. */
    lock_give(&serial_lock);
    signet_thread_yield();
    lock_take(&serial_lock);
  }
  for (uint32_t i = 0; i < SENT_LOOKS && !(in(LINE_STATUS)&STATUS_SENT); i++)
    signet_word_wait(&output_turn, output_turn, signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + SENT_WAIT);
  lock_give(&serial_lock);
}

/* ---- Input ---- */

static struct signet_result result(enum signet_status status, uint64_t value) {
  return (struct signet_result){status, value};
}
static struct signet_result failure(int error) { return result(SIGNET_DEVICE, (uint64_t)error); }

/* Bytes may be received again once some were read. */
static struct signet_result read_line(const struct signet_device_request *request) {
  uint32_t count = line_read(&line, (uint8_t *)(uintptr_t)request->buffer_offset, request->buffer_length);
  enable(enabled | ENABLE_RECEIVED);
  return result(SIGNET_OK, count);
}

static void answer_parked(void) {
  if (!is_parked || !line_ready(&line))
    return;
  is_parked = false;
  stream_answer(&parked, &parked_request, read_line(&parked_request));
  signet_channel_send(endpoint_of_input, &parked.message);
}

static void receive(void) {
  for (uint32_t turn = 0; turn < TURNS_MOST && (in(LINE_STATUS)&STATUS_RECEIVED); turn++) {
    if (line.framed && !line_has_room(&line)) {
      /* They are kept by whoever sends them, who is not to send more than the device holds. */
      enable(enabled & (uint8_t)~ENABLE_RECEIVED);
      break;
    }
    uint32_t event = line_receive(&line, in(DATA));
    if (event) {
      events_pending |= 1u << event;
      tell_event();
    }
  }
  answer_parked();
  pump(); /* the echo */
}

void serial_interrupt(void) {
  lock_take(&serial_lock);
  for (uint32_t turn = 0; turn < TURNS_MOST; turn++) {
    uint8_t identity = in(INTERRUPT_IDENTITY);
    if (identity & IDENTITY_NONE)
      break;
    in(MODEM_STATUS); /* and so it no longer interrupts */
    receive();
  }
  lock_give(&serial_lock);
}

/* ---- Requests ---- */

static struct signet_result give_status(const struct signet_device_request *request) {
  struct signet_file_status status = {.device = DEVICE, .inode = 1, .links = 1};
  status.mode = line.framed ? S_IFIFO | 0600 : S_IFCHR | 0620;
  memcpy((void *)(uintptr_t)request->buffer_offset, &status, sizeof status);
  return result(SIGNET_OK, line.framed ? SIGNET_STREAM_IS_PIPE : SIGNET_STREAM_IS_TERMINAL);
}

static struct signet_result set_mode(uint32_t stream, uint64_t mode) {
  if (stream != INPUT || line.framed)
    return failure(ENOTTY);
  if (mode > 1)
    return failure(EINVAL);
  line_set_mode(&line, mode == 1);
  return result(SIGNET_OK, 0);
}

/* As a stream device answers (include/signet/device.h); a read only when there is something. */
static struct signet_result request_stream(uint32_t stream, const struct signet_device_request *request) {
  switch (request->operation) {
  case SIGNET_STREAM_READ:
    return stream == INPUT ? read_line(request) : failure(EBADF);
  case SIGNET_STREAM_STATUS:
    return give_status(request);
  case SIGNET_STREAM_POLL:
    return stream == INPUT ? result(SIGNET_OK, line_ready(&line)) : failure(EBADF);
  case SIGNET_STREAM_WINDOW_SIZE:
    return result(SIGNET_OK, line.framed ? 0 : window_size);
  case SIGNET_STREAM_TERMINAL_MODE:
    return set_mode(stream, request->arguments[0]);
  case SIGNET_STREAM_SEEK:
    return failure(ESPIPE);
  }
  return result(SIGNET_UNSUPPORTED, 0);
}

bool serial_serve(uint32_t stream, struct service_buffer *buffer) {
  struct signet_device_request request;
  struct signet_result outcome;
  if (!stream_ask(buffer, &request))
    return true;
  if (request.operation == SIGNET_STREAM_WRITE) {
    const uint8_t *bytes = (const uint8_t *)(uintptr_t)request.buffer_offset;
    outcome = stream == INPUT ? failure(EBADF) : result(SIGNET_OK, write_some(stream, bytes, request.buffer_length));
    stream_answer(buffer, &request, outcome);
    return true;
  }
  lock_take(&serial_lock);
  bool waits = request.operation == SIGNET_STREAM_READ && stream == INPUT && !line_ready(&line);
  if (waits) {
    memcpy(&parked, buffer, SIGNET_MESSAGE_DATA + FILES_REQUEST);
    stream_ask(&parked, &parked_request);
    is_parked = true;
  } else {
    outcome = request_stream(stream, &request);
    stream_answer(buffer, &request, outcome);
  }
  lock_give(&serial_lock);
  return !waits;
}

void serial_gone(uint32_t stream) {
  lock_take(&serial_lock);
  if (stream == INPUT)
    is_parked = false;
  lock_give(&serial_lock);
}

/* ---- The beginning ---- */

static bool is_16550(void) {
  for (uint32_t value = 0x5a; value < 0x100; value += 0x4b) { /* 5a, a5, f0 */
    out(SCRATCH, (uint8_t)value);
    if (in(SCRATCH) != value)
      return false;
  }
  return true;
}

uint32_t serial_begin(const struct signet_startup *startup) {
  const struct services_serial *bytes = (const void *)(uintptr_t)startup->bytes_offset;
  uint8_t sent[LINE_SENT_MOST];
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->slots != SERVICES_SERIAL_SLOTS ||
      startup->bytes_length != sizeof *bytes || bytes->version != SERVICES_SERIAL_VERSION ||
      (bytes->flags & ~SERVICES_SERIAL_FRAMED) || bytes->columns > UINT16_MAX || bytes->rows > UINT16_MAX)
    return SERVICES_END_STARTUP;
  endpoint_of_input = startup->handles[INPUT];
  ports = startup->handles[SLOT_PORTS];
  events = startup->handles[SLOT_EVENTS];
  line = (struct line){.framed = bytes->flags & SERVICES_SERIAL_FRAMED, .echo = echo};
  window_size = bytes->columns && bytes->rows ? (uint64_t)bytes->rows << 32 | bytes->columns : 24ull << 32 | 80;
  out(INTERRUPT_ENABLE, 0);
  if (!is_16550())
    return SERVICES_END_DEVICE;
  out(LINE_CONTROL, LINE_DIVISOR);
  out(DIVISOR_LOW, 1); /* 115,200 */
  out(DIVISOR_HIGH, 0);
  out(LINE_CONTROL, LINE_8N1);
  out(FIFO_CONTROL, FIFO_ON_AT_14);
  out(MODEM_CONTROL, MODEM_READY);
  at_once = (in(INTERRUPT_IDENTITY)&IDENTITY_FIFOS) == IDENTITY_FIFOS ? FIFO : 1;
  put(sent, line_begin(&line, sent));
  enabled = 0;
  enable(ENABLE_RECEIVED);
  pump();
  return 0;
}
