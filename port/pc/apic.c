/* Owns the interrupt controllers: each processor's local APIC and its timer, the I/O APIC of the ISA lines. Interrupts
 * off; pc_apic_line with the kernel lock, or while booting.
 *
 * Sources: Intel SDM volume 3, chapter 10 (APIC, x2APIC, TSC deadline); 82093AA I/O APIC; 8259A. */
#include "port/pc/context.h"
#include "port/pc/instructions.h"

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_ADDRESS 0xffffff000ull
#define APIC_BASE_X2 (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define MSR_X2 0x800u
#define MSR_TSC_DEADLINE 0x6e0u

enum { /* of the local APIC, as offsets in its page */
       APIC_ID = 0x20,
       APIC_TASK_PRIORITY = 0x80,
       APIC_END = 0xb0,
       APIC_SPURIOUS = 0xf0,
       APIC_COMMAND = 0x300,
       APIC_DESTINATION = 0x310,
       APIC_TIMER = 0x320,
       APIC_LINE0 = 0x350,
       APIC_LINE1 = 0x360,
       APIC_ERROR = 0x370,
       APIC_COUNT = 0x380,
       APIC_COUNT_NOW = 0x390,
       APIC_DIVIDE = 0x3e0,
};
#define MASKED (1u << 16)
#define TIMER_TSC_DEADLINE (2u << 17)
#define DELIVER_NMI (4u << 8)
#define DELIVER_INIT (5u << 8)
#define DELIVER_START (6u << 8)
#define ASSERT_LEVEL (1u << 14)
#define COMMAND_PENDING (1u << 12)
#define DIVIDE_BY_1 0xb
#define XAPIC_ALL 0xff /* its numbers are below: this one means all */

#define IO_APIC 0xfec00000ull
#define IO_APIC_VERSION 1
#define IO_APIC_LINE(n) (0x10 + 2 * (n))

static volatile uint32_t *local, *io;
static bool x2, deadline_timer;
static uint64_t counts_per_second; /* of the timer, where it counts by itself */
static uint32_t io_lines;
_Atomic bool pc_stopping;

static uint32_t read_local(uint32_t offset) {
  return x2 ? (uint32_t)pc_read_msr(MSR_X2 + (offset >> 4)) : local[offset / 4];
}

static void write_local(uint32_t offset, uint32_t value) {
  if (x2)
    pc_write_msr(MSR_X2 + (offset >> 4), value);
  else
    local[offset / 4] = value;
}

static uint32_t read_io(uint32_t number) {
  io[0] = number;
  return io[4];
}

static void write_io(uint32_t number, uint32_t value) {
  io[0] = number;
  io[4] = value;
}

void pc_apic_prepare(void) {
  uint32_t leaf[4];
  pc_out8(0x21, 0xff); /* the 8259s */
  pc_out8(0xa1, 0xff);
  pc_cpuid(1, 0, leaf);
  uint64_t base = pc_read_msr(MSR_APIC_BASE);
  if (!(leaf[3] >> 9 & 1) || !(base & APIC_BASE_ENABLE))
    pc_refuse("this processor has no local APIC, or it is disabled");
  x2 = leaf[2] >> 21 & 1;
  deadline_timer = leaf[2] >> 24 & 1;
  if (!x2)
    local = pc_paging_registers(base & APIC_BASE_ADDRESS, PC_PAGE);
  io = pc_paging_registers(IO_APIC, PC_PAGE);
  if ((!x2 && !local) || !io)
    pc_refuse("too little memory to map the interrupt controllers");
  io_lines = (read_io(IO_APIC_VERSION) >> 16 & 0xff) + 1;
  if (io_lines > PC_DEVICE_LINES)
    io_lines = PC_DEVICE_LINES;
  for (uint32_t i = 0; i < io_lines; i++)
    write_io(IO_APIC_LINE(i), MASKED);
}

void pc_apic_cpu(void) {
  if (x2)
    pc_write_msr(MSR_APIC_BASE, pc_read_msr(MSR_APIC_BASE) | APIC_BASE_X2 | APIC_BASE_ENABLE);
  write_local(APIC_SPURIOUS, 0x100 | PC_VECTOR_SPURIOUS);
  write_local(APIC_TASK_PRIORITY, 0);
  write_local(APIC_LINE0, MASKED);
  write_local(APIC_LINE1, DELIVER_NMI);
  write_local(APIC_ERROR, MASKED | PC_VECTOR_SPURIOUS);
  write_local(APIC_DIVIDE, DIVIDE_BY_1);
  write_local(APIC_TIMER, PC_VECTOR_TICK | (deadline_timer ? TIMER_TSC_DEADLINE : 0));
  __asm__ volatile("mfence" : : : "memory"); /* before the first deadline is written */
}

bool pc_apic_reaches(uint32_t apic) { return x2 || apic < XAPIC_ALL; }

uint32_t pc_apic_self(void) { return x2 ? read_local(APIC_ID) : read_local(APIC_ID) >> 24; }

/* Keeps the timer counting down, and says where it is. */
uint32_t pc_apic_count(void) {
  uint32_t count = read_local(APIC_COUNT_NOW);
  if (!count)
    write_local(APIC_COUNT, UINT32_MAX);
  return count;
}

/* How fast the timer counts, by the TSC: over 20 microseconds, again if something took this processor away meanwhile.
 */
void pc_apic_calibrate(void) {
  uint64_t frequency = pc_clock_frequency(), span = frequency / 50000;
  if (deadline_timer)
    return;
  for (unsigned tries = 0; tries < 10; tries++) {
    write_local(APIC_COUNT, UINT32_MAX);
    uint64_t begin = pc_read_tsc(), before, after;
    uint32_t first = read_local(APIC_COUNT_NOW), last;
    while ((before = pc_read_tsc()) - begin < span)
      pc_pause();
    last = read_local(APIC_COUNT_NOW);
    after = pc_read_tsc();
    counts_per_second = (first - last) * (frequency / 1000) / (before - begin) * 1000;
    if (after - before < span / 8)
      break;
  }
  write_local(APIC_COUNT, 0);
  if (!counts_per_second)
    pc_refuse("the local APIC's timer does not count");
}

void pc_apic_timer(uint64_t nanoseconds) {
  if (nanoseconds > 1000000000)
    nanoseconds = 1000000000; /* who waits longer is woken in between, and looks again */
  if (deadline_timer) {
    pc_write_msr(MSR_TSC_DEADLINE, nanoseconds ? pc_read_tsc() + nanoseconds * pc_clock_frequency() / 1000000000 : 0);
    return;
  }
  uint64_t counts = nanoseconds * counts_per_second / 1000000000;
  if (nanoseconds && !counts)
    counts = 1;
  write_local(APIC_COUNT, counts > UINT32_MAX ? UINT32_MAX : (uint32_t)counts);
}

void pc_apic_end_of_interrupt(void) { write_local(APIC_END, 0); }

static void command(uint32_t apic, uint32_t what) {
  if (x2) {
    /* What was written to memory before is seen by who hears of it. */
    __asm__ volatile("mfence; lfence" : : : "memory");
    pc_write_msr(MSR_X2 + (APIC_COMMAND >> 4), (uint64_t)apic << 32 | what);
    return;
  }
  while (read_local(APIC_COMMAND) & COMMAND_PENDING)
    pc_pause();
  write_local(APIC_DESTINATION, apic << 24);
  write_local(APIC_COMMAND, what);
}

void pc_apic_send(uint32_t apic, uint8_t vector) { command(apic, ASSERT_LEVEL | vector); }

/* The stop is an NMI: a processor that is in the kernel hears nothing else. */
void pc_apic_send_all_others(uint8_t vector) {
  if (vector == PC_VECTOR_STOP)
    atomic_store(&pc_stopping, true);
  for (uint32_t i = 0; i < pc_cpu_count; i++)
    if (pc_cpu_count > 1 && pc_cpus[i] != PC_CPU->self)
      command(pc_cpus[i]->apic, ASSERT_LEVEL | (vector == PC_VECTOR_STOP ? DELIVER_NMI : vector));
}

static void wait_microseconds(uint64_t count) {
  for (uint64_t begin = pc_read_tsc(); pc_read_tsc() - begin < pc_clock_frequency() / 1000000 * count;)
    pc_pause();
}

void pc_apic_stop(uint32_t apic) {
  command(apic, ASSERT_LEVEL | DELIVER_INIT);
  wait_microseconds(200);
}

void pc_apic_start(uint32_t apic, uint8_t page) {
  pc_apic_stop(apic);
  command(apic, ASSERT_LEVEL | DELIVER_START | page);
  wait_microseconds(200);
  command(apic, ASSERT_LEVEL | DELIVER_START | page);
}

/* Active high, edge: as ISA lines are. Line 0 of the ISA bus is the I/O APIC's third. */
void pc_apic_line(uint32_t line, bool open) {
  uint32_t pin = line ? line : 2;
  if (pin >= io_lines || line >= PC_DEVICE_LINES)
    return;
  write_io(IO_APIC_LINE(pin), MASKED);
  write_io(IO_APIC_LINE(pin) + 1, pc_cpus[0]->apic << 24);
  if (open)
    write_io(IO_APIC_LINE(pin), PC_VECTOR_DEVICE + line);
}
