/* A thread for each row, which waits for the end of its process: that is the kernel's word, whatever the process does
 * with the channels that it was given. And how the other threads, and an event, wake the first one.
 *
 * A wake-up is a message on a channel with room for one: who finds it full has its cause seen by whoever takes that
 * one. The supervisor's threads never run at the same time (its image is not a parallel one). */
#include <signet/calls.h>

#include "services/supervisor.h"

#define STACK 2048

_Noreturn void service_thread(void *watcher);
void service_thread_entry(void *watcher);

static struct watcher {
  _Atomic uint32_t child; /* handle; 0: there is nothing to wait for */
  _Atomic bool ended;     /* `ending` is to be taken */
  bool begun;             /* the thread is there */
  struct signet_ending ending;
} * watchers;
static uint8_t *stacks;
static uint32_t waker; /* client end */
static _Atomic bool told;

static const struct wake_contract {
  struct signet_contract contract;
  struct signet_contract_message message;
  uint8_t next[1][1];
} wake_contract = {
    .contract = {.version = 1, .messages = 1, .states = 1, .slots_to_server = 1, .slots_to_client = 1},
    .next = {{0}},
};

void watch_wake(void) {
  static const struct signet_message wake = {.tag = 0};
  signet_channel_send(waker, &wake);
}

static void hear_event(uint64_t event) {
  if (event != SIGNET_EVENT_WINDOW_SIZE) {
    told = true;
    watch_wake();
  }
  signet_event_return();
}

bool watch_told(void) {
  bool was = told;
  told = false;
  return was;
}

_Noreturn void service_thread(void *argument) {
  struct watcher *watcher = argument;
  for (;;) {
    struct signet_result result;
    while (!watcher->child)
      signet_word_wait(&watcher->child, 0, SIGNET_NEVER);
    do
      result = signet_process_wait(watcher->child, &watcher->ending, SIGNET_NEVER);
    while (result.status == SIGNET_INTERRUPTED);
    watcher->child = 0;
    watcher->ended = true;
    watch_wake();
  }
}

/* Of the watchers, too: they are behind the stacks. */
uint64_t watch_bytes(uint32_t count) { return (uint64_t)count * (STACK + sizeof(struct watcher)); }

bool watch_begin(void *memory, uint32_t count, struct system_refusal *why) {
  stacks = memory;
  watchers = (struct watcher *)(stacks + (uint64_t)count * STACK);
  struct signet_result result =
      signet_channel_create(&wake_contract.contract, offsetof(struct wake_contract, next) + sizeof wake_contract.next);
  if (result.status == SIGNET_OK) {
    waker = (uint32_t)result.value;
    result = signet_set_insert(supervisor.set, (uint32_t)(result.value >> 32), KEY(KEY_WAKE, 0, 0));
  }
  if (result.status == SIGNET_OK)
    result = signet_event_listen(hear_event);
  if (result.status != SIGNET_OK) {
    why->text = "the supervisor cannot listen";
    why->status = result.status;
  }
  return result.status == SIGNET_OK;
}

struct signet_result watch_prepare(uint32_t row) {
  struct watcher *watcher = &watchers[row];
  if (watcher->begun)
    return (struct signet_result){SIGNET_OK, 0};
  struct signet_result result = signet_thread_create(service_thread_entry, stacks + (row + 1) * STACK, watcher, NULL);
  watcher->begun = result.status == SIGNET_OK;
  return result;
}

void watch(uint32_t row, uint32_t child) {
  watchers[row].child = child;
  signet_word_wake(&watchers[row].child, 1);
}

bool watch_ended(uint32_t row, struct signet_ending *ending) {
  struct watcher *watcher = &watchers[row];
  if (!watcher->ended)
    return false;
  *ending = watcher->ending;
  watcher->ended = false;
  return true;
}
