/* The web server as a program that is fuzzed: the memory, the slots and the exit that the C library and the library OS
 * give it. For service_web.c. */
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/program.h>

#define TESTS_FUZZ_SERVICE_WEB
#include "tests/fuzz/service_web.h"
#include "tests/fuzz/service_web_peers.h"

_Noreturn void service_main(const struct signet_startup *startup);

const char *const web_slots[SLOTS] = {"network", "files", "extension", "observation", "supervision"};

/* ---- Memory ---- */

#define MEMORY_MOST (56u << 20) /* of texts, bodies and what is little */
static struct piece {
  struct piece *next, **at;
  const char *file;
  size_t length;
} * pieces;
static size_t memory;

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
    if (!piece)
      return NULL;
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
    fuzz_fail("the web server holds %zu bytes", memory);
  return piece ? piece + 1 : NULL;
}

void *web_memory_clear(size_t count, size_t length, const char *file) {
  void *bytes = web_memory(NULL, count * length, file);
  return bytes ? memset(bytes, 0, count * length) : NULL;
}

/* Pieces of that file of the server's. */
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

/* ---- The program ---- */

static const struct signet_startup *startup;
static uint32_t library_files; /* the library's own end, which it closes when another comes */

uint32_t signet_slot_number(const char *name) {
  for (uint32_t i = 0; i < SLOTS; i++)
    if (!strcmp(name, web_slots[i]))
      return i;
  return UINT32_MAX;
}

uint32_t signet_slot(const char *name) {
  uint32_t slot = signet_slot_number(name);
  return slot == UINT32_MAX ? 0 : startup->handles[slot];
}

void signet_files_renew(uint32_t endpoint) {
  signet_handle_close(library_files);
  library_files = endpoint;
}

bool signet_slot_renew(uint32_t slot, uint32_t endpoint) { return (void)slot, (void)endpoint, false; }

void web_exit(int code) { signet_process_exit(SIGNET_ENDED_EXIT, (uint32_t)code); }

void web_says(FILE *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (getenv("FUZZ_TRACE"))
    vfprintf(to, format, arguments);
  va_end(arguments);
}

_Noreturn void service_main(const struct signet_startup *given) {
  char *arguments[] = {"web", "--root", "/site", NULL};
  startup = given;
  library_files = given->handles[FILES];
  optind = 0;
  web_exit(web_main(3, arguments));
}
