/* Writes the decoder of a contract (decoder.h). */
#include "contractc/decoder.h"

#include <string.h>

#include "contractc/contractc.h"

_Static_assert((int)DECODER_STRUCT == (int)TYPE_STRUCT && (int)DECODER_ANY == (int)TYPE_ANY &&
                   (int)DECODER_TEXT == (int)FORM_TEXT,
               "the decoder's numbers are the compiler's");

struct writer {
  struct memory *memory;
  uint8_t *bytes;
  uint32_t length;
};

static void byte(struct writer *writer, unsigned value) {
  *APPEND(writer->memory, writer->bytes, writer->length) = (uint8_t)value;
}

static void number(struct writer *writer, uint64_t value) {
  for (; value > 0x7f; value >>= 7)
    byte(writer, (unsigned)(value & 0x7f) | 0x80);
  byte(writer, (unsigned)value);
}

static void text(struct writer *writer, const char *name) {
  size_t length = strlen(name);
  byte(writer, (unsigned)length);
  for (size_t i = 0; i < length; i++)
    byte(writer, (unsigned char)name[i]);
}

static void fields(struct writer *writer, const struct contract *contract, const struct field *list, uint32_t count) {
  number(writer, count);
  for (uint32_t i = 0; i < count; i++) {
    const struct field *field = &list[i];
    uint32_t reference = field_moves(field) ? (uint32_t)field->side : 0;
    for (uint32_t j = 0; j < contract->enumeration_count; j++)
      if (field->type == TYPE_ENUM && contract->enumerations[j] == field->enumeration)
        reference = j;
    for (uint32_t j = 0; j < contract->structure_count; j++)
      if (field->type == TYPE_STRUCT && contract->structures[j] == field->structure)
        reference = j;
    text(writer, field->name);
    byte(writer, field->type);
    byte(writer, field->form);
    byte(writer, field->align ? field->align : 1);
    number(writer, reference);
    number(writer, field->form == FORM_FIXED ? field->most : 0);
  }
}

uint8_t *decoder_make(struct memory *memory, const struct contract *contract, uint32_t *length) {
  struct writer writer = {.memory = memory};
  for (size_t i = 0; i < DECODER_MAGIC_LENGTH; i++)
    byte(&writer, (unsigned char)DECODER_MAGIC[i]);
  text(&writer, contract->name);
  number(&writer, contract->enumeration_count);
  for (uint32_t i = 0; i < contract->enumeration_count; i++) {
    const struct enumeration *enumeration = contract->enumerations[i];
    number(&writer, enumeration->size);
    number(&writer, enumeration->flags);
    number(&writer, enumeration->member_count);
    for (uint32_t j = 0; j < enumeration->member_count; j++) {
      number(&writer, enumeration->members[j].value);
      text(&writer, enumeration->members[j].name);
    }
  }
  number(&writer, contract->structure_count);
  for (uint32_t i = 0; i < contract->structure_count; i++)
    fields(&writer, contract, contract->structures[i]->fields, contract->structures[i]->field_count);
  number(&writer, contract->state_count);
  for (uint32_t i = 0; i < contract->state_count; i++)
    text(&writer, contract->states[i]->name);
  number(&writer, contract->message_count);
  for (uint32_t i = 0; i < contract->message_count; i++) {
    const struct message *message = contract->messages[i];
    byte(&writer, message ? message->side : NEITHER);
    text(&writer, message ? message->name : "");
    if (message)
      fields(&writer, contract, message->fields, message->field_count);
    else
      number(&writer, 0);
  }
  *length = writer.length;
  return writer.bytes;
}
