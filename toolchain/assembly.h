/* The assembly rewriter's shared types: a source file read into items, and what each later pass adds to them. Used by
 * toolchain/ alone, in one thread; memory is never given back, because the process lives for one file. */
#ifndef TOOLCHAIN_ASSEMBLY_H
#define TOOLCHAIN_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE 32u

struct location {
  const char *file;
  uint32_t line;
};

struct symbol {
  const char *name;
  struct symbol *next; /* in its hash chain */
  uint32_t hash;
  uint32_t section; /* where it is defined */
  uint32_t offset;  /* in its section, set by the layout */
  bool defined;
  bool global;
  bool weak;
  bool aligned; /* must be at a bundle's start: its address is taken, or it can be called from elsewhere */
};

/* Instructions that stay together in one bundle, "; " between them. Equal texts are one object, so that each is
 * measured once. */
struct text {
  const char *string;
  struct text *next;
  uint32_t hash;
  uint16_t length; /* bytes of machine code; 0: not measured yet */
  struct location where;
};

enum item_kind {
  ITEM_RAW,     /* passed to the assembler as it is; makes no bytes in a code section */
  ITEM_SECTION, /* a directive that changes the section; `section` is the new one */
  ITEM_LABEL,
  ITEM_CODE,
  ITEM_JUMP, /* jmp or jcc to `symbol`; `string` is the mnemonic */
  ITEM_CALL, /* call of `symbol` */
  ITEM_ALIGN /* `align` and `align_most` */
};

struct item {
  enum item_kind kind;
  bool at_end;   /* its last byte is the last of a bundle: it is a call */
  bool is_near;  /* ITEM_JUMP: needs the long form */
  uint8_t align; /* power of two */
  uint32_t pad;  /* bytes of nops in front of it */
  uint32_t align_most;
  uint32_t section;
  uint32_t offset; /* of what comes after the padding */
  const char *string;
  struct text *text; /* ITEM_CODE */
  struct symbol *symbol;
  struct location where;
};

struct constant {
  const char *statement;
  struct location where;
};

#define MACRO_ARGUMENTS 16u

struct macro {
  struct macro *next;
  const char *name;
  const char *arguments[MACRO_ARGUMENTS];
  const char *defaults[MACRO_ARGUMENTS];
  unsigned argument_count;
  char **lines;
  size_t line_count;
};

struct section {
  const char *name;
  bool code;
  bool loaded;   /* part of the process, unlike debugging data */
  uint8_t align; /* power of two */
  bool entered;  /* its alignment has been written */
};

#define SYMBOL_BUCKETS 65536u
#define TEXT_BUCKETS 262144u
#define NUMERIC_LABELS 100u

struct assembly {
  bool parallel; /* held to the parallel rule: no masked return */
  struct item *items;
  size_t item_count, item_capacity;
  struct section *sections;
  size_t section_count;
  uint32_t section, previous_section;
  uint32_t section_stack[32][2];
  unsigned section_depth;
  uint32_t numeric[NUMERIC_LABELS];
  struct symbol *symbols[SYMBOL_BUCKETS];
  struct text *texts[TEXT_BUCKETS];
  struct text **text_list;
  size_t text_count, text_capacity;
  struct constant *constants; /* assignments of plain numbers, which lengths may depend on */
  size_t constant_count;
  unsigned frames_open;  /* .cfi_startproc without its .cfi_endproc yet */
  struct location frame; /* the last one's place */
  struct location where; /* of the statement in hand */
  uint32_t loop_labels;
  struct macro *macros;
  struct macro *macro_open; /* being defined */
  unsigned macro_depth, macro_count;
  unsigned errors;
};

/* memory.c */
void *memory_allocate(size_t size);
char *memory_copy(const char *bytes, size_t length);
__attribute__((format(printf, 1, 2))) char *memory_format(const char *format, ...);
struct symbol *symbol_find(struct assembly *assembly, const char *name, size_t length);
struct text *text_find(struct assembly *assembly, const char *string);
struct item *item_append(struct assembly *assembly, enum item_kind kind);
/* Reports at the statement in hand and counts it. */
__attribute__((format(printf, 2, 3))) void assembly_error(struct assembly *assembly, const char *format, ...);

/* source.c: reads a whole source, calling the rewriter for each instruction. */
void source_read(struct assembly *assembly, const char *file, const char *bytes, size_t length);
/* After the last file: what is missing at the end. */
void source_end(struct assembly *assembly);
/* Marks each symbol in an expression as one whose address is taken. */
void source_mark_taken(struct assembly *assembly, const char *expression);

/* macro.c. Each takes a statement, and is true if it was part of a definition, or of a use whose expansion has been
 * read. */
bool macro_define(struct assembly *assembly, char *statement);
bool macro_expand(struct assembly *assembly, char *statement);
/* source.c: one statement, without its comments. It may be altered. */
void source_read_statement(struct assembly *assembly, char *statement);

/* rewrite.c: appends the items of one instruction. `statement` may be altered. */
void rewrite_instruction(struct assembly *assembly, char *statement);

/* measure.c: fills in the length of every text. False: the assembler refused some, and said why. */
bool measure_texts(struct assembly *assembly, char *const options[], size_t option_count);

/* flags.c: reports flags that an indirect jump would lose. */
void flags_check(struct assembly *assembly);

/* layout.c: places every item of every code section. */
void layout_sections(struct assembly *assembly);

/* emit.c */
bool emit_assembly(struct assembly *assembly, const char *path, bool line_markers);

/* check.c: warns of what the verifier will refuse in the object that was made. */
void check_object(const struct assembly *assembly, const char *path);

/* command.c */
char *command_temporary(const char *suffix);
/* Runs a program and waits; its exit status, or 127. */
int command_run(const char *program, char *const arguments[]);
char *command_read_file(const char *path, size_t *length);

#endif
