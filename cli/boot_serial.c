/* Owns the meaning of bytes on a machine's serial line (services/services.h): which stream what comes belongs to, and
 * how standard input, its end and events are sent. No system calls. One thread. */
#include <string.h>

#include "cli/boot.h"
#include "services/services.h"

#define ESCAPE 0x1d /* ^] */

static void put(struct boot_output *output, uint32_t at, uint8_t byte) {
  struct boot_run *run = &output->runs[output->run_count];
  if (!output->run_count || run[-1].stream != output->stream) {
    *run = (struct boot_run){.stream = output->stream};
    output->run_count++;
  }
  output->runs[output->run_count - 1].length++;
  output->bytes[at] = byte;
}

/* The byte after SERVICES_FRAME. True: it stands for a byte. */
static bool frame(struct boot_output *output, uint8_t byte) {
  switch (byte) {
  case SERVICES_FRAME_OUTPUT:
    output->stream = BOOT_STREAM_OUTPUT;
    output->ready = true;
    return false;
  case SERVICES_FRAME_ERROR:
    output->stream = BOOT_STREAM_ERROR;
    output->ready = true;
    return false;
  case SERVICES_FRAME_KERNEL:
    output->stream = BOOT_STREAM_KERNEL;
    return false;
  }
  return true;
}

void boot_output_take(struct boot_output *output, const uint8_t *bytes, uint32_t length) {
  uint32_t at = 0;
  output->run_count = 0;
  for (uint32_t i = 0; i < length; i++) {
    bool framed = !output->terminal || !output->ready;
    if (output->escaped) {
      output->escaped = false;
      if (frame(output, bytes[i]))
        put(output, at++, bytes[i]);
    } else if (framed && bytes[i] == SERVICES_FRAME) {
      output->escaped = true;
    } else if (!(framed && output->stream == BOOT_STREAM_KERNEL && !output->terminal && bytes[i] == '\r')) {
      /* The kernel ends its lines as terminals want it. */
      put(output, at++, bytes[i]);
    }
  }
}

static void send(struct boot_input *input, uint8_t byte) { input->bytes[input->length++] = byte; }

static void take_key(struct boot_input *input, uint8_t key) {
  if (input->escaped) {
    input->escaped = false;
    input->quit |= key == 'x';
    if (key != ESCAPE)
      send(input, ESCAPE);
    send(input, key);
  } else if (key == ESCAPE) {
    input->escaped = true;
  } else {
    send(input, key);
  }
}

void boot_input_take(struct boot_input *input, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    if (input->terminal) {
      take_key(input, bytes[i]);
    } else {
      if (bytes[i] == SERVICES_FRAME)
        send(input, SERVICES_FRAME);
      send(input, bytes[i]);
    }
  }
}

void boot_input_end(struct boot_input *input) {
  send(input, SERVICES_FRAME);
  send(input, SERVICES_FRAME_END);
}

void boot_input_event(struct boot_input *input, uint32_t event) {
  send(input, SERVICES_FRAME);
  send(input, (uint8_t)(SERVICES_FRAME_EVENT + event));
}
