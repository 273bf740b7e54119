/* The sealed process of kernel.c: loads every register with secrets of its own, calls the kernel with random arguments
 * or computes, and looks at what is in registers and in memory afterwards. Without a C library. It ends with an exit
 * code of kernel_child.h. */
#include "tests/execution/kernel_child.h"

#include <stddef.h>

#include <signet/calls.h>
#include <signet/layout.h>

uint64_t crossing_in_general[16], crossing_out_general[16];
uint64_t crossing_in_vector[16][4], crossing_out_vector[16][4];
uint64_t crossing_in_x87[9][2], crossing_out_x87[8][2];
uint16_t crossing_out_x87_kind[8], crossing_out_x87_status, crossing_in_x87_control, crossing_out_x87_control,
    crossing_out_flags;
uint32_t crossing_out_mxcsr, crossing_x87_count;
uint64_t crossing_target;
uint16_t crossing_masked = 0x37f;

uint64_t event_general[16], event_vector[16][4];
uint16_t event_x87_kind[8], event_x87_control, event_other_control = 0xf7f;
uint32_t event_mxcsr;
volatile uint32_t event_count;

extern const uint8_t crossing_calls[], crossing_spin[];
void crossing(void);
void event_come(uint64_t event);
uint64_t return_address(void); /* with the window's base in it */
void returns(uint64_t times, volatile uint64_t *shared);
void corrupt_returns(void *shared);
_Noreturn void child_main(const struct signet_startup *startup);

enum { RAX, RCX, RDX, RBX, RBP = 5, RSI, RDI, R8, R9, R10, R12 = 12, R13, R15 = 15 };
static const uint8_t kept[] = {RBX, RBP, R12, R13, R15};
static const uint8_t cleared[] = {RCX, RSI, RDI, R8, R9, R10};
static const uint8_t at_start[] = {RAX, RCX, RDX, RBX, RBP, RSI, R8, R9, R10, R12, R13, R15};
#define MXCSR_FLAGS 0x3fu
#define X87_EMPTY 0x4100u /* what fxam says: C3 and C0, not C2 */
#define X87_KIND 0x4500u
#define X87_SIGN 0x0200u
#define LOWER 64 /* KiB looked at below the stack pointer */

static const struct signet_startup *startup;
static struct child_startup mine;
static uint64_t state;
static uint32_t mxcsr = 0x1f80, x87_control = 0x37f;

static uint32_t last_call = 63; /* 63: none, or it computed */

static _Noreturn void found_at(enum child_finding finding, unsigned index) {
  (void)*(const volatile uint8_t *)(uint64_t)FOUND_AT((uint32_t)finding, last_call, index);
  __builtin_trap();
}
static _Noreturn void found(enum child_finding finding) { found_at(finding, 0); }

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static uint64_t secret(void) { return SECRET(mine.number, next()); }

/* The ranges stay inverted in registers too: an event that comes here leaves those in memory, where they would be
 * found. */
static int of_host(uint64_t value) {
  for (int i = 0; i < RANGES_MOST; i++)
    if (mine.ranges[i][0] - ~value < mine.ranges[i][0] - mine.ranges[i][1])
      return 1;
  return 0;
}

static int own_address(uint64_t value) {
  return value - (return_address() & ~(uint64_t)UINT32_MAX) <= UINT64_C(1) << 32;
}

/* Number 0 is nobody's: a compiler may keep the bare tag. */
static int foreign(uint64_t value) {
  return SECRET_IS(value) && SECRET_NUMBER(value) && SECRET_NUMBER(value) != mine.number;
}
static int own(uint64_t value) { return SECRET_IS(value) && SECRET_NUMBER(value) == mine.number; }

/* Whole words, and those that lie across two. */
static void look(const volatile uint64_t *low, const volatile uint64_t *high) {
  for (; low < high; low++) {
    uint64_t value = *low;
    if (!value)
      continue;
    if (of_host(value) && !own_address(value))
      found(FOUND_MEMORY_HOST);
    if (foreign(value))
      found(FOUND_MEMORY_SECRET);
  }
}

static void zero(uint64_t offset, uint64_t length, enum child_finding finding) {
  const volatile uint64_t *words = (const volatile uint64_t *)offset;
  for (uint64_t i = 0; i < length / 8; i++)
    if (words[i])
      found(finding);
}

static void fill(uint64_t offset, uint64_t length) {
  volatile uint64_t *words = (volatile uint64_t *)offset;
  for (uint64_t i = 0; i < length / 8; i++)
    words[i] = secret();
}

static void check_start(void) {
  for (unsigned i = 0; i < sizeof at_start; i++)
    if (crossing_out_general[at_start[i]])
      found_at(FOUND_START_GENERAL, at_start[i]);
  for (unsigned i = 0; i < 64; i++)
    if (crossing_out_vector[i / 4][i % 4])
      found(FOUND_START_VECTOR);
  if (crossing_out_x87_control != 0x37f || crossing_out_x87_status)
    found(FOUND_START_X87);
  for (unsigned i = 0; i < 8; i++)
    if ((crossing_out_x87_kind[i] & (X87_KIND | X87_SIGN)) != X87_EMPTY)
      found(FOUND_START_X87);
  if (crossing_out_mxcsr != 0x1f80)
    found(FOUND_START_MXCSR);
}

/* What the last process in this window left in memory that every process has. */
static void check_inherited(void) {
  volatile uint64_t here = 0;
  uint64_t top = (uint64_t)&here & ~UINT64_C(7), data = (uint64_t)crossing_in_vector & -(uint64_t)SIGNET_PAGE;
  look((const volatile uint64_t *)(uint64_t)startup->stack_low, (const volatile uint64_t *)top);
  look((const volatile uint64_t *)data, (const volatile uint64_t *)(uint64_t)startup->image_high);
  zero(SIGNET_THREAD_PAGE, SIGNET_PAGE, FOUND_MEMORY_NEW);
}

/* Secrets there, for the next. */
static void leave(void) {
  volatile uint64_t here = 0;
  uint64_t top = ((uint64_t)&here - 2048) & ~UINT64_C(7);
  fill(startup->stack_low, top - startup->stack_low);
  fill(SIGNET_THREAD_PAGE + 8, SIGNET_PAGE - 8);
  fill((uint64_t)crossing_in_vector, sizeof crossing_in_vector);
}

static void prepare(void) {
  for (unsigned i = 0; i < 16; i++)
    crossing_in_general[i] = secret();
  for (unsigned i = 0; i < 64; i++)
    crossing_in_vector[i / 4][i % 4] = secret();
  crossing_x87_count = (uint32_t)(next() % 9);
  for (unsigned i = 0; i < 8; i++) {
    crossing_in_x87[i][0] = secret();
    crossing_in_x87[i][1] = next() & 1 ? 0xbfff : 0x3fff;
  }
  /* Sometimes its exceptions are unmasked, and sometimes one of them waits: a ninth push onto a full stack. */
  uint16_t unmasked = next() % 4 ? 0 : next() & 0x3f;
  crossing_in_x87_control = (uint16_t)(x87_control & ~(unsigned)unmasked);
  if (unmasked & 1 && next() & 1)
    crossing_x87_count = 9;
}

static uint64_t argument(uint32_t number, unsigned which) {
  static const uint64_t edges[] = {
      0,       1,       8,       0xfff,      0x1000,     0xffff,     0x10000,    0x11000, 0x11ff8,
      0x12000, 0x20000, 0x20020, 0xbfffffff, 0xc0000000, 0xfffeffff, 0xffffffff, ~0ull,   1ull << 32,
  };
  static uint64_t buffer[8192]; /* as much as any call writes */
  int of_memory = number >= SIGNET_CALL_memory_map && number <= SIGNET_CALL_memory_protect;
  if (of_memory && which == 0)
    return startup->area_low + next() % 64 * SIGNET_PAGE;
  if (of_memory && which == 1)
    return next() % 8 * SIGNET_PAGE;
  for (unsigned i = 0; i < 4; i++)
    buffer[next() % 512] = next() % 2 ? next() >> (40 + next() % 24) : edges[next() % (sizeof edges / sizeof *edges)];
  switch (next() % 6) {
  case 0:
    return edges[next() % (sizeof edges / sizeof *edges)];
  case 1:
  case 2:
    return (uint64_t)buffer;
  case 3:
    return next() % 8;
  case 4:
    return secret();
  default: {
    uint64_t value = next() >> next() % 64;
    /* What it wrote itself would be found; and nobody is to write over its own memory but the buffer. */
    return of_host(value) || (value >= startup->image_low && value < startup->area_high) ? 0 : value;
  }
  }
}

/* The call is made if it may be; false: it would end this process, or wait for ever. */
static int choose(uint32_t number) {
  static const uint8_t places[] = {RDI, RSI, RDX, RCX, R8};
  for (unsigned i = 0; i < sizeof places; i++)
    crossing_in_general[places[i]] = argument(number, i);
  switch (number) {
  case SIGNET_CALL_process_exit:
  case SIGNET_CALL_event_listen:
  case SIGNET_CALL_thread_create:
    return 0;
  case SIGNET_CALL_thread_exit:
    crossing_in_general[RDI] |= 1; /* no word: refused */
    return 1;
  case SIGNET_CALL_word_wait: { /* sleeps sometimes, and goes on where there is room */
    static volatile uint32_t word;
    uint64_t now = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
    crossing_in_general[RDX] = now + next() % 300000;
    if (next() % 4) {
      crossing_in_general[RDI] = (uint64_t)&word;
      crossing_in_general[RSI] = 0;
    }
    return 1;
  }
  case SIGNET_CALL_process_wait:
    crossing_in_general[RDX] = next() % 2;
    return 1;
  case SIGNET_CALL_image_load: { /* sometimes of a block that there is: the host copies what is in it, before it is
                                    refused */
    struct signet_result block = next() % 4 ? signet_block_allocate(SIGNET_PAGE) : (struct signet_result){0, 0};
    if (block.status == SIGNET_OK && block.value) {
      fill(block.value >> 32, SIGNET_PAGE);
      crossing_in_general[RDI] = (uint32_t)block.value;
      crossing_in_general[RSI] = SIGNET_PAGE;
    }
    return 1;
  }
  case SIGNET_CALL_device_request: { /* its device answers at once */
    static struct signet_device_request request;
    request.operation = (uint32_t)(next() % 256);
    if (next() % 4) {
      crossing_in_general[RDI] = startup->handles[0];
      crossing_in_general[RSI] = (uint64_t)&request;
    }
    return 1;
  }
  case SIGNET_CALL_set_receive:
    crossing_in_general[RCX] = next() % 2;
    return 1;
  case SIGNET_CALL_channel_receive:
  case SIGNET_CALL_channel_call:
    crossing_in_general[R8] = next() % 2;
    return 1;
  case SIGNET_CALL_floating_point_control:
    crossing_in_general[RDI] = (next() & 0xe040) | 0x1f80;
    crossing_in_general[RSI] = (next() & 0xf00) | 0x7f;
    return 1;
  default:
    return 1;
  }
}

static void check_vectors(enum child_finding finding, int exactly) {
  for (unsigned i = 0; i < 64; i++) {
    uint64_t value = crossing_out_vector[i / 4][i % 4];
    if (exactly ? value != crossing_in_vector[i / 4][i % 4] : value && !own(value))
      found_at(finding, i / 4);
  }
}

/* The registers are taken from the top: the last pushed first. */
static void check_x87(enum child_finding finding, int exactly) {
  uint32_t count = crossing_x87_count < 8 ? crossing_x87_count : 8;
  for (unsigned i = 0; i < 8; i++) {
    int empty = (crossing_out_x87_kind[i] & X87_KIND) == X87_EMPTY;
    int expected = i < count;
    if (exactly && empty == expected)
      found(finding);
    if (empty)
      continue;
    unsigned pushed = count - 1 - i;
    if (!expected || crossing_out_x87[i][0] != crossing_in_x87[pushed][0] ||
        (crossing_out_x87[i][1] & 0xffff) != crossing_in_x87[pushed][1])
      found(finding);
  }
}

/* Unmasked exceptions need not outlive a call. */
static void check_control(enum child_finding finding, int exactly) {
  uint16_t before = crossing_in_x87_control, x87 = crossing_out_x87_control;
  if ((crossing_out_mxcsr & ~MXCSR_FLAGS) != mxcsr)
    found_at(finding, 0);
  if (x87 != before && (exactly || (x87 != (before | 0x3f) && x87 != x87_control)))
    found_at(finding, 1);
}

static void check_call(uint32_t number) {
  static uint32_t flags = UINT32_MAX;
  for (unsigned i = 0; i < sizeof kept; i++)
    if (crossing_out_general[kept[i]] != crossing_in_general[kept[i]])
      found_at(FOUND_CALL_KEPT, kept[i]);
  for (unsigned i = 0; i < sizeof cleared; i++)
    if (crossing_out_general[cleared[i]])
      found_at(FOUND_CALL_CLEARED, cleared[i]);
  uint64_t value = crossing_out_general[RDX], status = crossing_out_general[RAX];
  if (status > SIGNET_CAPACITY || foreign(value) ||
      (of_host(value) && number != SIGNET_CALL_clock_read && !own_address(value)))
    found(FOUND_CALL_RESULT);
  if (flags == UINT32_MAX)
    flags = crossing_out_flags;
  if (crossing_out_flags != flags)
    found(FOUND_CALL_FLAGS);
  if (number == SIGNET_CALL_floating_point_control && status == SIGNET_OK) {
    mxcsr = (uint32_t)crossing_in_general[RDI];
    x87_control = (uint32_t)crossing_in_general[RSI];
  }
  check_vectors(FOUND_CALL_VECTOR, 0);
  check_x87(FOUND_CALL_X87, 0);
  check_control(FOUND_CALL_CONTROL, 0);
}

static void check_spin(void) {
  for (unsigned i = 0; i < 16; i++)
    if (i != RAX && i != RCX && i != 4 && i != 11 && i != 14 && crossing_out_general[i] != crossing_in_general[i])
      found_at(FOUND_SPIN_GENERAL, i);
  check_vectors(FOUND_SPIN_VECTOR, 1);
  check_x87(FOUND_SPIN_X87, 1);
  check_control(FOUND_SPIN_CONTROL, 1);
}

/* Memory that is new, then filled with secrets and given back, for the next that gets it. */
static void check_memory(void) {
  uint64_t length = (1 + next() % 8) * SIGNET_PAGE, at = startup->area_high - (64 << 20) + next() % 256 * SIGNET_PAGE;
  if (signet_memory_map(at, length, SIGNET_PROTECT_WRITE).status == SIGNET_OK) {
    zero(at, length, FOUND_MEMORY_NEW);
    fill(at, length);
    signet_memory_unmap(at, length);
  }
  struct signet_result block = signet_block_allocate(length);
  if (block.status == SIGNET_OK) {
    zero(block.value >> 32, length, FOUND_BLOCK_NEW);
    fill(block.value >> 32, length);
    signet_handle_close((uint32_t)block.value);
  }
  volatile uint64_t here = 0;
  uint64_t top = (uint64_t)&here & ~UINT64_C(7), low = top - LOWER * 1024;
  if (low < startup->stack_low)
    low = startup->stack_low;
  look((const volatile uint64_t *)low, (const volatile uint64_t *)top);
  uint64_t page = (uint64_t)startup & -(uint64_t)SIGNET_PAGE;
  look((const volatile uint64_t *)page, (const volatile uint64_t *)(page + SIGNET_PAGE));
  look((const volatile uint64_t *)SIGNET_THREAD_PAGE, (const volatile uint64_t *)(SIGNET_THREAD_PAGE + SIGNET_PAGE));
}

/* Information that the kernel writes: nothing but what is said of it may be in there. */
static void check_written(void) {
  static union {
    struct signet_handle_information information;
    struct signet_usage usage;
    struct signet_observed_process process[4];
    uint64_t words[512];
  } told;
  signet_process_usage(&told.usage);
  look(told.words, told.words + 512);
  signet_process_observe(SIGNET_OBSERVE_PROCESSES, 0, &told, sizeof told);
  look(told.words, told.words + 512);
  signet_handle_query((uint32_t)(next() % 8), &told.information);
  look(told.words, told.words + 512);
}

/* What the handler of events found, if one has come since. */
static void check_event(void) {
  static uint32_t seen;
  if (event_count == seen)
    return;
  seen = event_count;
  for (unsigned i = 0; i < sizeof at_start; i++)
    if (event_general[at_start[i]])
      found_at(FOUND_EVENT_GENERAL, at_start[i]);
  /* It may have come while a compiler's code had something of its own there. */
  for (unsigned i = 0; i < 64; i++)
    if (foreign(event_vector[i / 4][i % 4]) ||
        (of_host(event_vector[i / 4][i % 4]) && !own_address(event_vector[i / 4][i % 4])))
      found_at(FOUND_EVENT_VECTOR, i / 4);
  for (unsigned i = 0; i < 8; i++)
    if ((event_x87_kind[i] & (X87_KIND | X87_SIGN)) != X87_EMPTY)
      found_at(FOUND_EVENT_X87, i);
  if ((event_x87_control & 0x3f) != 0x3f || (event_mxcsr & 0x1f80) != 0x1f80)
    found_at(FOUND_EVENT_X87, 8);
}

static void cross(void) {
  for (uint64_t round = 0; round < mine.rounds; round++) {
    prepare();
    uint32_t number = (uint32_t)(next() % (SIGNET_CALL_COUNT + 4));
    if (number >= SIGNET_CALL_COUNT) {
      crossing_in_general[RCX] = 1 + next() % 30000;
      crossing_target = (uint64_t)crossing_spin;
      crossing();
      check_spin();
    } else if (choose(number)) {
      last_call = number;
      crossing_target = (uint64_t)(crossing_calls + 64 * number);
      crossing();
      check_call(number);
    }
    last_call = 63;
    check_event();
    if (round % 64 == 0) {
      check_memory();
      check_written();
    }
  }
}

_Noreturn void child_main(const struct signet_startup *from) {
  static volatile uint64_t shared[2];
  static uint8_t stack[4096] __attribute__((aligned(16)));
  startup = from;
  mine = *(const struct child_startup *)(uint64_t)from->bytes_offset;
  state = mine.seed | 1;
  check_start();
  check_inherited();
  check_memory();
  if (mine.mode == CHILD_RETURNS) {
    if (signet_thread_create(corrupt_returns, stack + sizeof stack, (void *)shared, NULL).status != SIGNET_OK)
      found(FOUND_WRONG_START);
    returns(mine.rounds, shared);
  } else {
    signet_event_listen(event_come);
    cross();
  }
  leave();
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
