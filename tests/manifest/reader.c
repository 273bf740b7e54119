/* Reads the manifests whose paths come on standard input, one a line, and says of each in one line of JSON what came of
 * it: the problems; the report; the compiled form, in hexadecimal, and whether the supervisor would take it. Under the
 * sanitizers: a manifest that crashes the reader ends it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest.h"
#include "services/system.h"

#define ARCHIVE 0
#define POWER 1
#define FIRST 2

static char *hexadecimal(const uint8_t *bytes, size_t length) {
  char *text = malloc(2 * length + 1);
  for (size_t i = 0; i < length; i++)
    snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  return text;
}

static json_t *compiled(const struct manifest *manifest) {
  const struct manifest_device *devices;
  const struct manifest_image *images;
  struct system_refusal why;
  uint32_t length, events;
  uint8_t *bytes = manifest_compile(manifest, ARCHIVE, POWER, FIRST, &length);
  char *text = hexadecimal(bytes, length), refusal[300] = "";
  if (!system_check(bytes, length, FIRST + (uint32_t)manifest_devices(manifest, &devices), &events, &why))
    system_describe(&why, (const void *)bytes, refusal, sizeof refusal);
  json_t *entries = json_array();
  size_t count = manifest_images(manifest, &images);
  for (size_t i = 0; i < count; i++)
    json_array_append_new(entries, json_string(images[i].path));
  json_t *object = json_pack("{s:s,s:s,s:o}", "system", text, "refusal", refusal, "entries", entries);
  free(text);
  free(bytes);
  return object;
}

int main(int count, char **arguments) {
  struct manifest_places places = {.services = count > 1 ? arguments[1] : "build/services"};
  char path[4096];
  while (fgets(path, sizeof path, stdin)) {
    struct manifest_problems *problems;
    path[strcspn(path, "\n")] = 0;
    struct manifest *manifest = manifest_read(path, &places, &problems);
    json_t *object = json_pack("{s:s,s:b,s:o}", "path", path, "boots", manifest != NULL, "problems",
                               manifest_problems_json(problems));
    if (manifest) {
      char *drawing;
      size_t length;
      FILE *to = open_memstream(&drawing, &length);
      manifest_report(manifest, to);
      manifest_dot(manifest, to);
      fclose(to);
      free(drawing);
      json_object_set_new(object, "report", manifest_report_json(manifest));
      json_object_set_new(object, "compiled", compiled(manifest));
    }
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(object);
    manifest_problems_release(problems);
    manifest_release(manifest);
  }
}
