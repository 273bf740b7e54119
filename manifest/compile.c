/* A manifest as the supervisor starts it (include/signet/system.h), and what `signet up` has to make for it: the
 * archive's images and the devices, in the order in which the compiled form counts them. */
#include "manifest/model.h"

size_t manifest_images(const struct manifest *manifest, const struct manifest_image **images) {
  *images = manifest->image_list;
  return manifest->image_count;
}

size_t manifest_devices(const struct manifest *manifest, const struct manifest_device **devices) {
  *devices = manifest->device_list;
  return manifest->device_count;
}

void lists_make(struct manifest *manifest) {
  manifest->image_list = memory_take(&manifest->memory, (manifest->image_count + 1) * sizeof *manifest->image_list);
  manifest->device_list = memory_take(&manifest->memory, (manifest->device_count + 1) * sizeof *manifest->device_list);
  for (uint32_t i = 0; i < manifest->image_count; i++)
    manifest->image_list[i] = manifest->images[i]->image;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].device_count; j++)
      manifest->device_list[manifest->processes[i].devices[j].number] = manifest->processes[i].devices[j].device;
}

void manifest_quota(const struct manifest *manifest, struct signet_quota *quota) {
  *quota = (struct signet_quota){0};
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    const struct signet_quota *one = &manifest->processes[i].quota;
    quota->memory += one->memory;
    quota->threads += one->threads;
    quota->handles += one->handles;
    quota->regions += one->regions;
    quota->processes += one->processes + 1;
  }
}

/* ---- The compiled form ---- */

struct compiling {
  struct obstack memory; /* one object, that grows */
  uint32_t archive, power, first;
};

static uint32_t aligned(struct compiling *compiling) {
  while (obstack_object_size(&compiling->memory) % 8)
    obstack_1grow(&compiling->memory, 0);
  return (uint32_t)obstack_object_size(&compiling->memory);
}

static void *at(struct compiling *compiling, uint32_t offset) {
  return (char *)obstack_base(&compiling->memory) + offset;
}

static void compile_process(struct compiling *compiling, const struct process *process, uint32_t row) {
  struct signet_system_process compiled = {.entry = process->image->entry,
                                           .slots = process->slot_count,
                                           .quota = process->quota,
                                           .stack = process->stack,
                                           .policy = process->policy,
                                           .startup_offset = aligned(compiling)};
  snprintf(compiled.name, sizeof compiled.name, "%s", process->name);
  memcpy(compiled.hash, process->image->hash, sizeof compiled.hash);
  for (uint32_t i = 0; i < process->slot_count; i++) {
    compiled.slot[i] = process->slots[i].grant;
    if (compiled.slot[i].kind == SIGNET_SYSTEM_DEVICE)
      compiled.slot[i].number += compiling->first;
  }
  startup_write(process, &compiling->memory);
  compiled.startup_length = (uint32_t)obstack_object_size(&compiling->memory) - compiled.startup_offset;
  memcpy(at(compiling, row), &compiled, sizeof compiled);
}

/* Each contract is there once. */
static void compile_channels(struct compiling *compiling, const struct manifest *manifest, uint32_t rows) {
  for (uint32_t i = 0; i < manifest->channel_count; i++) {
    const struct contract *contract = manifest->channels[i].contract;
    struct signet_system_channel channel = {.contract_length = contract->length};
    uint32_t same = 0;
    while (same < i && manifest->channels[same].contract != contract)
      same++;
    if (same < i) {
      channel = ((struct signet_system_channel *)at(compiling, rows))[same];
    } else {
      channel.contract_offset = aligned(compiling);
      obstack_grow(&compiling->memory, contract->table, contract->length);
    }
    memcpy(at(compiling, rows + i * (uint32_t)sizeof channel), &channel, sizeof channel);
  }
}

void *manifest_compile(const struct manifest *manifest, uint32_t archive, uint32_t power, uint32_t first,
                       uint32_t *length) {
  static const char zeros[sizeof(struct signet_system_process)];
  struct compiling compiling = {.archive = archive, .power = power, .first = first};
  struct signet_system head = {.magic = SIGNET_SYSTEM_MAGIC,
                               .version = SIGNET_SYSTEM_VERSION,
                               .processes = manifest->process_count,
                               .channels = manifest->channel_count,
                               .main = manifest->main ? manifest->main->row : SIGNET_SYSTEM_NONE,
                               .archive = archive,
                               .power = power};
  obstack_init(&compiling.memory);
  obstack_grow(&compiling.memory, zeros, sizeof head);
  head.processes_offset = aligned(&compiling);
  for (uint32_t i = 0; i < manifest->process_count; i++)
    obstack_grow(&compiling.memory, zeros, sizeof(struct signet_system_process));
  head.channels_offset = aligned(&compiling);
  for (uint32_t i = 0; i < manifest->channel_count; i++)
    obstack_grow(&compiling.memory, zeros, sizeof(struct signet_system_channel));
  for (uint32_t i = 0; i < manifest->process_count; i++)
    compile_process(&compiling, manifest->order[i],
                    head.processes_offset + i * (uint32_t)sizeof(struct signet_system_process));
  compile_channels(&compiling, manifest, head.channels_offset);
  *length = head.length = aligned(&compiling);
  memcpy(at(&compiling, 0), &head, sizeof head);
  void *compiled = malloc(head.length);
  if (compiled)
    memcpy(compiled, at(&compiling, 0), head.length);
  obstack_free(&compiling.memory, NULL);
  return compiled;
}
