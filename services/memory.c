/* The file service in memory: answers contracts/files.h out of one tree, and with nothing else. A client can use only
 * file numbers that it opened; what is at a read-only place or below is never changed, whatever name leads there. The
 * client is not trusted: every field is checked here, whatever the contract says. One thread. */
#include "services/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "lib/library.h"
#include "lib/normalise.h"
#include "services/cpio.h"
#include "services/pages.h"
#include "services/request.h"

#define DEVICE 0x516a
#define PERMISSIONS_KEPT 01777u /* no set-user bits */
#define TEMPORARY "/tmp"

/* ---- The beginning ---- */

static bool read_archive(const struct cpio_source *source, uint64_t offset, void *to, uint32_t length) {
  struct signet_result result = {0};
  for (uint32_t done = 0; done < length; done += result.value) {
    struct signet_device_request request = {.operation = SIGNET_ARCHIVE_READ,
                                            .buffer_offset = service_offset(to) + done,
                                            .buffer_length = length - done,
                                            .arguments = {source->entry, offset + done}};
    result = signet_device_request(source->handle, &request);
    if (result.status != SIGNET_OK || !result.value || result.value > length - done)
      return false;
  }
  return true;
}

static uint32_t read_files(struct memory_service *service, uint32_t archive, uint32_t entry) {
  struct signet_device_request request = {.operation = SIGNET_ARCHIVE_STATUS, .arguments = {entry}};
  struct signet_result result = signet_device_request(archive, &request);
  struct cpio_source source = {.read = read_archive, .length = result.value, .handle = archive, .entry = entry};
  if (result.status != SIGNET_OK)
    return SERVICES_END_ARCHIVE;
  return cpio_read(&source, &service->tree);
}

/* The directory at a normalised path, made if it is not there, and those above it. NULL: it is none, or no memory. */
static struct tree_node *directory_at(struct memory_service *service, const char *path, uint32_t *wrong) {
  struct tree_place place;
  char part[SERVICES_MOUNT_PATH_MOST];
  for (size_t length = 1;; length++) {
    if (path[length] != '/' && path[length])
      continue;
    memcpy(part, path, length);
    part[length] = 0;
    *wrong = SERVICES_END_STARTUP;
    if (signet_tree_find(&service->tree, part, false, &place))
      return NULL;
    *wrong = SERVICES_END_MEMORY;
    if (!place.node && signet_tree_make(&service->tree, &place, S_IFDIR | 0755))
      return NULL;
    *wrong = SERVICES_END_STARTUP;
    if (!S_ISDIR(place.node->mode))
      return NULL;
    if (!path[length])
      return place.node;
  }
}

/* Marks what the place says of what is there. */
static uint32_t mark(struct memory_service *service, const struct services_mount *place) {
  char path[SERVICES_MOUNT_PATH_MOST];
  uint32_t wrong;
  memcpy(path, place->path, sizeof path);
  if (path[sizeof path - 1] || !signet_path_normalise(path) || strcmp(path, place->path) != 0 ||
      (place->flags & ~SERVICES_MOUNT_READ_ONLY))
    return SERVICES_END_STARTUP;
  struct tree_node *node = directory_at(service, path, &wrong);
  if (!node)
    return wrong;
  node->seal = place->flags & SERVICES_MOUNT_READ_ONLY ? TREE_SEALED : TREE_OPEN;
  while ((node = node->parent))
    node->leads = true;
  return 0;
}

uint32_t memory_begin(struct memory_service *service, const struct signet_startup *startup) {
  static const struct tree empty = TREE_EMPTY(DEVICE, 0755);
  const struct services_memory *bytes = (const void *)(uintptr_t)startup->bytes_offset;
  const struct services_mount *places = (const void *)(bytes + 1);
  uint32_t wrong = 0;
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->bytes_length < sizeof *bytes ||
      bytes->version != SERVICES_MEMORY_VERSION || !bytes->clients || bytes->clients > MEMORY_CLIENTS_MOST ||
      startup->slots != bytes->clients + 1 || bytes->places > (startup->bytes_length - sizeof *bytes) / sizeof *places)
    return SERVICES_END_STARTUP;
  service_pages_begin(startup->area_low, startup->area_high);
  service->tree = empty;
  service->tree.links = true;
  signet_tree_touch(&service->tree.top);
  service->tree.top.accessed = service->tree.top.modified;
  if (bytes->entry != SERVICES_MEMORY_NO_ENTRY)
    wrong = read_files(service, startup->handles[bytes->clients], bytes->entry);
  for (uint32_t i = 0; !wrong && i < bytes->places; i++)
    wrong = mark(service, &places[i]);
  if (wrong)
    return wrong;
  struct tree_place temporary;
  if (!signet_tree_sealed(&service->tree.top) && !signet_tree_find(&service->tree, TEMPORARY, false, &temporary) &&
      !temporary.node && signet_tree_make(&service->tree, &temporary, S_IFDIR | 01777))
    return SERVICES_END_MEMORY;
  service->client_count = bytes->clients;
  for (uint32_t i = 0; i < bytes->clients; i++)
    service->clients[i] = (struct memory_client){.endpoint = startup->handles[i]};
  return 0;
}

/* ---- Open files ---- */

#define TABLE_LENGTH (MEMORY_OPEN_MOST * sizeof(struct memory_open))

void memory_forget(struct memory_client *client) {
  if (!client->open)
    return;
  for (uint32_t i = 0; i < MEMORY_OPEN_MOST; i++)
    if (client->open[i].node)
      signet_tree_put(client->open[i].node);
  signet_pages_give((uintptr_t)client->open, TABLE_LENGTH);
  client->open = NULL;
}

/* A free number; NULL with *error. */
static struct memory_open *number_new(struct memory_client *client, long *error) {
  if (!client->open)
    client->open = (void *)(uintptr_t)signet_pages_take(TABLE_LENGTH);
  *error = client->open ? -EMFILE : -ENOMEM;
  for (uint32_t i = 0; client->open && i < MEMORY_OPEN_MOST; i++)
    if (!client->open[i].node)
      return &client->open[i];
  return NULL;
}

static struct memory_open *number_find(struct memory_client *client, uint32_t file) {
  return client->open && file < MEMORY_OPEN_MOST && client->open[file].node ? &client->open[file] : NULL;
}

/* ---- What is answered ---- */

struct outcome {
  uint64_t value;
  uint32_t bytes; /* behind the answer */
};

static void give_status(const struct memory_service *service, const struct tree_node *node,
                        struct service_buffer *buffer, struct outcome *outcome) {
  struct signet_file_status status;
  signet_tree_status(&service->tree, node, &status);
  memcpy(buffer->data + FILES_ANSWER, &status, sizeof status);
  *outcome = (struct outcome){signet_tree_sealed(node), sizeof status};
}

/* ---- Requests that name an open file ---- */

static long read_file(const struct memory_open *file, uint64_t offset, uint8_t *to, uint64_t length, uint64_t *done) {
  if (S_ISDIR(file->node->mode))
    return -EISDIR;
  if (!file->reads)
    return -EBADF;
  if (offset >= file->node->size)
    return 0;
  if (length > file->node->size - offset)
    length = file->node->size - offset;
  while (*done < length) {
    uint64_t part = length - *done;
    const uint8_t *bytes = signet_tree_bytes(file->node, offset + *done, &part);
    memcpy(to + *done, bytes, part);
    *done += part;
  }
  return 0;
}

/* As much as there is memory for. */
static long write_file(const struct memory_open *file, uint64_t offset, const uint8_t *from, uint64_t length,
                       uint64_t *done) {
  if (!file->writes)
    return -EBADF;
  if (!length)
    return 0;
  if (file->appends)
    offset = file->node->size;
  if (offset >= TREE_FILE_MOST)
    return -EFBIG;
  if (length > TREE_FILE_MOST - offset)
    length = TREE_FILE_MOST - offset;
  while (*done < length) {
    uint64_t part = length - *done;
    uint8_t *room = signet_tree_room(file->node, offset + *done, &part);
    if (!room)
      break;
    memcpy(room, from + *done, part);
    *done += part;
  }
  if (!*done)
    return -ENOSPC;
  signet_tree_written(file->node, offset + *done);
  return 0;
}

struct listing {
  uint8_t *to;
  uint32_t used, room;
};

static bool list_one(void *context, const void *record, uint32_t size) {
  struct listing *listing = context;
  if (size > listing->room - listing->used)
    return false;
  memcpy(listing->to + listing->used, record, size);
  listing->used += size;
  return true;
}

static long serve_file(struct memory_service *service, struct memory_client *client, struct service_buffer *buffer,
                       const struct files_request *request, struct outcome *outcome) {
  const struct signet_message *message = &buffer->message;
  uint8_t *bytes = buffer->data + FILES_ANSWER;
  struct memory_open *file = number_find(client, request->file);
  uint32_t in_message = request->length < FILES_INLINE_MOST ? request->length : FILES_INLINE_MOST;
  if (!file)
    return -EBADF;
  if (request->offset > INT64_MAX || request->length > INT64_MAX)
    return -EINVAL;
  if (message->moved_count && (request->length > FILES_BLOCK_MOST || request->flags > message->moved[0].length ||
                               request->length > message->moved[0].length - request->flags))
    return -EINVAL;
  void *block = (void *)((uintptr_t)message->moved[0].offset + request->flags);
  long error = 0;
  switch (message->tag) {
  case FILES_CLOSE:
    signet_tree_put(file->node);
    file->node = NULL;
    return 0;
  case FILES_READ:
    error = read_file(file, request->offset, bytes, in_message, &outcome->value);
    outcome->bytes = outcome->value;
    return error;
  case FILES_READ_BLOCK:
    return read_file(file, request->offset, block, request->length, &outcome->value);
  case FILES_WRITE:
    return write_file(file, request->offset, buffer->data + FILES_REQUEST, message->length - FILES_REQUEST,
                      &outcome->value);
  case FILES_WRITE_BLOCK:
    return write_file(file, request->offset, block, request->length, &outcome->value);
  case FILES_LIST: {
    struct listing listing = {.to = bytes, .room = in_message};
    error = signet_tree_list(&service->tree, file->node, request->offset, list_one, &listing);
    *outcome = (struct outcome){listing.used, listing.used};
    return error;
  }
  case FILES_STATUS:
    give_status(service, file->node, buffer, outcome);
    return 0;
  case FILES_TRUNCATE:
    return file->writes ? signet_tree_truncate(file->node, request->length) : -EINVAL;
  case FILES_SYNC:
    return 0;
  }
  return -ENOSYS;
}

/* ---- Requests that name a path ---- */

/* Looks one name of the request up: normalises it where it is. */
static long look_up(struct memory_service *service, char *path, bool follow, struct tree_place *place) {
  return signet_path_normalise(path) ? signet_tree_find(&service->tree, path, follow, place) : -EINVAL;
}

/* May names be made and taken away where this one is? */
static bool directory_sealed(const struct tree_place *place) {
  return place->directory && signet_tree_sealed(place->directory);
}

static long open_name(struct memory_service *service, struct memory_client *client, const struct files_request *request,
                      char *path, struct outcome *outcome) {
  uint32_t flags = request->flags;
  bool changes = flags & (SIGNET_OPEN_WRITE | SIGNET_OPEN_TRUNCATE | SIGNET_OPEN_APPEND);
  bool exclusive = (flags & SIGNET_OPEN_CREATE) && (flags & SIGNET_OPEN_EXCLUSIVE);
  struct tree_place place;
  long error;
  if ((flags & ~REQUEST_OPEN_BITS) || request->length > REQUEST_PERMISSION_BITS ||
      !(flags & (SIGNET_OPEN_READ | SIGNET_OPEN_WRITE)))
    return -EINVAL;
  struct memory_open *file = number_new(client, &error);
  if (!file)
    return error;
  error = look_up(service, path, !(flags & SIGNET_OPEN_NO_FOLLOW) && !exclusive, &place);
  if (error)
    return error;
  if (!place.node && (flags & SIGNET_OPEN_CREATE) && directory_sealed(&place))
    return -EROFS;
  if (place.node && S_ISREG(place.node->mode) && changes && !exclusive && signet_tree_sealed(place.node))
    return -EROFS;
  error = signet_tree_open(&service->tree, &place, flags, request->length & PERMISSIONS_KEPT);
  if (error)
    return error;
  *file = (struct memory_open){.node = place.node,
                               .reads = flags & SIGNET_OPEN_READ,
                               .writes = flags & SIGNET_OPEN_WRITE,
                               .appends = flags & SIGNET_OPEN_APPEND};
  outcome->value = (uint64_t)(file - client->open) | (uint64_t)(place.node->mode & S_IFMT) << 32;
  return 0;
}

static long rename_name(struct memory_service *service, char *names[2]) {
  struct tree_place from, to;
  long error = look_up(service, names[0], false, &from);
  if (!error)
    error = look_up(service, names[1], false, &to);
  if (error)
    return error;
  /* A place keeps its name, and so does what leads to it: else another could be put where it was. */
  if ((from.node && (from.node->seal || from.node->leads)) || (to.node && to.node->seal) || !from.directory ||
      !to.directory)
    return -EBUSY;
  if (directory_sealed(&from) || directory_sealed(&to))
    return -EROFS;
  return signet_tree_rename(&service->tree, &from, &to);
}

static long make_name(struct memory_service *service, uint32_t tag, const struct files_request *request,
                      const char *target, char *path) {
  struct tree_place place;
  long error = look_up(service, path, false, &place);
  if (error || place.node)
    return error ? error : -EEXIST;
  if (directory_sealed(&place))
    return -EROFS;
  return tag == FILES_LINK ? signet_tree_make_link(&service->tree, &place, target)
                           : signet_tree_make(&service->tree, &place, S_IFDIR | (request->length & PERMISSIONS_KEPT));
}

static long remove_name(struct memory_service *service, bool directory, char *path) {
  struct tree_place place;
  long error = look_up(service, path, false, &place);
  if (error || !place.node)
    return error ? error : -ENOENT;
  if (place.node->seal)
    return -EBUSY;
  if (directory_sealed(&place))
    return -EROFS;
  return signet_tree_remove(&service->tree, place.node, directory);
}

/* Requests on what a name leads to. */
static long serve_target(struct memory_service *service, struct service_buffer *buffer,
                         const struct files_request *request, char *path, struct outcome *outcome) {
  uint32_t tag = buffer->message.tag;
  struct tree_place place;
  long error = look_up(service, path, tag != FILES_READ_LINK && !request->flags, &place);
  if (error || !place.node)
    return error ? error : -ENOENT;
  switch (tag) {
  case FILES_STATUS_NAME:
    give_status(service, place.node, buffer, outcome);
    return 0;
  case FILES_READ_LINK:
    if (!S_ISLNK(place.node->mode))
      return -EINVAL;
    outcome->bytes = signet_tree_target(place.node, (char *)buffer->data + FILES_ANSWER);
    outcome->value = outcome->bytes;
    return 0;
  }
  if (signet_tree_sealed(place.node))
    return -EROFS;
  if (tag == FILES_PERMISSIONS)
    signet_tree_set_permissions(place.node, request->length & PERMISSIONS_KEPT);
  else
    signet_tree_set_times(place.node, request->offset, request->length);
  return 0;
}

static long serve_name(struct memory_service *service, struct memory_client *client, struct service_buffer *buffer,
                       const struct files_request *request, struct outcome *outcome) {
  uint32_t tag = buffer->message.tag, count = request_names(tag);
  bool has_flag = tag == FILES_STATUS_NAME || tag == FILES_REMOVE || tag == FILES_TIMES;
  bool has_mode = tag == FILES_MAKE || tag == FILES_PERMISSIONS;
  char *names[2];
  if (!request_split(buffer, count, names))
    return -EINVAL;
  if (tag == FILES_OPEN)
    return open_name(service, client, request, names[0], outcome);
  if (request->flags > has_flag || (has_mode && request->length > REQUEST_PERMISSION_BITS))
    return -EINVAL;
  switch (tag) {
  case FILES_RENAME:
    return rename_name(service, names);
  case FILES_LINK:
    return make_name(service, tag, request, names[0], names[1]);
  case FILES_MAKE:
    return make_name(service, tag, request, NULL, names[0]);
  case FILES_REMOVE:
    return remove_name(service, request->flags, names[0]);
  }
  return serve_target(service, buffer, request, names[0], outcome);
}

void memory_serve(struct memory_service *service, struct memory_client *client, struct service_buffer *buffer) {
  struct outcome outcome = {0};
  struct files_request request;
  long error = -EINVAL;
  if (request_form(buffer)) {
    memcpy(&request, buffer->data, sizeof request);
    if (buffer->message.tag < FILES_OPEN || buffer->message.tag >= FILES_MESSAGE_COUNT)
      error = -ENOSYS; /* requests of a stream, and numbers that are none */
    else if (request_names(buffer->message.tag))
      error = serve_name(service, client, buffer, &request, &outcome);
    else
      error = serve_file(service, client, buffer, &request, &outcome);
  }
  if (error)
    service_answer(buffer, (uint32_t)-error, 0, 0);
  else
    service_answer(buffer, 0, outcome.value, outcome.bytes);
}
