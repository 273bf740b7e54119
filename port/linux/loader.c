/* Owns the loader: the one host thread that may make memory executable, and only as readable and executable pages of a
 * write-sealed file that the kernel has had verified. One request at a time; any kernel thread asks, without the kernel
 * lock. */
#include <errno.h>
#include <sys/mman.h>

#include "port/linux/linux.h"

enum loader_state { LOADER_FREE = 0, LOADER_ASKED = 1, LOADER_DONE = 2 };

static struct {
  _Atomic uint32_t mutex; /* held by who asks */
  _Atomic uint32_t state; /* enum loader_state; futex */
  _Atomic uint32_t ready; /* 0 starting, 1 filtered, 2 failed */
  void *address;
  uint64_t length, position;
  int descriptor;
  bool mapped;
} loader;

static void *loader_run(void *argument) {
  (void)argument;
  bool filtered = linux_filter_thread(LINUX_THREAD_LOADER);
  atomic_store(&loader.ready, filtered ? 1 : 2);
  linux_futex_wake(&loader.ready, 1);
  for (;;) {
    uint32_t state;
    while ((state = atomic_load(&loader.state)) != LOADER_ASKED)
      linux_futex_wait(&loader.state, state, SIGNET_NEVER);
    loader.mapped = mmap(loader.address, loader.length, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
                         loader.descriptor, (off_t)loader.position) != MAP_FAILED;
    atomic_store(&loader.state, LOADER_DONE);
    linux_futex_wake(&loader.state, 1);
  }
  return NULL;
}

bool linux_loader_start(void) {
  if (!linux_thread_start(loader_run, NULL))
    return false;
  while (atomic_load(&loader.ready) == 0)
    linux_futex_wait(&loader.ready, 0, SIGNET_NEVER);
  return atomic_load(&loader.ready) == 1;
}

bool linux_loader_map(void *address, uint64_t length, int descriptor, uint64_t position) {
  linux_mutex_lock(&loader.mutex);
  loader.address = address;
  loader.length = length;
  loader.descriptor = descriptor;
  loader.position = position;
  atomic_store(&loader.state, LOADER_ASKED);
  linux_futex_wake(&loader.state, 1);
  /* It answers within microseconds where a processor is free; sleeping costs more than that. */
  for (int spins = 0; spins < 2000 && atomic_load(&loader.state) != LOADER_DONE; spins++)
    __builtin_ia32_pause();
  while (atomic_load(&loader.state) != LOADER_DONE)
    linux_futex_wait(&loader.state, LOADER_ASKED, SIGNET_NEVER);
  bool mapped = loader.mapped;
  atomic_store(&loader.state, LOADER_FREE);
  linux_mutex_unlock(&loader.mutex);
  return mapped;
}
