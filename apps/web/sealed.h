/* What the parts of the sealed transport share. One thread: all that the web server waits for is in one set, whose keys
 * are these, or the address of a connection. */
#ifndef APPS_WEB_SEALED_H
#define APPS_WEB_SEALED_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/abi.h>
#include <signet/calls.h>

#include "contractc/contract.h"

#include "apps/web/transport.h"

enum sealed_key { KEY_SUPERVISION = 1, KEY_LISTENER, KEY_EXTENSION, KEY_OBSERVATION, KEYS };

/* What the set gives: any message of any contract. */
struct sealed_buffer {
  struct signet_message message;
  _Alignas(8) uint8_t data[SIGNET_MESSAGE_DATA_MOST];
};

/* Ends the process with a sentence: for what cannot happen unless something is wrong here. */
_Noreturn void sealed_fail(const char *what, int64_t status);
void sealed_insert(uint32_t endpoint, uint64_t key);

/* A block that a service gives back. With another one nothing goes on: behind a smaller one's end lies another, and a
 * larger one is none that may be sent. */
static inline struct block sealed_block(const struct contract_block *from) {
  if (from->length != BLOCK_MOST)
    sealed_fail("a service gives back a block of another length than it was given", SIGNET_CONTRACT);
  return (struct block){.bytes = contract_block_bytes(*from), .handle = from->handle};
}

/* sealed_files.c: the client end of contracts/files.contract; 0: there is none. */
void sealed_files_begin(uint32_t endpoint);

/* sealed_extension.c. A client end in READY; 0: there is none. */
void sealed_extension_begin(uint32_t endpoint);
void sealed_extension_heard(const struct sealed_buffer *buffer);
void sealed_extension_closed(void);
void sealed_extension_given_up(void);

/* sealed_status.c. */
void sealed_observation_begin(uint32_t endpoint);
void sealed_observation_heard(const struct sealed_buffer *buffer);
void sealed_observation_closed(void);

#endif
