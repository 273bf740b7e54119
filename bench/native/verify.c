/* How fast the verifier reads code: `verify IMAGE SECONDS`, the executable segment of an image over and over. Run by
 * bench/run; prints megabytes (10^6) a second. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <signet/abi.h>

#include "verifier/verifier.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  FILE *file = count == 3 ? fopen(arguments[1], "rb") : NULL;
  static uint8_t bytes[64 << 20];
  if (!file) {
    fprintf(stderr, "usage: verify IMAGE SECONDS\n");
    return 2;
  }
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
  struct verifier_input input = {.calls = SIGNET_CALL_COUNT};
  if (length < sizeof *header || header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) > length) {
    fprintf(stderr, "verify: not an image\n");
    return 2;
  }
  const Elf64_Phdr *segments = (const Elf64_Phdr *)(bytes + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++)
    if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_X &&
        segments[i].p_offset + segments[i].p_filesz <= length) {
      input.code = bytes + segments[i].p_offset;
      input.length = segments[i].p_filesz;
      input.offset = (uint32_t)segments[i].p_vaddr;
    }
  void *scratch = input.code ? malloc(verifier_scratch_size(input.length)) : NULL;
  struct verifier_outcome outcome;
  if (!scratch)
    return 2;
  double start = now(), passes = 0, time;
  do {
    if (!verifier_check(&input, scratch, NULL, NULL, &outcome)) {
      fprintf(stderr, "verify: the image was refused\n");
      free(scratch);
      return 1;
    }
    passes++;
    time = now() - start;
  } while (time < atof(arguments[2]));
  printf("bytes %llu\ninstructions %llu\nmb_per_s %.2f\n", (unsigned long long)input.length,
         (unsigned long long)outcome.instructions, (double)input.length * passes / time / 1e6);
  free(scratch);
  return 0;
}
