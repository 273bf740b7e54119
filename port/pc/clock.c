/* Owns time: the TSC, its frequency, the date. Prepared by the first processor; read by any, without a lock. The TSC is
 * taken to run at one pace, and alike on all processors, as it does on every processor of the last decade.
 *
 * Sources: Intel SDM volume 3, chapter 18.7 (CPUID leaves 15H, 16H); 8254; MC146818; ACPI 6.5, chapter 4.8.3.3 (PM
 * timer). */
#include "port/pc/acpi.h"
#include "port/pc/context.h"
#include "port/pc/instructions.h"

#define NANOSECONDS 1000000000ull
#define PIT_HERTZ 1193182
#define PM_TIMER_HERTZ 3579545
#define CALIBRATE_MICROSECONDS 200 /* at most */
#define CLOSE 1000                 /* a part in so many is exact enough */
#define FADT_PM_TIMER 76           /* its I/O port */
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS 0x0a
#define CMOS_UPDATING 0x80

static uint64_t frequency;    /* of the TSC, per second */
static uint64_t multiplier;   /* nanoseconds a count, times 2^32 */
static uint64_t tsc_at_start; /* when CLOCK_MONOTONIC was 0 */
static uint64_t date_at_start;

uint64_t pc_clock_frequency(void) { return frequency; }

uint64_t port_clock(enum signet_clock clock) {
  uint64_t passed = (uint64_t)((unsigned __int128)(pc_read_tsc() - tsc_at_start) * multiplier >> 32);
  return clock == SIGNET_CLOCK_REALTIME ? date_at_start + passed : passed;
}

/* What the processor, or the hypervisor under it, says by itself; 0: nothing. */
static uint64_t told_frequency(void) {
  uint32_t leaf[4];
  pc_cpuid(0, 0, leaf);
  if (leaf[0] >= 0x15) {
    pc_cpuid(0x15, 0, leaf); /* crystal * ebx / eax */
    if (leaf[0] && leaf[1] && leaf[2])
      return (uint64_t)leaf[2] * leaf[1] / leaf[0];
  }
  pc_cpuid(1, 0, leaf);
  if (leaf[2] >> 31) {
    pc_cpuid(0x40000000, 0, leaf);
    if (leaf[0] >= 0x40000010) {
      pc_cpuid(0x40000010, 0, leaf);
      return leaf[0] * 1000ull;
    }
  }
  return 0;
}

/* A counter beside the TSC: how often it counts, and how to read it. */
struct reference {
  uint32_t hertz, mask;
  bool down;
  uint32_t (*read)(void);
};

static uint32_t read_pit(void) {
  pc_out8(0x43, 0x80); /* latch channel 2 */
  uint32_t low = pc_in8(0x42);
  return low | (uint32_t)pc_in8(0x42) << 8;
}

static void start_pit(void) {
  pc_out8(0x61, (pc_in8(0x61) & 0xfc) | 1); /* gate open, loudspeaker off */
  pc_out8(0x43, 0xb0);                      /* channel 2, low byte then high, mode 0 */
  pc_out8(0x42, 0xff);
  pc_out8(0x42, 0xff);
}

static uint16_t pm_timer_port;
static uint32_t read_pm_timer(void) { return pc_in32(pm_timer_port); }

/* Under these hypervisors a local APIC's timer counts nanoseconds. */
static bool apic_counts_nanoseconds(void) {
  uint32_t leaf[4];
  pc_cpuid(1, 0, leaf);
  if (!(leaf[2] >> 31))
    return false;
  pc_cpuid(0x40000000, 0, leaf);
  return memcmp(&leaf[1], "KVMKVMKVM\0\0\0", 12) == 0 || memcmp(&leaf[1], "TCGTCGTCGTCG", 12) == 0;
}

/* An edge: the counter's value after it, and two readings of the TSC between which it was. */
struct edge {
  uint64_t before, after;
  uint32_t count;
};

static bool find_edge(const struct reference *reference, struct edge *edge) {
  uint64_t earlier = pc_read_tsc();
  uint32_t was = reference->read();
  for (unsigned i = 0; i < 2000; i++) {
    uint64_t begin = pc_read_tsc();
    edge->count = reference->read();
    edge->after = pc_read_tsc();
    edge->before = earlier;
    if (edge->count != was)
      return true;
    earlier = begin;
  }
  return false;
}

/* Between low and high; the roundest where they are close enough for that to be no guess. */
static uint64_t choose(uint64_t low, uint64_t high) {
  uint64_t middle = low + (high - low) / 2;
  for (uint64_t step = NANOSECONDS; high - low <= low / CLOSE && step > 1; step /= 10) {
    uint64_t round = (middle + step / 2) / step * step;
    if (round >= low && round <= high)
      return round;
  }
  return middle;
}

/* 0: it does not count. Ends as soon as it knows well enough. */
static uint64_t measure_frequency(const struct reference *reference) {
  uint64_t low = 0, high = 0;
  for (unsigned tries = 0; tries < 4; tries++) {
    struct edge first, last;
    uint32_t counts;
    if (!find_edge(reference, &first))
      return 0;
    do {
      if (!find_edge(reference, &last))
        return 0;
      counts = (reference->down ? first.count - last.count : last.count - first.count) & reference->mask;
      low = (last.before - first.after) * reference->hertz / counts;
      high = (last.after - first.before) * reference->hertz / counts;
    } while (high - low > low / CLOSE && counts < (uint64_t)reference->hertz * CALIBRATE_MICROSECONDS / 1000000);
    if (high - low < low / 64) /* else something took this processor away */
      break;
  }
  return choose(low, high);
}

static void find_frequency(void) {
  struct reference pit = {PIT_HERTZ, 0xffff, true, read_pit};
  struct reference pm_timer = {PM_TIMER_HERTZ, 0xffffff, false, read_pm_timer};
  struct reference apic = {NANOSECONDS, UINT32_MAX, true, pc_apic_count};
  uint32_t leaf[4], length;
  if ((frequency = told_frequency()))
    return;
  start_pit();
  if ((frequency = measure_frequency(&pit)))
    return;
  const uint8_t *fadt = pc_acpi_table("FACP", &length);
  if (fadt && length >= FADT_PM_TIMER + 4) {
    memcpy(&pm_timer_port, fadt + FADT_PM_TIMER, sizeof pm_timer_port);
    if (pm_timer_port && (frequency = measure_frequency(&pm_timer)))
      return;
  }
  if (apic_counts_nanoseconds() && (frequency = measure_frequency(&apic)))
    return;
  pc_cpuid(0, 0, leaf);
  if (leaf[0] >= 0x16) {
    pc_cpuid(0x16, 0, leaf);
    frequency = (leaf[0] & 0xffff) * 1000000ull;
  }
  if (frequency < 1000000)
    pc_refuse("nothing tells how fast time passes: no PIT, no ACPI timer, no word of the processor (in QEMU: pit=on)");
}

static uint8_t read_cmos(uint8_t number) {
  pc_out8(CMOS_INDEX, number | 0x80);
  return pc_in8(CMOS_DATA);
}

static uint64_t days_before(uint64_t year, uint64_t month, uint64_t day) {
  static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  uint64_t past = year - 1; /* years of the calendar that are over */
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return past * 365 + past / 4 - past / 100 + past / 400 - 719162 + before[month - 1] + (leap && month > 2) + day - 1;
}

/* Nanoseconds since 1970; 0 where no clock keeps the date. */
static uint64_t read_date(void) {
  static const uint8_t numbers[] = {0, 2, 4, 7, 8, 9, 0x32}; /* seconds to century */
  uint8_t now[sizeof numbers], again[sizeof numbers];
  if (read_cmos(CMOS_STATUS) == 0xff) /* nobody answers */
    return 0;
  for (unsigned tries = 0; tries < 100; tries++) {
    for (unsigned i = 0; i < 100000 && read_cmos(CMOS_STATUS) & CMOS_UPDATING; i++)
      pc_pause();
    for (unsigned i = 0; i < sizeof numbers; i++)
      now[i] = read_cmos(numbers[i]);
    for (unsigned i = 0; i < sizeof numbers; i++)
      again[i] = read_cmos(numbers[i]);
    if (memcmp(now, again, sizeof now) == 0)
      break;
  }
  uint8_t format = read_cmos(0x0b);
  bool afternoon = !(format & 2) && now[2] & 0x80;
  now[2] &= 0x7f;
  for (unsigned i = 0; i < sizeof now && !(format & 4); i++)
    now[i] = (uint8_t)((now[i] >> 4) * 10 + (now[i] & 15));
  uint64_t hour = format & 2 ? now[2] : now[2] % 12u + (afternoon ? 12 : 0);
  uint64_t year = now[5] + 100ull * (now[6] >= 19 && now[6] < 30 ? now[6] : 20);
  if (now[0] > 59 || now[1] > 59 || hour > 23 || now[3] < 1 || now[3] > 31 || now[4] < 1 || now[4] > 12 ||
      now[5] > 99 || year < 1970)
    return 0;
  return (((days_before(year, now[4], now[3]) * 24 + hour) * 60 + now[1]) * 60 + now[0]) * NANOSECONDS;
}

void pc_clock_prepare(void) {
  find_frequency();
  multiplier = (NANOSECONDS << 32) / frequency;
  tsc_at_start = pc_read_tsc();
  date_at_start = read_date();
  pc_apic_calibrate();
}
