/* Random programs: pieces of every kind that docs/machine-code.md permits, put into bundles, and near misses of them.
 * Called by the executors. No state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/layout.h>

#include "tests/execution/instruction.h"
#include "tests/execution/program.h"
#include "verifier/verifier.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R14 = 14, UNITS_MOST = PROGRAM_CODE_MOST, BRANCHES_MOST = 256 };

struct composition {
  struct random random;
  struct program *program;
  uint32_t features, at;
  uint32_t units, starts[UNITS_MOST]; /* where a branch may go */
  uint32_t branches;
  struct {
    uint32_t end, length; /* of the displacement */
  } branch[BRANCHES_MOST];
};

static void nops(struct composition *c, uint32_t length) {
  while (length--) {
    c->starts[c->units++] = c->at;
    c->program->code[c->at++] = 0x90;
  }
}

static uint32_t room(const struct composition *c) { return SIGNET_BUNDLE - c->at % SIGNET_BUNDLE; }

/* -> false if the program is full. */
static bool place(struct composition *c, struct piece *piece) {
  if (piece->length > room(c))
    nops(c, room(c));
  if (c->at + piece->length > c->program->length)
    return false;
  if (piece->rip) {
    uint32_t displacement = piece->rip_target - (PROGRAM_CODE + c->at + piece->length);
    memcpy(piece->bytes + piece->rip, &displacement, sizeof displacement);
  }
  c->starts[c->units++] = c->at;
  memcpy(c->program->code + c->at, piece->bytes, piece->length);
  c->at += piece->length;
  return true;
}

static void append(struct piece *piece, const void *bytes, unsigned length) {
  memcpy(piece->bytes + piece->length, bytes, length);
  piece->length = (uint8_t)(piece->length + length);
}
#define APPEND(piece, ...) append(piece, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Where the stack may be; at worst at one of the window's ends. */
static uint32_t stack_place(struct random *random) {
  switch (random_below(random, 8)) {
  case 0:
    return random_place(random);
  case 1:
    return 8 * (random_below(random, 64) - 32);
  default:
    return PROGRAM_STACK - 8 * random_below(random, PROGRAM_DATA_LENGTH / 16);
  }
}

/* mov $value,%e__ */
static void set_low(struct composition *c, unsigned number, uint32_t value) {
  struct piece piece = {0};
  if (number & 8)
    APPEND(&piece, 0x41);
  APPEND(&piece, 0xb8 | (number & 7));
  append(&piece, &value, sizeof value);
  place(c, &piece);
}

/* mov $value,%r__ */
static void set_whole(struct composition *c, unsigned number, uint64_t value) {
  struct piece piece = {0};
  APPEND(&piece, 0x48 | number >> 3, 0xb8 | (number & 7));
  append(&piece, &value, sizeof value);
  place(c, &piece);
}

static unsigned scratch_register(struct composition *c) {
  for (;;) {
    unsigned number = random_below(&c->random, 16);
    if (number != RSP && number != R14)
      return number;
  }
}

static void instruction(struct composition *c, enum instruction_class class) {
  struct piece piece;
  instruction_random(&c->random, &piece, class, c->features);
  if (piece.base)
    set_low(c, piece.base - 1u, piece.base_value);
  place(c, &piece);
}

static void stack(struct composition *c) {
  struct random *random = &c->random;
  struct piece piece = {0};
  static const uint8_t store[] = {0x89, 0x01, 0x29, 0x21}, load[] = {0x8b, 0x03, 0x2b, 0x23},
                       groups[] = {0xc4, 0xec, 0xe4};
  unsigned number = random_below(random, 16), operation = random_below(random, 4);
  uint32_t value = stack_place(random);
  bool moves = random_once(random, 2);
  if (moves && number != RSP && number != R14) {
    operation = 0;
    if (random_once(random, 2))
      set_low(c, number, value);
    else
      set_whole(c, number, random_next(random) << 32 | value);
  }
  switch (moves ? random_below(random, 2) : random_below(random, 5)) {
  case 0:
    if ((number & 8) || random_once(random, 4))
      APPEND(&piece, 0x40 | (number & 8 ? 4 : 0));
    APPEND(&piece, store[operation], 0xc4 | (number & 7) << 3);
    break;
  case 1:
    if ((number & 8) || random_once(random, 4))
      APPEND(&piece, 0x40 | number >> 3);
    APPEND(&piece, load[operation], 0xe0 | (number & 7));
    break;
  case 2:
    APPEND(&piece, 0x83, groups[random_below(random, 3)], (uint8_t)random_next(random));
    break;
  case 3: {
    uint32_t number32 = random_once(random, 2) ? (uint32_t)random_hostile(random) : random_below(random, 0x2000) & ~15u;
    APPEND(&piece, 0x81, groups[random_below(random, 3)]);
    append(&piece, &number32, sizeof number32);
    break;
  }
  default: { /* lea */
    unsigned mod = random_below(random, 3), rm = random_below(random, 8), sib = random_below(random, 256);
    uint32_t displacement = random_once(random, 2) ? value : (uint32_t)random_hostile(random);
    if (random_once(random, 2))
      APPEND(&piece, 0x40 | random_below(random, 4));
    APPEND(&piece, 0x8d, mod << 6 | RSP << 3 | rm);
    if (rm == 4)
      APPEND(&piece, sib);
    unsigned base = rm == 4 ? sib & 7 : rm;
    append(&piece, &displacement, mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0);
  }
  }
  switch (random_below(random, 3)) {
  case 0:
    APPEND(&piece, 0x4c, 0x09, 0xf4);
    break;
  case 1:
    APPEND(&piece, 0x4c, 0x01, 0xf4);
    break;
  default:
    APPEND(&piece, 0x4a, 0x8d, 0x24, 0x34);
  }
  place(c, &piece);
  if (random_once(random, 3)) { /* where the program finds memory again */
    struct piece back = {0};
    uint32_t top = PROGRAM_STACK - 64 * (1 + random_below(random, 64));
    set_low(c, RBP, top);
    APPEND(&back, 0x89, 0xec, 0x4c, 0x09, 0xf4);
    place(c, &back);
  }
}

/* An offset to which a masked branch may lead: mostly a bundle of the code, with low bits that the mask takes off. */
static uint64_t indirect_target(struct composition *c) {
  struct random *random = &c->random;
  uint32_t from = random_once(random, 4) ? 0 : c->at; /* forward, so that few programs run for ever */
  uint64_t target = random_once(random, 8)
                        ? random_place(random)
                        : PROGRAM_CODE + from + random_below(random, c->program->length + SIGNET_BUNDLE - from);
  return random_once(random, 2) ? target : random_next(random) << 32 | target;
}

static void indirect(struct composition *c) {
  struct random *random = &c->random;
  struct piece piece = {0};
  unsigned number = scratch_register(c), high = number >> 3, low = number & 7;
  if (!random_once(random, 6))
    set_whole(c, number, indirect_target(c));
  if (high)
    APPEND(&piece, 0x41);
  APPEND(&piece, 0x83, 0xe0 | low, 0xe0, 0x4c | high, random_once(random, 2) ? 0x01 : 0x09, 0xf0 | low);
  if (high)
    APPEND(&piece, 0x41);
  APPEND(&piece, 0xff, (random_once(random, 3) ? 0xd0 : 0xe0) | low);
  place(c, &piece);
}

static void masked_return(struct composition *c) {
  struct random *random = &c->random;
  if (c->program->parallel) {
    indirect(c);
    return;
  }
  if (!random_once(random, 4)) {
    unsigned number = scratch_register(c);
    set_whole(c, number, indirect_target(c));
    struct piece push = {0};
    if (number & 8)
      APPEND(&push, 0x41);
    APPEND(&push, 0x50 | (number & 7));
    place(c, &push);
  }
  struct piece piece = {0};
  APPEND(&piece, 0x48, 0x81, 0x24, 0x24, 0xe0, 0xff, 0xff, 0x7f, 0x4c, 0x09, 0x34, 0x24, 0xc3);
  place(c, &piece);
}

static void string(struct composition *c) {
  struct random *random = &c->random;
  bool moves = random_once(random, 2), repeats = random_once(random, 2);
  unsigned size = random_below(random, 4);
  if (!random_once(random, 4))
    set_whole(c, RDI, random_next(random) << 32 | random_place(random));
  if (moves && !random_once(random, 4))
    set_whole(c, RSI, random_next(random) << 32 | random_place(random));
  if (repeats && !random_once(random, 6))
    set_whole(c, RCX, random_once(random, 6) ? random_hostile(random) : random_below(random, 512));
  struct piece piece = {0};
  if (moves)
    APPEND(&piece, 0x89, 0xf6, 0x49, 0x8d, 0x34, 0x36);
  APPEND(&piece, 0x89, 0xff, 0x49, 0x8d, 0x3c, 0x3e);
  bool first = random_once(random, 2);
  if (size == 1 && first)
    APPEND(&piece, 0x66);
  if (repeats)
    APPEND(&piece, 0xf3);
  if (size == 1 && !first)
    APPEND(&piece, 0x66);
  if (size == 3)
    APPEND(&piece, 0x48);
  APPEND(&piece, (moves ? 0xa4 : 0xaa) | (size != 0));
  place(c, &piece);
}

static void branch(struct composition *c) {
  struct random *random = &c->random;
  struct piece piece = {0};
  unsigned condition = random_below(random, 16), length = 4;
  switch (random_below(random, 8)) {
  case 0:
    APPEND(&piece, 0xe9);
    break;
  case 1:
    APPEND(&piece, 0xeb);
    length = 1;
    break;
  case 2:
  case 3:
    APPEND(&piece, 0xe8);
    break;
  case 4:
    APPEND(&piece, 0x0f, 0x80 | condition);
    break;
  default:
    APPEND(&piece, 0x70 | condition);
    length = 1;
  }
  APPEND(&piece, 0, 0, 0, 0);
  piece.length = (uint8_t)(piece.length - 4 + length);
  if (c->branches < BRANCHES_MOST && place(c, &piece)) {
    c->branch[c->branches].end = c->at;
    c->branch[c->branches++].length = length;
  }
}

/* A call of the kernel, or a jump there with the return address that is on the stack. */
static void entry(struct composition *c) {
  struct random *random = &c->random;
  struct piece piece = {0};
  uint32_t slot = SIGNET_ENTRY_TABLE + 8 * random_below(random, PROGRAM_CALLS);
  APPEND(&piece, 0x41, 0xff, random_once(random, 4) ? 0xa6 : 0x96);
  append(&piece, &slot, sizeof slot);
  if (random_once(random, 2) && room(c) > piece.length) /* where compilers put it: at the end of its bundle */
    nops(c, room(c) - piece.length);
  place(c, &piece);
}

/* A register that holds a whole address: lea disp(%r14,%r__,s),%r__ */
static void whole_address(struct composition *c) {
  struct piece piece = {0};
  unsigned number = scratch_register(c), index = scratch_register(c);
  uint32_t displacement = random_once(&c->random, 2) ? random_place(&c->random) : (uint32_t)random_hostile(&c->random);
  APPEND(&piece, 0x49 | (number >> 3) << 2 | (index >> 3) << 1, 0x8d, 0x84 | (number & 7) << 3,
         random_below(&c->random, 4) << 6 | (index & 7) << 3 | 6);
  append(&piece, &displacement, sizeof displacement);
  place(c, &piece);
}

static void push_pop(struct composition *c) {
  struct piece piece = {0};
  unsigned number = random_below(&c->random, 16);
  bool pops = random_once(&c->random, 2) && number != RSP && number != R14;
  if ((number & 8) || random_once(&c->random, 4))
    APPEND(&piece, 0x40 | number >> 3 | random_below(&c->random, 4) << 1);
  APPEND(&piece, (pops ? 0x58 : 0x50) | (number & 7));
  place(c, &piece);
}

static void compose(struct composition *c) {
  while (c->at < c->program->length) {
    uint32_t before = c->at, kind = random_below(&c->random, 100);
    if (kind < 28)
      instruction(c, INSTRUCTION_GENERAL);
    else if (kind < 46)
      instruction(c, INSTRUCTION_VECTOR);
    else if (kind < 54)
      instruction(c, INSTRUCTION_X87);
    else if (kind < 61)
      stack(c);
    else if (kind < 67)
      indirect(c);
    else if (kind < 72)
      masked_return(c);
    else if (kind < 77)
      string(c);
    else if (kind < 86)
      branch(c);
    else if (kind < 89)
      entry(c);
    else if (kind < 91)
      whole_address(c);
    else if (kind < 95)
      push_pop(c);
    else if (kind < 97)
      set_low(c, scratch_register(c), random_place(&c->random));
    else
      set_whole(c, scratch_register(c), random_hostile(&c->random));
    if (c->at == before) /* full but for the last bytes */
      nops(c, room(c));
  }
}

/* Each branch goes to the start of some unit, forward three times in four. */
static void join(struct composition *c) {
  for (uint32_t i = 0; i < c->branches; i++) {
    uint32_t end = c->branch[i].end, length = c->branch[i].length;
    bool forward = !random_once(&c->random, 4);
    int64_t distance = 0;
    for (unsigned tries = 0; tries < 16; tries++) {
      distance = (int64_t)c->starts[random_below(&c->random, c->units)] - end;
      bool fits = length == 4 || (distance >= -128 && distance <= 127);
      if (fits && (distance >= 0 || !forward))
        break;
      distance = end < c->program->length ? 0 : -(int64_t)(end % SIGNET_BUNDLE ? end % SIGNET_BUNDLE : SIGNET_BUNDLE);
    }
    memcpy(c->program->code + end - length, &distance, length);
  }
}

/* The first violation, kept for the message. */
static void hear(void *context, const struct verifier_violation *violation) {
  struct verifier_violation *first = context;
  if (!first->length)
    *first = *violation;
}

#define SCRATCH_WORDS (2 * PROGRAM_CODE_MOST / 64)

static struct verifier_input input_of(const struct program *program) {
  return (struct verifier_input){.code = program->code,
                                 .length = program->length,
                                 .offset = PROGRAM_CODE,
                                 .calls = PROGRAM_CALLS,
                                 .parallel = program->parallel};
}

static bool verify(struct program *program, uint64_t scratch[SCRATCH_WORDS], struct verifier_violation *first) {
  struct verifier_outcome outcome;
  struct verifier_input input = input_of(program);
  bool accepted = verifier_check(&input, scratch, first ? hear : NULL, first, &outcome);
  program->features = outcome.features;
  return accepted;
}

static void start_of(struct random *random, struct program_start *start) {
  enum {
    ARITHMETIC_FLAGS = 0x8d5,
    MXCSR_MASKS = 0x1f80,
    MXCSR_SETTABLE = 0xe040,
    X87_MASKS = 0x3f,
    X87_SETTABLE = 0xf00
  };
  for (int i = 0; i < 16; i++)
    start->general[i] = random_hostile(random);
  start->general[RSP] = stack_place(random);
  start->flags = random_next(random) & ARITHMETIC_FLAGS;
  start->mxcsr = MXCSR_MASKS | (uint32_t)(random_next(random) & MXCSR_SETTABLE);
  start->x87_control = (uint16_t)(0x40 | X87_MASKS | (random_next(random) & X87_SETTABLE));
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 4; j++) {
      uint64_t word = random_hostile(random);
      memcpy(start->vector[i] + 8 * j, &word, sizeof word);
    }
}

void program_generate(struct program *program, struct program_start *start, uint64_t seed, uint32_t features) {
  struct composition c = {.program = program, .features = features};
  c.random.state = seed;
  random_next(&c.random);
  *program = (struct program){.seed = seed};
  bool large = random_once(&c.random, 16);
  program->length = SIGNET_BUNDLE * (1 + random_below(&c.random, (large ? PROGRAM_CODE_MOST : 256) / SIGNET_BUNDLE));
  program->parallel = random_once(&c.random, 4);
  start_of(&c.random, start);
  compose(&c);
  join(&c);
  struct verifier_violation violation = {0};
  uint64_t scratch[SCRATCH_WORDS];
  if (!verify(program, scratch, &violation)) {
    printf("Bail out! the generator made a program that the verifier refuses: seed %#llx, at %#x: %s\n#",
           (unsigned long long)seed, violation.offset, verifier_rule_text(violation.rule));
    for (uint32_t i = 0; i < program->length; i++)
      printf(" %02x", program->code[i]);
    printf("\n");
    fflush(stdout);
    abort();
  }
}

/* A register field that names %rsp or %r14 instead: of the instruction at `code`, of which `left` bytes are in its
 * bundle. */
static void rename_register(struct random *random, uint8_t *code, uint32_t left) {
  uint8_t *end = code + left, *rex = NULL;
  bool high = random_once(random, 2);
  while (code < end &&
         (*code == 0x65 || *code == 0x66 || *code == 0x67 || *code == 0xf0 || *code == 0xf2 || *code == 0xf3))
    code++;
  if (end - code >= 10 && code[0] == 0x41 && code[1] == 0x83 &&
      code[3] == 0xe0) { /* an indirect sequence: in all of it */
    code[2] = code[9] = (code[2] & 0xf8) | (R14 & 7);
    code[9] |= 0xe0;
    code[6] = 0xf0 | (R14 & 7);
    return;
  }
  if (end - code >= 5 && code[0] == 0xc4 && random_once(random, 2)) {
    code[2] = (uint8_t)((code[2] & 0x87) | (~(high ? R14 : RSP) & 15) << 3);
    return;
  }
  if (code < end && (*code & 0xf0) == 0x40) {
    rex = code++;
  } else {
    high = false;
  }
  if (code < end && *code == 0x0f)
    code++;
  if (code < end && (*code == 0x38 || *code == 0x3a))
    code++;
  unsigned number = high ? R14 : RSP, shift = 3 * random_below(random, 2), bit = shift ? 4 : 1;
  bool in_opcode =
      code < end && ((*code >= 0x50 && *code < 0x60) || (*code >= 0x90 && *code < 0x98) || (*code & 0xf0) == 0xb0);
  if (in_opcode)
    shift = 0, bit = 1;
  else
    code++;
  if (code >= end)
    return;
  *code = (uint8_t)((*code & ~(7u << shift)) | (number & 7) << shift);
  if (rex)
    *rex = (uint8_t)((*rex & ~bit) | (high ? bit : 0));
}

/* The last start of an instruction that the verifier knows, at or before `at`. */
static uint32_t start_before(struct program *program, uint32_t at) {
  uint64_t scratch[SCRATCH_WORDS];
  verify(program, scratch, NULL);
  struct verifier_input input = input_of(program);
  while (at % SIGNET_BUNDLE && !verifier_is_target(&input, scratch, PROGRAM_CODE + at))
    at--;
  return at;
}

static void change(struct random *random, struct program *program) {
  static const uint8_t telling[] = {0x66, 0x67, 0x65, 0x64, 0xf2, 0xf3, 0xf0, 0x2e, 0x40, 0x41, 0x48,
                                    0x49, 0x4c, 0x0f, 0xc3, 0xff, 0x89, 0x8b, 0x8d, 0xf4, 0xe4, 0xe6,
                                    0xec, 0xcd, 0x9d, 0xfd, 0xc4, 0xc5, 0x62, 0xe0, 0x24, 0x05};
  uint8_t *code = program->code;
  uint32_t at = random_below(random, program->length);
  if (random_once(random, 2))
    at = start_before(program, at);
  uint32_t left = SIGNET_BUNDLE - at % SIGNET_BUNDLE;
  uint32_t other = random_below(random, program->length) / SIGNET_BUNDLE * SIGNET_BUNDLE;
  switch (random_below(random, 14)) {
  case 0:
  case 1:
    code[at] ^= (uint8_t)(1 << random_below(random, 8));
    break;
  case 2:
    code[at] = (uint8_t)random_next(random);
    break;
  case 3:
    code[at] = telling[random_below(random, sizeof telling)];
    break;
  case 4: /* left out; what follows in the bundle moves up */
    memmove(code + at, code + at + 1, left - 1);
    code[at + left - 1] = 0x90;
    break;
  case 5: /* put in; the bundle's last byte falls off */
    memmove(code + at + 1, code + at, left - 1);
    code[at] = telling[random_below(random, sizeof telling)];
    break;
  case 6: { /* a part of one bundle from another */
    uint32_t begin = at % SIGNET_BUNDLE, length = 1 + random_below(random, left);
    memmove(code + at, code + other + begin, length);
    break;
  }
  case 7: { /* part of a bundle without a reason to end where it does */
    uint32_t length = 1 + random_below(random, left < 15 ? left : 15);
    memset(code + at, 0x90, length);
    break;
  }
  case 8: /* a number of four bytes, off by a power of two */
    if (left >= 4) {
      uint32_t number;
      memcpy(&number, code + at, sizeof number);
      number += 1u << random_below(random, 32);
      memcpy(code + at, &number, sizeof number);
    }
    break;
  case 9:
  case 10:
    rename_register(random, code + at, left);
    break;
  case 11:
  case 12: { /* an instruction without the rules */
    struct piece piece;
    instruction_random(random, &piece, INSTRUCTION_WILD, ~0u);
    if (piece.length <= left)
      memcpy(code + at, piece.bytes, piece.length);
    break;
  }
  default: /* the whole program a byte or a few on: straddling */
    memmove(code + at + 1, code + at, program->length - at - 1);
  }
}

bool program_near_miss(struct program *program, uint64_t seed) {
  struct random random = {.state = ~seed};
  random_next(&random);
  for (uint32_t changes = 1 + random_below(&random, 3); changes; changes--)
    change(&random, program);
  uint64_t scratch[SCRATCH_WORDS];
  return verify(program, scratch, NULL);
}

void program_data(uint8_t *data, uint64_t seed) {
  struct random random = {.state = seed ^ 0x64617461};
  for (uint32_t i = 0; i < SIGNET_PAGE; i += 8) {
    uint64_t word = random_next(&random);
    if (word % 4 == 0)
      word = PROGRAM_DATA + (word >> 32) % PROGRAM_DATA_LENGTH;
    memcpy(data + i, &word, sizeof word);
  }
  for (uint32_t i = SIGNET_PAGE; i < PROGRAM_DATA_LENGTH; i += SIGNET_PAGE)
    memcpy(data + i, data, SIGNET_PAGE);
}
