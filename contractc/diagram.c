/* The states as a picture, for graphviz: one node a state in the colour of the side whose turn it is, one arrow a pair
 * of states with the messages that lead from the one to the other. */
#include <string.h>

#include "contractc/contractc.h"

#define LINE 34  /* characters of messages on one line of an arrow's text */
#define LINES 12 /* then "… and N more" */

static const char *const fill[3] = {"#d7e8f9", "#fde5c8", "#eeeeee"};
static const char *const stroke[3] = {"#1f5f9e", "#b3610c", "#666666"};

/* The messages from one state to another, several on a line. */
static void label_write(const struct state *from, const struct state *to, FILE *out) {
  uint32_t column = 0, lines = 0, left = 0;
  for (uint32_t i = 0; i < from->transition_count; i++) {
    if (from->transitions[i].next != to)
      continue;
    const char *name = from->transitions[i].message->name;
    if (column && column + strlen(name) > LINE) {
      fputs("\\l", out);
      column = 0;
      lines++;
    }
    if (lines >= LINES) {
      left++;
      continue;
    }
    column += (uint32_t)fprintf(out, "%s%s", column ? "  " : "", name);
  }
  if (left)
    fprintf(out, "… and %u more", left);
  fputs("\\l", out);
}

/* Text for a label: nothing in a name or a comment can end it. */
static void text_write(const char *text, FILE *out) {
  for (; text && *text; text++) {
    if (*text == '"' || *text == '\\')
      fputc('\\', out);
    fputc(*text == '\n' ? ' ' : *text, out);
  }
}

void diagram_write(const struct contract *contract, FILE *out) {
  fprintf(out,
          "// The states of the contract %s, made by contractc.\n"
          "digraph \"%s\" {\n"
          "  graph [fontname=\"Helvetica\", fontsize=13, labelloc=t, nodesep=0.5, ranksep=0.7, pad=0.3,\n"
          "         label=<<b>%s</b>   <font color=\"%s\">■</font> client's turn   <font color=\"%s\">■</font> "
          "server's turn"
          "   slots: %u to the server, %u to the client>];\n"
          "  node [fontname=\"Helvetica\", fontsize=12, shape=box, style=\"rounded,filled\", penwidth=1.4];\n"
          "  edge [fontname=\"Helvetica\", fontsize=10];\n"
          "  begin [shape=point, width=0.14, color=\"#333333\"];\n"
          "  begin -> s0;\n",
          contract->name, contract->name, contract->name, stroke[CLIENT], stroke[SERVER], contract->slots[SERVER],
          contract->slots[CLIENT]);
  bool closes = false;
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    closes |= state->closes;
    fprintf(out, "  s%u [label=\"%s%s\", fillcolor=\"%s\", color=\"%s\"%s, tooltip=\"", i, state->name,
            state->side == NEITHER  ? ""
            : state->side == CLIENT ? "\\n(client)"
                                    : "\\n(server)",
            fill[state->side], stroke[state->side], state->side == NEITHER ? ", peripheries=2" : "");
    text_write(state->documentation ? state->documentation : state->name, out);
    fputs("\"];\n", out);
  }
  if (closes)
    fputs("  closed [label=\"closed\", shape=box, peripheries=2, fillcolor=\"#eeeeee\", color=\"#666666\"];\n", out);
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    for (uint32_t j = 0; j < state->transition_count; j++) {
      bool drawn = false;
      for (uint32_t k = 0; k < j && !drawn; k++)
        drawn = state->transitions[k].next == state->transitions[j].next;
      if (drawn)
        continue;
      fprintf(out, "  s%u -> s%u [color=\"%s\", fontcolor=\"%s\", label=\"", i, state->transitions[j].next->number,
              stroke[state->side], stroke[state->side]);
      label_write(state, state->transitions[j].next, out);
      fputs("\"];\n", out);
    }
    if (state->closes)
      fprintf(out, "  s%u -> closed [style=dashed, color=\"%s\"];\n", i, stroke[state->side]);
  }
  fputs("}\n", out);
}
