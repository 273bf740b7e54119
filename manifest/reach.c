/* Who can ask whom: the closure of the channels, in the direction from client to server. The name service hands ends
 * of its clients' services to its other clients, so it counts as if it could ask all of them. */
#include "manifest/model.h"

/* Whether `from` holds a way to ask `to`, at once. */
static bool asks(const struct process *from, const struct process *to) {
  for (uint32_t i = 0; i < from->need_count; i++)
    if (from->needs[i].process == to)
      return true;
  for (uint32_t i = 0; i < to->need_count; i++)
    if (to->needs[i].process == from && strcmp(to->needs[i].offer->contract->name, "names") == 0)
      return true;
  return false;
}

void reach_from(const struct manifest *manifest, uint32_t from, uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST]) {
  uint32_t queue[SIGNET_SYSTEM_PROCESSES_MOST], head = 0, tail = 0;
  for (uint32_t i = 0; i < SIGNET_SYSTEM_PROCESSES_MOST; i++)
    via[i] = REACH_NEVER;
  via[from] = from;
  queue[tail++] = from;
  while (head < tail) {
    uint32_t at = queue[head++];
    for (uint32_t next = 0; next < manifest->process_count; next++)
      if (via[next] == REACH_NEVER && asks(&manifest->processes[at], &manifest->processes[next])) {
        via[next] = at;
        queue[tail++] = next;
      }
  }
}

uint32_t reach_way(uint32_t to, const uint32_t *via, uint32_t way[SIGNET_SYSTEM_PROCESSES_MOST]) {
  uint32_t length = 0;
  for (uint32_t at = to;; at = via[at]) {
    way[length++] = at;
    if (via[at] == at)
      break;
  }
  for (uint32_t i = 0; i < length / 2; i++) {
    uint32_t swapped = way[i];
    way[i] = way[length - 1 - i];
    way[length - 1 - i] = swapped;
  }
  return length;
}

bool reach_breaks(const struct manifest *manifest, uint32_t process, uint32_t without) {
  bool seen[SIGNET_SYSTEM_PROCESSES_MOST] = {false};
  uint32_t stack[SIGNET_SYSTEM_PROCESSES_MOST], depth = 0;
  stack[depth++] = process;
  seen[process] = true;
  while (depth) {
    const struct process *one = &manifest->processes[stack[--depth]];
    for (uint32_t i = 0; i < one->need_count; i++) {
      if (!one->needs[i].process)
        continue;
      uint32_t server = (uint32_t)(one->needs[i].process - manifest->processes);
      if (server == without)
        return process != without;
      if (!seen[server])
        stack[depth++] = server;
      seen[server] = true;
    }
  }
  return false;
}
