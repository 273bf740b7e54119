/* A process that calls the kernel with nonsense, from a seed: every call, arguments out of range, handles that are
 * others' or nobody's, offsets at every edge of the window. It ends with status 0, if nothing that it did ended it
 * before. */
#include <signet/calls.h>

#define CALLS 4000

static uint64_t seed;

static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

typedef struct signet_result call(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/* Not process_exit, which would end the attempt; thread_exit only with a word that it cannot clear. */
static call *const table[SIGNET_CALL_COUNT] = {
#define ENTRY(number, name, arguments) [number] = (call *)signet_##name,
    SIGNET_CALLS(ENTRY)
#undef ENTRY
};

static union {
  uint64_t words[256];
  struct signet_message message;
  struct signet_process_specification specification;
  struct signet_contract contract;
} buffer;

static uint32_t known[64]; /* handles that some call gave it */

static uint64_t value(const struct signet_startup *startup) {
  static const uint64_t edges[] = {
      0,          1,          2,          7,          8,          0xfff,      0x1000,     0xffff,
      0x10000,    0x10008,    0x11000,    0x11ff8,    0x12000,    0x1ffff,    0x20000,    0x20001,
      0x20020,    0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffeffff, 0xffff0000, 0xffffffff,
      1ull << 32, 1ull << 47, 1ull << 63, ~0ull,      ~0ull - 7,  1ull << 20, 4096 * 3,
  };
  uint64_t choice = next();
  switch (choice % 8) {
  case 0:
    return edges[next() % (sizeof edges / sizeof *edges)];
  case 1:
    return (uint64_t)&buffer + (next() % 4 ? 0 : next() % sizeof buffer);
  case 2:
    return known[next() % 64];
  case 3:
    return startup->handles[next() % 4];
  case 4:
    return startup->area_low + next() % 64 * 4096;
  case 5:
    return next() % 64;
  case 6:
    return edges[next() % (sizeof edges / sizeof *edges)] + next() % 17 - 8;
  default:
    return next() >> next() % 64;
  }
}

/* The argument that is a deadline, so that nothing waits for ever; -1: none. */
static int deadline_of(uint32_t number) {
  switch (number) {
  case SIGNET_CALL_word_wait:
  case SIGNET_CALL_process_wait:
    return 2;
  case SIGNET_CALL_set_receive:
    return 3;
  case SIGNET_CALL_channel_receive:
  case SIGNET_CALL_channel_call:
    return 4;
  default:
    return -1;
  }
}

void _start(struct signet_startup *startup) {
  seed = *(const uint64_t *)(uint64_t)startup->bytes_offset;
  for (uint32_t i = 0; i < CALLS; i++) {
    uint32_t number = next() % SIGNET_CALL_COUNT;
    uint64_t arguments[5];
    if (number == SIGNET_CALL_process_exit)
      continue;
    for (int k = 0; k < 5; k++)
      arguments[k] = value(startup);
    for (int k = 0; k < 4; k++)
      buffer.words[next() % 256] = value(startup);
    if (next() % 4 == 0 && startup->slots)
      buffer.specification.image = startup->handles[2];
    int deadline = deadline_of(number);
    if (deadline >= 0)
      arguments[deadline] = next() % 2;
    if (number == SIGNET_CALL_thread_exit)
      arguments[0] |= 1; /* no word: refused */
    if (number == SIGNET_CALL_event_listen && next() % 2)
      arguments[0] = 0;
    struct signet_result result = table[number](arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    if (result.status == SIGNET_OK) {
      known[next() % 64] = (uint32_t)result.value;
      known[next() % 64] = (uint32_t)(result.value >> 32);
    }
  }
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
