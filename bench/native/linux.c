/* What Linux does, beside the kernel's own figures: `linux null|channel|block|start ROUNDS [PROGRAM]`. Run by
 * bench/run; prints nanoseconds for one operation. Both sides of every exchange are pinned to one processor, as the
 * sealed side is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void check(int good, const char *what) {
  if (!good) {
    perror(what);
    exit(1);
  }
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(void) {
  cpu_set_t set;
  check(sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
  int cpu = 0;
  while (!CPU_ISSET(cpu, &set))
    cpu++;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  check(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

static void read_all(int fd, char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = read(fd, bytes + done, length - done);
    check(n > 0, "read");
    done += (size_t)n;
  }
}

static void write_all(int fd, const char *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = write(fd, bytes + done, length - done);
    check(n > 0, "write");
    done += (size_t)n;
  }
}

static double null_call(long rounds) {
  double start = now();
  for (long i = 0; i < rounds; i++)
    syscall(SYS_getppid);
  return (now() - start) / (double)rounds;
}

/* A request of `length` bytes and a reply of the same over two pipes, to a child and back. The reader looks at each
 * page, as the sealed side does. */
static double ping_pong(long rounds, size_t length) {
  int there[2], back[2];
  check(pipe(there) == 0 && pipe(back) == 0, "pipe");
  fcntl(there[1], F_SETPIPE_SZ, 1 << 20);
  fcntl(back[1], F_SETPIPE_SZ, 1 << 20);
  char *bytes = malloc(length);
  check(bytes != NULL, "malloc");
  memset(bytes, 1, length);
  pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    for (long i = 0; i < rounds; i++) {
      read_all(there[0], bytes, length);
      for (size_t at = 0; at < length; at += 4096)
        bytes[at]++;
      write_all(back[1], bytes, length);
    }
    _exit(0);
  }
  double start = now();
  for (long i = 0; i < rounds; i++) {
    write_all(there[1], bytes, length);
    read_all(back[0], bytes, length);
    for (size_t at = 0; at < length; at += 4096)
      bytes[at]++;
  }
  double time = (now() - start) / (double)rounds;
  int status;
  check(waitpid(child, &status, 0) == child && status == 0, "the other side");
  check((unsigned char)bytes[0] == (unsigned char)(1 + 2 * rounds), "what came back");
  free(bytes);
  return time;
}

static double start_program(long rounds, char *program) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  char *arguments[] = {program, NULL};
  double start = now();
  for (long i = 0; i < rounds; i++) {
    pid_t child;
    int status;
    errno = posix_spawn(&child, program, &actions, NULL, arguments, environ);
    check(errno == 0, program);
    check(waitpid(child, &status, 0) == child && status == 0, "the program");
  }
  return (now() - start) / (double)rounds;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: linux null|channel|block|start ROUNDS [PROGRAM]\n");
    return 2;
  }
  const char *what = arguments[1];
  long rounds = atol(arguments[2]);
  double time;
  pin();
  if (strcmp(what, "null") == 0)
    time = null_call(rounds);
  else if (strcmp(what, "channel") == 0)
    time = ping_pong(rounds, 16);
  else if (strcmp(what, "block") == 0)
    time = ping_pong(rounds, 65536);
  else if (strcmp(what, "start") == 0 && count == 4)
    time = start_program(rounds, arguments[3]);
  else
    return 2;
  printf("ns %.2f\n", time);
  return 0;
}
