/* Draws a diagram with graphviz's dot, a child that gets both files as its own. */
#include "contractc/draw.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAWING_SECONDS 60 /* hundreds of nodes with arrows between all of them are not drawn in a lifetime */

bool draw_svg(FILE *diagram, FILE *out, const char *program) {
  if (fflush(diagram) || fseek(diagram, 0, SEEK_SET) || fflush(out))
    return false;
  pid_t child = fork();
  if (child == 0) {
    if (dup2(fileno(diagram), 0) < 0 || dup2(fileno(out), 1) < 0)
      _exit(127);
    alarm(DRAWING_SECONDS);
    execlp("dot", "dot", "-Tsvg", (char *)NULL);
    fprintf(stderr, "%s: cannot run dot (Debian: apt-get install graphviz)\n", program);
    _exit(127);
  }
  int status = 1;
  errno = ECHILD;
  if (child <= 0 || waitpid(child, &status, 0) != child)
    return false;
  errno = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ETIMEDOUT : ECHILD;
  return status == 0;
}
