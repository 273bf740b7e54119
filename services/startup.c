/* Start-up bytes: see startup.h. */
#include "services/startup.h"

#include <string.h>

#include <signet/image.h>

/* The next string, and *at behind it; NULL: the bytes end before it does. */
static const char *next_string(const char **at, const char *end) {
  const char *string = *at;
  const char *nul = memchr(string, 0, (size_t)(end - string));
  if (!nul)
    return NULL;
  *at = nul + 1;
  return string;
}

static bool skip(uint32_t strings, const char **at, const char *end) {
  for (uint32_t i = 0; i < strings; i++)
    if (!next_string(at, end))
      return false;
  return true;
}

bool service_startup(const struct signet_startup *startup, struct service_startup *found) {
  const char *at = (const char *)(uintptr_t)startup->bytes_offset, *end = at + startup->bytes_length;
  struct signet_program head;
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->slots > SIGNET_SLOTS_MOST ||
      startup->bytes_length < sizeof head)
    return false;
  memcpy(&head, at, sizeof head);
  at += sizeof head;
  if (head.version != SIGNET_PROGRAM_VERSION || head.slots != startup->slots)
    return false;
  *found = (struct service_startup){.startup = startup, .arguments = head.arguments, .argument = at};
  if (!skip(head.arguments, &at, end) || !skip(head.environment, &at, end) || !skip(1, &at, end))
    return false;
  for (uint32_t i = 0; i < head.slots; i++) {
    const char *name = next_string(&at, end);
    if (!name || service_slot(found, name) != SERVICE_NO_SLOT)
      return false;
    found->slot[i] = name;
  }
  return true;
}

uint32_t service_slot(const struct service_startup *found, const char *name) {
  for (uint32_t i = 0; i < found->startup->slots; i++)
    if (found->slot[i] && strcmp(found->slot[i], name) == 0)
      return i;
  return SERVICE_NO_SLOT;
}

uint32_t service_slot_handle(const struct service_startup *found, const char *name) {
  uint32_t slot = service_slot(found, name);
  return slot == SERVICE_NO_SLOT ? 0 : found->startup->handles[slot];
}
