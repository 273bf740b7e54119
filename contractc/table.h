/* The forms of the table that the kernel checks messages with: struct signet_contract of <signet/abi.h> and what
 * follows it, in version 1 and 2.
 *
 * What the kernel checks with form 2, at send and before anything changes, beyond form 1:
 *   - length - length_least is a multiple of `step`, so that an array holds whole items;
 *   - a block's length, in whole pages, is between the two bounds;
 *   - a moved endpoint's contract has the stated identity, its channel is in the stated state, in which it sends, and
 * its queue is empty. With ANY_STATE: its channel is in a state in which it sends. With either form the sender's own
 * queue is empty: it has read what it answers. */
#ifndef CONTRACTC_TABLE_H
#define CONTRACTC_TABLE_H

#include <signet/abi.h>

#define TABLE_ANY_STATE SIGNET_CONTRACT_ANY_STATE
#define table_message signet_contract_message
#define table_moved signet_contract_moved

#endif
