/* A content extension of the web server: answers contracts/extension.contract by running scripts (script.h), in a
 * process of its own. A program under the library OS: `extension PLACE`, where PLACE is a script or a folder of them;
 * the slot "extension" is a server's end, "supervision" the supervisor's. One thread serves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/program.h>
#include <signet/supervised.h>

#include "apps/web/extension/script.h"
#include "contracts/extension.h"

static struct signet_supervised supervised;
/* The web server's channel, in the one state or the other; both 0: there is none now. */
static struct extension_server_READY ready;
static struct extension_server_READING reading;
static struct script_answer answer;
static size_t sent; /* bytes of a body that goes in pieces */

static const char *method_name(enum extension_method method) {
  static const char *const names[] = {[EXTENSION_METHOD_GET] = "GET",
                                      [EXTENSION_METHOD_HEAD] = "HEAD",
                                      [EXTENSION_METHOD_POST] = "POST",
                                      [EXTENSION_METHOD_PUT] = "PUT",
                                      [EXTENSION_METHOD_DELETE] = "DELETE"};
  return names[method];
}

/* ---- Answering ---- */

/* The sends of both requests' states do the same; the compiler sees to it that each end is in its own. */
#define ANSWER_WITH(STATE)                                                                                             \
  static void answer_in_##STATE(struct extension_server_##STATE *asked, struct extension_buffer *buffer) {             \
    struct extension_BEGIN begin = {.status = answer.status, .type = answer.type};                                     \
    begin.type_length = (uint32_t)strlen(answer.type);                                                                 \
    if (answer.length <= EXTENSION_PIECE_MOST) {                                                                       \
      struct extension_ANSWER whole = {answer.status, answer.type, begin.type_length, answer.body,                     \
                                       (uint32_t)answer.length};                                                       \
      extension_send_ANSWER_in_##STATE(asked, &ready, &whole, buffer);                                                 \
      return;                                                                                                          \
    }                                                                                                                  \
    struct extension_ANSWER_BLOCK whole = {.status = answer.status, .type = answer.type};                              \
    whole.type_length = begin.type_length;                                                                             \
    if (fill_block(&whole.body, &whole.length)) {                                                                      \
      extension_send_ANSWER_BLOCK_in_##STATE(asked, &ready, &whole, buffer);                                           \
      return;                                                                                                          \
    }                                                                                                                  \
    sent = 0;                                                                                                          \
    extension_send_BEGIN_in_##STATE(asked, &reading, &begin, buffer);                                                  \
  }

/* Copies the body to a block; false: it is too long for one, or there is no memory. */
static bool fill_block(struct contract_block *block, uint32_t *length) {
  if (answer.length > EXTENSION_BLOCK_MOST)
    return false;
  struct signet_result result = signet_block_allocate(answer.length);
  if (result.status != SIGNET_OK)
    return false;
  *block = (struct contract_block){.handle = (uint32_t)result.value, .offset = (uint32_t)(result.value >> 32)};
  *length = (uint32_t)answer.length;
  memcpy(contract_block_bytes(*block), answer.body, answer.length);
  return true;
}

ANSWER_WITH(REQUEST_ASKED)
ANSWER_WITH(REQUEST_BLOCK_ASKED)

static void hear_request(struct extension_buffer *buffer) {
  struct extension_server_READY_received heard;
  if (extension_took_READY(&ready, &heard, buffer) != SIGNET_OK)
    return; /* a client that breaks the contract has no channel any more */
  if (heard.tag == EXTENSION_REQUEST) {
    const struct extension_REQUEST *message = &heard.REQUEST.message;
    const struct script_request request = {.method = method_name(message->request.method),
                                           .client = message->request.client,
                                           .target = message->target,
                                           .query = message->query,
                                           .headers = message->headers,
                                           .body = message->body,
                                           .body_length = message->body_count};
    scripts_answer(&request, &answer);
    answer_in_REQUEST_ASKED(&heard.REQUEST.next, buffer);
    return;
  }
  const struct extension_REQUEST_BLOCK *message = &heard.REQUEST_BLOCK.message;
  struct script_request request = {.method = method_name(message->request.method),
                                   .client = message->request.client,
                                   .target = message->target,
                                   .query = message->query,
                                   .headers = message->headers,
                                   .body = contract_block_bytes(message->body),
                                   .body_length = message->length};
  if (request.body_length > message->body.length)
    request.body_length = message->body.length;
  scripts_answer(&request, &answer);
  signet_handle_close(message->body.handle);
  answer_in_REQUEST_BLOCK_ASKED(&heard.REQUEST_BLOCK.next, buffer);
}

static void hear_reader(struct extension_buffer *buffer) {
  struct extension_server_READING_received heard;
  if (extension_took_READING(&reading, &heard, buffer) != SIGNET_OK)
    return;
  if (heard.tag == EXTENSION_ENOUGH) {
    ready = heard.ENOUGH.next;
    return;
  }
  size_t left = answer.length - sent;
  if (left == 0) {
    extension_send_LAST(&heard.MORE.next, &ready, buffer);
    return;
  }
  struct extension_PIECE piece = {(const uint8_t *)answer.body + sent,
                                  (uint32_t)(left < EXTENSION_PIECE_MOST ? left : EXTENSION_PIECE_MOST)};
  sent += piece.bytes_count;
  extension_send_PIECE(&heard.MORE.next, &reading, &piece, buffer);
}

/* ---- The channels ---- */

static void close_client(void) {
  extension_close_server_READY(&ready);
  extension_close_server_READING(&reading);
}

/* The web server was started again. */
static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  struct extension_client_READY end;
  struct extension_server_READY own;
  (void)context;
  (void)restarts;
  (void)client;
  if (slot != signet_slot_number("extension") || extension_create(&end, &own) != SIGNET_OK)
    return 0;
  close_client();
  ready = own;
  return end.handle;
}

static const struct signet_supervised_calls calls = {.client_wanted = client_wanted};

static _Noreturn void refuse(const char *why) {
  fprintf(stderr, "extension: %s\n", why);
  signet_supervised_refuse(signet_slot("supervision"), why);
  exit(1);
}

int main(int count, char **arguments) {
  static struct extension_buffer buffer;
  if (count != 2)
    refuse("want one argument: a script, or a folder of scripts");
  if (extension_adopt_server_READY(signet_slot("extension"), &ready) != SIGNET_OK)
    refuse("its slot \"extension\" must be a server's end of the contract extension");
  scripts_begin(arguments[1]);
  signet_supervised_begin(&supervised, signet_slot("supervision"), &calls, NULL);
  for (;;) {
    /* Without a supervisor nobody comes back. */
    uint32_t ends[2], ends_count = 0, client = ready.handle ? ready.handle : reading.handle;
    if (client)
      ends[ends_count++] = client;
    if (supervised.endpoint)
      ends[ends_count++] = supervised.endpoint;
    if (!client && !supervised.endpoint)
      return 0;
    struct signet_result result =
        signet_channel_receive(ends, ends_count, &buffer.message, sizeof buffer, SIGNET_NEVER);
    bool of_client = client && result.value == 0;
    if (result.status == SIGNET_OK && !of_client)
      signet_supervised_handle(&supervised, &buffer.message);
    else if (result.status == SIGNET_OK && ready.handle)
      hear_request(&buffer);
    else if (result.status == SIGNET_OK)
      hear_reader(&buffer);
    else if (result.status == SIGNET_CLOSED && !of_client)
      signet_supervised_handle(&supervised, NULL);
    else if (result.status != SIGNET_INTERRUPTED)
      close_client(); /* it has closed, or sent a block that is larger than all of this process's memory */
  }
}
