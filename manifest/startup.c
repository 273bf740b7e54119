/* The start-up bytes of a process: struct signet_program with its strings, or what the service has of its own. */
#include <signet/image.h>

#include "manifest/model.h"
#include "services/services.h"

static void add_text(struct obstack *memory, const char *text) { obstack_grow(memory, text, strlen(text) + 1); }

static void write_program(const struct process *process, struct obstack *memory) {
  const struct signet_program head = {.version = SIGNET_PROGRAM_VERSION,
                                      .arguments = process->argument_count,
                                      .environment = process->environment_count,
                                      .slots = process->slot_count};
  obstack_grow(memory, &head, sizeof head);
  for (uint32_t i = 0; i < process->argument_count; i++)
    add_text(memory, process->arguments[i]);
  for (uint32_t i = 0; i < process->environment_count; i++)
    add_text(memory, process->environment[i]);
  add_text(memory, process->directory);
  for (uint32_t i = 0; i < process->slot_count; i++)
    add_text(memory, process->slots[i].name);
}

static void write_files(const struct process *process, struct obstack *memory) {
  const struct services_files head = {.version = SERVICES_FILES_VERSION,
                                      .clients = process->clients,
                                      .mounts = process->device_count,
                                      .flags = process->supervised ? SERVICES_FILES_SUPERVISED : 0};
  obstack_grow(memory, &head, sizeof head);
  for (uint32_t i = 0; i < process->device_count; i++) {
    const struct device *device = &process->devices[i];
    struct services_mount mount = {.slot = process->clients + process->supervised + i,
                                   .flags = device->device.read_only ? SERVICES_MOUNT_READ_ONLY : 0};
    snprintf(mount.path, sizeof mount.path, "%s", device->at);
    obstack_grow(memory, &mount, sizeof mount);
  }
}

static void write_console(const struct process *process, struct obstack *memory) {
  bool prefixes = process->prefixes_said ? process->prefixes : process->clients > 1;
  const struct services_console startup = {.version = SERVICES_CONSOLE_VERSION,
                                           .clients = process->clients,
                                           .flags = (prefixes ? SERVICES_CONSOLE_PREFIXES : 0) |
                                                    (process->supervised ? SERVICES_CONSOLE_SUPERVISED : 0)};
  obstack_grow(memory, &startup, sizeof startup);
}

void startup_write(const struct process *process, struct obstack *memory) {
  switch (process->service ? process->service->startup : STARTUP_PROGRAM) {
  case STARTUP_PROGRAM:
    write_program(process, memory);
    return;
  case STARTUP_FILES:
    write_files(process, memory);
    return;
  case STARTUP_CONSOLE:
    write_console(process, memory);
    return;
  }
}

uint32_t startup_length(const struct process *process) {
  struct obstack memory;
  obstack_init(&memory);
  startup_write(process, &memory);
  uint32_t length = (uint32_t)obstack_object_size(&memory);
  obstack_free(&memory, NULL);
  return length;
}
