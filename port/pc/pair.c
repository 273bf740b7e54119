/* The two accesses to windows that a message takes on its short way (kernel/handover.c). With the kernel lock. */
#include "port/pc/access.h"
#include "port/pc/context.h"

/* copy.S, `gap` bytes beyond both, in a way that keeps all registers: the short way around it shall not pay for it. */
static inline __attribute__((always_inline)) bool copy(uint64_t to, uint64_t from, uint64_t length, uint32_t gap) {
  bool failed;
  __asm__ volatile("pushq %1; addq %4, (%%rsp); pushq %2; addq %4, (%%rsp); pushq %3; call pc_copy_pushed; "
                   "leaq 24(%%rsp), %%rsp"
                   : "=@ccz"(failed)
                   : "r"(to), "r"(from), "r"(length), "er"((uint64_t)gap)
                   : "memory");
  return !failed;
}

inline __attribute__((always_inline)) bool port_load_pair(uint32_t window, uint32_t offset, uint64_t *first,
                                                          uint64_t *second) {
  uint64_t source = pc_window_base(window) + offset;
  return pc_load64(source, first) && pc_load64(source + sizeof *first, second);
}

/* The shortest in place: two words, which may overlap. Where another processor used the window last, nothing: the
 * copies in the general way make it this one's. */
inline __attribute__((always_inline)) bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window,
                                                                uint32_t to, uint64_t first, uint64_t second,
                                                                uint32_t gap, uint32_t length) {
  uint64_t source = pc_window_base(from_window) + from, target = pc_window_base(to_window) + to, low, high;
  const uint64_t word = sizeof low;
  if (!pc_window_used_by(to_window, PC_CPU->user))
    return false;
  if (__builtin_expect(length - word > word, 0)) {
    if (!copy(target, source, length, gap))
      return false;
  } else if (!(pc_load64(source + gap, &low) && pc_load64(source + gap + length - word, &high) &&
               pc_store64(target + gap, low) && pc_store64(target + gap + length - word, high))) {
    return false;
  }
  return pc_store64(target, first) && pc_store64(target + word, second);
}
