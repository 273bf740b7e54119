/* The verifier's walk over a code segment: bundles, guarded sequences, branches and their targets. verifier.h is its
 * interface and says who may call it. Two passes: the first checks instructions and notes where instructions start and
 * where branches go; only if a branch goes wrong does the second look for the branches that do. */
#include "verifier/verifier.h"

#include <signet/layout.h>

#include "verifier/decode.h"

struct walk {
  const struct verifier_input *input;
  uint8_t *starts;  /* bit per byte of code: an instruction that may be branched to starts here */
  uint8_t *targets; /* bit per byte of code: a branch goes here */
  verifier_report *report;
  void *context;
  struct verifier_outcome outcome;
  uint64_t previous; /* in the first pass: where the instruction before this one starts; or NOWHERE */
  bool second;       /* the second pass */
  bool wrong_target; /* some branch leaves the segment */
};
#define NOWHERE UINT64_MAX

/* What stands at one place: its length and instructions, or the rule it breaks. */
struct unit {
  unsigned length, instructions;
  enum verifier_rule rule;
};

static void mark(uint8_t *bits, uint64_t at) { bits[at >> 3] |= 1u << (at & 7); }
static bool marked(const uint8_t *bits, uint64_t at) { return bits[at >> 3] >> (at & 7) & 1; }

static void violate(struct walk *walk, uint64_t at, unsigned length, enum verifier_rule rule) {
  walk->outcome.violations++;
  struct verifier_violation violation = {
      .offset = (uint32_t)(walk->input->offset + at), .length = (uint8_t)length, .rule = rule};
  if (walk->report)
    walk->report(walk->context, &violation);
}

static enum verifier_rule check_branch(struct walk *walk, const struct decoded *d, const uint8_t *code, uint64_t at) {
  int64_t distance;
  if (d->form->immediate == 1) {
    distance = (int8_t)code[d->length - 1];
  } else {
    uint32_t low;
    __builtin_memcpy(&low, code + d->length - 4, sizeof low);
    distance = (int32_t)low;
  }
  uint64_t target = at + d->length + (uint64_t)distance; /* wraps below zero to a number past the length */
  bool inside = target < walk->input->length;
  if (walk->second)
    return inside && marked(walk->starts, target) ? RULE_NONE : VERIFIER_RULE_TARGET;
  if (inside)
    mark(walk->targets, target);
  else
    walk->wrong_target = true;
  return RULE_NONE;
}

/* A branch through a register or memory outside the indirect sequence: only through the entry table, in one encoding.
 */
static enum verifier_rule check_indirect(struct walk *walk, const struct decoded *d, const uint8_t *code) {
  if (d->modrm >= 0xc0) {
    bool middle = walk->previous != NOWHERE && sequence_indirect_middle(walk->input->code + walk->previous);
    return middle ? VERIFIER_RULE_SEQUENCE : VERIFIER_RULE_INDIRECT;
  }
  if (code[0] != 0x41 || (code[2] != 0x96 && code[2] != 0xa6))
    return VERIFIER_RULE_INDIRECT;
  int64_t place = (int64_t)d->displacement - SIGNET_ENTRY_TABLE;
  if (place < 0 || place % 8 != 0 || place / 8 >= walk->input->calls)
    return VERIFIER_RULE_ENTRY;
  if (place / 8 < 64)
    walk->outcome.calls_named |= 1ull << place / 8;
  return RULE_NONE;
}

static struct unit check_instruction(struct walk *walk, const uint8_t *code, uint64_t at) {
  struct decoded d;
  enum verifier_rule rule = decode(code, &d);
  if (rule != RULE_NONE)
    return (struct unit){d.length, 1, rule};
  /* Before anything is recorded of it: bytes past the end of the code are not its own. */
  if (at + d.length > walk->input->length || (at & (SIGNET_BUNDLE - 1)) + d.length > SIGNET_BUNDLE)
    return (struct unit){d.length, 1, RULE_NONE};
  switch (d.form->kind) {
  case FORM_INDIRECT:
    rule = check_indirect(walk, &d, code);
    break;
  case FORM_RETURN:
    rule = VERIFIER_RULE_RETURN;
    break;
  case FORM_STRING:
    rule = VERIFIER_RULE_STRING;
    break;
  default:
    break;
  }
  if (rule == RULE_NONE)
    rule = check_operands(&d, walk->input->offset + at + d.length);
  if (rule == VERIFIER_RULE_STACK && sequence_stack_head(&d)) {
    unsigned tail = sequence_stack_tail(code + d.length);
    return (struct unit){d.length + tail, 2, tail ? RULE_NONE : VERIFIER_RULE_SEQUENCE};
  }
  if (rule == RULE_NONE && d.form->kind == FORM_BRANCH)
    rule = check_branch(walk, &d, code, at);
  walk->outcome.features |= d.form->features;
  return (struct unit){d.length, 1, rule};
}

/* The instruction or guarded sequence at `code`. */
static struct unit check_unit(struct walk *walk, const uint8_t *code, uint64_t at) {
  unsigned literal = decode_literal(code);
  if (literal)
    return (struct unit){literal, 1, RULE_NONE};
  struct sequence sequence = sequence_at(code);
  if (sequence.length) {
    bool refused = sequence.returns && walk->input->parallel;
    return (struct unit){sequence.length, sequence.instructions, refused ? VERIFIER_RULE_RETURN : RULE_NONE};
  }
  return check_instruction(walk, code, at);
}

/* One unit: returns where the next begins. */
static uint64_t step(struct walk *walk, uint64_t at) {
  const struct verifier_input *input = walk->input;
  uint64_t left = input->length - at;
  uint8_t tail[DECODE_READABLE];
  const uint8_t *code = input->code + at;
  if (left < DECODE_READABLE) {
    for (unsigned i = 0; i < DECODE_READABLE; i++)
      tail[i] = i < left ? code[i] : 0;
    code = tail;
  }
  struct unit unit = check_unit(walk, code, at);
  unsigned room = SIGNET_BUNDLE - (at & (SIGNET_BUNDLE - 1));
  if (unit.length > left) {
    unit.rule = VERIFIER_RULE_TRUNCATED;
    unit.length = (unsigned)left;
  } else if (unit.length > room && unit.rule == RULE_NONE) {
    unit.rule = VERIFIER_RULE_STRADDLE;
  }
  if (unit.rule != RULE_NONE) {
    if (!walk->second || unit.rule == VERIFIER_RULE_TARGET)
      violate(walk, at, unit.length, unit.rule);
    walk->previous = NOWHERE;
    return at + (unit.rule == VERIFIER_RULE_TARGET ? unit.length : room);
  }
  if (!walk->second) {
    mark(walk->starts, at);
    walk->outcome.instructions += unit.instructions;
  }
  walk->previous = at;
  return at + unit.length;
}

static bool check_layout(struct walk *walk) {
  const struct verifier_input *input = walk->input;
  bool placed = input->offset % SIGNET_BUNDLE == 0 && input->offset <= SIGNET_CODE_HIGH &&
                input->length <= SIGNET_CODE_HIGH - input->offset;
  if (!placed || input->length % SIGNET_BUNDLE)
    violate(walk, 0, 1, VERIFIER_RULE_LAYOUT);
  return placed;
}

size_t verifier_scratch_size(uint64_t length) { return (size_t)((length / 64 + (length % 64 != 0)) * 16); }

bool verifier_check(const struct verifier_input *input, void *scratch, verifier_report *report, void *context,
                    struct verifier_outcome *outcome) {
  size_t words = verifier_scratch_size(input->length) / 16;
  uint64_t *starts = scratch, *targets = starts + words;
  struct walk walk = {.input = input,
                      .starts = (uint8_t *)starts,
                      .targets = (uint8_t *)targets,
                      .report = report,
                      .context = context,
                      .previous = NOWHERE};
  bool placed = check_layout(&walk);
  for (size_t i = 0; placed && i < words; i++)
    starts[i] = targets[i] = 0;
  for (uint64_t at = 0; placed && at < input->length;)
    at = step(&walk, at);

  bool wrong = walk.wrong_target;
  for (size_t i = 0; placed && i < words; i++)
    wrong |= (targets[i] & ~starts[i]) != 0;
  if (wrong) {
    walk.second = true;
    for (uint64_t at = 0; at < input->length;)
      at = step(&walk, at);
  }
  *outcome = walk.outcome;
  return walk.outcome.violations == 0;
}

bool verifier_is_target(const struct verifier_input *input, const void *scratch, uint64_t offset) {
  uint64_t at = offset - input->offset; /* below the code it wraps to a number past the length */
  return at < input->length && marked(scratch, at);
}

static const struct {
  const char *label, *text;
} rules[] = {
#define RULE_TEXT(name, label, text) {label, text},
    VERIFIER_RULES(RULE_TEXT)
#undef RULE_TEXT
};

const char *verifier_rule_label(enum verifier_rule rule) {
  return (unsigned)rule < VERIFIER_RULE_COUNT ? rules[rule].label : "unknown";
}

const char *verifier_rule_text(enum verifier_rule rule) {
  return (unsigned)rule < VERIFIER_RULE_COUNT ? rules[rule].text : "unknown";
}
