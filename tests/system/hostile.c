/* A hostile client of whatever its manifest connects it to: sealed, under the library OS. Over each channel that it was
 * given, and each that it is given in answers, it tries all that the contract does not allow, at every turn, and what
 * the contract does allow with contents that make no sense. `hostile SEED ROUNDS LISTEN-PORT CONNECT-PORT`.
 *
 * It ends with 1, and says why, when something that has to be refused is not; a server that closes its end, or answers
 * an error, has done nothing wrong. At the end it prints what it did. */
#include <stdio.h>
#include <stdlib.h>

#include <signet/calls.h>
#include <signet/program.h>

#include "tests/contracts/tables.h"

#define TARGETS_MOST 48
#define PATIENCE 2000000 /* nanoseconds for an answer; some never come (a READ of a silent connection) */

struct target {
  uint32_t handle; /* a client end */
  const struct known *contract;
  bool pending; /* it is the server's turn */
};

static struct target targets[TARGETS_MOST];
static uint32_t target_count;
static uint64_t random_state;
static uint16_t listen_port, connect_port; /* which the manifest grants */
static unsigned long refused, sent, answered, closed, unread_count;
static bool visited[KNOWN_COUNT][256];

static struct {
  struct signet_message message;
  uint8_t data[SIGNET_MESSAGE_DATA_MOST];
} buffer __attribute__((aligned(8)));

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(void) {
  uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static uint32_t below(uint32_t limit) { return (uint32_t)(random_next() % limit); }

static _Noreturn void wrong(const struct target *target, uint32_t state, const char *what,
                            struct signet_result result) {
  printf("hostile: %s, state %u, message %u, length %u, %u moved: %s: status %lld, value 0x%llx\n",
         target->contract->name, state, buffer.message.tag, buffer.message.length, buffer.message.moved_count, what,
         (long long)result.status, (unsigned long long)result.value);
  exit(1);
}

static bool look(uint32_t handle, struct signet_handle_information *information) {
  return signet_handle_query(handle, information).status == SIGNET_OK;
}

static void add_target(uint32_t handle, const struct known *contract) {
  struct signet_handle_information information;
  if (!look(handle, &information) || information.kind != SIGNET_KIND_CLIENT)
    return;
  if (!contract)
    contract = known_by_hash(information.identity);
  if (!contract || target_count == TARGETS_MOST) {
    signet_handle_close(handle);
    return;
  }
  targets[target_count++] = (struct target){.handle = handle, .contract = contract};
}

static void drop_target(struct target *target) {
  signet_handle_close(target->handle);
  *target = targets[--target_count];
}

/* ---- What is not allowed ---- */

static void must_refuse(const struct target *target, uint32_t state) {
  struct signet_result result = signet_channel_send(target->handle, &buffer.message);
  if (result.status != SIGNET_CONTRACT || result.value != allowed_set(target->contract, state, 0))
    wrong(target, state, "was not refused as it has to be", result);
  refused++;
}

static void attack(const struct target *target, uint32_t state) {
  const struct signet_contract *header = header_of(target->contract);
  static const uint32_t beyond[] = {255, 256, 0x10000, INT32_MAX, UINT32_MAX};
  memset(&buffer, 0, sizeof buffer);
  for (uint32_t tag = 0; tag < header->messages; tag++) {
    const struct signet_contract_message *row = &rows_of(target->contract)[tag];
    bool allowed = next_of(target->contract, state, tag) != SIGNET_CONTRACT_REFUSED && !row->to_client;
    buffer.message = (struct signet_message){.tag = tag, .length = row->length_least, .moved_count = row->moved_count};
    if (!allowed) {
      must_refuse(target, state);
      continue;
    }
    const uint32_t lengths[] = {row->length_least - 1, row->length_most + 1, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
      buffer.message.length = lengths[i];
      must_refuse(target, state);
    }
    buffer.message.length = row->length_least;
    for (uint32_t count = 0; count <= SIGNET_MESSAGE_MOVED + 1; count++) {
      if (count == row->moved_count)
        continue;
      buffer.message.moved_count = count;
      must_refuse(target, state);
    }
  }
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
    buffer.message = (struct signet_message){.tag = beyond[i]};
    must_refuse(target, state);
  }
}

/* ---- What is allowed, and nonsense ---- */

static void fill(uint32_t length) {
  static const char *const words[] = {
      "/",       "/site", "/site/index.html", "/../../etc/passwd", "127.0.0.1", "localhost", "a", "web", "hello", "",
      "%2e%2e/", "0"};
  memset(buffer.data, 0, sizeof buffer.data);
  switch (below(5)) {
  case 0: /* zeros: often what makes sense */
    break;
  case 1:
    for (uint32_t i = 0; i < length; i++)
      buffer.data[i] = (uint8_t)random_next();
    break;
  case 2: /* small numbers */
    for (uint32_t i = 0; i + 4 <= length; i += 4)
      buffer.data[i] = (uint8_t)below(8);
    break;
  case 3: /* numbers at the borders */
    for (uint32_t i = 0; i + 8 <= length; i += 8) {
      static const uint64_t borders[] = {UINT64_MAX, INT64_MAX, UINT32_MAX, INT32_MAX, 4095, 4096, 4097, 1, 0};
      memcpy(buffer.data + i, &borders[below(sizeof borders / sizeof *borders)], 8);
    }
    break;
  default: { /* a word somewhere, and its NUL */
    const char *word = words[below(sizeof words / sizeof *words)];
    uint32_t size = (uint32_t)strlen(word) + 1;
    for (uint32_t i = 0; i < length; i++)
      buffer.data[i] = below(4) ? 0 : (uint8_t)below(4);
    if (length >= size)
      memcpy(buffer.data + length - size, word, size);
  }
  }
}

/* Now and then what a network grants, so that there are listeners and streams to be hostile to. -> the length. */
static uint32_t make_sense(const struct known *contract, uint32_t tag, uint32_t length) {
  static const char address[] = "127.0.0.1";
  if (strcmp(contract->name, "network") || below(2))
    return length;
  memset(buffer.data, 0, sizeof buffer.data);
  struct signet_result now = signet_clock_read(SIGNET_CLOCK_MONOTONIC);
  uint64_t deadline = now.value + 1000000000;
  if (tag == NETWORK_LISTEN) {
    memcpy(buffer.data, &listen_port, 2);
    buffer.data[2] = 8; /* backlog */
    memcpy(buffer.data + 8, address, sizeof address);
    return 8 + sizeof address;
  }
  if (tag == NETWORK_CONNECT) {
    memcpy(buffer.data, &deadline, 8);
    memcpy(buffer.data + 8, &connect_port, 2);
    memcpy(buffer.data + 10, address, sizeof address);
    return 10 + sizeof address;
  }
  return length;
}

/* An end that may be moved there: of a channel that nobody listens at. 0: none is made. */
static uint32_t own_end(const struct known *contract, uint32_t tag, uint32_t index, uint32_t *other) {
  const struct signet_contract_moved *moved = moves_are_stated(contract) ? moved_of(contract, tag, index) : NULL;
  const struct known *of = NULL;
  unsigned side = rows_of(contract)[tag].moved_kind[index] == SIGNET_KIND_SERVER;
  if (!moved || moved->state == SIGNET_CONTRACT_ANY_STATE) {
    for (uint32_t i = 0; i < KNOWN_COUNT && !of; i++)
      if (turn_of(&known[i], 0) == side)
        of = &known[i];
  } else if (moved->state == 0) {
    of = known_by_hash(moved->identity);
  }
  if (!of)
    return 0;
  struct signet_result made = signet_channel_create(of->table, of->length);
  if (made.status != SIGNET_OK)
    return 0;
  uint32_t ends[2] = {(uint32_t)made.value, (uint32_t)(made.value >> 32)};
  *other = ends[1 - side];
  return ends[side];
}

/* Sends one of the messages that may be sent. False: none can be made here. */
static bool speak(struct target *target, uint32_t state) {
  uint32_t first = below(header_of(target->contract)->messages), tag = 0, other[SIGNET_MESSAGE_MOVED] = {0};
  const struct signet_contract_message *row = NULL;
  for (uint32_t i = 0; i < header_of(target->contract)->messages; i++) {
    tag = (first + i) % header_of(target->contract)->messages;
    row = &rows_of(target->contract)[tag];
    if (next_of(target->contract, state, tag) != SIGNET_CONTRACT_REFUSED && !row->to_client)
      break;
    row = NULL;
  }
  if (!row)
    return false;
  uint32_t spread = row->length_most - row->length_least, length = row->length_least;
  if (spread && below(3))
    length += below(2) ? below(spread < 64 ? spread + 1 : 64) : below(spread + 1);
  if (row->step > 1)
    length -= (length - row->length_least) % row->step;
  fill(length);
  length = make_sense(target->contract, tag, length);
  buffer.message = (struct signet_message){.tag = tag, .length = length, .moved_count = row->moved_count};
  bool good = true;
  for (uint32_t i = 0; i < row->moved_count; i++) {
    if (row->moved_kind[i] == SIGNET_KIND_BLOCK) {
      struct signet_result made = signet_block_allocate(SIGNET_PAGE * (1 + below(4)));
      buffer.message.moved[i].handle = made.status == SIGNET_OK ? (uint32_t)made.value : 0;
    } else {
      buffer.message.moved[i].handle = own_end(target->contract, tag, i, &other[i]);
    }
    good &= buffer.message.moved[i].handle != 0;
  }
  struct signet_result result = {SIGNET_OK, 0};
  if (good) {
    result = signet_channel_send(target->handle, &buffer.message);
    /* A block may be larger than this message allows; then it is refused, rightly. */
    if (result.status != SIGNET_OK && !(result.status == SIGNET_CONTRACT && row->moved_count))
      wrong(target, state, "is allowed, and was refused", result);
  }
  if (!good || result.status != SIGNET_OK)
    for (uint32_t i = 0; i < row->moved_count; i++)
      if (buffer.message.moved[i].handle)
        signet_handle_close(buffer.message.moved[i].handle);
  for (uint32_t i = 0; i < row->moved_count; i++)
    if (other[i])
      signet_handle_close(other[i]);
  sent += good && result.status == SIGNET_OK;
  return true;
}

/* Takes an answer, if there is one. False: the target is gone. */
static bool listen(struct target *target) {
  uint64_t until = signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + PATIENCE;
  struct signet_result result =
      signet_channel_receive(&target->handle, 1, &buffer.message, sizeof buffer, target->pending ? 0 : until);
  target->pending = result.status == SIGNET_TIMEOUT || result.status == SIGNET_INTERRUPTED;
  if (target->pending) {
    unread_count++;
    return true;
  }
  if (result.status != SIGNET_OK) {
    closed++;
    drop_target(target);
    return false;
  }
  answered++;
  for (uint32_t i = 0; i < buffer.message.moved_count; i++) {
    const struct signet_moved *moved = &buffer.message.moved[i];
    if (moved->kind == SIGNET_KIND_CLIENT)
      add_target(moved->handle, NULL);
    else
      signet_handle_close(moved->handle);
  }
  return true;
}

static void turn(struct target *target) {
  struct signet_handle_information information;
  if (!look(target->handle, &information) || information.peer_closed) {
    closed++;
    drop_target(target);
    return;
  }
  if (information.queued) {
    listen(target);
    return;
  }
  visited[target->contract - known][information.state] = true;
  unsigned whose = turn_of(target->contract, information.state);
  if (whose == 1) {
    /* The server may answer while this goes on; what the table allows the client there is nothing, in any state. */
    struct signet_result result;
    memset(&buffer, 0, sizeof buffer);
    result = signet_channel_send(target->handle, &buffer.message);
    if (result.status != SIGNET_CONTRACT)
      wrong(target, information.state, "was not refused although it is the server's turn", result);
    refused++;
    listen(target);
    return;
  }
  if (whose == 2) {
    drop_target(target);
    return;
  }
  attack(target, information.state);
  if (!speak(target, information.state))
    drop_target(target);
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: hostile SEED ROUNDS LISTEN-PORT CONNECT-PORT\n");
    return 2;
  }
  random_state = strtoull(arguments[1], NULL, 0);
  if (!random_state) /* another in each life */
    signet_random_fill(&random_state, sizeof random_state);
  long rounds = atol(arguments[2]);
  listen_port = (uint16_t)atoi(arguments[3]);
  connect_port = (uint16_t)atoi(arguments[4]);
  /* The last three speak the contract of files; standard output stays, to say what was seen. */
  static const char *const names[] = {"network", "extension", "observation", "names", "target-files", "input", "error"};
  enum { FILES_FROM = 4 };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    uint32_t handle = signet_slot(names[i]);
    if (handle)
      add_target(handle, i < FILES_FROM ? NULL : known_by_name("files"));
  }
  printf("hostile: %u targets, seed %llu\n", target_count, (unsigned long long)random_state);
  for (long round = 0; round < rounds && target_count; round++)
    turn(&targets[below(target_count)]);
  for (uint32_t i = 0; i < KNOWN_COUNT; i++)
    for (uint32_t state = 0; state < header_of(&known[i])->states; state++)
      if (visited[i][state])
        printf("hostile: was in state %u of %s\n", state, known[i].name);
  printf("hostile: %lu refused, %lu sent, %lu answered, %lu not yet, %lu ends closed on me\n", refused, sent, answered,
         unread_count, closed);
  return 0;
}
