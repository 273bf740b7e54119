/* Tokens of a contract's text, for parser.c only. Comments become documentation of the declaration that they stand
 * before, or behind on the same line. */
#ifndef CONTRACTC_LEXER_H
#define CONTRACTC_LEXER_H

#include "contractc/contractc.h"

enum token_kind {
  TOKEN_END,
  TOKEN_NAME,
  TOKEN_NUMBER,
  TOKEN_TEXT,
  TOKEN_SHIFT_LEFT, /* <<, and so on: what has more than one character */
  TOKEN_SHIFT_RIGHT,
  TOKEN_RANGE,   /* .. */
  TOKEN_ARROW,   /* -> */
  TOKEN_ANSWERS, /* => */
  TOKEN_FIRST_CHARACTER = 32,
};

struct token {
  int kind; /* enum token_kind, or a character */
  struct place place;
  const char *text; /* of a name or text */
  uint64_t value;
};

struct lexer {
  struct compilation *compilation;
  const struct source *source;
  uint32_t offset;
  struct token token;        /* the next one */
  struct place last;         /* the one before */
  const char *documentation; /* the comments before the next token, or NULL */
  const char *trailing;      /* the comment on the line of what ended before the next token, or NULL */
  jmp_buf stop;              /* where a problem of syntax leads */
};

void lexer_begin(struct lexer *lexer);
/* Goes on to the next token. */
void lexer_next(struct lexer *lexer);
#endif
