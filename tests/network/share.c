/* Two clients of one network service in one process, which is its parent too: they share what the service has. Commands
 * are bytes of standard input, answers are lines:
 *
 *   a  both accept whom they can; how many that were
 *   c  the first connects to the port that follows, in digits and a new line; the error
 *   d  the second connects to somebody who does not answer, which it tells, and is told the error, and whom it accepted
 *   q  ends
 *
 * Slots: archive, network device, stream. */
#include <string.h>

#include <signet/calls.h>
#include <signet/device.h>
#include <signet/image.h>

#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/supervision.h"

enum { ARCHIVE, NETWORK, STREAM };
enum { IMAGE_NETWORK = 1 };
#define PATIENCE 3000000000ull
#define MOMENT 300000000ull

_Noreturn void service_main(const struct signet_startup *startup);

static const struct signet_startup *given;
static uint32_t client[2], listener[2];
static union {
  struct signet_message message;
  struct network_buffer network;
  struct listener_buffer listener;
} buffer;

static struct signet_result ask(uint32_t slot, uint32_t operation, void *bytes, uint32_t length, uint64_t first,
                                uint64_t second) {
  struct signet_device_request request = {.operation = operation,
                                          .buffer_offset = (uint32_t)(uintptr_t)bytes,
                                          .buffer_length = length,
                                          .arguments = {first, second}};
  return signet_device_request(given->handles[slot], &request);
}

static uint64_t must(struct signet_result result, uint32_t code) {
  if (result.status != SIGNET_OK)
    signet_process_exit(SIGNET_ENDED_EXIT, code);
  return result.value;
}

/* Text in which each '#' is the next number. */
static void say(const char *text, uint64_t first, uint64_t second) {
  char line[64];
  uint32_t length = 0;
  for (; *text; text++) {
    if (*text != '#') {
      line[length++] = *text;
      continue;
    }
    char digits[20];
    uint32_t count = 0;
    do
      digits[count++] = (char)('0' + first % 10);
    while (first /= 10);
    while (count)
      line[length++] = digits[--count];
    first = second;
  }
  line[length++] = '\n';
  must(ask(STREAM, SIGNET_STREAM_WRITE, line, length, 0, 0), 2);
}

static uint64_t after(uint64_t duration) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + duration; }

static uint32_t load(uint32_t entry) {
  uint64_t length = must(ask(ARCHIVE, SIGNET_ARCHIVE_STATUS, NULL, 0, entry, 0), 3);
  uint64_t block = must(signet_block_allocate(length), 4);
  for (uint64_t at = 0; at < length;)
    at += must(
        ask(ARCHIVE, SIGNET_ARCHIVE_READ, (uint8_t *)(uintptr_t)(block >> 32) + at, (uint32_t)(length - at), entry, at),
        5);
  return (uint32_t)must(signet_image_load((uint32_t)block, length), 6);
}

static void start_service(void) {
  static struct {
    struct signet_program head;
    char strings[40];
  } startup = {{.version = SIGNET_PROGRAM_VERSION, .slots = 4}, "/\0network\0supervision\0one\0two"};
  struct signet_process_specification specification = {
      .image = load(IMAGE_NETWORK),
      .slots = 4,
      .startup_offset = (uint32_t)(uintptr_t)&startup,
      .startup_length = sizeof startup,
      .stack = 64 << 10,
      .quota = {.memory = 16 << 20, .threads = 4, .handles = 256, .regions = 256},
      .name = "network",
  };
  uint32_t service = (uint32_t)must(signet_process_create(&specification), 7);
  uint64_t supervised = must(signet_channel_create(&supervision_contract.contract, SUPERVISION_CONTRACT_LENGTH), 8);
  must(signet_process_grant(service, 0, given->handles[NETWORK]), 9);
  must(signet_process_grant(service, 1, (uint32_t)supervised), 9);
  for (uint32_t i = 0; i < 2; i++) {
    uint64_t ends = must(signet_channel_create(&network_contract.contract, NETWORK_CONTRACT_LENGTH), 8);
    client[i] = (uint32_t)ends;
    must(signet_process_grant(service, 2 + i, (uint32_t)(ends >> 32)), 9);
  }
  must(signet_process_start(service), 10);
}

static uint16_t listen_at(uint32_t number) {
  struct signet_network_listener place;
  must(ask(NETWORK, SIGNET_NETWORK_LISTENER, &place, sizeof place, number, 0), 11);
  return place.address.port;
}

static void listen_begin(uint32_t number, uint16_t port) {
  network_put_LISTEN(&buffer.network, &(struct network_LISTEN){.port = port, .address = ""});
  must(signet_channel_send(client[number], &buffer.message), 12);
  must(signet_channel_receive(&client[number], 1, &buffer.message, sizeof buffer, after(PATIENCE)), 13);
  if (buffer.message.tag != NETWORK_LISTENING)
    signet_process_exit(SIGNET_ENDED_EXIT, 14);
  listener[number] = buffer.message.moved[0].handle;
}

static void accept_next(uint32_t number) {
  listener_put_ACCEPT(&buffer.listener);
  must(signet_channel_send(listener[number], &buffer.message), 15);
}

/* Takes what comes until nothing does; one is asked for all the time. */
static void accept_all(void) {
  uint64_t count[2] = {0, 0};
  for (;;) {
    struct signet_result result = signet_channel_receive(listener, 2, &buffer.message, sizeof buffer, after(MOMENT));
    if (result.status != SIGNET_OK)
      break;
    if (buffer.message.tag != LISTENER_ACCEPTED)
      signet_process_exit(SIGNET_ENDED_EXIT, 16);
    count[result.value]++;
    accept_next((uint32_t)result.value);
  }
  say("accepted # #", count[0], count[1]);
}

static char byte_read(void) {
  char byte = 0;
  must(ask(STREAM, SIGNET_STREAM_READ, &byte, 1, 0, 0), 19);
  return byte;
}

static void connect_begin(uint32_t number) {
  static const char host[] = "127.0.0.1";
  uint16_t port = 0;
  for (char digit; (digit = byte_read()) >= '0';)
    port = (uint16_t)(port * 10 + digit - '0');
  network_put_CONNECT(
      &buffer.network,
      &(struct network_CONNECT){.deadline = after(MOMENT), .port = port, .host = host, .host_length = sizeof host - 1});
  must(signet_channel_send(client[number], &buffer.message), 17);
}

/* 0: no error. */
static uint32_t connect_end(uint32_t number) {
  uint32_t error = 0;
  must(signet_channel_receive(&client[number], 1, &buffer.message, sizeof buffer, after(PATIENCE)), 18);
  if (buffer.message.tag == NETWORK_FAILED)
    memcpy(&error, buffer.network.data, sizeof error);
  return error;
}

static void connect_in_vain(void) {
  connect_begin(1);
  say("connecting", 0, 0);
  uint32_t error = connect_end(1);
  struct signet_result result =
      signet_channel_receive(&listener[1], 1, &buffer.message, sizeof buffer, after(PATIENCE));
  say("failed #, accepted #", error, result.status == SIGNET_OK && buffer.message.tag == LISTENER_ACCEPTED);
}

void service_main(const struct signet_startup *startup) {
  given = startup;
  uint16_t ports[2] = {listen_at(0), listen_at(1)};
  start_service();
  for (uint32_t i = 0; i < 2; i++) {
    listen_begin(i, ports[i]);
    accept_next(i);
  }
  say("ports # #", ports[0], ports[1]);
  for (;;) {
    switch (byte_read()) {
    case 'a':
      accept_all();
      break;
    case 'c':
      connect_begin(0);
      say("failed #", connect_end(0), 0);
      break;
    case 'd':
      connect_in_vain();
      break;
    default:
      signet_process_exit(SIGNET_ENDED_EXIT, 0);
    }
  }
}
