/* Owns the poller: the host thread that waits until streams are ready, and what all devices share. Any processor,
 * without the kernel lock, except linux_poller_forget (with it): lock order is kernel lock, then the poller's. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/device.h>

#include "port/linux/linux.h"

#define WAITERS 256

static struct {
  _Atomic uint32_t mutex;
  _Atomic uint32_t ready; /* 1 filtered, 2 failed */
  int event;              /* wakes the poller when the list changes */
  uint32_t count;
  struct {
    int descriptor;
    short events;
    void *thread;
  } waiter[WAITERS];
} poller;

static void poke(void) {
  uint64_t one = 1;
  /* Cannot fail: the counter is far from its limit. */
  if (write(poller.event, &one, sizeof one) < 0)
    linux_panic("the poller cannot be woken");
}

/* Takes the ready ones off the list and tells the kernel. */
static void deliver(const struct pollfd *polled, uint32_t count) {
  port_lock();
  linux_mutex_lock(&poller.mutex);
  for (uint32_t i = 0; i < count; i++) {
    if (!polled[i].revents)
      continue;
    for (uint32_t w = 0; w < poller.count;) {
      if (poller.waiter[w].descriptor == polled[i].fd && (poller.waiter[w].events & polled[i].events)) {
        void *thread = poller.waiter[w].thread;
        poller.waiter[w] = poller.waiter[--poller.count];
        kernel_device_ready(thread);
      } else {
        w++;
      }
    }
  }
  linux_mutex_unlock(&poller.mutex);
  port_unlock();
}

static void *poller_run(void *argument) {
  (void)argument;
  static struct pollfd polled[WAITERS + 1];
  bool filtered = linux_filter_thread(LINUX_THREAD_POLLER);
  atomic_store(&poller.ready, filtered ? 1 : 2);
  linux_futex_wake(&poller.ready, 1);
  for (;;) {
    linux_mutex_lock(&poller.mutex);
    uint32_t count = poller.count;
    for (uint32_t i = 0; i < count; i++)
      polled[i + 1] = (struct pollfd){.fd = poller.waiter[i].descriptor, .events = poller.waiter[i].events};
    linux_mutex_unlock(&poller.mutex);
    polled[0] = (struct pollfd){.fd = poller.event, .events = POLLIN};
    if (poll(polled, count + 1, -1) <= 0)
      continue;
    uint64_t pokes;
    if (polled[0].revents && read(poller.event, &pokes, sizeof pokes) < 0)
      linux_panic("the poller cannot be read");
    deliver(polled + 1, count);
  }
  return NULL;
}

bool linux_poller_start(void) {
  poller.event = eventfd(0, EFD_CLOEXEC);
  if (poller.event < 0 || !linux_thread_start(poller_run, NULL))
    return false;
  while (atomic_load(&poller.ready) == 0)
    linux_futex_wait(&poller.ready, 0, SIGNET_NEVER);
  return atomic_load(&poller.ready) == 1;
}

bool linux_poller_wait(int descriptor, short events, void *thread) {
  linux_mutex_lock(&poller.mutex);
  bool room = poller.count < WAITERS;
  if (room) {
    poller.waiter[poller.count].descriptor = descriptor;
    poller.waiter[poller.count].events = events;
    poller.waiter[poller.count++].thread = thread;
  }
  linux_mutex_unlock(&poller.mutex);
  if (room)
    poke();
  return room;
}

void linux_poller_forget(void *thread) {
  linux_mutex_lock(&poller.mutex);
  for (uint32_t w = 0; w < poller.count;) {
    if (poller.waiter[w].thread == thread)
      poller.waiter[w] = poller.waiter[--poller.count];
    else
      w++;
  }
  linux_mutex_unlock(&poller.mutex);
}

bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  bool answered = device->request(device, request, result);
  linux_clear_vectors();
  return answered;
}

void port_device_forget(struct port_device *device, void *thread) {
  (void)device;
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
