/* Owns the pages that the kernel's own memory is made of. Any thread of the kernel; a mutex of its own.
 *
 * Small runs that come back are kept, because a mapping and its page faults cost more than wiping; they are wiped when
 * they go out again. */
#include <sys/mman.h>

#include "port/linux/linux.h"

#define RUN_PAGES_MOST 16
#define KEPT_MOST 512 /* runs of each size */

/* What a kept run begins with. */
struct run {
  struct run *next;
};

static struct {
  _Atomic uint32_t mutex;
  struct run *first[RUN_PAGES_MOST + 1];
  uint32_t count[RUN_PAGES_MOST + 1];
} kept;

void *port_pages_allocate(size_t length) {
  size_t pages = length / SIGNET_PAGE;
  if (pages <= RUN_PAGES_MOST) {
    linux_mutex_lock(&kept.mutex);
    struct run *run = kept.first[pages];
    if (run) {
      kept.first[pages] = run->next;
      kept.count[pages]--;
    }
    linux_mutex_unlock(&kept.mutex);
    if (run) {
      linux_wipe_words(run, length);
      return run;
    }
  }
  linux_address_space_lock();
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  linux_address_space_unlock();
  return memory == MAP_FAILED ? NULL : memory;
}

void port_pages_free(void *memory, size_t length) {
  size_t pages = length / SIGNET_PAGE;
  if (pages <= RUN_PAGES_MOST) {
    linux_mutex_lock(&kept.mutex);
    struct run *run = memory;
    bool keep = kept.count[pages] < KEPT_MOST;
    if (keep) {
      run->next = kept.first[pages];
      kept.first[pages] = run;
      kept.count[pages]++;
    }
    linux_mutex_unlock(&kept.mutex);
    if (keep)
      return;
  }
  munmap(memory, length);
}
