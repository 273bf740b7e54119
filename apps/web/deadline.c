/* Deadlines of connections: one list for each class, in the order in which they end. The core only. */
#include "apps/web/web.h"

static const uint64_t lengths[DEADLINES] = {
    [DEADLINE_HEAD] = 10 * SECOND,   [DEADLINE_BODY] = 20 * SECOND,     [DEADLINE_IDLE] = 15 * SECOND,
    [DEADLINE_WRITE] = 20 * SECOND,  [DEADLINE_LINGER] = 2 * SECOND,    [DEADLINE_EXTENSION] = 10 * SECOND,
    [DEADLINE_SERVICE] = 1 * SECOND, [DEADLINE_READ_OVER] = 5 * SECOND, [DEADLINE_BLOCK] = 50 * MILLISECOND,
};
static unsigned divisor = 1;

static struct deadline_link lists[DEADLINES];

uint64_t deadline_length(enum deadline class) { return lengths[class] / divisor; }

void deadline_begin(unsigned hurry) {
  divisor = hurry ? hurry : 1;
  for (int class = 0; class < DEADLINES; class ++)
    lists[class].next = lists[class].previous = &lists[class];
}

void deadline_clear(struct deadline_link *link) {
  if (link->class == DEADLINE_NONE)
    return;
  link->next->previous = link->previous;
  link->previous->next = link->next;
  link->class = DEADLINE_NONE;
}

void deadline_set(struct deadline_link *link, enum deadline class) {
  deadline_clear(link);
  if (class == DEADLINE_NONE)
    return;
  struct deadline_link *list = &lists[class];
  link->class = class;
  link->at = transport_now() + lengths[class] / divisor;
  link->previous = list->previous;
  link->next = list;
  list->previous->next = link;
  list->previous = link;
}

struct deadline_link *deadline_first(enum deadline class) {
  return lists[class].next == &lists[class] ? NULL : lists[class].next;
}

struct deadline_link *deadline_ended(uint64_t now) {
  for (int class = 1; class < DEADLINES; class ++) {
    struct deadline_link *first = deadline_first(class);
    if (first && first->at <= now)
      return first;
  }
  return NULL;
}

uint64_t deadline_next(void) {
  uint64_t next = UINT64_MAX;
  for (int class = 1; class < DEADLINES; class ++) {
    struct deadline_link *first = deadline_first(class);
    if (first && first->at < next)
      next = first->at;
  }
  return next;
}
