/* When a process that has ended is started again: see policy.h. */
#include "services/policy.h"

bool policy_wants(const struct signet_system_policy *policy, const struct signet_ending *ending) {
  bool well = ending->kind == SIGNET_ENDED_EXIT && ending->code == 0;
  return policy->restart == SIGNET_SYSTEM_RESTART_ALWAYS || (policy->restart == SIGNET_SYSTEM_RESTART_FAILURE && !well);
}

bool policy_next(const struct signet_system_policy *policy, struct policy_history *history, uint64_t now,
                 uint64_t *due) {
  uint64_t wait = 0;
  if (history->any && now < history->last + policy->window) {
    wait = history->wait ? 2 * history->wait : policy->backoff_first;
    if (wait > policy->backoff_most)
      wait = policy->backoff_most;
  }
  if (!history->any || now >= history->window_end) {
    history->window_end = now + policy->window;
    history->in_window = 0;
  }
  if (history->in_window >= policy->limit)
    return false;
  history->in_window++;
  history->any = true;
  history->wait = wait;
  history->last = *due = now + wait;
  return true;
}
