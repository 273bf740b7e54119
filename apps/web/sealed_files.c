/* Files of the sealed web server, asked of the file service directly: a block that the service reads into is the one
 * that is sent. The end is the library OS's own, which nothing else in this process uses: one thread, and no call under
 * way outside these functions. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/device.h>
#include <signet/program.h>

#include "contracts/files.h"
#include "lib/scarcity.h"

#include "apps/web/sealed.h"
#include "apps/web/transport.h"

static struct files_client_REQUEST files;
static struct files_client_ANSWER waiting;
static struct files_buffer buffer;

void sealed_files_begin(uint32_t endpoint) {
  static bool begun; /* later ones are of a service that was started again */
  if (begun)
    signet_files_renew(endpoint);
  begun = true;
  /* Not adopted by the contract's hash: the file service has its table from contracts/files.h, which is the same to a
   * client, and has another hash. */
  files.handle = endpoint;
}

/* Whether the answer is still to come: an event came first, or the machine had no memory for it. */
static bool comes_later(int64_t status) {
  if (status == SIGNET_MEMORY)
    scarcity_wait();
  return status == SIGNET_MEMORY || status == SIGNET_INTERRUPTED;
}

/* Status of a call; what the answer says, and STORAGE_GONE when there is none. The end is what it was. */
static int answered(int64_t status, struct files_client_ANSWER_received *received) {
  while (comes_later(status))
    status = files_receive_ANSWER(&waiting, received, &buffer, SIGNET_NEVER);
  if (status != SIGNET_OK)
    return STORAGE_GONE; /* `files` is empty now, and stays so until the service is back */
  files = received->ANSWERED.next;
  return (int)received->ANSWERED.message.answer.error;
}

#define ASK(MESSAGE, message, received)                                                                                \
  (files.handle ? answered(files_call_##MESSAGE(&files, &waiting, message, received, &buffer, SIGNET_NEVER), received) \
                : STORAGE_GONE)

static int status_of(const struct files_ANSWERED *answer, struct storage_facts *facts) {
  struct signet_file_status status;
  if (answer->data_count < sizeof status)
    return EIO;
  memcpy(&status, answer->data, sizeof status);
  *facts = (struct storage_facts){.inode = status.inode,
                                  .size = status.size,
                                  .modified = status.modified,
                                  .changed = status.changed,
                                  .mode = status.mode};
  return 0;
}

int storage_status(const char *path, struct storage_facts *facts) {
  struct files_STATUS_NAME message = {.path = path, .path_length = (uint32_t)strlen(path)};
  struct files_client_ANSWER_received received;
  int error = ASK(STATUS_NAME, &message, &received);
  return error ? error : status_of(&received.ANSWERED.message, facts);
}

static int open_name(const char *path, uint32_t flags, uint32_t *number, uint32_t *type) {
  struct files_OPEN message = {
      .request = {.flags = SIGNET_OPEN_READ | flags}, .path = path, .path_length = (uint32_t)strlen(path)};
  struct files_client_ANSWER_received received;
  int error = ASK(OPEN, &message, &received);
  if (error)
    return error;
  *number = (uint32_t)received.ANSWERED.message.answer.value;
  *type = (uint32_t)(received.ANSWERED.message.answer.value >> 32);
  return 0;
}

int storage_open(const char *path, uint32_t *number, struct storage_facts *facts) {
  uint32_t type;
  int error = open_name(path, 0, number, &type);
  if (error)
    return error;
  struct files_STATUS message = {.request = {.file = *number}};
  struct files_client_ANSWER_received received;
  error = S_ISREG(type) ? ASK(STATUS, &message, &received) : EACCES;
  if (!error)
    error = status_of(&received.ANSWERED.message, facts);
  if (error && error != STORAGE_GONE)
    storage_close(*number);
  return error;
}

int storage_open_directory(const char *path, uint32_t *number) {
  uint32_t type;
  return open_name(path, SIGNET_OPEN_DIRECTORY, number, &type);
}

void storage_close(uint32_t number) {
  struct files_CLOSE message = {.request = {.file = number}};
  struct files_client_ANSWER_received received;
  (void)ASK(CLOSE, &message, &received);
}

int storage_read(uint32_t number, uint64_t offset, void *bytes, uint32_t length, uint32_t *read) {
  struct files_READ message = {.request = {.file = number, .offset = offset, .length = length}};
  struct files_client_ANSWER_received received;
  int error = ASK(READ, &message, &received);
  if (error)
    return error;
  uint32_t count = received.ANSWERED.message.data_count;
  if (count > length)
    return EIO;
  memcpy(bytes, received.ANSWERED.message.data, count);
  *read = count;
  return 0;
}

int storage_read_block(uint32_t number, uint64_t offset, struct block *block, uint32_t at, uint32_t length,
                       uint32_t *read) {
  struct files_READ_BLOCK message = {.request = {.file = number, .flags = at, .offset = offset, .length = length},
                                     .block = {.handle = block->handle}};
  struct files_client_ANSWER_BLOCK owed;
  struct files_client_ANSWER_BLOCK_received received = {.tag = CONTRACT_NOTHING};
  *read = 0;
  if (!files.handle)
    return STORAGE_GONE;
  int64_t status = files_call_READ_BLOCK(&files, &owed, &message, &received, &buffer, SIGNET_NEVER);
  while (comes_later(status))
    status = files_receive_ANSWER_BLOCK(&owed, &received, &buffer, SIGNET_NEVER);
  if (status != SIGNET_OK) {
    if (!message.block.handle)
      block->bytes = NULL; /* it went with the service */
    return STORAGE_GONE;
  }
  files = received.ANSWERED_BLOCK.next;
  const struct files_ANSWERED_BLOCK *answer = &received.ANSWERED_BLOCK.message;
  *block = sealed_block(&answer->block);
  if (answer->answer.error)
    return (int)answer->answer.error;
  if (answer->answer.value > length)
    return EIO;
  *read = (uint32_t)answer->answer.value;
  return 0;
}

int storage_list(uint32_t number, uint64_t *position, bool (*each)(void *context, const char *name), void *context,
                 bool *more) {
  struct files_LIST message = {.request = {.file = number, .offset = *position, .length = FILES_INLINE_MOST}};
  struct files_client_ANSWER_received received;
  int error = ASK(LIST, &message, &received);
  if (error)
    return error;
  const uint8_t *bytes = received.ANSWERED.message.data;
  uint32_t count = received.ANSWERED.message.data_count, at = 0;
  const size_t head = offsetof(struct signet_directory_entry, name);
  *more = count > 0;
  while (count - at > head) {
    struct signet_directory_entry entry;
    memcpy(&entry, bytes + at, head);
    const char *name = (const char *)bytes + at + head;
    if (entry.size <= head || entry.size > count - at || !memchr(name, 0, entry.size - head))
      return EIO;
    *position = entry.next;
    at += entry.size;
    if (!each(context, name)) {
      *more = false;
      break;
    }
  }
  return 0;
}
