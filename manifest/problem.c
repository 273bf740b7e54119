/* Problems: collected while a manifest is read, then printed for people (the line, a caret, a suggestion) or as JSON;
 * and the memory that they and the manifest are made of. */
#include <jansson.h>
#include <stdarg.h>

#include "manifest/model.h"

#define PROBLEMS_MOST 100

static struct problem dropped; /* what is beyond PROBLEMS_MOST goes here */

_Noreturn void memory_none(void) {
  obstack_alloc_failed_handler();
  abort();
}

void *memory_take(struct obstack *memory, size_t size) {
  void *room = obstack_alloc(memory, size);
  if (!room)
    memory_none();
  return memset(room, 0, size);
}

void *memory_grow(struct obstack *memory, void *items, uint32_t count, size_t size) {
  void *room = items;
  if ((count & (count - 1)) == 0) {
    room = memory_take(memory, (count ? (size_t)count * 2 : 1) * size);
    if (count)
      memcpy(room, items, count * size);
  }
  return room;
}

static char *text_list(struct obstack *memory, const char *format, va_list arguments) {
  obstack_vprintf(memory, format, arguments);
  obstack_1grow(memory, 0);
  return obstack_finish(memory);
}

char *memory_text(struct obstack *memory, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = text_list(memory, format, arguments);
  va_end(arguments);
  return text;
}

struct manifest_problems *problems_begin(const char *path) {
  struct manifest_problems *problems = calloc(1, sizeof *problems);
  if (!problems)
    memory_none();
  obstack_init(&problems->memory);
  problems->path = memory_text(&problems->memory, "%s", path);
  problems->text = memory_text(&problems->memory, "%s", "");
  return problems;
}

void manifest_problems_release(struct manifest_problems *problems) {
  if (!problems)
    return;
  obstack_free(&problems->memory, NULL);
  free(problems);
}

size_t manifest_problem_count(const struct manifest_problems *problems) { return problems ? problems->count : 0; }

struct problem *problem_add(struct manifest_problems *problems, enum problem_number number, struct place place,
                            const char *format, ...) {
  problems->errors |= number < PROBLEM_WARNINGS;
  if (problems->count == PROBLEMS_MOST) {
    problems->dropped++;
    dropped = (struct problem){0};
    return &dropped;
  }
  struct problem *problem = memory_take(&problems->memory, sizeof *problem);
  problem->number = number;
  problem->place = place;
  va_list arguments;
  va_start(arguments, format);
  problem->text = text_list(&problems->memory, format, arguments);
  va_end(arguments);
  *APPEND(&problems->memory, problems->problems, problems->count) = problem;
  return problem;
}

void problem_suggest(struct manifest_problems *problems, struct problem *problem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  problem->suggestion = text_list(&problems->memory, format, arguments);
  va_end(arguments);
}

void problem_note(struct manifest_problems *problems, struct problem *problem, struct place place, const char *format,
                  ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = text_list(&problems->memory, format, arguments);
  va_end(arguments);
  *APPEND(&problems->memory, problem->notes, problem->note_count) = (struct note){place, text};
}

static int by_place(const void *a, const void *b) {
  const struct problem *first = *(struct problem *const *)a, *second = *(struct problem *const *)b;
  if (first->place.offset != second->place.offset)
    return first->place.offset < second->place.offset ? -1 : 1;
  if (first->number != second->number)
    return first->number < second->number ? -1 : 1;
  return strcmp(first->text, second->text);
}

void problems_sort(struct manifest_problems *problems) {
  uint32_t kept = 0;
  if (problems->count)
    qsort(problems->problems, problems->count, sizeof *problems->problems, by_place);
  for (uint32_t i = 0; i < problems->count; i++)
    if (!kept || by_place(&problems->problems[kept - 1], &problems->problems[i]) != 0)
      problems->problems[kept++] = problems->problems[i];
  problems->count = kept;
}

/* ---- Printing ---- */

static struct excerpt excerpt(const struct manifest_problems *problems, struct place place) {
  return (struct excerpt){problems->text, problems->length, place.offset, place.length};
}

static void position_print(const struct manifest_problems *problems, struct place place, FILE *to) {
  uint32_t line, column;
  excerpt_find(excerpt(problems, place), &line, &column);
  text_print(problems->path, to);
  fprintf(to, ":%u:%u: ", line, column);
}

void manifest_problems_print(const struct manifest_problems *problems, FILE *to, bool color) {
  const char *plain = color ? "\033[0m" : "";
  for (uint32_t i = 0; problems && i < problems->count; i++) {
    const struct problem *problem = problems->problems[i];
    bool error = problem->number < PROBLEM_WARNINGS;
    const char *mark = !color ? "" : error ? "\033[1;31m" : "\033[1;33m";
    if (problem->nowhere) {
      text_print(problems->path, to);
      fputs(": ", to);
    } else {
      position_print(problems, problem->place, to);
    }
    fprintf(to, "%s%s M%u:%s ", mark, error ? "error" : "warning", problem->number, plain);
    text_print(problem->text, to);
    fputc('\n', to);
    if (!problem->nowhere)
      excerpt_print(excerpt(problems, problem->place), to, mark, plain);
    for (uint32_t j = 0; j < problem->note_count; j++) {
      position_print(problems, problem->notes[j].place, to);
      fputs("note: ", to);
      text_print(problem->notes[j].text, to);
      fputc('\n', to);
      excerpt_print(excerpt(problems, problem->notes[j].place), to, mark, plain);
    }
    if (problem->suggestion) {
      fputs("  help: ", to);
      text_print(problem->suggestion, to);
      fputc('\n', to);
    }
  }
  if (problems && problems->dropped)
    fprintf(to, "%u more problems are not shown\n", problems->dropped);
}

static json_t *position_json(const struct manifest_problems *problems, struct place place, bool nowhere) {
  uint32_t line, column;
  json_t *object = json_object();
  json_object_set_new(object, "file", text_json(problems->path));
  if (nowhere)
    return object;
  excerpt_find(excerpt(problems, place), &line, &column);
  json_object_set_new(object, "line", json_integer(line));
  json_object_set_new(object, "column", json_integer(column));
  json_object_set_new(object, "length", json_integer(place.length));
  return object;
}

json_t *manifest_problems_json(const struct manifest_problems *problems) {
  json_t *list = json_array();
  for (uint32_t i = 0; problems && i < problems->count; i++) {
    const struct problem *problem = problems->problems[i];
    json_t *object = position_json(problems, problem->place, problem->nowhere);
    char number[16];
    snprintf(number, sizeof number, "M%u", problem->number);
    json_object_set_new(object, "number", json_string(number));
    json_object_set_new(object, "severity", json_string(problem->number < PROBLEM_WARNINGS ? "error" : "warning"));
    json_object_set_new(object, "message", text_json(problem->text));
    if (problem->suggestion)
      json_object_set_new(object, "suggestion", text_json(problem->suggestion));
    json_t *notes = json_array();
    for (uint32_t j = 0; j < problem->note_count; j++) {
      json_t *note = position_json(problems, problem->notes[j].place, false);
      json_object_set_new(note, "message", text_json(problem->notes[j].text));
      json_array_append_new(notes, note);
    }
    json_object_set_new(object, "notes", notes);
    json_array_append_new(list, object);
  }
  return list;
}
