/* Takes the serial driver's place on the bare machine and asks for what its manifest does not grant: ports beside its
 * own, the other devices' operations, handles of others. Every answer must be an error and nothing else must happen.
 * Writes TAP to the line that it was given. */
#include <stddef.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "services/services.h"

#define BASE 0x3f8 /* the first that was granted */
#define LOOKED_AT 64
#define LINE_STATUS 5
#define EMPTY 0x20

_Noreturn void service_main(const struct signet_startup *startup);

static uint32_t ports, interrupt_line, events;
static uint32_t granted; /* ports, by what can be read */
static uint32_t tests, failures;

static struct signet_result ask(uint32_t device, uint32_t operation, uint64_t a, uint64_t b, uint64_t c,
                                uint32_t buffer, uint32_t length) {
  struct signet_device_request request = {
      .operation = operation, .buffer_offset = buffer, .buffer_length = length, .arguments = {a, b, c}};
  return signet_device_request(device, &request);
}

static void put(char byte) {
  while (!(ask(ports, SIGNET_PORTS_READ, LINE_STATUS, 1, 0, 0, 0).value & EMPTY))
    ;
  ask(ports, SIGNET_PORTS_WRITE, 0, 1, (uint8_t)byte, 0, 0);
}

static void print(const char *text) {
  while (*text)
    put(*text++);
}

static void print_number(uint64_t number) {
  if (number >= 10)
    print_number(number / 10);
  put((char)('0' + number % 10));
}

static void ok(int good, const char *name) {
  print(good ? "ok " : "not ok ");
  print_number(++tests);
  print(" - ");
  print(name);
  print("\n");
  failures += !good;
}

/* Not granted, however it is said: refused for reading and writing. */
static void port_refused(uint64_t port, uint64_t size, const char *name) {
  static const uint8_t bytes[4] = {0};
  int64_t read = ask(ports, SIGNET_PORTS_READ, port, size, 0, 0, 0).status;
  int64_t write = ask(ports, SIGNET_PORTS_WRITE, port, size, 0, 0, 0).status;
  int64_t many = size == 1 ? ask(ports, SIGNET_PORTS_WRITE_BYTES, port, 0, 0, (uint32_t)(uintptr_t)bytes, 4).status
                           : SIGNET_ARGUMENT;
  ok(read == SIGNET_ARGUMENT && write == SIGNET_ARGUMENT && many == SIGNET_ARGUMENT, name);
}

static void test_ports(void) {
  while (granted < LOOKED_AT && ask(ports, SIGNET_PORTS_READ, granted, 1, 0, 0, 0).status == SIGNET_OK)
    granted++;
  print("# granted ");
  print_number(granted);
  print("\n");
  ok(ask(ports, SIGNET_PORTS_READ, LINE_STATUS, 1, 0, 0, 0).status == SIGNET_OK, "a port that was granted");
  port_refused(granted, 1, "the first port past the range");
  port_refused(granted - 1, 2, "two bytes, the second past the range");
  port_refused(granted & ~3u, 4, "four bytes, not all within the range");
  port_refused(1, 2, "two bytes at an odd port");
  port_refused(2, 4, "four bytes at a port that is no multiple of four");
  port_refused(0, 0, "no bytes");
  port_refused(0, 3, "three bytes");
  port_refused(0, 8, "eight bytes");
  port_refused(0, UINT64_MAX, "2^64 - 1 bytes");
  port_refused(UINT64_MAX, 1, "port 2^64 - 1");
  port_refused(UINT64_MAX, 2, "port 2^64 - 1, two bytes");
  port_refused((uint64_t)0xf4 - BASE, 4, "the port that ends the machine, by wrapping 64 bits");
  port_refused((uint32_t)(0xf4 - BASE), 4, "by wrapping 32 bits");
  port_refused((uint16_t)(0xf4 - BASE), 4, "by wrapping 16 bits");
  port_refused((uint16_t)(0x64 - BASE), 1, "the port that resets the machine");
  port_refused(0x10000, 1, "the first port again, 64 Ki higher");
  port_refused(UINT64_C(1) << 32, 1, "the first port again, 4 Gi higher");
}

static void test_buffers(void) {
  ok(ask(ports, SIGNET_PORTS_WRITE_BYTES, 6, 0, 0, 0x1000, 16).status == SIGNET_ADDRESS, "bytes from the low guard");
  ok(ask(ports, SIGNET_PORTS_WRITE_BYTES, 6, 0, 0, 0xffff8000, 4096).status == SIGNET_ADDRESS,
     "bytes from the high guard");
  ok(ask(ports, SIGNET_PORTS_WRITE_BYTES, 6, 0, 0, 0xfffff800, 4096).status == SIGNET_ADDRESS,
     "bytes past the window's end");
  ok(ask(ports, SIGNET_PORTS_WRITE_BYTES, 6, 0, 0, SIGNET_ENTRY_TABLE, 4097).status == SIGNET_ARGUMENT,
     "more bytes than one request may have");
}

static void test_operations(void) {
  uint8_t buffer[64] __attribute__((aligned(8))) = {0};
  uint32_t at = (uint32_t)(uintptr_t)buffer;
  ok(ask(ports, SIGNET_POWER_END, 0, 0, 0, at, sizeof buffer).status == SIGNET_UNSUPPORTED,
     "ending the machine through the ports");
  ok(ask(interrupt_line, SIGNET_POWER_END, 0, 0, 0, at, sizeof buffer).status == SIGNET_UNSUPPORTED,
     "and through the interrupt");
  ok(ask(ports, SIGNET_ARCHIVE_READ, 0, 0, 0, at, sizeof buffer).status == SIGNET_UNSUPPORTED,
     "reading the archive through the ports");
  ok(ask(interrupt_line, SIGNET_PORTS_READ, 0, 1, 0, 0, 0).status == SIGNET_UNSUPPORTED,
     "a port through the interrupt");
  ok(ask(ports, SIGNET_INTERRUPT_WAIT, 0, 0, 0, 0, 0).status == SIGNET_UNSUPPORTED, "waiting on the ports");
  ok(ask(ports, UINT32_MAX, 0, 0, 0, 0, 0).status == SIGNET_UNSUPPORTED, "an operation that there is not");
  ok(ask(events, SIGNET_PORTS_READ, 0, 1, 0, 0, 0).status == SIGNET_HANDLE, "a port through a channel");
}

/* Every handle that can be: the devices among them are the two that were granted. */
static void test_handles(void) {
  uint32_t devices = 0, others = 0;
  struct signet_handle_information information;
  for (uint32_t generation = 0; generation < 4; generation++)
    for (uint32_t index = 0; index < 4096; index++) {
      uint32_t handle = generation << 16 | index;
      if (signet_handle_query(handle, &information).status != SIGNET_OK)
        continue;
      if (information.kind == SIGNET_KIND_DEVICE)
        devices++;
      else if (information.kind != SIGNET_KIND_CLIENT && information.kind != SIGNET_KIND_SERVER)
        others++;
    }
  ok(devices == 2, "it holds two devices, however handles are forged");
  ok(others == 0, "and beside them only ends of channels");
}

void service_main(const struct signet_startup *startup) {
  ports = startup->handles[3];
  interrupt_line = startup->handles[4];
  events = startup->handles[5];
  put(SERVICES_FRAME);
  put(SERVICES_FRAME_OUTPUT);
  test_ports();
  test_buffers();
  test_operations();
  test_handles();
  print("1..");
  print_number(tests);
  print("\n");
  put(SERVICES_FRAME);
  put(SERVICES_FRAME_KERNEL);
  signet_process_exit(SIGNET_ENDED_EXIT, failures != 0);
}
