/* Expressions: values of 64 bits, computed as they are read. For the parser. */
#include "contractc/parser.h"

static uint64_t without_value(struct parser *parser, struct place place, const char *why) {
  problem_add(parser->compilation, PROBLEM_EXPRESSION, place, "%s", why);
  return 1;
}

static uint64_t primary(struct parser *parser) {
  struct token token = parser->lexer.token;
  if (++parser->depth > DEPTH_MOST)
    parse_too_large(parser, token.place, "this expression is nested too deeply");
  uint64_t value = 0;
  if (accept(parser, TOKEN_NUMBER)) {
    value = token.value;
  } else if (accept(parser, '(')) {
    value = parse_expression(parser, 0);
    parse_expect(parser, ')', "')'", NULL);
  } else if (accept(parser, '~')) {
    value = ~primary(parser);
  } else if (at_word(parser, "sizeof")) {
    struct place place;
    lexer_next(&parser->lexer);
    parse_expect(parser, '(', "'('", "write sizeof(struct NAME)");
    if (!accept_word(parser, "struct"))
      parse_expected(parser, "'struct'", "write sizeof(struct NAME)");
    const char *name = parse_name(parser, "the name of a structure", &place);
    const struct structure *structure = structure_find(parser->contract, name);
    if (structure) {
      value = structure->size;
    } else {
      const char **names = NULL;
      uint32_t count = 0;
      for (uint32_t i = 0; i < parser->contract->structure_count; i++)
        *APPEND(parser->memory, names, count) = parser->contract->structures[i]->name;
      parse_undefined(parser, place, "structure", name, names, count);
    }
    parse_expect(parser, ')', "')'", NULL);
  } else if (accept(parser, TOKEN_NAME)) {
    const char **names = NULL;
    uint32_t count = 0;
    bool found = false;
    for (uint32_t i = 0; i < parser->contract->constant_count && !found; i++) {
      *APPEND(parser->memory, names, count) = parser->contract->constants[i].name;
      if ((found = !strcmp(parser->contract->constants[i].name, token.text)))
        value = parser->contract->constants[i].value;
    }
    if (!found) {
      parse_undefined(parser, token.place, "constant", token.text, names, count);
      value = 1;
    }
  } else {
    parse_expected(parser, "a number or a constant", NULL);
  }
  parser->depth--;
  return value;
}

static unsigned strength(int operator) {
  switch (operator) {
  case '|':
    return 1;
  case '&':
    return 2;
  case TOKEN_SHIFT_LEFT:
  case TOKEN_SHIFT_RIGHT:
    return 3;
  case '+':
  case '-':
    return 4;
  case '*':
  case '/':
  case '%':
    return 5;
  default:
    return 0;
  }
}

static uint64_t apply(struct parser *parser, struct token operator, uint64_t left, uint64_t right) {
  static const char too_much[] = "the value of this is not a number of 64 bits";
  uint64_t value;
  switch (operator.kind) {
  case '|':
    return left | right;
  case '&':
    return left & right;
  case TOKEN_SHIFT_LEFT:
    if (right > 63 || left << right >> right != left)
      return without_value(parser, operator.place, too_much);
    return left << right;
  case TOKEN_SHIFT_RIGHT:
    return right > 63 ? 0 : left >> right;
  case '+':
    return __builtin_add_overflow(left, right, &value) ? without_value(parser, operator.place, too_much) : value;
  case '-':
    return __builtin_sub_overflow(left, right, &value) ? without_value(parser, operator.place, too_much) : value;
  case '*':
    return __builtin_mul_overflow(left, right, &value) ? without_value(parser, operator.place, too_much) : value;
  default:
    if (!right)
      return without_value(parser, operator.place, "a division by zero has no value");
    return operator.kind == '/' ? left / right : left % right;
  }
}

uint64_t parse_expression(struct parser *parser, unsigned least) {
  uint64_t value = primary(parser);
  while (strength(parser->lexer.token.kind) > least) {
    struct token operator= parser->lexer.token;
    lexer_next(&parser->lexer);
    value = apply(parser, operator, value, parse_expression(parser, strength(operator.kind)));
  }
  return value;
}
