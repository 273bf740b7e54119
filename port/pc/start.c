/* Owns the order of booting, and what the loader told. Runs once, on the first processor, with interrupts off, before
 * any process exists.
 *
 * Source: Xen's public header of the PVH start information (struct hvm_start_info). */
#include <signet/boot.h>

#include "port/pc/archive.h"
#include "port/pc/instructions.h"
#include "port/pc/pc.h"

#define START_MAGIC 0x336ec578u
#define IDENTITY (4ull << 30) /* what boot.S maps one to one */
#define LOW_MEMORY (1ull << 20)
#define MEMORY_RAM 1
#define MAP_MOST 256
#define COMMAND_LINE_MOST 2048
#define STACK_OF_FIRST 65536
#define THREADS_OF_ALL 16384

struct start_info {
  uint32_t magic, version, flags, modules;
  uint64_t module_list, command_line, rsdp;
  /* version 1 and up */
  uint64_t memory_map;
  uint32_t memory_map_entries, reserved;
};

struct memory_map_entry {
  uint64_t address, length;
  uint32_t type, reserved;
};

struct pc_boot pc_boot;
static uint64_t first_instruction; /* TSC when the first process is about to run */
static struct kernel_process *first;
static uint32_t first_number;

_Noreturn void pc_start(uint64_t start_info);

/* The loader's structures are read through the identity map. */
static const void *loaders(uint64_t physical, uint64_t length) {
  if (!physical || physical >= IDENTITY || length > IDENTITY - physical)
    pc_refuse("the loader's start information points outside the first 4 GiB");
  return (const void *)physical;
}

static void add_range(uint64_t low, uint64_t high) {
  if (low < high && pc_boot.ranges < PC_RAM_RANGES) {
    pc_boot.ram[pc_boot.ranges].low = low;
    pc_boot.ram[pc_boot.ranges++].high = high;
  }
}

/* A range of RAM without what is taken: the first MiB, the kernel, the archive. */
static void take_range(uint64_t low, uint64_t high) {
  uint64_t kernel_high = (uint64_t)pc_archive - PC_KERNEL;
  low = (low + PC_PAGE - 1) & ~(PC_PAGE - 1);
  high &= ~(PC_PAGE - 1);
  if (high > PC_DIRECT_MOST)
    high = PC_DIRECT_MOST;
  if (low < LOW_MEMORY)
    low = LOW_MEMORY;
  if (low <= LOW_MEMORY && high >= kernel_high) {
    const struct signet_boot *archive = (const struct signet_boot *)kernel_high;
    low = kernel_high;
    if (high - low >= sizeof *archive && kernel_high <= IDENTITY - sizeof *archive &&
        archive->magic == SIGNET_BOOT_MAGIC) {
      if (archive->length % PC_PAGE || archive->length > high - low)
        pc_refuse("the boot archive is damaged, or this machine has too little memory: %lu KiB of archive, %lu KiB of "
                  "memory behind the kernel",
                  archive->length >> 10, (high - low) >> 10);
      pc_boot.archive_low = low;
      pc_boot.archive_high = low + archive->length;
      low = pc_boot.archive_high;
    }
  }
  /* Ascending, whatever the loader's order. */
  uint32_t place = pc_boot.ranges;
  add_range(low, high);
  for (; pc_boot.ranges > place && place && pc_boot.ram[place - 1].low > low; place--) {
    pc_boot.ram[place] = pc_boot.ram[place - 1];
    pc_boot.ram[place - 1].low = low;
    pc_boot.ram[place - 1].high = high;
  }
}

static void read_start_info(uint64_t physical) {
  static char command_line[COMMAND_LINE_MOST];
  const struct start_info *start = loaders(physical, sizeof *start);
  if (start->magic != START_MAGIC || start->version < 1)
    pc_refuse("the loader does not speak PVH version 1 (magic 0x%x, version %u)", start->magic, start->version);
  pc_boot.rsdp = start->rsdp;
  if (start->command_line) {
    const char *text = loaders(start->command_line, COMMAND_LINE_MOST);
    for (unsigned i = 0; i < COMMAND_LINE_MOST && text[i]; i++) {
      command_line[i] = text[i];
      if (i == COMMAND_LINE_MOST - 1)
        pc_refuse("the command line is longer than %u bytes", COMMAND_LINE_MOST - 1);
    }
  }
  pc_boot.command_line = command_line;
  if (start->memory_map_entries > MAP_MOST)
    pc_refuse("the loader's memory map has %u entries, more than %u", start->memory_map_entries, MAP_MOST);
  const struct memory_map_entry *map = loaders(start->memory_map, start->memory_map_entries * sizeof *map);
  for (uint32_t i = 0; i < start->memory_map_entries; i++)
    if (map[i].type == MEMORY_RAM && map[i].length && map[i].address < PC_DIRECT_MOST &&
        map[i].length <= PC_DIRECT_MOST - map[i].address)
      take_range(map[i].address, map[i].address + map[i].length);
}

void pc_figures(const char *when) {
  uint64_t used = pc_frames_total() - pc_frames_free_count();
  struct kernel_statistics statistics;
  kernel_statistics(&statistics);
  pc_print("signet: figures %s: first-instruction %lu text %lu image %lu archive %lu frames-used %lu frames-free %lu "
           "kernel-pages %lu switches %lu messages %lu now %lu\n",
           when, first_instruction, (uint64_t)(pc_text_high - pc_text_low), (uint64_t)(pc_data_high - pc_text_low),
           pc_boot.archive_high - pc_boot.archive_low, used, pc_frames_free_count(), statistics.pages,
           statistics.switches, statistics.messages, pc_read_tsc());
}

static void make_first_process(void) {
  const struct signet_boot *archive = pc_archive_header();
  const struct signet_boot_entry *entry = pc_archive_entry(archive->first);
  const struct signet_boot_device *devices = pc_archive_devices();
  struct kernel_image *image;
  struct kernel_image_facts facts = {.instructions = 0};
  struct kernel_refusal refusal;
  /* What is loaded is hashed for its name: it need not be hashed before, unless it is refused. */
  const uint8_t *bytes = (const uint8_t *)archive + entry->offset;
  enum signet_status status = kernel_image_load(bytes, entry->length, &image, &refusal);
  if (!status)
    kernel_image_facts(image, &facts);
  if (status == SIGNET_IMAGE ? !pc_archive_bytes(archive->first)
                             : !status && memcmp(facts.hash, entry->hash, sizeof facts.hash) != 0)
    pc_refuse("the boot archive is damaged: '%s' is not what its hash says", entry->name);
  if (status == SIGNET_IMAGE)
    pc_refuse("'%s' is no image that may run: %s", entry->name, refusal.text);
  if (status)
    pc_refuse("too little memory to load '%s'", entry->name);
  struct signet_process_specification specification = {.slots = archive->devices,
                                                       .startup_length = archive->system_length,
                                                       .stack = STACK_OF_FIRST,
                                                       .quota = archive->quota};
  memcpy(specification.name, entry->name, sizeof specification.name);
  if (!specification.quota.memory)
    specification.quota = (struct signet_quota){.memory = pc_frames_free_count() * PC_PAGE,
                                                .threads = THREADS_OF_ALL,
                                                .handles = 4 * THREADS_OF_ALL,
                                                .regions = 16 * THREADS_OF_ALL,
                                                .processes = PC_WINDOWS - 1};
  status = kernel_process_create(image, &specification, pc_archive_system(), &first);
  kernel_image_release(image);
  if (status)
    pc_refuse("the first process, '%s', cannot be made: error %u (4: too little memory, 5: its quota)", entry->name,
              status);
  first_number = kernel_process_number(first);
  for (uint32_t i = 0; i < archive->devices; i++) {
    struct port_device *device = pc_device_create(&devices[i]);
    if (!device || kernel_process_grant_device(first, i, device))
      pc_refuse("device %u cannot be granted to '%s': too little memory", i, entry->name);
  }
}

/* Everybody else's end is its parent's to hear of. */
void port_report(const struct kernel_report *report) {
  if (report->process != first_number)
    return;
  pc_print("\nsignet: the first process, '%s', ended (kind %u, code %u, at 0x%x): nothing is left to run\n",
           report->name, report->ending.kind, report->ending.code, report->ending.instruction);
  pc_end(1);
}

void pc_start(uint64_t start_info) {
  pc_serial_prepare();
  pc_cpu_prepare();
  read_start_info(start_info);
  pc_command_line(pc_boot.command_line);
  pc_random_prepare();
  pc_memory_prepare();
  pc_paging_prepare();
  pc_window_prepare();
  pc_apic_prepare();
  pc_apic_cpu();
  pc_clock_prepare();
  pc_archive_check();
  pc_processors_start();
  if (!kernel_initialise())
    pc_refuse("too little memory for the kernel");
  make_first_process();
  pc_paging_seal();
  if (kernel_process_start(first))
    pc_refuse("the first process cannot be started: too little memory");
  first_instruction = pc_read_tsc();
  if (pc_options.figures)
    pc_figures("at the start");
  pc_cpu_run();
}
