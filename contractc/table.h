/* The forms of the table that the kernel checks messages with. Form 1 is struct signet_contract of <signet/abi.h>. Form
 * 2 adds what form 1 leaves to the receiver's own code; the kernel does not read it yet.
 *
 * Form 2 is form 1 with version = 2, the row's `reserved` renamed and used, and one more list behind next[][], at the
 * next multiple of 8: a struct table_moved for each thing that a message moves, in the order of the rows.
 *
 * What the kernel would check with it, at send and before anything changes:
 *   - the sender's own queue is empty: it has read what it answers (this needs no table, and makes FULL impossible);
 *   - length - length_least is a multiple of `step`, so that an array holds whole items;
 *   - a block's length, in whole pages, is between the two bounds;
 *   - a moved endpoint's contract has the stated identity, its channel is in the stated state, and its queue is empty.
 * With ANY_STATE: its channel is in a state in which it sends. As no queue that travels holds anything, no endpoint can
 *     come to lie in its own queue, and may_carry() of kernel/channel.c has only to refuse the channel itself. */
#ifndef CONTRACTC_TABLE_H
#define CONTRACTC_TABLE_H

#include <stdint.h>

#include <signet/abi.h>

#define TABLE_ANY_STATE UINT32_MAX

/* A row of form 2. */
struct table_message {
  uint8_t to_client;
  uint8_t moved_count;
  uint8_t moved_kind[SIGNET_MESSAGE_MOVED];
  uint16_t step; /* data lengths are length_least plus a multiple of this; 0: any */
  uint32_t length_least, length_most;
};

struct table_moved {
  uint8_t identity[32]; /* endpoint: its contract's, as the kernel names it; all 0: of any; all 0xff: this contract */
  uint32_t state;       /* endpoint: the state its channel is in, or TABLE_ANY_STATE */
  uint32_t reserved;    /* 0 */
  uint64_t length_least, length_most; /* block: bytes; endpoint: 0 */
};

_Static_assert(sizeof(struct table_message) == sizeof(struct signet_contract_message), "the rows keep their size");

#endif
