/* The network service on the real kernel: `host PARENT NETWORK ECHO CONNECTIONS`, which are images. Makes the devices,
 * starts the first image with them (parent.c), and ends when that has. Ordinary Linux program; after the seal it only
 * waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "port/linux/linux.h"

static struct linux_archive_entry images[3];

static void must(bool good, const char *what) {
  if (good)
    return;
  fprintf(stderr, "network test host: %s\n", what);
  exit(1);
}

static void read_image(const char *path, struct linux_archive_entry *entry) {
  FILE *file = fopen(path, "rb");
  must(file != NULL, path);
  void *bytes = malloc(16 << 20);
  entry->name = path;
  entry->bytes = bytes;
  entry->length = fread(bytes, 1, 16 << 20, file);
  must(entry->length && entry->length < 16 << 20, path);
  fclose(file);
}

static void grant(struct kernel_process *process, uint32_t slot, struct port_device *device, const char *problem) {
  must(device != NULL, problem);
  must(kernel_process_grant_device(process, slot, device) == SIGNET_OK, "a device cannot be granted");
}

int main(int count, char **arguments) {
  static const char *const listen[] = {"127.0.0.1:0", "[::1]:0", NULL};
  static const char *const listen_without_6[] = {"127.0.0.1:0", "127.0.0.1:0", NULL};
  struct linux_port_options options = {.cpus = getenv("CPUS") ? (uint32_t)atoi(getenv("CPUS")) : 1};
  struct kernel_image *image;
  struct kernel_process *parent;
  struct kernel_refusal refusal;
  struct signet_ending ending;
  const char *problem = "";
  must(count == 5, "wants PARENT NETWORK ECHO CONNECTIONS");
  for (int i = 0; i < 3; i++)
    read_image(arguments[1 + i], &images[i]);
  bool prepared = linux_port_prepare(&options, &problem);
  must(prepared, problem);
  must(kernel_initialise(), "no memory");
  bool loaded = kernel_image_load(images[0].bytes, images[0].length, &image, &refusal) == SIGNET_OK;
  must(loaded, refusal.text);
  struct signet_process_specification specification = {
      .slots = 4,
      .stack = 128 << 10,
      .quota = {.memory = 3ull << 30, .threads = 64, .handles = 200000, .regions = 100000, .processes = 16},
      .name = "parent",
  };
  must(kernel_process_create(image, &specification, NULL, &parent) == SIGNET_OK, "no parent");
  const char *const here[] = {getenv("CONNECT_HERE"), NULL};
  struct port_device *network = linux_network_device(listen, here, (uint32_t)atoi(arguments[4]), &problem);
  if (!network)
    network = linux_network_device(listen_without_6, here, (uint32_t)atoi(arguments[4]), &problem);
  grant(parent, 0, linux_archive_device(images, 3, &problem), problem);
  grant(parent, 1, network, problem);
  grant(parent, 2, linux_stream_device(0, 1, &problem), problem);
  const char *const connects[] = {getenv("CONNECT"), getenv("CONNECT_2"), getenv("CONNECT_3"), getenv("CONNECT_4"),
                                  NULL};
  grant(parent, 3, linux_network_device(NULL, connects, 64, &problem), problem);
  must(kernel_process_start(parent) == SIGNET_OK, "the parent does not start");
  bool started = linux_port_start(&problem);
  must(started, problem);
  while (!kernel_process_ended(parent, &ending))
    nanosleep(&(struct timespec){0, 20000000}, NULL);
  const char *broken = kernel_check_invariants();
  must(!broken, broken);
  if (ending.kind != SIGNET_ENDED_EXIT || ending.code)
    fprintf(stderr, "network test host: parent ended: kind %u, code %u\n", ending.kind, ending.code);
  return ending.kind != SIGNET_ENDED_EXIT || ending.code;
}
