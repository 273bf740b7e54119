/* What a supervised process says and hears (lib/supervised.c), on a kernel that holds the other side of the contract to
 * its table: every message from the supervisor, with and without a call for it, and a supervisor that is gone. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/supervised.h>

#include "contracts/supervision.h"
#include "tests/lib/tap.h"

#define END 77

/* ---- The kernel ---- */

static uint8_t state;
static bool broken, gone; /* the contract; the supervisor */
static uint32_t sent[8], sent_count, given, closed[8], closed_count;
static char reason[300];
static const struct supervision_buffer *coming;
static jmp_buf exited;
static int64_t give_status; /* of sending an end */

static bool next_state(uint32_t tag) {
  const struct signet_contract *contract = &supervision_contract.contract;
  const struct signet_contract_message *rows = (const void *)(contract + 1);
  uint8_t next = ((const uint8_t *)(rows + contract->messages))[state * contract->messages + tag];
  if (next == SIGNET_CONTRACT_REFUSED)
    return false;
  state = next;
  return true;
}

struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  if (message->tag == SUPERVISION_CLIENT_GIVEN && give_status)
    return (struct signet_result){give_status, 0};
  broken |= endpoint != END || message->reserved || !next_state(message->tag);
  sent[sent_count++ % 8] = message->tag;
  if (message->moved_count)
    given = message->moved[0].handle;
  if (message->tag == SUPERVISION_NOT_STARTED)
    snprintf(reason, sizeof reason, "%s", (const char *)message + SIGNET_MESSAGE_DATA);
  return (struct signet_result){SIGNET_OK, 0};
}

struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  (void)capacity;
  broken |= count != 1 || endpoints[0] != END || deadline != 5;
  if (gone)
    return (struct signet_result){SIGNET_CLOSED, 0};
  if (!coming)
    return (struct signet_result){SIGNET_TIMEOUT, 0};
  memcpy(message, coming, sizeof *coming);
  coming = NULL;
  return (struct signet_result){SIGNET_OK, 0};
}

struct signet_result signet_handle_close(uint32_t handle) {
  closed[closed_count++ % 8] = handle;
  return (struct signet_result){SIGNET_OK, 0};
}

struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  (void)handle, (void)information;
  return (struct signet_result){SIGNET_HANDLE, 0};
}

struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length) {
  (void)contract, (void)length;
  return (struct signet_result){SIGNET_MEMORY, 0};
}

struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline) {
  (void)endpoint, (void)message, (void)reply, (void)capacity, (void)deadline;
  return (struct signet_result){SIGNET_MEMORY, 0};
}

_Noreturn void signet_process_exit(uint32_t kind, uint32_t code) {
  broken |= kind != SIGNET_ENDED_EXIT || code;
  longjmp(exited, 1);
}

/* ---- The process ---- */

static char log_text[200];
static uint32_t to_give;

static void on_ended(void *context, uint32_t slot, uint32_t kind, uint32_t code) {
  snprintf(log_text, sizeof log_text, "%s ended %u %u %u", (char *)context, slot, kind, code);
}
static void on_back(void *context, uint32_t slot, uint32_t endpoint, uint32_t restarts) {
  snprintf(log_text, sizeof log_text, "%s back %u %u %u", (char *)context, slot, endpoint, restarts);
}
static void on_given_up(void *context, uint32_t slot, const char *why) {
  snprintf(log_text, sizeof log_text, "%s given up %u %s", (char *)context, slot, why);
}
static uint32_t on_wanted(void *context, uint32_t slot, uint32_t restarts, const char *client) {
  snprintf(log_text, sizeof log_text, "%s wanted %u %u %s", (char *)context, slot, restarts, client);
  return to_give;
}
static void on_stop(void *context, uint64_t deadline) {
  snprintf(log_text, sizeof log_text, "%s stop %llu", (char *)context, (unsigned long long)deadline);
}
static const struct signet_supervised_calls all = {on_ended, on_back, on_given_up, on_wanted, on_stop}, none = {0};
static struct signet_supervised supervised;

static void begin(const struct signet_supervised_calls *calls) {
  static char context[] = "it:";
  state = SUPERVISION_STATE_STARTING;
  broken = gone = false;
  sent_count = closed_count = given = 0;
  log_text[0] = 0;
  give_status = SIGNET_OK;
  signet_supervised_begin(&supervised, END, calls, context);
}

/* The supervisor says it; the calls are made, and the process listens again. */
static bool hears(struct supervision_buffer *buffer, const char *wanted) {
  broken |= !next_state(buffer->message.tag);
  coming = buffer;
  return signet_supervised_wait(&supervised, 5) && strcmp(log_text, wanted) == 0 && !broken;
}

static bool listens(void) { return state == SUPERVISION_STATE_AWAIT_ASKED && !broken; }

static void test_messages(const struct signet_supervised_calls *calls, const char *how) {
  struct supervision_buffer buffer = {0};
  bool called = calls == &all;
  begin(calls);
  ok(sent_count == 2 && sent[0] == SUPERVISION_STARTED && sent[1] == SUPERVISION_AWAIT && listens(), "%s: it begins",
     how);
  ok(!signet_supervised_wait(&supervised, 5) && listens(), "%s: nothing is said", how);
  supervision_put_SERVICE_ENDED(&buffer, &(struct supervision_SERVICE_ENDED){.slot = 3, .ending = {1, 9}});
  ok(hears(&buffer, called ? "it: ended 3 1 9" : "") && listens(), "%s: SERVICE_ENDED", how);
  supervision_put_SERVICE_GIVEN_UP(
      &buffer, &(struct supervision_SERVICE_GIVEN_UP){.slot = 4, .why = "no disk", .why_length = 7});
  ok(hears(&buffer, called ? "it: given up 4 no disk" : "") && listens(), "%s: SERVICE_GIVEN_UP", how);
  supervision_put_SERVICE_BACK(&buffer,
                               &(struct supervision_SERVICE_BACK){.slot = 3, .restarts = 2, .service.handle = 501});
  ok(hears(&buffer, called ? "it: back 3 501 2" : "") && listens() && closed_count == !called,
     "%s: SERVICE_BACK, and its end is closed if nobody wants it", how);
  supervision_put_CLIENT_WANTED(
      &buffer, &(struct supervision_CLIENT_WANTED){.slot = 1, .restarts = 6, .client = "web", .client_length = 3});
  to_give = 900;
  ok(hears(&buffer, called ? "it: wanted 1 6 web" : "") && listens() && given == (called ? 900u : 0) &&
         sent[(sent_count - 2) % 8] == (called ? SUPERVISION_CLIENT_GIVEN : SUPERVISION_CLIENT_REFUSED),
     "%s: CLIENT_WANTED", how);
  to_give = 0;
  ok(hears(&buffer, called ? "it: wanted 1 6 web" : "") && listens() &&
         sent[(sent_count - 2) % 8] == SUPERVISION_CLIENT_REFUSED,
     "%s: CLIENT_WANTED, and there is none", how);
  give_status = SIGNET_CONTRACT;
  to_give = 901;
  closed_count = 0;
  ok(hears(&buffer, called ? "it: wanted 1 6 web" : "") && listens() && closed_count == called &&
         (!called || closed[0] == 901) && sent[(sent_count - 2) % 8] == SUPERVISION_CLIENT_REFUSED,
     "%s: CLIENT_WANTED, and what there is cannot be given", how);
  supervision_put_STOP(&buffer, &(struct supervision_STOP){.deadline = 123456789012});
  if (setjmp(exited) == 0) {
    bool heard = hears(&buffer, "it: stop 123456789012");
    ok(called && heard && state == SUPERVISION_STATE_FINISHING && supervised.stopping, "%s: STOP", how);
    signet_supervised_stopped(&supervised);
  }
  ok(state == SUPERVISION_STATE_end && sent[(sent_count - 1) % 8] == SUPERVISION_STOPPING && !broken,
     "%s: it stops, and says so", how);
}

static void test_gone(void) {
  begin(&all);
  gone = true;
  ok(!signet_supervised_wait(&supervised, 5) && !supervised.endpoint && closed_count == 1 && closed[0] == END,
     "the supervisor is gone");
  ok(!signet_supervised_wait(&supervised, 5) && closed_count == 1, "and is asked no more");
  if (setjmp(exited) == 0)
    signet_supervised_stopped(&supervised);
  ok(sent_count == 2, "nor told");
  signet_supervised_begin(&supervised, 0, &all, NULL);
  signet_supervised_refuse(0, "nobody hears it");
  ok(sent_count == 2 && !signet_supervised_wait(&supervised, 5), "a process that nobody supervises");
}

static void test_refuse(void) {
  char long_reason[400];
  state = SUPERVISION_STATE_STARTING;
  broken = false;
  signet_supervised_refuse(END, "there is no script");
  ok(!broken && state == SUPERVISION_STATE_end && strcmp(reason, "there is no script") == 0, "it cannot start");
  memset(long_reason, 'x', sizeof long_reason);
  long_reason[sizeof long_reason - 1] = 0;
  state = SUPERVISION_STATE_STARTING;
  signet_supervised_refuse(END, long_reason);
  ok(!broken && strlen(reason) == SUPERVISION_REASON_MOST, "and says so at length");
}

int main(void) {
  test_messages(&all, "with calls");
  test_messages(&none, "without");
  test_gone();
  test_refuse();
  return finish();
}
