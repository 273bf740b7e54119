/* What the parts of the target service_web share: see service_web_peers.c, service_web_program.c. Nobody else's. */
#ifndef TESTS_FUZZ_SERVICE_WEB_PEERS_H
#define TESTS_FUZZ_SERVICE_WEB_PEERS_H

#include <string.h>

#include "tests/fuzz/service_play.h"

enum { NETWORK, FILES, EXTENSION, OBSERVATION, SUPERVISION, SLOTS };
extern const char *const web_slots[SLOTS];
extern uint32_t web_contracts[SLOTS], web_listener, web_stream; /* their numbers */
extern uint32_t web_services[SLOTS]; /* the server's end of each that was given last; 0: it is no more */
extern bool web_settled;             /* from now on all answer rightly, at once */
extern bool web_started;             /* the web server has said so */

extern bool web_blocks_wait;      /* what is asked with a block is not answered by web_pump */
extern uint32_t web_most_at_once; /* connections */

/* ---- service_web_peers.c ---- */

#define WEB_NAMES 10
extern const struct web_name {
  const char *path;
  uint32_t size, mode;
} web_names[WEB_NAMES];
#define WEB_LATE_REQUESTS 9 /* of a client that does no harm */

/* What a peer was asked. */
#define REST_MOST 100
struct web_asked {
  bool any;
  uint32_t tag, length;
  uint8_t data[REST_MOST];
  uint32_t block; /* a copy of the one that it holds; 0: none */
  /* A connection, as its client sees it. */
  bool unframed; /* what it said may be HEAD, or what came went through a block that another sent back */
  bool late;     /* it does no harm, and asks what is in late_requests */
  uint32_t step, answers;
  char head[2048];
  uint32_t head_length;
  uint64_t body_left, body_at;
};
extern struct web_asked web_asked[KERNEL_ENDS_MOST]; /* by the end */

static inline uint32_t number_at(const uint8_t *data, uint32_t at) {
  uint32_t number;
  memcpy(&number, data + at, 4);
  return number;
}
static inline void put_number(uint8_t *data, size_t at, uint32_t number) { memcpy(data + at, &number, 4); }

/* Before there are new channels: of those that are no more nothing is known. */
void web_forget_closed(void);
/* -> a new one's client's end. */
uint32_t web_channel(uint32_t contract, uint32_t peer);
bool web_is_server(uint32_t end);
/* It was asked for something with a block, and may answer. */
bool web_block_asked(uint32_t end);
/* A request, or some, or a part of one, as the input says; -> the length. */
uint32_t web_asks(uint32_t end, uint8_t *data, uint32_t most);

/* What is sent next, and with it one end or block. */
extern struct kernel_message web_reply;
void web_move(uint32_t kind, uint32_t number);
/* The block that it holds, or one like it. 0: there is no room for any. */
uint32_t web_block_back(uint32_t end);
void web_send(uint32_t end, uint32_t tag, uint32_t length);

/* The data of right answers; -> their length. */
uint32_t web_file_answer(uint32_t end, uint8_t *data);
uint32_t web_extension_answer(uint32_t tag, uint8_t *data, uint32_t status, uint32_t told, const char *type);
uint32_t web_observation_answer(uint32_t end, uint32_t tag, uint8_t *data);
/* Answers rightly what the end was asked last. */
void web_answer(uint32_t end);
void web_heard(uint32_t end, const struct kernel_message *message);
void web_supervisor_hears(void);
/* All answer rightly, and time stands still. */
void web_pump(void);

#endif
