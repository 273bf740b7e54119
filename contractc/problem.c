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

void place_find(struct place place, uint32_t *line, uint32_t *column) {
  *line = 1;
  *column = 1;
  for (uint32_t i = 0; i < place.offset && i < place.source->length; i++) {
    ++*column;
    if (place.source->text[i] == '\n') {
      ++*line;
      *column = 1;
    }
  }
}

/* The line with a caret under what is meant. Bytes that a terminal could act on are shown as '?'. */
static void line_print(struct place place, FILE *out) {
  const char *text = place.source->text;
  uint32_t line, column, start = place.offset, end = place.offset;
  if (!text || place.offset > place.source->length)
    return;
  place_find(place, &line, &column);
  while (start > 0 && text[start - 1] != '\n')
    start--;
  while (end < place.source->length && text[end] != '\n')
    end++;
  if (place.offset - start > 200)
    start = place.offset - 200;
  if (end - start > 400)
    end = start + 400;
  fprintf(out, "%6u | ", line);
  for (uint32_t i = start; i < end; i++)
    fputc(text[i] == '\t' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f) ? text[i] : '?', out);
  fputs("\n       | ", out);
  for (uint32_t i = start; i < place.offset; i++)
    if (((unsigned char)text[i] & 0xc0) != 0x80) /* one caret column for one character of UTF-8 */
      fputc(text[i] == '\t' ? '\t' : ' ', out);
  fputc('^', out);
  for (uint32_t i = place.offset + 1; i < place.offset + place.length && i < end; i++)
    fputc('~', out);
  fputc('\n', out);
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

static json_t *text_json(const char *text) {
  json_t *string = json_string(text);
  return string ? string : json_string("(not UTF-8)");
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

/* How many letters have to change, at most 32 letters. */
static unsigned distance(const char *a, const char *b) {
  size_t m = strlen(a), n = strlen(b);
  unsigned row[33];
  if (m > 32 || n > 32)
    return 99;
  for (unsigned j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 1; i <= m; i++) {
    unsigned diagonal = row[0];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= n; j++) {
      unsigned best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best)
        best = row[j] + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[n];
}

const char *name_nearest(const char *name, const char *const *names, uint32_t count) {
  const char *nearest = NULL;
  unsigned best = (unsigned)strlen(name) / 3 + 2;
  for (uint32_t i = 0; i < count; i++)
    if (distance(name, names[i]) < best) {
      best = distance(name, names[i]);
      nearest = names[i];
    }
  return nearest;
}
