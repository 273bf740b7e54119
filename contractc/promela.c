/* The contract as a model for spin: both ends, their queues, and every order in which they can run.
 *
 * As it is: no end is stuck (invalid end states), and no message finds its queue full (the assertions). With -DDEATH
 * either end may die anywhere, and the other must come to an end. With -DPROGRESS_CLIENT or -DPROGRESS_SERVER and a
 * search for non-progress cycles: that side hears from the other for ever. TO_CLIENT and TO_SERVER are the slots; with
 * one less the assertions must fail. */
#include <stdio.h>

#include "contractc/contractc.h"

static const char prologue[] =
    "bool gone_client, gone_server; /* an end that is closed; its peer learns it when nothing is queued */\n"
    "\n"
    "#ifdef PROGRESS_CLIENT\n"
    "#define HEARD_client(n) progress_##n: skip\n"
    "#else\n"
    "#define HEARD_client(n) skip\n"
    "#endif\n"
    "#ifdef PROGRESS_SERVER\n"
    "#define HEARD_server(n) progress_##n: skip\n"
    "#else\n"
    "#define HEARD_server(n) skip\n"
    "#endif\n"
    "#ifdef DEATH\n"
    "#define MAY_DIE :: goto gone;\n"
    "#else\n"
    "#define MAY_DIE\n"
    "#endif\n"
    "/* A send to a closed peer succeeds and is dropped. The slot was reserved: it is there. */\n"
    "#define SEND(queue, peer_gone, slots, message) \\\n"
    "  if :: peer_gone -> skip :: else -> assert(len(queue) < slots); queue!message fi\n";

static void state_write(const struct state *state, enum side side, unsigned *labels, FILE *out) {
  const char *self = side_name[side], *peer = side_name[other_side(side)];
  fprintf(out, "S_%s:\n", state->name);
  if (state->side == NEITHER) {
    fputs("  goto gone;\n", out);
    return;
  }
  fputs("  if\n", out);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const struct transition *transition = &state->transitions[i];
    const char *message = transition->message->name, *next = transition->next->name;
    if (state->side == side)
      fprintf(out, "  :: true -> SEND(to_%s, gone_%s, TO_%s, M_%s); goto S_%s\n", peer, peer,
              side == CLIENT ? "SERVER" : "CLIENT", message, next);
    else
      fprintf(out, "  :: to_%s?M_%s -> HEARD_%s(%u); goto S_%s\n", self, message, self, (*labels)++, next);
  }
  if (state->side == side && state->closes)
    fputs("  :: goto gone\n", out);
  if (state->side != side)
    fprintf(out, "  :: empty(to_%s) && gone_%s -> goto gone\n", self, peer);
  fputs("  MAY_DIE\n  fi;\n", out);
}

void promela_write(const struct contract *contract, FILE *out) {
  fprintf(
      out,
      "/* The contract %s as a model, made by contractc.\n"
      " * spin -a; cc pan.c; pan: no end is stuck, every queue is long enough.\n"
      " * The same with -DDEATH: either end may die anywhere.\n"
      " * With -DPROGRESS_CLIENT or -DPROGRESS_SERVER, cc -DNP, pan -l: that side hears from the other for ever. */\n"
      "#ifndef TO_CLIENT\n#define TO_CLIENT %u\n#endif\n#ifndef TO_SERVER\n#define TO_SERVER %u\n#endif\n",
      contract->name, contract->slots[CLIENT], contract->slots[SERVER]);
  const char *comma = "mtype = { ";
  uint32_t count = contract->message_count;
  for (uint32_t i = 0; i < count; i++)
    if (contract->messages[i]) {
      fprintf(out, "%sM_%s", comma, contract->messages[i]->name);
      comma = ", ";
    }
  /* One slot more than is promised, so that it is the assertion that speaks. */
  fprintf(out,
          " };\nchan to_client = [TO_CLIENT + 1] of { mtype };\nchan to_server = [TO_SERVER + 1] of { mtype };\n%s",
          prologue);
  for (unsigned side = CLIENT; side <= SERVER; side++) {
    unsigned labels = 0;
    fprintf(out, "\nactive proctype %s() {\n", side_name[side]);
    for (uint32_t i = 0; i < contract->state_count; i++)
      state_write(contract->states[i], side, &labels, out);
    fprintf(out, "gone:\n  gone_%s = true\n}\n", side_name[side]);
  }
}
