/* Finds the other processors and starts them, one after another. While booting, first processor; no lock.
 *
 * Sources: ACPI specification 6.5, chapter 5.2.12 (MADT); Intel SDM volume 3, chapter 8.4. */
#include "port/pc/acpi.h"
#include "port/pc/context.h"
#include "port/pc/instructions.h"

#define TRAMPOLINE 0x8000ull
#define MADT_ENTRIES 44
#define MADT_LOCAL_APIC 0
#define MADT_LOCAL_X2APIC 9
#define MADT_ENABLED 1
#define GUESS_MOST 255
#define MILLISECONDS_TO_COME 100

extern const uint8_t pc_trampoline_low[], pc_trampoline_high[], pc_trampoline_root[], pc_trampoline_page[],
    pc_trampoline_gdt[];
_Atomic(struct pc_cpu *) pc_processor_slot; /* taken by the next processor that comes */
_Noreturn void pc_processor_enter(struct pc_cpu *cpu);

static void place_trampoline(void) {
  uint8_t *page = (uint8_t *)pc_paging_registers(TRAMPOLINE, PC_PAGE);
  uint64_t root = pc_paging_root();
  uint32_t value;
  if (!page || root > UINT32_MAX)
    pc_refuse("too little memory below 4 GiB to start the other processors (give cpus=1)");
  memcpy(page, pc_trampoline_low, (size_t)(pc_trampoline_high - pc_trampoline_low));
  value = (uint32_t)root;
  memcpy(page + (pc_trampoline_root - pc_trampoline_low), &value, sizeof value);
  const uint8_t *moved[] = {pc_trampoline_page, pc_trampoline_gdt};
  for (unsigned i = 0; i < 2; i++) {
    memcpy(&value, moved[i], sizeof value);
    value += (uint32_t)TRAMPOLINE;
    memcpy(page + (moved[i] - pc_trampoline_low), &value, sizeof value);
  }
  pc_paging_low(TRAMPOLINE, true);
}

static bool comes(_Atomic uint32_t *word, uint64_t milliseconds) {
  uint64_t begin = pc_read_tsc(), span = pc_clock_frequency() / 1000 * milliseconds;
  while (!atomic_load(word))
    if (pc_read_tsc() - begin > span)
      return false;
  return true;
}

/* A processor that does not come is put back to where it waits for a start, so that it never comes later. */
static void start(uint32_t apic) {
  static struct pc_cpu *next;
  if (!next)
    next = pc_cpu_create(pc_cpu_count, apic);
  if (!next)
    pc_refuse("too little memory for %u processors (give cpus=%u)", pc_cpu_count + 1, pc_cpu_count);
  next->apic = apic;
  atomic_store(&pc_processor_slot, next);
  pc_apic_start(apic, TRAMPOLINE >> 12);
  if (!comes(&next->started, MILLISECONDS_TO_COME)) {
    pc_apic_stop(apic);
    if (!atomic_load(&next->started)) {
      if (!atomic_exchange(&pc_processor_slot, NULL))
        pc_refuse("processor %u began and did not get on", apic);
      return;
    }
  }
  pc_cpus[pc_cpu_count++] = next;
  next = NULL;
}

/* On the processor's own stack. */
void pc_processor_enter(struct pc_cpu *cpu) {
  pc_descriptors_load(cpu);
  pc_apic_cpu();
  atomic_store(&cpu->started, 1);
  pc_cpu_enter();
}

/* True: the table said which processors there are. */
static bool start_listed(uint32_t most) {
  uint32_t length, self = pc_cpus[0]->apic;
  const uint8_t *madt = pc_acpi_table("APIC", &length);
  if (!madt)
    return false;
  for (uint32_t at = MADT_ENTRIES; at + 2 <= length && madt[at + 1] >= 2 && madt[at + 1] <= length - at;
       at += madt[at + 1]) {
    uint32_t flags = 0, apic = self;
    if (madt[at] == MADT_LOCAL_APIC && madt[at + 1] >= 8) {
      apic = madt[at + 3];
      memcpy(&flags, madt + at + 4, sizeof flags);
    } else if (madt[at] == MADT_LOCAL_X2APIC && madt[at + 1] >= 16) {
      memcpy(&apic, madt + at + 4, sizeof apic);
      memcpy(&flags, madt + at + 8, sizeof flags);
    }
    bool known = false;
    for (uint32_t i = 0; i < pc_cpu_count; i++)
      known |= pc_cpus[i]->apic == apic;
    if (flags & MADT_ENABLED && !known && pc_apic_reaches(apic) && pc_cpu_count < most)
      start(apic);
  }
  return true;
}

void pc_processors_start(void) {
  if (!pc_cpu_create(0, pc_apic_self()))
    pc_refuse("too little memory for the kernel's stacks");
  uint32_t most = pc_options.cpus && pc_options.cpus < PORT_CPUS_MOST ? pc_options.cpus : PORT_CPUS_MOST;
  if (most == 1)
    return;
  place_trampoline();
  if (!start_listed(most) && pc_options.cpus)
    /* Nobody says what they are called: machines without such tables number them from 0. */
    for (uint32_t apic = 0; apic < GUESS_MOST && apic < 2 * most && pc_cpu_count < most; apic++)
      if (apic != pc_cpus[0]->apic)
        start(apic);
  pc_paging_low(TRAMPOLINE, false);
}
