/* The report of `signet check`, for people: the order of the start, who can reach what, what breaks without whom, and
 * what all may use. */
#include "manifest/model.h"

const char *device_words(const struct device *device, struct obstack *memory) {
  const struct manifest_device *one = &device->device;
  if (one->kind == MANIFEST_STREAM)
    return (const char *[]){"standard input", "standard output", "standard error"}[one->stream];
  if (one->kind == MANIFEST_DIRECTORY)
    return memory_text(memory, "directory %s%s%s%s", one->directory, device->at ? " at " : "",
                       device->at ? device->at : "", one->read_only ? ", read-only" : ", to read and write");
  obstack_printf(memory, "listens at ");
  for (uint32_t i = 0; one->listen[i]; i++)
    obstack_printf(memory, "%s%s", i ? ", " : "", one->listen[i]);
  obstack_printf(memory, "%s; connects to ", one->listen[0] ? "" : "nothing");
  for (uint32_t i = 0; one->connect[i]; i++)
    obstack_printf(memory, "%s%s", i ? ", " : "", one->connect[i]);
  obstack_printf(memory, "%s; at most %u connections", one->connect[0] ? "" : "nothing", one->connections);
  obstack_1grow(memory, 0);
  return obstack_finish(memory);
}

static int widest(const struct manifest *manifest) {
  size_t width = 4;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    if (strlen(manifest->processes[i].name) > width)
      width = strlen(manifest->processes[i].name);
  return (int)width;
}

static void print_order(const struct manifest *manifest, FILE *to) {
  int width = widest(manifest);
  fputs("\nStart, in this order:\n", to);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    const struct process *process = manifest->order[i];
    fprintf(to, "  %2u. %-*s  %s%s, restarted %s%s%s%s\n", i + 1, width, process->name,
            process->service ? "service " : "image ",
            process->service ? process->service->name : process->image->image.name,
            restart_word(process->policy.restart), process->supervised ? "" : ", not supervised",
            process->pinned ? ", pinned" : "", process == manifest->main ? ", main" : "");
  }
}

static void print_way(const struct manifest *manifest, uint32_t to_process, const uint32_t *via, FILE *to) {
  uint32_t way[SIGNET_SYSTEM_PROCESSES_MOST], length = reach_way(to_process, via, way);
  for (uint32_t i = 0; i < length; i++)
    fprintf(to, "%s%s", i ? " -> " : "", manifest->processes[way[i]].name);
}

/* Everybody who can ask the process, with the way. */
static void print_reachers(const struct manifest *manifest, uint32_t holder, FILE *to) {
  uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST];
  for (uint32_t from = 0; from < manifest->process_count; from++) {
    if (from == holder)
      continue;
    reach_from(manifest, from, via);
    if (via[holder] == REACH_NEVER)
      continue;
    fputs("      ", to);
    print_way(manifest, holder, via, to);
    fputc('\n', to);
  }
}

static void print_device(const struct manifest *manifest, uint32_t holder, const struct device *device, FILE *to) {
  struct obstack memory;
  const struct process *process = &manifest->processes[holder];
  if (device->device.kind == MANIFEST_STREAM && device->device.stream)
    return; /* three are one */
  obstack_init(&memory);
  if (device->device.kind == MANIFEST_STREAM)
    fprintf(to, "  the console: %s\n", process->name);
  else
    fprintf(to, "  %s%s: %s\n", device->device.kind == MANIFEST_NETWORK ? "the network, which " : "",
            device_words(device, &memory), process->name);
  obstack_free(&memory, NULL);
  print_reachers(manifest, holder, to);
}

static void print_observers(const struct manifest *manifest, FILE *to) {
  bool any = false;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].need_count; j++)
      if (manifest->processes[i].needs[j].observation) {
        fprintf(to, "%s%s", any ? ", " : "  observation of the system: ", manifest->processes[i].name);
        any = true;
      }
  if (any)
    fputc('\n', to);
}

static void print_reach(const struct manifest *manifest, FILE *to) {
  fputs("\nWho can reach what (has it; and who can ask for it, and over which way):\n", to);
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].device_count; j++)
      print_device(manifest, i, &manifest->processes[i].devices[j], to);
  print_observers(manifest, to);
  if (!manifest->device_count)
    fputs("  no device is granted: nobody can reach anything outside\n", to);
  fputs("\nEach process can ask, itself or through others:\n", to);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST];
    bool any = false;
    reach_from(manifest, i, via);
    fprintf(to, "  %-*s  ", widest(manifest), manifest->processes[i].name);
    for (uint32_t j = 0; j < manifest->process_count; j++)
      if (j != i && via[j] != REACH_NEVER) {
        fprintf(to, "%s%s", any ? ", " : "", manifest->processes[j].name);
        if (via[j] != i)
          fprintf(to, " (through %s)", manifest->processes[via[j]].name);
        any = true;
      }
    fputs(any ? "\n" : "nobody\n", to);
  }
}

static void print_breaks(const struct manifest *manifest, FILE *to) {
  fputs("\nWithout it, these miss something that they need:\n", to);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    bool any = false;
    fprintf(to, "  %-*s  ", widest(manifest), manifest->processes[i].name);
    for (uint32_t j = 0; j < manifest->process_count; j++)
      if (reach_breaks(manifest, j, i)) {
        fprintf(to, "%s%s", any ? ", " : "", manifest->processes[j].name);
        any = true;
      }
    fputs(any ? "\n" : manifest->main == &manifest->processes[i] ? "the system ends\n" : "nobody\n", to);
  }
}

static void print_quota(const char *name, int width, const struct signet_quota *quota, FILE *to) {
  char memory[24];
  fprintf(to, "  %-*s %9s %8u %8u %8u %9u\n", width, name, quantity(quota->memory, memory), quota->threads,
          quota->handles, quota->regions, quota->processes);
}

static void print_quotas(const struct manifest *manifest, FILE *to) {
  struct signet_quota sum;
  int width = widest(manifest) > 8 ? widest(manifest) : 8;
  fprintf(to, "\nAt most:\n  %-*s %9s %8s %8s %8s %9s\n", width, "", "memory", "threads", "handles", "regions",
          "processes");
  for (uint32_t i = 0; i < manifest->process_count; i++)
    print_quota(manifest->processes[i].name, width, &manifest->processes[i].quota, to);
  manifest_quota(manifest, &sum);
  print_quota("together", width, &sum, to);
}

void manifest_report(const struct manifest *manifest, FILE *to) {
  fprintf(to, "%s will boot: %u process%s, %u channel%s, %u device%s.\n", manifest->name, manifest->process_count,
          manifest->process_count == 1 ? "" : "es", manifest->channel_count, manifest->channel_count == 1 ? "" : "s",
          manifest->device_count, manifest->device_count == 1 ? "" : "s");
  print_order(manifest, to);
  print_reach(manifest, to);
  print_breaks(manifest, to);
  print_quotas(manifest, to);
}

/* Whether a device is what somebody means by a word. */
static bool means(const struct device *device, const char *word) {
  switch (device->device.kind) {
  case MANIFEST_STREAM:
    return strcmp(word, "console") == 0;
  case MANIFEST_NETWORK:
    return strcmp(word, "network") == 0;
  case MANIFEST_DIRECTORY:
    return strcmp(word, device->device.name) == 0 || strcmp(word, device->device.directory) == 0;
  }
  return false;
}

bool manifest_report_reach(const struct manifest *manifest, const char *what, FILE *to) {
  bool found = strcmp(what, "observation") == 0;
  if (found)
    print_observers(manifest, to);
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].device_count; j++)
      if (means(&manifest->processes[i].devices[j], what)) {
        found = true;
        print_device(manifest, i, &manifest->processes[i].devices[j], to);
      }
  const struct process *process = process_find(manifest, what);
  if (process && !found) {
    fprintf(to, "  %s\n", process->name);
    print_reachers(manifest, (uint32_t)(process - manifest->processes), to);
  }
  return found || process;
}
