/* The file service: answers contracts/files.h with the directory devices it was given, and with nothing else. Names are
 * looked up in its mounts, a read-only mount is never written, a client can use only file numbers that it opened. The
 * client is not trusted: every field is checked here, whatever the contract says. One thread. */
#include "services/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/calls.h>
#include <signet/device.h>

#include "lib/normalise.h"
#include "services/mounts.h"
#include "services/request.h"

#define MADE_UP_DEVICE 0x5167

bool files_begin(struct files_service *service, const struct signet_startup *startup) {
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->bytes_length < sizeof(struct services_files))
    return false;
  const struct services_files *bytes = (const void *)(uintptr_t)startup->bytes_offset;
  if (bytes->version != SERVICES_FILES_VERSION || bytes->clients == 0 || bytes->clients > startup->slots ||
      bytes->mounts > SIGNET_SLOTS_MOST || bytes->flags & ~SERVICES_FILES_SUPERVISED)
    return false;
  uint32_t own = bytes->clients + (bytes->flags & SERVICES_FILES_SUPERVISED ? 1 : 0);
  if (own > startup->slots)
    return false;
  if (startup->bytes_length < sizeof *bytes + bytes->mounts * sizeof(struct services_mount))
    return false;
  service->mounts = (const void *)(bytes + 1);
  service->mount_count = bytes->mounts;
  for (uint32_t i = 0; i < bytes->mounts; i++) {
    const struct services_mount *mount = &service->mounts[i];
    char path[SERVICES_MOUNT_PATH_MOST];
    memcpy(path, mount->path, sizeof path);
    if (path[sizeof path - 1] != 0 || !signet_path_normalise(path) || strcmp(path, mount->path) != 0)
      return false;
    if (mount->slot < own || mount->slot >= startup->slots)
      return false;
    service->devices[i] = startup->handles[mount->slot];
  }
  service->client_count = bytes->clients;
  service->supervision = own > bytes->clients ? startup->handles[bytes->clients] : 0;
  for (uint32_t i = 0; i < bytes->clients; i++)
    service->clients[i] = (struct files_client){.endpoint = startup->handles[i]};
  service->area_low = startup->area_low;
  service->area_high = startup->area_high;
  return true;
}

void files_forget(struct files_service *service, struct files_client *client) {
  if (!client->open)
    return;
  for (uint32_t i = 0; i < FILES_OPEN_MOST; i++) {
    if (client->open[i].kind != OPEN_DEVICE)
      continue;
    struct signet_device_request request = {.operation = SIGNET_DIRECTORY_CLOSE, .arguments = {client->open[i].number}};
    signet_device_request(service->devices[client->open[i].mount], &request);
  }
  signet_memory_unmap((uintptr_t)client->open, FILES_OPEN_MOST * sizeof(struct open_file));
  client->open = NULL;
}

/* A free entry; NULL with *error. */
static struct open_file *entry_new(struct files_service *service, struct files_client *client, uint32_t *error) {
  if (!client->open) {
    /* Each client's table has its place, for all that come after it. */
    uint64_t length = FILES_OPEN_MOST * sizeof(struct open_file);
    uint64_t place = service->area_low + (uint64_t)(client - service->clients) * length;
    if (service->area_high < place + length ||
        signet_memory_map(place, length, SIGNET_PROTECT_WRITE).status != SIGNET_OK) {
      *error = ENOMEM;
      return NULL;
    }
    client->open = (void *)(uintptr_t)place;
  }
  /* Each client has its share of what a device may have open, so that none keeps another from having any. */
  for (uint32_t i = 0; i < FILES_OPEN_MOST / service->client_count; i++)
    if (client->open[i].kind == OPEN_FREE)
      return &client->open[i];
  *error = EMFILE;
  return NULL;
}

static struct open_file *entry_find(struct files_client *client, uint32_t file) {
  if (!client->open || file >= FILES_OPEN_MOST || client->open[file].kind == OPEN_FREE)
    return NULL;
  return &client->open[file];
}

static bool read_only(const struct files_service *service, uint32_t mount) {
  return service->mounts[mount].flags & SERVICES_MOUNT_READ_ONLY;
}

static void made_up_status(const struct mount_place *place, struct signet_file_status *status) {
  *status = (struct signet_file_status){.device = MADE_UP_DEVICE,
                                        .inode = 1 + place->mount * SERVICES_MOUNT_PATH_MOST + place->length,
                                        .mode = S_IFDIR | 0555,
                                        .links = 2};
}

/* ---- Requests that name an open file ---- */

/* The entries of a made-up directory, from the position on: ".", "..", then the names. */
static uint32_t list_made_up(const struct files_service *service, const struct open_file *file, uint64_t position,
                             uint8_t *to, uint32_t capacity) {
  uint32_t used = 0;
  for (;; position++) {
    size_t length = position + 1;
    const char *name = position < 2 ? ".." : NULL;
    if (position >= 2 && position - 2 < service->mount_count)
      name = mounts_entry(service->mounts, service->mount_count, file->mount, file->number, position - 2, &length);
    if (!name)
      return used;
    uint32_t size = (offsetof(struct signet_directory_entry, name) + length + 1 + 7) & ~7u;
    if (size > capacity - used)
      return used;
    struct signet_directory_entry entry = {
        .inode = 2 + position, .next = position + 1, .size = size, .type = S_IFDIR >> 12};
    memset(to + used, 0, size);
    memcpy(to + used, &entry, offsetof(struct signet_directory_entry, name));
    memcpy(to + used + offsetof(struct signet_directory_entry, name), name, length);
    used += size;
  }
}

static void serve_made_up(struct files_service *service, const struct open_file *file,
                          const struct files_request *request, struct service_buffer *buffer) {
  uint8_t *bytes = buffer->data + FILES_ANSWER;
  switch (buffer->message.tag) {
  case FILES_LIST: {
    uint32_t capacity = request->length < FILES_INLINE_MOST ? request->length : FILES_INLINE_MOST;
    uint32_t used = list_made_up(service, file, request->offset, bytes, capacity);
    service_answer(buffer, 0, used, used);
    return;
  }
  case FILES_STATUS: {
    struct mount_place place = {.mount = file->mount, .length = file->number};
    struct signet_file_status status;
    made_up_status(&place, &status);
    memcpy(bytes, &status, sizeof status);
    service_answer(buffer, 0, 1, sizeof status);
    return;
  }
  case FILES_READ:
  case FILES_READ_BLOCK:
    service_answer(buffer, EISDIR, 0, 0);
    return;
  case FILES_SYNC:
    service_answer(buffer, 0, 0, 0);
    return;
  }
  service_answer(buffer, EBADF, 0, 0);
}

static void serve_file(struct files_service *service, struct files_client *client, struct service_buffer *buffer,
                       const struct files_request *request) {
  struct signet_message *message = &buffer->message;
  uint8_t *bytes = buffer->data + FILES_ANSWER;
  struct open_file *file = entry_find(client, request->file);
  if (!file) {
    service_answer(buffer, EBADF, 0, 0);
    return;
  }
  if (message->tag == FILES_CLOSE) {
    uint32_t error = 0;
    if (file->kind == OPEN_DEVICE) {
      struct signet_device_request close = {.operation = SIGNET_DIRECTORY_CLOSE, .arguments = {file->number}};
      error = service_error(signet_device_request(service->devices[file->mount], &close));
    }
    file->kind = OPEN_FREE;
    service_answer(buffer, error, 0, 0);
    return;
  }
  if (file->kind == OPEN_MADE_UP) {
    serve_made_up(service, file, request, buffer);
    return;
  }
  struct signet_device_request device = {.arguments = {file->number, request->offset}};
  bool writes = false, bytes_follow = false;
  switch (message->tag) {
  case FILES_READ:
  case FILES_LIST:
    device.operation = message->tag == FILES_READ ? SIGNET_DIRECTORY_READ : SIGNET_DIRECTORY_LIST;
    device.buffer_offset = service_offset(bytes);
    device.buffer_length = request->length < FILES_INLINE_MOST ? request->length : FILES_INLINE_MOST;
    bytes_follow = true;
    break;
  case FILES_WRITE:
    device.operation = SIGNET_DIRECTORY_WRITE;
    device.buffer_offset = service_offset(buffer->data + FILES_REQUEST);
    device.buffer_length = message->length - FILES_REQUEST;
    writes = true;
    break;
  case FILES_READ_BLOCK:
  case FILES_WRITE_BLOCK:
    if (request->length > FILES_BLOCK_MOST || request->flags > message->moved[0].length ||
        request->length > message->moved[0].length - request->flags) {
      service_answer(buffer, EINVAL, 0, 0);
      return;
    }
    writes = message->tag == FILES_WRITE_BLOCK;
    device.operation = writes ? SIGNET_DIRECTORY_WRITE : SIGNET_DIRECTORY_READ;
    device.buffer_offset = message->moved[0].offset + request->flags;
    device.buffer_length = request->length;
    break;
  case FILES_STATUS:
    device.operation = SIGNET_DIRECTORY_STATUS;
    device.buffer_offset = service_offset(bytes);
    device.buffer_length = sizeof(struct signet_file_status);
    break;
  case FILES_TRUNCATE:
    device.operation = SIGNET_DIRECTORY_TRUNCATE;
    device.arguments[1] = request->length;
    writes = true;
    break;
  case FILES_SYNC:
    device.operation = SIGNET_DIRECTORY_SYNC;
    break;
  }
  if (writes && !file->writable) {
    service_answer(buffer, message->tag == FILES_TRUNCATE ? EINVAL : EBADF, 0, 0);
    return;
  }
  if (request->offset > INT64_MAX || request->length > INT64_MAX) {
    service_answer(buffer, EINVAL, 0, 0);
    return;
  }
  struct signet_result result = signet_device_request(service->devices[file->mount], &device);
  uint32_t error = service_error(result);
  if (error) {
    service_answer(buffer, error, 0, 0);
  } else if (device.operation == SIGNET_DIRECTORY_STATUS) {
    service_answer(buffer, 0, read_only(service, file->mount), sizeof(struct signet_file_status));
  } else if (bytes_follow) {
    uint32_t length = result.value < device.buffer_length ? result.value : device.buffer_length;
    service_answer(buffer, 0, length, length);
  } else {
    service_answer(buffer, 0, result.value, 0);
  }
}

/* ---- Requests that name a path ---- */

static void open_name(struct files_service *service, struct files_client *client, struct service_buffer *buffer,
                      const struct files_request *request, const struct mount_place *place) {
  uint32_t flags = request->flags, error = 0;
  bool writes = flags & (SIGNET_OPEN_WRITE | SIGNET_OPEN_TRUNCATE | SIGNET_OPEN_APPEND);
  if ((flags & ~REQUEST_OPEN_BITS) || request->length > REQUEST_PERMISSION_BITS ||
      !(flags & (SIGNET_OPEN_READ | SIGNET_OPEN_WRITE))) {
    service_answer(buffer, EINVAL, 0, 0);
    return;
  }
  struct open_file *file = entry_new(service, client, &error);
  if (!file) {
    service_answer(buffer, error, 0, 0);
    return;
  }
  if (place->kind == MOUNT_ABOVE) {
    if (writes || (flags & SIGNET_OPEN_CREATE)) {
      service_answer(buffer, flags & SIGNET_OPEN_EXCLUSIVE ? EEXIST : EISDIR, 0, 0);
      return;
    }
    *file = (struct open_file){.kind = OPEN_MADE_UP, .mount = place->mount, .number = place->length};
    service_answer(buffer, 0, (file - client->open) | (uint64_t)S_IFDIR << 32, 0);
    return;
  }
  bool forbidden = read_only(service, place->mount);
  if (forbidden && writes) {
    service_answer(buffer, EROFS, 0, 0);
    return;
  }
  uint32_t device_flags = forbidden ? flags & ~(SIGNET_OPEN_CREATE | SIGNET_OPEN_EXCLUSIVE) : flags;
  struct signet_device_request device = {.operation = SIGNET_DIRECTORY_OPEN,
                                         .text_offset = service_offset(place->name),
                                         .text_length = strlen(place->name),
                                         .arguments = {device_flags, request->length}};
  struct signet_result opened = signet_device_request(service->devices[place->mount], &device);
  error = service_error(opened);
  if (forbidden && error == ENOENT && (flags & SIGNET_OPEN_CREATE))
    error = EROFS;
  if (error) {
    service_answer(buffer, error, 0, 0);
    return;
  }
  /* What can be written is no directory; for the rest the client needs the type. */
  uint32_t type = S_IFREG;
  if (!writes) {
    struct signet_file_status status = {.mode = S_IFREG};
    struct signet_device_request ask = {.operation = SIGNET_DIRECTORY_STATUS,
                                        .buffer_offset = service_offset(&status),
                                        .buffer_length = sizeof status,
                                        .arguments = {opened.value}};
    error = service_error(signet_device_request(service->devices[place->mount], &ask));
    type = status.mode & S_IFMT;
  }
  if (!error && forbidden && (flags & SIGNET_OPEN_CREATE) && (flags & SIGNET_OPEN_EXCLUSIVE))
    error = EEXIST;
  if (error) {
    struct signet_device_request close = {.operation = SIGNET_DIRECTORY_CLOSE, .arguments = {opened.value}};
    signet_device_request(service->devices[place->mount], &close);
    service_answer(buffer, error, 0, 0);
    return;
  }
  *file = (struct open_file){
      .kind = OPEN_DEVICE, .writable = writes, .mount = place->mount, .number = (uint32_t)opened.value};
  service_answer(buffer, 0, (file - client->open) | (uint64_t)type << 32, 0);
}

/* Requests on a name of a made-up directory. */
static void serve_name_above(const struct mount_place *place, struct service_buffer *buffer) {
  uint8_t *bytes = buffer->data + FILES_ANSWER;
  switch (buffer->message.tag) {
  case FILES_STATUS_NAME: {
    struct signet_file_status status;
    made_up_status(place, &status);
    memcpy(bytes, &status, sizeof status);
    service_answer(buffer, 0, 1, sizeof status);
    return;
  }
  case FILES_MAKE:
    service_answer(buffer, EEXIST, 0, 0);
    return;
  case FILES_REMOVE:
    service_answer(buffer, EBUSY, 0, 0);
    return;
  case FILES_READ_LINK:
    service_answer(buffer, EINVAL, 0, 0);
    return;
  }
  service_answer(buffer, EROFS, 0, 0);
}

static void serve_name(struct files_service *service, struct files_client *client, struct service_buffer *buffer,
                       const struct files_request *request, const struct mount_place *place) {
  struct signet_message *message = &buffer->message;
  uint8_t *bytes = buffer->data + FILES_ANSWER;
  if (message->tag == FILES_OPEN) {
    open_name(service, client, buffer, request, place);
    return;
  }
  if (place->kind == MOUNT_ABOVE) {
    serve_name_above(place, buffer);
    return;
  }
  struct signet_device_request device = {.text_offset = service_offset(place->name),
                                         .text_length = strlen(place->name)};
  struct signet_file_status status = {0};
  char target[FILES_INLINE_MOST];
  bool changes = true, of_mode = false;
  uint32_t flag_bits = 0;
  switch (message->tag) {
  case FILES_STATUS_NAME:
    device.operation = SIGNET_DIRECTORY_STATUS_NAME;
    device.arguments[0] = request->flags;
    device.buffer_offset = service_offset(&status);
    device.buffer_length = sizeof status;
    changes = false;
    flag_bits = 1;
    break;
  case FILES_READ_LINK:
    device.operation = SIGNET_DIRECTORY_READ_LINK;
    device.buffer_offset = service_offset(target);
    device.buffer_length = sizeof target;
    changes = false;
    break;
  case FILES_MAKE:
  case FILES_PERMISSIONS:
    device.operation = message->tag == FILES_MAKE ? SIGNET_DIRECTORY_MAKE : SIGNET_DIRECTORY_PERMISSIONS;
    device.arguments[0] = request->length;
    of_mode = true;
    break;
  case FILES_REMOVE:
    device.operation = SIGNET_DIRECTORY_REMOVE;
    device.arguments[0] = request->flags;
    flag_bits = 1;
    break;
  case FILES_TIMES:
    device.operation = SIGNET_DIRECTORY_TIMES;
    device.arguments[0] = request->offset;
    device.arguments[1] = request->length;
    device.arguments[2] = request->flags;
    flag_bits = 1;
    break;
  }
  uint32_t error = 0;
  if ((request->flags & ~flag_bits) || (of_mode && request->length > REQUEST_PERMISSION_BITS))
    error = EINVAL;
  else if (place->name[0] == 0 && message->tag == FILES_MAKE)
    error = EEXIST;
  else if (changes && read_only(service, place->mount))
    error = EROFS;
  else if (place->name[0] == 0 && message->tag == FILES_REMOVE)
    error = EBUSY;
  if (error) {
    service_answer(buffer, error, 0, 0);
    return;
  }
  struct signet_result result = signet_device_request(service->devices[place->mount], &device);
  error = service_error(result);
  if (!error && message->tag == FILES_STATUS_NAME) {
    memcpy(bytes, &status, sizeof status);
    service_answer(buffer, 0, read_only(service, place->mount), sizeof status);
  } else if (!error && message->tag == FILES_READ_LINK) {
    uint32_t length = result.value < sizeof target ? result.value : sizeof target;
    memcpy(bytes, target, length);
    service_answer(buffer, 0, length, length);
  } else {
    service_answer(buffer, error, error ? 0 : result.value, 0);
  }
}

static void rename_name(struct files_service *service, struct service_buffer *buffer, const struct mount_place *from,
                        const struct mount_place *to) {
  if (from->kind == MOUNT_ABOVE || to->kind == MOUNT_ABOVE || from->name[0] == 0 || to->name[0] == 0) {
    service_answer(buffer, EBUSY, 0, 0);
    return;
  }
  if (from->mount != to->mount) {
    service_answer(buffer, EXDEV, 0, 0);
    return;
  }
  if (read_only(service, from->mount)) {
    service_answer(buffer, EROFS, 0, 0);
    return;
  }
  struct signet_device_request device = {.operation = SIGNET_DIRECTORY_RENAME,
                                         .text_offset = service_offset(from->name),
                                         .text_length = strlen(from->name),
                                         .text2_offset = service_offset(to->name),
                                         .text2_length = strlen(to->name)};
  service_answer(buffer, service_error(signet_device_request(service->devices[from->mount], &device)), 0, 0);
}

static void make_link(struct files_service *service, struct service_buffer *buffer, const char *target,
                      const struct mount_place *place) {
  uint32_t error = 0;
  if (place->kind == MOUNT_ABOVE || place->name[0] == 0)
    error = EEXIST;
  else if (read_only(service, place->mount))
    error = EROFS;
  else if (target[0] == 0)
    error = ENOENT;
  if (error == 0) {
    struct signet_device_request device = {.operation = SIGNET_DIRECTORY_LINK,
                                           .text_offset = service_offset(target),
                                           .text_length = strlen(target),
                                           .text2_offset = service_offset(place->name),
                                           .text2_length = strlen(place->name)};
    error = service_error(signet_device_request(service->devices[place->mount], &device));
  }
  service_answer(buffer, error, 0, 0);
}

/* Looks up one name of the request: normalises it where it is. */
static uint32_t look_up(struct files_service *service, char *path, struct mount_place *place) {
  if (!signet_path_normalise(path))
    return EINVAL;
  *place = mounts_find(service->mounts, service->mount_count, path);
  return place->kind == MOUNT_NOWHERE ? ENOENT : 0;
}

void files_serve(struct files_service *service, struct files_client *client, struct service_buffer *buffer) {
  struct signet_message *message = &buffer->message;
  if (!request_form(buffer)) {
    service_answer(buffer, EINVAL, 0, 0);
    return;
  }
  struct files_request request;
  memcpy(&request, buffer->data, sizeof request);
  switch (message->tag) {
  case FILES_CLOSE:
  case FILES_READ:
  case FILES_WRITE:
  case FILES_READ_BLOCK:
  case FILES_WRITE_BLOCK:
  case FILES_LIST:
  case FILES_STATUS:
  case FILES_TRUNCATE:
  case FILES_SYNC:
    serve_file(service, client, buffer, &request);
    return;
  }
  uint32_t count = request_names(message->tag);
  if (!count) {
    /* Requests of a stream, and numbers that are none. */
    service_answer(buffer, ENOSYS, 0, 0);
    return;
  }
  char *names[2];
  struct mount_place places[2];
  uint32_t error = request_split(buffer, count, names) ? 0 : EINVAL;
  if (!error && message->tag != FILES_LINK)
    error = look_up(service, names[0], &places[0]);
  if (!error && count == 2)
    error = look_up(service, names[1], &places[1]);
  if (error)
    service_answer(buffer, error, 0, 0);
  else if (message->tag == FILES_RENAME)
    rename_name(service, buffer, &places[0], &places[1]);
  else if (message->tag == FILES_LINK)
    make_link(service, buffer, names[0], &places[1]);
  else
    serve_name(service, client, buffer, &request, &places[0]);
}
