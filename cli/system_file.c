/* Owns how the tools read a SYSTEM.yaml: where the services are that were built with this program, and the kernel's
 * verdict on images. One thread. */
#include "cli/system_file.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static bool accept(void *context, uint32_t cpus, const void *bytes, size_t length, char *why, size_t size) {
  struct kernel_image *image;
  struct kernel_refusal refusal;
  (void)context, (void)cpus;
  if (kernel_image_load(bytes, length, &image, &refusal) == SIGNET_OK) {
    kernel_image_release(image);
    return true;
  }
  snprintf(why, size, "%s", cli_refusal_text(&refusal));
  return false;
}

struct manifest *cli_system_read(const char *path, bool judge, struct manifest_problems **problems) {
  char services[CLI_PATH_MOST];
  const struct manifest_places places = {.services = cli_beside("services", services), .accept = judge ? accept : NULL};
  *problems = NULL;
  if (judge && !cli_prepare_to_load())
    return NULL;
  return manifest_read(path, &places, problems);
}
