/* The process's own /tmp, where nothing is mounted there: a tree in its memory, empty at the start, gone with it. It
 * answers the requests of contracts/files.h in the place of the file service, so the rest of the library works on its
 * files as on any others; symbolic links it has none. Nothing is taken or asked before a name leads to it. Any thread;
 * own lock, under a description's and over the heap's and the memory map's. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/library.h"
#include "lib/normalise.h"
#include "lib/tree.h"

#define DIRECTORY "/tmp"
#define DIRECTORY_LENGTH 4
#define DEVICE 0x5168

static struct lock temporary_lock;
static struct tree tree = TREE_EMPTY(DEVICE, 01777);
static enum { UNKNOWN, THEIRS, OURS } whose; /* atomic; never changes once it is known */

/* ---- Requests ---- */

static long read_bytes(const struct tree_node *node, struct exchange *exchange) {
  uint64_t offset = exchange->request.offset, length = exchange->request.length;
  if (S_ISDIR(node->mode))
    return -EISDIR;
  if (offset >= node->size)
    return 0;
  if (length > node->size - offset)
    length = node->size - offset;
  while (exchange->taken < length) {
    uint64_t part = length - exchange->taken;
    const uint8_t *bytes = signet_tree_bytes(node, offset + exchange->taken, &part);
    exchange->taken +=
        signet_iovec_scatter(exchange->take, exchange->take_count, exchange->skip + exchange->taken, bytes, part);
  }
  return 0;
}

/* As much as there is memory for. */
static long write_bytes(struct tree_node *node, struct exchange *exchange) {
  bool appends = exchange->request.flags & SIGNET_OPEN_APPEND;
  uint64_t offset = appends ? node->size : exchange->request.offset, length = exchange->limit, done = 0;
  if (offset >= TREE_FILE_MOST)
    return -EFBIG;
  if (length > TREE_FILE_MOST - offset)
    length = TREE_FILE_MOST - offset;
  while (done < length) {
    uint64_t part = length - done;
    uint8_t *bytes = signet_tree_room(node, offset + done, &part);
    if (!bytes)
      break;
    done += signet_iovec_gather(exchange->send, exchange->send_count, exchange->skip + done, bytes, part);
  }
  if (done == 0)
    return -ENOSPC;
  signet_tree_written(node, offset + done);
  exchange->value = done;
  return 0;
}

static bool list_one(void *context, const void *record, uint32_t size) {
  struct exchange *exchange = context;
  if (size > exchange->request.length - exchange->taken)
    return false;
  exchange->taken += signet_iovec_scatter(exchange->take, exchange->take_count, exchange->taken, record, size);
  return true;
}

static long give_status(const struct tree_node *node, struct exchange *exchange) {
  struct signet_file_status status;
  signet_tree_status(&tree, node, &status);
  exchange->taken = signet_iovec_scatter(exchange->take, exchange->take_count, 0, &status, sizeof status);
  return 0;
}

/* What is asked of a file by number and by name alike. */
static long serve_node(struct tree_node *node, struct exchange *exchange) {
  switch (exchange->tag) {
  case FILES_STATUS:
  case FILES_STATUS_NAME:
    return give_status(node, exchange);
  case FILES_PERMISSIONS:
    signet_tree_set_permissions(node, exchange->request.length);
    return 0;
  case FILES_TIMES:
    signet_tree_set_times(node, exchange->request.offset, exchange->request.length);
    return 0;
  }
  return -EINVAL;
}

long signet_temporary_ask(struct exchange *exchange) {
  struct tree_node *node = (void *)(uintptr_t)exchange->request.file;
  long error = 0;
  exchange->taken = 0;
  exchange->value = 0;
  lock_take(&temporary_lock);
  switch (exchange->tag) {
  case FILES_CLOSE:
    signet_tree_put(node);
    break;
  case FILES_READ:
    error = read_bytes(node, exchange);
    break;
  case FILES_WRITE:
    error = write_bytes(node, exchange);
    break;
  case FILES_LIST:
    error = signet_tree_list(&tree, node, exchange->request.offset, list_one, exchange);
    break;
  case FILES_TRUNCATE:
    error = signet_tree_truncate(node, exchange->request.length);
    break;
  case FILES_SYNC:
    break;
  default:
    error = serve_node(node, exchange);
  }
  lock_give(&temporary_lock);
  return error;
}

static long open_place(struct tree_place *place, struct exchange *exchange) {
  long error = signet_tree_open(&tree, place, exchange->request.flags, exchange->request.length);
  /* The number of an open file is its address: a window has no longer ones. */
  if (!error)
    exchange->value = (uint32_t)(uintptr_t)place->node | (uint64_t)(place->node->mode & S_IFMT) << 32;
  return error;
}

static long serve_name(struct tree_place *place, struct exchange *exchange) {
  switch (exchange->tag) {
  case FILES_OPEN:
    return open_place(place, exchange);
  case FILES_MAKE:
    return place->node ? -EEXIST : signet_tree_make(&tree, place, S_IFDIR | exchange->request.length);
  case FILES_REMOVE:
    return signet_tree_remove(&tree, place->node, exchange->request.flags);
  case FILES_LINK:
    return place->node ? -EEXIST : -EPERM;
  }
  return place->node ? serve_node(place->node, exchange) : -ENOENT;
}

/* ---- Which names are its ---- */

static long ask_status(const char *name, struct signet_file_status *status) {
  struct iovec send = {(char *)name, strlen(name) + 1}, take = {status, sizeof *status};
  struct exchange exchange = {.tag = FILES_STATUS_NAME, .send = &send, .send_count = 1, .take = &take, .take_count = 1};
  return signet_channel_ask(&signet_channels[SIGNET_SLOT_FILES], &exchange);
}

/* 1: the names under /tmp are of this tree; 0: of the file service; or minus an error number: it could not be asked. */
static long ours(void) {
  uint32_t known = __atomic_load_n(&whose, __ATOMIC_ACQUIRE);
  if (known)
    return known == OURS;
  struct signet_file_status status;
  memset(&status, 0, sizeof status);
  long error = ask_status(DIRECTORY, &status);
  if (error == -ENOENT) {
    /* A directory mounted at / has the say over all names, also over those that are not there. What the service makes
     * up, where nothing is mounted, was never changed. */
    error = ask_status("/", &status);
    known = status.changed ? THEIRS : OURS;
  } else {
    known = error == -EBADF ? OURS : THEIRS; /* no service was given, or it has one */
    if (error == -EBADF)
      error = 0;
  }
  if (error)
    return error;
  lock_take(&temporary_lock);
  if (!whose) {
    if (known == OURS) {
      signet_tree_touch(&tree.top);
      tree.top.accessed = tree.top.modified;
    }
    __atomic_store_n(&whose, known, __ATOMIC_RELEASE);
  }
  lock_give(&temporary_lock);
  return known == OURS;
}

static bool inside(const char *name) {
  return strncmp(name, DIRECTORY, DIRECTORY_LENGTH) == 0 && (name[DIRECTORY_LENGTH] == '/' || !name[DIRECTORY_LENGTH]);
}

/* True if a part has "tmp" in it, without which no name leads to the tree. */
static bool may_be_inside(const struct exchange *exchange) {
  for (uint32_t i = 0; i < exchange->send_count; i++) {
    const char *at = exchange->send[i].iov_base;
    for (size_t left = exchange->send[i].iov_len; left >= 3; left--, at++)
      if (at[0] == 't' && at[1] == 'm' && at[2] == 'p')
        return true;
  }
  return false;
}

/* The names in the request's text, normalised, as far as they are inside. -> 1: all are; 0: none; or minus an error. */
static long serve_names(char *first, struct exchange *exchange) {
  struct tree_place place, to;
  char *second = exchange->tag == FILES_RENAME || exchange->tag == FILES_LINK ? first + strlen(first) + 1 : NULL;
  if (exchange->tag == FILES_LINK) { /* the target is free text */
    first = second;
    second = NULL;
  }
  signet_path_normalise(first);
  if (second)
    signet_path_normalise(second);
  bool first_inside = inside(first), second_inside = second ? inside(second) : first_inside;
  if (!first_inside && !second_inside)
    return 0;
  long result = ours();
  if (result <= 0)
    return result;
  if (first_inside != second_inside)
    return -EXDEV;
  lock_take(&temporary_lock);
  result = signet_tree_find(&tree, first + DIRECTORY_LENGTH, false, &place);
  if (result == 0 && second)
    result = signet_tree_find(&tree, second + DIRECTORY_LENGTH, false, &to);
  if (result == 0)
    result = second ? signet_tree_rename(&tree, &place, &to) : serve_name(&place, exchange);
  lock_give(&temporary_lock);
  return result ? result : 1;
}

long signet_name_ask(struct exchange *exchange, bool *temporary) {
  size_t length = 0;
  long result = 0;
  if (temporary)
    *temporary = false;
  if (may_be_inside(exchange))
    for (uint32_t i = 0; i < exchange->send_count; i++)
      length += exchange->send[i].iov_len;
  if (length && length <= FILES_INLINE_MOST) {
    char *text = signet_heap_take(length);
    if (!text)
      return -ENOMEM;
    signet_iovec_gather(exchange->send, exchange->send_count, 0, text, length);
    exchange->taken = 0;
    exchange->value = 0;
    result = serve_names(text, exchange);
    signet_heap_give(text, length);
  }
  if (result == 0)
    return signet_channel_ask(&signet_channels[SIGNET_SLOT_FILES], exchange);
  if (result < 0)
    return result;
  if (temporary)
    *temporary = true;
  return 0;
}
