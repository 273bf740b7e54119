/* What the programs of tests/lib print with: results as numbers, errors by name, so that a sealed run and a native one
 * compare. */
#ifndef TESTS_LIB_SHOW_H
#define TESTS_LIB_SHOW_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Prints what a call gave; the error when it was -1. */
#define SHOW(call)                                                                                                     \
  do {                                                                                                                 \
    errno = 0;                                                                                                         \
    long shown = (long)(call);                                                                                         \
    if (shown == -1)                                                                                                   \
      printf("%d %s = -1 %s\n", __LINE__, #call, strerror(errno));                                                     \
    else                                                                                                               \
      printf("%d %s = %ld\n", __LINE__, #call, shown);                                                                 \
  } while (0)

/* The same for a call whose value differs from run to run. */
#define SHOW_OK(call)                                                                                                  \
  do {                                                                                                                 \
    errno = 0;                                                                                                         \
    long shown = (long)(call);                                                                                         \
    printf("%d %s %s\n", __LINE__, #call, shown == -1 ? strerror(errno) : "is fine");                                  \
  } while (0)

#endif
