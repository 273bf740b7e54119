/* A tree of files in memory; see tree.h. */
#include "lib/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/library.h"

#define CHUNK 0x4000u
#define LINKS_MOST 40 /* that one name may lead through */

void signet_tree_touch(struct tree_node *node) { node->modified = node->changed = signet_now(SIGNET_CLOCK_REALTIME); }

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

static uint8_t *chunk_at(const struct tree_node *node, uint32_t index) {
  return index < node->capacity ? (uint8_t *)(uintptr_t)node->chunks[index] : NULL;
}

/* The chunk, made if there was none; NULL: no memory. */
static uint8_t *chunk_made(struct tree_node *node, uint32_t index) {
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

static void resize(struct tree_node *node, uint64_t size) {
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

long signet_tree_truncate(struct tree_node *node, uint64_t size) {
  if (size > TREE_FILE_MOST)
    return -EFBIG;
  resize(node, size);
  signet_tree_touch(node);
  return 0;
}

static void shorten(uint64_t offset, uint64_t most, uint64_t *length) {
  uint64_t part = most - offset % most;
  if (*length > part)
    *length = part;
}

const uint8_t *signet_tree_bytes(const struct tree_node *node, uint64_t offset, uint64_t *length) {
  static const uint8_t zeros[256];
  const uint8_t *chunk = chunk_at(node, offset / CHUNK);
  shorten(offset, CHUNK, length);
  if (chunk)
    return chunk + offset % CHUNK;
  if (*length > sizeof zeros)
    *length = sizeof zeros;
  return zeros;
}

uint8_t *signet_tree_room(struct tree_node *node, uint64_t offset, uint64_t *length) {
  uint8_t *chunk = chunk_made(node, offset / CHUNK);
  shorten(offset, CHUNK, length);
  return chunk ? chunk + offset % CHUNK : NULL;
}

void signet_tree_written(struct tree_node *node, uint64_t end) {
  if (node->size < end)
    node->size = end;
  signet_tree_touch(node);
}

uint32_t signet_tree_target(const struct tree_node *node, char *to) {
  memcpy(to, node->target, node->size);
  return node->size;
}

/* ---- Names ---- */

static uint32_t sum(const char *name, size_t length) {
  uint32_t value = 0;
  for (size_t i = 0; i < length; i++)
    value = value * 31 + (uint8_t)name[i];
  return value;
}

static struct tree_node *child(const struct tree_node *directory, const char *name, size_t length) {
  struct tree_node *node = directory->first;
  uint32_t wanted = sum(name, length);
  while (node && (node->name_sum != wanted || strncmp(node->name, name, length) != 0 || node->name[length] != 0))
    node = node->next;
  return node;
}

/* Replaces what is left of a path by a link's target and that. `text` is TREE_LINK_MOST + 1 bytes, or NULL at first. */
static long follow_link(const struct tree_node *link, const char **rest, char **text) {
  size_t left = strlen(*rest);
  char *joined = signet_heap_take(TREE_LINK_MOST + 1);
  if (!joined)
    return -ENOMEM;
  if (link->size + left > TREE_LINK_MOST) {
    signet_heap_give(joined, TREE_LINK_MOST + 1);
    return -ENAMETOOLONG;
  }
  uint32_t length = signet_tree_target(link, joined);
  memcpy(joined + length, *rest, left + 1);
  if (*text)
    signet_heap_give(*text, TREE_LINK_MOST + 1);
  *rest = *text = joined;
  return 0;
}

/* One step: the name at the start of what is left, which has no "/" before it. */
static long step(struct tree *tree, const char *rest, size_t length, struct tree_place *place) {
  struct tree_node *from = place->node;
  if (!from)
    return -ENOENT;
  if (!S_ISDIR(from->mode))
    return -ENOTDIR;
  if (length > NAME_MAX)
    return -ENAMETOOLONG;
  if (length == 1 && rest[0] == '.')
    return 0;
  if (length == 2 && rest[0] == '.' && rest[1] == '.') {
    place->node = from->parent ? from->parent : &tree->top;
    place->directory = place->node->parent;
    place->length = 0;
    if (place->directory) {
      place->length = strlen(place->node->name);
      memcpy(place->name, place->node->name, place->length + 1);
    }
    return 0;
  }
  place->directory = from;
  place->node = child(from, rest, length);
  place->length = length;
  memcpy(place->name, rest, length);
  place->name[length] = 0;
  return 0;
}

long signet_tree_find(struct tree *tree, const char *path, bool follow, struct tree_place *place) {
  const char *rest = path;
  char *text = NULL;
  long error = 0;
  uint32_t links = 0;
  place->directory = NULL;
  place->node = &tree->top;
  place->length = 0;
  while (!error) {
    while (*rest == '/')
      rest++;
    if (!*rest)
      break;
    size_t length = strcspn(rest, "/");
    error = step(tree, rest, length, place);
    rest += length;
    struct tree_node *node = place->node;
    if (error || !node || !S_ISLNK(node->mode) || (!*rest && !follow))
      continue;
    if (++links > LINKS_MOST) {
      error = -ELOOP;
      break;
    }
    error = follow_link(node, &rest, &text);
    if (error)
      break;
    place->node = *rest == '/' ? &tree->top : place->directory;
    place->directory = place->node->parent;
  }
  if (text)
    signet_heap_give(text, TREE_LINK_MOST + 1);
  return error;
}

static char *name_copy(const struct tree_place *place) {
  char *name = signet_heap_take(place->length + 1);
  if (name)
    memcpy(name, place->name, place->length + 1);
  return name;
}

static void put_in(struct tree *tree, struct tree_node *node, struct tree_node *directory, char *name) {
  node->name = name;
  node->name_sum = sum(name, strlen(name));
  node->parent = directory;
  node->place = tree->places++;
  node->next = directory->first;
  directory->first = node;
  signet_tree_touch(directory);
}

static void take_out(struct tree_node *node) {
  struct tree_node **link = &node->parent->first;
  while (*link != node)
    link = &(*link)->next;
  *link = node->next;
  signet_tree_touch(node->parent);
  signet_heap_give(node->name, strlen(node->name) + 1);
  node->name = NULL;
  node->parent = NULL;
}

void signet_tree_put(struct tree_node *node) {
  if (--node->references)
    return;
  if (S_ISLNK(node->mode))
    signet_heap_give(node->target, node->size);
  else
    resize(node, 0);
  signet_heap_give(node, sizeof *node);
}

long signet_tree_make(struct tree *tree, struct tree_place *place, uint32_t mode) {
  if (!place->directory || !place->length)
    return -EEXIST;
  char *name = name_copy(place);
  struct tree_node *node = signet_heap_take(sizeof *node);
  if (!name || !node) {
    if (name)
      signet_heap_give(name, place->length + 1);
    if (node)
      signet_heap_give(node, sizeof *node);
    return -ENOSPC;
  }
  *node = (struct tree_node){.number = ++tree->numbers, .references = 1, .mode = mode};
  signet_tree_touch(node);
  node->accessed = node->modified;
  put_in(tree, node, place->directory, name);
  place->node = node;
  return 0;
}

long signet_tree_make_link(struct tree *tree, struct tree_place *place, const char *target) {
  size_t length = strlen(target);
  if (!tree->links)
    return -EPERM;
  if (!length || length > TREE_LINK_MOST)
    return length ? -ENAMETOOLONG : -ENOENT;
  char *copy = signet_heap_take(length);
  if (!copy)
    return -ENOSPC;
  long error = signet_tree_make(tree, place, S_IFLNK | 0777);
  if (error) {
    signet_heap_give(copy, length);
    return error;
  }
  memcpy(copy, target, length);
  place->node->target = copy;
  place->node->size = length;
  return 0;
}

long signet_tree_open(struct tree *tree, struct tree_place *place, uint32_t flags, uint32_t mode) {
  struct tree_node *node = place->node;
  if (!node) {
    if (!(flags & SIGNET_OPEN_CREATE))
      return -ENOENT;
    if (flags & SIGNET_OPEN_DIRECTORY)
      return -EINVAL;
    long error = signet_tree_make(tree, place, S_IFREG | mode);
    if (error)
      return error;
  } else if ((flags & SIGNET_OPEN_CREATE) && (flags & SIGNET_OPEN_EXCLUSIVE)) {
    return -EEXIST;
  } else if (S_ISLNK(node->mode)) { /* not followed */
    return flags & SIGNET_OPEN_DIRECTORY ? -ENOTDIR : -ELOOP;
  } else if (S_ISDIR(node->mode)) {
    if (flags & (SIGNET_OPEN_WRITE | SIGNET_OPEN_CREATE | SIGNET_OPEN_TRUNCATE))
      return -EISDIR;
  } else if (flags & SIGNET_OPEN_DIRECTORY) {
    return -ENOTDIR;
  } else if (flags & SIGNET_OPEN_TRUNCATE) {
    resize(node, 0);
    signet_tree_touch(node);
  }
  place->node->references++;
  return 0;
}

long signet_tree_remove(struct tree *tree, struct tree_node *node, bool directory) {
  if (!node)
    return -ENOENT;
  if (S_ISDIR(node->mode) != directory)
    return directory ? -ENOTDIR : -EISDIR;
  if (node == &tree->top)
    return -EBUSY;
  if (node->first)
    return -ENOTEMPTY;
  take_out(node);
  node->changed = signet_now(SIGNET_CLOCK_REALTIME);
  signet_tree_put(node);
  return 0;
}

long signet_tree_rename(struct tree *tree, const struct tree_place *from, const struct tree_place *to) {
  if (from->node && from->node == to->node)
    return 0;
  if (!from->directory || !to->directory) /* the top's own name is one of another tree */
    return -EXDEV;
  if (!from->node)
    return -ENOENT;
  for (const struct tree_node *above = to->directory; above; above = above->parent)
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
    signet_tree_put(to->node);
  }
  take_out(from->node);
  put_in(tree, from->node, to->directory, name);
  return 0;
}

/* ---- What is told of them ---- */

/* Positions in a listing: behind "." and ".."; then each name has its own, the newest the greatest and the first told,
 * so that a listing goes on where it was whatever is removed or made meanwhile. */
long signet_tree_list(const struct tree *tree, const struct tree_node *directory, uint64_t from,
                      bool (*put)(void *context, const void *record, uint32_t size), void *context) {
  struct {
    struct signet_directory_entry entry;
    char name[NAME_MAX + 8];
  } record;
  const struct tree_node *node = directory, *above = directory->parent ? directory->parent : directory;
  const char *name = ".";
  uint64_t next = 1, told = 0;
  if (!S_ISDIR(directory->mode))
    return -ENOTDIR;
  if (directory != &tree->top && !directory->parent)
    return 0; /* removed */
  while (node) {
    bool wanted = next <= 2 ? from < next : from < TREE_FIRST_PLACE || node->place < from;
    if (wanted) {
      const size_t head = offsetof(struct signet_directory_entry, name), length = strlen(name);
      uint32_t size = (head + length + 1 + 7) & ~7u;
      memset(&record, 0, size);
      record.entry = (struct signet_directory_entry){
          .inode = node->number, .next = next, .size = size, .type = (node->mode & S_IFMT) >> 12};
      memcpy((char *)&record + head, name, length + 1);
      if (!put(context, &record, size))
        return told ? 0 : -EINVAL;
      told++;
    }
    /* ".", "..", the newest name, and so on. */
    bool first = next == 1, second = next == 2;
    node = first ? above : second ? directory->first : node->next;
    name = first ? ".." : node ? node->name : NULL;
    next = first ? 2 : node ? node->place : 0;
  }
  return 0;
}

void signet_tree_status(const struct tree *tree, const struct tree_node *node, struct signet_file_status *status) {
  *status = (struct signet_file_status){
      .device = tree->device,
      .inode = node->number,
      .mode = node->mode,
      .links = node == &tree->top || node->parent, /* those of directories are not counted */
      .size = node->size,
      .blocks = node->held * (CHUNK / 512),
      .accessed = node->accessed,
      .modified = node->modified,
      .changed = node->changed,
  };
}

void signet_tree_set_permissions(struct tree_node *node, uint32_t permissions) {
  node->mode = (node->mode & S_IFMT) | (permissions & 07777);
  node->changed = signet_now(SIGNET_CLOCK_REALTIME);
}

void signet_tree_set_times(struct tree_node *node, uint64_t accessed, uint64_t modified) {
  node->accessed = accessed;
  node->modified = modified;
  node->changed = signet_now(SIGNET_CLOCK_REALTIME);
}

bool signet_tree_sealed(const struct tree_node *node) {
  while (node->parent && node->seal == TREE_AS_ABOVE)
    node = node->parent;
  return node->seal == TREE_SEALED;
}
