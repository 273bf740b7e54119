/* Fields of structures and messages: their types and bounds. For the parser. */
#include "contractc/parser.h"

static const struct {
  const char *name;
  enum type type;
  uint32_t size;
} scalars[] = {{"u8", TYPE_U8, 1},     {"u16", TYPE_U16, 2},  {"u32", TYPE_U32, 4}, {"u64", TYPE_U64, 8},
               {"i8", TYPE_I8, 1},     {"i16", TYPE_I16, 2},  {"i32", TYPE_I32, 4}, {"i64", TYPE_I64, 8},
               {"bool", TYPE_BOOL, 1}, {"char", TYPE_CHAR, 1}};

static void endpoint_type(struct parser *parser, struct field *field) {
  struct place place;
  const char *side = parse_name(parser, "'block', 'client' or 'server'", &place);
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
  field->contract_name = parse_name(parser, "the name of a contract, or 'any'", &field->contract_place);
  parse_expect(parser, '.', "'.' and a state", "an endpoint has a state: own client files.REQUEST name;");
  field->state_name = parse_name(parser, "the name of a state", &field->state_place);
}

static void type(struct parser *parser, struct field *field) {
  struct place place = parser->lexer.token.place;
  const struct contract *contract = parser->contract;
  field->type_place = place;
  if (accept_word(parser, "own")) {
    if (!at_word(parser, "block") && !at_word(parser, "client") && !at_word(parser, "server"))
      parse_expected(parser, "'block', 'client' or 'server'", "what moves is a block or the end of a channel");
    endpoint_type(parser, field);
    return;
  }
  if (at_word(parser, "enum") || at_word(parser, "flags")) {
    bool flags = at_word(parser, "flags");
    lexer_next(&parser->lexer);
    const char *name = parse_name(parser, "the name of an enumeration", &place);
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
    parse_undefined(parser, place, flags ? "set of flags" : "enumeration", name, names, count);
    field->type = TYPE_U32;
    return;
  }
  if (accept_word(parser, "struct")) {
    const char *name = parse_name(parser, "the name of a structure", &place);
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
    parse_undefined(parser, place, "structure", name, names, count);
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
  const char *name = parse_name(parser, "the type of a field", &place);
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
    field->most = field->least = parse_expression(parser, 0);
  if (accept(parser, TOKEN_RANGE)) {
    range = true;
    if (at(parser, ']')) {
      struct place close = parser->lexer.token.place;
      bound_missing(parser, close, what, "write the most behind the '..'");
      field->most = field->least;
    } else {
      field->most = parse_expression(parser, 0);
    }
  }
  struct place all = open;
  all.length = parser->lexer.token.place.offset + parser->lexer.token.place.length - open.offset;
  parse_expect(parser, ']', "']'", NULL);
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

void parse_fields(struct parser *parser, struct field **list, uint32_t *count) {
  parse_expect(parser, '{', "'{'", NULL);
  while (!accept(parser, '}')) {
    const char *documentation = parser->lexer.documentation;
    struct field common = {0};
    uint32_t first = *count;
    type(parser, &common);
    do {
      struct field field = common;
      field.name = parse_name(parser, "the name of a field", &field.place);
      const struct place *earlier = NULL;
      for (uint32_t i = 0; i < *count && !earlier; i++)
        if (!strcmp((*list)[i].name, field.name))
          earlier = &(*list)[i].place;
      parse_name_check(parser, field.name, field.place, earlier);
      array(parser, &field);
      parse_room(parser, *count);
      field.documentation = documentation;
      *APPEND(parser->memory, *list, *count) = field;
    } while (accept(parser, ','));
    parse_expect(parser, ';', "';'", NULL);
    for (uint32_t i = first; i < *count; i++)
      parse_document(parser, &(*list)[i].documentation);
  }
}
