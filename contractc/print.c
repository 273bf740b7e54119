/* A message as text, for people (`signet trace`): anyone; no state. The table may come from an image and the message
 * from a hostile process: every read of either is checked, every byte of the text is printable ASCII, and the work is
 * bounded by the lengths of both. */
#include "contractc/contract.h"
#include "contractc/decoder.h"

#define DEPTH_MOST 16
#define ITEMS_SHOWN 16   /* of an array */
#define LETTERS_SHOWN 96 /* of a text, or bytes of an array of bytes */

struct reader {
  const uint8_t *bytes;
  size_t length, at;
  bool bad; /* something was read that is not there */
};

struct printer {
  char *text;
  size_t capacity, length;
  struct reader table, data;
  size_t structs_at, enums_at; /* in the table: the first of each */
  uint64_t structs, enums;
  const struct signet_message *message;
  uint32_t moved_known, moved_next;
};

/* ---- Writing ---- */

static void put(struct printer *printer, char c) {
  if (printer->length + 1 < printer->capacity)
    printer->text[printer->length] = c;
  printer->length++;
}

static void put_text(struct printer *printer, const char *text) {
  while (*text)
    put(printer, *text++);
}

static void put_number(struct printer *printer, uint64_t value) {
  char digits[20];
  unsigned count = 0;
  do
    digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count)
    put(printer, digits[--count]);
}

static void put_hexadecimal(struct printer *printer, uint64_t value, unsigned least) {
  static const char digit[] = "0123456789abcdef";
  unsigned count = 16;
  while (count > least && !(value >> (4 * (count - 1))))
    count--;
  while (count)
    put(printer, digit[value >> (4 * --count) & 15]);
}

static void put_letter(struct printer *printer, uint8_t c) {
  if (c == '"' || c == '\\')
    put(printer, '\\');
  if (c >= ' ' && c < 0x7f) {
    put(printer, (char)c);
    return;
  }
  put_text(printer, "\\x");
  put_hexadecimal(printer, c, 2);
}

/* ---- Reading ---- */

static uint8_t read_byte(struct reader *reader) {
  if (reader->at >= reader->length) {
    reader->bad = true;
    return 0;
  }
  return reader->bytes[reader->at++];
}

static uint64_t read_number(struct reader *reader) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = read_byte(reader);
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return value;
  }
  reader->bad = true;
  return 0;
}

/* Names of a table that is not contractc's may hold anything. */
static void read_text(struct reader *reader, struct printer *printer) {
  unsigned length = read_byte(reader);
  if (length > reader->length - reader->at) {
    reader->bad = true;
    reader->at = reader->length;
    return;
  }
  for (unsigned i = 0; i < length; i++) {
    uint8_t c = reader->bytes[reader->at++];
    if (printer)
      put(printer, c > ' ' && c < 0x7f ? (char)c : '?');
  }
}

static uint64_t read_value(struct reader *reader, unsigned size) {
  uint64_t value = 0;
  if (size > reader->length - reader->at) {
    reader->bad = true;
    return 0;
  }
  for (unsigned i = 0; i < size; i++)
    value |= (uint64_t)reader->bytes[reader->at++] << (8 * i);
  return value;
}

struct field {
  size_t name_at;
  uint8_t type, form, align;
  uint64_t reference, items;
};

static struct field read_field(struct reader *table) {
  struct field field = {.name_at = table->at};
  read_text(table, NULL);
  field.type = read_byte(table);
  field.form = read_byte(table);
  field.align = read_byte(table);
  field.reference = read_number(table);
  field.items = read_number(table);
  return field;
}

static void skip_fields(struct reader *table) {
  for (uint64_t count = read_number(table); count && !table->bad; count--)
    read_field(table);
}

/* ---- Values ---- */

static void value(struct printer *printer, const struct field *field, uint64_t structs, unsigned depth);

static void put_enum(struct printer *printer, uint64_t number) {
  struct reader table = printer->table;
  table.at = printer->enums_at;
  for (uint64_t i = 0; i < number && !table.bad; i++) {
    read_number(&table);
    read_number(&table);
    for (uint64_t count = read_number(&table); count && !table.bad; count--) {
      read_number(&table);
      read_text(&table, NULL);
    }
  }
  uint64_t size = read_number(&table), flags = read_number(&table), count = read_number(&table);
  if (number >= printer->enums || table.bad || (size != 1 && size != 2 && size != 4 && size != 8)) {
    printer->table.bad = true;
    return;
  }
  uint64_t value = read_value(&printer->data, (unsigned)size), left = value;
  if (printer->data.bad)
    return;
  bool named = false;
  for (; count && !table.bad; count--) {
    uint64_t member = read_number(&table);
    bool here = flags ? member && (left & member) == member : member == value && !named;
    if (here) {
      if (named)
        put(printer, '|');
      left &= ~member;
    }
    named |= here;
    read_text(&table, here ? printer : NULL);
  }
  if (named && (!flags || !left))
    return;
  if (named)
    put(printer, '|');
  if (flags && left)
    put_text(printer, "0x");
  if (flags && left)
    put_hexadecimal(printer, left, 1);
  else
    put_number(printer, value);
}

static void put_struct(struct printer *printer, uint64_t number, uint64_t structs, unsigned depth) {
  struct reader table = printer->table;
  table.at = printer->structs_at;
  for (uint64_t i = 0; i < number && !table.bad; i++)
    skip_fields(&table);
  if (number >= structs || table.bad || depth == DEPTH_MOST) {
    printer->table.bad = true;
    return;
  }
  put(printer, '{');
  bool first = true;
  size_t before = printer->data.at;
  for (uint64_t count = read_number(&table); count && !table.bad && !printer->data.bad && !printer->table.bad;
       count--) {
    struct field field = read_field(&table);
    struct reader name = printer->table;
    name.at = field.name_at;
    if (!first)
      put_text(printer, ", ");
    first = false;
    read_text(&name, printer);
    put(printer, '=');
    value(printer, &field, number, depth + 1);
  }
  /* A structure without bytes would make arrays of it endless. */
  printer->table.bad |= table.bad || (printer->data.at == before && !printer->data.bad);
  put(printer, '}');
}

static void one(struct printer *printer, const struct field *field, uint64_t structs, unsigned depth) {
  static const uint64_t top[] = {0x80, 0x8000, 0x80000000, UINT64_C(1) << 63};
  unsigned which = field->type & 3; /* numbers come first, in the order of their sizes */
  if (field->type <= DECODER_I64) {
    uint64_t number = read_value(&printer->data, 1u << which);
    if (printer->data.bad)
      return;
    if (field->type >= DECODER_I8 && number & top[which]) {
      put(printer, '-');
      number = -number & (top[which] | (top[which] - 1));
    }
    put_number(printer, number);
  } else if (field->type == DECODER_BOOL) {
    uint64_t truth = read_value(&printer->data, 1);
    if (printer->data.bad)
      return;
    if (truth > 1)
      put_number(printer, truth);
    else
      put_text(printer, truth ? "true" : "false");
  } else if (field->type == DECODER_CHAR) {
    uint64_t letter = read_value(&printer->data, 1);
    if (printer->data.bad)
      return;
    put(printer, '\'');
    put_letter(printer, (uint8_t)letter);
    put(printer, '\'');
  } else if (field->type == DECODER_ENUM) {
    put_enum(printer, field->reference);
  } else if (field->type == DECODER_STRUCT) {
    put_struct(printer, field->reference, structs, depth);
  } else {
    printer->table.bad = true;
  }
}

/* Up to a NUL, or `most` letters, or the end. A text ends with its NUL; one of fixed size goes on behind it. */
static void letters(struct printer *printer, uint64_t most, bool ended) {
  struct reader *data = &printer->data;
  size_t length = 0, room = data->length - data->at;
  bool short_of = room < most;
  if (most > room)
    most = room;
  while (length < most && data->bytes[data->at + length])
    length++;
  put(printer, '"');
  for (size_t i = 0; i < length && i < LETTERS_SHOWN; i++)
    put_letter(printer, data->bytes[data->at + i]);
  put(printer, '"');
  if (length > LETTERS_SHOWN) {
    put_text(printer, "...(");
    put_number(printer, length);
    put(printer, ')');
  }
  if (ended) {
    data->bad |= length == room; /* no NUL */
    data->at += length + (length < room);
  } else {
    data->bad |= short_of;
    data->at += most;
  }
}

static void bytes(struct printer *printer) {
  struct reader *data = &printer->data;
  size_t length = data->length - data->at;
  put(printer, '<');
  put_number(printer, length);
  put_text(printer, " bytes");
  for (size_t i = 0; i < length && i < LETTERS_SHOWN; i++) {
    if (!i)
      put_text(printer, ": \"");
    put_letter(printer, data->bytes[data->at + i]);
  }
  put_text(printer, !length ? ">" : length > LETTERS_SHOWN ? "\"...>" : "\">");
  data->at = data->length;
}

static void items(struct printer *printer, const struct field *field, uint64_t count, uint64_t structs,
                  unsigned depth) {
  struct reader *data = &printer->data;
  put(printer, '[');
  for (uint64_t i = 0; i < count && !data->bad && !printer->table.bad; i++) {
    if (field->form == DECODER_BOUNDED && data->at >= data->length)
      break;
    if (data->at >= data->length) {
      data->bad = true;
      break;
    }
    if (i == ITEMS_SHOWN) {
      /* The rest is read, so that what follows is at its place, but not shown. */
      struct printer quiet = *printer;
      quiet.capacity = 0;
      for (; i < count && quiet.data.at < quiet.data.length && !quiet.data.bad && !quiet.table.bad; i++)
        one(&quiet, field, structs, depth);
      printer->data = quiet.data;
      printer->table.bad |= quiet.table.bad;
      put_text(printer, ", ...");
      break;
    }
    if (i)
      put_text(printer, ", ");
    one(printer, field, structs, depth);
  }
  put(printer, ']');
}

static void moved(struct printer *printer, const struct field *field) {
  uint32_t number = printer->moved_next++;
  put(printer, '<');
  put_text(printer, field->type == DECODER_BLOCK ? "block" : field->reference ? "server end" : "client end");
  if (number < printer->moved_known) {
    if (printer->message->moved[number].handle) { /* of one that is on its way it is nobody's */
      put_text(printer, " #");
      put_number(printer, printer->message->moved[number].handle);
    }
    if (field->type == DECODER_BLOCK && printer->message->moved[number].length) {
      put_text(printer, ", ");
      put_number(printer, printer->message->moved[number].length);
      put_text(printer, " bytes");
    }
  }
  put(printer, '>');
}

static void value(struct printer *printer, const struct field *field, uint64_t structs, unsigned depth) {
  if (field->type >= DECODER_BLOCK && field->type <= DECODER_ANY && !depth)
    moved(printer, field);
  else if (field->form == DECODER_ONE)
    one(printer, field, structs, depth);
  else if (field->type == DECODER_CHAR)
    letters(printer, field->form == DECODER_FIXED ? field->items : UINT64_MAX, field->form == DECODER_TEXT);
  else if (field->form == DECODER_BOUNDED && field->type == DECODER_U8)
    bytes(printer);
  else
    items(printer, field, field->form == DECODER_FIXED ? field->items : UINT64_MAX, structs, depth);
}

/* ---- Messages ---- */

static size_t finish(struct printer *printer) {
  if (printer->capacity)
    printer->text[printer->length < printer->capacity ? printer->length : printer->capacity - 1] = '\0';
  return printer->length;
}

/* Goes to the states, and remembers where enums and structs are. */
static bool begin(struct printer *printer) {
  struct reader *table = &printer->table;
  if (table->length < DECODER_MAGIC_LENGTH || memcmp(table->bytes, DECODER_MAGIC, DECODER_MAGIC_LENGTH) != 0)
    return false;
  table->at = DECODER_MAGIC_LENGTH;
  read_text(table, NULL);
  printer->enums = read_number(table);
  printer->enums_at = table->at;
  for (uint64_t i = 0; i < printer->enums && !table->bad; i++) {
    read_number(table);
    read_number(table);
    for (uint64_t count = read_number(table); count && !table->bad; count--) {
      read_number(table);
      read_text(table, NULL);
    }
  }
  printer->structs = read_number(table);
  printer->structs_at = table->at;
  for (uint64_t i = 0; i < printer->structs && !table->bad; i++)
    skip_fields(table);
  return !table->bad;
}

static void message_fields(struct printer *printer) {
  struct reader *table = &printer->table, *data = &printer->data;
  uint64_t count = read_number(table);
  bool any = count != 0;
  if (any)
    put_text(printer, " {");
  for (uint64_t i = 0; i < count && !table->bad && !data->bad; i++) {
    struct field field = read_field(table);
    struct reader name = *table;
    size_t after = table->at;
    name.at = field.name_at;
    if (i)
      put_text(printer, ", ");
    read_text(&name, printer);
    put(printer, '=');
    bool aligned = field.type < DECODER_BLOCK && field.form != DECODER_TEXT && field.align > 1;
    if (aligned && data->at % field.align) {
      size_t pad = field.align - data->at % field.align;
      data->bad |= pad > data->length - data->at;
      data->at = data->bad ? data->length : data->at + pad;
    }
    if (!data->bad)
      value(printer, &field, printer->structs, 0);
    table->at = after;
  }
  if (any)
    put(printer, '}');
}

size_t contract_print(const uint8_t *table, size_t table_length, const struct signet_message *message, size_t length,
                      char *text, size_t capacity) {
  struct printer printer = {
      .text = text, .capacity = capacity, .table = {.bytes = table, .length = table_length}, .message = message};
  size_t head = offsetof(struct signet_message, moved);
  if (length < head || !begin(&printer)) {
    put_text(&printer, length < head ? "(no message)" : "(no decoder)");
    return finish(&printer);
  }
  printer.moved_known = message->moved_count < SIGNET_MESSAGE_MOVED ? message->moved_count : SIGNET_MESSAGE_MOVED;
  if (length < SIGNET_MESSAGE_DATA)
    printer.moved_known = 0;
  if (length > SIGNET_MESSAGE_DATA) {
    printer.data.bytes = (const uint8_t *)message + SIGNET_MESSAGE_DATA;
    printer.data.length = length - SIGNET_MESSAGE_DATA;
    if (printer.data.length > message->length)
      printer.data.length = message->length;
  }
  bool cut = printer.data.length < message->length;
  for (uint64_t states = read_number(&printer.table); states && !printer.table.bad; states--)
    read_text(&printer.table, NULL);
  uint64_t messages = read_number(&printer.table);
  if (message->tag >= messages) {
    put_text(&printer, "(message ");
    put_number(&printer, message->tag);
    put_text(&printer, " is not of this contract)");
    return finish(&printer);
  }
  for (uint32_t i = 0; i < message->tag && !printer.table.bad; i++) {
    read_byte(&printer.table);
    read_text(&printer.table, NULL);
    skip_fields(&printer.table);
  }
  uint8_t side = read_byte(&printer.table);
  put_text(&printer, side == 0 ? "client " : side == 1 ? "server " : "(not used) ");
  read_text(&printer.table, &printer);
  message_fields(&printer);
  if (printer.table.bad)
    put_text(&printer, " (the decoder is damaged)");
  else if (printer.data.bad)
    put_text(&printer, cut ? " (cut)" : " (malformed)");
  else if (printer.data.at < printer.data.length) {
    put_text(&printer, " (and ");
    put_number(&printer, printer.data.length - printer.data.at);
    put_text(&printer, " more bytes)");
  }
  return finish(&printer);
}

size_t contract_print_state(const uint8_t *table, size_t table_length, uint32_t state, char *text, size_t capacity) {
  struct printer printer = {.text = text, .capacity = capacity, .table = {.bytes = table, .length = table_length}};
  uint64_t states = begin(&printer) ? read_number(&printer.table) : 0;
  if (state >= states) {
    put_text(&printer, "(state ");
    put_number(&printer, state);
    put(&printer, ')');
    return finish(&printer);
  }
  for (uint32_t i = 0; i < state && !printer.table.bad; i++)
    read_text(&printer.table, NULL);
  read_text(&printer.table, &printer);
  return finish(&printer);
}
