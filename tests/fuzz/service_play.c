/* The peers of a service: see service_play.h. */
#include "tests/fuzz/service_play.h"

#include <string.h>

#include <signet/image.h>

#include "contracts/supervision.h"

#define ACTS_MOST 400  /* of an input */
#define ROUNDS_MOST 60 /* until all has settled */

uint32_t service_supervisor;
static const struct service_target *target;
bool service_may_refuse;
uint32_t service_asked[KERNEL_ENDS_MOST];
struct service_asked_data service_asked_data[KERNEL_ENDS_MOST];
static bool stop_said, honest_may_fail; /* an allocation may have failed for it, or it is succeeded */

void service_counted(bool accepted) {
  if (accepted)
    fuzz_accepted++;
  else
    fuzz_refused++;
}

uint32_t service_program(uint8_t *to, const char *const *arguments, uint32_t argument_count, const char *const *slots,
                         uint32_t slot_count) {
  struct signet_program head = {.version = SIGNET_PROGRAM_VERSION, .arguments = argument_count, .slots = slot_count};
  uint32_t used = sizeof head;
  memcpy(to, &head, sizeof head);
  for (uint32_t i = 0; i < argument_count; i++)
    used += (uint32_t)sprintf((char *)to + used, "%s", arguments[i]) + 1;
  to[used++] = '/';
  to[used++] = 0;
  for (uint32_t i = 0; i < slot_count; i++)
    used += (uint32_t)sprintf((char *)to + used, "%s", slots[i]) + 1;
  return used;
}

/* ---- What peers say ---- */

static bool is_honest(uint32_t end);

static uint32_t peer_ends(uint32_t ends[KERNEL_ENDS_MOST]) {
  uint32_t count = 0;
  for (uint32_t end = 2; end < kernel_ends_used; end++)
    if (kernel_ends[end].holder == KERNEL_PEER && kernel_ends[end ^ 1].holder != KERNEL_PEER && !is_honest(end))
      ends[count++] = end;
  return count;
}

/* An end of that contract and state which a peer made; the other is its own. Or one that it has. */
static uint32_t end_to_move(uint32_t from, uint32_t kind, const struct signet_contract_moved *row) {
  static const uint8_t any[32];
  uint8_t choice = fuzz_byte(&kernel_input), this[32];
  const uint8_t *wanted = row ? row->identity : any;
  memset(this, 0xff, sizeof this);
  if (!memcmp(wanted, this, 32))
    wanted = kernel_identity(kernel_ends[from].contract);
  bool to_client = kind == SIGNET_KIND_SERVER;
  for (uint32_t end = 2; choice & 0x80 && end < kernel_ends_used; end++) {
    const struct kernel_end *had = &kernel_ends[end];
    if (had->holder == KERNEL_PEER && (end & 1) == to_client && !had->queued && kernel_turn(end) && (end ^ from) > 1 &&
        end != service_supervisor && !is_honest(end) &&
        (!memcmp(wanted, any, 32) || !memcmp(wanted, kernel_identity(had->contract), 32)) &&
        (!row || row->state == SIGNET_CONTRACT_ANY_STATE || row->state == had->state) && choice-- % 4 == 0)
      return end;
  }
  uint32_t contract = choice % 8;
  if (memcmp(wanted, any, 32) != 0)
    for (contract = 0; memcmp(kernel_identity(contract), wanted, 32) != 0;)
      contract++;
  if (!kernel_contract(contract))
    contract = kernel_ends[from].contract;
  uint32_t client = kernel_channel(contract, kernel_ends[from].peer);
  if (!client)
    return 0;
  uint32_t state = row && row->state != SIGNET_CONTRACT_ANY_STATE ? row->state : 0, end = client + to_client;
  do
    kernel_ends[client].state = kernel_ends[client + 1].state = state++;
  while (!kernel_turn(end) && state < kernel_contract(contract)->states);
  return kernel_turn(end) ? end : 0;
}

uint8_t service_mark(uint32_t end) { return (uint8_t)(end * 2 + 1); }

static uint32_t block_to_move(uint32_t end, const struct signet_contract_moved *row) {
  static const uint8_t sizes[] = {1, 1, 2, 63, 64, 80};
  uint32_t least = row ? (uint32_t)((row->length_least + 4095) / 4096) : 1;
  uint32_t most = row ? (uint32_t)((row->length_most + 4095) / 4096) : KERNEL_BLOCK_MOST / 4096, length;
  uint32_t pages = sizes[fuzz_below(&kernel_input, sizeof sizes)];
  uint32_t block = kernel_block(pages < least ? least : pages > most ? most : pages);
  if (!block)
    return 0;
  uint8_t *bytes = kernel_block_open(block, &length);
  memset(bytes, service_mark(end), length);
  kernel_block_close(block);
  return block;
}

/* Lengths at the edges of what is allowed, or a little of what there is to say. */
static uint32_t length_of(const struct signet_contract_message *row) {
  uint32_t range = row->length_most - row->length_least, choice = fuzz_byte(&kernel_input);
  uint32_t length = choice == 0xff ? range : choice == 0xfe && range ? range - 1 : choice % 97 % (range + 1);
  return row->length_least + (row->step ? length / row->step * row->step : length);
}

static void say(uint32_t end) {
  static struct kernel_message message;
  const struct kernel_end *from = &kernel_ends[end];
  const struct signet_contract *contract = kernel_contract(from->contract);
  uint32_t tags[256], count = 0;
  bool any = !target->likely || !(fuzz_byte(&kernel_input) & 7);
  for (uint32_t tag = 0; tag < contract->messages; tag++)
    if (kernel_may_send(end, tag) && (any || contract->messages < 20 || target->likely >> tag & 1))
      tags[count++] = tag;
  if (!count)
    return;
  uint32_t tag = message.tag = tags[fuzz_below(&kernel_input, count)];
  const struct signet_contract_message *row = (const struct signet_contract_message *)(contract + 1) + tag;
  message.length = 0;
  if (target->compose)
    message.length = target->compose(end, tag, message.data, row->length_least, row->length_most);
  if (!message.length) {
    message.length = length_of(row);
    for (uint32_t i = 0; i < message.length; i++)
      message.data[i] = kernel_plain(fuzz_byte(&kernel_input));
  }
  message.moved_count = row->moved_count;
  for (uint32_t i = 0; i < row->moved_count; i++) {
    const struct signet_contract_moved *wanted = kernel_moved_row(from->contract, tag, i);
    uint32_t kind = row->moved_kind[i];
    uint32_t number = kind == SIGNET_KIND_BLOCK ? block_to_move(end, wanted) : end_to_move(end, kind, wanted);
    if (!number)
      return;
    message.moved[i] = (struct kernel_moved){kind, number};
  }
  stop_said |= end == service_supervisor && tag == SUPERVISION_STOP;
  honest_may_fail |= end == service_supervisor && tag == SUPERVISION_CLIENT_WANTED; /* it may be meant */
  service_asked[end] = tag;
  service_asked_data[end].length = message.length;
  memcpy(service_asked_data[end].begin, message.data,
         message.length < SERVICE_ASKED_MOST ? message.length : SERVICE_ASKED_MOST);
  kernel_peer_send(end, &message);
}

/* ---- What they hear ---- */

static void hear(uint32_t end) {
  static struct kernel_message message;
  while (!is_honest(end) && kernel_ends[end].holder == KERNEL_PEER && kernel_peer_receive(end, &message)) {
    if (target->heard)
      target->heard(end, &message);
    for (uint32_t i = 0; i < message.moved_count; i++)
      if (message.moved[i].kind == SIGNET_KIND_BLOCK)
        kernel_block_free(message.moved[i].number);
  }
}

static void hear_all(void) {
  for (uint32_t end = 2; end < kernel_ends_used; end++)
    hear(end);
}

/* ---- The honest client ---- */

#define STEPS_MOST 64
uint32_t service_honest[SERVICE_HONEST_ENDS];
static uint32_t honest_step, honest_waits; /* the end at which its answer will come; 0: none is under way */
static uint64_t honest_heard[STEPS_MOST];  /* a hash of each answer, when nobody else was there */
static bool honest_alone, settling;

static bool is_honest(uint32_t end) {
  for (uint32_t i = 0; i < SERVICE_HONEST_ENDS; i++)
    if (service_honest[i] == end)
      return true;
  return false;
}

static uint64_t hash(uint64_t value, const void *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    value = (value ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
  return value;
}

static void honest_hears(const struct kernel_message *message) {
  uint64_t value = hash(0xcbf29ce484222325 ^ message->tag, message->data, message->length);
  for (uint32_t i = 0; i < message->moved_count; i++) {
    struct kernel_moved moved = message->moved[i];
    for (uint32_t j = 1; j < SERVICE_HONEST_ENDS && moved.kind == SIGNET_KIND_CLIENT; j++)
      if (!service_honest[j]) {
        service_honest[j] = moved.number;
        break;
      }
    if (moved.kind == SIGNET_KIND_BLOCK) {
      uint32_t length;
      const uint8_t *bytes = kernel_block_open(moved.number, &length);
      value = hash(value, bytes, length);
      kernel_block_free(moved.number);
    }
  }
  honest_waits = 0;
  if (honest_alone && target->honest_heard)
    target->honest_heard(honest_step, message);
  if (honest_alone)
    honest_heard[honest_step] = value;
  else if (honest_heard[honest_step] != value && !honest_may_fail)
    fuzz_fail("the honest client hears something else at its request %u: message %u of %u bytes, error %u", honest_step,
              message->tag, message->length, message->length >= 4 ? *(const uint32_t *)(const void *)message->data : 0);
  honest_step++;
}

/* What it has to do now. False: nothing. */
static bool honest_act(void) {
  static struct kernel_message message;
  if (honest_waits) {
    if (!kernel_peer_receive(honest_waits, &message))
      return false;
    honest_hears(&message);
  }
  uint32_t end;
  if (target->honest_late && honest_step >= target->honest_late && !settling)
    return false;
  message.length =
      honest_step < STEPS_MOST ? target->honest(honest_step, &end, &message.tag, message.data) : SERVICE_NO_STEP;
  if (message.length == SERVICE_NO_STEP || !end || !kernel_may_send(end, message.tag))
    return false;
  const struct signet_contract *contract = kernel_contract(kernel_ends[end].contract);
  message.moved_count = ((const struct signet_contract_message *)(contract + 1))[message.tag].moved_count;
  if (message.moved_count) {
    uint32_t block = kernel_block(1), length;
    if (!block)
      return false;
    memset(kernel_block_open(block, &length), service_mark(end), SIGNET_PAGE);
    kernel_block_close(block);
    message.moved[0] = (struct kernel_moved){SIGNET_KIND_BLOCK, block};
  }
  honest_waits = end;
  kernel_peer_send(end, &message);
  return true;
}

/* ---- An input ---- */

static void act(void) {
  uint32_t ends[KERNEL_ENDS_MOST], count = peer_ends(ends);
  uint8_t which = fuzz_byte(&kernel_input);
  switch (which & 15) {
  case 0 ... 7:
    for (uint32_t i = 0; target->answers && i < count;)
      if (kernel_turn(ends[i]))
        i++;
      else
        ends[i] = ends[--count];
    if (count)
      say(ends[fuzz_below(&kernel_input, count)]);
    break;
  case 8:
    if (count) {
      uint32_t end = ends[fuzz_below(&kernel_input, count)];
      if (end != service_supervisor || (which & 0x20))
        kernel_peer_close(end);
    }
    break;
  case 9: {
    uint64_t deadline = kernel_first_deadline();
    kernel_advance(which & 0x20 || deadline == SIGNET_NEVER ? kernel_now + (1u << fuzz_byte(&kernel_input) % 32)
                                                            : deadline);
    break;
  }
  case 10:
    kernel_fail_in = fuzz_byte(&kernel_input) % 16;
    honest_may_fail |= kernel_fail_in;
    break;
  case 11:
    kernel_run(fuzz_byte(&kernel_input) % 64);
    return;
  default:
    if (target->act)
      target->act(which >> 4 & 3);
  }
  if (which & 0x80)
    return;
  kernel_run(KERNEL_UNTIL_IDLE);
  if (!(which & 0x40))
    hear_all();
}

void service_settle(void) {
  settling = true;
  kernel_fail_in = 0;
  if (target->settle)
    target->settle();
  kernel_changed();
  for (uint32_t round = 0; round < ROUNDS_MOST && !kernel_exited; round++) {
    uint32_t before = kernel_version;
    kernel_run(KERNEL_UNTIL_IDLE);
    hear_all();
    if (target->honest && honest_act())
      continue;
    uint64_t deadline = kernel_first_deadline();
    if (deadline != SIGNET_NEVER)
      kernel_advance(deadline);
    else if (kernel_version == before)
      return;
  }
}

/* Nobody who waits for the service is forgotten. */
static void nobody_waits(void) {
  for (uint32_t end = 2; end < kernel_ends_used; end++)
    if (kernel_ends[end].holder == KERNEL_PEER && kernel_ends[end ^ 1].holder == KERNEL_SERVICE && !kernel_turn(end) &&
        end != service_supervisor && !(target->may_stand && target->may_stand(end)))
      fuzz_fail("a request stands and is never answered: contract %u, state %u, end %u", kernel_ends[end].contract,
                kernel_ends[end].state, end);
}

static void all_leave(void) {
  for (uint32_t round = 0; round < 4; round++) {
    for (uint32_t end = 2; end < kernel_ends_used; end++)
      if (kernel_ends[end].holder == KERNEL_PEER && end != service_supervisor)
        kernel_peer_close(end);
    service_settle();
  }
}

static void nothing_is_kept(void) {
  bool supervised = service_supervisor && !kernel_ends[service_supervisor].closed;
  uint32_t ends = kernel_held(SIGNET_KIND_CLIENT) + kernel_held(SIGNET_KIND_SERVER);
  if (ends != supervised + target->channels_kept)
    fuzz_fail("all clients are gone, and %u ends are held", ends);
  if (kernel_held(SIGNET_KIND_BLOCK))
    fuzz_fail("all clients are gone, and %u blocks are held", kernel_held(SIGNET_KIND_BLOCK));
  if (kernel_held(SIGNET_KIND_SET) > target->sets_held)
    fuzz_fail("%u sets are held", kernel_held(SIGNET_KIND_SET));
}

static void stop(void) {
  static struct kernel_message message = {.tag = SUPERVISION_STOP, .length = 8};
  for (uint32_t round = 0; round < 4 && !kernel_may_send(service_supervisor, SUPERVISION_STOP); round++)
    service_settle();
  if (!kernel_may_send(service_supervisor, SUPERVISION_STOP))
    fuzz_fail("the supervisor has no turn: state %u", kernel_ends[service_supervisor].state);
  kernel_peer_send(service_supervisor, &message);
  service_settle();
  if (!kernel_exited || kernel_exit_code)
    fuzz_fail("it was told to stop, and %s", kernel_exited ? "failed" : "goes on");
}

/* It may end when it was told to, or when nobody is there any more. */
static void ended_rightly(bool failing) {
  if (target->finish)
    return;
  uint32_t ends[KERNEL_ENDS_MOST], all = peer_ends(ends), count = 0;
  for (uint32_t i = 0; i < all; i++)
    count += kernel_ends[ends[i] ^ 1].holder == KERNEL_SERVICE && !(target->may_stand && target->may_stand(ends[i]));
  if (kernel_exit_code && !failing)
    fuzz_fail("it ended with %u", kernel_exit_code);
  if (!stop_said && !failing && count)
    fuzz_fail("it ended, and %u ends are still held by others", count);
}

static void play(const uint8_t *bytes, size_t length) {
  service_supervisor = honest_step = honest_waits = 0;
  memset(service_honest, 0, sizeof service_honest);
  stop_said = service_may_refuse = settling = false;
  kernel_begin(bytes, length);
  target->begin();
  kernel_fail_in = fuzz_byte(&kernel_input);
  kernel_fail_in = kernel_fail_in >= 0xf0 ? kernel_fail_in - 0xef : 0;
  bool failing = honest_may_fail = kernel_fail_in;
  kernel_run(KERNEL_UNTIL_IDLE);
  if (kernel_exited && (service_may_refuse || failing))
    return;
  if (kernel_exited)
    fuzz_fail("it ended at once, with %u", kernel_exit_code);
  for (uint32_t i = 0; i < ACTS_MOST && kernel_input.at < kernel_input.end && !kernel_exited; i++) {
    act();
    if (target->honest && !kernel_exited)
      honest_act();
  }
  if (kernel_exited) {
    ended_rightly(failing);
    return;
  }
  service_settle();
  uint32_t end, tag;
  static uint8_t unsaid[SIGNET_MESSAGE_DATA_MOST];
  if (!kernel_exited && target->honest && !honest_may_fail &&
      (honest_waits || target->honest(honest_step, &end, &tag, unsaid) != SERVICE_NO_STEP))
    fuzz_fail("the honest client is not served: it is at its request %u", honest_step);
  if (!kernel_exited)
    nobody_waits();
  if (target->finish) {
    if (!kernel_exited)
      target->finish();
    return;
  }
  if (!kernel_exited)
    all_leave();
  if (!kernel_exited)
    nothing_is_kept();
  if (stop_said) {
    if (!kernel_exited || kernel_exit_code)
      fuzz_fail("it was told to stop, and %s", kernel_exited ? "failed" : "goes on");
    return;
  }
  if (target->end)
    target->end();
  bool supervised = service_supervisor && kernel_ends[service_supervisor].holder == KERNEL_PEER;
  if (supervised && !kernel_exited)
    stop();
  if (!kernel_exited && !supervised)
    fuzz_fail("all are gone, and it goes on");
}

void service_play(const struct service_target *wanted, const uint8_t *bytes, size_t length) {
  if (target != wanted && wanted->honest) {
    target = wanted;
    honest_alone = true;
    play(NULL, 0);
    honest_alone = false;
  }
  target = wanted;
  play(bytes, length);
}
