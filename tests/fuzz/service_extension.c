/* The process that runs the web system's scripts (apps/web/extension/extension.c) over the channels that it serves:
 * clients that say whatever contracts/extension.contract lets through, one that does no harm, and a supervisor that
 * starts clients again. The scripts are this file's: what they answer is the input's choice. */
#include <sanitizer/asan_interface.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/program.h>

#include "apps/web/extension/script.h"
#include "contracts/extension.h"
#include "contracts/supervision.h"

#define TESTS_FUZZ_SERVICE_WEB
#include "tests/fuzz/service_play.h"
#include "tests/fuzz/service_web.h"

const unsigned fuzz_count = 2000;

#define CLIENTS 4
#define SUPERVISOR CLIENTS       /* its slot */
#define LIBRARY (SUPERVISOR + 1) /* the slot of a service that the library OS uses */
#define ANSWER_LONGEST 0x140000u /* longer than a block may be */
#define READ_MOST (ANSWER_LONGEST / EXTENSION_PIECE_MOST + 2)
static const char *const slot_names[] = {"extension", "extension.2", "extension.3", "extension.4", "supervision"};
static uint32_t extension, supervision;          /* contracts */
static uint32_t client_count, slot_end[CLIENTS]; /* the client's end; 0: it is no more, and nobody was started again */
static uint32_t wanted;                          /* the slot that the supervisor asked for last */

/* ---- What each client asked, and has to hear ---- */

struct right {
  uint32_t status, length, type_length;
  uint8_t mark;   /* what its body is made of */
  uint32_t heard; /* bytes, of one that goes in pieces */
  bool lacked;    /* there was memory neither for a block nor for a copy */
};
static struct {
  bool asked, reached; /* a script was called for it */
  bool breach;         /* something that it said is not what the contract says */
  struct extension_buffer said;
  struct right right;
} clients[KERNEL_ENDS_MOST];
static uint32_t served_last, refused_before; /* the client whose answer is sent now; what was refused before that */

static bool is_client(uint32_t end) { return !(end & 1) && kernel_ends[end].contract == extension; }

static void record(uint32_t end, uint32_t tag, const uint8_t *data, uint32_t length) {
  struct extension_buffer *said = &clients[end].said;
  struct extension_REQUEST request;
  struct extension_REQUEST_BLOCK with_block;
  said->message = (struct signet_message){.tag = tag, .length = length, .moved = {{.length = SIGNET_PAGE}}};
  memcpy(said->data, data, length);
  clients[end].asked = true;
  clients[end].reached = false;
  clients[end].breach |= !(tag == EXTENSION_REQUEST ? extension_get_REQUEST(said, &request)
                                                    : extension_get_REQUEST_BLOCK(said, &with_block));
}

/* What bodies are made of: each from another place on. */
#define MARKS 16
static uint8_t contents[ANSWER_LONGEST + MARKS];

static void contents_make(void) {
  for (uint32_t i = 0; i < sizeof contents; i++)
    contents[i] = kernel_plain((uint8_t)(i * 7 + i / 4096));
}

static void is_content(uint32_t end, const uint8_t *bytes, uint32_t from, uint32_t count) {
  if (memcmp(bytes, contents + clients[end].right.mark + from, count) != 0)
    fuzz_fail("of the answer at the end %u the %u bytes from %u on are another's", end, count, from);
}

static void is_right(uint32_t end, uint32_t status, const char *type, uint32_t type_length, uint32_t length) {
  const struct right *right = &clients[end].right;
  if (status != right->status || type_length != right->type_length || length != right->length ||
      strspn(type, "t") != type_length)
    fuzz_fail("at the end %u status %u, %u bytes of type and %u of body are heard; right were %u, %u, %u", end, status,
              type_length, length, right->status, right->type_length, right->length);
}

static void answer_is_sent(void) {
  if (served_last)
    clients[served_last].right.lacked = web_memory_refused != refused_before;
  served_last = 0;
}

static void client_hears(uint32_t end, const struct kernel_message *message) {
  static struct extension_buffer buffer;
  struct right *right = &clients[end].right;
  struct extension_ANSWER answer;
  struct extension_ANSWER_BLOCK block;
  struct extension_BEGIN begin;
  struct extension_PIECE piece;
  const uint8_t *bytes;
  uint32_t room = 0;
  answer_is_sent();
  if (!clients[end].reached)
    fuzz_fail("the end %u is answered, and no script was asked", end);
  buffer.message = (struct signet_message){.tag = message->tag, .length = message->length};
  memcpy(buffer.data, message->data, message->length);
  switch (message->tag) {
  case EXTENSION_ANSWER:
    if (!extension_get_ANSWER(&buffer, &answer))
      fuzz_fail("an ANSWER that is none");
    clients[end].asked = false;
    if (right->lacked) {
      service_counted(false);
      if (answer.status != 503)
        fuzz_fail("there was no memory for an answer, and its status is %u", answer.status);
      return;
    }
    is_right(end, answer.status, answer.type, answer.type_length, answer.body_count);
    is_content(end, answer.body, 0, answer.body_count);
    break;
  case EXTENSION_ANSWER_BLOCK:
    bytes = kernel_block_open(message->moved[0].number, &room);
    buffer.message.moved[0].length = room;
    if (!extension_get_ANSWER_BLOCK(&buffer, &block) || block.length > room)
      fuzz_fail("an ANSWER_BLOCK that is none");
    clients[end].asked = false;
    is_right(end, block.status, block.type, block.type_length, block.length);
    is_content(end, bytes, 0, block.length);
    for (uint32_t i = block.length; i < room; i++)
      if (bytes[i])
        fuzz_fail("a block tells more than the answer");
    kernel_block_close(message->moved[0].number);
    break;
  case EXTENSION_BEGIN:
    if (!extension_get_BEGIN(&buffer, &begin))
      fuzz_fail("a BEGIN that is none");
    is_right(end, begin.status, begin.type, begin.type_length, right->length);
    right->heard = 0;
    break;
  case EXTENSION_PIECE:
    if (!extension_get_PIECE(&buffer, &piece) || piece.bytes_count > right->length - right->heard)
      fuzz_fail("a PIECE that is none, or too many of them");
    is_content(end, piece.bytes, right->heard, piece.bytes_count);
    right->heard += piece.bytes_count;
    break;
  case EXTENSION_LAST:
    if (right->heard != right->length)
      fuzz_fail("LAST after %u of %u bytes", right->heard, right->length);
    clients[end].asked = false;
  }
  service_counted(true);
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (is_client(end))
    client_hears(end, message);
  if (end != service_supervisor || message->tag != SUPERVISION_CLIENT_GIVEN)
    return;
  uint32_t client = message->moved[0].number;
  if (wanted >= client_count || !is_client(client))
    fuzz_fail("the supervisor is given a channel that it does not want");
  clients[client].asked = clients[client].reached = clients[client].breach = false;
  slot_end[wanted] = client;
}

/* Who did no wrong keeps his channel. Where the kernel of the tests has no room for what a message brings that is for
 * some ends the quota's fault, and the message's then; for others it is the machine's. */
static void nobody_is_dropped(void) {
  for (uint32_t end = 2; end < kernel_ends_used; end += 2) {
    if (!is_client(end) || kernel_ends[end].holder != KERNEL_PEER || !kernel_ends[end + 1].closed)
      continue;
    bool too_large = clients[end].asked && !clients[end].reached &&
                     clients[end].said.message.tag == EXTENSION_REQUEST_BLOCK && (end ^ EXTENSION_REQUEST_BLOCK) & 2;
    if (!clients[end].breach && !too_large)
      fuzz_fail("the client at the end %u did no wrong, and its channel is closed", end);
    fuzz_refused += clients[end].asked;
    clients[end].asked = false;
    clients[end].breach = true;
  }
}

static void clients_end(void) {
  for (uint32_t i = 0; i < client_count; i++)
    if (slot_end[i] && kernel_ends[slot_end[i]].holder != KERNEL_PEER)
      slot_end[i] = 0;
}

/* ---- The scripts ---- */

static uint8_t body[ANSWER_LONGEST] __attribute__((aligned(64)));
static uint32_t body_length; /* that is not poisoned */
static uint8_t scarce;       /* for the next answer: 1: there is no block, 2: and no copy either */

void scripts_begin(const char *place) {
  if (strcmp(place, "/scripts") != 0)
    fuzz_fail("scripts are looked for at %s", place);
}

static void is_text(const char *text, const char *said, uint32_t length) {
  if (strlen(text) != length || memcmp(text, said, length) != 0)
    fuzz_fail("a script is told \"%.20s\", and \"%.20s\" was said", text, said);
}

/* What the script is told is what that client said. */
static void is_said(uint32_t end, const struct script_request *request) {
  static const char *const methods[] = {"", "GET", "HEAD", "POST", "PUT", "DELETE"};
  struct extension_buffer *said = &clients[end].said;
  struct extension_REQUEST plain;
  struct extension_REQUEST_BLOCK block;
  const uint8_t *bytes = request->body;
  if (!clients[end].asked || clients[end].reached || clients[end].breach)
    fuzz_fail("a script is asked, and the client at the end %u did not", end);
  kernel_readable(bytes, request->body_length, "the body of a request");
  if (said->message.tag == EXTENSION_REQUEST) {
    extension_get_REQUEST(said, &plain);
    if (request->body_length != plain.body_count || memcmp(bytes, plain.body, plain.body_count) != 0)
      fuzz_fail("a script is told another body");
  } else {
    extension_get_REQUEST_BLOCK(said, &block);
    plain = (struct extension_REQUEST){block.request,
                                       block.target,
                                       block.target_length,
                                       block.query,
                                       block.query_length,
                                       block.headers,
                                       block.headers_length,
                                       NULL,
                                       0};
    if (request->body_length != block.length &&
        (request->body_length > block.length || !request->body_length || request->body_length % SIGNET_PAGE ||
         !__asan_address_is_poisoned((void *)(uintptr_t)(bytes + request->body_length))))
      fuzz_fail("a script is told %zu bytes of %lu in a block", request->body_length, block.length);
    size_t length = request->body_length;
    if (length && (bytes[0] != service_mark(end) || memcmp(bytes, bytes + 1, length - 1) != 0))
      fuzz_fail("a script is told what is in another block");
  }
  if (strcmp(request->method, methods[plain.request.method]) != 0 || request->client != plain.request.client)
    fuzz_fail("a script is told the method %s of client %u", request->method, request->client);
  is_text(request->target, plain.target, plain.target_length);
  is_text(request->query, plain.query, plain.query_length);
  is_text(request->headers, plain.headers, plain.headers_length);
}

static uint32_t answer_length(uint8_t choice) {
  static const uint32_t lengths[] = {0, 1, 4095, 4096, 4097, 5000, 8191, 8192, 8193, 12288, 65536, KERNEL_BLOCK_MOST};
  static const uint32_t long_ones[] = {KERNEL_BLOCK_MOST + 1, EXTENSION_BLOCK_MOST, EXTENSION_BLOCK_MOST + 1,
                                       ANSWER_LONGEST};
  return choice >= 0xfc ? long_ones[choice - 0xfc] : choice >= 0xc0 ? choice : lengths[choice % 12];
}

void scripts_answer(const struct script_request *request, struct script_answer *answer) {
  uint32_t end = kernel_served;
  struct right *right = &clients[end].right;
  bool honest = end == service_honest[0];
  answer_is_sent();
  __asan_poison_memory_region(body, sizeof body);
  is_said(end, request);
  uint8_t choice = honest ? (uint8_t)request->target[1] : fuzz_byte(&kernel_input);
  uint8_t mark = honest ? 0 : 1 + (uint8_t)(end + choice) % (MARKS - 1);
  *right = (struct right){.mark = mark, .length = answer_length(choice)};
  right->status = choice & 16 ? 599 : 200 + choice;
  right->type_length = choice & 32 ? SCRIPT_TYPE_MOST : 1 + choice % 40;
  body_length = right->length;
  __asan_unpoison_memory_region(body, body_length);
  memcpy(body, contents + mark, body_length);
  answer->status = right->status;
  memset(answer->type, 't', right->type_length);
  answer->type[right->type_length] = 0;
  answer->body = body;
  answer->length = body_length;
  clients[end].reached = true;
  served_last = end;
  refused_before = web_memory_refused;
  /* Of the allocations that an answer of that length makes one fails: the block or the copy. */
  if (scarce && !honest && body_length > EXTENSION_PIECE_MOST)
    kernel_fail_in = scarce == 1 || body_length > EXTENSION_BLOCK_MOST || body_length <= KERNEL_BLOCK_MOST ? 1 : 2;
  scarce = 0;
}

/* ---- What the library OS gives ---- */

static const struct signet_startup *startup;
static const char *script_place;

uint32_t signet_slot_number(const char *name) {
  for (uint32_t i = 0; i < client_count; i++)
    if (!strcmp(name, slot_names[i]))
      return i;
  return !strcmp(name, slot_names[SUPERVISOR]) && service_supervisor ? SUPERVISOR : UINT32_MAX;
}

uint32_t signet_slot(const char *name) {
  uint32_t slot = signet_slot_number(name);
  return slot == UINT32_MAX ? 0 : startup->handles[slot < client_count ? slot : client_count];
}

bool signet_slot_renew(uint32_t slot, uint32_t endpoint) {
  if (slot == LIBRARY)
    signet_handle_close(endpoint);
  return slot == LIBRARY;
}

void signet_event_return(void);
static void event_came(uint64_t event) {
  (void)event;
  signet_event_return();
}

_Noreturn void service_main(const struct signet_startup *given);
_Noreturn void service_main(const struct signet_startup *given) {
  char name[] = "extension", place[] = "/scripts", *arguments[] = {name, place, NULL};
  startup = given;
  signet_event_listen(event_came);
  web_exit(web_main(script_place ? 2 : 1, arguments));
}

/* ---- Requests ---- */

static uint32_t text(uint8_t *to, uint8_t letter, uint32_t length) {
  memset(to, letter, length);
  to[length] = 0;
  return length + 1;
}

static uint32_t size(uint8_t choice, uint32_t most) {
  return choice >= 0xfe ? most + 1 : choice >= 0xe0 ? most : choice >= 0xc0 ? most - choice % 4 : choice % 16;
}

/* Rather more than the contract allows; what does not fit is cut off. */
static uint32_t request_compose(uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static const uint32_t methods[] = {1, 2, 3, 4, 5, 1, 3, 3};
  static const uint64_t lengths[] = {0,         1,         4095,      4096, 4097, 65536, EXTENSION_BLOCK_MOST,
                                     1ul << 32, 1ul << 63, UINT64_MAX};
  static uint8_t room[3 * 4096 + 8192];
  uint8_t choice = fuzz_byte(&kernel_input);
  uint32_t client = choice, method = methods[choice % 8], at = 8;
  if (choice >= 0xfc)
    method = choice == 0xfc ? 0 : choice == 0xfd ? 6 : choice == 0xfe ? UINT32_MAX : 257;
  memcpy(room, &method, 4);
  memcpy(room + 4, &client, 4);
  if (tag == EXTENSION_REQUEST_BLOCK) {
    uint64_t length = lengths[fuzz_byte(&kernel_input) % 10];
    memcpy(room + at, &length, 8);
    at += 8;
  }
  bool bare = choice & 8; /* of a target alone */
  uint8_t target = fuzz_byte(&kernel_input);
  at += text(room + at, '/', target ? size(target, EXTENSION_TARGET_MOST) : 1);
  at += text(room + at, 'q', bare ? 0 : size(fuzz_byte(&kernel_input), EXTENSION_TARGET_MOST));
  at += text(room + at, 'h', bare ? 0 : size(fuzz_byte(&kernel_input), EXTENSION_HEADERS_MOST));
  if (tag == EXTENSION_REQUEST && !bare) {
    uint32_t length = size(fuzz_byte(&kernel_input), EXTENSION_BODY_MOST);
    memset(room + at, 'b', length);
    at += length;
  }
  for (; at < least; at++)
    room[at] = 'l';
  if (choice >= 0xf0 && choice < 0xf8) /* its texts have no end, or it has other bytes */
    at = choice & 1 ? least + fuzz_byte(&kernel_input) % (at - least + 1) : at;
  if (choice >= 0xf4 && choice < 0xf8)
    room[8 + fuzz_byte(&kernel_input) % (at - 8)] = 0;
  at = at > most ? most : at;
  memcpy(data, room, at);
  return at;
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  nobody_is_dropped();
  clients_end();
  if (end == service_supervisor && tag == SUPERVISION_CLIENT_WANTED) {
    wanted = LIBRARY + fuzz_byte(&kernel_input) % 3; /* act asks for those that there are */
    memcpy(data, &(uint32_t){wanted}, 4);
    memset(data + 4, 0, 4);
    memcpy(data + 8, "it", 3);
    return 11;
  }
  if (end == service_supervisor && tag == SUPERVISION_SERVICE_BACK) {
    memset(data, 0, 8);
    data[0] = fuzz_byte(&kernel_input) % (LIBRARY + 2);
    return 8;
  }
  if (!is_client(end) || (tag != EXTENSION_REQUEST && tag != EXTENSION_REQUEST_BLOCK))
    return 0;
  uint32_t length = request_compose(tag, data, least, most);
  record(end, tag, data, length);
  return length;
}

/* ---- Things that happen ---- */

/* A client is started again: it gets a channel, if nothing fails. */
static void supervisor_wants(uint8_t choice) {
  static struct kernel_message message, reply;
  clients_end();
  uint32_t slot = choice % client_count;
  if (choice & 0x40 && slot_end[slot] && slot_end[slot] != service_honest[0]) { /* its end is not heard yet */
    kernel_peer_close(slot_end[slot]);
    slot_end[slot] = 0;
  }
  if (slot_end[slot] || !kernel_may_send(service_supervisor, SUPERVISION_CLIENT_WANTED))
    return;
  bool fails = kernel_fail_in;
  wanted = slot;
  message = (struct kernel_message){.tag = SUPERVISION_CLIENT_WANTED, .length = 11};
  memcpy(message.data, &slot, 4);
  memcpy(message.data + 8, "it", 3);
  kernel_peer_send(service_supervisor, &message);
  if (choice & 0x80)
    return;
  kernel_run(KERNEL_UNTIL_IDLE);
  while (!kernel_exited && kernel_peer_receive(service_supervisor, &reply)) {
    heard(service_supervisor, &reply);
    if (reply.tag == SUPERVISION_CLIENT_REFUSED && !fails)
      fuzz_fail("a client was started again, and gets no channel at the slot %u", slot);
  }
}

/* One that reads goes on with it, to the end or a part of it. */
static void reader_acts(uint8_t choice) {
  static struct kernel_message message;
  static const struct kernel_message more = {.tag = EXTENSION_MORE};
  uint32_t end = 2, pieces = choice & 0x80 ? READ_MOST : 1u + choice % 4;
  while (end < kernel_ends_used && !(is_client(end) && end != service_honest[0] &&
                                     kernel_may_send(end, EXTENSION_MORE) && kernel_ends[end].holder == KERNEL_PEER))
    end += 2;
  if (end >= kernel_ends_used)
    return;
  for (; pieces && !kernel_exited && kernel_ends[end].holder == KERNEL_PEER && kernel_may_send(end, EXTENSION_MORE);
       pieces--) {
    kernel_peer_send(end, &more);
    kernel_run(KERNEL_UNTIL_IDLE);
    if (!kernel_exited && kernel_peer_receive(end, &message))
      heard(end, &message);
  }
}

static void act(uint8_t which) {
  uint8_t choice = fuzz_byte(&kernel_input);
  nobody_is_dropped();
  switch (which) {
  case 0:
    if (service_supervisor)
      supervisor_wants(choice);
    break;
  case 1:
    reader_acts(choice);
    break;
  case 2:
    kernel_event = 1;
    break;
  case 3:
    scarce = 1 + choice % 2;
  }
  kernel_changed();
}

static void begin(void) {
  const char *slots[CLIENTS + 1];
  uint8_t bytes[512], choice = fuzz_byte(&kernel_input);
  uint32_t handles[CLIENTS + 1];
  web_memory_forget();
  if (!contents[1])
    contents_make();
  __asan_unpoison_memory_region(body, sizeof body);
  for (uint32_t end = 0; end < KERNEL_ENDS_MOST; end++)
    clients[end].asked = clients[end].reached = clients[end].breach = false;
  extension = kernel_learn(&extension_contract, EXTENSION_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  client_count = CLIENTS - choice % CLIENTS;
  served_last = scarce = 0;
  memset(slot_end, 0, sizeof slot_end);
  uint32_t supervisor = choice & 16 ? 0 : kernel_channel(supervision, 0);
  for (uint32_t i = 0; i < client_count; i++) {
    bool wrong = choice >= 0xf8 && i == client_count - 1;
    slots[i] = slot_names[i];
    slot_end[i] = kernel_channel(wrong ? supervision : extension, i + 1);
    handles[i] = kernel_give(slot_end[i] + 1);
    service_may_refuse |= wrong;
  }
  uint32_t count = client_count;
  if (supervisor) {
    slots[count] = slot_names[SUPERVISOR];
    handles[count++] = kernel_give(supervisor);
    service_supervisor = supervisor + 1;
  }
  script_place = choice == 0xf7 ? NULL : "/scripts";
  service_may_refuse |= !script_place;
  service_honest[0] = choice >= 0xf7 ? 0 : slot_end[0];
  const char *const arguments[] = {"extension", "/scripts"};
  kernel_start(handles, count, bytes, service_program(bytes, arguments, 2, slots, count));
}

/* ---- The client that does no harm ---- */

static uint32_t honest(uint32_t step, uint32_t *end, uint32_t *tag, uint8_t *data) {
  /* The second letter of the target is the choice of what is answered: answer_length. */
  static const struct {
    uint32_t tag;
    uint8_t choice;
    uint64_t length; /* of the body */
  } requests[] = {{EXTENSION_REQUEST, 3, 0},          {EXTENSION_REQUEST, 4, 1024}, {EXTENSION_REQUEST_BLOCK, 5, 4096},
                  {EXTENSION_REQUEST_BLOCK, 1, 1},    {EXTENSION_REQUEST, 33, 0},   {EXTENSION_REQUEST_BLOCK, 12, 9999},
                  {EXTENSION_REQUEST, 0xc0 + 16, 17}, {EXTENSION_REQUEST, 10, 3},   {EXTENSION_REQUEST, 0xfc, 0}};
  const uint32_t count = sizeof requests / sizeof *requests;
  nobody_is_dropped();
  *end = service_honest[0];
  if (!*end || step >= count + 8)
    return SERVICE_NO_STEP;
  if (step >= count) {
    *tag = EXTENSION_MORE;
    return 0;
  }
  struct extension_request request = {EXTENSION_METHOD_POST, step};
  uint32_t at = sizeof request;
  memcpy(data, &request, at);
  *tag = requests[step].tag;
  if (*tag == EXTENSION_REQUEST_BLOCK) {
    memcpy(data + at, &requests[step].length, 8);
    at += 8;
  }
  data[at] = '/';
  data[at + 1] = requests[step].choice;
  data[at + 2] = 0;
  at += 3 + text(data + at + 3, 'q', 10);
  at += text(data + at, 'h', 100);
  if (*tag == EXTENSION_REQUEST) {
    memset(data + at, 'b', requests[step].length);
    at += (uint32_t)requests[step].length;
  }
  if (kernel_may_send(*end, *tag))
    record(*end, *tag, data, at);
  return at;
}

static void honest_heard(uint32_t step, const struct kernel_message *message) {
  static const uint8_t tags[] = {EXTENSION_ANSWER, EXTENSION_ANSWER_BLOCK, EXTENSION_ANSWER_BLOCK,
                                 EXTENSION_ANSWER, EXTENSION_ANSWER_BLOCK, EXTENSION_ANSWER,
                                 EXTENSION_ANSWER, EXTENSION_ANSWER_BLOCK, EXTENSION_BEGIN};
  uint32_t right = step < sizeof tags ? tags[step] : EXTENSION_PIECE;
  if (message->tag != right)
    fuzz_fail("with nobody else there the request %u is answered by %u, not %u", step, message->tag, right);
}

/* ---- The end ---- */

static void settle(void) {
  nobody_is_dropped();
  scarce = 0;
}

/* The client of a service that came back is the library's. */
static bool may_stand(uint32_t end) { return end & 1 && kernel_ends[end].contract == extension; }

static void end(void) {
  if (web_pieces(""))
    fuzz_fail("all clients are gone, and %u answers are kept", web_pieces(""));
  if (kernel_exited && service_supervisor && kernel_ends[service_supervisor].holder == KERNEL_PEER &&
      kernel_ends[service_supervisor ^ 1].holder == KERNEL_SERVICE)
    fuzz_fail("all clients are gone, and it ends before they are started again");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {.begin = begin,
                                               .act = act,
                                               .compose = compose,
                                               .heard = heard,
                                               .settle = settle,
                                               .may_stand = may_stand,
                                               .end = end,
                                               .honest = honest,
                                               .honest_heard = honest_heard,
                                               .answers = true,
                                               .sets_held = 1};
  service_play(&target, bytes, length);
  return 0;
}
