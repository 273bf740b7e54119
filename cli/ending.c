/* Owns how the end of a process is told: in words, and as the end of this process. Any thread. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *fault_text(uint32_t fault) {
  /* enum signet_fault, from 1 */
  static const char *const texts[] = {
      "it read memory that is not its own or not mapped",
      "it wrote memory that it may not write",
      "it jumped to where no verified code is",
      "it divided by zero",
      "floating-point exception",
      "it reached an instruction that this processor lacks, or an abort",
      "it reached a place that is never meant to be reached",
      "processor exception",
      "its stack pointer leads nowhere",
  };
  return fault >= 1 && fault <= sizeof texts / sizeof *texts ? texts[fault - 1] : "unknown fault";
}

void cli_describe_ending(const struct signet_ending *ending, const void *image, size_t length, char *text,
                         size_t size) {
  char symbol[128] = "";
  switch (ending->kind) {
  case SIGNET_ENDED_EXIT:
    snprintf(text, size, "ended with status %u", ending->code);
    return;
  case SIGNET_ENDED_SIGNAL:
    snprintf(text, size, "ended by signal %u (%s)", ending->code, strsignal((int)ending->code));
    return;
  case SIGNET_ENDED_STOPPED:
    snprintf(text, size, "was stopped");
    return;
  case SIGNET_ENDED_FAULT:
    break;
  default:
    snprintf(text, size, "has not ended");
    return;
  }
  cli_symbol(image, length, ending->instruction, symbol, sizeof symbol);
  int used = snprintf(text, size, "faulted at 0x%x", ending->instruction);
  if (symbol[0])
    used += snprintf(text + used, size - (size_t)used, " (%s)", symbol);
  used += snprintf(text + used, size - (size_t)used, ": %s", fault_text(ending->code));
  if (ending->code >= SIGNET_FAULT_READ && ending->code <= SIGNET_FAULT_EXECUTE)
    snprintf(text + used, size - (size_t)used, ", at address 0x%llx", (unsigned long long)ending->address);
}

/* The signal that a program of Linux would have died of. */
static int signal_of_fault(uint32_t fault) {
  switch (fault) {
  case SIGNET_FAULT_DIVIDE:
  case SIGNET_FAULT_FLOATING_POINT:
    return SIGFPE;
  case SIGNET_FAULT_INSTRUCTION:
    return SIGILL;
  case SIGNET_FAULT_TRAP:
    return SIGTRAP;
  default:
    return SIGSEGV;
  }
}

int cli_end_as(const struct signet_ending *ending, const char *path, const void *image, size_t length) {
  char text[512];
  int number = 0;
  switch (ending->kind) {
  case SIGNET_ENDED_EXIT:
    return (int)ending->code;
  case SIGNET_ENDED_SIGNAL:
    number = (int)ending->code;
    break;
  case SIGNET_ENDED_FAULT:
    cli_describe_ending(ending, image, length, text, sizeof text);
    cli_error("%s: %s", path, text);
    number = signal_of_fault(ending->code);
    break;
  default:
    return CLI_FAILED;
  }
  /* These would stop this process, and it would never end. */
  if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
    return 128 + number;
  sigset_t open;
  sigemptyset(&open);
  sigaddset(&open, number);
  signal(number, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &open, NULL);
  syscall(SYS_tgkill, getpid(), gettid(), number);
  return 128 + number;
}
