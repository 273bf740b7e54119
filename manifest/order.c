/* The order of the start: who serves comes before who needs it; where that leaves a choice, the order of the file. */
#include "manifest/model.h"

static bool ready(const struct manifest *manifest, const struct process *process, const bool *placed) {
  for (uint32_t i = 0; i < process->need_count; i++)
    if (process->needs[i].process && !placed[process->needs[i].process - manifest->processes])
      return false;
  return true;
}

/* From a process that waits for others, along who it waits for, until one comes twice: that is a circle. */
static void circle_report(struct manifest *manifest, const bool *placed) {
  const struct need *way[SIGNET_SYSTEM_PROCESSES_MOST];
  const struct process *on_way[SIGNET_SYSTEM_PROCESSES_MOST];
  uint32_t length = 0, start = 0, at = 0;
  while (placed[at])
    at++;
  for (const struct process *process = &manifest->processes[at];;) {
    for (start = 0; start < length && on_way[start] != process; start++)
      ;
    if (start < length)
      break;
    on_way[length] = process;
    for (uint32_t i = 0; i < process->need_count; i++) {
      const struct need *need = &process->needs[i];
      if (need->process && !placed[need->process - manifest->processes]) {
        way[length++] = need;
        process = need->process;
        break;
      }
    }
  }
  struct problem *problem = problem_add(
      manifest->problems, PROBLEM_CIRCLE, way[start]->target_place,
      length - start == 1 ? "%s needs itself" : "%s needs %s, which needs %s in the end: nobody can be started first",
      on_way[start]->name, way[start]->process->name, on_way[start]->name);
  for (uint32_t i = start; length - start > 1 && i < length; i++)
    problem_note(manifest->problems, problem, way[i]->target_place, "%s needs %s", on_way[i]->name,
                 way[i]->process->name);
  problem_suggest(manifest->problems, problem, "one of them must do without, or a process of its own must serve both");
}

void order_infer(struct manifest *manifest) {
  bool placed[SIGNET_SYSTEM_PROCESSES_MOST] = {false};
  manifest->order = memory_take(&manifest->memory, (manifest->process_count + 1) * sizeof *manifest->order);
  for (uint32_t turn = 0; turn < manifest->process_count; turn++) {
    uint32_t next = 0;
    while (next < manifest->process_count && (placed[next] || !ready(manifest, &manifest->processes[next], placed)))
      next++;
    if (next == manifest->process_count) {
      circle_report(manifest, placed);
      return;
    }
    placed[next] = true;
    manifest->processes[next].row = turn;
    manifest->order[turn] = &manifest->processes[next];
  }
}
