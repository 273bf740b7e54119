/* The name service: clients with different grants, one of them hostile, offerers that answer as they like. */
#include <string.h>

#include "contracts/names.h"
#include "contracts/offers.h"
#include "contracts/supervision.h"
#include "tests/fuzz/service_play.h"

const unsigned fuzz_count = 8000;

#define CLIENTS 4
static uint32_t names, offers, supervision;

/* ---- Whose name is whose: what was asked for, and then granted ---- */

#define FIRST_CLIENTS 10u /* ends below are those of the slots, in their order; others came later */
static struct {
  uint32_t tag;
  char name[256];
} asked[FIRST_CLIENTS];
static struct {
  uint32_t end;
  char name[256];
} owned[64];
static uint32_t owned_count;

static bool begins_with(const char *name, const char *word) {
  size_t length = strlen(word);
  return !strncmp(name, word, length) && (!name[length] || name[length] == '/');
}

static void granted(uint32_t end, uint32_t tag) {
  const char *name = asked[end].name;
  uint32_t i = 0;
  while (i < owned_count && strcmp(owned[i].name, name) != 0)
    i++;
  if (tag == NAMES_OFFERED &&
      (end == 8 || (end == 2 && !begins_with(name, "a")) || (end == 4 && !begins_with(name, "b"))))
    fuzz_fail("client %u may offer %s, for which it has no right", end, name);
  if (tag == NAMES_OFFERED && i < 64) {
    strcpy(owned[i].name, name);
    owned[i].end = end;
    owned_count += i == owned_count;
  }
  if (tag == NAMES_WITHDRAWN && i < owned_count && owned[i].end < FIRST_CLIENTS && owned[i].end != end)
    fuzz_fail("client %u takes %s back, which is client %u's", end, name, owned[i].end);
}

static void begin(void) {
  static const char *const slots[] = {"a", "b", "c", "d", "supervision"};
  static const char *const arguments[] = {"names", "*:find:", "a:offer:a", "b:offer:b", "c:offer:", "c:find:c/d"};
  uint8_t bytes[1024];
  uint32_t handles[CLIENTS + 1], choice = fuzz_byte(&kernel_input), slot_count = CLIENTS + !(choice & 1);
  memset(asked, 0xff, sizeof asked);
  owned_count = 0;
  names = kernel_learn(&names_contract, NAMES_CONTRACT_LENGTH);
  offers = kernel_learn(&offers_contract, OFFERS_CONTRACT_LENGTH);
  supervision = kernel_learn(&supervision_contract, SUPERVISION_CONTRACT_LENGTH);
  for (uint32_t i = 0; i < CLIENTS; i++)
    handles[i] = kernel_give(kernel_channel(names, i + 1) + 1);
  if (slot_count > CLIENTS) {
    uint32_t client = kernel_channel(supervision, 0);
    handles[CLIENTS] = kernel_give(client);
    service_supervisor = client + 1;
  }
  uint32_t length = service_program(bytes, arguments, 6 - (choice >> 1 & 1), slots, slot_count);
  kernel_start(handles, slot_count, bytes, length);
}

static const char *a_name(void) {
  static const char *const some[] = {"a",   "a/x", "b",     "b/y", "b/y/z", "c",        "d/e-f_g.h", "",
                                     "/",   "a/",  "a//b",  "..",  "a/..",  "longer",   "b/",        "ab",
                                     "c/d", "c/e", "c/d/e", "A",   "-",     "\xc3\xa9", "a b",       "a\nb"};
  static char made[256];
  uint8_t choice = fuzz_byte(&kernel_input);
  if (choice < 0xc0)
    return some[choice % (sizeof some / sizeof *some)];
  uint32_t length = choice & 1 ? 255 : 1 + choice % 8;
  for (uint32_t i = 0; i < length; i++)
    made[i] = (char)('a' + (choice & 2 ? fuzz_byte(&kernel_input) : choice) % 4);
  made[length] = 0;
  if (choice & 4)
    made[length / 2] = '/';
  return made;
}

static uint32_t compose(uint32_t end, uint32_t tag, uint8_t *data, uint32_t least, uint32_t most) {
  static struct names_buffer buffer;
  const char *name = a_name();
  uint32_t length = (uint32_t)strlen(name);
  (void)least, (void)most;
  if (end < FIRST_CLIENTS)
    asked[end].tag = UINT32_MAX;
  if (kernel_ends[end].contract != names || !(fuzz_byte(&kernel_input) & 7))
    return 0;
  const uint8_t *identity = kernel_identity(fuzz_byte(&kernel_input) % 3);
  int64_t status = SIGNET_ARGUMENT;
  if (tag == NAMES_CONNECT) {
    struct names_CONNECT message = {.name = name, .name_length = length};
    memcpy(message.contract.hash, identity, 32);
    status = names_put_CONNECT(&buffer, &message);
  } else if (tag == NAMES_OFFER) {
    struct names_OFFER message = {.name = name, .name_length = length};
    memcpy(message.contract.hash, identity, 32);
    status = names_put_OFFER(&buffer, &message);
  } else if (tag == NAMES_WITHDRAW) {
    struct names_WITHDRAW message = {.name = name, .name_length = length};
    status = names_put_WITHDRAW(&buffer, &message);
  } else if (tag == NAMES_LIST) {
    struct names_LIST message = {.prefix = name, .prefix_length = length};
    char prefix[256];
    memcpy(prefix, name, length + 1);
    message.prefix = prefix;
    message.after = a_name();
    message.after_length = (uint32_t)strlen(message.after);
    status = names_put_LIST(&buffer, &message);
  }
  if (status != SIGNET_OK)
    return 0;
  if (end < FIRST_CLIENTS) {
    asked[end].tag = tag;
    strcpy(asked[end].name, name);
  }
  memcpy(data, buffer.data, buffer.message.length);
  return buffer.message.length;
}

/* So many long names that a list does not hold them all. */
static void act(uint8_t which) {
  static struct kernel_message message;
  static struct names_buffer buffer;
  if (which || fuzz_byte(&kernel_input) < 0xc0)
    return;
  for (uint32_t end = 2; end < 8; end += 2)
    for (uint32_t i = 0; i < 13 && kernel_ends[end].holder == KERNEL_PEER && kernel_ends[end].contract == names &&
                         kernel_may_send(end, NAMES_OFFER) && !kernel_exited;
         i++) {
      char name[240];
      memset(name, 'l', sizeof name);
      int begun = sprintf(name, "%c/%u", "abc"[end / 2 - 1], i);
      name[begun] = 'l';
      struct names_OFFER offer = {.name = name, .name_length = sizeof name};
      uint32_t client = kernel_channel(offers, kernel_ends[end].peer);
      if (!client || names_put_OFFER(&buffer, &offer) != SIGNET_OK)
        return;
      memcpy(message.data, buffer.data, buffer.message.length);
      message.tag = NAMES_OFFER;
      message.length = buffer.message.length;
      message.moved_count = 1;
      message.moved[0] = (struct kernel_moved){SIGNET_KIND_SERVER, client + 1};
      asked[end].tag = UINT32_MAX;
      kernel_peer_send(end, &message);
      kernel_run(KERNEL_UNTIL_IDLE);
      kernel_peer_receive(end, &message);
    }
}

/* What a client is told names only what it may find: whole, in order, once. */
static void listed(uint32_t peer, const struct kernel_message *message) {
  const char *at = (const char *)message->data, *end = at + message->length, *last = NULL;
  (void)peer;
  for (; at < end; last = at, at += strlen(at) + 1) {
    if (!memchr(at, 0, (size_t)(end - at)) || !*at)
      fuzz_fail("a list of names has no end, or an empty one");
    if (last && strcmp(last, at) >= 0)
      fuzz_fail("a list of names is out of order: %s, %s", last, at);
  }
}

static void heard(uint32_t end, const struct kernel_message *message) {
  if (kernel_ends[end].contract != names)
    return;
  service_counted(message->tag != NAMES_FAILED);
  if (end < FIRST_CLIENTS && asked[end].tag + 1 == message->tag)
    granted(end, message->tag);
  if (message->tag == NAMES_LISTED)
    listed(kernel_ends[end].peer, message);
}

/* An offerer waits to be asked. */
static bool may_stand(uint32_t end) { return kernel_ends[end].contract == offers; }

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static const struct service_target target = {
      .begin = begin, .act = act, .compose = compose, .heard = heard, .may_stand = may_stand, .sets_held = 1};
  service_play(&target, bytes, length);
  return 0;
}
