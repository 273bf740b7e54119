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

int main(void) {
  support_initialise();
  TEST(request_and_reply);
  return test_finish();
}
