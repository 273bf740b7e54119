/* A hostile end, on every message and every state of every contract in the tree: what the contract does not allow is
 * refused to its sender, who is told what it does allow, changes nothing and never reaches the receiver; what it allows
 * goes through; and either end may die in every state. The tables are
 * walked as they are, so a contract that is added is attacked too. */
#include "support.h"

#include "tests/contracts/tables.h"

#define CALL(name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define MESSAGE (SCRATCH + 0x1000)
#define RECEIVED (SCRATCH + 0x5000)
#define TABLE (SCRATCH + 0x9000)
#define QUERY (SCRATCH + 0x20000)
#define DEPTH_MOST 8

static struct kernel_process *process; /* holds both ends of everything */
static unsigned long refused_count, accepted_count;

/* ---- Making what messages move ---- */

struct channel_ends {
  uint32_t end[2]; /* handles: client, server */
};

static bool channel_in_state(const struct known *contract, uint32_t state, unsigned depth, struct channel_ends *ends);

static uint32_t block_of(uint64_t length) {
  struct signet_result made = CALL(block_allocate, length, 0, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  return (uint32_t)made.value;
}

/* A state, of any contract, in which that side sends (or does not). */
static bool any_state(unsigned side, bool sends, const struct known **contract, uint32_t *state) {
  for (uint32_t i = 0; i < KNOWN_COUNT; i++)
    for (uint32_t s = 0; s < header_of(&known[i])->states; s++)
      if ((turn_of(&known[i], s) == side) == sends && turn_of(&known[i], s) != 2 &&
          way_to(&known[i], s, (uint8_t[256]){0}) == (int)(side != 0)) {
        *contract = &known[i];
        *state = s;
        return true;
      }
  return false;
}

/* What the message may move there; *other: the handle that is to be closed besides, or 0. */
static uint32_t legal_moved(const struct known *contract, uint32_t tag, uint32_t index, unsigned depth,
                            uint32_t *other) {
  unsigned kind = rows_of(contract)[tag].moved_kind[index];
  const struct signet_contract_moved *moved = moves_are_stated(contract) ? moved_of(contract, tag, index) : NULL;
  *other = 0;
  if (kind == SIGNET_KIND_BLOCK)
    return block_of(moved && moved->length_least > SIGNET_PAGE ? moved->length_least : SIGNET_PAGE);
  static const uint8_t own[32] = {[0 ... 31] = 0xff};
  unsigned side = kind == SIGNET_KIND_SERVER;
  const struct known *of = NULL;
  uint32_t state = 0;
  struct channel_ends ends;
  if (!moved || moved->state == SIGNET_CONTRACT_ANY_STATE) {
    if (!any_state(side, true, &of, &state))
      return 0;
  } else {
    of = memcmp(moved->identity, own, 32) ? known_by_hash(moved->identity) : contract;
    state = moved->state;
  }
  if (!of || !channel_in_state(of, state, depth + 1, &ends))
    return 0;
  *other = ends.end[1 - side];
  return ends.end[side];
}

static void close_handle(uint32_t handle) {
  if (handle)
    CHECK_STATUS(CALL(handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
}

/* ---- Sending ---- */

static struct signet_message *message_begin(uint32_t tag, uint32_t length, uint32_t moved_count) {
  struct signet_message *message = at(process, MESSAGE);
  memset(message, 0, sizeof *message);
  *message = (struct signet_message){.tag = tag, .length = length, .moved_count = moved_count};
  return message;
}

static struct signet_handle_information *query(uint32_t handle) {
  CHECK_STATUS(CALL(handle_query, handle, QUERY, 0, 0, 0), SIGNET_OK);
  return at(process, QUERY);
}

/* Sends what is in place and has to be refused with `wanted`: nothing of the channel, or of what it names, may change.
 */
static void must_refuse(const struct known *contract, uint32_t state, const struct channel_ends *ends, unsigned side,
                        int64_t wanted, const char *why) {
  const struct signet_message *message = at(process, MESSAGE);
  uint32_t moved = message->moved_count <= SIGNET_MESSAGE_MOVED ? message->moved_count : 0;
  bool there[SIGNET_MESSAGE_MOVED] = {false};
  for (uint32_t i = 0; i < moved; i++)
    there[i] = CALL(handle_query, message->moved[i].handle, QUERY, 0, 0, 0).status == SIGNET_OK;
  struct signet_result result = CALL(channel_send, ends->end[side], MESSAGE, 0, 0, 0);
  bool good =
      result.status == wanted && (wanted != SIGNET_CONTRACT || result.value == allowed_set(contract, state, side));
  for (unsigned i = 0; i < 2; i++) {
    const struct signet_handle_information *information = query(ends->end[i]);
    good &= information->state == state && information->queued == 0 && !information->peer_closed;
  }
  for (uint32_t i = 0; i < moved; i++)
    good &= there[i] == (CALL(handle_query, message->moved[i].handle, QUERY, 0, 0, 0).status == SIGNET_OK);
  if (!good) {
    test_good = false;
    printf("# %s, state %u, %s, message %u, length %u, %u moved: %s: status %lld, value 0x%llx, not %lld, 0x%llx\n",
           contract->name, state, side ? "server" : "client", message->tag, message->length, message->moved_count, why,
           (long long)result.status, (unsigned long long)result.value, (long long)wanted,
           (unsigned long long)allowed_set(contract, state, side));
  }
  refused_count++;
}

/* Sends one that is allowed, of the least length or the most, and takes it out at the other end. */
static bool send_legal(const struct known *contract, const struct channel_ends *ends, uint32_t tag, bool most,
                       unsigned depth) {
  const struct signet_contract_message *row = &rows_of(contract)[tag];
  unsigned side = row->to_client;
  uint32_t handle[SIGNET_MESSAGE_MOVED] = {0}, other[SIGNET_MESSAGE_MOVED] = {0};
  if (depth > DEPTH_MOST)
    return false;
  for (uint32_t i = 0; i < row->moved_count; i++)
    handle[i] = legal_moved(contract, tag, i, depth, &other[i]);
  struct signet_message *message = message_begin(tag, most ? row->length_most : row->length_least, row->moved_count);
  if (row->step > 1)
    message->length -= (message->length - row->length_least) % row->step;
  for (uint32_t i = 0; i < row->moved_count; i++)
    message->moved[i].handle = handle[i];
  struct signet_result sent = CALL(channel_send, ends->end[side], MESSAGE, 0, 0, 0);
  *word_at(process, SCRATCH) = ends->end[1 - side];
  struct signet_result received = CALL(channel_receive, SCRATCH, 1, RECEIVED, 0x4000, 0);
  const struct signet_message *got = at(process, RECEIVED);
  if (sent.status || received.status || got->tag != tag || got->moved_count != row->moved_count) {
    test_good = false;
    printf("# %s: message %u, which is allowed: sent %lld, received %lld\n", contract->name, tag,
           (long long)sent.status, (long long)received.status);
    return false;
  }
  for (uint32_t i = 0; i < row->moved_count; i++) {
    close_handle(((const struct signet_message *)at(process, RECEIVED))->moved[i].handle);
    close_handle(other[i]);
  }
  accepted_count++;
  return true;
}

static bool channel_in_state(const struct known *contract, uint32_t state, unsigned depth, struct channel_ends *ends) {
  uint8_t tags[256];
  int count = way_to(contract, state, tags);
  if (count < 0 || depth > DEPTH_MOST)
    return false;
  memcpy(at(process, TABLE), contract->table, contract->length);
  struct signet_result made = CALL(channel_create, TABLE, contract->length, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  ends->end[0] = (uint32_t)made.value;
  ends->end[1] = (uint32_t)(made.value >> 32);
  while (count--)
    if (!send_legal(contract, ends, tags[count], false, depth))
      return false;
  return true;
}

/* ---- The attacks ---- */

/* Each thing that it moves replaced by what may not move there. */
static void wrong_moves(const struct known *contract, uint32_t state, const struct channel_ends *ends, uint32_t tag) {
  const struct signet_contract_message *row = &rows_of(contract)[tag];
  uint32_t handle[SIGNET_MESSAGE_MOVED], other[SIGNET_MESSAGE_MOVED];
  for (uint32_t i = 0; i < row->moved_count; i++)
    handle[i] = legal_moved(contract, tag, i, 0, &other[i]);
  for (uint32_t i = 0; i < row->moved_count; i++) {
    const struct signet_contract_moved *moved = moves_are_stated(contract) ? moved_of(contract, tag, i) : NULL;
    bool block = row->moved_kind[i] == SIGNET_KIND_BLOCK;
    unsigned side = row->moved_kind[i] == SIGNET_KIND_SERVER;
    struct signet_message *message = message_begin(tag, row->length_least, row->moved_count);
    for (uint32_t j = 0; j < row->moved_count; j++)
      message->moved[j].handle = handle[j];
    uint32_t *place = &message->moved[i].handle;
    *place = 0;
    must_refuse(contract, state, ends, row->to_client, SIGNET_HANDLE, "no handle");
    *place = handle[i] + 0x10000;
    must_refuse(contract, state, ends, row->to_client, SIGNET_HANDLE, "a handle of another generation");
    if (row->moved_count > 1) {
      *place = handle[i ? 0 : 1];
      must_refuse(contract, state, ends, row->to_client, SIGNET_HANDLE, "one thing twice");
    }
    *place = ends->end[row->to_client];
    must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "the end that it is sent over");
    *place = ends->end[1 - row->to_client];
    must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "the other end of the channel");
    if (block) {
      *place = other[i] = 0;
      if (moved && moved->length_most) {
        uint32_t large = block_of((moved->length_most + SIGNET_PAGE) & ~(uint64_t)(SIGNET_PAGE - 1));
        *place = large;
        must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "a block that is too large");
        close_handle(large);
      }
      if (moved && moved->length_least > SIGNET_PAGE) {
        uint32_t small = block_of(SIGNET_PAGE);
        *place = small;
        must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "a block that is too small");
        close_handle(small);
      }
    } else {
      uint32_t wrong_block = block_of(SIGNET_PAGE);
      *place = wrong_block;
      must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "a block where an end is stated");
      close_handle(wrong_block);
      *place = other[i];
      must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "the peer of what is stated");
      const struct known *of;
      uint32_t wrong_state;
      struct channel_ends wrong;
      if (moved && any_state(side, false, &of, &wrong_state) && channel_in_state(of, wrong_state, 1, &wrong)) {
        *place = wrong.end[side];
        must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT, "an end that does not send");
        close_handle(wrong.end[0]);
        close_handle(wrong.end[1]);
      }
      /* The right contract in each other state, and each other contract in a state in which it sends. */
      for (uint32_t k = 0; moved && moved->state != SIGNET_CONTRACT_ANY_STATE && k < KNOWN_COUNT; k++) {
        static const uint8_t own[32] = {[0 ... 31] = 0xff};
        of = &known[k];
        bool right = memcmp(moved->identity, own, 32) ? !memcmp(of->hash, moved->identity, 32) : of == contract;
        for (uint32_t s = 0; s < header_of(of)->states; s++) {
          if ((right && s == moved->state) || turn_of(of, s) != side || !channel_in_state(of, s, 1, &wrong))
            continue;
          message = message_begin(tag, row->length_least, row->moved_count);
          for (uint32_t j = 0; j < row->moved_count; j++)
            message->moved[j].handle = j == i ? wrong.end[side] : handle[j];
          must_refuse(contract, state, ends, row->to_client, SIGNET_CONTRACT,
                      right ? "an end in another state" : "an end of another contract");
          close_handle(wrong.end[0]);
          close_handle(wrong.end[1]);
        }
      }
    }
  }
  for (uint32_t i = 0; i < row->moved_count; i++) {
    close_handle(handle[i]);
    close_handle(other[i]);
  }
}

/* A message that may be sent in this state, in every wrong form. */
static void wrong_forms(const struct known *contract, uint32_t state, const struct channel_ends *ends, uint32_t tag) {
  const struct signet_contract_message *row = &rows_of(contract)[tag];
  unsigned side = row->to_client;
  if (row->length_least) {
    message_begin(tag, row->length_least - 1, row->moved_count);
    must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "too short");
    message_begin(tag, 0, row->moved_count);
    must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "empty");
  }
  static const uint32_t lengths[] = {SIGNET_MESSAGE_DATA_MOST + 1, INT32_MAX, UINT32_MAX, UINT32_MAX - 79};
  message_begin(tag, row->length_most + 1, row->moved_count);
  must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "too long");
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    message_begin(tag, lengths[i], row->moved_count);
    must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "absurdly long");
  }
  if (row->step > 1 && row->length_most > row->length_least) {
    message_begin(tag, row->length_least + 1, row->moved_count);
    must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "half an item");
  }
  for (uint32_t count = 0; count <= SIGNET_MESSAGE_MOVED + 1; count++)
    if (count != row->moved_count) {
      message_begin(tag, row->length_least, count);
      must_refuse(contract, state, ends, side, SIGNET_CONTRACT, "another number of things that move");
    }
  message_begin(tag, row->length_least, row->moved_count)->reserved = 1;
  must_refuse(contract, state, ends, side, SIGNET_ARGUMENT, "the reserved field");
  wrong_moves(contract, state, ends, tag);
}

static void attack_state(const struct known *contract, uint32_t state) {
  struct channel_ends ends;
  if (!channel_in_state(contract, state, 0, &ends)) {
    test_good = false;
    printf("# %s: state %u cannot be reached\n", contract->name, state);
    return;
  }
  const struct signet_contract *header = header_of(contract);
  for (unsigned side = 0; side < 2; side++) {
    static const uint32_t beyond[] = {255, 256, 0x10000, INT32_MAX, UINT32_MAX};
    for (uint32_t tag = 0; tag < header->messages; tag++) {
      const struct signet_contract_message *row = &rows_of(contract)[tag];
      if (next_of(contract, state, tag) != SIGNET_CONTRACT_REFUSED && row->to_client == side) {
        wrong_forms(contract, state, &ends, tag);
        continue;
      }
      message_begin(tag, row->length_least, row->moved_count);
      must_refuse(contract, state, &ends, side, SIGNET_CONTRACT, "not in this state, or of the other side");
    }
    message_begin(header->messages, 0, 0);
    must_refuse(contract, state, &ends, side, SIGNET_CONTRACT, "a message that there is not");
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
      message_begin(beyond[i], 0, 0);
      must_refuse(contract, state, &ends, side, SIGNET_CONTRACT, "a number far beyond");
    }
  }
  close_handle(ends.end[0]);
  close_handle(ends.end[1]);
  /* And each that is allowed goes through, the shortest and the longest. */
  for (uint32_t tag = 0; tag < header->messages; tag++)
    for (int most = 0; most < 2; most++)
      if (next_of(contract, state, tag) != SIGNET_CONTRACT_REFUSED && channel_in_state(contract, state, 0, &ends)) {
        send_legal(contract, &ends, tag, most, 0);
        CHECK(query(ends.end[0])->state == next_of(contract, state, tag));
        close_handle(ends.end[0]);
        close_handle(ends.end[1]);
      }
}

/* Who has not read what the peer said does not answer it, whatever the contract allows next. */
static void unread(const struct known *contract) {
  for (uint32_t state = 0; state < header_of(contract)->states; state++)
    for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++) {
      uint8_t next = next_of(contract, state, tag);
      struct channel_ends ends;
      if (next == SIGNET_CONTRACT_REFUSED || turn_of(contract, next) == 2 ||
          turn_of(contract, next) == rows_of(contract)[tag].to_client || !channel_in_state(contract, state, 0, &ends))
        continue;
      const struct signet_contract_message *row = &rows_of(contract)[tag];
      uint32_t handle[SIGNET_MESSAGE_MOVED] = {0}, other[SIGNET_MESSAGE_MOVED] = {0};
      for (uint32_t i = 0; i < row->moved_count; i++)
        handle[i] = legal_moved(contract, tag, i, 0, &other[i]);
      struct signet_message *message = message_begin(tag, row->length_least, row->moved_count);
      for (uint32_t i = 0; i < row->moved_count; i++)
        message->moved[i].handle = handle[i];
      unsigned side = row->to_client;
      CHECK_STATUS(CALL(channel_send, ends.end[side], MESSAGE, 0, 0, 0), SIGNET_OK);
      for (uint32_t answer = 0; answer < header_of(contract)->messages; answer++) {
        if (next_of(contract, next, answer) == SIGNET_CONTRACT_REFUSED || rows_of(contract)[answer].moved_count)
          continue;
        message_begin(answer, rows_of(contract)[answer].length_least, 0);
        CHECK_STATUS(CALL(channel_send, ends.end[1 - side], MESSAGE, 0, 0, 0), SIGNET_CONTRACT);
        CHECK(query(ends.end[0])->state == next && query(ends.end[1 - side])->queued == 1);
        refused_count++;
      }
      close_handle(ends.end[0]);
      close_handle(ends.end[1]);
      for (uint32_t i = 0; i < row->moved_count; i++)
        close_handle(other[i]);
    }
}

/* In every state either end may be gone: what was said before is heard, then CLOSED; what the contract allows may still
 * be said, and is lost with what it carries. */
static void peer_death(const struct known *contract) {
  for (uint32_t state = 0; state < header_of(contract)->states; state++)
    for (unsigned dead = 0; dead < 2; dead++) {
      struct channel_ends ends;
      if (!channel_in_state(contract, state, 0, &ends))
        continue;
      close_handle(ends.end[dead]);
      uint32_t left = ends.end[1 - dead];
      CHECK(query(left)->peer_closed && query(left)->state == state);
      *word_at(process, SCRATCH) = left;
      CHECK_STATUS(CALL(channel_receive, SCRATCH, 1, RECEIVED, 0x4000, SIGNET_NEVER), SIGNET_CLOSED);
      for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++) {
        const struct signet_contract_message *row = &rows_of(contract)[tag];
        uint32_t handle[SIGNET_MESSAGE_MOVED] = {0}, other[SIGNET_MESSAGE_MOVED] = {0};
        if (next_of(contract, query(left)->state, tag) == SIGNET_CONTRACT_REFUSED || row->to_client != 1 - dead)
          continue;
        for (uint32_t i = 0; i < row->moved_count; i++)
          handle[i] = legal_moved(contract, tag, i, 0, &other[i]);
        struct signet_message *message = message_begin(tag, row->length_least, row->moved_count);
        for (uint32_t i = 0; i < row->moved_count; i++)
          message->moved[i].handle = handle[i];
        CHECK_STATUS(CALL(channel_send, left, MESSAGE, 0, 0, 0), SIGNET_OK);
        for (uint32_t i = 0; i < row->moved_count; i++) {
          CHECK_STATUS(CALL(handle_query, handle[i], QUERY, 0, 0, 0), SIGNET_HANDLE);
          if (other[i]) {
            CHECK(query(other[i])->peer_closed);
            close_handle(other[i]);
          }
        }
        accepted_count++;
        break;
      }
      CHECK_STATUS(CALL(channel_receive, SCRATCH, 1, RECEIVED, 0x4000, 0), SIGNET_CLOSED);
      close_handle(left);
    }
  /* And after a message that nobody has read yet. */
  for (uint32_t tag = 0; tag < header_of(contract)->messages; tag++) {
    struct channel_ends ends;
    const struct signet_contract_message *row = &rows_of(contract)[tag];
    if (next_of(contract, 0, tag) == SIGNET_CONTRACT_REFUSED || row->moved_count ||
        !channel_in_state(contract, 0, 0, &ends))
      continue;
    message_begin(tag, row->length_least, 0);
    CHECK_STATUS(CALL(channel_send, ends.end[row->to_client], MESSAGE, 0, 0, 0), SIGNET_OK);
    close_handle(ends.end[row->to_client]);
    *word_at(process, SCRATCH) = ends.end[1 - row->to_client];
    CHECK_STATUS(CALL(channel_receive, SCRATCH, 1, RECEIVED, 0x4000, 0), SIGNET_OK);
    CHECK_STATUS(CALL(channel_receive, SCRATCH, 1, RECEIVED, 0x4000, 0), SIGNET_CLOSED);
    close_handle(ends.end[1 - row->to_client]);
  }
}

static uint32_t which;
static void attack_contract(void) {
  const struct known *contract = &known[which];
  struct alive before = alive_now();
  process = boot("both");
  refused_count = accepted_count = 0;
  for (uint32_t state = 0; state < header_of(contract)->states; state++)
    attack_state(contract, state);
  unread(contract);
  peer_death(contract);
  CHECK(refused_count > 10 && accepted_count >= header_of(contract)->messages);
  CHECK(process->used.handles == 0 || list_empty(&process->paid));
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(&before));
  printf("# %s: %u states, %lu messages refused, %lu went through\n", contract->name, header_of(contract)->states,
         refused_count, accepted_count);
}

int main(void) {
  support_initialise();
  for (which = 0; which < KNOWN_COUNT; which++) {
    test_begin(known[which].name);
    attack_contract();
    test_end();
  }
  return test_finish();
}
