/* The contract compiler: what its parts give each other. A contract is read (lexer.c, parser.c), its names and sizes
 * are settled (layout.c), its states are checked (states.c, bounds.c, endpoints.c), and then it is written in several
 * forms.
 *
 * Everything belongs to one struct compilation and lives until compilation_end. Problems are collected; the output
 * parts are called only for a contract without problems. */
#ifndef CONTRACTC_CONTRACTC_H
#define CONTRACTC_CONTRACTC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <signet/abi.h>

#include "contractc/excerpt.h"
#include "contractc/problems.h"

#define SOURCE_MOST (1u << 20) /* bytes of a contract's text */
#define PROBLEMS_MOST 50       /* what is reported at most */
#define STATES_MOST 254u
#define MESSAGES_MOST 255u
#define TABLE_VERSIONS SIGNET_CONTRACT_VERSION
#define MEMBERS_MOST 4096u /* of anything else that is declared or listed */

/* ---- Memory (memory.c) ---- */

struct memory_chunk;
struct memory {
  struct memory_chunk *chunks;
};
void *memory_take(struct memory *memory, size_t size); /* zeroed; never NULL */
char *memory_text(struct memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *memory_text_list(struct memory *memory, const char *format, va_list arguments);
char *memory_copy(struct memory *memory, const char *bytes, size_t length);
void *memory_grow(struct memory *memory, void *items, uint32_t count, size_t size);
void memory_release(struct memory *memory);

/* A new, zeroed last item of an array that grows; a pointer to an item holds until the next. */
#define APPEND(memory, array, count) ((array) = memory_grow(memory, array, count, sizeof *(array)), &(array)[(count)++])

/* ---- Text and problems (problem.c) ---- */

struct source {
  const char *path;
  const char *text; /* NUL after it */
  uint32_t length;
};

struct place {
  const struct source *source;
  uint32_t offset, length;
};

struct note {
  struct place place;
  const char *text;
};

struct problem {
  enum problem_number number;
  struct place place;
  const char *text, *suggestion;
  struct note *notes;
  uint32_t note_count;
  const char **trace;
  uint32_t trace_count;
};

struct contract;
struct lexer;

/* Reads a file for a compilation; NULL and errno where it cannot. */
typedef char *(*source_reader)(struct memory *memory, const char *path, uint32_t *length);

struct compilation {
  struct memory memory;
  source_reader read;
  struct problem **problems;
  uint32_t problem_count, problem_dropped;
  struct contract **contracts; /* all that were read, used ones before their users once they are complete */
  uint32_t contract_count;
  struct contract **reading; /* those being read now, for circles */
  uint32_t reading_count;
};

struct problem *problem_add(struct compilation *compilation, enum problem_number number, struct place place,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
void problem_suggest(struct compilation *compilation, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problem_note(struct compilation *compilation, struct problem *problem, struct place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void problem_trace(struct compilation *compilation, struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Line and column, from 1. */
void place_find(struct place place, uint32_t *line, uint32_t *column);
void problems_print(const struct compilation *compilation, FILE *out);
bool problems_print_json(const struct compilation *compilation, FILE *out);
void problems_list(FILE *out);

/* ---- The contract ---- */

/* Sides are numbered as in the kernel: the direction of a message of side CLIENT is to_client = 0. */
enum side { CLIENT = 0, SERVER = 1, NEITHER = 2 };
static inline enum side other_side(enum side side) { return side == CLIENT ? SERVER : CLIENT; }
extern const char *const side_name[3];

enum type {
  TYPE_U8,
  TYPE_U16,
  TYPE_U32,
  TYPE_U64,
  TYPE_I8,
  TYPE_I16,
  TYPE_I32,
  TYPE_I64,
  TYPE_BOOL,
  TYPE_CHAR,
  TYPE_ENUM,
  TYPE_STRUCT,
  TYPE_BLOCK,    /* moved from here on */
  TYPE_ENDPOINT, /* of a stated contract and state */
  TYPE_ANY,      /* endpoint of any contract, in a state in which it sends */
};

enum form {
  FORM_ONE,
  FORM_FIXED,   /* most items */
  FORM_BOUNDED, /* least..most items; last of its message, which says how many by its length */
  FORM_TEXT,    /* least..most characters and a NUL */
};

struct constant {
  const char *name, *documentation;
  struct place place;
  uint64_t value;
};

struct member {
  const char *name, *documentation, *text; /* text: of an error, for people */
  struct place place;
  uint64_t value;
};

struct enumeration {
  const char *name, *documentation;
  struct place place;
  bool flags, errors;
  uint32_t size; /* bytes */
  struct member *members;
  uint32_t member_count;
};

struct structure;
struct state;

struct field {
  const char *name, *documentation;
  struct place place, type_place;
  enum type type;
  enum form form;
  uint64_t least, most;  /* items, characters, or bytes of a block */
  uint32_t size, align;  /* of one item */
  uint32_t offset;       /* of a fixed field, or of the first one that varies */
  uint32_t moved_number; /* of what moves: its place among the message's */
  const struct enumeration *enumeration;
  const struct structure *structure;
  enum side side; /* of an endpoint, and what follows */
  const char *contract_name, *state_name;
  struct place contract_place, state_place;
  struct contract *contract;
  const struct state *state;
};

struct structure {
  const char *name, *documentation;
  struct place place;
  struct field *fields;
  uint32_t field_count;
  uint32_t size, align;
  bool checked; /* it holds a value that a receiver has to check */
};

struct message {
  const char *name, *documentation;
  struct place place;
  enum side side;
  uint32_t tag;
  struct place tag_place; /* length 0: not stated */
  struct field *fields;
  uint32_t field_count;
  bool capped;
  uint64_t cap;
  struct place cap_place;
  uint32_t fixed_size;  /* bytes of the fixed fields */
  uint32_t least, most; /* bytes of data */
  uint32_t moved_count;
  uint32_t sent_in; /* in how many states */
  bool errors;      /* the message FAILED of an `errors` declaration */
};

struct target {
  const char *name; /* NULL: back to where the request was sent */
  struct place place;
};

struct transition {
  const char *name; /* as written, until messages are known */
  struct place place;
  struct target target;
  struct message *message;
  struct state *next;
};

/* `NAME => A | B` as written: the request, and its answers. */
struct answer {
  const char *name;
  struct place place;
  struct target target;
};

struct request {
  const char *name;
  struct place place;
  struct answer *answers;
  uint32_t answer_count;
};

struct state {
  const char *name, *documentation;
  struct place place;
  enum side side; /* NEITHER: the end */
  uint32_t number;
  bool closes;  /* the side whose turn it is may close */
  bool implied; /* by `=>` */
  struct transition *transitions;
  uint32_t transition_count;
  struct request *requests;
  uint32_t request_count;
};

struct contract {
  const char *name, *documentation;
  struct source source;
  struct place place;
  bool complete; /* parsed and laid out without a problem */
  struct contract **uses;
  struct place *use_places;
  uint32_t use_count;
  struct constant *constants;
  uint32_t constant_count;
  struct enumeration **enumerations;
  uint32_t enumeration_count;
  struct structure **structures;
  uint32_t structure_count;
  struct message **messages; /* by tag once laid out; NULL: a number that is not used */
  uint32_t message_count;
  struct state **states; /* the first is where a channel begins; the end, if there is one, is last */
  uint32_t state_count;
  uint32_t slots[2]; /* to the client, to the server */
  uint32_t data_most;
  uint64_t explored; /* states of the product of the two ends that were looked at */
  uint8_t identity[32];
  uint8_t table_hash[TABLE_VERSIONS][32]; /* what the kernel says of a channel of this contract, by form of the table */
};

/* ---- Reading ---- */

/* Reads and checks the contract in a file and those it uses. NULL if there is any problem. */
struct contract *contract_compile(struct compilation *compilation, const char *path);
/* The contract as far as it could be read; parser.c. NULL after a problem of syntax. */
struct contract *contract_parse(struct compilation *compilation, const char *path, const struct place *use);
void compilation_end(struct compilation *compilation);

struct structure *structure_find(const struct contract *contract, const char *name);
struct enumeration *enumeration_find(const struct contract *contract, const char *name, bool flags);
struct message *message_find(const struct contract *contract, const char *name);
struct state *state_find(const struct contract *contract, const char *name);
bool name_is_of_c(const char *name);

void layout_structure(struct compilation *compilation, struct structure *structure);
/* Sizes, message numbers, names of messages and states; what `=>` implies. */
void layout_contract(struct compilation *compilation, struct contract *contract);
void header_names_check(struct compilation *compilation, struct contract *contract);
void states_check(struct compilation *compilation, struct contract *contract);
void endpoints_check(struct compilation *compilation, struct contract *contract);
/* The slots that both queues need, by exploring what the two ends and their queues can do. For checked states. */
void bounds_compute(struct compilation *compilation, struct contract *contract);
void identity_compute(struct contract *contract);
void canonical_write(const struct contract *contract, FILE *out);

static inline bool field_moves(const struct field *field) { return field->type >= TYPE_BLOCK; }
static inline bool field_varies(const struct field *field) {
  return field->form == FORM_BOUNDED || field->form == FORM_TEXT;
}

/* ---- States as a graph (states.c) ---- */

struct step {
  const struct state *from;
  const struct transition *transition;
};
/* A shortest way from `from` to `to`, through states of `side` only (NEITHER: any); its length, or UINT32_MAX. */
uint32_t path_find(const struct contract *contract, const struct state *from, const struct state *to, enum side side,
                   struct step path[]);
void problem_trace_to(struct compilation *compilation, struct problem *problem, const struct contract *contract,
                      const struct state *state);

/* ---- Writing ---- */

/* The table the kernel checks with, in a version of its form; written to the memory. */
uint8_t *table_make(struct memory *memory, const struct contract *contract, unsigned version, uint32_t *length);
/* Whether version 1 leaves something of the contract to the receiver. */
bool table_needs_extension(const struct contract *contract);
/* The version of the form that the contract's header holds, and the kernel's hash of that. */
unsigned table_version(const struct contract *contract);
const uint8_t *table_hash(const struct contract *contract);
uint8_t *decoder_make(struct memory *memory, const struct contract *contract, uint32_t *length);
void header_write(struct compilation *compilation, const struct contract *contract, FILE *out);
void promela_write(const struct contract *contract, FILE *out);
void diagram_write(const struct contract *contract, FILE *out);
/* True if a server of `server` may serve a client of `client`; else one problem, with its trace. */
bool compatible(struct compilation *compilation, const struct contract *client, const struct contract *server);

#endif
