/* Chooses a small corpus: of the files of one folder, those that together reach what all of them reach in the code
 * under test, the most useful first, at most MOST of them and BYTES in all; their paths go to standard output.
 * `NAME-choose FOLDER MOST BYTES`. Compiled and linked with the counters of clang's -fsanitize=fuzzer-no-link. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define FILES_MOST 60000
#define LENGTH_MOST (1u << 16)
#define REGIONS_MOST 256

uint64_t fuzz_accepted, fuzz_refused;

/* One counter an edge; each file's are kept as a set of (edge, how often in powers of two). */
static struct { uint8_t *begin, *end; } regions[REGIONS_MOST];
static size_t region_count, edges;

void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);
void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end) {
  for (size_t i = 0; i < region_count; i++)
    if (regions[i].begin == begin)
      return;
  if (region_count == REGIONS_MOST || begin == end)
    return;
  regions[region_count].begin = begin;
  regions[region_count++].end = end;
  edges += (size_t)(end - begin);
}

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t most) { return (void)bytes, (void)most, length; }

static struct file {
  char path[512];
  size_t length;
  uint32_t *features;
  size_t count, fresh;
  bool chosen;
} * files;
static size_t file_count;

static void run(struct file *file) {
  static uint8_t bytes[LENGTH_MOST];
  FILE *in = fopen(file->path, "rb");
  if (!in)
    return;
  file->length = fread(bytes, 1, sizeof bytes, in);
  fclose(in);
  uint8_t *exact = malloc(file->length + 1);
  memcpy(exact, bytes, file->length);
  for (size_t i = 0; i < region_count; i++)
    memset(regions[i].begin, 0, (size_t)(regions[i].end - regions[i].begin));
  LLVMFuzzerTestOneInput(exact, file->length);
  free(exact);
  uint32_t edge = 0;
  for (int pass = 0; pass < 2; pass++, edge = 0) {
    file->count = 0;
    for (size_t i = 0; i < region_count; i++)
      for (uint8_t *at = regions[i].begin; at < regions[i].end; at++, edge++)
        if (*at) {
          uint32_t often = *at > 127 ? 3 : *at > 15 ? 2 : *at > 1;
          if (pass)
            file->features[file->count] = edge * 4 + often;
          file->count++;
        }
    if (!pass)
      file->features = malloc((file->count + 1) * sizeof *file->features);
  }
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s FOLDER MOST BYTES\n", arguments[0]);
    return 2;
  }
  size_t most = strtoul(arguments[2], NULL, 0), bytes = strtoul(arguments[3], NULL, 0), taken = 0, total = 0;
  FILE *quiet = freopen("/dev/null", "w", stderr);
  if (!quiet)
    return 1;
  if (LLVMFuzzerInitialize)
    LLVMFuzzerInitialize(&count, &arguments);
  files = calloc(FILES_MOST, sizeof *files);
  DIR *folder = opendir(arguments[1]);
  if (!folder)
    return 1;
  for (struct dirent *entry; (entry = readdir(folder)) && file_count < FILES_MOST;)
    if (entry->d_name[0] != '.') {
      snprintf(files[file_count].path, sizeof files->path, "%s/%s", arguments[1], entry->d_name);
      run(&files[file_count++]);
    }
  closedir(folder);
  uint8_t *seen = calloc(edges, 4);
  for (;;) {
    struct file *best = NULL;
    for (size_t i = 0; i < file_count; i++) {
      struct file *file = &files[i];
      if (file->chosen || taken == most || total + file->length > bytes)
        continue;
      file->fresh = 0;
      for (size_t j = 0; j < file->count; j++)
        file->fresh += !seen[file->features[j]];
      /* What is new for its length; short ones first. */
      if (file->fresh && (!best || file->fresh * (best->length + 400) > best->fresh * (file->length + 400)))
        best = file;
    }
    if (!best)
      break;
    best->chosen = true;
    taken++;
    total += best->length;
    for (size_t j = 0; j < best->count; j++)
      seen[best->features[j]] = 1;
    puts(best->path);
  }
  return 0;
}
