/* What the assembly here knows of include/signet/abi.h, and the calls of calls.S. measure.c, which checks the numbers,
 * and the assembly. */
#ifndef BENCH_INSTRUCTIONS_CALLS_H
#define BENCH_INSTRUCTIONS_CALLS_H

#include <signet/layout.h>

#define CALL_ABI_VERSION 0
#define CALL_PROCESS_EXIT 1
#define CALL_THREAD_YIELD 4
#define CALL_CHANNEL_SEND 16
#define CALL_CHANNEL_RECEIVE 17
#define CALL_CHANNEL_CALL 18
#define ENDED_EXIT 1
#define MESSAGE_DATA 80
#define STARTUP_SLOTS 4
#define STARTUP_HANDLES 8
#define STARTUP_BYTES_LENGTH 164

/* Messages of the peer's channel. */
#define TAG_REQUEST 0
#define TAG_REPLY 1
#define REPLY_LENGTH 16
#define REPLY_DATA "sixteen bytes..."

#ifdef __ASSEMBLER__
/* clang-format off */
#define KERNEL_CALL(number) call *SIGNET_ENTRY_TABLE + 8 * number(%r14)
/* clang-format on */
#else
#include <signet/calls.h>

struct timing {
  uint64_t instructions;
  int64_t status;
};
struct timing timed_nothing(void);
struct timing timed_abi_version(void);
struct timing timed_thread_yield(void);
struct timing timed_channel_call(uint32_t endpoint, const void *message, void *reply, uint64_t capacity,
                                 uint64_t deadline);
#endif

#endif
