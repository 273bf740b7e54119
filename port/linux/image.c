/* Owns the memory that images live in: write-sealed files in memory, and the blocks of the exchange heap. Images are
 * made and mapped without the kernel lock; blocks with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port/linux/linux.h"

struct port_image {
  int descriptor;
  uint64_t number;
  void *bytes;
  size_t length;
};

#define SEAL_TRIES 8 /* in each the host waits up to 75 ms */

bool linux_seal_file(int descriptor) {
  /* EBUSY: the host itself holds one of the pages for a moment, as when it looks for memory that nobody uses. */
  for (unsigned tries = 0; tries < SEAL_TRIES; tries++)
    if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
      return true;
    else if (errno != EBUSY)
      return false;
  return false;
}

static bool write_all(int descriptor, const void *bytes, size_t length) {
  while (length) {
    ssize_t wrote = write(descriptor, bytes, length);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return false;
    bytes = (const char *)bytes + wrote;
    length -= (size_t)wrote;
  }
  return true;
}

struct port_image *port_image_create(const void *bytes, size_t length) {
  static _Atomic uint64_t numbers;
  linux_address_space_lock();
  struct port_image *image = malloc(sizeof *image);
  linux_address_space_unlock();
  linux_clear_vectors();
  if (!image)
    return NULL;
  size_t pages = (length + SIGNET_PAGE - 1) & ~(size_t)(SIGNET_PAGE - 1);
  image->length = length;
  image->number = ++numbers;
  image->descriptor = memfd_create("signet-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (image->descriptor < 0)
    goto free_image;
  /* Whole pages, so that no page of a mapping lies past the end of the file. */
  if (pages == 0 || ftruncate(image->descriptor, (off_t)pages) != 0 || !write_all(image->descriptor, bytes, length) ||
      !linux_seal_file(image->descriptor))
    goto close_file;
  linux_address_space_lock();
  image->bytes = mmap(NULL, pages, PROT_READ, MAP_SHARED, image->descriptor, 0);
  linux_address_space_unlock();
  if (image->bytes == MAP_FAILED)
    goto close_file;
  return image;
close_file:
  close(image->descriptor);
free_image:
  free(image);
  return NULL;
}

const void *port_image_bytes(const struct port_image *image) { return image->bytes; }

bool port_image_map(const struct port_image *image, uint64_t image_offset, uint32_t window, uint32_t offset,
                    uint64_t length, bool code, enum signet_protection protection) {
  return linux_window_map_image(window, offset, length, image->descriptor, image_offset, image->number, image->bytes,
                                code, protection);
}

void port_image_destroy(struct port_image *image) {
  munmap(image->bytes, (image->length + SIGNET_PAGE - 1) & ~(size_t)(SIGNET_PAGE - 1));
  close(image->descriptor);
  free(image);
  linux_clear_vectors();
}
