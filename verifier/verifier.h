/* The verifier: says whether machine code obeys docs/machine-code.md. Freestanding, allocates nothing, has no state;
 * any thread may call it at any time. Used by the kernel at load time and by the tools. Its input is hostile. */
#ifndef VERIFIER_VERIFIER_H
#define VERIFIER_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rules, in the order of docs/machine-code.md; the names and sentences are what the tools print. */
#define VERIFIER_RULES(X)                                                                                              \
  X(TRUNCATED, "truncated", "the instruction is cut off by the end of the code")                                       \
  X(STRADDLE, "bundle-straddle", "the instruction or guarded sequence crosses the end of a 32-byte bundle")            \
  X(UNLISTED, "unlisted", "the instruction is not on the allow-list")                                                  \
  X(PREFIX, "prefix", "a prefix is repeated, out of order, or not permitted here")                                     \
  X(RESERVED, "reserved-register", "it writes %r14, the base of the window")                                           \
  X(STACK, "stack-pointer", "it writes %rsp outside a guarded stack sequence")                                         \
  X(MEMORY, "memory-operand", "the memory operand could leave the window")                                             \
  X(RIP, "rip-target", "the rip-relative address is outside the window")                                               \
  X(SEQUENCE, "guarded-sequence", "a guarded sequence is incomplete or uses different registers")                      \
  X(RETURN, "return", "a return that is not masked as the image's rule asks")                                          \
  X(INDIRECT, "indirect-branch", "an indirect branch that is not masked, or not through the entry table")              \
  X(ENTRY, "entry-table", "a call of the kernel through a slot that the entry table does not have")                    \
  X(TARGET, "branch-target", "the branch goes where no verified instruction starts, or into a guarded sequence")       \
  X(STRING, "string", "a string instruction outside its guarded sequence")                                             \
  X(LAYOUT, "layout", "the code's offset or length is not a multiple of the bundle, or reaches past its limit")

enum verifier_rule {
#define VERIFIER_RULE_ENUM(name, label, text) VERIFIER_RULE_##name,
  VERIFIER_RULES(VERIFIER_RULE_ENUM)
#undef VERIFIER_RULE_ENUM
      VERIFIER_RULE_COUNT
};

struct verifier_violation {
  uint32_t offset; /* in the window */
  uint8_t length;  /* bytes of the instruction as far as it was understood, at least 1 */
  enum verifier_rule rule;
};

/* Called for each violation, in ascending order within each of the two passes (instructions, then branch targets). */
typedef void verifier_report(void *context, const struct verifier_violation *violation);

struct verifier_input {
  const uint8_t *code; /* must not change during the call */
  uint64_t length;
  uint32_t offset; /* of code[0] in the window */
  uint32_t calls;  /* slots in the entry table */
  bool parallel;   /* hold it to the parallel rule */
};

/* Processor features that code needs beyond x86-64 with SSE2. */
#define VERIFIER_FEATURES(X)                                                                                           \
  X(SSE3, 0, "sse3")                                                                                                   \
  X(SSSE3, 1, "ssse3")                                                                                                 \
  X(SSE4_1, 2, "sse4.1")                                                                                               \
  X(SSE4_2, 3, "sse4.2")                                                                                               \
  X(POPCNT, 4, "popcnt")                                                                                               \
  X(AVX, 5, "avx")                                                                                                     \
  X(AVX2, 6, "avx2")                                                                                                   \
  X(FMA, 7, "fma")                                                                                                     \
  X(BMI1, 8, "bmi1")                                                                                                   \
  X(BMI2, 9, "bmi2")                                                                                                   \
  X(LZCNT, 10, "lzcnt")                                                                                                \
  X(MOVBE, 11, "movbe")                                                                                                \
  X(F16C, 12, "f16c")                                                                                                  \
  X(AES, 13, "aes")                                                                                                    \
  X(PCLMUL, 14, "pclmulqdq")                                                                                           \
  X(SHA, 15, "sha")                                                                                                    \
  X(ADX, 16, "adx")                                                                                                    \
  X(CX16, 17, "cx16")                                                                                                  \
  X(RDRAND, 18, "rdrand")                                                                                              \
  X(RDSEED, 19, "rdseed")                                                                                              \
  X(VAES, 20, "vaes")                                                                                                  \
  X(VPCLMUL, 21, "vpclmulqdq")                                                                                         \
  X(GFNI, 22, "gfni")

enum verifier_feature {
#define VERIFIER_FEATURE_ENUM(name, bit, text) VERIFIER_FEATURE_##name = bit,
  VERIFIER_FEATURES(VERIFIER_FEATURE_ENUM)
#undef VERIFIER_FEATURE_ENUM
};

struct verifier_outcome {
  uint64_t violations;
  uint64_t instructions;
  uint64_t calls_named; /* bit N: the code names slot N of the entry table */
  uint32_t features;    /* bit per VERIFIER_FEATURES */
};

/* Bytes of scratch memory that verifier_check needs for `length` bytes of code; 8-byte aligned. About length / 4. */
size_t verifier_scratch_size(uint64_t length);

/* True if the code obeys every rule. `report` may be NULL. After true, `scratch` answers verifier_is_target. After the
 * first violation checking goes on at the next bundle start, so that one run shows them all. */
bool verifier_check(const struct verifier_input *input, void *scratch, verifier_report *report, void *context,
                    struct verifier_outcome *outcome);

/* True if `offset` is the start of an instruction that may be branched to, in code that verifier_check passed with this
 * scratch memory. */
bool verifier_is_target(const struct verifier_input *input, const void *scratch, uint64_t offset);

/* The printed name and sentence of a rule. */
const char *verifier_rule_label(enum verifier_rule rule);
const char *verifier_rule_text(enum verifier_rule rule);

#endif
