/* When a process that has ended is started again: struct signet_system_policy, applied. No calls; the history is the
 * caller's. */
#ifndef SERVICES_POLICY_H
#define SERVICES_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/system.h>

/* All zero at first. */
struct policy_history {
  uint64_t window_end; /* of the window that the last restart was in */
  uint64_t last;       /* when the last restart was due */
  uint64_t wait;       /* what it waited */
  uint32_t in_window;  /* restarts */
  bool any;
};

/* Whether it is to be started again after this end. */
bool policy_wants(const struct signet_system_policy *policy, const struct signet_ending *ending);
/* The next restart is due at *due. False: it was started again too often. */
bool policy_next(const struct signet_system_policy *policy, struct policy_history *history, uint64_t now,
                 uint64_t *due);

#endif
