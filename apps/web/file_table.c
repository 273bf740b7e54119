/* Files that were asked for stay open, so that a request costs looking whether the name still means the same file, and
 * reading it. The content of a small one is kept too, once it is old enough that a change must show in its times. The
 * core only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/web/web.h"

#define FILES_KEPT 512u /* in the table; fewer than a client of the file service may have open */
#define BUCKETS 256u
#define CONTENT_MOST 3500u /* what fits into one message with its head */
/* Times of files go in steps of some milliseconds: what was read this soon after a change may not be the last. */
#define SETTLED (2 * SECOND)

static struct file *buckets[BUCKETS], *newest, *oldest;
static uint32_t count, detached;

static uint32_t hash_of(const char *path) {
  uint32_t hash = 2166136261u;
  for (; *path; path++)
    hash = (hash ^ (uint8_t)*path) * 16777619u;
  return hash;
}

static bool same(const struct storage_facts *a, const struct storage_facts *b) {
  return a->inode == b->inode && a->size == b->size && a->modified == b->modified && a->changed == b->changed;
}

static void unlink_use(struct file *file) {
  *(file->newer ? &file->newer->older : &newest) = file->older;
  *(file->older ? &file->older->newer : &oldest) = file->newer;
}

static void link_newest(struct file *file) {
  file->newer = NULL;
  file->older = newest;
  *(newest ? &newest->newer : &oldest) = file;
  newest = file;
}

static void destroy(struct file *file) {
  while (file->ready_count) {
    block_readied(false);
    block_give(file->ready[--file->ready_count]);
  }
  if (file->open)
    storage_close(file->number);
  free(file->content);
  free(file);
}

/* Takes it out of the table. Who sends it goes on with what it was. */
static void detach(struct file *file) {
  struct file **at = &buckets[file->hash % BUCKETS];
  while (*at != file)
    at = &(*at)->next;
  *at = file->next;
  unlink_use(file);
  file->current = false;
  count--;
  if (file->references == 0)
    destroy(file);
  else
    detached++;
}

void file_release(struct file *file) {
  if (--file->references == 0 && !file->current) {
    detached--;
    destroy(file);
  }
}

/* All numbers are of a file service that is no more. */
void file_table_forget(void) {
  for (struct file *file = oldest, *newer; file; file = newer) {
    newer = file->newer;
    file->open = false;
  }
}

static void describe(struct file *file) {
  snprintf(file->etag, sizeof file->etag, "\"%llx-%llx\"", (unsigned long long)file->facts.modified,
           (unsigned long long)file->facts.size);
  date_write(file->modified, (int64_t)(file->facts.modified / SECOND));
  file->head_length =
      (uint16_t)snprintf(file->head, sizeof file->head,
                         "Content-Type: %s\r\nContent-Length: %llu\r\nLast-Modified: %s\r\n"
                         "ETag: %s\r\nAccept-Ranges: bytes\r\n",
                         content_type(file->path), (unsigned long long)file->facts.size, file->modified, file->etag);
}

static struct file *find(const char *path, uint32_t hash) {
  struct file *file = buckets[hash % BUCKETS];
  while (file && (file->hash != hash || strcmp(file->path, path) != 0))
    file = file->next;
  return file;
}

int file_get(const char *path, const struct storage_facts *facts, struct file **result) {
  uint32_t hash = hash_of(path);
  struct file *file = find(path, hash);
  if (file && same(&file->facts, facts)) {
    if (file != newest) {
      unlink_use(file);
      link_newest(file);
    }
    file->references++;
    *result = file;
    return 0;
  }
  if (file)
    detach(file);
  for (struct file *old = oldest; count + detached >= FILES_KEPT && old;) {
    struct file *newer = old->newer;
    if (old->references == 0)
      detach(old);
    old = newer;
  }
  if (count + detached >= FILES_KEPT)
    return EMFILE;
  size_t length = strlen(path) + 1;
  file = malloc(sizeof *file + length);
  if (!file)
    return ENOMEM;
  *file = (struct file){.hash = hash, .references = 1, .current = true};
  memcpy(file->path, path, length);
  int error = storage_open(path, &file->number, &file->facts);
  if (error) {
    free(file);
    return error;
  }
  file->open = true;
  describe(file);
  file->next = buckets[hash % BUCKETS];
  buckets[hash % BUCKETS] = file;
  link_newest(file);
  count++;
  *result = file;
  return 0;
}

int file_reopen(struct file *file) {
  if (file->open)
    return 0;
  struct storage_facts facts;
  int error = storage_open(file->path, &file->number, &facts);
  if (error)
    return error;
  if (!same(&facts, &file->facts)) {
    storage_close(file->number);
    return ESTALE;
  }
  file->open = true;
  return 0;
}

bool file_settled(const struct file *file) {
  uint64_t now = transport_time();
  return now >= file->facts.modified + SETTLED && now >= file->facts.changed + SETTLED;
}

bool file_ready_take(struct file *file, struct block *block) {
  if (!file->ready_count)
    return false;
  *block = file->ready[--file->ready_count];
  block_readied(false);
  return true;
}

void file_ready_put(struct file *file, struct block block) {
  if (!file->current || file->ready_count == FILE_READY_MOST || !block_may_stay()) {
    block_give(block);
    return;
  }
  file->ready[file->ready_count++] = block;
  block_readied(true);
}

bool file_ready_steal(struct block *block) {
  struct file *file = oldest;
  while (file && !file->ready_count)
    file = file->newer;
  if (file)
    *block = file->ready[--file->ready_count];
  return file;
}

const uint8_t *file_content(struct file *file) {
  if (file->content || file->facts.size > CONTENT_MOST || file->facts.size == 0)
    return file->content;
  if (!file_settled(file) || file_reopen(file))
    return NULL;
  uint8_t *content = malloc(file->facts.size);
  uint32_t read;
  if (content &&
      (storage_read(file->number, 0, content, (uint32_t)file->facts.size, &read) || read != file->facts.size)) {
    free(content);
    content = NULL;
  }
  file->content = content;
  return content;
}
