/* Spin locks for what is shared by processors and held for a few hundred instructions. Anyone in port/pc, interrupts
 * off. */
#ifndef PORT_PC_SPIN_H
#define PORT_PC_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "port/pc/instructions.h"

struct pc_spin {
  atomic_bool held;
};

static inline void pc_spin_lock(struct pc_spin *spin) {
  while (atomic_exchange_explicit(&spin->held, true, memory_order_acquire))
    while (atomic_load_explicit(&spin->held, memory_order_relaxed))
      pc_pause();
}

static inline void pc_spin_unlock(struct pc_spin *spin) {
  atomic_store_explicit(&spin->held, false, memory_order_release);
}

#endif
