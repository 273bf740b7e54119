/* Owns each processor's descriptor tables and control registers. Each processor, once, as it starts; no lock.
 *
 * Sources: Intel SDM volume 3, chapters 2.5 (control registers), 6.14 (64-bit interrupts, IST), 7.7 (TSS). */
#include "port/pc/context.h"
#include "port/pc/instructions.h"

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_CACHE_OFF (3u << 29) /* CD, NW: processors start with it */
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define XCR0_SAVED 7 /* x87, SSE, AVX: what a process may use and pre-emption keeps */
#define MSR_EFER 0xc0000080u
#define EFER_SYSCALL 1u
#define EFER_NXE (1u << 11)
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define GATE_INTERRUPT 0x8e /* present, ring 0, interrupts off */
#define VECTORS 256

struct gate {
  uint16_t offset_low, selector;
  uint8_t stack, type;
  uint16_t offset_middle;
  uint32_t offset_high, reserved;
};

struct table_pointer {
  uint16_t limit;
  uint64_t base;
} __attribute__((packed));

static struct gate gates[VECTORS];

static uint8_t stack_of(unsigned vector) {
  static const uint8_t own[] = {
      [1] = PC_STACK_DEBUG, [2] = PC_STACK_NMI, [8] = PC_STACK_DOUBLE_FAULT, [18] = PC_STACK_MACHINE_CHECK};
  return vector < sizeof own && own[vector] ? own[vector] : PC_STACK_INTERRUPT;
}

static void fill_gates(void) {
  for (unsigned i = 0; i < VECTORS; i++) {
    uint64_t way_in = (uint64_t)pc_vectors + i * PC_VECTOR_BYTES;
    gates[i] = (struct gate){.offset_low = (uint16_t)way_in,
                             .selector = SELECTOR_CODE,
                             .stack = stack_of(i),
                             .type = GATE_INTERRUPT,
                             .offset_middle = (uint16_t)(way_in >> 16),
                             .offset_high = (uint32_t)(way_in >> 32)};
  }
}

static void load_tables(struct pc_cpu *cpu) {
  uint64_t task = (uint64_t)&cpu->task;
  cpu->task.io_map = sizeof cpu->task;
  cpu->gdt[0] = 0;
  cpu->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffffull; /* 64-bit code */
  cpu->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffffull;
  cpu->gdt[SELECTOR_TASK / 8] =
      (sizeof cpu->task - 1) | (task & 0xffffff) << 16 | 0x89ull << 40 | (task >> 24 & 0xff) << 56;
  cpu->gdt[SELECTOR_TASK / 8 + 1] = task >> 32;
  struct table_pointer gdt = {sizeof cpu->gdt - 1, (uint64_t)cpu->gdt}, idt = {sizeof gates - 1, (uint64_t)gates};
  __asm__ volatile("lgdt %0\n\t"
                   "pushq %1\n\t"
                   "leaq 1f(%%rip), %%rax\n\t"
                   "pushq %%rax\n\t"
                   "lretq\n"
                   "1:\tmovl %2, %%eax\n\t"
                   "movl %%eax, %%ds; movl %%eax, %%es; movl %%eax, %%ss\n\t"
                   "xorl %%eax, %%eax\n\t"
                   "movl %%eax, %%fs; movl %%eax, %%gs\n\t"
                   "lidt %3\n\t"
                   "lldt %%ax\n\t"
                   "movl %4, %%eax\n\t"
                   "ltr %%ax"
                   :
                   : "m"(gdt), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "m"(idt), "i"(SELECTOR_TASK)
                   : "rax", "memory");
}

/* Refuses to boot on a processor that lacks what nothing here can do without. */
static void set_control_registers(void) {
  uint32_t leaf1[4], leaf7[4] = {0}, leaf0[4];
  pc_cpuid(0, 0, leaf0);
  pc_cpuid(1, 0, leaf1);
  if (leaf0[0] >= 7)
    pc_cpuid(7, 0, leaf7);
  uint64_t cr0, cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE;
  if (leaf0[0] < 0xd || !(leaf1[2] >> 26 & 1) || !(leaf7[1] & 1))
    pc_refuse("this processor lacks %s: Signet needs one made since 2014 (in QEMU: -cpu max)",
              leaf7[1] & 1 ? "XSAVE" : "FSGSBASE");
  cr4 |= leaf7[2] >> 2 & 1 ? CR4_UMIP : 0;
  cr4 |= leaf7[1] >> 7 & 1 ? CR4_SMEP : 0;
  cr4 |= leaf7[1] >> 20 & 1 ? CR4_SMAP : 0;
  __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
  cr0 = (cr0 & ~(uint64_t)(CR0_EM | CR0_TS | CR0_AM | CR0_CACHE_OFF)) | CR0_MP | CR0_NE | CR0_WP;
  __asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
  __asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
  uint32_t saved[4];
  pc_cpuid(0xd, 0, saved);
  __asm__ volatile("xsetbv" : : "c"(0), "a"(saved[0] & XCR0_SAVED), "d"(0));
  __asm__ volatile("fninit");
  pc_write_msr(MSR_EFER, (pc_read_msr(MSR_EFER) & ~(uint64_t)EFER_SYSCALL) | EFER_NXE);
}

void pc_descriptors_load(struct pc_cpu *cpu) {
  if (!gates[0].type)
    fill_gates();
  load_tables(cpu);
  pc_write_msr(MSR_FS_BASE, (uint64_t)cpu);
  pc_write_msr(MSR_GS_BASE, 0);
  pc_write_msr(MSR_KERNEL_GS_BASE, 0);
  set_control_registers();
}
