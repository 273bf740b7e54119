/* The sealed web server's way to its files, with a kernel and a file service of this test's: answers that come late,
 * and a block that is another. */
#include <errno.h>
#include <setjmp.h>
#include <string.h>

#include "apps/web/sealed.h"
#include "apps/web/transport.h"
#include "contracts/files.h"
#include "tests/lib/tap.h"

#define ENDPOINT 7
#define HANDLE 0x10009

static const int64_t *late; /* what the receives say before the answer is there, and then OK */
static uint32_t receives, block_length, closed;
static uint64_t value;
static jmp_buf failed;

_Noreturn void sealed_fail(const char *what, int64_t status) {
  (void)what, (void)status;
  longjmp(failed, 1);
}

bool signet_files_renew(uint32_t endpoint);
bool signet_files_renew(uint32_t endpoint) { return endpoint; }

static struct signet_result result(int64_t status) { return (struct signet_result){status, 0}; }

static struct signet_result answer(struct signet_message *reply) {
  struct files_answer head = {.value = value};
  receives++;
  if (*late)
    return result(*late++);
  bool block = block_length;
  *reply = (struct signet_message){
      .tag = block ? FILES_ANSWERED_BLOCK : FILES_ANSWERED, .length = sizeof head, .moved_count = block};
  reply->moved[0] = (struct signet_moved){
      .handle = HANDLE + 1, .kind = SIGNET_KIND_BLOCK, .offset = 0x8000000, .length = block_length};
  memcpy((uint8_t *)reply + SIGNET_MESSAGE_DATA, &head, sizeof head);
  return result(SIGNET_OK);
}

struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline) {
  (void)message, (void)capacity, (void)deadline;
  return endpoint == ENDPOINT ? answer(reply) : result(SIGNET_HANDLE);
}
struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline) {
  (void)count, (void)capacity, (void)deadline;
  return *endpoints == ENDPOINT ? answer(message) : result(SIGNET_HANDLE);
}
struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message) {
  (void)endpoint, (void)message;
  return result(SIGNET_HANDLE);
}
struct signet_result signet_handle_close(uint32_t handle) {
  closed += handle != 0;
  return result(SIGNET_OK);
}
struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information) {
  (void)handle, (void)information;
  return result(SIGNET_HANDLE);
}
struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline) {
  (void)word, (void)expected, (void)deadline;
  return result(SIGNET_TIMEOUT);
}
struct signet_result signet_clock_read(uint32_t clock) {
  (void)clock;
  return result(SIGNET_OK);
}

static int read_block(struct block *block, const int64_t *statuses) {
  uint32_t read;
  *block = (struct block){.bytes = (uint8_t *)block, .handle = HANDLE};
  late = statuses;
  receives = 0;
  return storage_read_block(1, 0, block, 0, 1000, &read);
}

static void test_late_answers(void) {
  static const int64_t at_once[] = {0}, scarce[] = {SIGNET_MEMORY, SIGNET_MEMORY, SIGNET_INTERRUPTED, 0},
                       gone[] = {SIGNET_CLOSED};
  struct block block;
  block_length = 0x11000;
  value = 10;
  sealed_files_begin(ENDPOINT);
  ok(read_block(&block, at_once) == 0 && block.handle == HANDLE + 1 && receives == 1, "a block is read into");
  ok(read_block(&block, scarce) == 0 && block.handle == HANDLE + 1 && receives == 4,
     "and when there is no memory for it at first");
  ok(read_block(&block, at_once) == 0, "the service is as it was");
  struct storage_facts facts;
  block_length = 0;
  late = scarce + 2;
  ok(storage_status("/", &facts) == EIO, "an event comes before an answer without a block");
  block_length = 0x11000;
  ok(read_block(&block, at_once) == 0, "the service is as it was");
  ok(read_block(&block, gone) == STORAGE_GONE && !block.bytes, "a service that ends takes the block with it");
  ok(read_block(&block, at_once) == STORAGE_GONE && block.bytes && !receives, "and is asked no more");
  ok(!closed, "nothing is closed");
}

static void test_other_blocks(void) {
  static const int64_t at_once[] = {0};
  struct block block;
  sealed_files_begin(ENDPOINT);
  block_length = BLOCK_MOST - SIGNET_PAGE;
  if (!setjmp(failed)) {
    read_block(&block, at_once);
    ok(false, "a smaller block is not taken for the one that was given");
  } else {
    ok(true, "a smaller block is not taken for the one that was given");
  }
}

int main(void) {
  test_late_answers();
  test_other_blocks();
  return finish();
}
