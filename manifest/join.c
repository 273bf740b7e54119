/* Joins what is needed to what is offered: every need finds its process, its offer and its channels. */
#include "manifest/model.h"

/* What the library OS speaks over a slot of that name; other slots are the program's own business. */
static const char *slot_contract(const char *slot) {
  static const struct {
    const char *slot, *contract;
  } known[] = {{"files", "files"}, {"input", "files"}, {"output", "files"}, {"error", "files"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].slot, slot) == 0)
      return known[i].contract;
  return NULL;
}

static void unknown_process(struct manifest *manifest, struct place place, const char *name, bool needed) {
  const char *names[SIGNET_SYSTEM_PROCESSES_MOST + 1];
  uint32_t count = 0;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    names[count++] = manifest->processes[i].name;
  if (needed)
    names[count++] = "supervisor";
  struct problem *problem = problem_add(manifest->problems, PROBLEM_PROCESS, place, "there is no process '%s'", name);
  const char *nearest = name_nearest(name, names, count);
  if (nearest)
    problem_suggest(manifest->problems, problem, "did you mean '%s'?", nearest);
}

static void need_supervisor(struct manifest *manifest, struct need *need) {
  if (strcmp(need->offered, "observation") == 0) {
    need->observation = true;
    if (need->contract_name && strcmp(need->contract_name, "observation") != 0)
      problem_add(manifest->problems, PROBLEM_OTHER_CONTRACT, need->target_place,
                  "supervisor.observation is of the contract observation, and %s is needed", need->contract_name);
    return;
  }
  problem_suggest(manifest->problems,
                  problem_add(manifest->problems, PROBLEM_OFFER, need->target_place,
                              "the supervisor does not offer '%s'", need->offered),
                  strcmp(need->offered, "supervision") == 0
                      ? "every process has supervision by itself; leave it out here"
                      : "it offers supervisor.observation");
}

static struct offer *offer_find(const struct process *process, const char *name) {
  for (uint32_t i = 0; i < process->offer_count; i++)
    if (strcmp(process->offers[i].name, name) == 0)
      return &process->offers[i];
  return NULL;
}

static void unknown_offer(struct manifest *manifest, const struct need *need, const struct process *process) {
  const char *names[SIGNET_SLOTS_MOST];
  uint32_t count = 0;
  for (uint32_t i = 0; i < process->offer_count && count < SIGNET_SLOTS_MOST; i++)
    names[count++] = process->offers[i].name;
  struct problem *problem = problem_add(manifest->problems, PROBLEM_OFFER, need->target_place, "%s does not offer '%s'",
                                        process->name, need->offered);
  const char *nearest = count == 1 ? names[0] : name_nearest(need->offered, names, count);
  if (nearest)
    problem_suggest(manifest->problems, problem, "did you mean %s.%s?", process->name, nearest);
  else if (!count)
    problem_suggest(manifest->problems, problem, "it offers nothing: add offers: {%s: CONTRACT} to %s", need->offered,
                    process->name);
}

static void contract_check(struct manifest *manifest, const struct need *need, const struct offer *offer) {
  const char *offered = offer->console ? CONSOLE_CONTRACT : offer->contract->name;
  const char *wanted = need->contract_name ? need->contract_name : slot_contract(need->name);
  if (!wanted || strcmp(wanted, offered) == 0)
    return;
  struct problem *problem =
      problem_add(manifest->problems, PROBLEM_OTHER_CONTRACT, need->target_place,
                  "%s.%s is of the contract %s, and %s is needed", need->from, need->offered, offered, wanted);
  problem_note(manifest->problems, problem, offer->place, "it is offered here");
  if (!need->contract_name)
    problem_suggest(manifest->problems, problem, "programs speak %s over a slot called '%s': call this need otherwise",
                    wanted, need->name);
}

static void need_join(struct manifest *manifest, struct process *process, struct need *need) {
  if (strcmp(need->from, "supervisor") == 0) {
    need_supervisor(manifest, need);
    return;
  }
  struct process *server = process_find(manifest, need->from);
  if (!server) {
    unknown_process(manifest, need->target_place, need->from, true);
    return;
  }
  struct offer *offer = offer_find(server, need->offered);
  if (!offer) {
    if (!server->wrong)
      unknown_offer(manifest, need, server);
    return;
  }
  if (!offer->contract)
    return; /* said where it is offered */
  contract_check(manifest, need, offer);
  need->process = server;
  need->offer = offer;
  need->client = server->clients++;
  offer->clients++;
  need->channel = manifest->channel_count;
  for (uint32_t i = 0; i < (offer->console ? CONSOLE_STREAMS : 1); i++) {
    if (manifest->channel_count < SIGNET_SYSTEM_CHANNELS_MOST)
      manifest->channels[manifest->channel_count].contract = offer->contract;
    manifest->channel_count++;
  }
  /* A channel of which one end is new needs somebody at the other who learns of it. */
  struct manifest_problems *problems = manifest->problems;
  if (process->policy.restart != SIGNET_SYSTEM_RESTART_NEVER && !server->supervised)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_UNSUPERVISED, need->target_place,
                                "%s may be started again, and %s, which is not supervised, would not learn of it",
                                process->name, server->name),
                    "let %s be supervised, or %s be restarted never", server->name, process->name);
  if (server->policy.restart != SIGNET_SYSTEM_RESTART_NEVER && !process->supervised)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_UNSUPERVISED, need->target_place,
                                "%s may be started again, and %s, which is not supervised, would not learn of it",
                                server->name, process->name),
                    "let %s be supervised, or %s be restarted never", process->name, server->name);
}

void join(struct manifest *manifest) {
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    struct process *process = &manifest->processes[i];
    for (uint32_t j = 0; j < process->need_count; j++)
      need_join(manifest, process, &process->needs[j]);
  }
  if (manifest->main_name && !(manifest->main = process_find(manifest, manifest->main_name)))
    unknown_process(manifest, manifest->main_place, manifest->main_name, false);
}

void unneeded_report(struct manifest *manifest) {
  struct manifest_problems *problems = manifest->problems;
  for (uint32_t i = 0; i < manifest->process_count && !problems->errors; i++) {
    const struct process *process = &manifest->processes[i];
    bool idle = process->service && !process->clients;
    for (uint32_t j = 0; j < process->offer_count; j++)
      if (!process->offers[j].clients)
        problem_suggest(problems,
                        problem_add(problems, idle ? PROBLEM_IDLE : PROBLEM_UNNEEDED, process->offers[j].place,
                                    "nobody needs %s.%s", process->name, process->offers[j].name),
                        "add it to the needs of a process, or leave it out");
  }
}
