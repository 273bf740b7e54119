/* Figures as people read them, for what tests print. Tests only; not for several threads. */
#ifndef TESTS_LIB_FIGURES_H
#define TESTS_LIB_FIGURES_H

#include <stdint.h>
#include <stdio.h>

/* With a comma before every third digit. Lasts for the next eleven calls from the same file. */
static inline const char *thousands(uint64_t number) {
  static char text[12][32];
  static unsigned turn;
  char digits[24], *to = text[turn++ % 12], *begin = to;
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
  for (int i = 0; i < length; i++) {
    if (i && (length - i) % 3 == 0)
      *to++ = ',';
    *to++ = digits[i];
  }
  *to = 0;
  return begin;
}

#endif
