/* What the verifier says about what it refuses and what it accepts, to the last figure: the rule, the place and the
 * length of each violation, where checking goes on, which bytes may be branched to, what is counted. Runs under the
 * sanitizers, with buffers of exactly the size, so that a byte read too far is an end. Written for the mutants that no
 * verdict shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/verifier.h"

enum { BASE = 0x20000, SLOTS = 30 };

static int number, failures;

static void expect(bool good, const char *what) {
  printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
  failures += !good;
}

struct heard {
  unsigned count;
  struct verifier_violation list[64];
};

static void hear(void *context, const struct verifier_violation *violation) {
  struct heard *heard = context;
  if (heard->count < 64)
    heard->list[heard->count] = *violation;
  heard->count++;
}

struct outcome {
  bool accepted;
  struct heard heard;
  struct verifier_outcome figures;
  uint64_t targets[4]; /* bit per byte of code, the first 256 */
};

/* Verifies `length` bytes of nops with `bytes` at `place`. */
static struct outcome run(const void *bytes, size_t size, size_t place, size_t length, bool parallel) {
  struct outcome outcome = {0};
  uint8_t *code = malloc(length);
  void *scratch = malloc(verifier_scratch_size(length));
  memset(code, 0x90, length);
  memcpy(code + place, bytes, size);
  memset(scratch, 0xff, verifier_scratch_size(length));
  struct verifier_input input = {.code = code, .length = length, .offset = BASE, .calls = SLOTS, .parallel = parallel};
  outcome.accepted = verifier_check(&input, scratch, hear, &outcome.heard, &outcome.figures);
  if (outcome.figures.violations != outcome.heard.count || outcome.accepted != !outcome.heard.count)
    expect(false, "what is reported is counted");
  for (size_t i = 0; i < length && i < 256; i++)
    outcome.targets[i / 64] |= (uint64_t)verifier_is_target(&input, scratch, BASE + i) << i % 64;
  free(scratch);
  free(code);
  return outcome;
}

static bool is(const struct outcome *outcome, unsigned i, uint64_t at, unsigned length, enum verifier_rule rule) {
  const struct verifier_violation *violation = &outcome->heard.list[i];
  return i < outcome->heard.count && violation->offset == BASE + at && violation->length == length &&
         violation->rule == rule;
}

/* One refusal each: what stands there, the rule, and how much of it was understood. */
static void test_lengths(void) {
  static const struct {
    const char *what;
    uint8_t size, bytes[20];
    enum verifier_rule rule;
    uint8_t length;
  } cases[] = {
#define RULE(name) VERIFIER_RULE_##name
      {"a prefix twice", 4, {0x66, 0x66, 0x89, 0xc8}, RULE(PREFIX), 2},
      {"a prefix twice, not one after the other", 5, {0x65, 0x67, 0x65, 0x8b, 0x00}, RULE(PREFIX), 3},
      {"f2 and f3", 5, {0xf2, 0xf3, 0x0f, 0x58, 0xc1}, RULE(PREFIX), 2},
      {"another segment", 3, {0x2e, 0x8b, 0x00}, RULE(PREFIX), 1},
      {"REX before VEX", 5, {0x48, 0xc5, 0xf8, 0x58, 0xc1}, RULE(PREFIX), 2},
      {"66 before VEX", 5, {0x66, 0xc5, 0xf8, 0x58, 0xc1}, RULE(PREFIX), 2},
      {"a VEX map that does not exist", 5, {0xc4, 0xe4, 0x78, 0x58, 0xc1}, RULE(UNLISTED), 3},
      {"a VEX opcode that is not listed", 4, {0xc5, 0xf8, 0x02, 0xc1}, RULE(UNLISTED), 3},
      {"a VEX digit that is not listed", 5, {0xc4, 0xe2, 0x78, 0xf3, 0xc0}, RULE(UNLISTED), 5},
      {"VEX of what is listed without it", 4, {0xc5, 0xf8, 0xaf, 0xc0}, RULE(UNLISTED), 3},
      {"an opcode of one byte", 1, {0xf4}, RULE(UNLISTED), 1},
      {"an opcode of two bytes", 2, {0x0f, 0x05}, RULE(UNLISTED), 2},
      {"an opcode of three bytes", 4, {0x0f, 0x38, 0xff, 0xc0}, RULE(UNLISTED), 3},
      {"a digit", 2, {0xff, 0xf8}, RULE(UNLISTED), 2},
      {"a digit of two bytes", 3, {0x0f, 0xc7, 0x38}, RULE(UNLISTED), 3},
      {"a prefix that the row does not permit", 3, {0xf3, 0x01, 0xc8}, RULE(PREFIX), 3},
      {"a prefix that no row permits", 3, {0xf3, 0x0f, 0x05}, RULE(UNLISTED), 3},
      {"a prefix after REX", 4, {0x48, 0x66, 0x89, 0xc8}, RULE(PREFIX), 2},
      {"two REX", 4, {0x41, 0x48, 0x89, 0xc8}, RULE(PREFIX), 2},
      {"an opcode that is a prefix in another map", 3, {0x0f, 0x66, 0xc0}, RULE(UNLISTED), 2},
      {"vvvv", 4, {0xc5, 0xe8, 0x28, 0xc1}, RULE(UNLISTED), 4},
      {"REX where none may be", 6, {0x41, 0xe8, 0, 0, 0, 0}, RULE(PREFIX), 6},
      {"a short address", 2, {0x8b, 0x00}, RULE(MEMORY), 2},
      {"an address with SIB and 8 bits", 4, {0x8b, 0x44, 0x00, 0x05}, RULE(MEMORY), 4},
      {"an address with SIB and 32 bits", 7, {0x8b, 0x84, 0x00, 1, 2, 3, 4}, RULE(MEMORY), 7},
      {"an address without base", 7, {0x8b, 0x04, 0x25, 1, 2, 3, 4}, RULE(MEMORY), 7},
      {"an address and an immediate", 10, {0x81, 0x80, 1, 2, 3, 4, 1, 2, 3, 4}, RULE(MEMORY), 10},
      {"an address and an immediate of 16 bits", 9, {0x66, 0x81, 0x80, 1, 2, 3, 4, 1, 2}, RULE(MEMORY), 9},
      {"%rip", 6, {0x8b, 0x05, 0, 0, 0, 0x80}, RULE(RIP), 6},
      {"%r14", 3, {0x49, 0x89, 0xc6}, RULE(RESERVED), 3},
      {"%rsp", 3, {0x48, 0x89, 0xc4}, RULE(STACK), 3},
      {"half a stack sequence", 3, {0x83, 0xc4, 0x08}, RULE(SEQUENCE), 3},
      {"ret", 1, {0xc3}, RULE(RETURN), 1},
      {"an indirect branch", 2, {0xff, 0xe0}, RULE(INDIRECT), 2},
      {"an indirect branch through memory", 5, {0x65, 0x67, 0xff, 0x20}, RULE(INDIRECT), 4},
      {"a slot that is not there", 7, {0x41, 0xff, 0x96, 0xf0, 0x00, 0x01, 0x00}, RULE(ENTRY), 7},
      {"a string operation", 2, {0xf3, 0xa4}, RULE(STRING), 2},
      {"a short branch", 2, {0xeb, 0x7f}, RULE(TARGET), 2},
      {"a long branch", 6, {0x0f, 0x84, 0, 0, 0, 1}, RULE(TARGET), 6},
#undef RULE
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct outcome outcome = run(cases[i].bytes, cases[i].size, 0, 64, false);
    bool good = outcome.heard.count == 1 && is(&outcome, 0, 0, cases[i].length, cases[i].rule);
    expect(good, cases[i].what);
    if (!good)
      printf("# found %u: rule %s, offset %d, length %u\n", outcome.heard.count,
             verifier_rule_label(outcome.heard.list[0].rule), (int)(outcome.heard.list[0].offset - BASE),
             outcome.heard.list[0].length);
  }
}

static const uint8_t returning[] = {0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3};

static void test_bundles(void) {
  struct outcome outcome = run(returning, 13, 3, 64, true);
  expect(is(&outcome, 0, 3, 13, VERIFIER_RULE_RETURN) && outcome.heard.count == 1, "a return under the parallel rule");
  outcome = run(returning, 13, 20, 64, false);
  expect(is(&outcome, 0, 20, 13, VERIFIER_RULE_STRADDLE), "a sequence across bundles");
  outcome = run("\xb8\x01\x00\x00", 4, 28, 32, false);
  expect(is(&outcome, 0, 28, 4, VERIFIER_RULE_TRUNCATED) && outcome.heard.count == 1, "an instruction cut off");
  outcome = run("\x0f\x1f\x80\x00\x00\x00", 6, 26, 32, false);
  expect(is(&outcome, 0, 26, 6, VERIFIER_RULE_TRUNCATED) && outcome.heard.count == 1, "a nop cut off");
  outcome = run("\xb8\x01\x00\x00\x00", 5, 28, 64, false);
  expect(is(&outcome, 0, 28, 5, VERIFIER_RULE_STRADDLE), "an instruction across bundles");
  outcome = run("\x83\xc4\x08\x90\x90", 5, 29, 64, false);
  expect(is(&outcome, 0, 29, 3, VERIFIER_RULE_SEQUENCE), "half a stack sequence at the end of a bundle");
  outcome = run("\x48\x89\xc4", 3, 31, 64, false);
  expect(is(&outcome, 0, 31, 3, VERIFIER_RULE_STRADDLE), "an instruction across bundles that breaks another rule");
  outcome = run("\x0f\x05", 2, 31, 64, false);
  expect(is(&outcome, 0, 31, 2, VERIFIER_RULE_UNLISTED), "across bundles, what is not listed is called that");
  outcome = run(returning, 13, 20, 64, true);
  expect(is(&outcome, 0, 20, 13, VERIFIER_RULE_RETURN), "across bundles, a return under the parallel rule");
  /* Checking goes on at the next bundle; the first half of a sequence is not what comes before it there. */
  uint8_t code[128];
  memset(code, 0x90, sizeof code);
  memcpy(code + 5, "\x0f\x05\x0f\x05", 4);
  memcpy(code + 64, "\xc3", 1);
  memcpy(code + 96, "\x4c\x09\xf0\xff\xe0", 5); /* or %r14,%rax; jmp *%rax */
  outcome = run(code, sizeof code, 0, sizeof code, false);
  expect(outcome.heard.count == 3 && is(&outcome, 0, 5, 2, VERIFIER_RULE_UNLISTED) &&
             is(&outcome, 1, 64, 1, VERIFIER_RULE_RETURN) && is(&outcome, 2, 99, 2, VERIFIER_RULE_SEQUENCE),
         "one violation of each bundle");
  memset(code, 0x90, sizeof code);
  memcpy(code + 28, "\x4c\x09\xf0\xf4\xff\xe0", 6); /* or %r14,%rax; hlt, and in the next bundle jmp *%rax */
  outcome = run(code, 64, 0, 64, false);
  expect(outcome.heard.count == 2 && is(&outcome, 1, 32, 2, VERIFIER_RULE_INDIRECT),
         "what was refused does not come before what is next");
  outcome = run("\xff\xe0", 2, 0, 32, false);
  expect(is(&outcome, 0, 0, 2, VERIFIER_RULE_INDIRECT), "nothing comes before the first instruction");
}

/* A wrong branch is told once, with the other rules' violations told before it and not again. */
static void test_second_pass(void) {
  uint8_t code[96];
  memset(code, 0x90, sizeof code);
  memcpy(code, "\xeb\x7f\x4c\x09\xf0\xff\xe0", 7); /* jmp out; or %r14,%rax; jmp *%rax */
  memcpy(code + 32, "\xeb\x7f\xeb\x00\xeb\x7e", 6);
  memcpy(code + 64, "\x4c\x09\xf0\xeb\x7f\xff\xe0", 7);
  struct outcome outcome = run(code, sizeof code, 0, sizeof code, false);
  expect(outcome.heard.count == 6 && is(&outcome, 0, 5, 2, VERIFIER_RULE_SEQUENCE) &&
             is(&outcome, 1, 69, 2, VERIFIER_RULE_INDIRECT) && is(&outcome, 2, 0, 2, VERIFIER_RULE_TARGET) &&
             is(&outcome, 3, 32, 2, VERIFIER_RULE_TARGET) && is(&outcome, 4, 36, 2, VERIFIER_RULE_TARGET) &&
             is(&outcome, 5, 67, 2, VERIFIER_RULE_TARGET),
         "two passes: instructions, then branches");
  /* The same instructions are counted, and the same code accepted, whether or not there is a second pass. */
  memset(code, 0x90, sizeof code);
  memcpy(code, "\xb8\xeb\x00\x00\x00", 5);
  uint64_t without = run(code, sizeof code, 0, sizeof code, false).figures.instructions;
  memcpy(code + 64, "\xeb\xbf", 2); /* into the mov */
  outcome = run(code, sizeof code, 0, sizeof code, false);
  expect(without == 92 && outcome.heard.count == 1 && is(&outcome, 0, 64, 2, VERIFIER_RULE_TARGET) &&
             outcome.figures.instructions == 91,
         "a branch into an instruction; what was counted is counted once");
  /* A place is no target because it is a multiple of 64: the only wrong branch goes to what is refused there. */
  outcome = run("\xf4", 1, 0, 64, false);
  expect(outcome.heard.count == 1 && !(outcome.targets[0] & 1), "what is refused is not a target");
  memset(code, 0x90, sizeof code);
  code[0] = 0xf4;
  memcpy(code + 32, "\xeb\xde", 2); /* jmp to the hlt */
  outcome = run(code, 64, 0, 64, false);
  expect(outcome.heard.count == 2 && is(&outcome, 0, 0, 1, VERIFIER_RULE_UNLISTED) &&
             is(&outcome, 1, 32, 2, VERIFIER_RULE_TARGET),
         "a branch to what is refused at the start of the code");
}

static void test_targets(void) {
  /* Beside the code nothing is a target, whatever the scratch memory has there. */
  uint8_t code[64];
  uint64_t scratch[2];
  memset(code, 0x90, sizeof code);
  memcpy(code + 32, "\xeb\xde", 2); /* jmp to the first byte */
  struct verifier_input input = {.code = code, .length = 64, .offset = BASE, .calls = SLOTS};
  struct verifier_outcome figures;
  bool good = verifier_check(&input, scratch, NULL, NULL, &figures) && verifier_is_target(&input, scratch, BASE);
  good &= !verifier_is_target(&input, scratch, BASE + 64) && !verifier_is_target(&input, scratch, BASE - 1);
  expect(good && !verifier_is_target(&input, scratch, 0), "nothing is a target beside the code");
  struct outcome large = run(code + 32, 2, 2048, 4096, false);
  expect(large.accepted && large.figures.instructions == 4095, "code of 64 words of marks, in exactly their memory");
  /* Nops of every length, and what is listed beside: nothing inside is a target. */
  static const uint8_t longest[] = {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0};
  for (unsigned prefixes = 0; prefixes < 7; prefixes++) {
    const unsigned length = sizeof longest - prefixes;
    struct outcome outcome = run(longest + prefixes, length, 2, 64, false);
    uint64_t inside = ((1ull << (length - 1)) - 1) << 3;
    expect(outcome.accepted && outcome.targets[0] == ~inside && outcome.figures.instructions == 64 - length + 1,
           "a nop is one instruction");
  }
  struct outcome outcome = run(returning, 13, 5, 64, false);
  expect(outcome.accepted && outcome.targets[0] == ~(((1ull << 12) - 1) << 6) &&
             outcome.figures.instructions == 64 - 13 + 3,
         "a return sequence is three instructions and one target");
  static const uint8_t moving[] = {0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36, 0x89, 0xff,
                                   0x49, 0x8d, 0x3c, 0x3e, 0xf3, 0x48, 0xa5};
  outcome = run(moving, 15, 0, 64, false);
  expect(outcome.accepted && outcome.targets[0] == ~(((1ull << 14) - 1) << 1) &&
             outcome.figures.instructions == 64 - 15 + 5,
         "rep movsq is five instructions and one target");
  uint8_t mixed[13];
  memcpy(mixed, moving, 12);
  mixed[12] = 0xaa;
  outcome = run(mixed, 13, 0, 32, false);
  expect(outcome.accepted && outcome.figures.instructions == 32 - 13 + 5 && (outcome.targets[0] & 0x1fff) == 0x45,
         "stosb behind the sequence of movs has a sequence of its own");
  outcome = run(moving + 6, 6, 0, 32, false);
  expect(outcome.accepted && outcome.figures.instructions == 32 - 6 + 2, "its parts alone are instructions");
  static const uint8_t storing[] = {0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e, 0x66, 0xab};
  outcome = run(storing, 8, 0, 32, false);
  expect(outcome.accepted && outcome.figures.instructions == 32 - 8 + 3, "stosw is three instructions");
  static const uint8_t jumping[] = {0x41, 0x83, 0xe4, 0xe0, 0x4d, 0x09, 0xf4, 0x41, 0xff, 0xe4}; /* %r12 */
  outcome = run(jumping, 10, 22, 64, false);
  expect(outcome.accepted && outcome.figures.instructions == 64 - 10 + 3, "an indirect jump is three instructions");
  static const uint8_t stepping[] = {0x8d, 0xa4, 0xc5, 0, 1, 0, 0, 0x4a, 0x8d, 0x24, 0x34};
  outcome = run(stepping, 11, 21, 64, false);
  expect(outcome.accepted && outcome.figures.instructions == 64 - 11 + 2, "a stack sequence is two instructions");
}

/* Nothing is read past the code, whatever its last bytes are: the sanitizers see it. */
static void test_ends(void) {
  bool good = true;
  uint8_t bytes[40];
  uint64_t state = 0x5349474e4554; /* the seed */
  static const uint8_t starts[][4] = {{0x83, 0xe0, 0xe0}, {0x41, 0x83, 0xe4, 0xe0}, {0x89, 0xf6},
                                      {0x89, 0xff},       {0x48, 0x81, 0x24},       {0xc4, 0xe2, 0x78},
                                      {0x0f, 0x3a},       {0x8d, 0xa4, 0x24},       {0x66, 0x66, 0x66, 0x66},
                                      {0xff, 0xff},       {0x65, 0x67, 0xf0, 0x66}, {0x90}};
  for (unsigned i = 0; i < 200000; i++) {
    unsigned length = 1 + i % 31; /* of what is not nops at the end */
    for (unsigned j = 0; j < length; j += 8) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      memcpy(bytes + j, &state, 8);
    }
    if (i % 3 == 0)
      memcpy(bytes, starts[i / 3 % 12], 4);
    struct outcome outcome = run(bytes, length, 32 - length, 32, false);
    for (unsigned j = 0; j < outcome.heard.count && j < 64; j++)
      good &= outcome.heard.list[j].length >= 1 &&
              outcome.heard.list[j].offset +
                      (outcome.heard.list[j].rule == VERIFIER_RULE_TRUNCATED ? outcome.heard.list[j].length : 1u) <=
                  BASE + 32;
  }
  static const uint8_t sequences[][16] = {
      {13, 0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3},
      {15, 0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36, 0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e, 0xf3, 0x48, 0xa5},
      {12, 0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36, 0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e},
      {10, 0x41, 0x83, 0xe4, 0xe0, 0x4d, 0x09, 0xf4, 0x41, 0xff, 0xe4},
      {11, 0x8d, 0xa4, 0xc5, 0, 1, 0, 0, 0x4a, 0x8d, 0x24, 0x34}};
  for (unsigned i = 0; i < 5; i++)
    for (unsigned cut = 0; cut < sequences[i][0]; cut++) {
      struct outcome outcome = run(sequences[i] + 1, sequences[i][0] - cut, 32 - sequences[i][0] + cut, 32, false);
      good &= cut != 0 || outcome.accepted;
    }
  expect(good, "ends of the code, cut off anywhere");
}

/* VEX maps, all 32 of them. */
static void test_maps(void) {
  bool good = true;
  for (unsigned map = 0; map < 32; map++)
    for (unsigned opcode = 0; opcode < 256; opcode++) {
      uint8_t code[] = {0xc4, 0xe0 | map, 0x78, (uint8_t)opcode, 0xc0, 0};
      struct outcome outcome = run(code, sizeof code, 0, 32, false);
      if (map < 1 || map > 3)
        good &= is(&outcome, 0, 0, 3, VERIFIER_RULE_UNLISTED);
    }
  expect(good, "only three VEX maps exist");
}

static void test_layout(void) {
  bool good = true;
  for (unsigned length = 1; length < 32; length++) {
    struct outcome outcome = run("", 0, 0, 32 + length, false);
    good &= outcome.heard.count == 1 && is(&outcome, 0, 0, 1, VERIFIER_RULE_LAYOUT);
  }
  expect(good, "a length that is not a multiple of a bundle");
  good = true;
  uint8_t code[64];
  uint64_t scratch[2];
  memset(code, 0x90, sizeof code);
  for (uint32_t offset = 1; offset < 32; offset++) {
    struct verifier_input input = {.code = code, .length = 64, .offset = BASE + offset, .calls = SLOTS};
    struct heard heard = {0};
    struct verifier_outcome figures;
    good &= !verifier_check(&input, scratch, hear, &heard, &figures) && heard.count == 1 &&
            heard.list[0].rule == VERIFIER_RULE_LAYOUT && heard.list[0].offset == BASE + offset;
  }
  expect(good, "an offset that is not a multiple of a bundle");
  good = verifier_scratch_size(0) == 0;
  for (uint64_t length = 1; length < 3000; length++)
    good &= verifier_scratch_size(length) == (length + 63) / 64 * 16;
  expect(good, "scratch memory is two bits a byte, in words");
  static const uint64_t past[] = {0x80000000, 0x80000020, 0xffffffe0};
  good = true;
  for (unsigned i = 0; i < 3; i++) {
    struct verifier_input input = {.code = code, .length = 32, .offset = (uint32_t)past[i], .calls = SLOTS};
    struct heard heard = {0};
    struct verifier_outcome figures;
    good &= !verifier_check(&input, scratch, hear, &heard, &figures) && heard.count == 1 &&
            heard.list[0].rule == VERIFIER_RULE_LAYOUT && figures.instructions == 0;
    input.length = 0;
    good &= verifier_check(&input, scratch, hear, &heard, &figures) == (i == 0);
  }
  expect(good, "code above its limit is not looked at");
}

static void test_figures(void) {
  /* Slots 0, 29 and 63 by jump and by call; slot 64 and 127 do not fit the record. */
  static const struct {
    uint32_t slot;
    uint64_t named;
  } slots[] = {{0, 1}, {1, 2}, {29, 1ull << 29}, {62, 1ull << 62}, {63, 1ull << 63}, {64, 0}, {127, 0}, {511, 0}};
  bool good = true;
  for (unsigned i = 0; i < 16; i++) {
    uint32_t displacement = 0x10000 + slots[i / 2].slot * 8;
    uint8_t code[32];
    uint64_t scratch[2];
    memset(code, 0x90, sizeof code);
    memcpy(code, i % 2 ? "\x41\xff\x96" : "\x41\xff\xa6", 3);
    memcpy(code + 3, &displacement, 4);
    struct verifier_input input = {.code = code, .length = 32, .offset = BASE, .calls = 512};
    struct verifier_outcome figures;
    good &= verifier_check(&input, scratch, NULL, NULL, &figures) && figures.calls_named == slots[i / 2].named;
    input.calls = slots[i / 2].slot;
    good &= !verifier_check(&input, scratch, NULL, NULL, &figures) && figures.calls_named == 0;
    input.calls = slots[i / 2].slot + 1;
    good &= verifier_check(&input, scratch, NULL, NULL, &figures);
  }
  expect(good, "slots of the entry table, each at its limit");
  /* What does not fit the code asks for no feature and names no call. */
  struct outcome outcome = run("\xc5\xfc\x58", 3, 29, 32, false);
  expect(!outcome.accepted && outcome.figures.features == 0, "an instruction that is cut off asks for no feature");
  outcome = run("\x41\xff\x96\x00\x00\x01", 6, 26, 32, false);
  expect(!outcome.accepted && outcome.figures.calls_named == 0, "a call that is cut off names no slot");
  outcome = run("\x41\xff\x96\x00\x00\x01\x00", 7, 26, 64, false);
  expect(!outcome.accepted && outcome.figures.calls_named == 0, "a call across bundles names no slot");
  outcome = run("\xeb\x00", 2, 30, 32, false);
  expect(!outcome.accepted && is(&outcome, 0, 30, 2, VERIFIER_RULE_TARGET), "a branch to the end of the code");
  outcome = run("\xc5\xfc\x58\xc1", 4, 29, 64, false);
  expect(!outcome.accepted && outcome.figures.features == 0, "an instruction across bundles asks for no feature");
  outcome = run("\xc5\xfc\x58", 3, 37, 40, false);
  expect(!outcome.accepted && outcome.figures.features == 0, "nor one that is cut off inside a bundle");
  outcome = run("\xeb\x3e", 2, 0, 64, false);
  expect(is(&outcome, 0, 0, 2, VERIFIER_RULE_TARGET), "a branch to the end of 64 bytes of code");
  outcome = run("\xeb\xff", 2, 31, 64, false);
  expect(is(&outcome, 0, 31, 2, VERIFIER_RULE_STRADDLE), "a branch across bundles");
}

static void test_names(void) {
  expect(strcmp(verifier_rule_label(VERIFIER_RULE_TRUNCATED), "truncated") == 0 &&
             strcmp(verifier_rule_label(VERIFIER_RULE_LAYOUT), "layout") == 0 &&
             strcmp(verifier_rule_label(VERIFIER_RULE_COUNT), "unknown") == 0 &&
             strcmp(verifier_rule_label(-1), "unknown") == 0 &&
             strcmp(verifier_rule_text(VERIFIER_RULE_COUNT), "unknown") == 0 &&
             strcmp(verifier_rule_text(-1), "unknown") == 0 &&
             strcmp(verifier_rule_text(VERIFIER_RULE_UNLISTED), "the instruction is not on the allow-list") == 0,
         "names of rules, and of what is none");
}

int main(void) {
  test_lengths();
  test_bundles();
  test_second_pass();
  test_targets();
  test_ends();
  test_maps();
  test_layout();
  test_figures();
  test_names();
  printf("1..%d\n", number);
  return failures != 0;
}
