/* The rows of verifier/allow.list against Zydis's operands, for exhaustive.h: finds the one row that permits what Zydis
 * decoded, by a reading of the list that shares nothing with the verifier's, and compares kinds, widths and accesses of
 * explicit and implicit operands and the flags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/exhaustive.h"
#include "tests/verifier/list_encoding.h"

enum { COLUMNS = 6, ROWS_MOST = 2048, OPERANDS_MOST = 5 };

struct operand {
  char place, width; /* letters of the list; width 0: `bits` */
  unsigned bits;
  bool read, written;
};

/* Implicit operands of the list that have no register number. */
enum {
  IMPLICIT_FLAGS = 16,
  IMPLICIT_STACK,
  IMPLICIT_MEMORY,
  IMPLICIT_X87,
  IMPLICIT_CONTROL,
  IMPLICIT_STATUS,
  IMPLICIT_MXCSR,
  IMPLICIT_XMM0,
  IMPLICIT_VECTORS,
  IMPLICITS
};

struct row {
  int line;
  struct list_encoding encoding;
  unsigned operand_count;
  struct operand operands[OPERANDS_MOST];
  bool read[IMPLICITS], written[IMPLICITS];
  unsigned widths[16]; /* of an implicit general register: 0 any, else its bits; 9: %ah */
  unsigned literal_length;
  uint8_t literal[15];
};

static struct row rows[ROWS_MOST];
static unsigned row_count;
/* Rows by [vex][map][opcode], as lists. */
static uint16_t first_row[2][4][256], next_row[ROWS_MOST];

static void parse_operands(struct row *row, char *text) {
  char *save;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    struct operand *operand = &row->operands[row->operand_count++];
    char *access = strchr(word, ':');
    operand->place = word[0];
    operand->bits = (unsigned)atoi(word + 1);
    operand->width = operand->bits || word[1] == ':' ? 0 : word[1];
    operand->read = !access || strchr(access, 'r');
    operand->written = access && strchr(access, 'w');
  }
}

static void parse_implicit(struct row *row, char *text) {
  static const struct {
    const char *name;
    uint8_t index, width;
  } names[] = {{"al", 0, 8},
               {"ah", 0, 9},
               {"ax", 0, 16},
               {"cl", 1, 8},
               {"rax", 0, 0},
               {"rcx", 1, 0},
               {"rdx", 2, 0},
               {"rbx", 3, 0},
               {"rsp", 4, 0},
               {"rsi", 6, 0},
               {"rdi", 7, 0},
               {"flags", IMPLICIT_FLAGS, 0},
               {"stack", IMPLICIT_STACK, 0},
               {"memory", IMPLICIT_MEMORY, 0},
               {"st", IMPLICIT_X87, 0},
               {"fpcw", IMPLICIT_CONTROL, 0},
               {"fpsw", IMPLICIT_STATUS, 0},
               {"mxcsr", IMPLICIT_MXCSR, 0},
               {"xmm0", IMPLICIT_XMM0, 0},
               {"ymm", IMPLICIT_VECTORS, 0}};
  char *save;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    char *access = strchr(word, ':');
    *access++ = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      if (strcmp(word, names[i].name) == 0) {
        row->read[names[i].index] |= strchr(access, 'r') != NULL;
        row->written[names[i].index] |= strchr(access, 'w') != NULL;
        if (names[i].index < 16)
          row->widths[names[i].index] = names[i].width;
      }
  }
}

void exhaustive_read_rows(const char *path) {
  FILE *list = fopen(path, "r");
  char line[512];
  row_count = 1; /* 0 ends a list */
  for (int number = 1; list && row_count < ROWS_MOST && fgets(line, sizeof line, list); number++) {
    line[strcspn(line, "\n")] = '\0';
    if (!*line || *line == '#')
      continue;
    char *rest = line, *column[COLUMNS], empty[] = "";
    for (int i = 0; i < COLUMNS; i++)
      column[i] = rest ? strsep(&rest, "|") : empty;
    struct row *row = &rows[row_count];
    row->line = number;
    char *encoding = column[1] + strspn(column[1], " ");
    if (*encoding == '=') {
      unsigned byte;
      for (int used; sscanf(++encoding, "%2x%n", &byte, &used) == 1; encoding += used)
        row->literal[row->literal_length++] = (uint8_t)byte;
      next_row[row_count] = first_row[0][0][0x90];
      first_row[0][0][0x90] = (uint16_t)row_count++; /* found apart: see exhaustive_compare_row */
      continue;
    }
    row->encoding = list_encoding_parse(encoding);
    parse_operands(row, column[2]);
    parse_implicit(row, column[3]);
    for (unsigned opcode = row->encoding.opcode_first; opcode <= row->encoding.opcode_last; opcode++) {
      if (opcode > row->encoding.opcode_first)
        rows[row_count] = *row;
      next_row[row_count] = first_row[row->encoding.vex][row->encoding.map][opcode];
      first_row[row->encoding.vex][row->encoding.map][opcode] = (uint16_t)row_count++;
    }
  }
  if (!list || row_count < 1000) {
    fprintf(stderr, "%s: cannot be read, or has too few rows\n", path);
    exit(1);
  }
  fclose(list);
}

/* What the row's encoding asks for, as Zydis took the bytes apart. */
struct encoding {
  bool vex, w, has66, rex, lock;
  unsigned repeat; /* f2, f3 or 0; of VEX its pp as a byte */
  unsigned map, l;
};

static struct encoding encoding_of(const ZydisDecodedInstruction *insn) {
  struct encoding encoding = {.vex = insn->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX};
  for (int i = 0; i < insn->raw.prefix_count; i++) {
    uint8_t value = insn->raw.prefixes[i].value;
    encoding.has66 |= value == 0x66;
    encoding.lock |= value == 0xf0;
    encoding.rex |= (value & 0xf0) == 0x40;
    if (value == 0xf2 || value == 0xf3)
      encoding.repeat = value;
  }
  encoding.map = insn->opcode_map == ZYDIS_OPCODE_MAP_0F     ? 1
                 : insn->opcode_map == ZYDIS_OPCODE_MAP_0F38 ? 2
                 : insn->opcode_map == ZYDIS_OPCODE_MAP_0F3A ? 3
                                                             : 0;
  if (encoding.vex) {
    static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
    encoding.repeat = prefixes[insn->raw.vex.pp];
    encoding.l = insn->raw.vex.L;
    encoding.w = insn->raw.vex.W;
  } else {
    encoding.w = encoding.rex && insn->raw.rex.W;
  }
  return encoding;
}

static bool permits(const struct row *row, const struct encoding *encoding, const ZydisDecodedInstruction *insn,
                    const uint8_t *code) {
  if (row->literal_length)
    return row->literal_length == insn->length && memcmp(row->literal, code, insn->length) == 0;
  if (encoding->w ? !(row->encoding.w_may || row->encoding.w_must) : row->encoding.w_must)
    return false;
  if (row->encoding.vex) {
    if (row->encoding.prefix != encoding->repeat || row->encoding.l != encoding->l)
      return false;
  } else {
    bool mandatory66 = row->encoding.prefix == 0x66;
    if ((mandatory66 ? 0 : row->encoding.prefix) != encoding->repeat)
      return false;
    if (mandatory66 ? !encoding->has66 : encoding->has66 && (!row->encoding.o16 || encoding->w))
      return false;
    if (encoding->rex && row->encoding.norex)
      return false;
    if (encoding->lock && !(row->encoding.lock && insn->raw.modrm.mod != 3))
      return false;
  }
  int modrm = insn->raw.modrm.mod << 6 | insn->raw.modrm.reg << 3 | insn->raw.modrm.rm;
  if (row->encoding.exact_first >= 0) /* Zydis counts some of these bytes as ModRM, others not: the byte itself */
    return modrm >= row->encoding.exact_first && modrm <= row->encoding.exact_last;
  if (!row->encoding.modrm)
    return true;
  if (row->encoding.digit >= 0 && insn->raw.modrm.reg != row->encoding.digit)
    return false;
  for (unsigned i = 0; i < row->operand_count; i++)
    if (strchr(insn->raw.modrm.mod == 3 ? "ERWU" : "EMWA", row->operands[i].place))
      return true;
  return false;
}

static unsigned width_of(const struct operand *operand, const struct encoding *encoding, bool sized, bool longest) {
  switch (operand->width) {
  case 'b':
    return 8;
  case 'w':
    return 16;
  case 'd':
    return 32;
  case 'q':
    return 64;
  case 'y':
    return encoding->w ? 64 : 32;
  case 'v':
    return sized ? 16 : encoding->w ? 64 : 32;
  case 'z':
    return sized ? 16 : encoding->w && longest ? 64 : 32;
  case 'x':
    return encoding->l ? 256 : 128;
  default:
    return operand->bits;
  }
}

static const char *compare_explicit(const struct operand *operand, const ZydisDecodedOperand *found, unsigned width) {
  bool written = found->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
  bool read = found->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
  ZydisRegisterClass kind =
      found->type == ZYDIS_OPERAND_TYPE_REGISTER ? ZydisRegisterGetClass(found->reg.value) : ZYDIS_REGCLASS_INVALID;
  bool memory = found->type == ZYDIS_OPERAND_TYPE_MEMORY;
  bool general = strchr("EGBRZ", operand->place) && operand->place;
  switch (operand->place) {
  case 'M':
  case 'A':
    if (!memory)
      return "memory is expected";
    break;
  case 'I':
  case 'J':
    return found->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? NULL : "an immediate is expected";
  case 'E':
  case 'W':
    if (memory)
      break;
    /* fall through */
  default:
    if (general ? kind < ZYDIS_REGCLASS_GPR8 || kind > ZYDIS_REGCLASS_GPR64
                : kind != ZYDIS_REGCLASS_XMM && kind != ZYDIS_REGCLASS_YMM)
      return general ? "a general register is expected" : "a vector register is expected";
  }
  if (operand->place == 'A')
    return found->mem.type == ZYDIS_MEMOP_TYPE_AGEN ? NULL : "an address is expected that is not accessed";
  if (memory && found->mem.type != ZYDIS_MEMOP_TYPE_MEM)
    return "an access to memory is expected";
  if ((memory || general) && found->size != width)
    return "an operand of another width";
  if (kind == ZYDIS_REGCLASS_YMM && width < 256)
    return "a vector register of another length";
  if (operand->written != written)
    return written ? "an operand is written" : "an operand is not written";
  /* The list may say that a register keeps a part of itself; it may not deny a read. */
  if (read && !operand->read && (general || memory))
    return "an operand is read";
  if (operand->read && !operand->written && !read)
    return "an operand is not read";
  return NULL;
}

static const char *compare_operands(const struct row *row, const struct encoding *encoding,
                                    const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands) {
  bool sized = encoding->has66 && row->encoding.o16, matched[ZYDIS_MAX_OPERAND_COUNT] = {false};
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct operand *operand = &row->operands[i];
    int found = -1;
    for (int j = 0; j < insn->operand_count; j++) {
      ZydisOperandEncoding place = operands[j].encoding;
      bool here = false;
      switch (operand->place) {
      case 'G':
      case 'V':
        here = place == ZYDIS_OPERAND_ENCODING_MODRM_REG;
        break;
      case 'B':
      case 'H':
        here = place == ZYDIS_OPERAND_ENCODING_NDSNDD;
        break;
      case 'Z':
        here = place == ZYDIS_OPERAND_ENCODING_OPCODE;
        break;
      case 'L':
        here = place == ZYDIS_OPERAND_ENCODING_IS4;
        break;
      case 'I':
      case 'J':
        here = place >= ZYDIS_OPERAND_ENCODING_UIMM8 && place <= ZYDIS_OPERAND_ENCODING_JIMM16_32_32;
        break;
      default:
        here = place == ZYDIS_OPERAND_ENCODING_MODRM_RM;
      }
      if (here && !matched[j] && found < 0)
        found = j;
    }
    if (found < 0)
      return "an operand of the row that Zydis does not have";
    matched[found] = true;
    const char *objection =
        compare_explicit(operand, &operands[found], width_of(operand, encoding, sized, operand->place != 'I'));
    if (objection)
      return objection;
    if (operand->place == 'I' || operand->place == 'J') { /* its bytes, not the width it is extended to */
      unsigned bits = operand->width == 'z' ? (sized ? 16 : 32) : width_of(operand, encoding, sized, false);
      if (insn->raw.imm[0].size != bits)
        return "an immediate of another size";
    }
  }
  bool read[IMPLICITS] = {false}, written[IMPLICITS] = {false};
  for (int j = 0; j < insn->operand_count; j++) {
    const ZydisDecodedOperand *operand = &operands[j];
    bool reads = operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
    bool writes = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    int index = -1;
    if (matched[j])
      continue;
    if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) /* the 1 of a shift */
      continue;
    if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
      index = operand->mem.base == ZYDIS_REGISTER_RSP ? IMPLICIT_STACK : IMPLICIT_MEMORY;
    } else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
      ZydisRegister reg = operand->reg.value, whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
      ZydisRegisterClass kind = ZydisRegisterGetClass(reg);
      if (whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15) {
        index = whole - ZYDIS_REGISTER_RAX;
        unsigned width = row->widths[index];
        if (width == 9 ? reg != ZYDIS_REGISTER_AH : width && operand->size > width)
          return "an implicit register of another width";
      } else if (kind == ZYDIS_REGCLASS_X87 || reg == ZYDIS_REGISTER_X87TAG) {
        index = IMPLICIT_X87;
      } else if (reg == ZYDIS_REGISTER_X87CONTROL) {
        index = IMPLICIT_CONTROL;
      } else if (reg == ZYDIS_REGISTER_X87STATUS) {
        index = row->read[IMPLICIT_STATUS] || row->written[IMPLICIT_STATUS] ? IMPLICIT_STATUS : IMPLICIT_X87;
      } else if (reg == ZYDIS_REGISTER_MXCSR) {
        index = IMPLICIT_MXCSR;
      } else if (reg == ZYDIS_REGISTER_XMM0) {
        index = IMPLICIT_XMM0;
      } else if (kind == ZYDIS_REGCLASS_XMM || kind == ZYDIS_REGCLASS_YMM) {
        index = IMPLICIT_VECTORS;
      } else if (kind == ZYDIS_REGCLASS_FLAGS) {
        continue; /* from cpu_flags, below */
      } else if (kind == ZYDIS_REGCLASS_IP) {
        continue; /* of branches, which the row's operand J or its rule names */
      } else {
        return "an implicit register that the row does not name";
      }
    }
    if (index < 0)
      return "an operand of Zydis that the row does not have";
    read[index] |= reads;
    written[index] |= writes;
  }
  if (insn->cpu_flags) {
    read[IMPLICIT_FLAGS] = insn->cpu_flags->tested;
    written[IMPLICIT_FLAGS] =
        insn->cpu_flags->modified | insn->cpu_flags->set_0 | insn->cpu_flags->set_1 | insn->cpu_flags->undefined;
  }
  for (int i = 0; i < IMPLICITS; i++) {
    bool state = i == IMPLICIT_X87 || i == IMPLICIT_STATUS || i == IMPLICIT_MXCSR; /* arithmetic sets status bits */
    if (written[i] != row->written[i] && !(state && (row->written[i] || i == IMPLICIT_MXCSR)))
      return i == IMPLICIT_FLAGS ? written[i] ? "the flags are written" : "the flags are not written"
             : written[i]        ? "an implicit operand is written"
                                 : "an implicit operand is not written";
    if (read[i] && !row->read[i] && i != IMPLICIT_MXCSR && i != IMPLICIT_CONTROL)
      return i == IMPLICIT_FLAGS ? "the flags are read" : "an implicit operand is read";
  }
  return NULL;
}

const char *exhaustive_compare_row(const uint8_t *code, const ZydisDecodedInstruction *insn,
                                   const ZydisDecodedOperand *operands) {
  struct encoding encoding = encoding_of(insn);
  const struct row *found = NULL;
  bool nop = insn->mnemonic == ZYDIS_MNEMONIC_NOP; /* the literal rows are all in one list */
  unsigned i = nop ? first_row[0][0][0x90] : first_row[encoding.vex][encoding.map][insn->opcode];
  for (; i; i = next_row[i])
    if (permits(&rows[i], &encoding, insn, code)) {
      if (found && !nop)
        return "two rows permit it";
      if (!found || rows[i].literal_length)
        found = &rows[i];
    }
  if (!found)
    return "no row permits it";
  return found->literal_length ? NULL : compare_operands(found, &encoding, insn, operands);
}

/* The literal rows, the nops: each byte of each with every value, and with a byte of their prefixes more in front. */
void exhaustive_literals(void) {
  for (unsigned i = 1; i < row_count; i++)
    for (unsigned at = 0; at < rows[i].literal_length; at++)
      for (unsigned value = 0; value < 256; value++) {
        static const uint8_t fronts[] = {0x66, 0x2e, 0x67, 0x65, 0x40, 0x48, 0xf3};
        uint8_t bytes[16], length = (uint8_t)rows[i].literal_length;
        memcpy(bytes + 1, rows[i].literal, length);
        bytes[1 + at] = (uint8_t)value;
        exhaustive_try(bytes + 1, length, true);
        bytes[0] = fronts[value % sizeof fronts];
        if (length < 15)
          exhaustive_try(bytes, length + 1u, true);
      }
}
