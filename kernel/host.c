/* What the host program calls to build the first processes, and to watch and end them. Any host thread, without the
 * lock. */
#include "kernel/object.h"

bool kernel_initialise(void) {
  uint64_t place;
  port_random(&place, sizeof place);
  port_lock();
  kernel.contract_place = place >> 3;
  kernel.cpus = port_cpu_count();
  kernel.window_count = port_window_count();
  list_initialise(&kernel.processes);
  for (unsigned i = 0; i < CONTRACT_BUCKETS; i++)
    list_initialise(&kernel.contracts[i]);
  for (unsigned i = 0; i < IMAGE_BUCKETS; i++)
    list_initialise(&kernel.images[i]);
  list_initialise(&kernel.closing);
  list_initialise(&kernel.every_channel);
  list_initialise(&kernel.told_place.link);
  for (unsigned i = 0; i < TICKET_BUCKETS; i++)
    list_initialise(&kernel.tickets[i]);
  bool enough = kernel.cpus && kernel.cpus <= PORT_CPUS_MOST && timer_reserve();
  for (uint32_t i = 0; enough && i < kernel.cpus; i++) {
    struct cpu *cpu = kernel.cpu[i] = allocate(sizeof *cpu);
    if (!cpu) {
      enough = false;
      break;
    }
    cpu->number = i;
    cpu->slice = SLICE;
    list_initialise(&cpu->near);
    list_initialise(&cpu->queue);
  }
  kernel.free_windows = enough ? allocate(kernel.window_count * sizeof *kernel.free_windows) : NULL;
  enough = kernel.free_windows;
  /* The lowest are given out first. */
  for (uint32_t i = 0; enough && i < kernel.window_count; i++)
    kernel.free_windows[i] = kernel.window_count - 1 - i;
  kernel.free_window_count = kernel.window_count;
  port_unlock();
  return enough;
}

enum signet_status kernel_image_load(const void *bytes, size_t length, struct kernel_image **image,
                                     struct kernel_refusal *refusal) {
  *refusal = (struct kernel_refusal){.offset = 0};
  return image_load(bytes, length, image, refusal);
}

void kernel_image_release(struct kernel_image *image) {
  lock_as_host();
  image_release(image);
  unlock();
}

void kernel_image_facts(const struct kernel_image *image, struct kernel_image_facts *facts) { *facts = image->facts; }

enum signet_status kernel_process_create(struct kernel_image *image,
                                         const struct signet_process_specification *specification, const void *startup,
                                         struct kernel_process **process) {
  lock_as_host();
  enum signet_status status = process_make(NULL, image, specification, startup, process);
  if (!status)
    (*process)->host = true;
  unlock();
  return status;
}

enum signet_status kernel_process_connect(struct kernel_process *client, uint32_t client_slot,
                                          struct kernel_process *server, uint32_t server_slot, const void *blob,
                                          size_t length) {
  struct contract *contract;
  struct channel *channel;
  if (!contract_length_valid(length) || (client == server && client_slot == server_slot))
    return SIGNET_ARGUMENT;
  lock_as_host();
  enum signet_status status = SIGNET_MEMORY;
  void *copy = allocate(length); /* aligned, whatever the caller's is */
  if (!copy)
    goto unlock;
  memcpy(copy, blob, length);
  status = contract_find(copy, length, &contract);
  release(copy, length);
  if (status)
    goto unlock;
  status = process_may_fill(client, client_slot, channel_end_charge(contract, 0));
  if (!status)
    status = process_may_fill(server, server_slot, channel_end_charge(contract, 1));
  if (!status && client == server &&
      !quota_has(client, channel_end_charge(contract, 0) + channel_end_charge(contract, 1), 2))
    status = SIGNET_QUOTA;
  if (!status && client == server)
    status = handle_reserve(client, 2);
  if (!status)
    status = channel_create(contract, &channel);
  if (status) {
    contract_release(contract);
    goto unlock;
  }
  object_charge(&channel->end[0].object, client);
  object_charge(&channel->end[1].object, server);
  client->slot[client_slot] = handle_insert(client, &channel->end[0].object);
  server->slot[server_slot] = handle_insert(server, &channel->end[1].object);
unlock:
  unlock();
  return status;
}

enum signet_status kernel_process_grant_device(struct kernel_process *process, uint32_t slot,
                                               struct port_device *port) {
  lock_as_host();
  enum signet_status status = process_may_fill(process, slot, 0);
  struct device *device = status ? NULL : device_create(port);
  if (device) {
    object_charge(&device->object, process);
    process->slot[slot] = handle_insert(process, &device->object);
  } else if (!status) {
    status = SIGNET_MEMORY;
  }
  unlock();
  return status;
}

enum signet_status kernel_process_start(struct kernel_process *process) {
  lock_as_host();
  enum signet_status status = process->state == SIGNET_PROCESS_UNSTARTED ? SIGNET_OK : SIGNET_STATE;
  for (uint32_t i = 0; i < process->slots; i++)
    if (!process->slot[i])
      status = SIGNET_STATE;
  if (!status)
    status = start_run(process);
  unlock();
  return status;
}

void kernel_process_stop(struct kernel_process *process) {
  struct signet_ending ending = {.kind = SIGNET_ENDED_STOPPED};
  lock_as_host();
  process_end(process, &ending);
  unlock();
}

enum signet_status kernel_process_kill(uint32_t number) {
  static const struct signet_ending killed = {.kind = SIGNET_ENDED_SIGNAL, .code = 9};
  enum signet_status status = SIGNET_HANDLE;
  lock_as_host();
  LIST_EACH(node, &kernel.processes) {
    struct kernel_process *process = CONTAINER(node, struct kernel_process, link);
    if (process->number != number || process->state >= SIGNET_PROCESS_STOPPING)
      continue;
    status = SIGNET_OK;
    process_end(process, &killed);
    break;
  }
  unlock();
  return status;
}

bool kernel_process_ended(struct kernel_process *process, struct signet_ending *ending) {
  lock_as_host();
  bool ended = process->state == SIGNET_PROCESS_STOPPED;
  if (ended)
    *ending = process->ending;
  unlock();
  return ended;
}

void kernel_process_release(struct kernel_process *process) {
  static const struct signet_ending stopped = {.kind = SIGNET_ENDED_STOPPED};
  lock_as_host();
  process->host = false;
  if (process->state == SIGNET_PROCESS_UNSTARTED)
    process_end(process, &stopped); /* nobody could start it any more; this frees it */
  else
    process_reap(process);
  unlock();
}

uint32_t kernel_process_number(const struct kernel_process *process) { return process->number; }
