/* The process's own /tmp, where nothing is mounted there: a tree in its memory, empty at the start, gone with it. It
 * answers the requests of contracts/files.h in the place of the file service, so the rest of the library works on its
 * files as on any others; symbolic links it has none. Nothing is taken or asked before a name leads to it. Any thread;
 * own lock, under a description's and over the heap's and the memory map's. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/library.h"
#include "lib/normalise.h"

#define DIRECTORY "/tmp"
#define DIRECTORY_LENGTH 4
#define DEVICE 0x5168
#define CHUNK 0x4000u
/* No file is longer than a window, which is all the memory that there can be. */
#define FILE_MOST ((uint64_t)1 << 32)
/* Positions in a listing: behind "." and ".."; then each name has its own, the newest the greatest and the first told,
 * so that a listing goes on where it was whatever is removed or made meanwhile. */
#define FIRST_PLACE 3

struct node {
  struct node *parent; /* NULL: the top, or it has no name any more */
  struct node *next;   /* of the parent's, older */
  struct node *first;  /* directory: the newest of its names */
  char *name;
  uint64_t place;
  uint64_t number;
  uint32_t references; /* of descriptions, and one of the name */
  uint32_t mode;
  uint64_t size;
  uint64_t accessed, modified, changed;
  uint32_t *chunks; /* addresses, 0 where nothing was written; bytes behind the size are 0 */
  uint32_t capacity, held;
};

/* What a name leads to. */
struct place {
  struct node *directory; /* NULL: it is the top's */
  struct node *node;      /* NULL: there is none */
  const char *name;
  size_t length;
};

static struct lock temporary_lock;
static struct node top = {.number = 1, .references = 1, .mode = S_IFDIR | 01777};
static uint64_t numbers = 1, places = FIRST_PLACE;
static enum { UNKNOWN, THEIRS, OURS } whose; /* atomic; never changes once it is known */

static void touch(struct node *node) { node->modified = node->changed = signet_now(SIGNET_CLOCK_REALTIME); }

/* ---- Bytes ---- */

static uint32_t *table_take(uint32_t count) {
  size_t bytes = count * sizeof(uint32_t);
  if (bytes > SIGNET_PAGE)
    return (void *)(uintptr_t)signet_pages_take(bytes);
  uint32_t *table = signet_heap_take(bytes);
  if (table)
    memset(table, 0, bytes);
  return table;
}

static void table_give(uint32_t *table, uint32_t count) {
  size_t bytes = count * sizeof *table;
  if (bytes > SIGNET_PAGE)
    signet_pages_give((uintptr_t)table, bytes);
  else if (table)
    signet_heap_give(table, bytes);
}

static uint8_t *chunk_at(const struct node *node, uint32_t index) {
  return index < node->capacity ? (uint8_t *)(uintptr_t)node->chunks[index] : NULL;
}

/* The chunk, made if there was none; NULL: no memory. */
static uint8_t *chunk_made(struct node *node, uint32_t index) {
  if (index >= node->capacity) {
    uint32_t capacity = node->capacity ? node->capacity : 8;
    while (capacity <= index)
      capacity *= 2;
    uint32_t *chunks = table_take(capacity);
    if (!chunks)
      return NULL;
    if (node->capacity)
      memcpy(chunks, node->chunks, node->capacity * sizeof *chunks);
    table_give(node->chunks, node->capacity);
    node->chunks = chunks;
    node->capacity = capacity;
  }
  if (!node->chunks[index]) {
    node->chunks[index] = signet_pages_take(CHUNK);
    node->held += node->chunks[index] != 0;
  }
  return chunk_at(node, index);
}

static void resize(struct node *node, uint64_t size) {
  uint32_t kept = (size + CHUNK - 1) / CHUNK;
  for (uint32_t i = kept; i < node->capacity; i++) {
    if (!node->chunks[i])
      continue;
    signet_pages_give(node->chunks[i], CHUNK);
    node->chunks[i] = 0;
    node->held--;
  }
  uint8_t *last = size % CHUNK && size < node->size ? chunk_at(node, kept - 1) : NULL;
  if (last)
    memset(last + size % CHUNK, 0, CHUNK - size % CHUNK);
  if (size == 0) {
    table_give(node->chunks, node->capacity);
    node->chunks = NULL;
    node->capacity = 0;
  }
  node->size = size;
}

static long read_bytes(const struct node *node, struct exchange *exchange) {
  static const uint8_t zeros[256];
  uint64_t offset = exchange->request.offset, length = exchange->request.length;
  if (S_ISDIR(node->mode))
    return -EISDIR;
  if (offset >= node->size)
    return 0;
  if (length > node->size - offset)
    length = node->size - offset;
  while (exchange->taken < length) {
    uint64_t at = offset + exchange->taken, part = CHUNK - at % CHUNK;
    const uint8_t *chunk = chunk_at(node, at / CHUNK);
    if (!chunk && part > sizeof zeros)
      part = sizeof zeros;
    if (part > length - exchange->taken)
      part = length - exchange->taken;
    exchange->taken += signet_iovec_scatter(exchange->take, exchange->take_count, exchange->skip + exchange->taken,
                                            chunk ? chunk + at % CHUNK : zeros, part);
  }
  return 0;
}

/* As much as there is memory for. */
static long write_bytes(struct node *node, struct exchange *exchange) {
  bool appends = exchange->request.flags & SIGNET_OPEN_APPEND;
  uint64_t offset = appends ? node->size : exchange->request.offset, length = exchange->limit, done = 0;
  if (offset >= FILE_MOST)
    return -EFBIG;
  if (length > FILE_MOST - offset)
    length = FILE_MOST - offset;
  while (done < length) {
    uint64_t at = offset + done, part = CHUNK - at % CHUNK;
    uint8_t *chunk = chunk_made(node, at / CHUNK);
    if (!chunk)
      break;
    if (part > length - done)
      part = length - done;
    done += signet_iovec_gather(exchange->send, exchange->send_count, exchange->skip + done, chunk + at % CHUNK, part);
  }
  if (done == 0)
    return -ENOSPC;
  if (node->size < offset + done)
    node->size = offset + done;
  touch(node);
  exchange->value = done;
  return 0;
}

/* ---- Names ---- */

static struct node *child(const struct node *directory, const char *name, size_t length) {
  struct node *node = directory->first;
  while (node && (strncmp(node->name, name, length) != 0 || node->name[length] != 0))
    node = node->next;
  return node;
}

/* `rest` is what follows the top's name: "" or "/a/b". */
static long find(const char *rest, struct place *place) {
  *place = (struct place){.node = &top};
  while (*rest) {
    rest++;
    if (!place->node)
      return -ENOENT;
    if (!S_ISDIR(place->node->mode))
      return -ENOTDIR;
    *place = (struct place){.directory = place->node, .name = rest, .length = strcspn(rest, "/")};
    if (place->length > NAME_MAX)
      return -ENAMETOOLONG;
    place->node = child(place->directory, place->name, place->length);
    rest += place->length;
  }
  return 0;
}

static char *name_copy(const struct place *place) {
  char *name = signet_heap_take(place->length + 1);
  if (name) {
    memcpy(name, place->name, place->length);
    name[place->length] = 0;
  }
  return name;
}

static void put_in(struct node *node, struct node *directory, char *name) {
  node->name = name;
  node->parent = directory;
  node->place = places++;
  node->next = directory->first;
  directory->first = node;
  touch(directory);
}

static void take_out(struct node *node) {
  struct node **link = &node->parent->first;
  while (*link != node)
    link = &(*link)->next;
  *link = node->next;
  touch(node->parent);
  signet_heap_give(node->name, strlen(node->name) + 1);
  node->name = NULL;
  node->parent = NULL;
}

static void put(struct node *node) {
  if (--node->references)
    return;
  resize(node, 0);
  signet_heap_give(node, sizeof *node);
}

/* Makes what is not there. */
static long make(struct place *place, uint32_t mode) {
  char *name = name_copy(place);
  struct node *node = signet_heap_take(sizeof *node);
  if (!name || !node) {
    if (name)
      signet_heap_give(name, place->length + 1);
    if (node)
      signet_heap_give(node, sizeof *node);
    return -ENOSPC;
  }
  *node = (struct node){.number = ++numbers, .references = 1, .mode = mode};
  touch(node);
  node->accessed = node->modified;
  put_in(node, place->directory, name);
  place->node = node;
  return 0;
}

static long open_name(struct place *place, struct exchange *exchange) {
  uint32_t flags = exchange->request.flags;
  if (!place->node) {
    if (!(flags & SIGNET_OPEN_CREATE))
      return -ENOENT;
    if (flags & SIGNET_OPEN_DIRECTORY)
      return -EINVAL;
    long error = make(place, S_IFREG | exchange->request.length);
    if (error)
      return error;
  } else if ((flags & SIGNET_OPEN_CREATE) && (flags & SIGNET_OPEN_EXCLUSIVE)) {
    return -EEXIST;
  } else if (S_ISDIR(place->node->mode)) {
    if (flags & (SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_TRUNCATE))
      return -EISDIR;
  } else if (flags & SIGNET_OPEN_DIRECTORY) {
    return -ENOTDIR;
  } else if (flags & SIGNET_OPEN_TRUNCATE) {
    resize(place->node, 0);
    touch(place->node);
  }
  place->node->references++;
  /* The number of an open file is its address: a window has no longer ones. */
  exchange->value = (uint32_t)(uintptr_t)place->node | (uint64_t)(place->node->mode & S_IFMT) << 32;
  return 0;
}

static long remove_name(struct node *node, bool directory) {
  if (!node)
    return -ENOENT;
  if (S_ISDIR(node->mode) != directory)
    return directory ? -ENOTDIR : -EISDIR;
  if (node == &top)
    return -EBUSY;
  if (node->first)
    return -ENOTEMPTY;
  take_out(node);
  node->changed = signet_now(SIGNET_CLOCK_REALTIME);
  put(node);
  return 0;
}

static long rename_node(const struct place *from, const struct place *to) {
  if (from->node && from->node == to->node)
    return 0;
  if (!from->directory || !to->directory) /* the top's own name is one of another tree */
    return -EXDEV;
  if (!from->node)
    return -ENOENT;
  for (const struct node *above = to->directory; above; above = above->parent)
    if (above == from->node)
      return -EINVAL;
  if (to->node) {
    if (S_ISDIR(to->node->mode) != S_ISDIR(from->node->mode))
      return S_ISDIR(to->node->mode) ? -EISDIR : -ENOTDIR;
    if (to->node->first)
      return -ENOTEMPTY;
  }
  char *name = name_copy(to);
  if (!name)
    return -ENOSPC;
  if (to->node) {
    take_out(to->node);
    put(to->node);
  }
  take_out(from->node);
  put_in(from->node, to->directory, name);
  return 0;
}

/* One record behind those that are there; false if there is no room. */
static bool list_one(struct exchange *exchange, const char *name, const struct node *node, uint64_t next) {
  struct {
    struct signet_directory_entry entry;
    char name[NAME_MAX + 8];
  } record;
  size_t head = offsetof(struct signet_directory_entry, name), length = strlen(name);
  uint32_t size = (head + length + 1 + 7) & ~7u;
  if (size > exchange->request.length - exchange->taken)
    return false;
  memset(&record, 0, size);
  record.entry = (struct signet_directory_entry){
      .inode = node->number, .next = next, .size = size, .type = (node->mode & S_IFMT) >> 12};
  memcpy((char *)&record + head, name, length + 1);
  exchange->taken += signet_iovec_scatter(exchange->take, exchange->take_count, exchange->taken, &record, size);
  return true;
}

static long list(const struct node *directory, struct exchange *exchange) {
  uint64_t from = exchange->request.offset;
  bool room = true;
  if (directory != &top && !directory->parent)
    return 0; /* removed */
  if (from < 1)
    room = list_one(exchange, ".", directory, 1);
  if (from < 2 && room)
    room = list_one(exchange, "..", directory->parent ? directory->parent : directory, 2);
  for (const struct node *node = directory->first; node && room; node = node->next)
    if (from < FIRST_PLACE || node->place < from)
      room = list_one(exchange, node->name, node, node->place);
  return room || exchange->taken ? 0 : -EINVAL;
}

/* ---- Requests ---- */

static long give_status(const struct node *node, struct exchange *exchange) {
  struct signet_file_status status = {
      .device = DEVICE,
      .inode = node->number,
      .mode = node->mode,
      .links = node == &top || node->parent, /* those of directories are not counted */
      .size = node->size,
      .blocks = node->held * (CHUNK / 512),
      .accessed = node->accessed,
      .modified = node->modified,
      .changed = node->changed,
  };
  exchange->taken = signet_iovec_scatter(exchange->take, exchange->take_count, 0, &status, sizeof status);
  return 0;
}

/* What is asked of a file by number and by name alike. */
static long serve_node(struct node *node, struct exchange *exchange) {
  switch (exchange->tag) {
  case FILES_STATUS:
  case FILES_STATUS_NAME:
    return give_status(node, exchange);
  case FILES_PERMISSIONS:
    node->mode = (node->mode & S_IFMT) | (exchange->request.length & 07777);
    node->changed = signet_now(SIGNET_CLOCK_REALTIME);
    return 0;
  case FILES_TIMES:
    node->accessed = exchange->request.offset;
    node->modified = exchange->request.length;
    node->changed = signet_now(SIGNET_CLOCK_REALTIME);
    return 0;
  }
  return -EINVAL;
}

long signet_temporary_ask(struct exchange *exchange) {
  struct node *node = (void *)(uintptr_t)exchange->request.file;
  long error = 0;
  exchange->taken = 0;
  exchange->value = 0;
  lock_take(&temporary_lock);
  switch (exchange->tag) {
  case FILES_CLOSE:
    put(node);
    break;
  case FILES_READ:
    error = read_bytes(node, exchange);
    break;
  case FILES_WRITE:
    error = write_bytes(node, exchange);
    break;
  case FILES_LIST:
    error = list(node, exchange);
    break;
  case FILES_TRUNCATE:
    error = exchange->request.length > FILE_MOST ? -EFBIG : 0;
    if (!error) {
      resize(node, exchange->request.length);
      touch(node);
    }
    break;
  case FILES_SYNC:
    break;
  default:
    error = serve_node(node, exchange);
  }
  lock_give(&temporary_lock);
  return error;
}

static long serve_name(struct place *place, struct exchange *exchange) {
  switch (exchange->tag) {
  case FILES_OPEN:
    return open_name(place, exchange);
  case FILES_MAKE:
    return place->node ? -EEXIST : make(place, S_IFDIR | exchange->request.length);
  case FILES_REMOVE:
    return remove_name(place->node, exchange->request.flags);
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
      touch(&top);
      top.accessed = top.modified;
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
  struct place place, to;
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
  result = find(first + DIRECTORY_LENGTH, &place);
  if (result == 0 && second)
    result = find(second + DIRECTORY_LENGTH, &to);
  if (result == 0)
    result = second ? rename_node(&place, &to) : serve_name(&place, exchange);
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
