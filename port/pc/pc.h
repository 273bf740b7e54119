/* Internal to port/pc: what its files give each other. The bare x86-64 machine: one address space, everything in ring
 * 0, sealed processes kept apart by verification alone.
 *
 * Interrupts are off whenever kernel code runs, from the first instruction of an entry stub to the last of the way out,
 * except in port_idle. So the kernel's stacks are never nested, and every exception inside the kernel is either one of
 * the few that are expected (copying from and to a window, the process's stack at the entry, a page that comes into
 * being when first touched) or a panic. */
#ifndef PORT_PC_PC_H
#define PORT_PC_PC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/bytes.h"
#include "kernel/kernel.h"
#include "port/port.h"

struct pc_cpu;

/* ---- Address space (one, for all processors) ----
 *
 *   0x0000100000000000  windows: PC_WINDOWS of 4 GiB, with as much between them where nothing ever is. (Verified code
 *                       reaches a guard's length beyond its window. If that were in another window, a processor could
 *                       still know the way to a table of it that has become another's.) Nothing else is ever mapped in
 *                       the lower half.
 *   0xffff800000000000  direct map of all RAM: writable, never executable; read-only where a frame is sealed, where the
 *                       kernel's own code and constants are.
 *   0xffffc00000000000  registers of devices, uncached, never executable.
 *   0xffffd00000000000  stacks of the kernel, with guard pages.
 *   0xffffffff80000000  the kernel's image, at this + its physical address. */
#define PC_WINDOWS_LOW 0x0000100000000000ull
#define PC_WINDOWS 8192u
#define PC_WINDOW_BYTES (1ull << 32)
#define PC_WINDOW_STRIDE (2 * PC_WINDOW_BYTES)
#define PC_WINDOWS_HIGH (PC_WINDOWS_LOW + PC_WINDOWS * PC_WINDOW_STRIDE)
#ifndef PC_DIRECT /* tests on a host have theirs */
#define PC_DIRECT 0xffff800000000000ull
#define PC_IDENTITY 0ull /* where boot.S has mapped the first 4 GiB */
#endif
#define PC_DIRECT_MOST (1ull << 40) /* physical memory beyond is not used */
#define PC_REGISTERS 0xffffc00000000000ull
#define PC_STACKS 0xffffd00000000000ull
#define PC_KERNEL 0xffffffff80000000ull
#define PC_PAGE 4096ull

static inline void *pc_direct(uint64_t physical) { return (void *)(PC_DIRECT + physical); }
static inline uint64_t pc_physical(const void *direct) { return (uint64_t)direct - PC_DIRECT; }
static inline uint64_t pc_window_base(uint64_t window) { return PC_WINDOWS_LOW + (uint64_t)window * PC_WINDOW_STRIDE; }

/* Of link.ld: page-aligned bounds of the kernel's image (virtual), and where the boot archive begins (right after). */
extern uint8_t pc_text_low[], pc_text_high[];           /* readable, executable */
extern uint8_t pc_constants_low[], pc_constants_high[]; /* readable */
extern uint8_t pc_data_low[], pc_data_high[];           /* readable, writable; with bss */
extern uint8_t pc_archive[]; /* see include/signet/boot.h; pages of RAM, if the file has one */

/* ---- serial.c: text for people, on the first serial line (0x3f8, polled) ---- */
void pc_serial_prepare(void);
/* Understands %s, %c, %u, %x (32 bits), %lu, %lx (64 bits), %p, %%. Ends lines with CR LF. Any time, any processor. */
void pc_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- panic.c ---- */
/* The machine cannot boot, and it is nobody's bug: says why and what to do ("signet: cannot boot: ..."), and ends. */
_Noreturn void pc_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The kernel is broken: message, symbolised trace from the given frame (0: the caller's), all processors stop. */
_Noreturn void pc_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void pc_panic_at(uint64_t rip, uint64_t rbp, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ends the machine: isa-debug-exit (QEMU), then the keyboard controller's reset, then halt for ever. `status` 0..127.
 */
_Noreturn void pc_end(uint32_t status);
/* Name of the function that the address is in and the distance from its start; NULL: none of the kernel's. symbols.c,
 * generated from the linked kernel. */
const char *pc_symbol(uint64_t address, uint64_t *distance);

/* ---- start.c: what the loader told ---- */
#define PC_RAM_RANGES 32
struct pc_boot {
  const char *command_line; /* physical memory of the loader's; copied before it is reused */
  uint64_t rsdp;            /* physical, 0: none */
  uint32_t ranges;
  struct {
    uint64_t low,
        high; /* usable RAM, page-aligned inwards, ascending, without the kernel's image, archive and first MiB */
  } ram[PC_RAM_RANGES];
  uint64_t archive_low, archive_high; /* physical, whole pages; equal: none */
};
extern struct pc_boot pc_boot;

/* Prints a line of figures, for the tests that hold them to their limits. */
void pc_figures(const char *when);

/* ---- command_line.c ---- */
struct pc_options {
  uint32_t cpus; /* processors to use at most; 0: all there are */
  uint32_t tick; /* nanoseconds between pre-emptions; default 4,000,000 */
  bool check;    /* check the seal and every invariant when the machine ends */
  bool figures;  /* print figures of the boot when the first process starts and when the machine ends */
};
extern struct pc_options pc_options;
/* Refuses to boot (pc_refuse) on a word that is not known, or whose value is out of range. */
void pc_command_line(const char *text);

/* ---- memory.c: physical memory. Own lock, taken innermost ---- */
enum pc_frame {
  PC_FRAME_NONE = 0,   /* not RAM, or reserved */
  PC_FRAME_SEALED = 4, /* of an image: read-only everywhere, for as long as the image lives */
  PC_FRAME_CODE = 5,   /* the kernel's own text and constants, and the page of its entry table */
  /* Those with bit 1 may be writable somewhere. */
  PC_FRAME_FREE = 2,
  PC_FRAME_KERNEL = 3, /* the kernel's data, from port_pages_allocate and for page tables */
  PC_FRAME_WINDOW = 6, /* private to one window, or of a block */
  PC_FRAME_STALE = 7,  /* of a block, not zeroed yet: in no window */
};
/* From pc_boot's ranges. Refuses to boot when there is too little. */
void pc_memory_prepare(void);
/* Contiguous frames, physical address; 0: none left that are not promised. Not zeroed unless `zeroed`. */
uint64_t pc_frames_take(uint64_t count, enum pc_frame kind, bool zeroed);
/* One of those that were promised: cannot fail. */
uint64_t pc_frame_take_promised(enum pc_frame kind, bool zeroed);
void pc_frames_give(uint64_t physical, uint64_t count);
/* One, which is promised to the giver at once. */
void pc_frame_give_promised(uint64_t physical);
enum pc_frame pc_frame_kind(uint64_t physical);
void pc_frame_set_kind(uint64_t physical, enum pc_frame kind);
/* Promises: frames that a window may come to need when first touched. False: not so many are left. */
bool pc_frames_commit(uint64_t frames);
void pc_frames_uncommit(uint64_t frames);
/* Neither used nor promised. */
uint64_t pc_frames_free_count(void);
uint64_t pc_frames_total(void);

/* ---- paging.c: the page tables ---- */
/* Builds the tables of the address space above and switches to them on this processor; the loader's identity map ends.
 */
void pc_paging_prepare(void);
/* The physical address of the top table, for other processors (they are started while it holds a low identity map of
 * the trampoline page, see pc_paging_low). */
uint64_t pc_paging_root(void);
/* Identity-maps one page below 1 MiB, executable, for starting processors; or removes it. Before the seal only. */
void pc_paging_low(uint64_t physical, bool present);
/* Registers of a device: uncached. NULL: no memory. */
volatile void *pc_paging_registers(uint64_t physical, uint64_t length);
/* A stack of whole pages between guard pages; its top. NULL: no memory. */
void *pc_paging_stack(size_t length);
/* From here on nothing makes kernel pages executable or its text writable. Checks that it is so (pc_seal_check). */
void pc_paging_seal(void);
/* Walks every table: NULL if no page is writable and executable, every executable page is the kernel's text or a sealed
 * frame, no frame that is executable anywhere is writable anywhere, nothing but windows in the lower half; else what is
 * wrong. */
const char *pc_seal_check(void);

/* ---- window.c ---- */
void pc_window_prepare(void); /* after paging: the entry table's page */
/* A page fault by reading or writing, not by fetching an instruction: true if the access can be made again, because a
 * page came into being there, or because the processor remembered less than is allowed. False for addresses that are of
 * no window that this processor has entered. Called with interrupts off, with or without the kernel lock. */
bool pc_window_fault(uint64_t address, bool write);
/* Before this processor touches the window on behalf of another process than the last: what other processors took away
 * from it is forgotten here too. */
void pc_window_enter(uint32_t window);
/* A processor (its number, plus 1) was the last to enter it. */
bool pc_window_used_by(uint64_t window, uint8_t user);
/* At every interrupt: forgets what this processor remembers of memory that waits for that. Nothing at the one that ends
 * its sleep, which pc_window_awake comes after. */
void pc_window_settle(void);
/* Around a processor's sleep: one that sleeps holds nobody up by what it remembers. */
void pc_window_asleep(void);
void pc_window_awake(void);

/* Where an access to a window that faulted at this instruction goes on, so that port_copy_* returns false; 0: the
 * instruction is none of those. */
uint64_t pc_copy_fixup(uint64_t rip);

/* ---- descriptors.c, interrupt.c, entry.S ---- */
/* This processor's GDT, TSS (an interrupt stack for every vector: IST), IDT, and control registers: WP, SMEP, SMAP,
 * UMIP, XCR0; %fs base = the processor's struct pc_cpu, for good. */
void pc_descriptors_load(struct pc_cpu *cpu);
/* Vectors: 0x20 tick, 0x21 wake, 0x22 stop (of pc_panic: sent as an NMI, which is heard in the kernel too), 0x30 +
 * line for devices, 0xff spurious. */
#define PC_VECTOR_TICK 0x20
#define PC_VECTOR_WAKE 0x21
#define PC_VECTOR_STOP 0x22
#define PC_VECTOR_DEVICE 0x30
#define PC_DEVICE_LINES 24
#define PC_VECTOR_SPURIOUS 0xff

/* ---- cpu.c ---- */
extern struct pc_cpu *pc_cpus[PORT_CPUS_MOST];
extern uint32_t pc_cpu_count; /* those that run */
/* The first processor's structure, descriptors and %fs; needs no memory but the kernel's own. */
void pc_cpu_prepare(void);
struct pc_cpu *pc_cpu_create(uint32_t number, uint32_t apic);
/* Releases the other processors, which wait in pc_processors_start; all run the kernel, each on its own stack. */
_Noreturn void pc_cpu_run(void);

/* ---- apic.c ---- */
void pc_apic_prepare(void);               /* once: finds x2APIC or xAPIC, masks the 8259s, the I/O APIC's lines */
void pc_apic_cpu(void);                   /* each processor: enables its local APIC */
uint32_t pc_apic_self(void);              /* this processor's APIC number */
void pc_apic_timer(uint64_t nanoseconds); /* one tick after so long; 0: none */
void pc_apic_end_of_interrupt(void);
void pc_apic_send(uint32_t apic, uint8_t vector);
void pc_apic_send_all_others(uint8_t vector);
void pc_apic_start(uint32_t apic, uint8_t page); /* INIT, SIPI, SIPI at page << 12 */
/* Routes an ISA interrupt line to the first processor and opens it; or closes it. */
void pc_apic_line(uint32_t line, bool open);

/* ---- processors.c ---- */
/* Finds the processors (ACPI's MADT, checked; else those that the command line says) and starts as many as are asked
 * for; each ends in pc_cpu_enter. Returns when they wait to be released. */
void pc_processors_start(void);

/* ---- clock.c ---- */
void pc_clock_prepare(void); /* the TSC's frequency, the date */
uint64_t pc_clock_frequency(void);

/* ---- random.c ---- */
void pc_random_prepare(void); /* refuses to boot without RDRAND */

/* ---- device.c ---- */
struct signet_boot_device; /* include/signet/boot.h */
/* NULL: no memory. The row has been checked. */
struct port_device *pc_device_create(const struct signet_boot_device *row);
/* An interrupt of a device's line arrived; from the interrupt handler, without the kernel lock. */
void pc_device_interrupt(uint32_t line);
/* Calls kernel_device_ready for the lines that pc_device_interrupt noted, if any; with the kernel lock held. */
void pc_device_settle(void);

#endif
