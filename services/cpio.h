/* A cpio archive ("newc") read into a tree of files. Nothing in it is trusted. */
#ifndef SERVICES_CPIO_H
#define SERVICES_CPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/tree.h"

struct cpio_source {
  /* Gives `length` bytes from `offset`, all of which are inside; false: they cannot be read. */
  bool (*read)(const struct cpio_source *source, uint64_t offset, void *to, uint32_t length);
  uint64_t length;
  uint32_t handle, entry; /* for `read`: the device, and which of its entries */
};

/* Fills the tree, which is empty. -> 0, or the SERVICES_END_* that says what is wrong. */
uint32_t cpio_read(const struct cpio_source *source, struct tree *tree);

#endif
