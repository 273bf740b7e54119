/* The contract of events: what a terminal's driver tells whoever started it, who passes it on to the program. It
 * belongs to neither side. Read by services/ and the host program that makes the channel (no header of the sealed side
 * is needed).
 *
 * The client tells of one event at a time and tells the next when the last was taken; what comes meanwhile it holds
 * back, the same event once. */
#ifndef CONTRACTS_EVENTS_H
#define CONTRACTS_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>

#include "contracts/events_identity.h"

/* contract begin: the identity is the hash of the text from here to "contract end" (contracts/identity.sh). */

struct events_event {
  uint32_t event;    /* SIGNET_EVENT_* */
  uint32_t reserved; /* 0 */
};

#define EVENTS_EVENT_LENGTH 8 /* sizeof(struct events_event) */

/* States: READY, the client's turn; TOLD, the server's.
 * Rows: tag, name, direction (0 to the server), least and most bytes of data, state it is sent in, state after. */
enum events_state { EVENTS_STATE_READY = 0, EVENTS_STATE_TOLD = 1, EVENTS_STATES = 2 };

#define EVENTS_MESSAGES(X)                                                                                             \
  /* struct events_event */                                                                                            \
  X(0, EVENT, 0, EVENTS_EVENT_LENGTH, EVENTS_EVENT_LENGTH, 0, 1)                                                       \
  X(1, TAKEN, 1, 0, 0, 1, 0)

/* contract end */

enum events_tag {
#define EVENTS_ENUM(tag, name, direction, least, most, from, to) EVENTS_##name = tag,
  EVENTS_MESSAGES(EVENTS_ENUM)
#undef EVENTS_ENUM
      EVENTS_MESSAGE_COUNT
};

struct events_contract_table {
  struct signet_contract contract;
  struct signet_contract_message messages[EVENTS_MESSAGE_COUNT];
  uint8_t next[EVENTS_STATES][EVENTS_MESSAGE_COUNT];
};

/* What channel_create and kernel_process_connect take, with EVENTS_CONTRACT_LENGTH. */
__attribute__((unused)) static const struct events_contract_table events_contract = {
    .contract =
        {
            .version = 1,
            .messages = EVENTS_MESSAGE_COUNT,
            .states = EVENTS_STATES,
            .slots_to_server = 1,
            .slots_to_client = 1,
            .data_most = EVENTS_EVENT_LENGTH,
            .identity = {EVENTS_IDENTITY},
        },
#define EVENTS_ROW(tag, name, direction, least, most, from, to)                                                        \
  [tag] = {.to_client = direction, .length_least = least, .length_most = most},
    .messages = {EVENTS_MESSAGES(EVENTS_ROW)},
#undef EVENTS_ROW
#define EVENTS_NEXT_0(tag, name, direction, least, most, from, to) from == 0 ? to : SIGNET_CONTRACT_REFUSED,
#define EVENTS_NEXT_1(tag, name, direction, least, most, from, to) from == 1 ? to : SIGNET_CONTRACT_REFUSED,
    .next = {{EVENTS_MESSAGES(EVENTS_NEXT_0)}, {EVENTS_MESSAGES(EVENTS_NEXT_1)}},
#undef EVENTS_NEXT_0
#undef EVENTS_NEXT_1
};

#define EVENTS_CONTRACT_LENGTH (offsetof(struct events_contract_table, next) + EVENTS_STATES * EVENTS_MESSAGE_COUNT)

_Static_assert(sizeof(struct events_event) == EVENTS_EVENT_LENGTH, "event");
_Static_assert(offsetof(struct events_contract_table, messages) == sizeof(struct signet_contract), "no padding");

#endif
