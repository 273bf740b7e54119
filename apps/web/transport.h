/* What the web server's core asks of the machine it runs on, and what it is told. A transport implements the first
 * half: sealed.c over channels, native.c over sockets, tests/web/fuzz.c over nothing at all. One thread.
 *
 * A connection does one thing at a time: it reads, or it writes, or neither. What was asked for is told later, through
 * the second half, never from inside the call that asked. */
#ifndef APPS_WEB_TRANSPORT_H
#define APPS_WEB_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE_MOST 4096u        /* bytes that are read at once, or written without a block */
#define BLOCK_MOST (68u * 1024) /* a file of 64 KiB and its head */
#define BLOCKS_MOST 512u        /* all there are at once */
#define MILLISECOND 1000000ull  /* in nanoseconds, as all times are */
#define SECOND (1000 * MILLISECOND)

struct connection;

/* Memory that the file service fills and the network sends. */
struct block {
  uint8_t *bytes;
  uint32_t handle; /* the transport's */
};

/* ---- Connections ---- */

uint64_t transport_now(void);  /* since some time */
uint64_t transport_time(void); /* since 1970 */
/* Wants bytes; connection_received, or connection_ended, or, from `until` on, connection_read_over: UINT64_MAX: never.
 */
void transport_read(struct connection *connection, uint64_t until);
/* PIECE_MOST bytes; what is put there is written by the next transport_write, and holds until then. */
uint8_t *transport_room(void);
/* Writes so many bytes of the room; connection_written. */
void transport_write(struct connection *connection, uint32_t length);
/* The same, and then reads: what is told is what is read. */
void transport_reply(struct connection *connection, uint32_t length);
/* Writes from a block, which is the transport's until connection_block_written. */
void transport_write_block(struct connection *connection, struct block block, uint32_t offset, uint32_t length);
/* Says that nothing more will be written; connection_written. */
void transport_shut(struct connection *connection);
/* Ends it, whatever is under way, and frees it, with a block that is being written; nothing more is told of it. */
void transport_close(struct connection *connection);
/* Whether a connection that is reading can be written to, and then never is told connection_read_over: over channels it
 * cannot. */
bool transport_can_interrupt_read(void);

/* False: no memory. The core takes BLOCKS_MOST at most, and keeps some. */
bool transport_block_take(struct block *block);
void transport_block_give(struct block block);

/* ---- Files, by absolute names below the root. An error number, 0 for none; STORAGE_GONE: there is no file service
 * now, but there will be: storage_back. ---- */

#define STORAGE_GONE (-1)

struct storage_facts {
  uint64_t inode, size, modified, changed; /* nanoseconds since 1970 */
  uint32_t mode;                           /* as Linux */
};
struct storage_entry {
  const char *name;
  uint64_t position; /* of the next one */
};

int storage_status(const char *path, struct storage_facts *facts);
/* A file; -> its number and facts. */
int storage_open(const char *path, uint32_t *number, struct storage_facts *facts);
int storage_open_directory(const char *path, uint32_t *number);
void storage_close(uint32_t number);
/* At most PIECE_MOST bytes. */
int storage_read(uint32_t number, uint64_t offset, void *bytes, uint32_t length, uint32_t *read);
/* Into the block from `at` on. The block may lie elsewhere afterwards, and is lost when this fails with bytes = NULL.
 */
int storage_read_block(uint32_t number, uint64_t offset, struct block *block, uint32_t at, uint32_t length,
                       uint32_t *read);
/* Calls `each` for the entries from `position` on until it returns false. -> false in *more: these were the last. */
int storage_list(uint32_t number, uint64_t *position, bool (*each)(void *context, const char *name), void *context,
                 bool *more);

/* ---- The content extension: one request at a time ---- */

enum extension_presence { EXTENSION_IS_ABSENT, EXTENSION_IS_GONE, EXTENSION_IS_READY, EXTENSION_IS_BUSY };

struct extension_question {
  unsigned method; /* as in contracts/extension.contract */
  uint32_t client;
  const char *target, *query, *headers; /* NUL-terminated */
  const uint8_t *body;
  size_t body_length;
};

enum extension_presence extension_presence(void);
/* False: this question does not fit into a message. */
bool extension_ask(const struct extension_question *question);

/* ---- Live data for the status page: observed is told the text ---- */

/* Begins to look. False: the transport has nothing to tell. */
bool observation_begin(void);

/* ---- What the core is told: server.c ---- */

/* Deadlines are so many times as short as usual: 1, but for tests. */
void server_begin(unsigned hurry);
/* Before anything of it is told. The memory is the transport's. */
void connection_opened(struct connection *connection);
void connection_received(struct connection *connection, const uint8_t *bytes, uint32_t length);
/* The other side will send nothing more. */
void connection_ended(struct connection *connection);
/* Nothing came in the time that there was for it; nothing is under way any more. */
void connection_read_over(struct connection *connection);
void connection_written(struct connection *connection);
/* So many bytes of the block; fewer than were asked for is no error, none is. */
void connection_block_written(struct connection *connection, struct block block, uint32_t length);
/* There was no room for the block; what was to be written goes in pieces. */
void connection_block_refused(struct connection *connection, struct block block);
/* It is of no more use; transport_close has not been called yet. */
void connection_failed(struct connection *connection);
/* Whether one more can be taken: makes room if it can. Asked before each is accepted; when it said false, ask again
 * after server_expire or transport_close. */
bool server_has_room(void);
/* When server_expire is to be called at the latest; UINT64_MAX: never. */
uint64_t server_next_deadline(void);
void server_expire(void);
/* Goes on with what waits for blocks. Called after each message, or each round of the loop. */
void server_continue(void);
/* No connections are kept for another request from now on. */
void server_stop(void);
bool server_is_idle(void);

void storage_back(void);
/* The type and the body are copied. */
void extension_answered(unsigned status, const char *type, const uint8_t *body, size_t length);
/* What was asked has no answer, because of `why`. */
void extension_failed(const char *why);
/* It is gone, and with it what was asked. */
void extension_lost(void);
void extension_back(void);
/* The fields of the status page's object that are the transport's: `"processes":[…],"channels":[…]`. Takes over the
 * memory, of malloc; NULL: looking failed. */
void observed(char *fields, size_t length);

#endif
