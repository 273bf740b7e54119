/* Reads assembly source: statements, labels, sections and the other directives. Called once a file by the assembler
 * front end. Instructions go on to rewrite.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolchain/assembly.h"

static bool is_name_start(char c) { return isalpha((unsigned char)c) || c == '_' || c == '.' || c == '$'; }

static bool is_name(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$'; }

static char *skip_space(char *text) {
  while (*text == ' ' || *text == '\t')
    text++;
  return text;
}

static void trim_end(char *text) {
  size_t length = strlen(text);
  while (length && isspace((unsigned char)text[length - 1]))
    text[--length] = 0;
}

/* ---- Sections ---- */

static bool has_prefix(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

static uint32_t section_find(struct assembly *assembly, const char *name, const char *flags) {
  for (uint32_t i = 0; i < assembly->section_count; i++)
    if (strcmp(assembly->sections[i].name, name) == 0)
      return i;
  assembly->sections = realloc(assembly->sections, (assembly->section_count + 1) * sizeof *assembly->sections);
  if (!assembly->sections)
    abort();
  struct section *section = &assembly->sections[assembly->section_count];
  *section = (struct section){.name = memory_copy(name, strlen(name)), .align = 5};
  if (flags) {
    section->code = strchr(flags, 'x') != NULL;
    section->loaded = strchr(flags, 'a') != NULL;
  } else {
    section->code = has_prefix(name, ".text") || strcmp(name, ".init") == 0 || strcmp(name, ".fini") == 0;
    section->loaded = !has_prefix(name, ".debug") && !has_prefix(name, ".comment") && !has_prefix(name, ".note") &&
                      !has_prefix(name, ".gnu.");
  }
  return (uint32_t)assembly->section_count++;
}

static void section_enter(struct assembly *assembly, uint32_t section, const char *directive) {
  assembly->previous_section = assembly->section;
  assembly->section = section;
  item_append(assembly, ITEM_SECTION)->string = directive;
}

#define SUBSECTION_MOST 8192u /* of the assembler */

/* The part of the section that the number stands for: a section of its own to us, because the assembler puts the parts
 * one behind the other. Part 0 is the section itself. */
static uint32_t subsection_find(struct assembly *assembly, uint32_t section, const char *number) {
  struct section whole = assembly->sections[section];
  char *end;
  unsigned long part = strtoul(number, &end, 10);
  if (!isdigit((unsigned char)*number) || (*number == '0' && end > number + 1) || *skip_space(end) ||
      part > SUBSECTION_MOST) {
    assembly_error(assembly, "a subsection is given by a plain number, not by %s", number);
    return section;
  }
  char *name = memory_format("%.*s", (int)strcspn(whole.name, "\n"), whole.name);
  uint32_t found = section_find(assembly, part ? memory_format("%s\n%lu", name, part) : name, NULL);
  assembly->sections[found].code = whole.code;
  assembly->sections[found].loaded = whole.loaded;
  return found;
}

/* Name, and part or flags, of a .section or .pushsection directive. */
static uint32_t section_parse(struct assembly *assembly, const char *operands) {
  char name[256];
  char flags[64];
  size_t length = 0;
  bool quoted = *operands == '"';
  if (quoted)
    operands++;
  while (*operands && (quoted ? *operands != '"' : *operands != ',' && !isspace((unsigned char)*operands)) &&
         length + 1 < sizeof name)
    name[length++] = *operands++;
  name[length] = 0;
  const char *quote = strchr(operands, ',');
  if (quote && isdigit((unsigned char)*skip_space((char *)quote + 1)))
    return subsection_find(assembly, section_find(assembly, name, NULL), skip_space((char *)quote + 1));
  if (quote)
    quote = strchr(quote, '"');
  if (!quote)
    return section_find(assembly, name, NULL);
  length = 0;
  for (quote++; *quote && *quote != '"' && length + 1 < sizeof flags; quote++)
    flags[length++] = *quote;
  flags[length] = 0;
  return section_find(assembly, name, flags);
}

/* ---- Symbols in expressions ---- */

void source_mark_taken(struct assembly *assembly, const char *expression) {
  for (const char *at = expression; *at;) {
    if (is_name_start(*at)) {
      const char *start = at;
      while (is_name(*at))
        at++;
      if (at - start > 1 || *start != '.')
        symbol_find(assembly, start, (size_t)(at - start))->aligned = true;
      if (*at == '@')
        for (at++; is_name(*at);)
          at++;
    } else if (isdigit((unsigned char)*at)) {
      while (isalnum((unsigned char)*at))
        at++;
    } else if (*at == '%' || *at == '@') {
      for (at++; is_name(*at);)
        at++;
    } else if (*at == '"') {
      for (at++; *at && *at != '"'; at++)
        ;
      at += *at != 0;
    } else {
      at++;
    }
  }
}

/* Replaces references to numeric labels (1b, 2f) by names that are defined once. */
static char *replace_numeric(struct assembly *assembly, char *text) {
  char *result = NULL;
  size_t length = 0;
  char *copied = text;
  for (char *at = text; *at;) {
    if (*at == '"') {
      for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
      at += *at != 0;
    } else if (is_name(*at) && !isdigit((unsigned char)*at)) {
      while (is_name(*at))
        at++;
    } else if (isdigit((unsigned char)*at)) {
      char *start = at;
      unsigned long number = strtoul(start, &at, 10);
      if ((*at == 'b' || *at == 'f') && !is_name(at[1]) && number < NUMERIC_LABELS) {
        uint32_t count = assembly->numeric[number] + (*at == 'f');
        if (!result)
          result = memory_allocate(strlen(text) * 8 + 64);
        length += (size_t)sprintf(result + length, "%.*s.Lsn%lu_%u", (int)(start - copied), copied, number, count);
        copied = ++at;
      } else {
        while (is_name(*at))
          at++;
      }
    } else {
      at++;
    }
  }
  if (!result)
    return text;
  strcpy(result + length, copied);
  return result;
}

/* ---- Directives ---- */

static bool is_one_of(const char *name, const char *const list[]) {
  for (; *list; list++)
    if (strcmp(name, *list) == 0)
      return true;
  return false;
}

static void append_raw(struct assembly *assembly, const char *text) {
  item_append(assembly, ITEM_RAW)->string = memory_copy(text, strlen(text));
}

static void directive_align(struct assembly *assembly, const char *operands, bool power) {
  char *end;
  unsigned long value = strtoul(operands, &end, 0);
  unsigned long most = 0;
  const char *comma = strchr(end, ',');
  if (comma)
    comma = strchr(comma + 1, ',');
  if (comma)
    most = strtoul(comma + 1, NULL, 0);
  unsigned long align = power ? value : 0;
  while (!power && align <= 12 && 1ul << align < value)
    align++;
  if (align > 12) {
    assembly_error(assembly, "code cannot be aligned to more than a page");
    return;
  }
  struct item *item = item_append(assembly, ITEM_ALIGN);
  item->align = (uint8_t)align;
  item->align_most = (uint32_t)most;
  if (align > assembly->sections[assembly->section].align && !most)
    assembly->sections[assembly->section].align = (uint8_t)align;
}

/* Marks the symbols of a comma-separated list. */
static void directive_binding(struct assembly *assembly, char *operands, bool weak) {
  for (char *at = operands; *at;) {
    while (*at && !is_name(*at))
      at++;
    char *start = at;
    while (is_name(*at))
      at++;
    if (at == start)
      break;
    struct symbol *symbol = symbol_find(assembly, start, (size_t)(at - start));
    symbol->global = true;
    symbol->weak |= weak;
    symbol->aligned = true;
  }
}

static void assignment(struct assembly *assembly, const char *name, size_t length, char *value, const char *statement) {
  if (length == 1 && *name == '.') {
    assembly_error(assembly, "the place cannot be set: instructions change their length");
    return;
  }
  struct symbol *symbol = symbol_find(assembly, name, length);
  value = skip_space(value);
  char *end;
  strtoll(value, &end, 0);
  if (end != value && *skip_space(end) == 0) {
    assembly->constants = realloc(assembly->constants, (assembly->constant_count + 1) * sizeof *assembly->constants);
    if (!assembly->constants)
      abort();
    assembly->constants[assembly->constant_count++] =
        (struct constant){memory_copy(statement, strlen(statement)), assembly->where};
  } else {
    source_mark_taken(assembly, value);
    symbol->global = true; /* an alias: reached by the long form of a jump, wherever it is */
  }
  symbol->defined = true;
  symbol->section = UINT32_MAX;
  append_raw(assembly, statement);
}

static const char *const data_directives[] = {
    ".byte", ".2byte", ".4byte",  ".8byte",  ".short",  ".hword",   ".value",   ".word", ".int",
    ".long", ".quad",  ".octa",   ".ascii",  ".asciz",  ".string",  ".zero",    ".skip", ".space",
    ".fill", ".float", ".double", ".single", ".tfloat", ".uleb128", ".sleb128", ".dc.a", ".dc.b",
    ".dc.w", ".dc.l",  ".inst",   ".org",    ".incbin", ".dcb.b",   ".ds.b",    NULL};
static const char *const small_data[] = {".byte",  ".2byte", ".4byte", ".8byte", ".short", ".hword",
                                         ".value", ".word",  ".int",   ".long",  ".quad",  NULL};
static const char *const refused[] = {".rept",      ".rep",
                                      ".irp",       ".irpc",
                                      ".irep",      ".irepc",
                                      ".endr",      ".exitm",
                                      ".purgem",    ".altmacro",
                                      ".include",   ".code16",
                                      ".code16gcc", ".code32",
                                      ".reloc",     ".nops",
                                      ".struct",    ".offset",
                                      ".mri",       ".end",
                                      ".endm",      ".bundle_align_mode",
                                      NULL};

/* Those that make no bytes where they stand. */
static const char *const harmless[] = {
    ".loc",        ".file",  ".line",  ".size",    ".hidden",      ".internal", ".protected",       ".local",
    ".comm",       ".lcomm", ".ident", ".extern",  ".symver",      ".weakref",  ".code64",          ".arch",
    ".version",    ".title", ".sbttl", ".list",    ".nolist",      ".eject",    ".print",           ".warning",
    ".error",      ".err",   ".abort", ".addrsig", ".addrsig_sym", ".ln",       ".loc_mark_labels", ".gnu_attribute",
    ".att_syntax", NULL};

static void directive(struct assembly *assembly, char *statement) {
  char name[64];
  size_t length = 0;
  while (is_name(statement[length]) && length + 1 < sizeof name) {
    name[length] = statement[length];
    length++;
  }
  name[length] = 0;
  char *operands = skip_space(statement + length);
  struct section *section = &assembly->sections[assembly->section];

  if (strcmp(name, ".cfi_startproc") == 0) {
    assembly->frames_open++;
    assembly->frame = assembly->where;
  } else if (strcmp(name, ".cfi_endproc") == 0 && assembly->frames_open) {
    assembly->frames_open--;
  }
  if (strcmp(name, ".loc") == 0) {
    append_raw(assembly, statement);
    return;
  }
  if (strcmp(name, ".text") == 0 || strcmp(name, ".data") == 0 || strcmp(name, ".bss") == 0) {
    uint32_t found = section_find(assembly, name, NULL);
    section_enter(assembly, *operands ? subsection_find(assembly, found, operands) : found,
                  memory_copy(statement, strlen(statement)));
    return;
  }
  if (strcmp(name, ".subsection") == 0) {
    section_enter(assembly, subsection_find(assembly, assembly->section, operands),
                  memory_copy(statement, strlen(statement)));
    return;
  }
  if (strcmp(name, ".section") == 0) {
    section_enter(assembly, section_parse(assembly, operands), memory_copy(statement, strlen(statement)));
    return;
  }
  if (strcmp(name, ".pushsection") == 0) {
    if (assembly->section_depth == sizeof assembly->section_stack / sizeof assembly->section_stack[0]) {
      assembly_error(assembly, "sections are nested too deeply");
      return;
    }
    assembly->section_stack[assembly->section_depth][0] = assembly->section;
    assembly->section_stack[assembly->section_depth++][1] = assembly->previous_section;
    section_enter(assembly, section_parse(assembly, operands), memory_copy(statement, strlen(statement)));
    return;
  }
  if (strcmp(name, ".popsection") == 0) {
    if (assembly->section_depth == 0) {
      assembly_error(assembly, ".popsection without .pushsection");
      return;
    }
    uint32_t *saved = assembly->section_stack[--assembly->section_depth];
    section_enter(assembly, saved[0], ".popsection");
    assembly->previous_section = saved[1];
    return;
  }
  if (strcmp(name, ".previous") == 0) {
    section_enter(assembly, assembly->previous_section, ".previous");
    return;
  }
  if (is_one_of(name, refused) || has_prefix(name, ".if") || has_prefix(name, ".else")) {
    assembly_error(assembly, "the directive %s is not supported: the rewriter must see every instruction", name);
    return;
  }
  if (strcmp(name, ".intel_syntax") == 0) {
    assembly_error(assembly, "Intel syntax is not supported; use AT&T syntax");
    return;
  }
  if (strcmp(name, ".globl") == 0 || strcmp(name, ".global") == 0 || strcmp(name, ".weak") == 0) {
    directive_binding(assembly, operands, name[1] == 'w');
    append_raw(assembly, statement);
    return;
  }
  if (strcmp(name, ".type") == 0) {
    size_t symbol_length = 0;
    while (is_name(operands[symbol_length]))
      symbol_length++;
    if (strstr(operands + symbol_length, "function") || strstr(operands + symbol_length, "FUNC"))
      symbol_find(assembly, operands, symbol_length)->aligned = true;
    append_raw(assembly, statement);
    return;
  }
  if (strcmp(name, ".set") == 0 || strcmp(name, ".equ") == 0 || strcmp(name, ".equiv") == 0) {
    char *comma = strchr(operands, ',');
    if (comma) {
      size_t symbol_length = 0;
      while (is_name(operands[symbol_length]))
        symbol_length++;
      assignment(assembly, operands, symbol_length, replace_numeric(assembly, comma + 1), statement);
      return;
    }
  }
  if (section->code) {
    if (strcmp(name, ".p2align") == 0) {
      directive_align(assembly, operands, true);
      return;
    }
    if (strcmp(name, ".align") == 0 || strcmp(name, ".balign") == 0) {
      directive_align(assembly, operands, false);
      return;
    }
    if (is_one_of(name, small_data)) {
      struct item *item = item_append(assembly, ITEM_CODE);
      char *text = replace_numeric(assembly, statement);
      source_mark_taken(assembly, text + length);
      item->text = text_find(assembly, text);
      return;
    }
    if (is_one_of(name, data_directives)) {
      assembly_error(assembly, "data among code (%s): put it in a section of its own", name);
      return;
    }
    if (!is_one_of(name, harmless) && !has_prefix(name, ".cfi_")) {
      assembly_error(assembly, "the directive %s is not supported among code", name);
      return;
    }
    append_raw(assembly, replace_numeric(assembly, statement));
    return;
  }
  if (section->loaded && is_one_of(name, small_data)) {
    operands = replace_numeric(assembly, operands);
    source_mark_taken(assembly, operands);
    item_append(assembly, ITEM_RAW)->string = memory_format("%s %s", name, operands);
    return;
  }
  append_raw(assembly, *operands == '"' ? statement : replace_numeric(assembly, statement));
}

/* ---- Statements ---- */

static void define_label(struct assembly *assembly, const char *name, size_t length) {
  struct symbol *symbol = symbol_find(assembly, name, length);
  if (symbol->defined && assembly->sections[assembly->section].code) {
    assembly_error(assembly, "the label %s is defined twice", symbol->name);
    return;
  }
  symbol->defined = true;
  symbol->section = assembly->section;
  item_append(assembly, ITEM_LABEL)->symbol = symbol;
}

void source_read_statement(struct assembly *assembly, char *statement) {
  if (macro_define(assembly, statement))
    return;
  for (;;) {
    statement = skip_space(statement);
    trim_end(statement);
    if (!*statement)
      return;
    if (isdigit((unsigned char)*statement)) {
      char *end;
      unsigned long number = strtoul(statement, &end, 10);
      end = skip_space(end);
      if (*end != ':' || number >= NUMERIC_LABELS) {
        assembly_error(assembly, "not a statement: %s", statement);
        return;
      }
      char name[48];
      int length = snprintf(name, sizeof name, ".Lsn%lu_%u", number, ++assembly->numeric[number]);
      define_label(assembly, name, (size_t)length);
      statement = end + 1;
      continue;
    }
    if (is_name_start(*statement)) {
      char *end = statement;
      while (is_name(*end))
        end++;
      char *after = skip_space(end);
      if (*after == ':') {
        define_label(assembly, statement, (size_t)(end - statement));
        statement = after + 1;
        continue;
      }
      if (*after == '=' && after[1] != '=') {
        assignment(assembly, statement, (size_t)(end - statement), after + 1, statement);
        return;
      }
    }
    if (macro_expand(assembly, statement))
      return;
    if (*statement == '.') {
      directive(assembly, statement);
      return;
    }
    if (!assembly->sections[assembly->section].code) {
      assembly_error(assembly, "an instruction in %s, which is not a code section: %s",
                     assembly->sections[assembly->section].name, statement);
      return;
    }
    rewrite_instruction(assembly, replace_numeric(assembly, statement));
    return;
  }
}

/* A line "# 12 "file"": what follows comes from there. */
static bool read_line_marker(struct assembly *assembly, const char *line) {
  char *end;
  const char *at = line + 1;
  while (*at == ' ' || *at == '\t')
    at++;
  if (strncmp(at, "line", 4) == 0)
    at += 4;
  unsigned long number = strtoul(at, &end, 10);
  if (end == at)
    return false;
  while (*end == ' ' || *end == '\t')
    end++;
  if (*end == '"') {
    const char *close = strchr(end + 1, '"');
    if (!close)
      return false;
    if (close > end + 1)
      assembly->where.file = memory_copy(end + 1, (size_t)(close - end - 1));
  } else if (*end) {
    return false;
  }
  assembly->where.line = (uint32_t)number - 1; /* it names the next line */
  return true;
}

/* Blanks comments out and ends statements with NUL; strings are left alone. Statements are read as they end. */
static void read_line(struct assembly *assembly, char *line, const struct location *physical, bool *in_comment) {
  if (!*in_comment) {
    char *start = skip_space(line);
    if (*start == '#') {
      if (strncmp(start, "#NO_APP", 7) == 0)
        assembly->where = *physical;
      else
        read_line_marker(assembly, start);
      return;
    }
    if (start[0] == '/' && start[1] != '*')
      return;
  }
  char *start = line;
  char *at = line;
  while (*at) {
    if (*in_comment) {
      if (at[0] == '*' && at[1] == '/') {
        at[0] = at[1] = ' ';
        at += 2;
        *in_comment = false;
      } else {
        *at++ = ' ';
      }
    } else if (*at == '"') {
      for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
      if (!*at) {
        assembly_error(assembly, "the string does not end in its line");
        return;
      }
      at++;
    } else if (*at == '\'' && at[1]) {
      at += 2;
    } else if (at[0] == '/' && at[1] == '*') {
      at[0] = at[1] = ' ';
      at += 2;
      *in_comment = true;
    } else if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
      *at = 0;
    } else if (*at == ';') {
      *at++ = 0;
      source_read_statement(assembly, start);
      start = at;
    } else {
      at++;
    }
  }
  source_read_statement(assembly, start);
}

void source_read(struct assembly *assembly, const char *file, const char *bytes, size_t length) {
  struct location physical = {file, 0};
  assembly->where = physical;
  assembly->section = section_find(assembly, ".text", NULL);
  assembly->previous_section = assembly->section;
  item_append(assembly, ITEM_SECTION)->string = ".text";
  bool in_comment = false;
  for (size_t at = 0; at < length;) {
    const char *newline = memchr(bytes + at, '\n', length - at);
    size_t end = newline ? (size_t)(newline - bytes) : length;
    char *line = memory_copy(bytes + at, end - at);
    physical.line++;
    assembly->where.line++;
    read_line(assembly, line, &physical, &in_comment);
    at = end + 1;
  }
}

void source_end(struct assembly *assembly) {
  if (!assembly->frames_open)
    return;
  assembly->where = assembly->frame;
  assembly_error(assembly, ".cfi_startproc without .cfi_endproc");
}
