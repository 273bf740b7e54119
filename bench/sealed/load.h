/* What the sealed programs that measure the kernel have in common: calls that must succeed, and images read from files.
 * Included by bench/sealed/parent.c and bench/instructions/measure.c, which say before what they are called: PROGRAM.
 */
#ifndef BENCH_SEALED_LOAD_H
#define BENCH_SEALED_LOAD_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/calls.h>

/* The value of a call that must succeed. */
static uint64_t done(struct signet_result result, const char *what) {
  if (result.status != SIGNET_OK) {
    fprintf(stderr, PROGRAM ": %s: status %lld\n", what, (long long)result.status);
    exit(1);
  }
  return result.value;
}

/* Reads an image file into a block and gives it to the kernel. */
static uint32_t load_image(const char *path) {
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) != 0) {
    perror(path);
    exit(1);
  }
  uint64_t block = done(signet_block_allocate((uint64_t)status.st_size), "block_allocate");
  char *bytes = (char *)(uintptr_t)(block >> 32);
  for (off_t at = 0; at < status.st_size;) {
    ssize_t count = read(file, bytes + at, (size_t)(status.st_size - at));
    if (count <= 0) {
      perror(path);
      exit(1);
    }
    at += count;
  }
  close(file);
  return (uint32_t)done(signet_image_load((uint32_t)block, (uint64_t)status.st_size), "image_load");
}

#endif
