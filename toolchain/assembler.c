/* The `as` that gcc finds: rewrites the source into code that the verifier accepts, then runs the real assembler. Takes
 * the real one's options, and --signet-rewrite, which writes the rewritten source instead of an object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolchain/assembly.h"
#include "toolchain/host.h"

/* Options whose argument is the next word. */
static bool takes_argument(const char *option) {
  static const char *const list[] = {"-o", "-I", "--defsym", "--MD", "-MD", "--debug-prefix-map"};
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    if (strcmp(list[i], option) == 0)
      return true;
  return false;
}

/* Options that do not change lengths, and would write something in the measuring run. */
static bool is_output_option(const char *option) {
  return strcmp(option, "-o") == 0 || strcmp(option, "--MD") == 0 || strcmp(option, "-MD") == 0 ||
         strncmp(option, "-g", 2) == 0 || strncmp(option, "--gdwarf", 8) == 0 ||
         strncmp(option, "--gen-debug", 11) == 0 || strncmp(option, "-a", 2) == 0;
}

/* Options that make the assembler add bytes of its own. */
static bool is_dropped(const char *option) {
  return strncmp(option, "-malign-branch", 14) == 0 || strncmp(option, "-mbranches-within", 17) == 0 ||
         strncmp(option, "-mlfence", 8) == 0;
}

int main(int argc, char **argv) {
  char **all = memory_allocate(((size_t)argc + 3) * sizeof *all);
  char **measuring = memory_allocate(((size_t)argc + 3) * sizeof *measuring);
  char **inputs = memory_allocate(((size_t)argc + 2) * sizeof *inputs);
  size_t all_count = 0, measuring_count = 0, input_count = 0;
  bool rewrite_only = false, debug = false;
  const char *output = "a.out";
  all[all_count++] = HOST_ASSEMBLER;
  /* Negative absolute addresses are rewritten with the pseudo register %eiz. */
  all[all_count++] = measuring[measuring_count++] = (char *)"-mindex-reg";
  for (int i = 1; i < argc; i++) {
    char *option = argv[i];
    if (strcmp(option, "--version") == 0 || strcmp(option, "-v") == 0 || strcmp(option, "--help") == 0) {
      argv[0] = HOST_ASSEMBLER;
      execv(HOST_ASSEMBLER, argv);
      return 127;
    }
    if (strcmp(option, "--32") == 0 || strcmp(option, "--x32") == 0) {
      fprintf(stderr, "signet as: only 64-bit code is supported\n");
      return 1;
    }
    if (strcmp(option, "--signet-rewrite") == 0) {
      rewrite_only = true;
      continue;
    }
    if (strcmp(option, "--") == 0 || is_dropped(option))
      continue;
    if (option[0] != '-' || option[1] == 0) {
      inputs[input_count++] = option;
      continue;
    }
    if (strncmp(option, "-o", 2) == 0 && option[2])
      output = option + 2;
    debug |= strncmp(option, "-g", 2) == 0 || strncmp(option, "--gdwarf", 8) == 0;
    bool measure = !is_output_option(option);
    all[all_count++] = option;
    if (measure)
      measuring[measuring_count++] = option;
    if (takes_argument(option) && i + 1 < argc) {
      i++;
      if (strcmp(option, "-o") == 0)
        output = argv[i];
      all[all_count++] = argv[i];
      if (measure)
        measuring[measuring_count++] = argv[i];
    }
  }
  if (input_count == 0)
    inputs[input_count++] = "-";

  struct assembly *assembly = calloc(1, sizeof *assembly);
  if (!assembly)
    return 1;
  assembly->parallel = getenv("SIGNET_PARALLEL") != NULL;
  for (size_t i = 0; i < input_count; i++) {
    size_t length;
    char *bytes = command_read_file(inputs[i], &length);
    if (!bytes) {
      fprintf(stderr, "signet as: cannot read %s\n", inputs[i]);
      free(assembly);
      return 1;
    }
    source_read(assembly, strcmp(inputs[i], "-") == 0 ? "{standard input}" : inputs[i], bytes, length);
    free(bytes);
  }
  source_end(assembly);
  if (assembly->errors || !measure_texts(assembly, measuring, measuring_count))
    return 1;
  flags_check(assembly);
  layout_sections(assembly);
  if (assembly->errors)
    return 1;
  char *rewritten = rewrite_only ? (char *)output : command_temporary(".s");
  if (!emit_assembly(assembly, rewritten, debug || !rewrite_only)) {
    fprintf(stderr, "signet as: cannot write %s\n", rewritten);
    return 1;
  }
  if (rewrite_only)
    return 0;
  all[all_count++] = "--no-warn"; /* said while measuring */
  all[all_count++] = rewritten;
  int status = command_run(HOST_ASSEMBLER, all);
  if (status == 0)
    check_object(assembly, output);
  return status;
}
