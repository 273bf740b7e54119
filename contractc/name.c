/* Tokens that are expected, and names: which may be new, which there are, what a wrong one may have been meant for. For
 * the parser, and for those who look a name up. */
#include "contractc/parser.h"

const char *const side_name[3] = {"client", "server", "nobody"};

/* ---- Tokens ---- */

static const char *token_describe(struct parser *parser, const struct token *token) {
  if (token->kind == TOKEN_END)
    return "the end of the file";
  return memory_text(parser->memory, "'%.*s'", (int)(token->place.length > 40 ? 40 : token->place.length),
                     token->place.source->text + token->place.offset);
}

_Noreturn void parse_expected(struct parser *parser, const char *what, const char *suggestion) {
  struct problem *problem =
      problem_add(parser->compilation, PROBLEM_SYNTAX, parser->lexer.token.place, "%s is expected here, not %s", what,
                  token_describe(parser, &parser->lexer.token));
  if (suggestion)
    problem_suggest(parser->compilation, problem, "%s", suggestion);
  longjmp(parser->lexer.stop, 1);
}

_Noreturn void parse_too_large(struct parser *parser, struct place place, const char *what) {
  problem_add(parser->compilation, PROBLEM_LARGE, place, "%s", what);
  longjmp(parser->lexer.stop, 1);
}

void parse_expect(struct parser *parser, int kind, const char *what, const char *suggestion) {
  if (!accept(parser, kind))
    parse_expected(parser, what, suggestion);
}
const char *parse_name(struct parser *parser, const char *what, struct place *place) {
  if (!at(parser, TOKEN_NAME))
    parse_expected(parser, what, NULL);
  const char *name = parser->lexer.token.text;
  *place = parser->lexer.token.place;
  lexer_next(&parser->lexer);
  return name;
}

void parse_room(struct parser *parser, uint32_t count) {
  if (count >= MEMBERS_MOST)
    parse_too_large(parser, parser->lexer.token.place, "there is more of this than a contract may have");
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

void parse_name_check(struct parser *parser, const char *name, struct place place, const struct place *earlier) {
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

const struct enumeration *errors_find(const struct contract *contract) {
  for (uint32_t i = 0; i < contract->enumeration_count; i++)
    if (contract->enumerations[i]->errors)
      return contract->enumerations[i];
  return NULL;
}

struct problem *parse_undefined(struct parser *parser, struct place place, const char *what, const char *name,
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
