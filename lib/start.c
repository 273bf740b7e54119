/* From the kernel's start-up block to the C library's: arguments, environment and the auxiliary vector, as Linux lays
 * them out. Runs once, on the first thread, before anything else; so no thread-local variable may be touched here. */
#include <elf.h>

#include <signet/program.h>
#include <signet/supervised.h>

#include "contracts/supervision.h"
#include "lib/library.h"

int main(int, char **, char **);
void _init(void);
void _fini(void);
int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void));

/* From the linker's layout: the program header of thread-local data, which is all that the C library asks of them. */
extern const Elf64_Phdr __signet_program_headers[], __signet_program_headers_end[];

struct signet_process_facts signet_facts;

static const char *slot_names; /* one after another, as many as there are slots */
static uint32_t slot_count;

#define REFUSED_STATUS 127 /* the exit status when the start-up bytes make no sense */
#define FIRST_NUMBER 1000  /* of processes; what is added to it is random, so that names made from it differ */

/* Steps over `count` strings; NULL if they do not all end before `end`. */
static char *take_strings(char *at, const char *end, char **vector, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (vector)
      vector[i] = at;
    while (at < end && *at)
      at++;
    if (at == end)
      return NULL;
    at++;
  }
  return at;
}

_Noreturn static void refuse(void) { signet_process_exit(SIGNET_ENDED_EXIT, REFUSED_STATUS); }

uint32_t signet_slot_number(const char *name) {
  const char *at = slot_names;
  for (uint32_t i = 0; i < slot_count; i++) {
    const char *of = name;
    while (*at && *at == *of)
      at++, of++;
    if (!*at && !*of)
      return i;
    while (*at)
      at++;
    at++;
  }
  return UINT32_MAX;
}

uint32_t signet_slot(const char *name) {
  uint32_t number = signet_slot_number(name);
  return number == UINT32_MAX ? 0 : signet_facts.startup->handles[number];
}

static void connect(void) {
  static const char *const names[] = {"input", "output", "error", "files"};
  for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
    signet_channels[i].endpoint = signet_slot(names[i]);
    signet_channels[i].slot = signet_slot_number(names[i]) + 1;
  }
}

/* A program that knows nothing of supervisors does what it is there for from its start. One that does is linked with
 * this. */
extern void signet_supervised_begin(struct signet_supervised *supervised, uint32_t endpoint,
                                    const struct signet_supervised_calls *calls, void *context) __attribute__((weak));

static void say_started(void) {
  struct supervision_buffer buffer;
  uint32_t endpoint = signet_slot("supervision");
  if (!endpoint || signet_supervised_begin)
    return;
  supervision_put_STARTED(&buffer);
  signet_channel_send(endpoint, &buffer.message);
}

void signet_start(struct signet_startup *startup) {
  const struct signet_program *program = (const void *)(uintptr_t)startup->bytes_offset;
  if (startup->abi_version != SIGNET_ABI_VERSION || startup->bytes_length < sizeof *program ||
      program->version != SIGNET_PROGRAM_VERSION)
    refuse();
  char *strings = (char *)(program + 1), *end = (char *)program + startup->bytes_length;
  /* Every string takes a byte at least, so the counts are bounded by the bytes that are there. */
  uint64_t most = startup->bytes_length;
  if (program->arguments > most || program->environment > most || program->slots > startup->slots || program->reserved)
    refuse();
  signet_memory_begin(startup->area_low, startup->area_high);
  signet_facts.startup = startup;
  signet_facts.trace = program->flags & SIGNET_PROGRAM_TRACE;

  struct {
    char bytes[16]; /* AT_RANDOM */
    uint32_t number;
  } random;
  signet_random_fill(&random, sizeof random);
  signet_facts.number = FIRST_NUMBER + random.number % 4000000;

  char *vector[program->arguments + program->environment + 2 + 2 * 20];
  char **environment = vector + program->arguments + 1;
  strings = take_strings(strings, end, vector, program->arguments);
  if (strings)
    strings = take_strings(strings, end, environment, program->environment);
  char *directory = strings;
  strings = strings ? take_strings(strings, end, NULL, 1) : NULL;
  if (!strings || !take_strings(strings, end, NULL, program->slots))
    refuse();
  slot_names = strings;
  slot_count = program->slots;
  connect();
  say_started();
  vector[program->arguments] = NULL;
  environment[program->environment] = NULL;
  signet_facts.name = program->arguments ? vector[0] : "";
  signet_facts.directory = directory[0] == '/' ? directory : "/";

  uint64_t *auxiliary = (uint64_t *)(environment + program->environment + 1);
  const uint64_t values[][2] = {
      {AT_PAGESZ, SIGNET_PAGE},
      {AT_RANDOM, (uintptr_t)random.bytes},
      {AT_PHDR, (uintptr_t)__signet_program_headers},
      {AT_PHNUM, __signet_program_headers_end - __signet_program_headers},
      {AT_PHENT, sizeof(Elf64_Phdr)},
      {AT_EXECFN, (uintptr_t)signet_facts.name},
      {AT_CLKTCK, 100},
      {AT_SECURE, 0},
      {AT_UID, 0},
      {AT_EUID, 0},
      {AT_GID, 0},
      {AT_EGID, 0},
      {AT_HWCAP, 0},
      {AT_NULL, 0},
  };
  for (uint32_t i = 0; i < sizeof values / sizeof *values; i++) {
    auxiliary[2 * i] = values[i][0];
    auxiliary[2 * i + 1] = values[i][1];
  }
  __libc_start_main(main, program->arguments, vector, _init, _fini, NULL);
}
