/* Reads verifier/allow.list by itself, makes each row's encodings, and compares the row with Zydis: the mnemonic, the
 * length, and for each operand, explicit or implicit, whether it is read and written. And the verifier must accept what
 * the row permits. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "tests/verifier/list_encoding.h"
#include "verifier/verifier.h"

enum { COLUMNS = 6, BASE = 0x20000 };

static ZydisDecoder decoder;
static int line_number, failures, encodings;

struct row {
  const char *mnemonic, *operands, *implicit, *rule;
  struct list_encoding encoding;
};

static void fail(const struct row *row, const uint8_t *code, unsigned length, const char *what, const char *detail) {
  if (failures++ >= 40)
    return;
  printf("# line %d, %s: %s %s:", line_number, row->mnemonic, what, detail);
  for (unsigned i = 0; i < length; i++)
    printf(" %02x", code[i]);
  printf("\n");
}

/* What Zydis calls the row's instruction. */
static bool same_mnemonic(const struct row *row, const char *name, bool sized, bool w) {
  static const struct {
    const char *row, *plain, *sized, *w;
  } by_size[] = {{"cbw", "cwde", "cbw", "cdqe"},       {"cwd", "cdq", "cwd", "cqo"},
                 {"movd", "movd", "", "movq"},         {"vmovd", "vmovd", "", "vmovq"},
                 {"pextrd", "pextrd", "", "pextrq"},   {"vpextrd", "vpextrd", "", "vpextrq"},
                 {"pinsrd", "pinsrd", "", "pinsrq"},   {"vpinsrd", "vpinsrd", "", "vpinsrq"},
                 {"movsd", "movsd", "movsw", "movsq"}, {"stosd", "stosd", "stosw", "stosq"}};
  static const char *const ends[][2] = {{"e", "z"},   {"ne", "nz"}, {"ae", "nb"},
                                        {"a", "nbe"}, {"ge", "nl"}, {"g", "nle"}};
  static const char *const starts[] = {"j", "set", "cmov"};
  const char *mine = row->mnemonic;
  if (strncmp(mine, "rep ", 4) == 0)
    mine += 4;
  if (row->encoding.prefix != 0xf2 || row->rule[0]) /* movsd of SSE is f2 */
    for (size_t i = 0; i < sizeof by_size / sizeof *by_size; i++)
      if (strcmp(mine, by_size[i].row) == 0)
        return strcmp(name, w ? by_size[i].w : sized ? by_size[i].sized : by_size[i].plain) == 0;
  for (size_t i = 0; i < 3; i++)
    if (strncmp(mine, starts[i], strlen(starts[i])) == 0)
      for (size_t j = 0; j < 6; j++)
        if (strcmp(mine + strlen(starts[i]), ends[j][0]) == 0)
          return strncmp(name, starts[i], strlen(starts[i])) == 0 && strcmp(name + strlen(starts[i]), ends[j][1]) == 0;
  return strcmp(mine, name) == 0;
}

static bool reads(const char *access) { return strchr(access, 'r'); }
static bool writes(const char *access) { return strchr(access, 'w'); }

/* Explicit operands: the one that Zydis decodes from the place that the row's letter names. */
static void compare_operands(const struct row *row, const ZydisDecodedInstruction *insn,
                             const ZydisDecodedOperand *operands, const uint8_t *code) {
  char copy[128], *save;
  snprintf(copy, sizeof copy, "%s", row->operands);
  for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    char *access = strchr(word, ':');
    ZydisOperandEncoding encoding;
    switch (*word) {
    case 'G':
    case 'V':
      encoding = ZYDIS_OPERAND_ENCODING_MODRM_REG;
      break;
    case 'B':
    case 'H':
      encoding = ZYDIS_OPERAND_ENCODING_NDSNDD;
      break;
    case 'Z':
      encoding = ZYDIS_OPERAND_ENCODING_OPCODE;
      break;
    case 'L':
      encoding = ZYDIS_OPERAND_ENCODING_IS4;
      break;
    case 'I':
    case 'J':
    case 'A':
      continue;
    default:
      encoding = ZYDIS_OPERAND_ENCODING_MODRM_RM;
    }
    const ZydisDecodedOperand *found = NULL;
    for (int i = 0; i < insn->operand_count; i++)
      if (operands[i].encoding == encoding)
        found = &operands[i];
    if (!found) {
      fail(row, code, insn->length, "the oracle has no operand for", word);
      continue;
    }
    bool oracle_writes = found->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    bool oracle_reads = found->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
    bool hint = strncmp(row->mnemonic, "prefetch", 8) == 0;
    bool memory = found->type == ZYDIS_OPERAND_TYPE_MEMORY;
    if (writes(access) != oracle_writes && !hint)
      fail(row, code, insn->length, writes(access) ? "not written:" : "written:", word);
    /* The list may say that a register keeps a part; it may not deny a read of a general register or of memory. */
    bool general = strchr("EGBRZ", *word);
    if (!reads(access) && oracle_reads && (general || memory))
      fail(row, code, insn->length, "read:", word);
    if (reads(access) && !writes(access) && !oracle_reads && !hint)
      fail(row, code, insn->length, "not read:", word);
  }
}

/* The access that the row names for an implicit operand that is no general register; "" if it does not name it. */
static const char *implicit_access(const struct row *row, const char *name) {
  static char access[4];
  size_t length = strlen(name);
  access[0] = '\0';
  for (const char *word = row->implicit; word && *word; word = strchr(word, ' ') ? strchr(word, ' ') + 1 : NULL)
    if (strncmp(word, name, length) == 0 && word[length] == ':')
      snprintf(access, sizeof access, "%.*s", (int)strcspn(word + length + 1, " "), word + length + 1);
  return access;
}

/* The flags, the stack, other memory and the x87 registers, in both directions. */
static void compare_state(const struct row *row, const ZydisDecodedInstruction *insn,
                          const ZydisDecodedOperand *operands, const uint8_t *code) {
  const ZydisAccessedFlagsMask arithmetic = ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF |
                                            ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF | ZYDIS_CPUFLAG_DF;
  ZydisAccessedFlagsMask tested = 0, changed = 0;
  if (insn->cpu_flags) {
    tested = insn->cpu_flags->tested & arithmetic;
    changed =
        (insn->cpu_flags->modified | insn->cpu_flags->set_0 | insn->cpu_flags->set_1 | insn->cpu_flags->undefined) &
        arithmetic;
  }
  bool string = strcmp(row->rule, "string") == 0, trap = insn->mnemonic == ZYDIS_MNEMONIC_INT3;
  if (!trap && writes(implicit_access(row, "flags")) != (changed != 0))
    fail(row, code, insn->length, changed ? "written:" : "not written:", "flags");
  if (!trap && !string && reads(implicit_access(row, "flags")) != (tested != 0))
    fail(row, code, insn->length, tested ? "read:" : "not read:", "flags");
  bool stack_read = false, stack_written = false, memory_written = false;
  for (int i = 0; i < insn->operand_count; i++) {
    const ZydisDecodedOperand *operand = &operands[i];
    bool read = operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ,
         written = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->encoding == ZYDIS_OPERAND_ENCODING_NONE) {
      bool stack = operand->mem.base == ZYDIS_REGISTER_RSP;
      stack_read |= stack && read;
      stack_written |= stack && written;
      memory_written |= !stack && written;
    }
  }
  if (reads(implicit_access(row, "stack")) != stack_read || writes(implicit_access(row, "stack")) != stack_written)
    fail(row, code, insn->length, "the oracle does not agree about", "stack");
  if (writes(implicit_access(row, "memory")) != memory_written)
    fail(row, code, insn->length, "the oracle does not agree about", "memory");
  bool control = insn->mnemonic == ZYDIS_MNEMONIC_FLDCW || insn->mnemonic == ZYDIS_MNEMONIC_FNINIT;
  if (writes(implicit_access(row, "fpcw")) != control) /* the oracle forgets these */
    fail(row, code, insn->length, "the oracle does not agree about", "fpcw");
  bool clears = insn->mnemonic == ZYDIS_MNEMONIC_FNCLEX || insn->mnemonic == ZYDIS_MNEMONIC_FNINIT;
  if (writes(implicit_access(row, "fpsw")) != clears ||
      reads(implicit_access(row, "fpsw")) != (insn->mnemonic == ZYDIS_MNEMONIC_FNSTSW) ||
      reads(implicit_access(row, "fpcw")) != (insn->mnemonic == ZYDIS_MNEMONIC_FNSTCW))
    fail(row, code, insn->length, "the oracle does not agree about", "fpsw or fpcw");
  /* Whatever else is x87 uses its stack of registers, and so does fninit. */
  bool x87 =
      row->encoding.map == 0 && ((row->encoding.opcode_first & 0xf8) == 0xd8 || row->encoding.opcode_first == 0x9b);
  bool other = implicit_access(row, "fpcw")[0] || implicit_access(row, "fpsw")[0];
  bool registers = x87 && insn->mnemonic != ZYDIS_MNEMONIC_FNOP && (!other || insn->mnemonic == ZYDIS_MNEMONIC_FNINIT);
  if ((implicit_access(row, "st")[0] != '\0') != registers || (other && !x87))
    fail(row, code, insn->length, "the oracle does not agree about", "st");
  bool all = insn->mnemonic == ZYDIS_MNEMONIC_VZEROALL, upper = insn->mnemonic == ZYDIS_MNEMONIC_VZEROUPPER;
  if (writes(implicit_access(row, "ymm")) != (all || upper) || reads(implicit_access(row, "ymm")) != upper)
    fail(row, code, insn->length, "the oracle does not agree about", "ymm");
  if ((insn->mnemonic == ZYDIS_MNEMONIC_STMXCSR || insn->mnemonic == ZYDIS_MNEMONIC_VSTMXCSR) !=
      reads(implicit_access(row, "mxcsr")))
    fail(row, code, insn->length, "the oracle does not agree about", "mxcsr");
}

/* Implicit general registers and xmm0, in both directions. */
static void compare_implicit(const struct row *row, const ZydisDecodedInstruction *insn,
                             const ZydisDecodedOperand *operands, const uint8_t *code) {
  static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
  bool said_read[9] = {false}, said_written[9] = {false}, read[9] = {false}, written[9] = {false};
  char copy[128], *save;
  snprintf(copy, sizeof copy, "%s", row->implicit);
  for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    char *access = strchr(word, ':');
    *access++ = '\0';
    int index = strcmp(word, "xmm0") == 0 ? 8 : strcmp(word, "cl") == 0 ? 1 : -1;
    if (strcmp(word, "al") == 0 || strcmp(word, "ah") == 0 || strcmp(word, "ax") == 0)
      index = 0;
    for (int i = 0; i < 8; i++)
      if (strcmp(word, names[i]) == 0)
        index = i;
    if (index < 0)
      continue;
    said_read[index] |= reads(access);
    said_written[index] |= writes(access);
  }
  for (int i = 0; i < insn->operand_count; i++) {
    const ZydisDecodedOperand *operand = &operands[i];
    bool named = operand->encoding != ZYDIS_OPERAND_ENCODING_NONE;
    if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER || named)
      continue;
    ZydisRegister reg = operand->reg.value;
    int index = -1;
    if (reg == ZYDIS_REGISTER_XMM0)
      index = 8;
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    if (whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_RDI)
      index = whole - ZYDIS_REGISTER_RAX;
    if (index < 0)
      continue;
    read[index] |= (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    written[index] |= (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
  }
  for (int i = 0; i < 9; i++) {
    const char *name = i == 8 ? "xmm0" : names[i];
    if (written[i] != said_written[i])
      fail(row, code, insn->length, written[i] ? "implicitly written:" : "not implicitly written:", name);
    if (read[i] && !said_read[i])
      fail(row, code, insn->length, "implicitly read:", name);
  }
}

static bool has_place(const struct row *row, const char *letters) {
  for (const char *word = row->operands; *word; word++)
    if ((word == row->operands || word[-1] == ' ') && strchr(letters, *word))
      return true;
  return false;
}

static unsigned immediate_size(const struct row *row, bool sized, bool w) {
  for (const char *word = row->operands; *word; word++)
    if (word == row->operands || word[-1] == ' ') {
      if (*word == 'L')
        return 1;
      if (*word == 'I' || *word == 'J')
        return word[1] == 'b' ? 1 : word[1] == 'd' ? 4 : sized ? 2 : word[1] == 'v' && w ? 8 : 4;
    }
  return 0;
}

static void try(const struct row *row, bool memory, bool sized, bool w) {
  uint8_t code[32];
  unsigned n = 0;
  bool accesses = memory && !has_place(row, "A");
  if (accesses) {
    code[n++] = 0x65;
    code[n++] = 0x67;
  }
  if (sized)
    code[n++] = 0x66;
  if (row->encoding.vex) {
    bool vvvv = has_place(row, "BH");
    unsigned prefix = row->encoding.prefix, pp = prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
    code[n++] = 0xc4;
    code[n++] = 0xe0 | row->encoding.map;
    code[n++] = w << 7 | (vvvv ? 0x68 : 0x78) | row->encoding.l << 2 | pp; /* vvvv: %rdx */
  } else {
    if (row->encoding.prefix)
      code[n++] = row->encoding.prefix;
    if (w)
      code[n++] = 0x48;
    if (row->encoding.map)
      code[n++] = 0x0f;
    if (row->encoding.map > 1)
      code[n++] = row->encoding.map == 2 ? 0x38 : 0x3a;
  }
  code[n++] = (uint8_t)(row->encoding.opcode_first + (row->encoding.opcode_last > row->encoding.opcode_first ? 6 : 0));
  if (row->encoding.exact_first >= 0)
    code[n++] = (uint8_t)(row->encoding.exact_first + (row->encoding.exact_last > row->encoding.exact_first ? 1 : 0));
  else if (row->encoding.modrm)
    code[n++] = (memory ? 0x00 : 0xc0) | (row->encoding.digit >= 0 ? row->encoding.digit : 3) << 3 | 1;
  unsigned immediate = immediate_size(row, sized, w);
  memset(code + n, 0, immediate);
  n += immediate;
  memset(code + n, 0x90, sizeof code - n);
  encodings++;

  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, sizeof code, &insn, operands))) {
    fail(row, code, n, "not an instruction", "");
    return;
  }
  if (insn.length != n)
    fail(row, code, n, "another length", "");
  if (!same_mnemonic(row, ZydisMnemonicGetString(insn.mnemonic), sized, w))
    fail(row, code, n, "the oracle says", ZydisMnemonicGetString(insn.mnemonic));
  compare_operands(row, &insn, operands, code);
  compare_implicit(row, &insn, operands, code);
  compare_state(row, &insn, operands, code);

  struct verifier_input input = {.code = code, .length = sizeof code, .offset = BASE, .calls = 30};
  struct verifier_outcome outcome;
  uint64_t scratch[2];
  bool plain = !row->rule[0] || strcmp(row->rule, "branch") == 0 || strcmp(row->rule, "address") == 0;
  bool accepted = verifier_check(&input, scratch, NULL, NULL, &outcome);
  if (accepted != plain)
    fail(row, code, n, plain ? "refused by the verifier" : "accepted alone", "");
  if (accepted && !verifier_is_target(&input, scratch, BASE + n))
    fail(row, code, n, "the verifier sees another length", "");
}

static void check_row(char *column[COLUMNS]) {
  struct row row = {.mnemonic = column[0], .operands = column[2], .implicit = column[3], .rule = column[5]};
  row.encoding = list_encoding_parse(column[1]);
  for (int memory = 0; memory < 2; memory++) {
    if (memory ? !has_place(&row, "EMWA") : row.encoding.modrm && !has_place(&row, "ERWU"))
      continue;
    for (int sized = 0; sized <= row.encoding.o16; sized++)
      for (int w = row.encoding.w_must; w <= (row.encoding.w_may || row.encoding.w_must); w++)
        if (!(sized && w))
          try(&row, memory, sized, w);
  }
}

int main(int count, char **arguments) {
  FILE *list = fopen(count > 1 ? arguments[1] : "verifier/allow.list", "r");
  char line[512];
  int rows = 0, literals = 0;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  while (list && fgets(line, sizeof line, list)) {
    line_number++;
    line[strcspn(line, "\n")] = '\0';
    if (!*line || *line == '#')
      continue;
    char *rest = line, *column[COLUMNS], empty[] = "";
    for (int i = 0; i < COLUMNS; i++) {
      char *text = rest ? strsep(&rest, "|") : empty;
      while (*text == ' ')
        text++;
      for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
        *--end = '\0';
      column[i] = text;
    }
    rows++;
    if (column[1][0] == '=')
      literals++;
    else
      check_row(column);
  }
  printf("1..1\n%s 1 - the oracle agrees with each row of the allow-list: %d rows (%d literal), %d encodings, %d "
         "disagreements\n",
         failures || rows < 1000 ? "not ok" : "ok", rows, literals, encodings, failures);
  return failures || rows < 1000;
}
