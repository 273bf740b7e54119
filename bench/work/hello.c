/* The smallest program that says something; started sealed and native to compare what starting costs. */
#include <stdio.h>

int main(void) {
  puts("hello");
  return 0;
}
