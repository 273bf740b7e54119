/* What verifier.h promises besides verdicts: scratch memory, layout, the outcome's figures, reports that go on after a
 * violation, questions about targets. Runs under the sanitizers, with buffers of exactly the size asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/verifier.h"

enum { BASE = 0x20000 };

static int number, failures;

static void expect(bool good, const char *what) {
  printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
  failures += !good;
}

struct heard {
  int count;
  struct verifier_violation violations[64];
};

static void hear(void *context, const struct verifier_violation *violation) {
  struct heard *heard = context;
  if (heard->count < 64)
    heard->violations[heard->count] = *violation;
  heard->count++;
}

static bool is(const struct heard *heard, int i, uint32_t offset, enum verifier_rule rule) {
  return i < heard->count && heard->violations[i].offset == offset && heard->violations[i].rule == rule;
}

/* Verifies `length` bytes: `bytes`, then nops. The caller frees *scratch. */
static bool run(const void *bytes, size_t size, size_t length, uint32_t offset, uint32_t calls, struct heard *heard,
                struct verifier_outcome *outcome, void **scratch) {
  uint8_t *code = malloc(length + !length);
  memset(code, 0x90, length);
  memcpy(code, bytes, size);
  struct verifier_input input = {.code = code, .length = length, .offset = offset, .calls = calls};
  void *memory = malloc(verifier_scratch_size(length) + !length);
  memset(memory, 0xff, verifier_scratch_size(length)); /* what was there must not matter */
  memset(heard, 0, sizeof *heard);
  memset(outcome, 0xff, sizeof *outcome);
  bool accepted = verifier_check(&input, memory, hear, heard, outcome);
  free(code);
  if (scratch)
    *scratch = memory;
  else
    free(memory);
  return accepted;
}

static void test_layout(void) {
  struct heard heard;
  struct verifier_outcome outcome;
  expect(run("", 0, 0, BASE, 30, &heard, &outcome, NULL) && outcome.instructions == 0, "empty code");
  expect(!run("", 0, 33, BASE, 30, &heard, &outcome, NULL) && is(&heard, 0, BASE, VERIFIER_RULE_LAYOUT),
         "a length that is not a multiple of a bundle");
  expect(!run("", 0, 32, BASE + 16, 30, &heard, &outcome, NULL) && is(&heard, 0, BASE + 16, VERIFIER_RULE_LAYOUT),
         "an offset that is not a multiple of a bundle");
  expect(run("", 0, 64, 0x80000000 - 64, 30, &heard, &outcome, NULL), "code up to its limit");
  expect(!run("", 0, 64, 0x80000000 - 32, 30, &heard, &outcome, NULL) &&
             heard.violations[0].rule == VERIFIER_RULE_LAYOUT,
         "code past its limit");
  expect(!run("", 0, 64, 0xffffffe0, 30, &heard, &outcome, NULL) && heard.violations[0].rule == VERIFIER_RULE_LAYOUT,
         "code past the window");
  /* A length that no memory holds: refused before anything is read or the scratch memory is written. */
  struct verifier_input input = {.code = NULL, .length = UINT64_MAX & ~31ull, .offset = BASE, .calls = 30};
  uint64_t nothing = 0;
  expect(!verifier_check(&input, &nothing, NULL, NULL, &outcome) && outcome.violations == 1 && nothing == 0,
         "a length of almost 2^64");
  bool enough = true;
  for (uint64_t length = 0; length < 5000; length++)
    enough &= verifier_scratch_size(length) >= length / 4 && verifier_scratch_size(length) <= length / 4 + 16 &&
              verifier_scratch_size(length) % 8 == 0;
  expect(enough, "scratch memory is a quarter of the code");
}

/* Where %rip can reach the window's ends: from the last code, and from the first. */
static void test_rip(void) {
  struct heard heard;
  struct verifier_outcome outcome;
  static const uint8_t last[] = {0x8b, 0x05, 0xda, 0xff, 0xff, 0x7f};    /* mov 0x7fffffda(%rip),%eax: 0xffffffc0 */
  static const uint8_t beyond[] = {0x8b, 0x05, 0xdb, 0xff, 0xff, 0x7f};  /* one more */
  static const uint8_t first[] = {0x8b, 0x05, 0xfa, 0xff, 0xff, 0xff};   /* mov -6(%rip),%eax: 0 */
  static const uint8_t below[] = {0x8b, 0x05, 0xf9, 0xff, 0xff, 0xff};   /* one less */
  static const uint8_t address[] = {0x8d, 0x05, 0xff, 0xff, 0xff, 0x7f}; /* lea 0x7fffffff(%rip),%eax */
  const uint32_t top = 0x80000000 - 32;
  expect(run(last, 6, 32, top, 30, &heard, &outcome, NULL), "%rip may reach 0xffffffc0");
  expect(!run(beyond, 6, 32, top, 30, &heard, &outcome, NULL) && is(&heard, 0, top, VERIFIER_RULE_RIP),
         "%rip may not reach further");
  expect(run(first, 6, 32, 0, 30, &heard, &outcome, NULL), "%rip may reach 0");
  expect(!run(below, 6, 32, 0, 30, &heard, &outcome, NULL) && is(&heard, 0, 0, VERIFIER_RULE_RIP),
         "%rip may not reach below");
  expect(run(address, 6, 32, top, 30, &heard, &outcome, NULL), "lea may compute any address");
}

static void test_outcome(void) {
  struct heard heard;
  struct verifier_outcome outcome;
  static const uint8_t calls[] = {0x41, 0xff, 0x96, 0x00, 0x00, 0x01, 0x00, /* call *0x10000(%r14) */
                                  0x41, 0xff, 0xa6, 0xe8, 0x00, 0x01, 0x00, /* jmp *0x100e8(%r14) */
                                  0xc5, 0xfc, 0x58, 0xc1,                   /* vaddps %ymm1,%ymm0,%ymm0 */
                                  0xc4, 0xe2, 0xf8, 0xf3, 0xc8,             /* blsr %rax,%rax */
                                  0x83, 0xc4, 0x08, 0x4c, 0x09, 0xf4};      /* add $8,%esp; or %r14,%rsp */
  bool accepted = run(calls, sizeof calls, 32, BASE, 30, &heard, &outcome, NULL);
  expect(accepted && outcome.violations == 0 && heard.count == 0, "the code of this test is accepted");
  expect(outcome.calls_named == (1ull | 1ull << 29), "the calls that code names are told");
  expect(outcome.features == (1u << 5 | 1u << 8), "the features that code needs are told: AVX and BMI1");
  expect(outcome.instructions == 6 + 3, "each part of a sequence counts as an instruction");
  expect(!run(calls, sizeof calls, 32, BASE, 29, &heard, &outcome, NULL) &&
             is(&heard, 0, BASE + 7, VERIFIER_RULE_ENTRY),
         "a slot is refused when the table is shorter");
  expect(!run(calls, sizeof calls, 32, BASE, 0, &heard, &outcome, NULL) && is(&heard, 0, BASE, VERIFIER_RULE_ENTRY),
         "every slot is refused when there is no table");
  static const uint8_t far[] = {0x41, 0xff, 0x96, 0xf8, 0x0f, 0x01, 0x00}; /* call *0x10ff8(%r14), slot 511 */
  expect(run(far, sizeof far, 32, BASE, 512, &heard, &outcome, NULL),
         "a slot past the 64th does not disturb the record");
}

static void test_reports(void) {
  struct heard heard;
  struct verifier_outcome outcome;
  uint8_t code[128];
  memset(code, 0x90, sizeof code);
  memcpy(code, "\x0f\x05\xc3", 3);      /* bundle 0: syscall; ret */
  memcpy(code + 32, "\xeb\x7c", 2);     /* bundle 1: jmp out of the code */
  memcpy(code + 40, "\x49\x89\xc6", 3); /* and mov %rax,%r14 */
  memcpy(code + 64, "\xeb\x21", 2);     /* bundle 2: jmp into bundle 3's instruction */
  memcpy(code + 96, "\x0f\x1f\x40\x00", 4);
  bool accepted = run(code, sizeof code, sizeof code, BASE, 30, &heard, &outcome, NULL);
  expect(!accepted && heard.count == 4 && outcome.violations == 4,
         "one run tells all violations, the first of each bundle");
  expect(is(&heard, 0, BASE, VERIFIER_RULE_UNLISTED) && is(&heard, 1, BASE + 40, VERIFIER_RULE_RESERVED),
         "first the instructions");
  expect(is(&heard, 2, BASE + 32, VERIFIER_RULE_TARGET) && is(&heard, 3, BASE + 64, VERIFIER_RULE_TARGET),
         "then the branches, with their own addresses");
  expect(heard.violations[1].length == 3 && heard.violations[2].length == 2, "with the length of the instruction");
}

static void test_targets(void) {
  struct heard heard;
  struct verifier_outcome outcome;
  static const uint8_t code[] = {0x89, 0xc8,                                     /* mov %ecx,%eax */
                                 0x83, 0xe0, 0xe0, 0x4c, 0x09, 0xf0, 0xff, 0xe0, /* indirect sequence */
                                 0x89, 0xcc, 0x4c, 0x09, 0xf4};                  /* stack sequence */
  void *scratch;
  struct verifier_input input = {.length = 64, .offset = BASE, .calls = 30};
  bool accepted = run(code, sizeof code, 64, BASE, 30, &heard, &outcome, &scratch);
  bool right = accepted;
  for (uint64_t i = 0; i < 64; i++) {
    bool start = i == 0 || i == 2 || i == 10 || i >= sizeof code;
    right &= verifier_is_target(&input, scratch, BASE + i) == start;
  }
  expect(right, "targets are the starts of instructions and of sequences");
  expect(!verifier_is_target(&input, scratch, BASE - 1) && !verifier_is_target(&input, scratch, BASE + 64) &&
             !verifier_is_target(&input, scratch, 0) && !verifier_is_target(&input, scratch, UINT64_MAX) &&
             !verifier_is_target(&input, scratch, (1ull << 32) + BASE),
         "nothing outside the code is a target");
  free(scratch);
}

static void test_names(void) {
  bool good = true;
  for (int i = 0; i < VERIFIER_RULE_COUNT; i++) {
    good &= strlen(verifier_rule_label(i)) > 2 && strlen(verifier_rule_text(i)) > 10;
    for (int j = 0; j < i; j++)
      good &= strcmp(verifier_rule_label(i), verifier_rule_label(j)) != 0;
  }
  good &= verifier_rule_label(VERIFIER_RULE_COUNT) != NULL && verifier_rule_text(1000) != NULL;
  expect(good, "each rule has a name and a sentence");
}

int main(void) {
  test_layout();
  test_rip();
  test_outcome();
  test_reports();
  test_targets();
  test_names();
  printf("1..%d\n", number);
  return failures != 0;
}
