/* The C headers that contractc makes, run on both sides of channels of a small kernel (mock.h): what is sent is what is
 * received, what is wrong is refused on the side that can see it, what moved is gone, and a server serves. */
#include <stdio.h>
#include <string.h>

#include "contracts/names.h"
#include "contracts/supervision.h"
#include "tests/contractc/sample.h"

#include "tests/contractc/mock.h"
#include "tests/lib/tap.h"

static struct sample_buffer client_buffer, server_buffer;

struct pair {
  struct sample_client_READY client;
  struct sample_server_READY server;
};

static struct pair pair_new(void) {
  struct pair pair;
  if (sample_create(&pair.client, &pair.server) != SIGNET_OK)
    ok(false, "a channel is made");
  return pair;
}

static struct sample_PUT put_example(void) {
  return (struct sample_PUT){.small = 7,
                             .large = UINT64_C(0x0102030405060708),
                             .shape = {.colour = SAMPLE_COLOUR_BLUE,
                                       .filled = 1,
                                       .access = SAMPLE_ACCESS_READ | SAMPLE_ACCESS_RUN,
                                       .corners = {{-1, 2}, {3, -4}},
                                       .label = {'a', 'b'}},
                             .negative = -5,
                             .name = "name",
                             .name_length = 4,
                             .remark = "",
                             .bytes = (const uint8_t *)"\1\0\2",
                             .bytes_count = 3};
}

static void close_both(uint32_t client, uint32_t server) {
  signet_handle_close(client);
  signet_handle_close(server);
}

static void test_fields(void) {
  struct pair pair = pair_new();
  struct sample_PUT sent = put_example();
  struct sample_client_PUT_ASKED asked;
  struct sample_server_READY_received received;
  memset(&client_buffer, 0xee, sizeof client_buffer);
  ok(sample_send_PUT(&pair.client, &asked, &sent, &client_buffer) == SIGNET_OK,
     "a message with all kinds of fields is sent");
  ok(pair.client.handle == 0 && asked.handle != 0, "the end used for it is empty, the end after it is not");
  uint8_t zero[7] = {0};
  ok(!memcmp(client_buffer.data + 1, zero, sizeof zero), "gaps between fields are sent as 0");
  ok(sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_OK && received.tag == SAMPLE_PUT,
     "it is received as what it is");
  const struct sample_PUT *got = &received.PUT.message;
  ok(got->small == 7 && got->large == sent.large && got->negative == -5 &&
         !memcmp(&got->shape, &sent.shape, sizeof got->shape),
     "fields of fixed size are what was sent");
  ok(got->name_length == 4 && !strcmp(got->name, "name") && got->remark_length == 0 && !strcmp(got->remark, ""),
     "texts are what was sent, and end with a NUL");
  ok(got->bytes_count == 3 && !memcmp(got->bytes, "\1\0\2", 3), "an array is what was sent");
  char text[512];
  contract_print(sample_decoder, sizeof sample_decoder, &server_buffer.message, sizeof server_buffer, text,
                 sizeof text);
  ok(!strcmp(text, "client PUT {small=7, large=72623859790382856, shape={colour=BLUE, filled=true, access=READ|RUN, "
                   "corners=[{x=-1, y=2}, {x=3, y=-4}], label=\"ab\"}, negative=-5, name=\"name\", remark=\"\", "
                   "bytes=<3 bytes: \"\\x01\\x00\\x02\">}"),
     "it is printed as what it is: %s", text);
  struct sample_DONE done = {.value = 42};
  struct sample_server_READY again;
  struct sample_client_PUT_ASKED_received answer;
  ok(sample_send_DONE_in_PUT_ASKED(&received.PUT.next, &again, &done, &server_buffer) == SIGNET_OK,
     "the answer is sent");
  ok(sample_receive_PUT_ASKED(&asked, &answer, &client_buffer, 0) == SIGNET_OK && answer.tag == SAMPLE_DONE &&
         answer.DONE.message.value == 42,
     "and received");
  ok(mock_state(again.handle) == SAMPLE_STATE_READY, "the channel is where both ends believe it is");
  close_both(answer.DONE.next.handle, again.handle);
}

static void test_refused_by_sender(void) {
  struct pair pair = pair_new();
  struct sample_client_PUT_ASKED asked;
  struct sample_client_NUMBERS_ASKED numbers;
  uint32_t before = mock_sent;
  struct sample_PUT sent = put_example();
#define REFUSED(what, name)                                                                                            \
  sent = put_example();                                                                                                \
  sent.what;                                                                                                           \
  ok(sample_send_PUT(&pair.client, &asked, &sent, &client_buffer) == SIGNET_ARGUMENT, "not sent: " name)
  REFUSED(name_length = 0, "a text shorter than its least");
  REFUSED(name_length = 32, "a text longer than its most");
  REFUSED(name = "na\0e", "a text with a NUL in it");
  REFUSED(bytes_count = 17, "an array with too many items");
  REFUSED(bytes_count = UINT32_MAX, "an array with very many items");
  REFUSED(shape.colour = 3, "a value that the enumeration does not have");
  REFUSED(shape.access = 4, "a flag that there is not");
  REFUSED(shape.filled = 2, "a bool that is neither");
#undef REFUSED
  struct sample_NUMBERS few = {.numbers = (const int64_t[]){1}, .numbers_count = 1};
  ok(sample_send_NUMBERS(&pair.client, &numbers, &few, &client_buffer) == SIGNET_ARGUMENT,
     "not sent: an array with too few items");
  ok(mock_sent == before && pair.client.handle, "nothing was sent, and the end is still there");
  close_both(pair.client.handle, pair.server.handle);
}

/* A hostile client: the kernel lets it pass, as the table cannot say more. */
static void hostile(const char *what, unsigned offset, uint8_t value, unsigned longer) {
  struct pair pair = pair_new();
  struct sample_PUT sent = put_example();
  struct sample_server_READY_received received;
  uint32_t server = pair.server.handle;
  sample_put_PUT(&client_buffer, &sent);
  client_buffer.data[offset] = value;
  client_buffer.message.length += longer;
  ok(signet_channel_send(pair.client.handle, &client_buffer.message).status == SIGNET_OK, "the kernel lets pass: %s",
     what);
  ok(sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_CONTRACT &&
         received.tag == CONTRACT_NOTHING && pair.server.handle == 0 && !mock_open(server),
     "the receiver does not, and closes its end: %s", what);
  close_both(pair.client.handle, 0);
}

static void test_refused_by_receiver(void) {
  /* small 0, large 8, shape 16: colour 16, filled 17, access 18, corners 20, label 36; negative 40, name 41. */
  hostile("a value that the enumeration does not have", 16, 3, 0);
  hostile("a bool that is neither", 17, 2, 0);
  hostile("a flag that there is not", 19, 0x80, 0);
  hostile("an empty text where it has a least", 41, 0, 0);
  hostile("an array with too many items", 0, 0, 14);
  struct pair pair = pair_new();
  struct sample_server_READY_received received;
  struct sample_GET get = {.name = "a", .name_length = 1};
  sample_put_GET(&client_buffer, &get);
  client_buffer.data[1] = 'b';
  ok(signet_channel_send(pair.client.handle, &client_buffer.message).status == SIGNET_OK &&
         sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_CONTRACT,
     "a text without its NUL is not received");
  close_both(pair.client.handle, 0);
  pair = pair_new();
  struct sample_NUMBERS numbers = {.numbers = (const int64_t[]){1, -2}, .numbers_count = 2};
  sample_put_NUMBERS(&client_buffer, &numbers);
  client_buffer.message.length += 4;
  ok(signet_channel_send(pair.client.handle, &client_buffer.message).status == SIGNET_CONTRACT &&
         sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_TIMEOUT,
     "half an item of an array is not sent");
  close_both(pair.client.handle, pair.server.handle);
}

static void test_moved(void) {
  struct pair pair = pair_new();
  struct used_client_READY used_client;
  struct used_server_READY used_server;
  struct sample_client_READY other_client;
  struct sample_server_READY other_server;
  struct sample_client_MOVE_ASKED asked;
  struct sample_server_READY_received received;
  used_create(&used_client, &used_server);
  sample_create(&other_client, &other_server);
  uint32_t block = mock_block(8192), given = used_client.handle;
  struct sample_MOVE sent = {
      .block = {.handle = block}, .end = used_client, .wide = SAMPLE_WIDE_HUGE, .other = {other_server.handle}};
  ok(sample_send_MOVE(&pair.client, &asked, &sent, &client_buffer) == SIGNET_OK, "a block and two ends are sent");
  ok(!sent.block.handle && !sent.end.handle && !sent.other.handle && !mock_open(block) && !mock_open(given),
     "what has moved away is empty in the message, and no handle of the sender's any more");
  ok(sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_OK && received.tag == SAMPLE_MOVE,
     "they are received");
  struct sample_MOVE *got = &received.MOVE.message;
  ok(mock_open(got->block.handle) && got->block.length == 8192 && got->block.offset == 0xc0000000u,
     "the block has an address");
  struct used_client_ASK_ASKED used_asked;
  struct used_buffer used_buffer;
  ok(used_send_ASK(&got->end, &used_asked, &used_buffer) == SIGNET_OK, "the end can be used as what it is");
  struct sample_server_READY adopted;
  struct used_server_READY wrong;
  ok(used_adopt_server_READY(got->other.handle, &wrong) == SIGNET_CONTRACT,
     "an end of any contract is not taken for another's");
  ok(sample_adopt_server_READY(got->other.handle, &adopted) == SIGNET_OK, "and is taken for what it is");
  char text[512];
  contract_print(sample_decoder, sizeof sample_decoder, &server_buffer.message, sizeof server_buffer, text,
                 sizeof text);
  ok(strstr(text, "client MOVE {block=<block #") == text && strstr(text, ", 8192 bytes>, end=<client end #") &&
         strstr(text, "wide=HUGE, other=<server end #"),
     "what moves is printed: %s", text);
  struct sample_MOVED back = {.block = got->block};
  struct sample_server_READY again;
  struct sample_client_MOVE_ASKED_received answer;
  ok(sample_send_MOVED(&received.MOVE.next, &again, &back, &server_buffer) == SIGNET_OK &&
         sample_receive_MOVE_ASKED(&asked, &answer, &client_buffer, 0) == SIGNET_OK,
     "the block comes back");
  signet_handle_close(answer.MOVED.message.block.handle);
  close_both(used_asked.handle, used_server.handle);
  close_both(other_client.handle, adopted.handle);

  /* Hostile: an end in another state than the contract states; a block that is too large. */
  struct {
    const char *what;
    bool state;
    uint32_t length;
  } cases[] = {{"an end in the wrong state", true, 4096}, {"a block over its bound", false, 12288}};
  struct sample_client_READY client = answer.MOVED.next;
  for (int i = 0; i < 2; i++) {
    uint32_t open = mock_handles();
    used_create(&used_client, &used_server);
    sample_create(&other_client, &other_server);
    uint32_t end = used_client.handle;
    if (cases[i].state) {
      used_send_ASK(&used_client, &used_asked, &used_buffer);
      used_client.handle = end;
    }
    sent = (struct sample_MOVE){.block = {.handle = mock_block(cases[i].length)},
                                .end = used_client,
                                .wide = 0,
                                .other = {other_server.handle}};
    ok(sample_send_MOVE(&client, &asked, &sent, &client_buffer) == SIGNET_CONTRACT && client.handle && !asked.handle,
       "the kernel refuses: %s", cases[i].what);
    ok(sample_receive_READY(&again, &received, &server_buffer, 0) == SIGNET_TIMEOUT, "and nothing arrives: %s",
       cases[i].what);
    close_both(end, used_server.handle);
    close_both(other_client.handle, other_server.handle);
    signet_handle_close(sent.block.handle);
    ok(mock_handles() == open, "nor has anything moved: %s", cases[i].what);
  }
  close_both(client.handle, again.handle);
}

static void test_used_twice(void) {
  struct pair pair = pair_new();
  struct sample_client_PING_ASKED asked, twice;
  struct sample_server_READY_received received;
  struct sample_client_READY copy = pair.client;
  ok(sample_send_PING_in_READY(&pair.client, &asked, &client_buffer) == SIGNET_OK, "an end is used");
  ok(sample_send_PING_in_READY(&pair.client, &twice, &client_buffer) == SIGNET_HANDLE,
     "used again, it is empty: HANDLE");
  ok(sample_send_PING_in_READY(&copy, &twice, &client_buffer) == SIGNET_CONTRACT,
     "a copy that was kept is refused by the kernel: CONTRACT");
  sample_receive_READY(&pair.server, &received, &server_buffer, 0);
  struct sample_client_PING_ASKED stale = asked;
  sample_close_client_PING_ASKED(&asked);
  ok(asked.handle == 0 && !mock_open(stale.handle), "close empties the end");
  struct sample_server_READY again;
  ok(sample_send_PONG_in_PING_ASKED(&received.PING.next, &again, &server_buffer) == SIGNET_OK,
     "an answer to one who is gone is sent all the same");
  ok(sample_receive_READY(&again, &received, &server_buffer, 0) == SIGNET_CLOSED, "it is hearing that says so");
  sample_close_server_READY(&again);
}

static void test_call(void) {
  struct pair pair = pair_new();
  struct sample_GET get = {.name = "a", .name_length = 1};
  struct sample_client_GET_ASKED waiting;
  struct sample_client_GET_ASKED_received answer;
  struct sample_server_READY_received received;
  ok(sample_call_GET(&pair.client, &waiting, &get, &answer, &client_buffer, 0) == SIGNET_TIMEOUT,
     "a call without an answer in time");
  ok(waiting.handle && !pair.client.handle && answer.tag == CONTRACT_NOTHING,
     "has sent, and the end waits for the answer");
  ok(sample_receive_READY(&pair.server, &received, &server_buffer, 0) == SIGNET_OK && received.tag == SAMPLE_GET,
     "the request is there");
  struct sample_point *points = sample_place_of_GOT_points(&server_buffer);
  for (int i = 0; i < 64; i++)
    points[i] = (struct sample_point){i, -i};
  struct sample_GOT got = {.total = 64, .points = points, .points_count = 64};
  struct sample_server_READY again;
  ok(sample_send_GOT(&received.GET.next, &again, &got, &server_buffer) == SIGNET_OK,
     "an array that lies in its place is sent from there");
  ok(sample_receive_GET_ASKED(&waiting, &answer, &client_buffer, 0) == SIGNET_OK && answer.tag == SAMPLE_GOT &&
         answer.GOT.message.total == 64 && answer.GOT.message.points_count == 64 &&
         answer.GOT.message.points[63].y == -63,
     "and is what was put there");
  struct sample_GET wrong = {.name = "", .name_length = 0};
  struct sample_client_READY client = answer.GOT.next;
  ok(sample_call_GET(&client, &waiting, &wrong, &answer, &client_buffer, 0) == SIGNET_ARGUMENT && client.handle &&
         !waiting.handle,
     "a call that sends nothing leaves the end where it was");
  mock_call_status = SIGNET_INTERRUPTED;
  ok(sample_call_GET(&client, &waiting, &get, &answer, &client_buffer, 0) == SIGNET_INTERRUPTED && !client.handle &&
         waiting.handle,
     "one that is interrupted has sent");
  mock_call_status = SIGNET_OK;
  sample_receive_READY(&again, &received, &server_buffer, 0);
  struct sample_FAILED failed = {.error = SAMPLE_ERROR_BROKEN};
  ok(sample_send_FAILED_in_GET_ASKED(&received.GET.next, &again, &failed, &server_buffer) == SIGNET_OK &&
         sample_receive_GET_ASKED(&waiting, &answer, &client_buffer, 0) == SIGNET_OK && answer.tag == SAMPLE_FAILED &&
         !strcmp(sample_error_text(answer.FAILED.message.error), "it is broken"),
     "an error arrives as an error, with its text");
  close_both(answer.FAILED.next.handle, again.handle);
}

/* ---- A server of several clients ---- */

struct service {
  uint32_t pings, gone;
  int64_t why;
  struct sample_server_PUT_ASKED later;
};

static void on_ping(void *context, uint32_t client, struct sample_server_PING_ASKED end, struct sample_buffer *buffer,
                    struct sample_server_any *next) {
  struct service *service = context;
  struct sample_server_READY ready;
  (void)client;
  service->pings++;
  if (sample_send_PONG_in_PING_ASKED(&end, &ready, buffer) == SIGNET_OK)
    *next = sample_server_in_READY(ready);
}
static void on_put(void *context, uint32_t client, struct sample_server_PUT_ASKED end, struct sample_PUT *message,
                   struct sample_buffer *buffer, struct sample_server_any *next) {
  (void)client, (void)message, (void)buffer, (void)next;
  ((struct service *)context)->later = end;
}
static void on_bye(void *context, uint32_t client, struct sample_server_end end, struct sample_buffer *buffer,
                   struct sample_server_any *next) {
  (void)context, (void)client, (void)buffer, (void)next;
  sample_close_server_end(&end);
}
static void on_gone(void *context, uint32_t client, int64_t why) {
  (void)client;
  ((struct service *)context)->gone++;
  ((struct service *)context)->why = why;
}

static void test_server(void) {
  static const struct sample_server server = {
      .PUT = on_put, .PING_in_READY = on_ping, .BYE_in_READY = on_bye, .gone = on_gone};
  struct pair pairs[4];
  struct sample_server_any ends[4];
  struct service service = {0};
  struct sample_client_PING_ASKED asked[4];
  struct sample_client_PING_ASKED_received pong;
  uint32_t open = mock_handles();
  for (int i = 0; i < 4; i++) {
    pairs[i] = pair_new();
    ends[i] = sample_server_in_READY(pairs[i].server);
  }
  struct sample_serving serving = {
      .ends = ends, .count = 4, .server = &server, .context = &service, .buffer = &server_buffer};
  ok(sample_serve_one(&serving, 0) == SIGNET_TIMEOUT, "a server that nobody asks waits");
  for (int i = 0; i < 4; i++)
    sample_send_PING_in_READY(&pairs[i].client, &asked[i], &client_buffer);
  int served = 0;
  while (sample_serve_one(&serving, 0) == SIGNET_OK)
    served++;
  bool all = service.pings == 4 && served == 4;
  for (int i = 0; i < 4; i++) {
    all &= sample_receive_PING_ASKED(&asked[i], &pong, &client_buffer, 0) == SIGNET_OK && pong.tag == SAMPLE_PONG;
    pairs[i].client = pong.PONG.next;
  }
  ok(all, "every client is served");
  struct sample_PUT put = put_example();
  struct sample_client_PUT_ASKED put_asked;
  sample_send_PUT(&pairs[0].client, &put_asked, &put, &client_buffer);
  ok(sample_serve_one(&serving, 0) == SIGNET_OK && service.later.handle && !ends[0].handle &&
         sample_serve_one(&serving, 0) == SIGNET_TIMEOUT,
     "a server may answer later: until then it does not listen to that client");
  struct sample_DONE done = {.value = 1};
  struct sample_server_READY ready;
  sample_send_DONE_in_PUT_ASKED(&service.later, &ready, &done, &server_buffer);
  ends[0] = sample_server_in_READY(ready);
  sample_close_client_READY(&pairs[1].client);
  ok(sample_serve_one(&serving, 0) == SIGNET_OK && service.gone == 1 && service.why == SIGNET_CLOSED && !ends[1].handle,
     "a client that is gone is told of, and its end closed");
  sample_put_PUT(&client_buffer, &put);
  client_buffer.data[16] = 99;
  signet_channel_send(pairs[2].client.handle, &client_buffer.message);
  ok(sample_serve_one(&serving, 0) == SIGNET_OK && service.gone == 2 && service.why == SIGNET_CONTRACT &&
         !ends[2].handle,
     "so is one that breaks the contract");
  struct sample_GET get = {.name = "a", .name_length = 1};
  struct sample_client_GET_ASKED get_asked;
  sample_send_GET(&pairs[3].client, &get_asked, &get, &client_buffer);
  ok(sample_serve_one(&serving, 0) == SIGNET_OK && service.gone == 3 && service.why == SIGNET_UNSUPPORTED &&
         !ends[3].handle,
     "and one that asks for what the server has no function for");
  struct sample_client_PUT_ASKED_received put_answer;
  struct sample_client_end end;
  sample_receive_PUT_ASKED(&put_asked, &put_answer, &client_buffer, 0);
  sample_send_BYE_in_READY(&put_answer.DONE.next, &end, &client_buffer);
  ok(sample_serve_one(&serving, 0) == SIGNET_OK && sample_serve_one(&serving, 0) == SIGNET_STATE,
     "a server without clients says so");
  sample_close_client_end(&end);
  close_both(pairs[2].client.handle, get_asked.handle);
  ok(mock_handles() == open, "no end is left over");
}

/* ---- The table and its hash ---- */

static void test_table(void) {
  uint8_t hash[32], expected[32] = {SAMPLE_TABLE_HASH}, identity[32] = {SAMPLE_IDENTITY};
  mock_table_hash(&sample_contract, SAMPLE_CONTRACT_LENGTH, hash);
  ok(!memcmp(hash, expected, sizeof hash), "the header knows how the kernel names the contract");
  ok(!memcmp(sample_contract.contract.identity, identity, sizeof identity) && memcmp(identity, hash, sizeof hash) != 0,
     "the table carries the contract's identity");
  struct pair pair = pair_new();
  struct supervision_client_STARTING other;
  ok(supervision_adopt_client_STARTING(pair.client.handle, &other) == SIGNET_CONTRACT,
     "a handle of another contract is not adopted");
  struct sample_client_PARTING parting;
  ok(sample_adopt_client_PARTING(pair.client.handle, &parting) == SIGNET_CONTRACT, "nor one in another state");
  struct sample_server_READY server;
  ok(sample_adopt_server_READY(pair.client.handle, &server) == SIGNET_CONTRACT, "nor the other end");
  struct sample_client_READY client;
  ok(sample_adopt_client_READY(pair.client.handle, &client) == SIGNET_OK && client.handle == pair.client.handle,
     "what is right is");
  struct used_client_READY asking;
  struct used_server_READY hearing, adopted;
  struct used_client_ASK_ASKED asked;
  struct used_server_ASK_ASKED answering;
  struct used_buffer buffer;
  ok(used_create(&asking, &hearing) == SIGNET_OK && used_send_ASK(&asking, &asked, &buffer) == SIGNET_OK,
     "a client that does not wait for its server's start");
  ok(used_adopt_server_READY(hearing.handle, &adopted) == SIGNET_OK,
     "an end that hears is adopted also when its peer has spoken already");
  struct used_server_READY_received received;
  ok(used_receive_READY(&adopted, &received, &buffer, 0) == SIGNET_OK &&
         used_adopt_server_READY(received.ASK.next.handle, &hearing) == SIGNET_CONTRACT &&
         used_adopt_server_ASK_ASKED(received.ASK.next.handle, &answering) == SIGNET_OK,
     "but not once it has heard that, and it is its turn");
  close_both(asked.handle, answering.handle);
  close_both(pair.client.handle, pair.server.handle);
}

/* ---- Printing what may be anything ---- */

static void test_print(void) {
  static const struct {
    const char *name;
    size_t length;
    const char *text;
  } cases[] = {
      {"GET of 2 bytes", SIGNET_MESSAGE_DATA + 2, "client GET {name=\"a\"}"},
      {"GET cut", SIGNET_MESSAGE_DATA + 1, "client GET {name=\"a\"} (cut)"},
      {"GET without data", SIGNET_MESSAGE_DATA, "client GET {name=\"\"} (cut)"},
      {"a header cut", 15, "(no message)"},
  };
  char text[4096];
  struct sample_GET get = {.name = "a", .name_length = 1};
  sample_put_GET(&client_buffer, &get);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    contract_print(sample_decoder, sizeof sample_decoder, &client_buffer.message, cases[i].length, text, sizeof text);
    ok(!strcmp(text, cases[i].text), "printed: %s: %s", cases[i].name, text);
  }
  client_buffer.data[0] = 0x1b;
  client_buffer.message.length = 4;
  memcpy(client_buffer.data + 1, "\0xy", 3);
  contract_print(sample_decoder, sizeof sample_decoder, &client_buffer.message, sizeof client_buffer, text,
                 sizeof text);
  ok(!strcmp(text, "client GET {name=\"\\x1b\"} (and 2 more bytes)"),
     "nothing reaches the terminal, nothing is hidden: %s", text);
  client_buffer.message.tag = 200;
  contract_print(sample_decoder, sizeof sample_decoder, &client_buffer.message, sizeof client_buffer, text,
                 sizeof text);
  ok(!strcmp(text, "(message 200 is not of this contract)"), "a number that the contract does not have: %s", text);
  client_buffer.message.tag = SAMPLE_PING;
  client_buffer.message.length = 0;
  size_t length =
      contract_print(sample_decoder, sizeof sample_decoder, &client_buffer.message, sizeof client_buffer, text, 8);
  ok(length == 11 && !strcmp(text, "client "), "what does not fit is cut, and its length returned");
  contract_print(sample_decoder, 3, &client_buffer.message, sizeof client_buffer, text, sizeof text);
  ok(!strcmp(text, "(no decoder)"), "without a table it says so");
  contract_print_state(sample_decoder, sizeof sample_decoder, SAMPLE_STATE_PARTING, text, sizeof text);
  ok(!strcmp(text, "PARTING"), "a state has a name");
  contract_print_state(names_decoder, sizeof names_decoder, 99, text, sizeof text);
  ok(!strcmp(text, "(state 99)"), "or a number");
}

int main(void) {
  test_fields();
  test_refused_by_sender();
  test_refused_by_receiver();
  test_moved();
  test_used_twice();
  test_call();
  test_server();
  test_table();
  test_print();
  return finish();
}
