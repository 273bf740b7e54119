/* Attacks the border between sealed processes and the real kernel in its real port: processes that keep secrets in
 * every register look for those of others and for addresses of the host (kernel_child.c); random verified programs run
 * among them with secrets of their own; all are pre-empted by the port's tick and by a storm of signals at random
 * moments; and the kernel's side of each crossing is looked at too (kernel_border.c). Prints TAP, or with --record what
 * was counted. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <signet/image.h>
#include <signet/layout.h>

#include "port/linux/linux.h"
#include "tests/execution/kernel_border.h"
#include "tests/execution/program.h"
#include "tests/lib/figures.h"
#include "tests/lib/random.h"

#define CHECKERS 5          /* processes of kernel_child.c at once; the last of them returns */
#define RANDOMS 4           /* random programs at once */
#define RANDOM_LIFE 3000000 /* nanoseconds */
#define ROUNDS 3000
#define RETURNS 200000

struct running {
  struct kernel_process *process;
  struct kernel_image *image; /* a random program's own */
  uint64_t seed, until;
  bool random, probe, corrupt, checker_returns;
};

static struct running running[CHECKERS + RANDOMS];
static struct kernel_image *checker;
static struct child_startup startup;
static uint64_t next_seed = 1;
static uint32_t next_number = 1;
static struct {
  uint64_t checkers, randoms, corrupted, stopped, faults, exits, events;
  _Atomic uint64_t signals;
} counted;
static uint64_t events_random;
static uint64_t failed_seed;
static const char *failed;
static _Atomic bool storm_ends;

static void must(bool good, const char *what) {
  if (good)
    return;
  printf("Bail out! %s\n", what);
  exit(1);
}

static uint64_t clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t mix(uint64_t value) { return random_next(&(struct random){value}); }

/* ---- Addresses of the host ---- */

/* What is mapped now, and 64 GiB around it for what is mapped later; all of it in few ranges. */
static void note_ranges(void) {
  const uint64_t around = UINT64_C(64) << 30;
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  unsigned count = 0;
  must(maps != NULL, "/proc/self/maps cannot be read");
  while (fgets(line, sizeof line, maps)) {
    uint64_t low, high;
    if (sscanf(line, "%lx-%lx", &low, &high) != 2 || low >> 47)
      continue;
    low = low > around ? low - around : SIGNET_PAGE;
    if (count && low <= startup.ranges[count - 1][1])
      startup.ranges[count - 1][1] = high;
    else if (count < RANGES_MOST)
      startup.ranges[count][0] = low, startup.ranges[count++][1] = high;
  }
  fclose(maps);
  memcpy(border_ranges, startup.ranges, sizeof border_ranges);
  for (unsigned i = 0; i < RANGES_MOST; i++)
    startup.ranges[i][0] = ~startup.ranges[i][0], startup.ranges[i][1] = ~startup.ranges[i][1];
}

/* ---- Images of random programs ---- */

#define START_PAGE 0x3f000u /* registers that the program starts with */
#define PROLOGUE PROGRAM_CODE_MOST

/* Loads everything and jumps to the code's beginning. %r14 is the window's base; each load is 10 bytes at most. */
#define LOAD_VECTOR(n) "vmovdqu 0x3f100+32*" #n "(%r14), %ymm" #n "\n.p2align 4, 0x90\n"
#define LOAD_X87(n) "fldt 0x3f300+16*" #n "(%r14)\n.p2align 4, 0x90\n"
#define LOAD(n, name) "mov 0x3f000+8*" #n "(%r14), %" name "\n.p2align 3, 0x90\n"
/* It begins with thread_create(corrupt, stack, 0, 0). That thread ends at once, or writes over return addresses for
 * ever: with the upper half of a kernel's address, which masked is the place that it was, and a bundle of this code. */
#define CORRUPT_FLAG 0x3fff0
#define BEGIN                                                                                                          \
  "mov $0x20440, %edi\nmov $0x5f000, %esi\nxor %edx, %edx\nxor %ecx, %ecx\n.fill 11, 1, 0x90\ncall *0x10010(%r14)\n"   \
  "jmp 1f\n.p2align 5, 0x90\n"                                                                                         \
  "cmpl $0, 0x3fff0(%r14)\njne 2f\nxor %edi, %edi\n.p2align 5, 0x90\n.fill 25, 1, 0x90\ncall *0x10018(%r14)\n"         \
  "2:\nmovabs $0xffffffff00020020, %rdx\n3:\nmov 0x3f020(%r14), %eax\nmov $64, %ecx\n.p2align 5, 0x90\n"               \
  "4:\nmov %rdx, %gs:-256(%eax,%ecx,8)\ndec %ecx\njne 4b\njmp 3b\n.p2align 5, 0x90\n1:\n"
__asm__(".pushsection .rodata\n.p2align 5\nprologue_low:\n" BEGIN LOAD_VECTOR(0) LOAD_VECTOR(1) LOAD_VECTOR(2)
            LOAD_VECTOR(3) LOAD_VECTOR(4) LOAD_VECTOR(5) LOAD_VECTOR(6) LOAD_VECTOR(7) LOAD_VECTOR(8) LOAD_VECTOR(9)
                LOAD_VECTOR(10) LOAD_VECTOR(11) LOAD_VECTOR(12) LOAD_VECTOR(13) LOAD_VECTOR(14) LOAD_VECTOR(15)
                    LOAD_X87(0) LOAD_X87(1) LOAD_X87(2) LOAD_X87(3) LOAD_X87(4) LOAD_X87(5) LOAD_X87(6) LOAD_X87(
                        7) "fldcw 0x3f3f0(%r14)\n.p2align 5, 0x90\n"
                           "mov 0x3f020(%r14), %eax\n mov %eax, %esp\n or %r14, %rsp\n.p2align 5, 0x90\n" LOAD(0, "rax")
                               LOAD(1, "rcx") LOAD(2, "rdx") LOAD(3, "rbx") LOAD(5, "rbp") LOAD(6, "rsi") LOAD(7, "rdi")
                                   LOAD(8, "r8") LOAD(9, "r9") LOAD(10, "r10") LOAD(11, "r11") LOAD(12, "r12")
                                       LOAD(13, "r13") LOAD(15, "r15") "jmp prologue_low - 1024\n.p2align 5, 0x90\n"
                                                                       "prologue_high:\n.popsection");
extern const uint8_t prologue_low[], prologue_high[];
_Static_assert(PROLOGUE == 1024 && START_PAGE == 0x3f000, "the prologue above");
#define CORRUPT_LIFE 12000000

/* Written by hand, because the toolchain keeps %r11 for itself: is anything in it after a call? Calls abi_version and
 * thread_yield over and over, and ends with status 0; or with an ud2. */
__asm__(".pushsection .rodata\n.p2align 5\nprobe_low:\n"
        "mov %r14, %r11\n.p2align 5, 0x90\n.fill 25, 1, 0x90\ncall *0x10000(%r14)\n"
        "test %r11, %r11\njne 1f\nmov %r14, %r11\n.p2align 5, 0x90\n.fill 25, 1, 0x90\ncall *0x10020(%r14)\n"
        "test %r11, %r11\njne 1f\ndecl 0x40000(%r14)\njne probe_low\n.p2align 5, 0x90\n"
        "mov $1, %edi\nxor %esi, %esi\n.fill 18, 1, 0x90\ncall *0x10008(%r14)\n"
        "1:\nud2\n.p2align 5, 0x90\nprobe_high:\n.popsection");
extern const uint8_t probe_low[], probe_high[];
#define PROBE_TIMES 2000

struct start_page {
  uint64_t general[16];
  uint8_t unused[0x80];
  uint8_t vector[16][32];
  uint8_t x87[8][16];
  uint8_t unused2[0x70];
  uint16_t x87_control;
  uint8_t unused3[CORRUPT_FLAG - START_PAGE - 0x3f2];
  uint64_t corrupt, unused4;
};
struct header {
  uint8_t magic[16];
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, programs, sections;
  uint32_t flags;
  uint16_t size, program_size, program_count, section_size, section_count, section_names;
};
struct program_header {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_length, length, alignment;
};
struct image_file {
  struct header header;
  struct program_header program[4];
  uint32_t note_name, note_length, note_type;
  char name[8];
  struct signet_note note;
  uint8_t padding[SIGNET_PAGE - sizeof(struct header) - 4 * sizeof(struct program_header) - 20 -
                  sizeof(struct signet_note)];
  uint8_t code[SIGNET_PAGE];
  struct start_page start;
  uint64_t data[PROGRAM_DATA_LENGTH / 8];
} __attribute__((packed, aligned(8)));

static struct image_file file;

static void make_image(const struct program *program, const struct program_start *start, uint32_t number) {
  const uint32_t code_at = (uint32_t)offsetof(struct image_file, code),
                 from_start = (uint32_t)offsetof(struct image_file, start);
  memset(&file, 0, offsetof(struct image_file, data));
  file.header = (struct header){.magic = "\177ELF\2\1\1",
                                .type = 2,
                                .machine = 62,
                                .version = 1,
                                .entry = PROGRAM_CODE + PROLOGUE,
                                .programs = sizeof file.header,
                                .size = sizeof file.header,
                                .program_size = sizeof file.program[0],
                                .program_count = 4};
  file.program[0] = (struct program_header){1, 5, code_at, PROGRAM_CODE, 0, SIGNET_PAGE, SIGNET_PAGE, SIGNET_PAGE};
  file.program[1] = (struct program_header){1, 6, from_start, START_PAGE, 0, SIGNET_PAGE, SIGNET_PAGE, SIGNET_PAGE};
  file.program[2] = (struct program_header){
      1, 6, offsetof(struct image_file, data), PROGRAM_DATA, 0, PROGRAM_DATA_LENGTH, PROGRAM_DATA_LENGTH, SIGNET_PAGE};
  file.program[3] = (struct program_header){
      4, 4, offsetof(struct image_file, note_name), 0, 0, 20 + sizeof file.note, 20 + sizeof file.note, 4};
  file.note_name = 7;
  file.note_length = sizeof file.note;
  file.note_type = SIGNET_NOTE;
  memcpy(file.name, SIGNET_NOTE_NAME, 7);
  file.note = (struct signet_note){SIGNET_ABI_VERSION, program->parallel ? SIGNET_NOTE_PARALLEL : 0, 0};
  memset(file.code, 0x90, sizeof file.code);
  memcpy(file.code, program->code, program->length);
  memcpy(file.code + PROLOGUE, prologue_low, (size_t)(prologue_high - prologue_low));
  memcpy(file.start.general, start->general, sizeof file.start.general);
  uint64_t random = program->seed;
  for (unsigned i = 0; i < 64; i++) {
    uint64_t secret = SECRET(number, random = mix(random));
    memcpy((uint8_t *)file.start.vector + 8 * i, &secret, 8);
  }
  for (unsigned i = 0; i < 8; i++) {
    uint64_t secret = SECRET(number, random = mix(random));
    memcpy(file.start.x87[i], &secret, 8);
    file.start.x87[i][8] = 0xff;
    file.start.x87[i][9] = random & 1 ? 0x3f : 0xbf;
  }
  /* Sometimes the x87's exceptions are unmasked, and one of them waits as soon as one is made. */
  file.start.x87_control = random >> 8 & 3 ? start->x87_control : start->x87_control & 0xffc0;
  for (size_t i = 0; i < PROGRAM_DATA_LENGTH / 8; i++) {
    random = mix(random);
    file.data[i] = random & 1 ? SECRET(number, random >> 8) : random >> (random >> 1 & 63);
  }
}

/* ---- What the kernel asks of the host: it leaves an address in every vector register ---- */

static bool dirty_request(struct port_device *device, const struct port_request *request,
                          struct signet_result *result) {
  border_dirty((uint64_t)device);
  *result = (struct signet_result){SIGNET_OK, request->operation & 0xff};
  return true;
}

static void dirty_close(struct port_device *device) { border_dirty((uint64_t)device); }

static void dirty_report(void *context, const struct kernel_report *report) {
  (void)context;
  border_dirty((uint64_t)report);
}

static struct port_device dirty = {.request = dirty_request, .close = dirty_close, .reset = dirty_close};

/* ---- Processes ---- */

static struct kernel_process *create(struct kernel_image *image, const char *name, const void *bytes, uint32_t length) {
  struct signet_process_specification specification = {
      .slots = bytes != NULL,
      .startup_length = length,
      .stack = 128 << 10,
      .quota = {.memory = 8 << 20, .threads = 4, .handles = 64, .regions = 64, .processes = 1}};
  struct kernel_process *process;
  strcpy(specification.name, name);
  if (kernel_process_create(image, &specification, bytes, &process) != SIGNET_OK)
    return NULL;
  if (bytes && kernel_process_grant_device(process, 0, &dirty) != SIGNET_OK)
    return NULL;
  return kernel_process_start(process) == SIGNET_OK ? process : NULL;
}

static uint32_t take_number(void) {
  next_number = next_number % 4094 + 1;
  return next_number;
}

static void start_checker(struct running *slot, bool returns) {
  startup.seed = mix(slot->seed = next_seed++);
  startup.number = take_number();
  startup.mode = returns ? CHILD_RETURNS : CHILD_CROSSES;
  startup.rounds = returns ? RETURNS : ROUNDS;
  slot->process = create(checker, "checker", &startup, sizeof startup);
  must(slot->process != NULL, "a checker cannot be started");
  slot->until = UINT64_MAX;
  counted.checkers++;
}

static void start_random(struct running *slot) {
  static struct program program, near;
  static struct program_start start;
  struct kernel_refusal refusal;
  slot->seed = next_seed++;
  program_generate(&program, &start, slot->seed, port_features());
  near = program;
  if (slot->seed % 4 == 0 && program_near_miss(&near, slot->seed))
    program = near;
  slot->probe = slot->seed % 16 == 0;
  if (slot->probe) {
    program.length = (uint32_t)(probe_high - probe_low);
    memcpy(program.code, probe_low, program.length);
    program.parallel = false;
    start.general[4] = PROGRAM_STACK - 256;
  }
  slot->corrupt = !slot->probe && !program.parallel && slot->seed % 2;
  if (slot->corrupt)
    start.general[4] = PROGRAM_STACK - 1024;
  make_image(&program, &start, take_number());
  file.start.corrupt = slot->corrupt;
  counted.corrupted += slot->corrupt;
  if (slot->probe)
    file.data[0] = PROBE_TIMES;
  bool loaded = kernel_image_load(&file, sizeof file, &slot->image, &refusal) == SIGNET_OK;
  must(loaded, refusal.text);
  slot->process = create(slot->image, "random", NULL, 0);
  must(slot->process != NULL, "a random program cannot be started");
  slot->until = slot->probe ? UINT64_MAX : clock_now() + (slot->corrupt ? CORRUPT_LIFE : RANDOM_LIFE);
  counted.randoms++;
}

static void start(struct running *slot) {
  *slot = (struct running){.random = slot - running >= CHECKERS, .checker_returns = slot - running == CHECKERS - 1};
  if (slot->random)
    start_random(slot);
  else
    start_checker(slot, slot->checker_returns);
}

static const char *finding_text(uint32_t code) {
  static const char *const texts[] = {
#define TEXT(name, text) text,
      CHILD_FINDINGS(TEXT)};
#undef TEXT
  return code < FINDINGS ? texts[code] : "it ended with a status that it does not have";
}

static void judge(const struct running *slot, const struct signet_ending *ending) {
  /* Windows are 4 GiB and begin at a multiple of it; the guards of the two beside this one are its own, too. */
  uint32_t low_half = (uint32_t)ending->address;
  if (ending->kind == SIGNET_ENDED_FAULT && ending->address >> 32 && low_half >= SIGNET_GUARD &&
      low_half < UINT32_MAX - SIGNET_GUARD) {
    failed_seed = slot->seed;
    failed = "a process reached for memory outside its window and the guards";
  }
  if (slot->random && !slot->probe) {
    *(ending->kind == SIGNET_ENDED_FAULT ? &counted.faults : &counted.exits) += ending->kind != SIGNET_ENDED_STOPPED;
    return;
  }
  if (ending->kind == SIGNET_ENDED_EXIT && ending->code == 0)
    return;
  static char text[240];
  uint32_t finding = (uint32_t)(ending->address >> 10);
  failed_seed = slot->seed;
  failed = text;
  if (ending->kind == SIGNET_ENDED_FAULT && ending->code == SIGNET_FAULT_READ && finding && finding < FINDINGS)
    snprintf(text, sizeof text, "%s (call %u, register %u)", finding_text(finding),
             (unsigned)(ending->address >> 4 & 63), (unsigned)(ending->address & 15));
  else
    snprintf(text, sizeof text, "a checker ended by itself: kind %u, code %u, at 0x%x, address 0x%lx", ending->kind,
             ending->code, ending->instruction, (unsigned long)ending->address);
}

static void look(struct running *slot) {
  struct signet_ending ending;
  if (!kernel_process_ended(slot->process, &ending)) {
    if (!slot->random && !slot->checker_returns && mix(++events_random) % 8 == 0) {
      kernel_process_event(slot->process, SIGNET_EVENT_WINDOW_SIZE);
      counted.events++;
    }
    if (clock_now() < slot->until)
      return;
    kernel_process_stop(slot->process);
    slot->until = UINT64_MAX;
    counted.stopped++;
    return;
  }
  judge(slot, &ending);
  kernel_process_release(slot->process);
  if (slot->image)
    kernel_image_release(slot->image);
  start(slot);
}

/* ---- The storm ---- */

static void *storm(void *context) {
  uint64_t random = *(const uint64_t *)context;
  pid_t self = getpid();
  while (!atomic_load(&storm_ends)) {
    random = mix(random);
    struct timespec pause = {0, (long)(random % 64 ? 1000 + (random >> 8) % 150000 : 2000000)};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    int thread = atomic_load(&border_threads[random >> 40 & 1]);
    if (thread && syscall(SYS_tgkill, self, thread, SIGRTMIN) == 0)
      counted.signals++;
  }
  return NULL;
}

/* ---- Counts ---- */

static void print_counts(const char *prefix) {
  printf(
      "%s%s processes that keep secrets in every register and look for others', and %s random verified programs with "
      "secrets (%s of them with a thread that writes over return addresses; %s ended by a fault, %s stopped), in the "
      "real kernel on two processors\n",
      prefix, thousands(counted.checkers), thousands(counted.randoms), thousands(counted.corrupted),
      thousands(counted.faults), thousands(counted.stopped));
  printf(
      "%s%s kernel calls, %s pre-emptions (%s signals sent at random moments), %s faults: the kernel's own state was "
      "looked at in each; %s events came in between\n",
      prefix, thousands(border_counts.calls), thousands(border_counts.preemptions), thousands(counted.signals),
      thousands(border_counts.faults), thousands(counted.events));
  printf("%s%s entries of a process after a call or at its start, %s after a pre-emption, %s of those at the beginning "
         "of a masked return\n",
         prefix, thousands(border_counts.enters), thousands(border_counts.frames), thousands(border_counts.returns));
}

static int usage(int status) {
  fprintf(status ? stderr : stdout,
          "usage: kernel IMAGE [--seed N] [--seconds N] [--record]\n"
          "Attacks the border between sealed processes and the real kernel. IMAGE is kernel_child.\n"
          "  --seed N     of the first process (1)\n"
          "  --seconds N  how long (15)\n"
          "  --record     print counts for the record instead of TAP\n"
          "Ends with 0 if nothing was found, 1 if something was, 2 for wrong arguments.\n");
  return status;
}

static void load_checker(const char *path) {
  static uint8_t bytes[1 << 20];
  struct kernel_refusal refusal;
  FILE *from = fopen(path, "rb");
  must(from != NULL, path);
  size_t length = fread(bytes, 1, sizeof bytes, from);
  fclose(from);
  bool loaded = kernel_image_load(bytes, length, &checker, &refusal) == SIGNET_OK;
  must(loaded, refusal.text);
}

int main(int count, char **arguments) {
  static const struct option options[] = {
      {"seed", 1, NULL, 's'}, {"seconds", 1, NULL, 't'}, {"record", 0, NULL, 'r'}, {"help", 0, NULL, 'h'}, {0}};
  double seconds = 15;
  bool record = false;
  for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
    switch (option) {
    case 's':
      next_seed = strtoull(optarg, NULL, 0);
      break;
    case 't':
      seconds = strtod(optarg, NULL);
      break;
    case 'r':
      record = true;
      break;
    case 'h':
      return usage(0);
    default:
      return usage(2);
    }
  }
  if (optind + 1 != count)
    return usage(2);
  struct linux_port_options port = {.cpus = 2, .windows = 64, .report = dirty_report};
  const char *problem = "";
  uint64_t storm_seed = next_seed;
  bool prepared = linux_port_prepare(&port, &problem);
  must(prepared, problem);
  note_ranges();
  must(kernel_initialise(), "no memory");
  load_checker(arguments[optind]);
  must(linux_host_thread_start(LINUX_THREAD_ORDINARY, storm, &storm_seed), "no thread for the storm");
  bool started = linux_port_start(&problem);
  must(started, problem);
  for (unsigned i = 0; i < CHECKERS + RANDOMS; i++)
    start(&running[i]);
  uint64_t end = clock_now() + (uint64_t)(seconds * 1e9);
  while (clock_now() < end && !failed && !border_found) {
    for (unsigned i = 0; i < CHECKERS + RANDOMS && !failed; i++)
      look(&running[i]);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 200000}, NULL);
  }
  atomic_store(&storm_ends, true);
  if (failed)
    printf("# seed %llu: %s\n", (unsigned long long)failed_seed, failed);
  if (border_found)
    printf("# at the border: %s (seed %llu)\n", border_found, (unsigned long long)storm_seed);
  const char *broken = kernel_check_invariants();
  if (broken)
    printf("# the kernel's invariant is broken: %s\n", broken);
  print_counts(record ? "record: " : "# ");
  bool good = !failed && !broken && !border_found && border_counts.returns > 0 && border_counts.preemptions > 100;
  if (!record) {
    printf("%sok 1 - processes and random programs leave nothing behind and find nothing\n1..1\n", good ? "" : "not ");
  }
  fflush(stdout);
  _exit(!good);
}
