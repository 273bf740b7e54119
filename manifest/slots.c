/* The start-up slots of each process: which channel's end or device is in which, and what the slot is called.
 *
 * files and console have theirs where services/services.h says. Every other process finds its own by name: its needs,
 * in their order; the clients of its offers; its devices; supervision. */
#include "manifest/model.h"

static const char *const stream_names[CONSOLE_STREAMS] = {"input", "output", "error"};

struct filling {
  struct manifest *manifest;
  struct process *process;
  uint32_t wanted; /* slots, even those that do not fit */
};

static void put(struct filling *filling, struct place place, uint32_t kind, uint32_t number, const char *name,
                uint32_t times) {
  struct process *process = filling->process;
  struct slot slot = {.grant = {kind, number}};
  if (times)
    snprintf(slot.name, sizeof slot.name, "%.*s.%u", (int)(NAME_MOST - 4), name, times + 1);
  else
    snprintf(slot.name, sizeof slot.name, "%s", name);
  bool by_name = !process->service || process->service->startup == STARTUP_PROGRAM;
  for (uint32_t i = 0; by_name && i < process->slot_count; i++)
    if (strcmp(process->slots[i].name, slot.name) == 0)
      problem_suggest(filling->manifest->problems,
                      problem_add(filling->manifest->problems, PROBLEM_SLOT, place,
                                  "%s has two start-up slots called '%s'", process->name, slot.name),
                      "needs, offers and devices of a process have different names; a console's slots are input, "
                      "output and error");
  filling->wanted++;
  if (process->slot_count < SIGNET_SLOTS_MOST)
    process->slots[process->slot_count++] = slot;
}

static void put_needs(struct filling *filling) {
  struct process *process = filling->process;
  for (uint32_t i = 0; i < process->need_count; i++) {
    const struct need *need = &process->needs[i];
    if (need->observation)
      put(filling, need->place, SIGNET_SYSTEM_OBSERVATION, 0, need->name, 0);
    else if (need->offer && need->offer->console)
      for (uint32_t j = 0; j < CONSOLE_STREAMS; j++)
        put(filling, need->place, SIGNET_SYSTEM_CLIENT, need->channel + j, stream_names[j], 0);
    else if (need->offer)
      put(filling, need->place, SIGNET_SYSTEM_CLIENT, need->channel, need->name, 0);
  }
}

/* The server's ends, one client of one offer after another; or, of one offer, in the order of `client`. */
static void put_clients(struct filling *filling) {
  const struct process *process = filling->process;
  const struct manifest *manifest = filling->manifest;
  uint32_t times[SIGNET_SLOTS_MOST] = {0}, total = 0;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].need_count; j++) {
      const struct need *need = &manifest->processes[i].needs[j];
      if (need->process != process)
        continue;
      const char *name = process->service ? process->service->client_slot : NULL;
      uint32_t offer = (uint32_t)(need->offer - process->offers);
      uint32_t *count = name || offer >= SIGNET_SLOTS_MOST ? &total : &times[offer];
      if (name && !*name) {
        name = manifest->processes[i].name;
        count = memory_take(&filling->manifest->memory, sizeof *count); /* each is another */
      }
      name = name ? name : need->offer->name;
      for (uint32_t k = 0; k < (need->offer->console ? CONSOLE_STREAMS : 1); k++)
        put(filling, need->offer->place, SIGNET_SYSTEM_SERVER, need->channel + k, name, (*count)++);
    }
}

static void put_devices(struct filling *filling) {
  const struct process *process = filling->process;
  for (uint32_t i = 0; i < process->device_count; i++) {
    const struct device *device = &process->devices[i];
    const char *name =
        process->service && process->service->device_slot ? process->service->device_slot : device->device.name;
    if (device->device.kind == MANIFEST_STREAM)
      name = memory_text(&filling->manifest->memory, "%.20s.%s", name, stream_names[device->device.stream]);
    put(filling, device->place, SIGNET_SYSTEM_DEVICE, device->number, name, 0);
  }
}

static void put_supervision(struct filling *filling) {
  if (filling->process->supervised)
    put(filling, filling->process->place, SIGNET_SYSTEM_SUPERVISION, 0, "supervision", 0);
}

/* Words of letters, digits, '-', '_' and '.', parted by '/'; or nothing. */
static bool is_prefix(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
  size_t length = strlen(text);
  return !length || (length < 256 && strspn(text, allowed) == length && *text != '/' && text[length - 1] != '/' &&
                     !strstr(text, "//"));
}

/* What the name service is told of who may do what: SLOT:offer:PREFIX or SLOT:find:PREFIX. */
static void names_check(struct manifest *manifest, const struct process *process) {
  for (uint32_t i = 1; i < process->argument_count; i++) {
    const char *text = process->arguments[i];
    size_t length = strcspn(text, ":");
    bool known = length == 1 && *text == '*';
    for (uint32_t j = 0; j < process->slot_count && !known; j++)
      known = process->slots[j].grant.kind == SIGNET_SYSTEM_SERVER && strlen(process->slots[j].name) == length &&
              strncmp(process->slots[j].name, text, length) == 0;
    const char *right = text + length;
    if (known && ((strncmp(right, ":offer:", 7) == 0 && is_prefix(right + 7)) ||
                  (strncmp(right, ":find:", 6) == 0 && is_prefix(right + 6))))
      continue;
    problem_suggest(manifest->problems,
                    problem_add(manifest->problems, PROBLEM_TEXT, process->place,
                                "'%s' does not tell the name service who may do what", text),
                    "write CLIENT:find:PREFIX or CLIENT:offer:PREFIX, where CLIENT is a process that needs %s, or *",
                    process->name);
  }
}

static void fill(struct manifest *manifest, struct process *process) {
  struct filling filling = {.manifest = manifest, .process = process};
  enum service_startup startup = process->service ? process->service->startup : STARTUP_PROGRAM;
  if (startup == STARTUP_PROGRAM)
    put_needs(&filling);
  put_clients(&filling);
  if (startup == STARTUP_FILES)
    put_supervision(&filling);
  put_devices(&filling);
  if (startup != STARTUP_FILES)
    put_supervision(&filling);
  struct manifest_problems *problems = manifest->problems;
  if (process->service && strcmp(process->service->name, "names") == 0)
    names_check(manifest, process);
  if (filling.wanted > SIGNET_SLOTS_MOST)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_SLOTS, process->place,
                                "%s needs %u start-up slots, and a process has at most %d", process->name,
                                filling.wanted, SIGNET_SLOTS_MOST),
                    "each need, client and device is a slot, a console's are three: part the process in two");
  else if (process->service && process->clients > process->service->clients_most)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_SLOTS, process->place, "%s has %u clients, and serves at most %u",
                                process->name, process->clients, process->service->clients_most),
                    "start a second one for some of them");
}

void slots_assign(struct manifest *manifest) {
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].device_count; j++)
      manifest->processes[i].devices[j].number = manifest->device_count++;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    fill(manifest, &manifest->processes[i]);
  quotas_complete(manifest);
}

const char *manifest_slot_name(const struct manifest *manifest, const char *process, uint32_t slot) {
  const struct process *found = process_find(manifest, process);
  return found && slot < found->slot_count ? found->slots[slot].name : NULL;
}
