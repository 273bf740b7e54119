/* Owns the memory of images. An image is named by where its bytes are in the direct map: read-only there, before
 * anybody examines them, for as long as it lives. Images in the boot archive, which is read-only from the start, stay
 * where they are; others are copied, behind a page that says how many there are. Any processor, without a lock. */
#include "port/pc/memory.h"

struct header {
  uint64_t pages; /* with this one */
};

static uint64_t pages_of(size_t length) { return (length + PC_PAGE - 1) / PC_PAGE; }

static bool in_archive(const void *bytes, uint64_t pages) {
  uint64_t low = (uint64_t)bytes - PC_DIRECT, length = pc_boot.archive_high - pc_boot.archive_low;
  return low % PC_PAGE == 0 && low >= pc_boot.archive_low && low < pc_boot.archive_high &&
         pages * PC_PAGE <= length - (low - pc_boot.archive_low);
}

struct port_image *port_image_create(const void *bytes, size_t length) {
  uint64_t pages = 1 + pages_of(length);
  if (in_archive(bytes, pages - 1))
    return (struct port_image *)bytes;
  uint64_t physical = pc_frames_take(pages, PC_FRAME_KERNEL, false);
  if (!physical)
    return NULL;
  uint8_t *memory = pc_direct(physical);
  pc_zero(memory, PC_PAGE);
  ((struct header *)memory)->pages = pages;
  uint8_t *copy = memory + PC_PAGE;
  pc_zero(copy + (pages - 2) * PC_PAGE, PC_PAGE); /* the last page's rest is mapped, too */
  memcpy(copy, bytes, length);
  if (!pc_paging_direct(physical, pages, false)) {
    pc_frames_give(physical, pages); /* none of them has become read-only */
    return NULL;
  }
  for (uint64_t i = 0; i < pages; i++)
    pc_frame_set_kind(physical + i * PC_PAGE, PC_FRAME_SEALED);
  return (struct port_image *)copy;
}

const void *port_image_bytes(const struct port_image *image) { return image; }

bool port_image_map(const struct port_image *image, uint64_t image_offset, uint32_t window, uint32_t offset,
                    uint64_t length, bool code, enum signet_protection protection) {
  return pc_window_map_image(window, offset, length, pc_physical(image) + image_offset, code, protection);
}

/* No window maps it any more. */
void port_image_destroy(struct port_image *image) {
  if (in_archive(image, 0))
    return;
  uint64_t physical = pc_physical(image) - PC_PAGE, pages = ((const struct header *)pc_direct(physical))->pages;
  for (uint64_t i = 0; i < pages; i++) {
    PC_ASSERT(pc_frame_kind(physical + i * PC_PAGE) == PC_FRAME_SEALED);
    pc_frame_set_kind(physical + i * PC_PAGE, PC_FRAME_KERNEL);
  }
  PC_ASSERT(pc_paging_direct(physical, pages, true));
  pc_frames_give_later(physical, pages);
}
