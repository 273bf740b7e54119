/* Owns the processors' structures, the kernel lock, sleeping and waking. Any processor. */
#include "port/pc/context.h"
#include "port/pc/instructions.h"

#define KERNEL_STACK 32768
#define INTERRUPT_STACK 8192
#define FIRST_STACK 8192

static struct pc_cpu first_cpu;
static uint8_t first_interrupt_stack[FIRST_STACK] __attribute__((aligned(16)));
struct pc_cpu *pc_cpus[PORT_CPUS_MOST] = {&first_cpu};
uint32_t pc_cpu_count = 1;
_Atomic bool pc_released;

/* Fair: whoever comes takes a number. */
static _Atomic uint16_t lock_next, lock_owner;

inline __attribute__((always_inline)) void port_lock(void) {
  uint16_t number = atomic_fetch_add_explicit(&lock_next, 1, memory_order_relaxed);
  __asm__ goto("cmpw %0, %1; jne %l[wait]" : : "r"(number), "m"(lock_owner) : "cc", "memory" : wait);
  return;
wait:
  while (atomic_load_explicit(&lock_owner, memory_order_acquire) != number)
    pc_pause();
}

/* Nobody else writes it: what was written before is seen before. */
inline __attribute__((always_inline)) void port_unlock(void) {
  __asm__ volatile("incw %0" : "+m"(lock_owner) : : "memory");
}

uint32_t port_cpu_count(void) { return pc_cpu_count; }

uint32_t port_cpu_self(void) { return PC_CPU->number; }

static void set_interrupt_stack(struct pc_cpu *cpu, unsigned number, const void *top) {
  cpu->task.interrupt_stack[2 * (number - 1)] = (uint32_t)(uint64_t)top;
  cpu->task.interrupt_stack[2 * (number - 1) + 1] = (uint32_t)((uint64_t)top >> 32);
}

static void fill_cpu(struct pc_cpu *cpu, uint32_t number) {
  cpu->self = cpu;
  cpu->number = number;
  pc_context_cpu(cpu);
}

/* With guard pages around each stack. False: no memory. */
static bool make_stacks(struct pc_cpu *cpu) {
  void *kernel = pc_paging_stack(KERNEL_STACK);
  if (!kernel)
    return false;
  cpu->kernel_stack = (uint64_t)kernel;
  for (unsigned i = 1; i <= PC_INTERRUPT_STACKS; i++) {
    void *top = pc_paging_stack(INTERRUPT_STACK);
    if (!top)
      return false;
    set_interrupt_stack(cpu, i, top);
  }
  return true;
}

/* Until there is memory an exception is a panic, on a stack that all share. */
void pc_cpu_prepare(void) {
  first_cpu.self = &first_cpu;
  for (unsigned i = 1; i <= PC_INTERRUPT_STACKS; i++)
    set_interrupt_stack(&first_cpu, i, first_interrupt_stack + FIRST_STACK);
  pc_descriptors_load(&first_cpu);
  if (!pc_context_prepare())
    pc_refuse("this processor's vector state is larger than its XCR0 says");
}

struct pc_cpu *pc_cpu_create(uint32_t number, uint32_t apic) {
  struct pc_cpu *cpu = number ? port_pages_allocate((sizeof *cpu + PC_PAGE - 1) & ~(PC_PAGE - 1)) : &first_cpu;
  if (!cpu)
    return NULL;
  fill_cpu(cpu, number);
  cpu->apic = apic;
  return make_stacks(cpu) ? cpu : NULL;
}

static void enter_kernel(void) {
  pc_apic_timer(pc_options.tick);
  kernel_cpu_run();
}

/* Where the processors that were started wait for the kernel to be ready. */
_Noreturn void pc_cpu_enter(void) {
  while (!atomic_load(&pc_released))
    pc_pause();
  pc_write_root(pc_paging_root()); /* where it started is mapped no more */
  pc_call_on(PC_CPU->kernel_stack, enter_kernel);
}

void pc_cpu_run(void) {
  atomic_store(&pc_released, true);
  pc_cpu_enter();
}

/* An interrupt that comes between the look at `wake` and the sleep ends the sleep. */
void port_idle(uint64_t deadline) {
  struct pc_cpu *cpu = pc_cpu_self();
  pc_context_put_away(); /* another processor may run this thread next */
  port_unlock();
  if (deadline) {
    uint64_t now = port_clock(SIGNET_CLOCK_MONOTONIC);
    atomic_store(&cpu->sleeping, 1);
    if (deadline > now && !atomic_load(&cpu->wake)) {
      pc_apic_timer(deadline == SIGNET_NEVER ? 0 : deadline - now);
      pc_window_asleep();
      pc_idle_sleep();
      pc_window_awake();
      pc_apic_timer(pc_options.tick);
    }
    atomic_store(&cpu->sleeping, 0);
    atomic_store(&cpu->wake, 0);
  }
  port_lock();
  pc_device_settle();
}

void port_wake(uint32_t number) {
  struct pc_cpu *cpu = pc_cpus[number];
  if (atomic_exchange(&cpu->wake, 1) == 0 && cpu != PC_CPU->self && atomic_load(&cpu->sleeping))
    pc_apic_send(cpu->apic, PC_VECTOR_WAKE);
}
