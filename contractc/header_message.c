/* The C header's functions between a message's fields and its bytes: NAME_put_MESSAGE and NAME_get_MESSAGE. Both check
 * what the kernel's table cannot: values of enumerations, ends of texts, whole items, bounds of each field. */
#include <string.h>

#include "contractc/header.h"

/* ---- Checks of values ---- */

static bool checked(const struct field *field) {
  return field->type == TYPE_BOOL || field->type == TYPE_ENUM ||
         (field->type == TYPE_STRUCT && field->structure->checked);
}

/* A condition that holds where the value of an item is one that its type has. */
static void condition_write(const struct header *header, const struct field *field, const char *value) {
  if (field->type == TYPE_BOOL)
    fprintf(header->out, "%s <= 1", value);
  else if (field->type == TYPE_ENUM)
    fprintf(header->out, "%s_is_%s%s(%s)", header->prefix, field->enumeration->flags ? "flags_" : "",
            field->enumeration->name, value);
  else
    fprintf(header->out, "%s_is_struct_%s(&%s)", header->prefix, field->structure->name, value);
}

static void check_write(const struct header *header, const struct field *field, const char *message,
                        const char *refuse) {
  struct memory *memory = &header->compilation->memory;
  FILE *out = header->out;
  if (!checked(field))
    return;
  if (field->form == FORM_ONE) {
    fputs("  if (!(", out);
    condition_write(header, field, memory_text(memory, "%s%s", message, field->name));
    fprintf(out, "))\n    return %s;\n", refuse);
    return;
  }
  if (field->form == FORM_FIXED)
    fprintf(out, "  for (uint32_t i = 0; i < %llu; i++)\n    if (!(", (unsigned long long)field->most);
  else
    fprintf(out, "  for (uint32_t i = 0; i < %s%s_count; i++)\n    if (!(", message, field->name);
  condition_write(header, field, memory_text(memory, "%s%s[i]", message, field->name));
  fprintf(out, "))\n      return %s;\n", refuse);
}

static void structures_write(const struct header *header) {
  const struct contract *contract = header->contract;
  for (uint32_t i = 0; i < contract->structure_count; i++) {
    const struct structure *structure = contract->structures[i];
    if (!structure->checked)
      continue;
    fprintf(header->out, "static inline bool %s_is_struct_%s(const struct %s_%s *value) {\n", header->prefix,
            structure->name, header->prefix, structure->name);
    for (uint32_t j = 0; j < structure->field_count; j++)
      check_write(header, &structure->fields[j], "value->", "false");
    fputs("  return true;\n}\n", header->out);
  }
}

/* ---- To bytes ---- */

static uint32_t fixed_bytes(const struct field *field) {
  return field->size * (field->form == FORM_FIXED ? (uint32_t)field->most : 1);
}

/* Where the padding of the fixed fields ends: bytes that no field owns are sent as 0. */
static void padding_write(const struct header *header, const struct message *message) {
  uint32_t at = 0;
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (field_moves(field) || field->form == FORM_TEXT)
      continue;
    uint32_t start = field->form == FORM_BOUNDED ? message->fixed_size : field->offset;
    if (field->form == FORM_BOUNDED && field->offset != start)
      continue;
    if (start > at)
      fprintf(header->out, "  memset(data + %u, 0, %u);\n", at, start - at);
    at = field->form == FORM_BOUNDED ? start : field->offset + fixed_bytes(field);
  }
}

static void put_write(const struct header *header, const struct message *message) {
  const char *prefix = header->prefix;
  FILE *out = header->out;
  bool varies = false;
  fprintf(out, "\nstatic inline int64_t %s_put_%s(struct %s_buffer *buffer%s%s%s%s%s) {\n", prefix, message->name,
          prefix, message->field_count ? ", const struct " : "", message->field_count ? prefix : "",
          message->field_count ? "_" : "", message->field_count ? message->name : "",
          message->field_count ? " *message" : "");
  if (message->most)
    fputs("  uint8_t *data = buffer->data;\n", out);
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (!field_varies(field)) {
      check_write(header, field, "message->", "SIGNET_ARGUMENT");
      continue;
    }
    const char *count = field->form == FORM_TEXT ? "length" : "count";
    varies = true;
    fprintf(out, "  if (");
    if (field->least)
      fprintf(out, "message->%s_%s < %llu || ", field->name, count, (unsigned long long)field->least);
    fprintf(out, "message->%s_%s > %llu)\n    return SIGNET_ARGUMENT;\n", field->name, count,
            (unsigned long long)field->most);
    if (field->form == FORM_TEXT)
      fprintf(out,
              "  if (message->%s_length && memchr(message->%s, 0, message->%s_length))\n    return SIGNET_ARGUMENT;\n",
              field->name, field->name, field->name);
    else
      check_write(header, field, "message->", "SIGNET_ARGUMENT");
  }
  if (varies) {
    fprintf(out, "  uint32_t at = %u, length = at", message->fixed_size);
    for (uint32_t i = 0; i < message->field_count; i++) {
      const struct field *field = &message->fields[i];
      if (field->form == FORM_TEXT)
        fprintf(out, " + message->%s_length + 1", field->name);
      else if (field->form == FORM_BOUNDED)
        fprintf(out, " + message->%s_count * %u", field->name, field->size);
    }
    fprintf(out, ";\n  if (length > %u)\n    return SIGNET_ARGUMENT;\n", message->most);
  }
  padding_write(header, message);
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (field_moves(field) || field_varies(field))
      continue;
    fprintf(out, "  memcpy(data + %u, %smessage->%s, %u);\n", field->offset, field->form == FORM_FIXED ? "" : "&",
            field->name, fixed_bytes(field));
  }
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (field->form == FORM_TEXT)
      fprintf(out,
              "  if (message->%s_length)\n    memcpy(data + at, message->%s, message->%s_length);\n"
              "  at += message->%s_length;\n  data[at++] = 0;\n",
              field->name, field->name, field->name, field->name);
    else if (field->form == FORM_BOUNDED)
      fprintf(out,
              "  if (message->%s_count && (const void *)message->%s != data + at)\n"
              "    memcpy(data + at, message->%s, message->%s_count * (size_t)%u);\n",
              field->name, field->name, field->name, field->name, field->size);
  }
  fprintf(out, "  buffer->message.tag = %s_%s;\n", header->upper, message->name);
  if (varies)
    fputs("  buffer->message.length = length;\n", out);
  else
    fprintf(out, "  buffer->message.length = %u;\n", message->fixed_size);
  fprintf(out, "  buffer->message.moved_count = %u;\n  buffer->message.reserved = 0;\n", message->moved_count);
  for (uint32_t i = 0; i < message->field_count; i++)
    if (field_moves(&message->fields[i]))
      fprintf(out, "  buffer->message.moved[%u].handle = message->%s.handle;\n", message->fields[i].moved_number,
              message->fields[i].name);
  fputs("  return SIGNET_OK;\n}\n", out);
  bool texts = false; /* behind them an array has no fixed place */
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    texts |= field->form == FORM_TEXT;
    if (field->form == FORM_BOUNDED && !texts)
      fprintf(out,
              "/* Where '%s' of %s lies in the buffer: filled there, it is not copied. */\n"
              "static inline %s *%s_place_of_%s_%s(struct %s_buffer *buffer) {\n"
              "  return (%s *)(void *)(buffer->data + %u);\n}\n",
              field->name, message->name, header_type(header, field), prefix, message->name, field->name, prefix,
              header_type(header, field), field->offset);
  }
}

/* ---- From bytes ---- */

static void get_moved(const struct header *header, const struct field *field) {
  FILE *out = header->out;
  unsigned number = field->moved_number;
  fprintf(out, "  message->%s.handle = buffer->message.moved[%u].handle;\n", field->name, number);
  if (field->type == TYPE_BLOCK) {
    fprintf(out, "  message->%s.offset = buffer->message.moved[%u].offset;\n", field->name, number);
    fprintf(out, "  message->%s.length = buffer->message.moved[%u].length;\n", field->name, number);
  }
}

static void get_varying(const struct header *header, const struct field *field, const char *type) {
  FILE *out = header->out;
  const char *name = field->name;
  if (field->form == FORM_TEXT) {
    fprintf(out,
            "  end = at < length ? memchr(data + at, 0, length - at) : NULL;\n  if (!end)\n    return false;\n"
            "  message->%s = (const char *)data + at;\n"
            "  message->%s_length = (uint32_t)(end - data) - at;\n  at += message->%s_length + 1;\n  if (",
            name, name, name);
    if (field->least)
      fprintf(out, "message->%s_length < %llu || ", name, (unsigned long long)field->least);
    fprintf(out, "message->%s_length > %llu)\n    return false;\n", name, (unsigned long long)field->most);
    return;
  }
  if (field->size > 1)
    fprintf(out, "  if ((length - at) %% %u)\n    return false;\n", field->size);
  fprintf(out,
          "  message->%s = (const %s *)(const void *)(data + at);\n  message->%s_count = (length - at) / %u;\n  if (",
          name, type, name, field->size);
  if (field->least)
    fprintf(out, "message->%s_count < %llu || ", name, (unsigned long long)field->least);
  fprintf(out, "message->%s_count > %llu)\n    return false;\n  at = length;\n", name, (unsigned long long)field->most);
}

static void get_write(const struct header *header, const struct message *message) {
  FILE *out = header->out;
  bool texts = false, varies = false;
  if (!message->field_count)
    return;
  for (uint32_t i = 0; i < message->field_count; i++) {
    texts |= message->fields[i].form == FORM_TEXT;
    varies |= field_varies(&message->fields[i]);
  }
  fprintf(out, "static inline bool %s_get_%s(const struct %s_buffer *buffer, struct %s_%s *message) {\n",
          header->prefix, message->name, header->prefix, header->prefix, message->name);
  if (message->most)
    fputs("  const uint8_t *data = buffer->data;\n", out);
  if (texts)
    fputs("  const uint8_t *end;\n", out);
  if (varies)
    fprintf(out, "  uint32_t length = buffer->message.length, at = %u;\n", message->fixed_size);
  if (varies && message->least)
    fprintf(out, "  if (length < %u) /* the kernel has seen to it */\n    return false;\n", message->least);
  for (uint32_t i = 0; i < message->field_count; i++) {
    const struct field *field = &message->fields[i];
    if (field_moves(field))
      get_moved(header, field);
    else if (field_varies(field))
      get_varying(header, field, header_type(header, field));
    else
      fprintf(out, "  memcpy(%smessage->%s, data + %u, %u);\n", field->form == FORM_FIXED ? "" : "&", field->name,
              field->offset, fixed_bytes(field));
    if (!field_moves(field))
      check_write(header, field, "message->", "false");
  }
  fputs(varies ? "  return at == length;\n}\n" : "  return true;\n}\n", out);
}

void header_messages(const struct header *header) {
  fputs("\n/* ---- Fields to bytes and back; ARGUMENT: a field is not what the contract says ---- */\n", header->out);
  structures_write(header);
  for (uint32_t i = 0; i < header->contract->message_count; i++)
    if (header->contract->messages[i]) {
      put_write(header, header->contract->messages[i]);
      get_write(header, header->contract->messages[i]);
    }
}
