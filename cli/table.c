/* Owns tables of text that fit a screen, and numbers as people read them. One thread. */
#include <stdlib.h>
#include <string.h>

#include "cli/system.h"

char (*table_row(struct table *table))[TABLE_CELL] {
  if (table->rows == table->room) {
    size_t room = table->room ? table->room * 2 : 16;
    void *cells = realloc(table->cells, room * table->column_count * TABLE_CELL);
    if (!cells)
      return NULL;
    table->cells = cells;
    table->room = room;
  }
  char(*row)[TABLE_CELL] = table->cells + table->rows++ * table->column_count;
  memset(row, 0, table->column_count * TABLE_CELL);
  return row;
}

void table_release(struct table *table) {
  free(table->cells);
  *table = (struct table){0};
}

static uint32_t width_of(const uint32_t *widths, uint32_t count) {
  uint32_t whole = 0;
  for (uint32_t i = 0; i < count; i++)
    whole += widths[i] ? widths[i] + (whole ? 1 : 0) : 0;
  return whole;
}

/* 0: the column is not shown. */
static void choose(const struct table *table, uint32_t width, size_t rows, uint32_t widths[TABLE_COLUMNS_MOST]) {
  for (uint32_t c = 0; c < table->column_count; c++) {
    size_t most = strlen(table->columns[c].title);
    most = most > table->columns[c].least ? most : table->columns[c].least;
    for (size_t r = 0; r < rows; r++) {
      size_t length = strlen(table->cells[r * table->column_count + c]);
      most = length > most ? length : most;
    }
    widths[c] = (uint32_t)most;
  }
  while (width && width_of(widths, table->column_count) > width) {
    uint32_t worst = table->column_count;
    for (uint32_t c = 0; c < table->column_count; c++)
      if (widths[c] && table->columns[c].goes &&
          (worst == table->column_count || table->columns[c].goes > table->columns[worst].goes))
        worst = c;
    if (worst == table->column_count)
      break;
    widths[worst] = 0;
  }
}

static void compose(const struct table *table, const uint32_t *widths, const char (*row)[TABLE_CELL], char *text,
                    size_t size, uint32_t width) {
  size_t used = 0;
  for (uint32_t c = 0; c < table->column_count; c++) {
    if (!widths[c])
      continue;
    const char *cell = row ? row[c] : table->columns[c].title;
    int pad = table->columns[c].right ? (int)widths[c] : -(int)widths[c];
    used += (size_t)snprintf(text + used, size - used, "%s%*s", used ? " " : "", pad, cell);
    used = used < size ? used : size - 1;
  }
  if (width && used > width)
    used = width;
  while (used && text[used - 1] == ' ')
    used--;
  text[used] = 0;
}

void table_print(const struct table *table, uint32_t width, size_t rows_most,
                 void (*line)(void *context, const char *text, bool title), void *context) {
  uint32_t widths[TABLE_COLUMNS_MOST];
  char text[TABLE_COLUMNS_MOST * (TABLE_CELL + 1)];
  size_t rows = table->rows < rows_most ? table->rows : rows_most;
  choose(table, width, rows, widths);
  compose(table, widths, NULL, text, sizeof text, width);
  line(context, text, true);
  for (size_t r = 0; r < rows; r++) {
    compose(table, widths, table->cells + r * table->column_count, text, sizeof text, width);
    line(context, text, false);
  }
}

static const char *scaled(double value, double step, const char *units, char text[FIGURE_MOST]) {
  double shown = value;
  while (shown >= step * 0.9995 && units[1]) {
    shown /= step;
    units++;
  }
  snprintf(text, FIGURE_MOST, *units == ' ' || shown >= 99.95 ? "%.0f" : "%.1f", shown);
  char *end = text + strlen(text);
  if (end - text > 2 && end[-1] == '0' && end[-2] == '.')
    end -= 2;
  end[0] = *units == ' ' ? 0 : *units;
  end[1] = 0;
  return text;
}

const char *figure_bytes(uint64_t bytes, char text[FIGURE_MOST]) {
  return scaled((double)bytes, 1024, " KMGTPE", text);
}

const char *figure_count(double count, char text[FIGURE_MOST]) { return scaled(count, 1000, " kMGTPE", text); }

const char *figure_time(uint64_t nanoseconds, char text[FIGURE_MOST]) {
  uint64_t seconds = nanoseconds / 1000000000;
  if (seconds < 60)
    snprintf(text, FIGURE_MOST, "%us", (unsigned)seconds);
  else if (seconds < 3600)
    snprintf(text, FIGURE_MOST, "%um%02us", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
  else if (seconds < 86400)
    snprintf(text, FIGURE_MOST, "%uh%02um", (unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60));
  else
    snprintf(text, FIGURE_MOST, "%ud%02uh", (unsigned)(seconds / 86400 % 100000), (unsigned)(seconds / 3600 % 24));
  return text;
}

const char *figure_percent(double percent, char text[FIGURE_MOST]) {
  snprintf(text, FIGURE_MOST, "%.1f", percent < 0 ? 0 : percent > 99999 ? 99999 : percent);
  return text;
}
