/* Channels and blocks: order, closing, contracts, what travels in messages, who owns what. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)

static struct kernel_process *client, *server;
static uint32_t to_server, to_client;

static void setup(void) {
  client = boot_pair(&server);
  to_server = client->slot[0];
  to_client = server->slot[0];
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(client);
  end(server);
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

static struct signet_message *message_at(struct kernel_process *process, uint32_t offset) {
  return at(process, SCRATCH + offset);
}

/* ---- Requests and replies ---- */

static void request_and_reply(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIM_AWAY);
  for (uint32_t round = 0; round < 20; round++) {
    message_write(client, 0, TAG_REQUEST, 16, 0, 0);
    memset(at(client, SCRATCH + 80), (int)round, 16);
    CHECK_STATUS(CALL(client, channel_call, to_server, SCRATCH, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
    CHECK_STATUS(taken(server), SIGNET_OK);
    CHECK(message_at(server, 8)->tag == TAG_REQUEST && message_at(server, 8)->length == 16);
    CHECK(*(uint8_t *)at(server, SCRATCH + 88 + 15) == round);
    message_write(server, 8, TAG_REPLY, 8, 0, 0);
    memset(at(server, SCRATCH + 88), (int)round + 100, 8);
    CHECK_STATUS(CALL(server, channel_send, to_client, SCRATCH + 8, 0, 0, 0), SIGNET_OK);
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIM_AWAY);
    CHECK_STATUS(taken(client), SIGNET_OK);
    CHECK(message_at(client, 512)->tag == TAG_REPLY && message_at(client, 512)->length == 8);
    CHECK(*(uint8_t *)at(client, SCRATCH + 512 + 80 + 7) == round + 100);
    CHECK_INVARIANTS();
  }
  teardown(&before);
}

/* ---- Order and bounds ---- */

static void queue_keeps_order_and_fills(void) {
  struct alive before = alive_now();
  setup();
  for (uint32_t round = 0; round < 3; round++) {
    for (uint32_t i = 0; i < 4; i++) {
      message_write(client, 0, TAG_ONEWAY, 4 + i, 0, 0);
      *word_at(client, SCRATCH + 80) = 100 * round + i;
      CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
    }
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_FULL);
    CHECK_INVARIANTS();
    *word_at(server, SCRATCH) = to_client;
    for (uint32_t i = 0; i < 4; i++) {
      CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
      CHECK(message_at(server, 8)->length == 4 + i && *word_at(server, SCRATCH + 88) == 100 * round + i);
    }
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_TIMEOUT);
  }
  teardown(&before);
}

static void closed_after_queued_messages(void) {
  struct alive before = alive_now();
  setup();
  for (uint32_t i = 0; i < 2; i++) {
    message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  }
  CHECK_STATUS(CALL(client, handle_close, to_server, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(client, handle_close, to_server, 0, 0, 0, 0), SIGNET_HANDLE);
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIGNET_OK);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIGNET_OK);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIGNET_CLOSED);
  /* A waiting peer hears of it too. */
  teardown(&before);
  setup();
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIM_AWAY);
  kernel_process_stop(client);
  if (sim_current() && sim_window() == client->window)
    sim_preempt();
  CHECK_STATUS(taken(server), SIGNET_CLOSED);
  teardown(&before);
}

static void send_to_closed_peer_frees(void) {
  struct alive before = alive_now();
  setup();
  CHECK_STATUS(CALL(server, handle_close, to_client, 0, 0, 0, 0), SIGNET_OK);
  uint64_t blocks = sim_alive.blocks;
  uint64_t made = CALL(client, block_allocate, 5000, 0, 0, 0, 0).value;
  CHECK(sim_alive.blocks == blocks + 1);
  message_write(client, 0, TAG_BLOCK, 0, (uint32_t)made, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK(sim_alive.blocks == blocks);
  CHECK(!sim_memory(client->window, made >> 32, 1, false));
  /* The contract holds there too. */
  message_write(client, 0, TAG_REPLY, 0, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  teardown(&before);
}

/* ---- The contract, field by field ---- */

static void contract_refusals(void) {
  struct alive before = alive_now();
  setup();
  const struct {
    uint32_t tag, length, moved_count, reserved;
    int64_t status;
  } cases[] = {
      {6, 0, 0, 0, SIGNET_CONTRACT},
      {UINT32_MAX, 0, 0, 0, SIGNET_CONTRACT},
      {TAG_REPLY, 0, 0, 0, SIGNET_CONTRACT},
      {TAG_REQUEST, 65, 0, 0, SIGNET_CONTRACT},
      {TAG_REQUEST, UINT32_MAX, 0, 0, SIGNET_CONTRACT},
      {TAG_ONEWAY, 3, 0, 0, SIGNET_CONTRACT},
      {TAG_REQUEST, 0, 1, 0, SIGNET_CONTRACT},
      {TAG_REQUEST, 0, UINT32_MAX, 0, SIGNET_CONTRACT},
      {TAG_BLOCK, 0, 0, 0, SIGNET_CONTRACT},
      {TAG_BLOCK, 0, 2, 0, SIGNET_CONTRACT},
      {TAG_BLOCK, 0, 1, 0, SIGNET_HANDLE},
      {TAG_REQUEST, 0, 0, 1, SIGNET_ARGUMENT},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct signet_message *message = message_at(client, 0);
    *message = (struct signet_message){.tag = cases[i].tag,
                                       .length = cases[i].length,
                                       .moved_count = cases[i].moved_count,
                                       .reserved = cases[i].reserved};
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), cases[i].status);
  }
  /* The right message from the wrong end; the right number of handles of the wrong kind. */
  message_write(server, 0, TAG_ONEWAY, 4, 0, 0);
  CHECK_STATUS(CALL(server, channel_send, to_client, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  message_write(client, 0, TAG_BLOCK, 0, to_server, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  message_write(client, 0, TAG_CLIENT, 0, (uint32_t)CALL(client, block_allocate, 1, 0, 0, 0, 0).value, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  /* After a request the state is another: no second request until the reply. */
  message_write(client, 0, TAG_REQUEST, 0, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  /* No answer to what has not been read, though the state is the server's. */
  message_write(server, 0, TAG_REPLY, 0, 0, 0);
  struct signet_result unread = CALL(server, channel_send, to_client, SCRATCH, 0, 0, 0);
  CHECK(unread.status == SIGNET_CONTRACT && unread.value == 0);
  CHECK_STATUS(CALL(server, channel_call, to_client, SCRATCH, SCRATCH + 512, 200, 0), SIGNET_CONTRACT);
  *word_at(server, SCRATCH + 512) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH + 512, 1, SCRATCH + 1024, 200, 0), SIGNET_OK);
  CHECK_STATUS(CALL(server, channel_send, to_client, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(server, channel_send, to_client, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  teardown(&before);
}

/* Who is refused is told what the contract allows this end to send here: the same of send and call, whatever was wrong.
 */
static void refusals_say_what_is_allowed(void) {
  struct alive before = alive_now();
  setup();
  const uint64_t to_send = 1 << TAG_REQUEST | 1 << TAG_ONEWAY | 1 << TAG_BLOCK | 1 << TAG_CLIENT | 1 << TAG_SERVER;
  const struct {
    uint32_t tag, length, handle;
  } wrong[] = {{77, 0, 0}, {TAG_REPLY, 0, 0}, {TAG_REQUEST, 65, 0}, {TAG_ONEWAY, 0, 0}, {TAG_BLOCK, 0, to_server}};
  for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    message_write(client, 0, wrong[i].tag, wrong[i].length, wrong[i].handle, 0);
    struct signet_result sent = CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0);
    CHECK(sent.status == SIGNET_CONTRACT && sent.value == to_send);
    sent = CALL(client, channel_call, to_server, SCRATCH, SCRATCH + 512, 200, SIGNET_NEVER);
    CHECK(sent.status == SIGNET_CONTRACT && sent.value == to_send);
  }
  /* Where it is the other side's turn: nothing. Other errors have no value. */
  message_write(server, 0, TAG_REPLY, 0, 0, 0);
  struct signet_result sent = CALL(server, channel_send, to_client, SCRATCH, 0, 0, 0);
  CHECK(sent.status == SIGNET_CONTRACT && sent.value == 0);
  message_write(client, 0, TAG_BLOCK, 0, 12345, 0);
  sent = CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0);
  CHECK(sent.status == SIGNET_HANDLE && sent.value == 0);
  /* Many messages: bit 63 is for all from 63 on. */
  struct {
    struct signet_contract header;
    struct signet_contract_message rows[70];
    uint8_t next[72];
  } many = {.header = {.version = 1, .messages = 70, .states = 1, .slots_to_server = 1, .slots_to_client = 1}};
  size_t length = offsetof(__typeof__(many), next) + 70;
  memset(many.next, 255, sizeof many.next);
  for (unsigned which = 0; which < 70; which++) {
    memset(many.next, 255, sizeof many.next);
    many.next[which] = 0;
    memcpy(at(client, SCRATCH), &many, length);
    uint64_t ends = CALL(client, channel_create, SCRATCH, length, 0, 0, 0).value;
    message_write(client, 0, (which + 1) % 70, 0, 0, 0);
    sent = CALL(client, channel_send, (uint32_t)ends, SCRATCH, 0, 0, 0);
    CHECK(sent.status == SIGNET_CONTRACT && sent.value == UINT64_C(1) << (which < 63 ? which : 63));
    CALL(client, handle_close, (uint32_t)ends, 0, 0, 0, 0);
    CALL(client, handle_close, ends >> 32, 0, 0, 0, 0);
  }
  teardown(&before);
}

static void contract_blobs_refused(void) {
  struct alive before = alive_now();
  setup();
  struct contract_file good = contract_make(), bad;
  struct contract_file *there = at(client, SCRATCH);
#define REFUSED(change, length)                                                                                        \
  do {                                                                                                                 \
    bad = good;                                                                                                        \
    change;                                                                                                            \
    memcpy(there, &bad, sizeof bad);                                                                                   \
    CHECK_STATUS(CALL(client, channel_create, SCRATCH, length, 0, 0, 0), SIGNET_CONTRACT);                             \
  } while (0)
  REFUSED(bad.header.version = 2, sizeof bad);
  REFUSED(bad.header.messages = 0, sizeof bad);
  REFUSED(bad.header.messages = 7, sizeof bad);
  REFUSED(bad.header.messages = 256, sizeof bad);
  REFUSED(bad.header.states = 0, sizeof bad);
  REFUSED(bad.header.states = 255, sizeof bad);
  REFUSED(bad.header.slots_to_server = 0, sizeof bad);
  REFUSED(bad.header.slots_to_server = 65, sizeof bad);
  REFUSED(bad.header.slots_to_client = 0, sizeof bad);
  REFUSED(bad.header.slots_to_client = 65, sizeof bad);
  REFUSED(bad.header.data_most = SIGNET_MESSAGE_DATA_MOST + 1, sizeof bad);
  REFUSED(bad.rows[0].to_client = 2, sizeof bad);
  REFUSED(bad.rows[0].moved_count = 5, sizeof bad);
  REFUSED(bad.rows[0].moved_count = 1, sizeof bad);
  REFUSED(bad.rows[0].moved_kind[3] = SIGNET_KIND_BLOCK, sizeof bad);
  REFUSED(bad.rows[3].moved_kind[0] = SIGNET_KIND_IMAGE, sizeof bad);
  REFUSED(bad.rows[3].moved_kind[0] = SIGNET_KIND_PROCESS, sizeof bad);
  REFUSED(bad.rows[3].moved_kind[0] = SIGNET_KIND_DEVICE, sizeof bad);
  REFUSED(bad.rows[0].step = 1, sizeof bad);
  REFUSED(bad.rows[0].length_most = 65, sizeof bad);
  REFUSED(bad.rows[2].length_least = 65, sizeof bad);
  REFUSED(bad.next[0] = 2, sizeof bad);
  REFUSED(bad.next[11] = 254, sizeof bad);
  REFUSED((void)0, sizeof bad - 1);
  REFUSED((void)0, sizeof bad + 1);
  REFUSED((void)0, sizeof bad.header + 1);
  CHECK_STATUS(CALL(client, channel_create, SCRATCH, sizeof bad.header, 0, 0, 0), SIGNET_ARGUMENT);
  memcpy(there, &good, sizeof good);
  struct signet_result made = CALL(client, channel_create, SCRATCH, sizeof good, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  /* The pair's own contract and this one are the same: kept once. */
  CHECK(CONTAINER(handle_find(client, to_server), struct endpoint, object)->channel->contract ==
        CONTAINER(handle_find(client, (uint32_t)made.value), struct endpoint, object)->channel->contract);
  /* The kernel's identity of a contract is its content's hash, whatever the blob claims. */
  struct signet_handle_information *information = at(client, SCRATCH + 512);
  CHECK_STATUS(CALL(client, handle_query, (uint32_t)made.value, SCRATCH + 512, 0, 0, 0), SIGNET_OK);
  uint8_t digest[32];
  blake2b_256(digest, &good, sizeof good);
  CHECK(!memcmp(information->identity, digest, 32));
  memset(there->header.identity, 7, 32);
  made = CALL(client, channel_create, SCRATCH, sizeof good, 0, 0, 0);
  CHECK_STATUS(CALL(client, handle_query, (uint32_t)made.value, SCRATCH + 512, 0, 0, 0), SIGNET_OK);
  CHECK(!memcmp(information->identity, digest, 32));
  teardown(&before);
}

/* Whoever makes two contracts with the same sum gets two contracts, not the first one's rules under the second's name.
 */
static void contracts_with_the_same_sum(void) {
  struct alive before = alive_now();
  setup();
  struct contract_file one = contract_make(), two = contract_make();
  two.rows[TAG_ONEWAY].length_least = 0;
  /* At this place the words are only added up. */
  uint64_t place = kernel.contract_place;
  kernel.contract_place = 1;
  two.header.identity[0] = (uint8_t)(one.header.identity[0] + one.rows[TAG_ONEWAY].length_least);
  memcpy(at(client, SCRATCH), &one, sizeof one);
  uint64_t first = CALL(client, channel_create, SCRATCH, sizeof one, 0, 0, 0).value;
  memcpy(at(client, SCRATCH), &two, sizeof two);
  uint64_t second = CALL(client, channel_create, SCRATCH, sizeof two, 0, 0, 0).value;
  const struct contract *of_first = handle_find_endpoint(client, (uint32_t)first)->channel->contract;
  const struct contract *of_second = handle_find_endpoint(client, (uint32_t)second)->channel->contract;
  CHECK(of_first->check == of_second->check && of_first != of_second);
  message_write(client, 0, TAG_ONEWAY, 0, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, (uint32_t)first, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  CHECK_STATUS(CALL(client, channel_send, (uint32_t)second, SCRATCH, 0, 0, 0), SIGNET_OK);
  kernel.contract_place = place;
  teardown(&before);
}

static uint32_t check_of(const struct contract_file *file) {
  memcpy(at(client, SCRATCH), file, sizeof *file);
  uint64_t ends = CALL(client, channel_create, SCRATCH, sizeof *file, 0, 0, 0).value;
  return handle_find_endpoint(client, (uint32_t)ends)->channel->contract->check;
}

/* Nobody makes contracts that are all looked for at one place: what is done to one word is not undone by the next. */
static void sums_are_not_to_be_chosen(void) {
  struct alive before = alive_now();
  setup();
  CHECK(kernel.contract_place > UINT32_MAX && kernel.contract_place < UINT64_C(1) << 61);
  struct contract_file plain = contract_make();
  uint32_t check = check_of(&plain);
  for (uint8_t i = 0; i < 28; i++) {
    struct contract_file swapped = plain, flipped = plain;
    swapped.header.identity[i] = 1; /* 1 here is 1 at the other, if they are added up */
    swapped.header.identity[(i + 4) % 32] = 2;
    flipped.header.identity[i] = 2;
    flipped.header.identity[(i + 4) % 32] = 1;
    CHECK(check_of(&swapped) != check_of(&flipped));
  }
  for (uint8_t i = 0; i < 24; i++)
    for (uint8_t apart = 4; apart <= 8; apart += 4) {
      struct contract_file flipped = plain;
      flipped.header.identity[i] = flipped.header.identity[i + apart] = 0x80;
      CHECK(check_of(&flipped) != check);
    }
  teardown(&before);
}

/* ---- Blocks ---- */

static void block_moves_with_its_content(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  uint64_t client_base = client->used.memory, server_base = server->used.memory;
  uint64_t made = CALL(client, block_allocate, 3 * 4096 - 1, 0, 0, 0, 0).value;
  uint32_t handle = (uint32_t)made, offset = (uint32_t)(made >> 32);
  CHECK(offset >= SIGNET_BLOCKS_LOW && sim_memory(client->window, offset, 3 * 4096, true));
  CHECK(!sim_memory(client->window, offset, 3 * 4096 + 1, false));
  memset(sim_memory(client->window, offset, 3 * 4096, true), 0x5a, 3 * 4096);
  message_write(client, 0, TAG_BLOCK, 0, handle, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  /* The sender has lost the memory and the handle at once; sending it again is an error. */
  CHECK(!sim_memory(client->window, offset, 1, false));
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(client, handle_close, handle, 0, 0, 0, 0), SIGNET_HANDLE);
  /* While it travels it counts against the sender. */
  CHECK(client->used.memory - client_base == 3 * 4096 && server->used.memory == server_base);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  struct signet_moved moved = message_at(server, 8)->moved[0];
  CHECK(moved.kind == SIGNET_KIND_BLOCK && moved.length == 3 * 4096 && moved.offset >= SIGNET_BLOCKS_LOW);
  CHECK(*(uint8_t *)at(server, moved.offset + 3 * 4096 - 1) == 0x5a);
  CHECK(server->used.memory - server_base == 3 * 4096 && client->used.memory == client_base);
  CHECK_INVARIANTS();
  /* Out of the sender's reach it is in nobody's window when its holder closes it. */
  CHECK_STATUS(CALL(server, handle_close, moved.handle, 0, 0, 0, 0), SIGNET_OK);
  CHECK(!sim_memory(server->window, moved.offset, 1, false) && sim_alive.blocks == before.sim.blocks);
  teardown(&before);
}

static void double_send_in_one_message(void) {
  struct alive before = alive_now();
  setup();
  struct contract_file contract = contract_make();
  contract.rows[5].moved_kind[0] = SIGNET_KIND_BLOCK; /* two blocks */
  memcpy(at(client, SCRATCH), &contract, sizeof contract);
  uint64_t ends = CALL(client, channel_create, SCRATCH, sizeof contract, 0, 0, 0).value;
  uint64_t made = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_SERVER, 0, (uint32_t)made, (uint32_t)made);
  CHECK_STATUS(CALL(client, channel_send, (uint32_t)ends, SCRATCH, 0, 0, 0), SIGNET_HANDLE);
  CHECK(sim_memory(client->window, made >> 32, 1, true));
  teardown(&before);
}

static void message_in_flight_dies_with_both(void) {
  struct alive before = alive_now();
  setup();
  for (unsigned i = 0; i < 4; i++) {
    uint64_t made = CALL(client, block_allocate, 4096, 0, 0, 0, 0).value;
    message_write(client, 0, TAG_BLOCK, 0, (uint32_t)made, 0);
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  }
  end(client);
  client = NULL;
  CHECK_INVARIANTS();
  CHECK(sim_alive.blocks == before.sim.blocks + 4);
  /* They outlive their sender. */
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  CHECK(sim_memory(server->window, message_at(server, 8)->moved[0].offset, 4096, true));
  teardown(&before);
}

static void receive_that_fails_keeps_the_message(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  uint64_t made = CALL(client, block_allocate, 8192, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_BLOCK, 10, (uint32_t)made, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  struct signet_result outcome = CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 89, 0);
  CHECK(outcome.status == SIGNET_CAPACITY && outcome.value == 90);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, 0, 200, 0), SIGNET_ADDRESS);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, CODE_LOW, 200, 0), SIGNET_ADDRESS);
  uint64_t kept = server->limit.memory;
  server->limit.memory = server->used.memory + 8191;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_QUOTA);
  server->limit.memory = kept;
  uint32_t handles = server->limit.handles;
  server->limit.handles = server->used.handles;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_QUOTA);
  server->limit.handles = handles;
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 90, 0), SIGNET_OK);
  teardown(&before);
}

/* ---- Endpoints in messages ---- */

static uint64_t make_channel(struct kernel_process *process) {
  struct contract_file contract = contract_make();
  memcpy(at(process, SCRATCH + 2048), &contract, sizeof contract);
  return CALL(process, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0).value;
}

static void endpoint_moves(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  uint64_t ends = make_channel(client);
  message_write(client, 0, TAG_CLIENT, 0, (uint32_t)ends, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, handle_close, (uint32_t)ends, 0, 0, 0, 0), SIGNET_HANDLE);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  uint32_t moved = message_at(server, 8)->moved[0].handle;
  CHECK(message_at(server, 8)->moved[0].kind == SIGNET_KIND_CLIENT);
  /* The channel works, and knows who holds its ends. */
  message_write(server, 8, TAG_ONEWAY, 4, 0, 0);
  CHECK_STATUS(CALL(server, channel_send, moved, SCRATCH + 8, 0, 0, 0), SIGNET_OK);
  *word_at(client, SCRATCH + 1024) = (uint32_t)(ends >> 32);
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 1024, 1, SCRATCH, 200, 0), SIGNET_OK);
  struct signet_handle_information *information = at(client, SCRATCH + 512);
  CHECK_STATUS(CALL(client, handle_query, ends >> 32, SCRATCH + 512, 0, 0, 0), SIGNET_OK);
  CHECK(!strcmp(information->peer_name, "server") && !memcmp(information->peer_identity, server->hash, 32));
  /* The same handle number means nothing to another process. */
  CHECK_STATUS(CALL(client, handle_query, moved | 0x00ff0000, SCRATCH + 512, 0, 0, 0), SIGNET_HANDLE);
  teardown(&before);
}

static void no_endpoint_reaches_its_own_queue(void) {
  struct alive before = alive_now();
  setup();
  /* Over its own channel, either end. */
  uint64_t a = make_channel(client), b = make_channel(client);
  uint32_t a0 = (uint32_t)a, a1 = (uint32_t)(a >> 32), b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
  message_write(client, 0, TAG_CLIENT, 0, a0, 0);
  CHECK_STATUS(CALL(client, channel_send, a0, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  uint64_t block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_SERVER, 0, a1, (uint32_t)block);
  CHECK_STATUS(CALL(client, channel_send, a0, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  /* A's server end into B's queue, then B's server end into A's: nobody could reach either. */
  CHECK_STATUS(CALL(client, channel_send, b0, SCRATCH, 0, 0, 0), SIGNET_OK);
  block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_SERVER, 0, b1, (uint32_t)block);
  CHECK_STATUS(CALL(client, channel_send, a0, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  CHECK_INVARIANTS();
  teardown(&before);
}

/* The end that travelled is gone with what carried it; its peer goes on sending to nobody. */
static void sending_to_an_end_lost_on_its_way(void) {
  struct alive before = alive_now();
  setup();
  uint64_t a = make_channel(client), b = make_channel(client), c = make_channel(client);
  uint64_t block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_SERVER, 0, (uint32_t)(a >> 32), (uint32_t)block);
  CHECK_STATUS(CALL(client, channel_send, (uint32_t)b, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, handle_close, (uint32_t)b, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, handle_close, (uint32_t)(b >> 32), 0, 0, 0, 0), SIGNET_OK);
  message_write(client, 0, TAG_CLIENT, 0, (uint32_t)c, 0);
  CHECK_STATUS(CALL(client, channel_send, (uint32_t)a, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, handle_close, (uint32_t)c, 0, 0, 0, 0), SIGNET_HANDLE);
  teardown(&before);
}

static void deep_carriers_close_without_recursion(void) {
  struct alive before = alive_now();
  setup();
  /* Each new channel's queue carries the last channel's server end: built from the inside out. */
  uint32_t inner = 0;
  for (unsigned i = 0; i < 100; i++) {
    uint64_t ends = make_channel(client);
    CHECK(ends);
    if (inner) {
      uint64_t block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
      message_write(client, 0, TAG_SERVER, 0, inner, (uint32_t)block);
      CHECK_STATUS(CALL(client, channel_send, (uint32_t)ends, SCRATCH, 0, 0, 0), SIGNET_OK);
    }
    CHECK_STATUS(CALL(client, handle_close, (uint32_t)ends, 0, 0, 0, 0), SIGNET_OK);
    inner = (uint32_t)(ends >> 32);
    if (i % 20 == 0)
      CHECK_INVARIANTS();
  }
  uint64_t channels = kernel.channels;
  CHECK_STATUS(CALL(client, handle_close, inner, 0, 0, 0, 0), SIGNET_OK);
  CHECK(kernel.channels == channels - 100);
  teardown(&before);
}

/* ---- Select, deadlines ---- */

static void select_over_several(void) {
  struct alive before = alive_now();
  setup();
  uint32_t clients[64], *list = at(client, SCRATCH + 4096);
  for (unsigned i = 0; i < 64; i++) {
    uint64_t ends = make_channel(client);
    clients[i] = (uint32_t)ends;
    list[i] = (uint32_t)(ends >> 32);
  }
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 4096, 65, SCRATCH, 200, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0), SIGNET_TIMEOUT);
  for (unsigned i = 0; i < 64; i += 9) {
    message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
    CHECK_STATUS(CALL(client, channel_send, clients[i], SCRATCH, 0, 0, 0), SIGNET_OK);
    struct signet_result outcome = CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0);
    CHECK(outcome.status == SIGNET_OK && outcome.value == i);
  }
  /* A busy endpoint does not keep another from being heard. */
  message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
  for (unsigned i = 0; i < 3; i++)
    CHECK_STATUS(CALL(client, channel_send, clients[1], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_send, clients[2], SCRATCH, 0, 0, 0), SIGNET_OK);
  unsigned heard = 0;
  for (unsigned i = 0; i < 2; i++)
    heard |= 1u << CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0).value;
  CHECK(heard == (1u << 1 | 1u << 2));
  while (CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0).status == SIGNET_OK)
    ;
  /* Nor does one whose message cannot be taken. */
  message_write(client, 0, TAG_ONEWAY, 64, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, clients[1], SCRATCH, 0, 0, 0), SIGNET_OK);
  for (unsigned round = 0; round < 3; round++) {
    message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
    CHECK_STATUS(CALL(client, channel_send, clients[2], SCRATCH, 0, 0, 0), SIGNET_OK);
    unsigned refusals = 0;
    struct signet_result outcome;
    while ((outcome = CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 84, 0)).status == SIGNET_CAPACITY &&
           refusals < 2)
      refusals++;
    CHECK(outcome.status == SIGNET_OK && outcome.value == 2);
  }
  CHECK(CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0).value == 1);
  message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
  for (unsigned i = 0; i < 2; i++)
    CHECK_STATUS(CALL(client, channel_send, clients[1], SCRATCH, 0, 0, 0), SIGNET_OK);
  /* One that is closed is named, after the messages. */
  CHECK_STATUS(CALL(client, handle_close, clients[40], 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, 0), SIGNET_OK);
  struct signet_result outcome = CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH, 200, SIGNET_NEVER);
  CHECK(outcome.status == SIGNET_CLOSED && outcome.value == 40);
  /* Waiting on many, woken by one, by another thread of the process. */
  list[40] = list[41];
  CHECK_STATUS(CALL(client, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH + 4096, 64, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
  CHECK_INVARIANTS();
  message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, clients[63], SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(client, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  outcome = taken(client);
  CHECK(outcome.status == SIGNET_OK && outcome.value == 63);
  teardown(&before);
}

static void deadlines(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, sim_clock), SIGNET_TIMEOUT);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, sim_clock + 100), SIM_AWAY);
  CHECK_INVARIANTS();
  sim_clock += 99;
  CHECK_STATUS(taken(server), SIM_AWAY);
  sim_clock += 1;
  CHECK_STATUS(taken(server), SIGNET_TIMEOUT);
  /* A message in time beats the deadline; one that is there wins over a deadline that has passed. */
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, sim_clock + 100), SIM_AWAY);
  message_write(client, 0, TAG_ONEWAY, 4, 0, 0);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
  sim_clock += 1000;
  CHECK_STATUS(taken(server), SIGNET_OK);
  CHECK(!kernel.timer_count);
  teardown(&before);
}

static void closing_what_another_thread_waits_on(void) {
  struct alive before = alive_now();
  setup();
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, thread_create, ENTRY, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, SIGNET_NEVER), SIM_AWAY);
  CHECK_STATUS(CALL(server, handle_close, to_client, 0, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(server, thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(server), SIGNET_HANDLE);
  teardown(&before);
}

static void stale_and_forged_handles(void) {
  struct alive before = alive_now();
  setup();
  uint32_t stale[40];
  for (unsigned i = 0; i < 40; i++) {
    stale[i] = (uint32_t)CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
    CHECK_STATUS(CALL(client, handle_close, stale[i], 0, 0, 0, 0), SIGNET_OK);
    for (unsigned j = 0; j <= i; j++)
      CHECK_STATUS(CALL(client, handle_close, stale[j], 0, 0, 0, 0), SIGNET_HANDLE);
  }
  /* Their entries are used again, and still they name nothing. */
  uint32_t fresh[40];
  for (unsigned i = 0; i < 40; i++)
    fresh[i] = (uint32_t)CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
  for (unsigned i = 0; i < 40; i++)
    CHECK_STATUS(CALL(client, handle_query, stale[i], SCRATCH, 0, 0, 0), SIGNET_HANDLE);
  for (unsigned i = 0; i < 40; i++)
    CHECK_STATUS(CALL(client, handle_close, fresh[i], 0, 0, 0, 0), SIGNET_OK);
  /* Every index with generations around, except the one handle there is. */
  for (uint32_t index = 0; index < 64; index++)
    for (uint32_t generation = 0; generation < 9; generation++) {
      uint32_t handle = index | generation << 16;
      if (handle != to_server)
        CHECK_STATUS(CALL(client, handle_close, handle, 0, 0, 0, 0), SIGNET_HANDLE);
    }
  CHECK_STATUS(CALL(client, handle_close, to_server | UINT64_C(1) << 32, 0, 0, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(client, handle_close, 0xffff | (uint64_t)to_server, 0, 0, 0, 0), SIGNET_HANDLE);
  teardown(&before);
}

/* ---- At the edge ---- */

/* How deep endpoints may travel in queues of endpoints that travel. */
static void carriers_to_the_edge(void) {
  struct alive before = alive_now();
  setup();
  uint32_t first = 0, inner = 0;
  for (unsigned depth = 0; depth < 67; depth++) {
    uint64_t ends = make_channel(client), passenger = make_channel(client);
    if (inner) {
      uint64_t block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
      message_write(client, 0, TAG_SERVER, 0, inner, (uint32_t)block);
      CHECK_STATUS(CALL(client, channel_send, (uint32_t)ends, SCRATCH, 0, 0, 0), SIGNET_OK);
    } else {
      first = (uint32_t)ends;
    }
    inner = (uint32_t)(ends >> 32);
    /* The first server end travels in `depth` queues now. Three messages have room besides. */
    if (depth >= 62) {
      message_write(client, 0, TAG_CLIENT, 0, (uint32_t)passenger, 0);
      CHECK_STATUS(CALL(client, channel_send, first, SCRATCH, 0, 0, 0), depth < 64 ? SIGNET_OK : SIGNET_CONTRACT);
    }
    if (depth && (uint32_t)ends != first)
      CHECK_STATUS(CALL(client, handle_close, (uint32_t)ends, 0, 0, 0, 0), SIGNET_OK);
    CALL(client, handle_close, (uint32_t)passenger, 0, 0, 0, 0);
    CHECK_STATUS(CALL(client, handle_close, passenger >> 32, 0, 0, 0, 0), SIGNET_OK);
  }
  /* A block carries nothing: it travels as deep as it likes. */
  message_write(client, 0, TAG_BLOCK, 0, (uint32_t)CALL(client, block_allocate, 1, 0, 0, 0, 0).value, 0);
  CHECK_STATUS(CALL(client, channel_send, first, SCRATCH, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  teardown(&before);
}

/* A table of handles without a free entry: what needs one makes it larger, or fails and has done nothing. */
static void handles_to_the_edge(void) {
  struct alive before = alive_now();
  setup();
  struct contract_file contract = contract_make();
  for (unsigned spare = 0; spare < 2; spare++)
    for (unsigned which = 0; which < 4; which++) {
      uint32_t kept[256], count = 0;
      while (client->handles.free_count != spare && count < 256)
        kept[count++] = (uint32_t)CALL(client, set_create, 0, 0, 0, 0, 0).value;
      CHECK(client->handles.free_count == spare);
      memcpy(at(client, SCRATCH + 2048), &contract, sizeof contract);
      struct signet_quota used = client->used;
      struct signet_result made = {SIGNET_MEMORY, 0};
      for (unsigned n = 1; n < 20; n++) {
        sim_fail_at(n);
        made = which == 0   ? CALL(client, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0)
               : which == 1 ? CALL(client, block_allocate, 1, 0, 0, 0, 0)
                            : CALL(client, set_create, 0, 0, 0, 0, 0);
        bool failed = sim_failed();
        sim_fail_at(0);
        CHECK_INVARIANTS();
        if (!failed)
          break;
        CHECK_STATUS(made, SIGNET_MEMORY);
        CHECK(!memcmp(&used, &client->used, sizeof used));
      }
      CHECK_STATUS(made, SIGNET_OK);
      if (which == 0)
        CHECK_STATUS(CALL(client, handle_close, made.value >> 32, 0, 0, 0, 0), SIGNET_OK);
      CHECK_STATUS(CALL(client, handle_close, (uint32_t)made.value, 0, 0, 0, 0), SIGNET_OK);
      while (count)
        CHECK_STATUS(CALL(client, handle_close, kept[--count], 0, 0, 0, 0), SIGNET_OK);
    }
  teardown(&before);
}

/* What moves finds entries in the receiver's table, however full that is; or the message stays. */
static void received_handles_to_the_edge(void) {
  struct alive before = alive_now();
  setup();
  for (unsigned spare = 0; spare < 3; spare++) {
    uint64_t ends = make_channel(client), block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
    message_write(client, 0, TAG_SERVER, 0, (uint32_t)(ends >> 32), (uint32_t)block);
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
    while (server->handles.free_count != spare)
      CHECK_STATUS(CALL(server, set_create, 0, 0, 0, 0, 0), SIGNET_OK);
    *word_at(server, SCRATCH) = to_client;
    struct signet_quota used = server->used;
    for (unsigned n = 1; n < 20; n++) {
      sim_fail_at(n);
      struct signet_result got_it = CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0);
      bool failed = sim_failed();
      sim_fail_at(0);
      CHECK_INVARIANTS();
      if (!failed) {
        CHECK_STATUS(got_it, SIGNET_OK);
        break;
      }
      CHECK_STATUS(got_it, SIGNET_MEMORY);
      CHECK(!memcmp(&used, &server->used, sizeof used));
    }
    /* The quota for both, to the last: one less and the message stays. */
    ends = make_channel(client), block = CALL(client, block_allocate, 1, 0, 0, 0, 0).value;
    message_write(client, 0, TAG_SERVER, 0, (uint32_t)(ends >> 32), (uint32_t)block);
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_OK);
    used = server->limit;
    server->limit.handles = server->used.handles + 1;
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_QUOTA);
    server->limit.handles++;
    server->limit.memory = server->used.memory + 4096 + handle_find(server, to_client)->charge - 1;
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_QUOTA);
    server->limit.memory++;
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
    server->limit = used;
    CHECK_INVARIANTS();
  }
  teardown(&before);
}

/* Handles of receive are read to the last, at any place that is aligned, and no further. */
static void lists_of_handles_to_the_edge(void) {
  struct alive before = alive_now();
  setup();
  uint64_t high = DATA_LOW + DATA_LENGTH;
  for (unsigned count = 1; count <= 64; count++) {
    for (unsigned i = 0; i < count; i++)
      *word_at(client, high - 4 * (count - i)) = to_server;
    CHECK_STATUS(CALL(client, channel_receive, high - 4 * count, count, SCRATCH, 200, 0), SIGNET_TIMEOUT);
    CHECK_STATUS(CALL(client, channel_receive, high - 4 * count + 4, count, SCRATCH, 200, 0), SIGNET_ADDRESS);
    CHECK_STATUS(CALL(client, channel_receive, WINDOW_BYTES - 4 * count, count, SCRATCH, 200, 0), SIGNET_ADDRESS);
    CHECK_STATUS(CALL(client, channel_receive, WINDOW_BYTES - 4, count, SCRATCH, 200, 0), SIGNET_ADDRESS);
  }
  CHECK_STATUS(CALL(client, channel_receive, high - 4 * 64, 65, SCRATCH, 200, 0), SIGNET_ARGUMENT);
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(request_and_reply);
  TEST(queue_keeps_order_and_fills);
  TEST(closed_after_queued_messages);
  TEST(send_to_closed_peer_frees);
  TEST(contract_refusals);
  TEST(refusals_say_what_is_allowed);
  TEST(contract_blobs_refused);
  TEST(contracts_with_the_same_sum);
  TEST(sums_are_not_to_be_chosen);
  TEST(block_moves_with_its_content);
  TEST(double_send_in_one_message);
  TEST(message_in_flight_dies_with_both);
  TEST(receive_that_fails_keeps_the_message);
  TEST(endpoint_moves);
  TEST(no_endpoint_reaches_its_own_queue);
  TEST(sending_to_an_end_lost_on_its_way);
  TEST(deep_carriers_close_without_recursion);
  TEST(select_over_several);
  TEST(deadlines);
  TEST(closing_what_another_thread_waits_on);
  TEST(stale_and_forged_handles);
  TEST(carriers_to_the_edge);
  TEST(handles_to_the_edge);
  TEST(received_handles_to_the_edge);
  TEST(lists_of_handles_to_the_edge);
  return test_finish();
}
