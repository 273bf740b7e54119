/* From text to declarations: the grammar of docs/contracts.md, read by recursive descent. One problem of syntax ends
 * the reading; problems of names and values are collected. What is read has names where layout.c will put what they
 * mean. */
#include <errno.h>
#include <string.h>

#include "contractc/lexer.h"

#define DEPTH_MOST 64 /* parentheses in parentheses, contracts that use contracts */

const char *const side_name[3] = {"client", "server", "nobody"};

struct parser {
  struct lexer lexer;
  struct compilation *compilation;
  struct memory *memory;
  struct contract *contract;
  unsigned depth;
};

/* ---- Tokens ---- */

static const char *token_describe(struct parser *parser, const struct token *token) {
  if (token->kind == TOKEN_END)
    return "the end of the file";
  return memory_text(parser->memory, "'%.*s'", (int)(token->place.length > 40 ? 40 : token->place.length),
                     token->place.source->text + token->place.offset);
}

static _Noreturn void expected(struct parser *parser, const char *what, const char *suggestion) {
  struct problem *problem =
      problem_add(parser->compilation, PROBLEM_SYNTAX, parser->lexer.token.place, "%s is expected here, not %s", what,
                  token_describe(parser, &parser->lexer.token));
  if (suggestion)
    problem_suggest(parser->compilation, problem, "%s", suggestion);
  longjmp(parser->lexer.stop, 1);
}

static _Noreturn void too_large(struct parser *parser, struct place place, const char *what) {
  problem_add(parser->compilation, PROBLEM_LARGE, place, "%s", what);
  longjmp(parser->lexer.stop, 1);
}

static bool at(const struct parser *parser, int kind) { return parser->lexer.token.kind == kind; }
static bool at_word(const struct parser *parser, const char *word) {
  return at(parser, TOKEN_NAME) && !strcmp(parser->lexer.token.text, word);
}
static bool accept(struct parser *parser, int kind) {
  if (!at(parser, kind))
    return false;
  lexer_next(&parser->lexer);
  return true;
}
static bool accept_word(struct parser *parser, const char *word) {
  if (!at_word(parser, word))
    return false;
  lexer_next(&parser->lexer);
  return true;
}
static void expect(struct parser *parser, int kind, const char *what, const char *suggestion) {
  if (!accept(parser, kind))
    expected(parser, what, suggestion);
}
static const char *expect_name(struct parser *parser, const char *what, struct place *place) {
  if (!at(parser, TOKEN_NAME))
    expected(parser, what, NULL);
  const char *name = parser->lexer.token.text;
  *place = parser->lexer.token.place;
  lexer_next(&parser->lexer);
  return name;
}

/* Documentation stands before a declaration, or behind it on its last line. */
static void document(const struct parser *parser, const char **documentation) {
  if (!*documentation)
    *documentation = parser->lexer.trailing;
}

static void room(struct parser *parser, uint32_t count) {
  if (count >= MEMBERS_MOST)
    too_large(parser, parser->lexer.token.place, "there is more of this than a contract may have");
}

/* ---- Names ---- */

bool name_is_of_c(const char *name) {
  static const char *const words[] = {
      "auto",   "break",    "case",     "char",     "const", "continue", "default", "do",     "double",
      "else",   "enum",     "extern",   "float",    "for",   "goto",     "if",      "inline", "int",
      "long",   "register", "restrict", "return",   "short", "signed",   "sizeof",  "static", "struct",
      "switch", "typedef",  "union",    "unsigned", "void",  "volatile", "while",   "asm",    "typeof",
      "bool",   "true",     "false",    "NULL",     "EOF",   "errno",    "linux",   "unix"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(name, words[i]))
      return true;
  return name[0] == '_';
}

/* A new name must not be a word of C, and not be there already: `earlier` is where, if it is. */
static void name_check(struct parser *parser, const char *name, struct place place, const struct place *earlier) {
  if (name_is_of_c(name))
    problem_suggest(parser->compilation,
                    problem_add(parser->compilation, PROBLEM_RESERVED, place,
                                "'%s' means something in C already, and the contract becomes a C header", name),
                    "choose another name, without an underscore in front");
  else if (earlier)
    problem_note(parser->compilation,
                 problem_add(parser->compilation, PROBLEM_TWICE, place, "'%s' is defined twice", name), *earlier,
                 "it was defined here first");
}

struct structure *structure_find(const struct contract *contract, const char *name) {
  for (uint32_t i = 0; i < contract->structure_count; i++)
    if (!strcmp(contract->structures[i]->name, name))
      return contract->structures[i];
  return NULL;
}

struct enumeration *enumeration_find(const struct contract *contract, const char *name, bool flags) {
  for (uint32_t i = 0; i < contract->enumeration_count; i++)
    if (contract->enumerations[i]->flags == flags && !contract->enumerations[i]->errors &&
        !strcmp(contract->enumerations[i]->name, name))
      return contract->enumerations[i];
  return NULL;
}

struct message *message_find(const struct contract *contract, const char *name) {
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i] && !strcmp(contract->messages[i]->name, name))
      return contract->messages[i];
  return NULL;
}

struct state *state_find(const struct contract *contract, const char *name) {
  for (uint32_t i = 0; i < contract->state_count; i++)
    if (!strcmp(contract->states[i]->name, name))
      return contract->states[i];
  return NULL;
}

static const struct enumeration *errors_find(const struct contract *contract) {
  for (uint32_t i = 0; i < contract->enumeration_count; i++)
    if (contract->enumerations[i]->errors)
      return contract->enumerations[i];
  return NULL;
}

static struct problem *undefined(struct parser *parser, struct place place, const char *what, const char *name,
                                 const char *const *names, uint32_t count) {
  struct problem *problem =
      problem_add(parser->compilation, PROBLEM_UNDEFINED, place, "there is no %s '%s' before this", what, name);
  const char *nearest = name_nearest(name, names, count);
  if (nearest)
    problem_suggest(parser->compilation, problem, "did you mean '%s'?", nearest);
  else
    problem_suggest(parser->compilation, problem, "declare it above its first use");
  return problem;
}

/* ---- Expressions: values of 64 bits ---- */

static uint64_t expression(struct parser *parser, unsigned least);

static uint64_t without_value(struct parser *parser, struct place place, const char *why) {
  problem_add(parser->compilation, PROBLEM_EXPRESSION, place, "%s", why);
  return 1;
}

static uint64_t primary(struct parser *parser) {
  struct token token = parser->lexer.token;
  if (++parser->depth > DEPTH_MOST)
    too_large(parser, token.place, "this expression is nested too deeply");
  uint64_t value = 0;
  if (accept(parser, TOKEN_NUMBER)) {
    value = token.value;
  } else if (accept(parser, '(')) {
    value = expression(parser, 0);
    expect(parser, ')', "')'", NULL);
  } else if (accept(parser, '~')) {
    value = ~primary(parser);
  } else if (at_word(parser, "sizeof")) {
    struct place place;
    lexer_next(&parser->lexer);
    expect(parser, '(', "'('", "write sizeof(struct NAME)");
    if (!accept_word(parser, "struct"))
      expected(parser, "'struct'", "write sizeof(struct NAME)");
    const char *name = expect_name(parser, "the name of a structure", &place);
    const struct structure *structure = structure_find(parser->contract, name);
    if (structure) {
      value = structure->size;
    } else {
      const char **names = NULL;
      uint32_t count = 0;
      for (uint32_t i = 0; i < parser->contract->structure_count; i++)
        *APPEND(parser->memory, names, count) = parser->contract->structures[i]->name;
      undefined(parser, place, "structure", name, names, count);
    }
    expect(parser, ')', "')'", NULL);
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
      undefined(parser, token.place, "constant", token.text, names, count);
      value = 1;
    }
  } else {
    expected(parser, "a number or a constant", NULL);
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

/* Operators that bind tighter than `least`, as in C. */
static uint64_t expression(struct parser *parser, unsigned least) {
  uint64_t value = primary(parser);
  while (strength(parser->lexer.token.kind) > least) {
    struct token operator= parser->lexer.token;
    lexer_next(&parser->lexer);
    value = apply(parser, operator, value, expression(parser, strength(operator.kind)));
  }
  return value;
}

/* ---- Fields ---- */

static const struct {
  const char *name;
  enum type type;
  uint32_t size;
} scalars[] = {{"u8", TYPE_U8, 1},     {"u16", TYPE_U16, 2},  {"u32", TYPE_U32, 4}, {"u64", TYPE_U64, 8},
               {"i8", TYPE_I8, 1},     {"i16", TYPE_I16, 2},  {"i32", TYPE_I32, 4}, {"i64", TYPE_I64, 8},
               {"bool", TYPE_BOOL, 1}, {"char", TYPE_CHAR, 1}};

static void endpoint_type(struct parser *parser, struct field *field) {
  struct place place;
  const char *side = expect_name(parser, "'block', 'client' or 'server'", &place);
  if (!strcmp(side, "block")) {
    field->type = TYPE_BLOCK;
    return;
  }
  field->side = !strcmp(side, "client") ? CLIENT : SERVER;
  field->type = TYPE_ENDPOINT;
  if (accept_word(parser, "any")) {
    field->type = TYPE_ANY;
    return;
  }
  field->contract_name = expect_name(parser, "the name of a contract, or 'any'", &field->contract_place);
  expect(parser, '.', "'.' and a state", "an endpoint has a state: own client files.REQUEST name;");
  field->state_name = expect_name(parser, "the name of a state", &field->state_place);
}

static void type(struct parser *parser, struct field *field) {
  struct place place = parser->lexer.token.place;
  const struct contract *contract = parser->contract;
  field->type_place = place;
  if (accept_word(parser, "own")) {
    if (!at_word(parser, "block") && !at_word(parser, "client") && !at_word(parser, "server"))
      expected(parser, "'block', 'client' or 'server'", "what moves is a block or the end of a channel");
    endpoint_type(parser, field);
    return;
  }
  if (at_word(parser, "enum") || at_word(parser, "flags")) {
    bool flags = at_word(parser, "flags");
    lexer_next(&parser->lexer);
    const char *name = expect_name(parser, "the name of an enumeration", &place);
    field->type = TYPE_ENUM;
    field->size = field->align = 4;
    field->enumeration = enumeration_find(contract, name, flags);
    if (field->enumeration) {
      field->size = field->align = field->enumeration->size;
      return;
    }
    const char **names = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < contract->enumeration_count; i++)
      if (!contract->enumerations[i]->errors && contract->enumerations[i]->flags == flags)
        *APPEND(parser->memory, names, count) = contract->enumerations[i]->name;
    undefined(parser, place, flags ? "set of flags" : "enumeration", name, names, count);
    field->type = TYPE_U32;
    return;
  }
  if (accept_word(parser, "struct")) {
    const char *name = expect_name(parser, "the name of a structure", &place);
    field->type = TYPE_STRUCT;
    field->structure = structure_find(contract, name);
    if (field->structure) {
      field->size = field->structure->size;
      field->align = field->structure->align;
      return;
    }
    const char **names = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < contract->structure_count; i++)
      *APPEND(parser->memory, names, count) = contract->structures[i]->name;
    undefined(parser, place, "structure", name, names, count);
    field->type = TYPE_U32;
    field->size = field->align = 4;
    return;
  }
  if (accept_word(parser, "error")) {
    field->enumeration = errors_find(contract);
    field->type = field->enumeration ? TYPE_ENUM : TYPE_U32;
    field->size = field->align = 4;
    if (!field->enumeration)
      problem_suggest(parser->compilation,
                      problem_add(parser->compilation, PROBLEM_UNDEFINED, place, "the contract has no errors"),
                      "declare them above: errors { NAME = 1 \"what it means\" }");
    return;
  }
  const char *name = expect_name(parser, "the type of a field", &place);
  for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
    if (!strcmp(name, scalars[i].name)) {
      field->type = scalars[i].type;
      field->size = field->align = scalars[i].size;
      return;
    }
  const char *names[sizeof scalars / sizeof *scalars];
  for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
    names[i] = scalars[i].name;
  struct problem *problem = problem_add(parser->compilation, PROBLEM_UNDEFINED, place, "there is no type '%s'", name);
  const char *nearest = name_nearest(name, names, sizeof scalars / sizeof *scalars);
  if (structure_find(contract, name))
    problem_suggest(parser->compilation, problem, "write 'struct %s'", name);
  else if (enumeration_find(contract, name, false))
    problem_suggest(parser->compilation, problem, "write 'enum %s'", name);
  else if (enumeration_find(contract, name, true))
    problem_suggest(parser->compilation, problem, "write 'flags %s'", name);
  else if (!strcmp(name, "block") || !strcmp(name, "client") || !strcmp(name, "server"))
    problem_suggest(parser->compilation, problem, "what moves is written 'own %s'", name);
  else if (nearest)
    problem_suggest(parser->compilation, problem, "did you mean '%s'?", nearest);
  else
    problem_suggest(parser->compilation, problem,
                    "types are u8 u16 u32 u64 i8 i16 i32 i64 bool char error, enum, flags and struct NAME, own …");
  longjmp(parser->lexer.stop, 1);
}

static void bounds_refuse(struct parser *parser, struct place place, const char *text, const char *suggestion) {
  problem_suggest(parser->compilation, problem_add(parser->compilation, PROBLEM_BOUND, place, "%s", text), "%s",
                  suggestion);
}

static void bound_missing(struct parser *parser, struct place place, const char *what, const char *suggestion) {
  problem_suggest(parser->compilation,
                  problem_add(parser->compilation, PROBLEM_BOUND_MISSING, place, "%s has no upper bound", what), "%s",
                  suggestion);
}

/* What stands in brackets behind a field's name. */
static void array(struct parser *parser, struct field *field) {
  struct place open = parser->lexer.token.place;
  bool block = field->type == TYPE_BLOCK;
  const char *what = block ? "this block" : field->type == TYPE_CHAR ? "this text" : "this array";
  if (!accept(parser, '[')) {
    if (block)
      bound_missing(parser, field->place, what, "say how many bytes it has: own block NAME[.. 65536];");
    return;
  }
  bool range = false;
  field->least = 0;
  if (accept(parser, ']')) {
    bound_missing(parser, open, what, "write [8] for exactly 8 items, [.. 8] for 0 to 8, [1 .. 8] for 1 to 8");
    field->most = 1;
    field->form = FORM_FIXED;
    return;
  }
  if (!at(parser, TOKEN_RANGE))
    field->most = field->least = expression(parser, 0);
  if (accept(parser, TOKEN_RANGE)) {
    range = true;
    if (at(parser, ']')) {
      struct place close = parser->lexer.token.place;
      bound_missing(parser, close, what, "write the most behind the '..'");
      field->most = field->least;
    } else {
      field->most = expression(parser, 0);
    }
  }
  struct place all = open;
  all.length = parser->lexer.token.place.offset + parser->lexer.token.place.length - open.offset;
  expect(parser, ']', "']'", NULL);
  if (block) {
    field->form = FORM_ONE;
    if (!range)
      field->least = 0;
    if (!field->most || field->least > field->most)
      bounds_refuse(parser, all, "no block has such a length", "the least comes first: [1 .. 65536]");
    else if (field->most > UINT32_MAX)
      bounds_refuse(parser, all, "a block is smaller than 4 GiB", "a window has no room for more");
    return;
  }
  field->form = !range ? FORM_FIXED : field->type == TYPE_CHAR ? FORM_TEXT : FORM_BOUNDED;
  if (field_moves(field)) {
    problem_suggest(parser->compilation,
                    problem_add(parser->compilation, PROBLEM_OWN, all, "endpoints move one by one, not as arrays"),
                    "declare each with a name of its own; a message moves at most %u", SIGNET_MESSAGE_MOVED);
    field->form = FORM_ONE;
  } else if (!field->most) {
    bounds_refuse(parser, all, "an array of nothing", "leave the field out, or write the most that it holds");
    field->most = 1;
  } else if (field->least > field->most) {
    bounds_refuse(parser, all, "the least is more than the most", "the least comes first: [1 .. 8]");
    field->least = field->most;
  }
  if (field->most > SIGNET_MESSAGE_DATA_MOST) {
    problem_suggest(parser->compilation,
                    problem_add(parser->compilation, PROBLEM_SIZE, all,
                                "a message has at most %u bytes of data, so no array has more items",
                                SIGNET_MESSAGE_DATA_MOST),
                    "send more in a block: own block NAME[.. BYTES];");
    field->most = 1;
    field->least = 0;
  }
}

/* The fields between braces; several of one type may share a declaration. */
static void fields(struct parser *parser, struct field **list, uint32_t *count) {
  expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}')) {
    const char *documentation = parser->lexer.documentation;
    struct field common = {0};
    uint32_t first = *count;
    type(parser, &common);
    do {
      struct field field = common;
      field.name = expect_name(parser, "the name of a field", &field.place);
      const struct place *earlier = NULL;
      for (uint32_t i = 0; i < *count && !earlier; i++)
        if (!strcmp((*list)[i].name, field.name))
          earlier = &(*list)[i].place;
      name_check(parser, field.name, field.place, earlier);
      array(parser, &field);
      room(parser, *count);
      field.documentation = documentation;
      *APPEND(parser->memory, *list, *count) = field;
    } while (accept(parser, ','));
    expect(parser, ';', "';'", NULL);
    for (uint32_t i = first; i < *count; i++)
      document(parser, &(*list)[i].documentation);
  }
}

/* ---- Declarations ---- */

static void constant(struct parser *parser) {
  struct contract *contract = parser->contract;
  struct constant new = {.documentation = parser->lexer.documentation};
  lexer_next(&parser->lexer);
  new.name = expect_name(parser, "the name of the constant", &new.place);
  const struct place *earlier = NULL;
  for (uint32_t i = 0; i < contract->constant_count && !earlier; i++)
    if (!strcmp(contract->constants[i].name, new.name))
      earlier = &contract->constants[i].place;
  name_check(parser, new.name, new.place, earlier);
  expect(parser, '=', "'='", NULL);
  new.value = expression(parser, 0);
  expect(parser, ';', "';'", NULL);
  document(parser, &new.documentation);
  room(parser, contract->constant_count);
  *APPEND(parser->memory, contract->constants, contract->constant_count) = new;
}

static void members(struct parser *parser, struct enumeration *enumeration) {
  uint64_t most = enumeration->size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * enumeration->size)) - 1;
  uint64_t next = enumeration->flags ? 1 : 0;
  bool past = false; /* the values that could follow do not fit */
  expect(parser, '{', "'{'", NULL);
  do {
    struct member new = {.documentation = parser->lexer.documentation, .value = next};
    const struct place *earlier = NULL;
    new.name = expect_name(parser, "a name", &new.place);
    for (uint32_t i = 0; i < enumeration->member_count && !earlier; i++)
      if (!strcmp(enumeration->members[i].name, new.name))
        earlier = &enumeration->members[i].place;
    name_check(parser, new.name, new.place, earlier);
    if (accept(parser, '=')) {
      new.value = expression(parser, 0);
      past = false;
    } else if (enumeration->errors) {
      expected(parser, "'=' and the error's number", "errors { NOT_FOUND = 2 \"there is no such name\" }");
    }
    if (enumeration->errors) {
      if (!at(parser, TOKEN_TEXT))
        expected(parser, "what the error means, in quotes", "errors { NOT_FOUND = 2 \"there is no such name\" }");
      new.text = parser->lexer.token.text;
      lexer_next(&parser->lexer);
    }
    if (past || new.value > most)
      problem_add(parser->compilation, PROBLEM_VALUE, new.place, "the value of '%s' does not fit in %u bytes", new.name,
                  enumeration->size);
    else if (enumeration->flags && (!new.value || (new.value &(new.value - 1))))
      problem_suggest(parser->compilation,
                      problem_add(parser->compilation, PROBLEM_VALUE, new.place, "a flag is one bit, and 0x%llx is not",
                                  (unsigned long long)new.value),
                      "flags are 1, 2, 4, 8, …; for a set of several declare a constant");
    else if (enumeration->errors && !new.value)
      problem_suggest(parser->compilation,
                      problem_add(parser->compilation, PROBLEM_VALUE, new.place, "0 means that there is no error"),
                      "number errors from 1");
    for (uint32_t i = 0; i < enumeration->member_count; i++)
      if (enumeration->members[i].value == new.value) {
        problem_note(parser->compilation,
                     problem_add(parser->compilation, PROBLEM_VALUE, new.place, "'%s' has the value of '%s'", new.name,
                                 enumeration->members[i].name),
                     enumeration->members[i].place, "that is here");
        break;
      }
    past = enumeration->flags ? new.value > most / 2 : new.value >= most;
    next = enumeration->flags ? new.value << 1 : new.value + 1;
    room(parser, enumeration->member_count);
    struct member *member = APPEND(parser->memory, enumeration->members, enumeration->member_count);
    *member = new;
    bool more = accept(parser, ',');
    document(parser, &member->documentation);
    if (!more)
      break;
  } while (!at(parser, '}'));
  expect(parser, '}', "',' or '}'", NULL);
}

static void enumeration(struct parser *parser, bool flags) {
  struct contract *contract = parser->contract;
  struct enumeration *new = memory_take(parser->memory, sizeof *new);
  new->documentation = parser->lexer.documentation;
  new->flags = flags;
  new->size = 4;
  lexer_next(&parser->lexer);
  new->name = expect_name(parser, flags ? "the name of the flags" : "the name of the enumeration", &new->place);
  const struct enumeration *earlier = enumeration_find(contract, new->name, flags);
  name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  if (accept(parser, ':')) {
    if (accept_word(parser, "u8"))
      new->size = 1;
    else if (accept_word(parser, "u16"))
      new->size = 2;
    else if (accept_word(parser, "u64"))
      new->size = 8;
    else if (!accept_word(parser, "u32"))
      expected(parser, "u8, u16, u32 or u64", NULL);
  }
  members(parser, new);
  accept(parser, ';');
  room(parser, contract->enumeration_count);
  *APPEND(parser->memory, contract->enumerations, contract->enumeration_count) = new;
}

static void message_add(struct parser *parser, struct message *new) {
  struct contract *contract = parser->contract;
  const struct message *earlier = message_find(contract, new->name);
  name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  static const char *const words[] = {"close", "error", "end", "tag", "gone"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(new->name, words[i]))
      problem_suggest(parser->compilation,
                      problem_add(parser->compilation, PROBLEM_RESERVED, new->place,
                                  "'%s' has a meaning of its own: no message is called so", new->name),
                      "messages are usually written in capitals");
  room(parser, contract->message_count);
  *APPEND(parser->memory, contract->messages, contract->message_count) = new;
}

/* Errors are an enumeration with texts, and the server's message FAILED, which carries one. */
static void errors(struct parser *parser) {
  struct contract *contract = parser->contract;
  struct enumeration *new = memory_take(parser->memory, sizeof *new);
  const struct enumeration *earlier = errors_find(contract);
  new->documentation = parser->lexer.documentation;
  new->name = "error";
  new->errors = true;
  new->size = 4;
  new->place = parser->lexer.token.place;
  lexer_next(&parser->lexer);
  if (earlier)
    problem_note(parser->compilation,
                 problem_add(parser->compilation, PROBLEM_TWICE, new->place, "the errors are declared twice"),
                 earlier->place, "they were declared here first");
  members(parser, new);
  accept(parser, ';');
  *APPEND(parser->memory, contract->enumerations, contract->enumeration_count) = new;
  struct message *failed = memory_take(parser->memory, sizeof *failed);
  failed->name = "FAILED";
  failed->documentation = "What was asked for did not happen.";
  failed->place = new->place;
  failed->side = SERVER;
  failed->errors = true;
  *APPEND(parser->memory, failed->fields, failed->field_count) = (struct field){.name = "error",
                                                                                .place = new->place,
                                                                                .type_place = new->place,
                                                                                .type = TYPE_ENUM,
                                                                                .size = 4,
                                                                                .align = 4,
                                                                                .enumeration = new};
  if (!earlier)
    message_add(parser, failed);
}

static void structure(struct parser *parser) {
  struct contract *contract = parser->contract;
  struct structure *new = memory_take(parser->memory, sizeof *new);
  new->documentation = parser->lexer.documentation;
  lexer_next(&parser->lexer);
  new->name = expect_name(parser, "the name of the structure", &new->place);
  const struct structure *earlier = structure_find(contract, new->name);
  name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  fields(parser, &new->fields, &new->field_count);
  accept(parser, ';');
  document(parser, &new->documentation);
  layout_structure(parser->compilation, new);
  room(parser, contract->structure_count);
  *APPEND(parser->memory, contract->structures, contract->structure_count) = new;
}

static void message(struct parser *parser, enum side side, const char *documentation) {
  struct message *new = memory_take(parser->memory, sizeof *new);
  new->documentation = documentation;
  new->side = side;
  lexer_next(&parser->lexer);
  new->name = expect_name(parser, "the name of the message", &new->place);
  if (accept(parser, '=')) {
    new->tag_place = parser->lexer.token.place;
    uint64_t tag = expression(parser, 0);
    if (tag >= MESSAGES_MOST) {
      problem_add(parser->compilation, PROBLEM_TAG, new->tag_place, "message numbers are 0 to %u", MESSAGES_MOST - 1);
      tag = 0;
      new->tag_place.length = 0;
    }
    new->tag = (uint32_t)tag;
  }
  if (accept_word(parser, "at")) {
    if (!accept_word(parser, "most"))
      expected(parser, "'most'", "write: at most 4096 bytes");
    new->capped = true;
    new->cap_place = parser->lexer.token.place;
    new->cap = expression(parser, 0);
    if (!accept_word(parser, "bytes"))
      expected(parser, "'bytes'", "write: at most 4096 bytes");
  }
  if (!accept(parser, ';')) {
    if (!at(parser, '{'))
      expected(parser, "'{' and the message's fields, or ';'", NULL);
    fields(parser, &new->fields, &new->field_count);
    accept(parser, ';');
  }
  document(parser, &new->documentation);
  message_add(parser, new);
}

static struct target target(struct parser *parser) {
  struct target target;
  target.name = expect_name(parser, "a state, or 'end'", &target.place);
  return target;
}

static void answers(struct parser *parser, struct answer **list, uint32_t *count) {
  do {
    struct answer answer = {0};
    answer.name = expect_name(parser, "the message that answers", &answer.place);
    if (!strcmp(answer.name, "error"))
      answer.name = "FAILED";
    if (accept(parser, TOKEN_ARROW))
      answer.target = target(parser);
    room(parser, *count);
    *APPEND(parser->memory, *list, *count) = answer;
  } while (accept(parser, '|'));
}

/* One line of a state: messages and where they lead, or requests and their answers. */
static void step(struct parser *parser, struct state *state) {
  struct request *names = NULL;
  uint32_t count = 0;
  do {
    struct request *name = APPEND(parser->memory, names, count);
    name->name = expect_name(parser, "a message, 'close' or '}'", &name->place);
    if (!strcmp(name->name, "error"))
      name->name = "FAILED";
    room(parser, count);
  } while (accept(parser, ','));
  if (accept(parser, TOKEN_ARROW)) {
    struct target to = target(parser);
    for (uint32_t i = 0; i < count; i++) {
      room(parser, state->transition_count);
      *APPEND(parser->memory, state->transitions, state->transition_count) =
          (struct transition){.name = names[i].name, .place = names[i].place, .target = to};
    }
  } else if (accept(parser, TOKEN_ANSWERS)) {
    struct answer *list = NULL;
    uint32_t answer_count = 0;
    answers(parser, &list, &answer_count);
    for (uint32_t i = 0; i < count; i++) {
      room(parser, state->request_count);
      names[i].answers = list;
      names[i].answer_count = answer_count;
      *APPEND(parser->memory, state->requests, state->request_count) = names[i];
    }
  } else {
    expected(parser, "'->' and a state, or '=>' and the answers",
             "write MESSAGE -> STATE; or REQUEST => ANSWER | ANSWER;");
  }
  expect(parser, ';', "';'", NULL);
}

static void state(struct parser *parser, enum side side, const char *documentation) {
  struct contract *contract = parser->contract;
  struct state *new = memory_take(parser->memory, sizeof *new);
  new->documentation = documentation;
  new->side = side;
  lexer_next(&parser->lexer);
  new->name = expect_name(parser, "the name of the state", &new->place);
  const struct state *earlier = state_find(contract, new->name);
  name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  if (!strcmp(new->name, "end") || !strcmp(new->name, "any") || !strcmp(new->name, "close"))
    problem_add(parser->compilation, PROBLEM_RESERVED, new->place,
                "'%s' has a meaning of its own: no state is called so", new->name);
  expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}')) {
    struct place place = parser->lexer.token.place;
    if (accept_word(parser, "close")) {
      expect(parser, ';', "';'", NULL);
      if (new->closes)
        problem_add(parser->compilation, PROBLEM_AMBIGUOUS, place, "'close' is in '%s' twice", new->name);
      new->closes = true;
      continue;
    }
    step(parser, new);
  }
  accept(parser, ';');
  room(parser, contract->state_count);
  *APPEND(parser->memory, contract->states, contract->state_count) = new;
}

static void declaration(struct parser *parser) {
  if (at_word(parser, "const")) {
    constant(parser);
  } else if (at_word(parser, "enum") || at_word(parser, "flags")) {
    enumeration(parser, at_word(parser, "flags"));
  } else if (at_word(parser, "struct")) {
    structure(parser);
  } else if (at_word(parser, "errors")) {
    errors(parser);
  } else if (at_word(parser, "client") || at_word(parser, "server")) {
    enum side side = at_word(parser, "client") ? CLIENT : SERVER;
    const char *documentation = parser->lexer.documentation;
    lexer_next(&parser->lexer);
    if (at_word(parser, "message"))
      message(parser, side, documentation);
    else if (at_word(parser, "state"))
      state(parser, side, documentation);
    else
      expected(parser, "'message' or 'state'", NULL);
  } else {
    expected(parser, "a declaration or '}'",
             at_word(parser, "message") || at_word(parser, "state")
                 ? "say whose it is: client message, server message, client state, server state"
                 : "declarations begin with const, enum, flags, struct, errors, client or server");
  }
}

/* ---- Files ---- */

/* The path of a contract beside this one. */
static const char *beside(struct parser *parser, const char *name) {
  const char *path = parser->contract->source.path, *slash = strrchr(path, '/');
  return memory_text(parser->memory, "%.*s%s.contract", slash ? (int)(slash - path) + 1 : 0, path, name);
}

static void use(struct parser *parser) {
  struct compilation *compilation = parser->compilation;
  struct contract *contract = parser->contract, *used = NULL;
  struct place place;
  const char *name = expect_name(parser, "the name of a contract", &place);
  expect(parser, ';', "';'", NULL);
  for (uint32_t i = 0; i < contract->use_count; i++)
    if (!strcmp(contract->uses[i]->name, name))
      problem_note(compilation, problem_add(compilation, PROBLEM_TWICE, place, "'%s' is used twice", name),
                   contract->use_places[i], "it was used here first");
  for (uint32_t i = 0; i < compilation->reading_count; i++)
    if (!strcmp(compilation->reading[i]->name, name)) {
      struct problem *problem = problem_add(compilation, PROBLEM_CIRCLE, place, "contracts use each other in a circle");
      for (uint32_t j = i; j < compilation->reading_count; j++)
        problem_trace(compilation, problem, "%s uses %s", compilation->reading[j]->name,
                      j + 1 < compilation->reading_count ? compilation->reading[j + 1]->name : name);
      problem_suggest(
          compilation, problem, "%s",
          i + 1 == compilation->reading_count
              ? "a contract needs no 'use' for its own ends"
              : "a contract's identity holds those of the contracts it uses: let one end of the circle be 'any'");
      longjmp(parser->lexer.stop, 1);
    }
  if (compilation->reading_count > DEPTH_MOST)
    too_large(parser, place, "contracts use contracts too deeply");
  for (uint32_t i = 0; i < compilation->contract_count && !used; i++)
    if (!strcmp(compilation->contracts[i]->name, name))
      used = compilation->contracts[i];
  if (!used)
    used = contract_parse(compilation, beside(parser, name), &place);
  if (!used || !used->complete)
    longjmp(parser->lexer.stop, 1); /* its own problems have been told */
  room(parser, contract->use_count);
  *APPEND(parser->memory, contract->uses, contract->use_count) = used;
  uint32_t count = contract->use_count - 1;
  *APPEND(parser->memory, contract->use_places, count) = place;
}

/* "files" of "a/b/files.contract". */
static const char *name_of_path(struct parser *parser, const char *path) {
  const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path, *dot = strrchr(start, '.');
  return memory_copy(parser->memory, start, dot ? (size_t)(dot - start) : strlen(start));
}

static void file(struct parser *parser) {
  struct contract *contract = parser->contract;
  lexer_begin(&parser->lexer);
  const char *documentation = parser->lexer.documentation;
  while (accept_word(parser, "use"))
    use(parser);
  if (parser->lexer.documentation)
    documentation = parser->lexer.documentation;
  contract->documentation = documentation;
  if (!accept_word(parser, "contract"))
    expected(parser, "'contract'", "a file is: use NAME; … contract NAME { … }");
  contract->name = expect_name(parser, "the contract's name", &contract->place);
  const char *file = name_of_path(parser, contract->source.path);
  if (name_is_of_c(contract->name))
    problem_add(parser->compilation, PROBLEM_RESERVED, contract->place, "'%s' means something in C already",
                contract->name);
  if (strcmp(contract->name, file) != 0)
    problem_suggest(parser->compilation,
                    problem_add(parser->compilation, PROBLEM_FILE_NAME, contract->place,
                                "the contract '%s' is in a file called '%s'", contract->name, file),
                    "one contract a file: call the file %s.contract", contract->name);
  expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}'))
    declaration(parser);
  accept(parser, ';');
  if (!at(parser, TOKEN_END))
    expected(parser, "the end of the file", "one contract a file");
}

struct contract *contract_parse(struct compilation *compilation, const char *path, const struct place *used) {
  struct contract *contract = memory_take(&compilation->memory, sizeof *contract);
  struct parser *parser = memory_take(&compilation->memory, sizeof *parser);
  uint32_t length = 0, problems = compilation->problem_count;
  contract->source.path = path;
  contract->source.text = compilation->read(&compilation->memory, path, &length);
  contract->source.length = length;
  if (!contract->source.text) {
    struct place place = used ? *used : (struct place){.source = &contract->source};
    problem_add(compilation, errno == EFBIG ? PROBLEM_LARGE : PROBLEM_USE, place, "'%s' cannot be read: %s", path,
                errno == EFBIG ? "a contract has at most 1 MiB" : strerror(errno));
    return NULL;
  }
  parser->compilation = parser->lexer.compilation = compilation;
  parser->memory = &compilation->memory;
  parser->contract = contract;
  parser->lexer.source = &contract->source;
  contract->place.source = &contract->source;
  contract->name = name_of_path(parser, path);
  *APPEND(parser->memory, compilation->reading, compilation->reading_count) = contract;
  bool parsed = false;
  if (!setjmp(parser->lexer.stop)) {
    file(parser);
    parsed = true;
  }
  compilation->reading_count--;
  if (!parsed)
    return NULL;
  layout_contract(compilation, contract);
  contract->complete = compilation->problem_count == problems;
  *APPEND(parser->memory, compilation->contracts, compilation->contract_count) = contract;
  return contract;
}
