/* Running other programs, temporary files and whole files, for the tools of this folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolchain/assembly.h"

static char *temporaries[16];
static unsigned temporary_count;

static void remove_temporaries(void) {
  while (temporary_count)
    unlink(temporaries[--temporary_count]);
}

char *command_temporary(const char *suffix) {
  const char *directory = getenv("TMPDIR");
  char *path = memory_format("%s/signetXXXXXX%s", directory && *directory ? directory : "/tmp", suffix);
  int file = mkstemps(path, (int)strlen(suffix));
  if (file < 0 || temporary_count == sizeof temporaries / sizeof temporaries[0]) {
    fprintf(stderr, "signet: cannot make a temporary file %s: %s\n", path, strerror(errno));
    exit(1);
  }
  close(file);
  if (temporary_count == 0)
    atexit(remove_temporaries);
  temporaries[temporary_count++] = path;
  return path;
}

int command_run(const char *program, char *const arguments[]) {
  fflush(NULL);
  pid_t child = fork();
  if (child < 0)
    return 127;
  if (child == 0) {
    execvp(program, arguments);
    fprintf(stderr, "signet: cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

char *command_read_file(const char *path, size_t *length) {
  int file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return NULL;
  size_t capacity = 1 << 16;
  struct stat status;
  if (fstat(file, &status) == 0 && status.st_size > 0)
    capacity = (size_t)status.st_size + 1;
  char *bytes = malloc(capacity + 1);
  *length = 0;
  while (bytes) {
    ssize_t got = read(file, bytes + *length, capacity - *length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      free(bytes);
      bytes = NULL;
      break;
    }
    *length += (size_t)got;
    if (got == 0)
      break;
    if (*length == capacity) {
      capacity *= 2;
      char *larger = realloc(bytes, capacity + 1);
      if (!larger)
        free(bytes);
      bytes = larger;
    }
  }
  close(file);
  if (bytes)
    bytes[*length] = 0;
  return bytes;
}
