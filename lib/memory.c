/* The address space of a program: brk, mmap and their kin over memory_map, memory_unmap and memory_protect. The kernel
 * knows what is mapped; this file knows which addresses are taken. Any thread; own lock, a leaf.
 *
 * Memory mapped with PROT_NONE is only noted (`reserved`): the kernel hears of it when it becomes usable. A file is
 * mapped by reading it, so writes to the file are not seen, and a shared writable mapping is refused. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/library.h"
#include "lib/range.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PAGES_MOST 0x100000 /* pages of a window */
#define ROOM 4              /* ranges that one call may add to a set */

static struct lock memory_lock;
static uint32_t area_low, area_high; /* pages */
static struct range used_first[12], reserved_first[ROOM + 2];
static struct range_set used = {used_first, 0, sizeof used_first / sizeof *used_first};
static struct range_set reserved = {reserved_first, 0, sizeof reserved_first / sizeof *reserved_first};
static uint64_t break_low, break_now; /* bytes */

void signet_memory_begin(uint32_t low, uint32_t high) {
  area_low = PAGE_ROUND(low) / SIGNET_PAGE;
  area_high = high / SIGNET_PAGE;
  break_low = break_now = (uint64_t)area_low * SIGNET_PAGE;
}

static bool map(uint32_t low, uint32_t high, enum signet_protection protection) {
  return signet_memory_map((uint64_t)low * SIGNET_PAGE, (uint64_t)(high - low) * SIGNET_PAGE, protection).status ==
         SIGNET_OK;
}

static void unmap(uint32_t low, uint32_t high) {
  signet_memory_unmap((uint64_t)low * SIGNET_PAGE, (uint64_t)(high - low) * SIGNET_PAGE);
}

/* Makes room for ROOM more ranges; the old storage of a set is given up. */
static bool room_in(struct range_set *set) {
  if (set->count + ROOM <= set->capacity)
    return true;
  uint32_t bytes = PAGE_ROUND(2 * set->capacity * sizeof(struct range)), pages = bytes / SIGNET_PAGE;
  uint32_t low = signet_range_gap(&used, pages, area_low, area_high);
  if (!low || !map(low, low + pages, SIGNET_PROTECT_WRITE))
    return false;
  struct range *ranges = (void *)((uintptr_t)low * SIGNET_PAGE);
  memcpy(ranges, set->ranges, set->count * sizeof *ranges);
  set->ranges = ranges;
  set->capacity = bytes / sizeof *ranges;
  signet_range_add(&used, low, low + pages);
  return true;
}

static bool room(void) { return room_in(&used) && room_in(&reserved); }

/* Takes pages at the highest free place; reserved if the protection is NONE. 0: none. */
static uint32_t take(uint32_t pages, enum signet_protection protection) {
  if (!room())
    return 0;
  uint32_t low = signet_range_gap(&used, pages, area_low, area_high);
  if (!low)
    return 0;
  if (protection == SIGNET_PROTECT_NONE)
    signet_range_add(&reserved, low, low + pages);
  else if (!map(low, low + pages, protection))
    return 0;
  signet_range_add(&used, low, low + pages);
  return low;
}

/* What is mapped between low and high is unmapped; the addresses stay taken or not as they are. */
static void discard(uint32_t low, uint32_t high) {
  if (signet_range_touches(&used, low, high) && !signet_range_covers(&reserved, low, high))
    unmap(low, high);
  signet_range_remove(&reserved, low, high);
}

uint64_t signet_pages_take(uint64_t length) {
  lock_take(&memory_lock);
  uint64_t low = take(PAGE_ROUND(length) / SIGNET_PAGE, SIGNET_PROTECT_WRITE);
  lock_give(&memory_lock);
  return low * SIGNET_PAGE;
}

/* True if address and length name pages of the area. */
static bool pages_of(uint64_t address, uint64_t length, uint32_t *low, uint32_t *high) {
  if (address % SIGNET_PAGE || address > SIGNET_BLOCKS_LOW || length > SIGNET_BLOCKS_LOW)
    return false;
  *low = address / SIGNET_PAGE;
  *high = *low + PAGE_ROUND(length) / SIGNET_PAGE;
  return *low >= area_low && *high <= area_high;
}

void signet_pages_forget(uint64_t address, uint64_t length) {
  uint32_t low, high;
  if (!pages_of(address, length, &low, &high))
    return;
  lock_take(&memory_lock);
  if (room()) {
    signet_range_remove(&reserved, low, high);
    signet_range_remove(&used, low, high);
  }
  lock_give(&memory_lock);
}

void signet_pages_give(uint64_t address, uint64_t length) {
  uint32_t low, high;
  if (!pages_of(address, length, &low, &high))
    return;
  lock_take(&memory_lock);
  if (room()) {
    discard(low, high);
    signet_range_remove(&used, low, high);
  }
  lock_give(&memory_lock);
}

long signet_linux_brk(const long *argument) {
  uint64_t wanted = argument[0];
  lock_take(&memory_lock);
  uint32_t old = PAGE_ROUND(break_now) / SIGNET_PAGE, new = PAGE_ROUND(wanted) / SIGNET_PAGE;
  if (wanted < break_low || wanted > (uint64_t)area_high * SIGNET_PAGE || !room()) {
    /* Refused: the old break is the answer. */
  } else if (new <= old) {
    if (new < old)
      discard(new, old);
    signet_range_remove(&used, new, old);
    break_now = wanted;
  } else if (!signet_range_touches(&used, old, new) && map(old, new, SIGNET_PROTECT_WRITE)) {
    signet_range_add(&used, old, new);
    break_now = wanted;
  }
  uint64_t now = break_now;
  lock_give(&memory_lock);
  return now;
}

/* False if the bits ask for what there is not. */
static bool protection_of(long bits, enum signet_protection *protection) {
  if (bits & ~(PROT_READ | PROT_WRITE))
    return false;
  *protection = bits & PROT_WRITE ? SIGNET_PROTECT_WRITE : bits & PROT_READ ? SIGNET_PROTECT_READ : SIGNET_PROTECT_NONE;
  return true;
}

/* Fills mapped memory from a file; what lies past its end stays zero. */
static long fill(struct description *description, uint64_t address, uint64_t length, uint64_t offset) {
  uint64_t done = 0;
  while (done < length) {
    struct iovec vector = {(void *)(uintptr_t)(address + done), length - done};
    long bytes = description->operations->read(description, &vector, 1, offset + done);
    if (bytes < 0)
      return bytes;
    if (bytes == 0)
      break;
    done += bytes;
  }
  return 0;
}

/* Chooses the place and maps it. -> page, or minus an error number. */
static long place(uint64_t hint, uint64_t length, long flags, enum signet_protection protection) {
  uint32_t low, high;
  uint32_t pages = PAGE_ROUND(length) / SIGNET_PAGE;
  bool fits = pages_of(hint, length, &low, &high);
  if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
    if (!hint || !fits || signet_range_touches(&used, low, high)) {
      low = take(pages, protection);
      return low ? (long)low : -ENOMEM;
    }
  } else if (!fits) {
    return hint % SIGNET_PAGE ? -EINVAL : -ENOMEM;
  } else if ((flags & MAP_FIXED_NOREPLACE) && signet_range_touches(&used, low, high)) {
    return -EEXIST;
  }
  if (!room())
    return -ENOMEM;
  if (protection == SIGNET_PROTECT_NONE) {
    discard(low, high);
    signet_range_add(&reserved, low, high);
  } else {
    if (!map(low, high, protection))
      return -ENOMEM;
    signet_range_remove(&reserved, low, high);
  }
  signet_range_add(&used, low, high);
  return low;
}

long signet_linux_mmap(const long *argument) {
  uint64_t hint = argument[0], length = argument[1], offset = argument[5];
  long flags = argument[3], result;
  enum signet_protection protection;
  struct description *description = NULL;
  if (length == 0 || offset % SIGNET_PAGE || offset > INT64_MAX)
    return -EINVAL;
  if (length > SIGNET_BLOCKS_LOW)
    return -ENOMEM;
  if (!protection_of(argument[2], &protection))
    return -EPERM;
  long type = flags & MAP_TYPE;
  if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
    return -EINVAL;
  if (!(flags & MAP_ANONYMOUS)) {
    description = signet_descriptor_get(argument[4]);
    if (!description)
      return -EBADF;
    result = -ENODEV;
    if (type != MAP_PRIVATE && (argument[2] & PROT_WRITE))
      goto out;
    result = -EACCES;
    if ((description->flags & O_ACCMODE) == O_WRONLY)
      goto out;
  }
  bool from_file = description && protection != SIGNET_PROTECT_NONE;
  lock_take(&memory_lock);
  long low = place(hint, length, flags, from_file ? SIGNET_PROTECT_WRITE : protection);
  lock_give(&memory_lock);
  result = low;
  if (low < 0)
    goto out;
  result = low * SIGNET_PAGE;
  if (from_file) {
    long error = fill(description, result, length, offset);
    if (error == 0 && protection != SIGNET_PROTECT_WRITE)
      signet_memory_protect(result, PAGE_ROUND(length), protection);
    if (error) {
      signet_pages_give(result, length);
      result = error == -ESPIPE ? -ENODEV : error;
    }
  }
out:
  if (description)
    signet_description_put(description);
  return result;
}

long signet_linux_munmap(const long *argument) {
  uint32_t low, high;
  if (argument[1] == 0 || argument[0] % SIGNET_PAGE)
    return -EINVAL;
  if (!pages_of(argument[0], argument[1], &low, &high))
    return -EINVAL;
  lock_take(&memory_lock);
  bool ready = room();
  if (ready) {
    discard(low, high);
    signet_range_remove(&used, low, high);
  }
  lock_give(&memory_lock);
  return ready ? 0 : -ENOMEM;
}

/* One run of pages, all reserved or none. */
static long protect_run(uint32_t low, uint32_t high, bool is_reserved, enum signet_protection protection) {
  if (is_reserved) {
    if (protection == SIGNET_PROTECT_NONE)
      return 0;
    if (!map(low, high, protection))
      return -ENOMEM;
    signet_range_remove(&reserved, low, high);
    return 0;
  }
  return signet_error(
      signet_memory_protect((uint64_t)low * SIGNET_PAGE, (uint64_t)(high - low) * SIGNET_PAGE, protection));
}

long signet_linux_mprotect(const long *argument) {
  uint32_t low, high;
  uint64_t address = argument[0], length = argument[1];
  enum signet_protection protection;
  if (address % SIGNET_PAGE)
    return -EINVAL;
  if (!protection_of(argument[2], &protection))
    return -EACCES;
  if (length == 0)
    return 0;
  if (!pages_of(address, length, &low, &high)) {
    /* The image and the stack: the kernel knows them. */
    if (length > UINT32_MAX || address > UINT32_MAX)
      return -ENOMEM;
    return signet_memory_protect(address, PAGE_ROUND(length), protection).status == SIGNET_OK ? 0 : -ENOMEM;
  }
  long error = -ENOMEM;
  lock_take(&memory_lock);
  if (room() && signet_range_covers(&used, low, high)) {
    error = 0;
    while (low < high && error == 0) {
      bool is_reserved;
      uint32_t end = signet_range_run(&reserved, low, high, &is_reserved);
      error = room() ? protect_run(low, end, is_reserved, protection) : -ENOMEM;
      low = end;
    }
  }
  lock_give(&memory_lock);
  return error;
}

long signet_linux_mremap(const long *argument) {
  uint32_t low, high, new_low, new_high;
  uint64_t old_length = PAGE_ROUND(argument[1]), new_length = PAGE_ROUND(argument[2]);
  long flags = argument[3];
  if (new_length == 0 || argument[0] % SIGNET_PAGE || (flags & ~MREMAP_MAYMOVE) || old_length == 0)
    return -EINVAL;
  if (!pages_of(argument[0], old_length, &low, &high))
    return -EFAULT;
  if (new_length > SIGNET_BLOCKS_LOW)
    return -ENOMEM;
  long result = -ENOMEM;
  lock_take(&memory_lock);
  if (!room() || !signet_range_covers(&used, low, high) || signet_range_touches(&reserved, low, high)) {
    result = -EFAULT;
  } else if (new_length <= old_length) {
    new_high = low + new_length / SIGNET_PAGE;
    if (new_high < high) {
      discard(new_high, high);
      signet_range_remove(&used, new_high, high);
    }
    result = argument[0];
  } else if (pages_of(argument[0], new_length, &low, &new_high) && !signet_range_touches(&used, high, new_high) &&
             map(high, new_high, SIGNET_PROTECT_WRITE)) {
    signet_range_add(&used, high, new_high);
    result = argument[0];
  } else if (flags & MREMAP_MAYMOVE) {
    new_low = take(new_length / SIGNET_PAGE, SIGNET_PROTECT_WRITE);
    if (new_low) {
      result = (long)new_low * SIGNET_PAGE;
      memcpy((void *)(uintptr_t)result, (void *)(uintptr_t)argument[0], old_length);
      unmap(low, high);
      signet_range_remove(&used, low, high);
    }
  }
  lock_give(&memory_lock);
  return result;
}

long signet_linux_madvise(const long *argument) {
  uint32_t low, high;
  if (argument[0] % SIGNET_PAGE)
    return -EINVAL;
  if (argument[2] != MADV_DONTNEED || argument[1] == 0)
    return 0;
  /* The pages must read as zero: new ones take their place. */
  if (!pages_of(argument[0], argument[1], &low, &high))
    return -EINVAL;
  long error = -ENOMEM;
  lock_take(&memory_lock);
  if (signet_range_covers(&used, low, high)) {
    error = 0;
    while (low < high && error == 0) {
      bool is_reserved;
      uint32_t end = signet_range_run(&reserved, low, high, &is_reserved);
      if (!is_reserved && !map(low, end, SIGNET_PROTECT_WRITE))
        error = -ENOMEM;
      low = end;
    }
  }
  lock_give(&memory_lock);
  return error;
}

/* Nothing of a process is paged out, nor mapped from a file that msync could write. */
long signet_linux_msync(const long *argument) { return argument[0] % SIGNET_PAGE ? -EINVAL : 0; }
long signet_linux_mlock(const long *argument) {
  (void)argument;
  return 0;
}
