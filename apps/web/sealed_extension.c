/* The extension of the sealed web server: a process of its own, over contracts/extension.contract. An answer in pieces
 * is gathered here, so that a slow reader of it does not keep the extension from the others. */
#include <stdlib.h>
#include <string.h>

#include "contracts/extension.h"

#include "apps/web/sealed.h"
#include "apps/web/web.h"

static enum extension_presence state = EXTENSION_IS_ABSENT;
static uint32_t handle;
static uint32_t contract_state; /* enum extension_state of the contract's header */
static struct text *pieces;
static unsigned pieces_status;
static char pieces_type[EXTENSION_TYPE_MOST + 1];
static struct extension_buffer buffer;

enum extension_presence extension_presence(void) { return state; }

void sealed_extension_begin(uint32_t endpoint) {
  struct extension_client_READY end;
  if (state == EXTENSION_IS_READY || state == EXTENSION_IS_BUSY)
    sealed_extension_closed(); /* what is told of it comes later than its successor */
  state = EXTENSION_IS_ABSENT;
  if (!endpoint)
    return;
  if (extension_adopt_client_READY(endpoint, &end) != SIGNET_OK)
    sealed_fail("what should be an extension is something else", SIGNET_CONTRACT);
  handle = end.handle;
  contract_state = EXTENSION_STATE_READY;
  state = EXTENSION_IS_READY;
  sealed_insert(handle, KEY_EXTENSION);
  extension_back();
}

void sealed_extension_closed(void) {
  signet_handle_close(handle);
  handle = 0;
  state = EXTENSION_IS_GONE;
  text_release(pieces);
  pieces = NULL;
  extension_lost();
}

void sealed_extension_given_up(void) {
  if (state == EXTENSION_IS_READY || state == EXTENSION_IS_BUSY)
    sealed_extension_closed();
  state = EXTENSION_IS_ABSENT;
}

/* A body that is too long for a message. */
static int64_t ask_block(const struct extension_question *question, const struct extension_request *request) {
  struct signet_result result = signet_block_allocate(question->body_length);
  if (result.status != SIGNET_OK)
    return result.status;
  struct extension_client_READY end = {handle};
  struct extension_client_REQUEST_BLOCK_ASKED next;
  struct extension_REQUEST_BLOCK message = {.request = *request,
                                            .length = question->body_length,
                                            .body = {.handle = (uint32_t)result.value},
                                            .target = question->target,
                                            .target_length = (uint32_t)strlen(question->target),
                                            .query = question->query,
                                            .query_length = (uint32_t)strlen(question->query),
                                            .headers = question->headers,
                                            .headers_length = (uint32_t)strlen(question->headers)};
  memcpy((void *)(uintptr_t)(result.value >> 32), question->body, question->body_length);
  int64_t status = extension_send_REQUEST_BLOCK(&end, &next, &message, &buffer);
  if (status != SIGNET_OK)
    signet_handle_close((uint32_t)result.value);
  contract_state = status == SIGNET_OK ? EXTENSION_STATE_REQUEST_BLOCK_ASKED : contract_state;
  return status;
}

bool extension_ask(const struct extension_question *question) {
  struct extension_request request = {.method = question->method, .client = question->client};
  int64_t status;
  if (question->body_length > EXTENSION_BODY_MOST) {
    status = ask_block(question, &request);
  } else {
    struct extension_client_READY end = {handle};
    struct extension_client_REQUEST_ASKED next;
    struct extension_REQUEST message = {.request = request,
                                        .target = question->target,
                                        .target_length = (uint32_t)strlen(question->target),
                                        .query = question->query,
                                        .query_length = (uint32_t)strlen(question->query),
                                        .headers = question->headers,
                                        .headers_length = (uint32_t)strlen(question->headers),
                                        .body = question->body,
                                        .body_count = (uint32_t)question->body_length};
    status = extension_send_REQUEST(&end, &next, &message, &buffer);
    contract_state = status == SIGNET_OK ? EXTENSION_STATE_REQUEST_ASKED : contract_state;
  }
  if (status == SIGNET_OK)
    state = EXTENSION_IS_BUSY;
  return status == SIGNET_OK;
}

static void ask_more(void) {
  struct extension_client_READING end = {handle};
  struct extension_client_MORE_ASKED next;
  if (extension_send_MORE(&end, &next, &buffer) != SIGNET_OK)
    sealed_fail("the extension's channel refuses what is sent", SIGNET_CONTRACT);
  contract_state = EXTENSION_STATE_MORE_ASKED;
}

static void ready(void) {
  state = EXTENSION_IS_READY;
  contract_state = EXTENSION_STATE_READY;
}

static void pieces_come(const struct extension_BEGIN *begin) {
  pieces = text_new(ANSWER_MOST);
  if (!pieces) {
    struct extension_client_READING end = {handle};
    struct extension_client_READY next;
    extension_send_ENOUGH(&end, &next, &buffer);
    ready();
    extension_failed("there is no memory for the extension's answer just now");
    return;
  }
  pieces_status = begin->status;
  memcpy(pieces_type, begin->type, begin->type_length + 1);
  ask_more();
}

static void piece_came(struct extension_buffer *from) {
  struct extension_client_MORE_ASKED end = {handle};
  struct extension_client_MORE_ASKED_received received;
  if (extension_took_MORE_ASKED(&end, &received, from) != SIGNET_OK) {
    handle = 0; /* the end is closed already */
    sealed_extension_closed();
    return;
  }
  if (received.tag == EXTENSION_PIECE) {
    text_put(pieces, received.PIECE.message.bytes, received.PIECE.message.bytes_count);
    if (!pieces->failed) {
      ask_more();
      return;
    }
    struct extension_client_READY next;
    extension_send_ENOUGH(&received.PIECE.next, &next, &buffer);
  }
  struct text *all = pieces;
  pieces = NULL;
  ready();
  if (all->failed)
    extension_failed("the extension's answer is longer than 1 MiB");
  else
    extension_answered(pieces_status, pieces_type, (const uint8_t *)all->bytes, all->length);
  text_release(all);
}

/* What a REQUEST and a REQUEST_BLOCK are answered with is the same. */
void sealed_extension_heard(const struct sealed_buffer *input) {
  struct extension_buffer *from = (struct extension_buffer *)(uintptr_t)input;
  struct extension_client_REQUEST_ASKED end = {handle};
  struct extension_client_REQUEST_ASKED_received received;
  if (contract_state == EXTENSION_STATE_MORE_ASKED) {
    piece_came(from);
    return;
  }
  if (extension_took_REQUEST_ASKED(&end, &received, from) != SIGNET_OK) {
    handle = 0;
    sealed_extension_closed();
    return;
  }
  switch (received.tag) {
  case EXTENSION_ANSWER: {
    const struct extension_ANSWER *answer = &received.ANSWER.message;
    ready();
    extension_answered(answer->status, answer->type, answer->body, answer->body_count);
    return;
  }
  case EXTENSION_ANSWER_BLOCK: {
    const struct extension_ANSWER_BLOCK *answer = &received.ANSWER_BLOCK.message;
    ready();
    if (answer->length > answer->body.length)
      extension_failed("the extension's answer is longer than its block");
    else
      extension_answered(answer->status, answer->type, contract_block_bytes(answer->body), answer->length);
    signet_handle_close(answer->body.handle);
    return;
  }
  default:
    pieces_come(&received.BEGIN.message);
  }
}
