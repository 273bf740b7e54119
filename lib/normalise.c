/* Names of files without "." and ".."; see normalise.h. */
#include "lib/normalise.h"

#include <stddef.h>
#include <string.h>

bool signet_path_normalise(char *path) {
  if (path[0] != '/')
    return false;
  char *out = path; /* what is behind it is done: "" or "/a/b" */
  const char *in = path;
  while (*in) {
    while (*in == '/')
      in++;
    const char *end = in;
    while (*end && *end != '/')
      end++;
    size_t length = end - in;
    if (length == 2 && in[0] == '.' && in[1] == '.') {
      while (out > path && *--out != '/')
        ;
    } else if (length != 0 && !(length == 1 && in[0] == '.')) {
      *out++ = '/';
      memmove(out, in, length);
      out += length;
    }
    in = end;
  }
  if (out == path)
    *out++ = '/';
  *out = 0;
  return true;
}
