/* Runs the hand-made code of cases.h through the verifier: the verdict, the rule and the address must be as written
 * there. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "verifier/verifier.h"

/* cases.h is read twice: to assemble each case into a section of its own, and to list them. */
#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)
#define CODE(line, code)                                                                                               \
  __asm__(".pushsection .rodata, \"a\"\n .balign 32\n case_" STRING_OF(line) ":\n" code "\n case_end_" STRING_OF(      \
      line) ":\n.popsection\n");
#define ACCEPT(what, code) CODE(__LINE__, code)
#define REJECT(rule, offset, what, code) CODE(__LINE__, code)
#define PARALLEL(rule, offset, what, code) CODE(__LINE__, code)
#include "tests/verifier/cases.h"
#undef ACCEPT
#undef REJECT
#undef PARALLEL

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ACCEPT(what, code) extern const uint8_t JOIN(case_, __LINE__)[], JOIN(case_end_, __LINE__)[];
#define REJECT(rule, offset, what, code) ACCEPT(what, code)
#define PARALLEL(rule, offset, what, code) ACCEPT(what, code)
#include "tests/verifier/cases.h"
#undef ACCEPT
#undef REJECT
#undef PARALLEL

static const struct example {
  const char *what, *code;
  const uint8_t *start, *end;
  bool accept, parallel;
  uint32_t offset;
  enum verifier_rule rule;
} examples[] = {
#define BOUNDS JOIN(case_, __LINE__), JOIN(case_end_, __LINE__)
#define ACCEPT(what, code) {what, code, BOUNDS, true, false, 0, VERIFIER_RULE_COUNT},
#define REJECT(rule, offset, what, code) {what, code, BOUNDS, false, false, offset, VERIFIER_RULE_##rule},
#define PARALLEL(rule, offset, what, code) {what, code, BOUNDS, false, true, offset, VERIFIER_RULE_##rule},
#include "tests/verifier/cases.h"
};

enum { BASE = 0x20000, ROOM = 512 };

struct first {
  struct verifier_violation violation;
  bool seen;
};

static void keep_first(void *context, const struct verifier_violation *violation) {
  struct first *first = context;
  if (!first->seen)
    first->violation = *violation;
  first->seen = true;
}

int main(void) {
  const int count = sizeof examples / sizeof *examples;
  int failures = 0;
  bool rules[VERIFIER_RULE_COUNT] = {false};
  for (int i = 0; i < count; i++) {
    const struct example *example = &examples[i];
    uint8_t code[ROOM];
    size_t size = (size_t)(example->end - example->start), length = (size + 31) / 32 * 32;
    uint64_t scratch[2 * ROOM / 64];
    if (length > ROOM) {
      printf("Bail out! %s is too long\n", example->what);
      return 1;
    }
    memset(code, 0x90, sizeof code);
    memcpy(code, example->start, size);
    struct verifier_input input = {
        .code = code, .length = length, .offset = BASE, .calls = 30, .parallel = example->parallel};
    struct verifier_outcome outcome;
    struct first first = {.seen = false};
    bool accepted = verifier_check(&input, scratch, keep_first, &first, &outcome);
    bool as_wanted = accepted == example->accept && first.seen == !accepted &&
                     (accepted || (first.violation.rule == example->rule &&
                                   first.violation.offset == BASE + example->offset && first.violation.length >= 1));
    if (!accepted)
      rules[first.violation.rule] = true;
    printf("%s %d - %s%s\n", as_wanted ? "ok" : "not ok", i + 1, example->accept ? "accepts " : "rejects ",
           example->what);
    if (!as_wanted) {
      failures++;
      printf("# %s\n", example->code);
      if (first.seen)
        printf("# found %s at %u, length %u\n", verifier_rule_label(first.violation.rule),
               first.violation.offset - BASE, first.violation.length);
    }
  }
  for (int rule = 0; rule < VERIFIER_RULE_COUNT; rule++) {
    bool covered = rules[rule] || rule == VERIFIER_RULE_LAYOUT; /* the layout's tests are in interface.c */
    printf("%s %d - some case breaks the rule %s\n", covered ? "ok" : "not ok", count + rule + 1,
           verifier_rule_label(rule));
    failures += !covered;
  }
  printf("1..%d\n", count + VERIFIER_RULE_COUNT);
  return failures != 0;
}
