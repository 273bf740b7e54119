/* `signet verify`: the verdict of the kernel's loader and verifier on files, with every broken rule. One thread. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "verifier/verifier.h"

static const char help[] = "usage: signet verify [--json] FILE…\n"
                           "       signet verify [--json] [--parallel] --raw FILE…\n"
                           "\n"
                           "Checks images as the kernel does before it runs them. Exit status 0: all may run; 1: some "
                           "may not, and each broken rule is printed with\n"
                           "its address, bytes, name and meaning; 2: wrong command line; 3: a file cannot be read.\n"
                           "\n"
                           "  --raw       FILE is flat machine code, as it would stand at the start of a code segment\n"
                           "  --parallel  hold raw code to the rule for threads that run at the same time\n"
                           "  --json      print one JSON array instead\n";

#define CANNOT_READ 3

struct checked {
  const char *path;
  struct cli_code code;
  const void *image; /* for symbols; NULL for raw code */
  size_t image_length;
  json_t *violations; /* with --json */
  bool json;
};

static void print_violation(void *context, const struct verifier_violation *violation) {
  struct checked *checked = context;
  uint64_t at = violation->offset - checked->code.offset;
  char bytes[64] = "", symbol[128] = "";
  for (unsigned i = 0; i < violation->length && i < 15 && at + i < checked->code.length; i++)
    snprintf(bytes + 3 * i, 5, "%02x ", checked->code.bytes[at + i]);
  if (bytes[0])
    bytes[strlen(bytes) - 1] = 0;
  if (checked->image)
    cli_symbol(checked->image, checked->image_length, violation->offset, symbol, sizeof symbol);
  const char *label = verifier_rule_label(violation->rule), *text = verifier_rule_text(violation->rule);
  if (checked->json)
    json_array_append_new(checked->violations,
                          json_pack("{s:I,s:s,s:s,s:s,s:s}", "address", (json_int_t)violation->offset, "bytes", bytes,
                                    "symbol", symbol, "rule", label, "text", text));
  else
    printf("%s: 0x%x%s%s%s: %s: %s: %s\n", checked->path, violation->offset, symbol[0] ? " (" : "", symbol,
           symbol[0] ? ")" : "", bytes, label, text);
}

/* All violations of a piece of code; false if there are any. */
static bool check_code(struct checked *checked, struct verifier_outcome *outcome) {
  void *scratch = calloc(1, verifier_scratch_size(checked->code.length) + 8);
  if (!scratch) {
    cli_error("%s: no memory to verify it", checked->path);
    return false;
  }
  struct verifier_input input = {.code = checked->code.bytes,
                                 .length = checked->code.length,
                                 .offset = checked->code.offset,
                                 .calls = SIGNET_CALL_COUNT,
                                 .parallel = checked->code.parallel};
  bool good = verifier_check(&input, scratch, print_violation, checked, outcome);
  free(scratch);
  return good;
}

static bool check_image(struct checked *checked, struct verifier_outcome *outcome, struct kernel_refusal *refusal) {
  struct kernel_image *image;
  enum signet_status status = kernel_image_load(checked->image, checked->image_length, &image, refusal);
  if (status == SIGNET_OK) {
    struct kernel_image_facts facts;
    kernel_image_facts(image, &facts);
    checked->code.length = facts.code_length;
    outcome->instructions = facts.instructions;
    kernel_image_release(image);
    return true;
  }
  /* The loader stops at its first reason, which may be the headers'; after it, every broken rule of the code. */
  if (checked->json)
    json_array_append_new(checked->violations, json_pack("{s:I,s:s,s:s}", "address", (json_int_t)refusal->offset,
                                                         "rule", "image", "text", refusal->text));
  else
    printf("%s: image: %s\n", checked->path, refusal->text);
  if (cli_find_code(checked->image, checked->image_length, &checked->code))
    check_code(checked, outcome);
  return false;
}

/* 0 good, CLI_REFUSED, or CANNOT_READ. */
static int check_file(const char *path, bool raw, bool parallel, json_t *results) {
  struct checked checked = {.path = path, .json = results != NULL};
  struct verifier_outcome outcome = {0};
  struct kernel_refusal refusal = {0};
  size_t length;
  void *bytes = cli_read_file(path, &length);
  if (!bytes) {
    cli_error("%s: %s", path, strerror(errno));
    return CANNOT_READ;
  }
  checked.violations = json_array();
  bool good;
  if (raw) {
    checked.code = (struct cli_code){bytes, length, SIGNET_IMAGE_LOW, parallel};
    good = check_code(&checked, &outcome);
  } else {
    checked.image = bytes;
    checked.image_length = length;
    good = check_image(&checked, &outcome, &refusal);
  }
  if (results)
    json_array_append_new(results, json_pack("{s:s,s:b,s:I,s:I,s:O}", "file", path, "verified", good, "code_bytes",
                                             (json_int_t)checked.code.length, "instructions",
                                             (json_int_t)outcome.instructions, "violations", checked.violations));
  else if (good)
    printf("%s: verified, %llu bytes of code, %llu instructions\n", path, (unsigned long long)checked.code.length,
           (unsigned long long)outcome.instructions);
  json_decref(checked.violations);
  free(bytes);
  return good ? 0 : CLI_REFUSED;
}

int cli_verify(int count, char **arguments) {
  static const struct option table[] = {{"raw", no_argument, NULL, 'r'},
                                        {"parallel", no_argument, NULL, 'p'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  bool raw = false, parallel = false, json = false;
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    switch (option) {
    case 'r':
      raw = true;
      break;
    case 'p':
      parallel = true;
      break;
    case 'j':
      json = true;
      break;
    case 'h':
      fputs(help, stdout);
      return 0;
    default:
      fputs("`signet verify --help` lists the options.\n", stderr);
      return CLI_USAGE;
    }
  }
  if (optind == count || (parallel && !raw)) {
    cli_error(optind == count ? "verify: no file named"
                              : "verify: --parallel goes with --raw; an image says it itself");
    return CLI_USAGE;
  }
  if (!cli_prepare_to_load())
    return CLI_FAILED;
  json_t *results = json ? json_array() : NULL;
  int worst = 0;
  for (int i = optind; i < count; i++) {
    int status = check_file(arguments[i], raw, parallel, results);
    if (status > worst)
      worst = status;
  }
  if (json)
    cli_print_json(results);
  return worst;
}
