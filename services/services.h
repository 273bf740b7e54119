/* The agreement between the services and whoever starts them: start-up slots and start-up bytes. Read by services/ and
 * by the host program (no header of the sealed side is needed).
 *
 * build/services/console: slots 0, 1, 2 are server ends of contracts/files.h (standard input, output, error of one
 * program), slots 3, 4, 5 the stream devices behind them. No start-up bytes. It ends when its clients have closed all
 * three. Quota it needs: threads 3, handles 12, memory 1 MiB and its stack, regions 16.
 *
 * build/services/files: slots 0 .. clients-1 are server ends of contracts/files.h, one a client; directory devices are
 * in the slots that the mounts name. Start-up bytes: struct services_files, then its mounts. It ends when its last
 * client is gone. Quota it needs: threads 1, handles 32, memory 1 MiB a client and its stack, regions 32. */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include <stdint.h>

#define SERVICES_CONSOLE_STREAMS 3
#define SERVICES_CONSOLE_SLOTS 6

#define SERVICES_FILES_VERSION 1u
#define SERVICES_MOUNT_READ_ONLY 1u
#define SERVICES_MOUNT_PATH_MOST 240 /* bytes, with the NUL */

struct services_files {
  uint32_t version; /* SERVICES_FILES_VERSION */
  uint32_t clients; /* 1 and up */
  uint32_t mounts;  /* 0 and up */
  uint32_t reserved;
};

struct services_mount {
  uint32_t slot;  /* of the directory device */
  uint32_t flags; /* SERVICES_MOUNT_* */
  uint64_t reserved;
  char path[SERVICES_MOUNT_PATH_MOST]; /* absolute, NUL-terminated; "/" for all */
};

#endif
