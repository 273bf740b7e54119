/* The two accesses to windows that a message takes on its short way (kernel/handover.c). With the kernel lock. */
#include "port/pc/access.h"
#include "port/pc/context.h"

/* copy.S, by its registers: the compiler would save all others around a call. */
static inline __attribute__((always_inline)) bool copy(uint64_t to, uint64_t from, uint64_t length) {
  bool done;
  __asm__ volatile("call pc_copy" : "=a"(done), "+D"(to), "+S"(from), "+d"(length) : : "rcx", "cc", "memory");
  return done;
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
  uint64_t more = (uint64_t)length - sizeof low;
  if (!pc_window_used_by(to_window, PC_CPU->user))
    return false;
  if (__builtin_expect(more > sizeof low, 0)) {
    if (!copy(target + gap, source + gap, length))
      return false;
  } else if (!(pc_load64(source + gap, &low) && pc_load64(source + gap + more, &high) &&
               pc_store64(target + gap, low) && pc_store64(target + gap + more, high))) {
    return false;
  }
  return pc_store64(target, first) && pc_store64(target + sizeof first, second);
}
