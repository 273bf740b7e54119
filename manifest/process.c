/* One process of a manifest, taken apart key by key. What depends on other processes is checked when all are known
 * (join.c, slots.c, limits.c). */
#include <limits.h>

#include "manifest/model.h"

#define ARGUMENTS_MOST 4096
#define STACK_LEAST (16u << 10)
#define STACK_MOST (1u << 30)
#define MEMORY_LEAST (64u << 10)
#define MEMORY_MOST (UINT64_C(1) << 46)

static const struct signet_quota program_quota = {
    .memory = 64 << 20, .threads = 64, .handles = 1 << 10, .regions = 4 << 10, .processes = 0};

/* ---- What it is ---- */

static void read_image(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  const char *path;
  (void)key;
  process->image_place = value->place;
  process->wrong = true;
  if (!value_text(manifest, value, "the image", &path))
    return;
  if (!*path || strlen(path) >= PATH_MAX / 2) {
    value_wrong(manifest, value, PROBLEM_PATH, *path ? "the image's path is too long" : "the image's path is empty");
    return;
  }
  process->image_path = path_absolute(manifest, path);
  process->wrong = false;
}

static void read_service(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  const char *name;
  (void)key;
  process->image_place = value->place;
  process->wrong = true;
  if (!value_text(manifest, value, "the service", &name))
    return;
  process->service = service_find(name);
  if (process->service) {
    process->image_path = memory_text(&manifest->memory, "%s/%s", manifest->places->services, process->service->image);
    process->wrong = false;
    return;
  }
  uint32_t count;
  const char *const *names = service_names(&count), *nearest = name_nearest(name, names, count);
  struct problem *problem = value_wrong(manifest, value, PROBLEM_SERVICE, "there is no service '%s'", name);
  if (nearest)
    problem_suggest(manifest->problems, problem, "did you mean '%s'?", nearest);
  else {
    for (uint32_t i = 0; i < count; i++)
      obstack_printf(&manifest->memory, "%s%s", i ? ", " : "", names[i]);
    obstack_1grow(&manifest->memory, 0);
    problem_suggest(manifest->problems, problem,
                    "the services are %s; a process of another program has 'image: PATH' instead",
                    (char *)obstack_finish(&manifest->memory));
  }
}

static void read_hash(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  const char *text;
  (void)key;
  if (!value_text(manifest, value, "the hash", &text))
    return;
  process->hash_place = value->place;
  if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64) {
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_HASH, "a hash is 64 hexadecimal digits in small letters"),
                    "`signet inspect IMAGE` and `b2sum -l 256 IMAGE` print it; quote one that has digits only");
    return;
  }
  for (int i = 0; i < 32; i++) {
    unsigned byte;
    sscanf(text + 2 * i, "%2x", &byte);
    process->hash[i] = (uint8_t)byte;
  }
  process->pinned = true;
}

static void read_isolation(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  static const char *const words[] = {"software", "hardware", "both"};
  uint32_t choice;
  (void)key, (void)object;
  if (value_choice(manifest, value, "isolation", words, 3, &choice) && choice)
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_NOT_YET, "isolation: %s is not there yet", words[choice]),
                    "the only one so far is 'software'");
}

/* ---- What it is told ---- */

static bool printable(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' && *text != '\t' && *text != '\n')
      return false;
  return true;
}

static bool text_allowed(struct manifest *manifest, const struct node *node, const char *what) {
  if (strlen(node->text) > SIGNET_STARTUP_BYTES_MOST)
    value_wrong(manifest, node, PROBLEM_TEXT, "%s is too long", what);
  else if (!printable(node->text))
    value_wrong(manifest, node, PROBLEM_TEXT, "%s has a control character in it", what);
  else
    return true;
  return false;
}

static void read_arguments(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  const char *text;
  (void)key;
  if (!value_kind(manifest, value, NODE_SEQUENCE, "arguments"))
    return;
  if (!value->count) {
    problem_suggest(
        manifest->problems,
        value_wrong(manifest, value, PROBLEM_MISSING, "there are no arguments, not even the program's name"),
        "arguments begin with the program's name: arguments: [%s]", process->name);
    return;
  }
  if (value->count > ARGUMENTS_MOST) {
    value_wrong(manifest, value, PROBLEM_STARTUP, "there are more than %d arguments", ARGUMENTS_MOST);
    return;
  }
  process->arguments = memory_take(&manifest->memory, value->count * sizeof *process->arguments);
  for (uint32_t i = 0; i < value->count; i++)
    if (value_text(manifest, value->items[i], "an argument", &text) &&
        text_allowed(manifest, value->items[i], "an argument"))
      process->arguments[process->argument_count++] = text;
}

static void read_environment(struct manifest *manifest, const struct node *key, const struct node *value,
                             void *object) {
  struct process *process = object;
  (void)key;
  if (!value_kind(manifest, value, NODE_MAPPING, "environment"))
    return;
  if (value->count > ARGUMENTS_MOST) {
    value_wrong(manifest, value, PROBLEM_STARTUP, "there are more than %d variables", ARGUMENTS_MOST);
    return;
  }
  process->environment = memory_take(&manifest->memory, (value->count + 1) * sizeof *process->environment);
  for (uint32_t i = 0; i < value->count; i++) {
    const struct node *name = value->items[i];
    const char *text;
    bool twice = false;
    for (uint32_t j = 0; j < i && !twice; j++)
      if ((twice = strcmp(value->items[j]->text, name->text) == 0))
        problem_note(manifest->problems, value_wrong(manifest, name, PROBLEM_TWICE, "'%s' is here twice", name->text),
                     value->items[j]->place, "the first");
    if (!*name->text || strchr(name->text, '=') || !printable(name->text))
      value_wrong(manifest, name, PROBLEM_TEXT, "this is no name of a variable");
    else if (!twice && value_text(manifest, value->values[i], "a variable", &text) &&
             text_allowed(manifest, value->values[i], "a variable"))
      process->environment[process->environment_count++] = memory_text(&manifest->memory, "%s=%s", name->text, text);
  }
}

static void read_directory(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  const char *text;
  (void)key;
  if (!value_text(manifest, value, "the directory", &text))
    return;
  if (*text != '/' || strlen(text) >= 4096 || !text_allowed(manifest, value, "the directory"))
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_PATH, "the working directory does not begin with '/'"),
                    "it is a name in the process's view of files, as /site");
  else
    process->directory = text;
}

static void read_supervised(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_boolean(manifest, value, "supervised", &((struct process *)object)->supervised);
}

static void read_prefixes(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  (void)key;
  process->prefixes_said = value_boolean(manifest, value, "prefixes", &process->prefixes);
}

/* ---- Who it is joined to ---- */

static bool named_twice(struct manifest *manifest, const struct node *mapping, uint32_t index) {
  const struct node *key = mapping->items[index];
  for (uint32_t j = 0; j < index; j++)
    if (strcmp(mapping->items[j]->text, key->text) == 0) {
      problem_note(manifest->problems, value_wrong(manifest, key, PROBLEM_TWICE, "'%s' is here twice", key->text),
                   mapping->items[j]->place, "the first");
      return true;
    }
  return false;
}

static void split(struct manifest *manifest, const struct node *value, struct need *need) {
  const char *dot = strchr(value->text, '.');
  need->target_place = value->place;
  if (!dot || dot == value->text || !dot[1] || strchr(dot + 1, '.')) {
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_TEXT, "'%s' does not name an offer", value->text),
                    "write PROCESS.OFFER, as files.files");
    return;
  }
  need->from = memory_text(&manifest->memory, "%.*s", (int)(dot - value->text), value->text);
  need->offered = dot + 1;
}

static void read_from(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  if (value_kind(manifest, value, NODE_SCALAR, "what is needed"))
    split(manifest, value, object);
}

static bool contract_known(struct manifest *manifest, const struct node *value) {
  const char *names[256] = {CONSOLE_CONTRACT};
  uint32_t count = 1;
  if (strcmp(value->text, CONSOLE_CONTRACT) == 0 || contract_named(value->text))
    return true;
  for (uint32_t i = 0; i < contract_count && count < 256; i++)
    names[count++] = contracts[i].name;
  struct problem *problem = value_wrong(manifest, value, PROBLEM_CONTRACT, "there is no contract '%s'", value->text);
  const char *nearest = name_nearest(value->text, names, count);
  if (nearest)
    problem_suggest(manifest->problems, problem, "did you mean '%s'?", nearest);
  else
    problem_suggest(manifest->problems, problem, "the contracts are those in contracts/, and console");
  return false;
}

static void read_contract(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct need *need = object;
  (void)key;
  if (value_text(manifest, value, "the contract", &need->contract_name) && !contract_known(manifest, value))
    need->contract_name = NULL;
}

static void read_needs(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  static const struct field fields[] = {{"from", read_from}, {"contract", read_contract}};
  struct process *process = object;
  (void)key;
  if (!value_kind(manifest, value, NODE_MAPPING, "needs"))
    return;
  for (uint32_t i = 0; i < value->count; i++) {
    const struct node *name = value->items[i], *target = value->values[i];
    struct need need = {.place = name->place, .target_place = target->place};
    if (named_twice(manifest, value, i) || !value_slot_name(manifest, name, "a need's name", &need.name))
      continue;
    if (target->kind == NODE_MAPPING) {
      fields_read(manifest, target, fields, 2, &need, "a need");
      if (!node_find(target, "from"))
        value_wrong(manifest, name, PROBLEM_MISSING, "this need does not say from whom");
    } else if (value_kind(manifest, target, NODE_SCALAR, "what is needed")) {
      split(manifest, target, &need);
    }
    if (need.from)
      *APPEND(&manifest->memory, process->needs, process->need_count) = need;
  }
}

static void read_offers(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  (void)key;
  if (!value_kind(manifest, value, NODE_MAPPING, "offers"))
    return;
  for (uint32_t i = 0; i < value->count; i++) {
    struct offer offer = {.place = value->items[i]->place};
    const char *contract;
    if (named_twice(manifest, value, i) ||
        !value_slot_name(manifest, value->items[i], "an offer's name", &offer.name) ||
        !value_text(manifest, value->values[i], "the contract", &contract))
      continue;
    if (contract_known(manifest, value->values[i])) {
      offer.console = strcmp(contract, CONSOLE_CONTRACT) == 0;
      offer.contract = contract_named(offer.console ? "files" : contract);
    }
    *APPEND(&manifest->memory, process->offers, process->offer_count) = offer;
  }
}

static void read_devices(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  devices_read(manifest, value, object);
}

/* ---- What it may use ---- */

static void read_memory(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  (void)key;
  process->memory_place = value->place;
  value_size(manifest, value, "memory", MEMORY_LEAST, MEMORY_MOST, &process->quota.memory);
}
static void read_threads(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_count(manifest, value, "threads", 1, 32 << 10, &((struct process *)object)->quota.threads);
}
static void read_handles(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_count(manifest, value, "handles", 1, 1 << 20, &((struct process *)object)->quota.handles);
}
static void read_regions(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_count(manifest, value, "regions", 1, 1 << 20, &((struct process *)object)->quota.regions);
}
static void read_children(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_count(manifest, value, "processes", 0, 16 << 10, &((struct process *)object)->quota.processes);
}

static void read_quota(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  static const struct field fields[] = {{"memory", read_memory},
                                        {"threads", read_threads},
                                        {"handles", read_handles},
                                        {"regions", read_regions},
                                        {"processes", read_children}};
  ((struct process *)object)->quota_place = key->place;
  fields_read(manifest, value, fields, sizeof fields / sizeof *fields, object, "a quota");
}

static void read_stack(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  (void)key;
  value_size(manifest, value, "stack", STACK_LEAST, STACK_MOST, &((struct process *)object)->stack);
}

static void read_restart(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct process *process = object;
  process->restart_place = key->place;
  policy_read(manifest, value, &process->policy);
}

/* ---- All of it ---- */

/* Keys that a service takes no notice of are not allowed there, for somebody means something by them. */
static void services_check(struct manifest *manifest, const struct node *value, struct process *process) {
  static const char *const programs[] = {"arguments", "environment", "directory"};
  const struct service *service = process->service;
  for (uint32_t i = 0; i < value->count; i++) {
    const struct node *key = value->items[i];
    bool wrong = false;
    for (size_t j = 0; j < sizeof programs / sizeof *programs; j++)
      wrong |= service && service->startup != STARTUP_PROGRAM && strcmp(key->text, programs[j]) == 0;
    wrong |= service && strcmp(key->text, "needs") == 0;
    wrong |= (!service || service->startup != STARTUP_CONSOLE) && strcmp(key->text, "prefixes") == 0;
    if (wrong)
      problem_suggest(manifest->problems,
                      value_wrong(manifest, key, PROBLEM_MEANINGLESS, "'%s' has no meaning for %s%s", key->text,
                                  service ? "the service " : "a program", service ? service->name : ""),
                      "leave it out");
  }
  if (!service)
    return;
  uint32_t counts[3] = {0};
  for (uint32_t i = 0; i < process->device_count; i++)
    counts[process->devices[i].device.kind]++;
  struct manifest_problems *problems = manifest->problems;
  if (counts[MANIFEST_STREAM] != CONSOLE_STREAMS * service->streams)
    problem_suggest(problems,
                    problem_add(problems, service->streams ? PROBLEM_MISSING : PROBLEM_MEANINGLESS, process->place,
                                "the service %s %s", service->name,
                                service->streams ? "needs the streams" : "has no use for streams"),
                    service->streams ? "add devices: {streams: standard}" : "leave the device out");
  if (service->networks && counts[MANIFEST_NETWORK] != 1)
    problem_suggest(problems,
                    problem_add(problems, PROBLEM_MISSING, process->place, "the service %s needs one network device",
                                service->name),
                    "add devices: {network: {listen: [\"127.0.0.1:8080\"]}}");
  else if (!service->networks && counts[MANIFEST_NETWORK])
    problem_add(problems, PROBLEM_MEANINGLESS, process->place, "the service %s has no use for a network device",
                service->name);
  if (counts[MANIFEST_DIRECTORY] > service->directories_most)
    problem_add(problems, PROBLEM_MEANINGLESS, process->place, "the service %s has no use for directories",
                service->name);
  for (uint32_t i = 0; i < process->offer_count; i++) {
    const struct offer *offer = &process->offers[i];
    bool same = offer->console ? strcmp(service->contract, CONSOLE_CONTRACT) == 0
                               : offer->contract && strcmp(service->contract, offer->contract->name) == 0;
    if (offer->contract && !same)
      problem_suggest(problems,
                      problem_add(problems, PROBLEM_OTHER_CONTRACT, offer->place,
                                  "the service %s does not speak the contract %s", service->name,
                                  offer->console ? CONSOLE_CONTRACT : offer->contract->name),
                      "write offers: {%s: %s}", offer->name, service->contract);
  }
}

static void defaults(struct manifest *manifest, struct process *process) {
  const struct service *service = process->service;
  if (service && !process->wrong && !process->offer_count) {
    struct offer *offer = APPEND(&manifest->memory, process->offers, process->offer_count);
    *offer = (struct offer){
        .name = service->offer, .place = process->place, .console = strcmp(service->contract, CONSOLE_CONTRACT) == 0};
    offer->contract = contract_named(offer->console ? "files" : service->contract);
  }
  if (!process->argument_count) {
    process->arguments = memory_take(&manifest->memory, sizeof *process->arguments);
    process->arguments[process->argument_count++] = process->name;
  }
  if (!process->directory)
    process->directory = "/";
  if (!process->stack && service)
    process->stack = service->stack;
}

uint32_t process_connections(const struct process *process) {
  uint32_t connections = 0;
  for (uint32_t i = 0; i < process->device_count; i++)
    connections += process->devices[i].device.connections;
  return connections;
}

/* Where neither the manifest says it nor anything else. `clients` are known now. */
static void quota_default(struct process *process) {
  const struct service *service = process->service;
  const struct signet_quota *base = service ? &service->quota : &program_quota;
  struct signet_quota each = service ? service->each_client : (struct signet_quota){0}, *quota = &process->quota;
  if (!quota->memory)
    quota->memory = base->memory + process->clients * each.memory;
  if (!quota->threads)
    quota->threads = base->threads + process->clients * each.threads;
  if (!quota->handles)
    quota->handles = base->handles + process->clients * each.handles + 2 * process_connections(process);
  if (!quota->regions)
    quota->regions = base->regions + process->clients * each.regions;
}

void quotas_complete(struct manifest *manifest) {
  for (uint32_t i = 0; i < manifest->process_count; i++)
    quota_default(&manifest->processes[i]);
}

void process_read(struct manifest *manifest, const struct node *key, const struct node *value) {
  static const struct field fields[] = {{"image", read_image},
                                        {"service", read_service},
                                        {"hash", read_hash},
                                        {"arguments", read_arguments},
                                        {"environment", read_environment},
                                        {"directory", read_directory},
                                        {"isolation", read_isolation},
                                        {"supervised", read_supervised},
                                        {"prefixes", read_prefixes},
                                        {"needs", read_needs},
                                        {"offers", read_offers},
                                        {"devices", read_devices},
                                        {"quota", read_quota},
                                        {"stack", read_stack},
                                        {"restart", read_restart}};
  const char *name;
  if (!value_name(manifest, key, "the process's name", &name))
    name = NULL;
  else if (strcmp(name, "supervisor") == 0)
    problem_suggest(manifest->problems,
                    value_wrong(manifest, key, PROBLEM_RESERVED, "the supervisor is there by itself"),
                    "call this process otherwise; needs can name supervisor.observation");
  struct process *earlier = name ? process_find(manifest, name) : NULL;
  if (earlier) {
    problem_note(manifest->problems, value_wrong(manifest, key, PROBLEM_TWICE, "there are two processes '%s'", name),
                 earlier->place, "the first");
    name = NULL;
  }
  struct process *process = &manifest->processes[manifest->process_count];
  *process = (struct process){.name = name ? name : "?", .place = key->place, .supervised = true};
  process->image_place = process->quota_place = process->memory_place = process->restart_place = key->place;
  policy_read(manifest, NULL, &process->policy);
  /* What it is decides what the rest means. */
  const struct node *service = node_find(value, "service"), *image = node_find(value, "image");
  fields_read(manifest, value, fields, sizeof fields / sizeof *fields, process, "a process");
  if (value->kind != NODE_MAPPING)
    process->wrong = true;
  else if (!service && !image) {
    process->wrong = true;
    problem_suggest(manifest->problems,
                    value_wrong(manifest, key, PROBLEM_MISSING, "the process does not say what it runs"),
                    "add image: PATH, or service: NAME for one that comes with Signet");
  } else if (service && image) {
    process->wrong = true;
    problem_suggest(manifest->problems,
                    problem_add(manifest->problems, PROBLEM_MEANINGLESS, process->place,
                                "the process has both an image and a service"),
                    "leave one of them out");
  }
  if (!process->wrong)
    services_check(manifest, value, process);
  defaults(manifest, process);
  manifest->process_count++;
}
