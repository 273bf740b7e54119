/* The assembler's macros: .macro NAME ARGUMENT[=DEFAULT]… to .endm, \ARGUMENT, \() and \@. They are expanded here
 * because the rewriter must see every instruction. Called for each statement by source.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolchain/assembly.h"

#define DEPTH_MOST 32u

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$'; }

static char *skip(char *text) {
  while (isspace((unsigned char)*text))
    text++;
  return text;
}

static bool starts_with_word(const char *statement, const char *word) {
  size_t length = strlen(word);
  return strncmp(statement, word, length) == 0 && !is_word(statement[length]);
}

static char *take_word(char **at) {
  char *start = skip(*at);
  char *end = start;
  while (is_word(*end))
    end++;
  *at = end;
  return memory_copy(start, (size_t)(end - start));
}

static void begin(struct assembly *assembly, char *at) {
  struct macro *macro = memory_allocate(sizeof *macro);
  macro->name = take_word(&at);
  for (at = skip(at); *at; at = skip(at)) {
    if (*at == ',') {
      at++;
      continue;
    }
    if (macro->argument_count == MACRO_ARGUMENTS || !is_word(*at)) {
      assembly_error(assembly, "the arguments of the macro %s are not understood", macro->name);
      break;
    }
    unsigned index = macro->argument_count++;
    macro->arguments[index] = take_word(&at);
    macro->defaults[index] = "";
    if (strncmp(at, ":req", 4) == 0)
      at += 4;
    if (*at == '=') {
      char *start = ++at;
      while (*at && *at != ',' && !isspace((unsigned char)*at))
        at++;
      macro->defaults[index] = memory_copy(start, (size_t)(at - start));
    }
  }
  assembly->macro_open = macro;
}

bool macro_define(struct assembly *assembly, char *statement) {
  char *at = skip(statement);
  struct macro *macro = assembly->macro_open;
  if (!macro) {
    if (!starts_with_word(at, ".macro"))
      return false;
    begin(assembly, at + strlen(".macro"));
    return true;
  }
  if (starts_with_word(at, ".macro")) {
    assembly_error(assembly, "a macro inside a macro is not supported");
    return true;
  }
  if (starts_with_word(at, ".endm")) {
    macro->next = assembly->macros;
    assembly->macros = macro;
    assembly->macro_open = NULL;
    return true;
  }
  macro->lines = realloc(macro->lines, (macro->line_count + 1) * sizeof *macro->lines);
  if (!macro->lines)
    abort();
  macro->lines[macro->line_count++] = memory_copy(at, strlen(at));
  return true;
}

static char *substitute(const struct macro *macro, const char *line, const char *const values[], unsigned number) {
  size_t capacity = strlen(line) + 1;
  for (const char *at = line; *at; at++)
    if (*at == '\\')
      for (unsigned i = 0; i < macro->argument_count; i++)
        capacity += strlen(values[i]) + 12;
  char *result = memory_allocate(capacity);
  size_t length = 0;
  for (const char *at = line; *at;) {
    if (at[0] != '\\') {
      result[length++] = *at++;
      continue;
    }
    if (at[1] == '(' && at[2] == ')') {
      at += 3;
      continue;
    }
    if (at[1] == '@') {
      length += (size_t)sprintf(result + length, "%u", number);
      at += 2;
      continue;
    }
    const char *end = at + 1;
    while (isalnum((unsigned char)*end) || *end == '_')
      end++;
    unsigned index = 0;
    while (index < macro->argument_count && (strncmp(macro->arguments[index], at + 1, (size_t)(end - at - 1)) != 0 ||
                                             strlen(macro->arguments[index]) != (size_t)(end - at - 1)))
      index++;
    if (index == macro->argument_count) {
      result[length++] = *at++;
      continue;
    }
    length += (size_t)sprintf(result + length, "%s", values[index]);
    at = end;
  }
  result[length] = 0;
  return result;
}

bool macro_expand(struct assembly *assembly, char *statement) {
  if (!assembly->macros)
    return false;
  struct macro *macro = assembly->macros;
  while (macro && !starts_with_word(statement, macro->name))
    macro = macro->next;
  if (!macro)
    return false;
  if (assembly->macro_depth == DEPTH_MOST) {
    assembly_error(assembly, "the macro %s is nested too deeply", macro->name);
    return true;
  }
  const char *values[MACRO_ARGUMENTS];
  for (unsigned i = 0; i < macro->argument_count; i++)
    values[i] = macro->defaults[i];
  unsigned index = 0;
  char *at = skip(statement + strlen(macro->name));
  while (*at && index < macro->argument_count) {
    unsigned target = index;
    char *start = at;
    int depth = 0;
    while (*at && (depth || (*at != ',' && !isspace((unsigned char)*at)))) {
      depth += *at == '(';
      depth -= *at == ')';
      at++;
    }
    char *value = memory_copy(start, (size_t)(at - start));
    char *equals = strchr(value, '=');
    for (unsigned i = 0; equals && i < macro->argument_count; i++)
      if (strlen(macro->arguments[i]) == (size_t)(equals - value) &&
          strncmp(macro->arguments[i], value, (size_t)(equals - value)) == 0) {
        target = i;
        value = equals + 1;
        break;
      }
    values[target] = value;
    index++;
    at = skip(at);
    if (*at == ',')
      at = skip(at + 1);
  }
  unsigned number = assembly->macro_count++;
  assembly->macro_depth++;
  for (size_t i = 0; i < macro->line_count; i++)
    source_read_statement(assembly, substitute(macro, macro->lines[i], values, number));
  assembly->macro_depth--;
  return true;
}
