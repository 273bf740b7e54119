/* Internal to `signet up`: what its files give each other. */
#ifndef CLI_UP_H
#define CLI_UP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/system.h>

#include "cli/control.h"
#include "manifest/manifest.h"

/* ---- up_watch.c: how the system's processes fare, told to the person who started it ---- */

struct up_watch {
  const struct manifest *manifest;
  const struct signet_system *system; /* compiled */
  bool json, quiet;
};
/* Before the first process starts. Both structures are used until the end. */
void up_watch_begin(const struct up_watch *watch);
/* For linux_port_options. */
void up_watch_report(void *context, const struct kernel_report *report);
/* For control_server. Any thread. */
void up_watch_processes(struct control_process *rows);
/* Sends the signal UP_WAKE to that thread when there is something to be told. Known from here on: the supervisor. */
#define UP_WAKE (SIGRTMIN + 1)
void up_watch_supervisor(uint32_t number, int thread);
/* Whether the supervisor has made a process: it listens to events before it does. */
bool up_watch_begun(void);
/* Tells what is new. -> nanoseconds after which it is to be called again although nothing woke the thread. One thread.
 */
uint64_t up_watch_tell(void);
/* "signet: NAME STATE: MORE", of the system as a whole. `more` may be "". */
void up_watch_system(const char *state, const char *more);

/* ---- up_network.c ---- */

struct port_device;
/* NULL: *problem says why. */
struct port_device *up_network_device(const struct manifest_device *device, const char **problem);

#endif
