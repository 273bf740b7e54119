/* Sets of endpoints: turns, waiting, what leaves a set and when, errors, several threads, out of memory; and a model of
 * thousands of members that a random program must agree with. Usage: set_test [seed] */
#include <time.h>

#include "support.h"

#define CALL(process, name, ...) in(process, SIGNET_CALL_##name, __VA_ARGS__)
#define MESSAGE SCRATCH
#define INBOX (SCRATCH + 0x400)
#define TABLE (SCRATCH + 0x800)
#define ROOM 200
#define KEY(n) (UINT64_C(0xabcdef0000000000) + (n))

static struct kernel_process *one;
static uint64_t set;

/* Ends of a channel that the process has with itself: the client end in the low half. */
static uint64_t channel(struct kernel_process *process) {
  struct contract_file contract = contract_make();
  memcpy(at(process, TABLE), &contract, sizeof contract);
  struct signet_result made = CALL(process, channel_create, TABLE, sizeof contract, 0, 0, 0);
  CHECK_STATUS(made, SIGNET_OK);
  return made.value;
}

static int64_t say(struct kernel_process *process, uint64_t client, uint32_t what) {
  message_write(process, 0, TAG_ONEWAY, 4, 0, 0);
  *word_at(process, MESSAGE + SIGNET_MESSAGE_DATA) = what;
  return CALL(process, channel_send, (uint32_t)client, MESSAGE, 0, 0, 0).status;
}

static struct signet_result hear(struct kernel_process *process, uint64_t deadline) {
  return CALL(process, set_receive, set, INBOX, ROOM, deadline, 0);
}

/* The next that the set gives is this, of that key. */
static bool heard(uint64_t key, uint32_t what) {
  struct signet_result outcome = hear(one, 0);
  bool good = outcome.status == SIGNET_OK && outcome.value == key && *word_at(one, INBOX + SIGNET_MESSAGE_DATA) == what;
  if (!good)
    printf("# status %lld, key %llx, %u\n", (long long)outcome.status, (unsigned long long)outcome.value,
           *word_at(one, INBOX + SIGNET_MESSAGE_DATA));
  return good;
}

static int64_t insert(uint64_t server, uint64_t key) {
  return CALL(one, set_insert, set, (uint32_t)server, key, 0, 0).status;
}

static void setup(uint64_t ends[], unsigned count) {
  one = boot("one");
  set = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  CHECK(one && set);
  for (unsigned i = 0; i < count; i++) {
    ends[i] = channel(one);
    CHECK(insert(ends[i] >> 32, KEY(i)) == SIGNET_OK);
  }
}

static void teardown(const struct alive *before) {
  CHECK_INVARIANTS();
  end(one);
  CHECK_INVARIANTS();
  CHECK(alive_same(before));
}

static void thread(void) { CHECK_STATUS(CALL(one, thread_create, ENTRY, SCRATCH + 0x1000, 0, 0, 0), SIGNET_OK); }

/* ---- Turns ---- */

static void each_in_its_turn(void) {
  struct alive before = alive_now();
  uint64_t ends[4];
  setup(ends, 4);
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  /* One is busy: its queue is full from the beginning, and filled up all the time. */
  for (uint32_t i = 0; i < 4; i++)
    CHECK(say(one, ends[2], i) == SIGNET_OK);
  CHECK(say(one, ends[3], 30) == SIGNET_OK && say(one, ends[0], 10) == SIGNET_OK && say(one, ends[0], 11) == SIGNET_OK);
  CHECK(heard(KEY(2), 0) && say(one, ends[2], 4) == SIGNET_OK);
  CHECK(heard(KEY(3), 30));
  CHECK(heard(KEY(0), 10));
  CHECK(heard(KEY(2), 1) && say(one, ends[2], 5) == SIGNET_OK);
  CHECK(say(one, ends[1], 20) == SIGNET_OK);
  CHECK(heard(KEY(0), 11));
  CHECK_INVARIANTS();
  CHECK(heard(KEY(2), 2));
  CHECK(heard(KEY(1), 20));
  for (uint32_t i = 3; i < 6; i++)
    CHECK(heard(KEY(2), i));
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  teardown(&before);
}

static void keys_are_the_holders(void) {
  struct alive before = alive_now();
  uint64_t ends[2];
  setup(NULL, 0);
  const uint64_t keys[] = {0, UINT64_MAX};
  for (unsigned i = 0; i < 2; i++) {
    ends[i] = channel(one);
    CHECK(insert(ends[i] >> 32, keys[i]) == SIGNET_OK && say(one, ends[i], i) == SIGNET_OK);
  }
  CHECK(heard(0, 0) && heard(UINT64_MAX, 1));
  /* Two may have one key, and a message may wait when its end is inserted. */
  uint64_t third = channel(one);
  CHECK(say(one, third, 3) == SIGNET_OK && insert(third >> 32, 0) == SIGNET_OK && heard(0, 3));
  teardown(&before);
}

static void closed_after_what_was_said(void) {
  struct alive before = alive_now();
  uint64_t ends[2];
  setup(ends, 2);
  CHECK(say(one, ends[0], 1) == SIGNET_OK);
  CALL(one, handle_close, (uint32_t)ends[0], 0, 0, 0, 0);
  CHECK(heard(KEY(0), 1));
  /* Closed is told in each turn, until this end is closed too; it keeps nobody waiting. */
  for (uint32_t i = 0; i < 3; i++) {
    struct signet_result outcome = hear(one, SIGNET_NEVER);
    CHECK(outcome.status == SIGNET_CLOSED && outcome.value == KEY(0));
    CHECK(say(one, ends[1], i) == SIGNET_OK);
    if (i == 2)
      CALL(one, handle_close, ends[0] >> 32, 0, 0, 0, 0);
    else
      CHECK_STATUS(hear(one, 0), SIGNET_CLOSED);
    CHECK(heard(KEY(1), i));
    CHECK_INVARIANTS();
  }
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  teardown(&before);
}

/* ---- Waiting ---- */

static void waits_and_wakes(void) {
  struct alive before = alive_now();
  struct kernel_process *server, *client = boot_pair(&server);
  one = server;
  set = CALL(server, set_create, 0, 0, 0, 0, 0).value;
  /* Nobody is in it: it waits, until its deadline. */
  CHECK_STATUS(hear(server, sim_clock + 50), SIM_AWAY);
  CHECK_INVARIANTS();
  sim_clock += 50;
  CHECK_STATUS(taken(server), SIGNET_TIMEOUT);
  CHECK_STATUS(CALL(server, set_insert, set, server->slot[0], 5, 0, 0), SIGNET_OK);
  /* A message. */
  CHECK_STATUS(hear(server, SIGNET_NEVER), SIM_AWAY);
  CHECK_INVARIANTS();
  CHECK(say(client, client->slot[0], 77) == SIGNET_OK);
  CHECK_INVARIANTS();
  struct signet_result outcome = taken(server);
  CHECK(outcome.status == SIGNET_OK && outcome.value == 5 && *word_at(server, INBOX + SIGNET_MESSAGE_DATA) == 77);
  /* A request, handed over or not, and the answer. */
  for (unsigned i = 0; i < 3; i++) {
    CHECK_STATUS(hear(server, i == 1 ? sim_clock + 1000 : SIGNET_NEVER), SIM_AWAY);
    message_write(client, 0, TAG_REQUEST, 16, 0, 0);
    CHECK_STATUS(CALL(client, channel_call, client->slot[0], MESSAGE, INBOX, ROOM, SIGNET_NEVER), SIM_AWAY);
    CHECK_INVARIANTS();
    outcome = taken(server);
    CHECK(outcome.status == SIGNET_OK && outcome.value == 5);
    message_write(server, 0, TAG_REPLY, 16, 0, 0);
    CHECK_STATUS(CALL(server, channel_send, server->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
    CHECK_STATUS(taken(client), SIGNET_OK);
  }
  /* The death of the peer. */
  CHECK_STATUS(hear(server, SIGNET_NEVER), SIM_AWAY);
  end(client);
  CHECK_INVARIANTS();
  outcome = taken(server);
  CHECK(outcome.status == SIGNET_CLOSED && outcome.value == 5);
  teardown(&before);
}

static void what_is_inserted_meanwhile_counts(void) {
  struct alive before = alive_now();
  setup(NULL, 0);
  uint64_t quiet = channel(one), loud = channel(one);
  CHECK(say(one, loud, 9) == SIGNET_OK);
  thread();
  CHECK_STATUS(hear(one, SIGNET_NEVER), SIM_AWAY);
  CHECK(insert(quiet >> 32, 1) == SIGNET_OK);
  CHECK(one->ready_count == 0);
  CHECK(insert(loud >> 32, 2) == SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(one, thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  struct signet_result outcome = taken(one);
  CHECK(outcome.status == SIGNET_OK && outcome.value == 2);
  teardown(&before);
}

static void closing_the_set_ends_the_wait(void) {
  struct alive before = alive_now();
  uint64_t ends[3];
  setup(ends, 3);
  thread();
  CHECK_STATUS(hear(one, SIGNET_NEVER), SIM_AWAY);
  CHECK_STATUS(CALL(one, handle_close, set, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(one, thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(one), SIGNET_HANDLE);
  /* Its members are in no set now, and may be in another. */
  CHECK(say(one, ends[0], 1) == SIGNET_OK);
  set = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  CHECK(insert(ends[0] >> 32, 8) == SIGNET_OK && heard(8, 1));
  teardown(&before);
}

static void an_event_interrupts(void) {
  struct alive before = alive_now();
  uint64_t ends[1];
  setup(ends, 1);
  CHECK_STATUS(CALL(one, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(hear(one, SIGNET_NEVER), SIM_AWAY);
  kernel_process_event(one, SIGNET_EVENT_WINDOW_SIZE);
  CHECK(turn_to(one) && sim_current()->diverted);
  CHECK_STATUS(CALL(one, event_return, 0, 0, 0, 0, 0), SIGNET_INTERRUPTED);
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  teardown(&before);
}

/* ---- Leaving ---- */

static void leaves_when_closed_moved_or_granted(void) {
  struct alive before = alive_now();
  uint64_t ends[4];
  setup(ends, 4);
  uint64_t carrier = channel(one);
  for (unsigned i = 0; i < 4; i++)
    CHECK(say(one, ends[i], i) == SIGNET_OK);
  CHECK_STATUS(CALL(one, handle_close, ends[0] >> 32, 0, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  uint64_t block = CALL(one, block_allocate, 4096, 0, 0, 0, 0).value;
  message_write(one, 0, TAG_SERVER, 0, (uint32_t)(ends[1] >> 32), (uint32_t)block);
  CHECK_STATUS(CALL(one, channel_send, (uint32_t)carrier, MESSAGE, 0, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  /* What is said to it while it travels wakes nobody. */
  CHECK(say(one, ends[1], 11) == SIGNET_OK);
  CHECK_INVARIANTS();
  struct image_file *file = image_file_make();
  block = CALL(one, block_allocate, sizeof *file, 0, 0, 0, 0).value;
  memcpy(at(one, block >> 32), file, sizeof *file);
  free(file);
  uint64_t loaded = CALL(one, image_load, (uint32_t)block, IMAGE_BYTES, 0, 0, 0).value;
  struct signet_process_specification specification = {
      .image = (uint32_t)loaded,
      .slots = 1,
      .quota = {.memory = 1 << 20, .threads = 1, .handles = 8, .regions = 1},
      .name = "child"};
  memcpy(at(one, SCRATCH), &specification, sizeof specification);
  uint64_t child = CALL(one, process_create, SCRATCH, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(one, process_grant, child, 0, set, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(one, process_grant, child, 0, ends[2] >> 32, 0, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(heard(KEY(3), 3));
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  /* Who receives it may insert it again, with what waits there. */
  *word_at(one, INBOX) = (uint32_t)(carrier >> 32);
  CHECK_STATUS(CALL(one, channel_receive, INBOX, 1, INBOX + 8, ROOM, 0), SIGNET_OK);
  struct signet_message *message = at(one, INBOX + 8);
  CHECK(insert((uint64_t)message->moved[0].handle << 32 >> 32, 4) == SIGNET_OK);
  CHECK(heard(4, 1) && heard(4, 11));
  teardown(&before);
}

static void a_process_dies_with_its_sets(void) {
  struct alive before = alive_now();
  uint64_t ends[3];
  setup(ends, 3);
  CHECK(say(one, ends[1], 1) == SIGNET_OK);
  CALL(one, handle_close, (uint32_t)ends[2], 0, 0, 0, 0);
  CHECK(CALL(one, set_create, 0, 0, 0, 0, 0).value);
  thread();
  CHECK_STATUS(hear(one, 0), SIGNET_OK);
  teardown(&before);
}

/* Another thread receives from a member: the set does not tell of what is no more. */
static void received_behind_its_back(void) {
  struct alive before = alive_now();
  uint64_t ends[2];
  setup(ends, 2);
  CHECK(say(one, ends[0], 1) == SIGNET_OK && say(one, ends[1], 2) == SIGNET_OK && say(one, ends[1], 3) == SIGNET_OK);
  *word_at(one, TABLE) = (uint32_t)(ends[0] >> 32);
  CHECK_STATUS(CALL(one, channel_receive, TABLE, 1, INBOX, ROOM, 0), SIGNET_OK);
  *word_at(one, TABLE) = (uint32_t)(ends[1] >> 32);
  CHECK_STATUS(CALL(one, channel_receive, TABLE, 1, INBOX, ROOM, 0), SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(heard(KEY(1), 3));
  CHECK_STATUS(hear(one, 0), SIGNET_TIMEOUT);
  CHECK(say(one, ends[0], 4) == SIGNET_OK && heard(KEY(0), 4));
  /* It waits at the member while another waits in the set: both look, one receives. */
  thread();
  CHECK_STATUS(hear(one, SIGNET_NEVER), SIM_AWAY);
  *word_at(one, TABLE) = (uint32_t)(ends[0] >> 32);
  thread();
  CHECK_STATUS(CALL(one, channel_receive, TABLE, 1, INBOX + 0x100, ROOM, SIGNET_NEVER), SIM_AWAY);
  CHECK(say(one, ends[0], 5) == SIGNET_OK);
  CHECK_INVARIANTS();
  CHECK(one->ready_count == 2);
  CHECK_STATUS(CALL(one, word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(one), SIGNET_OK);
  CHECK_STATUS(CALL(one, word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  CHECK(!sim_current());
  CHECK_INVARIANTS();
  teardown(&before);
}

/* ---- Several threads ---- */

/* So many threads wait in the set, and one is left to act. */
static void waiters(unsigned count) {
  for (unsigned i = 0; i < count; i++)
    thread();
  for (unsigned i = 0; i < count; i++)
    CHECK_STATUS(CALL(one, set_receive, set, INBOX + 0x100 * i, ROOM, SIGNET_NEVER, 0), SIM_AWAY);
  CHECK(one->ready_count == 0 && sim_current());
}

static void a_message_wakes_one(void) {
  struct alive before = alive_now();
  uint64_t ends[3];
  setup(ends, 3);
  waiters(3);
  CHECK(say(one, ends[0], 1) == SIGNET_OK && one->ready_count == 1);
  CHECK(say(one, ends[0], 2) == SIGNET_OK && one->ready_count == 2);
  CHECK_INVARIANTS();
  CHECK_STATUS(CALL(one, thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(one), SIGNET_OK);
  CHECK(one->ready_count == 2 && *word_at(one, INBOX + SIGNET_MESSAGE_DATA) == 1);
  CHECK_STATUS(CALL(one, thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(taken(one), SIGNET_OK);
  CHECK(*word_at(one, INBOX + 0x100 + SIGNET_MESSAGE_DATA) == 2);
  CHECK_INVARIANTS();
  CHECK(one->ready_count == 2); /* the third sleeps on */
  teardown(&before);
}

/* Who closes wakes one, and who is told wakes the next: all learn of it, as all who receive from one end do. */
static void all_learn_of_a_closed_peer(void) {
  struct alive before = alive_now();
  uint64_t ends[3];
  setup(ends, 3);
  waiters(3);
  CALL(one, handle_close, (uint32_t)ends[1], 0, 0, 0, 0);
  CHECK_INVARIANTS();
  CHECK(one->ready_count == 1);
  unsigned told = 0;
  for (unsigned i = 0; i < 20 && test_good; i++) {
    sim_preempt();
    CHECK_INVARIANTS();
    told += sim_current()->answered && sim_current()->result.status == SIGNET_CLOSED &&
            sim_current()->result.value == KEY(1);
    sim_current()->answered = false;
  }
  CHECK(told == 3);
  LIST_EACH(node, &one->threads) CHECK(CONTAINER(node, struct thread, link)->wait != WAIT_SET);
  teardown(&before);
}

/* The one that a message woke does not come to receive it: it is interrupted first, or its buffer is gone, or too
 * small. Then another gets it. */
static void who_was_woken_passes_it_on(void) {
  struct alive before = alive_now();
  uint64_t ends[1];
  setup(ends, 1);
  uint64_t page = one->area_low;
  thread();
  thread();
  thread();
  CHECK_STATUS(CALL(one, event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(one, memory_map, page, 4096, 3, 0, 0), SIGNET_OK);
  CHECK_STATUS(hear(one, SIGNET_NEVER), SIM_AWAY); /* the first thread */
  CHECK_STATUS(CALL(one, set_receive, set, page, ROOM, SIGNET_NEVER, 0), SIM_AWAY);
  CHECK_STATUS(CALL(one, set_receive, set, INBOX, 81, SIGNET_NEVER, 0), SIM_AWAY);
  CHECK(turn_to(one));
  /* Two hosts of events: the message makes the first thread ready, the event takes its turn away. */
  CHECK(say(one, ends[0], 1) == SIGNET_OK && one->ready_count == 1);
  CHECK_STATUS(CALL(one, memory_unmap, page, 4096, 0, 0, 0), SIGNET_OK);
  kernel_process_event(one, SIGNET_EVENT_WINDOW_SIZE);
  CHECK_STATUS(CALL(one, word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  CHECK_INVARIANTS();
  unsigned interrupted = 0, address = 0, capacity = 0;
  for (unsigned i = 0; i < 20; i++) {
    CHECK(turn_to(one));
    if (sim_current()->diverted) {
      CHECK(one->threads.next == &CONTAINER(one->threads.next, struct thread, link)->link);
      CHECK_STATUS(CALL(one, event_return, 0, 0, 0, 0, 0), SIM_AWAY);
    } else if (sim_current()->answered) {
      int64_t status = sim_current()->result.status;
      interrupted += status == SIGNET_INTERRUPTED, address += status == SIGNET_ADDRESS;
      capacity += status == SIGNET_CAPACITY;
      CHECK(status != SIGNET_CAPACITY || sim_current()->result.value == SIGNET_MESSAGE_DATA + 4);
      sim_current()->answered = false;
    }
    CHECK_INVARIANTS();
    sim_preempt();
  }
  CHECK(interrupted == 1 && address == 1 && capacity == 1);
  CHECK(heard(KEY(0), 1)); /* it is still there */
  teardown(&before);
}

/* ---- Errors ---- */

/* An end arrives that its receiver has no room for: the message stays, the key says whose it is, others have their
 * turn, and the service can get rid of it. */
static void what_cannot_be_received(void) {
  struct alive before = alive_now();
  struct kernel_process *server, *client = boot_pair(&server);
  one = server;
  set = CALL(server, set_create, 0, 0, 0, 0, 0).value;
  uint64_t other = channel(server);
  CHECK_STATUS(CALL(server, set_insert, set, server->slot[0], 1, 0, 0), SIGNET_OK);
  CHECK_STATUS(CALL(server, set_insert, set, other >> 32, 2, 0, 0), SIGNET_OK);
  uint64_t block = CALL(client, block_allocate, 1 << 20, 0, 0, 0, 0).value;
  message_write(client, 0, TAG_BLOCK, 0, (uint32_t)block, 0);
  CHECK_STATUS(CALL(client, channel_send, client->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
  /* Too small a buffer: the same one's turn. */
  struct signet_result outcome = CALL(server, set_receive, set, INBOX, SIGNET_MESSAGE_DATA - 1, 0, 0);
  CHECK(outcome.status == SIGNET_CAPACITY && outcome.value == SIGNET_MESSAGE_DATA);
  CHECK(say(server, other, 7) == SIGNET_OK);
  CHECK_STATUS(CALL(server, set_receive, set, INBOX, SIGNET_MESSAGE_DATA - 1, 0, 0), SIGNET_CAPACITY);
  CHECK_STATUS(CALL(server, set_receive, set, CODE_LOW, ROOM, 0, 0), SIGNET_ADDRESS);
  CHECK_INVARIANTS();
  /* The quota. */
  uint64_t limit = server->limit.memory;
  server->limit.memory = server->used.memory + 4096;
  for (unsigned i = 0; i < 2; i++) {
    outcome = hear(server, SIGNET_NEVER);
    CHECK(outcome.status == SIGNET_QUOTA && outcome.value == 1);
    CHECK(heard(2, 7) && say(server, other, 7) == SIGNET_OK);
    CHECK_INVARIANTS();
  }
  server->limit.memory = limit;
  /* The machine's memory: the block finds no place in the window's list, the list having to grow. */
  outcome = hear(server, 0); /* it is the block's turn: it comes now */
  CHECK(outcome.status == SIGNET_OK && outcome.value == 1);
  CHECK(((struct signet_message *)at(server, INBOX))->tag == TAG_BLOCK);
  CHECK(heard(2, 7));
  unsigned failed = 0;
  for (unsigned n = 1; n < 40 && !failed; n++) {
    message_write(client, 0, TAG_BLOCK, 0, (uint32_t)CALL(client, block_allocate, 4096, 0, 0, 0, 0).value, 0);
    CHECK_STATUS(CALL(client, channel_send, client->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
    alive_now(); /* no free slabs are left */
    sim_fail_at(1);
    outcome = hear(server, 0);
    failed += sim_failed();
    sim_fail_at(0);
    CHECK(outcome.status == (failed ? SIGNET_MEMORY : SIGNET_OK) && outcome.value == 1);
    CHECK_INVARIANTS();
  }
  CHECK(failed == 1);
  CHECK_STATUS(CALL(server, handle_close, server->slot[0], 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(hear(server, 0), SIGNET_TIMEOUT);
  end(client);
  teardown(&before);
}

static void sets_are_charged(void) {
  struct alive before = alive_now();
  setup(NULL, 0);
  struct signet_quota used = one->used, limit = one->limit;
  uint64_t second = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  CHECK(one->used.handles == used.handles + 1 && one->used.memory == used.memory + sizeof(struct set));
  CHECK_STATUS(CALL(one, handle_close, second, 0, 0, 0, 0), SIGNET_OK);
  CHECK(!memcmp(&one->used, &used, sizeof used));
  one->limit.memory = used.memory + sizeof(struct set) - 1;
  CHECK_STATUS(CALL(one, set_create, 0, 0, 0, 0, 0), SIGNET_QUOTA);
  one->limit = limit;
  one->limit.handles = used.handles;
  CHECK_STATUS(CALL(one, set_create, 0, 0, 0, 0, 0), SIGNET_QUOTA);
  one->limit = limit;
  /* Inserting costs nothing: there is nothing that it could lack. */
  uint64_t ends = channel(one);
  one->limit.memory = one->used.memory, one->limit.handles = one->used.handles;
  used = one->used;
  sim_fail_at(1);
  CHECK(insert(ends >> 32, 1) == SIGNET_OK && !sim_failed() && !memcmp(&one->used, &used, sizeof used));
  sim_fail_at(0);
  one->limit = limit;
  teardown(&before);
}

/* ---- Attacks ---- */

static void what_is_not_ones_own(void) {
  struct alive before = alive_now();
  uint64_t ends[1];
  struct kernel_process *other = boot("other");
  setup(ends, 1);
  uint64_t theirs = CALL(other, set_create, 0, 0, 0, 0, 0).value, their_ends = channel(other);
  /* Numbers of another's handles, and of other kinds. */
  uint64_t numbers[] = {theirs + 0x10000, their_ends >> 32 << 4, 0, UINT32_MAX, set | UINT64_C(1) << 40};
  for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    CHECK_STATUS(CALL(one, set_insert, numbers[i], (uint32_t)ends[0], 1, 0, 0), SIGNET_HANDLE);
    CHECK_STATUS(CALL(one, set_insert, set, numbers[i], 1, 0, 0), SIGNET_HANDLE);
    CHECK_STATUS(CALL(one, set_receive, numbers[i], INBOX, ROOM, 0, 0), SIGNET_HANDLE);
  }
  CHECK_STATUS(CALL(one, set_insert, set, set, 1, 0, 0), SIGNET_HANDLE);
  CHECK_STATUS(CALL(one, set_insert, ends[0] >> 32, (uint32_t)ends[0], 1, 0, 0), SIGNET_HANDLE);
  CHECK(insert(ends[0] >> 32, 2) == SIGNET_STATE);
  uint64_t second = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  CHECK_STATUS(CALL(one, set_insert, second, ends[0] >> 32, 2, 0, 0), SIGNET_STATE);
  /* A set goes into no message. */
  message_write(one, 0, TAG_CLIENT, 0, (uint32_t)set, 0);
  CHECK_STATUS(CALL(one, channel_send, (uint32_t)ends[0], MESSAGE, 0, 0, 0), SIGNET_CONTRACT);
  /* Both ends of a channel in one set. */
  CHECK(insert((uint32_t)ends[0], 9) == SIGNET_OK && say(one, ends[0], 3) == SIGNET_OK && heard(KEY(0), 3));
  struct signet_handle_information *information = at(one, INBOX);
  CHECK_STATUS(CALL(one, handle_query, set, INBOX, 0, 0, 0), SIGNET_OK);
  CHECK(information->kind == SIGNET_KIND_SET && information->queued == 0);
  CHECK_INVARIANTS();
  end(other);
  teardown(&before);
}

/* ---- Out of memory ---- */

static bool scenario(void) {
  one = boot("one");
  if (!one)
    return false;
  for (unsigned i = 0; i < 40; i++) {
    struct signet_result made = CALL(one, set_create, 0, 0, 0, 0, 0);
    if (made.status)
      return false;
    set = made.value;
  }
  struct contract_file contract = contract_make();
  memcpy(at(one, TABLE), &contract, sizeof contract);
  struct signet_result ends = CALL(one, channel_create, TABLE, sizeof contract, 0, 0, 0);
  return !ends.status && insert(ends.value >> 32, 1) == SIGNET_OK && say(one, ends.value, 5) == SIGNET_OK &&
         hear(one, 0).status == SIGNET_OK;
}

static void out_of_memory(void) {
  struct alive before = alive_now();
  unsigned n = 0;
  bool failed = true;
  while (failed && test_good) {
    alive_now();
    sim_fail_at(++n);
    bool succeeded = scenario();
    failed = sim_failed();
    sim_fail_at(0);
    CHECK(succeeded != failed);
    CHECK_INVARIANTS();
    end(one);
    CHECK(alive_same(&before));
  }
  printf("# %u places\n", n - 1);
  CHECK(n > 5);
}

/* ---- Thousands of members, and a model ---- */

static uint64_t state = 20;
static uint32_t chance(uint32_t below) {
  state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)((state >> 33) % below);
}

#define MANY 3000
static struct {
  uint64_t ends;
  uint32_t said[4], count; /* what waits there */
  bool open, inserted, peer_closed;
} model[MANY];
static uint32_t turns[MANY], turn_count; /* whose turn comes when */

static bool model_ready(uint32_t i) { return model[i].inserted && (model[i].count || model[i].peer_closed); }
static void turn_leave(uint32_t i) {
  for (uint32_t k = 0; k < turn_count; k++)
    if (turns[k] == i) {
      memmove(&turns[k], &turns[k + 1], (--turn_count - k) * sizeof *turns);
      return;
    }
}
static bool has_turn(uint32_t i) {
  for (uint32_t k = 0; k < turn_count; k++)
    if (turns[k] == i)
      return true;
  return false;
}
static void model_taken(uint32_t i) {
  memmove(model[i].said, model[i].said + 1, sizeof model[i].said - sizeof *model[i].said);
  model[i].count--;
}

static void model_step(uint32_t *counter) {
  uint32_t i = chance(4) ? chance(MANY) : chance(10); /* some are busier */
  switch (chance(20)) {
  default: /* something is said */
    if (!model[i].open || model[i].peer_closed || model[i].count == 4)
      return;
    CHECK(say(one, model[i].ends, ++*counter) == SIGNET_OK);
    model[i].said[model[i].count++] = *counter;
    if (model_ready(i) && !has_turn(i))
      turns[turn_count++] = i;
    return;
  case 10: /* a channel is made, or ends */
    if (!model[i].open) {
      memset(&model[i], 0, sizeof model[i]);
      model[i].ends = channel(one);
      model[i].open = true;
    } else if (!model[i].peer_closed && chance(2)) {
      CHECK_STATUS(CALL(one, handle_close, (uint32_t)model[i].ends, 0, 0, 0, 0), SIGNET_OK);
      model[i].peer_closed = true;
      if (model_ready(i) && !has_turn(i))
        turns[turn_count++] = i;
    } else if (!chance(3)) {
      CHECK_STATUS(CALL(one, handle_close, model[i].ends >> 32, 0, 0, 0, 0), SIGNET_OK);
      if (!model[i].peer_closed)
        CHECK_STATUS(CALL(one, handle_close, (uint32_t)model[i].ends, 0, 0, 0, 0), SIGNET_OK);
      model[i].open = model[i].inserted = false;
      turn_leave(i);
    }
    return;
  case 11:
  case 12: /* it is inserted */
    if (!model[i].open)
      return;
    CHECK(insert(model[i].ends >> 32, i) == (model[i].inserted ? SIGNET_STATE : SIGNET_OK));
    if (!model[i].inserted) {
      model[i].inserted = true;
      if (model_ready(i))
        turns[turn_count++] = i;
    }
    return;
  case 13: /* it is received from directly */
    if (!model[i].open || !model[i].count)
      return;
    *word_at(one, TABLE) = (uint32_t)(model[i].ends >> 32);
    CHECK_STATUS(CALL(one, channel_receive, TABLE, 1, INBOX, ROOM, 0), SIGNET_OK);
    CHECK(*word_at(one, INBOX + SIGNET_MESSAGE_DATA) == model[i].said[0]);
    model_taken(i);
    if (!model_ready(i))
      turn_leave(i);
    return;
  case 14:
  case 15:
  case 16:
  case 17:
  case 18:
  case 19: { /* the set */
    struct signet_result outcome = hear(one, 0);
    if (!turn_count) {
      CHECK(outcome.status == SIGNET_TIMEOUT);
      return;
    }
    i = turns[0];
    turn_leave(i);
    CHECK(outcome.value == i);
    CHECK(outcome.status == (model[i].count ? SIGNET_OK : SIGNET_CLOSED));
    if (model[i].count) {
      CHECK(*word_at(one, INBOX + SIGNET_MESSAGE_DATA) == model[i].said[0]);
      model_taken(i);
    }
    if (model_ready(i))
      turns[turn_count++] = i;
    return;
  }
  }
}

static void agrees_with_a_model(void) {
  static const struct signet_quota quota = {
      .memory = 256 << 20, .threads = 2, .handles = 2 * MANY + 10, .regions = 4, .processes = 1};
  struct alive before = alive_now();
  one = boot_unstarted("many", 0, &quota);
  CHECK(one && kernel_process_start(one) == SIGNET_OK);
  set = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  for (uint32_t i = 0; i < MANY; i++) {
    model[i].ends = channel(one), model[i].open = true;
    if (i % 8)
      model[i].inserted = insert(model[i].ends >> 32, i) == SIGNET_OK;
  }
  uint32_t counter = 0;
  for (uint32_t step = 0; step < 200000 && test_good; step++) {
    model_step(&counter);
    if (step % 10000 == 0)
      CHECK_INVARIANTS();
    if (!test_good)
      printf("# at step %u\n", step);
  }
  CHECK(counter > 10000);
  CHECK_STATUS(CALL(one, handle_close, set, 0, 0, 0, 0), SIGNET_OK);
  teardown(&before);
}

/* Nanoseconds of a message through a set of so many, the best of some tries. */
static uint64_t cost(uint32_t members) {
  uint64_t best = UINT64_MAX;
  set = CALL(one, set_create, 0, 0, 0, 0, 0).value;
  for (uint32_t i = 0; i < members; i++)
    insert(model[i].ends >> 32, i);
  for (unsigned attempt = 0; attempt < 20; attempt++) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (unsigned i = 0; i < 50; i++) {
      say(one, model[i % 2 ? 0 : members - 1].ends, i);
      hear(one, 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    uint64_t spent = (uint64_t)((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec) / 50;
    best = spent < best ? spent : best;
  }
  CALL(one, handle_close, set, 0, 0, 0, 0);
  return best;
}

static void does_not_cost_more_with_more(void) {
  static const struct signet_quota quota = {
      .memory = 256 << 20, .threads = 2, .handles = 2 * MANY + 10, .regions = 4, .processes = 1};
  struct alive before = alive_now();
  one = boot_unstarted("many", 0, &quota);
  CHECK(one && kernel_process_start(one) == SIGNET_OK);
  for (uint32_t i = 0; i < MANY; i++)
    model[i].ends = channel(one);
  uint64_t few = cost(2), many = cost(MANY);
  printf("# a message through a set: %llu ns of 2, %llu ns of %u\n", (unsigned long long)few, (unsigned long long)many,
         MANY);
  CHECK(many < 5 * few);
  teardown(&before);
}

int main(int count, char **arguments) {
  if (count > 1)
    state = strtoull(arguments[1], NULL, 0);
  support_initialise();
  TEST(each_in_its_turn);
  TEST(keys_are_the_holders);
  TEST(closed_after_what_was_said);
  TEST(waits_and_wakes);
  TEST(what_is_inserted_meanwhile_counts);
  TEST(closing_the_set_ends_the_wait);
  TEST(an_event_interrupts);
  TEST(leaves_when_closed_moved_or_granted);
  TEST(a_process_dies_with_its_sets);
  TEST(received_behind_its_back);
  TEST(a_message_wakes_one);
  TEST(all_learn_of_a_closed_peer);
  TEST(who_was_woken_passes_it_on);
  TEST(what_cannot_be_received);
  TEST(sets_are_charged);
  TEST(what_is_not_ones_own);
  TEST(out_of_memory);
  TEST(agrees_with_a_model);
  TEST(does_not_cost_more_with_more);
  return test_finish();
}
