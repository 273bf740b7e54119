/* Scalars of a manifest: names, texts, sizes, spans of time, words. Each says what is wrong, where, and what would be
 * right. */
#include <inttypes.h>
#include <stdarg.h>

#include "manifest/model.h"

struct problem *value_wrong(struct manifest *manifest, const struct node *node, enum problem_number number,
                            const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0)
    memory_none();
  va_end(arguments);
  struct problem *problem = problem_add(manifest->problems, number, node->place, "%s", text);
  free(text);
  return problem;
}

bool value_kind(struct manifest *manifest, const struct node *node, enum node_kind kind, const char *what) {
  static const char *const kinds[] = {"a word or a number", "a list", "a mapping"};
  static const char *const forms[] = {"", "write [a, b], or a line with '- ' for each",
                                      "write key: value, or {key: value}"};
  bool empty = node->kind == NODE_SCALAR && node->plain &&
               (!*node->text || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
  if (node->kind == kind && !empty)
    return true;
  struct problem *problem = value_wrong(manifest, node, PROBLEM_TYPE, "%s is %s, and this is %s", what, kinds[kind],
                                        empty ? "nothing" : kinds[node->kind]);
  if (*forms[kind])
    problem_suggest(manifest->problems, problem, "%s", forms[kind]);
  else if (empty)
    problem_suggest(manifest->problems, problem, "write a value, or leave the key out");
  return false;
}

bool value_text(struct manifest *manifest, const struct node *node, const char *what, const char **text) {
  if (!value_kind(manifest, node, NODE_SCALAR, what))
    return false;
  *text = node->text;
  return true;
}

bool value_name(struct manifest *manifest, const struct node *node, const char *what, const char **name) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  if (!value_text(manifest, node, what, name))
    return false;
  size_t length = strlen(*name);
  if (length && length <= NAME_MOST && strspn(*name, allowed) == length && **name != '-')
    return true;
  struct problem *problem =
      !length              ? value_wrong(manifest, node, PROBLEM_NAME, "%s is empty", what)
      : length > NAME_MOST ? value_wrong(manifest, node, PROBLEM_NAME, "%s is %zu bytes long", what, length)
      : **name == '-'
          ? value_wrong(manifest, node, PROBLEM_NAME, "%s begins with '-'", what)
          : value_wrong(manifest, node, PROBLEM_NAME, "%s has a character in it that a name cannot have", what);
  problem_suggest(manifest->problems, problem, "a name is 1 to %u letters, digits, '-' and '_'", NAME_MOST);
  return false;
}

bool value_slot_name(struct manifest *manifest, const struct node *node, const char *what, const char **name) {
  if (!value_name(manifest, node, what, name))
    return false;
  if (strcmp(*name, "supervision") != 0)
    return true;
  problem_suggest(manifest->problems,
                  value_wrong(manifest, node, PROBLEM_RESERVED, "every process has a slot 'supervision' by itself"),
                  "call this otherwise, or leave it out");
  return false;
}

/* Digits at *text. False: none, or beyond 64 bits. */
static bool digits(const char **text, uint64_t *number) {
  const char *at = *text;
  *number = 0;
  for (; *at >= '0' && *at <= '9'; at++)
    if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, (unsigned)(*at - '0'), number))
      return false;
  bool some = at != *text;
  *text = at;
  return some;
}

/* With K, M, G or T behind. */
static bool size_parse(const char *text, uint64_t *size) {
  static const char units[] = "KMGT";
  if (!digits(&text, size))
    return false;
  const char *unit = *text ? strchr(units, *text) : NULL;
  if (unit && __builtin_mul_overflow(*size, UINT64_C(1) << (10 * (unit - units + 1)), size))
    return false;
  return !text[unit != NULL];
}

const char *quantity(uint64_t bytes, char text[24]) {
  static const char units[] = "\0KMGT";
  unsigned unit = 0;
  for (; unit < 4 && bytes && bytes % 1024 == 0; unit++)
    bytes /= 1024;
  if (bytes >= 10240 && unit < 4) { /* not round: one digit behind the point */
    double value = (double)bytes;
    for (; unit < 4 && value >= 1024; unit++)
      value /= 1024;
    snprintf(text, 24, "%.1f%c", value, units[unit]);
  } else {
    snprintf(text, 24, unit ? "%" PRIu64 "%c" : "%" PRIu64, bytes, units[unit]);
  }
  return text;
}

bool value_size(struct manifest *manifest, const struct node *node, const char *what, uint64_t least, uint64_t most,
                uint64_t *size) {
  char from[24], to[24];
  uint64_t value;
  if (!value_kind(manifest, node, NODE_SCALAR, what))
    return false;
  if (!size_parse(node->text, &value)) {
    problem_suggest(manifest->problems,
                    value_wrong(manifest, node, PROBLEM_NUMBER, "%s has to be a number, not '%s'", what, node->text),
                    "write digits, and K, M, G or T behind them for 1024, 1024K and so on: %s",
                    most > UINT32_MAX ? "64M" : "4K");
    return false;
  }
  if (value < least || value > most) {
    problem_suggest(manifest->problems,
                    value_wrong(manifest, node, PROBLEM_RANGE, "%s is too %s: %s", what,
                                value < least ? "small" : "large", node->text),
                    "it can be %s to %s", quantity(least, from), quantity(most, to));
    return false;
  }
  *size = value;
  return true;
}

bool value_count(struct manifest *manifest, const struct node *node, const char *what, uint32_t least, uint32_t most,
                 uint32_t *count) {
  uint64_t value;
  if (!value_size(manifest, node, what, least, most, &value))
    return false;
  *count = (uint32_t)value;
  return true;
}

bool value_time(struct manifest *manifest, const struct node *node, const char *what, uint64_t most, uint64_t *time) {
  static const struct {
    const char *name;
    uint64_t nanoseconds;
  } units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};
  uint64_t value;
  if (!value_kind(manifest, node, NODE_SCALAR, what))
    return false;
  const char *text = node->text;
  if (digits(&text, &value)) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
      if (strcmp(text, units[i].name) != 0)
        continue;
      if (!__builtin_mul_overflow(value, units[i].nanoseconds, &value) && value <= most) {
        *time = value;
        return true;
      }
      problem_suggest(manifest->problems,
                      value_wrong(manifest, node, PROBLEM_RANGE, "%s is too long: %s", what, node->text),
                      "it can be at most %" PRIu64 "s", most / 1000000000);
      return false;
    }
  }
  problem_suggest(manifest->problems,
                  value_wrong(manifest, node, PROBLEM_TIME, "%s has to be a span of time, not '%s'", what, node->text),
                  "write digits and us, ms, s, m or h: 250ms");
  return false;
}

static char *list_of(struct obstack *memory, const char *const *words, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    obstack_printf(memory, "%s%s", !i ? "" : i + 1 == count ? " or " : ", ", words[i]);
  obstack_1grow(memory, 0);
  return obstack_finish(memory);
}

bool value_choice(struct manifest *manifest, const struct node *node, const char *what, const char *const *choices,
                  uint32_t count, uint32_t *choice) {
  if (!value_kind(manifest, node, NODE_SCALAR, what))
    return false;
  for (*choice = 0; *choice < count; ++*choice)
    if (strcmp(node->text, choices[*choice]) == 0)
      return true;
  problem_suggest(manifest->problems,
                  value_wrong(manifest, node, PROBLEM_CHOICE, "%s cannot be '%s'", what, node->text), "it can be %s",
                  list_of(&manifest->memory, choices, count));
  return false;
}

bool value_boolean(struct manifest *manifest, const struct node *node, const char *what, bool *value) {
  static const char *const words[] = {"false", "true"};
  uint32_t choice;
  if (!value_choice(manifest, node, what, words, 2, &choice))
    return false;
  *value = choice == 1;
  return true;
}
