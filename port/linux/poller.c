/* Owns waiting for the host: one epoll descriptor, in which is all that devices wait for. It has no thread: a processor
 * with nothing to do sleeps there; when none does, one that works looks at each tick, and wakes another to take its
 * place, if there is one that sleeps at its futex (linux_cpus_take_over). So what happens is noticed at once where
 * there is a processor for it, and costs those that work nothing. Any processor; lock order is kernel lock, then the
 * poller's, then a device's. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port/linux/linux.h"

#define WAITERS 256
#define SOURCES 64 /* 0: the bell; 1: a descriptor that a request waits for */
#define EVENTS_AT_ONCE 128

static struct {
  _Atomic uint32_t mutex;
  int epoll, bell;    /* the second is in the first, and wakes the processor that sleeps there */
  _Atomic bool used;  /* something was waited for; from then on sleep is here */
  _Atomic bool taken; /* a processor sleeps here */
  bool exact;         /* the host has epoll_pwait2 */
  uint32_t count;
  struct {
    int descriptor;
    uint32_t events;
    void *thread;
  } waiter[WAITERS];
  struct linux_source *source[SOURCES];
} poller;

static uint64_t data_of(uint32_t source, uint32_t number) { return (uint64_t)source << 32 | number; }

void linux_poller_ring(void) {
  uint64_t one = 1;
  /* Each write is an event of its own: nobody has to read them, and the counter lasts longer than the host. */
  if (write(poller.bell, &one, sizeof one) < 0)
    linux_panic("a processor cannot be woken");
}

bool linux_poller_enter(void) {
  return atomic_load_explicit(&poller.used, memory_order_relaxed) && !atomic_exchange(&poller.taken, true);
}

bool linux_poller_abandoned(void) {
  return atomic_load_explicit(&poller.used, memory_order_relaxed) && !atomic_load(&poller.taken);
}

static int wait_for(struct epoll_event *events, uint64_t timeout) {
  if (timeout == SIGNET_NEVER || timeout == 0)
    return epoll_wait(poller.epoll, events, EVENTS_AT_ONCE, timeout ? -1 : 0);
  if (poller.exact) {
    struct timespec limit = {(time_t)(timeout / 1000000000), (long)(timeout % 1000000000)};
    return (int)syscall(SYS_epoll_pwait2, poller.epoll, events, EVENTS_AT_ONCE, &limit, NULL, 0);
  }
  uint64_t milliseconds = timeout / 1000000 + 1;
  return epoll_wait(poller.epoll, events, EVENTS_AT_ONCE, milliseconds > 60000 ? 60000 : (int)milliseconds);
}

/* Lists those of the descriptor that still wait, so that it tells of the next event. False: the host has no room for it
 * (errno), which it has for one that it knows. */
static bool arm(int descriptor) {
  struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = data_of(1, (uint32_t)descriptor)};
  for (uint32_t w = 0; w < poller.count; w++)
    if (poller.waiter[w].descriptor == descriptor)
      event.events |= poller.waiter[w].events;
  return epoll_ctl(poller.epoll, EPOLL_CTL_MOD, descriptor, &event) == 0 ||
         (errno == ENOENT && epoll_ctl(poller.epoll, EPOLL_CTL_ADD, descriptor, &event) == 0);
}

static void descriptor_ready(int descriptor, uint32_t events) {
  bool more = false;
  for (uint32_t w = 0; w < poller.count;) {
    bool its = poller.waiter[w].descriptor == descriptor;
    if (its && (events & (poller.waiter[w].events | EPOLLERR | EPOLLHUP))) {
      void *thread = poller.waiter[w].thread;
      poller.waiter[w] = poller.waiter[--poller.count];
      kernel_device_ready(thread);
    } else {
      more |= its;
      w++;
    }
  }
  if (more)
    arm(descriptor);
}

/* Tells devices and the kernel. Kernel lock. */
static void deliver(const struct epoll_event *events, int count) {
  linux_mutex_lock(&poller.mutex);
  for (int i = 0; i < count; i++) {
    uint32_t source = (uint32_t)(events[i].data.u64 >> 32), number = (uint32_t)events[i].data.u64;
    if (source == 1)
      descriptor_ready((int)number, events[i].events);
    else if (source && poller.source[source])
      poller.source[source]->event(poller.source[source], number, events[i].events);
  }
  linux_mutex_unlock(&poller.mutex);
}

void linux_poller_sleep(struct linux_cpu *cpu, uint64_t timeout) {
  struct epoll_event events[EVENTS_AT_ONCE];
  int count = wait_for(events, timeout);
  atomic_store(&cpu->wake, LINUX_WOKEN);
  atomic_store(&poller.taken, false);
  port_lock();
  if (count > 0)
    deliver(events, count);
}

void linux_poller_look(bool locked) {
  struct epoll_event events[EVENTS_AT_ONCE];
  if (!linux_poller_abandoned())
    return;
  int count = wait_for(events, 0);
  if (count <= 0)
    return;
  if (!locked)
    port_lock();
  deliver(events, count);
  if (!locked)
    port_unlock();
}

bool linux_poller_start(void) {
  struct epoll_event none;
  struct timespec now = {0, 0};
  struct epoll_event ring = {.events = EPOLLIN | EPOLLET, .data.u64 = data_of(0, 0)};
  poller.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  poller.epoll = epoll_create1(EPOLL_CLOEXEC);
  poller.exact = syscall(SYS_epoll_pwait2, poller.epoll, &none, 1, &now, NULL, 0) == 0;
  return poller.bell >= 0 && poller.epoll >= 0 && epoll_ctl(poller.epoll, EPOLL_CTL_ADD, poller.bell, &ring) == 0;
}

/* Who sleeps at the futex goes on to sleep here. */
static void use(void) {
  if (!atomic_load_explicit(&poller.used, memory_order_relaxed) && !atomic_exchange(&poller.used, true))
    linux_cpus_stir();
}

bool linux_poller_wait(int descriptor, uint32_t events, void *thread) {
  linux_mutex_lock(&poller.mutex);
  bool room = poller.count < WAITERS;
  int error = EAGAIN;
  if (room) {
    poller.waiter[poller.count].descriptor = descriptor;
    poller.waiter[poller.count].events = events;
    poller.waiter[poller.count++].thread = thread;
    room = arm(descriptor);
    error = errno;
    poller.count -= !room;
  }
  linux_mutex_unlock(&poller.mutex);
  use();
  errno = error;
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

/* The host may keep the open file that it was, and would go on telling of it. */
void linux_poller_close(int descriptor) { epoll_ctl(poller.epoll, EPOLL_CTL_DEL, descriptor, NULL); }

bool linux_poller_add(struct linux_source *source) {
  linux_mutex_lock(&poller.mutex);
  uint32_t index = 2;
  while (index < SOURCES && poller.source[index])
    index++;
  if (index < SOURCES) {
    poller.source[index] = source;
    source->index = index;
  }
  linux_mutex_unlock(&poller.mutex);
  return index < SOURCES;
}

void linux_poller_remove(struct linux_source *source) {
  linux_mutex_lock(&poller.mutex);
  poller.source[source->index] = NULL;
  linux_mutex_unlock(&poller.mutex);
}

bool linux_poller_watch(const struct linux_source *source, int descriptor, uint32_t number, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u64 = data_of(source->index, number)};
  use();
  return epoll_ctl(poller.epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void linux_poller_again(const struct linux_source *source, int descriptor, uint32_t number, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u64 = data_of(source->index, number)};
  epoll_ctl(poller.epoll, EPOLL_CTL_MOD, descriptor, &event);
}
