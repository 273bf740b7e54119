/* The encoding column of verifier/allow.list, read apart from the verifier's own generator. For the tests that hold its
 * rows against another decoder. */
#ifndef TESTS_VERIFIER_LIST_ENCODING_H
#define TESTS_VERIFIER_LIST_ENCODING_H

#include <stdbool.h>

struct list_encoding {
  bool vex, w_may, w_must, o16, lock, norex, modrm;
  unsigned prefix, map, l, opcode_first, opcode_last; /* prefix: 0, 66, f2, f3; map: 0, 0f, 0f38, 0f3a */
  int digit, exact_first, exact_last;                 /* -1: none */
};

/* Of a row that is not literal. Takes `text` apart. */
struct list_encoding list_encoding_parse(char *text);

#endif
