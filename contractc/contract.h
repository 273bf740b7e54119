/* What the C headers that contractc makes have in common. Included by them; services and programs need not name it.
 *
 * The ends of a channel have a type for each state of the contract. A function that sends takes the end in the state in
 * which it may send, empties it (handle 0), and fills the end in the state that follows; so a message sent in the wrong
 * state does not compile. C cannot see that an end is used once only: what is left of a used one is empty, and the
 * kernel refuses handle 0. What no compiler sees at all, the kernel checks with the contract's table.
 *
 * Nothing is allocated. Messages are built and read in a buffer of the caller's: texts and arrays of a message that was
 * received point into it, and hold until it is used again. Those of a message to be sent lie elsewhere, or the array
 * already where it has to be. A text need not end with a NUL when it is sent; a received one does. */
#ifndef CONTRACTC_CONTRACT_H
#define CONTRACTC_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <signet/abi.h>
#include <signet/calls.h>

/* An end in the wrong state is an error, whatever the compiler's options are. */
#pragma GCC diagnostic error "-Wincompatible-pointer-types"

#define CONTRACT_NOTHING UINT32_MAX /* the tag of what was not received */
#define CONTRACT_PAGE 4096u         /* blocks are whole pages */

/* A block that moves. Of one to be sent only the handle counts. */
struct contract_block {
  uint32_t handle, offset, length;
};

/* Ends whose contract only the two that talk know: files_adopt_client_REQUEST and its like look and say. */
struct contract_any_client {
  uint32_t handle;
};
struct contract_any_server {
  uint32_t handle;
};

static inline void *contract_block_bytes(struct contract_block block) { return (void *)(uintptr_t)block.offset; }

/* Whether a handle is the end of that kind of a channel with this contract (the kernel's hash of the table) and state.
 */
static inline bool contract_end_is(uint32_t handle, uint32_t kind, const uint8_t table_hash[32], uint32_t state) {
  struct signet_handle_information information;
  return signet_handle_query(handle, &information).status == SIGNET_OK && information.kind == kind &&
         information.state == state && !memcmp(information.identity, table_hash, 32);
}

/* The same for an end that hears in that state: its peer may have spoken already, and the channel be in a later state,
 * when a message is queued. What the message is, the kernel has checked. */
static inline bool contract_end_hears(uint32_t handle, uint32_t kind, const uint8_t table_hash[32], uint32_t state) {
  struct signet_handle_information information;
  return signet_handle_query(handle, &information).status == SIGNET_OK && information.kind == kind &&
         (information.state == state || information.queued) && !memcmp(information.identity, table_hash, 32);
}

/* The peer broke the contract: nothing that it says has a meaning any more. */
static inline void contract_abandon(uint32_t handle, const struct signet_message *message) {
  for (uint32_t i = 0; i < message->moved_count && i < SIGNET_MESSAGE_MOVED; i++)
    signet_handle_close(message->moved[i].handle);
  signet_handle_close(handle);
}

/* channel_call: whether this status says that nothing was sent. */
static inline bool contract_unsent(int64_t status) {
  return status == SIGNET_HANDLE || status == SIGNET_ARGUMENT || status == SIGNET_ADDRESS ||
         status == SIGNET_CONTRACT || status == SIGNET_FULL;
}

/* print.c: a message as text, with the decoder that contractc made of its contract (--decoder, or NAME_decoder with
 * CONTRACT_DECODERS defined). Table and message may hold anything; of a message `length` bytes are read, or fewer.
 * Writes at most capacity bytes with the NUL, and returns the length the whole text has, as snprintf does. */
size_t contract_print(const uint8_t *table, size_t table_length, const struct signet_message *message, size_t length,
                      char *text, size_t capacity);
/* The name of a state, in the same way. */
size_t contract_print_state(const uint8_t *table, size_t table_length, uint32_t state, char *text, size_t capacity);

#endif
