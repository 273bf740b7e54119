/* Tokens of a contract's text, and its comments as documentation. For parser.c. */
#include "contractc/lexer.h"

#include <string.h>

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static struct place place_of(const struct lexer *lexer, uint32_t start, uint32_t end) {
  return (struct place){.source = lexer->source, .offset = start, .length = end - start};
}

static _Noreturn void refuse(struct lexer *lexer, enum problem_number number, struct place place, const char *text,
                             const char *suggestion) {
  struct problem *problem = problem_add(lexer->compilation, number, place, "%s", text);
  if (suggestion)
    problem_suggest(lexer->compilation, problem, "%s", suggestion);
  longjmp(lexer->stop, 1);
}

/* A comment's words, one space between them; an empty line stays as a line's end. */
static const char *comment_text(struct lexer *lexer, const char *bytes, uint32_t length) {
  char *text = memory_take(&lexer->compilation->memory, (size_t)length + 1);
  uint32_t used = 0, lines = 0;
  bool space = false, begin = true;
  for (uint32_t i = 0; i < length; i++) {
    char c = bytes[i];
    if (c == '\n') {
      lines++;
      space = begin = true;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      space = true;
      continue;
    }
    if (begin && c == '*' && (i + 1 == length || bytes[i + 1] == ' ' || bytes[i + 1] == '\n')) {
      begin = false;
      continue;
    }
    if (used && space)
      text[used++] = lines > 1 ? '\n' : ' ';
    /* What could end a comment of C, or does not belong in a text, is left out. */
    if ((unsigned char)c >= ' ' && c != 0x7f && !(c == '/' && used && text[used - 1] == '*') &&
        !(c == '*' && used && text[used - 1] == '/'))
      text[used++] = c;
    space = begin = false;
    lines = 0;
  }
  return used ? text : NULL;
}

static void comment_take(struct lexer *lexer, uint32_t start, uint32_t end, bool trailing) {
  const char *text = comment_text(lexer, lexer->source->text + start, end - start);
  struct memory *memory = &lexer->compilation->memory;
  const char **to = trailing ? &lexer->trailing : &lexer->documentation;
  if (text)
    *to = *to ? memory_text(memory, "%s\n%s", *to, text) : text;
}

/* Passes over blanks and comments. A comment on the line of a declaration's end belongs to that declaration. */
static void skip(struct lexer *lexer, bool trailing) {
  const char *text = lexer->source->text;
  for (;;) {
    char c = text[lexer->offset];
    if (c == '\n') {
      trailing = false;
      lexer->offset++;
      /* A comment that an empty line parts from what follows belongs to nothing. */
      if (text[lexer->offset] == '\n')
        lexer->documentation = NULL;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      lexer->offset++;
    } else if (c == '/' && text[lexer->offset + 1] == '/') {
      uint32_t start = lexer->offset + 2, end = start;
      while (text[end] && text[end] != '\n')
        end++;
      comment_take(lexer, start, end, trailing);
      lexer->offset = end;
    } else if (c == '/' && text[lexer->offset + 1] == '*') {
      uint32_t start = lexer->offset + 2;
      const char *end = strstr(text + start, "*/");
      if (!end)
        refuse(lexer, PROBLEM_UNENDED, place_of(lexer, start - 2, start), "this comment does not end",
               "end it with */");
      comment_take(lexer, start, (uint32_t)(end - text), trailing);
      lexer->offset = (uint32_t)(end - text) + 2;
    } else {
      return;
    }
  }
}

static void number_read(struct lexer *lexer) {
  const char *text = lexer->source->text;
  uint32_t start = lexer->offset, at = start;
  unsigned base = text[at] == '0' && (text[at + 1] == 'x' || text[at + 1] == 'X') ? 16 : 10;
  bool valid = true, large = false;
  uint64_t value = 0;
  uint32_t digits = 0;
  if (base == 16)
    at += 2;
  for (; is_letter(text[at]) || is_digit(text[at]); at++, digits++) {
    unsigned digit = 99;
    if (is_digit(text[at]))
      digit = (unsigned)(text[at] - '0');
    else if ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'f')
      digit = (unsigned)((text[at] | 32) - 'a') + 10;
    if (digit >= base)
      valid = false;
    else if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      large = true;
  }
  if (base == 10 && digits > 1 && text[start] == '0')
    valid = false;
  struct place place = place_of(lexer, start, at);
  if (!valid || !digits)
    refuse(lexer, PROBLEM_NUMBER, place, "this is not a number", "numbers are decimal, or hexadecimal with 0x");
  if (large)
    refuse(lexer, PROBLEM_NUMBER, place, "this number is larger than 64 bits", NULL);
  lexer->token = (struct token){.kind = TOKEN_NUMBER, .place = place, .value = value};
  lexer->offset = at;
}

static void text_read(struct lexer *lexer) {
  const char *text = lexer->source->text;
  uint32_t start = lexer->offset, at = start + 1;
  while (text[at] != '"') {
    unsigned char c = (unsigned char)text[at];
    if (c == '\n' || !c)
      refuse(lexer, PROBLEM_UNENDED, place_of(lexer, start, at), "this text does not end on its line",
             "end it with \"");
    if (c == '\\' || c < ' ' || c >= 0x7f)
      refuse(lexer, PROBLEM_CHARACTER, place_of(lexer, at, at + 1),
             "a text holds printable ASCII characters without backslashes", NULL);
    at++;
  }
  lexer->token = (struct token){.kind = TOKEN_TEXT,
                                .place = place_of(lexer, start, at + 1),
                                .text = memory_copy(&lexer->compilation->memory, text + start + 1, at - start - 1)};
  lexer->offset = at + 1;
}

void lexer_next(struct lexer *lexer) {
  static const struct {
    char text[3];
    int kind;
  } pairs[] = {{"<<", TOKEN_SHIFT_LEFT},
               {">>", TOKEN_SHIFT_RIGHT},
               {"..", TOKEN_RANGE},
               {"->", TOKEN_ARROW},
               {"=>", TOKEN_ANSWERS}};
  const char *text = lexer->source->text;
  lexer->last = lexer->token.place;
  int kind = lexer->token.kind;
  lexer->documentation = lexer->trailing = NULL;
  skip(lexer, kind == ';' || kind == ',' || kind == '}');
  uint32_t start = lexer->offset;
  char c = text[start];
  if (start == lexer->source->length) {
    lexer->token = (struct token){.kind = TOKEN_END, .place = place_of(lexer, start, start)};
  } else if (is_letter(c)) {
    uint32_t at = start;
    while (is_letter(text[at]) || is_digit(text[at]))
      at++;
    if (at - start > 63)
      refuse(lexer, PROBLEM_LARGE, place_of(lexer, start, at), "a name has at most 63 characters", NULL);
    lexer->token = (struct token){.kind = TOKEN_NAME,
                                  .place = place_of(lexer, start, at),
                                  .text = memory_copy(&lexer->compilation->memory, text + start, at - start)};
    lexer->offset = at;
  } else if (is_digit(c)) {
    number_read(lexer);
  } else if (c == '"') {
    text_read(lexer);
  } else {
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
      if (c == pairs[i].text[0] && text[start + 1] == pairs[i].text[1]) {
        lexer->token = (struct token){.kind = pairs[i].kind, .place = place_of(lexer, start, start + 2)};
        lexer->offset += 2;
        return;
      }
    if (c == '\0' || !strchr("{}()[];,=:.+-*/%&|~", c)) {
      char what[64];
      if (c > ' ' && c < 0x7f)
        snprintf(what, sizeof what, "'%c' has no place in a contract", c);
      else
        snprintf(what, sizeof what, "the byte 0x%02x has no place in a contract", (unsigned char)c);
      refuse(lexer, PROBLEM_CHARACTER, place_of(lexer, start, start + 1), what,
             (unsigned char)c >= 0x80 ? "letters outside ASCII belong in comments" : NULL);
    }
    lexer->token = (struct token){.kind = c, .place = place_of(lexer, start, start + 1)};
    lexer->offset++;
  }
}

void lexer_begin(struct lexer *lexer) {
  lexer->token.place = place_of(lexer, 0, 0);
  lexer_next(lexer);
}
