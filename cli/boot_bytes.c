/* Owns the growing byte arrays that a bootable file is put together from. One thread. */
#include <blake2.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot.h"

size_t boot_append(struct boot_bytes *bytes, const void *from, size_t length, size_t alignment) {
  size_t at = (bytes->length + alignment - 1) / alignment * alignment;
  uint8_t *data = realloc(bytes->data, at + length + 1);
  if (!data) {
    cli_error("no memory for a file of %zu bytes", at + length);
    exit(CLI_FAILED);
  }
  memset(data + bytes->length, 0, at - bytes->length);
  if (from)
    memcpy(data + at, from, length);
  else
    memset(data + at, 0, length);
  *bytes = (struct boot_bytes){data, at + length};
  return at;
}

void boot_hash(uint8_t hash[32], const void *bytes, size_t length) { blake2b(hash, bytes, NULL, 32, length, 0); }
