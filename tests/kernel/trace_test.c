/* The trace: what is sent and what is refused, in order; and that nothing is different while there is one. */
#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)

static struct kernel_process *client, *server;
static uint32_t to_server, to_client;
static struct kernel_trace_record records[64];

static void setup(struct alive *before) {
  *before = alive_now();
  client = boot_pair(&server);
  CHECK(client);
  to_server = client->slot[0], to_client = server->slot[0];
  memset(records, 0xee, sizeof records);
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(client);
  end(server);
  kernel_trace_end();
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

static size_t take(size_t most, uint64_t lost_wanted) {
  uint64_t lost = 99;
  size_t got = kernel_trace_take(records, most, &lost);
  CHECK(lost == lost_wanted && got <= most);
  return got;
}

static void data_write(struct kernel_process *process, uint32_t offset, uint8_t first) {
  for (unsigned i = 0; i < 64; i++)
    *(uint8_t *)at(process, SCRATCH + offset + SIGNET_MESSAGE_DATA + i) = (uint8_t)(first + i);
}

static struct signet_result send(struct kernel_process *process, uint32_t endpoint, uint32_t tag, uint32_t length,
                                 uint32_t handle0, uint32_t handle1) {
  message_write(process, 0, tag, length, handle0, handle1);
  return CALL(process, channel_send, endpoint, SCRATCH, 0, 0, 0);
}

static void what_is_sent(void) {
  struct alive before;
  setup(&before);
  CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 8, 0, 0), SIGNET_OK); /* before there is one */
  CHECK(!take(64, 0));
  CHECK(kernel_trace_begin(16) == SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(!take(64, 0));
  sim_clock += 77;
  data_write(client, 0, 9);
  CHECK_STATUS(send(client, to_server, TAG_REQUEST, 64, 0, 0), SIGNET_OK);
  CHECK(take(64, 0) == 1);
  const struct kernel_trace_record *record = &records[0];
  const struct channel *channel = CONTAINER(handle_find(client, to_server), struct endpoint, object)->channel;
  CHECK(record->time == sim_clock && record->channel == channel->place.number);
  CHECK(record->process[0] == client->number && record->process[1] == server->number && record->side == 0);
  CHECK(record->state == 0 && record->next == 1 && !record->refused && !record->moved_count);
  CHECK(record->tag == TAG_REQUEST && record->length == 64);
  CHECK(!memcmp(record->identity, channel->contract->identity, 32));
  for (unsigned i = 0; i < KERNEL_TRACE_DATA; i++)
    CHECK(record->data[i] == (i < 64 ? 9 + i : 0));
  CHECK(records[1].tag == 0xeeeeeeee);
  /* What moves, and a message that lies in the block which it takes away. */
  uint64_t ends, block = CALL(client, block_allocate, 20000, 0, 0, 0, 0).value;
  *word_at(server, SCRATCH) = to_client;
  for (unsigned i = 0; i < 2; i++)
    CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  CHECK_STATUS(send(server, to_client, TAG_REPLY, 0, 0, 0), SIGNET_OK);
  *word_at(client, SCRATCH) = to_server;
  CHECK_STATUS(CALL(client, channel_receive, SCRATCH, 1, SCRATCH + 8, 200, 0), SIGNET_OK);
  CHECK(take(64, 0) == 1 && records[0].side == 1 && records[0].process[0] == server->number);
  message_write(client, 0, TAG_BLOCK, 3, (uint32_t)block, 0);
  data_write(client, 0, 40);
  memcpy(at(client, block >> 32), at(client, SCRATCH), 160);
  CHECK_STATUS(CALL(client, channel_send, to_server, block >> 32, 0, 0, 0), SIGNET_OK);
  CHECK(take(64, 0) == 1 && record->moved_count == 1 && record->moved_kind[0] == SIGNET_KIND_BLOCK);
  CHECK(record->moved_length[0] == 20480 && record->length == 3 && record->data[2] == 42 && !record->data[3]);
  struct contract_file contract = contract_make();
  memcpy(at(client, SCRATCH + 2048), &contract, sizeof contract);
  ends = CALL(client, channel_create, SCRATCH + 2048, sizeof contract, 0, 0, 0).value;
  CHECK_STATUS(send(client, to_server, TAG_CLIENT, 0, (uint32_t)ends, 0), SIGNET_OK);
  /* To an end that travels, and to one that is closed. */
  CHECK_STATUS(send(client, (uint32_t)(ends >> 32), TAG_REPLY, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 0) == 2 && records[0].moved_kind[0] == SIGNET_KIND_CLIENT && !records[0].moved_length[0]);
  CHECK(records[1].process[1] == 0 && records[1].refused == SIGNET_CONTRACT);
  CHECK_STATUS(CALL(server, handle_close, to_client, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 4, 0, 0), SIGNET_OK);
  CHECK(take(64, 0) == 1 && records[0].process[1] == SIGNET_OBSERVED_CLOSED && !records[0].refused);
  teardown(&before);
}

static void what_is_refused(void) {
  struct alive before;
  setup(&before);
  CHECK(kernel_trace_begin(16) == SIGNET_OK);
  CHECK_STATUS(send(client, to_server, TAG_REPLY, 8, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 0) == 1 && records[0].refused == SIGNET_CONTRACT && records[0].tag == TAG_REPLY);
  CHECK(records[0].state == 0 && records[0].next == 0);
  CHECK_STATUS(send(client, to_server, 77, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 0) == 1 && records[0].tag == 77);
  /* A message from nowhere, and its data. */
  uint64_t area = client->area_low;
  CHECK_STATUS(CALL(client, channel_send, to_server, area, 0, 0, 0), SIGNET_ADDRESS);
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH + 4, 0, 0, 0), SIGNET_ARGUMENT);
  CHECK_STATUS(CALL(client, channel_send, to_server, UINT64_MAX & ~UINT64_C(7), 0, 0, 0), SIGNET_ADDRESS);
  CHECK_STATUS(CALL(client, channel_send, to_server, WINDOW_BYTES - 80, 0, 0, 0), SIGNET_ADDRESS);
  CHECK(take(64, 0) == 4);
  for (unsigned i = 0; i < 4; i++)
    CHECK(records[i].tag == UINT32_MAX && !records[i].length && records[i].refused && !records[i].data[0]);
  CHECK_STATUS(CALL(client, memory_map, area, 0x1000, SIGNET_PROTECT_WRITE, 0, 0), SIGNET_OK);
  struct signet_message *message = at(client, area + 0x1000 - SIGNET_MESSAGE_DATA);
  message->tag = TAG_REQUEST, message->length = 60;
  CHECK_STATUS(CALL(client, channel_send, to_server, area + 0x1000 - SIGNET_MESSAGE_DATA, 0, 0, 0), SIGNET_ADDRESS);
  CHECK(take(64, 0) == 1 && records[0].tag == TAG_REQUEST && records[0].length == 60 && !records[0].data[0]);
  /* Whatever is in the header. */
  message = at(client, SCRATCH);
  *message = (struct signet_message){.tag = TAG_REQUEST, .length = UINT32_MAX, .moved_count = UINT32_MAX};
  for (unsigned i = 0; i < 4; i++)
    message->moved[i].handle = i ? 0xabcdef : to_server;
  CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 0) == 1 && records[0].moved_count == 255 && records[0].length == UINT32_MAX);
  CHECK(records[0].moved_kind[0] == SIGNET_KIND_CLIENT && !records[0].moved_kind[1] && !records[0].moved_kind[3]);
  /* No more of what it says that it moves is looked at than a message can move. */
  uint32_t block = (uint32_t)CALL(client, block_allocate, 4096, 0, 0, 0, 0).value;
  for (unsigned count = SIGNET_MESSAGE_MOVED; count < 300; count++) {
    message_write(client, 0, TAG_REQUEST, 8, block, block);
    message->moved_count = count;
    CHECK_STATUS(CALL(client, channel_send, to_server, SCRATCH, 0, 0, 0), SIGNET_CONTRACT);
    CHECK(take(64, 0) == 1 && records[0].moved_count == (count < 255 ? count : 255) && records[0].tag == TAG_REQUEST);
    CHECK(records[0].moved_kind[1] == SIGNET_KIND_BLOCK && !records[0].moved_kind[2] && !records[0].moved_kind[3]);
    CHECK(records[0].moved_length[0] == 4096 && records[0].moved_length[1] == 4096 && !records[0].moved_length[3]);
  }
  /* A queue that is full. */
  for (unsigned i = 0; i < 4; i++)
    CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 8, 0, 0), SIGNET_OK);
  CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 8, 0, 0), SIGNET_FULL);
  CHECK(take(64, 0) == 5 && !records[3].refused && records[4].refused == SIGNET_FULL);
  teardown(&before);
}

static void what_is_overwritten(void) {
  struct alive before;
  setup(&before);
  CHECK(kernel_trace_begin(0) == SIGNET_ARGUMENT);
  CHECK(kernel_trace_begin(5) == SIGNET_OK);
  for (uint32_t i = 0; i < 13; i++)
    CHECK_STATUS(send(client, to_server, 100 + i, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(0, 8) == 0);
  CHECK(take(2, 0) == 2 && records[0].tag == 108 && records[1].tag == 109);
  for (uint32_t i = 13; i < 16; i++)
    CHECK_STATUS(send(client, to_server, 100 + i, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 1) == 5);
  for (uint32_t i = 0; i < 5; i++)
    CHECK(records[i].tag == 111 + i);
  CHECK(take(64, 0) == 0);
  /* More than is taken with the lock held at a time. */
  CHECK(kernel_trace_begin(60) == SIGNET_OK);
  for (uint32_t i = 0; i < 50; i++)
    CHECK_STATUS(send(client, to_server, 100 + i, 0, 0, 0), SIGNET_CONTRACT);
  CHECK(take(64, 0) == 50 && records[49].tag == 149);
  kernel_trace_end();
  CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 8, 0, 0), SIGNET_OK);
  CHECK(take(64, 0) == 0);
  teardown(&before);
}

/* A request and its reply, begun by the client's call and the server's waiting. -> false when somebody cannot. */
static void exchange(unsigned rounds) {
  for (unsigned i = 0; i < rounds; i++) {
    message_write(client, 0, TAG_REQUEST, 8, 0, 0);
    CHECK_STATUS(CALL(client, channel_call, to_server, SCRATCH, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
    message_write(server, 1024, TAG_REPLY, 8, 0, 0);
    CHECK_STATUS(CALL(server, channel_call, to_client, SCRATCH + 1024, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
  }
}

/* What the short way remembers is forgotten when the trace begins: no message is missed, however often it was sent. */
static void no_message_is_missed(void) {
  struct alive before;
  setup(&before);
  const struct endpoint *from = CONTAINER(handle_find(client, to_server), struct endpoint, object);
  *word_at(server, SCRATCH) = to_client;
  CHECK_STATUS(CALL(server, channel_receive, SCRATCH, 1, SCRATCH + 512, 200, SIGNET_NEVER), SIM_AWAY);
  exchange(5);
  CHECK(from->fits_stance != STANCE_NONE && from->peer->fits_stance != STANCE_NONE);
  for (unsigned i = 0; i < 3; i++) {
    CHECK(kernel_trace_begin(40) == SIGNET_OK);
    CHECK_INVARIANTS();
    exchange(10);
    CHECK_INVARIANTS();
    CHECK(take(64, 0) == 20);
    for (unsigned j = 0; j < 20; j++)
      CHECK(records[j].side == j % 2 && records[j].tag == (j % 2 ? TAG_REPLY : TAG_REQUEST) &&
            records[j].next == (j + 1) % 2);
    kernel_trace_end();
    exchange(5);
    CHECK(from->fits_stance != STANCE_NONE);
  }
  teardown(&before);
}

/* A trace that cannot begin leaves the one that there is. */
static void no_memory(void) {
  struct alive before;
  setup(&before);
  sim_fail_at(1);
  CHECK(kernel_trace_begin(1000) == SIGNET_MEMORY);
  sim_fail_at(0);
  CHECK(!kernel.trace);
  CHECK(kernel_trace_begin(10) == SIGNET_OK);
  CHECK_STATUS(send(client, to_server, TAG_ONEWAY, 8, 0, 0), SIGNET_OK);
  sim_fail_at(1);
  CHECK(kernel_trace_begin(UINT32_MAX) == SIGNET_MEMORY);
  sim_fail_at(0);
  CHECK_INVARIANTS();
  CHECK(take(64, 0) == 1);
  CHECK(kernel_trace_begin(20) == SIGNET_OK);
  CHECK(take(64, 0) == 0);
  teardown(&before);
}

int main(void) {
  support_initialise();
  TEST(what_is_sent);
  TEST(what_is_refused);
  TEST(what_is_overwritten);
  TEST(no_message_is_missed);
  TEST(no_memory);
  return test_finish();
}
