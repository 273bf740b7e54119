/* Takes a mapping apart by a table of its keys, and complains of the keys that the table does not have. */
#include "manifest/model.h"

#define FIELDS_MOST 32

void fields_read(struct manifest *manifest, const struct node *mapping, const struct field *fields, uint32_t count,
                 void *object, const char *what) {
  const char *names[FIELDS_MOST];
  const struct node *seen[FIELDS_MOST] = {NULL};
  if (!value_kind(manifest, mapping, NODE_MAPPING, what))
    return;
  for (uint32_t i = 0; i < count; i++)
    names[i] = fields[i].key;
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct node *key = mapping->items[i];
    uint32_t field = 0;
    while (field < count && strcmp(key->text, names[field]) != 0)
      field++;
    bool merge = strcmp(key->text, "<<") == 0;
    if (field == count) {
      struct problem *problem = merge
                                    ? value_wrong(manifest, key, PROBLEM_ALIAS, "merge keys are not used in manifests")
                                    : value_wrong(manifest, key, PROBLEM_KEY, "%s has no key '%s'", what, key->text);
      const char *nearest = name_nearest(key->text, names, count);
      if (merge)
        problem_suggest(manifest->problems, problem, "write what is meant at each place, so that it can be read there");
      else if (nearest)
        problem_suggest(manifest->problems, problem, "did you mean '%s'?", nearest);
      else {
        for (uint32_t j = 0; j < count; j++)
          obstack_printf(&manifest->memory, "%s%s", j ? ", " : "", names[j]);
        obstack_1grow(&manifest->memory, 0);
        problem_suggest(manifest->problems, problem, "its keys are: %s", (char *)obstack_finish(&manifest->memory));
      }
    } else if (seen[field]) {
      problem_note(manifest->problems, value_wrong(manifest, key, PROBLEM_TWICE, "'%s' is here twice", key->text),
                   seen[field]->place, "the first");
    } else {
      seen[field] = key;
      fields[field].read(manifest, key, mapping->values[i], object);
    }
  }
}
