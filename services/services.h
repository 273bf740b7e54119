/* The agreement between the services and whoever starts them: start-up slots and start-up bytes. Read by services/ and
 * by the host program (no header of the sealed side is needed).
 *
 * build/services/console: slots 3k, 3k+1, 3k+2 are server ends of contracts/files.h, standard input, output and error
 * of client k; behind those of the last client are the three stream devices, and then, if it is supervised, the client
 * end of contracts/supervision.contract. Start-up bytes: struct services_console; none: one client, no flags. It ends
 * when its clients have closed all of them, unless it is supervised: then when it is told to. Quota it needs: threads
 * 4, handles 9 and 6 a client, memory 1 MiB, its stack and 1 MiB a client (each of its three streams may leave a block
 * in an answer that it does not take), regions 16.
 *
 * build/services/files: slots 0 .. clients-1 are server ends of contracts/files.h, one a client; slot `clients` is, if
 * it is supervised, the client end of contracts/supervision.contract; directory devices are in the slots that the
 * mounts name. Start-up bytes: struct services_files, then its mounts. It ends when its last client is gone, unless it
 * is supervised: then when it is told to. Quota it needs: threads 1, handles 32, memory 1 MiB a client and its stack,
 * regions 32.
 *
 * build/services/serial, the driver of the bare machine's first serial line: slots 0, 1, 2 as the console's; 3 the
 * ports device of a 16550 (8 ports), 4 its interrupt, 5 the client end of a channel of contracts/events.h, through
 * which it tells its parent of ^C and the like. Start-up bytes: struct services_serial. It ends when its clients have
 * closed all three and everything is sent. Quota it needs: threads 2, handles 16, memory 1 MiB and its stack, regions
 * 16.
 *
 * build/services/memory: slots 0 .. clients-1 as those of files; slot `clients` is the archive device. One tree of
 * files in memory; at first those of the cpio archive ("newc", names without a leading "/") that is an entry of the
 * archive. Start-up bytes: struct services_memory, then its places: the longest that holds a name says whether anything
 * there can be changed; where none does, it can. What a place names and the files do not have is an empty directory; so
 * is /tmp, unless "/" is read-only. It ends when its last client is gone.
 * Quota it needs: threads 1, handles 32, regions 64, memory 2 MiB, its stack, and all that its files shall hold.
 *
 * build/services/supervisor, the first process: slots are devices (on the bare machine those of the boot archive),
 * start-up bytes are those of include/signet/system.h. Quota it needs besides that of its processes: threads 1 and 1 a
 * process, handles 40, 8 a process and 2 a channel, regions 16, memory 1 MiB, its stack, 4 KiB a process and the images
 * of those that may be started again.
 *
 * build/services/network: struct signet_program names its slots: "network" is the network device, "supervision" the
 * client end of contracts/supervision.contract, if it is supervised, and all others are server ends of
 * contracts/network.contract, one a client. It ends when its last client is gone and what that left, unless it is
 * supervised: then when it is told to. Quota it needs: threads 2, handles 16 and 1 a connection (and 1 while a block of
 * it waits), regions 64 and 1 a block that waits, memory 2 MiB, its stack, 10 KiB a connection, and what shall be held
 * for those that wait to send: 4 KiB each, or a block. When that is used up it refuses to hold more.
 *
 * build/services/names: struct signet_program names its slots: "supervision" as the network's, and all others are
 * server ends of contracts/names.contract, one a client. Quota it needs: threads 1, handles 16 and 14 a client, regions
 * 16, memory SERVICES_NAMES_MEMORY and SERVICES_NAMES_MEMORY_EACH a client.
 *
 * A service that cannot begin ends with a status of SERVICES_ENDS.
 */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include <stdint.h>

/* Exit statuses of services, and what they mean for people. */
#define SERVICES_ENDS(X)                                                                                               \
  X(STARTUP, 125, "its start-up bytes or slots are not as it expects them")                                            \
  X(MEMORY, 124, "what it was to hold does not fit into its quota")                                                    \
  X(ARCHIVE, 123, "its entry of the boot archive cannot be read")                                                      \
  X(FORM, 122, "its files are no cpio archive (newc), or end too early")                                               \
  X(NAME, 121, "its files have a name that leads out of them, is too long, or is there twice")                         \
  X(KIND, 120, "its files have what is neither a file, a directory nor a symbolic link")                               \
  X(DEVICE, 119, "the device that it drives does not answer as one of its kind")

enum services_end {
#define SERVICES_END_ENUM(name, number, text) SERVICES_END_##name = number,
  SERVICES_ENDS(SERVICES_END_ENUM)
#undef SERVICES_END_ENUM
};

#define SERVICES_CONSOLE_VERSION 1u
#define SERVICES_CONSOLE_STREAMS 3
#define SERVICES_CONSOLE_SLOTS 6         /* of one client; each further one has SERVICES_CONSOLE_STREAMS more */
#define SERVICES_CONSOLE_CLIENTS_MOST 9u /* as many as SIGNET_SLOTS_MOST has room for */
/* Output is written in whole lines, each behind the name of the process that wrote it ("web | "), and without the
 * control characters that would move the cursor. Without it: as it comes. */
#define SERVICES_CONSOLE_PREFIXES 1u
#define SERVICES_CONSOLE_SUPERVISED 2u /* slot 3 * clients + 3 is "supervision" */

/* Input goes to the client that reads first, as long as that is there; the others read its end. */
struct services_console {
  uint32_t version;  /* SERVICES_CONSOLE_VERSION */
  uint32_t clients;  /* 1 to SERVICES_CONSOLE_CLIENTS_MOST */
  uint32_t flags;    /* SERVICES_CONSOLE_* */
  uint32_t reserved; /* 0 */
};

#define SERVICES_FILES_VERSION 1u
#define SERVICES_MOUNT_READ_ONLY 1u
#define SERVICES_MOUNT_PATH_MOST 240 /* bytes, with the NUL */

struct services_files {
  uint32_t version; /* SERVICES_FILES_VERSION */
  uint32_t clients; /* 1 and up */
  uint32_t mounts;  /* 0 and up */
  uint32_t flags;   /* SERVICES_FILES_SUPERVISED, or 0 */
};
#define SERVICES_FILES_SUPERVISED 1u /* slot `clients` is "supervision" */

struct services_mount {
  uint32_t slot;  /* of the directory device */
  uint32_t flags; /* SERVICES_MOUNT_* */
  uint64_t reserved;
  char path[SERVICES_MOUNT_PATH_MOST]; /* absolute, NUL-terminated; "/" for all */
};

#define SERVICES_NAMES_MEMORY (2u << 20)
/* The dearest end of a channel that there is, which a client may leave in an answer that it does not take. */
#define SERVICES_NAMES_MEMORY_EACH (1u << 20)

#define SERVICES_SERIAL_VERSION 1u
#define SERVICES_SERIAL_SLOTS 6
#define SERVICES_SERIAL_FRAMED 1u /* a program is at the other end of the line (SERVICES_FRAME); else a terminal is */

struct services_serial {
  uint32_t version;       /* SERVICES_SERIAL_VERSION */
  uint32_t flags;         /* SERVICES_SERIAL_* */
  uint32_t columns, rows; /* of the terminal; 0: not known */
};

/* On a framed line, SERVICES_FRAME and the byte after it say something about the bytes that follow or stand for one;
 * every other byte stands for itself. What arrives before the first of these is not of the driver but of the kernel.
 * The first that the driver sends on any line, framed or not, is SERVICES_FRAME, SERVICES_FRAME_OUTPUT: from then on it
 * listens, and nothing that is sent to it is lost. (A terminal shows neither.) */
#define SERVICES_FRAME 0x10
#define SERVICES_FRAME_OUTPUT 0x01 /* out: what follows is standard output */
#define SERVICES_FRAME_ERROR 0x02  /* out: standard error */
#define SERVICES_FRAME_KERNEL 0x03 /* out: the kernel's own text again; the last that the driver sends when it ends */
#define SERVICES_FRAME_END 0x04    /* in: end of input */
#define SERVICES_FRAME_LITERAL SERVICES_FRAME /* in and out: one byte of this value */
#define SERVICES_FRAME_EVENT 0x40             /* in: SIGNET_EVENT_* is this byte less 0x40; for contracts/events.h */

#define SERVICES_MEMORY_VERSION 1u
#define SERVICES_MEMORY_NO_ENTRY UINT32_MAX

struct services_memory {
  uint32_t version; /* SERVICES_MEMORY_VERSION */
  uint32_t clients; /* 1 and up */
  uint32_t entry;   /* of the archive: the files at the start; or NO_ENTRY */
  uint32_t places;  /* struct services_mount that follow, whose slots have no meaning */
};

#endif
