/* What the parts of the parser give each other: parser.c (declarations, files), field.c (types, fields), expression.c
 * (values), name.c (tokens that are expected, names that are looked up). Nobody else includes it. */
#ifndef CONTRACTC_PARSER_H
#define CONTRACTC_PARSER_H

#include <string.h>

#include "contractc/lexer.h"

#define DEPTH_MOST 64 /* parentheses in parentheses, contracts that use contracts */

struct parser {
  struct lexer lexer;
  struct compilation *compilation;
  struct memory *memory;
  struct contract *contract;
  unsigned depth;
};

/* ---- Tokens: a problem of syntax does not return ---- */

_Noreturn void parse_expected(struct parser *parser, const char *what, const char *suggestion);
_Noreturn void parse_too_large(struct parser *parser, struct place place, const char *what);
void parse_expect(struct parser *parser, int kind, const char *what, const char *suggestion);
const char *parse_name(struct parser *parser, const char *what, struct place *place);
/* Before one more of what there are `count` of. */
void parse_room(struct parser *parser, uint32_t count);

static inline bool at(const struct parser *parser, int kind) { return parser->lexer.token.kind == kind; }
static inline bool at_word(const struct parser *parser, const char *word) {
  return at(parser, TOKEN_NAME) && !strcmp(parser->lexer.token.text, word);
}
static inline bool accept(struct parser *parser, int kind) {
  if (!at(parser, kind))
    return false;
  lexer_next(&parser->lexer);
  return true;
}
static inline bool accept_word(struct parser *parser, const char *word) {
  if (!at_word(parser, word))
    return false;
  lexer_next(&parser->lexer);
  return true;
}
/* Documentation stands before a declaration, or behind it on its last line. */
static inline void parse_document(const struct parser *parser, const char **documentation) {
  if (!*documentation)
    *documentation = parser->lexer.trailing;
}

/* ---- Names ---- */

/* A new name must not be a word of C, and not be there already: `earlier` is where, if it is. */
void parse_name_check(struct parser *parser, const char *name, struct place place, const struct place *earlier);
/* A problem, with what it may have been meant for. */
struct problem *parse_undefined(struct parser *parser, struct place place, const char *what, const char *name,
                                const char *const *names, uint32_t count);
const struct enumeration *errors_find(const struct contract *contract);

/* ---- Parts ---- */

/* Operators that bind tighter than `least`, as in C; 0: all. */
uint64_t parse_expression(struct parser *parser, unsigned least);
/* The fields between braces; several of one type may share a declaration. */
void parse_fields(struct parser *parser, struct field **list, uint32_t *count);

#endif
