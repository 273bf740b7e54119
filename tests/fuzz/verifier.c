/* Fuzz target: any bytes as machine code. The verifier reads no byte that it was not given, its reports are in order
 * and in range, and what it accepts the model accepts, which shares no code with it. The first bytes of an input say
 * where the code lies and which rule it is held to. */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/verifier/model.h"
#include "verifier/verifier.h"

enum { HEAD = 2, CODE_MOST = 4096, BUNDLE = 32, CALLS = 30 };

static const uint32_t bases[] = {0x20000,    0x20000,    0x20000, 0x20020, 0x40000000, 0x7ffff000,
                                 0x7fffffe0, 0x80000000, 0,       0x10,    0x1ffe0,    0xfffff000};

struct reports {
  uint64_t count, last, start, end;
  bool targets;
};

static void hear(void *context, const struct verifier_violation *violation) {
  struct reports *reports = context;
  bool target = violation->rule == VERIFIER_RULE_TARGET;
  if (violation->rule >= VERIFIER_RULE_COUNT || violation->length < 1 || violation->length > 15 + 4)
    fuzz_fail("a report that is none");
  if (!verifier_rule_label(violation->rule)[0] || !verifier_rule_text(violation->rule)[0])
    fuzz_fail("a rule without words");
  reports->count++;
  if (violation->rule == VERIFIER_RULE_LAYOUT)
    return;
  if (violation->offset < reports->start || violation->offset + violation->length > reports->end)
    fuzz_fail("a report of what is not in the code, at 0x%x", violation->offset);
  if ((reports->targets && !target) ||
      (reports->targets == target && reports->count > 1 && violation->offset < reports->last))
    fuzz_fail("reports out of order, at 0x%x", violation->offset);
  reports->last = violation->offset;
  reports->targets = target;
}

static void accepted(const struct verifier_input *input, const void *scratch) {
  size_t where = 0;
  const char *objection = NULL;
  if (input->length % BUNDLE || input->offset % BUNDLE || input->offset + input->length > 0x80000000)
    fuzz_fail("accepted at a wrong place");
  objection = model_object(input->code, input->length, input->offset, input->parallel, &where);
  if (objection)
    fuzz_fail("accepted, and the model objects at 0x%zx: %s", where, objection);
  /* Every bundle's start can be branched to; what is not in the code cannot. */
  for (uint64_t at = 0; at < input->length; at += BUNDLE)
    if (!verifier_is_target(input, scratch, input->offset + at))
      fuzz_fail("a bundle's start is no target: 0x%llx", (unsigned long long)at);
  if (verifier_is_target(input, scratch, input->offset + input->length) ||
      verifier_is_target(input, scratch, (uint64_t)input->offset - 1) ||
      verifier_is_target(input, scratch, input->offset + (UINT64_C(1) << 32)))
    fuzz_fail("a target that is not in the code");
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
  (void)count, (void)arguments;
  model_start();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < HEAD || length > HEAD + CODE_MOST)
    return 0;
  uint32_t base = bases[bytes[0] % (sizeof bases / sizeof *bases)];
  length -= HEAD;
  uint8_t *code = malloc(length ? length : 1);
  void *scratch = malloc(verifier_scratch_size(length) ? verifier_scratch_size(length) : 1);
  if (!code || !scratch)
    abort();
  memcpy(code, bytes + HEAD, length);
  struct verifier_input input = {
      .code = code, .length = length, .offset = base, .calls = CALLS, .parallel = bytes[1] & 1};
  struct verifier_outcome outcome, again;
  struct reports reports = {.start = base, .end = base + (uint64_t)length};
  memset(&outcome, 0xa5, sizeof outcome);
  memset(&again, 0x5a, sizeof again);
  bool obeys = verifier_check(&input, scratch, hear, &reports, &outcome);
  if (reports.count != outcome.violations || obeys != (outcome.violations == 0) || outcome.instructions > length)
    fuzz_fail("the outcome is not what was reported");
  if (obeys != verifier_check(&input, scratch, NULL, NULL, &again) || outcome.violations != again.violations ||
      outcome.instructions != again.instructions || outcome.calls_named != again.calls_named ||
      outcome.features != again.features)
    fuzz_fail("the verdict depends on who listens, or on what the memory held");
  if (obeys)
    accepted(&input, scratch);
  obeys ? fuzz_accepted++ : fuzz_refused++;
  free(scratch);
  free(code);
  return 0;
}

/* ---- Changes that keep bundles ---- */

static size_t bundle_change(uint8_t *code, size_t length, size_t most, uint32_t random) {
  size_t bundles = length / BUNDLE, at = random % (bundles + 1) * BUNDLE;
  uint32_t more = random / 7919;
  const struct model_sequence *sequence = &model_sequences[more % (unsigned)model_sequence_count];
  switch (more % 5) {
  case 0: /* nops */
    if (at + BUNDLE <= most) {
      memset(code + at, 0x90, BUNDLE);
      return at == bundles * BUNDLE ? at + BUNDLE : length;
    }
    return length;
  case 1: /* a guarded sequence at any place */
    at += more / 5 % BUNDLE;
    if (at + sequence->length <= length)
      memcpy(code + at, sequence->bytes, sequence->length);
    return length;
  case 2: /* the same, at the end of a bundle */
    if (at + BUNDLE <= length && sequence->length <= BUNDLE)
      memcpy(code + at + BUNDLE - sequence->length, sequence->bytes, sequence->length);
    return length;
  case 3: /* a direct branch to some place in the code */
    at += more / 5 % BUNDLE;
    if (at + 5 <= length) {
      int32_t distance = (int32_t)(more / 3 % length) - (int32_t)(at + 5);
      code[at] = more & 64 ? 0xe8 : 0xe9;
      memcpy(code + at + 1, &distance, 4);
    }
    return length;
  default: /* a bundle again */
    if (at + BUNDLE > length || length + BUNDLE > most)
      return length;
    memmove(code + length / BUNDLE * BUNDLE, code + at, BUNDLE);
    return (length / BUNDLE + 1) * BUNDLE;
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t most, unsigned int seed) {
  most = most < HEAD + CODE_MOST ? most : HEAD + CODE_MOST;
  if (length <= HEAD || length > most)
    return LLVMFuzzerMutate(bytes, length < most ? length : most, most);
  if (seed % 3 == 0)
    return HEAD + bundle_change(bytes + HEAD, length - HEAD, most - HEAD, seed / 3);
  size_t changed = LLVMFuzzerMutate(bytes, length, most);
  /* Whole bundles again, most often. */
  if (seed % 3 == 1 && changed > HEAD)
    while ((changed - HEAD) % BUNDLE && changed < most)
      bytes[changed++] = 0x90;
  return changed;
}
