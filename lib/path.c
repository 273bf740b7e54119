/* Names of files as programs give them, to names as the file service wants them; and the working directory. The name is
 * not put together here: its parts go into the message, and the service takes out "." and "..". Any thread; own lock
 * for the working directory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/linux.h"
#include "lib/normalise.h"

#define PATH_MOST 4096 /* with the NUL, as Linux has it */

static struct lock directory_lock;
/* Normalised, on the library's heap; NULL while it is the one that the process was given. A path_begin copies it. */
static char *directory_now;
static size_t directory_size;

/* Copies the working directory; -> its length without the NUL, or minus an error number. */
static long directory_copy(char *to, size_t capacity) {
  lock_take(&directory_lock);
  const char *from = directory_now ? directory_now : signet_facts.directory;
  size_t length = strlen(from);
  long result = -ERANGE;
  if (length < capacity) {
    memcpy(to, from, length + 1);
    result = length;
  }
  lock_give(&directory_lock);
  return result;
}

static void add(struct path *path, const void *text, size_t length) {
  path->parts[path->count++] = (struct iovec){(void *)text, length};
}

long signet_path_begin(struct path *path, int directory, const char *name) {
  memset(path, 0, sizeof *path);
  size_t length = strlen(name);
  if (length == 0)
    return -ENOENT;
  if (length >= PATH_MOST)
    return -ENAMETOOLONG;
  path->final_slash = name[length - 1] == '/' || (length >= 2 && name[length - 1] == '.' && name[length - 2] == '/');
  if (name[0] != '/' && directory == AT_FDCWD) {
    /* Held while the name is used, so that another thread's chdir does not pull it away. */
    lock_take(&directory_lock);
    const char *now = directory_now ? directory_now : signet_facts.directory;
    size_t size = strlen(now);
    char *held = signet_heap_take(size + 1);
    if (held)
      memcpy(held, now, size + 1);
    lock_give(&directory_lock);
    if (!held)
      return -ENOMEM;
    path->held = held;
    path->held_size = size + 1;
    add(path, held, size);
    add(path, "/", 1);
  } else if (name[0] != '/') {
    struct description *base = signet_descriptor_get(directory);
    if (!base)
      return -EBADF;
    if (base->type != S_IFDIR || !base->data) {
      signet_description_put(base);
      return -ENOTDIR;
    }
    path->base = base;
    add(path, base->data, strlen(base->data));
    add(path, "/", 1);
  }
  add(path, name, length + 1);
  if (signet_path_length(path) > PATH_MOST) {
    signet_path_end(path);
    return -ENAMETOOLONG;
  }
  return 0;
}

void signet_path_end(struct path *path) {
  if (path->base)
    signet_description_put(path->base);
  if (path->held)
    signet_heap_give(path->held, path->held_size);
  path->base = NULL;
  path->held = NULL;
}

size_t signet_path_length(const struct path *path) {
  size_t length = 0;
  for (uint32_t i = 0; i < path->count; i++)
    length += path->parts[i].iov_len;
  return length;
}

long signet_linux_getcwd(const long *argument) {
  long length = directory_copy((char *)argument[0], argument[1]);
  return length < 0 ? length : length + 1;
}

/* Makes an absolute name the working directory; the name has been found to be one. */
static long change_to(const struct path *path) {
  size_t size = signet_path_length(path);
  char *text = signet_heap_take(size);
  if (!text)
    return -ENOMEM;
  signet_iovec_gather(path->parts, path->count, 0, text, size);
  signet_path_normalise(text);
  lock_take(&directory_lock);
  char *old = directory_now;
  size_t old_size = directory_size;
  directory_now = text;
  directory_size = size;
  lock_give(&directory_lock);
  if (old)
    signet_heap_give(old, old_size);
  return 0;
}

long signet_linux_chdir(const long *argument) {
  struct stat status;
  const char *name = (const char *)argument[0];
  long error = signet_name_status(AT_FDCWD, name, 0, &status, NULL);
  if (error)
    return error;
  if (!S_ISDIR(status.st_mode))
    return -ENOTDIR;
  struct path path;
  error = signet_path_begin(&path, AT_FDCWD, name);
  if (error)
    return error;
  error = change_to(&path);
  signet_path_end(&path);
  return error;
}

long signet_linux_fchdir(const long *argument) {
  struct path path;
  long error = signet_path_begin(&path, argument[0], ".");
  if (error)
    return error;
  error = change_to(&path);
  signet_path_end(&path);
  return error;
}
