/* What a system may have at most, and what a process has to have at least. */
#include <signet/image.h>
#include <unistd.h>

#include "manifest/model.h"

/* What the supervisor and the kernel need besides. */
#define BESIDES (32u << 20)
#define DEVICES_MOST (SIGNET_SLOTS_MOST - 2) /* the supervisor's slots, without the archive and the power device */
#define PROCESSES_MOST (16u << 10)           /* and their children: each has 4 GiB of address space */
#define STACK_DEFAULT (UINT64_C(8) << 20)

static void process_check(struct manifest *manifest, struct process *process) {
  char has[24], needs[24];
  struct manifest_problems *problems = manifest->problems;
  const struct signet_quota *quota = &process->quota;
  uint32_t length = startup_length(process);
  if (length > SIGNET_STARTUP_BYTES_MOST) {
    problem_add(problems, PROBLEM_STARTUP, process->place,
                "the arguments and the environment of %s are %u bytes long, and can be %u", process->name, length,
                SIGNET_STARTUP_BYTES_MOST);
    return;
  }
  if (process->image) {
    uint64_t stack = process->stack ? process->stack : process->image->stack ? process->image->stack : STACK_DEFAULT;
    uint64_t least = process->image->memory + (stack + SIGNET_PAGE - 1) / SIGNET_PAGE * SIGNET_PAGE +
                     (sizeof(struct signet_startup) + length + SIGNET_PAGE - 1) / SIGNET_PAGE * SIGNET_PAGE;
    if (quota->memory < least)
      problem_suggest(problems,
                      problem_add(problems, PROBLEM_SMALL, process->memory_place,
                                  "%s has %s of memory, and needs %s to start: for its image's data and its stack",
                                  process->name, quantity(quota->memory, has), quantity(least, needs)),
                      "give it more, or a smaller stack");
  }
  uint32_t connections = process->service ? process_connections(process) : 0;
  if (quota->handles < process->slot_count + connections)
    problem_add(problems, PROBLEM_SMALL, process->quota_place,
                connections ? "%s has %u handles, %u start-up slots and %u connections"
                            : "%s has %u handles, and %u start-up slots",
                process->name, quota->handles, process->slot_count, connections);
}

static uint64_t machine_memory(const struct manifest *manifest) {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  if (manifest->places->memory)
    return manifest->places->memory;
  return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

static void sum_check(struct manifest *manifest) {
  char all[24], there[24];
  struct signet_quota sum;
  const struct process *largest = manifest->processes;
  uint64_t memory = machine_memory(manifest);
  manifest_quota(manifest, &sum);
  for (uint32_t i = 1; i < manifest->process_count; i++)
    if (manifest->processes[i].quota.memory > largest->quota.memory)
      largest = &manifest->processes[i];
  if (sum.memory > memory - (memory > BESIDES ? BESIDES : 0))
    problem_suggest(manifest->problems,
                    problem_add(manifest->problems, PROBLEM_SUM, largest->memory_place,
                                "all processes together may use %s of memory, and the machine has %s",
                                quantity(sum.memory, all), quantity(memory, there)),
                    "%s has the largest quota", largest->name);
}

static void children_check(struct manifest *manifest) {
  struct signet_quota sum;
  manifest_quota(manifest, &sum);
  if (sum.processes > PROCESSES_MOST)
    problem_add(manifest->problems, PROBLEM_SUM, manifest->processes_place,
                "all processes and their children may be %u at once, and there is room for %u", sum.processes,
                PROCESSES_MOST);
}

void limits_check(struct manifest *manifest) {
  struct manifest_problems *problems = manifest->problems;
  if (!manifest->process_count)
    return;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    if (!problems->errors)
      process_check(manifest, &manifest->processes[i]);
  sum_check(manifest);
  children_check(manifest);
  if (manifest->channel_count > SIGNET_SYSTEM_CHANNELS_MOST)
    problem_add(problems, PROBLEM_CHANNELS, manifest->processes_place,
                "these are %u channels, and a system has at most %d", manifest->channel_count,
                SIGNET_SYSTEM_CHANNELS_MOST);
  if (manifest->device_count > DEVICES_MOST)
    problem_add(problems, PROBLEM_DEVICES, manifest->processes_place,
                "these are %u devices, and a system has at most %d", manifest->device_count, DEVICES_MOST);
}
