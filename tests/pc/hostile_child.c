/* One act of hostility, chosen by the start-up bytes; hostile.c starts it and judges how it ends. Without a C library.
 */
#include <stddef.h>

#include <signet/calls.h>

#include "tests/pc/hostile.h"

_Noreturn void service_main(const struct signet_startup *startup);
void leave_with(uint64_t stack);
void call_with(uint64_t stack);
void spin_with(uint64_t stack, uint64_t times);
void came_back(void);
uint64_t sweep(uint64_t times, void *from, void *to);
void returns(uint64_t times, volatile uint64_t *shared);
void corrupt_returns(void *shared);
void vectors(const void *in, void *out, uint64_t times, uint64_t yields);

static const uint64_t read_only[512] __attribute__((aligned(4096))) = {(uint64_t)came_back};
static volatile uint64_t writable[4];

static void on_event(uint64_t event) {
  (void)event;
  signet_process_exit(SIGNET_ENDED_EXIT, 43);
}

/* What is in the vector registers, and in the x87's, after computing: the pattern. After a kernel call: the pattern or
 * nothing, never what somebody else put there. */
static uint32_t keep_vectors(uint64_t pattern, uint64_t times) {
  static uint64_t in[16][4], out[17][4];
  uint16_t control = (uint16_t)(0x37f | (pattern & 3) << 10), found;
  for (uint32_t i = 0; i < 64; i++)
    in[i / 4][i % 4] = (pattern + i) | UINT64_C(0x3ff0000000000000); /* a double, for the x87 */
  __asm__ volatile("fldcw %0" : : "m"(control));
  for (uint64_t round = 0; round < times; round++) {
    vectors(in, out, 1000, 0);
    for (uint32_t i = 0; i < 64; i++)
      if (out[i / 4][i % 4] != in[i / 4][i % 4])
        return 2;
    if (out[16][0] != in[2][1] || out[16][1] != in[1][1] || out[16][2] != in[0][1])
      return 3;
    vectors(in, out, 0, 1);
    for (uint32_t i = 0; i < 64; i++)
      if (out[i / 4][i % 4] && out[i / 4][i % 4] != in[i / 4][i % 4])
        return 4;
    __asm__ volatile("fnstcw %0" : "=m"(found));
    if (found != control)
      return 5;
  }
  return 7;
}

static uint32_t act(const struct hostile *hostile) {
  static uint64_t from[2] = {0x1122334455667788, 0x99aabbccddeeff00}, to[2];
  switch ((enum hostile_act)hostile->act) {
  case HOSTILE_NOTHING:
    return 7;
  case HOSTILE_LEAVE:
    leave_with(hostile->stack);
    break;
  case HOSTILE_LEAVE_WRITABLE:
    writable[1] = (uint64_t)came_back;
    leave_with((uint64_t)&writable[1]);
    break;
  case HOSTILE_LEAVE_READ_ONLY:
    leave_with((uint64_t)&read_only[0]);
    break;
  case HOSTILE_CALL:
    call_with(hostile->stack);
    break;
  case HOSTILE_SPIN:
    spin_with(hostile->stack, hostile->times);
    return 7;
  case HOSTILE_EVENT:
    signet_event_listen(on_event);
    spin_with(hostile->stack, UINT64_MAX);
    break;
  case HOSTILE_SWEEP:
    return sweep(hostile->times, from, to) == 3 * hostile->times && to[1] == from[1] && to[0] >> 8 == from[0] >> 8 ? 7
                                                                                                                   : 1;
  case HOSTILE_WRITE:
    *(volatile uint8_t *)hostile->stack = 1;
    return 7;
  case HOSTILE_READ:
    return *(volatile uint8_t *)hostile->stack != 0 ? 7 : 7;
  case HOSTILE_JUMP:
    ((void (*)(void))hostile->stack)();
    return 8;
  case HOSTILE_RETURN: {
    static volatile uint64_t shared[2];
    static uint8_t stack[4096] __attribute__((aligned(16)));
    if (signet_thread_create(corrupt_returns, stack + sizeof stack, (void *)shared, NULL).status != SIGNET_OK)
      return 2;
    returns(hostile->times, shared);
    return 7;
  }
  case HOSTILE_VECTORS:
    return keep_vectors(hostile->stack, hostile->times);
  }
  return 9;
}

void service_main(const struct signet_startup *startup) {
  const struct hostile *hostile = (const struct hostile *)(uint64_t)startup->bytes_offset;
  signet_process_exit(SIGNET_ENDED_EXIT, act(hostile));
}
