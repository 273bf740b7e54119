/* What all devices share: the way to each, and what they answer alike. Any processor. */
#include <sys/stat.h>

#include <signet/device.h>

#include "port/linux/linux.h"

bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  bool answered = device->request(device, request, result);
  linux_clear_vectors();
  return answered;
}

void port_device_forget(struct port_device *device, void *thread) {
  if (device->forget)
    device->forget(device, thread);
  linux_poller_forget(thread);
}

void port_device_reset(struct port_device *device) {
  if (device->reset)
    device->reset(device);
  linux_clear_vectors();
}

void port_device_close(struct port_device *device) {
  device->close(device);
  linux_clear_vectors();
}

struct signet_result linux_device_error(int error) {
  return (struct signet_result){SIGNET_DEVICE, (uint64_t)error};
}

static uint64_t nanoseconds(const struct timespec *time) {
  return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

void linux_fill_status(struct signet_file_status *status, const struct stat *from) {
  *status = (struct signet_file_status){.device = from->st_dev,
                                        .inode = from->st_ino,
                                        .mode = from->st_mode,
                                        .links = (uint32_t)from->st_nlink,
                                        .size = (uint64_t)from->st_size,
                                        .blocks = (uint64_t)from->st_blocks,
                                        .accessed = nanoseconds(&from->st_atim),
                                        .modified = nanoseconds(&from->st_mtim),
                                        .changed = nanoseconds(&from->st_ctim)};
}
