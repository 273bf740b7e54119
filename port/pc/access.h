/* Single accesses to a window, for window.c: false if the access faults and nothing comes into being. Where to go on
 * then is in the section .fixups, which link.ld gathers and pc_copy_fixup reads. */
#ifndef PORT_PC_ACCESS_H
#define PORT_PC_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

/* From, to, and where to go on. */
#define PC_FIXUP ".pushsection .fixups,\"a\"; .long 1b - ., 2b - ., %l[fault] - .; .popsection"

static inline __attribute__((always_inline)) bool pc_load64(uint64_t address, uint64_t *value) {
  uint64_t loaded;
  __asm__ goto("1: movq %1, %0; 2:" PC_FIXUP : "=r"(loaded) : "m"(*(const uint64_t *)address) : : fault);
  *value = loaded;
  return true;
fault:
  return false;
}

static inline __attribute__((always_inline)) bool pc_store64(uint64_t address, uint64_t value) {
  __asm__ goto("1: movq %1, %0; 2:" PC_FIXUP : : "m"(*(const uint64_t *)address), "r"(value) : : fault);
  return true;
fault:
  return false;
}

static inline __attribute__((always_inline)) bool pc_load32(uint64_t address, uint32_t *value) {
  uint32_t loaded;
  __asm__ goto("1: movl (%1), %0; 2:" PC_FIXUP : "=r"(loaded) : "r"(address) : : fault);
  *value = loaded;
  return true;
fault:
  return false;
}

static inline __attribute__((always_inline)) bool pc_store32(uint64_t address, uint32_t value) {
  __asm__ goto("1: movl %1, (%0); 2:" PC_FIXUP : : "r"(address), "r"(value) : : fault);
  return true;
fault:
  return false;
}

#endif
