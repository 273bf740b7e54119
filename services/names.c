/* The name service: answers contracts/names.contract, and asks who offers a service over contracts/offers.contract for
 * one client's end more each time somebody looks it up. A sealed process of its own; services.h says how it is started.
 * One thread, which waits for all of them at one set and never for a single one. */
#include <stddef.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/supervised.h>

#include "contracts/names.h"
#include "contracts/offers.h"
#include "lib/scarcity.h"
#include "services/names_table.h"
#include "services/services.h"
#include "services/startup.h"

/* Keys in the set: a client's is its slot, an offer's OFFERS and its row. */
#define OFFERS 0x1000u
#define SUPERVISION UINT64_MAX
/* An offerer that has not answered by then is busy, as far as this client is concerned. */
#define ANSWER_WITHIN 5000000000ull

_Noreturn void service_main(const struct signet_startup *startup);

struct client {
  uint32_t endpoint;         /* server's end of contracts/names.contract; 0: there is no such client now */
  struct names_offer *wants; /* the offer whose turn it waits for, or whose answer */
  uint64_t since;            /* when it began to wait; the first comes first */
};

static struct {
  struct names_table table;
  struct client clients[NAMES_CLIENTS_MOST];
  bool is_client[NAMES_CLIENTS_MOST]; /* slots that are a client's, now or when it is back */
  uint32_t set, open;                 /* clients that are there */
  uint64_t turn;
} names;
static struct signet_supervised supervised;

union buffer {
  struct signet_message message;
  struct names_buffer names;
  struct offers_buffer offers;
};

static uint64_t now(void) { return signet_clock_read(SIGNET_CLOCK_MONOTONIC).value; }

/* ---- Answers to clients ---- */

/* The kernel drops what is said to a client that is gone. */
static void say(uint32_t slot, const union buffer *buffer) {
  signet_channel_send(names.clients[slot].endpoint, &buffer->message);
}

static void fail(uint32_t slot, enum names_error error) {
  union buffer buffer;
  const struct names_FAILED message = {.error = error};
  names_put_FAILED(&buffer.names, &message);
  say(slot, &buffer);
}

static void end_wait(uint32_t slot) { names.clients[slot].wants = NULL; }

/* ---- Offers ---- */

static void ask_offerer(struct names_offer *offer);

/* The offerer is gone. Its name stays, so that who looks for it learns that, and somebody may offer it again. */
static void offer_gone(struct names_offer *offer) {
  if (offer->endpoint)
    signet_handle_close(offer->endpoint);
  offer->endpoint = 0;
  offer->asked = false;
  offer->asker = NAMES_NOBODY;
  for (uint32_t slot = 0; slot < NAMES_CLIENTS_MOST; slot++)
    if (names.clients[slot].wants == offer) {
      end_wait(slot);
      fail(slot, NAMES_ERROR_GONE);
    }
}

/* Asks the offerer for the client that has waited longest, if it can be asked now. */
static void ask_offerer(struct names_offer *offer) {
  union buffer buffer;
  struct signet_handle_information information;
  while (offer->endpoint && !offer->asked) {
    uint32_t first = NAMES_NOBODY;
    for (uint32_t slot = 0; slot < NAMES_CLIENTS_MOST; slot++)
      if (names.clients[slot].wants == offer &&
          (first == NAMES_NOBODY || names.clients[slot].since < names.clients[first].since))
        first = slot;
    if (first == NAMES_NOBODY)
      return;
    struct offers_WANTED message;
    signet_handle_query(names.clients[first].endpoint, &information);
    memcpy(message.image, information.peer_identity, sizeof message.image);
    message.process = information.peer_name;
    message.process_length = (uint32_t)strnlen(information.peer_name, sizeof information.peer_name - 1);
    /* A client without a name is one that has just ended: its end will be told. */
    if (offers_put_WANTED(&buffer.offers, &message) != SIGNET_OK) {
      end_wait(first);
      fail(first, NAMES_ERROR_BUSY);
      continue;
    }
    offer->asked = true;
    offer->asker = first;
    offer->deadline = now() + ANSWER_WITHIN;
    if (signet_channel_send(offer->endpoint, &buffer.message).status != SIGNET_OK)
      offer_gone(offer);
  }
}

/* What the offerer gives is a client's end of the contract that it named, with somebody at the other end. */
static bool is_offered(const struct names_offer *offer, uint32_t handle) {
  struct signet_handle_information information;
  return signet_handle_query(handle, &information).status == SIGNET_OK && information.kind == SIGNET_KIND_CLIENT &&
         !information.peer_closed && memcmp(information.identity, offer->contract, sizeof offer->contract) == 0;
}

static void hear_offerer(struct names_offer *offer, union buffer *buffer) {
  struct offers_server_ASKED end = {offer->endpoint};
  struct offers_server_ASKED_received heard;
  uint32_t asker = offer->asker;
  if (offers_took_ASKED(&end, &heard, &buffer->offers) != SIGNET_OK) {
    offer->endpoint = end.handle; /* 0: it is closed */
    offer_gone(offer);
    return;
  }
  offer->asked = false;
  offer->asker = NAMES_NOBODY;
  if (asker != NAMES_NOBODY)
    end_wait(asker);
  if (heard.tag == OFFERS_REFUSED) {
    if (asker != NAMES_NOBODY)
      fail(asker, heard.REFUSED.message.why == OFFERS_REASON_DENIED ? NAMES_ERROR_DENIED : NAMES_ERROR_BUSY);
  } else {
    struct names_CONNECTED message = {.service = heard.GIVEN.message.service};
    bool right = is_offered(offer, message.service.handle);
    names_put_CONNECTED(&buffer->names, &message);
    if (asker == NAMES_NOBODY || !right ||
        signet_channel_send(names.clients[asker].endpoint, &buffer->message).status != SIGNET_OK)
      signet_handle_close(message.service.handle);
    if (asker != NAMES_NOBODY && !right)
      fail(asker, NAMES_ERROR_CONTRACT);
  }
  ask_offerer(offer);
}

/* ---- Requests ---- */

static void connect(uint32_t slot, const struct names_CONNECT *request) {
  struct names_offer *offer = names_is_name(request->name) ? names_find(&names.table, request->name) : NULL;
  if (!names_is_name(request->name))
    fail(slot, NAMES_ERROR_NAME);
  else if (!names_may(&names.table, slot, NAMES_MAY_FIND, request->name))
    fail(slot, NAMES_ERROR_DENIED);
  else if (!offer)
    fail(slot, NAMES_ERROR_NOT_FOUND);
  else if (memcmp(request->contract.hash, offer->contract, sizeof offer->contract) != 0)
    fail(slot, NAMES_ERROR_CONTRACT);
  else if (!offer->endpoint)
    fail(slot, NAMES_ERROR_GONE);
  else if (offer->asked && offer->deadline == SIGNET_NEVER)
    fail(slot, NAMES_ERROR_BUSY); /* it has not answered somebody for too long */
  else {
    names.clients[slot].wants = offer;
    names.clients[slot].since = ++names.turn;
    ask_offerer(offer);
  }
}

/* -> 0, or the error; *end is the caller's still, or empty. */
static enum names_error take_offer(uint32_t slot, const struct names_OFFER *request, struct offers_server_HELD *end) {
  if (!names_is_name(request->name))
    return NAMES_ERROR_NAME;
  if (!names_may(&names.table, slot, NAMES_MAY_OFFER, request->name))
    return NAMES_ERROR_DENIED;
  struct names_offer *offer = names_find(&names.table, request->name);
  if (offer && offer->endpoint)
    return NAMES_ERROR_EXISTS;
  if (offer) /* a service that is back, or its successor */
    names_remove(&names.table, offer);
  offer = names_add(&names.table, slot, request->name);
  if (!offer)
    return NAMES_ERROR_BUSY;
  memcpy(offer->contract, request->contract.hash, sizeof offer->contract);
  union buffer buffer;
  struct offers_server_WAITING waiting = {0};
  struct offers_LISTED message = {.name = request->name, .name_length = request->name_length};
  int64_t status = offers_send_LISTED(end, &waiting, &message, &buffer.offers);
  if (status == SIGNET_OK)
    status = signet_set_insert(names.set, waiting.handle, OFFERS + (uint64_t)(offer - names.table.offers)).status;
  if (status != SIGNET_OK) {
    signet_handle_close(waiting.handle);
    names_remove(&names.table, offer);
    return NAMES_ERROR_BUSY;
  }
  offer->endpoint = waiting.handle;
  return 0;
}

static void offer(uint32_t slot, const struct names_OFFER *request) {
  union buffer buffer;
  struct offers_server_HELD end = request->service;
  enum names_error error = take_offer(slot, request, &end);
  if (error) {
    signet_handle_close(end.handle);
    fail(slot, error);
    return;
  }
  names_put_OFFERED(&buffer.names);
  say(slot, &buffer);
}

static void withdraw(uint32_t slot, const struct names_WITHDRAW *request) {
  union buffer buffer;
  struct names_offer *offer = names_is_name(request->name) ? names_find(&names.table, request->name) : NULL;
  if (!offer || offer->slot != slot) {
    /* Whether somebody else offers it is not this client's to learn, if it may not find it. */
    fail(slot, !names_is_name(request->name) ? NAMES_ERROR_NAME : NAMES_ERROR_NOT_FOUND);
    return;
  }
  offer_gone(offer);
  names_remove(&names.table, offer);
  names_put_WITHDRAWN(&buffer.names);
  say(slot, &buffer);
}

static void list(uint32_t slot, const struct names_LIST *request) {
  union buffer buffer;
  uint8_t *place = names_place_of_LISTED_names(&buffer.names);
  struct names_LISTED message = {.names = place};
  message.names_count = names_list(&names.table, slot, request->prefix, request->after, place, NAMES_LIST_MOST);
  names_put_LISTED(&buffer.names, &message);
  say(slot, &buffer);
}

static void client_gone(uint32_t slot) {
  struct client *client = &names.clients[slot];
  if (client->endpoint)
    signet_handle_close(client->endpoint);
  if (client->wants && client->wants->asker == slot)
    client->wants->asker = NAMES_NOBODY;
  *client = (struct client){.endpoint = 0};
  names.open--;
}

static void hear_client(uint32_t slot, union buffer *buffer) {
  struct names_server_READY end = {names.clients[slot].endpoint};
  struct names_server_READY_received heard;
  if (names_took_READY(&end, &heard, &buffer->names) != SIGNET_OK) {
    names.clients[slot].endpoint = end.handle; /* 0: it is closed */
    client_gone(slot);
    return;
  }
  /* The texts of the message lie in the buffer: answers are built in others. */
  switch (heard.tag) {
  case NAMES_CONNECT:
    connect(slot, &heard.CONNECT.message);
    break;
  case NAMES_OFFER:
    offer(slot, &heard.OFFER.message);
    break;
  case NAMES_WITHDRAW:
    withdraw(slot, &heard.WITHDRAW.message);
    break;
  case NAMES_LIST:
    list(slot, &heard.LIST.message);
    break;
  }
}

/* ---- The loop ---- */

static bool join(uint32_t slot, uint32_t endpoint) {
  if (signet_set_insert(names.set, endpoint, slot).status != SIGNET_OK)
    return false;
  names.clients[slot].endpoint = endpoint;
  names.open++;
  return true;
}

/* The client of that slot was started again. What its predecessor offered is told to be gone when its end is. */
static uint32_t client_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  struct names_client_READY end;
  struct names_server_READY own;
  (void)context;
  (void)restarts;
  (void)client;
  if (slot >= NAMES_CLIENTS_MOST || !names.is_client[slot] || names_create(&end, &own) != SIGNET_OK)
    return 0;
  if (names.clients[slot].endpoint)
    client_gone(slot);
  if (join(slot, own.handle))
    return end.handle;
  signet_handle_close(own.handle);
  signet_handle_close(end.handle);
  return 0;
}

static const struct signet_supervised_calls supervised_calls = {.client_wanted = client_wanted};

static uint64_t next_deadline(void) {
  uint64_t first = SIGNET_NEVER;
  for (uint32_t i = 0; i < names.table.count; i++) {
    const struct names_offer *offer = &names.table.offers[names.table.sorted[i]];
    if (offer->asked && offer->deadline < first)
      first = offer->deadline;
  }
  return first;
}

/* Who waits for an offerer that does not answer waits no longer; nor do those behind it, also if who was asked for has
 * left. */
static void expire(void) {
  uint64_t time = now();
  for (uint32_t i = 0; i < names.table.count; i++) {
    struct names_offer *offer = &names.table.offers[names.table.sorted[i]];
    if (!offer->asked || offer->deadline > time)
      continue;
    offer->asker = NAMES_NOBODY;
    offer->deadline = SIGNET_NEVER;
    for (uint32_t slot = 0; slot < NAMES_CLIENTS_MOST; slot++)
      if (names.clients[slot].wants == offer) {
        end_wait(slot);
        fail(slot, NAMES_ERROR_BUSY);
      }
  }
}

static void hear(uint64_t key, union buffer *buffer) {
  if (key == SUPERVISION)
    signet_supervised_handle(&supervised, buffer ? &buffer->message : NULL);
  else if (key >= OFFERS && buffer)
    hear_offerer(&names.table.offers[key - OFFERS], buffer);
  else if (key >= OFFERS)
    offer_gone(&names.table.offers[key - OFFERS]);
  else if (buffer)
    hear_client((uint32_t)key, buffer);
  else
    client_gone((uint32_t)key);
}

static bool begin(const struct signet_startup *startup) {
  struct service_startup given;
  if (!service_startup(startup, &given) || !names_take_grants(&names.table, &given))
    return false;
  struct signet_result set = signet_set_create();
  if (set.status != SIGNET_OK)
    return false;
  names.set = (uint32_t)set.value;
  uint32_t supervision = service_slot(&given, "supervision");
  for (uint32_t slot = 0; slot < startup->slots; slot++) {
    struct names_server_READY end;
    if (slot == supervision)
      continue;
    if (names_adopt_server_READY(startup->handles[slot], &end) != SIGNET_OK || !join(slot, end.handle))
      return false;
    names.is_client[slot] = true;
  }
  if (supervision == SERVICE_NO_SLOT)
    return true;
  uint32_t endpoint = startup->handles[supervision];
  signet_supervised_begin(&supervised, endpoint, &supervised_calls, NULL);
  return signet_set_insert(names.set, endpoint, SUPERVISION).status == SIGNET_OK;
}

_Noreturn void service_main(const struct signet_startup *startup) {
  union buffer buffer;
  if (!begin(startup))
    signet_process_exit(SIGNET_ENDED_EXIT, SERVICES_END_STARTUP);
  while (names.open || supervised.endpoint) {
    struct signet_result result = signet_set_receive(names.set, &buffer.message, sizeof buffer, next_deadline());
    if (result.status == SIGNET_OK)
      hear(result.value, &buffer);
    else if (result.status == SIGNET_TIMEOUT)
      expire();
    else if (result.status == SIGNET_MEMORY)
      scarcity_wait();
    else if (result.status != SIGNET_INTERRUPTED)
      hear(result.value, NULL); /* closed; or it sent what does not fit into this process's quota */
  }
  signet_process_exit(SIGNET_ENDED_EXIT, 0);
}
