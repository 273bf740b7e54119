/* Fuzz target: any bytes as a manifest. Whatever they are, the reader says what is wrong with a place in the text, or
 * what it compiles is a system that the supervisor takes, and what it says of damaged ones. */
#include <string.h>

#include "manifest/model.h"
#include "services/system.h"
#include "tests/fuzz/fuzz.h"

#define ARCHIVE 0
#define POWER 1
#define FIRST 2

/* libfyaml 0.7 loses a buffer at some errors of syntax: 4 KiB, of a process that ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfyaml\n"; }

const unsigned fuzz_count = 8000;

static void demand(bool holds, const char *what) {
  if (!holds)
    fuzz_fail("%s", what);
}

/* What was compiled, damaged or cut off, in memory of its own length: the supervisor reads no byte that is not there.
 */
static void damaged(const uint8_t *compiled, uint32_t length) {
  struct system_refusal why;
  uint32_t events, random = length * 2654435761u;
  for (unsigned i = 0; i < 24; i++) {
    random = random * 1664525 + 1013904223;
    uint32_t left = i % 4 ? length : (random >> 4) % length;
    uint8_t *exact = malloc(left ? left : 1);
    memcpy(exact, compiled, left);
    if (left && i % 4)
      exact[(random >> 8) % left] = (uint8_t)(i % 4 == 1 ? 0xff : random);
    system_check(exact, left, FIRST + i % 9, &events, &why);
    free(exact);
  }
}

static void accepted(const struct manifest *manifest) {
  static FILE *nowhere;
  const struct manifest_device *devices;
  struct system_refusal why;
  uint32_t length, events;
  if (!nowhere)
    nowhere = fopen("/dev/null", "w");
  void *compiled = manifest_compile(manifest, ARCHIVE, POWER, FIRST, &length);
  demand(system_check(compiled, length, FIRST + (uint32_t)manifest_devices(manifest, &devices), &events, &why),
         "the supervisor refuses what was accepted");
  damaged(compiled, length);
  free(compiled);
  manifest_report(manifest, nowhere);
  manifest_dot(manifest, nowhere);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static FILE *nowhere;
  struct manifest_places places = {.services = "build/services"};
  struct manifest_problems *problems;
  if (length > 1 << 16)
    return 0;
  if (!nowhere)
    nowhere = fopen("/dev/null", "w");
  struct manifest *manifest =
      manifest_read_text("tests/manifest/good/any.yaml", (const char *)bytes, length, &places, &problems);
  demand((manifest == NULL) == problems->errors, "refused without a word, or accepted with an error");
  for (uint32_t i = 0; i < problems->count; i++)
    demand(problems->problems[i]->nowhere ||
               (problems->problems[i]->place.offset <= length && problems->problems[i]->place.length <= length + 1),
           "a position that is not in the text");
  manifest_problems_print(problems, nowhere, true);
  if (manifest)
    accepted(manifest);
  manifest ? fuzz_accepted++ : fuzz_refused++;
  manifest_problems_release(problems);
  manifest_release(manifest);
  return 0;
}
