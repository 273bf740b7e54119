/* Says in words how a process ended. Any thread. */
#include <stdio.h>
#include <string.h>

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
