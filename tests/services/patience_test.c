/* The network service's wheel of time against a model that looks at everything. */
#include <stddef.h>
#include <string.h>

#include <signet/abi.h>

#include "services/network_patience.h"
#include "tests/lib/tap.h"

#define MOST 3000
#define MILLISECOND 1000000ull
#define LATE_MOST (17 * MILLISECOND) /* a tick */

static struct patience patiences[MOST];
static uint64_t deadlines[MOST]; /* 0: does not wait */
static uint64_t now = 123456789;

static uint64_t earliest(void) {
  uint64_t first = SIGNET_NEVER;
  for (int i = 0; i < MOST; i++)
    if (deadlines[i] && deadlines[i] < first)
      first = deadlines[i];
  return first;
}

static bool any(void) { return earliest() != SIGNET_NEVER; }

static uint64_t random_length(void) {
  static const uint64_t most[] = {1, 20, 1000, 15000, 17000, 18000, 40000, 3600000, UINT32_MAX};
  return (1 + test_random() % most[test_random() % (sizeof most / sizeof *most)]) * MILLISECOND;
}

static void set(int i) {
  deadlines[i] = now + random_length();
  patience_set(&patiences[i], now, deadlines[i]);
}

/* Later than it was, as another thread may. -> whether patience_next stayed. */
static bool lengthen(int i) {
  uint64_t before = patience_next();
  if (!deadlines[i])
    return true;
  deadlines[i] += random_length();
  patience_set(&patiences[i], now, deadlines[i]);
  return patience_next() == before;
}

/* All that have ended, each once, none before its time, none that is left over. */
static const char *take_ended(uint64_t *ended) {
  struct patience *patience;
  while ((patience = patience_ended(now))) {
    ptrdiff_t i = patience - patiences;
    if (!deadlines[i])
      return "one that does not wait";
    if (deadlines[i] > now)
      return "one before its time";
    deadlines[i] = 0;
    ++*ended;
  }
  return any() && earliest() + LATE_MOST <= now ? "one is forgotten" : NULL;
}

static const char *check_next(void) {
  uint64_t next = patience_next(), first = earliest();
  if ((next == SIGNET_NEVER) != (first == SIGNET_NEVER))
    return "the next is there without one that waits, or is not";
  if (first != SIGNET_NEVER && next > first + LATE_MOST)
    return "the next is too late";
  return NULL;
}

static const char *model(uint64_t *ended) {
  for (int step = 0; step < 60000; step++) {
    int i = (int)(test_random() % (step < 30000 ? MOST : 5));
    const char *wrong = NULL;
    switch (test_random() % 8) {
    case 0:
    case 1:
    case 2:
      set(i);
      break;
    case 3:
      patience_clear(&patiences[i]);
      deadlines[i] = 0;
      break;
    case 4:
      if (!lengthen(i))
        return "lengthening changes what is next";
      break;
    case 5:
      now += test_random() % (40 * MILLISECOND);
      wrong = take_ended(ended);
      break;
    case 6:
      if (test_random() % 100 == 0)
        now += random_length();
      wrong = take_ended(ended);
      break;
    case 7:
      if (any() && test_random() % 4 == 0) { /* as the service does: it sleeps until the next */
        if (patience_next() > now)
          now = patience_next();
        wrong = take_ended(ended);
      }
    }
    if (!wrong && step % 16 == 0)
      wrong = check_next();
    if (wrong)
      return wrong;
  }
  return NULL;
}

/* -> how often one looks until all have ended, each time when told to. */
static uint64_t looks_until_all_ended(uint64_t *ended) {
  uint64_t looks = 0;
  for (; patience_next() != SIGNET_NEVER; looks++) {
    if (patience_next() <= now)
      return UINT64_MAX;
    now = patience_next();
    if (take_ended(ended))
      return UINT64_MAX;
  }
  return looks;
}

int main(void) {
  uint64_t ended = 0;
  const char *wrong = model(&ended);
  ok(!wrong && ended > 1000, "60,000 random steps as the model has them: %llu ended%s%s", (unsigned long long)ended,
     wrong ? ", then " : "", wrong ? wrong : "");
  for (int i = 0; i < MOST; i++)
    patience_clear(&patiences[i]);
  memset(deadlines, 0, sizeof deadlines);
  ok(patience_next() == SIGNET_NEVER && !patience_ended(UINT64_MAX), "nothing is left that was cleared");

  ended = 0;
  for (int i = 0; i < MOST; i++) {
    deadlines[i] = now + 15000 * MILLISECOND;
    patience_set(&patiences[i], now, deadlines[i]);
  }
  uint64_t looks = looks_until_all_ended(&ended);
  ok(ended == MOST && looks == 1, "%d that end at once: %llu in %llu looks", MOST, (unsigned long long)ended,
     (unsigned long long)looks);

  ended = 0;
  deadlines[0] = now + 3600000 * MILLISECOND;
  patience_set(&patiences[0], now, deadlines[0]);
  looks = looks_until_all_ended(&ended);
  ok(ended == 1 && looks < 220, "one of an hour: %llu looks", (unsigned long long)looks);
  return finish();
}
