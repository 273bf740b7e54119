/* What to do when the machine has no memory for what comes with a message (SIGNET_MEMORY): the message stays, so it is
 * looked at again after a moment, and nobody is given up for what the machine lacks. A quota that is used up
 * (SIGNET_QUOTA) is another matter: that is who sent it. Any thread, without a lock. */
#ifndef LIB_SCARCITY_H
#define LIB_SCARCITY_H

#include <stdint.h>

#include <signet/calls.h>

#define SCARCITY_MOMENT 1000000u /* nanoseconds */

static inline void scarcity_wait(void) {
  uint32_t nobody_wakes = 0;
  signet_word_wait(&nobody_wakes, 0, signet_clock_read(SIGNET_CLOCK_MONOTONIC).value + SCARCITY_MOMENT);
}

#endif
