/* Owns the devices that are granted on the bare machine: ports, interrupts, the archive, power. Requests come without
 * the kernel lock, on the processor of the calling thread, whose process cannot run elsewhere meanwhile. */
#include "port/pc/archive.h"
#include "port/pc/instructions.h"
#include "port/pc/pc.h"

#include <signet/device.h>
#include <signet/system.h>

#define NO_ENTRY 2 /* ENOENT, as Linux numbers it */
#define DAMAGED 5  /* EIO */
#define READ_MOST 65536
#define WRITE_MOST 4096
#define ENDINGS_MOST (SIGNET_SYSTEM_PROCESSES_MOST * sizeof(struct signet_system_ending))
#define DEBUG_CONSOLE 0xe9

struct port_device {
  uint32_t kind; /* enum signet_boot_device_kind */
  uint32_t first, count;
};

/* One waiter a line: the device has one holder, and its threads take turns. */
static struct {
  _Atomic uint64_t arrived; /* since the last answer */
  _Atomic uint64_t ticket;  /* of the request that waits, 0: none */
} lines[PC_DEVICE_LINES];
static _Atomic uint32_t noted; /* bit per line whose waiter is to be told */

static struct port_device made[SIGNET_BOOT_DEVICES_MOST];
static uint32_t made_count;

struct port_device *pc_device_create(const struct signet_boot_device *row) {
  if (made_count == SIGNET_BOOT_DEVICES_MOST)
    return NULL;
  struct port_device *device = &made[made_count++];
  *device = (struct port_device){.kind = row->kind, .first = row->first, .count = row->count};
  if (row->kind == SIGNET_BOOT_INTERRUPT)
    pc_apic_line(row->first, true);
  return device;
}

/* Of the interrupts that the last holder has not asked for, the next hears nothing. The line stays open, as it was
 * made: it is an edge that interrupts, so a source that nobody serves is heard once. Ports, the archive and the power
 * keep nothing here. */
void port_device_reset(struct port_device *device) {
  if (device->kind == SIGNET_BOOT_INTERRUPT)
    lines[device->first].arrived = 0;
}

void port_device_close(struct port_device *device) {
  if (device->kind == SIGNET_BOOT_INTERRUPT)
    pc_apic_line(device->first, false);
}

static struct signet_result answer(int64_t status, uint64_t value) { return (struct signet_result){status, value}; }

/* ---- Ports ---- */

static struct signet_result write_bytes(uint16_t number, const struct port_request *request) {
  uint8_t bytes[64];
  uint32_t done = 0;
  if (request->buffer_length > WRITE_MOST)
    return answer(SIGNET_ARGUMENT, 0);
  while (done < request->buffer_length) {
    uint32_t part = request->buffer_length - done;
    if (part > sizeof bytes)
      part = sizeof bytes;
    if (!port_copy_in(bytes, request->window, request->buffer_offset + done, part))
      return done ? answer(SIGNET_OK, done) : answer(SIGNET_ADDRESS, 0);
    for (uint32_t i = 0; i < part; i++)
      pc_out8(number, bytes[i]);
    done += part;
  }
  return answer(SIGNET_OK, done);
}

static struct signet_result ports(const struct port_device *device, const struct port_request *request) {
  if (request->operation < SIGNET_PORTS_READ || request->operation > SIGNET_PORTS_WRITE_BYTES)
    return answer(SIGNET_UNSUPPORTED, 0);
  uint64_t port = request->arguments[0];
  uint64_t size = request->operation == SIGNET_PORTS_WRITE_BYTES ? 1 : request->arguments[1];
  if ((size != 1 && size != 2 && size != 4) || port >= device->count || size > device->count - port)
    return answer(SIGNET_ARGUMENT, 0);
  uint16_t number = (uint16_t)(device->first + port);
  if (number % size)
    return answer(SIGNET_ARGUMENT, 0);
  if (request->operation == SIGNET_PORTS_WRITE_BYTES)
    return write_bytes(number, request);
  if (request->operation == SIGNET_PORTS_READ)
    return answer(SIGNET_OK, size == 1 ? pc_in8(number) : size == 2 ? pc_in16(number) : pc_in32(number));
  uint32_t value = (uint32_t)request->arguments[2];
  if (size == 1)
    pc_out8(number, (uint8_t)value);
  else if (size == 2)
    pc_out16(number, (uint16_t)value);
  else
    pc_out32(number, value);
  return answer(SIGNET_OK, 0);
}

/* ---- Interrupts ---- */

/* The ticket stands before the count is looked at: an interrupt that comes between finds it. */
static bool wait_for_line(uint32_t line, const struct port_request *request, struct signet_result *result) {
  lines[line].ticket = (uintptr_t)request->thread;
  uint64_t arrived = atomic_exchange(&lines[line].arrived, 0);
  if (!arrived)
    return false;
  lines[line].ticket = 0;
  *result = answer(SIGNET_OK, arrived);
  return true;
}

void pc_device_interrupt(uint32_t line) {
  lines[line].arrived++;
  noted |= 1u << line;
}

void pc_device_settle(void) {
  if (!noted)
    return;
  for (uint32_t todo = atomic_exchange(&noted, 0); todo; todo &= todo - 1) {
    uint64_t ticket = atomic_exchange(&lines[__builtin_ctz(todo)].ticket, 0);
    if (ticket)
      kernel_device_ready((void *)(uintptr_t)ticket);
  }
}

void port_device_forget(struct port_device *device, void *thread) {
  if (device->kind != SIGNET_BOOT_INTERRUPT)
    return;
  uint64_t ticket = (uintptr_t)thread;
  atomic_compare_exchange_strong(&lines[device->first].ticket, &ticket, 0);
}

/* ---- The archive ---- */

static struct signet_result archive(const struct port_request *request) {
  const struct signet_boot_entry *entry = pc_archive_entry(request->arguments[0]);
  if (!entry)
    return answer(SIGNET_DEVICE, NO_ENTRY);
  if (request->operation == SIGNET_ARCHIVE_STATUS) {
    if (request->buffer_length >= sizeof entry->name &&
        !port_copy_out(request->window, request->buffer_offset, entry->name, sizeof entry->name))
      return answer(SIGNET_ADDRESS, 0);
    return answer(SIGNET_OK, entry->length);
  }
  if (request->operation != SIGNET_ARCHIVE_READ)
    return answer(SIGNET_UNSUPPORTED, 0);
  const uint8_t *bytes = pc_archive_bytes((uint32_t)request->arguments[0]);
  if (!bytes)
    return answer(SIGNET_DEVICE, DAMAGED);
  uint64_t offset = request->arguments[1];
  uint64_t length = offset < entry->length ? entry->length - offset : 0;
  if (length > request->buffer_length)
    length = request->buffer_length;
  if (length > READ_MOST)
    length = READ_MOST;
  if (length && !port_copy_out(request->window, request->buffer_offset, bytes + offset, length))
    return answer(SIGNET_ADDRESS, 0);
  return answer(SIGNET_OK, length);
}

/* ---- Power ---- */

/* What holds when everything has happened that this boot will see. */
static void final_check(void) {
  const char *broken = pc_seal_check();
  if (!broken)
    broken = kernel_check_invariants();
  if (broken)
    pc_panic("%s", broken);
  pc_print("signet: checked: the seal and every invariant hold\n");
}

/* Of whoever ends the machine, for people: nothing that moves a terminal's cursor. */
static void print_line(const char *text) {
  pc_print("signet: ");
  for (; *text; text++)
    pc_print("%c", *text >= ' ' && *text <= '~' ? *text : '?');
  pc_print("\n");
}

/* To whoever started the machine, where it listens (a port that answers with its own number); else in words. */
static struct signet_result power(const struct port_request *request) {
  static _Alignas(8) uint8_t endings[ENDINGS_MOST];
  if (request->operation != SIGNET_POWER_END)
    return answer(SIGNET_UNSUPPORTED, 0);
  if (request->buffer_length < sizeof(struct signet_ending) || request->buffer_length > sizeof endings)
    return answer(SIGNET_ARGUMENT, 0);
  if (!port_copy_in(endings, request->window, request->buffer_offset, request->buffer_length))
    return answer(SIGNET_ADDRESS, 0);
  if (*request->text)
    print_line(request->text);
  if (pc_options.check)
    final_check();
  if (pc_options.figures)
    pc_figures("at the end");
  if (pc_in8(DEBUG_CONSOLE) == DEBUG_CONSOLE) {
    for (uint32_t i = 0; i < request->buffer_length; i++)
      pc_out8(DEBUG_CONSOLE, endings[i]);
  } else {
    const struct signet_ending *first = (const struct signet_ending *)endings;
    pc_print("signet: ended: kind %u, code %u\n", first->kind, first->code);
  }
  pc_end(0);
}

bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  static const uint8_t identity[] = {
      [SIGNET_BOOT_PORTS] = SIGNET_DEVICE_PORTS,
      [SIGNET_BOOT_INTERRUPT] = SIGNET_DEVICE_INTERRUPT,
      [SIGNET_BOOT_ARCHIVE] = SIGNET_DEVICE_ARCHIVE,
      [SIGNET_BOOT_POWER] = SIGNET_DEVICE_POWER,
  };
  if (request->operation == SIGNET_DEVICE_IDENTIFY) {
    *result = answer(SIGNET_OK, identity[device->kind]);
    return true;
  }
  switch ((enum signet_boot_device_kind)device->kind) {
  case SIGNET_BOOT_PORTS:
    *result = ports(device, request);
    return true;
  case SIGNET_BOOT_INTERRUPT:
    if (request->operation == SIGNET_INTERRUPT_WAIT)
      return wait_for_line(device->first, request, result);
    break;
  case SIGNET_BOOT_ARCHIVE:
    *result = archive(request);
    return true;
  case SIGNET_BOOT_POWER:
    *result = power(request);
    return true;
  }
  *result = answer(SIGNET_UNSUPPORTED, 0);
  return true;
}
