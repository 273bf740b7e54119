/* Reading the encodings of verifier/allow.list: see list_encoding.h. */
#include "tests/verifier/list_encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list_encoding list_encoding_parse(char *text) {
  struct list_encoding row = {.digit = -1, .exact_first = -1, .exact_last = -1};
  char *save, *word = strtok_r(text, " ", &save);
  if (strncmp(word, "vex.", 4) == 0) {
    row.vex = true;
    row.l = strstr(word, ".256.") != NULL;
    row.prefix = strstr(word, ".66.") ? 0x66 : strstr(word, ".f3.") ? 0xf3 : strstr(word, ".f2.") ? 0xf2 : 0;
    row.map = strstr(word, ".0f38.") ? 2 : strstr(word, ".0f3a.") ? 3 : 1;
    row.w_may = strstr(word, ".wig") != NULL;
    row.w_must = strstr(word, ".w1") != NULL;
    word = strtok_r(NULL, " ", &save);
  } else {
    if (strcmp(word, "66") == 0 || strcmp(word, "f2") == 0 || strcmp(word, "f3") == 0) {
      row.prefix = (unsigned)strtoul(word, NULL, 16);
      word = strtok_r(NULL, " ", &save);
    }
    if (strcmp(word, "0f") == 0) {
      row.map = 1;
      word = strtok_r(NULL, " ", &save);
      if (strcmp(word, "38") == 0 || strcmp(word, "3a") == 0) {
        row.map = word[1] == '8' ? 2 : 3;
        word = strtok_r(NULL, " ", &save);
      }
    }
  }
  row.opcode_first = row.opcode_last = (unsigned)strtoul(word, NULL, 16);
  if (strstr(word, "+r"))
    row.opcode_last += 7;
  while ((word = strtok_r(NULL, " ", &save))) {
    row.w_may |= strcmp(word, "w") == 0;
    row.w_must |= strcmp(word, "w1") == 0;
    row.o16 |= strcmp(word, "o16") == 0;
    row.lock |= strcmp(word, "lock") == 0;
    row.norex |= strcmp(word, "norex") == 0;
    row.modrm |= word[0] == '/';
    if (word[0] == '/' && word[1] != 'r')
      row.digit = word[1] - '0';
    unsigned byte;
    if (sscanf(word, "%2x", &byte) == 1 && byte >= 0xc0 && strlen(word) >= 2) {
      row.exact_first = (int)byte;
      row.exact_last = (int)byte + (strstr(word, "+i") ? 7 : 0);
    }
  }
  return row;
}
