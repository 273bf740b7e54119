/* Stands before port/pc/instructions.h when the memory side of port/pc is compiled for a host: a processor that is a
 * few tables in tests/pc/memory_test.c. */
#ifndef PORT_PC_INSTRUCTIONS_H
#define PORT_PC_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdint.h>

void pc_forget_page(uint64_t address);
uint64_t pc_read_root(void);
void pc_write_root(uint64_t physical);
static inline uint64_t pc_read_control0(void) { return 1u << 16; }
static inline uint64_t pc_read_msr(uint32_t number) {
  (void)number;
  return 1u << 11;
}
static inline void pc_pause(void) {}

#endif
