/* The web server over the channels that it is a client of: a network whose connections say what the input says, a file
 * service, an extension and an observer that answer what their contracts let through, late or never, or die, and a
 * supervisor that brings others. When they all have settled no connection may be left and nothing of one be kept; then
 * one of a client that does no harm has to be answered, by services that do none. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/device.h>

#include "apps/web/transport.h"
#include "contracts/extension.h"
#include "contracts/files.h"
#include "contracts/listener.h"
#include "contracts/network.h"
#include "contracts/observation.h"
#include "contracts/stream.h"
#include "contracts/supervision.h"
#define TESTS_FUZZ_SERVICE_WEB
#include "tests/fuzz/service_web.h"
#include "tests/fuzz/service_web_peers.h"

const unsigned fuzz_count = 3000;

#define REQUESTS_KEPT 16
static bool stopping;
static bool may_end; /* a service said what is none of its contract's numbers */

/* ---- Answers of all kinds ---- */

static uint64_t edge(void) {
  static const uint64_t edges[] = {0,     1,     2,         16,         4096,      4097,      65536,
                                   69632, 69633, INT32_MAX, UINT32_MAX, INT64_MAX, 1ul << 63, UINT64_MAX};
  return edges[fuzz_byte(&kernel_input) % (sizeof edges / sizeof *edges)];
}

static uint32_t files_compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t most) {
  static const uint32_t errors[] = {ENOENT, EIO, EACCES, EMFILE, ESTALE, 4096, UINT32_MAX, UINT32_MAX - 1};
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t length = web_file_answer(end, data);
  struct files_answer answer;
  memcpy(&answer, data, sizeof answer);
  if (choice >= 0xe0)
    answer.error = errors[fuzz_byte(&kernel_input) % 8];
  if ((choice & 0x60) == 0x20)
    answer.value = edge();
  memcpy(data, &answer, sizeof answer);
  if (tag == FILES_ANSWERED_BLOCK)
    return FILES_ANSWER;
  if ((web_asked[end].tag == FILES_STATUS || web_asked[end].tag == FILES_STATUS_NAME) && choice & 8) {
    struct signet_file_status status = {.inode = choice, .mode = choice & 1 ? S_IFREG : S_IFDIR, .size = edge()};
    status.modified = choice & 4 ? edge() : kernel_now + 1700000000 * SECOND;
    memcpy(data + FILES_ANSWER, &status, sizeof status);
    length = FILES_ANSWER + sizeof status;
  }
  if (choice & 16) {
    uint32_t wanted = choice & 2 ? most : (uint32_t)FILES_ANSWER + fuzz_byte(&kernel_input);
    if (wanted > length)
      memset(data + length, choice | 1, wanted - length);
    length = wanted;
  }
  return length;
}

static uint32_t extension_compose(uint32_t tag, uint8_t *data) {
  static const uint32_t statuses[] = {200, 200, 200, 204, 304, 404, 500, 599, 600, 199, 0, UINT32_MAX};
  static const char *const types[] = {"text/plain", "a\r\nContent-Length: 0\r\n\r\n", "\x7f"};
  uint8_t choice = fuzz_byte(&kernel_input);
  if (tag == EXTENSION_PIECE) {
    memset(data, 'p', EXTENSION_PIECE_MOST);
    return choice & 1 ? EXTENSION_PIECE_MOST : 1u + choice;
  }
  if (tag == EXTENSION_LAST)
    return 0;
  uint32_t told = tag == EXTENSION_ANSWER_BLOCK ? (uint32_t)edge() : choice & 4 ? EXTENSION_PIECE_MOST : choice;
  return web_extension_answer(tag, data, statuses[choice % 12], told, types[choice >= 0xe0 ? choice % 3 : 0]);
}

static uint32_t observation_compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t most) {
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t size = web_observation_answer(end, tag, data);
  if (choice & 1)
    return size;
  uint32_t step = tag == OBSERVATION_SUPERVISED_ARE ? sizeof(struct observation_supervised) : 1;
  uint32_t length = choice & 2 ? most : fuzz_byte(&kernel_input) * 8;
  length = (length < most ? length : most) / step * step;
  for (uint32_t i = 0; i < length; i++)
    data[i] = kernel_plain((uint8_t)(choice + i * 3 + i / 250));
  for (uint32_t at = 0; tag == OBSERVATION_SUPERVISED_ARE && at < length; at += step)
    put_number(data + at, offsetof(struct observation_supervised, phase), 1 + choice % 5);
  return length;
}

/* Numbers as the contract has them, mostly: the web server ends if the network says others. */
static uint32_t error_number(uint32_t most, uint8_t *data) {
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t number = choice >= 0xfc ? choice : 1 + choice % most;
  may_end |= number > most;
  memcpy(data, &number, 4);
  return 4;
}

static uint32_t stream_compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t most) {
  uint32_t whole = number_at(web_asked[end].data, 4), length;
  switch (tag) {
  case STREAM_DATA:
    return web_asks(end, data, most);
  case STREAM_WRITTEN:
    length = fuzz_byte(&kernel_input);
    memcpy(data, &length, 4);
    return 4;
  case STREAM_WRITTEN_BLOCK:
    web_asked[end].unframed = true;
    length = fuzz_byte(&kernel_input);
    length = length & 1 ? whole : length & 2 ? whole - length : length & 4 ? (uint32_t)edge() : length;
    memcpy(data, &length, 4);
    return 4;
  case STREAM_FAILED_BLOCK:
    web_asked[end].unframed = true;
    length = fuzz_byte(&kernel_input);
    if (length & 3) {
      memcpy(data, &(uint32_t){STREAM_ERROR_MEMORY}, 4);
      return 4;
    }
    return error_number(7, data);
  }
  return tag == STREAM_FAILED ? error_number(7, data) : 0;
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  uint32_t contract = kernel_ends[end].contract;
  (void)least;
  uint32_t length = 0;
  if (contract == web_stream)
    length = stream_compose(end, tag, data, most);
  if (contract == web_contracts[FILES])
    length = files_compose(end, tag, data, most);
  /* With a block of another length than its own it ends: see deviate. */
  may_end |= contract == web_stream ? tag == STREAM_WRITTEN_BLOCK || tag == STREAM_FAILED_BLOCK
                                    : contract == web_contracts[FILES] && tag == FILES_ANSWERED_BLOCK;
  if (contract == web_stream || contract == web_contracts[FILES])
    return length;
  if (contract == web_contracts[EXTENSION])
    return extension_compose(tag, data);
  if (contract == web_contracts[OBSERVATION])
    return observation_compose(end, tag, data, most);
  web_forget_closed();
  memset(data, 0, most);
  if (contract == web_listener)
    return tag == LISTENER_FAILED ? error_number(2, data) : most;
  may_end |= tag == NETWORK_FAILED;
  return tag == NETWORK_FAILED ? error_number(9, data) : most;
}

/* ---- Things that happen ---- */

static bool supervise(uint32_t tag, uint32_t slot, uint64_t deadline) {
  web_supervisor_hears();
  web_reply = (struct kernel_message){.tag = tag, .length = 8};
  memcpy(web_reply.data, &slot, 4);
  if (!kernel_may_send(service_supervisor, tag))
    return false;
  switch (tag) {
  case SUPERVISION_SERVICE_BACK: {
    uint32_t client = web_channel(web_contracts[slot < OBSERVATION ? slot : OBSERVATION], slot);
    if (!client)
      return false;
    if (slot < SUPERVISION)
      web_services[slot] = client + 1;
    web_move(SIGNET_KIND_CLIENT, client);
    break;
  }
  case SUPERVISION_SERVICE_GIVEN_UP:
    web_reply.data[4] = 0;
    web_reply.length = 5;
    break;
  case SUPERVISION_SERVICE_ENDED:
    web_reply.length = 12;
    break;
  case SUPERVISION_CLIENT_WANTED:
    memcpy(web_reply.data + 8, "it", 3);
    web_reply.length = 11;
    break;
  case SUPERVISION_STOP:
    memcpy(web_reply.data, &deadline, 8);
    stopping = true;
  }
  kernel_peer_send(service_supervisor, &web_reply);
  return true;
}

static void supervisor_acts(void) {
  uint8_t choice = fuzz_byte(&kernel_input);
  if (choice >= 0xfe)
    supervise(SUPERVISION_STOP, 0, choice & 1 ? kernel_now + (SECOND << fuzz_byte(&kernel_input) % 8) : 0);
  else if (choice >= 0xf8)
    supervise(SUPERVISION_CLIENT_WANTED, choice % 6, 0);
  else if (choice >= 0xe0)
    supervise(choice & 16 ? SUPERVISION_SERVICE_ENDED : SUPERVISION_SERVICE_GIVEN_UP, choice % 5, 0);
  else
    supervise(SUPERVISION_SERVICE_BACK, choice >= 0xd8 ? SUPERVISION + choice % 2 : choice % SUPERVISION, 0);
}

static uint32_t listening(void) {
  for (uint32_t end = 3; end < kernel_ends_used; end += 2)
    if (web_is_server(end) && kernel_ends[end].contract == web_listener &&
        kernel_ends[end ^ 1].holder == KERNEL_SERVICE && kernel_turn(end))
      return end;
  return 0;
}

/* -> the server's end of a new connection; 0: nobody accepts one. */
static uint32_t connect(void) {
  uint32_t at = listening(), client = at ? web_channel(web_stream, NETWORK) : 0;
  if (!client)
    return 0;
  web_move(SIGNET_KIND_CLIENT, client);
  memset(web_reply.data, 0, 24);
  web_send(at, LISTENER_ACCEPTED, 24);
  return client + 1;
}

/* One connection that is listened to says something, or a new one comes. */
static void client_acts(void) {
  uint32_t ends[KERNEL_ENDS_MOST / 2], count = 0;
  for (uint32_t end = 3; end < kernel_ends_used; end += 2)
    if (web_is_server(end) && kernel_may_send(end, STREAM_DATA) && kernel_ends[end].contract == web_stream)
      ends[count++] = end;
  uint8_t choice = fuzz_byte(&kernel_input);
  if (!count || choice >= 0xc0) {
    connect();
    return;
  }
  uint32_t end = ends[choice % count];
  web_reply.moved_count = 0;
  web_send(end, STREAM_DATA, web_asks(end, web_reply.data, STREAM_INLINE_MOST));
}

/* Sends the block back that it holds, with any answer. */
static void deviate(uint32_t end) {
  bool of_files = kernel_ends[end].contract == web_contracts[FILES];
  uint32_t block = web_block_back(end), tag, length;
  if (!block)
    return;
  tag = of_files                       ? (uint32_t)FILES_ANSWERED_BLOCK
        : fuzz_byte(&kernel_input) & 1 ? STREAM_WRITTEN_BLOCK
                                       : STREAM_FAILED_BLOCK;
  web_move(SIGNET_KIND_BLOCK, block);
  length =
      of_files ? files_compose(end, tag, web_reply.data, FILES_ANSWER) : stream_compose(end, tag, web_reply.data, 4);
  web_send(end, tag, length);
}

/* Who was asked for something, or for something with a block; 0: nobody. */
static uint32_t somebody(uint8_t choice, bool with_block) {
  for (uint32_t i = 0; i < kernel_ends_used / 2; i++) {
    uint32_t end = 3 + (choice + i) * 2 % kernel_ends_used;
    if (web_is_server(end) && kernel_turn(end) && web_asked[end].any && (!with_block || web_block_asked(end)))
      return end;
  }
  return 0;
}

static void answer_one(void) {
  uint8_t choice = fuzz_byte(&kernel_input);
  if (choice >= 0xc0) {
    web_blocks_wait = true;
    web_pump();
    web_blocks_wait = false;
  }
  uint32_t end = choice & 0x80 ? somebody(choice, true) : 0;
  if (end)
    deviate(end);
  else if ((end = somebody(choice, false)))
    web_answer(end);
}

static void act(uint8_t which) {
  switch (which) {
  case 0:
    client_acts();
    break;
  case 1:
    answer_one();
    break;
  case 2:
    web_pump();
    break;
  case 3:
    supervisor_acts();
  }
  kernel_changed();
}

static void begin(void) {
  uint8_t bytes[512];
  uint32_t handles[SLOTS];
  const char *const arguments[] = {"web"};
  web_memory_forget();
  memset(web_asked, 0, sizeof web_asked);
  web_settled = web_started = web_blocks_wait = stopping = may_end = false;
  web_most_at_once = 0;
  web_contracts[NETWORK] = kernel_learn(&network_contract, NETWORK_CONTRACT_LENGTH);
  web_contracts[FILES] = kernel_learn(&files_contract, FILES_CONTRACT_LENGTH);
  web_contracts[EXTENSION] = kernel_learn(&extension_contract, EXTENSION_CONTRACT_LENGTH);
  web_contracts[OBSERVATION] = kernel_learn(&observation_contract, OBSERVATION_CONTRACT_LENGTH);
  web_contracts[SUPERVISION] = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  web_listener = kernel_learn(&listener_contract, LISTENER_CONTRACT_LENGTH);
  web_stream = kernel_learn(&stream_contract, STREAM_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < SLOTS; i++) {
    uint32_t client = kernel_channel(web_contracts[i], i);
    handles[i] = kernel_give(client);
    web_services[i] = client + 1;
  }
  service_supervisor = service_honest[0] = web_services[SUPERVISION]; /* act speaks for it */
  service_may_refuse = true;
  kernel_start(handles, SLOTS, bytes, service_program(bytes, arguments, 1, web_slots, SLOTS));
  if (fuzz_byte(&kernel_input) < 0xf8)
    web_pump(); /* it listens */
}

/* ---- The end ---- */

static void settle(void) {
  web_settled = true;
  for (uint32_t end = 3; end < kernel_ends_used; end += 2)
    if (web_is_server(end))
      web_answer(end);
}

static void until_all_is_over(void) {
  for (uint32_t rounds = 0; !kernel_exited; rounds++) {
    web_pump();
    uint64_t deadline = kernel_first_deadline();
    if (kernel_exited || deadline == SIGNET_NEVER)
      return;
    if (rounds > 5000)
      fuzz_fail("time passes, and there is no end of it");
    kernel_advance(deadline);
  }
}

static void limit(const char *file, uint32_t most) {
  if (web_pieces(file) > most)
    fuzz_fail("no connection is left, and of %s %u pieces of memory are held", file, web_pieces(file));
}

/* Of connections nothing is left. */
static void nothing_is_kept(void) {
  for (uint32_t end = 3; end < kernel_ends_used; end += 2)
    if (kernel_ends[end].contract == web_stream && kernel_ends[end ^ 1].holder == KERNEL_SERVICE)
      fuzz_fail("the connection at the end %u is kept for ever, in state %u", end, kernel_ends[end].state);
  limit("/request.c", web_most_at_once < REQUESTS_KEPT ? web_most_at_once : REQUESTS_KEPT);
  limit("/file_table.c", 2 * WEB_NAMES);
  limit("/text.c", 2); /* the status that was made last */
  if (web_pieces("") != web_pieces("/request.c") + web_pieces("/file_table.c") + web_pieces("/text.c"))
    fuzz_fail("no connection is left, and there is memory of other files");
  if (kernel_held(SIGNET_KIND_BLOCK) > 4)
    fuzz_fail("no connection is left, and %u blocks are held", kernel_held(SIGNET_KIND_BLOCK));
  /* Those of its slots, and a listener. */
  if (kernel_held(SIGNET_KIND_CLIENT) > SLOTS + 1 || kernel_held(SIGNET_KIND_SERVER))
    fuzz_fail("no connection is left, and %u ends are held", kernel_held(SIGNET_KIND_CLIENT));
}

/* Where the kernel of the tests has no room for what a message brings, that is the quota's; otherwise memory's. */
static bool quota_fails(uint32_t end, uint32_t tag) { return (end ^ tag) & 2; }

/* The web server gives one up whose answer brings more than its quota; what fails for want of memory it asks for again.
 */
static bool alive(uint32_t slot) {
  uint32_t client = web_services[slot] ^ 1;
  const struct kernel_end *end = &kernel_ends[client];
  return web_is_server(web_services[slot]) && end->holder == KERNEL_SERVICE &&
         !(end->queued && quota_fails(client, end->queue[0]->tag));
}

static void finish(void) {
  until_all_is_over();
  if (kernel_exited)
    return;
  if (stopping)
    fuzz_fail("it was told to stop, and goes on");
  nothing_is_kept();
  for (uint32_t slot = FILES; slot <= SUPERVISION; slot++)
    if (!alive(slot % SUPERVISION) || (slot == SUPERVISION && !listening())) {
      if (!supervise(SUPERVISION_SERVICE_BACK, slot % SUPERVISION, 0))
        fuzz_fail("it does not listen to its supervisor");
      until_all_is_over();
    }
  if (kernel_exited)
    fuzz_fail("a service is back, and it ends");
  uint32_t end = connect();
  if (!end)
    fuzz_fail("all do what they should, and it accepts no connection");
  web_asked[end].late = true;
  web_pump();
  if (web_asked[end].answers != WEB_LATE_REQUESTS)
    fuzz_fail("all do what they should, and the request %u of a connection is not answered", web_asked[end].step);
  until_all_is_over();
  nothing_is_kept();
  if (!supervise(SUPERVISION_STOP, 0, 0))
    fuzz_fail("it does not listen to its supervisor");
  until_all_is_over();
  if (!kernel_exited)
    fuzz_fail("it was told to stop, and goes on");
  if (kernel_held(SIGNET_KIND_BLOCK))
    fuzz_fail("it stops, and holds %u blocks", kernel_held(SIGNET_KIND_BLOCK));
}

static bool may_stand(uint32_t end) { return end != 0; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .act = act,
                                               .compose = compose,
                                               .heard = web_heard,
                                               .settle = settle,
                                               .may_stand = may_stand,
                                               .finish = finish,
                                               .answers = true};
  service_play(&target, bytes, length);
  web_supervisor_hears();
  /* Without a port to listen at it does not begin, and does not go on. */
  bool no_room = kernel_ends[web_services[NETWORK] ^ 1].queued;
  if (kernel_exited && kernel_exit_code && web_started && !may_end && !no_room)
    fuzz_fail("it ended with %u", kernel_exit_code);
  return 0;
}
