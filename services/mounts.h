/* Where a name of a client is: which mount, or the made-up directories above the mounts. No calls; any thread. */
#ifndef SERVICES_MOUNTS_H
#define SERVICES_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/services.h"

enum mount_place_kind {
  MOUNT_NOWHERE = 0,
  MOUNT_INSIDE = 1, /* `name` is relative to the mount's device */
  MOUNT_ABOVE = 2, /* a directory that exists only because the path of `mount` starts with it: its first `length` bytes.
                    * With no mount at all there is still "/": then `mount` is the count */
};

struct mount_place {
  enum mount_place_kind kind;
  uint32_t mount;
  uint32_t length;
  const char *name; /* points into the path that was looked up */
};

/* Looks a normalised path up: the longest mount that holds it. */
struct mount_place mounts_find(const struct services_mount *mounts, uint32_t count, const char *path);

/* The names in the made-up directory that is the first `length` bytes of `mount`'s path: the index-th one; NULL past
 * the last. */
const char *mounts_entry(const struct services_mount *mounts, uint32_t count, uint32_t mount, uint32_t length,
                         uint32_t index, size_t *name_length);

#endif
