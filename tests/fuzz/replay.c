/* Drives a fuzz target without a fuzzer: every file of tests/fuzz/corpus/NAME, then inputs changed at random from
 * those. `NAME [COUNT [SEED]]`, or `NAME FILE…` for these alone. Input number I of a run is made from SEED + I, so
 * `NAME 1 S` makes the one that failed with seed S. Prints TAP. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define SEEDS_MOST 1024
#define WORDS_MOST 512
#define WORD_MOST 64
#define LENGTH_MOST (1u << 16)
#define SECONDS_MOST 30 /* for one input, on a slow machine under the sanitizers */

uint64_t fuzz_accepted, fuzz_refused;

static struct bytes {
  uint8_t *bytes;
  size_t length;
} seeds[SEEDS_MOST];
static size_t seed_count;
static struct {
  uint8_t bytes[WORD_MOST];
  size_t length;
} words[WORDS_MOST];
static size_t word_count;

static uint64_t state;
static uint32_t any(size_t below) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return below ? (uint32_t)(((z ^ z >> 31) >> 16) % below) : 0;
}

/* ---- A failure names the input ---- */

static const char *name, *what = "nothing yet";
static uint64_t seed;
static const uint8_t *input;
static size_t input_length;

void __sanitizer_set_death_callback(void (*callback)(void));

static void tell(void) {
  static bool told;
  char path[256];
  if (told)
    return;
  told = true;
  snprintf(path, sizeof path, "build/fuzz/%s.failed", name);
  FILE *file = fopen(path, "wb");
  if (file) {
    fwrite(input, 1, input_length, file);
    fclose(file);
  }
  printf("# failed at %s, seed %llu: `build/tests/fuzz/%s 1 %llu` makes it again; %zu bytes in %s\nnot ok - %s\n", what,
         (unsigned long long)seed, name, (unsigned long long)seed, input_length, path, what);
  fflush(stdout);
}

static void died(int number) {
  if (number == SIGALRM)
    what = "an input that takes too long";
  tell();
  _exit(1);
}

static void one(const uint8_t *bytes, size_t length) {
  uint8_t *exact = malloc(length ? length : 1); /* of its own length, for the sanitizer */
  if (!exact)
    abort();
  if (length)
    memcpy(exact, bytes, length);
  input = exact;
  input_length = length;
  alarm(SECONDS_MOST);
  LLVMFuzzerTestOneInput(exact, length);
  alarm(0);
  free(exact);
}

/* ---- What it begins with ---- */

static bool seed_read(const char *path) {
  struct stat status;
  FILE *file = fopen(path, "rb");
  if (!file || seed_count == SEEDS_MOST || fstat(fileno(file), &status) || !S_ISREG(status.st_mode)) {
    if (file)
      fclose(file);
    return false;
  }
  struct bytes *bytes = &seeds[seed_count];
  bytes->bytes = malloc(LENGTH_MOST);
  if (!bytes->bytes)
    abort();
  bytes->length = fread(bytes->bytes, 1, LENGTH_MOST, file);
  fclose(file);
  seed_count++;
  return true;
}

static int by_name(const struct dirent **one, const struct dirent **two) {
  return strcmp((*one)->d_name, (*two)->d_name);
}

static void corpus_read(void) {
  char folder[256], path[768];
  struct dirent **entries;
  snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
  int count = scandir(folder, &entries, NULL, by_name);
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.')
      seed_read(path);
    free(entries[i]);
  }
  if (count >= 0)
    free(entries);
}

/* tests/fuzz/NAME.dict, in libFuzzer's form: "WORD", with \xNN. */
static void words_read(void) {
  char path[256], line[512];
  snprintf(path, sizeof path, "tests/fuzz/%s.dict", name);
  FILE *file = fopen(path, "r");
  if (!file)
    return;
  while (word_count < WORDS_MOST && fgets(line, sizeof line, file)) {
    const char *at = strchr(line, '"');
    size_t length = 0;
    if (line[0] == '#' || !at)
      continue;
    for (at++; *at && *at != '"' && length < WORD_MOST; at++) {
      unsigned value = (unsigned char)*at;
      if (*at == '\\' && at[1] == 'x' && sscanf(at + 2, "%2x", &value) == 1)
        at += 3;
      else if (*at == '\\')
        value = (unsigned char)*++at;
      words[word_count].bytes[length++] = (uint8_t)value;
    }
    words[word_count++].length = length;
  }
  fclose(file);
}

/* ---- Changes ---- */

static size_t splice(uint8_t *bytes, size_t length, size_t most, size_t at, size_t cut, const uint8_t *with,
                     size_t count) {
  if (cut > length - at)
    cut = length - at;
  if (length - cut + count > most)
    return length;
  memmove(bytes + at + count, bytes + at + cut, length - at - cut);
  if (count)
    memcpy(bytes + at, with, count);
  return length - cut + count;
}

static void number_change(uint8_t *bytes, size_t length) {
  static const uint64_t edges[] = {0,      1,      2,          7,          8,          15,         16,     31,
                                   32,     33,     63,         64,         0x7f,       0x80,       0xff,   0x100,
                                   0x1000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX, 0x20000};
  size_t size = (size_t)1 << any(4);
  uint64_t value = 0;
  if (length < size)
    return;
  size_t at = any(length - size + 1);
  if (any(2))
    at &= ~(size - 1);
  memcpy(&value, bytes + at, size);
  switch (any(3)) {
  case 0:
    value = edges[any(sizeof edges / sizeof *edges)];
    break;
  case 1:
    value += any(33) - 16;
    break;
  default:
    value = -value;
  }
  memcpy(bytes + at, &value, size);
}

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t most) {
  size_t at = any(length + 1);
  uint8_t byte = (uint8_t)any(256), piece[256];
  switch (any(word_count ? 9 : 8)) {
  case 0:
    return splice(bytes, length, most, at, 1, &byte, 1);
  case 1:
    return splice(bytes, length, most, at, 0, &byte, 1);
  case 2:
    if (at < length)
      bytes[at] ^= (uint8_t)(1u << any(8));
    return length;
  case 3:
    return splice(bytes, length, most, at, any(any(4) ? 8 : 200), NULL, 0);
  case 4:
  case 5:
    number_change(bytes, length);
    return length;
  case 6: { /* a piece of itself */
    size_t from = any(length + 1), count = any(sizeof piece);
    count = count < length - from ? count : length - from;
    memcpy(piece, bytes + from, count);
    return splice(bytes, length, most, at, any(2) ? count : 0, piece, count);
  }
  case 7: { /* a piece of another */
    if (!seed_count)
      return length;
    const struct bytes *other = &seeds[any(seed_count)];
    size_t from = any(other->length + 1), count = any(300);
    count = count < other->length - from ? count : other->length - from;
    return splice(bytes, length, most, at, any(2) ? count : any(100), other->bytes + from, count);
  }
  default: {
    size_t word = any(word_count);
    return splice(bytes, length, most, at, any(3) ? 0 : words[word].length, words[word].bytes, words[word].length);
  }
  }
}

static void changed(uint64_t from) {
  static uint8_t bytes[LENGTH_MOST];
  size_t length = 0;
  state = seed = from;
  if (seed_count) {
    const struct bytes *begin = &seeds[any(seed_count)];
    memcpy(bytes, begin->bytes, length = begin->length);
  }
  for (unsigned times = 1u << any(4); times; times--)
    length = LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(bytes, length, LENGTH_MOST, any(UINT32_MAX))
                                     : LLVMFuzzerMutate(bytes, length, LENGTH_MOST);
  one(bytes, length);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  bool files = count > 1 && strspn(arguments[1], "0123456789") != strlen(arguments[1]);
  uint64_t rounds = &fuzz_count ? fuzz_count : 20000, first = 1;
  double begin = now();
  name = strrchr(arguments[0], '/') ? strrchr(arguments[0], '/') + 1 : arguments[0];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count > 1 && arguments[1][0] == '-') {
    fprintf(strcmp(arguments[1], "--help") == 0 ? stdout : stderr,
            "usage: %s [COUNT [SEED]]   the corpus, and COUNT inputs made of it from that seed on\n"
            "       %s FILE...          these inputs alone\n"
            "Ends with 0: nothing was found; otherwise what was found has ended it.\n",
            name, name);
    return strcmp(arguments[1], "--help") == 0 ? 0 : 2;
  }
  __sanitizer_set_death_callback(tell);
  signal(SIGABRT, died);
  signal(SIGALRM, died);
  if (LLVMFuzzerInitialize)
    LLVMFuzzerInitialize(&count, &arguments);
  if (files)
    for (int i = 1; i < count; i++) {
      if (!seed_read(arguments[i])) {
        fprintf(stderr, "%s: cannot read %s\n", name, arguments[i]);
        return 2;
      }
    }
  else
    corpus_read();
  words_read();
  if (count > 1 && !files)
    rounds = strtoull(arguments[1], NULL, 0);
  if (count > 2 && !files)
    first = strtoull(arguments[2], NULL, 0);
  if (files || rounds != 1)
    for (size_t i = 0; i < seed_count; i++) {
      what = files ? arguments[i + 1] : "a file of the corpus";
      one(seeds[i].bytes, seeds[i].length);
    }
  if (files) {
    printf("# %llu accepted, %llu refused\n", (unsigned long long)fuzz_accepted, (unsigned long long)fuzz_refused);
    return 0;
  }
  printf("%s 1 - the corpus of %s: %zu inputs\n", seed_count ? "ok" : "not ok", name, seed_count);
  what = "a changed input";
  for (uint64_t i = 0; i < rounds; i++)
    changed(first + i);
  bool both = rounds < 1000 || (fuzz_accepted && fuzz_refused);
  printf("# %.1f s\n%s 2 - %llu changed inputs from seed %llu: %llu accepted and %llu refused in all\n1..2\n",
         now() - begin, both ? "ok" : "not ok", (unsigned long long)rounds, (unsigned long long)first,
         (unsigned long long)fuzz_accepted, (unsigned long long)fuzz_refused);
  for (size_t i = 0; i < seed_count; i++)
    free(seeds[i].bytes);
  return !both || !seed_count;
}
