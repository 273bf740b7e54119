/* The two accesses to windows that a message takes on its short way (kernel/handover.c). With the kernel lock. */
#include "port/pc/access.h"
#include "port/pc/pc.h"

bool pc_copy(void *to, const void *from, size_t length); /* copy.S */

inline __attribute__((always_inline)) bool port_load_pair(uint32_t window, uint32_t offset, uint64_t pair[2]) {
  uint64_t source = pc_window_base(window) + offset, first, second;
  if (!pc_load64(source, &first) || !pc_load64(source + sizeof *pair, &second))
    return false;
  pair[0] = first;
  pair[1] = second;
  return true;
}

/* The shortest in place: two words, which may overlap. */
inline __attribute__((always_inline)) bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window,
                                                                uint32_t to, const uint64_t pair[2], uint32_t gap,
                                                                uint32_t length) {
  uint64_t source = pc_window_base(from_window) + from + gap, target = pc_window_base(to_window) + to;
  uint64_t more = (uint64_t)length - sizeof *pair, first, last;
  pc_window_enter(to_window);
  if (more > sizeof *pair) {
    if (!pc_copy((void *)(target + gap), (const void *)source, length))
      return false;
  } else if (!(pc_load64(source, &first) && pc_load64(source + more, &last) && pc_store64(target + gap, first) &&
               pc_store64(target + gap + more, last))) {
    return false;
  }
  return pc_store64(target, pair[0]) && pc_store64(target + sizeof *pair, pair[1]);
}
