/* What the parts that write the C header give each other: header.c (types and tables), header_message.c (messages to
 * bytes and back), header_end.c (what an end can do). */
#ifndef CONTRACTC_HEADER_H
#define CONTRACTC_HEADER_H

#include "contractc/contractc.h"

struct header {
  struct compilation *compilation;
  const struct contract *contract;
  const char *prefix, *upper; /* the contract's name, and in capitals */
  FILE *out;
};

/* A comment of C, wrapped, if there is documentation. */
void header_comment(const struct header *header, const char *indent, const char *text);
/* "uint32_t" and the like, without the array. */
const char *header_type(const struct header *header, const struct field *field);
/* "_in_STATE" for a message that several states know, else "". */
const char *header_in(const struct header *header, const struct message *message, const struct state *state);
void header_messages(const struct header *header);
void header_ends(const struct header *header);

#endif
