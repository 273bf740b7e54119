/* A cpio archive read into a tree: see cpio.h. The format: a header of hexadecimal numbers, the name, the content, both
 * filled up to a multiple of 4; the entry "TRAILER!!!" ends it. */
#include "services/cpio.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "services/services.h"

#define MAGIC "070701"
#define MAGIC_LENGTH 6
#define FIELDS 13
#define FIELD_LENGTH 8
#define HEADER_LENGTH (MAGIC_LENGTH + FIELDS * FIELD_LENGTH)
#define TRAILER "TRAILER!!!"
#define NAME_MOST 4095
#define NANOSECONDS_OF_SECOND 1000000000ull

enum field { INODE, MODE, USER, GROUP, LINKS, TIME, SIZE, MAJOR, MINOR, DEVICE_MAJOR, DEVICE_MINOR, NAME_SIZE, CHECK };

struct entry {
  uint32_t field[FIELDS];
  char name[NAME_MOST + 2]; /* with a "/" before it */
  uint64_t content;         /* offset */
};

static bool hexadecimal(const char *digits, uint32_t *value) {
  *value = 0;
  for (unsigned i = 0; i < FIELD_LENGTH; i++) {
    char digit = digits[i];
    uint32_t add = digit >= '0' && digit <= '9'   ? (uint32_t)(digit - '0')
                   : digit >= 'a' && digit <= 'f' ? (uint32_t)(digit - 'a' + 10)
                   : digit >= 'A' && digit <= 'F' ? (uint32_t)(digit - 'A' + 10)
                                                  : 16;
    if (add == 16)
      return false;
    *value = *value << 4 | add;
  }
  return true;
}

/* "a/b", "./a/b", ".": no part of it is "..", empty or too long. */
static bool name_inside(const char *name) {
  for (const char *part = name; *part; part += *part == '/') {
    size_t length = strcspn(part, "/");
    if (!length || length > NAME_MAX || (length == 2 && part[0] == '.' && part[1] == '.'))
      return false;
    part += length;
  }
  return true;
}

static uint64_t filled(uint64_t offset) { return (offset + 3) & ~(uint64_t)3; }

/* Reads the header and the name at the offset. */
static uint32_t read_entry(const struct cpio_source *source, uint64_t offset, struct entry *entry) {
  char header[HEADER_LENGTH];
  if (source->length < HEADER_LENGTH || offset > source->length - HEADER_LENGTH)
    return SERVICES_END_FORM;
  if (!source->read(source, offset, header, sizeof header))
    return SERVICES_END_ARCHIVE;
  if (memcmp(header, MAGIC, MAGIC_LENGTH) != 0)
    return SERVICES_END_FORM;
  for (unsigned i = 0; i < FIELDS; i++)
    if (!hexadecimal(header + MAGIC_LENGTH + i * FIELD_LENGTH, &entry->field[i]))
      return SERVICES_END_FORM;
  uint64_t length = entry->field[NAME_SIZE]; /* with its NUL */
  offset += HEADER_LENGTH;
  if (!length || length > source->length - offset)
    return SERVICES_END_FORM;
  if (length > NAME_MOST + 1)
    return SERVICES_END_NAME;
  entry->name[0] = '/';
  if (!source->read(source, offset, entry->name + 1, (uint32_t)length))
    return SERVICES_END_ARCHIVE;
  if (strnlen(entry->name + 1, length) != length - 1)
    return SERVICES_END_FORM;
  entry->content = filled(offset + length);
  if (entry->content > source->length || entry->field[SIZE] > source->length - entry->content)
    return SERVICES_END_FORM;
  return 0;
}

static uint32_t fill_file(const struct cpio_source *source, const struct entry *entry, struct tree_node *node) {
  for (uint64_t done = 0, part; done < entry->field[SIZE]; done += part) {
    part = entry->field[SIZE] - done;
    uint8_t *bytes = signet_tree_room(node, done, &part);
    if (!bytes)
      return SERVICES_END_MEMORY;
    if (!source->read(source, entry->content + done, bytes, (uint32_t)part))
      return SERVICES_END_ARCHIVE;
    signet_tree_written(node, done + part);
  }
  return 0;
}

static uint32_t make_link(const struct cpio_source *source, const struct entry *entry, struct tree *tree,
                          struct tree_place *place) {
  char target[TREE_LINK_MOST + 1];
  uint32_t length = entry->field[SIZE];
  if (!length || length > TREE_LINK_MOST)
    return SERVICES_END_NAME;
  if (!source->read(source, entry->content, target, length))
    return SERVICES_END_ARCHIVE;
  target[length] = 0;
  if (strlen(target) != length)
    return SERVICES_END_NAME;
  return signet_tree_make_link(tree, place, target) ? SERVICES_END_MEMORY : 0;
}

static uint32_t make_entry(const struct cpio_source *source, const struct entry *entry, struct tree *tree) {
  struct tree_place place;
  uint32_t mode = entry->field[MODE], permissions = mode & 01777, wrong = 0;
  if (!name_inside(entry->name + 1))
    return SERVICES_END_NAME;
  if (!S_ISDIR(mode) && !S_ISREG(mode) && !S_ISLNK(mode))
    return SERVICES_END_KIND;
  if (S_ISREG(mode) && entry->field[LINKS] > 1)
    return SERVICES_END_KIND; /* another name of a file: there are none here */
  long error = signet_tree_find(tree, entry->name, false, &place);
  if (error == -ENOMEM)
    return SERVICES_END_MEMORY;
  if (error)
    return SERVICES_END_NAME;
  if (place.node && (!S_ISDIR(mode) || !S_ISDIR(place.node->mode)))
    return SERVICES_END_NAME;
  struct tree_node *above = place.directory;
  uint64_t above_modified = above ? above->modified : 0;
  if (S_ISLNK(mode))
    wrong = make_link(source, entry, tree, &place);
  else if (!place.node && signet_tree_make(tree, &place, (mode & S_IFMT) | permissions))
    wrong = SERVICES_END_MEMORY;
  if (!wrong && S_ISREG(mode))
    wrong = fill_file(source, entry, place.node);
  if (wrong)
    return wrong;
  if (!S_ISLNK(mode))
    signet_tree_set_permissions(place.node, permissions);
  uint64_t time = entry->field[TIME] * NANOSECONDS_OF_SECOND;
  if (above)
    above->modified = above_modified;
  signet_tree_set_times(place.node, time, time);
  return 0;
}

uint32_t cpio_read(const struct cpio_source *source, struct tree *tree) {
  static struct entry entry;
  for (uint64_t offset = 0;;) {
    uint32_t wrong = read_entry(source, offset, &entry);
    if (wrong)
      return wrong;
    if (strcmp(entry.name + 1, TRAILER) == 0)
      return 0;
    wrong = make_entry(source, &entry, tree);
    if (wrong)
      return wrong;
    offset = filled(entry.content + entry.field[SIZE]);
  }
}
