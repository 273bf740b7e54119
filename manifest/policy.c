/* `restart`: when a process that has ended is started again, how often, and how long it may take to start and stop. */
#include "manifest/model.h"

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define LIMIT_MOST (1u << 20)

static const struct signet_system_policy defaults = {.restart = SIGNET_SYSTEM_RESTART_NEVER,
                                                     .limit = 10,
                                                     .window = 60 * SECOND,
                                                     .backoff_first = SECOND / 100,
                                                     .backoff_most = SECOND,
                                                     .start_deadline = 10 * SECOND,
                                                     .stop_deadline = 2 * SECOND};

static const char *const when[] = {[SIGNET_SYSTEM_RESTART_NEVER] = "never",
                                   [SIGNET_SYSTEM_RESTART_FAILURE] = "on-failure",
                                   [SIGNET_SYSTEM_RESTART_ALWAYS] = "always"};

const char *restart_word(uint32_t restart) { return when[restart]; }

static void read_when(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct signet_system_policy *policy = object;
  uint32_t choice;
  (void)key;
  if (value_choice(manifest, value, "restart", when, 3, &choice))
    policy->restart = choice;
}

/* FIRST or FIRST..MOST. */
static void read_backoff(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct signet_system_policy *policy = object;
  uint64_t first, most;
  (void)key;
  if (!value_kind(manifest, value, NODE_SCALAR, "back-off"))
    return;
  const char *dots = strstr(value->text, "..");
  struct node low = *value, high = *value;
  if (dots) {
    low.text = memory_text(&manifest->memory, "%.*s", (int)(dots - value->text), value->text);
    high.text = dots + 2;
  }
  if (!value_time(manifest, &low, "back-off", HOUR, &first) || !value_time(manifest, &high, "back-off", HOUR, &most))
    return;
  if (first > most) {
    problem_suggest(
        manifest->problems,
        value_wrong(manifest, value, PROBLEM_RANGE, "the first wait is longer than the longest: %s", value->text),
        "write the shorter one first: back-off: 10ms..1s");
    return;
  }
  policy->backoff_first = first;
  policy->backoff_most = most;
}

static void read_limit(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_count(manifest, value, "limit", 1, LIMIT_MOST, &((struct signet_system_policy *)object)->limit);
}

/* A span in which something shall happen: not 0. */
static void read_span(struct manifest *manifest, const struct node *key, const struct node *value, uint64_t *span) {
  uint64_t time;
  if (!value_time(manifest, value, key->text, HOUR, &time))
    return;
  if (time)
    *span = time;
  else
    value_wrong(manifest, value, PROBLEM_RANGE, "%s is too short: %s", key->text, value->text);
}

static void read_within(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  read_span(manifest, key, value, &((struct signet_system_policy *)object)->window);
}

static void read_start(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  read_span(manifest, key, value, &((struct signet_system_policy *)object)->start_deadline);
}

static void read_stop(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  read_span(manifest, key, value, &((struct signet_system_policy *)object)->stop_deadline);
}

void policy_read(struct manifest *manifest, const struct node *value, struct signet_system_policy *policy) {
  static const struct field fields[] = {{"when", read_when},          {"back-off", read_backoff},
                                        {"limit", read_limit},        {"within", read_within},
                                        {"start-within", read_start}, {"stop-within", read_stop}};
  *policy = defaults;
  if (!value)
    return;
  if (value->kind == NODE_SCALAR) {
    read_when(manifest, value, value, policy);
    return;
  }
  fields_read(manifest, value, fields, sizeof fields / sizeof *fields, policy, "restart");
  if (value->kind != NODE_MAPPING)
    return;
  if (!node_find(value, "when"))
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_MISSING, "this does not say when it is started again"),
                    "add when: always, or when: on-failure");
  /* Waits that are longer than the window are never counted together: the limit would not be one. */
  if (policy->backoff_most >= policy->window)
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_RANGE,
                                "the longest wait of back-off is not shorter than 'within': the limit would never be "
                                "reached"),
                    "make 'within' longer, or the longest wait shorter");
}
