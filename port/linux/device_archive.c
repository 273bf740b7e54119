/* Owns archive and power devices: images that the host program holds in memory, for the supervisor to read, and the way
 * in which it tells how the system ended. Called by the process that holds the device, on its processor, without the
 * kernel lock. They keep nothing between requests, but that the system has ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <signet/device.h>
#include <signet/system.h>

#include "port/linux/linux.h"

#define READ_MOST 65536
#define NAME_BYTES 32
#define ENDINGS_MOST (1 + SIGNET_SYSTEM_PROCESSES_MOST) /* a system without a main process has a row more */

struct archive_device {
  struct port_device device;
  uint32_t count;
  struct linux_archive_entry entry[];
};

static struct signet_result archive_status(const struct linux_archive_entry *entry,
                                           const struct port_request *request) {
  char name[NAME_BYTES] = "";
  strncpy(name, entry->name, sizeof name - 1);
  if (request->buffer_length >= sizeof name &&
      !port_copy_out(request->window, request->buffer_offset, name, sizeof name))
    return (struct signet_result){SIGNET_ADDRESS, 0};
  return (struct signet_result){SIGNET_OK, entry->length};
}

static struct signet_result archive_read(const struct linux_archive_entry *entry, const struct port_request *request) {
  uint64_t offset = request->arguments[1];
  uint64_t length = offset < entry->length ? entry->length - offset : 0;
  if (length > request->buffer_length)
    length = request->buffer_length;
  if (length > READ_MOST)
    length = READ_MOST;
  if (length && !port_copy_out(request->window, request->buffer_offset, (const uint8_t *)entry->bytes + offset, length))
    return (struct signet_result){SIGNET_ADDRESS, 0};
  return (struct signet_result){SIGNET_OK, length};
}

static bool archive_request(struct port_device *device, const struct port_request *request,
                            struct signet_result *result) {
  const struct archive_device *archive = (const struct archive_device *)device;
  bool entry = request->operation == SIGNET_ARCHIVE_STATUS || request->operation == SIGNET_ARCHIVE_READ;
  if (request->operation == SIGNET_DEVICE_IDENTIFY)
    *result = (struct signet_result){SIGNET_OK, SIGNET_DEVICE_ARCHIVE};
  else if (!entry)
    *result = (struct signet_result){SIGNET_UNSUPPORTED, 0};
  else if (request->arguments[0] >= archive->count)
    *result = linux_device_error(ENOENT);
  else if (request->operation == SIGNET_ARCHIVE_STATUS)
    *result = archive_status(&archive->entry[request->arguments[0]], request);
  else
    *result = archive_read(&archive->entry[request->arguments[0]], request);
  return true;
}

static void archive_close(struct port_device *device) { free(device); }

struct port_device *linux_archive_device(const struct linux_archive_entry *entries, uint32_t count,
                                         const char **problem) {
  struct archive_device *archive = malloc(sizeof *archive + count * sizeof *entries);
  *problem = "no memory for an archive";
  if (!archive)
    return NULL;
  archive->device = (struct port_device){.request = archive_request, .close = archive_close};
  archive->count = count;
  memcpy(archive->entry, entries, count * sizeof *entries);
  return &archive->device;
}

/* ---- Power ---- */

struct power_device {
  struct port_device device;
  linux_power_callback *callback;
  void *context;
  _Atomic bool ended;
};

static bool power_request(struct port_device *device, const struct port_request *request,
                          struct signet_result *result) {
  struct power_device *power = (struct power_device *)device;
  struct signet_system_ending endings[ENDINGS_MOST];
  uint32_t length = request->buffer_length;
  if (request->operation == SIGNET_DEVICE_IDENTIFY) {
    *result = (struct signet_result){SIGNET_OK, SIGNET_DEVICE_POWER};
    return true;
  }
  *result = (struct signet_result){SIGNET_UNSUPPORTED, 0};
  if (request->operation != SIGNET_POWER_END)
    return true;
  *result = (struct signet_result){SIGNET_ARGUMENT, 0};
  if (length == 0 || length > sizeof endings || length % sizeof *endings)
    return true;
  *result = (struct signet_result){SIGNET_ADDRESS, 0};
  if (!port_copy_in(endings, request->window, request->buffer_offset, length))
    return true;
  if (!atomic_exchange(&power->ended, true))
    power->callback(power->context, endings, length / sizeof *endings, request->text);
  return false; /* As a machine that has ended: there is no answer. */
}

static void power_close(struct port_device *device) { free(device); }

struct port_device *linux_power_device(linux_power_callback *callback, void *context, const char **problem) {
  struct power_device *power = calloc(1, sizeof *power);
  *problem = "no memory for a power device";
  if (!power)
    return NULL;
  power->device = (struct port_device){.request = power_request, .close = power_close};
  power->callback = callback;
  power->context = context;
  return &power->device;
}
