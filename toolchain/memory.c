/* The rewriter's memory, symbol table, text table, item list and error reports. Called by the rewriter alone. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolchain/assembly.h"

#define CHUNK (1u << 20)

void *memory_allocate(size_t size) {
  static char *chunk;
  static size_t left;
  size = (size + 15) & ~(size_t)15;
  if (size > left) {
    left = size > CHUNK ? size : CHUNK;
    chunk = calloc(1, left);
    if (!chunk) {
      fprintf(stderr, "signet as: out of memory\n");
      exit(1);
    }
  }
  void *memory = chunk;
  chunk += size;
  left -= size;
  return memory;
}

char *memory_copy(const char *bytes, size_t length) {
  char *copy = memory_allocate(length + 1);
  memcpy(copy, bytes, length);
  return copy;
}

char *memory_format(const char *format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  if ((size_t)length < sizeof buffer)
    return memory_copy(buffer, (size_t)length);
  char *text = memory_allocate((size_t)length + 1);
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

static uint32_t hash_bytes(const char *bytes, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (uint8_t)bytes[i]) * 16777619u;
  return hash;
}

struct symbol *symbol_find(struct assembly *assembly, const char *name, size_t length) {
  uint32_t hash = hash_bytes(name, length);
  struct symbol **bucket = &assembly->symbols[hash % SYMBOL_BUCKETS];
  for (struct symbol *symbol = *bucket; symbol; symbol = symbol->next)
    if (symbol->hash == hash && strncmp(symbol->name, name, length) == 0 && symbol->name[length] == 0)
      return symbol;
  struct symbol *symbol = memory_allocate(sizeof *symbol);
  symbol->name = memory_copy(name, length);
  symbol->hash = hash;
  symbol->next = *bucket;
  *bucket = symbol;
  return symbol;
}

struct text *text_find(struct assembly *assembly, const char *string) {
  size_t length = strlen(string);
  uint32_t hash = hash_bytes(string, length);
  struct text **bucket = &assembly->texts[hash % TEXT_BUCKETS];
  for (struct text *text = *bucket; text; text = text->next)
    if (text->hash == hash && strcmp(text->string, string) == 0)
      return text;
  struct text *text = memory_allocate(sizeof *text);
  text->string = memory_copy(string, length);
  text->hash = hash;
  text->next = *bucket;
  text->where = assembly->where;
  *bucket = text;
  if (assembly->text_count == assembly->text_capacity) {
    assembly->text_capacity = assembly->text_capacity ? assembly->text_capacity * 2 : 4096;
    assembly->text_list = realloc(assembly->text_list, assembly->text_capacity * sizeof *assembly->text_list);
    if (!assembly->text_list)
      abort();
  }
  assembly->text_list[assembly->text_count++] = text;
  return text;
}

struct item *item_append(struct assembly *assembly, enum item_kind kind) {
  if (assembly->item_count == assembly->item_capacity) {
    assembly->item_capacity = assembly->item_capacity ? assembly->item_capacity * 2 : 4096;
    assembly->items = realloc(assembly->items, assembly->item_capacity * sizeof *assembly->items);
    if (!assembly->items)
      abort();
  }
  struct item *item = &assembly->items[assembly->item_count++];
  *item = (struct item){.kind = kind, .section = assembly->section, .where = assembly->where};
  return item;
}

void assembly_error(struct assembly *assembly, const char *format, ...) {
  fprintf(stderr, "%s:%u: error: ", assembly->where.file, assembly->where.line);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  assembly->errors++;
}
