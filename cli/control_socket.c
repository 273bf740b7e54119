/* Owns where a running system's socket is, who may have it, and that it goes with the system. Only its owner reaches
 * it: the socket has mode 0600, the folder 0700, and each side asks the host who the other is. One thread. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control.h"

#define SUFFIX ".sock"
#define ANSWER_SECONDS 10

/* Where systems are looked for. */
static void folder_name(char path[CLI_PATH_MOST]) {
  const char *given = getenv("XDG_RUNTIME_DIR");
  struct stat status;
  if (given && *given == '/') {
    snprintf(path, CLI_PATH_MOST, "%s/signet", given);
    return;
  }
  snprintf(path, CLI_PATH_MOST, "/run/user/%u", geteuid());
  if (stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid())
    snprintf(path, CLI_PATH_MOST, "/run/user/%u/signet", geteuid());
  else
    snprintf(path, CLI_PATH_MOST, "/tmp/signet-%u", geteuid());
}

/* It must be the caller's alone: anybody can make a folder of that name in /tmp. -1: *problem says why; ENOENT: there
 * is none. */
static int folder_open(const char *path, const char **problem) {
  struct stat status;
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  *problem = folder < 0 ? strerror(errno) : NULL;
  if (folder >= 0 && fstat(folder, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & 077))
    return folder;
  if (folder >= 0) {
    *problem = "this folder is not yours alone (it should belong to you, with mode 0700)";
    close(folder);
    errno = EPERM;
  }
  return -1;
}

static int folder_make(const char *path, const char **problem) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST) {
    *problem = strerror(errno);
    return -1;
  }
  return folder_open(path, problem);
}

/* The address of a name in a folder that is open: longer paths than an address holds work, too. */
static struct sockaddr_un address_of(int folder, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.64s", folder, name);
  return address;
}

/* A connection; -1: errno says why. EAGAIN: somebody serves it, and has too much to do. */
static int connect_in(int folder, const char *name) {
  struct sockaddr_un address = address_of(folder, name);
  int socket_here = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_here >= 0 && connect(socket_here, (struct sockaddr *)&address, sizeof address) != 0) {
    int why = errno;
    close(socket_here);
    errno = why;
    return -1;
  }
  return socket_here;
}

static bool name_fits(const char *name) { return strlen(name) <= 64 && *name && !strchr(name, '/'); }

/* The folder is locked. */
static bool clear_place(int folder, const char *name, const char *path) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || (cli_error("%s: %s", path, strerror(errno)), false);
  if (!S_ISSOCK(status.st_mode)) {
    cli_error("%s: there is something else than a socket; --socket names another place", path);
    return false;
  }
  int other = connect_in(folder, name);
  if (other >= 0 || errno == EAGAIN) {
    if (other >= 0)
      close(other);
    cli_error("%s: a system runs there already; `signet ps %s` shows it, --socket names another place", path, path);
    return false;
  }
  if (errno == ECONNREFUSED && unlinkat(folder, name, 0) == 0)
    return true;
  cli_error("%s: %s", path, strerror(errno));
  return false;
}

static bool listen_in(struct control_socket *made, const char *name) {
  struct sockaddr_un address = address_of(made->directory, name);
  struct stat status;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  mode_t before = umask(0177);
  bool good = listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(listener, 64) == 0 && fstatat(made->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  umask(before);
  if (!good) {
    cli_error("%s: the socket cannot be made: %s", made->path, strerror(errno));
    if (listener >= 0)
      close(listener);
    return false;
  }
  made->listener = listener;
  made->device = status.st_dev;
  made->inode = status.st_ino;
  return true;
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The folder of a path that the user named, which is the user's affair. */
static int folder_of(const char *path) {
  size_t length = (size_t)(last_part(path) - path);
  char *folder = strndup(length ? path : ".", length ? length : 1);
  int opened = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (opened < 0)
    cli_error("%s: %s", folder, strerror(errno));
  free(folder);
  return opened;
}

bool control_socket_make(struct control_socket *made, const char *path, const char *name) {
  char folder[CLI_PATH_MOST], *whole;
  const char *problem;
  *made = (struct control_socket){.listener = -1, .directory = -1};
  if (path) {
    whole = strdup(path);
    made->directory = folder_of(path);
  } else {
    folder_name(folder);
    if (asprintf(&whole, "%s/%s" SUFFIX, folder, name) < 0)
      whole = NULL;
    made->directory = folder_make(folder, &problem);
    if (made->directory < 0)
      cli_error("%s: %s; --socket names another place", folder, problem);
  }
  made->path = whole;
  if (made->directory < 0 || !whole)
    return false;
  name = last_part(made->path);
  if (!name_fits(name)) {
    cli_error("%s: want the name of a socket, of at most 64 bytes", made->path);
    return false;
  }
  /* Of two that start at once one comes second. */
  flock(made->directory, LOCK_EX);
  bool good = clear_place(made->directory, name, made->path) && listen_in(made, name);
  flock(made->directory, LOCK_UN);
  return good;
}

void control_socket_remove(struct control_socket *made) {
  struct stat status;
  if (made->listener < 0)
    return;
  const char *name = last_part(made->path);
  if (fstatat(made->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_dev == made->device &&
      status.st_ino == made->inode)
    unlinkat(made->directory, name, 0);
  made->listener = -1;
}

/* ---- The other side ---- */

const char *control_socket_path(const char *path) {
  char *here;
  return strchr(path, '/') || asprintf(&here, "./%s", path) < 0 ? path : here;
}

bool control_system_named(const char *command, int count, char **arguments, const char **system) {
  if (optind + (*system ? 0 : 1) < count) {
    cli_error("%s: one system, please; `signet %s --help` tells how", command, command);
    return false;
  }
  *system = *system ? *system : arguments[optind];
  return true;
}

/* Whoever serves it must be the user, too: what it says is shown to a person. */
static bool is_own(int peer) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  return getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 && credentials.uid == geteuid();
}

static int ready_to_ask(int peer, const char *path) {
  const struct timeval patience = {ANSWER_SECONDS, 0};
  if (!is_own(peer)) {
    cli_error("%s: the system belongs to somebody else", path);
    close(peer);
    return -1;
  }
  fcntl(peer, F_SETFL, fcntl(peer, F_GETFL) & ~O_NONBLOCK);
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return peer;
}

static int connect_to(int folder, const char *name, const char *path) {
  int peer = name_fits(name) ? connect_in(folder, name) : -1;
  if (peer >= 0)
    return ready_to_ask(peer, path);
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR || !name_fits(name))
    cli_error("%s: no such system runs; `signet up` starts one", path);
  else
    cli_error("%s: %s", path, errno == EAGAIN ? "the system does not answer" : strerror(errno));
  return -1;
}

/* The only one that runs; which others do is said. */
static int connect_to_any(int folder, const char *path) {
  char names[512] = "";
  size_t used = 0;
  int found = -1, runs = 0;
  DIR *entries = fdopendir(dup(folder));
  for (struct dirent *entry; entries && (entry = readdir(entries));) {
    size_t length = strlen(entry->d_name);
    if (length <= strlen(SUFFIX) || strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
      continue;
    int peer = name_fits(entry->d_name) ? connect_in(folder, entry->d_name) : -1;
    if (peer < 0)
      continue;
    if (runs++)
      close(peer);
    else
      found = peer;
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%.*s", used ? ", " : "",
                               (int)(length - strlen(SUFFIX)), entry->d_name);
  }
  if (entries)
    closedir(entries);
  if (runs == 1)
    return ready_to_ask(found, path);
  if (!runs) {
    cli_error("no system runs; `signet up SYSTEM.yaml` starts one");
    return -1;
  }
  close(found);
  cli_error("several systems run: %s; name one", names);
  return -1;
}

int control_socket_connect(const char *system) {
  char folder[CLI_PATH_MOST], name[80];
  const char *problem;
  int result = -1, directory;
  if (system && strchr(system, '/')) {
    directory = folder_of(system);
    if (directory >= 0)
      result = connect_to(directory, last_part(system), system);
  } else {
    folder_name(folder);
    directory = folder_open(folder, &problem);
    if (directory < 0 && errno == ENOENT)
      cli_error("no system runs; `signet up SYSTEM.yaml` starts one");
    else if (directory < 0)
      cli_error("%s: %s", folder, problem);
    else if (system)
      result = connect_to(directory, (snprintf(name, sizeof name, "%.70s" SUFFIX, system), name), system);
    else
      result = connect_to_any(directory, folder);
  }
  if (directory >= 0)
    close(directory);
  return result;
}
