/* One random instruction: a row of the allow-list, its prefixes, registers and memory operand chosen so that the rules
 * of docs/machine-code.md hold. Called by generate.c. Written from that page, not from the verifier. */
#include "tests/execution/instruction.h"

#include <stddef.h>
#include <string.h>

#include <signet/layout.h>

#include "tests/execution/program.h"
#include "verifier/verifier.h"

enum row_kind { ROW_PLAIN, ROW_BRANCH, ROW_INDIRECT, ROW_RETURN, ROW_STRING, ROW_ADDRESS, ROW_LITERAL };
enum row_modrm { MODRM_NONE, MODRM_ANY, MODRM_DIGIT, MODRM_BYTE };
enum row_w { W_CLEAR, W_EITHER, W_SET };
#define FIELD_GENERAL 1u
#define FIELD_VECTOR 2u
#define FIELD_WRITTEN 4u
#define FIELD_BYTE 8u

struct row {
  const char *mnemonic;
  uint32_t features;
  enum row_kind kind;
  enum row_modrm modrm;
  uint8_t vex, l, pp, w;
  uint8_t prefix, map, opcode, plus;
  uint8_t first, many; /* MODRM_DIGIT: the digit; MODRM_BYTE: that byte and so many after it */
  uint8_t o16, lock, norex;
  uint8_t memory, direct;     /* what ModRM.rm may be */
  uint8_t rm, reg, low, vvvv; /* FIELD_* of the register there */
  char immediate;
  uint8_t literal_length, literal[15];
};
#include "execution_rows.h"

enum { ESP = 4, R14 = 14 };
#define REX 0x40u
#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

bool random_once(struct random *random, uint32_t times) { return random_below(random, times) == 0; }

uint32_t random_place(struct random *random) {
  static const uint32_t edges[] = {0,
                                   SIGNET_GUARD,
                                   SIGNET_ENTRY_TABLE + 8 * PROGRAM_CALLS,
                                   SIGNET_THREAD_PAGE,
                                   SIGNET_THREAD_PAGE + SIGNET_PAGE,
                                   PROGRAM_CODE,
                                   PROGRAM_CODE + SIGNET_PAGE,
                                   PROGRAM_DATA,
                                   PROGRAM_DATA,
                                   PROGRAM_STACK,
                                   PROGRAM_STACK,
                                   SIGNET_CODE_HIGH,
                                   SIGNET_BLOCKS_LOW,
                                   SIGNET_BLOCKS_HIGH,
                                   0xffffffc0};
  switch (random_below(random, 4)) {
  case 0:
    return edges[random_below(random, sizeof edges / sizeof *edges)] + random_below(random, 129) - 64;
  case 1:
    return PROGRAM_CODE + random_below(random, PROGRAM_CODE_MOST);
  default:
    return PROGRAM_DATA + random_below(random, PROGRAM_DATA_LENGTH - 64);
  }
}

uint64_t random_hostile(struct random *random) {
  uint64_t any = random_next(random), part = random_below(random, 256);
  switch (random_below(random, 10)) {
  case 0:
    return part;
  case 1:
    return -part;
  case 2:
    return 0x80000000u + part - 128;
  case 3:
    return 0x100000000u + part - 128;
  case 4: /* around the ends of what addresses can be */
    return (any & 1 ? 0x800000000000u : 0xffff800000000000u) + part - 128;
  case 5:
    return (uint64_t)1 << (any & 63);
  case 6: /* an offset, with something above it that has to be ignored */
    return any << 32 | random_place(random);
  case 7: /* an address in the lower half */
    return any >> 17;
  case 8:
    return random_place(random);
  default:
    return any;
  }
}

/* What the rest of the instruction has to know. */
struct shape {
  uint8_t rex;
  bool memory, gs;
  uint8_t modrm, sib;
  bool has_sib;
  uint8_t displacement_length;
  int32_t displacement;
  bool rip;
};

/* A register for a field, of which REX gets the high bit `rex_bit`. Not %r14 or %rsp where it is written; %ah to %bh
 * are 4 to 7 of byte registers without REX, which `rex` says is (or will be) there. */
static unsigned choose(struct random *random, unsigned field, bool rex_possible, bool rex_certain) {
  for (;;) {
    unsigned number = random_below(random, rex_possible ? 16 : 8);
    if (!(field & FIELD_GENERAL) || !(field & FIELD_WRITTEN))
      return number;
    if (number != R14 && (number != ESP || ((field & FIELD_BYTE) && !rex_certain)))
      return number;
  }
}

static void displace(struct random *random, struct shape *shape, int32_t least, int32_t most) {
  unsigned mod = random_below(random, 3);
  if (mod == 1 && most >= 0 && least <= 0) {
    int low = least < -128 ? -128 : least, high = most > 127 ? 127 : most;
    shape->displacement = low + (int)random_below(random, (unsigned)(high - low + 1));
    shape->displacement_length = 1;
  } else if (mod == 2 || (shape->modrm & 7) == 5) {
    uint32_t span = (uint32_t)most - (uint32_t)least;
    uint32_t value = random_once(random, 5) ? (random_next(random) & 1 ? (uint32_t)most : (uint32_t)least)
                                            : (uint32_t)least + (uint32_t)((random_next(random) >> 32) * span >> 32);
    shape->displacement = (int32_t)value;
    shape->displacement_length = 4;
    mod = 2;
  } else {
    mod = 0;
  }
  shape->modrm |= mod << 6;
}

/* %gs:disp(%e__,%e__,s): any form but rip-relative. */
static void address_gs(struct random *random, struct shape *shape, struct piece *piece) {
  shape->gs = true;
  uint32_t wanted = random_place(random);
  shape->rex |= random_below(random, 4); /* X, B */
  if (random_once(random, 5)) {          /* absolute */
    shape->modrm = 4;
    shape->has_sib = true;
    shape->sib = (uint8_t)(random_below(random, 4) << 6 | 4 << 3 | 5);
    shape->rex &= ~REX_X;
    shape->displacement_length = 4;
    shape->displacement = (int32_t)wanted;
    return;
  }
  shape->modrm = random_below(random, 8);
  unsigned base = shape->modrm;
  if (shape->modrm == 4) {
    shape->has_sib = true;
    shape->sib = (uint8_t)random_next(random);
    if (random_once(random, 2)) { /* no index, so that the base alone says where */
      shape->sib = (shape->sib & 0xc7) | 4 << 3;
      shape->rex &= ~REX_X;
    }
    base = shape->sib & 7;
  }
  bool indexed = shape->has_sib && !((shape->sib >> 3 & 7) == 4 && !(shape->rex & REX_X));
  switch (base == 5 ? 1 + random_below(random, 2) : random_below(random, 3)) {
  case 1:
    shape->modrm |= 0x40;
    shape->displacement_length = 1;
    shape->displacement = (int8_t)random_next(random);
    break;
  case 2:
    shape->modrm |= 0x80;
    shape->displacement_length = 4;
    shape->displacement = (int32_t)random_hostile(random);
    break;
  }
  base |= (shape->rex & REX_B) << 3;
  if (!indexed && base != ESP && base != R14 && !random_once(random, 4)) {
    piece->base = (uint8_t)(1 + base);
    piece->base_value = wanted - (uint32_t)shape->displacement; /* wraps: the sum is cut to 32 bits */
  }
}

static void address(struct random *random, struct shape *shape, struct piece *piece) {
  enum { NEAR = SIGNET_STACK_DISPLACEMENT };
  switch (random_below(random, 8)) {
  case 0:
  case 1: /* disp(%rsp), without an index, whatever the scale */
    shape->modrm = 4;
    shape->has_sib = true;
    shape->sib = (uint8_t)(random_below(random, 4) << 6 | 4 << 3 | 4);
    if (random_once(random, 3))
      displace(random, shape, -NEAR, NEAR);
    else
      displace(random, shape, -2048, 2047);
    break;
  case 2: /* disp(%rip) */
    shape->modrm = 5;
    shape->rip = true;
    shape->displacement_length = 4;
    do
      piece->rip_target = random_place(random);
    while (piece->rip_target > 0x7fff0000); /* what a displacement reaches */
    shape->rex |= random_below(random, 4);
    break;
  case 3: /* disp(%r14) */
    shape->modrm = 6;
    shape->rex |= REX_B | random_below(random, 2) << 1;
    displace(random, shape, 0, INT32_MAX);
    if (shape->displacement_length == 4 && !random_once(random, 6))
      shape->displacement = (int32_t)(random_place(random) & INT32_MAX);
    break;
  default:
    address_gs(random, shape, piece);
  }
}

static void put(struct piece *piece, unsigned byte) { piece->bytes[piece->length++] = (uint8_t)byte; }

static void put_number(struct piece *piece, uint64_t number, unsigned length) {
  memcpy(piece->bytes + piece->length, &number, length);
  piece->length = (uint8_t)(piece->length + length);
}

/* Legacy prefixes, in any order. */
static void put_prefixes(struct random *random, struct piece *piece, const uint8_t *prefixes, unsigned count) {
  uint8_t left[5];
  memcpy(left, prefixes, count);
  while (count) {
    unsigned i = random_below(random, count);
    put(piece, left[i]);
    left[i] = left[--count];
  }
}

static void put_vex(struct random *random, struct piece *piece, const struct row *row, unsigned rex, unsigned vvvv) {
  unsigned last = (~vvvv & 15) << 3 | (unsigned)row->l << 2 | row->pp, extend = ~rex & 7;
  if (row->map == 1 && !(rex & (REX_W | REX_X | REX_B)) && !random_once(random, 4)) {
    put(piece, 0xc5);
    put(piece, (extend & REX_R ? 0x80 : 0) | last);
  } else {
    put(piece, 0xc4);
    put(piece, extend << 5 | row->map);
    put(piece, (rex & REX_W) << 4 | last);
  }
}

static uint64_t immediate(struct random *random) {
  /* What would be dangerous if it were run: syscall, wrgsbase %rax, jmp *%rax, ret, int $0x80, std, mov %rax,%r14,
   * popf, a jump to itself, pop %rsp, hlt. */
  static const uint64_t dangerous[] = {0x050f050f050f050f, 0x90d8ae0ff3909090, 0xe0ffe0ffe0ffe0ff, 0xc3c3c3c3c3c3c3c3,
                                       0x80cd80cd80cd80cd, 0xfdfdfdfdfdfdfdfd, 0x90c6894990c68949, 0x9d9d9d9d9d9d9d9d,
                                       0xfeebfeebfeebfeeb, 0x5c5c5c5c5c5c5c5c, 0xf4f4f4f4f4f4f4f4};
  if (random_once(random, 3))
    return dangerous[random_below(random, sizeof dangerous / sizeof *dangerous)];
  return random_hostile(random);
}

static bool slow_or_final(const struct row *row) {
  static const char *const names[] = {"cpuid", "int3", "ud2", "rdrand", "rdseed", "div", "idiv", "fldcw"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(row->mnemonic, names[i]) == 0)
      return true;
  return false;
}

static const struct row *choose_row(struct random *random, enum instruction_class class, uint32_t features) {
  static const struct {
    uint32_t first, count;
  } ranges[] = {{ROWS_GENERAL, ROWS_GENERAL_COUNT}, {ROWS_X87, ROWS_X87_COUNT}, {ROWS_VECTOR, ROWS_VECTOR_COUNT}};
  bool wild = class == INSTRUCTION_WILD;
  if (wild)
    class = random_once(random, 4) ? INSTRUCTION_VECTOR : INSTRUCTION_GENERAL;
  for (;;) {
    const struct row *row = &rows[ranges[class].first + random_below(random, ranges[class].count)];
    if (row->features & ~features)
      continue;
    if (!wild && row->kind != ROW_PLAIN && row->kind != ROW_ADDRESS && row->kind != ROW_LITERAL)
      continue;
    if (!slow_or_final(row) || random_once(random, 8))
      return row;
  }
}

void instruction_random(struct random *random, struct piece *piece, enum instruction_class class, uint32_t features) {
  const struct row *row = choose_row(random, class, features);
  *piece = (struct piece){0};
  if (row->kind == ROW_LITERAL) {
    memcpy(piece->bytes, row->literal, row->literal_length);
    piece->length = row->literal_length;
    return;
  }
  bool half = row->o16 && random_once(random, 4);
  bool wide = !half && (row->w == W_SET || (row->w == W_EITHER && random_once(random, 2)));
  bool any_rex = !row->norex, rex_byte = row->vex || wide || (any_rex && random_once(random, 2));
  bool wild = class == INSTRUCTION_WILD;
  unsigned rex = wide ? REX_W : 0, vvvv = 0;
  struct shape shape = {0};

  unsigned low = 0;
  if (row->plus) {
    low = choose(random, wild ? 0 : row->low, rex_byte, rex_byte);
    rex |= low >> 3 & REX_B;
  }
  if (row->modrm == MODRM_BYTE) {
    shape.modrm = (uint8_t)(row->first + random_below(random, row->many));
    rex |= rex_byte ? random_below(random, 8) : 0;
  } else if (row->modrm != MODRM_NONE) {
    shape.memory = row->memory && (!row->direct || random_once(random, 2));
    if (shape.memory && (row->kind == ROW_ADDRESS || (wild && random_once(random, 2)))) { /* every form of address */
      shape.gs = wild && random_once(random, 2);
      shape.modrm = (uint8_t)(random_below(random, 3) << 6 | random_below(random, 8));
      shape.rex = rex_byte ? random_below(random, 4) : 0;
      shape.has_sib = (shape.modrm & 7) == 4;
      shape.sib = (uint8_t)random_next(random);
      unsigned mod = shape.modrm >> 6, base = shape.has_sib ? shape.sib & 7 : shape.modrm & 7;
      shape.displacement_length = mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0;
      shape.displacement = (int32_t)random_hostile(random);
    } else if (shape.memory) {
      address(random, &shape, piece);
      if (shape.rex && !any_rex) { /* without REX: %gs:disp32 */
        piece->base = 0;
        shape = (struct shape){.memory = true, .gs = true, .modrm = 4, .has_sib = true, .sib = 0x25};
        shape.displacement_length = 4;
        shape.displacement = (int32_t)random_place(random);
      }
    }
    rex_byte |= shape.rex != 0;
    rex |= shape.rex;
    if (row->modrm == MODRM_DIGIT) {
      shape.modrm |= row->first << 3;
      rex |= rex_byte && random_once(random, 2) ? REX_R : 0; /* says nothing */
    } else {
      unsigned reg = choose(random, wild ? 0 : row->reg, rex_byte, rex_byte);
      shape.modrm |= (reg & 7) << 3;
      rex |= reg & 8 ? REX_R : 0;
    }
    if (!shape.memory) {
      unsigned rm = choose(random, wild ? 0 : row->rm, rex_byte, rex_byte);
      shape.modrm |= 0xc0 | (rm & 7);
      rex |= (rm & 8 ? REX_B : 0) | (rex_byte ? random_below(random, 2) << 1 : 0);
    }
  }
  if (row->vvvv)
    vvvv = choose(random, wild ? 0 : row->vvvv, true, true);

  uint8_t prefixes[5];
  unsigned count = 0;
  if (row->prefix)
    prefixes[count++] = row->prefix;
  if (half)
    prefixes[count++] = 0x66;
  if (shape.gs) {
    prefixes[count++] = 0x65;
    prefixes[count++] = 0x67;
  }
  if (row->lock && shape.memory && random_once(random, 4))
    prefixes[count++] = 0xf0;
  put_prefixes(random, piece, prefixes, count);
  if (row->vex) {
    put_vex(random, piece, row, rex, vvvv);
  } else {
    if (rex_byte)
      put(piece, REX | rex);
    if (row->map)
      put(piece, 0x0f);
    if (row->map > 1)
      put(piece, row->map == 2 ? 0x38 : 0x3a);
  }
  put(piece, row->opcode | (low & 7));
  if (row->modrm != MODRM_NONE) {
    put(piece, shape.modrm);
    if (shape.has_sib)
      put(piece, shape.sib);
    if (shape.rip)
      piece->rip = piece->length;
    put_number(piece, (uint32_t)shape.displacement, shape.displacement_length);
  }
  unsigned wide_immediate = half ? 2 : wide ? 8 : 4;
  put_number(piece, immediate(random),
             row->immediate == 'b'   ? 1
             : row->immediate == 'v' ? wide_immediate
             : row->immediate        ? (half ? 2 : 4)
                                     : 0);
}
