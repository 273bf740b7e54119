/* The memory and the exit that the C library gives a program that is fuzzed. For service_web.c and
 * service_extension.c. */
#include <stdarg.h>
#include <string.h>

#include <signet/calls.h>

#define TESTS_FUZZ_SERVICE_WEB
#include "tests/fuzz/service_kernel.h"
#include "tests/fuzz/service_web.h"

#define MEMORY_MOST (56u << 20) /* of texts, bodies and what is little */
static struct piece {
  struct piece *next, **at;
  const char *file;
  size_t length;
} * pieces;
static size_t memory;
uint32_t web_memory_refused;

static void piece_free(struct piece *piece) {
  *piece->at = piece->next;
  if (piece->next)
    piece->next->at = piece->at;
  memory -= piece->length;
  free(piece);
}

void *web_memory(void *old, size_t length, const char *file) {
  struct piece *piece = NULL, *had = old ? (struct piece *)old - 1 : NULL;
  if (length) {
    piece = kernel_refuses() ? NULL : malloc(sizeof *piece + length);
    if (!piece) {
      web_memory_refused++;
      return NULL;
    }
    *piece = (struct piece){.next = pieces, .at = &pieces, .file = file, .length = length};
    if (pieces)
      pieces->at = &piece->next;
    pieces = piece;
    memory += length;
    memset(piece + 1, KERNEL_CANARY, length);
    if (had)
      memcpy(piece + 1, old, had->length < length ? had->length : length);
  }
  if (had)
    piece_free(had);
  if (memory > MEMORY_MOST)
    fuzz_fail("the program holds %zu bytes", memory);
  return piece ? piece + 1 : NULL;
}

void *web_memory_clear(size_t count, size_t length, const char *file) {
  void *bytes = web_memory(NULL, count * length, file);
  return bytes ? memset(bytes, 0, count * length) : NULL;
}

/* Pieces of that file of the program's. */
uint32_t web_pieces(const char *file) {
  uint32_t count = 0;
  for (const struct piece *piece = pieces; piece; piece = piece->next)
    count += strstr(piece->file, file) != NULL;
  return count;
}

void web_memory_forget(void) {
  while (pieces)
    piece_free(pieces);
}

void web_exit(int code) { signet_process_exit(SIGNET_ENDED_EXIT, (uint32_t)code); }

void web_says(FILE *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (getenv("FUZZ_TRACE"))
    vfprintf(to, format, arguments);
  va_end(arguments);
}
