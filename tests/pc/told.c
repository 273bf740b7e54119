/* What tests/pc/boot.sh boots to see what a program on a machine is told: prints its arguments, environment, working
 * directory, kinds of its streams, and how many bytes standard input has. */
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments) {
  char directory[256];
  unsigned long bytes = 0, sum = 0;
  for (int i = 1; i < count; i++)
    printf("argument %s\n", arguments[i]);
  for (char **variable = environ; *variable; variable++)
    printf("variable %s\n", *variable);
  printf("directory %s\n", getcwd(directory, sizeof directory));
  printf("terminals %d %d %d\n", isatty(0), isatty(1), isatty(2));
  for (int byte; (byte = getchar()) != EOF; bytes++)
    sum = sum * 31 + (unsigned long)byte;
  printf("input %lu bytes, %lx\n", bytes, sum);
  fputs("and this on standard error\n", stderr);
  return 42;
}
