/* The exhaustive checks of the verifier: every encoding that a decoder could tell apart is given to it, and what it
 * says is compared with a model of the rules over Zydis's operands, with the row of the allow-list, and with LLVM's
 * decoder. A difference is a failure, or a line of tests/verifier/differences.list with the reason.
 *
 *   exhaustive [--long] [--part NAME] [LIST] [DIFFERENCES]
 *
 * Nothing is random. Without --long each part is thinned out as its file says. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/figures.h"
#include "tests/verifier/exhaustive.h"

static const struct {
  const char *name, *what;
  void (*run)(void);
} parts[] = {
    {"legacy", "sets of prefixes, REX, maps, opcodes and ModRM", exhaustive_legacy},
    {"orders", "orders and repetitions of prefixes", exhaustive_orders},
    {"vex", "VEX fields, maps, opcodes and ModRM", exhaustive_vex},
    {"escapes", "EVEX, XOP, REX2 and 3DNow!", exhaustive_escapes},
    {"literals", "every byte of the nops", exhaustive_literals},
    {"addresses", "ModRM, SIB and displacements of each accepted form", exhaustive_addresses},
    {"beginnings", "the first four bytes of code", exhaustive_beginnings},
    {"tails", "immediates, distances of branches, limits of %rip, the entry table", exhaustive_tails},
    {"positions", "places in a bundle, ends of code, neighbours of sequences", exhaustive_positions},
    {"sequences", "each part of a guarded sequence as any instruction", exhaustive_sequences},
    {"manual", "what the processor manuals say where decoders might share a belief", exhaustive_manual},
};

static void print(const char *start, const char *what, const struct exhaustive_tally *tally) {
  printf("%s%s: %s pieces of code tried, %s accepted, %s verdicts compared with the model, %s with the rows of the "
         "allow-list, %s lengths with LLVM's; %s differences have a reviewed reason, %s have none\n",
         start, what, thousands(tally->tried), thousands(tally->accepted), thousands(tally->modelled),
         thousands(tally->rows), thousands(tally->second), thousands(tally->explained), thousands(tally->differences));
}

static int usage(void) {
  fprintf(stderr, "usage: exhaustive [--long] [--part NAME] [ALLOW.LIST] [DIFFERENCES.LIST]\n"
                  "Exit status: 0 no difference without a reason, 1 differences, 2 usage. Parts:\n");
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    fprintf(stderr, "  %-12s %s\n", parts[i].name, parts[i].what);
  return 2;
}

int main(int count, char **arguments) {
  const char *only = NULL, *lists[2] = {"verifier/allow.list", "tests/verifier/differences.list"};
  unsigned list_count = 0;
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--long") == 0)
      exhaustive_long = true;
    else if (strcmp(arguments[i], "--part") == 0 && i + 1 < count)
      only = arguments[++i];
    else if (arguments[i][0] != '-' && list_count < 2)
      lists[list_count++] = arguments[i];
    else
      return usage();
  }
  oracle_start();
  exhaustive_llvm_start();
  exhaustive_read_rows(lists[0]);
  exhaustive_read_differences(lists[1]);
  const unsigned part_count = sizeof parts / sizeof *parts;
  struct exhaustive_tally all = {0};
  if (!exhaustive_long)
    printf("1..%u\n", only ? 1 : part_count + 1);
  unsigned ran = 0;
  for (unsigned i = 0; i < part_count; i++) {
    struct exhaustive_tally *tally = &exhaustive_tally;
    bool needs_forms =
        only && (strcmp(only, "addresses") == 0 || strcmp(only, "tails") == 0 || !strcmp(only, "positions"));
    bool counts = !only || strcmp(parts[i].name, only) == 0;
    if (!counts && !(needs_forms && i < 3))
      continue;
    time_t begun = time(NULL);
    if (isatty(2))
      fprintf(stderr, "%s …\n", parts[i].name);
    *tally = (struct exhaustive_tally){0};
    exhaustive_second_all = exhaustive_long && i < 3;
    parts[i].run();
    if (!counts)
      continue;
    char start[64];
    bool good = !tally->differences && tally->tried;
    snprintf(start, sizeof start, "%s %u - ", good ? "ok" : "not ok", ++ran);
    print(exhaustive_long ? "record: " : start, parts[i].what, tally);
    if (exhaustive_long)
      printf("# %s took %ld s\n", parts[i].name, (long)(time(NULL) - begun));
    fflush(stdout);
    all.tried += tally->tried;
    all.accepted += tally->accepted;
    all.modelled += tally->modelled;
    all.rows += tally->rows;
    all.second += tally->second;
    all.explained += tally->explained;
    all.differences += tally->differences;
  }
  if (only) {
    if (!ran)
      return usage();
    return all.differences != 0;
  }
  unsigned idle = exhaustive_report_differences();
  if (exhaustive_long) {
    print("record: ", "all encodings together", &all);
    printf("record: %s forms of instructions were accepted, registers, displacements and immediates apart; lines or "
           "words of "
           "differences.list that explained nothing: %u\n",
           thousands(exhaustive_form_count), idle);
  } else {
    printf("%s %u - each line of differences.list explains something\n", idle ? "not ok" : "ok", part_count + 1);
  }
  return all.differences || idle;
}
