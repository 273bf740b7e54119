/* A tree of files in memory: what the process's own /tmp (temporary.c) and the file service in memory
 * (services/memory.c) are made of. Memory comes from signet_heap_take and signet_pages_take. No lock: the caller has
 * one. Errors are minus an error number of Linux. */
#ifndef LIB_TREE_H
#define LIB_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/device.h>

/* No file is longer than a window, which is all the memory that there can be. */
#define TREE_FILE_MOST ((uint64_t)1 << 32)
#define TREE_LINK_MOST 4095 /* bytes of a symbolic link's target */

/* Whether what is at a node and below it can be changed. Nothing in here heeds it but signet_tree_sealed. */
enum tree_seal { TREE_AS_ABOVE = 0, TREE_OPEN = 1, TREE_SEALED = 2 };

struct tree_node {
  struct tree_node *parent; /* NULL: the top, or it has no name any more */
  struct tree_node *next;   /* of the parent's, older */
  struct tree_node *first;  /* directory: the newest of its names */
  char *name;
  uint32_t name_sum; /* most names differ in it */
  uint64_t place;    /* in listings of its directory */
  uint64_t number;
  uint32_t references; /* of whoever has it open, and one of the name */
  uint32_t mode;
  uint64_t size;
  uint64_t accessed, modified, changed;
  union {
    uint32_t *chunks; /* addresses, 0 where nothing was written; bytes behind the size are 0 */
    char *target;     /* of a symbolic link: `size` bytes */
  };
  uint32_t capacity, held; /* of chunks */
  uint8_t seal;            /* enum tree_seal */
  bool leads;              /* to a node with a seal of its own; the caller's */
};

struct tree {
  struct tree_node top;
  uint64_t device; /* what the status of a file says */
  uint64_t numbers, places;
  bool links; /* it may have symbolic links */
};
#define TREE_FIRST_PLACE 3
/* The directory `mode` with nothing in it. */
#define TREE_EMPTY(device_number, permissions)                                                                         \
  {                                                                                                                    \
    .top = {.number = 1, .references = 1, .mode = S_IFDIR | (permissions)}, .device = (device_number), .numbers = 1,   \
    .places = TREE_FIRST_PLACE                                                                                         \
  }

/* What a name leads to. */
struct tree_place {
  struct tree_node *directory; /* NULL: it is the top's */
  struct tree_node *node;      /* NULL: there is none */
  uint32_t length;
  char name[NAME_MAX + 1];
};

/* `path` is what follows the top's name: "" or "/a/b". A link at the end is followed if the caller says so. */
long signet_tree_find(struct tree *tree, const char *path, bool follow, struct tree_place *place);

/* Makes what is not there: a file, a directory. -ENOSPC: no memory. */
long signet_tree_make(struct tree *tree, struct tree_place *place, uint32_t mode);
long signet_tree_make_link(struct tree *tree, struct tree_place *place, const char *target);
/* As open(2) with SIGNET_OPEN_*; makes a file with `mode`. The node is referenced: signet_tree_put. */
long signet_tree_open(struct tree *tree, struct tree_place *place, uint32_t flags, uint32_t mode);
long signet_tree_remove(struct tree *tree, struct tree_node *node, bool directory);
long signet_tree_rename(struct tree *tree, const struct tree_place *from, const struct tree_place *to);
/* One reference less; the last frees it. */
void signet_tree_put(struct tree_node *node);

/* The bytes of a file that lie together at the offset: at most *length, which is not 0 and ends inside the file;
 * *length becomes how many. */
const uint8_t *signet_tree_bytes(const struct tree_node *node, uint64_t offset, uint64_t *length);
/* The same to write to; NULL: no memory. Then signet_tree_written. */
uint8_t *signet_tree_room(struct tree_node *node, uint64_t offset, uint64_t *length);
/* Bytes up to `end` were written. */
void signet_tree_written(struct tree_node *node, uint64_t end);
long signet_tree_truncate(struct tree_node *node, uint64_t size);
void signet_tree_touch(struct tree_node *node);
/* Bytes of a link's target, which is copied to `to` (TREE_LINK_MOST bytes). */
uint32_t signet_tree_target(const struct tree_node *node, char *to);

void signet_tree_status(const struct tree *tree, const struct tree_node *node, struct signet_file_status *status);
void signet_tree_set_permissions(struct tree_node *node, uint32_t permissions);
void signet_tree_set_times(struct tree_node *node, uint64_t accessed, uint64_t modified);
/* Gives struct signet_directory_entry records behind the position, in order, to `put`, until that says false: then
 * there was no room. -EINVAL: not even for one. */
long signet_tree_list(const struct tree *tree, const struct tree_node *directory, uint64_t from,
                      bool (*put)(void *context, const void *record, uint32_t size), void *context);

bool signet_tree_sealed(const struct tree_node *node);

#endif
