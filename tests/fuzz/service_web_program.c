/* The web server as a program that is fuzzed: the slots that the library OS gives it. For service_web.c. */
#include <getopt.h>
#include <string.h>

#include <signet/calls.h>
#include <signet/program.h>

#define TESTS_FUZZ_SERVICE_WEB
#include "tests/fuzz/service_web.h"
#include "tests/fuzz/service_web_peers.h"

_Noreturn void service_main(const struct signet_startup *startup);

const char *const web_slots[SLOTS] = {"network", "files", "extension", "observation", "supervision"};

/* ---- The program ---- */

static const struct signet_startup *startup;
static uint32_t library_files; /* the library's own end, which it closes when another comes */

uint32_t signet_slot_number(const char *name) {
  for (uint32_t i = 0; i < SLOTS; i++)
    if (!strcmp(name, web_slots[i]))
      return i;
  return UINT32_MAX;
}

uint32_t signet_slot(const char *name) {
  uint32_t slot = signet_slot_number(name);
  return slot == UINT32_MAX ? 0 : startup->handles[slot];
}

void signet_files_renew(uint32_t endpoint) {
  signet_handle_close(library_files);
  library_files = endpoint;
}

bool signet_slot_renew(uint32_t slot, uint32_t endpoint) { return (void)slot, (void)endpoint, false; }

_Noreturn void service_main(const struct signet_startup *given) {
  char *arguments[] = {"web", "--root", "/site", NULL};
  startup = given;
  library_files = given->handles[FILES];
  optind = 0;
  web_exit(web_main(3, arguments));
}
