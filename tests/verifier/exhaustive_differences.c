/* tests/verifier/differences.list for exhaustive.h: differences of opinion that were reviewed, each with its reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/exhaustive.h"

enum { LINES_MOST = 400, NAMES_MOST = 4000, CACHE = 8192 };

static const char *const kinds[EXHAUSTIVE_KINDS] = {"refused", "row", "length"};

static struct line {
  int number;
  enum exhaustive_kind kind;
  char *what, *reason;
  bool any; /* every mnemonic */
  unsigned long long count;
} lines[LINES_MOST];
static unsigned line_count;

static struct name {
  struct line *line;
  char *mnemonic;
  unsigned long long count;
} names[NAMES_MOST];
static unsigned name_count;

static char *trim(char *text) {
  text += strspn(text, " ");
  for (char *end = text + strlen(text); end > text && (end[-1] == ' ' || end[-1] == '\n');)
    *--end = '\0';
  return text;
}

void exhaustive_read_differences(const char *path) {
  FILE *list = fopen(path, "r");
  static char text[8192];
  for (int number = 1; list && fgets(text, sizeof text, list); number++) {
    char *rest = strdup(trim(text)), *column[4];
    if (!*rest || *rest == '#')
      continue;
    struct line *line = &lines[line_count++];
    line->number = number;
    for (int i = 0; i < 4; i++)
      column[i] = rest ? trim(strsep(&rest, "|")) : "";
    for (line->kind = 0; line->kind < EXHAUSTIVE_KINDS && strcmp(kinds[line->kind], column[0]); line->kind++)
      ;
    if (line->kind == EXHAUSTIVE_KINDS || !*column[3] || rest || line_count == LINES_MOST) {
      fprintf(stderr, "%s:%d: a line is KIND | WHAT | MNEMONICS | REASON, KIND one of refused, row, length\n", path,
              number);
      exit(1);
    }
    line->what = column[1];
    line->reason = column[3];
    line->any = strcmp(column[2], "*") == 0;
    char *save;
    for (char *word = strtok_r(column[2], " ", &save); word && !line->any; word = strtok_r(NULL, " ", &save)) {
      if (name_count == NAMES_MOST) {
        fprintf(stderr, "%s:%d: too many mnemonics\n", path, number);
        exit(1);
      }
      names[name_count++] = (struct name){line, word, 0};
    }
  }
  if (!list) {
    perror(path);
    exit(1);
  }
  fclose(list);
}

/* Differences met before: what explains them. */
static struct met {
  enum exhaustive_kind kind;
  ZydisMnemonic mnemonic;
  const char *what;
  bool known;
  unsigned long long count;
  struct line *line;
  struct name *name;
} met[CACHE];

static void look_up(struct met *new) {
  const char *mnemonic = ZydisMnemonicGetString(new->mnemonic);
  for (unsigned i = 0; i < line_count && !new->line; i++)
    if (lines[i].kind == new->kind && strcmp(lines[i].what, new->what) == 0 && lines[i].any)
      new->line = &lines[i];
  for (unsigned i = 0; i < name_count && !new->line; i++)
    if (names[i].line->kind == new->kind && strcmp(names[i].line->what, new->what) == 0 &&
        strcmp(names[i].mnemonic, mnemonic) == 0) {
      new->line = names[i].line;
      new->name = &names[i];
    }
}

void exhaustive_difference(enum exhaustive_kind kind, ZydisMnemonic mnemonic, const char *what, const uint8_t *bytes,
                           unsigned length) {
  unsigned hash = ((unsigned)kind * 7919u + (unsigned)mnemonic * 31u + (unsigned)((uintptr_t)what >> 3)) % CACHE;
  struct met *this = &met[hash];
  for (unsigned tries = 0; this->known && (this->kind != kind || this->mnemonic != mnemonic || this->what != what);) {
    if (++tries == CACHE) {
      fprintf(stderr, "too many kinds of differences\n");
      exit(1);
    }
    this = &met[++hash % CACHE];
  }
  if (!this->known) {
    *this = (struct met){.kind = kind, .mnemonic = mnemonic, .what = what, .known = true};
    look_up(this);
  }
  this->count++;
  if (this->line) {
    this->line->count++;
    if (this->name)
      this->name->count++;
    exhaustive_tally.explained++;
    return;
  }
  exhaustive_tally.differences++;
  if (this->count > 1) /* one of each is enough */
    return;
  printf("# %s | %s | %s:", kinds[kind], what, ZydisMnemonicGetString(mnemonic));
  for (unsigned i = 0; i < length; i++)
    printf(" %02x", bytes[i]);
  char text[128];
  oracle_text(bytes, length, text);
  printf("  %s\n", text);
}

unsigned exhaustive_report_differences(void) {
  unsigned idle = 0;
  for (unsigned i = 0; i < line_count; i++) {
    printf("# line %d: %llu %s, %s: %s\n", lines[i].number, lines[i].count, kinds[lines[i].kind], lines[i].what,
           lines[i].reason);
    if (!lines[i].count && lines[i].any)
      idle++;
  }
  for (unsigned i = 0; i < name_count; i++)
    if (!names[i].count) {
      printf("# line %d: nothing is explained for %s\n", names[i].line->number, names[i].mnemonic);
      idle++;
    }
  return idle;
}
