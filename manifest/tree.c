/* YAML as a tree of nodes that know where they are in the file: the events of libfyaml. What a manifest has no use for
 * (anchors, aliases, merge keys, tags, several documents) is refused here, as is what is too large. */
#include <libfyaml.h>

#include "manifest/model.h"

#define DEPTH_MOST 16
#define NODES_MOST 20000

struct reading {
  struct obstack *memory;
  struct manifest_problems *problems;
  struct node *open[DEPTH_MOST]; /* the collections around what comes next */
  struct node *key[DEPTH_MOST];  /* of a mapping: the key whose value comes next, or NULL */
  uint32_t depth, nodes, documents;
  struct node *root;
  bool failed; /* what follows is not looked at */
};

static struct place place_of(const struct reading *reading, struct fy_token *token) {
  const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
  const struct fy_mark *end = token ? fy_token_end_mark(token) : NULL;
  struct place place = {0, 1};
  if (start && start->input_pos <= reading->problems->length) {
    place.offset = (uint32_t)start->input_pos;
    if (end && end->input_pos > start->input_pos && end->input_pos <= reading->problems->length)
      place.length = (uint32_t)(end->input_pos - start->input_pos);
  }
  return place;
}

static struct problem *fail(struct reading *reading, enum problem_number number, struct place place, const char *text) {
  reading->failed = true;
  return problem_add(reading->problems, number, place, "%s", text);
}

static void refuse_decoration(struct reading *reading, struct fy_token *anchor, struct fy_token *tag) {
  struct manifest_problems *problems = reading->problems;
  if (anchor)
    problem_suggest(
        problems, problem_add(problems, PROBLEM_ALIAS, place_of(reading, anchor), "anchors are not used in manifests"),
        "write what is meant at each place, so that it can be read there");
  if (tag)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_ALIAS, place_of(reading, tag), "tags are not used in manifests"),
                    "leave it out: what a value means follows from its key");
}

/* Puts a node where it belongs. */
static void add(struct reading *reading, struct node *node) {
  if (++reading->nodes > NODES_MOST) {
    fail(reading, PROBLEM_LARGE, node->place, "the manifest has too many values");
    return;
  }
  if (!reading->depth) {
    reading->root = node;
    return;
  }
  struct node *parent = reading->open[reading->depth - 1], **key = &reading->key[reading->depth - 1];
  if (parent->kind == NODE_SEQUENCE) {
    *APPEND(reading->memory, parent->items, parent->count) = node;
  } else if (!*key) {
    if (node->kind == NODE_SCALAR)
      *key = node;
    else
      fail(reading, PROBLEM_TYPE, node->place, "a key is one word, not a list or a mapping");
  } else {
    uint32_t values = parent->count;
    *APPEND(reading->memory, parent->values, values) = node;
    *APPEND(reading->memory, parent->items, parent->count) = *key;
    *key = NULL;
  }
}

static void open_collection(struct reading *reading, enum node_kind kind, struct fy_token *token) {
  struct node *node = memory_take(reading->memory, sizeof *node);
  node->kind = kind;
  node->place = place_of(reading, token);
  if (!token && reading->depth && reading->key[reading->depth - 1])
    node->place = reading->key[reading->depth - 1]->place;
  add(reading, node);
  if (reading->failed)
    return;
  if (reading->depth == DEPTH_MOST) {
    fail(reading, PROBLEM_LARGE, node->place, "the manifest is nested too deeply");
    return;
  }
  reading->key[reading->depth] = NULL;
  reading->open[reading->depth++] = node;
}

static void scalar(struct reading *reading, const struct fy_event_scalar_data *data) {
  struct node *node = memory_take(reading->memory, sizeof *node);
  size_t length = 0;
  const char *text = data->value ? fy_token_get_text(data->value, &length) : NULL;
  node->kind = NODE_SCALAR;
  node->place = place_of(reading, data->value);
  /* A value that is not there is where its key is. */
  if ((!data->value || !length) && reading->depth && reading->key[reading->depth - 1])
    node->place = reading->key[reading->depth - 1]->place;
  node->plain = !data->value || fy_token_scalar_style(data->value) == FYSS_PLAIN;
  node->text = obstack_copy0(reading->memory, text ? text : "", text ? length : 0);
  if (strlen(node->text) != (text ? length : 0)) {
    problem_add(reading->problems, PROBLEM_TEXT, node->place, "a text with a NUL character in it");
    node->text = "?";
  }
  add(reading, node);
}

static void take(struct reading *reading, const struct fy_event *event) {
  switch (event->type) {
  case FYET_DOCUMENT_START:
    if (reading->documents++)
      problem_suggest(reading->problems,
                      fail(reading, PROBLEM_DOCUMENT, place_of(reading, event->document_start.document_start),
                           "a second document in one file"),
                      "a file holds one manifest");
    break;
  case FYET_MAPPING_START:
    refuse_decoration(reading, event->mapping_start.anchor, event->mapping_start.tag);
    open_collection(reading, NODE_MAPPING, event->mapping_start.mapping_start);
    break;
  case FYET_SEQUENCE_START:
    refuse_decoration(reading, event->sequence_start.anchor, event->sequence_start.tag);
    open_collection(reading, NODE_SEQUENCE, event->sequence_start.sequence_start);
    break;
  case FYET_MAPPING_END:
  case FYET_SEQUENCE_END:
    if (reading->depth)
      reading->depth--;
    break;
  case FYET_SCALAR:
    refuse_decoration(reading, event->scalar.anchor, event->scalar.tag);
    scalar(reading, &event->scalar);
    break;
  case FYET_ALIAS:
    problem_suggest(
        reading->problems,
        fail(reading, PROBLEM_ALIAS, place_of(reading, event->alias.anchor), "aliases are not used in manifests"),
        "write what is meant at each place, so that it can be read there");
    break;
  default:
    break;
  }
}

/* ---- Errors of the parser ---- */

static uint32_t offset_of(const struct manifest_problems *problems, int line, int column) {
  uint32_t at = 0;
  for (; line > 1 && at < problems->length; at++)
    line -= problems->text[at] == '\n';
  for (; column > 1 && at < problems->length && problems->text[at] != '\n'; at++)
    column -= ((unsigned char)problems->text[at + 1] & 0xc0) != 0x80;
  return at;
}

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t length) {
  (void)diag, (void)user, (void)text, (void)length;
}

static void parser_errors(struct reading *reading, struct fy_diag *diag) {
  struct manifest_problems *problems = reading->problems;
  const struct fy_diag_error *error;
  void *at = NULL;
  bool said = false;
  while (!said && (error = fy_diag_errors_iterate(diag, &at))) {
    struct place place = {offset_of(problems, error->line, error->column), 1};
    struct problem *problem = problem_add(problems, PROBLEM_SYNTAX, place, "%s", error->msg ? error->msg : "not YAML");
    problem_suggest(problems, problem,
                    "check the indentation, and the quotes and brackets before this place; tabs cannot indent");
    said = true; /* what follows is of its making */
  }
  if (!said)
    problem_add(problems, PROBLEM_SYNTAX, (struct place){0, 1}, "this is not YAML");
}

/* ---- Before the parser ---- */

/* Bytes of the character at `at`; 0: it is not UTF-8. */
static uint32_t character(const unsigned char *at, uint32_t left) {
  uint32_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
  if (!length || length > left)
    return 0;
  for (uint32_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  bool surrogate = at[0] == 0xed && at[1] > 0x9f, beyond = at[0] == 0xf4 && at[1] > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

/* Lines are shown in messages: what is no text shall not reach a terminal. */
static void hide(struct manifest_problems *problems) {
  for (uint32_t i = 0; i < problems->length; i++)
    if ((unsigned char)problems->text[i] >= 0x80)
      problems->text[i] = '?';
}

/* Text, and no directives: libfyaml 0.7 can loop for ever over a directive that is damaged. */
static bool text_check(struct manifest_problems *problems) {
  const unsigned char *text = (const unsigned char *)problems->text;
  for (uint32_t at = 0, length; at < problems->length; at += length) {
    const char *wrong = NULL;
    length = character(text + at, problems->length - at);
    if (!length)
      wrong = "this is not UTF-8";
    else if ((text[at] < ' ' && !strchr("\t\n\r", text[at])) || text[at] == 0x7f || !text[at] ||
             (text[at] == 0xc2 && text[at + 1] < 0xa0))
      wrong = "a control character";
    else if (text[at] == 0xef && text[at + 1] == 0xbb && text[at + 2] == 0xbf)
      wrong = "a byte order mark";
    if (wrong) {
      hide(problems);
      problem_suggest(problems, problem_add(problems, PROBLEM_SYNTAX, (struct place){at, 1}, "%s", wrong),
                      "a manifest is text in UTF-8; \"\\x07\" in quotes is such a character");
      return false;
    }
    if (text[at] == '%' && (!at || strchr("\r\n", text[at - 1]))) {
      problem_suggest(
          problems, problem_add(problems, PROBLEM_ALIAS, (struct place){at, 1}, "directives are not used in manifests"),
          "leave the line out");
      return false;
    }
  }
  return true;
}

struct node *tree_read(struct obstack *memory, struct manifest_problems *problems) {
  struct reading reading = {.memory = memory, .problems = problems};
  if (!text_check(problems))
    return NULL;
  const struct fy_diag_cfg quiet = {.output_fn = say_nothing, .level = FYET_ERROR, .module_mask = ~0u};
  struct fy_diag *diag = fy_diag_create(&quiet);
  if (!diag)
    memory_none();
  fy_diag_set_collect_errors(diag, true);
  const struct fy_parse_cfg configuration = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
                                             .diag = diag};
  struct fy_parser *parser = fy_parser_create(&configuration);
  if (!parser || fy_parser_set_string(parser, problems->text, problems->length) != 0)
    memory_none();
  for (struct fy_event *event; !reading.failed && (event = fy_parser_parse(parser));) {
    take(&reading, event);
    fy_parser_event_free(parser, event);
  }
  if (!reading.failed && fy_parser_get_stream_error(parser)) {
    parser_errors(&reading, diag);
    reading.failed = true;
  }
  fy_parser_destroy(parser);
  fy_diag_destroy(diag);
  if (!reading.failed && (!reading.root || (reading.root->kind == NODE_SCALAR && !*reading.root->text)))
    problem_suggest(problems, fail(&reading, PROBLEM_DOCUMENT, (struct place){0, 1}, "there is nothing in this file"),
                    "docs/manifests.md shows how a manifest begins");
  return reading.failed ? NULL : reading.root;
}

struct node *node_find(const struct node *mapping, const char *key) {
  for (uint32_t i = 0; mapping->kind == NODE_MAPPING && i < mapping->count; i++)
    if (strcmp(mapping->items[i]->text, key) == 0)
      return mapping->values[i];
  return NULL;
}
