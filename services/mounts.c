/* Names to mounts: see mounts.h. Called by the file service only; touches nothing but its arguments. */
#include "services/mounts.h"

#include <string.h>

/* True if `path` is `directory` or below it; *rest is what follows. Both are normalised. */
static bool below(const char *directory, size_t length, const char *path, const char **rest) {
  if (length == 1) {
    *rest = path + 1;
    return true;
  }
  if (strncmp(directory, path, length) != 0 || (path[length] != '/' && path[length] != 0))
    return false;
  *rest = path + length + (path[length] == '/');
  return true;
}

struct mount_place mounts_find(const struct services_mount *mounts, uint32_t count, const char *path) {
  struct mount_place place = {.kind = MOUNT_NOWHERE};
  size_t best = 0;
  for (uint32_t i = 0; i < count; i++) {
    size_t length = strlen(mounts[i].path);
    const char *rest;
    if (length > best && below(mounts[i].path, length, path, &rest)) {
      best = length;
      place = (struct mount_place){.kind = MOUNT_INSIDE, .mount = i, .name = rest};
    }
  }
  if (place.kind != MOUNT_NOWHERE)
    return place;
  size_t length = strlen(path);
  for (uint32_t i = 0; i < count; i++) {
    const char *rest;
    if (below(path, length, mounts[i].path, &rest))
      return (struct mount_place){.kind = MOUNT_ABOVE, .mount = i, .length = length, .name = path};
  }
  if (length == 1)
    return (struct mount_place){.kind = MOUNT_ABOVE, .mount = count, .length = 1, .name = path};
  return place;
}

/* The name that mount i has in the directory; NULL if it is not below it. */
static const char *name_in(const struct services_mount *mounts, uint32_t i, const char *directory, size_t length,
                           size_t *name_length) {
  const char *rest;
  if (!below(directory, length, mounts[i].path, &rest) || *rest == 0)
    return NULL;
  *name_length = strcspn(rest, "/");
  return rest;
}

const char *mounts_entry(const struct services_mount *mounts, uint32_t count, uint32_t mount, uint32_t length,
                         uint32_t index, size_t *name_length) {
  char directory[SERVICES_MOUNT_PATH_MOST];
  if (mount >= count)
    return NULL;
  memcpy(directory, mounts[mount].path, length);
  directory[length] = 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *name = name_in(mounts, i, directory, length, name_length);
    if (!name)
      continue;
    bool repeated = false;
    for (uint32_t j = 0; j < i && !repeated; j++) {
      size_t other_length;
      const char *other = name_in(mounts, j, directory, length, &other_length);
      repeated = other && other_length == *name_length && memcmp(other, name, other_length) == 0;
    }
    if (!repeated && index-- == 0)
      return name;
  }
  return NULL;
}
