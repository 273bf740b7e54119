/* A content extension of the web server: answers contracts/extension.contract by running scripts (script.h), in a
 * process of its own. A program under the library OS: `extension PLACE`, where PLACE is a script or a folder of them;
 * the slots "extension", "extension.2" and so on are server's ends, "supervision" is the supervisor's. One thread
 * serves them all, one request after another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/image.h>
#include <signet/program.h>
#include <signet/supervised.h>

#include "apps/web/extension/script.h"
#include "contracts/extension.h"
#include "lib/scarcity.h"

static struct signet_supervised supervised;
/* A channel, in the one state or the other; both 0: there is none now. One for each start-up slot. */
static struct client {
  struct extension_server_READY ready;
  struct extension_server_READING reading;
  char *body; /* of an answer that goes in pieces; NULL: none does */
  size_t length, sent;
  uint32_t slot;
} clients[SIGNET_SLOTS_MOST];
static uint32_t client_count;
static uint32_t set;
#define SUPERVISION UINT64_MAX /* its key; that of a client is its place */
static struct script_answer answer;

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
  static void answer_in_##STATE(struct client *client, struct extension_server_##STATE *asked,                         \
                                struct extension_buffer *buffer) {                                                     \
    struct extension_BEGIN begin = {.status = answer.status, .type = answer.type};                                     \
    begin.type_length = (uint32_t)strlen(answer.type);                                                                 \
    if (answer.length <= EXTENSION_PIECE_MOST) {                                                                       \
      struct extension_ANSWER whole = {answer.status, answer.type, begin.type_length, answer.body,                     \
                                       (uint32_t)answer.length};                                                       \
      extension_send_ANSWER_in_##STATE(asked, &client->ready, &whole, buffer);                                         \
      return;                                                                                                          \
    }                                                                                                                  \
    struct extension_ANSWER_BLOCK whole = {.status = answer.status, .type = answer.type};                              \
    whole.type_length = begin.type_length;                                                                             \
    if (fill_block(&whole.body, &whole.length)) {                                                                      \
      extension_send_ANSWER_BLOCK_in_##STATE(asked, &client->ready, &whole, buffer);                                   \
      return;                                                                                                          \
    }                                                                                                                  \
    if (keep_body(client)) {                                                                                           \
      extension_send_BEGIN_in_##STATE(asked, &client->reading, &begin, buffer);                                        \
      return;                                                                                                          \
    }                                                                                                                  \
    struct extension_ANSWER none = {503, "text/plain", 10, (const uint8_t *)no_memory, sizeof no_memory - 1};          \
    extension_send_ANSWER_in_##STATE(asked, &client->ready, &none, buffer);                                            \
  }

/* The channel stays: a client whose channel is closed gets another when this process has ended, and not before. */
static const char no_memory[] = "There is no memory for this answer just now.\n";

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

/* The script's own copy lasts until the next request, of whomever. False: there is no memory. */
static bool keep_body(struct client *client) {
  client->body = malloc(answer.length);
  client->length = answer.length;
  client->sent = 0;
  if (client->body)
    memcpy(client->body, answer.body, answer.length);
  return client->body;
}

static void drop_body(struct client *client) {
  free(client->body);
  client->body = NULL;
}

ANSWER_WITH(REQUEST_ASKED)
ANSWER_WITH(REQUEST_BLOCK_ASKED)

static void hear_request(struct client *client, struct extension_buffer *buffer) {
  struct extension_server_READY_received heard;
  if (extension_took_READY(&client->ready, &heard, buffer) != SIGNET_OK)
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
    answer_in_REQUEST_ASKED(client, &heard.REQUEST.next, buffer);
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
  answer_in_REQUEST_BLOCK_ASKED(client, &heard.REQUEST_BLOCK.next, buffer);
}

static void hear_reader(struct client *client, struct extension_buffer *buffer) {
  struct extension_server_READING_received heard;
  if (extension_took_READING(&client->reading, &heard, buffer) != SIGNET_OK) {
    drop_body(client);
    return;
  }
  if (heard.tag == EXTENSION_ENOUGH) {
    drop_body(client);
    client->ready = heard.ENOUGH.next;
    return;
  }
  size_t left = client->length - client->sent;
  if (left == 0) {
    drop_body(client);
    extension_send_LAST(&heard.MORE.next, &client->ready, buffer);
    return;
  }
  struct extension_PIECE piece = {(const uint8_t *)client->body + client->sent,
                                  (uint32_t)(left < EXTENSION_PIECE_MOST ? left : EXTENSION_PIECE_MOST)};
  client->sent += piece.bytes_count;
  extension_send_PIECE(&heard.MORE.next, &client->reading, &piece, buffer);
}

/* ---- The channels ---- */

static void close_client(struct client *client) {
  extension_close_server_READY(&client->ready);
  extension_close_server_READING(&client->reading);
  drop_body(client);
}

static int64_t listen_to(struct client *client) {
  return signet_set_insert(set, client->ready.handle, (uint64_t)(client - clients)).status;
}

/* A client was started again. */
static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *name) {
  struct extension_client_READY end;
  struct extension_server_READY own;
  (void)context;
  (void)restarts;
  (void)name;
  for (struct client *client = clients; client < clients + client_count; client++) {
    if (client->slot != slot)
      continue;
    if (extension_create(&end, &own) != SIGNET_OK)
      return 0;
    close_client(client);
    client->ready = own;
    if (listen_to(client) == SIGNET_OK)
      return end.handle;
    close_client(client);
    extension_close_client_READY(&end);
  }
  return 0;
}

/* Of its own services, those of a program's files and streams come back. */
static void service_back(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts) {
  (void)context;
  (void)restarts;
  if (!signet_slot_renew(slot, endpoint))
    signet_handle_close(endpoint);
}

static const struct signet_supervised_calls calls = {.service_back = service_back, .client_wanted = client_wanted};

/* `status` is what failed: where the host had no memory for it, the next start may find some, and nothing is refused.
 */
static _Noreturn void refuse(int64_t status, const char *why) {
  fprintf(stderr, "extension: %s\n", why);
  if (status != SIGNET_MEMORY)
    signet_supervised_refuse(signet_slot("supervision"), why);
  exit(1);
}

int main(int count, char **arguments) {
  static struct extension_buffer buffer;
  if (count != 2)
    refuse(SIGNET_ARGUMENT, "want one argument: a script, or a folder of scripts");
  struct signet_result made = signet_set_create();
  if (made.status != SIGNET_OK)
    refuse(made.status, "there is no room for a set of channels");
  set = (uint32_t)made.value;
  char name[SIGNET_SLOT_NAME_MOST] = "extension";
  while (client_count < SIGNET_SLOTS_MOST && signet_slot(name)) {
    struct client *client = &clients[client_count++];
    client->slot = signet_slot_number(name);
    int64_t status = extension_adopt_server_READY(signet_slot(name), &client->ready);
    if (status == SIGNET_OK)
      status = listen_to(client);
    if (status != SIGNET_OK)
      refuse(status, "its slots \"extension\" must be server's ends of the contract extension");
    snprintf(name, sizeof name, "extension.%u", client_count + 1);
  }
  if (!client_count)
    refuse(SIGNET_ARGUMENT, "it has no slot \"extension\"");
  scripts_begin(arguments[1]);
  signet_supervised_begin(&supervised, signet_slot("supervision"), &calls, NULL);
  if (supervised.endpoint)
    signet_set_insert(set, supervised.endpoint, SUPERVISION);
  for (;;) {
    /* Without a supervisor nobody comes back. */
    bool any = supervised.endpoint;
    for (uint32_t i = 0; i < client_count; i++)
      any |= clients[i].ready.handle || clients[i].reading.handle;
    if (!any)
      return 0;
    struct signet_result result = signet_set_receive(set, &buffer.message, sizeof buffer, SIGNET_NEVER);
    if (result.status == SIGNET_INTERRUPTED)
      continue;
    if (result.status == SIGNET_MEMORY) {
      scarcity_wait();
      continue;
    }
    if (result.value == SUPERVISION) {
      signet_supervised_handle(&supervised, result.status == SIGNET_OK ? &buffer.message : NULL);
      continue;
    }
    struct client *client = &clients[result.value];
    if (result.status != SIGNET_OK)
      close_client(client); /* it has closed, or sent a block that is larger than all of this process's memory */
    else if (client->ready.handle)
      hear_request(client, &buffer);
    else
      hear_reader(client, &buffer);
  }
}
