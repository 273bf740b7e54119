/* Reads the operands of one instruction in AT&T syntax. Called by the rewriter alone. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolchain/assembly.h"
#include "toolchain/operand.h"

static const char *const names[16][4] = {
    {"%al", "%ax", "%eax", "%rax"},      {"%cl", "%cx", "%ecx", "%rcx"},      {"%dl", "%dx", "%edx", "%rdx"},
    {"%bl", "%bx", "%ebx", "%rbx"},      {"%spl", "%sp", "%esp", "%rsp"},     {"%bpl", "%bp", "%ebp", "%rbp"},
    {"%sil", "%si", "%esi", "%rsi"},     {"%dil", "%di", "%edi", "%rdi"},     {"%r8b", "%r8w", "%r8d", "%r8"},
    {"%r9b", "%r9w", "%r9d", "%r9"},     {"%r10b", "%r10w", "%r10d", "%r10"}, {"%r11b", "%r11w", "%r11d", "%r11"},
    {"%r12b", "%r12w", "%r12d", "%r12"}, {"%r13b", "%r13w", "%r13d", "%r13"}, {"%r14b", "%r14w", "%r14d", "%r14"},
    {"%r15b", "%r15w", "%r15d", "%r15"}};

const char *register_name(int number, int size) {
  return names[number][size == 8 ? 3 : size == 4 ? 2 : size == 2 ? 1 : 0];
}

int register_number(const char *name, int length, int *size) {
  *size = 0;
  if (length < 2 || length > 4 || !strchr("abcdesr", *name))
    return REGISTER_OTHER;
  for (int number = 0; number < 16; number++)
    for (int i = 0; i < 4; i++)
      if (strncmp(names[number][i] + 1, name, (size_t)length) == 0 && names[number][i][length + 1] == 0) {
        *size = 1 << i;
        return number;
      }
  return REGISTER_OTHER;
}

/* ---- Constant expressions: numbers, + - * / << >> & | ~ and parentheses ---- */

struct expression {
  const char *at;
  bool valid;
};

static int64_t expression_sum(struct expression *expression);

static void expression_skip(struct expression *expression) {
  while (isspace((unsigned char)*expression->at))
    expression->at++;
}

static int64_t expression_term(struct expression *expression) {
  expression_skip(expression);
  char c = *expression->at;
  if (c == '-' || c == '+' || c == '~') {
    expression->at++;
    int64_t value = expression_term(expression);
    return c == '-' ? (int64_t)(0 - (uint64_t)value) : c == '~' ? ~value : value;
  }
  if (c == '(') {
    expression->at++;
    int64_t value = expression_sum(expression);
    expression_skip(expression);
    expression->valid &= *expression->at == ')';
    expression->at += *expression->at == ')';
    return value;
  }
  char *end;
  errno = 0;
  int64_t value = (int64_t)strtoull(expression->at, &end, 0);
  expression->valid &= isdigit((unsigned char)c) && errno == 0;
  expression->at = end;
  return value;
}

static int64_t expression_product(struct expression *expression) {
  int64_t value = expression_term(expression);
  for (;;) {
    expression_skip(expression);
    const char *at = expression->at;
    bool shift = (at[0] == '<' && at[1] == '<') || (at[0] == '>' && at[1] == '>');
    if (*at != '*' && *at != '/' && *at != '%' && !shift)
      return value;
    expression->at += shift ? 2 : 1;
    int64_t right = expression_term(expression);
    if (shift)
      value = *at == '<' ? (int64_t)((uint64_t)value << (right & 63)) : (int64_t)((uint64_t)value >> (right & 63));
    else if (*at == '*')
      value = (int64_t)((uint64_t)value * (uint64_t)right);
    else if (right > 0)
      value = *at == '/' ? value / right : value % right;
    else
      expression->valid = false;
  }
}

static int64_t expression_sum(struct expression *expression) {
  int64_t value = expression_product(expression);
  for (;;) {
    expression_skip(expression);
    char c = *expression->at;
    if (c != '+' && c != '-' && c != '&' && c != '|')
      return value;
    expression->at++;
    uint64_t right = (uint64_t)expression_product(expression);
    uint64_t left = (uint64_t)value;
    value = (int64_t)(c == '+' ? left + right : c == '-' ? left - right : c == '&' ? left & right : left | right);
  }
}

bool constant_value(const char *text, int64_t *value) {
  struct expression expression = {text, true};
  expression_skip(&expression);
  *value = 0;
  if (!*expression.at)
    return true;
  *value = expression_sum(&expression);
  expression_skip(&expression);
  return expression.valid && *expression.at == 0;
}

static char *trim(char *text) {
  while (isspace((unsigned char)*text))
    text++;
  size_t length = strlen(text);
  while (length && isspace((unsigned char)text[length - 1]))
    text[--length] = 0;
  return text;
}

static bool parse_address_register(char *text, int *number) {
  text = trim(text);
  if (!*text) {
    *number = REGISTER_NONE;
    return true;
  }
  if (*text != '%')
    return false;
  int size;
  if (strcmp(text, "%rip") == 0 || strcmp(text, "%eip") == 0) {
    *number = REGISTER_RIP;
    return true;
  }
  if (strcmp(text, "%eiz") == 0 || strcmp(text, "%riz") == 0) {
    *number = REGISTER_NONE;
    return true;
  }
  *number = register_number(text + 1, (int)strlen(text + 1), &size);
  return size >= 4 || *number == REGISTER_OTHER;
}

/* disp(base,index,scale), the segment already cut off. */
static bool parse_memory(char *text, struct operand *operand) {
  operand->base = operand->index = REGISTER_NONE;
  operand->scale = "1";
  char *open = NULL;
  size_t length = strlen(text);
  if (length && text[length - 1] == ')') {
    int depth = 0;
    for (char *at = text + length - 1; at >= text; at--) {
      depth += *at == ')';
      depth -= *at == '(';
      if (depth == 0) {
        open = at;
        break;
      }
    }
    if (!open)
      return false;
    char *inside = trim(open + 1);
    if (*inside != '%' && *inside != ',')
      open = NULL; /* parentheses of an expression */
  }
  if (!open) {
    operand->kind = OPERAND_SYMBOL;
    operand->displacement = text;
    return *text != 0;
  }
  operand->kind = OPERAND_MEMORY;
  text[length - 1] = 0;
  *open = 0;
  operand->displacement = trim(text);
  char *base = open + 1;
  char *index = strchr(base, ',');
  char *scale = NULL;
  if (index) {
    *index++ = 0;
    scale = strchr(index, ',');
    if (scale)
      *scale++ = 0;
    if (!parse_address_register(index, &operand->index))
      return false;
    if (scale && *trim(scale))
      operand->scale = trim(scale);
  }
  return parse_address_register(base, &operand->base) && operand->index != REGISTER_RIP;
}

static bool parse_operand(char *text, struct operand *operand) {
  text = trim(text);
  *operand = (struct operand){.suffix = ""};
  if (*text == '*') {
    operand->star = true;
    text = trim(text + 1);
  }
  operand->text = memory_copy(text, strlen(text));
  char *brace = *text == '{' ? strchr(text + 1, '{') : strchr(text, '{');
  if (brace) {
    operand->suffix = memory_copy(brace, strlen(brace));
    *brace = 0;
    text = trim(text);
  }
  if (*text == '$') {
    operand->kind = OPERAND_IMMEDIATE;
    return true;
  }
  if (*text == '%') {
    if ((text[1] >= 'c' && text[1] <= 'g') && text[2] == 's' && *trim(text + 3) == ':') {
      operand->segment = text[1];
      text = trim(strchr(text, ':') + 1);
      if (!parse_memory(text, operand))
        return false;
      operand->kind = OPERAND_MEMORY;
      return true;
    }
    operand->kind = OPERAND_REGISTER;
    operand->number = register_number(text + 1, (int)strlen(text + 1), &operand->size);
    return true;
  }
  if (*text == '{') {
    operand->kind = OPERAND_IMMEDIATE; /* {sae} and the like stay as they are */
    return true;
  }
  return parse_memory(text, operand);
}

int operands_parse(char *list, struct operand operands[OPERANDS_MOST]) {
  list = trim(list);
  if (!*list)
    return 0;
  int count = 0;
  int depth = 0;
  char *start = list;
  for (char *at = list;; at++) {
    depth += *at == '(';
    depth -= *at == ')';
    bool last = *at == 0;
    if (last || (*at == ',' && depth == 0)) {
      if (count == OPERANDS_MOST)
        return -1;
      *at = 0;
      if (!parse_operand(start, &operands[count++]))
        return -1;
      if (last)
        return count;
      start = at + 1;
    }
  }
}
