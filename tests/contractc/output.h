/* For tests that read what a command prints. */
#ifndef TESTS_CONTRACTC_OUTPUT_H
#define TESTS_CONTRACTC_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

/* At most `capacity` bytes of it; 0 if the command fails. */
static inline size_t output_of(const char *command, void *bytes, size_t capacity) {
  FILE *pipe = popen(command, "r");
  if (!pipe)
    return 0;
  size_t length = fread(bytes, 1, capacity, pipe);
  return pclose(pipe) == 0 ? length : 0;
}

#endif
