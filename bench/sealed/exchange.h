/* The channel between the two sides of the benchmark: a request of 16 bytes and its reply, or a block there and back.
 * Read by parent.c and echo.c. */
#ifndef BENCH_SEALED_EXCHANGE_H
#define BENCH_SEALED_EXCHANGE_H

#include <signet/calls.h>

enum exchange_tag { EXCHANGE_REQUEST, EXCHANGE_REPLY, EXCHANGE_BLOCK, EXCHANGE_BLOCK_BACK, EXCHANGE_MESSAGES };
enum exchange_state { EXCHANGE_IDLE, EXCHANGE_ASKED, EXCHANGE_LENT, EXCHANGE_STATES };

#define EXCHANGE_DATA 16

struct exchange_contract {
  struct signet_contract contract;
  struct signet_contract_message messages[EXCHANGE_MESSAGES];
  uint8_t next[EXCHANGE_STATES][EXCHANGE_MESSAGES];
};

struct exchange_message {
  struct signet_message message;
  uint8_t data[EXCHANGE_DATA];
};

#endif
