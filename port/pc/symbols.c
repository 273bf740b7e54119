/* Looks up the function that an address is in, for the panic's trace. The table is made from the linked kernel
 * (symbols.sh). No lock: it never changes. */
#include "port/pc/pc.h"

struct symbol {
  uint32_t distance; /* from pc_text_low */
  uint32_t name;     /* from pc_symbol_names */
};
extern const struct symbol pc_symbol_table[];
extern const uint32_t pc_symbol_count;
extern const char pc_symbol_names[];

const char *pc_symbol(uint64_t address, uint64_t *distance) {
  const char *name = NULL;
  if (address < (uint64_t)pc_text_low || address >= (uint64_t)pc_text_high)
    return NULL;
  for (uint32_t i = 0; i < pc_symbol_count; i++) {
    if (pc_symbol_table[i].distance > address - (uint64_t)pc_text_low)
      break;
    name = pc_symbol_names + pc_symbol_table[i].name;
    *distance = address - (uint64_t)pc_text_low - pc_symbol_table[i].distance;
  }
  return name;
}
