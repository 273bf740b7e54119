/* Single instructions of the processor that C has no name for. Anyone in port/pc; no lock. */
#ifndef PORT_PC_INSTRUCTIONS_H
#define PORT_PC_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdint.h>

static inline void pc_out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void pc_out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline void pc_out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t pc_in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint16_t pc_in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint32_t pc_in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint64_t pc_read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low | (uint64_t)high << 32;
}
static inline uint64_t pc_read_msr(uint32_t number) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return low | (uint64_t)high << 32;
}
static inline void pc_write_msr(uint32_t number, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
static inline void pc_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t found[4]) {
  __asm__ volatile("cpuid" : "=a"(found[0]), "=b"(found[1]), "=c"(found[2]), "=d"(found[3]) : "a"(leaf), "c"(subleaf));
}
static inline void pc_pause(void) { __asm__ volatile("pause" : : : "memory"); }
static inline void pc_halt(void) { __asm__ volatile("hlt" : : : "memory"); }
static inline void pc_forget_page(uint64_t address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }
static inline uint64_t pc_read_root(void) {
  uint64_t physical;
  __asm__ volatile("movq %%cr3, %0" : "=r"(physical) : : "memory");
  return physical;
}
/* Forgets every translation. */
static inline void pc_write_root(uint64_t physical) { __asm__ volatile("movq %0, %%cr3" : : "r"(physical) : "memory"); }
static inline uint64_t pc_read_control0(void) {
  uint64_t value;
  __asm__ volatile("movq %%cr0, %0" : "=r"(value));
  return value;
}
/* True: *value is random. */
static inline bool pc_read_random(uint64_t *value) {
  bool valid;
  __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(valid));
  return valid;
}
static inline bool pc_read_seed(uint64_t *value) {
  bool valid;
  __asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(valid));
  return valid;
}

#endif
