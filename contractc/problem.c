/* Problems: collected while a contract is read, then printed for people (the line, a caret, a suggestion, a trace) or
 * as JSON. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "contractc/contractc.h"

static struct problem dropped; /* what is beyond PROBLEMS_MOST goes here */

struct problem *problem_add(struct compilation *compilation, enum problem_number number, struct place place,
                            const char *format, ...) {
  if (compilation->problem_count == PROBLEMS_MOST) {
    compilation->problem_dropped++;
    dropped = (struct problem){0};
    return &dropped;
  }
  struct problem *problem = memory_take(&compilation->memory, sizeof *problem);
  *APPEND(&compilation->memory, compilation->problems, compilation->problem_count) = problem;
  problem->number = number;
  problem->place = place;
  va_list arguments;
  va_start(arguments, format);
  problem->text = memory_text_list(&compilation->memory, format, arguments);
  va_end(arguments);
  return problem;
}

void problem_suggest(struct compilation *compilation, struct problem *problem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  problem->suggestion = memory_text_list(&compilation->memory, format, arguments);
  va_end(arguments);
}

void problem_note(struct compilation *compilation, struct problem *problem, struct place place, const char *format,
                  ...) {
  struct note *note = APPEND(&compilation->memory, problem->notes, problem->note_count);
  note->place = place;
  va_list arguments;
  va_start(arguments, format);
  note->text = memory_text_list(&compilation->memory, format, arguments);
  va_end(arguments);
}

void problem_trace(struct compilation *compilation, struct problem *problem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  *APPEND(&compilation->memory, problem->trace, problem->trace_count) =
      memory_text_list(&compilation->memory, format, arguments);
  va_end(arguments);
}

static struct excerpt excerpt(struct place place) {
  const struct source *source = place.source;
  return (struct excerpt){source->text ? source->text : "", source->text ? source->length : 0, place.offset,
                          place.length};
}

void place_find(struct place place, uint32_t *line, uint32_t *column) { excerpt_find(excerpt(place), line, column); }

static void line_print(struct place place, FILE *out) {
  if (place.source->text)
    excerpt_print(excerpt(place), out, "", "");
}

static void position_print(struct place place, FILE *out) {
  uint32_t line, column;
  place_find(place, &line, &column);
  fprintf(out, "%s:%u:%u: ", place.source->path, line, column);
}

void problems_print(const struct compilation *compilation, FILE *out) {
  for (uint32_t i = 0; i < compilation->problem_count; i++) {
    const struct problem *problem = compilation->problems[i];
    position_print(problem->place, out);
    fprintf(out, "error E%u: %s\n", problem->number, problem->text);
    line_print(problem->place, out);
    for (uint32_t j = 0; j < problem->note_count; j++) {
      position_print(problem->notes[j].place, out);
      fprintf(out, "note: %s\n", problem->notes[j].text);
      line_print(problem->notes[j].place, out);
    }
    if (problem->trace_count)
      fputs("  trace:\n", out);
    for (uint32_t j = 0; j < problem->trace_count; j++)
      fprintf(out, "    %s\n", problem->trace[j]);
    if (problem->suggestion)
      fprintf(out, "  help: %s\n", problem->suggestion);
  }
  if (compilation->problem_dropped)
    fprintf(out, "contractc: %u more problems are not shown\n", compilation->problem_dropped);
}

static json_t *position_json(struct place place) {
  uint32_t line, column;
  place_find(place, &line, &column);
  json_t *object = json_object();
  json_object_set_new(object, "file", text_json(place.source->path));
  json_object_set_new(object, "line", json_integer(line));
  json_object_set_new(object, "column", json_integer(column));
  json_object_set_new(object, "length", json_integer(place.length));
  return object;
}

bool problems_print_json(const struct compilation *compilation, FILE *out) {
  json_t *list = json_array();
  for (uint32_t i = 0; i < compilation->problem_count; i++) {
    const struct problem *problem = compilation->problems[i];
    json_t *object = position_json(problem->place);
    char number[16];
    snprintf(number, sizeof number, "E%u", problem->number);
    json_object_set_new(object, "number", json_string(number));
    json_object_set_new(object, "message", text_json(problem->text));
    if (problem->suggestion)
      json_object_set_new(object, "suggestion", text_json(problem->suggestion));
    json_t *notes = json_array(), *trace = json_array();
    for (uint32_t j = 0; j < problem->note_count; j++) {
      json_t *note = position_json(problem->notes[j].place);
      json_object_set_new(note, "message", text_json(problem->notes[j].text));
      json_array_append_new(notes, note);
    }
    for (uint32_t j = 0; j < problem->trace_count; j++)
      json_array_append_new(trace, text_json(problem->trace[j]));
    json_object_set_new(object, "notes", notes);
    json_object_set_new(object, "trace", trace);
    json_array_append_new(list, object);
  }
  bool written = json_dumpf(list, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
  json_decref(list);
  return written;
}

void problems_list(FILE *out) {
#define PROBLEM_PRINT(number, name, text) fprintf(out, "E%u %s\n", number, text);
  PROBLEMS(PROBLEM_PRINT)
#undef PROBLEM_PRINT
}
