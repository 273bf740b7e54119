/* The kernel lock, and who holds it. Whoever enters the kernel; `kernel.here` is read with the lock held. */
#include "kernel/object.h"

struct kernel kernel;

struct cpu *lock_as_cpu(void) {
  struct cpu *cpu = kernel.cpu[port_cpu_self()];
  port_lock();
  kernel.here = cpu;
  return cpu;
}

void lock_as_host(void) {
  port_lock();
  kernel.here = NULL;
}

void unlock(void) { port_unlock(); }
