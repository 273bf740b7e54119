/* Starts tests/linux/lend.c, `lend_host DIRECTORY`, with that directory as a device, which holds the image; and while
 * it runs, asks the kernel what it tells the host, as fast as it can. Ordinary Linux program. */
#include <stdio.h>
#include <stdlib.h>

#include "port/linux/linux.h"

static struct kernel_trace_record records[64];
static union {
  struct signet_observed_process process[16];
  struct signet_observed_channel channel[16];
} told;

static void must(bool good, const char *what) {
  if (good)
    return;
  printf("Bail out! %s\n", what);
  exit(1);
}

static void *read_image(const char *directory, size_t *length) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lend", directory);
  FILE *file = fopen(path, "rb");
  must(file != NULL, path);
  void *bytes = malloc(16 << 20);
  *length = fread(bytes, 1, 16 << 20, file);
  fclose(file);
  return bytes;
}

static void grant(struct kernel_process *process, uint32_t slot, struct port_device *device, const char *problem) {
  must(device != NULL, problem);
  must(kernel_process_grant_device(process, slot, device) == SIGNET_OK, "a device cannot be granted");
}

/* Another thread of the host than those that run processes. */
static void watch(uint32_t lender) {
  uint64_t lost;
  size_t count = kernel_observe(SIGNET_OBSERVE_PROCESSES, 0, &told, sizeof told.process);
  /* The lender first; then its children of the moment, and those that began while the list was written. */
  must(count >= 1 && told.process[0].number == lender, "the host is not told of the lender");
  for (size_t i = 1; i < count; i++)
    must(told.process[i].parent == lender && told.process[i].number > told.process[i - 1].number,
         "the host is told of somebody who is not there");
  must(!kernel_observe(SIGNET_OBSERVE_CHANNELS, 0, &told, sizeof told.channel), "there is a channel");
  must(kernel_trace_begin(100) == SIGNET_OK && !kernel_trace_take(records, 64, &lost), "a message was sent");
  kernel_trace_end();
}

int main(int count, char **arguments) {
  struct linux_port_options options = {.cpus = 2, .windows = 16};
  struct signet_process_specification specification = {
      .slots = 2,
      .stack = 128 << 10,
      .quota = {.memory = 64 << 20, .threads = 16, .handles = 64, .regions = 64, .processes = 4},
      .name = "lender",
  };
  struct kernel_image *image;
  struct kernel_process *lender;
  struct kernel_refusal refusal;
  struct signet_ending ending;
  const char *problem = "";
  size_t length;
  must(count == 2, "wants a DIRECTORY");
  void *bytes = read_image(arguments[1], &length);
  bool prepared = linux_port_prepare(&options, &problem);
  must(prepared, problem);
  must(kernel_initialise(), "no memory");
  bool loaded = kernel_image_load(bytes, length, &image, &refusal) == SIGNET_OK;
  must(loaded, refusal.text);
  must(kernel_process_create(image, &specification, NULL, &lender) == SIGNET_OK, "no lender");
  grant(lender, 0, linux_directory_device(arguments[1], true, &problem), problem);
  grant(lender, 1, linux_stream_device(-1, 1, &problem), problem);
  must(kernel_process_start(lender) == SIGNET_OK, "the lender does not start");
  bool started = linux_port_start(&problem);
  must(started, problem);
  while (!kernel_process_ended(lender, &ending))
    watch(kernel_process_number(lender));
  const char *broken = kernel_check_invariants();
  must(!broken, broken);
  must(ending.kind == SIGNET_ENDED_EXIT, "the lender did not exit");
  return (int)ending.code;
}
