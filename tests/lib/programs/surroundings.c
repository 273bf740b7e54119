/* Arguments, environment, standard streams. */
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "show.h"

extern char **environ;

static void at_exit(void) { printf("at exit\n"); }
__attribute__((constructor)) static void before(void) { printf("before main\n"); }
__attribute__((destructor)) static void after(void) { printf("after main\n"); }

int main(int count, char **arguments) {
  printf("%d arguments\n", count);
  for (int i = 1; i < count; i++)
    printf("<%s>\n", arguments[i]);
  for (char **entry = environ; *entry; entry++)
    printf("{%s}\n", *entry);
  printf("%s %s\n", getenv("NAME"), getenv("NONE"));
  SHOW(setenv("NEW", "value", 1));
  printf("%s\n", getenv("NEW"));
  SHOW(getauxval(AT_PAGESZ));
  SHOW(getauxval(AT_SECURE));
  SHOW(getauxval(AT_RANDOM) != 0);
  atexit(at_exit);
  fprintf(stderr, "to the error stream\n");
  /* Standard input, by line and to the end. */
  char line[100];
  if (fgets(line, sizeof line, stdin))
    printf("line: %s", line);
  long sum = 0, bytes = 0;
  for (int c; (c = getchar()) != EOF; bytes++)
    sum += c;
  printf("%ld more bytes, %ld\n", bytes, sum);
  SHOW(isatty(0));
  SHOW(isatty(1));
  SHOW(lseek(1, 0, SEEK_CUR));
  struct stat status;
  SHOW(fstat(0, &status));
  printf("%o\n", status.st_mode & S_IFMT);
  SHOW(close(0));
  SHOW(read(0, line, 1));
  SHOW(dup(1));
  static char large[300000];
  memset(large, 'x', sizeof large);
  for (size_t i = 99; i < sizeof large; i += 100)
    large[i] = '\n';
  fflush(stdout);
  SHOW(write(1, large, sizeof large));
  fwrite(large, 1, 12345, stdout);
  exit(41);
}
