/* Owns QEMU's command line and its start. It has the bootable file and its three connections as open files, so that
 * nothing of a machine is left on disk; it ends when this process ends. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/boot.h"

#define QEMU "qemu-system-x86_64"
#define ARGUMENTS_MOST (BOOT_WORDS_MOST + 48)

struct command {
  char *arguments[ARGUMENTS_MOST + 1];
  uint32_t count;
};

__attribute__((format(printf, 2, 3))) static void add(struct command *command, const char *format, ...) {
  va_list list;
  va_start(list, format);
  if (command->count == ARGUMENTS_MOST || vasprintf(&command->arguments[command->count++], format, list) < 0)
    abort();
  va_end(list);
}

static void add_words(struct command *command, const struct boot_machine *machine) {
  struct boot_bytes line = {0};
  for (uint32_t i = 0; i < machine->word_count; i++) {
    if (i)
      boot_append(&line, " ", 1, 1);
    boot_append(&line, machine->words[i], strlen(machine->words[i]), 1);
  }
  boot_append(&line, "", 1, 1);
  add(command, "-append");
  add(command, "%s", (const char *)line.data);
  free(line.data);
}

static void add_instructions(struct command *command, const struct boot_machine *machine) {
  const char *file = machine->record ? machine->record : machine->replay;
  if (!file && !machine->count)
    return;
  add(command, "-icount");
  if (file)
    add(command, "shift=0,rr=%s,rrfile=%s", machine->record ? "record" : "replay", file);
  else
    add(command, "shift=0,sleep=off");
}

static void build(struct command *command, const struct boot_machine *machine, int file, int serial, int ending) {
  add(command, QEMU);
  add(command, "-nodefaults");
  add(command, "-no-user-config");
  add(command, "-no-reboot");
  add(command, "-display");
  add(command, "none");
  add(command, "-machine");
  add(command, "%s", machine->type);
  add(command, "-accel");
  add(command, "tcg");
  add(command, "-cpu");
  add(command, "max");
  add(command, "-smp");
  add(command, "%u", machine->cpus);
  add(command, "-m");
  add(command, "%lluk", (unsigned long long)(machine->memory + 1023) / 1024);
  add(command, "-kernel");
  add(command, "/dev/fd/%d", file);
  if (machine->word_count)
    add_words(command, machine);
  add_instructions(command, machine);
  /* Input through `-serial` is recorded and replayed; input of a device's `chardev` is not. */
  add(command, "-chardev");
  add(command, "socket,id=serial,fd=%d", serial);
  add(command, "-serial");
  add(command, "chardev:serial");
  add(command, "-chardev");
  add(command, "file,id=ending,path=/dev/fd/%d", ending);
  add(command, "-device");
  add(command, "isa-debugcon,iobase=0xe9,chardev=ending");
  add(command, "-device");
  add(command, "isa-debug-exit,iobase=0xf4,iosize=4");
  for (uint32_t i = 0; i < machine->argument_count; i++)
    add(command, "%s", machine->arguments[i]);
}

/* Only what cannot fail or can be told through `failure`. */
static _Noreturn void become(struct command *command, const int keep[3], int text, int failure, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(1); /* it ended before that was said */
  setsid();   /* ^C of the terminal is not for QEMU */
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, 0);
  dup2(text, 1);
  dup2(text, 2);
  for (int i = 0; i < 3; i++)
    fcntl(keep[i], F_SETFD, 0);
  execvp(QEMU, command->arguments);
  int problem = errno;
  if (write(failure, &problem, sizeof problem) < 0)
    _exit(2);
  _exit(1);
}

/* 0 once QEMU runs; else the error number. */
static int spawn(struct command *command, const int keep[3], int text, int *pid) {
  int failure[2], problem = 0;
  pid_t parent = getpid();
  if (pipe2(failure, O_CLOEXEC) != 0)
    return errno;
  *pid = fork();
  if (*pid == 0)
    become(command, keep, text, failure[1], parent);
  if (*pid < 0)
    problem = errno;
  close(failure[1]);
  if (*pid > 0 && read(failure[0], &problem, sizeof problem) > 0)
    waitpid(*pid, NULL, 0);
  close(failure[0]);
  return problem;
}

bool boot_qemu_start(const struct boot_machine *machine, int file, struct boot_process *process) {
  struct command command = {0};
  int serial[2], text[2], problem = 0;
  int ending = memfd_create("ending", MFD_CLOEXEC);
  if (ending < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, serial) != 0 || pipe2(text, O_CLOEXEC) != 0) {
    cli_error("the machine cannot be started: %s", strerror(errno));
    return false;
  }
  build(&command, machine, file, serial[1], ending);
  problem = spawn(&command, (const int[3]){file, serial[1], ending}, text[1], &process->pid);
  for (uint32_t i = 0; i < command.count; i++)
    free(command.arguments[i]);
  close(serial[1]);
  close(text[1]);
  fcntl(serial[0], F_SETFL, O_NONBLOCK);
  fcntl(text[0], F_SETFL, O_NONBLOCK);
  process->serial = serial[0];
  process->text = text[0];
  process->ending = ending;
  if (problem == ENOENT)
    cli_error(QEMU " is not there: install the package qemu-system-x86");
  else if (problem)
    cli_error(QEMU " cannot be started: %s", strerror(problem));
  return problem == 0;
}
