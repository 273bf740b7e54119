/* What the devices of a port understand: operations and records of device_request. Read by ports that offer such a
 * device and by the services that drive it. A device is granted by a manifest; nothing else can name it.
 *
 * The bare machine's: ports are a range of I/O ports, an interrupt is a line of the interrupt controller, an archive is
 * the boot archive (boot.h), power ends the machine.
 *
 * A stream is a byte stream of the host: standard input, output, error, a terminal, a serial line. A directory is a
 * tree of files of the host; names are relative to it, "/"-separated, "" is the tree itself; ".." and links cannot
 * leave it. A failure is SIGNET_DEVICE with the error number of Linux (ENOENT = 2 …) as the value. */
#ifndef SIGNET_DEVICE_H
#define SIGNET_DEVICE_H

#include <stdint.h>

enum signet_device_kind {
  SIGNET_DEVICE_STREAM = 1,
  SIGNET_DEVICE_DIRECTORY = 2,
  SIGNET_DEVICE_PORTS = 3,
  SIGNET_DEVICE_INTERRUPT = 4,
  SIGNET_DEVICE_ARCHIVE = 5,
  SIGNET_DEVICE_POWER = 6,
  SIGNET_DEVICE_NETWORK = 7,
};

enum signet_device_operation {
  /* All. -> enum signet_device_kind; arguments unused. */
  SIGNET_DEVICE_IDENTIFY = 1,
  /* Stream. read: waits until there is something, -> bytes read, 0 at the end. write: -> bytes written, at least 1. */
  SIGNET_STREAM_READ = 2,
  SIGNET_STREAM_WRITE = 3,
  /* -> SIGNET_STREAM_IS_* bits; writes struct signet_file_status to the buffer if it is large enough. */
  SIGNET_STREAM_STATUS = 4,
  /* -> 1 when a read would not wait, 0 otherwise. */
  SIGNET_STREAM_POLL = 5,
  /* -> columns in the low 32 bits, rows in the high; 0 where there is no terminal. */
  SIGNET_STREAM_WINDOW_SIZE = 6,
  /* arguments[0] = 0: line by line and echoed; 1: byte by byte, unechoed. Terminals only. */
  SIGNET_STREAM_TERMINAL_MODE = 7,
  /* arguments[0] = offset as a signed number, [1] = 0 set, 1 current, 2 end; -> the new position; ESPIPE for what
     cannot seek. */
  SIGNET_STREAM_SEEK = 8,

  /* Directory. Files that are open are named by a number that the device gives. */
  /* text = name, arguments[0] = SIGNET_OPEN_* bits, [1] = permission bits of a file it makes. -> file number.
   * Opens directories too (read only). */
  SIGNET_DIRECTORY_OPEN = 16,
  /* arguments[0] = file number. */
  SIGNET_DIRECTORY_CLOSE = 17,
  /* arguments[0] = file number, [1] = offset in the file. -> bytes. */
  SIGNET_DIRECTORY_READ = 18,
  SIGNET_DIRECTORY_WRITE = 19,
  /* arguments[0] = file number; -> bytes of struct signet_directory_entry records written to the buffer, 0 at the end.
   * [1] = position to read from: 0, or the `next` of the last entry. */
  SIGNET_DIRECTORY_LIST = 20,
  /* arguments[0] = file number: writes struct signet_file_status. */
  SIGNET_DIRECTORY_STATUS = 21,
  /* text = name, arguments[0] = 1: do not follow a link at the end. Writes struct signet_file_status. */
  SIGNET_DIRECTORY_STATUS_NAME = 22,
  /* arguments[0] = file number, [1] = length. */
  SIGNET_DIRECTORY_TRUNCATE = 23,
  /* arguments[0] = file number. */
  SIGNET_DIRECTORY_SYNC = 24,
  /* text = name, arguments[0] = permission bits. */
  SIGNET_DIRECTORY_MAKE = 25,
  /* text = name, arguments[0] = 1: a directory. */
  SIGNET_DIRECTORY_REMOVE = 26,
  /* text = old name, text2 = new name. Both in this tree. */
  SIGNET_DIRECTORY_RENAME = 27,
  /* text = target, text2 = name of the link. */
  SIGNET_DIRECTORY_LINK = 28,
  /* text = name: writes the target to the buffer, -> its length. */
  SIGNET_DIRECTORY_READ_LINK = 29,
  /* text = name, arguments[0] = permission bits. */
  SIGNET_DIRECTORY_PERMISSIONS = 30,
  /* text = name, arguments[0] = access time, [1] = modification time, nanoseconds since 1970; [2] = 1: do not follow a
     link. */
  SIGNET_DIRECTORY_TIMES = 31,

  /* Ports. arguments[0] = port, counted from the first that was granted, [1] = 1, 2 or 4 bytes, all of which were
     granted, at a multiple of their number; else ARGUMENT. -> the value. */
  SIGNET_PORTS_READ = 48,
  /* The same; [2] = value. */
  SIGNET_PORTS_WRITE = 49,
  /* arguments[0] = port: the buffer's bytes (at most 4096), one after another, to that port. -> bytes. */
  SIGNET_PORTS_WRITE_BYTES = 50,

  /* Interrupt. Waits until the line has interrupted since the last answer; -> how often. */
  SIGNET_INTERRUPT_WAIT = 56,

  /* Archive. arguments[0] = entry -> its length; SIGNET_DEVICE with ENOENT where there is none. Writes its name (32
     bytes, NUL-terminated) to the buffer if that is large enough. */
  SIGNET_ARCHIVE_STATUS = 64,
  /* arguments[0] = entry, [1] = offset. -> bytes, 0 at the end. EIO: the entry is damaged (its hash is not what the
     archive says). */
  SIGNET_ARCHIVE_READ = 65,

  /* Power. Ends the machine; the buffer holds how the system ended (struct signet_system_ending of system.h, an array
     of them); text, if there is any, is printed: why it did not start. */
  SIGNET_POWER_END = 72,
};

#define SIGNET_STREAM_IS_TERMINAL 1u
#define SIGNET_STREAM_IS_FILE 2u
#define SIGNET_STREAM_IS_PIPE 4u

#define SIGNET_OPEN_READ 1u
#define SIGNET_OPEN_WRITE 2u
#define SIGNET_OPEN_CREATE 4u
#define SIGNET_OPEN_EXCLUSIVE 8u
#define SIGNET_OPEN_TRUNCATE 16u
#define SIGNET_OPEN_APPEND 32u
#define SIGNET_OPEN_DIRECTORY 64u
#define SIGNET_OPEN_NO_FOLLOW 128u

struct signet_file_status {
  uint64_t device, inode;
  uint32_t mode; /* as Linux: type and permission bits */
  uint32_t links;
  uint64_t size;
  uint64_t blocks;                      /* of 512 bytes */
  uint64_t accessed, modified, changed; /* nanoseconds since 1970 */
};

struct signet_directory_entry {
  uint64_t inode;
  uint64_t next; /* position after this entry */
  uint16_t size; /* of this record, a multiple of 8 */
  uint8_t type;  /* as d_type of Linux */
  char name[];   /* NUL-terminated */
};

#endif
