/* The drawing of `signet graph`, for graphviz: processes, the channels between them with their contracts (an arrow
 * points to the server), and the devices. */
#include "manifest/model.h"

static const char *const colors[][2] = {{"#d7e8f9", "#1f5f9e"}, {"#fde5c8", "#b3610c"}, {"#eeeeee", "#666666"}};
enum { PROGRAM, SERVICE, DEVICE };

/* Text for a label: nothing in a path can end it. */
static void text_write(const char *text, FILE *to) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      fputc('\\', to);
    fputc((unsigned char)*text < ' ' ? '?' : *text, to);
  }
}

static void process_write(const struct process *process, bool main, FILE *to) {
  char memory[24];
  const char *const *color = colors[process->service ? SERVICE : PROGRAM];
  fprintf(to, "  \"%s\" [label=\"%s\\n", process->name, process->name);
  if (process->service)
    fprintf(to, "service %s", process->service->name);
  else
    text_write(process->image->image.name, to);
  fprintf(to, ", %s\\nrestart: %s\", fillcolor=\"%s\", color=\"%s\"%s%s];\n", quantity(process->quota.memory, memory),
          restart_word(process->policy.restart), color[0], color[1],
          process->supervised ? "" : ", style=\"rounded,filled,dashed\"", main ? ", peripheries=2" : "");
}

static void needs_write(const struct process *process, FILE *to) {
  for (uint32_t i = 0; i < process->need_count; i++) {
    const struct need *need = &process->needs[i];
    const char *contract = need->observation      ? "observation"
                           : need->offer->console ? CONSOLE_CONTRACT
                                                  : need->offer->contract->name;
    fprintf(to, "  \"%s\" -> \"%s\" [label=\"%s\"%s];\n", process->name,
            need->observation ? "supervisor" : need->process->name, contract,
            need->observation ? ", style=dashed" : "");
  }
}

static void devices_write(const struct process *process, FILE *to) {
  struct obstack memory;
  obstack_init(&memory);
  for (uint32_t i = 0; i < process->device_count; i++) {
    const struct device *device = &process->devices[i];
    const struct manifest_device *one = &device->device;
    if (one->kind == MANIFEST_STREAM && one->stream)
      continue;
    fprintf(to, "  \"device %u\" [shape=%s, fillcolor=\"%s\", color=\"%s\", style=filled, fontsize=10, label=\"",
            device->number, one->kind == MANIFEST_DIRECTORY ? "folder" : "component", colors[DEVICE][0],
            colors[DEVICE][1]);
    if (one->kind == MANIFEST_STREAM) {
      fputs("standard streams", to);
    } else if (one->kind == MANIFEST_DIRECTORY) {
      const char *slash = strrchr(one->directory, '/');
      text_write(slash[1] ? slash + 1 : one->directory, to);
      fputs("\\n", to);
      if (device->at)
        text_write(device->at, to);
      fputs(one->read_only ? ", read-only" : ", to write", to);
    } else {
      fputs("network", to);
      for (uint32_t j = 0; one->listen[j]; j++)
        fprintf(to, "\\nlistens at %s", one->listen[j]);
      for (uint32_t j = 0; one->connect[j]; j++)
        fprintf(to, "\\nconnects to %s", one->connect[j]);
    }
    fprintf(to, "\"];\n  \"%s\" -> \"device %u\" [arrowhead=none, penwidth=2, color=\"%s\"];\n", process->name,
            device->number, colors[DEVICE][1]);
  }
  obstack_free(&memory, NULL);
}

void manifest_dot(const struct manifest *manifest, FILE *to) {
  bool observed = false;
  fprintf(to,
          "// The system %s, made by signet graph. An arrow is a channel and points to its server.\n"
          "digraph \"%s\" {\n"
          "  graph [fontname=\"Helvetica\", fontsize=13, labelloc=t, rankdir=TB, nodesep=0.5, ranksep=0.6, pad=0.3,\n"
          "         label=<<b>%s</b>   <font color=\"%s\">■</font> program   <font color=\"%s\">■</font> service"
          "   <font color=\"%s\">■</font> device   → asks>];\n"
          "  node [fontname=\"Helvetica\", fontsize=12, shape=box, style=\"rounded,filled\", penwidth=1.4];\n"
          "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#333333\"];\n",
          manifest->name, manifest->name, manifest->name, colors[PROGRAM][1], colors[SERVICE][1], colors[DEVICE][1]);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    const struct process *process = &manifest->processes[i];
    process_write(process, process == manifest->main, to);
    for (uint32_t j = 0; j < process->need_count; j++)
      observed |= process->needs[j].observation;
  }
  if (observed)
    fprintf(to, "  \"supervisor\" [style=\"rounded,filled,dashed\", fillcolor=\"%s\", color=\"%s\"];\n",
            colors[SERVICE][0], colors[SERVICE][1]);
  for (uint32_t i = 0; i < manifest->process_count; i++) {
    needs_write(&manifest->processes[i], to);
    devices_write(&manifest->processes[i], to);
  }
  fputs("}\n", to);
}
