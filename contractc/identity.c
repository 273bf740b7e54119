/* A contract's identity: BLAKE2b-256 of its canonical form, which holds what the two sides have to agree on and nothing
 * else. `contractc --canonical` shows it; docs/contracts.md says what counts. */
#include <blake2.h>
#include <stdlib.h>
#include <string.h>

#include "contractc/contractc.h"

static const char *const type_name[] = {"u8",   "u16",  "u32",  "u64",    "i8",    "i16",      "i32", "i64",
                                        "bool", "char", "enum", "struct", "block", "endpoint", "any"};

static void fields_write(const struct contract *contract, const struct field *fields, uint32_t count, unsigned depth,
                         FILE *out) {
  for (uint32_t i = 0; i < count; i++) {
    const struct field *field = &fields[i];
    fprintf(out, "%*s%s %s", (int)depth, "", type_name[field->type], field->name);
    if (field->form == FORM_FIXED)
      fprintf(out, " [%llu]", (unsigned long long)field->most);
    else if (field_varies(field) || field->type == TYPE_BLOCK)
      fprintf(out, " [%llu..%llu]", (unsigned long long)field->least, (unsigned long long)field->most);
    if (field->type == TYPE_ENUM) {
      fprintf(out, " %u %s", field->enumeration->size, field->enumeration->flags ? "flags" : "values");
      for (uint32_t j = 0; j < field->enumeration->member_count; j++)
        fprintf(out, " %s=%llu", field->enumeration->members[j].name,
                (unsigned long long)field->enumeration->members[j].value);
    }
    if (field->type == TYPE_ANY)
      fprintf(out, " %s", side_name[field->side]);
    if (field->type == TYPE_ENDPOINT) {
      fprintf(out, " %s %s ", side_name[field->side], field->state_name);
      if (field->contract == contract)
        fputs("this", out);
      for (size_t j = 0; field->contract != contract && j < sizeof field->contract->identity; j++)
        fprintf(out, "%02x", field->contract->identity[j]);
    }
    fputc('\n', out);
    if (field->type == TYPE_STRUCT)
      fields_write(contract, field->structure->fields, field->structure->field_count, depth + 1, out);
  }
}

void canonical_write(const struct contract *contract, FILE *out) {
  fputs("signet contract 1\n", out);
  for (uint32_t i = 0; i < contract->message_count; i++) {
    const struct message *message = contract->messages[i];
    if (!message)
      continue;
    fprintf(out, "message %u %s %s %u..%u\n", i, side_name[message->side], message->name, message->least,
            message->most);
    fields_write(contract, message->fields, message->field_count, 1, out);
  }
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    fprintf(out, "state %u %s %s%s\n", i, side_name[state->side], state->name, state->closes ? " close" : "");
    for (uint32_t tag = 0; tag < contract->message_count; tag++)
      for (uint32_t j = 0; j < state->transition_count; j++)
        if (state->transitions[j].message->tag == tag)
          fprintf(out, " %u %u\n", tag, state->transitions[j].next->number);
  }
}

void identity_compute(struct contract *contract) {
  struct memory memory = {0};
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (out)
    canonical_write(contract, out);
  if (!out || fclose(out)) {
    fputs("contractc: the machine has no memory left\n", stderr);
    exit(2);
  }
  blake2b(contract->identity, text, NULL, sizeof contract->identity, length, 0);
  free(text);
  /* The kernel hashes the table that it was given, with the identity left out. */
  for (unsigned version = 1; version <= TABLE_VERSIONS; version++) {
    uint32_t table_length;
    uint8_t *table = table_make(&memory, contract, version, &table_length);
    memset(table + offsetof(struct signet_contract, identity), 0, sizeof contract->identity);
    blake2b(contract->table_hash[version - 1], table, NULL, sizeof contract->identity, table_length, 0);
  }
  memory_release(&memory);
}
