/* The report of `signet check --json`: all that a manifest says and all that follows from it, for programs. */
#include <jansson.h>

#include "manifest/model.h"

static json_t *names_json(const struct manifest *manifest, const uint32_t *way, uint32_t length) {
  json_t *list = json_array();
  for (uint32_t i = 0; i < length; i++)
    json_array_append_new(list, json_string(manifest->processes[way[i]].name));
  return list;
}

static json_t *quota_json(const struct signet_quota *quota) {
  return json_pack("{s:I,s:I,s:I,s:I,s:I}", "memory", (json_int_t)quota->memory, "threads", (json_int_t)quota->threads,
                   "handles", (json_int_t)quota->handles, "regions", (json_int_t)quota->regions, "processes",
                   (json_int_t)quota->processes);
}

static json_t *policy_json(const struct signet_system_policy *policy) {
  return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "when", restart_word(policy->restart), "limit",
                   (json_int_t)policy->limit, "within", (json_int_t)policy->window, "backoff_first",
                   (json_int_t)policy->backoff_first, "backoff_most", (json_int_t)policy->backoff_most, "start_within",
                   (json_int_t)policy->start_deadline, "stop_within", (json_int_t)policy->stop_deadline);
}

static json_t *reaches_json(const struct manifest *manifest, uint32_t from) {
  uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST], way[SIGNET_SYSTEM_PROCESSES_MOST];
  json_t *list = json_array();
  reach_from(manifest, from, via);
  for (uint32_t i = 0; i < manifest->process_count; i++)
    if (i != from && via[i] != REACH_NEVER)
      json_array_append_new(list, json_pack("{s:s,s:o}", "process", manifest->processes[i].name, "way",
                                            names_json(manifest, way, reach_way(i, via, way))));
  return list;
}

static json_t *breaks_json(const struct manifest *manifest, uint32_t without) {
  json_t *list = json_array();
  for (uint32_t i = 0; i < manifest->process_count; i++)
    if (reach_breaks(manifest, i, without))
      json_array_append_new(list, json_string(manifest->processes[i].name));
  return list;
}

static json_t *slots_json(const struct process *process) {
  static const char *const kinds[] = {[SIGNET_SYSTEM_CLIENT] = "client",
                                      [SIGNET_SYSTEM_SERVER] = "server",
                                      [SIGNET_SYSTEM_DEVICE] = "device",
                                      [SIGNET_SYSTEM_SUPERVISION] = "supervision",
                                      [SIGNET_SYSTEM_OBSERVATION] = "observation"};
  json_t *list = json_array();
  for (uint32_t i = 0; i < process->slot_count; i++)
    json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "name", process->slots[i].name, "kind",
                                          kinds[process->slots[i].grant.kind], "number",
                                          (json_int_t)process->slots[i].grant.number));
  return list;
}

static json_t *process_json(const struct manifest *manifest, uint32_t index) {
  const struct process *process = &manifest->processes[index];
  char hash[65];
  for (int i = 0; i < 32; i++)
    snprintf(hash + 2 * i, 3, "%02x", process->image->hash[i]);
  json_t *object = json_pack(
      "{s:s,s:s,s:s,s:b,s:b,s:I,s:o,s:o,s:o,s:o,s:o}", "name", process->name, "image", process->image->image.path,
      "hash", hash, "pinned", process->pinned, "supervised", process->supervised, "stack", (json_int_t)process->stack,
      "quota", quota_json(&process->quota), "restart", policy_json(&process->policy), "slots", slots_json(process),
      "reaches", reaches_json(manifest, index), "breaks", breaks_json(manifest, index));
  if (process->service)
    json_object_set_new(object, "service", json_string(process->service->name));
  return object;
}

static json_t *addresses_json(const char *const *addresses) {
  json_t *list = json_array();
  for (uint32_t i = 0; addresses[i]; i++)
    json_array_append_new(list, json_string(addresses[i]));
  return list;
}

static json_t *device_json(const struct manifest *manifest, uint32_t holder, const struct device *device) {
  static const char *const kinds[] = {
      [MANIFEST_STREAM] = "stream", [MANIFEST_DIRECTORY] = "directory", [MANIFEST_NETWORK] = "network"};
  const struct manifest_device *one = &device->device;
  uint32_t via[SIGNET_SYSTEM_PROCESSES_MOST], way[SIGNET_SYSTEM_PROCESSES_MOST];
  json_t *object = json_pack("{s:s,s:s,s:s}", "kind", kinds[one->kind], "name", one->name, "process", one->process);
  if (one->kind == MANIFEST_STREAM) {
    json_object_set_new(object, "stream", json_integer(one->stream));
  } else if (one->kind == MANIFEST_DIRECTORY) {
    json_t *path = json_string(one->directory);
    json_object_set_new(object, "directory", path ? path : json_string("(not UTF-8)"));
    json_object_set_new(object, "read_only", json_boolean(one->read_only));
    if (device->at)
      json_object_set_new(object, "at", json_string(device->at));
  } else {
    json_object_set_new(object, "listen", addresses_json(one->listen));
    json_object_set_new(object, "connect", addresses_json(one->connect));
    json_object_set_new(object, "connections", json_integer(one->connections));
  }
  json_t *reachers = json_array();
  for (uint32_t from = 0; from < manifest->process_count; from++) {
    reach_from(manifest, from, via);
    if (via[holder] != REACH_NEVER)
      json_array_append_new(reachers, json_pack("{s:s,s:o}", "process", manifest->processes[from].name, "way",
                                                names_json(manifest, way, reach_way(holder, via, way))));
  }
  json_object_set_new(object, "reached_by", reachers);
  return object;
}

json_t *manifest_report_json(const struct manifest *manifest) {
  json_t *order = json_array(), *processes = json_array(), *devices = json_array(), *channels = json_array();
  struct signet_quota sum;
  manifest_quota(manifest, &sum);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    const struct process *process = &manifest->processes[i];
    json_array_append_new(order, json_string(manifest->order[i]->name));
    json_array_append_new(processes, process_json(manifest, i));
    for (uint32_t j = 0; j < process->device_count; j++)
      json_array_append_new(devices, device_json(manifest, i, &process->devices[j]));
    for (uint32_t j = 0; j < process->need_count; j++) {
      const struct need *need = &process->needs[j];
      json_array_append_new(channels, json_pack("{s:s,s:s,s:s,s:s,s:s}", "client", process->name, "need", need->name,
                                                "server", need->observation ? "supervisor" : need->process->name,
                                                "offer", need->offered, "contract",
                                                need->observation      ? "observation"
                                                : need->offer->console ? CONSOLE_CONTRACT
                                                                       : need->offer->contract->name));
    }
  }
  json_t *report =
      json_pack("{s:s,s:I,s:o,s:o,s:o,s:o,s:o}", "system", manifest->name, "cpus", (json_int_t)manifest->cpus, "order",
                order, "processes", processes, "channels", channels, "devices", devices, "quota", quota_json(&sum));
  if (manifest->main)
    json_object_set_new(report, "main", json_string(manifest->main->name));
  return report;
}
