/* What the supervisor checks of the system it is to start, before it starts anything. Used by supervisor.c, and by the
 * tests, which call it directly. No calls of the kernel; nothing is kept. */
#ifndef SERVICES_SYSTEM_H
#define SERVICES_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/system.h>

/* Why a system is not started: what is wrong, and where. */
struct system_refusal {
  const char *text;       /* NULL: nothing is */
  uint32_t process, slot; /* or SIGNET_SYSTEM_NONE */
  uint32_t channel;       /* or SIGNET_SYSTEM_NONE */
  int64_t status;         /* enum signet_status of the call that failed, or 0 */
  uint64_t value;
};

#define SYSTEM_NOWHERE                                                                                                 \
  (struct system_refusal) { .process = SIGNET_SYSTEM_NONE, .slot = SIGNET_SYSTEM_NONE, .channel = SIGNET_SYSTEM_NONE }

/* Checks all that can be known without asking the kernel. `slots` is how many start-up slots the supervisor was given.
 * *events becomes the channel whose server end is the supervisor's own, or SIGNET_SYSTEM_NONE. */
bool system_check(const void *bytes, uint32_t length, uint32_t slots, uint32_t *events, struct system_refusal *why);

/* The tables of a system that was checked. */
static inline const struct signet_system_process *system_process(const struct signet_system *system, uint32_t i) {
  return (const struct signet_system_process *)((const uint8_t *)system + system->processes_offset) + i;
}
static inline const struct signet_system_channel *system_channel(const struct signet_system *system, uint32_t i) {
  return (const struct signet_system_channel *)((const uint8_t *)system + system->channels_offset) + i;
}

/* One line for people; at most `size` bytes with the NUL. */
void system_describe(const struct system_refusal *why, const struct signet_system *system, char *text, uint32_t size);

#endif
