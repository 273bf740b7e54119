/* Fuzz target: any text as assembly source, through the rewriter up to what it would give the real assembler. It ends,
 * it names a line that there is for all that it refuses, and what it lays out lies in bundles as docs/machine-code.md
 * asks. How long an instruction is, which the assembler says, is made up here; tests/fuzz/assembly.py has the real one.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "toolchain/assembly.h"

const unsigned fuzz_count = 6000;

/* ---- In place of toolchain/memory.c: each piece of memory for itself, given back after each input ---- */

static void **pieces;
static size_t piece_count, piece_capacity;

void *memory_allocate(size_t size) {
  if (piece_count == piece_capacity) {
    piece_capacity = piece_capacity ? piece_capacity * 2 : 4096;
    pieces = realloc(pieces, piece_capacity * sizeof *pieces);
  }
  if (!pieces || size > 1u << 28)
    fuzz_fail("%zu bytes of memory for one thing", size);
  return pieces[piece_count++] = calloc(1, size ? size : 1);
}

char *memory_copy(const char *bytes, size_t length) {
  char *copy = memory_allocate(length + 1);
  memcpy(copy, bytes, length);
  return copy;
}

char *memory_format(const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  char *text = memory_allocate((size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  va_end(arguments);
  return text;
}

static uint32_t hash_of(const char *bytes, size_t length) {
  uint32_t hash = 5381;
  for (size_t i = 0; i < length; i++)
    hash = hash * 33 ^ (uint8_t)bytes[i];
  return hash;
}

struct symbol *symbol_find(struct assembly *assembly, const char *name, size_t length) {
  struct symbol **bucket = &assembly->symbols[hash_of(name, length) % SYMBOL_BUCKETS];
  for (struct symbol *symbol = *bucket; symbol; symbol = symbol->next)
    if (strlen(symbol->name) == length && !memcmp(symbol->name, name, length))
      return symbol;
  struct symbol *symbol = memory_allocate(sizeof *symbol);
  symbol->name = memory_copy(name, length);
  symbol->next = *bucket;
  return *bucket = symbol;
}

struct text *text_find(struct assembly *assembly, const char *string) {
  struct text **bucket = &assembly->texts[hash_of(string, strlen(string)) % TEXT_BUCKETS];
  for (struct text *text = *bucket; text; text = text->next)
    if (!strcmp(text->string, string))
      return text;
  struct text *text = memory_allocate(sizeof *text);
  text->string = memory_copy(string, strlen(string));
  text->where = assembly->where;
  text->next = *bucket;
  if (assembly->text_count == assembly->text_capacity) {
    assembly->text_capacity = assembly->text_capacity ? assembly->text_capacity * 2 : 64;
    assembly->text_list = realloc(assembly->text_list, assembly->text_capacity * sizeof *assembly->text_list);
  }
  assembly->text_list[assembly->text_count++] = text;
  return *bucket = text;
}

struct item *item_append(struct assembly *assembly, enum item_kind kind) {
  if (assembly->item_count == assembly->item_capacity) {
    assembly->item_capacity = assembly->item_capacity ? assembly->item_capacity * 2 : 64;
    assembly->items = realloc(assembly->items, assembly->item_capacity * sizeof *assembly->items);
  }
  struct item *item = &assembly->items[assembly->item_count++];
  *item = (struct item){.kind = kind, .section = assembly->section, .where = assembly->where};
  return item;
}

static uint32_t lines;
static bool marked; /* the source says itself what its lines are called */

static void where_check(struct location where) {
  if (!where.file || !*where.file)
    fuzz_fail("a place without a file");
  if (!marked && (where.line < 1 || where.line > lines || strcmp(where.file, "user.s")))
    fuzz_fail("%s:%u of a source of %u lines", where.file, where.line, lines);
}

void assembly_error(struct assembly *assembly, const char *format, ...) {
  static char text[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  where_check(assembly->where);
  if (length < 8)
    fuzz_fail("refused without a word");
  assembly->errors++;
}

/* ---- In place of toolchain/measure.c ---- */

static bool measure(struct assembly *assembly) {
  for (size_t i = 0; i < assembly->text_count; i++) {
    struct text *text = assembly->text_list[i];
    unsigned parts = 1;
    for (const char *at = text->string; *at; at++)
      parts += *at == ';';
    text->length =
        (uint16_t)(parts + hash_of(text->string, strlen(text->string)) % (33 - parts > 15 ? 15 : 33 - parts));
    where_check(text->where);
    if (strchr(text->string, '\n') || strlen(text->string) > 1023)
      fuzz_fail("an instruction that is none, or cut off: %.60s…", text->string);
  }
  return true;
}

/* ---- What must hold of the layout ---- */

static uint32_t length_of(const struct item *item) {
  if (item->kind == ITEM_CODE)
    return item->text->length;
  if (item->kind != ITEM_JUMP && item->kind != ITEM_CALL)
    return 0;
  if (item->symbol->weak && !item->symbol->defined)
    return 16;
  return item->kind == ITEM_CALL ? 5 : !item->is_near ? 2 : strcmp(item->string, "jmp") ? 6 : 5;
}

static void layout_check(const struct assembly *assembly) {
  for (uint32_t section = 0; section < assembly->section_count; section++) {
    uint32_t end = 0;
    if (!assembly->sections[section].code)
      continue;
    for (size_t i = 0; i < assembly->item_count; i++) {
      const struct item *item = &assembly->items[i];
      if (item->section != section || item->kind == ITEM_RAW || item->kind == ITEM_SECTION ||
          (item->kind == ITEM_ALIGN && !item->pad))
        continue;
      uint32_t length = length_of(item);
      if (item->kind != ITEM_ALIGN && item->offset != end + item->pad)
        fuzz_fail("something overlaps, or is not where its padding puts it: 0x%x", item->offset);
      end = item->offset + length;
      if (length && item->offset % BUNDLE + length > BUNDLE)
        fuzz_fail("an instruction crosses the end of a bundle at 0x%x", item->offset);
      if (length && item->at_end && (item->offset + length) % BUNDLE)
        fuzz_fail("a call does not end its bundle at 0x%x", item->offset);
      if (item->kind == ITEM_LABEL && item->symbol->aligned && item->offset % BUNDLE)
        fuzz_fail("%s is not at a bundle's start", item->symbol->name);
      if (item->kind == ITEM_LABEL && item->symbol->offset != item->offset)
        fuzz_fail("%s is not where it is", item->symbol->name);
      if (item->kind == ITEM_JUMP && !item->is_near && !(item->symbol->weak && !item->symbol->defined)) {
        int64_t distance = (int64_t)item->symbol->offset - (item->offset + 2);
        if (!item->symbol->defined || item->symbol->section != section || distance < -128 || distance > 127)
          fuzz_fail("a short jump to %s, which is not near", item->symbol->name);
      }
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static struct assembly *assembly;
  if (!assembly)
    assembly = calloc(1, sizeof *assembly);
  char *source = malloc(length + 1); /* as the assembler front end has it, with a NUL behind it */
  memcpy(source, bytes, length);
  source[length] = 0;
  lines = 1;
  for (size_t i = 0; i < length; i++)
    lines += source[i] == '\n';
  marked = memchr(source, '#', length) != NULL;
  /* A prefix that waits for its instruction, of the last input. */
  source_read(assembly, "user.s", source, length);
  if (!assembly->errors && measure(assembly)) {
    flags_check(assembly);
    layout_sections(assembly);
    if (!assembly->errors) {
      layout_check(assembly);
      emit_assembly(assembly, "/dev/null", length & 1);
    }
  }
  assembly->errors ? fuzz_refused++ : fuzz_accepted++;
  for (struct macro *macro = assembly->macros; macro; macro = macro->next)
    free(macro->lines);
  if (assembly->macro_open)
    free(assembly->macro_open->lines);
  free(assembly->items);
  free(assembly->sections);
  free(assembly->text_list);
  free(assembly->constants);
  while (piece_count)
    free(pieces[--piece_count]);
  memset(assembly, 0, sizeof *assembly);
  free(source);
  return 0;
}
