/* A kernel small enough to read, for the tests of generated headers: channels that check every message with the table
 * they were made with, as kernel/channel.c does, in one thread. What would wait is a TIMEOUT. */
#ifndef TESTS_CONTRACTC_MOCK_H
#define TESTS_CONTRACTC_MOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>

extern uint32_t mock_sent;       /* messages that were accepted */
extern int64_t mock_call_status; /* if not OK, channel_call sends and then says this */
bool mock_open(uint32_t handle);
uint32_t mock_state(uint32_t handle);
uint32_t mock_handles(void); /* how many are open */
uint32_t mock_block(uint32_t length);
/* How the kernel names the contract of a channel: see kernel/contract.c. */
void mock_table_hash(const void *table, uint64_t length, uint8_t hash[32]);

#endif
