/* From text to declarations: the grammar of docs/contracts.md, read by recursive descent. One problem of syntax ends
 * the reading; problems of names and values are collected. What is read has names where layout.c will put what they
 * mean. */
#include "contractc/parser.h"

#include <errno.h>
#include <string.h>

/* ---- Declarations ---- */

static void constant(struct parser *parser) {
  struct contract *contract = parser->contract;
  struct constant new = {.documentation = parser->lexer.documentation};
  lexer_next(&parser->lexer);
  new.name = parse_name(parser, "the name of the constant", &new.place);
  const struct place *earlier = NULL;
  for (uint32_t i = 0; i < contract->constant_count && !earlier; i++)
    if (!strcmp(contract->constants[i].name, new.name))
      earlier = &contract->constants[i].place;
  parse_name_check(parser, new.name, new.place, earlier);
  parse_expect(parser, '=', "'='", NULL);
  new.value = parse_expression(parser, 0);
  parse_expect(parser, ';', "';'", NULL);
  parse_document(parser, &new.documentation);
  parse_room(parser, contract->constant_count);
  *APPEND(parser->memory, contract->constants, contract->constant_count) = new;
}

static void members(struct parser *parser, struct enumeration *enumeration) {
  uint64_t most = enumeration->size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * enumeration->size)) - 1;
  uint64_t next = enumeration->flags ? 1 : 0;
  bool past = false; /* the values that could follow do not fit */
  parse_expect(parser, '{', "'{'", NULL);
  do {
    struct member new = {.documentation = parser->lexer.documentation, .value = next};
    const struct place *earlier = NULL;
    new.name = parse_name(parser, "a name", &new.place);
    for (uint32_t i = 0; i < enumeration->member_count && !earlier; i++)
      if (!strcmp(enumeration->members[i].name, new.name))
        earlier = &enumeration->members[i].place;
    parse_name_check(parser, new.name, new.place, earlier);
    if (accept(parser, '=')) {
      new.value = parse_expression(parser, 0);
      past = false;
    } else if (enumeration->errors) {
      parse_expected(parser, "'=' and the error's number", "errors { NOT_FOUND = 2 \"there is no such name\" }");
    }
    if (enumeration->errors) {
      if (!at(parser, TOKEN_TEXT))
        parse_expected(parser, "what the error means, in quotes", "errors { NOT_FOUND = 2 \"there is no such name\" }");
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
    parse_room(parser, enumeration->member_count);
    struct member *member = APPEND(parser->memory, enumeration->members, enumeration->member_count);
    *member = new;
    bool more = accept(parser, ',');
    parse_document(parser, &member->documentation);
    if (!more) {
      /* The last one has no comma behind which its comment would be. */
      if (!member->documentation)
        member->documentation = parser->lexer.documentation;
      break;
    }
  } while (!at(parser, '}'));
  parse_expect(parser, '}', "',' or '}'", NULL);
}

static void enumeration(struct parser *parser, bool flags) {
  struct contract *contract = parser->contract;
  struct enumeration *new = memory_take(parser->memory, sizeof *new);
  new->documentation = parser->lexer.documentation;
  new->flags = flags;
  new->size = 4;
  lexer_next(&parser->lexer);
  new->name = parse_name(parser, flags ? "the name of the flags" : "the name of the enumeration", &new->place);
  const struct enumeration *earlier = enumeration_find(contract, new->name, flags);
  parse_name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  if (accept(parser, ':')) {
    if (accept_word(parser, "u8"))
      new->size = 1;
    else if (accept_word(parser, "u16"))
      new->size = 2;
    else if (accept_word(parser, "u64"))
      new->size = 8;
    else if (!accept_word(parser, "u32"))
      parse_expected(parser, "u8, u16, u32 or u64", NULL);
  }
  members(parser, new);
  accept(parser, ';');
  parse_room(parser, contract->enumeration_count);
  *APPEND(parser->memory, contract->enumerations, contract->enumeration_count) = new;
}

static void message_add(struct parser *parser, struct message *new) {
  struct contract *contract = parser->contract;
  const struct message *earlier = message_find(contract, new->name);
  parse_name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  static const char *const words[] = {"close", "error", "end", "tag", "gone"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(new->name, words[i]))
      problem_suggest(parser->compilation,
                      problem_add(parser->compilation, PROBLEM_RESERVED, new->place,
                                  "'%s' has a meaning of its own: no message is called so", new->name),
                      "messages are usually written in capitals");
  parse_room(parser, contract->message_count);
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
  new->name = parse_name(parser, "the name of the structure", &new->place);
  const struct structure *earlier = structure_find(contract, new->name);
  parse_name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  parse_fields(parser, &new->fields, &new->field_count);
  accept(parser, ';');
  parse_document(parser, &new->documentation);
  layout_structure(parser->compilation, new);
  parse_room(parser, contract->structure_count);
  *APPEND(parser->memory, contract->structures, contract->structure_count) = new;
}

static void message(struct parser *parser, enum side side, const char *documentation) {
  struct message *new = memory_take(parser->memory, sizeof *new);
  new->documentation = documentation;
  new->side = side;
  lexer_next(&parser->lexer);
  new->name = parse_name(parser, "the name of the message", &new->place);
  if (accept(parser, '=')) {
    new->tag_place = parser->lexer.token.place;
    uint64_t tag = parse_expression(parser, 0);
    if (tag >= MESSAGES_MOST) {
      problem_add(parser->compilation, PROBLEM_TAG, new->tag_place, "message numbers are 0 to %u", MESSAGES_MOST - 1);
      tag = 0;
      new->tag_place.length = 0;
    }
    new->tag = (uint32_t)tag;
  }
  if (accept_word(parser, "at")) {
    if (!accept_word(parser, "most"))
      parse_expected(parser, "'most'", "write: at most 4096 bytes");
    new->capped = true;
    new->cap_place = parser->lexer.token.place;
    new->cap = parse_expression(parser, 0);
    if (!accept_word(parser, "bytes"))
      parse_expected(parser, "'bytes'", "write: at most 4096 bytes");
  }
  if (!accept(parser, ';')) {
    if (!at(parser, '{'))
      parse_expected(parser, "'{' and the message's fields, or ';'", NULL);
    parse_fields(parser, &new->fields, &new->field_count);
    accept(parser, ';');
  }
  parse_document(parser, &new->documentation);
  message_add(parser, new);
}

static struct target target(struct parser *parser) {
  struct target target;
  target.name = parse_name(parser, "a state, or 'end'", &target.place);
  return target;
}

static void answers(struct parser *parser, struct answer **list, uint32_t *count) {
  do {
    struct answer answer = {0};
    answer.name = parse_name(parser, "the message that answers", &answer.place);
    if (!strcmp(answer.name, "error"))
      answer.name = "FAILED";
    if (accept(parser, TOKEN_ARROW))
      answer.target = target(parser);
    parse_room(parser, *count);
    *APPEND(parser->memory, *list, *count) = answer;
  } while (accept(parser, '|'));
}

/* One line of a state: messages and where they lead, or requests and their answers. */
static void step(struct parser *parser, struct state *state) {
  struct request *names = NULL;
  uint32_t count = 0;
  do {
    struct request *name = APPEND(parser->memory, names, count);
    name->name = parse_name(parser, "a message, 'close' or '}'", &name->place);
    if (!strcmp(name->name, "error"))
      name->name = "FAILED";
    parse_room(parser, count);
  } while (accept(parser, ','));
  if (accept(parser, TOKEN_ARROW)) {
    struct target to = target(parser);
    for (uint32_t i = 0; i < count; i++) {
      parse_room(parser, state->transition_count);
      *APPEND(parser->memory, state->transitions, state->transition_count) =
          (struct transition){.name = names[i].name, .place = names[i].place, .target = to};
    }
  } else if (accept(parser, TOKEN_ANSWERS)) {
    struct answer *list = NULL;
    uint32_t answer_count = 0;
    answers(parser, &list, &answer_count);
    for (uint32_t i = 0; i < count; i++) {
      parse_room(parser, state->request_count);
      names[i].answers = list;
      names[i].answer_count = answer_count;
      *APPEND(parser->memory, state->requests, state->request_count) = names[i];
    }
  } else {
    parse_expected(parser, "'->' and a state, or '=>' and the answers",
                   "write MESSAGE -> STATE; or REQUEST => ANSWER | ANSWER;");
  }
  parse_expect(parser, ';', "';'", NULL);
}

static void state(struct parser *parser, enum side side, const char *documentation) {
  struct contract *contract = parser->contract;
  struct state *new = memory_take(parser->memory, sizeof *new);
  new->documentation = documentation;
  new->side = side;
  lexer_next(&parser->lexer);
  new->name = parse_name(parser, "the name of the state", &new->place);
  const struct state *earlier = state_find(contract, new->name);
  parse_name_check(parser, new->name, new->place, earlier ? &earlier->place : NULL);
  if (!strcmp(new->name, "end") || !strcmp(new->name, "any") || !strcmp(new->name, "close"))
    problem_add(parser->compilation, PROBLEM_RESERVED, new->place,
                "'%s' has a meaning of its own: no state is called so", new->name);
  parse_expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}')) {
    struct place place = parser->lexer.token.place;
    if (accept_word(parser, "close")) {
      parse_expect(parser, ';', "';'", NULL);
      if (new->closes)
        problem_add(parser->compilation, PROBLEM_AMBIGUOUS, place, "'close' is in '%s' twice", new->name);
      new->closes = true;
      continue;
    }
    step(parser, new);
  }
  accept(parser, ';');
  parse_room(parser, contract->state_count);
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
      parse_expected(parser, "'message' or 'state'", NULL);
  } else {
    parse_expected(parser, "a declaration or '}'",
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
  const char *name = parse_name(parser, "the name of a contract", &place);
  parse_expect(parser, ';', "';'", NULL);
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
    parse_too_large(parser, place, "contracts use contracts too deeply");
  for (uint32_t i = 0; i < compilation->contract_count && !used; i++)
    if (!strcmp(compilation->contracts[i]->name, name))
      used = compilation->contracts[i];
  if (!used)
    used = contract_parse(compilation, beside(parser, name), &place);
  if (!used || !used->complete)
    longjmp(parser->lexer.stop, 1); /* its own problems have been told */
  parse_room(parser, contract->use_count);
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
    parse_expected(parser, "'contract'", "a file is: use NAME; … contract NAME { … }");
  contract->name = parse_name(parser, "the contract's name", &contract->place);
  const char *file = name_of_path(parser, contract->source.path);
  if (name_is_of_c(contract->name))
    problem_add(parser->compilation, PROBLEM_RESERVED, contract->place, "'%s' means something in C already",
                contract->name);
  if (strcmp(contract->name, file) != 0)
    problem_suggest(parser->compilation,
                    problem_add(parser->compilation, PROBLEM_FILE_NAME, contract->place,
                                "the contract '%s' is in a file called '%s'", contract->name, file),
                    "one contract a file: call the file %s.contract", contract->name);
  parse_expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}'))
    declaration(parser);
  accept(parser, ';');
  if (!at(parser, TOKEN_END))
    parse_expected(parser, "the end of the file", "one contract a file");
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
