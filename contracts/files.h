/* The contract of files and streams: what a program asks of the file service and of the console service. It belongs to
 * neither side. Read by lib/, services/ and the host program that makes the channels (no header of the sealed side is
 * needed).
 *
 * The client asks, the server answers; one request is under way at a time. Requests that carry a block (of the exchange
 * heap) get that block back with the answer, whatever the answer is. An answer's error is an error number of Linux, 0
 * for none. Paths are absolute names in the client's view of the files; file numbers are the client's own, given by
 * OPEN. SIGNET_OPEN_*, SIGNET_STREAM_IS_* and the records (status, directory entry) are those of
 * include/signet/device.h. */
#ifndef CONTRACTS_FILES_H
#define CONTRACTS_FILES_H

#include <stddef.h>
#include <stdint.h>

#include <signet/abi.h>
#include <signet/device.h>

#include "contracts/files_identity.h"

/* contract begin: the identity is the hash of the text from here to "contract end" (contracts/identity.sh). */

#define FILES_INLINE_MOST 4096   /* bytes of data in a message */
#define FILES_BLOCK_MOST 0x40000 /* bytes that one request with a block transfers */

/* Data of every request: this, then names (each NUL-terminated) or the bytes to write. */
struct files_request {
  uint32_t file;  /* file number; 0 where it has no meaning */
  uint32_t flags; /* as the message says; else 0 */
  uint64_t offset;
  uint64_t length;
};

/* Data of every answer: this, then the bytes asked for. */
struct files_answer {
  uint32_t error;
  uint32_t reserved; /* 0 */
  uint64_t value;
};

#define FILES_REQUEST 24 /* sizeof(struct files_request) */
#define FILES_ANSWER 16  /* sizeof(struct files_answer) */
#define FILES_DATA_MOST (FILES_REQUEST + FILES_INLINE_MOST)

/* States: REQUEST, the client's turn; ANSWER, the server's; ANSWER_BLOCK, the server's, which holds the client's block.
 * Rows: tag, name, direction (0 to the server), blocks moved, least and most bytes of data, state it is sent in, state
 * after. */
enum files_state { FILES_STATE_REQUEST = 0, FILES_STATE_ANSWER = 1, FILES_STATE_ANSWER_BLOCK = 2, FILES_STATES = 3 };

#define FILES_MESSAGES(X)                                                                                              \
  /* value depends on the request; bytes as asked */                                                                   \
  X(0, ANSWERED, 1, 0, FILES_ANSWER, FILES_ANSWER + FILES_INLINE_MOST, 1, 0)                                           \
  /* the same, and the client's block comes back */                                                                    \
  X(1, ANSWERED_BLOCK, 1, 1, FILES_ANSWER, FILES_ANSWER, 2, 0)                                                         \
  /* Streams. length = most bytes wanted, value = bytes; bytes follow, none at the end */                              \
  X(2, STREAM_READ, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                          \
  /* the bytes follow; value = bytes taken */                                                                          \
  X(3, STREAM_WRITE, 0, 0, FILES_REQUEST, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                     \
  /* the same through the block; length = bytes */                                                                     \
  X(4, STREAM_READ_BLOCK, 0, 1, FILES_REQUEST, FILES_REQUEST, 0, 2)                                                    \
  X(5, STREAM_WRITE_BLOCK, 0, 1, FILES_REQUEST, FILES_REQUEST, 0, 2)                                                   \
  /* value = SIGNET_STREAM_IS_*; struct signet_file_status follows */                                                  \
  X(6, STREAM_STATUS, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                        \
  /* value = 1: a read would not wait */                                                                               \
  X(7, STREAM_POLL, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                          \
  /* value = columns, rows << 32 */                                                                                    \
  X(8, STREAM_WINDOW_SIZE, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                   \
  /* flags = 1: byte by byte, unechoed */                                                                              \
  X(9, STREAM_TERMINAL_MODE, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                 \
  /* offset as a signed number, flags = 0 set, 1 current, 2 end; value = position */                                   \
  X(10, STREAM_SEEK, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                         \
  /* Files. flags = SIGNET_OPEN_*, length = permission bits; path. value = file number, and the type bits of its mode  \
   * << 32 */                                                                                                          \
  X(11, OPEN, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                        \
  /* file */                                                                                                           \
  X(12, CLOSE, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                               \
  /* file, offset, length; value = bytes; bytes follow */                                                              \
  X(13, READ, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                                \
  /* file, offset; bytes; value = bytes taken */                                                                       \
  X(14, WRITE, 0, 0, FILES_REQUEST, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                           \
  /* the same through the block; length = bytes */                                                                     \
  X(15, READ_BLOCK, 0, 1, FILES_REQUEST, FILES_REQUEST, 0, 2)                                                          \
  X(16, WRITE_BLOCK, 0, 1, FILES_REQUEST, FILES_REQUEST, 0, 2)                                                         \
  /* file, offset = 0 or `next` of the last entry, length; value = bytes; struct signet_directory_entry follow */      \
  X(17, LIST, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                                \
  /* file; struct signet_file_status follows; value = 1: on a read-only mount */                                       \
  X(18, STATUS, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                              \
  /* flags = 1: do not follow a link at the end; path. As STATUS */                                                    \
  X(19, STATUS_NAME, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                 \
  /* file, length */                                                                                                   \
  X(20, TRUNCATE, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                            \
  /* file */                                                                                                           \
  X(21, SYNC, 0, 0, FILES_REQUEST, FILES_REQUEST, 0, 1)                                                                \
  /* length = permission bits; path */                                                                                 \
  X(22, MAKE, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                        \
  /* flags = 1: a directory; path */                                                                                   \
  X(23, REMOVE, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                      \
  /* old path, new path */                                                                                             \
  X(24, RENAME, 0, 0, FILES_REQUEST + 4, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                      \
  /* target, path of the link */                                                                                       \
  X(25, LINK, 0, 0, FILES_REQUEST + 3, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                        \
  /* path; value = bytes of the target, which follow */                                                                \
  X(26, READ_LINK, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                   \
  /* length = permission bits; path */                                                                                 \
  X(27, PERMISSIONS, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)                                 \
  /* offset = access time, length = modification time, nanoseconds since 1970; flags = 1: do not follow a link; path   \
   */                                                                                                                  \
  X(28, TIMES, 0, 0, FILES_REQUEST + 2, FILES_REQUEST + FILES_INLINE_MOST, 0, 1)

/* contract end */

enum files_tag {
#define FILES_ENUM(tag, name, direction, blocks, least, most, from, to) FILES_##name = tag,
  FILES_MESSAGES(FILES_ENUM)
#undef FILES_ENUM
      FILES_MESSAGE_COUNT
};

struct files_contract_table {
  struct signet_contract contract;
  struct signet_contract_message messages[FILES_MESSAGE_COUNT];
  uint8_t next[FILES_STATES][FILES_MESSAGE_COUNT];
};

/* What channel_create and kernel_process_connect take, with FILES_CONTRACT_LENGTH. */
__attribute__((unused)) static const struct files_contract_table files_contract = {
    .contract =
        {
            .version = 1,
            .messages = FILES_MESSAGE_COUNT,
            .states = FILES_STATES,
            .slots_to_server = 1,
            .slots_to_client = 1,
            .data_most = FILES_DATA_MOST,
            .identity = {FILES_IDENTITY},
        },
#define FILES_ROW(tag, name, direction, blocks, least, most, from, to)                                                 \
  [tag] = {.to_client = direction,                                                                                     \
           .moved_count = blocks,                                                                                      \
           .moved_kind = {blocks ? SIGNET_KIND_BLOCK : SIGNET_KIND_NONE},                                              \
           .length_least = least,                                                                                      \
           .length_most = most},
    .messages = {FILES_MESSAGES(FILES_ROW)},
#undef FILES_ROW
#define FILES_NEXT_0(tag, name, direction, blocks, least, most, from, to) from == 0 ? to : SIGNET_CONTRACT_REFUSED,
#define FILES_NEXT_1(tag, name, direction, blocks, least, most, from, to) from == 1 ? to : SIGNET_CONTRACT_REFUSED,
#define FILES_NEXT_2(tag, name, direction, blocks, least, most, from, to) from == 2 ? to : SIGNET_CONTRACT_REFUSED,
    .next = {{FILES_MESSAGES(FILES_NEXT_0)}, {FILES_MESSAGES(FILES_NEXT_1)}, {FILES_MESSAGES(FILES_NEXT_2)}},
#undef FILES_NEXT_0
#undef FILES_NEXT_1
#undef FILES_NEXT_2
};

#define FILES_CONTRACT_LENGTH (offsetof(struct files_contract_table, next) + FILES_STATES * FILES_MESSAGE_COUNT)

_Static_assert(sizeof(struct files_request) == FILES_REQUEST, "request");
_Static_assert(sizeof(struct files_answer) == FILES_ANSWER, "answer");
_Static_assert(offsetof(struct files_contract_table, messages) == sizeof(struct signet_contract), "no padding");

#endif
