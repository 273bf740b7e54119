/* The short ways of channel_call and thread_yield: each thing that forbids them, one by one, and that the outcome is
 * the general way's (agree.h). */
#include "agree.h"

/* ---- One by one: all is such that a call is handed over, but for one thing ---- */

/* State 0: it is the client's turn, 1: the server's, 2: the client's, but it is not to send a request. */
enum { REQUEST, REPLY, LAST, OTHER, BLOCK, NOTE, MORE, MESSAGES };
static const struct talk {
  struct signet_contract header;
  struct signet_contract_message rows[MESSAGES];
  uint8_t next[3][MESSAGES];
} talk = {
    {.version = 1, .messages = MESSAGES, .states = 3, .slots_to_server = 2, .slots_to_client = 2, .data_most = 64},
    {[REQUEST] = {.length_most = 64},
     [REPLY] = {.to_client = 1, .length_most = 64},
     [LAST] = {.to_client = 1, .length_most = 64},
     [OTHER] = {.length_least = 4, .length_most = 60},
     [BLOCK] = {.moved_count = 1, .moved_kind = {SIGNET_KIND_BLOCK}, .length_most = 64},
     [NOTE] = {.to_client = 1, .length_most = 64},
     [MORE] = {.length_most = 64}},
    {{[REQUEST] = 1, [REPLY] = 255, [LAST] = 255, [OTHER] = 1, [BLOCK] = 1, [NOTE] = 0, [MORE] = 255},
     {[REQUEST] = 255, [REPLY] = 0, [LAST] = 2, [OTHER] = 255, [BLOCK] = 255, [NOTE] = 1, [MORE] = 1},
     {[REQUEST] = 255, [REPLY] = 255, [LAST] = 255, [OTHER] = 1, [BLOCK] = 255, [NOTE] = 2, [MORE] = 255}}};

#define TALK_LENGTH (offsetof(struct talk, next) + sizeof talk.next)

/* Between client and other, all of it the client's turn: what stands behind its one row reads as a second one that fits
 * (the next state is its lengths, too). */
static const struct edge {
  struct signet_contract header;
  struct signet_contract_message row;
  uint8_t next[17];
} edge = {{.version = 1, .messages = 1, .states = 17, .slots_to_server = 2, .slots_to_client = 2, .data_most = 64},
          {.length_most = 64},
          {[offsetof(struct signet_contract_message, length_most)] = 16}};
#define EDGE_LENGTH (offsetof(struct edge, next) + sizeof edge.next)

#define MESSAGE SCRATCH
#define ANSWER (SCRATCH + 512)
#define LISTEN (SCRATCH + 1024) /* handles to receive from */
#define DATA_END (DATA_LOW + DATA_LENGTH)

static struct kernel_process *client, *server, *other;
/* The call under test, and how the server waits for it. */
static struct {
  uint64_t handle, message, reply, capacity, deadline;
  uint64_t server_reply, server_capacity, server_tag, server_length;
} call;

static void put(struct kernel_process *to, uint64_t offset, uint32_t tag, uint32_t length) {
  struct signet_message *message = at(to, offset);
  *message = (struct signet_message){.tag = tag, .length = length};
  uint8_t *data = sim_memory(to->window, offset + SIGNET_MESSAGE_DATA, length, true);
  for (uint32_t i = 0; data && i < length; i++)
    data[i] = (uint8_t)(i * 7 + tag);
}

static int64_t converse(struct kernel_process *from, uint32_t tag) {
  put(from, MESSAGE, tag, 16);
  return in(from, SIGNET_CALL_channel_call, from->slot[0], MESSAGE, ANSWER, 200, SIGNET_NEVER).status;
}

static int64_t receive(struct kernel_process *by, uint64_t deadline) {
  *word_at(by, LISTEN) = by->slot[0];
  return in(by, SIGNET_CALL_channel_receive, LISTEN, 1, ANSWER, 200, deadline).status;
}

/* The client has made a request, and the server has it. */
static void request_made(void) {
  client = boot_unstarted("client", 2, NULL);
  server = boot_unstarted("server", 1, NULL);
  other = boot_unstarted("other", 1, NULL);
  if (!client || !server || !other || kernel_process_connect(client, 0, server, 0, &talk, TALK_LENGTH) ||
      kernel_process_connect(client, 1, other, 0, &edge, EDGE_LENGTH) || kernel_process_start(other) ||
      kernel_process_start(client) || kernel_process_start(server))
    note_bad();
  CHECK(receive(other, SIGNET_NEVER) == SIM_AWAY);
  CHECK(converse(client, REQUEST) == SIM_AWAY);
  CHECK(receive(server, SIGNET_NEVER) == SIGNET_OK);
  call.handle = client->slot[0];
  call.message = MESSAGE, call.reply = ANSWER, call.capacity = 200, call.deadline = SIGNET_NEVER;
  call.server_reply = ANSWER, call.server_capacity = 200, call.server_tag = REPLY, call.server_length = 16;
}

/* The server answers and waits for the next; the client has the answer. */
static void answered(void) {
  put(server, MESSAGE, (uint32_t)call.server_tag, (uint32_t)call.server_length);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_call, server->slot[0], MESSAGE, call.server_reply, call.server_capacity,
                  SIGNET_NEVER),
               SIM_AWAY);
  CHECK_STATUS(taken(client), SIGNET_OK);
  put(client, MESSAGE, REQUEST, 16);
}

static struct signet_message *header(void) { return at(client, MESSAGE); }

static void plain(void) { answered(); }
static void plain_twice(void) {
  answered();
  CHECK(converse(client, REQUEST) == SIM_AWAY);
  CHECK_STATUS(taken(server), SIGNET_OK);
  answered();
}
#define FORM(name, tag, length)                                                                                        \
  static void name(void) {                                                                                             \
    answered();                                                                                                        \
    put(client, MESSAGE, tag, length);                                                                                 \
  }
FORM(empty, REQUEST, 0)
FORM(one_byte, REQUEST, 1)
FORM(seven_bytes, REQUEST, 7)
FORM(nine_bytes, REQUEST, 9)
FORM(much, REQUEST, 64)
FORM(too_much, REQUEST, 65)
FORM(shortest, OTHER, 4)
FORM(too_short, OTHER, 3)
FORM(longest, OTHER, 60)
FORM(too_long, OTHER, 61)
FORM(of_the_other_side, NOTE, 16)
FORM(not_in_this_state, MORE, 16)
FORM(not_in_the_contract, MESSAGES, 16)
FORM(far_from_the_contract, UINT32_MAX, 16)
FORM(block_without_block, BLOCK, 16)
static void endless(void) {
  answered();
  header()->length = UINT32_MAX;
}
static void moves(void) {
  answered();
  put(client, MESSAGE, BLOCK, 16);
  header()->moved_count = 1;
  header()->moved[0].handle = (uint32_t)in(client, SIGNET_CALL_block_allocate, 4096, 0, 0, 0, 0).value;
}
static void claims_to_move(void) {
  answered();
  header()->moved_count = 1;
}
static void reserved(void) {
  answered();
  header()->reserved = 1;
}
/* The same message was allowed before: in another state. */
static void remembered_of_another_state(void) {
  answered();
  CHECK(converse(client, REQUEST) == SIM_AWAY);
  CHECK_STATUS(taken(server), SIGNET_OK);
  call.server_tag = LAST;
  answered();
}
static void room_exactly(void) {
  call.server_capacity = SIGNET_MESSAGE_DATA + 16;
  answered();
}
static void room_short_of_one(void) {
  call.server_capacity = SIGNET_MESSAGE_DATA + 15;
  answered();
}
#define SERVER_BUFFER(name, where)                                                                                     \
  static void name(void) {                                                                                             \
    call.server_reply = where;                                                                                         \
    answered();                                                                                                        \
  }
SERVER_BUFFER(answer_to_code, CODE_LOW)
SERVER_BUFFER(answer_to_nothing, 0)
SERVER_BUFFER(answer_half_outside, DATA_END - SIGNET_MESSAGE_DATA)
SERVER_BUFFER(answer_head_in_code, DATA_LOW - SIGNET_MESSAGE_DATA)
#define CLIENT_ARGUMENT(name, field, what)                                                                             \
  static void name(void) {                                                                                             \
    answered();                                                                                                        \
    call.field = what;                                                                                                 \
  }
CLIENT_ARGUMENT(message_unaligned, message, MESSAGE + 4)
CLIENT_ARGUMENT(message_unmapped, message, DATA_END + 4096)
static void message_half_outside(void) {
  answered();
  call.message = DATA_END - SIGNET_MESSAGE_DATA;
  put(client, call.message, REQUEST, 16);
}
CLIENT_ARGUMENT(message_in_low_guard, message, 0)
CLIENT_ARGUMENT(message_at_the_end, message, UINT64_C(0xfffffff8))
CLIENT_ARGUMENT(message_beyond, message, UINT64_C(0x100000000) + MESSAGE)
CLIENT_ARGUMENT(message_far_beyond, message, (UINT64_C(1) << 63) + MESSAGE)
CLIENT_ARGUMENT(reply_elsewhere, reply, ANSWER + 256)
CLIENT_ARGUMENT(reply_unaligned, reply, ANSWER + 4)
CLIENT_ARGUMENT(reply_beyond, reply, UINT64_C(0x100000000) + ANSWER)
CLIENT_ARGUMENT(reply_at_the_end, reply, UINT64_C(0xffffffc8))
CLIENT_ARGUMENT(reply_unmapped, reply, 0x70000000)
CLIENT_ARGUMENT(capacity_less_than_a_head, capacity, 79)
CLIENT_ARGUMENT(capacity_none, capacity, 0)
CLIENT_ARGUMENT(capacity_a_head, capacity, 80)
CLIENT_ARGUMENT(capacity_beyond, capacity, UINT64_C(0x100000000) - ANSWER + 8)
CLIENT_ARGUMENT(capacity_far_beyond, capacity, UINT64_MAX)
CLIENT_ARGUMENT(capacity_most, capacity, SIGNET_MESSAGE_DATA + UINT64_C(0x7fffffff))
CLIENT_ARGUMENT(capacity_more_than_most, capacity, SIGNET_MESSAGE_DATA + UINT64_C(0x80000000))
CLIENT_ARGUMENT(deadline_at_once, deadline, 0)
CLIENT_ARGUMENT(deadline_passed, deadline, 1)
CLIENT_ARGUMENT(deadline_to_come, deadline, sim_clock + 100)
CLIENT_ARGUMENT(deadline_is_the_capacity, deadline, 200)
CLIENT_ARGUMENT(deadline_almost_never, deadline, SIGNET_NEVER - 1)
CLIENT_ARGUMENT(handle_none, handle, 0)
CLIENT_ARGUMENT(handle_stale, handle, client->slot[0] + 0x10000)
CLIENT_ARGUMENT(handle_beyond, handle, client->slot[0] + UINT64_C(0x100000000))
CLIENT_ARGUMENT(handle_of_another_end, handle, client->slot[1])
static void just_beyond_the_contract(void) {
  answered();
  call.handle = client->slot[1];
  put(client, MESSAGE, 1, 16);
}
/* What was asked last is remembered; each of it is compared with its own, and not with another argument that happens to
 * be the same number. `stale` is left of a call of another kind that waited. */
static void asked_once_more(uint64_t stale, uint64_t capacity) {
  answered();
  *word_at(client, SCRATCH + 0x1900) = (uint32_t)stale;
  CHECK_STATUS(in(client, SIGNET_CALL_word_wait, SCRATCH + 0x1900, stale, sim_clock + 10, 0, 0), SIM_AWAY);
  sim_clock += 20;
  sim_run();
  CHECK_STATUS(taken(client), SIGNET_TIMEOUT);
  put(client, MESSAGE, REQUEST, 16);
  CHECK_STATUS(in(client, SIGNET_CALL_channel_call, client->slot[0], MESSAGE, ANSWER, capacity, SIGNET_NEVER),
               SIM_AWAY);
  CHECK_STATUS(taken(server), SIGNET_OK);
  answered();
}
static void handle_is_an_old_argument(void) {
  asked_once_more(client->slot[1], 200);
  call.handle = client->slot[1];
}
static void reply_is_an_old_argument(void) {
  asked_once_more(ANSWER + 256, 200);
  call.reply = ANSWER + 256;
}
static void reply_is_the_capacity(void) {
  asked_once_more(0, ANSWER + 256);
  call.reply = call.capacity = ANSWER + 256;
}
static void capacity_is_the_reply(void) {
  call.server_length = 8;
  asked_once_more(0, SIGNET_MESSAGE_DATA + 8);
  call.capacity = ANSWER;
}
static void in_a_block(bool message) {
  answered();
  struct signet_result block = in(client, SIGNET_CALL_block_allocate, 4096, 0, 0, 0, 0);
  if (message)
    put(client, block.value >> 32, REQUEST, 16);
  *(message ? &call.message : &call.reply) = block.value >> 32;
}
static void message_in_a_block(void) { in_a_block(true); }
static void reply_in_a_block(void) { in_a_block(false); }
static void end_closed(void) {
  answered();
  in(client, SIGNET_CALL_handle_close, client->slot[0], 0, 0, 0, 0);
}
static void server_stopped(void) {
  answered();
  kernel_process_stop(server);
}
/* The server's last word of a conversation has two parts. */
static void queue_not_empty(void) {
  put(server, MESSAGE, REPLY, 16);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_send, server->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
  call.server_tag = NOTE;
  answered();
}
static void another_thread(struct kernel_process *of) {
  CHECK_STATUS(in(of, SIGNET_CALL_thread_create, ENTRY, SCRATCH + 0x1000, 0, 0, 0), SIGNET_OK);
}
static void client_has_another_thread_ready(void) {
  answered();
  another_thread(client);
}
static void client_has_another_thread_waiting(void) {
  answered();
  another_thread(client);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(in(client, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
}
static void client_receives_there_too(void) {
  answered();
  another_thread(client);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK(receive(client, SIGNET_NEVER) == SIM_AWAY);
}
static void server_has_another_thread_ready(void) {
  another_thread(server);
  answered();
}
static void server_receives_there_too(void) {
  another_thread(server);
  CHECK_STATUS(in(server, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK(receive(server, SIGNET_NEVER) == SIM_AWAY);
  answered();
}
static void server_receives_there_too_later(void) {
  another_thread(server);
  put(server, MESSAGE, REPLY, 16);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_call, server->slot[0], MESSAGE, ANSWER, 200, SIGNET_NEVER), SIM_AWAY);
  CHECK(receive(server, SIGNET_NEVER) == SIM_AWAY);
  CHECK_STATUS(taken(client), SIGNET_OK);
  put(client, MESSAGE, REQUEST, 16);
}
/* A second thread of the client waits for the answer to its own request at the same end. */
static void two_ask_at_one_end(void) {
  answered();
  another_thread(client);
  CHECK(converse(client, REQUEST) == SIM_AWAY);
  put(client, MESSAGE, MORE, 16);
}
/* The server answers by a send, then waits by a receive from these ends. */
static void receives(const uint32_t *handles, uint32_t count, uint64_t buffer, uint64_t capacity, uint64_t deadline) {
  put(server, MESSAGE, REPLY, 16);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_send, server->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
  memcpy(at(server, LISTEN), handles, count * sizeof *handles);
  CHECK(in(server, SIGNET_CALL_channel_receive, LISTEN, count, buffer, capacity, deadline).status == SIM_AWAY);
}
static void receives_one(uint64_t buffer, uint64_t capacity, uint64_t deadline) {
  receives(server->slot, 1, buffer, capacity, deadline);
}
static void client_goes_on(void) {
  CHECK(turn_to(client));
  CHECK_STATUS(taken(client), SIGNET_OK);
  put(client, MESSAGE, REQUEST, 16);
}
/* An end of a channel that it has with itself. */
static uint32_t own_end(struct kernel_process *process) {
  memcpy(at(process, LISTEN), &talk, TALK_LENGTH);
  return (uint32_t)in(process, SIGNET_CALL_channel_create, LISTEN, TALK_LENGTH, 0, 0, 0).value;
}
static void server_receives(void) {
  receives_one(ANSWER, 200, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_for_a_while(void) {
  receives_one(ANSWER, 200, sim_clock + 100);
  client_goes_on();
}
static void server_receives_for_too_long(void) {
  receives_one(ANSWER, 200, sim_clock + 100);
  client_goes_on();
  sim_clock += 100;
}
static void server_receives_from_three(void) {
  const uint32_t handles[] = {own_end(server), own_end(server), server->slot[0]};
  receives(handles, 3, ANSWER, 200, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_from_two(void) {
  const uint32_t handles[] = {server->slot[0], own_end(server)};
  receives(handles, 2, ANSWER, 200, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_there_twice(void) {
  const uint32_t handles[] = {server->slot[0], server->slot[0]};
  receives(handles, 2, ANSWER, 200, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_into_little(void) {
  receives_one(ANSWER, SIGNET_MESSAGE_DATA + 15, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_into_enough(void) {
  receives_one(ANSWER, SIGNET_MESSAGE_DATA + 16, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_into_less_than_a_head(void) {
  receives_one(ANSWER, SIGNET_MESSAGE_DATA - 1, SIGNET_NEVER);
  client_goes_on();
}
static void server_receives_into_a_head(void) {
  receives_one(ANSWER, SIGNET_MESSAGE_DATA, SIGNET_NEVER);
  client_goes_on();
  put(client, MESSAGE, REQUEST, 0);
}
static void server_receives_into_code(void) {
  receives_one(CODE_LOW, 200, SIGNET_NEVER);
  client_goes_on();
}
/* While it waits, another thread of it makes what it named something else. */
static void server_receives_from_what_changes(void) {
  another_thread(server);
  receives_one(ANSWER, 200, SIGNET_NEVER);
  *word_at(server, LISTEN) = 77;
  CHECK_STATUS(in(server, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  client_goes_on();
}
/* The server has its end in a set, behind so many others, and waits there. */
#define KEY UINT64_C(0x8000000000000105)
static uint64_t server_set;
static void set_receives(unsigned others, uint64_t buffer, uint64_t capacity, uint64_t deadline) {
  server_set = in(server, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
  for (unsigned i = 0; i < others; i++)
    CHECK_STATUS(in(server, SIGNET_CALL_set_insert, server_set, own_end(server), i, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(server, SIGNET_CALL_set_insert, server_set, server->slot[0], KEY, 0, 0), SIGNET_OK);
  put(server, MESSAGE, REPLY, 16);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_send, server->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
  CHECK(in(server, SIGNET_CALL_set_receive, server_set, buffer, capacity, deadline, 0).status == SIM_AWAY);
}
#define SET_CASE(name, others, buffer, capacity, deadline)                                                             \
  static void name(void) {                                                                                             \
    set_receives(others, buffer, capacity, deadline);                                                                  \
    client_goes_on();                                                                                                  \
  }
SET_CASE(set_of_one, 0, ANSWER, 200, SIGNET_NEVER)
SET_CASE(set_of_three, 2, ANSWER, 200, SIGNET_NEVER)
SET_CASE(set_for_a_while, 0, ANSWER, 200, sim_clock + 100)
SET_CASE(set_into_little, 0, ANSWER, SIGNET_MESSAGE_DATA + 15, SIGNET_NEVER)
SET_CASE(set_into_enough, 0, ANSWER, SIGNET_MESSAGE_DATA + 16, SIGNET_NEVER)
SET_CASE(set_into_less_than_a_head, 0, ANSWER, SIGNET_MESSAGE_DATA - 1, SIGNET_NEVER)
SET_CASE(set_into_code, 0, CODE_LOW, 200, SIGNET_NEVER)
static void set_for_too_long(void) {
  set_for_a_while();
  sim_clock += 100;
}
/* Another thread of the server waits: in the set too, at the end itself, elsewhere. */
static void set_of_two_waiters(void) {
  another_thread(server);
  set_of_one();
  CHECK(turn_to(server));
  CHECK(in(server, SIGNET_CALL_set_receive, server_set, ANSWER, 200, SIGNET_NEVER, 0).status == SIM_AWAY);
  CHECK(turn_to(client));
}
static void set_and_a_receiver(void) {
  another_thread(server);
  set_of_one();
  CHECK(receive(server, SIGNET_NEVER) == SIM_AWAY);
  CHECK(turn_to(client));
}
static void set_and_another_thread(void) {
  another_thread(server);
  set_of_one();
  CHECK_STATUS(in(server, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, SIGNET_NEVER, 0, 0), SIM_AWAY);
  CHECK(turn_to(client));
}
/* In a set, but received from directly. */
static void set_unused(void) {
  server_set = in(server, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
  CHECK_STATUS(in(server, SIGNET_CALL_set_insert, server_set, server->slot[0], KEY, 0, 0), SIGNET_OK);
  server_receives();
}
static void set_whose_waiter_answers(void) {
  server_set = in(server, SIGNET_CALL_set_create, 0, 0, 0, 0, 0).value;
  CHECK_STATUS(in(server, SIGNET_CALL_set_insert, server_set, server->slot[0], KEY, 0, 0), SIGNET_OK);
  answered();
}
/* The end left the set while its holder waits there. */
static void set_without_it(void) {
  another_thread(server);
  set_of_one();
  CHECK_STATUS(in(server, SIGNET_CALL_handle_close, server->slot[0], 0, 0, 0, 0), SIGNET_OK);
  CHECK_STATUS(in(server, SIGNET_CALL_thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK(turn_to(client));
}
static void another_was_woken_first(void) {
  answered();
  CHECK_STATUS(in(client, SIGNET_CALL_channel_send, client->slot[1], MESSAGE, 0, 0, 0), SIGNET_OK);
}
static void another_waits_for_the_processor(void) {
  answered();
  CHECK_STATUS(in(client, SIGNET_CALL_channel_send, client->slot[1], MESSAGE, 0, 0, 0), SIGNET_OK);
  sim_preempt();
  CHECK(turn_to(client));
}
static void processor_sleeps(void) {
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  sim_choose_cpu(0);
  sim_woken = 0;
  answered();
}
static void processor_sleeps_and_another_waits(void) {
  processor_sleeps();
  CHECK_STATUS(in(client, SIGNET_CALL_channel_send, client->slot[1], MESSAGE, 0, 0, 0), SIGNET_OK);
  sim_preempt();
  CHECK(turn_to(client));
  sim_woken = 0;
}
static void timer_waits(uint64_t passes) {
  answered();
  another_thread(client);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(in(client, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, sim_clock + 100, 0, 0), SIM_AWAY);
  sim_clock += passes;
}
static void timer_to_come(void) { timer_waits(99); }
static void timer_due(void) { timer_waits(100); }
static void timer_of_the_sleeper(void) {
  timer_waits(50);
  sim_choose_cpu(1);
  if (!sim_current())
    sim_run();
  sim_choose_cpu(0);
  sim_woken = 0;
}
static void timer_earlier_than_the_sleeper(void) {
  processor_sleeps();
  another_thread(client);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(in(client, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, sim_clock + 100, 0, 0), SIM_AWAY);
  sim_woken = 0;
}
static void last_switch_of_the_slice(void) {
  answered();
  kernel.cpu[0]->slice = 1;
}
static void slice_used_up(void) {
  answered();
  kernel.cpu[0]->slice = 0;
}
static void event_for_the_client(void) {
  answered();
  CHECK_STATUS(in(client, SIGNET_CALL_event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  kernel_process_event(client, SIGNET_EVENT_WINDOW_SIZE);
}
static void client_is_stopped(void) {
  answered();
  kernel_process_stop(client);
}
static void attention_for_the_server(void) {
  answered();
  server->attention = true;
}
static void waited_for_something_else_meanwhile(void) {
  answered();
  CHECK_STATUS(in(client, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, sim_clock + 10, 0, 0), SIM_AWAY);
  sim_clock += 20;
  sim_run();
  CHECK_STATUS(taken(client), SIGNET_TIMEOUT);
}
/* Another thread asked at the same end meanwhile, and is gone. */
static void asked_by_another_thread_meanwhile(void) {
  answered();
  another_thread(client);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0), SIM_AWAY);
  CHECK_STATUS(in(client, SIGNET_CALL_channel_call, call.handle, MESSAGE + 4, ANSWER, 200, SIGNET_NEVER),
               SIGNET_ARGUMENT);
  CHECK_STATUS(in(client, SIGNET_CALL_thread_exit, 0, 0, 0, 0, 0), SIM_AWAY);
}

static const struct {
  const char *name;
  void (*prepare)(void);
  bool handed_over;
} cases[] = {
#define CASE(name, handed_over)                                                                                        \
  { #name, name, handed_over }
    CASE(plain, true),
    CASE(plain_twice, true),
    CASE(empty, true),
    CASE(one_byte, true),
    CASE(seven_bytes, true),
    CASE(nine_bytes, true),
    CASE(much, true),
    CASE(too_much, false),
    CASE(shortest, true),
    CASE(too_short, false),
    CASE(longest, true),
    CASE(too_long, false),
    CASE(of_the_other_side, false),
    CASE(not_in_this_state, false),
    CASE(not_in_the_contract, false),
    CASE(far_from_the_contract, false),
    CASE(block_without_block, false),
    CASE(endless, false),
    CASE(moves, false),
    CASE(claims_to_move, false),
    CASE(reserved, false),
    CASE(remembered_of_another_state, false),
    CASE(room_exactly, true),
    CASE(room_short_of_one, false),
    CASE(answer_to_code, false),
    CASE(answer_to_nothing, false),
    CASE(answer_half_outside, false),
    CASE(answer_head_in_code, false),
    CASE(message_unaligned, false),
    CASE(message_unmapped, false),
    CASE(message_half_outside, false),
    CASE(message_in_low_guard, false),
    CASE(message_at_the_end, false),
    CASE(message_beyond, false),
    CASE(message_far_beyond, false),
    CASE(reply_elsewhere, true),
    CASE(reply_unaligned, false),
    CASE(reply_beyond, false),
    CASE(reply_at_the_end, false),
    CASE(reply_unmapped, true),
    CASE(capacity_less_than_a_head, false),
    CASE(capacity_none, false),
    CASE(capacity_a_head, true),
    CASE(capacity_beyond, false),
    CASE(capacity_far_beyond, false),
    CASE(capacity_most, true),
    CASE(capacity_more_than_most, false),
    CASE(deadline_at_once, false),
    CASE(deadline_passed, false),
    CASE(deadline_to_come, false),
    CASE(deadline_is_the_capacity, false),
    CASE(deadline_almost_never, false),
    CASE(handle_none, false),
    CASE(handle_stale, false),
    CASE(handle_beyond, false),
    CASE(handle_of_another_end, true),
    CASE(just_beyond_the_contract, false),
    CASE(handle_is_an_old_argument, true),
    CASE(reply_is_an_old_argument, true),
    CASE(reply_is_the_capacity, true),
    CASE(capacity_is_the_reply, true),
    CASE(message_in_a_block, false),
    CASE(reply_in_a_block, false),
    CASE(end_closed, false),
    CASE(server_stopped, false),
    CASE(queue_not_empty, false),
    CASE(client_has_another_thread_ready, false),
    CASE(client_has_another_thread_waiting, true),
    CASE(client_receives_there_too, false),
    CASE(server_has_another_thread_ready, false),
    CASE(server_receives_there_too, false),
    CASE(server_receives_there_too_later, false),
    CASE(two_ask_at_one_end, false),
    CASE(server_receives, true),
    CASE(server_receives_for_a_while, true),
    CASE(server_receives_for_too_long, false),
    CASE(server_receives_from_three, true),
    CASE(server_receives_from_two, true),
    CASE(server_receives_there_twice, false),
    CASE(server_receives_into_little, false),
    CASE(server_receives_into_enough, true),
    CASE(server_receives_into_less_than_a_head, false),
    CASE(server_receives_into_a_head, true),
    CASE(server_receives_into_code, false),
    CASE(server_receives_from_what_changes, false),
    CASE(set_of_one, true),
    CASE(set_of_three, true),
    CASE(set_for_a_while, true),
    CASE(set_for_too_long, false),
    CASE(set_into_little, false),
    CASE(set_into_enough, true),
    CASE(set_into_less_than_a_head, false),
    CASE(set_into_code, false),
    CASE(set_of_two_waiters, false),
    CASE(set_and_a_receiver, false),
    CASE(set_and_another_thread, false),
    CASE(set_unused, true),
    CASE(set_whose_waiter_answers, true),
    CASE(set_without_it, false),
    CASE(another_was_woken_first, false),
    CASE(another_waits_for_the_processor, true),
    CASE(processor_sleeps, true),
    CASE(processor_sleeps_and_another_waits, false),
    CASE(timer_to_come, true),
    CASE(timer_due, false),
    CASE(timer_of_the_sleeper, true),
    CASE(timer_earlier_than_the_sleeper, false),
    CASE(last_switch_of_the_slice, true),
    CASE(slice_used_up, false),
    CASE(event_for_the_client, false),
    CASE(client_is_stopped, false),
    CASE(attention_for_the_server, false),
    CASE(waited_for_something_else_meanwhile, true),
    CASE(asked_by_another_thread_meanwhile, true),
#undef CASE
};

/* Who runs answers if it is the server and asks again if it is the client, and nothing else can happen. */
static void go_on(void) {
  if (!sim_current())
    sim_run();
  if (!sim_current())
    return;
  bool got = sim_current()->answered;
  struct signet_result result = sim_current()->result;
  struct kernel_process *one = sim_window() == client->window ? client : sim_window() == server->window ? server : NULL;
  sim_current()->answered = false;
  note("taken", got);
  note("status", got ? (uint64_t)result.status : 0);
  note("value", got ? result.value : 0);
  struct endpoint *end = one && one->slot[0] ? handle_find_endpoint(one, one->slot[0]) : NULL;
  if (!end || !got || result.status) {
    sim_preempt();
  } else if (end->set && one->used.threads > 1) {
    /* Not by a call: the general way would wake both who waits for the answer and who waits in the set. */
    put(one, MESSAGE, REPLY, 16);
    note("status", (uint64_t)in(one, SIGNET_CALL_channel_send, one->slot[0], MESSAGE, 0, 0, 0).status);
  } else {
    note("status", (uint64_t)converse(one, one == client ? REQUEST : REPLY));
  }
}

static void one_case(uint64_t which) {
  request_made();
  cases[which].prepare();
  if (!test_good || !sim_current() || sim_window() != client->window) {
    note_bad();
    return;
  }
  uint64_t before = handed_over();
  note_world();
  struct signet_result result =
      sim_call(SIGNET_CALL_channel_call, call.handle, call.message, call.reply, call.capacity, call.deadline);
  note("status", (uint64_t)result.status);
  note("value", result.value);
  if (!general_only && handed_over() - before != cases[which].handed_over) {
    printf("# %s: it was %shanded over\n", cases[which].name, cases[which].handed_over ? "not " : "");
    note_bad();
  }
  note_world();
  for (unsigned i = 0; i < 12; i++) {
    go_on();
    note_world();
  }
}

/* ---- Yielding: the short way of thread_yield ---- */

static struct kernel_process *idler; /* always ready */

static void alone(void) {
  kernel_process_stop(idler);
  CHECK(turn_to(server));
}
static void one_waits(void) { CHECK(turn_to(server)); }
static void own_thread_ready(void) {
  another_thread(server);
  CHECK(turn_to(server));
}
static void one_was_woken(void) {
  put(server, MESSAGE, REPLY, 16);
  CHECK_STATUS(in(server, SIGNET_CALL_channel_send, server->slot[0], MESSAGE, 0, 0, 0), SIGNET_OK);
}
/* The idler yields, and the next is to make its call again. */
static void next_looks_again(void) {
  one_was_woken();
  sim_preempt();
  CHECK(sim_window() == idler->window);
}
static void next_needs_attention(void) {
  CHECK(turn_to(server));
  idler->attention = true;
}
static void another_processor_sleeps(void) {
  CHECK(turn_to(server));
  kernel.idle |= 2;
}
static void one_waits_for_a_time(void) {
  another_thread(server);
  CHECK_STATUS(in(server, SIGNET_CALL_word_wait, SCRATCH + 0x1900, 0, sim_clock + 100, 0, 0), SIM_AWAY);
  CHECK(turn_to(server));
}
static void an_event_has_come(void) {
  CHECK_STATUS(in(server, SIGNET_CALL_event_listen, ENTRY, 0, 0, 0, 0), SIGNET_OK);
  kernel_process_event(server, SIGNET_EVENT_WINDOW_SIZE);
}

static const struct {
  const char *name;
  void (*prepare)(void);
  bool general;
} yields[] = {
#define CASE(name, general)                                                                                            \
  { #name, name, general }
    CASE(alone, false),
    CASE(one_waits, false),
    CASE(own_thread_ready, true),
    CASE(one_was_woken, true),
    CASE(next_looks_again, true),
    CASE(next_needs_attention, true),
    CASE(another_processor_sleeps, true),
    CASE(one_waits_for_a_time, true),
    CASE(an_event_has_come, true),
#undef CASE
};

static void one_yield(uint64_t which) {
  idler = boot("idler");
  request_made();
  yields[which].prepare();
  uint64_t before = yields_general();
  note_world();
  struct signet_result result = sim_call(SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0);
  note("status", (uint64_t)result.status);
  if (!test_good || (!general_only && yields_general() - before != yields[which].general)) {
    printf("# %s: it went the %s way\n", yields[which].name, yields[which].general ? "short" : "general");
    note_bad();
  }
  note_world();
  for (unsigned i = 0; i < 12; i++) {
    go_on();
    if (sim_current())
      note("yields", (uint64_t)sim_call(SIGNET_CALL_thread_yield, 0, 0, 0, 0, 0).status);
    note_world();
  }
}

static void one_by_one(void) {
  unsigned failed = 0;
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (!agree(one_case, i)) {
      printf("# %s\n", cases[i].name);
      failed++;
    }
  for (unsigned i = 0; i < sizeof yields / sizeof yields[0]; i++)
    if (!agree(one_yield, i)) {
      printf("# %s\n", yields[i].name);
      failed++;
    }
  CHECK(!failed);
}

int main(void) {
  if (!agree_initialise())
    return 1;
  support_initialise();
  test_begin("each thing that forbids it, one by one: the same in the short ways and in the general ones");
  one_by_one();
  test_end();
  return test_finish();
}
