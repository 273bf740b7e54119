/* Owns what --dir gives a machine: directories of the host as one cpio archive, written by libarchive. The same files
 * give the same bytes: order, numbers and owners are not the host's. One thread. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/boot.h"

#define DIRECTORY_MODE (S_IFDIR | 0755) /* of a made-up directory */

struct file {
  char *guest;   /* without the leading "/" */
  char *host;    /* NULL: a made-up directory */
  uint32_t mode; /* type and permission bits */
  int64_t modified;
  uint64_t size;
};

struct walk {
  const struct boot_tree *trees;
  uint32_t tree_count;
  struct file *files;
  size_t count, room;
};

static char *joined(const char *directory, const char *name) {
  char *text;
  bool bare = *directory == 0 || directory[strlen(directory) - 1] == '/';
  if (asprintf(&text, "%s%s%s", directory, bare ? "" : "/", name) < 0)
    abort();
  return text;
}

static void add(struct walk *walk, char *guest, char *host, const struct stat *status) {
  if (walk->count == walk->room) {
    walk->room = walk->room ? 2 * walk->room : 64;
    walk->files = realloc(walk->files, walk->room * sizeof *walk->files);
    if (!walk->files)
      abort();
  }
  walk->files[walk->count++] =
      (struct file){.guest = guest,
                    .host = host,
                    .mode = status ? status->st_mode : DIRECTORY_MODE,
                    .modified = status ? status->st_mtime : 0,
                    .size = status && S_ISREG(status->st_mode) ? (uint64_t)status->st_size : 0};
}

static bool is_tree(const struct walk *walk, const char *guest) {
  for (uint32_t i = 0; i < walk->tree_count; i++)
    if (strcmp(walk->trees[i].guest + 1, guest) == 0)
      return true;
  return false;
}

static bool fails(const char *path) {
  cli_error("--dir: %s: %s", path, strerror(errno));
  return false;
}

/* What is in a directory of the host; `guest` is its name without the leading "/". */
static bool visit(struct walk *walk, const char *host, const char *guest) {
  DIR *directory = opendir(host);
  if (!directory)
    return fails(host);
  bool good = true;
  for (struct dirent *entry; good && (entry = readdir(directory));) {
    struct stat status;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    char *path = joined(host, entry->d_name), *name = joined(guest, entry->d_name);
    bool taken = false;
    if (lstat(path, &status) != 0) {
      good = fails(path);
    } else if (is_tree(walk, name)) {
      /* Another tree is seen there. */
    } else if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode)) {
      add(walk, name, path, &status);
      taken = true;
      if (S_ISDIR(status.st_mode))
        good = visit(walk, path, name);
    } else {
      cli_error("--dir: %s is left out: it is neither a file nor a directory nor a link", path);
    }
    if (!taken) {
      free(path);
      free(name);
    }
  }
  closedir(directory);
  return good;
}

/* The tree itself and the directories above it; what is there twice is sorted out later. */
static bool visit_tree(struct walk *walk, const struct boot_tree *tree) {
  struct stat status;
  if (stat(tree->host, &status) != 0)
    return fails(tree->host);
  const char *guest = tree->guest + 1;
  if (!S_ISDIR(status.st_mode)) {
    errno = ENOTDIR;
    return fails(tree->host);
  }
  for (const char *slash = guest; (slash = strchr(slash, '/')); slash++)
    add(walk, strndup(guest, (size_t)(slash - guest)), NULL, NULL);
  if (*guest)
    add(walk, strdup(guest), strdup(tree->host), &status);
  return visit(walk, tree->host, guest);
}

/* A file of the host before a made-up directory of the same name. */
static int order(const void *a, const void *b) {
  const struct file *left = a, *right = b;
  int names = strcmp(left->guest, right->guest);
  return names ? names : (left->host == NULL) - (right->host == NULL);
}

static bool write_contents(struct archive *archive, const struct file *file) {
  static char buffer[1 << 16];
  int input = open(file->host, O_RDONLY | O_CLOEXEC);
  if (input < 0)
    return fails(file->host);
  ssize_t got;
  uint64_t done = 0;
  while ((got = read(input, buffer, sizeof buffer)) > 0)
    done += (uint64_t)archive_write_data(archive, buffer, (size_t)got);
  int problem = errno;
  close(input);
  errno = problem;
  if (got < 0)
    return fails(file->host);
  if (done == file->size)
    return true;
  cli_error("--dir: %s changed while it was read", file->host);
  return false;
}

static bool write_file(struct archive *archive, const struct file *file, int64_t number) {
  char target[4096];
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, file->guest);
  archive_entry_set_mode(entry, file->mode);
  archive_entry_set_mtime(entry, file->modified, 0);
  archive_entry_set_size(entry, (int64_t)file->size);
  archive_entry_set_ino(entry, number);
  archive_entry_set_nlink(entry, 1);
  bool good = true;
  if (S_ISLNK(file->mode)) {
    ssize_t length = readlink(file->host, target, sizeof target - 1);
    good = length >= 0 || fails(file->host);
    target[length < 0 ? 0 : length] = 0;
    archive_entry_set_symlink(entry, target);
  }
  if (good && archive_write_header(archive, entry) != ARCHIVE_OK) {
    cli_error("--dir: %s: %s", file->host ? file->host : file->guest, archive_error_string(archive));
    good = false;
  }
  if (good && S_ISREG(file->mode))
    good = write_contents(archive, file);
  archive_entry_free(entry);
  return good;
}

static ssize_t put(struct archive *archive, void *context, const void *bytes, size_t length) {
  (void)archive;
  boot_append(context, bytes, length, 1);
  return (ssize_t)length;
}

static bool write_all(struct walk *walk, struct boot_bytes *into) {
  struct archive *archive = archive_write_new();
  archive_write_set_format_cpio_newc(archive);
  archive_write_set_bytes_per_block(archive, 1 << 20);
  archive_write_set_bytes_in_last_block(archive, 1);
  bool good = archive_write_open(archive, into, NULL, put, NULL) == ARCHIVE_OK;
  for (size_t i = 0; good && i < walk->count; i++)
    if (i == 0 || strcmp(walk->files[i].guest, walk->files[i - 1].guest) != 0)
      good = write_file(archive, &walk->files[i], (int64_t)i + 1);
  if (good && archive_write_close(archive) != ARCHIVE_OK) {
    cli_error("--dir: %s", archive_error_string(archive));
    good = false;
  }
  archive_write_free(archive);
  return good;
}

bool boot_trees(const struct boot_tree *trees, uint32_t count, struct boot_bytes *into) {
  struct walk walk = {.trees = trees, .tree_count = count};
  bool good = true;
  for (uint32_t i = 0; good && i < count; i++)
    good = visit_tree(&walk, &trees[i]);
  if (good && walk.count)
    qsort(walk.files, walk.count, sizeof *walk.files, order);
  good = good && write_all(&walk, into);
  for (size_t i = 0; i < walk.count; i++) {
    free(walk.files[i].guest);
    free(walk.files[i].host);
  }
  free(walk.files);
  return good;
}
