/* The page of a directory that has no index.html: names, sizes and times, sorted, directories first. The core only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/web/web.h"

#define PAGE_MOST (2u << 20)
#define NAMES_MOST (512u * 1024)

struct listing {
  struct text *names; /* each ended by a NUL */
  uint32_t count;
  bool full;
};

struct row {
  const char *name;
  struct storage_facts facts;
};

static bool keep_name(void *context, const char *name) {
  struct listing *listing = context;
  if (!strcmp(name, ".") || !strcmp(name, ".."))
    return true;
  if (listing->count == LISTED_MOST) {
    listing->full = true;
    return false;
  }
  text_put(listing->names, name, strlen(name) + 1);
  listing->count += !listing->names->failed;
  return !listing->names->failed;
}

static int compare(const void *a, const void *b) {
  const struct row *left = a, *right = b;
  int directories = (S_ISDIR(right->facts.mode) != 0) - (S_ISDIR(left->facts.mode) != 0);
  return directories ? directories : strcmp(left->name, right->name);
}

static int list(const char *path, struct listing *listing) {
  uint32_t number;
  uint64_t position = 0;
  bool more = true;
  int error = storage_open_directory(path, &number);
  if (error)
    return error;
  while (!error && more && !listing->full && !listing->names->failed)
    error = storage_list(number, &position, keep_name, listing, &more);
  storage_close(number);
  return error;
}

static void put_row(struct text *page, const struct row *row) {
  char when[DATE_LENGTH + 1];
  bool directory = S_ISDIR(row->facts.mode);
  date_write(when, (int64_t)(row->facts.modified / SECOND));
  text_print(page, "<tr><td><a href=\"./");
  text_put_url(page, row->name);
  text_print(page, directory ? "/\">" : "\">");
  text_put_html(page, row->name);
  text_print(page, directory ? "/</a></td><td></td>" : "</a></td><td>%llu</td>", (unsigned long long)row->facts.size);
  text_print(page, "<td>%s</td></tr>\n", when);
}

int directory_page(const char *path, const char *shown, struct text **result) {
  int error = 0;
  struct listing listing = {.names = text_new(NAMES_MOST)};
  struct text *page = text_new(PAGE_MOST);
  struct row *rows = NULL;
  char *name = malloc(strlen(path) + 256 + 1);
  if (!listing.names || !page || !name) {
    error = ENOMEM;
    goto out;
  }
  error = list(path, &listing);
  if (error)
    goto out;
  rows = calloc(listing.count + 1, sizeof *rows);
  uint32_t count = 0;
  const char *at = listing.names->bytes;
  for (uint32_t i = 0; rows && i < listing.count; i++, at += strlen(at) + 1) {
    if (strlen(at) > 255)
      continue;
    sprintf(name, "%s%s", path, at);
    error = storage_status(name, &rows[count].facts);
    if (error == STORAGE_GONE)
      goto out;
    /* What cannot be looked at cannot be fetched either. */
    if (!error && (S_ISREG(rows[count].facts.mode) || S_ISDIR(rows[count].facts.mode)))
      rows[count++].name = at;
  }
  error = 0;
  if (rows)
    qsort(rows, count, sizeof *rows, compare);
  text_print(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
  text_put_html(page, shown);
  text_print(page, "</title>\n<style>body{font-family:sans-serif;margin:2em}td{padding:.1em 1em .1em 0}"
                   "td:nth-child(2){text-align:right}</style></head>\n<body><h1>");
  text_put_html(page, shown);
  text_print(page, "</h1>\n<table>\n");
  if (strcmp(shown, "/") != 0)
    text_print(page, "<tr><td><a href=\"../\">../</a></td></tr>\n");
  for (uint32_t i = 0; i < count; i++)
    put_row(page, &rows[i]);
  text_print(page, "</table>\n");
  if (listing.full)
    text_print(page, "<p>There are more than these %u.</p>\n", LISTED_MOST);
  text_print(page, "</body></html>\n");
  if (!rows || page->failed || listing.names->failed)
    error = ENOMEM;
out:
  free(rows);
  free(name);
  text_release(listing.names);
  if (error)
    text_release(page);
  else
    *result = page;
  return error;
}
