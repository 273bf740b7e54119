/* What the parts of the web server's core share. Nothing here is for transports: those have transport.h. One thread. */
#ifndef APPS_WEB_WEB_H
#define APPS_WEB_WEB_H

#include "apps/web/transport.h"

#include "http_parser.h"

#define CONNECTIONS_MOST 10224u
#define TARGET_MOST 2048u /* the path, decoded or not */
#define QUERY_MOST 2048u
#define HEAD_MOST 8192u   /* target and header lines as they are kept */
#define HEADERS_MOST 100u /* lines */
#define BODY_MOST (256u * 1024)
#define BODIES_MOST (16u << 20) /* of all requests at once */
#define LISTED_MOST 1000u       /* entries of a directory page */
#define EXTENSION_QUEUE_MOST 256u
#define ANSWER_MOST (1u << 20) /* of an extension */

/* ---- deadline.c: what ends connections that take too long. Each class lasts equally long for all, so its connections
 * are in the order of their deadlines, and every operation is of constant cost. ---- */

enum deadline {
  DEADLINE_NONE,
  DEADLINE_HEAD,      /* from the first byte of a request, or the connection's begin, to the end of its head */
  DEADLINE_BODY,      /* from there to the end of its body */
  DEADLINE_IDLE,      /* between requests; also for an answer that was written with transport_reply */
  DEADLINE_WRITE,     /* for a piece or a block of the answer to be taken */
  DEADLINE_LINGER,    /* for what a client still sends to a connection that is being closed */
  DEADLINE_EXTENSION, /* for the extension's answer, the queue included */
  DEADLINE_SERVICE,   /* for a service to come back, and for the status */
  DEADLINE_READ_OVER, /* for the transport to say so, where it does */
  DEADLINE_BLOCK,     /* for a block to be taken; then its reader counts as slow, and has DEADLINE_WRITE */
  DEADLINES
};

struct deadline_link {
  struct deadline_link *next, *previous;
  uint64_t at;
  enum deadline class;
};

void deadline_begin(unsigned hurry); /* so many times as short as usual */
void deadline_set(struct deadline_link *link, enum deadline class);
void deadline_clear(struct deadline_link *link);
/* The one of that class that ends first; NULL: there is none. */
struct deadline_link *deadline_first(enum deadline class);
/* One that has ended by then; NULL: none has. */
struct deadline_link *deadline_ended(uint64_t now);
uint64_t deadline_next(void);
uint64_t deadline_length(enum deadline class);

/* ---- blocks.c ---- */

/* `beyond`: also more than are kept. */
bool block_take(struct block *block, bool beyond);
void block_give(struct block block);
/* One that was taken went with a service or a connection that ended. */
void block_lost(void);
/* One that was taken is a file's now, or one of a file's is taken. */
void block_readied(bool with_file);
/* One that was taken is with a slow reader, or is not any more. */
void block_slow(bool slow);
/* Whether one that comes back should stay with its file. */
bool block_may_stay(void);
/* Whether block_take would succeed. If not, and block_comes, it will soon. */
bool block_can_be_taken(void);
bool block_comes(void);
/* Those with answers under way, and once more those of them with slow readers. */
uint32_t blocks_used(void);
/* Gives all back that nobody uses. */
void blocks_drop(void);

/* ---- text.c: memory with several users, and text that grows ---- */

struct text {
  uint32_t references;
  size_t length, capacity;
  char *bytes; /* a NUL follows them */
  bool failed; /* there was no memory, or it would be longer than `most` */
  size_t most;
};

struct text *text_new(size_t most); /* NULL: no memory */
void text_put(struct text *text, const void *bytes, size_t length);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With the characters that mean something in HTML, in a URL's path, in a JSON string, written so that they do not. */
void text_put_html(struct text *text, const char *string);
void text_put_url(struct text *text, const char *string);
void text_put_json(struct text *text, const char *string);
void text_release(struct text *text);

/* ---- request.c: a request as it comes in, parsed by http-parser ---- */

enum header {
  HEADER_OTHER,
  HEADER_HOST,
  HEADER_EXPECT,
  HEADER_TRANSFER_ENCODING,
  HEADER_RANGE,
  HEADER_IF_RANGE,
  HEADER_IF_NONE_MATCH,
  HEADER_IF_MODIFIED_SINCE,
  HEADERS_KNOWN
};

enum request_result { REQUEST_MORE, REQUEST_CONTINUE, REQUEST_COMPLETE, REQUEST_WRONG };

struct request {
  struct request *next; /* of those not in use */
  http_parser parser;
  unsigned status; /* of the answer, once the request is WRONG */
  const char *why; /* with a status */
  bool head_complete, wants_continue, in_value, keeps_body;
  bool any_line; /* of the head, as it is on the wire; the next ones are of the line under way */
  uint8_t last_byte;
  uint32_t line_length;
  uint16_t lines;
  uint16_t seen[HEADERS_KNOWN];  /* how often */
  uint16_t value[HEADERS_KNOWN]; /* where in `head` */
  uint16_t target_length;        /* as it came; at the beginning of `head` */
  uint16_t head_length, line_at, value_at;
  bool tried_again; /* after the file service ended */
  uint64_t body_received;
  uint8_t *body;
  size_t body_length, body_capacity;
  /* As it came; then, behind a NUL, "name: value" lines with names in small letters. */
  char head[HEAD_MOST];
  /* Made of it by request_target. */
  char path[TARGET_MOST + 1];
  const char *query;
};

struct request *request_take(void); /* NULL: no memory */
void request_release(struct request *request);
/* Takes bytes of this request: -> how many, what is behind them is the next one's. */
uint32_t request_feed(struct request *request, const uint8_t *bytes, uint32_t length, enum request_result *result);
bool request_keep_alive(const struct request *request);
/* The value, or NULL. Values end with a NUL once the request is complete. */
const char *request_header(const struct request *request, enum header header);
/* The header lines, NUL-terminated. */
const char *request_headers(const struct request *request);
/* Whether it has begun: something else than empty lines has come. */
bool request_begun(const struct request *request);

/* ---- target.c ---- */

/* Decodes and checks the target of a complete request into `path` and `query`: absolute, without "." and ".." in it.
 * -> 0, or the status of the answer with *why. */
unsigned request_target(struct request *request, const char **why);

/* ---- date.c ---- */

#define DATE_LENGTH 29
/* "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970; a NUL follows. */
void date_write(char to[DATE_LENGTH + 1], int64_t seconds);
/* Of any of the three forms of HTTP. */
bool date_read(const char *text, int64_t *seconds);

/* ---- file_table.c: files that are open, revalidated each time they are asked for ---- */

#define FILE_READY_MOST 4u
#define FILE_AT 512u /* in a block with all of a file: its head is right in front of it */

struct file {
  struct file *next;          /* of the same hash */
  struct file *newer, *older; /* by use */
  uint32_t references;
  uint32_t hash;
  uint32_t number;
  bool open, current; /* current: in the table; else it goes when nobody sends it any more */
  struct storage_facts facts;
  char etag[40];
  char modified[DATE_LENGTH + 1];
  uint16_t head_length; /* of `head` */
  uint8_t ready_count;
  struct block ready[FILE_READY_MOST]; /* each with all of the file */
  uint8_t *content;                    /* a small file's bytes, which have not changed since they were read; or NULL */
  char head[320];                      /* the header lines of a 200 that are the file's */
  char path[];
};

/* The regular file of that name with those facts. 0, an error number, STORAGE_GONE. It has one more reference then. */
int file_get(const char *path, const struct storage_facts *facts, struct file **file);
void file_release(struct file *file);
/* Opens it again if the file service was gone; ESTALE: it is another file now. */
int file_reopen(struct file *file);
void file_table_forget(void);
/* The content of a small file; NULL: read it. */
const uint8_t *file_content(struct file *file);
/* Whether what is read of it now is what it is while its facts are these. */
bool file_settled(const struct file *file);
/* A block with all of the file; false: there is none. */
bool file_ready_take(struct file *file, struct block *block);
void file_ready_put(struct file *file, struct block block);
/* The least used file loses one; the caller counts. */
bool file_ready_steal(struct block *block);

/* ---- server.c ---- */

enum state {
  STATE_READING,    /* a request, or what is before one */
  STATE_CONTINUING, /* "100 Continue" is being written */
  STATE_WAITING,    /* for the extension, the status, the file service */
  STATE_WRITING,
  STATE_SHUTTING,
  STATE_LINGERING,
};

enum wait { WAIT_NOTHING, WAIT_EXTENSION, WAIT_ASKED, WAIT_STATUS, WAIT_FILES, WAIT_FILES_BODY, WAIT_BLOCK, WAITS };

struct connection {
  struct deadline_link deadline; /* first: a link is cast to its connection */
  uint8_t state, wait;
  bool keep_alive, lingers, first_version; /* of the request under way: HTTP/1.0 */
  uint32_t number;
  uint32_t pending_length;
  uint32_t lingered;
  struct request *request;
  uint8_t *pending; /* bytes behind the request under way */
  /* What is left of the body of the answer. */
  struct file *file;
  struct text *text;
  uint64_t offset, left;
  bool block_out;        /* a block is being written */
  bool slow;             /* and its reader is slow */
  bool whole;            /* it has all of the file in it, to be kept */
  struct block held;     /* one that goes in pieces; or bytes = NULL */
  uint32_t block_length; /* of the block that is being written: what is not yet */
  uint32_t block_offset;
  struct connection *next, *previous; /* that wait for the same */
};

/* A queue of connections that wait. */
struct queue {
  struct connection *first, *last;
  uint32_t count;
};
void connection_wait(struct connection *connection, enum wait wait, enum deadline deadline);
/* Takes it out of what it waits for. */
void connection_wake(struct connection *connection);
struct queue *connection_queue(enum wait wait);
/* Works on a complete request. */
void connection_handle(struct connection *connection);
/* The answer has been written. */
void connection_next(struct connection *connection);
void connection_close(struct connection *connection);

struct server_figures {
  uint64_t requests, errors; /* errors: answers of 500 and above */
  uint32_t connections;
};
extern struct server_figures server_figures;
extern const char *server_root;

/* ---- answer.c ---- */

/* An answer without anything special: its text is a page that says what it means and `why`. `extra`: header lines. */
void answer_status(struct connection *connection, unsigned status, const char *extra, const char *why);
/* A text, which has one reference less then. */
void answer_text(struct connection *connection, unsigned status, const char *type, const char *extra,
                 struct text *text);
/* Bytes that stay. */
void answer_bytes(struct connection *connection, const char *type, const uint8_t *bytes, size_t length);
/* A part of a file, or all of it; takes over the reference. */
void answer_file(struct connection *connection, struct file *file, unsigned status, const char *extra, uint64_t offset,
                 uint64_t length);
/* Begins again with an answer that waited for a block. */
void answer_again(struct connection *connection);
/* Goes on with the body. */
void answer_continue(struct connection *connection);
void answer_drop(struct connection *connection);

/* ---- site.c, directory.c: files of the site ---- */

void site_handle(struct connection *connection);
/* -> 0, an error number, STORAGE_GONE. */
int directory_page(const char *path, const char *shown, struct text **text);
const char *content_type(const char *path);

/* ---- range.c ---- */

enum range { RANGE_NONE, RANGE_ONE, RANGE_UNSATISFIABLE };
/* Of the value of a Range header. Several ranges are none: all of the file is a right answer to them. */
enum range range_read(const char *value, uint64_t size, uint64_t *offset, uint64_t *length);

/* ---- extension_queue.c, status.c ---- */

void extension_handle(struct connection *connection);
/* The connection that waits for the extension or in its queue is no more, or its time is over. */
void extension_forget(struct connection *connection);
void status_handle(struct connection *connection);
bool status_page(struct connection *connection);

#endif
