/* The top of a manifest: the system as a whole. And the way from a file to a manifest that was read and checked. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#include "manifest/model.h"
#include "port/port.h"

#define FILE_MOST (2u << 20)

static void read_name(struct manifest *manifest, const struct node *key, const struct node *value, void *unused) {
  (void)key, (void)unused;
  value_name(manifest, value, "the system's name", &manifest->name);
}

static void read_cpus(struct manifest *manifest, const struct node *key, const struct node *value, void *unused) {
  (void)key, (void)unused;
  value_count(manifest, value, "the number of processors", 1, PORT_CPUS_MOST, &manifest->cpus);
}

static void read_main(struct manifest *manifest, const struct node *key, const struct node *value, void *unused) {
  (void)key, (void)unused;
  manifest->main_place = value->place;
  value_name(manifest, value, "the main process", &manifest->main_name);
}

static void read_processes(struct manifest *manifest, const struct node *key, const struct node *value, void *unused) {
  (void)unused;
  manifest->processes_place = key->place;
  if (!value_kind(manifest, value, NODE_MAPPING, "processes"))
    return;
  if (value->count > SIGNET_SYSTEM_PROCESSES_MOST) {
    problem_add(manifest->problems, PROBLEM_PROCESSES, value->items[SIGNET_SYSTEM_PROCESSES_MOST]->place,
                "these are %u processes, and a system has at most %d", value->count, SIGNET_SYSTEM_PROCESSES_MOST);
    return;
  }
  manifest->processes = memory_take(&manifest->memory, SIGNET_SYSTEM_PROCESSES_MOST * sizeof *manifest->processes);
  for (uint32_t i = 0; i < value->count; i++)
    process_read(manifest, value->items[i], value->values[i]);
  if (!value->count)
    problem_add(manifest->problems, PROBLEM_MISSING, key->place, "the system has no process");
}

void system_read(struct manifest *manifest, const struct node *root) {
  static const struct field fields[] = {
      {"system", read_name}, {"cpus", read_cpus}, {"main", read_main}, {"processes", read_processes}};
  fields_read(manifest, root, fields, sizeof fields / sizeof *fields, NULL, "a manifest");
  if (root->kind != NODE_MAPPING)
    return;
  if (!node_find(root, "system"))
    problem_suggest(manifest->problems,
                    problem_add(manifest->problems, PROBLEM_MISSING, root->place, "the system has no name"),
                    "begin with a line like 'system: web'");
  if (!node_find(root, "processes"))
    problem_add(manifest->problems, PROBLEM_MISSING, root->place, "the system has no processes");
}

struct process *process_find(const struct manifest *manifest, const char *name) {
  for (uint32_t i = 0; i < manifest->process_count; i++)
    if (strcmp(manifest->processes[i].name, name) == 0)
      return &manifest->processes[i];
  return NULL;
}

/* ---- From a file ---- */

const char *path_absolute(struct manifest *manifest, const char *path) {
  return *path == '/' ? path : memory_text(&manifest->memory, "%s/%s", manifest->folder, path);
}

static struct problem *nowhere(struct manifest_problems *problems, enum problem_number number, const char *text) {
  struct problem *problem = problem_add(problems, number, (struct place){0, 0}, "%s", text);
  problem->nowhere = true;
  return problem;
}

static void file_read(struct manifest_problems *problems) {
  struct stat status;
  FILE *file = fopen(problems->path, "rb");
  if (!file || fstat(fileno(file), &status) != 0) {
    nowhere(problems, PROBLEM_READ, strerror(errno));
    if (file)
      fclose(file);
    return;
  }
  char *bytes = obstack_alloc(&problems->memory, FILE_MOST + 2);
  size_t length = S_ISDIR(status.st_mode) ? 0 : fread(bytes, 1, FILE_MOST + 1, file);
  const char *failure = S_ISDIR(status.st_mode) ? strerror(EISDIR) : ferror(file) ? strerror(errno) : NULL;
  fclose(file);
  if (failure)
    nowhere(problems, PROBLEM_READ, failure);
  else if (length > FILE_MOST)
    nowhere(problems, PROBLEM_LARGE, "the manifest is larger than 2 MiB");
  bytes[length] = 0;
  problems->text = bytes;
  problems->length = (uint32_t)length;
}

static struct manifest *manifest_begin(const char *path, const struct manifest_places *places) {
  struct manifest *manifest = calloc(1, sizeof *manifest);
  if (!manifest)
    memory_none();
  obstack_init(&manifest->memory);
  manifest->problems = problems_begin(path);
  manifest->places = places;
  char *copy = strdup(path), *folder = copy ? realpath(dirname(copy), NULL) : NULL;
  manifest->folder = memory_text(&manifest->memory, "%s", folder ? folder : ".");
  free(folder);
  free(copy);
  return manifest;
}

/* Everything after the text is there. NULL: it is refused. */
static struct manifest *manifest_end(struct manifest *manifest, struct manifest_problems **problems_out) {
  struct manifest_problems *problems = *problems_out = manifest->problems;
  const struct node *root = problems->errors ? NULL : tree_read(&manifest->memory, problems);
  if (root) {
    system_read(manifest, root);
    images_read(manifest);
    join(manifest);
    order_infer(manifest);
    slots_assign(manifest);
    devices_check(manifest);
    limits_check(manifest);
    unneeded_report(manifest);
  }
  problems_sort(problems);
  lists_make(manifest);
  manifest->problems = NULL;
  manifest->places = NULL;
  if (!problems->errors)
    return manifest;
  manifest_release(manifest);
  return NULL;
}

struct manifest *manifest_read(const char *path, const struct manifest_places *places,
                               struct manifest_problems **problems) {
  struct manifest *manifest = manifest_begin(path, places);
  file_read(manifest->problems);
  return manifest_end(manifest, problems);
}

struct manifest *manifest_read_text(const char *path, const char *text, size_t length,
                                    const struct manifest_places *places, struct manifest_problems **problems) {
  struct manifest *manifest = manifest_begin(path, places);
  manifest->problems->text = obstack_copy0(&manifest->problems->memory, text, length);
  manifest->problems->length = (uint32_t)length;
  return manifest_end(manifest, problems);
}

void manifest_release(struct manifest *manifest) {
  if (!manifest)
    return;
  for (uint32_t i = 0; i < manifest->image_count; i++)
    free((void *)(uintptr_t)manifest->images[i]->image.bytes);
  obstack_free(&manifest->memory, NULL);
  free(manifest);
}

uint32_t manifest_cpus(const struct manifest *manifest) { return manifest->cpus; }
const char *manifest_name(const struct manifest *manifest) { return manifest->name; }
