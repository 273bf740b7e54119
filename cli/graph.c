/* `signet graph`: draws a system: its processes, channels and devices. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/system_file.h"
#include "contractc/draw.h"

static const char help[] =
    "usage: signet graph [--svg FILE] [--dot FILE] SYSTEM.yaml\n"
    "\n"
    "Draws the processes of a manifest, the channels between them with their contracts (an arrow points to the "
    "server)\n"
    "and the devices that they are granted. Without an option: DOT on standard output. FILE may be '-'.\n"
    "\n"
    "  --svg FILE   a picture; runs graphviz's dot\n"
    "  --dot FILE   the text that graphviz draws it from\n"
    "\n"
    "Exit status: 0 it is drawn, 1 the manifest is refused or the drawing failed, 2 the command line is wrong.\n";

static bool draw(const struct manifest *manifest, bool svg, FILE *out) {
  if (!svg) {
    manifest_dot(manifest, out);
    return true;
  }
  FILE *diagram = tmpfile();
  if (!diagram)
    return false;
  manifest_dot(manifest, diagram);
  bool drawn = draw_svg(diagram, out, "signet");
  fclose(diagram);
  return drawn;
}

/* A file that could not be written whole is not left behind; a device stays. */
static bool write_file(const struct manifest *manifest, bool svg, const char *path) {
  bool standard = strcmp(path, "-") == 0;
  FILE *out = standard ? stdout : fopen(path, "wb");
  bool written = out && draw(manifest, svg, out) && fflush(out) == 0 && !ferror(out);
  int error = errno;
  struct stat status;
  if (out && !standard) {
    bool file = fstat(fileno(out), &status) == 0 && S_ISREG(status.st_mode);
    written &= fclose(out) == 0;
    if (!written && file)
      remove(path);
  }
  if (!written)
    cli_error("graph: cannot write %s: %s", path, strerror(error));
  return written;
}

int cli_graph(int count, char **arguments) {
  static const struct option table[] = {{"svg", required_argument, NULL, 's'},
                                        {"dot", required_argument, NULL, 'd'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  const char *svg = NULL, *dot = NULL;
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    if (option == 's') {
      svg = optarg;
    } else if (option == 'd') {
      dot = optarg;
    } else if (option == 'h') {
      fputs(help, stdout);
      return 0;
    } else {
      fputs("`signet graph --help` lists the options.\n", stderr);
      return CLI_USAGE;
    }
  }
  if (optind + 1 != count) {
    cli_error(optind == count ? "graph: no SYSTEM.yaml named" : "graph: one SYSTEM.yaml at a time");
    return CLI_USAGE;
  }
  struct manifest_problems *problems;
  struct manifest *manifest = cli_system_read(arguments[optind], false, &problems);
  manifest_problems_print(problems, stderr, isatty(STDERR_FILENO));
  bool drawn = manifest != NULL;
  if (drawn && !svg && !dot)
    dot = "-";
  if (drawn && svg)
    drawn = write_file(manifest, true, svg);
  if (drawn && dot)
    drawn = write_file(manifest, false, dot);
  manifest_problems_release(problems);
  manifest_release(manifest);
  return drawn ? 0 : CLI_REFUSED;
}
