/* Turns verifier/allow.list into the verifier's tables (a C header on standard output). A host tool of the build. It
 * refuses a list with a word it does not know, an operand that contradicts the encoding, or two rows for one encoding.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifier/form.h"
#include "verifier/verifier.h"

#define ROWS_MOST 4096
#define FORMS_MOST 4096
#define GROUPS_MOST 2048
#define LITERALS_MOST 64

static const char *list_name;
static int line_number;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...) {
  va_list arguments;
  fprintf(stderr, "%s:%d: ", list_name, line_number);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

enum rex_w { W_CLEAR, W_EITHER, W_SET };
enum modrm { MODRM_ABSENT, MODRM_ANY, MODRM_DIGIT, MODRM_EXACT };

/* One row of the list. */
struct row {
  const char *mnemonic;
  bool vex, operand16, lock, norex, plus_register;
  int prefix; /* enum form_prefix; for VEX its pp */
  int map, opcode, l;
  enum rex_w w;
  enum modrm modrm;
  int modrm_first, modrm_last; /* MODRM_DIGIT: the digit; MODRM_EXACT: the bytes */
  char rm;                     /* letter of the operand in ModRM.rm, or 0 */
  bool memory, reg;            /* ModRM.rm may be memory, may be a register */
  char immediate;              /* width letter, or 0 */
  struct verifier_form form;
};

/* The tables before they are folded: for each opcode a cell per ModRM class. Index of a form; 0: none. */
static uint16_t legacy[FORM_LEGACY_SELECTORS][256][FORM_GROUP_CELLS];
static uint16_t vex[FORM_VEX_SELECTORS][256][FORM_GROUP_CELLS];
static int owner_legacy[FORM_LEGACY_SELECTORS][256][FORM_GROUP_CELLS];
static int owner_vex[FORM_VEX_SELECTORS][256][FORM_GROUP_CELLS];

static struct verifier_form forms[FORMS_MOST];
static int form_count = 1; /* form 0 is "not listed" */
static uint16_t groups[GROUPS_MOST][FORM_GROUP_CELLS];
static int group_count;
static struct verifier_literal literals[LITERALS_MOST];
static int literal_count;

static bool is(const char *word, const char *other) { return strcmp(word, other) == 0; }

/* A byte of two lower-case hexadecimal digits; -1 if the word is not one. `rest` is what follows it. */
static int byte_of(const char *word, const char **rest) {
  int value = 0;
  for (int i = 0; i < 2; i++) {
    const char *digits = "0123456789abcdef", *digit = word[i] ? strchr(digits, word[i]) : NULL;
    if (!digit)
      return -1;
    value = value * 16 + (int)(digit - digits);
  }
  *rest = word + 2;
  return value;
}

static bool letter_in(char letter, const char *set) { return letter && strchr(set, letter); }

/* ---- Columns ---- */

/* vex.LENGTH.PREFIX.MAP.W */
static void parse_vex_word(struct row *row, char *word) {
  char *save, *part[5];
  int count = 0;
  for (char *p = strtok_r(word, ".", &save); p && count < 5; p = strtok_r(NULL, ".", &save))
    part[count++] = p;
  if (count != 5)
    fail("a VEX prefix has five parts");
  row->vex = true;
  static const char *const lengths[] = {"128", "256"}, *const prefixes[] = {"np", "66", "f3", "f2"},
                           *const maps[] = {"0f", "0f38", "0f3a"}, *const ws[] = {"w0", "wig", "w1"};
#define LOOK_UP(field, words, text)                                                                                    \
  do {                                                                                                                 \
    int found = -1;                                                                                                    \
    for (int i = 0; i < (int)(sizeof(words) / sizeof(*(words))); i++)                                                  \
      if (is(text, (words)[i]))                                                                                        \
        found = i;                                                                                                     \
    if (found < 0)                                                                                                     \
      fail("unknown part of a VEX prefix: %s", text);                                                                  \
    row->field = found;                                                                                                \
  } while (0)
  LOOK_UP(l, lengths, part[1]);
  LOOK_UP(prefix, prefixes, part[2]);
  LOOK_UP(map, maps, part[3]);
  LOOK_UP(w, ws, part[4]);
#undef LOOK_UP
  row->map++;
}

static void parse_encoding(struct row *row, char *text) {
  char *save, *word = strtok_r(text, " ", &save);
  const char *rest;
  if (word && strncmp(word, "vex.", 4) == 0) {
    parse_vex_word(row, word);
    word = strtok_r(NULL, " ", &save);
  } else {
    static const char *const names[] = {[FORM_66] = "66", [FORM_F3] = "f3", [FORM_F2] = "f2"};
    for (int i = FORM_66; word && i <= FORM_F2; i++)
      if (is(word, names[i])) {
        row->prefix = i;
        word = strtok_r(NULL, " ", &save);
        break;
      }
    if (word && is(word, "0f")) {
      row->map = 1;
      word = strtok_r(NULL, " ", &save);
      if (word && (is(word, "38") || is(word, "3a"))) {
        row->map = is(word, "38") ? 2 : 3;
        word = strtok_r(NULL, " ", &save);
      }
    }
  }
  if (!word || (row->opcode = byte_of(word, &rest)) < 0)
    fail("no opcode");
  if (is(rest, "+r")) {
    row->plus_register = true;
    if (row->opcode & 7)
      fail("the opcode's low bits are not free for a register");
  } else if (*rest) {
    fail("unknown word in the encoding: %s", word);
  }
  while ((word = strtok_r(NULL, " ", &save))) {
    int byte;
    if (is(word, "/r")) {
      row->modrm = MODRM_ANY;
    } else if (word[0] == '/' && word[1] >= '0' && word[1] <= '7' && !word[2]) {
      row->modrm = MODRM_DIGIT;
      row->modrm_first = word[1] - '0';
    } else if ((byte = byte_of(word, &rest)) >= 0xc0 && (!*rest || is(rest, "+i")) && row->modrm == MODRM_ABSENT) {
      row->modrm = MODRM_EXACT;
      row->modrm_first = byte;
      row->modrm_last = *rest ? byte + 7 : byte;
      if (*rest && (byte & 7))
        fail("+i needs a multiple of 8");
    } else if (is(word, "o16") && !row->vex && row->prefix != FORM_66) {
      row->operand16 = true;
    } else if (is(word, "w") && !row->vex) {
      row->w = W_EITHER;
    } else if (is(word, "w1") && !row->vex) {
      row->w = W_SET;
    } else if (is(word, "lock") && !row->vex) {
      row->lock = true;
    } else if (is(word, "norex") && !row->vex) {
      row->norex = true;
    } else {
      fail("unknown word in the encoding: %s", word);
    }
  }
}

/* PLACE WIDTH [: ACCESS] */
static void parse_operands(struct row *row, char *text) {
  char *save, *word;
  bool first = true;
  for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save), first = false) {
    char place = word[0], *access = strchr(word, ':'), *width = word + 1;
    if (access)
      *access++ = '\0';
    bool general = letter_in(place, "EGBRZ"), vector = letter_in(place, "WVHUL"),
         number = isdigit((unsigned char)*width);
    if (letter_in(place, "IJ") ? access || !(is(width, "b") || is(width, place == 'I' ? "z" : "d") || is(width, "v"))
        : place == 'A'         ? access || *width
                               : !access || !(is(access, "r") || is(access, "w") || is(access, "rw")))
      fail("operand %s: width or access", word);
    if (general && !(width[0] && !width[1] && strchr("bwdqyv", width[0])))
      fail("operand %s: not the width of a general register", word);
    if (number) {
      int bits = atoi(width);
      if (!letter_in(place, "MW") || bits < 8 || bits > 256 || bits % 8)
        fail("operand %s: bits", word);
    } else if ((vector && !is(width, "x")) || (place == 'M' && !(width[0] && !width[1] && strchr("vyx", width[0])))) {
      fail("operand %s: width", word);
    }
    bool writes = access && strchr(access, 'w'), byte = is(width, "b");
    struct verifier_form *form = &row->form;
    switch (place) {
    case 'E':
    case 'R':
    case 'M':
    case 'W':
    case 'U':
    case 'A':
      if (row->rm)
        fail("two operands in ModRM.rm");
      row->rm = place;
      row->memory = letter_in(place, "EMWA");
      row->reg = letter_in(place, "ERWU");
      if (writes && letter_in(place, "ER"))
        form->writes |= FORM_WRITES_RM | (byte ? FORM_BYTE_RM : 0);
      break;
    case 'G':
      if (writes)
        form->writes |= FORM_WRITES_REG | (byte ? FORM_BYTE_REG : 0);
      /* fall through */
    case 'V':
      if (row->modrm != MODRM_ANY)
        fail("operand %s: there is no ModRM.reg", word);
      break;
    case 'B':
      if (writes)
        form->writes |= FORM_WRITES_VVVV;
      /* fall through */
    case 'H':
      if (!row->vex || (form->flags & FORM_VVVV))
        fail("operand %s: there is no VEX.vvvv", word);
      form->flags |= FORM_VVVV;
      break;
    case 'Z':
      if (!row->plus_register)
        fail("operand %s: there is no register in the opcode", word);
      if (writes)
        form->writes |= FORM_WRITES_OPCODE | (byte ? FORM_BYTE_OPCODE : 0);
      break;
    case 'I':
    case 'J':
    case 'L':
      if (row->immediate)
        fail("two immediates");
      row->immediate = place == 'L' ? 'b' : *width;
      break;
    default:
      fail("unknown operand %s", word);
    }
    if (first && row->lock && !(letter_in(place, "EM") && writes))
      fail("lock needs a first operand in memory that is written");
  }
  if (row->modrm == MODRM_EXACT ? row->rm != 0 : (row->modrm != MODRM_ABSENT) != (row->rm != 0))
    fail("the operands and the ModRM byte do not agree");
}

static void parse_implicit(const struct row *row, char *text) {
  static const char *const names[] = {"al",  "ah",    "ax",    "cl",     "rax", "rbx",  "rcx",  "rdx",   "rsi",  "rdi",
                                      "rsp", "flags", "stack", "memory", "st",  "fpcw", "fpsw", "mxcsr", "xmm0", "ymm"};
  char *save;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    char *access = strchr(word, ':');
    if (!access)
      fail("%s has no access", word);
    *access++ = '\0';
    bool known = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
      known |= is(word, names[i]);
    if (!known || !(is(access, "r") || is(access, "w") || is(access, "rw")))
      fail("unknown implicit operand %s:%s", word, access);
    const char *name = row->mnemonic;
    if (is(word, "rsp") && !(is(name, "push") || is(name, "pop") || is(name, "call") || is(name, "ret")))
      fail("%s may not use rsp", name);
    if (is(word, "memory") && row->form.kind != FORM_STRING)
      fail("%s may not use memory that no operand names", name);
  }
}

static uint32_t parse_features(char *text) {
  static const struct {
    const char *name;
    uint32_t bit;
  } names[] = {
#define FEATURE_NAME(name, number, label) {#name, 1u << (number)},
      VERIFIER_FEATURES(FEATURE_NAME)
#undef FEATURE_NAME
  };
  uint32_t features = 0;
  char *save;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    uint32_t bit = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
      if (is(word, names[i].name))
        bit = names[i].bit;
    if (!bit || (features & bit))
      fail("unknown or repeated feature %s", word);
    features |= bit;
  }
  return features;
}

static enum form_kind parse_rule(const struct row *row, const char *text) {
  static const char *const names[] = {[FORM_PLAIN] = "",        [FORM_BRANCH] = "branch", [FORM_INDIRECT] = "indirect",
                                      [FORM_RETURN] = "return", [FORM_STRING] = "string", [FORM_ADDRESS] = "address"};
  for (int i = 0; i <= FORM_ADDRESS; i++)
    if (is(text, names[i])) {
      if ((i == FORM_ADDRESS) != (row->rm == 'A'))
        fail("the rule `address' goes with the operand A");
      return i;
    }
  fail("unknown rule %s", text);
}

/* ---- Tables ---- */

static uint16_t intern_form(const struct verifier_form *form) {
  for (int i = 1; i < form_count; i++)
    if (memcmp(&forms[i], form, sizeof *form) == 0)
      return i;
  if (form_count == FORMS_MOST)
    fail("too many forms");
  forms[form_count] = *form;
  return form_count++;
}

static void place(uint16_t cells[FORM_GROUP_CELLS], int owners[FORM_GROUP_CELLS], const struct row *row,
                  uint16_t form) {
  for (int i = 0; i < FORM_GROUP_CELLS; i++) {
    bool memory = i < 8;
    int reg = memory ? i : (i - 8) >> 3, byte = 0xc0 + (i - 8);
    bool here = row->modrm == MODRM_ABSENT ? true
                : row->modrm == MODRM_EXACT
                    ? !memory && byte >= row->modrm_first && byte <= row->modrm_last
                    : (row->modrm == MODRM_ANY || reg == row->modrm_first) && (memory ? row->memory : row->reg);
    if (!here)
      continue;
    if (cells[i])
      fail("overlaps line %d", owners[i]);
    cells[i] = form;
    owners[i] = line_number;
  }
}

/* A form with all that may stand before and after its opcode is not longer than the processor takes. */
static void check_length(const struct row *row, bool sized, unsigned immediate) {
  unsigned prefixes =
      row->vex ? 3 : sized + (row->prefix != FORM_NONE) + row->lock + !row->norex + (row->map > 0) + (row->map > 1);
  unsigned address = row->modrm == MODRM_ABSENT ? 0
                     : row->memory              ? 2 + 1 + 1 + 4
                                                : 1; /* 65 67, ModRM, SIB, displacement */
  if (prefixes + 1 + address + immediate > 15)
    fail("an instruction of more than 15 bytes");
}

static void place_row(const struct row *row) {
  for (int sized = 0; sized <= row->operand16; sized++)
    for (int w = row->w == W_SET; w <= (row->w != W_CLEAR); w++) {
      if (sized && w)
        continue; /* 66 and REX.W together: the first would do nothing */
      struct verifier_form form = row->form;
      switch (row->immediate) {
      case 0:
        form.immediate = 0;
        break;
      case 'b':
        form.immediate = 1;
        break;
      case 'd':
        form.immediate = 4;
        break;
      case 'z':
        form.immediate = sized ? 2 : 4;
        break;
      case 'v':
        form.immediate = sized ? 2 : w ? 8 : 4;
        break;
      }
      check_length(row, sized, form.immediate);
      if (row->modrm != MODRM_ABSENT)
        form.flags |= FORM_MODRM;
      if (row->lock)
        form.flags |= FORM_LOCK;
      if (row->norex)
        form.flags |= FORM_NOREX;
      uint16_t index = intern_form(&form);
      static const int with_66[] = {[FORM_NONE] = FORM_66, [FORM_F3] = FORM_66_F3, [FORM_F2] = FORM_66_F2};
      int prefix = sized ? with_66[row->prefix] : row->prefix;
      for (int opcode = row->opcode; opcode <= row->opcode + (row->plus_register ? 7 : 0); opcode++) {
        int selector =
            row->vex ? FORM_VEX_SELECTOR(row->map, row->prefix, row->l, w) : FORM_LEGACY_SELECTOR(row->map, prefix, w);
        if (row->vex)
          place(vex[selector][opcode], owner_vex[selector][opcode], row, index);
        else
          place(legacy[selector][opcode], owner_legacy[selector][opcode], row, index);
      }
    }
}

static void parse_literal(char *text) {
  if (literal_count == LITERALS_MOST)
    fail("too many literal instructions");
  struct verifier_literal literal = {0};
  char *save;
  const char *rest;
  for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    int byte = byte_of(word, &rest);
    if (byte < 0 || *rest || literal.length == 15)
      fail("not a byte, or too many: %s", word);
    literal.bytes[literal.length / 8] |= (uint64_t)byte << literal.length % 8 * 8;
    literal.mask[literal.length / 8] |= (uint64_t)0xff << literal.length % 8 * 8;
    literal.length++;
  }
  if (!literal.length)
    fail("an empty literal");
  for (int i = 0; i < literal_count; i++) {
    bool same = true;
    for (int j = 0; j < 2; j++)
      same &= ((literals[i].bytes[j] ^ literal.bytes[j]) & literals[i].mask[j] & literal.mask[j]) == 0;
    if (same)
      fail("one literal begins with another");
  }
  literals[literal_count++] = literal;
}

static char *trim(char *text) {
  while (*text == ' ')
    text++;
  for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
    *--end = '\0';
  return text;
}

static void parse_line(char *line) {
  enum { MNEMONIC, ENCODING, OPERANDS, IMPLICIT, FEATURES, RULE, COLUMNS };
  char empty[] = "", *column[COLUMNS];
  for (int i = 0; i < COLUMNS; i++) {
    column[i] = line ? strsep(&line, "|") : empty;
    column[i] = trim(column[i]);
  }
  if (line)
    fail("too many columns");
  if (!*column[MNEMONIC])
    fail("a row has a mnemonic");
  if (column[ENCODING][0] == '=') {
    parse_literal(column[ENCODING] + 1);
    return;
  }
  struct row row = {.mnemonic = column[MNEMONIC]};
  parse_encoding(&row, column[ENCODING]);
  parse_operands(&row, column[OPERANDS]);
  row.form.kind = parse_rule(&row, column[RULE]);
  parse_implicit(&row, column[IMPLICIT]);
  row.form.features = parse_features(column[FEATURES]);
  place_row(&row);
}

/* ---- Output ---- */

/* One value for an opcode whose cells are all alike, otherwise a group. */
static unsigned fold(const uint16_t cells[FORM_GROUP_CELLS]) {
  bool alike = true;
  for (int i = 1; i < FORM_GROUP_CELLS; i++)
    alike &= cells[i] == cells[0];
  if (alike)
    return cells[0];
  for (int i = 0; i < group_count; i++)
    if (memcmp(groups[i], cells, sizeof groups[i]) == 0)
      return FORM_GROUP | i;
  if (group_count == GROUPS_MOST)
    fail("too many groups");
  memcpy(groups[group_count], cells, sizeof groups[group_count]);
  return FORM_GROUP | group_count++;
}

static void print_cells(const uint16_t *cells, int count) {
  printf("  {");
  for (int i = 0; i < count; i++)
    printf("%u,%s", cells[i], i % 24 == 23 ? "\n   " : "");
  printf("},\n");
}

static void print_table(const char *name, int selectors, uint16_t table[][256][FORM_GROUP_CELLS]) {
  printf("static const uint16_t %s[%d][256] = {\n", name, selectors);
  for (int i = 0; i < selectors; i++) {
    uint16_t cells[256];
    for (int j = 0; j < 256; j++)
      cells[j] = fold(table[i][j]);
    print_cells(cells, 256);
  }
  printf("};\n");
}

static int literal_order(const void *a, const void *b) {
  int first = ((const struct verifier_literal *)a)->bytes[0] & 0xff;
  int second = ((const struct verifier_literal *)b)->bytes[0] & 0xff;
  return first - second;
}

static void print_literals(void) {
  qsort(literals, literal_count, sizeof *literals, literal_order);
  printf("static const struct verifier_literal verifier_literals[%d] = {\n", literal_count);
  for (int i = 0; i < literal_count; i++)
    printf("  {{0x%llx, 0x%llx}, {0x%llx, 0x%llx}, %u},\n", (unsigned long long)literals[i].bytes[0],
           (unsigned long long)literals[i].bytes[1], (unsigned long long)literals[i].mask[0],
           (unsigned long long)literals[i].mask[1], literals[i].length);
  printf("};\n/* Literals that begin with byte B are [first[B], first[B + 1]). */\n");
  printf("static const uint8_t verifier_literal_first[257] = {");
  for (int byte = 0; byte <= 256; byte++) {
    int before = 0;
    while (before < literal_count && (int)(literals[before].bytes[0] & 0xff) < byte)
      before++;
    printf("%d,", before);
  }
  printf("};\n");
}

int main(int count, char **arguments) {
  list_name = count == 2 ? arguments[1] : "generate";
  FILE *list = count == 2 ? fopen(arguments[1], "r") : NULL;
  if (!list)
    fail("usage: generate ALLOW.LIST");
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  while ((length = getline(&line, &capacity, list)) >= 0) {
    line_number++;
    while (length && (line[length - 1] == '\n' || line[length - 1] == ' '))
      line[--length] = '\0';
    if (memchr(line, 0, length) || strchr(line, '\t'))
      fail("NUL or tab");
    char copy[512];
    if (length >= (ssize_t)sizeof copy)
      fail("the line is too long");
    memcpy(copy, line, (size_t)length + 1);
    if (*line && *line != '#')
      parse_line(copy);
  }
  free(line);
  if (ferror(list) || fclose(list))
    fail("reading failed");

  printf("/* Generated by verifier/generate.c from verifier/allow.list. */\n");
  print_table("verifier_legacy", FORM_LEGACY_SELECTORS, legacy);
  print_table("verifier_vex", FORM_VEX_SELECTORS, vex);
  printf("static const uint16_t verifier_groups[%d][%d] = {\n", group_count, FORM_GROUP_CELLS);
  for (int i = 0; i < group_count; i++)
    print_cells(groups[i], FORM_GROUP_CELLS);
  printf("};\nstatic const struct verifier_form verifier_forms[%d] = {\n", form_count);
  for (int i = 0; i < form_count; i++)
    printf("  {0x%x, 0x%x, 0x%x, %u, %u},\n", forms[i].features, forms[i].writes, forms[i].flags, forms[i].immediate,
           forms[i].kind);
  printf("};\n");
  print_literals();
  if (fflush(stdout) || ferror(stdout))
    fail("writing failed");
  return 0;
}
