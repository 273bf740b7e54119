/* Fuzz target: any text as a contract. It is refused with a place in a text, or accepted and written in every form;
 * then the kernel takes its table, of both forms, names it as the compiler says, and no queue can be longer than it has
 * slots. */
#include <errno.h>
#include <glob.h>
#include <string.h>

#include "contractc/contractc.h"
#include "tests/fuzz/contract_table.h"
#include "tests/fuzz/fuzz.h"

const unsigned fuzz_count = 10000;

size_t contract_print(const uint8_t *table, size_t table_length, const struct signet_message *message, size_t length,
                      char *text, size_t capacity);

static FILE *nowhere;
static char path[128];
static const char *text;
static uint32_t text_length;

/* The contracts that it may use. */
static struct {
  char *name, *text;
  uint32_t length;
} known[64];
static unsigned known_count;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  static const char *const patterns[] = {"contracts/*.contract", "tests/contractc/good/*.contract"};
  (void)count, (void)arguments;
  nowhere = fopen("/dev/null", "w");
  for (unsigned i = 0; i < 2; i++) {
    glob_t found;
    if (glob(patterns[i], 0, NULL, &found))
      continue;
    for (size_t j = 0; j < found.gl_pathc && known_count < 64; j++) {
      FILE *file = fopen(found.gl_pathv[j], "r");
      if (!file)
        abort();
      known[known_count].text = malloc(1 << 16);
      known[known_count].length = (uint32_t)fread(known[known_count].text, 1, 1 << 16, file);
      known[known_count++].name = strdup(strrchr(found.gl_pathv[j], '/') + 1);
      fclose(file);
    }
    globfree(&found);
  }
  return 0;
}

static char *source(struct memory *memory, const char *wanted, uint32_t *length) {
  const char *name = strrchr(wanted, '/') ? strrchr(wanted, '/') + 1 : wanted;
  if (!strcmp(wanted, path)) {
    *length = text_length;
    return memory_copy(memory, text, text_length);
  }
  for (unsigned i = 0; i < known_count; i++)
    if (!strcmp(name, known[i].name)) {
      *length = known[i].length;
      return memory_copy(memory, known[i].text, known[i].length);
    }
  errno = ENOENT;
  return NULL;
}

/* A contract is called as its file is. */
static void file_name_find(void) {
  const char *name = strncmp(text, "contract ", 9) ? strstr(text, "\ncontract ") : text - 1;
  size_t length = name ? strspn(name + 10, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
  snprintf(path, sizeof path, "contracts/%.*s.contract", length ? (int)(length < 64 ? length : 64) : 6,
           length ? name + 10 : "fuzzed");
}

static void place_check(struct place place) {
  uint32_t line, column;
  if (!place.source || !place.source->text || place.offset > place.source->length ||
      place.length > place.source->length - place.offset)
    fuzz_fail("a refusal without a place in a text");
  place_find(place, &line, &column);
  if (!line || !column)
    fuzz_fail("a place without a line");
}

static void table_check(struct compilation *compilation, const struct contract *contract, unsigned version) {
  uint32_t length;
  const uint8_t *table = table_make(&compilation->memory, contract, version, &length);
  if (!contract_table_check(table, length, contract->table_hash[version - 1], true))
    fuzz_fail("the kernel refuses the table of form %u", version);
}

static void print(const uint8_t *decoder, uint32_t length, const struct contract *contract) {
  static _Alignas(8) uint8_t bytes[sizeof(struct signet_message) + 8192];
  struct signet_message *message = (void *)bytes;
  char line[512];
  for (uint32_t tag = 0; tag < contract->message_count; tag++) {
    if (!contract->messages[tag])
      continue;
    memset(bytes, 0x81, sizeof bytes);
    message->tag = tag;
    message->length = contract->messages[tag]->most;
    message->moved_count = contract->messages[tag]->moved_count;
    size_t wanted = contract_print(decoder, length, message, sizeof bytes, line, sizeof line);
    if (!wanted || !strstr(line, contract->messages[tag]->name))
      fuzz_fail("message %u is printed without its name: %s", tag, line);
    for (const char *at = line; *at; at++)
      if (*at < ' ' || *at > '~')
        fuzz_fail("a message is printed with a byte that is not printable");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct compilation compilation = {.read = source};
  char *copy = malloc(length + 1);
  memcpy(copy, bytes, length);
  copy[length] = 0;
  text = copy;
  text_length = (uint32_t)length;
  file_name_find();
  struct contract *contract = contract_compile(&compilation, path);
  if (!contract != (compilation.problem_count != 0))
    fuzz_fail("refused without a reason, or accepted with one");
  for (uint32_t i = 0; i < compilation.problem_count; i++) {
    place_check(compilation.problems[i]->place);
    for (uint32_t j = 0; j < compilation.problems[i]->note_count; j++)
      place_check(compilation.problems[i]->notes[j].place);
  }
  problems_print(&compilation, nowhere);
  problems_print_json(&compilation, nowhere);
  if (contract) {
    uint32_t decoder_length;
    header_write(&compilation, contract, nowhere);
    promela_write(contract, nowhere);
    diagram_write(contract, nowhere);
    table_check(&compilation, contract, 1);
    table_check(&compilation, contract, 2);
    const uint8_t *decoder = decoder_make(&compilation.memory, contract, &decoder_length);
    print(decoder, decoder_length, contract);
    if (!compatible(&compilation, contract, contract))
      fuzz_fail("not compatible with itself");
    compatible(&compilation, contract, compilation.contracts[0]);
  }
  contract ? fuzz_accepted++ : fuzz_refused++;
  compilation_end(&compilation);
  free(copy);
  return 0;
}
