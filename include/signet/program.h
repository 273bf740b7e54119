/* For programs under the library OS that use channels of their own besides what Linux gives them. lib/start.c. */
#ifndef SIGNET_PROGRAM_H
#define SIGNET_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* The handle in the start-up slot of that name; 0: there is none. */
uint32_t signet_slot(const char *name);
/* The number of that slot, as the supervisor names it; UINT32_MAX: there is none. */
uint32_t signet_slot_number(const char *name);

/* The file service has come back: the library OS asks it over this client end of contracts/files.h from now on, which
 * becomes its own. What was open stays unusable (EIO). */
void signet_files_renew(uint32_t endpoint);
/* The same for whatever the library OS uses: "input", "output", "error", "files". False: the slot is none of them, and
 * the end stays the caller's. What a thread is asking there meanwhile fails with EIO. */
bool signet_slot_renew(uint32_t slot, uint32_t endpoint);

#endif
