/* Stands before port/pc/access.h when window.c is compiled for a host: the simulated processor's accesses. */
#ifndef PORT_PC_ACCESS_H
#define PORT_PC_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

bool pc_load64(uint64_t address, uint64_t *value);
bool pc_store64(uint64_t address, uint64_t value);
bool pc_load32(uint64_t address, uint32_t *value);
bool pc_store32(uint64_t address, uint32_t value);

#endif
