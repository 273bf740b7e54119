/* The devices of a process: streams, directories, the network. What is granted twice is found when all are known. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "manifest/model.h"
#include "services/services.h"

#define ADDRESSES_MOST 64
#define CONNECTIONS_MOST (64u << 10)
#define CONNECTIONS_DEFAULT 256

struct reading {
  struct process *process;
  struct device *device;
  const struct node *directory, *at;
};

/* ---- Directories ---- */

static void read_directory(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct reading *reading = object;
  struct stat status = {0};
  const char *path;
  char found[PATH_MAX];
  (void)key;
  if (!value_text(manifest, value, "a directory", &path))
    return;
  reading->directory = value;
  if (!*path) {
    value_wrong(manifest, value, PROBLEM_PATH, "the directory's path is empty");
    return;
  }
  const char *absolute = path_absolute(manifest, path);
  struct problem *problem = NULL;
  if (!realpath(absolute, found) || stat(found, &status) != 0)
    problem = value_wrong(manifest, value, PROBLEM_DIRECTORY, "%s: %s", path, strerror(errno));
  else if (!S_ISDIR(status.st_mode))
    problem = value_wrong(manifest, value, PROBLEM_DIRECTORY, "%s is no directory", path);
  if (problem) {
    if (*path != '/')
      problem_suggest(manifest->problems, problem, "paths count from the manifest's folder: this one is %s", absolute);
    return;
  }
  reading->device->device.directory = memory_text(&manifest->memory, "%s", found);
  reading->device->host_device = status.st_dev;
  reading->device->host_inode = status.st_ino;
}

static void read_at(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct reading *reading = object;
  const char *path, *wrong = NULL;
  (void)key;
  if (!value_text(manifest, value, "where the directory is", &path))
    return;
  reading->at = value;
  size_t length = strlen(path);
  if (*path != '/')
    wrong = "it does not begin with '/'";
  else if (length >= SERVICES_MOUNT_PATH_MOST)
    wrong = "it is too long";
  else if (length > 1 && path[length - 1] == '/')
    wrong = "it ends with '/'";
  else if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") ||
           (length >= 2 && strcmp(path + length - 2, "/.") == 0) ||
           (length >= 3 && strcmp(path + length - 3, "/..") == 0))
    wrong = "it has an empty part, '.' or '..' in it";
  if (wrong)
    problem_suggest(manifest->problems,
                    value_wrong(manifest, value, PROBLEM_PATH, "this is no place for a directory: %s", wrong),
                    "write it like /site, as those who ask this service shall name it");
  else
    reading->device->at = path;
}

static void read_read_only(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct reading *reading = object;
  (void)key;
  value_boolean(manifest, value, "read-only", &reading->device->device.read_only);
}

/* ---- The network ---- */

/* HOST:PORT or [IPv6]:PORT. */
bool address_check(struct manifest *manifest, const struct node *node, bool listen) {
  char host[256];
  const char *text = node->text, *colon = strrchr(text, ':'), *wrong = NULL;
  struct in6_addr address;
  size_t length = colon ? (size_t)(colon - text) : 0;
  if (!colon)
    wrong = "there is no ':' and port";
  else if (!length)
    wrong = "there is no address before the ':'";
  else if (length >= sizeof host)
    wrong = "it is too long";
  if (!wrong) {
    bool bracketed = text[0] == '[' && colon[-1] == ']' && length > 2;
    snprintf(host, sizeof host, "%.*s", (int)(length - 2 * bracketed), text + bracketed);
    bool four = !bracketed && inet_pton(AF_INET, host, &address) == 1;
    bool six = bracketed && inet_pton(AF_INET6, host, &address) == 1;
    bool numeric = strspn(host, "0123456789.") == strlen(host);
    bool name = !bracketed && !numeric && host[0] != '-' && host[0] != '.' &&
                strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == strlen(host) &&
                !strstr(host, "..");
    if (!four && !six && (listen || !name))
      wrong = listen ? "what is before the ':' is no address of a machine" : "what is before the ':' is no machine";
  }
  if (!wrong) {
    size_t port_length = strlen(colon + 1);
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (!port_length || port_length > 5 || strspn(colon + 1, "0123456789") != port_length || port > 65535 ||
        (colon[1] == '0' && port_length > 1) || (!port && !listen))
      wrong = "what is behind the ':' is no port";
  }
  if (!wrong)
    return true;
  problem_suggest(manifest->problems,
                  value_wrong(manifest, node, PROBLEM_ADDRESS, "'%s' is no address: %s", text, wrong),
                  listen ? "write it like \"127.0.0.1:8080\" or \"[::1]:8080\"; port 0 is one that is free"
                         : "write it like \"example.org:443\", \"127.0.0.1:8080\" or \"[::1]:8080\"");
  return false;
}

static const char *const *read_addresses(struct manifest *manifest, const struct node *value, bool listen) {
  if (!value_kind(manifest, value, NODE_SEQUENCE, listen ? "listen" : "connect"))
    return NULL;
  if (value->count > ADDRESSES_MOST) {
    value_wrong(manifest, value, PROBLEM_RANGE, "these are %u addresses, and a device has at most %d", value->count,
                ADDRESSES_MOST);
    return NULL;
  }
  const char **addresses = memory_take(&manifest->memory, (value->count + 1) * sizeof *addresses);
  uint32_t count = 0;
  for (uint32_t i = 0; i < value->count; i++) {
    const struct node *node = value->items[i];
    if (!value_text(manifest, node, "an address", &addresses[count]) || !address_check(manifest, node, listen))
      continue;
    count++;
  }
  addresses[count] = NULL;
  return addresses;
}

static void read_listen(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct reading *reading = object;
  (void)key;
  reading->device->device.listen = read_addresses(manifest, value, true);
}

static void read_connect(struct manifest *manifest, const struct node *key, const struct node *value, void *object) {
  struct reading *reading = object;
  (void)key;
  reading->device->device.connect = read_addresses(manifest, value, false);
}

static void read_connections(struct manifest *manifest, const struct node *key, const struct node *value,
                             void *object) {
  struct reading *reading = object;
  (void)key;
  value_count(manifest, value, "the number of connections", 1, CONNECTIONS_MOST, &reading->device->device.connections);
}

/* ---- All ---- */

static const struct field directory_fields[] = {
    {"directory", read_directory}, {"at", read_at}, {"read-only", read_read_only}};
static const struct field network_fields[] = {
    {"listen", read_listen}, {"connect", read_connect}, {"connections", read_connections}};

static struct device *device_add(struct manifest *manifest, struct process *process, const struct node *key,
                                 const struct node *value, enum manifest_device_kind kind) {
  struct device *device = APPEND(&manifest->memory, process->devices, process->device_count);
  device->place = value->place;
  device->device = (struct manifest_device){.kind = kind, .process = process->name, .name = key->text};
  return device;
}

static bool is_network(const struct node *key, const struct node *value) {
  return node_find(value, "listen") || node_find(value, "connect") || node_find(value, "connections") ||
         (strcmp(key->text, "network") == 0 && !node_find(value, "directory"));
}

static void read_device(struct manifest *manifest, const struct node *key, const struct node *value,
                        struct process *process) {
  static const char *const streams[] = {"standard"};
  static const char *const none[] = {NULL};
  uint32_t choice;
  struct reading reading = {.process = process};
  if (value->kind == NODE_SCALAR && strcmp(key->text, "streams") == 0) {
    if (value_choice(manifest, value, "streams", streams, 1, &choice))
      for (int i = 0; i < (int)CONSOLE_STREAMS; i++)
        device_add(manifest, process, key, value, MANIFEST_STREAM)->device.stream = i;
    return;
  }
  if (value->kind != NODE_MAPPING) {
    problem_suggest(manifest->problems, value_wrong(manifest, value, PROBLEM_TYPE, "this is no device"),
                    "devices are 'streams: standard', 'NAME: {directory: PATH, at: /NAME}' and 'network: {listen: "
                    "[\"127.0.0.1:8080\"]}'");
    return;
  }
  if (is_network(key, value)) {
    struct manifest_device *device =
        &(reading.device = device_add(manifest, process, key, value, MANIFEST_NETWORK))->device;
    device->connections = CONNECTIONS_DEFAULT;
    fields_read(manifest, value, network_fields, 3, &reading, "a network device");
    device->listen = device->listen ? device->listen : none;
    device->connect = device->connect ? device->connect : none;
    const struct node *listen = node_find(value, "listen"), *connect = node_find(value, "connect");
    if (!(listen && (listen->kind != NODE_SEQUENCE || listen->count)) &&
        !(connect && (connect->kind != NODE_SEQUENCE || connect->count)))
      problem_suggest(manifest->problems,
                      value_wrong(manifest, key, PROBLEM_MISSING, "this network device may neither listen nor connect"),
                      "add listen: [\"127.0.0.1:8080\"] or connect: [\"example.org:443\"]");
    return;
  }
  reading.device = device_add(manifest, process, key, value, MANIFEST_DIRECTORY);
  fields_read(manifest, value, directory_fields, 3, &reading, "a directory device");
  if (!node_find(value, "directory"))
    value_wrong(manifest, key, PROBLEM_MISSING, "this device does not say which directory it is");
  if (process->service && !node_find(value, "at"))
    problem_suggest(manifest->problems,
                    value_wrong(manifest, key, PROBLEM_MISSING, "this directory does not say where it will be"),
                    "add at: /%s", key->text);
  if (!process->service && reading.at)
    value_wrong(manifest, reading.at, PROBLEM_MEANINGLESS,
                "only the file service puts directories somewhere; a program finds the device itself in its slot");
}

void devices_read(struct manifest *manifest, const struct node *mapping, struct process *process) {
  if (!value_kind(manifest, mapping, NODE_MAPPING, "devices"))
    return;
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct node *key = mapping->items[i];
    const char *name;
    bool twice = false;
    for (uint32_t j = 0; j < i && !twice; j++)
      if ((twice = strcmp(mapping->items[j]->text, key->text) == 0))
        problem_note(manifest->problems, value_wrong(manifest, key, PROBLEM_TWICE, "'%s' is here twice", key->text),
                     mapping->items[j]->place, "the first");
    if (!twice && value_slot_name(manifest, key, "a device's name", &name))
      read_device(manifest, key, mapping->values[i], process);
  }
}

/* ---- Granted twice ---- */

/* One is the other, or lies in it. */
static bool overlap(const struct device *a, const struct device *b) {
  const char *first = a->device.directory, *second = b->device.directory;
  if (a->host_device == b->host_device && a->host_inode == b->host_inode)
    return true;
  size_t m = strlen(first), n = strlen(second);
  if (m > n)
    return overlap(b, a);
  return strncmp(first, second, m) == 0 && (second[m] == '/' || first[m - 1] == '/');
}

static const char *port_of(const char *address) { return strrchr(address, ':') + 1; }

/* Both would be told of the same connections. */
static bool same_port(const char *a, const char *b) {
  size_t m = (size_t)(port_of(a) - a), n = (size_t)(port_of(b) - b);
  if (strcmp(port_of(a), port_of(b)) != 0 || strcmp(port_of(a), "0") == 0)
    return false;
  bool any = strncmp(a, "0.0.0.0:", m) == 0 || strncmp(b, "0.0.0.0:", n) == 0 || strncmp(a, "[::]:", m) == 0 ||
             strncmp(b, "[::]:", n) == 0;
  return any || (m == n && strncmp(a, b, m) == 0);
}

static void compare(struct manifest *manifest, const struct device *earlier, const struct device *later) {
  struct manifest_problems *problems = manifest->problems;
  const struct manifest_device *a = &earlier->device, *b = &later->device;
  struct problem *problem = NULL;
  if (a->kind != b->kind)
    return;
  if (a->kind == MANIFEST_STREAM && a->stream == 0 && b->stream == 0) {
    problem = problem_add(problems, PROBLEM_GRANTED_TWICE, later->place,
                          "the standard streams are granted to %s and %s", a->process, b->process);
    problem_suggest(problems, problem, "let one console service have them, and the others need it");
  } else if (a->kind == MANIFEST_DIRECTORY && a->directory && b->directory) {
    bool same = strcmp(a->process, b->process) == 0;
    if (same && earlier->at && later->at && strcmp(earlier->at, later->at) == 0)
      problem = problem_add(problems, PROBLEM_GRANTED_TWICE, later->place, "two directories are at %s", later->at);
    else if (!same && (!a->read_only || !b->read_only) && overlap(earlier, later)) {
      problem = problem_add(problems, PROBLEM_GRANTED_TWICE, later->place,
                            "what %s can write in %s is seen by %s in %s, without a channel between them",
                            a->read_only ? b->process : a->process, a->read_only ? b->directory : a->directory,
                            a->read_only ? a->process : b->process, a->read_only ? a->directory : b->directory);
      problem_suggest(problems, problem, "make both read-only, or let one file service serve both");
    }
  } else if (a->kind == MANIFEST_NETWORK) {
    for (uint32_t i = 0; a->listen[i]; i++)
      for (uint32_t j = 0; b->listen[j]; j++)
        if (same_port(a->listen[i], b->listen[j]))
          problem_note(problems,
                       problem_add(problems, PROBLEM_PORT, later->place, "%s is listened at twice", b->listen[j]),
                       earlier->place, "here at %s", a->listen[i]);
  }
  if (problem)
    problem_note(problems, problem, earlier->place, "the first is granted here");
}

void devices_check(struct manifest *manifest) {
  const struct device *all[SIGNET_SYSTEM_PROCESSES_MOST * SIGNET_SLOTS_MOST];
  uint32_t count = 0;
  for (uint32_t i = 0; i < manifest->process_count; i++)
    for (uint32_t j = 0; j < manifest->processes[i].device_count; j++)
      if (count < sizeof all / sizeof *all)
        all[count++] = &manifest->processes[i].devices[j];
  for (uint32_t j = 0; j < count; j++) {
    const struct manifest_device *device = &all[j]->device;
    for (uint32_t i = 0; i < j; i++)
      compare(manifest, all[i], all[j]);
    for (uint32_t a = 0; device->kind == MANIFEST_NETWORK && device->listen[a]; a++)
      for (uint32_t b = 0; b < a; b++)
        if (same_port(device->listen[a], device->listen[b]))
          problem_add(manifest->problems, PROBLEM_PORT, all[j]->place, "%s is listened at twice", device->listen[a]);
  }
}
