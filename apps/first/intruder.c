/* A sealed process that wants what it was not given: `intruder file NAME…` asks for files, `intruder memory` writes
 * where memory is not its own. Run by run.sh. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void ask_for_files(char **names) {
  for (; *names; names++) {
    int file = open(*names, O_RDONLY);
    printf("intruder: open %s: %s\n", *names, file < 0 ? strerror(errno) : "OPENED");
    if (file >= 0)
      close(file);
  }
}

/* A pointer of 64 bits is cut to its window by every instruction that uses it: this address becomes 0x6789abc8 of its
 * own window, where nothing is mapped. There is no way to say the address of another process, or of the kernel. */
__attribute__((noinline)) static void write_elsewhere(void) {
  volatile long *elsewhere = (volatile long *)0x7f126789abc8;
  printf("intruder: writing to address %p of the host\n", (void *)elsewhere);
  fflush(stdout);
  *elsewhere = 42;
  printf("intruder: WROTE IT\n");
}

int main(int count, char **arguments) {
  if (count >= 2 && strcmp(arguments[1], "file") == 0)
    ask_for_files(arguments + 2);
  else if (count == 2 && strcmp(arguments[1], "memory") == 0)
    write_elsewhere();
  else
    return 2;
  return 0;
}
