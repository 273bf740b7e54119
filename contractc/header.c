/* The C header of a contract: constants, types, the kernel's table, the decoder; and the names in it, which must not
 * collide. */
#include "contractc/header.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *upper_of(struct memory *memory, const char *name) {
  char *upper = memory_copy(memory, name, strlen(name));
  for (char *c = upper; *c; c++)
    *c = (char)toupper((unsigned char)*c);
  return upper;
}

/* ---- Names ---- */

struct name {
  const char *text;
  struct place place;
  uint32_t order;
};
struct names {
  struct compilation *compilation;
  struct name *list;
  uint32_t count;
};

static void __attribute__((format(printf, 3, 4)))
name_add(struct names *names, struct place place, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *text = memory_text_list(&names->compilation->memory, format, arguments);
  va_end(arguments);
  struct name *name = APPEND(&names->compilation->memory, names->list, names->count);
  *name = (struct name){text, place, names->count};
}

static int names_compare(const void *a, const void *b) {
  const struct name *first = a, *second = b;
  int order = strcmp(first->text, second->text);
  return order ? order : first->order < second->order ? -1 : 1;
}

/* A place without length is no declaration: the name is one that every header has. */
static void names_compare_all(struct names *names) {
  if (!names->count)
    return;
  qsort(names->list, names->count, sizeof *names->list, names_compare);
  for (uint32_t i = 1; i < names->count; i++) {
    const struct name *first = &names->list[i - 1], *second = &names->list[i];
    if (strcmp(first->text, second->text) != 0)
      continue;
    const struct name *later = second->place.length ? second : first, *earlier = later == second ? first : second;
    struct problem *problem = problem_add(names->compilation, PROBLEM_HEADER_NAME, later->place,
                                          "the C header would have '%s' twice", later->text);
    if (earlier->place.length)
      problem_note(names->compilation, problem, earlier->place, "this has that name too");
    problem_suggest(names->compilation, problem, "%s",
                    earlier->place.length ? "rename one of them" : "every header has that name: choose another");
  }
}

static void fields_names(struct compilation *compilation, const struct names *macros, const struct field *fields,
                         uint32_t count) {
  struct names names = {.compilation = compilation};
  for (uint32_t i = 0; i < count; i++) {
    name_add(&names, fields[i].place, "%s", fields[i].name);
    if (field_varies(&fields[i]))
      name_add(&names, fields[i].place, "%s_%s", fields[i].name, fields[i].form == FORM_TEXT ? "length" : "count");
    struct name wanted = {.text = fields[i].name};
    for (uint32_t low = 0, high = macros->count; low < high;) {
      uint32_t middle = (low + high) / 2;
      int order = strcmp(wanted.text, macros->list[middle].text);
      if (!order) {
        problem_note(compilation,
                     problem_add(compilation, PROBLEM_HEADER_NAME, fields[i].place,
                                 "'%s' is a constant in the C header, so no field is called so", wanted.text),
                     macros->list[middle].place, "it is made of this");
        break;
      }
      if (order < 0)
        high = middle;
      else
        low = middle + 1;
    }
  }
  names_compare_all(&names);
}

void header_names_check(struct compilation *compilation, struct contract *contract) {
  static const char *const fixed[] = {"STATES",    "MESSAGE_COUNT",   "IDENTITY",        "TABLE_HASH",
                                      "DATA_MOST", "CONTRACT_LENGTH", "SLOTS_TO_CLIENT", "SLOTS_TO_SERVER"};
  struct names macros = {.compilation = compilation}, tags = {.compilation = compilation};
  const char *prefix = contract->name, *upper = upper_of(&compilation->memory, prefix);
  struct place nowhere = {.source = &contract->source};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
    name_add(&macros, nowhere, "%s_%s", upper, fixed[i]);
  name_add(&tags, nowhere, "%s_tag", prefix);
  name_add(&tags, nowhere, "%s_state", prefix);
  name_add(&tags, nowhere, "%s_buffer", prefix);
  name_add(&tags, nowhere, "%s_server", prefix);
  name_add(&tags, nowhere, "%s_server_any", prefix);
  name_add(&tags, nowhere, "%s_serving", prefix);
  name_add(&tags, nowhere, "%s_contract_table", prefix);
  for (uint32_t i = 0; i < contract->constant_count; i++)
    name_add(&macros, contract->constants[i].place, "%s_%s", upper, contract->constants[i].name);
  for (uint32_t i = 0; i < contract->enumeration_count; i++) {
    const struct enumeration *enumeration = contract->enumerations[i];
    const char *name = upper_of(&compilation->memory, enumeration->name);
    name_add(&tags, enumeration->place, "%s_%s", prefix, enumeration->name);
    for (uint32_t j = 0; j < enumeration->member_count; j++)
      name_add(&macros, enumeration->members[j].place, "%s_%s_%s", upper, name, enumeration->members[j].name);
  }
  for (uint32_t i = 0; i < contract->structure_count; i++)
    name_add(&tags, contract->structures[i]->place, "%s_%s", prefix, contract->structures[i]->name);
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i]) {
      name_add(&macros, contract->messages[i]->place, "%s_%s", upper, contract->messages[i]->name);
      if (contract->messages[i]->field_count)
        name_add(&tags, contract->messages[i]->place, "%s_%s", prefix, contract->messages[i]->name);
    }
  for (uint32_t i = 0; i < contract->state_count; i++) {
    const struct state *state = contract->states[i];
    struct place place = state->place.source ? state->place : nowhere;
    name_add(&macros, place, "%s_STATE_%s", upper, state->name);
    name_add(&tags, place, "%s_client_%s", prefix, state->name);
    name_add(&tags, place, "%s_server_%s", prefix, state->name);
    if (state->side != NEITHER)
      name_add(&tags, place, "%s_%s_%s_received", prefix, side_name[other_side(state->side)], state->name);
  }
  names_compare_all(&macros);
  names_compare_all(&tags);
  for (uint32_t i = 0; i < contract->structure_count; i++)
    fields_names(compilation, &macros, contract->structures[i]->fields, contract->structures[i]->field_count);
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i])
      fields_names(compilation, &macros, contract->messages[i]->fields, contract->messages[i]->field_count);
}

/* ---- Pieces ---- */

void header_comment(const struct header *header, const char *indent, const char *text) {
  size_t column = strlen(indent) + 2;
  if (!text)
    return;
  fprintf(header->out, "%s/*", indent);
  while (*text) {
    size_t word = strcspn(text, " \n");
    if (column + word > 112) {
      fprintf(header->out, "\n%s *", indent);
      column = strlen(indent) + 2;
    }
    fprintf(header->out, " %.*s", (int)word, text);
    column += word + 1;
    text += word;
    if (*text == '\n') {
      fprintf(header->out, "\n%s *\n%s *", indent, indent);
      column = strlen(indent) + 2;
    }
    text += *text != '\0';
  }
  fputs(" */\n", header->out);
}

const char *header_type(const struct header *header, const struct field *field) {
  static const char *const names[] = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t",
                                      "int16_t", "int32_t",  "int64_t",  "uint8_t",  "char"};
  struct memory *memory = &header->compilation->memory;
  switch (field->type) {
  case TYPE_ENUM:
    return memory_text(memory, "uint%u_t", 8 * field->size);
  case TYPE_STRUCT:
    return memory_text(memory, "struct %s_%s", header->prefix, field->structure->name);
  case TYPE_BLOCK:
    return "struct contract_block";
  case TYPE_ENDPOINT:
    return memory_text(memory, "struct %s_%s_%s", field->contract->name, side_name[field->side], field->state->name);
  case TYPE_ANY:
    return field->side == CLIENT ? "struct contract_any_client" : "struct contract_any_server";
  default:
    return names[field->type];
  }
}

const char *header_in(const struct header *header, const struct message *message, const struct state *state) {
  return message->sent_in > 1 ? memory_text(&header->compilation->memory, "_in_%s", state->name) : "";
}

static void hash_write(const struct header *header, const char *name, const uint8_t hash[32]) {
  fprintf(header->out, "#define %s_%s", header->upper, name);
  for (unsigned i = 0; i < 32; i++)
    fprintf(header->out, "%s0x%02x%s", i % 16 ? " " : " \\\n  ", hash[i], i < 31 ? "," : "\n");
}

static void number_write(const struct header *header, uint64_t value) {
  fprintf(header->out,
          value <= INT32_MAX    ? "%llu"
          : value <= UINT32_MAX ? "0x%llxu"
                                : "UINT64_C(0x%llx)",
          (unsigned long long)value);
}

/* ---- Types ---- */

static void enumeration_write(const struct header *header, const struct enumeration *enumeration) {
  const char *upper = upper_of(&header->compilation->memory, enumeration->name);
  FILE *out = header->out;
  bool small = !enumeration->flags;
  for (uint32_t i = 0; i < enumeration->member_count; i++)
    small &= enumeration->members[i].value <= INT32_MAX;
  fputc('\n', out);
  header_comment(header, "", enumeration->documentation);
  if (small)
    fprintf(out, "enum %s_%s {\n", header->prefix, enumeration->name);
  for (uint32_t i = 0; i < enumeration->member_count; i++) {
    const struct member *member = &enumeration->members[i];
    header_comment(header, small ? "  " : "", member->documentation);
    if (small)
      fprintf(out, "  %s_%s_%s = ", header->upper, upper, member->name);
    else
      fprintf(out, "#define %s_%s_%s ", header->upper, upper, member->name);
    if (enumeration->flags)
      fprintf(out, member->value <= UINT32_MAX ? "0x%llxu" : "UINT64_C(0x%llx)", (unsigned long long)member->value);
    else
      number_write(header, member->value);
    fputs(small ? ",\n" : "\n", out);
  }
  if (small)
    fputs("};\n", out);
  if (enumeration->errors) {
    fprintf(out, "static inline const char *%s_error_text(uint32_t error) {\n  switch (error) {\n", header->prefix);
    for (uint32_t i = 0; i < enumeration->member_count; i++)
      fprintf(out, "  case %s_%s_%s:\n    return \"%s\";\n", header->upper, upper, enumeration->members[i].name,
              enumeration->members[i].text);
    fputs("  default:\n    return \"an error that is not of this contract\";\n  }\n}\n", out);
  }
  fprintf(out, "static inline bool %s_is_%s%s(uint64_t value) {\n", header->prefix, enumeration->flags ? "flags_" : "",
          enumeration->name);
  if (enumeration->flags) {
    uint64_t mask = 0;
    for (uint32_t i = 0; i < enumeration->member_count; i++)
      mask |= enumeration->members[i].value;
    fprintf(out, "  return !(value & ~UINT64_C(0x%llx));\n}\n", (unsigned long long)mask);
    return;
  }
  fputs("  switch (value) {\n", out);
  for (uint32_t i = 0; i < enumeration->member_count; i++)
    fprintf(out, "  case %s_%s_%s:\n", header->upper, upper, enumeration->members[i].name);
  fputs("    return true;\n  default:\n    return false;\n  }\n}\n", out);
}

/* What C cannot say of a field's type. */
static const char *type_remark(const struct header *header, const struct field *field) {
  if (field->type == TYPE_BOOL)
    return " /* 0 or 1 */";
  if (field->type == TYPE_ENUM)
    return memory_text(&header->compilation->memory, " /* %s %s_%s */", field->enumeration->flags ? "flags" : "enum",
                       header->prefix, field->enumeration->name);
  return "";
}

static void field_write(const struct header *header, const struct field *field) {
  const char *type = header_type(header, field);
  FILE *out = header->out;
  header_comment(header, "  ", field->documentation);
  if (field->form == FORM_TEXT)
    fprintf(out, "  const char *%s; /* %llu to %llu bytes, no NUL among them */\n  uint32_t %s_length;\n", field->name,
            (unsigned long long)field->least, (unsigned long long)field->most, field->name);
  else if (field->form == FORM_BOUNDED)
    fprintf(out, "  const %s *%s; /* %llu to %llu items */\n  uint32_t %s_count;\n", type, field->name,
            (unsigned long long)field->least, (unsigned long long)field->most, field->name);
  else if (field->form == FORM_FIXED)
    fprintf(out, "  %s %s[%llu];%s\n", type, field->name, (unsigned long long)field->most, type_remark(header, field));
  else
    fprintf(out, "  %s %s;%s\n", type, field->name, type_remark(header, field));
}

static void types_write(const struct header *header) {
  const struct contract *contract = header->contract;
  FILE *out = header->out;
  for (uint32_t i = 0; i < contract->constant_count; i++) {
    fputc('\n', out);
    header_comment(header, "", contract->constants[i].documentation);
    fprintf(out, "#define %s_%s ", header->upper, contract->constants[i].name);
    number_write(header, contract->constants[i].value);
  }
  if (contract->constant_count)
    fputc('\n', out);
  for (uint32_t i = 0; i < contract->enumeration_count; i++)
    enumeration_write(header, contract->enumerations[i]);
  for (uint32_t i = 0; i < contract->structure_count; i++) {
    const struct structure *structure = contract->structures[i];
    fputc('\n', out);
    header_comment(header, "", structure->documentation);
    fprintf(out, "struct %s_%s {\n", header->prefix, structure->name);
    for (uint32_t j = 0; j < structure->field_count; j++)
      field_write(header, &structure->fields[j]);
    fprintf(out, "};\n_Static_assert(sizeof(struct %s_%s) == %u, \"%s lies in messages as it does in memory\");\n",
            header->prefix, structure->name, structure->size, structure->name);
  }
  fprintf(out, "\nenum %s_tag {\n", header->prefix);
  for (uint32_t i = 0; i < contract->message_count; i++)
    if (contract->messages[i])
      fprintf(out, "  %s_%s = %u,\n", header->upper, contract->messages[i]->name, i);
  fprintf(out, "  %s_MESSAGE_COUNT = %u\n};\n\nenum %s_state {\n", header->upper, contract->message_count,
          header->prefix);
  for (uint32_t i = 0; i < contract->state_count; i++) {
    header_comment(header, "  ", contract->states[i]->documentation);
    fprintf(out, "  %s_STATE_%s = %u, /* %s */\n", header->upper, contract->states[i]->name, i,
            contract->states[i]->side == CLIENT   ? "the client sends"
            : contract->states[i]->side == SERVER ? "the server sends"
                                                  : "nobody sends");
  }
  fprintf(out, "  %s_STATES = %u\n};\n\n/* The ends, a type for each state. */\n", header->upper,
          contract->state_count);
  for (unsigned side = CLIENT; side <= SERVER; side++)
    for (uint32_t i = 0; i < contract->state_count; i++)
      fprintf(out, "struct %s_%s_%s {\n  uint32_t handle;\n};\n", header->prefix, side_name[side],
              contract->states[i]->name);
  for (uint32_t i = 0; i < contract->message_count; i++) {
    const struct message *message = contract->messages[i];
    if (!message || !message->field_count)
      continue;
    fputc('\n', out);
    header_comment(header, "", message->documentation);
    fprintf(out, "struct %s_%s { /* the %s sends it */\n", header->prefix, message->name, side_name[message->side]);
    for (uint32_t j = 0; j < message->field_count; j++)
      field_write(header, &message->fields[j]);
    fputs("};\n", out);
  }
  fprintf(out,
          "\n#define %s_DATA_MOST %u\n"
          "/* Room for any message. */\n"
          "struct %s_buffer {\n"
          "  struct signet_message message;\n"
          "  _Alignas(8) uint8_t data[%u];\n"
          "};\n"
          "_Static_assert(offsetof(struct %s_buffer, data) == SIGNET_MESSAGE_DATA, \"the data follows the header\");\n",
          header->upper, contract->data_most, header->prefix, contract->data_most ? contract->data_most : 8,
          header->prefix);
}

/* ---- Tables ---- */

static void bytes_write(const struct header *header, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++)
    fprintf(header->out, "%s%u,", i % 24 ? " " : "\n    ", bytes[i]);
}

static void extended_table_write(const struct header *header) {
  uint32_t length;
  FILE *out = header->out;
  const uint8_t *table = table_make(&header->compilation->memory, header->contract, 2, &length);
  fprintf(out, "#define %s_CONTRACT_LENGTH %u\n", header->upper, length);
  fprintf(out,
          "_Alignas(8) __attribute__((unused)) static const union {\n  uint8_t bytes[%u];\n"
          "  struct signet_contract contract;\n} %s_contract = {{",
          length, header->prefix);
  bytes_write(header, table, length);
  fputs("\n}};\n", out);
}

static void plain_table_write(const struct header *header) {
  const struct contract *contract = header->contract;
  const char *prefix = header->prefix, *upper = header->upper;
  uint32_t length;
  FILE *out = header->out;
  fprintf(out,
          "struct %s_contract_table {\n  struct signet_contract contract;\n"
          "  struct signet_contract_message messages[%s_MESSAGE_COUNT];\n"
          "  uint8_t next[%s_STATES][%s_MESSAGE_COUNT];\n};\n"
          "#define %s_CONTRACT_LENGTH \\\n"
          "  (offsetof(struct %s_contract_table, next) + (size_t)%s_STATES * %s_MESSAGE_COUNT)\n",
          prefix, upper, upper, upper, upper, prefix, upper, upper);
  fprintf(out,
          "__attribute__((unused)) static const struct %s_contract_table %s_contract = {\n"
          "    .contract = {.version = 1,\n                 .messages = %s_MESSAGE_COUNT,\n"
          "                 .states = %s_STATES,\n                 .slots_to_server = %s_SLOTS_TO_SERVER,\n"
          "                 .slots_to_client = %s_SLOTS_TO_CLIENT,\n                 .data_most = %s_DATA_MOST,\n"
          "                 .identity = {%s_IDENTITY}},\n    .messages =\n        {\n",
          prefix, prefix, upper, upper, upper, upper, upper, upper);
  const uint8_t *table = table_make(&header->compilation->memory, contract, 1, &length);
  const struct signet_contract_message *rows = (const void *)(table + sizeof(struct signet_contract));
  static const char *const kinds[] = {"NONE", "CLIENT", "SERVER", "BLOCK"};
  for (uint32_t i = 0; i < contract->message_count; i++) {
    if (!contract->messages[i])
      continue;
    fprintf(out, "            [%s_%s] = {.to_client = %u", upper, contract->messages[i]->name, rows[i].to_client);
    if (rows[i].moved_count) {
      fprintf(out, ", .moved_count = %u, .moved_kind = {", rows[i].moved_count);
      for (unsigned j = 0; j < rows[i].moved_count; j++)
        fprintf(out, "%sSIGNET_KIND_%s", j ? ", " : "", kinds[rows[i].moved_kind[j]]);
      fputc('}', out);
    }
    fprintf(out, ", .length_least = %u, .length_most = %u},\n", rows[i].length_least, rows[i].length_most);
  }
  fputs("        },\n    .next =\n        {\n", out);
  const uint8_t *next = (const uint8_t *)(rows + contract->message_count);
  for (uint32_t i = 0; i < contract->state_count; i++) {
    fprintf(out, "            [%s_STATE_%s] = {", upper, contract->states[i]->name);
    for (uint32_t j = 0; j < contract->message_count; j++)
      fprintf(out, "%s%u", !j ? "" : j % 24 ? ", " : ",\n                ", next[i * contract->message_count + j]);
    fputs("},\n", out);
  }
  fprintf(
      out,
      "        },\n};\n"
      "_Static_assert(offsetof(struct %s_contract_table, messages) == sizeof(struct signet_contract), \"no hole\");\n",
      prefix);
}

static void table_write(const struct header *header) {
  const struct contract *contract = header->contract;
  const char *prefix = header->prefix, *upper = header->upper;
  struct memory *memory = &header->compilation->memory;
  FILE *out = header->out;
  uint32_t length;
  fprintf(out, "\n#define %s_SLOTS_TO_SERVER %u\n#define %s_SLOTS_TO_CLIENT %u\n", upper, contract->slots[SERVER],
          upper, contract->slots[CLIENT]);
  fputs("/* The hash of the contract's content. */\n", out);
  hash_write(header, "IDENTITY", contract->identity);
  fputs("\n/* What the kernel checks messages with, and the hash that it names the contract by. */\n", out);
  hash_write(header, "TABLE_HASH", table_hash(contract));
  if (table_needs_extension(contract))
    extended_table_write(header);
  else
    plain_table_write(header);
  const uint8_t *decoder = decoder_make(memory, contract, &length);
  fprintf(out,
          "\n#ifdef CONTRACT_DECODERS /* for contract_print */\n"
          "__attribute__((unused)) static const uint8_t %s_decoder[%u] = {",
          prefix, length);
  bytes_write(header, decoder, length);
  fputs("\n};\n#endif\n", out);
}

void header_write(struct compilation *compilation, const struct contract *contract, FILE *out) {
  struct header header = {.compilation = compilation,
                          .contract = contract,
                          .prefix = contract->name,
                          .upper = upper_of(&compilation->memory, contract->name),
                          .out = out};
  fprintf(out, "/* The contract %s. Made by contractc from %s.contract: change that. */\n", contract->name,
          contract->name);
  header_comment(&header, "", contract->documentation);
  fprintf(out,
          "/* clang-format off */\n#ifndef SIGNET_CONTRACT_%s_H\n#define SIGNET_CONTRACT_%s_H\n\n"
          "#include \"contractc/contract.h\"\n",
          header.upper, header.upper);
  for (uint32_t i = 0; i < contract->use_count; i++)
    fprintf(out, "#include \"%s.h\"\n", contract->uses[i]->name);
  types_write(&header);
  table_write(&header);
  header_messages(&header);
  header_ends(&header);
  fputs("\n#endif\n", out);
}
