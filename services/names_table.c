/* The table of names: see names_table.h. */
#include "services/names_table.h"

#include <string.h>

/* ---- Names and grants ---- */

static bool in_word(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '-' || character == '_' || character == '.';
}

bool names_is_name(const char *name) {
  uint32_t length = 0;
  for (; name[length]; length++)
    if (length == NAMES_LENGTH_MOST ||
        (!in_word(name[length]) && (name[length] != '/' || length == 0 || name[length - 1] == '/')))
      return false;
  return length && name[length - 1] != '/';
}

/* "SLOT:offer:PREFIX", "SLOT:find:PREFIX"; SLOT "*" is every client, PREFIX whole words, "" for every name. */
static bool take_grant(struct names_table *table, const struct service_startup *startup, const char *text) {
  static const struct {
    const char *word;
    enum names_right right;
  } rights[] = {{":offer:", NAMES_MAY_OFFER}, {":find:", NAMES_MAY_FIND}};
  size_t length = strcspn(text, ":");
  char slot[SIGNET_SLOTS_MOST + 1];
  if (table->grant_count == NAMES_GRANTS_MOST || length == 0 || length >= sizeof slot)
    return false;
  memcpy(slot, text, length);
  slot[length] = 0;
  uint32_t number = strcmp(slot, "*") == 0 ? NAMES_NOBODY : service_slot(startup, slot);
  if (number == SERVICE_NO_SLOT && strcmp(slot, "*") != 0)
    return false;
  for (unsigned i = 0; i < sizeof rights / sizeof *rights; i++) {
    size_t word = strlen(rights[i].word);
    const char *prefix = text + length + word;
    if (strncmp(text + length, rights[i].word, word) != 0)
      continue;
    if (*prefix && !names_is_name(prefix))
      return false;
    table->grants[table->grant_count].slot = number;
    table->grants[table->grant_count].right = rights[i].right;
    table->grants[table->grant_count].prefix = prefix;
    table->grants[table->grant_count++].length = (uint32_t)strlen(prefix);
    return true;
  }
  return false;
}

bool names_take_grants(struct names_table *table, const struct service_startup *startup) {
  const char *text = startup->argument;
  for (uint32_t i = 0; i < startup->arguments; i++, text += strlen(text) + 1)
    if (i > 0 && !take_grant(table, startup, text)) /* the first is the service's name */
      return false;
  return true;
}

bool names_may(const struct names_table *table, uint32_t slot, enum names_right right, const char *name) {
  for (uint32_t i = 0; i < table->grant_count; i++) {
    uint32_t length = table->grants[i].length;
    if (table->grants[i].right == right && (table->grants[i].slot == slot || table->grants[i].slot == NAMES_NOBODY) &&
        (length == 0 ||
         (strncmp(name, table->grants[i].prefix, length) == 0 && (!name[length] || name[length] == '/'))))
      return true;
  }
  return false;
}

/* ---- Offers ---- */

/* The first place in the order whose name is not less than this, or, `behind`, is greater. */
static uint32_t place_of(const struct names_table *table, const char *name, bool behind) {
  uint32_t low = 0, high = table->count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    int order = strcmp(table->offers[table->sorted[middle]].name, name);
    if (order < 0 || (behind && order == 0))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct names_offer *names_find(struct names_table *table, const char *name) {
  uint32_t place = place_of(table, name, false);
  if (place == table->count || strcmp(table->offers[table->sorted[place]].name, name) != 0)
    return NULL;
  return &table->offers[table->sorted[place]];
}

struct names_offer *names_add(struct names_table *table, uint32_t slot, const char *name) {
  uint32_t row = slot * NAMES_OFFERS_EACH, end = row + NAMES_OFFERS_EACH;
  while (row < end && table->offers[row].name[0])
    row++;
  if (row == end)
    return NULL;
  uint32_t place = place_of(table, name, false);
  memmove(table->sorted + place + 1, table->sorted + place, (table->count - place) * sizeof *table->sorted);
  table->sorted[place] = (uint16_t)row;
  table->count++;
  table->offers[row] = (struct names_offer){.slot = slot, .asker = NAMES_NOBODY};
  memcpy(table->offers[row].name, name, strlen(name) + 1);
  return &table->offers[row];
}

void names_remove(struct names_table *table, struct names_offer *offer) {
  uint32_t place = place_of(table, offer->name, false);
  table->count--;
  memmove(table->sorted + place, table->sorted + place + 1, (table->count - place) * sizeof *table->sorted);
  offer->name[0] = 0;
}

uint32_t names_list(const struct names_table *table, uint32_t slot, const char *prefix, const char *after, uint8_t *to,
                    uint32_t capacity) {
  uint32_t used = 0, place = place_of(table, prefix, false), behind = place_of(table, after, true);
  size_t length = strlen(prefix);
  if (*after && behind > place)
    place = behind;
  for (; place < table->count; place++) {
    const char *name = table->offers[table->sorted[place]].name;
    if (strncmp(name, prefix, length) != 0)
      break;
    if (!names_may(table, slot, NAMES_MAY_FIND, name))
      continue;
    uint32_t size = (uint32_t)strlen(name) + 1;
    if (size > capacity - used)
      break;
    memcpy(to + used, name, size);
    used += size;
  }
  return used;
}
