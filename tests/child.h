/* For sealed tests that start processes of their own. */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/calls.h>

/* Loads the image that is a file: its handle, 0 if that is no image or cannot be read. */
static inline uint32_t child_image(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) != 0)
    return 0;
  struct signet_result block = signet_block_allocate((uint64_t)status.st_size);
  if (block.status != SIGNET_OK || read(file, (void *)(block.value >> 32), (size_t)status.st_size) != status.st_size)
    return 0;
  close(file);
  struct signet_result image = signet_image_load((uint32_t)block.value, (uint64_t)status.st_size);
  return image.status == SIGNET_OK ? (uint32_t)image.value : 0;
}

#endif
