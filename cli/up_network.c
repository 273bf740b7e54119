/* Owns the names of hosts that a system may connect to, looked up before it is sealed: getent(1) is asked, so that no
 * resolver's library is in the program that hosts the kernel. One thread. */
#include <arpa/inet.h>
#include <ctype.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/up.h"
#include "port/linux/linux.h"

#define ADDRESSES_MOST 256
#define NAME_MOST 253

extern char **environ;

struct list {
  char *entry[ADDRESSES_MOST + 1]; /* NULL at the end */
  size_t count;
};

static bool add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool add(struct list *list, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bool good = list->count < ADDRESSES_MOST && vasprintf(&list->entry[list->count], format, arguments) >= 0;
  va_end(arguments);
  list->count += good;
  return good;
}

/* "ADDRESS STREAM NAME" lines. */
static bool read_addresses(FILE *from, const char *host_and_port, struct list *list) {
  char line[512], address[128], type[32];
  bool good = true;
  while (good && fgets(line, sizeof line, from))
    if (sscanf(line, "%127s %31s", address, type) == 2 && strcmp(type, "STREAM") == 0)
      good = add(list, "%s=%s", host_and_port, address);
  return good;
}

static bool look_up(const char *host, const char *host_and_port, struct list *list) {
  char *const arguments[] = {"getent", "ahosts", (char *)(uintptr_t)host, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  int ends[2], status = 0;
  size_t before = list->count;
  pid_t child;
  if (pipe(ends) != 0)
    return false;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  /* It may wait for long: ^C, which is blocked here, ends it. */
  sigemptyset(&none);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &none);
  bool good = posix_spawnp(&child, arguments[0], &actions, &attributes, arguments, environ) == 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  FILE *from = fdopen(ends[0], "r");
  good = good && from && read_addresses(from, host_and_port, list);
  if (from)
    fclose(from);
  if (good)
    waitpid(child, &status, 0);
  return good && status == 0 && list->count > before;
}

/* "host:port", the host an address, one in brackets, or a name. */
static bool resolve(const char *host_and_port, struct list *list, const char **problem) {
  char host[NAME_MOST + 1];
  struct in_addr address;
  const char *colon = strrchr(host_and_port, ':');
  size_t length = colon ? (size_t)(colon - host_and_port) : 0;
  *problem = "a host to connect to is no name and no address";
  if (!length || length > NAME_MOST)
    return false;
  memcpy(host, host_and_port, length);
  host[length] = 0;
  *problem = "there are too many hosts to connect to";
  if (*host == '[' || inet_pton(AF_INET, host, &address) == 1)
    return add(list, "%s", host_and_port);
  *problem = "a host to connect to is no name and no address";
  for (const char *at = host; *at; at++)
    if (!isalnum((unsigned char)*at) && *at != '.' && (*at != '-' || at == host))
      return false;
  *problem = "a host to connect to has no address (getent ahosts finds none)";
  return look_up(host, host_and_port, list);
}

struct port_device *up_network_device(const struct manifest_device *device, const char **problem) {
  static char text[512];
  struct list list = {.count = 0};
  struct port_device *made = NULL;
  for (const char *const *host = device->connect; host && *host; host++)
    if (!resolve(*host, &list, problem)) {
      snprintf(text, sizeof text, "%s: %s", *host, *problem);
      *problem = text;
      goto release;
    }
  made = linux_network_device(device->listen, (const char *const *)list.entry, device->connections, problem);
release:
  for (size_t i = 0; i < list.count; i++)
    free(list.entry[i]);
  return made;
}
