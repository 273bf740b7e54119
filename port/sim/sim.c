/* The port's functions under simulation (see sim.h). Called by the kernel as port/port.h says; every rule there is
 * asserted. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "port/sim/sim.h"

#define WINDOW_BYTES (UINT64_C(1) << 32)
#define PAGES (WINDOW_BYTES / SIGNET_PAGE)

enum { ACCESS_NONE, ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_CODE = 4, ACCESS_BLOCK = 8, ACCESS_MAPPED = 16 };

struct port_image {
  size_t length;
  uint8_t *bytes;
};

struct port_block {
  uint64_t length;
  uint8_t *bytes;
  bool mapped;
};

static struct {
  uint8_t *memory; /* 4 GiB of address space, reserved once */
  uint8_t *access; /* a byte a page; NULL: not created */
} windows[SIM_WINDOWS];

static bool locked;
static uint32_t cpu;
static struct {
  struct port_context *context;
  uint32_t window;
} running[SIM_CPUS];
static jmp_buf back;
static unsigned fail_in;
static bool failed;

uint64_t sim_clock = 1000;
uint32_t sim_features = ~0u;
struct sim_alive sim_alive;
struct kernel_report sim_last_report;
unsigned sim_reports;
uint64_t sim_woken;

#define RULE(condition) ((condition) ? (void)0 : port_panic(__FILE__, __LINE__, #condition))

_Noreturn void port_panic(const char *file, int line, const char *condition) {
  printf("Bail out! %s:%d: %s\n", file, line, condition);
  fflush(stdout);
  abort();
}

void (*sim_unlocked)(int busy);

static bool acting; /* a processor is in the kernel, not the host */
static bool again;  /* it has had the lock since it came in */

static void unlocked_point(void) {
  static bool inside;
  RULE(!locked);
  if (!sim_unlocked || inside)
    return;
  jmp_buf saved;
  uint32_t self = cpu;
  memcpy(&saved, &back, sizeof saved);
  bool by_processor = acting, had_lock = again;
  inside = true;
  acting = false;
  sim_unlocked(by_processor ? (int)self : -1);
  inside = false;
  acting = by_processor;
  again = had_lock;
  memcpy(&back, &saved, sizeof back);
  cpu = self;
}

void sim_fail_at(unsigned n) {
  fail_in = n;
  failed = false;
}
bool sim_failed(void) { return failed; }

static bool have_memory(void) {
  if (!fail_in || --fail_in)
    return true;
  failed = true;
  return false;
}

/* ---- Memory of the kernel ---- */

void *port_pages_allocate(size_t length) {
  RULE(locked && length && length % SIGNET_PAGE == 0);
  if (!have_memory())
    return NULL;
  void *pages = aligned_alloc(SIGNET_PAGE, length);
  RULE(pages);
  memset(pages, 0, length);
  sim_alive.pages += length / SIGNET_PAGE;
  return pages;
}

void port_pages_free(void *pages, size_t length) {
  RULE(locked && pages && length % SIGNET_PAGE == 0);
  sim_alive.pages -= length / SIGNET_PAGE;
  free(pages);
}

/* ---- Windows ---- */

uint32_t port_window_count(void) { return SIM_WINDOWS; }

bool port_window_create(uint32_t window) {
  RULE(locked && window < SIM_WINDOWS && !windows[window].access);
  if (!have_memory())
    return false;
  if (!windows[window].memory) {
    windows[window].memory =
        mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RULE(windows[window].memory != MAP_FAILED);
  }
  windows[window].access = calloc(PAGES, 1);
  RULE(windows[window].access);
  windows[window].access[SIGNET_ENTRY_TABLE / SIGNET_PAGE] = ACCESS_READ;
  windows[window].access[SIGNET_THREAD_PAGE / SIGNET_PAGE] = ACCESS_READ | ACCESS_WRITE;
  sim_alive.windows++;
  return true;
}

static void forget_pages(uint32_t window, uint64_t offset, uint64_t length) {
  uint64_t touched = 0;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++) {
    uint8_t *access = &windows[window].access[page];
    sim_alive.mapped -= *access & ACCESS_MAPPED ? 1 : 0;
    touched += *access;
    *access = ACCESS_NONE;
  }
  if (touched)
    madvise(windows[window].memory + offset, length, MADV_DONTNEED);
}

void port_window_destroy(uint32_t window) {
  RULE(locked && windows[window].access);
  for (uint64_t page = 0; page < PAGES; page++)
    RULE(!(windows[window].access[page] & ACCESS_BLOCK));
  forget_pages(window, 0, WINDOW_BYTES);
  free(windows[window].access);
  windows[window].access = NULL;
  sim_alive.windows--;
}

static void mappable(uint32_t window, uint64_t offset, uint64_t length) {
  RULE(window < SIM_WINDOWS && windows[window].access && length);
  RULE(offset % SIGNET_PAGE == 0 && length % SIGNET_PAGE == 0);
  RULE(offset >= SIGNET_IMAGE_LOW && offset + length <= SIGNET_BLOCKS_HIGH);
}

static uint8_t access_of(enum signet_protection protection) {
  return protection == SIGNET_PROTECT_WRITE  ? ACCESS_READ | ACCESS_WRITE | ACCESS_MAPPED
         : protection == SIGNET_PROTECT_READ ? ACCESS_READ | ACCESS_MAPPED
                                             : ACCESS_MAPPED;
}

bool port_window_map(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  RULE(locked);
  mappable(window, offset, length);
  if (!have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++)
    RULE(!(windows[window].access[page] & (ACCESS_CODE | ACCESS_BLOCK)));
  forget_pages(window, offset, length);
  if (protection == SIGNET_PROTECT_NONE)
    return true;
  memset(windows[window].access + offset / SIGNET_PAGE, access_of(protection), length / SIGNET_PAGE);
  sim_alive.mapped += length / SIGNET_PAGE;
  return true;
}

bool port_window_unmap(uint32_t window, uint32_t offset, uint64_t length) {
  RULE(locked);
  mappable(window, offset, length);
  if (!have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++)
    RULE(!(windows[window].access[page] & (ACCESS_CODE | ACCESS_BLOCK)));
  forget_pages(window, offset, length);
  return true;
}

bool port_window_protect(uint32_t window, uint32_t offset, uint64_t length, enum signet_protection protection) {
  RULE(locked);
  mappable(window, offset, length);
  if (!have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++) {
    RULE(windows[window].access[page] & ACCESS_MAPPED &&
         !(windows[window].access[page] & (ACCESS_CODE | ACCESS_BLOCK)));
    windows[window].access[page] = access_of(protection);
  }
  return true;
}

void *sim_memory(uint32_t window, uint64_t offset, uint64_t length, bool write) {
  RULE(window < SIM_WINDOWS && windows[window].access);
  if (offset > WINDOW_BYTES || length > WINDOW_BYTES - offset)
    return NULL;
  for (uint64_t page = offset / SIGNET_PAGE; length && page <= (offset + length - 1) / SIGNET_PAGE; page++)
    if (!(windows[window].access[page] & (write ? ACCESS_WRITE : ACCESS_READ)))
      return NULL;
  return windows[window].memory + offset;
}

bool port_copy_in(void *to, uint32_t window, uint32_t from, size_t length) {
  RULE(locked && from + (uint64_t)length <= WINDOW_BYTES);
  const void *memory = sim_memory(window, from, length, false);
  if (memory && length)
    memcpy(to, memory, length);
  else
    memset(to, 0, length); /* looks like something, and is not to be used */
  return memory;
}

bool port_copy_out(uint32_t window, uint32_t to, const void *from, size_t length) {
  RULE(locked && to + (uint64_t)length <= WINDOW_BYTES);
  void *memory = sim_memory(window, to, length, true);
  if (memory && length)
    memcpy(memory, from, length);
  return memory;
}

bool port_copy_across(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, size_t length) {
  RULE(locked && from + (uint64_t)length <= WINDOW_BYTES && to + (uint64_t)length <= WINDOW_BYTES);
  const void *source = sim_memory(from_window, from, length, false);
  void *target = sim_memory(to_window, to, length, true);
  if (source && target && length)
    memmove(target, source, length);
  return source && target;
}

bool port_load_pair(uint32_t window, uint32_t offset, uint64_t *first, uint64_t *second) {
  RULE(offset % 8 == 0 && running[cpu].window == window);
  bool there = port_copy_in(first, window, offset, sizeof *first);
  return port_copy_in(second, window, offset + sizeof *first, sizeof *second) && there;
}

bool port_copy_after_pair(uint32_t from_window, uint32_t from, uint32_t to_window, uint32_t to, uint64_t first,
                          uint64_t second, uint32_t gap, uint32_t length) {
  const uint64_t pair[] = {first, second};
  RULE(to % 8 == 0 && running[cpu].window == from_window);
  return port_copy_across(from_window, from + gap, to_window, to + gap, length) &&
         port_copy_out(to_window, to, pair, sizeof pair);
}

bool port_load_word(uint32_t window, uint32_t offset, uint32_t *value) {
  RULE(offset % 4 == 0);
  return port_copy_in(value, window, offset, 4);
}

bool port_store_word(uint32_t window, uint32_t offset, uint32_t value) {
  RULE(offset % 4 == 0);
  return port_copy_out(window, offset, &value, 4);
}

/* ---- Images ---- */

struct port_image *port_image_create(const void *bytes, size_t length) {
  RULE(length);
  unlocked_point();
  if (!have_memory())
    return NULL;
  struct port_image *image = malloc(sizeof *image);
  image->length = length;
  image->bytes = malloc(length); /* exactly as long, so that reading past its end is seen */
  memcpy(image->bytes, bytes, length);
  sim_alive.images++;
  return image;
}

const void *port_image_bytes(const struct port_image *image) { return image->bytes; }

bool port_image_map(const struct port_image *image, uint64_t image_offset, uint32_t window, uint32_t offset,
                    uint64_t length, bool code, enum signet_protection protection) {
  unlocked_point();
  RULE(image_offset % SIGNET_PAGE == 0 && image_offset < image->length);
  RULE(image_offset + length < image->length + SIGNET_PAGE);
  RULE(!code || protection == SIGNET_PROTECT_READ);
  mappable(window, offset, length);
  if (!have_memory())
    return false;
  uint64_t there = image->length - image_offset < length ? image->length - image_offset : length;
  memcpy(windows[window].memory + offset, image->bytes + image_offset, there);
  memset(windows[window].access + offset / SIGNET_PAGE, access_of(protection) | (code ? ACCESS_CODE : 0),
         length / SIGNET_PAGE);
  sim_alive.mapped += length / SIGNET_PAGE;
  return true;
}

void port_image_destroy(struct port_image *image) {
  RULE(locked);
  free(image->bytes);
  free(image);
  sim_alive.images--;
}

uint32_t port_features(void) { return sim_features; }

/* ---- Blocks ---- */

struct port_block *port_block_create(uint64_t length) {
  RULE(locked && length && length % SIGNET_PAGE == 0);
  if (!have_memory())
    return NULL;
  struct port_block *block = malloc(sizeof *block);
  *block = (struct port_block){.length = length, .bytes = calloc(length, 1)};
  RULE(block->bytes);
  sim_alive.blocks++;
  return block;
}

void port_block_destroy(struct port_block *block, uint64_t length) {
  RULE(locked && block->length == length && !block->mapped);
  free(block->bytes);
  free(block);
  sim_alive.blocks--;
}

bool port_block_map(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  RULE(locked && block->length == length && !block->mapped);
  RULE(offset >= SIGNET_BLOCKS_LOW);
  mappable(window, offset, length);
  if (!have_memory())
    return false;
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++) {
    RULE(!windows[window].access[page]);
    windows[window].access[page] = ACCESS_READ | ACCESS_WRITE | ACCESS_BLOCK | ACCESS_MAPPED;
  }
  sim_alive.mapped += length / SIGNET_PAGE;
  memcpy(windows[window].memory + offset, block->bytes, length);
  block->mapped = true;
  return true;
}

void port_block_unmap(struct port_block *block, uint64_t length, uint32_t window, uint32_t offset) {
  RULE(locked && block->length == length && block->mapped);
  mappable(window, offset, length);
  memcpy(block->bytes, windows[window].memory + offset, length);
  for (uint64_t page = offset / SIGNET_PAGE; page < (offset + length) / SIGNET_PAGE; page++)
    RULE(windows[window].access[page] & ACCESS_BLOCK);
  forget_pages(window, offset, length);
  block->mapped = false;
}

const void *port_block_bytes(struct port_block *block, uint64_t length) {
  RULE(block->length == length && !block->mapped);
  return block->bytes;
}

/* ---- Processors and time ---- */

uint32_t port_cpu_count(void) { return SIM_CPUS; }
uint32_t port_cpu_self(void) { return cpu; }

void port_lock(void) {
  RULE(!locked);
  if (acting && again)
    unlocked_point();
  again = acting;
  locked = true;
}

void port_unlock(void) {
  RULE(locked);
  locked = false;
}

void port_idle(uint64_t deadline) {
  RULE(locked);
  running[cpu].context = NULL;
  if (deadline <= sim_clock)
    return;
  locked = false;
  longjmp(back, 1);
}

void port_wake(uint32_t number) {
  RULE(number < SIM_CPUS);
  sim_woken |= UINT64_C(1) << number;
}

uint64_t port_clock(enum signet_clock clock) {
  RULE(clock <= SIGNET_CLOCK_PROCESS);
  return clock == SIGNET_CLOCK_REALTIME ? sim_clock + 1000000 : sim_clock;
}

void port_random(void *bytes, size_t length) {
  static uint8_t next = 1;
  for (size_t i = 0; i < length; i++)
    ((uint8_t *)bytes)[i] = next = (uint8_t)(next * 5 + 1) | 1;
}

/* ---- Threads ---- */

struct port_context *port_context_create(uint32_t entry, uint32_t stack, uint64_t argument, uint64_t thread_pointer) {
  RULE(locked && entry % SIGNET_BUNDLE == 0);
  if (!have_memory())
    return NULL;
  struct port_context *context = calloc(1, sizeof *context);
  *context = (struct port_context){.entry = entry,
                                   .stack = stack,
                                   .argument = argument,
                                   .thread_pointer = thread_pointer,
                                   .mxcsr = 0x1f80,
                                   .x87 = 0x37f};
  sim_alive.contexts++;
  return context;
}

void port_context_destroy(struct port_context *context) {
  RULE(locked);
  free(context);
  sim_alive.contexts--;
}

void port_context_set_result(struct port_context *context, struct signet_result result) {
  RULE(locked && result.status >= 0);
  context->result = result;
  context->answered = true;
}

void port_context_set_floating_point(struct port_context *context, uint32_t mxcsr, uint32_t x87) {
  context->mxcsr = mxcsr;
  context->x87 = x87;
}

bool port_context_divert(struct port_context *context, uint32_t entry, uint64_t event) {
  if (context->diverted)
    return false;
  context->diverted = true;
  context->kept = context->result;
  context->kept_answered = context->answered;
  context->answered = false;
  context->event_entry = entry;
  context->event = event;
  return true;
}

bool port_context_return(struct port_context *context) {
  if (!context->diverted)
    return false;
  context->diverted = false;
  context->result = context->kept;
  context->answered = context->kept_answered;
  return true;
}

_Noreturn void port_resume(struct port_context *context, uint32_t window) {
  RULE(locked && windows[window].access);
  for (uint32_t other = 0; other < SIM_CPUS; other++)
    RULE(other == cpu || !running[other].context || running[other].window != window); /* the serial rule */
  running[cpu].context = context;
  running[cpu].window = window;
  locked = false;
  longjmp(back, 1);
}

_Noreturn void port_answer(struct port_context *context, uint32_t window, struct signet_result result) {
  RULE(running[cpu].context != context);
  port_context_set_result(context, result);
  port_resume(context, window);
}

/* ---- Devices ---- */

bool port_device_request(struct port_device *device, const struct port_request *request, struct signet_result *result) {
  unlocked_point();
  RULE(!device->closed);
  device->requests++;
  device->last = *request;
  snprintf(device->text[0], sizeof device->text[0], "%s", request->text);
  snprintf(device->text[1], sizeof device->text[1], "%s", request->text2);
  if (device->ready) {
    *result = device->answer;
    return true;
  }
  device->waiting = request->thread;
  if (device->ready_early) {
    device->ready_early = false;
    device->ready = true;
    sim_device_ready(device);
  }
  return false;
}

void port_device_forget(struct port_device *device, void *thread) {
  RULE(locked && !device->closed);
  device->forgotten += device->waiting == thread;
  if (device->waiting == thread)
    device->waiting = NULL;
}

void port_device_reset(struct port_device *device) {
  RULE(locked && !device->closed && !device->waiting);
  device->resets++;
}

void port_device_close(struct port_device *device) {
  RULE(locked && !device->closed && !device->waiting);
  device->closed = true;
}

void port_report(const struct kernel_report *report) {
  sim_last_report = *report;
  sim_reports++;
}

/* ---- Acting ---- */

void sim_choose_cpu(uint32_t number) { cpu = number; }
struct port_context *sim_current(void) {
  return running[cpu].context;
}
uint32_t sim_window(void) { return running[cpu].window; }

void sim_run(void) {
  RULE(!running[cpu].context);
  acting = true;
  again = false;
  if (!setjmp(back))
    kernel_cpu_run();
  acting = false;
  RULE(!locked);
}

struct signet_result sim_call(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  struct port_context *volatile caller = running[cpu].context;
  RULE(caller);
  caller->answered = false;
  acting = true;
  again = false;
  if (!setjmp(back)) {
    struct signet_result result = kernel_call(a, b, c, d, e, number);
    acting = false;
    RULE(!locked);
    return result;
  }
  acting = false;
  RULE(!locked);
  if (running[cpu].context == caller && caller->answered && !caller->diverted) {
    caller->answered = false;
    return caller->result;
  }
  return (struct signet_result){SIM_AWAY, 0};
}

void sim_preempt(void) {
  RULE(running[cpu].context);
  acting = true;
  again = false;
  if (!setjmp(back))
    kernel_preempted();
  acting = false;
}

void sim_fault(enum signet_fault kind, uint64_t address) {
  struct port_fault fault = {.kind = kind, .instruction = SIGNET_IMAGE_LOW, .address = address};
  RULE(running[cpu].context);
  acting = true;
  again = false;
  if (!setjmp(back))
    kernel_fault(&fault);
  acting = false;
}

void sim_device_ready(struct port_device *device) {
  void *thread = device->waiting;
  device->waiting = NULL;
  device->ready = true;
  if (!thread)
    return;
  port_lock();
  kernel_device_ready(thread);
  port_unlock();
}
