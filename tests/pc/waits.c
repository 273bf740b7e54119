/* Says that it is ready, and then reads or computes for ever: what panic.py boots. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments) {
  char byte;
  puts("ready");
  fflush(stdout);
  if (count > 1 && !strcmp(arguments[1], "spin"))
    for (volatile unsigned long n = 0;; n++)
      ;
  return read(0, &byte, 1) != 0;
}
