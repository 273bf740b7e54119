/* The name service (services/names.c) on the real kernel: this program is its parent, its supervisor, and all of its
 * clients and the services that they offer, good ones and hostile ones. Argument: the service's image. TAP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/image.h>

#include "contracts/extension.h"
#include "contracts/files.h"
#include "contracts/names.h"
#include "contracts/offers.h"
#include "contracts/supervision.h"
#include "services/services.h"
#include "tests/child.h"

#define CLIENTS 4
#define OFFERS_EACH 12
#define SECOND 1000000000ull

static uint32_t image, child, client[CLIENTS], supervision;
static int tests, failures;

static union buffer {
  struct signet_message message;
  struct names_buffer names;
  struct offers_buffer offers;
  struct supervision_buffer supervision;
} buffer;

/* Contracts to offer things of, as the kernel names them. */
static struct names_identity ours = {{EXTENSION_TABLE_HASH}}, other = {{OFFERS_TABLE_HASH}};

static void ok(bool good, const char *name) {
  printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
  fflush(stdout);
  failures += !good;
}

static _Noreturn void bail(const char *what) {
  printf("Bail out! %s\n", what);
  exit(1);
}

static uint64_t done(struct signet_result result, const char *what) {
  if (result.status != SIGNET_OK)
    bail(what);
  return result.value;
}

static uint64_t within(uint64_t time) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + time; }

/* ---- The process ---- */

static bool start_with(const char *const *grants, bool supervised) {
  static struct {
    struct signet_program program;
    char text[2000];
  } bytes;
  uint32_t used = 0;
  bytes.program =
      (struct signet_program){.version = SIGNET_PROGRAM_VERSION, .arguments = 1, .slots = CLIENTS + supervised};
  used += (uint32_t)sprintf(bytes.text + used, "names") + 1;
  for (; *grants; grants++, bytes.program.arguments++)
    used += (uint32_t)sprintf(bytes.text + used, "%s", *grants) + 1;
  used += (uint32_t)sprintf(bytes.text + used, "/") + 1;
  for (int i = 0; i < CLIENTS; i++)
    used += (uint32_t)sprintf(bytes.text + used, i ? "client.%d" : "client", i + 1) + 1;
  if (supervised)
    used += (uint32_t)sprintf(bytes.text + used, "supervision") + 1;
  struct signet_process_specification specification = {
      .image = image,
      .slots = bytes.program.slots,
      .startup_offset = (uint32_t)(uintptr_t)&bytes,
      .startup_length = (uint32_t)sizeof bytes.program + used,
      .stack = 64 << 10,
      .quota = {.memory = SERVICES_NAMES_MEMORY / 4 + CLIENTS * SERVICES_NAMES_MEMORY_EACH,
                .threads = 1,
                .handles = 16 + 14 * CLIENTS,
                .regions = 16},
      .name = "names"};
  child = (uint32_t)done(signet_process_create(&specification), "process_create");
  for (uint32_t i = 0; i < CLIENTS; i++) {
    struct names_client_READY end = {0};
    struct names_server_READY theirs = {0};
    if (names_create(&end, &theirs) != SIGNET_OK)
      bail("names_create");
    client[i] = end.handle;
    done(signet_process_grant(child, i, theirs.handle), "process_grant");
  }
  if (supervised) {
    struct supervision_client_STARTING theirs;
    struct supervision_server_STARTING end;
    if (supervision_create(&theirs, &end) != SIGNET_OK)
      bail("supervision_create");
    supervision = end.handle;
    done(signet_process_grant(child, CLIENTS, theirs.handle), "process_grant");
  }
  return signet_process_start(child).status == SIGNET_OK;
}

static void start(bool supervised) {
  static const char *const grants[] = {"client:offer:a",    "client.2:offer:b", "client.2:offer:a/shared", "*:find:a",
                                       "client.3:find:b/x", "client.4:find:",   "client:find:b",           NULL};
  if (!start_with(grants, supervised))
    bail("process_start");
}

/* Closes what is left, and waits for the end. */
static bool ends_well(void) {
  struct signet_ending ending = {0};
  for (int i = 0; i < CLIENTS; i++)
    signet_handle_close(client[i]);
  bool ended = signet_process_wait(child, &ending, within(2 * SECOND)).status == SIGNET_OK;
  if (!ended || ending.kind != SIGNET_ENDED_EXIT)
    printf("# kind %u code %u at %#x\n", ending.kind, ending.code, ending.instruction);
  return ended && ending.kind == SIGNET_ENDED_EXIT && ending.code == 0;
}

/* ---- What clients ask; each returns the tag of the answer, or -(the error) ---- */

enum { NO_ANSWER = -1000, CLOSED = -2000 };

static int answered(struct signet_result result) {
  struct names_FAILED failed;
  if (result.status == SIGNET_TIMEOUT)
    return NO_ANSWER;
  if (result.status != SIGNET_OK)
    return CLOSED;
  if (buffer.message.tag == NAMES_FAILED && names_get_FAILED(&buffer.names, &failed))
    return -(int)failed.error;
  return (int)buffer.message.tag;
}

static int call(int number) {
  return answered(
      signet_channel_call(client[number], &buffer.message, &buffer.message, sizeof buffer, within(2 * SECOND)));
}

static int hear(int number, uint64_t time) {
  return answered(signet_channel_receive(&client[number], 1, &buffer.message, sizeof buffer, within(time)));
}

static void put_connect(const char *name, struct names_identity contract) {
  const struct names_CONNECT message = {.contract = contract, .name = name, .name_length = (uint32_t)strlen(name)};
  if (names_put_CONNECT(&buffer.names, &message) != SIGNET_OK)
    bail("CONNECT");
}

static void ask_connect(int number, const char *name) {
  put_connect(name, ours);
  done(signet_channel_send(client[number], &buffer.message), "send");
}

static int connect_as(int number, const char *name, struct names_identity contract) {
  put_connect(name, contract);
  return call(number);
}

/* *end: the offerer's, in WAITING when it is OFFERED. */
static int offer(int number, const char *name, uint32_t *end) {
  struct offers_client_HELD own = {0};
  struct offers_server_HELD theirs = {0};
  if (offers_create(&own, &theirs) != SIGNET_OK)
    bail("offers_create");
  const struct names_OFFER message = {
      .contract = ours, .name = name, .name_length = (uint32_t)strlen(name), .service = theirs};
  if (names_put_OFFER(&buffer.names, &message) != SIGNET_OK)
    bail("OFFER");
  int answer = call(number);
  struct signet_result listed = signet_channel_receive(&own.handle, 1, &buffer.message, sizeof buffer,
                                                       within(answer == NAMES_OFFERED ? SECOND : 0));
  bool said = listed.status == SIGNET_OK && buffer.message.tag == OFFERS_LISTED;
  *end = own.handle;
  return answer == NAMES_OFFERED && !said ? NO_ANSWER : answer;
}

static int withdraw(int number, const char *name) {
  const struct names_WITHDRAW message = {.name = name, .name_length = (uint32_t)strlen(name)};
  names_put_WITHDRAW(&buffer.names, &message);
  return call(number);
}

/* The names, parted by spaces. */
static const char *list(int number, const char *prefix, const char *after) {
  static char text[NAMES_LIST_MOST + 1];
  struct names_LISTED listed;
  const struct names_LIST message = {.prefix = prefix,
                                     .prefix_length = (uint32_t)strlen(prefix),
                                     .after = after,
                                     .after_length = (uint32_t)strlen(after)};
  names_put_LIST(&buffer.names, &message);
  if (call(number) != NAMES_LISTED || !names_get_LISTED(&buffer.names, &listed))
    return "?";
  memcpy(text, listed.names, listed.names_count);
  text[listed.names_count] = 0;
  for (uint32_t i = 0; i + 1 < listed.names_count; i++)
    if (!text[i])
      text[i] = ' ';
  return text;
}

/* ---- What offerers do ---- */

static bool wanted(uint32_t end) {
  return signet_channel_receive(&end, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_OK &&
         buffer.message.tag == OFFERS_WANTED;
}

/* -> the server's end of what was given, or 0. */
static uint32_t give(uint32_t end) {
  struct extension_client_READY theirs = {0};
  struct extension_server_READY own = {0};
  if (extension_create(&theirs, &own) != SIGNET_OK)
    bail("extension_create");
  const struct offers_GIVEN message = {.service = {theirs.handle}};
  offers_put_GIVEN(&buffer.offers, &message);
  return signet_channel_send(end, &buffer.message).status == SIGNET_OK ? own.handle : 0;
}

static int serve(int number, const char *name, uint32_t end, uint32_t *server) {
  ask_connect(number, name);
  if (!wanted(end))
    return NO_ANSWER;
  *server = give(end);
  return hear(number, SECOND);
}

/* ---- The tests ---- */

static void test_use(void) {
  uint32_t end, server, given;
  struct offers_WANTED who;
  start(false);
  ok(connect_as(1, "a/x", ours) == -NAMES_ERROR_NOT_FOUND, "a name that nobody offers");
  ok(offer(0, "a/x", &end) == NAMES_OFFERED, "a service is offered, and told that it is listed");
  ask_connect(1, "a/x");
  ok(wanted(end) && offers_get_WANTED(&buffer.offers, &who) && !strcmp(who.process, "names") &&
         who.image[0] + who.image[1] != 0,
     "who looks it up is named by the kernel");
  server = give(end);
  bool connected = hear(1, SECOND) == NAMES_CONNECTED;
  given = buffer.message.moved[0].handle;
  struct signet_handle_information information;
  signet_handle_query(given, &information);
  ok(connected && information.kind == SIGNET_KIND_CLIENT && !memcmp(information.identity, ours.hash, 32),
     "and gets a client's end of the contract");
  struct extension_REQUEST request = {
      .request = {EXTENSION_METHOD_GET, 1}, .target = "/", .target_length = 1, .query = "", .headers = ""};
  struct extension_buffer question;
  extension_put_REQUEST(&question, &request);
  done(signet_channel_send(given, &question.message), "send");
  ok(signet_channel_receive(&server, 1, &question.message, sizeof question, within(SECOND)).status == SIGNET_OK,
     "over which it talks to the service, without the name service");
  signet_handle_close(given);
  signet_handle_close(server);
  ok(serve(2, "a/x", end, &server) == NAMES_CONNECTED && serve(1, "a/x", end, &server) == NAMES_CONNECTED,
     "as often as it is wanted");
  ok(connect_as(1, "a/x", other) == -NAMES_ERROR_CONTRACT, "not by who expects another contract");
  ok(offer(0, "a/x", &given) == -NAMES_ERROR_EXISTS &&
         signet_channel_receive(&given, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_CLOSED,
     "a name is offered once, and a further offer's end is closed");
  ok(withdraw(1, "a/x") == -NAMES_ERROR_NOT_FOUND && withdraw(0, "a/x") == NAMES_WITHDRAWN &&
         connect_as(1, "a/x", ours) == -NAMES_ERROR_NOT_FOUND && withdraw(0, "a/x") == -NAMES_ERROR_NOT_FOUND,
     "and taken back by who offered it, alone");
  ok(signet_channel_receive(&end, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_CLOSED,
     "which closes the channel of the offer");
  ok(offer(0, "a/x", &end) == NAMES_OFFERED && serve(1, "a/x", end, &server) == NAMES_CONNECTED,
     "then it can be offered again");
  ok(ends_well(), "without clients the service ends");
}

static void test_names(void) {
  static const char *const none[] = {"/", "/a", "a/", "a//b", "a b", "a/b\n", "a:b", "\303\244", "a/\x7f"};
  uint32_t end;
  start(false);
  bool right = true;
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    right = right && offer(0, none[i], &end) == -NAMES_ERROR_NAME &&
            connect_as(0, none[i], ours) == -NAMES_ERROR_NAME && withdraw(0, none[i]) == -NAMES_ERROR_NAME;
  ok(right, "what is no name is refused");
  char longest[256] = "a/";
  memset(longest + 2, 'n', 253);
  ok(offer(0, longest, &end) == NAMES_OFFERED && !strcmp(list(3, "", ""), longest), "255 characters are a name");
  ends_well();
}

static void test_grants(void) {
  uint32_t end, ab, shared, b, server;
  start(false);
  ok(offer(0, "b/x", &end) == -NAMES_ERROR_DENIED && offer(1, "a/x", &end) == -NAMES_ERROR_DENIED &&
         offer(2, "a/x", &end) == -NAMES_ERROR_DENIED && offer(0, "ab", &end) == -NAMES_ERROR_DENIED,
     "a client offers what it is granted, and nothing else: prefixes are whole words");
  ok(offer(0, "a", &ab) == NAMES_OFFERED && offer(1, "a/shared", &shared) == NAMES_OFFERED &&
         offer(1, "b/x", &b) == NAMES_OFFERED,
     "a prefix is a name, too, and has others below it");
  ok(connect_as(1, "b/x", ours) == -NAMES_ERROR_DENIED && connect_as(1, "c", ours) == -NAMES_ERROR_DENIED,
     "a client finds what it is granted: else it does not learn whether it is there");
  ok(serve(2, "b/x", b, &server) == NAMES_CONNECTED && serve(0, "a", ab, &server) == NAMES_CONNECTED &&
         serve(3, "a/shared", shared, &server) == NAMES_CONNECTED,
     "and that it does find");
  ok(!strcmp(list(0, "", ""), "a a/shared b/x") && !strcmp(list(1, "", ""), "a a/shared") &&
         !strcmp(list(2, "b", ""), "b/x") && !strcmp(list(3, "a/", ""), "a/shared") && !strcmp(list(3, "zz", ""), "") &&
         !strcmp(list(3, "", "a"), "a/shared b/x") && !strcmp(list(3, "a", "a/shared"), "") &&
         !strcmp(list(3, "b", "a"), "b/x"),
     "lists hold that, in order");
  ends_well();
  static const char *const wrong[][2] = {{"client.9:find:a"}, {"client:own:a"}, {"client:find:a/"},
                                         {"client"},          {":find:a"},      {""}};
  bool right = true;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct signet_ending ending = {0};
    start_with(wrong[i], false);
    right = right && signet_process_wait(child, &ending, within(SECOND)).status == SIGNET_OK &&
            ending.kind == SIGNET_ENDED_EXIT && ending.code == 125;
    for (int j = 0; j < CLIENTS; j++)
      signet_handle_close(client[j]);
  }
  ok(right, "grants that make no sense: it does not begin");
}

static void test_gone(void) {
  uint32_t end, again, server;
  start(false);
  offer(0, "a/x", &end);
  ask_connect(1, "a/x");
  ok(wanted(end), "an offerer that is asked");
  signet_handle_close(end);
  ok(hear(1, SECOND) == -NAMES_ERROR_GONE && connect_as(2, "a/x", ours) == -NAMES_ERROR_GONE,
     "and ends: its clients are told GONE");
  ok(offer(0, "a/x", &again) == NAMES_OFFERED && serve(1, "a/x", again, &server) == NAMES_CONNECTED,
     "until it is back");
  signet_handle_close(again);
  while (connect_as(2, "a/x", ours) != -NAMES_ERROR_GONE)
    ;
  ok(withdraw(0, "a/x") == NAMES_WITHDRAWN && connect_as(2, "a/x", ours) == -NAMES_ERROR_NOT_FOUND,
     "or takes the name back");
  offer(1, "a/shared", &end);
  signet_handle_close(end);
  while (connect_as(2, "a/shared", ours) != -NAMES_ERROR_GONE)
    ;
  ok(offer(0, "a/shared", &again) == NAMES_OFFERED && serve(2, "a/shared", again, &server) == NAMES_CONNECTED &&
         withdraw(1, "a/shared") == -NAMES_ERROR_NOT_FOUND,
     "a name whose offerer is gone may be offered by another that is granted it");
  ends_well();
}

static void test_queue(void) {
  uint32_t end, server;
  start(false);
  offer(0, "a/x", &end);
  for (int i = 3; i >= 1; i--)
    ask_connect(i, "a/x");
  bool order = true;
  for (int i = 3; i >= 1; i--) {
    order = order && wanted(end) && (server = give(end)) != 0;
    order = order && hear(i, SECOND) == NAMES_CONNECTED;
  }
  ok(order, "who looked first is served first");
  ask_connect(1, "a/x");
  ask_connect(2, "a/x");
  bool asked = wanted(end);
  signet_handle_close(client[1]);
  client[1] = 0;
  ok(list(3, "", "")[0] == 'a', "a client that is gone while it waits");
  server = give(end);
  ok(asked && server &&
         signet_channel_receive(&server, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_CLOSED,
     "gets nothing: its end is closed");
  ok(wanted(end) && give(end) && hear(2, SECOND) == NAMES_CONNECTED, "and the one behind it is next");
  ask_connect(2, "a/x");
  const struct offers_REFUSED busy = {.why = OFFERS_REASON_BUSY}, denied = {.why = OFFERS_REASON_DENIED};
  asked = wanted(end);
  offers_put_REFUSED(&buffer.offers, &busy);
  signet_channel_send(end, &buffer.message);
  int first = hear(2, SECOND);
  ask_connect(2, "a/x");
  asked = asked && wanted(end);
  offers_put_REFUSED(&buffer.offers, &denied);
  signet_channel_send(end, &buffer.message);
  ok(asked && first == -NAMES_ERROR_BUSY && hear(2, SECOND) == -NAMES_ERROR_DENIED, "an offerer may refuse");
  ends_well();
}

/* An end of a channel with all the messages, states, things that move and room that a contract may have: what costs its
 * holder most. */
static uint32_t dearest_end(uint32_t *server) {
  enum { MESSAGES = 255, STATES = 254, MOVED = (MESSAGES - 1) * SIGNET_MESSAGE_MOVED };
  static _Alignas(8) uint8_t bytes[200000];
  struct signet_contract *contract = (void *)bytes;
  struct signet_contract_message *rows = (void *)(contract + 1);
  uint8_t *next = (uint8_t *)(rows + MESSAGES);
  *contract = (struct signet_contract){.version = 2,
                                       .messages = MESSAGES,
                                       .states = STATES,
                                       .slots_to_server = SIGNET_CONTRACT_SLOTS_MOST,
                                       .slots_to_client = SIGNET_CONTRACT_SLOTS_MOST,
                                       .data_most = SIGNET_MESSAGE_DATA_MOST};
  rows[0] = (struct signet_contract_message){.length_most = SIGNET_MESSAGE_DATA_MOST};
  for (int i = 1; i < MESSAGES; i++) {
    rows[i] = (struct signet_contract_message){.moved_count = SIGNET_MESSAGE_MOVED};
    memset(rows[i].moved_kind, SIGNET_KIND_BLOCK, sizeof rows[i].moved_kind);
  }
  memset(next, SIGNET_CONTRACT_REFUSED, MESSAGES * STATES);
  next[0] = 0;
  uint64_t list = ((uint64_t)(next - bytes) + MESSAGES * STATES + 7) & ~7ull;
  uint64_t made = done(signet_channel_create(contract, list + MOVED * sizeof(struct signet_contract_moved)), "channel");
  *server = (uint32_t)(made >> 32);
  return (uint32_t)made;
}

static void test_untaken(void) {
  static const int hostile[] = {0, 2, 3};
  const struct names_identity small = ours;
  uint32_t end, good, server, dear[3];
  struct signet_handle_information information;
  bool given = true, taken = true;
  start(false);
  offer(1, "a/shared", &good);
  for (int i = 0; i < 3; i++) {
    const struct offers_GIVEN message = {.service = {dearest_end(&dear[i])}};
    done(signet_handle_query(message.service.handle, &information), "handle_query");
    memcpy(ours.hash, information.identity, sizeof ours.hash);
    given = given && (i || offer(0, "a/x", &end) == NAMES_OFFERED);
    ask_connect(hostile[i], "a/x");
    given = given && wanted(end);
    offers_put_GIVEN(&buffer.offers, &message);
    given = given && signet_channel_send(end, &buffer.message).status == SIGNET_OK;
  }
  ours = small;
  ok(given && serve(1, "a/shared", good, &server) == NAMES_CONNECTED,
     "what others are given and leave where it is takes no room from who is served");
  for (int i = 0; i < 3; i++) {
    taken = hear(hostile[i], SECOND) == NAMES_CONNECTED && taken;
    signet_handle_close(dear[i]);
  }
  ok(taken, "and is still theirs");
  ends_well();
}

static void test_hostile(void) {
  uint32_t end, good, ends[OFFERS_EACH + 1], server;
  start(false);
  offer(0, "a/x", &end);
  offer(1, "a/shared", &good);
  ask_connect(2, "a/x");
  bool asked = wanted(end);
  struct names_client_READY wrong_client = {0};
  struct names_server_READY wrong_server = {0};
  names_create(&wrong_client, &wrong_server);
  struct offers_GIVEN message = {.service = {wrong_client.handle}};
  offers_put_GIVEN(&buffer.offers, &message);
  bool sent = signet_channel_send(end, &buffer.message).status == SIGNET_OK;
  ok(asked && sent && hear(2, SECOND) == -NAMES_ERROR_CONTRACT,
     "an end of another contract than was offered is passed on to nobody");
  ok(signet_channel_receive(&wrong_server.handle, 1, &buffer.message, sizeof buffer, within(SECOND)).status ==
         SIGNET_CLOSED,
     "and closed");
  ask_connect(2, "a/x");
  asked = wanted(end);
  struct extension_client_READY dead = {0};
  struct extension_server_READY closed = {0};
  extension_create(&dead, &closed);
  signet_handle_close(closed.handle);
  message = (struct offers_GIVEN){.service = {dead.handle}};
  offers_put_GIVEN(&buffer.offers, &message);
  signet_channel_send(end, &buffer.message);
  ok(asked && hear(2, SECOND) == -NAMES_ERROR_CONTRACT, "nor is one with nobody at the other end");
  /* What an offerer sends out of turn, the kernel refuses. */
  extension_create(&dead, &closed);
  message = (struct offers_GIVEN){.service = {dead.handle}};
  offers_put_GIVEN(&buffer.offers, &message);
  ok(signet_channel_send(end, &buffer.message).status == SIGNET_CONTRACT,
     "an end that nobody asked for cannot be sent");
  ask_connect(2, "a/x");
  ask_connect(3, "a/x");
  asked = wanted(end);
  uint64_t before = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value;
  ok(asked && serve(0, "a/shared", good, &server) == NAMES_CONNECTED, "while one offerer is silent, others are found");
  int first = hear(2, 8 * SECOND), second = hear(3, SECOND);
  uint64_t took = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value - before;
  ok(first == -NAMES_ERROR_BUSY && second == -NAMES_ERROR_BUSY && took > 4 * SECOND && took < 7 * SECOND,
     "who waits for it is told after five seconds that it is busy");
  ok(connect_as(2, "a/x", ours) == -NAMES_ERROR_BUSY, "and who comes then at once");
  server = give(end);
  ok(server &&
         signet_channel_receive(&server, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_CLOSED &&
         serve(2, "a/x", end, &server) == NAMES_CONNECTED,
     "when it answers after all, that is nobody's, and the next is served");
  int last = 0;
  for (int i = 0; i <= OFFERS_EACH; i++) {
    char name[20];
    sprintf(name, "b/%d", i);
    last = offer(1, name, &ends[i]);
    if (i < OFFERS_EACH - 1 && last != NAMES_OFFERED)
      last = 1;
  }
  ok(last == -NAMES_ERROR_BUSY && offer(0, "a/y", &end) == NAMES_OFFERED,
     "a client that offers without end fills no room but its own");
  for (int i = 0; i < 3000; i++) {
    uint32_t one;
    if (offer(0, "a/z", &one) != NAMES_OFFERED || withdraw(0, "a/z") != NAMES_WITHDRAWN)
      last = 1;
    signet_handle_close(one);
  }
  ok(last == -NAMES_ERROR_BUSY, "3,000 offers, taken back, leave nothing behind");
  /* An end that is no offer: of another contract, and the wrong end of the right one. */
  uint64_t files = done(signet_channel_create((const void *)&files_contract, FILES_CONTRACT_LENGTH), "channel_create");
  struct names_OFFER odd = {.contract = ours, .name = "a/odd", .name_length = 5, .service = {(uint32_t)(files >> 32)}};
  names_put_OFFER(&buffer.names, &odd);
  struct signet_result result = signet_channel_send(client[0], &buffer.message);
  int heard = result.status == SIGNET_OK ? hear(0, SECOND) : -(int)result.status;
  ok(heard == CLOSED || result.status == SIGNET_CONTRACT, "an end of another contract is no offer");
  ok(!strncmp(list(3, "", ""), "a/shared a/x a/y", 16), "and the others are served as before");
  ends_well();
}

/* Random messages of every kind from every client, with every table that the kernel checks on their way. */
static void test_random(void) {
  static const char *const words[] = {"a", "a/x", "a/y", "b", "b/x", "a/shared", "/", "c", "", "a//"};
  uint64_t state = 12345;
  uint32_t ends[64] = {0};
  bool alive = true;
  start(false);
  for (int i = 0; alive && i < 20000; i++) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    uint32_t number = (state >> 33) % CLIENTS, kind = (state >> 40) % 6, slot = (state >> 45) % 64;
    const char *word = words[(state >> 52) % (sizeof words / sizeof *words)];
    if (kind < 2 && word[0]) {
      put_connect(word, kind ? ours : other);
      signet_channel_send(client[number], &buffer.message);
    } else if (kind == 2 && word[0] && !ends[slot]) {
      struct offers_client_HELD own = {0};
      struct offers_server_HELD theirs = {0};
      offers_create(&own, &theirs);
      const struct names_OFFER message = {
          .contract = ours, .name = word, .name_length = (uint32_t)strlen(word), .service = theirs};
      names_put_OFFER(&buffer.names, &message);
      if (signet_channel_send(client[number], &buffer.message).status != SIGNET_OK)
        signet_handle_close(theirs.handle);
      ends[slot] = own.handle;
    } else if (kind == 3 && word[0]) {
      const struct names_WITHDRAW message = {.name = word, .name_length = (uint32_t)strlen(word)};
      names_put_WITHDRAW(&buffer.names, &message);
      signet_channel_send(client[number], &buffer.message);
    } else if (kind == 4 && ends[slot]) {
      signet_handle_close(ends[slot]);
      ends[slot] = 0;
    } else if (kind == 5 && ends[slot]) {
      if (signet_channel_receive(&ends[slot], 1, &buffer.message, sizeof buffer, 0).status == SIGNET_OK &&
          buffer.message.tag == OFFERS_WANTED)
        signet_handle_close(give(ends[slot]));
    }
    for (int j = 0; j < CLIENTS; j++) {
      struct signet_result result = signet_channel_receive(&client[j], 1, &buffer.message, sizeof buffer, 0);
      if (result.status == SIGNET_OK && buffer.message.moved_count)
        signet_handle_close(buffer.message.moved[0].handle);
      alive = alive && result.status != SIGNET_CLOSED;
    }
  }
  for (int i = 0; i < 64; i++)
    signet_handle_close(ends[i]);
  ok(alive, "20,000 random requests, offers, answers and ends");
  ok(ends_well(), "and the service ends in good order");
}

static bool heard_of(uint32_t tag) {
  return signet_channel_receive(&supervision, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_OK &&
         buffer.message.tag == tag;
}

/* -> the new end of the client at that slot. */
static uint32_t restart(uint32_t slot) {
  const struct supervision_CLIENT_WANTED wanted = {.slot = slot, .restarts = 1, .client = "again", .client_length = 5};
  supervision_put_CLIENT_WANTED(&buffer.supervision, &wanted);
  done(signet_channel_send(supervision, &buffer.message), "send");
  uint32_t end = heard_of(SUPERVISION_CLIENT_GIVEN) ? buffer.message.moved[0].handle : 0;
  if (!heard_of(SUPERVISION_AWAIT))
    bail("AWAIT");
  return end;
}

static void test_supervision(void) {
  uint32_t end, server;
  start(true);
  ok(heard_of(SUPERVISION_STARTED) && heard_of(SUPERVISION_AWAIT), "it says that it has started, and awaits");
  offer(0, "a/x", &end);
  for (int i = 0; i < CLIENTS; i++)
    signet_handle_close(client[i]);
  for (uint32_t i = 0; i < CLIENTS; i++)
    client[i] = restart(i);
  ok(serve(1, "a/x", end, &server) == NAMES_CONNECTED && offer(0, "a/y", &end) == NAMES_OFFERED &&
         offer(0, "b/y", &end) == -NAMES_ERROR_DENIED && withdraw(0, "a/x") == NAMES_WITHDRAWN,
     "clients that were started again get new ends, with the grants and the names of their slots");
  /* What the predecessor asked for is not the successor's, which waits for something else. */
  uint32_t x, y, late;
  bool listed = offer(0, "a/x", &x) == NAMES_OFFERED && offer(1, "a/shared", &y) == NAMES_OFFERED;
  ask_connect(2, "a/x");
  bool asked = wanted(x);
  signet_handle_close(client[2]);
  client[2] = restart(2);
  ask_connect(2, "a/shared");
  asked = asked && wanted(y);
  late = give(x);
  bool closed =
      signet_channel_receive(&late, 1, &buffer.message, sizeof buffer, within(SECOND)).status == SIGNET_CLOSED;
  ok(listed && asked && closed && hear(2, 0) == NO_ANSWER && give(y) && hear(2, SECOND) == NAMES_CONNECTED,
     "an answer to its predecessor is not the successor's");
  struct supervision_CLIENT_WANTED none = {.slot = CLIENTS, .restarts = 1, .client = "none", .client_length = 4};
  bool refused = true;
  for (uint32_t i = 0; i < 2; i++, none.slot = 1000) {
    supervision_put_CLIENT_WANTED(&buffer.supervision, &none);
    done(signet_channel_send(supervision, &buffer.message), "send");
    refused = refused && heard_of(SUPERVISION_CLIENT_REFUSED) && heard_of(SUPERVISION_AWAIT);
  }
  ok(refused, "at slots that are no client's there is none");
  const struct supervision_STOP stop = {.deadline = SIGNET_NEVER};
  supervision_put_STOP(&buffer.supervision, &stop);
  done(signet_channel_send(supervision, &buffer.message), "send");
  bool said = heard_of(SUPERVISION_STOPPING);
  ok(said && ends_well(), "it stops when it is told to");
}

int main(int count, char **arguments) {
  image = count > 1 ? child_image(arguments[1]) : 0;
  if (!image)
    bail("want the image of the name service");
  test_use();
  test_names();
  test_grants();
  test_gone();
  test_queue();
  test_untaken();
  test_hostile();
  test_random();
  test_supervision();
  printf("1..%d\n", tests);
  return failures != 0;
}
