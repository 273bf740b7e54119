/* Contracts with mistakes: texts of the corpus with bytes, words and lines changed, dropped, doubled and swapped.
 * Whatever comes, contractc neither crashes nor hangs, and every refusal has a position inside a text. What it accepts
 * is written in every form. Then messages and decoders of any bytes are printed. Under the sanitizers; `fuzz SECONDS
 * SEED`. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "contractc/contract.h"
#include "contractc/contractc.h"

#define SEEDS_MOST 256
#define TEXT_MOST 65536

static struct seed {
  char *path, *text;
  uint32_t length;
} seeds[SEEDS_MOST];
static unsigned seed_count;

/* The text that is compiled under the path of one of the seeds. */
static const char *current_path;
static char current[TEXT_MOST + 1];
static uint32_t current_length;

static uint64_t random_state;
static uint32_t any(uint32_t below) {
  random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)((random_state >> 33) % below);
}

static char *read_seed(struct memory *memory, const char *path, uint32_t *length) {
  if (!strcmp(path, current_path)) {
    *length = current_length;
    return memory_copy(memory, current, current_length);
  }
  for (unsigned i = 0; i < seed_count; i++)
    if (!strcmp(path, seeds[i].path)) {
      *length = seeds[i].length;
      return memory_copy(memory, seeds[i].text, seeds[i].length);
    }
  errno = ENOENT;
  return NULL;
}

static void seeds_read(const char *pattern) {
  glob_t found;
  if (glob(pattern, 0, NULL, &found) != 0)
    return;
  for (size_t i = 0; i < found.gl_pathc && seed_count < SEEDS_MOST; i++) {
    FILE *file = fopen(found.gl_pathv[i], "rb");
    struct seed *seed = &seeds[seed_count];
    seed->text = malloc(TEXT_MOST);
    if (!file || !seed->text)
      abort();
    seed->length = (uint32_t)fread(seed->text, 1, TEXT_MOST / 2, file);
    fclose(file);
    seed->path = strdup(found.gl_pathv[i]);
    seed_count++;
  }
  globfree(&found);
}

/* ---- Mutations ---- */

static void splice(uint32_t at, uint32_t drop, const char *bytes, uint32_t length) {
  if (at > current_length || drop > current_length - at || current_length - drop + length > TEXT_MOST)
    return;
  memmove(current + at + length, current + at + drop, current_length - at - drop);
  memcpy(current + at, bytes, length);
  current_length += length - drop;
}

/* Where a word, a line or a sign begins and ends around a place. */
static void piece(uint32_t *from, uint32_t *to) {
  static const char *const ends[] = {"\n", " ;,{}()[]\n", ";", "}"};
  const char *stop = ends[any(4)];
  uint32_t at = any(current_length + 1);
  *from = *to = at;
  while (*from > 0 && !strchr(stop, current[*from - 1]))
    --*from;
  while (*to < current_length && current[*to] && !strchr(stop, current[*to]))
    ++*to;
  if (*to < current_length)
    ++*to;
}

static void mutate(void) {
  static const char *const words[] = {"own ",
                                      "client ",
                                      "server ",
                                      "block ",
                                      "any ",
                                      "state ",
                                      "message ",
                                      "close;",
                                      "end",
                                      "-> ",
                                      "=> ",
                                      "| ",
                                      "[..",
                                      "[1 .. 8]",
                                      "[]",
                                      "{",
                                      "}",
                                      ";",
                                      ",",
                                      "(",
                                      ")",
                                      "0",
                                      "255",
                                      "8192",
                                      "0xffffffffffffffff",
                                      "18446744073709551615",
                                      "use ",
                                      "struct ",
                                      "enum ",
                                      "flags ",
                                      "errors ",
                                      "error",
                                      "const ",
                                      "sizeof(struct ",
                                      "at most ",
                                      "bytes",
                                      "/*",
                                      "*/",
                                      "//",
                                      "\"",
                                      "\n",
                                      "u8 ",
                                      "u64 ",
                                      "char ",
                                      "bool ",
                                      "~",
                                      "<<",
                                      "%",
                                      "\xff",
                                      "\t",
                                      "-",
                                      "..",
                                      ".",
                                      "READY",
                                      "contract "};
  uint32_t from, to, from2, to2;
  piece(&from, &to);
  switch (any(7)) {
  case 0:
    splice(from, to - from, "", 0);
    return;
  case 1:
    splice(to, 0, current + from, to - from < 4096 ? to - from : 0);
    return;
  case 2:
  case 3: {
    const char *word = words[any(sizeof words / sizeof *words)];
    splice(any(2) ? from : any(current_length + 1), any(2) ? 0 : 1, word, (uint32_t)strlen(word));
    return;
  }
  case 4: {
    char byte = (char)any(256);
    splice(any(current_length + 1), any(2), &byte, 1);
    return;
  }
  case 5: {
    char copy[4096];
    piece(&from2, &to2);
    uint32_t length = to2 - from2 < sizeof copy ? to2 - from2 : 0;
    memcpy(copy, current + from2, length);
    splice(from, to - from, copy, length);
    return;
  }
  default: {
    const struct seed *other = &seeds[any(seed_count)];
    uint32_t at = any(other->length + 1), length = any(200);
    if (length > other->length - at)
      length = other->length - at;
    splice(from, 0, other->text + at, length);
  }
  }
}

/* ---- What must hold ---- */

static unsigned accepted, refused, printed;

static _Noreturn void fail(const char *what) {
  printf("not ok 1 - %s\n# in %s:\n", what, current_path);
  fwrite(current, 1, current_length, stdout);
  printf("\n1..1\n");
  exit(1);
}

static void place_valid(struct place place) {
  uint32_t line, column;
  if (!place.source || !place.source->text || place.offset > place.source->length ||
      place.length > place.source->length - place.offset)
    fail("a refusal without a position in a text");
  place_find(place, &line, &column);
  if (!line || !column)
    fail("a position without a line");
}

static void print_any(const uint8_t *decoder, uint32_t length) {
  static _Alignas(8) uint8_t bytes[SIGNET_MESSAGE_DATA + 512];
  struct signet_message *message = (void *)bytes;
  char text[300];
  for (int i = 0; i < 20; i++) {
    for (size_t j = 0; j < sizeof bytes; j++)
      bytes[j] = (uint8_t)(any(3) ? any(256) : 0);
    message->tag = any(40);
    message->length = any(600);
    message->moved_count = any(3) ? any(5) : any(UINT32_MAX);
    size_t capacity = any(sizeof text + 1);
    uint8_t *exact = malloc(length); /* so that the sanitizer sees a read behind it */
    uint32_t have = any(sizeof bytes + 1);
    uint8_t *message_exact = aligned_alloc(8, (sizeof bytes + 7) & ~7ul);
    memcpy(exact, decoder, length);
    memcpy(message_exact, bytes, sizeof bytes);
    contract_print(exact, length, (void *)message_exact, have, text, capacity);
    for (size_t j = 0; j < capacity && text[j]; j++)
      if (text[j] < ' ' || text[j] > '~')
        fail("a message is printed with a byte that is not printable");
    /* A decoder with a mistake. */
    for (unsigned j = any(4) + 1; j--;)
      exact[any(length)] = (uint8_t)any(256);
    contract_print(exact, any(length + 1), (void *)message_exact, have, text, capacity);
    contract_print_state(exact, any(length + 1), any(10), text, capacity);
    free(exact);
    free(message_exact);
    printed++;
  }
}

static void compile(FILE *nowhere) {
  struct compilation compilation = {.read = read_seed};
  struct contract *contract = contract_compile(&compilation, current_path);
  if (!contract != (compilation.problem_count != 0))
    fail("a contract is refused without a reason, or accepted with one");
  for (uint32_t i = 0; i < compilation.problem_count; i++) {
    place_valid(compilation.problems[i]->place);
    for (uint32_t j = 0; j < compilation.problems[i]->note_count; j++)
      place_valid(compilation.problems[i]->notes[j].place);
  }
  problems_print(&compilation, nowhere);
  if (contract) {
    uint32_t length;
    header_write(&compilation, contract, nowhere);
    promela_write(contract, nowhere);
    diagram_write(contract, nowhere);
    table_make(&compilation.memory, contract, 2, &length);
    const uint8_t *decoder = decoder_make(&compilation.memory, contract, &length);
    if (!any(8))
      print_any(decoder, length);
    const struct contract *other = compilation.contracts[any(compilation.contract_count)];
    if (!compatible(&compilation, contract, contract))
      fail("a contract is not compatible with itself");
    compatible(&compilation, contract, other);
  }
  contract ? accepted++ : refused++;
  compilation_end(&compilation);
}

int main(int count, char **arguments) {
  double seconds = count > 1 ? atof(arguments[1]) : 8;
  random_state = count > 2 ? strtoull(arguments[2], NULL, 0) : 1;
  seeds_read("contracts/*.contract");
  seeds_read("tests/contractc/good/*.contract");
  seeds_read("tests/contractc/bad/*.contract");
  FILE *nowhere = fopen("/dev/null", "w");
  if (!seed_count || !nowhere)
    return 1;
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  double slowest = 0, passed = 0, before;
  do {
    const struct seed *seed = &seeds[any(seed_count)];
    current_path = seed->path;
    current_length = seed->length;
    memcpy(current, seed->text, seed->length);
    current[current_length] = '\0';
    for (unsigned changes = any(6); changes--;)
      mutate();
    current[current_length] = '\0';
    compile(nowhere);
    clock_gettime(CLOCK_MONOTONIC, &now);
    before = passed;
    passed = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
    if (passed - before > slowest)
      slowest = passed - before;
  } while (passed < seconds);
  printf("ok 1 - %u contracts with mistakes are refused with a position, and %u are accepted and written\n", refused,
         accepted);
  printf("%sok 2 - none takes 5 seconds (the slowest: %.2f)\n", slowest < 5 ? "" : "not ", slowest);
  printf("ok 3 - %u messages of any bytes are printed, with whole decoders and damaged ones\n1..3\n", printed);
  return slowest >= 5;
}
