/* Memory of one compilation: taken piece by piece, given back at once. */
#include <stdlib.h>
#include <string.h>

#include "contractc/contractc.h"

struct memory_chunk {
  struct memory_chunk *next;
  size_t used, size;
  _Alignas(16) char bytes[];
};

#define CHUNK 65536

void *memory_take(struct memory *memory, size_t size) {
  size = (size + 15) & ~(size_t)15;
  struct memory_chunk *chunk = memory->chunks;
  if (!chunk || chunk->size - chunk->used < size) {
    size_t room = size > CHUNK ? size : CHUNK;
    chunk = calloc(1, sizeof *chunk + room);
    if (!chunk) {
      fputs("contractc: the machine has no memory left\n", stderr);
      exit(2);
    }
    chunk->size = room;
    chunk->next = memory->chunks;
    memory->chunks = chunk;
  }
  void *taken = chunk->bytes + chunk->used;
  chunk->used += size;
  return taken;
}

char *memory_copy(struct memory *memory, const char *bytes, size_t length) {
  char *copy = memory_take(memory, length + 1);
  memcpy(copy, bytes, length);
  return copy;
}

char *memory_text_list(struct memory *memory, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *text = memory_take(memory, (size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  return text;
}

char *memory_text(struct memory *memory, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = memory_text_list(memory, format, arguments);
  va_end(arguments);
  return text;
}

/* Room is doubled whenever the count is a power of two. */
void *memory_grow(struct memory *memory, void *items, uint32_t count, size_t size) {
  if (count & (count - 1))
    return items;
  void *more = memory_take(memory, (count ? (size_t)count * 2 : 1) * size);
  if (count)
    memcpy(more, items, count * size);
  return more;
}

void memory_release(struct memory *memory) {
  while (memory->chunks) {
    struct memory_chunk *next = memory->chunks->next;
    free(memory->chunks);
    memory->chunks = next;
  }
}
