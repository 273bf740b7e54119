/* The command: reads one contract and writes what was asked for, or compares two. Exit status: 0 in order, 1 the
 * contract is refused or the pair is not compatible, 2 wrong usage or a file that cannot be read or written. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contractc/contractc.h"
#include "contractc/draw.h"

static const char usage[] =
    "contractc: checks a contract and writes what the two sides, the kernel and people need of it.\n"
    "usage: contractc [--check] [OUTPUT FILE]... CONTRACT\n"
    "       contractc --compatible OLD NEW   may a server of NEW serve clients of OLD?\n"
    "       contractc --problems             every diagnostic and its number\n"
    "  --header FILE     the C header: a type for each state of each end, functions, tables\n"
    "  --table FILE      the table the kernel checks messages with\n"
    "  --table-version N the form of that table: 1, or 2, which checks what moves (default: what the header holds)\n"
    "  --decoder FILE    what contract_print prints messages with\n"
    "  --promela FILE    a model for spin\n"
    "  --dot FILE        the diagram of the states, for graphviz\n"
    "  --svg FILE        the same drawn (runs dot)\n"
    "  --identity        prints the contract's identity\n"
    "  --canonical FILE  the form that the identity is the hash of\n"
    "  --check           writes nothing: says what is wrong, or nothing\n"
    "  --json            diagnostics as JSON on standard output\n"
    "FILE may be - for standard output. Contracts that are used (use NAME;) are looked for beside CONTRACT.\n"
    "exit status: 0 in order, 1 refused or not compatible, 2 usage or a file\n";

enum choice {
  OPTION_HEADER = 1,
  OPTION_TABLE,
  OPTION_DECODER,
  OPTION_PROMELA,
  OPTION_DOT,
  OPTION_SVG,
  OPTION_CANONICAL,
  OPTION_OUTPUTS,
  OPTION_TABLE_VERSION,
  OPTION_IDENTITY,
  OPTION_CHECK,
  OPTION_JSON,
  OPTION_COMPATIBLE,
  OPTION_PROBLEMS,
  OPTION_HELP,
};

static const struct option options[] = {{"header", required_argument, NULL, OPTION_HEADER},
                                        {"table", required_argument, NULL, OPTION_TABLE},
                                        {"decoder", required_argument, NULL, OPTION_DECODER},
                                        {"promela", required_argument, NULL, OPTION_PROMELA},
                                        {"dot", required_argument, NULL, OPTION_DOT},
                                        {"svg", required_argument, NULL, OPTION_SVG},
                                        {"canonical", required_argument, NULL, OPTION_CANONICAL},
                                        {"table-version", required_argument, NULL, OPTION_TABLE_VERSION},
                                        {"identity", no_argument, NULL, OPTION_IDENTITY},
                                        {"check", no_argument, NULL, OPTION_CHECK},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"compatible", no_argument, NULL, OPTION_COMPATIBLE},
                                        {"problems", no_argument, NULL, OPTION_PROBLEMS},
                                        {"help", no_argument, NULL, OPTION_HELP},
                                        {0}};

struct command {
  const char *outputs[OPTION_OUTPUTS];
  unsigned table_version;
  bool identity, check, json, compatible;
};

static char *file_read(struct memory *memory, const char *path, uint32_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  char *text = memory_take(memory, SOURCE_MOST + 1);
  size_t got = fread(text, 1, SOURCE_MOST + 1, file);
  int error = ferror(file) ? errno ? errno : EIO : got > SOURCE_MOST ? EFBIG : 0;
  fclose(file);
  if (error) {
    errno = error;
    return NULL;
  }
  text[got] = '\0';
  *length = (uint32_t)got;
  return text;
}

/* ---- Outputs ---- */

static bool bytes_write(const uint8_t *bytes, uint32_t length, FILE *out) {
  return fwrite(bytes, 1, length, out) == length;
}

static bool svg_write(const struct contract *contract, FILE *out) {
  FILE *diagram = tmpfile();
  if (!diagram)
    return false;
  diagram_write(contract, diagram);
  bool drawn = draw_svg(diagram, out, "contractc");
  fclose(diagram);
  return drawn;
}

static bool output_write(struct compilation *compilation, const struct contract *contract,
                         const struct command *command, unsigned output, FILE *out) {
  uint32_t length;
  switch (output) {
  case OPTION_HEADER:
    header_write(compilation, contract, out);
    return true;
  case OPTION_TABLE: {
    const uint8_t *table =
        table_make(&compilation->memory, contract,
                   command->table_version ? command->table_version : table_version(contract), &length);
    return bytes_write(table, length, out);
  }
  case OPTION_DECODER: {
    const uint8_t *table = decoder_make(&compilation->memory, contract, &length);
    return bytes_write(table, length, out);
  }
  case OPTION_PROMELA:
    promela_write(contract, out);
    return true;
  case OPTION_DOT:
    diagram_write(contract, out);
    return true;
  case OPTION_CANONICAL:
    canonical_write(contract, out);
    return true;
  default:
    return svg_write(contract, out);
  }
}

/* A file that could not be written whole is not left behind; a device stays. */
static bool output(struct compilation *compilation, const struct contract *contract, const struct command *command,
                   unsigned number) {
  const char *path = command->outputs[number];
  bool standard = !strcmp(path, "-");
  FILE *out = standard ? stdout : fopen(path, "wb");
  bool written = out && output_write(compilation, contract, command, number, out) && fflush(out) == 0 && !ferror(out);
  int error = errno;
  struct stat status;
  if (out && !standard) {
    bool file = fstat(fileno(out), &status) == 0 && S_ISREG(status.st_mode);
    written &= fclose(out) == 0;
    if (!written && file)
      remove(path);
  }
  if (!written)
    fprintf(stderr, "contractc: cannot write %s: %s\n", path, strerror(error));
  return written;
}

/* ---- The command ---- */

/* What there is to say of the contract; the exit status. A file that cannot be read is not the contract's fault. */
static int report(const struct compilation *compilation, const struct command *command) {
  bool refused = compilation->problem_count != 0;
  if (command->json) {
    if (!problems_print_json(compilation, stdout))
      return 2;
  } else if (refused && compilation->problems[0]->number == PROBLEM_USE &&
             !compilation->problems[0]->place.source->text) {
    fprintf(stderr, "contractc: %s\n", compilation->problems[0]->text);
  } else {
    problems_print(compilation, stderr);
  }
  if (refused && compilation->problems[0]->number == PROBLEM_USE && !compilation->problems[0]->place.source->text)
    return 2;
  return refused;
}

static int compile(const struct command *command, const char *path) {
  struct compilation compilation = {.read = file_read};
  struct contract *contract = contract_compile(&compilation, path);
  int status = report(&compilation, command);
  if (contract && !command->check)
    for (unsigned i = 1; i < OPTION_OUTPUTS; i++)
      if (command->outputs[i] && !output(&compilation, contract, command, i))
        status = 2;
  if (contract && command->identity) {
    for (size_t i = 0; i < sizeof contract->identity; i++)
      printf("%02x", contract->identity[i]);
    printf("  %s\n", contract->name);
  }
  compilation_end(&compilation);
  return status;
}

/* Old and new each in a compilation of their own: their files have the same names. */
static int compare(const struct command *command, const char *old_path, const char *new_path) {
  struct compilation old = {.read = file_read}, new = {.read = file_read};
  const struct contract *client = contract_compile(&old, old_path);
  int status = client ? 0 : report(&old, command);
  if (!status) {
    const struct contract *server = contract_compile(&new, new_path);
    if (server)
      compatible(&new, client, server);
    status = report(&new, command);
  }
  compilation_end(&old);
  compilation_end(&new);
  return status;
}

static int wrong_usage(const char *what) {
  fprintf(stderr, "contractc: %s (contractc --help says how)\n", what);
  return 2;
}

int main(int count, char **arguments) {
  struct command command = {.table_version = 0};
  int option;
  while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
    switch (option) {
    case OPTION_TABLE_VERSION:
      if (strcmp(optarg, "1") != 0 && strcmp(optarg, "2") != 0)
        return wrong_usage("the forms of the table are 1 and 2");
      command.table_version = (unsigned)(optarg[0] - '0');
      break;
    case OPTION_IDENTITY:
      command.identity = true;
      break;
    case OPTION_CHECK:
      command.check = true;
      break;
    case OPTION_JSON:
      command.json = true;
      break;
    case OPTION_COMPATIBLE:
      command.compatible = true;
      break;
    case OPTION_PROBLEMS:
      problems_list(stdout);
      return fflush(stdout) ? 2 : 0;
    case OPTION_HELP:
      fputs(usage, stdout);
      return fflush(stdout) ? 2 : 0;
    case '?':
      return 2; /* getopt has said what is wrong */
    default:
      command.outputs[option] = optarg;
    }
  }
  if (count - optind != (command.compatible ? 2 : 1))
    return wrong_usage(command.compatible ? "--compatible takes two contracts, the old and the new"
                                          : "one contract is expected");
  int status = command.compatible ? compare(&command, arguments[optind], arguments[optind + 1])
                                  : compile(&command, arguments[optind]);
  return fflush(stdout) ? 2 : status;
}
