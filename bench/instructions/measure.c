/* The kernel's shortest paths, counted in instructions by a sealed process: `measure PEER LEAST`, the images of peer.S
 * and least.S. Run by bench/instructions/run under `signet boot --count`, where the time stamp counter counts
 * instructions; prints a name and a number a line. What is printed is the least of many times: the others were
 * interrupted by the processor's tick, or did something for the first time. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bench/instructions/calls.h"
#define PROGRAM "measure"
#include "bench/sealed/load.h"

#define ROUNDS 200
#define PROCESSES 20

_Static_assert(CALL_ABI_VERSION == SIGNET_CALL_abi_version && CALL_PROCESS_EXIT == SIGNET_CALL_process_exit &&
                   CALL_THREAD_YIELD == SIGNET_CALL_thread_yield && CALL_CHANNEL_SEND == SIGNET_CALL_channel_send &&
                   CALL_CHANNEL_RECEIVE == SIGNET_CALL_channel_receive &&
                   CALL_CHANNEL_CALL == SIGNET_CALL_channel_call && ENDED_EXIT == SIGNET_ENDED_EXIT &&
                   MESSAGE_DATA == SIGNET_MESSAGE_DATA && STARTUP_SLOTS == offsetof(struct signet_startup, slots) &&
                   STARTUP_HANDLES == offsetof(struct signet_startup, handles) &&
                   STARTUP_BYTES_LENGTH == offsetof(struct signet_startup, bytes_length),
               "calls.h");

enum { REQUEST = TAG_REQUEST, REPLY = TAG_REPLY, MESSAGES };
enum { IDLE, ASKED, STATES };
static const struct {
  struct signet_contract contract;
  struct signet_contract_message messages[MESSAGES];
  uint8_t next[STATES][MESSAGES];
} exchange = {.contract = {.version = 1,
                           .messages = MESSAGES,
                           .states = STATES,
                           .slots_to_server = 1,
                           .slots_to_client = 1,
                           .data_most = 64,
                           .identity = "instructions"},
              .messages = {[REQUEST] = {.length_most = 64}, [REPLY] = {.to_client = 1, .length_most = 64}},
              .next = {[IDLE] = {ASKED, SIGNET_CONTRACT_REFUSED}, [ASKED] = {SIGNET_CONTRACT_REFUSED, IDLE}}};
_Static_assert(sizeof exchange == sizeof exchange.contract + sizeof exchange.messages + sizeof exchange.next,
               "a contract has no padding");

static struct {
  struct signet_message message;
  uint8_t data[REPLY_LENGTH];
} request, reply;

static uint32_t create(uint32_t image, uint32_t slots, uint32_t bytes) {
  struct signet_process_specification specification = {
      .image = image,
      .slots = slots,
      .startup_offset = (uint32_t)(uintptr_t)&request,
      .startup_length = bytes,
      .stack = SIGNET_PAGE,
      .quota = {.memory = 256 << 10, .threads = 1, .handles = 4, .regions = 4},
      .name = "peer",
  };
  return (uint32_t)done(signet_process_create(&specification), "process_create");
}

static void reap(uint32_t child) {
  struct signet_ending ending;
  done(signet_process_wait(child, &ending, SIGNET_NEVER), "process_wait");
}

static void keep_least(uint64_t *least, struct timing timing, const char *what) {
  done((struct signet_result){timing.status, 0}, what);
  if (timing.instructions < *least)
    *least = timing.instructions;
}

static uint64_t null_call(void) {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < ROUNDS; i++)
    keep_least(&least, timed_abi_version(), "abi_version");
  return least;
}

static uint64_t request_and_reply(uint32_t image, uint32_t length, bool service) {
  uint64_t least = UINT64_MAX;
  uint32_t child = create(image, 1, service);
  uint64_t ends = done(signet_channel_create(&exchange.contract, sizeof exchange), "channel_create");
  done(signet_process_grant(child, 0, (uint32_t)(ends >> 32)), "process_grant");
  done(signet_process_start(child), "process_start");
  request.message.tag = REQUEST;
  request.message.length = length;
  for (int i = 0; i < ROUNDS; i++) {
    memset(&reply, 0, sizeof reply);
    keep_least(&least, timed_channel_call((uint32_t)ends, &request, &reply, sizeof reply, SIGNET_NEVER),
               "channel_call");
    if (reply.message.tag != REPLY || reply.message.length != REPLY_LENGTH ||
        memcmp(reply.data, REPLY_DATA, REPLY_LENGTH) != 0) {
      fprintf(stderr, "measure: the reply is wrong\n");
      exit(1);
    }
  }
  done(signet_handle_close((uint32_t)ends), "handle_close");
  reap(child);
  return least;
}

/* There and back is two; the peer's own jump between is one instruction. */
static uint64_t yield(uint32_t image) {
  uint64_t least = UINT64_MAX;
  uint32_t child = create(image, 0, 0);
  done(signet_process_start(child), "process_start");
  for (int i = 0; i < ROUNDS; i++)
    keep_least(&least, timed_thread_yield(), "thread_yield");
  done(signet_process_stop(child), "process_stop");
  reap(child);
  return least / 2;
}

static uint64_t one_process(uint32_t image) {
  uint64_t least = UINT64_MAX;
  for (int i = 0; i < PROCESSES; i++) {
    uint64_t start = __builtin_ia32_rdtsc();
    uint32_t child = create(image, 0, 0);
    done(signet_process_start(child), "process_start");
    reap(child);
    uint64_t taken = __builtin_ia32_rdtsc() - start;
    least = taken < least ? taken : least;
  }
  return least;
}

int main(int count, char **arguments) {
  if (count != 3)
    return 2;
  uint32_t peer = load_image(arguments[1]), least = load_image(arguments[2]);
  if (timed_nothing().instructions != 0) {
    fprintf(stderr,
            "measure: nothing took %llu: the counter does not count instructions, or the timed call is not "
            "alone in its bundle\n",
            (unsigned long long)timed_nothing().instructions);
    return 1;
  }
  printf("null-call %llu\n", (unsigned long long)null_call());
  printf("yield %llu\n", (unsigned long long)yield(peer));
  printf("request-and-reply %llu\n", (unsigned long long)request_and_reply(peer, REPLY_LENGTH, false));
  printf("request-to-service %llu\n", (unsigned long long)request_and_reply(peer, REPLY_LENGTH, true));
  printf("process %llu\n", (unsigned long long)one_process(least));
  return 0;
}
