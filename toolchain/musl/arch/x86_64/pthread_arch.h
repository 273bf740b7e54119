/* The thread pointer is the first word of the thread page. Overlaid on the C library. */
static inline uintptr_t __get_tp(void) {
  uintptr_t thread;
  __asm__("movq 0x11000(%%r14), %0" : "=r"(thread));
  return thread;
}

#define MC_PC gregs[REG_RIP]
