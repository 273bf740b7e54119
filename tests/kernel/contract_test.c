/* Contracts of form 2: what their tables may say, and what they refuse at send, where nothing has changed then: items
 * cut in half, blocks out of bounds, ends of another contract, in another state, or that were spoken to. */
#include "support.h"

#define CALL(name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define MESSAGE SCRATCH
#define INBOX (SCRATCH + 0x400)
#define TABLE (SCRATCH + 0x1000)
#define NO SIGNET_CONTRACT_REFUSED

static struct kernel_process *process; /* holds both ends of everything */

/* ITEMS: 8 bytes and items of 12; BLOCK: of 4097 to 12000 bytes; TURN: it is the server's turn; BACK: the client's
 * again; OWN: a client end of this contract in state 0; ANY: a server end of any contract; THAT: a client end of
 * `other` in state 1, and a block. */
enum { ITEMS, BLOCK, TURN, BACK, OWN, ANY, THAT, MESSAGES };
enum { STATES = 2, MOVES = 5 };
struct table {
  struct signet_contract header;
  struct signet_contract_message rows[MESSAGES];
  uint8_t next[STATES * MESSAGES], padding[2];
  struct signet_contract_moved moved[MOVES];
};
_Static_assert(offsetof(struct table, moved) % 8 == 0 && sizeof(struct table) % 8 == 0, "no hole that is not named");

/* What THAT moves: a form 1 contract with three states, whose client sends in 0 and 1. */
struct other {
  struct signet_contract header;
  struct signet_contract_message rows[2];
  uint8_t next[6];
};
#define OTHER_LENGTH (offsetof(struct other, next) + 6)
static const struct other other = {
    {.version = 1, .messages = 2, .states = 3, .slots_to_server = 2, .slots_to_client = 2, .data_most = 8},
    {{.length_most = 8}, {.to_client = 1, .length_most = 8}},
    {1, NO, 2, NO, NO, 0}};

static struct table table_make(void) {
  struct table table = {{.version = 2,
                         .messages = MESSAGES,
                         .states = STATES,
                         .slots_to_server = 2,
                         .slots_to_client = 2,
                         .data_most = 200},
                        {[ITEMS] = {.step = 12, .length_least = 8, .length_most = 8 + 12 * 16},
                         [BLOCK] = {.moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}},
                         [TURN] = {.length_most = 16},
                         [BACK] = {.to_client = 1, .length_most = 16, .step = 4},
                         [OWN] = {.moved_count = 1, .moved_kind = {SIGNET_KIND_CLIENT}},
                         [ANY] = {.moved_count = 1, .moved_kind = {SIGNET_KIND_SERVER}},
                         [THAT] = {.moved_count = 2, .moved_kind = {SIGNET_KIND_CLIENT, SIGNET_KIND_BLOCK}}},
                        {0, 0, 1, NO, 0, 0, 0, NO, NO, NO, 0, NO, NO, NO},
                        {0},
                        {{.length_least = 4097, .length_most = 12000},
                         {.state = 0},
                         {.state = SIGNET_CONTRACT_ANY_STATE},
                         {.state = 1},
                         {.length_least = 0, .length_most = 4096}}};
  memset(table.moved[1].identity, 0xff, 32);
  struct other zeroed = other;
  blake2b_256(table.moved[3].identity, &zeroed, OTHER_LENGTH);
  return table;
}

static uint64_t create(const void *table, size_t length) {
  memcpy(at(process, TABLE), table, length);
  struct signet_result made = CALL(channel_create, TABLE, length, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  return made.value;
}

static uint64_t setup(void) {
  struct table table = table_make();
  process = boot("one");
  return create(&table, sizeof table);
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(process);
  CHECK(alive_same(before));
}

static struct signet_result tell(uint32_t end, uint32_t tag, uint32_t length, uint32_t handle0, uint32_t handle1) {
  message_write(process, 0, tag, length, handle0, handle1);
  return CALL(channel_send, end, MESSAGE, 0, 0, 0);
}

static int64_t hear(uint32_t end) {
  *word_at(process, TABLE) = end;
  return CALL(channel_receive, TABLE, 1, INBOX, 0x400, 0).status;
}

/* ---- The table ---- */

static void tables_refused(void) {
  struct alive before = alive_now();
  process = boot("one");
  struct table good = table_make(), bad;
#define REFUSED(change, length)                                                                                        \
  do {                                                                                                                 \
    bad = good;                                                                                                        \
    change;                                                                                                            \
    memcpy(at(process, TABLE), &bad, sizeof bad);                                                                      \
    CHECK_STATUS(CALL(channel_create, TABLE, length, 0, 0, 0), SIGNET_CONTRACT);                                       \
  } while (0)
  const size_t whole = sizeof good;
  REFUSED(bad.header.version = 0, whole);
  REFUSED(bad.header.version = 1, whole);
  REFUSED(bad.header.version = 3, whole);
  REFUSED(bad.header.version = UINT32_MAX, whole);
  REFUSED((void)0, whole - 1);
  REFUSED((void)0, whole + 1);
  REFUSED((void)0, whole - 8);
  REFUSED((void)0, whole + 8);
  REFUSED((void)0, whole + sizeof *good.moved);
  REFUSED((void)0, whole - sizeof *good.moved);
  REFUSED((void)0, offsetof(struct table, moved));
  REFUSED((void)0, offsetof(struct table, padding));
  REFUSED((void)0, offsetof(struct table, padding) - 1);
  for (size_t length = sizeof good.header + 1; length < whole; length++)
    REFUSED((void)0, length);
  /* One thing more or less moves than the list has. */
  REFUSED((bad.rows[BLOCK].moved_count = 0, bad.rows[BLOCK].moved_kind[0] = 0), whole);
  REFUSED((bad.rows[BLOCK].moved_count = 2, bad.rows[BLOCK].moved_kind[1] = SIGNET_KIND_BLOCK), whole);
  REFUSED(bad.padding[0] = 1, whole);
  REFUSED(bad.padding[1] = 255, whole);
  for (unsigned i = 0; i < MOVES; i++)
    REFUSED(bad.moved[i].reserved = 1, whole);
  REFUSED(bad.moved[0].identity[31] = 1, whole);
  REFUSED(memset(bad.moved[0].identity, 0xff, 32), whole);
  REFUSED(bad.moved[0].state = 1, whole);
  REFUSED(bad.moved[0].state = SIGNET_CONTRACT_ANY_STATE, whole);
  REFUSED(bad.moved[0].length_least = 12001, whole);
  REFUSED(bad.moved[0].length_most = WINDOW_BYTES + 1, whole);
  REFUSED(bad.moved[0].length_most = UINT64_MAX, whole);
  REFUSED((bad.moved[0].length_least = UINT64_MAX, bad.moved[0].length_most = UINT64_MAX), whole);
  for (unsigned i = 1; i < 4; i++) {
    REFUSED(bad.moved[i].length_most = 1, whole);
    REFUSED((bad.moved[i].length_least = 1, bad.moved[i].length_most = 1), whole);
  }
  REFUSED(bad.moved[1].state = STATES, whole); /* this contract has no such state */
  REFUSED(bad.moved[2].state = 0, whole);      /* a state, but of what? */
  REFUSED(bad.moved[2].state = STATES, whole); /* the same */
  REFUSED(bad.moved[3].state = 254, whole);    /* no contract has such a state */
  REFUSED(bad.moved[3].state = UINT32_MAX - 1, whole);
  CHECK_STATUS(CALL(channel_create, TABLE, sizeof(struct signet_contract), 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(channel_create, TABLE, 48 + 8 + 255 * (16 + 254 + 4 * 56) + 1, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_INVARIANTS();
  /* Allowed: the same as it is; ends in any state of a stated contract; a state that another contract may have. */
  create(&good, whole);
  bad = good;
  bad.moved[1].state = bad.moved[3].state = SIGNET_CONTRACT_ANY_STATE;
  create(&bad, whole);
  bad.moved[3].state = 253;
  create(&bad, whole);
  teardown(&before);
}

/* The largest that there can be, and one byte after another of one changed at random: never more than an error. */
static void any_table_is_survived(void) {
  struct alive before = alive_now();
  static const struct signet_quota quota = {.memory = 64 << 20, .threads = 1, .handles = 64, .regions = 4};
  process = boot_unstarted("one", 0, &quota);
  CHECK(process && kernel_process_start(process) == SIGNET_OK);
  enum { LARGEST = 48 + 255 * 16 + 255 * 254, LIST = (LARGEST + 7) & ~7, WHOLE = LIST + 255 * 4 * 56 };
  static _Alignas(8) uint8_t largest[WHOLE];
  struct signet_contract *header = (void *)largest;
  struct signet_contract_message *rows = (void *)(header + 1);
  *header = (struct signet_contract){
      .version = 2, .messages = 255, .states = 254, .slots_to_server = 1, .slots_to_client = 1, .data_most = 8};
  for (unsigned i = 0; i < 255; i++)
    rows[i] = (struct signet_contract_message){
        .moved_count = 4, .moved_kind = {SIGNET_KIND_BLOCK, SIGNET_KIND_BLOCK, SIGNET_KIND_BLOCK, SIGNET_KIND_BLOCK}};
  struct signet_contract_moved *moved = (void *)(largest + LIST);
  for (unsigned i = 0; i < 255 * 4; i++)
    moved[i].length_most = 4096 * (1 + i % 4);
  uint64_t place = process->area_low;
  CHECK_STATUS(CALL(memory_map, place, (WHOLE + 4095) & ~4095u, 3, 0, 0), SIGNET_OK);
  memcpy(at(process, place), largest, WHOLE);
  struct signet_result made = CALL(channel_create, place, WHOLE, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  /* The last message's list is found: its blocks are of up to 1, 2, 3 and 4 pages. */
  message_write(process, 0, 254, 0, 0, 0);
  struct signet_message *message = at(process, MESSAGE);
  message->moved_count = 4;
  for (unsigned i = 0; i < 4; i++)
    message->moved[i].handle = (uint32_t)CALL(block_allocate, 4096 * (4 - i), 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(channel_send, (uint32_t)made.value, MESSAGE, 0, 0, 0), SIGNET_CONTRACT);
  struct signet_moved swap = message->moved[0];
  message->moved[0] = message->moved[3], message->moved[3] = swap;
  swap = message->moved[1], message->moved[1] = message->moved[2], message->moved[2] = swap;
  CHECK_STATUS(CALL(channel_send, (uint32_t)made.value, MESSAGE, 0, 0, 0), SIGNET_OK);
  CALL(handle_close, (uint32_t)made.value, 0, 0, 0, 0);
  CALL(handle_close, made.value >> 32, 0, 0, 0, 0);

  struct table good = table_make();
  uint64_t state = 99;
  unsigned refused = 0, taken = 0;
  for (unsigned i = 0; i < 20000; i++) {
    struct table bad = good;
    for (unsigned j = 0; j <= i % 3; j++) {
      state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
      ((uint8_t *)&bad)[(state >> 33) % sizeof bad] = (uint8_t)(state >> 24);
    }
    memcpy(at(process, TABLE), &bad, sizeof bad);
    made = CALL(channel_create, TABLE, sizeof bad, 0, 0, 0);
    refused += made.status == SIGNET_CONTRACT, taken += made.status == SIGNET_OK;
    if (made.status)
      continue;
    CALL(handle_close, (uint32_t)made.value, 0, 0, 0, 0);
    CALL(handle_close, made.value >> 32, 0, 0, 0, 0);
  }
  CHECK(refused + taken == 20000 && refused > 1000 && taken > 1000);
  teardown(&before);
}

/* ---- What is refused ---- */

static struct {
  struct signet_quota used;
  uint64_t messages;
  uint32_t queued;
  uint8_t state;
  struct endpoint *to;
} was;

static void remember(uint32_t end) {
  was.to = handle_find_endpoint(process, end)->peer;
  was.used = process->used, was.queued = was.to->count, was.state = was.to->state;
  struct kernel_statistics now;
  kernel_statistics(&now);
  was.messages = now.messages;
}

static bool as_it_was(void) {
  struct kernel_statistics now;
  kernel_statistics(&now);
  return !memcmp(&was.used, &process->used, sizeof was.used) && was.to->count == was.queued &&
         was.to->state == was.state && was.messages == now.messages && !kernel_check_invariants();
}

/* Sends; whether it came out so, and with nothing changed if it is refused. */
static bool comes_out(int64_t status, uint32_t end, uint32_t tag, uint32_t length, uint32_t handle0, uint32_t handle1) {
  remember(end);
  struct signet_result sent = tell(end, tag, length, handle0, handle1);
  if (sent.status == status && (status == SIGNET_OK || as_it_was()))
    return true;
  printf("# message %u, length %u: status %lld\n", tag, length, (long long)sent.status);
  return false;
}

static void whole_items(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  for (uint32_t length = 0; length < 240; length++) {
    bool fine = length >= 8 && length <= 200 && (length - 8) % 12 == 0;
    CHECK(comes_out(fine ? SIGNET_OK : SIGNET_CONTRACT, client, ITEMS, length, 0, 0));
    if (fine)
      CHECK(hear(server) == SIGNET_OK);
  }
  CHECK(comes_out(SIGNET_CONTRACT, client, ITEMS, UINT32_MAX, 0, 0));
  CHECK(comes_out(SIGNET_OK, client, TURN, 3, 0, 0)); /* no step: any */
  teardown(&before);
}

/* The same where the call would be handed over: the answer has items of 4 bytes. */
static void whole_items_handed_over(void) {
  struct alive before = alive_now();
  struct table table = table_make();
  struct kernel_process *server = boot_unstarted("server", 1, NULL);
  process = boot_unstarted("client", 1, NULL);
  CHECK(!kernel_process_connect(process, 0, server, 0, &table, sizeof table) && !kernel_process_start(process) &&
        !kernel_process_start(server));
  *word_at(server, TABLE) = server->slot[0];
  CHECK_STATUS(in(server, SIGNET_CALL_channel_receive, TABLE, 1, INBOX, 200, SIGNET_NEVER), SIM_AWAY);
  for (unsigned round = 0; round < 3; round++) {
    message_write(process, 0, TURN, 16, 0, 0);
    CHECK_STATUS(CALL(channel_call, process->slot[0], MESSAGE, INBOX, 200, SIGNET_NEVER), SIM_AWAY);
    CHECK_STATUS(taken(server), SIGNET_OK);
    for (uint32_t length = 17; length--;) {
      message_write(server, 0, BACK, length, 0, 0);
      if (length % 4)
        CHECK_STATUS(in(server, SIGNET_CALL_channel_call, server->slot[0], MESSAGE, INBOX, 200, SIGNET_NEVER),
                     SIGNET_CONTRACT);
    }
    message_write(server, 0, BACK, 12, 0, 0);
    CHECK_STATUS(in(server, SIGNET_CALL_channel_call, server->slot[0], MESSAGE, INBOX, 200, SIGNET_NEVER), SIM_AWAY);
    CHECK_STATUS(taken(process), SIGNET_OK);
    CHECK(((struct signet_message *)at(process, INBOX))->length == 12);
  }
  end(server);
  teardown(&before);
}

static uint32_t block(uint32_t length) { return (uint32_t)CALL(block_allocate, length, 0, 0, 0, 0).value; }

static void bounds_of_blocks(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  const struct {
    uint32_t length;
    bool fine;
  } blocks[] = {{1, false},   {4096, false}, {4097, true},   {8192, true},
                {8193, true}, {12288, true}, {12289, false}, {1 << 20, false}};
  for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
    uint32_t handle = block(blocks[i].length);
    CHECK(comes_out(blocks[i].fine ? SIGNET_OK : SIGNET_CONTRACT, client, BLOCK, 0, handle, 0));
    if (blocks[i].fine)
      CHECK(hear(server) == SIGNET_OK);
    else
      CHECK_STATUS(CALL(handle_close, handle, 0, 0, 0, 0), SIGNET_OK);
  }
  teardown(&before);
}

static void ends_of_this_contract(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  struct table table = table_make(), twin = table_make();
  twin.header.identity[0] = 1; /* what the blob says of itself is no part of what it is */
  CHECK(comes_out(SIGNET_CONTRACT, client, OWN, 0, client, 0)); /* itself */
  uint64_t right = create(&twin, sizeof twin);
  CHECK(comes_out(SIGNET_CONTRACT, client, OWN, 0, (uint32_t)(right >> 32), 0)); /* the server's end */
  CHECK(comes_out(SIGNET_OK, client, OWN, 0, (uint32_t)right, 0) && hear(server) == SIGNET_OK);
  /* Nearly this contract. */
  table.rows[TURN].length_most = 15;
  uint64_t near = create(&table, sizeof table);
  CHECK(comes_out(SIGNET_CONTRACT, client, OWN, 0, (uint32_t)near, 0));
  /* In the other state, where it does not send; and back in this one, the answer not read. */
  table = table_make();
  uint64_t third = create(&table, sizeof table);
  CHECK(tell((uint32_t)third, TURN, 0, 0, 0).status == SIGNET_OK);
  CHECK(comes_out(SIGNET_CONTRACT, client, OWN, 0, (uint32_t)third, 0));
  CHECK(hear((uint32_t)(third >> 32)) == SIGNET_OK && tell((uint32_t)(third >> 32), BACK, 0, 0, 0).status == SIGNET_OK);
  CHECK(comes_out(SIGNET_CONTRACT, client, OWN, 0, (uint32_t)third, 0));
  CHECK(hear((uint32_t)third) == SIGNET_OK && comes_out(SIGNET_OK, client, OWN, 0, (uint32_t)third, 0));
  CHECK(hear(server) == SIGNET_OK);
  /* Of a channel whose other end is closed: its peer's death is legal in every state. */
  uint64_t fourth = create(&table, sizeof table);
  CALL(handle_close, fourth >> 32, 0, 0, 0, 0);
  CHECK(comes_out(SIGNET_OK, client, OWN, 0, (uint32_t)fourth, 0));
  teardown(&before);
}

static void ends_of_any_contract(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  struct table table = table_make();
  struct contract_file plain = contract_make();
  uint64_t of_this = create(&table, sizeof table), of_other = create(&plain, sizeof plain);
  uint64_t two[] = {of_this, of_other};
  const uint32_t request[] = {TURN, TAG_REQUEST};
  for (unsigned i = 0; i < 2; i++) {
    uint32_t moved = (uint32_t)(two[i] >> 32);
    CHECK(comes_out(SIGNET_CONTRACT, client, ANY, 0, (uint32_t)two[i], 0));
    CHECK(comes_out(SIGNET_CONTRACT, client, ANY, 0, moved, 0)); /* it does not send there */
    CHECK(tell((uint32_t)two[i], request[i], 0, 0, 0).status == SIGNET_OK);
    CHECK(comes_out(SIGNET_CONTRACT, client, ANY, 0, moved, 0)); /* there it does, but was spoken to */
    CHECK(hear(moved) == SIGNET_OK && comes_out(SIGNET_OK, client, ANY, 0, moved, 0));
    CHECK(hear(server) == SIGNET_OK);
  }
  teardown(&before);
}

static void ends_of_another_contract(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  uint32_t page = block(4096);
  struct table table = table_make();
  uint64_t this = create(&table, sizeof table);
  CHECK(comes_out(SIGNET_CONTRACT, client, THAT, 0, (uint32_t)this, page));
  struct other nearly = other;
  nearly.next[5] = 1;
  uint64_t wrong = create(&nearly, OTHER_LENGTH), right = create(&other, OTHER_LENGTH);
  CHECK(comes_out(SIGNET_CONTRACT, client, THAT, 0, (uint32_t)right, page)); /* in state 0 */
  CHECK(tell((uint32_t)right, 0, 0, 0, 0).status == SIGNET_OK && tell((uint32_t)wrong, 0, 0, 0, 0).status == SIGNET_OK);
  CHECK(comes_out(SIGNET_CONTRACT, client, THAT, 0, (uint32_t)wrong, page));
  /* The end is right, but the block behind it is not, or is none. */
  uint32_t large = block(4097);
  CHECK(comes_out(SIGNET_CONTRACT, client, THAT, 0, (uint32_t)right, large));
  CHECK(comes_out(SIGNET_HANDLE, client, THAT, 0, (uint32_t)right, (uint32_t)right));
  CHECK(comes_out(SIGNET_HANDLE, client, THAT, 0, (uint32_t)right, 99999));
  CHECK(comes_out(SIGNET_OK, client, THAT, 0, (uint32_t)right, page) && hear(server) == SIGNET_OK);
  /* Further on it is in state 2, where it does not send. */
  uint32_t moved = ((struct signet_message *)at(process, INBOX))->moved[0].handle;
  CHECK(tell(moved, 0, 0, 0, 0).status == SIGNET_OK);
  CHECK(comes_out(SIGNET_CONTRACT, client, THAT, 0, moved, block(4096)));
  /* The value tells what is allowed, whatever is wrong with what moves. */
  CHECK(tell(client, THAT, 0, moved, large).value ==
        (1 << ITEMS | 1 << BLOCK | 1 << TURN | 1 << OWN | 1 << ANY | 1 << THAT));
  teardown(&before);
}

/* A table can state a state in which the end that moves does not send. Nothing ever fits it. */
static void a_state_that_hears_never_fits(void) {
  struct alive before = alive_now();
  process = boot("one");
  struct table table = table_make();
  table.moved[1].state = 1;
  uint64_t ends = create(&table, sizeof table), moved = create(&table, sizeof table);
  CHECK(comes_out(SIGNET_CONTRACT, (uint32_t)ends, OWN, 0, (uint32_t)moved, 0));
  CHECK(tell((uint32_t)moved, TURN, 0, 0, 0).status == SIGNET_OK);
  CHECK(comes_out(SIGNET_CONTRACT, (uint32_t)ends, OWN, 0, (uint32_t)moved, 0));
  teardown(&before);
}

/* ---- Full ---- */

/* In a table that no compiler made the queue may be too short for a turn: FULL, and the message is not sent. Where a
 * side may not speak before it has heard, it is only ever full of one turn. */
static void full_of_one_turn(void) {
  struct alive before = alive_now();
  uint64_t ends = setup();
  uint32_t client = (uint32_t)ends, server = (uint32_t)(ends >> 32);
  CHECK(comes_out(SIGNET_OK, client, ITEMS, 8, 0, 0) && comes_out(SIGNET_OK, client, ITEMS, 8, 0, 0));
  CHECK(comes_out(SIGNET_FULL, client, TURN, 0, 0, 0));
  CHECK(hear(server) == SIGNET_OK && comes_out(SIGNET_OK, client, TURN, 0, 0, 0));
  /* It is the server's turn, who has not read all: neither may speak. */
  CHECK(comes_out(SIGNET_CONTRACT, server, BACK, 0, 0, 0) && comes_out(SIGNET_CONTRACT, client, ITEMS, 8, 0, 0));
  CHECK(tell(server, BACK, 0, 0, 0).value == 0);
  CHECK(hear(server) == SIGNET_OK && comes_out(SIGNET_CONTRACT, server, BACK, 0, 0, 0));
  CHECK(hear(server) == SIGNET_OK && comes_out(SIGNET_OK, server, BACK, 0, 0, 0));
  /* It is the client's turn, and he has not read. */
  CHECK(comes_out(SIGNET_CONTRACT, client, TURN, 0, 0, 0) && hear(client) == SIGNET_OK);
  CHECK(comes_out(SIGNET_OK, client, ITEMS, 8, 0, 0) && comes_out(SIGNET_OK, client, ITEMS, 8, 0, 0));
  /* The same when the other has gone. */
  CHECK(hear(server) == SIGNET_OK && hear(server) == SIGNET_OK && comes_out(SIGNET_OK, client, TURN, 0, 0, 0));
  CALL(handle_close, client, 0, 0, 0, 0);
  CHECK(tell(server, BACK, 0, 0, 0).status == SIGNET_CONTRACT);
  CHECK(hear(server) == SIGNET_OK && tell(server, BACK, 0, 0, 0).status == SIGNET_OK);
  teardown(&before);
}

/* ---- Out of memory ---- */

static void out_of_memory(void) {
  struct alive before = alive_now();
  struct table table = table_make();
  table.header.data_most = SIGNET_MESSAGE_DATA_MOST; /* queues of whole pages */
  unsigned n = 0;
  struct signet_result made = {SIGNET_MEMORY, 0};
  while (made.status && test_good) {
    process = boot("one");
    memcpy(at(process, TABLE), &table, sizeof table);
    alive_now();
    sim_fail_at(++n);
    made = CALL(channel_create, TABLE, sizeof table, 0, 0, 0);
    CHECK(made.status == (sim_failed() ? SIGNET_MEMORY : SIGNET_OK));
    sim_fail_at(0);
    teardown(&before);
  }
  printf("# %u places\n", n - 1);
  CHECK(n > 2);
}

/* ---- Every field at its edge ---- */

#define LONGEST (48 + 8 + 255 * (16 + 254 + 4 * 56))
static _Alignas(8) uint8_t any[LONGEST + 8];

/* Of messages that carry nothing and change nothing, in whole; the caller alters it. */
static size_t any_make(uint32_t version, uint16_t messages, uint16_t states) {
  struct signet_contract *header = (struct signet_contract *)any;
  memset(any, 0, sizeof any);
  *header = (struct signet_contract){.version = version,
                                     .messages = messages,
                                     .states = states,
                                     .slots_to_server = 1,
                                     .slots_to_client = 1,
                                     .data_most = 16};
  size_t length = sizeof *header + messages * sizeof(struct signet_contract_message) + (size_t)messages * states;
  return version == 1 ? length : (length + 7) & ~(size_t)7;
}

static int64_t offered(size_t length) {
  memcpy(at(process, TABLE), any, length);
  struct signet_result made = CALL(channel_create, TABLE, length, 0, 0, 0);
  if (made.status)
    return made.status;
  CHECK_STATUS(CALL(handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(handle_close, made.value >> 32, 0, 0, 0, 0), SIGNET_OK);
  return SIGNET_OK;
}

#define OFFER(version, messages, states, change, wanted)                                                               \
  do {                                                                                                                 \
    size_t length = any_make(version, messages, states);                                                               \
    change;                                                                                                            \
    int64_t status = offered(length);                                                                                  \
    if (status != (wanted)) {                                                                                          \
      test_good = false;                                                                                               \
      printf("# %s:%d: version %d, %s: %lld\n", __FILE__, __LINE__, version, #change, (long long)status);              \
    }                                                                                                                  \
  } while (0)

static void fields_to_the_edge(void) {
  struct alive before = alive_now();
  process = boot("one");
  struct signet_contract *header = (struct signet_contract *)any;
  struct signet_contract_message *row = (struct signet_contract_message *)(header + 1);
  for (uint32_t version = 1; version <= 2; version++) {
    const int64_t fine = SIGNET_OK, no = SIGNET_CONTRACT;
    OFFER(version, 8, 1, (void)0, fine);
    OFFER(version, 0, 8, (void)0, SIGNET_ARGUMENT); /* as long as a header alone */
    OFFER(version, 255, 1, (void)0, fine);
    OFFER(version, 256, 1, (void)0, no);
    OFFER(version, 8, 0, (void)0, no);
    OFFER(version, 8, 254, (void)0, fine);
    OFFER(version, 8, 255, (void)0, no);
    OFFER(version, 8, 256, (void)0, no);
    OFFER(version, 255, 254, (void)0, fine);
    OFFER(version, 8, 1, header->slots_to_server = 0, no);
    OFFER(version, 8, 1, header->slots_to_server = 64, fine);
    OFFER(version, 8, 1, header->slots_to_server = 65, no);
    OFFER(version, 8, 1, header->slots_to_client = 0, no);
    OFFER(version, 8, 1, header->slots_to_client = 64, fine);
    OFFER(version, 8, 1, header->slots_to_client = 65, no);
    OFFER(version, 8, 1, header->data_most = 8192, fine);
    OFFER(version, 8, 1, header->data_most = 8193, no);
    OFFER(version, 8, 1, row[7].to_client = 1, fine);
    OFFER(version, 8, 1, row[7].to_client = 2, no);
    OFFER(version, 8, 1, row[7].step = 1, version == 1 ? no : fine);
    OFFER(version, 8, 1, row[7].length_most = 16, fine);
    OFFER(version, 8, 1, row[7].length_most = 17, no);
    OFFER(version, 8, 1, row[7].length_least = row[7].length_most = 16, fine);
    OFFER(version, 8, 1, (row[7].length_least = 16, row[7].length_most = 15), no);
    OFFER(version, 8, 2, any[length - 1] = 1, fine);
    OFFER(version, 8, 2, any[length - 1] = 2, no);
    OFFER(version, 8, 2, any[length - 1] = 254, no);
    OFFER(version, 8, 2, any[length - 1] = 255, fine);
    OFFER(version, 8, 1, length++, no);
    OFFER(version, 8, 1, length--, no);
    OFFER(version, 8, 1, length += 8, no);
    OFFER(version, 8, 1, row[0].moved_kind[0] = SIGNET_KIND_BLOCK, no);
    OFFER(version, 8, 1, row[0].moved_kind[3] = SIGNET_KIND_BLOCK, no);
  }
  OFFER(1, 8, 1, (row[0].moved_count = 4, memset(row[0].moved_kind, SIGNET_KIND_BLOCK, 4)), SIGNET_OK);
  OFFER(1, 8, 1, (row[0].moved_count = 5, memset(row[0].moved_kind, SIGNET_KIND_BLOCK, 4)), SIGNET_CONTRACT);
  for (unsigned kind = 0; kind < 16; kind++)
    OFFER(1, 8, 1, (row[0].moved_count = 1, row[0].moved_kind[0] = (uint8_t)kind),
          kind >= SIGNET_KIND_CLIENT && kind <= SIGNET_KIND_BLOCK ? SIGNET_OK : SIGNET_CONTRACT);
  /* The longest of all, and lengths that none can have. */
  size_t length = any_make(2, 255, 254);
  for (unsigned i = 0; i < 255; i++) {
    row[i].moved_count = 4;
    memset(row[i].moved_kind, SIGNET_KIND_BLOCK, 4);
  }
  CHECK(offered(length + 255 * 4 * sizeof(struct signet_contract_moved)) == SIGNET_OK);
  CHECK(offered(LONGEST) == SIGNET_CONTRACT);
  CHECK(offered(LONGEST + 1) == SIGNET_ARGUMENT);
  CHECK(offered(sizeof *header) == SIGNET_ARGUMENT);
  CHECK(offered(sizeof *header + 1) == SIGNET_CONTRACT);
  /* What moves. */
  struct table good = table_make(), bad;
  bad = good;
  bad.moved[0].length_least = bad.moved[0].length_most = WINDOW_BYTES;
  create(&bad, sizeof bad);
  bad = good;
  bad.moved[1].length_least = 1;
  memcpy(at(process, TABLE), &bad, sizeof bad);
  CHECK_STATUS(CALL(channel_create, TABLE, sizeof bad, 0, 0, 0), SIGNET_CONTRACT);
  teardown(&before);
}

/* A tag that is one too large, where what stands behind the rows and cells would let it pass. */
static void one_tag_too_many(void) {
  struct alive before = alive_now();
  process = boot("one");
  size_t length = any_make(1, 8, 2);
  memcpy(at(process, TABLE), any, length);
  struct signet_result made = CALL(channel_create, TABLE, length, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  CHECK_STATUS(tell((uint32_t)made.value, 7, 0, 0, 0), SIGNET_OK);
  *word_at(process, TABLE) = (uint32_t)(made.value >> 32);
  CHECK_STATUS(CALL(channel_receive, TABLE, 1, INBOX, 0x400, 0), SIGNET_OK);
  CHECK_STATUS(tell((uint32_t)made.value, 8, 0, 0, 0), SIGNET_CONTRACT);
  CHECK_STATUS(tell((uint32_t)made.value, 9, 0, 0, 0), SIGNET_CONTRACT);
  CHECK_STATUS(tell((uint32_t)made.value, UINT32_MAX, 0, 0, 0), SIGNET_CONTRACT);
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(tables_refused);
  TEST(any_table_is_survived);
  TEST(whole_items);
  TEST(whole_items_handed_over);
  TEST(bounds_of_blocks);
  TEST(ends_of_this_contract);
  TEST(ends_of_any_contract);
  TEST(ends_of_another_contract);
  TEST(a_state_that_hears_never_fits);
  TEST(full_of_one_turn);
  TEST(out_of_memory);
  TEST(fields_to_the_edge);
  TEST(one_tag_too_many);
  return test_finish();
}
