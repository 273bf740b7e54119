/* Drives fuzz.c from a seed: manifests of the tests, changed at random: bytes, words of the language, pieces of other
 * manifests. `fuzz [SECONDS [SEED]]`; the same seed gives the same inputs. Prints TAP. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/manifest/fuzz.h"

#define SEEDS_MOST 512
#define TEXT_MOST 8192

static struct {
  char *text;
  size_t length;
} seeds[SEEDS_MOST];
static size_t seed_count;
static uint64_t state;

static const char *const words[] = {"processes",
                                    "system",
                                    "main",
                                    "cpus",
                                    "image: ",
                                    "service: ",
                                    "files",
                                    "console",
                                    "network",
                                    "names",
                                    "needs: ",
                                    "offers: ",
                                    "devices: ",
                                    "quota: ",
                                    "restart: ",
                                    "always",
                                    "on-failure",
                                    "supervised: false",
                                    "hash: ",
                                    "{",
                                    "}",
                                    "[",
                                    "]",
                                    ": ",
                                    "- ",
                                    "\n",
                                    "\n  ",
                                    "\n    ",
                                    "&a ",
                                    "*a",
                                    "<<: ",
                                    "!!str ",
                                    "---\n",
                                    "...\n",
                                    "%YAML 1.1\n",
                                    "|\n",
                                    ">-\n",
                                    "'",
                                    "\"",
                                    "\\",
                                    "\\0",
                                    "\\x00",
                                    "\\ud800",
                                    "# ",
                                    "? ",
                                    "\t",
                                    "64M",
                                    "99999999999999999999",
                                    "-1",
                                    "0",
                                    "0..0s",
                                    "1h",
                                    "127.0.0.1:8080",
                                    "[::1]:0",
                                    "/",
                                    "..",
                                    "supervisor.observation",
                                    "files.files",
                                    "console.streams",
                                    "\xef\xbb\xbf",
                                    "\xff",
                                    "\x80",
                                    "\xc2\x85",
                                    "\r\n",
                                    "\r",
                                    "~",
                                    "null",
                                    "true"};

static uint32_t random_below(uint32_t most) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (uint32_t)((z ^ z >> 31) >> 16) % most;
}

static void load(const char *pattern) {
  glob_t found;
  if (glob(pattern, 0, NULL, &found) != 0)
    return;
  for (size_t i = 0; i < found.gl_pathc && seed_count < SEEDS_MOST; i++) {
    FILE *file = fopen(found.gl_pathv[i], "rb");
    char *text = malloc(TEXT_MOST);
    size_t length = file && text ? fread(text, 1, TEXT_MOST, file) : 0;
    if (file)
      fclose(file);
    if (length && length < TEXT_MOST / 2) {
      seeds[seed_count].text = text;
      seeds[seed_count++].length = length;
    } else {
      free(text);
    }
  }
  globfree(&found);
}

/* Replaces `cut` bytes at `at` by others. */
static size_t splice(char *text, size_t length, size_t at, size_t cut, const char *bytes, size_t count) {
  if (cut > length - at)
    cut = length - at;
  if (length - cut + count > TEXT_MOST)
    return length;
  memmove(text + at + count, text + at + cut, length - at - cut);
  memcpy(text + at, bytes, count);
  return length - cut + count;
}

static size_t mutate(char *text, size_t length) {
  size_t at = random_below((uint32_t)length + 1);
  char byte = (char)random_below(256);
  const char *word = words[random_below(sizeof words / sizeof *words)];
  switch (random_below(6)) {
  case 0:
    return splice(text, length, at, 1, &byte, 1);
  case 1:
    return splice(text, length, at, random_below(8), "", 0);
  case 2:
    return splice(text, length, at, random_below(2) ? strlen(word) : 0, word, strlen(word));
  case 3: { /* a piece of another */
    size_t other = random_below((uint32_t)seed_count), from = random_below((uint32_t)seeds[other].length);
    size_t count = random_below(200) % (seeds[other].length - from) + 1;
    return splice(text, length, at, random_below(200), seeds[other].text + from, count);
  }
  case 4: { /* a piece of itself, again */
    char piece[200];
    size_t from = random_below((uint32_t)length + 1), count = random_below(sizeof piece);
    count = count < length - from ? count : length - from;
    memcpy(piece, text + from, count);
    return splice(text, length, at, 0, piece, count);
  }
  default:
    return splice(text, length, at, random_below(60), "", 0);
  }
}

int main(int count, char **arguments) {
  double seconds = count > 1 ? atof(arguments[1]) : 3;
  uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 0) : 1;
  char text[TEXT_MOST];
  struct timespec begin, now;
  load("tests/manifest/good/*.yaml");
  load("tests/manifest/bad/*.yaml");
  load("apps/*/*.yaml");
  if (seed_count < 10) {
    puts("not ok 1 - there are manifests to begin with\n1..1");
    return 1;
  }
  for (size_t i = 0; i < seed_count; i++)
    LLVMFuzzerTestOneInput((const uint8_t *)seeds[i].text, seeds[i].length);
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do {
    state = seed++;
    size_t from = random_below((uint32_t)seed_count), length = seeds[from].length;
    memcpy(text, seeds[from].text, length);
    for (uint32_t times = random_below(4) + 1; times; times--)
      length = mutate(text, length);
    LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 < seconds);
  printf("# %llu manifests refused, %llu accepted; the next seed is %llu\n", (unsigned long long)fuzz_refused,
         (unsigned long long)fuzz_accepted, (unsigned long long)seed);
  printf("ok 1 - no manifest crashes the reader\n%s 2 - some were refused and some accepted\n1..2\n",
         fuzz_refused && fuzz_accepted ? "ok" : "not ok");
  for (size_t i = 0; i < seed_count; i++)
    free(seeds[i].text);
  return !(fuzz_refused && fuzz_accepted);
}
